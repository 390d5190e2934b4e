use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
};

use super::{
    CommandError, Env, ExitCode, InventorySettings, TakeRecord, exit_code, output, read, spool_error,
    table::{Table, TableFormat},
    write_line,
};
use crate::commands::gate::Gate;
use crate::commands::store::{check_signed, open_to_write};
use crate::{
    inventory::{Coverage, Importer, InventoryError, find},
    model::identity::{Record, Snapshot, Timestamp},
    store::{Imported, Store},
};

/// Opens the store that the settings name.
pub(super) fn open_store<'e>(settings: &InventorySettings, env: &Env<'e>) -> Result<Store<'e>, CommandError> {
    open_to_write(&settings.store, env)
}

/// Everything that the store says now. It has no snapshot of its own.
pub(super) fn read_store(
    settings: &InventorySettings,
    env: &Env<'_>,
    take: &mut TakeRecord<'_>,
) -> Result<Vec<Snapshot>, CommandError> {
    let mut store = open_store(settings, env)?;
    store.each_inventory_record::<CommandError>(&mut |record| Ok(take(record)?))?;
    Ok(Vec::new())
}

/// Takes exports into the store, each as a snapshot of its source, and says what each changed. The records wait in a
/// temporary file until an export is read to its end: by then its scope is known, and nothing was stored of a file that
/// can't be read at all.
///
/// # Errors
/// If an export or the store can't be read or written.
pub fn import(settings: &InventorySettings, format: TableFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut table = Table::new(&[
        "file",
        "source",
        "scope",
        "complete",
        "added",
        "changed",
        "unchanged",
        "vanished",
        "tombstones",
        "secrets_dropped",
        "snapshot",
    ]);
    let mut code = ExitCode::Clean;
    open_store(settings, env)?;
    for one in settings.each_file() {
        let mut spool = BufWriter::new(tempfile::tempfile().map_err(spool_error)?);
        let snapshots = read(&one, env, &mut |record| write_line(&mut spool, &record))?;
        let Some(snapshot) = snapshots.first() else { continue };
        if settings.complete.is_none() && is_nameless(snapshot) {
            let file = one.files.first().map_or(String::new(), |file| crate::model::DisplayPath(file).to_string());
            (env.warn)(&format!(
                "{file}: it doesn't say which account, tenant or server it is of, so what it lacks stays; \
                 `--scope NAME` says it, or `--complete` that there is only one"
            ));
        }
        let spool = spool.into_inner().map_err(|error| spool_error(error.into_error()))?;
        let imported = store_records(settings, env, snapshot, spool)?;
        if exit_code(&snapshots) != ExitCode::Clean {
            code = ExitCode::Incomplete;
        }
        if let Some(newest) = imported.outdated_by {
            let file = one.files.first().map_or(String::new(), |file| crate::model::DisplayPath(file).to_string());
            (env.warn)(&format!(
                "{file}: it was taken at {}, and the store knows this source as of {}: what that says stays as it is",
                snapshot.taken_at,
                Timestamp { millis: newest }
            ));
        }
        let counts = imported.counts;
        let unchanged =
            if imported.is_known { snapshot.counts.records().to_string() } else { counts.unchanged.to_string() };
        table.push(vec![
            one.files.first().map_or(String::new(), |file| crate::model::DisplayPath(file).to_string()),
            snapshot.source.kind.clone(),
            snapshot.source.scope.clone(),
            if snapshot.complete { "yes" } else { "no" }.to_owned(),
            counts.added.to_string(),
            counts.changed.to_string(),
            unchanged,
            counts.vanished.to_string(),
            counts.tombstones.to_string(),
            snapshot.counts.secrets_dropped.to_string(),
            imported.snapshot_id,
        ]);
    }
    check_signed(&mut open_store(settings, env)?, env)?;
    output::write(None, env, &|out| table.write(format, out))?;
    Ok(code)
}

/// Is it of a kind that speaks for all of its scope, and nobody knows which?
fn is_nameless(snapshot: &Snapshot) -> bool {
    let is_whole = |importer: &Importer| importer.coverage == Coverage::Whole;
    snapshot.source.scope.is_empty() && find(&snapshot.source.kind).is_ok_and(is_whole)
}

/// Records are looked through for secrets so many at a time.
const BATCH: usize = 1_000;

fn store_records(
    settings: &InventorySettings,
    env: &Env<'_>,
    snapshot: &Snapshot,
    mut spool: File,
) -> Result<Imported, CommandError> {
    let mut store = open_store(settings, env)?;
    let mut importer = match store.begin_import(snapshot)? {
        Ok(importer) => importer,
        Err(known) => return Ok(known),
    };
    spool.flush().and_then(|()| io::Seek::rewind(&mut spool)).map_err(spool_error)?;
    let (mut lines, gate) = (BufReader::new(spool).lines(), Gate::new()?);
    loop {
        let mut batch = Vec::new();
        for line in lines.by_ref().take(BATCH) {
            let line = line.map_err(spool_error)?;
            let record = serde_json::from_str::<Record>(&line);
            batch.push(record.map_err(|_| InventoryError::Taker("a record can't be read back".to_owned()))?);
        }
        if batch.is_empty() {
            break;
        }
        // Names and places of consumers come from files: a secret may stand in one.
        gate.clear_records(&mut batch);
        batch.into_iter().try_for_each(|record| importer.add(&mut store, record))?;
    }
    Ok(importer.finish(&mut store, snapshot)?)
}
