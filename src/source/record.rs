//! Records of exports on their way to the scanner.

use std::ops::Range;

use crate::model::RecordPlace;

/// A message, comment, issue or row: its fields as people saw them, in one buffer, so that it is scanned in one go.
///
/// Between two fields stand empty lines, so that no token reaches from one into the next.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// All fields.
    pub text: &'a [u8],
    /// Which bytes are which field; sorted, without overlaps.
    pub segments: &'a [Segment],
    /// Names of the fields, which segments point into.
    pub names: &'a str,
    /// Bytes of the record as stored, for counts.
    pub bytes: u64,
    /// Makes its place, field and offset apart. Called only if something is found.
    pub place: &'a dyn Fn() -> RecordPlace,
}

/// A field (or another view of it) in the text of a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its bytes in the text.
    pub text: Range<usize>,
    /// So many of them are its key, put before it so that the text says what it is.
    pub key: usize,
    /// Its name, as a range of [`Record::names`].
    pub name: Range<usize>,
    /// Offset of the field in the file of the export.
    pub offset: u64,
    /// How the field is looked at.
    pub view: View,
}

/// How a field is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As people saw it.
    Shown,
    /// As the record has it: markup and entities included.
    Stored,
    /// What was edited away, as people saw it before.
    Old,
}

impl<'a> Record<'a> {
    /// The segment that holds this offset of the text.
    #[must_use]
    pub fn segment_at(&self, offset: usize) -> Option<&'a Segment> {
        let index = self.segments.partition_point(|segment| segment.text.start <= offset).checked_sub(1)?;
        self.segments.get(index)
    }

    /// A segment's name.
    #[must_use]
    pub fn name(&self, segment: &Segment) -> &'a str {
        self.names.get(segment.name.clone()).unwrap_or_default()
    }
}
