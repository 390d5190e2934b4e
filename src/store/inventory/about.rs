//! Everything that sources say, or said, of one thing: by indexes, so that it costs the same in a large inventory.

use std::collections::BTreeSet;

use super::{
    super::{Store, StoreError, Transaction},
    ItemCursor, VanishedItem, item_record,
};
use crate::model::identity::Record;

/// Most rows that one name leads to, and items that are read.
const MAX: i64 = 10_000;

/// What is said of a thing: now, and formerly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// What sources say now, by noun and key.
    pub now: Vec<Record>,
    /// What the last reading of a source no longer had.
    pub vanished: Vec<VanishedItem>,
}

/// Whose own id, name or public id it is, of each noun that a row has; `$1` is the text, `$2` to `$4` its parts if it is
/// `provider:account:id`.
const NAMED: &[&str] = &[
    "SELECT id FROM identity WHERE native_id = $1 OR name = $1 OR (provider = $2 AND account = $3 AND native_id = $4)",
    "SELECT id FROM credential WHERE native_id = $1 OR public_id = $1 OR name = $1
        OR (provider = $2 AND account = $3 AND native_id = $4)",
    "SELECT id FROM workload WHERE ref = $1",
    "SELECT id FROM owner WHERE ref = $1",
    "SELECT id FROM vendor WHERE name = $1",
    "SELECT id FROM consumer WHERE name = $1",
    "SELECT id FROM ownership WHERE repository = $1 OR workload_ref = $1",
];

/// What belongs to an identity, and to its credentials.
const OF_IDENTITY: &[&str] = &[
    "SELECT id FROM credential WHERE identity_id = $1",
    "SELECT id FROM identity_grant WHERE identity_id = $1",
    "SELECT id FROM ownership WHERE identity_id = $1",
    "SELECT k.id FROM consumer AS k JOIN credential AS c ON c.id = k.credential_id WHERE c.identity_id = $1",
];

impl Store<'_> {
    /// Everything that is said of one thing, by its id, name or public id, or as `provider:account:id`; of an identity also its
    /// credentials, grants, owners and consumers.
    ///
    /// # Errors
    /// What the engine says.
    pub fn about(&mut self, wanted: &str) -> Result<About, StoreError> {
        self.read(|tx| {
            let mut ids = tx.named(wanted)?;
            for id in ids.clone() {
                for sql in OF_IDENTITY {
                    let sql = format!("{sql} LIMIT {MAX}");
                    for row in tx.query(&sql, &[(&id).into()])? {
                        ids.insert(row.get(0)?);
                    }
                }
                // A credential that is asked for has consumers of its own.
                for row in tx.query("SELECT id FROM consumer WHERE credential_id = $1", &[(&id).into()])? {
                    ids.insert(row.get(0)?);
                }
            }
            tx.items_of(&ids)
        })
    }
}

impl Transaction<'_> {
    fn named(&mut self, wanted: &str) -> Result<BTreeSet<String>, StoreError> {
        let mut parts = wanted.splitn(3, ':');
        let key = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
        let mut ids = BTreeSet::new();
        for sql in NAMED {
            let values = [wanted.into(), key[0].into(), key[1].into(), key[2].into()];
            // PostgreSQL refuses values that a statement doesn't name.
            let values = if sql.contains("$2") { &values[..] } else { &values[..1] };
            for row in self.query(&format!("{sql} LIMIT {MAX}"), values)? {
                ids.insert(row.get(0)?);
            }
        }
        Ok(ids)
    }

    fn items_of(&mut self, ids: &BTreeSet<String>) -> Result<About, StoreError> {
        let mut about = About::default();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        for chunk in ids.chunks(1_000) {
            let rows = self.among(
                "SELECT i.source_id, i.noun, i.item_key, CAST(i.record AS TEXT), s.kind, s.scope, n.taken_at
                 FROM inventory_item AS i JOIN source AS s ON s.id = i.source_id
                 LEFT JOIN snapshot AS n ON n.id = i.vanished_snapshot_id WHERE i.entity_id IN",
                chunk.iter().copied(),
                "ORDER BY i.noun DESC, i.item_key, i.source_id",
            )?;
            for row in &rows {
                let item = ItemCursor { source_id: row.get(0)?, noun: row.get(1)?, key: row.get(2)? };
                let record = item_record(&item, &row.get::<String>(3)?)?;
                match row.get::<Option<i64>>(6)? {
                    Some(vanished_at) => {
                        about.vanished.push(VanishedItem { record, source: [row.get(4)?, row.get(5)?], vanished_at });
                    }
                    None => about.now.push(record),
                }
            }
        }
        Ok(about)
    }
}
