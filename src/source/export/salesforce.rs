//! Salesforce's data export: a table per kind of object, with the bytes of attachments beside them; and single tables as
//! loaders and queries make them.
//!
//! Format: help.salesforce.com, "Export Backup Data from Salesforce" and the object reference (read 2026-11).

use std::collections::{HashMap, HashSet};

use super::{
    csv::Row,
    input::Input,
    markup::Markup,
    sink::Sink,
    system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
    table::{Header, look_up, read_table},
    time,
};
use crate::model::{
    Permalink, PermalinkBasis, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, Visibility,
};

/// Salesforce's data export.
pub(super) struct Salesforce;

/// Objects by which a directory is recognised.
const OBJECTS: [&str; 12] = [
    "Case.csv",
    "CaseComment.csv",
    "EmailMessage.csv",
    "FeedItem.csv",
    "FeedComment.csv",
    "User.csv",
    "Account.csv",
    "Contact.csv",
    "Opportunity.csv",
    "Task.csv",
    "Attachment.csv",
    "ContentVersion.csv",
];

/// Columns that all objects have and nothing else does.
const COLUMNS: [&str; 5] = ["CreatedById", "LastModifiedById", "SystemModstamp", "IsDeleted", "OwnerId"];

/// Columns of one object that name the one it belongs to.
const PARENTS: [&str; 5] = ["ParentId", "CaseId", "FeedItemId", "WhatId", "RelatedToId"];

impl System for Salesforce {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn title(&self) -> &'static str {
        "Salesforce data export"
    }

    fn marks(&self) -> &'static [&'static str] {
        &OBJECTS
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let start = start.strip_prefix(b"\"").unwrap_or(start);
        [&b"Id"[..], b"sep="].iter().any(|own| start.starts_with(own)) && signs_of(head).len() > 1
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        if let Some(only) = look.only() {
            return vec![Detection { root: String::new(), signs: signs_of(&look.head(only)) }];
        }
        let mut found: Vec<Detection> = Vec::new();
        for path in look.paths() {
            let (root, name) = split(path);
            let is_object = OBJECTS.iter().any(|object| object.eq_ignore_ascii_case(name));
            if !is_object || signs_of(&look.head(path)).len() < 2 {
                continue;
            }
            let sign = format!("{name} with the columns of an object");
            match found.iter_mut().find(|found| found.root == root) {
                Some(known) => known.signs.push(sign),
                None => found.push(Detection { root: root.to_owned(), signs: vec![name.to_owned(), sign] }),
            }
        }
        found
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(SalesforceReader { base_url: opening.options.base_url.clone() })
    }
}

/// Columns of every object in the header, if it begins with an id.
fn signs_of(head: &[u8]) -> Vec<String> {
    let header = Header::in_head(head);
    if !header.first().eq_ignore_ascii_case("Id") {
        return Vec::new();
    }
    header.among(&COLUMNS).into_iter().map(|name| format!("column {name}")).collect()
}

struct SalesforceReader {
    base_url: Option<String>,
}

impl Reader for SalesforceReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let (folder, name) = split(path);
        if let Some(attachment) = attachment(folder, name) {
            return Reading::Attachment(attachment);
        }
        let is_named = name.to_ascii_lowercase().ends_with(".csv");
        if is_named {
            input.decode_text();
        }
        let head = input.peek(64 << 10);
        // A table of an object is one whatever it is called.
        if !(is_named && Header::in_head(head).first().eq_ignore_ascii_case("Id") || signs_of(head).len() > 1) {
            return Reading::NotMine;
        }
        let object = object_of(name, &Header::in_head(head));
        read_table(input, sink, &mut |header, row, sink| record(&object, header, row, sink));
        Reading::Records
    }

    fn is_in_parts(&self) -> bool {
        true
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        find_attachments(export, places);
        fill_people(export, places);
        fill_cases(export, places);
        if let Some(base) = &self.base_url {
            places.iter_mut().for_each(|place| link(place, base));
        }
    }
}

/// Which object a table is of, by its name, or by a column that only cases have.
fn object_of(name: &str, header: &Header) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let listed = OBJECTS.iter().filter_map(|object| object.strip_suffix(".csv"));
    let known = listed.into_iter().find(|object| object.eq_ignore_ascii_case(stem));
    known.unwrap_or(if header.has("CaseNumber") { "Case" } else { stem }).to_owned()
}

/// Is it the table of one of these objects?
fn is_of(path: &str, objects: &[&str]) -> bool {
    let (stem, end) = split(path).1.rsplit_once('.').unwrap_or_default();
    end.eq_ignore_ascii_case("csv") && objects.iter().any(|object| object.eq_ignore_ascii_case(stem))
}

/// `Attachments/00P…` and `ContentVersion/068…` are named by the id of their object.
fn attachment(folder: &str, name: &str) -> Option<RecordAttachment> {
    let id = name.split('.').next().unwrap_or(name);
    let is_id = matches!(id.len(), 15 | 18) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!folder.is_empty() && is_id).then(|| RecordAttachment { id: Some(id.to_owned()), name: None, path: None })
}

fn record(object: &str, header: &Header, row: &Row<'_>, sink: &mut Sink<'_>) {
    // What begins with an id is no line of a text.
    let mut row = *row;
    row.is_sure |= is_reference(header.first(), &row.text(0));
    let row = &row;
    let is_plain = row.is_plain();
    for index in 0..row.len() {
        let (name, text, offset) = (header.name(index), row.text(index), row.offset_of(index));
        if name == "OldValue" {
            sink.old_field(name, &text, offset, Markup::Plain);
            continue;
        }
        if is_plain {
            if !is_reference(name, &text) {
                sink.plain_cell(name, &text, offset);
            }
            continue;
        }
        if memchr::memchr2(b'<', b'&', text.as_bytes()).is_some() {
            sink.field(name, &text, offset, Markup::Html);
        }
        sink.cell(name, &text, offset);
    }
    sink.finish(row.bytes(), row.line, &|place| fill(object, header, row, place));
}

/// What a row says of itself.
fn fill(object: &str, header: &Header, row: &Row<'_>, place: &mut RecordPlace) {
    place.record = id_in(header, row, "Id");
    place.author = id_in(header, row, "CreatedById").map(|id| RecordAuthor { id: Some(id), ..Default::default() });
    if object == "EmailMessage" {
        let (name, email) = (header.get(row, "FromName"), header.get(row, "FromAddress"));
        if name.is_some() || email.is_some() {
            place.author = Some(RecordAuthor { id: None, name, email });
        }
    }
    let when = ["CreatedDate", "MessageDate"].iter().find_map(|name| header.get(row, name));
    place.time = when.map(|raw| time::parse_utc(&raw));
    let changed = header.get(row, "LastModifiedDate").map(|raw| time::parse_utc(&raw));
    place.edited = changed.filter(|changed| Some(changed) != place.time.as_ref());
    let parent = PARENTS.iter().find_map(|name| id_in(header, row, name));
    let case = match object {
        "Case" => place.record.clone(),
        _ => parent.clone().filter(|parent| parent.starts_with("500")),
    };
    place.thread = parent;
    place.container = Some(match case {
        Some(id) => RecordContainer { kind: "case".to_owned(), id: Some(id), name: header.get(row, "CaseNumber") },
        None => RecordContainer { kind: "object".to_owned(), id: None, name: Some(object.to_owned()) },
    });
    place.visibility = visibility(object, header, row);
}

/// Who can see a record: those who work there alone, or customers as well.
fn visibility(object: &str, header: &Header, row: &Row<'_>) -> Option<Visibility> {
    let is = |name: &str, values: &[&str]| {
        header.get(row, name).is_some_and(|value| values.iter().any(|own| value.eq_ignore_ascii_case(own)))
    };
    const NO: [&str; 2] = ["0", "false"];
    const YES: [&str; 2] = ["1", "true"];
    // The status of a draft is 5.
    let is_draft = || object == "EmailMessage" && is("Status", &["5", "Draft"]) || is("IsPrivateDraft", &YES);
    let is_internal = || is("IsPublished", &NO) || is("Visibility", &["InternalUsers"]) || is("IsPrivate", &YES);
    let is_published = || is("IsPublished", &YES) || is("Visibility", &["AllUsers"]);
    match () {
        () if is_internal() || is_draft() => Some(Visibility::Private),
        () if is_published() => Some(Visibility::Public),
        () => None,
    }
}

/// An id; what stands for none is none.
fn id_in(header: &Header, row: &Row<'_>, name: &str) -> Option<String> {
    header.get(row, name).filter(|id| !id.starts_with("000000000000000"))
}

/// Is it an id in a column of ids? A third of a row is.
fn is_reference(column: &str, text: &str) -> bool {
    column.ends_with("Id") && matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Ids of 15 and of 18 characters are the same in the first 15.
fn key(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

fn find_attachments(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let id_of = |place: &RecordPlace| {
        let attachment = place.attachment.as_ref().filter(|_| place.record.is_none())?;
        attachment.id.as_deref().map(|id| key(id).to_owned())
    };
    let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
    if wanted.is_empty() {
        return;
    }
    let mut found: HashMap<String, (RecordPlace, Option<String>)> = HashMap::new();
    let is_list = |path: &str| is_of(path, &["Attachment", "ContentVersion", "Document"]);
    export.read(&is_list, &mut |path, input| {
        let object = object_of(split(path).1, &Header::default());
        look_up(input, &mut |header, row| {
            let Some(id) = header.get(row, "Id").filter(|id| wanted.contains(key(id))) else { return };
            let mut place = RecordPlace::default();
            fill(&object, header, row, &mut place);
            let name = ["Name", "PathOnClient", "Title"].iter().find_map(|column| header.get(row, column));
            found.insert(key(&id).to_owned(), (place, name));
        });
    });
    for place in places {
        let Some((known, name)) = id_of(place).and_then(|id| found.get(&id)) else { continue };
        let RecordPlace { time, container, thread, record, author, edited, visibility, .. } = known.clone();
        place.visibility = visibility;
        (place.time, place.container, place.thread) = (time, container, thread);
        (place.record, place.author, place.edited) = (record, author, edited);
        if let Some(attachment) = &mut place.attachment {
            attachment.name.clone_from(name);
        }
    }
}

fn fill_people(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let id_of = |place: &RecordPlace| place.author.as_ref()?.id.as_deref().map(|id| key(id).to_owned());
    let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
    let mut people: HashMap<String, (Option<String>, Option<String>)> = HashMap::new();
    if wanted.is_empty() {
        return;
    }
    export.read(&|path| is_of(path, &["User"]), &mut |_, input| {
        look_up(input, &mut |header, row| {
            let Some(id) = header.get(row, "Id").filter(|id| wanted.contains(key(id))) else { return };
            let parts: Vec<String> =
                ["FirstName", "LastName"].iter().filter_map(|column| header.get(row, column)).collect();
            let name = header.get(row, "Name").or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
            people.insert(key(&id).to_owned(), (name, header.get(row, "Email")));
        });
    });
    for place in places {
        let Some(known) = id_of(place).and_then(|id| people.get(&id)) else { continue };
        if let Some(author) = &mut place.author {
            (author.name, author.email) = known.clone();
        }
    }
}

/// Numbers of cases, for what belongs to one.
fn fill_cases(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let id_of = |place: &RecordPlace| {
        let container = place.container.as_ref().filter(|container| container.kind == "case")?;
        container.id.as_deref().filter(|_| container.name.is_none()).map(|id| key(id).to_owned())
    };
    let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
    let mut numbers: HashMap<String, String> = HashMap::new();
    if wanted.is_empty() {
        return;
    }
    export.read(&|path| is_of(path, &["Case"]), &mut |_, input| {
        look_up(input, &mut |header, row| {
            let Some(id) = header.get(row, "Id").filter(|id| wanted.contains(key(id))) else { return };
            if let Some(number) = header.get(row, "CaseNumber") {
                numbers.insert(key(&id).to_owned(), number);
            }
        });
    });
    for place in places {
        let Some(number) = id_of(place).and_then(|id| numbers.get(&id).cloned()) else { continue };
        if let Some(container) = &mut place.container {
            container.name = Some(number);
        }
    }
}

/// The page of the case that a record belongs to, else of the record: Salesforce sends an id to the page of its object.
fn link(place: &mut RecordPlace, base: &str) {
    let base = base.trim_end_matches('/');
    let case = place.container.as_ref().filter(|container| container.kind == "case");
    let url = match case.and_then(|case| case.id.as_ref()) {
        Some(case) => format!("{base}/lightning/r/Case/{case}/view"),
        None => match &place.record {
            Some(record) => format!("{base}/{record}"),
            None => return,
        },
    };
    place.permalink = Some(Permalink { url, basis: PermalinkBasis::Derived });
}
