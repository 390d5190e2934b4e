//! Why a finding is linked as it is.

use serde::Serialize;

use super::{CERTAIN, evidence::Evidence, facts::Facts, risk::Reason};
use crate::{
    model::identity::Timestamp,
    store::{StoreError, Transaction},
};

/// A link as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredLink {
    /// Its id.
    pub id: String,
    /// The credential.
    pub credential: Option<String>,
    /// Where it is kept, or how its provider calls it.
    pub credential_name: Option<String>,
    /// Does it work?
    pub credential_status: Option<String>,
    /// The how-manieth of its series it is.
    pub generation: Option<i64>,
    /// When it died, if it did.
    pub retired_at: Option<Timestamp>,
    /// The identity.
    pub identity: Option<String>,
    /// What people call the identity.
    pub identity_name: Option<String>,
    /// What it rests on.
    pub tier: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// `auto`, `confirmed`, `rejected` or `ambiguous`.
    pub status: String,
    /// What speaks for it and against it.
    pub evidence: Vec<Evidence>,
}

/// Why a finding is linked as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// How bad the finding is, 0 to 100.
    pub risk: i64,
    /// What that is made of.
    pub risk_reasons: Vec<Reason>,
    /// Its links, the surest first.
    pub links: Vec<StoredLink>,
    /// What would settle it.
    pub needed: Vec<String>,
}

/// Why a finding is linked as it is, and what would settle it.
///
/// # Errors
/// What the engine says.
pub fn explain(tx: &mut Transaction<'_>, id: &str) -> Result<Option<Explanation>, StoreError> {
    let Some(facts) = Facts::read(tx, id)? else { return Ok(None) };
    let rows = tx.query(
        "SELECT l.id, l.credential_id, l.identity_id, i.name, l.tier, l.confidence, l.status, l.evidence,
            coalesce(c.store_ref, c.public_id, c.name, c.native_id), c.status, c.generation, c.tombstoned_at FROM link AS l
         LEFT JOIN identity AS i ON i.id = l.identity_id
         LEFT JOIN credential AS c ON c.id = l.credential_id WHERE l.finding_id = $1 ORDER BY l.confidence DESC, l.id",
        &[id.into()],
    )?;
    let mut links = Vec::new();
    for row in &rows {
        let evidence: serde_json::Value = row.get(7)?;
        links.push(StoredLink {
            id: row.get(0)?,
            credential: row.get(1)?,
            credential_name: row.get(8)?,
            credential_status: row.get(9)?,
            generation: row.get(10)?,
            retired_at: row.get::<Option<i64>>(11)?.map(|millis| Timestamp { millis }),
            identity: row.get(2)?,
            identity_name: row.get(3)?,
            tier: row.get(4)?,
            confidence: row.get(5)?,
            status: row.get(6)?,
            evidence: serde_json::from_value(evidence).unwrap_or_default(),
        });
    }
    let row = tx.query_one("SELECT risk, risk_reasons FROM finding WHERE id = $1", &[id.into()])?;
    let row = row.ok_or_else(|| StoreError::Missing(format!("finding {id} is gone")))?;
    let reasons: Option<serde_json::Value> = row.get(1)?;
    let risk_reasons = reasons.and_then(|reasons| serde_json::from_value(reasons).ok()).unwrap_or_default();
    Ok(Some(Explanation { risk: row.get(0)?, risk_reasons, needed: needed(&facts, &links), links }))
}

fn needed(facts: &Facts, links: &[StoredLink]) -> Vec<String> {
    let best = links.iter().find(|link| link.status != "rejected");
    if best.is_some_and(|link| link.status == "confirmed" || (link.status == "auto" && link.confidence >= CERTAIN)) {
        return Vec::new();
    }
    let mut needed = Vec::new();
    let tied = links.iter().filter(|link| link.status == "ambiguous").count();
    if tied > 1 {
        needed.push(format!("which of the {tied} it is: they are as likely, for all that inventories say"));
    }
    let rests_on = |tiers: &[&str]| best.is_some_and(|link| tiers.contains(&link.tier.as_str()));
    if facts.public_id.is_some() && !rests_on(&["A0", "A2"]) {
        needed
            .push(format!("an inventory of {} that lists the public id, of the account that it is of", facts.provider));
    }
    if !rests_on(&["A0"]) {
        needed.push("a fingerprint of the secret from whoever keeps it (`unleak fingerprint`)".to_owned());
    }
    if best.is_some() {
        needed.push("somebody who knows: `unleak link --confirm` or `--reject`".to_owned());
    }
    needed
}
