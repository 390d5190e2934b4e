//! What a commit, a range or a push brings: whole files as they stand after it, and what stood there before.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    rc::Rc,
    time::SystemTime,
};

use super::{
    Fault, Kind, ObjectId, ObjectStore, Reader, StoreProblem, path_of,
    refs::{Head, Refs},
    revisions::{Commits, Revisions},
    staging::{Staged, Staging},
};

/// A file that a change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path in the repository.
    pub path: Vec<u8>,
    /// What stands there afterwards.
    pub content: Content,
    /// What stood there before: one for each parent of a merge; none if the file is new.
    pub before: Vec<ObjectId>,
    /// The commit that brings it.
    pub commit: Option<ObjectId>,
}

/// Content of a changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A blob.
    Blob(ObjectId),
    /// The file in the work tree.
    WorkTree,
}

/// All changes of one kind.
#[derive(Debug, Default)]
pub struct Changes {
    /// The files, each path and content once.
    pub files: Vec<Change>,
    /// Blobs that stood somewhere before and don't any more: a file that was renamed is new nowhere.
    pub removed: HashSet<ObjectId>,
    /// Blobs that stood nowhere before the change that brings them.
    pub brought: HashSet<ObjectId>,
    /// The commits that bring them, the newest first.
    pub commits: Vec<ObjectId>,
    /// What could not be read.
    pub problems: Vec<StoreProblem>,
}

/// No real tree is larger.
const MAX_TREE_BYTES: usize = 256 << 20;
/// Trees kept while a range is compared.
const MAX_TREES: usize = 8_192;

/// What the index holds and the commit at `HEAD` doesn't. Costs little more than reading the index: directories that
/// git knows to be unchanged are passed over.
#[must_use]
pub fn staged(store: &ObjectStore, index: &Path) -> Changes {
    let mut changes = Changes::default();
    let Some(format) = store.format() else { return changes };
    let staging = match Staging::read(index, format) {
        Ok(staging) => staging,
        Err(fault) => {
            changes.problems.push(StoreProblem::file(index, fault));
            return changes;
        }
    };
    let mut trees = Trees::new(store);
    let head = match Head::read(store) {
        Ok(head) => head.id,
        Err(problem) => {
            changes.problems.push(problem);
            None
        }
    };
    let root = head.and_then(|head| Commits::new(store).node(&head).map(|node| node.tree));
    compare_index(&staging, root, &mut trees, &mut changes);
    changes.brought = brought(&changes.files, &changes.removed);
    changes.problems.append(&mut trees.problems);
    changes
}

fn compare_index(staging: &Staging, root: Option<ObjectId>, trees: &mut Trees<'_>, changes: &mut Changes) {
    let mut stack = vec![(0..staging.entries.len(), 0_usize, root)];
    while let Some((range, depth, tree)) = stack.pop() {
        let Some(first) = staging.entries.get(range.start).filter(|_| !range.is_empty()) else { continue };
        let directory = first.path[..depth].strip_suffix(b"/").unwrap_or(&first.path[..depth]);
        if tree.is_some() && staging.tree(directory) == tree {
            continue;
        }
        let listing = tree.map_or_else(Rc::default, |tree| trees.list(&tree));
        let mut left: HashSet<&[u8]> = listing.keys().map(Vec::as_slice).collect();
        let mut at = range.start;
        while at < range.end {
            let entry = &staging.entries[at];
            let rest = &entry.path[depth..];
            left.remove(rest.split(|byte| *byte == b'/').next().unwrap_or_default());
            let Some(slash) = memchr::memchr(b'/', rest) else {
                changes.files.extend(staged_change(entry, listing.get(rest)));
                at += 1;
                continue;
            };
            let below = &entry.path[..=depth + slash];
            let len = staging.entries[at..range.end].partition_point(|other| other.path.starts_with(below));
            let subtree = listing.get(&rest[..slash]).filter(|(mode, _)| *mode == DIRECTORY).map(|(_, id)| *id);
            stack.push((at..at + len.max(1), below.len(), subtree));
            at += len.max(1);
        }
        left.iter().for_each(|name| trees.add_blobs(listing[*name], &mut changes.removed));
    }
}

fn staged_change(entry: &Staged, before: Option<&(u32, ObjectId)>) -> Option<Change> {
    let is_same = entry.stage == 0 && before.is_some_and(|(_, id)| *id == entry.id);
    (entry.is_blob() && !is_same).then(|| Change {
        path: entry.path.clone(),
        content: Content::Blob(entry.id),
        before: before.map(|(_, id)| *id).into_iter().collect(),
        commit: None,
    })
}

/// Files of the work tree at `root` that may differ from what is staged, by their size and time.
#[must_use]
pub fn unstaged(store: &ObjectStore, index: &Path, root: &Path) -> Changes {
    let mut changes = Changes::default();
    let Some(format) = store.format() else { return changes };
    let written = std::fs::metadata(index).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let entries = match Staging::read(index, format) {
        Ok(staging) => staging.entries,
        Err(fault) => {
            changes.problems.push(StoreProblem::file(index, fault));
            return changes;
        }
    };
    for entry in entries.into_iter().filter(|entry| entry.is_blob() || entry.is_intent) {
        if entry.is_skipped {
            continue;
        }
        let path = path_of(&entry.path);
        let is_inside = Path::new(&path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_inside {
            changes.problems.push(StoreProblem::file(Path::new(&path), Fault::PathOutside));
            continue;
        }
        let Ok(metadata) = std::fs::symlink_metadata(root.join(&path)) else { continue };
        if (metadata.is_file() || metadata.is_symlink()) && entry.may_differ(&metadata, written) {
            let before = if entry.is_blob() { vec![entry.id] } else { Vec::new() };
            changes.files.push(Change { path: entry.path, content: Content::WorkTree, before, commit: None });
        }
    }
    changes.files.dedup_by(|a, b| a.path == b.path);
    changes
}

/// What the commits of a range bring: a file counts where it differs from those of all parents. Cost: reading the trees
/// that changed, from the newest commit to the oldest.
#[must_use]
pub fn range(store: &ObjectStore, range: &Revisions) -> Changes {
    let mut commits = Commits::new(store);
    let mut trees = Trees::new(store);
    let mut changes = Changes::default();
    let mut found: BTreeMap<(Vec<u8>, ObjectId), Change> = BTreeMap::new();
    for id in commits.list(range) {
        changes.commits.push(id);
        let Some(node) = commits.node(&id) else { continue };
        let parents: Vec<ObjectId> =
            node.parents.iter().filter_map(|parent| commits.node(parent).map(|node| node.tree)).collect();
        let mut removed = HashSet::new();
        let files = introduced(node.tree, &parents, &mut trees, &mut removed);
        changes.brought.extend(brought(&files, &removed));
        changes.removed.extend(removed);
        for mut change in files {
            let Content::Blob(blob) = change.content else { continue };
            change.commit = Some(id);
            // Older commits come later: the first to bring it is the one named.
            found.insert((change.path.clone(), blob), change);
        }
    }
    changes.files = found.into_values().collect();
    changes.problems.append(&mut commits.problems);
    changes.problems.append(&mut trees.problems);
    changes
}

/// The blobs of one change that stood nowhere before it.
fn brought(files: &[Change], removed: &HashSet<ObjectId>) -> HashSet<ObjectId> {
    let before: HashSet<&ObjectId> = files.iter().flat_map(|file| &file.before).chain(removed).collect();
    let blobs = files.iter().filter_map(|file| match &file.content {
        Content::Blob(id) => Some(id),
        Content::WorkTree => None,
    });
    blobs.filter(|id| !before.contains(id)).copied().collect()
}

/// Files of a tree that differ from those of all the others. What only the others have goes to `removed`.
fn introduced(
    tree: ObjectId,
    parents: &[ObjectId],
    trees: &mut Trees<'_>,
    removed: &mut HashSet<ObjectId>,
) -> Vec<Change> {
    let mut found = Vec::new();
    let mut stack = vec![(Vec::new(), tree, parents.to_vec())];
    let mut visited = HashSet::new();
    while let Some((path, tree, parents)) = stack.pop() {
        // A tree can't hold itself, but one whose id is wrong can.
        if parents.contains(&tree) || !visited.insert((path.clone(), tree)) || path.len() > MAX_PATH {
            continue;
        }
        let others: Vec<_> = parents.iter().map(|parent| trees.list(parent)).collect();
        let own = trees.list(&tree);
        for (name, entry) in others.iter().flat_map(|other| other.iter()) {
            if !own.contains_key(name) {
                trees.add_blobs(*entry, removed);
            }
        }
        for (name, (mode, id)) in own.iter() {
            let before: Vec<(u32, ObjectId)> = others.iter().filter_map(|other| other.get(name).copied()).collect();
            if before.iter().any(|(_, other)| other == id) {
                continue;
            }
            let mut path = path.clone();
            path.extend_from_slice(name);
            if *mode == DIRECTORY {
                path.push(b'/');
                let directories = before.into_iter().filter(|(mode, _)| *mode == DIRECTORY);
                stack.push((path, *id, directories.map(|(_, id)| id).collect()));
            } else if *mode != SUBMODULE {
                let before = before.into_iter().filter(|(mode, _)| !matches!(*mode, DIRECTORY | SUBMODULE));
                let before = before.map(|(_, id)| id).collect();
                found.push(Change { path, content: Content::Blob(*id), before, commit: None });
            }
        }
    }
    found
}

/// Longest path that is followed; the systems' own limit.
const MAX_PATH: usize = 1 << 16;

/// What a push brings. `lines` are those of a `pre-receive` hook: old id, new id and name of each ref. What is
/// reachable from other refs is there already.
///
/// # Errors
/// The number of a line that isn't of that form.
pub fn pushed(store: &ObjectStore, refs: &Refs, lines: &[u8]) -> Result<Revisions, usize> {
    let mut revisions = Revisions::default();
    for (number, line) in lines.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let mut words = line.splitn(3, |byte| *byte == b' ').map(ObjectId::from_hex);
        let (Some(Some(old)), Some(Some(new)), Some(_)) = (words.next(), words.next(), words.next()) else {
            return Err(number + 1);
        };
        let is_zero = |id: &ObjectId| id.as_bytes().iter().all(|byte| *byte == 0);
        revisions.exclude.extend((!is_zero(&old)).then_some(old));
        revisions.include.extend((!is_zero(&new)).then_some(new));
    }
    revisions.exclude.extend(refs.refs.iter().map(|found| found.target).filter(|id| store.contains(id)));
    Ok(revisions)
}

/// Where a hook keeps the objects of a push until it is accepted, by the environment that git gives it.
#[must_use]
pub fn quarantine(var: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Vec<std::path::PathBuf> {
    let own = ["GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY"].iter().filter_map(|name| var(name));
    let others = var("GIT_ALTERNATE_OBJECT_DIRECTORIES");
    let others: Vec<_> = others.iter().flat_map(std::env::split_paths).collect();
    let mut dirs: Vec<_> = own.map(std::path::PathBuf::from).chain(others).collect();
    dirs.dedup();
    dirs
}

const DIRECTORY: u32 = 0o040_000;
const SUBMODULE: u32 = 0o160_000;

/// Entries of a tree by name, with their modes.
type Listing = HashMap<Vec<u8>, (u32, ObjectId)>;

/// Reads trees, and keeps the last ones.
struct Trees<'s> {
    reader: Reader<'s>,
    kept: HashMap<ObjectId, Rc<Listing>>,
    problems: Vec<StoreProblem>,
}

impl<'s> Trees<'s> {
    fn new(store: &'s ObjectStore) -> Trees<'s> {
        Trees { reader: store.reader(MAX_TREE_BYTES), kept: HashMap::new(), problems: Vec::new() }
    }

    /// Adds a blob, or all blobs below a tree.
    fn add_blobs(&mut self, entry: (u32, ObjectId), blobs: &mut HashSet<ObjectId>) {
        let mut stack = vec![entry];
        let mut visited = HashSet::new();
        while let Some((mode, id)) = stack.pop() {
            match mode {
                DIRECTORY if visited.insert(id) => stack.extend(self.list(&id).values()),
                DIRECTORY | SUBMODULE => {}
                _ => drop(blobs.insert(id)),
            }
        }
    }

    /// The entries of a tree; none, with a problem, if it can't be read.
    fn list(&mut self, id: &ObjectId) -> Rc<Listing> {
        if let Some(listing) = self.kept.get(id) {
            return Rc::clone(listing);
        }
        let listing = match self.reader.read(id) {
            Ok((Kind::Tree, content)) => parse_tree(content, id.as_bytes().len()),
            Ok(_) => Listing::new(),
            Err(problem) => {
                self.problems.push(problem);
                Listing::new()
            }
        };
        if self.kept.len() >= MAX_TREES {
            self.kept.clear();
        }
        let listing = Rc::new(listing);
        self.kept.insert(*id, Rc::clone(&listing));
        listing
    }
}

fn parse_tree(content: &[u8], id_len: usize) -> Listing {
    let mut listing = Listing::new();
    let mut rest = content;
    while let Some(nul) = memchr::memchr(0, rest) {
        let (entry, behind) = (&rest[..nul], &rest[nul + 1..]);
        let Some((id, behind)) = behind.split_at_checked(id_len) else { break };
        rest = behind;
        let Some(space) = memchr::memchr(b' ', entry) else { continue };
        let mode = str::from_utf8(&entry[..space]).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        listing.insert(entry[space + 1..].to_vec(), (mode.unwrap_or(0), ObjectId::copied(id)));
    }
    listing
}
