use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::{FindingState, NewSnapshot, Outcome, Row, SourceName, StateChange, Store, StoreError, Transaction, Value};
use crate::model::{Severity, StoreChanges};

/// A finding as a scan hands it to the store. Every text in it is redacted.
#[derive(Clone, Debug)]
pub struct ScannedFinding {
    /// Fingerprint of rule and secret, as reports print it.
    pub fp: String,
    /// Names the key of it.
    pub fp_key_id: String,
    /// The same secret's fingerprints under former keys: a finding known by one of them gets the new one.
    pub former_fps: Vec<String>,
    /// Further digests, comparable with those of credentials.
    pub digests: Vec<KeyedDigest>,
    /// The rule's id.
    pub rule_id: String,
    /// The rule's provider.
    pub provider: String,
    /// What it technically is.
    pub kind: String,
    /// What it acts as.
    pub identity_kind: String,
    /// Harm, if it works.
    pub severity: Severity,
    /// How sure it is a secret, 0 to 100.
    pub score: u8,
    /// What may be shown of it.
    pub preview: String,
    /// The public part that names its identity.
    pub public_id: Option<String>,
    /// Facts that are not secret, by name: an object of text.
    pub attributes: Option<serde_json::Value>,
    /// Where it stands.
    pub occurrences: Vec<ScannedOccurrence>,
}

impl ScannedFinding {
    /// Adds facts that are not secret; those it has stay.
    pub fn show(&mut self, facts: impl IntoIterator<Item = (&'static str, String)>) {
        let mut facts = facts.into_iter().peekable();
        if facts.peek().is_none() {
            return;
        }
        let shown = self.attributes.get_or_insert_with(|| json!({}));
        if let Some(shown) = shown.as_object_mut() {
            for (name, value) in facts {
                shown.entry(name).or_insert(value.into());
            }
        }
    }
}

/// A digest of a secret: versioned scheme, key, value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedDigest {
    /// How it was made, with its version.
    pub scheme: String,
    /// Names the key; empty for digests without one.
    pub key_id: String,
    /// The digest.
    pub value: String,
}

/// A place as a scan hands it to the store. Every text in it is redacted.
#[derive(Clone, Debug, Default)]
pub struct ScannedOccurrence {
    /// Names the place in its source, stable when lines move.
    pub locator_key: String,
    /// `file`, `git`, `named`, …
    pub kind: String,
    /// Path in the source.
    pub path: Option<String>,
    /// `content`, `name` or `link-target`.
    pub part: String,
    /// Line of the first byte, from 1.
    pub line: u64,
    /// Column of the first byte, in bytes from 1.
    pub column: u64,
    /// All that is known of it.
    pub locator: serde_json::Value,
    /// The commit that brought it.
    pub commit_id: Option<String>,
    /// Who wrote it there.
    pub author: Option<String>,
    /// When, in milliseconds since 1970.
    pub authored_at: Option<i64>,
    /// The last commit that has it.
    pub last_commit_id: Option<String>,
    /// When that was made, in milliseconds since 1970.
    pub last_commit_at: Option<i64>,
    /// Does the commit at `HEAD` have it?
    pub at_head: Option<bool>,
    /// Can everybody read it?
    pub public: Option<bool>,
}

/// Takes the findings of one source in. Batches are transactions of their own: memory doesn't grow with the scan, and a scan
/// that is cut off leaves a snapshot that says so.
#[derive(Debug)]
pub struct Recorder {
    source_id: String,
    snapshot_id: String,
    settings: String,
    regressed: u64,
}

impl Recorder {
    /// Begins to record a scan of a source.
    ///
    /// # Errors
    /// What the engine says.
    pub fn begin(store: &mut Store<'_>, source: &SourceName, new: &NewSnapshot) -> Result<Recorder, StoreError> {
        store.write(|tx| {
            tx.reopen_expired()?;
            let source_id = tx.source(source)?;
            let snapshot_id = tx.begin_snapshot(&source_id, new)?;
            Ok(Recorder { source_id, snapshot_id, settings: new.settings.clone(), regressed: 0 })
        })
    }

    /// The reading that is recorded.
    #[must_use]
    pub fn snapshot_id(&self) -> &str {
        &self.snapshot_id
    }

    /// Records findings in one transaction. A few hundred at once are fastest.
    ///
    /// # Errors
    /// What the engine says; nothing of these findings was kept then.
    pub fn add(&mut self, store: &mut Store<'_>, findings: &[ScannedFinding]) -> Result<(), StoreError> {
        self.regressed += store.write(|tx| self.add_in(tx, findings))?;
        Ok(())
    }

    /// Ends the scan. Only a complete one says what is gone: what a scan with the same settings saw and this one didn't.
    ///
    /// # Errors
    /// What the engine says.
    pub fn finish(self, store: &mut Store<'_>, complete: bool, problems: u64) -> Result<StoreChanges, StoreError> {
        store.write(|tx| self.finish_in(tx, complete, problems))
    }

    fn add_in(&self, tx: &mut Transaction<'_>, findings: &[ScannedFinding]) -> Result<u64, StoreError> {
        // By fingerprint: PostgreSQL refuses to touch a row twice in a statement, and two scans at once must lock in one order.
        let by_fp: BTreeMap<&str, &ScannedFinding> = findings.iter().map(|f| (f.fp.as_str(), f)).collect();
        for finding in by_fp.values().filter(|finding| !finding.former_fps.is_empty()) {
            rename(tx, finding)?;
        }
        let unique: Vec<&ScannedFinding> = by_fp.into_values().collect();
        let mut known = HashMap::new();
        for batch in batches(&unique) {
            for row in self.upsert_findings(tx, batch)? {
                known.insert(row.get::<String>(1)?, (row.get::<String>(0)?, row.get::<String>(2)?));
            }
        }
        let id_of = |finding: &ScannedFinding| known.get(&finding.fp).map(|(id, _)| id.clone());
        let mut places = BTreeMap::new();
        for finding in findings {
            let Some(id) = id_of(finding) else { continue };
            places.extend(finding.occurrences.iter().map(|place| ((id.clone(), place.locator_key.as_str()), place)));
        }
        let places: Vec<_> = places.into_iter().collect();
        let mut moved = HashSet::new();
        for batch in batches(&places) {
            for row in self.upsert_occurrences(tx, batch)? {
                if row.get::<String>(1)? == self.snapshot_id {
                    moved.insert(row.get::<String>(0)?);
                }
            }
        }
        let digests = unique.iter().filter_map(|finding| Some((known.get(&finding.fp)?.0.as_str(), &finding.digests)));
        tx.add_finding_digests(digests.flat_map(|(id, digests)| digests.iter().map(move |digest| (id, digest))))?;
        let resolved = FindingState::Resolved.as_str();
        let mut regressed: Vec<&String> =
            known.values().filter(|(id, state)| state == resolved && moved.contains(id)).map(|(id, _)| id).collect();
        regressed.sort();
        for id in &regressed {
            let change = StateChange {
                to: FindingState::Regressed,
                reason: Some(format!("found again by snapshot {}", self.snapshot_id)),
                until_ms: None,
            };
            tx.change_finding(id, &change)?;
        }
        Ok(regressed.len() as u64)
    }

    fn upsert_findings(&self, tx: &mut Transaction<'_>, batch: &[&ScannedFinding]) -> Result<Vec<Row>, StoreError> {
        let mut values: Vec<Value> = vec![tx.now().into(), (&self.snapshot_id).into()];
        for finding in batch {
            values.extend([
                tx.new_id()?.into(),
                (&finding.fp).into(),
                (&finding.fp_key_id).into(),
                (&finding.rule_id).into(),
                (&finding.provider).into(),
                (&finding.kind).into(),
                (&finding.identity_kind).into(),
                finding.severity.as_str().into(),
                finding.score.into(),
                initial_risk(finding).into(),
                (&finding.preview).into(),
                finding.public_id.as_deref().into(),
                Value::json_or_null(finding.attributes.as_ref()),
            ]);
        }
        let rows = rows_of(batch.len(), 2, 13, "$1, $1, $1, $1, $2, $2");
        tx.query(
            &format!(
                "INSERT INTO finding (id, fp, fp_key_id, rule_id, provider, kind, identity_kind, severity, score, risk,
                    preview, public_id, attributes, state_at, first_seen_at, last_seen_at, updated_at, first_snapshot_id,
                    last_snapshot_id)
                 VALUES {rows}
                 ON CONFLICT (fp) DO UPDATE SET rule_id = excluded.rule_id, provider = excluded.provider,
                    kind = excluded.kind, identity_kind = excluded.identity_kind, severity = excluded.severity,
                    score = excluded.score, preview = excluded.preview,
                    risk = CASE WHEN finding.risk_reasons IS NULL THEN excluded.risk ELSE finding.risk END,
                    public_id = coalesce(excluded.public_id, finding.public_id),
                    attributes = coalesce(excluded.attributes, finding.attributes), gone_at = NULL,
                    last_seen_at = excluded.last_seen_at, updated_at = excluded.updated_at,
                    last_snapshot_id = excluded.last_snapshot_id
                 RETURNING id, fp, state"
            ),
            &values,
        )
    }

    fn upsert_occurrences(
        &self,
        tx: &mut Transaction<'_>,
        batch: &[((String, &str), &ScannedOccurrence)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut values: Vec<Value> = vec![tx.now().into(), (&self.snapshot_id).into(), (&self.source_id).into()];
        for ((finding_id, locator_key), place) in batch {
            values.extend([
                finding_id.into(),
                (*locator_key).into(),
                (&place.kind).into(),
                place.path.as_deref().into(),
                (&place.part).into(),
                i64::try_from(place.line).unwrap_or(i64::MAX).into(),
                i64::try_from(place.column).unwrap_or(i64::MAX).into(),
                Value::json(&place.locator),
                place.commit_id.as_deref().into(),
                place.author.as_deref().into(),
                place.authored_at.into(),
                place.last_commit_id.as_deref().into(),
                place.last_commit_at.into(),
                place.at_head.into(),
                place.public.into(),
            ]);
        }
        let rows = rows_of(batch.len(), 3, 15, "$1, $1, $2, $2, $3");
        tx.query(
            &format!(
                "INSERT INTO occurrence (finding_id, locator_key, kind, path, part, line, column_number, locator, commit_id,
                    author, authored_at, last_commit_id, last_commit_at, at_head, public, first_seen_at, last_seen_at,
                    came_snapshot_id, last_snapshot_id, source_id)
                 VALUES {rows}
                 ON CONFLICT (finding_id, source_id, locator_key) DO UPDATE SET kind = excluded.kind, path = excluded.path,
                    part = excluded.part, line = excluded.line, column_number = excluded.column_number,
                    locator = excluded.locator, commit_id = coalesce(excluded.commit_id, occurrence.commit_id),
                    author = coalesce(excluded.author, occurrence.author),
                    authored_at = coalesce(excluded.authored_at, occurrence.authored_at),
                    last_commit_id = coalesce(excluded.last_commit_id, occurrence.last_commit_id),
                    last_commit_at = coalesce(excluded.last_commit_at, occurrence.last_commit_at),
                    at_head = coalesce(excluded.at_head, occurrence.at_head),
                    public = coalesce(excluded.public, occurrence.public), present = TRUE, gone_at = NULL,
                    gone_snapshot_id = NULL, last_seen_at = excluded.last_seen_at,
                    last_snapshot_id = excluded.last_snapshot_id,
                    came_snapshot_id = CASE WHEN occurrence.present THEN occurrence.came_snapshot_id
                        ELSE excluded.came_snapshot_id END
                 RETURNING finding_id, came_snapshot_id"
            ),
            &values,
        )
    }

    fn finish_in(&self, tx: &mut Transaction<'_>, complete: bool, problems: u64) -> Result<StoreChanges, StoreError> {
        let snapshot: Value = (&self.snapshot_id).into();
        let places_gone = if complete { self.mark_gone(tx)? } else { 0 };
        let count = |tx: &mut Transaction<'_>, sql: &str| -> Result<u64, StoreError> {
            let row = tx.query_one(sql, std::slice::from_ref(&snapshot))?;
            Ok(row.map_or(Ok(0), |row| row.get::<i64>(0))?.unsigned_abs())
        };
        let counts = StoreChanges {
            new: count(tx, "SELECT count(*) FROM finding WHERE first_snapshot_id = $1")?,
            seen: count(tx, "SELECT count(*) FROM finding WHERE last_snapshot_id = $1 AND first_snapshot_id <> $1")?,
            gone: count(
                tx,
                "SELECT count(*) FROM finding WHERE gone_at IS NOT NULL AND id IN
                    (SELECT finding_id FROM occurrence WHERE gone_snapshot_id = $1)",
            )?,
            places_gone,
            regressed: self.regressed,
        };
        let told = json!(counts);
        tx.finish_snapshot(&self.snapshot_id, &Outcome { complete, problems, counts: told.clone() })?;
        let data = json!({ "source": self.source_id, "complete": complete, "problems": problems, "counts": told });
        tx.audit("scan.record", &format!("snapshot:{}", self.snapshot_id), &data)?;
        Ok(counts)
    }

    /// What was last seen by a scan with these settings is gone, if this one has not seen it.
    fn mark_gone(&self, tx: &mut Transaction<'_>) -> Result<u64, StoreError> {
        let now = tx.now();
        let places = tx.execute(
            "UPDATE occurrence SET present = FALSE, gone_at = $1, gone_snapshot_id = $2
             WHERE source_id = $3 AND present AND last_snapshot_id <> $2
                AND last_snapshot_id IN (SELECT id FROM snapshot WHERE source_id = $3 AND settings = $4)",
            &[now.into(), (&self.snapshot_id).into(), (&self.source_id).into(), (&self.settings).into()],
        )?;
        tx.execute(
            "UPDATE finding SET gone_at = $1, updated_at = $1 WHERE gone_at IS NULL
                AND id IN (SELECT finding_id FROM occurrence WHERE gone_snapshot_id = $2)
                AND NOT EXISTS (SELECT 1 FROM occurrence AS o WHERE o.finding_id = finding.id AND o.present)",
            &[now.into(), (&self.snapshot_id).into()],
        )?;
        Ok(places)
    }
}

/// A finding that is known under a former key's fingerprint gets the new one, unless the new one is known as well.
fn rename(tx: &mut Transaction<'_>, finding: &ScannedFinding) -> Result<(), StoreError> {
    for former in &finding.former_fps {
        tx.execute(
            "UPDATE finding SET fp = $2, fp_key_id = $3, updated_at = $4
             WHERE fp = $1 AND NOT EXISTS (SELECT 1 FROM finding AS other WHERE other.fp = $2)",
            &[former.into(), (&finding.fp).into(), (&finding.fp_key_id).into(), tx.now().into()],
        )?;
    }
    Ok(())
}

/// Until more is known: how bad it is, if it is one.
fn initial_risk(finding: &ScannedFinding) -> i64 {
    let harm = match finding.severity {
        Severity::Critical => 80,
        Severity::High => 60,
        Severity::Medium => 40,
        Severity::Low => 20,
    };
    harm * i64::from(finding.score) / 100
}

/// Cuts into runs of few different lengths: each length is a statement of its own, and engines keep those they know.
fn batches<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let len = [64, 8, 1].into_iter().find(|&len| len <= items.len())?;
        let (batch, rest) = items.split_at(len);
        items = rest;
        Some(batch)
    })
}

/// `($3, $4, shared), ($5, $6, shared), …`: the values of several rows, the first of them numbered after `shared_values`.
fn rows_of(rows: usize, shared_values: usize, columns: usize, shared: &str) -> String {
    let row = |row: usize| {
        let own = (1..=columns).map(|column| format!("${}, ", shared_values + row * columns + column));
        format!("({}{shared})", own.collect::<String>())
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{batches, rows_of};

    #[test]
    fn batches_have_few_lengths_and_lose_nothing() {
        let items: Vec<usize> = (0..147).collect();
        let lengths: Vec<usize> = batches(&items).map(<[usize]>::len).collect();
        assert_eq!(lengths, [64, 64, 8, 8, 1, 1, 1]);
        assert_eq!(batches(&items).flatten().copied().collect::<Vec<_>>(), items);
    }

    #[test]
    fn values_are_numbered_after_the_shared_ones() {
        assert_eq!(rows_of(2, 1, 2, "$1"), "($2, $3, $1), ($4, $5, $1)");
    }
}
