//! Public ids that somebody posted shortly before a secret. The secret of a pair is often nothing that anybody would know by
//! itself: forty characters in a message of their own. So what follows such a message in its conversation is scanned once more, with
//! the id before it.

use super::{collect::Hit, records, scanner::Scanner};
use crate::{
    model::{Neighbour, Provenance, Span},
    source::{Record, Segment, View},
};

/// How far apart two messages may stand, in minutes: as for parts that are found by themselves.
pub(super) const MAX_APART: u64 = 3;

/// Ids that are remembered, and for how many records.
const MAX_IDS: usize = 8;
const MAX_RECORDS: u32 = 64;

/// Bytes of a record that may be an answer: nobody hides a key behind an essay.
const ANSWER_BYTES: usize = 1024;

/// Between the id and the record, as between two fields.
const BETWEEN: &str = "\n\n";

/// A public id that was posted.
#[derive(Debug)]
struct Id {
    value: String,
    provenance: Provenance,
    line: u64,
    span: Span,
    groups: Vec<Neighbour>,
    /// Records since.
    age: u32,
    /// Was its secret there? Then the next one is that of another id.
    is_answered: bool,
}

impl Id {
    fn is_near(&self, groups: &[Neighbour]) -> bool {
        let is_near = |a: &Neighbour, b: &Neighbour| a.group == b.group && a.order.abs_diff(b.order) <= MAX_APART;
        self.groups.iter().any(|own| groups.iter().any(|other| is_near(own, other)))
    }
}

/// What was posted last, as one thread reads it.
#[derive(Debug, Default)]
pub(super) struct Talk {
    ids: Vec<Id>,
}

impl Talk {
    /// Is there an id that the next record may have the secret of?
    pub(super) fn is_open(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Remembers the ids in a record.
    pub(super) fn listen(&mut self, hits: &[Hit], scanner: &Scanner) {
        self.ids.iter_mut().for_each(|id| id.age += 1);
        self.ids.retain(|id| id.age <= MAX_RECORDS);
        for hit in hits.iter().filter(|hit| scanner.rules()[hit.rule as usize].identifier) {
            let groups = hit.occurrence.provenance.neighbours();
            if groups.is_empty() {
                continue;
            }
            if self.ids.len() == MAX_IDS {
                self.ids.remove(0);
            }
            let (value, place) = (String::from_utf8_lossy(hit.secret.expose()).into_owned(), hit.occurrence.place);
            let provenance = hit.occurrence.provenance.clone();
            self.ids.push(Id {
                value,
                provenance,
                line: place.line,
                span: place.span,
                groups,
                age: 0,
                is_answered: false,
            });
        }
    }

    /// The id that a record may have the secret of, if there is no choice between two; one that was answered is none if there
    /// are others.
    fn id_before(&self, record: &Record<'_>) -> Option<&Id> {
        let groups = Provenance::Record(Box::new((record.place)())).neighbours();
        let mut near: Vec<&Id> = self.ids.iter().filter(|id| id.is_near(&groups)).collect();
        if near.iter().any(|id| !id.is_answered) {
            near.retain(|id| !id.is_answered);
        }
        let id = near.pop()?;
        near.iter().all(|other| other.value == id.value).then_some(id)
    }

    /// Adds the secrets of a record that are some only together with the id before it.
    pub(super) fn complete<'r>(
        &mut self,
        record: &Record<'r>,
        hits: &mut Vec<Hit>,
        scanner: &Scanner,
        scan: impl FnOnce(&[u8]) -> Vec<super::locate::Located>,
    ) {
        let Some(id) = self.id_before(record) else { return };
        let mut is_answered = false;
        let limit = record.text.len().min(ANSWER_BYTES);
        let text = [id.value.as_bytes(), BETWEEN.as_bytes(), &record.text[..limit]].concat();
        let before = id.value.len() + BETWEEN.len();
        let own = Segment { text: 0..id.value.len(), key: 0, name: 0..0, offset: 0, view: View::Shown };
        let moved = record
            .segments
            .iter()
            .take_while(|segment| segment.text.end <= limit)
            .map(|segment| Segment { text: segment.text.start + before..segment.text.end + before, ..segment.clone() });
        let segments: Vec<Segment> = std::iter::once(own).chain(moved).collect();
        let both = Record { text: &text, segments: &segments, bytes: 0, ..*record };
        let mut found = scan(&text);
        found.retain(|found| {
            found.start_offset() >= before as u64 && found.parts.iter().any(|part| part.value == id.value)
        });
        for mut hit in records::hits(found, &both) {
            for part in hit.parts.iter_mut().filter(|part| part.value == id.value) {
                if let Provenance::Record(place) = &id.provenance {
                    part.in_field = Some((place.clone(), id.line));
                    part.span = id.span;
                }
            }
            let is_generic = |known: &Hit| scanner.rules()[known.rule as usize].generic;
            hits.retain(|known| known.secret != hit.secret || !is_generic(known));
            if !hits.iter().any(|known| known.secret == hit.secret) {
                hits.push(hit);
            }
            is_answered = true;
        }
        if is_answered {
            let value = id.value.clone();
            self.ids.iter_mut().filter(|id| id.value == value).for_each(|id| id.is_answered = true);
        }
    }
}
