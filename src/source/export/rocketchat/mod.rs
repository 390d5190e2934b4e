//! Rocket.Chat: a dump of its database, and messages as JSON.
//!
//! Format: bsonspec.org; the collections as public converters read them (2026-11).

mod bson;

use std::collections::HashMap;

use self::bson::{Bson, BsonEvent, read_bson};
use super::{
    described::{Described, has, is_json, keys_in},
    input::Input,
    layout::{Document, Facts, Files, Form, Layout, PLAIN, Records, Scope, first},
    sink::{Sink, Why},
    system::{Detection, Export, Look, Opening, Reader, Reading, System},
};
use crate::model::{RecordAttachment, RecordPlace, Revision, Visibility};

/// A dump of the database.
pub(super) struct Dump;

/// Messages as JSON: lines out of the database, pages of the interface.
pub(super) static PAGES: Described = Described {
    name: "rocketchat-json",
    title: "Rocket.Chat messages",
    marks: &[],
    signs: |head| keys_in(head, &["rid", "msg", "ts", "u", "_updatedAt"]),
    root: None,
    files: &FILES,
};

static FILES: Files = Files { form: |_, head| is_json(head).then_some(Form::Json(&MESSAGES)), ..Files::NONE };

static MESSAGES: Document = Document { lists: &[("", &MESSAGE), ("messages", &MESSAGE)], about: &[], other: &MESSAGE };

static MESSAGE: Layout = Layout {
    texts: &[
        ("msg", PLAIN),
        ("attachments.text", PLAIN),
        ("attachments.description", PLAIN),
        ("attachments.title", PLAIN),
    ],
    facts: &[
        ("author_id", "u._id"),
        ("author", "u.name|u.username"),
        ("time", "ts.$date.$numberLong|ts.$date|ts"),
        ("edited", "editedAt.$date.$numberLong|editedAt.$date|editedAt"),
        ("id", "_id"),
        ("message", "parent|_id"),
        ("thread", "tmid"),
        ("container_id", "rid"),
        ("hidden", "_hidden"),
    ],
    kind: "channel",
    links: &["{base}/channel/{container_id}?msg={message}"],
    // `md` is the message once more, as a tree.
    skip: &["md", "avatar", "image_dimensions", "avatarETag"],
    addresses: &["title_link", "image_url", "url", "path"],
    files: &["file._id", "files._id"],
    adjust: hidden,
    ..Layout::NONE
};

/// What was edited away is kept as a hidden message.
fn hidden(facts: &Facts, place: &mut RecordPlace) {
    if facts.get("hidden") == Some("true") {
        place.revision = Revision::Old;
    }
}

static OTHER: Layout = Layout {
    facts: &[("id", "_id"), ("author_id", "u._id"), ("author", "u.username"), ("time", "ts")],
    skip: &["_id", "avatarETag"],
    ..Layout::NONE
};

impl System for Dump {
    fn name(&self) -> &'static str {
        "rocketchat"
    }

    fn title(&self) -> &'static str {
        "Rocket.Chat database dump"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["rocketchat_message.bson"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let detection = |root: &str| {
            let names =
                ["rocketchat_message.bson", "rocketchat_room.bson", "users.bson", "rocketchat_uploads.files.bson"];
            let signs = names.iter().filter(|name| look.has(&format!("{root}{name}")));
            let mut signs: Vec<String> = signs.map(|name| (*name).to_owned()).collect();
            if has(&look.head(&format!("{root}rocketchat_message.bson")), "\x02rid\0") {
                signs.push("messages with the key rid".to_owned());
            }
            Detection { root: root.to_owned(), signs }
        };
        look.roots_of("rocketchat_message.bson").take(64).map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(DumpReader { records: Records::new(&FILES, None, opening.options.base_url.clone()) })
    }
}

struct DumpReader {
    records: Records,
}

const CHUNKS: &str = "rocketchat_uploads.chunks.bson";

impl Reader for DumpReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if !path.ends_with(".bson") {
            return Reading::NotMine;
        }
        let about = self.records.about();
        let layout = if path == "rocketchat_message.bson" { &MESSAGE } else { &OTHER };
        let mut upload = Upload::default();
        read_bson(input, &mut |event| match event {
            BsonEvent::Document(document, _) if path == CHUNKS => upload.add(document, sink),
            BsonEvent::Document(document, size) => Scope::new(&about, document, layout).tell((size, 0), sink),
            BsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why.map(Why::Malformed)),
        });
        upload.finish(sink);
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let about = self.records.about();
        let file = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
        if places.iter().any(|place| file(place).is_some()) {
            export.read(&|path| path == "rocketchat_message.bson", &mut |_, input| {
                read_bson(input, &mut |event| {
                    let BsonEvent::Document(document, _) = event else { return };
                    let id = first(document, "file._id|files._id");
                    for place in places.iter_mut().filter(|place| id.is_some() && file(place) == id) {
                        let (physical, reader) = (place.physical.clone(), place.reader);
                        let (system, field) = (place.system.clone(), place.field.clone());
                        let name = first(document, "file.name|files.name");
                        let path = place.attachment.take().and_then(|file| file.path);
                        **place = RecordPlace { physical, reader, system, field, ..RecordPlace::default() };
                        Scope::new(&about, document, &MESSAGE).place(place);
                        place.attachment = Some(RecordAttachment { id: id.clone(), name, path });
                    }
                });
            });
        }
        names(export, places);
    }
}

/// Names of people and rooms.
fn names(export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let (mut people, mut rooms) = (HashMap::new(), HashMap::new());
    let author = |place: &RecordPlace| place.author.as_ref()?.id.clone();
    let room = |place: &RecordPlace| place.container.as_ref()?.id.clone();
    export.read(&|path| matches!(path, "users.bson" | "rocketchat_room.bson"), &mut |path, input| {
        read_bson(input, &mut |event| {
            let BsonEvent::Document(document, _) = event else { return };
            let Some(id) = first(document, "_id") else { return };
            if path == "users.bson" && places.iter().any(|place| author(place).as_ref() == Some(&id)) {
                people.insert(id, (first(document, "name|username"), first(document, "emails.address")));
            } else if path != "users.bson" && places.iter().any(|place| room(place).as_ref() == Some(&id)) {
                let readers = first(document, "usersCount").and_then(|count| count.parse().ok());
                rooms.insert(id, (first(document, "t"), first(document, "fname|name"), readers));
            }
        });
    });
    for place in places {
        if let (Some((name, email)), Some(author)) = (author(place).and_then(|id| people.get(&id)), &mut place.author) {
            author.name = name.clone().or_else(|| author.name.take());
            author.email.clone_from(email);
        }
        let Some((kind, name, readers)) = room(place).and_then(|id| rooms.get(&id)) else { continue };
        place.readers = *readers;
        place.visibility = match kind.as_deref() {
            Some("c") => Some(Visibility::Public),
            Some("p") => Some(Visibility::Private),
            Some("d") => Some(Visibility::Direct),
            _ => None,
        };
        if let Some(container) = &mut place.container {
            container.name.clone_from(name);
        }
        // Addresses have the room's name where it has one.
        if let (Some(link), Some(name), Some(id)) = (&mut place.permalink, name, room_id(&place.container)) {
            // As the interface has them.
            let part = if place.visibility == Some(Visibility::Private) { "group" } else { "channel" };
            link.url = link.url.replacen(&format!("/channel/{id}?"), &format!("/{part}/{name}?"), 1);
        }
    }
}

fn room_id(container: &Option<crate::model::RecordContainer>) -> Option<String> {
    container.as_ref()?.id.clone()
}

/// A file in the pieces of 255 KiB in which uploads are stored, one after the other.
#[derive(Default)]
struct Upload {
    file: String,
    bytes: Vec<u8>,
    offset: u64,
}

/// Of a larger upload, the parts are looked at one by one.
const MAX_UPLOAD: usize = 64 << 20;

/// What stands at the end of a part is looked at with the next, too.
const TAIL_BYTES: usize = 4 << 10;

impl Upload {
    fn add(&mut self, document: Bson<'_>, sink: &mut Sink<'_>) {
        let Some(file) = first(document, "files_id") else { return };
        let Some((bytes, offset)) = document.binary("data") else { return };
        if file != self.file {
            self.finish(sink);
            (self.file, self.offset) = (file, offset);
        } else if self.bytes.len() + bytes.len() > MAX_UPLOAD {
            let tail = self.bytes.split_off(self.bytes.len().saturating_sub(TAIL_BYTES));
            self.bytes.extend_from_slice(&tail);
            self.tell(sink);
            (self.bytes, self.offset) = (tail, offset);
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn tell(&mut self, sink: &mut Sink<'_>) {
        let bytes = std::mem::take(&mut self.bytes);
        let file = &self.file;
        sink.attach(&bytes, (self.offset, 0), &|place| {
            place.attachment = Some(RecordAttachment { id: Some(file.clone()), name: None, path: None });
        });
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        if !self.bytes.is_empty() {
            self.tell(sink);
        }
        self.file.clear();
    }
}
