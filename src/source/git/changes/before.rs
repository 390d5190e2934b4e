//! What stood at a path that a change brings nothing to.

use std::path::Path;

use super::{Changes, Commits, ObjectId, ObjectStore, Staging, Trees, parents};

/// Did anything stand at this path before the changes, or between two of them? Of what no commit brings, `HEAD` and what is
/// being merged into it tell. Cost: reading a few trees for each commit.
#[must_use]
pub fn stood(store: &ObjectStore, changes: &Changes, path: &[u8]) -> bool {
    let (mut commits, mut trees) = (Commits::new(store), Trees::new(store));
    let mut with_parents = match changes.commits.as_slice() {
        [] => parents(store, &mut Vec::new()),
        own => own.to_vec(),
    };
    for id in &changes.commits {
        with_parents.extend(commits.node(id).iter().flat_map(|node| node.parents.iter().copied()));
    }
    with_parents.sort_unstable();
    with_parents.dedup();
    let root = |commits: &mut Commits<'_>, id: &ObjectId| commits.node(id).and_then(|node| node.tree);
    with_parents.iter().filter_map(|id| root(&mut commits, id)).any(|tree| trees.has(tree, path))
}

/// Has the index anything at this path or below it?
#[must_use]
pub fn is_in_index(store: &ObjectStore, index: &Path, path: &[u8]) -> bool {
    let staging = store.format().and_then(|format| Staging::read(index, format).ok());
    let is_at = |found: &[u8]| found.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    staging.is_some_and(|staging| staging.entries.iter().any(|entry| is_at(&entry.path)))
}
