//! What stands in the window whole and is UTF-8: nearly all of a document, told without asking for more bytes.

use std::{borrow::Cow, cell::Cell};

use memchr::memmem::Finder;

use super::{
    super::{
        input::{Input, count_lines},
        near::first_of,
    },
    Attributes, CDATA, Ending, Leaf, Line, Looked, NO_BRACKET, NO_QUOTE, Spans, Stored, Tag, XmlEvent, attributes,
    decode,
    ending::{self, ending},
    is_name_start, name_in, resolved, tell_aside,
};

/// Tells what stands in the window whole and is UTF-8, as nearly everything does: that is found out once for all of it.
/// Returns its length and the line behind it.
pub(super) fn in_window(
    input: &Input<'_>,
    cdata_end: &Finder<'_>,
    each: &mut impl FnMut(XmlEvent<'_>),
) -> (usize, u64) {
    let window = input.window();
    let text = match str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    let near = Near { text, base: input.offset(), counted: Cell::new((0, input.line())), cdata_end };
    let (mut at, mut spans) = (0, Vec::new());
    while let Some(length) = near.tell(at, &mut spans, each) {
        at += length;
    }
    (at, near.line(at))
}

/// What is at hand.
struct Near<'w> {
    /// The window as far as it is text.
    text: &'w str,
    /// Offset of the window in the file.
    base: u64,
    /// A place in the window and its line.
    counted: Cell<(usize, u64)>,
    cdata_end: &'w Finder<'w>,
}

impl<'w> Near<'w> {
    /// Tells what stands at a place, by the same rules as `text` and `markup`; its length, or `None` if it goes on behind
    /// the window.
    fn tell(&self, at: usize, spans: &mut Vec<Spans>, each: &mut impl FnMut(XmlEvent<'_>)) -> Option<usize> {
        let rest = self.text.get(at..).filter(|rest| !rest.is_empty())?;
        let (bytes, offset) = (rest.as_bytes(), self.base + at as u64);
        if bytes[0] != b'<' {
            let text = text_in(rest, 0)?;
            each(XmlEvent::Text { text: text.shown(rest), offset, bytes: text.bytes });
            return Some(text.bytes);
        }
        match bytes.get(..CDATA.len())? {
            [_, b'/', ..] => {
                let end = first_of([b'>', b'<', b'<'], bytes, 2)?;
                each(XmlEvent::End { name: rest[2..end].trim_ascii(), offset });
                if bytes[end] == b'>' {
                    return Some(end + 1);
                }
                each(XmlEvent::Fault { offset, why: NO_BRACKET });
                Some(end)
            }
            [_, first, ..] if is_name_start(*first) => self.tag(at, (rest, spans), each),
            CDATA => {
                let inner = self.up_to(rest, CDATA.len(), self.cdata_end)?;
                let bytes = CDATA.len() + inner.len() + 3;
                each(XmlEvent::Text { text: Cow::Borrowed(inner), offset: offset + CDATA.len() as u64, bytes });
                Some(bytes)
            }
            [_, b'!', b'-', b'-', ..] => self.aside(at, (4, 3), ending::comment, each),
            [_, b'?', ..] => self.aside(at, (2, 2), ending::instruction, each),
            [_, b'!', ..] => self.aside(at, (2, 1), ending::doctype, each),
            _ => {
                each(XmlEvent::Text { text: Cow::Borrowed("<"), offset, bytes: 1 });
                Some(1)
            }
        }
    }

    /// Tells a comment and the like; see [`tell_aside`].
    fn aside(
        &self,
        at: usize,
        around: (usize, usize),
        look: fn(&[u8]) -> Looked,
        each: &mut impl FnMut(XmlEvent<'_>),
    ) -> Option<usize> {
        let bytes = &self.text.as_bytes()[at..];
        Some(tell_aside(bytes, look(bytes)?, around, self.base + at as u64, each))
    }

    /// What stands between `skip` bytes and an end.
    fn up_to(&self, rest: &'w str, skip: usize, end: &Finder<'_>) -> Option<&'w str> {
        let inner = rest.get(skip..)?;
        inner.get(..end.find(inner.as_bytes())?)
    }

    /// Tells the start tag at a place, with all of its element if that is a leaf.
    fn tag(
        &self,
        at: usize,
        (rest, spans): (&str, &mut Vec<Spans>),
        each: &mut impl FnMut(XmlEvent<'_>),
    ) -> Option<usize> {
        let bytes = rest.as_bytes();
        let name_end = 1 + name_in(&bytes[1..]);
        let plain_end = attributes::spans_in(bytes, name_end, spans);
        let end = match plain_end {
            Some(end) => end,
            None => self.end(at, each)?,
        };
        if bytes[end] == b'<' {
            return Some(end);
        }
        let spans = plain_end.map(|_| spans.as_slice());
        let attributes = Attributes::of_text(&rest[name_end..end], spans, self.base + (at + name_end) as u64);
        let line = || self.line(at);
        let tag = Tag {
            name: &rest[1..name_end],
            attributes,
            offset: self.base + at as u64,
            line: Line(&line),
            bytes: end + 1,
        };
        if bytes[end - 1] == b'/' {
            each(XmlEvent::Leaf(&Leaf { tag, text: None }));
            return Some(end + 1);
        }
        let text = self.text_behind(end + 1, rest).filter(|text| {
            let behind = bytes[end + 1 + text.bytes..].strip_prefix(b"</");
            let named = behind.and_then(|behind| behind.strip_prefix(tag.name.as_bytes()));
            named.is_some_and(|behind| behind.starts_with(b">"))
        });
        let Some(text) = text else {
            each(XmlEvent::Start(&tag));
            return Some(end + 1);
        };
        let length = end + 1 + text.bytes + tag.name.len() + 3;
        let Raw { start, bytes, .. } = text;
        each(XmlEvent::Leaf(&Leaf {
            tag,
            text: Some(Stored { shown: text.shown(rest), bytes, skipped: start - end - 1 }),
        }));
        Some(length)
    }

    /// Where a tag ends whose attributes aren't plain. One that isn't a tag is told, up to the `<` of the next one.
    fn end(&self, at: usize, each: &mut impl FnMut(XmlEvent<'_>)) -> Option<usize> {
        let (bytes, offset) = (&self.text.as_bytes()[at..], self.base + at as u64);
        match ending(bytes) {
            Ending::Whole(end) => Some(end),
            Ending::Unquoted(end) => {
                each(XmlEvent::Fault { offset, why: NO_QUOTE });
                Some(end)
            }
            Ending::None(length) => {
                each(XmlEvent::Text { text: decode(&bytes[..length]), offset, bytes: length });
                Some(length)
            }
            Ending::Open(_) => None,
        }
    }

    /// The text at a place, if it ends in the window.
    fn text_behind(&self, from: usize, rest: &str) -> Option<Raw> {
        let start = from + CDATA.len();
        if rest.as_bytes().get(from..start) != Some(CDATA) {
            return text_in(rest, from);
        }
        let end = start + self.up_to(rest, start, self.cdata_end)?.len();
        Some(Raw { start, end, bytes: end + 3 - from, has_entities: false })
    }

    /// The line of a place.
    fn line(&self, at: usize) -> u64 {
        let (counted, line) = self.counted.get();
        let line = line + count_lines(&self.text.as_bytes()[counted..at]);
        self.counted.set((at, line));
        line
    }
}

/// A text at hand: where it stands and how long it is with what is around it.
struct Raw {
    start: usize,
    end: usize,
    bytes: usize,
    has_entities: bool,
}

impl Raw {
    /// It as it was seen.
    fn shown<'t>(&self, rest: &'t str) -> Cow<'t, str> {
        let text = Cow::Borrowed(&rest[self.start..self.end]);
        if self.has_entities { resolved(text) } else { text }
    }
}

/// The text from a place up to the next tag, if it ends here.
fn text_in(rest: &str, start: usize) -> Option<Raw> {
    let bytes = rest.as_bytes();
    let found = first_of([b'<', b'&', b'&'], bytes, start)?;
    let (end, has_entities) = match bytes[found] {
        b'<' => (found, false),
        _ => (found + memchr::memchr(b'<', &bytes[found..])?, true),
    };
    Some(Raw { start, end, bytes: end - start, has_entities })
}
