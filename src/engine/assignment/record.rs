//! Records with one field for a name and one for its value.

use std::ops::Range;

use super::{Assigned, Cursor, MAX_APART, Syntax, before::earlier_field, is_blank, is_name, trim_end};

/// The value of a record whose other field is the name: `"name": "DB_PASSWORD", "value": "…"`, `<add key="ApiKey"
/// value="…"/>`, `variable "db_password" { default = "…" }`. `closed` is where the name and its quote end.
pub(super) fn apart(bytes: &[u8], name: &Range<usize>, closed: usize) -> Option<Assigned> {
    let before = &bytes[name.start.saturating_sub(40)..name.start];
    let is_quoted_name = matches!(before.last(), Some(b'"' | b'\''));
    let field = trim_end(before, b"\"' \t");
    let is_variable = is_quoted_name && field.ends_with(b"variable");
    let name_field = field
        .strip_suffix(b":")
        .or_else(|| field.strip_suffix(b"="))
        .map(|field| trim_end(field, b"\"'` \t"))
        .and_then(name_field);
    if !is_variable && name_field.is_none()
        || !is_quoted_name && !matches!(bytes.get(closed), Some(b'\n' | b'\r' | b',' | b' '))
    {
        return None;
    }
    let rest = &bytes[closed..(closed + MAX_APART).min(bytes.len())];
    // The record ends where its bracket closes, or the next one begins.
    let end = memchr::memchr3(b'}', b'>', b']', rest).unwrap_or(rest.len());
    if let Some(record) = is_quoted_name.then(|| element(bytes, name, closed, &rest[end..])).flatten() {
        return Some(record);
    }
    // A statement of SQL ends with its name.
    let rest = if bytes.get(closed) == Some(&b';') { &[] } else { &rest[..end] };
    let fields: &[&str] = if is_variable { &["default"] } else { VALUE_FIELDS };
    let next = memchr::memchr_iter(b'\n', rest).find(|at| rest[at + 1..].trim_ascii_start().starts_with(b"- "));
    let rest = &rest[..next.unwrap_or(rest.len())];
    let Some(at) = fields.iter().filter_map(|field| field_end(rest, field.as_bytes())).min() else {
        return earlier_field(bytes, name, name.start - before.len() + name_field?);
    };
    let mut cursor = Cursor { bytes, name: name.clone(), at: closed + at };
    cursor.skip_while(1, |b| b == b'\\');
    cursor.skip_while(1, |b| matches!(b, b'"' | b'\''));
    cursor.skip_while(16, is_blank);
    if !matches!(cursor.peek(), Some(b':' | b'=')) {
        return None;
    }
    cursor.at += 1;
    cursor.skip_while(16, is_blank);
    let value = cursor.value(Syntax::Apart)?;
    Some(Assigned::new(bytes, name.clone(), value, Syntax::Apart))
}

/// Where the word begins that says that a name follows, at the end of `field`.
fn name_field(field: &[u8]) -> Option<usize> {
    NAME_FIELDS.iter().find_map(|name| {
        let at = field.len().checked_sub(name.len())?;
        let is_word = !field[..at].last().is_some_and(u8::is_ascii_lowercase);
        (field[at..].eq_ignore_ascii_case(name.as_bytes()) && is_word).then_some(at)
    })
}

/// `<setting name="SmtpPassword"><value>…</value>`. `rest` begins with what ends the tag.
fn element(bytes: &[u8], name: &Range<usize>, closed: usize, rest: &[u8]) -> Option<Assigned> {
    let inner = rest.strip_prefix(b">")?.trim_ascii_start().strip_prefix(b"<value>")?;
    let end = closed + bytes[closed..].len().min(MAX_APART);
    let mut cursor = Cursor { bytes, name: name.clone(), at: end - inner.len() };
    let value = cursor.value(Syntax::Tag)?;
    Some(Assigned::new(bytes, name.clone(), value, Syntax::Apart))
}

/// Names of the fields that hold a name, and of those that hold its value.
const NAME_FIELDS: &[&str] = &["name", "key", "parameterkey", "variable", "field"];
pub(super) const VALUE_FIELDS: &[&str] = &["value", "Value", "VALUE", "ParameterValue", "defaultValue", "val"];

/// Where the first field of this name ends, as a word of its own that a colon or equals sign follows.
fn field_end(rest: &[u8], field: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(rest, field).map(|at| (at, at + field.len())).find_map(|(start, end)| {
        let is_start = start == 0 || !is_name(rest[start - 1]);
        let after = rest[end..].iter().find(|byte| !matches!(**byte, b'"' | b'\'' | b'\\' | b' ' | b'\t'));
        (is_start && matches!(after, Some(b':' | b'='))).then_some(end)
    })
}
