//! Lines and columns, computed in one pass over the matches of a window and joined across chunks.

use crate::decode::OffsetMap;

/// A position in a window, as far as the window alone can tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalPosition {
    /// Newlines between the start of the owned part and this position.
    pub(super) lines: u64,
    /// Did the line begin in the owned part? If not, what the chunks before left over is to be added.
    pub(super) line_began: bool,
    /// Bytes, as stored, since the line (or the owned part) began.
    pub(super) bytes: u64,
    /// UTF-16 units since then.
    pub(super) units: u64,
    /// Offset in the blob as stored.
    pub(super) offset: u64,
}

/// What stands before a chunk: whole lines, and the beginning of the line that the chunk continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carry {
    lines: u64,
    bytes: u64,
    units: u64,
}

impl Carry {
    /// What stands before the next chunk, when `end` is this chunk's last position.
    pub(super) fn after(self, end: &LocalPosition) -> Carry {
        let kept = if end.line_began { Carry::default() } else { self };
        Carry { lines: self.lines + end.lines, bytes: kept.bytes + end.bytes, units: kept.units + end.units }
    }

    /// 1-based line, byte column and UTF-16 column of a position in the chunk.
    pub(super) fn resolve(self, position: &LocalPosition) -> (u64, u64, u64) {
        let here = self.after(position);
        (here.lines + 1, here.bytes + 1, here.units + 1)
    }
}

/// Walks forward through a window and counts.
#[derive(Clone)]
pub(super) struct LineCursor<'a> {
    text: &'a [u8],
    map: &'a OffsetMap,
    at: usize,
    lines: u64,
    line_start: Option<usize>,
    owned_start: usize,
    units: u64,
    /// Units of the byte order mark with which the first line begins: no editor counts it as a character.
    mark: u64,
}

/// In UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

impl<'a> LineCursor<'a> {
    pub(super) fn new(text: &'a [u8], map: &'a OffsetMap, owned_start: usize) -> LineCursor<'a> {
        let has_mark = owned_start == 0 && map.to_stored(0) == 0 && text.starts_with(MARK);
        let mark = u64::from(has_mark);
        LineCursor { text, map, at: owned_start, lines: 0, line_start: None, owned_start, units: 0, mark }
    }

    /// The position `to`, which must not lie before the last one asked for.
    pub(super) fn advance(&mut self, to: usize) -> LocalPosition {
        let between = &self.text[self.at..to];
        if let Some(last) = memchr::memrchr(b'\n', between) {
            self.lines += memchr::memchr_iter(b'\n', between).count() as u64;
            self.line_start = Some(self.at + last + 1);
            self.mark = 0;
            self.units = utf16_units(&between[last + 1..]);
        } else {
            self.units += utf16_units(between);
        }
        self.at = to;
        let offset = self.map.to_stored(to);
        LocalPosition {
            lines: self.lines,
            line_began: self.line_start.is_some(),
            bytes: offset - self.map.to_stored(self.line_start.unwrap_or(self.owned_start)),
            units: self.units.saturating_sub(self.mark),
            offset,
        }
    }

    /// Where the current line begins, as far as it is in the window.
    pub(super) fn line_start(&self) -> usize {
        match self.line_start {
            Some(start) => start,
            None => memchr::memrchr(b'\n', &self.text[..self.owned_start]).map_or(0, |newline| newline + 1),
        }
    }
}

/// UTF-16 code units of UTF-8 text: one per character, two above U+FFFF. Bytes that are not UTF-8 count as their
/// lead byte would, so that the count of a text is the sum over its parts wherever it is cut.
fn utf16_units(text: &[u8]) -> u64 {
    text.iter().map(|&byte| u64::from(!(0x80..0xc0).contains(&byte)) + u64::from((0xf0..0xf8).contains(&byte))).sum()
}

#[cfg(test)]
mod tests {
    use super::{Carry, LineCursor, utf16_units};
    use crate::decode::OffsetMap;

    #[test]
    fn units_are_those_of_utf16() {
        for text in ["", "abc", "é", "漢字", "a😀b", "\u{10ffff}"] {
            assert_eq!(utf16_units(text.as_bytes()), text.encode_utf16().count() as u64, "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_character_of_the_first_line() {
        let text = "\u{feff}é = 1\né = 2".as_bytes();
        let map = OffsetMap::identity(0);
        let mut cursor = LineCursor::new(text, &map, 0);
        let place = |position| Carry::default().resolve(&position);
        assert_eq!(place(cursor.advance(6)), (1, 7, 3));
        assert_eq!(place(cursor.advance(text.len())), (2, 7, 6));
        let later = OffsetMap::identity(100);
        assert_eq!(place(LineCursor::new(text, &later, 0).advance(6)), (1, 7, 4));
    }

    #[test]
    fn a_text_cut_anywhere_has_the_same_places() {
        let map = OffsetMap::identity(0);
        for text in ["ab\ncé😀d\n\nxyz", "\u{feff}xyz"].map(str::as_bytes) {
            let whole = LineCursor::new(text, &map, 0).advance(text.len());
            // Chunks are longer than a mark.
            for cut in 3..text.len() {
                let first = LineCursor::new(text, &map, 0).advance(cut);
                let second = LineCursor::new(text, &map, cut).advance(text.len());
                let carry = Carry::default().after(&first);
                assert_eq!(carry.resolve(&second), Carry::default().resolve(&whole), "cut at {cut}");
            }
        }
    }
}
