//! Where readers put records: fields become one text with the way back, and what is noise in every export is counted.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    sync::Mutex,
};

use super::{
    json::Json,
    markup::{self, Markup},
    signed::{LEAST_LINK_BYTES, noise, own_tokens},
};
use crate::{
    model::{Notice, Problem, ProblemKind, Provenance, RecordPlace},
    source::{NAME_BYTES, Receiver, Record, Segment, View, crew::lock},
};

/// Between two fields: no token and no assignment reaches across.
const BETWEEN: &[u8] = b"\n\n";

/// Shortest text that is looked at: no credential is shorter.
const LEAST_BYTES: usize = 4;

/// Bytes of a key that are told with its texts, or are a part of a name: a key stands before each of its texts.
const KEY_BYTES: usize = 128;

/// So many of a record's fields are compared with those that follow.
const MOST_COMPARED: usize = 4;

/// Problems told of one file; more are counted.
const MAX_PROBLEMS: u64 = 20;

/// Who takes what a sink is given.
pub(super) trait Host {
    /// The receiving end of the thread.
    fn receiver(&mut self) -> &mut dyn Receiver;

    /// Scans a file that stands in a record: an archive by its files.
    fn file(&mut self, bytes: &[u8], place: RecordPlace);
}

/// The receiving end of one file's reader.
///
/// A record is made of calls to [`Sink::field`] and its kin, then [`Sink::finish`].
pub(super) struct Sink<'s> {
    host: &'s mut dyn Host,
    template: &'s RecordPlace,
    notices: &'s Notices,
    parts: &'s mut Parts,
    problems: u64,
    /// How the rest of a record is told.
    rest_view: View,
}

/// The parts of a record; reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Parts {
    text: Vec<u8>,
    names: String,
    segments: Vec<Segment>,
    /// Where tokens stand that were noted: some texts are told twice.
    noted: HashSet<u64>,
    /// Keys above the value at hand, while the rest of a record is told.
    path: String,
}

impl Parts {
    fn clear(&mut self) {
        self.text.clear();
        self.names.clear();
        self.segments.clear();
        self.noted.clear();
    }

    fn push(&mut self, name: (&str, &str), text: &[&[u8]], offset: u64, view: View) {
        if text.iter().map(|part| part.len()).sum::<usize>() < LEAST_BYTES {
            return;
        }
        let start = self.text.len();
        text.iter().for_each(|part| self.text.extend_from_slice(part));
        let key = text.split_last().map_or(0, |(_, key)| key.iter().map(|part| part.len()).sum());
        // What begins with its key is the same only as itself.
        if view == View::Shown && text.len() == 1 && self.is_told(start) {
            return self.text.truncate(start);
        }
        let name = self.name((short(name.0), short(name.1)));
        let segment = Segment { text: start..self.text.len(), key, name, offset, view };
        self.text.extend_from_slice(BETWEEN);
        self.segments.push(segment);
    }

    /// Where a name stands among the names: that of the field before, if it is the same, as it is in lists.
    fn name(&mut self, (path, last): (&str, &str)) -> std::ops::Range<usize> {
        if let Some(before) = self.segments.last()
            && self.names[before.name.clone()].strip_prefix(path) == Some(last)
        {
            return before.name.clone();
        }
        let start = self.names.len();
        self.names.push_str(path);
        self.names.push_str(last);
        start..self.names.len()
    }

    /// Does one of the first fields say the same as the text from `start` on? Rich text mostly stands beside itself as plain
    /// text, and a secret counts at the first field that has it.
    fn is_told(&self, start: usize) -> bool {
        let text = self.text[start..].trim_ascii_end();
        let shown = self.segments.iter().take(MOST_COMPARED).filter(|segment| segment.view == View::Shown);
        shown.map(|segment| self.text[segment.text.clone()].trim_ascii_end()).any(|told| told == text)
    }
}

/// A text on its way into a record.
struct Said<'a> {
    /// Path and last part of the field's name.
    name: (&'a str, &'a str),
    /// What stands before it, as its key.
    key: &'a str,
    text: &'a str,
    offset: u64,
}

/// Why bytes are scanned as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// They can't be understood.
    Malformed(&'static str),
    /// They are more than is held.
    Limit(&'static str),
}

/// What is to be done with a value that the reader knows nothing else about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Scan it, and what is in it.
    Text(Markup),
    /// It is a link that the system made: what it signs for a while is no leak.
    Link,
    /// It was told already, or is nothing that anybody wrote.
    Skip,
}

impl<'s> Sink<'s> {
    pub(super) fn new(
        host: &'s mut dyn Host,
        template: &'s RecordPlace,
        notices: &'s Notices,
        parts: &'s mut Parts,
    ) -> Sink<'s> {
        parts.clear();
        Sink { host, template, notices, parts, problems: 0, rest_view: View::Shown }
    }

    /// Adds a field: as people saw it, as stored if that differs, and without what nobody sees. `offset` is where it stands
    /// in the file.
    pub(super) fn field(&mut self, name: &str, text: &str, offset: u64, markup: Markup) {
        self.views(&Said { name: (name, ""), key: "", text, offset }, markup, View::Shown);
    }

    /// Adds what a field said before it was edited or deleted.
    pub(super) fn old_field(&mut self, name: &str, text: &str, offset: u64, markup: Markup) {
        self.old_part((name, ""), text, offset, markup);
    }

    /// The same for a part of a field, named by both.
    pub(super) fn old_part(&mut self, name: (&str, &str), text: &str, offset: u64, markup: Markup) {
        self.views(&Said { name, key: "", text, offset }, markup, View::Old);
    }

    /// Adds a JSON string as a field; other values are left to [`Sink::rest`].
    pub(super) fn json(&mut self, name: &str, value: Option<Json<'_>>, markup: Markup) {
        if let Some(value) = value
            && let Some(text) = value.text()
        {
            self.field(name, &text, value.offset(), markup);
        }
    }

    fn views(&mut self, said: &Said<'_>, markup: Markup, view: View) {
        let Said { name, text, offset, .. } = *said;
        let text = &*self.without_own_tokens(text, offset);
        let shown = markup::shown(text, markup);
        let is_other = matches!(shown, Cow::Owned(_)) && shown != text;
        let shown = markup::spaced(shown);
        self.parts.push(name, &[shown.as_bytes()], offset, view);
        if let Some(plain) = markup::plain(&shown) {
            self.parts.push(name, &[plain.as_bytes()], offset, view);
        }
        if is_other {
            self.parts.push(name, &[markup::spaced(Cow::Borrowed(text)).as_bytes()], offset, View::Stored);
        }
    }

    /// A text in which tokens of the system's own links are noted, and stars stand for them.
    fn without_own_tokens<'t>(&mut self, text: &'t str, offset: u64) -> Cow<'t, str> {
        // Most texts are short, or ask nothing.
        if text.len() < LEAST_LINK_BYTES || memchr::memchr(b'?', text.as_bytes()).is_none() {
            return Cow::Borrowed(text);
        }
        let tokens = own_tokens(text);
        if tokens.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut rest, mut told) = (String::with_capacity(text.len()), 0);
        for (token, (kind, message)) in tokens {
            let at = offset + token.start as u64;
            if self.parts.noted.insert(at) {
                self.notices.add(kind, message);
            }
            rest.push_str(&text[told..token.start]);
            rest.extend(std::iter::repeat_n('*', token.len()));
            told = token.end;
        }
        rest.push_str(&text[told..]);
        Cow::Owned(rest)
    }

    /// Adds a link that the system made, such as a file's address. Tokens and signatures in it are noted once per export
    /// and not scanned.
    pub(super) fn link(&mut self, name: &str, address: &str, offset: u64) {
        match noise(address) {
            Some(((kind, message), rest)) => {
                self.notices.add(kind, message);
                self.parts.push((name, ""), &[rest.as_bytes()], offset, View::Shown);
            }
            None => self.parts.push((name, ""), &[address.as_bytes()], offset, View::Shown),
        }
    }

    /// Adds all texts in a value, each as `key: text`, so that what stands beside a secret is there too. `treat` is asked
    /// about each key.
    pub(super) fn rest(&mut self, value: Json<'_>, treat: &dyn Fn(&str) -> Rest) {
        self.rest_by_path(value, &|_, key, _| treat(key));
    }

    /// The same where what is to be done depends on the keys above as well, each with a dot behind it, and on whether the
    /// value is text and nothing else.
    pub(super) fn rest_by_path(&mut self, value: Json<'_>, treat: &dyn Fn(&str, &str, bool) -> Rest) {
        let mut path = std::mem::take(&mut self.parts.path);
        path.clear();
        // What is in a list is no record's own.
        if value.is_array() {
            path.push_str("[].");
        }
        self.rest_at((&mut path, ""), value, Rest::Text(Markup::Plain), treat);
        self.parts.path = path;
    }

    /// The same for what was edited away.
    pub(super) fn old_rest(&mut self, value: Json<'_>, treat: &dyn Fn(&str, &str, bool) -> Rest) {
        self.rest_view = View::Old;
        self.rest_by_path(value, treat);
        self.rest_view = View::Shown;
    }

    /// `path` ends with a dot for each object or list on the way.
    fn rest_at(
        &mut self,
        (path, key): (&mut String, &str),
        value: Json<'_>,
        how: Rest,
        treat: &dyn Fn(&str, &str, bool) -> Rest,
    ) {
        if value.is_object() {
            for (entry, inner) in value.entries() {
                let Some(key) = entry.text() else { continue };
                let name = short(&key);
                let is_text = match inner.is_array() {
                    true => inner.elements().all(|element| element.is_text()),
                    false => !inner.is_object(),
                };
                let how = treat(path.as_str(), name, is_text);
                if how == Rest::Skip || !inner.is_some() {
                    continue;
                }
                let above = path.len();
                if inner.is_object() || inner.is_array() {
                    self.key(path, (&key, entry.offset()));
                    path.push_str(name);
                    path.push('.');
                }
                self.rest_at((path, name), inner, how, treat);
                path.truncate(above);
            }
        } else if value.is_array() {
            value.elements().for_each(|element| self.rest_at((&mut *path, key), element, how, treat));
        } else if let Some(text) = value.text() {
            let name = match path.strip_suffix('.') {
                Some(list) if list.ends_with(key) => (list, ""),
                _ => (path.as_str(), key),
            };
            self.rest_text(&Said { name, key, text: &text, offset: value.offset() }, how);
        }
    }

    /// Adds the key of a list or object, if it may be more than a name: keys are a part of the names of fields, which reports
    /// show.
    fn key(&mut self, path: &str, (key, offset): (&str, u64)) {
        let is_name = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if key.len() >= NAME_BYTES && !is_name {
            let name = path.strip_suffix('.').unwrap_or(path);
            self.rest_text(&Said { name: (name, ""), key: "", text: key, offset }, Rest::Text(Markup::Plain));
        }
    }

    fn rest_text(&mut self, said: &Said<'_>, how: Rest) {
        let Said { name, key, text, offset } = *said;
        match how {
            Rest::Skip => {}
            Rest::Link => self.link(key, text, offset),
            Rest::Text(markup) => {
                let text = self.without_own_tokens(text, offset);
                let shown = markup::spaced(markup::shown(&text, markup));
                let separator: &[u8] = if key.is_empty() { b"" } else { b": " };
                self.parts.push(name, &[key.as_bytes(), separator, shown.as_bytes()], offset, self.rest_view);
                if let Some(plain) = markup::plain(&shown) {
                    self.parts.push(name, &[key.as_bytes(), separator, plain.as_bytes()], offset, self.rest_view);
                }
            }
        }
    }

    /// Adds a table's cell, as `column: text`.
    pub(super) fn cell(&mut self, name: &str, text: &str, offset: u64) {
        if is_time(text) || is_number(text) {
            return;
        }
        let name = short(name);
        self.rest_text(&Said { name: (name, ""), key: name, text, offset }, Rest::Text(Markup::Plain));
    }

    /// Adds a cell of a row that is plain (see [`Row::is_plain`](super::csv::Row::is_plain)), as [`Sink::cell`] would.
    pub(super) fn plain_cell(&mut self, name: &str, text: &str, offset: u64) {
        if is_time(text) || is_number(text) {
            return;
        }
        let name = short(name);
        let text = self.without_own_tokens(text, offset);
        let separator: &[u8] = if name.is_empty() { b"" } else { b": " };
        self.parts.push((name, ""), &[name.as_bytes(), separator, text.as_bytes()], offset, View::Shown);
    }

    /// Hands the record over. `bytes` is its size as stored, `line` its line in the file; `place` says what is known of it,
    /// and is called only if something is found.
    pub(super) fn finish(&mut self, bytes: usize, line: u64, place: &dyn Fn(&mut RecordPlace)) {
        let make = || {
            let mut made = self.template.clone();
            made.physical.line = line;
            place(&mut made);
            without_texts(&mut made);
            made
        };
        let record = Record {
            text: &self.parts.text,
            segments: &self.parts.segments,
            names: &self.parts.names,
            bytes: bytes as u64,
            place: &make,
        };
        self.host.receiver().record(&record);
        self.parts.clear();
    }

    /// Scans a file whose bytes stand in the record at hand (decoded): an archive by its files. `place` says whose it is and what it
    /// is called; `offset` and `line` say where it begins.
    pub(super) fn attach(&mut self, bytes: &[u8], (offset, line): (u64, u64), place: &dyn Fn(&mut RecordPlace)) {
        let mut made = self.template.clone();
        (made.physical.offset, made.physical.line) = (offset, line);
        place(&mut made);
        self.host.file(bytes, made);
    }

    /// Scans bytes that are no record as they are, and says why they aren't.
    pub(super) fn broken(&mut self, bytes: &[u8], offset: u64, line: u64, why: Option<Why>) {
        self.broken_in((bytes, offset, line), why, &|_| {});
    }

    /// The same where something is known of them, such as the container: the file's name may say it.
    pub(super) fn broken_in(
        &mut self,
        (bytes, offset, line): (&[u8], u64, u64),
        why: Option<Why>,
        place: &dyn Fn(&mut RecordPlace),
    ) {
        match why {
            Some(Why::Malformed(why)) => self.problem(ProblemKind::Malformed, offset, why),
            Some(Why::Limit(why)) => self.problem(ProblemKind::Limit, offset, why),
            None => {}
        }
        if !bytes.is_empty() {
            self.parts.clear();
            self.parts.push(("", ""), &[bytes], offset, View::Shown);
            self.finish(bytes.len(), line, place);
        }
    }

    /// Notes something that was not scanned, or not as it should have been.
    pub(super) fn problem(&mut self, kind: ProblemKind, offset: u64, message: &str) {
        self.problems += 1;
        let message = match self.problems {
            ..MAX_PROBLEMS => format!("at byte {offset}: {message}"),
            MAX_PROBLEMS => "more of that kind, not listed".to_owned(),
            _ => return,
        };
        let provenance = Provenance::Record(Box::new(self.template.clone()));
        self.host.receiver().problem(Problem { provenance, kind, message });
    }
}

/// Longest id, name or time: what is longer is a text that stands where one should.
const ID_BYTES: usize = 1024;

/// Takes texts out of where a place has ids, names and times, and signatures out of its address: a report must not have them.
pub(super) fn without_texts(place: &mut RecordPlace) {
    let cut = |id: &mut Option<String>| drop(id.take_if(|id| id.len() > ID_BYTES));
    [&mut place.record, &mut place.thread, &mut place.workspace].into_iter().for_each(cut);
    if let Some(author) = &mut place.author {
        [&mut author.id, &mut author.name, &mut author.email].into_iter().for_each(cut);
    }
    if let Some(container) = &mut place.container {
        [&mut container.id, &mut container.name].into_iter().for_each(cut);
    }
    if let Some(file) = &mut place.attachment {
        [&mut file.id, &mut file.name].into_iter().for_each(cut);
    }
    for time in [&mut place.time, &mut place.edited] {
        drop(time.take_if(|time| time.raw.len() > ID_BYTES));
    }
    drop(place.permalink.take_if(|link| link.url.len() > 4 * ID_BYTES));
    if let Some(link) = &mut place.permalink
        && let Some((_, unsigned)) = noise(&link.url)
    {
        link.url.truncate(unsigned.len());
    }
}

/// Is it a time and nothing else? Every row of a table has some.
fn is_time(text: &str) -> bool {
    // Digits, and `-:. TZ+`: a bit for each below 128.
    const PARTS: u128 =
        0x3ff << b'0' | 1 << b'-' | 1 << b':' | 1 << b'.' | 1 << b' ' | 1 << b'T' | 1 << b'Z' | 1 << b'+';
    let is_part = |byte: u8| byte.is_ascii() && PARTS >> byte & 1 == 1;
    matches!(text.as_bytes(), [b'1' | b'2', _, _, _, b'-', _, _, b'-', ..] if text.len() <= 32 && text.bytes().all(is_part))
}

/// Is it nothing, or a small number: what is in most cells?
fn is_number(text: &str) -> bool {
    text.len() < LEAST_BYTES && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A key of no more than so many bytes; its end says most.
fn short(key: &str) -> &str {
    let at = (key.len().saturating_sub(KEY_BYTES)..=key.len()).find(|at| key.is_char_boundary(*at));
    &key[at.unwrap_or_default()..]
}

/// What is noted of one export, and how often.
#[derive(Debug, Default)]
pub(super) struct Notices {
    seen: Mutex<BTreeMap<&'static str, (&'static str, u64)>>,
}

impl Notices {
    fn add(&self, kind: &'static str, message: &'static str) {
        lock(&self.seen).entry(kind).or_insert((message, 0)).1 += 1;
    }

    /// All of them.
    pub(super) fn take(&self, path: &str) -> Vec<Notice> {
        let seen = std::mem::take(&mut *lock(&self.seen));
        let path = path.to_owned();
        seen.into_iter()
            .map(|(kind, (message, count))| Notice {
                path: path.clone(),
                kind: kind.to_owned(),
                message: message.to_owned(),
                count,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Host, Notices, Parts, Sink};
    use crate::{model::RecordPlace, source::Receiver};

    /// Nothing is handed over here.
    struct Nobody;

    impl Host for Nobody {
        fn receiver(&mut self) -> &mut dyn Receiver {
            unreachable!("no record is finished")
        }

        fn file(&mut self, _: &[u8], _: RecordPlace) {
            unreachable!("no file is attached")
        }
    }

    fn parts(add: impl FnOnce(&mut Sink<'_>)) -> Parts {
        let (template, notices, mut parts) = (RecordPlace::default(), Notices::default(), Parts::default());
        add(&mut Sink::new(&mut Nobody, &template, &notices, &mut parts));
        parts
    }

    proptest! {
        /// What is true of a row's bytes is true of each of its cells.
        #[test]
        fn a_plain_cell_is_told_as_any_other(
            cells in prop::collection::vec(("[a-zA-Z@ ]{0,6}", "[ -%'-;=@-~\n]{0,40}|2024-01-01 10:00:00"), 0..6)
        ) {
            let quick = parts(|sink| cells.iter().for_each(|(name, text)| sink.plain_cell(name, text, 7)));
            let any = parts(|sink| cells.iter().for_each(|(name, text)| sink.cell(name, text, 7)));
            prop_assert_eq!((quick.text, quick.names, quick.segments), (any.text, any.names, any.segments));
        }
    }
}
