//! A journal in memory that can be cut off before and after every write, as `kill -9` does.

use std::collections::BTreeMap;

use unleak::rotate::{Journal, JournalError, Outcome, Plan, RunRecord, State, Step, StepRecord, World, run::Times};

/// What is written down, and when the process dies.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) steps: BTreeMap<u32, StepRecord>,
    pub(super) state: Option<State>,
    pub(super) events: Vec<String>,
    pub(super) stopped: Option<String>,
    /// Writes left until the process dies.
    pub(super) writes_left: Option<usize>,
    /// Every state the run came to.
    pub(super) history: Vec<State>,
}

impl Memory {
    fn write(&mut self) -> Result<(), JournalError> {
        match &mut self.writes_left {
            Some(0) => Err(JournalError("killed".to_owned())),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The run as a new process finds it.
    pub(super) fn run(&self, plan: &Plan) -> RunRecord {
        RunRecord {
            id: "01RUN".to_owned(),
            plan_hash: plan.hash(),
            plan: plan.clone(),
            state: self.state.unwrap_or(State::Pending),
            started_ms: 10_000,
        }
    }
}

impl Journal for Memory {
    fn steps(&mut self, _: &str) -> Result<Vec<StepRecord>, JournalError> {
        Ok(self.steps.values().cloned().collect())
    }

    fn intent(&mut self, _: &RunRecord, step: &Step, now_ms: i64) -> Result<(), JournalError> {
        self.write()?;
        let record = self.steps.entry(step.number).or_insert_with(|| StepRecord {
            number: step.number,
            since_ms: now_ms,
            ..StepRecord::default()
        });
        record.attempts += 1;
        record.is_open = true;
        Ok(())
    }

    fn outcome(&mut self, _: &RunRecord, step: &Step, outcome: &Outcome, times: Times) -> Result<(), JournalError> {
        self.write()?;
        let record = self.steps.entry(step.number).or_default();
        record.number = step.number;
        record.is_open = false;
        record.next_ms = times.next_ms;
        match outcome {
            Outcome::Done(receipt) => record.receipt = Some(receipt.clone()),
            Outcome::HandedOver(event) if !self.events.contains(&event.id) => self.events.push(event.id.clone()),
            _ => {}
        }
        Ok(())
    }

    fn transition(&mut self, run: &RunRecord, to: State, _: &str, _: i64) -> Result<(), JournalError> {
        assert!(run.state.may_become(to), "{} {to}", run.state);
        self.write()?;
        self.state = Some(to);
        self.history.push(to);
        Ok(())
    }

    fn stopped(&mut self, _: &RunRecord, _: i64) -> Result<Option<String>, JournalError> {
        Ok(self.stopped.clone())
    }
}

/// A world in which nothing is known but what is set.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) ticks: BTreeMap<u32, String>,
    pub(super) dead: Option<bool>,
    pub(super) newer: Option<String>,
    pub(super) last_used_ms: Option<i64>,
}

impl World for Known {
    fn tick(&self, _: &str, step: u32) -> Option<String> {
        self.ticks.get(&step).cloned()
    }

    fn is_dead(&self, _: &str, _: i64) -> Option<(bool, String)> {
        self.dead.map(|dead| (dead, "the inventory of today".to_owned()))
    }

    fn newer(&self, _: &str, _: i64) -> Option<String> {
        self.newer.clone()
    }

    fn last_used_ms(&self, _: &str) -> Option<i64> {
        self.last_used_ms
    }
}
