//! Identities and their credentials: rows by their natural keys, many in one statement.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::{
    super::{KeyedDigest, Row, StoreError, Transaction, Value},
    Reading,
    entity::{GONE, id_of, json_unless_empty, ms, vendor_id},
    newer::Merge,
};
use crate::model::identity::{Credential, CredentialStatus, CredentialType, EntityKey, Identity, OwnedBy, Record};

/// Identities that a batch of records speaks of.
pub(super) struct Identities<'s> {
    /// The reading that is taken in.
    pub(super) reading: &'s Reading,
    ids: HashMap<EntityKey, String>,
}

impl<'s> Identities<'s> {
    /// Makes those that are described rows, and looks the others up.
    pub(super) fn read(
        tx: &mut Transaction<'_>,
        records: &[&Record],
        reading: &'s Reading,
    ) -> Result<Identities<'s>, StoreError> {
        let ids = upsert_identities(tx, records, reading)?;
        let mut identities = Identities { reading, ids };
        let named: BTreeSet<&str> = records
            .iter()
            .filter_map(|record| identity_of(record))
            .filter(|key| !identities.ids.contains_key(key))
            .map(|key| key.native_id.as_str())
            .collect();
        let rows =
            tx.query_in("SELECT id, provider, account, native_id FROM identity WHERE native_id IN (?)", &named)?;
        for row in &rows {
            let (key, id) = keyed(row)?;
            identities.ids.insert(key, id);
        }
        Ok(identities)
    }

    /// The id of an identity; one that no export has described yet is made by its name alone.
    pub(super) fn id(&mut self, tx: &mut Transaction<'_>, key: &EntityKey) -> Result<String, StoreError> {
        if let Some(id) = self.ids.get(key) {
            return Ok(id.clone());
        }
        let values = [(&key.provider).into(), (&key.account).into(), (&key.native_id).into()];
        let sql = "SELECT id FROM identity WHERE provider = $1 AND account = $2 AND native_id = $3";
        let id = match id_of(tx, sql, &values)? {
            Some(id) => id,
            None => self.make(tx, values)?,
        };
        self.ids.insert(key.clone(), id.clone());
        Ok(id)
    }

    fn make(&self, tx: &mut Transaction<'_>, [provider, account, native]: [Value; 3]) -> Result<String, StoreError> {
        let (id, now) = (tx.new_id()?, tx.now());
        let Reading { id: snapshot, taken_at, .. } = self.reading;
        // Without a last reading: whoever describes it is the first to do so, however long ago.
        tx.execute(
            "INSERT INTO identity (id, provider, account, native_id, kind, name, first_snapshot_id, first_seen_at,
                last_seen_at, created_at, updated_at) VALUES ($1, $2, $3, $4, 'other', $4, $5, $6, $6, $7, $7)",
            &[(&id).into(), provider, account, native, snapshot.into(), (*taken_at).into(), now.into()],
        )?;
        Ok(id)
    }
}

/// The identity that a record names but doesn't describe.
fn identity_of(record: &Record) -> Option<&EntityKey> {
    match record {
        Record::Credential(credential) => credential.identity.as_ref(),
        Record::Grant(grant) => Some(&grant.identity),
        Record::Ownership(ownership) => match &ownership.subject {
            OwnedBy::Identity { identity } => Some(identity),
            _ => None,
        },
        _ => None,
    }
}

fn keyed(row: &Row) -> Result<(EntityKey, String), StoreError> {
    Ok((EntityKey { provider: row.get(1)?, account: row.get(2)?, native_id: row.get(3)? }, row.get(0)?))
}

/// What an export doesn't know stays as it was, and what an older one says that a newer one knows.
fn identity_sql() -> String {
    let merge = Merge { table: "identity", gone_at: "vanished_at" };
    let (newer, seen, later) = (merge.is_newer(), merge.seen(), merge.later(&["last_used_at"]));
    let known = merge.known(&[
        "purpose",
        "function",
        "environment",
        "criticality",
        "data_class",
        "privileged",
        "vendor_id",
        "created_by",
        "native_created_at",
        "expires_at",
        "review_due_at",
        "access_path",
        "relations",
        "tags",
        "raw",
    ]);
    format!(
        "INSERT INTO identity (id, provider, account, native_id, kind, name, state, purpose, function, environment, criticality,
            data_class, privileged, vendor_id, created_by, native_created_at, last_used_at, expires_at, review_due_at,
            access_path, relations, tags, raw, first_snapshot_id, last_snapshot_id, first_seen_at, last_seen_at, created_at,
            updated_at)
         VALUES {{rows}}
         ON CONFLICT (provider, account, native_id) DO UPDATE SET
            kind = CASE WHEN identity.kind = 'other' OR identity.state = 'proposed' THEN excluded.kind ELSE identity.kind END,
            name = CASE WHEN excluded.name = excluded.native_id THEN identity.name
                WHEN {newer} OR identity.name = identity.native_id THEN excluded.name ELSE identity.name END,
            state = CASE WHEN NOT {newer} THEN identity.state
                WHEN excluded.state = 'offboarded' AND identity.state IN ('active', 'suspended', 'offboarded')
                    THEN 'offboarded'
                WHEN identity.state IN ('proposed', 'offboarded') THEN 'active'
                WHEN identity.state IN ('active', 'suspended') AND excluded.state <> 'proposed' THEN excluded.state
                ELSE identity.state END,
            {known},
            {later},
            {seen},
            vanished_at = CASE WHEN {newer} THEN NULL ELSE identity.vanished_at END,
            updated_at = excluded.updated_at, version = identity.version + 1
         RETURNING id, provider, account, native_id"
    )
}

fn upsert_identities(
    tx: &mut Transaction<'_>,
    records: &[&Record],
    reading: &Reading,
) -> Result<HashMap<EntityKey, String>, StoreError> {
    let (mut vendors, mut rows) = (HashMap::new(), Vec::new());
    for record in records {
        let Record::Identity(identity) = record else { continue };
        let vendor = match identity.vendor.as_deref() {
            Some(name) if vendors.contains_key(name) => vendors.get(name).cloned(),
            Some(name) => {
                let id = vendor_id(tx, name)?;
                vendors.extend(id.clone().map(|id| (name, id)));
                id
            }
            None => None,
        };
        rows.push(identity_row(tx, identity, vendor, reading)?);
    }
    tx.query_rows(&identity_sql(), &rows)?.iter().map(keyed).collect()
}

fn identity_row(
    tx: &mut Transaction<'_>,
    identity: &Identity,
    vendor: Option<String>,
    reading: &Reading,
) -> Result<Vec<Value>, StoreError> {
    let state = match identity.state.as_str() {
        state @ ("proposed" | "suspended" | "offboarded") => state,
        _ => "active",
    };
    let (key, now) = (&identity.key, tx.now());
    Ok(vec![
        tx.new_id()?.into(),
        (&key.provider).into(),
        (&key.account).into(),
        (&key.native_id).into(),
        identity.kind.as_str().into(),
        (&identity.name).into(),
        state.into(),
        identity.purpose.as_deref().into(),
        identity.function.as_deref().into(),
        identity.env.as_deref().into(),
        identity.criticality.as_deref().into(),
        identity.data_class.as_deref().into(),
        identity.privileged.into(),
        vendor.into(),
        identity.created_by.as_deref().into(),
        ms(identity.created),
        ms(identity.last_used),
        ms(identity.expires_at),
        ms(identity.review_due),
        identity.access_path.as_deref().into(),
        json_unless_empty(&json!(identity.relations)),
        json_unless_empty(&json!(identity.tags)),
        json_unless_empty(&json!(identity.raw)),
        (&reading.id).into(),
        (&reading.id).into(),
        reading.taken_at.into(),
        reading.taken_at.into(),
        now.into(),
        now.into(),
    ])
}

/// Makes those credentials rows that can't be another row's under another key. Their ids.
pub(super) fn upsert_credentials(
    tx: &mut Transaction<'_>,
    records: &[&Record],
    identities: &mut Identities<'_>,
) -> Result<HashMap<EntityKey, String>, StoreError> {
    let (mut rows, mut alone) = (Vec::new(), Vec::new());
    for record in records {
        let Record::Credential(found) = record else { continue };
        if may_be_joined(found) {
            continue;
        }
        let identity = found.identity.as_ref().map(|key| identities.id(tx, key)).transpose()?;
        rows.push(credential_row(tx, found, (&found.key, identity), identities.reading)?);
        alone.push(found);
    }
    let ids: HashMap<_, _> = tx.query_rows(&credential_sql(), &rows)?.iter().map(keyed).collect::<Result<_, _>>()?;
    let digests: Vec<_> = alone
        .iter()
        .filter_map(|found| Some((ids.get(&found.key)?.as_str(), digests(found))))
        .flat_map(|(id, digests)| digests.into_iter().map(move |digest| (id, digest)))
        .collect();
    tx.add_credential_digests(digests.iter().map(|(id, digest)| (*id, digest)))?;
    Ok(ids)
}

/// Makes a credential a row, or changes the row that it is, perhaps under another key.
pub(super) fn upsert_joined(
    tx: &mut Transaction<'_>,
    found: &Credential,
    identities: &mut Identities<'_>,
) -> Result<String, StoreError> {
    let identity = found.identity.as_ref().map(|key| identities.id(tx, key)).transpose()?;
    let same = same_access_key(tx, found, identity.as_deref())?;
    let key = joined_key(tx, found, same.as_deref())?;
    let row = credential_row(tx, found, (&key, identity), identities.reading)?;
    let stored = tx.query_rows(&credential_sql(), &[row])?;
    let stored = stored.first().map(|row| row.get::<String>(0)).transpose()?;
    let id = stored.ok_or_else(|| StoreError::Missing("the credential was not stored".to_owned()))?;
    tx.add_credential_digests(digests(found).iter().map(|digest| (id.as_str(), digest)))?;
    Ok(id)
}

/// Numbers the generations of whatever these records' identities have: credentials of one type and name, by when they were made.
pub(super) fn number_generations(
    tx: &mut Transaction<'_>,
    records: &[&Record],
    identities: &Identities<'_>,
) -> Result<(), StoreError> {
    let identity_of = |record: &&Record| match record {
        Record::Credential(found) => identities.ids.get(found.identity.as_ref()?).map(String::as_str),
        _ => None,
    };
    tx.execute_in(
        "UPDATE credential SET generation = g.n FROM (
            SELECT c.id, row_number() OVER (PARTITION BY c.identity_id, c.type, coalesce(c.name, '')
                ORDER BY c.native_created_at, c.id) AS n
            FROM credential AS c WHERE c.native_created_at IS NOT NULL AND c.identity_id IN (?)) AS g
         WHERE credential.id = g.id AND coalesce(credential.generation, 0) <> g.n",
        &records.iter().filter_map(identity_of).collect(),
    )?;
    Ok(())
}

fn digests(found: &Credential) -> Vec<KeyedDigest> {
    let digest = |fp: &crate::model::identity::CredentialFp| KeyedDigest {
        scheme: fp.scheme.as_str().to_owned(),
        key_id: fp.key_id.clone(),
        value: fp.value.clone(),
    };
    found.fingerprints.iter().map(digest).collect()
}

fn may_be_joined(credential: &Credential) -> bool {
    credential.credential_type == CredentialType::AccessKey
        && credential.identity.is_some()
        && credential.created.is_some()
}

/// Of an access key the credential report knows the second, and a listing the id: where there is one of that user and
/// second, it is the same. Two of them can't be told apart.
fn same_access_key(
    tx: &mut Transaction<'_>,
    credential: &Credential,
    identity: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let (Some(identity), Some(created)) = (identity, credential.created) else { return Ok(None) };
    // Listings may have fractions of it, which reports haven't.
    let second = created.millis - created.millis.rem_euclid(1000);
    let other = if credential.public_id.is_some() { "public_id IS NULL" } else { "public_id IS NOT NULL" };
    let rows = tx.query(
        &format!(
            "SELECT id FROM credential WHERE identity_id = $1 AND type = 'access-key' AND native_created_at >= $2
                AND native_created_at < $2 + 1000 AND {other} ORDER BY id LIMIT 2"
        ),
        &[identity.into(), second.into()],
    )?;
    if rows.len() == 1 { rows[0].get(0).map(Some) } else { Ok(None) }
}

/// The key under which a credential is stored that is the same as the row `same`: whichever of both has an id gives it.
fn joined_key(tx: &mut Transaction<'_>, found: &Credential, same: Option<&str>) -> Result<EntityKey, StoreError> {
    let mut key = found.key.clone();
    let Some(same) = same else { return Ok(key) };
    if found.public_id.is_some() {
        // The row of the report learns its id.
        let known = "SELECT id FROM credential WHERE provider = $1 AND account = $2 AND native_id = $3";
        let values = [(&key.provider).into(), (&key.account).into(), (&key.native_id).into()];
        if id_of(tx, known, &values)?.is_none() {
            let values = [same.into(), (&key.native_id).into()];
            tx.execute("UPDATE credential SET native_id = $2 WHERE id = $1", &values)?;
        }
    } else if let Some(row) = tx.query_one("SELECT native_id FROM credential WHERE id = $1", &[same.into()])? {
        key.native_id = row.get(0)?;
    }
    Ok(key)
}

/// What an export doesn't know stays as it was, and what an older one says that a newer one knows. A credential that works again
/// is no tombstone, nor is one that was gone and is there again.
fn credential_sql() -> String {
    let merge = Merge { table: "credential", gone_at: "tombstoned_at" };
    let (newer, seen, later) = (merge.is_newer(), merge.seen(), merge.later(&["last_used_at", "last_rotated_at"]));
    let known = merge.known(&[
        "identity_id",
        "public_id",
        "name",
        "scopes",
        "hint",
        "store_ref",
        "native_created_at",
        "expires_at",
        "raw",
    ]);
    let is_told = format!("(excluded.status <> 'unknown' AND ({newer} OR credential.status = 'unknown'))");
    let is_back = format!("(excluded.status = 'unknown' AND {newer} AND credential.tombstone_reason LIKE '{GONE}%')");
    format!(
        "INSERT INTO credential (id, provider, account, native_id, identity_id, type, public_id, name, scopes, hint, status,
            store_ref, revocation_capability, native_created_at, last_used_at, last_rotated_at, expires_at, tombstoned_at,
            tombstone_reason, raw, first_snapshot_id, last_snapshot_id, first_seen_at, last_seen_at, created_at, updated_at)
         VALUES {{rows}}
         ON CONFLICT (provider, account, native_id) DO UPDATE SET
            type = CASE WHEN credential.type = 'other' THEN excluded.type ELSE credential.type END,
            status = CASE WHEN {is_told} OR {is_back} THEN excluded.status ELSE credential.status END,
            revocation_capability = CASE WHEN excluded.revocation_capability = 'unknown'
                THEN credential.revocation_capability ELSE excluded.revocation_capability END,
            tombstoned_at = CASE WHEN {is_told} AND excluded.tombstoned_at IS NOT NULL
                    THEN coalesce(credential.tombstoned_at, excluded.tombstoned_at)
                WHEN {is_told} OR {is_back} THEN NULL ELSE credential.tombstoned_at END,
            tombstone_reason = CASE WHEN {is_told} THEN excluded.tombstone_reason WHEN {is_back} THEN NULL
                ELSE credential.tombstone_reason END,
            {known},
            {later},
            {seen},
            updated_at = excluded.updated_at, version = credential.version + 1
         RETURNING id, provider, account, native_id"
    )
}

fn credential_row(
    tx: &mut Transaction<'_>,
    found: &Credential,
    (key, identity): (&EntityKey, Option<String>),
    reading: &Reading,
) -> Result<Vec<Value>, StoreError> {
    let now = tx.now();
    let is_dead =
        matches!(found.status, CredentialStatus::Revoked | CredentialStatus::Deleted | CredentialStatus::Expired);
    // Nobody says when it was revoked: the export is the first to know.
    let taken_at = reading.taken_at;
    let died = is_dead.then(|| found.expires_at.map_or(taken_at, |end| end.millis.min(taken_at)));
    Ok(vec![
        tx.new_id()?.into(),
        (&key.provider).into(),
        (&key.account).into(),
        (&key.native_id).into(),
        identity.into(),
        found.credential_type.as_str().into(),
        found.public_id.as_deref().into(),
        found.name.as_deref().into(),
        json_unless_empty(&json!(found.scopes)),
        found.hint.as_deref().into(),
        found.status.as_str().into(),
        found.store_ref.as_deref().into(),
        found.revocation.as_str().into(),
        ms(found.created),
        ms(found.last_used),
        ms(found.last_rotated),
        ms(found.expires_at),
        died.into(),
        is_dead.then(|| format!("{}, as its provider says", found.status)).into(),
        json_unless_empty(&json!(found.raw)),
        (&reading.id).into(),
        (&reading.id).into(),
        reading.taken_at.into(),
        reading.taken_at.into(),
        now.into(),
        now.into(),
    ])
}
