//! Confluence's XML export: objects of its database with their properties, and attachments by page, id and version.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        detect,
        element::{Element, Kinds, read_records},
        input::Input,
        markup::Markup,
        record_index::{Key, RecordIndex},
        sink::Sink,
        system::{Detection, Export, Look, Opening, Reader, Reading, System},
        time,
    },
    link, storage,
};
use crate::model::{PermalinkBasis, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, Revision};

/// Confluence's XML export.
pub(in crate::source::export) struct Space;

impl System for Space {
    fn name(&self) -> &'static str {
        "confluence-xml"
    }

    fn title(&self) -> &'static str {
        "Confluence export (XML)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        head.trim_ascii_start().starts_with(b"<") && signs_of(head).len() > 1
    }

    fn marks(&self) -> &'static [&'static str] {
        &["entities.xml", "exportDescriptor.properties"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        if let Some(alone) = look.alone(signs_of) {
            return vec![alone];
        }
        let detection = |root: &str| {
            let mut signs = signs_of(&look.head(&format!("{root}entities.xml")));
            if signs.is_empty() {
                return None;
            }
            signs.insert(0, "entities.xml".to_owned());
            let descriptor = "exportDescriptor.properties";
            signs.extend(look.has(&format!("{root}{descriptor}")).then(|| descriptor.to_owned()));
            Some(Detection { root: root.to_owned(), signs })
        };
        look.roots_of("entities.xml").take(64).filter_map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(SpaceReader { base_url: opening.options.base_url.clone(), index: RecordIndex::new(opening.room) })
    }
}

fn signs_of(head: &[u8]) -> Vec<String> {
    let has = |sign: &&&str| memchr::memmem::find(head, sign.as_bytes()).is_some();
    const SIGNS: [&str; 2] = ["<hibernate-generic", "package=\"com.atlassian."];
    SIGNS.iter().filter(has).map(|sign| (*sign).to_owned()).collect()
}

struct SpaceReader {
    base_url: Option<String>,
    index: RecordIndex,
}

const OBJECTS: Kinds<'_> = Kinds { is_record: &|name| name == "object", ..Kinds::NONE };

/// What contents, people and accounts are looked up by.
const CONTENT: &str = "content";
const PERSON: &str = "ConfluenceUserImpl";
const ACCOUNT: &str = "InternalUser";

/// Objects that are looked up all together.
const SITE: [&str; 2] = ["Space", "ConfluenceBandanaRecord"];

/// What an object is looked up by; `None` if nothing points to it.
fn key_of(object: &Element) -> Option<Key<'_>> {
    match object.attribute("class")? {
        "ConfluenceBandanaRecord" if property(object, "key") != Some(SETTINGS) => None,
        class if SITE.contains(&class) => Some((class, "")),
        class if CONTENTS.contains(&class) => Some((CONTENT, object.text_of("id")?)),
        PERSON => Some((PERSON, object.text_of("id")?)),
        ACCOUNT | "User" => Some((ACCOUNT, property(object, "name")?)),
        _ => None,
    }
}

/// The record that has the address of the site.
const SETTINGS: &str = "atlassian.confluence.settings";

/// Objects that are pages or stand on some.
const CONTENTS: [&str; 8] = [
    "Page",
    "BlogPost",
    "Comment",
    "Attachment",
    "Draft",
    "SpaceDescription",
    "PersonalInformation",
    "CustomContentEntityObject",
];

impl Reader for SpaceReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if let Some(attachment) = attachment(path) {
            return Reading::Attachment(attachment);
        }
        let is_only = !path.contains('/') && detect::is_one(input, signs_of);
        if path != "entities.xml" && !is_only {
            return Reading::NotMine;
        }
        let mut noting = self.index.document(path);
        let reach = read_records(input, &OBJECTS, &mut |object| {
            noting.add(object, key_of(object));
            tell(object, sink);
        });
        reach.tell(input.offset(), sink);
        noting.keep();
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let mut known = Known::default();
        self.look_up(export, places, &mut known);
        let base = match (&self.base_url, known.base.take()) {
            (Some(base), _) => Some((base.clone(), PermalinkBasis::Derived)),
            (None, Some(base)) => Some((base, PermalinkBasis::Exact)),
            (None, None) => None,
        };
        for place in &mut *places {
            known.fill(place, base.as_ref());
        }
        self.fill_people(export, places);
    }
}

impl SpaceReader {
    /// Reads the contents with findings, then those that they stand on.
    fn look_up(&self, export: &Export<'_>, places: &[&mut RecordPlace], known: &mut Known) {
        let file = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
        let mut wanted: HashSet<String> =
            places.iter().filter_map(|place| file(place).or_else(|| place.thread.clone())).collect();
        let mut site = SITE.as_slice();
        while !wanted.is_empty() || !site.is_empty() {
            let keys = wanted.iter().map(|id| (CONTENT, id.as_str())).chain(site.iter().map(|class| (*class, "")));
            self.index.look_up(export, keys, &OBJECTS, &mut |object| {
                known.site(object);
                if let Some(content) = Content::new(object).filter(|content| wanted.contains(&content.id)) {
                    known.contents.insert(content.id.clone(), content);
                }
            });
            let is_first = !std::mem::take(&mut site).is_empty();
            let above = known.contents.values().flat_map(|content| [&content.above, &content.newest]).flatten();
            let others = above.filter(|id| !known.contents.contains_key(*id) && is_first);
            wanted = others.cloned().collect();
        }
    }

    /// Fills in names and addresses: by the key of a user to the name, by the name to the rest.
    fn fill_people(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let id_of = |place: &RecordPlace| place.author.as_ref()?.id.clone();
        let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
        // Login names with the id that authors have; accounts are listed before or behind people.
        let mut logins: HashMap<String, String> = wanted.iter().map(|id| (id.clone(), id.clone())).collect();
        let mut people: HashMap<String, RecordAuthor> = HashMap::new();
        let keys = wanted.iter().map(|id| (PERSON, id.as_str()));
        self.index.look_up(export, keys, &OBJECTS, &mut |object| {
            let key =
                object.text_of("id").filter(|id| object.attribute("class") == Some(PERSON) && wanted.contains(*id));
            let Some((key, login)) = key.zip(property(object, "name")) else { return };
            let (id, name) = (Some(key.to_owned()), Some(login.to_owned()));
            people
                .insert(key.to_owned(), RecordAuthor { id, name, email: property(object, "email").map(str::to_owned) });
            logins.insert(login.to_owned(), key.to_owned());
        });
        let keys = logins.keys().map(|login| (ACCOUNT, login.as_str()));
        self.index.look_up(export, keys, &OBJECTS, &mut |object| {
            if !matches!(object.attribute("class"), Some(ACCOUNT | "User")) {
                return;
            }
            let of = |name: &str| property(object, name).map(str::to_owned);
            let Some(key) = property(object, "name").and_then(|login| logins.get(login)) else { return };
            let (name, email) =
                (of("displayName").or_else(|| of("fullName")), of("emailAddress").or_else(|| of("email")));
            people.insert(key.clone(), RecordAuthor { id: Some(key.clone()), name, email });
        });
        for place in places {
            if let Some(known) = id_of(place).and_then(|id| people.get(&id)) {
                place.author = Some(known.clone());
            }
        }
    }
}

/// `attachments/<page>/<id>/<version>`.
fn attachment(path: &str) -> Option<RecordAttachment> {
    let mut parts = path.split('/');
    let is_it = parts.next() == Some("attachments");
    let (_, id) = (parts.next()?, parts.next()?);
    is_it.then(|| RecordAttachment { id: Some(id.to_owned()), name: None, path: None })
}

/// The property of an object, if it isn't empty.
fn property<'o>(object: &'o Element, name: &str) -> Option<&'o str> {
    let own = object.children.iter().find(|own| own.attribute("name") == Some(name) && own.name == "property")?;
    Some(own.text.trim()).filter(|text| !text.is_empty())
}

/// The id of the object that a property names.
fn reference(object: &Element, name: &str) -> Option<String> {
    let own = object.children.iter().find(|own| own.attribute("name") == Some(name) && own.name == "property")?;
    own.text_of("id").map(str::to_owned)
}

fn tell(object: &Element, sink: &mut Sink<'_>) {
    let class = object.attribute("class").unwrap_or_default();
    sink.field("text", &object.text, object.offset, Markup::Plain);
    for own in &object.children {
        let name = own.attribute("name").unwrap_or(&own.name);
        match (class, name) {
            // Ids, and what repeats another property.
            (_, "id") if own.name == "id" => {}
            (_, name) if name.starts_with("lower") => {}
            ("BodyContent", "body") => {
                let is_storage = property(object, "bodyType").is_none_or(|kind| kind == "2");
                let html = if is_storage { storage::to_html(&own.text) } else { own.text.clone() };
                sink.field("body", &html, own.offset, if is_storage { Markup::Html } else { Markup::Plain });
            }
            (_, name) if own.name != "collection" => {
                // Settings are XML or JSON in a text.
                if own.text.contains('<') {
                    sink.field(name, &own.text, own.offset, Markup::Html);
                }
                sink.cell(name, own.text.trim(), own.offset);
                own.children.iter().filter(|inner| inner.name != "id").for_each(|inner| inner_texts(inner, sink));
            }
            _ => {}
        }
    }
    sink.finish(object.bytes, object.line, &|place| {
        let id = object.text_of("id").map(str::to_owned);
        place.record.clone_from(&id);
        place.thread = match class {
            "BodyContent" => reference(object, "content"),
            _ if CONTENTS.contains(&class) => id,
            _ => None,
        };
        place.container = Some(RecordContainer { kind: "table".to_owned(), id: None, name: Some(class.to_owned()) });
    });
}

fn inner_texts(element: &Element, sink: &mut Sink<'_>) {
    sink.cell(element.attribute("name").unwrap_or(&element.name), element.text.trim(), element.offset);
    element.children.iter().for_each(|inner| inner_texts(inner, sink));
}

/// What is known of a page, a comment or a file.
#[derive(Clone, Debug, Default)]
struct Content {
    id: String,
    class: String,
    title: Option<String>,
    space: Option<String>,
    /// What it stands on.
    above: Option<String>,
    /// The page of which it is an older version.
    newest: Option<String>,
    author: Option<String>,
    created: Option<String>,
    changed: Option<String>,
    status: Option<String>,
}

impl Content {
    fn new(object: &Element) -> Option<Content> {
        let class = object.attribute("class").filter(|class| CONTENTS.contains(class))?.to_owned();
        let of = |name: &str| property(object, name).map(str::to_owned);
        let by = |name: &str| reference(object, name).or_else(|| of(&format!("{name}Name")));
        Some(Content {
            id: object.text_of("id")?.to_owned(),
            class,
            title: of("fileName").or_else(|| of("title")),
            space: reference(object, "space"),
            above: ["containerContent", "owner", "content", "page"].iter().find_map(|name| reference(object, name)),
            newest: reference(object, "originalVersion").or_else(|| of("originalVersionId")),
            author: by("lastModifier").or_else(|| by("creator")),
            created: of("creationDate"),
            changed: of("lastModificationDate"),
            status: of("contentStatus"),
        })
    }
}

/// What objects say of those with findings.
#[derive(Default)]
struct Known {
    contents: HashMap<String, Content>,
    spaces: HashMap<String, RecordContainer>,
    base: Option<String>,
}

impl Known {
    fn site(&mut self, object: &Element) {
        match object.attribute("class") {
            Some("Space") => {
                let Some(id) = object.text_of("id").map(str::to_owned) else { return };
                let name = property(object, "key").or(property(object, "name")).map(str::to_owned);
                self.spaces.insert(id.clone(), RecordContainer { kind: "space".to_owned(), id: Some(id), name });
            }
            Some("ConfluenceBandanaRecord") if property(object, "key") == Some(SETTINGS) => {
                let settings = property(object, "value").unwrap_or_default();
                let base = settings.split("<baseUrl>").nth(1).and_then(|rest| rest.split('<').next());
                self.base =
                    base.filter(|base| base.starts_with("http")).map(|base| base.trim_end_matches('/').to_owned());
            }
            _ => {}
        }
    }

    fn fill(&self, place: &mut RecordPlace, base: Option<&(String, PermalinkBasis)>) {
        let file = place.attachment.as_ref().filter(|_| place.record.is_none()).and_then(|file| file.id.clone());
        let Some(content) = file.as_ref().or(place.thread.as_ref()).and_then(|id| self.contents.get(id)) else {
            return;
        };
        if let (Some(attachment), true) = (&mut place.attachment, file.is_some()) {
            attachment.name.clone_from(&content.title);
        }
        place.record = Some(content.id.clone());
        place.author = content.author.clone().map(|id| RecordAuthor { id: Some(id), ..RecordAuthor::default() });
        let changed = content.changed.as_ref().or(content.created.as_ref());
        place.time = changed.map(|raw| time::parse(raw));
        if content.newest.is_some() || content.status.as_deref().is_some_and(|status| status == "deleted") {
            place.revision = Revision::Old;
        }
        // A comment or file stands on a page; an older version has the space of the newest.
        let above = content.above.as_ref().filter(|_| content.class != "Page" && content.class != "BlogPost");
        let page = above.and_then(|id| self.contents.get(id)).unwrap_or(content);
        let newest = page.newest.as_ref().and_then(|id| self.contents.get(id));
        let space = [content.space.as_ref(), page.space.as_ref(), newest.and_then(|page| page.space.as_ref())];
        let space = space.into_iter().flatten().find_map(|id| self.spaces.get(id));
        // A space that is exported alone is the space of everything.
        let single = || self.spaces.values().next().filter(|_| self.spaces.len() == 1);
        place.container = space.or_else(single).cloned();
        let page_id = above.unwrap_or(&content.id);
        place.thread = Some(newest.map_or(page_id, |page| &page.id).clone());
        if let Some((base, basis)) = base {
            let comment = (content.class == "Comment").then_some(content.id.as_str());
            place.permalink = Some(link(base, page_id, comment, *basis));
        }
    }
}
