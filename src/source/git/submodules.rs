//! Submodules that have their repository in the work tree, as git made them before 1.7.8. Those of newer ones are among the
//! `modules` of the repository that they belong to.

use std::path::{Path, PathBuf};

use super::{ObjectStore, path_of, staging::Staging, work_tree::WorkTree};

/// Where the repositories of submodules stand in a work tree, as its index names them.
#[must_use]
pub fn with_own_repository(store: &ObjectStore, work_tree: &Path) -> Vec<PathBuf> {
    let staging = store.format().map(|format| Staging::read(&store.git_dir().join("index"), format));
    // One that can't be read is told where it is looked at for objects.
    let Some(Ok(staging)) = staging else { return Vec::new() };
    let mut tree = WorkTree::new(work_tree);
    let mut has_own = |path: &[u8]| {
        let found = tree.metadata(&[path, b"/.git"].concat());
        found.is_ok_and(|metadata| metadata.is_some_and(|metadata| metadata.is_dir()))
    };
    let submodules = staging.entries.iter().filter(|entry| entry.is_submodule() && has_own(&entry.path));
    submodules.map(|entry| work_tree.join(path_of(&entry.path))).collect()
}
