//! The outbox: events that were kept with the change they tell of, sent until somebody took them.

use std::{cell::RefCell, time::Duration};

use super::super::{CommandError, Env, output};
use crate::{
    report::count,
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
    /// Events that wait for their time, or for somebody who gives them another chance.
    pub waiting: Waiting,
}

/// Events that nobody took yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Those that are sent by themselves, and when the next of them is, in milliseconds since 1970.
    pub pending: u32,
    /// When the first of them is sent again, in milliseconds since 1970.
    pub next_ms: Option<i64>,
    /// Those that were given up.
    pub dead: u32,
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
    delivered.waiting = store.borrow_mut().read(|tx| waiting(tx, &receiver.name))?;
    Ok(delivered)
}

fn waiting(tx: &mut Transaction<'_>, destination: &str) -> Result<Waiting, StoreError> {
    let rows = tx.query(
        "SELECT state, count(*), min(next_at) FROM outbox WHERE destination = $1 AND state <> 'delivered' GROUP BY state",
        &[destination.into()],
    )?;
    let mut waiting = Waiting::default();
    for row in &rows {
        let count = u32::try_from(row.get::<i64>(1)?).unwrap_or(u32::MAX);
        if row.get::<String>(0)? == "dead" {
            waiting.dead = count;
        } else {
            (waiting.pending, waiting.next_ms) = (count, row.get(2)?);
        }
    }
    Ok(waiting)
}

/// Gives events that wait, or were given up, another chance at once. Returns how many there are.
pub(super) fn again(tx: &mut Transaction<'_>, destination: &str) -> Result<u64, StoreError> {
    let now = tx.now();
    let events = tx.execute(
        "UPDATE outbox SET state = 'pending', next_at = $2, updated_at = $2
         WHERE destination = $1 AND state IN ('pending', 'dead') AND (lease_until_at IS NULL OR lease_until_at < $2)",
        &[destination.into(), now.into()],
    )?;
    if events > 0 {
        tx.audit("event.again", &format!("receiver:{destination}"), &serde_json::json!({ "events": events }))?;
    }
    Ok(events)
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

/// Says what came of it, line by line.
pub(super) fn lines(delivered: &Delivered) -> Vec<String> {
    let Delivered { taken, later, dead, reasons, waiting } = delivered;
    let mut lines =
        vec![format!("{} taken, {later} to be sent again, {dead} given up", count(u64::from(*taken), "event"))];
    lines.extend(reasons.iter().map(|reason| format!("  {reason}")));
    if let Some(next) = waiting.next_ms {
        let next = crate::commands::table::timestamp(next);
        lines.push(format!("  {} waiting, the next is sent from {next} on", waiting.pending));
    }
    if waiting.dead > 0 {
        lines.push(format!("  {} given up until now", waiting.dead));
    }
    if waiting.next_ms.is_some() || waiting.dead > 0 {
        lines.push("  `unleak rotate deliver --again` sends them at once".to_owned());
    }
    lines
}

/// Says what came of it.
pub(super) fn say(delivered: &Delivered, env: &mut Env<'_>) -> Result<(), CommandError> {
    let lines = lines(delivered);
    output::write(None, env, &|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}
