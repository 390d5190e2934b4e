/// The way from an offset in decoded text back to the stored bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetMap {
    /// Stored offset of the first byte of text.
    base: u64,
    /// Sorted pairs of an offset in the text and the stored offset, relative to `base`, of the same character. Between
    /// two pairs each byte of text stands for `stride` stored ones.
    marks: Vec<(u32, u32)>,
    stride: u32,
}

impl OffsetMap {
    /// Text that is the stored bytes themselves, from stored offset `base` on.
    #[must_use]
    pub fn identity(base: u64) -> OffsetMap {
        OffsetMap { base, marks: Vec::new(), stride: 1 }
    }

    /// A map of marks; see the fields.
    pub(super) fn with_marks(base: u64, marks: Vec<(u32, u32)>, stride: u32) -> OffsetMap {
        OffsetMap { base, marks, stride }
    }

    /// Stored offset of the character at `offset` in the text. Cost: a binary search.
    #[must_use]
    pub fn to_stored(&self, offset: usize) -> u64 {
        let mark = self.marks.partition_point(|(text, _)| *text as usize <= offset).checked_sub(1);
        let (text, stored) = mark.map_or((0, 0), |mark| self.marks[mark]);
        self.base + u64::from(stored) + (offset as u64 - u64::from(text)) * u64::from(self.stride)
    }

    /// Offset in the text of the character at or after the stored offset.
    #[must_use]
    pub fn to_text(&self, stored: u64) -> usize {
        let stored = stored - self.base;
        let mark = self.marks.partition_point(|(_, there)| u64::from(*there) <= stored).checked_sub(1);
        let (text, there) = mark.map_or((0, 0), |mark| self.marks[mark]);
        text as usize + ((stored - u64::from(there)) / u64::from(self.stride)) as usize
    }
}
