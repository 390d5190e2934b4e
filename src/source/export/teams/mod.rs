//! Microsoft Teams: exports of a tenant, pages of Graph, what people get of their own account, and conversations as pages of
//! HTML.
//!
//! Format: learn.microsoft.com, resource type `chatMessage`; support.microsoft.com, "Export your Teams chat history"; an export
//! of a tenant (read 2026-11).

mod names;
mod transcript;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use self::names::Names;
use super::{
    detect,
    input::Input,
    json::{Descend, Json, JsonEvent, Path, documents, in_page, is_page, keys, read_json, top_list},
    layout::Records,
    markup::Markup,
    sink::{Rest, Sink},
    system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
    time,
};
use crate::model::{
    Permalink, PermalinkBasis, ProblemKind, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, Revision,
    Visibility,
};

/// Microsoft Teams.
pub(super) struct Teams;

impl System for Teams {
    fn name(&self) -> &'static str {
        "teams"
    }

    fn title(&self) -> &'static str {
        "Microsoft Teams (tenant export, Graph, export of an account, transcripts)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        match head.trim_ascii_start().first() {
            Some(b'{' | b'[') => signs_of(head).len() > 1,
            // Or a byte order mark.
            Some(b'<' | 0xef | 0xfe | 0xff) => transcript::signs(head).len() > 1,
            _ => false,
        }
    }

    fn marks(&self) -> &'static [&'static str] {
        &["teamsList.json", "usersList.json", "Export_Loadfile*"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let lists = ["teams/teamsList.json", "users/usersList.json"];
        let mut roots: Vec<&str> =
            look.paths().filter_map(|path| lists.iter().find_map(|list| path.strip_suffix(list))).collect();
        roots.sort_unstable();
        roots.dedup();
        if roots.is_empty() {
            let transcripts = transcript::detect(look);
            let is_one = |found: &Detection| found.signs.len() > 1;
            let pages = detect::pages(look, &|_, head| signs_of(head));
            return transcripts.into_iter().filter(is_one).chain(pages.into_iter().filter(is_one)).collect();
        }
        let signs = |root: &str| {
            let mut signs: Vec<String> =
                lists.iter().filter(|list| look.has(&format!("{root}{list}"))).map(|list| (*list).to_owned()).collect();
            let is_messages = |path: &&str| path.starts_with(root) && split(path).1.starts_with("messages_");
            let messages = look.paths().filter(is_messages).count();
            signs.extend((messages > 0).then(|| format!("{messages} files of messages")));
            signs
        };
        roots.into_iter().map(|root| Detection { root: root.to_owned(), signs: signs(root) }).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        // A single file may have been named as such by the user.
        let is_known = opening.look.only().is_some();
        let signs = (!is_known).then_some(transcript::signs as fn(&[u8]) -> Vec<String>);
        let pages = Records::new(&transcript::FILES, signs, opening.options.base_url.clone());
        Box::new(TeamsReader { pages: transcript::may_be(opening.look).then_some(pages) })
    }
}

/// Keys of messages, written as Graph does or with capitals; or keys of the messages of an account.
fn signs_of(head: &[u8]) -> Vec<String> {
    let has = |key: &str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes()).is_some();
    let any = |key: &&&str| has(key) || has(&capital(key));
    let graph: Vec<String> = ["channelIdentity", "chatId", "replyToId", "lastEditedDateTime", "policyViolation"]
        .iter()
        .filter(any)
        .map(|key| format!("key {key}"))
        .collect();
    if graph.len() > 2 && any(&&"contentType") {
        return graph;
    }
    let account = ["MessageList", "originalarrivaltime", "messagetype"].iter().filter(|key| has(key));
    let account: Vec<String> = account.map(|key| format!("key {key}")).collect();
    if account.len() == 3 { account } else { Vec::new() }
}

fn capital(key: &str) -> String {
    let mut name = key.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// The value of a key, in either spelling.
fn of<'t>(json: Json<'t>, key: &str) -> Option<Json<'t>> {
    json.get(key).or_else(|| json.get(&capital(key))).filter(Json::is_some)
}

fn text_of(json: Json<'_>, key: &str) -> Option<String> {
    of(json, key)?.id().filter(|text| !text.is_empty())
}

/// Lists, pages of them, and the messages of each conversation.
fn enter(path: &Path, is_list: bool) -> Descend {
    let path = in_page(path);
    let names: Vec<&str> = keys(path).collect();
    let is_wanted = match names.as_slice() {
        [] => path.is_empty(),
        ["value" | "messages"] => path.len() == 1 && is_list,
        ["conversations"] => path.len() < 3,
        ["conversations", "MessageList"] => path.len() == 3 && is_list,
        _ => false,
    };
    if is_wanted { Descend::Enter } else { Descend::Whole }
}

/// How a file is entered: messages in lines come as a whole.
fn entering(input: &mut Input<'_>) -> fn(&Path, bool) -> Descend {
    input.decode_text();
    let lists = ["value", "messages", "conversations"];
    if is_page(input.peek(64 << 10), &lists, &["body", "Body"]) { enter } else { top_list }
}

struct TeamsReader {
    /// Reads conversations that are pages of HTML, and knows what is attached to them.
    pages: Option<Records>,
}

impl Reader for TeamsReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let (folder, name) = split(path);
        if folder.ends_with("media/") && !name.ends_with(".json") {
            let id = name.split('.').next().unwrap_or(name).to_owned();
            return Reading::Attachment(RecordAttachment { id: Some(id), name: Some(name.to_owned()), path: None });
        }
        let is_list = is_list(name);
        if !is_list && !detect::is_one(input, signs_of) {
            return self.pages.as_ref().map_or(Reading::NotMine, |pages| pages.read(path, input, sink));
        }
        each(input, sink);
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        if let Some(pages) = &self.pages {
            pages.resolve(export, places);
        }
        find_media(export, places);
        let mut names = Names::wanted(places);
        names.read(export);
        for place in places {
            names.fill(place);
        }
    }
}

/// Lists of people, channels and teams, beside the messages.
fn is_list(name: &str) -> bool {
    name.ends_with(".json")
        && ["usersList", "teamsList", "users.", "channels", "teamMembers_", "chats", "teamsSettings"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// A message and the conversation that it is in, if that is told around it.
struct Said<'t> {
    json: Json<'t>,
    conversation: &'t RecordContainer,
}

/// Tells what a file holds: messages, or anything else.
fn each(input: &mut Input<'_>, sink: &mut Sink<'_>) {
    let mut conversation = RecordContainer::default();
    let enter = entering(input);
    read_json(input, &enter, &mut |event| match event {
        JsonEvent::Value { path, json, bytes, line } => {
            let names: Vec<&str> = keys(path).collect();
            match names.as_slice() {
                ["conversations", "id"] => {
                    conversation = RecordContainer { kind: "chat".to_owned(), id: json.id(), name: None };
                }
                ["conversations", "displayName"] => conversation.name = json.id(),
                _ => tell(&Said { json, conversation: &conversation }, (bytes.len(), line), sink),
            }
        }
        JsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why),
        // Its messages may stand before its id and name.
        JsonEvent::Enter { path } if is_conversation(path) => conversation = RecordContainer::default(),
        JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
    });
}

/// Is it an element of the list of conversations?
fn is_conversation(path: &Path) -> bool {
    path.len() == 2 && keys(path).eq(["conversations"])
}

fn tell(said: &Said<'_>, (bytes, line): (usize, u64), sink: &mut Sink<'_>) {
    let json = said.json;
    let Some(body) = of(json, "body").filter(Json::is_object) else {
        // The form of an account's export, or no message at all.
        let is_html = json.text_of("messagetype").is_none_or(|kind| kind.to_lowercase().contains("html"));
        sink.json("content", json.get("content"), if is_html { Markup::Html } else { Markup::Plain });
        let is_told = json.get("content").is_some_and(|content| content.is_text());
        rest(json, is_told, sink);
        history(json, sink);
        return sink.finish(bytes, line, &|place| fill(said, place));
    };
    let is_html = text_of(body, "contentType").is_none_or(|kind| kind.eq_ignore_ascii_case("html"));
    sink.json("body.content", of(body, "content"), if is_html { Markup::Html } else { Markup::Plain });
    rest(body, of(body, "content").is_some_and(|content| content.is_text()), sink);
    for key in ["subject", "summary"] {
        sink.json(key, of(json, key), Markup::Plain);
    }
    for attached in of(json, "attachments").into_iter().flat_map(|list| list.elements()) {
        if let Some(content) = of(attached, "content") {
            card(content, sink);
        }
        rest(attached, true, sink);
    }
    rest(json, false, sink);
    history(json, sink);
    sink.finish(bytes, line, &|place| fill(said, place));
    // Pictures and the like that Graph puts into the message.
    for hosted in of(json, "hostedContents").into_iter().flat_map(|list| list.elements()) {
        let Some(packed) = text_of(hosted, "contentBytes") else { continue };
        let content = data_encoding::BASE64.decode(packed.as_bytes()).unwrap_or_else(|_| {
            sink.problem(
                ProblemKind::Malformed,
                hosted.offset(),
                "a file in a message that is no base64, scanned as text",
            );
            packed.into_bytes()
        });
        sink.attach(&content, (hosted.offset(), line), &|place| {
            fill(said, place);
            place.attachment = Some(RecordAttachment { id: text_of(hosted, "id"), name: None, path: None });
        });
    }
    for reply in of(json, "replies").into_iter().flat_map(|list| list.elements()) {
        // Counted with the message around it.
        tell(&Said { json: reply, conversation: said.conversation }, (0, line), sink);
    }
}

/// What a message said before it was edited.
fn history(json: Json<'_>, sink: &mut Sink<'_>) {
    for version in of(json, "messageHistory").into_iter().flat_map(|list| list.elements()) {
        let content = of(version, "body").and_then(|body| of(body, "content"));
        if let Some((text, offset)) = content.and_then(|content| Some((content.text()?, content.offset()))) {
            sink.old_field("messageHistory.body.content", &text, offset, Markup::Html);
        }
        sink.old_rest(version, &|path, key, is_text| match key {
            "content" | "Content" if is_text && matches!(path, "body." | "Body.") => Rest::Skip,
            key => treat(key),
        });
    }
}

/// A card, or a message that was passed on: JSON in a text, whose parts are HTML at times. Whatever else it is, it is looked at.
fn card(content: Json<'_>, sink: &mut Sink<'_>) {
    let mut tell = |card: Json<'_>| {
        runs(card, sink);
        sink.rest(card, &|_| Rest::Text(Markup::Html));
    };
    let Some(text) = content.text() else { return tell(content) };
    if !documents(&text, content.offset(), &mut tell) {
        sink.field("attachments.content", &text, content.offset(), Markup::Html);
    }
}

/// Rich text in a card: its runs are one line.
fn runs(card: Json<'_>, sink: &mut Sink<'_>) {
    if let Some(inlines) = card.get("inlines") {
        let line: String = inlines
            .elements()
            .filter_map(|run| run.text().map(Cow::into_owned).or_else(|| run.text_of("text")))
            .collect();
        sink.field("attachments.content.inlines", &line, inlines.offset(), Markup::Plain);
    }
    card.elements().for_each(|element| runs(element, sink));
    card.entries().for_each(|(_, value)| runs(value, sink));
}

/// Tells what isn't told yet of a message, its body or an attachment. `is_content_told`: its content is.
fn rest(json: Json<'_>, is_content_told: bool, sink: &mut Sink<'_>) {
    let is_list = |key: &str| of(json, key).is_some_and(|value| value.is_array());
    let has_body = of(json, "body").is_some_and(|body| body.is_object());
    sink.rest_by_path(json, &|path, key, is_text| match key {
        "content" | "Content" if path.is_empty() && is_content_told => Rest::Skip,
        "body" | "Body" if path.is_empty() && has_body => Rest::Skip,
        "subject" | "Subject" | "summary" | "Summary" if path.is_empty() && is_text => Rest::Skip,
        "attachments" | "Attachments" if path.is_empty() && is_list("attachments") => Rest::Skip,
        "replies" | "Replies" if path.is_empty() && is_list("replies") => Rest::Skip,
        "messageHistory" | "MessageHistory" if path.is_empty() && is_list("messageHistory") => Rest::Skip,
        key => treat(key),
    });
}

/// What is to be done with the other parts.
fn treat(key: &str) -> Rest {
    match key {
        "contentBytes" | "hostedContents" | "etag" | "Etag" | "id" | "Id" => Rest::Skip,
        "webUrl" | "WebUrl" | "contentUrl" | "ContentUrl" | "thumbnailUrl" | "ThumbnailUrl" => Rest::Link,
        _ => Rest::Text(Markup::Plain),
    }
}

/// What a message says of itself.
fn fill(said: &Said<'_>, place: &mut RecordPlace) {
    let json = said.json;
    place.record = text_of(json, "id");
    place.time = ["createdDateTime", "originalarrivaltime", "composetime"]
        .iter()
        .find_map(|key| text_of(json, key))
        .map(|raw| time::parse(&raw));
    let at = |key: &str| json.path(&["properties", key]).and_then(|value| value.id()).filter(|raw| raw.len() > 4);
    let edited = text_of(json, "lastEditedDateTime").or_else(|| at("edittime"));
    place.edited = edited.map(|raw| time::parse(&raw));
    if text_of(json, "deletedDateTime").or_else(|| at("deletetime")).is_some() {
        place.revision = Revision::Old;
    }
    place.author = author(json);
    place.thread = text_of(json, "replyToId").filter(|thread| Some(thread) != place.record.as_ref());
    let tenant = of(json, "from").and_then(|from| of(from, "user")).and_then(|user| text_of(user, "tenantId"));
    place.workspace = tenant.or_else(|| place.workspace.take());
    let channel = of(json, "channelIdentity").and_then(|channel| text_of(channel, "channelId"));
    let (kind, id) = if channel.is_some() { ("channel", channel) } else { ("chat", text_of(json, "chatId")) };
    let mut container = RecordContainer { kind: kind.to_owned(), id, name: None };
    if container.id.is_none() {
        container = said.conversation.clone();
        // `19:…@thread.v2;messageid=…` names the message that a thread began with.
        let own = text_of(json, "conversationid").unwrap_or_default();
        let (own, thread) =
            own.split_once(";messageid=").map_or((own.as_str(), None), |(own, thread)| (own, Some(thread)));
        place.thread = thread.map(str::to_owned).or(place.thread.take());
        if !own.is_empty() && container.id.as_deref() != Some(own) {
            container = RecordContainer { kind: "chat".to_owned(), id: Some(own.to_owned()), name: None };
        }
    }
    let exact = text_of(json, "webUrl").filter(|url| url.starts_with("http"));
    place.permalink = match (exact, &container.id, &place.record) {
        (Some(url), ..) => Some(Permalink { url, basis: PermalinkBasis::Exact }),
        (None, Some(id), Some(record)) => {
            let id = id.replace(':', "%3A").replace('@', "%40");
            let url = format!(
                "https://teams.microsoft.com/l/message/{id}/{record}?context=%7B%22contextType%22%3A%22chat%22%7D"
            );
            Some(Permalink { url, basis: PermalinkBasis::Derived })
        }
        _ => None,
    };
    // So are the conversations of two people called.
    if container.id.as_ref().is_some_and(|id| id.ends_with("@unq.gbl.spaces")) {
        place.visibility = Some(Visibility::Direct);
    }
    place.container = Some(container).filter(|container| container.id.is_some());
}

fn author(json: Json<'_>) -> Option<RecordAuthor> {
    let from = of(json, "from")?;
    if let Some(id) = from.text() {
        let name = json.text_of("displayName").or_else(|| json.text_of("imdisplayname"));
        return Some(RecordAuthor { id: Some(id.into_owned()), name, email: None });
    }
    let who = ["user", "application", "device"].iter().find_map(|kind| of(from, kind))?;
    let email = text_of(who, "email").or_else(|| text_of(who, "userPrincipalName"));
    Some(RecordAuthor { id: text_of(who, "id"), name: text_of(who, "displayName"), email })
}

/// The messages that files beside an account's messages belong to: those that name them.
fn find_media(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let id_of = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
    let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
    if wanted.is_empty() {
        return;
    }
    let mut found: HashMap<String, RecordPlace> = HashMap::new();
    export.read(&|path| split(path).1.ends_with(".json") && !path.contains("media/"), &mut |_, input| {
        let mut conversation = RecordContainer::default();
        let enter = entering(input);
        read_json(input, &enter, &mut |event| {
            let (path, json, bytes) = match event {
                JsonEvent::Value { path, json, bytes, .. } => (path, json, bytes),
                JsonEvent::Enter { path } if is_conversation(path) => {
                    conversation = RecordContainer::default();
                    return;
                }
                _ => return,
            };
            match keys(path).collect::<Vec<_>>().as_slice() {
                ["conversations", "id"] => {
                    conversation = RecordContainer { kind: "chat".to_owned(), id: json.id(), name: None };
                }
                ["conversations", "displayName"] => conversation.name = json.id(),
                _ => {
                    for id in wanted.iter().filter(|id| memchr::memmem::find(bytes, id.as_bytes()).is_some()) {
                        let mut place = RecordPlace::default();
                        fill(&Said { json, conversation: &conversation }, &mut place);
                        let known = found.entry(id.clone()).or_insert_with(|| place.clone());
                        // Passed on later: the first message counts.
                        if place.time < known.time {
                            *known = place;
                        }
                    }
                }
            }
        });
    });
    for place in places {
        let Some(known) = id_of(place).and_then(|id| found.get(&id)) else { continue };
        let RecordPlace { time, workspace, container, thread, record, author, permalink, visibility, .. } =
            known.clone();
        place.visibility = visibility;
        (place.time, place.workspace, place.container) = (time, workspace, container);
        (place.thread, place.record, place.author, place.permalink) = (thread, record, author, permalink);
    }
}
