//! Records in XML: elements with all that is in them, one after the other, out of a document of any size.
#![allow(
    clippy::vec_box,
    reason = "elements go from the stack to their parents and to the spare ones: a box is 8 bytes, an element 200"
)]

use super::{
    input::Input,
    xml::{XmlEvent, read_xml},
};

/// Bytes of text held of one record. One beyond it is told in parts.
const MAX_BYTES: usize = 64 << 20;

/// Deepest nesting. What is deeper counts as text of the element above it.
const MAX_DEPTH: usize = 128;

/// The attributes of an element, in their order: all names and values in one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    text: String,
    /// Where each name ends and where its value does, and where that stands in the file.
    parts: Vec<(usize, usize, u64)>,
}

impl Attributes {
    fn push(&mut self, name: &str, value: &str, offset: u64) {
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(value);
        self.parts.push((name_end, self.text.len(), offset));
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
        let mut start = 0;
        self.parts.iter().map(move |&(name_end, end, offset)| {
            let name_start = std::mem::replace(&mut start, end);
            (&self.text[name_start..name_end], &self.text[name_end..end], offset)
        })
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
    /// Line of its tag.
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

/// Reads the elements that `is_record` says are records, by their name. Text and comments outside of them come as elements
/// without a name.
pub(super) fn read_elements(input: &mut Input<'_>, is_record: &dyn Fn(&str) -> bool, each: &mut dyn FnMut(&Element)) {
    read_records(input, is_record, &|_| false, each);
}

/// The same for records of many names, where `begins` says what stands in no other record: one that was never closed ends
/// there.
pub(super) fn read_records(
    input: &mut Input<'_>,
    is_record: &dyn Fn(&str) -> bool,
    begins: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&Element),
) {
    let mut stack: Vec<Box<Element>> = Vec::new();
    let mut spare = Spare::default();
    let mut held = 0;
    let mut too_deep = 0_usize;
    let mut is_left_out = false;
    read_xml(input, &mut |event| match event {
        // Two thirds of ServiceNow's elements.
        XmlEvent::Start { name, attributes, bytes, is_empty: true, .. }
            if !stack.is_empty() && stack[0].name != name && attributes.is_empty() && !begins(name) =>
        {
            is_left_out = true;
            held += bytes;
            if let Some(parent) = stack.last_mut() {
                parent.bytes += bytes;
            }
        }
        XmlEvent::End { .. } if is_left_out => is_left_out = false,
        XmlEvent::Start { name, attributes, offset, line, bytes, .. } => {
            // Records aren't nested: one that was never closed ends where the next begins.
            if stack.first().is_some_and(|record| record.name == name || begins(name)) {
                each(&folded(&stack));
                stack.clear();
                (held, too_deep) = (0, 0);
            }
            if stack.len() >= MAX_DEPTH {
                too_deep += 1;
            } else if !stack.is_empty() || is_record(name) {
                let mut element = spare.take();
                element.name.push_str(name);
                attributes.iter().for_each(|own| element.attributes.push(&own.name, &own.value, own.offset));
                (element.offset, element.line, element.bytes) = (offset, line, bytes);
                held += bytes;
                stack.push(element);
            }
        }
        XmlEvent::Text { text, offset, bytes } => match stack.last_mut() {
            Some(element) => {
                add_text(element, &text, offset, bytes);
                held += bytes;
                if held > MAX_BYTES {
                    each(&folded(&stack));
                    stack.iter_mut().for_each(|element| forget(element));
                    held = 0;
                }
            }
            None => outside(&text, offset, each),
        },
        XmlEvent::Comment { text, offset } => match stack.last_mut() {
            Some(element) => add_text(element, &text, offset, text.len()),
            None => outside(&text, offset, each),
        },
        // What is too deep may never be closed: the end of the record is its end, too.
        XmlEvent::End { name } if too_deep > 0 && stack.first().is_none_or(|record| record.name != name) => {
            too_deep -= 1
        }
        XmlEvent::End { name } => {
            too_deep = 0;
            let Some(depth) = stack.iter().rposition(|open| open.name == name) else { return };
            // Elements that were never closed end with the one around them.
            while stack.len() > depth
                && let Some(element) = stack.pop()
            {
                match stack.last_mut() {
                    Some(parent) => {
                        parent.bytes += element.bytes;
                        parent.push(element);
                    }
                    None => {
                        held = 0;
                        each(&element);
                        spare.give(element);
                    }
                }
            }
        }
    });
    if !stack.is_empty() {
        each(&folded(&stack));
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
