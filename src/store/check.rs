use super::{Engine, Row, StoreError, Table, Transaction};

/// Rows are read in pages of so many.
const PAGE: i64 = 500;

/// What must hold and no constraint says, as a query for what breaks it. Each selects one text.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "has more than one active run",
        "SELECT 'credential ' || credential_id FROM rotation_run WHERE state NOT IN ('done', 'rolled_back', 'cancelled')
         GROUP BY credential_id HAVING count(*) > 1",
    ),
    (
        "deletes the old credential before the new one was seen to work",
        "SELECT 'run ' || id FROM rotation_run WHERE state = 'deleting' AND strategy IN ('dual', 'single')
         AND new_verified_at IS NULL",
    ),
    (
        "is gone and stands somewhere",
        "SELECT 'finding ' || id FROM finding WHERE gone_at IS NOT NULL
         AND EXISTS (SELECT 1 FROM occurrence AS o WHERE o.finding_id = finding.id AND o.present)",
    ),
    (
        "is excepted without an exception that holds",
        "SELECT 'finding ' || id FROM finding WHERE state = 'excepted' AND NOT EXISTS (SELECT 1 FROM exception AS e
         WHERE e.subject_kind = 'finding' AND e.subject_id = finding.id AND e.state = 'active')",
    ),
    (
        "is in a state that its kind doesn't have",
        "SELECT 'finding ' || id FROM finding WHERE NOT EXISTS
         (SELECT 1 FROM state_edge WHERE machine = 'finding' AND from_state = finding.state)",
    ),
    (
        "was approved by somebody who saw another plan",
        "SELECT 'plan ' || p.id FROM rotation_plan AS p JOIN approval AS a ON a.plan_id = p.id
         WHERE p.state IN ('approved', 'running') AND a.decision = 'approve' AND a.plan_hash <> p.plan_hash
         AND NOT EXISTS (SELECT 1 FROM approval AS b WHERE b.plan_id = p.id AND b.plan_hash = p.plan_hash)",
    ),
];

/// A text in the store, for whoever looks for secrets in it.
#[derive(Clone, Copy, Debug)]
pub struct TextCell<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The value of the first column of its row.
    pub row: &'a str,
    /// The text.
    pub text: &'a str,
}

impl Transaction<'_> {
    /// What breaks a rule that should hold, in words: at most 20 of each kind. Empty if all is well.
    ///
    /// # Errors
    /// What the engine says.
    pub fn broken_invariants(&mut self) -> Result<Vec<String>, StoreError> {
        let mut broken = Vec::new();
        for (what, sql) in INVARIANTS {
            let rows = self.query(&format!("{sql} LIMIT 20"), &[])?;
            for row in &rows {
                broken.push(format!("{} {what}", row.get::<String>(0)?));
            }
        }
        Ok(broken)
    }

    /// Hands every text of every table over. Reads all of the store, in pages.
    ///
    /// # Errors
    /// What the engine says.
    pub fn for_each_text(&mut self, visit: &mut dyn FnMut(TextCell<'_>)) -> Result<(), StoreError> {
        for table in self.database().tables()? {
            match self.engine() {
                Engine::Sqlite => self.texts_by_rowid(&table, visit)?,
                Engine::Postgres => self.texts_by_cursor(&table, visit)?,
            }
        }
        Ok(())
    }

    fn texts_by_rowid(&mut self, table: &Table, visit: &mut dyn FnMut(TextCell<'_>)) -> Result<(), StoreError> {
        let sql = format!("SELECT rowid, * FROM \"{}\" WHERE rowid > $1 ORDER BY rowid LIMIT {PAGE}", table.name);
        let mut after = i64::MIN;
        loop {
            let rows = self.query(&sql, &[after.into()])?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.get(0)?;
            rows.iter().for_each(|row| visit_row(table, row, 1, visit));
        }
    }

    fn texts_by_cursor(&mut self, table: &Table, visit: &mut dyn FnMut(TextCell<'_>)) -> Result<(), StoreError> {
        // A name of its own for each table: the driver remembers the columns of a statement by its text.
        let cursor = format!("\"texts of {}\"", table.name);
        let sql = format!("DECLARE {cursor} NO SCROLL CURSOR FOR SELECT * FROM \"{}\"", table.name);
        self.execute(&sql, &[])?;
        loop {
            let rows = self.query(&format!("FETCH {PAGE} FROM {cursor}"), &[])?;
            if rows.is_empty() {
                break;
            }
            rows.iter().for_each(|row| visit_row(table, row, 0, visit));
        }
        self.execute(&format!("CLOSE {cursor}"), &[])?;
        Ok(())
    }
}

fn visit_row(table: &Table, row: &Row, skip: usize, visit: &mut dyn FnMut(TextCell<'_>)) {
    let key = row.get::<String>(skip).or_else(|_| row.get::<i64>(skip).map(|key| key.to_string()));
    let key = key.unwrap_or_default();
    for (column, name) in table.columns.iter().enumerate() {
        if let Ok(Some(text)) = row.get::<Option<String>>(column + skip) {
            visit(TextCell { table: &table.name, column: name, row: &key, text: &text });
        }
    }
}
