//! Zendesk's tickets: lines of its own export, and pages of the REST interface with what was loaded beside them.
//!
//! Format: support.zendesk.com, "Exporting data"; developer.zendesk.com, tickets, comments, audits (read 2026-11).

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    detect,
    input::{Input, head_as_text},
    json::{self, Descend, Json, JsonEvent, Path, in_page, keys, read_json, top_list},
    markup::Markup,
    sink::{Rest, Sink},
    system::{Detection, Export, Look, Opening, Reader, Reading, System},
    time,
};
use crate::model::{Permalink, PermalinkBasis, RecordAuthor, RecordContainer, RecordPlace, Visibility};

/// Zendesk's tickets.
pub(super) struct Zendesk;

impl System for Zendesk {
    fn name(&self) -> &'static str {
        "zendesk"
    }

    fn title(&self) -> &'static str {
        "Zendesk tickets"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) && signs_of(head).len() > 1
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        detect::pages(look, &|_, head| signs_of(head))
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(ZendeskReader { is_only: opening.look.only().is_some() })
    }
}

fn signs_of(head: &[u8]) -> Vec<String> {
    let has = |text: &str| memchr::memmem::find(head, text.as_bytes()).is_some();
    let notes = note_signs(head);
    if !notes.is_empty() || !has(".zendesk.com/api/v2/tickets/") {
        return notes;
    }
    let keys = ["requester_id", "submitter_id", "raw_subject"].iter().filter(|key| has(&format!("\"{key}\"")));
    let mut signs = vec!["address of a ticket on zendesk.com".to_owned()];
    signs.extend(keys.map(|key| format!("key {key}")));
    signs
}

/// What says that a file is a page of comments or audits: of their ticket nothing need be in it.
fn note_signs(head: &[u8]) -> Vec<String> {
    const PAGES: [(&str, [&str; 4]); 2] = [
        ("comments", ["audit_id", "author_id", "html_body", "public"]),
        ("audits", ["ticket_id", "author_id", "events", "created_at"]),
    ];
    let has = |key: &&str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes()).is_some();
    let is_of =
        |(list, keys): &&(&str, [&str; 4])| json::is_page(head, &[list], &["tickets", "url"]) && keys.iter().all(has);
    let Some((list, keys)) = PAGES.iter().find(is_of) else { return Vec::new() };
    std::iter::once(list).chain(keys).map(|key| format!("key {key}")).collect()
}

/// The ticket that a page of comments is of, as its path says: `tickets/35/comments.json`, `comments_35.json`.
fn ticket_in(path: &str) -> Option<&str> {
    let numbers = path.split(|c: char| !c.is_ascii_alphanumeric());
    numbers.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit())).rfind(|part| !part.is_empty())
}

/// Does a file among others hold tickets, or what belongs to them?
fn is_page(head: &[u8]) -> bool {
    let has = |text: &str| memchr::memmem::find(head, text.as_bytes()).is_some();
    let is_json = matches!(head.trim_ascii_start().first(), Some(b'{' | b'['));
    is_json && (has(".zendesk.com/api/v2/") || !note_signs(head).is_empty())
}

/// The lists of pages, element by element; lines and lists of tickets come so anyway.
fn enter_page(path: &Path, is_list: bool) -> Descend {
    let path = in_page(path);
    let mut here = keys(path);
    let is_wanted = match (here.next(), here.next()) {
        (None, _) => path.is_empty(),
        (Some("tickets" | "users" | "comments" | "audits"), None) => is_list && path.len() == 1,
        _ => false,
    };
    if is_wanted { Descend::Enter } else { Descend::Whole }
}

/// How a file is entered: a ticket is told as a whole, though it has lists of the names that a page has.
fn entering(input: &mut Input<'_>) -> fn(&Path, bool) -> Descend {
    input.decode_text();
    let head = input.peek(64 << 10);
    let is_page = json::is_page(head, &["tickets", "users"], &["url"]) || !note_signs(head).is_empty();
    if is_page { enter_page } else { top_list }
}

struct ZendeskReader {
    /// Is it one file, which the user may have named as such?
    is_only: bool,
}

impl Reader for ZendeskReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if !self.is_only && !is_page(&head_as_text(input.peek(64 << 10))) {
            return Reading::NotMine;
        }
        let enter = entering(input);
        read_json(input, &enter, &mut |event| match event {
            JsonEvent::Value { json, bytes, line, .. } => {
                let known = if is_note(json) { ticket_in(path) } else { None };
                tell_of(known, json, (bytes.len(), line), sink);
            }
            JsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why),
            JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
        });
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let id_of = |place: &RecordPlace| place.author.as_ref()?.id.clone();
        let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
        let is_unlinked = |place: &RecordPlace| place.permalink.is_none() && place.container.is_some();
        if wanted.is_empty() && !places.iter().any(|place| is_unlinked(place)) {
            return;
        }
        let mut sites: BTreeSet<String> = BTreeSet::new();
        let mut people: HashMap<String, RecordAuthor> = HashMap::new();
        export.read(&|_| true, &mut |_, input| {
            let enter = entering(input);
            read_json(input, &enter, &mut |event| {
                let JsonEvent::Value { json, .. } = event else { return };
                let url = json.text_of("url").unwrap_or_default();
                sites.extend(url.split_once("/api/v2/tickets/").map(|(site, _)| site.to_owned()));
                let inner = ["requester", "submitter", "assignee"].iter().filter_map(|key| json.get(key));
                for person in std::iter::once(json).chain(inner) {
                    let is_person = person.get("email").is_some() && person.get("name").is_some();
                    let Some(id) = person.text_of("id").filter(|id| is_person && wanted.contains(id)) else { continue };
                    let author = RecordAuthor {
                        id: Some(id.clone()),
                        name: person.text_of("name"),
                        email: person.text_of("email"),
                    };
                    people.insert(id, author);
                }
            });
        });
        for place in places {
            let known = id_of(place).and_then(|id| people.get(&id));
            if let Some(known) = known {
                place.author = Some(known.clone());
            }
            // Comments in files of their own don't say where they are to be seen.
            if let (true, 1, Some(site)) = (is_unlinked(place), sites.len(), sites.first())
                && let Some(id) = place.container.as_ref().and_then(|ticket| ticket.id.as_ref())
            {
                place.workspace = Some(site.trim_start_matches("https://").to_owned());
                let url = format!("{site}/agent/tickets/{id}");
                place.permalink = Some(Permalink { url, basis: PermalinkBasis::Derived });
            }
        }
    }
}

/// Tells a ticket, or a comment or an audit that stands by itself.
pub(super) fn tell(record: Json<'_>, size: (usize, u64), sink: &mut Sink<'_>) {
    tell_of(None, record, size, sink);
}

/// The same where the file says which ticket a comment is of.
fn tell_of(of: Option<&str>, record: Json<'_>, size: (usize, u64), sink: &mut Sink<'_>) {
    if is_note(record) { note((record, of), record, size, sink) } else { ticket(record, size, sink) }
}

/// Is it a comment or an audit?
pub(super) fn is_note(record: Json<'_>) -> bool {
    let is_there = |key: &&str| record.get(key).is_some_and(|value| value.is_some());
    is_there(&"author_id") && ["html_body", "plain_body", "events"].iter().any(is_there)
}

/// A ticket, with its comments and the changes of it. What is no ticket is told likewise.
fn ticket(ticket: Json<'_>, (bytes, line): (usize, u64), sink: &mut Sink<'_>) {
    let comments = || ticket.get("comments").into_iter().flat_map(|list| list.elements());
    // The first comment is the description.
    let is_told_below = ticket.text_of("description").is_some_and(|description| {
        comments().next().is_some_and(|first| first.text_of("body").is_some_and(|body| body == description))
    });
    for key in ["subject", "raw_subject", "body", "plain_body"] {
        sink.json(key, ticket.get(key), Markup::Plain);
    }
    if !is_told_below {
        sink.json("description", ticket.get("description"), Markup::Plain);
    }
    sink.json("html_body", ticket.get("html_body"), Markup::Html);
    sink.rest_by_path(ticket, &|path, key, is_text| match (path, key) {
        ("", "description" | "body" | "plain_body" | "html_body") if is_text => Rest::Skip,
        ("", "comments" | "audits") if ticket.get(key).is_some_and(|list| list.is_array()) => Rest::Skip,
        (_, key) => treat(key),
    });
    sink.finish(bytes, line, &|place| {
        fill(ticket, place);
        let who = ["author_id", "submitter_id", "requester_id"].iter().find_map(|key| ticket.text_of(key));
        place.author = who.map(|id| RecordAuthor { id: Some(id), ..Default::default() });
        let edited = ticket.text_of("updated_at").filter(|raw| ticket.text_of("created_at").as_ref() != Some(raw));
        place.edited = edited.map(|raw| time::parse(&raw));
    });
    comments().for_each(|comment| note((ticket, None), comment, (0, line), sink));
    for audit in ticket.get("audits").into_iter().flat_map(|list| list.elements()) {
        note((ticket, None), audit, (0, line), sink);
    }
}

/// A comment or an audit: the changes that somebody made at once. In a ticket, its bytes were counted with that.
fn note((ticket, of): (Json<'_>, Option<&str>), note: Json<'_>, (bytes, line): (usize, u64), sink: &mut Sink<'_>) {
    let events = note.get("events").into_iter().flat_map(|events| events.elements());
    for said in std::iter::once(note).chain(events) {
        for (name, markup) in [("body", Markup::Plain), ("plain_body", Markup::Html), ("html_body", Markup::Html)] {
            sink.json(name, said.get(name), markup);
        }
        if let Some((value, text)) = said.get("previous_value").and_then(|value| Some((value, value.text()?))) {
            let field = said.text_of("field_name").unwrap_or_default();
            sink.old_field(&format!("previous_value.{field}"), &text, value.offset(), Markup::Plain);
        } else if let Some(value) = said.get("previous_value") {
            sink.old_rest(value, &|_, _, _| Rest::Text(Markup::Plain));
        }
    }
    sink.rest_by_path(note, &|path, key, is_text| match key {
        "body" | "plain_body" | "html_body" if is_text && matches!(path, "" | "events.") => Rest::Skip,
        "previous_value" if matches!(path, "" | "events.") => Rest::Skip,
        key => treat(key),
    });
    sink.finish(bytes, line, &|place| {
        fill(ticket, place);
        if let (None, Some(id)) = (&place.container, of) {
            of_ticket(id.to_owned(), place);
        }
        place.record = note.text_of("id");
        place.time = note.text_of("created_at").map(|raw| time::parse(&raw));
        place.author = note.text_of("author_id").map(|id| RecordAuthor { id: Some(id), ..Default::default() });
        // An audit says so of the comment that it is of.
        let events = note.get("events").into_iter().flat_map(|events| events.elements());
        let public = std::iter::once(note).chain(events).find_map(|said| said.get("public").filter(Json::is_some));
        place.visibility = public.map(|public| match public.is_true() {
            true => Visibility::Public,
            false => Visibility::Private,
        });
    });
}

/// What is to be done with the other parts.
fn treat(key: &str) -> Rest {
    match key {
        "content_url" | "mapped_content_url" | "thumbnails" | "url" => Rest::Link,
        _ => Rest::Text(Markup::Plain),
    }
}

fn of_ticket(id: String, place: &mut RecordPlace) {
    place.thread = Some(id.clone());
    place.container = Some(RecordContainer { kind: "ticket".to_owned(), id: Some(id), name: None });
}

fn fill(ticket: Json<'_>, place: &mut RecordPlace) {
    "zendesk".clone_into(&mut place.system);
    // A comment that stands by itself names its ticket.
    if let Some(id) = ticket.text_of("ticket_id") {
        return of_ticket(id, place);
    }
    let id = ticket.text_of("id");
    place.time = ticket.text_of("created_at").map(|raw| time::parse(&raw));
    place.record.clone_from(&id);
    let url = ticket.text_of("url").filter(|url| url.contains("/api/v2/tickets/"));
    let Some((site, id)) = url.as_deref().and_then(|url| url.split("/api/v2/").next()).zip(id) else { return };
    place.thread = Some(id.clone());
    place.workspace = Some(site.trim_start_matches("https://").to_owned());
    place.container = Some(RecordContainer { kind: "ticket".to_owned(), id: Some(id.clone()), name: None });
    place.permalink = Some(Permalink { url: format!("{site}/agent/tickets/{id}"), basis: PermalinkBasis::Exact });
}
