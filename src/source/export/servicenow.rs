//! ServiceNow's records: what "Export XML" unloads, pages of its interface, and tables.
//!
//! Format: docs.servicenow.com, "Export a record as XML", "Table API", journal fields (read 2026-11).

use std::{
    collections::{HashMap, HashSet},
    io::Read as _,
};

use flate2::read::MultiGzDecoder;

use super::{
    described::{Described, has, is_json, keys_in},
    element::{Element, Kinds, read_records},
    input::{Input, head_as_text},
    layout::{Document, Facts, Files, Form, HTML, How, Layout, Note, PLAIN, Part, Records, Scope},
    markup::Markup,
    record_index::{Key, RecordIndex},
    sink::Sink,
    system::{Detection, Export, Look, Opening, Reader, Reading, System},
    table::Header,
    time,
};
use crate::model::{ProblemKind, RecordAttachment, RecordContainer, RecordPlace, Visibility};

/// ServiceNow's records.
pub(super) struct ServiceNow;

const FORMS: Described =
    Described { name: "servicenow", title: "ServiceNow records", marks: &[], signs, root: None, files: &FILES };

impl System for ServiceNow {
    fn name(&self) -> &'static str {
        FORMS.name
    }

    fn title(&self) -> &'static str {
        FORMS.title
    }

    fn may_be_file(&self, name: &str, head: &[u8]) -> bool {
        FORMS.may_be_file(name, head)
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        FORMS.detect(look)
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(ServiceNowReader { records: FORMS.reader(opening), index: RecordIndex::new(opening.room) })
    }
}

fn signs(head: &[u8]) -> Vec<String> {
    if head.trim_ascii_start().starts_with(b"<") {
        let roots = ["<unload unload_date=", "<xml>"].iter().filter(|root| has(head, root));
        let tags = ["<sys_id>", "<sys_created_by>", "action=\"INSERT_OR_UPDATE\""].iter().filter(|tag| has(head, tag));
        let mut signs: Vec<String> = roots.map(|root| format!("`{root}`")).collect();
        if !signs.is_empty() {
            signs.extend(tags.map(|tag| format!("`{tag}`")));
        }
        return signs;
    }
    if is_json(head) {
        let lists = ["records", "result"].iter().filter(|list| has(head, &format!("\"{list}\""))).count();
        return if lists > 0 { keys_in(head, &["sys_id", "sys_created_by", "sys_created_on"]) } else { Vec::new() };
    }
    let header = Header::in_head(head);
    let found =
        header.among(&["number", "short_description", "sys_created_by", "sys_created_on", "sys_id", "work_notes"]);
    let is_it = found.len() >= 3 && (header.has("sys_created_on") || header.has("sys_id") || header.has("work_notes"));
    found.iter().filter(|_| is_it).map(|name| format!("column {name}")).collect()
}

static FILES: Files = Files {
    form: |_, head| {
        Some(match is_json(head) {
            true => Form::Json(&PAGE),
            false if head.trim_ascii_start().starts_with(b"<") => Form::Xml(ELEMENTS),
            false => Form::Table(&RECORD),
        })
    },
    ..Files::NONE
};

const ELEMENTS: &[(&str, &Layout)] =
    &[("sys_journal_field", &JOURNAL), ("sys_audit", &AUDIT), (ATTACHMENT, &FILE), ("", &RECORD)];

static PAGE: Document =
    Document { lists: &[("", &RECORD), ("records", &RECORD), ("result", &RECORD)], about: &[], other: &Layout::NONE };

const RECORD: Layout = Layout {
    texts: &[
        ("short_description", PLAIN),
        ("description", PLAIN),
        ("close_notes", PLAIN),
        ("text", HTML),
        // Records of other tables inside of a page.
        ("value", How::Text(Markup::Coded)),
    ],
    old: &[("oldvalue", PLAIN)],
    // These hold notes one after the other, each with who and when.
    journals: &[
        ("work_notes", Some(Visibility::Private)),
        ("comments", Some(Visibility::Public)),
        ("comments_and_work_notes", None),
        ("work_notes.display_value", Some(Visibility::Private)),
        ("comments.display_value", Some(Visibility::Public)),
        ("comments_and_work_notes.display_value", None),
        ("work_notes.value", Some(Visibility::Private)),
        ("comments.value", Some(Visibility::Public)),
        ("comments_and_work_notes.value", None),
    ],
    notes,
    facts: &[
        ("author_id", "sys_created_by.value|sys_created_by"),
        ("time", "sys_created_on.value|sys_created_on|opened_at"),
        ("edited", "sys_updated_on.value|sys_updated_on"),
        ("id", "sys_id.value|sys_id"),
        ("sys_id", "element_id.value|element_id|documentkey.value|documentkey|table_sys_id|sys_id.value|sys_id"),
        ("number", "number.value|number"),
        ("thread", "number.value|number"),
        (
            "container_id",
            "element_id.value|element_id|documentkey.value|documentkey|table_sys_id|sys_id.value|sys_id|number.value|number",
        ),
        ("container", "number.value|number"),
        ("table", "#|sys_class_name.value|sys_class_name|tablename|name"),
        (ELEMENT, "element.value|element"),
        (LINK, "opened_by.link|caller_id.link|assigned_to.link|assignment_group.link|sys_domain.link|*.link"),
    ],
    kind: "record",
    links: LINKS,
    time: time::parse_utc,
    skip: &["link", "sys_tags", "sys_mod_count"],
    adjust: of_table,
    ..Layout::NONE
};

/// A note.
static JOURNAL: Layout = Layout {
    facts: &[
        ("author_id", "sys_created_by"),
        ("time", "sys_created_on"),
        ("id", "sys_id"),
        ("sys_id", "element_id"),
        ("thread", "element_id"),
        ("container_id", "element_id"),
        ("table", "name"),
        (ELEMENT, "element"),
    ],
    ..RECORD
};

/// A change.
static AUDIT: Layout = Layout {
    old: &[("oldvalue", PLAIN), ("newvalue", PLAIN)],
    facts: &[
        ("author_id", "user|sys_created_by"),
        ("time", "sys_created_on"),
        ("id", "sys_id"),
        ("sys_id", "documentkey"),
        ("thread", "documentkey"),
        ("container_id", "documentkey"),
        ("table", "tablename"),
        (ELEMENT, "fieldname"),
    ],
    ..RECORD
};

static FILE: Layout = Layout {
    facts: &[
        ("author_id", "sys_created_by"),
        ("time", "sys_created_on"),
        ("id", "sys_id"),
        ("sys_id", "table_sys_id"),
        ("thread", "table_sys_id"),
        ("container_id", "table_sys_id"),
        ("table", "table_name"),
        ("file", "file_name"),
        ("file_id", "sys_id"),
    ],
    ..RECORD
};

const LINKS: &[&str] =
    &["{base}/{table}.do?sys_id={sys_id}", "{base}/text_search_exact_match.do?sysparm_search={number}"];

/// What the interface puts into fields that point to other records: the address of that one.
const LINK: &str = "link";

/// The instance that such an address is on.
fn instance_of(link: &str) -> Option<&str> {
    let (site, _) = link.split_once("/api/now/")?;
    let host = site.strip_prefix("https://")?;
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    (is_host && !host.is_empty()).then_some(site)
}

/// The field that a note or a change is of.
const ELEMENT: &str = "element";

/// Work notes are for those who work on the ticket, comments for whoever opened it as well.
fn visibility_of(field: &str) -> Option<Visibility> {
    match field {
        "work_notes" => Some(Visibility::Private),
        "comments" => Some(Visibility::Public),
        _ => None,
    }
}

/// Incidents, changes: what the table is called. What isn't called as tables are is the name of something else.
fn of_table(facts: &Facts, place: &mut RecordPlace) {
    place.visibility = facts.get(ELEMENT).and_then(visibility_of);
    if let (None, Some(site)) = (&place.permalink, facts.get(LINK).and_then(instance_of)) {
        let mut known = facts.clone();
        known.set("base", site);
        place.permalink = known.permalink(LINKS);
    }
    let Some(table) = facts.get("table") else { return };
    if !table.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        place.permalink = None;
    } else if let Some(container) = &mut place.container {
        table.clone_into(&mut container.kind);
    }
    // What has no number and belongs to nothing else is no ticket.
    let is_ticket = |own: &RecordContainer| own.name.is_some() || own.id != place.record;
    place.container = place.container.take().filter(is_ticket);
}

struct ServiceNowReader {
    records: Records,
    /// Of people, tickets, and the records of files.
    index: RecordIndex,
}

/// The table of people.
const USER: &str = "sys_user";

/// That of files.
const ATTACHMENT: &str = "sys_attachment";

const RECORDS: Kinds<'_> = Kinds { is_record: &|name| layout_of(name).is_some(), ..Kinds::NONE };

/// What a record is looked up by; `None` if nothing points to it.
fn key_of(element: &Element) -> Option<Key<'_>> {
    let id = element.text_of("sys_id");
    match &*element.name {
        // By their login names, of which there are few.
        USER => Some((USER, "")),
        ATTACHMENT => Some((ATTACHMENT, id?)),
        ticket => element.text_of("number").and(Some((ticket, id?))),
    }
}

impl Reader for ServiceNowReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let head = head_as_text(input.peek(4096));
        if is_json(&head) || !head.trim_ascii_start().starts_with(b"<") {
            return self.records.read(path, input, sink);
        }
        if !self.records.is_one(input) {
            return Reading::NotMine;
        }
        let about = self.records.about();
        let mut pieces = Pieces::default();
        let mut noting = self.index.document(path);
        let reach = read_records(input, &RECORDS, &mut |element| {
            noting.add(element, key_of(element));
            if element.name == "sys_attachment_doc" {
                return pieces.add(element, sink);
            }
            pieces.finish(sink);
            let layout = layout_of(&element.name).unwrap_or(&Layout::NONE);
            Scope::new(&about, Part::Element(element), layout).tell((element.bytes, element.line), sink);
        });
        pieces.finish(sink);
        reach.tell(input.offset(), sink);
        noting.keep();
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        self.find_files(export, places);
        self.fill(export, places);
    }
}

impl ServiceNowReader {
    /// The records of attached files.
    fn find_files(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let file = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
        let wanted: HashSet<String> = places.iter().filter_map(|place| file(place)).collect();
        let about = self.records.about();
        let mut known: HashMap<String, RecordPlace> = HashMap::new();
        let keys = wanted.iter().map(|id| (ATTACHMENT, id.as_str()));
        self.index.look_up(export, keys, &RECORDS, &mut |element| {
            let Some(id) = element.text_of("sys_id").filter(|id| element.name == ATTACHMENT && wanted.contains(*id))
            else {
                return;
            };
            let mut place = RecordPlace::default();
            Scope::new(&about, Part::Element(element), &FILE).place(&mut place);
            known.insert(id.to_owned(), place);
        });
        for place in places {
            let Some(found) = file(place).and_then(|id| known.get(&id)) else { continue };
            let (physical, reader) = (place.physical.clone(), place.reader);
            let (system, field) = (place.system.clone(), place.field.clone());
            let path = place.attachment.take().and_then(|file| file.path);
            **place = RecordPlace { physical, reader, system, field, ..found.clone() };
            if let Some(file) = &mut place.attachment {
                file.path = path;
            }
        }
    }

    /// Fills in names, addresses and numbers, all in one reading.
    fn fill(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let people: HashSet<String> = places.iter().filter_map(|place| login(place)).collect();
        let tickets: HashSet<(String, String)> = places.iter().filter_map(|place| unnumbered(place)).collect();
        let mut known = Known::default();
        let people_keys = (!people.is_empty()).then_some((USER, ""));
        let keys = tickets.iter().map(|(table, id)| (table.as_str(), id.as_str())).chain(people_keys);
        self.index.look_up(export, keys, &RECORDS, &mut |element| match &*element.name {
            USER => known.add_user(element, &people),
            _ => known.add_ticket(element, &tickets),
        });
        for place in places {
            let person = login(place).and_then(|id| known.people.get(&id).cloned());
            if let (Some(author), Some(person)) = (&mut place.author, person) {
                (author.name, author.email) = person;
            }
            let number = unnumbered(place).and_then(|ticket| known.tickets.get(&ticket).cloned());
            if let Some(container) = &mut place.container {
                container.name = container.name.take().or(number);
            }
        }
    }
}

/// What records point to that stand elsewhere in the unload.
#[derive(Default)]
struct Known {
    /// By login name: name and address.
    people: HashMap<String, (Option<String>, Option<String>)>,
    /// By table and id: the number of the ticket that notes, changes and files belong to.
    tickets: HashMap<(String, String), String>,
}

impl Known {
    fn add_user(&mut self, user: &Element, wanted: &HashSet<String>) {
        let Some(id) = user.text_of("user_name").filter(|id| wanted.contains(*id)) else { return };
        let parts: Vec<&str> = ["first_name", "last_name"].iter().filter_map(|part| user.text_of(part)).collect();
        let name = user.text_of("name").map(str::to_owned).or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
        self.people.insert(id.to_owned(), (name, user.text_of("email").map(str::to_owned)));
    }

    fn add_ticket(&mut self, ticket: &Element, wanted: &HashSet<(String, String)>) {
        let (Some(id), Some(number)) = (ticket.text_of("sys_id"), ticket.text_of("number")) else { return };
        let key = (ticket.name.clone(), id.to_owned());
        if wanted.contains(&key) {
            self.tickets.insert(key, number.to_owned());
        }
    }
}

/// The login name of an author of whom nothing else is known.
fn login(place: &RecordPlace) -> Option<String> {
    place.author.as_ref().filter(|author| author.name.is_none())?.id.clone()
}

/// Table and id of a ticket whose number isn't known.
fn unnumbered(place: &RecordPlace) -> Option<(String, String)> {
    let ticket = place.container.as_ref().filter(|ticket| ticket.name.is_none())?;
    Some((ticket.kind.clone(), ticket.id.clone()?))
}

fn layout_of(name: &str) -> Option<&'static Layout> {
    let is_around = matches!(name, "unload" | "xml" | "response");
    ELEMENTS.iter().find(|(own, _)| *own == name || own.is_empty() && !is_around).map(|(_, layout)| *layout)
}

/// The notes in a text: `2024-01-01 10:00:00 - Ada L (Work notes)` and below it what was said.
fn notes(text: &str) -> Vec<Note<'_>> {
    let head = |line: &'_ str| -> Option<(usize, usize)> {
        let (when, rest) = line.split_once(" - ")?;
        let is_time = when.len() == 19
            && when.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => matches!(byte, b'-' | b'/' | b'.'),
                10 => byte == b' ',
                13 | 16 => byte == b':',
                _ => byte.is_ascii_digit(),
            });
        let who = rest.rfind(" (").filter(|_| rest.trim_end().ends_with(')'))?;
        is_time.then_some((when.len(), when.len() + 3 + who))
    };
    let mut heads = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some((when, who)) = head(line.trim_end()) {
            heads.push((at, when, who));
        }
        at += line.len();
    }
    let ends = heads.iter().skip(1).map(|(at, ..)| *at).chain([text.len()]);
    let visibility = |head: &str| {
        let label = head.lines().next().and_then(|line| Some(&line[line.rfind(" (")? + 2..]))?;
        let is = |name: &str| label.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        match () {
            () if is("work notes") => Some(Visibility::Private),
            () if is("additional comments") || is("comments") => Some(Visibility::Public),
            () => None,
        }
    };
    let note = |((at, when, who), end): (&(usize, usize, usize), usize)| Note {
        visibility: visibility(&text[*at..end]),
        start: *at,
        time: &text[*at..at + when],
        author: &text[at + when + 3..at + who],
        // With its heading: a line that looks like one may be what somebody wrote.
        text: &text[at + when + 3..end],
    };
    heads.iter().zip(ends).map(note).collect()
}

/// A file, packed with gzip and cut into pieces of base64, which stand one after the other, in any order.
#[derive(Default)]
struct Pieces {
    file: String,
    /// Each with its number.
    pieces: Vec<(u64, Vec<u8>)>,
    /// Memory that they take.
    held: usize,
    offset: u64,
    line: u64,
    /// Was a piece left out? Those behind it can't be unpacked.
    is_cut: bool,
}

/// Largest file that is unpacked, packed and unpacked: both are held at once.
const MAX_PACKED: usize = 64 << 20;
const MAX_UNPACKED: u64 = 128 << 20;

/// What a piece takes beside its bytes.
const PIECE_BYTES: usize = 64;

impl Pieces {
    fn add(&mut self, element: &Element, sink: &mut Sink<'_>) {
        let file = element.text_of(ATTACHMENT).unwrap_or_default();
        let data = element.child("data");
        if file != self.file {
            self.finish(sink);
            self.offset = data.map_or(element.offset, |data| data.offset);
            (self.file, self.line, self.is_cut) = (file.to_owned(), element.line, false);
        }
        if self.is_cut {
            return;
        }
        let number = element.text_of("position").and_then(|number| number.parse().ok());
        let number = number.unwrap_or(self.pieces.len() as u64);
        let packed: String = data.map(|data| data.text.split_whitespace().collect()).unwrap_or_default();
        match data_encoding::BASE64.decode(packed.as_bytes()) {
            Ok(bytes) if self.held + bytes.len() + PIECE_BYTES <= MAX_PACKED => {
                self.held += bytes.len() + PIECE_BYTES;
                self.pieces.push((number, bytes));
            }
            Ok(_) => {
                self.is_cut = true;
                let message = "an attached file of more than 64 MiB, its rest left out";
                sink.problem(ProblemKind::Limit, element.offset, message);
            }
            Err(_) => {
                self.is_cut = true;
                let message = "a piece of an attached file that is no base64, left out with those behind it";
                sink.problem(ProblemKind::Malformed, element.offset, message);
            }
        }
    }

    /// The pieces in their order, up to the first that is missing.
    fn joined(&mut self, sink: &mut Sink<'_>) -> Vec<u8> {
        let mut pieces = std::mem::take(&mut self.pieces);
        self.held = 0;
        pieces.sort_by_key(|(number, _)| *number);
        pieces.dedup_by_key(|(number, _)| *number);
        let whole = pieces.iter().zip(0..).take_while(|((number, _), at)| number == at).count();
        // What is wrong was told already of a file that is cut.
        if whole < pieces.len() && !self.is_cut {
            let message = "a piece of an attached file is missing: those behind it are left out";
            sink.problem(ProblemKind::Malformed, self.offset, message);
        }
        pieces.truncate(whole);
        let mut packed = Vec::new();
        pieces.into_iter().for_each(|(_, bytes)| packed.extend(bytes));
        packed
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        let packed = self.joined(sink);
        if packed.is_empty() {
            return;
        }
        let mut bytes = Vec::new();
        if packed.starts_with(&[0x1f, 0x8b]) {
            let mut unpacked = MultiGzDecoder::new(packed.as_slice());
            let read = unpacked.by_ref().take(MAX_UNPACKED).read_to_end(&mut bytes);
            let is_full = read.is_ok() && bytes.len() as u64 == MAX_UNPACKED;
            if is_full && !matches!(unpacked.read(&mut [0]), Ok(0)) {
                let message = "an attached file that unpacks to more than 128 MiB, its rest left out";
                sink.problem(ProblemKind::Limit, self.offset, message);
            }
            if let Err(error) = read {
                let message = format!("an attached file can't be unpacked further: {error}");
                sink.problem(ProblemKind::Malformed, self.offset, &message);
            }
        } else {
            bytes = packed;
        }
        let file = self.file.clone();
        sink.attach(&bytes, (self.offset, self.line), &|place| {
            place.attachment = Some(RecordAttachment { id: Some(file.clone()), name: None, path: None });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::notes;

    #[test]
    fn notes_are_told_apart() {
        let text =
            "2024-01-02 10:00:00 - Bob B (Work notes)\nsecond\nline\n\n2024-01-01 10:00:00 - Ada (L) (Comments)\nfirst";
        let found: Vec<_> = notes(text).into_iter().map(|note| (note.time, note.author, note.text.trim())).collect();
        assert_eq!(
            found,
            [
                ("2024-01-02 10:00:00", "Bob B", "Bob B (Work notes)\nsecond\nline"),
                ("2024-01-01 10:00:00", "Ada (L)", "Ada (L) (Comments)\nfirst")
            ]
        );
        assert!(notes("no - heads (here)").is_empty());
    }
}
