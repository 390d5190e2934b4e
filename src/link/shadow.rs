//! Shadow identities: findings that belong to nobody known propose whom they may belong to. A person accepts, merges or
//! dismisses; an import that knows better merges by itself.

use serde::Serialize;
use serde_json::json;

use super::{
    due,
    facts::Facts,
    linkers::same_provider,
    manual::{self, ManualLinkError},
    owners::{Guess, Owners},
};
use crate::store::{StoreError, Transaction, Value};

/// Why a proposed identity can't be accepted, merged or dismissed.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing has that id.
    #[error("no identity has the id `{0}`")]
    Unknown(String),
    /// It isn't proposed.
    #[error("identity {0} is {1}, not proposed")]
    NotProposed(String, String),
    /// It was to be merged with itself.
    #[error("identity {0} can't be merged with itself: name the one that it is")]
    Itself(String),
    /// Its findings can't be linked to the other.
    #[error(transparent)]
    Link(#[from] ManualLinkError),
}

/// What proposing changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// Identities that are proposed for the first time.
    pub new: u64,
    /// Proposed identities that an import has since brought: merged with what it brought.
    pub merged: u64,
}

/// An identity that waits for somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedIdentity {
    /// Its id, for `accept`, `merge` and `dismiss`.
    pub id: String,
    /// What it would be called.
    pub name: String,
    /// What sort it seems to be.
    pub kind: String,
    /// Whose credentials they are.
    pub provider: String,
    /// The account that the credential shows.
    pub account: String,
    /// The public id that names it, or the finding that proposed it.
    pub native_id: String,
    /// Who is thought to answer for it, and why.
    pub owner: Option<(String, String)>,
    /// How many findings belong to it.
    pub findings: i64,
    /// The greatest risk of them.
    pub risk: i64,
}

/// Proposed identities behind one (by its id), at most 500, in the order in which they were proposed.
///
/// # Errors
/// What the engine says.
pub fn proposed(tx: &mut Transaction<'_>, after: &str) -> Result<Vec<ProposedIdentity>, StoreError> {
    let rows = tx.query(
        "SELECT i.id, i.name, i.kind, i.provider, i.account, i.native_id,
            (SELECT count(*) FROM link AS l WHERE l.identity_id = i.id AND l.status <> 'rejected'),
            coalesce((SELECT max(f.risk) FROM link AS l JOIN finding AS f ON f.id = l.finding_id
                WHERE l.identity_id = i.id AND l.status <> 'rejected'), 0)
         FROM identity AS i WHERE i.state = 'proposed' AND i.id > $1 ORDER BY i.id LIMIT $2",
        &[after.into(), BATCH.into()],
    )?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: String = row.get(0)?;
        let owner = tx.owners_of(Some(&id), None)?.into_iter().next();
        found.push(ProposedIdentity {
            name: row.get(1)?,
            kind: row.get(2)?,
            provider: row.get(3)?,
            account: row.get(4)?,
            native_id: row.get(5)?,
            owner: owner.map(|owner| (owner.reference, owner.reason.unwrap_or_default())),
            findings: row.get(6)?,
            risk: row.get(7)?,
            id,
        });
    }
    Ok(found)
}

/// How many findings are looked at in one call.
const BATCH: i64 = 500;

/// Proposes an identity, with a credential, for each of the next findings after `after` that are linked to nothing; each
/// finding once. Returns what it did and the last finding looked at; `None` at the end.
///
/// # Errors
/// What the engine says.
pub fn propose(tx: &mut Transaction<'_>, after: &str) -> Result<(Proposed, Option<String>), StoreError> {
    let mut proposed = Proposed::default();
    if after.is_empty() {
        proposed.merged = merge_imported(tx)?;
    }
    // So written that no engine takes an index of states or credentials, and sorts what it finds there for each batch.
    let rows = tx.query(
        "SELECT f.id FROM finding AS f WHERE f.id > $1 AND coalesce(f.state, '') IN ('open', 'regressed')
         AND coalesce(f.credential_id, '') = '' AND f.score >= 70 AND NOT EXISTS (SELECT 1 FROM link AS l WHERE l.finding_id = f.id AND l.status <> 'rejected')
         ORDER BY f.id LIMIT $2",
        &[after.into(), BATCH.into()],
    )?;
    let (mut last, mut owners) = (None, Owners::default());
    for row in rows {
        let id: String = row.get(0)?;
        if let Some(facts) = Facts::read(tx, &id)? {
            proposed.new += u64::from(propose_one(tx, &facts, &mut owners)?);
        }
        last = Some(id);
    }
    Ok((proposed, last))
}

fn propose_one(tx: &mut Transaction<'_>, facts: &Facts, owners: &mut Owners) -> Result<bool, StoreError> {
    // By its public id where it has one: two rules that find one key mean one identity.
    let native = facts.public_id.clone().unwrap_or_else(|| format!("finding:{}", facts.id));
    let account = facts.account().unwrap_or_default().to_owned();
    let principal = ["user", "email", "client_email", "service_account"].iter().find_map(|name| facts.attribute(name));
    let name = principal.map_or_else(|| format!("unknown owner of {}", facts.rule), str::to_owned);
    let (identity, now) = (tx.new_id()?, tx.now());
    let row = tx.query_one(
        "INSERT INTO identity (id, kind, provider, account, native_id, name, purpose, state, first_seen_at, last_seen_at,
            created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'proposed', $8, $8, $8, $8)
         ON CONFLICT (provider, account, native_id) DO UPDATE SET last_seen_at = excluded.last_seen_at
         RETURNING id, state",
        &[
            identity.as_str().into(),
            (&facts.identity_kind).into(),
            (&facts.provider).into(),
            (&account).into(),
            (&native).into(),
            name.into(),
            "proposed by a finding that belongs to nobody known".into(),
            now.into(),
        ],
    )?;
    let Some(row) = row else { return Ok(false) };
    let (kept, state): (String, String) = (row.get(0)?, row.get(1)?);
    if state == "dismissed" {
        return Ok(false);
    }
    let credential = shadow_credential(tx, facts, &kept, (&account, &native))?;
    let evidence = json!([{
        "rule": "shadow", "finding_field": "public_id", "inventory_field": "identity", "value": native, "weight": 0.9,
        "snapshot": null,
    }]);
    let link = tx.new_id()?;
    tx.execute(
        "INSERT INTO link (id, finding_id, credential_id, identity_id, tier, confidence, status, evidence, engine_version,
            created_at, updated_at) VALUES ($1, $2, $3, $4, 'C', 0.4, 'auto', $5, $6, $7, $7) ON CONFLICT DO NOTHING",
        &[
            link.into(),
            (&facts.id).into(),
            credential.into(),
            (&kept).into(),
            Value::json(&evidence),
            super::SHADOW.into(),
            now.into(),
        ],
    )?;
    let is_new = kept == identity;
    if is_new {
        let owner = guess_owner(tx, facts, &kept, owners)?;
        tx.audit("identity.propose", &format!("identity:{kept}"), &json!({ "finding": facts.id, "owner": owner }))?;
    }
    Ok(is_new)
}

fn shadow_credential(
    tx: &mut Transaction<'_>,
    facts: &Facts,
    identity: &str,
    (account, native): (&str, &str),
) -> Result<String, StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    let row = tx.query_one(
        "INSERT INTO credential (id, identity_id, provider, account, type, native_id, public_id, first_seen_at,
            last_seen_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $8)
         ON CONFLICT (provider, account, native_id) DO UPDATE SET last_seen_at = excluded.last_seen_at RETURNING id",
        &[
            id.into(),
            identity.into(),
            (&facts.provider).into(),
            account.into(),
            (&facts.kind).into(),
            format!("shadow:{native}").into(),
            // Left empty, so that a proposal is never mistaken for an inventory's word on a public id.
            Value::Text(None),
            now.into(),
        ],
    )?;
    row.map_or(Err(StoreError::Damaged("a credential was not kept".to_owned())), |row| row.get(0))
}

/// Who may answer for it: whoever owns the place where it stands, or else whoever put it there.
fn guess_owner(
    tx: &mut Transaction<'_>,
    facts: &Facts,
    identity: &str,
    owners: &mut Owners,
) -> Result<Option<String>, StoreError> {
    let guess = match owners.of(tx, facts)? {
        Some(guess) => guess,
        None => match author(tx, facts)? {
            Some(guess) => guess,
            None => return Ok(None),
        },
    };
    keep_guess(tx, identity, &guess)?;
    Ok(Some(guess.reference))
}

/// An identity that nobody is said to answer for is guessed to be of those who own the place where its credential leaked
/// to; once, and marked as a guess.
///
/// # Errors
/// What the engine says.
pub(super) fn ensure_owner(
    tx: &mut Transaction<'_>,
    facts: &Facts,
    credential: &str,
    owners: &mut Owners,
) -> Result<(), StoreError> {
    let row = tx.query_one("SELECT identity_id FROM credential WHERE id = $1", &[credential.into()])?;
    let Some(identity) = row.map_or(Ok(None), |row| row.get::<Option<String>>(0))? else { return Ok(()) };
    if !tx.owners_of(Some(&identity), Some(credential))?.is_empty() {
        return Ok(());
    }
    match owners.of(tx, facts)? {
        Some(guess) => keep_guess(tx, &identity, &guess),
        None => Ok(()),
    }
}

fn keep_guess(tx: &mut Transaction<'_>, identity: &str, guess: &Guess) -> Result<(), StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    tx.execute(
        "INSERT INTO ownership (id, identity_id, owner_id, role, origin, confidence, reason, valid_from_at, created_at,
            updated_at) VALUES ($1, $2, $3, 'technical', 'inferred', $4, $5, $6, $6, $6) ON CONFLICT DO NOTHING",
        &[
            id.into(),
            identity.into(),
            (&guess.owner).into(),
            guess.confidence.into(),
            (&guess.reason).into(),
            now.into(),
        ],
    )?;
    Ok(())
}

fn author(tx: &mut Transaction<'_>, facts: &Facts) -> Result<Option<Guess>, StoreError> {
    let Some(author) = facts.places.iter().find_map(|place| place.author.clone()) else { return Ok(None) };
    let email =
        author.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(&author).to_ascii_lowercase();
    let (owner, now) = (tx.new_id()?, tx.now());
    let row = tx.query_one(
        "INSERT INTO owner (id, kind, ref, name, email, created_at, updated_at) VALUES ($1, 'person', $2, $3, $4, $5, $5)
         ON CONFLICT (ref) DO UPDATE SET updated_at = excluded.updated_at RETURNING id",
        &[owner.into(), (&email).into(), (&author).into(), (&email).into(), now.into()],
    )?;
    let reason = "put the secret where it was found".to_owned();
    row.map(|row| Ok(Guess { owner: row.get(0)?, reference: email, confidence: 40, reason })).transpose()
}

/// Proposed identities whose public id an inventory has brought since are those; where it could be several, a person decides.
fn merge_imported(tx: &mut Transaction<'_>) -> Result<u64, StoreError> {
    let (mut merged, mut after) = (0, String::new());
    loop {
        let rows = tx.query(
            "SELECT i.id, i.provider, i.account, i.native_id FROM identity AS i
             WHERE i.id > $1 AND i.state = 'proposed' AND i.merged_into IS NULL AND EXISTS (SELECT 1 FROM credential AS c
                WHERE c.public_id = i.native_id AND c.identity_id IS NOT NULL AND c.identity_id <> i.id)
             ORDER BY i.id LIMIT $2",
            &[(&after).into(), BATCH.into()],
        )?;
        let Some(last) = rows.last() else { return Ok(merged) };
        after = last.get(0)?;
        for row in &rows {
            let id: String = row.get(0)?;
            if let Some(into) = brought_since(tx, &id, (row.get(1)?, row.get(2)?, row.get(3)?))? {
                fold(tx, &id, &into)?;
                merged += 1;
            }
        }
    }
}

/// The only identity whose credential has the public id of a proposed one, at its provider and in its account.
fn brought_since(
    tx: &mut Transaction<'_>,
    id: &str,
    (provider, account, public_id): (String, String, String),
) -> Result<Option<String>, StoreError> {
    let rows = tx.query(
        "SELECT DISTINCT identity_id, provider, account FROM credential
         WHERE public_id = $1 AND identity_id IS NOT NULL AND identity_id <> $2 ORDER BY identity_id",
        &[public_id.into(), id.into()],
    )?;
    let mut only = None;
    for row in &rows {
        let (theirs, their_account): (String, String) = (row.get(1)?, row.get(2)?);
        let is_same_account = account.is_empty() || their_account.is_empty() || account == their_account;
        if !(same_provider(&provider, &theirs) && is_same_account) {
            continue;
        }
        let identity: String = row.get(0)?;
        if only.as_ref().is_some_and(|only| *only != identity) {
            return Ok(None);
        }
        only = Some(identity);
    }
    Ok(only)
}

fn state_of(tx: &mut Transaction<'_>, id: &str) -> Result<String, ShadowError> {
    let row = tx.query_one("SELECT state FROM identity WHERE id = $1", &[id.into()])?;
    row.map_or_else(|| Err(ShadowError::Unknown(id.to_owned())), |row| Ok(row.get(0)?))
}

fn proposed_only(tx: &mut Transaction<'_>, id: &str) -> Result<(), ShadowError> {
    let state = state_of(tx, id)?;
    if state == "proposed" { Ok(()) } else { Err(ShadowError::NotProposed(id.to_owned(), state)) }
}

/// It is real: it becomes part of the inventory.
///
/// # Errors
/// An identity that isn't proposed.
pub fn accept(tx: &mut Transaction<'_>, id: &str, name: Option<&str>) -> Result<(), ShadowError> {
    proposed_only(tx, id)?;
    tx.execute(
        "UPDATE identity SET state = 'active', name = coalesce($2, name), updated_at = $3, version = version + 1 WHERE id = $1",
        &[id.into(), name.into(), tx.now().into()],
    )?;
    due::mark_of_identity(tx, id)?;
    // Its finding is a copy of its credential: the finding is all that there is of it.
    tx.execute(
        "UPDATE link SET status = 'confirmed', confidence = 1.0, actor = $2, reason = 'accepted', updated_at = $3
         WHERE identity_id = $1 AND status = 'auto'",
        &[id.into(), tx.actor().to_owned().into(), tx.now().into()],
    )?;
    tx.audit("identity.accept", &format!("identity:{id}"), &json!({ "name": name }))?;
    Ok(())
}

/// It is none of ours, or none at all. It is not proposed again.
///
/// # Errors
/// An identity that isn't proposed.
pub fn dismiss(tx: &mut Transaction<'_>, id: &str, reason: &str) -> Result<(), ShadowError> {
    proposed_only(tx, id)?;
    due::mark_of_identity(tx, id)?;
    tx.execute(
        "UPDATE identity SET state = 'dismissed', updated_at = $2, version = version + 1 WHERE id = $1",
        &[id.into(), tx.now().into()],
    )?;
    tx.execute("DELETE FROM link WHERE identity_id = $1 AND status = 'auto'", &[id.into()])?;
    end_guesses(tx, id)?;
    tx.audit("identity.dismiss", &format!("identity:{id}"), &json!({ "reason": reason }))?;
    Ok(())
}

/// It is another identity, which is known: its findings belong to that one, on this person's word.
///
/// # Errors
/// An identity that isn't proposed, or another that isn't there.
pub fn merge(tx: &mut Transaction<'_>, id: &str, into: &str) -> Result<(), ShadowError> {
    if id == into {
        return Err(ShadowError::Itself(id.to_owned()));
    }
    proposed_only(tx, id)?;
    state_of(tx, into)?;
    let rows = tx.query(
        "SELECT DISTINCT finding_id FROM link WHERE identity_id = $1 AND status = 'auto' ORDER BY finding_id",
        &[id.into()],
    )?;
    fold(tx, id, into)?;
    for row in &rows {
        manual::confirm(tx, &row.get::<String>(0)?, into, "merged by a person")?;
    }
    Ok(())
}

fn fold(tx: &mut Transaction<'_>, id: &str, into: &str) -> Result<(), StoreError> {
    let now = tx.now();
    due::mark_of_identity(tx, id)?;
    tx.execute("DELETE FROM link WHERE identity_id = $1 AND status IN ('auto', 'ambiguous')", &[id.into()])?;
    tx.execute(
        "UPDATE identity SET state = 'dismissed', merged_into = $2, updated_at = $3, version = version + 1 WHERE id = $1",
        &[id.into(), into.into(), now.into()],
    )?;
    end_guesses(tx, id)?;
    tx.audit("identity.merge", &format!("identity:{id}"), &json!({ "into": into }))
}

/// Nobody answers any more for what isn't there.
fn end_guesses(tx: &mut Transaction<'_>, id: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE ownership SET valid_to_at = $2, updated_at = $2 WHERE identity_id = $1 AND valid_to_at IS NULL",
        &[id.into(), tx.now().into()],
    )?;
    Ok(())
}
