//! A Trello board as JSON. What was done lately is in it, with what texts were before.
//!
//! Format: developer.atlassian.com, Trello's REST interface, "Actions" and "Cards"; boards as they are exported (read 2026-11).

use jiff::Timestamp;

use super::{
    described::{Described, keys_in},
    layout::{Document, Facts, Files, Form, Layout, Lookup, PLAIN},
};
use crate::model::{RecordPlace, RecordTime};

/// A board.
pub(super) static TRELLO: Described = Described {
    name: "trello",
    title: "Trello board",
    marks: &[],
    signs: |head| keys_in(head, &["idOrganization", "prefs", "shortLink"]),
    root: None,
    files: &FILES,
};

static FILES: Files = Files {
    form: |_, head| (!keys_in(head, &["shortLink"]).is_empty()).then_some(Form::Json(&BOARD)),
    lookups: &[Lookup { is_file: |_| true, list: "members", id: "id", name: "fullName|username", email: "email" }],
    ..Files::NONE
};

static BOARD: Document = Document {
    lists: &[
        ("actions", &ACTION),
        ("cards", &CARD),
        ("checklists", &THING),
        ("lists", &THING),
        ("labels", &THING),
        ("members", &THING),
        ("customFields", &THING),
        ("memberships", &THING),
        ("pluginData", &THING),
    ],
    about: &[("container_id", "id"), ("container", "name"), ("board", "shortUrl")],
    other: &THING,
};

const THING: Layout = Layout {
    kind: "board",
    facts: &[("id", "id"), ("card", "idCard")],
    links: &["{board}"],
    skip: &["avatarHash", "avatarUrl", "backgroundImage", "backgroundImageScaled", "limits"],
    ..Layout::NONE
};

static ACTION: Layout = Layout {
    texts: &[("data.text", PLAIN), ("data.card.desc", PLAIN), ("data.card.name", PLAIN)],
    old: &[("data.old.desc", PLAIN), ("data.old.name", PLAIN), ("data.old.text", PLAIN)],
    facts: &[
        ("author_id", "memberCreator.id|idMemberCreator"),
        ("author", "memberCreator.fullName|memberCreator.username"),
        ("time", "date"),
        ("edited", "data.dateLastEdited"),
        ("id", "id"),
        ("thread", "data.card.shortLink"),
        ("card", "data.card.shortLink"),
        ("type", "type"),
    ],
    links: &["https://trello.com/c/{card}#comment-{id}", "{board}"],
    addresses: &["url", "previewUrl", "previewUrl2x"],
    adjust: only_comments,
    ..THING
};

/// Only comments have addresses of their own.
fn only_comments(facts: &Facts, place: &mut RecordPlace) {
    let is_comment = facts.get("type").is_some_and(|kind| kind.contains("omment"));
    if let Some(link) = place.permalink.as_mut().filter(|_| !is_comment)
        && let Some(at) = link.url.find('#')
    {
        link.url.truncate(at);
    }
}

static CARD: Layout = Layout {
    texts: &[("desc", PLAIN), ("name", PLAIN)],
    facts: &[
        ("id", "id"),
        ("url", "shortUrl|url"),
        ("thread", "shortLink"),
        ("card", "shortLink"),
        ("edited", "dateLastActivity"),
    ],
    links: &["{url}"],
    inner: &[("attachments", &FILE)],
    adjust: created,
    ..THING
};

static FILE: Layout = Layout {
    facts: &[("author_id", "idMember"), ("time", "date"), ("id", "id")],
    links: &["https://trello.com/c/{card}"],
    addresses: &["previews"],
    ..THING
};

/// The first eight digits of an id are the second in which it was made.
fn created(facts: &Facts, place: &mut RecordPlace) {
    let digits = facts.get("id").and_then(|id| id.get(..8));
    let second = digits.and_then(|digits| i64::from_str_radix(digits, 16).ok());
    if let (Some(digits), Some(time)) = (digits, second.and_then(|second| Timestamp::from_second(second).ok())) {
        place.time = Some(RecordTime { utc: Some(time.to_string()), raw: digits.to_owned() });
    }
}
