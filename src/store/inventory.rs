//! The inventory in the store: imports, what each changed, and what is known now.

mod about;
mod entity;
mod listing;
mod newer;
mod principal;
mod vanish;

pub use about::About;
pub use listing::{InventoryLine, ListedClaim, ListedCredential, ListedIdentity, OwnerClaim};

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;

use super::{NewSnapshot, Outcome, SourceCategory, SourceName, Store, StoreError, Transaction, Value};
use crate::model::identity::{CredentialStatus, Record, Snapshot};

/// Records that are taken in at once: one transaction each.
const BATCH: usize = 500;

/// What an import changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImportCounts {
    /// Things that the source says for the first time.
    pub added: i64,
    /// Things of which it says something else.
    pub changed: i64,
    /// Things of which it says the same.
    pub unchanged: i64,
    /// Things that it no longer has.
    pub vanished: i64,
    /// Credentials that are dead since.
    pub tombstones: i64,
}

/// An import that is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The reading; that of the earlier import, if the very same file was the last one imported.
    pub snapshot_id: String,
    /// Was it?
    pub is_known: bool,
    /// What it changed.
    pub counts: ImportCounts,
    /// When the newest export of this source was taken, if that is later than this one: of what that says this one changes
    /// nothing. In milliseconds since 1970.
    pub outdated_by: Option<i64>,
}

/// A reading of a source: which one, and of what time it speaks.
#[derive(Clone, Debug)]
struct Reading {
    id: String,
    /// In milliseconds since 1970.
    taken_at: i64,
}

/// How a thing changed in one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came.
    Added,
    /// It changed.
    Changed,
    /// It went.
    Vanished,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedItem {
    /// How.
    pub change: Change,
    /// Its noun.
    pub noun: String,
    /// Its natural key.
    pub key: String,
    /// What is said of it.
    pub record: Json,
    /// What was said before, if it changed.
    pub former: Option<Json>,
}

/// A thing that no source has any more, as it was last said.
#[derive(Clone, Debug, PartialEq)]
pub struct VanishedItem {
    /// What was said of it.
    pub record: Record,
    /// The source that no longer has it: its importer and scope.
    pub source: [String; 2],
    /// When the reading began that no longer had it, in milliseconds since 1970.
    pub vanished_at: i64,
}

/// A place between two items, to go on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ItemCursor {
    source_id: String,
    noun: String,
    key: String,
}

/// Stands for the digest of what an export taken later says. No digest is this.
const OUTDATED: &str = "outdated";

/// Noun and key of something that a source says.
type Place = (String, String);

/// A record that is taken in.
struct Item<'r> {
    record: &'r Record,
    key: String,
    /// What is said, as the store takes it.
    json: Value,
    digest: String,
}

impl<'r> Item<'r> {
    fn of(record: &'r Record) -> Result<Item<'r>, StoreError> {
        let text =
            serde_json::to_string(record).map_err(|_| StoreError::Missing("a record that can't be written".into()))?;
        let digest = blake3::hash(text.as_bytes()).to_hex()[..32].to_owned();
        // PostgreSQL has no place for NUL.
        let key = item_key(record).replace('\0', "\u{fffd}");
        let json = if text.contains("\\u0000") {
            Value::json(&serde_json::from_str(&text).unwrap_or_default())
        } else {
            Value::Json(Some(text))
        };
        Ok(Item { record, key, json, digest })
    }
}

/// An import that is under way. Batches are transactions of their own: memory doesn't grow with the records, and an import
/// that is cut off leaves a snapshot that says so and makes nothing vanish.
#[derive(Debug)]
pub struct Importer {
    source_id: String,
    reading: Reading,
    kind: String,
    outdated_by: Option<i64>,
    pending: Vec<Record>,
    counts: ImportCounts,
}

impl Store<'_> {
    /// Begins an import; `Err` in the inner result is the finished import that took in the very same file, if no other came
    /// after it.
    ///
    /// # Errors
    /// What the engine says.
    pub fn begin_import(&mut self, snapshot: &Snapshot) -> Result<Result<Importer, Imported>, StoreError> {
        self.write(|tx| {
            let name = SourceName {
                category: SourceCategory::Inventory,
                kind: snapshot.source.kind.clone(),
                scope: snapshot.source.scope.clone(),
            };
            let source_id = tx.source(&name)?;
            let last = tx.query_one(
                "SELECT id, sha256 FROM snapshot WHERE source_id = $1 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1",
                &[(&source_id).into()],
            )?;
            if let Some(last) = last
                && last.get::<Option<String>>(1)?.as_deref() == Some(snapshot.sha256.as_str())
            {
                let counts = ImportCounts::default();
                return Ok(Err(Imported { snapshot_id: last.get(0)?, is_known: true, counts, outdated_by: None }));
            }
            let outdated_by = tx.newest_reading(&source_id)?.filter(|newest| *newest > snapshot.taken_at.millis);
            let new = NewSnapshot {
                taken_at: Some(snapshot.taken_at.millis),
                settings: String::new(),
                sha256: Some(snapshot.sha256.clone()),
            };
            let reading =
                Reading { id: tx.begin_snapshot(&source_id, &new)?, taken_at: snapshot.taken_at.millis };
            let (kind, counts) = (snapshot.source.kind.clone(), ImportCounts::default());
            Ok(Ok(Importer { source_id, reading, kind, outdated_by, pending: Vec::new(), counts }))
        })
    }

    /// Calls `take` with everything that any source says now, in pages: by source, noun and key.
    ///
    /// # Errors
    /// What the engine says, and what `take` says.
    pub fn each_inventory_record<E: From<StoreError>>(
        &mut self,
        take: &mut dyn FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut cursor = ItemCursor::default();
        loop {
            let page = self.read(|tx| tx.inventory_page(&cursor))?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            cursor = last.clone();
            page.into_iter().try_for_each(|(_, record)| take(record))?;
        }
    }
}

impl Importer {
    /// Takes a record in.
    ///
    /// # Errors
    /// What the engine says; nothing of the last batch was kept then.
    pub fn add(&mut self, store: &mut Store<'_>, record: Record) -> Result<(), StoreError> {
        self.pending.push(record);
        if self.pending.len() == BATCH { self.flush(store) } else { Ok(()) }
    }

    fn flush(&mut self, store: &mut Store<'_>) -> Result<(), StoreError> {
        let records = std::mem::take(&mut self.pending);
        let counts = store.write(|tx| {
            let mut counts = self.counts;
            self.add_all(tx, &records, &mut counts)?;
            Ok::<_, StoreError>(counts)
        })?;
        self.counts = counts;
        Ok(())
    }

    fn add_all(
        &self,
        tx: &mut Transaction<'_>,
        records: &[Record],
        counts: &mut ImportCounts,
    ) -> Result<(), StoreError> {
        let items = records.iter().map(Item::of).collect::<Result<Vec<_>, _>>()?;
        let mut digests = self.digests(tx, &items)?;
        let (mut unchanged, mut changed) = (Vec::new(), Vec::new());
        let mut taken = BTreeSet::new();
        for item in &items {
            let place = (item.record.noun().to_owned(), item.key.clone());
            if digests.get(&place).is_some_and(|known| known == OUTDATED) {
                counts.unchanged += 1;
                continue;
            }
            match digests.insert(place.clone(), item.digest.clone()) {
                Some(known) if known == item.digest => {
                    counts.unchanged += 1;
                    unchanged.push(self.seen(item));
                    continue;
                }
                Some(_) => counts.changed += 1,
                None => counts.added += 1,
            }
            // What stands twice and differently was said before it is said anew.
            if !taken.insert(place) {
                self.change(tx, &std::mem::take(&mut changed))?;
            }
            changed.push(item);
        }
        self.change(tx, &changed)?;
        self.see_again(tx, &unchanged)
    }

    fn seen(&self, item: &Item<'_>) -> Vec<Value> {
        vec![
            (&self.source_id).into(),
            item.record.noun().into(),
            (&item.key).into(),
            (&self.reading.id).into(),
            self.reading.taken_at.into(),
        ]
    }

    /// Notes that what is as it was was seen again.
    fn see_again(&self, tx: &mut Transaction<'_>, unchanged: &[Vec<Value>]) -> Result<(), StoreError> {
        tx.execute_rows(
            "WITH seen (source_id, noun, item_key, snapshot_id, taken_at) AS (VALUES {rows})
             UPDATE inventory_item SET last_snapshot_id = seen.snapshot_id FROM seen
             WHERE inventory_item.source_id = seen.source_id AND inventory_item.noun = seen.noun
                AND inventory_item.item_key = seen.item_key",
            unchanged,
        )?;
        for table in ["identity", "credential"] {
            tx.execute_rows(
                &format!(
                    "WITH seen (source_id, noun, item_key, snapshot_id, taken_at) AS (VALUES {{rows}})
                     UPDATE {table} SET last_snapshot_id = seen.snapshot_id, last_seen_at = seen.taken_at
                     FROM seen JOIN inventory_item AS i ON i.source_id = seen.source_id AND i.noun = seen.noun
                        AND i.item_key = seen.item_key
                     WHERE {table}.id = i.entity_id AND seen.noun = '{table}' AND {table}.last_seen_at < seen.taken_at"
                ),
                unchanged,
            )?;
        }
        Ok(())
    }

    /// What the source said of these before, by noun and key: its digest. Of what vanished there is an empty one, and
    /// [`OUTDATED`] of what it said, or no longer said, after this export was taken. Where somebody else said another status of a
    /// credential since, there is an empty one, too.
    fn digests(&self, tx: &mut Transaction<'_>, items: &[Item<'_>]) -> Result<HashMap<Place, String>, StoreError> {
        let wanted = items.iter().map(|item| (item.record.noun(), item.key.as_str())).collect::<BTreeSet<_>>();
        let status = |item: &Item<'_>| match item.record {
            Record::Credential(credential) => Some((item.key.clone(), credential.status)),
            _ => None,
        };
        let said: HashMap<String, CredentialStatus> = items.iter().filter_map(status).collect();
        let row = |(noun, key): (&str, &str)| {
            vec![(&self.source_id).into(), noun.into(), key.into(), self.reading.taken_at.into()]
        };
        // One look-up by the whole key for each. With lists PostgreSQL read all that the source ever said, for each batch.
        let rows = tx.query_rows(
            &format!(
                "WITH wanted (source_id, noun, item_key, taken_at) AS (VALUES {{rows}})
                 SELECT w.noun, w.item_key, (SELECT CASE WHEN coalesce(v.taken_at, l.taken_at) > w.taken_at THEN '{OUTDATED}'
                        WHEN i.vanished_snapshot_id IS NULL THEN i.digest ELSE '' END
                    FROM inventory_item AS i JOIN snapshot AS l ON l.id = i.last_snapshot_id
                    LEFT JOIN snapshot AS v ON v.id = i.vanished_snapshot_id
                    WHERE i.source_id = w.source_id AND i.noun = w.noun AND i.item_key = w.item_key),
                    CASE WHEN w.noun = 'credential' THEN (SELECT c.status FROM inventory_item AS i
                        JOIN credential AS c ON c.id = i.entity_id
                        WHERE i.source_id = w.source_id AND i.noun = w.noun AND i.item_key = w.item_key) END
                 FROM wanted AS w"
            ),
            &wanted.into_iter().map(row).collect::<Vec<_>>(),
        )?;
        let mut digests = HashMap::new();
        for row in &rows {
            let (place, status): (Place, Option<String>) = ((row.get(0)?, row.get(1)?), row.get(3)?);
            let Some(digest) = row.get::<Option<String>>(2)? else { continue };
            let is_at_odds = digest != OUTDATED
                && status.is_some_and(|status| said.get(&place.1).is_some_and(|said| is_at_odds(*said, &status)));
            digests.insert(place, if is_at_odds { String::new() } else { digest });
        }
        Ok(digests)
    }

    /// Takes in what is new or other than it was; each thing once.
    fn change(&self, tx: &mut Transaction<'_>, items: &[&Item<'_>]) -> Result<(), StoreError> {
        let records: Vec<&Record> = items.iter().map(|item| item.record).collect();
        let entities = entity::upsert(tx, &records, &self.reading)?;
        let row = |(item, entity): (&&Item<'_>, Option<String>)| {
            vec![
                (&self.source_id).into(),
                item.record.noun().into(),
                (&item.key).into(),
                (&item.digest).into(),
                item.json.clone(),
                entity.into(),
                (&self.reading.id).into(),
                (&self.reading.id).into(),
                (&self.reading.id).into(),
            ]
        };
        tx.execute_rows(
            "INSERT INTO inventory_item (source_id, noun, item_key, digest, record, entity_id, first_snapshot_id,
                changed_snapshot_id, last_snapshot_id) VALUES {rows}
             ON CONFLICT (source_id, noun, item_key) DO UPDATE SET digest = excluded.digest, record = excluded.record,
                former = inventory_item.record, entity_id = excluded.entity_id, vanished_snapshot_id = NULL,
                changed_snapshot_id = excluded.changed_snapshot_id, last_snapshot_id = excluded.last_snapshot_id",
            &items.iter().zip(entities).map(row).collect::<Vec<_>>(),
        )?;
        Ok(())
    }

    /// Ends the import. Only of a complete one what it lacks has vanished: credentials become tombstones, unless another
    /// source, read no earlier, still has them. What was said after the export was taken stays; and what only this one has has
    /// vanished by the next complete one.
    ///
    /// # Errors
    /// What the engine says.
    pub fn finish(mut self, store: &mut Store<'_>, snapshot: &Snapshot) -> Result<Imported, StoreError> {
        self.flush(store)?;
        if snapshot.complete {
            self.vanish_all(store, &self.reading.clone())?;
        }
        if self.outdated_by.is_some()
            && let Some(later) = store.read(|tx| tx.next_complete(&self.source_id, self.reading.taken_at))?
        {
            self.vanish_all(store, &later)?;
        }
        let (counts, id, outdated_by) = (self.counts, self.reading.id, self.outdated_by);
        store.write(|tx| {
            let said = serde_json::json!(counts);
            let problems = snapshot.problems.len() as u64;
            tx.finish_snapshot(&id, &Outcome { complete: snapshot.complete, problems, counts: said.clone() })?;
            let data = serde_json::json!({
                "source": snapshot.source.kind, "scope": snapshot.source.scope, "sha256": snapshot.sha256,
                "complete": snapshot.complete, "counts": said,
            });
            tx.audit("inventory.import", &format!("snapshot:{id}"), &data)
        })?;
        Ok(Imported { snapshot_id: id, is_known: false, counts, outdated_by })
    }
}

impl Transaction<'_> {
    /// Up to 500 live items behind a place.
    fn inventory_page(&mut self, after: &ItemCursor) -> Result<Vec<(ItemCursor, Record)>, StoreError> {
        let rows = self.query(
            "SELECT source_id, noun, item_key, CAST(record AS TEXT) FROM inventory_item
             WHERE vanished_snapshot_id IS NULL AND (source_id, noun, item_key) > ($1, $2, $3)
             ORDER BY source_id, noun, item_key LIMIT 500",
            &[(&after.source_id).into(), (&after.noun).into(), (&after.key).into()],
        )?;
        rows.iter()
            .map(|row| {
                let cursor = ItemCursor { source_id: row.get(0)?, noun: row.get(1)?, key: row.get(2)? };
                let record = item_record(&cursor, &row.get::<String>(3)?)?;
                Ok((cursor, record))
            })
            .collect()
    }

    /// Sources of the inventory with their last finished reading: kind, scope, snapshot id.
    ///
    /// # Errors
    /// What the engine says.
    pub fn inventory_sources(&mut self) -> Result<Vec<[String; 3]>, StoreError> {
        let rows = self.query(
            "SELECT s.kind, s.scope, max(n.id) FROM source AS s JOIN snapshot AS n ON n.source_id = s.id
             WHERE s.category = 'inventory' AND n.finished_at IS NOT NULL GROUP BY s.kind, s.scope ORDER BY s.kind, s.scope",
            &[],
        )?;
        rows.iter().map(|row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).collect()
    }

    /// Was anything of this source taken in?
    ///
    /// # Errors
    /// What the engine says.
    pub fn has_inventory_source(&mut self, kind: &str, scope: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM source WHERE category = 'inventory' AND kind = $1 AND scope = $2";
        Ok(self.query_one(sql, &[kind.into(), scope.into()])?.is_some())
    }

    /// Is there a reading of the inventory with this id?
    ///
    /// # Errors
    /// What the engine says.
    pub fn has_import(&mut self, snapshot_id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM snapshot AS n JOIN source AS s ON s.id = n.source_id
             WHERE n.id = $1 AND s.category = 'inventory'";
        Ok(self.query_one(sql, &[snapshot_id.into()])?.is_some())
    }

    /// What a reading changed, at most `limit` things, by noun and key.
    ///
    /// # Errors
    /// What the engine says.
    pub fn inventory_changes(&mut self, snapshot_id: &str, limit: i64) -> Result<Vec<ChangedItem>, StoreError> {
        let rows = self.query(
            "SELECT CAST(CASE WHEN vanished_snapshot_id = $1 THEN 2 WHEN first_snapshot_id = $1 THEN 0 ELSE 1 END AS BIGINT),
                noun, item_key, CAST(record AS TEXT), CAST(former AS TEXT)
             FROM inventory_item
             WHERE changed_snapshot_id = $1 OR vanished_snapshot_id = $1 ORDER BY noun, item_key LIMIT $2",
            &[snapshot_id.into(), limit.into()],
        )?;
        rows.iter()
            .map(|row| {
                let change = match row.get::<i64>(0)? {
                    0 => Change::Added,
                    1 => Change::Changed,
                    _ => Change::Vanished,
                };
                let former = (change == Change::Changed).then(|| row.get::<Option<Json>>(4)).transpose()?.flatten();
                Ok(ChangedItem { change, noun: row.get(1)?, key: row.get(2)?, record: row.get(3)?, former })
            })
            .collect()
    }
}

/// Does an export say something else of a credential than the store has? One that doesn't tell the status only says that it is there.
fn is_at_odds(said: CredentialStatus, known: &str) -> bool {
    match said {
        CredentialStatus::Unknown => known == CredentialStatus::Deleted.as_str(),
        said => said.as_str() != known,
    }
}

fn item_record(item: &ItemCursor, text: &str) -> Result<Record, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Missing(format!("the {} {} can't be read", item.noun, item.key)))
}

/// Longest key that stands as it is: indexes of PostgreSQL take 2,704 bytes.
const MAX_KEY: usize = 300;

fn item_key(record: &Record) -> String {
    let key = record.natural_key();
    if key.len() <= MAX_KEY {
        return key;
    }
    let start: String = key.chars().take(MAX_KEY / 4).collect();
    format!("{start}… {}", &blake3::hash(key.as_bytes()).to_hex()[..32])
}
