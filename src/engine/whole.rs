//! How far a secret goes that its pattern ends too early: patterns end at the first sign that a secret rarely has, and where
//! quotes, a URL or a list of settings stand around it, those say where it ends.

use std::ops::Range;

use super::quotes::{self, Quote};

/// How far behind its first byte the end of a secret is looked for, and before a list the quotes around it.
pub(super) const MAX: usize = 240;

/// The end of a quoted secret whose pattern stopped inside the quotes: `-p'kettle&7'`. `from` is where the quoted text begins, at the
/// secret or at the user's name before it.
pub(super) fn quoted_end(bytes: &[u8], from: usize, end: usize) -> Option<usize> {
    let mark = from.checked_sub(1).filter(|at| matches!(bytes[*at], b'"' | b'\''))?;
    quotes::end_of(bytes, from, from + MAX, Quote::at(bytes, mark)).filter(|close| *close > end)
}

/// The end of a password in a URL: people write `@` in it as it is, and what comes behind the last one is the host.
pub(super) fn login_end(bytes: &[u8], secret: &Range<usize>) -> Option<usize> {
    let rest = bytes.get(secret.end..(secret.start + MAX).min(bytes.len()))?;
    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte < b' ' || b"/?#\"'<>\\`{}|^[]$,;&=:()".contains(byte);
    let is_last = secret.end + rest.len() == bytes.len();
    let login = &rest[..rest.iter().position(ends).or_else(|| is_last.then_some(rest.len()))?];
    let last = memchr::memrchr(b'@', login).filter(|at| *at > 0 && login[0] == b'@')?;
    login.get(last + 1).is_some_and(u8::is_ascii_alphanumeric).then_some(secret.end + last)
}

#[cfg(test)]
mod tests {
    use super::{login_end, quoted_end};

    #[test]
    fn a_login_ends_at_its_last_mark() {
        for (rest, whole) in [
            ("abcd@h/p", None),
            ("abcd@ef@h/p@q", Some("abcd@ef")),
            ("abcd@ef@gh@h:1/", Some("abcd@ef@gh")),
            ("abcd@ef@h", Some("abcd@ef")),
            ("abcd@h1:1,u:efgh@h2:1/", None),
            ("abcd@h mail@h2 ", None),
            ("abcd@h@", None),
        ] {
            let text = format!("x://u:{rest}");
            let end = login_end(text.as_bytes(), &(6..10));
            assert_eq!(end.map(|end| &text[6..end]), whole, "{text}");
        }
    }

    #[test]
    fn quotes_say_where_a_secret_ends() {
        assert_eq!(quoted_end(b"-p'a&b c' x", 3, 4), Some(8));
        assert_eq!(quoted_end(b"-p'ab' 'c'", 3, 5), None);
        assert_eq!(quoted_end(b"-pa&b'", 2, 3), None);
        assert_eq!(quoted_end(b"'a&b\n'", 1, 2), None);
    }
}
