//! What is known only after a second look: the records of attached files, names of people and containers.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use super::{
    super::{
        html::Node,
        json::{Json, JsonEvent, read_json},
        system::Export,
    },
    Cells, Fields, Part, Records, Scope, Value, first,
    read::{Again, again, enter},
    visit,
};
use crate::model::{RecordAuthor, RecordPlace};

/// Names of people, which stand in a list of their own.
pub(in crate::source::export) struct Lookup {
    /// Which files have it.
    pub(in crate::source::export) is_file: fn(&str) -> bool,
    /// Path to the list; empty for the list at the top and for lines.
    pub(in crate::source::export) list: &'static str,
    /// Paths to id, name and e-mail address in an element; a name may be in parts, with `+` between their paths.
    pub(in crate::source::export) id: &'static str,
    pub(in crate::source::export) name: &'static str,
    pub(in crate::source::export) email: &'static str,
}

pub(super) fn resolve(records: &Records, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    find_attachments(records, export, places);
    for lookup in records.files.lookups {
        look_up(lookup, export, places);
    }
    (records.files.finish)(export, places);
}

/// The id under which an author is looked up, unless the record has name and address.
fn id_of(place: &RecordPlace) -> Option<String> {
    place.author.as_ref().filter(|author| author.name.is_none() || author.email.is_none())?.id.clone()
}

fn look_up(lookup: &Lookup, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let wanted: HashSet<String> = places.iter().filter_map(|place| id_of(place)).collect();
    if wanted.is_empty() {
        return;
    }
    let mut known: HashMap<String, (Option<String>, Option<String>)> = HashMap::new();
    export.read(&lookup.is_file, &mut |_, input| {
        read_json(input, &|path, is_list| enter(&[lookup.list], path, is_list), &mut |event| {
            let JsonEvent::Value { json, .. } = event else { return };
            let Some(id) = first(json, lookup.id).filter(|id| wanted.contains(id)) else { return };
            known.insert(id, (joined(json, lookup.name), first(json, lookup.email)));
        });
    });
    for place in places {
        let Some((name, email)) = id_of(place).and_then(|id| known.get(&id).cloned()) else { continue };
        let author: &mut RecordAuthor = place.author.get_or_insert_default();
        author.name = author.name.take().or(name);
        author.email = author.email.take().or(email);
    }
}

/// The first text of several; one may be in parts with `+` between them.
fn joined(json: Json<'_>, paths: &str) -> Option<String> {
    paths.split('|').find_map(|path| {
        let parts: Vec<String> = path.split('+').filter_map(|part| first(json, part)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

/// Finds the records of attached files: all records are read again, but only if something was found in such a file.
fn find_attachments(records: &Records, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
    let path_of = |place: &RecordPlace| place.attachment.as_ref().filter(|_| place.record.is_none())?.id.clone();
    let mut wanted = Wanted::default();
    places.iter().filter_map(|place| path_of(place)).for_each(|path| wanted.add(path));
    if wanted.by_name.is_empty() {
        return;
    }
    export.read(&|path| !(records.files.is_attached)(path), &mut |path, input| {
        path.rsplit_once('/').map_or("", |(folder, _)| folder).clone_into(&mut wanted.folder);
        again(records, path, input, &mut wanted);
    });
    for place in places {
        let Some(path) = path_of(place) else { continue };
        let Some(found) = wanted.found.get(&path).or_else(|| wanted.linked.get(&path)) else { continue };
        let (physical, attachment, reader) = (place.physical.clone(), place.attachment.clone(), place.reader);
        let (system, field) = (place.system.clone(), place.field.clone());
        **place = RecordPlace { physical, attachment, reader, system, field, ..found.clone() };
    }
}

/// Attached files whose records are looked for.
#[derive(Default)]
struct Wanted {
    /// Paths by the last part.
    by_name: HashMap<String, Vec<String>>,
    /// Directory of the file that is being read.
    folder: String,
    found: BTreeMap<String, RecordPlace>,
    /// Those of which a record only links to where they lay, by their name.
    linked: BTreeMap<String, RecordPlace>,
}

impl Wanted {
    fn add(&mut self, path: String) {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        self.by_name.entry(name).or_default().push(path);
    }

    /// The files that a text names: as a path from the export's root, from the directory of the file that it stands in, or
    /// the last part of one.
    fn named(&self, text: &str) -> Vec<String> {
        let text = text.replace('\\', "/");
        // Of several directories on the way up, the export's root is the last.
        let text = text.trim_start_matches("../").trim_start_matches("./").trim_start_matches('/');
        // Zulip's addresses of what lies in `uploads/`.
        let text = text.strip_prefix("user_uploads/").unwrap_or(text);
        let name_of = |text: &'_ str| text.rfind('/').map_or(0, |slash| slash + 1);
        let text = match self.by_name.contains_key(&text[name_of(text)..]) {
            true => Cow::Borrowed(text),
            // Takeout writes `_` for what no file may be called on some systems.
            false => Cow::Owned(text.replace(['?', '*', ':', '"', '<', '>', '|', '&'], "_")),
        };
        let text = text.as_ref();
        let Some(paths) = self.by_name.get(&text[name_of(text)..]) else { return Vec::new() };
        let beside = if self.folder.is_empty() { text.to_owned() } else { format!("{}/{text}", self.folder) };
        if let Some(exact) = paths.iter().find(|path| **path == beside) {
            return vec![exact.clone()];
        }
        let is_end =
            |path: &&String| path.strip_suffix(text).is_some_and(|above| above.is_empty() || above.ends_with('/'));
        paths.iter().filter(is_end).cloned().collect()
    }

    /// The file whose name is the last part of an address of SharePoint: messages of Teams have no other way to name one.
    fn linked(&self, address: &str) -> Option<String> {
        let address = address.split(['?', '#']).next().unwrap_or(address);
        let (_, name) = address.rsplit_once('/').filter(|(site, _)| site.contains(".sharepoint.com/"))?;
        match self.by_name.get(&percent_decoded(name))?.as_slice() {
            [path] => Some(path.clone()),
            _ => None,
        }
    }

    fn look<V: Value>(&mut self, scope: &Scope<'_, V>) {
        let (mut named, mut linked) = (Vec::new(), Vec::new());
        for path in scope.layout.files {
            visit(scope.value, path, &mut |found| {
                found.each_element(&mut |element| {
                    let Some(text) = element.text() else { return };
                    named.extend(self.named(&text));
                    linked.extend(self.linked(&text));
                    // Addresses in pages are written so.
                    if text.contains('%') {
                        named.extend(self.named(&percent_decoded(&text)));
                    }
                    // A cell of a table may have several.
                    if text.contains(',') {
                        text.split(',').for_each(|part| named.extend(self.named(part.trim())));
                    }
                    // A text that has links: each of its words may be one.
                    if text.contains("](") || text.contains(' ') {
                        let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '<' | '>'));
                        words.filter(|word| word.contains('/')).for_each(|word| named.extend(self.named(word)));
                    }
                });
            });
        }
        let place = || {
            let mut place = RecordPlace::default();
            scope.place(&mut place);
            place
        };
        for path in named {
            self.found.entry(path).or_insert_with(place);
        }
        for path in linked {
            self.linked.entry(path).or_insert_with(place);
        }
        scope.each_inner(&mut |inner| self.look(inner));
    }
}

/// `%20` and the like as what they stand for.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| str::from_utf8(digits).ok()).filter(|_| *first == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Again for Wanted {
    fn json(&mut self, scope: &Scope<'_, Json<'_>>) {
        self.look(scope);
    }

    fn element(&mut self, scope: &Scope<'_, Part<'_>>) {
        self.look(scope);
    }

    fn row(&mut self, scope: &Scope<'_, Cells<'_>>) {
        self.look(scope);
    }

    fn node(&mut self, scope: &Scope<'_, Node<'_>>) {
        self.look(scope);
    }

    fn fields(&mut self, scope: &Scope<'_, Fields<'_>>) {
        self.look(scope);
    }
}
