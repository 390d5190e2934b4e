//! Object ids, the two object formats, and the four kinds of object.

use std::fmt;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// The hash by which a repository names its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// 20-byte ids: what nearly every repository has.
    #[default]
    Sha1,
    /// 32-byte ids (`git init --object-format=sha256`).
    Sha256,
}

impl ObjectFormat {
    /// Length of an id in bytes.
    #[must_use]
    pub fn id_len(self) -> usize {
        match self {
            ObjectFormat::Sha1 => 20,
            ObjectFormat::Sha256 => 32,
        }
    }

    /// The id that an object with this content has. Cost: one pass over `content`.
    #[must_use]
    pub fn object_id(self, kind: Kind, content: &[u8]) -> ObjectId {
        let mut hasher = ObjectHasher::new(self, kind, content.len() as u64);
        hasher.update(content);
        hasher.finish()
    }
}

/// Computes an object id piece by piece.
pub(super) enum ObjectHasher {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl ObjectHasher {
    pub(super) fn new(format: ObjectFormat, kind: Kind, size: u64) -> ObjectHasher {
        let header = format!("{} {size}\0", kind.as_str());
        match format {
            ObjectFormat::Sha1 => ObjectHasher::Sha1(Sha1::new_with_prefix(header)),
            ObjectFormat::Sha256 => ObjectHasher::Sha256(Sha256::new_with_prefix(header)),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            ObjectHasher::Sha1(hasher) => hasher.update(bytes),
            ObjectHasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> ObjectId {
        match self {
            ObjectHasher::Sha1(hasher) => ObjectId::copied(&hasher.finalize()),
            ObjectHasher::Sha256(hasher) => ObjectId::copied(&hasher.finalize()),
        }
    }
}

/// The name of an object: 20 or 32 bytes. Ordered as git orders ids of one format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    bytes: [u8; 32],
    len: u8,
}

impl ObjectId {
    /// An id from its 20 or 32 bytes; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<ObjectId> {
        matches!(bytes.len(), 20 | 32).then(|| ObjectId::copied(bytes))
    }

    /// An id from its 40 or 64 hexadecimal digits, of either case.
    #[must_use]
    pub fn from_hex(digits: &[u8]) -> Option<ObjectId> {
        if !matches!(digits.len(), 40 | 64) {
            return None;
        }
        let mut id = ObjectId { bytes: [0; 32], len: (digits.len() / 2) as u8 };
        for (byte, pair) in id.bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Some(id)
    }

    /// `bytes` must be 20 or 32 long: callers cut them by [`ObjectFormat::id_len`].
    pub(super) fn copied(bytes: &[u8]) -> ObjectId {
        let mut id = ObjectId { bytes: [0; 32], len: bytes.len() as u8 };
        id.bytes[..bytes.len()].copy_from_slice(bytes);
        id
    }

    /// The 20 or 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

pub(super) fn hex_value(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an object is. The numbers are those of the pack format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A commit.
    Commit = 1,
    /// A directory.
    Tree = 2,
    /// A file's content or a symbolic link's target.
    Blob = 3,
    /// An annotated tag.
    Tag = 4,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Kind; 4] = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag];

    /// Git's name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        }
    }

    pub(super) fn from_name(name: &[u8]) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str().as_bytes() == name)
    }

    pub(super) fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|&kind| kind as u8 == number)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindSet(u8);

impl KindSet {
    /// Every kind.
    pub const ALL: KindSet = KindSet::of(&Kind::ALL);
    /// File contents only.
    pub const BLOBS: KindSet = KindSet::of(&[Kind::Blob]);
    /// Commits, trees and tags: the shape of the history.
    pub const HISTORY: KindSet = KindSet::of(&[Kind::Commit, Kind::Tree, Kind::Tag]);

    /// The set of these kinds.
    #[must_use]
    pub const fn of(kinds: &[Kind]) -> KindSet {
        let mut bits = 0;
        let mut at = 0;
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u8;
            at += 1;
        }
        KindSet(bits)
    }

    /// Is `kind` in the set?
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, KindSet, ObjectFormat, ObjectId};

    #[test]
    fn ids_are_those_of_git() {
        // `git hash-object -t blob /dev/null`, in both formats.
        let sha1 = ObjectFormat::Sha1.object_id(Kind::Blob, b"");
        assert_eq!(sha1.to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        let sha256 = ObjectFormat::Sha256.object_id(Kind::Blob, b"");
        assert_eq!(sha256.to_string(), "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
        assert_eq!(ObjectId::from_hex(sha256.to_string().as_bytes()), Some(sha256));
        assert_eq!(ObjectId::from_hex(b"e69de29"), None);
        assert_eq!(ObjectId::from_hex(&[b'g'; 40]), None);
    }

    #[test]
    fn sets_hold_what_they_were_given() {
        assert!(Kind::ALL.into_iter().all(|kind| KindSet::ALL.contains(kind)));
        assert!(KindSet::BLOBS.contains(Kind::Blob) && !KindSet::BLOBS.contains(Kind::Tree));
        assert!(!KindSet::HISTORY.contains(Kind::Blob));
    }
}
