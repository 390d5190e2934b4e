//! What a configuration makes of a report: findings hidden, others of another severity.

use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use regex_automata::{meta::Regex, util::syntax};
use toml::Spanned;

use super::{
    Config, Trust,
    schema::{AllowEntry, ConfigFile, names},
};
use crate::{
    model::{ConfigUse, DisplayPath, Finding, Provenance, ScanReport},
    rule::Mistake,
};

/// Globs and patterns, compiled.
#[derive(Debug)]
pub(super) struct Matchers {
    base: PathBuf,
    exclude: Gitignore,
    paths: Vec<Gitignore>,
    allow: Vec<AllowMatcher>,
}

#[derive(Debug)]
struct AllowMatcher {
    path: Option<Gitignore>,
    value: Option<Regex>,
}

impl Matchers {
    pub(super) fn new(file: &ConfigFile, base: &Path, mistakes: &mut Vec<Mistake>) -> Matchers {
        let exclude = globs(file.exclude.iter(), mistakes);
        let paths = file.paths.iter().map(|path| globs(std::iter::once(&path.glob), mistakes)).collect();
        let mut allow = Vec::new();
        for entry in &file.allow {
            let path = entry.path.as_ref().map(|path| globs(std::iter::once(path), mistakes));
            allow.push(AllowMatcher { path, value: entry.value.as_ref().and_then(|value| pattern(value, mistakes)) });
        }
        Matchers { base: base.to_owned(), exclude, paths, allow }
    }

    /// A blob's path relative to what globs are relative to; of a file elsewhere its whole path without the root.
    fn relative(&self, provenance: &Provenance) -> Option<PathBuf> {
        let path = provenance.path()?;
        if matches!(provenance, Provenance::Git(_)) {
            return Some(path.to_owned());
        }
        let mut whole = PathBuf::new();
        for component in std::path::absolute(path).ok()?.components() {
            match component {
                Component::ParentDir => drop(whole.pop()),
                other => whole.push(other),
            }
        }
        let below = whole.strip_prefix(&self.base).map(Path::to_owned);
        Some(below.unwrap_or_else(|_| whole.components().filter(|c| matches!(c, Component::Normal(_))).collect()))
    }
}

fn globs<'g>(globs: impl Iterator<Item = &'g Spanned<String>>, mistakes: &mut Vec<Mistake>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for glob in globs {
        if let Err(error) = builder.add_line(None, glob.get_ref()) {
            let help = "globs are written as in an ignore file".to_owned();
            mistakes.push(Mistake { span: glob.span(), message: error.to_string(), help });
        }
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn pattern(pattern: &Spanned<String>, mistakes: &mut Vec<Mistake>) -> Option<Regex> {
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    let config = Regex::config().nfa_size_limit(Some(1 << 20));
    match Regex::builder().configure(config).syntax(syntax).build(pattern.get_ref()) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let message = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
            let help = "see https://docs.rs/regex/latest/regex/#syntax".to_owned();
            mistakes.push(Mistake { span: pattern.span(), message, help });
            None
        }
    }
}

fn hits(matcher: &Gitignore, path: Option<&Path>) -> bool {
    path.is_some_and(|path| !path.has_root() && matcher.matched_path_or_any_parents(path, false).is_ignore())
}

impl Config {
    /// Hides what the configuration allows, sets severities, and notes in the report how much was hidden or lowered. `today` is
    /// written as `2027-01-31`; `least` is the least score that the user asked for, which outranks the configuration's. Returns the reasons of entries that have expired.
    pub fn apply(&self, report: &mut ScanReport, today: &str, least: Option<u8>) -> Vec<String> {
        let (mut silenced, mut lowered) = (0, 0);
        report.findings.retain_mut(|finding| {
            let (before, severity) = (finding.occurrences.len(), finding.severity);
            self.judge(finding, today, self.file.min_score.filter(|_| least.is_none()));
            silenced += u64::from(before > 0 && finding.occurrences.is_empty());
            lowered += u64::from(!finding.occurrences.is_empty() && finding.severity < severity);
            !finding.occurrences.is_empty()
        });
        report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let path = DisplayPath(&self.path).to_string();
        report.config = Some(ConfigUse { path, found: self.trust == Trust::Found, silenced, lowered });
        let expired = self.file.allow.iter().filter(|entry| !is_current(entry, today));
        expired.map(|entry| entry.reason.get_ref().clone()).collect()
    }

    /// Drops the occurrences that are hidden, and sets the severity by those that are left.
    fn judge(&self, finding: &mut Finding, today: &str, least: Option<u8>) {
        let id = finding.rule.id.clone();
        let is_off = self.is_off(&id);
        let of_rule = self.overrides(&id).filter_map(|over| over.min_score).last().or(least);
        let mut occurrences = std::mem::take(&mut finding.occurrences);
        let mut severities = Vec::new();
        occurrences.retain(|occurrence| {
            let path = self.matchers.relative(&occurrence.provenance);
            let path = path.as_deref();
            let places = self.file.paths.iter().zip(&self.matchers.paths);
            let here = places.filter(|(entry, glob)| {
                let is_named = entry.rules.is_empty() || entry.rules.iter().any(|rule| names(rule.get_ref(), &id));
                is_named && hits(glob, path)
            });
            let (mut least, mut severity) = (of_rule, finding.severity);
            for (entry, _) in here {
                least = entry.min_score.or(least);
                severity = entry.severity.unwrap_or(severity);
            }
            let is_hidden = is_off
                || hits(&self.matchers.exclude, path)
                || least.is_some_and(|least| finding.score < least)
                || self.is_allowed(finding, path, today);
            if !is_hidden {
                severities.push(severity);
            }
            !is_hidden
        });
        finding.occurrences = occurrences;
        finding.severity = severities.into_iter().max().unwrap_or(finding.severity);
    }

    fn is_allowed(&self, finding: &Finding, path: Option<&Path>, today: &str) -> bool {
        let mut entries = self.file.allow.iter().zip(&self.matchers.allow);
        entries.any(|(entry, matcher)| {
            is_current(entry, today)
                && entry.fingerprint.as_ref().is_none_or(|known| *known.get_ref() == finding.fingerprint.to_string())
                && entry.rule.as_ref().is_none_or(|rule| names(rule.get_ref(), &finding.rule.id))
                && matcher.path.as_ref().is_none_or(|glob| hits(glob, path))
                && matcher.value.as_ref().is_none_or(|value| value.is_match(finding.secret.expose()))
        })
    }
}

/// Days of this form compare as texts do.
fn is_current(entry: &AllowEntry, today: &str) -> bool {
    entry.expires.as_ref().is_none_or(|day| today <= day.get_ref().as_str())
}
