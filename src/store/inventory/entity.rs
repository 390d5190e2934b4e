//! From records to rows: each noun by its natural key, without forgetting what another source knew.

use serde_json::{Value as Json, json};

use super::super::{KeyedDigest, StoreError, Transaction, Value};
use crate::model::identity::{
    Consumer, Credential, CredentialStatus, CredentialType, EntityKey, Grant, Identity, OwnedBy, Owner, Ownership,
    Record, Timestamp, Workload,
};

/// Makes a record a row, or changes the row that it is. Returns the row's id.
pub(super) fn upsert(tx: &mut Transaction<'_>, record: &Record, snapshot: &str) -> Result<Option<String>, StoreError> {
    match record {
        Record::Identity(identity) => upsert_identity(tx, identity, snapshot),
        Record::Credential(credential) => upsert_credential(tx, credential, snapshot),
        Record::Grant(grant) => upsert_grant(tx, grant, snapshot),
        Record::Owner(owner) => upsert_owner(tx, owner),
        Record::Ownership(ownership) => upsert_ownership(tx, ownership, snapshot),
        Record::Workload(workload) => upsert_workload(tx, workload),
        Record::Consumer(consumer) => upsert_consumer(tx, consumer, snapshot),
        Record::Vendor(vendor) => vendor_id(tx, &vendor.name),
    }
}

/// Lets a row die of which no source says anything any more. Is it a credential's tombstone?
pub(super) fn vanish(tx: &mut Transaction<'_>, noun: &str, id: &str, by: &str) -> Result<bool, StoreError> {
    let now = tx.now();
    let row: [Value; 2] = [id.into(), now.into()];
    let _rows = match noun {
        "credential" => {
            let reason = format!("gone from {by}");
            let dead = tx.execute(
                "UPDATE credential SET status = CASE WHEN status IN ('revoked', 'expired') THEN status ELSE 'deleted' END,
                    tombstoned_at = $2, tombstone_reason = $3, updated_at = $2, version = version + 1
                 WHERE id = $1 AND tombstoned_at IS NULL",
                &[id.into(), now.into(), reason.into()],
            )?;
            return Ok(dead > 0);
        }
        "identity" => tx.execute(
            "UPDATE identity SET vanished_at = $2, updated_at = $2, version = version + 1,
                state = CASE WHEN state IN ('active', 'suspended', 'offboarding') THEN 'offboarded' ELSE state END
             WHERE id = $1",
            &row,
        )?,
        "ownership" => tx.execute(
            "UPDATE ownership SET valid_to_at = $2, updated_at = $2 WHERE id = $1 AND valid_to_at IS NULL",
            &row,
        )?,
        "grant" => tx.execute("DELETE FROM identity_grant WHERE id = $1", &[id.into()])?,
        "consumer" => tx.execute("DELETE FROM consumer WHERE id = $1", &[id.into()])?,
        // Owners, workloads and vendors are there as long as anything names them.
        _ => 0,
    };
    Ok(false)
}

fn ms(time: Option<Timestamp>) -> Value {
    Value::Int(time.map(|time| time.millis))
}

fn json_unless_empty(value: &Json) -> Value {
    let is_empty =
        value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    if is_empty { Value::Json(None) } else { Value::json(value) }
}

fn id_of(tx: &mut Transaction<'_>, sql: &str, values: &[Value]) -> Result<Option<String>, StoreError> {
    tx.query_one(sql, values)?.map(|row| row.get(0)).transpose()
}

fn vendor_id(tx: &mut Transaction<'_>, name: &str) -> Result<Option<String>, StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    id_of(
        tx,
        "INSERT INTO vendor (id, name, created_at, updated_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at RETURNING id",
        &[id.into(), name.into(), now.into()],
    )
}

/// What an export doesn't know stays as it was.
const IDENTITY: &str = "INSERT INTO identity (id, provider, account, native_id, kind, name, state, purpose, function, environment, criticality,
            data_class, privileged, vendor_id, created_by, native_created_at, last_used_at, expires_at, review_due_at,
            access_path, relations, tags, raw, first_snapshot_id, last_snapshot_id, first_seen_at, last_seen_at, created_at,
            updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $24, $25, $25, $25, $25)
         ON CONFLICT (provider, account, native_id) DO UPDATE SET
            kind = CASE WHEN identity.kind = 'other' OR identity.state = 'proposed' THEN excluded.kind ELSE identity.kind END,
            name = CASE WHEN excluded.name = excluded.native_id THEN identity.name ELSE excluded.name END,
            state = CASE WHEN excluded.state = 'offboarded' AND identity.state IN ('active', 'suspended', 'offboarded')
                    THEN 'offboarded'
                WHEN identity.state IN ('proposed', 'offboarded') THEN 'active'
                WHEN identity.state IN ('active', 'suspended') AND excluded.state <> 'proposed' THEN excluded.state
                ELSE identity.state END,
            purpose = coalesce(excluded.purpose, identity.purpose),
            function = coalesce(excluded.function, identity.function),
            environment = coalesce(excluded.environment, identity.environment),
            criticality = coalesce(excluded.criticality, identity.criticality),
            data_class = coalesce(excluded.data_class, identity.data_class),
            privileged = coalesce(excluded.privileged, identity.privileged),
            vendor_id = coalesce(excluded.vendor_id, identity.vendor_id),
            created_by = coalesce(excluded.created_by, identity.created_by),
            native_created_at = coalesce(excluded.native_created_at, identity.native_created_at),
            last_used_at = coalesce(excluded.last_used_at, identity.last_used_at),
            expires_at = coalesce(excluded.expires_at, identity.expires_at),
            review_due_at = coalesce(excluded.review_due_at, identity.review_due_at),
            access_path = coalesce(excluded.access_path, identity.access_path),
            relations = coalesce(excluded.relations, identity.relations),
            tags = coalesce(excluded.tags, identity.tags), raw = coalesce(excluded.raw, identity.raw),
            last_snapshot_id = excluded.last_snapshot_id, last_seen_at = excluded.last_seen_at, vanished_at = NULL,
            updated_at = excluded.updated_at, version = identity.version + 1
         RETURNING id";

fn upsert_identity(
    tx: &mut Transaction<'_>,
    identity: &Identity,
    snapshot: &str,
) -> Result<Option<String>, StoreError> {
    let vendor = identity.vendor.as_deref().map(|name| vendor_id(tx, name)).transpose()?.flatten();
    let (id, now) = (tx.new_id()?, tx.now());
    let state = match identity.state.as_str() {
        state @ ("proposed" | "suspended" | "offboarded") => state,
        _ => "active",
    };
    let key = &identity.key;
    id_of(
        tx,
        IDENTITY,
        &[
            id.into(),
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
            snapshot.into(),
            now.into(),
        ],
    )
}

/// The id of an identity; one that no export has described yet is made by its name alone.
fn identity_id(tx: &mut Transaction<'_>, key: &EntityKey, snapshot: &str) -> Result<String, StoreError> {
    let values = [(&key.provider).into(), (&key.account).into(), (&key.native_id).into()];
    let sql = "SELECT id FROM identity WHERE provider = $1 AND account = $2 AND native_id = $3";
    if let Some(id) = id_of(tx, sql, &values)? {
        return Ok(id);
    }
    let (id, now) = (tx.new_id()?, tx.now());
    let [provider, account, native] = values;
    tx.execute(
        "INSERT INTO identity (id, provider, account, native_id, kind, name, first_snapshot_id, last_snapshot_id, first_seen_at,
            last_seen_at, created_at, updated_at) VALUES ($1, $2, $3, $4, 'other', $4, $5, $5, $6, $6, $6, $6)",
        &[(&id).into(), provider, account, native, snapshot.into(), now.into()],
    )?;
    Ok(id)
}

/// Of an access key the credential report knows the second, and a listing the id: where there is one of that user and
/// second, it is the same. Two of them can't be told apart.
fn same_access_key(
    tx: &mut Transaction<'_>,
    credential: &Credential,
    identity: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let (Some(identity), Some(created)) = (identity, credential.created) else { return Ok(None) };
    if credential.credential_type != CredentialType::AccessKey {
        return Ok(None);
    }
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

/// What an export doesn't know stays as it was; a credential that works again is no tombstone.
const CREDENTIAL: &str = "INSERT INTO credential (id, provider, account, native_id, identity_id, type, public_id, name, scopes, hint, status,
            store_ref, revocation_capability, native_created_at, last_used_at, last_rotated_at, expires_at, tombstoned_at,
            tombstone_reason, raw, first_snapshot_id, last_snapshot_id, first_seen_at, last_seen_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21, $22,
            $22, $22, $22)
         ON CONFLICT (provider, account, native_id) DO UPDATE SET
            identity_id = coalesce(excluded.identity_id, credential.identity_id),
            type = CASE WHEN credential.type = 'other' THEN excluded.type ELSE credential.type END,
            public_id = coalesce(excluded.public_id, credential.public_id),
            name = coalesce(excluded.name, credential.name), scopes = coalesce(excluded.scopes, credential.scopes),
            hint = coalesce(excluded.hint, credential.hint),
            status = CASE WHEN excluded.status = 'unknown' THEN credential.status ELSE excluded.status END,
            store_ref = coalesce(excluded.store_ref, credential.store_ref),
            revocation_capability = CASE WHEN excluded.revocation_capability = 'unknown'
                THEN credential.revocation_capability ELSE excluded.revocation_capability END,
            native_created_at = coalesce(excluded.native_created_at, credential.native_created_at),
            last_used_at = coalesce(excluded.last_used_at, credential.last_used_at),
            last_rotated_at = coalesce(excluded.last_rotated_at, credential.last_rotated_at),
            expires_at = coalesce(excluded.expires_at, credential.expires_at),
            tombstoned_at = CASE WHEN excluded.status = 'unknown' THEN credential.tombstoned_at
                WHEN excluded.tombstoned_at IS NULL THEN NULL
                ELSE coalesce(credential.tombstoned_at, excluded.tombstoned_at) END,
            tombstone_reason = CASE WHEN excluded.status = 'unknown' THEN credential.tombstone_reason
                ELSE excluded.tombstone_reason END,
            raw = coalesce(excluded.raw, credential.raw), last_snapshot_id = excluded.last_snapshot_id,
            last_seen_at = excluded.last_seen_at, updated_at = excluded.updated_at, version = credential.version + 1
         RETURNING id";

fn upsert_credential(
    tx: &mut Transaction<'_>,
    found: &Credential,
    snapshot: &str,
) -> Result<Option<String>, StoreError> {
    let identity = found.identity.as_ref().map(|key| identity_id(tx, key, snapshot)).transpose()?;
    let same = same_access_key(tx, found, identity.as_deref())?;
    let now = tx.now();
    let key = joined_key(tx, found, same.as_deref())?;
    let id = tx.new_id()?;
    let is_dead =
        matches!(found.status, CredentialStatus::Revoked | CredentialStatus::Deleted | CredentialStatus::Expired);
    let died = is_dead.then(|| found.expires_at.map_or(now, |end| end.millis.min(now)));
    let stored = tx.query_one(
        CREDENTIAL,
        &[
            id.into(),
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
            snapshot.into(),
            now.into(),
        ],
    )?;
    let id: String =
        stored.map_or(Err(StoreError::Missing("the credential was not stored".to_owned())), |row| row.get(0))?;
    let digests = found.fingerprints.iter().map(|fp| KeyedDigest {
        scheme: fp.scheme.as_str().to_owned(),
        key_id: fp.key_id.clone(),
        value: fp.value.clone(),
    });
    tx.add_credential_digests(&id, &digests.collect::<Vec<_>>())?;
    Ok(Some(id))
}

fn upsert_grant(tx: &mut Transaction<'_>, grant: &Grant, snapshot: &str) -> Result<Option<String>, StoreError> {
    let identity = identity_id(tx, &grant.identity, snapshot)?;
    let (id, now) = (tx.new_id()?, tx.now());
    let conditions = grant.conditional.then(|| json!({ "conditional": true }));
    id_of(
        tx,
        "INSERT INTO identity_grant (id, identity_id, resource, action, effect, via, conditions, high_risk, expires_at,
            last_used_at, snapshot_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         ON CONFLICT (identity_id, resource, action, effect, via) DO UPDATE SET conditions = excluded.conditions,
            high_risk = excluded.high_risk, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
            last_used_at = coalesce(excluded.last_used_at, identity_grant.last_used_at), snapshot_id = excluded.snapshot_id
         RETURNING id",
        &[
            id.into(),
            identity.into(),
            (&grant.resource).into(),
            (&grant.role).into(),
            grant.effect.as_str().into(),
            (&grant.source).into(),
            Value::json_or_null(conditions.as_ref()),
            grant.high_risk.into(),
            ms(grant.expires_at),
            ms(grant.last_used),
            snapshot.into(),
            now.into(),
        ],
    )
}

fn upsert_owner(tx: &mut Transaction<'_>, owner: &Owner) -> Result<Option<String>, StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    id_of(
        tx,
        "INSERT INTO owner (id, kind, ref, name, email, active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (ref) DO UPDATE SET name = coalesce(excluded.name, owner.name),
            email = coalesce(excluded.email, owner.email), active = coalesce(excluded.active, owner.active),
            updated_at = excluded.updated_at RETURNING id",
        &[
            id.into(),
            owner.kind.as_str().into(),
            (&owner.reference).into(),
            owner.name.as_deref().into(),
            owner.email.as_deref().into(),
            owner.active.into(),
            now.into(),
        ],
    )
}

/// What is owned, as the columns have it.
struct Subject {
    identity: Option<String>,
    workload: Option<String>,
    repository: Option<String>,
    pattern: Option<String>,
    line: Option<i64>,
}

fn subject(tx: &mut Transaction<'_>, owned: &OwnedBy, snapshot: &str) -> Result<Subject, StoreError> {
    let mut subject = Subject { identity: None, workload: None, repository: None, pattern: None, line: None };
    match owned {
        OwnedBy::Identity { identity } => subject.identity = Some(identity_id(tx, identity, snapshot)?),
        OwnedBy::Workload { workload } => subject.workload = Some(workload.clone()),
        OwnedBy::Repository { repository } => subject.repository = Some(repository.clone()),
        OwnedBy::Path { repository, pattern, line } => {
            subject.repository = Some(repository.clone());
            subject.pattern = Some(pattern.clone());
            subject.line = Some(i64::from(*line));
        }
    }
    Ok(subject)
}

fn upsert_ownership(tx: &mut Transaction<'_>, claim: &Ownership, snapshot: &str) -> Result<Option<String>, StoreError> {
    let owner = id_of(tx, "SELECT id FROM owner WHERE ref = $1", &[(&claim.owner).into()])?;
    let Some(owner) = owner else {
        return Err(StoreError::Missing("an ownership came before its owner".to_owned()));
    };
    let subject = subject(tx, &claim.subject, snapshot)?;
    let now = tx.now();
    // What a person said outranks what an export says: it is another origin, and another row.
    let known = id_of(
        tx,
        "UPDATE ownership SET confidence = $8, reason = $9, pattern_line = $10, snapshot_id = $11, updated_at = $12
         WHERE valid_to_at IS NULL AND coalesce(identity_id, '') = $1 AND coalesce(workload_ref, '') = $2
            AND coalesce(repository, '') = $3 AND coalesce(pattern, '') = $4 AND owner_id = $5 AND role = $6 AND origin = $7
         RETURNING id",
        &[
            subject.identity.as_deref().unwrap_or_default().into(),
            subject.workload.as_deref().unwrap_or_default().into(),
            subject.repository.as_deref().unwrap_or_default().into(),
            subject.pattern.as_deref().unwrap_or_default().into(),
            (&owner).into(),
            claim.role.as_str().into(),
            claim.origin.as_str().into(),
            claim.confidence.into(),
            (&claim.reason).into(),
            subject.line.into(),
            snapshot.into(),
            now.into(),
        ],
    )?;
    if known.is_some() {
        return Ok(known);
    }
    let id = tx.new_id()?;
    tx.execute(
        "INSERT INTO ownership (id, identity_id, workload_ref, repository, pattern, pattern_line, owner_id, role, origin,
            confidence, reason, valid_from_at, valid_to_at, snapshot_id, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
        &[
            (&id).into(),
            subject.identity.into(),
            subject.workload.into(),
            subject.repository.into(),
            subject.pattern.into(),
            subject.line.into(),
            owner.into(),
            claim.role.as_str().into(),
            claim.origin.as_str().into(),
            claim.confidence.into(),
            (&claim.reason).into(),
            ms(claim.valid_from),
            ms(claim.valid_to),
            snapshot.into(),
            now.into(),
        ],
    )?;
    Ok(Some(id))
}

fn upsert_workload(tx: &mut Transaction<'_>, workload: &Workload) -> Result<Option<String>, StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    id_of(
        tx,
        "INSERT INTO workload (id, kind, ref, repo, environment, lifecycle, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (kind, ref) DO UPDATE SET repo = coalesce(excluded.repo, workload.repo),
            environment = coalesce(excluded.environment, workload.environment),
            lifecycle = coalesce(excluded.lifecycle, workload.lifecycle), updated_at = excluded.updated_at RETURNING id",
        &[
            id.into(),
            workload.kind.as_str().into(),
            (&workload.reference).into(),
            workload.repo.as_deref().into(),
            workload.env.as_deref().into(),
            workload.lifecycle.as_deref().into(),
            now.into(),
        ],
    )
}

fn upsert_consumer(tx: &mut Transaction<'_>, found: &Consumer, snapshot: &str) -> Result<Option<String>, StoreError> {
    let workload =
        id_of(tx, "SELECT id FROM workload WHERE ref = $1 ORDER BY id LIMIT 1", &[(&found.workload).into()])?;
    let credential = match &found.credential {
        Some(key) => id_of(
            tx,
            "SELECT id FROM credential WHERE provider = $1 AND account = $2 AND native_id = $3",
            &[(&key.provider).into(), (&key.account).into(), (&key.native_id).into()],
        )?,
        None => None,
    };
    let (id, now) = (tx.new_id()?, tx.now());
    let place = [
        credential.as_deref().unwrap_or_default().into(),
        (&found.name).into(),
        workload.as_deref().unwrap_or_default().into(),
        found.distribution.as_str().into(),
        (&found.locator).into(),
    ];
    let known = id_of(
        tx,
        "SELECT id FROM consumer WHERE coalesce(credential_id, '') = $1 AND name = $2 AND coalesce(workload_id, '') = $3
            AND distribution = $4 AND locator = $5",
        &place,
    )?;
    if known.is_some() {
        return Ok(known);
    }
    let [_, name, _, distribution, locator] = place;
    let confirmed = found.confirmed_at.map_or(now, |time| time.millis);
    tx.execute(
        "INSERT INTO consumer (id, credential_id, name, workload_id, distribution, locator, origin, confirmed_at, snapshot_id,
            created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 'import', $7, $8, $9, $9)",
        &[
            (&id).into(),
            credential.into(),
            name,
            workload.into(),
            distribution,
            locator,
            confirmed.into(),
            snapshot.into(),
            now.into(),
        ],
    )?;
    Ok(Some(id))
}
