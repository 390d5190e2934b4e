//! What a person says of a link: it wins over everything that is worked out.

use serde_json::json;

use super::ENGINE_VERSION;
use crate::store::{StoreError, Transaction, Value};

/// Why a link can't be confirmed or rejected.
#[derive(Debug, thiserror::Error)]
pub enum ManualLinkError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing has that id.
    #[error("no {what} has the id `{id}`")]
    Unknown {
        /// `finding`, or `credential or identity`.
        what: &'static str,
        /// As it was given.
        id: String,
    },
}

/// A person says that the finding is a copy of this credential, or belongs to this identity. Other confirmed links of the
/// finding are gone.
///
/// # Errors
/// Ids that nothing has.
pub fn confirm(tx: &mut Transaction<'_>, finding: &str, target: &str, reason: &str) -> Result<(), ManualLinkError> {
    tx.execute("DELETE FROM link WHERE finding_id = $1 AND status = 'confirmed'", &[finding.into()])?;
    say(tx, finding, target, "confirmed", reason)
}

/// A person says that the finding has nothing to do with it; of an identity, with none of its credentials, either. It is not
/// proposed again.
///
/// # Errors
/// Ids that nothing has.
pub fn reject(tx: &mut Transaction<'_>, finding: &str, target: &str, reason: &str) -> Result<(), ManualLinkError> {
    say(tx, finding, target, "rejected", reason)
}

fn say(
    tx: &mut Transaction<'_>,
    finding: &str,
    target: &str,
    status: &str,
    reason: &str,
) -> Result<(), ManualLinkError> {
    if tx.query_one("SELECT id FROM finding WHERE id = $1", &[finding.into()])?.is_none() {
        return Err(ManualLinkError::Unknown { what: "finding", id: finding.to_owned() });
    }
    let (credential, identity) = target_of(tx, target)?;
    match &credential {
        // Whose credential it is after all isn't somebody who has nothing to do with it.
        Some(credential) => tx.execute(
            "DELETE FROM link WHERE finding_id = $1 AND (credential_id = $2
                OR $4 = 'confirmed' AND status = 'rejected' AND credential_id IS NULL AND identity_id = $3)",
            &[finding.into(), credential.into(), identity.as_deref().into(), status.into()],
        )?,
        // Nor is it any credential of somebody who has nothing to do with it, whatever was said before.
        None => tx.execute(
            "DELETE FROM link WHERE finding_id = $1 AND identity_id = $2
                AND (credential_id IS NULL OR $3 = 'rejected' AND status <> 'rejected')",
            &[finding.into(), identity.as_deref().into(), status.into()],
        )?,
    };
    let evidence = json!([{
        "rule": "manual", "finding_field": "", "inventory_field": "", "value": reason, "weight": 1.0, "snapshot": null,
    }]);
    let (id, now, actor) = (tx.new_id()?, tx.now(), tx.actor().to_owned());
    let confidence = if status == "confirmed" { 1.0 } else { 0.0 };
    tx.execute(
        "INSERT INTO link (id, finding_id, credential_id, identity_id, tier, confidence, status, actor, reason, evidence,
            engine_version, created_at, updated_at) VALUES ($1, $2, $3, $4, 'A0', $5, $6, $7, $8, $9, $10, $11, $11)",
        &[
            id.into(),
            finding.into(),
            credential.as_deref().into(),
            identity.as_deref().into(),
            confidence.into(),
            status.into(),
            actor.into(),
            reason.into(),
            Value::json(&evidence),
            ENGINE_VERSION.into(),
            now.into(),
        ],
    )?;
    tx.audit(&format!("link.{status}"), &format!("finding:{finding}"), &json!({ "target": target, "reason": reason }))?;
    Ok(())
}

/// The credential that `target` names, with its identity; or the identity.
fn target_of(tx: &mut Transaction<'_>, target: &str) -> Result<(Option<String>, Option<String>), ManualLinkError> {
    if let Some(row) = tx.query_one("SELECT identity_id FROM credential WHERE id = $1", &[target.into()])? {
        return Ok((Some(target.to_owned()), row.get(0)?));
    }
    if tx.query_one("SELECT id FROM identity WHERE id = $1", &[target.into()])?.is_some() {
        return Ok((None, Some(target.to_owned())));
    }
    Err(ManualLinkError::Unknown { what: "credential or identity", id: target.to_owned() })
}
