use std::{ffi::OsString, io, path::PathBuf, sync::atomic::AtomicBool, time::SystemTime};

use crate::engine::Progress;

/// The outside world as commands may see it: nothing else asks the system for variables, randomness or streams.
pub struct Env<'a> {
    /// An environment variable.
    pub var: &'a dyn Fn(&str) -> Option<OsString>,
    /// The time.
    pub now: &'a dyn Fn() -> SystemTime,
    /// Fills a buffer with bytes that can't be predicted.
    pub random: &'a dyn Fn(&mut [u8]) -> io::Result<()>,
    /// Standard output.
    pub stdout: &'a mut dyn io::Write,
    /// Set when the user asks to stop.
    pub interrupt: &'a AtomicBool,
    /// Counts what is done.
    pub progress: &'a Progress,
    /// Called before a result is written: takes a progress display off the terminal.
    pub clear_display: &'a dyn Fn(),
    /// Says something to the user that is no result.
    pub warn: &'a (dyn Fn(&str) + Sync),
}

impl Env<'_> {
    /// The directory of what can be made again: `$XDG_CACHE_HOME/unleak` or `~/.cache/unleak`.
    #[must_use]
    pub fn cache_dir(&self) -> Option<PathBuf> {
        let set = |name: &str| (self.var)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(base.join("unleak"))
    }

    /// The directory of the user's own settings: `$XDG_CONFIG_HOME/unleak` or `~/.config/unleak`.
    #[must_use]
    pub fn config_dir(&self) -> Option<PathBuf> {
        let set = |name: &str| (self.var)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
        Some(base.join("unleak"))
    }

    /// The directory of what is kept between runs: `$XDG_STATE_HOME/unleak` or `~/.local/state/unleak`.
    #[must_use]
    pub fn state_dir(&self) -> Option<PathBuf> {
        let set = |name: &str| (self.var)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
        Some(base.join("unleak"))
    }
}
