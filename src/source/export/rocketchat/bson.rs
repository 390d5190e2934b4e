//! Documents of a dump, one after the other, as MongoDB stores them.
//!
//! Own code, as offsets are wanted, and as one byte that isn't UTF-8 must not cost a document, nor a broken document those
//! behind it.

use std::borrow::Cow;

use super::super::{
    input::Input,
    layout::{Treat, Value},
    markup::Markup,
    sink::{Rest, Sink},
};

/// Largest document that is read; MongoDB's own limit is 16 MiB.
const MAX_BYTES: usize = 64 << 20;

/// Deepest nesting that is looked into; MongoDB's own limit is 100.
const MAX_DEPTH: u32 = 128;

/// Bytes that no document is made of are told in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// A document or a value in one.
#[derive(Clone, Copy)]
pub(super) struct Bson<'b> {
    kind: u8,
    /// The value as stored; of a string without its length and its end.
    bytes: &'b [u8],
    offset: u64,
    depth: u32,
}

const STRING: u8 = 2;
const DOCUMENT: u8 = 3;
const ARRAY: u8 = 4;
const BINARY: u8 = 5;

/// What a dump has.
pub(super) enum BsonEvent<'b> {
    /// A document, and its size.
    Document(Bson<'b>, usize),
    /// Bytes that are none.
    Broken {
        bytes: &'b [u8],
        offset: u64,
        /// Why, unless that was said for bytes before them.
        why: Option<&'static str>,
    },
}

/// Reads all documents.
pub(super) fn read_bson(input: &mut Input<'_>, each: &mut dyn FnMut(BsonEvent<'_>)) {
    let mut is_told = false;
    while !input.peek(1).is_empty() {
        let length = length_of(input.peek(4));
        if let Some(length) = length
            && let document @ [.., 0] = input.peek(length)
            && document.len() == length
        {
            let (bytes, offset) = (&input.window()[..length], input.offset());
            each(BsonEvent::Document(Bson { kind: DOCUMENT, bytes, offset, depth: 0 }, length));
            input.consume(length);
            is_told = false;
            continue;
        }
        let piece = input.peek(PIECE_BYTES);
        let count = next_document(piece).unwrap_or(piece.len());
        let why = if input.is_ended() && count == input.window().len() && length.is_some() {
            "the file ends in the middle of a document"
        } else {
            "bytes that are no document, scanned as plain text"
        };
        let why = (!is_told).then_some(why);
        each(BsonEvent::Broken { bytes: &input.window()[..count], offset: input.offset(), why });
        input.consume(count);
        is_told = true;
    }
}

fn length_of(head: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(head.try_into().ok()?) as usize;
    (5..=MAX_BYTES).contains(&length).then_some(length)
}

/// Where behind broken bytes the next document may begin: dumps have `_id` first in each.
fn next_document(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, b"_id\0").filter_map(|at| at.checked_sub(5)).find(|at| {
        let length = length_of(&bytes[*at..*at + 4]);
        *at > 0 && length.is_some_and(|length| bytes.get(at + length - 1).is_none_or(|end| *end == 0))
    })
}

impl<'b> Bson<'b> {
    /// Names and values of a document or list.
    fn entries(self) -> impl Iterator<Item = (Cow<'b, str>, Bson<'b>)> {
        let is_nested = matches!(self.kind, DOCUMENT | ARRAY) && self.depth < MAX_DEPTH;
        let (bytes, mut at) = (self.bytes, if is_nested { 4 } else { usize::MAX });
        std::iter::from_fn(move || {
            let kind = *bytes.get(at).filter(|kind| **kind != 0)?;
            let name_start = at + 1;
            let name_end = name_start + memchr::memchr(0, bytes.get(name_start..)?)?;
            let (start, length, after) = extent(kind, bytes, name_end + 1)?;
            let value = bytes.get(start..start.checked_add(length)?)?;
            at = after;
            let offset = self.offset + start as u64;
            let name = String::from_utf8_lossy(&bytes[name_start..name_end]);
            Some((name, Bson { kind, bytes: value, offset, depth: self.depth + 1 }))
        })
    }

    /// The bytes of a file's piece, and where they stand.
    pub(super) fn binary(self, key: &str) -> Option<(&'b [u8], u64)> {
        let (_, value) = self.entries().find(|(name, value)| name == key && value.kind == BINARY)?;
        // Behind the length stands what kind of bytes they are.
        Some((value.bytes.get(5..)?, value.offset + 5))
    }
}

/// Where a value's content begins and how long it is, and where the next element begins.
fn extent(kind: u8, bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let number = || Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let length = match kind {
        // Strings, code, symbols: their length counts the zero at the end.
        STRING | 0x0d | 0x0e => {
            let length = number()?.checked_sub(1)?;
            return Some((at + 4, length, at.checked_add(length)?.checked_add(5)?));
        }
        DOCUMENT | ARRAY | 0x0f => number()?,
        BINARY => number()?.checked_add(5)?,
        // A pattern and its options.
        0x0b => {
            let first = memchr::memchr(0, bytes.get(at..)?)? + 1;
            first + memchr::memchr(0, bytes.get(at + first..)?)? + 1
        }
        0x07 => 12,
        0x0c => number()?.checked_add(16)?,
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        0x10 => 4,
        0x08 => 1,
        0x13 => 16,
        0x06 | 0x0a | 0x7f | 0xff => 0,
        _ => return None,
    };
    Some((at, length, at.checked_add(length)?))
}

impl Value for Bson<'_> {
    fn each_element(self, each: &mut dyn FnMut(Self)) {
        if self.kind == ARRAY { self.entries().for_each(|(_, value)| each(value)) } else { each(self) }
    }

    fn each_of(self, key: &str, each: &mut dyn FnMut(Self)) {
        if self.kind == DOCUMENT {
            self.entries().filter(|(name, _)| name == key).for_each(|(_, value)| each(value));
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        matches!(self.kind, STRING | 0x0d | 0x0e).then(|| String::from_utf8_lossy(self.bytes))
    }

    fn id(&self) -> Option<String> {
        let number = || Some(i64::from_le_bytes(self.bytes.try_into().ok()?));
        let text = match self.kind {
            0x07 => data_encoding::HEXLOWER.encode(self.bytes),
            0x08 => (self.bytes == [1]).to_string(),
            0x09 | 0x12 => number()?.to_string(),
            0x10 => i32::from_le_bytes(self.bytes.try_into().ok()?).to_string(),
            0x01 => f64::from_bits(number()? as u64).to_string(),
            _ => self.text()?.into_owned(),
        };
        (!text.is_empty()).then_some(text)
    }

    fn offset(&self) -> u64 {
        self.offset
    }

    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>) {
        rest_of(self, ("", ""), Rest::Text(Markup::Plain), sink, treat);
    }
}

/// Adds the texts in a value; `path` are the keys above it, each with a dot behind it.
fn rest_of(value: Bson<'_>, (path, key): (&str, &str), how: Rest, sink: &mut Sink<'_>, treat: Treat<'_>) {
    match value.kind {
        DOCUMENT => {
            for (name, inner) in value.entries() {
                let is_nested = matches!(inner.kind, DOCUMENT | ARRAY);
                let how = treat(path, &name, !is_nested);
                if how != Rest::Skip {
                    let deeper = if is_nested { format!("{path}{name}.") } else { path.to_owned() };
                    rest_of(inner, (&deeper, &name), how, sink, treat);
                }
            }
        }
        ARRAY => value.entries().for_each(|(_, element)| rest_of(element, (path, key), how, sink, treat)),
        _ => match (value.text(), how) {
            (Some(text), Rest::Link) => sink.link(key, &text, value.offset()),
            (Some(text), _) => sink.cell(key, &text, value.offset()),
            (None, _) => {}
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::{collection::vec, prelude::*};

    use super::{BsonEvent, Value as _, read_bson};
    use crate::source::export::{input::Input, layout::first};

    /// `{"_id": id, "msg": msg}`.
    fn document(id: &str, msg: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in [("_id", id.as_bytes()), ("msg", msg)] {
            body.push(2);
            body.extend(name.bytes().chain([0]));
            body.extend((value.len() as u32 + 1).to_le_bytes());
            body.extend(value.iter().chain(&[0]));
        }
        let mut bytes = (body.len() as u32 + 5).to_le_bytes().to_vec();
        bytes.extend(body);
        bytes.push(0);
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<String>, usize) {
        let interrupt = AtomicBool::new(false);
        let (mut texts, mut broken) = (Vec::new(), 0);
        read_bson(&mut Input::new(Box::new(bytes), &interrupt), &mut |event| match event {
            BsonEvent::Document(document, _) => {
                document.each_of("msg", &mut |msg| {
                    assert_eq!(&bytes[msg.offset() as usize..][..msg.bytes.len()], msg.bytes);
                });
                texts.push(first(document, "msg").unwrap_or_default());
            }
            BsonEvent::Broken { bytes, .. } => broken += bytes.len(),
        });
        (texts, broken)
    }

    #[test]
    fn documents_and_what_is_between_them() {
        let (one, two) = (document("a", b"caf\xe9"), document("b", b"two"));
        assert_eq!(read(&[&one[..], &two].concat()), (vec!["caf\u{fffd}".to_owned(), "two".to_owned()], 0));
        let (texts, broken) = read(&[&one[..], b"\xff\xff\xff\xffdirt", &two, &one[..9]].concat());
        assert_eq!((texts.len(), broken), (2, 8 + 9));
    }

    proptest! {
        #[test]
        fn survives_anything(mut noise in vec(any::<u8>(), 0..40), at in 0_usize..40) {
            let mut bytes = document("a", b"one");
            let at = at.min(bytes.len());
            noise.truncate(bytes.len() - at);
            bytes[at..at + noise.len()].copy_from_slice(&noise);
            read(&bytes);
        }
    }
}
