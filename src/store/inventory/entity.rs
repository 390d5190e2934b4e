//! From records to rows: each noun by its natural key, without forgetting what another source knew.

use serde_json::{Value as Json, json};

use super::{
    super::{StoreError, Transaction, Value},
    Reading,
    principal::{self, Identities},
};
use crate::model::identity::{Consumer, Grant, OwnedBy, Owner, Ownership, Record, Timestamp, Workload};

/// Makes records rows, or changes the rows that they are; each is there once. Returns the rows' ids, in the order of the records.
pub(super) fn upsert(
    tx: &mut Transaction<'_>,
    records: &[&Record],
    reading: &Reading,
) -> Result<Vec<Option<String>>, StoreError> {
    // Identities before what they have, whatever the order of the export.
    let mut identities = Identities::read(tx, records, reading)?;
    let mut credentials = principal::upsert_credentials(tx, records, &mut identities)?;
    let mut ids = Vec::with_capacity(records.len());
    for record in records {
        ids.push(match record {
            Record::Identity(identity) => Some(identities.id(tx, &identity.key)?),
            Record::Credential(credential) => match credentials.remove(&credential.key) {
                Some(id) => Some(id),
                None => Some(principal::upsert_joined(tx, credential, &mut identities)?),
            },
            Record::Grant(grant) => upsert_grant(tx, grant, &mut identities)?,
            Record::Owner(owner) => upsert_owner(tx, owner)?,
            Record::Ownership(ownership) => upsert_ownership(tx, ownership, &mut identities)?,
            Record::Workload(workload) => upsert_workload(tx, workload)?,
            Record::Consumer(consumer) => upsert_consumer(tx, consumer, reading)?,
            Record::Vendor(vendor) => vendor_id(tx, &vendor.name)?,
        });
    }
    principal::number_generations(tx, records, &identities)?;
    Ok(ids)
}

/// How the reason of a tombstone begins that is there because a source no longer has the credential.
pub(super) const GONE: &str = "gone from ";

/// Lets a row die of which no source says anything any more. Is it a credential's tombstone?
/// It ended when the export was taken that no longer has it, at the latest: nobody knows better.
pub(super) fn vanish(
    tx: &mut Transaction<'_>,
    noun: &str,
    id: &str,
    (by, ended): (&str, i64),
) -> Result<bool, StoreError> {
    let now = tx.now();
    let row: [Value; 3] = [id.into(), ended.into(), now.into()];
    let _rows = match noun {
        "credential" => {
            let reason = format!("{GONE}{by}");
            let dead = tx.execute(
                "UPDATE credential SET status = CASE WHEN status IN ('revoked', 'expired') THEN status ELSE 'deleted' END,
                    tombstoned_at = $2, tombstone_reason = $4, updated_at = $3, version = version + 1
                 WHERE id = $1 AND tombstoned_at IS NULL",
                &[id.into(), ended.into(), now.into(), reason.into()],
            )?;
            return Ok(dead > 0);
        }
        "identity" => tx.execute(
            "UPDATE identity SET vanished_at = $2, updated_at = $3, version = version + 1,
                state = CASE WHEN state IN ('active', 'suspended', 'offboarding') THEN 'offboarded' ELSE state END
             WHERE id = $1",
            &row,
        )?,
        "ownership" => tx.execute(
            "UPDATE ownership SET valid_to_at = $2, updated_at = $3 WHERE id = $1 AND valid_to_at IS NULL",
            &row,
        )?,
        "grant" => tx.execute("DELETE FROM identity_grant WHERE id = $1", &[id.into()])?,
        "consumer" => tx.execute("DELETE FROM consumer WHERE id = $1", &[id.into()])?,
        // Owners, workloads and vendors are there as long as anything names them.
        _ => 0,
    };
    Ok(false)
}

pub(super) fn ms(time: Option<Timestamp>) -> Value {
    Value::Int(time.map(|time| time.millis))
}

pub(super) fn json_unless_empty(value: &Json) -> Value {
    let is_empty =
        value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    if is_empty { Value::Json(None) } else { Value::json(value) }
}

pub(super) fn id_of(tx: &mut Transaction<'_>, sql: &str, values: &[Value]) -> Result<Option<String>, StoreError> {
    tx.query_one(sql, values)?.map(|row| row.get(0)).transpose()
}

pub(super) fn vendor_id(tx: &mut Transaction<'_>, name: &str) -> Result<Option<String>, StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    id_of(
        tx,
        "INSERT INTO vendor (id, name, created_at, updated_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at RETURNING id",
        &[id.into(), name.into(), now.into()],
    )
}

fn upsert_grant(
    tx: &mut Transaction<'_>,
    grant: &Grant,
    identities: &mut Identities<'_>,
) -> Result<Option<String>, StoreError> {
    let identity = identities.id(tx, &grant.identity)?;
    let snapshot = &identities.reading.id;
    let (id, now) = (tx.new_id()?, tx.now());
    let conditions = grant.conditional.then(|| json!({ "conditional": true }));
    id_of(
        tx,
        "INSERT INTO identity_grant (id, identity_id, resource, action, effect, via, conditions, high_risk, expires_at,
            last_used_at, snapshot_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         ON CONFLICT (identity_id, resource, action, effect, via) DO UPDATE SET conditions = excluded.conditions,
            high_risk = excluded.high_risk, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
            last_used_at = CASE WHEN identity_grant.last_used_at > excluded.last_used_at THEN identity_grant.last_used_at
                ELSE coalesce(excluded.last_used_at, identity_grant.last_used_at) END, snapshot_id = excluded.snapshot_id
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

fn subject(tx: &mut Transaction<'_>, owned: &OwnedBy, identities: &mut Identities<'_>) -> Result<Subject, StoreError> {
    let mut subject = Subject { identity: None, workload: None, repository: None, pattern: None, line: None };
    match owned {
        OwnedBy::Identity { identity } => subject.identity = Some(identities.id(tx, identity)?),
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

fn upsert_ownership(
    tx: &mut Transaction<'_>,
    claim: &Ownership,
    identities: &mut Identities<'_>,
) -> Result<Option<String>, StoreError> {
    let owner = id_of(tx, "SELECT id FROM owner WHERE ref = $1", &[(&claim.owner).into()])?;
    let Some(owner) = owner else {
        return Err(StoreError::Missing("an ownership came before its owner".to_owned()));
    };
    let subject = subject(tx, &claim.subject, identities)?;
    let snapshot = &identities.reading.id;
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

fn upsert_consumer(
    tx: &mut Transaction<'_>,
    found: &Consumer,
    reading: &Reading,
) -> Result<Option<String>, StoreError> {
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
    let confirmed = found.confirmed_at.map_or(reading.taken_at, |time| time.millis);
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
            (&reading.id).into(),
            now.into(),
        ],
    )?;
    Ok(Some(id))
}
