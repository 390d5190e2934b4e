//! Bugzilla's bugs: its XML, with attached files inside, and answers of its REST interface.
//!
//! Format: bugzilla.readthedocs.io, "WebService API" and `bugzilla.dtd` (read 2026-11).

use super::{
    described::{Described, has, keys_in},
    layout::{Document, Facts, Files, Form, How, Layout, PLAIN},
};
use crate::model::{RecordPlace, Visibility};

/// Bugzilla's bugs.
pub(super) static BUGZILLA: Described =
    Described { name: "bugzilla", title: "Bugzilla bugs", marks: &[], signs, root: None, files: &FILES };

fn signs(head: &[u8]) -> Vec<String> {
    if head.trim_ascii_start().starts_with(b"<") {
        const TAGS: [&str; 4] = ["<bugzilla ", "urlbase=", "<bug_id>", "<short_desc>"];
        let found = TAGS.iter().filter(|tag| has(head, tag));
        let is_it = has(head, "<bugzilla ");
        return found.filter(|_| is_it).map(|tag| format!("`{}`", tag.trim())).collect();
    }
    let pages: [&[&str]; 3] = [
        &["bugs", "creator", "creation_time", "summary"],
        &["bugs", "comments", "bug_id", "creator"],
        &["bugs", "history", "changes", "removed"],
    ];
    pages.iter().map(|keys| keys_in(head, keys)).find(|signs| !signs.is_empty()).unwrap_or_default()
}

static FILES: Files = Files {
    form: |_, head| Some(if super::described::is_json(head) { Form::Json(&BUGS) } else { Form::Xml(ELEMENTS) }),
    about: |_, head, facts| {
        let head = String::from_utf8_lossy(head);
        let told = head.split_once("urlbase=\"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some((base, _)) = told.filter(|(base, _)| base.starts_with("http")) {
            facts.set("base", base);
        }
    },
    ..Files::NONE
};

const ELEMENTS: &[(&str, &Layout)] = &[("bug", &BUG)];

const BASE: Layout = Layout { kind: "product", links: &["{base}/show_bug.cgi?id={bug}"], adjust, ..Layout::NONE };

static BUG: Layout = Layout {
    texts: &[("short_desc", PLAIN), ("status_whiteboard", PLAIN)],
    facts: &[
        ("email", "reporter"),
        ("author", "reporter.@name"),
        ("time", "creation_ts"),
        ("edited", "delta_ts"),
        ("id", "bug_id"),
        ("bug", "bug_id"),
        ("thread", "bug_id"),
        ("container", "product"),
        ("container_id", "product"),
    ],
    // A token of the page that the bug was shown on.
    skip: &["token"],
    inner: &[("long_desc", &COMMENT), ("attachment", &FILE)],
    ..BASE
};

static COMMENT: Layout = Layout {
    texts: &[("thetext", How::Packed)],
    facts: &[
        ("email", "who"),
        ("author", "who.@name"),
        ("time", "bug_when"),
        ("id", "commentid"),
        ("number", "comment_count"),
        ("is_private", "@isprivate"),
    ],
    links: &["{base}/show_bug.cgi?id={bug}#c{number}", "{base}/show_bug.cgi?id={bug}"],
    ..BASE
};

static FILE: Layout = Layout {
    texts: &[("desc", PLAIN)],
    data: &["data"],
    facts: &[
        ("email", "attacher"),
        ("author", "attacher.@name"),
        ("time", "date"),
        ("id", "attachid"),
        ("file", "filename"),
        ("file_id", "attachid"),
        ("is_private", "@isprivate"),
    ],
    links: &["{base}/attachment.cgi?id={id}"],
    ..BASE
};

/// Pages of bugs, of comments by the number of their bug, of changes; and lines of bugs with all of that inside.
static BUGS: Document = Document {
    lists: &[("", &REST_BUG), ("bugs", &REST_BUG), ("bugs.*.comments", &REST_COMMENT), ("bugs.*", &REST_FILE)],
    about: &[],
    other: &REST_BUG,
};

static REST_BUG: Layout = Layout {
    texts: &[("summary", PLAIN), ("whiteboard", PLAIN)],
    facts: &[
        ("author_id", "creator_detail.id"),
        ("author", "creator_detail.real_name|creator_detail.name"),
        ("email", "creator_detail.email|creator"),
        ("time", "creation_time"),
        ("edited", "last_change_time"),
        ("id", "id"),
        ("bug", "id"),
        ("thread", "id"),
        ("container", "product"),
        ("container_id", "product"),
    ],
    inner: &[("comments", &REST_COMMENT), ("history", &REST_CHANGE), ("attachments", &REST_FILE)],
    ..BASE
};

static REST_COMMENT: Layout = Layout {
    texts: &[("text", PLAIN), ("raw_text", PLAIN)],
    facts: &[
        ("email", "creator|author"),
        ("time", "creation_time|time"),
        ("id", "id"),
        ("bug", "bug_id"),
        ("thread", "bug_id"),
        ("number", "count"),
        ("is_private", "is_private"),
    ],
    links: &["{base}/show_bug.cgi?id={bug}#c{number}", "{base}/show_bug.cgi?id={bug}"],
    ..BASE
};

static REST_CHANGE: Layout = Layout {
    old: &[("changes.removed", PLAIN), ("changes.added", PLAIN)],
    facts: &[("email", "who"), ("time", "when")],
    ..BASE
};

static REST_FILE: Layout = Layout {
    texts: &[("summary", PLAIN)],
    data: &["data"],
    facts: &[
        ("email", "creator|attacher"),
        ("time", "creation_time"),
        ("edited", "last_change_time"),
        ("id", "id"),
        ("bug", "bug_id"),
        ("thread", "bug_id"),
        ("file", "file_name"),
        ("file_id", "id"),
        ("is_private", "is_private"),
    ],
    links: &["{base}/attachment.cgi?id={id}"],
    ..BASE
};

/// Whoever isn't logged in is shown people's addresses without what stands behind the `@`: logins.
fn adjust(facts: &Facts, place: &mut RecordPlace) {
    if let Some(author) = &mut place.author
        && author.email.as_ref().is_some_and(|email| !email.contains('@'))
    {
        let login = author.email.take();
        author.id = author.id.take().or(login);
    }
    if matches!(facts.get("is_private"), Some("1" | "true")) {
        place.visibility = Some(Visibility::Private);
    }
}
