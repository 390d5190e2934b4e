//! What trees hold, in a number: equal for trees that hold the same of what is wanted.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use foldhash::quality::RandomState;

use super::record::{Item, Records};

/// The different contents that trees have, as far as wanted things are concerned. A content is named by one of the trees
/// that have it.
///
/// Contents are told apart by hashes of 64 bits with a secret seed: of a million, two are taken for one once in forty million
/// repositories.
pub(super) struct Sets<'r> {
    records: &'r Records,
    /// By tree; [`NOTHING`] where nothing in it is wanted.
    hashes: Vec<AtomicU64>,
    /// By hash of a content that was asked for: the tree that names it.
    trees: RefCell<HashMap<u64, u32, RandomState>>,
}

/// The content of a tree in which nothing is wanted.
const NOTHING: u64 = 0;

/// That of a tree that wasn't looked at yet.
const UNSEEN: u64 = u64::MAX;

/// So many trees are taken by a thread at once.
const SHARE: usize = 4096;

impl<'r> Sets<'r> {
    /// Cost: once over all edges, on these threads, while another does `meanwhile`.
    pub(super) fn new<T>(records: &'r Records, threads: usize, meanwhile: impl FnOnce() -> T) -> (Sets<'r>, T) {
        let hashes: Vec<AtomicU64> = (0..records.tree_count()).map(|_| AtomicU64::new(UNSEEN)).collect();
        let (seed, next) = (RandomState::default().hash_one(0), AtomicUsize::new(0));
        let done = std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| Descent::new(records, &hashes, seed).take_shares(&next));
            }
            meanwhile()
        });
        (Sets { records, hashes, trees: RefCell::default() }, done)
    }

    /// The content of a tree, by the tree that names it; `None` if there is none.
    pub(super) fn of_tree(&self, tree: u32) -> Option<u32> {
        let hash = self.hashes.get(tree as usize)?.load(Ordering::Relaxed);
        (hash != NOTHING).then(|| *self.trees.borrow_mut().entry(hash).or_insert(tree))
    }

    /// How many edges a content has at most.
    pub(super) fn size(&self, set: u32) -> usize {
        self.records.edges(set).len()
    }

    /// What stands in a content: names, and wanted things or contents.
    pub(super) fn edges(&self, set: u32) -> impl Iterator<Item = (u32, Item)> {
        self.records.edges(set).iter().filter_map(|edge| match edge.item() {
            Item::Tree(tree) => Some((edge.name(), Item::Tree(self.of_tree(tree)?))),
            item => Some((edge.name(), item)),
        })
    }
}

/// A tree that is being looked at.
struct Open {
    tree: u32,
    /// The edge that comes next.
    next: usize,
    /// Of the hashes of the edges before it.
    sum: u64,
}

/// One thread's way through the trees. No recursion: trees may be nested as deep as a repository likes.
struct Descent<'r> {
    records: &'r Records,
    hashes: &'r [AtomicU64],
    seed: u64,
    /// Bits by tree: is it in the stack? Other threads may look at the same tree, and find the same.
    is_open: Vec<u64>,
    stack: Vec<Open>,
}

impl<'r> Descent<'r> {
    fn new(records: &'r Records, hashes: &'r [AtomicU64], seed: u64) -> Descent<'r> {
        Descent { records, hashes, seed, is_open: vec![0; hashes.len().div_ceil(64)], stack: Vec::new() }
    }

    fn take_shares(&mut self, next: &AtomicUsize) {
        loop {
            let start = next.fetch_add(SHARE, Ordering::Relaxed);
            if start >= self.hashes.len() {
                return;
            }
            for tree in start..(start + SHARE).min(self.hashes.len()) {
                if self.hashes[tree].load(Ordering::Relaxed) == UNSEEN {
                    self.look_into(tree as u32);
                }
            }
        }
    }

    /// Finds the content of a tree and of all below it.
    fn look_into(&mut self, root: u32) {
        self.open(root);
        while let Some(Open { tree, next, sum }) = self.stack.pop() {
            let edges = &self.records.edges(tree)[next..];
            let mut sum = sum;
            let below = edges.iter().zip(next..).find_map(|(edge, at)| {
                let content = match edge.item() {
                    Item::Wanted(_) => edge.bits(),
                    Item::Tree(child) => match self.hashes[child as usize].load(Ordering::Relaxed) {
                        // A tree that is its own ancestor (its id is wrong, then) holds nothing there.
                        UNSEEN if self.is_open(child) => NOTHING,
                        UNSEEN => return Some((child, at)),
                        NOTHING => NOTHING,
                        hash => folded(hash ^ u64::from(edge.name())),
                    },
                };
                if content != NOTHING {
                    // The order of a tree's entries follows from their names.
                    sum = sum.wrapping_add(folded(content ^ self.seed));
                }
                None
            });
            match below {
                Some((child, next)) => {
                    self.stack.push(Open { tree, next, sum });
                    self.open(child);
                }
                None => {
                    self.hashes[tree as usize].store(if sum == UNSEEN { 1 } else { sum }, Ordering::Relaxed);
                    self.is_open[tree as usize / 64] &= !(1 << (tree % 64));
                }
            }
        }
    }

    fn open(&mut self, tree: u32) {
        self.is_open[tree as usize / 64] |= 1 << (tree % 64);
        self.stack.push(Open { tree, next: 0, sum: 0 });
    }

    fn is_open(&self, tree: u32) -> bool {
        self.is_open[tree as usize / 64] >> (tree % 64) & 1 == 1
    }
}

/// Both halves of a product, in one.
fn folded(number: u64) -> u64 {
    let product = u128::from(number) * 0xd6e8_feb8_6659_fd93;
    product as u64 ^ (product >> 64) as u64
}
