//! What linking a page of findings changes: collected, and written at its end in a few statements.

use std::collections::BTreeSet;

use super::{
    ENGINE_VERSION, SHADOW,
    evidence::Proposal,
    facts::Facts,
    owners::Guess,
    page::{Found, Page},
    risk::assess,
};
use crate::store::{AuditEntry, FindingMove, FindingState, StateChange, StoreError, Transaction, Value};

/// Changes, in the order in which they were decided.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Findings that lose their links, but for those to proposed identities.
    pub(super) unlinked: BTreeSet<String>,
    /// Findings that lose those as well.
    pub(super) relinked: BTreeSet<String>,
    links: Vec<Vec<Value>>,
    findings: Vec<Vec<Value>>,
    moves: Vec<FindingMove>,
    guesses: Vec<Vec<Value>>,
    /// Identities that somebody answers for since.
    pub(super) owned: BTreeSet<String>,
    pub(super) events: Vec<AuditEntry>,
}

impl Writes {
    /// A link that is made automatically.
    pub(super) fn link(
        &mut self,
        tx: &mut Transaction<'_>,
        finding: &str,
        proposal: &Proposal,
        status: &str,
    ) -> Result<(), StoreError> {
        let evidence = serde_json::to_value(&proposal.evidence).map_err(|_| StoreError::NotCanonical("evidence"))?;
        self.links.push(vec![
            tx.new_id()?.into(),
            finding.into(),
            proposal.credential.as_deref().into(),
            proposal.identity.as_deref().into(),
            proposal.tier.as_str().into(),
            proposal.confidence.into(),
            status.into(),
            Value::json(&evidence),
            ENGINE_VERSION.into(),
            tx.now().into(),
            tx.now().into(),
        ]);
        Ok(())
    }

    /// Whose a finding is, and its risk; nothing if that is so already.
    pub(super) fn finding(
        &mut self,
        page: &Page,
        finding: (&Facts, &Found),
        (credential, is_dead): (Option<&str>, bool),
        now: i64,
    ) -> Result<(), StoreError> {
        let (facts, found) = finding;
        let risk = assess(&page.exposure(finding, credential, now));
        let reasons = serde_json::to_value(&risk.reasons).map_err(|_| StoreError::NotCanonical("reasons"))?;
        let is_same = found.credential.as_deref() == credential
            && (found.risk, found.risk_reasons.as_ref()) == (risk.points, Some(&reasons));
        if !is_same || is_dead {
            self.findings.push(vec![
                (&facts.id).into(),
                credential.into(),
                risk.points.into(),
                Value::json(&reasons),
                is_dead.into(),
                now.into(),
            ]);
        }
        Ok(())
    }

    /// Brings a finding into a state, unless it is in it, or regressed: that stays until somebody does something about it.
    pub(super) fn move_to(&mut self, finding: (&Facts, &Found), to: FindingState, reason: String) {
        let state = finding.1.state;
        if state != Some(to) && state != Some(FindingState::Regressed) {
            self.change(finding, to, reason);
        }
    }

    /// Changes the state of a finding.
    pub(super) fn change(&mut self, (facts, found): (&Facts, &Found), to: FindingState, reason: String) {
        let Some(from) = found.state else { return };
        let change = StateChange { to, reason: Some(reason), until_ms: None };
        let step = FindingMove { finding: facts.id.clone(), from, change };
        self.events.push(step.event());
        self.moves.push(step);
    }

    /// Who may answer for an identity that nobody is said to answer for.
    pub(super) fn guess(&mut self, tx: &mut Transaction<'_>, identity: &str, guess: Guess) -> Result<(), StoreError> {
        self.guesses.push(vec![
            tx.new_id()?.into(),
            identity.into(),
            guess.owner.into(),
            "technical".into(),
            "inferred".into(),
            guess.confidence.into(),
            guess.reason.into(),
            tx.now().into(),
            tx.now().into(),
            tx.now().into(),
        ]);
        // One who left answers for nothing: the next finding may know somebody else.
        if guess.is_active {
            self.owned.insert(identity.to_owned());
        }
        Ok(())
    }

    /// A link to a proposed identity.
    pub(super) fn shadow_link(
        &mut self,
        tx: &mut Transaction<'_>,
        finding: &str,
        (credential, identity): (&str, &str),
        evidence: &serde_json::Value,
    ) -> Result<(), StoreError> {
        self.links.push(vec![
            tx.new_id()?.into(),
            finding.into(),
            credential.into(),
            identity.into(),
            "C".into(),
            0.4.into(),
            "auto".into(),
            Value::json(evidence),
            SHADOW.into(),
            tx.now().into(),
            tx.now().into(),
        ]);
        Ok(())
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn write(self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        let made = "DELETE FROM link WHERE finding_id IN (?) AND status IN ('auto', 'ambiguous')";
        tx.execute_in(made, &self.relinked.iter().map(String::as_str).collect())?;
        tx.execute_in(
            &format!("{made} AND engine_version <> '{SHADOW}'"),
            &self.unlinked.iter().map(String::as_str).collect(),
        )?;
        tx.execute_rows(
            "INSERT INTO link (id, finding_id, credential_id, identity_id, tier, confidence, status, evidence,
                engine_version, created_at, updated_at) VALUES {rows} ON CONFLICT DO NOTHING",
            &self.links,
        )?;
        tx.execute_rows(
            "WITH found (id, credential_id, risk, risk_reasons, is_dead, at) AS (VALUES {rows})
             UPDATE finding SET credential_id = found.credential_id, risk = found.risk, risk_reasons = found.risk_reasons,
                validity = CASE WHEN found.is_dead THEN 'dead' ELSE finding.validity END,
                validity_at = CASE WHEN found.is_dead THEN found.at ELSE finding.validity_at END
             FROM found WHERE finding.id = found.id",
            &self.findings,
        )?;
        tx.move_findings(&self.moves)?;
        tx.execute_rows(
            "INSERT INTO ownership (id, identity_id, owner_id, role, origin, confidence, reason, valid_from_at, created_at,
                updated_at) VALUES {rows} ON CONFLICT DO NOTHING",
            &self.guesses,
        )?;
        tx.audit_all(&self.events)
    }
}
