//! Where the records of a document stand that others point to: authors, tickets, pages. They are looked up once the export
//! was scanned, and reading all of it again for a few of them would take as long as the scan did.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::BuildHasher as _,
    io::{self, Read},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    element::{Element, Kinds, read_records},
    input::Input,
    system::Export,
};
use crate::source::crew::lock;

/// Records that are noted of all exports in one: 32 MiB. Those behind them are read again.
const MAX_NOTES: usize = 4 << 20;

/// So many notes there may still be, of all exports together that are read at once.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<AtomicUsize>);

impl Default for Room {
    fn default() -> Room {
        Room(Arc::new(MAX_NOTES.into()))
    }
}

impl Room {
    /// Is there room for one more?
    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_ok()
    }

    fn give_back(&self, notes: usize) {
        self.0.fetch_add(notes, Ordering::Relaxed);
    }
}

/// What a record is looked up by: its table, and its id there. Without an id it is found with all of its table that have none.
pub(super) type Key<'k> = (&'k str, &'k str);

/// Where the records of an export stand, by their keys.
pub(super) struct RecordIndex {
    documents: Mutex<HashMap<String, Document>>,
    hasher: foldhash::fast::RandomState,
    room: Room,
    /// Where less than this stands between two records that may be looked up, it is read with the first of them.
    between: u64,
}

const BETWEEN: u64 = 16 << 10;

/// What is noted of one document.
#[derive(Default)]
struct Document {
    /// In the order of their offsets.
    notes: Vec<Note>,
    /// From here on nothing is noted.
    until: Option<u64>,
}

/// Offset of a record (below 1 TiB) and a tag made of its key, or [`NO_TAG`]. One tag stands for several keys now and then: who
/// looks up compares.
#[derive(Clone, Copy, Debug)]
struct Note(u64);

const TAG_BITS: u32 = 24;

/// There the record before it ends, and others begin that nobody asks for.
const NO_TAG: u32 = 0;

type Tags = HashSet<u32, foldhash::fast::RandomState>;

impl Note {
    fn new(offset: u64, tag: u32) -> Option<Note> {
        let is_near = offset < 1 << (u64::BITS - TAG_BITS);
        is_near.then(|| Note(offset << TAG_BITS | u64::from(tag)))
    }

    fn offset(self) -> u64 {
        self.0 >> TAG_BITS
    }

    fn tag(self) -> u32 {
        self.0 as u32 & ((1 << TAG_BITS) - 1)
    }
}

impl RecordIndex {
    pub(super) fn new(room: &Room) -> RecordIndex {
        RecordIndex { documents: Mutex::default(), hasher: Default::default(), room: room.clone(), between: BETWEEN }
    }

    /// Takes the notes of a document while it is read; `path` is what it is called below the export's root.
    pub(super) fn document<'i>(&'i self, path: &'i str) -> Noting<'i> {
        Noting { index: self, path, document: Document::default(), others: None }
    }

    /// Never [`NO_TAG`].
    fn tag(&self, key: Key<'_>) -> u32 {
        (self.hasher.hash_one(key) as u32 >> (u32::BITS - TAG_BITS)).max(1)
    }

    /// Reads the records of these keys again, a few others with them, and all that stands behind the last note.
    pub(super) fn look_up<'k>(
        &self,
        export: &Export<'_>,
        wanted: impl IntoIterator<Item = Key<'k>>,
        kinds: &Kinds<'_>,
        each: &mut dyn FnMut(&Element),
    ) {
        let tags: Tags = wanted.into_iter().map(|key| self.tag(key)).collect();
        if tags.is_empty() {
            return;
        }
        let documents = lock(&self.documents);
        let has_some = |path: &str| documents.get(path).is_some_and(|own| own.places(&tags).next().is_some());
        export.read(&has_some, &mut |path, input| {
            let Some(document) = documents.get(path) else { return };
            input.decode_text();
            let picked = Picked { input, place: 0..0, places: document.places(&tags) };
            read_records(&mut Input::new(Box::new(picked), export.interrupt), kinds, each);
        });
    }
}

/// The notes of one document on their way into the index.
pub(super) struct Noting<'i> {
    index: &'i RecordIndex,
    path: &'i str,
    document: Document,
    /// Where the first of the records behind the last note stands that are never looked up.
    others: Option<u64>,
}

impl Noting<'_> {
    /// Notes a record; without a key it is never looked up.
    pub(super) fn add(&mut self, record: &Element, key: Option<Key<'_>>) {
        let last = self.document.notes.last().map(|note| note.offset());
        // A long one comes in parts.
        let is_known = last.is_some_and(|last| last >= record.start);
        if is_known || record.name.is_empty() {
            return;
        }
        let Some(key) = key else {
            self.others.get_or_insert(record.start);
            return;
        };
        self.end_last(record.start);
        self.push(record.start, self.index.tag(key));
    }

    /// Notes where the last record ends, if others stand between it and `next`.
    fn end_last(&mut self, next: u64) {
        if let Some(others) = self.others.take().filter(|others| next - others > self.index.between) {
            self.push(others, NO_TAG);
        }
    }

    fn push(&mut self, offset: u64, tag: u32) {
        let Document { notes, until } = &mut self.document;
        if until.is_some() {
            return;
        }
        match Note::new(offset, tag).filter(|_| self.index.room.take()) {
            Some(note) => notes.push(note),
            None => *until = Some(offset),
        }
    }

    /// Keeps them.
    pub(super) fn keep(mut self) {
        self.end_last(u64::MAX);
        self.document.notes.shrink_to_fit();
        match lock(&self.index.documents).entry(self.path.to_owned()) {
            Entry::Vacant(place) => drop(place.insert(self.document)),
            // Archives may have two files of one name: which is which isn't known later.
            Entry::Occupied(mut place) => {
                let former = place.insert(Document { notes: Vec::new(), until: Some(0) });
                self.index.room.give_back(former.notes.len() + self.document.notes.len());
            }
        }
    }
}

impl Document {
    /// Where records with such tags stand, and what was not noted.
    fn places<'d>(&'d self, tags: &'d Tags) -> impl Iterator<Item = Range<u64>> + use<'d> {
        let end = self.until.unwrap_or(u64::MAX);
        let ends = self.notes.iter().skip(1).map(|note| note.offset()).chain([end]);
        let noted = self.notes.iter().zip(ends).filter(|(note, _)| tags.contains(&note.tag()));
        noted.map(|(note, end)| note.offset()..end).chain(self.until.map(|until| until..u64::MAX))
    }
}

/// The bytes of some places in a file, one after the other.
struct Picked<'p, 'r, P> {
    input: &'p mut Input<'r>,
    place: Range<u64>,
    places: P,
}

impl<P: Iterator<Item = Range<u64>>> Read for Picked<'_, '_, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.place.is_empty() {
                let Some(next) = self.places.next() else { break };
                self.place = next;
            }
            if self.input.window().is_empty() && !self.input.more() {
                break;
            }
            let window = self.input.window();
            let before = self.place.start.saturating_sub(self.input.offset());
            let skipped = usize::try_from(before).unwrap_or(usize::MAX).min(window.len());
            let left = usize::try_from(self.place.end - self.place.start).unwrap_or(usize::MAX);
            let count = (window.len() - skipped).min(left).min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&window[skipped..skipped + count]);
            // Nobody asks for the line.
            self.input.consume_to(skipped + count, 0);
            self.place.start += count as u64;
            filled += count;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use proptest::{collection::vec, prelude::*};

    use super::{BETWEEN, Element, Input, Key, Kinds, Picked, RecordIndex, Room, Tags, lock, read_records};

    const RECORDS: Kinds<'_> = Kinds { is_record: &|name| name != "all", ..Kinds::NONE };

    /// Only tables of capitals are looked up.
    fn key_of(record: &Element) -> Option<Key<'_>> {
        record.name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(())?;
        Some((&record.name, record.attribute("id")?))
    }

    /// What is read of a document by an index with room for some notes, of records that are wanted and in all.
    fn looked_up(text: &[u8], (room, between): (usize, u64), wanted: &[(String, String)]) -> (Vec<String>, usize) {
        let interrupt = AtomicBool::new(false);
        let index = RecordIndex { between, ..RecordIndex::new(&Room(Arc::new(room.into()))) };
        let mut noting = index.document("a.xml");
        read_records(&mut Input::new(Box::new(text), &interrupt), &RECORDS, &mut |record| {
            noting.add(record, key_of(record));
        });
        noting.keep();
        let tags: Tags = wanted.iter().map(|(table, id)| index.tag((table, id))).collect();
        let (documents, mut input) = (lock(&index.documents), Input::new(Box::new(text), &interrupt));
        input.decode_text();
        let picked = Picked { input: &mut input, place: 0..0, places: documents["a.xml"].places(&tags) };
        read(&mut Input::new(Box::new(picked), &interrupt), wanted)
    }

    /// The wanted records, and how many there are.
    fn read(input: &mut Input<'_>, wanted: &[(String, String)]) -> (Vec<String>, usize) {
        let (mut told, mut count) = (Vec::new(), 0);
        read_records(input, &RECORDS, &mut |record| {
            count += usize::from(!record.name.is_empty());
            let is_wanted =
                key_of(record).is_some_and(|(table, id)| wanted.contains(&(table.to_owned(), id.to_owned())));
            if is_wanted {
                let attributes: Vec<_> = record.attributes.iter().map(|(name, value, _)| (name, value)).collect();
                let Element { name, children, text, bytes, .. } = record;
                told.push(format!("{name} {attributes:?} {text:?} {} {bytes}", children.len()));
            }
        });
        (told, count)
    }

    fn any_record() -> impl Strategy<Value = String> {
        let name = prop::sample::select(&["A", "B", "c"][..]);
        (
            name,
            0..6_u32,
            prop::sample::select(
                &["", "text", "<d>&lt;</d>", "<!-- <A id='1'/> -->", "<![CDATA[</A><A id='2'>]]>"][..],
            ),
        )
            .prop_map(|(name, id, inner)| match inner.is_empty() {
                true => format!("<{name} id=\"{id}\"/>"),
                false => format!("<{name} id=\"{id}\">{inner}</{name}>\n"),
            })
    }

    proptest! {
        // A window takes half a megabyte: fewer cases than usual.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_looked_up_is_what_is_read(
            records in vec(any_record(), 0..24),
            (is_wide, is_cut) in any::<(bool, bool)>(),
            (room, between) in (0..40_usize, prop::sample::select(&[0, 64, BETWEEN][..])),
            wanted in vec((prop::sample::select(&["A", "B"][..]), 0..6_u32), 0..4),
        ) {
            let mut text = format!("<?xml version=\"1.0\"?><all>\n{}</all>", records.concat());
            if is_cut {
                text.truncate(text.len() * 3 / 4);
            }
            let text = match is_wide {
                true => [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
                false => text.into_bytes(),
            };
            let wanted: Vec<_> = wanted.into_iter().map(|(table, id)| (table.to_owned(), id.to_string())).collect();
            let interrupt = AtomicBool::new(false);
            let all = read(&mut Input::new(Box::new(&text[..]), &interrupt), &wanted);
            prop_assert_eq!(looked_up(&text, (room, between), &wanted).0, all.0.clone());
            // Without others, where there is room.
            let (told, count) = looked_up(&text, (1_000, 0), &wanted);
            prop_assert!(is_cut || count == told.len(), "{} of {}", told.len(), count);
        }
    }
}
