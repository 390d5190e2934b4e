//! What is remembered between scans: findings and their life, identities and credentials, links, plans, and the audit log.
//!
//! Two engines hold the same tables: SQLite (one file, the default) and PostgreSQL (a team's server). Both implement
//! [`Database`], and everything above it is written once, in the SQL that both understand:
//!
//! - parameters are `$1`, `$2`, … and the values [`Value`]s; a value never stands in the text of a statement
//! - `ON CONFLICT … DO UPDATE`, `RETURNING`, window functions and common table expressions are there; a sum of integers is
//!   cast (`CAST(sum(x) AS BIGINT)`), a condition on a boolean column is the bare column
//! - JSON goes in by [`Value::json`] and comes out as [`serde_json::Value`]; times are milliseconds since 1970
//!
//! Calls block: a store owns the runtime that its driver needs, so commands stay synchronous. Don't call it from inside an
//! asynchronous task.
//!
//! ```no_run
//! # fn main() -> Result<(), unleak::store::StoreError> {
//! use unleak::store::{Context, Location, Store};
//!
//! let context = Context { actor: "me".to_owned(), now: &std::time::SystemTime::now, random: &|_| Ok(()) };
//! let mut store = Store::open(&Location::parse("store.db")?, context)?;
//! store.write(|tx| {
//!     tx.execute("UPDATE owner SET active = $1 WHERE ref = $2", &[false.into(), "group:default/payments".into()])?;
//!     tx.audit("owner.leave", "group:default/payments", &serde_json::json!({}))
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! No secret is stored: fingerprints and previews only. `docs/store.md` describes tables, states and the log.

mod attribution;
pub mod audit;
mod canonical;
mod check;
mod error;
mod findings;
mod ids;
mod inventory;
mod lifecycle;
mod location;
mod migration;
mod postgres;
mod record;
mod row;
mod snapshot;
mod sqlite;
mod transaction;

use std::{path::Path, time::SystemTime};

pub use canonical::canonical_json;
pub use check::TextCell;
pub use error::StoreError;
pub use findings::{Cursor, DEAD_POINTS, FindingFilter, SHORTEST_NAME, StoredFinding, StoredOccurrence};
pub use inventory::{
    About, Change, ChangedItem, ImportCounts, Imported, Importer, InventoryLine, ListedClaim, ListedCredential,
    ListedIdentity, OwnerClaim, VanishedItem,
};
pub use lifecycle::{FindingMove, FindingState, StateChange};
pub use location::Location;
pub use migration::{MIGRATIONS, Migration};
pub use record::{KeyedDigest, Recorder, ScannedFinding, ScannedOccurrence};
pub use row::{Cell, FromCell, Row, Value};
pub use snapshot::{NewSnapshot, Outcome, SourceCategory, SourceName};
pub use transaction::{AuditEntry, Transaction};

use ids::Ids;

/// What an engine must do for a [`Store`]. All of it blocks.
pub trait Database: Send {
    /// Which engine it is.
    fn engine(&self) -> Engine;

    /// Begins a transaction. A [`Access::Write`] one is alone from here on (SQLite), or from the rows on that it locks.
    ///
    /// # Errors
    /// If another one holds the database for longer than the engine waits.
    fn begin(&mut self, access: Access) -> Result<(), StoreError>;

    /// Makes what was done since [`Database::begin`] last, all of it or nothing. On return it survives a power cut.
    ///
    /// # Errors
    /// If it can't be made so; nothing was done then, unless it is [`StoreError::Uncertain`].
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Undoes what was done since [`Database::begin`].
    ///
    /// # Errors
    /// If the engine can't be reached; it undoes it by itself then.
    fn rollback(&mut self) -> Result<(), StoreError>;

    /// Makes the engine ready for another transaction after a failure that may pass: connects again, if need be. Waits for a
    /// server that is starting again.
    ///
    /// # Errors
    /// If it can't be reached.
    fn recover(&mut self) -> Result<(), StoreError>;

    /// Runs one statement and returns how many rows it changed.
    ///
    /// # Errors
    /// What the engine says.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError>;

    /// Runs one statement and returns its rows, all in memory: limit them.
    ///
    /// # Errors
    /// What the engine says.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Runs several statements without values, as migrations are.
    ///
    /// # Errors
    /// What the engine says of the first that fails.
    fn script(&mut self, sql: &'static str) -> Result<(), StoreError>;

    /// The tables of the store, by name.
    ///
    /// # Errors
    /// What the engine says.
    fn tables(&mut self) -> Result<Vec<Table>, StoreError>;

    /// What the engine finds wrong with its own files; empty if all is well. Reads everything.
    ///
    /// # Errors
    /// What keeps it from looking.
    fn integrity(&mut self) -> Result<Vec<String>, StoreError>;

    /// Writes a copy to `target`, which must not exist: a state that all of the database had at one moment, whoever writes
    /// meanwhile. Nobody but the user can read it.
    ///
    /// # Errors
    /// What keeps it from being written; no file is left then.
    fn back_up(&mut self, target: &Path) -> Result<(), StoreError>;
}

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read one state of the database, whoever writes meanwhile.
    Read,
    /// Read and change.
    Write,
}

/// A table as the engine knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// On whose behalf a store is opened, and where time and randomness come from.
#[derive(Clone)]
pub struct Context<'e> {
    /// Who acts, for the audit log.
    pub actor: String,
    /// The time.
    pub now: &'e dyn Fn() -> SystemTime,
    /// Fills a buffer with bytes that can't be predicted.
    pub random: &'e dyn Fn(&mut [u8]) -> std::io::Result<()>,
}

/// An open store.
pub struct Store<'e> {
    database: Box<dyn Database>,
    place: String,
    context: Context<'e>,
    ids: Ids,
    /// Signs the audit log.
    signer: Option<audit::Signer>,
    /// Did the last transaction fail in a way that may have cost the connection?
    is_lost: bool,
}

/// How often a transaction that may change things is tried.
const TRIES: u32 = 5;

/// A failure of a kind that may not happen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passing {
    /// Nothing of the transaction was kept.
    Undone,
    /// Nobody can say whether it was kept.
    Uncertain,
}

impl<'e> Store<'e> {
    /// Makes a new store and brings it to this version's schema.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one; what keeps it from being made.
    pub fn init(location: &Location, context: Context<'e>) -> Result<Store<'e>, StoreError> {
        Store::init_signed(location, context, None)
    }

    /// As [`Store::init`]; the first event of the audit log is signed in the transaction that makes the store.
    ///
    /// # Errors
    /// Likewise.
    pub fn init_signed(
        location: &Location,
        context: Context<'e>,
        signer: Option<audit::Signer>,
    ) -> Result<Store<'e>, StoreError> {
        let mut store = Store::connect(location, context, Creation::Allowed)?;
        store.signer = signer;
        if migration::version(store.database.as_mut())?.is_some() {
            return Err(StoreError::Exists { place: store.place });
        }
        if !store.database.tables()?.is_empty() {
            return Err(StoreError::NotAStore { place: store.place });
        }
        store.migrate()?;
        Ok(store)
    }

    /// Makes a store of a backup, where there is none. It may be of an older schema.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one; a backup that is none, is damaged, or is of a newer version.
    pub fn restore(location: &Location, backup: &Path, context: Context<'e>) -> Result<Store<'e>, StoreError> {
        match location {
            Location::File(path) => sqlite::restore(path, backup)?,
            Location::Server(options) => {
                let mut database = postgres::Postgres::connect(options)?;
                if !database.tables()?.is_empty() {
                    return Err(StoreError::Exists { place: location.to_string() });
                }
                database.restore(backup)?;
            }
        }
        let mut store = Store::open_any(location, context)?;
        let (name, schema) = (backup.file_name().unwrap_or_default().to_string_lossy().into_owned(), store.version()?);
        store
            .write(|tx| tx.audit("store.restore", "store", &serde_json::json!({ "backup": name, "schema": schema })))?;
        Ok(store)
    }

    /// Opens a store of this version's schema.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Older`] (it must be migrated first), [`StoreError::Newer`].
    pub fn open(location: &Location, context: Context<'e>) -> Result<Store<'e>, StoreError> {
        let mut store = Store::open_any(location, context)?;
        let (found, known) = (store.version()?, migration::latest());
        match found {
            Some(found) if found < known => Err(StoreError::Older { place: store.place, found, known }),
            _ => Ok(store),
        }
    }

    /// Opens a store of this version's schema or an older one: to migrate it, or to say how it is.
    ///
    /// # Errors
    /// As [`Store::open`], but for an older one; [`StoreError::ForeignMigration`].
    pub fn open_any(location: &Location, context: Context<'e>) -> Result<Store<'e>, StoreError> {
        let mut store = Store::connect(location, context, Creation::Refused)?;
        let known = migration::latest();
        match store.version()? {
            Some(found) if found > known => Err(StoreError::Newer { place: store.place, found, known }),
            Some(_) => {
                migration::check_applied(store.database.as_mut())?;
                Ok(store)
            }
            None if store.database.tables()?.is_empty() => Err(StoreError::NotFound { place: store.place }),
            None => Err(StoreError::NotAStore { place: store.place }),
        }
    }

    fn connect(location: &Location, context: Context<'e>, creation: Creation) -> Result<Store<'e>, StoreError> {
        let database: Box<dyn Database> = match location {
            Location::File(path) => Box::new(sqlite::Sqlite::connect(path, creation)?),
            Location::Server(options) => Box::new(postgres::Postgres::connect(options)?),
        };
        Ok(Store { database, place: location.to_string(), context, ids: Ids::default(), signer: None, is_lost: false })
    }

    /// Signs what is appended to the audit log from here on, in the transaction of each event, as long as all before it is signed.
    pub fn sign_with(&mut self, signer: audit::Signer) {
        self.signer = Some(signer);
    }

    /// The number of the last migration that was applied; `None` if this is no store.
    ///
    /// # Errors
    /// What the engine says.
    pub fn version(&mut self) -> Result<Option<i64>, StoreError> {
        migration::version(self.database.as_mut())
    }

    /// Brings the schema to this version's, all of it or nothing. Returns the numbers of the migrations applied; none if it
    /// was there already.
    ///
    /// # Errors
    /// What keeps it from being done; the store is as it was then.
    pub fn migrate(&mut self) -> Result<Vec<i64>, StoreError> {
        self.transaction(Access::Write, migration::apply)
    }

    /// Runs `work` in a transaction that may change things. What it did is undone if it returns an error.
    ///
    /// If the connection is lost, or another writer is in the way of this one as this one is in its (a deadlock), all of it is
    /// done again, up to five times: `work` must leave nothing outside of the transaction that a second call would repeat.
    ///
    /// # Errors
    /// Those of `work`, and those of committing.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tries = 1;
        loop {
            let mut failure = None;
            let result = self.attempt(Access::Write, &mut work, &mut failure);
            if result.is_ok() || failure != Some(Passing::Undone) || tries == TRIES {
                return result;
            }
            tries += 1;
        }
    }

    /// Runs `work` on one state of the store.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction(Access::Read, work)
    }

    fn transaction<T, E: From<StoreError>>(
        &mut self,
        access: Access,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut failure = None;
        self.attempt(access, work, &mut failure)
    }

    /// Runs `work` once. What failed in a way that may pass is noted.
    fn attempt<T, E: From<StoreError>>(
        &mut self,
        access: Access,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
        failure: &mut Option<Passing>,
    ) -> Result<T, E> {
        if self.is_lost {
            self.database.recover()?;
            self.is_lost = false;
        }
        let mut tx = Transaction::begin(self.database.as_mut(), &self.context, &mut self.ids, access)?;
        let result = work(&mut tx);
        let signed = result.and_then(|value| tx.sign(self.signer.as_ref()).map(|()| value).map_err(E::from));
        let done = match signed {
            Ok(value) => tx.commit(failure).map(|()| value).map_err(E::from),
            Err(error) => {
                *failure = tx.failure();
                Err(error)
            }
        };
        self.is_lost = failure.is_some();
        done
    }

    /// The engine itself, for what only engines can do.
    pub fn database(&mut self) -> &mut dyn Database {
        self.database.as_mut()
    }

    /// Where the store is, without passwords.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// May an engine make a database that isn't there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creation {
    Allowed,
    Refused,
}
