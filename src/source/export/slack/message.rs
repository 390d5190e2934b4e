//! A message as all of Slack's exports have it.

use std::collections::{HashMap, HashSet};

use super::super::{
    input::Input,
    json::{Descend, Json, JsonEvent, Path, documents, read_json},
    markup::Markup,
    sink::{Rest, Sink},
    system::Export,
    time,
};
use crate::model::{Permalink, PermalinkBasis, RecordAuthor, RecordContainer, RecordPlace, Revision};

/// A message.
pub(super) struct Message<'t> {
    json: Json<'t>,
    /// The message that this one tells the change of.
    changed: Option<Json<'t>>,
    previous: Option<Json<'t>>,
}

/// Shorthands for authors.
pub(super) struct Author;

impl Author {
    pub(super) fn by_id(id: String) -> RecordAuthor {
        RecordAuthor { id: Some(id), ..RecordAuthor::default() }
    }
}

impl<'t> Message<'t> {
    pub(super) fn new(json: Json<'t>) -> Message<'t> {
        let is_change = json.get("subtype").is_some_and(|subtype| {
            ["message_changed", "message_deleted", "tombstone", "message_replied"].iter().any(|kind| subtype.is(kind))
        });
        if !is_change {
            return Message { json, changed: None, previous: None };
        }
        let changed = json.get("message").filter(Json::is_object);
        let previous = ["previous_message", "original"].iter().find_map(|key| json.get(key));
        Message { json, changed, previous }
    }

    /// Adds all its texts.
    pub(super) fn add(&self, sink: &mut Sink<'_>) {
        if let Some(changed) = self.changed {
            add_texts(changed, sink);
        }
        add_texts(self.json, sink);
        for message in [Some(self.json), self.changed].into_iter().flatten() {
            each_attached_field(message, &mut |text, offset| {
                sink.field("attachments.fields", text, offset, Markup::Mrkdwn);
            });
        }
        // Attachments, files and whatever else there is: the rest of the message and of what it changed.
        sink.rest_by_path(self.json, &|path, key, is_text| match (path, key) {
            ("", "previous_message") if self.previous.is_some() => Rest::Skip,
            // A record of its own.
            ("", "root") if root(self.json).is_some() => Rest::Skip,
            ("message.", "text" | "blocks") if self.changed.is_none() => Rest::Text(Markup::Mrkdwn),
            _ => treat(path, key, is_text),
        });
        for message in [Some(self.json), self.changed].into_iter().flatten() {
            add_attached_blocks(message, sink);
        }
        if let Some(previous) = self.previous {
            add_previous(previous, sink);
        }
    }

    /// What it says of itself.
    pub(super) fn place(&self, place: &mut RecordPlace) {
        let about = self.changed.or(self.previous).unwrap_or(self.json);
        let ts = about.text_of("ts").or_else(|| self.json.text_of("ts"));
        place.time = ts.as_deref().map(time::parse);
        place.thread = about.text_of("thread_ts").filter(|thread| Some(thread) != ts.as_ref());
        place.record = ts;
        place.author = author(about).or_else(|| author(self.json));
        place.edited = about.path(&["edited", "ts"]).and_then(|ts| ts.id()).map(|ts| time::parse(&ts));
        if self.previous.is_some() && place.edited.is_none() {
            place.edited = self.json.text_of("ts").map(|ts| time::parse(&ts));
        }
        let is_deleted =
            self.json.get("subtype").is_some_and(|kind| kind.is("message_deleted") || kind.is("tombstone"));
        if is_deleted {
            place.revision = Revision::Old;
        }
        // In channels that workspaces share it may be the author's: who has the lists of people knows better.
        let team = about.text_of("team");
        let is_same = |key: &str| about.text_of(key).is_none_or(|other| Some(other) == team);
        if place.workspace.is_none() && is_same("source_team") && is_same("user_team") {
            place.workspace = team;
        }
    }
}

/// Tells a message, then the one that it answers, if that is in it. `fill` says what the file says of both.
pub(super) fn tell(json: Json<'_>, (bytes, line): (usize, u64), sink: &mut Sink<'_>, fill: &dyn Fn(&mut RecordPlace)) {
    let message = Message::new(json);
    message.add(sink);
    sink.finish(bytes, line, &|place| {
        fill(place);
        message.place(place);
    });
    if let Some(root) = root(json) {
        tell_copy(root, line, sink, fill);
    }
}

/// Tells a message that stands in another one. It may stand nowhere else, or the export may have it for itself: see
/// [`merge_copies`]. Its bytes were counted with the other's.
pub(super) fn tell_copy(json: Json<'_>, line: u64, sink: &mut Sink<'_>, fill: &dyn Fn(&mut RecordPlace)) {
    let message = Message::new(json);
    message.add(sink);
    sink.finish(0, line, &|place| {
        fill(place);
        message.place(place);
        // No message answers itself.
        place.thread.clone_from(&place.record);
    });
}

/// Tells a message that a tool copied: it names its channel itself. `base` is the workspace's address.
pub(in crate::source::export) fn tell_copied(
    json: Json<'_>,
    base: Option<&str>,
    (bytes, line): (usize, u64),
    sink: &mut Sink<'_>,
) {
    let message = Message::new(json);
    message.add(sink);
    sink.finish(bytes, line, &|place| {
        "slack".clone_into(&mut place.system);
        let id = json.text_of("channel_id").or_else(|| json.text_of("channel"));
        place.container = id.map(|id| RecordContainer { kind: "channel".to_owned(), id: Some(id), name: None });
        message.place(place);
        link(place, &base.map_or_else(|| Site::guess(None), Site::derived));
    });
}

/// The message that was answered, as an answer has it that was sent to the channel, too.
fn root(message: Json<'_>) -> Option<Json<'_>> {
    message.get("root").filter(Json::is_object)
}

/// Puts what was found in copies of messages where the messages themselves stand, if the same was found there.
pub(super) fn merge_copies(places: &mut [&mut RecordPlace]) {
    let is_copy = |place: &RecordPlace| place.record.is_some() && place.thread == place.record;
    let key = |place: &RecordPlace| {
        let container = place.container.as_ref();
        let channel = container.and_then(|container| container.id.as_ref().or(container.name.as_ref()));
        // Channels of one name in two workspaces have no messages of the same moment.
        (channel.cloned(), place.record.clone(), place.revision)
    };
    let copied: HashSet<_> = places.iter().filter(|place| is_copy(place)).map(|place| key(place)).collect();
    let mut known: HashMap<_, Vec<RecordPlace>> = HashMap::new();
    for place in places.iter().filter(|place| copied.contains(&key(place))) {
        known.entry(key(place)).or_default().push((**place).clone());
    }
    // The message itself before copies of it, and of those always the same one.
    known.values_mut().for_each(|all| all.sort_by_cached_key(|place| (is_copy(place), place.clone())));
    for place in places.iter_mut().filter(|place| is_copy(place)) {
        let all = known.get(&key(place)).into_iter().flatten();
        let is_text = |field: &str| matches!(field, "text" | "blocks");
        let is_like = |own: &&RecordPlace| !is_copy(own) && is_text(&own.field) && is_text(&place.field);
        let same = all.clone().find(|own| own.field == place.field && !is_copy(own));
        let same =
            same.or_else(|| all.clone().find(is_like)).or_else(|| all.clone().find(|own| own.field == place.field));
        if let Some(same) = same {
            **place = same.clone();
        }
    }
    places.iter_mut().filter(|place| is_copy(place)).for_each(|place| place.thread = None);
}

fn author(message: Json<'_>) -> Option<RecordAuthor> {
    let id = message.text_of("user").or_else(|| message.text_of("bot_id"));
    // A comment on a file names nobody else.
    let id = id.or_else(|| message.path(&["comment", "user"])?.id());
    let inline = message.path(&["user_profile", "real_name"]).and_then(|name| name.id());
    let name = inline.or_else(|| message.text_of("username")).or_else(|| message.path(&["bot_profile", "name"])?.id());
    (id.is_some() || name.is_some()).then_some(RecordAuthor { id, name, email: None })
}

fn add_texts(message: Json<'_>, sink: &mut Sink<'_>) {
    if let Some(blocks) = message.get("blocks") {
        sink.field("blocks", &flat_blocks(blocks), blocks.offset(), Markup::Plain);
    }
    sink.json("text", message.get("text"), Markup::Mrkdwn);
}

/// Rich text in attachments: of programs, and of messages that were passed on.
fn add_attached_blocks(message: Json<'_>, sink: &mut Sink<'_>) {
    for blocks in attached_blocks(message) {
        sink.field("attachments.blocks", &flat_blocks(blocks), blocks.offset(), Markup::Plain);
    }
}

fn attached_blocks(message: Json<'_>) -> impl Iterator<Item = Json<'_>> {
    let attachments = message.get("attachments").into_iter().flat_map(|list| list.elements());
    attachments.flat_map(|one| ["message_blocks", "blocks"].into_iter().filter_map(move |key| one.get(key)))
}

/// Fields in attachments of programs, as people saw them: the title beside the value.
fn each_attached_field(message: Json<'_>, each: &mut dyn FnMut(&str, u64)) {
    let attachments = message.get("attachments").into_iter().flat_map(|list| list.elements());
    let fields = attachments.filter_map(|one| one.get("fields")).flat_map(|fields| fields.elements());
    for field in fields {
        let Some((title, value)) = field.get("title").zip(field.get("value")) else { continue };
        let (Some(title), Some(text)) = (title.text(), value.text()) else { continue };
        let said =
            if title.is_empty() { text.into_owned() } else { format!("{}: {text}", title.trim_end_matches(':')) };
        each(&said, value.offset());
    }
}

/// What a message said before it was changed, with all that was attached to it.
fn add_previous(previous: Json<'_>, sink: &mut Sink<'_>) {
    if let Some(text) = previous.text() {
        sink.old_field("previous_message", &text, previous.offset(), Markup::Mrkdwn);
    }
    if let Some(blocks) = previous.get("blocks") {
        sink.old_field("previous_message.blocks", &flat_blocks(blocks), blocks.offset(), Markup::Plain);
    }
    if let Some((text, value)) = previous.get("text").and_then(|value| Some((value.text()?, value))) {
        sink.old_field("previous_message.text", &text, value.offset(), Markup::Mrkdwn);
    }
    each_attached_field(previous, &mut |text, offset| {
        sink.old_field("previous_message.attachments.fields", text, offset, Markup::Mrkdwn);
    });
    // The message that it answers is none of what was changed.
    let is_root = |path: &str, key: &str| path.is_empty() && key == "root" && root(previous).is_some();
    sink.old_rest(previous, &|path, key, is_text| match key {
        key if is_root(path, key) => Rest::Skip,
        key => treat(path, key, is_text),
    });
    for blocks in attached_blocks(previous) {
        sink.old_field("previous_message.attachments.blocks", &flat_blocks(blocks), blocks.offset(), Markup::Plain);
    }
}

/// What is to be done with the other parts of a message.
fn treat(path: &str, key: &str, is_text: bool) -> Rest {
    match key {
        // Told already.
        "text" if is_text && matches!(path, "" | "message.") => Rest::Skip,
        "blocks" if matches!(path, "" | "message." | "attachments." | "message.attachments.") => Rest::Skip,
        "message_blocks" if matches!(path, "attachments." | "message.attachments.") => Rest::Skip,
        "slackdump_thread_replies" => Rest::Skip,
        // Nobody wrote these.
        "type" | "client_msg_id" | "ts" | "thread_ts" | "block_id" | "avatar_hash" | "user" | "team" | "user_team"
        | "source_team" | "bot_id" | "app_id" | "reply_users" | "latest_reply" | "parent_user_id" | "last_read" => {
            Rest::Skip
        }
        "permalink" | "permalink_public" | "from_url" | "thumb_url" => Rest::Link,
        key if key.starts_with("url_private") || key.starts_with("thumb_") || key.starts_with("image_") => Rest::Link,
        _ => Rest::Text(Markup::Mrkdwn),
    }
}

/// Is it a list of blocks, as their types say?
pub(in crate::source::export) fn are_blocks(list: Json<'_>) -> bool {
    const TYPES: [&str; 13] = [
        "rich_text",
        "section",
        "header",
        "context",
        "divider",
        "actions",
        "image",
        "input",
        "video",
        "file",
        "table",
        "markdown",
        "call",
    ];
    let is_block = |block: Json<'_>| block.get("type").is_some_and(|kind| TYPES.iter().any(|known| kind.is(known)));
    list.is_array() && list.is_some() && list.elements().all(is_block)
}

/// Rich text and layout blocks as people saw them: runs of a line joined, lines and blocks apart.
pub(in crate::source::export) fn flat_blocks(blocks: Json<'_>) -> String {
    // About half of what is stored is text: made longer while it is written, it would be copied again and again.
    let mut text = String::with_capacity(blocks.stored().len() / 2);
    match blocks.text() {
        // Some programs store them as JSON in a text.
        Some(stored) => {
            if !documents(&stored, 0, &mut |blocks| flatten_any(blocks, &mut text)) {
                text.push_str(&stored);
            }
        }
        None => flatten_any(blocks, &mut text),
    }
    text
}

/// A list of blocks, or one.
fn flatten_any(blocks: Json<'_>, out: &mut String) {
    if blocks.is_array() {
        blocks.elements().for_each(|block| flatten(block, out));
    } else {
        flatten(blocks, out);
    }
}

fn flatten(node: Json<'_>, out: &mut String) {
    let kind = node.get("type");
    let is = |name: &str| kind.is_some_and(|kind| kind.is(name));
    if is("text") || is("raw_text") {
        out.push_str(&node.get("text").and_then(|text| text.text()).unwrap_or_default());
    } else if is("link") {
        let (url, text) = (node.text_of("url").unwrap_or_default(), node.text_of("text").unwrap_or_default());
        out.push_str(&url);
        if !text.is_empty() && !url.ends_with(&text) {
            out.push(' ');
            out.push_str(&text);
        }
    } else if is("date") {
        let parts = ["fallback", "url"].iter().filter_map(|key| node.text_of(key));
        out.push_str(&parts.collect::<Vec<_>>().join(" "));
    } else if is("emoji") {
        out.push_str(&format!(":{}:", node.text_of("name").unwrap_or_default()));
    } else if is("user") {
        out.push_str(&format!("@{}", node.text_of("user_id").unwrap_or_default()));
    } else if is("channel") {
        out.push_str(&format!("#{}", node.text_of("channel_id").unwrap_or_default()));
    } else if let Some(text) = node.text() {
        out.push_str(&text);
        out.push('\n');
    } else if node.is_array() {
        flatten_row(node, out);
    } else {
        flatten_block(node, out);
    }
}

/// A row of a table: its cells on one line.
fn flatten_row(cells: Json<'_>, out: &mut String) {
    for (number, cell) in cells.elements().enumerate() {
        let mut text = String::new();
        flatten(cell, &mut text);
        out.push_str(if number > 0 { "\t" } else { "" });
        out.push_str(text.trim());
    }
    out.push('\n');
}

/// Keys of what people wrote or see in blocks, and of where a button leads to. A file's address is the system's own.
const BLOCK_TEXTS: [&str; 18] = [
    "text",
    "name",
    "fallback",
    "author_name",
    "provider_name",
    "accessibility_label",
    "join_url",
    "value",
    "title",
    "alt_text",
    "label",
    "url",
    "initial_value",
    "description",
    "title_url",
    "image_url",
    "video_url",
    "thumbnail_url",
];

/// Anything that isn't a run of a line: what is in it, then a new line.
fn flatten_block(node: Json<'_>, out: &mut String) {
    for (key, value) in node.entries() {
        if value.is_array() {
            value.elements().for_each(|element| flatten(element, out));
        } else if value.is_object() && !key.is("slack_file") {
            flatten(value, out);
        } else if BLOCK_TEXTS.iter().any(|name| key.is(name)) {
            out.push_str(&super::super::markup::shown(&value.text().unwrap_or_default(), Markup::Mrkdwn));
            out.push('\n');
        }
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Where a workspace is.
#[derive(Clone, Debug)]
pub(super) struct Site {
    url: Option<String>,
    basis: PermalinkBasis,
}

impl Site {
    pub(super) fn exact(url: &str) -> Site {
        Site { url: Some(url.trim_end_matches('/').to_owned()), basis: PermalinkBasis::Exact }
    }

    pub(super) fn derived(url: &str) -> Site {
        Site { url: Some(url.trim_end_matches('/').to_owned()), basis: PermalinkBasis::Derived }
    }

    pub(super) fn guess(url: Option<String>) -> Site {
        Site { url, basis: PermalinkBasis::Guess }
    }
}

/// The address of a message, if its channel's id is known.
pub(super) fn link(place: &mut RecordPlace, site: &Site) {
    let Some(channel) = place.container.as_ref().and_then(|container| container.id.as_deref()) else { return };
    let Some(ts) = place.record.as_deref().filter(|record| record.contains('.')) else { return };
    place.permalink = match &site.url {
        Some(url) => {
            let mut url = format!("{url}/archives/{channel}/p{}", ts.replace('.', ""));
            if let Some(thread) = &place.thread {
                url.push_str(&format!("?thread_ts={thread}&cid={channel}"));
            }
            Some(Permalink { url, basis: site.basis })
        }
        None => place.workspace.as_ref().filter(|team| team.starts_with(['T', 'E'])).map(|team| Permalink {
            url: format!("https://app.slack.com/client/{team}/{channel}"),
            basis: PermalinkBasis::Guess,
        }),
    };
}

/// How the messages of an export are read.
pub(super) struct Messages<'m> {
    /// Which files hold them.
    pub(super) is_file: &'m dyn Fn(&str) -> bool,
    /// Where in those.
    pub(super) enter: &'m dyn Fn(&Path, bool) -> Descend,
    /// What the file's path says of them.
    pub(super) fill: &'m dyn Fn(&str, &mut RecordPlace),
}

/// What a message says of itself, for the files attached to it.
#[derive(Clone, Debug, Default)]
struct Sender {
    place: RecordPlace,
}

/// Finds the messages of attachments: reads all messages again, but only if something was found in an attachment.
pub(super) fn find_attachments(export: &Export<'_>, places: &mut [&mut RecordPlace], messages: &Messages<'_>) {
    let wanted: HashSet<String> = places.iter().filter_map(|place| attached_id(place)).collect();
    if wanted.is_empty() {
        return;
    }
    let mut found: HashMap<String, Sender> = HashMap::new();
    export.read(messages.is_file, &mut |path, input| {
        each_message(input, messages.enter, &mut |message| {
            for file in message.get("files").into_iter().flat_map(|files| files.elements()) {
                let Some(id) = file.text_of("id").filter(|id| wanted.contains(id)) else { continue };
                let mut place = RecordPlace::default();
                Message::new(message).place(&mut place);
                (messages.fill)(path, &mut place);
                // Shared again later: the first message counts.
                let sender = found.entry(id).or_insert_with(|| Sender { place: place.clone() });
                if place.time < sender.place.time {
                    sender.place = place;
                }
            }
        });
    });
    for place in places {
        let Some(sender) = attached_id(place).and_then(|id| found.get(&id)) else { continue };
        let RecordPlace { time, workspace, container, thread, record, author, edited, .. } = sender.place.clone();
        (place.time, place.container, place.thread) = (time, container, thread);
        (place.record, place.author, place.edited) = (record, author, edited);
        place.workspace = workspace;
    }
}

fn attached_id(place: &RecordPlace) -> Option<String> {
    place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone()
}

/// All messages of a file, and those inside of others.
fn each_message(input: &mut Input<'_>, enter: &dyn Fn(&Path, bool) -> Descend, each: &mut dyn FnMut(Json<'_>)) {
    read_json(input, enter, &mut |event| {
        let JsonEvent::Value { json, .. } = event else { return };
        each(json);
        for key in ["m", "slackdump_thread_replies"] {
            json.get(key).into_iter().flat_map(|list| list.elements()).for_each(&mut *each);
        }
        ["p", "root"].iter().filter_map(|key| json.get(key)).for_each(&mut *each);
    });
}
