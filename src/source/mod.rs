//! Where bytes come from: every source yields blobs with their origin, and a [`Problem`] for whatever it could not
//! read.
//!
//! A source pushes: it runs its own threads, makes one [`Receiver`] per thread, and hands each blob to it while the
//! bytes still stand in that thread's buffer. Nothing is copied and nothing is queued, so memory is bounded by the
//! number of threads.

#[cfg(feature = "export")]
pub mod export;
pub mod git;
pub mod remote;

use std::{
    any::Any,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::model::{
    ExportSummary, Notice, ObjectId, ObjectKind, Origin, Part, Problem, Provenance, RecordPlace, Stats,
};

mod crew;
mod files;
mod list;
mod reader;
mod record;
mod trace;
mod window;

pub use files::{ENDLESS_BYTES, Excludes, FileOptions, Files, NAME_BYTES};
pub use git::Op;
pub(crate) use git::path_of;
pub use list::{parse_paths, read_paths};
pub use reader::Stream;
pub use record::{Record, Segment, View};
pub use trace::{Lost, RefSet, Since, Trace, Traces, Wanted};

/// Why a source can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// An exclude glob that can't be understood.
    #[error("`{glob}` is not a glob: {message}")]
    Exclude {
        /// The glob as given.
        glob: String,
        /// What is wrong with it.
        message: String,
    },
}

/// Something that yields blobs.
pub trait Source: Sync {
    /// Reads everything and hands it to receivers, one per thread, made with `receiver`. Never fails as a whole: what
    /// can't be read becomes a [`Problem`]. Returns when all is handed over or the run was interrupted.
    fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync));

    /// Where objects stand in history. Asked once, after [`Source::run`], and only for objects with matches; what can't
    /// be read on the way is reported. A source without history knows nothing.
    fn trace(&self, plan: &Plan<'_>, wanted: &Wanted, problem: &mut dyn FnMut(Problem)) -> Traces {
        let _ = (plan, wanted, problem);
        Traces::default()
    }

    /// Fills in what is known of records: names of people and channels, addresses. Asked once, after [`Source::run`], and
    /// only for records with matches; what can't be read on the way is reported. Only exports have records.
    fn resolve(&self, plan: &Plan<'_>, places: &mut [&mut RecordPlace], problem: &mut dyn FnMut(Problem)) {
        let _ = (plan, places, problem);
    }

    /// How long it takes to read everything once and to look at nothing: what no scan of it can be faster than. Reads
    /// everything once more; `None` where it isn't measured.
    fn floor(&self, plan: &Plan<'_>) -> Option<Duration> {
        let _ = plan;
        None
    }
}

/// Objects that need not be read, because an earlier scan found nothing in them that would be found now.
pub trait Known: Sync + std::fmt::Debug {
    /// What the object of this id (its 20 or 32 bytes) is, if it need not be read.
    fn known(&self, id: &[u8]) -> Option<ObjectKind>;
}

/// How much was met in something that was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// Nothing of interest to any rule.
    #[default]
    Nothing,
    /// Keywords, but no match that counts.
    Keywords,
    /// Something that has to be said of it each time.
    Matches,
}

/// How a source is to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// How many threads may work; at least 1.
    pub threads: usize,
    /// What a chunk of a large blob must carry beyond the bytes it owns.
    pub overlap: Overlap,
    /// Should reading be timed (see [`Stats::times`])?
    pub timed: bool,
    /// Set from outside when the run is to end early.
    pub interrupt: &'a AtomicBool,
    /// Objects of git repositories that may be left out.
    pub known: Option<&'a dyn Known>,
}

impl Plan<'_> {
    /// Was the run asked to end early? Sources look before each blob and each chunk.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// Bytes of context around the part of a large blob that a chunk owns. Both are even, so that UTF-16 units stay whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Bytes before the owned part.
    pub before: usize,
    /// Bytes after it.
    pub after: usize,
}

/// One thread's receiving end. Dropping it hands over what it collected.
pub trait Receiver: Send {
    /// A blob that is in memory as a whole.
    fn blob(&mut self, origin: Origin<'_>, part: Part, bytes: &[u8]);

    /// A blob, in memory as a whole, of which other versions come before and after. What is returned must be handed
    /// back with each version that is made from this one. By default a version is a blob like any other.
    fn version(&mut self, origin: Origin<'_>, version: Version<'_>) -> Memory {
        self.blob(origin, Part::Content, version.bytes);
        Memory::Unknown
    }

    /// What was met in objects since this or [`Receiver::remember`] was last called. By default nothing is remembered.
    fn met(&mut self) -> Met {
        Met::Nothing
    }

    /// Was anything found, in what was handed over since this was last asked, that [`Source::trace`] may be asked about? By
    /// default nobody knows, and the source has to look for it once it is asked.
    fn has_found(&mut self) -> bool {
        false
    }

    /// An object was handed over as a whole: notes it for later scans, with what was met since the last call and what the
    /// source itself has to say about it (`besides`).
    fn remember(&mut self, object: ObjectId, kind: ObjectKind, besides: Met) {
        let _ = (object, kind, besides);
    }

    /// One chunk of a blob too large for that. Chunks of one blob may come in any order and on any thread; together
    /// their owned parts must cover the blob once.
    fn chunk(&mut self, blob: &LargeBlob, chunk: Chunk<'_>);

    /// A record of an export: its fields as text, in one buffer. By default it is a blob like any other.
    fn record(&mut self, record: &Record<'_>) {
        self.blob(Origin::Record(&(record.place)()), Part::Content, record.text);
    }

    /// An export was met. By default nobody wants to know.
    fn export(&mut self, summary: ExportSummary) {
        let _ = summary;
    }

    /// Something worth knowing about an export. By default nobody wants to.
    fn notice(&mut self, notice: Notice) {
        let _ = notice;
    }

    /// So many more bytes are going to come, for who shows progress.
    fn expect(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// Something that was not scanned, or not in full.
    fn problem(&mut self, problem: Problem);

    /// This thread's counters. A source counts `ignored`, `links_not_followed` and `times.read`; the receiver the rest.
    fn stats(&mut self) -> &mut Stats;
}

/// A blob, and how it hangs together with others.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// What it is made from.
    pub base: Option<Base<'a>>,
    /// Are others made from it? If not, what is remembered of it is of no use.
    pub is_base: bool,
}

/// The version from which another one is made.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// Its length.
    pub len: usize,
    /// What the receiver returned for it.
    pub memory: &'a Memory,
    /// How the new version is made of it, from front to back and without gaps.
    pub ops: &'a [Op],
}

/// What a receiver remembers of a version. Most hold nothing to remember, and cost nothing.
#[derive(Debug, Default)]
pub enum Memory {
    /// It was not scanned as a version: what is made from it must be scanned in full.
    #[default]
    Unknown,
    /// It holds nothing that could be carried over.
    Empty,
    /// What the receiver makes of it.
    Kept(Box<dyn Any + Send + Sync>),
}

/// A blob that is handed over in chunks.
#[derive(Clone, Debug)]
pub struct LargeBlob {
    /// Where it came from.
    pub provenance: Provenance,
    /// Its first bytes, at most [`LargeBlob::HEAD`], by which its encoding is known.
    pub head: Vec<u8>,
}

impl LargeBlob {
    /// How many leading bytes tell a blob's encoding.
    pub const HEAD: usize = 512;
}

/// A part of a [`LargeBlob`] with context on both sides.
#[derive(Clone, Debug)]
pub struct Chunk<'a> {
    /// Context before, owned bytes, context after.
    pub bytes: &'a [u8],
    /// The owned part, as offsets in the blob. Its start is a multiple of [`CHUNK_BYTES`].
    pub owned: Range<u64>,
    /// Offset in the blob of the first of `bytes`: `owned.start` less at most [`Overlap::before`].
    pub start: u64,
}

/// Owned bytes of every chunk but a blob's last. Blobs up to this size are handed over whole.
pub const CHUNK_BYTES: usize = 1 << 20;
