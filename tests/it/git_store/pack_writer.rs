//! Packs written entry by entry, as git never would.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
};

use tempfile::TempDir;
use unleak::source::git::{Fault, Kind, ObjectFormat, ObjectId, WalkPlan};

use super::visits::{NEVER, Notes, objects, open};

/// Writes packs entry by entry.
pub(crate) struct PackWriter {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u32,
}

impl PackWriter {
    pub(crate) fn new() -> PackWriter {
        PackWriter { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// Offset of the next entry.
    pub(crate) fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn header(&mut self, number: u8, size: u64) {
        self.count += 1;
        let mut byte = number << 4 | (size & 15) as u8;
        let mut rest = size >> 4;
        while rest > 0 {
            self.bytes.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        self.bytes.push(byte);
    }

    pub(crate) fn deflated(&mut self, content: &[u8]) {
        let mut encoder = flate2::write::ZlibEncoder::new(&mut self.bytes, flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap();
    }

    pub(crate) fn blob(&mut self, content: &[u8]) -> u64 {
        let offset = self.offset();
        self.header(3, content.len() as u64);
        self.deflated(content);
        offset
    }

    pub(crate) fn offset_delta(&mut self, base: u64, delta: &[u8]) -> u64 {
        let offset = self.offset();
        self.header(6, delta.len() as u64);
        let mut distance = offset.wrapping_sub(base);
        let mut reversed = vec![(distance & 0x7f) as u8];
        distance >>= 7;
        while distance > 0 {
            distance -= 1;
            reversed.push((distance & 0x7f) as u8 | 0x80);
            distance >>= 7;
        }
        reversed.reverse();
        self.bytes.extend_from_slice(&reversed);
        self.deflated(delta);
        offset
    }

    pub(crate) fn id_delta(&mut self, base: &ObjectId, delta: &[u8]) -> u64 {
        let offset = self.offset();
        self.header(7, delta.len() as u64);
        self.bytes.extend_from_slice(base.as_bytes());
        self.deflated(delta);
        offset
    }

    /// Writes pack and index into a new repository.
    pub(crate) fn repository(mut self, entries: &[(ObjectId, u64)]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("objects/pack")).unwrap();
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        self.bytes.extend_from_slice(&[7; 20]);
        fs::write(dir.path().join("objects/pack/pack-a.pack"), &self.bytes).unwrap();
        fs::write(dir.path().join("objects/pack/pack-a.idx"), index_bytes(entries)).unwrap();
        dir
    }
}

/// A version 2 index with 8-byte offsets throughout, for a pack that ends with twenty sevens.
pub(crate) fn index_bytes(entries: &[(ObjectId, u64)]) -> Vec<u8> {
    let mut entries = entries.to_vec();
    entries.sort();
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let below = entries.iter().filter(|(id, _)| id.as_bytes()[0] <= first).count() as u32;
        bytes.extend_from_slice(&below.to_be_bytes());
    }
    entries.iter().for_each(|(id, _)| bytes.extend_from_slice(id.as_bytes()));
    entries.iter().for_each(|_| bytes.extend_from_slice(&[0; 4]));
    (0..entries.len() as u32).for_each(|at| bytes.extend_from_slice(&(at | 1 << 31).to_be_bytes()));
    entries.iter().for_each(|(_, offset)| bytes.extend_from_slice(&offset.to_be_bytes()));
    bytes.extend_from_slice(&[7; 20]);
    bytes.extend_from_slice(&[0; 20]);
    bytes
}

pub(crate) fn blob_id(content: &[u8]) -> ObjectId {
    ObjectFormat::Sha1.object_id(Kind::Blob, content)
}

pub(crate) fn any_id(number: u32) -> ObjectId {
    blob_id(&number.to_be_bytes())
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A delta with these sizes and instructions.
pub(crate) fn delta(base: usize, result: usize, instructions: &[u8]) -> Vec<u8> {
    [varint(base as u64), varint(result as u64), instructions.to_vec()].concat()
}

/// Faults by object, after a walk of a hand-made repository; all else must have been seen.
pub(crate) fn faults(dir: &TempDir) -> BTreeMap<ObjectId, Fault> {
    let store = open(dir.path());
    assert_eq!(store.problems(), []);
    let walked = store.walk(&WalkPlan::new(2, &NEVER), &|| Notes { is_lenient: true, ..Notes::default() });
    walked.problems.into_iter().map(|problem| (problem.object.unwrap(), problem.fault)).collect()
}

pub(crate) fn seen(dir: &TempDir) -> BTreeSet<ObjectId> {
    let walked = open(dir.path()).walk(&WalkPlan::new(1, &NEVER), &|| Notes { is_lenient: true, ..Notes::default() });
    objects(&walked).into_keys().collect()
}
