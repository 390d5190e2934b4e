use super::OffsetMap;

/// A UTF-16 encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf16 {
    /// Low byte first.
    LittleEndian,
    /// High byte first.
    BigEndian,
}

/// Characters that are decoded at once.
const RUN: usize = 16;

impl Utf16 {
    /// Recognises UTF-16 by its byte order mark or, without one, by the zero bytes of its ASCII characters: of the
    /// leading bytes (512 are enough) at least 40 % of one parity are zero and at most 2 % of the other, and what they make is
    /// text: the tables that libraries begin with are neither free of control characters nor have they words.
    #[must_use]
    pub fn detect(head: &[u8]) -> Option<Utf16> {
        match head {
            [0xff, 0xfe, 0, 0, ..] => return None, // UTF-32
            [0xff, 0xfe, ..] => return Some(Utf16::LittleEndian),
            [0xfe, 0xff, ..] => return Some(Utf16::BigEndian),
            _ => {}
        }
        memchr::memchr(0, head)?;
        let pairs = head.len() / 2;
        if pairs < 8 {
            return None;
        }
        let zeros = |parity: usize| head[..pairs * 2].iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        let many = |count: usize| count * 100 >= pairs * 40;
        let few = |count: usize| count * 100 <= pairs * 2;
        let encoding = if many(odd) && few(even) {
            Utf16::LittleEndian
        } else if many(even) && few(odd) {
            Utf16::BigEndian
        } else {
            return None;
        };
        let (mut ascii, mut in_words, mut controls, mut was_ascii) = (0, 0, 0, false);
        for pair in head.chunks_exact(2) {
            let unit = encoding.unit(pair);
            let is_ascii = unit < 0x80;
            ascii += usize::from(is_ascii);
            in_words += usize::from(is_ascii && was_ascii);
            controls += usize::from((unit < 0x20 || unit == 0x7f) && !matches!(unit, 9 | 10 | 13));
            was_ascii = is_ascii;
        }
        (few(controls) && in_words * 4 >= ascii).then_some(encoding)
    }

    fn unit(self, pair: &[u8]) -> u16 {
        match self {
            Utf16::LittleEndian => u16::from_le_bytes([pair[0], pair[1]]),
            Utf16::BigEndian => u16::from_be_bytes([pair[0], pair[1]]),
        }
    }

    /// So many ASCII characters, if these bytes are them and nothing else.
    fn ascii(self, bytes: &[u8; 2 * RUN]) -> Option<[u8; RUN]> {
        let (high, low) = if self == Utf16::LittleEndian { (1, 0) } else { (0, 1) };
        let mut text = [0; RUN];
        let mut others = 0;
        for (index, character) in text.iter_mut().enumerate() {
            *character = bytes[2 * index + low];
            others |= bytes[2 * index + high] | *character & 0x80;
        }
        (others == 0).then_some(text)
    }

    /// Decodes to UTF-8. `base` is the stored offset of `bytes`, which must be even; a lone byte at the end is dropped
    /// and an unpaired surrogate becomes U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8], base: u64) -> (Vec<u8>, OffsetMap) {
        let bytes = &bytes[..bytes.len() / 2 * 2];
        let mut text = Vec::with_capacity(bytes.len() / 2 + 16);
        let mut marks = vec![(0, 0)];
        let mut stored = 0;
        let mut was_ascii = true;
        while stored < bytes.len() {
            let rest = &bytes[stored..];
            if was_ascii && let Some(run) = rest.first_chunk().and_then(|rest| self.ascii(rest)) {
                text.extend_from_slice(&run);
                stored += 2 * RUN;
                continue;
            }
            let units = rest.chunks_exact(2).map(|pair| self.unit(pair)).take(2);
            let first = char::decode_utf16(units).next();
            let character = first.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
            // One mark where a run of ASCII begins and one for every other character: exact, and small for code.
            if !(was_ascii && character.is_ascii()) {
                marks.push((text.len() as u32, stored as u32));
            }
            was_ascii = character.is_ascii();
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            stored += 2 * character.len_utf16();
        }
        marks.push((text.len() as u32, stored as u32));
        (text, OffsetMap::with_marks(base, marks, (2, 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::Utf16;

    fn encode(text: &str, encoding: Utf16) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| match encoding {
                Utf16::LittleEndian => unit.to_le_bytes(),
                Utf16::BigEndian => unit.to_be_bytes(),
            })
            .collect()
    }

    #[test]
    fn every_character_maps_back_to_its_bytes() {
        let text = "a key of more than sixteen characters = 'é漢😀' ; and a tail of many more\n";
        for encoding in [Utf16::LittleEndian, Utf16::BigEndian] {
            let bytes = encode(text, encoding);
            let (decoded, map) = encoding.decode(&bytes, 100);
            assert_eq!(decoded, text.as_bytes());
            for (at, _) in text.char_indices() {
                let stored = 100 + 2 * text[..at].encode_utf16().count() as u64;
                assert_eq!(map.to_stored(at), stored, "at {at}");
                assert_eq!(map.to_text(stored), at, "stored {stored}");
            }
            assert_eq!(map.to_stored(text.len()), 100 + bytes.len() as u64);
        }
    }

    #[test]
    fn text_is_told_from_binary() {
        let text = "password = value\r\n".repeat(4);
        assert_eq!(Utf16::detect(&encode(&text, Utf16::LittleEndian)), Some(Utf16::LittleEndian));
        assert_eq!(Utf16::detect(&encode(&text, Utf16::BigEndian)), Some(Utf16::BigEndian));
        assert_eq!(Utf16::detect(b"\xff\xfea\0"), Some(Utf16::LittleEndian));
        assert_eq!(Utf16::detect(text.as_bytes()), None);
        assert_eq!(Utf16::detect(&[0; 512]), None);
        // A library's table of offsets, in pages of 64 KiB: 0x12 is a control character, 0x41 an A.
        for page in [0x12_u32, 0x41] {
            let offsets = (0..128_u32).flat_map(|n| ((page << 16) + 0x3c44 + 31 * n).to_be_bytes());
            assert_eq!(Utf16::detect(&offsets.collect::<Vec<u8>>()), None);
        }
        let chinese = encode(&"密码 = kX9\n令牌: 7a\n".repeat(8), Utf16::LittleEndian);
        assert_eq!(Utf16::detect(&chinese), Some(Utf16::LittleEndian));
        assert_eq!(Utf16::detect(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0"), None);
    }
}
