//! What trees hold, as numbers.

use std::{collections::HashMap, hash::BuildHasher};

use foldhash::quality::RandomState;

use super::record::{Edge, Item, Records};

/// The different contents that trees have, as far as wanted things are concerned. Number 0 is nothing. In the edges of a
/// content, `Item::Tree` is the number of a content, not of a tree.
pub(super) struct Sets {
    /// Of all contents, one after the other.
    edges: Vec<Edge>,
    /// By content: where its edges end.
    ends: Vec<usize>,
    /// By tree.
    of_tree: Vec<u32>,
}

/// What is known of a tree so far.
const UNSEEN: u32 = u32::MAX;
const OPEN: u32 = u32::MAX - 1;

/// A tree that is being looked at.
struct Open {
    tree: u32,
    /// The edge that comes next.
    next: usize,
    /// Where the edges begin that were found so far.
    start: usize,
}

impl Sets {
    /// Cost: once over all edges. No recursion: trees may be nested as deep as a repository likes.
    pub(super) fn new(records: &Records) -> Sets {
        let mut numbers = Numbers::default();
        let mut sets = Sets { edges: Vec::new(), ends: vec![0], of_tree: vec![UNSEEN; records.tree_count()] };
        let mut stack: Vec<Open> = Vec::new();
        // Of all trees in the stack, one after the other.
        let mut found = Vec::new();
        for root in 0..records.tree_count() as u32 {
            if sets.of_tree[root as usize] == UNSEEN {
                stack.push(sets.open(root, &found));
            }
            while let Some(Open { tree, next, start }) = stack.last_mut() {
                let edges = &records.edges(*tree)[*next..];
                match edges.iter().position(|edge| sets.take(edge, &mut found).is_err()) {
                    Some(step) => {
                        *next += step;
                        if let Item::Tree(child) = edges[step].item() {
                            stack.push(sets.open(child, &found));
                        }
                    }
                    None => {
                        sets.of_tree[*tree as usize] = sets.number(&found[*start..], &mut numbers);
                        found.truncate(*start);
                        stack.pop();
                    }
                }
            }
        }
        sets
    }

    fn open(&mut self, tree: u32, found: &[Edge]) -> Open {
        self.of_tree[tree as usize] = OPEN;
        Open { tree, next: 0, start: found.len() }
    }

    /// Adds an edge with the content that its tree has; nothing if there is none. A tree that is its own ancestor (its id
    /// is wrong, then) holds nothing there. An error if the tree wasn't looked at yet.
    fn take(&self, edge: &Edge, found: &mut Vec<Edge>) -> Result<(), ()> {
        match edge.item() {
            Item::Wanted(_) => found.push(*edge),
            Item::Tree(tree) => match self.of_tree[tree as usize] {
                UNSEEN => return Err(()),
                0 | OPEN => {}
                set => found.push(Edge::new(edge.name(), Item::Tree(set))),
            },
        }
        Ok(())
    }

    fn number(&mut self, content: &[Edge], numbers: &mut Numbers) -> u32 {
        if content.is_empty() {
            return 0;
        }
        let number = self.ends.len() as u32;
        let known = numbers.number(content, number, |known| self.edges(known) == content);
        if known == number {
            self.edges.extend_from_slice(content);
            self.ends.push(self.edges.len());
        }
        known
    }

    /// The content of a tree.
    pub(super) fn of_tree(&self, tree: u32) -> u32 {
        self.of_tree.get(tree as usize).copied().unwrap_or(0)
    }

    /// What stands in a content.
    pub(super) fn edges(&self, set: u32) -> &[Edge] {
        let start = set.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.edges[start..self.ends[set as usize]]
    }

    /// How many contents there are, nothing included.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Numbers of contents, by their hashes alone: the contents stand in [`Sets`].
#[derive(Default)]
struct Numbers {
    known: HashMap<u64, u32, RandomState>,
    seed: RandomState,
}

impl Numbers {
    /// The number of a content, `fresh` if it is new; `is` tells whether a number is its.
    fn number(&mut self, content: &[Edge], fresh: u32, is: impl Fn(u32) -> bool) -> u32 {
        let start = self.seed.hash_one(content.len());
        let places = (0..).map(|index: u64| start.wrapping_add(index.wrapping_mul(STEP)));
        let mixed = content.iter().zip(places).map(|(edge, place)| folded(edge.bits() ^ place));
        let mut hash = mixed.fold(0, u64::wrapping_add);
        loop {
            hash = self.seed.hash_one(hash);
            match self.known.entry(hash).or_insert(fresh) {
                // Another content has this hash, once in a life.
                number if *number != fresh && !is(*number) => {}
                number => return *number,
            }
        }
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Both halves of a product, in one.
fn folded(number: u64) -> u64 {
    let product = u128::from(number) * 0xd6e8_feb8_6659_fd93;
    product as u64 ^ (product >> 64) as u64
}
