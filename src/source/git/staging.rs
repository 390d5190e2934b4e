//! The index: what stands ready for the next commit.
//!
//! Format: gitformat-index(5), versions 2 to 4 (read 2026-11-24).

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Fault, ObjectFormat, ObjectId, cursor::Cursor, file};

/// Everything in an index.
#[derive(Clone, Debug, Default)]
pub struct Staging {
    /// Sorted by path, then stage. In a sparse index the path of a directory that isn't expanded ends in a slash.
    pub entries: Vec<Staged>,
    /// What is wrong with it. What stands before a mistake is in `entries` all the same.
    pub faults: Vec<Fault>,
    /// Directories whose tree is known and unchanged, by path without a slash at its end.
    trees: HashMap<Vec<u8>, ObjectId>,
}

/// A staged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Path in the work tree.
    pub path: Vec<u8>,
    /// Kind and permissions: `0o100644`, `0o120000` for links, `0o160000` for submodules.
    pub mode: u32,
    /// Its content.
    pub id: ObjectId,
    /// 0, or 1 to 3 for the sides of a conflict.
    pub stage: u8,
    /// Is only its name staged (`git add -N`)?
    pub is_intent: bool,
    /// Is the file left out of the work tree on purpose?
    pub is_skipped: bool,
    /// Size of the file when it was staged, modulo 2³².
    size: u32,
    /// When the file was changed last, as seen then: seconds and nanoseconds, modulo 2³².
    changed: (u32, u32),
    /// When anything about it was, by its system's clock.
    touched: (u32, u32),
}

const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;
const DIRECTORY: u32 = 0o040_000;
const KIND: u32 = 0o170_000;

impl Staged {
    /// Is its content a blob of this repository?
    #[must_use]
    pub fn is_blob(&self) -> bool {
        !self.is_intent && !matches!(self.mode & KIND, SUBMODULE | DIRECTORY)
    }

    /// Is it the commit of another repository?
    #[must_use]
    pub fn is_submodule(&self) -> bool {
        self.mode & KIND == SUBMODULE
    }

    /// Is it a whole directory of a sparse index, with its tree as content?
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.mode & KIND == DIRECTORY
    }

    /// May the file at `path` differ from what is staged? Says so too often rather than too rarely.
    #[must_use]
    pub fn may_differ(&self, metadata: &std::fs::Metadata, index_changed: SystemTime) -> bool {
        // Times of changes can be set (`cp -p`, `rsync -t`), those of touches can't.
        if touched(metadata).is_some_and(|seen| !is_same_time(seen, self.touched)) {
            return true;
        }
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let changed = changed.unwrap_or(Duration::MAX);
        let is_link = self.mode & KIND == LINK;
        let seen = (changed.as_secs() as u32, changed.subsec_nanos());
        // A file changed in the moment in which the index was written is in doubt.
        let is_racy = SystemTime::UNIX_EPOCH + changed.min(Duration::from_secs(u64::from(u32::MAX))) >= index_changed;
        metadata.len() as u32 != self.size
            || !is_same_time(seen, self.changed)
            || is_racy
            || metadata.is_symlink() != is_link
    }
}

/// Is it the time that an index has? Git may keep whole seconds only.
fn is_same_time(seen: (u32, u32), kept: (u32, u32)) -> bool {
    seen == kept || (kept.1 == 0 && seen.0 == kept.0)
}

/// When anything about a file was changed, where systems say so.
#[cfg(unix)]
fn touched(metadata: &std::fs::Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.ctime() as u32, metadata.ctime_nsec() as u32))
}

/// When anything about a file was changed, where systems say so.
#[cfg(not(unix))]
fn touched(_: &std::fs::Metadata) -> Option<(u32, u32)> {
    None
}

/// Most files that are read of an index.
const MAX_ENTRIES: u32 = 1 << 26;
/// Memory for all paths of an index of so many bytes. In version 4 each is made from the one before, so that a megabyte
/// could say gigabytes; real ones take up to twice the file.
fn max_path_bytes(file_bytes: usize) -> usize {
    (16 << 20) + 8 * file_bytes
}

const MALFORMED: Fault = Fault::Malformed("index");
const MALFORMED_SPLIT: Fault = Fault::Malformed("split index");

impl Staging {
    /// Reads the index at `path`; empty if there is none. Its checksum is not looked at: it takes longer than all the
    /// rest.
    ///
    /// # Errors
    /// If it can't be read or isn't an index of a known version.
    pub fn read(path: &Path, format: ObjectFormat) -> Result<Staging, Fault> {
        let map = match file::map(path) {
            Ok(Some(map)) => map,
            Ok(None) => return Err(MALFORMED),
            Err(Fault::Io(std::io::ErrorKind::NotFound)) => return Ok(Staging::default()),
            Err(fault) => return Err(fault),
        };
        let (staging, link) = parse(&map, format)?;
        let Some(link) = link else { return Ok(staging.sorted()) };
        let mut cursor = Cursor::new(link);
        let Some(base) = cursor.take(format.id_len()).map(ObjectId::copied) else {
            return Ok(staging.with_fault(MALFORMED_SPLIT).sorted());
        };
        if base.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(staging.sorted());
        }
        let shared = path.with_file_name(format!("sharedindex.{base}"));
        let shared = file::map(&shared).and_then(|map| Ok(parse(&map.ok_or(MALFORMED_SPLIT)?, format)?.0));
        let joined = match shared {
            Ok(shared) => staging.join(shared, &mut cursor),
            Err(fault) => staging.with_fault(fault),
        };
        Ok(joined.sorted())
    }

    /// Reads an index. A split one says only what it adds to the other.
    ///
    /// # Errors
    /// If it isn't one of a known version.
    pub fn parse(bytes: &[u8], format: ObjectFormat) -> Result<Staging, Fault> {
        Ok(parse(bytes, format)?.0.sorted())
    }

    /// The tree of a directory nothing below which was staged since, if it is known.
    #[must_use]
    pub fn tree(&self, directory: &[u8]) -> Option<ObjectId> {
        self.trees.get(directory).copied()
    }

    fn with_fault(mut self, fault: Fault) -> Staging {
        self.faults.push(fault);
        self
    }

    /// Reads entries until one can't be.
    fn read_entries(&mut self, cursor: &mut Cursor<'_>, version: u32, count: u32, format: ObjectFormat) {
        let max_path_bytes = max_path_bytes(cursor.rest().len());
        let mut path_bytes = 0;
        for _ in 0..count {
            let before = self.entries.last().map_or(&[][..], |entry| &entry.path);
            let Some(entry) = entry(cursor, version, before, format) else { return self.faults.push(MALFORMED) };
            path_bytes += entry.path.len();
            if path_bytes > max_path_bytes {
                let limit = max_path_bytes as u64;
                return self.faults.push(Fault::TooMany { what: "bytes of paths in the index", limit });
            }
            self.entries.push(entry);
        }
    }

    fn sorted(mut self) -> Staging {
        self.entries.sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        self
    }

    /// The shared entries less the deleted ones, with this index's own. The first of these have no path: they take
    /// the places of shared ones.
    fn join(mut self, shared: Staging, link: &mut Cursor<'_>) -> Staging {
        self.faults.extend(shared.faults);
        let mut entries: Vec<Option<Staged>> = shared.entries.into_iter().map(Some).collect();
        let limit = entries.len();
        // Without bitmaps nothing is deleted or replaced.
        let has_bits = !link.rest().is_empty();
        let deleted = if has_bits { ewah_bits(link, limit) } else { Some(Vec::new()) };
        let replaced = if has_bits { ewah_bits(link, limit) } else { Some(Vec::new()) };
        if deleted.is_none() || replaced.is_none() {
            self.faults.push(MALFORMED_SPLIT);
        }
        deleted.unwrap_or_default().into_iter().for_each(|position| entries[position] = None);
        let own = std::mem::take(&mut self.entries);
        let (replacing, added): (Vec<Staged>, Vec<Staged>) = own.into_iter().partition(|entry| entry.path.is_empty());
        let mut positions = replaced.unwrap_or_default().into_iter();
        for entry in replacing {
            match positions.next().and_then(|position| entries[position].as_mut()) {
                Some(slot) => *slot = Staged { path: std::mem::take(&mut slot.path), ..entry },
                None => {
                    // Its content is there, whatever its name.
                    self.faults.push(MALFORMED_SPLIT);
                    self.entries.push(entry);
                }
            }
        }
        self.faults.dedup();
        self.entries.extend(entries.into_iter().flatten().chain(added));
        self
    }
}

/// An index in its own order, and the content of its extension `link`, which names another that it is based on.
fn parse(bytes: &[u8], format: ObjectFormat) -> Result<(Staging, Option<&[u8]>), Fault> {
    let body = bytes.len().checked_sub(format.id_len()).map(|end| &bytes[..end]).ok_or(MALFORMED)?;
    let mut cursor = Cursor::new(body);
    if cursor.take(4).ok_or(MALFORMED)? != b"DIRC" {
        return Err(MALFORMED);
    }
    let version = cursor.u32().ok_or(MALFORMED)?;
    if !(2..=4).contains(&version) {
        return Err(Fault::UnknownVersion(version));
    }
    let count = cursor.u32().ok_or(MALFORMED)?;
    if count > MAX_ENTRIES {
        return Err(Fault::TooMany { what: "staged files", limit: u64::from(MAX_ENTRIES) });
    }
    // An entry takes 62 bytes at least: a false count must not allocate much.
    let entries = Vec::with_capacity((count as usize).min(body.len() / 62 + 1));
    let mut staging = Staging { entries, ..Staging::default() };
    staging.read_entries(&mut cursor, version, count, format);
    let mut link = None;
    while staging.faults.is_empty() && !cursor.rest().is_empty() {
        let Some((name, content)) = extension(&mut cursor) else {
            staging.faults.push(MALFORMED);
            break;
        };
        match &name {
            b"TREE" => staging.trees = cached_trees(content, format),
            b"link" => link = Some(content),
            // Says that there may be entries that stand for whole directories.
            b"sdir" => {}
            // Names in lower case can't be passed over.
            [b'A'..=b'Z', ..] => {}
            _ => staging.faults.push(Fault::UnknownExtension(name)),
        }
    }
    Ok((staging, link))
}

/// For fuzzers: an index and the one that it is split from.
#[cfg(any(test, fuzzing))]
pub(super) fn parse_split(index: &[u8], shared: &[u8], format: ObjectFormat) -> Result<Staging, Fault> {
    let (staging, link) = parse(index, format)?;
    let mut cursor = Cursor::new(link.unwrap_or_default());
    cursor.take(format.id_len());
    Ok(match parse(shared, format) {
        Ok((shared, _)) => staging.join(shared, &mut cursor),
        Err(_) => staging,
    }
    .sorted())
}

fn extension<'a>(cursor: &mut Cursor<'a>) -> Option<([u8; 4], &'a [u8])> {
    let name = cursor.take(4)?.try_into().ok()?;
    let len = usize::try_from(cursor.u32()?).ok()?;
    Some((name, cursor.take(len)?))
}

fn entry(cursor: &mut Cursor<'_>, version: u32, before: &[u8], format: ObjectFormat) -> Option<Staged> {
    let start = cursor.rest().len();
    let touched = (cursor.u32()?, cursor.u32()?);
    let changed = (cursor.u32()?, cursor.u32()?);
    cursor.take(8)?;
    let mode = cursor.u32()?;
    cursor.take(8)?;
    let size = cursor.u32()?;
    let id = ObjectId::copied(cursor.take(format.id_len())?);
    let flags = cursor.u16()?;
    let extended = if flags & 0x4000 != 0 { cursor.u16()? } else { 0 };
    let path = if version == 4 {
        let dropped = usize::try_from(cursor.varint()?).ok()?;
        let kept = before.len().checked_sub(dropped)?;
        [&before[..kept], cursor.take_until(0)?].concat()
    } else {
        let path = cursor.take_until(0)?.to_vec();
        // Up to a multiple of eight, with one NUL at least, which was taken.
        let used = start - cursor.rest().len();
        cursor.take(used.next_multiple_of(8) - used)?;
        path
    };
    Some(Staged {
        path,
        mode,
        id,
        stage: (flags >> 12 & 3) as u8,
        is_intent: extended & 0x2000 != 0,
        is_skipped: extended & 0x4000 != 0,
        size,
        changed,
        touched,
    })
}

/// The extension `TREE`: per directory, depth first, `name NUL entries SP subtrees LF id`; no id where it is not valid.
fn cached_trees(content: &[u8], format: ObjectFormat) -> HashMap<Vec<u8>, ObjectId> {
    let mut trees = HashMap::new();
    let mut cursor = Cursor::new(content);
    // Directories whose subdirectories follow: path, and how many are left.
    let mut open: Vec<(Vec<u8>, u64)> = Vec::new();
    let mut path_bytes = 0;
    while let Some(name) = cursor.take_until(0) {
        let number = |bytes: &[u8]| str::from_utf8(bytes).ok()?.parse::<i64>().ok();
        let (Some(entries), Some(subtrees)) =
            (cursor.take_until(b' ').and_then(number), cursor.take_until(b'\n').and_then(number))
        else {
            break;
        };
        let path = match open.last_mut() {
            None => Vec::new(),
            Some((parent, left)) => {
                *left -= 1;
                let slash: &[u8] = if parent.is_empty() { b"" } else { b"/" };
                [parent, slash, name].concat()
            }
        };
        // What isn't known is compared: that takes longer, and nothing else.
        path_bytes += path.len();
        if path_bytes > max_path_bytes(content.len()) {
            break;
        }
        if entries >= 0 {
            let Some(id) = cursor.take(format.id_len()) else { break };
            trees.insert(path.clone(), ObjectId::copied(id));
        }
        open.push((path, u64::try_from(subtrees).unwrap_or(0)));
        while open.last().is_some_and(|(_, left)| *left == 0) {
            open.pop();
        }
        if open.is_empty() {
            break;
        }
    }
    trees
}

/// Positions below `limit` of the bits that are set in a bitmap of the EWAH format: runs of equal words, and literal
/// words. A bit beyond makes it malformed.
fn ewah_bits(cursor: &mut Cursor<'_>, limit: usize) -> Option<Vec<usize>> {
    let len = u64::from(cursor.u32()?);
    let mut words = cursor.u32()?;
    let mut bits = Vec::new();
    let mut at = 0_u64;
    while words > 0 {
        let marker = cursor.u64()?;
        words -= 1;
        let (is_set, run, literals) = (marker & 1 == 1, marker >> 1 & 0xffff_ffff, marker >> 33);
        let end = at.checked_add(run * 64)?;
        if is_set {
            let end = end.min(len);
            if end > limit as u64 {
                return None;
            }
            bits.extend(at as usize..end as usize);
        }
        at = end;
        for _ in 0..literals {
            let word = cursor.u64()?;
            words = words.checked_sub(1)?;
            for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
                let position = at.checked_add(bit).filter(|position| *position < len.min(limit as u64))?;
                bits.push(position as usize);
            }
            at = at.checked_add(64)?;
        }
    }
    cursor.u32()?;
    Some(bits)
}
