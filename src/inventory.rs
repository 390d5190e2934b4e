//! The inventory: which machine identities there are, with which credentials, by what administrators can export.
//!
//! An [`Importer`] turns the records of one kind of export into [`Record`]s; [`IMPORTERS`] is the table of them, one file
//! each. Files are recognised by their shape ([`detect()`]) and read in a stream ([`import()`]): memory doesn't grow with the
//! records but for a digest of each, by which two exports in one file are noticed.
//!
//! Importers take what they know by name. A field that none of them names stays in the file; the value of a field that
//! holds secrets is dropped by the reader before any importer sees it.

mod detect;
mod import;
mod importers;
mod intake;
mod reader;
pub mod reference;

pub use detect::{Detection, HEAD_BYTES, detect};
pub use import::{ColumnMap, ImportOptions, import};
pub use importers::{CodeOwners, IMPORTERS, account_of_access_key, find};
pub use intake::Intake;

pub(crate) use reader::Fields;

use crate::model::identity::Record;

/// Takes the records of an import, in the order of the file.
pub type TakeRecord<'t> = dyn FnMut(Record) -> Result<(), InventoryError> + 't;

/// Why an import can't be done. What is wrong *inside* an export is a problem of its snapshot instead.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// No importer knows the shape of the file.
    #[error(
        "{name}: no importer knows this file; `--as NAME` chooses one of those that `unleak inventory formats` lists"
    )]
    Unrecognised {
        /// The file, safe to print.
        name: String,
    },
    /// It ends in the middle, before any record of it could be read.
    #[error("{name}: it looks like JSON that is cut off: no importer knows what there is of it")]
    CutOff {
        /// The file, safe to print.
        name: String,
    },
    /// Several importers know it equally well.
    #[error("{name}: it could be {candidates}; `--as NAME` chooses one")]
    Ambiguous {
        /// The file, safe to print.
        name: String,
        /// Names of importers.
        candidates: String,
    },
    /// There is no importer of that name.
    #[error("there is no importer `{name}`, but {likely} (`unleak inventory formats` says what each reads)")]
    UnknownImporter {
        /// What was asked for, safe to print.
        name: String,
        /// Names of importers.
        likely: String,
    },
    /// A column map can't be used.
    #[error("column map: {0}")]
    ColumnMap(String),
    /// The file can't be read.
    #[error("{name}: {source}")]
    Read {
        /// The file, safe to print.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Whoever takes the records can't go on.
    #[error("{0}")]
    Taker(String),
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON: one document, several, or one per line.
    Json,
    /// A table with a header: comma, semicolon, tab or bar between cells.
    Table,
    /// YAML, one document or several.
    Yaml,
    /// Lines of another notation.
    Text,
}

/// How records of one kind are known.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The notation.
    pub format: Format,
    /// Where the records stand: `Keys[]`, `data.key_info.*`, `[]`, empty for the document itself.
    pub path: &'static str,
    /// Fields that a record must have, at least two; `name=text` asks for a value that begins with this text. Empty: such
    /// records are read, but no file is known by them.
    pub fields: &'static [&'static str],
}

/// Does an export of this kind speak for all there is in its scope?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It does, unless it says that there are more pages or is damaged: what it lacks has vanished.
    Whole,
    /// Nobody can tell from the file. Only `--complete` makes it count as whole.
    Part,
}

/// One kind of export, and how it is read.
pub struct Importer {
    /// Its name, for `--as` and as kind of the snapshot's source.
    pub name: &'static str,
    /// What is exported, and how.
    pub title: &'static str,
    /// What its records look like.
    pub shapes: &'static [Shape],
    /// What absence from it means.
    pub coverage: Coverage,
    /// Fields that hold secrets in this kind of export, beside those that do everywhere.
    pub(crate) secrets: &'static [&'static str],
    /// Fields that are no secrets in this kind of export, whatever they are called.
    pub(crate) public: &'static [&'static str],
    /// Turns its records into ours.
    pub(crate) reading: Reading,
}

/// How an importer gets its input.
pub(crate) enum Reading {
    /// Record by record, each for itself.
    Each(fn(&Entry<'_>, &mut Intake<'_>)),
    /// Record by record, with something to remember until the end.
    Linked(fn() -> Box<dyn ReadLinked>),
    /// As text, whole; the second function says whether this is such a text.
    Text(fn(&str, &mut Intake<'_>), fn(&str, &str) -> bool),
}

/// A reading that remembers.
pub(crate) trait ReadLinked {
    fn entry(&mut self, entry: &Entry<'_>, intake: &mut Intake<'_>);

    fn finish(&mut self, intake: &mut Intake<'_>);
}

/// One record of an export, before it is understood.
pub(crate) struct Entry<'e> {
    /// Path of the shape it was found under.
    pub(crate) path: &'static str,
    /// The key it stood under, where the path ends in `*`.
    pub(crate) key: &'e str,
    /// Its fields.
    pub(crate) fields: &'e Fields,
}
