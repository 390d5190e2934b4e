//! Git object stores: found here, read by the git source.
//!
//! Packed and loose objects are compressed, so their raw bytes hold nothing to find. They are left out by name and
//! place, one by one: anything else that somebody put into an object store is scanned like any file. What Git LFS keeps beside
//! it is left out as well: only the history can say where it belongs.

use std::{ffi::OsStr, path::Path};

use super::{dir::Entry, rules::GIT_DIR};
use crate::source::git::{is_lfs_content, is_lfs_fan};

/// Where in an object store a directory stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StorePart {
    #[default]
    Outside,
    /// `objects`
    Top,
    /// `objects/4b`: loose objects whose names start so.
    Fan,
    /// `objects/pack`
    Pack,
    /// `lfs`
    Lfs,
    /// `lfs/objects`, and this many directories down from there.
    LfsObjects(u8),
}

/// The directory that holds the objects, in a `.git` folder or a bare repository.
pub(super) const OBJECTS: &str = "objects";

impl StorePart {
    /// The part that the directory `name` of a directory at `self` is.
    pub(super) fn of_child(self, os_name: &OsStr) -> StorePart {
        let name = os_name.as_encoded_bytes();
        match self {
            StorePart::Top if name == b"pack" => StorePart::Pack,
            StorePart::Top if name.len() == 2 && is_hex(name) => StorePart::Fan,
            StorePart::Lfs if name == OBJECTS.as_bytes() => StorePart::LfsObjects(0),
            StorePart::LfsObjects(depth @ 0..LFS_DEPTH) if is_lfs_fan(os_name) => StorePart::LfsObjects(depth + 1),
            _ => StorePart::Outside,
        }
    }

    /// Is the file `name` of this directory part of the store's own format?
    pub(super) fn holds_as_object(self, os_name: &OsStr) -> bool {
        let name = os_name.as_encoded_bytes();
        match self {
            StorePart::Outside | StorePart::Top | StorePart::Lfs => false,
            StorePart::LfsObjects(depth) => depth == LFS_DEPTH && is_lfs_content(os_name),
            // A SHA-1 or SHA-256 name less the two digits of its directory.
            StorePart::Fan => matches!(name.len(), 38 | 62) && is_hex(name),
            StorePart::Pack => name == b"multi-pack-index" || is_pack_file(name),
        }
    }
}

/// The directory beside it in which Git LFS keeps what it has.
pub(super) const LFS: &str = "lfs";

/// So many directories below its `objects` contents stand.
const LFS_DEPTH: u8 = 2;

/// Is this the name of an object store's directory?
pub(super) fn is_objects(name: &OsStr) -> bool {
    name == OBJECTS
}

/// Does the directory at `dir`, whose entries are given, hold an object store? A `.git` folder does, and so does a
/// bare repository.
pub(super) fn is_store(dir: &Path, entries: &[Entry]) -> bool {
    let has = |wanted: &str| entries.iter().any(|entry| entry.name == *wanted);
    has(OBJECTS) && (dir.file_name() == Some(OsStr::new(GIT_DIR)) || (has("HEAD") && has("refs")))
}

/// Is it a `.git` folder that has no object store any more?
pub(super) fn has_lost_store(dir: &Path, entries: &[Entry]) -> bool {
    let has = |wanted: &str| entries.iter().any(|entry| entry.name == *wanted);
    dir.file_name() == Some(OsStr::new(GIT_DIR)) && has("HEAD") && !has(OBJECTS)
}

/// Is the directory that the user named an object store itself?
pub(super) fn is_store_root(real: &Path) -> bool {
    let Some(parent) = real.parent().filter(|_| real.file_name().is_some_and(is_objects)) else { return false };
    let has = |wanted: &str| parent.join(wanted).symlink_metadata().is_ok();
    parent.file_name() == Some(OsStr::new(GIT_DIR)) || (has("HEAD") && has("refs"))
}

/// `pack-<id>.<extension>`, as in `gitformat-pack(5)`.
fn is_pack_file(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"pack-") else { return false };
    let Some(dot) = rest.iter().position(|&byte| byte == b'.') else { return false };
    let (id, extension) = (&rest[..dot], &rest[dot + 1..]);
    let known: [&[u8]; 5] = [b"pack", b"idx", b"rev", b"bitmap", b"mtimes"];
    matches!(id.len(), 40 | 64) && is_hex(id) && known.contains(&extension)
}

fn is_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::StorePart;

    #[test]
    fn only_what_git_writes_is_left_out() {
        let top = StorePart::Top;
        let (fan, pack) = (top.of_child(OsStr::new("4b")), top.of_child(OsStr::new("pack")));
        assert_eq!((fan, pack), (StorePart::Fan, StorePart::Pack));
        assert_eq!(top.of_child(OsStr::new("info")), StorePart::Outside);
        let id = "825dc642cb6eb9a060e54bf8d69288fbee4904";
        assert!(fan.holds_as_object(OsStr::new(id)));
        assert!(!fan.holds_as_object(OsStr::new("notes.txt")));
        assert!(!pack.holds_as_object(OsStr::new(id)));
        assert!(pack.holds_as_object(OsStr::new(&format!("pack-4b{id}.idx"))));
        assert!(!pack.holds_as_object(OsStr::new("pack-passwords.txt")));
        let content = "c".repeat(64);
        let names = ["objects", "cc", "cc"];
        let fan = names.iter().fold(StorePart::Lfs, |part, name| part.of_child(OsStr::new(name)));
        assert!(fan.holds_as_object(OsStr::new(&content)) && !fan.holds_as_object(OsStr::new("notes.txt")));
        assert!(!fan.of_child(OsStr::new("cc")).holds_as_object(OsStr::new(&content)));
        assert!(!StorePart::Lfs.of_child(OsStr::new("tmp")).holds_as_object(OsStr::new(&content)));
    }
}
