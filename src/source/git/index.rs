//! Pack indexes, versions 1 and 2: from object id to offset in the pack.
//!
//! All of it is hostile input. [`Index::parse`] checks once what every later access relies on: table sizes, a fan-out
//! that doesn't decrease, ids in order. Offsets are checked by whoever uses them.

use std::ops::Deref;

use memmap2::Mmap;

use super::{IndexFault, ObjectFormat, ObjectId};

const MAGIC: &[u8] = b"\xfftOc";
const FAN_OUT_BYTES: usize = 256 * 4;

/// The bytes of an index: a file, or built here for a pack that has none.
#[derive(Debug)]
pub(super) enum IndexBytes {
    Map(Mmap),
    Built(Vec<u8>),
}

impl Deref for IndexBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            IndexBytes::Map(map) => map,
            IndexBytes::Built(bytes) => bytes,
        }
    }
}

/// A checked index. Positions are ranks in the order of ids, from 0 to `len`.
#[derive(Debug)]
pub(super) struct Index {
    bytes: IndexBytes,
    /// Where the first id stands, and from one to the next.
    ids: usize,
    stride: usize,
    /// Where the first 4-byte offset stands, and from one to the next.
    offsets: usize,
    offset_stride: usize,
    /// Where the 8-byte offsets begin and end (version 2; else empty).
    large: (usize, usize),
    id_len: usize,
    len: u32,
    fan_out: Box<[u32; 256]>,
}

/// How far from where it is expected an id is looked for first: two deviations in a bucket of a pack with half a million
/// objects.
const NEARBY: u32 = 90;

impl Index {
    /// Checks and wraps the bytes of an index file. Cost: one pass over the ids.
    pub(super) fn parse(bytes: IndexBytes, id_len: usize) -> Result<Index, IndexFault> {
        let is_v2 = bytes.starts_with(MAGIC);
        let table = if is_v2 { 8 } else { 0 };
        if is_v2 && bytes.get(4..8).ok_or(IndexFault::Truncated)? != [0, 0, 0, 2] {
            return Err(IndexFault::Version);
        }
        let table_bytes = bytes.get(table..table + FAN_OUT_BYTES).ok_or(IndexFault::Truncated)?;
        let mut fan_out = Box::new([0; 256]);
        for (slot, value) in fan_out.iter_mut().zip(table_bytes.chunks_exact(4)) {
            *slot = be32(value);
        }
        if !fan_out.is_sorted() {
            return Err(IndexFault::FanOut);
        }
        let len = fan_out[255];
        let count = len as usize;
        let ids = table + FAN_OUT_BYTES;
        // After the last table stand the pack's checksum and the index's own.
        let tables_end = bytes.len().checked_sub(2 * id_len).ok_or(IndexFault::Truncated)?;
        let index = if is_v2 {
            let offsets = ids + count * (id_len + 4);
            let large = (offsets + count * 4, tables_end);
            Index { bytes, ids, stride: id_len, offsets, offset_stride: 4, large, id_len, len, fan_out }
        } else {
            let stride = id_len + 4;
            let large = (ids + count * stride, ids + count * stride);
            Index { bytes, ids: ids + 4, stride, offsets: ids, offset_stride: stride, large, id_len, len, fan_out }
        };
        if index.large.0 > tables_end {
            return Err(IndexFault::Truncated);
        }
        if index.is_sorted() { Ok(index) } else { Err(IndexFault::Order) }
    }

    /// Makes the index of a pack that has none. Sorts `entries`.
    pub(super) fn build(entries: &mut [(ObjectId, u64)], id_len: usize, pack_checksum: &[u8]) -> Index {
        entries.sort_unstable();
        let mut bytes = Vec::with_capacity(8 + FAN_OUT_BYTES + entries.len() * (id_len + 16) + 2 * id_len);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&2u32.to_be_bytes());
        for first in 0..=255u8 {
            let below = entries.partition_point(|(id, _)| id.as_bytes()[0] <= first);
            bytes.extend_from_slice(&(below as u32).to_be_bytes());
        }
        for (id, _) in entries.iter() {
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes.resize(bytes.len() + 4 * entries.len(), 0);
        for at in 0..entries.len() as u32 {
            bytes.extend_from_slice(&(at | LARGE).to_be_bytes());
        }
        for (_, offset) in entries.iter() {
            bytes.extend_from_slice(&offset.to_be_bytes());
        }
        // Of a pack that is cut off behind its header there is less than a checksum.
        let tables_end = bytes.len();
        bytes.extend_from_slice(pack_checksum);
        bytes.resize(tables_end + 2 * id_len, 0);
        Index::parse(IndexBytes::Built(bytes), id_len).expect("written just above, sorted, with all its tables")
    }

    fn is_sorted(&self) -> bool {
        // The first eight bytes nearly always tell, and are one comparison of numbers.
        let head = |id: &[u8]| id.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight));
        let (mut before, mut head_before): (&[u8], u64) = (&[], 0);
        let mut at = 0;
        (0..=255u8).zip(self.fan_out.iter()).all(|(first, &end)| {
            (std::mem::replace(&mut at, end)..end).all(|position| {
                let id = self.id(position);
                let head = head(id);
                let is_after = head_before < head || head_before == head && before <= id;
                (before, head_before) = (id, head);
                id[0] == first && is_after
            })
        })
    }

    /// Has a file the checksum that stands in it? Cost: one pass over it.
    pub(super) fn is_intact(&self, format: ObjectFormat) -> bool {
        match &self.bytes {
            IndexBytes::Map(file) => format.ends_with_checksum(file),
            IndexBytes::Built(_) => true,
        }
    }

    /// Number of objects.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The id at a position less than `len`.
    pub(super) fn id(&self, position: u32) -> &[u8] {
        let start = self.ids + position as usize * self.stride;
        &self.bytes[start..start + self.id_len]
    }

    /// The offset at a position less than `len`; `None` if it lies outside the table of large offsets.
    pub(super) fn offset(&self, position: u32) -> Option<u64> {
        let start = self.offsets + position as usize * self.offset_stride;
        let offset = be32(&self.bytes[start..start + 4]);
        if self.large.0 == self.large.1 || offset & LARGE == 0 {
            // Version 1 uses all 32 bits; so does a version 2 without large offsets, which then fails as outside.
            return Some(offset.into());
        }
        let start = self.large.0 + (offset & !LARGE) as usize * 8;
        let bytes = self.bytes[..self.large.1].get(start..start + 8)?;
        Some(u64::from_be_bytes(bytes.try_into().expect("cut 8 long")))
    }

    /// The position of an id.
    pub(super) fn find(&self, id: &[u8]) -> Option<u32> {
        let range = self.bucket(*id.first()?);
        let (mut low, mut high) = (range.start, range.end);
        if let Some(next) = id.get(1..5).and_then(<[u8]>::first_chunk) {
            // Ids are spread evenly, so most stand near where they are expected. If not, nothing is lost.
            let share = u64::from(u32::from_be_bytes(*next));
            let expected = low + ((share * u64::from(high - low)) >> 32) as u32;
            let (before, after) = (expected.saturating_sub(NEARBY), expected.saturating_add(NEARBY));
            if before > low && self.id(before) <= id {
                low = before;
            }
            if after < high && self.id(after) > id {
                high = after;
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle).cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The first position whose id is not less than `id`, which is whole; `len` if there is none.
    pub(super) fn lower_bound(&self, id: &[u8]) -> u32 {
        let range = self.bucket(id[0]);
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.id(middle) < id { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Positions of the ids that begin with this byte.
    pub(super) fn bucket(&self, first: u8) -> std::ops::Range<u32> {
        let start = first.checked_sub(1).map_or(0, |before| self.fan_out[usize::from(before)]);
        start..self.fan_out[usize::from(first)]
    }

    /// The checksum with which the pack must end.
    pub(super) fn pack_checksum(&self) -> &[u8] {
        let start = self.bytes.len() - 2 * self.id_len;
        &self.bytes[start..start + self.id_len]
    }
}

/// Marks a 4-byte offset as a position in the table of large ones.
const LARGE: u32 = 1 << 31;

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::{Index, IndexBytes};
    use crate::source::git::{IndexFault, ObjectId};

    fn id(first: u8, last: u8) -> ObjectId {
        let mut bytes = [0; 20];
        (bytes[0], bytes[19]) = (first, last);
        ObjectId::copied(&bytes)
    }

    fn sample() -> Index {
        let mut entries = [(id(9, 1), 1 << 40), (id(0, 0), 12), (id(255, 3), 77), (id(9, 0), 40)];
        Index::build(&mut entries, 20, &[7; 20])
    }

    fn reparsed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Index, IndexFault> {
        let mut bytes = sample().bytes.to_vec();
        change(&mut bytes);
        Index::parse(IndexBytes::Built(bytes), 20)
    }

    #[test]
    fn what_was_built_is_found() {
        let index = sample();
        let offset = |id: ObjectId| index.find(id.as_bytes()).and_then(|position| index.offset(position));
        assert_eq!(index.len(), 4);
        assert_eq!(offset(id(9, 1)), Some(1 << 40));
        assert_eq!(offset(id(255, 3)), Some(77));
        assert_eq!(offset(id(9, 2)), None);
        assert_eq!(index.pack_checksum(), [7; 20]);
    }

    #[test]
    fn version_1_is_read() {
        let mut bytes = Vec::new();
        for first in 0..=255u32 {
            bytes.extend_from_slice(&u32::from(first >= 9).to_be_bytes());
        }
        bytes.extend_from_slice(&0xfedc_ba98u32.to_be_bytes());
        bytes.extend_from_slice(id(9, 1).as_bytes());
        bytes.extend_from_slice(&[0; 40]);
        let index = Index::parse(IndexBytes::Built(bytes), 20).unwrap();
        assert_eq!(index.find(id(9, 1).as_bytes()).and_then(|at| index.offset(at)), Some(0xfedc_ba98));
    }

    #[test]
    fn malformed_indexes_are_refused() {
        assert_eq!(reparsed(|bytes| bytes.truncate(1000)).err(), Some(IndexFault::Truncated));
        assert_eq!(reparsed(|bytes| bytes.truncate(1100)).err(), Some(IndexFault::Truncated));
        assert_eq!(reparsed(|bytes| bytes[7] = 3).err(), Some(IndexFault::Version));
        assert_eq!(reparsed(|bytes| bytes[8] = 1).err(), Some(IndexFault::FanOut));
        assert_eq!(reparsed(|bytes| bytes[8 + 255 * 4] = 1).err(), Some(IndexFault::Truncated));
        assert_eq!(reparsed(|bytes| bytes[8 + 1024 + 39] = 2).err(), Some(IndexFault::Order));
        assert_eq!(reparsed(|bytes| bytes[8 + 1024] = 1).err(), Some(IndexFault::Order));
    }
}
