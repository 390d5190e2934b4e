//! What the inventory says that may concern a page of findings, read with a number of statements that doesn't depend on how many
//! findings these are.

use std::collections::{BTreeSet, HashMap};

use super::{Proposal, facts::Facts, linkers};
use crate::store::{Row, StoreError, Transaction};

/// Something that a finding may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The credential, where it is known.
    pub credential: Option<String>,
    /// The identity, where it is known.
    pub identity: Option<String>,
    /// The provider.
    pub provider: String,
    /// The reading that says so.
    pub snapshot: Option<String>,
    /// What the linker wants to know besides: the scheme of a fingerprint, an account, a hint, a workload. May be empty.
    pub detail: String,
}

/// What is known of a credential that is a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CredentialFacts {
    pub(super) account: String,
    pub(super) created_ms: Option<i64>,
    pub(super) environment: Option<String>,
    pub(super) snapshot: Option<String>,
    pub(super) status: String,
    pub(super) generation: Option<i64>,
    /// When it died; if nobody knows, when it was last seen.
    pub(super) retired_ms: i64,
    pub(super) rotated_ms: Option<i64>,
    pub(super) identity: Option<String>,
    pub(super) privileged: Option<bool>,
}

/// Candidates of one kind of evidence, by that which a finding shows, at most 20 each, in the order of their ids.
type Candidates = HashMap<String, Vec<Candidate>>;

/// What the inventory says of a page of findings.
#[derive(Debug, Default)]
pub struct Known {
    fingerprints: Candidates,
    public_ids: Candidates,
    secrets: Candidates,
    names: Candidates,
    hints: Candidates,
    repositories: Candidates,
    only: HashMap<String, String>,
    credentials_of: HashMap<String, i64>,
}

/// Of the rows of a table with `key`, `id` and what makes candidates: those whose key is the same are counted, and more than 20
/// of them say nothing.
macro_rules! ranked {
    ($rows:literal) => {
        concat!(
            "SELECT DISTINCT key, id, identity_id, provider, last_snapshot_id, detail FROM (
                SELECT key, id, identity_id, provider, last_snapshot_id, detail,
                    dense_rank() OVER (PARTITION BY key ORDER BY id, detail) AS n FROM (",
            $rows,
            ") AS found) AS ranked WHERE n <= 20 ORDER BY key, id, detail"
        )
    };
}

const BY_FINGERPRINT: &str = ranked!(
    "SELECT ff.finding_id AS key, c.id, c.identity_id, c.provider, c.last_snapshot_id, cf.scheme AS detail
     FROM finding_fp AS ff JOIN credential_fp AS cf ON cf.value = ff.value AND cf.scheme = ff.scheme AND cf.key_id = ff.key_id
     JOIN credential AS c ON c.id = cf.credential_id WHERE ff.scheme <> 'hint' AND ff.finding_id IN (?)"
);

const BY_PUBLIC_ID: &str = ranked!(
    "SELECT public_id AS key, id, identity_id, provider, last_snapshot_id, '' AS detail FROM credential
     WHERE public_id IN (?)"
);

const BY_SECRET: &str = ranked!(
    "SELECT native_id AS key, id, identity_id, provider, last_snapshot_id, '' AS detail FROM credential
     WHERE native_id IN (?) AND provider = 'kubernetes' AND type = 'service-account-token'"
);

/// Here `id` is the identity's.
const BY_NAME: &str = ranked!(
    "SELECT named.key, i.id, i.id AS identity_id, i.provider, i.last_snapshot_id, i.account AS detail FROM (
        SELECT id, native_id AS key FROM identity WHERE native_id IN (?)
        UNION SELECT id, name FROM identity WHERE name IN (?)) AS named JOIN identity AS i ON i.id = named.id
     WHERE i.state NOT IN ('dismissed', 'proposed') AND i.merged_into IS NULL"
);

const BY_HINT: &str = ranked!(
    "SELECT ff.finding_id AS key, c.id, c.identity_id, c.provider, c.last_snapshot_id, c.hint AS detail FROM finding_fp AS ff
     JOIN credential AS c ON c.hint = ff.value AND c.provider = ff.key_id
     WHERE ff.scheme = 'hint' AND ff.finding_id IN (?)"
);

const BY_REPOSITORY: &str = ranked!(
    "SELECT w.key, c.id, c.identity_id, c.provider, c.last_snapshot_id, w.ref AS detail FROM (
        SELECT id, ref, repo AS key FROM workload WHERE repo IN (?)
        UNION SELECT id, ref, ref FROM workload WHERE ref IN (?)) AS w
     JOIN consumer AS k ON k.workload_id = w.id JOIN credential AS c ON c.id = k.credential_id"
);

impl Known {
    /// Reads it.
    ///
    /// # Errors
    /// What the engine says.
    pub fn read(tx: &mut Transaction<'_>, facts: &[Facts]) -> Result<Known, StoreError> {
        let ids: BTreeSet<&str> = facts.iter().map(|facts| facts.id.as_str()).collect();
        let named: Vec<String> = facts.iter().flat_map(linkers::principals).map(|(_, name)| name).collect();
        let secrets: Vec<String> = facts.iter().filter_map(linkers::stored_in).collect();
        let mut known = Known {
            fingerprints: candidates(tx, BY_FINGERPRINT, &ids)?,
            public_ids: candidates(tx, BY_PUBLIC_ID, &facts.iter().filter_map(linkers::shown_id).collect())?,
            secrets: candidates(tx, BY_SECRET, &secrets.iter().map(String::as_str).collect())?,
            names: candidates(tx, BY_NAME, &named.iter().map(String::as_str).collect())?,
            hints: candidates(tx, BY_HINT, &ids)?,
            repositories: candidates(tx, BY_REPOSITORY, &facts.iter().flat_map(linkers::repositories).collect())?,
            ..Known::default()
        };
        for candidate in known.names.values_mut().flatten() {
            candidate.credential = None;
        }
        known.only = known.read_only(tx)?;
        known.credentials_of = known.read_counts(tx)?;
        Ok(known)
    }

    /// Of each identity that is named the credential, if it has only one that works.
    fn read_only(&self, tx: &mut Transaction<'_>) -> Result<HashMap<String, String>, StoreError> {
        let identities = self.names.values().flatten().filter_map(|candidate| candidate.identity.as_deref()).collect();
        let rows = tx.query_in(
            "SELECT identity_id, min(id) FROM credential
             WHERE identity_id IN (?) AND status IN ('active', 'unknown') GROUP BY identity_id HAVING count(*) = 1",
            &identities,
        )?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// How many credentials the providers have of which a hint fits.
    fn read_counts(&self, tx: &mut Transaction<'_>) -> Result<HashMap<String, i64>, StoreError> {
        let providers = self.hints.values().flatten().map(|candidate| candidate.provider.as_str()).collect();
        let rows = tx.query_in(
            "SELECT provider, count(*) FROM credential WHERE provider IN (?) GROUP BY provider",
            &providers,
        )?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    pub(super) fn by_fingerprint(&self, finding: &str) -> &[Candidate] {
        of(&self.fingerprints, finding)
    }

    pub(super) fn by_public_id(&self, public_id: &str) -> &[Candidate] {
        of(&self.public_ids, public_id)
    }

    /// Tokens that are stored in a Secret of Kubernetes.
    pub(super) fn by_secret(&self, native: &str) -> &[Candidate] {
        of(&self.secrets, native)
    }

    /// Identities of that id or name; `detail` is their account.
    pub(super) fn by_name(&self, name: &str) -> &[Candidate] {
        of(&self.names, name)
    }

    pub(super) fn by_hint(&self, finding: &str) -> &[Candidate] {
        of(&self.hints, finding)
    }

    pub(super) fn used_in(&self, repository: &str) -> &[Candidate] {
        of(&self.repositories, repository)
    }

    pub(super) fn only_credential(&self, identity: &str) -> Option<String> {
        self.only.get(identity).cloned()
    }

    pub(super) fn credentials_of(&self, provider: &str) -> i64 {
        self.credentials_of.get(provider).copied().unwrap_or(1)
    }
}

fn of<'c>(candidates: &'c Candidates, key: &str) -> &'c [Candidate] {
    candidates.get(key).map_or(&[], Vec::as_slice)
}

fn candidates(tx: &mut Transaction<'_>, sql: &str, keys: &BTreeSet<&str>) -> Result<Candidates, StoreError> {
    let mut found = Candidates::new();
    for row in tx.query_in(sql, keys)? {
        let candidate = Candidate {
            credential: row.get(1)?,
            identity: row.get(2)?,
            provider: row.get(3)?,
            snapshot: row.get(4)?,
            detail: row.get(5)?,
        };
        found.entry(row.get(0)?).or_default().push(candidate);
    }
    Ok(found)
}

/// What is known of the credentials that are proposed, and of others.
pub(super) fn credentials<'p>(
    tx: &mut Transaction<'_>,
    proposals: impl Iterator<Item = &'p Proposal>,
    others: impl Iterator<Item = &'p str>,
) -> Result<HashMap<String, CredentialFacts>, StoreError> {
    let ids = proposals.filter_map(|proposal| proposal.credential.as_deref()).chain(others).collect();
    let rows = tx.query_in(
        "SELECT c.id, c.account, c.native_created_at, c.environment, c.last_snapshot_id, c.status, c.generation,
            coalesce(c.tombstoned_at, c.last_seen_at), c.last_rotated_at, c.identity_id, i.privileged
         FROM credential AS c LEFT JOIN identity AS i ON i.id = c.identity_id WHERE c.id IN (?)",
        &ids,
    )?;
    let facts = |row: &Row| {
        let facts = CredentialFacts {
            account: row.get(1)?,
            created_ms: row.get(2)?,
            environment: row.get(3)?,
            snapshot: row.get(4)?,
            status: row.get(5)?,
            generation: row.get(6)?,
            retired_ms: row.get(7)?,
            rotated_ms: row.get(8)?,
            identity: row.get(9)?,
            privileged: row.get(10)?,
        };
        Ok((row.get(0)?, facts))
    };
    rows.iter().map(facts).collect()
}
