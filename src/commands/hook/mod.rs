//! `unleak hook install|uninstall|status`: unleak among the hooks of a repository.
//!
//! A hook that stood there before is kept beside ours, which calls it first; uninstalling brings it back as it was.

mod place;
mod script;
mod slot;
mod without_git;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use super::{CommandError, Env, ExitCode, output};
use crate::model::DisplayPath;
use place::{Place, Scope};
use slot::{Slot, State};

/// The hooks of git that unleak can stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// Before a commit is made: what is staged.
    PreCommit,
    /// Before commits are sent: those that the remote hasn't got.
    PrePush,
    /// On a server, before pushed commits are taken in.
    PreReceive,
}

impl HookKind {
    /// All of them, in the order in which a change meets them.
    pub const ALL: [HookKind; 3] = [HookKind::PreCommit, HookKind::PrePush, HookKind::PreReceive];

    /// The hook's file name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HookKind::PreCommit => "pre-commit",
            HookKind::PrePush => "pre-push",
            HookKind::PreReceive => "pre-receive",
        }
    }
}

/// May a hooks directory be changed that lies outside of the repository?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedHooks {
    /// No: other repositories use it, too.
    Refused,
    /// Yes, it is meant.
    Meant,
}

/// What is to be installed or removed, and where.
#[derive(Clone, Debug)]
pub struct HookSettings {
    /// A place in the repository.
    pub path: PathBuf,
    /// Which hook.
    pub hook: HookKind,
    /// May the hooks directory be one that repositories share?
    pub shared: SharedHooks,
    /// The binary that the hook is to run.
    pub binary: PathBuf,
}

/// Why a hook can't be installed, removed or looked at.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// git, or our own look where there is no git, finds no repository.
    #[error("{path}: {message}")]
    NoRepository {
        /// Where was looked, safe to print.
        path: String,
        /// What git said, safe to print.
        message: String,
    },
    /// A bare repository has no commits made in it.
    #[error(
        "{0} is a bare repository: nobody commits in it, and a pre-commit hook would never run (pre-receive would)"
    )]
    Bare(String),
    /// The hooks directory lies outside of the repository.
    #[error(
        "the hooks directory {0} lies outside of the repository (core.hooksPath or a link), so that other repositories \
         use it as well; --global-hooks says that this is meant"
    )]
    Shared(String),
    /// A hook is to be kept, and the name it would get is taken.
    #[error("can't keep the hook that is there: {0} exists already, move it away first")]
    BackupExists(String),
    /// What we wrote was changed afterwards.
    #[error("{0} was written by unleak and changed since: remove it by hand, or undo the change")]
    Changed(String),
    /// There is something that is no file.
    #[error("{0} is not a file")]
    NotAFile(String),
    /// The system refused.
    #[error("can't {action} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path, safe to print.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl HookError {
    fn io(action: &'static str, path: &std::path::Path, source: io::Error) -> HookError {
        HookError::Io { action, path: DisplayPath(path).to_string(), source }
    }
}

/// Installs the hook. Does nothing if it is there already, and renews one that names another binary.
///
/// # Errors
/// If there is no repository, the hooks directory is shared, a backup stands in the way, or the system refuses.
pub fn install(settings: &HookSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let place = place_for_change(settings, env)?;
    let slot = Slot::new(&place.dir, settings.hook);
    let script = script::text(settings.hook, &settings.binary);
    let state = slot.state()?;
    let mut lines = Vec::new();
    match state {
        State::Changed => return Err(HookError::Changed(slot.shown()).into()),
        State::Ours(text) if text == script => lines.push(format!("Already installed: {}", slot.shown())),
        State::Ours(_) => {
            slot.replace(&script)?;
            lines.push(format!("Renewed: {}", slot.shown()));
        }
        State::Absent => {
            slot.create(&script)?;
            lines.push(format!("Installed: {}", slot.shown()));
            if slot.has_backup() {
                lines.push(format!("It runs {} first, which was there.", slot.shown_backup()));
            }
        }
        State::Other { runs } => {
            slot.take_over(&script)?;
            lines.push(format!("Installed: {}", slot.shown()));
            lines.push(format!("The hook that was there is kept as {}", slot.shown_backup()));
            lines.push(if runs {
                "and runs first; if it fails, unleak is not asked any more.".to_owned()
            } else {
                "and does not run: it is not executable, so git ignored it, too.".to_owned()
            });
        }
    }
    lines.extend(place.notes());
    say(&lines, env)
}

/// Removes the hook and brings back the one it replaced, byte for byte. Does nothing if unleak isn't installed.
///
/// # Errors
/// As for [`install`]; if the hook was changed since it was installed.
pub fn uninstall(settings: &HookSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let place = place_for_change(settings, env)?;
    let slot = Slot::new(&place.dir, settings.hook);
    let line = match slot.state()? {
        State::Changed => return Err(HookError::Changed(slot.shown()).into()),
        State::Ours(_) if slot.has_backup() => {
            slot.restore()?;
            format!("Removed; what was there before is back: {}", slot.shown())
        }
        State::Ours(_) => {
            slot.remove()?;
            format!("Removed: {}", slot.shown())
        }
        State::Absent => format!("Not installed: there is no {}", slot.shown()),
        State::Other { .. } => format!("Not installed: {} is another hook", slot.shown()),
    };
    say(&[line], env)
}

/// Says of each hook whether unleak is in it.
///
/// # Errors
/// If there is no repository or its hooks can't be read.
pub fn status(path: &std::path::Path, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let place = Place::find(path, env.var)?;
    let mut lines = vec![format!("hooks directory: {}", DisplayPath(&place.dir))];
    for hook in HookKind::ALL {
        let slot = Slot::new(&place.dir, hook);
        let state = match slot.state() {
            Ok(state) => state.describe(&slot),
            Err(error) => error.to_string(),
        };
        lines.push(format!("{:12} {state}", format!("{}:", hook.as_str())));
    }
    lines.extend(place.notes());
    say(&lines, env)
}

fn place_for_change(settings: &HookSettings, env: &Env<'_>) -> Result<Place, HookError> {
    let place = Place::find(&settings.path, env.var)?;
    if place.is_bare && settings.hook == HookKind::PreCommit {
        return Err(HookError::Bare(DisplayPath(&settings.path).to_string()));
    }
    if place.scope == Scope::Shared && settings.shared == SharedHooks::Refused {
        return Err(HookError::Shared(DisplayPath(&place.dir).to_string()));
    }
    Ok(place)
}

fn say(lines: &[String], env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    output::write(None, env, &|out: &mut dyn Write| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(ExitCode::Clean)
}
