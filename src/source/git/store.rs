use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{
    Fault, IndexFault, ObjectFormat, ObjectId, OpenError, Reader, StoreProblem, Visitor, WalkPlan, Walked, file,
    index::{Index, IndexBytes},
    indexer,
    layout::{Layout, RefStorage},
    loose,
    pack::{Pack, PackData},
    reader::Places,
    walk::{Scope, Walk},
};

/// All objects of a repository and its alternates, as they were when it was opened.
///
/// Opening maps packs and their indexes and lists loose objects. It never runs git, writes nothing, and obeys nothing of
/// the repository's configuration but the object format.
#[derive(Debug)]
pub struct ObjectStore {
    layout: Layout,
    /// Packs from a promisor remote: what their objects refer to may be missing, as that remote has it.
    promisors: HashSet<PathBuf>,
    packs: Vec<Arc<Pack>>,
    /// Packs that were opened, or could not be.
    known_packs: HashSet<PathBuf>,
    /// Sorted; none of them is in a pack.
    loose: Vec<ObjectId>,
    problems: Vec<StoreProblem>,
    /// No object is looked up later than this.
    deadline: Option<Instant>,
}

/// Packs appear while a repack runs; a repository that keeps making them must not keep a walk from ending.
const MAX_RESCANS: usize = 3;

impl ObjectStore {
    /// Opens the repository at `path`: a work tree, a git directory (of a linked work tree, too), a bare repository or
    /// a `.git` file. What can't be read becomes one of [`ObjectStore::problems`].
    ///
    /// # Errors
    /// If there is no repository.
    pub fn open(path: &Path) -> Result<ObjectStore, OpenError> {
        ObjectStore::open_with(path, &[])
    }

    /// As [`ObjectStore::open`], with further object directories, such as the quarantine of a push.
    ///
    /// # Errors
    /// If there is no repository.
    pub fn open_with(path: &Path, object_dirs: &[PathBuf]) -> Result<ObjectStore, OpenError> {
        let mut problems = Vec::new();
        let layout = Layout::find(path, object_dirs, &mut problems)?;
        let mut store = ObjectStore {
            layout,
            promisors: HashSet::new(),
            packs: Vec::new(),
            known_packs: HashSet::new(),
            loose: Vec::new(),
            problems,
            deadline: None,
        };
        let Some(format) = store.layout.format else { return Ok(store) };
        // Loose objects first: a repack running now writes its pack before it deletes them, so none is missed.
        let mut problems = std::mem::take(&mut store.problems);
        for dir in &store.layout.object_dirs {
            store.loose.extend(loose::list(dir, format, &mut problems));
        }
        let mut opened = PackOpener {
            format,
            problems: &mut problems,
            known: &mut store.known_packs,
            promisors: &mut store.promisors,
        };
        store.packs = opened.open_new(&store.layout.object_dirs, &[]);
        store.loose.sort_unstable();
        store.loose.dedup();
        let packs = &store.packs;
        store.loose.retain(|id| !packs.iter().any(|pack| pack.index.find(id.as_bytes()).is_some()));
        store.problems = problems;
        Ok(store)
    }

    /// The same store, as the work tree with this git directory sees it.
    pub(super) fn seen_from(&self, git_dir: PathBuf) -> ObjectStore {
        let mut layout = self.layout.clone();
        layout.git_dir = git_dir;
        ObjectStore {
            layout,
            promisors: self.promisors.clone(),
            packs: self.packs.clone(),
            known_packs: self.known_packs.clone(),
            loose: self.loose.clone(),
            problems: Vec::new(),
            deadline: self.deadline,
        }
    }

    /// The same store, whose readers read nothing any more from `deadline` on ([`Fault::OutOfTime`]). Objects of others can be
    /// made to take for ever.
    #[must_use]
    pub fn until(self, deadline: Instant) -> ObjectStore {
        ObjectStore { deadline: Some(deadline), ..self }
    }

    /// Is its time over?
    pub(super) fn is_out_of_time(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// What could not be read when the store was opened.
    #[must_use]
    pub fn problems(&self) -> &[StoreProblem] {
        &self.problems
    }

    /// Indexes of packs that aren't as they were written: an object may stand under an id that isn't its own. Cost: one pass
    /// over the indexes, which opening a store doesn't take.
    pub(super) fn damaged_indexes(&self) -> impl Iterator<Item = StoreProblem> {
        let damaged = self.packs.iter().filter(|pack| !pack.index.is_intact(pack.data.format));
        damaged.map(|pack| StoreProblem::file(pack.data.path.with_extension("idx"), Fault::Checksum))
    }

    /// The hash by which objects are named; `None` if the repository says one that isn't known: then the store is
    /// empty, with a problem that says so.
    #[must_use]
    pub fn format(&self) -> Option<ObjectFormat> {
        self.layout.format
    }

    /// Directory of what belongs to one work tree alone: `HEAD`, the index, some refs.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.layout.git_dir
    }

    /// Directory of what all work trees share. The same as [`ObjectStore::git_dir`] without linked work trees.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.layout.common_dir
    }

    pub(super) fn ref_storage(&self) -> Option<RefStorage> {
        self.layout.ref_storage
    }

    /// The object directories: the repository's own first, then those it borrows from. Not empty.
    #[must_use]
    pub fn object_dirs(&self) -> &[PathBuf] {
        &self.layout.object_dirs
    }

    /// May objects be missing because a promisor remote has them (a partial clone)?
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.layout.is_partial || !self.promisors.is_empty()
    }

    /// Did a promisor remote send this object? Then it keeps whatever the object refers to.
    pub(super) fn is_promised_by(&self, id: &ObjectId) -> bool {
        let from_promisor = self.packs.iter().filter(|pack| self.promisors.contains(&pack.data.path));
        from_promisor.into_iter().any(|pack| pack.index.find(id.as_bytes()).is_some())
    }

    /// Commits whose parents a shallow clone left out; may be empty.
    #[must_use]
    pub fn shallow(&self) -> &[ObjectId] {
        &self.layout.shallow
    }

    /// How many packs there are, and how many loose objects that are in none of them.
    #[must_use]
    pub fn pack_and_loose_counts(&self) -> (usize, usize) {
        (self.packs.len(), self.loose.len())
    }

    /// Is there an object of this id? It may turn out to be corrupt.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.packs.iter().any(|pack| pack.index.find(id.as_bytes()).is_some()) || self.loose.binary_search(id).is_ok()
    }

    /// How many ids there are; those that are in several packs count as often.
    pub(super) fn id_count(&self) -> usize {
        self.loose.len() + self.packs.iter().map(|pack| pack.index.len() as usize).sum::<usize>()
    }

    /// Hands over one part of all ids out of so many.
    pub(super) fn each_id(&self, part: usize, parts: usize, mut each: impl FnMut(&[u8])) {
        let range = |len: usize| len * part / parts..len * (part + 1) / parts;
        self.loose[range(self.loose.len())].iter().for_each(|id| each(id.as_bytes()));
        for pack in &self.packs {
            range(pack.index.len() as usize).for_each(|position| each(pack.index.id(position as u32)));
        }
    }

    /// Ids that begin with these hexadecimal digits, in order, without duplicates; at most `limit` of them.
    pub(super) fn ids_with_prefix(&self, digits: &[u8], limit: usize) -> Vec<ObjectId> {
        let Some(format) = self.layout.format else { return Vec::new() };
        let Some(lowest) = lowest_id(digits, format.id_len()) else { return Vec::new() };
        let has_prefix = |id: &ObjectId| {
            let text = id.to_string();
            text.as_bytes()[..digits.len()].eq_ignore_ascii_case(digits)
        };
        let mut ids: Vec<ObjectId> = Vec::new();
        for pack in &self.packs {
            let from = pack.index.lower_bound(lowest.as_bytes());
            let rest = (from..pack.index.len()).map(|position| ObjectId::copied(pack.index.id(position)));
            ids.extend(rest.take_while(has_prefix).take(limit));
        }
        let from = self.loose.partition_point(|id| *id < lowest);
        ids.extend(self.loose[from..].iter().copied().take_while(has_prefix).take(limit));
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(limit);
        ids
    }

    /// Reads single objects, up to `max_object_bytes` each.
    #[must_use]
    pub fn reader(&self, max_object_bytes: usize) -> Reader<'_> {
        Reader::new(self, self.places(&self.packs), max_object_bytes)
    }

    /// Packs that appeared since the store was opened, as when git repacks it meanwhile. `known` are those that were
    /// asked for before; empty at first.
    pub(super) fn newer_packs(&self, known: &mut HashSet<PathBuf>) -> Vec<Arc<Pack>> {
        let Some(format) = self.layout.format else { return Vec::new() };
        known.extend(self.known_packs.iter().cloned());
        // A pack that can't be read is told by whoever opens the store next; what is looked for here is told as missing.
        let mut problems = Vec::new();
        let mut promisors = HashSet::new();
        let mut opener = PackOpener { format, problems: &mut problems, known, promisors: &mut promisors };
        opener.open_new(&self.layout.object_dirs, &self.packs)
    }

    /// Which of these objects are nowhere by now, not only gone from where they were or newer than the store.
    pub(super) fn missing(&self, ids: &[ObjectId]) -> HashSet<ObjectId> {
        let mut missing: HashSet<ObjectId> = ids.iter().copied().filter(|id| !self.contains(id)).collect();
        let is_loose = |id: &ObjectId| self.layout.object_dirs.iter().any(|dir| loose::path(dir, id).exists());
        missing.retain(|id| !is_loose(id));
        if !missing.is_empty() {
            let newer = self.newer_packs(&mut HashSet::new());
            missing.retain(|id| !newer.iter().any(|pack| pack.index.find(id.as_bytes()).is_some()));
        }
        missing
    }

    /// Visits every object once, in no particular order but this: what is stored as a delta comes after its base.
    /// `make` makes the visitor of each thread.
    ///
    /// ```no_run
    /// use std::{io::Read, path::Path, sync::atomic::AtomicBool};
    /// use unleak::source::git::{Delta, KindSet, LargeObject, Object, ObjectStore, Visitor, WalkPlan};
    ///
    /// struct Sizes(u64);
    /// impl Visitor for Sizes {
    ///     type State = ();
    ///     fn visit(&mut self, object: &Object<'_>, _: Option<Delta<'_, ()>>) {
    ///         self.0 += object.content.len() as u64;
    ///     }
    ///     fn visit_large(&mut self, object: &LargeObject, _: &mut dyn Read) {
    ///         self.0 += object.size;
    ///     }
    /// }
    ///
    /// let store = ObjectStore::open(Path::new("."))?;
    /// let interrupt = AtomicBool::new(false);
    /// let plan = WalkPlan { kinds: KindSet::BLOBS, ..WalkPlan::new(2, &interrupt) };
    /// let walked = store.walk(&plan, &|| Sizes(0));
    /// let bytes: u64 = walked.visitors.iter().map(|sizes| sizes.0).sum();
    /// # Ok::<(), unleak::source::git::OpenError>(())
    /// ```
    pub fn walk<V: Visitor>(&self, plan: &WalkPlan<'_>, make: &(dyn Fn() -> V + Sync)) -> Walked<V> {
        let Some(format) = self.layout.format else {
            return Walk::new(plan, ObjectFormat::default(), make).finish(Vec::new(), self.git_dir());
        };
        let mut walk = Walk::new(plan, format, make);
        walk.round(self.places(&self.packs), Scope::All { loose: &self.loose });
        let mut packs = self.packs.clone();
        let mut known = self.known_packs.clone();
        let (mut problems, mut promisors) = (Vec::new(), HashSet::new());
        for _ in 0..MAX_RESCANS {
            let mut opener =
                PackOpener { format, problems: &mut problems, known: &mut known, promisors: &mut promisors };
            let new = opener.open_new(&self.layout.object_dirs, &packs);
            if new.is_empty() || walk.is_over() {
                break;
            }
            let scope = Scope::NewPacks { earlier_packs: packs.len(), visited_loose: &self.loose };
            packs.extend(new);
            walk.round(self.places(&packs), scope);
        }
        walk.finish(problems, self.git_dir())
    }

    fn places<'s>(&'s self, packs: &'s [Arc<Pack>]) -> Places<'s> {
        Places { packs, object_dirs: &self.layout.object_dirs }
    }
}

/// The smallest id that begins with these digits.
fn lowest_id(digits: &[u8], id_len: usize) -> Option<ObjectId> {
    let mut hex = digits.to_vec();
    hex.resize((2 * id_len).max(digits.len()), b'0');
    ObjectId::from_hex(&hex)
}

/// Opens packs that aren't open yet.
struct PackOpener<'a> {
    format: ObjectFormat,
    problems: &'a mut Vec<StoreProblem>,
    known: &'a mut HashSet<PathBuf>,
    /// Those from a promisor remote.
    promisors: &'a mut HashSet<PathBuf>,
}

/// A listing may be out of date before it is read; this often it is made again.
const MAX_LISTINGS: usize = 3;

impl PackOpener<'_> {
    /// Packs not known before, those with most objects first: where an object is in several, the one with the longest
    /// chains keeps it. Packs without index can borrow bases from these and from `others`.
    fn open_new(&mut self, object_dirs: &[PathBuf], others: &[Arc<Pack>]) -> Vec<Arc<Pack>> {
        let mut indexed = Vec::new();
        let mut unindexed = Vec::new();
        for listing in 1..=MAX_LISTINGS {
            let mut has_vanished = false;
            for path in object_dirs.iter().flat_map(|dir| self.list(&dir.join("pack"))).collect::<Vec<_>>() {
                match self.open_pack(&path) {
                    Ok(pack) => match self.open_index(&path, &pack) {
                        Some(index) => indexed.push(Arc::new(Pack { data: pack, index })),
                        None => unindexed.push(pack),
                    },
                    Err(Fault::Io(io::ErrorKind::NotFound)) if listing < MAX_LISTINGS => {
                        has_vanished = true;
                        continue;
                    }
                    Err(fault) => self.problems.push(StoreProblem::file(&path, fault)),
                }
                self.known.insert(path);
            }
            if !has_vanished {
                break;
            }
        }
        indexed.sort_by_key(|pack| std::cmp::Reverse(pack.index.len()));
        if !unindexed.is_empty() {
            let packs: Vec<Arc<Pack>> = others.iter().chain(&indexed).map(Arc::clone).collect();
            for data in unindexed {
                let index = indexer::index(&data, Places { packs: &packs, object_dirs }, self.problems);
                indexed.push(Arc::new(Pack { data, index }));
            }
        }
        indexed
    }

    /// New packs in a directory, by name.
    fn list(&mut self, dir: &Path) -> Vec<PathBuf> {
        let listed: io::Result<Vec<PathBuf>> =
            fs::read_dir(dir).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
        let mut paths = match listed {
            Ok(paths) => paths,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problems.push(StoreProblem::file(dir, error.into()));
                return Vec::new();
            }
        };
        let has_extension = |path: &Path, extension: &str| path.extension().is_some_and(|found| found == extension);
        let promisors = paths.iter().filter(|path| has_extension(path, "promisor"));
        self.promisors.extend(promisors.map(|path| path.with_extension("pack")));
        for index in paths.iter().filter(|path| has_extension(path, "idx")) {
            // Git renames a pack and then its index: of one with this name, the pack has its own already.
            let is_unfinished = index.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".tmp-"));
            let is_lonely = !is_unfinished && !index.with_extension("pack").exists() && index.exists();
            if is_lonely && self.known.insert(index.clone()) {
                self.problems.push(StoreProblem::file(index, Fault::PackMissing));
            }
        }
        paths.retain(|path| has_extension(path, "pack") && !self.known.contains(path));
        paths.sort_unstable();
        paths
    }

    fn open_pack(&self, path: &Path) -> Result<PackData, Fault> {
        let map = file::map(path)?.ok_or(Fault::PackHeader)?;
        PackData::new(path, map, self.format)
    }

    /// The index of a pack; `None` if the pack has to be read without.
    fn open_index(&mut self, path: &Path, pack: &PackData) -> Option<Index> {
        let path = path.with_extension("idx");
        let opened = file::map(&path).and_then(|map| {
            let bytes = IndexBytes::Map(map.ok_or(Fault::Index(IndexFault::Truncated))?);
            Index::parse(bytes, self.format.id_len()).map_err(Fault::Index)
        });
        let index = match opened {
            Ok(index) => index,
            Err(Fault::Io(io::ErrorKind::NotFound)) => return None,
            Err(fault) => {
                self.problems.push(StoreProblem::file(path, fault));
                return None;
            }
        };
        if index.len() != pack.count {
            let fault = Fault::CountMismatch { pack: pack.count, index: index.len() };
            self.problems.push(StoreProblem::file(&path, fault));
        }
        if index.pack_checksum() != pack.trailer() {
            self.problems.push(StoreProblem::file(&pack.path, Fault::ChecksumMismatch));
        }
        Some(index)
    }
}
