//! Reading fields of a binary file one after another; whatever lies beyond its end is `None`.

/// The rest of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: bytes }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The bytes before the next `end`, which is skipped.
    pub(super) fn take_until(&mut self, end: u8) -> Option<&'a [u8]> {
        let taken = self.take(memchr::memchr(end, self.rest)?)?;
        self.rest = &self.rest[1..];
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u24(&mut self) -> Option<u32> {
        self.take(3).map(|bytes| u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    /// The number that git writes in front of an offset delta: most significant bits first, seven a byte, each
    /// continuation worth one more, so that no number has two encodings.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut byte = self.u8()?;
        let mut value = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.u8()?;
            value = value.checked_add(1).filter(|value| value >> 57 == 0)? << 7 | u64::from(byte & 0x7f);
        }
        Some(value)
    }

    /// Bytes with their length in front.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let len = self.length()?;
        self.take(len)
    }

    /// A number that is to be a length of something here.
    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut cursor = Cursor::new(&[1, 2, 3, 4, 5]);
        assert_eq!((cursor.u64(), cursor.u32()), (None, None));
        let mut cursor = Cursor::new(b"ab\0c");
        assert_eq!((cursor.take_until(0), cursor.take_until(0), cursor.rest()), (Some(&b"ab"[..]), None, &b"c"[..]));
    }

    #[test]
    fn numbers_have_one_encoding() {
        let value = |bytes: &[u8]| Cursor::new(bytes).varint();
        assert_eq!((value(&[0x7f]), value(&[0x80, 0]), value(&[0x81, 0x00])), (Some(127), Some(128), Some(256)));
        assert_eq!((value(&[0x80]), value(&[0xff; 12]), value(&[])), (None, None, None));
        assert_eq!(value(&[0x80, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x7f]), Some(u64::MAX));
    }
}
