//! Asana's tasks: a project as JSON or as a table, and pages of its interface with stories, which tell of comments and
//! changes.
//!
//! Format: developers.asana.com, tasks and stories; asana.com, "Exporting projects" (read 2026-11).

use super::{
    described::{Described, has, is_json, keys_in},
    layout::{Document, Files, Form, HTML, Layout, PLAIN},
    table::Header,
};

/// Asana's tasks.
pub(super) static ASANA: Described =
    Described { name: "asana", title: "Asana tasks", marks: &[], signs, root: None, files: &FILES };

fn signs(head: &[u8]) -> Vec<String> {
    let columns = ["Task ID", "Created At", "Name", "Section/Column", "Assignee", "Notes"];
    let header = Header::in_head(head);
    if header.has("Task ID") && header.among(&columns).len() >= 5 {
        return header.among(&columns).iter().map(|name| format!("column {name}")).collect();
    }
    let kinds = ["task", "story", "project"].iter().filter(|kind| {
        has(head, &format!("\"resource_type\":\"{kind}\"")) || has(head, &format!("\"resource_type\": \"{kind}\""))
    });
    let mut signs = keys_in(head, &["gid", "resource_type"]);
    let before = signs.len();
    signs.extend(kinds.map(|kind| format!("a resource of type {kind}")));
    if signs.len() > before { signs } else { Vec::new() }
}

static FILES: Files =
    Files { form: |_, head| Some(if is_json(head) { Form::Json(&TASKS) } else { Form::Table(&ROW) }), ..Files::NONE };

static ROW: Layout = Layout {
    texts: &[("Notes", PLAIN), ("Name", PLAIN)],
    facts: &[
        ("time", "Created At"),
        ("edited", "Last Modified"),
        ("id", "Task ID"),
        ("thread", "Task ID"),
        ("container", "Projects"),
    ],
    kind: "project",
    links: &["https://app.asana.com/0/0/{id}"],
    ..Layout::NONE
};

static TASKS: Document = Document { lists: &[("", &TASK), ("data", &TASK)], about: &[], other: &TASK };

/// A task; a story is alike. Who a task is assigned to needn't have written anything in it.
const BASE: Layout = Layout {
    texts: &[("notes", PLAIN), ("text", PLAIN), ("name", PLAIN), ("html_notes", HTML), ("html_text", HTML)],
    old: &[("old_name", PLAIN), ("old_text_value", PLAIN)],
    facts: &[
        ("author_id", "created_by.gid"),
        ("author", "created_by.name"),
        ("email", "created_by.email"),
        ("time", "created_at"),
        ("edited", "modified_at"),
        ("id", "gid"),
        ("task", "target.gid"),
        ("thread", "target.gid|gid"),
        ("container_id", "projects.gid|memberships.project.gid"),
        ("container", "projects.name|memberships.project.name"),
        ("url", "permalink_url"),
    ],
    kind: "project",
    links: &["{url}", "https://app.asana.com/0/0/{task}/{id}", "https://app.asana.com/0/0/{id}"],
    skip: &["photo"],
    addresses: &["download_url", "view_url"],
    ..Layout::NONE
};

/// A comment or change in a task.
static STORY: Layout = Layout {
    facts: &[
        ("author_id", "created_by.gid"),
        ("author", "created_by.name"),
        ("email", "created_by.email"),
        ("time", "created_at"),
        ("id", "gid"),
    ],
    links: &["https://app.asana.com/0/0/{thread}/{id}"],
    ..BASE
};

static TASK: Layout = Layout { inner: &[("stories", &STORY), ("subtasks", &SUBTASK)], ..BASE };

static SUBTASK: Layout = BASE;
