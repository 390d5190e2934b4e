//! Reading single objects by id, out of order: bases that stand in another pack, second copies of corrupt objects, and
//! whatever a caller wants to look up.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Fault, Kind, ObjectId, ObjectStore, StoreProblem,
    base_cache::BaseCache,
    buffer::Buffer,
    decoder::Decoder,
    inflate::Inflater,
    loose::{self, LooseObject},
    pack::{EntryKind, Pack},
};

/// All places where an object can be.
#[derive(Clone, Copy)]
pub(super) struct Places<'s> {
    pub(super) packs: &'s [Arc<Pack>],
    pub(super) object_dirs: &'s [PathBuf],
}

/// An entry: number of the pack and offset in it.
pub(super) type Location = (usize, u64);

/// What a thread may spend on reading objects out of order, in bytes produced (32 GiB: some ten seconds). Real stores
/// need a sliver of it; a hostile one could otherwise ask for the same long chain of deltas a million times.
pub(super) const FUEL: u64 = 32 << 30;
/// What looking at a header and decoding an entry cost beside the bytes.
const HOP_COST: u64 = 64;
const ENTRY_COST: u64 = 2048;

/// Takes `cost` from `fuel`.
fn spend(fuel: &mut u64, cost: u64) -> Result<(), Fault> {
    *fuel = fuel.checked_sub(cost).ok_or(Fault::Exhausted)?;
    Ok(())
}

/// The way from an entry down its bases to something that is stored whole.
struct Trail {
    /// The deltas on the way, last base last.
    deltas: Vec<Location>,
    end: TrailEnd,
}

enum TrailEnd {
    /// It was decoded before.
    Kept(Location),
    Packed(Location, Kind),
    Loose(ObjectId),
}

impl<'s> Places<'s> {
    /// An object's kind and content, from the first place that yields it. `except` is a pack not to look in.
    pub(super) fn read(
        &self,
        id: &ObjectId,
        except: Option<usize>,
        decoder: &mut Decoder,
    ) -> Result<(Kind, Buffer), Fault> {
        let mut fault = Fault::Missing;
        for (number, pack) in self.packs.iter().enumerate() {
            if Some(number) == except {
                continue;
            }
            if let Some(offset) = pack.find(id.as_bytes()) {
                match self.read_packed((number, offset), decoder) {
                    Ok(object) => return Ok(object),
                    Err(cause) => fault = cause,
                }
            }
        }
        match self.read_loose(id, decoder) {
            Err(Fault::Missing) => Err(fault),
            read => read,
        }
    }

    /// An object's kind, without inflating more than headers.
    pub(super) fn kind(&self, id: &ObjectId, inflater: &mut Inflater, fuel: &mut u64) -> Result<Kind, Fault> {
        let end = match self.locate(id.as_bytes(), 0) {
            Some(location) => self.trail(location, fuel, None)?.end,
            None => TrailEnd::Loose(*id),
        };
        match end {
            TrailEnd::Kept(_) => Err(Fault::Missing),
            TrailEnd::Packed(_, kind) => Ok(kind),
            TrailEnd::Loose(id) => self.first_loose(&id, |path| Ok(LooseObject::open(path, inflater)?.kind)),
        }
    }

    /// The object of one entry.
    pub(super) fn read_packed(&self, location: Location, decoder: &mut Decoder) -> Result<(Kind, Buffer), Fault> {
        let trail = self.trail(location, &mut decoder.fuel, decoder.bases.as_ref())?;
        let (kind, mut content) = match trail.end {
            TrailEnd::Kept(location) => {
                let kept = decoder.bases.as_mut().and_then(|bases| bases.get(location)).ok_or(Fault::Missing)?;
                (kept.0, decoder.pool.copy(kept.1))
            }
            TrailEnd::Packed(location, kind) => {
                let content = decoder.whole(&self.packs[location.0].data.entry(location.1)?)?;
                decoder.keep(location, kind, &content);
                (kind, content)
            }
            TrailEnd::Loose(id) => self.read_loose(&id, decoder).map_err(|fault| match fault {
                Fault::Missing => Fault::BaseMissing(id),
                _ => Fault::BaseUnreadable,
            })?,
        };
        for location in trail.deltas.into_iter().rev() {
            spend(&mut decoder.fuel, ENTRY_COST + content.len() as u64)?;
            let next = decoder.derived(&self.packs[location.0].data, location.1, &content)?;
            decoder.keep(location, kind, &next);
            decoder.pool.give(std::mem::replace(&mut content, next));
        }
        Ok((kind, content))
    }

    /// Follows the headers. Terminates: within a pack offsets decrease, and no entry is left towards an id twice.
    fn trail(&self, start: Location, fuel: &mut u64, bases: Option<&BaseCache>) -> Result<Trail, Fault> {
        let mut left = HashSet::new();
        let mut deltas = Vec::new();
        let (mut pack, mut offset) = start;
        loop {
            spend(fuel, HOP_COST)?;
            if bases.is_some_and(|bases| bases.contains((pack, offset))) {
                return Ok(Trail { deltas, end: TrailEnd::Kept((pack, offset)) });
            }
            match self.packs[pack].data.entry(offset)?.kind {
                EntryKind::Whole(kind) => return Ok(Trail { deltas, end: TrailEnd::Packed((pack, offset), kind) }),
                EntryKind::Offset(base) => {
                    deltas.push((pack, offset));
                    offset = base;
                }
                EntryKind::Id(id) => {
                    deltas.push((pack, offset));
                    if !left.insert((pack, offset)) {
                        return Err(Fault::BaseCycle);
                    }
                    match self.locate(id, pack) {
                        Some(location) => (pack, offset) = location,
                        None => return Ok(Trail { deltas, end: TrailEnd::Loose(ObjectId::copied(id)) }),
                    }
                }
            }
        }
    }

    /// Where an object is packed, preferably in `pack`.
    fn locate(&self, id: &[u8], pack: usize) -> Option<Location> {
        let own = self.packs.get(pack).and_then(|own| Some((pack, own.find(id)?)));
        own.or_else(|| self.packs.iter().enumerate().find_map(|(number, other)| Some((number, other.find(id)?))))
    }

    fn read_loose(&self, id: &ObjectId, decoder: &mut Decoder) -> Result<(Kind, Buffer), Fault> {
        self.first_loose(id, |path| {
            let object = LooseObject::open(path, &mut decoder.inflater)?;
            let kind = object.kind;
            Ok((kind, decoder.loose(object)?))
        })
    }

    /// What `read` makes of the first loose copy that it can read; [`Fault::Missing`] if there is none.
    pub(super) fn first_loose<T>(
        &self,
        id: &ObjectId,
        mut read: impl FnMut(&Path) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut fault = Fault::Missing;
        for dir in self.object_dirs {
            match read(&loose::path(dir, id)) {
                Err(Fault::Io(io::ErrorKind::NotFound)) => {}
                Err(cause) => fault = cause,
                done => return done,
            }
        }
        Err(fault)
    }

    /// The file in which an object is, or would be.
    pub(super) fn path(&self, id: &ObjectId) -> PathBuf {
        let pack = self.packs.iter().find(|pack| pack.index.find(id.as_bytes()).is_some());
        pack.map_or_else(|| loose::path(&self.object_dirs[0], id), |pack| pack.data.path.clone())
    }
}

/// Packs that appeared since the store was opened.
#[derive(Default)]
struct Newer {
    packs: Vec<Arc<Pack>>,
    known: HashSet<PathBuf>,
    listings: usize,
}

/// So often the packs are listed again for an object that is missing. A partial clone misses thousands.
const MAX_LISTINGS: usize = 8;

/// Reads objects by id, for one thread. Each read decodes an object's whole chain of deltas: to see all objects, use
/// [`ObjectStore::walk`](super::ObjectStore::walk).
pub struct Reader<'s> {
    store: &'s ObjectStore,
    places: Places<'s>,
    newer: Newer,
    decoder: Decoder,
    current: Buffer,
}

impl<'s> Reader<'s> {
    pub(super) fn new(store: &'s ObjectStore, places: Places<'s>, max_object_bytes: usize) -> Reader<'s> {
        Reader {
            store,
            places,
            newer: Newer::default(),
            decoder: Decoder::new(max_object_bytes),
            current: Buffer::default(),
        }
    }

    /// The same with memory for what was decoded lately: objects that hang on each other are read several times faster.
    pub(super) fn with_cache(mut self, max_bytes: usize) -> Reader<'s> {
        self.decoder.bases = Some(BaseCache::new(max_bytes));
        self
    }

    /// Kind and content of an object; the content stays until the next read.
    ///
    /// # Errors
    /// [`Fault::Missing`] if the store hasn't got it; [`Fault::OutOfTime`], see [`ObjectStore::until`]; else why none of its copies could be decoded.
    pub fn read(&mut self, id: &ObjectId) -> Result<(Kind, &[u8]), StoreProblem> {
        if self.store.is_out_of_time() {
            return Err(self.problem(*id, Fault::OutOfTime));
        }
        self.decoder.fuel = FUEL;
        let read = self.places.read(id, None, &mut self.decoder);
        let read = read.or_else(|fault| if fault == Fault::Missing { self.read_newer(id) } else { Err(fault) });
        let (kind, content) = read.map_err(|fault| StoreProblem::object(self.places.path(id), *id, fault))?;
        self.decoder.pool.give(std::mem::replace(&mut self.current, content));
        Ok((kind, &self.current))
    }

    /// A problem with an object, wherever it is.
    pub(super) fn problem(&self, id: ObjectId, fault: Fault) -> StoreProblem {
        StoreProblem::object(self.places.path(&id), id, fault)
    }

    /// Reads an object that is gone from where it was: git may have packed it since.
    fn read_newer(&mut self, id: &ObjectId) -> Result<(Kind, Buffer), Fault> {
        let is_there = |packs: &[Arc<Pack>]| packs.iter().any(|pack| pack.index.find(id.as_bytes()).is_some());
        if !is_there(&self.newer.packs) && self.newer.listings < MAX_LISTINGS {
            self.newer.listings += 1;
            self.newer.packs.extend(self.store.newer_packs(&mut self.newer.known));
        }
        // What is kept goes by the number of a pack, which means another one here.
        let bases = self.decoder.bases.take();
        let places = Places { packs: &self.newer.packs, object_dirs: self.places.object_dirs };
        let read = places.read(id, None, &mut self.decoder);
        self.decoder.bases = bases;
        read
    }

    /// Kind of an object. Cost: the headers of its chain of deltas.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn kind(&mut self, id: &ObjectId) -> Result<Kind, StoreProblem> {
        let kind = self.places.kind(id, &mut self.decoder.inflater, &mut { FUEL });
        kind.map_err(|fault| StoreProblem::object(self.places.path(id), *id, fault))
    }
}
