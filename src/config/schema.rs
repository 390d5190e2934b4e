//! The file as a person writes it. Strict: an unknown key is a mistake.

use serde::Deserialize;
use toml::Spanned;

use crate::{
    model::{Severity, identity::Timestamp},
    rule::Mistake,
};

/// A configuration file. `docs/config.md` explains each key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Least score of a finding.
    #[serde(default, deserialize_with = "score")]
    pub min_score: Option<u8>,
    /// Globs of what is left out.
    #[serde(default)]
    pub exclude: Vec<Spanned<String>>,
    /// Changes to rules.
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleOverride>,
    /// Changes for paths.
    #[serde(default, rename = "path")]
    pub paths: Vec<PathEntry>,
    /// What is known to be harmless.
    #[serde(default, rename = "allow")]
    pub allow: Vec<AllowEntry>,
}

/// Changes to one rule, or to all of a provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOverride {
    /// `provider.credential`, or `provider.*`.
    pub id: Spanned<String>,
    /// Is it used at all? As before if it isn't said.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Another severity.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Another least score.
    #[serde(default, deserialize_with = "score")]
    pub min_score: Option<u8>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A score from 0 to 100.
fn score<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let score = u8::deserialize(deserializer)?;
    let is_one = score <= 100;
    is_one.then_some(Some(score)).ok_or_else(|| serde::de::Error::custom("scores go from 0 to 100"))
}

impl RuleOverride {
    /// Is it about the rule of that id?
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        names(self.id.get_ref(), id)
    }
}

/// Does `pattern` (an id, `provider.*` or `*`) name the rule?
pub(super) fn names(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => id.starts_with(start),
        None => pattern == id,
    }
}

/// Changes for what stands at some paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathEntry {
    /// A glob, as in an ignore file.
    pub glob: Spanned<String>,
    /// Only these rules; all if empty.
    #[serde(default)]
    pub rules: Vec<Spanned<String>>,
    /// Another severity.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Another least score.
    #[serde(default, deserialize_with = "score")]
    pub min_score: Option<u8>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Findings that are known to be harmless. All conditions that it has must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowEntry {
    /// The finding's fingerprint.
    #[serde(default)]
    pub fingerprint: Option<Spanned<String>>,
    /// The rule, or `provider.*`.
    #[serde(default)]
    pub rule: Option<Spanned<String>>,
    /// A glob of its path.
    #[serde(default)]
    pub path: Option<Spanned<String>>,
    /// A regular expression that matches the secret.
    #[serde(default)]
    pub value: Option<Spanned<String>>,
    /// Why. Required: a list without reasons is one that nobody dares to clean up.
    pub reason: Spanned<String>,
    /// The last day (`2027-01-31`) on which it counts.
    #[serde(default)]
    pub expires: Option<Spanned<String>>,
}

/// Parses a file.
///
/// # Errors
/// A syntax error, an unknown key or a value that can't be.
pub(super) fn parse(text: &str) -> Result<ConfigFile, Vec<Mistake>> {
    let file: ConfigFile = toml::from_str(text).map_err(|error| {
        let help = "docs/config.md lists the keys and their values".to_owned();
        vec![Mistake { span: error.span().unwrap_or(0..0), message: error.message().to_owned(), help }]
    })?;
    let mut mistakes = Vec::new();
    let mut mistake = |span: std::ops::Range<usize>, message: &str, help: &str| {
        mistakes.push(Mistake { span, message: message.to_owned(), help: help.to_owned() });
    };
    for allow in &file.allow {
        if allow.reason.get_ref().trim().is_empty() {
            mistake(allow.reason.span(), "no reason given", "say why it is harmless, and who says so");
        }
        if allow.fingerprint.is_none() && allow.rule.is_none() && allow.path.is_none() && allow.value.is_none() {
            mistake(allow.reason.span(), "it allows everything", "add `fingerprint`, `rule`, `path` or `value`");
        }
        if let Some(day) = allow.expires.as_ref().filter(|day| !is_day(day.get_ref())) {
            mistake(day.span(), "not a day", "write it as 2027-01-31");
        }
        if let Some(print) = allow.fingerprint.as_ref().filter(|print| !is_fingerprint(print.get_ref())) {
            mistake(print.span(), "not a fingerprint", "copy it from a report: v1: and 32 hexadecimal digits");
        }
    }
    if mistakes.is_empty() { Ok(file) } else { Err(mistakes) }
}

/// A day of the calendar, as `2027-01-31`: days are compared as texts.
fn is_day(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _]) && Timestamp::parse(text).is_some()
}

/// As reports write it.
fn is_fingerprint(text: &str) -> bool {
    let digits = text.strip_prefix("v1:").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Highest least score that a configuration found in a repository may set.
const MAX_FOUND_SCORE: u8 = 80;

/// What a configuration that was found in a repository may not say: anything that silences findings without naming
/// them. Whoever wants that names the file with `--config`.
pub(super) fn check_found(file: &ConfigFile) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let help = "name one rule, provider, directory or value; or use the file with --config if you trust it";
    let mut refuse = |span: std::ops::Range<usize>, what: &str| {
        let message = format!("a configuration found in a repository may not {what}");
        mistakes.push(Mistake { span, message, help: help.to_owned() });
    };
    let too_high = |score: Option<u8>| score.is_some_and(|score| score > MAX_FOUND_SCORE);
    if too_high(file.min_score) {
        refuse(0..0, "raise the least score above 80");
    }
    for glob in file.exclude.iter().chain(file.paths.iter().map(|path| &path.glob)) {
        if is_broad(glob.get_ref()) {
            refuse(glob.span(), "match every path");
        }
    }
    for over in &file.rules {
        if !is_rule_or_provider(over.id.get_ref()) {
            refuse(over.id.span(), "change all rules at once");
        } else if too_high(over.min_score) {
            refuse(over.id.span(), "raise the least score above 80");
        }
    }
    for path in file.paths.iter().filter(|path| too_high(path.min_score)) {
        refuse(path.glob.span(), "raise the least score above 80");
    }
    for allow in file.allow.iter().filter(|allow| allow.fingerprint.is_none()) {
        let path = allow.path.as_ref().filter(|path| is_broad(path.get_ref()));
        if let Some(path) = path {
            refuse(path.span(), "match every path");
        }
        if let Some(rule) = allow.rule.as_ref().filter(|rule| !is_rule_or_provider(rule.get_ref())) {
            refuse(rule.span(), "allow all rules at once");
        }
        if let Some(value) = allow.value.as_ref().filter(|value| is_broad_pattern(value.get_ref())) {
            refuse(value.span(), "match any secret");
        }
    }
    mistakes
}

/// A glob without three letters or digits in a row names nothing.
fn is_broad(glob: &str) -> bool {
    let words = glob.trim_start_matches('!').split(|c: char| !c.is_alphanumeric());
    glob.starts_with('!') || words.map(str::len).max().unwrap_or(0) < 2
}

/// `provider.credential` or `provider.*`.
fn is_rule_or_provider(pattern: &str) -> bool {
    let provider = pattern.split('.').next().unwrap_or_default();
    pattern.contains('.') && !provider.is_empty() && !provider.contains('*')
}

/// A pattern that matches less than four bytes, or that none of its letters narrow.
fn is_broad_pattern(pattern: &str) -> bool {
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
    let literal = |hir: &regex_syntax::hir::Hir| {
        let mut extractor = regex_syntax::hir::literal::Extractor::new();
        let starts = extractor.kind(regex_syntax::hir::literal::ExtractKind::Prefix).extract(hir);
        let ends = extractor.kind(regex_syntax::hir::literal::ExtractKind::Suffix).extract(hir);
        [starts, ends].iter().filter_map(|seq| seq.min_literal_len()).max().unwrap_or(0)
    };
    // One that can't be parsed is reported where it is compiled.
    parsed.is_ok_and(|hir| hir.properties().minimum_len().unwrap_or(0) < 4 || literal(&hir) < 3)
}
