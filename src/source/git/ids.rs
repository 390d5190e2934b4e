//! All ids of a store in one table: is an object there, and which number has it?
//!
//! Both are asked for each entry of each tree. A look-up in the index of a pack waits for memory several times, and so does
//! one in a map that threads share; this waits once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::ObjectStore;

/// Bits of a slot that hold an object's number plus one; 0 if it has none.
const NUMBER_BITS: u32 = 28;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

/// See the module.
///
/// Of an id 36 bits are kept, where some 20 others of it lead. An object that is missing is taken for another one, or two
/// that are there for the same, once in some thirty thousand repositories of a million objects.
#[derive(Debug)]
pub(super) struct IdTable {
    /// Open addressing, at most three quarters full; 0 is nothing.
    slots: Vec<AtomicU64>,
    next: AtomicU32,
}

impl IdTable {
    /// Cost: 11 to 22 bytes of memory per object, and 15 ms for half a million on two threads.
    pub(super) fn new(store: &ObjectStore, threads: usize) -> IdTable {
        let slots = (store.id_count() * 4 / 3 + 1).next_power_of_two();
        let table = IdTable { slots: (0..slots).map(|_| AtomicU64::new(0)).collect(), next: 0.into() };
        let threads = threads.max(1);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let table = &table;
                scope.spawn(move || store.each_id(thread, threads, |id| table.add(id)));
            }
        });
        table
    }

    /// Is it there?
    pub(super) fn has(&self, id: &[u8]) -> bool {
        self.find(id).is_some()
    }

    /// The number of an object, which it gets with the first such question. `None` for what isn't there.
    pub(super) fn number(&self, id: &[u8]) -> Option<u32> {
        let (at, mut slot) = self.find(id)?;
        let mut fresh = None;
        while slot & NUMBER_MASK == 0 {
            let number = *fresh.get_or_insert_with(|| self.next.fetch_add(1, Ordering::Relaxed));
            if u64::from(number) >= NUMBER_MASK {
                return None;
            }
            let numbered = slot | u64::from(number + 1);
            match self.slots[at].compare_exchange(slot, numbered, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => slot = numbered,
                // Another thread was faster: the fresh number is nobody's.
                Err(now) => slot = now,
            }
        }
        Some((slot & NUMBER_MASK) as u32 - 1)
    }

    /// The number of an object, if it has one.
    pub(super) fn known_number(&self, id: &[u8]) -> Option<u32> {
        let (_, slot) = self.find(id)?;
        ((slot & NUMBER_MASK) as u32).checked_sub(1)
    }

    /// All numbers are less than this; some may be nobody's.
    pub(super) fn numbers(&self) -> usize {
        (self.next.load(Ordering::Relaxed) as usize).min(NUMBER_MASK as usize)
    }

    /// What is kept of an id, and where the search for it begins.
    fn key(&self, id: &[u8]) -> (u64, usize) {
        let word = |at: usize| id[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        (word(4) >> NUMBER_BITS << NUMBER_BITS | 1 << 63, word(12) as usize & (self.slots.len() - 1))
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

    /// Where it stands, and what stands there.
    #[inline]
    fn find(&self, id: &[u8]) -> Option<(usize, u64)> {
        let (key, mut at) = self.key(id);
        loop {
            match self.slots[at].load(Ordering::Relaxed) {
                0 => return None,
                slot if slot & !NUMBER_MASK == key => return Some((at, slot)),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::atomic::AtomicU64};

    use super::IdTable;

    /// The `index`th id.
    fn id(index: u64) -> Vec<u8> {
        let mut id = vec![0; 20];
        let mut seed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
        for byte in &mut id {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            *byte = seed as u8;
        }
        id
    }

    #[test]
    fn numbers_are_each_ones_own_whoever_asks() {
        let table = IdTable { slots: (0..4096).map(|_| AtomicU64::new(0)).collect(), next: 0.into() };
        (0..3000).for_each(|index| table.add(&id(index)));
        assert_eq!(table.known_number(&id(5)), None);
        let ask = || (0..3000).rev().step_by(2).map(|index| (index, table.number(&id(index)).unwrap())).collect();
        let (one, other): (HashMap<u64, u32>, HashMap<u64, u32>) =
            std::thread::scope(|scope| (scope.spawn(ask).join().unwrap(), scope.spawn(ask).join().unwrap()));
        assert_eq!(one, other);
        let mut numbers: Vec<u32> = one.values().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 1500);
        assert!(numbers.iter().all(|number| (*number as usize) < table.numbers()));
        assert_eq!(table.known_number(&id(2999)), Some(one[&2999]));
        for index in 3000..9000 {
            assert!(!table.has(&id(index)) && table.number(&id(index)).is_none(), "{index}");
        }
        assert!((0..3000).all(|index| table.has(&id(index))));
    }
}
