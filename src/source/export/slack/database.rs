//! slackdump's database: one SQLite file with the messages, people and channels as JSON, as Slack's API gave them.
//!
//! Format: github.com/rusq/slackdump, `internal/chunk/backend/dbase/repository/migrations` and its fixtures (read
//! 2026-11).

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    super::{
        container::spool_to_path,
        input::Input,
        json::{Json, Tape},
        markup::Markup,
        sink::{Rest, Sink},
        system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
    },
    message::{self, Message, Site},
    names::{Names, Wanted},
};
use crate::model::{ProblemKind, RecordAttachment, RecordContainer, RecordPlace, Revision};

/// Databases of slackdump.
pub(in crate::source::export) struct Database;

/// What SQLite's files begin with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Rows read at once.
const PAGE: i64 = 32;

/// Largest row that is read.
const MAX_ROW: i64 = 8 << 20;

/// Copies of a message that are compared. A database that goes on for years has one per run.
const MAX_COPIES: usize = 64;

impl System for Database {
    fn name(&self) -> &'static str {
        "slackdump-database"
    }

    fn title(&self) -> &'static str {
        "Slack archive (slackdump's database)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        head.starts_with(MAGIC)
    }

    fn marks(&self) -> &'static [&'static str] {
        &["slackdump.sqlite"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let is_named = |path: &&str| [".sqlite", ".db", ".sqlite3"].iter().any(|end| path.ends_with(end));
        let candidates: Vec<&str> = look.paths().filter(|path| is_named(path) || look.only() == Some(path)).collect();
        candidates
            .into_iter()
            .take(super::MAX_ROOTS)
            .filter_map(|path| {
                let head = look.head(path);
                let has =
                    |table: &str| memchr::memmem::find(&head, format!("CREATE TABLE {table}").as_bytes()).is_some();
                let tables = ["MESSAGE", "S_USER", "CHUNK", "WORKSPACE"].into_iter().filter(|table| has(table));
                let mut signs: Vec<String> = tables.map(|table| format!("table {table}")).collect();
                let is_database = head.starts_with(MAGIC) && signs.len() >= 2;
                signs.insert(0, "SQLite database".to_owned());
                is_database.then(|| Detection { root: split(path).0.to_owned(), signs })
            })
            .collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        // A database that lies there as a file is read where it is.
        let on_disk = opening.look.paths().filter_map(|path| {
            let below = path.strip_prefix(opening.root).filter(|path| !path.contains('/'))?;
            Some((below.to_owned(), opening.look.path_on_disk(path)?.to_owned()))
        });
        Box::new(DatabaseReader { base_url: opening.options.base_url.clone(), on_disk: on_disk.collect() })
    }
}

struct DatabaseReader {
    base_url: Option<String>,
    on_disk: HashMap<String, PathBuf>,
}

fn is_database(path: &str, input: &mut Input<'_>) -> bool {
    !path.contains('/') && input.peek(MAGIC.len()) == MAGIC
}

impl Reader for DatabaseReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if let Some(attachment) = super::attachment(path) {
            return Reading::Attachment(attachment);
        }
        if !is_database(path, input) {
            return Reading::NotMine;
        }
        let on_disk = self.on_disk.get(path);
        if let Some(path) = on_disk
            && let Ok(log) = std::fs::metadata(format!("{}-wal", path.display()))
            && log.len() > 0
        {
            sink.problem(
                ProblemKind::Unsupported,
                0,
                "changes in the file beside it (-wal) that SQLite has not yet taken in are not read",
            );
        }
        if let Err(error) = scan(input, on_disk.map(PathBuf::as_path), sink) {
            sink.problem(ProblemKind::Malformed, 0, &format!("the database can't be read further: {error}"));
        }
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let mut names = Names::default();
        let mut site = self.base_url.as_deref().map_or(Site::guess(None), Site::derived);
        let mut team = None;
        export.read(&|path| !path.contains('/'), &mut |path, input| {
            if !is_database(path, input) {
                return;
            }
            // What can't be read was told by the scan.
            let _ = with_tables(input, self.on_disk.get(path).map(PathBuf::as_path), &mut |tables| {
                find_attachments(tables, places)?;
                let wanted = Wanted::of(places);
                tables.each("S_USER", &mut |row| names.person(row.json, &wanted))?;
                tables.each("CHANNEL", &mut |row| names.channel(row.json, ("", ""), &wanted))?;
                if let (None, Some((url, id))) = (&self.base_url, tables.workspace()?) {
                    site = Site::exact(&url);
                    team = Some(id);
                }
                Ok(())
            });
        });
        message::merge_copies(places);
        for place in places {
            names.fill(place);
            place.workspace = team.clone().or_else(|| place.workspace.take());
            message::link(place, &site);
        }
    }
}

fn container(id: &str) -> RecordContainer {
    RecordContainer { kind: "channel".to_owned(), id: Some(id.to_owned()), name: None }
}

fn scan(input: &mut Input<'_>, on_disk: Option<&Path>, sink: &mut Sink<'_>) -> Result<(), DatabaseError> {
    with_tables(input, on_disk, &mut |tables| {
        tables.messages(&mut |row, revision| tell_message(&row, revision, sink))?;
        tables.each("SEARCH_MESSAGE", &mut |row| tell_message(&row, Revision::Current, sink))?;
        for table in ["S_USER", "CHANNEL", "FILE", "WORKSPACE", "SEARCH_FILE", "SAVED_ITEM"] {
            tables.each(table, &mut |row| {
                sink.rest(row.json, &treat);
                sink.finish(row.json.stored().len(), 0, &|place| {
                    let ids = ["id", "ts", "item_id"];
                    place.record = ids.iter().find_map(|key| row.json.text_of(key));
                    place.container = row.channel.map(container);
                });
            })?;
        }
        let broken = tables.broken;
        if broken > 0 {
            sink.problem(
                ProblemKind::Malformed,
                0,
                &format!("{broken} rows that are no JSON or too long were left out"),
            );
        }
        Ok(())
    })
}

fn tell_message(row: &DatabaseRow<'_>, revision: Revision, sink: &mut Sink<'_>) {
    message::tell(row.json, (row.json.stored().len(), 0), sink, &|place| {
        place.container = row.channel.map(container);
        if revision == Revision::Old {
            place.revision = Revision::Old;
        }
    });
}

fn treat(key: &str) -> Rest {
    match key {
        "avatar_hash" | "members" => Rest::Skip,
        key if key.starts_with("image_") || key.starts_with("url_private") || key.starts_with("thumb_") => Rest::Link,
        "permalink" | "permalink_public" => Rest::Link,
        _ => Rest::Text(Markup::Mrkdwn),
    }
}

/// The messages of attachments with findings.
fn find_attachments(tables: &mut Tables, places: &mut [&mut RecordPlace]) -> Result<(), DatabaseError> {
    let is_open = |place: &RecordPlace| place.attachment.is_some() && place.record.is_none();
    if !places.iter().any(|place| is_open(place)) {
        return Ok(());
    }
    tables.each("MESSAGE", &mut |row| {
        let files = row.json.get("files").into_iter().flat_map(|files| files.elements());
        for id in files.filter_map(|file| file.text_of("id")) {
            let has = |place: &RecordPlace| place.attachment.as_ref().and_then(|of| of.id.as_ref()) == Some(&id);
            for place in places.iter_mut().filter(|place| is_open(place) && has(place)) {
                let attachment: Option<RecordAttachment> = place.attachment.take();
                Message::new(row.json).place(place);
                place.attachment = attachment;
                place.container = row.channel.map(container);
            }
        }
    })
}

/// Why a database can't be read.
#[derive(Debug, thiserror::Error)]
enum DatabaseError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// An open database.
struct Tables {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
    tape: Tape,
    broken: u64,
}

/// A message as it was when it was stored.
struct Copy {
    stored: Vec<u8>,
    channel: Option<String>,
}

/// A row with a record.
struct DatabaseRow<'r> {
    json: Json<'r>,
    channel: Option<&'r str>,
}

/// Opens the database that `input` holds. SQLite wants a file: it gets one, which is gone afterwards.
fn with_tables(
    input: &mut Input<'_>,
    on_disk: Option<&Path>,
    each: &mut dyn FnMut(&mut Tables) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    let spooled = if on_disk.is_some() { None } else { Some(spool_to_path(input)?) };
    let path = on_disk.or(spooled.as_deref()).unwrap_or(Path::new("")).to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        // The file comes from anybody.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON");
    let connection = runtime.block_on(SqliteConnection::connect_with(&options))?;
    let mut tables = Tables { runtime, connection, tape: Tape::default(), broken: 0 };
    let done = each(&mut tables);
    let Tables { runtime, connection, .. } = tables;
    // Nothing was written that could get lost.
    let _ = runtime.block_on(connection.close());
    done
}

impl Tables {
    /// All rows of a table, in order. A table that isn't there has none.
    fn each(&mut self, table: &'static str, each: &mut dyn FnMut(DatabaseRow<'_>)) -> Result<(), DatabaseError> {
        let Some(query) = query_of(table) else { return Ok(()) };
        if !self.has(table)? {
            return Ok(());
        }
        let mut last = i64::MIN;
        loop {
            let page = sqlx::query(query).bind(last).bind(MAX_ROW).bind(PAGE);
            let rows = self.runtime.block_on(page.fetch_all(&mut self.connection))?;
            for row in &rows {
                last = row.try_get(0)?;
                let stored: Option<Vec<u8>> = row.try_get(1)?;
                let channel: Option<String> = row.try_get(2)?;
                let Some(stored) = stored else {
                    self.broken += 1;
                    continue;
                };
                match self.tape.read(&stored, true) {
                    Ok(_) => each(DatabaseRow { json: self.tape.value(&stored, 0), channel: channel.as_deref() }),
                    Err(_) => self.broken += 1,
                }
            }
            if rows.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    /// All messages, each once, and what older copies of it say that newer ones don't. A message is stored again with each
    /// run, and with the thread that it begins.
    fn messages(&mut self, each: &mut dyn FnMut(DatabaseRow<'_>, Revision)) -> Result<(), DatabaseError> {
        if !self.has("MESSAGE")? {
            return Ok(());
        }
        let mut copies: Vec<Copy> = Vec::new();
        let (mut last, mut last_chunk) = (i64::MIN, i64::MIN);
        loop {
            let page = sqlx::query(MESSAGES).bind(last).bind(MAX_ROW).bind(PAGE).bind(last_chunk);
            let rows = self.runtime.block_on(page.fetch_all(&mut self.connection))?;
            for row in &rows {
                let id = row.try_get(0)?;
                if id != last || copies.len() >= MAX_COPIES {
                    self.tell(&mut copies, each);
                }
                (last, last_chunk) = (id, row.try_get(3)?);
                match row.try_get::<Option<Vec<u8>>, _>(1)? {
                    Some(stored) => copies.push(Copy { stored, channel: row.try_get(2)? }),
                    None => self.broken += 1,
                }
            }
            if rows.len() < PAGE as usize {
                break;
            }
        }
        self.tell(&mut copies, each);
        Ok(())
    }

    /// Tells the newest copy, and older ones that say something else. Messages of several channels may have one time.
    fn tell(&mut self, copies: &mut Vec<Copy>, each: &mut dyn FnMut(DatabaseRow<'_>, Revision)) {
        let mut told: Vec<(Option<String>, Vec<u8>)> = Vec::new();
        for Copy { stored, channel } in copies.drain(..).rev() {
            let Ok(_) = self.tape.read(&stored, true) else {
                self.broken += 1;
                continue;
            };
            let json = self.tape.value(&stored, 0);
            let said: Vec<u8> = ["text", "blocks", "attachments"]
                .iter()
                .filter_map(|key| json.get(key))
                .flat_map(|value| value.stored().iter().copied().chain([0]))
                .collect();
            if told.iter().any(|other| other.0 == channel && other.1 == said) {
                continue;
            }
            let revision = if told.iter().any(|other| other.0 == channel) { Revision::Old } else { Revision::Current };
            each(DatabaseRow { json, channel: channel.as_deref() }, revision);
            told.push((channel, said));
        }
    }

    fn has(&mut self, table: &str) -> Result<bool, DatabaseError> {
        let query = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(table);
        Ok(self.runtime.block_on(query.fetch_optional(&mut self.connection))?.is_some())
    }

    /// Address and id of the workspace.
    fn workspace(&mut self) -> Result<Option<(String, String)>, DatabaseError> {
        let query = sqlx::query("SELECT URL, TEAM_ID FROM WORKSPACE ORDER BY ID DESC LIMIT 1");
        let row = self.runtime.block_on(query.fetch_optional(&mut self.connection))?;
        let Some(row) = row else { return Ok(None) };
        let url: String = row.try_get(0)?;
        Ok(url.starts_with("https://").then_some((url, row.try_get(1)?)))
    }
}

/// Messages by their time; of each, the oldest copy first.
const MESSAGES: &str = "SELECT ID, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, CHANNEL_ID, CHUNK_ID FROM MESSAGE \
     WHERE (ID, CHUNK_ID) > (?1, ?4) ORDER BY ID, CHUNK_ID LIMIT ?3";

/// Number, JSON (none if it is too long) and channel of a table's rows, without those that say the same as an earlier one:
/// each run stores all people and channels again.
fn query_of(table: &str) -> Option<&'static str> {
    // Statements are constant, so that no name from outside can get into one.
    Some(match table {
        "MESSAGE" => {
            "SELECT rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, CHANNEL_ID FROM MESSAGE \
             WHERE rowid > ?1 ORDER BY rowid LIMIT ?3"
        }
        "CHANNEL" => {
            "SELECT m.rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, ID FROM CHANNEL m WHERE m.rowid > ?1 AND NOT EXISTS \
             (SELECT 1 FROM CHANNEL n WHERE n.ID = m.ID AND n.CHUNK_ID < m.CHUNK_ID AND n.DATA = m.DATA) ORDER BY m.rowid LIMIT ?3"
        }
        "S_USER" => {
            "SELECT m.rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, NULL FROM S_USER m WHERE m.rowid > ?1 AND NOT EXISTS \
             (SELECT 1 FROM S_USER n WHERE n.ID = m.ID AND n.CHUNK_ID < m.CHUNK_ID AND n.DATA = m.DATA) ORDER BY m.rowid LIMIT ?3"
        }
        // Those of messages are in the messages.
        "FILE" => {
            "SELECT m.rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, CHANNEL_ID FROM FILE m WHERE m.rowid > ?1 \
             AND MESSAGE_ID IS NULL AND NOT EXISTS \
             (SELECT 1 FROM FILE n WHERE n.ID = m.ID AND n.CHUNK_ID < m.CHUNK_ID AND n.DATA = m.DATA) ORDER BY m.rowid LIMIT ?3"
        }
        "WORKSPACE" => {
            "SELECT rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, NULL FROM WORKSPACE \
             WHERE rowid > ?1 ORDER BY rowid LIMIT ?3"
        }
        // What is among the messages as well is told there.
        "SEARCH_MESSAGE" => {
            "SELECT m.rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, CHANNEL_ID FROM SEARCH_MESSAGE m WHERE m.rowid > ?1 \
             AND NOT EXISTS (SELECT 1 FROM MESSAGE n WHERE n.ID = CAST(REPLACE(m.TS, '.', '') AS INTEGER) AND n.CHANNEL_ID = m.CHANNEL_ID) \
             ORDER BY m.rowid LIMIT ?3"
        }
        "SEARCH_FILE" => {
            "SELECT rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, NULL FROM SEARCH_FILE \
             WHERE rowid > ?1 ORDER BY rowid LIMIT ?3"
        }
        "SAVED_ITEM" => {
            "SELECT m.rowid, CASE WHEN length(DATA) <= ?2 THEN CAST(DATA AS BLOB) END, NULL FROM SAVED_ITEM m WHERE m.rowid > ?1 AND NOT EXISTS \
             (SELECT 1 FROM SAVED_ITEM n WHERE n.ITEM_ID = m.ITEM_ID AND n.CHUNK_ID < m.CHUNK_ID AND n.DATA = m.DATA) \
             ORDER BY m.rowid LIMIT ?3"
        }
        _ => return None,
    })
}
