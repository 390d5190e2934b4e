//! Directories for clones, none of which may be left behind.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

/// The clones that exist. One list for the process: when it has to end without unwinding, nothing else knows them.
static CLONES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// How the names of these directories begin.
const PREFIX: &str = "unleak-clone-";

/// A directory that only this user can enter, removed when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: TempDir,
    /// Locked as long as the directory is in use. `None` where the file system knows no locks.
    _lock: Option<File>,
}

impl Scratch {
    /// Makes one in `parent`, or where the system keeps passing files. Removes those there that a run left behind because it
    /// was killed.
    pub(super) fn new(parent: Option<&Path>) -> io::Result<Scratch> {
        #[cfg(unix)]
        stale::remove_all(&parent.map_or_else(std::env::temp_dir, Path::to_owned));
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700));
        let dir = match parent {
            Some(parent) => builder.tempdir_in(parent),
            None => builder.tempdir(),
        }?;
        CLONES.lock().unwrap_or_else(PoisonError::into_inner).push(dir.path().to_owned());
        let lock = File::open(dir.path()).ok().filter(|opened| opened.try_lock().is_ok());
        Ok(Scratch { dir, _lock: lock })
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

/// What is left of runs that were killed (`kill -9`, a crash of the machine).
#[cfg(unix)]
mod stale {
    use std::{
        fs::{self, File, Metadata},
        os::unix::fs::MetadataExt as _,
        path::Path,
        time::Duration,
    };

    use super::{PREFIX, remove};

    /// A directory that was made a moment ago may not be locked yet.
    const SETTLED: Duration = Duration::from_secs(60 * 60);

    /// Removes directories of this user, with the name and the permissions of ours, that nobody holds locked.
    pub(super) fn remove_all(parent: &Path) {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let is_named = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
            if is_named && entry.metadata().is_ok_and(|facts| is_ours(&facts)) {
                // Whoever uses it holds the lock until it is gone.
                let opened = File::open(entry.path());
                if opened.is_ok_and(|opened| opened.try_lock().is_ok()) {
                    remove(&entry.path());
                }
            }
        }
    }

    /// Nobody else could have put anything into it, or anything else in its place where only owners may rename.
    fn is_ours(facts: &Metadata) -> bool {
        let is_settled = facts.modified().ok().and_then(|made| made.elapsed().ok()).is_some_and(|age| age >= SETTLED);
        let own = rustix::process::geteuid().as_raw();
        facts.is_dir() && facts.uid() == own && facts.mode() & 0o7777 == 0o700 && is_settled
    }
}
