//! From a pack entry to the bytes of an object.

use super::{
    Fault, Kind,
    base_cache::BaseCache,
    buffer::{Buffer, Pool},
    delta::{Delta, Ops},
    inflate::{Inflater, is_plausible},
    loose::LooseObject,
    pack::{Entry, PackData},
    reader::{FUEL, Location},
};

/// One thread's means of decoding.
pub(super) struct Decoder {
    pub(super) inflater: Inflater,
    pub(super) pool: Pool,
    /// Largest object, base or delta that is decoded in memory.
    pub(super) limit: usize,
    /// The steps of the delta that was applied last.
    pub(super) ops: Ops,
    /// What may still be spent on reading out of order.
    pub(super) fuel: u64,
    /// Objects that reading out of order may find decoded.
    pub(super) bases: Option<BaseCache>,
    /// Does the file of the loose object that was decoded last go on behind it?
    pub(super) is_followed: bool,
    delta: Buffer,
}

/// An inflated delta that waits for [`Decoder::apply`] or for the base.
#[derive(Clone, Copy)]
pub(super) struct PendingDelta {
    /// Size of the object that it makes.
    pub(super) result_size: usize,
}

impl Decoder {
    pub(super) fn new(limit: usize) -> Decoder {
        // Offsets in a delta's steps are 32 bits wide.
        let limit = limit.min(u32::MAX as usize);
        Decoder {
            inflater: Inflater::new(),
            pool: Pool::default(),
            limit,
            ops: Ops::default(),
            fuel: FUEL,
            bases: None,
            is_followed: false,
            delta: Buffer::default(),
        }
    }

    /// Inflates an entry that isn't a delta.
    pub(super) fn whole(&mut self, entry: &Entry<'_>) -> Result<Buffer, Fault> {
        let size = self.checked_size(entry.size, entry.compressed.len())?;
        let mut out = self.pool.take(size);
        match self.inflater.fill(entry.compressed, &mut out) {
            Ok(()) => Ok(out),
            Err(fault) => {
                self.pool.give(out);
                Err(fault)
            }
        }
    }

    /// Inflates a loose object.
    pub(super) fn loose(&mut self, object: LooseObject) -> Result<Buffer, Fault> {
        self.checked_size(object.size, usize::MAX)?;
        let (content, is_followed) = object.inflate(&mut self.inflater, &mut self.pool)?;
        self.is_followed = is_followed;
        Ok(content)
    }

    /// Inflates a delta, to be applied next.
    pub(super) fn inflate_delta(&mut self, entry: &Entry<'_>) -> Result<PendingDelta, Fault> {
        let size = self.checked_size(entry.size, entry.compressed.len())?;
        self.delta.reset(size);
        self.inflater.fill(entry.compressed, &mut self.delta)?;
        let result_size = Delta::parse(&self.delta).map_err(Fault::Delta)?.result_size;
        Ok(PendingDelta { result_size: self.checked_size(result_size, usize::MAX)? })
    }

    /// Applies the delta that was inflated last.
    pub(super) fn apply(&mut self, pending: PendingDelta, base: &[u8]) -> Result<Buffer, Fault> {
        let mut out = self.pool.take(pending.result_size);
        let delta = Delta::parse(&self.delta).map_err(Fault::Delta)?;
        match delta.apply(base, &mut out, &mut self.ops) {
            Ok(()) => Ok(out),
            Err(fault) => {
                self.pool.give(out);
                Err(Fault::Delta(fault))
            }
        }
    }

    /// The object at `offset`, which is a delta against `base`.
    pub(super) fn derived(&mut self, pack: &PackData, offset: u64, base: &[u8]) -> Result<Buffer, Fault> {
        let pending = self.inflate_delta(&pack.entry(offset)?)?;
        self.apply(pending, base)
    }

    /// Keeps a decoded object for others that hang on it, if anything is kept.
    pub(super) fn keep(&mut self, location: Location, kind: Kind, content: &[u8]) {
        if let Some(bases) = &mut self.bases {
            bases.keep(location, kind, content);
        }
    }

    /// Gives back memory that one giant object took.
    pub(super) fn shrink(&mut self) {
        if self.delta.capacity() > MAX_KEPT_DELTA_BYTES {
            self.delta = Buffer::default();
        }
    }

    fn checked_size(&self, size: u64, compressed: usize) -> Result<usize, Fault> {
        if !is_plausible(size, compressed) {
            return Err(Fault::SizeMismatch { expected: size });
        }
        let fits = usize::try_from(size).ok().filter(|&size| size <= self.limit);
        fits.ok_or(Fault::TooLarge { size, limit: self.limit as u64 })
    }
}

const MAX_KEPT_DELTA_BYTES: usize = 4 << 20;
