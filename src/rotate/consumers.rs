//! Who breaks when a credential changes: those that an inventory names, and those that ask for it by a name.

use std::collections::{BTreeMap, BTreeSet};

use super::Consumer;
use crate::{
    model::identity::repositories_of,
    store::{StoreError, Transaction},
};

/// Who is known to use a credential; and who asks for a secret by a name that it is known to have: the path under which a store
/// keeps it, or the name beside a leaked copy in the same repository.
pub(super) fn of(tx: &mut Transaction<'_>, credential: &str) -> Result<Vec<Consumer>, StoreError> {
    let rows = tx.query(
        "SELECT coalesce(w.ref, 'unknown'), c.distribution, c.locator FROM consumer AS c
         LEFT JOIN workload AS w ON w.id = c.workload_id WHERE c.credential_id = $1 ORDER BY 1, 2, 3 LIMIT 1000",
        &[credential.into()],
    )?;
    let known = |row: &crate::store::Row| {
        Ok::<_, StoreError>(Consumer { workload: row.get(0)?, distribution: row.get(1)?, locator: row.get(2)? })
    };
    let mut consumers = rows.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    for (name, repositories) in names(tx, credential)? {
        let rows = tx.query(
            "SELECT coalesce(w.ref, 'unknown'), c.distribution, c.locator, coalesce(w.repo, '') FROM consumer AS c
             LEFT JOIN workload AS w ON w.id = c.workload_id WHERE c.name = $1 AND c.credential_id IS NULL
             ORDER BY 1, 2, 3 LIMIT 1000",
            &[(&name).into()],
        )?;
        for row in &rows {
            let repository: String = row.get(3)?;
            let mut consumer = known(row)?;
            consumer.locator = format!("{}, by the name {name}", consumer.locator);
            let is_here = repositories.is_empty() || repositories.contains(&repository);
            if is_here && consumers.len() < 1000 && !consumers.contains(&consumer) {
                consumers.push(consumer);
            }
        }
    }
    Ok(consumers)
}

/// Most names of a credential that are looked for.
const NAMES: usize = 50;

/// Names of a credential, and the repositories in which each means it; everywhere if there are none.
fn names(tx: &mut Transaction<'_>, credential: &str) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Entries of stores that hold the same secret, and this one if it is such an entry.
    let rows = tx.query(
        "SELECT s.store_ref FROM credential AS s WHERE s.id = $1 AND s.store_ref IS NOT NULL
         UNION SELECT s.store_ref FROM credential_fp AS a JOIN credential_fp AS b ON b.value = a.value
            AND b.scheme = a.scheme AND b.key_id = a.key_id JOIN credential AS s ON s.id = b.credential_id
         WHERE a.credential_id = $1 AND s.store_ref IS NOT NULL ORDER BY 1 LIMIT 50",
        &[credential.into()],
    )?;
    for row in &rows {
        names.entry(row.get(0)?).or_default();
    }
    let rows = tx.query(
        "SELECT o.locator, s.scope FROM finding AS f JOIN occurrence AS o ON o.finding_id = f.id
         JOIN source AS s ON s.id = o.source_id WHERE f.credential_id = $1 ORDER BY o.finding_id, o.source_id, o.locator_key
         LIMIT 200",
        &[credential.into()],
    )?;
    for row in &rows {
        let (locator, scope): (serde_json::Value, String) = (row.get(0)?, row.get(1)?);
        let found = locator["names"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
        for name in found.take(NAMES.saturating_sub(names.len())) {
            let repositories = names.entry(name.to_owned()).or_default();
            repositories.extend(repositories_of(&scope));
        }
    }
    Ok(names)
}
