use std::io::{self, Cursor, Read};

/// How much of UTF-16 is decoded at once, in bytes.
const CHUNK_BYTES: usize = 1 << 13;

/// An export as UTF-8 without a byte order mark: some programs of Windows write the mark, and its older PowerShell UTF-16.
pub(crate) struct Plain<R> {
    inner: R,
    /// What is to be handed out next.
    ready: Cursor<Vec<u8>>,
    utf16: Option<Utf16>,
}

/// What is known of an export in UTF-16.
struct Utf16 {
    /// How two bytes make a unit.
    unit: fn([u8; 2]) -> u16,
    /// Bytes that aren't decoded yet.
    raw: Vec<u8>,
}

impl<R: Read> Plain<R> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    /// If they can't be read.
    pub(crate) fn new(mut inner: R) -> io::Result<Plain<R>> {
        let mut mark = Vec::new();
        inner.by_ref().take(3).read_to_end(&mut mark)?;
        let (ready, utf16): (&[u8], _) = match mark.as_slice() {
            [0xff, 0xfe, rest @ ..] => (&[], Some(Utf16 { unit: u16::from_le_bytes, raw: rest.to_vec() })),
            [0xfe, 0xff, rest @ ..] => (&[], Some(Utf16 { unit: u16::from_be_bytes, raw: rest.to_vec() })),
            [0xef, 0xbb, 0xbf] => (&[], None),
            other => (other, None),
        };
        Ok(Plain { inner, ready: Cursor::new(ready.to_vec()), utf16 })
    }

    /// Decodes some more of UTF-16. Half a character at the end is an error: the export was cut off.
    fn decode(&mut self) -> io::Result<()> {
        let Some(Utf16 { unit, raw }) = &mut self.utf16 else { return Ok(()) };
        let mut text = String::new();
        while text.is_empty() {
            let before = raw.len();
            self.inner.by_ref().take(CHUNK_BYTES as u64).read_to_end(raw)?;
            let units: Vec<u16> = raw.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
            // The other half of the last character may be still to come.
            let is_half = matches!(units.last(), Some(0xd800..=0xdbff));
            let whole = units.len() - usize::from(is_half);
            let decoded = char::decode_utf16(units.into_iter().take(whole));
            text.extend(decoded.map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)));
            let is_end = raw.len() == before;
            raw.drain(..whole * 2);
            if is_end && text.is_empty() {
                let is_cut_off = !std::mem::take(raw).is_empty();
                return if is_cut_off { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) };
            }
        }
        self.ready = Cursor::new(text.into_bytes());
        Ok(())
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.position() == self.ready.get_ref().len() as u64 {
            if self.utf16.is_none() {
                return self.inner.read(buffer);
            }
            self.decode()?;
        }
        self.ready.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use super::{CHUNK_BYTES, Plain};

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        Plain::new(bytes)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn marks_are_passed_by_and_utf_16_is_decoded() {
        for text in ["", "a", "ab", "abc", "a,b\r\n1,2\r\n", "ä\u{1f511}ö", &"x\u{1f511}".repeat(CHUNK_BYTES)] {
            let units = || std::iter::once(0xfeff).chain(text.encode_utf16());
            let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
            for bytes in [text.as_bytes(), format!("\u{feff}{text}").as_bytes(), &little, &big] {
                assert!(read(bytes).is_ok_and(|read| read == text), "{:.20}", text);
            }
        }
    }

    #[test]
    fn half_a_character_is_an_error() {
        for bytes in [&b"\xff\xfea\0b"[..], b"\xff\xfea", b"\xff\xfe\x3d\xd8", b"\xff\xfea\0\x3d\xd8\x11"] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(b"\xff\xfe\x00\xdc").is_ok_and(|text| text == "\u{fffd}"));
    }
}
