//! Which rules a command uses: the built-in ones, those of files, and of them those that were asked for.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::CommandError;
use crate::{
    model::{DisplayPath, Problem, ProblemKind, Provenance},
    rule::{LoadedFile, Mistake, Rule, RuleError, builtin, load},
};

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

/// Rules as they were chosen.
#[derive(Debug, Default)]
pub struct ChosenRules {
    /// The rules to use, sorted by id.
    pub rules: Vec<Rule>,
    /// Those that were not asked for.
    pub others: Vec<Rule>,
    /// Files that were passed over.
    pub left_out: Vec<RuleError>,
}

impl ChosenRules {
    /// Files that were passed over, as a report tells of them: what their rules find was not looked for.
    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> {
        self.left_out.iter().map(|error| {
            let (path, reason) = match error {
                RuleError::Read { path, source } => (path, source.to_string()),
                RuleError::Empty { path } => (path, "no rule file (*.toml) in it".to_owned()),
                RuleError::Mistakes { path, mistakes, .. } => (path, mistakes[0].message.clone()),
            };
            let message = format!("its rules were left out: {reason}");
            Problem { provenance: Provenance::File(path.clone()), kind: ProblemKind::RulesLeftOut, message }
        })
    }
}

impl RuleChoice {
    /// The chosen rules, sorted by id; of files that are passed over it is told to `warn`.
    ///
    /// # Errors
    /// As for [`RuleChoice::choose`].
    pub fn load(&self, warn: &dyn Fn(&str)) -> Result<Vec<Rule>, CommandError> {
        let chosen = self.choose()?;
        chosen.left_out.iter().for_each(|error| warn(&format!("left out: {error}")));
        Ok(chosen.rules)
    }

    /// The chosen rules, and what was not chosen.
    ///
    /// # Errors
    /// All files that can't be used (none with `keep_going`), ids that stand twice, a choice that chooses nothing.
    pub fn choose(&self) -> Result<ChosenRules, CommandError> {
        let (mut files, mut failed) = (Vec::new(), Vec::new());
        for file in self.files.iter().flat_map(|path| load(path)) {
            match file {
                Ok(file) => files.push(file),
                Err(error) => failed.push(error),
            }
        }
        if !self.keep_going && !failed.is_empty() {
            return Err(CommandError::Rules(failed));
        }
        let own = if self.without_builtin { &[] } else { builtin() };
        let repeated = repeated_ids(&files, own);
        if !repeated.is_empty() {
            return Err(CommandError::Rules(repeated));
        }
        let of_files = files.into_iter().flat_map(|file| file.rules).map(|proven| proven.rule);
        let mut rules: Vec<Rule> = own.iter().cloned().chain(of_files).collect();
        rules.sort_by(|a, b| a.meta.id.cmp(&b.meta.id));
        let is_chosen = |rule: &Rule, choice: &str| {
            rule.meta.id == choice || rule.meta.id.split('.').next().is_some_and(|provider| provider == choice)
        };
        if let Some(unknown) = self.only.iter().find(|choice| !rules.iter().any(|rule| is_chosen(rule, choice))) {
            return Err(CommandError::UnknownRule(unknown.clone()));
        }
        let is_wanted = |rule: &Rule| self.only.is_empty() || self.only.iter().any(|choice| is_chosen(rule, choice));
        let (rules, others) = rules.into_iter().partition(is_wanted);
        Ok(ChosenRules { rules, others, left_out: failed })
    }
}

/// Ids that stand in two of the files, or in one and among `beside`.
pub(super) fn repeated_ids(files: &[LoadedFile], beside: &[Rule]) -> Vec<RuleError> {
    let mut seen: HashMap<&str, Option<&Path>> = beside.iter().map(|rule| (rule.meta.id.as_ref(), None)).collect();
    let mut errors = Vec::new();
    for file in files {
        let mut mistakes = Vec::new();
        for rule in &file.rules {
            let Some(other) = seen.insert(&rule.rule.meta.id, Some(&file.path)) else { continue };
            let message = match other {
                Some(path) => format!("this rule id stands in {}, too", DisplayPath(path)),
                None => "a built-in rule has this id".to_owned(),
            };
            let help = "ids are unique: give this rule another (--no-builtin-rules leaves out the built-in ones)";
            mistakes.push(Mistake { span: rule.id_span.clone(), message, help: help.to_owned() });
        }
        if !mistakes.is_empty() {
            errors.push(RuleError::Mistakes { path: file.path.clone(), text: file.text.clone(), mistakes });
        }
    }
    errors
}
