//! Changes as a source: what they leave, and what stood there before, so that the two can be told apart.

mod gaps;
mod lfs;
mod places;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use gaps::Gaps;

use super::{
    Fault, Kind, ObjectId, ObjectStore, Repository, StoreProblem,
    changes::{Change, Changes, Content},
    config, path_of,
    repository::lfs_pointer,
    work_tree::WorkTree,
};
use crate::{
    model::{DisplayPath, GitPlace, Notice, Origin, Part, Problem, ProblemKind, Provenance},
    source::{NAME_BYTES, Plan, Receiver, Source, Traces, Version, Wanted},
};

/// Files that a commit, a range of commits or a push changes, whole, with their names and the commits themselves.
#[derive(Debug)]
pub struct ChangeSet<'r> {
    repository: &'r Repository,
    files: Vec<File>,
    commits: Vec<ObjectId>,
    tags: Vec<ObjectId>,
    /// Ranks of the commits, see [`Changes::commits`].
    ranks: HashMap<ObjectId, u32>,
    removed: HashMap<ObjectId, u32>,
    removed_names: HashMap<Vec<u8>, u32>,
    problems: Vec<StoreProblem>,
    /// Names of refs that a push makes.
    new_refs: Vec<Vec<u8>>,
    is_pushed: bool,
    notices: Vec<Notice>,
    gaps: Gaps,
    /// Where the work tree is, if files of it are scanned.
    work_tree: PathBuf,
    is_staged: bool,
}

/// A changed file with the id of its content.
#[derive(Debug)]
struct File {
    change: Change,
    id: ObjectId,
}

/// Larger objects and files are problems here; a scan of the whole history, or of the file, takes them in parts.
const MAX_BYTES: usize = 256 << 20;
/// Bytes of delta bases that each thread keeps.
const MAX_BASE_BYTES: usize = 32 << 20;

impl<'r> ChangeSet<'r> {
    /// The changes of a range.
    #[must_use]
    pub fn new(repository: &'r Repository, changes: Changes) -> ChangeSet<'r> {
        let ranks = changes.ranks().collect();
        let Changes { files, removed, removed_names, commits, tags, problems } = changes;
        let with_id = |change: Change| match change.content {
            Content::Blob(id) => File { change, id },
            // Known once it is read.
            Content::WorkTree => File { change, id: ObjectId::copied(&[0; 20]) },
        };
        ChangeSet {
            repository,
            files: files.into_iter().map(with_id).collect(),
            commits,
            tags,
            ranks,
            removed,
            removed_names,
            problems,
            new_refs: Vec::new(),
            is_pushed: false,
            notices: Vec::new(),
            gaps: Gaps::default(),
            work_tree: PathBuf::new(),
            is_staged: false,
        }
    }

    /// What is staged.
    #[must_use]
    pub fn staged(repository: &'r Repository, changes: Changes) -> ChangeSet<'r> {
        ChangeSet { is_staged: true, ..ChangeSet::new(repository, changes) }
    }

    /// Files of the work tree at `work_tree`. Reads them twice: to name them, and to scan them.
    #[must_use]
    pub fn unstaged(repository: &'r Repository, changes: Changes, work_tree: &Path) -> ChangeSet<'r> {
        let mut set = ChangeSet { work_tree: work_tree.to_owned(), ..ChangeSet::new(repository, changes) };
        let format = repository.store().format().unwrap_or_default();
        let mut files = std::mem::take(&mut set.files);
        let mut tree = WorkTree::new(work_tree);
        files.retain_mut(|file| match tree.read(&file.change.path, MAX_BYTES) {
            Ok(content) => {
                file.id = format.object_id(Kind::Blob, &content);
                // Only its times are others.
                !file.change.before.contains(&file.id)
            }
            Err(fault) => {
                set.problems.push(StoreProblem::file(tree.full_path(&file.change.path), fault));
                false
            }
        });
        set.files = files;
        set
    }

    /// The same as a push, which makes refs of these names.
    #[must_use]
    pub fn pushed(self, new_refs: Vec<Vec<u8>>) -> ChangeSet<'r> {
        ChangeSet { new_refs, is_pushed: true, ..self }
    }

    /// With something to be said of the changes.
    #[must_use]
    pub fn with_notices(self, notices: Vec<Notice>) -> ChangeSet<'r> {
        ChangeSet { notices, ..self }
    }

    /// How many files changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Did nothing change?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.commits.is_empty() && self.tags.is_empty() && self.new_refs.is_empty()
    }

    /// Everything to be read, each object once: what the changes leave, and what stood there before.
    fn jobs(&self) -> Vec<Job<'_>> {
        let mut seen = HashSet::new();
        let files = self.files.iter().filter(|file| seen.insert(file.id)).collect::<Vec<_>>();
        let jobs = files.into_iter().map(|file| match file.change.content {
            Content::Blob(id) => Job::Object(id, Kind::Blob),
            Content::WorkTree => Job::File(file),
        });
        let before = self.files.iter().flat_map(|file| &file.change.before).chain(self.removed.keys());
        let before: BTreeSet<ObjectId> = before.filter(|id| seen.insert(**id)).copied().collect();
        let before = before.into_iter().map(|id| Job::Object(id, Kind::Blob));
        let commits = self.commits.iter().map(|id| Job::Object(*id, Kind::Commit));
        let tags = self.tags.iter().map(|id| Job::Object(*id, Kind::Tag));
        jobs.chain(before).chain(commits).chain(tags).collect()
    }

    fn work_off(&self, jobs: &[Job<'_>], next: &AtomicUsize, plan: &Plan<'_>, receiver: &mut dyn Receiver) {
        // Versions of a file stand together and mostly hang on each other.
        let mut reader = self.repository.store().reader(MAX_BYTES).with_cache(MAX_BASE_BYTES);
        let mut tree = WorkTree::new(&self.work_tree);
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !plan.is_interrupted()) {
            if self.repository.store().is_out_of_time() {
                self.gaps.note_late();
                break;
            }
            match job {
                Job::Object(id, kind) => {
                    let place = GitPlace::of_object(self.repository.path(), *id, *kind);
                    count(receiver, *kind, |count| count.found += 1);
                    match reader.read(id) {
                        Ok((found, content)) => {
                            let pointer = lfs_pointer(content);
                            receiver.version(
                                Origin::Object(&place),
                                Version { bytes: content, base: None, is_base: false },
                            );
                            count(receiver, *kind, |count| count.scanned += 1);
                            if found != *kind {
                                let fault = Fault::WrongKind { expected: *kind, found };
                                receiver.problem(self.repository.problem(&reader.problem(*id, fault)));
                            }
                            pointer.iter().for_each(|content| self.scan_lfs(*id, content, plan, receiver));
                        }
                        Err(problem) => self.tell(&problem.of_kind(Some(*kind)), receiver),
                    }
                }
                Job::File(file) => {
                    let place = GitPlace::of_object(self.repository.path(), file.id, Kind::Blob);
                    match tree.read(&file.change.path, MAX_BYTES) {
                        Ok(content) => {
                            let version = Version { bytes: &content, base: None, is_base: false };
                            receiver.version(Origin::Object(&place), version);
                            let pointer = lfs_pointer(&content);
                            pointer.iter().for_each(|content| self.scan_lfs(file.id, content, plan, receiver));
                        }
                        Err(fault) => {
                            let problem = StoreProblem::file(tree.full_path(&file.change.path), fault);
                            receiver.problem(self.repository.problem(&problem));
                        }
                    }
                }
            }
        }
    }

    /// Names of files and directories that the changes touch, new or not: a report has to know what to hide in a path.
    fn names(&self, receiver: &mut dyn Receiver) {
        let mut names: HashSet<&[u8]> = self.removed_names.keys().map(Vec::as_slice).collect();
        let mut last: &[u8] = &[];
        for File { change, .. } in &self.files {
            // Neighbours share directories.
            let shared = last.iter().zip(&change.path).take_while(|(last, own)| last == own).count();
            let start = memchr::memrchr(b'/', &change.path[..shared]).map_or(0, |slash| slash + 1);
            names.extend(change.path[start..].split(|byte| *byte == b'/').filter(|name| name.len() >= NAME_BYTES));
            last = &change.path;
        }
        let mut names = Vec::from_iter(names);
        names.sort_unstable();
        for name in names {
            // Which file bears it is told by its trace.
            let mut place = GitPlace::of_object(self.repository.path(), ObjectId::copied(&[0; 20]), Kind::Blob);
            place.path = Some(path_of(name).into());
            receiver.blob(Origin::Object(&place), Part::Name, name);
        }
        if !self.new_refs.is_empty() {
            let name = format!("{} (names of pushed refs)", DisplayPath(self.repository.path()));
            receiver.blob(Origin::Named(&name), Part::Content, &self.new_refs.join(&b'\n'));
        }
    }
}

enum Job<'c> {
    Object(ObjectId, Kind),
    File(&'c File),
}

fn count(receiver: &mut dyn Receiver, kind: Kind, change: impl FnOnce(&mut crate::model::ObjectCount)) {
    change(receiver.stats().objects.of(kind));
}

/// Fewer jobs than this aren't worth a thread.
const FEW_JOBS: usize = 16;

impl Source for ChangeSet<'_> {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
        let mut own = receiver();
        let mut told = HashSet::new();
        let problems = self.repository.store().problems().iter().chain(&self.problems);
        let problems = problems.filter(|problem| told.insert(problem.to_string()));
        problems.for_each(|problem| self.tell(problem, &mut *own));
        self.notices.iter().cloned().for_each(|notice| own.notice(notice));
        self.names(&mut *own);
        let (jobs, next) = (self.jobs(), AtomicUsize::new(0));
        let helpers = if jobs.len() < FEW_JOBS { 0 } else { plan.threads.saturating_sub(1) };
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                let mut receiver = receiver();
                let (jobs, next) = (&jobs, &next);
                scope.spawn(move || self.work_off(jobs, next, plan, &mut *receiver));
            }
            self.work_off(&jobs, &next, plan, &mut *own);
        });
        self.tell_gaps(&mut *own);
        if plan.is_interrupted() {
            let message = "interrupted before all changes were scanned".to_owned();
            let provenance = Provenance::File(self.repository.path().to_path_buf());
            own.problem(Problem { provenance, kind: ProblemKind::Interrupted, message });
        }
    }

    fn trace(&self, _: &Plan<'_>, wanted: &Wanted, _: &mut dyn FnMut(Problem)) -> Traces {
        self.places(wanted)
    }
}

/// The repository that `path` is in, as git finds it: its own or that of the nearest directory above.
#[must_use]
pub fn discover(path: &Path) -> Option<PathBuf> {
    let start = path.canonicalize().ok()?;
    let above = start.ancestors().find(|directory| directory.join(".git").exists());
    above.map(Path::to_owned).or_else(|| ObjectStore::open(&start).ok().map(|_| start))
}

/// The work tree of a git directory that is named by itself: as its settings say, else the working directory.
#[must_use]
pub fn own_work_tree(git_dir: &Path) -> Option<PathBuf> {
    let text = config::read(git_dir);
    let last = |key| config::values(&text, ("core", b""), key).pop();
    if let Some(dir) = last("worktree") {
        return Some(git_dir.join(dir));
    }
    let is_bare = last("bare").is_some_and(|bare| bare.eq_ignore_ascii_case("true"));
    (!is_bare).then(|| PathBuf::from("."))
}
