//! Objects that others refer to and that aren't there: what they held can't be scanned, and nothing else tells.

use super::{Kind, Object, ObjectId, ObjectStore, ids::IdTable};

/// So many are named; the others are counted.
const MAX_NAMED: usize = 100;

/// So many are looked up again by each thread, in case they came with a repack.
const MAX_NOTED: usize = 10_000;

/// One thread's look-out for objects that are missing.
pub(super) struct LookOut<'s> {
    store: &'s ObjectStore,
    /// `None` where objects may be missing: a partial clone says so once for all of them.
    there: Option<&'s IdTable>,
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
    pub(super) fn new(store: &'s ObjectStore, ids: &'s IdTable) -> LookOut<'s> {
        let there = (!store.is_partial()).then_some(ids);
        LookOut { store, there, absent: Vec::new(), more: 0 }
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
        if self.there.is_none() {
            return true;
        }
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
        if self.there.is_none_or(|there| there.has(id.as_bytes())) {
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
        let (mut absent, mut more, mut store) = (Vec::new(), 0, None);
        for thread in threads {
            absent.extend(thread.absent);
            more += thread.more;
            store = Some(thread.store);
        }
        absent.sort_unstable();
        absent.dedup_by_key(|absent| absent.id);
        if let Some(store) = store {
            let missing = store.missing(&absent.iter().map(|absent| absent.id).collect::<Vec<_>>());
            absent.retain(|absent| missing.contains(&absent.id));
        }
        more += absent.len().saturating_sub(MAX_NAMED) as u64;
        absent.truncate(MAX_NAMED);
        Report { named: absent, more }
    }
}
