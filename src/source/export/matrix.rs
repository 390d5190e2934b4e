//! A Matrix room as Element exports it.
//!
//! Format: spec.matrix.org, room events; Element's `JSONExport` (read 2026-11).

use std::collections::{HashMap, HashSet};

use super::{
    described::{Described, keys_in},
    json::{JsonEvent, read_json},
    layout::{self, Document, Files, Form, HTML, Layout, PLAIN, first},
    system::{Export, split},
    time,
};
use crate::model::{RecordPlace, RecordTime, Revision};

/// A room.
pub(super) static MATRIX: Described = Described {
    name: "matrix",
    title: "Matrix room (Element)",
    marks: &["export.json"],
    signs: |head| keys_in(head, &["room_name", "room_creator", "export_date", "exported_by"]),
    root: Some(|path| path.ends_with(".json").then(|| split(path).0)),
    files: &FILES,
};

static FILES: Files = Files {
    form: |path, head| {
        let is_it = !path.contains('/') && !keys_in(head, &["room_name", "exported_by"]).is_empty();
        is_it.then_some(Form::Json(&ROOM))
    },
    is_attached: |path| path.contains('/') && !path.ends_with(".json"),
    finish: edited_away,
    ..Files::NONE
};

static ROOM: Document = Document {
    lists: &[("messages", &EVENT)],
    about: &[("container", "room_name")],
    other: &Layout { kind: "room", ..Layout::NONE },
};

static EVENT: Layout = Layout {
    texts: &[
        ("content.m\u{b7}new_content.body", PLAIN),
        ("content.m\u{b7}new_content.formatted_body", HTML),
        ("content.body", PLAIN),
        ("content.formatted_body", HTML),
    ],
    facts: &[
        ("author_id", "sender"),
        ("time", "origin_server_ts"),
        ("id", "event_id"),
        ("event", "event_id"),
        ("thread", "content.m\u{b7}relates_to.event_id"),
        ("container_id", "room_id"),
        ("room", "room_id"),
    ],
    kind: "room",
    links: &["https://matrix.to/#/{room}/{event}"],
    skip: &["event_id", "sender", "room_id", "hashes", "iv", "avatar_url", "user_id"],
    files: &["content.filename", "content.body"],
    ..Layout::NONE
};

/// Events that a later one replaces are old: that one names them.
fn edited_away(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let wanted: HashSet<String> = places.iter().filter_map(|place| place.record.clone()).collect();
    let mut replaced: HashMap<String, RecordTime> = HashMap::new();
    export.read(&|path| path.ends_with(".json"), &mut |_, input| {
        read_json(input, &|path, is_list| layout::enter(&["messages"], path, is_list), &mut |event| {
            let JsonEvent::Value { json, .. } = event else { return };
            if first(json, "content.m\u{b7}relates_to.rel_type").as_deref() != Some("m.replace") {
                return;
            }
            let Some(id) = first(json, "content.m\u{b7}relates_to.event_id") else { return };
            if wanted.contains(&id) {
                replaced.insert(id, time::parse(&first(json, "origin_server_ts").unwrap_or_default()));
            }
        });
    });
    for place in places {
        if let Some(time) = place.record.as_ref().and_then(|id| replaced.get(id)) {
            place.revision = Revision::Old;
            place.edited = Some(time.clone());
        }
    }
}
