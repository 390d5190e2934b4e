//! Discord: what DiscordChatExporter writes as JSON, tables, HTML or text, and the package of one's own data.
//!
//! Format: github.com/Tyrrrz/DiscordChatExporter and files made by it; support.discord.com, "Your Discord Data Package" (read
//! 2026-11).

mod page;
mod text;

use super::{
    described::{Described, is_json, keys_in},
    json::{JsonEvent, read_json},
    layout::{Document, Facts, Files, Form, Layout, PLAIN, first},
    system::{Export, split},
    table::Header,
};
use crate::model::{Permalink, PermalinkBasis, RecordAuthor, RecordPlace, Visibility};

/// What DiscordChatExporter writes: a file per channel or thread, and the files of its messages beside it.
pub(super) static CHATS: Described = Described {
    name: "discord",
    title: "Discord chats (DiscordChatExporter)",
    marks: &["*].json", "*].csv", "*].html", "*].txt"],
    signs: |head| {
        let in_json = keys_in(head, &["guild", "channel", "dateRange", "messages"]);
        [in_json, columns(head), page::signs(head), text::signs(head)].concat()
    },
    root: Some(|path| {
        ["].json", "].csv", "].html", "].txt"].iter().any(|end| path.ends_with(end)).then(|| split(path).0)
    }),
    files: &CHAT_FILES,
};

static CHAT_FILES: Files = Files {
    form: |path, head| {
        if !columns(head).is_empty() {
            return Some(Form::Table(&ROW));
        }
        if !page::signs(head).is_empty() {
            return Some(Form::Html(&page::PAGE));
        }
        if !text::signs(head).is_empty() {
            return Some(Form::Text(text::read, &text::MESSAGE));
        }
        let is_chat = path.ends_with(".json") || !path.contains('/');
        (is_chat && !keys_in(head, &["guild", "channel"]).is_empty()).then_some(Form::Json(&CHAT))
    },
    is_attached: |path| path.contains('/'),
    about: |path, head, facts| {
        // JSON says it itself.
        if !is_json(head) {
            named(split(path).1, facts);
        }
    },
    ..Files::NONE
};

/// The columns of a channel's table, if it has all of them; newer versions have more.
fn columns(head: &[u8]) -> Vec<String> {
    const COLUMNS: [&str; 5] = ["AuthorID", "Author", "Date", "Content", "Attachments"];
    let found = Header::in_head(head).among(&COLUMNS);
    let is_it = found.len() == COLUMNS.len();
    found.iter().filter(|_| is_it).map(|name| format!("column {name}")).collect()
}

/// What the name of a file says: tables have neither channel nor guild in them, pages and texts no id of the channel: `Acme - Text - general [77].csv`.
fn named(name: &str, facts: &mut Facts) {
    let parts = name.match_indices(" [").find_map(|(at, _)| {
        let (id, _) = name[at + 2..].split_once(']')?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then_some((&name[..at], id))
    });
    let Some((title, id)) = parts else { return };
    facts.set("container_id", id);
    if let Some((guild, channel)) = title.split_once(" - ") {
        facts.set("container", channel.rsplit(" - ").next().unwrap_or(channel));
        if guild == "Direct Messages" {
            facts.set("channel_type", "Direct");
        } else {
            facts.set("workspace", guild);
        }
    }
}

/// Tables have no ids of messages, so there is no address.
static ROW: Layout = Layout {
    texts: &[("Content", PLAIN)],
    facts: &[("author_id", "AuthorID"), ("author", "Author"), ("time", "Date")],
    kind: "channel",
    skip: &["AuthorID", "Reactions"],
    addresses: &["Attachments"],
    files: &["Attachments"],
    adjust: direct,
    ..Layout::NONE
};

static CHAT: Document = Document {
    lists: &[("messages", &MESSAGE)],
    about: &[
        ("guild", "guild.id"),
        ("workspace", "guild.name"),
        ("container_id", "channel.id"),
        ("container", "channel.name"),
        ("channel_type", "channel.type"),
    ],
    other: &MESSAGE,
};

static MESSAGE: Layout = Layout {
    texts: &[("content", PLAIN), ("forwardedMessage.content", PLAIN)],
    facts: &[
        ("author_id", "author.id"),
        ("author", "author.nickname|author.name"),
        ("time", "timestamp"),
        ("edited", "timestampEdited"),
        ("id", "id"),
        ("thread", "reference.messageId"),
    ],
    kind: "channel",
    links: &["https://discord.com/channels/{guild}/{container_id}/{id}"],
    skip: &["avatarUrl", "iconUrl", "imageUrl", "color", "discriminator", "roles", "code"],
    addresses: &["url", "thumbnailUrl", "sourceUrl"],
    files: &["attachments.url"],
    adjust: direct,
    ..Layout::NONE
};

/// Direct messages are in no guild: its id is `0`, and `@me` in addresses.
fn direct(facts: &Facts, place: &mut RecordPlace) {
    let is_direct = facts.get("guild") == Some("0");
    if is_direct || facts.get("channel_type").is_some_and(|kind| kind.starts_with("Direct")) {
        place.visibility = Some(Visibility::Direct);
    }
    if let Some(link) = place.permalink.as_mut().filter(|_| is_direct) {
        link.url = link.url.replacen("/channels/0/", "/channels/@me/", 1);
    }
}

/// One's own messages in all channels, without those of others.
pub(super) static PACKAGE: Described = Described {
    name: "discord-package",
    title: "Discord data package",
    marks: &[],
    signs: |head| [keys_in(head, &["ID", "Timestamp", "Contents"]), table_signs(head)].concat(),
    root: Some(|path| {
        let (folder, name) = split(path);
        let is_messages = matches!(name, "messages.json" | "messages.csv");
        let (above, channel) = split(folder.trim_end_matches('/'));
        (is_messages && channel.starts_with('c')).then(|| split(above.trim_end_matches('/')).0)
    }),
    files: &PACKAGE_FILES,
};

fn table_signs(head: &[u8]) -> Vec<String> {
    let columns = ["ID", "Timestamp", "Contents", "Attachments"];
    let is_it = head.starts_with(columns.join(",").as_bytes());
    columns.iter().filter(|_| is_it).map(|name| format!("column {name}")).collect()
}

static PACKAGE_FILES: Files = Files {
    form: |path, head| match split(path).1 {
        "messages.csv" => Some(Form::Table(&OWN_MESSAGE)),
        "messages.json" => Some(Form::Json(&OWN_MESSAGES)),
        _ if !table_signs(head).is_empty() => Some(Form::Table(&OWN_MESSAGE)),
        name if name.ends_with(".json") || !path.contains('/') => Some(Form::Json(&OWN_MESSAGES)),
        _ => None,
    },
    about: |path, _, facts| {
        let channel = split(split(path).0.trim_end_matches('/')).1;
        if let Some(id) = channel.strip_prefix('c').filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())) {
            facts.set("container_id", id);
        }
    },
    finish: finish_package,
    ..Files::NONE
};

static OWN_MESSAGES: Document = Document { lists: &[("", &OWN_MESSAGE)], about: &[], other: &OWN_MESSAGE };

static OWN_MESSAGE: Layout = Layout {
    texts: &[("Contents", PLAIN)],
    facts: &[("time", "Timestamp"), ("id", "ID")],
    kind: "channel",
    time: super::time::parse_utc,
    addresses: &["Attachments"],
    ..Layout::NONE
};

/// Whose package it is, and what the channels are called and belong to: each has a file of its own.
fn finish_package(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let mut owner = RecordAuthor::default();
    let whole = |_: &super::json::Path, _: bool| super::json::Descend::Whole;
    export.read(&|path| matches!(split(path).1, "user.json" | "channel.json"), &mut |path, input| {
        read_json(input, &whole, &mut |event| {
            let JsonEvent::Value { json, .. } = event else { return };
            let Some(id) = first(json, "id") else { return };
            if path.ends_with("user.json") {
                let name = first(json, "global_name|username");
                owner = RecordAuthor { id: Some(id), name, email: first(json, "email") };
                return;
            }
            let is_in = |place: &RecordPlace| place.container.as_ref().is_some_and(|of| of.id.as_ref() == Some(&id));
            for place in places.iter_mut().filter(|place| is_in(place)) {
                if let Some(container) = &mut place.container {
                    container.name = first(json, "name");
                }
                let guild = first(json, "guild.id");
                place.workspace = first(json, "guild.name");
                place.visibility = guild.is_none().then_some(Visibility::Direct);
                let Some(message) = &place.record else { continue };
                let url = format!("https://discord.com/channels/{}/{id}/{message}", guild.as_deref().unwrap_or("@me"));
                place.permalink = Some(Permalink { url, basis: PermalinkBasis::Derived });
            }
        });
    });
    for place in places.iter_mut().filter(|place| place.record.is_some() && owner.id.is_some()) {
        place.author = Some(owner.clone());
    }
}
