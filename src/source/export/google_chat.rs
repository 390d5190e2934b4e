//! Google Chat as Takeout gives it: a directory per conversation.
//!
//! Format: files of Takeout as public converters read them (2026-11).

use std::collections::HashMap;

use jiff::{civil::DateTime, tz::TimeZone};

use super::{
    described::{Described, keys_in},
    json::{Descend, JsonEvent, read_json},
    layout::{Document, Facts, Files, Form, Layout, PLAIN, first},
    system::{Export, split},
};
use crate::model::{RecordPlace, RecordTime, Revision, Visibility};

/// Google Chat as Takeout gives it.
pub(super) static GOOGLE_CHAT: Described = Described {
    name: "google-chat",
    title: "Google Chat (Takeout)",
    marks: &["group_info.json"],
    signs: |head| {
        let messages = keys_in(head, &["messages", "creator", "created_date", "topic_id"]);
        if messages.is_empty() { keys_in(head, &["members", "user_type"]) } else { messages }
    },
    root: Some(|path| {
        let (folder, name) = split(path);
        let is_group = matches!(name, "messages.json" | "group_info.json");
        // `Groups/Space AAAA/messages.json`; or a directory of its own.
        let (above, _) = split(folder.trim_end_matches('/'));
        is_group.then(|| above.strip_suffix("Groups/").unwrap_or(folder))
    }),
    files: &FILES,
};

static FILES: Files = Files {
    form: |path, head| {
        let name = split(path).1;
        let is_it = name.ends_with(".json") || !keys_in(head, &["messages", "topic_id"]).is_empty();
        is_it.then_some(Form::Json(&MESSAGES))
    },
    is_attached: |path| !path.ends_with(".json"),
    about: |path, _, facts| {
        let folder = split(split(path).0.trim_end_matches('/')).1;
        if let Some((kind, id)) = folder.split_once(' ') {
            facts.set("container_id", id);
            facts.set("folder", kind);
        }
    },
    finish: names_of_spaces,
    ..Files::NONE
};

static MESSAGES: Document = Document { lists: &[("messages", &MESSAGE)], about: &[], other: &Layout::NONE };

const MESSAGE: Layout = Layout {
    texts: &[("text", PLAIN)],
    old: &[("previous_message_versions.text", PLAIN)],
    facts: &[
        ("author", "creator.name"),
        ("email", "creator.email"),
        ("time", "created_date"),
        ("edited", "updated_date"),
        ("id", "message_id"),
        ("message", "message_id"),
        ("thread", "topic_id"),
        ("state", "message_state"),
    ],
    kind: "space",
    links: &["https://chat.google.com/room/{message}"],
    time,
    skip: &["topic_id", "message_id", "user_type", "start_index", "length"],
    addresses: &["image_url", "private_url"],
    files: &["attached_files.export_name"],
    adjust: kind_of,
    ..Layout::NONE
};

fn kind_of(facts: &Facts, place: &mut RecordPlace) {
    if facts.get("state") == Some("DELETED") {
        place.revision = Revision::Old;
    }
    if facts.get("folder") == Some("DM") {
        place.visibility = Some(Visibility::Direct);
        if let Some(container) = &mut place.container {
            "direct message".clone_into(&mut container.kind);
        }
        if let Some(link) = &mut place.permalink {
            link.url = link.url.replacen("/room/", "/dm/", 1);
        }
    }
}

/// `Monday, January 1, 2024 at 10:00:00 AM UTC`, with any kind of space.
fn time(raw: &str) -> RecordTime {
    let plain = raw.replace(['\u{202f}', '\u{a0}'], " ");
    let civil = DateTime::strptime("%A, %B %d, %Y at %I:%M:%S %p UTC", plain.trim());
    let utc = civil.and_then(|civil| TimeZone::UTC.to_timestamp(civil)).map(|time| time.to_string());
    match utc {
        Ok(utc) => RecordTime { utc: Some(utc), raw: raw.to_owned() },
        Err(_) => super::time::parse(raw),
    }
}

/// What spaces are called and how many are in them: each directory has a file that says so.
fn names_of_spaces(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let mut known: HashMap<String, (Option<String>, u64)> = HashMap::new();
    export.read(&|path| split(path).1 == "group_info.json", &mut |path, input| {
        let folder = split(split(path).0.trim_end_matches('/')).1;
        let Some((_, id)) = folder.split_once(' ') else { return };
        read_json(input, &|_, _| Descend::Whole, &mut |event| {
            let JsonEvent::Value { json, .. } = event else { return };
            let members = json.get("members").map_or(0, |members| members.elements().count());
            known.insert(id.to_owned(), (first(json, "name"), members as u64));
        });
    });
    for place in places {
        let Some(container) = &mut place.container else { continue };
        let Some((name, members)) = container.id.as_ref().and_then(|id| known.get(id)) else { continue };
        container.name.clone_from(name);
        place.readers = Some(*members).filter(|count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times() {
        for raw in ["Monday, January 1, 2024 at 10:00:00\u{202f}AM UTC", "Monday, January 1, 2024 at 10:00:00 AM UTC"] {
            assert_eq!(super::time(raw).utc.as_deref(), Some("2024-01-01T10:00:00Z"), "{raw}");
        }
        assert_eq!(super::time("lundi 1 janvier 2024").utc, None);
    }
}
