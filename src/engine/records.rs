//! From matches in the text of a record to places in its fields: each secret once per record.

use zeroize::Zeroizing;

use super::{collect::Hit, lines::Carry, locate::Located};
use crate::{
    model::{Part, Provenance, RecordPlace, Revision, Span},
    source::{Record, Segment, View},
};

/// The places of hits in records, to be filled in.
pub(super) fn places(hits: &mut [Hit]) -> Vec<&mut RecordPlace> {
    let of = |hit| -> Option<_> {
        let hit: &mut Hit = hit;
        match &mut hit.occurrence.provenance {
            Provenance::Record(place) => Some(&mut **place),
            _ => None,
        }
    };
    hits.iter_mut().filter_map(of).collect()
}

/// One hit per rule and secret, at the first field that has it. What a view as stored shows of a secret that people saw
/// otherwise (with its entities, say) is no secret of its own.
pub(super) fn hits(mut located: Vec<Located>, record: &Record<'_>) -> Vec<Hit> {
    located.sort_by_key(|found| {
        let view = segment(found, record).map(|segment| segment.view);
        (view == Some(View::Stored), found.start_offset())
    });
    let mut hits: Vec<Hit> = Vec::new();
    for found in located {
        let Some(segment) = segment(&found, record) else { continue };
        let known = hits.iter_mut().find(|known| {
            (known.rule == found.rule && known.secret == found.secret)
                || segment.view == View::Stored && shows_the_same(found.secret.expose(), known.secret.expose())
        });
        match known {
            Some(known) => known.notations.extend(found.notation),
            None => hits.push(hit(found, segment, record)),
        }
    }
    hits
}

fn segment<'r>(found: &Located, record: &Record<'r>) -> Option<&'r Segment> {
    record.segment_at(usize::try_from(found.start_offset()).ok()?)
}

fn hit(found: Located, segment: &Segment, record: &Record<'_>) -> Hit {
    let provenance = Provenance::Record(Box::new(place_of(segment, record)));
    let mut hit = Hit::new(found, Carry::default(), provenance, Part::Content);
    let secret = &mut hit.occurrence.place;
    for part in &mut hit.parts {
        let start = usize::try_from(part.span.start).ok();
        let Some(field) = start.and_then(|start| record.segment_at(start)) else { continue };
        if field != segment {
            let line = part.line(secret) - lines_before(field, record);
            part.in_field = Some((Box::new(place_of(field, record)), line));
        }
        rebase(&mut part.span, field);
    }
    let lines = lines_before(segment, record);
    secret.line -= lines;
    secret.end_line -= lines;
    let key = &record.text[segment.text.start..][..segment.key];
    let (bytes, units) = (key.len() as u64, String::from_utf8_lossy(key).encode_utf16().count() as u64);
    let back = |column: &mut u64, by| *column = column.saturating_sub(by).max(1);
    if secret.line == 1 {
        back(&mut secret.column, bytes);
        back(&mut secret.column_utf16, units);
    }
    if secret.end_line == 1 {
        back(&mut secret.end_column, bytes);
        back(&mut secret.end_column_utf16, units);
    }
    rebase(&mut secret.span, segment);
    hit
}

/// The place of a field.
fn place_of(segment: &Segment, record: &Record<'_>) -> RecordPlace {
    let mut place = (record.place)();
    record.name(segment).clone_into(&mut place.field);
    place.physical.offset = segment.offset;
    if segment.view == View::Old {
        place.revision = Revision::Old;
    }
    place
}

/// Lines of the record before a field, which begins on a line of its own.
fn lines_before(segment: &Segment, record: &Record<'_>) -> u64 {
    memchr::memchr_iter(b'\n', &record.text[..segment.text.start]).count() as u64
}

/// Counts from the beginning of a field instead of the record.
fn rebase(span: &mut Span, segment: &Segment) {
    let start = (segment.text.start + segment.key) as u64;
    span.start = span.start.saturating_sub(start);
    span.end = span.end.saturating_sub(start);
}

/// Is a text as stored the same as one that was shown, but for markup?
fn shows_the_same(stored: &[u8], shown: &[u8]) -> bool {
    let plain = without_markup(stored);
    plain.as_slice() == shown
        || memchr::memmem::find(&plain, shown).is_some()
        || memchr::memmem::find(shown, &plain).is_some()
}

/// Without the few entities that stand in tokens, and characters that nobody sees.
fn without_markup(stored: &[u8]) -> Zeroizing<Vec<u8>> {
    const FORMS: [(&[u8], &[u8]); 9] = [
        (b"&amp;", b"&"),
        (b"&lt;", b"<"),
        (b"&gt;", b">"),
        (b"&quot;", b"\""),
        (b"&#39;", b"'"),
        ("\u{200b}".as_bytes(), b""),
        ("\u{2060}".as_bytes(), b""),
        ("\u{feff}".as_bytes(), b""),
        ("\u{ad}".as_bytes(), b""),
    ];
    let mut plain = Zeroizing::new(Vec::with_capacity(stored.len()));
    let mut rest = stored;
    while let Some(&byte) = rest.first() {
        match FORMS.iter().find(|(form, _)| rest.starts_with(form)) {
            Some((form, means)) => {
                plain.extend_from_slice(means);
                rest = &rest[form.len()..];
            }
            None => {
                plain.push(byte);
                rest = &rest[1..];
            }
        }
    }
    plain
}
