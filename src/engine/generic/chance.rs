//! Signs of code that chance puts into a password. Two side by side decide nothing in a value that is spelled at random; what
//! refers to something, or is code, has more: a name, and what closes it.

use super::{
    no_value::{is_path, is_variable},
    parts::AnyOf,
    value::{ValueKind, traits_of},
};

/// Is it spelled as what a generator or a person makes up?
pub(super) fn may_have_signs(value: &[u8], kind: ValueKind) -> bool {
    let is_made_up = kind == ValueKind::Random || kind == ValueKind::Mixed && value.iter().any(u8::is_ascii_digit);
    is_made_up && !value.contains(&b' ')
}

/// Does it refer to a value: `x-${NAME}`, `%(name)s`, `a:%s`?
pub(super) fn refers(value: &[u8], kind: ValueKind) -> bool {
    // `$kX9…`: variables are named.
    let is_random = kind == ValueKind::Random && value.len() >= 10;
    WHOLE_PARTS.is_in(value)
        || has_format(value)
        || OPENERS.iter().any(|(open, close)| opens(value, open.as_bytes(), close.as_bytes()))
        || !is_random && is_variable(value)
        || is_path(value, kind) && !has_marks(value)
}

/// Is it code, a pattern or a selector: `^[a-z]{8}$`, `Auth::user(`?
pub(super) fn is_code(value: &[u8]) -> bool {
    let pairs = value.windows(2).filter(|pair| PATTERN_PAIRS.contains(pair)).count();
    let is_whole = value.first() == Some(&b'^') && (pairs > 0 || value.last() == Some(&b'$'));
    let is_edge = [&b".*"[..], b".+"].iter().any(|any| value.starts_with(any) || value.ends_with(any));
    CODE_PARTS.is_in(value) || is_whole || is_edge || pairs >= 2 || has_escape(value) || joins(value)
}

/// `(mT4zq9!Lz#2)`: brackets that are a password's own, not those of a note.
pub(super) fn is_bracketed(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")"));
    inner.is_some_and(|inner| inner.iter().any(is_mark))
}

fn is_mark(byte: &u8) -> bool {
    b"!@#$%^&*+=?~".contains(byte)
}

/// Marks that no path has.
fn has_marks(value: &[u8]) -> bool {
    value.iter().filter(|byte| b"!@#$%^&*?~<>{}[]".contains(byte)).count() >= 2
}

/// `%s` that nothing but a separator touches.
fn has_format(value: &[u8]) -> bool {
    let separates = |byte: Option<&u8>| byte.is_none_or(|byte| b"-_:/.,=% ".contains(byte));
    memchr::memmem::find_iter(value, b"%s")
        .any(|at| separates(at.checked_sub(1).map(|before| &value[before])) && separates(value.get(at + 2)))
}

/// Does `open` stand there with a name behind it, or a name alone between it and `close`?
fn opens(value: &[u8], open: &[u8], close: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-:|()[]'\"$".contains(byte);
    memchr::memmem::find_iter(value, open).any(|at| {
        let inner = &value[at + open.len()..];
        let inner = inner.strip_prefix(b"=").unwrap_or(inner);
        let closed = memchr::memmem::find(inner, close).filter(|_| !close.is_empty());
        let is_closed = closed.is_some_and(|end| {
            let inner = &inner[..end];
            inner.first().is_some_and(u8::is_ascii_alphanumeric) && inner.iter().all(is_part)
        });
        let len = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        is_closed || is_name(&inner[..len])
    })
}

/// What variables and functions are called: words, or capitals.
fn is_name(text: &[u8]) -> bool {
    let is_capital = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    text.len() >= 3 && text[0].is_ascii_alphabetic() && (text.iter().all(is_capital) || traits_of(text).coverage >= 0.6)
}

/// A line's end or a tab, written as in code. Behind two backslashes it is a letter.
fn has_escape(value: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', value).any(|at| {
        let slashes = value[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        slashes % 2 == 0 && matches!(value.get(at + 1), Some(b'n' | b't'))
    })
}

/// `.$config[`, `.get_user(`: what stands between two texts and joins them.
fn joins(value: &[u8]) -> bool {
    let name = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let opened = match value {
        [b'.' | b'+', b'$', rest @ ..] => Some(&rest[..name(rest)]),
        _ => None,
    };
    let closed = value.strip_suffix(b"(").or_else(|| value.strip_suffix(b"["));
    let closed = closed.map(|before| {
        let len = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        &before[before.len() - len..]
    });
    let is_both = opened.is_some() && closed.is_some();
    is_both || opened.is_some_and(is_name) || closed.is_some_and(is_name)
}

/// What no chance puts into a value.
static WHOLE_PARTS: AnyOf = AnyOf::new(&["://", "{0}", "...", "…", "***"]);
/// What opens a reference, and what closes it.
const OPENERS: &[(&str, &str)] = &[
    ("${", "}"),
    ("$(", ")"),
    ("#{", "}"),
    ("@{", "}"),
    ("%(", ")"),
    ("%[", "]"),
    ("{{", "}}"),
    ("<%", "%>"),
    ("<?", "?>"),
    ("[[", "]]"),
    (":$", ""),
    ("$$", ""),
];
/// Of what regular expressions have, what chance may make; two of them are no chance.
const PATTERN_PAIRS: &[&[u8]] = &[b".*", b".+", b"(?", b"[^", b"\\w", b"\\d", b"\\s", b"\\b", b"]{", b"]+", b"]*"];
#[rustfmt::skip]
static CODE_PARTS: AnyOf = AnyOf::new(&[
    "[a-z", "[A-Z", "[0-9", "\\d{", "\\w+", "\\d+", "\\s+", "\\w{", "()", "</", ":\"", "=\\\"", "[-1]", "[*]",
    "required|", "|required", "|min:", "|max:", "between:", "digits:", "|confirmed", "confirmed|", "exists:", "unique:", "regex:",
]);

#[cfg(test)]
mod tests {
    use super::{ValueKind, is_bracketed, is_code, may_have_signs, refers};

    #[test]
    fn chance_makes_pairs_and_no_names() {
        for value in [
            "^7XLD6kV!2zYr55",
            "1hZ.*x!F_6MawWu",
            "a&ZjOzC*4$$A#7",
            "S1r&&eoaDuoR4x",
            "ls%s7gKk%&HSY",
            "gB7t]<%ny)_2Lp",
            "Rw!a-@[9%x(?#e",
            "juz+RI?ciWM{$qv-0(",
            "bd4-%T@%[f2Kjka+",
            "Xk9#{mQ2vR7pL",
            "QgB7t::Kny)_2Lp",
            "+$9xKm2!vQpL7",
            "Kran\\\\wagen#2017",
            "mT4\\\\tq9!Lz#2",
            "$kX9!mQ2vR7pL",
            "k7/Q.x2#mZ/p!9",
        ] {
            assert!(!refers(value.as_bytes(), ValueKind::Random) && !is_code(value.as_bytes()), "{value}");
        }
        for value in [
            "x1-${NAME}",
            "x1-${cfg2",
            "%(name)s7",
            "a1:%s",
            "%s-7",
            "%[3]s",
            "a7#{user.id}",
            "a1:$PASS",
            "x9{{ pw1 }}",
            "k3://x",
        ] {
            assert!(refers(value.as_bytes(), ValueKind::Mixed) || value.contains(' '), "{value}");
        }
        for value in [
            "^x{8}$",
            "^[^@]{8}",
            "[a-z0-9]8",
            "x7.*",
            "k3\\nq9",
            "koanf:\"argon2\"",
            ".$config[",
            "x1.get_user(",
            "a7\\d{3}",
        ] {
            assert!(is_code(value.as_bytes()), "{value}");
        }
        assert!(is_bracketed(b"(mT4zq9!Lz#2)") && !is_bracketed(b"(optional1)"));
        assert!(may_have_signs(b"Kran#2017", ValueKind::Mixed) && !may_have_signs(b"Kran#", ValueKind::Mixed));
    }
}
