//! The configuration file: which rules count, how much, and what is known to be harmless.
//!
//! A configuration never keeps anything from being scanned unless the user named it. What it takes out of a report is
//! counted there. One that was *found* in a repository, where whoever can commit can write it, may say less than one
//! that the user names: `schema::check_found` says what.

mod apply;
mod discover;
mod schema;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    model::DisplayPath,
    rule::{Mistake, Rule},
};

pub use discover::FILE_NAME;
use schema::names;
pub use schema::{AllowEntry, ConfigFile, PathEntry, RuleOverride};

/// Largest configuration file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Which configuration to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConfigChoice {
    /// `UNLEAK_CONFIG`, else the nearest one up to the root of the repository, else the user's own.
    #[default]
    Found,
    /// This file.
    File(PathBuf),
    /// None.
    None,
}

/// Who wrote a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The user named it, or it is the user's own.
    Named,
    /// It stood in the repository.
    Found,
}

/// A configuration, checked.
#[derive(Debug)]
pub struct Config {
    /// Its file.
    pub path: PathBuf,
    /// Who wrote it.
    pub trust: Trust,
    digest: String,
    file: ConfigFile,
    matchers: apply::Matchers,
}

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("{path}: {source}")]
    Read {
        /// The file, safe to print.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Mistakes in it.
    #[error("{}: {} mistake(s), the first: {}", path.display(), mistakes.len(), mistakes[0].message)]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// Its text, for showing the spans.
        text: String,
        /// At least one.
        mistakes: Vec<Mistake>,
    },
}

/// What discovery may ask the system for.
pub struct Surroundings<'a> {
    /// An environment variable.
    pub var: &'a dyn Fn(&str) -> Option<OsString>,
    /// Where the program was started.
    pub current_dir: PathBuf,
    /// The directory of the user's own settings.
    pub user_dir: Option<PathBuf>,
}

impl Config {
    /// Loads the chosen configuration, if there is one.
    ///
    /// # Errors
    /// A file that was named and can't be read, and mistakes in any.
    pub fn load(choice: &ConfigChoice, around: &Surroundings<'_>) -> Result<Option<Config>, ConfigError> {
        let (path, trust) = match choice {
            ConfigChoice::None => return Ok(None),
            ConfigChoice::File(path) => (path.clone(), Trust::Named),
            ConfigChoice::Found => match discover::find(around) {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let text = read(&path).map_err(|source| ConfigError::Read { path: DisplayPath(&path).to_string(), source })?;
        let base = base_of(&path, trust, around);
        Config::parse(&text, path.clone(), trust, &base).map(Some).map_err(|mistakes| ConfigError::Mistakes {
            path,
            text,
            mistakes,
        })
    }

    /// Checks the text of a configuration whose globs are relative to `base`.
    ///
    /// # Errors
    /// All mistakes, with their places in the text.
    pub fn parse(text: &str, path: PathBuf, trust: Trust, base: &Path) -> Result<Config, Vec<Mistake>> {
        let file = schema::parse(text)?;
        let mut mistakes = Vec::new();
        if trust == Trust::Found {
            mistakes.extend(schema::check_found(&file));
        }
        let matchers = apply::Matchers::new(&file, base, &mut mistakes);
        let digest = blake3::hash(format!("{trust:?}\n{text}").as_bytes()).to_hex().to_string();
        if mistakes.is_empty() { Ok(Config { path, trust, digest, file, matchers }) } else { Err(mistakes) }
    }

    /// Digest of its text and of who wrote it: scans with equal ones see the same.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The least score to scan with, if it sets one. It can only lower `default`: what it hides by a higher one is counted.
    #[must_use]
    pub fn min_score(&self, default: u8) -> Option<u8> {
        self.file.min_score.map(|score| score.min(default))
    }

    /// The least score of a finding, if it sets one.
    #[must_use]
    pub fn least_score(&self) -> Option<u8> {
        self.file.min_score
    }

    /// Is the rule of that id switched off?
    #[must_use]
    pub fn is_off(&self, id: &str) -> bool {
        self.overrides(id).filter_map(|over| over.enabled).last() == Some(false)
    }

    /// Ids and patterns that it names and that fit none of these rules, each once.
    #[must_use]
    pub fn unknown_rules(&self, known: &[&[Rule]]) -> BTreeSet<&str> {
        let of_rules = self.file.rules.iter().map(|over| &over.id);
        let of_paths = self.file.paths.iter().flat_map(|path| &path.rules);
        let of_allow = self.file.allow.iter().filter_map(|allow| allow.rule.as_ref());
        let named = of_rules.chain(of_paths).chain(of_allow).map(|id| id.get_ref().as_str());
        let is_known = |id: &str| known.iter().flat_map(|rules| rules.iter()).any(|rule| names(id, &rule.meta.id));
        named.filter(|id| !is_known(id)).collect()
    }

    /// Globs that the walk may leave out. Those of a configuration that was found only hide findings, which are counted.
    #[must_use]
    pub fn walk_excludes(&self) -> Vec<String> {
        let globs = self.file.exclude.iter().map(|glob| glob.get_ref().clone());
        if self.trust == Trust::Named { globs.collect() } else { Vec::new() }
    }

    /// Sets the severities of rules. None is dropped: what one finds that is switched off is hidden and counted.
    pub fn adjust_rules(&self, rules: &mut [Rule]) {
        for rule in rules {
            let severity = self.overrides(&rule.meta.id).filter_map(|over| over.severity).last();
            rule.meta.severity = severity.unwrap_or(rule.meta.severity);
        }
    }

    fn overrides<'c>(&'c self, id: &'c str) -> impl Iterator<Item = &'c RuleOverride> + 'c {
        self.file.rules.iter().filter(move |over| over.matches(id))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 1 MiB"));
    }
    fs::read_to_string(path)
}

/// What globs are relative to: the directory of a file in a repository, else where the program was started.
fn base_of(path: &Path, trust: Trust, around: &Surroundings<'_>) -> PathBuf {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    match (trust, dir) {
        (Trust::Found, Some(dir)) => dir.to_owned(),
        _ if path.file_name().is_some_and(|name| name == FILE_NAME) => {
            around.current_dir.join(dir.unwrap_or(Path::new("")))
        }
        _ => around.current_dir.clone(),
    }
}
