//! Directories for clones, none of which may be left behind.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

/// The clones that exist. One list for the process: when it has to end without unwinding, nothing else knows them.
static CLONES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A directory that only this user can enter, removed when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: TempDir,
}

impl Scratch {
    /// Makes one in `parent`, or where the system keeps passing files.
    pub(super) fn new(parent: Option<&Path>) -> io::Result<Scratch> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("unleak-clone-");
        #[cfg(unix)]
        builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700));
        let dir = match parent {
            Some(parent) => builder.tempdir_in(parent),
            None => builder.tempdir(),
        }?;
        CLONES.lock().unwrap_or_else(PoisonError::into_inner).push(dir.path().to_owned());
        Ok(Scratch { dir })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(self.dir.path());
        CLONES.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| path != self.dir.path());
    }
}

/// Removes all clones of this process. For its end without unwinding (a second Ctrl-C); whoever reads a clone at that
/// time finds it gone.
pub fn remove_clones() {
    for path in &*CLONES.lock().unwrap_or_else(PoisonError::into_inner) {
        remove(path);
    }
}

/// A program that was killed a moment ago may still have made a file: so more than one try.
fn remove(path: &Path) {
    for _ in 0..5 {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            _ => return,
        }
    }
}
