//! The history of a repository as a source: every object once, as a version of the one it is stored as a delta of.

use std::{
    collections::HashSet,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use super::{
    Delta, Fault, Kind, LargeObject, Object, ObjectId, ObjectStore, Op, OpenError, StoreProblem, Visitor, WalkCounts,
    WalkPlan,
    history::{self, Tips},
    refs::Refs,
};
use crate::{
    model::{DisplayPath, GitPlace, Origin, Part, Problem, ProblemKind, Provenance},
    source::{
        Base, LargeBlob, Memory, NAME_BYTES, Plan, Receiver, Source, Traces, Wanted,
        crew::lock,
        window::{Filled, Window},
    },
};

/// All objects of a repository: blobs, commits and tags as text, and the names in trees.
///
/// Nothing of the work tree is read, and nothing of the git directory but its objects: those are files, which
/// [`Files`](crate::source::Files) reads.
#[derive(Debug)]
pub struct Repository {
    /// As the user could open it.
    path: Arc<Path>,
    store: ObjectStore,
    refs: OnceLock<Refs>,
}

impl Repository {
    /// Opens the repository at `path`: a work tree, a git directory, a bare repository or a `.git` file.
    ///
    /// # Errors
    /// If there is no repository.
    pub fn open(path: &Path) -> Result<Repository, OpenError> {
        Repository::open_with(path, &[])
    }

    /// As [`Repository::open`], with further object directories, such as the quarantine of a push.
    ///
    /// # Errors
    /// If there is no repository.
    pub fn open_with(path: &Path, object_dirs: &[PathBuf]) -> Result<Repository, OpenError> {
        Ok(Repository { path: path.into(), store: ObjectStore::open_with(path, object_dirs)?, refs: OnceLock::new() })
    }

    /// The same under another name in reports, such as the address that it was cloned from.
    #[must_use]
    pub fn named(self, name: &str) -> Repository {
        Repository { path: Path::new(name).into(), ..self }
    }

    /// Its objects.
    #[must_use]
    pub fn store(&self) -> &ObjectStore {
        &self.store
    }

    /// As the user could open it.
    pub(super) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(super) fn problem(&self, problem: &StoreProblem) -> Problem {
        let provenance = match problem.object {
            Some(id) => Provenance::Git(Box::new(GitPlace::of_object(&self.path, id, Kind::Blob))),
            None => Provenance::File(problem.path.clone()),
        };
        let (kind, message) = match &problem.fault {
            Fault::Io(std::io::ErrorKind::PermissionDenied) => (ProblemKind::PermissionDenied, problem.to_string()),
            Fault::Shallow => (ProblemKind::HistoryNotScanned, problem.to_string()),
            _ => (ProblemKind::GitObject, problem.to_string()),
        };
        Problem { provenance, kind, message }
    }
}

impl Source for Repository {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
        let mut own = receiver();
        self.store.problems().iter().for_each(|problem| own.problem(self.problem(problem)));
        let walk = WalkPlan::new(plan.threads, plan.interrupt);
        let names = Mutex::default();
        let mut walked = self.store.walk(&walk, &|| Scan::new(&self.path, plan, &names, receiver()));
        let mut pointers: Vec<_> =
            walked.visitors.iter_mut().flat_map(|scan| std::mem::take(&mut scan.pointers)).collect();
        pointers.sort_unstable_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
        pointers.dedup_by(|one, other| one.1 == other.1);
        self.name_lfs(pointers, &mut *own);
        walked.problems.iter().for_each(|problem| own.problem(self.problem(problem)));
        self.count(&walked.counts, &mut *own);
        self.scan_refs(&mut *own);
        self.name_gaps(&mut *own);
        if plan.is_interrupted() {
            let message = "interrupted before all of its history was scanned".to_owned();
            let provenance = Provenance::File(self.path.to_path_buf());
            own.problem(Problem { provenance, kind: ProblemKind::Interrupted, message });
        }
    }

    fn trace(&self, plan: &Plan<'_>, wanted: &Wanted, problem: &mut dyn FnMut(Problem)) -> Traces {
        let refs = self.refs();
        let tips = Tips {
            refs: refs.refs.iter().map(|found| (found.name.clone(), found.target)).collect(),
            head: refs.head,
            others: refs.others.clone(),
        };
        let found = history::attribute(&self.store, &tips, wanted, plan.threads, plan.interrupt);
        // What a walk can't read was said by the first one.
        if !found.is_complete {
            let message =
                "secrets stand at more paths of its history than are looked for; some are left out".to_owned();
            let provenance = Provenance::File(self.path.to_path_buf());
            problem(Problem { provenance, kind: ProblemKind::GitObject, message });
        }
        found.traces
    }
}

impl Repository {
    /// Refs, and what else keeps objects alive.
    #[must_use]
    pub fn refs(&self) -> &Refs {
        self.refs.get_or_init(|| Refs::read(&self.store))
    }

    /// History that isn't here: what a shallow clone left out, what a promisor remote keeps.
    fn name_gaps(&self, receiver: &mut dyn Receiver) {
        for id in self.store.shallow() {
            let provenance = Provenance::Git(Box::new(GitPlace::of_object(&self.path, *id, Kind::Commit)));
            let message =
                "a shallow clone: the history before this commit is not here (git fetch --unshallow)".to_owned();
            receiver.problem(Problem { provenance, kind: ProblemKind::HistoryNotScanned, message });
        }
        if self.store.is_partial() {
            let provenance = Provenance::File(self.path.to_path_buf());
            let message = "a partial clone: objects that only the remote has were not scanned (git fetch --refetch \
                           --no-filter brings them)";
            receiver.problem(Problem { provenance, kind: ProblemKind::HistoryNotScanned, message: message.to_owned() });
        }
    }

    /// Content that Git LFS keeps elsewhere, unless it is here: then it is a file of the git directory.
    fn name_lfs(&self, pointers: Vec<(ObjectId, String)>, receiver: &mut dyn Receiver) {
        for (blob, content) in pointers {
            let path = Path::new("lfs/objects").join(&content[..2]).join(&content[2..4]).join(&content);
            if !self.store.common_dir().join(path).exists() {
                let provenance = Provenance::Git(Box::new(GitPlace::of_object(&self.path, blob, Kind::Blob)));
                let message = format!(
                    "Git LFS keeps this file elsewhere, as {content}: it was not scanned (git lfs fetch --all)"
                );
                receiver.problem(Problem { provenance, kind: ProblemKind::LfsNotScanned, message });
            }
        }
    }

    /// Names of refs and messages of logs, where no file that is scanned has them as text.
    fn scan_refs(&self, receiver: &mut dyn Receiver) {
        let refs = self.refs();
        refs.problems.iter().for_each(|problem| receiver.problem(self.problem(problem)));
        if !refs.is_reftable {
            return;
        }
        let mut text = Vec::new();
        for line in refs.refs.iter().map(|found| &found.name).chain(refs.logs.iter().map(|entry| &entry.message)) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let name = format!("{} (names of refs and messages of their logs)", DisplayPath(&self.path));
        receiver.blob(Origin::Named(&name), Part::Content, &text);
    }

    fn count(&self, counts: &WalkCounts, receiver: &mut dyn Receiver) {
        let objects = &mut receiver.stats().objects;
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            objects.of(kind).found += counts.found[at];
            objects.of(kind).scanned += counts.visited[at];
        }
        if counts.found.iter().sum::<u64>() == 0 && self.store.problems().is_empty() {
            let message = "the repository holds no object: there was no history to scan".to_owned();
            let provenance = Provenance::File(self.path.to_path_buf());
            receiver.problem(Problem { provenance, kind: ProblemKind::EmptyRepository, message });
        }
    }
}

/// One thread of the walk.
struct Scan<'p, 'r> {
    place: GitPlace,
    plan: &'p Plan<'p>,
    receiver: Box<dyn Receiver + 'r>,
    /// Hashes of the names seen by this thread.
    names: HashSet<u64>,
    /// Hashes of the names that any thread saw.
    all_names: &'p Mutex<HashSet<u64>>,
    window: Option<Window>,
    /// Pointers of Git LFS: the blob, and the digest of the content that it stands for.
    pointers: Vec<(ObjectId, String)>,
}

impl<'p, 'r> Scan<'p, 'r> {
    fn new(
        repository: &Arc<Path>,
        plan: &'p Plan<'p>,
        all_names: &'p Mutex<HashSet<u64>>,
        receiver: Box<dyn Receiver + 'r>,
    ) -> Scan<'p, 'r> {
        // The id is that of no object until one is visited.
        let nothing = ObjectId::copied(&[0; 20]);
        let place = GitPlace::of_object(repository, nothing, Kind::Blob);
        Scan { place, plan, receiver, names: HashSet::new(), all_names, window: None, pointers: Vec::new() }
    }

    /// Hands over the names of a tree's entries that this thread hasn't met before. Those that the base has as well
    /// were met with it. A tree with anything in it that is no entry is handed over as it is stored.
    fn names(&mut self, tree: &[u8], id_len: usize, ops: &[Op]) {
        let (mut start, mut ops, mut is_sound) = (0, ops, true);
        while let Some(nul) = tree.get(start..).and_then(|rest| memchr::memchr(0, rest)) {
            let (entry, at) = (&tree[start..start + nul], start);
            start += nul + 1 + id_len;
            if is_copied(at..at + nul, &mut ops) {
                continue;
            }
            // `100644 name`, `40000 name`
            let is_octal = |mode: &[u8]| !mode.is_empty() && mode.iter().all(|digit| matches!(digit, b'0'..=b'7'));
            let space = memchr::memchr(b' ', entry).filter(|space| *space <= 7 && is_octal(&entry[..*space]));
            let Some(space) = space else {
                is_sound = false;
                continue;
            };
            let name = &entry[space + 1..];
            if name.len() >= NAME_BYTES && self.is_new(name) {
                self.place.path = Some(super::path_of(name).into());
                self.receiver.blob(Origin::Object(&self.place), Part::Name, name);
                self.place.path = None;
            }
        }
        if !is_sound || start != tree.len() {
            self.receiver.blob(Origin::Object(&self.place), Part::Content, tree);
        }
    }

    /// Is this name met for the first time?
    fn is_new(&mut self, name: &[u8]) -> bool {
        let hash = hash(name);
        self.names.insert(hash) && lock(self.all_names).insert(hash)
    }

    /// Reads a large object in chunks.
    fn stream(&mut self, content: &mut dyn Read) -> std::io::Result<()> {
        let mut window = self.window.take().unwrap_or_else(|| Window::new(self.plan.overlap));
        window.reset();
        let mut reader = content;
        let mut blob = None;
        loop {
            if window.fill(&mut reader, self.plan)? == Filled::Interrupted {
                return Ok(());
            }
            let blob = blob.get_or_insert_with(|| LargeBlob {
                provenance: Provenance::Git(Box::new(self.place.clone())),
                head: window.filled().iter().copied().take(LargeBlob::HEAD).collect(),
            });
            self.receiver.chunk(blob, window.chunk());
            if !window.has_more() {
                self.window = Some(window);
                return Ok(());
            }
            window.slide();
        }
    }
}

/// The digest that a pointer of Git LFS holds. Format: git-lfs/docs/spec.md (read 2026-11-24).
pub(super) fn lfs_pointer(content: &[u8]) -> Option<String> {
    let rest = content.strip_prefix(b"version https://git-lfs.github.com/spec/")?;
    let line = rest
        .get(..1024.min(rest.len()))?
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"oid sha256:"))?;
    let digest = line.trim_ascii_end();
    let is_digest = digest.len() == 64 && digest.iter().all(u8::is_ascii_hexdigit);
    is_digest.then(|| String::from_utf8_lossy(digest).to_ascii_lowercase())
}

/// Do these bytes of an object stand as they are in its base? Asked from front to back.
fn is_copied(bytes: std::ops::Range<usize>, ops: &mut &[Op]) -> bool {
    while let [Op::Copy { to, len, .. } | Op::Insert { to, len }, rest @ ..] = *ops {
        if (to + len) as usize > bytes.start {
            break;
        }
        *ops = rest;
    }
    matches!(ops.first(), Some(Op::Copy { to, len, .. }) if bytes.end <= (to + len) as usize)
}

/// Names are few millions at most, so two of them share 64 bits by less than one chance in a million; the names come
/// from the repository, so the hash is keyed by nothing that an attacker gains from: a name that hides another one is
/// still a name that he wrote.
fn hash(name: &[u8]) -> u64 {
    let digest = blake3::hash(name);
    digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Visitor for Scan<'_, '_> {
    type State = Memory;

    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, Memory>>) -> Memory {
        (self.place.object, self.place.object_kind) = (object.id, object.kind);
        if object.kind == Kind::Tree {
            let ops = delta.as_ref().map_or(&[][..], |delta| delta.ops);
            self.names(object.content, object.id.as_bytes().len(), ops);
            return Memory::Unknown;
        }
        if let Some(content) = lfs_pointer(object.content) {
            self.pointers.push((object.id, content));
        }
        let base = delta.map(|delta| Base { len: delta.base.len(), memory: delta.state, ops: delta.ops });
        self.receiver.version(Origin::Object(&self.place), object.content, base)
    }

    fn visit_large(&mut self, object: &LargeObject, content: &mut dyn Read) {
        (self.place.object, self.place.object_kind) = (object.id, object.kind);
        // The walk makes a problem of what `content` fails with.
        let _ = self.stream(content);
    }
}
