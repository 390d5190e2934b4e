//! The cache on disk: a magic line, the length and the digest of what follows, then numbers as LEB128 and bytes.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

use super::{Entry, catalogue::Catalogue};
use crate::{
    engine::prefilter::Literal,
    model::{ObjectId, ObjectKind},
    rule::ByteSet,
};

const MAGIC: &[u8; 16] = b"unleak cache 1\n\0";
/// How caches of all versions begin.
const ANY_MAGIC: &[u8] = b"unleak cache ";
/// Magic, length, digest.
const HEADER_BYTES: usize = 16 + 8 + 32;
/// A hundred million objects take less.
const MAX_BYTES: u64 = 4 << 30;
const ID_LENGTHS: [usize; 2] = [20, 32];
/// What drafts begin with. Those of killed processes are removed when they are an hour old.
const DRAFT: &str = ".unleak-cache-";
const DRAFT_SECONDS: u64 = 3_600;

/// What a cache holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) catalogue: Catalogue,
    /// Sets of keywords, each sorted.
    pub(super) sets: Vec<Vec<u32>>,
    pub(super) entries: Vec<Entry>,
}

/// Why a cache is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheFault {
    /// Cut off or changed since it was written.
    #[error("is damaged")]
    Damaged,
    /// One of another version of unleak.
    #[error("is of another version")]
    OtherVersion,
    /// Something else, which is not to be written over.
    #[error("is no cache and stays as it is")]
    Foreign,
    /// It can't be read.
    #[error("can't be read: {0}")]
    Unreadable(String),
}

impl From<io::Error> for CacheFault {
    fn from(error: io::Error) -> Self {
        CacheFault::Unreadable(error.to_string())
    }
}

/// Reads a cache; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Stored>, CacheFault> {
    let kind = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?.file_type(),
    };
    // To open a pipe is to wait for whoever writes to it.
    if !kind.is_file() {
        return Err(CacheFault::Foreign);
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(CacheFault::Foreign);
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        // What `mktemp` leaves.
        return Ok(None);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(if bytes.starts_with(ANY_MAGIC) { CacheFault::OtherVersion } else { CacheFault::Foreign });
    }
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(CacheFault::Damaged)?;
    let is_whole = header[16..24] == (payload.len() as u64).to_le_bytes();
    if !is_whole || header[24..] != *blake3::hash(payload).as_bytes() {
        return Err(CacheFault::Damaged);
    }
    Parser(payload).stored().map(Some).ok_or(CacheFault::Damaged)
}

/// Writes a cache beside its place and renames it.
pub(super) fn write(path: &Path, stored: &Stored) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    fs::create_dir_all(dir)?;
    remove_old_drafts(dir);
    let mut payload = Payload::default();
    payload.stored(stored);
    let mut draft = tempfile::Builder::new().prefix(DRAFT).tempfile_in(dir)?;
    draft.write_all(MAGIC)?;
    draft.write_all(&(payload.0.len() as u64).to_le_bytes())?;
    draft.write_all(blake3::hash(&payload.0).as_bytes())?;
    draft.write_all(&payload.0)?;
    // Not synced: after a power cut the digest tells, and a cache can be made again.
    draft.persist(path)?;
    Ok(())
}

fn remove_old_drafts(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        let is_old = age.is_some_and(|age| age.as_secs() > DRAFT_SECONDS);
        if is_old && entry.file_name().to_string_lossy().starts_with(DRAFT) {
            // Another process may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[derive(Default)]
struct Payload(Vec<u8>);

impl Payload {
    fn stored(&mut self, stored: &Stored) {
        let Catalogue { literals, rules } = &stored.catalogue;
        self.number(literals.len() as u64);
        for literal in literals {
            self.number(literal.bytes.len() as u64);
            self.0.extend_from_slice(&literal.bytes);
            self.number(u64::from(literal.ignore_case) | u64::from(literal.next.is_some()) << 1);
            if let Some(next) = literal.next {
                next.0.iter().for_each(|word| self.0.extend_from_slice(&word.to_le_bytes()));
            }
        }
        self.number(rules.len() as u64);
        for (digest, literals) in rules {
            self.0.extend_from_slice(digest);
            self.numbers(literals);
        }
        self.number(stored.sets.len() as u64);
        stored.sets.iter().for_each(|set| self.numbers(set));
        for len in ID_LENGTHS {
            let entries = || stored.entries.iter().filter(|entry| entry.id.as_bytes().len() == len);
            self.number(entries().count() as u64);
            for entry in entries() {
                self.0.extend_from_slice(entry.id.as_bytes());
                let kind = entry.kind as u64 - 1;
                self.number(u64::from(entry.set) << 3 | kind << 1 | u64::from(entry.has_match));
            }
        }
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Ascending numbers, each as its distance from the one before.
    fn numbers(&mut self, numbers: &[u32]) {
        self.number(numbers.len() as u64);
        let mut before = 0;
        for number in numbers {
            self.number(u64::from(number - before));
            before = *number;
        }
    }
}

/// What is left to parse. `None` where it isn't what was written: that happens only if the digest is made to fit.
struct Parser<'a>(&'a [u8]);

impl<'a> Parser<'a> {
    fn stored(mut self) -> Option<Stored> {
        let literals = self.list(Parser::literal)?;
        let rules = self.list(|parser| Some((parser.bytes(16)?.try_into().ok()?, parser.numbers()?)))?;
        let sets = self.list(Parser::numbers)?;
        let mut entries = Vec::new();
        for len in ID_LENGTHS {
            entries.extend(self.list(|parser| parser.entry(len))?);
        }
        let is_keyword = |number: &u32| (*number as usize) < literals.len() || *number == super::SOME_KEYWORD;
        let is_consistent = self.0.is_empty()
            && rules.iter().flat_map(|(_, keywords): &(_, Vec<u32>)| keywords).all(is_keyword)
            && sets.iter().flatten().all(is_keyword)
            && entries.iter().all(|entry: &Entry| (entry.set as usize) < sets.len());
        is_consistent.then_some(Stored { catalogue: Catalogue { literals, rules }, sets, entries })
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        // Each item takes a byte at least: no more memory than there is to parse.
        if count > self.0.len() {
            return None;
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn literal(&mut self) -> Option<Literal> {
        let len = usize::try_from(self.number()?).ok()?;
        let bytes = self.bytes(len)?.into();
        let flags = self.number()?;
        let mut next = None;
        if flags & 2 != 0 {
            let mut set = ByteSet::EMPTY;
            for word in &mut set.0 {
                *word = u64::from_le_bytes(self.bytes(8)?.try_into().ok()?);
            }
            next = Some(set);
        }
        Some(Literal { bytes, ignore_case: flags & 1 == 1, next })
    }

    fn entry(&mut self, id_len: usize) -> Option<Entry> {
        let id = ObjectId::from_bytes(self.bytes(id_len)?)?;
        let note = self.number()?;
        let kind = ObjectKind::from_number((note >> 1 & 3) as u8 + 1)?;
        Some(Entry { id, kind, set: u32::try_from(note >> 3).ok()?, has_match: note & 1 == 1 })
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn numbers(&mut self) -> Option<Vec<u32>> {
        let mut numbers = self.list(|parser| u32::try_from(parser.number()?).ok())?;
        let mut sum = 0_u32;
        for number in &mut numbers {
            sum = sum.checked_add(*number)?;
            *number = sum;
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, Entry, Literal, ObjectId, ObjectKind, Parser, Payload, Stored};
    use crate::{engine::cache::SOME_KEYWORD, rule::ByteSet};

    fn sample() -> Stored {
        let mut digits = ByteSet::EMPTY;
        digits.insert_range(b'0', b'9');
        let literal = |text: &str, next: Option<ByteSet>| Literal {
            bytes: text.as_bytes().into(),
            ignore_case: next.is_none(),
            next,
        };
        let literals = vec![literal("token", None), literal("abc", Some(digits))];
        let entry = |first: u8, len: usize, kind, set| {
            let id = ObjectId::from_bytes(&[first; 32][..len]).unwrap();
            Entry { id, kind, set, has_match: first % 2 == 1 }
        };
        Stored {
            catalogue: Catalogue { literals, rules: vec![([7; 16], vec![0, 1]), ([9; 16], vec![])] },
            sets: vec![vec![], vec![0, 1], vec![1, SOME_KEYWORD]],
            entries: vec![
                entry(1, 20, ObjectKind::Blob, 0),
                entry(2, 20, ObjectKind::Tag, 1),
                entry(3, 32, ObjectKind::Tree, 2),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut payload = Payload::default();
        payload.stored(&sample());
        assert_eq!(Parser(&payload.0).stored(), Some(sample()));
    }

    #[test]
    fn anything_else_is_refused_and_takes_no_memory() {
        let mut payload = Payload::default();
        payload.stored(&sample());
        for len in 0..payload.0.len() {
            assert_eq!(Parser(&payload.0[..len]).stored(), None, "{len}");
        }
        assert_eq!(Parser(&[0xff, 0xff, 0xff, 0xff, 0x7f]).stored(), None);
        assert_eq!(Parser(&[0xff; 40]).stored(), None);
        assert_eq!(Parser(&[0, 0, 0, 1, 1]).stored(), None);
    }
}
