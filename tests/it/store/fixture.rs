//! Stores to test with, and time that stands still unless told otherwise.

use std::{
    cell::Cell,
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use unleak::{
    model::Severity,
    store::{Context, Engine, Location, ScannedFinding, ScannedOccurrence, Store, StoreError},
};

/// A place for one store, and a clock.
pub(crate) struct Fixture {
    pub(crate) location: Location,
    /// What to give as `--store`.
    pub(crate) address: String,
    /// Milliseconds since 1970.
    pub(crate) clock: Cell<u64>,
    /// Removed with the fixture.
    _dir: Option<tempfile::TempDir>,
    schema: Option<(String, String)>,
    /// A database of its own: its server and name.
    database: Option<(String, String)>,
}

pub(crate) fn random(buffer: &mut [u8]) -> std::io::Result<()> {
    use std::io::Read as _;
    std::fs::File::open("/dev/urandom")?.read_exact(buffer)
}

/// Says why a test is none today, and notes it where `.ci/run` counts what was skipped.
pub(crate) fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
    if let Some(list) = std::env::var_os("UNLEAK_TEST_SKIPS") {
        // Whole lines, in whatever order: tests run side by side.
        let noted = std::fs::OpenOptions::new().create(true).append(true).open(list);
        noted.and_then(|mut list| list.write_all(format!("{reason}\n").as_bytes())).expect("a skip that nobody counts");
    }
}

/// A program that the tests install for themselves, or else one of this machine.
pub(crate) fn program(name: &str) -> std::path::PathBuf {
    let installed = std::env::var_os("UNLEAK_TEST_PROGRAMS").map(|dir| std::path::Path::new(&dir).join(name));
    installed.filter(|path| path.exists()).unwrap_or_else(|| name.into())
}

pub(crate) fn run_sql(address: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(address).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

impl Fixture {
    pub(crate) fn sqlite() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let address = dir.path().join("state/store.db").display().to_string();
        Fixture::new(address, Some(dir), None)
    }

    /// A store that is there already, in a file.
    pub(crate) fn at(path: &str) -> Fixture {
        Fixture::new(path.to_owned(), None, None)
    }

    /// `None`, and a word about it, where there is no server.
    pub(crate) fn postgres() -> Option<Fixture> {
        let Some(server) = std::env::var("UNLEAK_TEST_POSTGRES").ok().filter(|address| !address.is_empty()) else {
            skip("UNLEAK_TEST_POSTGRES is not set");
            return None;
        };
        let mut bytes = [0; 8];
        random(&mut bytes).unwrap();
        let schema = format!("unleak_test_{:016x}", u64::from_be_bytes(bytes));
        run_sql(&server, &format!("CREATE SCHEMA {schema}"));
        let separator = if server.contains('?') { '&' } else { '?' };
        let address = format!("{server}{separator}options[search_path]={schema}");
        Some(Fixture::new(address, None, Some((server, schema))))
    }

    /// A database of its own on the server, a copy of that of another such fixture if one is given. `None`, and a word about
    /// it, where there is no server.
    pub(crate) fn database(like: Option<&Fixture>) -> Option<Fixture> {
        let Some(server) = std::env::var("UNLEAK_TEST_POSTGRES").ok().filter(|address| !address.is_empty()) else {
            skip("UNLEAK_TEST_POSTGRES is not set");
            return None;
        };
        let mut bytes = [0; 8];
        random(&mut bytes).unwrap();
        let name = format!("unleak_test_{:016x}", u64::from_be_bytes(bytes));
        let template = like.and_then(|like| like.database.as_ref()).map_or("template0", |(_, name)| name);
        run_sql(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let (head, _) = server.rsplit_once('/').unwrap();
        let mut fixture = Fixture::new(format!("{head}/{name}"), None, None);
        fixture.database = Some((server, name));
        Some(fixture)
    }

    fn new(address: String, dir: Option<tempfile::TempDir>, schema: Option<(String, String)>) -> Fixture {
        let location = Location::parse(&address).unwrap();
        Fixture { location, address, clock: Cell::new(1_700_000_000_000), _dir: dir, schema, database: None }
    }

    pub(crate) fn engine(&self) -> Engine {
        if self.schema.is_some() || self.database.is_some() { Engine::Postgres } else { Engine::Sqlite }
    }

    /// Calls `work` with a new store.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Store<'_>) -> T) -> T {
        let now = || self.now();
        let context = Context { actor: "ann".to_owned(), now: &now, random: &random };
        let mut store = match Store::init(&self.location, context.clone()) {
            Err(StoreError::Exists { .. }) => Store::open(&self.location, context),
            made => made,
        }
        .unwrap();
        work(&mut store)
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.clock.get())
    }

    pub(crate) fn pass(&self, milliseconds: u64) {
        self.clock.set(self.clock.get() + milliseconds);
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some((server, schema)) = &self.schema {
            run_sql(server, &format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE"));
        }
        if let Some((server, name)) = &self.database {
            run_sql(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Runs each function once per engine, as a test of its own.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&$crate::store::fixture::Fixture::sqlite()); })+
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(fixture) = $crate::store::fixture::Fixture::postgres() { super::$name(&fixture); }
            })+
        }
    };
}
pub(crate) use on_both_engines;

/// A finding in some files.
pub(crate) fn scanned(number: u64, paths: &[&str]) -> ScannedFinding {
    ScannedFinding {
        fp: format!("v1:{number:032x}"),
        fp_key_id: "0a1b2c3d".to_owned(),
        former_fps: Vec::new(),
        digests: Vec::new(),
        rule_id: "github.pat-classic".to_owned(),
        provider: "GitHub".to_owned(),
        kind: "pat".to_owned(),
        identity_kind: "user-token".to_owned(),
        severity: Severity::ALL[number as usize % 4],
        score: 100,
        preview: "ghp_… (40 characters)".to_owned(),
        public_id: None,
        attributes: None,
        occurrences: paths.iter().map(|path| place(path)).collect(),
    }
}

pub(crate) fn place(path: &str) -> ScannedOccurrence {
    ScannedOccurrence {
        locator_key: format!("file:{path}#content#0"),
        kind: "file".to_owned(),
        path: Some(path.to_owned()),
        part: "content".to_owned(),
        line: 3,
        column: 9,
        locator: serde_json::json!({ "kind": "file", "path": path }),
        ..ScannedOccurrence::default()
    }
}
