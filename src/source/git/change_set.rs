//! Changes as a source: what they leave, and what stood there before, so that the two can be told apart.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    Fault, Kind, ObjectId, ObjectStore, Repository, StoreProblem,
    changes::{Change, Changes, Content},
    path_of,
    revisions::Commits,
    work_tree::WorkTree,
};
use crate::{
    model::{GitCommit, GitHistory, GitPlace, Origin, Part, Problem, ProblemKind, Provenance},
    source::{NAME_BYTES, Plan, Receiver, RefSet, Source, Trace, Traces, Version, Wanted},
};

/// Files that a commit, a range of commits or a push changes, whole, with their names and the commits themselves.
#[derive(Debug)]
pub struct ChangeSet<'r> {
    repository: &'r Repository,
    files: Vec<File>,
    commits: Vec<ObjectId>,
    tags: Vec<ObjectId>,
    removed: HashSet<ObjectId>,
    brought: HashSet<ObjectId>,
    problems: Vec<StoreProblem>,
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
        let Changes { files, removed, brought, commits, tags, problems } = changes;
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
            removed,
            brought,
            problems,
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
                true
            }
            Err(fault) => {
                set.problems.push(StoreProblem::file(tree.full_path(&file.change.path), fault));
                false
            }
        });
        set.files = files;
        set
    }

    /// How many files changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Did nothing change?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.commits.is_empty() && self.tags.is_empty()
    }

    /// What stood somewhere before all of the changes.
    fn before(&self) -> HashSet<ObjectId> {
        let before = self.files.iter().flat_map(|file| &file.change.before).chain(&self.removed);
        before.filter(|id| !self.brought.contains(id)).copied().collect()
    }

    /// Everything to be read, each object once.
    fn jobs(&self) -> Vec<Job<'_>> {
        let mut seen = HashSet::new();
        let files = self.files.iter().filter(|file| seen.insert(file.id)).collect::<Vec<_>>();
        let jobs = files.into_iter().map(|file| match file.change.content {
            Content::Blob(id) => Job::Object(id, Kind::Blob),
            Content::WorkTree => Job::File(file),
        });
        let before: BTreeSet<ObjectId> = self.before().into_iter().collect();
        let before = before
            .into_iter()
            .filter(|id| seen.insert(*id))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|id| Job::Object(id, Kind::Blob));
        let commits = self.commits.iter().map(|id| Job::Object(*id, Kind::Commit));
        let tags = self.tags.iter().map(|id| Job::Object(*id, Kind::Tag));
        jobs.chain(before).chain(commits).chain(tags).collect()
    }

    fn work_off(&self, jobs: &[Job<'_>], next: &AtomicUsize, plan: &Plan<'_>, receiver: &mut dyn Receiver) {
        // Versions of a file stand together and mostly hang on each other.
        let mut reader = self.repository.store().reader(MAX_BYTES).with_cache(MAX_BASE_BYTES);
        let mut tree = WorkTree::new(&self.work_tree);
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !plan.is_interrupted()) {
            match job {
                Job::Object(id, kind) => {
                    let place = GitPlace::of_object(self.repository.path(), *id, *kind);
                    count(receiver, *kind, |count| count.found += 1);
                    match reader.read(id) {
                        Ok((found, content)) => {
                            receiver.version(
                                Origin::Object(&place),
                                Version { bytes: content, base: None, is_base: false },
                            );
                            count(receiver, *kind, |count| count.scanned += 1);
                            if found != *kind {
                                let fault = Fault::WrongKind { expected: *kind, found };
                                receiver.problem(self.repository.problem(&reader.problem(*id, fault)));
                            }
                        }
                        Err(problem) => receiver.problem(self.repository.problem(&problem)),
                    }
                }
                Job::File(file) => {
                    let place = GitPlace::of_object(self.repository.path(), file.id, Kind::Blob);
                    match tree.read(&file.change.path, MAX_BYTES) {
                        Ok(content) => {
                            let version = Version { bytes: &content, base: None, is_base: false };
                            receiver.version(Origin::Object(&place), version);
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

    /// Names of new files.
    fn names(&self, receiver: &mut dyn Receiver) {
        let names: BTreeSet<&[u8]> =
            self.files.iter().filter(|file| file.change.before.is_empty()).map(File::name).collect();
        for name in names.into_iter().filter(|name| name.len() >= NAME_BYTES) {
            let mut place = GitPlace::of_object(self.repository.path(), ObjectId::copied(&[0; 20]), Kind::Tree);
            place.path = Some(path_of(name).into());
            receiver.blob(Origin::Object(&place), Part::Name, name);
        }
    }
}

impl File {
    fn name(&self) -> &[u8] {
        self.change.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
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
        problems.for_each(|problem| own.problem(self.repository.problem(problem)));
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
        if plan.is_interrupted() {
            let message = "interrupted before all changes were scanned".to_owned();
            let provenance = Provenance::File(self.repository.path().to_path_buf());
            own.problem(Problem { provenance, kind: ProblemKind::Interrupted, message });
        }
    }

    fn trace(&self, _: &Plan<'_>, wanted: &Wanted, _: &mut dyn FnMut(Problem)) -> Traces {
        let mut commits = Infos { commits: Commits::new(self.repository.store()), known: HashMap::new() };
        let ranks: HashMap<ObjectId, u32> =
            self.commits.iter().rev().enumerate().map(|(rank, id)| (*id, rank as u32)).collect();
        let mut traces = Traces { before: Some(self.before()), ..Traces::default() };
        for file in &self.files {
            let (is_object, is_name) = (wanted.objects.contains(&file.id), wanted.names.contains(file.name()));
            let is_new_name = is_name && file.change.before.is_empty();
            if !is_object && !is_new_name {
                continue;
            }
            let commit = file.change.commit.and_then(|id| commits.info(&id));
            let path = Some(&file.change.path).filter(|path| !path.is_empty()).cloned();
            let trace = self.trace_at(path, commit, &ranks);
            if is_new_name {
                traces.names.entry(file.name().to_vec()).or_default().push(trace.clone());
            }
            if is_object {
                traces.objects.entry(file.id).or_default().push(trace);
            }
        }
        for id in self.commits.iter().chain(&self.tags).filter(|id| wanted.objects.contains(id)) {
            let trace = self.trace_at(None, commits.info(id), &ranks);
            traces.objects.entry(*id).or_default().push(trace);
        }
        traces
    }
}

impl ChangeSet<'_> {
    fn trace_at(&self, path: Option<Vec<u8>>, commit: Option<Arc<GitCommit>>, ranks: &HashMap<ObjectId, u32>) -> Trace {
        let rank = commit.as_ref().and_then(|commit| ranks.get(&commit.id)).copied().unwrap_or(0);
        let history = GitHistory {
            first: commit.clone(),
            last: commit.clone(),
            commits: u64::from(commit.is_some()),
            reachable: true,
            in_index: self.is_staged,
            ..GitHistory::default()
        };
        Trace { path, history, first_rank: rank, last_rank: rank, refs: RefSet::default() }
    }
}

/// Who made commits, each read once.
struct Infos<'s> {
    commits: Commits<'s>,
    known: HashMap<ObjectId, Option<Arc<GitCommit>>>,
}

impl Infos<'_> {
    fn info(&mut self, id: &ObjectId) -> Option<Arc<GitCommit>> {
        let commits = &mut self.commits;
        self.known.entry(*id).or_insert_with(|| commits.info(id)).clone()
    }
}

/// The repository that `path` is in, as git finds it: its own or that of the nearest directory above.
#[must_use]
pub fn discover(path: &Path) -> Option<PathBuf> {
    let start = path.canonicalize().ok()?;
    let above = start.ancestors().find(|directory| directory.join(".git").exists());
    above.map(Path::to_owned).or_else(|| ObjectStore::open(&start).ok().map(|_| start))
}
