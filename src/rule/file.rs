use std::{
    borrow::Cow,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::{
    analyze::{Analysis, DEFAULT_WITHIN, Mistake, analyze},
    context::DISTANCE,
    definition::{Companion, Rule, Shape},
    pattern::{compile, compile_allow, compile_companion},
    schema::{CompanionEntry, RuleEntry, RuleFile, ShapeName},
};
use crate::model::RuleMeta;

/// A rule with the samples that prove it.
#[derive(Clone, Debug)]
pub struct ProvenRule {
    /// The rule.
    pub rule: Rule,
    /// Where its id stands in its file.
    pub id_span: Range<usize>,
    /// Templates in which the secret between `«` and `»` must be found.
    pub positives: Vec<Sample>,
    /// Templates in which this rule must stay silent.
    pub negatives: Vec<Sample>,
}

/// One template and where it stands in its file.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The template's text.
    pub text: String,
    /// Byte range in the rule file.
    pub span: Range<usize>,
}

/// Why a rule file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A directory without a rule file.
    #[error("{}: no rule file (*.toml) in it", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// Mistakes in a file.
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

/// A rule file, read and checked.
#[derive(Clone, Debug)]
pub struct LoadedFile {
    /// The file.
    pub path: PathBuf,
    /// Its text, for showing spans.
    pub text: String,
    /// Its rules, in order.
    pub rules: Vec<ProvenRule>,
}

/// Loads a rule file, or every `*.toml` of a directory in the order of names. One result per file: a mistake in one
/// does not hide those in another.
#[must_use]
pub fn load(path: &Path) -> Vec<Result<LoadedFile, RuleError>> {
    if !path.is_dir() {
        return vec![load_file(path)];
    }
    let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(source) => return vec![Err(RuleError::Read { path: path.to_owned(), source })],
    };
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    if paths.is_empty() {
        return vec![Err(RuleError::Empty { path: path.to_owned() })];
    }
    paths.iter().map(|path| load_file(path)).collect()
}

fn load_file(path: &Path) -> Result<LoadedFile, RuleError> {
    let text = fs::read_to_string(path).map_err(|source| RuleError::Read { path: path.to_owned(), source })?;
    match parse_file(&text) {
        Ok(rules) => Ok(LoadedFile { path: path.to_owned(), text, rules }),
        Err(mistakes) => Err(RuleError::Mistakes { path: path.to_owned(), text, mistakes }),
    }
}

/// Parses and checks the text of one rule file.
///
/// # Errors
/// Every mistake found: a syntax error or unknown key alone, else the mistakes of all rules.
pub fn parse_file(text: &str) -> Result<Vec<ProvenRule>, Vec<Mistake>> {
    let file: RuleFile = toml::from_str(text).map_err(|error| {
        let help = "docs/rules.md lists the keys and their values".to_owned();
        vec![Mistake { span: error.span().unwrap_or(0..0), message: error.message().to_owned(), help }]
    })?;
    let mut rules: Vec<ProvenRule> = Vec::new();
    let mut mistakes = Vec::new();
    for entry in file.rules {
        if rules.iter().any(|rule| rule.rule.meta.id == entry.id.get_ref().as_str()) {
            let help = "ids are unique: give this rule another".to_owned();
            mistakes.push(Mistake { span: entry.id.span(), message: "this rule id stands twice".to_owned(), help });
        }
        match analyze(&entry, text) {
            Ok(analysis) => {
                let span = entry.pattern.span();
                let companion_spans: Vec<_> =
                    entry.companion.iter().map(|companion| companion.pattern.span()).collect();
                let rule = proven_rule(&file.provider, entry, analysis);
                if let Err(error) = compile(&rule.rule).and_then(|_| compile_allow(&rule.rule)) {
                    let help = "simplify the pattern: large counted repetitions cost most".to_owned();
                    mistakes.push(Mistake { span, message: format!("the pattern does not compile: {error}"), help });
                }
                let spans = companion_spans.iter().zip(rule.rule.companions.iter());
                mistakes.extend(spans.filter_map(|(span, companion)| {
                    let error = compile_companion(companion).err()?;
                    let help = "simplify the pattern".to_owned();
                    Some(Mistake {
                        span: span.clone(),
                        message: format!("the companion does not compile: {error}"),
                        help,
                    })
                }));
                rules.push(rule);
            }
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
}

fn companion(entry: CompanionEntry) -> Companion {
    Companion {
        name: entry.name.into_inner().into(),
        pattern: entry.pattern.into_inner().into(),
        within: entry.within.map_or(DEFAULT_WITHIN, Spanned::into_inner),
        required: entry.required,
        rule: entry.rule.map(|rule| rule.into_inner().into()),
    }
}

fn proven_rule(provider: &str, entry: RuleEntry, analysis: Analysis) -> ProvenRule {
    let owned = |list: Vec<Spanned<String>>| -> Cow<'static, [Cow<'static, str>]> {
        list.into_iter().map(|text| Cow::Owned(text.into_inner())).collect()
    };
    let samples = |list: Spanned<Vec<Spanned<String>>>| {
        list.into_inner().into_iter().map(|sample| Sample { span: sample.span(), text: sample.into_inner() }).collect()
    };
    let shape = match entry.shape {
        ShapeName::Prefix => Shape::Prefix { offset: entry.offset.map_or(0, Spanned::into_inner) },
        ShapeName::Near => Shape::Near { distance: entry.near.map_or(0, Spanned::into_inner) },
        ShapeName::Context => Shape::Context {
            words: entry.words.map(|words| owned(words.into_inner())).unwrap_or_default(),
            distance: entry.near.map_or(DISTANCE, Spanned::into_inner),
        },
        ShapeName::Assignment => Shape::Assignment,
        ShapeName::Block => Shape::Block { until: entry.until.map_or_else(String::new, Spanned::into_inner).into() },
    };
    let id_span = entry.id.span();
    let rule = Rule {
        meta: RuleMeta {
            id: entry.id.into_inner().into(),
            name: entry.name.into(),
            provider: provider.to_owned().into(),
            severity: entry.severity,
            kind: entry.kind,
            identity: entry.identity,
            references: entry.references.into_iter().map(Cow::Owned).collect(),
        },
        keywords: owned(entry.keywords.into_inner()),
        ignore_case: entry.ignore_case || entry.shape == ShapeName::Context,
        shape,
        pattern: entry.pattern.into_inner().into(),
        has_groups: analysis.has_groups,
        max_span: analysis.max_span,
        min_len: analysis.min_len,
        alphabet: analysis.alphabet,
        follows: analysis.follows,
        boundary: analysis.boundary,
        entropy: entry.entropy.unwrap_or(0.0),
        min_digits: entry.min_digits,
        checksum: entry.checksum,
        decoded_bytes: entry.decoded_bytes,
        allow: owned(entry.allow),
        supersedes: owned(entry.supersedes),
        generic: entry.generic,
        identifier: entry.identifier,
        companions: entry.companion.into_iter().map(companion).collect(),
    };
    ProvenRule { rule, id_span, positives: samples(entry.positives), negatives: samples(entry.negatives) }
}
