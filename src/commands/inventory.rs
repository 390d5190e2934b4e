//! `unleak inventory`: what administrators' exports say, and who uses what.

mod consumers;
mod diff;
mod import;
mod listing;
mod sorter;
mod table;

pub use consumers::{ConsumerSettings, consumers};
pub(super) use consumers::{below, find as find_references, shown_directories};
pub use diff::{diff, diff_of_store};
pub use import::import;
pub use listing::{formats, list, owners, show};
pub use table::TableFormat;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{CommandError, Env, ExitCode, fingerprint_key, output, store::StoreChoice};
use crate::{
    inventory::{self, ColumnMap, ImportOptions, InventoryError},
    model::{
        DisplayPath, Escaped,
        identity::{Record, Snapshot, Timestamp},
    },
};

/// Which exports are read, and how.
#[derive(Clone, Debug, Default)]
pub struct InventorySettings {
    /// Files of exports; `-` is standard input. Of none the store is read, if there is one.
    pub files: Vec<PathBuf>,
    /// The store, and who acts.
    pub store: StoreChoice,
    /// Name of the importer; by the shape of each file if `None`.
    pub importer: Option<String>,
    /// What the exports speak of, where they don't say so themselves.
    pub scope: Option<String>,
    /// When they were made, by RFC 3339.
    pub taken_at: Option<String>,
    /// Do they have everything in their scope? By the kind of export if `None`.
    pub complete: Option<bool>,
    /// Make fingerprints of secret values before they are dropped?
    pub fingerprint_values: bool,
    /// File that maps columns of a generic table.
    pub columns: Option<PathBuf>,
    /// File that holds the fingerprint key.
    pub fingerprint_key: Option<PathBuf>,
}

/// Takes each record of an export.
type TakeRecord<'t> = dyn FnMut(Record) -> Result<(), InventoryError> + 't;

/// Reads all exports, in the order given, and returns their snapshots.
fn read(
    settings: &InventorySettings,
    env: &mut Env<'_>,
    take: &mut TakeRecord<'_>,
) -> Result<Vec<Snapshot>, CommandError> {
    if settings.files.is_empty() {
        return import::read_store(settings, env, take);
    }
    let importer = settings.importer.as_deref().map(inventory::find).transpose()?;
    let columns = settings.columns.as_deref().map(column_map).transpose()?;
    let taken_at = match &settings.taken_at {
        Some(text) => {
            Some(Timestamp::parse(text).ok_or_else(|| CommandError::NotATime(Escaped(text.as_bytes()).to_string()))?)
        }
        None => None,
    };
    let ring = fingerprint_key::ring(settings.fingerprint_key.as_deref(), env)?;
    let options = ImportOptions {
        importer,
        scope: settings.scope.clone(),
        taken_at,
        now: now(env),
        complete: settings.complete,
        fingerprinter: Some(&ring),
        fingerprint_values: settings.fingerprint_values,
        columns: columns.as_ref(),
    };
    let mut snapshots = Vec::new();
    for path in &settings.files {
        let (name, input) = open(path)?;
        let snapshot = inventory::import(&name, input, &options, take)?;
        for problem in &snapshot.problems {
            (env.warn)(&format!("{}: {problem}", Escaped(name.as_bytes())));
        }
        snapshots.push(snapshot);
    }
    Ok(snapshots)
}

fn now(env: &Env<'_>) -> Timestamp {
    let elapsed = (env.now)().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp { millis: i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX) }
}

fn open(path: &Path) -> Result<(String, Box<dyn Read>), CommandError> {
    if path.as_os_str() == "-" {
        return Ok(("<stdin>".to_owned(), Box::new(io::stdin())));
    }
    let failed = |source| CommandError::Read { path: DisplayPath(path).to_string(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Ok((path.to_string_lossy().into_owned(), Box::new(file)))
}

fn column_map(path: &Path) -> Result<ColumnMap, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| CommandError::Read { path: DisplayPath(path).to_string(), source })?;
    Ok(ColumnMap::parse(&text)?)
}

fn exit_code(snapshots: &[Snapshot]) -> ExitCode {
    if snapshots.iter().any(|snapshot| !snapshot.problems.is_empty()) { ExitCode::Incomplete } else { ExitCode::Clean }
}

/// Writes everything that exports, or the store, say in one notation, one JSON record per line, each export's snapshot after
/// its records: to be kept, compared and read by other programs. As a table, the lines of [`list`]. Nothing of it is secret.
///
/// # Errors
/// If an export can't be read, or the output not written.
pub fn export(
    settings: &InventorySettings,
    format: TableFormat,
    to: Option<&Path>,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    if format != TableFormat::Json {
        return listing::list_to(to, settings, format, env);
    }
    // Written while it is read, so that memory doesn't grow; a file appears whole or not at all.
    let mut spool = tempfile::tempfile().map_err(spool_error)?;
    let mut code = ExitCode::Clean;
    let mut lines = io::BufWriter::new(&mut spool);
    for one in settings.each_file() {
        let snapshots = read(&one, env, &mut |record| write_line(&mut lines, &record))?;
        for snapshot in &snapshots {
            write_line(&mut lines, &serde_json::json!({ "record": "snapshot", "snapshot": snapshot }))?;
        }
        if exit_code(&snapshots) != ExitCode::Clean {
            code = ExitCode::Incomplete;
        }
    }
    io::Write::flush(&mut lines).map_err(spool_error)?;
    drop(lines);
    let spool = std::cell::RefCell::new(spool);
    output::write(to, env, &|out| {
        let mut spool = spool.borrow_mut();
        io::Seek::rewind(&mut *spool)?;
        io::copy(&mut *spool, out).map(drop)
    })?;
    Ok(code)
}

impl InventorySettings {
    /// The same for each file by itself; for none (the store) once.
    fn each_file(&self) -> Vec<InventorySettings> {
        if self.files.is_empty() {
            return vec![self.clone()];
        }
        self.files.iter().map(|file| InventorySettings { files: vec![file.clone()], ..self.clone() }).collect()
    }
}

fn spool_error(source: io::Error) -> CommandError {
    CommandError::Write { path: "a temporary file".to_owned(), source }
}

fn write_line(out: &mut dyn io::Write, value: &impl serde::Serialize) -> Result<(), InventoryError> {
    let written = serde_json::to_writer(&mut *out, value).map_err(io::Error::from).and_then(|()| out.write_all(b"\n"));
    written.map_err(|error| InventoryError::Taker(format!("can't write: {error}")))
}
