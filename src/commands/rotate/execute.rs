//! Runs: approved plans carried out, as far as they go now.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use super::super::{CommandError, Env, ExitCode, fingerprint_key, gate, output};
use super::{Receiver, RotateSettings, deliver};
use crate::{
    engine::{FingerprintKey, Scanner, ScannerOptions},
    model::Secret,
    rotate::{
        Means, PlanError, Policy, Progress, Rotator, StoreJournal, StoredPlan, StoredWorld, Subject, advance, journal,
        plans,
        rotator::{CommandRotator, ManualRotator, WebhookRotator, World},
    },
    store::{Store, StoreError, Transaction},
};

/// What carries plans out, with what it needs.
#[derive(Clone, Debug)]
pub enum RotatorChoice {
    /// People.
    Manual,
    /// Another system, told by an event.
    Webhook(Box<Receiver>),
    /// A program.
    Command {
        /// Its absolute path.
        program: PathBuf,
        /// Arguments before verb and op.
        arguments: Vec<OsString>,
        /// How long it may take for a step.
        timeout: Duration,
    },
}

impl RotatorChoice {
    /// The name by which plans ask for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            RotatorChoice::Manual => "manual",
            RotatorChoice::Webhook(_) => "webhook",
            RotatorChoice::Command { .. } => "command",
        }
    }
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Ids of plans; every approved or running one of this rotator if empty.
    pub plans: Vec<String>,
    /// Really? Else it only says what it would do.
    pub execute: bool,
    /// What carries them out.
    pub rotator: RotatorChoice,
}

pub(super) fn run(settings: &RotateSettings, run: &RunSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    carry_all(settings, run, Way::Forward, env)
}

/// Takes back what the runs of plans did.
pub(super) fn roll_back(
    settings: &RotateSettings,
    run: &RunSettings,
    reason: &str,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    carry_all(settings, run, Way::Back(reason), env)
}

/// Which way a run is taken.
#[derive(Clone, Copy)]
enum Way<'r> {
    Forward,
    /// And why.
    Back(&'r str),
}

fn carry_all(
    settings: &RotateSettings,
    run: &RunSettings,
    way: Way<'_>,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let policy = settings.policy()?;
    let (lines, manual) = settings.with_store(env, |store| {
        if let Way::Back(reason) = way {
            gate::check_typed("--reason", reason, &mut store.borrow_mut(), env)?;
        }
        let chosen = store.borrow_mut().read(|tx| chosen(tx, run))?;
        let mut lines = Vec::new();
        if chosen.is_empty() {
            lines.push(store.borrow_mut().read(|tx| nothing_chosen(tx, run))?);
        }
        let stopped = store.borrow_mut().read(journal::stop_reason)?;
        let mut manual = 0;
        for plan in chosen {
            let line = if run.execute {
                carry_out(store, &plan, run, (&policy, way), env)?
            } else {
                let frozen = journal::frozen(&policy, plan.plan.strategy, now_ms(env));
                let tried = store.borrow_mut().read(|tx| tried(tx, &plan))?;
                dry(&plan, (way, &tried), stopped.as_ref().or(frozen.as_ref()))
            };
            manual += u32::from(line.1);
            lines.push(line.0);
        }
        if let (true, RotatorChoice::Webhook(receiver)) = (run.execute, &run.rotator) {
            let sent = deliver::deliver(store, receiver, env)?;
            lines.extend(deliver::lines(&sent));
            manual += sent.dead;
        }
        Ok((lines, manual))
    })?;
    output::write(None, env, &|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(if manual > 0 { ExitCode::Findings } else { ExitCode::Clean })
}

fn chosen(tx: &mut Transaction<'_>, run: &RunSettings) -> Result<Vec<StoredPlan>, PlanError> {
    if !run.plans.is_empty() {
        return run.plans.iter().map(|id| plans::read(tx, id)).collect();
    }
    let mut chosen = Vec::new();
    for state in ["running", "approved"] {
        for id in plans::list(tx, Some(state), 10_000)? {
            let plan = plans::read(tx, &id)?;
            if plan.plan.rotator == run.rotator.name() {
                chosen.push(plan);
            }
        }
    }
    Ok(chosen)
}

/// Why there is nothing to carry out.
fn nothing_chosen(tx: &mut Transaction<'_>, run: &RunSettings) -> Result<String, PlanError> {
    let mut others = BTreeSet::new();
    for state in ["running", "approved"] {
        for id in plans::list(tx, Some(state), 10_000)? {
            others.insert(plans::read(tx, &id)?.plan.rotator);
        }
    }
    let name = run.rotator.name();
    Ok(match others.into_iter().collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => {
            "no plan is approved: there is nothing to carry out (`unleak rotate list`)".to_owned()
        }
        others => format!("no approved plan is for the rotator {name}, but there are some for {others} (--rotator)"),
    })
}

/// What would be done, and what keeps it from being done now.
fn dry(plan: &StoredPlan, (way, tried): (Way<'_>, &BTreeSet<u32>), halted: Option<&String>) -> (String, bool) {
    if matches!(way, Way::Back(_)) && plan.run.is_none() {
        return (not_begun(plan), true);
    }
    let (verb, mut steps): (_, Vec<_>) = match way {
        Way::Forward => ("do", plan.plan.steps.iter().map(|step| (step, step.call.clone())).collect()),
        Way::Back(_) => {
            let back =
                |step: &crate::rotate::Step| step.undo.clone().unwrap_or_else(|| format!("take back: {}", step.call));
            let left =
                |step: &&crate::rotate::Step| crate::rotate::run::leaves(step.op) && tried.contains(&step.number);
            let steps = plan.plan.steps.iter().filter(left);
            ("take back, of what was tried", steps.map(|step| (step, back(step))).collect())
        }
    };
    if matches!(way, Way::Back(_)) {
        steps.reverse();
    }
    let mut text = format!("plan {} ({}) would {verb}, with --execute:", plan.id, plan.state);
    if steps.is_empty() {
        text.push_str("\n  nothing: no step that leaves anything was tried");
    }
    for (step, call) in steps {
        text.push_str(&format!("\n  {:2} {:11} {call}", step.number, step.op.as_str()));
    }
    if let Some(why) = halted {
        text.push_str(&format!("\n  ! nothing of it now: rotation is {why}"));
    }
    (text, false)
}

/// The steps of a plan's run that were tried, or that a person says were done.
fn tried(tx: &mut Transaction<'_>, plan: &StoredPlan) -> Result<BTreeSet<u32>, StoreError> {
    let Some(run) = &plan.run else { return Ok(BTreeSet::new()) };
    let rows = tx.query("SELECT n FROM run_step WHERE run_id = $1 AND attempts > 0", &[run.into()])?;
    let numbers = rows.iter().map(|row| Ok(u32::try_from(row.get::<i64>(0)?).unwrap_or_default()));
    let mut tried = numbers.collect::<Result<BTreeSet<_>, StoreError>>()?;
    let world = StoredWorld::read(tx, run, &plan.plan.subject.credential)?;
    let ticked = plan.plan.steps.iter().map(|step| step.number).filter(|number| world.tick(run, *number).is_some());
    tried.extend(ticked);
    Ok(tried)
}

fn not_begun(plan: &StoredPlan) -> String {
    format!("plan {} was not begun: `unleak rotate cancel` is enough", plan.id)
}

/// One line about how far the run came, and whether a person must act.
fn carry_out(
    store: &RefCell<Store<'_>>,
    stored: &StoredPlan,
    run: &RunSettings,
    (policy, way): (&Policy, Way<'_>),
    env: &Env<'_>,
) -> Result<(String, bool), CommandError> {
    if stored.plan.rotator != run.rotator.name() {
        let (asked, given) = (&stored.plan.rotator, run.rotator.name());
        return Ok((format!("plan {} is for the rotator {asked}, not for {given}", stored.id), true));
    }
    let begun = match (way, &stored.run) {
        (Way::Forward, _) => store.borrow_mut().write(|tx| plans::begin(tx, &stored.id, policy)),
        (Way::Back(_), Some(run)) => Ok(run.clone()),
        (Way::Back(_), None) => {
            return Ok((not_begun(stored), true));
        }
    };
    let id = match begun {
        Ok(id) => id,
        Err(PlanError::Store(error)) => return Err(error.into()),
        Err(refused @ PlanError::State { .. }) => return Ok((refused.to_string(), true)),
        Err(refused) => return Ok((format!("plan {}: {refused}", stored.id), true)),
    };
    let (record, world) = store.borrow_mut().read(|tx| {
        let record = journal::read_run(tx, &id)?;
        let record = record.ok_or_else(|| StoreError::Missing(format!("run {id} is gone")))?;
        let world = StoredWorld::read(tx, &id, &record.plan.subject.credential)?;
        Ok::<_, StoreError>((record, world))
    })?;
    let mut record = record;
    let destination = match &run.rotator {
        RotatorChoice::Webhook(receiver) => receiver.name.clone(),
        _ => String::from("none"),
    };
    let mut journal = StoreJournal { store, policy, destination };
    let now_ms = now_ms(env);
    let mut chance = |limit: u64| {
        let mut bytes = [0; 8];
        if (env.random)(&mut bytes).is_err() { limit - 1 } else { u64::from_le_bytes(bytes) % limit }
    };
    let mut go = |rotator: &dyn Rotator| {
        let means = Means { rotator, world: &world };
        match way {
            Way::Forward => advance(&mut record, &mut journal, means, now_ms, &mut chance),
            Way::Back(reason) => {
                crate::rotate::roll_back(&mut record, &mut journal, means, (now_ms, reason), &mut chance)
            }
        }
    };
    let progress = match &run.rotator {
        RotatorChoice::Manual => go(&ManualRotator),
        RotatorChoice::Webhook(receiver) => go(&WebhookRotator { source: format!("/unleak/{}", receiver.name) }),
        RotatorChoice::Command { program, arguments, timeout } => go(&CommandRotator {
            program: program.clone(),
            arguments: arguments.clone(),
            timeout: *timeout,
            secret_of: &|subject| reread(store, subject, env),
            environment: environment(env),
        }),
    }?;
    Ok(said(&id, &progress))
}

fn now_ms(env: &Env<'_>) -> i64 {
    let now = (env.now)().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

fn environment(env: &Env<'_>) -> Vec<(&'static str, OsString)> {
    ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, (env.var)(name)?))).collect()
}

/// How many places a leaked credential is looked for at.
const PLACES: i64 = 20;

/// Reads a leaked credential again where it was found: it is kept nowhere. Only what has the finding's fingerprint is it. Its
/// path is tried as it was typed, and below the directory that was scanned, wherever this runs.
fn reread(store: &RefCell<Store<'_>>, subject: &Subject, env: &Env<'_>) -> Option<Secret> {
    // While a step is carried out no transaction is open, so the store can be asked.
    let places = store.borrow_mut().read(|tx| {
        let rows = tx.query(
            "SELECT f.rule_id, f.fp, o.locator, s.kind, s.scope, o.path FROM finding AS f
             JOIN occurrence AS o ON o.finding_id = f.id JOIN source AS s ON s.id = o.source_id
             WHERE f.credential_id = $1 AND o.present AND o.kind = 'file' ORDER BY f.id, o.locator_key LIMIT $2",
            &[(&subject.credential).into(), PLACES.into()],
        )?;
        let place = |row: &crate::store::Row| {
            let locator: serde_json::Value = row.get(2)?;
            let typed = locator["path"].as_str().or_else(|| locator["provenance"]["path"].as_str()).map(PathBuf::from);
            let mut paths: Vec<PathBuf> = typed.into_iter().collect();
            if row.get::<String>(3)? == "files" {
                let root = PathBuf::from(row.get::<String>(4)?);
                let below = row.get::<Option<String>>(5)?.filter(|path| !path.is_empty());
                paths.push(below.map_or_else(|| root.clone(), |path| root.join(path)));
            }
            Ok::<_, StoreError>((row.get::<String>(0)?, row.get::<String>(1)?, paths))
        };
        rows.iter().map(place).collect::<Result<Vec<_>, _>>()
    });
    let key = fingerprint_key::read(None, env).ok()?;
    let found = |(rule, fp, paths): (String, String, Vec<PathBuf>)| {
        paths.iter().find_map(|path| found_again(&rule, &fp, path, &key))
    };
    places.ok()?.into_iter().find_map(found)
}

fn found_again(rule: &str, fp: &str, path: &Path, key: &FingerprintKey) -> Option<Secret> {
    let rules = crate::rule::builtin().iter().filter(|known| known.meta.id == rule).cloned().collect();
    let bytes = std::fs::read(path).ok()?;
    let scanner = Scanner::new(rules, &ScannerOptions::default());
    let report = scanner.scan_bytes(&path.to_string_lossy(), &bytes);
    let mut secrets = report.findings.into_iter().map(|finding| finding.secret);
    secrets.find(|secret| key.fingerprint(rule, secret).to_string() == fp)
}

fn said(run: &str, progress: &Progress) -> (String, bool) {
    match progress {
        Progress::Done => (format!("run {run}: done, the old credential is proven dead"), false),
        Progress::Waiting(what, Some(until)) => {
            let until = jiff::Timestamp::from_millisecond(*until).map_or_else(|_| until.to_string(), |t| t.to_string());
            (format!("run {run}: waits until {until}: {what}"), false)
        }
        Progress::Waiting(what, None) => (format!("run {run}: waits: {what}"), false),
        Progress::Manual(what) => (format!("run {run}: a person must act: {what}"), true),
        Progress::Stopped(why) => (format!("run {run}: {why}"), true),
        Progress::RolledBack => (format!("run {run}: taken back, the old credential is what it was"), false),
    }
}
