//! What a commit, a range or a push brings: whole files as they stand after it, and what stood there before.

mod before;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Fault, Kind, ObjectId, ObjectStore, StoreProblem, file,
    layout::{path_of, unquoted},
    refs::{Head, Refs},
    revisions::{Commits, Listed, Revisions},
    staging::{Staged, Staging},
    tree_diff::{EntryKind, Listing, Removed, Trees},
    work_tree::WorkTree,
};
pub use before::{is_in_index, stood};

/// `MERGE_HEAD` holds a line for each branch that is merged.
const MAX_MERGE_HEAD_BYTES: u64 = 1 << 20;
/// The stage of the version from which the sides of a conflict differ.
const BASE_STAGE: u8 = 1;

/// A file that a change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path in the repository; empty for a blob that has none, because a tag leads to it.
    pub path: Vec<u8>,
    /// How much of the path stood there before: some of its directories, or all of it. What follows are new names.
    pub known: usize,
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
    /// Blobs that stood somewhere and then don't any more, with the rank of the first commit that takes them away: a file
    /// that was renamed is new nowhere.
    pub removed: HashMap<ObjectId, u32>,
    /// Names of files and directories, likewise.
    pub removed_names: HashMap<Vec<u8>, u32>,
    /// The commits that bring them, children before parents: the last one has rank 1, each before it one more. What no
    /// commit brings has rank 0.
    pub commits: Vec<ObjectId>,
    /// Annotated tags that come along.
    pub tags: Vec<ObjectId>,
    /// What could not be read.
    pub problems: Vec<StoreProblem>,
}

impl Changes {
    /// Ranks of the commits.
    pub(super) fn ranks(&self) -> impl Iterator<Item = (ObjectId, u32)> {
        self.commits.iter().rev().copied().zip(1..)
    }

    /// Those of files at a path of the repository or below it; all of them, if it is empty. What has no path stays.
    #[must_use]
    pub fn at(mut self, part: &[u8]) -> Changes {
        let is_in = |path: &[u8]| {
            let rest = path.strip_prefix(part);
            part.is_empty() || path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        self.files.retain(|file| is_in(&file.path));
        self
    }

    /// Notes what a commit of this rank takes away. Commits come with falling ranks.
    fn add_removed(&mut self, removed: Removed, rank: u32) {
        self.removed.extend(removed.blobs.into_iter().map(|id| (id, rank)));
        self.removed_names.extend(removed.names.into_iter().map(|name| (name, rank)));
    }
}

/// What the index holds and the commit at `HEAD` doesn't, nor those that are being merged into it. Costs little more than
/// reading the index: directories that git knows to be unchanged are passed over.
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
    changes.problems.extend(staging.faults.iter().map(|fault| StoreProblem::file(index, fault.clone())));
    let mut trees = Trees::new(store);
    let parents = parents(store, &mut changes.problems);
    let mut commits = Commits::new(store);
    let roots = parents.iter().filter_map(|parent| commits.node(parent).and_then(|node| node.tree)).collect();
    changes.problems.append(&mut commits.problems);
    let mut removed = Removed::default();
    compare_index(&staging, roots, &mut trees, (&mut changes.files, &mut removed));
    changes.add_removed(removed, 0);
    changes.problems.append(&mut trees.problems);
    changes
}

/// What the next commit follows: `HEAD`, and what is being merged into it.
fn parents(store: &ObjectStore, problems: &mut Vec<StoreProblem>) -> Vec<ObjectId> {
    let head = Head::read(store).unwrap_or_else(|problem| {
        problems.push(problem);
        Head::default()
    });
    let path = store.git_dir().join("MERGE_HEAD");
    let merged = file::read(&path, MAX_MERGE_HEAD_BYTES).unwrap_or_else(|fault| {
        problems.push(StoreProblem::file(path, fault));
        None
    });
    let merged = merged.unwrap_or_default();
    head.id.into_iter().chain(merged.split(|byte| *byte == b'\n').filter_map(ObjectId::from_hex)).collect()
}

/// Files of an index that changed, and what it no longer has.
type Found<'c> = (&'c mut Vec<Change>, &'c mut Removed);

/// A directory of the index: its entries, which begin with the same `depth` bytes, and the trees to compare it with.
struct StagedDirectory {
    entries: Range<usize>,
    depth: usize,
    /// See [`Change::known`].
    known: usize,
    trees: Vec<ObjectId>,
}

/// Compares directory by directory, those that are known to be unchanged not at all.
fn compare_index(staging: &Staging, roots: Vec<ObjectId>, trees: &mut Trees<'_>, (files, removed): Found<'_>) {
    let mut stack = vec![StagedDirectory { entries: 0..staging.entries.len(), depth: 0, known: 0, trees: roots }];
    while let Some(StagedDirectory { entries: range, depth, known, trees: before }) = stack.pop() {
        let Some(first) = staging.entries.get(range.start).filter(|_| !range.is_empty()) else { continue };
        let directory = first.path[..depth].strip_suffix(b"/").unwrap_or(&first.path[..depth]);
        if staging.tree(directory).is_some_and(|tree| before.contains(&tree)) {
            continue;
        }
        let listings: Vec<Listing> = before.iter().map(|tree| trees.list(tree)).collect();
        let mut left: HashSet<&[u8]> = listings.iter().flat_map(Listing::names).collect();
        let mut at = range.start;
        while at < range.end {
            let entry = &staging.entries[at];
            let rest = &entry.path[depth..];
            let slash = memchr::memchr(b'/', rest);
            let name = &rest[..slash.unwrap_or(rest.len())];
            left.remove(name);
            let old = || listings.iter().filter_map(|listing| listing.get(name));
            // Most files are what they were.
            if slash.is_none() && old().any(|old| old.id == entry.id) {
                at += 1;
                continue;
            }
            let before = |kind| old().filter(|old| old.kind == kind).map(|old| old.id).collect::<Vec<_>>();
            let end = depth + name.len() + usize::from(slash.is_some());
            let known = if old().next().is_some() { end } else { known };
            // A file where a directory was, or the other way round.
            let other = if slash.is_none() { EntryKind::Directory } else { EntryKind::Blob };
            old().filter(|old| old.kind == other).for_each(|old| trees.add_below(old, removed));
            let Some(slash) = slash else {
                files.extend(staged_change(entry, known, before(EntryKind::Blob)));
                at += 1;
                continue;
            };
            let before = before(EntryKind::Directory);
            if entry.is_directory() && slash + 1 == rest.len() {
                compare_sparse(entry, known, &before, trees, (&mut *files, &mut *removed));
                at += 1;
                continue;
            }
            // All entries of the range begin with the same `depth` bytes.
            let below = &rest[..=slash];
            let len = staging.entries[at..range.end].partition_point(|other| other.path[depth..].starts_with(below));
            let entries = at..at + len.max(1);
            at = entries.end;
            stack.push(StagedDirectory { entries, depth: end, known, trees: before });
        }
        for (name, listing) in left.iter().flat_map(|name| listings.iter().map(move |listing| (name, listing))) {
            listing.get(name).into_iter().for_each(|entry| trees.add_all(name, entry, removed));
        }
    }
}

/// A directory of a sparse index, which stands for its whole tree.
fn compare_sparse(entry: &Staged, known: usize, before: &[ObjectId], trees: &mut Trees<'_>, found: Found<'_>) {
    if !before.contains(&entry.id) {
        let (files, removed) = found;
        let new = trees.introduced(&entry.path, entry.id, before, removed);
        files.extend(new.into_iter().map(|change| Change { known: change.known.max(known), ..change }));
    }
}

fn staged_change(entry: &Staged, known: usize, mut before: Vec<ObjectId>) -> Option<Change> {
    // What the sides of a conflict have in common is no news.
    before.extend((entry.stage == BASE_STAGE).then_some(entry.id));
    let content = Content::Blob(entry.id);
    entry.is_blob().then(|| Change { path: entry.path.clone(), known, content, before, commit: None })
}

/// Files of the work tree at `root` that may differ from what is staged, by their size and time.
#[must_use]
pub fn unstaged(store: &ObjectStore, index: &Path, root: &Path) -> Changes {
    let mut changes = Changes::default();
    let Some(format) = store.format() else { return changes };
    let written = std::fs::metadata(index).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let staging = match Staging::read(index, format) {
        Ok(staging) => staging,
        Err(fault) => {
            changes.problems.push(StoreProblem::file(index, fault));
            return changes;
        }
    };
    changes.problems.extend(staging.faults.into_iter().map(|fault| StoreProblem::file(index, fault)));
    let mut tree = WorkTree::new(root);
    for entry in staging.entries.into_iter().filter(|entry| entry.is_blob() || entry.is_intent) {
        if entry.is_skipped {
            continue;
        }
        match tree.metadata(&entry.path) {
            Ok(Some(metadata)) if metadata.is_file() || metadata.is_symlink() => {
                if entry.may_differ(&metadata, written) {
                    let before = if entry.is_blob() { vec![entry.id] } else { Vec::new() };
                    let (known, content) = (entry.path.len(), Content::WorkTree);
                    changes.files.push(Change { path: entry.path, known, content, before, commit: None });
                }
            }
            Ok(_) => {}
            Err(Fault::PathOutside) => {
                changes.problems.push(StoreProblem::file(path_of(&entry.path), Fault::PathOutside));
            }
            Err(fault) => changes.problems.push(StoreProblem::file(tree.full_path(&entry.path), fault)),
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
    let Listed { commits: listed, tags, others } = commits.list(range);
    let mut changes = Changes { commits: commits.children_first(listed), tags, ..Changes::default() };
    let mut found: BTreeMap<(Vec<u8>, ObjectId), Change> = BTreeMap::new();
    let mut add = |files: Vec<Change>, commit: Option<ObjectId>| {
        for mut change in files {
            let Content::Blob(blob) = change.content else { continue };
            change.commit = commit;
            // Older commits come later: the first to bring it is the one named.
            found.insert((change.path.clone(), blob), change);
        }
    };
    for (id, kind) in others {
        let files = match kind {
            Kind::Tree => trees.introduced(b"", id, &[], &mut Removed::default()),
            _ => {
                let content = Content::Blob(id);
                vec![Change { path: Vec::new(), known: 0, content, before: Vec::new(), commit: None }]
            }
        };
        add(files, None);
    }
    let ranks: Vec<(ObjectId, u32)> = changes.ranks().collect();
    for (id, rank) in ranks.into_iter().rev() {
        if store.shallow().contains(&id) {
            let problem = StoreProblem::object(store.common_dir().join("shallow"), id, Fault::Shallow);
            changes.problems.push(problem.of_kind(Some(Kind::Commit)));
        }
        trees.grant_commit();
        let Some(node) = commits.node(&id) else { continue };
        let Some(tree) = node.tree else { continue };
        let parents: Vec<ObjectId> =
            node.parents.iter().filter_map(|parent| commits.node(parent).and_then(|node| node.tree)).collect();
        let mut removed = Removed::default();
        add(trees.introduced(b"", tree, &parents, &mut removed), Some(id));
        changes.add_removed(removed, rank);
    }
    changes.files = found.into_values().collect();
    changes.problems.append(&mut commits.problems);
    changes.problems.append(&mut trees.problems);
    changes
}

/// A push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// The commits and tags that it brings.
    pub revisions: Revisions,
    /// Whole names of the refs that it makes.
    pub new_refs: Vec<Vec<u8>>,
}

/// What a push brings. `lines` are those of a `pre-receive` hook: old id, new id and name of each ref. What is
/// reachable from other refs is there already.
///
/// # Errors
/// The number of a line that isn't of that form.
pub fn pushed(store: &ObjectStore, refs: &Refs, lines: &[u8]) -> Result<Push, usize> {
    let Push { mut revisions, mut new_refs } = Push::default();
    for (number, line) in lines.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let mut id = || words.next().and_then(ObjectId::from_hex);
        let (Some(old), Some(new), Some(name)) = (id(), id(), words.next()) else { return Err(number + 1) };
        let is_zero = |id: &ObjectId| id.as_bytes().iter().all(|byte| *byte == 0);
        revisions.exclude.extend((!is_zero(&old)).then_some(old));
        revisions.include.extend((!is_zero(&new)).then_some(new));
        new_refs.extend((is_zero(&old) && !is_zero(&new)).then(|| name.to_vec()));
    }
    revisions.exclude.extend(refs.refs.iter().map(|found| found.target).filter(|id| store.contains(id)));
    Ok(Push { revisions, new_refs })
}

/// Where a hook keeps the objects of a push until it is accepted, by the environment that git gives it.
#[must_use]
pub fn quarantine(var: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Vec<PathBuf> {
    let own = ["GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY"].iter().filter_map(|name| var(name));
    let others = var("GIT_ALTERNATE_OBJECT_DIRECTORIES").map(|list| paths_in(&list)).unwrap_or_default();
    let mut dirs: Vec<_> = own.map(PathBuf::from).chain(others).collect();
    dirs.dedup();
    dirs
}

/// Takes apart a list of paths, each of which may be quoted as C strings are: then separators in it are none.
fn paths_in(list: &std::ffi::OsStr) -> Vec<PathBuf> {
    let separator = if cfg!(windows) { b';' } else { b':' };
    let mut rest = list.as_encoded_bytes();
    let mut paths = Vec::new();
    while !rest.is_empty() {
        let end = match rest {
            [b'"', quoted @ ..] => quoted_end(quoted).map_or(rest.len(), |end| end + 2),
            _ => memchr::memchr(separator, rest).unwrap_or(rest.len()),
        };
        if end > 0 {
            paths.push(PathBuf::from(path_of(&unquoted(&rest[..end]))));
        }
        rest = rest[end..].split_first().map_or(&[], |(_, rest)| rest);
    }
    paths
}

/// For fuzzers.
#[cfg(all(unix, any(test, fuzzing)))]
pub(super) fn fuzz_paths(list: &std::ffi::OsStr) {
    let _ = paths_in(list);
}

/// Where the closing quote stands.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..)?) {
        if text[at + found] == b'"' {
            return Some(at + found);
        }
        at += found + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::paths_in;

    #[test]
    #[cfg(unix)]
    fn quoted_paths_may_hold_separators() {
        let paths = |text: &str| paths_in(text.as_ref());
        assert_eq!(paths("/a:/b c"), [PathBuf::from("/a"), PathBuf::from("/b c")]);
        assert_eq!(paths("\"/a:\\\"b\\n\":/c:"), [PathBuf::from("/a:\"b\n"), PathBuf::from("/c")]);
        assert_eq!(paths(":/c"), [PathBuf::from("/c")]);
        assert_eq!(paths("\"/open"), [PathBuf::from("\"/open")]);
        assert_eq!(paths("\"/open\\"), [PathBuf::from("\"/open\\")]);
        assert!(paths("").is_empty());
    }
}
