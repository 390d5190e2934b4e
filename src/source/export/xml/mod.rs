//! XML of any size, read leniently: what real exports have in it (control characters, bad bytes, elements that are never
//! closed) ends nothing, and entities other than the five that XML knows stay as they are, so that bombs made of them
//! don't go off.
//!
//! Own code, as offsets are wanted, as stricter readers stop at the first bad byte, and as a text of gigabytes must not be
//! taken into memory whole.

mod attributes;
mod ending;
mod entities;
mod window;

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;

pub(super) use self::attributes::{Attributes, Spans};
use self::{
    ending::{Ending, Looked, Markup, ending},
    entities::{decode, resolved},
};
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
        /// Its name, with whatever stands behind it: see [`end_name`].
        name: &'e str,
        /// Offset of its `<`.
        offset: u64,
    },
    /// A comment, an instruction, or a document type with declarations.
    Comment {
        /// What it says.
        text: Cow<'e, str>,
        /// Offset of its `<`.
        offset: u64,
    },
    /// Something isn't as it should be, and what comes next may belong to another element.
    Fault {
        /// Where.
        offset: u64,
        /// What.
        why: &'static str,
    },
}

/// The name of the element that ends, and what else stands in the tag: people's text, if its `>` is missing.
pub(super) fn end_name(tag: &str) -> (&str, &str) {
    match tag.find(|c: char| c.is_ascii_whitespace()) {
        Some(at) => (&tag[..at], tag[at..].trim_ascii_start()),
        None => (tag, ""),
    }
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
        let mut end = tag.offset;
        if let Some(Stored { shown, bytes, skipped }) = text {
            let behind = tag.offset + tag.bytes as u64;
            if *bytes > 0 {
                let offset = behind + *skipped as u64;
                each(XmlEvent::Text { text: Cow::Borrowed(shown), offset, bytes: *bytes });
            }
            end = behind + *bytes as u64;
        }
        each(XmlEvent::End { name: tag.name, offset: end });
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

/// What ends a section of characters.
static CDATA_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("]]>"));

/// Reads all of a document.
pub(super) fn read_xml(input: &mut Input<'_>, each: &mut impl FnMut(XmlEvent<'_>)) {
    input.decode_text();
    let cdata_end = &*CDATA_END;
    let mut patience = Patience::default();
    loop {
        if !patience.is_lost && !patience.is_in_cdata {
            let (told, line) = window::in_window(input, cdata_end, each);
            input.consume_to(told, line);
        }
        if input.window().is_empty() && !input.more() {
            return;
        }
        // Something that goes on behind the window, or that isn't UTF-8.
        let length = match input.window()[0] {
            _ if patience.is_in_cdata => cdata(input, 0, &mut patience, each),
            b'<' => markup(input, &mut patience, each),
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
fn markup(input: &mut Input<'_>, patience: &mut Patience, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    match input.peek(CDATA.len()) {
        [b'<', b'!', b'-', b'-', ..] => aside(input, (4, 3), ending::comment, each),
        CDATA => cdata(input, CDATA.len(), patience, each),
        [b'<', b'?', ..] => aside(input, (2, 2), ending::instruction, each),
        [b'<', b'!', ..] => aside(input, (2, 1), ending::doctype, each),
        [b'<', b'/', ..] => end_tag(input, each),
        [b'<', first, ..] if is_name_start(*first) => tag(input, patience, each),
        _ => {
            each(XmlEvent::Text { text: Cow::Borrowed("<"), offset: input.offset(), bytes: 1 });
            1
        }
    }
}

/// Tells a comment, an instruction or a document type, with so many bytes around what it says; its length. What never ends is text.
fn aside(
    input: &mut Input<'_>,
    around: (usize, usize),
    look: fn(&[u8]) -> Looked,
    each: &mut dyn FnMut(XmlEvent<'_>),
) -> usize {
    let mut wanted = 0;
    let looked = loop {
        // Looked at again only when there is twice as much.
        match look(input.window()) {
            Some(looked) => break looked,
            None if input.window().len() >= MAX_TAG => break Markup::None(around.0),
            None => wanted = (input.window().len() * 2).clamp(wanted + 1, MAX_TAG),
        }
        let had = input.window().len();
        while input.window().len() < wanted && input.more() {}
        if input.window().len() == had {
            break Markup::None(around.0.min(had));
        }
    };
    tell_aside(input.window(), looked, around, input.offset(), each)
}

/// Tells what was found out about such a thing at the beginning of `window`; its length.
fn tell_aside(
    window: &[u8],
    looked: Markup,
    (before, behind): (usize, usize),
    offset: u64,
    each: &mut (impl FnMut(XmlEvent<'_>) + ?Sized),
) -> usize {
    match looked {
        Markup::Whole(length) => {
            let text = lossy(&window[before..length - behind]);
            // What the file says of itself, and the name of its root.
            let is_bare = window.starts_with(b"<?xml ") || behind == 1 && !text.contains('[');
            if !is_bare {
                each(XmlEvent::Comment { text, offset });
            }
            length
        }
        Markup::None(length) => {
            each(XmlEvent::Text { text: lossy(&window[..length]), offset, bytes: length });
            length
        }
    }
}

/// Why a tag is in doubt.
const NO_BRACKET: &str = "an end tag without its bracket: what follows may belong to another element";
const NO_QUOTE: &str = "an attribute without its closing quote: what follows may belong to another element";

/// Tells the end tag at hand; its length. At the end of the file it is text.
fn end_tag(input: &mut Input<'_>, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let mut looked_at = 2;
    loop {
        let (window, offset) = (input.window(), input.offset());
        if let Some(end) = first_of([b'>', b'<', b'<'], window, looked_at) {
            each(XmlEvent::End { name: &lossy(window[2..end].trim_ascii()), offset });
            if window[end] == b'>' {
                return end + 1;
            }
            each(XmlEvent::Fault { offset, why: NO_BRACKET });
            return end;
        }
        looked_at = window.len().max(2);
        if window.len() >= MAX_TEXT || !input.more() {
            let text = decode(input.window());
            each(XmlEvent::Text { text, offset, bytes: input.window().len() });
            return input.window().len();
        }
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80 || matches!(byte, b'_' | b':')
}

/// Tells a section of characters behind `skip` bytes, or as much of it as may be held; the length of that.
fn cdata(input: &mut Input<'_>, skip: usize, patience: &mut Patience, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let (mut looked_at, end) = (skip, CDATA_END.needle().len());
    let (text, length) = loop {
        let window = input.window();
        if let Some(at) = CDATA_END.find(&window[looked_at.min(window.len())..]) {
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

/// Tells the start tag at hand; its length.
fn tag(input: &mut Input<'_>, patience: &mut Patience, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let limit = patience.limit();
    let end = loop {
        let near = &input.window()[..limit.min(input.window().len())];
        let open = match ending(near) {
            Ending::Whole(end) => {
                patience.is_lost = false;
                break end;
            }
            Ending::Unquoted(end) => break unquoted(input.offset(), end, each),
            Ending::None(length) => return no_tag(input, length, each),
            Ending::Open(open) => open,
        };
        let (looked_at, wanted) = (near.len(), (input.window().len() * 2).min(limit));
        patience.is_lost = looked_at >= limit || !input.more();
        // Where the file was cut off there is no other tag behind, and what there is of this one is all that is known.
        if patience.is_lost && looked_at < limit && memchr::memchr(b'<', &input.window()[1..]).is_none() {
            break input.window().len();
        }
        if patience.is_lost {
            patience.in_vain += looked_at;
            match memchr::memchr3(b'<', b'>', b'\n', &input.window()[open..]).map(|sign| open + sign) {
                Some(sign) if input.window()[sign] == b'>' => break unquoted(input.offset(), sign, each),
                Some(sign) => return no_tag(input, sign + usize::from(input.window()[sign] == b'\n'), each),
                None => return no_tag(input, input.window().len(), each),
            }
        }
        while input.window().len() < wanted && input.more() {}
    };
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

/// Tells that a tag ends before a quote in it does.
fn unquoted(offset: u64, end: usize, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    each(XmlEvent::Fault { offset, why: NO_QUOTE });
    end
}

/// Tells what isn't a tag as text; its length.
fn no_tag(input: &Input<'_>, length: usize, each: &mut dyn FnMut(XmlEvent<'_>)) -> usize {
    let text = decode(&input.window()[..length]);
    each(XmlEvent::Text { text, offset: input.offset(), bytes: length });
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
    let ends = b" \t\n\r\x0c/=><";
    let mut at = 0;
    while at < ends.len() {
        is_in_name[ends[at] as usize] = false;
        at += 1;
    }
    is_in_name
};

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
            XmlEvent::End { name, .. } => told.push(format!(">{name}")),
            XmlEvent::Comment { text, .. } => told.push(format!("#{text}")),
            XmlEvent::Fault { .. } => told.push("?".to_owned()),
        };
        read_xml(&mut Input::new(Box::new(bytes), &interrupt), &mut |event| event.apart(&mut tell));
        told
    }

    proptest! {
        #[test]
        fn names_end_where_a_loop_ends_them(bytes in vec(prop_oneof![4 => 0x41..0x7b_u8, 1 => any::<u8>(), 1 => Just(b'1')], 0..40)) {
            let looped = bytes.iter().take_while(|byte| !b" \t\n\r\x0c/=><".contains(byte)).count();
            prop_assert_eq!(super::name_in(&bytes), looped);
        }
    }

    #[test]
    fn documents() {
        let text = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><!--x--><a k=\"1 &gt; &#x41;\" l='>'>t &amp; u<b/><![CDATA[<c>]]></a>";
        assert_eq!(
            read(text),
            ["#DOCTYPE a [<!ENTITY b \"c\">]", "#x", "<a k=1 > A l=>", "t & u", "<b", ">b", "<c>", ">a"]
        );
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
        assert_eq!(read(b"<a>cut <b x=\"1 <c"), ["<a", "cut ", "<b x=\"1 ", "<c"]);
    }

    #[test]
    fn nothing_is_swallowed_by_what_never_ends() {
        for (text, expected) in [
            ("<a>x <! y </a>", &["<a", "x ", "<!", " y ", ">a"][..]),
            ("<a>x <!y <b/></a>", &["<a", "x ", "<!", "y ", "<b", ">b", ">a"]),
            ("<a>x <?y </a>", &["<a", "x ", "<?", "y ", ">a"]),
            ("<a>x <!-- y </a>", &["<a", "x ", "<!--", " y ", ">a"]),
            ("<a>x <?y z?></a>", &["<a", "x ", "#y z", ">a"]),
            ("<a>x </b y </a>", &["<a", "x ", ">b y", "?", ">a"]),
            ("<a>x </a y", &["<a", "x ", "</a y"]),
            ("<a b=\"c>x</a><a b=\"d\"/>", &["<a b=c", "?", "x", ">a", "<a b=d", ">a"]),
            ("<a b=\"c d=\"e f\" g='h'>x</a>", &["<a b=c d=e f g=h", "x", ">a"]),
        ] {
            let mut told = read(text.as_bytes());
            // What is in doubt is told before the tag it is about.
            if let Some(at) = told.iter().position(|event| event == "?").filter(|at| told[at + 1].starts_with("<a b")) {
                told.swap(at, at + 1);
            }
            assert_eq!(told, expected, "{text}");
        }
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
                XmlEvent::End { name, offset } => format!("</{name} {offset}"),
                XmlEvent::Comment { text, offset } => format!("!{text:?} {offset}"),
                XmlEvent::Fault { offset, why } => format!("?{why} {offset}"),
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
