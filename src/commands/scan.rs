//! `unleak scan`: read, scan, report.

use std::{
    collections::BTreeSet,
    io::Read,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

#[cfg(feature = "export")]
use super::exports;
use super::{
    CachePlace, ChangeChoice, ChangeScope, CommandError, Env, ExitCode, RuleChoice, cache, changes, fingerprint_key,
    output,
};
use crate::{
    config::{Config, ConfigChoice, Surroundings},
    engine::{FingerprintKey, Scan, ScanOptions, Scanner, ScannerOptions},
    model::{
        DisplayPath, Finding, GitTime, Occurrence, Part, Problem, ProblemKind, Provenance, ScanReport, Secret, Severity,
    },
    report::{Format, ReportOptions},
    rule::builtin,
    source::{
        Excludes, FileOptions, Files,
        git::{OpenError, Repository, submodules},
        read_paths,
        remote::{self, CloneOptions, Remote, RemoteError},
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
    Stdin {
        /// Is it an error if it is no export?
        is_export: bool,
    },
    /// Changes in the repository that this path is in.
    Changes {
        /// A path in it.
        repository: PathBuf,
        /// How much of it.
        scope: ChangeScope,
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

/// Which findings are reason to fail: severity and confidence are separate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The least severity: harm of a live credential.
    pub severity: Severity,
    /// The least score: how sure we are that it is one.
    pub score: u8,
}

impl Threshold {
    fn is_met(self, finding: &Finding) -> bool {
        finding.severity >= self.severity && finding.score >= self.score
    }
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
    /// Where it is kept which objects hold nothing, so that the next scan can leave them out; nowhere if `None`.
    pub cache: Option<CachePlace>,
    /// How repositories on other machines are cloned.
    pub clone: CloneOptions,
    /// Which rules.
    pub rules: RuleChoice,
    /// Which configuration file.
    pub config: ConfigChoice,
    /// How the scanner judges.
    pub scanner: ScannerOptions,
    /// Least score, if it was asked for; else the configuration's, else the scanner's.
    pub min_score: Option<u8>,
    /// How many threads; at least 1.
    pub threads: usize,
    /// Report format.
    pub format: &'static Format,
    /// What the report shows.
    pub report: ReportOptions,
    /// Where the report goes; standard output if `None`.
    pub output: Option<PathBuf>,
    /// Findings from here up make the exit code 1; never if `None`.
    pub fail_on: Option<Threshold>,
    /// Does an incomplete scan without findings count as clean?
    pub allow_incomplete: bool,
    /// File that holds the fingerprint key.
    pub fingerprint_key: Option<PathBuf>,
    /// Is it to be recorded in a store, and how?
    #[cfg(feature = "identity")]
    pub record: Option<super::findings::RecordSettings>,
}

/// Settings with what the configuration says of them.
pub(super) struct Prepared {
    pub(super) config: Option<Config>,
    pub(super) scanner: Scanner,
    pub(super) files: FileOptions,
    /// Rule files that were left out.
    problems: Vec<Problem>,
}

/// What a scanner is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A report, in which what the configuration hides is counted: it has to be found.
    Report,
    /// To say what is found, and why.
    Explanation,
}

impl Prepared {
    pub(super) fn new(settings: &ScanSettings, purpose: Purpose, env: &mut Env<'_>) -> Result<Prepared, CommandError> {
        let current_dir = std::env::current_dir().unwrap_or_default();
        let around = Surroundings { var: env.var, current_dir, user_dir: env.config_dir() };
        let config = Config::load(&settings.config, &around)?;
        let mut chosen = settings.rules.choose()?;
        let problems: Vec<Problem> = chosen.problems().collect();
        chosen.left_out.iter().for_each(|error| (env.warn)(&format!("left out: {error}")));
        let mut options = settings.scanner.clone();
        let mut files = settings.files.clone();
        if let Some(config) = &config {
            for id in config.unknown_rules(&[&chosen.rules, &chosen.others, builtin()]) {
                (env.warn)(&format!("{}: no rule is called `{id}`", DisplayPath(&config.path)));
            }
            config.adjust_rules(&mut chosen.rules);
            files.exclude.extend(config.walk_excludes());
            let of_config = match purpose {
                Purpose::Report => config.min_score(options.min_score),
                Purpose::Explanation => config.least_score(),
            };
            options.min_score = settings.min_score.or(of_config).unwrap_or(options.min_score);
            chosen.rules.retain(|rule| purpose == Purpose::Report || !config.is_off(&rule.meta.id));
        }
        Ok(Prepared { config, scanner: Scanner::new(chosen.rules, &options), files, problems })
    }
}

/// Runs the scan and writes the report.
///
/// # Errors
/// What keeps the scan from running, or the report from being written.
pub fn run(settings: &ScanSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let Prepared { config, scanner, files, problems } = Prepared::new(settings, Purpose::Report, env)?;
    let is_excluded = Excludes::new(settings.files.exclude.clone())?.in_repository();
    #[cfg(feature = "identity")]
    let mut recording = super::findings::Recording::begin(settings, config.as_ref(), env)?;
    #[cfg_attr(not(feature = "identity"), allow(unused_variables, reason = "there is no store to record in"))]
    let (mut report, key) = scan(settings, files, &scanner, env)?;
    report.problems.extend(problems);
    report.problems.sort();
    // At which paths a blob stood is known only now.
    report.findings.retain_mut(|finding| {
        finding.occurrences.retain(|Occurrence { provenance, .. }| {
            !matches!(provenance, Provenance::Git(_)) || !provenance.path().is_some_and(&is_excluded)
        });
        !finding.occurrences.is_empty()
    });
    if let Some(config) = &config {
        report.hidden.extend(scanner.secrets_in_paths([config.path.as_path()]));
        for reason in config.apply(&mut report, &today(env), settings.min_score) {
            (env.warn)(&format!("an allow entry of {} has expired: {reason}", DisplayPath(&config.path)));
        }
    }
    // The report is written also if it can't be recorded.
    #[cfg(feature = "identity")]
    let recorded = recording.as_mut().map_or(Ok(()), |recording| recording.record(key.as_ref(), &mut report, env));
    let write = |out: &mut dyn std::io::Write| settings.format.reporter.write(&report, &settings.report, out);
    output::write(settings.output.as_deref(), env, &write)?;
    // It has no secrets, and is thousands of small things: the end of the process is quicker than taking it apart.
    std::mem::forget(scanner);
    #[cfg(feature = "identity")]
    recorded?;
    Ok(exit_code(settings, &report, env.interrupt.load(Ordering::Relaxed)))
}

/// The day in UTC, as `2027-01-31`.
fn today(env: &Env<'_>) -> String {
    let seconds = (env.now)().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = GitTime { seconds: i64::try_from(seconds).unwrap_or(0), offset_minutes: 0 };
    now.to_string().chars().take(10).collect()
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
    files: FileOptions,
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
    let scan = Scan::new(scanner, &options);
    let mut scan = PathScan { settings, scanner, files, env, scan, indexes: Vec::new(), hidden: Vec::new() };
    match &settings.target {
        #[cfg(feature = "export")]
        Target::Stdin { is_export } => exports::scan_stdin(settings, *is_export, &mut scan.scan, env.interrupt)?,
        #[cfg(not(feature = "export"))]
        Target::Stdin { .. } => scan.scan.run(&crate::source::Stream::new("<stdin>", std::io::stdin())),
        Target::Changes { repository, scope, choice } => {
            changes::scan((repository, *scope), choice, &mut scan.scan, env)?;
        }
        Target::Paths(paths) => scan.paths(paths.clone())?,
        Target::ListedIn(list) => scan.paths(listed(list)?)?,
    }
    let hidden = std::mem::take(&mut scan.hidden);
    let mut report = scan.scan.finish();
    report.hidden.extend(hidden);
    report.findings.iter_mut().for_each(|finding| leave_out_indexes(finding, &scan.indexes));
    Ok((report, asked.into_inner().transpose()?))
}

/// A scan of paths: files, repositories, addresses.
struct PathScan<'a, 'e> {
    settings: &'a ScanSettings,
    scanner: &'a Scanner,
    files: FileOptions,
    env: &'a Env<'e>,
    scan: Scan<'a>,
    /// The indexes of repositories that were met.
    indexes: Vec<PathBuf>,
    /// Secrets in the names of the given paths.
    hidden: Vec<Secret>,
}

impl PathScan<'_, '_> {
    /// Scans files, then the history of each repository among them, then repositories on other machines.
    fn paths(&mut self, paths: Vec<PathBuf>) -> Result<(), CommandError> {
        let mut remotes = Vec::new();
        let mut roots = Vec::new();
        let count = paths.len();
        self.hidden = self.scanner.secrets_in_paths(paths.iter().map(PathBuf::as_path));
        #[cfg(feature = "export")]
        let paths = exports::scan_named(self.settings, paths, &mut self.scan)?;
        if paths.is_empty() && count > 0 {
            return Ok(());
        }
        for path in paths {
            match Remote::parse(path.as_os_str()) {
                Some(remote) => remotes.push(self.remote(remote?)?),
                None => roots.push(path),
            }
        }
        if !roots.is_empty() || remotes.is_empty() {
            self.local(roots)?;
        }
        for remote in remotes {
            let cloned = match remote::clone(&remote, &self.settings.clone, self.env.interrupt) {
                Err(RemoteError::Interrupted) => {
                    let provenance = Provenance::Named(remote.display_url());
                    let message = "interrupted before it was cloned".to_owned();
                    self.scan.problem(Problem { provenance, kind: ProblemKind::Interrupted, message });
                    break;
                }
                cloned => cloned?,
            };
            match Repository::open(cloned.path()) {
                Ok(repository) => {
                    let address = cloned.display_url();
                    self.history(&repository.named(address), Some(address));
                }
                Err(error) => self.scan.problem(not_a_repository(cloned.path(), &error)),
            }
        }
        Ok(())
    }

    /// A remote repository, unless nothing of it would be scanned.
    fn remote(&self, remote: Remote) -> Result<Remote, CommandError> {
        match self.settings.history {
            History::LeftOut => Err(CommandError::NothingLeft(remote.display_url())),
            History::Included | History::Only => Ok(remote),
        }
    }

    fn local(&mut self, roots: Vec<PathBuf>) -> Result<(), CommandError> {
        let history = self.settings.history;
        let mut linked = Vec::new();
        let roots = if history == History::Only { git_dirs(roots, &mut linked, &mut self.scan) } else { roots };
        let files = Files::new(roots.clone(), self.files.clone())?;
        #[cfg(feature = "export")]
        let files = exports::scan_files(self.settings, files, &mut self.scan)?;
        #[cfg(not(feature = "export"))]
        self.scan.run(&files);
        if history == History::LeftOut {
            return Ok(());
        }
        let elsewhere = elsewhere(&roots, &files, &mut linked, &mut self.scan);
        self.stores(&files, &linked);
        if !elsewhere.is_empty() {
            let files = Files::new(elsewhere, self.files.clone())?;
            self.scan.run(&files);
            self.stores(&files, &linked);
        }
        Ok(())
    }

    fn stores(&mut self, files: &Files, linked: &[Linked]) {
        for objects in files.stores() {
            let dir = objects.parent().unwrap_or(&objects);
            self.indexes.push(dir.join("index"));
            let work_trees = std::fs::read_dir(dir.join("worktrees")).into_iter().flatten().flatten();
            self.indexes.extend(work_trees.map(|entry| entry.path().join("index")));
            let from = linked.iter().find(|linked| linked.common_dir == dir).map_or(dir, |linked| &linked.work_tree);
            match Repository::open(from) {
                Ok(repository) => self.history(&repository.named(dir), None),
                Err(error) => self.scan.problem(not_a_repository(dir, &error)),
            }
        }
    }

    fn history(&mut self, repository: &Repository, address: Option<&str>) {
        let means = cache::Means { place: self.settings.cache.as_ref(), scanner: self.scanner, env: self.env };
        cache::scan(repository, address, &means, &mut self.scan);
    }
}

/// An index holds the names of all files: a secret in one of them is no further place for standing there as well.
fn leave_out_indexes(finding: &mut Finding, indexes: &[PathBuf]) {
    if indexes.is_empty() || !finding.occurrences.iter().any(|occurrence| occurrence.part == Part::Name) {
        return;
    }
    let is_index = |place: &Provenance| matches!(place, Provenance::File(path) if indexes.contains(path));
    finding.occurrences.retain(|occurrence| !is_index(&occurrence.provenance));
}

/// A linked work tree that is scanned on its own: `HEAD` is its own, and the history that of its repository.
struct Linked {
    common_dir: PathBuf,
    work_tree: PathBuf,
}

impl Linked {
    fn of(repository: &Repository, work_tree: &Path) -> Option<Linked> {
        let store = repository.store();
        let is_linked = store.git_dir() != store.common_dir();
        is_linked.then(|| Linked { common_dir: store.common_dir().to_owned(), work_tree: work_tree.to_owned() })
    }
}

/// Git directories that `.git` files name and that were not met: a linked work tree's or a submodule's, scanned on its
/// own. Only the files of the roots themselves are followed: a file further down could lead to any repository that
/// the user can read.
fn elsewhere(roots: &[PathBuf], files: &Files, linked: &mut Vec<Linked>, scan: &mut Scan<'_>) -> Vec<PathBuf> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut known: BTreeSet<PathBuf> = files.stores().iter().map(|objects| real(objects)).collect();
    let mut found = Vec::new();
    for file in files.git_files() {
        let work_tree = file.parent().unwrap_or(Path::new("."));
        let is_root = roots.iter().any(|root| root == work_tree || *root == file);
        match Repository::open(work_tree) {
            Ok(repository) => {
                let dir = repository.store().common_dir();
                if !known.insert(real(&dir.join("objects"))) {
                    continue;
                }
                if is_root {
                    linked.extend(Linked::of(&repository, work_tree));
                    found.push(dir.to_owned());
                } else {
                    let message = "its repository lies elsewhere: scan this directory on its own for the history";
                    let provenance = Provenance::File(file);
                    let kind = ProblemKind::HistoryNotScanned;
                    scan.problem(Problem { provenance, kind, message: message.to_owned() });
                }
            }
            Err(error) if is_root => scan.problem(not_a_repository(work_tree, &error)),
            // A file of that name which names nothing has no history.
            Err(_) => {}
        }
    }
    found
}

/// The git directories of repositories and of their submodules, whose files (configuration, reflogs, packed refs) belong to the
/// history.
fn git_dirs(mut roots: Vec<PathBuf>, linked: &mut Vec<Linked>, scan: &mut Scan<'_>) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    let mut next = 0;
    while let Some(root) = roots.get(next).cloned() {
        next += 1;
        match Repository::open(&root) {
            Ok(repository) => {
                linked.extend(Linked::of(&repository, &root));
                dirs.push(repository.store().common_dir().to_owned());
                roots.extend(submodules::with_own_repository(repository.store(), &root));
            }
            Err(error) => scan.problem(not_a_repository(&root, &error)),
        }
    }
    dirs
}

fn not_a_repository(path: &Path, error: &OpenError) -> Problem {
    let provenance = Provenance::File(path.to_owned());
    Problem { provenance, kind: ProblemKind::HistoryNotScanned, message: error.reason.to_string() }
}

fn exit_code(settings: &ScanSettings, report: &ScanReport, interrupted: bool) -> ExitCode {
    let counts = |finding: &Finding| settings.fail_on.is_some_and(|least| least.is_met(finding));
    if interrupted {
        ExitCode::Interrupted
    } else if report.findings.iter().any(|finding| counts(finding) && !finding.is_old()) {
        ExitCode::Findings
    } else if !report.problems.is_empty() && !settings.allow_incomplete {
        ExitCode::Incomplete
    } else {
        ExitCode::Clean
    }
}
