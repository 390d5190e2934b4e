//! `unleak rotate`: plans, approvals, runs, events.

mod deliver;
mod execute;
mod view;

use std::{cell::RefCell, path::PathBuf};

pub use deliver::{Delivered, Receiver, Waiting};
pub use execute::{RotatorChoice, RunSettings};

use super::{
    CommandError, Env, ExitCode, gate, output,
    store::{StoreChoice, check_signed, open_to_write},
};
use crate::{
    rotate::{
        Decision, PlanError, Policy, StoredPlan, Trigger,
        journal::{self},
        plans,
    },
    store::{Store, Transaction},
};

/// What all verbs of `unleak rotate` need.
#[derive(Clone, Debug)]
pub struct RotateSettings {
    /// The store, and who acts.
    pub store: StoreChoice,
    /// A policy file; the built-in policy if `None`.
    pub policy: Option<PathBuf>,
    /// How lists are written.
    pub format: RotateFormat,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RotateFormat {
    /// For a person.
    #[default]
    Text,
    /// For a program.
    Json,
}

impl RotateSettings {
    fn policy(&self) -> Result<Policy, CommandError> {
        let Some(path) = &self.policy else { return Ok(Policy::default()) };
        let shown = || crate::model::DisplayPath(path).to_string();
        let text = std::fs::read_to_string(path).map_err(|source| CommandError::Read { path: shown(), source })?;
        Policy::parse(&text).map_err(|error| CommandError::Policy(format!("{}: {error}", shown())))
    }

    /// Calls `work` with the store, and says when it is done whether the end of the audit log isn't signed, also if it failed half-way.
    fn with_store<T>(
        &self,
        env: &Env<'_>,
        work: impl FnOnce(&RefCell<Store<'_>>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let store = RefCell::new(open_to_write(&self.store, env)?);
        let result = work(&store);
        let signed = check_signed(&mut store.borrow_mut(), env);
        let result = result?;
        signed?;
        Ok(result)
    }
}

/// What is to be planned.
#[derive(Clone, Debug)]
pub enum PlanChoice {
    /// Credentials, by their own ids or by those of findings linked to them.
    Ids(Vec<String>),
    /// Every credential with an open finding that is linked with certainty, each once.
    All,
}

/// Makes plans and keeps them; nothing of them is carried out.
///
/// # Errors
/// A store that can't be opened, an id that nothing has, a finding that isn't linked.
pub fn plan(
    settings: &RotateSettings,
    choice: &PlanChoice,
    rotator: &str,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let policy = settings.policy()?;
    let made = settings.with_store(env, |store| {
        let mut store = store.borrow_mut();
        let ids = match choice {
            PlanChoice::Ids(ids) => ids.clone(),
            PlanChoice::All => store.read(plans::due)?,
        };
        let mut made: Vec<StoredPlan> = Vec::new();
        for id in ids {
            let plan = store.write(|tx| {
                let credential = plans::credential_of(tx, &id)?;
                plans::make(tx, &credential, Trigger::Finding, rotator, &policy)
            })?;
            if !made.iter().any(|known| known.id == plan.id) {
                made.push(plan);
            }
        }
        Ok(made)
    })?;
    view::plans(&made, settings.format, env)?;
    Ok(ExitCode::Clean)
}

/// Lists plans, the most urgent first.
///
/// # Errors
/// A store that can't be read.
pub fn list(settings: &RotateSettings, state: Option<&str>, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let (found, stopped) = settings.with_store(env, |store| {
        Ok(store.borrow_mut().read(|tx| {
            let ids = plans::list(tx, state, 10_000)?;
            let found = ids.iter().map(|id| read(tx, id)).collect::<Result<Vec<_>, PlanError>>()?;
            Ok::<_, PlanError>((found, journal::stop_reason(tx)?))
        })?)
    })?;
    view::list(&found, stopped.as_deref(), settings.format, env)?;
    Ok(ExitCode::Clean)
}

/// A plan as it is to be shown: one that waited for too long is noted as expired when it is next asked for, and is so already.
fn read(tx: &mut Transaction<'_>, id: &str) -> Result<StoredPlan, PlanError> {
    let mut plan = plans::read(tx, id)?;
    if plan.expires_ms <= tx.now() && matches!(plan.state.as_str(), "awaiting_approval" | "approved") {
        "expired".clone_into(&mut plan.state);
    }
    Ok(plan)
}

/// Shows a plan, with its run.
///
/// # Errors
/// A store that can't be read, an id that no plan has.
pub fn show(settings: &RotateSettings, id: &str, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let (plan, steps) = settings.with_store(env, |store| {
        let plan = store.borrow_mut().read(|tx| read(tx, id))?;
        let mut journal = journal::StoreJournal { store, policy: &Policy::default(), destination: String::new() };
        let steps = match &plan.run {
            Some(run) => crate::rotate::Journal::steps(&mut journal, run)?,
            None => Vec::new(),
        };
        Ok((plan, steps))
    })?;
    view::plan(&plan, &steps, settings.format, env)?;
    Ok(ExitCode::Clean)
}

/// Approves or rejects the plan with exactly that hash.
///
/// # Errors
/// See [`plans::decide`].
pub fn decide(
    settings: &RotateSettings,
    id: &str,
    hash: &str,
    decision: (Decision, Option<&str>),
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let state = settings.with_store(env, |store| {
        decision.1.map_or(Ok(()), |reason| gate::check_typed("--reason", reason, &mut store.borrow_mut(), env))?;
        Ok(store.borrow_mut().write(|tx| plans::decide(tx, id, hash, decision.0, decision.1))?)
    })?;
    output::write(None, env, &|out| writeln!(out, "plan {id} is {state}"))?;
    Ok(ExitCode::Clean)
}

/// Ticks a step of a run.
///
/// # Errors
/// A run or step that isn't there.
pub fn tick(
    settings: &RotateSettings,
    run: &str,
    step: u32,
    proof: &str,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    settings.with_store(env, |store| {
        gate::check_typed("--proof", proof, &mut store.borrow_mut(), env)?;
        Ok(store.borrow_mut().write(|tx| plans::tick(tx, run, step, proof))?)
    })?;
    output::write(None, env, &|out| writeln!(out, "step {step} of run {run} is ticked"))?;
    Ok(ExitCode::Clean)
}

fn check_reason(reason: &str) -> Result<(), CommandError> {
    if reason.trim().is_empty() { Err(CommandError::Choice("the reason is empty".to_owned())) } else { Ok(()) }
}

/// Cancels a plan of which nothing was done yet.
///
/// # Errors
/// See [`plans::cancel`].
pub fn cancel(
    settings: &RotateSettings,
    plan: &str,
    reason: &str,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    check_reason(reason)?;
    settings.with_store(env, |store| {
        gate::check_typed("--reason", reason, &mut store.borrow_mut(), env)?;
        Ok(store.borrow_mut().write(|tx| plans::cancel(tx, plan, reason))?)
    })?;
    output::write(None, env, &|out| writeln!(out, "plan {plan} is cancelled"))?;
    Ok(ExitCode::Clean)
}

/// Takes back what the runs of plans did, as far as it goes now.
///
/// # Errors
/// A store that can't be written, a plan that was not begun.
pub fn roll_back(
    settings: &RotateSettings,
    run: &RunSettings,
    reason: &str,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    check_reason(reason)?;
    execute::roll_back(settings, run, reason, env)
}

/// Throws the kill switch (with a reason), or takes it back (`None`).
///
/// # Errors
/// A store that can't be written.
pub fn stop(settings: &RotateSettings, reason: Option<&str>, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    reason.map_or(Ok(()), check_reason)?;
    settings.with_store(env, |store| {
        reason.map_or(Ok(()), |reason| gate::check_typed("--reason", reason, &mut store.borrow_mut(), env))?;
        Ok(store.borrow_mut().write(|tx| journal::stop(tx, reason))?)
    })?;
    let said = if reason.is_some() { "stopped: no run begins or goes on" } else { "rotation may go on" };
    output::write(None, env, &|out| writeln!(out, "{said}"))?;
    Ok(ExitCode::Clean)
}

/// Carries approved plans out as far as they go now. Dry unless told otherwise.
///
/// # Errors
/// A store, policy or rotator that can't be used.
pub fn run(settings: &RotateSettings, run: &RunSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    execute::run(settings, run, env)
}

/// Sends what is in the outbox and due; with `again` also what waits for its time, or was given up.
///
/// # Errors
/// A store that can't be written, an address that must not be reached.
pub fn deliver(
    settings: &RotateSettings,
    receiver: &Receiver,
    again: bool,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let delivered = settings.with_store(env, |store| {
        if again {
            store.borrow_mut().write(|tx| deliver::again(tx, &receiver.name))?;
        }
        deliver::deliver(store, receiver, env)
    })?;
    deliver::say(&delivered, env)?;
    Ok(if delivered.dead > 0 { ExitCode::Findings } else { ExitCode::Clean })
}
