//! Characters that XML writes as entities.

use std::borrow::Cow;

use super::super::{input::lossy, near::first_of};

/// Text with its entities resolved: the five of XML, and numbers. A number that is no character is replaced.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    resolved(lossy(bytes))
}

/// The same of what is text already.
pub(super) fn resolved(text: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = first_of([b'&'; 3], rest.as_bytes(), 0) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.as_bytes().iter().take(12).position(|byte| *byte == b';').map(|end| &rest[1..end]);
        match entity.and_then(|entity| Some((entity, character(entity)?))) {
            Some((entity, character)) => {
                out.push(character);
                rest = &rest[entity.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(entity: &str) -> Option<char> {
    let code = match entity {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => match entity.strip_prefix("#x").or(entity.strip_prefix("#X")) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => entity.strip_prefix('#')?.parse().ok()?,
        },
    };
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}
