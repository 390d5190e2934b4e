//! Records in XML: elements with all that is in them, one after the other, out of a document of any size.
#![allow(
    clippy::vec_box,
    reason = "elements go from the stack to their parents and to the spare ones: a box is 8 bytes, an element 200"
)]

use super::{
    input::Input,
    sink::{Sink, Why},
    xml::{self, Leaf, Root, Spans, Stored, Tag, XmlEvent, end_name, read_xml},
};

/// Memory that one record may take, so that texts in all their views stay below 256 MiB. One beyond it is told in parts, each with
/// what says which record it is.
const MAX_BYTES: usize = 16 << 20;

/// Beyond this it is told in parts as soon as a child ends: children are told whole where they can be.
const ENOUGH_BYTES: usize = 8 << 20;

/// What an element and an attribute take beside their bytes.
const ELEMENT_BYTES: usize = 320;
const ATTRIBUTE_BYTES: usize = 48;

/// Attributes of one element that are told apart. All beyond are one.
const MAX_ATTRIBUTES: usize = 4096;

/// Bytes of a name. What has a longer one is closed with the element around it.
const MAX_NAME: usize = 1024;

/// What is kept of a record that is told in parts: so many children and attributes, each no longer than this.
const MAX_KEPT: usize = 256;
const KEPT_BYTES: usize = 1024;

/// Why an end tag is in doubt.
const ENDS_NOTHING: &str = "an end tag that ends nothing, read as text";

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
        if let Some((text, spans, offset)) = attributes.plain()
            && spans.len() <= MAX_ATTRIBUTES
        {
            self.text.push_str(text);
            self.parts.extend(spans.iter().map(|own| (own.clone(), offset + own.value.start as u64)));
            return;
        }
        for own in attributes.iter() {
            if self.parts.len() == MAX_ATTRIBUTES
                && let Some((last, _)) = self.parts.last_mut()
            {
                [" ", &own.name, "=", &own.value].iter().for_each(|part| self.text.push_str(part));
                last.value.end = self.text.len();
                continue;
            }
            // Words without values are what somebody wrote: as one text without a name.
            let said = if own.is_bare { &own.name } else { &own.value };
            if own.is_bare
                && let Some((last, _)) = self.parts.last_mut().filter(|(last, _)| last.name.is_empty())
            {
                [" ", said].iter().for_each(|part| self.text.push_str(part));
                last.value.end = self.text.len();
                continue;
            }
            let start = self.text.len();
            self.text.push_str(if own.is_bare { "" } else { &own.name });
            let between = self.text.len();
            self.text.push_str(said);
            self.parts.push((Spans { name: start..between, value: between..self.text.len() }, own.offset));
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    /// Memory that they take.
    fn held(&self) -> usize {
        self.text.len() + ATTRIBUTE_BYTES * self.parts.len()
    }

    /// Leaves the first short ones.
    fn shorten(&mut self) {
        let mut short = Attributes::default();
        for (name, value, offset) in self.iter().filter(|(name, value, _)| name.len() + value.len() < KEPT_BYTES) {
            let start = short.text.len();
            short.text.push_str(name);
            let between = short.text.len();
            short.text.push_str(value);
            short.parts.push((Spans { name: start..between, value: between..short.text.len() }, offset));
            if short.parts.len() == MAX_KEPT {
                break;
            }
        }
        *self = short;
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
    /// Offset of its tag in the file.
    pub(super) start: u64,
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
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        Some(self.child(name)?.text.trim()).filter(|text| !text.is_empty())
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
pub(super) fn read_elements(
    input: &mut Input<'_>,
    is_record: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&Element),
) -> Reach {
    read_records(input, &Kinds { is_record, ..Kinds::NONE }, each)
}

/// The same, with more known of their names.
pub(super) fn read_records(input: &mut Input<'_>, kinds: &Kinds<'_>, each: &mut dyn FnMut(&Element)) -> Reach {
    let mut gathering = Gathering {
        kinds,
        each,
        stack: Vec::new(),
        root: Root::default(),
        reach: Reach::default(),
        spare: Spare::default(),
        held: 0,
        too_deep: 0,
    };
    read_xml(input, &mut |event| gathering.take(event));
    gathering.reach.is_cut = gathering.root.is_open() || !gathering.stack.is_empty();
    gathering.tell_open();
    gathering.reach
}

/// How far a document goes, and what is wrong on the way.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Does it end in the middle of an element?
    pub(super) is_cut: bool,
    /// Where something isn't as it should be, and what.
    faults: Vec<(u64, &'static str)>,
}

/// Faults that are kept: more are told of no file.
const MAX_FAULTS: usize = 32;

impl Reach {
    /// Notes what is wrong.
    pub(super) fn fault(&mut self, offset: u64, why: &'static str) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push((offset, why));
        }
    }

    /// Tells all of a document that ends at `end`.
    pub(super) fn tell(&self, end: u64, sink: &mut Sink<'_>) {
        let cut = self.is_cut.then_some((end, "the file ends in the middle of an element"));
        for (offset, why) in self.faults.iter().copied().chain(cut) {
            sink.broken(b"", offset, 0, Some(Why::Malformed(why)));
        }
    }
}

/// Records on their way from a document.
struct Gathering<'g> {
    kinds: &'g Kinds<'g>,
    each: &'g mut dyn FnMut(&Element),
    /// The elements that are open, from the record to the innermost.
    stack: Vec<Box<Element>>,
    /// The element around all records.
    root: Root,
    reach: Reach,
    spare: Spare,
    /// Memory that the record takes so far.
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
                self.root.begin(tag.name);
                // Records aren't nested: one that was never closed ends where the next begins.
                if self.ends_record(tag.name) {
                    self.tell_open();
                    (self.held, self.too_deep) = (0, 0);
                }
                if self.stack.len() >= MAX_DEPTH {
                    self.too_deep += 1;
                } else if !self.stack.is_empty() || (self.kinds.is_record)(tag.name) {
                    let element = self.element(tag);
                    self.make_room(tag.bytes + ELEMENT_BYTES + element.attributes.held());
                    self.stack.push(element);
                }
            }
            XmlEvent::Text { text, offset, bytes } => self.add_text(&text, offset, bytes),
            XmlEvent::Comment { text, offset } => self.add_text(&text, offset, text.len()),
            XmlEvent::End { name, offset } => self.end(name, offset),
            XmlEvent::Fault { offset, why } => self.reach.fault(offset, why),
        }
    }

    /// An element ends; behind its name may stand what somebody wrote.
    fn end(&mut self, tag: &str, offset: u64) {
        let (name, behind) = end_name(tag);
        let name = &name[..name.floor_char_boundary(MAX_NAME)];
        self.root.end(name);
        // What is too deep may never be closed: the end of the record is its end, too.
        if self.too_deep > 0 && self.stack.first().is_none_or(|record| record.name != name) {
            self.too_deep -= 1;
        } else {
            self.too_deep = 0;
            match self.stack.iter().rposition(|open| open.name == name) {
                Some(depth) => self.close(depth),
                None if self.stack.is_empty() => {}
                None => {
                    self.reach.fault(offset, ENDS_NOTHING);
                    return self.add_text(&format!("</{tag}>"), offset, tag.len() + 3);
                }
            }
        }
        if !behind.is_empty() {
            self.add_text(behind, offset, behind.len());
        }
    }

    /// Ends the open element at that depth. Those in it that were never closed end with it.
    fn close(&mut self, depth: usize) {
        while self.stack.len() > depth
            && let Some(mut element) = self.stack.pop()
        {
            // One that was never closed may be no element.
            if self.stack.len() > depth && !is_usual_name(&element.name) {
                let name = format!("<{}> ", element.name);
                element.text.insert_str(0, &name);
            }
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
        self.child_ended();
    }

    fn add_text(&mut self, text: &str, offset: u64, bytes: usize) {
        if self.stack.is_empty() {
            return outside(text, offset, self.each);
        }
        // What isn't UTF-8 is longer than it was.
        self.make_room(text.len());
        if let Some(element) = self.stack.last_mut() {
            add_text(element, text, offset, bytes);
        }
    }

    /// Counts what comes next; if the record would take too much with it, what there is of it is told before.
    fn make_room(&mut self, bytes: usize) {
        if self.held + bytes > MAX_BYTES && self.held > 0 {
            self.tell_part();
        }
        self.held += bytes;
    }

    /// A child of the innermost element is whole: is there enough to tell it?
    fn child_ended(&mut self) {
        if self.held > MAX_BYTES || self.held > ENOUGH_BYTES && self.stack.len() == 1 {
            self.tell_part();
        }
    }

    /// Tells what is known of the record, and goes on with what tells which it is.
    fn tell_part(&mut self) {
        let depth = self.stack.len();
        let Some(mut record) = self.folded() else { return };
        (self.each)(&record);
        for _ in 1..depth {
            let inner = record.children.pop();
            forget(&mut record);
            self.stack.push(record);
            record = inner.unwrap_or_default();
        }
        forget(&mut record);
        self.stack.push(record);
        self.held = 0;
    }

    /// Does an element of that name end the record at hand?
    fn ends_record(&self, name: &str) -> bool {
        self.stack.first().is_some_and(|record| record.name == name || (self.kinds.begins)(name))
    }

    /// Is a leaf nothing but one more child of the innermost element?
    fn may_hold(&self, leaf: &Leaf<'_>) -> bool {
        let bytes = leaf.tag.bytes + leaf.text.as_ref().map_or(0, |text| text.bytes) + ELEMENT_BYTES;
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
            if let Some(child) = child {
                self.held += ELEMENT_BYTES + ATTRIBUTE_BYTES * child.attributes.parts.len();
                parent.push(child);
            }
        }
        self.child_ended();
    }

    fn element(&mut self, tag: &Tag<'_>) -> Box<Element> {
        let mut element = self.spare.take();
        element.name.push_str(&tag.name[..tag.name.floor_char_boundary(MAX_NAME)]);
        element.attributes.add(&tag.attributes);
        let has_line = self.stack.is_empty() || (self.kinds.has_line)(tag.name);
        element.line = if has_line { tag.line.number() } else { 0 };
        (element.start, element.offset, element.bytes) = (tag.offset, tag.offset, tag.bytes);
        element
    }

    /// Tells the record at hand as far as it is known, and is done with it.
    fn tell_open(&mut self) {
        if let Some(record) = self.folded() {
            (self.each)(&record);
            self.spare.give(record);
        }
    }

    /// The record as far as it is known, made of the elements that are open: each is the last child of the one around it.
    fn folded(&mut self) -> Option<Box<Element>> {
        let mut record = self.stack.pop()?;
        while let Some(mut around) = self.stack.pop() {
            around.bytes += record.bytes;
            around.push(record);
            record = around;
        }
        Some(record)
    }
}

/// Elements that were told, kept for their memory: most of the time that reading takes would else go into asking for it.
#[derive(Default)]
struct Spare(Vec<Box<Element>>);

/// So many are kept, and none with more text than this.
const MAX_SPARE: usize = 256;
const SPARE_BYTES: usize = 64 << 10;

/// Nor with more children or attributes.
const SPARE_PARTS: usize = 1024;

impl Spare {
    fn take(&mut self) -> Box<Element> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, mut element: Box<Element>) {
        element.children.drain(..).for_each(|child| self.give(child));
        let parts = element.children.capacity().max(element.attributes.parts.capacity());
        let bytes = element.text.capacity().max(element.attributes.text.capacity());
        let is_small = bytes <= SPARE_BYTES && parts <= SPARE_PARTS;
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

/// Is it what elements are called? Nobody writes capital letters and digits as keys have them.
fn is_usual_name(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b':');
    name.bytes().all(is_usual) && name.bytes().filter(u8::is_ascii_uppercase).count() < 4
}

fn outside(text: &str, offset: u64, each: &mut dyn FnMut(&Element)) {
    if !text.trim().is_empty() {
        each(&Element { text: text.to_owned(), offset, bytes: text.len(), ..Element::default() });
    }
}

/// Takes away what was told; what tells which record it is stays: of each kind the first child that is short.
fn forget(element: &mut Element) {
    element.text = String::new();
    element.bytes = 0;
    if element.attributes.held() > KEPT_BYTES {
        element.attributes.shorten();
    }
    let mut kept: Vec<Box<Element>> = Vec::new();
    for child in std::mem::take(&mut element.children) {
        let is_short = child.children.is_empty() && child.text.len() + child.attributes.held() < KEPT_BYTES;
        let is_same = |own: &Element| own.name == child.name && own.attributes.text == child.attributes.text;
        if is_short && kept.len() < MAX_KEPT && !kept.iter().any(|own| is_same(own)) {
            kept.push(child);
        }
    }
    element.children = kept;
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
        assert_eq!((told[1].attribute("a"), told[1].text_of("b")), (Some("1"), Some("xy")));
        assert_eq!(told[1].children.len(), 2);
        assert_eq!(told[3].name, "item");
    }

    #[test]
    fn empty_elements_are_left_out_but_for_their_bytes() {
        let text = "<item><a/><b x='1'/><c />\n<d>t<e/>u</d><item2/></item><item/><item><f/></item>";
        let told = read(text.as_bytes());
        let names: Vec<&str> = told[0].children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!((names, told[0].text_of("d")), (vec!["b", "d"], Some("tu")));
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
        assert!(told.iter().all(|part| part.text_of("key") == Some("K-1")));
    }
}
