//! The buffer through which a blob is read front to back, cut into owned parts with context on both sides.

use std::io::{self, ErrorKind, Read};

use super::{CHUNK_BYTES, Chunk, Overlap, Plan};

/// How filling a window ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// As many bytes as were asked for; more may follow.
    Full,
    /// The blob ended.
    End,
    /// The run was interrupted between two reads.
    Interrupted,
}

/// One thread's reused read buffer: context before, owned part, context after. At least one byte of room stands
/// behind the owned part even without context, to see whether the blob goes on.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    filled: usize,
    /// Offset in the blob of the first byte.
    start: u64,
    /// Offset in the blob of the owned part.
    owned: u64,
    overlap: Overlap,
}

impl Window {
    /// Allocates [`CHUNK_BYTES`] and the overlap. Zeroed pages cost nothing until they are read into.
    pub(super) fn new(overlap: Overlap) -> Window {
        let room = overlap.before + CHUNK_BYTES + overlap.after.max(1);
        Window { bytes: vec![0; room], filled: 0, start: 0, owned: 0, overlap }
    }

    /// Forgets the bytes and stands at the start of a blob.
    pub(super) fn reset(&mut self) {
        (self.filled, self.start, self.owned) = (0, 0, 0);
    }

    /// The bytes read so far.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The whole buffer, for reads at offsets. What stood in it is lost.
    pub(super) fn scratch(&mut self) -> &mut [u8] {
        self.reset();
        &mut self.bytes
    }

    /// Reads until the window holds the owned part and its context.
    pub(super) fn fill(&mut self, reader: &mut impl Read, plan: &Plan<'_>) -> io::Result<Filled> {
        let before = usize::try_from(self.owned - self.start).unwrap_or(self.overlap.before);
        self.fill_to(before + CHUNK_BYTES + self.overlap.after.max(1), reader, plan)
    }

    /// Reads until the window holds `wanted` bytes. The last read of a blob returns nothing: a read that falls short
    /// may be a signal, a FUSE or `/proc` file, or the bytes before a bad sector, and the next one tells. It costs
    /// 0.2 µs of the 8 µs that a small file takes.
    pub(super) fn fill_to(&mut self, wanted: usize, reader: &mut impl Read, plan: &Plan<'_>) -> io::Result<Filled> {
        let wanted = wanted.min(self.bytes.len());
        while self.filled < wanted {
            match reader.read(&mut self.bytes[self.filled..wanted]) {
                Ok(0) => return Ok(Filled::End),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if plan.is_interrupted() {
                return Ok(Filled::Interrupted);
            }
        }
        Ok(Filled::Full)
    }

    /// The chunk at which the window stands; its owned part is empty if the blob ended before it.
    pub(super) fn chunk(&self) -> Chunk<'_> {
        cut(self.filled(), self.start, self.owned, self.overlap)
    }

    /// Did the blob go on behind the owned part? Meaningful once the window is filled.
    pub(super) fn has_more(&self) -> bool {
        self.start + self.filled as u64 > self.owned + CHUNK_BYTES as u64
    }

    /// Moves on by one owned part, keeping the context.
    pub(super) fn slide(&mut self) {
        let kept = self.kept_for_next();
        self.bytes.copy_within(kept..self.filled, 0);
        self.advance(kept);
    }

    /// Takes over from a window on another thread, as if this one had been slid on from there.
    pub(super) fn resume(&mut self, carry: &Carry) {
        self.bytes[..carry.bytes.len()].copy_from_slice(&carry.bytes);
        (self.filled, self.start, self.owned) = (carry.bytes.len(), carry.start, carry.owned);
    }

    /// Leaves in `carry` what the next window needs of this one.
    pub(super) fn hand_on(&self, carry: &mut Carry) {
        let kept = self.kept_for_next();
        carry.bytes.clear();
        carry.bytes.extend_from_slice(&self.bytes[kept..self.filled]);
        carry.start = self.start + kept as u64;
        carry.owned = self.owned + CHUNK_BYTES as u64;
    }

    /// Index of the first byte that the next window keeps.
    fn kept_for_next(&self) -> usize {
        let next_start = (self.owned + CHUNK_BYTES as u64).saturating_sub(self.overlap.before as u64);
        usize::try_from(next_start.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.filled)
    }

    fn advance(&mut self, kept: usize) {
        self.filled -= kept;
        self.start += kept as u64;
        self.owned += CHUNK_BYTES as u64;
    }
}

/// What one window leaves to the next: at most both overlaps, and where they stand.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bytes: Vec<u8>,
    start: u64,
    owned: u64,
}

/// Cuts the chunk that owns `owned` and what follows, up to [`CHUNK_BYTES`], out of the bytes at `start`.
pub(super) fn cut(bytes: &[u8], start: u64, owned: u64, overlap: Overlap) -> Chunk<'_> {
    let end = start + bytes.len() as u64;
    let owned_end = end.min(owned + CHUNK_BYTES as u64).max(owned);
    let context_end = end.min(owned_end + overlap.after as u64);
    let length = usize::try_from(context_end - start).unwrap_or(bytes.len());
    Chunk { bytes: &bytes[..length], owned: owned..owned_end, start }
}
