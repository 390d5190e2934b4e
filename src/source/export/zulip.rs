//! Zulip's data exports: the organisation, its messages in parts, and what was uploaded.
//!
//! Format: zulip.readthedocs.io, "Export and import"; fixtures of Zulip (read 2026-11).

use std::collections::HashMap;

use super::{
    described::{Described, keys_in},
    json::{JsonEvent, read_json},
    layout::{self, Document, Files, Form, How, Layout, Lookup, PLAIN, first},
    system::{Export, split},
};
use crate::model::{RecordPlace, Visibility};

/// Zulip's data exports.
pub(super) static ZULIP: Described = Described {
    name: "zulip",
    title: "Zulip export",
    marks: &["realm.json"],
    signs: |head| {
        let realm = keys_in(head, &["zerver_realm"]);
        let messages = keys_in(head, &["zerver_message", "sender", "recipient"]);
        let lists =
            ["zerver_userprofile", "zerver_stream", "zerver_recipient", "zerver_defaultstream", "zerver_realmemoji"];
        let lists = lists.iter().flat_map(|list| keys_in(head, &[list]));
        [realm, messages, lists.collect()].concat()
    },
    root: Some(|path| {
        let (root, name) = split(path);
        (name == "realm.json" || is_part(name)).then_some(root)
    }),
    files: &FILES,
};

fn is_part(name: &str) -> bool {
    name.starts_with("messages-") && name.contains(".json")
}

static FILES: Files = Files {
    form: |path, head| {
        let is_list = path.ends_with(".json") && !path.contains('/');
        let is_it = is_list || is_part(path) || !keys_in(head, &["zerver_message"]).is_empty();
        is_it.then_some(Form::Json(&PART))
    },
    is_attached: |path| path.starts_with("uploads/") && !path.ends_with("records.json"),
    lookups: &[Lookup {
        is_file: |path| path == "realm.json",
        list: "zerver_userprofile",
        id: "id",
        name: "full_name",
        email: "delivery_email|email",
    }],
    finish: recipients,
    ..Files::NONE
};

static PART: Document = Document {
    lists: &[
        ("zerver_message", &MESSAGE),
        ("zerver_userprofile", &PERSON),
        ("zerver_stream", &THING),
        ("zerver_usermessage", &NOTHING),
        ("zerver_subscription", &NOTHING),
        ("zerver_realm", &THING),
    ],
    about: &[],
    other: &THING,
};

static THING: Layout = Layout { facts: &[("id", "id")], ..Layout::NONE };

/// Marks of who read what, of which there are more than messages: numbers only.
static NOTHING: Layout = Layout::NONE;

static PERSON: Layout = Layout {
    facts: &[("author_id", "id"), ("author", "full_name"), ("email", "delivery_email"), ("id", "id")],
    ..Layout::NONE
};

static MESSAGE: Layout = Layout {
    texts: &[("content", PLAIN), ("subject", PLAIN)],
    old: &[("edit_history", How::Json)],
    facts: &[
        ("author_id", "sender"),
        ("time", "date_sent"),
        ("edited", "last_edit_time"),
        ("id", "id"),
        ("thread", "subject"),
        ("container_id", "recipient"),
    ],
    kind: "channel",
    links: &["{base}/#narrow/near/{id}"],
    // It is the content, rendered.
    skip: &["rendered_content", "search_tsvector"],
    files: &["content"],
    ..Layout::NONE
};

/// Which channel or conversation a recipient is.
fn recipients(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let wanted = |id: &str| {
        let of = |place: &RecordPlace| place.container.as_ref().and_then(|of| of.id.clone());
        places.iter().filter_map(|place| of(place)).any(|own| own == id)
    };
    // Type and channel of each recipient; name and secrecy of each channel. Channels may come first.
    let (mut kinds, mut channels) = (HashMap::new(), HashMap::new());
    let lists = ["zerver_recipient", "zerver_stream"];
    export.read(&|path| path == "realm.json", &mut |_, input| {
        read_json(input, &|path, is_list| layout::enter(&lists, path, is_list), &mut |event| {
            let JsonEvent::Value { path, json, .. } = event else { return };
            let Some(id) = first(json, "id") else { return };
            match super::json::keys(path).next() {
                Some("zerver_recipient") if wanted(&id) => {
                    kinds.insert(id, (first(json, "type"), first(json, "type_id").unwrap_or_default()));
                }
                Some("zerver_stream") => {
                    let is_private = first(json, "invite_only").as_deref() == Some("true");
                    channels.insert(id, (first(json, "name"), is_private));
                }
                _ => {}
            }
        });
    });
    for place in places {
        let Some(container) = &mut place.container else { continue };
        let Some((kind, of)) = container.id.as_ref().and_then(|id| kinds.get(id)) else { continue };
        match (kind.as_deref(), channels.get(of)) {
            (Some("2"), Some((name, is_private))) => {
                container.id = Some(of.clone());
                container.name.clone_from(name);
                place.visibility = Some(if *is_private { Visibility::Private } else { Visibility::Public });
            }
            (Some("1" | "3"), _) => {
                "direct message".clone_into(&mut container.kind);
                place.visibility = Some(Visibility::Direct);
            }
            _ => {}
        }
    }
}
