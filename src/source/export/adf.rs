//! Atlassian's document format: a tree of nodes as JSON.

use super::json::Json;

/// Is it such a document?
pub(super) fn is_document(json: Json<'_>) -> bool {
    json.get("type").is_some_and(|kind| kind.is("doc")) && json.get("content").is_some()
}

/// A document as people saw it: runs of a line joined, blocks on lines of their own, addresses of links at the end.
pub(super) fn flat(document: Json<'_>) -> String {
    let (mut text, mut aside) = (String::new(), String::new());
    flatten(document, &mut text, &mut aside);
    text.push_str(&aside);
    text
}

fn flatten(node: Json<'_>, out: &mut String, aside: &mut String) {
    let is = |kind: &str| node.get("type").is_some_and(|own| own.is(kind));
    if let Some(text) = node.get("text").and_then(|text| text.text()) {
        out.push_str(&text);
    }
    // People see a gap between what isn't text and the text beside it.
    let is_apart = ["text", "content"].iter().all(|key| node.get(key).is_none());
    let has_shown = is("mention") || is("emoji") || is("status");
    if is("hardBreak") {
        out.push('\n');
    } else if is_apart {
        push_gap(out);
    }
    let marks = node.get("marks").into_iter().flat_map(|marks| marks.elements());
    for attributes in marks.filter_map(|mark| mark.get("attrs")).chain(node.get("attrs")) {
        if has_shown {
            out.extend(attributes.get("text").and_then(|text| text.text()));
        } else {
            set_aside(attributes, aside);
        }
    }
    let Some(content) = node.get("content") else {
        return if has_shown {
            push_gap(out)
        };
    };
    if is("tableRow") {
        return flatten_row(content, out, aside);
    }
    if let Some(text) = content.text() {
        out.push_str(&text);
    }
    content.elements().for_each(|inner| flatten(inner, out, aside));
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

fn push_gap(out: &mut String) {
    if out.chars().next_back().is_some_and(|last| !last.is_whitespace()) {
        out.push(' ');
    }
}

/// Cells with a tab between them.
fn flatten_row(cells: Json<'_>, out: &mut String, aside: &mut String) {
    for (number, cell) in cells.elements().enumerate() {
        out.push_str(if number > 0 { "\t" } else { "" });
        let mut text = String::new();
        flatten(cell, &mut text, aside);
        out.push_str(text.trim());
    }
    out.push('\n');
}

/// Addresses and captions.
fn set_aside(attributes: Json<'_>, out: &mut String) {
    for key in ["href", "url", "text", "title", "alt", "data", "parameters"] {
        let Some(value) = attributes.get(key) else { continue };
        let text = value.text().unwrap_or_else(|| String::from_utf8_lossy(value.stored()));
        out.push('\n');
        out.push_str(&text);
    }
}
