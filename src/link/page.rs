//! A page of findings with all that is known of them, before anything is changed.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;

use super::{
    SHADOW,
    evidence::Proposal,
    facts::Facts,
    known::{self, CredentialFacts, Known},
    risk::{self, Exposure, Grants},
    settle::{gather, is_certain, is_tie, judge},
};
use crate::store::{FindingState, Row, StoreError, Transaction};

/// What the store has of a finding, and what may be made of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) state: Option<FindingState>,
    severity: String,
    score: i64,
    is_gone: bool,
    public: Option<bool>,
    pub(super) credential: Option<String>,
    pub(super) risk: i64,
    pub(super) risk_reasons: Option<Json>,
    /// A person's word, with the credential if it was of one.
    pub(super) confirmed: Option<Option<String>>,
    rejected: Vec<(Option<String>, Option<String>)>,
    /// Links that were made automatically, the surest first.
    pub(super) links: Vec<KeptLink>,
    /// What may be linked to it now, the surest first; nothing if a person decided.
    pub(super) proposals: Vec<Proposal>,
}

/// A link that was made automatically.
#[derive(Debug)]
pub(super) struct KeptLink {
    pub(super) credential: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) confidence: f64,
    pub(super) status: String,
}

impl Found {
    /// The credential that it belongs to with certainty.
    fn certain(&self) -> Option<&str> {
        match &self.confirmed {
            Some(confirmed) => confirmed.as_deref(),
            None if is_tie(&self.proposals) => None,
            None => self.proposals.first().filter(|best| is_certain(best))?.credential.as_deref(),
        }
    }

    /// Who isn't the owner isn't with any credential, either.
    fn is_rejected(&self, proposal: &Proposal, credentials: &HashMap<String, CredentialFacts>) -> bool {
        let of_credential = proposal.credential.as_ref().and_then(|id| credentials.get(id)?.identity.as_deref());
        let whose = of_credential.or(proposal.identity.as_deref());
        self.rejected.iter().any(|(credential, identity)| match credential {
            Some(_) => *credential == proposal.credential,
            None => identity.is_some() && identity.as_deref() == whose,
        })
    }
}

/// A page of findings.
pub(super) struct Page {
    findings: Vec<(Facts, Found)>,
    credentials: HashMap<String, CredentialFacts>,
    grants: HashMap<String, Grants>,
    /// Identities that somebody answers for; credentials whose users somebody answers for.
    with_owners: [BTreeSet<String>; 2],
}

impl Page {
    /// Reads it. The number of statements doesn't depend on how many findings there are, up to 1,000.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn read(tx: &mut Transaction<'_>, ids: &[String]) -> Result<Page, StoreError> {
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let all = Facts::read_all(tx, &ids)?;
        let mut stored = read_findings(tx, &ids)?;
        read_links(tx, &ids, &mut stored)?;
        let known = Known::read(tx, &all)?;
        let mut findings = Vec::with_capacity(all.len());
        for facts in all {
            let mut found = stored.remove(&facts.id).unwrap_or_default();
            if found.confirmed.is_none() {
                found.proposals = gather(&known, &facts);
            }
            findings.push((facts, found));
        }
        let proposals = findings.iter().flat_map(|(_, found)| &found.proposals);
        let confirmed = findings.iter().filter_map(|(_, found)| found.confirmed.as_ref()?.as_deref());
        let credentials = known::credentials(tx, proposals, confirmed)?;
        for (facts, found) in &mut findings {
            let mut proposals = judge(facts, std::mem::take(&mut found.proposals), &credentials);
            proposals.retain(|proposal| !found.is_rejected(proposal, &credentials));
            found.proposals = proposals;
        }
        let certain: BTreeSet<&str> = findings.iter().filter_map(|(_, found)| found.certain()).collect();
        let identities = certain.iter().filter_map(|id| credentials.get(*id)?.identity.as_deref()).collect();
        let grants = risk::grants(tx, &identities)?;
        let with_owners = tx.with_owners(&identities, &certain)?;
        Ok(Page { findings, credentials, grants, with_owners })
    }

    /// The findings, by id.
    pub(super) fn findings(&self) -> impl Iterator<Item = (&Facts, &Found)> {
        self.findings.iter().map(|(facts, found)| (facts, found))
    }

    pub(super) fn credential(&self, id: &str) -> Option<&CredentialFacts> {
        self.credentials.get(id)
    }

    /// Does anybody answer for the identity, or for what uses its credential?
    pub(super) fn has_owner(&self, identity: &str, credential: &str) -> bool {
        self.with_owners[0].contains(identity) || self.with_owners[1].contains(credential)
    }

    /// What the risk of a finding follows from, if it belongs to that credential.
    pub(super) fn exposure(&self, (facts, found): (&Facts, &Found), credential: Option<&str>, now: i64) -> Exposure {
        let credential = credential.and_then(|id| self.credentials.get(id));
        let identity = credential.and_then(|credential| credential.identity.as_ref());
        let grants = identity.and_then(|id| self.grants.get(id)).copied().unwrap_or_default();
        let privileged = credential.and_then(|credential| credential.privileged);
        let rotated = credential.and_then(|credential| credential.rotated_ms);
        Exposure {
            severity: found.severity.clone(),
            score: found.score,
            public: found.public,
            present: !found.is_gone,
            status: credential.map(|credential| credential.status.clone()),
            privileged: if grants.high_risk { Some(true) } else { privileged },
            grants: grants.count,
            rotated_since: rotated.map(|rotated| rotated > facts.first_ms),
            days: (now - facts.first_ms).max(0) / 86_400_000,
        }
    }
}

fn read_findings(tx: &mut Transaction<'_>, ids: &BTreeSet<&str>) -> Result<HashMap<String, Found>, StoreError> {
    let rows = tx.query_in(
        "SELECT id, state, severity, score, gone_at, credential_id, risk, risk_reasons, (SELECT max(
                CASE WHEN public THEN 2 WHEN NOT public THEN 1 ELSE 0 END) FROM occurrence AS o WHERE o.finding_id = f.id)
         FROM finding AS f WHERE id IN (?)",
        ids,
    )?;
    let found = |row: &Row| {
        let found = Found {
            state: FindingState::from_name(&row.get::<String>(1)?),
            severity: row.get(2)?,
            score: row.get(3)?,
            is_gone: row.get::<Option<i64>>(4)?.is_some(),
            credential: row.get(5)?,
            risk: row.get(6)?,
            risk_reasons: row.get(7)?,
            public: row.get::<Option<i64>>(8)?.filter(|known| *known > 0).map(|known| known == 2),
            ..Found::default()
        };
        Ok((row.get(0)?, found))
    };
    rows.iter().map(found).collect()
}

/// Adds the links that there are; those to proposed identities are nobody's result, and left alone.
fn read_links(
    tx: &mut Transaction<'_>,
    ids: &BTreeSet<&str>,
    findings: &mut HashMap<String, Found>,
) -> Result<(), StoreError> {
    let rows = tx.query_in(
        "SELECT finding_id, credential_id, identity_id, confidence, status, engine_version FROM link
         WHERE finding_id IN (?) ORDER BY finding_id, confidence DESC, id",
        ids,
    )?;
    for row in &rows {
        let Some(found) = findings.get_mut(&row.get::<String>(0)?) else { continue };
        let credential: Option<String> = row.get(1)?;
        let (identity, status): (Option<String>, String) = (row.get(2)?, row.get(4)?);
        match status.as_str() {
            "confirmed" => found.confirmed = Some(credential),
            "rejected" => {
                let identity = if credential.is_some() { None } else { identity };
                found.rejected.push((credential, identity));
            }
            _ if row.get::<String>(5)? == SHADOW => {}
            _ => found.links.push(KeptLink { credential, identity, confidence: row.get(3)?, status }),
        }
    }
    Ok(())
}
