//! Where a repository keeps its objects: `.git` files, work trees, alternates, format and boundaries.

use std::{
    collections::HashSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{Fault, ObjectFormat, ObjectId, OpenError, OpenFault, StoreProblem, config, file};
use crate::model::hex_value;

/// Git gives up on alternates of alternates at this depth, too.
const MAX_ALTERNATE_DEPTH: usize = 5;
/// A `.git` file, `commondir`, `config` or `alternates`: the largest ones seen are a few kilobytes.
const MAX_METADATA_BYTES: u64 = 1 << 20;
/// `shallow` holds a line per boundary commit.
const MAX_SHALLOW_BYTES: u64 = 64 << 20;

/// The places and the format of a repository's objects.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// What belongs to this work tree alone: `HEAD`, index, some refs.
    pub(super) git_dir: PathBuf,
    /// What all work trees share. The same as `git_dir` in a repository without linked work trees.
    pub(super) common_dir: PathBuf,
    /// All object directories, own first, each once. Not empty.
    pub(super) object_dirs: Vec<PathBuf>,
    /// `None` when it isn't known: then nothing can be read.
    pub(super) format: Option<ObjectFormat>,
    /// Does the configuration say that objects may be missing because a promisor remote has them?
    pub(super) is_partial: bool,
    /// Commits whose parents were left out by a shallow clone.
    pub(super) shallow: Vec<ObjectId>,
    /// How refs are kept; `None` when it isn't known.
    pub(super) ref_storage: Option<RefStorage>,
}

/// How a repository keeps its refs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefStorage {
    /// A file for each, and `packed-refs`.
    Files,
    /// A stack of tables.
    Reftable,
}

impl Layout {
    /// Finds everything from the path of a work tree, a git directory or a `.git` file. `extra` are further object
    /// directories, such as the quarantine of a push.
    pub(super) fn find(path: &Path, extra: &[PathBuf], problems: &mut Vec<StoreProblem>) -> Result<Layout, OpenError> {
        let fault = |reason| OpenError { path: path.to_owned(), reason };
        let git_dir = git_dir(path, problems).ok_or_else(|| fault(OpenFault::NotARepository))?;
        let common_dir = match metadata(&git_dir.join("commondir"), problems) {
            Some(text) => {
                // Mostly `../..`: without these steps it has the name that people know it by.
                let dir = git_dir.join(path_of(text.trim_ascii_end()));
                dir.canonicalize().unwrap_or(dir)
            }
            None => git_dir.clone(),
        };
        let own = common_dir.join("objects");
        if !own.is_dir() {
            let is_elsewhere = git_dir != path && git_dir != path.join(".git");
            return Err(fault(if is_elsewhere { OpenFault::LeadsNowhere(git_dir) } else { OpenFault::NotARepository }));
        }
        let config = config::parse(&metadata(&common_dir.join("config"), problems).unwrap_or_default());
        let format = match config.object_format.as_deref() {
            None | Some("sha1") => Some(ObjectFormat::Sha1),
            Some("sha256") => Some(ObjectFormat::Sha256),
            Some(_) => {
                problems.push(StoreProblem::file(common_dir.join("config"), Fault::UnknownObjectFormat));
                None
            }
        };
        let ref_storage = match config.ref_storage.as_deref() {
            None | Some("files") => Some(RefStorage::Files),
            Some("reftable") => Some(RefStorage::Reftable),
            Some(_) => None,
        };
        let shallow = shallow(&common_dir.join("shallow"), problems);
        let mut alternates = Alternates { found: Vec::new(), seen: HashSet::new(), open: Vec::new() };
        for start in std::iter::once(own).chain(extra.iter().cloned()) {
            alternates.add(start, problems);
        }
        let object_dirs = alternates.found;
        Ok(Layout { git_dir, common_dir, object_dirs, format, is_partial: config.partial_clone, shallow, ref_storage })
    }
}

/// The git directory that `path` is, holds or (a `.git` file) names. Only one such file is followed, as git does.
fn git_dir(path: &Path, problems: &mut Vec<StoreProblem>) -> Option<PathBuf> {
    let inner = path.join(".git");
    if inner.is_dir() {
        return Some(inner);
    }
    let link = [inner, path.to_owned()].into_iter().find(|candidate| candidate.is_file());
    let Some(link) = link else { return path.is_dir().then(|| path.to_owned()) };
    let text = metadata(&link, problems)?;
    let target = text.strip_prefix(b"gitdir:")?.trim_ascii();
    Some(link.parent().unwrap_or(Path::new("")).join(path_of(target)))
}

/// A metadata file's bytes; `None` if it isn't there or (a problem) can't be read.
fn metadata(path: &Path, problems: &mut Vec<StoreProblem>) -> Option<Vec<u8>> {
    file::read(path, MAX_METADATA_BYTES).unwrap_or_else(|fault| {
        problems.push(StoreProblem::file(path, fault));
        None
    })
}

fn shallow(path: &Path, problems: &mut Vec<StoreProblem>) -> Vec<ObjectId> {
    let text = file::read(path, MAX_SHALLOW_BYTES).unwrap_or_else(|fault| {
        problems.push(StoreProblem::file(path, fault));
        None
    });
    let mut commits = Vec::new();
    for (number, line) in text.unwrap_or_default().split(|&byte| byte == b'\n').enumerate() {
        match ObjectId::from_hex(line.trim_ascii()) {
            Some(id) => commits.push(id),
            None if line.trim_ascii().is_empty() => {}
            None => problems.push(StoreProblem::file(path, Fault::MalformedLine(number + 1))),
        }
    }
    commits
}

/// Collects object directories; the canonical paths seen break cycles.
struct Alternates {
    found: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
    /// Those that lead to the one at hand, and it.
    open: Vec<PathBuf>,
}

impl Alternates {
    fn add(&mut self, dir: PathBuf, problems: &mut Vec<StoreProblem>) {
        let canonical = match dir.canonicalize() {
            Ok(canonical) if canonical.is_dir() => canonical,
            Ok(_) => return problems.push(StoreProblem::file(dir, Fault::NotRegular)),
            Err(error) => return problems.push(StoreProblem::file(dir, error.into())),
        };
        if self.open.contains(&canonical) {
            return problems.push(StoreProblem::file(dir, Fault::AlternatesInCircle));
        }
        if !self.seen.insert(canonical.clone()) {
            return;
        }
        self.open.push(canonical);
        self.add_all_of(&dir, problems);
        self.open.pop();
    }

    /// Adds a directory and those that it names.
    fn add_all_of(&mut self, dir: &Path, problems: &mut Vec<StoreProblem>) {
        let list = dir.join("info").join("alternates");
        let text = metadata(&list, problems).unwrap_or_default();
        self.found.push(dir.to_owned());
        for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end) {
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if self.open.len() > MAX_ALTERNATE_DEPTH {
                return problems.push(StoreProblem::file(list, Fault::AlternatesTooDeep(MAX_ALTERNATE_DEPTH)));
            }
            self.add(dir.join(path_of(&unquoted(line))), problems);
        }
    }
}

/// Undoes git's C-style quoting of a path; a line without quotes stands for itself.
pub(super) fn unquoted(line: &[u8]) -> Vec<u8> {
    let Some(inner) = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else { return line.to_vec() };
    let mut path = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            path.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => path.push(b'\n'),
            Some(b't') => path.push(b'\t'),
            Some(b'r') => path.push(b'\r'),
            Some(first @ b'0'..=b'3') => {
                let rest = [bytes.next(), bytes.next()].map(|digit| digit.and_then(hex_value).unwrap_or(0) & 7);
                path.push((first - b'0') << 6 | rest[0] << 3 | rest[1]);
            }
            Some(other) => path.push(other),
            None => {}
        }
    }
    path
}

/// A path of bytes as git stores them.
#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

/// A path of bytes as git stores them.
#[cfg(not(unix))]
pub(crate) fn path_of(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn alternates_may_be_quoted() {
        assert_eq!(unquoted(b"/plain path"), b"/plain path");
        assert_eq!(unquoted(b"\"/a\\\"b\\303\\244\\n\""), "/a\"bä\n".as_bytes());
        assert_eq!(unquoted(b"\"\\"), b"\"\\");
    }
}
