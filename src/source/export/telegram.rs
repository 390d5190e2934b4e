//! Telegram Desktop's export as JSON: one chat, or all of them.
//!
//! Format: core.telegram.org and the source of Telegram Desktop, `export_output_json.cpp` (read 2026-11).

use super::{
    described::{Described, has, keys_in},
    layout::{Document, Facts, Files, Form, How, Layout},
    system::split,
};
use crate::model::{RecordPlace, Visibility};

/// Telegram Desktop's export.
pub(super) static TELEGRAM: Described = Described {
    name: "telegram",
    title: "Telegram chats",
    marks: &["result.json"],
    signs,
    root: Some(|path| (split(path).1 == "result.json").then(|| split(path).0)),
    files: &FILES,
};

fn signs(head: &[u8]) -> Vec<String> {
    const KINDS: [&str; 9] = [
        "personal_chat",
        "bot_chat",
        "saved_messages",
        "private_group",
        "private_supergroup",
        "public_supergroup",
        "private_channel",
        "public_channel",
        "verification_codes",
    ];
    let mut signs = keys_in(head, &["messages", "type", "name"]);
    let has_kind = KINDS.iter().find(|kind| has(head, &format!("\"{kind}\"")));
    match has_kind {
        Some(kind) => signs.push(format!("a chat of type {kind}")),
        None if has(head, "\"personal_information\"") => {
            signs = keys_in(head, &["about", "personal_information"]);
        }
        None => signs.clear(),
    }
    signs
}

static FILES: Files = Files {
    form: |path, head| {
        let is_it = !path.contains('/') && (path == "result.json" || !signs(head).is_empty());
        is_it.then_some(Form::Json(&CHATS))
    },
    is_attached: |path| path.contains('/'),
    ..Files::NONE
};

static CHATS: Document = Document {
    lists: &[("messages", &MESSAGE), ("chats.list.messages", &MESSAGE), ("left_chats.list.messages", &MESSAGE)],
    about: &[
        ("container", "name|chats.list.name|left_chats.list.name"),
        ("container_id", "id|chats.list.id|left_chats.list.id"),
        ("chat_type", "type|chats.list.type|left_chats.list.type"),
    ],
    other: &Layout::NONE,
};

static MESSAGE: Layout = Layout {
    texts: &[("text", How::Runs)],
    facts: &[
        ("author_id", "from_id|actor_id"),
        ("author", "from|actor"),
        // `date` is by the clock of whoever exported, without its zone.
        ("time", "date_unixtime|date"),
        ("edited", "edited_unixtime|edited"),
        ("id", "id"),
        ("thread", "reply_to_message_id"),
    ],
    kind: "chat",
    links: &["https://t.me/c/{container_id}/{id}"],
    skip: &["text_entities", "date", "edited"],
    files: &["file", "photo", "thumbnail"],
    adjust: by_type,
    ..Layout::NONE
};

/// Only messages of large groups and channels have addresses, which only their members can open.
fn by_type(facts: &Facts, place: &mut RecordPlace) {
    let kind = facts.get("chat_type").unwrap_or_default();
    if !kind.ends_with("supergroup") && !kind.ends_with("channel") {
        place.permalink = None;
    }
    place.visibility = match kind {
        "personal_chat" | "bot_chat" | "saved_messages" => Some(Visibility::Direct),
        _ if kind.starts_with("public_") => Some(Visibility::Public),
        _ if kind.starts_with("private_") => Some(Visibility::Private),
        _ => None,
    };
}
