//! GitLab's project exports: an archive with lines of JSON per kind of thing, and what was uploaded. Older ones have a
//! single document.
//!
//! Format: docs.gitlab.com, "Project import/export" and its development guide; the fixtures of GitLab (read 2026-11).

use super::{
    described::keys_in,
    json::{JsonEvent, keys, read_json},
    layout::{Document, Facts, Files, Form, How, Layout, Lookup, PLAIN, Records, enter},
    system::{Detection, Export, Look, Opening, Reader, System},
};
use crate::model::{RecordPlace, Revision, Visibility};

/// GitLab's project exports.
pub(super) struct GitLab;

impl System for GitLab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn title(&self) -> &'static str {
        "GitLab project export"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["GITLAB_VERSION", "project.bundle"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let tree = look.roots_of("tree/project.json").map(|root| (root, "tree/project.json"));
        let old = look.roots_of("project.json").filter(|root| !root.ends_with("tree/"));
        let detection = |(root, name): (&str, &str)| {
            let mut signs = vec![name.to_owned()];
            let others = ["VERSION", "GITLAB_VERSION", "project.bundle", "tree/project/issues.ndjson"];
            let others = others.iter().filter(|name| look.has(&format!("{root}{name}")));
            signs.extend(others.map(|name| (*name).to_owned()));
            let keys = keys_in(&look.head(&format!("{root}{name}")), &["visibility_level", "description"]);
            (!keys.is_empty()).then_some(Detection { root: root.to_owned(), signs })
        };
        tree.chain(old.map(|root| (root, "project.json"))).take(64).filter_map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(Records::new(&FILES, None, opening.options.base_url.clone()))
    }
}

static FILES: Files = Files {
    form: |path, _| {
        let document = match path.strip_prefix("tree/project/").unwrap_or(path) {
            "issues.ndjson" => &ISSUES,
            "merge_requests.ndjson" => &MERGE_REQUESTS,
            "snippets.ndjson" => &SNIPPETS,
            "commit_notes.ndjson" => &COMMIT_NOTES,
            "releases.ndjson" => &RELEASES,
            "project.json" | "tree/project.json" => &PROJECT,
            _ if path.starts_with("tree/") && (path.ends_with(".ndjson") || path.ends_with(".json")) => &OTHERS,
            _ => return None,
        };
        Some(Form::Json(document))
    },
    is_attached: |path| path.starts_with("uploads/"),
    lookups: &[
        Lookup {
            is_file: |path| path == "tree/project/project_members.ndjson",
            list: "",
            id: "user.id|user_id",
            name: "user.name|user.username",
            email: "user.public_email|user.email",
        },
        Lookup {
            is_file: |path| path == "project.json",
            list: "project_members",
            id: "user.id|user_id",
            name: "user.name|user.username",
            email: "user.public_email|user.email",
        },
    ],
    finish: fill_visibility,
    ..Files::NONE
};

macro_rules! lines_of {
    ($layout:expr) => {
        Document { lists: &[("", &$layout)], about: &[], other: &$layout }
    };
}

static ISSUES: Document = lines_of!(ISSUE);
static MERGE_REQUESTS: Document = lines_of!(MERGE_REQUEST);
static SNIPPETS: Document = lines_of!(SNIPPET);
static COMMIT_NOTES: Document = lines_of!(COMMIT_NOTE);
static RELEASES: Document = lines_of!(RELEASE);
static OTHERS: Document = lines_of!(OTHER);

/// A document with everything; of newer exports with the project's own settings alone.
static PROJECT: Document = Document {
    lists: &[
        ("issues", &ISSUE),
        ("merge_requests", &MERGE_REQUEST),
        ("snippets", &SNIPPET),
        ("releases", &RELEASE),
        ("commit_notes", &COMMIT_NOTE),
        ("ci_pipelines", &OTHER),
        ("pipelines", &OTHER),
        ("milestones", &OTHER),
        ("project_members", &OTHER),
        ("services", &OTHER),
        ("triggers", &OTHER),
        ("hooks", &OTHER),
    ],
    about: &[],
    other: &OTHER,
};

const THING: Layout = Layout {
    texts: &[("title", PLAIN), ("description", PLAIN), ("content", PLAIN)],
    facts: &[
        ("author_id", "author_id"),
        ("author", "author.name"),
        ("time", "created_at"),
        ("edited", "last_edited_at|updated_at"),
        ("id", "iid|id"),
        ("thread", "iid|id"),
        ("container_id", "iid|id"),
        ("container", "title"),
        ("confidential", "confidential"),
    ],
    skip: &["sha", "start_commit_sha", "base_commit_sha", "head_commit_sha", "relative_order", "line_code"],
    files: &["description", "content"],
    adjust: mark,
    ..Layout::NONE
};

static ISSUE: Layout =
    Layout { kind: "issue", links: &["{base}/-/issues/{thread}"], inner: &[("notes", &ISSUE_NOTE)], ..THING };
static MERGE_REQUEST: Layout = Layout {
    kind: "merge request",
    links: &["{base}/-/merge_requests/{thread}"],
    inner: &[("notes", &MERGE_REQUEST_NOTE)],
    ..THING
};
static SNIPPET: Layout =
    Layout { kind: "snippet", links: &["{base}/-/snippets/{id}"], inner: &[("notes", &SNIPPET_NOTE)], ..THING };
static RELEASE: Layout = Layout { kind: "release", links: &["{base}/-/releases/{tag}"], ..THING };
static OTHER: Layout = Layout { kind: "project", ..THING };

const NOTE: Layout = Layout {
    texts: &[("note", How::Changes)],
    facts: &[
        ("author_id", "author_id"),
        ("author", "author.name"),
        ("time", "created_at"),
        ("edited", "last_edited_at|updated_at"),
        ("id", "id"),
        ("commit", "commit_id"),
        ("system", "system"),
        ("internal", "internal|confidential"),
    ],
    skip: &["line_code", "discussion_id", "position", "original_position", "change_position"],
    files: &["note"],
    adjust: mark,
    ..Layout::NONE
};

static ISSUE_NOTE: Layout = Layout { kind: "issue", links: &["{base}/-/issues/{thread}#note_{id}"], ..NOTE };
static MERGE_REQUEST_NOTE: Layout =
    Layout { kind: "merge request", links: &["{base}/-/merge_requests/{thread}#note_{id}"], ..NOTE };
static SNIPPET_NOTE: Layout = Layout { kind: "snippet", links: &["{base}/-/snippets/{thread}#note_{id}"], ..NOTE };
static COMMIT_NOTE: Layout = Layout { kind: "commit", links: &["{base}/-/commit/{commit}#note_{id}"], ..NOTE };

/// What GitLab itself notes is a change: of titles, with what they were before. Confidential issues are seen by members.
fn mark(facts: &Facts, place: &mut RecordPlace) {
    if facts.get("system") == Some("true") {
        place.revision = Revision::Old;
    }
    if ["confidential", "internal"].iter().any(|name| facts.get(name) == Some("true")) {
        place.visibility = Some(Visibility::Private);
    }
}

/// What isn't confidential is seen by whoever may see the project; its settings are not.
fn fill_visibility(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let mut known = None;
    let is_project = |path: &str| matches!(path, "project.json" | "tree/project.json");
    let lists: Vec<&str> = PROJECT.lists.iter().map(|(list, _)| *list).collect();
    export.read(&is_project, &mut |_, input| {
        read_json(input, &|path, is_list| enter(&lists, path, is_list), &mut |event| {
            if let JsonEvent::Value { path, json, .. } = event
                && keys(path).eq(["visibility_level"])
            {
                known = json.id();
            }
        });
    });
    let visibility = match known.as_deref() {
        Some("0") => Visibility::Private,
        // Everybody who has an account, or everybody.
        Some("10" | "20") => Visibility::Public,
        _ => return,
    };
    for place in places {
        let is_shown = place.container.as_ref().is_some_and(|container| container.kind != "project");
        if is_shown {
            place.visibility.get_or_insert(visibility);
        }
    }
}
