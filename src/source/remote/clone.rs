//! One clone, by git, that obeys as little as possible.

use std::{
    io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    Remote, RemoteError,
    address::Scheme,
    process::{self, End, Terminal},
    redact, refusal,
    scratch::Scratch,
};

/// How much of a repository's refs is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloneRefs {
    /// All that the server shows: branches, tags, notes, pull requests, whatever else.
    #[default]
    All,
    /// One branch: that of [`CloneOptions::branch`], else the remote's `HEAD`.
    OneBranch,
}

/// May a password or a host's key be asked for?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// No: what would need an answer fails.
    #[default]
    Never,
    /// On the terminal, by git and SSH themselves. Only where there is one.
    Terminal,
}

/// What to fetch, and how long that may take.
#[derive(Clone, Debug)]
pub struct CloneOptions {
    /// How many commits deep; all of history if `None`. What lies deeper is not scanned.
    pub depth: Option<NonZeroU32>,
    /// The branch or tag that becomes `HEAD`.
    pub branch: Option<String>,
    /// Which refs.
    pub refs: CloneRefs,
    /// Blobs from this size on are left out, if the server knows how to.
    pub max_blob_bytes: Option<u64>,
    /// The longest that it may take.
    pub time_limit: Option<Duration>,
    /// May somebody be asked?
    pub prompt: Prompt,
    /// Where the clone lies while it exists; `None` for where the system keeps passing files.
    pub parent: Option<PathBuf>,
    /// The git to run: a path, or a name that is looked up.
    pub git: PathBuf,
}

impl Default for CloneOptions {
    fn default() -> CloneOptions {
        CloneOptions {
            depth: None,
            branch: None,
            refs: CloneRefs::All,
            max_blob_bytes: None,
            time_limit: None,
            prompt: Prompt::Never,
            parent: None,
            git: PathBuf::from("git"),
        }
    }
}

/// A bare repository that is removed when this is dropped.
#[derive(Debug)]
pub struct ClonedRepository {
    path: PathBuf,
    display_url: String,
    _scratch: Scratch,
}

impl ClonedRepository {
    /// The git directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it came from, without credentials, safe to print.
    #[must_use]
    pub fn display_url(&self) -> &str {
        &self.display_url
    }
}

/// Clones `remote`. Costs its download, disk space for its packs, and a git process. Returns soon after `interrupt` is
/// set. Whatever goes wrong, nothing is left on disk and no process keeps running.
///
/// # Errors
/// If there is no git, it fails, time is up, or the user interrupts.
pub fn clone(remote: &Remote, options: &CloneOptions, interrupt: &AtomicBool) -> Result<ClonedRepository, RemoteError> {
    let io = |action| move |source| RemoteError::Io { action, source };
    let scratch = Scratch::new(options.parent.as_deref()).map_err(io("make a directory for the clone"))?;
    let path = scratch.path().join("repository.git");
    let terminal = if asks(remote, options) { Terminal::Shared } else { Terminal::Detached };
    let mut command = command(remote, options, scratch.path());
    command.arg("--").arg(&remote.url).arg(&path);
    let end = process::run(command, terminal, options.time_limit, interrupt);
    let display_url = remote.display_url();
    match end {
        Ok(End::Exited(status, _)) if status.success() => Ok(ClonedRepository { path, display_url, _scratch: scratch }),
        // On a terminal Ctrl-C reaches git as well, which may be the first to end.
        Ok(End::Exited(..)) if interrupt.load(Ordering::Relaxed) => Err(RemoteError::Interrupted),
        Ok(End::Exited(status, message)) => {
            let message = redact::clean(&message, &remote.login.secrets());
            let message = if message.is_empty() { format!("git ended with {status}") } else { message };
            Err(match refusal::reason(&message, &remote.login) {
                Some(why) => RemoteError::Refused { url: display_url, why, message },
                None => RemoteError::Git { url: display_url, message },
            })
        }
        Ok(End::TimeLimit) => {
            Err(RemoteError::TimeLimit { url: display_url, limit: options.time_limit.unwrap_or_default() })
        }
        Ok(End::Interrupted) => Err(RemoteError::Interrupted),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RemoteError::NoGit(display_url)),
        Err(error) => Err(io("run git")(error)),
    }
}

fn asks(remote: &Remote, options: &CloneOptions) -> bool {
    options.prompt == Prompt::Terminal && !remote.login.is_complete()
}

/// Settings that keep git from running, checking or fetching more than asked for. Hostile objects are wanted: they are
/// what is scanned.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "fetch.fsckObjects=false",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
];

/// Variables by which a caller's git (we may run in a hook) would have ours work elsewhere, or write down what it does.
const NOT_INHERITED: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
    "GIT_TRACE_REDACT",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
    "GIT_TRACE2_CONFIG_PARAMS",
    "GIT_CURL_VERBOSE",
];

fn command(remote: &Remote, options: &CloneOptions, dir: &Path) -> Command {
    let mut command = Command::new(&options.git);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    // A mirror has every ref under its own name, notes and pull requests too; without a template there are no hooks.
    command.args(["clone", "--quiet", "--mirror", "--template=", "--no-reject-shallow"]);
    // A depth would imply one branch.
    command.arg(match options.refs {
        CloneRefs::All => "--no-single-branch",
        CloneRefs::OneBranch => "--single-branch",
    });
    command.args(options.depth.map(|depth| format!("--depth={depth}")));
    command.args(options.branch.as_ref().map(|branch| format!("--branch={branch}")));
    command.args(options.max_blob_bytes.map(|limit| format!("--filter=blob:limit={limit}")));
    // Its messages are looked into.
    command.env("LC_ALL", "C");
    // So that no repository around the working directory has a say.
    command.current_dir(dir).env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap_or(dir));
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    allow_transports(&mut command, remote.scheme);
    answer_prompts(&mut command, remote, options);
    add_settings(&mut command, remote);
    command
}

/// No helper beside git's own transports; the user may allow less. Their settings may lead from one to another
/// (`url.*.insteadOf`), but from the network never to a local path.
fn allow_transports(command: &mut Command, scheme: Scheme) {
    if std::env::var_os("GIT_ALLOW_PROTOCOL").is_none() {
        command.env("GIT_ALLOW_PROTOCOL", if scheme == Scheme::File { "file" } else { "git:http:https:ssh" });
    }
}

/// Where nobody can answer, questions fail instead of waiting. Helpers and askpass programs of the user's work on, unless
/// the address says everything.
fn answer_prompts(command: &mut Command, remote: &Remote, options: &CloneOptions) {
    if asks(remote, options) {
        return;
    }
    command.env("GIT_TERMINAL_PROMPT", "0");
    if remote.login.is_complete() {
        command.env("GIT_ASKPASS", "");
    }
    // SSH would go to the terminal by itself.
    command.env("SSH_ASKPASS_REQUIRE", "force");
    if std::env::var_os("SSH_ASKPASS").is_none() {
        command.env("SSH_ASKPASS", "false");
    }
}

/// Adds to the settings that the environment holds already.
fn add_settings(command: &mut Command, remote: &Remote) {
    let count = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let settings = remote.login.settings(&remote.server);
    if settings.is_empty() {
        return;
    }
    command.env("GIT_CONFIG_COUNT", (count + settings.len()).to_string());
    for (number, (key, value)) in (count..).zip(settings) {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command.envs(remote.login.variables());
}
