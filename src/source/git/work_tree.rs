//! Files of a work tree, by the paths that an index gives them. The index is hostile input: what it names is opened
//! directory by directory, and never through a symbolic link, so that nothing outside of the tree is read.

use std::{
    fs::{self, Metadata},
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use super::{Fault, path_of};
use crate::source::files::dir::{Dir, LastLink};

/// A work tree that is being read.
pub(super) struct WorkTree {
    root: PathBuf,
    /// The directory that was opened last, with its path in the tree: neighbours in an index share it.
    last: Option<(PathBuf, Dir)>,
}

impl WorkTree {
    pub(super) fn new(root: &Path) -> WorkTree {
        WorkTree { root: root.to_owned(), last: None }
    }

    /// Where a path of the index would be.
    pub(super) fn full_path(&self, path: &[u8]) -> PathBuf {
        self.root.join(path_of(path))
    }

    /// What stands at a path. `None` if nothing does: there is no such file, or a link or a file stands where the path
    /// has a directory. Git takes these for deleted, too.
    ///
    /// # Errors
    /// A path that leads out of the tree; whatever else the system says.
    pub(super) fn metadata(&mut self, path: &[u8]) -> Result<Option<Metadata>, Fault> {
        let (parent, _) = parts(path)?;
        let full_path = self.full_path(path);
        match self.directory(&parent).and_then(|_| fs::symlink_metadata(full_path)) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The content of a file, or the target of a link as git stores it.
    ///
    /// # Errors
    /// If there is none, or if it is longer than `limit` bytes.
    pub(super) fn read(&mut self, path: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
        let (parent, name) = parts(path)?;
        let directory = self.directory(&parent)?;
        let file = match directory.open_file(name.as_ref()) {
            Ok(file) => file,
            // A link is refused with one error by Linux, with others elsewhere: if it is none, the first one counts.
            Err(error) => return directory.read_link(name.as_ref()).map_err(|_| error.into()),
        };
        if !file.metadata()?.is_file() {
            return Err(Fault::NotRegular);
        }
        let mut content = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut content)?;
        if content.len() > limit { Err(Fault::Io(io::ErrorKind::FileTooLarge)) } else { Ok(content) }
    }

    /// Opens a directory of the tree.
    fn directory(&mut self, path: &Path) -> io::Result<&Dir> {
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let mut directory = Dir::open(&self.root, LastLink::Follow)?;
            for part in path.components() {
                directory = directory.open_dir(part.as_os_str())?;
            }
            self.last = Some((path.to_owned(), directory));
        }
        self.last.as_ref().map(|(_, directory)| directory).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Directory and name of a path, if none of its parts leads upwards or elsewhere.
fn parts(path: &[u8]) -> Result<(PathBuf, PathBuf), Fault> {
    let path = PathBuf::from(path_of(path));
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if is_inside => Ok((parent.to_owned(), name.into())),
        _ => Err(Fault::PathOutside),
    }
}

fn is_absent(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ELOOP) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
