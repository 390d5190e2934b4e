//! Tables: rows of cells, with quotes that may hold line ends.
//!
//! Own code, as offsets of cells are wanted, and as a quote that is never closed must not take all rows behind it into
//! memory: it costs its own line.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::{input::Input, near::first_of, sink::Why};

/// Largest row that is held in memory, and most cells of one. What is beyond is scanned as it is.
const MAX_ROW: usize = 16 << 20;
const MAX_CELLS: usize = 1 << 17;

/// Bytes that are handed over at once of a row that is too large, cut within the last of them.
const PIECE: usize = 4 << 20;
const MAX_CUT: usize = 64 << 10;

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'r> {
    bytes: &'r [u8],
    /// All of it as text, if it is UTF-8: found out once for all cells.
    text: Option<&'r str>,
    cells: &'r [Cell],
    /// Is it a row for sure? Behind a quote that is never closed it may be a line of somebody's text: that says nothing of
    /// itself.
    pub(super) is_sure: bool,
    /// Offset of its first byte in the file.
    pub(super) offset: u64,
    /// Its line in the file.
    pub(super) line: u64,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    start: usize,
    end: usize,
    has_quotes: bool,
}

impl Row<'_> {
    /// How many cells it has.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Is it ASCII without markup and without queries of addresses? Then there is one view of each of its cells: found out
    /// once for all of them.
    pub(super) fn is_plain(&self) -> bool {
        self.bytes.is_ascii() && memchr::memchr3(b'<', b'&', b'?', self.bytes).is_none()
    }

    /// Its size as stored.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// A cell's text; empty if there is none. What isn't UTF-8 is taken for Windows-1252.
    pub(super) fn text(&self, index: usize) -> Cow<'_, str> {
        let Some(cell) = self.cells.get(index) else { return Cow::Borrowed("") };
        let text = match self.text.and_then(|text| text.get(cell.start..cell.end)) {
            Some(text) => Cow::Borrowed(text),
            None => decoded(&self.bytes[cell.start..cell.end]),
        };
        if cell.has_quotes { Cow::Owned(single_quotes(&text)) } else { text }
    }

    /// Where a cell begins in the file.
    pub(super) fn offset_of(&self, index: usize) -> u64 {
        self.offset + self.cells.get(index).map_or(0, |cell| cell.start) as u64
    }
}

fn decoded(stored: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(stored) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(stored).0,
    }
}

/// The text of a cell whose quotes are doubled.
fn single_quotes(stored: &str) -> String {
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored;
    while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
        let (before, after) = rest.split_at(quote + 1);
        text.push_str(before);
        rest = after.strip_prefix('"').unwrap_or(after);
    }
    text.push_str(rest);
    text
}

/// What a table has.
pub(super) enum CsvEvent<'e> {
    /// A row; the first one is the header.
    Row(Row<'e>),
    /// Bytes that are no row, and why; `None` if that was said for bytes before them.
    Broken { bytes: &'e [u8], offset: u64, line: u64, why: Option<Why> },
}

/// Why there is no row.
enum Fault {
    /// It goes on behind the window.
    Incomplete,
    /// It has too many cells.
    Number,
}

/// Reads all rows. Cells are separated by what a first line `sep=;` says, or else by what separates those of the first line:
/// comma, semicolon or tab.
pub(super) fn read_csv(input: &mut Input<'_>, each: &mut dyn FnMut(CsvEvent<'_>)) {
    input.decode_text();
    let (separator, said) = dialect(input.peek(64 << 10));
    input.consume(said);
    let mut cells = Vec::new();
    let mut is_sure = true;
    loop {
        let row = loop {
            match row(input.window(), separator, input.is_ended(), &mut cells) {
                Err(Fault::Incomplete) if !input.is_ended() && input.window().len() < MAX_ROW => {
                    let wanted = (input.window().len() * 2).clamp(1, MAX_ROW);
                    while input.window().len() < wanted && input.more() {}
                }
                row => break row,
            }
        };
        let window = input.window();
        let length = match row {
            Ok(0) => return,
            Ok(length) => {
                let bytes = &window[..length];
                let text = str::from_utf8(bytes).ok();
                let row = Row { bytes, text, cells: &cells, is_sure, offset: input.offset(), line: input.line() };
                let is_empty = row.len() == 1 && row.text(0).is_empty();
                if !is_empty {
                    each(CsvEvent::Row(row));
                }
                length
            }
            Err(Fault::Incomplete) if input.is_ended() => {
                is_sure = false;
                let length = memchr::memchr(b'\n', window).map_or(window.len(), |at| at + 1);
                let why = Some(Why::Malformed("a quote that is never closed, its line scanned as plain text"));
                each(CsvEvent::Broken { bytes: &window[..length], offset: input.offset(), line: input.line(), why });
                length
            }
            Err(fault) => {
                is_sure &= Outsize::new(separator).tell(input, &fault, each);
                continue;
            }
        };
        input.consume(length);
    }
}

/// A row that is too large to be held, on the way to its end.
struct Outsize {
    separator: u8,
    at: At,
    /// Was each quote closed where a cell ends? Else it may have been none, and what follows no row.
    is_sure: bool,
}

/// Where in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the beginning of a cell.
    Start,
    Quoted,
    Plain,
}

impl Outsize {
    fn new(separator: u8) -> Outsize {
        Outsize { separator, at: At::Start, is_sure: true }
    }

    /// Hands over the row in pieces. Is what follows a row for sure?
    fn tell(mut self, input: &mut Input<'_>, fault: &Fault, each: &mut dyn FnMut(CsvEvent<'_>)) -> bool {
        let mut why = Some(Why::Limit(match fault {
            Fault::Incomplete => "a row of more than 16 MiB, scanned as plain text",
            Fault::Number => "a row of more than 131,072 cells, scanned as plain text",
        }));
        loop {
            let is_last = input.peek(PIECE).len() < PIECE;
            let window = &input.window()[..input.window().len().min(PIECE)];
            let (length, is_end) = self.end(window, is_last);
            if length > 0 {
                let (offset, line) = (input.offset(), input.line());
                each(CsvEvent::Broken { bytes: &window[..length], offset, line, why: why.take() });
            }
            input.consume(length);
            if is_end || length == 0 {
                return self.is_sure && self.at != At::Quoted;
            }
        }
    }

    /// How many bytes belong to the row, and whether it ends there.
    fn end(&mut self, bytes: &[u8], is_last: bool) -> (usize, bool) {
        let mut at = 0;
        loop {
            if self.at == At::Start {
                let Some(first) = bytes.get(at) else { return (at, false) };
                self.at = if *first == b'"' { At::Quoted } else { At::Plain };
                at += usize::from(*first == b'"');
            }
            let found = match self.at {
                At::Quoted => first_of([b'"'; 3], bytes, at),
                _ => first_of([self.separator, b'\n', b'\r'], bytes, at),
            };
            let Some(found) = found else { return (piece(bytes, is_last, at), false) };
            let next = bytes.get(found + 1);
            if next.is_none() && !is_last {
                return (found, false);
            }
            at = found + 1;
            match (bytes[found], next) {
                (b'"', Some(b'"')) => at += 1,
                (b'"', next) => {
                    self.at = At::Plain;
                    self.is_sure &= next.is_none_or(|next| [self.separator, b'\n', b'\r'].contains(next));
                }
                (b'\r', Some(b'\n')) => return (at + 1, true),
                (b'\n' | b'\r', _) => return (at, true),
                _ => self.at = At::Start,
            }
        }
    }
}

/// How much of the bytes can be handed over without a word being cut in two; nothing behind `from` is more than text.
fn piece(bytes: &[u8], is_last: bool, from: usize) -> usize {
    if is_last {
        return bytes.len();
    }
    let tail = bytes.len().saturating_sub(MAX_CUT).max(from);
    let end = bytes[tail..].iter().rposition(|byte| byte.is_ascii_whitespace() || *byte == b',');
    end.map_or(bytes.len(), |at| tail + at + 1)
}

/// What separates the cells of a table, by its first bytes, and how many of them the line takes that says so to Excel.
pub(super) fn dialect(head: &[u8]) -> (u8, usize) {
    let length = memchr::memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    let line = head[..length].trim_ascii();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let is_said = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    match line.get(4..) {
        Some([separator]) if is_said && !separator.is_ascii_alphanumeric() => (*separator, length),
        // A tab at the end of the line was trimmed.
        Some([]) if is_said && head[..length].contains(&b'\t') => (b'\t', length),
        _ => (separator(head), 0),
    }
}

fn separator(head: &[u8]) -> u8 {
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    let count = |byte: u8| memchr::memchr_iter(byte, line).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|byte| (count(*byte), *byte == b',')).unwrap_or(b',')
}

/// Finds the cells of the first row; its length with the line end.
fn row(window: &[u8], separator: u8, is_end: bool, cells: &mut Vec<Cell>) -> Result<usize, Fault> {
    cells.clear();
    if window.is_empty() {
        return if is_end { Ok(0) } else { Err(Fault::Incomplete) };
    }
    let mut at = 0;
    loop {
        let (cell, after) = cell(window, at, separator, is_end).ok_or(Fault::Incomplete)?;
        if cells.len() == MAX_CELLS {
            return Err(Fault::Number);
        }
        cells.push(cell);
        match window.get(after) {
            Some(byte) if *byte == separator => at = after + 1,
            Some(b'\r') if window.get(after + 1) == Some(&b'\n') => return Ok(after + 2),
            Some(b'\r') if after + 1 == window.len() && !is_end => return Err(Fault::Incomplete),
            Some(_) => return Ok(after + 1),
            None if is_end => return Ok(after),
            None => return Err(Fault::Incomplete),
        }
    }
}

/// The cell that begins at `start`, and where it ends: at a separator, a line end or the end.
fn cell(window: &[u8], start: usize, separator: u8, is_end: bool) -> Option<(Cell, usize)> {
    if window.get(start) != Some(&b'"') {
        let end = first_of([separator, b'\n', b'\r'], window, start).or(is_end.then_some(window.len()))?;
        return Some((Cell { start, end, has_quotes: false }, end));
    }
    let start = start + 1;
    let (mut at, mut has_quotes) = (start, false);
    loop {
        at = first_of([b'"'; 3], window, at)?;
        match window.get(at + 1) {
            Some(b'"') => {
                has_quotes = true;
                at += 2;
            }
            None if !is_end => return None,
            _ => break,
        }
    }
    // What stands between the closing quote and the separator belongs to the cell: some write it so.
    let after = first_of([separator, b'\n', b'\r'], window, at + 1).or(is_end.then_some(window.len()))?;
    let is_closed = after == at + 1;
    let end = if is_closed { at } else { after };
    Some((Cell { start, end, has_quotes: has_quotes || !is_closed }, after))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::{collection::vec, prelude::*};

    use super::{CsvEvent, MAX_CELLS, MAX_ROW, read_csv};
    use crate::source::export::{input::Input, sink::Why};

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        read(bytes).0
    }

    /// The rows, and what was wrong.
    fn read(bytes: &[u8]) -> (Vec<Vec<String>>, Vec<Why>) {
        let interrupt = AtomicBool::new(false);
        let (mut rows, mut told) = (Vec::new(), Vec::new());
        read_csv(&mut Input::new(Box::new(bytes), &interrupt), &mut |event| match event {
            CsvEvent::Row(row) => rows.push((0..row.len()).map(|index| row.text(index).into_owned()).collect()),
            CsvEvent::Broken { bytes, why, .. } => {
                rows.push(vec![format!("broken {}", bytes.len())]);
                told.extend(why);
            }
        });
        (rows, told)
    }

    #[test]
    fn forms() {
        assert_eq!(
            rows(b"a,b\r\n\"x\ny\",\"say \"\"hi\"\"\"\n1,\n"),
            [vec!["a", "b"], vec!["x\ny", "say \"hi\""], vec!["1", ""]]
        );
        assert_eq!(rows(b"\xef\xbb\xbf\"a\";\"b\"\n1;2"), [vec!["a", "b"], vec!["1", "2"]]);
        assert_eq!(rows(b"a\tb\ncaf\xe9\t\n"), [vec!["a", "b"], vec!["caf\u{e9}", ""]]);
    }

    #[test]
    fn an_open_quote_costs_its_line() {
        assert_eq!(rows(b"a,b\n\"x,1\n2,3\n"), [vec!["a", "b"], vec!["broken 5"], vec!["2", "3"]]);
    }

    #[test]
    fn a_row_that_is_too_large_costs_no_other() {
        let large = format!("{},\"a \"\" b\"", "word. ".repeat(MAX_ROW / 6 + 1));
        let quoted = format!("1,\"{}\n\"\"x\"", "line\n".repeat(MAX_ROW / 5 + 1));
        let cells = ",".repeat(MAX_CELLS);
        for (row, words) in [(large, "16 MiB"), (quoted, "16 MiB"), (cells, "cells")] {
            let (rows, told) = read(format!("a,b\r\n{row}\r\n2,3\n").as_bytes());
            let broken: usize = rows[1..rows.len() - 1]
                .iter()
                .map(|row| row[0].strip_prefix("broken ").and_then(|length| length.parse::<usize>().ok()).unwrap())
                .sum();
            assert_eq!((broken, rows.last().unwrap()), (row.len() + 2, &vec!["2".to_owned(), "3".to_owned()]));
            assert!(matches!(told.as_slice(), [Why::Limit(told)] if told.contains(words)), "{told:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_crate(table in vec(vec("[a,\"\n x]{0,6}", 2..4), 1..6)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            table.iter().for_each(|row| writer.write_record(row).unwrap());
            let bytes = writer.into_inner().unwrap();
            assert_eq!(rows(&bytes), table);
        }

        #[test]
        fn survives_anything(bytes in vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'\n')], 0..80)) {
            rows(&bytes);
        }
    }
}
