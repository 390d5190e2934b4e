//! What a commit, a range or a push brings: whole files as they stand after it, and what stood there before.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Fault, Kind, ObjectId, ObjectStore, StoreProblem,
    layout::{path_of, unquoted},
    refs::{Head, Refs},
    revisions::{Commits, Listed, Revisions},
    staging::{Staged, Staging},
    tree_diff::{EntryKind, Trees},
    work_tree::WorkTree,
};

/// A file that a change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path in the repository; empty for a blob that has none, because a tag leads to it.
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
    /// Annotated tags that come along.
    pub tags: Vec<ObjectId>,
    /// What could not be read.
    pub problems: Vec<StoreProblem>,
}

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
    changes.problems.extend(staging.faults.iter().map(|fault| StoreProblem::file(index, fault.clone())));
    let mut trees = Trees::new(store);
    let head = match Head::read(store) {
        Ok(head) => head.id,
        Err(problem) => {
            changes.problems.push(problem);
            None
        }
    };
    let mut commits = Commits::new(store);
    let root = head.and_then(|head| commits.node(&head)).and_then(|node| node.tree);
    changes.problems.append(&mut commits.problems);
    compare_index(&staging, root, &mut trees, &mut changes);
    changes.brought = brought(&changes.files, &changes.removed);
    changes.problems.append(&mut trees.problems);
    changes
}

/// Compares directory by directory, those that are known to be unchanged not at all.
fn compare_index(staging: &Staging, root: Option<ObjectId>, trees: &mut Trees<'_>, changes: &mut Changes) {
    let mut stack = vec![(0..staging.entries.len(), 0_usize, root)];
    while let Some((range, depth, tree)) = stack.pop() {
        let Some(first) = staging.entries.get(range.start).filter(|_| !range.is_empty()) else { continue };
        let directory = first.path[..depth].strip_suffix(b"/").unwrap_or(&first.path[..depth]);
        if tree.is_some() && staging.tree(directory) == tree {
            continue;
        }
        let listing = tree.map(|tree| trees.list(&tree)).unwrap_or_default();
        let mut left: HashSet<&[u8]> = listing.names().collect();
        let mut at = range.start;
        while at < range.end {
            let entry = &staging.entries[at];
            let rest = &entry.path[depth..];
            left.remove(rest.split(|byte| *byte == b'/').next().unwrap_or_default());
            let Some(slash) = memchr::memchr(b'/', rest) else {
                changes.files.extend(staged_change(entry, listing.get(rest).map(|entry| entry.id)));
                at += 1;
                continue;
            };
            let subtree = listing.get(&rest[..slash]).filter(|entry| entry.kind == EntryKind::Directory);
            let subtree = subtree.map(|entry| entry.id);
            if entry.is_directory() && slash + 1 == rest.len() {
                compare_sparse(entry, subtree, trees, changes);
                at += 1;
                continue;
            }
            // All entries of the range begin with the same `depth` bytes.
            let below = &rest[..=slash];
            let len = staging.entries[at..range.end].partition_point(|other| other.path[depth..].starts_with(below));
            stack.push((at..at + len.max(1), depth + below.len(), subtree));
            at += len.max(1);
        }
        left.iter().filter_map(|name| listing.get(name)).for_each(|entry| trees.add_blobs(entry, &mut changes.removed));
    }
}

/// A directory of a sparse index, which stands for its whole tree.
fn compare_sparse(entry: &Staged, before: Option<ObjectId>, trees: &mut Trees<'_>, changes: &mut Changes) {
    if before != Some(entry.id) {
        let before: Vec<ObjectId> = before.into_iter().collect();
        let files = trees.introduced(&entry.path, entry.id, &before, &mut changes.removed);
        changes.files.extend(files);
    }
}

fn staged_change(entry: &Staged, before: Option<ObjectId>) -> Option<Change> {
    let is_same = entry.stage == 0 && before == Some(entry.id);
    (entry.is_blob() && !is_same).then(|| Change {
        path: entry.path.clone(),
        content: Content::Blob(entry.id),
        before: before.into_iter().collect(),
        commit: None,
    })
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
                    changes.files.push(Change { path: entry.path, content: Content::WorkTree, before, commit: None });
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
    let mut changes = Changes { tags, ..Changes::default() };
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
            Kind::Tree => trees.introduced(b"", id, &[], &mut HashSet::new()),
            _ => vec![Change { path: Vec::new(), content: Content::Blob(id), before: Vec::new(), commit: None }],
        };
        changes.brought.extend(brought(&files, &HashSet::new()));
        add(files, None);
    }
    for id in listed {
        changes.commits.push(id);
        if store.shallow().contains(&id) {
            let problem = StoreProblem::object(store.common_dir().join("shallow"), id, Fault::Shallow);
            changes.problems.push(problem.of_kind(Some(Kind::Commit)));
        }
        trees.grant_commit();
        let Some(node) = commits.node(&id) else { continue };
        let Some(tree) = node.tree else { continue };
        let parents: Vec<ObjectId> =
            node.parents.iter().filter_map(|parent| commits.node(parent).and_then(|node| node.tree)).collect();
        let mut removed = HashSet::new();
        let files = trees.introduced(b"", tree, &parents, &mut removed);
        changes.brought.extend(brought(&files, &removed));
        changes.removed.extend(removed);
        add(files, Some(id));
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
