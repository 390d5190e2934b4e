//! Objects that others refer to and that aren't there: what they held can't be scanned, and nothing else tells.

use std::collections::{BTreeSet, HashSet};

use foldhash::quality::RandomState;

use super::{Kind, Object, ObjectId, ObjectStore, ids::IdTable};

/// So many are named; the others are counted.
pub(super) const MAX_NAMED: usize = 100;

/// So many are looked up again by each thread, in case they came with a repack.
const MAX_NOTED: usize = 10_000;

/// One thread's look-out for objects that are missing.
pub(super) struct LookOut<'s> {
    store: &'s ObjectStore,
    there: &'s IdTable,
    absent: Vec<Absent>,
    /// Those beyond [`MAX_NOTED`].
    more: u64,
    promised: Promised,
    /// What referred to a missing object last, and whether a promisor remote sent it.
    last_from: Option<(ObjectId, bool)>,
}

/// What the remote of a partial clone keeps.
#[derive(Default)]
struct Promised {
    /// The beginnings of all ids: a clone without blobs misses millions.
    ids: HashSet<u64, RandomState>,
    /// The smallest ids.
    named: BTreeSet<Absent>,
}

impl Promised {
    fn key(id: &ObjectId) -> u64 {
        id.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn add(&mut self, absent: Absent) {
        if !self.ids.insert(Promised::key(&absent.id)) {
            return;
        }
        if self.named.len() < MAX_NAMED || self.named.last().is_some_and(|last| absent < *last) {
            self.named.insert(absent);
            if self.named.len() > MAX_NAMED {
                self.named.pop_last();
            }
        }
    }
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
#[derive(Default)]
pub(super) struct Report {
    /// What should be here.
    pub(super) lost: Missing,
    /// What the remote of a partial clone keeps.
    pub(super) promised: Missing,
}

/// Missing objects.
#[derive(Default)]
pub(super) struct Missing {
    /// Sorted, each once.
    pub(super) named: Vec<Absent>,
    /// How many there are besides.
    pub(super) more: u64,
}

impl Missing {
    fn new(mut absent: Vec<Absent>, more: u64) -> Missing {
        absent.sort_unstable();
        absent.dedup_by_key(|absent| absent.id);
        let more = more + absent.len().saturating_sub(MAX_NAMED) as u64;
        absent.truncate(MAX_NAMED);
        Missing { named: absent, more }
    }
}

impl Report {
    /// Is this object named?
    pub(super) fn names(&self, id: &ObjectId) -> bool {
        self.lost.named.iter().chain(&self.promised.named).any(|absent| absent.id == *id)
    }
}

impl<'s> LookOut<'s> {
    pub(super) fn new(store: &'s ObjectStore, ids: &'s IdTable) -> LookOut<'s> {
        let promised = Promised::default();
        LookOut { store, there: ids, absent: Vec::new(), more: 0, promised, last_from: None }
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
        let is_boundary = object.kind == Kind::Commit && self.store.shallow().contains(&object.id);
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
        if self.there.has(id.as_bytes()) {
            return true;
        }
        let absent = Absent { id, kind, from: from.id, from_kind: from.kind };
        if self.store.is_partial() && self.is_promised_by(&from.id) {
            self.promised.add(absent);
        } else if self.absent.len() < MAX_NOTED {
            self.absent.push(absent);
        } else {
            self.more += 1;
        }
        false
    }

    fn is_promised_by(&mut self, from: &ObjectId) -> bool {
        let known = self.last_from.filter(|(last, _)| last == from);
        let (_, is_promised) =
            *self.last_from.insert(known.unwrap_or_else(|| (*from, self.store.is_promised_by(from))));
        is_promised
    }

    /// What all threads missed, less what has turned up since.
    pub(super) fn report(threads: impl Iterator<Item = LookOut<'s>>) -> Report {
        let (mut absent, mut more, mut store) = (Vec::new(), 0, None);
        let (mut ids, mut named) = (HashSet::<u64, RandomState>::default(), Vec::new());
        for thread in threads {
            absent.extend(thread.absent);
            more += thread.more;
            store = Some(thread.store);
            ids.extend(thread.promised.ids);
            named.extend(thread.promised.named);
        }
        let Some(store) = store else { return Report::default() };
        // What a commit made here refers to may be promised by another object.
        absent.retain(|absent| !ids.contains(&Promised::key(&absent.id)));
        let missing_ids = absent.iter().chain(&named).map(|absent| absent.id).collect::<Vec<_>>();
        let missing = store.missing(&missing_ids);
        absent.retain(|absent| missing.contains(&absent.id));
        named.retain(|absent| missing.contains(&absent.id));
        let mut promised = Missing::new(named, 0);
        promised.more = if promised.named.len() < MAX_NAMED { 0 } else { (ids.len() - MAX_NAMED) as u64 };
        Report { lost: Missing::new(absent, more), promised }
    }
}
