use std::{io, path::PathBuf};

use super::{Kind, ObjectId};

/// Something in the object store that could not be read, and why. All the rest is read all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {fault}", path.display(), object.map(|id| format!(": object {id}")).unwrap_or_default())]
pub struct StoreProblem {
    /// The pack, index, loose object or metadata file.
    pub path: PathBuf,
    /// The object, where one is concerned whose id is known.
    pub object: Option<ObjectId>,
    /// What kind of object that is, where its header or its place in the pack tells.
    pub kind: Option<Kind>,
    /// The reason.
    pub fault: Fault,
}

impl StoreProblem {
    pub(super) fn file(path: impl Into<PathBuf>, fault: Fault) -> StoreProblem {
        StoreProblem { path: path.into(), object: None, kind: None, fault }
    }

    pub(super) fn object(path: impl Into<PathBuf>, id: ObjectId, fault: Fault) -> StoreProblem {
        StoreProblem { path: path.into(), object: Some(id), kind: None, fault }
    }

    pub(super) fn of_kind(self, kind: Option<Kind>) -> StoreProblem {
        StoreProblem { kind, ..self }
    }
}

/// Why a file or an object of the store could not be read. Never holds bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The operating system refused.
    #[error("can't be read: {0}")]
    Io(io::ErrorKind),
    /// A directory, FIFO, socket or device stands where a file should.
    #[error("not a regular file")]
    NotRegular,
    /// A metadata file is longer than any real one.
    #[error("{bytes} bytes, more than the {limit} that such a file may have")]
    FileTooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// `extensions.objectFormat` names a hash that isn't known.
    #[error("unknown object format")]
    UnknownObjectFormat,
    /// A line of a metadata file that isn't in its format.
    #[error("line {0} is malformed")]
    MalformedLine(usize),
    /// An alternate that leads to itself. All of its objects are read nevertheless.
    #[error("alternates in a circle")]
    AlternatesInCircle,
    /// Alternates lead on for more steps than git follows.
    #[error("alternates nested more than {0} deep")]
    AlternatesTooDeep(usize),
    /// Not a pack, or a version that isn't known.
    #[error("not a pack of version 2 or 3")]
    PackHeader,
    /// The index can't be used; the pack was read from front to back instead.
    #[error("unusable index: {0}")]
    Index(IndexFault),
    /// An index without its pack.
    #[error("index without a pack")]
    PackMissing,
    /// Index and pack disagree on the number of objects.
    #[error("{pack} objects by the pack's header, {index} in its index")]
    CountMismatch {
        /// By the pack's header.
        pack: u32,
        /// By the index, or found by reading the pack where it has none.
        index: u32,
    },
    /// The pack doesn't end with the checksum that its index names: truncated, or not the pack it was made for.
    #[error("pack doesn't end with the checksum in its index")]
    ChecksumMismatch,
    /// The index points outside the pack.
    #[error("offset outside the pack")]
    OffsetOutsidePack,
    /// The index gives two objects the same place.
    #[error("offset {0} is listed for another object too")]
    OffsetShared(u64),
    /// The entry at this offset has a malformed or truncated header.
    #[error("malformed entry at offset {0}")]
    EntryHeader(u64),
    /// A delta whose base would lie outside the pack or at no entry of it.
    #[error("delta at offset {0} has no base at the place it names")]
    BaseOffset(u64),
    /// A delta whose base is nowhere in the store.
    #[error("base {0} is missing")]
    BaseMissing(ObjectId),
    /// A delta whose base is there but can't be decoded.
    #[error("its delta base can't be read")]
    BaseUnreadable,
    /// A delta that is, by way of others, its own base.
    #[error("delta bases form a cycle")]
    BaseCycle,
    /// Corrupt or truncated compressed data.
    #[error("corrupt or truncated compressed data")]
    Inflate,
    /// The content isn't as long as its header says.
    #[error("content isn't {expected} bytes long as its header says")]
    SizeMismatch {
        /// By the header.
        expected: u64,
    },
    /// A malformed delta.
    #[error("malformed delta: {0}")]
    Delta(DeltaFault),
    /// A delta, or the base of one, beyond the memory limit.
    #[error("{size} bytes, more than the limit of {limit} for a delta and its base")]
    TooLarge {
        /// Size of the object.
        size: u64,
        /// See [`WalkPlan::max_object_bytes`](super::WalkPlan::max_object_bytes).
        limit: u64,
    },
    /// A loose object's file doesn't begin with a kind and a size.
    #[error("malformed header")]
    LooseHeader,
    /// A loose object's file goes on behind its compressed content, and what stands there was not scanned.
    #[error("bytes behind its compressed content: they were not scanned")]
    Trailing,
    /// The content's digest isn't the id under which it is stored. The object was visited nevertheless.
    #[error("content has the id {0}")]
    IdMismatch(ObjectId),
    /// So much was spent on reading objects out of order that the store must be made to waste time.
    #[error("given up: reading its chain of deltas would take too long")]
    Exhausted,
    /// The time that was given for it is over.
    #[error("the time for it is over")]
    OutOfTime,
    /// The walk was ended because it had decoded this much.
    #[error("given up after decoding {limit} bytes: the rest was not visited")]
    TotalTooLarge {
        /// See [`WalkPlan::max_total_bytes`](super::WalkPlan::max_total_bytes).
        limit: u64,
    },
    /// The object is nowhere in the store.
    #[error("missing")]
    Missing,
    /// An entry of a pack without index whose id could not be found out.
    #[error("entry at offset {0} can't be decoded")]
    EntryUnreadable(u64),
    /// `extensions.refStorage` names a way of keeping refs that isn't known; the two known ones were tried.
    #[error("unknown ref storage")]
    UnknownRefStorage,
    /// A symbolic ref that leads to a ref that isn't there.
    #[error("symbolic ref leads nowhere")]
    RefNowhere,
    /// Symbolic refs lead on for more steps than git follows.
    #[error("symbolic refs in a circle, or more than {0} deep")]
    RefsTooDeep(usize),
    /// A file or an object that isn't in its format. What stood before the mistake was read.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// An object of another kind than what names it says.
    #[error("a {}, where a {} should be", found.as_str(), expected.as_str())]
    WrongKind {
        /// What it should be.
        expected: Kind,
        /// What it is.
        found: Kind,
    },
    /// A version of a format that isn't known.
    #[error("unknown version {0}")]
    UnknownVersion(u32),
    /// An extension that can't be passed over and isn't known.
    #[error("unknown extension `{}`", .0.escape_ascii())]
    UnknownExtension([u8; 4]),
    /// The file doesn't have the checksum that stands in it.
    #[error("checksum doesn't match")]
    Checksum,
    /// More of something than any real repository has: the rest was not read.
    #[error("more than {limit} {what}: the rest was not read")]
    TooMany {
        /// Of what, in the plural.
        what: &'static str,
        /// How many are read.
        limit: u64,
    },
    /// Trees within trees have more paths than can be followed. From there on each tree was looked at once.
    #[error(
        "trees have more paths than can be followed: each was scanned once from here on, and some paths are left out"
    )]
    TooManyPaths,
    /// A shallow clone left out a commit's parents: it was taken for a first commit.
    #[error("parents were left out by a shallow clone")]
    Shallow,
    /// A path in the index that leads out of the work tree.
    #[error("path leads out of the work tree")]
    PathOutside,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error.kind())
    }
}

/// What is wrong with a pack index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexFault {
    /// Shorter than its tables.
    #[error("truncated")]
    Truncated,
    /// A version that isn't known.
    #[error("unknown version")]
    Version,
    /// The fan-out table decreases.
    #[error("fan-out table decreases")]
    FanOut,
    /// The ids aren't sorted, or stand in the wrong fan-out bucket.
    #[error("ids aren't sorted")]
    Order,
}

/// What is wrong with a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaFault {
    /// Ends within an instruction.
    #[error("truncated")]
    Truncated,
    /// Holds the reserved instruction 0.
    #[error("reserved instruction")]
    Reserved,
    /// Was made against a base of another size.
    #[error("base has another size")]
    BaseSize,
    /// Copies from outside its base.
    #[error("copies from outside its base")]
    CopyOutsideBase,
    /// Yields more or fewer bytes than it says.
    #[error("yields another size than it says")]
    ResultSize,
}

/// Why a path could not be opened as a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct OpenError {
    /// The path that was to be opened.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: OpenFault,
}

/// What is wrong with a path that was to be opened as a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    /// There is no object directory at the path.
    #[error("not a git repository")]
    NotARepository,
    /// A `.git` file leads to a place without an object directory.
    #[error("its .git file leads to {}, where no git repository is", .0.display())]
    LeadsNowhere(PathBuf),
}
