use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

use super::{
    Coverage, Entry, Format, HEAD_BYTES, Importer, Intake, InventoryError, Reading, TakeRecord,
    detect::{delimiter, detect, format_for},
    reader::{Fields, Plain, ReadOutcome, RecordPath, Redaction, read_json, read_table, read_yaml},
};
use crate::{
    fingerprint::Fingerprinter,
    model::identity::{Snapshot, SnapshotSource, Timestamp},
};

/// Largest file that is read as text, in bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Names of our fields → names of columns, for tables and documents that are nobody's standard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMap(pub(super) BTreeMap<String, String>);

impl ColumnMap {
    /// Reads a map from TOML or JSON: `name = "Column"` pairs. The left sides are those of `docs/inventory.md`.
    ///
    /// # Errors
    /// If it is neither, or a left side is unknown.
    pub fn parse(text: &str) -> Result<ColumnMap, InventoryError> {
        let map: Result<BTreeMap<String, String>, ()> = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(drop)
        } else {
            toml::from_str(text).map_err(drop)
        };
        let map = map.map_err(|()| InventoryError::ColumnMap("not pairs of texts in TOML or JSON".to_owned()))?;
        match map.keys().find(|name| !super::importers::GENERIC_FIELDS.contains(&name.as_str())) {
            Some(unknown) => {
                let known = super::importers::GENERIC_FIELDS.join(", ");
                let unknown = crate::model::Escaped(unknown.as_bytes()).to_string();
                Err(InventoryError::ColumnMap(format!("no field is called `{unknown}`; there are {known}")))
            }
            None => Ok(ColumnMap(map)),
        }
    }
}

/// How an export is to be read.
pub struct ImportOptions<'o> {
    /// Who reads it; by its shape if `None`.
    pub importer: Option<&'static Importer>,
    /// The account, organisation or cluster it speaks of, where the export doesn't say so itself.
    pub scope: Option<String>,
    /// When it was made, where it doesn't say so itself.
    pub taken_at: Option<Timestamp>,
    /// When it is read.
    pub now: Timestamp,
    /// Does it have everything in its scope? By the importer's [`Coverage`] if `None`. Damage makes it incomplete anyway.
    pub complete: Option<bool>,
    /// Makes fingerprints of verifiers.
    pub fingerprinter: Option<&'o dyn Fingerprinter>,
    /// Make fingerprints of secret values, too, before they are dropped?
    pub fingerprint_values: bool,
    /// Columns of a generic table.
    pub columns: Option<&'o ColumnMap>,
}

/// Reads an export to its end and hands over what it says, record by record. `name` is the file's.
///
/// Memory is bounded by the largest record, 32 MiB, and about 60 bytes for each record; text formats and YAML are read as a
/// whole, up to 64 and 16 MiB.
///
/// # Errors
/// If the file isn't recognised or can't be read at all, and what `take` says. Whatever is wrong inside it is a problem of
/// the snapshot.
pub fn import(
    name: &str,
    input: impl Read,
    options: &ImportOptions<'_>,
    take: &mut TakeRecord<'_>,
) -> Result<Snapshot, InventoryError> {
    let mut input = Hashing { inner: input, hasher: Sha256::new() };
    let shown = crate::model::Escaped(name.as_bytes()).to_string();
    let unreadable = |source| InventoryError::Read { name: shown.clone(), source };
    let mut text = Plain::new(&mut input).map_err(unreadable)?;
    let mut head = Vec::new();
    text.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
    let (importer, format) = match options.importer {
        Some(importer) => (importer, format_for(importer, name, &head)),
        None => detect(name, &head).map(|found| (found.importer, found.format))?,
    };
    let mut intake = Intake::new(take, options.fingerprinter, options.scope.clone().unwrap_or_default(), options.now);
    let redaction = Redaction {
        fingerprinter: options.fingerprinter.filter(|_| options.fingerprint_values),
        fields: importer.secrets,
        public: importer.public,
        dropped: std::cell::Cell::new(0),
    };
    let bytes = head.as_slice().chain(&mut text);
    let delimiter = delimiter(&head);
    let outcome = read(Job { importer, format, delimiter, columns: options.columns }, bytes, &redaction, &mut intake)?;
    io::copy(&mut input, &mut io::sink()).map_err(unreadable)?;
    outcome.problems.into_iter().for_each(|problem| intake.problem(problem));
    // All of an unnamed account may be that of another one than the last time.
    let by_nature = importer.coverage == Coverage::Whole && !intake.account().is_empty();
    let is_whole = options.complete.unwrap_or(by_nature && !outcome.has_more);
    intake.counts.secrets_dropped += redaction.dropped.get();
    Ok(snapshot(importer, intake, options, is_whole, input.hasher))
}

fn snapshot(
    importer: &Importer,
    mut intake: Intake<'_>,
    options: &ImportOptions<'_>,
    is_whole: bool,
    hasher: Sha256,
) -> Snapshot {
    if intake.counts.records() == 0 && intake.problems.is_empty() && is_whole {
        intake.problem("no record in it: an empty export says nothing of what is gone");
    }
    let unsaid = intake.problems_total - intake.problems.len() as u64;
    if unsaid > 0 {
        intake.problems.push(format!("and {unsaid} more"));
    }
    Snapshot {
        source: SnapshotSource { kind: importer.name.to_owned(), scope: intake.account().to_owned() },
        // Of what is said to be from the future (a clock, a slip of the hand) nothing later could ever be right.
        taken_at: options.taken_at.or(intake.taken_at).map_or(options.now, |time| time.min(options.now)),
        complete: is_whole && intake.complete,
        sha256: data_encoding::HEXLOWER.encode(&hasher.finalize()),
        counts: intake.counts,
        problems: intake.problems,
    }
}

/// What is to be read, and how.
struct Job<'j> {
    importer: &'static Importer,
    format: Format,
    delimiter: u8,
    columns: Option<&'j ColumnMap>,
}

fn read(
    job: Job<'_>,
    bytes: impl Read,
    redaction: &Redaction<'_>,
    intake: &mut Intake<'_>,
) -> Result<ReadOutcome, InventoryError> {
    if let Reading::Text(read, _) = job.importer.reading {
        return read_text(bytes, read, intake);
    }
    let shapes: Vec<_> = job.importer.shapes.iter().filter(|shape| shape.format == job.format).collect();
    let mut linked = match job.importer.reading {
        Reading::Linked(new) => Some(new()),
        _ => None,
    };
    let mut take = |path: usize, key: &str, mut fields: Fields| {
        if let Some(columns) = job.columns {
            rename(&mut fields, columns);
        }
        let entry = Entry { path: shapes.get(path).map_or("", |shape| shape.path), key, fields: &fields };
        match (&job.importer.reading, &mut linked) {
            (_, Some(linked)) => linked.entry(&entry, intake),
            (Reading::Each(each), None) => each(&entry, intake),
            _ => {}
        }
        intake.failed.take().map_or(Ok(()), Err)
    };
    let outcome = match job.format {
        Format::Json => {
            let paths: Vec<_> = shapes.iter().map(|shape| RecordPath::parse(shape.path)).collect();
            read_json(bytes, &paths, redaction, &mut take)?
        }
        Format::Table | Format::Text => read_table(bytes, job.delimiter, redaction, &mut take)?,
        Format::Yaml => read_yaml(bytes, &mut take)?,
    };
    if let Some(mut linked) = linked {
        linked.finish(intake);
        intake.failed.take().map_or(Ok(()), Err)?;
    }
    Ok(outcome)
}

fn read_text(
    bytes: impl Read,
    read: fn(&str, &mut Intake<'_>),
    intake: &mut Intake<'_>,
) -> Result<ReadOutcome, InventoryError> {
    let mut text = zeroize::Zeroizing::new(Vec::new());
    let mut outcome = ReadOutcome::default();
    match bytes.take(MAX_TEXT_BYTES + 1).read_to_end(&mut text) {
        Ok(len) if len as u64 > MAX_TEXT_BYTES => outcome.problems.push(format!("larger than {MAX_TEXT_BYTES} bytes")),
        Ok(_) => read(&String::from_utf8_lossy(&text), intake),
        Err(error) => outcome.problems.push(format!("it can't be read: {}", error.kind())),
    }
    intake.failed.take().map_or(Ok(()), Err)?;
    Ok(outcome)
}

fn rename(fields: &mut Fields, columns: &ColumnMap) {
    let named = columns.0.iter().filter_map(|(ours, theirs)| {
        let lower = theirs.to_lowercase();
        Some((ours.clone(), fields.get(theirs).or_else(|| fields.get(&lower))?.clone()))
    });
    fields.0 = serde_json::Value::Object(named.collect());
}

struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
