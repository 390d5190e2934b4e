//! What may be typed about links and rotation, and what it means.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::store_args::StoreArgs;
use crate::{
    commands::{
        Env, ExitCode,
        link::{self, LinkSettings, Say, ShadowDecision},
        rotate::{self, PlanChoice, Receiver, RotateFormat, RotateSettings, RotatorChoice, RunSettings},
    },
    rotate::{Decision, guard::Reach, signature::SigningKey},
};

/// The variable that holds the webhook's signing keys, separated by spaces.
const KEY_VARIABLE: &str = "UNLEAK_WEBHOOK_KEY";

/// What all verbs about links and rotation take.
#[derive(Debug, Args)]
pub(super) struct IdentityArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Write JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl IdentityArgs {
    fn link(&self) -> LinkSettings {
        LinkSettings { store: self.store.choice(), json: self.json }
    }
}

#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    #[command(flatten)]
    store: IdentityArgs,
    /// Say that a finding is a copy of a credential, or belongs to an identity.
    #[arg(long, num_args = 2, value_names = ["FINDING", "ID"], conflicts_with = "reject")]
    confirm: Option<Vec<String>>,
    /// Say that a finding has nothing to do with a credential or identity.
    #[arg(long, num_args = 2, value_names = ["FINDING", "ID"])]
    reject: Option<Vec<String>>,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    store: IdentityArgs,
    /// A finding, by its id or fingerprint.
    finding: String,
}

#[derive(Debug, Args)]
pub(super) struct ShadowArgs {
    #[command(flatten)]
    store: IdentityArgs,
    #[command(subcommand)]
    command: ShadowCommand,
}

#[derive(Debug, Subcommand)]
enum ShadowCommand {
    /// List the proposed identities, with who is thought to answer for them and why.
    List,
    /// It is real: it becomes part of the inventory.
    Accept {
        /// The proposed identity.
        identity: String,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
    },
    /// It is one that is known.
    Merge {
        /// The proposed identity.
        identity: String,
        /// The one that it is.
        into: String,
    },
    /// It is none of ours. It is not proposed again.
    Dismiss {
        /// The proposed identity.
        identity: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    store: IdentityArgs,
    /// Deadlines, approvals, freeze windows and caps. docs/rotation.md has the keys.
    #[arg(long, value_name = "FILE", global = true)]
    policy: Option<PathBuf>,
    #[command(subcommand)]
    command: RotateCommand,
}

#[derive(Debug, Subcommand)]
enum RotateCommand {
    /// Plan the rotation of credentials. Nothing of it is carried out.
    Plan {
        /// Credentials, or findings linked to them.
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// Every credential with an open finding that is linked with certainty.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// What is to carry it out.
        #[arg(long, value_enum, default_value_t = RotatorName::Manual)]
        rotator: RotatorName,
    },
    /// List plans, the most urgent first.
    List {
        /// Only those in this state.
        #[arg(long, value_parser = PLAN_STATES)]
        state: Option<String>,
    },
    /// Show a plan and how far its run is.
    Show {
        /// The plan.
        plan: String,
    },
    /// Approve the plan with exactly this hash.
    Approve(DecideArgs),
    /// Reject it.
    Reject(DecideArgs),
    /// Carry approved plans out, as far as they go now. Says what it would do, unless --execute is given.
    Run(RunArgs),
    /// Tick a step of a run: it is done, and this shows it.
    Tick {
        /// The run.
        run: String,
        /// The number of the step.
        step: u32,
        /// What shows that it is done.
        #[arg(long)]
        proof: String,
    },
    /// Cancel a plan of which nothing was done yet.
    Cancel {
        /// The plan.
        plan: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Take back what the run of a plan did, the last step first. Says what it would do, unless --execute is given.
    Rollback {
        /// The plan.
        plan: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        means: MeansArgs,
    },
    /// Send the events that wait to be sent.
    Deliver {
        #[command(flatten)]
        webhook: WebhookArgs,
        /// Those that wait for their time, or were given up, as well.
        #[arg(long)]
        again: bool,
    },
    /// Stop all rotation: no run begins or goes on.
    Stop {
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let rotation go on.
    Resume,
}

#[derive(Debug, Args)]
struct DecideArgs {
    /// The plan.
    plan: String,
    /// Its hash, as `show` prints it.
    #[arg(long)]
    hash: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Plans; all that can go on, if none is given.
    plans: Vec<String>,
    #[command(flatten)]
    means: MeansArgs,
}

#[derive(Debug, Args)]
struct MeansArgs {
    /// Do it.
    #[arg(long)]
    execute: bool,
    /// What carries it out.
    #[arg(long, value_enum, default_value_t = RotatorName::Manual)]
    rotator: RotatorName,
    #[command(flatten)]
    webhook: WebhookArgs,
    /// The program of the rotator `command`, and its arguments: everything behind it is the program's.
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    command: Vec<OsString>,
    /// How long the program may take for a step.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    command_timeout: u64,
}

#[derive(Debug, Args)]
struct WebhookArgs {
    /// Address of the receiver of events. Keys that sign are in the variable UNLEAK_WEBHOOK_KEY (`whsec_…`, several with spaces).
    #[arg(long, value_name = "URL", env = "UNLEAK_WEBHOOK_URL", hide_env_values = true)]
    webhook: Option<String>,
    /// Name of the receiver in the outbox.
    #[arg(long, value_name = "NAME", default_value = "rotation")]
    receiver: String,
    /// Allow addresses in private networks and http://.
    #[arg(long)]
    webhook_private: bool,
    /// How long one attempt may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    webhook_timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RotatorName {
    /// A checklist with proofs to tick.
    Manual,
    /// One signed event per credential to a system that rotates it.
    Webhook,
    /// A program of yours, called once per step.
    Command,
}

impl RotatorName {
    fn as_str(self) -> &'static str {
        match self {
            RotatorName::Manual => "manual",
            RotatorName::Webhook => "webhook",
            RotatorName::Command => "command",
        }
    }
}

impl WebhookArgs {
    fn receiver(&self, env: &Env<'_>) -> anyhow::Result<Receiver> {
        let address = self.webhook.clone().context("the rotator `webhook` needs --webhook URL")?;
        let keys = (env.var)(KEY_VARIABLE).and_then(|keys| keys.into_string().ok()).unwrap_or_default();
        let keys = keys.split_whitespace().map(SigningKey::parse).collect::<Result<Vec<_>, _>>();
        let keys = keys.with_context(|| format!("{KEY_VARIABLE} can't be used"))?;
        if keys.is_empty() {
            bail!("events are signed: set {KEY_VARIABLE} to `whsec_` and 24 to 64 bytes of base64");
        }
        Ok(Receiver {
            name: self.receiver.clone(),
            address,
            reach: if self.webhook_private { Reach::Private } else { Reach::Public },
            keys,
            timeout: Duration::from_secs(self.webhook_timeout.max(1)),
        })
    }
}

/// Options of ours that no program for steps has a use for.
/// The states of plans, as the store has them.
const PLAN_STATES: [&str; 7] = ["draft", "awaiting_approval", "approved", "running", "done", "cancelled", "expired"];

const OURS: &[&str] = &["--execute", "--rotator", "--policy", "--store", "--actor", "--command-timeout", "--reason"];

impl MeansArgs {
    fn rotator(&self, env: &Env<'_>) -> anyhow::Result<RotatorChoice> {
        Ok(match self.rotator {
            RotatorName::Manual => RotatorChoice::Manual,
            RotatorName::Webhook => RotatorChoice::Webhook(Box::new(self.webhook.receiver(env)?)),
            RotatorName::Command => {
                let (program, arguments) =
                    self.command.split_first().context("the rotator `command` needs --command PROGRAM")?;
                let program = PathBuf::from(program);
                if !program.is_absolute() {
                    bail!("{}: say the program by its absolute path", program.display());
                }
                // Whoever writes `--command PROGRAM --execute` would get a dry run, and a program with an argument too many.
                if let Some(ours) = arguments.iter().find(|argument| OURS.iter().any(|ours| *argument == ours)) {
                    let ours = ours.display();
                    bail!(
                        "`{ours}` stands behind --command, where everything is the program's: write it before --command"
                    );
                }
                let timeout = Duration::from_secs(self.command_timeout.max(1));
                RotatorChoice::Command { program, arguments: arguments.to_vec(), timeout }
            }
        })
    }
}

pub(super) fn link(args: &LinkArgs, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    let settings = args.store.link();
    for (word, pair) in [(Say::Confirm, &args.confirm), (Say::Reject, &args.reject)] {
        if let Some([finding, target]) = pair.as_deref() {
            return Ok(link::say(&settings, word, (finding, target), &args.reason, env)?);
        }
    }
    Ok(link::link(&settings, env)?)
}

pub(super) fn explain(args: &ExplainArgs, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    Ok(link::explain(&args.store.link(), &args.finding, env)?)
}

pub(super) fn shadow(args: &ShadowArgs, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    let settings = args.store.link();
    let (identity, decision) = match &args.command {
        ShadowCommand::List => return Ok(link::proposed(&settings, env)?),
        ShadowCommand::Accept { identity, name } => (identity, ShadowDecision::Accept(name.clone())),
        ShadowCommand::Merge { identity, into } => (identity, ShadowDecision::Merge(into.clone())),
        ShadowCommand::Dismiss { identity, reason } => (identity, ShadowDecision::Dismiss(reason.clone())),
    };
    Ok(link::decide(&settings, identity, &decision, env)?)
}

pub(super) fn rotate(args: &RotateArgs, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    let settings = RotateSettings {
        store: args.store.store.choice(),
        policy: args.policy.clone(),
        format: if args.store.json { RotateFormat::Json } else { RotateFormat::Text },
    };
    Ok(match &args.command {
        RotateCommand::Plan { ids, all, rotator } => {
            let choice = if *all { PlanChoice::All } else { PlanChoice::Ids(ids.clone()) };
            rotate::plan(&settings, &choice, rotator.as_str(), env)?
        }
        RotateCommand::List { state } => rotate::list(&settings, state.as_deref(), env)?,
        RotateCommand::Show { plan } => rotate::show(&settings, plan, env)?,
        RotateCommand::Approve(args) => {
            rotate::decide(&settings, &args.plan, &args.hash, (Decision::Approve, args.reason.as_deref()), env)?
        }
        RotateCommand::Reject(args) => {
            rotate::decide(&settings, &args.plan, &args.hash, (Decision::Reject, args.reason.as_deref()), env)?
        }
        RotateCommand::Run(args) => {
            let run = RunSettings {
                plans: args.plans.clone(),
                execute: args.means.execute,
                rotator: args.means.rotator(env)?,
            };
            rotate::run(&settings, &run, env)?
        }
        RotateCommand::Tick { run, step, proof } => rotate::tick(&settings, run, *step, proof, env)?,
        RotateCommand::Cancel { plan, reason } => rotate::cancel(&settings, plan, reason, env)?,
        RotateCommand::Rollback { plan, reason, means } => {
            let plans = vec![plan.clone()];
            let run = RunSettings { plans, execute: means.execute, rotator: means.rotator(env)? };
            rotate::roll_back(&settings, &run, reason, env)?
        }
        RotateCommand::Deliver { webhook, again } => {
            let receiver = webhook.receiver(env)?;
            rotate::deliver(&settings, &receiver, *again, env)?
        }
        RotateCommand::Stop { reason } => rotate::stop(&settings, Some(reason), env)?,
        RotateCommand::Resume => rotate::stop(&settings, None, env)?,
    })
}
