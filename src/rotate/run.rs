//! Runs: a plan carried out step by step, so that a crash at any moment loses nothing and does nothing twice.
//!
//! For each step the intent is written down first, then the step is carried out, then its outcome is written down. A step with
//! an intent and no outcome was interrupted: whether it was done is found out before anything else is tried.

use super::{
    machine::{Op, State},
    matrix::Repeat,
    plan::{Plan, Step},
    retry::{Backoff, Chance},
    rotator::{Outcome, Reconciled, Rotator, StepContext, World},
};

/// A run, as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// The approved plan.
    pub plan: Plan,
    /// Its hash.
    pub plan_hash: String,
    /// Where it stands.
    pub state: State,
    /// When it began, in milliseconds since 1970 UTC.
    pub started_ms: i64,
}

/// What was written down of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRecord {
    /// The step's number in the plan.
    pub number: u32,
    /// How often it was tried.
    pub attempts: u32,
    /// When the first intent was written.
    pub since_ms: i64,
    /// Is there an intent whose outcome was never written?
    pub is_open: bool,
    /// What shows that it is done; `None` while it is not.
    pub receipt: Option<String>,
    /// Not to be tried again before.
    pub next_ms: Option<i64>,
}

/// Why something could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("the journal can't be written: {0}")]
pub struct JournalError(pub String);

/// Where runs are written down. Each call is durable when it returns, and recorded in the audit log in the same transaction.
pub trait Journal {
    /// What is written down of the run's steps, by number; steps never tried are left out.
    ///
    /// # Errors
    /// A store that can't be read.
    fn steps(&mut self, run: &str) -> Result<Vec<StepRecord>, JournalError>;

    /// Before a step: it is about to be tried once more.
    ///
    /// # Errors
    /// A store that can't be written: then nothing is tried.
    fn intent(&mut self, run: &RunRecord, step: &Step, now_ms: i64) -> Result<(), JournalError>;

    /// After a step: what came of it, and when it may be tried again. An event that was handed over goes to the outbox in the
    /// same transaction, once per id.
    ///
    /// # Errors
    /// A store that can't be written.
    fn outcome(&mut self, run: &RunRecord, step: &Step, outcome: &Outcome, times: Times) -> Result<(), JournalError>;

    /// The run comes to another state.
    ///
    /// # Errors
    /// A store that can't be written, or a run that somebody else moved meanwhile.
    fn transition(&mut self, run: &RunRecord, to: State, reason: &str, now_ms: i64) -> Result<(), JournalError>;

    /// Why nothing may go on (the kill switch, a freeze window), if so.
    ///
    /// # Errors
    /// A store that can't be read.
    fn stopped(&mut self, run: &RunRecord, now_ms: i64) -> Result<Option<String>, JournalError>;
}

/// When an outcome was had, and when its step may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Now, in milliseconds since 1970 UTC.
    pub now_ms: i64,
    /// Not to be tried again before.
    pub next_ms: Option<i64>,
}

/// How far a run came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All steps are done and the old credential is proven dead.
    Done,
    /// It waits for something that passes by itself or with an import: for what, and until when, if that is known.
    Waiting(String, Option<i64>),
    /// A person must act.
    Manual(String),
    /// It was told to stop.
    Stopped(String),
    /// All that it did is taken back.
    RolledBack,
}

/// What carries a run out, and what it may know.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// What carries steps out.
    pub rotator: &'a dyn Rotator,
    /// What else is known.
    pub world: &'a dyn World,
}

/// Takes `run` as far as it goes now.
///
/// # Errors
/// A journal that can't be read or written. What was begun is then found out at the next call.
pub fn advance(
    run: &mut RunRecord,
    journal: &mut dyn Journal,
    means: Means<'_>,
    now_ms: i64,
    chance: Chance<'_>,
) -> Result<Progress, JournalError> {
    let Means { rotator, world } = means;
    if run.state == State::RollingBack {
        return Ok(Progress::Manual("it is being taken back: `unleak rotate rollback` goes on with that".to_owned()));
    }
    let mut runner = Runner { run, journal, rotator, world, now_ms };
    loop {
        if let Some(reason) = runner.journal.stopped(runner.run, now_ms)? {
            runner.come_to(State::Paused, &reason)?;
            return Ok(Progress::Stopped(reason));
        }
        let records = runner.journal.steps(&runner.run.id)?;
        let record = |step: &Step| records.iter().find(|record| record.number == step.number);
        let is_done = |step: &&Step| record(step).is_some_and(|record| record.receipt.is_some());
        let Some(step) = runner.run.plan.steps.iter().find(|step| !is_done(step)).cloned() else {
            runner.come_to(State::Done, "every step is done")?;
            return Ok(Progress::Done);
        };
        let record =
            record(&step).cloned().unwrap_or_else(|| StepRecord { number: step.number, ..StepRecord::default() });
        if let Some(progress) = runner.step(&step, &record, chance)? {
            return Ok(progress);
        }
    }
}

/// Steps that take a step back are written down under its number and this much.
pub const UNDO: u32 = 1_000;

/// Takes `run` back as far as it goes now: the last step first, each that may have been done and left something behind. It ends as
/// rolled back, and its plan as cancelled; the old credential is what it was.
///
/// # Errors
/// A journal that can't be read or written. What was begun is asked for again at the next call.
pub fn roll_back(
    run: &mut RunRecord,
    journal: &mut dyn Journal,
    means: Means<'_>,
    (now_ms, reason): (i64, &str),
    chance: Chance<'_>,
) -> Result<Progress, JournalError> {
    let Means { rotator, world } = means;
    if run.state.is_final() {
        return Ok(Progress::Manual(format!("it is {}: there is nothing to take back", run.state)));
    }
    if run.state != State::RollingBack && !run.state.may_become(State::RollingBack) {
        let what = match run.state {
            State::Pending => "nothing was done yet: cancel it",
            _ => "the old credential is being deleted: there is nothing to go back to",
        };
        return Ok(Progress::Manual(what.to_owned()));
    }
    let mut runner = Runner { run, journal, rotator, world, now_ms };
    // Where it was halted while it deleted, it may be gone.
    let records = runner.journal.steps(&runner.run.id)?;
    // What a person says was done was done, also where the run itself had not come to it.
    let ticked: Vec<u32> = runner.run.plan.steps.iter().map(|step| step.number).collect();
    let ticked: Vec<u32> = ticked.into_iter().filter(|number| world.tick(&runner.run.id, *number).is_some()).collect();
    let tried = |step: &Step| {
        ticked.contains(&step.number)
            || records.iter().any(|record| record.number == step.number && record.attempts > 0)
    };
    if runner.run.plan.steps.iter().any(|step| step.op == Op::Delete && tried(step)) {
        return Ok(Progress::Manual("the old credential may be deleted: there is nothing to go back to".to_owned()));
    }
    if let Some(why) = runner.journal.stopped(runner.run, now_ms)? {
        return Ok(Progress::Stopped(why));
    }
    runner.come_to(State::RollingBack, reason)?;
    let steps: Vec<Step> =
        runner.run.plan.steps.iter().rev().filter(|step| tried(step) && leaves(step.op)).cloned().collect();
    for step in steps {
        if let Some(progress) = runner.undo(&step, chance)? {
            return Ok(progress);
        }
    }
    runner.come_to(State::RolledBack, reason)?;
    Ok(Progress::RolledBack)
}

/// Does such a step leave something behind, so that it must be taken back?
#[must_use]
pub fn leaves(op: Op) -> bool {
    matches!(op, Op::Create | Op::Distribute | Op::Deactivate)
}

struct Runner<'a> {
    run: &'a mut RunRecord,
    journal: &'a mut dyn Journal,
    rotator: &'a dyn Rotator,
    world: &'a dyn World,
    now_ms: i64,
}

impl Runner<'_> {
    /// Tries one step; `None` when it is done.
    fn step(&mut self, step: &Step, record: &StepRecord, chance: Chance<'_>) -> Result<Option<Progress>, JournalError> {
        if let Some(next) = record.next_ms.filter(|next| *next > self.now_ms) {
            return Ok(Some(Progress::Waiting(
                format!("step {} ({}) is tried again", step.number, step.op),
                Some(next),
            )));
        }
        self.come_to(step.op.state(), &step.call)?;
        if record.is_open && !is_wait(step.op) {
            let rotator = self.rotator;
            match (rotator.reconcile(&self.context(step), self.world), step.repeat) {
                (Reconciled::Done, _) => {
                    let outcome = Outcome::Done("found to be done after an interruption".to_owned());
                    return self.keep(step, record, outcome, chance);
                }
                (Reconciled::Unknown, Repeat::Never) => {
                    let what = format!(
                        "step {} ({}) was interrupted and must not be repeated: look at the provider whether it was done, then \
                         tick it or take it back. It was: {}",
                        step.number, step.op, step.call
                    );
                    return self.keep(step, record, Outcome::Manual(what), chance);
                }
                (Reconciled::NotDone, _) | (Reconciled::Unknown, Repeat::Safe | Repeat::Done) => {}
            }
        }
        if record.attempts > 0 && !record.is_open && !self.rotator.acts(&self.context(step)) && !is_wait(step.op) {
            // Nothing can happen by asking again, so nothing is written down unless there is news.
            match self.rotator.perform(&self.context(step), self.world) {
                Outcome::Waiting(what) => return Ok(Some(Progress::Waiting(what, None))),
                Outcome::Manual(what) => {
                    self.come_to(State::ManualAction, &what)?;
                    return Ok(Some(Progress::Manual(what)));
                }
                Outcome::HandedOver(event) => return Ok(Some(handed_over(&event.id))),
                Outcome::Done(_) | Outcome::Retry(..) => {}
            }
        }
        self.journal.intent(self.run, step, self.now_ms)?;
        let since_ms = if record.attempts == 0 { self.now_ms } else { record.since_ms };
        let outcome = if is_wait(step.op) {
            self.wait(step, since_ms)
        } else {
            self.rotator.perform(&self.context(step), self.world)
        };
        self.keep(step, record, outcome, chance)
    }

    /// Takes one step back; `None` when that is done.
    fn undo(&mut self, step: &Step, chance: Chance<'_>) -> Result<Option<Progress>, JournalError> {
        let back = Step {
            number: UNDO + step.number,
            call: step.undo.clone().unwrap_or_else(|| format!("take back: {}", step.call)),
            ..step.clone()
        };
        let records = self.journal.steps(&self.run.id)?;
        let record = records.into_iter().find(|record| record.number == back.number);
        let record = record.unwrap_or_else(|| StepRecord { number: back.number, ..StepRecord::default() });
        if record.receipt.is_some() {
            return Ok(None);
        }
        if let Some(next) = record.next_ms.filter(|next| *next > self.now_ms) {
            return Ok(Some(Progress::Waiting(format!("step {} is taken back again", step.number), Some(next))));
        }
        let tick = self.world.tick(&self.run.id, back.number);
        let ask = format!("{} (then tick step {})", back.call, back.number);
        // Nothing new can come of asking a person or a receiver once more.
        if record.attempts > 0 && !record.is_open && tick.is_none() && !self.rotator.acts(&self.context(step)) {
            return Ok(Some(Progress::Manual(ask)));
        }
        self.journal.intent(self.run, &back, self.now_ms)?;
        let outcome = match tick {
            Some(tick) => Outcome::Done(tick),
            None => self.rotator.undo(&self.context(step), self.world),
        };
        let (outcome, next_ms) = self.with_next(&back, &record, outcome, chance);
        self.journal.outcome(self.run, &back, &outcome, Times { now_ms: self.now_ms, next_ms })?;
        Ok(match outcome {
            Outcome::Done(_) => None,
            Outcome::HandedOver(event) => {
                Some(Progress::Waiting(format!("told by the event {}: {ask}", event.id), None))
            }
            Outcome::Waiting(what) => Some(Progress::Waiting(what, None)),
            Outcome::Retry(why, _) => Some(Progress::Waiting(why, next_ms)),
            Outcome::Manual(_) => Some(Progress::Manual(ask)),
        })
    }

    fn context<'s>(&'s self, step: &'s Step) -> StepContext<'s> {
        StepContext {
            run: &self.run.id,
            plan: &self.run.plan,
            plan_hash: &self.run.plan_hash,
            step,
            started_ms: self.run.started_ms,
            now_ms: self.now_ms,
        }
    }

    /// Steps that are nothing but time. A person may cut them short with a tick.
    fn wait(&self, step: &Step, since_ms: i64) -> Outcome {
        if let Some(tick) = self.world.tick(&self.run.id, step.number) {
            return Outcome::Done(tick);
        }
        let length_ms = i64::try_from(step.wait_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        let used = self.world.last_used_ms(&self.run.plan.subject.credential).filter(|used| *used > since_ms);
        if step.op == Op::Observe
            && let Some(used) = used
        {
            // Still in use: the window begins anew with the last use.
            return if used.saturating_add(length_ms) <= self.now_ms {
                Outcome::Done(format!("not used since {}", time(used)))
            } else {
                Outcome::Waiting(format!(
                    "the old credential was used at {}: some consumer has not followed",
                    time(used)
                ))
            };
        }
        let end = since_ms.saturating_add(length_ms);
        if end <= self.now_ms {
            Outcome::Done(format!("waited since {}", time(since_ms)))
        } else {
            Outcome::Waiting(format!("{} until {}", step.op, time(end)))
        }
    }

    /// Writes an outcome down; `None` when the step is done.
    fn keep(
        &mut self,
        step: &Step,
        record: &StepRecord,
        outcome: Outcome,
        chance: Chance<'_>,
    ) -> Result<Option<Progress>, JournalError> {
        let (outcome, next_ms) = self.with_next(step, record, outcome, chance);
        self.journal.outcome(self.run, step, &outcome, Times { now_ms: self.now_ms, next_ms })?;
        Ok(match outcome {
            Outcome::Done(_) => None,
            Outcome::HandedOver(event) => {
                Some(Progress::Waiting(format!("handed over with the event {}", event.id), None))
            }
            Outcome::Waiting(what) => Some(Progress::Waiting(what, None)),
            Outcome::Retry(why, _) => {
                self.come_to(State::FailedRetryable, &why)?;
                Some(Progress::Waiting(why, next_ms))
            }
            Outcome::Manual(what) => {
                self.come_to(State::ManualAction, &what)?;
                Some(Progress::Manual(what))
            }
        })
    }

    /// When a failed step may be tried again. One that failed too often is a person's.
    fn with_next(
        &self,
        step: &Step,
        record: &StepRecord,
        outcome: Outcome,
        chance: Chance<'_>,
    ) -> (Outcome, Option<i64>) {
        let Outcome::Retry(why, asked) = &outcome else { return (outcome, None) };
        let asked = asked.map(std::time::Duration::from_secs);
        match Backoff::default().delay(record.attempts + 1, asked, chance) {
            Some(delay) => {
                let next = self.now_ms.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
                (outcome, Some(next))
            }
            None => (Outcome::Manual(format!("step {} ({}) failed too often: {why}", step.number, step.op)), None),
        }
    }

    fn come_to(&mut self, to: State, reason: &str) -> Result<(), JournalError> {
        if self.run.state != to {
            self.journal.transition(self.run, to, reason, self.now_ms)?;
            self.run.state = to;
        }
        Ok(())
    }
}

fn handed_over(event: &str) -> Progress {
    Progress::Waiting(format!("handed over with the event {event}"), None)
}

fn is_wait(op: Op) -> bool {
    matches!(op, Op::Observe | Op::Grace)
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}
