//! Which repository a scan of changes is about: that of the path, or the one that git runs a hook for.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{ChangesError, Env};
use crate::{
    model::DisplayPath,
    source::git::{ObjectStore, discover, own_work_tree},
};

/// A repository and its files.
#[derive(Debug)]
pub(super) struct Place {
    /// By which it is opened: the top of its work tree, or its git directory.
    pub(super) root: PathBuf,
    /// The top of its files; `None` if it has none.
    pub(super) work_tree: Option<PathBuf>,
    /// The index that git is about to commit, if that isn't the repository's own: `git commit FILE` and `git commit -a` make
    /// one of their own.
    pub(super) index: Option<PathBuf>,
}

impl Place {
    /// Finds it. As git does, `GIT_DIR` is followed from the working directory, and for what lies in its work tree, unless
    /// that is a repository within.
    pub(super) fn find(path: &Path, env: &Env<'_>) -> Result<Place, ChangesError> {
        let real = real_path(path);
        let found = real.as_deref().and_then(nearest).and_then(discover);
        let here = PathBuf::from(".").canonicalize().ok();
        let Some(git_dir) = set(env, "GIT_DIR") else {
            let root = found.ok_or_else(|| ChangesError::NoRepository(DisplayPath(path).to_string()))?;
            let is_here = here.and_then(|here| discover(&here)).is_some_and(|around| around == root);
            return Ok(Place::of_root(root).with_index(set(env, "GIT_INDEX_FILE").filter(|_| is_here)));
        };
        let named = Place::named(&PathBuf::from(git_dir), env)?;
        let is_within = |dir: &PathBuf| real.as_ref().is_some_and(|path| path.starts_with(dir));
        let is_inner = |dir: &PathBuf| found.as_ref().is_some_and(|found| found != dir && found.starts_with(dir));
        let is_its = named.work_tree.as_ref().is_some_and(|dir| is_within(dir) && !is_inner(dir));
        let is_same = found.as_ref().is_some_and(|found| git_dir_of(found) == git_dir_of(&named.root));
        match found {
            // The name that a scan of all that is there gives it.
            Some(root) if is_same => {
                // The working directory is one only where nothing else is.
                let said = named.work_tree.filter(|dir| Some(dir) != here.as_ref());
                let found = Place::of_root(root);
                Ok(Place { work_tree: said.or(found.work_tree), index: named.index, ..found })
            }
            Some(root) if !is_its && real != here => Ok(Place::of_root(root)),
            None if !is_its && real != here => Err(ChangesError::NoRepository(DisplayPath(path).to_string())),
            _ => Ok(named),
        }
    }

    fn of_root(root: PathBuf) -> Place {
        Place { work_tree: root.join(".git").exists().then(|| root.clone()), root, index: None }
    }

    fn with_index(self, index: Option<OsString>) -> Place {
        Place { index: index.map(PathBuf::from), ..self }
    }

    /// The repository that git's variables name.
    fn named(git_dir: &Path, env: &Env<'_>) -> Result<Place, ChangesError> {
        if git_dir_of(git_dir).is_none() {
            return Err(ChangesError::NoGitDir(DisplayPath(git_dir).to_string()));
        }
        let work_tree = set(env, "GIT_WORK_TREE").map(PathBuf::from).or_else(|| own_work_tree(git_dir));
        let work_tree = work_tree.and_then(|dir| dir.canonicalize().ok());
        Ok(Place { root: git_dir.to_owned(), work_tree, index: None }.with_index(set(env, "GIT_INDEX_FILE")))
    }
}

/// The real path of what may be gone: that of the nearest directory that is there, and the rest.
pub(super) fn real_path(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let there = nearest(&path)?;
    let rest = path.strip_prefix(there).ok()?;
    Some(there.canonicalize().ok()?.components().chain(rest.components()).collect())
}

fn nearest(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists())
}

fn set(env: &Env<'_>, name: &str) -> Option<OsString> {
    (env.var)(name).filter(|value| !value.is_empty())
}

/// The real path of the git directory by which a repository is opened.
fn git_dir_of(root: &Path) -> Option<PathBuf> {
    ObjectStore::open(root).ok()?.git_dir().canonicalize().ok()
}
