use std::fmt;

use serde::{Serialize, Serializer};

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

    /// `bytes` must be 20 or 32 long: callers cut them by their format.
    pub(crate) fn copied(bytes: &[u8]) -> ObjectId {
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

pub(crate) fn hex_value(digit: u8) -> Option<u8> {
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
pub enum ObjectKind {
    /// A commit.
    Commit = 1,
    /// A directory.
    Tree = 2,
    /// A file's content or a symbolic link's target.
    Blob = 3,
    /// An annotated tag.
    Tag = 4,
}

impl ObjectKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [ObjectKind; 4] = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];

    /// Git's name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Commit => "commit",
            ObjectKind::Tree => "tree",
            ObjectKind::Blob => "blob",
            ObjectKind::Tag => "tag",
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<ObjectKind> {
        ObjectKind::ALL.into_iter().find(|kind| kind.as_str().as_bytes() == name)
    }

    pub(crate) fn from_number(number: u8) -> Option<ObjectKind> {
        ObjectKind::ALL.into_iter().find(|&kind| kind as u8 == number)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ObjectKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
