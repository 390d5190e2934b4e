//! Values that stand before their names: `"…".equals(password)`, `SET value = '…' WHERE name = 'token'`,
//! `app:…@tcp(db1:3306)`; and those that a list of columns names: `INSERT INTO users (name, password) VALUES (…)`, the first row
//! of a table.

use std::ops::Range;

use memchr::memmem;

use super::{Assigned, Cursor, MAX_APART, MAX_NAME, MAX_VALUE, Syntax, is_blank, is_name, record::VALUE_FIELDS};
use crate::{
    engine::quotes::{self, Quote},
    rule::ByteSet,
};

/// `"…".equals(password)`, `'…' == $password`, `compare_digest("…", token)`: a literal that a name is compared with. `None` if
/// it is compared with nothing that stands before it; a name that is assigns nothing, even if the literal is empty.
pub(super) fn compared(bytes: &[u8], name: &Range<usize>) -> Option<Option<Assigned>> {
    let start = name.start.saturating_sub(MAX_VALUE);
    let before = &bytes[start..name.start];
    let before = before.strip_suffix(b"$").or_else(|| before.strip_suffix(b"@")).unwrap_or(before);
    if !may_be_compared(before) {
        return None;
    }
    let operator = COMPARED_BY.iter().find_map(|operator| before.strip_suffix(operator.as_bytes()));
    let literal = operator.or_else(|| before.strip_suffix(b", "))?;
    if !matches!(literal.last(), Some(b'"' | b'\'' | b'`')) {
        return None;
    }
    let Some(value) = literal_in(literal) else { return operator.map(|_| None) };
    let is_compared = operator.is_some() || {
        let call = &literal[..value.start - 1];
        COMPARERS.iter().any(|callee| call.ends_with(callee.as_bytes()))
    };
    let value = start + value.start..start + value.end;
    is_compared.then(|| Some(Assigned::new(bytes, name.clone(), (value, true), Syntax::Compare)))
}

/// Can what stands before a name end in any of [`COMPARED_BY`], or a comma? Two bytes tell nearly all that can't.
fn may_be_compared(before: &[u8]) -> bool {
    matches!(before, [.., b'(' | b'=' | b':'] | [.., b'=' | b'q' | b'e' | b',', b' '])
}

/// The quoted text that a text ends with, without its quotes.
fn literal_in(text: &[u8]) -> Option<Range<usize>> {
    let end = text.len().checked_sub(1)?;
    let quote = text[end];
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    // A mark that is escaped or doubled is part of the text.
    let mut start = end;
    loop {
        start = memchr::memrchr2(quote, b'\n', &text[..start])?;
        match &text[..start] {
            _ if text[start] == b'\n' || start + 1 == end => return None,
            [.., b'\\'] => {}
            [.., before] if *before == quote => start -= 1,
            _ => return Some(start + 1..end),
        }
    }
}

/// The value of a record whose name comes last: `{"value": "…", "name": "TOKEN"}`, `SET value = '…' WHERE name =
/// 'token'`. `field` is where the field that holds the name begins.
pub(super) fn earlier_field(bytes: &[u8], name: &Range<usize>, field: usize) -> Option<Assigned> {
    let start = field.saturating_sub(MAX_APART);
    let window = &bytes[start..field];
    let begins = window.iter().rposition(|byte| b"{}<>();[]".contains(byte)).map_or(0, |at| at + 1);
    // A dash or an empty line begins another record.
    let dash = memmem::rfind(window, b"\n- ").into_iter().chain(memmem::rfind(window, b" - ")).max();
    let empty = memmem::rfind(window, b"\n\n");
    let begins = [dash, empty].into_iter().flatten().max().map_or(begins, |at| begins.max(at + 2));
    let record = &window[begins..];
    let at = VALUE_FIELDS.iter().filter_map(|field| last_field_end(record, field.as_bytes())).max()?;
    let mut cursor = Cursor { bytes, name: name.clone(), at: start + begins + at };
    cursor.skip_while(1, |b| b == b'\\');
    cursor.skip_while(1, |b| matches!(b, b'"' | b'\'' | b'`'));
    cursor.skip_while(16, is_blank);
    cursor.at += 1;
    cursor.skip_while(16, is_blank);
    let (value, is_quoted) = cursor.value(Syntax::Apart)?;
    // `ParameterValue=a ParameterKey=B`: another record begins at the blank.
    let between = bytes.get(value.end..field)?;
    let goes_on = is_quoted || between.iter().any(|byte| matches!(byte, b',' | b'\n'));
    goes_on.then(|| Assigned::new(bytes, name.clone(), (value, is_quoted), Syntax::Apart))
}

/// Where the last field of this name ends, maybe behind a prefix (`option_value`), that a colon or equals sign follows.
fn last_field_end(record: &[u8], field: &[u8]) -> Option<usize> {
    memmem::rfind_iter(record, field).map(|at| (at, at + field.len())).find_map(|(start, end)| {
        let is_start = start == 0 || !is_name(record[start - 1]) || record[start - 1] == b'_';
        let after = record[end..].iter().find(|byte| !matches!(**byte, b'"' | b'\'' | b'`' | b'\\' | b' ' | b'\t'));
        (is_start && matches!(after, Some(b':' | b'='))).then_some(end)
    })
}

/// `INSERT INTO users (name, password) VALUES ('bob', '…')`: the value of the column that the name is.
pub(super) fn column(bytes: &[u8], name: &Range<usize>) -> Option<Assigned> {
    let after = &bytes[name.end..(name.end + MAX_APART).min(bytes.len())];
    let next = after.iter().find(|byte| !matches!(**byte, b'"' | b'`' | b']' | b' '))?;
    if !matches!(next, b',' | b')') {
        return None;
    }
    let close = memchr::memchr2(b')', b'(', after).filter(|at| after[*at] == b')')?;
    let rest = after[close + 1..].trim_ascii_start();
    let keyword = rest.get(..6).filter(|word| word.eq_ignore_ascii_case(b"values"))?;
    let rest = rest[keyword.len()..].trim_ascii_start().strip_prefix(b"(")?;
    let values = name.end + after.len() - rest.len();

    let before = &bytes[name.start.saturating_sub(MAX_APART)..name.start];
    let open = memchr::memrchr2(b'(', b')', before).filter(|at| before[*at] == b'(')?;
    let table = before[..open].trim_ascii_end();
    let words = &table[table.len().saturating_sub(MAX_NAME + 16)..];
    let is_insert = words.windows(5).any(|word| word.eq_ignore_ascii_case(b"into "));
    let index = memchr::memchr_iter(b',', &before[open..]).count();
    if !is_insert {
        return None;
    }
    let value = nth_literal(bytes, values..name.end + MAX_APART + MAX_VALUE, index)?;
    let is_hash = is_hash_of_password(bytes, name, &value);
    (!is_hash).then(|| Assigned::new(bytes, name.clone(), (value, true), Syntax::Apart))
}

/// What a column of passwords has in hexadecimal digits are hashes.
fn is_hash_of_password(bytes: &[u8], name: &Range<usize>, value: &Range<usize>) -> bool {
    let text = &bytes[value.clone()];
    let is_hash = matches!(text.len(), 32 | 40 | 64 | 128) && text.iter().all(u8::is_ascii_hexdigit);
    is_hash && bytes[name.clone()].windows(4).any(|part| part.eq_ignore_ascii_case(b"pass"))
}

/// What titles of columns and what is between them are made of.
const TITLES: ByteSet = ByteSet::of(b" _-./\"*`,;\t|\r0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/// So many bytes tell most lines of code from the titles of a table.
const NEAR: usize = 16;

/// `user,password` and below it `bob,…`; `| user | password |` likewise: the value of the column that the name heads, in the first
/// row.
pub(super) fn cell(bytes: &[u8], name: &Range<usize>) -> Option<Assigned> {
    let is_title = |byte: &u8| TITLES.contains(*byte);
    let after = &bytes[name.end..(name.end + MAX_APART).min(bytes.len())];
    // In code something that no title has stands near.
    let near = &after[..after.len().min(NEAR)];
    let line_end = match near.iter().position(|byte| !is_title(byte)) {
        Some(at) => Some(at).filter(|at| near[*at] == b'\n'),
        None => memchr::memchr(b'\n', &after[near.len()..]).map(|at| near.len() + at),
    };
    let head_end = name.end + line_end?;
    let before = &bytes[name.start.saturating_sub(MAX_APART)..name.start];
    let head_start = name.start - memchr::memrchr(b'\n', before).map_or(before.len(), |at| before.len() - at - 1);
    let is_whole = head_start == 0 || bytes[head_start - 1] == b'\n';
    let head = bytes[head_start..head_end].trim_ascii_end();
    // Most lines have none.
    let separators = [memchr::memchr3(b',', b';', b'|', head), memchr::memchr(b'\t', head)];
    let separator = head[separators.into_iter().flatten().min()?];
    let is_short = |cell: &[u8]| cell.len() <= MAX_NAME && (separator == b'|' || !cell.is_empty());
    let columns = head.split(|byte| *byte == separator).count();
    // `token,v1` is a name and its value.
    let has_digits = head.iter().any(u8::is_ascii_digit) && columns < 3;
    // Sentences have a blank behind a comma.
    let is_sentence = matches!(separator, b',' | b';') && head.windows(2).any(|two| two == [separator, b' ']);
    // A version or a number is no title.
    let is_number = |cell: &[u8]| cell.iter().any(u8::is_ascii_digit) && !cell.iter().any(u8::is_ascii_alphabetic);
    if head.split(|byte| *byte == separator).any(is_number) {
        return None;
    }
    let is_head = head.iter().all(is_title) && head.split(|byte| *byte == separator).all(is_short) && !is_sentence;
    if !is_whole || !is_head || has_digits {
        return None;
    }
    let index = memchr::memchr_iter(separator, &bytes[head_start..name.start]).count();
    let rest = &bytes[head_end + 1..(head_end + 1 + MAX_VALUE).min(bytes.len())];
    // Below the titles of Markdown's tables stands a line.
    let is_rule = |byte: &u8| b"|-: \t\r".contains(byte);
    let ruled = match separator {
        b'|' => memchr::memchr(b'\n', rest).filter(|end| rest[..*end].iter().all(is_rule))? + 1,
        _ => 0,
    };
    let row = &rest[ruled..];
    // A row that goes on behind what may be looked at would be cut within a value.
    let end = memchr::memchr(b'\n', row).or((rest.len() < MAX_VALUE).then_some(row.len()))?;
    let row = row[..end].trim_ascii_end();
    // A quotation mark in a value is doubled; such rows are left.
    if memmem::find_iter(row, b"\"\"").any(|at| at > 0 && row[at - 1] != separator) {
        return None;
    }
    let cells = || cells(row, separator);
    if cells().count() != columns {
        return None;
    }
    // What begins as the row before it is another of them.
    let first = head.split(|byte| *byte == separator).next().unwrap_or_default();
    if !first.is_empty() && row.strip_prefix(first).is_some_and(|rest| rest.first() == Some(&separator)) {
        return None;
    }
    let found = cells().nth(index)?;
    let start = head_end + 1 + ruled + found.start;
    let value = start..start + found.len();
    let is_value = !value.is_empty() && !bytes[value.clone()].contains(&b' ');
    (is_value && !is_hash_of_password(bytes, name, &value))
        .then(|| Assigned::new(bytes, name.clone(), (value, false), Syntax::Cell))
}

/// The cells of a row, without quotes and blanks around them.
fn cells(row: &[u8], separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let start = at?;
        let rest = &row[start..];
        let quoted = rest.strip_prefix(b"\"").and_then(|rest| memchr::memchr(b'"', rest));
        let from = quoted.map_or(0, |end| end + 2);
        let end = start + from + memchr::memchr(separator, &rest[from..]).unwrap_or(rest.len() - from);
        at = (end < row.len()).then_some(end + 1);
        let cell = &row[start..end];
        let left = cell.iter().take_while(|byte| matches!(byte, b' ' | b'"' | b'`')).count();
        let right = cell[left..].iter().rev().take_while(|byte| matches!(byte, b' ' | b'"' | b'`')).count();
        Some(start + left..end - right)
    })
}

/// The value at `index` of a row that begins where `within` does, if it is quoted.
pub(super) fn nth_literal(bytes: &[u8], within: Range<usize>, index: usize) -> Option<Range<usize>> {
    let limit = within.end.min(bytes.len());
    let (mut left, mut depth) = (index, 0usize);
    let mut at = within.start;
    while at < limit {
        match bytes[at] {
            b'\'' | b'"' => {
                let start = at + 1;
                let quote = Quote { mark: bytes[at], depth: 0 };
                // A text of several lines is passed over.
                let end = quotes::end_of(bytes, start, limit, quote)
                    .or_else(|| memchr::memchr(quote.mark, &bytes[start..limit]).map(|len| start + len))?;
                at = end;
                let ends = |byte: &u8| matches!(byte, b',' | b')' | b' ' | b';' | b'\n' | b'\r');
                if left == 0 && depth == 0 && bytes.get(end + 1).is_none_or(ends) {
                    return (start < end && end - start < MAX_VALUE).then_some(start..end);
                }
            }
            b'(' => depth += 1,
            b')' if depth == 0 => return None,
            b')' => depth -= 1,
            b',' if depth == 0 => left = left.checked_sub(1)?,
            b';' => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// `app:…@tcp(db1:3306)/shop`: what Go's drivers take. `at` is where the mark stands that a host follows.
pub(super) fn login(bytes: &[u8], at: usize) -> Option<Assigned> {
    let start = at.saturating_sub(MAX_NAME + MAX_VALUE / 4);
    let before = &bytes[start..at];
    let encloses = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`".contains(byte) || *byte >= 0x80;
    let ends = |byte: &u8| encloses(byte) || b"<>(){}[],;".contains(byte);
    let behind = |mark: Option<usize>| mark.map_or(0, |at| at + 1);
    // A text that begins with a user's name is the login as a whole, whatever signs the password has.
    let whole = behind(before.iter().rposition(encloses));
    let name_len = |at: usize| before[at..].iter().take_while(|byte| is_name(**byte)).count();
    let variable = name_len(whole);
    let whole = if before.get(whole + variable) == Some(&b'=') { whole + variable + 1 } else { whole };
    let user = name_len(whole);
    let is_whole = user > 0 && before.get(whole + user) == Some(&b':');
    let text = if is_whole { whole } else { behind(before.iter().rposition(ends)) };
    // `mysql://app:…@tcp(db1)`.
    let scheme = memmem::find(&before[text..], b"://").map_or(0, |at| at + 3);
    let text = start + text + scheme..at;
    let colon = text.start + memchr::memchr(b':', &bytes[text.clone()])?;
    let user = bytes[text.start..colon].iter().rev().take_while(|byte| is_name(**byte) || **byte == b'%').count();
    let (name, value) = (colon - user..colon, colon + 1..at);
    let is_login = user > 0 && !value.is_empty();
    is_login.then(|| Assigned::new(bytes, name, (value, true), Syntax::Assign))
}

/// What stands between a literal and the name that it is compared with.
const COMPARED_BY: &[&str] = &[
    " == ",
    " === ",
    " != ",
    " !== ",
    " -eq ",
    " -ne ",
    " eq ",
    " ne ",
    ".equals(",
    ".equalsIgnoreCase(",
    ".eql?(",
    ".equal?(",
    ".isEqual(",
    "isEqualToString:",
    "==",
];

/// Calls that compare their arguments.
const COMPARERS: &[&str] = &[
    "cmp(",
    "compare_digest(",
    "hash_equals(",
    "secure_compare(",
    "TimeCompare(",
    "timingSafeEqual(",
    "assertEquals(",
    "assertEqual(",
    "assertSame(",
    "AreEqual(",
    "assert_equal(",
    "assert_equal ",
    "CompareOrdinal(",
    "equals(",
];

#[cfg(test)]
mod tests {
    use super::{COMPARED_BY, may_be_compared};

    #[test]
    fn no_operator_is_missed() {
        for operator in COMPARED_BY.iter().chain(&[", "]) {
            assert!(may_be_compared(operator.as_bytes()), "{operator}");
        }
    }
}
