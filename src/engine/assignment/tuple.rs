//! Several names that are set at once: `user, password = "…", "…"`.

use std::ops::Range;

use super::{Assigned, MAX_NAME, MAX_VALUE, Syntax, before::nth_literal, is_name};

/// How far before its name the names of a statement may begin.
const MAX_NAMES: usize = 120;

/// The value at the name's place in a row of literals, if the name is one of several that are set at once.
pub(super) fn in_tuple(bytes: &[u8], name: &Range<usize>) -> Option<Assigned> {
    let before = &bytes[name.start.saturating_sub(MAX_NAMES)..name.start];
    let after = &bytes[name.end..(name.end + MAX_NAME).min(bytes.len())];
    let is_first = after.starts_with(b",");
    if !is_first && !before.ends_with(b", ") && !before.ends_with(b", $") {
        return None;
    }
    let sign = after.iter().position(|byte| !is_part(*byte))?;
    let rest = after[sign..].strip_prefix(b":").unwrap_or(&after[sign..]).strip_prefix(b"=")?;
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    let is_whole = line.len() < before.len() || before.len() == name.start;
    let names = line.trim_ascii_start();
    let declared = ["const ", "let ", "var ", "local "].iter().find_map(|word| names.strip_prefix(word.as_bytes()));
    let names = declared.unwrap_or(names);
    if !is_whole || !names.iter().all(|byte| is_part(*byte)) || !is_row(names) || !is_row(&after[..sign]) {
        return None;
    }
    let start = name.end + (after.len() - rest.len());
    let row = &bytes[start..(start + MAX_VALUE).min(bytes.len())];
    let end = start + memchr::memchr(b'\n', row).unwrap_or(row.len());
    let index = memchr::memchr_iter(b',', names).count();
    let value = nth_literal(bytes, start..end, index)?;
    // `var user, password = "…", host = "…"` sets one after the other.
    let is_element = matches!(bytes[start..value.start - 1].trim_ascii_end().last(), None | Some(b','));
    is_element.then(|| Assigned::new(bytes, name.clone(), (value, true), Syntax::Assign))
}

/// What names of variables and commas between them are made of.
fn is_part(byte: u8) -> bool {
    is_name(byte) || matches!(byte, b',' | b' ' | b'$' | b'@')
}

/// Are these single words, with a comma behind each but the last?
fn is_row(names: &[u8]) -> bool {
    names.split(|byte| *byte == b',').all(|name| !name.trim_ascii().contains(&b' '))
}
