//! Telegram Desktop's export as JSON or HTML: one chat, or all of them.
//!
//! Format: core.telegram.org, the source of Telegram Desktop (`export_output_json.cpp`, `export_output_html.cpp`), and pages that
//! it made (read 2026-11).

use super::{
    described::{Described, has, is_json, keys_in},
    layout::{Document, Facts, Files, Form, HTML, How, Kind, Layout, Page},
    system::split,
    time,
};
use crate::model::{Permalink, PermalinkBasis, RecordPlace, Visibility};

/// Telegram Desktop's export.
pub(super) static TELEGRAM: Described = Described {
    name: "telegram",
    title: "Telegram chats",
    marks: &["result.json", "messages.html", "messages2.html", "export_results.html"],
    signs: |head| if is_json(head) { signs(head) } else { signs_of_page(head) },
    root: Some(|path| {
        let (folder, name) = split(path);
        match name {
            "result.json" => Some(folder),
            _ if is_page(name) => Some(folder_of_export(folder)),
            _ => None,
        }
    }),
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

/// What every page of messages begins with; the styles and the script lie beside it.
fn signs_of_page(head: &[u8]) -> Vec<String> {
    const SIGNS: [&str; 4] =
        ["onload=\"CheckLocation();\"", "class=\"page_wrap\"", "class=\"page_body chat_page\"", "class=\"history\""];
    let is_page = head.trim_ascii_start().first() == Some(&b'<') && has(head, "page_wrap");
    SIGNS.iter().filter(|sign| is_page && has(head, sign)).map(|sign| (*sign).to_owned()).collect()
}

/// `messages.html`, `messages2.html` and so on.
fn is_page(name: &str) -> bool {
    let number = name.strip_prefix("messages").and_then(|rest| rest.strip_suffix(".html"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Chats of an export of all of them lie in `chats/chat_001/`.
fn folder_of_export(folder: &str) -> &str {
    let (above, name) = split(folder.trim_end_matches('/'));
    let is_chat = name.starts_with("chat_") && split(above.trim_end_matches('/')).1 == "chats";
    if is_chat { above.trim_end_matches('/').strip_suffix("chats").unwrap_or(folder) } else { folder }
}

static FILES: Files = Files {
    form: |path, head| {
        let is_own = !is_attached(path);
        if is_json(head) {
            let is_it = !path.contains('/') && (path == "result.json" || !signs(head).is_empty());
            return is_it.then_some(Form::Json(&CHATS));
        }
        // Lists of contacts and sessions are laid out as pages of messages are.
        (is_own && !signs_of_page(head).is_empty()).then_some(Form::Html(&PAGE))
    },
    is_attached,
    ..Files::NONE
};

/// Files of messages lie in directories: all but the pages, and what these are shown with.
fn is_attached(path: &str) -> bool {
    let (folder, name) = split(path);
    let is_part = is_page(name) && folder_of_export(folder).is_empty();
    let is_shown_with = ["css/", "js/", "images/", "lists/"].contains(&folder);
    !folder.is_empty() && !is_part && !is_shown_with
}

static PAGE: Page = Page {
    kinds: &[
        Kind { starts: |tag| tag.has_class("message") && tag.has_class("service"), keeps: |_| false, layout: &SERVICE },
        Kind {
            starts: |tag| tag.has_class("message") && tag.has_class("default"),
            // A message of the same person, a moment later, has no name.
            keeps: |tag| tag.has_class("joined"),
            layout: &SHOWN,
        },
    ],
    about: &[("container", "page_header.text")],
    closed: &["forwarded"],
};

/// Pages have neither ids of people nor of the chat, so there is no address unless the chat's own was given.
static SHOWN: Layout = Layout {
    texts: &[("text", HTML), ("forwarded.text", HTML)],
    facts: &[("author", "from_name"), ("time", "date.@title"), ("id", "@id"), ("thread", "reply_to.<a.@href")],
    kind: "chat",
    time: time_of_page,
    skip: &["userpic"],
    files: &[
        "media_wrap.<a.@href",
        "media_wrap.<img.@src",
        "forwarded.media_wrap.<a.@href",
        "forwarded.media_wrap.<img.@src",
    ],
    adjust: shown,
    ..Layout::NONE
};

/// What happened, and the days.
static SERVICE: Layout =
    Layout { texts: &[("details", HTML)], facts: &[("id", "@id")], kind: "chat", adjust: shown, ..Layout::NONE };

/// `01.02.2024 10:00:00 UTC+02:00`; older versions left out the zone.
fn time_of_page(raw: &str) -> crate::model::RecordTime {
    time::parse_as("%d.%m.%Y %H:%M:%S UTC%:z", raw)
}

/// Ids are parts of names on the page.
fn shown(facts: &Facts, place: &mut RecordPlace) {
    if let Some(name) = place.author.as_mut().and_then(|author| author.name.as_mut())
        && let Some((own, _)) = name.split_once(" via @")
    {
        *name = own.to_owned();
    }
    let number = |text: &str, start: &str| Some(text.rsplit_once(start)?.1.to_owned()).filter(|id| !id.is_empty());
    place.record = place.record.take().and_then(|id| number(&id, "message"));
    place.thread = place.thread.take().and_then(|id| number(&id, "go_to_message"));
    if let (Some(base), Some(id)) = (facts.get("base"), &place.record) {
        let url = format!("{}/{id}", base.trim_end_matches('/'));
        place.permalink = Some(Permalink { url, basis: PermalinkBasis::Derived });
    }
}

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
