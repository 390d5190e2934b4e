use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::store::{Row, StoreError, Transaction};

/// What is known of a finding, as linkers need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// The rule that found it.
    pub rule: String,
    /// The rule's provider, as the rule's id has it (`aws`).
    pub provider: String,
    /// What it technically is.
    pub kind: String,
    /// What it acts as.
    pub identity_kind: String,
    /// The public part that names its identity.
    pub public_id: Option<String>,
    /// Facts that stand in it or beside it: account, user, host, key type …
    pub attributes: BTreeMap<String, String>,
    /// First seen, in milliseconds since 1970 UTC: by its history if it has one, else by a scan.
    pub first_ms: i64,
    /// Is `first_ms` the time of a commit or message, and not of a scan?
    pub is_dated: bool,
    /// Some of its places, the present ones first.
    pub places: Vec<Place>,
}

/// A place where it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Name of the source: the repository or export.
    pub source: String,
    /// Path in it.
    pub path: Option<String>,
    /// Who put it there.
    pub author: Option<String>,
    /// Can strangers read it?
    pub public: Option<bool>,
    /// Is it still there?
    pub present: bool,
    /// Does the newest state of its source have it?
    pub at_head: Option<bool>,
}

/// Of each finding so many places are looked at.
const PLACES: &str = "SELECT finding_id, scope, path, author, public, present, at_head FROM (
        SELECT o.finding_id, s.scope, o.path, o.author, o.public, o.present, o.at_head, row_number() OVER (
            PARTITION BY o.finding_id ORDER BY o.present DESC, o.source_id, o.locator_key) AS n
        FROM occurrence AS o JOIN source AS s ON s.id = o.source_id WHERE o.finding_id IN (?)) AS placed
    WHERE n <= 50 ORDER BY finding_id, n";

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// What the engine says. A finding that isn't there has no facts.
    pub fn read(tx: &mut Transaction<'_>, id: &str) -> Result<Option<Facts>, StoreError> {
        Ok(Facts::read_all(tx, &BTreeSet::from([id]))?.pop())
    }

    /// Reads those of several findings, by id; what isn't there is left out. Two statements for each thousand.
    ///
    /// # Errors
    /// What the engine says.
    pub fn read_all(tx: &mut Transaction<'_>, ids: &BTreeSet<&str>) -> Result<Vec<Facts>, StoreError> {
        let rows = tx.query_in(
            "SELECT id, rule_id, kind, identity_kind, public_id, attributes, first_seen_at,
                (SELECT min(authored_at) FROM occurrence AS o WHERE o.finding_id = finding.id)
             FROM finding WHERE id IN (?) ORDER BY id",
            ids,
        )?;
        let mut places: HashMap<String, Vec<Place>> = HashMap::new();
        for row in tx.query_in(PLACES, ids)? {
            let place = Place {
                source: row.get(1)?,
                path: row.get(2)?,
                author: row.get(3)?,
                public: row.get(4)?,
                present: row.get(5)?,
                at_head: row.get(6)?,
            };
            places.entry(row.get(0)?).or_default().push(place);
        }
        let facts = |row: &Row| {
            let id: String = row.get(0)?;
            let dated: Option<i64> = row.get(7)?;
            Ok(Facts {
                kind: row.get(2)?,
                identity_kind: row.get(3)?,
                first_ms: dated.unwrap_or(row.get(6)?),
                is_dated: dated.is_some(),
                places: places.remove(&id).unwrap_or_default(),
                ..Facts::shown(id, row.get(1)?, row.get(4)?, row.get(5)?)
            })
        };
        rows.iter().map(facts).collect()
    }

    /// Only what it shows by itself.
    pub(super) fn shown(
        id: String,
        rule: String,
        public_id: Option<String>,
        attributes: Option<serde_json::Value>,
    ) -> Facts {
        let attributes = attributes.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten();
        Facts {
            id,
            provider: rule.split('.').next().unwrap_or_default().to_owned(),
            rule,
            public_id,
            attributes: attributes
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
            ..Facts::default()
        }
    }

    /// The account, tenant or project that it shows, if it shows one.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        ["account", "account_id", "tenant", "project", "project_id"].iter().find_map(|name| self.attribute(name))
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}
