//! The index of a pack that has none, or an unusable one: reads the pack from front to back, then decodes everything to
//! learn the ids.
//!
//! Slower than a walk (every object is hashed, on one thread) and rare: git itself doesn't see such packs.

use std::{collections::HashMap, io::Read as _};

use flate2::bufread::ZlibDecoder;

use super::{
    Fault, Kind, ObjectId, StoreProblem,
    buffer::Buffer,
    decoder::Decoder,
    id::ObjectHasher,
    index::Index,
    pack::{EntryKind, HEADER_BYTES, PackData},
    reader::Places,
};

/// Bases kept at once. Beyond it subtrees are given up: their size isn't known here, so the order that bounds a walk's
/// memory can't be had.
const MAX_HELD_BYTES: usize = 256 << 20;
/// Bytes produced for one pack, against deltas that blow up: about ten minutes' worth.
const MAX_TOTAL_BYTES: u64 = if cfg!(fuzzing) { 256 << 20 } else { 512 << 30 };
const MAX_OBJECT_BYTES: usize = if cfg!(fuzzing) { 1 << 20 } else { 128 << 20 };

/// Indexes a pack. Entries that can't be decoded become problems and are left out.
pub(super) fn index(pack: &PackData, places: Places<'_>, problems: &mut Vec<StoreProblem>) -> Index {
    let mut indexer = Indexer {
        pack,
        offsets: Vec::new(),
        by_offset: HashMap::new(),
        by_id: HashMap::new(),
        ids: Vec::new(),
        decoder: Decoder::new(MAX_OBJECT_BYTES),
        total: 0,
    };
    let wholes = indexer.scan(problems);
    indexer.ids = vec![None; indexer.offsets.len()];
    for (node, kind) in wholes {
        indexer.tree(node, kind);
    }
    indexer.external_trees(places);
    let mut entries = Vec::with_capacity(indexer.offsets.len());
    for (id, &offset) in indexer.ids.iter().zip(&indexer.offsets) {
        match id {
            Some(id) => entries.push((*id, offset)),
            None => problems.push(StoreProblem::file(&pack.path, Fault::EntryUnreadable(offset))),
        }
    }
    Index::build(&mut entries, pack.format.id_len(), pack.trailer())
}

/// A base and the nodes of the deltas against it that are left.
type Frame = (Kind, Buffer, Vec<u32>);

struct Indexer<'p> {
    pack: &'p PackData,
    /// By node.
    offsets: Vec<u64>,
    /// Deltas that wait for the entry at an offset.
    by_offset: HashMap<u64, Vec<u32>>,
    /// Deltas that wait for an id.
    by_id: HashMap<ObjectId, Vec<u32>>,
    /// By node.
    ids: Vec<Option<ObjectId>>,
    decoder: Decoder,
    total: u64,
}

impl<'p> Indexer<'p> {
    /// Finds all entries, whatever number the header says; returns those stored whole.
    fn scan(&mut self, problems: &mut Vec<StoreProblem>) -> Vec<(u32, Kind)> {
        let mut wholes = Vec::new();
        let mut sink = vec![0; 64 << 10];
        let mut offset = HEADER_BYTES;
        while offset + (self.pack.format.id_len() as u64) < self.pack.len() {
            let Ok((kind, end)) = self.scan_entry(offset, &mut sink) else {
                problems.push(StoreProblem::file(&self.pack.path, Fault::EntryUnreadable(offset)));
                break;
            };
            let node = self.offsets.len() as u32;
            self.offsets.push(offset);
            match kind {
                EntryKind::Whole(kind) => wholes.push((node, kind)),
                EntryKind::Offset(base) => self.by_offset.entry(base).or_default().push(node),
                EntryKind::Id(base) => self.by_id.entry(ObjectId::copied(base)).or_default().push(node),
            }
            offset = end;
        }
        let found = self.offsets.len() as u32;
        if found != self.pack.count {
            let fault = Fault::CountMismatch { pack: self.pack.count, index: found };
            problems.push(StoreProblem::file(&self.pack.path, fault));
        }
        wholes
    }

    fn scan_entry(&mut self, offset: u64, sink: &mut [u8]) -> Result<(EntryKind<'p>, u64), Fault> {
        let pack: &'p PackData = self.pack;
        let entry = pack.entry(offset)?;
        let compressed = self.decoder.inflater.measure(entry.compressed, entry.size, sink)?;
        Ok((entry.kind, self.pack.len() - entry.compressed.len() as u64 + compressed))
    }

    /// Hashes an object that is stored whole, and all that hangs on it.
    fn tree(&mut self, node: u32, kind: Kind) {
        let Ok(entry) = self.pack.entry(self.offsets[node as usize]) else { return };
        if entry.size > MAX_OBJECT_BYTES as u64 {
            self.ids[node as usize] = self.streamed_id(kind, entry.size, entry.compressed);
            return;
        }
        let Ok(content) = self.decoder.whole(&entry) else { return };
        let mut stack = Vec::new();
        self.settle(node, kind, content, &mut stack);
        self.descend(stack);
    }

    fn streamed_id(&self, kind: Kind, size: u64, compressed: &[u8]) -> Option<ObjectId> {
        let mut hasher = ObjectHasher::new(self.pack.format, kind, size);
        let mut content = ZlibDecoder::new(compressed);
        let mut piece = vec![0; 64 << 10];
        loop {
            match content.read(&mut piece).ok()? {
                0 => return Some(hasher.finish()),
                count => hasher.update(&piece[..count]),
            }
        }
    }

    /// What hangs on objects elsewhere in the store.
    fn external_trees(&mut self, places: Places<'_>) {
        let mut bases: Vec<ObjectId> = self.by_id.keys().copied().collect();
        bases.sort_unstable();
        for base in bases {
            // It may have turned up in this pack meanwhile, below another such base.
            let Some(children) = self.by_id.remove(&base) else { continue };
            if let Ok((kind, content)) = places.read(&base, None, &mut self.decoder) {
                self.descend(vec![(kind, content, children)]);
            }
        }
    }

    fn descend(&mut self, mut stack: Vec<Frame>) {
        while let Some((kind, base, mut children)) = stack.pop() {
            let Some(child) = children.pop() else { continue };
            let decoded = self.decoder.derived(self.pack, self.offsets[child as usize], &base);
            if children.is_empty() {
                self.decoder.pool.give(base);
            } else {
                stack.push((kind, base, children));
            }
            if let Ok(content) = decoded {
                self.settle(child, kind, content, &mut stack);
            }
        }
    }

    /// Notes the id of a decoded object and stacks it if deltas wait for it.
    fn settle(&mut self, node: u32, kind: Kind, content: Buffer, stack: &mut Vec<Frame>) {
        self.total += content.len() as u64;
        let id = self.pack.format.object_id(kind, &content);
        self.ids[node as usize] = Some(id);
        let mut children = self.by_offset.remove(&self.offsets[node as usize]).unwrap_or_default();
        children.extend(self.by_id.remove(&id).unwrap_or_default());
        let held: usize = stack.iter().map(|(_, base, _)| base.capacity()).sum();
        if children.is_empty() || held > MAX_HELD_BYTES || self.total > MAX_TOTAL_BYTES {
            self.decoder.pool.give(content);
        } else {
            stack.push((kind, content, children));
        }
    }
}
