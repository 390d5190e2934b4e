//! Mattermost's bulk export: lines of JSON, each with its type, and a directory of attached files.
//!
//! Format: docs.mattermost.com, "Bulk export tool" and "Bulk loading data" (read 2026-11).

use std::collections::{HashMap, HashSet};

use super::{
    described::{Described, has},
    json::{Json, JsonEvent, read_json, top_list},
    layout::{Document, Facts, Files, Form, Layout, Lookup, PLAIN},
    system::{Export, split},
};
use crate::model::{RecordContainer, RecordPlace, Revision, Visibility};

/// Mattermost's bulk export.
pub(super) static MATTERMOST: Described = Described {
    name: "mattermost",
    title: "Mattermost bulk export",
    marks: &["import.jsonl"],
    signs,
    root: Some(|path| path.ends_with(".jsonl").then(|| split(path).0)),
    files: &FILES,
};

/// The first line says which version the rest is of.
fn signs(head: &[u8]) -> Vec<String> {
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    let is_version = line.trim_ascii_start().starts_with(b"{") && has(line, "\"type\"") && has(line, "\"version\"");
    if !is_version || line.len() > 4096 {
        return Vec::new();
    }
    let kinds = ["team", "channel", "user", "post", "direct_post", "role", "direct_channel", "bot", "emoji"];
    let kinds = kinds
        .iter()
        .filter(|kind| has(head, &format!("\"type\":\"{kind}\"")) || has(head, &format!("\"type\": \"{kind}\"")));
    let mut signs = vec!["a line of type version".to_owned()];
    signs.extend(kinds.map(|kind| format!("a line of type {kind}")));
    signs
}

static FILES: Files = Files {
    form: |path, head| {
        let is_it = !path.contains('/') && (path.ends_with(".jsonl") || !signs(head).is_empty());
        is_it.then_some(Form::Json(&LINES))
    },
    is_attached: |path| path.starts_with("data/") || path.contains('/'),
    lookups: &[Lookup {
        is_file: |path| !path.contains('/'),
        list: "",
        id: "user.username",
        name: "user.nickname|user.first_name+user.last_name|user.username",
        email: "user.email",
    }],
    finish: fill_channels,
    ..Files::NONE
};

static LINES: Document = Document { lists: &[("", &LINE)], about: &[], other: &LINE };

static LINE: Layout = Layout { inner: &[("post", &POST), ("direct_post", &DIRECT_POST)], facts: &[], ..Layout::NONE };

/// What all posts have.
const BASE: Layout = Layout {
    texts: &[("message", PLAIN)],
    facts: &[
        ("author_id", "user"),
        ("time", "create_at"),
        ("edited", "edit_at"),
        // Exports have no ids of posts; what is of the same time in a channel is the same post.
        ("id", "id|create_at"),
        ("deleted", "delete_at"),
    ],
    kind: "channel",
    links: &["{base}/{team}/channels/{channel}"],
    files: &["attachments.path"],
    adjust: deleted,
    ..Layout::NONE
};

static POST: Layout = Layout {
    facts: &[
        ("author_id", "user"),
        ("time", "create_at"),
        ("edited", "edit_at"),
        ("id", "id|create_at"),
        ("post", "id|create_at"),
        ("team", "team"),
        ("workspace", "team"),
        ("channel", "channel"),
        ("deleted", "delete_at"),
    ],
    inner: &[("replies", &REPLY)],
    adjust: in_channel,
    ..BASE
};

static REPLY: Layout = Layout {
    adjust: |facts, place| {
        in_channel(facts, place);
        answer(facts, place);
    },
    ..BASE
};

const DIRECT: Layout = Layout { kind: "direct message", links: &[], ..BASE };

static DIRECT_POST: Layout = Layout {
    facts: &[
        ("author_id", "user"),
        ("time", "create_at"),
        ("edited", "edit_at"),
        ("id", "id|create_at"),
        ("post", "id|create_at"),
        ("container_id", "channel_members[]"),
        ("container", "channel_members[]"),
        ("deleted", "delete_at"),
    ],
    inner: &[("replies", &DIRECT_REPLY)],
    adjust: |facts, place| {
        place.visibility = Some(Visibility::Direct);
        deleted(facts, place);
    },
    ..DIRECT
};

static DIRECT_REPLY: Layout = Layout {
    adjust: |facts, place| {
        place.visibility = Some(Visibility::Direct);
        answer(facts, place);
    },
    ..DIRECT
};

/// Channels are known by their name, which each team has for itself.
fn in_channel(facts: &Facts, place: &mut RecordPlace) {
    if let (Some(team), Some(channel)) = (facts.get("team"), facts.get("channel")) {
        let id = Some(format!("{team}/{channel}"));
        place.container = Some(RecordContainer { kind: "channel".to_owned(), id, name: None });
    }
    deleted(facts, place);
}

/// What channels are called, and who may read them.
fn fill_channels(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let id_of = |place: &RecordPlace| place.container.as_ref().filter(|container| container.name.is_none())?.id.clone();
    let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
    if wanted.is_empty() {
        return;
    }
    let mut known: HashMap<String, (Option<String>, Option<Visibility>)> = HashMap::new();
    export.read(&|path| !path.contains('/'), &mut |_, input| {
        read_json(input, &top_list, &mut |event| {
            let JsonEvent::Value { json, .. } = event else { return };
            let Some(channel) = json.get("channel").filter(Json::is_object) else { return };
            let text = |key: &str| channel.text_of(key).unwrap_or_default();
            let id = format!("{}/{}", text("team"), text("name"));
            if wanted.contains(&id) {
                let visibility = match text("type").as_str() {
                    "O" => Some(Visibility::Public),
                    "P" => Some(Visibility::Private),
                    _ => None,
                };
                known.insert(id, (channel.text_of("display_name"), visibility));
            }
        });
    });
    for place in places {
        let Some((name, visibility)) = id_of(place).and_then(|id| known.get(&id).cloned()) else { continue };
        place.visibility = visibility.or(place.visibility);
        if let Some(container) = &mut place.container {
            container.name = name;
        }
    }
}

fn answer(facts: &Facts, place: &mut RecordPlace) {
    place.thread = facts.get("post").map(str::to_owned);
    deleted(facts, place);
}

fn deleted(facts: &Facts, place: &mut RecordPlace) {
    if facts.get("deleted").is_some_and(|at| at != "0") {
        place.revision = Revision::Old;
    }
    if place.edited.as_ref().is_some_and(|edited| edited.raw == "0") {
        place.edited = None;
    }
}
