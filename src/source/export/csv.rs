//! Tables: rows of cells, with quotes that may hold line ends.
//!
//! Own code, as offsets of cells are wanted, and as a quote that is never closed must not take all rows behind it into
//! memory: it costs its own line.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::{input::Input, near::first_of};

/// Largest row that is held in memory. One beyond it is taken for a quote that is never closed.
const MAX_ROW: usize = 160 << 20;

/// One row.
pub(super) struct Row<'r> {
    bytes: &'r [u8],
    /// All of it as text, if it is UTF-8: found out once for all cells.
    text: Option<&'r str>,
    cells: &'r [Cell],
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
    /// A quote that is never closed: the bytes of its line.
    Broken { bytes: &'e [u8], offset: u64, line: u64 },
}

/// Reads all rows. Cells are separated by what separates those of the first line: comma, semicolon or tab.
pub(super) fn read_csv(input: &mut Input<'_>, each: &mut dyn FnMut(CsvEvent<'_>)) {
    input.decode_text();
    let separator = separator(input.peek(64 << 10));
    let mut cells = Vec::new();
    loop {
        let length = loop {
            match row(input.window(), separator, input.is_ended(), &mut cells) {
                Some(length) => break Some(length),
                None if input.is_ended() || input.window().len() > MAX_ROW => break None,
                None => {
                    let wanted = input.window().len() * 2;
                    while input.window().len() < wanted.max(1) && input.more() {}
                }
            }
        };
        let window = input.window();
        let length = match length {
            Some(0) => return,
            Some(length) => {
                let bytes = &window[..length];
                let text = str::from_utf8(bytes).ok();
                let row = Row { bytes, text, cells: &cells, offset: input.offset(), line: input.line() };
                let is_empty = row.len() == 1 && row.text(0).is_empty();
                if !is_empty {
                    each(CsvEvent::Row(row));
                }
                length
            }
            None => {
                let length = memchr::memchr(b'\n', window).map_or(window.len(), |at| at + 1);
                each(CsvEvent::Broken { bytes: &window[..length], offset: input.offset(), line: input.line() });
                length
            }
        };
        input.consume(length);
    }
}

fn separator(head: &[u8]) -> u8 {
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    let count = |byte: u8| memchr::memchr_iter(byte, line).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|byte| (count(*byte), *byte == b',')).unwrap_or(b',')
}

/// Finds the cells of the first row; its length with the line end, or `None` if the row goes on behind the window.
fn row(window: &[u8], separator: u8, is_end: bool, cells: &mut Vec<Cell>) -> Option<usize> {
    cells.clear();
    if window.is_empty() {
        return is_end.then_some(0);
    }
    let mut at = 0;
    loop {
        let (cell, after) = cell(window, at, separator, is_end)?;
        cells.push(cell);
        match window.get(after) {
            Some(byte) if *byte == separator => at = after + 1,
            Some(b'\r') if window.get(after + 1) == Some(&b'\n') => return Some(after + 2),
            Some(b'\r') if after + 1 == window.len() && !is_end => return None,
            Some(_) => return Some(after + 1),
            None => return is_end.then_some(after),
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

    use super::{CsvEvent, read_csv};
    use crate::source::export::input::Input;

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        let interrupt = AtomicBool::new(false);
        let mut rows = Vec::new();
        read_csv(&mut Input::new(Box::new(bytes), &interrupt), &mut |event| match event {
            CsvEvent::Row(row) => rows.push((0..row.len()).map(|index| row.text(index).into_owned()).collect()),
            CsvEvent::Broken { bytes, .. } => rows.push(vec![format!("broken {}", bytes.len())]),
        });
        rows
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
