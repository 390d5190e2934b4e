//! Files and directories.
//!
//! Each thread walks and scans: there is no queue between the two, and a file is handed over from the buffer that it
//! was read into. Directories and runs of files pass from thread to thread only when one has nothing to do. The
//! `ignore` crate matches ignore files, but its parallel walker isn't used: it drops what it ignores without a count,
//! opens every file by its whole path, and was 20 % slower (see `benches/source.rs`).

pub(super) mod dir;
mod large;
mod mounts;
mod read;
mod roots;
mod rules;
mod store;
mod walk;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

pub use self::rules::Excludes;
use self::{
    large::{Chunks, LargeFile},
    mounts::Mounts,
    roots::{Covered, Root, Roots},
    rules::GitRules,
    walk::{Limits, Task, Walk},
};
use super::{
    Plan, Source, SourceError,
    crew::{Crew, MakeReceiver, Queue, Worker, lock, start_clock},
};
use crate::model::{Problem, ProblemKind, Provenance};

/// What to leave out of a walk, and whether to follow links. The default leaves nothing out but what an
/// `.unleakignore` says, and follows no link below a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// Follow symbolic links below a root? A root that is a link itself is always followed.
    pub follow_links: bool,
    /// Honour `.gitignore` and `.git/info/exclude`, too? The user's global git ignore file never counts: a scan must
    /// not depend on whose home it runs in.
    pub gitignore: bool,
    /// Further things to leave out: globs in the syntax of an ignore file, relative to each root. They outrank every
    /// ignore file; one that begins with `!` takes a thing back in.
    pub exclude: Vec<String>,
}

/// Files, and whatever lies in directories.
///
/// - **Each file once.** A path named twice counts once. A root inside another root is walked as a root of its own and
///   left out of the outer one. With links followed, a target that is walked anyway is not scanned again, and of two
///   links to one target the first by path is followed. Hard links are files of their own.
/// - **Ignore files** say what to leave out below a root, never a root itself. They count for the directory that holds
///   them and, when the root is in a repository, from the top of that repository on. Every entry left out (a
///   directory counts once) is counted in [`Stats::ignored`](crate::model::Stats::ignored).
/// - **Sizes.** There is no limit. Files over [`CHUNK_BYTES`](super::CHUNK_BYTES) wait until the walk is done and are
///   then scanned in chunks by all threads together. What is appended meanwhile is scanned, too, up to twice the size
///   seen first (or [`ENDLESS_BYTES`] beyond it, if that is more). A file that gives more bytes than its size, or lies on a pseudo file system, is read front to back
///   and ends with a problem at [`ENDLESS_BYTES`].
/// - **Object stores** of git, and what Git LFS keeps beside them, are not read as files: [`Files::stores`] names them.
/// - **Names** of [`NAME_BYTES`] or more and the targets of symbolic links are handed over as blobs.
#[derive(Debug)]
pub struct Files {
    roots: Vec<PathBuf>,
    links: Links,
    git: GitRules,
    excludes: Excludes,
    stores: Mutex<Vec<PathBuf>>,
    git_files: Mutex<Vec<PathBuf>>,
    #[cfg(feature = "export")]
    claims: Option<std::sync::Arc<super::export::Claims>>,
}

/// Most bytes that are read of a file whose size says less, or of what is appended to a small file meanwhile.
pub const ENDLESS_BYTES: u64 = 64 << 20;

/// Shortest name that is handed over: hardly a credential is shorter, and most names are.
pub const NAME_BYTES: usize = 12;

/// Up to this many files the calling thread doesn't ask for help.
const FEW_FILES: usize = 4;

/// What happens to symbolic links below a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    Followed,
    NotFollowed,
}

impl Files {
    /// A source of these files and directories, named as they will be in reports.
    ///
    /// # Errors
    ///
    /// [`SourceError::Exclude`] if an exclude glob can't be understood. A root that doesn't exist is no error but a
    /// problem of the run.
    pub fn new(roots: Vec<PathBuf>, options: FileOptions) -> Result<Files, SourceError> {
        Ok(Files {
            roots,
            links: if options.follow_links { Links::Followed } else { Links::NotFollowed },
            git: if options.gitignore { GitRules::Honoured } else { GitRules::NotHonoured },
            excludes: Excludes::new(options.exclude)?,
            stores: Mutex::default(),
            git_files: Mutex::default(),
            #[cfg(feature = "export")]
            claims: None,
        })
    }

    /// Leaves exports to `claims`, which notes them: files and whole directories, with all that lies in them.
    #[cfg(feature = "export")]
    #[must_use]
    pub fn with_claims(self, claims: std::sync::Arc<super::export::Claims>) -> Files {
        Files { claims: Some(claims), ..self }
    }

    /// The `objects` directories of the git repositories that the last run met, sorted. Their packed and loose
    /// objects, and what Git LFS keeps beside them, were **not** scanned: that is the git source's part.
    #[must_use]
    pub fn stores(&self) -> Vec<PathBuf> {
        lock(&self.stores).clone()
    }

    /// The `.git` files that the last run met, sorted: each says where the repository of a linked work tree or of a
    /// submodule is. Nothing was read there.
    #[must_use]
    pub fn git_files(&self) -> Vec<PathBuf> {
        lock(&self.git_files).clone()
    }

    /// Does this path lie in a git directory that was met? Git renames and removes files there all the time.
    fn is_in_git_dir(&self, path: &Path) -> bool {
        lock(&self.stores).iter().any(|objects| objects.parent().is_some_and(|dir| path.starts_with(dir)))
    }
}

impl Source for Files {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: MakeReceiver<'_, 'r>) {
        let mut crew = Crew::new(plan, receiver);
        let interrupted = AtomicBool::new(false);
        lock(&self.stores).clear();
        lock(&self.git_files).clear();
        let large = self.walk_all(&mut crew, plan, &interrupted);
        lock(&self.stores).sort_unstable();
        lock(&self.git_files).sort_unstable();
        if !large.is_empty() {
            let (chunks, threads) = (Chunks::new(large), crew.threads());
            let work = |worker: &mut Worker<'r>| {
                if !chunks.work_off(worker, plan) {
                    interrupted.store(true, Ordering::Relaxed);
                }
            };
            crew.run(threads, work, || {});
        }
        if let (true, Some(root)) = (interrupted.into_inner(), self.roots.first()) {
            let provenance = Provenance::File(root.clone());
            let message = "interrupted before all was scanned".to_owned();
            crew.first().receiver.problem(Problem { provenance, kind: ProblemKind::Interrupted, message });
        }
    }
}

impl Files {
    /// Walks the roots, then the targets of the links found there, and so on. Gives the large files met.
    fn walk_all(&self, crew: &mut Crew<'_, '_>, plan: &Plan<'_>, interrupted: &AtomicBool) -> Vec<LargeFile> {
        let mounts: LazyLock<Mounts> = LazyLock::new(Mounts::read);
        let mut covered = Covered::default();
        let mut large = Vec::new();
        let started = start_clock(plan);
        let mut round = Roots::resolve(&self.roots, self.links);
        covered.add(&round.roots);
        crew.first().lap(started);
        loop {
            round.problems.drain(..).for_each(|problem| crew.first().receiver.problem(problem));
            if round.roots.is_empty() {
                return large;
            }
            let threads = if is_quickly_read(&round.roots) { 1 } else { crew.threads() };
            let limits = Limits::new(&round.roots, &covered, &mounts);
            let walk = Walk::new(self, plan, &mounts, limits);
            let queue = Queue::new(threads, round.roots.drain(..).map(Task::Root).collect());
            crew.run(threads, |worker| walk.work_off(&queue, worker), || queue.retire_one());
            let found = walk.into_found();
            large.extend(found.large);
            if found.is_interrupted {
                interrupted.store(true, Ordering::Relaxed);
                return Vec::new();
            }
            round = covered.follow(found.links, &mounts);
        }
    }
}

fn is_quickly_read(roots: &[Root]) -> bool {
    roots.len() <= FEW_FILES && roots::directories(roots).next().is_none()
}

/// The class of an error met while opening or reading.
fn problem_kind(error: &io::Error) -> ProblemKind {
    match error.kind() {
        io::ErrorKind::NotFound => ProblemKind::NotFound,
        io::ErrorKind::PermissionDenied => ProblemKind::PermissionDenied,
        // A FIFO or socket took the file's place: opened without waiting, it answers like this.
        io::ErrorKind::WouldBlock => ProblemKind::SpecialFile,
        _ if error.raw_os_error() == Some(libc::ENXIO) => ProblemKind::SpecialFile,
        _ => ProblemKind::Io,
    }
}
