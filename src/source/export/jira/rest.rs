//! Jira's issues as its REST interface gives them: pages of a search, single issues, or lines of them.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        adf, detect,
        input::Input,
        json::{Descend, Json, JsonEvent, Path, in_page, is_page, keys, read_json, top_list},
        markup::Markup,
        sink::{Rest, Sink},
        system::{Detection, Export, Look, Opening, Reader, Reading, System},
        time,
    },
    author, base_of, link, place_of_key,
};
use crate::model::{Permalink, PermalinkBasis, RecordAuthor, RecordPlace, Visibility};

/// Jira's issues as JSON.
pub(in crate::source::export) struct Issues;

impl System for Issues {
    fn name(&self) -> &'static str {
        "jira-json"
    }

    fn title(&self) -> &'static str {
        "Jira issues (REST)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) && signs_of(head).len() > 1
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        detect::pages(look, &|_, head| signs_of(head))
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        let is_only = opening.look.only().is_some();
        Box::new(RestReader { base_url: opening.options.base_url.clone(), is_only })
    }
}

/// An address in Jira's interface, and what stands around it: the issue's own may stand far behind its fields.
fn signs_of(head: &[u8]) -> Vec<String> {
    let has = |text: &str| memchr::memmem::find(head, text.as_bytes()).is_some();
    let is_issue = |version: &str| {
        ["issue", "user", "status", "priority"].iter().any(|kind| has(&format!("/rest/api/{version}/{kind}")))
    };
    if !["2", "3", "latest"].into_iter().any(is_issue) {
        return Vec::new();
    }
    if !has("\"fields\"") {
        let notes = NOTES.iter().filter(|(name, list)| has(&format!("\"{list}\"")) && has(&format!("/{name}/")));
        return notes
            .flat_map(|(name, list)| [format!("addresses of a {name} in Jira"), format!("key {list}")])
            .collect();
    }
    let mut signs = vec!["addresses of Jira's REST interface".to_owned(), "key fields".to_owned()];
    signs.extend(
        ["issues", "changelog"].iter().filter(|key| has(&format!("\"{key}\""))).map(|key| format!("key {key}")),
    );
    signs
}

struct RestReader {
    base_url: Option<String>,
    /// Is it one file, which the user may have named as such?
    is_only: bool,
}

/// The issues of pages one by one; lines and lists of issues come so anyway.
fn enter(path: &Path, is_list: bool) -> Descend {
    let path = in_page(path);
    let mut here = keys(path);
    let is_page = match (here.next(), here.next()) {
        (None, _) => path.is_empty(),
        (Some("issues" | "comments" | "worklogs"), None) => is_list && path.len() == 1,
        _ => false,
    };
    if is_page { Descend::Enter } else { Descend::Whole }
}

/// How a file is entered: a page is, a single issue is not.
fn entering(head: &[u8]) -> fn(&Path, bool) -> Descend {
    if is_page(head, &["issues", "comments", "worklogs"], &["fields"]) { enter } else { top_list }
}

impl Reader for RestReader {
    fn read(&self, _: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        input.decode_text();
        if !self.is_only && !detect::is_one(input, signs_of) {
            return Reading::NotMine;
        }
        let descend = entering(input.peek(64 << 10));
        read_json(input, &descend, &mut |event| match event {
            JsonEvent::Value { json, bytes, line, .. } => match note_kind(json) {
                Some(name) => self.note((json, (bytes.len(), line)), name, json, sink),
                None => self.issue(json, (bytes.len(), line), sink),
            },
            JsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why),
            JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
        });
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let wanted: HashSet<String> = places.iter().filter_map(|place| numbered(place)).collect();
        if wanted.is_empty() {
            return;
        }
        let mut keys: HashMap<String, String> = HashMap::new();
        export.read(&|_| true, &mut |_, input| {
            input.decode_text();
            let descend = entering(input.peek(64 << 10));
            read_json(input, &descend, &mut |event| {
                let JsonEvent::Value { json, .. } = event else { return };
                let id = json.text_of("id").filter(|id| wanted.contains(id) && json.get("fields").is_some());
                if let Some((id, key)) = id.zip(json.text_of("key")) {
                    keys.insert(id, key);
                }
            });
        });
        for place in places {
            let Some(key) = numbered(place).and_then(|id| keys.get(&id)) else { continue };
            let note = place.record.take();
            place_of_key(key, place);
            place.record = note.or(place.record.take());
            if let Some(known) = &mut place.permalink
                && let Some((base, rest)) = known.url.split_once(BY_NUMBER)
            {
                let comment = rest.split_once("&focusedCommentId=").map(|(_, comment)| comment);
                let basis = if self.base_url.is_some() { PermalinkBasis::Derived } else { PermalinkBasis::Exact };
                *known = link(base, key, comment, basis);
            }
        }
    }
}

/// The page of an issue of which nothing but the number is known.
const BY_NUMBER: &str = "/secure/ViewIssue.jspa?id=";

/// The number of an issue whose key isn't known.
fn numbered(place: &RecordPlace) -> Option<String> {
    let id = place.thread.as_ref().filter(|_| place.container.is_none())?;
    id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.clone())
}

/// What a comment or a log of work that stands by itself is called: its address says it.
fn note_kind(json: Json<'_>) -> Option<&'static str> {
    let own = json.text_of("self").filter(|_| json.get("fields").is_none())?;
    NOTES.iter().map(|(name, _)| *name).find(|name| own.contains(&format!("/{name}/")))
}

/// The number of the issue in the address of a comment on it.
fn issue_in(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("/issue/")?;
    let (id, _) = rest.split_once('/')?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

/// Tells an issue that stands by itself.
pub(in crate::source::export) fn tell_issue(
    issue: Json<'_>,
    base: Option<&str>,
    size: (usize, u64),
    sink: &mut Sink<'_>,
) {
    RestReader { base_url: base.map(str::to_owned), is_only: true }.issue(issue, size, sink);
}

/// Tells a comment or a log of work that stands by itself: it names its issue.
pub(in crate::source::export) fn tell_note(
    note: Json<'_>,
    base: Option<&str>,
    size: (usize, u64),
    sink: &mut Sink<'_>,
) {
    let is_comment = note.get("self").and_then(|own| own.text()).is_some_and(|own| own.contains("/comment/"));
    let name = if is_comment { "comment" } else { "worklog" };
    RestReader { base_url: base.map(str::to_owned), is_only: true }.note((note, size), name, note, sink);
}

impl RestReader {
    fn issue(&self, issue: Json<'_>, (bytes, line): (usize, u64), sink: &mut Sink<'_>) {
        let fields = issue.get("fields");
        for (name, value) in fields.into_iter().flat_map(|fields| fields.entries()) {
            let Some(name) = name.text() else { continue };
            add_text(&name, value, sink);
        }
        for (name, value) in issue.get("renderedFields").into_iter().flat_map(|fields| fields.entries()) {
            sink.json(&format!("renderedFields.{}", name.text().unwrap_or_default()), Some(value), Markup::Html);
        }
        // Of a document in a field nothing but its content was told.
        let is_document = |name: &str| fields.and_then(|fields| fields.get(name)).is_some_and(adf::is_document);
        sink.rest_by_path(issue, &|path, key, _| match (path.strip_prefix("fields."), key) {
            (Some(field), "content") if field.strip_suffix('.').is_some_and(is_document) => Rest::Skip,
            _ if is_told(issue, (path, key)) => Rest::Skip,
            _ => treat(key),
        });
        sink.finish(bytes, line, &|place| {
            self.fill(issue, None, place);
            let who = ["creator", "reporter"].iter().find_map(|key| fields?.get(key).filter(Json::is_object));
            place.author = who.and_then(person);
            place.time = fields.and_then(|fields| fields.text_of("created")).map(|raw| time::parse(&raw));
            place.edited = fields.and_then(|fields| fields.text_of("updated")).map(|raw| time::parse(&raw));
        });
        for (name, list) in NOTES {
            let notes = fields.and_then(|fields| fields.path(&[name, list]));
            notes
                .into_iter()
                .flat_map(|notes| notes.elements())
                .for_each(|note| self.note((issue, (0, line)), name, note, sink));
        }
        for file in fields.and_then(|fields| fields.get("attachment")).into_iter().flat_map(|files| files.elements()) {
            self.note((issue, (0, line)), "attachment", file, sink);
        }
        let histories = issue.path(&["changelog", "histories"]);
        histories
            .into_iter()
            .flat_map(|histories| histories.elements())
            .for_each(|history| self.history(issue, history, line, sink));
    }

    /// A comment, a log of work or what is known of a file. In an issue, its bytes were counted with that.
    fn note(&self, (issue, (bytes, line)): (Json<'_>, (usize, u64)), name: &str, note: Json<'_>, sink: &mut Sink<'_>) {
        for key in ["body", "comment"] {
            note.get(key).into_iter().for_each(|value| add_text(name, value, sink));
        }
        sink.json(name, note.get("renderedBody"), Markup::Html);
        let is_document = |key: &str| note.get(key).is_some_and(adf::is_document);
        sink.rest_by_path(note, &|path, key, is_text| match (path, key) {
            ("", "body" | "comment") if is_text => Rest::Skip,
            ("body.", "content") if is_document("body") => Rest::Skip,
            ("comment.", "content") if is_document("comment") => Rest::Skip,
            ("", "renderedBody") if is_text => Rest::Skip,
            (_, key) if name == "attachment" => treat_file(key),
            (_, key) => treat(key),
        });
        sink.finish(bytes, line, &|place| {
            let id = note.text_of("id");
            self.fill(issue, id.as_deref().filter(|_| name == "comment"), place);
            place.record = id;
            place.author = note.get("author").and_then(person);
            place.time = note.text_of("created").or_else(|| note.text_of("started")).map(|raw| time::parse(&raw));
            let edited = note.text_of("updated").filter(|raw| note.text_of("created").as_ref() != Some(raw));
            place.edited = edited.map(|raw| time::parse(&raw));
            // For a role or a group alone, or for those who answer.
            let is_restricted = note.get("visibility").is_some_and(|who| who.is_object())
                || note.get("jsdPublic").is_some_and(|is_public| !is_public.is_true());
            place.visibility = is_restricted.then_some(Visibility::Private);
        });
    }

    /// A change: what was there before it, and what it made of it.
    fn history(&self, issue: Json<'_>, history: Json<'_>, line: u64, sink: &mut Sink<'_>) {
        for item in history.get("items").into_iter().flat_map(|items| items.elements()) {
            let field = item.text_of("field").unwrap_or_default();
            for key in ["fromString", "toString"] {
                let Some((value, text)) = item.get(key).and_then(|value| Some((value, value.text()?))) else {
                    continue;
                };
                sink.old_field(&format!("changelog.{field}"), &text, value.offset(), Markup::Plain);
            }
        }
        sink.finish(0, line, &|place| {
            self.fill(issue, None, place);
            place.record = history.text_of("id");
            place.author = history.get("author").and_then(person);
            place.time = history.text_of("created").map(|raw| time::parse(&raw));
        });
    }

    fn fill(&self, issue: Json<'_>, comment: Option<&str>, place: &mut RecordPlace) {
        "jira-json".clone_into(&mut place.system);
        // A comment that stands by itself names its issue.
        let address = issue.text_of("self");
        let key = issue.text_of("key").or_else(|| issue.text_of("issueKey"));
        let number = address.as_deref().and_then(issue_in);
        match (&key, number) {
            (Some(key), _) => place_of_key(key, place),
            (None, Some(number)) => place.thread = Some(number.to_owned()),
            (None, None) => return,
        }
        let own = address.as_deref().and_then(base_of).map(str::to_owned);
        let (base, basis) = match (own, &self.base_url) {
            (_, Some(base)) => (base.clone(), PermalinkBasis::Derived),
            (Some(own), None) => (own, PermalinkBasis::Exact),
            (None, None) => return,
        };
        place.permalink = Some(match (key, number) {
            (None, Some(number)) => {
                let focus = comment.map(|comment| format!("&focusedCommentId={comment}")).unwrap_or_default();
                let url = format!("{}{BY_NUMBER}{number}{focus}", base.trim_end_matches('/'));
                Permalink { url, basis: PermalinkBasis::Guess }
            }
            (key, _) => link(&base, &key.unwrap_or_default(), comment, basis),
        });
    }
}

fn add_text(name: &str, value: Json<'_>, sink: &mut Sink<'_>) {
    if adf::is_document(value) {
        sink.field(name, &adf::flat(value), value.offset(), Markup::Plain);
    } else {
        sink.json(name, Some(value), Markup::Wiki);
    }
}

fn person(json: Json<'_>) -> Option<RecordAuthor> {
    let id = ["accountId", "key", "name"].iter().find_map(|key| json.text_of(key));
    author(id, json.text_of("displayName"), json.text_of("emailAddress"))
}

/// Fields with lists of notes, and what those are called.
const NOTES: [(&str, &str); 2] = [("comment", "comments"), ("worklog", "worklogs")];

/// Is a part of an issue told for itself? Fields of anybody's own may have keys of the same names.
fn is_told(issue: Json<'_>, (path, key): (&str, &str)) -> bool {
    let is_list = |keys: &[&str]| issue.path(keys).is_some_and(|list| list.is_array());
    let is_notes = |(name, list): &(&str, &str)| {
        *list == key && path.strip_prefix("fields.") == Some(&format!("{name}.")) && is_list(&["fields", name, list])
    };
    match (path, key) {
        ("", "renderedFields") => issue.get(key).is_some_and(|fields| fields.is_object()),
        ("changelog.", "histories") => is_list(&["changelog", key]),
        ("fields.", "attachment") => is_list(&["fields", key]),
        _ => NOTES.iter().any(is_notes),
    }
}

/// What is to be done with the other parts of an issue.
fn treat(key: &str) -> Rest {
    match key {
        "avatarUrls" | "iconUrl" | "avatarId" | "accountId" => Rest::Skip,
        "self" => Rest::Link,
        _ => Rest::Text(Markup::Plain),
    }
}

/// The same for what is known of a file: its content is an address.
fn treat_file(key: &str) -> Rest {
    match key {
        "content" | "thumbnail" => Rest::Link,
        _ => treat(key),
    }
}
