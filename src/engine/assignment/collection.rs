//! Several values under one name: `API_KEYS = ["…"]`, `passwords: {orders: "…"}`, and YAML's lists and maps. The first is read.

use std::ops::Range;

use super::{is_blank, is_name};

/// How far blanks, a line's end and a key may reach.
const MAX_KEY: usize = 64;

/// Where the first value of several stands, of which `at` is the beginning. Only behind a plural.
pub(super) fn first(bytes: &[u8], name: &Range<usize>, at: usize) -> Option<usize> {
    if !matches!(bytes[name.end - 1], b's' | b'S') {
        return None;
    }
    match bytes.get(at)? {
        b'[' => literal(bytes, after_whitespace(bytes, at + 1)),
        b'{' => {
            let key = after_whitespace(bytes, at + 1);
            literal(bytes, after_key(bytes, key)?)
        }
        b'\n' | b'\r' => below(bytes, name, at),
        _ => None,
    }
}

/// `keys:` and below it `- value` or `name: value`, indented.
fn below(bytes: &[u8], name: &Range<usize>, at: usize) -> Option<usize> {
    let before = &bytes[name.start.saturating_sub(MAX_KEY)..name.start];
    let line = &before[memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)..];
    if !line.iter().all(|byte| matches!(byte, b' ' | b'"' | b'\'')) {
        return None;
    }
    let start = at + usize::from(bytes[at] == b'\r') + 1;
    let indent = bytes.get(start..)?.iter().take(MAX_KEY).take_while(|byte| **byte == b' ').count();
    let item = start + indent;
    if bytes.get(item..)?.starts_with(b"- ") && indent >= line.len() {
        return Some(item + 2);
    }
    (indent > line.len()).then(|| after_key(bytes, item)).flatten()
}

/// Behind a key and its sign, where the value begins.
fn after_key(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at.min(bytes.len())..(at + MAX_KEY).min(bytes.len())];
    let quotes = usize::from(matches!(rest.first()?, b'"' | b'\''));
    let len = rest[quotes..].iter().take_while(|byte| is_name(**byte)).count();
    let end = quotes + len + quotes;
    let blanks = rest.get(end..)?.iter().take_while(|byte| is_blank(**byte)).count();
    let signs = match rest.get(end + blanks..)? {
        [b'=', b'>', ..] => 2,
        [b':' | b'=', ..] => 1,
        _ => return None,
    };
    let behind = end + blanks + signs;
    let blanks = rest.get(behind..)?.iter().take_while(|byte| is_blank(**byte)).count();
    (len > 0).then_some(at + behind + blanks)
}

fn after_whitespace(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take(MAX_KEY).take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn literal(bytes: &[u8], at: usize) -> Option<usize> {
    matches!(bytes.get(at), Some(b'"' | b'\'')).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn the_first_of_several_is_found() {
        let at = |text: &str| {
            let end = text.find("keys").unwrap() + 4;
            let sign = end + text[end..].find([':', '=']).unwrap() + 1;
            let at = sign + text[sign..].bytes().take_while(|byte| *byte == b' ').count();
            first(text.as_bytes(), &(end - 4..end), at).map(|at| text[at..].to_owned())
        };
        for text in [
            "keys = [\"v\"]",
            "keys = [\n    \"v\"]",
            "keys = { a = \"v\" }",
            "keys: {\"a\": \"v\"}",
            "keys = { 'a' => \"v\" }",
            "keys = {\n  a = \"v\"\n}",
            "keys:\n  - \"v\"",
            "keys:\n- \"v\"",
            "keys:\n  a: \"v\"",
            "  keys:\r\n    a: \"v\"",
        ] {
            assert!(at(text).is_some_and(|rest| rest.starts_with("\"v\"")), "{text}");
        }
        for text in ["keys = [v]", "keys = {v}", "keys:\na: \"v\"", "keys:\n", "keys = { \"v\" }", "if x, keys:\n  - v"]
        {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
