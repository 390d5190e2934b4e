//! Objects that others refer to and that aren't there: what they held can't be scanned, and nothing else tells.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{Kind, Object, ObjectId, ObjectStore};

/// So many are named; the others are counted.
const MAX_NAMED: usize = 100;

/// So many are looked up again by each thread, in case they came with a repack.
const MAX_NOTED: usize = 10_000;

/// Which objects there are, to be asked for each entry of each tree.
///
/// A look-up in the index of a pack waits for memory several times; this waits once. It keeps 32 bits of an id where 32 others
/// of it lead: an object that is missing is taken for another one once in some ten billion times.
pub(super) struct There<'s> {
    store: &'s ObjectStore,
    /// Open addressing, at most half full; 0 is nothing. Empty for a store so large that this would take too much memory.
    slots: Vec<AtomicU32>,
}

/// Stores with more objects than this are asked directly. 128 MiB of slots.
const MAX_KEPT: usize = 16 << 20;

impl<'s> There<'s> {
    /// Cost: 8 to 16 bytes of memory per object, and 15 ms for half a million on two threads. `None` for a partial clone.
    pub(super) fn new(store: &'s ObjectStore, threads: usize) -> Option<There<'s>> {
        if store.is_partial() {
            return None;
        }
        let count = store.id_count();
        let slots = if count <= MAX_KEPT { (2 * count).next_power_of_two() } else { 0 };
        let there = There { store, slots: (0..slots).map(|_| AtomicU32::new(0)).collect() };
        if slots > 0 {
            let threads = threads.max(1);
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let there = &there;
                    scope.spawn(move || store.each_id(thread, threads, |id| there.add(id)));
                }
            });
        }
        Some(there)
    }

    /// What is kept of an id, and where the search for it begins.
    fn key(&self, id: &[u8]) -> (u32, usize) {
        let word = |at: usize| id[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        (word(8) | 1, word(12) as usize & (self.slots.len() - 1))
    }

    fn add(&self, id: &[u8]) {
        let (key, mut at) = self.key(id);
        loop {
            match self.slots[at].compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(there) if there == key => return,
                Err(_) => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    fn has(&self, id: &ObjectId) -> bool {
        if self.slots.is_empty() {
            return self.store.contains(id);
        }
        let (key, mut at) = self.key(id.as_bytes());
        loop {
            match self.slots[at].load(Ordering::Relaxed) {
                0 => return false,
                there if there == key => return true,
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }
}

/// One thread's look-out for objects that are missing.
pub(super) struct LookOut<'s> {
    /// `None` where objects may be missing: a partial clone says so once for all of them.
    there: Option<&'s There<'s>>,
    absent: Vec<Absent>,
    /// Those beyond [`MAX_NOTED`].
    more: u64,
}

/// An object that wasn't there when one that refers to it was visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Absent {
    pub(super) id: ObjectId,
    /// What it should be; of what a tag refers to, that isn't known.
    pub(super) kind: Kind,
    /// What refers to it.
    pub(super) from: ObjectId,
    pub(super) from_kind: Kind,
}

/// What was missing in the end.
pub(super) struct Report {
    /// Sorted, each once.
    pub(super) named: Vec<Absent>,
    pub(super) more: u64,
}

impl<'s> LookOut<'s> {
    pub(super) fn new(there: Option<&'s There<'s>>) -> LookOut<'s> {
        LookOut { there, absent: Vec::new(), more: 0 }
    }

    /// Looks at an entry of a tree (mode, name, zero byte, id). Says whether what it names is there.
    pub(super) fn entry(&mut self, tree: &Object<'_>, entry: &[u8]) -> bool {
        // A submodule's commit is in a repository of its own.
        if entry.starts_with(b"160000 ") {
            return true;
        }
        let kind = if entry.starts_with(b"40000 ") || entry.starts_with(b"040000 ") { Kind::Tree } else { Kind::Blob };
        self.check(tree, ObjectId::copied(&entry[entry.len() - tree.id.as_bytes().len()..]), kind)
    }

    /// Looks at the header of a commit or a tag. Says whether all that it names is there.
    pub(super) fn header(&mut self, object: &Object<'_>) -> bool {
        let Some(there) = self.there else { return true };
        let is_boundary = object.kind == Kind::Commit && there.store.shallow().contains(&object.id);
        let names: &[(&[u8], Kind)] = match object.kind {
            Kind::Commit if is_boundary => &[(b"tree ", Kind::Tree)],
            Kind::Commit => &[(b"tree ", Kind::Tree), (b"parent ", Kind::Commit)],
            Kind::Tag => &[(b"object ", Kind::Commit)],
            Kind::Tree | Kind::Blob => return true,
        };
        let lines = object.content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
        let named = |line: &[u8]| {
            names.iter().find_map(|(name, kind)| Some((ObjectId::from_hex(line.strip_prefix(*name)?)?, *kind)))
        };
        let mut is_complete = true;
        for (id, kind) in lines.filter_map(named) {
            is_complete &= self.check(object, id, kind);
        }
        is_complete
    }

    fn check(&mut self, from: &Object<'_>, id: ObjectId, kind: Kind) -> bool {
        if self.there.is_none_or(|there| there.has(&id)) {
            return true;
        }
        if self.absent.len() < MAX_NOTED {
            self.absent.push(Absent { id, kind, from: from.id, from_kind: from.kind });
        } else {
            self.more += 1;
        }
        false
    }

    /// What all threads missed, less what has turned up since.
    pub(super) fn report(threads: impl Iterator<Item = LookOut<'s>>) -> Report {
        let (mut absent, mut more, mut there) = (Vec::new(), 0, None);
        for thread in threads {
            absent.extend(thread.absent);
            more += thread.more;
            there = there.or(thread.there);
        }
        absent.sort_unstable();
        absent.dedup_by_key(|absent| absent.id);
        if let Some(there) = there {
            let missing = there.store.missing(&absent.iter().map(|absent| absent.id).collect::<Vec<_>>());
            absent.retain(|absent| missing.contains(&absent.id));
        }
        more += absent.len().saturating_sub(MAX_NAMED) as u64;
        absent.truncate(MAX_NAMED);
        Report { named: absent, more }
    }
}
