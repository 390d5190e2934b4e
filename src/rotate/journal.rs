//! Runs and plans as the store keeps them.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::json;

use super::{
    machine::State,
    plan::{Plan, Step},
    policy::Policy,
    rotator::{Outcome, World},
    run::{Journal, JournalError, RunRecord, StepRecord, Times},
};
use crate::store::{DEAD_POINTS, Store, StoreError, Transaction, Value};

const HOUR_MS: i64 = 3_600_000;

/// Writes runs down in a store: each call is one transaction, with its event in the audit log.
pub struct StoreJournal<'s, 'e> {
    /// The store.
    pub store: &'s RefCell<Store<'e>>,
    /// Freeze windows.
    pub policy: &'s Policy,
    /// Name of the receiver of events.
    pub destination: String,
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> JournalError {
        JournalError(error.to_string())
    }
}

impl Journal for StoreJournal<'_, '_> {
    fn steps(&mut self, run: &str) -> Result<Vec<StepRecord>, JournalError> {
        self.store
            .borrow_mut()
            .read(|tx| {
                let rows = tx.query(
                "SELECT n, attempts, intent_at, outcome, receipt, next_at FROM run_step WHERE run_id = $1 ORDER BY n",
                &[run.into()],
            )?;
                let records = rows.iter().map(|row| {
                    let outcome: String = row.get(3)?;
                    let receipt: Option<serde_json::Value> = row.get(4)?;
                    let text = receipt.and_then(|receipt| Some(receipt["text"].as_str()?.to_owned()));
                    Ok(StepRecord {
                        number: u32::try_from(row.get::<i64>(0)?).unwrap_or_default(),
                        attempts: u32::try_from(row.get::<i64>(1)?).unwrap_or_default(),
                        since_ms: row.get(2)?,
                        is_open: outcome == "pending",
                        receipt: if outcome == "done" { Some(text.unwrap_or_default()) } else { None },
                        next_ms: row.get(5)?,
                    })
                });
                records.collect::<Result<_, StoreError>>()
            })
            .map_err(JournalError::from)
    }

    fn intent(&mut self, run: &RunRecord, step: &Step, now_ms: i64) -> Result<(), JournalError> {
        let request = json!({ "call": step.call, "repeat": step.repeat });
        self.store
            .borrow_mut()
            .write(|tx| {
                let id = tx.new_id()?;
                tx.execute(
                "INSERT INTO run_step (id, run_id, n, op, idem_key, intent_at, request, outcome, attempts, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 1, $6)
                 ON CONFLICT (run_id, n) DO UPDATE SET outcome = 'pending', attempts = run_step.attempts + 1,
                    error = NULL, next_at = NULL, updated_at = excluded.updated_at",
                &[
                    id.into(),
                    (&run.id).into(),
                    step.number.into(),
                    step.op.as_str().into(),
                    format!("{}/{}", run.id, step.number).into(),
                    now_ms.into(),
                    Value::json(&request),
                ],
            )?;
                tx.audit(
                    "rotate.intent",
                    &format!("run:{}", run.id),
                    &json!({ "step": step.number, "op": step.op, "call": step.call }),
                )
            })
            .map_err(|error: StoreError| error.into())
    }

    fn outcome(&mut self, run: &RunRecord, step: &Step, outcome: &Outcome, times: Times) -> Result<(), JournalError> {
        let (word, text) = match outcome {
            Outcome::Done(text) => ("done", text.clone()),
            Outcome::HandedOver(event) => ("skipped", format!("handed over with {}", event.id)),
            Outcome::Waiting(text) => ("skipped", text.clone()),
            Outcome::Retry(text, _) | Outcome::Manual(text) => ("failed", text.clone()),
        };
        let destination = &self.destination;
        self.store
            .borrow_mut()
            .write(|tx| {
                tx.execute(
                    "UPDATE run_step SET outcome = $3, receipt = $4, error = $5, next_at = $6, updated_at = $7
                 WHERE run_id = $1 AND n = $2",
                    &[
                        (&run.id).into(),
                        step.number.into(),
                        word.into(),
                        Value::json(&json!({ "text": text, "at": times.now_ms })),
                        if word == "failed" { text.as_str().into() } else { Value::Text(None) },
                        times.next_ms.into(),
                        times.now_ms.into(),
                    ],
                )?;
                prove(tx, run, step, outcome, times.now_ms)?;
                if let Outcome::HandedOver(event) = outcome {
                    let event_json =
                        serde_json::to_value(event.as_ref()).map_err(|_| StoreError::NotCanonical("an event"))?;
                    enqueue(tx, destination, &event.id, &event_json)?;
                }
                tx.audit(
                    "rotate.outcome",
                    &format!("run:{}", run.id),
                    &json!({ "step": step.number, "outcome": word, "text": text }),
                )
            })
            .map_err(|error: StoreError| error.into())
    }

    fn transition(&mut self, run: &RunRecord, to: State, reason: &str, now_ms: i64) -> Result<(), JournalError> {
        self.store.borrow_mut().write(|tx| transition(tx, run, to, reason, now_ms)).map_err(JournalError::from)
    }

    fn stopped(&mut self, run: &RunRecord, now_ms: i64) -> Result<Option<String>, JournalError> {
        if let Some(reason) = self.store.borrow_mut().read(stop_reason)? {
            return Ok(Some(reason));
        }
        Ok(frozen(self.policy, run.plan.strategy, now_ms))
    }
}

/// What a step proved, where the run itself keeps it: no deletion without a new credential that works.
fn prove(
    tx: &mut Transaction<'_>,
    run: &RunRecord,
    step: &Step,
    outcome: &Outcome,
    now_ms: i64,
) -> Result<(), StoreError> {
    let column = match (step.op, outcome) {
        (super::Op::VerifyNew, Outcome::Done(_)) => "new_verified_at",
        (super::Op::VerifyDead, Outcome::Done(_)) => "dead_proven_at",
        _ => return Ok(()),
    };
    let sql = format!("UPDATE rotation_run SET {column} = $2 WHERE id = $1");
    tx.execute(&sql, &[(&run.id).into(), now_ms.into()]).map(|_| ())
}

pub(super) fn transition(
    tx: &mut Transaction<'_>,
    run: &RunRecord,
    to: State,
    reason: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let finished = if to.is_final() { Some(now_ms) } else { None };
    let resume = if to.is_halt() { Some(run.state.as_str()) } else { None };
    let moved = tx.execute(
        "UPDATE rotation_run SET state = $2, resume_state = $3, finished_at = $4, updated_at = $5, version = version + 1
         WHERE id = $1 AND state = $6",
        &[(&run.id).into(), to.as_str().into(), resume.into(), finished.into(), now_ms.into(), run.state.as_str().into()],
    )?;
    if moved != 1 {
        return Err(StoreError::Refused("another process moved this run meanwhile".to_owned()));
    }
    if to.is_final() {
        let plan = if to == State::Done { "done" } else { "cancelled" };
        tx.execute(
            "UPDATE rotation_plan SET state = $2, updated_at = $3, version = version + 1
             WHERE id = (SELECT plan_id FROM rotation_run WHERE id = $1)",
            &[(&run.id).into(), plan.into(), now_ms.into()],
        )?;
        close(tx, run, to, now_ms)?;
    }
    tx.audit(
        "rotate.state",
        &format!("run:{}", run.id),
        &json!({ "from": run.state, "to": to, "reason": reason, "credential": run.plan.subject.credential }),
    )
}

/// What the end of a run means for the credential and for its findings.
fn close(tx: &mut Transaction<'_>, run: &RunRecord, to: State, now_ms: i64) -> Result<(), StoreError> {
    let credential = &run.plan.subject.credential;
    if to != State::Done {
        tx.execute(
            "UPDATE finding SET state = 'linked', state_at = $2, version = version + 1
             WHERE credential_id = $1 AND state = 'rotating'",
            &[credential.into(), now_ms.into()],
        )?;
        return Ok(());
    }
    tx.execute(
        "UPDATE credential SET status = CASE WHEN status IN ('inactive', 'expired', 'revoked', 'deleted') THEN status
            ELSE 'revoked' END, tombstoned_at = coalesce(tombstoned_at, $2),
            tombstone_reason = coalesce(tombstone_reason, $3), updated_at = $2, version = version + 1 WHERE id = $1",
        &[credential.into(), now_ms.into(), format!("rotated by run {}", run.id).into()],
    )?;
    lower_risks(tx, credential)?;
    tx.execute(
        "UPDATE finding SET state = 'resolved', state_reason = $3, state_actor = $4, state_at = $2, validity = 'dead',
            validity_at = $2, version = version + 1
         WHERE credential_id = $1 AND state IN ('open', 'linked', 'rotating', 'regressed')",
        &[
            credential.into(),
            now_ms.into(),
            format!("rotated and proven dead by run {}", run.id).into(),
            tx.actor().into(),
        ],
    )?;
    Ok(())
}

/// Takes out of the risks of a credential's findings what a dead one can't do, as linking does: points and reasons.
fn lower_risks(tx: &mut Transaction<'_>, credential: &str) -> Result<(), StoreError> {
    let rows = tx.query(
        "SELECT id, risk, risk_reasons FROM finding
         WHERE credential_id = $1 AND state IN ('open', 'linked', 'rotating', 'regressed')",
        &[credential.into()],
    )?;
    for row in &rows {
        let known: Option<serde_json::Value> = row.get(2)?;
        let mut reasons = known.and_then(|known| known.as_array().cloned()).unwrap_or_default();
        reasons.retain(|reason| !matches!(reason["feature"].as_str(), Some("active" | "dead")));
        let points = match reasons.as_slice() {
            [] => row.get(1)?,
            reasons => reasons.iter().filter_map(|reason| reason["points"].as_i64()).sum::<i64>(),
        };
        reasons.push(json!({ "feature": "dead", "points": DEAD_POINTS, "detail": "its credential is proven dead" }));
        tx.execute(
            "UPDATE finding SET risk = $2, risk_reasons = $3 WHERE id = $1",
            &[row.get::<String>(0)?.into(), (points + DEAD_POINTS).clamp(0, 100).into(), Value::json(&json!(reasons))],
        )?;
    }
    Ok(())
}

/// Keeps an event to be sent; once, however often it is kept.
///
/// # Errors
/// What the engine says.
pub fn enqueue(
    tx: &mut Transaction<'_>,
    destination: &str,
    key: &str,
    event: &serde_json::Value,
) -> Result<bool, StoreError> {
    let (id, now) = (tx.new_id()?, tx.now());
    let new = tx.execute(
        "INSERT INTO outbox (id, event_key, destination, event, next_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5, $5) ON CONFLICT (destination, event_key) DO NOTHING",
        &[id.into(), key.into(), destination.into(), Value::json(event), now.into()],
    )?;
    Ok(new == 1)
}

/// Why all rotation is stopped, if it is.
///
/// # Errors
/// What the engine says.
pub fn stop_reason(tx: &mut Transaction<'_>) -> Result<Option<String>, StoreError> {
    let row = tx.query_one("SELECT reason, actor FROM rotation_stop WHERE id = 1", &[])?;
    row.map(|row| Ok(format!("stopped by {}: {}", row.get::<String>(1)?, row.get::<String>(0)?))).transpose()
}

/// The freeze window that keeps a run of this strategy from going on.
#[must_use]
pub fn frozen(policy: &Policy, strategy: super::Strategy, now_ms: i64) -> Option<String> {
    let freeze = policy.frozen(now_ms).filter(|_| strategy != super::Strategy::Emergency)?;
    Some(format!("frozen until {}: {}", freeze.until, freeze.reason))
}

/// Throws the kill switch, or takes it back. `None` lets rotation go on.
///
/// # Errors
/// What the engine says.
pub fn stop(tx: &mut Transaction<'_>, reason: Option<&str>) -> Result<(), StoreError> {
    let (actor, now) = (tx.actor().to_owned(), tx.now());
    match reason {
        Some(reason) => tx.execute(
            "INSERT INTO rotation_stop (id, reason, actor, at) VALUES (1, $1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, at = excluded.at",
            &[reason.into(), actor.into(), now.into()],
        )?,
        None => tx.execute("DELETE FROM rotation_stop WHERE id = 1", &[])?,
    };
    let action = if reason.is_some() { "rotate.stop" } else { "rotate.resume" };
    tx.audit(action, "rotation", &json!({ "reason": reason }))
}

/// What the store knows of one credential and one run, read at one moment.
#[derive(Clone, Debug, Default)]
pub struct StoredWorld {
    ticks: BTreeMap<u32, String>,
    status: Option<(String, i64)>,
    newer: Option<(String, i64)>,
    last_used_ms: Option<i64>,
}

impl StoredWorld {
    /// Reads it.
    ///
    /// # Errors
    /// What the engine says.
    pub fn read(tx: &mut Transaction<'_>, run: &str, credential: &str) -> Result<StoredWorld, StoreError> {
        let mut world = StoredWorld::default();
        if let Some(row) = tx.query_one("SELECT proofs FROM rotation_run WHERE id = $1", &[run.into()])? {
            let proofs: Option<serde_json::Value> = row.get(0)?;
            let ticks = proofs.as_ref().and_then(|proofs| proofs["ticks"].as_object());
            for (number, tick) in ticks.into_iter().flatten() {
                let text =
                    format!("{}: {}", tick["actor"].as_str().unwrap_or("?"), tick["proof"].as_str().unwrap_or("?"));
                world.ticks.extend(number.parse().ok().map(|number| (number, text)));
            }
        }
        let row = tx.query_one(
            "SELECT status, CASE WHEN tombstoned_at > last_seen_at THEN tombstoned_at ELSE last_seen_at END, last_used_at,
                identity_id, type FROM credential WHERE id = $1",
            &[credential.into()],
        )?;
        let Some(row) = row else { return Ok(world) };
        // What is gone is gone in every complete reading since.
        let lacking = tx.query_one(
            "SELECT max(n.taken_at) FROM inventory_item AS i JOIN snapshot AS n ON n.source_id = i.source_id
             WHERE i.entity_id = $1 AND i.noun = 'credential' AND i.vanished_snapshot_id IS NOT NULL AND n.complete",
            &[credential.into()],
        )?;
        let lacking: Option<i64> = lacking.map_or(Ok(None), |row| row.get(0))?;
        let (status, seen): (String, i64) = (row.get(0)?, row.get(1)?);
        let is_gone = status == "deleted" || status == "revoked" || status == "expired";
        world.status = Some((status, lacking.filter(|_| is_gone).map_or(seen, |lacking| seen.max(lacking))));
        world.last_used_ms = row.get(2)?;
        if let Some(identity) = row.get::<Option<String>>(3)? {
            let newer = tx.query_one(
                "SELECT coalesce(public_id, native_id), coalesce(native_created_at, first_seen_at) FROM credential
                 WHERE identity_id = $1 AND type = $2 AND id <> $3 AND status IN ('active', 'unknown')
                 ORDER BY coalesce(native_created_at, first_seen_at) DESC LIMIT 1",
                &[identity.into(), row.get::<String>(4)?.into(), credential.into()],
            )?;
            world.newer = newer.map(|row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?))).transpose()?;
        }
        Ok(world)
    }
}

impl World for StoredWorld {
    fn tick(&self, _: &str, step: u32) -> Option<String> {
        self.ticks.get(&step).cloned()
    }

    fn is_dead(&self, _: &str, since_ms: i64) -> Option<(bool, String)> {
        let (status, seen) = self.status.as_ref().filter(|(_, seen)| *seen >= since_ms)?;
        let dead = matches!(status.as_str(), "inactive" | "expired" | "revoked" | "deleted");
        let known = dead || status == "active";
        known.then(|| (dead, format!("the inventory taken at {} says {status}", time(*seen))))
    }

    fn newer(&self, _: &str, since_ms: i64) -> Option<String> {
        let (id, made) = self.newer.as_ref().filter(|(_, made)| *made >= since_ms)?;
        Some(format!("the inventory has a newer one: {id}, made {}", time(*made)))
    }

    fn last_used_ms(&self, _: &str) -> Option<i64> {
        self.last_used_ms
    }
}

/// How many runs began in the last hour, and how many of them with this provider.
///
/// # Errors
/// What the engine says.
pub fn runs_in_last_hour(tx: &mut Transaction<'_>, provider: &str) -> Result<(u32, u32), StoreError> {
    let since = tx.now().saturating_sub(HOUR_MS);
    let rows = tx.query(
        "SELECT p.plan FROM rotation_run AS r JOIN rotation_plan AS p ON p.id = r.plan_id
         WHERE r.started_at > $1 ORDER BY r.started_at DESC LIMIT 10000",
        &[since.into()],
    )?;
    let mut counts = (0, 0);
    for row in rows {
        let plan: serde_json::Value = row.get(0)?;
        counts.0 += 1;
        counts.1 += u32::from(plan["provider"] == provider);
    }
    Ok(counts)
}

/// Reads a run with its plan.
///
/// # Errors
/// What the engine says.
pub fn read_run(tx: &mut Transaction<'_>, id: &str) -> Result<Option<RunRecord>, StoreError> {
    let row = tx.query_one(
        "SELECT r.state, r.started_at, p.plan, p.plan_hash FROM rotation_run AS r JOIN rotation_plan AS p ON p.id = r.plan_id
         WHERE r.id = $1",
        &[id.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let damaged = |what: &str| StoreError::Damaged(format!("run {id} has {what}"));
    let plan: Plan = serde_json::from_value(row.get(2)?).map_err(|_| damaged("a plan that can't be read"))?;
    let plan_hash: String = row.get(3)?;
    if plan.hash() != plan_hash {
        return Err(damaged("a plan that is not the one that was approved"));
    }
    let state = State::from_name(&row.get::<String>(0)?).ok_or_else(|| damaged("an unknown state"))?;
    Ok(Some(RunRecord { id: id.to_owned(), plan, plan_hash, state, started_ms: row.get(1)? }))
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}
