//! Conversations as pages of HTML: the transcripts that Purview's eDiscovery puts into an export of a review set, beside a table
//! of all its files, and what common exporters make of Graph or of Teams in a browser.
//!
//! Format: learn.microsoft.com, "Document metadata fields in eDiscovery" and "Review Microsoft Teams content in a review set";
//! programs that read such transcripts; gediz/teams-web-chat-exporter, evenevan/export-ms-teams-chats,
//! mardahl/Export-TeamsChat, edgraaff/teams-chat-backup (read 2026-11).

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::super::{
    described::has,
    detect,
    layout::{Facts, Files, Form, HTML, Kind, Layout, Page},
    system::{Detection, Export, Look, split},
    table::look_up,
    time,
};
use crate::model::{Permalink, PermalinkBasis, RecordContainer, RecordPlace, RecordTime, Revision, Visibility};

/// Where transcripts are: what a table of all files stands above, or pages by themselves.
pub(super) fn detect(look: &Look<'_>) -> Vec<Detection> {
    let mut found = Vec::new();
    for table in look.paths().filter(|path| is_load_file(path)).take(64) {
        let root = split(table).0;
        let own = |path: &&str| path.starts_with(root) && is_page(path);
        let pages = look.paths().filter(own).take(64).filter(|path| signs(&look.head(path)).len() > 1).count();
        let signs = vec![split(table).1.to_owned(), format!("{pages} transcripts below it")];
        if pages > 0 && !found.iter().any(|other: &Detection| other.root == root) {
            found.push(Detection { root: root.to_owned(), signs });
        }
    }
    if found.is_empty() && may_be(look) { detect::files(look, &is_page, &|_, head| signs(head)) } else { found }
}

/// Pages that are looked at to find out whether any is a transcript: many archives are full of pages.
const MAX_PAGES: usize = 16;

/// Is there a transcript among some of the pages?
pub(super) fn may_be(look: &Look<'_>) -> bool {
    if look.only().is_some() {
        return true;
    }
    let pages: Vec<&str> = look.paths().filter(|path| is_page(path)).collect();
    let step = pages.len().div_ceil(MAX_PAGES).max(1);
    pages.into_iter().step_by(step).any(|path| signs(&look.head(path)).len() > 1)
}

/// A table of all files of an export, by its name.
fn is_load_file(path: &str) -> bool {
    let name = split(path).1;
    name.starts_with("Export_Loadfile") && name.ends_with(".csv")
}

fn is_page(path: &str) -> bool {
    path.ends_with(".html") || path.ends_with(".htm")
}

/// Which exporter's page it is. All names of one must be there: each by itself is common.
pub(super) fn signs(head: &[u8]) -> Vec<String> {
    const NAMES: [&[&str]; 6] = [
        &["message--responder", "message__author", "message__content"],
        &["message--author", "message__author", "message__content"],
        &["avt-dot", "thread-replies", "data-toggle-compact"],
        &["<title>Exported chat: ", "class=\"message"],
        &["<title>Exported chat: ", "group/message"],
        &["<title>Teams Chat Export", "msg-sender", "msg-bubble"],
    ];
    const BACKUP: &[&str] = &["messages.css", "message-timestamp", "message-sender", "message-body"];
    // Windows PowerShell writes UTF-16.
    let head = &*match encoding_rs::Encoding::for_bom(head) {
        Some((encoding, length)) => {
            Cow::Owned(encoding.decode_without_bom_handling(&head[length..]).0.into_owned().into_bytes())
        }
        None => Cow::Borrowed(head),
    };
    let is_page = head.trim_ascii_start().first() == Some(&b'<');
    let mut all = NAMES.into_iter().chain([BACKUP]);
    let of = all.find(|names| is_page && names.iter().all(|name| has(head, name)));
    of.unwrap_or_default().iter().map(|name| format!("`{}`", name.trim())).collect()
}

/// Pages, and files beside them.
pub(super) static FILES: Files = Files {
    form: |_, head| (!signs(head).is_empty()).then_some(Form::Html(&PAGE)),
    is_attached: |path| path.contains('/') && !is_page(path) && !is_load_file(path),
    finish: |export, places| from_load_files(export, places),
    ..Files::NONE
};

static PAGE: Page = Page {
    kinds: &[
        Kind {
            starts: |tag| tag.has_class("message--author") || tag.has_class("message--responder"),
            keeps: |_| false,
            layout: &PURVIEW,
        },
        Kind {
            starts: |tag| tag.has_class("message-left") || tag.has_class("message-right"),
            keeps: |_| false,
            layout: &BACKUP,
        },
        Kind {
            starts: |tag| tag.has_class("message-container") || tag.has_class("group/message"),
            keeps: |_| false,
            layout: &CHATS,
        },
        Kind {
            starts: |tag| tag.is("article") && tag.has_class("msg"),
            // Of one person and minute, only the first has a name.
            keeps: |tag| tag.has_class("msg-grouped"),
            layout: &SCRIPT,
        },
        Kind {
            starts: |tag| tag.has_class("msg") && tag.attribute("id").is_some_and(|id| id.starts_with("msg-")),
            keeps: |_| false,
            layout: &EXTENSION,
        },
    ],
    about: &[
        ("container", "<h1"),
        ("workspace", "info-list.<code#1"),
        ("container_id", "info-list.<code#2"),
        ("chat_type", "info-list.<li#1"),
    ],
    closed: &["forward", "reply"],
};

/// What all have in common.
const TRANSCRIPT: Layout = Layout { kind: "chat", adjust, ..Layout::NONE };

/// Purview's. Names are `Ada L <ada@example.com>`.
static PURVIEW: Layout = Layout {
    texts: &[("message__content", HTML)],
    facts: &[
        ("author", "message__author"),
        ("time", "message__date-item-wrapper|message__date-item|message__date"),
        ("id", "@data-message-id"),
    ],
    time: purview_time,
    files: &["message__content.<a.@href", "message__content.<img.@src", "message__attachment.<a.@href", "<a.@href"],
    ..TRANSCRIPT
};

/// teams-chat-backup.
static BACKUP: Layout = Layout {
    texts: &[("message-body", HTML)],
    facts: &[("author", "message-sender"), ("time", "message-timestamp")],
    files: &["message-body.<img.@src", "message-body.<a.@href"],
    ..TRANSCRIPT
};

/// export-ms-teams-chats, in both of its forms.
static CHATS: Layout = Layout {
    texts: &[("them", HTML), ("me", HTML), ("prose", HTML)],
    facts: &[("author", "<span#1"), ("time", "<span#2"), ("is_deleted", "@data-deleted")],
    skip: &["<img"],
    files: &["<a.@href", "<img.@src"],
    ..TRANSCRIPT
};

/// Export-TeamsChat.
static SCRIPT: Layout = Layout {
    texts: &[("msg-content", HTML)],
    facts: &[("author", "msg-sender"), ("time", "msg-time")],
    files: &["msg-content.<img.@src", "msg-content.<a.@href"],
    ..TRANSCRIPT
};

/// Teams Chat Exporter, an extension of browsers.
static EXTENSION: Layout = Layout {
    texts: &[("subject", HTML), ("main", HTML), ("forward.forward-body", HTML)],
    facts: &[("heading", "hdr"), ("time", "hdr.<span.@title")],
    skip: &["avt", "reactions"],
    files: &["atts.<a.@href", "atts.<img.@src", "atts.<audio.@src"],
    ..TRANSCRIPT
};

/// All that the exporters write in ways of their own.
fn adjust(facts: &Facts, place: &mut RecordPlace) {
    // `Ada L · Jan 1, 2024, 10:00 (2 years ago)`.
    if let Some((name, _)) = facts.get("heading").and_then(|heading| heading.split_once(" \u{b7} ")) {
        place.author.get_or_insert_default().name = Some(name.to_owned());
    }
    let told = place.author.as_ref().and_then(|author| author.name.clone()).unwrap_or_default();
    if let (Some((name, rest)), Some(author)) = (told.split_once('<'), place.author.as_mut()) {
        let address = rest.trim_end_matches('>').trim();
        author.email = address.contains('@').then(|| address.to_owned());
        author.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    }
    if facts.get("is_deleted") == Some("true") {
        place.revision = Revision::Old;
    }
    if let Some(container) = &mut place.container {
        // The page's title, not the chat's.
        container.name = container.name.take().filter(|name| name != "Microsoft Teams Chat Export");
        place.permalink = container.id.as_deref().and_then(chat_link);
        if container.id.is_none() && container.name.is_none() {
            place.container = None;
        }
    }
    if facts.get("chat_type").is_some_and(|kind| kind.ends_with("oneOnOne")) {
        place.visibility = Some(Visibility::Direct);
    }
}

/// Where a conversation is: pages have no ids of messages.
fn chat_link(id: &str) -> Option<Permalink> {
    let name = id.replace(':', "%3A").replace('@', "%40");
    let url = format!("https://teams.microsoft.com/l/chat/{name}/0");
    id.starts_with("19:").then_some(Permalink { url, basis: PermalinkBasis::Derived })
}

/// `1/31/2024 5:06 PM`, where the space in the middle may be none. All times of a transcript are in UTC, says its
/// documentation.
fn purview_time(raw: &str) -> RecordTime {
    let (day, clock) = match raw.rfind('/').map(|at| raw.split_at((at + 5).min(raw.len()))) {
        Some((day, clock)) if raw.is_ascii() => (day, clock.trim()),
        _ => return time::parse(raw),
    };
    let forms = ["%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p"];
    time::parse_utc_as(&forms, &format!("{day} {clock}"), raw)
}

/// What the tables of all files say: the conversation of a transcript or of a file in one.
fn from_load_files(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let path_of = |place: &RecordPlace| {
        let member = place.physical.member.clone();
        if member.is_empty() { place.physical.file.to_string_lossy().replace('\\', "/") } else { member }
    };
    let wanted: HashSet<String> = places.iter().map(|place| split(&path_of(place)).1.to_owned()).collect();
    let mut known: HashMap<String, Conversation> = HashMap::new();
    export.read(&is_load_file, &mut |_, input| {
        input.decode_text();
        look_up(input, &mut |header, row| {
            let get = |name: &str| header.get(row, name).filter(|value| !value.is_empty());
            let Some(path) = get("Export_native_path").map(|path| path.replace('\\', "/")) else { return };
            if !wanted.contains(split(&path).1) {
                return;
            }
            let conversation = Conversation {
                id: get("Conversation_ID"),
                name: get("ConversationName").or_else(|| get("Conversation_name")),
                channel: get("ChannelName"),
                team: get("TeamName"),
                is_channel: get("ConversationType").is_some_and(|kind| kind.eq_ignore_ascii_case("channel")),
                file: get("Native_file_name"),
            };
            known.insert(path, conversation);
        });
    });
    for place in places {
        let path = path_of(place);
        let is_of = |end: &&String| {
            path.strip_suffix(end.as_str()).is_some_and(|above| above.is_empty() || above.ends_with('/'))
        };
        let Some(own) = known.keys().find(is_of).and_then(|end| known.get(end)) else { continue };
        let kind = if own.is_channel { "channel" } else { "chat" };
        let name = own.channel.clone().or_else(|| own.name.clone());
        place.container = Some(RecordContainer { kind: kind.to_owned(), id: own.id.clone(), name });
        place.workspace = own.team.clone().or_else(|| place.workspace.take());
        place.permalink = own.id.as_deref().and_then(chat_link).or_else(|| place.permalink.take());
        if let Some(attachment) = &mut place.attachment {
            attachment.name = own.file.clone().or_else(|| attachment.name.take());
        }
    }
}

/// What a row of such a table says.
struct Conversation {
    id: Option<String>,
    name: Option<String>,
    channel: Option<String>,
    team: Option<String>,
    is_channel: bool,
    /// What the file was called.
    file: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::purview_time;

    #[test]
    fn times_of_transcripts() {
        for (raw, utc) in [
            ("12/15/20255:06 PM", Some("2025-12-15T17:06:00Z")),
            ("1/2/2024 9:07:08 AM", Some("2024-01-02T09:07:08Z")),
            ("2024-01-02T09:07:08Z", Some("2024-01-02T09:07:08Z")),
            ("15.12.2025 17:06", None),
            ("a/\u{e9}", None),
        ] {
            assert_eq!(purview_time(raw).utc.as_deref(), utc, "{raw}");
        }
    }
}
