//! Whose findings are, read for many of them at once: a list of a million is read page by page, with a few queries for each.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, StoreError, Transaction, Value};
use crate::model::{
    AttributedCredential, AttributedIdentity, AttributedLink, AttributedOwner, AttributedPlan, Attribution,
    identity::Timestamp,
};

/// Values in one statement: PostgreSQL takes 65,535, SQLite 32,766.
const CHUNK: usize = 1_000;

/// What the link of a finding says, before names are looked up.
struct Linked {
    link: AttributedLink,
    credential: Option<String>,
    identity: Option<String>,
}

impl Transaction<'_> {
    /// Whose findings are, by their ids; those that aren't there are left out. Costs six queries for each thousand.
    ///
    /// # Errors
    /// What the engine says.
    pub fn attributions<'i>(
        &mut self,
        findings: impl IntoIterator<Item = &'i str>,
    ) -> Result<BTreeMap<String, Attribution>, StoreError> {
        let ids: Vec<&str> = findings.into_iter().collect();
        let mut attributions = BTreeMap::new();
        for chunk in ids.chunks(CHUNK) {
            self.attribute(chunk, &mut attributions)?;
        }
        Ok(attributions)
    }

    /// Ids of findings by their fingerprints; those that aren't there are left out.
    ///
    /// # Errors
    /// What the engine says.
    pub fn finding_ids(&mut self, fingerprints: &[String]) -> Result<BTreeMap<String, String>, StoreError> {
        let mut ids = BTreeMap::new();
        for chunk in fingerprints.chunks(CHUNK) {
            let names = chunk.iter().map(String::as_str);
            for row in self.among("SELECT fp, id FROM finding WHERE fp IN", names, "")? {
                ids.insert(row.get(0)?, row.get(1)?);
            }
        }
        Ok(ids)
    }

    /// Who answers for an identity, the surest first: who is said to, else who answers for the workloads that use the
    /// credential. Guesses count only where nobody is said to.
    ///
    /// # Errors
    /// What the engine says.
    pub fn owners_of(
        &mut self,
        identity: Option<&str>,
        credential: Option<&str>,
    ) -> Result<Vec<AttributedOwner>, StoreError> {
        let by_identity = self.identity_owners(&identity.into_iter().collect())?;
        let by_credential = self.workload_owners(&credential.into_iter().collect())?;
        let of = |known: &BTreeMap<String, Vec<AttributedOwner>>, id: Option<&str>| {
            id.and_then(|id| known.get(id).cloned()).unwrap_or_default()
        };
        Ok(surest(of(&by_identity, identity), of(&by_credential, credential)))
    }

    /// Which of these identities somebody answers for, guesses included; and of these credentials, for the workloads that use
    /// them: for an identity or credential in neither, [`Transaction::owners_of`] returns nobody.
    ///
    /// # Errors
    /// What the engine says.
    pub fn with_owners(
        &mut self,
        identities: &BTreeSet<&str>,
        credentials: &BTreeSet<&str>,
    ) -> Result<[BTreeSet<String>; 2], StoreError> {
        let identities = self.identity_owners(identities)?.into_keys().collect();
        Ok([identities, self.workload_owners(credentials)?.into_keys().collect()])
    }

    fn attribute(
        &mut self,
        findings: &[&str],
        attributions: &mut BTreeMap<String, Attribution>,
    ) -> Result<(), StoreError> {
        let rows =
            self.among("SELECT id, state, risk, credential_id FROM finding WHERE id IN", findings.iter().copied(), "")?;
        let mut links = self.best_links(findings)?;
        let mut certain = BTreeMap::new();
        for row in &rows {
            if let Some(credential) = row.get::<Option<String>>(3)? {
                certain.insert(row.get::<String>(0)?, credential);
            }
        }
        let sure = links.values().filter(|linked| linked.link.is_probable());
        let linked: BTreeSet<&str> = sure.clone().filter_map(|linked| linked.credential.as_deref()).collect();
        let credentials = self.credentials(&certain.values().map(String::as_str).chain(linked).collect())?;
        let of_links = sure.filter_map(|linked| linked.identity.as_deref());
        let of_credentials = credentials.values().filter_map(|(_, identity)| identity.as_deref());
        let identities: BTreeSet<&str> = of_links.chain(of_credentials).collect();
        let owners = self.identity_owners(&identities)?;
        let identities = self.identities(&identities)?;
        let ids: BTreeSet<&str> = credentials.keys().map(String::as_str).collect();
        let workload_owners = self.workload_owners(&ids)?;
        let plans = self.latest_plans(&ids)?;
        for row in &rows {
            let id: String = row.get(0)?;
            let linked = links.remove(&id);
            let probable = linked.as_ref().filter(|linked| linked.link.is_probable());
            let credential =
                certain.get(&id).cloned().or_else(|| probable.and_then(|linked| linked.credential.clone()));
            let known = credential.as_ref().and_then(|id| credentials.get(id));
            let identity = known.and_then(|(_, identity)| identity.clone());
            let identity = identity.or_else(|| probable.and_then(|linked| linked.identity.clone()));
            let said = identity.as_ref().and_then(|id| owners.get(id).cloned()).unwrap_or_default();
            let using = credential.as_ref().and_then(|id| workload_owners.get(id).cloned()).unwrap_or_default();
            let is_certain = certain.contains_key(&id);
            let attribution = Attribution {
                finding: id.clone(),
                state: row.get(1)?,
                risk: row.get(2)?,
                identity: identity.and_then(|id| identities.get(&id).cloned()),
                owners: surest(said, using),
                plan: credential.filter(|_| is_certain).and_then(|id| plans.get(&id).cloned()),
                credential: known.filter(|_| is_certain).map(|(credential, _)| credential.clone()),
                link: linked.map(|linked| linked.link),
            };
            attributions.insert(id, attribution);
        }
        Ok(())
    }

    /// The rows of `select`, a statement that ends with `IN`, for these values.
    pub(super) fn among<'v>(
        &mut self,
        select: &str,
        values: impl Iterator<Item = &'v str>,
        rest: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let values: Vec<Value> = values.map(Value::from).collect();
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let marks: Vec<String> = (1..=values.len()).map(|number| format!("${number}")).collect();
        self.query(&format!("{select} ({}) {rest}", marks.join(", ")), &values)
    }

    /// Of each finding the link that counts: a person's word first, then the surest.
    fn best_links(&mut self, findings: &[&str]) -> Result<BTreeMap<String, Linked>, StoreError> {
        let rows = self.among(
            "SELECT finding_id, tier, confidence, status, evidence, credential_id, identity_id FROM link
             WHERE status <> 'rejected' AND finding_id IN",
            findings.iter().copied(),
            "ORDER BY finding_id, (CASE WHEN status = 'confirmed' THEN 0 ELSE 1 END), confidence DESC, tier, id",
        )?;
        let mut best = BTreeMap::new();
        for row in &rows {
            let evidence: serde_json::Value = row.get(4)?;
            let linked = Linked {
                link: AttributedLink {
                    tier: row.get(1)?,
                    confidence: row.get(2)?,
                    status: row.get(3)?,
                    evidence: serde_json::from_value(evidence).unwrap_or_default(),
                },
                credential: row.get(5)?,
                identity: row.get(6)?,
            };
            best.entry(row.get::<String>(0)?).or_insert(linked);
        }
        Ok(best)
    }

    /// Credentials, each with its identity.
    fn credentials(
        &mut self,
        ids: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, (AttributedCredential, Option<String>)>, StoreError> {
        let rows = self.among(
            "SELECT id, type, public_id, status, generation, identity_id, tombstoned_at FROM credential WHERE id IN",
            ids.iter().copied(),
            "",
        )?;
        let credential = |row: &Row| {
            let id: String = row.get(0)?;
            let credential = AttributedCredential {
                id: id.clone(),
                kind: row.get(1)?,
                public_id: row.get(2)?,
                status: row.get(3)?,
                generation: row.get(4)?,
                retired_at: row.get::<Option<i64>>(6)?.map(|millis| Timestamp { millis }),
            };
            Ok((id, (credential, row.get(5)?)))
        };
        rows.iter().map(credential).collect()
    }

    fn identities(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, AttributedIdentity>, StoreError> {
        let rows = self.among(
            "SELECT id, kind, provider, account, name, state FROM identity WHERE id IN",
            ids.iter().copied(),
            "",
        )?;
        let identity = |row: &Row| {
            let id: String = row.get(0)?;
            let identity = AttributedIdentity {
                id: id.clone(),
                kind: row.get(1)?,
                provider: row.get(2)?,
                account: row.get(3)?,
                name: row.get(4)?,
                state: row.get(5)?,
            };
            Ok((id, identity))
        };
        rows.iter().map(identity).collect()
    }

    fn identity_owners(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<AttributedOwner>>, StoreError> {
        let rows = self.among(
            "SELECT w.identity_id, o.kind, o.ref, o.name, o.email, w.role, w.origin, w.confidence, w.reason
             FROM ownership AS w JOIN owner AS o ON o.id = w.owner_id
             WHERE w.valid_to_at IS NULL AND (o.active IS NULL OR o.active) AND w.identity_id IN",
            ids.iter().copied(),
            "ORDER BY w.confidence DESC, w.role, o.ref, w.origin",
        )?;
        owners_by_first_column(&rows)
    }

    fn workload_owners(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<AttributedOwner>>, StoreError> {
        let rows = self.among(
            "SELECT DISTINCT k.credential_id, o.kind, o.ref, o.name, o.email, w.role, w.origin, w.confidence, w.reason
             FROM consumer AS k JOIN workload AS l ON l.id = k.workload_id
             JOIN ownership AS w ON w.workload_ref = l.ref OR w.repository = l.repo AND w.pattern IS NULL
             JOIN owner AS o ON o.id = w.owner_id
             WHERE w.valid_to_at IS NULL AND (o.active IS NULL OR o.active) AND k.credential_id IN",
            ids.iter().copied(),
            "ORDER BY w.confidence DESC, w.role, o.ref, w.origin",
        )?;
        owners_by_first_column(&rows)
    }

    /// Of each credential the plan that is open, else the latest.
    fn latest_plans(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, AttributedPlan>, StoreError> {
        let rows = self.among(
            "SELECT p.credential_id, p.id, p.state, p.strategy, p.deadline_at, (SELECT r.state FROM rotation_run AS r
                WHERE r.plan_id = p.id ORDER BY r.started_at DESC, r.id DESC LIMIT 1)
             FROM rotation_plan AS p WHERE p.credential_id IN",
            ids.iter().copied(),
            "ORDER BY p.id",
        )?;
        let mut plans = BTreeMap::new();
        for row in &rows {
            let deadline: Option<i64> = row.get(4)?;
            let plan = AttributedPlan {
                id: row.get(1)?,
                state: row.get(2)?,
                strategy: row.get(3)?,
                rotate_by: deadline.map(|millis| Timestamp { millis }),
                run_state: row.get(5)?,
            };
            // Ids sort by time, and there is one open plan at most: nothing is planned while it is.
            plans.insert(row.get(0)?, plan);
        }
        Ok(plans)
    }
}

fn owners_by_first_column(rows: &[Row]) -> Result<BTreeMap<String, Vec<AttributedOwner>>, StoreError> {
    let mut owners: BTreeMap<String, Vec<AttributedOwner>> = BTreeMap::new();
    for row in rows {
        let owner = AttributedOwner {
            kind: row.get(1)?,
            reference: row.get(2)?,
            name: row.get(3)?,
            email: row.get(4)?,
            role: row.get(5)?,
            origin: row.get(6)?,
            confidence: row.get(7)?,
            reason: row.get(8)?,
        };
        owners.entry(row.get(0)?).or_default().push(owner);
    }
    Ok(owners)
}

/// Of who is said to answer and who uses it: whoever is no guess, each once; guesses only if there is nobody else.
fn surest(said: Vec<AttributedOwner>, using: Vec<AttributedOwner>) -> Vec<AttributedOwner> {
    let (guessed, said): (Vec<_>, Vec<_>) = said.into_iter().partition(|owner| owner.origin == "inferred");
    let mut owners = match (said.is_empty(), using.is_empty()) {
        (false, _) => said,
        (true, false) => using,
        (true, true) => guessed,
    };
    let mut seen = BTreeSet::new();
    owners.retain(|owner| seen.insert(owner.reference.clone()));
    owners
}
