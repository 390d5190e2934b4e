//! Which objects stand in several packs: each is to be visited once.

use std::{collections::HashSet, sync::Arc};

use super::{ObjectId, pack::Pack};

/// By pack and position of its index: is the object visited from elsewhere?
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    /// Bits; empty for a pack without duplicates.
    bits: Vec<Vec<u64>>,
}

/// What earlier rounds of a walk have visited: some packs and loose objects, but for the objects that `failed`.
pub(super) struct Earlier<'a> {
    /// How many of the packs, from the first.
    pub(super) packs: usize,
    /// Loose objects, sorted.
    pub(super) loose: &'a [ObjectId],
    /// What could not be read then.
    pub(super) failed: &'a HashSet<ObjectId>,
}

impl Duplicates {
    /// Compares the indexes, one first byte at a time, so that memory stays small and in cache. The first pack that has
    /// an object keeps it. Cost: about 100 ns per object; nothing for a single pack.
    pub(super) fn find(packs: &[Arc<Pack>], earlier: Option<&Earlier<'_>>) -> Duplicates {
        let mut found = Duplicates { bits: vec![Vec::new(); packs.len()] };
        if packs.len() < 2 && earlier.is_none() {
            return found;
        }
        let mut entries: Vec<(u64, usize, u32)> = Vec::new();
        for first in 0..=255u8 {
            entries.clear();
            for (number, pack) in packs.iter().enumerate() {
                entries.extend(pack.index.bucket(first).map(|at| (prefix(pack.index.id(at)), number, at)));
            }
            let id = |&(_, number, at): &(u64, usize, u32)| packs[number].index.id(at);
            entries.sort_unstable_by(|a, b| {
                a.0.cmp(&b.0).then_with(|| id(a).cmp(id(b))).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
            });
            for copies in entries.chunk_by(|a, b| a.0 == b.0 && id(a) == id(b)) {
                found.mark(packs, copies, earlier);
            }
        }
        found
    }

    /// `copies` of one object, by rank of their packs.
    fn mark(&mut self, packs: &[Arc<Pack>], copies: &[(u64, usize, u32)], earlier: Option<&Earlier<'_>>) {
        if copies.len() < 2 && earlier.is_none() {
            return;
        }
        let (_, first, at) = copies[0];
        let id = packs[first].id(at);
        let has_failed = earlier.is_some_and(|earlier| earlier.failed.contains(&id));
        let earlier_packs = earlier.map_or(0, |earlier| earlier.packs);
        let was_loose = earlier.is_some_and(|earlier| earlier.loose.binary_search(&id).is_ok());
        let mut is_visited = was_loose && !has_failed;
        for &(_, number, at) in copies {
            if is_visited {
                self.set(number, at, packs[number].index.len());
            }
            is_visited |= number >= earlier_packs || !has_failed;
        }
    }

    fn set(&mut self, pack: usize, position: u32, len: u32) {
        let bits = &mut self.bits[pack];
        if bits.is_empty() {
            bits.resize(len.div_ceil(64) as usize, 0);
        }
        bits[position as usize / 64] |= 1 << (position % 64);
    }

    /// Is the object at this position visited from elsewhere?
    pub(super) fn contains(&self, pack: usize, position: u32) -> bool {
        self.bits[pack].get(position as usize / 64).is_some_and(|bits| bits & 1 << (position % 64) != 0)
    }
}

fn prefix(id: &[u8]) -> u64 {
    u64::from_be_bytes(id[..8].try_into().expect("an id is 20 or 32 bytes long"))
}
