use serde_json::Value as Json;

use super::{StoreError, Transaction, Value};

/// What a source yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceCategory {
    /// Findings.
    Scan,
    /// Identities and credentials.
    Inventory,
    /// Fingerprints of credentials.
    Fingerprints,
}

impl SourceCategory {
    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SourceCategory::Scan => "scan",
            SourceCategory::Inventory => "inventory",
            SourceCategory::Fingerprints => "fingerprints",
        }
    }
}

/// What makes a source the same one next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName {
    /// What it yields.
    pub category: SourceCategory,
    /// The reader, such as `files` or `aws-credential-report`.
    pub kind: String,
    /// What of it: a name, a path, an account. Without credentials.
    pub scope: String,
}

/// A reading that begins.
#[derive(Clone, Debug, Default)]
pub struct NewSnapshot {
    /// The time that the contents speak of, in milliseconds since 1970; now, if `None`.
    pub taken_at: Option<i64>,
    /// Digest of the settings that decide what is seen.
    pub settings: String,
    /// SHA-256 of an imported file, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// How a reading ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Was everything in scope read?
    pub complete: bool,
    /// How many things could not be read.
    pub problems: u64,
    /// What it changed.
    pub counts: Json,
}

impl Transaction<'_> {
    /// The id of a source, which is made if it is new.
    ///
    /// # Errors
    /// What the engine says.
    pub fn source(&mut self, name: &SourceName) -> Result<String, StoreError> {
        let (id, now) = (self.new_id()?, self.now());
        let row = self.query_one(
            "INSERT INTO source (id, category, kind, scope, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
             ON CONFLICT (category, kind, scope) DO UPDATE SET updated_at = excluded.updated_at RETURNING id",
            &[id.into(), name.category.as_str().into(), (&name.kind).into(), (&name.scope).into(), now.into()],
        )?;
        row.map_or(Err(StoreError::Missing("the source was not stored".to_owned())), |row| row.get(0))
    }

    /// Begins a reading of a source and returns its id. Until it is finished, it counts as cut off.
    ///
    /// # Errors
    /// What the engine says.
    pub fn begin_snapshot(&mut self, source_id: &str, new: &NewSnapshot) -> Result<String, StoreError> {
        let (id, now) = (self.new_id()?, self.now());
        self.execute(
            "INSERT INTO snapshot (id, source_id, started_at, taken_at, settings, sha256, tool_version)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                (&id).into(),
                source_id.into(),
                now.into(),
                new.taken_at.unwrap_or(now).into(),
                (&new.settings).into(),
                new.sha256.as_deref().into(),
                env!("CARGO_PKG_VERSION").into(),
            ],
        )?;
        Ok(id)
    }

    /// Ends a reading.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it isn't running; what the engine says.
    pub fn finish_snapshot(&mut self, id: &str, outcome: &Outcome) -> Result<(), StoreError> {
        let now = self.now();
        let changed = self.execute(
            "UPDATE snapshot SET finished_at = $2, complete = $3, problems = $4, counts = $5
             WHERE id = $1 AND finished_at IS NULL",
            &[
                id.into(),
                now.into(),
                outcome.complete.into(),
                i64::try_from(outcome.problems).unwrap_or(i64::MAX).into(),
                Value::json(&outcome.counts),
            ],
        )?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Missing(format!("no snapshot {id} is running"))) }
    }

    /// The finished reading of a source that took in a file of this digest, if there is one.
    ///
    /// # Errors
    /// What the engine says.
    pub fn snapshot_of_file(&mut self, source_id: &str, sha256: &str) -> Result<Option<String>, StoreError> {
        let row = self.query_one(
            "SELECT id FROM snapshot WHERE source_id = $1 AND sha256 = $2 AND finished_at IS NOT NULL
             ORDER BY started_at DESC LIMIT 1",
            &[source_id.into(), sha256.into()],
        )?;
        row.map(|row| row.get(0)).transpose()
    }
}
