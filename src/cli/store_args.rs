//! What may be typed of the verbs that need a store, and the settings made of it.

use std::{path::PathBuf, time::UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    commands::{
        self, CommandError, Env, ExitCode,
        findings::{ChangeSettings, ImportSettings, ListSettings, RecordSettings, ShowFormat},
        store::StoreChoice,
        table::TableFormat,
    },
    model::{Severity, identity::Timestamp},
    store::{FindingFilter, FindingState, StateChange},
};

#[derive(Clone, Debug, Args)]
pub(super) struct StoreArgs {
    /// The store: a path, or postgres://user@host/database. Default: UNLEAK_STORE, else
    /// ~/.local/state/unleak/store.db.
    #[arg(long, value_name = "STORE", global = true)]
    pub(super) store: Option<String>,
    /// Who acts, for the audit log. Default: UNLEAK_ACTOR, else whom the CI system names, else the user.
    #[arg(long, value_name = "NAME", global = true)]
    actor: Option<String>,
}

impl StoreArgs {
    pub(super) fn choice(&self) -> StoreChoice {
        StoreChoice { place: self.store.clone(), actor: self.actor.clone() }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(super) struct RecordArgs {
    /// Record the scan in the store: --store, or --store=STORE for another than the usual one.
    #[arg(long, value_name = "STORE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) store: Option<String>,
    /// What to call what is scanned in the store, wherever it is checked out. Default: its path.
    #[arg(long, value_name = "NAME", requires = "store")]
    pub(super) source: Option<String>,
    /// File with the fingerprint key of former scans: findings known under it get fingerprints of the present key.
    #[arg(long, value_name = "FILE", requires = "store")]
    pub(super) former_fingerprint_key: Option<PathBuf>,
}

impl RecordArgs {
    pub(super) fn settings(&self) -> Option<RecordSettings> {
        let place = self.store.as_ref()?;
        Some(RecordSettings {
            store: StoreChoice { place: Some(place.clone()).filter(|place| !place.is_empty()), actor: None },
            source: self.source.clone(),
            former_key: self.former_fingerprint_key.clone(),
        })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Make a store.
    Init(StoreArgs),
    /// Say where the store is, how new its schema is, and what is in it.
    Status(StoreArgs),
    /// Bring the store to the schema of this version.
    Migrate(StoreArgs),
    /// Copy the store to a file, consistent while others write.
    Backup {
        /// The file, which must not exist.
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Make a store of a backup, where there is none.
    Restore {
        /// The backup.
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Check files, references, invariants, the audit log, and that no secret stands in clear.
    Doctor(StoreArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Recompute the chain and check every signature.
    Verify {
        /// Trust this public key (64 hexadecimal digits; may be given more than once). Default: your own.
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Sign the end of the log if nobody did, once everything before it has been checked.
    Sign(StoreArgs),
    /// Write all events as JSON lines.
    Export(StoreArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum FindingsCommand {
    /// List findings, the riskiest first.
    List(Box<ListArgs>),
    /// Show a finding and its places.
    Show {
        /// Its id or fingerprint, or how one of them begins.
        finding: String,
        /// How to show it.
        #[arg(short, long, value_enum, default_value_t = ShowFormatArg::Text)]
        format: ShowFormatArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Say that findings are none, or don't matter.
    Dismiss {
        #[command(flatten)]
        change: ChangeArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Until when: 2027-01-31, 90d, 12w. Default: for good.
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
    },
    /// Accept the risk of findings until a day.
    Except {
        #[command(flatten)]
        change: ChangeArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Until when: 2027-01-31, 90d, 12w.
        #[arg(long, value_name = "DATE")]
        until: String,
    },
    /// Open findings again.
    Reopen {
        #[command(flatten)]
        change: ChangeArgs,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Say that findings are dealt with: their credentials are dead.
    Resolve {
        #[command(flatten)]
        change: ChangeArgs,
        /// How that is known.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Take in a report that another machine made with --format jsonl.
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// In this state (may be given more than once).
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    states: Vec<FindingState>,
    /// Of this severity or a higher one.
    #[arg(long, value_name = "SEVERITY")]
    min_severity: Option<Severity>,
    /// Of this rule, or of all rules of this provider.
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// With this public id.
    #[arg(long, value_name = "ID")]
    public_id: Option<String>,
    /// In this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// In a path with this text in it.
    #[arg(long, value_name = "TEXT")]
    path: Option<String>,
    /// First seen on this day or later.
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only findings that stand somewhere.
    #[arg(long, conflicts_with = "gone")]
    present: bool,
    /// Only findings that stand nowhere any more.
    #[arg(long)]
    gone: bool,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// How to write the list.
    #[arg(short, long, value_enum, default_value_t = TableFormatArg::Table)]
    format: TableFormatArg,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    /// Ids or fingerprints, or how they begin.
    #[arg(required = true, value_name = "FINDING")]
    findings: Vec<String>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The report; - is standard input.
    report: PathBuf,
    /// What to call what was scanned.
    #[arg(long, value_name = "NAME")]
    source: String,
    /// Names the fingerprint key of the report.
    #[arg(long, value_name = "ID", default_value = "imported")]
    key_id: String,
    /// The report is of everything in the source: what it lacks is gone.
    #[arg(long)]
    complete: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TableFormatArg {
    Table,
    Json,
    Csv,
}

impl From<TableFormatArg> for TableFormat {
    fn from(format: TableFormatArg) -> Self {
        match format {
            TableFormatArg::Table => TableFormat::Table,
            TableFormatArg::Json => TableFormat::Json,
            TableFormatArg::Csv => TableFormat::Csv,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ShowFormatArg {
    Text,
    Json,
}

fn state(name: &str) -> Result<FindingState, String> {
    FindingState::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = FindingState::ALL.iter().map(|state| state.as_str()).collect();
        format!("use one of {}", names.join(", "))
    })
}

pub(super) fn run_store(command: StoreCommand, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    match command {
        StoreCommand::Init(store) => commands::store::init(&store.choice(), env),
        StoreCommand::Status(store) => commands::store::status(&store.choice(), env),
        StoreCommand::Migrate(store) => commands::store::migrate(&store.choice(), env),
        StoreCommand::Backup { file, store } => commands::store::backup(&store.choice(), &file, env),
        StoreCommand::Restore { file, store } => commands::store::restore(&store.choice(), &file, env),
        StoreCommand::Doctor(store) => commands::store::doctor(&store.choice(), env),
    }
}

pub(super) fn run_audit(command: AuditCommand, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    match command {
        AuditCommand::Verify { keys, store } => commands::audit::verify(&store.choice(), &keys, env),
        AuditCommand::Sign(store) => commands::audit::sign(&store.choice(), env),
        AuditCommand::Export(store) => commands::audit::export(&store.choice(), env),
    }
}

pub(super) fn run_findings(command: FindingsCommand, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    use FindingState::{Dismissed, Excepted, Open, Resolved};
    match command {
        FindingsCommand::List(args) => commands::findings::list(&list_settings(*args)?, env),
        FindingsCommand::Show { finding, format, store } => {
            let format = match format {
                ShowFormatArg::Text => ShowFormat::Text,
                ShowFormatArg::Json => ShowFormat::Json,
            };
            commands::findings::show(&store.choice(), &finding, format, env)
        }
        FindingsCommand::Dismiss { change, reason, until } => {
            let until = until.map(|until| moment(&until, env)).transpose()?;
            run_change(change, Dismissed, Some(reason), until, env)
        }
        FindingsCommand::Except { change, reason, until } => {
            let until = moment(&until, env)?;
            run_change(change, Excepted, Some(reason), Some(until), env)
        }
        FindingsCommand::Reopen { change, reason } => run_change(change, Open, reason, None, env),
        FindingsCommand::Resolve { change, reason } => run_change(change, Resolved, reason, None, env),
        FindingsCommand::Import(args) => {
            let settings = ImportSettings {
                store: args.store.choice(),
                report: args.report,
                source: args.source,
                key_id: args.key_id,
                complete: args.complete,
            };
            commands::findings::import(&settings, env)
        }
    }
}

fn run_change(
    args: ChangeArgs,
    to: FindingState,
    reason: Option<String>,
    until_ms: Option<i64>,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    if reason.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        return Err(CommandError::Choice("the reason is empty".to_owned()));
    }
    let change = StateChange { to, reason, until_ms };
    commands::findings::change(&ChangeSettings { store: args.store.choice(), names: args.findings, change }, env)
}

fn list_settings(args: ListArgs) -> Result<ListSettings, CommandError> {
    let since = args.since.as_deref().map(|since| {
        Timestamp::parse(since).ok_or_else(|| CommandError::Choice("write the day as 2027-01-31".to_owned()))
    });
    Ok(ListSettings {
        store: args.store.choice(),
        filter: FindingFilter {
            states: args.states,
            min_severity: args.min_severity,
            rule: args.rule,
            public_id: args.public_id,
            present: match (args.present, args.gone) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            source: args.source,
            path: args.path,
            first_seen_from: since.transpose()?.map(|since| since.millis),
        },
        limit: args.limit,
        format: args.format.into(),
    })
}

const DAY_MS: i64 = 86_400_000;

/// A moment to come: a day (to its end, in UTC), a time, or a number of days or weeks from now.
fn moment(text: &str, env: &Env<'_>) -> Result<i64, CommandError> {
    let now = (env.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let in_days = |digits: &str, days: i64| {
        let count = digits.parse::<i64>().ok().filter(|count| (1..=36_500).contains(count))?;
        Some(now + count * days * DAY_MS)
    };
    let moment = match text.as_bytes() {
        [.., b'd'] => in_days(&text[..text.len() - 1], 1),
        [.., b'w'] => in_days(&text[..text.len() - 1], 7),
        _ => {
            Timestamp::parse(text).map(|time| if text.trim().len() == 10 { time.millis + DAY_MS } else { time.millis })
        }
    };
    match moment {
        Some(moment) if moment > now => Ok(moment),
        Some(_) => Err(CommandError::Choice(format!("{text} is over already"))),
        None => Err(CommandError::Choice("write the time as 2027-01-31, 90d or 12w".to_owned())),
    }
}
