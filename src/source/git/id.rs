//! The two object formats, and sets of the four kinds of object.

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use crate::model::{ObjectId, ObjectKind as Kind};

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

    /// Does a file end with the digest of all that stands before it? Cost: one pass over it.
    pub(super) fn ends_with_checksum(self, file: &[u8]) -> bool {
        let Some(end) = file.len().checked_sub(self.id_len()) else { return false };
        let (content, checksum) = file.split_at(end);
        match self {
            ObjectFormat::Sha1 => Sha1::digest(content)[..] == *checksum,
            ObjectFormat::Sha256 => Sha256::digest(content)[..] == *checksum,
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
