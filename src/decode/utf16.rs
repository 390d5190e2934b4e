use super::OffsetMap;

/// A UTF-16 encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf16 {
    /// Low byte first.
    LittleEndian,
    /// High byte first.
    BigEndian,
}

impl Utf16 {
    /// Recognises UTF-16 by its byte order mark or, without one, by the zero bytes of its ASCII characters: of the
    /// leading bytes (512 are enough) at least 40 % of one parity are zero and at most 2 % of the other.
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
        if many(odd) && few(even) {
            Some(Utf16::LittleEndian)
        } else if many(even) && few(odd) {
            Some(Utf16::BigEndian)
        } else {
            None
        }
    }

    /// Decodes to UTF-8. `base` is the stored offset of `bytes`, which must be even; a lone byte at the end is dropped
    /// and an unpaired surrogate becomes U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8], base: u64) -> (Vec<u8>, OffsetMap) {
        let units = bytes.chunks_exact(2).map(|pair| match self {
            Utf16::LittleEndian => u16::from_le_bytes([pair[0], pair[1]]),
            Utf16::BigEndian => u16::from_be_bytes([pair[0], pair[1]]),
        });
        let mut text = Vec::with_capacity(bytes.len() / 2 + 16);
        let mut marks = vec![(0, 0)];
        let mut stored = 0;
        let mut was_ascii = true;
        for unit in char::decode_utf16(units) {
            let character = unit.unwrap_or(char::REPLACEMENT_CHARACTER);
            // One mark where a run of ASCII begins and one for every other character: exact, and small for code.
            if !(was_ascii && character.is_ascii()) {
                marks.push((text.len() as u32, stored));
            }
            was_ascii = character.is_ascii();
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            stored += 2 * character.len_utf16() as u32;
        }
        marks.push((text.len() as u32, stored));
        (text, OffsetMap::with_marks(base, marks, 2))
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
        let text = "key = 'é漢😀' ; tail\n";
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
        assert_eq!(Utf16::detect(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0"), None);
    }
}
