//! XML of any size, read leniently: what real exports have in it (control characters, bad bytes, elements that are never
//! closed) ends nothing, and entities other than the five that XML knows stay as they are, so that bombs made of them
//! don't go off.
//!
//! Own code, as offsets are wanted, as stricter readers stop at the first bad byte, and as a text of gigabytes must not be
//! taken into memory whole.

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use memchr::memmem::Finder;

use super::{
    input::{Input, count_lines, lossy},
    near::first_of,
};

/// Texts beyond this are told in parts, cut at white space where there is some.
const MAX_TEXT: usize = 16 << 20;

/// A tag beyond this is text.
const MAX_TAG: usize = 64 << 20;

/// What a document has.
pub(super) enum XmlEvent<'e> {
    /// An element begins. One that is empty ends at once.
    Start {
        /// Its name, with its prefix.
        name: &'e str,
        /// Its attributes.
        attributes: Attributes<'e>,
        /// Offset of its `<` in the file.
        offset: u64,
        /// Line of that.
        line: u64,
        /// Bytes of the tag.
        bytes: usize,
        /// Does it end at once?
        is_empty: bool,
    },
    /// Text or CDATA, decoded. Between two elements it may come in several parts.
    Text {
        /// The text.
        text: Cow<'e, str>,
        /// Offset of its first byte.
        offset: u64,
        /// Bytes as stored.
        bytes: usize,
    },
    /// An element ends.
    End {
        /// Its name.
        name: &'e str,
    },
    /// A comment.
    Comment {
        /// What it says.
        text: Cow<'e, str>,
        /// Offset of its `<`.
        offset: u64,
    },
}

/// The attributes of an element.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'e> {
    bytes: &'e [u8],
    /// All of them as text, if it is UTF-8: found out once for all names and values.
    text: Option<&'e str>,
    offset: u64,
}

/// One of them.
pub(super) struct Attribute<'e> {
    /// Its name, with its prefix.
    pub(super) name: Cow<'e, str>,
    /// Its value, decoded.
    pub(super) value: Cow<'e, str>,
    /// Offset of the value in the file.
    pub(super) offset: u64,
}

impl<'e> Attributes<'e> {
    /// Those in the bytes of a tag behind its name; `offset` is where these stand.
    pub(super) fn new(bytes: &'e [u8], offset: u64) -> Attributes<'e> {
        Attributes { bytes, text: str::from_utf8(bytes).ok(), offset }
    }

    /// Are there none?
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == b'/')
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Attribute<'e>> + use<'e> {
        let Attributes { bytes, text, offset } = *self;
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
                return Some(Attribute { name: part(name), value: Cow::Borrowed(""), offset });
            }
            let start = equals + 1 + bytes[equals + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (start, end) = match bytes.get(start) {
                Some(quote @ (b'"' | b'\'')) => {
                    (start + 1, first_of([*quote; 3], bytes, start + 1).unwrap_or(bytes.len()))
                }
                _ => (start, start + bytes[start..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count()),
            };
            at = (end + 1).min(bytes.len());
            Some(Attribute { name: part(name), value: resolved(part(start..end)), offset: offset + start as u64 })
        })
    }
}

/// What ends a comment, a CDATA section, an instruction.
struct Ends {
    comment: Finder<'static>,
    cdata: Finder<'static>,
    instruction: Finder<'static>,
    declarations: Finder<'static>,
    bracket: Finder<'static>,
}

static ENDS: LazyLock<Ends> = LazyLock::new(|| Ends {
    comment: Finder::new("-->"),
    cdata: Finder::new("]]>"),
    instruction: Finder::new("?>"),
    declarations: Finder::new("]>"),
    bracket: Finder::new(">"),
});

/// Reads all of a document.
pub(super) fn read_xml(input: &mut Input<'_>, each: &mut dyn FnMut(XmlEvent<'_>)) {
    input.decode_text();
    let ends = &*ENDS;
    loop {
        let told = in_window(input, ends, each);
        input.consume(told);
        if input.window().is_empty() && !input.more() {
            return;
        }
        // Something that goes on behind the window, or that isn't UTF-8.
        let length = match input.window()[0] {
            b'<' => markup(input, ends, each),
            _ => text(input, each),
        };
        input.consume(length.max(1));
    }
}

/// Tells what stands in the window whole and is UTF-8, as nearly everything does: that is found out once for all of it.
/// Returns its length.
fn in_window(input: &Input<'_>, ends: &Ends, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let window = input.window();
    let text = match str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut near = Near { text, at: 0, base: input.offset(), line: input.line(), line_at: 0, ends };
    while let Some(length) = near.tell(each) {
        near.at += length;
    }
    near.at
}

/// A place in the window.
struct Near<'w> {
    /// The window as far as it is text.
    text: &'w str,
    at: usize,
    /// Offset of the window in the file.
    base: u64,
    /// Line of `line_at`.
    line: u64,
    line_at: usize,
    ends: &'w Ends,
}

/// So many bytes tell what kind of markup it is.
const KIND_BYTES: usize = 9;

impl<'w> Near<'w> {
    /// Tells what is at hand, by the same rules as [`text`] and [`markup`]; its length, or `None` if it goes on behind the
    /// window.
    fn tell(&mut self, each: &mut dyn FnMut(XmlEvent<'_>)) -> Option<usize> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (bytes, offset) = (rest.as_bytes(), self.base + self.at as u64);
        if bytes[0] != b'<' {
            let end = first_of([b'<'; 3], bytes, 0)?;
            each(XmlEvent::Text { text: resolved(Cow::Borrowed(&rest[..end])), offset, bytes: end });
            return Some(end);
        }
        match bytes.get(..KIND_BYTES)? {
            [_, b'/', ..] => {
                let end = first_of([b'>'; 3], bytes, 2)?;
                each(XmlEvent::End { name: rest[2..end].trim_ascii() });
                Some(end + 1)
            }
            [_, first, ..] if is_name_start(*first) => {
                let end = tag_end(bytes)?;
                let line = self.line_here();
                tell_tag((&bytes[1..end], Some(&rest[1..end])), (offset, line), each);
                Some(end + 1)
            }
            b"<![CDATA[" => {
                let inner = self.up_to(rest, 9, &self.ends.cdata)?;
                let bytes = 9 + inner.len() + 3;
                each(XmlEvent::Text { text: Cow::Borrowed(inner), offset: offset + 9, bytes });
                Some(bytes)
            }
            [_, b'!', b'-', b'-', ..] => {
                let inner = self.up_to(rest, 4, &self.ends.comment)?;
                each(XmlEvent::Comment { text: Cow::Borrowed(inner), offset });
                Some(4 + inner.len() + 3)
            }
            [_, b'?', ..] => Some(2 + self.up_to(rest, 2, &self.ends.instruction)?.len() + 2),
            [_, b'!', ..] => {
                let end = match declarations(&bytes[..bytes.len().min(DOCTYPE_BYTES)])? {
                    true => &self.ends.declarations,
                    false => &self.ends.bracket,
                };
                Some(2 + self.up_to(rest, 2, end)?.len() + end.needle().len())
            }
            _ => {
                each(XmlEvent::Text { text: Cow::Borrowed("<"), offset, bytes: 1 });
                Some(1)
            }
        }
    }

    /// What stands between `skip` bytes and an end.
    fn up_to(&self, rest: &'w str, skip: usize, end: &Finder<'_>) -> Option<&'w str> {
        let inner = rest.get(skip..)?;
        inner.get(..end.find(inner.as_bytes())?)
    }

    /// The line at hand.
    fn line_here(&mut self) -> u64 {
        let gone = &self.text.as_bytes()[self.line_at..self.at];
        self.line += count_lines(gone);
        self.line_at = self.at;
        self.line
    }
}

/// Tells the text at hand up to the next tag; its length.
fn text(input: &mut Input<'_>, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let mut looked_at = 0;
    let length = loop {
        let window = input.window();
        match memchr::memchr(b'<', &window[looked_at..]) {
            Some(at) => break looked_at + at,
            None if window.len() >= MAX_TEXT => break cut(window),
            None => looked_at = window.len(),
        }
        if !input.more() {
            break input.window().len();
        }
    };
    let text = decode(&input.window()[..length]);
    each(XmlEvent::Text { text, offset: input.offset(), bytes: length });
    length
}

/// Where a text that is too long is cut.
fn cut(window: &[u8]) -> usize {
    let tail = &window[window.len() - (64 << 10).min(window.len())..];
    let at = tail.iter().rposition(u8::is_ascii_whitespace);
    at.map_or(window.len(), |at| window.len() - tail.len() + at + 1)
}

/// Tells the tag (or comment, or CDATA) at hand; its length.
fn markup(input: &mut Input<'_>, ends: &Ends, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    match input.peek(9) {
        [b'<', b'!', b'-', b'-', ..] => delimited(input, 4, &ends.comment, |text, offset, _| {
            each(XmlEvent::Comment { text: lossy(text), offset });
        }),
        b"<![CDATA[" => delimited(input, 9, &ends.cdata, |text, offset, bytes| {
            each(XmlEvent::Text { text: lossy(text), offset: offset + 9, bytes });
        }),
        [b'<', b'?', ..] => delimited(input, 2, &ends.instruction, |_, _, _| {}),
        [b'<', b'!', ..] => doctype(input, ends),
        [b'<', b'/', ..] => delimited(input, 2, &ends.bracket, |text, _, _| {
            each(XmlEvent::End { name: &lossy(text.trim_ascii()) });
        }),
        [b'<', first, ..] if is_name_start(*first) => tag(input, each),
        _ => {
            each(XmlEvent::Text { text: Cow::Borrowed("<"), offset: input.offset(), bytes: 1 });
            1
        }
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80 || matches!(byte, b'_' | b':')
}

/// Tells what stands between `skip` bytes and an end; the length of all. Without its end it goes as far as may be held.
fn delimited(input: &mut Input<'_>, skip: usize, end: &Finder<'_>, mut tell: impl FnMut(&[u8], u64, usize)) -> usize {
    let end_length = end.needle().len();
    let mut looked_at = skip;
    loop {
        let window = input.window();
        let from = looked_at.min(window.len());
        let found = match end.needle() {
            [byte] => memchr::memchr(*byte, &window[from..]),
            _ => end.find(&window[from..]),
        };
        if let Some(at) = found {
            tell(&window[skip..from + at], input.offset(), from + at + end_length);
            return from + at + end_length;
        }
        looked_at = window.len().saturating_sub(end_length).max(skip);
        let is_over = window.len() >= MAX_TAG || !input.more();
        if is_over {
            let window = input.window();
            tell(&window[skip.min(window.len())..], input.offset(), window.len());
            return window.len();
        }
    }
}

/// A document type with its own declarations: nothing of it is used.
fn doctype(input: &mut Input<'_>, ends: &Ends) -> usize {
    let has_declarations = declarations(input.peek(DOCTYPE_BYTES)) == Some(true);
    let end = if has_declarations { &ends.declarations } else { &ends.bracket };
    delimited(input, 2, end, |_, _, _| {})
}

/// So many bytes tell whether a document type has declarations.
const DOCTYPE_BYTES: usize = 4096;

/// Does it? `None` if there are too few bytes to tell.
fn declarations(head: &[u8]) -> Option<bool> {
    match memchr::memchr2(b'[', b'>', head) {
        Some(at) => Some(head[at] == b'['),
        None => (head.len() == DOCTYPE_BYTES).then_some(false),
    }
}

/// Tells the start tag at hand; its length.
fn tag(input: &mut Input<'_>, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let end = loop {
        if let Some(end) = tag_end(input.window()) {
            break end;
        }
        let wanted = input.window().len() * 2;
        if input.window().len() >= MAX_TAG || !input.more() {
            let length = memchr::memchr(b'\n', input.window()).map_or(input.window().len(), |at| at + 1);
            let text = decode(&input.window()[..length]);
            each(XmlEvent::Text { text, offset: input.offset(), bytes: length });
            return length;
        }
        while input.window().len() < wanted && input.more() {}
    };
    let tag = &input.window()[1..end];
    tell_tag((tag, str::from_utf8(tag).ok()), (input.offset(), input.line()), each);
    end + 1
}

/// Tells a tag, given what stands between its brackets and the same as text, if it is.
fn tell_tag((tag, text): (&[u8], Option<&str>), (offset, line): (u64, u64), each: &mut dyn FnMut(XmlEvent<'_>)) {
    let name_end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
    let (name, rest) = match text.and_then(|text| text.split_at_checked(name_end)) {
        Some((name, rest)) => (Cow::Borrowed(name), Some(rest)),
        None => (lossy(&tag[..name_end]), None),
    };
    let attributes = Attributes { bytes: &tag[name_end..], text: rest, offset: offset + 1 + name_end as u64 };
    let is_empty = tag.ends_with(b"/");
    each(XmlEvent::Start { name: &name, attributes, offset, line, bytes: tag.len() + 2, is_empty });
    if is_empty {
        each(XmlEvent::End { name: &name });
    }
}

/// Index of the `>` that ends a tag: not one in a quoted value.
pub(super) fn tag_end(window: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at = first_of([b'>', b'"', b'\''], window, at)?;
        match window[at] {
            b'>' => return Some(at),
            // A quote is one only after an equals sign; elsewhere it is dirt.
            quote if window[..at].trim_ascii_end().ends_with(b"=") => {
                at += 1 + memchr::memchr(quote, window.get(at + 1..)?)? + 1;
            }
            _ => at += 1,
        }
    }
}

/// Text with its entities resolved: the five of XML, and numbers. A number that is no character is replaced.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    resolved(lossy(bytes))
}

fn resolved(text: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.as_bytes().iter().take(12).position(|byte| *byte == b';').map(|end| &rest[1..end]);
        match entity.and_then(|entity| Some((entity, character(entity)?))) {
            Some((entity, character)) => {
                out.push(character);
                rest = &rest[entity.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(entity: &str) -> Option<char> {
    let code = match entity {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => match entity.strip_prefix("#x").or(entity.strip_prefix("#X")) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => entity.strip_prefix('#')?.parse().ok()?,
        },
    };
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use std::{io::Read, sync::atomic::AtomicBool};

    use proptest::{collection::vec, prelude::*};

    use super::{XmlEvent, read_xml};
    use crate::source::export::input::Input;

    fn read(bytes: &[u8]) -> Vec<String> {
        let interrupt = AtomicBool::new(false);
        let mut told = Vec::new();
        read_xml(&mut Input::new(Box::new(bytes), &interrupt), &mut |event| match event {
            XmlEvent::Start { name, attributes, .. } => {
                let attributes: Vec<String> = attributes
                    .iter()
                    .map(|attribute| {
                        let at = attribute.offset as usize;
                        assert!(
                            attribute.value.is_empty()
                                || bytes[at..].starts_with(&attribute.value.as_bytes()[..1])
                                || bytes[at] == b'&'
                        );
                        format!(" {}={}", attribute.name, attribute.value)
                    })
                    .collect();
                told.push(format!("<{name}{}", attributes.concat()));
            }
            XmlEvent::Text { text, .. } => told.push(text.into_owned()),
            XmlEvent::End { name } => told.push(format!(">{name}")),
            XmlEvent::Comment { text, .. } => told.push(format!("#{text}")),
        });
        told
    }

    #[test]
    fn documents() {
        let text = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><!--x--><a k=\"1 &gt; &#x41;\" l='>'>t &amp; u<b/><![CDATA[<c>]]></a>";
        assert_eq!(read(text), ["#x", "<a k=1 > A l=>", "t & u", "<b", ">b", "<c>", ">a"]);
    }

    #[test]
    fn dirt_ends_nothing() {
        assert_eq!(
            read(b"<a>x\x01\xe9y &bomb; 1 < 2</b><c d=e f>"),
            ["<a", "x\u{1}\u{fffd}y &bomb; 1 ", "<", " 2", ">b", "<c d=e f="]
        );
        assert_eq!(read(b"<a>cut <b x=\"1"), ["<a", "cut ", "<b x=\"1"]);
    }

    /// Everything that is told of what `reader` has, with its places.
    fn told(reader: impl Read) -> Vec<String> {
        let interrupt = AtomicBool::new(false);
        let mut told = Vec::new();
        read_xml(&mut Input::new(Box::new(reader), &interrupt), &mut |event| {
            told.push(match event {
                XmlEvent::Start { name, attributes, offset, line, bytes, .. } => {
                    let attributes =
                        attributes.iter().map(|own| format!("{}={:?}@{} ", own.name, own.value, own.offset));
                    format!("<{name} {}{offset} {line} {bytes}", attributes.collect::<String>())
                }
                XmlEvent::Text { text, offset, bytes } => format!("{text:?} {offset} {bytes}"),
                XmlEvent::End { name } => format!("</{name}"),
                XmlEvent::Comment { text, offset } => format!("!{text:?} {offset}"),
            });
        });
        told
    }

    /// A byte at a time.
    struct ByByte<'b>(&'b [u8]);

    impl Read for ByByte<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (buffer[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    fn any_piece() -> impl Strategy<Value = Vec<u8>> {
        const PIECES: [&str; 22] = [
            "<a>",
            "</a>",
            "</a >",
            "<b x=\"1 &gt;\" y='>'/>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "<?",
            "?>",
            "<!DOCTYPE a ",
            "[",
            "]>",
            "&amp;",
            "&x;",
            "\n",
            "é",
            "<",
            "<c d=e\n f>",
            "<!x>",
            " some text of more than thirty-two bytes ",
            "\"",
        ];
        prop_oneof![
            8 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => vec(any::<u8>(), 1..3),
        ]
    }

    proptest! {
        // A window takes half a megabyte: fewer cases than usual.
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What is in the window and what has to be waited for is told by the same rules.
        #[test]
        fn a_window_makes_no_difference(pieces in vec(any_piece(), 0..24)) {
            let bytes = pieces.concat();
            prop_assert_eq!(told(&bytes[..]), told(ByByte(&bytes)));
        }

        #[test]
        fn survives_anything(bytes in vec(prop_oneof![any::<u8>(), Just(b'<'), Just(b'>'), Just(b'"'), Just(b'!'), Just(b'='), Just(b'[')], 0..80)) {
            let interrupt = AtomicBool::new(false);
            read_xml(&mut Input::new(Box::new(&bytes[..]), &interrupt), &mut |event| {
                if let XmlEvent::Start { attributes, .. } = event {
                    attributes.iter().for_each(drop);
                }
            });
        }
    }
}
