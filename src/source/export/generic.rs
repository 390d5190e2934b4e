//! Records of no known system: JSON, JSON lines and tables, with a [`FieldMap`] that says what is what, or what their keys
//! are called if there is none. What tools that copy data wrap around records is taken off: Airbyte, Singer and Meltano,
//! and the enumerators of TruffleHog and Nosey Parker.

use super::{
    adf,
    copied::Copied,
    csv::{CsvEvent, Row, read_csv},
    input::Input,
    json::{Descend, Json, JsonEvent, Path, documents, is_element, keys, read_json},
    map::{FieldMap, Role, visit},
    markup::Markup,
    rich::Rich,
    sink::{Rest, Sink},
    system::{Detection, Export, Look, Opening, Reader, Reading, ReadingOptions, System, WRAPPED},
    time,
};
use crate::model::{Permalink, PermalinkBasis, ProblemKind, RecordAuthor, RecordContainer, RecordPlace};

/// Records of no known system.
pub(super) struct Generic;

impl System for Generic {
    fn name(&self) -> &'static str {
        WRAPPED
    }

    fn title(&self) -> &'static str {
        "records (JSON, JSON lines or a table)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        head.first() == Some(&b'{') && !wrapper_signs(head).is_empty()
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let Some(only) = look.only() else { return Vec::new() };
        let signs = wrapper_signs(&look.head(only));
        if signs.is_empty() { Vec::new() } else { vec![Detection { root: String::new(), signs }] }
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        let ReadingOptions { base_url, map } = opening.options.clone();
        Box::new(GenericReader { map, base_url })
    }
}

/// Lines that are looked at: those who copy data begin with a schema, and with what they log meanwhile.
const MAX_LINES: usize = 64;

/// What on the first line says that a tool wrapped a record; or on a later one, if what stands before it is of such a tool.
fn wrapper_signs(head: &[u8]) -> Vec<String> {
    let mut lines = head.split(|byte| *byte == b'\n').take(MAX_LINES);
    let first = lines.next().unwrap_or_default();
    let signs = signs_on(first);
    if !signs.is_empty() || !is_message(first) {
        return signs;
    }
    let is_schema = [&b"\"SCHEMA\""[..], b"\"stream\"", b"\"schema\""].iter().all(|key| has(first, key));
    if is_schema {
        return ["SCHEMA", "stream", "schema"].map(|key| format!("key {key}")).to_vec();
    }
    let told = lines.map(signs_on).find(|signs| !signs.is_empty());
    told.unwrap_or_default()
}

fn has(line: &[u8], key: &[u8]) -> bool {
    memchr::memmem::find(line, key).is_some()
}

/// Is it what Singer and Airbyte say beside records?
fn is_message(line: &[u8]) -> bool {
    const TYPES: [&[u8]; 5] = [b"\"SCHEMA\"", b"\"LOG\"", b"\"STATE\"", b"\"TRACE\"", b"\"ACTIVATE_VERSION\""];
    has(line, b"\"type\"") && TYPES.iter().any(|kind| has(line, kind))
}

/// What on a line says that a tool wrapped a record.
fn signs_on(line: &[u8]) -> Vec<String> {
    const WRAPPERS: [&[&str]; 6] = [
        &["\"stream\"", "\"data\"", "\"emitted_at\""],
        &["\"RECORD\"", "\"stream\"", "\"record\""],
        &["\"_airbyte_data\"", "\"_airbyte_emitted_at\""],
        &["\"_airbyte_data\"", "\"_airbyte_extracted_at\""],
        &["\"metadata\"", "\"data_b64\""],
        &["\"content_base64\"", "\"provenance\""],
    ];
    let known = WRAPPERS.iter().find(|keys| keys.iter().all(|key| has(line, key.as_bytes())));
    known.map_or(Vec::new(), |keys| keys.iter().map(|key| format!("key {}", key.trim_matches('"'))).collect())
}

struct GenericReader {
    map: Option<FieldMap>,
    /// The site of the system that records were copied out of.
    base_url: Option<String>,
}

impl Reader for GenericReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        input.decode_text();
        let head = input.peek(4096);
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
        match first {
            Some(b'{' | b'[') => self.read_json(input, sink),
            Some(_) if is_table(path, head) => self.read_table(input, sink),
            _ => return Reading::NotMine,
        }
        Reading::Records
    }

    fn resolve(&self, _: &Export<'_>, _: &mut [&mut RecordPlace]) {}
}

/// A table by its name, or by a first line that looks like one.
fn is_table(path: &str, head: &[u8]) -> bool {
    let is_named = [".csv", ".tsv"].iter().any(|end| path.to_ascii_lowercase().ends_with(end));
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    let separators = line.iter().filter(|byte| matches!(byte, b',' | b';' | b'\t')).count();
    is_named || (separators > 0 && !line.contains(&0))
}

impl GenericReader {
    fn read_json(&self, input: &mut Input<'_>, sink: &mut Sink<'_>) {
        let wanted: Vec<&[String]> = self.map.iter().flat_map(|map| map.of(Role::Records)).collect();
        let enter = |path: &Path, is_list: bool| {
            let here: Vec<&str> = keys(path).collect();
            let is_on_the_way = wanted.iter().any(|wanted| {
                let is_list_itself = wanted.len() == here.len() && is_list && !is_element(path);
                wanted.iter().zip(&here).all(|(a, b)| a == b) && (here.len() < wanted.len() || is_list_itself)
            });
            if is_on_the_way || (path.is_empty() && is_list) { Descend::Enter } else { Descend::Whole }
        };
        let mut seen = Seen::of(self.map.as_ref());
        read_json(input, &enter, &mut |event| match event {
            JsonEvent::Value { path, json, bytes, line } => {
                seen.look(path, json);
                self.record(json, bytes.len(), line, sink);
            }
            JsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why),
            JsonEvent::Enter { path } => seen.enter(path),
            JsonEvent::Leave { .. } => {}
        });
        seen.tell(sink);
    }

    fn record(&self, json: Json<'_>, bytes: usize, line: u64, sink: &mut Sink<'_>) {
        // Where a database has no type for JSON, Airbyte keeps it as text.
        let stored = json.get("_airbyte_data").and_then(|value| Some((value.text()?, value.offset())));
        let is_told = stored.is_some_and(|(stored, offset)| {
            documents(&stored, offset, &mut |record| {
                sink.rest(json, &|key| if key == "_airbyte_data" { Rest::Skip } else { Rest::Text(Markup::Plain) });
                match self.copied(record) {
                    Some(copied) => copied.tell(record, self.base_url.as_deref(), (bytes, line), sink),
                    None => self.tell((record, record), None, (bytes, line), sink),
                }
            })
        });
        if !is_told {
            let (record, stream) = unwrap(json);
            let is_wrapped = stream.is_some() || json.get("_airbyte_data").is_some();
            if let Some(copied) = self.copied(record).filter(|_| is_wrapped) {
                // What stands around it.
                sink.rest_by_path(json, &|path, key, is_text| match (path, key) {
                    ("", "record") if json.path(&["record", "data"]).is_some() => Rest::Text(Markup::Plain),
                    ("", "data" | "record" | "_airbyte_data") | ("record.", "data") if !is_text => Rest::Skip,
                    _ => Rest::Text(Markup::Plain),
                });
                return copied.tell(record, self.base_url.as_deref(), (bytes, line), sink);
            }
            self.tell((json, record), stream.as_deref(), (bytes, line), sink);
        }
    }

    /// What a record is, unless the user said what is what.
    fn copied(&self, record: Json<'_>) -> Option<Copied> {
        if self.map.is_some() { None } else { Copied::of(record) }
    }

    /// Tells a record with what is wrapped around it.
    fn tell(
        &self,
        (json, record): (Json<'_>, Json<'_>),
        stream: Option<&str>,
        (bytes, line): (usize, u64),
        sink: &mut Sink<'_>,
    ) {
        if let Some(map) = &self.map {
            for path in map.of(Role::Text) {
                let name = path.join(".");
                visit(record, path, &mut |value| match adf::is_document(value) {
                    true => sink.field(&name, &adf::flat(value), value.offset(), Markup::Plain),
                    false => sink.json(&name, Some(value), Markup::Html),
                });
            }
        }
        for key in ["data_b64", "content_base64"] {
            if let Some((value, decoded)) = json.get(key).and_then(|value| Some((value, from_base64(value)?))) {
                sink.field(key, &decoded, value.offset(), Markup::Plain);
            }
        }
        let rich = Rich::tell(json, sink);
        // What is called so and is no base64 is told as it is.
        sink.rest_by_path(json, &|path, key, _| match key {
            _ if rich.has_told(path, key) => Rest::Skip,
            "data_b64" | "content_base64" if path.is_empty() && json.get(key).and_then(from_base64).is_some() => {
                Rest::Skip
            }
            _ => Rest::Text(Markup::Plain),
        });
        sink.finish(bytes, line, &|place| self.place(record, stream, place));
    }

    fn place(&self, record: Json<'_>, stream: Option<&str>, place: &mut RecordPlace) {
        let get = |role: Role| match &self.map {
            Some(map) if map.of(role).next().is_some() => map.text(role, record),
            _ => guessed(role, record),
        };
        fill(place, &get, stream);
        if self.map.as_ref().is_some_and(|map| map.of(Role::Url).next().is_some())
            && let Some(link) = &mut place.permalink
        {
            link.basis = PermalinkBasis::Exact;
        }
    }

    fn read_table(&self, input: &mut Input<'_>, sink: &mut Sink<'_>) {
        let mut header: Option<Vec<String>> = None;
        read_csv(input, &mut |event| match event {
            CsvEvent::Row(row) => match &header {
                None => {
                    let names: Vec<String> = (0..row.len()).map(|index| row.text(index).trim().to_owned()).collect();
                    self.tell_missing(&names, sink);
                    header = Some(names);
                    self.row(&row, &[], sink);
                }
                Some(header) => self.row(&row, header, sink),
            },
            CsvEvent::Broken { bytes, offset, line, why } => {
                // What stands below isn't the header.
                header.get_or_insert_default();
                sink.broken(bytes, offset, line, why);
            }
        });
    }

    /// Tells of what the map says is in columns of which the table has none: of several for one thing, one is enough.
    fn tell_missing(&self, header: &[String], sink: &mut Sink<'_>) {
        let Some(map) = &self.map else { return };
        let is_there =
            |path: &[String]| path.last().is_some_and(|name| header.iter().any(|own| own.eq_ignore_ascii_case(name)));
        for (role, columns) in map.missing(&is_there) {
            let message = format!("no column {columns} for {role}, as --map says: read without it");
            sink.problem(ProblemKind::Malformed, 0, &message);
        }
    }

    fn row(&self, row: &Row<'_>, header: &[String], sink: &mut Sink<'_>) {
        let is_mapped = |name: &str| {
            self.map.as_ref().is_some_and(|map| map.of(Role::Text).any(|path| path.len() == 1 && path[0] == name))
        };
        for index in 0..row.len() {
            let name = header.get(index).map_or("", String::as_str);
            let text = row.text(index);
            let is_mapped = is_mapped(name);
            if is_mapped {
                sink.field(name, &text, row.offset_of(index), Markup::Html);
            }
            // What is longer says itself what it is.
            if !is_mapped || text.len() <= NAMED_BYTES {
                sink.cell(name, &text, row.offset_of(index));
            }
        }
        let column = |role: Role| -> Option<String> {
            let named = |wanted: &str| header.iter().position(|name| name.eq_ignore_ascii_case(wanted));
            let mapped: Vec<&[String]> = self.map.iter().flat_map(|map| map.of(role)).collect();
            let index = match mapped.is_empty() {
                false => mapped.iter().find_map(|path| named(path.last()?)),
                true => guesses(role).iter().find_map(|path| named(path)),
            }?;
            Some(row.text(index).into_owned()).filter(|text| !text.is_empty() && row.is_sure)
        };
        sink.finish(row.bytes(), row.line, &|place| fill(place, &column, None));
    }
}

/// Which of the paths that the user gave lead to something, in one document.
struct Seen<'m> {
    map: Option<&'m FieldMap>,
    /// Those that did not yet.
    open: Vec<&'m [String]>,
    is_read: bool,
    has_records: bool,
}

impl<'m> Seen<'m> {
    fn of(map: Option<&'m FieldMap>) -> Seen<'m> {
        let paths = map.into_iter().flat_map(|map| Role::ALL.iter().flat_map(|(_, role)| map.of(*role)));
        Seen { map, open: paths.collect(), is_read: false, has_records: false }
    }

    /// A list is entered: is it one of records?
    fn enter(&mut self, path: &Path) {
        let Some(map) = self.map else { return };
        self.open.retain(|wanted| {
            let is_list = map.of(Role::Records).any(|own| own == *wanted);
            !(is_list && wanted.iter().map(String::as_str).eq(keys(path)))
        });
    }

    fn look(&mut self, path: &Path, json: Json<'_>) {
        let Some(map) = self.map.filter(|_| !self.open.is_empty()) else { return };
        self.is_read = true;
        let mut lists = map.of(Role::Records).peekable();
        self.has_records |= lists.peek().is_none() || lists.any(|list| list.iter().map(String::as_str).eq(keys(path)));
        let (record, _) = unwrap(json);
        let is_there = |wanted: &[String]| {
            let mut is_there = wanted.iter().map(String::as_str).eq(keys(path));
            visit(record, wanted, &mut |_| is_there = true);
            is_there
        };
        self.open.retain(|wanted| !is_there(wanted));
    }

    /// Tells what leads nowhere: of several paths to one thing, one is enough.
    fn tell(&self, sink: &mut Sink<'_>) {
        let Some(map) = self.map.filter(|_| self.is_read) else { return };
        let missing = map.missing(&|path| !self.open.contains(&path));
        for (role, paths) in missing.into_iter().filter(|_| self.has_records) {
            let message = format!("no record has {paths} for {role}, as --map says: read without it");
            sink.problem(ProblemKind::Malformed, 0, &message);
        }
        let lists: Vec<String> = map.of(Role::Records).map(|path| path.join(".")).collect();
        if !lists.is_empty() && map.of(Role::Records).all(|path| self.open.contains(&path)) {
            let message = format!("no records at {}, as --map says: what stands elsewhere is read", lists.join(", "));
            sink.problem(ProblemKind::Malformed, 0, &message);
        }
    }
}

/// Texts up to this length are told with the name of their column, too.
const NAMED_BYTES: usize = 128;

/// Fills a place with what each role is.
fn fill(place: &mut RecordPlace, get: &dyn Fn(Role) -> Option<String>, stream: Option<&str>) {
    let (id, name, email) = (get(Role::AuthorId), get(Role::Author), get(Role::AuthorEmail));
    if id.is_some() || name.is_some() || email.is_some() {
        place.author = Some(RecordAuthor { id, name, email });
    }
    place.time = get(Role::Time).map(|raw| time::parse(&raw));
    place.edited = get(Role::Edited).map(|raw| time::parse(&raw));
    place.record = get(Role::Id);
    place.thread = get(Role::Thread);
    let url = get(Role::Url).filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    place.permalink = url.map(|url| Permalink { url, basis: PermalinkBasis::Guess });
    let container = get(Role::Container).or_else(|| stream.map(str::to_owned));
    place.container =
        container.map(|name| RecordContainer { kind: "container".to_owned(), id: None, name: Some(name) });
}

/// The record inside of what a tool wrapped around it, and the name of its stream.
fn unwrap<'t>(json: Json<'t>) -> (Json<'t>, Option<String>) {
    let stream = |json: Json<'t>| json.text_of("stream");
    let inner = |key: &str| json.get(key).filter(Json::is_object);
    if let Some(record) = inner("record") {
        // Airbyte puts its own record into the message's.
        return match record.get("data").filter(Json::is_object) {
            Some(data) => (data, stream(record)),
            None => (record, stream(json)),
        };
    }
    match inner("data").or_else(|| inner("_airbyte_data")).or_else(|| inner("metadata")).or_else(|| inner("provenance"))
    {
        Some(data)
            if stream(json).is_some() || json.get("data_b64").is_some() || json.get("_airbyte_data").is_some() =>
        {
            (data, stream(json))
        }
        Some(about) if inner("metadata").is_some() || inner("provenance").is_some() => (about, None),
        _ => (json, None),
    }
}

fn from_base64(value: Json<'_>) -> Option<String> {
    let packed: Vec<u8> = value.text()?.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = data_encoding::BASE64.decode(&packed).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What keys of a role are called, where nobody said.
fn guesses(role: Role) -> &'static [&'static str] {
    match role {
        Role::Author => {
            &["author.name", "user.login", "user.name", "author", "username", "created_by", "sender", "from", "creator"]
        }
        Role::AuthorId => &["author.id", "user.id", "author_id", "user_id", "created_by_id"],
        Role::AuthorEmail => &["author.email", "user.email", "author_email", "email"],
        Role::Time => {
            &["created_at", "createdAt", "created", "timestamp", "date", "ts", "time", "created_date", "sent_at"]
        }
        Role::Edited => &["updated_at", "updatedAt", "edited_at", "modified"],
        Role::Url => &["html_url", "permalink", "web_url", "url", "link"],
        Role::Container => {
            &["channel.name", "channel", "project.name", "project", "space", "repository", "room", "stream"]
        }
        Role::Thread => &["thread_id", "thread_ts", "conversation_id", "parent_id", "issue_id", "ticket_id"],
        Role::Id => &["id", "uuid", "key", "number", "message_id", "sys_id"],
        Role::Text | Role::Records => &[],
    }
}

fn guessed(role: Role, record: Json<'_>) -> Option<String> {
    guesses(role).iter().find_map(|path| {
        let keys: Vec<&str> = path.split('.').collect();
        record.path(&keys)?.id()
    })
}
