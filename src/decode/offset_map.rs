/// The way from an offset in decoded text back to the stored bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetMap {
    /// Stored offset of the first byte of text.
    base: u64,
    /// Sorted pairs of an offset in the text and the stored offset, relative to `base`, of the same character. Between
    /// two pairs so many stored bytes stand for so many of the text as `stride` says.
    marks: Vec<(u32, u32)>,
    stride: (u32, u32),
}

impl OffsetMap {
    /// Text that is the stored bytes themselves, from stored offset `base` on.
    #[must_use]
    pub fn identity(base: u64) -> OffsetMap {
        OffsetMap { base, marks: Vec::new(), stride: (1, 1) }
    }

    /// A map of marks; see the fields.
    pub(super) fn with_marks(base: u64, marks: Vec<(u32, u32)>, stride: (u32, u32)) -> OffsetMap {
        OffsetMap { base, marks, stride }
    }

    /// Stored offset of the character at `offset` in the text. Cost: a binary search.
    #[must_use]
    pub fn to_stored(&self, offset: usize) -> u64 {
        let (text, stored) = self.mark_before(|(text, _)| text as usize <= offset);
        self.base + stored + (offset as u64 - text) * u64::from(self.stride.0) / u64::from(self.stride.1)
    }

    /// Stored offset behind the text that ends at `offset`.
    #[must_use]
    pub fn to_stored_end(&self, offset: usize) -> u64 {
        if self.stride.1 == 1 {
            return self.to_stored(offset);
        }
        // What several bytes share belongs to the last of them, too; and what stands between lines to none.
        let (text, stored) = self.mark_before(|(text, _)| (text as usize) < offset);
        self.base + stored + ((offset as u64 - text) * u64::from(self.stride.0)).div_ceil(u64::from(self.stride.1))
    }

    /// Offset in the text of the character at or after the stored offset.
    #[must_use]
    pub fn to_text(&self, stored: u64) -> usize {
        let stored = stored - self.base;
        let (text, there) = self.mark_before(|(_, there)| u64::from(there) <= stored);
        (text + (stored - there) * u64::from(self.stride.1) / u64::from(self.stride.0)) as usize
    }

    /// The last of the marks that come before, which are the first ones.
    fn mark_before(&self, comes_before: impl Fn((u32, u32)) -> bool) -> (u64, u64) {
        let last = self.marks.partition_point(|mark| comes_before(*mark)).checked_sub(1);
        last.map_or((0, 0), |last| (u64::from(self.marks[last].0), u64::from(self.marks[last].1)))
    }
}
