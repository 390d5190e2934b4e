//! Records in HTML: a page of any size in pieces, each from the first tag of a record to that of the next, and what stands
//! in a piece, found by the classes of its elements.
//!
//! A piece ends where the next record begins, whatever of it was closed: damage costs its own record.

mod tag;

use std::{borrow::Cow, ops::Range};

pub(super) use self::tag::Tag;
use self::tag::{At, Eye};
use super::{
    input::{Input, lossy},
    markup,
    xml::Attributes,
};

/// Bytes of a piece that are held; a longer one is told in parts.
const MAX_BYTES: usize = 16 << 20;

/// Deepest nesting, and most elements and attributes of a piece. What is beyond counts as text of what is around it.
const MAX_DEPTH: usize = 128;
const MAX_ELEMENTS: usize = 1 << 16;
const MAX_ATTRIBUTES: usize = 1 << 17;

/// Bytes of a class that are told with each text.
const MAX_NAME: usize = 64;

/// Looks for the first tag of a record from `from` on: where it is, or from where to look again once there is more.
fn next_start(bytes: &[u8], from: usize, is_whole: bool, starts: &dyn Fn(&Tag<'_>) -> bool) -> Result<usize, usize> {
    let mut eye = Eye::new(bytes);
    let mut from = from;
    while let Some(found) = memchr::memchr(b'<', &bytes[from.min(bytes.len())..]) {
        let here = from + found;
        from = match eye.at(here) {
            At::Tag(tag) if !tag.is_end && starts(&tag) => return Ok(here),
            At::Tag(tag) => match eye.raw_end(&tag) {
                Some(end) => end,
                None if !is_whole => return Err(here),
                None => tag.end,
            },
            At::Passed(end) => end,
            At::Open if !is_whole => return Err(here),
            At::Text | At::Open => here + 1,
        };
    }
    Err(bytes.len())
}

/// A piece of a page.
pub(super) struct Piece<'p> {
    /// It as stored, in UTF-8.
    pub(super) html: Cow<'p, str>,
    /// Where it begins in the file.
    pub(super) offset: u64,
    pub(super) line: u64,
    /// Does it go on with what the piece before began?
    pub(super) goes_on: bool,
    elements: Vec<Element>,
    attributes: Vec<Attribute>,
    /// Values of attributes whose entities were resolved.
    decoded: String,
    /// Was there more than is held?
    pub(super) is_cut: bool,
    /// Classes of elements whose inside is found through them alone.
    closed: &'static [&'static str],
}

/// An element: its name, what stands between its tags, and the first element that is none of those in it.
struct Element {
    name: Range<usize>,
    attributes: Range<usize>,
    start: usize,
    inner: Range<usize>,
    next: usize,
}

struct Attribute {
    name: Range<usize>,
    value: Range<usize>,
    is_decoded: bool,
    offset: usize,
}

/// Reads a page in pieces. `starts` says which tags are the first of a record.
pub(super) fn read_pieces(
    input: &mut Input<'_>,
    closed: &'static [&'static str],
    starts: &dyn Fn(&Tag<'_>) -> bool,
    each: &mut dyn FnMut(&Piece<'_>),
) {
    input.decode_text();
    // Not within a word.
    let may_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
    let (mut looked_at, mut goes_on) = (0, false);
    loop {
        let (length, is_part) = input.next_piece(MAX_BYTES, looked_at, may_end, |window, from, is_whole| {
            next_start(window, from, is_whole, starts)
        });
        if input.window().is_empty() {
            return;
        }
        if length == 0 {
            // Here a record begins, so another piece than the one before.
            (looked_at, goes_on) = (1, false);
            continue;
        }
        let piece = Piece::new(&input.window()[..length], (input.offset(), input.line()), goes_on, closed);
        each(&piece);
        drop(piece);
        input.consume(length);
        goes_on = is_part;
        looked_at = usize::from(!is_part);
    }
}

impl<'p> Piece<'p> {
    fn new(bytes: &'p [u8], (offset, line): (u64, u64), goes_on: bool, closed: &'static [&'static str]) -> Piece<'p> {
        let mut piece = Piece {
            html: lossy(bytes),
            offset,
            line,
            goes_on,
            elements: Vec::new(),
            attributes: Vec::new(),
            decoded: String::new(),
            is_cut: false,
            closed,
        };
        let html = std::mem::take(&mut piece.html);
        piece.fill(html.as_bytes());
        piece.html = html;
        piece
    }

    /// The tag that it begins with.
    pub(super) fn first_tag(&self) -> Option<Tag<'_>> {
        match Eye::new(self.html.as_bytes()).at(0) {
            At::Tag(tag) if self.html.starts_with('<') => Some(tag),
            _ => None,
        }
    }

    /// Finds the elements.
    fn fill(&mut self, bytes: &[u8]) {
        let mut eye = Eye::new(bytes);
        let mut open: Vec<usize> = Vec::new();
        let mut from = 0;
        while let Some(found) = memchr::memchr(b'<', &bytes[from..]) {
            let here = from + found;
            from = match eye.at(here) {
                At::Tag(tag) if tag.is_end => {
                    self.close(&tag, here, bytes, &mut open);
                    tag.end
                }
                At::Tag(tag) => {
                    self.open(&tag, here, &mut open);
                    eye.raw_end(&tag).unwrap_or(tag.end)
                }
                At::Passed(end) => end,
                At::Text | At::Open => here + 1,
            };
        }
        let next = self.elements.len();
        for index in open {
            (self.elements[index].inner.end, self.elements[index].next) = (bytes.len(), next);
        }
    }

    fn open(&mut self, tag: &Tag<'_>, here: usize, open: &mut Vec<usize>) {
        const EMPTY: [&str; 10] = ["br", "img", "hr", "input", "meta", "link", "source", "wbr", "use", "col"];
        if self.elements.len() >= MAX_ELEMENTS || open.len() >= MAX_DEPTH {
            self.is_cut = true;
            return;
        }
        let first = self.attributes.len();
        for own in Attributes::new(tag.rest, 0).iter() {
            if self.attributes.len() >= MAX_ATTRIBUTES {
                self.is_cut = true;
                break;
            }
            let name_start = tag.rest_start + offset_in(tag.rest, own.name.as_bytes());
            let value_start = tag.rest_start + own.offset as usize;
            let (value, is_decoded) = match own.value {
                Cow::Borrowed(value) => (value_start..value_start + value.len(), false),
                Cow::Owned(value) => {
                    let start = self.decoded.len();
                    self.decoded.push_str(&value);
                    (start..self.decoded.len(), true)
                }
            };
            let name = name_start..name_start + own.name.len();
            self.attributes.push(Attribute { name, value, is_decoded, offset: value_start });
        }
        let index = self.elements.len();
        let name_start = tag.rest_start - tag.name.len();
        self.elements.push(Element {
            name: name_start..tag.rest_start,
            attributes: first..self.attributes.len(),
            start: here,
            inner: tag.end..tag.end,
            next: index + 1,
        });
        if !tag.rest.ends_with(b"/") && !EMPTY.iter().any(|name| tag.is(name)) {
            open.push(index);
        }
    }

    /// An end tag closes the last element of its name, and those in it that were never closed.
    fn close(&mut self, tag: &Tag<'_>, here: usize, bytes: &[u8], open: &mut Vec<usize>) {
        let is_it = |index: &usize| bytes[self.elements[*index].name.clone()].eq_ignore_ascii_case(tag.name);
        let Some(at) = open.iter().rposition(is_it) else { return };
        let next = self.elements.len();
        for index in open.drain(at..) {
            (self.elements[index].inner.end, self.elements[index].next) = (here, next);
        }
    }

    fn attribute(&self, attribute: &Attribute) -> &str {
        let text = if attribute.is_decoded { &self.decoded } else { self.html.as_ref() };
        text.get(attribute.value.clone()).unwrap_or_default()
    }
}

/// Where a part of a text begins in it.
fn offset_in(text: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize).filter(|at| at + part.len() <= text.len()).unwrap_or(0)
}

/// A piece, an element in one, or an attribute.
#[derive(Clone, Copy)]
pub(super) enum Node<'n> {
    /// All of a piece. Its attributes are those of the first element.
    Piece(&'n Piece<'n>),
    Element(&'n Piece<'n>, usize),
    Attribute(&'n Piece<'n>, usize),
}

impl<'n> Node<'n> {
    fn piece(self) -> &'n Piece<'n> {
        match self {
            Node::Piece(piece) | Node::Element(piece, _) | Node::Attribute(piece, _) => piece,
        }
    }

    /// The elements in it, by their index.
    fn inside(self) -> Range<usize> {
        match self {
            Node::Piece(piece) => 0..piece.elements.len(),
            Node::Element(piece, index) => index + 1..piece.elements[index].next,
            Node::Attribute(..) => 0..0,
        }
    }

    /// The element whose attributes are its own.
    fn own(self) -> Option<&'n Element> {
        match self {
            Node::Piece(piece) => piece.elements.first(),
            Node::Element(piece, index) => piece.elements.get(index),
            Node::Attribute(..) => None,
        }
    }

    /// What a key leads to: `@name` to an attribute, `<name` to the elements of that name in it, anything else to those of
    /// that class. `#2` at its end means the second of them. Elements in one that was found are not looked for.
    pub(super) fn each_of(self, key: &str, each: &mut dyn FnMut(Node<'n>)) {
        let piece = self.piece();
        if let Some(name) = key.strip_prefix('@') {
            let indexes = self.own().map(|own| own.attributes.clone()).unwrap_or_default();
            let is_it = |index: &usize| piece.html[piece.attributes[*index].name.clone()].eq_ignore_ascii_case(name);
            return indexes.filter(is_it).for_each(|index| each(Node::Attribute(piece, index)));
        }
        let (key, wanted) = match key.split_once('#') {
            Some((key, number)) => (key, number.parse().ok()),
            None => (key, None),
        };
        let (mut index, end) = (self.inside().start, self.inside().end);
        let mut count = 0_usize;
        while index < end {
            let element = &piece.elements[index];
            let is_it = match key.strip_prefix('<') {
                Some(name) => piece.html[element.name.clone()].eq_ignore_ascii_case(name),
                None => piece.classes(element).any(|class| class == key),
            };
            if is_it {
                count += 1;
                if wanted.is_none_or(|wanted: usize| wanted == count) {
                    each(Node::Element(piece, index));
                }
            }
            let is_closed = is_it || piece.closed_class(element).is_some();
            index = if is_closed { element.next.max(index + 1) } else { index + 1 };
        }
    }

    /// What stands in it, as stored.
    pub(super) fn html(&self) -> &str {
        match *self {
            Node::Piece(piece) => &piece.html,
            Node::Element(piece, index) => piece.html.get(piece.elements[index].inner.clone()).unwrap_or_default(),
            Node::Attribute(piece, index) => piece.attribute(&piece.attributes[index]),
        }
    }

    /// Its text on one line.
    pub(super) fn line(&self) -> String {
        let text = match self {
            Node::Attribute(..) => Cow::Borrowed(self.html()),
            _ => Cow::Owned(markup::html_text(self.html())),
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Where it stands in the file.
    pub(super) fn offset(&self) -> u64 {
        let at = match *self {
            Node::Piece(_) => 0,
            Node::Element(piece, index) => piece.elements[index].inner.start,
            Node::Attribute(piece, index) => piece.attributes[index].offset,
        };
        self.piece().offset + at as u64
    }
}

/// A text or attribute that stands in a piece.
pub(super) enum Told<'t> {
    /// The class or name of the element that it stands in, and the text as stored.
    Text(&'t str, &'t str),
    /// Name and value of an attribute.
    Attribute(&'t str, &'t str),
}

impl Piece<'_> {
    fn classes(&self, element: &Element) -> impl Iterator<Item = &str> {
        let own = self.attributes[element.attributes.clone()].iter();
        own.filter(|own| self.html[own.name.clone()].eq_ignore_ascii_case("class"))
            .flat_map(|own| self.attribute(own).split_ascii_whitespace())
    }

    fn closed_class(&self, element: &Element) -> Option<&'static str> {
        let is_closed = |closed: &&&str| self.classes(element).any(|class| class == **closed);
        self.closed.iter().find(is_closed).copied()
    }

    /// Tells all texts and attributes in their order, but for the inside of elements that `skips` says of. It is asked with
    /// the path of closed classes around an element, and a class or `<name`.
    pub(super) fn each_text(&self, skips: &dyn Fn(&str, &str) -> bool, each: &mut dyn FnMut(Told<'_>, u64)) {
        let mut paths: Vec<(String, usize)> = Vec::new();
        let mut names: Vec<(String, usize)> = Vec::new();
        let (mut index, mut from) = (0, 0);
        let mut tell = |names: &[(String, usize)], range: Range<usize>| {
            let name = names.last().map_or("text", |(name, _)| name);
            for (start, text) in texts(self.html.get(range.clone()).unwrap_or_default()) {
                each(Told::Text(name, text), self.offset + (range.start + start) as u64);
            }
        };
        let mut attributes: Vec<usize> = Vec::new();
        while let Some(element) = self.elements.get(index) {
            tell(&names, from..element.start);
            from = from.max(element.inner.start);
            paths.retain(|(_, end)| index < *end);
            names.retain(|(_, end)| index < *end);
            let path = paths.last().map_or("", |(path, _)| path).to_owned();
            attributes.push(index);
            let tag = format!("<{}", self.html.get(element.name.clone()).unwrap_or_default());
            let is_told = skips(&path, &tag) || self.classes(element).any(|class| skips(&path, class));
            if is_told {
                from = from.max(element.inner.end);
                index = element.next.max(index + 1);
                continue;
            }
            if let Some(closed) = self.closed_class(element) {
                paths.push((format!("{path}{closed}."), element.next));
            }
            let name = self.classes(element).next().unwrap_or(&tag[1..]);
            let end = name.floor_char_boundary(MAX_NAME);
            names.push((name[..end].to_owned(), element.next));
            index += 1;
        }
        tell(&names, from..self.html.len());
        for index in attributes {
            for own in &self.attributes[self.elements[index].attributes.clone()] {
                let name = self.html.get(own.name.clone()).unwrap_or_default();
                each(Told::Attribute(name, self.attribute(own)), self.offset + own.offset as u64);
            }
        }
    }
}

/// The texts between tags, and where they begin; comments are texts.
fn texts(html: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = html.as_bytes();
    let (mut eye, mut from) = (Eye::new(bytes), 0);
    std::iter::from_fn(move || {
        while from < html.len() {
            let start = from;
            let mut end = start;
            // A `<` that begins no tag belongs to the text.
            from = loop {
                match memchr::memchr(b'<', &bytes[end..]) {
                    None => {
                        end = bytes.len();
                        break end;
                    }
                    Some(found) => {
                        end += found;
                        match eye.at(end) {
                            At::Tag(tag) => break tag.end,
                            At::Passed(passed) => end = passed,
                            At::Text | At::Open => end += 1,
                        }
                    }
                }
            };
            if !html[start..end].trim().is_empty() {
                return Some((start, &html[start..end]));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::{collection::vec, prelude::*};

    use super::{Node, Piece, Told, read_pieces};
    use crate::source::export::input::Input;

    fn read(bytes: &[u8], each: &mut dyn FnMut(&Piece<'_>)) {
        let interrupt = AtomicBool::new(false);
        let mut input = Input::new(Box::new(bytes), &interrupt);
        read_pieces(&mut input, &["quote"], &|tag| tag.has_class("message"), each);
    }

    fn lines(piece: &Piece<'_>, path: &str) -> Vec<String> {
        let mut found = vec![Node::Piece(piece)];
        for key in path.split('.') {
            let mut next = Vec::new();
            found.into_iter().for_each(|node| node.each_of(key, &mut |inner| next.push(inner)));
            found = next;
        }
        found.iter().map(Node::line).collect()
    }

    #[test]
    fn pieces_and_what_is_in_them() {
        let page = b"<html><head><title>a <b> c</title><script>if (a<b) '<div class=message>'</script></head><!-- <div class=message> -->\
            <DIV class=\"big message\" id='m1'><p class=who>Ada &amp; Bob</p><div class=quote><p class=who>Eve</p></div><br><i>x</i><i title=\"t\">y</i></div>\
            <div class=message id=m2><p class='text'>1 < 2 <b>bo</b>ld</p>";
        let mut told = Vec::new();
        read(page, &mut |piece| {
            let ids = [lines(piece, "@id"), lines(piece, "who"), lines(piece, "quote.who"), lines(piece, "<i#2")];
            told.push(ids.concat().join("|"));
            if piece.html.contains("m2") {
                assert_eq!(lines(piece, "text"), ["1 < 2 bold"]);
            }
        });
        assert_eq!(told, ["", "m1|Ada & Bob|Eve|y", "m2"]);
    }

    #[test]
    fn each_text_is_told_once_with_its_place() {
        let page = b"<div class=message title='a &gt; b'>one<p class=text>two</p>three<!-- four --></div>five";
        let mut told = Vec::new();
        read(page, &mut |piece| {
            piece.each_text(&|_, class| class == "text", &mut |text, offset| {
                let (name, text) = match text {
                    Told::Text(name, text) => (name, text),
                    Told::Attribute(name, text) => (name, text),
                };
                if name != "class" {
                    assert!(page[offset as usize..].starts_with(&text.as_bytes()[..1]), "{text}");
                }
                told.push(format!("{name}:{text}"));
            });
        });
        assert_eq!(
            told,
            ["message:one", "message:three<!-- four -->", "message:five", "class:message", "title:a > b", "class:text"]
        );
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = format!("<div class=message>{}x</div><div class=message>y", "<a>".repeat(200_000));
        let mut count = 0;
        read(deep.as_bytes(), &mut |piece| {
            count += 1;
            assert_eq!(piece.is_cut, count == 1);
        });
        assert_eq!(count, 2);
        let long = format!("<div class=message id=a>{}<div class=message id=b>", "word ".repeat(8 << 20));
        let mut told = Vec::new();
        read(long.as_bytes(), &mut |piece| told.push((piece.goes_on, piece.html.len())));
        assert!(told.len() > 3 && told.iter().all(|(_, length)| *length <= 17 << 20), "{told:?}");
        assert_eq!((told[0].0, told[1].0, told[told.len() - 1].0), (false, true, false));
        assert_eq!(told.iter().map(|(_, length)| length).sum::<usize>(), long.len());
    }

    proptest! {
        #[test]
        fn all_of_a_page_is_told(bytes in vec(prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]), Just(b"<div class=message>".to_vec()), Just(b"</div>".to_vec()), Just(b"<!--".to_vec()),
            Just(b"-->".to_vec()), Just(b"<script>".to_vec()), Just(b"</script>".to_vec()), Just(b"<a b='".to_vec()), Just(b"quote".to_vec())
        ], 0..40)) {
            let bytes = bytes.concat();
            let known = |text: &str| text.chars().filter(|c| *c != '\u{fffd}').map(char::len_utf8).sum::<usize>();
            let mut length = 0;
            read(&bytes, &mut |piece| {
                length += known(&piece.html);
                piece.each_text(&|_, _| false, &mut |_, _| {});
                lines(piece, "quote.<a.@b");
            });
            let has_mark = bytes.starts_with(b"\xef\xbb\xbf") || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
            let is_wide = has_mark || bytes.contains(&0);
            prop_assert!(is_wide || length == known(&String::from_utf8_lossy(&bytes)));
        }
    }
}
