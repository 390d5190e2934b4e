//! What earlier scans met in the objects of a repository, so that a later one need not read them again.
//!
//! ```text
//! catalogue: keywords, and by rule a digest and its keywords        (of the scan that wrote the cache)
//! sets:      the different sets of keywords that objects hold
//! entries:   object → its kind, its set, and: was there a match that counted?
//! ```
//!
//! No secret is in it, and nothing of an object but its id: an object with a match is read and scanned again, for the
//! secret as for its places, its verdict and its history. An object without is left out as long as no rule changed that
//! it has a keyword of; a base is still decoded where something that hangs on it is wanted.
//!
//! *Changed rules.* A rule is known by a digest of all that it does. Where a rule is new, gone or different, the objects
//! with one of its keywords are scanned again. A keyword that the cache has never heard of is searched in the objects that
//! have a keyword which is a part of it; if there is no such keyword, in all of them.
//!
//! *On disk.* One file, written beside its place and renamed into it, so that a process that is killed leaves the old one.
//! A digest over everything makes a damaged file one that is not there.

mod catalogue;
mod file;
mod notes;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{Scanner, encoded::ENCODED};
use crate::{
    model::{ObjectId, ObjectKind},
    source::Known,
};
use catalogue::{Catalogue, Comparison};
pub use file::CacheFault;
use file::Stored;
pub(super) use notes::Notes;

/// The memory of scans of one repository. See the module for what is in it.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    catalogue: Catalogue,
    stored: Stored,
    /// What of `stored` still holds.
    comparison: Comparison,
    /// By two leading bytes of an id: where its entries begin; one more at the end.
    starts: Vec<u32>,
    recorded: Vec<Notes>,
}

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: ObjectId,
    pub(super) kind: ObjectKind,
    /// Index of its set of keywords.
    pub(super) set: u32,
    /// Was there a match that counted, or something else to be said about it again?
    pub(super) has_match: bool,
}

/// In a set: some keyword or other.
pub(super) const SOME_KEYWORD: u32 = ENCODED;

impl Cache {
    /// Reads the cache at `path` for scans with `scanner`. One that isn't there, or can't be used, is empty; the fault
    /// says why. Costs about 40 bytes of memory per object.
    #[must_use]
    pub fn open(path: PathBuf, scanner: &Scanner) -> (Cache, Option<CacheFault>) {
        let (mut stored, fault) = match file::read(&path) {
            Ok(stored) => (stored.unwrap_or_default(), None),
            Err(fault) => (Stored::default(), Some(fault)),
        };
        stored.entries.sort_unstable_by_key(|entry| entry.id);
        let catalogue = Catalogue::of(scanner);
        let comparison = Comparison::new(&stored, &catalogue);
        let starts = starts(&stored.entries);
        (Cache { path, catalogue, stored, comparison, starts, recorded: Vec::new() }, fault)
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many objects it can leave out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stored.entries.iter().filter(|entry| self.is_left_out(entry)).count()
    }

    /// Can it leave out nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what the threads of a scan noted.
    pub(super) fn absorb(&mut self, notes: impl IntoIterator<Item = Notes>) {
        self.recorded.extend(notes);
    }

    /// Writes what was known, as far as it holds, and what scans noted since. A process that dies meanwhile leaves the old
    /// cache. The file can be read by its owner alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self) -> io::Result<()> {
        file::write(&self.path, &self.merged())
    }

    fn merged(&self) -> Stored {
        let mut sets = Sets::default();
        let mut entries: HashMap<ObjectId, Entry> = HashMap::with_capacity(self.stored.entries.len());
        let renumbered: Vec<u32> =
            self.stored.sets.iter().map(|set| sets.number(self.comparison.renumbered(set))).collect();
        for entry in &self.stored.entries {
            if self.comparison.holds(entry.set) {
                entries.insert(entry.id, Entry { set: renumbered[entry.set as usize], ..*entry });
            }
        }
        for notes in &self.recorded {
            let of_set = notes.number_sets(|set| sets.number(set.to_vec()));
            for entry in notes.entries() {
                entries.insert(entry.id, Entry { set: of_set[entry.set as usize], ..*entry });
            }
        }
        let mut entries: Vec<Entry> = entries.into_values().collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        Stored { catalogue: self.catalogue.clone(), sets: sets.list, entries }
    }

    fn is_left_out(&self, entry: &Entry) -> bool {
        !entry.has_match && self.comparison.holds(entry.set)
    }
}

impl Known for Cache {
    fn known(&self, id: &[u8]) -> Option<ObjectKind> {
        let bucket = bucket(id);
        let entries = &self.stored.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
        let entry = &entries[entries.binary_search_by(|entry| entry.id.as_bytes().cmp(id)).ok()?];
        self.is_left_out(entry).then_some(entry.kind)
    }
}

fn bucket(id: &[u8]) -> usize {
    usize::from(id[0]) << 8 | usize::from(id[1])
}

fn starts(entries: &[Entry]) -> Vec<u32> {
    let mut starts = vec![0; (1 << 16) + 1];
    entries.iter().for_each(|entry| starts[bucket(entry.id.as_bytes()) + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    starts
}

/// Numbers of different sets.
#[derive(Default)]
struct Sets {
    numbers: HashMap<Vec<u32>, u32>,
    list: Vec<Vec<u32>>,
}

impl Sets {
    fn number(&mut self, set: Vec<u32>) -> u32 {
        let next = self.list.len() as u32;
        *self.numbers.entry(set).or_insert_with_key(|set| {
            self.list.push(set.clone());
            next
        })
    }
}
