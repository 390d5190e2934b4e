//! Linear's issues: the table that it exports, and answers of its interface.
//!
//! Format: linear.app/docs, "Exporting data"; the schema of its interface (read 2026-11).

use super::{
    described::{Described, has, keys_in},
    layout::{Document, Files, Form, Layout, PLAIN},
    table::Header,
};

/// Linear's issues.
pub(super) static LINEAR: Described =
    Described { name: "linear", title: "Linear issues", marks: &[], signs, root: None, files: &FILES };

fn signs(head: &[u8]) -> Vec<String> {
    let columns = ["Team", "Title", "Description", "Estimate", "Creator", "Cycle Number"];
    let header = Header::in_head(head);
    if header.first().eq_ignore_ascii_case("id") && header.among(&columns).len() == columns.len() {
        return columns.iter().map(|name| format!("column {name}")).collect();
    }
    let mut signs = keys_in(head, &["identifier", "title"]);
    if has(head, "https://linear.app/") {
        signs.push("addresses on linear.app".to_owned());
    } else {
        signs.clear();
    }
    signs
}

static FILES: Files = Files {
    form: |_, head| Some(if super::described::is_json(head) { Form::Json(&ISSUES) } else { Form::Table(&ROW) }),
    ..Files::NONE
};

static ROW: Layout = Layout {
    texts: &[("Description", PLAIN), ("Title", PLAIN)],
    facts: &[
        ("email", "Creator"),
        ("time", "Created"),
        ("edited", "Updated"),
        ("id", "ID"),
        ("thread", "ID"),
        ("container", "Team"),
    ],
    kind: "team",
    links: &["{base}/issue/{id}"],
    ..Layout::NONE
};

static ISSUES: Document = Document {
    lists: &[("", &ISSUE), ("data.issues.nodes", &ISSUE), ("issues.nodes", &ISSUE), ("issues", &ISSUE)],
    about: &[],
    other: &Layout::NONE,
};

const PERSON: [(&str, &str); 3] = [
    ("author_id", "creator.id|user.id|actor.id"),
    ("author", "creator.name|creator.displayName|user.name|actor.name"),
    ("email", "creator.email|user.email|actor.email"),
];

const NOTE: Layout = Layout {
    texts: &[("body", PLAIN)],
    old: &[("fromDescription", PLAIN), ("fromTitle", PLAIN)],
    facts: &[
        PERSON[0],
        PERSON[1],
        PERSON[2],
        ("time", "createdAt"),
        ("edited", "editedAt"),
        ("id", "id"),
        ("url", "url"),
    ],
    kind: "team",
    links: &["{url}"],
    skip: &["avatarUrl"],
    ..Layout::NONE
};

static COMMENT: Layout = NOTE;

/// What is attached is shown with the issue; its own address is that of anything.
static ATTACHMENT: Layout = Layout {
    facts: &[PERSON[0], PERSON[1], PERSON[2], ("time", "createdAt"), ("edited", "editedAt"), ("id", "id")],
    links: &["{page}"],
    ..NOTE
};

static ISSUE: Layout = Layout {
    texts: &[("description", PLAIN), ("title", PLAIN)],
    facts: &[
        PERSON[0],
        PERSON[1],
        PERSON[2],
        ("time", "createdAt"),
        ("edited", "updatedAt"),
        ("id", "identifier"),
        ("thread", "identifier"),
        ("container_id", "team.key|team.id"),
        ("container", "team.name"),
        ("url", "url"),
        ("page", "url"),
    ],
    inner: &[("comments.nodes", &COMMENT), ("history.nodes", &COMMENT), ("attachments.nodes", &ATTACHMENT)],
    old: &[],
    ..NOTE
};
