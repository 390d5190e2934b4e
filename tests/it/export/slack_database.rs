use std::path::Path;

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use unleak::{
    model::{PermalinkBasis, ProblemKind, Revision, Visibility},
    source::export::ExportOptions,
};

use super::plant::{Files, only, scan_export, token, told};

/// The tables that slackdump's migrations make, in their order; what later ones add stands at its table's end.
const TABLES: &str = "
CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
CREATE TABLE SESSION
(
    ID              INTEGER PRIMARY KEY,                          -- one for each run of the program
    CREATED_AT      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, -- when it began
    UPDATED_AT      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, -- when something was added
    PAR_SESSION_ID  INTEGER,                                      -- the run that it goes on with
    FROM_TS         TIMESTAMP,
    TO_TS           TIMESTAMP,
    FINISHED        SMALLINT  NOT NULL DEFAULT FALSE,             -- did it get to its end?
    FILES_ENABLED   SMALLINT  NOT NULL DEFAULT FALSE,
    AVATARS_ENABLED SMALLINT  NOT NULL DEFAULT FALSE,
    MODE            TEXT      NOT NULL,                           -- what was asked for: archive, resume
    ARGS            TEXT                                          -- the command line
);
CREATE TABLE CHUNK
(
    ID         INTEGER PRIMARY KEY,
    CREATED_AT TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIX_TS    INTEGER   NOT NULL,           -- the same in seconds since 1970
    SESSION_ID INTEGER   NOT NULL,
    TYPE_ID    SMALLINT  NOT NULL,           -- see TYPES
    NUM_REC    INTEGER   NOT NULL DEFAULT 0, -- how many rows came with it
    CHANNEL_ID TEXT,
    FINAL      SMALLINT  NOT NULL DEFAULT FALSE,
    THREAD_ONLY BOOLEAN,
    FOREIGN KEY (SESSION_ID) REFERENCES SESSION (ID) ON DELETE RESTRICT
);
CREATE TABLE MESSAGE
(
    ID         INTEGER   NOT NULL,               -- TS without its dot
    CHUNK_ID   INTEGER   NOT NULL,
    LOAD_DTTM  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHANNEL_ID TEXT      NOT NULL,               -- the channel's id
    TS         TEXT      NOT NULL,               -- as Slack writes it
    PARENT_ID  INTEGER,                          -- of an answer, the message that begins its thread
    THREAD_TS  TEXT,                             -- the same as Slack writes it
    LATEST_REPLY TEXT,
    IS_PARENT  SMALLINT  NOT NULL DEFAULT FALSE, -- does it begin a thread?
    IDX        INTEGER   NOT NULL,               -- its number in the chunk
    NUM_FILES  INTEGER   NOT NULL DEFAULT 0,     -- how many files it has
    TXT        TEXT,                             -- its text once more
    DATA       BLOB      NOT NULL,               -- as the interface gave it
    PRIMARY KEY (ID, CHUNK_ID),
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE CHANNEL
(
    ID        TEXT      NOT NULL, -- its id
    CHUNK_ID  INTEGER   NOT NULL,
    LOAD_DTTM TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    NAME      TEXT,
    IDX       INTEGER   NOT NULL,
    DATA      BLOB      NOT NULL,
    PRIMARY KEY (ID, CHUNK_ID),
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE FILE
(
    ID         TEXT      NOT NULL, -- its id
    CHUNK_ID   INTEGER   NOT NULL,
    LOAD_DTTM  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHANNEL_ID TEXT      NOT NULL,
    MESSAGE_ID INTEGER,            -- the message that has it
    THREAD_ID  INTEGER,            -- the thread, if that is in one
    IDX        INTEGER   NOT NULL,
    MODE       TEXT      NOT NULL,
    FILENAME   TEXT,
    URL        TEXT,
    DATA       BLOB      NOT NULL,
    SIZE       INTEGER   NOT NULL DEFAULT 0,
    PRIMARY KEY (ID, CHUNK_ID),
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE INDEX FILE_I1 ON FILE (MESSAGE_ID, THREAD_ID);
CREATE TABLE WORKSPACE
(
    ID            INTEGER PRIMARY KEY,
    CHUNK_ID      INTEGER   NOT NULL,
    LOAD_DTTM     TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    TEAM          TEXT      NOT NULL,
    USERNAME      TEXT,
    TEAM_ID       TEXT      NOT NULL,
    USER_ID       TEXT      NOT NULL,
    ENTERPRISE_ID TEXT,               -- of a Grid
    URL           TEXT      NOT NULL, -- where it is
    DATA          BLOB      NOT NULL,
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE S_USER
(
    ID           TEXT      NOT NULL,
    CHUNK_ID     INTEGER   NOT NULL,
    LOAD_DTTM    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    IDX          INTEGER   NOT NULL,
    USERNAME     TEXT,
    DATA         BLOB      NOT NULL,
    PRIMARY KEY (ID, CHUNK_ID),
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE CHANNEL_USER
(
    ID         TEXT      NOT NULL, -- the person's id
    CHUNK_ID   INTEGER   NOT NULL,
    LOAD_DTTM  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHANNEL_ID TEXT      NOT NULL,
    IDX        INTEGER   NOT NULL,
    PRIMARY KEY (ID, CHANNEL_ID, CHUNK_ID),
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE SEARCH_MESSAGE
(
    ID           INTEGER PRIMARY KEY,
    CHUNK_ID     INTEGER   NOT NULL,
    LOAD_DTTM    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHANNEL_ID   TEXT      NOT NULL,
    CHANNEL_NAME TEXT,
    TS           TEXT      NOT NULL,
    TXT          TEXT,
    IDX          INTEGER   NOT NULL, -- its number in the chunk
    DATA         BLOB      NOT NULL,
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE SEARCH_FILE
(
    ID        INTEGER PRIMARY KEY,
    CHUNK_ID  INTEGER   NOT NULL,
    LOAD_DTTM TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    FILE_ID   TEXT      NOT NULL,
    IDX       INTEGER   NOT NULL,
    DATA      BLOB      NOT NULL,
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
CREATE TABLE TYPES (ID INT, NAME TEXT);
CREATE UNIQUE INDEX idx_types_id ON TYPES (ID);
CREATE TABLE ALIAS (CHANNEL_ID TEXT NOT NULL PRIMARY KEY, ALIAS TEXT, CREATED_AT TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE SAVED_ITEM
(
    ID         INTEGER PRIMARY KEY,
    CHUNK_ID   INTEGER   NOT NULL,
    LOAD_DTTM  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ITEM_ID    TEXT      NOT NULL, -- the channel that it is in
    ITEM_TYPE  TEXT      NOT NULL,
    TS         TEXT,               -- the message, if it is one
    STATE      TEXT,
    TODO_STATE TEXT,
    IDX        INTEGER   NOT NULL, -- its number in the chunk
    DATA       BLOB      NOT NULL,
    FOREIGN KEY (CHUNK_ID) REFERENCES CHUNK (ID) ON DELETE CASCADE
);
INSERT INTO SESSION (ID, MODE) VALUES (1, 'archive'), (2, 'resume');
INSERT INTO CHUNK (ID, UNIX_TS, SESSION_ID, TYPE_ID, CHANNEL_ID) VALUES (1, 1704103200, 1, 0, 'C0ABCDEFG'), (2, 1704103200, 1, 1, 'C0ABCDEFG'), (3, 1704189600, 2, 0, 'C0ABCDEFG');
";

fn message(ts: &str, who: &str, text: &str, more: &[(&str, Value)]) -> Value {
    let mut message = json!({"type": "message", "user": who, "ts": ts, "team": "T01", "text": text});
    more.iter().for_each(|(key, value)| message[*key] = value.clone());
    message
}

/// Plain, in a block of code in a thread, in a link, edited since an earlier run, in a file.
fn messages([plain, code, link, old, _]: &[String; 5]) -> Vec<(i64, Value)> {
    let parent = message(
        "1704103200.000100",
        "U01",
        &format!("the key is {plain}"),
        &[("reply_count", json!(1)), ("thread_ts", json!("1704103200.000100"))],
    );
    let file = json!([{"id": "F0AAAA1", "name": "notes.txt", "title": "notes"}]);
    vec![
        (1, parent.clone()),
        (
            1,
            message(
                "1704103320.000300",
                "U02",
                &format!("see <https://git.example.com/x?private_token={link}&amp;y=1|the page>"),
                &[],
            ),
        ),
        (1, message("1704103380.000400", "U01", &format!("use {old} please"), &[])),
        (1, message("1704103440.000500", "U02", "a file", &[("files", file)])),
        // The thread has its first message again.
        (2, parent),
        (
            2,
            message(
                "1704103260.000200",
                "U02",
                &format!("```export GITLAB_TOKEN={code}```"),
                &[("thread_ts", json!("1704103200.000100"))],
            ),
        ),
        // A later run.
        (
            3,
            message(
                "1704103380.000400",
                "U01",
                "never mind",
                &[("edited", json!({"user": "U01", "ts": "1704103390.000000"}))],
            ),
        ),
    ]
}

/// A note of what to do later.
fn saved() -> String {
    format!("rotate {}", token(799))
}

pub(super) fn database(path: &Path, tokens: &[String; 5]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    runtime.block_on(async {
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        db.execute(TABLES).await.unwrap();
        for (chunk, message) in messages(tokens) {
            let ts = message["ts"].as_str().unwrap().to_owned();
            let id: i64 = ts.replace('.', "").parse().unwrap();
            sqlx::query("INSERT INTO MESSAGE (ID, CHUNK_ID, CHANNEL_ID, TS, IDX, TXT, DATA) VALUES (?, ?, 'C0ABCDEFG', ?, 0, ?, ?)")
                .bind(id)
                .bind(chunk)
                .bind(ts)
                .bind(message["text"].as_str().unwrap().to_owned())
                .bind(message.to_string().into_bytes())
                .execute(&mut db)
                .await
                .unwrap();
        }
        // No JSON at all.
        db.execute("INSERT INTO MESSAGE (ID, CHUNK_ID, CHANNEL_ID, TS, IDX, DATA) VALUES (1, 1, 'C0ABCDEFG', '0.000001', 9, X'7B7B')").await.unwrap();
        for chunk in [1, 3] {
            for (id, name) in [("U01", "Ada L"), ("U02", "Bob B")] {
                let user = json!({"id": id, "name": name, "profile": {"real_name": name, "email": format!("{}@example.com", &name[..3].to_lowercase())}});
                sqlx::query("INSERT INTO S_USER (ID, CHUNK_ID, IDX, USERNAME, DATA) VALUES (?, ?, 0, ?, ?)")
                    .bind(id)
                    .bind(chunk)
                    .bind(name)
                    .bind(user.to_string().into_bytes())
                    .execute(&mut db)
                    .await
                    .unwrap();
            }
        }
        let channel = json!({"id": "C0ABCDEFG", "name": "ops", "is_private": true, "num_members": 7});
        sqlx::query("INSERT INTO CHANNEL (ID, CHUNK_ID, NAME, IDX, DATA) VALUES ('C0ABCDEFG', 1, 'ops', 0, ?)")
            .bind(channel.to_string().into_bytes())
            .execute(&mut db)
            .await
            .unwrap();
        // What somebody put aside to do later, twice.
        for chunk in [1, 3] {
            sqlx::query("INSERT INTO SAVED_ITEM (CHUNK_ID, ITEM_ID, ITEM_TYPE, IDX, DATA) VALUES (?, 'Rm01', 'reminder', 0, ?)")
                .bind(chunk)
                .bind(json!({"item_id": "Rm01", "item_type": "reminder", "description": saved()}).to_string().into_bytes())
                .execute(&mut db)
                .await
                .unwrap();
        }
        sqlx::query("INSERT INTO WORKSPACE (CHUNK_ID, TEAM, TEAM_ID, USER_ID, URL, DATA) VALUES (1, 'Acme', 'T01', 'U01', 'https://acme.slack.com/', ?)")
            .bind(json!({"url": "https://acme.slack.com/", "team_id": "T01"}).to_string().into_bytes())
            .execute(&mut db)
            .await
            .unwrap();
        db.close().await.unwrap();
    });
}

#[test]
fn every_secret_once_as_file_directory_and_in_an_archive() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: [String; 5] = std::array::from_fn(|index| token(700 + index as u64));
    let folder = dir.path().join("archive");
    std::fs::create_dir_all(folder.join("__uploads/F0AAAA1")).unwrap();
    std::fs::write(folder.join("__uploads/F0AAAA1/notes.txt"), format!("token={}\n", tokens[4])).unwrap();
    let file = folder.join("slackdump.sqlite");
    database(&file, &tokens);
    let mut paths = vec![folder, file.clone()];
    let tar = dir.path().join("archive.tar.gz");
    let mut files = Files::default();
    files
        .add("slackdump.sqlite", std::fs::read(&file).unwrap())
        .add("__uploads/F0AAAA1/notes.txt", format!("token={}\n", tokens[4]));
    paths.push(files.zip(&dir.path().join("archive.zip")));
    std::fs::write(&tar, files.tar_gz_bytes()).unwrap();
    paths.push(tar);
    let site = "https://acme.slack.com/archives/C0ABCDEFG";
    let (ada, bob) = ("U01 Ada L <ada@example.com>", "U02 Bob B <bob@example.com>");
    let expected = [
        format!("{ada} 2024-01-01T10:00:00.0001Z {site}/p1704103200000100"),
        format!("{bob} 2024-01-01T10:01:00.0002Z {site}/p1704103260000200?thread_ts=1704103200.000100&cid=C0ABCDEFG"),
        format!("{bob} 2024-01-01T10:02:00.0003Z {site}/p1704103320000300"),
        format!("{ada} 2024-01-01T10:03:00.0004Z {site}/p1704103380000400"),
        format!("{bob} 2024-01-01T10:04:00.0005Z {site}/p1704103440000500"),
    ];
    for path in paths {
        let report = scan_export(&path, ExportOptions::default());
        let has_files = path != file;
        for (index, token) in tokens.iter().enumerate().filter(|(index, _)| has_files || *index < 4) {
            let place = only(&report, token);
            assert_eq!(told(place), expected[index], "{}", path.display());
            assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
            assert_eq!((place.visibility, place.readers), (Some(Visibility::Private), Some(7)));
            assert_eq!(place.workspace.as_deref(), Some("T01"));
            assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
        }
        assert_eq!((report.exports[0].system.as_str(), report.exports.len()), ("slackdump-database", 1));
        assert_eq!(only(&report, &token(799)).record.as_deref(), Some("Rm01"));
        let kinds: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
        assert_eq!(kinds, [ProblemKind::Malformed], "the row that is no JSON: {:?}", report.problems);
    }
}

#[test]
fn a_database_that_is_cut_off_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: [String; 5] = std::array::from_fn(|index| token(710 + index as u64));
    let file = dir.path().join("slackdump.sqlite");
    database(&file, &tokens);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let report = scan_export(&file, ExportOptions::default());
    assert!(!report.problems.is_empty());
}
