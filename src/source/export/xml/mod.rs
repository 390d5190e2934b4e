//! XML of any size, read leniently: what real exports have in it (control characters, bad bytes, elements that are never
//! closed) ends nothing, and entities other than the five that XML knows stay as they are, so that bombs made of them
//! don't go off.
//!
//! Own code, as offsets are wanted, as stricter readers stop at the first bad byte, and as a text of gigabytes must not be
//! taken into memory whole.

mod attributes;
mod window;

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;

pub(super) use self::attributes::{Attributes, Spans};
use super::{
    input::{Input, lossy},
    near::first_of,
};

/// Texts beyond this are told in parts, cut at white space where there is some.
const MAX_TEXT: usize = 8 << 20;

/// A tag beyond this is text.
const MAX_TAG: usize = 16 << 20;

/// So is one beyond this where so much was already read in vain for the ends of others.
const MAX_TAG_THEN: usize = 4 << 10;

/// What a document has.
pub(super) enum XmlEvent<'e> {
    /// An element begins. One that is empty ends at once.
    Start(&'e Tag<'e>),
    /// An element with nothing but text in it, whole, as most are. It may come as its parts as well.
    Leaf(&'e Leaf<'e>),
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

/// What an element begins with.
pub(super) struct Tag<'e> {
    /// Its name, with its prefix.
    pub(super) name: &'e str,
    /// Its attributes.
    pub(super) attributes: Attributes<'e>,
    /// Offset of its `<` in the file.
    pub(super) offset: u64,
    /// Line of that.
    pub(super) line: Line<'e>,
    /// Bytes of the tag.
    pub(super) bytes: usize,
}

/// An element with nothing but text in it.
pub(super) struct Leaf<'e> {
    /// What it begins with.
    pub(super) tag: Tag<'e>,
    /// Its text, right behind that. `None` if it ends with the tag it begins with.
    pub(super) text: Option<Stored<'e>>,
}

/// A text in a document.
pub(super) struct Stored<'e> {
    /// It, decoded.
    pub(super) shown: Cow<'e, str>,
    /// Bytes of it as stored.
    pub(super) bytes: usize,
    /// So many of them stand before its first character.
    pub(super) skipped: usize,
}

impl<'e> XmlEvent<'e> {
    /// The same, with an element that came whole as its parts.
    pub(super) fn apart(self, each: &mut dyn FnMut(XmlEvent<'_>)) {
        let XmlEvent::Leaf(Leaf { tag, text }) = self else { return each(self) };
        each(XmlEvent::Start(tag));
        if let Some(Stored { shown, bytes, skipped }) = text
            && *bytes > 0
        {
            let offset = tag.offset + (tag.bytes + skipped) as u64;
            each(XmlEvent::Text { text: Cow::Borrowed(shown), offset, bytes: *bytes });
        }
        each(XmlEvent::End { name: tag.name });
    }
}

/// The element around all others. A file that ends before it does was cut off.
#[derive(Default)]
pub(super) struct Root {
    name: String,
    /// So many elements of that name are open.
    open: usize,
}

impl Root {
    /// An element begins that isn't a leaf.
    pub(super) fn begin(&mut self, name: &str) {
        if self.open == 0 {
            name.clone_into(&mut self.name);
        }
        self.open += usize::from(self.name == name);
    }

    /// One ends.
    pub(super) fn end(&mut self, name: &str) {
        if self.name == name {
            self.open = self.open.saturating_sub(1);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }
}

/// The line of a tag, counted when it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Line<'e>(&'e dyn Fn() -> u64);

impl Line<'_> {
    pub(super) fn number(self) -> u64 {
        (self.0)()
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
pub(super) fn read_xml(input: &mut Input<'_>, each: &mut impl FnMut(XmlEvent<'_>)) {
    input.decode_text();
    let ends = &*ENDS;
    let mut patience = Patience::default();
    loop {
        if !patience.is_lost && !patience.is_in_cdata {
            let (told, line) = window::in_window(input, ends, each);
            input.consume_to(told, line);
        }
        if input.window().is_empty() && !input.more() {
            return;
        }
        // Something that goes on behind the window, or that isn't UTF-8.
        let length = match input.window()[0] {
            _ if patience.is_in_cdata => cdata(input, 0, ends, &mut patience, each),
            b'<' => markup(input, ends, &mut patience, each),
            _ => text(input, each),
        };
        input.consume(length.max(1));
    }
}

/// With tags that never end: a file of nothing else would be read once for each of them.
#[derive(Default)]
struct Patience {
    /// Bytes that were read in vain.
    in_vain: usize,
    /// Did the last tag have no end? The next one probably has none, either.
    is_lost: bool,
    /// Does a section of characters go on that was too long to be told at once?
    is_in_cdata: bool,
}

impl Patience {
    /// Longest tag.
    fn limit(&self) -> usize {
        if self.in_vain > MAX_TAG { MAX_TAG_THEN } else { MAX_TAG }
    }
}

/// What begins a text that is not decoded.
const CDATA: &[u8] = b"<![CDATA[";

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
fn markup(input: &mut Input<'_>, ends: &Ends, patience: &mut Patience, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    match input.peek(CDATA.len()) {
        [b'<', b'!', b'-', b'-', ..] => delimited(input, 4, &ends.comment, |text, offset, _| {
            each(XmlEvent::Comment { text: lossy(text), offset });
        }),
        CDATA => cdata(input, CDATA.len(), ends, patience, each),
        [b'<', b'?', ..] => delimited(input, 2, &ends.instruction, |_, _, _| {}),
        [b'<', b'!', ..] => doctype(input, ends),
        [b'<', b'/', ..] => delimited(input, 2, &ends.bracket, |text, _, _| {
            each(XmlEvent::End { name: &lossy(text.trim_ascii()) });
        }),
        [b'<', first, ..] if is_name_start(*first) => tag(input, patience, each),
        _ => {
            each(XmlEvent::Text { text: Cow::Borrowed("<"), offset: input.offset(), bytes: 1 });
            1
        }
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80 || matches!(byte, b'_' | b':')
}

/// Tells a section of characters behind `skip` bytes, or as much of it as may be held; the length of that.
fn cdata(
    input: &mut Input<'_>,
    skip: usize,
    ends: &Ends,
    patience: &mut Patience,
    each: &mut dyn FnMut(XmlEvent<'_>),
) -> usize {
    let (mut looked_at, end) = (skip, ends.cdata.needle().len());
    let (text, length) = loop {
        let window = input.window();
        if let Some(at) = ends.cdata.find(&window[looked_at.min(window.len())..]) {
            patience.is_in_cdata = false;
            break (looked_at + at, looked_at + at + end);
        }
        if window.len() >= MAX_TEXT {
            // What ends it may stand at the end in part.
            let text = cut(&window[..window.len() - end]);
            patience.is_in_cdata = true;
            break (text, text);
        }
        looked_at = window.len().saturating_sub(end).max(skip);
        if !input.more() {
            break (input.window().len(), input.window().len());
        }
    };
    let stored = &input.window()[skip.min(text)..text];
    each(XmlEvent::Text { text: lossy(stored), offset: input.offset() + skip as u64, bytes: length });
    length
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
fn tag(input: &mut Input<'_>, patience: &mut Patience, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let limit = patience.limit();
    let end = loop {
        let near = &input.window()[..limit.min(input.window().len())];
        if let Some(end) = tag_end(near) {
            break end;
        }
        let (looked_at, wanted) = (near.len(), (input.window().len() * 2).min(limit));
        patience.is_lost = looked_at >= limit || !input.more();
        // Where the file was cut off there is no other tag behind, and what there is of this one is all that is known.
        if patience.is_lost && looked_at < limit && memchr::memchr(b'<', &input.window()[1..]).is_none() {
            break input.window().len();
        }
        if patience.is_lost {
            patience.in_vain += looked_at;
            let length = memchr::memchr(b'\n', input.window()).map_or(input.window().len(), |at| at + 1);
            let text = decode(&input.window()[..length]);
            each(XmlEvent::Text { text, offset: input.offset(), bytes: length });
            return length;
        }
        while input.window().len() < wanted && input.more() {}
    };
    patience.is_lost = false;
    let tag = &input.window()[1..end];
    let (name, rest) = tag.split_at(name_in(tag));
    let offset = input.offset();
    let attributes = Attributes::new(rest, offset + 1 + name.len() as u64);
    let is_empty = tag.ends_with(b"/");
    let length = (end + 1).min(input.window().len());
    let tag = Tag { name: &lossy(name), attributes, offset, line: Line(&|| input.line()), bytes: length };
    match is_empty {
        true => each(XmlEvent::Leaf(&Leaf { tag, text: None })),
        false => each(XmlEvent::Start(&tag)),
    }
    length
}

/// Length of the name at the beginning.
fn name_in(bytes: &[u8]) -> usize {
    // What ends a name is below `@`, and so is little else that names have.
    const LETTERS: u64 = 0x4040_4040_4040_4040;
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let others = !u64::from_le_bytes(*word) & LETTERS;
        at += others.trailing_zeros() as usize / 8;
        if others != 0 {
            if !IS_IN_NAME[usize::from(bytes[at])] {
                return at;
            }
            at += 1;
        }
    }
    at + bytes[at..].iter().position(|byte| !IS_IN_NAME[usize::from(*byte)]).unwrap_or(bytes.len() - at)
}

/// Does a byte belong to the name that a tag begins with?
const IS_IN_NAME: [bool; 256] = {
    let mut is_in_name = [true; 256];
    let ends = b" \t\n\r\x0c/=>";
    let mut at = 0;
    while at < ends.len() {
        is_in_name[ends[at] as usize] = false;
        at += 1;
    }
    is_in_name
};

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
    while let Some(at) = first_of([b'&'; 3], rest.as_bytes(), 0) {
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

    use super::{Tag, XmlEvent, read_xml};
    use crate::source::export::input::Input;

    fn read(bytes: &[u8]) -> Vec<String> {
        let interrupt = AtomicBool::new(false);
        let mut told = Vec::new();
        let mut tell = |event: XmlEvent<'_>| match event {
            XmlEvent::Leaf(_) => unreachable!("taken apart"),
            XmlEvent::Start(Tag { name, attributes, .. }) => {
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
        };
        read_xml(&mut Input::new(Box::new(bytes), &interrupt), &mut |event| event.apart(&mut tell));
        told
    }

    proptest! {
        #[test]
        fn names_end_where_a_loop_ends_them(bytes in vec(prop_oneof![4 => 0x41..0x7b_u8, 1 => any::<u8>(), 1 => Just(b'1')], 0..40)) {
            let looped = bytes.iter().take_while(|byte| !b" \t\n\r\x0c/=>".contains(byte)).count();
            prop_assert_eq!(super::name_in(&bytes), looped);
        }
    }

    #[test]
    fn documents() {
        let text = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><!--x--><a k=\"1 &gt; &#x41;\" l='>'>t &amp; u<b/><![CDATA[<c>]]></a>";
        assert_eq!(read(text), ["#x", "<a k=1 > A l=>", "t & u", "<b", ">b", "<c>", ">a"]);
    }

    /// Took half a minute with a tenth of these lines.
    #[test]
    fn tags_that_never_end_are_not_read_again_and_again() {
        for line in ["<a\n", "<a x=\">\"\n", "<a b='c'\n"] {
            let lines = 100_000;
            let told = read(format!("<r>{}", line.repeat(lines)).as_bytes());
            assert_eq!((told.len(), told[1].as_str(), told[lines - 1].as_str()), (lines + 1, line, line));
        }
    }

    #[test]
    fn dirt_ends_nothing() {
        assert_eq!(
            read(b"<a>x\x01\xe9y &bomb; 1 < 2</b><c d=e f>"),
            ["<a", "x\u{1}\u{fffd}y &bomb; 1 ", "<", " 2", ">b", "<c d=e f="]
        );
        assert_eq!(read(b"<a>cut <b x=\"1"), ["<a", "cut ", "<b x=1"]);
        assert_eq!(read(b"<a>cut <b x=\"1 <c"), ["<a", "cut ", "<b x=\"1 <c"]);
    }

    /// Everything that is told of what `reader` has, with its places.
    fn told(reader: impl Read) -> Vec<String> {
        let interrupt = AtomicBool::new(false);
        let mut told = Vec::new();
        let mut tell = |event: XmlEvent<'_>| {
            told.push(match event {
                XmlEvent::Leaf(_) => unreachable!("taken apart"),
                XmlEvent::Start(Tag { name, attributes, offset, line, bytes }) => {
                    let attributes =
                        attributes.iter().map(|own| format!("{}={:?}@{} ", own.name, own.value, own.offset));
                    format!("<{name} {}{offset} {} {bytes}", attributes.collect::<String>(), line.number())
                }
                XmlEvent::Text { text, offset, bytes } => format!("{text:?} {offset} {bytes}"),
                XmlEvent::End { name } => format!("</{name}"),
                XmlEvent::Comment { text, offset } => format!("!{text:?} {offset}"),
            });
        };
        read_xml(&mut Input::new(Box::new(reader), &interrupt), &mut |event| event.apart(&mut tell));
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
                event.apart(&mut |event| {
                    if let XmlEvent::Start(Tag { attributes, .. }) = event {
                        attributes.iter().for_each(drop);
                    }
                });
            });
        }
    }
}
