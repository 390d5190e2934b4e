//! What trees hold, and in what one differs from others.
//!
//! Trees are hostile input. They can hold each other (if their ids are wrong), and a few that hold each of the next twice
//! have more paths than there are atoms. So the work on paths is limited; beyond the limit each tree is looked at once,
//! which loses paths, but no file.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    rc::Rc,
};

use super::{
    Fault, Kind, ObjectId, ObjectStore, Reader, StoreProblem,
    changes::{Change, Content},
};
use crate::source::NAME_BYTES;

/// No real tree is larger.
const MAX_TREE_BYTES: usize = 256 << 20;
/// Bytes of trees kept while a range is compared.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// Bytes of delta bases kept for the trees of neighbouring commits.
const MAX_BASE_BYTES: usize = 32 << 20;
/// Longest path that is written down: what Linux has room for.
const MAX_PATH_BYTES: usize = 4096;
/// Entries that may be compared for a start, and for each commit more: Linux' own history takes some 1,500 for each.
const FIRST_STEPS: u64 = 5_000_000;
const STEPS_PER_COMMIT: u64 = 5_000;
/// Memory for directories that wait.
const MAX_WAITING_BYTES: usize = 128 << 20;
/// Memory for the paths found for a start, and for each commit more: half a million files, as the largest trees have them,
/// and some twenty for each commit.
const FIRST_FOUND_BYTES: u64 = 256 << 20;
const FOUND_BYTES_PER_COMMIT: u64 = 10_000;
/// What a path found takes besides, by the time that it is told where it stands.
const BYTES_BESIDE_PATH: u64 = 400;

/// What an entry of a tree is, by its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Directory,
    Submodule,
    /// A file or the target of a link.
    Blob,
}

/// An entry of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeEntry {
    pub(super) kind: EntryKind,
    pub(super) id: ObjectId,
}

/// The entries of a tree by name. Empty if it couldn't be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing(Rc<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// The tree as it is stored.
    content: Vec<u8>,
    /// Where names stand in it, sorted by name, each once.
    names: Vec<(Range<u32>, TreeEntry)>,
}

impl Entries {
    fn name(&self, range: &Range<u32>) -> &[u8] {
        &self.content[range.start as usize..range.end as usize]
    }
}

impl Listing {
    /// By name.
    fn iter(&self) -> impl Iterator<Item = (&[u8], TreeEntry)> {
        self.0.names.iter().map(|(range, entry)| (self.0.name(range), *entry))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().map(|(name, _)| name)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<TreeEntry> {
        let found = self.0.names.binary_search_by(|(range, _)| self.0.name(range).cmp(name));
        found.ok().map(|at| self.0.names[at].1)
    }

    fn len(&self) -> u64 {
        self.0.names.len() as u64
    }
}

/// Reads trees, and keeps the last ones.
pub(super) struct Trees<'s> {
    reader: Reader<'s>,
    kept: HashMap<ObjectId, Listing>,
    kept_bytes: usize,
    /// What may still be spent on following every path.
    steps: u64,
    /// And on paths found.
    found_bytes: u64,
    waiting_bytes: usize,
    /// Once that is spent: the trees that were looked at since.
    seen: Option<HashSet<ObjectId>>,
    pub(super) problems: Vec<StoreProblem>,
}

/// What a tree doesn't have and others do.
#[derive(Debug, Default)]
pub(super) struct Removed {
    pub(super) blobs: HashSet<ObjectId>,
    /// Names of files and directories, as far as they are long enough to hold a secret.
    pub(super) names: HashSet<Vec<u8>>,
}

/// A directory to be compared.
struct Pair {
    path: Vec<u8>,
    /// See [`Change::known`].
    known: usize,
    tree: ObjectId,
    others: Vec<ObjectId>,
}

impl Pair {
    /// How much memory it takes.
    fn bytes(&self) -> usize {
        self.path.len() + (self.others.len() + 3) * size_of::<ObjectId>()
    }
}

impl Removed {
    fn add_name(&mut self, name: &[u8]) {
        if name.len() >= NAME_BYTES && !self.names.contains(name) {
            self.names.insert(name.to_vec());
        }
    }
}

impl<'s> Trees<'s> {
    pub(super) fn new(store: &'s ObjectStore) -> Trees<'s> {
        Trees {
            reader: store.reader(MAX_TREE_BYTES).with_cache(MAX_BASE_BYTES),
            kept: HashMap::new(),
            kept_bytes: 0,
            steps: FIRST_STEPS,
            found_bytes: FIRST_FOUND_BYTES,
            waiting_bytes: 0,
            seen: None,
            problems: Vec::new(),
        }
    }

    /// Allows for one commit's work more.
    pub(super) fn grant_commit(&mut self) {
        self.steps += STEPS_PER_COMMIT;
        self.found_bytes += FOUND_BYTES_PER_COMMIT;
    }

    /// Files of a tree at `path` (empty, or with a slash at its end) that differ from those of all the others. What
    /// only the others have goes to `removed`.
    pub(super) fn introduced(
        &mut self,
        path: &[u8],
        tree: ObjectId,
        others: &[ObjectId],
        removed: &mut Removed,
    ) -> Vec<Change> {
        let mut found = Vec::new();
        let known = if others.is_empty() { 0 } else { path.len() };
        let mut stack = vec![Pair { path: path.to_vec(), known, tree, others: others.to_vec() }];
        self.waiting_bytes = stack[0].bytes();
        while let Some(pair) = stack.pop() {
            self.waiting_bytes -= pair.bytes();
            if !pair.others.contains(&pair.tree) && self.may_enter(&pair) {
                self.compare(&pair, &mut stack, &mut found, removed);
            }
        }
        found
    }

    /// While every path is followed, each may be; afterwards, and where paths are too long to be written down, each
    /// tree is entered once.
    fn may_enter(&mut self, pair: &Pair) -> bool {
        if self.seen.is_none() && pair.path.len() > MAX_PATH_BYTES {
            self.give_up(pair.tree, Fault::TooMany { what: "bytes in a path", limit: MAX_PATH_BYTES as u64 });
        }
        let is_spent = self.steps == 0 || self.found_bytes == 0 || self.waiting_bytes > MAX_WAITING_BYTES;
        if self.seen.is_none() && is_spent {
            self.give_up(pair.tree, Fault::TooManyPaths);
        }
        self.seen.as_mut().is_none_or(|seen| seen.insert(pair.tree))
    }

    fn give_up(&mut self, tree: ObjectId, fault: Fault) {
        self.seen = Some(HashSet::new());
        self.problems.push(self.reader.problem(tree, fault));
    }

    fn compare(&mut self, pair: &Pair, stack: &mut Vec<Pair>, found: &mut Vec<Change>, removed: &mut Removed) {
        let others: Vec<Listing> = pair.others.iter().map(|other| self.list(other)).collect();
        let own = self.list(&pair.tree);
        for (name, entry) in others.iter().flat_map(Listing::iter) {
            match own.get(name) {
                None => self.add_all(name, entry, removed),
                // A file that becomes a directory, or a directory that becomes a file: the name stays.
                Some(now) if now.kind != entry.kind => self.add_below(entry, removed),
                Some(_) => {}
            }
        }
        self.steps = self.steps.saturating_sub(own.len() + 1);
        for (name, TreeEntry { kind, id }) in own.iter() {
            let before = || others.iter().filter_map(|other| other.get(name));
            if before().any(|other| other.id == id) || kind == EntryKind::Submodule {
                continue;
            }
            let was_there = before().next().is_some();
            let same_kind = before().filter(|other| other.kind == kind).map(|other| other.id).collect();
            // A path that is too long stays what it is, and in what follows all paths are those of directories.
            let mut path = pair.path.clone();
            if self.waiting_bytes > MAX_WAITING_BYTES {
                path.clear();
            } else if path.len() <= MAX_PATH_BYTES {
                path.extend_from_slice(name);
            }
            if kind == EntryKind::Directory {
                path.push(b'/');
                let known = if was_there { path.len() } else { pair.known };
                let below = Pair { path, known, tree: id, others: same_kind };
                self.waiting_bytes += below.bytes();
                stack.push(below);
            } else {
                self.found_bytes = self.found_bytes.saturating_sub(4 * path.len() as u64 + BYTES_BESIDE_PATH);
                let known = if was_there { path.len() } else { pair.known };
                found.push(Change { path, known, content: Content::Blob(id), before: same_kind, commit: None });
            }
        }
    }

    /// Is there anything at this path of a tree?
    pub(super) fn has(&mut self, tree: ObjectId, path: &[u8]) -> bool {
        let mut at = TreeEntry { kind: EntryKind::Directory, id: tree };
        path.split(|byte| *byte == b'/').all(|name| {
            let below = (at.kind == EntryKind::Directory).then(|| self.list(&at.id)).and_then(|list| list.get(name));
            at = below.unwrap_or(at);
            below.is_some()
        })
    }

    /// Adds a file, or a directory with all that is below it.
    pub(super) fn add_all(&mut self, name: &[u8], entry: TreeEntry, removed: &mut Removed) {
        removed.add_name(name);
        self.add_below(entry, removed);
    }

    /// The same without its own name.
    pub(super) fn add_below(&mut self, entry: TreeEntry, removed: &mut Removed) {
        let mut stack = vec![entry];
        let mut visited = HashSet::new();
        while let Some(TreeEntry { kind, id }) = stack.pop() {
            match kind {
                // They only tell what was there before. Without them more counts as new, not less.
                EntryKind::Directory if self.steps == 0 => {}
                EntryKind::Directory if visited.insert(id) => {
                    let listing = self.list(&id);
                    self.steps = self.steps.saturating_sub(listing.len() + 1);
                    for (name, entry) in listing.iter() {
                        removed.add_name(name);
                        stack.push(entry);
                    }
                }
                EntryKind::Directory | EntryKind::Submodule => {}
                EntryKind::Blob => drop(removed.blobs.insert(id)),
            }
        }
    }

    /// The entries of a tree; none, with a problem, if it can't be read.
    pub(super) fn list(&mut self, id: &ObjectId) -> Listing {
        if let Some(listing) = self.kept.get(id) {
            return listing.clone();
        }
        let (entries, fault) = match self.reader.read(id) {
            Ok((Kind::Tree, content)) => {
                let (entries, is_sound) = parse(content, id.as_bytes().len());
                (entries, (!is_sound).then_some(Fault::Malformed("tree")))
            }
            Ok((found, _)) => (Entries::default(), Some(Fault::WrongKind { expected: Kind::Tree, found })),
            Err(problem) => (Entries::default(), Some(problem.fault)),
        };
        self.problems.extend(fault.map(|fault| self.reader.problem(*id, fault)));
        if self.kept_bytes > MAX_KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        self.kept_bytes += entries.content.len() + entries.names.len() * size_of::<(Range<u32>, TreeEntry)>() + 256;
        let listing = Listing(Rc::new(entries));
        self.kept.insert(*id, listing.clone());
        listing
    }
}

/// The entries of a tree, and whether there is nothing else in it.
fn parse(content: &[u8], id_len: usize) -> (Entries, bool) {
    let mut entries = Entries { content: content.to_vec(), names: Vec::with_capacity(content.len() / 40) };
    let mut is_sound = true;
    let mut at = 0;
    while at < content.len() {
        let id =
            memchr::memchr(0, &content[at..]).and_then(|nul| Some((nul, content.get(at + nul + 1..)?.get(..id_len)?)));
        let Some((nul, id)) = id else {
            is_sound = false;
            break;
        };
        match named(&content[at..at + nul]) {
            Some((mode, name)) => {
                let end = at + nul;
                let entry = TreeEntry { kind: kind_of(mode), id: ObjectId::copied(id) };
                // Trees are no larger than 256 MiB.
                entries.names.push(((end - name.len()) as u32..end as u32, entry));
            }
            None => is_sound = false,
        }
        at += nul + 1 + id_len;
    }
    // Nearly sorted: git sorts directories as if a slash stood behind their names.
    let name = |range: &Range<u32>| &content[range.start as usize..range.end as usize];
    entries.names.sort_by(|(one, _), (other, _)| name(one).cmp(name(other)));
    let count = entries.names.len();
    // Of two with one name git sees either.
    entries.names.dedup_by(|(one, _), (other, _)| name(one) == name(other));
    is_sound &= entries.names.len() == count;
    (entries, is_sound)
}

/// For fuzzers: what is in a tree is found by name.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(content: &[u8]) {
    for id_len in [20, 32] {
        let listing = Listing(Rc::new(parse(content, id_len).0));
        for (name, entry) in listing.iter() {
            assert_eq!(listing.get(name).map(|found| found.id), Some(entry.id));
        }
    }
}

/// Mode and name of an entry.
fn named(entry: &[u8]) -> Option<(u32, &[u8])> {
    let space = memchr::memchr(b' ', entry)?;
    let mode = u32::from_str_radix(str::from_utf8(&entry[..space]).ok()?, 8).ok()?;
    let name = &entry[space + 1..];
    (!name.is_empty() && !name.contains(&b'/')).then_some((mode, name))
}

fn kind_of(mode: u32) -> EntryKind {
    match mode & 0o170_000 {
        0o040_000 => EntryKind::Directory,
        0o160_000 => EntryKind::Submodule,
        _ => EntryKind::Blob,
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{EntryKind, Listing, parse};

    #[test]
    fn malformed_trees_are_told_from_sound_ones() {
        let id = [7; 20];
        let tree = |entries: &[&[u8]]| entries.iter().flat_map(|e| [e, &[0][..], &id].concat()).collect::<Vec<u8>>();
        let sound = tree(&[b"100644 a", b"040000 b", b"40000 c", b"160000 d", b"120000 e"]);
        let (entries, is_sound) = parse(&sound, 20);
        let listing = Listing(Rc::new(entries));
        let kinds = [b"a", b"b", b"c", b"d", b"e"].map(|name| listing.get(name).unwrap().kind);
        let directory = EntryKind::Directory;
        assert_eq!(kinds, [EntryKind::Blob, directory, directory, EntryKind::Submodule, EntryKind::Blob]);
        assert!(is_sound && listing.get(b"f").is_none());
        for bad in [&tree(&[b"100644 a", b"100644 a"])[..], &tree(&[b"a"]), &tree(&[b"100644 "]), &tree(&[b"1 a/b"])] {
            assert!(!parse(bad, 20).1);
        }
        let boundaries = [0, 29, 58, 86, 115, 144];
        for end in 0..=sound.len() {
            assert_eq!(parse(&sound[..end], 20).1, boundaries.contains(&end), "{end}");
        }
    }
}
