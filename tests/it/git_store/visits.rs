//! A visitor that notes everything, and the comparison with git.

use std::{collections::BTreeMap, io::Read, path::Path, sync::atomic::AtomicBool};

use unleak::source::git::{
    Delta, Kind, KindSet, LargeObject, Object, ObjectId, ObjectStore, Op, Visitor, WalkPlan, Walked,
};

use super::repositories::objects_by_git;

/// Kind, size and digest of content, by id.
pub(super) type Objects = BTreeMap<ObjectId, (Kind, u64, blake3::Hash)>;

/// Notes every object, and holds each delta to its contract.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) seen: Vec<(ObjectId, Kind, u64, blake3::Hash)>,
    pub(super) deltas: usize,
    pub(super) large: usize,
    /// Problems may follow; then content need not be right.
    pub(super) is_lenient: bool,
}

impl Visitor for Notes {
    type State = blake3::Hash;

    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, blake3::Hash>>) -> blake3::Hash {
        let digest = blake3::hash(object.content);
        if let Some(delta) = delta {
            self.deltas += 1;
            assert_eq!(*delta.state, blake3::hash(delta.base), "the state is that of the base");
            assert_eq!(remade(&delta, object.content), object.content, "the steps make the object");
        }
        self.seen.push((object.id, object.kind, object.content.len() as u64, digest));
        digest
    }

    fn visit_large(&mut self, object: &LargeObject, content: &mut dyn Read) {
        self.large += 1;
        let mut bytes = Vec::new();
        let read = content.take(1 << 26).read_to_end(&mut bytes);
        assert!(self.is_lenient || read.is_ok());
        self.seen.push((object.id, object.kind, object.size, blake3::hash(&bytes)));
    }
}

/// What the steps yield, inserted bytes taken from `content`.
pub(super) fn remade(delta: &Delta<'_, blake3::Hash>, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for op in delta.ops {
        match *op {
            Op::Copy { from, to, len } => {
                assert_eq!(to as usize, bytes.len());
                bytes.extend_from_slice(&delta.base[from as usize..][..len as usize]);
            }
            Op::Insert { to, len } => {
                assert_eq!(to as usize, bytes.len());
                bytes.extend_from_slice(&content[to as usize..][..len as usize]);
            }
        }
    }
    bytes
}

pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

pub(super) fn plan(threads: usize) -> WalkPlan<'static> {
    WalkPlan { verify: true, ..WalkPlan::new(threads, &NEVER) }
}

pub(super) fn walk(store: &ObjectStore, plan: &WalkPlan<'_>) -> Walked<Notes> {
    store.walk(plan, &Notes::default)
}

/// All that was seen; fails if anything was seen twice.
pub(super) fn objects(walked: &Walked<Notes>) -> Objects {
    let mut objects = Objects::new();
    for notes in &walked.visitors {
        for &(id, kind, size, digest) in &notes.seen {
            assert!(objects.insert(id, (kind, size, digest)).is_none(), "{id} was visited twice");
        }
    }
    objects
}

pub(super) fn open(path: &Path) -> ObjectStore {
    ObjectStore::open(path).unwrap()
}

/// Walks in several ways and holds each against git.
pub(super) fn assert_equals_git(repository: &Path) {
    let expected = objects_by_git(repository);
    assert!(!expected.is_empty());
    let store = open(repository);
    assert_eq!(store.problems(), []);
    for threads in [1, 3] {
        let walked = walk(&store, &plan(threads));
        assert_eq!(walked.problems, []);
        assert_eq!(objects(&walked), expected);
        assert_eq!(walked.counts.visited, walked.counts.found);
    }
    // No memory to keep bases in: they are decoded again, with the same result.
    let walked = walk(&store, &WalkPlan { max_held_bytes: 0, ..plan(2) });
    assert_eq!((objects(&walked) == expected, walked.problems), (true, vec![]));
    for kinds in [KindSet::BLOBS, KindSet::HISTORY] {
        let walked = walk(&store, &WalkPlan { kinds, ..plan(2) });
        let wanted: Objects =
            expected.iter().filter(|(_, object)| kinds.contains(object.0)).map(|(id, object)| (*id, *object)).collect();
        assert_eq!((objects(&walked) == wanted, walked.problems), (true, vec![]));
    }
    let mut reader = store.reader(1 << 26);
    for (id, &(kind, _, digest)) in &expected {
        assert!(store.contains(id));
        assert_eq!(reader.kind(id), Ok(kind));
        let (read_kind, content) = reader.read(id).unwrap();
        assert_eq!((read_kind, blake3::hash(content)), (kind, digest));
    }
}
