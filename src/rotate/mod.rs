//! Rotation: from a credential that leaked to one that is proven dead.
//!
//! A [`Plan`] says, for one credential, which steps replace it and in which order, with the calls that would be made, who
//! breaks, who owns it, and until when it must be done. It is made from the [provider matrix](matrix), from what the
//! inventory knows, and from the [`Policy`]. Nothing of a plan is carried out before it was approved, and an approval binds to
//! the plan's [hash](Plan::hash): a plan that changes must be approved again.
//!
//! A run goes through the steps with a [`Rotator`]. What it is about to do is written down before it does it, and what came
//! of it afterwards ([`run`]); after a crash an intent without a receipt is *reconciled* with the world, never repeated
//! blindly. A credential counts as dead only with a proof that doesn't come from whoever was asked to kill it.

mod consumers;
pub mod event;
pub mod guard;
pub mod journal;
pub mod machine;
pub mod matrix;
pub mod plan;
pub mod plans;
pub mod policy;
mod retry;
pub mod rotator;
pub mod run;
pub mod signature;

pub use journal::{StoreJournal, StoredWorld};
pub use machine::{Op, State};
pub use matrix::{Provider, Repeat, Strategy, provider_of};
pub use plan::{Consumer, Plan, Step, Subject, Trigger};
pub use plans::{Decision, PlanError, StoredPlan};
pub use policy::{Policy, PolicyError};
pub use retry::{Backoff, Chance};
pub use rotator::{Outcome, ROTATORS, Rotator, StepContext, World};
pub use run::{Journal, JournalError, Means, Progress, RunRecord, StepRecord, advance, roll_back};
