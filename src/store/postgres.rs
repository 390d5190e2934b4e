use std::{
    ffi::OsString,
    fs::OpenOptions,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Decode, Encode, PgConnection, Postgres as Driver, Row as _,
    Type, TypeInfo as _, ValueRef as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgRow, PgSslMode, PgTypeInfo, types::Oid},
};
use tokio::runtime::Runtime;

use super::{Access, Cell, Database, Engine, Location, Row, StoreError, Table, Value, sqlite::runtime};
use crate::model::hex_value;

/// A server that doesn't answer for so long isn't there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A PostgreSQL server. The tables are in the first schema of its search path.
pub(super) struct Postgres {
    runtime: Runtime,
    connection: PgConnection,
    options: PgConnectOptions,
}

impl Postgres {
    /// Connects and logs in.
    pub(super) fn connect(options: &PgConnectOptions) -> Result<Postgres, StoreError> {
        let runtime = runtime()?;
        let connection = log_in(&runtime, options)?;
        let mut database = Postgres { runtime, connection, options: options.clone() };
        database.script(SESSION)?;
        Ok(database)
    }

    /// The number of the transaction, if it changed anything: by it the server tells afterwards what became of it.
    fn transaction_number(&mut self) -> Result<Option<i64>, StoreError> {
        let rows = self.query("SELECT CAST(txid_current_if_assigned() AS BIGINT)", &[])?;
        rows.first().map_or(Ok(None), |row| row.get(0))
    }

    /// What became of a transaction whose end was not heard: `None` if the server no longer knows.
    fn was_kept(&mut self, transaction: i64) -> Result<Option<bool>, StoreError> {
        // One that the server still carries out ends soon: nobody is there to go on with it.
        for _ in 0..50 {
            let rows = self.query("SELECT txid_status($1)", &[transaction.into()])?;
            let status: Option<String> = rows.first().map_or(Ok(None), |row| row.get(0))?;
            match status.as_deref() {
                Some("committed") => return Ok(Some(true)),
                Some("aborted") => return Ok(Some(false)),
                Some(_) => std::thread::sleep(Duration::from_millis(200)),
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// What is set on every connection.
const SESSION: &str = "SET lock_timeout = '30s'; SET client_min_messages = warning";

/// How often a server that went away is looked for, once a second: a restart takes a few.
const RECONNECTS: u32 = 30;

fn log_in(runtime: &Runtime, options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let unreachable = |reason: String| {
        let place = Location::Server(Box::new(options.clone())).to_string();
        StoreError::Unreachable { place, reason }
    };
    let connecting = async { tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await };
    match runtime.block_on(connecting) {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(sqlx::Error::Database(error))) => Err(unreachable(error.message().to_owned())),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

impl Database for Postgres {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn begin(&mut self, access: Access) -> Result<(), StoreError> {
        self.script(match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Write => "BEGIN",
        })
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let transaction = self.transaction_number()?;
        match (self.script("COMMIT"), transaction) {
            (Err(lost @ StoreError::Lost(_)), Some(transaction)) => {
                // Nothing may be done twice: whether it was kept only the server knows.
                if self.recover().is_err() {
                    return Err(StoreError::Uncertain);
                }
                match self.was_kept(transaction) {
                    Ok(Some(true)) => Ok(()),
                    Ok(Some(false)) => Err(lost),
                    _ => Err(StoreError::Uncertain),
                }
            }
            (done, _) => done,
        }
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.script("ROLLBACK")
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        // After a deadlock the connection is as good as before.
        if self.script("ROLLBACK").is_ok() {
            return Ok(());
        }
        let mut tries = 1;
        loop {
            match log_in(&self.runtime, &self.options) {
                Ok(connection) => {
                    self.connection = connection;
                    return self.script(SESSION);
                }
                Err(error) if tries == RECONNECTS => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_secs(1)),
            }
            tries += 1;
        }
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
        let rows = self.query(
            "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT) FROM information_schema.columns AS c
             JOIN information_schema.tables AS t USING (table_schema, table_name)
             WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
             ORDER BY c.table_name, c.ordinal_position",
            &[],
        )?;
        let mut tables: Vec<Table> = Vec::new();
        for row in &rows {
            let (name, column) = (row.get::<String>(0)?, row.get(1)?);
            match tables.last_mut().filter(|table| table.name == name) {
                Some(table) => table.columns.push(column),
                None => tables.push(Table { name, columns: vec![column] }),
            }
        }
        Ok(tables)
    }

    fn integrity(&mut self) -> Result<Vec<String>, StoreError> {
        // Foreign keys and checks that were added without looking at the rows that were there.
        let rows = self.query(
            "SELECT CAST(conname AS TEXT) FROM pg_constraint AS c JOIN pg_namespace AS n ON n.oid = c.connamespace
             WHERE n.nspname = current_schema() AND NOT convalidated",
            &[],
        )?;
        let unproven = rows.iter().map(|row| Ok(format!("constraint {} was never checked", row.get::<String>(0)?)));
        unproven.collect()
    }

    fn back_up(&mut self, target: &Path) -> Result<(), StoreError> {
        let rows = self.query("SELECT CAST(current_schema() AS TEXT)", &[])?;
        let schema: String = rows.first().map_or(Ok(String::new()), |row| row.get(0))?;
        let mut file = OpenOptions::new();
        file.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        let file = file.open(target).map_err(|error| StoreError::io(target, error))?;
        let dumped = self.dump(&schema, file.try_clone().map_err(|error| StoreError::io(target, error))?);
        let synced = dumped.and_then(|()| file.sync_all().map_err(|error| StoreError::io(target, error)));
        if synced.is_err() {
            let _ = std::fs::remove_file(target);
        }
        synced
    }
}

impl Postgres {
    /// `pg_dump` reads one snapshot.
    fn dump(&self, schema: &str, file: std::fs::File) -> Result<(), StoreError> {
        let mut command = Command::new("pg_dump");
        command.args(["--format=custom", "--no-password", "--no-owner", "--schema"]);
        command.arg(format!("\"{}\"", schema.replace('"', "\"\"")));
        self.call("pg_dump", command.stdin(Stdio::null()).stdout(file))
    }

    /// Brings the tables of a backup back into the schema that they came from, all of them or none.
    pub(super) fn restore(&mut self, backup: &Path) -> Result<(), StoreError> {
        let rows = self.query("SELECT CAST(current_schema() AS TEXT)", &[])?;
        let schema: String = rows.first().map_or(Ok(String::new()), |row| row.get(0))?;
        let file = std::fs::File::open(backup).map_err(|error| StoreError::io(backup, error))?;
        let mut command = Command::new("pg_restore");
        command.args(["--exit-on-error", "--single-transaction", "--no-password", "--no-owner", "--no-privileges"]);
        command.arg("--schema").arg(schema);
        command.arg("--dbname").arg(self.options.get_database().unwrap_or(self.options.get_username()));
        self.call("pg_restore", command.stdin(file).stdout(Stdio::null()))
    }

    /// Runs a program of the server's. The login goes by its environment: arguments are seen by everybody on the machine.
    fn call(&self, program: &'static str, command: &mut Command) -> Result<(), StoreError> {
        let failed = |reason: String| StoreError::Program { program, reason };
        let socket = self.options.get_socket().map(|path| path.as_os_str().to_owned());
        let host = socket.unwrap_or_else(|| self.options.get_host().into());
        command.env("PGHOST", host).env("PGPORT", self.options.get_port().to_string());
        command.env("PGUSER", self.options.get_username());
        command.env("PGDATABASE", self.options.get_database().unwrap_or(self.options.get_username()));
        if let Some(password) = self.options.to_url_lossy().password().and_then(percent_decode) {
            command.env("PGPASSWORD", password);
        }
        command.env("PGSSLMODE", ssl_mode(self.options.get_ssl_mode()));
        let output = command.stderr(Stdio::piped()).output();
        let output = output.map_err(|error| failed(format!("can't be started ({error})")))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// The driver gives its password away only as a part of an address, where all but letters and digits are escaped.
fn percent_decode(text: &str) -> Option<OsString> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(hex_value(*high)? << 4 | hex_value(*low)?);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok().map(OsString::from)
}

/// JSON as `jsonb` travels: a version byte and the text.
struct Jsonb(String);

impl Type<Driver> for Jsonb {
    fn type_info() -> PgTypeInfo {
        // The number of `jsonb` is the same in every server (pg_type.dat of PostgreSQL).
        PgTypeInfo::with_oid(Oid(3802))
    }
}

impl Encode<'_, Driver> for Jsonb {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.push(1);
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

fn arguments(values: &[Value]) -> Result<PgArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Int(value) => arguments.add(*value),
            Value::Real(value) => arguments.add(*value),
            Value::Bool(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.clone()),
            Value::Json(value) => arguments.add(value.clone().map(Jsonb)),
        };
        added.map_err(|error| StoreError::Engine(error.to_string()))?;
    }
    Ok(arguments)
}

fn decode(row: &PgRow) -> Result<Row, StoreError> {
    let cell = |column: usize| {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let wrong = |_| StoreError::Column { column, reason: "it can't be decoded" };
        let type_name = value.type_info().name().to_owned();
        match type_name.as_str() {
            "INT8" => <i64 as Decode<Driver>>::decode(value).map(Cell::Int).map_err(wrong),
            "INT4" => <i32 as Decode<Driver>>::decode(value).map(|value| Cell::Int(value.into())).map_err(wrong),
            "BOOL" => <bool as Decode<Driver>>::decode(value).map(Cell::Bool).map_err(wrong),
            "FLOAT8" => <f64 as Decode<Driver>>::decode(value).map(Cell::Real).map_err(wrong),
            "TEXT" | "VARCHAR" | "NAME" | "UNKNOWN" => {
                <String as Decode<Driver>>::decode(value).map(Cell::Text).map_err(wrong)
            }
            "JSONB" => {
                let bytes = value.as_bytes().map_err(wrong)?;
                let text = bytes.get(1..).map(|text| String::from_utf8_lossy(text).into_owned());
                text.map(Cell::Text).ok_or(StoreError::Column { column, reason: "it can't be decoded" })
            }
            _ => Err(StoreError::Column { column, reason: "stores have no such type" }),
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row)
}
