//! Decoded objects kept for a while because others may hang on them, for reading one by one.

use std::collections::HashMap;

use super::{Kind, reader::Location};

/// Objects larger than this aren't kept: they would push out all others.
const MAX_ENTRY_BYTES: usize = 1 << 20;

/// What was decoded lately, in two generations: what isn't asked for while one fills up is dropped.
#[derive(Debug)]
pub(super) struct BaseCache {
    young: HashMap<Location, (Kind, Box<[u8]>)>,
    old: HashMap<Location, (Kind, Box<[u8]>)>,
    young_bytes: usize,
    max_bytes: usize,
}

impl BaseCache {
    /// Takes no more than about `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> BaseCache {
        BaseCache { young: HashMap::new(), old: HashMap::new(), young_bytes: 0, max_bytes }
    }

    pub(super) fn get(&mut self, location: Location) -> Option<(Kind, &[u8])> {
        if let Some((kind, content)) = self.old.remove(&location) {
            self.put(location, kind, content);
        }
        self.young.get(&location).map(|(kind, content)| (*kind, &content[..]))
    }

    /// Is it there?
    pub(super) fn contains(&self, location: Location) -> bool {
        self.young.contains_key(&location) || self.old.contains_key(&location)
    }

    pub(super) fn keep(&mut self, location: Location, kind: Kind, content: &[u8]) {
        if content.len() <= MAX_ENTRY_BYTES {
            self.put(location, kind, content.into());
        }
    }

    fn put(&mut self, location: Location, kind: Kind, content: Box<[u8]>) {
        if self.young_bytes > self.max_bytes / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        // The table takes some, too.
        self.young_bytes += content.len() + 128;
        self.young.insert(location, (kind, content));
    }
}
