//! Scans of changes: what is staged, a range of commits, a push.

mod place;

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use place::{Place, real_path};

use super::{CommandError, Env};
use crate::{
    engine::Scan,
    model::{DisplayPath, Notice},
    source::{
        git::{
            ChangeSet, ObjectStore, OpenError, OpenFault, Repository,
            changes::{self, Changes},
            revisions::{self, RevisionError, Revisions, Tags},
        },
        remote::Remote,
    },
};

/// Which changes to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeChoice {
    /// What is staged for the next commit.
    Staged,
    /// Files of the work tree that differ from what is staged.
    Unstaged,
    /// What the commits of `A..B`, `A...B` or `B` bring.
    Range(String),
    /// What commits of any ref brought since a date or after a commit.
    Since(String),
    /// What the commits of a branch brought.
    Branch(String),
    /// What a push brings, by the standard input of a `pre-receive` hook.
    PreReceive {
        /// When the scan gives up; what wasn't scanned by then is told, as one problem.
        time_limit: Duration,
    },
}

/// How much of a repository a scan of changes takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeScope {
    /// All of it, wherever in it the path leads.
    Repository,
    /// Files at or below the path.
    Path,
}

/// Why changes can't be worked out.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// No repository.
    #[error("{0} is in no git repository")]
    NoRepository(String),
    /// `GIT_DIR` names none.
    #[error("GIT_DIR names {0}, which is no git repository: unset it, or set it right")]
    NoGitDir(String),
    /// An address of one on another machine.
    #[error("changes are those of a repository on this machine: clone {0} first")]
    Address(String),
    /// A path that neither the work tree nor what a change leaves has.
    #[error("{0}: there is no such file or directory, and the change brings none")]
    NothingThere(String),
    /// It can't be opened.
    #[error(transparent)]
    Open(OpenError),
    /// Where its `.git` file leads, there is none. What stands in that file may be anything, so it isn't shown.
    #[error("{0}: its .git file leads to no git repository")]
    LeadsNowhere(String),
    /// Staged or unstaged changes of a repository without files.
    #[error("{0} has no work tree")]
    NoWorkTree(String),
    /// A revision that means nothing.
    #[error("{0}")]
    Revision(#[from] RevisionError),
    /// What `--since` can't understand.
    #[error("`{0}` is neither a date (2024-05-02, 2 weeks ago) nor a branch, tag or commit of this repository")]
    NoMoment(String),
    /// A branch that isn't there.
    #[error("there is no branch `{0}`")]
    NoBranch(String),
    /// Standard input isn't what git gives a hook.
    #[error("line {0} of standard input isn't `OLD-ID NEW-ID REF`, as git gives it to a pre-receive hook")]
    HookInput(usize),
    /// Standard input can't be read.
    #[error("standard input: {0}")]
    Input(std::io::Error),
}

/// Scans the chosen changes of the repository that `path` is in.
pub(super) fn scan(
    (path, scope): (&Path, ChangeScope),
    choice: &ChangeChoice,
    scan: &mut Scan<'_>,
    env: &Env<'_>,
) -> Result<(), CommandError> {
    let shown = || DisplayPath(path).to_string();
    if let Some(remote) = Remote::parse(path.as_os_str()).transpose()? {
        return Err(ChangesError::Address(remote.display_url()).into());
    }
    let place = Place::find(path, env)?;
    let root = &place.root;
    let started = Instant::now();
    let is_push = matches!(choice, ChangeChoice::PreReceive { .. });
    let quarantine = if is_push { changes::quarantine(env.var) } else { Vec::new() };
    let repository = Repository::open_with(root, &quarantine).map_err(|error| match error.reason {
        OpenFault::LeadsNowhere(_) => ChangesError::LeadsNowhere(shown()),
        _ => ChangesError::Open(error),
    })?;
    let name = name(path, root, repository.store());
    let repository = repository.named(&name);
    let repository = match choice {
        // Too long a time to be told is none.
        ChangeChoice::PreReceive { time_limit } => match started.checked_add(*time_limit) {
            Some(deadline) => repository.until(deadline),
            None => repository,
        },
        _ => repository,
    };
    let store = repository.store();
    let part =
        if scope == ChangeScope::Path { part(path, place.work_tree.as_ref().unwrap_or(root)) } else { Vec::new() };
    let index = place.index.clone().unwrap_or_else(|| store.git_dir().join("index"));
    // What a change deleted, or the work tree never had, can be named; what nobody ever had is a mistake.
    let at = |changes: Changes| {
        let changes = changes.at(&part);
        if path.symlink_metadata().is_ok() || changes.files.iter().any(|file| !file.path.is_empty()) {
            return Ok((changes, Vec::new()));
        }
        let is_known = match choice {
            ChangeChoice::Unstaged => changes::is_in_index(store, &index, &part),
            _ => changes::stood(store, &changes, &part),
        };
        is_known.then(|| (changes, vec![nothing_brought(path)])).ok_or_else(|| ChangesError::NothingThere(shown()))
    };
    let set = |(changes, notices)| ChangeSet::new(&repository, changes).with_notices(notices);
    let no_work_tree = || ChangesError::NoWorkTree(shown());
    match choice {
        ChangeChoice::Staged => {
            // One that was just made has no index yet, a bare one never has.
            (place.work_tree.is_some() || index.exists()).then_some(()).ok_or_else(no_work_tree)?;
            let (changes, notices) = at(changes::staged(store, &index))?;
            scan.run(&ChangeSet::staged(&repository, changes).with_notices(notices));
        }
        ChangeChoice::Unstaged => {
            let work_tree = place.work_tree.as_ref().ok_or_else(no_work_tree)?;
            let (changes, notices) = at(changes::unstaged(store, &index, work_tree))?;
            scan.run(&ChangeSet::unstaged(&repository, changes, work_tree).with_notices(notices));
        }
        ChangeChoice::Range(text) => {
            let range = Revisions::parse(store, repository.refs(), text).map_err(ChangesError::Revision)?;
            scan.run(&set(at(changes::range(store, &range))?));
        }
        ChangeChoice::Since(text) => {
            let mut changes = changes::range(store, &since(&repository, text, env)?);
            // A ref that can't be read leads to commits that are not looked at. Missing ones were told by the range.
            let lost = repository.refs().problems.iter().filter(|problem| problem.object.is_none());
            changes.problems.extend(lost.cloned());
            scan.run(&set(at(changes)?));
        }
        ChangeChoice::Branch(name) => scan.run(&set(at(branch(&repository, name)?)?)),
        ChangeChoice::PreReceive { .. } => {
            let mut lines = Vec::new();
            std::io::stdin().lock().read_to_end(&mut lines).map_err(ChangesError::Input)?;
            let push = changes::pushed(store, repository.refs(), &lines).map_err(ChangesError::HookInput)?;
            scan.run(&set(at(changes::range(store, &push.revisions))?).pushed(push.new_refs));
        }
    }
    Ok(())
}

/// Said of a path where a change brings nothing, because it only deletes.
fn nothing_brought(path: &Path) -> Notice {
    Notice {
        path: DisplayPath(path).to_string(),
        kind: "only-deleted".to_owned(),
        message: "nothing stands here any more: it was there before, and the change brings nothing".to_owned(),
        count: 1,
    }
}

/// What a repository is called in reports: as a scan of all that is at `path` calls it, so that both name the same places.
fn name(path: &Path, root: &Path, store: &ObjectStore) -> PathBuf {
    let is_top = path.canonicalize().is_ok_and(|path| path == root);
    let top = if is_top { path } else { root };
    match top.join(".git") {
        inner if inner.is_dir() => inner,
        inner if inner.exists() => store.common_dir().to_owned(),
        _ => top.to_owned(),
    }
}

/// The path in the repository that `path` leads to; empty for all of it.
fn part(path: &Path, root: &Path) -> Vec<u8> {
    let path = real_path(path).unwrap_or_default();
    let names = path.strip_prefix(root).into_iter().flat_map(Path::iter).map(|name| name.as_encoded_bytes());
    let names: Vec<&[u8]> = names.collect();
    // The git directory is no part of what it holds.
    if names.first() == Some(&&b".git"[..]) { Vec::new() } else { names.join(&b'/') }
}

fn branch(repository: &Repository, name: &str) -> Result<Changes, ChangesError> {
    let places = [format!("refs/heads/{name}"), format!("refs/remotes/{name}"), name.to_owned()];
    let tip = places.iter().find_map(|place| repository.refs().find(place.as_bytes()));
    let tip = tip.ok_or_else(|| ChangesError::NoBranch(name.to_owned()))?;
    Ok(changes::range(repository.store(), &Revisions { include: vec![tip], ..Revisions::default() }))
}

/// Commits of all refs since a date, or those that a commit doesn't have.
fn since(repository: &Repository, text: &str, env: &Env<'_>) -> Result<Revisions, ChangesError> {
    let refs = repository.refs();
    let include = refs.refs.iter().map(|found| found.target).chain(refs.head).collect();
    if text.trim().is_empty() {
        return Err(ChangesError::NoMoment(text.to_owned()));
    }
    if let Some(since) = date(text, (env.now)()) {
        return Ok(Revisions { include, since: Some(since), tags: Tags::OfListedCommits, ..Revisions::default() });
    }
    let known = revisions::resolve(repository.store(), refs, text).map_err(|error| match error {
        // A colon may be that of a time.
        RevisionError::Unknown(text) | RevisionError::NoCommit(text) => ChangesError::NoMoment(text),
        other => ChangesError::Revision(other),
    })?;
    Ok(Revisions { include, exclude: vec![known], since: None, tags: Tags::OfListedCommits })
}

/// A moment in seconds since 1970: `2024-05-02`, `2024-05-02T13:37:00Z` or `…+02:00`, `yesterday`, `3 days ago`,
/// `@1714649820`. Without an offset it is UTC.
fn date(text: &str, now: SystemTime) -> Option<i64> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let text = text.trim().to_ascii_lowercase();
    if let Some(seconds) = text.strip_prefix('@') {
        // Git writes an offset behind it, which changes nothing.
        return seconds.split(' ').next()?.parse().ok();
    }
    if text == "yesterday" {
        return Some(now - 86_400);
    }
    if let Some(span) = text.strip_suffix(" ago") {
        let (number, unit) = span.trim().split_once([' ', '.'])?;
        let seconds = match unit.trim_end_matches('s') {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            "week" => 7 * 86_400,
            "month" => 30 * 86_400,
            "year" => 365 * 86_400,
            _ => return None,
        };
        return now.checked_sub(number.parse::<i64>().ok()?.checked_mul(seconds)?);
    }
    let (day, time) = text.split_once(['t', ' ']).unwrap_or((&text, "00:00:00z"));
    let mut parts = day.split('-');
    let mut number = |digits: usize| parts.next().filter(|part| part.len() == digits)?.parse::<i64>().ok();
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days_before(year, month, day) * 86_400 + seconds_of_day(time)?)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years begin on a 1st of March here, so that the leap day
/// is the last of its year.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
}

/// Seconds of `13:37`, `13:37:00`, with `z` or an offset behind it.
fn seconds_of_day(text: &str) -> Option<i64> {
    let at = text.find(['z', '+', '-']).unwrap_or(text.len());
    let (time, zone) = text.split_at(at);
    let two = |text: &str| if text.len() == 2 { text.parse::<i64>().ok() } else { None };
    let mut parts = time.trim().splitn(3, ':');
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let second = parts.next().map_or(Some(0), |second| two(second.split('.').next()?))?;
    let offset = match zone {
        "" | "z" => 0,
        _ => {
            let digits = zone[1..].replace(':', "");
            let (hours, minutes) = (two(digits.get(..2)?)?, two(digits.get(2..)?)?);
            (hours * 3_600 + minutes * 60) * if zone.starts_with('-') { -1 } else { 1 }
        }
    };
    Some(hour * 3_600 + minute * 60 + second - offset)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::date;

    #[test]
    fn dates_are_read_as_people_write_them() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (text, seconds) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2024-05-02T13:37:00+02:00", Some(1_714_649_820)),
            ("2024-05-02 06:07:00-05:30", Some(1_714_649_820)),
            ("2024-05-02T11:37Z", Some(1_714_649_820)),
            ("1 day ago", Some(1_700_000_000 - 86_400)),
            ("2.weeks ago", Some(1_700_000_000 - 14 * 86_400)),
            ("yesterday", Some(1_700_000_000 - 86_400)),
            ("@1714649820", Some(1_714_649_820)),
            ("@1714649820 +0200", Some(1_714_649_820)),
            ("@{1}", None),
            ("@", None),
            ("2024-13-01", None),
            ("main", None),
            ("deadbeef", None),
            ("9223372036854775807 years ago", None),
        ] {
            assert_eq!(date(text, now), seconds, "{text}");
        }
    }
}
