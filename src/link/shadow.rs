//! Shadow identities: findings that belong to nobody known propose whom they may belong to. A person accepts, merges or
//! dismisses; an import that knows better merges by itself.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Serialize;
use serde_json::json;

use super::{
    due,
    facts::Facts,
    linkers::same_provider,
    manual::{self, ManualLinkError},
    owners::{Guess, Owners},
    writes::Writes,
};
use crate::store::{AuditEntry, StoreError, Transaction, Value};

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
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<String>, _>>()?;
    let facts = Facts::read_all(tx, &ids.iter().map(String::as_str).collect())?;
    proposed.new = propose_page(tx, &facts)?;
    Ok((proposed, ids.last().cloned()))
}

/// By what an identity is known: provider, account, native id.
type Key = (String, String, String);

/// By its public id where it has one: two rules that find one key mean one identity.
fn key_of(facts: &Facts) -> Key {
    let native = facts.public_id.clone().unwrap_or_else(|| format!("finding:{}", facts.id));
    (facts.provider.clone(), facts.account().unwrap_or_default().to_owned(), native)
}

/// A proposed identity as the store has it.
struct Kept {
    id: String,
    is_new: bool,
    is_dismissed: bool,
}

/// Proposes an identity for each finding, in a few statements. How many are new?
fn propose_page(tx: &mut Transaction<'_>, all: &[Facts]) -> Result<u64, StoreError> {
    let mut kept = keep_identities(tx, all)?;
    let of_living = |facts: &&Facts| kept.get(&key_of(facts)).is_some_and(|kept| !kept.is_dismissed);
    let living: Vec<&Facts> = all.iter().filter(of_living).collect();
    let credentials = keep_credentials(tx, &living, &kept)?;
    let (mut writes, mut new) = (Writes::default(), Vec::new());
    for facts in &living {
        let key = key_of(facts);
        let credential = credentials.get(&key);
        let credential = credential.ok_or_else(|| StoreError::Damaged("a credential was not kept".to_owned()))?;
        let Some(identity) = kept.get_mut(&key) else { continue };
        let evidence = json!([{
            "rule": "shadow", "finding_field": "public_id", "inventory_field": "identity", "value": key.2, "weight": 0.9,
            "snapshot": null,
        }]);
        writes.shadow_link(tx, &facts.id, (credential, &identity.id), &evidence)?;
        // Of several findings that mean it the first proposes it.
        if std::mem::take(&mut identity.is_new) {
            new.push((*facts, identity.id.clone()));
        }
    }
    guess_owners(tx, &new, &mut writes)?;
    writes.write(tx)?;
    Ok(new.len() as u64)
}

fn keep_identities(tx: &mut Transaction<'_>, all: &[Facts]) -> Result<BTreeMap<Key, Kept>, StoreError> {
    let (mut rows, mut ids) = (Vec::new(), BTreeMap::new());
    for facts in all {
        let Entry::Vacant(place) = ids.entry(key_of(facts)) else { continue };
        let principal =
            ["user", "email", "client_email", "service_account"].iter().find_map(|name| facts.attribute(name));
        let name = principal.map_or_else(|| format!("unknown owner of {}", facts.rule), str::to_owned);
        let (id, now) = (tx.new_id()?, tx.now());
        let (provider, account, native) = place.key();
        rows.push(vec![
            (&id).into(),
            (&facts.identity_kind).into(),
            provider.into(),
            account.into(),
            native.into(),
            name.into(),
            "proposed by a finding that belongs to nobody known".into(),
            "proposed".into(),
            now.into(),
            now.into(),
            now.into(),
            now.into(),
        ]);
        place.insert(id);
    }
    let mut kept = BTreeMap::new();
    for row in tx.query_rows(
        "INSERT INTO identity (id, kind, provider, account, native_id, name, purpose, state, first_seen_at, last_seen_at,
            created_at, updated_at) VALUES {rows}
         ON CONFLICT (provider, account, native_id) DO UPDATE SET last_seen_at = excluded.last_seen_at
         RETURNING id, state, provider, account, native_id",
        &rows,
    )? {
        let (id, key) = (row.get::<String>(0)?, (row.get(2)?, row.get(3)?, row.get(4)?));
        let is_new = ids.get(&key) == Some(&id);
        kept.insert(key, Kept { id, is_new, is_dismissed: row.get::<String>(1)? == "dismissed" });
    }
    Ok(kept)
}

fn keep_credentials(
    tx: &mut Transaction<'_>,
    all: &[&Facts],
    identities: &BTreeMap<Key, Kept>,
) -> Result<BTreeMap<Key, String>, StoreError> {
    let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
    for facts in all {
        let key = key_of(facts);
        let Some(identity) = identities.get(&key).filter(|_| seen.insert(key.clone())) else { continue };
        let (id, now) = (tx.new_id()?, tx.now());
        rows.push(vec![
            id.into(),
            (&identity.id).into(),
            (&key.0).into(),
            (&key.1).into(),
            (&facts.kind).into(),
            format!("{CREDENTIAL_PREFIX}{}", key.2).into(),
            // Left empty, so that a proposal is never mistaken for an inventory's word on a public id.
            Value::Text(None),
            now.into(),
            now.into(),
            now.into(),
            now.into(),
        ]);
    }
    let mut kept = BTreeMap::new();
    for row in tx.query_rows(
        "INSERT INTO credential (id, identity_id, provider, account, type, native_id, public_id, first_seen_at,
            last_seen_at, created_at, updated_at) VALUES {rows}
         ON CONFLICT (provider, account, native_id) DO UPDATE SET last_seen_at = excluded.last_seen_at
         RETURNING id, provider, account, native_id",
        &rows,
    )? {
        let native: String = row.get(3)?;
        let native = native.strip_prefix(CREDENTIAL_PREFIX).unwrap_or(&native).to_owned();
        kept.insert((row.get(1)?, row.get(2)?, native), row.get(0)?);
    }
    Ok(kept)
}

/// What ids of proposed credentials begin with.
const CREDENTIAL_PREFIX: &str = "shadow:";

/// Who may answer for each of these identities: whoever owns the place where the finding stands, or else whoever put it there.
fn guess_owners(tx: &mut Transaction<'_>, new: &[(&Facts, String)], writes: &mut Writes) -> Result<(), StoreError> {
    let mut owners = Owners::default();
    let mut guesses = Vec::with_capacity(new.len());
    for (facts, _) in new {
        guesses.push(owners.of(tx, facts)?);
    }
    let unowned = new.iter().zip(&guesses).filter(|(_, guess)| guess.is_none()).map(|((facts, _), _)| *facts);
    let authors = keep_authors(tx, unowned)?;
    for ((facts, identity), guess) in new.iter().zip(guesses) {
        let guess = guess.or_else(|| {
            let (_, email) = author(facts)?;
            let owner = authors.get(&email)?.clone();
            let reason = "put the secret where it was found".to_owned();
            Some(Guess { owner, reference: email, confidence: 40, reason, is_active: true })
        });
        writes.events.push(AuditEntry {
            action: "identity.propose".to_owned(),
            subject: format!("identity:{identity}"),
            data: json!({ "finding": facts.id, "owner": guess.as_ref().map(|guess| &guess.reference) }),
        });
        if let Some(guess) = guess {
            writes.guess(tx, identity, guess)?;
        }
    }
    Ok(())
}

/// Whoever put a finding into one of its places: as it is written there, and the address.
fn author(facts: &Facts) -> Option<(&str, String)> {
    let author = facts.places.iter().find_map(|place| place.author.as_deref())?;
    let email = author.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(author);
    Some((author, email.to_ascii_lowercase()))
}

/// Makes the authors owners. Their ids, by address.
fn keep_authors<'f>(
    tx: &mut Transaction<'_>,
    all: impl Iterator<Item = &'f Facts>,
) -> Result<BTreeMap<String, String>, StoreError> {
    let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
    for (author, email) in all.filter_map(author) {
        if !seen.insert(email.clone()) {
            continue;
        }
        let (id, now) = (tx.new_id()?, tx.now());
        rows.push(vec![
            id.into(),
            "person".into(),
            (&email).into(),
            author.into(),
            (&email).into(),
            now.into(),
            now.into(),
        ]);
    }
    let kept = tx.query_rows(
        "INSERT INTO owner (id, kind, ref, name, email, created_at, updated_at) VALUES {rows}
         ON CONFLICT (ref) DO UPDATE SET updated_at = excluded.updated_at RETURNING ref, id",
        &rows,
    )?;
    kept.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
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
