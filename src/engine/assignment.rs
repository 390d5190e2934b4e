//! Reads an assignment around a keyword: `DB_PASSWORD=…`, `"token": "…"`, `secret => '…'`, `<password>…</password>`.
//!
//! A hand-written machine instead of a regex: words such as `token` stand a hundred times in a megabyte of code, and
//! nearly all of those places are settled within 20 bytes.

use std::ops::Range;

/// What was assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assigned {
    /// The whole name, with the keyword in it.
    pub(super) name: Range<usize>,
    /// The value, without quotes. Never empty, never across lines.
    pub(super) value: Range<usize>,
    /// Does it stand between quotes or tags?
    pub(super) is_quoted: bool,
}

const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

/// How many bytes before the keyword and after it the machine may look at.
pub(super) const REACH: usize = MAX_NAME + MAX_VALUE + 64;

/// Reads the assignment to the name that has the keyword at `keyword`.
pub(super) fn parse(bytes: &[u8], keyword: Range<usize>) -> Option<Assigned> {
    let name = name_around(bytes, keyword)?;
    let mut at = Cursor { bytes, name_start: name.start, at: name.end };
    at.skip_while(1, |b| b == b'\\');
    at.skip_while(2, |b| matches!(b, b'"' | b'\'' | b'`' | b']' | b')'));
    at.skip_while(8, is_blank);
    if !at.operator() {
        return None;
    }
    at.skip_while(16, is_blank);
    let tag = at.bytes.get(at.at.wrapping_sub(1)) == Some(&b'>') && at.bytes.get(at.at.wrapping_sub(2)) != Some(&b'=');
    let (value, is_quoted) = at.value(tag)?;
    Some(Assigned { name, value, is_quoted })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn name_around(bytes: &[u8], keyword: Range<usize>) -> Option<Range<usize>> {
    let left = bytes[..keyword.start].iter().rev().take(MAX_NAME + 1).take_while(|byte| is_name(**byte)).count();
    let right = bytes[keyword.end..].iter().take(MAX_NAME + 1).take_while(|byte| is_name(**byte)).count();
    (left <= MAX_NAME && right <= MAX_NAME).then(|| keyword.start - left..keyword.end + right)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    name_start: usize,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_while(&mut self, most: usize, is: impl Fn(u8) -> bool) {
        let end = (self.at + most).min(self.bytes.len());
        while self.at < end && is(self.bytes[self.at]) {
            self.at += 1;
        }
    }

    /// Moves past `=`, `:`, `:=`, `=>`, `?=`, `||=`, `,` or `>`, with a type between colon and equals sign if need be.
    fn operator(&mut self) -> bool {
        match self.peek() {
            // A path such as `secret::Store` assigns nothing.
            Some(b':') if self.bytes.get(self.at + 1) == Some(&b':') => false,
            Some(b':') => {
                self.at += 1;
                let back = self.at;
                if !matches!(self.peek(), Some(b'=')) {
                    self.skip_while(4, is_blank);
                    self.skip_while(24, |b| is_name(b) || matches!(b, b'&' | b'<' | b'>' | b'?' | b'\''));
                    self.skip_while(4, is_blank);
                }
                let typed = self.peek() == Some(b'=') && self.bytes.get(self.at + 1) != Some(&b'=');
                self.at = if typed { self.at + 1 } else { back };
                true
            }
            Some(b'=' | b'?' | b'|' | b'+') => {
                self.skip_while(2, |b| matches!(b, b'?' | b'|' | b'+'));
                let start = self.at;
                self.skip_while(3, |b| b == b'=');
                let found = self.at > start;
                self.skip_while(1, |b| b == b'>');
                found
            }
            // `set("password", "…")`: the key is the first argument, and quoted.
            Some(b',') => {
                self.at += 1;
                self.is_first_argument()
            }
            Some(b'>') => {
                self.at += 1;
                true
            }
            _ => false,
        }
    }

    /// Does the quoted name stand directly after an opening parenthesis or bracket?
    fn is_first_argument(&self) -> bool {
        let before = self.bytes[..self.name_start].trim_ascii_end();
        let opened = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'"));
        opened.is_some_and(|rest| matches!(rest.trim_ascii_end().last(), Some(b'(' | b'[')))
    }

    fn value(&mut self, tag: bool) -> Option<(Range<usize>, bool)> {
        let before_prefix = self.at;
        self.skip_while(2, |b| matches!(b, b'b' | b'r' | b'f' | b'u' | b'L' | b'N' | b'@' | b'\\'));
        let limit = (self.at + MAX_VALUE).min(self.bytes.len());
        if let Some(quote @ (b'"' | b'\'' | b'`')) = self.peek() {
            let escaped = self.bytes[self.at - 1] == b'\\';
            self.at += 1;
            let start = self.at;
            let rest = self.bytes.get(start..limit)?;
            let end = start + rest.iter().position(|&byte| byte == quote || byte == b'\n')?;
            let value = start..end - usize::from(escaped && end > start && self.bytes[end - 1] == b'\\');
            return (self.bytes[end] == quote && !value.is_empty()).then_some((value, true));
        }
        self.at = before_prefix;
        let start = self.at;
        let ends = |b: u8| {
            b.is_ascii_whitespace()
                || matches!(b, b'"' | b'\'' | b'<' | b'>' | b',' | b';' | b')' | b'&' | b'}' | b']' | b'|' | 0)
        };
        let rest = self.bytes.get(start..limit)?;
        let len =
            rest.iter().position(|&byte| ends(byte)).or_else(|| (limit == self.bytes.len()).then_some(rest.len()))?;
        let closing = rest.get(len..).unwrap_or_default();
        (len > 0).then(|| (start..start + len, tag && closing.starts_with(b"</")))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn value_of(text: &str) -> Option<(String, bool)> {
        let start = text.to_ascii_lowercase().find("token").unwrap();
        parse(text.as_bytes(), start..start + 5).map(|found| (text[found.value].to_owned(), found.is_quoted))
    }

    #[test]
    fn values_are_read_in_the_usual_notations() {
        for (text, value, quoted) in [
            ("TOKEN=abc123", "abc123", false),
            ("export MY_TOKEN_X='a b'", "a b", true),
            ("\"token\": \"v\"", "v", true),
            ("{\\\"token\\\":\\\"v1\\\"}", "v1", true),
            ("token => 'v'", "v", true),
            ("let token: &str = \"v\";", "v", true),
            ("token := `v`", "v", true),
            ("<token>v1</token>", "v1", true),
            ("token: v1 # note", "v1", false),
            ("os.environ[\"TOKEN\"] = b\"v\"", "v", true),
            ("--token=v1 --x", "v1", false),
            ("x?token=v1&y=2", "v1", false),
            ("set(\"token\", \"v\")", "v", true),
        ] {
            assert_eq!(value_of(text), Some((value.to_owned(), quoted)), "{text}");
        }
    }

    #[test]
    fn what_assigns_nothing_is_left() {
        for text in [
            "the token is here",
            "token()",
            "token = \"open",
            "token",
            "token =",
            "token::Kind > x",
            "f(a, \"token\", \"v\")",
        ] {
            assert_eq!(value_of(text), None, "{text}");
        }
    }
}
