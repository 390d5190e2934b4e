//! How bad a finding is: what it can do, who can see it, whether it still works. Lists are ordered by it.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::store::{DEAD_POINTS, Row, StoreError, Transaction};

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
            add("dead", DEAD_POINTS, format!("its credential is {dead}"));
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

/// What an identity may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants {
    pub(super) count: i64,
    /// Is one of them of high risk?
    pub(super) high_risk: bool,
}

/// Grants of identities, by their ids; those without any are left out.
///
/// # Errors
/// What the engine says.
pub(super) fn grants(
    tx: &mut Transaction<'_>,
    identities: &BTreeSet<&str>,
) -> Result<HashMap<String, Grants>, StoreError> {
    let rows = tx.query_in(
        "SELECT identity_id, count(*), CAST(sum(CASE WHEN high_risk THEN 1 ELSE 0 END) AS BIGINT) FROM identity_grant
         WHERE identity_id IN (?) AND effect = 'allow' GROUP BY identity_id",
        identities,
    )?;
    let grants = |row: &Row| Ok((row.get(0)?, Grants { count: row.get(1)?, high_risk: row.get::<i64>(2)? > 0 }));
    rows.iter().map(grants).collect()
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
