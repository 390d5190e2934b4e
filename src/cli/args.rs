//! What may be typed. No side effects: `settings` makes ready objects of it.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    commands::{eval::EvalFormat, rules::ListFormat, scan::Threshold},
    model::Severity,
};

/// Finds leaked credentials, says whose they are, and gets them rotated.
#[derive(Debug, Parser)]
#[command(name = "unleak", version, about, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// Is this a run that takes time, and is progress wanted?
    pub(super) fn wants_progress(&self) -> Option<Progress> {
        match &self.command {
            Command::Scan(args) if args.explain.is_none() => Some(args.output.progress),
            _ => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Scan files, directories or standard input.
    ///
    /// Exit code: 0 clean and complete, 1 findings, 2 could not run, 3 no findings but something was not scanned,
    /// 130 interrupted.
    Scan(Box<ScanArgs>),
    /// List, show or check rules.
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Measure precision and recall on a labelled corpus.
    ///
    /// Exit code: 0 at or above the floor in CORPUS/metrics.toml (or if there is none), 1 below it, 2 could not run.
    Eval(EvalArgs),
    /// Read exports of administrators: identities, credentials, owners, consumers.
    #[cfg(feature = "identity")]
    Inventory {
        #[command(subcommand)]
        command: super::inventory::InventoryCommand,
    },
    /// Make fingerprints of secrets where they live.
    #[cfg(feature = "identity")]
    Fingerprint(super::inventory::FingerprintArgs),
    /// Put unleak into the hooks of a git repository.
    Hook {
        #[command(subcommand)]
        command: HookCommand,
    },
    /// Link findings to inventoried credentials and identities.
    #[cfg(feature = "identity")]
    Link(super::identity::LinkArgs),
    /// Say why a finding is linked as it is, and what would settle it.
    #[cfg(feature = "identity")]
    Explain(super::identity::ExplainArgs),
    /// Decide on identities that findings propose.
    #[cfg(feature = "identity")]
    Shadow(super::identity::ShadowArgs),
    /// Plan, approve and carry out the rotation of credentials.
    #[cfg(feature = "identity")]
    Rotate(Box<super::identity::RotateArgs>),
    /// List findings of the store, dismiss, except, resolve or reopen them.
    #[cfg(feature = "identity")]
    Findings {
        #[command(subcommand)]
        command: super::store_args::FindingsCommand,
    },
    /// Write a page for each owner, identity or team: what leaked of theirs, and what is to be done.
    #[cfg(feature = "identity")]
    Report(Box<super::report::ReportArgs>),
    /// Make, check, migrate or copy the store.
    #[cfg(feature = "identity")]
    Store {
        #[command(subcommand)]
        command: super::store_args::StoreCommand,
    },
    /// Verify or export the audit log of the store.
    #[cfg(feature = "identity")]
    Audit {
        #[command(subcommand)]
        command: super::store_args::AuditCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum HookCommand {
    /// Install a hook. One that is there is kept and runs first.
    Install(HookArgs),
    /// Remove the hook and bring back what it replaced.
    Uninstall(HookArgs),
    /// Say which hooks unleak is in.
    Status {
        /// A directory in the repository.
        #[arg(default_value = ".")]
        path: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct HookArgs {
    /// A directory in the repository.
    #[arg(default_value = ".")]
    pub(super) path: PathBuf,
    /// Which hook.
    #[arg(long, value_enum, default_value_t = HookArg::Commit)]
    pub(super) hook: HookArg,
    /// Change a hooks directory that lies outside of the repository and may serve others, too.
    #[arg(long)]
    pub(super) global_hooks: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum HookArg {
    /// Scan what is staged before each commit.
    #[value(name = "pre-commit")]
    Commit,
    /// Scan commits that the remote hasn't got before each push.
    #[value(name = "pre-push")]
    Push,
    /// On a server: scan what is pushed before it is taken in.
    #[value(name = "pre-receive")]
    Receive,
}

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Directory with tree/CASE/labels.toml and tree/CASE/input/.
    pub(super) corpus: PathBuf,
    #[command(flatten)]
    pub(super) rules: RuleArgs,
    /// Report only findings with at least this score, 0 to 100.
    #[arg(long, value_name = "SCORE", default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) min_score: u8,
    /// How often each case is expanded, each time to other values.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) variants: u64,
    /// How to write the result.
    #[arg(long, value_enum, default_value_t = EvalFormatArg::Human)]
    pub(super) format: EvalFormatArg,
    /// Fit the generic model's points on half of the cases and write them to this file, instead of measuring.
    #[arg(long, value_name = "FILE")]
    pub(super) fit: Option<PathBuf>,
    /// Make the generic model's tables of spelling from the texts in this directory (may be given more than once).
    #[arg(long, value_name = "DIR", hide = true)]
    pub(super) lexicon: Vec<PathBuf>,
    /// Where those tables go.
    #[arg(long, value_name = "DIR", hide = true, default_value = "src/engine/generic")]
    pub(super) lexicon_dir: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum EvalFormatArg {
    Human,
    Json,
}

impl From<EvalFormatArg> for EvalFormat {
    fn from(format: EvalFormatArg) -> Self {
        match format {
            EvalFormatArg::Human => EvalFormat::Human,
            EvalFormatArg::Json => EvalFormat::Json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List the rules.
    List {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        rules: RuleArgs,
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = ListFormatArg::Table)]
        format: ListFormatArg,
    },
    /// Show one rule.
    Show {
        /// Its id, for example github.pat-classic.
        id: String,
        #[command(flatten)]
        rules: RuleArgs,
        /// How to write it.
        #[arg(long, value_enum, default_value_t = ListFormatArg::Table)]
        format: ListFormatArg,
    },
    /// Prove rule files by their own samples.
    Check {
        /// Rule files, or directories of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Prove the rules of files without mistakes even if others have some.
        #[arg(long)]
        keep_going: bool,
        /// Prove them by themselves, not beside the built-in rules.
        #[arg(long)]
        no_builtin_rules: bool,
    },
    /// Write the skeleton of a rule file, to be filled in.
    New {
        /// The rule's id, for example acme.api-key.
        id: String,
        /// Write it to this file, which must not exist yet.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Only rules whose id, name or provider holds this text.
    pub(super) text: Option<String>,
    /// Only rules of this provider, as in ids: github.
    #[arg(long)]
    pub(super) provider: Option<String>,
    /// Only rules of this kind: api-key, private-key and so on.
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// Only rules of this severity.
    #[arg(long)]
    pub(super) severity: Option<Severity>,
    /// Only rules of this shape: prefix, near, context, assignment or block.
    #[arg(long)]
    pub(super) shape: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ListFormatArg {
    Table,
    Json,
}

impl From<ListFormatArg> for ListFormat {
    fn from(format: ListFormatArg) -> Self {
        match format {
            ListFormatArg::Table => ListFormat::Table,
            ListFormatArg::Json => ListFormat::Json,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RuleArgs {
    /// Use the rules of this file or directory, too (may be given more than once).
    #[arg(long = "rules", value_name = "PATH")]
    pub(super) files: Vec<PathBuf>,
    /// Leave out rule files with mistakes instead of stopping.
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Use only the rules given with --rules.
    #[arg(long, requires = "files")]
    pub(super) no_builtin_rules: bool,
    /// Use only this rule, or all rules of this provider (may be given more than once).
    #[arg(long = "rule", value_name = "ID")]
    pub(super) only: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// Files and directories; - is standard input, export:PATH an export of a chat, tickets or the like. Default: the
    /// current directory.
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Scan the paths listed in this file, one per line or separated by NUL; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    pub(super) files_from: Option<PathBuf>,
    /// Say of every candidate on one line of a file why it is a finding or not.
    #[arg(long, value_name = "FILE:LINE", conflicts_with_all = ["paths", "files_from", "format"])]
    pub(super) explain: Option<String>,
    #[command(flatten)]
    pub(super) walk: WalkArgs,
    #[command(flatten)]
    pub(super) history: HistoryArgs,
    #[command(flatten)]
    pub(super) changes: ChangeArgs,
    /// Give up scanning a push after so many seconds: it is refused then.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        requires = "pre_receive",
        // What conflicts with that isn't asked whether it is there.
        conflicts_with_all = ["staged", "unstaged", "range", "since", "branch"],
        help_heading = "Changes in a git repository (whole files as the change leaves them)"
    )]
    pub(super) push_timeout: u64,
    #[cfg(feature = "export")]
    #[command(flatten)]
    pub(super) exports: ExportArgs,
    #[command(flatten)]
    pub(super) clone: CloneArgs,
    #[command(flatten)]
    pub(super) rules: RuleArgs,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    #[command(flatten)]
    pub(super) verdict: VerdictArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Print nothing if there are neither findings nor problems (human report only).
    #[arg(short, long, help_heading = "Output")]
    pub(super) quiet: bool,
    #[cfg(feature = "identity")]
    #[command(flatten)]
    pub(super) record: super::store_args::RecordArgs,
    /// Threads to use. Default: one per processor.
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    /// Which prefilter to use.
    #[arg(long, value_enum, hide = true, default_value_t = PrefilterArg::Auto)]
    pub(super) prefilter: PrefilterArg,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What is read")]
pub(super) struct WalkArgs {
    /// Leave out what .gitignore and .git/info/exclude name (.unleakignore always counts).
    #[arg(long)]
    pub(super) gitignore: bool,
    /// Leave out what this glob names (may be given more than once).
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,
    /// Follow symbolic links.
    #[arg(short = 'L', long)]
    pub(super) follow_links: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "History of git repositories")]
pub(super) struct HistoryArgs {
    /// Scan files only, not the history of git repositories.
    #[arg(long, conflicts_with = "history_only")]
    pub(super) no_history: bool,
    /// Scan only the history of the given repositories, not the files of their work trees.
    #[arg(long)]
    pub(super) history_only: bool,
    /// Remember which objects hold nothing, in a file that holds no secret, and leave them out the next time. Default: a
    /// file for each repository in $XDG_CACHE_HOME/unleak.
    #[arg(long, value_name = "DIR|FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) cache: Option<OsString>,
    /// Scan every version of a file in full, too, and report any difference: several times slower.
    #[arg(long)]
    pub(super) paranoid: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Changes in a git repository (whole files as the change leaves them)")]
#[group(multiple = false)]
pub(super) struct ChangeArgs {
    /// Scan what is staged for the next commit.
    #[arg(long)]
    pub(super) staged: bool,
    /// Scan files of the work tree that differ from what is staged.
    #[arg(long)]
    pub(super) unstaged: bool,
    /// Scan what the commits of a range bring: A..B, A...B, or B for all that B has.
    #[arg(long, value_name = "RANGE")]
    pub(super) range: Option<String>,
    /// Scan what commits of any ref brought since a date (2024-05-02, "2 weeks ago") or after a commit.
    #[arg(long, value_name = "DATE|COMMIT")]
    pub(super) since: Option<String>,
    /// Scan what the commits of a branch brought.
    #[arg(long, value_name = "NAME")]
    pub(super) branch: Option<String>,
    /// Scan what a push brings, as a pre-receive hook: reads the old and new id of each ref from standard input.
    #[arg(long)]
    pub(super) pre_receive: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Repositories on other machines (https://…, ssh://…, git@host:path)")]
pub(super) struct CloneArgs {
    /// Clone only so many commits of each branch.
    #[arg(long, value_name = "COMMITS")]
    pub(super) depth: Option<std::num::NonZeroU32>,
    /// Clone only this branch.
    #[arg(long, value_name = "NAME")]
    pub(super) clone_branch: Option<String>,
    /// Leave out blobs of this many bytes or more, if the server can.
    #[arg(long, value_name = "BYTES")]
    pub(super) max_blob_bytes: Option<u64>,
    /// Give up cloning after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(super) clone_timeout: Option<u64>,
}

/// An address that links can begin with.
#[cfg(feature = "export")]
fn base_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if rest.is_none_or(str::is_empty) {
        return Err("it begins with https://, as in https://acme.slack.com".to_owned());
    }
    Ok(url.to_owned())
}

#[cfg(feature = "export")]
#[derive(Debug, Args)]
#[command(next_help_heading = "Exports of chats, tickets, wikis and mail")]
pub(super) struct ExportArgs {
    /// Read the given paths as exports of this format.
    #[arg(long, value_name = "NAME",
          value_parser = clap::builder::PossibleValuesParser::new(crate::source::export::formats().map(|(name, title)| {
              clap::builder::PossibleValue::new(name).help(title)
          })))]
    pub(super) export_format: Option<String>,
    /// Address of the workspace or site, for links to messages.
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub(super) base_url: Option<String>,
    /// Read the given paths as records, of which these parts are these (may be given more than once), such as
    /// text=.body,author=.user.login,time=.created_at,url=.html_url. Also: author_id, author_email, container, thread, id,
    /// edited, records. Of tables, parts are columns.
    #[arg(long, value_name = "WHAT=WHERE,…")]
    pub(super) map: Vec<crate::source::export::FieldMap>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration (docs/config.md)")]
pub(super) struct ConfigArgs {
    /// Use this configuration file. Default: UNLEAK_CONFIG, else .unleak.toml here or above, up to the root of the
    /// repository, else config.toml among your own settings.
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(super) config: Option<PathBuf>,
    /// Use no configuration file.
    #[arg(long)]
    pub(super) no_config: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What counts")]
pub(super) struct VerdictArgs {
    /// Report only findings with at least this score, 0 to 100. Default: the configuration's, else 50.
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) min_score: Option<u8>,
    /// Exit with 1 if there are findings of this severity or a higher one: low, medium, high, critical or never. With a
    /// score behind a colon (high:80) only those count that have at least that score.
    #[arg(long, value_name = "SEVERITY[:SCORE]", default_value = "low")]
    pub(super) fail_on: FailOn,
    /// Exit with 0 instead of 3 when something was not scanned. The report still says so.
    #[arg(long)]
    pub(super) allow_incomplete: bool,
    /// File with the key of the fingerprints, 64 hexadecimal digits. Default: UNLEAK_FINGERPRINT_KEY, else a key of
    /// your own that is made once.
    #[arg(long, value_name = "FILE")]
    pub(super) fingerprint_key: Option<PathBuf>,
}

/// A severity with the least score that counts, or `never`.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailOn(pub(super) Option<Threshold>);

impl std::str::FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(FailOn(None));
        }
        let (severity, score) = text.split_once(':').unwrap_or((text, "0"));
        let score = score
            .parse()
            .ok()
            .filter(|score| *score <= 100)
            .ok_or_else(|| format!("`{score}` is no score from 0 to 100"))?;
        let severity = severity.parse().map_err(|error: String| format!("{error}, or never"))?;
        Ok(FailOn(Some(Threshold { severity, score })))
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Report format.
    #[arg(short = 'f', long, default_value = "human",
          value_parser = clap::builder::PossibleValuesParser::new(crate::report::FORMATS.iter().map(|f| {
              clap::builder::PossibleValue::new(f.name).help(f.description)
          })))]
    pub(super) format: String,
    /// Write the report to this file, whole or not at all.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Print secrets in clear.
    #[arg(long)]
    pub(super) show_secrets: bool,
    /// Print no text around secrets.
    #[arg(long)]
    pub(super) no_snippets: bool,
    /// Put findings together by who posted them, where, or whose they are (not in SARIF).
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) group_by: Option<GroupByArg>,
    /// Print counts and the time of each stage.
    #[arg(long)]
    pub(super) stats: bool,
    /// Most findings in a SARIF file.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(super) sarif_limit: usize,
    /// Colour the human report.
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub(super) color: Colour,
    /// Show a progress bar on standard error.
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub(super) progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GroupByArg {
    /// Who posted it; of git, who wrote the commit that brought it.
    Author,
    /// Channel, project, space, repository or directory.
    Container,
    /// Whose it is, as the store knows it: with --store.
    #[cfg(feature = "identity")]
    Identity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    /// On a terminal.
    Auto,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PrefilterArg {
    Auto,
    Portable,
    Reference,
}
