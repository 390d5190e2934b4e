//! Options and parameters as they are declared, with a default: `add_argument("--password", default="…")`, clap's
//! `default_value = "…"` above a field, and the parameters of CloudFormation.

use std::ops::Range;

use super::{Assigned, MAX_APART, Syntax, is_blank, is_name};
use crate::engine::quotes::{self, Quote};

/// How the argument is called that is a default.
const DEFAULTS: &[&str] = &["default", "default_value", "defaultValue"];

/// Where the quote of the default stands among the arguments that begin at `at`.
pub(super) fn among_arguments(bytes: &[u8], at: usize) -> Option<usize> {
    let limit = (at + MAX_APART).min(bytes.len());
    let (mut at, mut depth) = (at, 0usize);
    while at < limit {
        match bytes[at] {
            b'"' | b'\'' => at = quotes::end_of(bytes, at + 1, limit, Quote { mark: bytes[at], depth: 0 })? + 1,
            b'(' | b'[' | b'{' => (at, depth) = (at + 1, depth + 1),
            b')' | b']' | b'}' => (at, depth) = (at + 1, depth.checked_sub(1)?),
            byte if is_name(byte) => {
                let len = bytes[at..limit].iter().take_while(|byte| is_name(**byte)).count();
                let word = &bytes[at..at + len];
                at += len;
                if depth == 0 && DEFAULTS.iter().any(|default| default.as_bytes() == word) {
                    let rest = &bytes[at..limit];
                    let sign = rest.iter().position(|byte| !is_blank(*byte))?;
                    let value = sign + 1 + rest[sign + 1..].iter().take_while(|byte| is_blank(**byte)).count();
                    let is_literal = matches!(rest.get(value), Some(b'"' | b'\''));
                    return (matches!(rest[sign], b'=' | b':') && is_literal).then_some(at + value);
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// `#[arg(long, default_value = "…")] password: String`: the attribute of a field.
pub(super) fn attribute(bytes: &[u8], name: &Range<usize>) -> Option<Assigned> {
    if !bytes[name.end..].starts_with(b": ") {
        return None;
    }
    let before = &bytes[name.start.saturating_sub(MAX_APART)..name.start];
    let trimmed = before.trim_ascii_end();
    let trimmed = trimmed.strip_suffix(b"pub").unwrap_or(trimmed).trim_ascii_end();
    if !trimmed.ends_with(b")]") {
        return None;
    }
    let open = memchr::memmem::rfind(trimmed, b"#[")?;
    let arguments = open + memchr::memchr(b'(', &trimmed[open..])? + 1;
    let start = name.start - before.len();
    let mark = among_arguments(bytes, start + arguments)?;
    let end = quotes::end_of(bytes, mark + 1, start + trimmed.len(), Quote::at(bytes, mark))?;
    (end > mark + 1).then(|| Assigned::new(bytes, name.clone(), (mark + 1..end, true), Syntax::Default))
}

/// A template's parameter: `DBPassword:` and, indented below it, `Type: String` and `Default: …`. Where the latter's value
/// begins; `at` is where the name's line ends.
pub(super) fn parameter(bytes: &[u8], name: &Range<usize>, at: usize) -> Option<usize> {
    let rest = &bytes[at..(at + MAX_APART).min(bytes.len())];
    let lines = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    let before = &bytes[name.start.saturating_sub(40)..name.start];
    let line = &before[memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)..];
    let indent_of = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    if !line.iter().all(|byte| *byte == b' ') {
        return None;
    }
    let mut start = at + rest.len() - lines.len();
    let (mut is_typed, mut value) = (false, None);
    for below in lines.split(|byte| *byte == b'\n').take_while(|below| indent_of(below) > line.len()) {
        let field = below.trim_ascii_start();
        is_typed |= field.starts_with(b"Type: ");
        value = if field.starts_with(b"Default: ") { Some(start + below.len() - field.len() + 9) } else { value };
        start += below.len() + 1;
    }
    value.filter(|_| is_typed)
}

#[cfg(test)]
mod tests {
    use super::among_arguments;

    #[test]
    fn a_default_is_found_among_arguments() {
        let at = |text: &str| among_arguments(text.as_bytes(), 0).map(|at| text[at..].to_owned());
        for text in [
            " default=\"v\")",
            " type=str, default=\"v\", help=\"x\")",
            " help=\"a default='x'\", default = \"v\")",
            " type=f(x), default=\"v\")",
            " \"-p\", default=\"v\")",
            " default: \"v\" })",
        ] {
            assert!(at(text).is_some_and(|rest| rest.starts_with("\"v\"")), "{text}");
        }
        for text in [" default=None)", ") default=\"v\"", " f(default=\"v\"))", " defaults=\"v\")", " \"v\"", ""] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
