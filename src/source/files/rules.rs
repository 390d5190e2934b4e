//! Ignore files: `.unleakignore` always, `.gitignore` and `.git/info/exclude` if asked for.
//!
//! The matching is the `ignore` crate's; its walker isn't used, because it drops what it ignores without a word, and
//! every entry left out must be counted.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read as _,
    path::{Component, Path},
    sync::Arc,
};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use super::dir::{Dir, Entry, Kind, LastLink, open_file};
use crate::source::SourceError;

/// Which ignore files are honoured besides `.unleakignore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GitRules {
    Honoured,
    NotHonoured,
}

/// The rule files that were found in one directory, as read.
#[derive(Debug, Default)]
pub(super) struct RuleFiles {
    pub(super) unleak: Option<Vec<u8>>,
    pub(super) git: Option<Vec<u8>>,
    /// `.git/info/exclude`
    pub(super) exclude: Option<Vec<u8>>,
    /// Does the directory hold a `.git`? Git's rules end there.
    pub(super) is_repository: bool,
}

/// The rules of a directory and, through `parent`, of those above it. All paths are free of symbolic links.
#[derive(Debug)]
pub(super) struct Rules {
    unleak: Option<Gitignore>,
    git: Option<Gitignore>,
    exclude: Option<Gitignore>,
    is_repository: bool,
    parent: Option<Arc<Rules>>,
}

impl Rules {
    /// The rules below `parent` in the directory `dir`. No new link of the chain if there is nothing new.
    pub(super) fn extend(parent: Option<Arc<Rules>>, dir: &Path, files: &RuleFiles) -> Option<Arc<Rules>> {
        let compile = |text: &Option<Vec<u8>>| text.as_deref().and_then(|text| compile(dir, text));
        let rules = Rules {
            unleak: compile(&files.unleak),
            git: compile(&files.git),
            exclude: compile(&files.exclude),
            is_repository: files.is_repository,
            parent,
        };
        let is_empty = rules.unleak.is_none() && rules.git.is_none() && rules.exclude.is_none();
        // Outside of any rule a repository's border separates nothing.
        if is_empty && (!rules.is_repository || rules.parent.is_none()) {
            return rules.parent;
        }
        Some(Arc::new(rules))
    }

    /// Do the rules leave this path out? `.unleakignore` outranks git's files; among equals the deepest file decides,
    /// as in git.
    pub(super) fn is_ignored(&self, path: &Path, is_dir: bool) -> bool {
        let (mut unleak, mut git, mut exclude) = (Match::None, Match::None, Match::None);
        let mut left_repository = false;
        let mut next = Some(self);
        while let Some(rules) = next {
            consult(&mut unleak, rules.unleak.as_ref(), path, is_dir);
            if !left_repository {
                consult(&mut git, rules.git.as_ref(), path, is_dir);
                consult(&mut exclude, rules.exclude.as_ref(), path, is_dir);
            }
            left_repository |= rules.is_repository;
            next = rules.parent.as_deref();
        }
        unleak.or(git).or(exclude).is_ignore()
    }
}

fn consult(verdict: &mut Match<()>, matcher: Option<&Gitignore>, path: &Path, is_dir: bool) {
    if let (true, Some(matcher)) = (verdict.is_none(), matcher) {
        *verdict = matcher.matched(path, is_dir).map(|_| ());
    }
}

/// A line that is no valid glob leaves nothing out and is passed over, as in git.
fn compile(dir: &Path, text: &[u8]) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new(dir);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for line in text.split(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        let _ = builder.add_line(None, &line);
    }
    builder.build().ok().filter(|matcher| !matcher.is_empty())
}

/// The user's own globs, in the syntax of an ignore file that stood in each root. They outrank every file.
#[derive(Clone, Debug)]
pub struct Excludes {
    globs: Vec<String>,
}

impl Excludes {
    /// Checks the globs.
    ///
    /// # Errors
    /// If one of them is none.
    pub fn new(globs: Vec<String>) -> Result<Excludes, SourceError> {
        for glob in &globs {
            if let Err(error) = GitignoreBuilder::new("").add_line(None, glob) {
                return Err(SourceError::Exclude { glob: glob.clone(), message: error.to_string() });
            }
        }
        Ok(Excludes { globs })
    }

    /// Says which paths in a repository are left out.
    pub fn in_repository(&self) -> impl Fn(&Path) -> bool + use<> {
        let globs = self.for_root(Path::new(""));
        move |path| {
            let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            let named = |globs: &Arc<Gitignore>| globs.matched_path_or_any_parents(path, false).is_ignore();
            is_inside && globs.as_ref().is_some_and(named)
        }
    }

    /// The matcher for a root, if there are any globs.
    fn for_root(&self, real: &Path) -> Option<Arc<Gitignore>> {
        let mut builder = GitignoreBuilder::new(real);
        for glob in &self.globs {
            let _ = builder.add_line(None, glob);
        }
        builder.build().ok().filter(|matcher| !matcher.is_empty()).map(Arc::new)
    }
}

/// What the directories above a root say of it, up to the root of the repository that it lies in: a folder of a
/// repository is treated as it would be if the whole repository were named. Outside of a repository nothing above a
/// root counts, or else whoever can write to `/tmp` could blind the scan of a folder there.
fn above(real_root: &Path, git: GitRules) -> Option<Arc<Rules>> {
    let is_repository = |dir: &&Path| dir.join(GIT_DIR).symlink_metadata().is_ok();
    let parents: Vec<&Path> = real_root.ancestors().skip(1).collect();
    if is_repository(&real_root) {
        return None;
    }
    let top = parents.iter().position(is_repository)?;
    let mut chain = None;
    for (index, dir) in parents.iter().enumerate().take(top + 1).rev() {
        let read = |name: &str| open_file(&dir.join(name), LastLink::Refuse).ok().and_then(read_rules);
        let mut files = RuleFiles { unleak: read(UNLEAK_FILE), is_repository: index == top, ..RuleFiles::default() };
        if git == GitRules::Honoured {
            files.git = read(GIT_FILE);
            files.exclude = read(EXCLUDE_FILE).filter(|_| index == top);
        }
        chain = Rules::extend(chain, dir, &files);
    }
    chain
}

/// Reads an ignore file. One that isn't a regular file or holds more than [`RULES_BYTES`] has no say.
fn read_rules(file: File) -> Option<Vec<u8>> {
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > RULES_BYTES {
        return None;
    }
    let mut text = Vec::new();
    file.take(RULES_BYTES).read_to_end(&mut text).ok()?;
    Some(text)
}

/// The ignore files in a directory, given its entries; `None` if there is nothing of the kind.
pub(super) fn read_rule_files(dir: &Dir, entries: &[Entry], git: GitRules) -> Option<RuleFiles> {
    let mut found = RuleFiles::default();
    let mut is_any = false;
    for entry in entries {
        let is_unleak = entry.name == UNLEAK_FILE;
        let is_git = git == GitRules::Honoured && (entry.name == GIT_FILE || entry.name == GIT_DIR);
        if !is_unleak && !is_git {
            continue;
        }
        is_any = true;
        match (is_unleak, entry.name == GIT_DIR) {
            (true, _) => found.unleak = read_in(dir, entry),
            (_, false) => found.git = read_in(dir, entry),
            (_, true) => {
                found.is_repository = true;
                found.exclude = dir.open_file(OsStr::new(EXCLUDE_FILE)).ok().and_then(read_rules);
            }
        }
    }
    is_any.then_some(found)
}

fn read_in(dir: &Dir, entry: &Entry) -> Option<Vec<u8>> {
    let file = if entry.kind == Kind::File { dir.open_file(&entry.name).ok() } else { None };
    file.and_then(read_rules)
}

/// Largest ignore file honoured. The largest `.gitignore` of the collections on github.com/github/gitignore has 8 KiB.
const RULES_BYTES: u64 = 1 << 20;
/// Always honoured.
const UNLEAK_FILE: &str = ".unleakignore";
/// Honoured on request.
const GIT_FILE: &str = ".gitignore";
/// Honoured on request.
const EXCLUDE_FILE: &str = ".git/info/exclude";
/// Where git keeps a repository.
pub(super) const GIT_DIR: &str = ".git";

/// The rules that hold for one directory: the files' and the user's.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) excludes: Option<Arc<Gitignore>>,
    pub(super) rules: Option<Arc<Rules>>,
}

impl Filter {
    /// Is there nothing that could leave anything out?
    pub(super) fn is_empty(&self) -> bool {
        self.excludes.is_none() && self.rules.is_none()
    }

    /// Is this path, free of symbolic links, left out?
    pub(super) fn is_ignored(&self, real: &Path, is_dir: bool) -> bool {
        match self.excludes.as_ref().map(|excludes| excludes.matched(real, is_dir).map(|_| ())) {
            Some(Match::Ignore(())) => return true,
            Some(Match::Whitelist(())) => return false,
            _ => {}
        }
        self.rules.as_ref().is_some_and(|rules| rules.is_ignored(real, is_dir))
    }
}

/// A root's filter before any of its own files is read.
pub(super) fn filter_for_root(real: &Path, excludes: &Excludes, git: GitRules) -> Filter {
    Filter { excludes: excludes.for_root(real), rules: above(real, git) }
}
