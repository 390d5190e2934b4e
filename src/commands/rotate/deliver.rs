//! The outbox: events that were kept with the change they tell of, sent until somebody took them.

use std::{cell::RefCell, time::Duration};

use super::super::{CommandError, Env, output};
use crate::{
    rotate::{
        Backoff,
        event::Event,
        guard::Reach,
        rotator::{Answer, Sender},
        signature::SigningKey,
    },
    store::{Store, StoreError, Transaction},
};

/// How long one process may be at one event before another may try.
const LEASE_MS: i64 = 120_000;

/// Who gets the events.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its name in the outbox.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Which networks may be reached.
    pub reach: Reach,
    /// Keys that sign, all of them.
    pub keys: Vec<SigningKey>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// What came of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Events that were taken.
    pub taken: u32,
    /// Events to be sent again later.
    pub later: u32,
    /// Events that were given up.
    pub dead: u32,
    /// Why, the last reason of each event that was not taken.
    pub reasons: Vec<String>,
}

struct Due {
    id: String,
    event: Event,
    attempts: u32,
}

/// Sends every event that is due, each once.
pub(super) fn deliver(
    store: &RefCell<Store<'_>>,
    receiver: &Receiver,
    env: &Env<'_>,
) -> Result<Delivered, CommandError> {
    let sender = Sender::new(&receiver.address, receiver.reach, receiver.keys.clone(), receiver.timeout)
        .map_err(|refusal| CommandError::Webhook(refusal.to_string()))?;
    let mut delivered = Delivered::default();
    loop {
        // On a line of its own: the store must be free again while the event is sent.
        let due = store.borrow_mut().write(|tx| claim(tx, &receiver.name))?;
        let Some(due) = due else { break };
        let began = std::time::Instant::now();
        let now_s = now_ms(env) / 1000;
        let answer = sender.send(&due.event, now_s).map_err(|error| CommandError::Webhook(error.to_string()))?;
        let took = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let delay = delay(&due, &answer, env);
        store.borrow_mut().write(|tx| record(tx, &due, &answer, took, delay))?;
        match answer {
            Answer::Accepted(_) => delivered.taken += 1,
            Answer::Later(reason, _) if delay.is_some() => {
                delivered.later += 1;
                delivered.reasons.push(reason);
            }
            Answer::Later(reason, _) | Answer::Refused(reason) => {
                delivered.dead += 1;
                delivered.reasons.push(reason);
            }
        }
        if env.interrupt.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
    }
    Ok(delivered)
}

fn delay(due: &Due, answer: &Answer, env: &Env<'_>) -> Option<Duration> {
    let Answer::Later(_, asked) = answer else { return None };
    let mut chance = |limit: u64| {
        let mut bytes = [0; 8];
        // Without randomness all wait the longest.
        if (env.random)(&mut bytes).is_err() { limit - 1 } else { u64::from_le_bytes(bytes) % limit }
    };
    Backoff::default().delay(due.attempts + 1, *asked, &mut chance)
}

fn now_ms(env: &Env<'_>) -> i64 {
    let now = (env.now)().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Takes the oldest event that is due, so that no other process sends it at the same time.
fn claim(tx: &mut Transaction<'_>, destination: &str) -> Result<Option<Due>, StoreError> {
    let now = tx.now();
    let lock = if tx.engine() == crate::store::Engine::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
    let row = tx.query_one(
        &format!(
            "SELECT id, event, attempts FROM outbox WHERE destination = $1 AND state = 'pending' AND next_at <= $2
             AND (lease_until_at IS NULL OR lease_until_at < $2) ORDER BY id LIMIT 1{lock}"
        ),
        &[destination.into(), now.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let id: String = row.get(0)?;
    let event = serde_json::from_value(row.get(1)?)
        .map_err(|_| StoreError::Damaged(format!("event {id} of the outbox can't be read")))?;
    tx.execute(
        "UPDATE outbox SET lease_until_at = $2, updated_at = $3 WHERE id = $1",
        &[(&id).into(), (now + LEASE_MS).into(), now.into()],
    )?;
    Ok(Some(Due { id, event, attempts: u32::try_from(row.get::<i64>(2)?).unwrap_or(u32::MAX) }))
}

fn record(
    tx: &mut Transaction<'_>,
    due: &Due,
    answer: &Answer,
    took_ms: i64,
    delay: Option<Duration>,
) -> Result<(), StoreError> {
    let now = tx.now();
    let (state, status, error) = match answer {
        Answer::Accepted(status) => ("delivered", Some(i64::from(*status)), None),
        Answer::Later(reason, _) if delay.is_some() => ("pending", None, Some(reason.as_str())),
        Answer::Later(reason, _) | Answer::Refused(reason) => ("dead", None, Some(reason.as_str())),
    };
    let next = now.saturating_add(delay.map_or(0, |delay| i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)));
    tx.execute(
        "INSERT INTO delivery (outbox_id, attempt, at, duration_ms, status, error) VALUES ($1, $2, $3, $4, $5, $6)",
        &[(&due.id).into(), (due.attempts + 1).into(), now.into(), took_ms.into(), status.into(), error.into()],
    )?;
    tx.execute(
        "UPDATE outbox SET state = $2, attempts = attempts + 1, next_at = $3, lease_until_at = NULL, updated_at = $4
         WHERE id = $1",
        &[(&due.id).into(), state.into(), next.into(), now.into()],
    )?;
    tx.audit(
        "event.send",
        &format!("event:{}", due.event.id),
        &serde_json::json!({ "attempt": due.attempts + 1, "state": state, "error": error }),
    )
}

/// Says what came of it.
pub(super) fn say(delivered: &Delivered, env: &mut Env<'_>) -> Result<(), CommandError> {
    output::write(None, env, &|out| {
        let Delivered { taken, later, dead, reasons } = delivered;
        writeln!(out, "{taken} events taken, {later} to be sent again, {dead} given up")?;
        reasons.iter().try_for_each(|reason| writeln!(out, "  {reason}"))
    })
}
