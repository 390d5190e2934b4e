//! Rich text in records of no known system: documents of Atlassian's, blocks of Slack's, HTML. Told as people saw it.

use std::collections::BTreeSet;

use super::{adf, json::Json, markup::Markup, sink::Sink, slack};

/// Where in a record rich text was told, by the keys that lead there, each with a dot behind it.
#[derive(Debug, Default)]
pub(super) struct Rich {
    told: BTreeSet<String>,
    /// What stands at such a place and wasn't told: lists may hold both.
    untold: BTreeSet<String>,
}

impl Rich {
    /// Tells all rich text in a record.
    pub(super) fn tell(record: Json<'_>, sink: &mut Sink<'_>) -> Rich {
        let mut rich = Rich::default();
        let mut path = if record.is_array() { "[].".to_owned() } else { String::new() };
        rich.walk(record, &mut path, sink);
        rich
    }

    /// Were all texts at that key told? `path` are the keys above it.
    pub(super) fn has_told(&self, path: &str, key: &str) -> bool {
        if self.told.is_empty() {
            return false;
        }
        let at = format!("{path}{key}.");
        self.told.contains(&at) && !self.untold.contains(&at)
    }

    fn walk(&mut self, value: Json<'_>, path: &mut String, sink: &mut Sink<'_>) {
        if value.is_array() {
            return value.elements().for_each(|element| self.walk(element, path, sink));
        }
        if let Some(text) = value.text() {
            if memchr::memchr2(b'<', b'&', text.as_bytes()).is_some() {
                sink.field(path.trim_end_matches('.'), &text, value.offset(), Markup::Html);
            }
            return;
        }
        // Of a document nothing but its content is text.
        let is_document = adf::is_document(value);
        if is_document {
            sink.field(path.trim_end_matches('.'), &adf::flat(value), value.offset(), Markup::Plain);
        }
        for (key, inner) in value.entries() {
            let Some(name) = key.text() else { continue };
            let above = path.len();
            path.push_str(&name);
            path.push('.');
            let is_blocks = key.is("blocks") && slack::are_blocks(inner);
            if is_blocks {
                sink.field(path.trim_end_matches('.'), &slack::flat_blocks(inner), inner.offset(), Markup::Plain);
            }
            if is_blocks || is_document && key.is("content") {
                self.told.insert(path.clone());
            } else {
                if key.is("content") || key.is("blocks") {
                    self.untold.insert(path.clone());
                }
                self.walk(inner, path, sink);
            }
            path.truncate(above);
        }
    }
}
