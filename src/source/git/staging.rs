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
    /// Sorted by path, then stage.
    pub entries: Vec<Staged>,
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

    /// May the file at `path` differ from what is staged? Says so too often rather than too rarely.
    #[must_use]
    pub fn may_differ(&self, metadata: &std::fs::Metadata, index_changed: SystemTime) -> bool {
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let changed = changed.unwrap_or(Duration::MAX);
        let is_link = self.mode & KIND == LINK;
        let seen = (changed.as_secs() as u32, changed.subsec_nanos());
        // Git may keep whole seconds only. A file changed in the moment in which the index was written is in doubt.
        let is_same_time = seen == self.changed || (self.changed.1 == 0 && seen.0 == self.changed.0);
        let is_racy = SystemTime::UNIX_EPOCH + changed.min(Duration::from_secs(u64::from(u32::MAX))) >= index_changed;
        metadata.len() as u32 != self.size || !is_same_time || is_racy || metadata.is_symlink() != is_link
    }
}

/// Most files that are read of an index.
const MAX_ENTRIES: u32 = 1 << 26;

impl Staging {
    /// Reads the index at `path`; empty if there is none. Its checksum is not looked at: it takes longer than all the
    /// rest.
    ///
    /// # Errors
    /// If it can't be read or isn't an index of a known version.
    pub fn read(path: &Path, format: ObjectFormat) -> Result<Staging, Fault> {
        let Some(map) = file::map(path)? else { return Ok(Staging::default()) };
        let mut staging = Staging::parse(&map, format)?;
        if let Some(shared) = shared_index(&map, format) {
            let name = format!("sharedindex.{}", shared.base);
            let base = file::map(&path.with_file_name(name))?.ok_or(Fault::Missing)?;
            staging = shared.join(Staging::parse(&base, format)?, staging)?;
        }
        Ok(staging)
    }

    /// Reads an index.
    ///
    /// # Errors
    /// If it isn't one of a known version.
    pub fn parse(bytes: &[u8], format: ObjectFormat) -> Result<Staging, Fault> {
        let (mut entries, extensions) = entries(bytes, format)?;
        let mut staging = Staging::default();
        entries.sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        staging.entries = entries;
        for (name, content) in Extensions(extensions) {
            match &name {
                b"TREE" => staging.trees = cached_trees(content, format),
                // Names in lower case can't be passed over. A split index and sparse directories are known.
                b"link" | b"sdir" => {}
                [b'a'..=b'z', ..] => return Err(Fault::UnknownExtension(name)),
                _ => {}
            }
        }
        Ok(staging)
    }

    /// The tree of a directory nothing below which was staged since, if it is known.
    #[must_use]
    pub fn tree(&self, directory: &[u8]) -> Option<ObjectId> {
        self.trees.get(directory).copied()
    }
}

/// Entries, and the bytes after them.
fn entries(bytes: &[u8], format: ObjectFormat) -> Result<(Vec<Staged>, &[u8]), Fault> {
    let malformed = || Fault::Malformed("index");
    let body = bytes.len().checked_sub(format.id_len()).map(|end| &bytes[..end]).ok_or_else(malformed)?;
    let mut cursor = Cursor::new(body);
    if cursor.take(4).ok_or_else(malformed)? != b"DIRC" {
        return Err(malformed());
    }
    let version = cursor.u32().ok_or_else(malformed)?;
    if !(2..=4).contains(&version) {
        return Err(Fault::UnknownVersion(version));
    }
    let count = cursor.u32().ok_or_else(malformed)?;
    if count > MAX_ENTRIES {
        return Err(Fault::TooMany { what: "staged files", limit: u64::from(MAX_ENTRIES) });
    }
    // An entry takes 62 bytes at least: a false count must not allocate much.
    let mut entries: Vec<Staged> = Vec::with_capacity((count as usize).min(body.len() / 62 + 1));
    for _ in 0..count {
        let before = entries.last().map_or(&[][..], |entry| &entry.path);
        let entry = entry(&mut cursor, version, before, format).ok_or_else(malformed)?;
        entries.push(entry);
    }
    Ok((entries, cursor.rest()))
}

fn entry(cursor: &mut Cursor<'_>, version: u32, before: &[u8], format: ObjectFormat) -> Option<Staged> {
    let start = cursor.rest().len();
    cursor.take(8)?;
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
    })
}

/// Name and content of each extension, as far as they are whole.
struct Extensions<'a>(&'a [u8]);

impl<'a> Iterator for Extensions<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut cursor = Cursor::new(self.0);
        let name = cursor.take(4)?.try_into().ok()?;
        let len = usize::try_from(cursor.u32()?).ok()?;
        let content = cursor.take(len)?;
        self.0 = cursor.rest();
        Some((name, content))
    }
}

/// The extension `TREE`: per directory, depth first, `name NUL entries SP subtrees LF id`; no id where it is not valid.
fn cached_trees(content: &[u8], format: ObjectFormat) -> HashMap<Vec<u8>, ObjectId> {
    let mut trees = HashMap::new();
    let mut cursor = Cursor::new(content);
    // Directories whose subdirectories follow: path, and how many are left.
    let mut open: Vec<(Vec<u8>, u64)> = Vec::new();
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

/// The extension `link`: an index that says only what differs from a shared one.
struct SharedIndex {
    base: ObjectId,
    deleted: Vec<u64>,
    replaced: Vec<u64>,
}

fn shared_index(bytes: &[u8], format: ObjectFormat) -> Option<SharedIndex> {
    let (_, extensions) = entries(bytes, format).ok()?;
    let (_, content) = Extensions(extensions).find(|(name, _)| name == b"link")?;
    let mut cursor = Cursor::new(content);
    let base = ObjectId::copied(cursor.take(format.id_len())?);
    if base.as_bytes().iter().all(|byte| *byte == 0) {
        return None;
    }
    let deleted = ewah_bits(&mut cursor).unwrap_or_default();
    let replaced = ewah_bits(&mut cursor).unwrap_or_default();
    Some(SharedIndex { base, deleted, replaced })
}

/// Positions of the bits that are set in a bitmap of the EWAH format: runs of equal words, and literal words.
fn ewah_bits(cursor: &mut Cursor<'_>) -> Option<Vec<u64>> {
    let len = u64::from(cursor.u32()?).min(u64::from(MAX_ENTRIES));
    let mut words = cursor.u32()?;
    let mut bits = Vec::new();
    let mut at = 0_u64;
    while words > 0 {
        let marker = cursor.u64()?;
        words -= 1;
        let (is_set, run, literals) = (marker & 1 == 1, marker >> 1 & 0xffff_ffff, marker >> 33);
        let end = (at + run * 64).min(len);
        if is_set {
            bits.extend(at..end);
        }
        at = at.saturating_add(run * 64);
        for _ in 0..literals {
            let word = cursor.u64()?;
            words = words.checked_sub(1)?;
            bits.extend((0..64).filter(|bit| word >> bit & 1 == 1).map(|bit| at + bit).take_while(|bit| *bit < len));
            at = at.saturating_add(64);
        }
    }
    cursor.u32()?;
    Some(bits)
}

impl SharedIndex {
    /// The shared entries less the deleted ones; of the own entries the first (they have no path) replace others.
    fn join(&self, base: Staging, own: Staging) -> Result<Staging, Fault> {
        let mut entries: Vec<Option<Staged>> = base.entries.into_iter().map(Some).collect();
        for position in &self.deleted {
            *entries.get_mut(*position as usize).ok_or(Fault::Malformed("split index"))? = None;
        }
        let (replacing, added): (Vec<Staged>, Vec<Staged>) =
            own.entries.into_iter().partition(|entry| entry.path.is_empty());
        for (position, entry) in self.replaced.iter().zip(replacing) {
            let slot = entries.get_mut(*position as usize).and_then(Option::as_mut);
            let slot = slot.ok_or(Fault::Malformed("split index"))?;
            *slot = Staged { path: std::mem::take(&mut slot.path), ..entry };
        }
        let mut entries: Vec<Staged> = entries.into_iter().flatten().chain(added).collect();
        entries.sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        Ok(Staging { entries, trees: own.trees })
    }
}
