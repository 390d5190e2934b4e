//! The attributes of a tag: nearly all are plain, and found without being copied; any others are read leniently.

use std::{borrow::Cow, ops::Range};

use super::{
    super::{input::lossy, near::first_of},
    ending::{is_behind_value, next_name},
    name_in, resolved,
};

/// The attributes of an element.
#[derive(Clone, Copy)]
pub(in crate::source::export) struct Attributes<'e> {
    bytes: &'e [u8],
    /// All of them as text, if it is UTF-8: found out once for all names and values.
    text: Option<&'e str>,
    /// Where they stand, if they are plain.
    spans: Option<&'e [Spans]>,
    offset: u64,
}

/// Where a plain attribute stands behind the tag's name: in quotes, and with nothing in it that is to be decoded.
#[derive(Clone, Debug)]
pub(in crate::source::export) struct Spans {
    pub(in crate::source::export) name: Range<usize>,
    pub(in crate::source::export) value: Range<usize>,
}

/// One of them.
pub(in crate::source::export) struct Attribute<'e> {
    /// Its name, with its prefix.
    pub(in crate::source::export) name: Cow<'e, str>,
    /// Its value, decoded.
    pub(in crate::source::export) value: Cow<'e, str>,
    /// Offset of the value in the file; of the name if there is none.
    pub(in crate::source::export) offset: u64,
    /// Is it a word without a value? XML has no such: it may be a text's.
    pub(in crate::source::export) is_bare: bool,
}

impl<'e> Attributes<'e> {
    /// Those in the bytes of a tag behind its name; `offset` is where these stand.
    pub(in crate::source::export) fn new(bytes: &'e [u8], offset: u64) -> Attributes<'e> {
        Attributes { bytes, text: str::from_utf8(bytes).ok(), spans: None, offset }
    }

    /// The same of text, with where they stand if they are plain.
    pub(super) fn of_text(text: &'e str, spans: Option<&'e [Spans]>, offset: u64) -> Attributes<'e> {
        Attributes { bytes: text.as_bytes(), text: Some(text), spans, offset }
    }

    /// Are there none?
    pub(in crate::source::export) fn is_empty(&self) -> bool {
        match self.spans {
            Some(spans) => spans.is_empty(),
            None => self.bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == b'/'),
        }
    }

    /// All in one text with where each stands in it, and the offset of that, if they are plain.
    pub(in crate::source::export) fn plain(&self) -> Option<(&'e str, &'e [Spans], u64)> {
        Some((self.text?, self.spans?, self.offset))
    }

    /// All of them, in their order.
    pub(in crate::source::export) fn iter(&self) -> impl Iterator<Item = Attribute<'e>> + use<'e> {
        let Attributes { bytes, text, offset, .. } = *self;
        let part = move |range: Range<usize>| match text.and_then(|text| text.get(range.clone())) {
            Some(part) => Cow::Borrowed(part),
            None => lossy(&bytes[range]),
        };
        let mut at = 0;
        std::iter::from_fn(move || {
            at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'/').count();
            let name_end =
                at + bytes[at..].iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'=').count();
            let name = at..name_end;
            if name.is_empty() && name_end >= bytes.len() {
                return None;
            }
            let equals = name_end + bytes[name_end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if bytes.get(equals) != Some(&b'=') {
                at = equals.max(at + 1).min(bytes.len());
                let offset = offset + name.start as u64;
                return Some(Attribute { name: part(name), value: Cow::Borrowed(""), offset, is_bare: true });
            }
            let start = equals + 1 + bytes[equals + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (start, end) = match bytes.get(start) {
                Some(quote @ (b'"' | b'\'')) => (start + 1, quoted_end(bytes, start + 1, *quote)),
                _ => (start, start + bytes[start..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count()),
            };
            at = (end + 1).min(bytes.len());
            let (value, offset) = (resolved(part(start..end)), offset + start as u64);
            Some(Attribute { name: part(name), value, offset, is_bare: false })
        })
    }
}

/// Where a quoted value ends that begins at `start`: before the next attribute if its own quote is missing.
fn quoted_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let Some(end) = first_of([quote; 3], bytes, start) else { return bytes.len() };
    let is_behind = bytes.get(end + 1).is_none_or(|next| is_behind_value(*next));
    match next_name(&bytes[start..end]).filter(|_| !is_behind) {
        Some(blank) => start + blank,
        None => end,
    }
}

/// Plain attributes whose places are kept: no real tag has more.
const MAX_SPANS: usize = 4096;

/// The attributes of a tag whose name ends at `from`, if they are plain, counted from there; index of the tag's `>`.
pub(super) fn spans_in(bytes: &[u8], from: usize, spans: &mut Vec<Spans>) -> Option<usize> {
    spans.clear();
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'>' => return Some(at),
            b'/' => return (*bytes.get(at + 1)? == b'>').then_some(at + 1),
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let equals = at + name_in(&bytes[at..]);
                let [b'=', quote @ (b'"' | b'\''), ..] = bytes.get(equals..)? else { return None };
                let start = equals + 2;
                let end = first_of([*quote, b'&', b'<'], bytes, start)?;
                let is_plain = bytes[end] == *quote && is_behind_value(*bytes.get(end + 1)?);
                if !is_plain || equals == at || spans.len() == MAX_SPANS {
                    return None;
                }
                spans.push(Spans { name: at - from..equals - from, value: start - from..end - from });
                at = end + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{Attributes, spans_in};
    use crate::source::export::xml::ending::{Ending, ending};

    proptest! {
        /// What counts as plain is read leniently to the same end.
        #[test]
        fn plain_ones_are_what_any_are(pieces in vec(prop::sample::select(&[
            " ", "\n", "a", "b-c:d", "=", "\"", "'", "=\"", "\" ", "='", "x y", "&amp;", "/", ">", "/>", "é", "<", "k=\"v\"", " k='' ",
        ][..]), 0..16)) {
            let tag = format!("<tag{}>", pieces.concat());
            let mut spans = Vec::new();
            if let Some(end) = spans_in(tag.as_bytes(), 4, &mut spans) {
                prop_assert_eq!(ending(tag.as_bytes()), Ending::Whole(end));
                let text = &tag[4..end];
                let plain: Vec<_> =
                    spans.iter().map(|own| (text[own.name.clone()].to_owned(), text[own.value.clone()].to_owned(), 4 + own.value.start as u64)).collect();
                let any: Vec<_> = Attributes::of_text(text, None, 4)
                    .iter()
                    .map(|own| (own.name.into_owned(), own.value.into_owned(), own.offset))
                    .collect();
                prop_assert_eq!(plain, any);
            }
        }
    }
}
