//! What one thread notes while it scans.

use std::collections::HashMap;

use super::{Entry, SOME_KEYWORD};
use crate::{
    engine::Scratch,
    model::{ObjectId, ObjectKind},
    source::Met,
};

/// Notes of one thread. Sets are numbered by each thread for itself.
#[derive(Debug, Default)]
pub(in crate::engine) struct Notes {
    /// Keywords met since something was last remembered.
    gathered: Vec<u32>,
    met: Met,
    sets: HashMap<Box<[u32]>, u32>,
    entries: Vec<Entry>,
}

impl Notes {
    /// Adds what a scan of something met.
    pub(in crate::engine) fn gather(&mut self, scratch: &Scratch, has_match: bool) {
        self.gathered.extend(scratch.hits.iter().map(|hit| hit.literal));
        // Encoded texts hold whatever they may.
        self.gathered.extend(scratch.encoded.first().map(|_| SOME_KEYWORD));
        let is_empty = scratch.hits.is_empty() && scratch.encoded.is_empty();
        let met = if is_empty { Met::Nothing } else { Met::Keywords };
        self.met = self.met.max(if has_match { Met::Matches } else { met });
    }

    /// What was gathered, which is forgotten.
    pub(in crate::engine) fn take(&mut self) -> Met {
        self.gathered.clear();
        std::mem::take(&mut self.met)
    }

    /// Notes an object that was scanned, with what was gathered and what the source says of it besides.
    pub(in crate::engine) fn remember(&mut self, id: ObjectId, kind: ObjectKind, besides: Met) {
        if besides != Met::Nothing {
            self.gathered.push(SOME_KEYWORD);
        }
        self.gathered.sort_unstable();
        self.gathered.dedup();
        let next = self.sets.len() as u32;
        let set = match self.sets.get(self.gathered.as_slice()) {
            Some(number) => *number,
            None => *self.sets.entry(self.gathered.as_slice().into()).or_insert(next),
        };
        let has_match = self.met.max(besides) == Met::Matches;
        self.entries.push(Entry { id, kind, set, has_match });
        self.take();
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Other numbers of the sets, by their numbers here.
    pub(super) fn number_sets(&self, mut number: impl FnMut(&[u32]) -> u32) -> Vec<u32> {
        let mut sets: Vec<(&[u32], u32)> = self.sets.iter().map(|(set, own)| (&**set, *own)).collect();
        sets.sort_unstable_by_key(|(_, own)| *own);
        sets.into_iter().map(|(set, _)| number(set)).collect()
    }
}
