//! DiscordChatExporter's pages: messages in groups, of which the first has the author.

use super::super::{
    described::has,
    layout::{Facts, HTML, Kind, Layout, Page},
};
use crate::model::{Permalink, PermalinkBasis, RecordPlace, RecordTime};

/// What a page begins with: its styles name the classes of what is in it.
pub(super) fn signs(head: &[u8]) -> Vec<String> {
    const SIGNS: [&str; 5] =
        ["chatlog__message-group", "chatlog__message", "preamble__entry", "chatlog__content", "info__guild-name"];
    let is_page = head.trim_ascii_start().first() == Some(&b'<') && has(head, "chatlog__");
    SIGNS.iter().filter(|sign| is_page && has(head, sign)).map(|sign| format!("class {sign}")).collect()
}

pub(super) static PAGE: Page = Page {
    kinds: &[
        Kind {
            starts: |tag| {
                tag.has_class("chatlog__message-container")
                    || tag.has_class("chatlog__message") && tag.attribute("data-message-id").is_some()
            },
            // A group has one author; older versions have the name before its first message.
            keeps: |_| true,
            layout: &MESSAGE,
        },
        Kind { starts: |tag| tag.has_class("chatlog__message-group"), keeps: |_| false, layout: &GROUP },
    ],
    about: &[
        ("workspace", "preamble__entry#1|info__guild-name"),
        ("container", "preamble__entry#2|info__channel-name"),
        ("icon", "preamble__guild-icon.@src|info__guild-icon.@src"),
    ],
    closed: &["chatlog__reply", "chatlog__reference"],
};

const AUTHOR: (&str, &str) = ("author", "chatlog__author|chatlog__author-name|chatlog__system-notification-author");
const AUTHOR_ID: (&str, &str) = (
    "author_id",
    "chatlog__author.@data-user-id|chatlog__author-name.@data-user-id|chatlog__system-notification-author.@data-user-id",
);

/// What stands before the messages of a group.
static GROUP: Layout = Layout {
    facts: &[AUTHOR_ID, AUTHOR, ("time", "chatlog__timestamp.@title|chatlog__timestamp")],
    kind: "channel",
    adjust: shown,
    ..Layout::NONE
};

static MESSAGE: Layout = Layout {
    texts: &[
        ("chatlog__content", HTML),
        ("chatlog__forwarded-content", HTML),
        ("chatlog__system-notification-content", HTML),
        ("chatlog__embed-title", HTML),
        ("chatlog__embed-description", HTML),
        ("chatlog__embed-field-name", HTML),
        ("chatlog__embed-field-value", HTML),
        ("chatlog__embed-footer-text", HTML),
        ("chatlog__reply.chatlog__reply-content", HTML),
    ],
    facts: &[
        AUTHOR_ID,
        AUTHOR,
        (
            "time",
            "chatlog__timestamp.@title|chatlog__short-timestamp.@title|chatlog__system-notification-timestamp.@title|chatlog__timestamp",
        ),
        ("edited", "chatlog__edited-timestamp.@title"),
        ("id", "@data-message-id"),
        ("answered", "chatlog__reply.chatlog__reply-link.@onclick|chatlog__reference.chatlog__reference-link.@onclick"),
    ],
    kind: "channel",
    skip: &["chatlog__avatar", "chatlog__message-aside"],
    files: &[
        "chatlog__attachment.<a.@href",
        "chatlog__attachment.<img.@src",
        "chatlog__attachment.<source.@src",
        "chatlog__forwarded-attachments.<a.@href",
        "chatlog__forwarded-attachments.<source.@src",
    ],
    adjust: shown,
    ..Layout::NONE
};

/// Times are written as the exporter's user writes them, in a zone that only the page's end names. The id of a message has its
/// time, to the millisecond.
fn shown(facts: &Facts, place: &mut RecordPlace) {
    let id = place.record.as_ref().and_then(|id| id.parse::<u64>().ok()).filter(|id| *id >= 1 << 22);
    if let Some(id) = id {
        let time = jiff::Timestamp::from_millisecond(DISCORD_EPOCH + (id >> 22) as i64).ok();
        let raw = place.time.as_ref().map_or_else(String::new, |time| time.raw.clone());
        place.time = Some(RecordTime { utc: time.map(|time| time.to_string()), raw });
    }
    // `scrollToMessage(event, '900')`.
    place.thread = facts.get("answered").and_then(|call| {
        let digits = call.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() > 5)?;
        Some(digits.to_owned())
    });
    if let Some(name) = place.container.as_mut().and_then(|container| container.name.as_mut()) {
        // `Text / general`.
        *name = name.rsplit(" / ").next().unwrap_or(name).to_owned();
    }
    let is_direct = facts.get("workspace") == Some("Direct Messages");
    // A guild's picture has its id in its address.
    let guild = match facts.get("icon").and_then(|icon| icon.split_once("/icons/")) {
        Some((_, rest)) => rest.split('/').next().filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())),
        None => is_direct.then_some("@me"),
    };
    let base = facts.get("base").map(|base| base.trim_end_matches('/').to_owned());
    let base = guild.map(|guild| format!("https://discord.com/channels/{guild}")).or(base);
    if let (Some(base), Some(channel), Some(id)) = (base, facts.get("container_id"), &place.record) {
        let url = format!("{base}/{channel}/{id}");
        place.permalink = Some(Permalink { url, basis: PermalinkBasis::Derived });
    }
    if is_direct {
        place.workspace = None;
    }
    super::direct(facts, place);
}

/// The first millisecond of 2015: ids count from there.
const DISCORD_EPOCH: i64 = 1_420_070_400_000;
