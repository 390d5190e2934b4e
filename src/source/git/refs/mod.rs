//! All refs of a repository, read from files or from reftables: what names a commit, what did once, and where each
//! work tree stands.
//!
//! ```text
//! mod: work trees, symbolic refs, what is told of them
//!  ├─ files: one file per ref, packed-refs, logs/
//!  └─ reftable: the stack of tables ─ table: one of them
//! ```
//!
//! Nothing is obeyed but `extensions.refStorage`. A ref that can't be read is a problem; the others are read.

mod files;
mod reftable;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    Fault, Kind, ObjectFormat, ObjectId, ObjectStore, StoreProblem,
    layout::{RefStorage, path_of},
};

/// Git follows no more symbolic refs one after another.
const MAX_SYMBOLIC_STEPS: usize = 5;

/// A ref and what it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ref {
    /// The whole name: `refs/heads/main`. A ref that belongs to another work tree than the store's own has a name as
    /// git's commands take it: `worktrees/<id>/refs/bisect/bad`, `main-worktree/refs/bisect/bad`.
    pub name: Vec<u8>,
    /// The object: mostly a commit or a tag. Symbolic refs were followed.
    pub target: ObjectId,
}

/// A change of a ref, as its log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The ref's whole name, as [`Ref::name`].
    pub name: Vec<u8>,
    /// What it named before; `None` if it was new.
    pub old: Option<ObjectId>,
    /// What it named then; `None` if it was deleted.
    pub new: Option<ObjectId>,
    /// Name and address of whoever changed it: `A U Thor <author@example.org>`.
    pub who: Vec<u8>,
    /// When, in seconds since 1970.
    pub seconds: i64,
    /// Why, without newline at the end.
    pub message: Vec<u8>,
}

/// All refs of a repository.
#[derive(Clone, Debug, Default)]
pub struct Refs {
    /// Sorted by name. `HEAD` is not among them.
    pub refs: Vec<Ref>,
    /// The commit that is checked out; `None` before the first one.
    pub head: Option<ObjectId>,
    /// The branch that is checked out; `None` if `HEAD` is detached.
    pub head_name: Option<Vec<u8>>,
    /// The commits that are checked out in other work trees; sorted.
    pub heads: Vec<ObjectId>,
    /// Objects named by logs, `FETCH_HEAD`, `ORIG_HEAD` and their like; sorted. Some may be gone: a log keeps the names of
    /// what was pruned.
    pub others: Vec<ObjectId>,
    /// Entries of all logs: those of one ref stand together, oldest first.
    pub logs: Vec<LogEntry>,
    /// Do refs and logs stand in reftables? Then no scan of the repository's files sees their text.
    pub is_reftable: bool,
    /// What could not be read, and refs that lead nowhere.
    pub problems: Vec<StoreProblem>,
}

impl Refs {
    /// Reads all refs and logs. Cost: opens every loose ref, and reads every log.
    #[must_use]
    pub fn read(store: &ObjectStore) -> Refs {
        let mut refs = Refs { is_reftable: store.ref_storage() == Some(RefStorage::Reftable), ..Refs::default() };
        let Some(format) = store.format() else { return refs };
        let mut found =
            Found { format, values: BTreeMap::new(), others: BTreeSet::new(), logs: Vec::new(), problems: Vec::new() };
        if store.ref_storage().is_none() {
            found.problems.push(StoreProblem::file(store.common_dir().join("config"), Fault::UnknownRefStorage));
        }
        let places = places(store, &mut found.problems);
        if store.ref_storage() != Some(RefStorage::Reftable) {
            files::read(store, &places, &mut found);
        }
        if store.ref_storage() != Some(RefStorage::Files) {
            reftable::read(&places, &mut found);
            // FETCH_HEAD and MERGE_HEAD are files in any case.
            files::read_pseudo_refs(&places, &mut found);
        }
        refs.take(found, store);
        refs
    }

    /// The object that a ref of this whole name names.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<ObjectId> {
        if name == b"HEAD" {
            return self.head;
        }
        let at = self.refs.binary_search_by(|found| found.name.as_slice().cmp(name)).ok()?;
        Some(self.refs[at].target)
    }

    /// The `n`th last thing that a ref named, from 0 for the last, by its log.
    #[must_use]
    pub fn earlier(&self, name: &[u8], n: usize) -> Option<ObjectId> {
        let mut entries = self.logs.iter().filter(|entry| entry.name == name).rev();
        if let Some(entry) = entries.nth(n) {
            return entry.new;
        }
        // What stood before the oldest entry counts as well.
        let entries: Vec<&LogEntry> = self.logs.iter().filter(|entry| entry.name == name).collect();
        entries.first().filter(|_| n == entries.len()).and_then(|oldest| oldest.old)
    }

    fn take(&mut self, found: Found, store: &ObjectStore) {
        let Found { values, others, mut logs, mut problems, .. } = found;
        let mut others = others;
        if let Some(Value::Symbolic(name)) = values.get(&b"HEAD"[..]) {
            self.head_name = Some(name.clone());
        }
        let targets: Vec<ObjectId> = values.keys().filter_map(|name| resolve(&values, name).ok()).collect();
        let missing = store.missing(&targets);
        for name in values.keys() {
            let is_head = name == b"HEAD" || name.ends_with(b"/HEAD") && !name.starts_with(b"refs/");
            let problem = |fault| StoreProblem::file(store.common_dir().join(path_of(name)), fault);
            let target = match resolve(&values, name) {
                Ok(target) => target,
                // A branch without a commit yet.
                Err(Fault::RefNowhere) if is_head => continue,
                Err(fault) => {
                    problems.push(problem(fault));
                    continue;
                }
            };
            if missing.contains(&target) {
                // What a branch leads to can be nothing else, and what a tag leads to mostly is.
                let kind = Some(Kind::Commit);
                problems.push(StoreProblem { object: Some(target), kind, ..problem(Fault::Missing) });
            }
            match () {
                () if name == b"HEAD" => self.head = Some(target),
                () if is_head => self.heads.push(target),
                () if !is_ref(name) => drop(others.insert(target)),
                () => self.refs.push(Ref { name: name.clone(), target }),
            }
        }
        logs.sort_by(|one, other| one.name.cmp(&other.name));
        others.extend(logs.iter().flat_map(|entry| [entry.old, entry.new]).flatten());
        self.heads.sort_unstable();
        (self.others, self.logs, self.problems) = (others.into_iter().collect(), logs, problems);
    }
}

/// Where `HEAD` stands, and the branch that it names. Cheaper than [`Refs::read`]: no other ref is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The commit; `None` before the first one.
    pub id: Option<ObjectId>,
    /// The branch; `None` if `HEAD` is detached.
    pub name: Option<Vec<u8>>,
}

impl Head {
    /// Reads it.
    ///
    /// # Errors
    /// If it, or the ref that it names, can't be read. A branch that isn't there is none: it has no commit yet.
    pub fn read(store: &ObjectStore) -> Result<Head, StoreProblem> {
        let Some(format) = store.format() else { return Ok(Head::default()) };
        if store.ref_storage() != Some(RefStorage::Reftable) {
            return files::head(store, format);
        }
        let refs = Refs::read(store);
        let problem = refs.problems.into_iter().find(|_| refs.head.is_none());
        problem.map_or(Ok(Head { id: refs.head, name: refs.head_name }), Err)
    }
}

/// For fuzzers: reads a reftable.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz_table(bytes: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let mut stack = reftable::Stack::default();
        let mut budget = table::Budget::of(bytes.len() as u64);
        let _ = table::Table::open(bytes, format).and_then(|table| table.read(&mut stack, &mut budget));
    }
}

/// For fuzzers: reads a log.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz_log(bytes: &[u8]) {
    files::fuzz_log(bytes);
}

/// What a ref was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Id(ObjectId),
    Symbolic(Vec<u8>),
}

/// What is collected while reading.
struct Found {
    format: ObjectFormat,
    /// By whole name.
    values: BTreeMap<Vec<u8>, Value>,
    others: BTreeSet<ObjectId>,
    logs: Vec<LogEntry>,
    problems: Vec<StoreProblem>,
}

/// The directory of one work tree's own refs, and what their names begin with.
struct Place {
    dir: PathBuf,
    prefix: Vec<u8>,
    /// Has it the refs that all work trees share?
    is_common: bool,
}

/// Names below these belong to one work tree alone.
const OWN: [&[u8]; 3] = [b"refs/bisect/", b"refs/rewritten/", b"refs/worktree/"];

fn is_own(name: &[u8]) -> bool {
    !name.starts_with(b"refs/") || OWN.iter().any(|prefix| name.starts_with(prefix))
}

impl Place {
    /// The whole name of what this work tree calls `name`.
    fn name(&self, name: &[u8]) -> Vec<u8> {
        if is_own(name) { [&self.prefix, name].concat() } else { name.to_vec() }
    }
}

/// Is it a ref, and not `ORIG_HEAD` or the like?
fn is_ref(name: &[u8]) -> bool {
    own_part(name).starts_with(b"refs/")
}

/// The store's own work tree first, then all others.
fn places(store: &ObjectStore, problems: &mut Vec<StoreProblem>) -> Vec<Place> {
    let (own, common) = (store.git_dir(), store.common_dir());
    let canonical = |dir: &Path| dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let is_main = canonical(own) == canonical(common);
    let mut places = vec![Place { dir: own.to_owned(), prefix: Vec::new(), is_common: is_main }];
    if !is_main {
        places.push(Place { dir: common.to_owned(), prefix: b"main-worktree/".to_vec(), is_common: true });
    }
    let dir = common.join("worktrees");
    let mut linked: Vec<PathBuf> = match fs::read_dir(&dir) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(StoreProblem::file(dir, error.into()));
            Vec::new()
        }
    };
    linked.sort_unstable();
    let own = canonical(own);
    for dir in linked.into_iter().filter(|dir| canonical(dir) != own) {
        let id = dir.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
        places.push(Place { prefix: [b"worktrees/", &id[..], b"/"].concat(), dir, is_common: false });
    }
    places
}

/// The git directories of all work trees that have an index, the store's own first.
pub(super) fn work_trees(store: &ObjectStore) -> Vec<PathBuf> {
    let dirs = places(store, &mut Vec::new()).into_iter().map(|place| place.dir);
    dirs.filter(|dir| dir.join("index").exists()).collect()
}

/// Follows symbolic refs. A work tree's own symbolic refs are looked up among its own names first.
fn resolve(values: &BTreeMap<Vec<u8>, Value>, name: &[u8]) -> Result<ObjectId, Fault> {
    let prefix = &name[..name.len() - own_part(name).len()];
    let mut current = name.to_vec();
    for _ in 0..=MAX_SYMBOLIC_STEPS {
        match values.get(&current) {
            None => return Err(Fault::RefNowhere),
            Some(Value::Id(id)) => return Ok(*id),
            Some(Value::Symbolic(next)) if is_own(next) => current = [prefix, next].concat(),
            Some(Value::Symbolic(next)) => current.clone_from(next),
        }
    }
    Err(Fault::RefsTooDeep(MAX_SYMBOLIC_STEPS))
}

/// A name without what tells its work tree.
fn own_part(name: &[u8]) -> &[u8] {
    if let Some(rest) = name.strip_prefix(b"main-worktree/") {
        return rest;
    }
    let Some(rest) = name.strip_prefix(b"worktrees/") else { return name };
    memchr::memchr(b'/', rest).map_or(name, |at| &rest[at + 1..])
}

/// An id that isn't the one of zeros, which stands for none.
fn some_id(id: ObjectId) -> Option<ObjectId> {
    id.as_bytes().iter().any(|&byte| byte != 0).then_some(id)
}
