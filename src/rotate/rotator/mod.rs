//! What carries a plan out. One file per rotator, one line in [`ROTATORS`].

mod command;
mod manual;
mod webhook;

pub use command::{CommandRotator, SecretOf};
pub use manual::ManualRotator;
pub use webhook::{Answer, Sender, WebhookRotator};

use super::{
    event::Event,
    machine::Op,
    plan::{Plan, Step},
};

/// A rotator that a user can name.
#[derive(Clone, Copy, Debug)]
pub struct RotatorInfo {
    /// The name given to `--rotator`.
    pub name: &'static str,
    /// One line of help, without a full stop.
    pub description: &'static str,
}

/// All rotators, the default first.
pub const ROTATORS: &[RotatorInfo] = &[
    RotatorInfo { name: "manual", description: "a checklist with proofs to tick" },
    RotatorInfo { name: "webhook", description: "one signed event per credential to a system that rotates it" },
    RotatorInfo { name: "command", description: "a program of yours, called once per step" },
];

/// One step of one run.
#[derive(Clone, Copy, Debug)]
pub struct StepContext<'a> {
    /// Id of the run.
    pub run: &'a str,
    /// The plan that was approved.
    pub plan: &'a Plan,
    /// Its hash.
    pub plan_hash: &'a str,
    /// The step.
    pub step: &'a Step,
    /// When the run began, in milliseconds since 1970 UTC.
    pub started_ms: i64,
    /// Now, likewise.
    pub now_ms: i64,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done; what shows it, without secrets.
    Done(String),
    /// It is handed over to another system with this event, which must be kept and sent, in one transaction with this
    /// outcome.
    HandedOver(Box<Event>),
    /// It isn't done yet, for a reason that passes by itself or with an import.
    Waiting(String),
    /// It failed in a way that may pass. Seconds to wait at least, if known.
    Retry(String, Option<u64>),
    /// A person must act, or look.
    Manual(String),
}

/// What the world says of a step whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// It was done.
    Done,
    /// It was not.
    NotDone,
    /// Nobody knows.
    Unknown,
}

/// What else is known of a credential: from inventories taken since the run began, and from people.
pub trait World {
    /// What a person ticked for a step: who, and the proof given.
    fn tick(&self, run: &str, step: u32) -> Option<String>;

    /// What an inventory taken after `since_ms` says of the credential: `Some(true)` if it is out of use or gone,
    /// `Some(false)` if it is still active, `None` if no inventory speaks of it. With it, which inventory.
    fn is_dead(&self, credential: &str, since_ms: i64) -> Option<(bool, String)>;

    /// Was a newer credential of the same identity made after `since_ms`? Which one, and by which inventory.
    fn newer(&self, credential: &str, since_ms: i64) -> Option<String>;

    /// When the credential was last used, in milliseconds since 1970 UTC, as far as an inventory says so.
    fn last_used_ms(&self, credential: &str) -> Option<i64>;
}

/// Carries out steps.
pub trait Rotator {
    /// The name in [`ROTATORS`].
    fn name(&self) -> &'static str;

    /// Does [`Rotator::perform`] do anything in the world? Where it only looks whether others did, it is asked again and again,
    /// and only news is written down.
    fn acts(&self, at: &StepContext<'_>) -> bool {
        let _ = at;
        true
    }

    /// Carries a step out, or finds that it is done. The intent is written down before, the outcome afterwards.
    fn perform(&self, at: &StepContext<'_>, world: &dyn World) -> Outcome;

    /// Finds out whether a step whose answer was lost was done. Changes nothing.
    fn reconcile(&self, at: &StepContext<'_>, world: &dyn World) -> Reconciled;

    /// Takes a step back.
    fn undo(&self, at: &StepContext<'_>, world: &dyn World) -> Outcome;
}

/// What shows that a step is done although nobody here did it: a person's tick, or an inventory from after the run began.
fn proof(at: &StepContext<'_>, world: &dyn World) -> Option<String> {
    if let Some(tick) = world.tick(at.run, at.step.number) {
        return Some(tick);
    }
    let credential = &at.plan.subject.credential;
    match at.step.op {
        Op::Create => world.newer(credential, at.started_ms),
        Op::Deactivate | Op::VerifyDead | Op::Delete => {
            world.is_dead(credential, at.started_ms).filter(|(dead, _)| *dead).map(|(_, source)| source)
        }
        Op::Distribute | Op::VerifyNew | Op::Observe | Op::Grace => None,
    }
}
