use serde::Serialize;

/// A half-open range of byte offsets, `start..end`, in the bytes a person can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset just after the last byte; never less than `start`.
    pub end: u64,
}

impl Span {
    /// Number of bytes in the span.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Is there no byte in the span?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Do the two spans share at least one byte?
    #[must_use]
    pub fn overlaps(&self, other: &Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}
