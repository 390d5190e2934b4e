//! Marks of Markdown and HTML around a value or its name: `**value**`, `<code>value</code>`, `<b>name:</b>`.

use std::ops::Range;

use super::{MAX_VALUE, is_blank};

/// Tags that mark a text, without their brackets.
const TAGS: &[&str] = &["code", "b", "strong", "em", "i", "tt", "kbd", "pre"];

/// The value between marks that begin at `at`. A word alone is marked for other reasons.
pub(super) fn marked(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..(at + MAX_VALUE).min(bytes.len())];
    let value = match rest.first()? {
        b'*' => starred(rest)?,
        b'<' => tagged(rest)?,
        _ => return None,
    };
    (!is_word_or_measure(&rest[value.clone()])).then(|| at + value.start..at + value.end)
}

/// `optional`, `32-bytes`, `256bit`.
fn is_word_or_measure(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = &text[digits..];
    let unit = unit.strip_prefix(b"-").unwrap_or(unit);
    unit.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)
}

/// `**value**`, with as many stars behind it as before it.
fn starred(rest: &[u8]) -> Option<Range<usize>> {
    let stars = rest.iter().take_while(|byte| **byte == b'*').count();
    let len = rest[stars..].iter().position(|byte| *byte == b'*' || byte.is_ascii_whitespace())?;
    let after = &rest[stars + len..];
    let closing = after.iter().take_while(|byte| **byte == b'*').count();
    let is_whole = !after.get(closing).is_some_and(u8::is_ascii_alphanumeric);
    (stars <= 3 && closing == stars && len > 0 && is_whole).then_some(stars..stars + len)
}

/// `<code>value</code>`.
fn tagged(rest: &[u8]) -> Option<Range<usize>> {
    let end = rest.iter().take(10).position(|byte| *byte == b'>')?;
    let tag = &rest[1..end];
    let start = end + 1;
    let len = rest[start..].iter().position(|byte| *byte == b'<' || byte.is_ascii_whitespace())?;
    let closing = rest[start + len..].strip_prefix(b"</")?;
    (is_tag(tag) && len > 0 && closing.strip_prefix(tag)?.starts_with(b">")).then_some(start..start + len)
}

fn is_tag(tag: &[u8]) -> bool {
    TAGS.iter().any(|name| name.as_bytes() == tag)
}

/// Behind what closes a mark that was opened right before the name, and the blanks after it: `<b>name:</b> `.
pub(super) fn after_closed(bytes: &[u8], name: &Range<usize>, at: usize) -> Option<usize> {
    let closing = bytes[at..(at + 12).min(bytes.len())].strip_prefix(b"</")?;
    let tag = &closing[..memchr::memchr(b'>', closing)?];
    let opened = bytes[..name.start].strip_suffix(b">")?.strip_suffix(tag)?;
    let end = at + b"</>".len() + tag.len();
    let blanks = bytes[end..].iter().take(4).take_while(|byte| is_blank(**byte)).count();
    (is_tag(tag) && opened.ends_with(b"<")).then_some(end + blanks)
}

#[cfg(test)]
mod tests {
    use super::{after_closed, marked};

    #[test]
    fn marks_are_no_part_of_what_they_mark() {
        for (text, value) in [
            ("**v1** x", "v1"),
            ("*v1*.", "v1"),
            ("***v1***", "v1"),
            ("<code>v1</code>", "v1"),
            ("<strong>v1</strong>, x", "v1"),
        ] {
            assert_eq!(marked(text.as_bytes(), 0).map(|at| &text[at]), Some(value), "{text}");
        }
        for text in [
            "**v1*",
            "*v1 x*",
            "*v1*x",
            "**word**",
            "**32-bytes**",
            "*256bit*",
            "****",
            "*",
            "<code>v1</b>",
            "<x>v1</x>",
            "<b></b>",
            "<b>",
            "v1",
        ] {
            assert_eq!(marked(text.as_bytes(), 0), None, "{text}");
        }
        let closed = |text: &str| after_closed(text.as_bytes(), &(3..8), 9);
        assert_eq!(closed("<b>token:</b> v1"), Some(14));
        assert_eq!(closed("<b>token:</i> v1"), None);
        assert_eq!(closed("<b>token: v1"), None);
    }
}
