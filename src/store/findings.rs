use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    FindingState, KeyedDigest, Row, StateChange, StoreError, Transaction, Value,
    lifecycle::{changed_event, check_edge},
};
use crate::model::Severity;

/// Most findings that one page may have.
pub(super) const MAX_PAGE: u32 = 1_000;

/// Which findings. Empty lists and `None` choose all.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// In one of these states.
    pub states: Vec<FindingState>,
    /// Of at least this severity.
    pub min_severity: Option<Severity>,
    /// Of this rule, or of the rules whose ids begin with it and a dot.
    pub rule: Option<String>,
    /// With this public id.
    pub public_id: Option<String>,
    /// Whose secret stands somewhere (`true`) or nowhere any more (`false`).
    pub present: Option<bool>,
    /// In a source of this scope, in which it stands.
    pub source: Option<String>,
    /// In a path that contains this text.
    pub path: Option<String>,
    /// First seen at or after this time, in milliseconds since 1970.
    pub first_seen_from: Option<i64>,
}

/// Where a page of findings ended: the next begins after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    risk: i64,
    id: String,
}

/// A finding as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredFinding {
    /// Its id in this store.
    pub id: String,
    /// Fingerprint of rule and secret.
    pub fingerprint: String,
    /// Names the key of it.
    pub fingerprint_key: String,
    /// The rule's id.
    pub rule: String,
    /// The rule's provider.
    pub provider: String,
    /// What it technically is.
    pub kind: String,
    /// Harm, if it works.
    pub severity: String,
    /// How sure it is a secret, 0 to 100.
    pub score: i64,
    /// By what lists are ordered, 0 to 100.
    pub risk: i64,
    /// What the risk is made of: `feature`, `points` and `detail` of each reason. `None` until it was worked out.
    pub risk_reasons: Option<serde_json::Value>,
    /// What may be shown of it.
    pub preview: String,
    /// The public part that names its identity.
    pub public_id: Option<String>,
    /// The credential that it is a copy of.
    pub credential_id: Option<String>,
    /// Does it work: `unknown`, `active` or `dead`?
    pub validity: String,
    /// Its life.
    pub state: FindingState,
    /// Why it is in that state.
    pub state_reason: Option<String>,
    /// Who put it there.
    pub state_actor: Option<String>,
    /// Since when, in milliseconds since 1970.
    pub state_at: i64,
    /// Until when.
    pub state_until_at: Option<i64>,
    /// When it was found first.
    pub first_seen_at: i64,
    /// When it was found last.
    pub last_seen_at: i64,
    /// Since when it stands nowhere.
    pub gone_at: Option<i64>,
    /// When it must be dealt with.
    pub sla_due_at: Option<i64>,
    /// Counts changes of its state.
    pub version: i64,
    /// In how many places it stands.
    pub places: i64,
    /// The path of one of them, if they have paths.
    pub path: Option<String>,
}

/// A place as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredOccurrence {
    /// The source's scope.
    pub source: String,
    /// Names it in its source.
    pub locator_key: String,
    /// All that is known of it.
    pub locator: serde_json::Value,
    /// Path in the source.
    pub path: Option<String>,
    /// Line, from 1.
    pub line: i64,
    /// Column in bytes, from 1.
    pub column: i64,
    /// The commit that brought it.
    pub commit_id: Option<String>,
    /// Who wrote it there.
    pub author: Option<String>,
    /// When, in milliseconds since 1970.
    pub authored_at: Option<i64>,
    /// Is it at `HEAD`?
    pub at_head: Option<bool>,
    /// Can everybody read it?
    pub public: Option<bool>,
    /// Was it there when its source was last read in full?
    pub present: bool,
    /// When it was seen first.
    pub first_seen_at: i64,
    /// When it was seen last.
    pub last_seen_at: i64,
    /// Since when it is gone.
    pub gone_at: Option<i64>,
}

/// What a credential that is dead adds to the risk of its findings.
pub const DEAD_POINTS: i64 = -60;

/// A finding is named by at least so many characters of its id or fingerprint.
pub const SHORTEST_NAME: usize = 6;

const COLUMNS: &str = "f.id, f.fp, f.fp_key_id, f.rule_id, f.provider, f.kind, f.severity, f.score, f.risk, f.preview,
    f.public_id, f.credential_id, f.validity, f.state, f.state_reason, f.state_actor, f.state_at, f.state_until_at,
    f.first_seen_at, f.last_seen_at, f.gone_at, f.sla_due_at, f.version,
    (SELECT count(*) FROM occurrence AS o WHERE o.finding_id = f.id AND o.present),
    (SELECT min(o.path) FROM occurrence AS o WHERE o.finding_id = f.id), f.risk_reasons";

impl StoredFinding {
    fn from_row(row: &Row) -> Result<StoredFinding, StoreError> {
        let state: String = row.get(13)?;
        let state = FindingState::from_name(&state)
            .ok_or(StoreError::Column { column: 13, reason: "there is no such state" })?;
        Ok(StoredFinding {
            id: row.get(0)?,
            fingerprint: row.get(1)?,
            fingerprint_key: row.get(2)?,
            rule: row.get(3)?,
            provider: row.get(4)?,
            kind: row.get(5)?,
            severity: row.get(6)?,
            score: row.get(7)?,
            risk: row.get(8)?,
            preview: row.get(9)?,
            public_id: row.get(10)?,
            credential_id: row.get(11)?,
            validity: row.get(12)?,
            state,
            state_reason: row.get(14)?,
            state_actor: row.get(15)?,
            state_at: row.get(16)?,
            state_until_at: row.get(17)?,
            first_seen_at: row.get(18)?,
            last_seen_at: row.get(19)?,
            gone_at: row.get(20)?,
            sla_due_at: row.get(21)?,
            version: row.get(22)?,
            places: row.get(23)?,
            path: row.get(24)?,
            risk_reasons: row.get(25)?,
        })
    }

    /// Where a page that ends with this finding ended.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { risk: self.risk, id: self.id.clone() }
    }
}

/// A `WHERE` that grows, with its values.
#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// `?` in `sql` is replaced by the numbers of the values.
    fn push(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        let mut numbered = String::new();
        let mut parts = sql.split('?');
        numbered.push_str(parts.next().unwrap_or_default());
        for (part, value) in parts.zip(values) {
            self.values.push(value);
            numbered.push_str(&format!("${}{part}", self.values.len()));
        }
        self.sql.push(numbered);
    }

    fn one_of<'v>(&mut self, column: &str, names: impl IntoIterator<Item = &'v str>) {
        let values: Vec<Value> = names.into_iter().map(Value::from).collect();
        let marks = vec!["?"; values.len()].join(", ");
        self.push(&format!("{column} IN ({marks})"), values);
    }

    fn text(&self) -> String {
        if self.sql.is_empty() { "TRUE".to_owned() } else { self.sql.join(" AND ") }
    }
}

impl FindingFilter {
    fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if !self.states.is_empty() {
            conditions.one_of("f.state", self.states.iter().map(|state| state.as_str()));
        }
        if let Some(least) = self.min_severity {
            let enough = Severity::ALL.into_iter().filter(|severity| *severity >= least);
            conditions.one_of("f.severity", enough.map(Severity::as_str));
        }
        if let Some(rule) = &self.rule {
            let prefix = format!("{}.%", escape_like(rule));
            conditions.push("(f.rule_id = ? OR f.rule_id LIKE ? ESCAPE '!')", [rule.into(), prefix.into()]);
        }
        if let Some(public_id) = &self.public_id {
            conditions.push("f.public_id = ?", [public_id.into()]);
        }
        match self.present {
            Some(true) => conditions.push("f.gone_at IS NULL", []),
            Some(false) => conditions.push("f.gone_at IS NOT NULL", []),
            None => {}
        }
        if let Some(source) = &self.source {
            conditions.push(
                "EXISTS (SELECT 1 FROM occurrence AS o JOIN source AS s ON s.id = o.source_id
                 WHERE o.finding_id = f.id AND o.present AND s.scope = ?)",
                [source.into()],
            );
        }
        if let Some(path) = &self.path {
            let pattern = format!("%{}%", escape_like(path));
            conditions.push(
                "EXISTS (SELECT 1 FROM occurrence AS o WHERE o.finding_id = f.id AND o.path LIKE ? ESCAPE '!')",
                [pattern.into()],
            );
        }
        if let Some(from) = self.first_seen_from {
            conditions.push("f.first_seen_at >= ?", [from.into()]);
        }
        conditions
    }
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

impl Transaction<'_> {
    /// A page of findings, the riskiest first, among equals the oldest. `limit` is at most 1,000. Cost: proportional to the
    /// page wherever it is, where an index knows the filter.
    ///
    /// # Errors
    /// What the engine says.
    pub fn findings(
        &mut self,
        filter: &FindingFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let mut conditions = filter.conditions();
        if let Some(cursor) = after {
            let values = [cursor.risk.into(), cursor.risk.into(), (&cursor.id).into()];
            conditions.push("f.risk <= ? AND (f.risk < ? OR f.id > ?)", values);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM finding AS f WHERE {} ORDER BY f.risk DESC, f.id LIMIT {}",
            conditions.text(),
            limit.min(MAX_PAGE)
        );
        self.query(&sql, &conditions.values)?.iter().map(StoredFinding::from_row).collect()
    }

    /// How many findings there are.
    ///
    /// # Errors
    /// What the engine says.
    pub fn count_findings(&mut self, filter: &FindingFilter) -> Result<i64, StoreError> {
        let conditions = filter.conditions();
        let sql = format!("SELECT count(*) FROM finding AS f WHERE {}", conditions.text());
        self.query_one(&sql, &conditions.values)?.map_or(Ok(0), |row| row.get(0))
    }

    /// The findings whose id or fingerprint is `name`, or begins with it ([`SHORTEST_NAME`] characters or more): at most two, which is
    /// enough to tell that a name is ambiguous.
    ///
    /// # Errors
    /// What the engine says.
    pub fn find_findings(&mut self, name: &str) -> Result<Vec<StoredFinding>, StoreError> {
        let exact = format!("SELECT {COLUMNS} FROM finding AS f WHERE f.id = $1 OR f.fp = $1 OR f.fp = $2");
        let values = [name.into(), format!("v1:{name}").into()];
        let rows = self.query(&exact, &values)?;
        if !rows.is_empty() || name.len() < SHORTEST_NAME {
            return rows.iter().map(StoredFinding::from_row).collect();
        }
        let start = format!("{}%", escape_like(name));
        let sql = format!(
            "SELECT {COLUMNS} FROM finding AS f WHERE f.id LIKE $1 ESCAPE '!' OR f.fp LIKE $1 ESCAPE '!'
             OR f.fp LIKE $2 ESCAPE '!' ORDER BY f.id LIMIT 2"
        );
        let values = [(&start).into(), format!("v1:{start}").into()];
        self.query(&sql, &values)?.iter().map(StoredFinding::from_row).collect()
    }

    /// Findings by their ids; those that aren't there are left out.
    ///
    /// # Errors
    /// What the engine says.
    pub fn findings_by_id(&mut self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, StoredFinding>, StoreError> {
        let rows = self.query_in(&format!("SELECT {COLUMNS} FROM finding AS f WHERE f.id IN (?)"), ids)?;
        let finding = |row: &Row| StoredFinding::from_row(row).map(|finding| (finding.id.clone(), finding));
        rows.iter().map(finding).collect()
    }

    /// Places of a finding after the one named `(source, locator_key)`, in that order, at most 1,000.
    ///
    /// # Errors
    /// What the engine says.
    pub fn occurrences(
        &mut self,
        finding_id: &str,
        after: Option<(&str, &str)>,
    ) -> Result<Vec<StoredOccurrence>, StoreError> {
        let (source, locator_key) = after.unwrap_or_default();
        let rows = self.query(
            "SELECT s.scope, o.locator_key, o.locator, o.path, o.line, o.column_number, o.commit_id, o.author, o.authored_at,
                o.at_head, o.public, o.present, o.first_seen_at, o.last_seen_at, o.gone_at
             FROM occurrence AS o JOIN source AS s ON s.id = o.source_id
             WHERE o.finding_id = $1 AND (s.scope > $2 OR s.scope = $2 AND o.locator_key > $3)
             ORDER BY s.scope, o.locator_key LIMIT $4",
            &[finding_id.into(), source.into(), locator_key.into(), i64::from(MAX_PAGE).into()],
        )?;
        let place = |row: &Row| {
            Ok(StoredOccurrence {
                source: row.get(0)?,
                locator_key: row.get(1)?,
                locator: row.get(2)?,
                path: row.get(3)?,
                line: row.get(4)?,
                column: row.get(5)?,
                commit_id: row.get(6)?,
                author: row.get(7)?,
                authored_at: row.get(8)?,
                at_head: row.get(9)?,
                public: row.get(10)?,
                present: row.get(11)?,
                first_seen_at: row.get(12)?,
                last_seen_at: row.get(13)?,
                gone_at: row.get(14)?,
            })
        };
        rows.iter().map(place).collect()
    }

    /// Changes a finding's state, logs it, and keeps the exceptions in step.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such finding; [`StoreError::Refused`] if there is no such edge from its state,
    /// or a reason or an end is missing; what the engine says.
    pub fn change_finding(&mut self, id: &str, change: &StateChange) -> Result<(), StoreError> {
        let row = self.query_one("SELECT state, rule_id FROM finding WHERE id = $1", &[id.into()])?;
        let row = row.ok_or_else(|| StoreError::Missing(format!("there is no finding {id}")))?;
        let (from, rule_id) = (row.get::<String>(0)?, row.get::<String>(1)?);
        check_edge(&from, change.to)?;
        let (now, actor) = (self.now(), self.actor().to_owned());
        let changed = self.execute(
            "UPDATE finding SET state = $2, state_reason = $3, state_actor = $4, state_at = $5, state_until_at = $6,
                updated_at = $5, version = version + 1 WHERE id = $1 AND state = $7",
            &[
                id.into(),
                change.to.as_str().into(),
                change.reason.as_deref().into(),
                actor.as_str().into(),
                now.into(),
                change.until_ms.into(),
                from.as_str().into(),
            ],
        )?;
        if changed != 1 {
            return Err(StoreError::Missing(format!("finding {id} was changed by somebody else")));
        }
        if from == FindingState::Excepted.as_str() {
            self.end_exception(id)?;
        }
        if change.to == FindingState::Excepted {
            self.add_exception(id, &rule_id, change)?;
        }
        self.audit_all(&[changed_event(id, &from, change)])
    }

    fn add_exception(&mut self, finding_id: &str, rule_id: &str, change: &StateChange) -> Result<(), StoreError> {
        let (id, actor) = (self.new_id()?, self.actor().to_owned());
        self.execute(
            "INSERT INTO exception (id, subject_kind, subject_id, rule_id, owner, purpose, approved_by, expires_at, state,
                created_at, updated_at) VALUES ($1, 'finding', $2, $3, $4, $5, $4, $6, 'active', $7, $7)",
            &[
                id.into(),
                finding_id.into(),
                rule_id.into(),
                actor.into(),
                change.reason.as_deref().into(),
                change.until_ms.into(),
                self.now().into(),
            ],
        )?;
        Ok(())
    }

    fn end_exception(&mut self, finding_id: &str) -> Result<(), StoreError> {
        self.execute(
            "UPDATE exception SET updated_at = $2, state = CASE WHEN expires_at <= $2 THEN 'expired' ELSE 'revoked' END
             WHERE subject_kind = 'finding' AND subject_id = $1 AND state = 'active'",
            &[finding_id.into(), self.now().into()],
        )?;
        Ok(())
    }

    /// Is there a finding whose dismissal or exception has ended?
    ///
    /// # Errors
    /// What the engine says.
    pub fn has_expired(&mut self) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM finding WHERE state IN ('dismissed', 'excepted') AND state_until_at <= $1 LIMIT 1";
        Ok(self.query_one(sql, &[self.now().into()])?.is_some())
    }

    /// Opens every finding again whose dismissal or exception has ended. Returns how many.
    ///
    /// # Errors
    /// What the engine says.
    pub fn reopen_expired(&mut self) -> Result<u64, StoreError> {
        let mut reopened = 0;
        loop {
            let rows = self.query(
                "SELECT id, state FROM finding WHERE state IN ('dismissed', 'excepted') AND state_until_at <= $1
                 ORDER BY id LIMIT 1000",
                &[self.now().into()],
            )?;
            if rows.is_empty() {
                return Ok(reopened);
            }
            for row in &rows {
                let reason = Some(format!("no longer {}: its time is over", row.get::<String>(1)?));
                let change = StateChange { to: FindingState::Open, reason, until_ms: None };
                self.change_finding(&row.get::<String>(0)?, &change)?;
                reopened += 1;
            }
        }
    }

    /// Adds digests of findings' secrets, by the findings' ids; those they have already are left alone.
    ///
    /// # Errors
    /// What the engine says.
    pub fn add_finding_digests<'d>(
        &mut self,
        digests: impl IntoIterator<Item = (&'d str, &'d KeyedDigest)>,
    ) -> Result<(), StoreError> {
        self.add_digests(
            "INSERT INTO finding_fp (finding_id, scheme, key_id, value, created_at) VALUES {rows} ON CONFLICT DO NOTHING",
            digests,
        )
    }

    /// Adds digests of credentials' secrets, by the credentials' ids; those they have already are left alone.
    ///
    /// # Errors
    /// What the engine says.
    pub fn add_credential_digests<'d>(
        &mut self,
        digests: impl IntoIterator<Item = (&'d str, &'d KeyedDigest)>,
    ) -> Result<(), StoreError> {
        self.add_digests(
            "INSERT INTO credential_fp (credential_id, scheme, key_id, value, created_at) VALUES {rows}
             ON CONFLICT DO NOTHING",
            digests,
        )
    }

    fn add_digests<'d>(
        &mut self,
        sql: &str,
        digests: impl IntoIterator<Item = (&'d str, &'d KeyedDigest)>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let rows: Vec<_> = digests.into_iter().map(|(id, digest)| digest_values(id, digest, now).to_vec()).collect();
        self.execute_rows(sql, &rows)?;
        Ok(())
    }
}

fn digest_values(id: &str, digest: &KeyedDigest, now: i64) -> [Value; 5] {
    [id.into(), (&digest.scheme).into(), (&digest.key_id).into(), (&digest.value).into(), now.into()]
}
