//! Shadow identities: findings that belong to nobody known propose whom they may belong to. A person decides on them
//! ([`super::decision`]); an import that knows better merges by itself.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Serialize;
use serde_json::json;

use super::{
    SHADOW,
    decision::fold,
    facts::Facts,
    linkers::same_provider,
    owners::{Guess, Owners},
    writes::Writes,
};
use crate::store::{AuditEntry, StoreError, Transaction, Value};

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

/// Proposed identities behind one (by its risk and id), at most 500, the riskiest first.
///
/// # Errors
/// What the engine says.
pub fn proposed(tx: &mut Transaction<'_>, after: Option<&(i64, String)>) -> Result<Vec<ProposedIdentity>, StoreError> {
    let (risk, id) = after.map_or((i64::MAX, ""), |(risk, id)| (*risk, id.as_str()));
    let rows = tx.query(
        "SELECT id, name, kind, provider, account, native_id, findings, risk FROM (
            SELECT i.id, i.name, i.kind, i.provider, i.account, i.native_id,
            (SELECT count(*) FROM link AS l WHERE l.identity_id = i.id AND l.status <> 'rejected') AS findings,
            coalesce((SELECT max(f.risk) FROM link AS l JOIN finding AS f ON f.id = l.finding_id
                WHERE l.identity_id = i.id AND l.status <> 'rejected'), 0) AS risk
            FROM identity AS i WHERE i.state = 'proposed') AS p
         WHERE risk < $1 OR (risk = $1 AND id > $2) ORDER BY risk DESC, id LIMIT $3",
        &[risk.into(), id.into(), BATCH.into()],
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

/// Why an identity is proposed, for people.
fn reason(facts: &Facts) -> String {
    match &facts.public_id {
        Some(id) => format!("no inventory has {id}: an identity is proposed for it"),
        None => "the secret names no identity, and no inventory has it: one is proposed for it".to_owned(),
    }
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
            "rule": "shadow", "finding_field": "", "inventory_field": "", "value": reason(facts), "weight": 0.9,
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
pub(super) const CREDENTIAL_PREFIX: &str = "shadow:";

/// Who may answer for each of these identities.
fn guess_owners(tx: &mut Transaction<'_>, new: &[(&Facts, String)], writes: &mut Writes) -> Result<(), StoreError> {
    let guesses = guesses(tx, new.iter().map(|(facts, _)| *facts))?;
    for ((facts, identity), guess) in new.iter().zip(guesses) {
        note_guess(tx, "identity.propose", (facts, identity), guess, writes)?;
    }
    Ok(())
}

/// Writes down who may answer for an identity, and that somebody was thought of, or nobody.
fn note_guess(
    tx: &mut Transaction<'_>,
    action: &str,
    (facts, identity): (&Facts, &str),
    guess: Option<Guess>,
    writes: &mut Writes,
) -> Result<(), StoreError> {
    writes.events.push(AuditEntry {
        action: action.to_owned(),
        subject: format!("identity:{identity}"),
        data: json!({ "finding": facts.id, "owner": guess.as_ref().map(|guess| &guess.reference) }),
    });
    guess.map_or(Ok(()), |guess| writes.guess(tx, identity, guess))
}

/// For each finding whoever owns the place where it stands, or else whoever put it there.
fn guesses<'f>(
    tx: &mut Transaction<'_>,
    all: impl Iterator<Item = &'f Facts> + Clone,
) -> Result<Vec<Option<Guess>>, StoreError> {
    let mut owners = Owners::default();
    let mut guesses = Vec::new();
    for facts in all.clone() {
        guesses.push(owners.of(tx, facts)?);
    }
    let unowned = all.clone().zip(&guesses).filter(|(_, guess)| guess.is_none()).map(|(facts, _)| facts);
    let authors = keep_authors(tx, unowned)?;
    let by_author = |facts: &Facts| {
        let (_, email) = author(facts)?;
        let owner = authors.get(&email)?.clone();
        let reason = "put the secret where it was found".to_owned();
        Some(Guess { owner, reference: email, confidence: 40, reason, is_active: true })
    };
    Ok(all.zip(guesses).map(|(facts, guess)| guess.or_else(|| by_author(facts))).collect())
}

/// Guesses anew who answers for the next proposed identities after `after`: what owns files and repositories may have been
/// imported, or have changed, since they were proposed. The last one looked at; `None` at the end.
///
/// # Errors
/// What the engine says.
pub fn guess_again(tx: &mut Transaction<'_>, after: &str) -> Result<Option<String>, StoreError> {
    let rows = tx.query(
        "SELECT i.id, min(l.finding_id) FROM identity AS i JOIN link AS l ON l.identity_id = i.id
         WHERE i.state = 'proposed' AND i.id > $1 AND l.engine_version = $2 AND l.status = 'auto'
         GROUP BY i.id ORDER BY i.id LIMIT $3",
        &[after.into(), SHADOW.into(), BATCH.into()],
    )?;
    let mut by_finding = BTreeMap::new();
    for row in &rows {
        by_finding.insert(row.get::<String>(1)?, row.get::<String>(0)?);
    }
    let facts = Facts::read_all(tx, &by_finding.keys().map(String::as_str).collect())?;
    let guesses = guesses(tx, facts.iter())?;
    let before = guessed(tx, &by_finding.values().map(String::as_str).collect())?;
    let (mut ended, mut writes) = (BTreeSet::new(), Writes::default());
    for (facts, guess) in facts.iter().zip(guesses) {
        let Some(identity) = by_finding.get(&facts.id) else { continue };
        let said = guess.as_ref().map(|guess| (guess.owner.clone(), guess.reason.clone()));
        if before.get(identity) == said.as_ref() {
            continue;
        }
        ended.insert(identity.as_str());
        note_guess(tx, "identity.guess", (facts, identity), guess, &mut writes)?;
    }
    tx.execute_among(
        "UPDATE ownership SET valid_to_at = $1, updated_at = $1
         WHERE valid_to_at IS NULL AND origin = 'inferred' AND identity_id IN (?)",
        &[tx.now().into()],
        &ended,
    )?;
    writes.write(tx)?;
    rows.last().map(|row| row.get(0)).transpose()
}

/// Who is guessed to answer for identities now, and why.
fn guessed(tx: &mut Transaction<'_>, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, (String, String)>, StoreError> {
    let rows = tx.query_in(
        "SELECT identity_id, owner_id, coalesce(reason, '') FROM ownership
         WHERE valid_to_at IS NULL AND origin = 'inferred' AND identity_id IN (?)",
        ids,
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).collect()
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
