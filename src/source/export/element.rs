//! Records in XML: elements with all that is in them, one after the other, out of a document of any size.
#![allow(
    clippy::vec_box,
    reason = "elements go from the stack to their parents and to the spare ones: a box is 8 bytes, an element 200"
)]

use super::{
    input::Input,
    xml::{self, Leaf, Spans, Stored, Tag, XmlEvent, read_xml},
};

/// Bytes of text held of one record. One beyond it is told in parts.
const MAX_BYTES: usize = 64 << 20;

/// Deepest nesting. What is deeper counts as text of the element above it.
const MAX_DEPTH: usize = 128;

/// The attributes of an element, in their order: all names and values in one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    text: String,
    /// Where each stands in it, and the offset of its value in the file.
    parts: Vec<(Spans, u64)>,
}

impl Attributes {
    fn add(&mut self, attributes: &xml::Attributes<'_>) {
        if let Some((text, spans, offset)) = attributes.plain() {
            self.text.push_str(text);
            self.parts.extend(spans.iter().map(|own| (own.clone(), offset + own.value.start as u64)));
            return;
        }
        for own in attributes.iter() {
            let start = self.text.len();
            self.text.push_str(&own.name);
            let between = self.text.len();
            self.text.push_str(&own.value);
            self.parts.push((Spans { name: start..between, value: between..self.text.len() }, own.offset));
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    /// Are there none?
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Name, value and the offset of that.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.parts.iter().map(|(own, offset)| (&self.text[own.name.clone()], &self.text[own.value.clone()], *offset))
    }
}

/// An element with all that is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    /// Its name, with its prefix. Empty for text outside of records.
    pub(super) name: String,
    pub(super) attributes: Attributes,
    /// The elements in it, but for empty ones (`<a/>`) without attributes. In boxes, as they are moved about while they are read.
    pub(super) children: Vec<Box<Element>>,
    /// What its children are called, or more than that: records of a hundred elements are asked for twenty of which they have
    /// five.
    names: [u64; 4],
    /// Its own text, without that of its children.
    pub(super) text: String,
    /// Offset of its text in the file; of its tag if it has none.
    pub(super) offset: u64,
    /// Line of its tag, if it is a record or that was asked for.
    pub(super) line: u64,
    /// Bytes of its tags and texts.
    pub(super) bytes: usize,
}

impl Element {
    /// The value of an attribute, if it isn't empty.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let named = self.attributes.iter().find(|(own, ..)| *own == name);
        named.map(|(_, value, _)| value).filter(|value| !value.is_empty())
    }

    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.named(name).next()
    }

    /// The children of that name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Element> {
        let (word, bit) = bit_of(name);
        let all: &[Box<Element>] = if self.names[word] & bit == 0 { &[] } else { &self.children };
        all.iter().map(Box::as_ref).filter(move |child| child.name == name)
    }

    fn push(&mut self, child: Box<Element>) {
        let (word, bit) = bit_of(&child.name);
        self.names[word] |= bit;
        self.children.push(child);
    }

    /// The text of the first child of that name, if it isn't empty.
    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        let text = self.child(name)?.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// Where in [`Element::names`] a name stands.
fn bit_of(name: &str) -> (usize, u64) {
    let (first, last) = (name.bytes().next().unwrap_or(0), name.bytes().last().unwrap_or(0));
    let number = 29 * name.len() + 5 * usize::from(first) + 11 * usize::from(last);
    (number / 64 % 4, 1 << (number % 64))
}

/// What elements are, by their names.
pub(super) struct Kinds<'k> {
    /// Is it a record?
    pub(super) is_record: &'k dyn Fn(&str) -> bool,
    /// Does it stand in no other record? One that was never closed ends there.
    pub(super) begins: &'k dyn Fn(&str) -> bool,
    /// Is its line wanted, though it stands in a record?
    pub(super) has_line: &'k dyn Fn(&str) -> bool,
}

impl Kinds<'_> {
    /// No name is known.
    pub(super) const NONE: Kinds<'static> = Kinds { is_record: &|_| false, begins: &|_| false, has_line: &|_| false };
}

/// Reads the elements that `is_record` says are records, by their name. Text and comments outside of them come as elements
/// without a name.
pub(super) fn read_elements(input: &mut Input<'_>, is_record: &dyn Fn(&str) -> bool, each: &mut dyn FnMut(&Element)) {
    read_records(input, &Kinds { is_record, ..Kinds::NONE }, each);
}

/// The same, with more known of their names.
pub(super) fn read_records(input: &mut Input<'_>, kinds: &Kinds<'_>, each: &mut dyn FnMut(&Element)) {
    let mut gathering = Gathering { kinds, each, stack: Vec::new(), spare: Spare::default(), held: 0, too_deep: 0 };
    read_xml(input, &mut |event| gathering.take(event));
    if !gathering.stack.is_empty() {
        gathering.tell_open();
    }
}

/// Records on their way from a document.
struct Gathering<'g> {
    kinds: &'g Kinds<'g>,
    each: &'g mut dyn FnMut(&Element),
    /// The elements that are open, from the record to the innermost.
    stack: Vec<Box<Element>>,
    spare: Spare,
    /// Bytes of the record so far.
    held: usize,
    /// So many open elements are deeper than that.
    too_deep: usize,
}

impl Gathering<'_> {
    fn take(&mut self, event: XmlEvent<'_>) {
        match event {
            XmlEvent::Leaf(leaf) if self.may_hold(leaf) => self.add_leaf(leaf),
            XmlEvent::Leaf(_) => event.apart(&mut |part| self.take(part)),
            XmlEvent::Start(tag) => {
                // Records aren't nested: one that was never closed ends where the next begins.
                if self.ends_record(tag.name) {
                    self.tell_open();
                    self.stack.clear();
                    (self.held, self.too_deep) = (0, 0);
                }
                if self.stack.len() >= MAX_DEPTH {
                    self.too_deep += 1;
                } else if !self.stack.is_empty() || (self.kinds.is_record)(tag.name) {
                    let element = self.element(tag);
                    self.held += tag.bytes;
                    self.stack.push(element);
                }
            }
            XmlEvent::Text { text, offset, bytes } => match self.stack.last_mut() {
                Some(element) => {
                    add_text(element, &text, offset, bytes);
                    self.held += bytes;
                    if self.held > MAX_BYTES {
                        self.tell_open();
                        self.stack.iter_mut().for_each(|element| forget(element));
                        self.held = 0;
                    }
                }
                None => outside(&text, offset, self.each),
            },
            XmlEvent::Comment { text, offset } => match self.stack.last_mut() {
                Some(element) => add_text(element, &text, offset, text.len()),
                None => outside(&text, offset, self.each),
            },
            // What is too deep may never be closed: the end of the record is its end, too.
            XmlEvent::End { name }
                if self.too_deep > 0 && self.stack.first().is_none_or(|record| record.name != name) =>
            {
                self.too_deep -= 1;
            }
            XmlEvent::End { name } => {
                self.too_deep = 0;
                let Some(depth) = self.stack.iter().rposition(|open| open.name == name) else { return };
                // Elements that were never closed end with the one around them.
                while self.stack.len() > depth
                    && let Some(element) = self.stack.pop()
                {
                    match self.stack.last_mut() {
                        Some(parent) => {
                            parent.bytes += element.bytes;
                            parent.push(element);
                        }
                        None => {
                            self.held = 0;
                            (self.each)(&element);
                            self.spare.give(element);
                        }
                    }
                }
            }
        }
    }

    /// Does an element of that name end the record at hand?
    fn ends_record(&self, name: &str) -> bool {
        self.stack.first().is_some_and(|record| record.name == name || (self.kinds.begins)(name))
    }

    /// Is a leaf nothing but one more child of the innermost element?
    fn may_hold(&self, leaf: &Leaf<'_>) -> bool {
        let bytes = leaf.tag.bytes + leaf.text.as_ref().map_or(0, |text| text.bytes);
        !self.stack.is_empty()
            && self.stack.len() < MAX_DEPTH
            && self.too_deep == 0
            && self.held + bytes <= MAX_BYTES
            && !self.ends_record(leaf.tag.name)
    }

    fn add_leaf(&mut self, leaf: &Leaf<'_>) {
        let Leaf { tag, text } = leaf;
        let mut bytes = tag.bytes;
        // Two thirds of ServiceNow's elements say nothing.
        let child = (text.is_some() || !tag.attributes.is_empty()).then(|| {
            let mut element = self.element(tag);
            if let Some(Stored { shown, bytes: length, skipped }) = text {
                add_text(&mut element, shown, tag.offset + (tag.bytes + skipped) as u64, *length);
                bytes += length;
            }
            element
        });
        self.held += bytes;
        if let Some(parent) = self.stack.last_mut() {
            parent.bytes += bytes;
            child.into_iter().for_each(|child| parent.push(child));
        }
    }

    fn element(&mut self, tag: &Tag<'_>) -> Box<Element> {
        let mut element = self.spare.take();
        element.name.push_str(tag.name);
        element.attributes.add(&tag.attributes);
        let has_line = self.stack.is_empty() || (self.kinds.has_line)(tag.name);
        element.line = if has_line { tag.line.number() } else { 0 };
        (element.offset, element.bytes) = (tag.offset, tag.bytes);
        element
    }

    /// Tells the record at hand as far as it is known.
    fn tell_open(&mut self) {
        (self.each)(&folded(&self.stack));
    }
}

/// Elements that were told, kept for their memory: most of the time that reading takes would else go into asking for it.
#[derive(Default)]
struct Spare(Vec<Box<Element>>);

/// So many are kept, and none with more text than this.
const MAX_SPARE: usize = 256;
const SPARE_BYTES: usize = 64 << 10;

impl Spare {
    fn take(&mut self) -> Box<Element> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, mut element: Box<Element>) {
        element.children.drain(..).for_each(|child| self.give(child));
        let is_small = element.text.capacity() <= SPARE_BYTES && element.attributes.text.capacity() <= SPARE_BYTES;
        if is_small && self.0.len() < MAX_SPARE {
            element.name.clear();
            element.attributes.clear();
            element.text.clear();
            element.names = [0; 4];
            self.0.push(element);
        }
    }
}

fn add_text(element: &mut Element, text: &str, offset: u64, bytes: usize) {
    element.bytes += bytes;
    let is_blank = |text: &str| text.bytes().all(|byte| byte.is_ascii_whitespace());
    if is_blank(&element.text) {
        if is_blank(text) {
            return;
        }
        element.text.clear();
        element.offset = offset;
    }
    element.text.push_str(text);
}

fn outside(text: &str, offset: u64, each: &mut dyn FnMut(&Element)) {
    if !text.trim().is_empty() {
        each(&Element { text: text.to_owned(), offset, bytes: text.len(), ..Element::default() });
    }
}

/// The record as far as it is known, from the elements that are open.
fn folded(stack: &[Box<Element>]) -> Element {
    let mut inner: Option<Box<Element>> = None;
    for open in stack.iter().rev() {
        let mut element = open.clone();
        if let Some(child) = inner {
            element.bytes += child.bytes;
            element.push(child);
        }
        inner = Some(element);
    }
    inner.map(|record| *record).unwrap_or_default()
}

/// Takes away what was told; what tells which record it is stays.
fn forget(element: &mut Element) {
    element.text.clear();
    element.bytes = 0;
    element.children.retain(|child| child.children.is_empty() && child.text.len() < 1024);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::{Element, read_elements};
    use crate::source::export::input::Input;

    fn read(bytes: &[u8]) -> Vec<Element> {
        let interrupt = AtomicBool::new(false);
        let mut told = Vec::new();
        let mut input = Input::new(Box::new(bytes), &interrupt);
        read_elements(&mut input, &|name| name == "item", &mut |element| told.push(element.clone()));
        told
    }

    #[test]
    fn records_come_with_all_that_is_in_them() {
        let told = read(b"<!--c--><rss><item a='1'><b>x<i/>y</b><b>z</b></item>between<item><b>cut</rss><item><b>end");
        assert_eq!(told.len(), 5, "{told:#?}");
        assert_eq!((told[0].text.as_str(), told[2].text.as_str()), ("c", "between"));
        assert_eq!((told[1].attribute("a"), told[1].text_of("b").as_deref()), (Some("1"), Some("xy")));
        assert_eq!(told[1].children.len(), 2);
        assert_eq!(told[3].name, "item");
    }

    #[test]
    fn empty_elements_are_left_out_but_for_their_bytes() {
        let text = "<item><a/><b x='1'/><c />\n<d>t<e/>u</d><item2/></item><item/><item><f/></item>";
        let told = read(text.as_bytes());
        let names: Vec<&str> = told[0].children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!((names, told[0].text_of("d").as_deref()), (vec!["b", "d"], Some("tu")));
        assert_eq!((told.len(), told[1].children.len(), told[2].children.len()), (3, 0, 0));
        // All but the tags that end something.
        let ends = 2 * "</item>".len() + "</d>".len();
        assert_eq!(told.iter().map(|record| record.bytes).sum::<usize>(), text.len() - ends);
    }

    #[test]
    fn children_are_found_by_their_names() {
        let names: Vec<String> = (0..300).map(|n| format!("{}x{n}", ["sys", "u", ""][n % 3])).collect();
        let children: String = names.iter().map(|name| format!("<{name}>1</{name}>")).collect();
        let told = read(format!("<item>{children}<x3>2</x3></item><item><b>z</b></item>").as_bytes());
        let texts =
            |record: &Element, name: &str| record.named(name).map(|child| child.text.clone()).collect::<Vec<_>>();
        assert!(names.iter().all(|name| texts(&told[0], name)[0] == "1"));
        assert_eq!((texts(&told[0], "xx3"), texts(&told[0], "sysx3")), (vec![], vec!["1".to_owned()]));
        // The second record has the first one's memory.
        assert_eq!((texts(&told[1], "sysx3"), texts(&told[1], "b")), (vec![], vec!["z".to_owned()]));
        assert_eq!(told[1].names.iter().map(|word| word.count_ones()).sum::<u32>(), 1);
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = format!("<item>{}x{}</item><item>y</item>", "<a>".repeat(5_000), "</a>".repeat(5_000));
        let told = read(deep.as_bytes());
        assert_eq!((told.len(), told[1].text.as_str()), (2, "y"));
        let open = format!("<item>{}</item><item>y</item>", "<a>".repeat(5_000));
        assert_eq!(read(open.as_bytes())[1].text, "y");
        let long = format!("<item><key>K-1</key><d>{}</d></item>", "word ".repeat(30 << 20));
        let told = read(long.as_bytes());
        assert!(told.len() > 1, "told in parts");
        assert!(told.iter().all(|part| part.text_of("key").as_deref() == Some("K-1")));
    }
}
