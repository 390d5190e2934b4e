//! How bad a finding is: what it can do, who can see it, whether it still works. Lists are ordered by it.

use serde::{Deserialize, Serialize};

use crate::store::{StoreError, Transaction, Value};

/// One reason of a risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What.
    pub feature: String,
    /// How many points it adds (or takes).
    pub points: i64,
    /// In words.
    pub detail: String,
}

/// A risk, 0 to 100, with its reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// The sum, cut to 0–100.
    pub points: i64,
    /// What it is made of.
    pub reasons: Vec<Reason>,
}

/// What a risk is worked out from. `None` is "not known", which counts neither way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Harm of a live one: `low` to `critical`.
    pub severity: String,
    /// How sure it is that it is one, 0 to 100.
    pub score: i64,
    /// Can strangers read it?
    pub public: Option<bool>,
    /// Is it still there?
    pub present: bool,
    /// Status of its credential.
    pub status: Option<String>,
    /// May its identity administer something?
    pub privileged: Option<bool>,
    /// How many grants its identity has.
    pub grants: i64,
    /// Was the credential's value changed after it leaked?
    pub rotated_since: Option<bool>,
    /// Days for which it has been there.
    pub days: i64,
}

/// Works a risk out.
#[must_use]
pub fn assess(exposure: &Exposure) -> Risk {
    let mut risk = Risk::default();
    let mut add = |feature: &str, points: i64, detail: String| {
        risk.points += points;
        risk.reasons.push(Reason { feature: feature.to_owned(), points, detail });
    };
    let harm = match exposure.severity.as_str() {
        "critical" => 55,
        "high" => 42,
        "medium" => 28,
        _ => 14,
    };
    add("severity", harm * exposure.score / 100, format!("{} and {} % sure", exposure.severity, exposure.score));
    match exposure.public {
        Some(true) => add("public", 18, "strangers can read it".to_owned()),
        Some(false) => add("public", -4, "only insiders can read it".to_owned()),
        None => {}
    }
    if exposure.present {
        add("present", 6, "it still stands there".to_owned());
    }
    match exposure.status.as_deref() {
        Some("active") => add("active", 12, "its credential is active".to_owned()),
        Some(dead @ ("inactive" | "expired" | "revoked" | "deleted")) => {
            add("dead", -60, format!("its credential is {dead}"));
        }
        _ => {}
    }
    if exposure.privileged == Some(true) {
        add("privileged", 12, "its identity may administer something".to_owned());
    } else if exposure.grants > 20 {
        add("grants", 5, format!("its identity has {} grants", exposure.grants));
    }
    if exposure.rotated_since == Some(true) {
        add("rotated", -30, "its value was changed after it leaked".to_owned());
    }
    if exposure.present && exposure.days > 90 {
        add("age", 4, format!("it has been there for {} days", exposure.days));
    }
    risk.points = risk.points.clamp(0, 100);
    risk
}

/// Works the risk of a finding out and keeps it.
///
/// # Errors
/// What the engine says.
pub(super) fn keep(tx: &mut Transaction<'_>, finding: &str) -> Result<(), StoreError> {
    let row = tx.query_one(
        "SELECT f.severity, f.score, f.gone_at, f.first_seen_at, c.status, i.privileged, i.id, c.last_rotated_at,
            (SELECT min(o.authored_at) FROM occurrence AS o WHERE o.finding_id = f.id)
         FROM finding AS f LEFT JOIN credential AS c ON c.id = f.credential_id
         LEFT JOIN identity AS i ON i.id = c.identity_id WHERE f.id = $1",
        &[finding.into()],
    )?;
    let Some(row) = row else { return Ok(()) };
    let first = row.get::<Option<i64>>(8)?.unwrap_or(row.get(3)?);
    let rotated: Option<i64> = row.get(7)?;
    let (grants, high_risk) = grants(tx, row.get::<Option<String>>(6)?)?;
    let privileged: Option<bool> = row.get(5)?;
    let exposure = Exposure {
        severity: row.get(0)?,
        score: row.get(1)?,
        public: public(tx, finding)?,
        present: row.get::<Option<i64>>(2)?.is_none(),
        status: row.get(4)?,
        privileged: if high_risk { Some(true) } else { privileged },
        grants,
        rotated_since: rotated.map(|rotated| rotated > first),
        days: (tx.now() - first).max(0) / 86_400_000,
    };
    let risk = assess(&exposure);
    let reasons = serde_json::to_value(&risk.reasons).map_err(|_| StoreError::NotCanonical("reasons"))?;
    tx.execute(
        "UPDATE finding SET risk = $2, risk_reasons = $3 WHERE id = $1",
        &[finding.into(), risk.points.into(), Value::json(&reasons)],
    )?;
    Ok(())
}

fn grants(tx: &mut Transaction<'_>, identity: Option<String>) -> Result<(i64, bool), StoreError> {
    let Some(identity) = identity else { return Ok((0, false)) };
    let row = tx.query_one(
        "SELECT count(*), CAST(coalesce(sum(CASE WHEN high_risk THEN 1 ELSE 0 END), 0) AS BIGINT) FROM identity_grant
         WHERE identity_id = $1 AND effect = 'allow'",
        &[identity.into()],
    )?;
    row.map_or(Ok((0, false)), |row| Ok((row.get(0)?, row.get::<i64>(1)? > 0)))
}

fn public(tx: &mut Transaction<'_>, finding: &str) -> Result<Option<bool>, StoreError> {
    let row = tx.query_one(
        "SELECT max(CASE WHEN public THEN 2 WHEN NOT public THEN 1 ELSE 0 END) FROM occurrence WHERE finding_id = $1",
        &[finding.into()],
    )?;
    let known = row.map_or(Ok(None), |row| row.get::<Option<i64>>(0))?;
    Ok(known.filter(|known| *known > 0).map(|known| known == 2))
}

#[cfg(test)]
mod tests {
    use super::{Exposure, assess};

    fn exposure() -> Exposure {
        Exposure { severity: "high".to_owned(), score: 100, present: true, ..Exposure::default() }
    }

    #[test]
    fn what_is_public_active_and_privileged_comes_first_and_what_is_dead_last() {
        let points = |change: fn(&mut Exposure)| {
            let mut exposure = exposure();
            change(&mut exposure);
            assess(&exposure).points
        };
        let plain = points(|_| ());
        let worst =
            points(|e| (e.public, e.status, e.privileged) = (Some(true), Some("active".to_owned()), Some(true)));
        let dead = points(|e| e.status = Some("revoked".to_owned()));
        assert!(dead == 0 && dead < plain && plain < worst && worst <= 100, "{dead} {plain} {worst}");
        assert!(points(|e| e.rotated_since = Some(true)) < plain);
        assert!(points(|e| e.public = Some(false)) < plain);
    }

    #[test]
    fn the_reasons_add_up() {
        let risk = assess(&Exposure { days: 100, public: Some(true), ..exposure() });
        assert_eq!(risk.points, risk.reasons.iter().map(|reason| reason.points).sum::<i64>());
    }
}
