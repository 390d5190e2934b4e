//! Plans from what the store knows, their approval, and the begin of runs.

use serde_json::json;

use super::{
    consumers, journal,
    machine::State,
    matrix,
    plan::{Plan, Subject, Trigger},
    policy::Policy,
    run::UNDO,
};
use crate::{
    model::Severity,
    store::{StoreError, Transaction, Value, canonical_json},
};

const HOUR_MS: i64 = 3_600_000;

/// Why a plan can't be made, approved or begun.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing has that id.
    #[error("no {what} has the id `{id}`")]
    Unknown {
        /// `finding`, `credential`, `plan`, `run`.
        what: &'static str,
        /// As it was given.
        id: String,
    },
    /// Whose credential it is isn't certain.
    #[error(
        "finding {0} is not linked to a credential with certainty: `unleak link` links it, `unleak explain {0}` says what is missing"
    )]
    NotLinked(String),
    /// There is nothing to do.
    #[error("credential {0} is dead already ({1}): there is nothing to rotate")]
    Dead(String, String),
    /// It is not in the state in which this can be done.
    #[error("plan {id} is {state}: {needed}")]
    State {
        /// The plan.
        id: String,
        /// Its state.
        state: String,
        /// What is needed instead.
        needed: &'static str,
    },
    /// The hash given is not the plan's.
    #[error("the hash given is not that of plan {0}: look at it again (`unleak rotate show {0}`)")]
    Hash(String),
    /// Who asked may not approve.
    #[error("plan {0} is for a privileged identity: whoever asked for it can't approve it")]
    SelfApproval(String),
    /// A step was ticked without saying what shows that it is done.
    #[error("the proof is empty: say what shows that step {0} is done")]
    NoProof(u32),
    /// A cap of the policy.
    #[error("{0}")]
    Capped(String),
}

/// A plan as the store has it.
#[derive(Clone, Debug)]
pub struct StoredPlan {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: String,
    /// Who asked for it.
    pub requester: String,
    /// The plan.
    pub plan: Plan,
    /// Its hash.
    pub hash: String,
    /// Until when it can be approved and begun, in milliseconds since 1970 UTC.
    pub expires_ms: i64,
    /// Its run, if it was begun.
    pub run: Option<String>,
}

/// The credential that `id` names: its own id, or that of a finding linked to it.
///
/// # Errors
/// An id that nothing has; a finding whose credential isn't certain.
pub fn credential_of(tx: &mut Transaction<'_>, id: &str) -> Result<String, PlanError> {
    if tx.query_one("SELECT id FROM credential WHERE id = $1", &[id.into()])?.is_some() {
        return Ok(id.to_owned());
    }
    let finding = tx.query_one("SELECT id, credential_id FROM finding WHERE id = $1 OR fp = $1", &[id.into()])?;
    let row = finding.ok_or_else(|| PlanError::Unknown { what: "finding or credential", id: id.to_owned() })?;
    row.get::<Option<String>>(1)?.ok_or_else(|| PlanError::NotLinked(id.to_owned()))
}

/// What the store knows of a credential, for a plan.
///
/// # Errors
/// A credential that isn't there, or is dead.
pub fn subject(tx: &mut Transaction<'_>, credential: &str) -> Result<Subject, PlanError> {
    let row = tx.query_one(
        "SELECT c.type, c.public_id, c.native_id, c.account, c.status, c.generation, c.first_seen_at, c.tombstoned_at,
            i.id, i.name, i.native_id, i.privileged, c.provider
         FROM credential AS c LEFT JOIN identity AS i ON i.id = c.identity_id WHERE c.id = $1",
        &[credential.into()],
    )?;
    let row = row.ok_or_else(|| PlanError::Unknown { what: "credential", id: credential.to_owned() })?;
    let status: String = row.get(4)?;
    if row.get::<Option<i64>>(7)?.is_some() || matches!(status.as_str(), "revoked" | "deleted" | "expired") {
        return Err(PlanError::Dead(credential.to_owned(), status));
    }
    let finding = worst_finding(tx, credential)?;
    let identity: Option<String> = row.get(8)?;
    let (provider, kind): (String, String) = (row.get(12)?, row.get(0)?);
    let sort = format!("{provider}.{}", kind.replace('_', "-"));
    let generation = row.get::<Option<i64>>(5)?.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    let name = match row.get::<Option<String>>(9)? {
        Some(identity) => format!("{kind} of {identity}"),
        None => format!("{kind} of nobody known"),
    };
    Ok(Subject {
        credential: credential.to_owned(),
        generation,
        rule: finding.as_ref().map(|finding| finding.rule.clone()).filter(|_| !matrix::knows(&sort)).unwrap_or(sort),
        name,
        severity: finding.as_ref().map_or(Severity::High, |finding| finding.severity),
        public_id: row.get::<Option<String>>(1)?.or(Some(row.get(2)?)),
        principal: row.get::<Option<String>>(9)?.or(row.get(10)?).map(|name| principal(&provider, &name)),
        account: Some(row.get::<String>(3)?).filter(|account| !account.is_empty()),
        privileged: is_privileged(tx, identity.as_deref(), row.get(11)?)?,
        owner: owner(tx, identity.as_deref(), credential)?,
        identity: row.get(9)?,
        consumers: consumers::of(tx, credential)?,
        public: finding.as_ref().is_some_and(|finding| finding.public),
        confidence: finding.as_ref().map_or(100, |finding| finding.confidence),
        first_seen_ms: finding.as_ref().map_or(row.get(6)?, |finding| finding.first_seen_ms),
    })
}

/// The name that a provider's calls take: of AWS without its kind and path (`user/deploy/ci` is `ci`).
fn principal(provider: &str, name: &str) -> String {
    let short = if provider == "aws" { name.rsplit('/').next().unwrap_or(name) } else { name };
    short.to_owned()
}

struct WorstFinding {
    rule: String,
    severity: Severity,
    first_seen_ms: i64,
    confidence: u8,
    public: bool,
}

fn worst_finding(tx: &mut Transaction<'_>, credential: &str) -> Result<Option<WorstFinding>, StoreError> {
    let row = tx.query_one(
        "SELECT f.rule_id, f.severity, f.first_seen_at, f.id FROM finding AS f WHERE f.credential_id = $1
         ORDER BY f.risk DESC, f.first_seen_at, f.id LIMIT 1",
        &[credential.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let severity = match row.get::<String>(1)?.as_str() {
        "critical" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        _ => Severity::Low,
    };
    let finding: String = row.get(3)?;
    let public = tx.query_one(
        "SELECT 1 FROM occurrence AS o JOIN finding AS f ON f.id = o.finding_id
         WHERE f.credential_id = $1 AND o.public AND o.present LIMIT 1",
        &[credential.into()],
    )?;
    let link = tx.query_one(
        "SELECT confidence FROM link WHERE finding_id = $1 AND credential_id = $2 AND status IN ('auto', 'confirmed')",
        &[finding.into(), credential.into()],
    )?;
    let confidence = link.map_or(Ok(0.0), |row| row.get::<f64>(0))?;
    Ok(Some(WorstFinding {
        rule: row.get(0)?,
        severity,
        first_seen_ms: row.get(2)?,
        confidence: percent(confidence),
        public: public.is_some(),
    }))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 100 before")]
fn percent(confidence: f64) -> u8 {
    (confidence * 100.0).round().clamp(0.0, 100.0) as u8
}

fn is_privileged(tx: &mut Transaction<'_>, identity: Option<&str>, known: Option<bool>) -> Result<bool, StoreError> {
    let (Some(identity), None | Some(false)) = (identity, known) else { return Ok(known == Some(true)) };
    let row = tx.query_one(
        "SELECT 1 FROM identity_grant WHERE identity_id = $1 AND high_risk AND effect = 'allow' LIMIT 1",
        &[identity.into()],
    )?;
    Ok(row.is_some())
}

fn owner(tx: &mut Transaction<'_>, identity: Option<&str>, credential: &str) -> Result<Option<String>, StoreError> {
    let surest = tx.owners_of(identity, Some(credential))?.into_iter().next();
    Ok(surest.map(|owner| format!("{} {} (by {})", owner.kind, owner.reference, owner.origin)))
}

/// Makes and keeps the plan for a credential. Is there an open one with the same content, it is that one; one with other
/// content that has not begun is cancelled first, one that wasn't begun in time has expired.
///
/// # Errors
/// See [`subject`].
pub fn make(
    tx: &mut Transaction<'_>,
    credential: &str,
    trigger: Trigger,
    rotator: &str,
    policy: &Policy,
) -> Result<StoredPlan, PlanError> {
    let plan = Plan::new(subject(tx, credential)?, trigger, rotator, policy);
    let hash = plan.hash();
    if let Some(open) = open_plan(tx, credential)? {
        let is_same = open.hash == hash && open.expires_ms > tx.now();
        if is_same || open.state == "running" {
            return Ok(open);
        }
        let (state, why) = if open.expires_ms <= tx.now() {
            ("expired", "it was not begun in time")
        } else {
            ("cancelled", "the facts have changed")
        };
        set_state(tx, &open.id, state, why)?;
    }
    let (id, now) = (tx.new_id()?, tx.now());
    let expires_ms = now.saturating_add(i64::from(policy.approval_hours) * HOUR_MS);
    let text = canonical_json(&serde_json::to_value(&plan).map_err(|_| StoreError::NotCanonical("a plan"))?)?;
    tx.execute(
        "INSERT INTO rotation_plan (id, credential_id, trigger_kind, strategy, plan, plan_hash, requester,
            approvals_required, deadline_at, expires_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
        &[
            (&id).into(),
            credential.into(),
            trigger.as_str().into(),
            plan.strategy.as_str().into(),
            Value::Json(Some(text)),
            (&hash).into(),
            tx.actor().into(),
            plan.approvals.into(),
            plan.rotate_by_ms.into(),
            expires_ms.into(),
            now.into(),
        ],
    )?;
    tx.audit(
        "rotate.plan",
        &format!("plan:{id}"),
        &json!({ "credential": credential, "hash": hash, "rotator": rotator }),
    )?;
    set_state(tx, &id, "awaiting_approval", "made")?;
    let requester = tx.actor().to_owned();
    Ok(StoredPlan { id, state: "awaiting_approval".to_owned(), requester, plan, hash, expires_ms, run: None })
}

fn open_plan(tx: &mut Transaction<'_>, credential: &str) -> Result<Option<StoredPlan>, PlanError> {
    let row = tx.query_one(
        "SELECT id FROM rotation_plan WHERE credential_id = $1
         AND state IN ('draft', 'awaiting_approval', 'approved', 'running')",
        &[credential.into()],
    )?;
    row.map(|row| read(tx, &row.get::<String>(0)?)).transpose()
}

fn set_state(tx: &mut Transaction<'_>, id: &str, state: &str, reason: &str) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        "UPDATE rotation_plan SET state = $2, updated_at = $3, version = version + 1 WHERE id = $1",
        &[id.into(), state.into(), now.into()],
    )?;
    tx.audit("rotate.plan_state", &format!("plan:{id}"), &json!({ "to": state, "reason": reason }))
}

/// Reads a plan by its id.
///
/// # Errors
/// An id that no plan has, a plan that is not what its hash says.
pub fn read(tx: &mut Transaction<'_>, id: &str) -> Result<StoredPlan, PlanError> {
    let row = tx.query_one(
        "SELECT p.state, p.requester, p.plan, p.plan_hash, p.expires_at,
            (SELECT r.id FROM rotation_run AS r WHERE r.plan_id = p.id ORDER BY r.started_at DESC LIMIT 1)
         FROM rotation_plan AS p WHERE p.id = $1",
        &[id.into()],
    )?;
    let row = row.ok_or_else(|| PlanError::Unknown { what: "plan", id: id.to_owned() })?;
    let damaged = || StoreError::Damaged(format!("plan {id} is not what its hash says"));
    let plan: Plan = serde_json::from_value(row.get(2)?).map_err(|_| damaged())?;
    let hash: String = row.get(3)?;
    if plan.hash() != hash {
        return Err(damaged().into());
    }
    Ok(StoredPlan {
        id: id.to_owned(),
        state: row.get(0)?,
        requester: row.get(1)?,
        plan,
        hash,
        expires_ms: row.get(4)?,
        run: row.get(5)?,
    })
}

/// Ids of plans, the latest first; of one state if `state` is given.
///
/// # Errors
/// What the engine says.
pub fn list(tx: &mut Transaction<'_>, state: Option<&str>, limit: u32) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT id FROM rotation_plan WHERE $1 = '' OR state = $1 ORDER BY deadline_at, id LIMIT $2",
        &[state.unwrap_or_default().into(), limit.into()],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What somebody says of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// Records a decision on the plan with exactly this hash. With enough approvals the plan is approved; one rejection cancels it.
///
/// # Errors
/// A plan that isn't waiting, another hash, an approval of one's own plan for a privileged identity.
pub fn decide(
    tx: &mut Transaction<'_>,
    id: &str,
    hash: &str,
    decision: Decision,
    reason: Option<&str>,
) -> Result<String, PlanError> {
    let stored = read(tx, id)?;
    let now = tx.now();
    if stored.hash != hash {
        return Err(PlanError::Hash(id.to_owned()));
    }
    let not = |needed| PlanError::State { id: id.to_owned(), state: stored.state.clone(), needed };
    if stored.state != "awaiting_approval" {
        return Err(not("only a plan that awaits approval can be approved or rejected"));
    }
    if stored.expires_ms <= now {
        return Err(not("it has expired: make it anew (`unleak rotate plan`)"));
    }
    let actor = tx.actor().to_owned();
    if decision == Decision::Approve && stored.plan.subject.privileged && actor == stored.requester {
        return Err(PlanError::SelfApproval(id.to_owned()));
    }
    let (approval, word) = (tx.new_id()?, if decision == Decision::Approve { "approve" } else { "reject" });
    tx.execute(
        "INSERT INTO approval (id, plan_id, actor, decision, plan_hash, reason, decided_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (plan_id, actor, plan_hash) DO UPDATE SET decision = excluded.decision, reason = excluded.reason,
            decided_at = excluded.decided_at",
        &[
            approval.into(),
            id.into(),
            actor.into(),
            word.into(),
            hash.into(),
            reason.into(),
            now.into(),
            stored.expires_ms.into(),
        ],
    )?;
    tx.audit(&format!("rotate.{word}"), &format!("plan:{id}"), &json!({ "hash": hash, "reason": reason }))?;
    if decision == Decision::Reject {
        set_state(tx, id, "cancelled", "rejected")?;
        return Ok("cancelled".to_owned());
    }
    let row = tx.query_one(
        "SELECT count(*) FROM approval WHERE plan_id = $1 AND plan_hash = $2 AND decision = 'approve' AND expires_at > $3",
        &[id.into(), hash.into(), now.into()],
    )?;
    let given = row.map_or(Ok(0), |row| row.get::<i64>(0))?;
    if given >= i64::from(stored.plan.approvals) {
        set_state(tx, id, "approved", "enough approvals")?;
        return Ok("approved".to_owned());
    }
    Ok(stored.state)
}

/// Begins the run of an approved plan, or finds the one that was begun. The facts are looked at again: a plan that would read
/// differently now must be approved anew.
///
/// # Errors
/// A plan that isn't approved or has expired, caps of the policy, the kill switch.
pub fn begin(tx: &mut Transaction<'_>, id: &str, policy: &Policy) -> Result<String, PlanError> {
    let stored = read(tx, id)?;
    let now = tx.now();
    if let Some(run) = stored.run.filter(|_| stored.state == "running") {
        return Ok(run);
    }
    let not = |needed| PlanError::State { id: id.to_owned(), state: stored.state.clone(), needed };
    if stored.state != "approved" {
        return Err(not("only an approved plan is carried out"));
    }
    if stored.expires_ms <= now {
        return Err(not("its approval has expired: make it anew (`unleak rotate plan`)"));
    }
    if let Some(reason) = journal::stop_reason(tx)? {
        return Err(PlanError::Capped(format!("rotation is {reason} (`unleak rotate resume`)")));
    }
    if let Some(reason) = journal::frozen(policy, stored.plan.strategy, now) {
        return Err(PlanError::Capped(format!("rotation is {reason}")));
    }
    let credential = &stored.plan.subject.credential;
    let fresh = Plan::new(subject(tx, credential)?, stored.plan.trigger, &stored.plan.rotator, policy);
    if fresh.hash() != stored.hash {
        return Err(not(
            "what is known of the credential, or the policy, has changed since: make the plan anew and have it approved",
        ));
    }
    let (all, same) = journal::runs_in_last_hour(tx, &stored.plan.provider)?;
    if all >= policy.runs_per_hour || same >= policy.runs_per_hour_and_provider {
        return Err(PlanError::Capped(format!(
            "the policy allows no more runs now: of those that began in the last hour there are {all} (runs_per_hour = {}), \
             of this provider {same} (runs_per_hour_and_provider = {})",
            policy.runs_per_hour, policy.runs_per_hour_and_provider
        )));
    }
    let run = tx.new_id()?;
    tx.execute(
        "INSERT INTO rotation_run (id, plan_id, credential_id, strategy, started_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
        &[(&run).into(), id.into(), credential.into(), stored.plan.strategy.as_str().into(), now.into()],
    )?;
    set_state(tx, id, "running", "begun")?;
    tx.execute(
        "UPDATE finding SET state = 'rotating', state_at = $2, version = version + 1
         WHERE credential_id = $1 AND state IN ('open', 'linked', 'regressed')",
        &[credential.into(), now.into()],
    )?;
    tx.audit(
        "rotate.begin",
        &format!("run:{run}"),
        &json!({ "plan": id, "hash": stored.hash, "credential": credential }),
    )?;
    Ok(run)
}

/// Cancels a plan of which nothing was done: it is not begun, or its run has not tried a step.
///
/// # Errors
/// A plan that isn't there or has ended, one whose run has done something.
pub fn cancel(tx: &mut Transaction<'_>, id: &str, reason: &str) -> Result<(), PlanError> {
    let stored = read(tx, id)?;
    let not = |needed| PlanError::State { id: id.to_owned(), state: stored.state.clone(), needed };
    match (stored.state.as_str(), &stored.run) {
        ("draft" | "awaiting_approval" | "approved", _) => Ok(set_state(tx, id, "cancelled", reason)?),
        ("running", Some(run)) => {
            let tried = tx.query_one("SELECT 1 FROM run_step WHERE run_id = $1", &[run.into()])?;
            if tried.is_some() {
                return Err(not("its run has begun to do something: `unleak rotate rollback` takes it back"));
            }
            let unknown = || PlanError::Unknown { what: "run", id: run.clone() };
            let record = journal::read_run(tx, run)?.ok_or_else(unknown)?;
            if !record.state.may_become(State::Cancelled) {
                return Err(not("its run has begun: `unleak rotate rollback` takes it back"));
            }
            let now = tx.now();
            Ok(journal::transition(tx, &record, State::Cancelled, reason, now)?)
        }
        _ => Err(not("it has ended")),
    }
}

/// Ticks a step of a run: a person says that it is done, and how that is known.
///
/// # Errors
/// A run or step that isn't there.
pub fn tick(tx: &mut Transaction<'_>, run: &str, step: u32, proof: &str) -> Result<(), PlanError> {
    if proof.trim().is_empty() {
        return Err(PlanError::NoProof(step));
    }
    let unknown = |what| PlanError::Unknown { what, id: run.to_owned() };
    let record = journal::read_run(tx, run)?.ok_or_else(|| unknown("run"))?;
    let known = |number: u32| record.plan.steps.iter().any(|known| known.number == number);
    if !known(step) && !step.checked_sub(UNDO).is_some_and(known) {
        return Err(unknown("run with that step"));
    }
    let row = tx.query_one("SELECT proofs FROM rotation_run WHERE id = $1", &[run.into()])?;
    let mut proofs: serde_json::Value =
        row.map_or(Ok(None), |row| row.get::<Option<serde_json::Value>>(0))?.unwrap_or_else(|| json!({}));
    let (actor, now) = (tx.actor().to_owned(), tx.now());
    proofs["ticks"][step.to_string()] = json!({ "actor": actor, "proof": proof, "at": now });
    tx.execute(
        "UPDATE rotation_run SET proofs = $2, updated_at = $3, version = version + 1 WHERE id = $1",
        &[run.into(), Value::json(&proofs), now.into()],
    )?;
    tx.audit("rotate.tick", &format!("run:{run}"), &json!({ "step": step, "proof": proof }))?;
    Ok(())
}

/// Credentials with an open finding that is linked with certainty, the riskiest first: each once, however many findings,
/// places or scans see it.
///
/// # Errors
/// What the engine says.
pub fn due(tx: &mut Transaction<'_>) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT f.credential_id FROM finding AS f JOIN credential AS c ON c.id = f.credential_id
         WHERE f.state IN ('open', 'linked', 'regressed', 'rotating') AND c.tombstoned_at IS NULL
            AND c.status NOT IN ('revoked', 'deleted', 'expired')
         GROUP BY f.credential_id ORDER BY max(f.risk) DESC, f.credential_id LIMIT 10000",
        &[],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}
