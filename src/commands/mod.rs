//! One file per verb. A command gets validated settings and an [`Env`], composes the other modules, and says how it
//! went; it never sees a command line.

#[cfg(feature = "identity")]
pub mod audit;
mod cache;
mod changes;
mod env;
pub mod eval;
mod exit;
mod explain;
#[cfg(feature = "export")]
mod exports;
#[cfg(feature = "identity")]
pub mod findings;
#[cfg(feature = "identity")]
pub mod fingerprint;
mod fingerprint_key;
#[cfg(feature = "identity")]
mod gate;
pub mod hook;
#[cfg(feature = "identity")]
pub mod inventory;
mod key_elsewhere;
mod key_file;
#[cfg(feature = "identity")]
pub mod link;
mod output;
#[cfg(feature = "identity")]
pub mod report;
#[cfg(feature = "identity")]
pub mod rotate;
mod rule_choice;
pub mod rules;
pub mod scan;
#[cfg(feature = "identity")]
pub mod store;
#[cfg(feature = "identity")]
pub mod table;

pub use cache::CachePlace;
pub use changes::{ChangeChoice, ChangeScope};
pub use env::Env;
pub use exit::ExitCode;
pub use explain::explain;
pub use rule_choice::{ChosenRules, RuleChoice};

use crate::rule::RuleError;

/// Why a command could not run. Each ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Rule files could not be used.
    #[error("{}", all_of(.0))]
    Rules(Vec<RuleError>),
    /// A source's settings can't be used.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// An export can't be read as one.
    #[cfg(feature = "export")]
    #[error(transparent)]
    Export(#[from] crate::source::export::ExportError),
    /// A repository on another machine can't be had.
    #[error(transparent)]
    Remote(#[from] crate::source::remote::RemoteError),
    /// There are no files, and history is left out.
    #[error("--no-history leaves nothing to scan of {0}: history is all that a clone has")]
    NothingLeft(String),
    /// The changes asked for can't be worked out.
    #[error(transparent)]
    Changes(#[from] changes::ChangesError),
    /// No rule is left to scan with.
    #[error("no rule has the id or provider `{0}`; `unleak rules list` shows what there is")]
    UnknownRule(String),
    /// No rule is of that kind, shape or provider.
    #[error("no rule has the {what} `{value}`; `unleak rules list` shows what there is")]
    NoRuleWith {
        /// What of a rule.
        what: &'static str,
        /// What was asked for.
        value: String,
    },
    /// That is no id of a rule.
    #[error("`{0}` is not a rule id: write `provider.credential`, both in kebab-case")]
    NotARuleId(String),
    /// A file that the user named could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file, safe to print.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file or standard output could not be written.
    #[error("can't write {path}: {source}")]
    Write {
        /// What was to be written, safe to print.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A key can't be used.
    #[error("{what}: {reason}")]
    Key {
        /// Which key.
        what: &'static str,
        /// What is wrong, without its bytes.
        reason: String,
    },
    /// The store can't be used, or refuses something.
    #[cfg(feature = "identity")]
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// A finding or source can't be told from what was given.
    #[cfg(feature = "identity")]
    #[error("{0}")]
    Choice(String),
    /// A report can't be taken in.
    #[cfg(feature = "identity")]
    #[error("{path}:{line}: {reason}")]
    Report {
        /// The report, safe to print.
        path: String,
        /// The line at which it stopped, from 1.
        line: u64,
        /// What is wrong, without text of the report.
        reason: String,
    },
    /// A labelled corpus can't be used.
    #[error(transparent)]
    Corpus(#[from] crate::eval::CorpusError),
    /// A plan can't be made, approved or carried out.
    #[cfg(feature = "identity")]
    #[error(transparent)]
    Plan(#[from] crate::rotate::PlanError),
    /// A run can't be written down.
    #[cfg(feature = "identity")]
    #[error(transparent)]
    Journal(#[from] crate::rotate::JournalError),
    /// A link can't be confirmed or rejected.
    #[cfg(feature = "identity")]
    #[error(transparent)]
    ManualLink(#[from] crate::link::ManualLinkError),
    /// A proposed identity can't be decided on.
    #[cfg(feature = "identity")]
    #[error(transparent)]
    Shadow(#[from] crate::link::ShadowError),
    /// No finding has that id.
    #[cfg(feature = "identity")]
    #[error("no finding has the id or fingerprint `{0}`")]
    NoSuchFinding(String),
    /// A policy file can't be used.
    #[cfg(feature = "identity")]
    #[error("policy {0}")]
    Policy(String),
    /// A webhook can't be used.
    #[cfg(feature = "identity")]
    #[error("webhook: {0}")]
    Webhook(String),
    /// The configuration can't be used.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// An export can't be imported.
    #[cfg(feature = "identity")]
    #[error(transparent)]
    Inventory(#[from] crate::inventory::InventoryError),
    /// Nothing in the inventory has that id or name.
    #[error("nothing in the inventory is called `{0}`")]
    NotInInventory(String),
    /// No import has that id.
    #[cfg(feature = "identity")]
    #[error("no import has the id `{0}`: `unleak inventory import` prints it")]
    NoSuchImport(String),
    /// A time that can't be understood.
    #[error("`{0}` is no time: write 2024-05-02T13:37:00Z")]
    NotATime(String),
    /// A file of secrets can't be understood.
    #[error("{path}: line {line}: it is no JSON from there on")]
    SecretInput {
        /// The file, safe to print.
        path: String,
        /// Where.
        line: usize,
    },
    /// A repository's hooks can't be read or changed.
    #[error(transparent)]
    Hook(#[from] hook::HookError),
}

fn all_of(errors: &[RuleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
