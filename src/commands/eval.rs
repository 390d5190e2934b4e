//! `unleak eval`: precision and recall on a labelled corpus.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{CommandError, Env, ExitCode, RuleChoice, output};
use crate::{
    engine::{Scanner, ScannerOptions},
    eval::{Confusion, Corpus, Counts, Evaluation, Floor, Lexicon, Mixup, Shortfall, evaluate, fit},
    model::{DisplayPath, Escaped},
};

/// How an evaluation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalFormat {
    /// Tables for a person.
    Human,
    /// One JSON object.
    Json,
}

/// Everything that `unleak eval` may be told.
#[derive(Clone, Debug)]
pub struct EvalSettings {
    /// The corpus's directory.
    pub corpus: PathBuf,
    /// Which rules.
    pub rules: RuleChoice,
    /// How the scanner judges.
    pub scanner: ScannerOptions,
    /// How often each case is expanded.
    pub variants: u64,
    /// How the result is written.
    pub format: EvalFormat,
    /// If given: fit the generic model and write its points to this file, instead of measuring.
    pub fit: Option<PathBuf>,
    /// If not empty: read these texts and write the tables of spelling to `lexicon_dir`, instead of measuring.
    pub lexicon_texts: Vec<PathBuf>,
    /// Where those tables go.
    pub lexicon_dir: PathBuf,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Measured<'a> {
    variants: u64,
    min_score: u8,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    below_floor: &'a [Shortfall],
}

/// Measures, and compares with the floor.
///
/// # Errors
/// If rules or corpus can't be loaded or the result can't be written.
pub fn run(settings: &EvalSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    if !settings.lexicon_texts.is_empty() {
        return make_lexicon(settings, env);
    }
    let corpus = Corpus::load(&settings.corpus)?;
    if let Some(path) = &settings.fit {
        return fit_points(settings, &corpus, path, env);
    }
    let floor = Floor::load(&settings.corpus)?;
    let scanner = Scanner::new(settings.rules.load(env.warn)?, &settings.scanner);
    let evaluation = evaluate(&corpus, &scanner, settings.variants)?;
    let shortfalls = floor.as_ref().map(|floor| floor.shortfalls(&evaluation)).unwrap_or_default();
    output::write(None, env, &|out| match settings.format {
        EvalFormat::Json => {
            let min_score = settings.scanner.min_score;
            let result =
                Measured { variants: settings.variants, min_score, evaluation: &evaluation, below_floor: &shortfalls };
            serde_json::to_writer_pretty(&mut *out, &result)?;
            writeln!(out)
        }
        EvalFormat::Human => {
            writeln!(
                out,
                "{} cases, {} lines, {} marked spans, each expanded {} times; score {} and up counts",
                corpus.cases.len(),
                evaluation.lines,
                evaluation.spans,
                settings.variants,
                settings.scanner.min_score
            )?;
            write_evaluation(&evaluation, out)?;
            write_shortfalls(floor.is_some(), &shortfalls, out)
        }
    })?;
    Ok(if shortfalls.is_empty() { ExitCode::Clean } else { ExitCode::Findings })
}

/// Fits the generic model's points and writes them.
fn fit_points(
    settings: &EvalSettings,
    corpus: &Corpus,
    path: &Path,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let scanner =
        Scanner::new(settings.rules.load(env.warn)?, &ScannerOptions { min_score: 0, ..settings.scanner.clone() });
    let fit = fit(corpus, &scanner, settings.variants)?;
    output::write(Some(path), env, &|out| out.write_all(fit.to_source().as_bytes()))?;
    let path = DisplayPath(path);
    output::write(None, env, &|out| {
        writeln!(
            out,
            "fitted on {} candidates, {} of them secrets; points are in {path}",
            fit.candidates, fit.secrets
        )?;
        write_counts(
            "candidates held out",
            &fit.held_out.iter().copied().map(|(n, c)| (n.to_owned(), c)).collect(),
            out,
        )
    })?;
    Ok(ExitCode::Clean)
}

/// Makes the tables of spelling from texts.
fn make_lexicon(settings: &EvalSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut lexicon = Lexicon::default();
    let mut bytes = 0;
    for dir in &settings.lexicon_texts {
        let path = DisplayPath(dir).to_string();
        bytes += lexicon.read(dir).map_err(|source| CommandError::Read { path, source })?;
    }
    let (triples, words) = lexicon.into_tables();
    for (name, table) in [("triples.bin", triples.as_slice()), ("words.txt", words.as_bytes())] {
        output::write(Some(&settings.lexicon_dir.join(name)), env, &|out| out.write_all(table))?;
    }
    output::write(None, env, &|out| writeln!(out, "tables made of {bytes} bytes of text"))?;
    Ok(ExitCode::Clean)
}

fn write_evaluation(evaluation: &Evaluation, out: &mut dyn Write) -> io::Result<()> {
    write_confusions(&evaluation.confusions, out)?;
    writeln!(out, "\nby rule                                     right    wrong  precision")?;
    for (rule, counts) in &evaluation.by_rule {
        writeln!(out, "  {rule:40} {:8} {:8}   {:7.3}", counts.right, counts.wrong, counts.precision())?;
    }
    write_counts("by file type", &evaluation.by_file_type, out)?;
    write_counts("by category", &evaluation.by_category, out)?;
    let negatives: Vec<String> =
        evaluation.negatives.iter().map(|(category, count)| format!("{category} {count}")).collect();
    writeln!(out, "  marked as no secrets: {}", negatives.join(", "))?;
    let halves = BTreeMap::from([
        ("fitted on".to_owned(), evaluation.halves[0]),
        ("held out".to_owned(), evaluation.halves[1]),
        ("overall".to_owned(), evaluation.overall),
    ]);
    write_counts("all", &halves, out)
}

fn write_confusions(confusions: &[Confusion], out: &mut dyn Write) -> io::Result<()> {
    for (mixup, title) in [(Mixup::Missed, "secrets that were missed"), (Mixup::Wrong, "findings that are no secrets")]
    {
        let of_kind: Vec<_> = confusions.iter().filter(|confusion| confusion.mixup == mixup).collect();
        writeln!(out, "\n{title}: {} places", of_kind.len())?;
        for Confusion { case, path, line, category, rules, variants, .. } in of_kind {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            let rules = if rules.is_empty() { "no rule looked".to_owned() } else { rules.join("; ") };
            let path = Escaped(path.as_bytes());
            writeln!(out, "  {case}/{path}:{line}: {category}, {variants} times: {rules}")?;
        }
    }
    Ok(())
}

fn write_counts(title: &str, table: &BTreeMap<String, Counts>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{title:26}    found   missed    wrong  precision   recall       F1")?;
    for (name, counts) in table {
        let Counts { found, missed, wrong } = counts;
        let (precision, recall, f1) = (counts.precision(), counts.recall(), counts.f1());
        let name = Escaped(name.as_bytes()).to_string();
        writeln!(out, "  {name:24} {found:8} {missed:8} {wrong:8}   {precision:8.3} {recall:8.3} {f1:8.3}")?;
    }
    Ok(())
}

fn write_shortfalls(has_floor: bool, shortfalls: &[Shortfall], out: &mut dyn Write) -> io::Result<()> {
    match (has_floor, shortfalls) {
        (false, _) => writeln!(out, "\nno floor: the corpus has no metrics.toml"),
        (true, []) => writeln!(out, "\nat or above the floor of metrics.toml"),
        (true, low) => {
            writeln!(out, "\nbelow the floor of metrics.toml:")?;
            for Shortfall { what, figure, measured, least } in low {
                writeln!(out, "  {what}: {figure} {measured:.3} is below {least:.3}")?;
            }
            Ok(())
        }
    }
}
