//! What a layout is applied to: JSON, an element of XML, a row of a table.

use std::borrow::Cow;

use super::super::{
    csv::Row,
    element::Element,
    json::Json,
    sink::{Rest, Sink},
    table::Header,
};

/// What is to be done with the value of a key, given the keys above it and whether it is text and nothing else.
pub(in crate::source::export) type Treat<'t> = &'t dyn Fn(&str, &str, bool) -> Rest;

/// A record, or a part of it.
pub(in crate::source::export) trait Value: Copy {
    /// Each element of a list; anything else is one itself.
    fn each_element(self, each: &mut dyn FnMut(Self));

    /// What that key leads to.
    fn each_of(self, key: &str, each: &mut dyn FnMut(Self));

    /// It as a text, if it is one.
    fn text(&self) -> Option<Cow<'_, str>>;

    /// A text or number, if it isn't empty.
    fn id(&self) -> Option<String>;

    /// Where it stands in the file.
    fn offset(&self) -> u64;

    /// Adds all texts in it that `treat` says aren't told yet.
    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>);
}

impl Value for Json<'_> {
    fn each_element(self, each: &mut dyn FnMut(Self)) {
        if self.is_array() { self.elements().for_each(each) } else { each(self) }
    }

    fn each_of(self, key: &str, each: &mut dyn FnMut(Self)) {
        if key == "*" {
            self.entries().for_each(|(_, value)| each(value));
        } else {
            self.get(key).into_iter().for_each(each);
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        Json::text(self)
    }

    fn id(&self) -> Option<String> {
        Json::id(self)
    }

    fn offset(&self) -> u64 {
        Json::offset(self)
    }

    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>) {
        sink.rest_by_path(self, treat);
    }
}

/// An element, or an attribute of one.
#[derive(Clone, Copy)]
pub(in crate::source::export) enum Part<'e> {
    /// An element.
    Element(&'e Element),
    /// An attribute's value, and where it stands.
    Attribute(&'e str, u64),
}

impl Value for Part<'_> {
    fn each_element(self, each: &mut dyn FnMut(Self)) {
        each(self);
    }

    fn each_of(self, key: &str, each: &mut dyn FnMut(Self)) {
        let Part::Element(element) = self else { return };
        if key == "#" {
            return each(Part::Attribute(&element.name, element.offset));
        }
        match key.strip_prefix('@') {
            Some(name) => {
                let named = element.attributes.iter().filter(|(own, ..)| *own == name);
                named.for_each(|(_, value, offset)| each(Part::Attribute(value, offset)));
            }
            None => {
                element.named(key).for_each(|child| each(Part::Element(child)));
            }
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Part::Element(element) => Some(Cow::Borrowed(&element.text)),
            Part::Attribute(value, _) => Some(Cow::Borrowed(value)),
        }
    }

    fn id(&self) -> Option<String> {
        let text = self.text()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn offset(&self) -> u64 {
        match self {
            Part::Element(element) => element.offset,
            Part::Attribute(_, offset) => *offset,
        }
    }

    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>) {
        if let Part::Element(element) = self {
            rest_of(element, "", sink, treat);
        }
    }
}

/// Adds the text and attributes of an element and those in it.
fn rest_of(element: &Element, path: &str, sink: &mut Sink<'_>, treat: Treat<'_>) {
    let mut name = String::new();
    for (key, value, offset) in element.attributes.iter() {
        name.clear();
        name.push('@');
        name.push_str(key);
        add(&name, value, offset, treat(path, &name, true), sink);
    }
    if path.is_empty() {
        // A text outside of all records has no name.
        let name = if element.name.is_empty() { "text" } else { &element.name };
        add(name, &element.text, element.offset, Rest::Text(super::Markup::Plain), sink);
    }
    for child in &element.children {
        let is_text = child.children.is_empty() && child.attributes.is_empty();
        let how = treat(path, &child.name, is_text);
        if how == Rest::Skip {
            continue;
        }
        add(&child.name, &child.text, child.offset, how, sink);
        // Most elements hold text and nothing else: for them no path is made.
        if !is_text {
            rest_of(child, &format!("{path}{}.", child.name), sink, treat);
        }
    }
}

fn add(name: &str, text: &str, offset: u64, how: Rest, sink: &mut Sink<'_>) {
    match how {
        Rest::Skip => {}
        Rest::Link => sink.link(name, text, offset),
        Rest::Text(_) => sink.cell(without_mark(name), text, offset),
    }
}

/// The name of an attribute without what marks it as one.
fn without_mark(name: &str) -> &str {
    name.strip_prefix('@').unwrap_or(name)
}

/// A record whose parts have names, or one of them.
#[derive(Clone, Copy)]
pub(in crate::source::export) struct Fields<'f> {
    /// Names, texts, and where these stand.
    pub(in crate::source::export) parts: &'f [(&'static str, Cow<'f, str>, u64)],
}

impl Value for Fields<'_> {
    fn each_element(self, each: &mut dyn FnMut(Self)) {
        each(self);
    }

    fn each_of(self, key: &str, each: &mut dyn FnMut(Self)) {
        self.parts.chunks(1).filter(|part| part[0].0 == key).for_each(|part| each(Fields { parts: part }));
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        self.parts.first().map(|(_, text, _)| Cow::Borrowed(text.as_ref()))
    }

    fn id(&self) -> Option<String> {
        let text = self.text()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn offset(&self) -> u64 {
        self.parts.first().map_or(0, |(.., offset)| *offset)
    }

    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>) {
        for (name, text, offset) in self.parts {
            add(name, text, *offset, treat("", name, true), sink);
        }
    }
}

/// A row of a table, or one of its cells.
#[derive(Clone, Copy)]
pub(in crate::source::export) struct Cells<'r> {
    pub(in crate::source::export) header: &'r Header,
    pub(in crate::source::export) row: &'r Row<'r>,
    /// The cell; all if there is none.
    pub(in crate::source::export) cell: Option<usize>,
}

impl Value for Cells<'_> {
    fn each_element(self, each: &mut dyn FnMut(Self)) {
        each(self);
    }

    fn each_of(self, key: &str, each: &mut dyn FnMut(Self)) {
        let named = (0..self.row.len()).filter(|index| self.header.name(*index).eq_ignore_ascii_case(key));
        named.for_each(|index| each(Cells { cell: Some(index), ..self }));
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        self.cell.map(|index| self.row.text(index))
    }

    fn id(&self) -> Option<String> {
        let text = self.text().filter(|_| self.row.is_sure)?;
        (!text.is_empty()).then(|| text.into_owned())
    }

    fn offset(&self) -> u64 {
        self.row.offset_of(self.cell.unwrap_or_default())
    }

    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>) {
        let is_plain = self.row.is_plain();
        for index in 0..self.row.len() {
            let (name, offset) = (self.header.name(index), self.row.offset_of(index));
            let how = treat("", name, true);
            match how {
                Rest::Text(_) if is_plain => {
                    sink.plain_cell(without_mark(name), &self.row.text(index), offset);
                }
                _ => add(name, &self.row.text(index), offset, how, sink),
            }
        }
    }
}
