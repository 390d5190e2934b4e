//! Reading of exports: JSON (one document, many, or one per line) in a stream, tables by their header, YAML with limits.
//!
//! All three yield [`Fields`] and share one duty: the value of a field that holds secrets is dropped where it is read,
//! before any importer sees it. If fingerprints are wanted, they are made at that point and stand where the value stood.

mod fields;
mod json;
mod path;
mod plain;
mod redacted;
mod secret_fields;
mod table;
mod yaml;

pub(crate) use fields::Fields;
pub(crate) use json::read_json;
pub(crate) use path::RecordPath;
pub(crate) use plain::Plain;
pub(crate) use redacted::{Redacted, Redaction};
pub(crate) use table::read_table;
pub(crate) use yaml::read_yaml;

use super::InventoryError;

/// Takes one record: the index of the path that led to it, the key it stood under if the path ends in `*` (else empty),
/// and its fields.
pub(crate) type TakeRecord<'t> = dyn FnMut(usize, &str, Fields) -> Result<(), InventoryError> + 't;

/// How a reading ended. What came before the end was handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadOutcome {
    /// What could not be read, in words without bytes of the input.
    pub(crate) problems: Vec<String>,
    /// Does the export say that there is more of it (another page)?
    pub(crate) has_more: bool,
}
