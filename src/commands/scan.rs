//! `unleak scan`: read, scan, report.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

#[cfg(feature = "export")]
use super::exports;
use super::{ChangeChoice, CommandError, Env, ExitCode, RuleChoice, changes, fingerprint_key, output};
use crate::{
    engine::{FingerprintKey, Scan, ScanOptions, Scanner, ScannerOptions},
    model::{DisplayPath, Problem, ProblemKind, Provenance, ScanReport, Severity},
    report::{Format, ReportOptions},
    source::{
        FileOptions, Files, Stream,
        git::{OpenError, Repository},
        read_paths,
        remote::{self, CloneOptions, Remote},
    },
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
    /// Changes in the repository that this path is in.
    Changes {
        /// A path in it.
        repository: PathBuf,
        /// Which changes.
        choice: ChangeChoice,
    },
}

/// How much of the git repositories that a walk meets is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Files, and the history of each repository.
    Included,
    /// Files alone.
    LeftOut,
    /// History alone; of files those of the git directory.
    Only,
}

/// Everything that `unleak scan` may be told.
pub struct ScanSettings {
    /// What to scan.
    pub target: Target,
    /// How directories are walked.
    pub files: FileOptions,
    /// How much of git repositories is scanned.
    pub history: History,
    /// Is every version of a file to be scanned in full, too, to prove that nothing is missed?
    pub paranoid: bool,
    /// How exports of chats, tickets and the like are read.
    #[cfg(feature = "export")]
    pub exports: crate::source::export::ExportOptions,
    /// How repositories on other machines are cloned.
    pub clone: CloneOptions,
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
    /// Is it to be recorded in a store, and how?
    #[cfg(feature = "identity")]
    pub record: Option<super::findings::RecordSettings>,
}

/// Runs the scan and writes the report.
///
/// # Errors
/// What keeps the scan from running, or the report from being written.
pub fn run(settings: &ScanSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let scanner = Scanner::new(settings.rules.load()?, &settings.scanner);
    #[cfg(feature = "identity")]
    let mut recording = super::findings::Recording::begin(settings, env)?;
    #[cfg_attr(
        not(feature = "identity"),
        allow(unused_mut, unused_variables, reason = "there is no store to record in")
    )]
    let (mut report, key) = scan(settings, &scanner, env)?;
    // The report is written also if it can't be recorded.
    #[cfg(feature = "identity")]
    let recorded = recording.as_mut().map_or(Ok(()), |recording| recording.record(key.as_ref(), &mut report, env));
    let write = |out: &mut dyn std::io::Write| settings.format.reporter.write(&report, &settings.report, out);
    output::write(settings.output.as_deref(), env, &write)?;
    #[cfg(feature = "identity")]
    recorded?;
    Ok(exit_code(settings, &report, env.interrupt.load(Ordering::Relaxed)))
}

/// The paths that a file (`-` is standard input) lists.
fn listed(list: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let paths = if list.as_os_str() == "-" {
        read_paths(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(list).and_then(|mut file| read_paths(&mut file as &mut dyn Read))
    };
    paths.map_err(|source| CommandError::Read { path: DisplayPath(list).to_string(), source })
}

/// The report, and the key of its fingerprints if it has any.
fn scan(
    settings: &ScanSettings,
    scanner: &Scanner,
    env: &Env<'_>,
) -> Result<(ScanReport, Option<FingerprintKey>), CommandError> {
    let asked = std::cell::RefCell::new(None);
    let key = || {
        let key = fingerprint_key::read(settings.fingerprint_key.as_deref(), env);
        let usable = key.as_ref().map_or_else(|_| FingerprintKey::new([0; 32]), FingerprintKey::clone);
        *asked.borrow_mut() = Some(key);
        usable
    };
    let options = ScanOptions {
        threads: settings.threads,
        timed: settings.report.stats,
        paranoid: settings.paranoid,
        key: &key,
        interrupt: env.interrupt,
        progress: env.progress,
    };
    let mut scan = Scan::new(scanner, &options);
    match &settings.target {
        Target::Stdin => scan.run(&Stream::new("<stdin>", std::io::stdin())),
        Target::Changes { repository, choice } => changes::scan(repository, choice, &mut scan, env)?,
        Target::Paths(paths) => scan_paths(settings, paths.clone(), &mut scan, env)?,
        Target::ListedIn(list) => scan_paths(settings, listed(list)?, &mut scan, env)?,
    }
    let report = scan.finish();
    Ok((report, asked.into_inner().transpose()?))
}

/// Scans files, then the history of each repository among them, then repositories on other machines.
fn scan_paths(
    settings: &ScanSettings,
    paths: Vec<PathBuf>,
    scan: &mut Scan<'_>,
    env: &Env<'_>,
) -> Result<(), CommandError> {
    let mut remotes = Vec::new();
    let mut roots = Vec::new();
    let count = paths.len();
    #[cfg(feature = "export")]
    let paths = exports::scan_named(settings, paths, scan)?;
    if paths.is_empty() && count > 0 {
        return Ok(());
    }
    for path in paths {
        match Remote::parse(path.as_os_str()) {
            Some(remote) => remotes.push(remote?),
            None => roots.push(path),
        }
    }
    if !roots.is_empty() || remotes.is_empty() {
        scan_local(settings, roots, scan)?;
    }
    for remote in remotes {
        let cloned = remote::clone(&remote, &settings.clone, env.interrupt)?;
        match Repository::open(cloned.path()) {
            Ok(repository) => scan.run(&repository.named(cloned.display_url())),
            Err(error) => scan.problem(not_a_repository(cloned.path(), &error)),
        }
    }
    Ok(())
}

fn scan_local(settings: &ScanSettings, roots: Vec<PathBuf>, scan: &mut Scan<'_>) -> Result<(), CommandError> {
    let roots = if settings.history == History::Only { git_dirs(roots, scan) } else { roots };
    let files = Files::new(roots, settings.files.clone())?;
    #[cfg(feature = "export")]
    let files = exports::scan_files(settings, files, scan)?;
    #[cfg(not(feature = "export"))]
    scan.run(&files);
    if settings.history == History::LeftOut {
        return Ok(());
    }
    for objects in files.stores() {
        let dir = objects.parent().unwrap_or(&objects);
        match Repository::open(dir) {
            Ok(repository) => scan.run(&repository),
            Err(error) => scan.problem(not_a_repository(dir, &error)),
        }
    }
    Ok(())
}

/// The git directories of repositories, whose files (configuration, reflogs, packed refs) belong to the history.
fn git_dirs(roots: Vec<PathBuf>, scan: &mut Scan<'_>) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for root in roots {
        match Repository::open(&root) {
            Ok(repository) => dirs.push(repository.store().common_dir().to_owned()),
            Err(error) => scan.problem(not_a_repository(&root, &error)),
        }
    }
    dirs
}

fn not_a_repository(path: &Path, error: &OpenError) -> Problem {
    let provenance = Provenance::File(path.to_owned());
    Problem { provenance, kind: ProblemKind::HistoryNotScanned, message: error.to_string() }
}

fn exit_code(settings: &ScanSettings, report: &ScanReport, interrupted: bool) -> ExitCode {
    let counts = |severity: Severity| settings.fail_on.is_some_and(|least| severity >= least);
    if interrupted {
        ExitCode::Interrupted
    } else if report.findings.iter().any(|finding| counts(finding.rule.severity) && !finding.is_old()) {
        ExitCode::Findings
    } else if !report.problems.is_empty() && !settings.allow_incomplete {
        ExitCode::Incomplete
    } else {
        ExitCode::Clean
    }
}
