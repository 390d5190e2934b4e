use sha2::{Digest as _, Sha256};

use super::{Database, Engine, StoreError, Transaction};

/// One step of the schema, in the SQL of each engine. Never changed once released: a later one corrects it.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number; they are applied in order, from 1 without a gap.
    pub number: i64,
    /// What it does, in a word.
    pub name: &'static str,
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal, $file:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("migrations/sqlite/", $file)),
            postgres: include_str!(concat!("migrations/postgres/", $file)),
        }
    };
}

/// All of them. A new one is a file for each engine and a line here.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "base", "0001_base.sql"),
    migration!(2, "rotation", "0002_rotation.sql"),
    migration!(3, "inventory", "0003_inventory.sql"),
    migration!(4, "indexes", "0004_indexes.sql"),
    migration!(5, "links", "0005_links.sql"),
    migration!(6, "due", "0006_due.sql"),
];

impl Migration {
    fn sql(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    fn digest(&self, engine: Engine) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(self.sql(engine).as_bytes()))
    }
}

/// The table that tells which were applied: what has it is a store.
pub(super) const TABLE: &str = "schema_migration";

pub(super) fn latest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// The number of the last migration that was applied, or `None` where there never was one.
pub(super) fn version(database: &mut dyn Database) -> Result<Option<i64>, StoreError> {
    if !database.tables()?.iter().any(|table| table.name == TABLE) {
        return Ok(None);
    }
    let rows = database.query("SELECT max(number) FROM schema_migration", &[])?;
    rows.first().map_or(Ok(None), |row| row.get(0))
}

/// Applies what is missing, in the given transaction. DDL is transactional in both engines.
pub(super) fn apply(tx: &mut Transaction<'_>) -> Result<Vec<i64>, StoreError> {
    let engine = tx.engine();
    if engine == Engine::Postgres {
        // Of two processes that migrate at once the second waits, and finds nothing to do.
        tx.query("SELECT 1 FROM pg_advisory_xact_lock(7743127465034218817)", &[])?;
    }
    tx.script(
        "CREATE TABLE IF NOT EXISTS schema_migration (
            number BIGINT PRIMARY KEY, -- of the migration
            name TEXT NOT NULL, -- what it did
            digest TEXT NOT NULL, -- SHA-256 of its SQL
            tool_version TEXT NOT NULL, -- the version of unleak that applied it
            applied_at BIGINT NOT NULL -- when
        )",
    )?;
    let applied = check_applied(tx.database())?;
    let mut done = Vec::new();
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > applied) {
        tx.script(migration.sql(engine))?;
        let values = [
            migration.number.into(),
            migration.name.into(),
            migration.digest(engine).into(),
            env!("CARGO_PKG_VERSION").into(),
            tx.now().into(),
        ];
        tx.execute(
            "INSERT INTO schema_migration (number, name, digest, tool_version, applied_at) VALUES ($1, $2, $3, $4, $5)",
            &values,
        )?;
        done.push(migration.number);
    }
    if applied == 0 {
        let values = [tx.new_id()?.into(), tx.now().into()];
        tx.execute("INSERT INTO store_info (id, store_id, created_at) VALUES (1, $1, $2)", &values)?;
    }
    if !done.is_empty() {
        tx.audit("store.migrate", "store", &serde_json::json!({ "from": applied, "to": latest() }))?;
    }
    Ok(done)
}

/// The number of the last applied migration, once all of them are known to be ours.
pub(super) fn check_applied(database: &mut dyn Database) -> Result<i64, StoreError> {
    let (engine, mut last) = (database.engine(), 0);
    for row in database.query("SELECT number, digest FROM schema_migration ORDER BY number", &[])? {
        let (number, digest) = (row.get::<i64>(0)?, row.get::<String>(1)?);
        let known = MIGRATIONS.iter().find(|migration| migration.number == number);
        if known.is_none_or(|migration| migration.digest(engine) != digest) {
            return Err(StoreError::ForeignMigration { number });
        }
        last = number;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn numbers_have_no_gap() {
        let numbers: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.number).collect();
        assert_eq!(numbers, (1..=MIGRATIONS.len() as i64).collect::<Vec<_>>());
    }
}
