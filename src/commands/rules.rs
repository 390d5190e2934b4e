//! `unleak rules list|show|check`.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{CommandError, Env, ExitCode, RuleChoice, output};
use crate::{
    engine::prove,
    model::RuleMeta,
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

/// A rule as `list` and `show` write it.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    meta: &'a RuleMeta,
    shape: &'static str,
    keywords: &'a [std::borrow::Cow<'static, str>],
    pattern: &'a str,
    max_span: usize,
}

impl<'a> Described<'a> {
    fn new(rule: &'a Rule) -> Described<'a> {
        let (meta, shape, keywords) = (&rule.meta, rule.shape.as_str(), rule.keywords.as_ref());
        Described { meta, shape, keywords, pattern: &rule.pattern, max_span: rule.max_span }
    }
}

/// Lists the rules.
///
/// # Errors
/// If rules can't be loaded or the list can't be written.
pub fn list(choice: &RuleChoice, format: ListFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let rules = choice.load()?;
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
            writeln!(out, "{} rules", rules.len())
        }
    })?;
    Ok(ExitCode::Clean)
}

/// Shows one rule.
///
/// # Errors
/// If there is no such rule, or as for [`list`].
pub fn show(id: &str, choice: &RuleChoice, format: ListFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let rules = choice.load()?;
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
        ("longest", format!("{} bytes", rule.max_span)),
        ("references", meta.references.join("  ")),
    ];
    rows.iter().filter(|(_, value)| !value.is_empty()).try_for_each(|(key, value)| writeln!(out, "  {key:10}  {value}"))
}

/// Shows one mistake of a rule file: its path, its text, and the mistake.
pub type ShowMistake<'a> = dyn Fn(&Path, &str, &Mistake) -> String + 'a;

/// Proves the rules of files and directories by their samples, and shows every mistake.
///
/// # Errors
/// If a file can't be read or the result can't be written.
pub fn check(paths: &[PathBuf], show_mistake: &ShowMistake<'_>, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let (mut files, mut shown) = (Vec::new(), Vec::new());
    for result in paths.iter().flat_map(|path| load(path)) {
        match result {
            Ok(file) => files.push(file),
            Err(RuleError::Mistakes { path, text, mistakes }) => {
                shown.extend(mistakes.iter().map(|mistake| show_mistake(&path, &text, mistake)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    shown.extend(failed_proofs(&files, show_mistake));
    let count: usize = files.iter().map(|file| file.rules.len()).sum();
    output::write(None, env, &|out| {
        shown.iter().try_for_each(|text| writeln!(out, "{text}\n"))?;
        match shown.len() {
            0 => writeln!(out, "{count} rules in {} files are proven.", files.len()),
            mistakes => writeln!(out, "{mistakes} mistakes; {count} rules in {} files were read.", files.len()),
        }
    })?;
    Ok(if shown.is_empty() { ExitCode::Clean } else { ExitCode::Failure })
}

fn failed_proofs(files: &[LoadedFile], show_mistake: &ShowMistake<'_>) -> Vec<String> {
    let of_file: Vec<&LoadedFile> = files.iter().flat_map(|file| std::iter::repeat_n(file, file.rules.len())).collect();
    let rules: Vec<_> = files.iter().flat_map(|file| file.rules.clone()).collect();
    let mistakes = prove(&rules);
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
