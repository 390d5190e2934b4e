//! The delta forest of a pack: which entry is whose base.
//!
//! Made from the headers alone, in the order of offsets: an entry's node is its rank in that order. The kind of a delta
//! is that of its root, so trees of a kind that nobody wants never get inflated.

use std::{ops::Range, sync::Arc};

use super::{
    Fault, Kind, KindSet, ObjectId,
    duplicates::Duplicates,
    inflate::Inflater,
    map,
    pack::{EntryKind, Pack},
    reader::Places,
};
use crate::source::Known;

/// No parent: stored whole, or the base is in no entry of this pack.
const NO_NODE: u32 = u32::MAX;

/// What may be spent on finding the kinds of bases elsewhere: some ten million headers.
const KIND_FUEL: u64 = 1 << 30;

/// What is to be visited.
#[derive(Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) kinds: KindSet,
    pub(super) known: Option<&'a dyn Known>,
    pub(super) duplicates: &'a Duplicates,
    pub(super) threads: usize,
}

/// Entries of one pack and how they hang together.
pub(super) struct Forest {
    pub(super) pack: Arc<Pack>,
    /// Rank of the pack, by which [`Duplicates`] know it.
    pub(super) number: usize,
    /// By node, ascending.
    offsets: Vec<u64>,
    /// By node: position in the index.
    positions: Vec<u32>,
    parents: Vec<u32>,
    /// By node: number of the kind, 0 if it isn't known.
    kinds: Vec<u8>,
    /// By node: how many objects of its subtree, itself included, are to be visited.
    wanted: Vec<u32>,
    /// By node: where its children begin in `children`; one more at the end.
    child_starts: Vec<u32>,
    /// Children with something to visit below them, those of one node together, the one with most below it last.
    children: Vec<u32>,
    /// Nodes without a parent and with something to visit: blobs, then all others, each ascending.
    pub(super) roots: Vec<u32>,
    /// How many of them are blobs.
    pub(super) blob_roots: usize,
    /// Entries that can't be decoded the normal way; ascending by node. Each is a root.
    pub(super) broken: Vec<(u32, Fault)>,
    /// Deltas whose base is elsewhere; ascending by node. Each is a root.
    external: Vec<(u32, ObjectId)>,
    /// Positions of the index that don't lead to an entry of their own.
    pub(super) lost: Vec<(u32, Fault)>,
    /// Objects by kind, of any whose kind is known, without those that are visited from elsewhere.
    pub(super) found: [u64; 4],
    /// How many of them need not be visited.
    pub(super) known: [u64; 4],
    /// Bits by node: need it not be visited? Empty if that is true of none.
    left_out: Vec<u64>,
}

impl Forest {
    /// Reads all headers. Cost: the index once, a few bytes per entry of the pack; 29 bytes of memory per object.
    pub(super) fn new(number: usize, places: Places<'_>, selection: Selection<'_>) -> Forest {
        let pack = Arc::clone(&places.packs[number]);
        let mut lost = Vec::new();
        let (offsets, positions) = sorted_offsets(&pack, selection.threads, &mut lost);
        let headers = Headers::read(&pack, &offsets, selection.threads);
        let nodes = offsets.len();
        let mut forest = Forest {
            pack,
            number,
            offsets,
            positions,
            parents: headers.parents,
            kinds: headers.kinds,
            wanted: vec![0; nodes],
            child_starts: Vec::new(),
            children: Vec::new(),
            roots: Vec::new(),
            blob_roots: 0,
            broken: headers.broken,
            external: headers.external,
            lost,
            found: [0; 4],
            known: [0; 4],
            left_out: Vec::new(),
        };
        forest.find_external_kinds(places);
        let order = forest.spread_kinds();
        forest.count_wanted(&order, selection);
        forest.link_children();
        forest
    }

    pub(super) fn len(&self) -> u32 {
        self.offsets.len() as u32
    }

    pub(super) fn offset(&self, node: u32) -> u64 {
        self.offsets[node as usize]
    }

    pub(super) fn position(&self, node: u32) -> u32 {
        self.positions[node as usize]
    }

    pub(super) fn id(&self, node: u32) -> ObjectId {
        self.pack.id(self.position(node))
    }

    /// Has the id of a node fetched from memory.
    pub(super) fn prefetch_id(&self, node: u32) {
        map::prefetch(self.pack.index.id(self.position(node)));
    }

    /// Has the beginning of a node's entry fetched from memory.
    pub(super) fn prefetch_entry(&self, node: u32) {
        self.pack.data.prefetch(self.offset(node));
    }

    /// `None` if a corrupt or missing base hides it.
    pub(super) fn kind(&self, node: u32) -> Option<Kind> {
        Kind::from_number(self.kinds[node as usize])
    }

    /// The base of a delta whose base isn't in this pack.
    pub(super) fn external_base(&self, node: u32) -> Option<ObjectId> {
        let found = self.external.binary_search_by_key(&node, |&(external, _)| external).ok()?;
        Some(self.external[found].1)
    }

    /// Why an entry can't be decoded, if its header or its place in the forest already told.
    pub(super) fn fault(&self, node: u32) -> Option<&Fault> {
        let found = self.broken.binary_search_by_key(&node, |&(broken, _)| broken).ok()?;
        Some(&self.broken[found].1)
    }

    /// Number of objects to visit in a node's subtree.
    pub(super) fn wanted(&self, node: u32) -> u32 {
        self.wanted[node as usize]
    }

    /// Range of a node's children, for [`Forest::child`].
    pub(super) fn children(&self, node: u32) -> Range<u32> {
        self.child_starts[node as usize]..self.child_starts[node as usize + 1]
    }

    pub(super) fn child(&self, at: u32) -> u32 {
        self.children[at as usize]
    }

    /// Gives deltas with a base elsewhere the kind of that base. Those without one are broken.
    fn find_external_kinds(&mut self, places: Places<'_>) {
        if self.external.is_empty() {
            return;
        }
        let mut inflater = Inflater::new();
        let mut fuel = KIND_FUEL;
        let mut faults = Vec::new();
        self.external.retain(|(node, base)| match places.kind(base, &mut inflater, &mut fuel) {
            // Visited as if it were wanted; then it is seen what it is.
            Err(Fault::Exhausted) => true,
            Ok(kind) => {
                self.kinds[*node as usize] = kind as u8;
                true
            }
            Err(Fault::Missing) => {
                faults.push((*node, Fault::BaseMissing(*base)));
                false
            }
            Err(_) => {
                faults.push((*node, Fault::BaseUnreadable));
                false
            }
        });
        self.add_broken(faults);
    }

    fn add_broken(&mut self, faults: Vec<(u32, Fault)>) {
        if !faults.is_empty() {
            self.broken.extend(faults);
            self.broken.sort_unstable_by_key(|&(node, _)| node);
        }
    }

    /// Hands kinds from roots to all below them, and returns the nodes in an order in which bases come before what
    /// hangs on them. Nodes that no root reaches form cycles or hang on one: each becomes a broken root.
    fn spread_kinds(&mut self) -> Order {
        let is_ordered = self.parents.iter().zip(0..).all(|(&parent, node)| parent == NO_NODE || parent < node);
        if is_ordered {
            // Always so with offset deltas.
            for node in 0..self.parents.len() {
                if self.parents[node] != NO_NODE {
                    self.kinds[node] = self.kinds[self.parents[node] as usize];
                }
            }
            return Order::Natural;
        }
        self.fill_children(|_| true);
        let mut order: Vec<u32> = (0..self.len()).filter(|&node| self.parents[node as usize] == NO_NODE).collect();
        let mut is_reached = vec![false; self.parents.len()];
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            is_reached[node as usize] = true;
            for at in self.children(node) {
                let child = self.child(at);
                self.kinds[child as usize] = self.kinds[node as usize];
                order.push(child);
            }
        }
        let unreached = (0..self.len()).filter(|&node| !is_reached[node as usize]);
        let cycles: Vec<_> = unreached.map(|node| (node, Fault::BaseCycle)).collect();
        for (node, _) in &cycles {
            self.parents[*node as usize] = NO_NODE;
            self.kinds[*node as usize] = 0;
            order.push(*node);
        }
        self.add_broken(cycles);
        Order::Listed(order)
    }

    /// Is this node's object one that need not be visited?
    pub(super) fn is_left_out(&self, node: u32) -> bool {
        self.left_out.get(node as usize / 64).is_some_and(|bits| bits >> (node % 64) & 1 == 1)
    }

    fn find_known(&mut self, selection: Selection<'_>) {
        let Some(known) = selection.known else { return };
        let mut left_out = vec![0u64; self.offsets.len().div_ceil(64)];
        for node in 0..self.len() {
            let id = self.pack.index.id(self.position(node));
            if let Some(kind) = known.known(id)
                && selection.kinds.contains(kind)
            {
                left_out[node as usize / 64] |= 1 << (node % 64);
            }
        }
        self.left_out = left_out;
    }

    fn count_wanted(&mut self, order: &Order, selection: Selection<'_>) {
        self.find_known(selection);
        for rank in (0..self.len()).rev() {
            let node = order.get(rank);
            let kind = self.kind(node);
            let is_own = !selection.duplicates.contains(self.number, self.position(node));
            if let Some(kind) = kind
                && is_own
            {
                self.found[kind as usize - 1] += 1;
                self.known[kind as usize - 1] += u64::from(self.is_left_out(node));
            }
            // An object whose kind is unknown may be one that is wanted.
            let is_wanted = is_own && !self.is_left_out(node) && kind.is_none_or(|kind| selection.kinds.contains(kind));
            let count = self.wanted[node as usize] + u32::from(is_wanted);
            self.wanted[node as usize] = count;
            match self.parents[node as usize] {
                NO_NODE => {}
                parent => self.wanted[parent as usize] += count,
            }
        }
    }

    fn link_children(&mut self) {
        let wanted = std::mem::take(&mut self.wanted);
        self.fill_children(|node| wanted[node as usize] > 0);
        for node in 0..self.len() {
            let range = self.children(node);
            let siblings = &mut self.children[range.start as usize..range.end as usize];
            if let Some(heaviest) = (0..siblings.len()).max_by_key(|&at| wanted[siblings[at] as usize]) {
                let last = siblings.len() - 1;
                siblings.swap(heaviest, last);
            }
        }
        let is_root = |&node: &u32| self.parents[node as usize] == NO_NODE && wanted[node as usize] > 0;
        let (mut roots, others): (Vec<u32>, Vec<u32>) =
            (0..self.len()).filter(is_root).partition(|&node| self.kind(node) == Some(Kind::Blob));
        self.blob_roots = roots.len();
        roots.extend(others);
        self.roots = roots;
        self.wanted = wanted;
    }

    /// Lists children by parent: counts, sums, then places each.
    fn fill_children(&mut self, is_kept: impl Fn(u32) -> bool) {
        let is_child = |node: u32, parent: u32| parent != NO_NODE && is_kept(node);
        let mut starts = vec![0u32; self.parents.len() + 2];
        for (&parent, node) in self.parents.iter().zip(0..) {
            if is_child(node, parent) {
                starts[parent as usize + 2] += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        self.children = vec![0; starts.last().copied().unwrap_or(0) as usize];
        for (&parent, node) in self.parents.iter().zip(0..) {
            if is_child(node, parent) {
                let slot = &mut starts[parent as usize + 1];
                self.children[*slot as usize] = node;
                *slot += 1;
            }
        }
        starts.pop();
        self.child_starts = starts;
    }
}

/// Bases before what hangs on them.
enum Order {
    /// The order of offsets.
    Natural,
    Listed(Vec<u32>),
}

impl Order {
    fn get(&self, rank: u32) -> u32 {
        match self {
            Order::Natural => rank,
            Order::Listed(nodes) => nodes[rank as usize],
        }
    }
}

/// Offsets in ascending order, each with its position in the index.
fn sorted_offsets(pack: &Pack, threads: usize, lost: &mut Vec<(u32, Fault)>) -> (Vec<u64>, Vec<u32>) {
    let mut pairs: Vec<(u64, u32)> = Vec::with_capacity(pack.index.len() as usize);
    for position in 0..pack.index.len() {
        match pack.index.offset(position).filter(|&offset| offset < pack.data.len()) {
            Some(offset) => pairs.push((offset, position)),
            None => lost.push((position, Fault::OffsetOutsidePack)),
        }
    }
    let share = pairs.len().div_ceil(threads.max(1)).max(4096);
    std::thread::scope(|scope| {
        pairs.chunks_mut(share).for_each(|part| drop(scope.spawn(|| part.sort_unstable())));
    });
    // Merges the parts: it makes use of what is in order already.
    pairs.sort();
    pairs.dedup_by(|later, earlier| {
        let is_shared = later.0 == earlier.0;
        if is_shared {
            lost.push((later.1, Fault::OffsetShared(later.0)));
        }
        is_shared
    });
    pairs.into_iter().unzip()
}

/// What the headers say, by node.
#[derive(Default)]
struct Headers {
    parents: Vec<u32>,
    kinds: Vec<u8>,
    broken: Vec<(u32, Fault)>,
    external: Vec<(u32, ObjectId)>,
}

impl Headers {
    /// Reads them on several threads: each is a cache miss, often a page fault.
    fn read(pack: &Pack, offsets: &[u64], threads: usize) -> Headers {
        let share = offsets.len().div_ceil(threads.max(1)).max(4096);
        let parts: Vec<Headers> = std::thread::scope(|scope| {
            let starts = (0..offsets.len()).step_by(share);
            let running: Vec<_> = starts
                .map(|start| scope.spawn(move || Headers::read_part(pack, offsets, start..start + share)))
                .collect();
            running.into_iter().map(|thread| thread.join().expect("parsing headers doesn't panic")).collect()
        });
        parts.into_iter().fold(Headers::default(), Headers::joined)
    }

    fn joined(mut self, next: Headers) -> Headers {
        if self.parents.is_empty() {
            return next;
        }
        self.parents.extend(next.parents);
        self.kinds.extend(next.kinds);
        self.broken.extend(next.broken);
        self.external.extend(next.external);
        self
    }

    fn read_part(pack: &Pack, offsets: &[u64], range: Range<usize>) -> Headers {
        let range = range.start..range.end.min(offsets.len());
        let mut headers = Headers {
            parents: Vec::with_capacity(range.len()),
            kinds: Vec::with_capacity(range.len()),
            ..Headers::default()
        };
        for node in range {
            let (mut parent, mut number) = (NO_NODE, 0);
            match pack.data.entry(offsets[node]).map(|entry| entry.kind) {
                Ok(EntryKind::Whole(kind)) => number = kind as u8,
                Ok(EntryKind::Offset(base)) => match node_before(offsets, node, base) {
                    Some(base) => parent = base,
                    None => headers.broken.push((node as u32, Fault::BaseOffset(offsets[node]))),
                },
                Ok(EntryKind::Id(id)) => match pack.find(id).and_then(|offset| offsets.binary_search(&offset).ok()) {
                    Some(base) => parent = base as u32,
                    None => headers.external.push((node as u32, ObjectId::copied(id))),
                },
                Err(fault) => headers.broken.push((node as u32, fault)),
            }
            headers.parents.push(parent);
            headers.kinds.push(number);
        }
        headers
    }
}

/// The node at offset `base`, somewhere before `node`. Git writes a base shortly before its deltas, so the search
/// gallops backwards: half the cache misses of a binary search over all offsets.
fn node_before(offsets: &[u64], node: usize, base: u64) -> Option<u32> {
    let mut step = 1;
    while step < node && offsets[node - step] > base {
        step *= 2;
    }
    let low = node.saturating_sub(step);
    let high = node - step / 2;
    offsets[low..high].binary_search(&base).ok().map(|at| (low + at) as u32)
}
