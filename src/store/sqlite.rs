use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, Connection as _, Decode, Row as _, Sqlite as Driver, SqliteConnection, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};
use tokio::runtime::Runtime;

use super::{Access, Cell, Creation, Database, Engine, Row, StoreError, Table, Value, migration};
use crate::model::DisplayPath;

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Writers wait so long for each other.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A SQLite file.
pub(super) struct Sqlite {
    runtime: Runtime,
    connection: SqliteConnection,
    path: PathBuf,
}

impl Sqlite {
    /// Opens a file, or makes one that nobody else can read.
    pub(super) fn connect(path: &Path, creation: Creation) -> Result<Sqlite, StoreError> {
        let place = || DisplayPath(path).to_string();
        match fs::File::open(path) {
            Ok(file) => {
                check_magic(file, path, creation)?;
                if is_foreign(path)? {
                    return Err(StoreError::NotAStore { place: place() });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match creation {
                Creation::Allowed => create(path)?,
                Creation::Refused => return Err(StoreError::NotFound { place: place() }),
            },
            Err(error) => return Err(StoreError::io(path, error)),
        }
        // FULL: a journalled intent must survive a power cut, and with WAL only FULL syncs each commit.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("trusted_schema", "OFF");
        let runtime = runtime()?;
        let connection = runtime.block_on(SqliteConnection::connect_with(&options))?;
        Ok(Sqlite { runtime, connection, path: path.to_owned() })
    }

    fn texts(&mut self, sql: &'static str) -> Result<Vec<String>, StoreError> {
        self.query(sql, &[])?.iter().map(|row| row.get(0)).collect()
    }
}

/// A runtime for a driver's calls; its thread is the caller's.
pub(super) fn runtime() -> Result<Runtime, StoreError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|source| StoreError::Io { path: "asynchronous runtime".to_owned(), source })
}

/// SQLite itself would take a text file for a damaged database, and an empty one for a new one.
fn check_magic(mut file: fs::File, path: &Path, creation: Creation) -> Result<(), StoreError> {
    let mut start = Vec::new();
    file.by_ref().take(16).read_to_end(&mut start).map_err(|error| StoreError::io(path, error))?;
    match (start.is_empty(), creation) {
        (true, Creation::Allowed) => close_to_others(&file).map_err(|error| StoreError::io(path, error)),
        (true, Creation::Refused) => Err(StoreError::NotFound { place: DisplayPath(path).to_string() }),
        (false, _) if start == MAGIC => Ok(()),
        (false, _) => Err(StoreError::NotAStore { place: DisplayPath(path).to_string() }),
    }
}

/// Does a database hold tables, and none of a store's? Opening one as a store would change its journal, so it is looked at before,
/// in a way that writes nothing. What can't be told so is left to whoever opens it.
fn is_foreign(path: &Path) -> Result<bool, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    // Without a log beside it nobody has it open for writing, and its file is all there is of it. With one, SQLite must read that,
    // too, and uses the files which are there.
    let options = options.immutable(!with_suffix(path, "-wal").exists());
    let runtime = runtime()?;
    let tables = runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.ok()?;
        let query = sqlx::query_scalar::<_, String>("SELECT name FROM sqlite_schema WHERE type = 'table'");
        let names = query.fetch_all(&mut connection).await.ok();
        connection.close().await.ok();
        names
    });
    Ok(tables.is_some_and(|names| !names.is_empty() && !names.iter().any(|name| name == migration::TABLE)))
}

/// An empty file that somebody else made becomes the user's own.
#[cfg(unix)]
fn close_to_others(file: &fs::File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn close_to_others(_: &fs::File) -> io::Result<()> {
    Ok(())
}

/// Makes a store of a backup. It appears whole or not at all, and never in place of another.
pub(super) fn restore(path: &Path, backup: &Path) -> Result<(), StoreError> {
    let place = DisplayPath(path).to_string();
    if path.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { place });
    }
    let mut source = fs::File::open(backup).map_err(|error| StoreError::io(backup, error))?;
    check_magic(source.try_clone().map_err(|error| StoreError::io(backup, error))?, backup, Creation::Refused)?;
    make_dir_of(path)?;
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = tempfile::Builder::new().prefix(".restore").tempdir_in(parent);
    let dir = dir.map_err(|error| StoreError::io(parent, error))?;
    // A copy is opened: SQLite writes beside what it opens, and the backup stays as it is.
    let (copy, whole) = (dir.path().join("copy.db"), dir.path().join("store.db"));
    create(&copy)?;
    let mut file = OpenOptions::new().write(true).open(&copy).map_err(|error| StoreError::io(&copy, error))?;
    source.rewind().and_then(|()| io::copy(&mut source, &mut file)).map_err(|error| StoreError::io(&copy, error))?;
    let mut database = Sqlite::connect(&copy, Creation::Refused)?;
    let (found, known) = (migration::version(&mut database)?, migration::latest());
    match found {
        Some(found) if found > known => return Err(StoreError::Newer { place, found, known }),
        Some(_) => drop(migration::check_applied(&mut database)?),
        None => return Err(StoreError::NotAStore { place: DisplayPath(backup).to_string() }),
    }
    if let Some(wrong) = database.integrity()?.into_iter().next() {
        return Err(StoreError::Damaged(wrong));
    }
    database.back_up(&whole)?;
    // A rename would replace what appeared there meanwhile.
    fs::hard_link(&whole, path).map_err(|error| StoreError::io(path, error))
}

fn make_dir_of(path: &Path) -> Result<(), StoreError> {
    let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| StoreError::io(dir, error))
}

/// An empty file for the user alone; SQLite gives its journals the same mode.
fn create(path: &Path) -> Result<(), StoreError> {
    make_dir_of(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| StoreError::io(path, error))
}

impl Database for Sqlite {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn begin(&mut self, access: Access) -> Result<(), StoreError> {
        // A transaction that begins by reading can't always become a writing one: another writer may have been faster.
        self.script(match access {
            Access::Read => "BEGIN",
            Access::Write => "BEGIN IMMEDIATE",
        })
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.script("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.script("ROLLBACK")
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        Ok(self.runtime.block_on(query.execute(&mut self.connection))?.rows_affected())
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection))?;
        rows.iter().map(decode).collect()
    }

    fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.runtime.block_on(sqlx::raw_sql(sql).execute(&mut self.connection))?;
        Ok(())
    }

    fn tables(&mut self) -> Result<Vec<Table>, StoreError> {
        let names = self
            .texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")?;
        let columns = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
        let table = |name: String| {
            let rows = self.query(columns, &[name.as_str().into()])?;
            Ok(Table { name, columns: rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()? })
        };
        names.into_iter().map(table).collect()
    }

    fn integrity(&mut self) -> Result<Vec<String>, StoreError> {
        let mut wrong = self.texts("SELECT integrity_check FROM pragma_integrity_check")?;
        wrong.retain(|line| line != "ok");
        wrong.extend(self.texts(
            "SELECT 'foreign key of ' || \"table\" || ' row ' || coalesce(rowid, 0) || ' leads nowhere: ' || parent
             FROM pragma_foreign_key_check",
        )?);
        for path in [self.path.clone(), with_suffix(&self.path, "-wal"), with_suffix(&self.path, "-shm")] {
            wrong.extend(loose_permissions(&path));
        }
        Ok(wrong)
    }

    fn back_up(&mut self, target: &Path) -> Result<(), StoreError> {
        if target.symlink_metadata().is_ok() {
            let exists = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(StoreError::io(target, exists));
        }
        create(target)?;
        // Into an empty file, whose mode is right already. A read transaction: writers go on.
        let name = target.to_str().ok_or_else(|| StoreError::Location("SQLite takes paths in UTF-8 only".to_owned()));
        let copied = name.and_then(|name| self.execute("VACUUM INTO $1", &[name.into()]));
        let synced = copied.and_then(|_| {
            let file = fs::File::open(target).and_then(|file| file.sync_all());
            file.map_err(|error| StoreError::io(target, error))
        });
        if synced.is_err() {
            let _ = fs::remove_file(target);
        }
        synced
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(unix)]
fn loose_permissions(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("{} can be read by others (mode {mode:o}, should be 600)", DisplayPath(path)))
}

#[cfg(not(unix))]
fn loose_permissions(_: &Path) -> Option<String> {
    None
}

fn arguments(values: &[Value]) -> Result<SqliteArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Int(value) => arguments.add(*value),
            Value::Real(value) => arguments.add(*value),
            Value::Bool(value) => arguments.add(value.map(i64::from)),
            Value::Text(value) | Value::Json(value) => arguments.add(value.clone()),
        };
        added.map_err(|error| StoreError::Engine(error.to_string()))?;
    }
    Ok(arguments)
}

fn decode(row: &SqliteRow) -> Result<Row, StoreError> {
    let cell = |column: usize| {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let wrong = |_| StoreError::Column { column, reason: "it can't be decoded" };
        let type_name = value.type_info().name().to_owned();
        match type_name.as_str() {
            "INTEGER" | "BOOLEAN" => <i64 as Decode<Driver>>::decode(value).map(Cell::Int).map_err(wrong),
            "REAL" => <f64 as Decode<Driver>>::decode(value).map(Cell::Real).map_err(wrong),
            "TEXT" => <String as Decode<Driver>>::decode(value).map(Cell::Text).map_err(wrong),
            _ => Err(StoreError::Column { column, reason: "stores have no such type" }),
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row)
}
