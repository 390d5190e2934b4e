//! Redmine's issues with their journals: answers of its interface as JSON or XML, and the table that it exports.
//!
//! Format: redmine.org, "REST API: Issues" and "Issue journals" (read 2026-11).

use super::{
    described::{Described, has, keys_in, site_before},
    layout::{Document, Facts, Files, Form, Layout, PLAIN},
    table::Header,
};
use crate::model::{RecordPlace, Visibility};

/// Redmine's issues.
pub(super) static REDMINE: Described =
    Described { name: "redmine", title: "Redmine issues", marks: &[], signs, root: None, files: &FILES };

fn signs(head: &[u8]) -> Vec<String> {
    let columns = ["#", "Project", "Tracker", "Status", "Priority", "Subject", "Author"];
    let header = Header::in_head(head);
    if header.first() == "#" && header.among(&columns).len() == columns.len() {
        return columns.iter().map(|name| format!("column {name}")).collect();
    }
    if is_xml(head) {
        let tags = ["<tracker ", "<project ", "<subject>", "<journals", "<created_on>"];
        let found: Vec<String> = tags
            .iter()
            .filter(|tag| has(head, tag))
            .map(|tag| format!("element {}", &tag[1..].trim_end_matches([' ', '>'])))
            .collect();
        return if found.len() >= 4 { found } else { Vec::new() };
    }
    keys_in(head, &["tracker", "subject", "created_on"])
}

fn is_xml(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"<") && (has(head, "<issues ") || has(head, "<issue>"))
}

static FILES: Files = Files {
    form: |_, head| {
        Some(match super::described::is_json(head) {
            true => Form::Json(&ISSUES),
            false if head.trim_ascii_start().starts_with(b"<") => Form::Xml(ELEMENTS),
            false => Form::Table(&ROW),
        })
    },
    about: |_, head, facts| {
        // Files are named by their address.
        if let Some(site) = site_before(head, "/attachments/download/") {
            facts.set("base", site);
        }
    },
    ..Files::NONE
};

const ELEMENTS: &[(&str, &Layout)] = &[("issue", &ELEMENT)];

static ISSUES: Document = Document { lists: &[("", &PAGE), ("issues", &ISSUE)], about: &[], other: &Layout::NONE };

/// Lines of issues, or of one each in an object; a list of them.
static PAGE: Layout = Layout { inner: &[("issue", &ISSUE), ("journals", &JOURNAL), ("attachments", &FILE)], ..BASE };

static ISSUE: Layout = Layout { inner: &[("journals", &JOURNAL), ("attachments", &FILE)], ..BASE };

const BASE: Layout = Layout {
    texts: &[("description", PLAIN), ("subject", PLAIN)],
    facts: &[
        ("author_id", "author.id"),
        ("author", "author.name"),
        ("time", "created_on"),
        ("edited", "updated_on"),
        ("id", "id"),
        ("thread", "id"),
        ("container_id", "project.id"),
        ("container", "project.name"),
        ("is_private", "is_private"),
    ],
    kind: "project",
    links: &["{base}/issues/{thread}"],
    addresses: &["content_url", "thumbnail_url"],
    adjust: private,
    ..Layout::NONE
};

static JOURNAL: Layout = Layout {
    texts: &[("notes", PLAIN)],
    old: &[("details.old_value", PLAIN), ("details.new_value", PLAIN)],
    facts: &[
        ("author_id", "user.id"),
        ("author", "user.name"),
        ("time", "created_on"),
        ("edited", "updated_on"),
        ("id", "id"),
        ("is_private", "private_notes"),
    ],
    links: &["{base}/issues/{thread}#change-{id}"],
    ..BASE
};

static FILE: Layout = Layout {
    texts: &[("description", PLAIN)],
    facts: &[("author_id", "author.id"), ("author", "author.name"), ("time", "created_on"), ("id", "id")],
    ..BASE
};

fn private(facts: &Facts, place: &mut RecordPlace) {
    if facts.get("is_private") == Some("true") {
        place.visibility = Some(Visibility::Private);
    }
}

/// The same in XML: ids and names are attributes.
static ELEMENT: Layout = Layout {
    facts: &[
        ("author_id", "author.@id"),
        ("author", "author.@name"),
        ("time", "created_on"),
        ("edited", "updated_on"),
        ("id", "id"),
        ("thread", "id"),
        ("container_id", "project.@id"),
        ("container", "project.@name"),
        ("is_private", "is_private"),
    ],
    inner: &[("journals.journal", &ELEMENT_JOURNAL), ("attachments.attachment", &ELEMENT_FILE)],
    ..BASE
};

static ELEMENT_JOURNAL: Layout = Layout {
    texts: &[("notes", PLAIN)],
    old: &[("details.detail.old_value", PLAIN), ("details.detail.new_value", PLAIN)],
    facts: &[
        ("author_id", "user.@id"),
        ("author", "user.@name"),
        ("time", "created_on"),
        ("id", "@id|id"),
        ("is_private", "private_notes"),
    ],
    links: &["{base}/issues/{thread}#change-{id}"],
    ..BASE
};

static ELEMENT_FILE: Layout = Layout {
    facts: &[("author_id", "author.@id"), ("author", "author.@name"), ("time", "created_on"), ("id", "id")],
    ..BASE
};

static ROW: Layout = Layout {
    texts: &[("Description", PLAIN), ("Subject", PLAIN), ("Last notes", PLAIN)],
    facts: &[
        ("author", "Author"),
        ("time", "Created"),
        ("edited", "Updated"),
        ("id", "#"),
        ("thread", "#"),
        ("container", "Project"),
    ],
    ..BASE
};
