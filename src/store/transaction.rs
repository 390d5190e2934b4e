use std::time::UNIX_EPOCH;

use super::{Access, Context, Database, Engine, Passing, Row, StoreError, Value, audit, ids::Ids};

/// A transaction: all that is done through it, or nothing. Undone when dropped without a commit.
pub struct Transaction<'t> {
    database: &'t mut dyn Database,
    context: &'t Context<'t>,
    ids: &'t mut Ids,
    now_ms: i64,
    is_open: bool,
    failure: Option<Passing>,
}

impl<'t> Transaction<'t> {
    pub(super) fn begin(
        database: &'t mut dyn Database,
        context: &'t Context<'_>,
        ids: &'t mut Ids,
        access: Access,
    ) -> Result<Transaction<'t>, StoreError> {
        let now = (context.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        match database.begin(access) {
            // A connection that nobody used for long may have been cut; nothing was done on it.
            Err(StoreError::Lost(_)) => {
                database.recover()?;
                database.begin(access)?;
            }
            begun => begun?,
        }
        Ok(Transaction { database, context, ids, now_ms, is_open: true, failure: None })
    }

    pub(super) fn commit(mut self, failure: &mut Option<Passing>) -> Result<(), StoreError> {
        self.is_open = false;
        let committed = self.database.commit();
        if committed.is_err() {
            let _ = self.database.rollback();
        }
        let committed = self.noted(committed);
        *failure = self.failure;
        committed
    }

    /// What failed here in a way that may pass.
    pub(super) fn failure(&self) -> Option<Passing> {
        self.failure
    }

    fn noted<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Err(StoreError::Lost(_) | StoreError::Conflict) => self.failure = Some(Passing::Undone),
            Err(StoreError::Uncertain) => self.failure = Some(Passing::Uncertain),
            _ => {}
        }
        result
    }

    /// The time of this transaction, in milliseconds since 1970: the same for everything that it writes.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_ms
    }

    /// On whose behalf it runs.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.context.actor
    }

    /// The engine, for the rare statement that differs.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.database.engine()
    }

    /// A new id, greater than all that this store gave before in this process.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new_id(&mut self) -> Result<String, StoreError> {
        self.ids.next(self.now_ms, self.context)
    }

    /// Runs one statement and returns how many rows it changed. Values go into `values`, never into `sql`.
    ///
    /// # Errors
    /// What the engine says: [`StoreError::Refused`], [`StoreError::Duplicate`], [`StoreError::Full`], …
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let done = self.database.execute(sql, values);
        self.noted(done)
    }

    /// Runs one statement and returns its rows, all in memory: limit them, and ask again from the last key.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let rows = self.database.query(sql, values);
        self.noted(rows)
    }

    /// The first row of a statement, if there is one.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Appends an event to the audit log, in this transaction: it is there if and only if the change is. `subject` names what
    /// was changed, such as `finding:01J…`; `data` is an object with integers, text, booleans, arrays and objects, and never
    /// holds secrets.
    ///
    /// # Errors
    /// [`StoreError::NotCanonical`] for floating-point numbers, and what the engine says.
    pub fn audit(&mut self, action: &str, subject: &str, data: &serde_json::Value) -> Result<(), StoreError> {
        audit::append(self, action, subject, data)
    }

    pub(super) fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let done = self.database.script(sql);
        self.noted(done)
    }

    pub(super) fn database(&mut self) -> &mut dyn Database {
        self.database
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // An engine that can't be told any more undoes it by itself.
            let _ = self.database.rollback();
        }
    }
}
