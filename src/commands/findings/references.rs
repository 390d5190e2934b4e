//! Who asks for secrets by name in what was scanned, taken into the store beside the findings: a plan can say who breaks.

use std::{collections::BTreeSet, path::Path};

use sha2::{Digest as _, Sha256};

use crate::{
    commands::{
        CommandError, Env,
        gate::Gate,
        inventory::{below, find_references, shown_directories},
        scan::ScanSettings,
    },
    inventory::reference::consumer,
    model::identity::{Record, Snapshot, SnapshotCounts, SnapshotSource, Timestamp, repository_name},
    store::Store,
};

/// Most references of one source that are kept: more are a mistake of patterns.
const MAX: usize = 100_000;

/// Reads the files of a directory once more, for references, and takes them in as a snapshot of its own. What it no longer has
/// vanishes, if all of it could be read. Costs a walk and one pass of an automaton.
///
/// # Errors
/// What the store says.
pub(super) fn record(
    store: &mut Store<'_>,
    (directory, source): (&Path, &str),
    (settings, gate): (&ScanSettings, &Gate),
    env: &Env<'_>,
) -> Result<(), CommandError> {
    let found = find_references(vec![directory.to_owned()], settings.files.clone(), (settings.threads, gate), env)?;
    let root = shown_directories(&[directory.to_owned()], gate);
    // As others that speak of this repository call it.
    let repository = repository_name(source);
    let (mut records, mut counts) = (Vec::new(), SnapshotCounts::default());
    let mut workloads = BTreeSet::new();
    for (path, reference) in found.references.iter().take(MAX) {
        let (workload, consumer) = consumer(reference, below(&root, path), repository);
        if workloads.insert(workload.clone()) {
            records.push(Record::Workload(workload));
        }
        records.push(Record::Consumer(consumer));
    }
    records.iter().for_each(|record| counts.add(record));
    let mut hasher = Sha256::new();
    for record in &records {
        hasher.update(serde_json::to_vec(record).unwrap_or_default());
        hasher.update(b"\n");
    }
    let elapsed = (env.now)().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let snapshot = Snapshot {
        source: SnapshotSource { kind: "consumers".to_owned(), scope: source.to_owned() },
        taken_at: Timestamp { millis: i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX) },
        complete: found.problems.is_empty() && found.references.len() <= MAX,
        sha256: data_encoding::HEXLOWER.encode(&hasher.finalize()),
        counts,
        problems: Vec::new(),
    };
    if records.is_empty() && !store.read(|tx| tx.has_inventory_source(&snapshot.source.kind, source))? {
        return Ok(());
    }
    let Ok(mut importer) = store.begin_import(&snapshot)? else { return Ok(()) };
    for record in records {
        importer.add(store, record)?;
    }
    importer.finish(store, &snapshot)?;
    Ok(())
}
