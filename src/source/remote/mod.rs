//! Repositories on other machines: cloned bare, by the user's own git, into a directory that is gone afterwards.
//!
//! [`Remote::parse`] tells an address from a path, [`clone()`] fetches it. The one place where git itself is run to get at
//! history: transports and credential helpers are its business. It brings every ref that the server shows.
//!
//! Credentials in an address go to git through its environment, never its command line, and what git says is cleaned
//! of them before anybody sees it.

mod address;
mod clone;
mod login;
mod process;
mod redact;
mod refusal;
mod scratch;

use std::{io, time::Duration};

pub use address::Remote;
pub use clone::{CloneOptions, CloneRefs, ClonedRepository, Prompt, clone};
pub use scratch::remove_clones;

/// Why a remote repository can't be had. No message holds the address as it was given.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Some program would take it for an option.
    #[error("an address whose {0} begins with a dash would be taken for an option")]
    Dash(&'static str),
    /// `helper::address` makes git run a program.
    #[error("an address with `::` names a program for git to run (a remote helper); that is never done")]
    Helper,
    /// A scheme that isn't one of the five.
    #[error("can't clone by `{0}://`: https, http, ssh, git and file are known")]
    Scheme(String),
    /// It is no address after all.
    #[error("not an address of a repository: {0}")]
    Malformed(&'static str),
    /// Only HTTP can carry a password.
    #[error("a password in an address works for https and http alone")]
    Password,
    /// Something after the path, which could be a token, and would be seen in the list of processes.
    #[error("the address has a query or a fragment (`?` or `#`): it could not be kept out of sight")]
    Query,
    /// There is no git to run.
    #[error("git was not found: it is needed to clone {0}")]
    NoGit(String),
    /// The system refused.
    #[error("can't {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// git could not clone it.
    #[error("can't clone {url}: {message}")]
    Git {
        /// The address without credentials, safe to print.
        url: String,
        /// What git said, without credentials, safe to print. May have several lines.
        message: String,
    },
    /// The server lets nobody in who comes like that.
    #[error("can't clone {url}: {why}\n{message}")]
    Refused {
        /// The address without credentials, safe to print.
        url: String,
        /// Why, and what helps.
        why: &'static str,
        /// As in [`RemoteError::Git`].
        message: String,
    },
    /// It took too long.
    #[error("can't clone {url}: not done within {limit:?}")]
    TimeLimit {
        /// The address without credentials, safe to print.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}
