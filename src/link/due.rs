//! Which findings must be linked anew. The store's triggers mark those of which something changed; here those are marked that a
//! change of the inventory speaks of.

use std::collections::BTreeSet;

use super::{
    ENGINE_VERSION,
    facts::Facts,
    linkers,
    settle::{BATCH, REVIVED, UNRESOLVED},
};
use crate::{
    model::identity::{EntityKey, OwnedBy, Record, repository_name},
    store::{Store, StoreError, Transaction},
};

/// If more than so many things changed, every finding is linked anew: that is cheaper than to ask for each of them.
const MAX_CHANGES: i64 = 5_000;

/// A reading that is cut off never ends; after so long nobody waits for it any more, in milliseconds.
const CUT_OFF_MS: i64 = 86_400_000;

/// A reading of the inventory whose changes no finding was linked to yet.
pub(super) struct Reading {
    id: String,
    /// Will nothing more come of it?
    is_over: bool,
}

/// Readings since findings were linked last, the oldest first.
pub(super) fn readings(tx: &mut Transaction<'_>) -> Result<Vec<Reading>, StoreError> {
    let rows = tx.query(
        "SELECT n.id, s.category, n.finished_at, n.started_at FROM snapshot AS n JOIN source AS s ON s.id = n.source_id
         WHERE NOT n.linked ORDER BY n.id",
        &[],
    )?;
    let cut_off_before = tx.now() - CUT_OFF_MS;
    rows.iter()
        .map(|row| {
            let is_scan = row.get::<String>(1)? == "scan";
            let is_over = is_scan || row.get::<Option<i64>>(2)?.is_some() || row.get::<i64>(3)? < cut_off_before;
            Ok(Reading { id: row.get(0)?, is_over })
        })
        .collect()
}

/// The findings that these readings speak of are linked, or marked.
pub(super) fn end(tx: &mut Transaction<'_>, readings: &[Reading]) -> Result<(), StoreError> {
    for reading in readings.iter().filter(|reading| reading.is_over) {
        tx.execute("UPDATE snapshot SET linked = TRUE WHERE id = $1", &[(&reading.id).into()])?;
    }
    tx.execute(
        "INSERT INTO link_state (id, engine_version) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET engine_version = excluded.engine_version",
        &[ENGINE_VERSION.into()],
    )?;
    Ok(())
}

/// Marks the findings that the inventory says something new of.
///
/// # Errors
/// What the engine says.
pub(super) fn mark(store: &mut Store<'_>) -> Result<(), StoreError> {
    store.write(|tx| {
        let readings = readings(tx)?;
        let known = tx.query_one("SELECT engine_version FROM link_state", &[])?;
        let same_rules = known.is_some_and(|row| row.get::<String>(0).is_ok_and(|version| version == ENGINE_VERSION));
        match changes(tx, &readings)?.filter(|_| same_rules) {
            Some(touched) => touched.mark(tx)?,
            None => mark_all(tx)?,
        }
        end(tx, &readings)
    })
}

/// Marks the findings that belong to an identity, or may, of which a person decided something.
///
/// # Errors
/// What the engine says.
pub(super) fn mark_of_identity(tx: &mut Transaction<'_>, id: &str) -> Result<(), StoreError> {
    let mut touched = Touched { identities: BTreeSet::from([id.to_owned()]), ..Touched::default() };
    if let Some(row) = tx.query_one("SELECT native_id, name FROM identity WHERE id = $1", &[id.into()])? {
        touched.names.extend([row.get(0)?, row.get(1)?]);
    }
    touched.mark(tx)
}

fn mark_all(tx: &mut Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(&format!("UPDATE finding SET link_due = TRUE WHERE NOT link_due AND ({UNRESOLVED} OR {REVIVED})"), &[])?;
    Ok(())
}

/// What readings changed; `None` if that is too much, or concerns every finding.
fn changes(tx: &mut Transaction<'_>, readings: &[Reading]) -> Result<Option<Touched>, StoreError> {
    let (mut touched, mut left) = (Touched::default(), MAX_CHANGES);
    for reading in readings {
        for condition in ["changed_snapshot_id", "vanished_snapshot_id"] {
            let rows = tx.query(
                &format!(
                    "SELECT entity_id, CAST(record AS TEXT), CAST(former AS TEXT) FROM inventory_item
                     WHERE {condition} = $1 LIMIT $2"
                ),
                &[(&reading.id).into(), (left + 1).into()],
            )?;
            left -= rows.len() as i64;
            if left < 0 {
                return Ok(None);
            }
            for row in &rows {
                let entity = row.get::<Option<String>>(0)?.unwrap_or_default();
                let texts = [Some(row.get::<String>(1)?), row.get(2)?];
                for record in texts.into_iter().flatten().filter_map(|text| serde_json::from_str(&text).ok()) {
                    if !touched.add(tx, &entity, &record)? {
                        return Ok(None);
                    }
                }
            }
        }
    }
    Ok(Some(touched))
}

/// What changed, as far as links depend on it.
#[derive(Default)]
struct Touched {
    /// Ids of rows.
    credentials: BTreeSet<String>,
    /// Ids of rows.
    identities: BTreeSet<String>,
    /// What a finding may call whom it acts as.
    names: BTreeSet<String>,
    /// Whose findings stand in the neighbourhood of what changed.
    repositories: BTreeSet<String>,
}

impl Touched {
    /// Notes a record that came, changed or vanished; false if it concerns every finding.
    fn add(&mut self, tx: &mut Transaction<'_>, entity: &str, record: &Record) -> Result<bool, StoreError> {
        match record {
            Record::Credential(credential) => {
                self.credentials.insert(entity.to_owned());
                self.names.insert(credential.key.native_id.clone());
            }
            Record::Identity(identity) => {
                self.identities.insert(entity.to_owned());
                self.names.extend([identity.key.native_id.clone(), identity.name.clone()]);
            }
            Record::Grant(grant) => self.add_identity(tx, &grant.identity)?,
            Record::Ownership(ownership) => match &ownership.subject {
                OwnedBy::Path { repository, .. } | OwnedBy::Repository { repository } if repository.is_empty() => {
                    return Ok(false);
                }
                OwnedBy::Path { repository, .. } | OwnedBy::Repository { repository } => {
                    self.repositories.insert(repository.clone());
                }
                // Who is said to answer for an identity or a workload makes no link; a guess is made where nobody is.
                OwnedBy::Identity { .. } | OwnedBy::Workload { .. } => {}
            },
            Record::Consumer(consumer) if consumer.credential.is_some() => self.add_workload(tx, &consumer.workload)?,
            Record::Workload(workload) => {
                self.add_workload(tx, &workload.reference)?;
                self.repositories.extend(workload.repo.clone());
            }
            Record::Consumer(_) | Record::Owner(_) | Record::Vendor(_) => {}
        }
        Ok(true)
    }

    fn add_identity(&mut self, tx: &mut Transaction<'_>, key: &EntityKey) -> Result<(), StoreError> {
        let row = tx.query_one(
            "SELECT id FROM identity WHERE provider = $1 AND account = $2 AND native_id = $3",
            &[(&key.provider).into(), (&key.account).into(), (&key.native_id).into()],
        )?;
        self.identities.extend(row.map(|row| row.get(0)).transpose()?);
        Ok(())
    }

    fn add_workload(&mut self, tx: &mut Transaction<'_>, reference: &str) -> Result<(), StoreError> {
        self.repositories.insert(reference.to_owned());
        let rows = tx.query("SELECT repo FROM workload WHERE ref = $1 AND repo IS NOT NULL", &[reference.into()])?;
        for row in &rows {
            self.repositories.insert(row.get(0)?);
        }
        Ok(())
    }

    fn mark(&self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        mark_of(tx, OF_CREDENTIAL, &self.credentials.iter().map(String::as_str).collect())?;
        mark_of(tx, OF_IDENTITY, &self.identities.iter().map(String::as_str).collect())?;
        self.mark_of_repositories(tx)?;
        self.mark_by_names(tx)
    }

    /// Consumers and owners of files count where a finding stands.
    fn mark_of_repositories(&self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        if self.repositories.is_empty() {
            return Ok(());
        }
        let mut sources = Vec::new();
        for row in tx.query("SELECT id, scope FROM source WHERE category = 'scan' ORDER BY id", &[])? {
            if self.repositories.contains(repository_name(&row.get::<String>(1)?)) {
                sources.push(row.get::<String>(0)?);
            }
        }
        let sources = sources.iter().map(String::as_str).collect();
        mark_of(tx, "SELECT finding_id FROM occurrence WHERE source_id IN (?)", &sources)
    }

    /// No index knows the names that findings show: all that aren't marked are looked through.
    fn mark_by_names(&self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        if self.names.is_empty() {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let rows = tx.query(
                &format!(
                    "SELECT id, rule_id, public_id, attributes FROM finding
                     WHERE id > $1 AND NOT link_due AND attributes IS NOT NULL AND {UNRESOLVED} ORDER BY id LIMIT $2"
                ),
                &[(&after).into(), (BATCH * 10).into()],
            )?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.get(0)?;
            let mut named = Vec::new();
            for row in &rows {
                let facts = Facts::shown(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                if linkers::names(&facts).iter().any(|name| self.names.contains(name)) {
                    named.push(facts.id);
                }
            }
            mark_of(tx, "SELECT id FROM finding WHERE id IN (?)", &named.iter().map(String::as_str).collect())?;
        }
    }
}

/// Findings that are linked to a credential, or may be by its digests, its public id or what its provider shows of it; and those
/// that show an identity of which it may be the only one.
const OF_CREDENTIAL: &str = "SELECT finding_id FROM link WHERE credential_id IN (?)
    UNION SELECT l.finding_id FROM link AS l JOIN credential AS c ON c.identity_id = l.identity_id WHERE c.id IN (?)
    UNION SELECT ff.finding_id FROM credential_fp AS cf JOIN finding_fp AS ff
        ON ff.value = cf.value AND ff.scheme = cf.scheme AND ff.key_id = cf.key_id WHERE cf.credential_id IN (?)
    UNION SELECT f.id FROM credential AS c JOIN finding AS f ON f.public_id = c.public_id WHERE c.id IN (?)
    UNION SELECT ff.finding_id FROM credential AS c JOIN finding_fp AS ff ON ff.value = c.hint AND ff.scheme = 'hint'
        WHERE c.id IN (?)";

const OF_IDENTITY: &str = "SELECT finding_id FROM link WHERE identity_id IN (?)
    UNION SELECT l.finding_id FROM credential AS c JOIN link AS l ON l.credential_id = c.id WHERE c.identity_id IN (?)";

/// Marks the findings that a query chooses by these ids.
fn mark_of(tx: &mut Transaction<'_>, findings: &str, ids: &BTreeSet<&str>) -> Result<(), StoreError> {
    tx.execute_in(&format!("UPDATE finding SET link_due = TRUE WHERE NOT link_due AND id IN ({findings})"), ids)?;
    Ok(())
}
