//! Text in base64: where it begins, told from a dozen characters, and what it says.

mod classes;

use std::{ops::Range, sync::LazyLock};

use data_encoding::{Encoding, Specification};

use super::{OffsetMap, Utf16};

/// So many characters tell that text begins: nine bytes.
pub(crate) const HEAD: usize = 12;

/// What is shorter than this once it is decoded holds nothing that would be known without a name.
const MIN_TEXT: usize = 12;

/// A line at least this long goes on in the next one.
const MIN_LINE: usize = 60;

/// Text that stood encoded in another text.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// What it says, in UTF-8.
    pub(crate) text: Vec<u8>,
    /// Where it stands in the other.
    pub(crate) range: Range<usize>,
    /// From what it says to the other text, one step after the other.
    pub(crate) maps: Vec<OffsetMap>,
}

/// Adds every place before which no base64 stands, and behind which [`HEAD`] characters of it that say text. It costs about
/// a tenth of a search for keywords.
pub(crate) fn find(bytes: &[u8], mut found: impl FnMut(usize)) {
    let mut look = |block: &[u8; 64], base: usize| {
        let mut places = before_heads(block);
        while places != 0 {
            let place = base + places.trailing_zeros() as usize;
            if begins(&bytes[place + 1..]) {
                found(place);
            }
            places &= places - 1;
        }
    };
    let mut base = 0;
    while let Some(block) = bytes[base..].first_chunk() {
        look(block, base);
        base += 64 - HEAD;
    }
    let rest = &bytes[base..];
    if rest.len() > HEAD {
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        look(&last, base);
    }
}

/// The places in a block that are no base64, with [`HEAD`] characters of it behind them, of which every fourth is one that ASCII
/// begins with.
fn before_heads(block: &[u8; 64]) -> u64 {
    let (one, leads) = classes::of_block(block);
    let two = one & one >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let heads = eight & four >> 8 & leads & leads >> 4 & leads >> 8;
    heads >> 1 & !one
}

/// No character of base64.
const NONE: u8 = 0xff;

/// What characters stand for; those of URLs, too.
static VALUES: [u8; 256] = {
    let symbols = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        values[symbols[value] as usize] = value as u8;
        value += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

/// Do these bytes begin with base64 of text, in ASCII or in UTF-16 (little-endian, as Windows has it)?
pub(crate) fn begins(bytes: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return false };
    let mut text = [0; HEAD / 4 * 3];
    for (four, three) in head.as_chunks::<4>().0.iter().zip(text.as_chunks_mut::<3>().0) {
        let [a, b, c, d] = four.map(|byte| VALUES[usize::from(byte)]);
        // Of ASCII no byte has its highest bit set.
        if a & 0x20 | b & 0x08 | c & 0x02 != 0 || d == NONE {
            return false;
        }
        *three = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    let is_wide = || text.iter().enumerate().all(|(at, byte)| if at % 2 == 0 { is_text(*byte) } else { *byte == 0 });
    text.iter().all(|byte| is_text(*byte)) || is_wide()
}

/// Does a text have this byte?
fn is_text(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b)
}

/// Either alphabet, with or without padding, and whatever the last bits are.
static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    specification.translate.from.push_str("-_");
    specification.translate.to.push_str("+/");
    specification.check_trailing_bits = false;
    specification.encoding().expect("the alphabet is one of base64")
});

/// What the base64 says that begins at `start` and goes on over lines of equal length, up to where it is no text any more.
pub(crate) fn decode(bytes: &[u8], start: usize) -> Option<Decoded> {
    if !begins(&bytes[start..]) {
        return None;
    }
    let (mut decoded, mut marks) = (Vec::new(), Vec::new());
    let mut lines = Lines { bytes, at: Some(start), len: 0 };
    for line in &mut lines {
        // One character alone is no byte.
        let whole = line.start..line.end - usize::from(line.len() % 4 == 1);
        marks.push((decoded.len() as u32, (line.start - start) as u32));
        decoded.extend(LENIENT.decode(&bytes[whole]).ok()?);
    }
    let map = OffsetMap::with_marks(start as u64, marks, (4, 3));
    let is_wide = decoded[1] == 0;
    let (mut text, mut maps) = (decoded, vec![map]);
    if is_wide {
        let (narrow, map) = Utf16::LittleEndian.decode(&text, 0);
        text = narrow;
        maps.insert(0, map);
    }
    let len = text.iter().position(|byte| !is_text(*byte)).unwrap_or(text.len());
    let len = text[..len].utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    text.truncate(len);
    let end = maps.iter().fold(len, |end, map| map.to_stored_end(end) as usize);
    (len >= MIN_TEXT).then_some(Decoded { text, range: start..end, maps })
}

/// Lines of base64 that belong together: as long as the first, but for the last.
struct Lines<'b> {
    bytes: &'b [u8],
    at: Option<usize>,
    /// Of the first.
    len: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at.take()?;
        let is_one = |byte: &&u8| VALUES[usize::from(**byte)] != NONE;
        let len = self.bytes[start..].iter().take_while(is_one).count();
        if self.len == 0 {
            self.len = len;
        }
        let is_full = len == self.len && len >= MIN_LINE && len.is_multiple_of(4);
        let behind = &self.bytes[start + len..];
        let end_of_line = behind.strip_prefix(b"\r").unwrap_or(behind);
        if is_full && end_of_line.starts_with(b"\n") {
            let indent = end_of_line[1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            self.at = Some(start + len + (behind.len() - end_of_line.len()) + 1 + indent);
        }
        (len > 0 && len <= self.len).then_some(start..start + len)
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL_NOPAD};

    use super::{LENIENT, decode, find};

    fn found(text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        find(text.as_bytes(), |at| found.push(at));
        found
    }

    #[test]
    fn text_is_told_from_words_and_digests() {
        let encoded = BASE64.encode(b"password: none at all");
        for before in [1, 40, 51, 52, 63, 64, 65, 127, 128, 200] {
            assert_eq!(found(&format!("{}{encoded}", " ".repeat(before))), [before - 1], "{before}");
        }
        // What stands before the first byte isn't known, and what a letter stands before begins elsewhere.
        assert_eq!(found(&encoded), [0_usize; 0]);
        assert_eq!(found(&format!(" x{encoded}")), [0_usize; 0]);
        assert_eq!(found(&format!(" {}", &encoded[..11])), [0_usize; 0]);
        for other in ["internationalization", "0123456789abcdef0123456789abcdef", "src/engine/scanner/tests"] {
            assert_eq!(found(&format!(" {other}")), [0_usize; 0], "{other}");
        }
    }

    #[test]
    fn every_byte_maps_back_to_its_characters() {
        let text: String = (0..400).map(|n| format!("line {n}\n")).collect();
        for encoded in [BASE64.encode(text.as_bytes()), BASE64URL_NOPAD.encode(text.as_bytes())] {
            for (width, ending) in [(usize::MAX, ""), (76, "\n"), (64, "\r\n    ")] {
                let lines: Vec<&str> =
                    encoded.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
                let whole = format!("x: {}; y", lines.join(ending));
                let decoded = decode(whole.as_bytes(), 3).unwrap();
                assert_eq!(decoded.text, text.as_bytes());
                for at in (0..text.len() - 9).step_by(3) {
                    let start = decoded.maps[0].to_stored(at) as usize;
                    let there =
                        whole[start..decoded.maps[0].to_stored_end(at + 9) as usize].replace(['\r', '\n', ' '], "");
                    assert_eq!(LENIENT.decode(there.as_bytes()).unwrap(), text.as_bytes()[at..at + 9], "{there}");
                }
                // What two bytes share is of both.
                let shared = |at: usize| decoded.maps[0].to_stored(at)..decoded.maps[0].to_stored_end(at + 1);
                assert_eq!([0, 1, 2, 3].map(shared), [3..5, 4..6, 5..7, 7..9]);
            }
        }
    }

    #[test]
    fn commands_of_windows_are_wide() {
        let wide: Vec<u8> = "Get-Item 'C:\\secrets'".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let whole = format!("powershell -enc {}", BASE64.encode(&wide));
        assert_eq!(found(&whole), [15]);
        let decoded = decode(whole.as_bytes(), 16).unwrap();
        assert_eq!(
            (&*decoded.text, decoded.range),
            (&b"Get-Item 'C:\\secrets'"[..], 16..whole.trim_end_matches('=').len())
        );
    }

    #[test]
    fn what_is_no_text_ends_it() {
        let mixed = BASE64.encode(&[b"first comes a text".as_slice(), &[0, 1, 2, 200]].concat());
        assert_eq!(decode(mixed.as_bytes(), 0).unwrap().text, b"first comes a text");
        assert!(decode(BASE64.encode(b"short text").as_bytes(), 0).is_none());
        assert!(decode(BASE64.encode(b"nine text\x00\x01\x02").as_bytes(), 0).is_none());
    }
}
