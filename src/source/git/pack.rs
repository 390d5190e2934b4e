//! Pack files: entries and their headers.
//!
//! Format: gitformat-pack(5), read 2026-11-22.

use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::{Fault, Kind, ObjectFormat, ObjectId, index::Index, map};

/// Magic, version and number of objects.
pub(super) const HEADER_BYTES: u64 = 12;

/// A mapped pack.
#[derive(Debug)]
pub(super) struct PackData {
    pub(super) path: PathBuf,
    map: Mmap,
    pub(super) format: ObjectFormat,
    /// Number of objects by its header.
    pub(super) count: u32,
}

/// A pack and its index.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) data: PackData,
    pub(super) index: Index,
}

impl Pack {
    /// The id at a position of the index.
    pub(super) fn id(&self, position: u32) -> ObjectId {
        ObjectId::copied(self.index.id(position))
    }

    /// The offset of an object, if it is in this pack at all.
    pub(super) fn find(&self, id: &[u8]) -> Option<u64> {
        self.index.find(id).and_then(|position| self.index.offset(position))
    }
}

/// The header of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'p> {
    pub(super) kind: EntryKind<'p>,
    /// Inflated size of what is stored: the object or, for a delta, its instructions.
    pub(super) size: u64,
    /// The compressed data and all that follows in the pack: only inflating tells where it ends. (The next offset in
    /// the index does, too, unless the index lies.)
    pub(super) compressed: &'p [u8],
}

/// How an entry stores its object.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntryKind<'p> {
    /// Whole.
    Whole(Kind),
    /// As a delta against the entry at this offset, which is less than its own.
    Offset(u64),
    /// As a delta against the object of this id.
    Id(&'p [u8]),
}

impl PackData {
    pub(super) fn new(path: &Path, map: Mmap, format: ObjectFormat) -> Result<PackData, Fault> {
        let header = map.get(..HEADER_BYTES as usize).ok_or(Fault::PackHeader)?;
        if !matches!(header, [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..]) {
            return Err(Fault::PackHeader);
        }
        let count = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        Ok(PackData { path: path.to_owned(), map, format, count })
    }

    /// Length of the file.
    pub(super) fn len(&self) -> u64 {
        self.map.len() as u64
    }

    /// The last bytes, which are the checksum unless the pack is truncated.
    pub(super) fn trailer(&self) -> &[u8] {
        &self.map[self.map.len().saturating_sub(self.format.id_len())..]
    }

    /// Has the beginning of the entry at `offset` fetched from memory. Most deltas end there.
    pub(super) fn prefetch(&self, offset: u64) {
        for line in [0, 64, 128] {
            map::prefetch(self.map.get(offset as usize + line..).unwrap_or_default());
        }
    }

    /// Parses the header of the entry at `offset`. Any offset may be asked for.
    pub(super) fn entry(&self, offset: u64) -> Result<Entry<'_>, Fault> {
        if offset < HEADER_BYTES || offset >= self.len() {
            return Err(Fault::OffsetOutsidePack);
        }
        self.parse_entry(offset, &self.map[offset as usize..]).ok_or(Fault::EntryHeader(offset))?
    }

    /// `None` where the header is malformed or cut off.
    fn parse_entry<'p>(&self, offset: u64, mut rest: &'p [u8]) -> Option<Result<Entry<'p>, Fault>> {
        let first = next(&mut rest)?;
        let mut size = u64::from(first & 0x0f);
        let mut shift = 4;
        let mut byte = first;
        while byte & 0x80 != 0 {
            byte = next(&mut rest)?;
            // The last group may not lose bits: no real size is near 2^60.
            if shift > 53 {
                return None;
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        let kind = match first >> 4 & 7 {
            6 => {
                let distance = distance(&mut rest)?;
                match offset.checked_sub(distance) {
                    Some(base) if distance > 0 && base >= HEADER_BYTES => EntryKind::Offset(base),
                    _ => return Some(Err(Fault::BaseOffset(offset))),
                }
            }
            7 => {
                let (id, tail) = rest.split_at_checked(self.format.id_len())?;
                rest = tail;
                EntryKind::Id(id)
            }
            number => EntryKind::Whole(Kind::from_number(number)?),
        };
        Some(Ok(Entry { kind, size, compressed: rest }))
    }
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, tail) = rest.split_first()?;
    *rest = tail;
    Some(byte)
}

/// The distance back to a delta's base: seven bits a byte, most significant first, each continuation adding one.
fn distance(rest: &mut &[u8]) -> Option<u64> {
    let mut byte = next(rest)?;
    let mut value = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = next(rest)?;
        value = value.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
    }
    Some(value)
}
