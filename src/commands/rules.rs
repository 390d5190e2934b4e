//! `unleak rules list|show|check|new`.

mod skeleton;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{CommandError, Env, ExitCode, RuleChoice, output, rule_choice::repeated_ids};
use crate::{
    engine::prove,
    model::{DisplayPath, RuleMeta, Severity},
    report::count,
    rule::{LoadedFile, Mistake, ProvenRule, Rule, RuleError, builtin, load},
};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// Columns for a person.
    Table,
    /// A JSON array.
    Json,
}

/// Which rules to list: those that meet every condition that there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFilter {
    /// Stands in the id, the name or the provider, in either case.
    pub text: Option<String>,
    /// The provider, as in ids.
    pub provider: Option<String>,
    /// The credential's kind.
    pub kind: Option<String>,
    /// The severity.
    pub severity: Option<Severity>,
    /// The shape.
    pub shape: Option<String>,
}

impl RuleFilter {
    /// Refuses a provider, kind or shape that none of the rules has.
    fn check(&self, rules: &[Rule]) -> Result<(), CommandError> {
        let asked = [("provider", &self.provider), ("kind", &self.kind), ("shape", &self.shape)];
        for (what, value) in asked {
            let Some(value) = value else { continue };
            let has = |rule: &Rule| match what {
                "provider" => provider_of(rule) == value,
                "kind" => rule.meta.kind.as_str() == value,
                _ => rule.shape.as_str() == value,
            };
            if !rules.iter().any(has) {
                return Err(CommandError::NoRuleWith { what, value: value.clone() });
            }
        }
        Ok(())
    }

    fn passes(&self, rule: &Rule) -> bool {
        let RuleMeta { id, name, provider, .. } = &rule.meta;
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let has_text = |text: &String| {
            let text = text.to_lowercase();
            [id, name, provider].iter().any(|place| place.to_lowercase().contains(&text))
        };
        self.text.as_ref().is_none_or(has_text)
            && is(&self.provider, provider_of(rule))
            && is(&self.kind, rule.meta.kind.as_str())
            && self.severity.is_none_or(|severity| severity == rule.meta.severity)
            && is(&self.shape, rule.shape.as_str())
    }
}

/// The provider, as in ids.
fn provider_of(rule: &Rule) -> &str {
    rule.meta.id.split('.').next().unwrap_or_default()
}

/// A rule as `list` and `show` write it.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    meta: &'a RuleMeta,
    shape: &'static str,
    keywords: &'a [std::borrow::Cow<'static, str>],
    pattern: &'a str,
    max_span: usize,
    checksum: Option<String>,
    identifier: bool,
    companions: Vec<&'a str>,
}

impl<'a> Described<'a> {
    fn new(rule: &'a Rule) -> Described<'a> {
        let (meta, shape, keywords) = (&rule.meta, rule.shape.as_str(), rule.keywords.as_ref());
        Described {
            meta,
            shape,
            keywords,
            pattern: &rule.pattern,
            max_span: rule.max_span,
            checksum: rule.checksum.map(|checksum| checksum.to_string()),
            identifier: rule.identifier,
            companions: rule.companions.iter().map(|companion| companion.name.as_ref()).collect(),
        }
    }
}

/// Lists the rules.
///
/// # Errors
/// If rules can't be loaded or the list can't be written.
pub fn list(
    choice: &RuleChoice,
    filter: &RuleFilter,
    format: ListFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let mut rules = choice.load(env.warn)?;
    filter.check(&rules)?;
    rules.retain(|rule| filter.passes(rule));
    output::write(None, env, &|out| match format {
        ListFormat::Json => {
            let all: Vec<_> = rules.iter().map(Described::new).collect();
            serde_json::to_writer_pretty(&mut *out, &all)?;
            writeln!(out)
        }
        ListFormat::Table => {
            let width = rules.iter().map(|rule| rule.meta.id.len()).max().unwrap_or(0);
            for rule in &rules {
                writeln!(out, "{:width$}  {:8}  {}", rule.meta.id, rule.meta.severity, rule.meta.name)?;
            }
            writeln!(out, "{}", count(rules.len() as u64, "rule"))
        }
    })?;
    Ok(ExitCode::Clean)
}

/// Shows one rule.
///
/// # Errors
/// If there is no such rule, or as for [`list`].
pub fn show(id: &str, choice: &RuleChoice, format: ListFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let rules = choice.load(env.warn)?;
    let rule = rules.iter().find(|rule| rule.meta.id == id).ok_or_else(|| CommandError::UnknownRule(id.to_owned()))?;
    output::write(None, env, &|out| match format {
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &Described::new(rule))?;
            writeln!(out)
        }
        ListFormat::Table => write_rule(rule, out),
    })?;
    Ok(ExitCode::Clean)
}

fn write_rule(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let meta = &rule.meta;
    writeln!(out, "{}\n  {}", meta.id, meta.name)?;
    let rows = [
        ("provider", meta.provider.to_string()),
        ("severity", meta.severity.to_string()),
        ("kind", meta.kind.as_str().to_owned()),
        ("identity", meta.identity.as_str().to_owned()),
        ("shape", rule.shape.as_str().to_owned()),
        ("keywords", rule.keywords.join("  ")),
        ("pattern", rule.pattern.to_string()),
        ("checksum", rule.checksum.map_or_else(String::new, |checksum| checksum.to_string())),
        ("identifier", if rule.identifier { "a public part of a credential".to_owned() } else { String::new() }),
        ("companions", rule.companions.iter().map(|c| c.name.as_ref()).collect::<Vec<_>>().join("  ")),
        ("longest", format!("{} bytes", rule.max_span)),
        ("references", meta.references.join("  ")),
    ];
    rows.iter().filter(|(_, value)| !value.is_empty()).try_for_each(|(key, value)| writeln!(out, "  {key:10}  {value}"))
}

/// Shows one mistake of a rule file: its path, its text, and the mistake.
pub type ShowMistake<'a> = dyn Fn(&Path, &str, &Mistake) -> String + 'a;

/// What to prove, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckSettings {
    /// Rule files, or directories of them.
    pub paths: Vec<PathBuf>,
    /// Are rules proven even if other files have mistakes?
    pub keep_going: bool,
    /// Are they proven by themselves, not beside the built-in rules?
    pub without_builtin: bool,
}

/// Proves the rules of files and directories by their samples, and shows every mistake.
///
/// # Errors
/// If a file can't be read or the result can't be written.
pub fn check(
    settings: &CheckSettings,
    show_mistake: &ShowMistake<'_>,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let beside = if settings.without_builtin { &[] } else { builtin() };
    let (mut files, mut failed) = (Vec::new(), Vec::new());
    for result in settings.paths.iter().flat_map(|path| load(path)) {
        match result {
            Ok(file) => files.push(file),
            Err(error @ RuleError::Mistakes { .. }) => failed.push(error),
            Err(error) => return Err(CommandError::Rules(vec![error])),
        }
    }
    failed.extend(repeated_ids(&files, beside));
    let mut shown: Vec<String> = failed.iter().flat_map(|error| shown_mistakes(error, show_mistake)).collect();
    let stopped = !settings.keep_going && !shown.is_empty();
    if !stopped {
        shown.extend(failed_proofs(&files, beside, show_mistake));
    }
    let rules = count(files.iter().map(|file| file.rules.len() as u64).sum(), "rule");
    let files = count(files.len() as u64, "file");
    output::write(None, env, &|out| {
        shown.iter().try_for_each(|text| writeln!(out, "{text}\n"))?;
        match shown.len() {
            0 => writeln!(out, "{rules} in {files}: proven."),
            mistakes => {
                writeln!(out, "{}; {rules} in {files} read.", count(mistakes as u64, "mistake"))?;
                if stopped {
                    writeln!(out, "No rule was proven; --keep-going proves those that were read.")
                } else {
                    Ok(())
                }
            }
        }
    })?;
    Ok(if shown.is_empty() { ExitCode::Clean } else { ExitCode::Failure })
}

fn shown_mistakes(error: &RuleError, show_mistake: &ShowMistake<'_>) -> Vec<String> {
    match error {
        RuleError::Mistakes { path, text, mistakes } => {
            mistakes.iter().map(|mistake| show_mistake(path, text, mistake)).collect()
        }
        other => vec![other.to_string()],
    }
}

/// Writes the skeleton of a rule file.
///
/// # Errors
/// If `id` is none, the file exists already, or it can't be written.
pub fn new(id: &str, path: Option<&Path>, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let text = skeleton::of(id).ok_or_else(|| CommandError::NotARuleId(id.to_owned()))?;
    if let Some(path) = path.filter(|path| path.symlink_metadata().is_ok()) {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(CommandError::Write { path: DisplayPath(path).to_string(), source });
    }
    output::write(path, env, &|out| out.write_all(text.as_bytes()))?;
    Ok(ExitCode::Clean)
}

fn failed_proofs(files: &[LoadedFile], beside: &[Rule], show_mistake: &ShowMistake<'_>) -> Vec<String> {
    let of_file: Vec<&LoadedFile> = files.iter().flat_map(|file| std::iter::repeat_n(file, file.rules.len())).collect();
    let rules: Vec<_> = files.iter().flat_map(|file| file.rules.clone()).collect();
    let mistakes = prove(&rules, beside);
    let unknown = rules
        .iter()
        .enumerate()
        .flat_map(|(index, rule)| unknown_superseded(rule, &rules).into_iter().map(move |mistake| (index, mistake)));
    let all = mistakes.into_iter().chain(unknown);
    all.map(|(rule, m)| show_mistake(&of_file[rule].path, &of_file[rule].text, &m)).collect()
}

fn unknown_superseded(proven: &ProvenRule, rules: &[ProvenRule]) -> Vec<Mistake> {
    let exists = |id: &str| rules.iter().map(|r| &r.rule).chain(builtin()).any(|rule| rule.meta.id == id);
    let unknown = proven.rule.supersedes.iter().filter(|id| !exists(id));
    unknown
        .map(|id| Mistake {
            span: proven.id_span.clone(),
            message: format!("it supersedes `{id}`, which does not exist"),
            help: "`unleak rules list` shows the ids".to_owned(),
        })
        .collect()
}
