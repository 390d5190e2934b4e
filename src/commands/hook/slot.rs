//! The file of one hook, and what stood there before.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{HookError, HookKind, script};
use crate::model::DisplayPath;

/// Ours is under two kilobytes; whatever is larger is somebody else's.
const MAX_SCRIPT_BYTES: u64 = 64 << 10;

/// What stands in a hook's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    /// Ours, with its bytes.
    Ours(Vec<u8>),
    /// Ours once, edited by somebody.
    Changed,
    /// Somebody else's.
    Other {
        /// Is it executable? git passes over hooks that aren't.
        runs: bool,
    },
}

impl State {
    /// What to say of this state of a slot.
    pub(super) fn describe(&self, slot: &Slot) -> String {
        let backup = if slot.has_backup() { "; runs the hook that was there first" } else { "" };
        match self {
            State::Absent => "not installed".to_owned(),
            State::Ours(_) | State::Changed if !slot.runs() => {
                "installed, but git ignores it, as it is not executable: nothing is scanned".to_owned()
            }
            State::Ours(_) => format!("installed{backup}"),
            State::Changed => "installed, and changed by hand since: it may scan nothing any more".to_owned(),
            State::Other { runs: true } => "not installed; another hook is there".to_owned(),
            State::Other { runs: false } => {
                "not installed; another hook is there that git ignores, as it is not executable".to_owned()
            }
        }
    }
}

/// One hook's place.
pub(super) struct Slot {
    hook: PathBuf,
    backup: PathBuf,
}

impl Slot {
    pub(super) fn new(dir: &Path, kind: HookKind) -> Slot {
        Slot { hook: dir.join(kind.as_str()), backup: dir.join(script::backup_name(kind)) }
    }

    pub(super) fn shown(&self) -> String {
        DisplayPath(&self.hook).to_string()
    }

    pub(super) fn shown_backup(&self) -> String {
        DisplayPath(&self.backup).to_string()
    }

    /// Is a former hook kept? A dangling link counts.
    pub(super) fn has_backup(&self) -> bool {
        self.backup.symlink_metadata().is_ok()
    }

    pub(super) fn state(&self) -> Result<State, HookError> {
        let metadata = match self.hook.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Absent),
            Err(error) => return Err(HookError::io("read", &self.hook, error)),
        };
        if metadata.is_symlink() {
            // Whatever it leads to: the link is somebody's.
            return Ok(State::Other { runs: self.runs() });
        }
        if !metadata.is_file() {
            return Err(HookError::NotAFile(self.shown()));
        }
        let other = State::Other { runs: is_executable(&metadata) };
        if metadata.len() > MAX_SCRIPT_BYTES {
            return Ok(other);
        }
        let text = fs::read(&self.hook).map_err(|error| HookError::io("read", &self.hook, error))?;
        Ok(match script::recognise(&text) {
            script::Origin::Ours => State::Ours(text),
            script::Origin::Changed => State::Changed,
            script::Origin::Other => other,
        })
    }

    /// Would git run what is there?
    pub(super) fn runs(&self) -> bool {
        fs::metadata(&self.hook).is_ok_and(|target| is_executable(&target))
    }

    /// Writes the hook where none is. The directory is made if need be.
    pub(super) fn create(&self, text: &[u8]) -> Result<(), HookError> {
        let draft = self.draft(text)?;
        draft.persist_noclobber(&self.hook).map_err(|error| HookError::io("write", &self.hook, error.error))?;
        Ok(())
    }

    /// Replaces the hook in one step.
    pub(super) fn replace(&self, text: &[u8]) -> Result<(), HookError> {
        let draft = self.draft(text)?;
        draft.persist(&self.hook).map_err(|error| HookError::io("write", &self.hook, error.error))?;
        Ok(())
    }

    /// Keeps the hook that is there under its other name and writes ours in its place.
    pub(super) fn take_over(&self, text: &[u8]) -> Result<(), HookError> {
        if self.has_backup() {
            return Err(HookError::BackupExists(self.shown_backup()));
        }
        let draft = self.draft(text)?;
        // A second name first: so there is no moment without a hook, and no name is overwritten. Links can't be linked
        // everywhere, and some file systems know no second names: these are renamed.
        let is_link = self.hook.is_symlink();
        if !is_link && fs::hard_link(&self.hook, &self.backup).is_ok() {
            return draft.persist(&self.hook).map(drop).map_err(|error| {
                let _ = fs::remove_file(&self.backup);
                HookError::io("write", &self.hook, error.error)
            });
        }
        fs::rename(&self.hook, &self.backup).map_err(|error| HookError::io("move", &self.hook, error))?;
        draft.persist_noclobber(&self.hook).map(drop).map_err(|error| {
            let _ = fs::rename(&self.backup, &self.hook);
            HookError::io("write", &self.hook, error.error)
        })
    }

    /// Puts the former hook back over ours, in one step.
    pub(super) fn restore(&self) -> Result<(), HookError> {
        fs::rename(&self.backup, &self.hook).map_err(|error| HookError::io("bring back", &self.backup, error))
    }

    pub(super) fn remove(&self) -> Result<(), HookError> {
        fs::remove_file(&self.hook).map_err(|error| HookError::io("remove", &self.hook, error))
    }

    /// The whole script under a passing name beside the hook; removed unless it gets the hook's name.
    fn draft(&self, text: &[u8]) -> Result<NamedTempFile, HookError> {
        let dir = self.hook.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir).map_err(|error| HookError::io("create", dir, error))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".unleak-hook-");
        // Less what the umask takes, as for any program that is installed.
        #[cfg(unix)]
        builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777));
        let mut draft = builder.tempfile_in(dir).map_err(|error| HookError::io("write in", dir, error))?;
        let written = draft.write_all(text).and_then(|()| draft.as_file().sync_all());
        written.map_err(|error| HookError::io("write in", dir, error))?;
        Ok(draft)
    }
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(metadata: &fs::Metadata) -> bool {
    metadata.is_file()
}
