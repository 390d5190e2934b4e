//! `unleak scan`: read, scan, report.

use std::{io::Read, path::PathBuf, sync::atomic::Ordering};

use super::{CommandError, Env, ExitCode, RuleChoice, fingerprint_key, output};
use crate::{
    engine::{FingerprintKey, ScanOptions, Scanner, ScannerOptions},
    model::{DisplayPath, Problem, ProblemKind, Provenance, ScanReport, Severity},
    report::{Format, ReportOptions},
    source::{FileOptions, Files, Source, Stream, read_paths},
};

/// What to scan.
#[derive(Clone, Debug)]
pub enum Target {
    /// Files and directories.
    Paths(Vec<PathBuf>),
    /// The paths listed in a file; `-` is standard input.
    ListedIn(PathBuf),
    /// Standard input itself.
    Stdin,
}

/// What becomes of the history of git repositories that a walk meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// It is listed as not scanned.
    Reported,
    /// It is meant to be left out.
    LeftOut,
}

/// Everything that `unleak scan` may be told.
pub struct ScanSettings {
    /// What to scan.
    pub target: Target,
    /// How directories are walked.
    pub files: FileOptions,
    /// What becomes of git history.
    pub history: History,
    /// Which rules.
    pub rules: RuleChoice,
    /// How the scanner judges.
    pub scanner: ScannerOptions,
    /// How many threads; at least 1.
    pub threads: usize,
    /// Report format.
    pub format: &'static Format,
    /// What the report shows.
    pub report: ReportOptions,
    /// Where the report goes; standard output if `None`.
    pub output: Option<PathBuf>,
    /// Findings from here up make the exit code 1; never if `None`.
    pub fail_on: Option<Severity>,
    /// Does an incomplete scan without findings count as clean?
    pub allow_incomplete: bool,
    /// File that holds the fingerprint key.
    pub fingerprint_key: Option<PathBuf>,
}

/// Runs the scan and writes the report.
///
/// # Errors
/// What keeps the scan from running, or the report from being written.
pub fn run(settings: &ScanSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let scanner = Scanner::new(settings.rules.load()?, &settings.scanner);
    let report = match roots(&settings.target)? {
        None => scan(settings, &scanner, &Stream::new("<stdin>", std::io::stdin()), env)?,
        Some(roots) => {
            let files = Files::new(roots, settings.files.clone())?;
            let mut report = scan(settings, &scanner, &files, env)?;
            if settings.history == History::Reported {
                report.problems.extend(files.stores().into_iter().map(history_not_scanned));
                report.problems.sort();
            }
            report
        }
    };
    let write = |out: &mut dyn std::io::Write| settings.format.reporter.write(&report, &settings.report, out);
    output::write(settings.output.as_deref(), env, &write)?;
    Ok(exit_code(settings, &report, env.interrupt.load(Ordering::Relaxed)))
}

fn history_not_scanned(store: PathBuf) -> Problem {
    let message = "commits are not read yet; --no-history says that they are not meant to be".to_owned();
    Problem { provenance: Provenance::File(store), kind: ProblemKind::HistoryNotScanned, message }
}

/// The files and directories to scan; none for standard input.
fn roots(target: &Target) -> Result<Option<Vec<PathBuf>>, CommandError> {
    let roots = match target {
        Target::Stdin => return Ok(None),
        Target::Paths(paths) => paths.clone(),
        Target::ListedIn(path) => {
            let listed = if path.as_os_str() == "-" {
                read_paths(&mut std::io::stdin().lock())
            } else {
                std::fs::File::open(path).and_then(|mut file| read_paths(&mut file as &mut dyn Read))
            };
            listed.map_err(|source| CommandError::Read { path: DisplayPath(path).to_string(), source })?
        }
    };
    Ok(Some(roots))
}

fn scan(
    settings: &ScanSettings,
    scanner: &Scanner,
    source: &dyn Source,
    env: &Env<'_>,
) -> Result<ScanReport, CommandError> {
    let failed = std::cell::RefCell::new(None);
    let key = || {
        fingerprint_key::read(settings.fingerprint_key.as_deref(), env).unwrap_or_else(|error| {
            *failed.borrow_mut() = Some(error);
            FingerprintKey::new([0; 32])
        })
    };
    let options = ScanOptions {
        threads: settings.threads,
        timed: settings.report.stats,
        key: &key,
        interrupt: env.interrupt,
        progress: env.progress,
    };
    let report = scanner.scan(source, &options);
    failed.into_inner().map_or(Ok(report), Err)
}

fn exit_code(settings: &ScanSettings, report: &ScanReport, interrupted: bool) -> ExitCode {
    let counts = |severity: Severity| settings.fail_on.is_some_and(|least| severity >= least);
    if interrupted {
        ExitCode::Interrupted
    } else if report.findings.iter().any(|finding| counts(finding.rule.severity)) {
        ExitCode::Findings
    } else if !report.problems.is_empty() && !settings.allow_incomplete {
        ExitCode::Incomplete
    } else {
        ExitCode::Clean
    }
}
