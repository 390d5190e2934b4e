//! Importing: every kind of export by a file of its shape, planted secrets, damage, size.

pub(crate) mod exports;
mod hostile;

use unleak::{
    fingerprint::KeyRing,
    inventory::{self, ImportOptions},
    model::identity::{Record, Snapshot, Timestamp},
};

/// A moment after all times of the exports, and before the ends of what isn't expired.
pub(crate) const NOW: Timestamp = Timestamp { millis: 1_714_737_600_000 };

pub(crate) struct Imported {
    pub(crate) snapshot: Snapshot,
    pub(crate) records: Vec<Record>,
}

impl Imported {
    /// Records as JSON, one per line.
    pub(crate) fn json(&self) -> String {
        self.records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect()
    }
}

pub(crate) fn options(ring: &KeyRing) -> ImportOptions<'_> {
    ImportOptions {
        importer: None,
        scope: None,
        taken_at: None,
        now: NOW,
        complete: None,
        fingerprinter: Some(ring),
        fingerprint_values: false,
        columns: None,
    }
}

pub(crate) fn import(name: &str, text: &[u8], options: &ImportOptions<'_>) -> Result<Imported, String> {
    let mut records = Vec::new();
    let snapshot = inventory::import(name, text, options, &mut |record| {
        records.push(record);
        Ok(())
    });
    snapshot.map(|snapshot| Imported { snapshot, records }).map_err(|error| error.to_string())
}
