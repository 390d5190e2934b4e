//! The inventory in the store: imports, what each changed, and what is known now.

mod about;
mod entity;
mod listing;
mod principal;

pub use about::About;
pub use listing::{InventoryLine, ListedClaim, ListedCredential, ListedIdentity, OwnerClaim};

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;

use super::{NewSnapshot, Outcome, SourceCategory, SourceName, Store, StoreError, Transaction, Value};
use crate::model::identity::{Record, Snapshot};

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
    snapshot_id: String,
    kind: String,
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
                return Ok(Err(Imported { snapshot_id: last.get(0)?, is_known: true, counts }));
            }
            let new = NewSnapshot {
                taken_at: Some(snapshot.taken_at.millis),
                settings: String::new(),
                sha256: Some(snapshot.sha256.clone()),
            };
            let snapshot_id = tx.begin_snapshot(&source_id, &new)?;
            let kind = snapshot.source.kind.clone();
            Ok(Ok(Importer { source_id, snapshot_id, kind, pending: Vec::new(), counts: ImportCounts::default() }))
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
            match digests.insert(place.clone(), item.digest.clone()) {
                Some(known) if known == item.digest => {
                    counts.unchanged += 1;
                    let (source, snapshot) = (Value::from(&self.source_id), Value::from(&self.snapshot_id));
                    unchanged.push(vec![source, item.record.noun().into(), (&item.key).into(), snapshot]);
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
        tx.execute_rows(
            "WITH seen (source_id, noun, item_key, snapshot_id) AS (VALUES {rows})
             UPDATE inventory_item SET last_snapshot_id = seen.snapshot_id FROM seen
             WHERE inventory_item.source_id = seen.source_id AND inventory_item.noun = seen.noun
                AND inventory_item.item_key = seen.item_key",
            &unchanged,
        )?;
        Ok(())
    }

    /// What the source said of these before, by noun and key: its digest. Of what vanished there is an empty one.
    fn digests(&self, tx: &mut Transaction<'_>, items: &[Item<'_>]) -> Result<HashMap<Place, String>, StoreError> {
        let wanted = items.iter().map(|item| (item.record.noun(), item.key.as_str())).collect::<BTreeSet<_>>();
        let row = |(noun, key): (&str, &str)| vec![(&self.source_id).into(), noun.into(), key.into()];
        // One look-up by the whole key for each. With lists PostgreSQL read all that the source ever said, for each batch.
        let rows = tx.query_rows(
            "WITH wanted (source_id, noun, item_key) AS (VALUES {rows})
             SELECT noun, item_key, (SELECT CASE WHEN i.vanished_snapshot_id IS NULL THEN i.digest ELSE '' END
                FROM inventory_item AS i WHERE i.source_id = w.source_id AND i.noun = w.noun AND i.item_key = w.item_key)
             FROM wanted AS w",
            &wanted.into_iter().map(row).collect::<Vec<_>>(),
        )?;
        let mut digests = HashMap::new();
        for row in &rows {
            if let Some(digest) = row.get::<Option<String>>(2)? {
                digests.insert((row.get(0)?, row.get(1)?), digest);
            }
        }
        Ok(digests)
    }

    /// Takes in what is new or other than it was; each thing once.
    fn change(&self, tx: &mut Transaction<'_>, items: &[&Item<'_>]) -> Result<(), StoreError> {
        let records: Vec<&Record> = items.iter().map(|item| item.record).collect();
        let entities = entity::upsert(tx, &records, &self.snapshot_id)?;
        let row = |(item, entity): (&&Item<'_>, Option<String>)| {
            vec![
                (&self.source_id).into(),
                item.record.noun().into(),
                (&item.key).into(),
                (&item.digest).into(),
                item.json.clone(),
                entity.into(),
                (&self.snapshot_id).into(),
                (&self.snapshot_id).into(),
                (&self.snapshot_id).into(),
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
    /// source, read no earlier, still has them.
    ///
    /// # Errors
    /// What the engine says.
    pub fn finish(mut self, store: &mut Store<'_>, snapshot: &Snapshot) -> Result<Imported, StoreError> {
        self.flush(store)?;
        if snapshot.complete {
            let mut after = ItemCursor::default();
            // Nothing outside of a transaction changes before it is kept: it may be tried more than once.
            while let Some((last, counts)) = store.write(|tx| self.vanish(tx, &after))? {
                (after, self.counts) = (last, counts);
            }
        }
        let (counts, id) = (self.counts, self.snapshot_id);
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
        Ok(Imported { snapshot_id: id, is_known: false, counts })
    }

    /// Lets a batch of what wasn't seen behind a place vanish. Where it ended, and what that makes of the counts; `None` if
    /// there was nothing.
    fn vanish(
        &self,
        tx: &mut Transaction<'_>,
        after: &ItemCursor,
    ) -> Result<Option<(ItemCursor, ImportCounts)>, StoreError> {
        let gone = tx.query(
            "SELECT noun, item_key, entity_id FROM inventory_item
             WHERE source_id = $1 AND last_snapshot_id <> $2 AND vanished_snapshot_id IS NULL
                AND (noun, item_key) > ($3, $4)
             ORDER BY noun, item_key LIMIT 500",
            &[(&self.source_id).into(), (&self.snapshot_id).into(), (&after.noun).into(), (&after.key).into()],
        )?;
        let mut counts = self.counts;
        for row in &gone {
            let (noun, key): (String, String) = (row.get(0)?, row.get(1)?);
            tx.execute(
                "UPDATE inventory_item SET vanished_snapshot_id = $4
                 WHERE source_id = $1 AND noun = $2 AND item_key = $3",
                &[(&self.source_id).into(), (&noun).into(), (&key).into(), (&self.snapshot_id).into()],
            )?;
            counts.vanished += 1;
            let Some(entity) = row.get::<Option<String>>(2)? else { continue };
            let others = tx.query_one(
                "SELECT 1 FROM inventory_item AS i JOIN snapshot AS s ON s.id = i.last_snapshot_id
                 WHERE i.entity_id = $1 AND i.noun = $2 AND i.vanished_snapshot_id IS NULL
                    AND s.taken_at >= (SELECT taken_at FROM snapshot WHERE id = $3) LIMIT 1",
                &[(&entity).into(), (&noun).into(), (&self.snapshot_id).into()],
            )?;
            if others.is_none() && entity::vanish(tx, &noun, &entity, &self.kind)? {
                counts.tombstones += 1;
            }
        }
        let Some(last) = gone.last() else { return Ok(None) };
        let last = ItemCursor { source_id: self.source_id.clone(), noun: last.get(0)?, key: last.get(1)? };
        Ok(Some((last, counts)))
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
