//! Where a repository's hooks are.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{HookError, without_git};
use crate::model::{DisplayPath, Escaped};

/// Looks up an environment variable.
pub(super) type Variable<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// Whose hooks stand in a directory?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One repository's, inside of its git directory.
    GitDir,
    /// One repository's, inside of its work tree.
    WorkTree,
    /// Perhaps those of many: it lies outside of the repository.
    Shared,
}

/// The hooks directory of a repository.
#[derive(Debug)]
pub(super) struct Place {
    /// It need not exist.
    pub(super) dir: PathBuf,
    pub(super) scope: Scope,
    pub(super) is_bare: bool,
    /// Was the place worked out without git's help?
    pub(super) is_guess: bool,
}

/// What is known of a repository before its hooks directory is judged.
pub(super) struct Found {
    pub(super) dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) work_tree: Option<PathBuf>,
    pub(super) is_bare: bool,
}

impl Place {
    /// Asks git; where there is none, reads the configuration files.
    pub(super) fn find(path: &Path, var: &Variable<'_>) -> Result<Place, HookError> {
        match ask_git(path) {
            Ok(found) => Ok(Place::judge(found, false)),
            Err(Refusal::NoGit) => Ok(Place::judge(without_git::find(path, var)?, true)),
            Err(Refusal::Said(message)) => {
                Err(HookError::NoRepository { path: DisplayPath(path).to_string(), message })
            }
        }
    }

    fn judge(found: Found, is_guess: bool) -> Place {
        let real = canonical(&found.dir);
        let is_in = |dir: &Path| real.starts_with(canonical(dir));
        let scope = if is_in(&found.common_dir) {
            Scope::GitDir
        } else if found.work_tree.as_deref().is_some_and(is_in) {
            Scope::WorkTree
        } else {
            Scope::Shared
        };
        Place { dir: found.dir, scope, is_bare: found.is_bare, is_guess }
    }

    /// What a user should know of this place.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.scope {
            Scope::GitDir => {}
            Scope::WorkTree => notes.push(
                "note: the hooks directory is in the work tree (core.hooksPath): it may be committed, or rewritten by \
                 the tool that set it up"
                    .to_owned(),
            ),
            Scope::Shared => notes.push("note: other repositories use this hooks directory, too".to_owned()),
        }
        if self.is_guess {
            notes.push("note: git was not found; includes in its configuration files were not followed".to_owned());
        }
        notes
    }
}

/// The real path of what may not exist yet: that of the nearest ancestor that does, and the rest.
fn canonical(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_owned(),
    }
}

enum Refusal {
    NoGit,
    Said(String),
}

fn ask_git(path: &Path) -> Result<Found, Refusal> {
    let git_dir = answer(path, None, &["--absolute-git-dir"])?;
    let is_bare = answer(path, None, &["--is-bare-repository"])?.as_os_str() == "true";
    // Fails in a bare repository and inside of a git directory.
    let work_tree = answer(path, None, &["--show-toplevel"]).ok();
    // Hooks run at the top of the work tree, else in the git directory: a relative core.hooksPath counts from there. Another
    // repository may have the same work tree (core.worktree), so git is told which it is about.
    let base = work_tree.clone().unwrap_or_else(|| git_dir.clone());
    let common_dir = base.join(answer(&base, Some(&git_dir), &["--git-common-dir"])?);
    let dir = base.join(answer(&base, Some(&git_dir), &["--git-path", "hooks"])?);
    Ok(Found { dir, common_dir, work_tree, is_bare })
}

/// What `git rev-parse` answers in `dir`, of the repository there or that of a git directory, as a path: names may hold
/// newlines, so only the last one is cut.
fn answer(dir: &Path, git_dir: Option<&Path>, arguments: &[&str]) -> Result<PathBuf, Refusal> {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir);
    if let Some(git_dir) = git_dir {
        command.arg("--git-dir").arg(git_dir);
    }
    command.arg("rev-parse").args(arguments).stdin(Stdio::null());
    // The path that was given decides, and not the repository of a hook that we are run from.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::NoGit,
        _ => Refusal::Said(format!("can't run git: {error}")),
    })?;
    if !output.status.success() {
        let said = output.stderr.trim_ascii();
        let said = said.strip_prefix(b"fatal: ").unwrap_or(said);
        return Err(Refusal::Said(Escaped(said).to_string()));
    }
    let text = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    Ok(path_of(text))
}

#[cfg(unix)]
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

#[cfg(not(unix))]
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::new(&*String::from_utf8_lossy(bytes)))
}
