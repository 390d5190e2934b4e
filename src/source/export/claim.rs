//! Exports met on a walk: taken out of the walk, to be scanned as what they are.

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
    sync::{Mutex, atomic::AtomicBool},
};

use super::{
    ExportLimits,
    container::{Member, Store, Tree},
    detect,
    input::Input,
    scan,
    system::{HEAD_BYTES, Look, SYSTEMS},
};
use crate::source::crew::lock;

/// Bytes of a tar that are looked through before a walk goes on without it.
const LIST_BYTES: u64 = 256 << 20;

/// What a walk claims: whole directories and files, by what they look like.
#[derive(Debug, Default)]
pub struct Claims {
    paths: Mutex<Vec<PathBuf>>,
}

impl Claims {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Claims {
        Claims::default()
    }

    /// The files and directories claimed so far, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = lock(&self.paths).clone();
        paths.sort_unstable();
        paths
    }

    /// Claims a directory with an export in it, going by the names of its files. Costs nothing for ordinary ones.
    pub(in crate::source) fn dir<'n>(&self, path: &Path, names: impl Iterator<Item = &'n OsString> + Clone) -> bool {
        let has = |mark: &str| {
            let mut names = names.clone().map(|name| name.as_encoded_bytes());
            match (mark.strip_prefix('*'), mark.strip_suffix('*')) {
                (Some(end), _) => names.any(|name| name.ends_with(end.as_bytes())),
                (None, Some(start)) => names.any(|name| name.starts_with(start.as_bytes())),
                (None, None) => names.any(|name| name == mark.as_bytes()),
            }
        };
        detect::may_be_dir(has) && self.claim(path, true)
    }

    /// Claims a file that is an export, going by its first bytes.
    pub(in crate::source) fn file(&self, path: &Path, head: &[u8]) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let short = &head[..head.len().min(4096)];
        // Some pages have their styles before anything that tells whose they are. All of them would cost a tree of HTML a sixth.
        let is_long = match head.trim_ascii_start().first() {
            Some(b'<' | 0xef) => memchr::memmem::find(short, b"<style").is_some(),
            // UTF-16.
            Some(0xfe | 0xff) => true,
            _ => false,
        };
        let head = if is_long { &head[..head.len().min(HEAD_BYTES)] } else { short };
        detect::may_be_file(&name, head) && self.claim(path, false)
    }

    fn claim(&self, path: &Path, is_whole: bool) -> bool {
        let limits = ExportLimits { list_bytes: LIST_BYTES, ..ExportLimits::default() };
        // What is damaged is told when it is scanned.
        let Ok(tree) = Tree::open(path, limits, &mut |_| {}) else { return false };
        let found = detect::detect(&Look::new(&tree), SYSTEMS);
        // An export deeper in a directory is claimed there.
        let is_claimed = found.iter().any(|found| !is_whole || found.detection.root.is_empty());
        let is_claimed = is_claimed || !is_whole && holds_export(&tree, limits);
        if is_claimed {
            lock(&self.paths).push(path.to_owned());
        }
        is_claimed
    }
}

/// Archives in an archive that are looked at, and the largest of them: those that lie packed have to be unpacked.
const MAX_NESTED: usize = 8;
const MAX_NESTED_BYTES: u64 = 1 << 30;

/// Is there an export in one of the archives in an archive? Some systems pack theirs twice, and people do.
fn holds_export(tree: &Tree, limits: ExportLimits) -> bool {
    let is_nested = |member: &&Member| is_archive_name(&member.path) && member.size <= MAX_NESTED_BYTES;
    if tree.is_file() || !tree.members().iter().any(|member| is_nested(&member)) {
        return false;
    }
    let never = AtomicBool::new(false);
    let mut looked_at = 0;
    let mut is_found = false;
    let mut look = |member: &Member, reader: &mut dyn Read| {
        if !is_nested(&member) || is_found || looked_at >= MAX_NESTED {
            return !is_found && looked_at < MAX_NESTED;
        }
        looked_at += 1;
        let mut input = Input::new(scan::unpacked(Box::new(reader)), &never);
        if let Ok(store) = Store::spool(&mut input, limits.spool_bytes)
            && let Some(nested) = Tree::nested(store, &tree.place_of(member), limits, &mut |_| {})
        {
            is_found = !detect::detect(&Look::new(&nested), SYSTEMS).is_empty();
        }
        !is_found
    };
    // What is damaged is told when it is scanned.
    if tree.is_concurrent() {
        for member in tree.members().iter().filter(is_nested) {
            let _ = tree.read(member, &mut |mut reader| {
                look(member, &mut *reader);
            });
        }
    } else {
        let _ = tree.walk(&mut look);
    }
    is_found
}

/// Does a name promise an archive?
pub(super) fn is_archive_name(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".zip", ".tar", ".tar.gz", ".tgz"].iter().any(|end| path.ends_with(end))
}
