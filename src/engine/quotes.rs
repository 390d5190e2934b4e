//! Where a quoted text ends. A quotation mark that its notation escapes or doubles is part of it.

/// How a text is quoted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quote {
    /// The mark on either side of it.
    pub(super) mark: u8,
    /// How many backslashes stand before these marks: none, unless the text is part of a quoted one.
    pub(super) depth: usize,
}

impl Quote {
    /// The mark at `at`, with the backslashes before it.
    pub(super) fn at(bytes: &[u8], at: usize) -> Quote {
        Quote { mark: bytes[at], depth: slashes(&bytes[..at]) }
    }
}

/// Most backslashes before a mark that are counted: three levels of quotes in quotes.
const MAX_SLASHES: usize = 8;

/// How many backslashes a text ends with.
fn slashes(text: &[u8]) -> usize {
    text.iter().rev().take(MAX_SLASHES).take_while(|byte| **byte == b'\\').count()
}

/// Where the quoted text ends that begins at `start`: at its closing mark, or the backslashes before that. `None` if there is no
/// such mark on its line before `limit`.
pub(super) fn end_of(bytes: &[u8], start: usize, limit: usize, quote: Quote) -> Option<usize> {
    let text = bytes.get(start..limit.min(bytes.len()))?;
    let cut = |end: usize| start + end - slashes(&text[..end]).min(quote.depth);
    // The first mark that may be part of the text, and what stands behind it. In SQL, PowerShell and others a backslash
    // escapes nothing, so `'C:\', 'D:\'` are two texts.
    let mut inner: Option<(usize, usize)> = None;
    let mut at = 0;
    while let Some(step) = memchr::memchr2(quote.mark, b'\n', &text[at..]) {
        let here = at + step;
        if text[here] == b'\n' {
            break;
        }
        match inner_len(text, here, quote) {
            0 => {
                return Some(cut(inner
                    .filter(|(_, behind)| !is_one(text, *behind, here))
                    .map_or(here, |(end, _)| end)));
            }
            len => {
                inner.get_or_insert((here, here + len));
                at = here + len;
            }
        }
    }
    inner.map(|(end, _)| cut(end))
}

/// How many bytes from the mark at `at` on stand for a mark in the text: 0 if it closes the text.
fn inner_len(text: &[u8], at: usize, quote: Quote) -> usize {
    let slashes = slashes(&text[..at]);
    if slashes > quote.depth && slashes % 2 == 1 {
        return 1;
    }
    if at == 0 || quote.depth > 0 {
        return 0;
    }
    let rest = &text[at + 1..];
    match quote.mark {
        // PowerShell's.
        b'"' if is_behind_backtick(text, at) => 1,
        // Doubled: SQL, Visual Basic, CSV, YAML.
        mark if rest.first() == Some(&mark) => 2,
        // `'it'\''s'`, `'it'"'"'s'`: a shell's.
        b'\'' if rest.starts_with(br"\''") => 4,
        b'\'' if rest.starts_with(br#""'"'"#) => 5,
        _ => 0,
    }
}

/// Is the mark at `at` escaped by a backtick? Not by one that closes what another opened.
fn is_behind_backtick(text: &[u8], at: usize) -> bool {
    if text[..at].last() != Some(&b'`') {
        return false;
    }
    // Those before `$` and a mark escape them.
    let is_one = |tick: &usize| text[*tick] == b'`' && !matches!(text[*tick + 1], b'$' | b'"');
    at > 1 && (0..at - 1).filter(is_one).count() % 2 == 0
}

/// Is what stands between an inner mark and the closing one more of the same text, and not what separates two?
fn is_one(text: &[u8], behind: usize, end: usize) -> bool {
    let between = text.get(behind..end).unwrap_or_default();
    let separates = between.trim_ascii_start().first().is_some_and(|byte| b",;:=)]}+.&|-".contains(byte));
    let has_blank = between.iter().any(|byte| matches!(byte, b' ' | b'\t'));
    let goes_on = text.get(end + 1).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$\"'`".contains(byte));
    !(goes_on || separates && has_blank)
}

#[cfg(test)]
mod tests {
    use super::{Quote, end_of};

    /// The text that is quoted by the mark at `at`.
    fn quoted(text: &str, at: usize) -> Option<&str> {
        end_of(text.as_bytes(), at + 1, text.len(), Quote::at(text.as_bytes(), at)).map(|end| &text[at + 1..end])
    }

    #[test]
    fn inner_marks_end_nothing() {
        for (text, whole) in [
            (r#""ab", "c""#, "ab"),
            (r#""a\"b""#, r#"a\"b"#),
            (r#""a\"b\"", 1"#, r#"a\"b\""#),
            (r#""a\\", "c""#, r"a\\"),
            (r"'a\'b';", r"a\'b"),
            ("'a''b')", "a''b"),
            ("\"a\"\"b\"\n\"c\"", "a\"\"b"),
            ("'a''';", "a''"),
            (r"'a'\''b' c", r"a'\''b"),
            (r#"'a'"'"'b'"#, r#"a'"'"'b"#),
            (r#"'a"b'"#, r#"a"b"#),
            (r#""a\" b""#, r#"a\" b"#),
            (r#""a`"b""#, r#"a`"b"#),
            (r#""a`$b`"c""#, r#"a`$b`"c"#),
        ] {
            assert_eq!(quoted(text, 0), Some(whole), "{text}");
        }
    }

    #[test]
    fn texts_of_two_are_told_apart() {
        for (text, first) in [
            (r"'C:\', 'b')", r"C:\"),
            (r"'a\','b')", r"a\"),
            (r#""a\" b = "c""#, r"a\"),
            (r"'a\' + $b + '\c'", r"a\"),
            (r"'a\'", r"a\"),
            (r#""a `b`", "c""#, "a `b`"),
            (r#""a`" + "c""#, "a`"),
            ("'', 'b'", ""),
            ("'a'', 'b'", "a"),
            (r#""a\","b"]"#, r"a\"),
        ] {
            assert_eq!(quoted(text, 0), Some(first), "{text}");
        }
        for open in ["'a", "'a\n'", "\"a'"] {
            assert_eq!(quoted(open, 0), None, "{open}");
        }
    }

    #[test]
    fn texts_in_texts_end_where_their_own_marks_stand() {
        for (text, inner) in [
            (r#"{\"k\":\"v\"}"#, "v"),
            (r#"\"k\":\"a\\\"b\"}"#, r#"a\\\"b"#),
            (r#"\\\"k\\\":\\\"v\\\"}"#, "v"),
            (r#"\"k\":\"v""#, "v"),
        ] {
            let at = text.find(':').unwrap();
            let at = at + text[at..].find('"').unwrap();
            assert_eq!(quoted(text, at), Some(inner), "{text}");
        }
    }
}
