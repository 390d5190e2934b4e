//! The history of a repository as a source: every object once, as a version of the one it is stored as a delta of.

mod gaps;
mod lfs;

use std::{
    collections::{HashMap, hash_map},
    hash::BuildHasher as _,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use foldhash::quality::RandomState;

use super::{
    Delta, Fault, Kind, LargeObject, Object, ObjectId, ObjectStore, OpenError, StoreProblem, Visitor, WalkCounts,
    WalkPlan,
    absent::LookOut,
    entries::{self, Piece, Starts},
    history::{self, Attribution, Placed, Recorded, Recorder, Tables, Tips},
    ids::IdTable,
    indexes::Indexes,
    refs::Refs,
    revisions::is_sound,
};
use crate::{
    model::{DisplayPath, GitPlace, Origin, Part, Problem, ProblemKind, Provenance},
    source::{
        Base, LargeBlob, Memory, Met, NAME_BYTES, Plan, Receiver, Source, Traces, Version, Wanted,
        crew::lock,
        window::{Filled, Window},
    },
};
use lfs::{Pointers, Twins};
pub(in crate::source) use lfs::{is_lfs_content, is_lfs_fan};
pub(super) use lfs::{lfs_absent, lfs_pointer};

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
    indexes: OnceLock<Indexes>,
    /// What the walk of a scan recorded of history, until it is asked for.
    recorded: Mutex<Option<Recorded>>,
    /// The pointers of Git LFS that the scan met, where several lead to one content.
    twins: Mutex<Twins>,
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
        let store = ObjectStore::open_with(path, object_dirs)?;
        Ok(Repository {
            path: path.into(),
            store,
            refs: OnceLock::new(),
            indexes: OnceLock::new(),
            recorded: Mutex::default(),
            twins: Mutex::default(),
        })
    }

    /// The same under another name in reports, such as the address that it was cloned from.
    #[must_use]
    pub fn named(self, name: impl AsRef<Path>) -> Repository {
        Repository { path: name.as_ref().into(), ..self }
    }

    /// The same, in which no object is looked up from `deadline` on: see [`ObjectStore::until`].
    #[must_use]
    pub fn until(self, deadline: Instant) -> Repository {
        Repository { store: self.store.until(deadline), ..self }
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
        let StoreProblem { path, object, kind, fault } = problem;
        let (provenance, message) = match *object {
            // What nobody knows the kind of is most likely a blob.
            Some(id) => {
                let place = GitPlace::of_object(&self.path, id, kind.unwrap_or(Kind::Blob));
                (Provenance::Git(Box::new(place)), format!("{fault} (in {})", path.display()))
            }
            None => (Provenance::File(path.clone()), fault.to_string()),
        };
        let kind = match fault {
            Fault::Io(std::io::ErrorKind::PermissionDenied) => ProblemKind::PermissionDenied,
            Fault::Shallow => ProblemKind::HistoryNotScanned,
            _ => ProblemKind::GitObject,
        };
        Problem { provenance, kind, message }
    }
}

impl Source for Repository {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
        let mut own = receiver();
        self.store.problems().iter().for_each(|problem| own.problem(self.problem(problem)));
        self.store.damaged_indexes().for_each(|problem| own.problem(self.problem(&problem)));
        let walk = WalkPlan { known: plan.known, ..WalkPlan::new(plan.threads, plan.interrupt) };
        let names = Names::default();
        let ids = Arc::new(IdTable::new(&self.store, plan.threads));
        let mut walked = self.store.walk(&walk, &|| Scan::new(self, plan, (&names, &ids), receiver()));
        let mut pointers = Pointers::new();
        for (blob, content) in walked.visitors.iter_mut().flat_map(|scan| std::mem::take(&mut scan.pointers)) {
            pointers.entry(content).or_default().push(blob);
        }
        pointers.values_mut().for_each(|blobs| blobs.sort_unstable());
        *lock(&self.recorded) = recorded(&mut walked.visitors);
        self.scan_lfs(&pointers, plan, receiver);
        *lock(&self.twins) = Twins::new(pointers);
        let absent = LookOut::report(walked.visitors.into_iter().map(|scan| scan.look_out));
        if !plan.is_interrupted() {
            self.name_absent(&absent, &mut *own);
        }
        walked.problems.iter().for_each(|problem| own.problem(self.problem(problem)));
        self.count(&walked.counts, &mut *own);
        if walked.counts.found.iter().sum::<u64>() == 0
            && walked.problems.is_empty()
            && self.store.problems().is_empty()
        {
            let message = "the repository holds no object: there was no history to scan".to_owned();
            let provenance = Provenance::File(self.path.to_path_buf());
            own.problem(Problem { provenance, kind: ProblemKind::EmptyRepository, message });
        }
        self.scan_refs(&mut *own);
        self.scan_indexes(&names, &absent, &mut *own);
        self.name_gaps(&mut *own);
        if plan.is_interrupted() {
            let message = "interrupted before all of its history was scanned".to_owned();
            let provenance = Provenance::File(self.path.to_path_buf());
            own.problem(Problem { provenance, kind: ProblemKind::Interrupted, message });
        }
    }

    fn trace(&self, plan: &Plan<'_>, wanted: &Wanted, problem: &mut dyn FnMut(Problem)) -> Traces {
        let twins = std::mem::take(&mut *lock(&self.twins));
        let mut all = wanted.clone();
        twins.add_to(&mut all);
        let found = self.attribute(plan, &all);
        if let Some(recorded) = lock(&self.recorded).take() {
            // Freeing a million small things takes a few hundredths of a second, for which nobody need wait.
            let _ = std::thread::Builder::new().spawn(move || drop(recorded));
        }
        // What a walk can't read was said by the first one.
        if !found.is_complete {
            let (kind, message) = match plan.is_interrupted() {
                true => (ProblemKind::Interrupted, "interrupted before all places of what was found were known"),
                false => (
                    ProblemKind::Limit,
                    "secrets stand at more paths of its history than are looked for; some are left out",
                ),
            };
            let provenance = Provenance::File(self.path.to_path_buf());
            problem(Problem { provenance, kind, message: message.to_owned() });
        }
        let mut traces = Traces { is_partial: !found.is_complete || plan.is_interrupted(), ..found.traces };
        self.indexes().add_places(&all, &mut traces);
        twins.join(wanted, &mut traces);
        traces
    }

    fn floor(&self, plan: &Plan<'_>) -> Option<Duration> {
        let begun = Instant::now();
        self.store.walk(&WalkPlan::new(plan.threads, plan.interrupt), &|| Blind);
        (!plan.is_interrupted()).then(|| begun.elapsed())
    }
}

/// Looks at nothing.
struct Blind;

impl Visitor for Blind {
    type State = ();

    fn visit(&mut self, _: &Object<'_>, _: Option<Delta<'_, ()>>) {}

    fn visit_large(&mut self, _: &LargeObject, content: &mut dyn Read) {
        // The scan has said what is wrong with it.
        let _ = std::io::copy(content, &mut std::io::sink());
    }
}

impl Repository {
    /// Refs, and what else keeps objects alive.
    #[must_use]
    pub fn refs(&self) -> &Refs {
        self.refs.get_or_init(|| Refs::read(&self.store))
    }

    /// What is staged, whichever the work tree.
    fn indexes(&self) -> &Indexes {
        self.indexes.get_or_init(|| Indexes::read(&self.store))
    }

    /// Where wanted things stand.
    fn attribute(&self, plan: &Plan<'_>, wanted: &Wanted) -> Attribution {
        let refs = self.refs();
        let tips = Tips {
            refs: refs.refs.iter().map(|found| (found.name.clone(), found.target)).collect(),
            head: refs.head,
            heads: refs.heads.clone(),
            others: refs.others.clone(),
        };
        // The scan's own walk knows most of it: not names, not what appeared since, nothing of what a cache left out.
        match lock(&self.recorded).as_ref().filter(|recorded| recorded.covers(wanted)) {
            Some(recorded) => recorded.attribute(&tips, wanted, (plan.threads, plan.interrupt)),
            None => history::attribute(&self.store, &tips, wanted, plan.threads, plan.interrupt),
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
            objects.of(kind).known += counts.known[at];
        }
    }
}

/// Names of files and directories, by a hash with a seed of this run. They are few millions at most, so two of them share
/// 64 bits by less than one chance in a million.
#[derive(Default)]
struct Names {
    seed: RandomState,
    /// What was met in those that any thread saw; `None` while it scans them.
    met: Mutex<HashMap<u64, Option<Met>, RandomState>>,
}

impl Names {
    fn hash(&self, name: &[u8]) -> u64 {
        self.seed.hash_one(name)
    }
}

/// One thread of the walk.
struct Scan<'p, 'r> {
    place: GitPlace,
    plan: &'p Plan<'p>,
    receiver: Box<dyn Receiver + 'r>,
    /// Hashes of the names seen by this thread, with what was met in them.
    names: HashMap<u64, Met, RandomState>,
    all_names: &'p Names,
    starts: Starts,
    window: Option<Window>,
    repository: &'p Repository,
    /// Pointers of Git LFS: the blob, and the digest of the content that it stands for.
    pointers: Vec<(ObjectId, String)>,
    /// Blobs in which something was found.
    found: Vec<ObjectId>,
    /// Takes down where they stand, once all of them are known.
    recorder: Option<Recorder>,
    ids: &'p Arc<IdTable>,
    look_out: LookOut<'p>,
}

/// What the threads took down, if they did.
fn recorded(scans: &mut [Scan<'_, '_>]) -> Option<Recorded> {
    let recorders: Vec<Recorder> = scans.iter_mut().filter_map(|scan| scan.recorder.take()).collect();
    let tables = Arc::clone(recorders.first()?.tables());
    Some(Recorded::new(tables, recorders))
}

impl<'p, 'r> Scan<'p, 'r> {
    fn new(
        repository: &'p Repository,
        plan: &'p Plan<'p>,
        (all_names, ids): (&'p Names, &'p Arc<IdTable>),
        receiver: Box<dyn Receiver + 'r>,
    ) -> Scan<'p, 'r> {
        // The id is that of no object until one is visited.
        let nothing = ObjectId::copied(&[0; 20]);
        let place = GitPlace::of_object(&repository.path, nothing, Kind::Blob);
        Scan {
            place,
            plan,
            receiver,
            names: HashMap::default(),
            all_names,
            starts: Vec::new(),
            window: None,
            repository,
            pointers: Vec::new(),
            found: Vec::new(),
            recorder: None,
            ids,
            look_out: LookOut::new(&repository.store, ids),
        }
    }

    /// Hands over the names of a tree's entries that this thread hasn't met before. Those that the base has as well
    /// were met with it. A tree with anything in it that is no entry is handed over as it is stored. Says how much there is
    /// in all of it, unless another thread is just about to find out.
    fn tree(&mut self, object: &Object<'_>, delta: Option<Delta<'_, Left>>) -> Left {
        let (base, mut met, of_base) = match &delta {
            Some(Delta { ops, state: Left::Names { met, starts, placed }, .. }) => {
                (Some((&**starts, *ops)), *met, &placed[..])
            }
            _ => (None, Some(Met::Nothing), &[][..]),
        };
        let mut recorder = self.recorder.take();
        let mut starts = std::mem::take(&mut self.starts);
        let (content, id_len) = (object.content, object.id.as_bytes().len());
        let (mut is_sound, mut is_complete) = (true, true);
        entries::each(content, id_len, base, &mut starts, |piece| {
            if let Some(recorder) = &mut recorder {
                recorder.piece(object, &piece, of_base);
            }
            let Piece::New(range) = piece else { return };
            let Some(name) = name_of(&content[range.start..range.end - id_len - 1]) else {
                is_sound = false;
                return;
            };
            is_complete &= self.look_out.entry(object, &content[range]);
            if name.len() >= NAME_BYTES {
                let in_name = self.name(name);
                met = met.zip(in_name).map(|(met, in_name)| met.max(in_name));
            }
        });
        if !is_sound || starts.last().is_none_or(|end| *end as usize != content.len()) {
            self.receiver.blob(Origin::Object(&self.place), Part::Content, content);
            let in_all = self.receiver.met();
            met = met.map(|met| met.max(in_all));
            self.malformed(object);
            is_complete = false;
        }
        if !is_complete {
            // That is told in every scan.
            met = met.max(Some(Met::Matches));
        }
        if let Some(met) = met {
            self.receiver.remember(object.id, object.kind, met);
        }
        let placed = recorder.as_mut().map(|recorder| recorder.end_tree(object)).unwrap_or_default();
        self.recorder = recorder;
        let kept = if object.is_base { starts.as_slice().into() } else { Box::default() };
        self.starts = starts;
        Left::Names { met, starts: kept, placed }
    }

    /// Tells of an object that doesn't have what it should.
    fn malformed(&mut self, object: &Object<'_>) {
        let fault = Fault::Malformed(object.kind.as_str());
        let problem = StoreProblem::object(&*self.repository.path, object.id, fault).of_kind(Some(object.kind));
        self.receiver.problem(self.repository.problem(&problem));
    }

    /// Hands over a name if it is met for the first time.
    fn name(&mut self, name: &[u8]) -> Option<Met> {
        let hash = self.all_names.hash(name);
        if let Some(met) = self.names.get(&hash) {
            return Some(*met);
        }
        match lock(&self.all_names.met).entry(hash) {
            hash_map::Entry::Occupied(seen) => {
                let met = (*seen.get())?;
                self.names.insert(hash, met);
                return Some(met);
            }
            hash_map::Entry::Vacant(new) => new.insert(None),
        };
        self.place.path = Some(super::path_of(name).into());
        self.receiver.blob(Origin::Object(&self.place), Part::Name, name);
        self.place.path = None;
        let met = self.receiver.met();
        lock(&self.all_names.met).insert(hash, Some(met));
        self.names.insert(hash, met);
        Some(met)
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

/// The name in an entry of a tree (`100644 name`, `40000 name`), if it is one.
fn name_of(entry: &[u8]) -> Option<&[u8]> {
    let is_octal = |mode: &[u8]| !mode.is_empty() && mode.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let space = memchr::memchr(b' ', entry).filter(|space| *space <= 7 && is_octal(&entry[..*space]))?;
    Some(&entry[space + 1..])
}

/// What an object leaves to those made of it.
enum Left {
    /// A tree: how much was met in its names, if that is known, where its entries begin, and which of them matter.
    Names { met: Option<Met>, starts: Box<[u32]>, placed: Box<[Placed]> },
    /// Anything else: what the receiver remembers.
    Version(Memory),
}

impl Visitor for Scan<'_, '_> {
    type State = Left;

    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, Left>>) -> Left {
        (self.place.object, self.place.object_kind) = (object.id, object.kind);
        if object.kind == Kind::Tree {
            return self.tree(object, delta);
        }
        let mut besides = Met::Nothing;
        if let Some(content) = lfs_pointer(object.content) {
            self.pointers.push((object.id, content));
            // What it points to is looked for in every scan.
            besides = Met::Matches;
        }
        if !self.look_out.header(object) {
            besides = Met::Matches;
        }
        if !is_sound(object.kind, object.content) {
            self.malformed(object);
            besides = Met::Matches;
        }
        let base = match delta {
            Some(Delta { base, state: Left::Version(memory), ops, .. }) => Some(Base { len: base.len(), memory, ops }),
            _ => None,
        };
        let version = Version { bytes: object.content, base, is_base: object.is_base };
        let memory = self.receiver.version(Origin::Object(&self.place), version);
        if object.kind != Kind::Blob {
            self.recorder.iter_mut().for_each(|recorder| recorder.object(object));
        } else if self.receiver.has_found() {
            self.found.push(object.id);
        }
        self.receiver.remember(object.id, object.kind, besides);
        Left::Version(memory)
    }

    fn visit_large(&mut self, object: &LargeObject, content: &mut dyn Read) {
        (self.place.object, self.place.object_kind) = (object.id, object.kind);
        // The walk makes a problem of what `content` fails with.
        let _ = self.stream(content);
        if self.receiver.has_found() {
            self.found.push(object.id);
        }
    }

    fn blobs_are_done(scans: &mut [Self]) {
        let is_begun = scans.iter().any(|scan| scan.recorder.is_some());
        // What a cache knows isn't visited, so it can't be taken down.
        if is_begun || scans.iter().any(|scan| scan.plan.known.is_some()) {
            return;
        }
        let found = scans.iter_mut().flat_map(|scan| std::mem::take(&mut scan.found)).collect::<Vec<_>>();
        let pointers = scans.iter().flat_map(|scan| scan.pointers.iter().map(|(blob, _)| *blob));
        let objects = found.into_iter().chain(pointers).collect();
        let Some(ids) = scans.first().map(|scan| scan.ids) else { return };
        let tables = Arc::new(Tables::new(&Wanted { objects, ..Wanted::default() }, ids));
        scans.iter_mut().for_each(|scan| scan.recorder = Some(Recorder::new(&tables)));
    }
}
