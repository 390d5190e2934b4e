//! Records described by data: where in a record its texts, author, time and address stand. Most systems need no more than
//! that, whether their records are JSON, elements of XML, rows of a table or
//! pieces of a page.

mod page;
mod read;
mod resolve;
mod value;

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

pub(super) use self::{
    page::{Kind, Page},
    read::{Document, EachText, Files, Form, Records, enter},
    resolve::Lookup,
    value::{Cells, Fields, Part, Treat, Value},
};
use super::{
    json::{Json, documents},
    markup::Markup,
    sink::{Rest, Sink},
    time,
};
use crate::model::{
    Permalink, PermalinkBasis, ProblemKind, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, RecordTime,
    Visibility,
};

/// How a text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A string in some markup.
    Text(Markup),
    /// A list of strings and of objects with a `text`, which are one line: people saw no seam.
    Runs,
    /// Text in which GitLab marks what a change took away and brought.
    Changes,
    /// JSON in a string: each text in it.
    Json,
    /// A string that is packed with base64 if its element says so.
    Packed,
}

/// A text in Markdown or of no markup.
pub(super) const PLAIN: How = How::Text(Markup::Plain);

/// A text in HTML.
pub(super) const HTML: How = How::Text(Markup::Html);

/// Where what stands in a record.
///
/// A path is a list of keys with dots between them; lists on the way are entered; `@key` is an attribute of XML. Of HTML, keys
/// are classes, wherever in the record their elements stand, and `<name` is an element of that name. Where one
/// value is wanted, several paths may be given with `|` between them: the first that leads to something counts. With `[]` at
/// its end, all values are wanted, with commas between them. A dot in a key is written as a middle dot.
pub(super) struct Layout {
    /// Texts that people wrote, most telling first. All others are scanned as `key: text`.
    pub(super) texts: &'static [(&'static str, How)],
    /// Texts that were there before an edit.
    pub(super) old: &'static [(&'static str, How)],
    /// Paths to texts that hold notes one after the other, each by somebody else, and who can see those.
    pub(super) journals: &'static [(&'static str, Option<Visibility>)],
    /// Tells the notes of such a text apart.
    pub(super) notes: fn(&str) -> Vec<Note<'_>>,
    /// What is known of the record: names, and paths to them. `author_id`, `author`, `email`, `time`, `edited`, `id`,
    /// `thread`, `container_id`, `container`, `workspace` and `visibility` go to the place; all may stand in `links`. Records
    /// inside of this one know them, too, but for those that are the record's own.
    pub(super) facts: &'static [(&'static str, &'static str)],
    /// What the container is called, such as `channel`.
    pub(super) kind: &'static str,
    /// Addresses with facts in braces: the first whose facts are all known counts. `{base}` is the site as the user gave it.
    pub(super) links: &'static [&'static str],
    /// How times are to be understood.
    pub(super) time: fn(&str) -> RecordTime,
    /// Keys of what nobody wrote.
    pub(super) skip: &'static [&'static str],
    /// Keys of addresses that the system made.
    pub(super) addresses: &'static [&'static str],
    /// Paths to the paths of attached files in the export.
    pub(super) files: &'static [&'static str],
    /// Paths to the bytes of attached files in base64; line ends don't count.
    pub(super) data: &'static [&'static str],
    /// Records inside of this one.
    pub(super) inner: &'static [(&'static str, &'static Layout)],
    /// What else there is to be said, once everything is filled in.
    pub(super) adjust: fn(&Facts, &mut RecordPlace),
}

impl Layout {
    /// Nothing known.
    pub(super) const NONE: Layout = Layout {
        texts: &[],
        old: &[],
        journals: &[],
        notes: |_| Vec::new(),
        facts: &[],
        kind: "container",
        links: &[],
        time: time::parse,
        skip: &[],
        addresses: &[],
        files: &[],
        data: &[],
        inner: &[],
        adjust: |_, _| {},
    };
}

/// Takes the path of a text of notes and who can see them, the text, where it stands, and its notes.
type EachJournal<'j> = &'j mut dyn FnMut((&str, Option<Visibility>), &str, u64, &[Note<'_>]);

/// A note in a text of notes.
pub(super) struct Note<'t> {
    /// Where it begins in the text.
    pub(super) start: usize,
    pub(super) time: &'t str,
    pub(super) author: &'t str,
    pub(super) text: &'t str,
    /// Who can see it, if it says so itself.
    pub(super) visibility: Option<Visibility>,
}

/// Facts that are of one record only.
const OWN: [&str; 6] = ["author_id", "author", "email", "time", "edited", "id"];

/// What is known of a record, by name; what was added last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// Adds a fact.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    /// A fact.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    fn remove(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| !is_gone(name));
    }

    /// A template with its facts, if they are all known.
    fn filled(&self, template: &str) -> Option<String> {
        let mut parts = template.split('{');
        let mut text = parts.next()?.to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}')?;
            let value = self.get(name)?;
            text.push_str(if name == "base" { value.trim_end_matches('/') } else { value });
            text.push_str(rest);
        }
        Some(text)
    }

    /// Fills in a place.
    pub(super) fn place(&self, layout: &Layout, place: &mut RecordPlace) {
        let get = |name: &str| self.get(name).map(str::to_owned);
        let author = RecordAuthor { id: get("author_id"), name: get("author"), email: get("email") };
        place.author = (author != RecordAuthor::default()).then_some(author);
        place.time = self.get("time").map(layout.time);
        place.edited = self.get("edited").filter(|raw| Some(*raw) != self.get("time")).map(layout.time);
        (place.record, place.thread, place.workspace) = (get("id"), get("thread"), get("workspace"));
        let container =
            RecordContainer { kind: layout.kind.to_owned(), id: get("container_id"), name: get("container") };
        place.container = (container.id.is_some() || container.name.is_some()).then_some(container);
        if let Some(name) = get("file") {
            place.attachment = Some(RecordAttachment { id: get("file_id"), name: Some(name), path: None });
        }
        place.visibility = match self.get("visibility") {
            Some("public") => Some(Visibility::Public),
            Some("private") => Some(Visibility::Private),
            Some("direct") => Some(Visibility::Direct),
            _ => None,
        };
        place.permalink = self.permalink(layout.links);
        (layout.adjust)(self, place);
    }

    /// The first of several addresses whose facts are all known.
    pub(super) fn permalink(&self, links: &[&str]) -> Option<Permalink> {
        links.iter().find_map(|template| {
            let url = self.filled(template).filter(|url| url.starts_with("http"))?;
            let basis = if *template == "{url}" { PermalinkBasis::Exact } else { PermalinkBasis::Derived };
            Some(Permalink { url, basis })
        })
    }
}

/// A record with those around it.
pub(super) struct Scope<'s, V> {
    above: Option<&'s Scope<'s, V>>,
    /// What is known of all records of the file.
    about: &'s Facts,
    pub(super) value: V,
    layout: &'static Layout,
}

impl<'s, V: Value> Scope<'s, V> {
    pub(super) fn new(about: &'s Facts, value: V, layout: &'static Layout) -> Scope<'s, V> {
        Scope { above: None, about, value, layout }
    }

    /// All that is known.
    fn facts(&self) -> Facts {
        let mut facts = match self.above {
            Some(above) => above.facts(),
            None => self.about.clone(),
        };
        if self.above.is_some() {
            facts.remove(|name| OWN.contains(&name));
        }
        for (name, paths) in self.layout.facts {
            if let Some(value) = first(self.value, paths) {
                facts.set(name, value);
            }
        }
        facts
    }

    /// Fills in what is known of the record.
    pub(in crate::source::export) fn place(&self, place: &mut RecordPlace) {
        self.facts().place(self.layout, place);
    }

    /// Hands over the record and those in it. Their bytes count with it.
    pub(in crate::source::export) fn tell(&self, (bytes, line): (usize, u64), sink: &mut Sink<'_>) {
        let layout = self.layout;
        for (path, how) in layout.texts {
            each_text(self.value, path, *how, &mut |text, offset, markup| sink.field(path, text, offset, markup));
        }
        for (path, how) in layout.old {
            each_text(self.value, path, *how, &mut |text, offset, markup| sink.old_field(path, text, offset, markup));
        }
        // What stands above the first note belongs to the record.
        let mut has_notes = false;
        self.each_journal(&mut |(path, _), text, offset, notes| {
            has_notes |= !notes.is_empty();
            let first = notes.first().map_or(text.len(), |note| note.start);
            sink.field(path, &text[..first], offset, Markup::Coded);
        });
        let told = Told::of(layout);
        self.value.rest(sink, &|path, key, is_text| treat(layout, told, (path, key), is_text));
        let mut files: Vec<(Vec<u8>, u64)> = Vec::new();
        for path in layout.data {
            visit(self.value, path, &mut |found| {
                let Some(text) = found.text() else { return };
                match from_base64(&text) {
                    Some(bytes) => files.push((bytes, found.offset())),
                    None => {
                        let message = "an attached file that is cut off or no base64, scanned as it stands there";
                        sink.problem(ProblemKind::Malformed, found.offset(), message);
                        sink.field(path, &text, found.offset(), Markup::Plain);
                    }
                }
            });
        }
        sink.finish(bytes, line, &|place| self.place(place));
        for (bytes, offset) in files {
            sink.attach(&bytes, (offset, line), &|place| self.place(place));
        }
        if has_notes {
            self.tell_notes(line, sink);
        }
        self.each_inner(&mut |inner| inner.tell((0, line), sink));
    }

    /// Hands over notes, each as a record of its own.
    fn tell_notes(&self, line: u64, sink: &mut Sink<'_>) {
        // Some records have their notes twice, with times by two clocks.
        let mut told: HashMap<String, String> = HashMap::new();
        self.each_journal(&mut |(path, visibility), _, offset, notes| {
            for note in notes {
                if told.entry(note.text.trim_end().to_owned()).or_insert_with(|| path.to_owned()) != path {
                    continue;
                }
                sink.field(path, note.text, offset + note.start as u64, Markup::Coded);
                sink.finish(0, line, &|place| {
                    self.place(place);
                    place.author = Some(RecordAuthor { name: Some(note.author.to_owned()), ..Default::default() });
                    // By the clock of whoever exported.
                    (place.time, place.edited) = (Some(time::parse(note.time)), None);
                    place.visibility = note.visibility.or(visibility);
                });
            }
        });
    }

    /// The texts of notes, with where they stand and their notes.
    fn each_journal(&self, each: EachJournal<'_>) {
        for (path, visibility) in self.layout.journals {
            visit(self.value, path, &mut |found| {
                if let Some(text) = found.text() {
                    each((path, *visibility), &text, found.offset(), &(self.layout.notes)(&text));
                }
            });
        }
    }

    /// The records inside of this one.
    fn each_inner(&self, each: &mut dyn FnMut(&Scope<'_, V>)) {
        for (path, layout) in self.layout.inner {
            visit(self.value, path, &mut |found| {
                found.each_element(&mut |value| {
                    each(&Scope { above: Some(self), about: self.about, value, layout });
                });
            });
        }
    }
}

/// What is to be done with the value of a key; `path` are the keys above it, each with a dot behind it. A path to a text may
/// lead to something else in another version: then all in it is looked at.
fn treat(layout: &Layout, told: Told, (path, key): (&str, &str), is_text: bool) -> Rest {
    let is_told = || {
        let is_here = |told: &str| leads_to(told, path, key);
        let is_listed = || layout.texts.iter().chain(layout.old).any(|(told, _)| is_here(told));
        let is_said = || is_listed() || layout.journals.iter().any(|(told, _)| is_here(told));
        let is_data = || layout.data.iter().any(|told| is_here(told));
        is_text && is_said() || is_data() || layout.inner.iter().any(|(inner, _)| is_here(inner))
    };
    if told.may_have(path, key) && is_told() || layout.skip.contains(&key) {
        Rest::Skip
    } else if layout.addresses.contains(&key) {
        Rest::Link
    } else {
        Rest::Text(Markup::Plain)
    }
}

/// The paths that a layout knows, or more than those. Of most keys of a record one look tells that none leads to them, where
/// comparing them with a dozen paths took an eighth of the time of reading ServiceNow's XML.
#[derive(Clone, Copy, Debug)]
struct Told(u64);

impl Told {
    fn of(layout: &Layout) -> Told {
        let texts = layout.texts.iter().chain(layout.old).map(|(path, _)| path);
        let inner = layout.inner.iter().map(|(path, _)| path);
        let journals = layout.journals.iter().map(|(path, _)| path);
        let paths = texts.chain(journals).chain(layout.data).chain(inner);
        Told(paths.fold(0, |told, path| match path.as_bytes() {
            // A middle dot takes two bytes, and is one in a key.
            [.., last] if path.is_ascii() => told | Told::bit(path.len(), *last),
            _ => u64::MAX,
        }))
    }

    fn may_have(self, path: &str, key: &str) -> bool {
        key.as_bytes().last().is_none_or(|last| self.0 & Told::bit(path.len() + key.len(), *last) != 0)
    }

    fn bit(length: usize, last: u8) -> u64 {
        1 << ((7 * length + usize::from(last)) % 64)
    }
}

/// The values at a path; a list at its end comes as it is.
pub(super) fn visit<V: Value>(value: V, path: &str, each: &mut dyn FnMut(V)) {
    if path.is_empty() {
        return each(value);
    }
    // Paths are short: a search for the dot would take longer than looking at each byte.
    let (key, rest) = match path.bytes().position(|byte| byte == b'.') {
        Some(dot) => (&path[..dot], &path[dot + 1..]),
        None => (path, ""),
    };
    let key = in_key(key);
    value.each_element(&mut |element| element.each_of(&key, &mut |inner| visit(inner, rest, each)));
}

/// A dot in a key is written as a middle dot in paths.
fn in_key(key: &str) -> Cow<'_, str> {
    if key.is_ascii() { Cow::Borrowed(key) } else { Cow::Owned(key.replace('\u{b7}', ".")) }
}

/// Does the path `told` lead to `key` below `path`? Asked for each key of each record and each path of its layout: a third of
/// the time of reading ServiceNow's XML went into looking for middle dots.
fn leads_to(told: &str, path: &str, key: &str) -> bool {
    let (told_bytes, above) = (told.as_bytes(), path.len());
    match told.len().cmp(&(above + key.len())) {
        Ordering::Less => false,
        Ordering::Equal => {
            told_bytes[above..] == *key.as_bytes() && told_bytes[..above] == *path.as_bytes() && told.is_ascii()
        }
        // A middle dot takes two bytes.
        Ordering::Greater => !told.is_ascii() && in_key(told).strip_prefix(path).is_some_and(|rest| rest == key),
    }
}

/// The first text or number at one of several paths.
pub(super) fn first<V: Value>(value: V, paths: &str) -> Option<String> {
    paths.split('|').filter(|path| !path.is_empty()).find_map(|path| {
        let (path, is_all) = path.strip_suffix("[]").map_or((path, false), |path| (path, true));
        let mut found: Vec<String> = Vec::new();
        visit(value, path, &mut |inner| {
            inner.each_element(&mut |element| {
                if is_all || found.is_empty() {
                    found.extend(element.id());
                }
            });
        });
        (!found.is_empty()).then(|| found.join(", "))
    })
}

fn each_text<V: Value>(value: V, path: &str, how: How, each: &mut dyn FnMut(&str, u64, Markup)) {
    visit(value, path, &mut |found| match how {
        How::Text(markup) => found.each_element(&mut |element| {
            if let Some(text) = element.text() {
                each(&text, element.offset(), markup);
            }
        }),
        How::Changes | How::Json => found.each_element(&mut |element| {
            if let Some(text) = element.text() {
                let text = if how == How::Changes { without_marks(&text) } else { texts_in(&text) };
                each(&text, element.offset(), Markup::Plain);
            }
        }),
        How::Packed => found.each_element(&mut |element| {
            let Some(text) = element.text() else { return };
            let is_packed = first(element, "@encoding").is_some_and(|encoding| encoding == "base64");
            match from_base64(&text).filter(|_| is_packed) {
                Some(bytes) => each(&String::from_utf8_lossy(&bytes), element.offset(), Markup::Plain),
                None => each(&text, element.offset(), Markup::Plain),
            }
        }),
        How::Runs => {
            let (mut line, mut aside) = (String::new(), String::new());
            found.each_element(&mut |run| {
                let text = run.text().map(Cow::into_owned).or_else(|| first(run, "text"));
                line.push_str(&text.unwrap_or_default());
                if let Some(address) = first(run, "href") {
                    aside.push('\n');
                    aside.push_str(&address);
                }
            });
            line.push_str(&aside);
            each(&line, found.offset(), Markup::Plain);
        }
    });
}

/// `{-old-}` and `{+new+}` as what they are around.
fn without_marks(text: &str) -> Cow<'_, str> {
    const MARKS: [&str; 4] = ["{-", "-}", "{+", "+}"];
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(MARKS.iter().fold(text.to_owned(), |text, mark| text.replace(mark, "")))
}

/// All texts of documents of JSON, each on lines of its own. If there is anything else, the text itself behind them.
fn texts_in(text: &str) -> Cow<'_, str> {
    fn add(json: Json<'_>, out: &mut String) {
        if let Some(text) = json.text() {
            out.push_str(&text);
            out.push_str("\n\n");
        }
        json.elements().for_each(|element| add(element, out));
        json.entries().for_each(|(_, value)| add(value, out));
    }
    let mut out = String::new();
    if !documents(text, 0, &mut |document| add(document, &mut out)) {
        if out.is_empty() {
            return Cow::Borrowed(text);
        }
        out.push_str(text);
    }
    Cow::Owned(out)
}

/// The bytes of a file; none if it isn't base64.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    data_encoding::BASE64.decode(&packed).ok()
}

#[cfg(test)]
mod tests {
    use super::{
        super::json::{Step, Tape},
        Facts, Layout, PLAIN, Told, first, leads_to,
        read::enter,
        texts_in, without_marks,
    };
    use crate::source::export::json::Descend;

    #[test]
    fn paths_lead_through_lists_and_alternatives() {
        let text = br#"{"a":[{"b":1},{"b":"x"}],"m.c":{"d":[2,3]},"e":null,"f":{"k1":{"g":5}}}"#;
        let mut tape = Tape::default();
        tape.read(text, true).unwrap();
        let json = tape.value(text, 0);
        for (path, expected) in [
            ("a.b", Some("1")),
            ("a.b[]", Some("1, x")),
            ("m\u{b7}c.d[]", Some("2, 3")),
            ("e|z|a.b", Some("1")),
            ("f.*.g", Some("5")),
            ("e", None),
            ("", None),
        ] {
            assert_eq!(first(json, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_path_leads_to_one_key() {
        for (told, path, key, expected) in [
            ("text", "", "text", true),
            ("text", "", "test", false),
            ("a.text", "a.", "text", true),
            ("b.text", "a.", "text", false),
            ("texts", "", "text", false),
            ("m\u{b7}c.d", "m.c.", "d", true),
            ("m\u{b7}c", "", "m.c", true),
            ("m\u{b7}c", "", "m\u{b7}c", false),
        ] {
            assert_eq!(leads_to(told, path, key), expected, "{told} {path}{key}");
        }
    }

    #[test]
    fn no_path_of_a_layout_is_missed() {
        const LAYOUT: Layout = Layout {
            texts: &[("description", PLAIN), ("a.b", PLAIN), ("b.a.text", PLAIN)],
            old: &[("old", PLAIN)],
            journals: &[("notes.display_value", None)],
            data: &["file.data"],
            inner: &[("comments", &Layout::NONE)],
            ..Layout::NONE
        };
        let (told, dotted) = (Told::of(&LAYOUT), Told::of(&Layout { texts: &[("m\u{b7}c", PLAIN)], ..LAYOUT }));
        for path in ["description", "a.b", "b.a.text", "old", "notes.display_value", "file.data", "comments"] {
            let key = path.rfind('.').map_or(0, |dot| dot + 1);
            let (above, key) = path.split_at(key);
            assert!(leads_to(path, above, key) && told.may_have(above, key), "{path}");
            assert!(dotted.may_have("", "m.c"));
        }
        let others = ["caller_id", "sys_id", "number", "opened_at", "urgency", "impact", "state", "approval"];
        assert!(others.iter().any(|key| !told.may_have("", key)));
    }

    #[test]
    fn templates_need_all_their_facts() {
        let mut facts = Facts::default();
        facts.set("base", "https://x.y/");
        facts.set("id", "7");
        assert_eq!(facts.filled("{base}/issues/{id}#a").as_deref(), Some("https://x.y/issues/7#a"));
        assert_eq!(facts.filled("{base}/{thread}"), None);
    }

    #[test]
    fn lists_are_entered_and_their_elements_are_not() {
        let key = |name: &str| Step::Key(name.to_owned());
        let chats = ["chats.list.messages"];
        assert_eq!(enter(&chats, &[], false), Descend::Enter);
        assert_eq!(enter(&chats, &[key("chats"), key("list"), Step::Item], false), Descend::Enter);
        assert_eq!(enter(&chats, &[key("chats"), key("list"), Step::Item, key("messages")], true), Descend::Enter);
        let message = [key("chats"), key("list"), Step::Item, key("messages"), Step::Item];
        assert_eq!(enter(&chats, &message, false), Descend::Whole);
        assert_eq!(enter(&chats, &[key("other")], true), Descend::Whole);
        let bugs = ["bugs", "bugs.*.comments"];
        assert_eq!(enter(&bugs, &[key("bugs"), Step::Item], false), Descend::Whole);
        assert_eq!(enter(&bugs, &[key("bugs"), key("7")], false), Descend::Enter);
    }

    #[test]
    fn marks_and_nested_json_are_taken_off() {
        assert_eq!(without_marks("from **{-a-}** to **{+b+}**"), "from **a** to **b**");
        assert_eq!(texts_in(r#"[{"a":"b\nc","d":["e"]}]"#), "b\nc\n\ne\n\n");
        for all in ["{no json", "1 x", "\"a\" x", "[{\"a\": x}]"] {
            assert_eq!(texts_in(all), all);
        }
        assert_eq!(
            texts_in(r#"{"a":"b"} c {"d":"e"}"#),
            r#"b

e

{"a":"b"} c {"d":"e"}"#
        );
    }
}
