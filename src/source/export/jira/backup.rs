//! Jira's backup: all of its database as XML, an element per row, with the bytes of attachments beside it.
//!
//! Format: confluence.atlassian.com, "Backing up data", and backups of Jira 8 (read 2026-11). Times have no zone: they are the
//! server's.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        element::{Element, Kinds, Reach, read_records},
        input::{Input, head_as_text},
        markup::Markup,
        names::Names,
        record_index::{Key, RecordIndex},
        sink::Sink,
        system::{Detection, Export, Look, Opening, Reader, Reading, System},
        time,
        xml::{Root, Tag, XmlEvent, end_name, read_xml},
    },
    author, link, place_of_key,
};
use crate::model::{PermalinkBasis, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, Visibility};

/// Jira's backup.
pub(in crate::source::export) struct Backup;

impl System for Backup {
    fn name(&self) -> &'static str {
        "jira-backup"
    }

    fn title(&self) -> &'static str {
        "Jira backup"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        head.trim_ascii_start().starts_with(b"<?xml") && signs_of(head).len() > 1
    }

    fn marks(&self) -> &'static [&'static str] {
        &["entities.xml"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        if let Some(alone) = look.alone(signs_of) {
            return vec![alone];
        }
        let detection = |root: &str| {
            let mut signs = signs_of(&look.head(&format!("{root}entities.xml")));
            // Confluence has a file of that name, too.
            if signs.is_empty() {
                return None;
            }
            signs.insert(0, "entities.xml".to_owned());
            signs.extend(look.has(&format!("{root}activeobjects.xml")).then(|| "activeobjects.xml".to_owned()));
            Some(Detection { root: root.to_owned(), signs })
        };
        look.roots_of("entities.xml").take(64).filter_map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(BackupReader { base_url: opening.options.base_url.clone(), index: RecordIndex::new(opening.room) })
    }
}

/// What stands at the beginning: a comment about the server, which may be long, then elements that only Jira has.
fn signs_of(head: &[u8]) -> Vec<String> {
    const SIGNS: [&str; 7] = [
        "JIRA Build",
        "Exported on",
        BASE_URL,
        "<entity-engine-xml",
        "<Action id=",
        "<ApplicationUser id=",
        "<AuditLog id=",
    ];
    let has = |sign: &&&str| memchr::memmem::find(head, sign.as_bytes()).is_some();
    let signs: Vec<String> = SIGNS.iter().filter(has).map(|sign| (*sign).to_owned()).collect();
    // Other programs have the same engine below.
    if signs == ["<entity-engine-xml"] { Vec::new() } else { signs }
}

struct BackupReader {
    base_url: Option<String>,
    index: RecordIndex,
}

/// What a row is looked up by: those of small tables together, others by their id. `None` if nothing points to it.
fn key_of(row: &Element) -> Option<Key<'_>> {
    match &*row.name {
        "OSPropertyEntry" if row.attribute("propertyKey") != Some(BASE_URL) => None,
        table if TABLES.contains(&table) => Some((table, "")),
        table @ ("ChangeGroup" | "FileAttachment" | "Issue") => Some((table, row.attribute("id")?)),
        _ => None,
    }
}

/// Tables that are looked up as a whole.
const TABLES: [&str; 5] = ["ApplicationUser", "User", "OSPropertyEntry", "OSPropertyString", "Project"];

/// The property that is the address of the server.
const BASE_URL: &str = "jira.baseurl";

/// What stands in for the thread until all is read: ids of rows that say more.
const OF_ISSUE: &str = "issue:";
const OF_CHANGE: &str = "change:";

/// Parts of rows that people wrote.
const TEXTS: Names<9> = Names::of([
    "summary",
    "description",
    "environment",
    "body",
    "stringvalue",
    "textvalue",
    "value",
    "descriptor",
    "longDescription",
]);

/// Names of tables begin with a capital, those of columns never do.
const ROWS: Kinds<'_> = Kinds {
    is_record: &|name| name != "entity-engine-xml",
    begins: &|name| name.starts_with(|first: char| first.is_ascii_uppercase()),
    ..Kinds::NONE
};

impl Reader for BackupReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if let Some(attachment) = attachment(path) {
            return Reading::Attachment(attachment);
        }
        let is_only =
            !path.contains('/') && path.ends_with(".xml") && !signs_of(&head_as_text(input.peek(64 << 10))).is_empty();
        if path == "activeobjects.xml" {
            tables(input, sink);
        } else if path == "entities.xml" || is_only {
            let mut noting = self.index.document(path);
            let reach = read_records(input, &ROWS, &mut |row| {
                noting.add(row, key_of(row));
                tell(row, sink);
            });
            reach.tell(input.offset(), sink);
            noting.keep();
        } else {
            return Reading::NotMine;
        }
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let known = self.look_up(export, places);
        let base = match (&self.base_url, known.base()) {
            (Some(base), _) => Some((base.clone(), PermalinkBasis::Derived)),
            (None, Some(base)) => Some((base, PermalinkBasis::Exact)),
            (None, None) => None,
        };
        for place in &mut *places {
            let is_comment = place.container.as_ref().is_some_and(|table| table.name.as_deref() == Some("Action"));
            known.fill(place);
            let Some((base, basis)) = &base else { continue };
            let Some(key) = place.thread.clone() else { continue };
            if !is_key(&key) {
                continue;
            }
            let comment = place.record.clone().filter(|_| is_comment);
            place.permalink = Some(link(base, &key, comment.as_deref(), *basis));
        }
        fill_people(places, &known.people);
    }
}

/// `OPS-7`.
fn is_key(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(project, number)| {
        !project.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `data/attachments/OPS/10000/OPS-7/10001`: the last part is the id.
fn attachment(path: &str) -> Option<RecordAttachment> {
    let (folder, name) = path.rsplit_once('/')?;
    let is_below = folder.split('/').any(|part| part == "attachments");
    let id: String = name.chars().take_while(char::is_ascii_digit).collect();
    (is_below && !id.is_empty()).then_some(RecordAttachment { id: Some(id), name: None, path: None })
}

/// Attributes whose values Jira makes.
const OWN: Names<18> = Names::of([
    "id",
    "number",
    "project",
    "issue",
    "author",
    "updateauthor",
    "creator",
    "reporter",
    "assignee",
    "user",
    "userKey",
    "type",
    "priority",
    "status",
    "resolution",
    "workflowId",
    "votes",
    "watches",
]);

/// What a change took away and brought; behind the dot stands of what.
const CHANGES: [&str; 4] = ["oldstring.", "newstring.", "oldvalue.", "newvalue."];

/// Rows that Jira gives a `key`.
const KEYED: [&str; 2] = ["Issue", "Project"];

/// Tells a row.
fn tell(row: &Element, sink: &mut Sink<'_>) {
    let changed = (row.name == "ChangeItem").then(|| row.attribute("field").unwrap_or_default());
    let mut add = |name: &str, text: &str, offset: u64| {
        let of_change =
            changed.and_then(|field| Some((CHANGES.iter().find(|own| own.strip_suffix('.') == Some(name))?, field)));
        if let Some((what, field)) = of_change {
            sink.old_part((what, field), text, offset, Markup::Wiki);
        } else if TEXTS.has(name) {
            sink.field(name, text, offset, Markup::Wiki);
        } else {
            sink.cell(name, text, offset);
        }
    };
    for (name, value, offset) in row.attributes.iter() {
        // The same in small letters, for searching; numbers and names that Jira itself gives.
        let is_own = name.starts_with("lower") || OWN.has(name) || name == "key" && KEYED.contains(&row.name.as_str());
        if !is_own {
            add(name, value, offset);
        }
    }
    add("text", &row.text, row.offset);
    row.children.iter().for_each(|child| each_text(child, &mut add));
    sink.finish(row.bytes, row.line, &|place| place_of(row, place));
}

fn each_text(element: &Element, add: &mut dyn FnMut(&str, &str, u64)) {
    add(&element.name, &element.text, element.offset);
    element.attributes.iter().for_each(|(name, value, offset)| add(name, value, offset));
    element.children.iter().for_each(|child| each_text(child, add));
}

/// What a row says of itself.
fn place_of(row: &Element, place: &mut RecordPlace) {
    let of = |name: &str| row.attribute(name).map(str::to_owned);
    place.record = of("id");
    let who = ["author", "creator", "reporter", "user", "userKey"].iter().find_map(|name| of(name));
    place.author = author(who, None, None);
    place.time = of("created").or_else(|| of("createdDate")).map(|raw| time::parse(&raw));
    let edited = of("updated").filter(|updated| row.attribute("created") != Some(updated));
    place.edited = edited.map(|raw| time::parse(&raw));
    place.thread = match row.name.as_str() {
        "Issue" => of("id").map(|id| format!("{OF_ISSUE}{id}")),
        "ChangeItem" => of("group").map(|id| format!("{OF_CHANGE}{id}")),
        _ => of("issue").map(|id| format!("{OF_ISSUE}{id}")),
    };
    place.container = Some(RecordContainer { kind: "table".to_owned(), id: None, name: Some(row.name.clone()) });
    // A comment or a log of work for a group or a role alone.
    let is_restricted = matches!(row.name.as_str(), "Action" | "Worklog")
        && ["level", "rolelevel", "grouplevel"].iter().any(|name| row.attribute(name).is_some());
    place.visibility = is_restricted.then_some(Visibility::Private);
}

/// Rows of the tables that plugins made: automation, webhooks, service desks.
fn tables(input: &mut Input<'_>, sink: &mut Sink<'_>) {
    let (mut table, mut columns): (String, Vec<String>) = Default::default();
    let mut row: Option<(u64, u64, usize)> = None;
    let (mut bytes, mut held) = (0, 0);
    let mut take = |event: XmlEvent<'_>| match event {
        XmlEvent::Leaf(_) => {}
        XmlEvent::Start(Tag { name: "data", attributes, .. }) => {
            table = attributes
                .iter()
                .find(|own| own.name == "tableName")
                .map(|own| own.value.into_owned())
                .unwrap_or_default();
            columns.clear();
        }
        XmlEvent::Start(Tag { name: "column", attributes, .. }) => {
            // As many as a table may have.
            if columns.len() < 10_000 {
                columns.extend(attributes.iter().find(|own| own.name == "name").map(|own| own.value.into_owned()));
            }
        }
        XmlEvent::Start(Tag { name: "row", offset, line, .. }) => row = Some((*offset, line.number(), 0)),
        XmlEvent::Start(_) => {
            if let Some((.., column)) = &mut row {
                *column += 1;
            }
        }
        XmlEvent::Text { text, offset, bytes: length } => {
            bytes += length;
            match row {
                Some((.., column)) if !text.trim().is_empty() => {
                    let name =
                        column.checked_sub(1).and_then(|index| columns.get(index)).map_or("text", String::as_str);
                    sink.cell(name, &text, offset);
                }
                Some(_) => {}
                None if text.trim().is_empty() => {}
                None => {
                    sink.field("text", &text, offset, Markup::Plain);
                    sink.finish(length, 0, &|_| {});
                }
            }
            // A row that holds too much is told in parts.
            held += text.len() + CELL_BYTES;
            if held > MAX_ROW {
                held = 0;
                finish_row(&table, std::mem::take(&mut bytes), row.map_or(0, |(_, line, _)| line), sink);
            }
        }
        XmlEvent::Comment { text, offset } => {
            sink.field("comment", &text, offset, Markup::Wiki);
            sink.finish(text.len(), 0, &|_| {});
        }
        XmlEvent::End { name, offset } => {
            let (name, behind) = end_name(name);
            sink.cell("text", behind, offset);
            if name == "row"
                && let Some((_, line, _)) = row.take()
            {
                held = 0;
                finish_row(&table, std::mem::take(&mut bytes), line, sink);
            }
        }
        XmlEvent::Fault { .. } => {}
    };
    let (mut root, mut reach) = (Root::default(), Reach::default());
    read_xml(input, &mut |event| {
        match &event {
            XmlEvent::Start(tag) => root.begin(tag.name),
            XmlEvent::End { name, .. } => root.end(end_name(name).0),
            XmlEvent::Fault { offset, why } => reach.fault(*offset, why),
            _ => {}
        }
        event.apart(&mut take);
    });
    sink.finish(bytes, 0, &|_| {});
    reach.is_cut = root.is_open();
    reach.tell(input.offset(), sink);
}

/// Memory that a row of a table may take, and what a cell takes beside its bytes.
const MAX_ROW: usize = 8 << 20;
const CELL_BYTES: usize = 256;

fn finish_row(table: &str, bytes: usize, line: u64, sink: &mut Sink<'_>) {
    sink.finish(bytes, line, &|place| {
        place.container = Some(RecordContainer { kind: "table".to_owned(), id: None, name: Some(table.to_owned()) });
    });
}

/// What an issue is called: by its key, or by its project and number where rows have no key.
#[derive(Clone, Default)]
struct Issue {
    key: Option<String>,
    number: Option<(String, String)>,
}

/// What rows say of those with findings.
#[derive(Default)]
struct Known {
    /// By their id.
    issues: HashMap<String, Issue>,
    projects: HashMap<String, RecordContainer>,
    /// Issue, author and time of changes.
    changes: HashMap<String, RecordPlace>,
    files: HashMap<String, (RecordPlace, Option<String>)>,
    /// Number of the property that is the address of the server.
    base_id: Option<String>,
    base: Option<String>,
    people: People,
}

impl BackupReader {
    /// Reads what says more of places: changes and files first, which name issues and people.
    fn look_up(&self, export: &Export<'_>, places: &[&mut RecordPlace]) -> Known {
        let thread = |place: &RecordPlace, kind: &str| Some(place.thread.as_deref()?.strip_prefix(kind)?.to_owned());
        let file = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
        let changes: HashSet<String> = places.iter().filter_map(|place| thread(place, OF_CHANGE)).collect();
        let files: HashSet<String> = places.iter().filter_map(|place| file(place)).collect();
        let mut known = Known::default();
        let keys = of_table("ChangeGroup", &changes).chain(of_table("FileAttachment", &files));
        self.index.look_up(export, keys, &ROWS, &mut |row| known.see_work(row, (&changes, &files)));
        let told = known.changes.values().chain(known.files.values().map(|(about, _)| about));
        let all = || places.iter().map(|place| &**place).chain(told.clone());
        let issues: HashSet<String> = all().filter_map(|place| thread(place, OF_ISSUE)).collect();
        let mut people = People::new(all().filter_map(author_of));
        let keys = TABLES.iter().map(|table| (*table, "")).chain(of_table("Issue", &issues));
        self.index.look_up(export, keys, &ROWS, &mut |row| match row.name.as_str() {
            "ApplicationUser" | "User" => people.see(row),
            _ => known.see(row, &issues),
        });
        Known { people, ..known }
    }
}

/// The keys of rows of a table.
fn of_table<'k>(table: &'k str, ids: &'k HashSet<String>) -> impl Iterator<Item = Key<'k>> {
    ids.iter().map(move |id| (table, id.as_str()))
}

impl Known {
    /// Takes in changes and files.
    fn see_work(&mut self, row: &Element, (changes, files): (&HashSet<String>, &HashSet<String>)) {
        let id = row.attribute("id").unwrap_or_default();
        let about = || {
            let mut about = RecordPlace::default();
            place_of(row, &mut about);
            about
        };
        match row.name.as_str() {
            "ChangeGroup" if changes.contains(id) => drop(self.changes.insert(id.to_owned(), about())),
            "FileAttachment" if files.contains(id) => {
                self.files.insert(id.to_owned(), (about(), row.attribute("filename").map(str::to_owned)));
            }
            _ => {}
        }
    }

    /// Takes in issues, projects, and the server's address.
    fn see(&mut self, row: &Element, issues: &HashSet<String>) {
        let id = row.attribute("id").unwrap_or_default();
        let of = |name: &str| row.attribute(name).map(str::to_owned);
        match row.name.as_str() {
            "OSPropertyEntry" if row.attribute("propertyKey") == Some(BASE_URL) => self.base_id = Some(id.to_owned()),
            "OSPropertyString" if self.base_id.as_deref() == Some(id) => {
                self.base = of("value").or_else(|| row.text_of("value").map(str::to_owned));
            }
            "Issue" if issues.contains(id) => {
                let issue = Issue { key: of("key"), number: of("project").zip(of("number")) };
                self.issues.insert(id.to_owned(), issue);
            }
            "Project" => {
                let container =
                    RecordContainer { kind: "project".to_owned(), id: Some(id.to_owned()), name: of("key") };
                self.projects.insert(id.to_owned(), container);
            }
            _ => {}
        }
    }

    fn base(&self) -> Option<String> {
        self.base.as_ref().map(|base| base.trim_end_matches('/').to_owned()).filter(|base| base.starts_with("http"))
    }

    fn fill(&self, place: &mut RecordPlace) {
        let change = place.thread.as_deref().and_then(|thread| self.changes.get(thread.strip_prefix(OF_CHANGE)?));
        if let Some(change) = change {
            (place.thread, place.author, place.time) =
                (change.thread.clone(), change.author.clone(), change.time.clone());
        }
        let id = place.attachment.as_ref().filter(|_| place.record.is_none()).and_then(|file| file.id.clone());
        if let Some((about, name)) = id.as_ref().and_then(|id| self.files.get(id)) {
            (place.thread, place.author, place.time) = (about.thread.clone(), about.author.clone(), about.time.clone());
            place.record.clone_from(&about.record);
            if let Some(file) = &mut place.attachment {
                file.name.clone_from(name);
            }
        } else if id.is_some() {
            // The directory is named by the issue.
            let member = match place.physical.member.split('!').next() {
                Some(member) if !member.is_empty() => member.to_owned(),
                _ => place.physical.file.to_string_lossy().into_owned(),
            };
            place.thread = member.rsplit('/').nth(1).filter(|folder| is_key(folder)).map(str::to_owned);
        }
        let issue = place.thread.as_deref().and_then(|thread| thread.strip_prefix(OF_ISSUE)).map(str::to_owned);
        if let Some(issue) = issue {
            let Issue { key, number } = self.issues.get(&issue).cloned().unwrap_or_default();
            let project = number.as_ref().and_then(|(project, _)| self.projects.get(project));
            let made = || Some(format!("{}-{}", project?.name.as_ref()?, number.as_ref()?.1));
            let record = place.record.take();
            place.thread = Some(issue.clone());
            if let Some(key) = key.clone().or_else(made) {
                place_of_key(&key, place);
            }
            // A comment or change has an id of its own.
            if record.as_ref() != Some(&issue) || place.record.is_none() {
                place.record = record;
            }
            if let Some(project) = project {
                place.container = Some(project.clone());
            }
        } else if place.thread.as_deref().is_some_and(|thread| thread.starts_with(OF_CHANGE)) {
            place.thread = None;
        }
        if let Some(key) = place.thread.clone().filter(|key| is_key(key) && place.record.is_none()) {
            place_of_key(&key, place);
        }
    }
}

/// The id of a place's author.
fn author_of(place: &RecordPlace) -> Option<String> {
    place.author.as_ref()?.id.clone()
}

/// Names and addresses: by the key of a user to the name, by the name to the rest.
#[derive(Default)]
struct People {
    /// Ids that are looked for.
    wanted: HashSet<String>,
    /// From names to these ids.
    names: HashMap<String, String>,
    found: HashMap<String, RecordAuthor>,
}

impl People {
    fn new(wanted: impl Iterator<Item = String>) -> People {
        let wanted: HashSet<String> = wanted.collect();
        let names = wanted.iter().map(|id| (id.to_lowercase(), id.clone())).collect();
        People { wanted, names, found: HashMap::new() }
    }

    /// Takes in a row of people. Rows are sorted by their table: keys come before names.
    fn see(&mut self, row: &Element) {
        let Some(name) = row.attribute("lowerUserName").or_else(|| row.attribute("userName")) else { return };
        if row.name == "ApplicationUser" {
            if let Some(key) = row.attribute("userKey").filter(|key| self.wanted.contains(*key)) {
                self.names.insert(name.to_owned(), key.to_owned());
            }
        } else if let Some(key) = self.names.get(name) {
            let of = |name: &str| row.attribute(name).map(str::to_owned);
            let known = RecordAuthor { id: Some(key.clone()), name: of("displayName"), email: of("emailAddress") };
            self.found.entry(key.clone()).or_insert(known);
        }
    }
}

/// Fills in people.
fn fill_people(places: &mut [&mut RecordPlace], people: &People) {
    for place in places {
        if let Some(known) = author_of(place).and_then(|id| people.found.get(&id)) {
            place.author = Some(known.clone());
        }
    }
}
