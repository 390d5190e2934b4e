use std::{collections::BTreeSet, time::UNIX_EPOCH};

use super::{Access, Context, Database, Engine, Passing, Row, StoreError, Value, audit, ids::Ids};

/// Most values of one list, and of the rows, in a statement.
#[derive(Clone, Copy)]
struct Limits {
    list: usize,
    rows: usize,
}

impl Limits {
    fn of(engine: Engine) -> Limits {
        match engine {
            // It takes 65,535 values, and each statement is a round trip.
            Engine::Postgres => Limits { list: 1_000, rows: 16_000 },
            // It takes 32,766, but looks for the name of each from the first on: 14,500 took longer than 500 statements of 29.
            Engine::Sqlite => Limits { list: 500, rows: 500 },
        }
    }
}

/// A transaction: all that is done through it, or nothing. Undone when dropped without a commit.
pub struct Transaction<'t> {
    database: &'t mut dyn Database,
    context: &'t Context<'t>,
    ids: &'t mut Ids,
    now_ms: i64,
    is_open: bool,
    failure: Option<Passing>,
    /// The number of the last event of the audit log before those of this transaction.
    logged_before: Option<i64>,
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
        Ok(Transaction { database, context, ids, now_ms, is_open: true, failure: None, logged_before: None })
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

    /// Signs the events that were appended here, if what stands before them is signed.
    pub(super) fn sign(&mut self, signer: Option<&audit::Signer>) -> Result<(), StoreError> {
        match (signer, self.logged_before) {
            (Some(signer), Some(before)) => signer.continue_after(self, before).map(drop),
            _ => Ok(()),
        }
    }

    /// Notes that events were appended behind that one.
    pub(super) fn appended_after(&mut self, seq: i64) {
        self.logged_before.get_or_insert(seq);
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

    /// The rows of a statement in which each `(?)` stands for the list of these values. A long list is asked for in several
    /// statements, one after the other: the statement's own order holds in each of them alone.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query_in(&mut self, sql: &str, values: &BTreeSet<&str>) -> Result<Vec<Row>, StoreError> {
        self.query_among(sql, &[], values)
    }

    /// As [`Transaction::query_in`], with the values `$1`, `$2` … of their own.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query_among(&mut self, sql: &str, own: &[Value], values: &BTreeSet<&str>) -> Result<Vec<Row>, StoreError> {
        let (mut rows, values) = (Vec::new(), values.iter().copied().collect::<Vec<_>>());
        let limit = Limits::of(self.engine()).list;
        for list in values.chunks(limit) {
            let (sql, values) = with_list(sql, own, list, limit);
            rows.extend(self.query(&sql, &values)?);
        }
        Ok(rows)
    }

    /// As [`Transaction::query_in`], for statements without rows. Returns how many rows were changed.
    ///
    /// # Errors
    /// What the engine says.
    pub fn execute_in(&mut self, sql: &str, values: &BTreeSet<&str>) -> Result<u64, StoreError> {
        self.execute_among(sql, &[], values)
    }

    /// As [`Transaction::execute_in`], with the values `$1`, `$2` … of their own.
    ///
    /// # Errors
    /// What the engine says.
    pub fn execute_among(&mut self, sql: &str, own: &[Value], values: &BTreeSet<&str>) -> Result<u64, StoreError> {
        let (mut changed, values) = (0, values.iter().copied().collect::<Vec<_>>());
        let limit = Limits::of(self.engine()).list;
        for list in values.chunks(limit) {
            let (sql, values) = with_list(sql, own, list, limit);
            changed += self.execute(&sql, &values)?;
        }
        Ok(changed)
    }

    /// Runs a statement in which `{rows}` stands for several rows of values, all of the same length: `(…), (…)`. Very many rows
    /// are several statements. Returns how many rows were changed.
    ///
    /// # Errors
    /// What the engine says.
    pub fn execute_rows(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let mut changed = 0;
        for (sql, values) in with_rows(sql, rows, Limits::of(self.engine()).rows) {
            changed += self.execute(&sql, &values)?;
        }
        Ok(changed)
    }

    /// As [`Transaction::execute_rows`], for statements that return rows.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query_rows(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<Vec<Row>, StoreError> {
        let mut returned = Vec::new();
        for (sql, values) in with_rows(sql, rows, Limits::of(self.engine()).rows) {
            returned.extend(self.query(&sql, &values)?);
        }
        Ok(returned)
    }

    /// Appends several events to the audit log, in this order, as [`Transaction::audit`] does one.
    ///
    /// # Errors
    /// As [`Transaction::audit`].
    pub fn audit_all(&mut self, events: &[AuditEntry]) -> Result<(), StoreError> {
        audit::append_all(self, events)
    }

    /// Appends an event to the audit log, in this transaction: it is there if and only if the change is. `subject` names what
    /// was changed, such as `finding:01J…`; `data` is an object with integers, text, booleans, arrays and objects, and never
    /// holds secrets.
    ///
    /// # Errors
    /// [`StoreError::NotCanonical`] for floating-point numbers, and what the engine says.
    pub fn audit(&mut self, action: &str, subject: &str, data: &serde_json::Value) -> Result<(), StoreError> {
        let (action, subject) = (action.to_owned(), subject.to_owned());
        audit::append_all(self, &[AuditEntry { action, subject, data: data.clone() }])
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

/// What is to be appended to the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// What was done, such as `finding.link`.
    pub action: String,
    /// To what: kind and id.
    pub subject: String,
    /// The rest: an object without floating-point numbers, and without secrets.
    pub data: serde_json::Value,
}

/// Lists have few lengths (the last value again does no harm): each length is a statement of its own, and engines keep those
/// they know.
fn with_list(sql: &str, own: &[Value], list: &[&str], limit: usize) -> (String, Vec<Value>) {
    let len = list.len().next_power_of_two().min(limit);
    let listed = list.iter().chain(list.last().into_iter().cycle()).take(len);
    let marks: Vec<String> = (1..=len).map(|number| format!("${}", own.len() + number)).collect();
    let values = own.iter().cloned().chain(listed.map(|value| Value::from(*value))).collect();
    (sql.replace("(?)", &format!("({})", marks.join(", "))), values)
}

fn with_rows<'r>(
    sql: &'r str,
    rows: &'r [Vec<Value>],
    limit: usize,
) -> impl Iterator<Item = (String, Vec<Value>)> + 'r {
    let columns = rows.first().map_or(1, Vec::len).max(1);
    rows.chunks((limit / columns).max(1)).map(move |rows| {
        let row = |n: usize| {
            let marks: Vec<String> = (1..=columns).map(|column| format!("${}", n * columns + column)).collect();
            format!("({})", marks.join(", "))
        };
        let marks: Vec<String> = (0..rows.len()).map(row).collect();
        (sql.replace("{rows}", &marks.join(", ")), rows.concat())
    })
}

#[cfg(test)]
mod tests {
    use super::{Value, with_list, with_rows};

    #[test]
    fn lists_have_few_lengths_and_lose_nothing() {
        let (sql, values) = with_list("a = $1 AND b IN (?) OR c IN (?)", &["o".into()], &["x", "y", "z"], 1_000);
        assert_eq!(sql, "a = $1 AND b IN ($2, $3, $4, $5) OR c IN ($2, $3, $4, $5)");
        assert_eq!(values, ["o", "x", "y", "z", "z"].map(Value::from));
        let most = vec!["x"; 600];
        assert_eq!(with_list("(?)", &[], &most, 1_000).1.len(), 1_000);
    }

    #[test]
    fn rows_are_numbered_one_after_the_other() {
        let rows: Vec<Vec<Value>> = (0..3_i64).map(|n| vec![n.into(), (n * 10).into()]).collect();
        let all: Vec<_> = with_rows("INSERT INTO t VALUES {rows}", &rows, 100).collect();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].0, "INSERT INTO t VALUES ($1, $2), ($3, $4), ($5, $6)");
        assert_eq!(all[0].1.len(), 6);
        let wide = vec![vec![Value::from(0_i64); 4_000]; 9];
        assert_eq!(with_rows("{rows}", &wide, 16_000).map(|(_, values)| values.len()).sum::<usize>(), 36_000);
        assert_eq!(with_rows("{rows}", &[], 100).count(), 0);
    }
}
