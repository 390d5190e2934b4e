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

use std::path::PathBuf;

use crate::rule::{Rule, RuleError, builtin, load};

/// Which rules to use.
#[derive(Clone, Debug, Default)]
pub struct RuleChoice {
    /// Files and directories of further rules.
    pub files: Vec<PathBuf>,
    /// Only the rules of `files`?
    pub without_builtin: bool,
    /// Are files with mistakes passed over?
    pub keep_going: bool,
    /// If not empty: only rules with one of these ids, or of one of these providers (`github`).
    pub only: Vec<String>,
}

/// Why a command could not run. Each ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule file could not be used.
    #[error(transparent)]
    Rules(#[from] RuleError),
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
    /// A rule id stands twice.
    #[error("rule id `{0}` is defined twice: give one of them another id")]
    DuplicateRule(String),
    /// No rule is left to scan with.
    #[error("no rule has the id or provider `{0}`; `unleak rules list` shows what there is")]
    UnknownRule(String),
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

impl RuleChoice {
    /// The chosen rules, sorted by id.
    ///
    /// # Errors
    /// The first file that can't be used (with `keep_going` it is only told to `warn`), an id that stands twice, a choice that chooses nothing.
    pub fn load(&self, warn: &dyn Fn(&str)) -> Result<Vec<Rule>, CommandError> {
        let mut rules = if self.without_builtin { Vec::new() } else { builtin().to_vec() };
        for file in self.files.iter().flat_map(|path| load(path)) {
            match file {
                Ok(file) => rules.extend(file.rules.into_iter().map(|proven| proven.rule)),
                Err(error) if self.keep_going => warn(&format!("left out: {error}")),
                Err(error) => return Err(error.into()),
            }
        }
        rules.sort_by(|a, b| a.meta.id.cmp(&b.meta.id));
        if let Some(pair) = rules.windows(2).find(|pair| pair[0].meta.id == pair[1].meta.id) {
            return Err(CommandError::DuplicateRule(pair[0].meta.id.to_string()));
        }
        let is_chosen = |rule: &Rule, choice: &str| {
            rule.meta.id == choice || rule.meta.id.split('.').next().is_some_and(|provider| provider == choice)
        };
        if let Some(unknown) = self.only.iter().find(|choice| !rules.iter().any(|rule| is_chosen(rule, choice))) {
            return Err(CommandError::UnknownRule(unknown.clone()));
        }
        rules.retain(|rule| self.only.is_empty() || self.only.iter().any(|choice| is_chosen(rule, choice)));
        Ok(rules)
    }
}
