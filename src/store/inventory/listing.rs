//! Lists of the inventory, read in pages: a list of a million identities is never held.

use std::collections::BTreeMap;

use super::super::{Row, Store, StoreError, Transaction};
use crate::model::identity::{EntityKey, OwnedBy, Timestamp};

/// How many identities, credentials or claims are read at once.
const PAGE: i64 = 500;

/// One line of a list: an identity with one of its credentials, or either alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InventoryLine {
    /// The provider that knows the credential, else the identity.
    pub provider: String,
    /// The account there.
    pub account: String,
    /// Whose it is.
    pub identity: Option<ListedIdentity>,
    /// References of those who are said to answer for it, the surest first.
    pub owners: Vec<String>,
    /// One of its credentials.
    pub credential: Option<ListedCredential>,
    /// When the credential (or identity) was made, was last used, and ends.
    pub times: [Option<Timestamp>; 3],
}

/// An identity in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedIdentity {
    /// What people call it.
    pub name: String,
    /// What sort it is.
    pub kind: String,
    /// Where it stands in its life.
    pub state: String,
    /// Can it administer something?
    pub privileged: Option<bool>,
}

/// A credential in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedCredential {
    /// Its id at its provider.
    pub native_id: String,
    /// What it is.
    pub credential_type: String,
    /// What its provider says of it.
    pub status: String,
    /// The public part that a leaked copy shows.
    pub public_id: Option<String>,
}

/// That somebody answers for something.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnerClaim {
    /// Who.
    pub owner: String,
    /// What, and on which grounds. `None` for owners of nothing.
    pub claim: Option<ListedClaim>,
}

/// What somebody answers for, in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedClaim {
    /// What it is about.
    pub subject: OwnedBy,
    /// In which role.
    pub role: String,
    /// Where that is said.
    pub origin: String,
    /// Percent.
    pub confidence: i64,
    /// Why it is thought so; may be empty.
    pub reason: String,
}

/// By provider, account and native id.
type Key = [String; 3];

impl Store<'_> {
    /// Calls `take` with every identity that a source has now, once for each credential, by provider, account and id; at the end
    /// with credentials that are nobody's.
    ///
    /// # Errors
    /// What the engine says, and what `take` says.
    pub fn each_inventory_line<E: From<StoreError>>(
        &mut self,
        take: &mut dyn FnMut(InventoryLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = Key::default();
        while let Some((last, lines)) = self.read(|tx| tx.identity_lines(&after))? {
            after = last;
            lines.into_iter().try_for_each(&mut *take)?;
        }
        after = Key::default();
        while let Some((last, lines)) = self.read(|tx| tx.loose_credential_lines(&after))? {
            after = last;
            lines.into_iter().try_for_each(&mut *take)?;
        }
        Ok(())
    }

    /// Calls `take` with every claim of ownership that holds, by owner; with owners of nothing once.
    ///
    /// # Errors
    /// What the engine says, and what `take` says.
    pub fn each_owner_claim<E: From<StoreError>>(
        &mut self,
        take: &mut dyn FnMut(OwnerClaim) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = String::new();
        loop {
            let owners = self.read(|tx| tx.owner_page(&after))?;
            let Some((_, last)) = owners.last() else { return Ok(()) };
            after.clone_from(last);
            for (id, owner) in owners {
                let (mut last, mut any) = (String::new(), false);
                loop {
                    let claims = self.read(|tx| tx.claims_of(&id, &last))?;
                    let Some((end, _)) = claims.last() else { break };
                    (last, any) = (end.clone(), true);
                    for (_, claim) in claims {
                        take(OwnerClaim { owner: owner.clone(), claim: Some(claim) })?;
                    }
                }
                if !any {
                    take(OwnerClaim { owner, claim: None })?;
                }
            }
        }
    }
}

/// Does a source have this row now? (`noun` and `id` are our own words.)
fn is_live(noun: &str, id: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM inventory_item AS n WHERE n.entity_id = {id} AND n.noun = '{noun}'
            AND n.vanished_snapshot_id IS NULL)"
    )
}

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get::<Option<i64>>(column)?.map(|millis| Timestamp { millis }))
}

fn key_of(row: &Row, first: usize) -> Result<Key, StoreError> {
    Ok([row.get(first)?, row.get(first + 1)?, row.get(first + 2)?])
}

fn listed_credential(row: &Row, first: usize) -> Result<InventoryLine, StoreError> {
    Ok(InventoryLine {
        provider: row.get(first)?,
        account: row.get(first + 1)?,
        credential: Some(ListedCredential {
            native_id: row.get(first + 2)?,
            credential_type: row.get(first + 3)?,
            status: row.get(first + 4)?,
            public_id: row.get(first + 5)?,
        }),
        times: [time(row, first + 6)?, time(row, first + 7)?, time(row, first + 8)?],
        ..InventoryLine::default()
    })
}

const CREDENTIAL_COLUMNS: &str = "c.provider, c.account, c.native_id, c.type, c.status, c.public_id, c.native_created_at, \
                                  c.last_used_at, c.expires_at";

impl Transaction<'_> {
    /// The lines of a page of identities, and the last one's key; `None` behind the last page.
    fn identity_lines(&mut self, after: &Key) -> Result<Option<(Key, Vec<InventoryLine>)>, StoreError> {
        let live = is_live("identity", "i.id");
        let rows = self.query(
            &format!(
                "SELECT i.id, i.provider, i.account, i.native_id, i.name, i.kind, i.state, i.privileged, i.native_created_at,
                    i.last_used_at, i.expires_at, {live}, EXISTS (SELECT 1 FROM identity_grant AS g
                        WHERE g.identity_id = i.id AND g.high_risk AND g.effect = 'allow')
                 FROM identity AS i
                 WHERE (i.provider, i.account, i.native_id) > ($1, $2, $3)
                 ORDER BY i.provider, i.account, i.native_id LIMIT $4"
            ),
            &[(&after[0]).into(), (&after[1]).into(), (&after[2]).into(), PAGE.into()],
        )?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last = key_of(last, 1)?;
        let ids = rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()?;
        let (mut credentials, mut owners) = (self.credentials_of(&ids)?, self.owner_references(&ids)?);
        let mut lines = Vec::new();
        for (row, id) in rows.iter().zip(&ids) {
            let of_this = credentials.remove(id).unwrap_or_default();
            if of_this.is_empty() && !row.get::<bool>(11)? {
                continue;
            }
            let identity = ListedIdentity {
                name: row.get(4)?,
                kind: row.get(5)?,
                state: row.get(6)?,
                // What one source can't tell the grants of another may.
                privileged: if row.get(12)? { Some(true) } else { row.get(7)? },
            };
            let owners = owners.remove(id).unwrap_or_default();
            let alone = InventoryLine {
                provider: row.get(1)?,
                account: row.get(2)?,
                times: [time(row, 8)?, time(row, 9)?, time(row, 10)?],
                ..InventoryLine::default()
            };
            let own = if of_this.is_empty() { vec![alone] } else { of_this };
            lines.extend(own.into_iter().map(|line| InventoryLine {
                identity: Some(identity.clone()),
                owners: owners.clone(),
                ..line
            }));
        }
        Ok(Some((last, lines)))
    }

    fn credentials_of(&mut self, identities: &[String]) -> Result<BTreeMap<String, Vec<InventoryLine>>, StoreError> {
        let live = is_live("credential", "c.id");
        let rows = self.among(
            &format!(
                "SELECT c.identity_id, {CREDENTIAL_COLUMNS} FROM credential AS c WHERE {live} AND c.identity_id IN"
            ),
            identities.iter().map(String::as_str),
            "ORDER BY c.identity_id, c.provider, c.account, c.native_id",
        )?;
        let mut found: BTreeMap<String, Vec<InventoryLine>> = BTreeMap::new();
        for row in &rows {
            found.entry(row.get(0)?).or_default().push(listed_credential(row, 1)?);
        }
        Ok(found)
    }

    fn owner_references(&mut self, identities: &[String]) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        let rows = self.among(
            "SELECT w.identity_id, o.ref FROM ownership AS w JOIN owner AS o ON o.id = w.owner_id
             WHERE w.valid_to_at IS NULL AND w.identity_id IN",
            identities.iter().map(String::as_str),
            "ORDER BY w.identity_id, w.confidence DESC, o.ref",
        )?;
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let (references, reference) = (found.entry(row.get(0)?).or_default(), row.get(1)?);
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        Ok(found)
    }

    /// Credentials of which no source says whose they are.
    fn loose_credential_lines(&mut self, after: &Key) -> Result<Option<(Key, Vec<InventoryLine>)>, StoreError> {
        let live = is_live("credential", "c.id");
        // So written that no engine takes the index of identities, and sorts what it finds there for each page.
        let rows = self.query(
            &format!(
                "SELECT {CREDENTIAL_COLUMNS} FROM credential AS c WHERE coalesce(c.identity_id, '') = '' AND {live}
                    AND (c.provider, c.account, c.native_id) > ($1, $2, $3)
                 ORDER BY c.provider, c.account, c.native_id LIMIT $4"
            ),
            &[(&after[0]).into(), (&after[1]).into(), (&after[2]).into(), PAGE.into()],
        )?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last = key_of(last, 0)?;
        Ok(Some((last, rows.iter().map(|row| listed_credential(row, 0)).collect::<Result<_, _>>()?)))
    }

    /// Ids and references of owners behind one.
    fn owner_page(&mut self, after: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT id, ref FROM owner WHERE ref > $1 ORDER BY ref LIMIT $2";
        let rows = self.query(sql, &[after.into(), PAGE.into()])?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// What an owner is said to answer for, behind a claim: ids of claims, and what they say.
    fn claims_of(&mut self, owner: &str, after: &str) -> Result<Vec<(String, ListedClaim)>, StoreError> {
        let rows = self.query(
            "SELECT w.id, i.provider, i.account, i.native_id, w.workload_ref, w.repository, w.pattern, w.pattern_line, w.role,
                w.origin, w.confidence, coalesce(w.reason, '') FROM ownership AS w
             LEFT JOIN identity AS i ON i.id = w.identity_id
             WHERE w.owner_id = $1 AND w.id > $2 AND w.valid_to_at IS NULL ORDER BY w.id LIMIT $3",
            &[owner.into(), after.into(), PAGE.into()],
        )?;
        let claim = |row: &Row| -> Result<ListedClaim, StoreError> {
            Ok(ListedClaim {
                subject: subject(row)?,
                role: row.get(8)?,
                origin: row.get(9)?,
                confidence: row.get(10)?,
                reason: row.get(11)?,
            })
        };
        rows.iter().map(|row| Ok((row.get(0)?, claim(row)?))).collect()
    }
}

/// What a claim is about, from the columns 1 to 7.
fn subject(row: &Row) -> Result<OwnedBy, StoreError> {
    if let Some(provider) = row.get::<Option<String>>(1)? {
        let identity = EntityKey { provider, account: row.get(2)?, native_id: row.get(3)? };
        return Ok(OwnedBy::Identity { identity });
    }
    if let Some(workload) = row.get(4)? {
        return Ok(OwnedBy::Workload { workload });
    }
    let repository: String = row.get::<Option<String>>(5)?.unwrap_or_default();
    let line = row.get::<Option<i64>>(7)?.and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
    Ok(match row.get(6)? {
        Some(pattern) => OwnedBy::Path { repository, pattern, line },
        None => OwnedBy::Repository { repository },
    })
}
