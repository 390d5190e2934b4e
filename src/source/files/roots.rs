//! What the user named, before anything below it is looked at.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Links,
    dir::{Kind, kind_of},
    mounts::Mounts,
    problem_kind,
};
use crate::model::{Problem, ProblemKind, Provenance};

/// A path to start from: one that the user named, or the target of a link that is followed.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// As typed.
    pub(super) path: PathBuf,
    /// Absolute and free of symbolic links. As typed if only files were named: see [`Roots::resolve`].
    pub(super) real: PathBuf,
    pub(super) kind: Kind,
}

/// The roots of a run, each once.
#[derive(Debug, Default)]
pub(super) struct Roots {
    pub(super) roots: Vec<Root>,
    pub(super) problems: Vec<Problem>,
}

impl Roots {
    /// Looks at each path, following links, and drops all but the first that lead to the same place. A root inside
    /// another one stays: the walk of the outer one leaves it to the inner, so that an ignore file can't hide what
    /// was named.
    ///
    /// Cost: one `stat` per path. The dearer `realpath` is asked only if a directory is among them (a file might lie
    /// in it), if two of them have the same inode, or if links will be followed.
    pub(super) fn resolve(paths: &[PathBuf], links: Links) -> Roots {
        let mut resolved = Roots::default();
        let mut inodes = HashSet::new();
        let mut needs_real = links == Links::Followed;
        for path in paths {
            match fs::metadata(path) {
                Ok(metadata) => {
                    let kind = kind_of(metadata.file_type());
                    needs_real |= kind == Kind::Directory || !inodes.insert(inode(&metadata));
                    resolved.roots.push(Root { path: path.clone(), real: path.clone(), kind });
                }
                Err(error) => resolved.problems.push(problem(path, &error)),
            }
        }
        if needs_real {
            resolved.drop_duplicates();
        }
        resolved
    }

    fn drop_duplicates(&mut self) {
        let mut seen = HashSet::new();
        for mut root in std::mem::take(&mut self.roots) {
            match fs::canonicalize(&root.path) {
                Ok(real) if !seen.insert(real.clone()) => {}
                Ok(real) => {
                    root.real = real;
                    self.roots.push(root);
                }
                Err(error) => self.problems.push(problem(&root.path, &error)),
            }
        }
    }
}

/// A symbolic link that the walk met and that is to be followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    /// As the user could open it.
    pub(super) path: PathBuf,
    /// Its directory, free of symbolic links.
    pub(super) real_dir: PathBuf,
}

/// The places that were walked or will be: nothing in them is scanned a second time through a link.
#[derive(Debug, Default)]
pub(super) struct Covered {
    dirs: HashSet<PathBuf>,
    files: HashSet<PathBuf>,
}

impl Covered {
    /// Adds what a round starts from.
    pub(super) fn add(&mut self, roots: &[Root]) {
        for root in roots {
            let set = if root.kind == Kind::Directory { &mut self.dirs } else { &mut self.files };
            set.insert(root.real.clone());
        }
    }

    /// Covered places strictly inside one of `roots`, which the walk of that root must leave alone.
    pub(super) fn inside(&self, roots: &[Root]) -> HashSet<PathBuf> {
        let tops: HashSet<&Path> = directories(roots).collect();
        let is_inside = |path: &&PathBuf| path.ancestors().skip(1).any(|dir| tops.contains(dir));
        if tops.is_empty() {
            return HashSet::new();
        }
        self.dirs.iter().chain(&self.files).filter(is_inside).cloned().collect()
    }

    fn holds(&self, real: &Path) -> bool {
        self.files.contains(real) || real.ancestors().any(|dir| self.dirs.contains(dir))
    }

    /// Turns links into the roots of the next round. Links go by their path, so that of two links to one place the
    /// same one is followed on every run. A target that is walked anyway (or that an ignore file there leaves out)
    /// yields nothing.
    pub(super) fn follow(&mut self, mut links: Vec<Link>, mounts: &Mounts) -> Roots {
        links.sort_unstable();
        let mut next = Roots::default();
        for link in links {
            match self.follow_one(&link, mounts) {
                Ok(Some(root)) => {
                    self.add(std::slice::from_ref(&root));
                    next.roots.push(root);
                }
                Ok(None) => {}
                Err(problem) => next.problems.push(problem),
            }
        }
        next
    }

    fn follow_one(&self, link: &Link, mounts: &Mounts) -> Result<Option<Root>, Problem> {
        let metadata = fs::metadata(&link.path).map_err(|error| problem(&link.path, &error))?;
        let real = fs::canonicalize(&link.path).map_err(|error| problem(&link.path, &error))?;
        let kind = kind_of(metadata.file_type());
        let refuse = |kind, message: &str| {
            Err(Problem { provenance: Provenance::File(link.path.clone()), kind, message: message.to_owned() })
        };
        if kind == Kind::Directory && link.real_dir.starts_with(&real) {
            return refuse(ProblemKind::Loop, "symbolic link leads back into its own directory");
        }
        if self.holds(&real) {
            return Ok(None);
        }
        if kind == Kind::Directory && mounts.is_pseudo(&metadata) {
            return refuse(ProblemKind::PseudoFilesystem, "symbolic link leads to a file system of kernel state");
        }
        Ok(Some(Root { path: link.path.clone(), real, kind }))
    }
}

/// The real paths of those roots that are directories.
pub(super) fn directories(roots: &[Root]) -> impl Iterator<Item = &Path> {
    roots.iter().filter(|root| root.kind == Kind::Directory).map(|root| root.real.as_path())
}

/// The problem of a path that can't be followed to its end.
pub(super) fn problem(path: &Path, error: &io::Error) -> Problem {
    let kind = match error.raw_os_error() {
        // A chain of links that never ends.
        Some(code) if code == libc::ELOOP => ProblemKind::Loop,
        _ => problem_kind(error),
    };
    Problem { provenance: Provenance::File(path.to_owned()), kind, message: error.to_string() }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

/// The second file looks like a duplicate of the first, and then paths are compared.
#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}
