//! Where a scan's cache is kept, and what is said about it.

use std::path::{Path, PathBuf};

use super::Env;
use crate::{
    engine::{
        Scan, Scanner,
        cache::{Cache, CacheFault},
    },
    model::DisplayPath,
    source::git::Repository,
};

/// Where to keep what scans learn of git objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CachePlace {
    /// A file for each repository, in the user's directory of caches.
    Default,
    /// A file for each repository in this directory, if it is one or its name ends in a separator; else this file for
    /// all repositories of the scan.
    At(PathBuf),
}

impl CachePlace {
    /// The file for a repository of this name: an address, or the absolute path of its git directory.
    fn file(&self, name: &[u8], env: &Env<'_>) -> Option<PathBuf> {
        let dir = match self {
            CachePlace::Default => env.cache_dir()?,
            CachePlace::At(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                path.clone()
            }
            CachePlace::At(path) => return Some(path.clone()),
        };
        let digest = blake3::hash(name).to_hex();
        Some(dir.join(format!("{}.cache", &digest[..32])))
    }
}

/// What a repository's history is scanned with.
pub(super) struct Means<'a, 'e> {
    pub(super) place: Option<&'a CachePlace>,
    pub(super) scanner: &'a Scanner,
    pub(super) env: &'a Env<'e>,
}

/// Scans the history of a repository, leaving out what the cache knows to hold nothing, if there is a place for one. A
/// cache that can't be used or written is said and does no harm. `address` is what a clone was made of.
pub(super) fn scan(repository: &Repository, address: Option<&str>, means: &Means<'_, '_>, scan: &mut Scan<'_>) {
    let &Means { place, scanner, env } = means;
    let Some(place) = place else { return scan.run(repository) };
    let common_dir = absolute(repository.store().common_dir());
    let name = address.map_or(common_dir.as_os_str().as_encoded_bytes(), str::as_bytes);
    let Some(file) = place.file(name, env) else {
        (env.warn)("no place for a cache: set XDG_CACHE_HOME, or name one with --cache=PATH");
        return scan.run(repository);
    };
    if address.is_none() && is_inside(&file, repository) {
        let shown = DisplayPath(&file);
        (env.warn)(&format!("{shown} lies in the repository that is scanned, and nothing is written there: no cache"));
        return scan.run(repository);
    }
    let (mut cache, fault) = Cache::open(file, scanner);
    if let Some(fault) = fault {
        (env.warn)(&format!("{} {fault}: everything is scanned", DisplayPath(cache.path())));
        if matches!(fault, CacheFault::Foreign | CacheFault::Unreadable(_)) {
            return scan.run(repository);
        }
    }
    scan.run_cached(repository, &mut cache);
    if let Err(error) = cache.save() {
        (env.warn)(&format!("can't write {}: {error}", DisplayPath(cache.path())));
    }
}

/// Does the file lie in the git directory, or in the work tree around it?
fn is_inside(file: &Path, repository: &Repository) -> bool {
    let file = absolute(file);
    let git_dirs = [repository.store().common_dir(), repository.store().git_dir()].map(absolute);
    let work_trees = git_dirs.iter().filter(|dir| dir.ends_with(".git")).filter_map(|dir| dir.parent());
    git_dirs.iter().map(PathBuf::as_path).chain(work_trees).any(|dir| file.starts_with(dir))
}

/// The path without links, as far as it exists.
fn absolute(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = PathBuf::new();
    for ancestor in whole.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return if missing.as_os_str().is_empty() { real } else { real.join(missing) };
        }
        let Some(name) = ancestor.file_name() else { break };
        missing = if missing.as_os_str().is_empty() { name.into() } else { Path::new(name).join(&missing) };
    }
    whole
}
