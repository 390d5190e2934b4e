//! GitHub's issues, pull requests and what was said on them: migration archives, pages of the REST interface, and what
//! `gh … --json` prints.
//!
//! Format: docs.github.com, "Migrations" and the REST reference of issues, comments and reviews (read 2026-11).

use std::collections::{HashMap, HashSet};

use super::{
    detect,
    input::Input,
    json::{Json, JsonEvent, read_json, top_list},
    markup::Markup,
    sink::{Rest, Sink},
    system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
    time,
};
use crate::model::{
    Permalink, PermalinkBasis, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, Visibility,
};

/// A migration archive.
pub(super) struct Migration;

/// Pages of the REST interface, and what `gh` prints.
pub(super) struct Pages;

/// The parts of an archive by which it is recognised.
const PARTS: [&str; 6] =
    ["issues_", "issue_comments_", "repositories_", "pull_requests_", "users_", "pull_request_review_comments_"];

impl System for Migration {
    fn name(&self) -> &'static str {
        "github-migration"
    }

    fn title(&self) -> &'static str {
        "GitHub migration archive"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["issues_000001.json", "repositories_000001.json"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let roots = look.paths().filter_map(|path| {
            path.strip_suffix("repositories_000001.json").or(path.strip_suffix("issues_000001.json"))
        });
        let mut roots: Vec<&str> = roots.collect();
        roots.sort_unstable();
        roots.dedup();
        let names = |root: &str| {
            let parts = PARTS.iter().map(|part| format!("{part}000001.json"));
            let all = parts.chain(["schema.json".to_owned()]);
            all.filter(|name| look.has(&format!("{root}{name}"))).collect()
        };
        roots.into_iter().map(|root| Detection { root: root.to_owned(), signs: names(root) }).collect()
    }

    fn open(&self, _: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(MigrationReader)
    }
}

impl System for Pages {
    fn name(&self) -> &'static str {
        "github-json"
    }

    fn title(&self) -> &'static str {
        "GitHub issues (REST or gh)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) && signs_of(head).len() > 1
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let found = detect::pages(look, &|_, head| signs_of(head));
        // Parts of a migration archive look much the same.
        let is_migration = |root: &str| {
            look.has(&format!("{root}repositories_000001.json")) || look.has(&format!("{root}schema.json"))
        };
        found.into_iter().filter(|found| !is_migration(&found.root)).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(PagesReader { is_only: opening.look.only().is_some() })
    }
}

/// The text of somebody on something that has an address as GitHub's have.
fn signs_of(head: &[u8]) -> Vec<String> {
    let has = |text: &str| memchr::memmem::find(head, text.as_bytes()).is_some();
    let is_discussion = ["/issues/", "/pull/", "#issuecomment-", "#discussion_r"].iter().any(|part| has(part));
    if !(has("\"body\"") && has("\"login\"") && is_discussion) {
        return Vec::new();
    }
    let mut signs = Vec::new();
    let is_api = has("api.github.com/repos/");
    if has("\"html_url\"") && (has("\"node_id\"") || is_api) {
        let own = if is_api { "addresses of GitHub's REST interface" } else { "key node_id" };
        signs.extend([own.to_owned(), "keys html_url, body and login".to_owned()]);
    } else if has("\"https://github.com/") && has("\"author\"") && has("\"createdAt\"") {
        signs.extend(["keys author and createdAt".to_owned(), "addresses of issues on github.com".to_owned()]);
    }
    signs
}

struct MigrationReader;

struct PagesReader {
    /// Is it one file, which the user may have named as such?
    is_only: bool,
}

fn read_records(input: &mut Input<'_>, sink: &mut Sink<'_>) {
    read_json(input, &top_list, &mut |event| match event {
        JsonEvent::Value { json, bytes, line, .. } => record(json, (bytes.len(), line), sink),
        JsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why),
        JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
    });
}

impl Reader for PagesReader {
    fn read(&self, _: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if !self.is_only && !detect::is_one(input, signs_of) {
            return Reading::NotMine;
        }
        read_records(input, sink);
        Reading::Records
    }

    fn resolve(&self, _: &Export<'_>, _: &mut [&mut RecordPlace]) {}
}

impl Reader for MigrationReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let (folder, name) = split(path);
        if folder.starts_with("attachments/") {
            let attachment = RecordAttachment { id: Some(path.to_owned()), name: Some(name.to_owned()), path: None };
            return Reading::Attachment(attachment);
        }
        if !folder.is_empty() || !name.ends_with(".json") {
            return Reading::NotMine;
        }
        read_records(input, sink);
        Reading::Records
    }

    fn is_own(&self, path: &str, _: &mut Input<'_>) -> bool {
        let number = path.strip_suffix(".json").and_then(|name| name.rsplit_once('_')).map(|(_, number)| number);
        let is_part =
            number.is_some_and(|number| number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit()));
        is_part || path == "schema.json" || path.starts_with("attachments/")
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        find_attachments(export, places);
        let login = |place: &RecordPlace| place.author.as_ref()?.id.clone();
        let wanted: HashSet<String> = places.iter().filter_map(|place| login(place)).collect();
        let mut people: HashMap<String, RecordAuthor> = HashMap::new();
        each_of(export, "users_", &mut |json| {
            let Some(id) = json.text_of("login").filter(|login| wanted.contains(login)) else { return };
            let mut emails = json.get("emails").into_iter().flat_map(|emails| emails.elements());
            let email = emails.find_map(|email| email.text_of("address")).or_else(|| json.text_of("email"));
            people.insert(id.clone(), RecordAuthor { id: Some(id), name: json.text_of("name"), email });
        });
        for place in places.iter_mut() {
            if let Some(known) = login(place).and_then(|login| people.get(&login)) {
                place.author = Some(known.clone());
            }
        }
        fill_visibility(export, places);
    }
}

/// Who may read a repository, as the list of them says.
fn fill_visibility(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    if places.iter().all(|place| place.container.is_none()) {
        return;
    }
    let mut known: Vec<(RecordContainer, Visibility)> = Vec::new();
    each_of(export, "repositories_", &mut |json| {
        let Some(private) = json.get("private").filter(Json::is_some) else { return };
        let mut place = RecordPlace::default();
        fill(json, &mut place);
        let visibility = if private.is_true() { Visibility::Private } else { Visibility::Public };
        if let Some(container) =
            place.container.filter(|own| places.iter().any(|place| place.container.as_ref() == Some(own)))
        {
            known.push((container, visibility));
        }
    });
    for place in places {
        let found = known.iter().find(|(container, _)| place.container.as_ref() == Some(container));
        place.visibility = found.map(|(_, visibility)| *visibility).or(place.visibility);
    }
}

/// Reads the records of all parts whose name begins so.
fn each_of(export: &Export<'_>, start: &str, each: &mut dyn FnMut(Json<'_>)) {
    let is_part = |path: &str| path.starts_with(start) && path.ends_with(".json");
    export.read(&is_part, &mut |_, input| {
        read_json(input, &top_list, &mut |event| {
            if let JsonEvent::Value { json, .. } = event {
                each(json);
            }
        });
    });
}

/// What attached files belong to: their list names the issue or comment by its address.
fn find_attachments(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let path_of = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
    let wanted: HashSet<String> = places.iter().filter_map(|place| path_of(place)).collect();
    if wanted.is_empty() {
        return;
    }
    let mut found: HashMap<String, RecordPlace> = HashMap::new();
    each_of(export, "attachments_", &mut |json| {
        let asset = json.text_of("asset_url").unwrap_or_default();
        let path = asset.trim_start_matches("tarball://root/").to_owned();
        if !wanted.contains(&path) {
            return;
        }
        let mut place = RecordPlace::default();
        fill(json, &mut place);
        let owner = ["issue_comment", "pull_request_review_comment", "issue", "pull_request"];
        if let Some(url) = owner.iter().find_map(|key| json.text_of(key)).filter(|url| url.starts_with("http")) {
            place_at(url, &mut place);
        }
        found.insert(path, place);
    });
    for place in places {
        let Some(known) = path_of(place).and_then(|path| found.get(&path)) else { continue };
        let RecordPlace { time, container, thread, record, author, permalink, .. } = known.clone();
        (place.time, place.container, place.thread) = (time, container, thread);
        (place.record, place.author, place.permalink) = (record, author, permalink);
    }
}

/// An issue, a comment or anything else, and what `gh` puts into it.
fn record(json: Json<'_>, (bytes, line): (usize, u64), sink: &mut Sink<'_>) {
    const NESTED: [&str; 2] = ["comments", "reviews"];
    let is_nested = |key: &str| NESTED.contains(&key) && json.get(key).is_some_and(|value| value.is_array());
    for key in ["body", "title"] {
        sink.json(key, json.get(key), Markup::Plain);
    }
    sink.rest_by_path(json, &|path, key, is_text| match (path, key) {
        ("", "body" | "title") if is_text => Rest::Skip,
        ("", key) if is_nested(key) => Rest::Skip,
        (_, key) => treat(key),
    });
    sink.finish(bytes, line, &|place| fill(json, place));
    for key in NESTED {
        for inner in json.get(key).into_iter().flat_map(|list| list.elements()) {
            sink.json("body", inner.get("body"), Markup::Plain);
            sink.rest_by_path(inner, &|path, key, is_text| match (path, key) {
                ("", "body") if is_text => Rest::Skip,
                (_, key) => treat(key),
            });
            // Counted with the record around it.
            sink.finish(0, line, &|place| {
                fill(json, place);
                (place.author, place.time, place.edited) = (None, None, None);
                fill(inner, place);
            });
        }
    }
}

/// What is to be done with the other parts.
fn treat(key: &str) -> Rest {
    match key {
        "node_id" | "avatar_url" | "gravatar_id" | "sha" | "reactions" => Rest::Skip,
        key if key.ends_with("_url") || key == "url" => Rest::Link,
        _ => Rest::Text(Markup::Plain),
    }
}

/// What a record says of itself.
fn fill(json: Json<'_>, place: &mut RecordPlace) {
    let mut address = ["html_url", "url"].iter().filter_map(|key| json.text_of(key));
    let url = address.find(|url| url.starts_with("http") && !url.contains("://api.") && !url.contains("/api/v3/"));
    if let Some(url) = url {
        place_at(url, place);
    }
    let person = ["user", "author"].iter().find_map(|key| json.get(key).filter(|value| value.is_some()));
    if let Some(person) = person {
        // An address in archives, an object elsewhere.
        let login = match person.text() {
            Some(address) => address.rsplit('/').next().map(str::to_owned),
            None => person.text_of("login"),
        };
        place.author = Some(RecordAuthor { id: login, name: person.text_of("name"), email: person.text_of("email") });
    }
    let of = |keys: [&str; 3]| keys.iter().find_map(|key| json.text_of(key)).map(|raw| time::parse(&raw));
    place.time = of(["created_at", "createdAt", "submittedAt"]).or_else(|| place.time.take());
    let edited = of(["updated_at", "updatedAt", "lastEditedAt"]);
    place.edited = edited.filter(|edited| place.time.as_ref() != Some(edited));
}

/// What the address of a record says: `https://github.com/acme/api/issues/7#issuecomment-1`.
fn place_at(url: String, place: &mut RecordPlace) {
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    if let [owner, repository, rest @ ..] = parts.as_slice() {
        place.workspace = Some((*owner).to_owned());
        let name = format!("{owner}/{repository}");
        place.container = Some(RecordContainer { kind: "repository".to_owned(), id: None, name: Some(name) });
        place.thread = rest.get(1).map(|number| (*number).to_owned());
        let record = if anchor.is_empty() { rest.get(1).copied() } else { Some(anchor) };
        place.record = record.map(str::to_owned);
    }
    place.permalink = Some(Permalink { url, basis: PermalinkBasis::Exact });
}
