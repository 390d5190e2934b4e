//! What a person makes of a proposed identity: it is real, it is another one, or it is none.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    due,
    manual::{self, ManualLinkError},
    shadow::CREDENTIAL_PREFIX,
};
use crate::store::{StoreError, Transaction};

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

/// It is another identity, which is known: its findings and its credential belong to that one, on this person's word.
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
        "SELECT finding_id, min(credential_id) FROM link WHERE identity_id = $1 AND status = 'auto' GROUP BY finding_id
         ORDER BY finding_id",
        &[id.into()],
    )?;
    fold(tx, id, into)?;
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for row in &rows {
        let target = match row.get::<Option<String>>(1)? {
            Some(credential) if given.contains_key(&credential) => given[&credential].clone(),
            Some(credential) => {
                let now_its = give_credential(tx, &credential, into)?;
                given.insert(credential, now_its.clone());
                now_its
            }
            None => into.to_owned(),
        };
        manual::confirm(tx, &row.get::<String>(0)?, &target, "merged by a person")?;
    }
    Ok(())
}

/// Makes a proposed credential one of that identity: the one that it has under the same public id, or else one more, under its
/// public id if it has one, so that an inventory that lists it later means the same. The id of the row.
fn give_credential(tx: &mut Transaction<'_>, id: &str, into: &str) -> Result<String, StoreError> {
    let row = tx.query_one("SELECT native_id, provider, account FROM credential WHERE id = $1", &[id.into()])?;
    let Some(row) = row else { return Err(StoreError::Missing(format!("there is no credential {id}"))) };
    let native: String = row.get(0)?;
    let public_id = native.strip_prefix(CREDENTIAL_PREFIX).filter(|shown| !shown.starts_with("finding:"));
    let Some(public_id) = public_id else {
        tx.execute("UPDATE credential SET identity_id = $2 WHERE id = $1", &[id.into(), into.into()])?;
        return Ok(id.to_owned());
    };
    let same = tx.query(
        "SELECT id FROM credential WHERE identity_id = $1 AND public_id = $2 ORDER BY id LIMIT 2",
        &[into.into(), public_id.into()],
    )?;
    if let [same] = same.as_slice() {
        return same.get(0);
    }
    let (provider, account): (String, String) = (row.get(1)?, row.get(2)?);
    let taken = tx.query_one(
        "SELECT id FROM credential WHERE provider = $1 AND account = $2 AND native_id = $3",
        &[provider.into(), account.into(), public_id.into()],
    )?;
    let native = if taken.is_some() { &native } else { public_id };
    tx.execute(
        "UPDATE credential SET identity_id = $2, public_id = $3, native_id = $4 WHERE id = $1",
        &[id.into(), into.into(), public_id.into(), native.into()],
    )?;
    Ok(id.to_owned())
}

/// One identity is another: it is none of its own any more, and its findings are free.
pub(super) fn fold(tx: &mut Transaction<'_>, id: &str, into: &str) -> Result<(), StoreError> {
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
