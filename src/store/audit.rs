//! The audit log: who did what, in a chain that can only grow.
//!
//! Each event is canonical JSON (RFC 8785) of `action`, `actor`, `at`, `data`, `seq`, `subject` and `v`; its hash is SHA-256
//! over the 32 bytes of the hash before it and that text. A checkpoint is an Ed25519 signature over the end of the chain and over
//! the checkpoint before it: who rewrites the chain, or takes a checkpoint out of the middle, would need the key as well.
//!
//! Checkpoints are made in the transaction of their events, so the program never leaves an end unsigned while it has a key. An
//! end that is unsigned all the same was written without a key, or by somebody else: it is not signed by the way.

use std::borrow::Cow;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{
    AuditEntry, Row, StoreError, Transaction, canonical_json,
    row::{replace_nul_everywhere, without_nul},
};

/// The hash before the first event.
const ZERO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Events are read in pages of so many.
const PAGE: i64 = 1_000;

/// More faults than this are not listed: each event after a break is one.
const MAX_FAULTS: usize = 20;

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// 1 for the first, then without a gap.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What, such as `finding.dismiss`.
    pub action: String,
    /// Of what: kind and id.
    pub subject: String,
    /// The rest, as canonical JSON.
    #[serde(skip)]
    pub data: String,
    /// Hash of the event before, in hexadecimal digits.
    pub prev_hash: String,
    /// Its own.
    pub hash: String,
}

impl Event {
    /// The text that is hashed.
    ///
    /// # Errors
    /// If its data is no JSON, or JSON with numbers that events don't have.
    pub fn canonical(&self) -> Result<String, StoreError> {
        let data: Json = serde_json::from_str(&self.data).map_err(|_| StoreError::NotCanonical("it is not JSON"))?;
        canonical_json(&json!({
            "action": self.action, "actor": self.actor, "at": self.at, "data": data, "seq": self.seq,
            "subject": self.subject, "v": 1,
        }))
    }

    fn from_row(row: &Row) -> Result<Event, StoreError> {
        Ok(Event {
            seq: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            data: row.get(5)?,
            prev_hash: row.get(6)?,
            hash: row.get(7)?,
        })
    }
}

fn chained(prev_hash: &str, canonical: &str) -> Option<String> {
    let prev = data_encoding::HEXLOWER.decode(prev_hash.as_bytes()).ok()?;
    let digest = Sha256::new().chain_update(prev).chain_update(canonical.as_bytes()).finalize();
    Some(data_encoding::HEXLOWER.encode(&digest))
}

pub(super) fn append_all(tx: &mut Transaction<'_>, entries: &[AuditEntry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let added = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    // Locks the end of the chain until this transaction ends: a second appender waits and continues after it.
    let head =
        tx.query_one("UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash", &[added.into()])?;
    let head = head.ok_or_else(|| StoreError::Damaged("the end of the audit log is missing".to_owned()))?;
    let (mut seq, mut hash) = (head.get::<i64>(0)? - added, head.get::<String>(1)?);
    tx.appended_after(seq);
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        seq += 1;
        let event = chain(tx, entry, seq, hash)?;
        hash = event.hash.clone();
        rows.push(vec![
            event.seq.into(),
            event.at.into(),
            event.actor.into(),
            event.action.into(),
            event.subject.into(),
            event.data.into(),
            event.prev_hash.into(),
            event.hash.into(),
        ]);
    }
    tx.execute("UPDATE audit_head SET hash = $1 WHERE id = 1", &[hash.into()])?;
    tx.execute_rows(
        "INSERT INTO audit_event (seq, at, actor, action, subject, data, prev_hash, hash) VALUES {rows}",
        &rows,
    )?;
    Ok(())
}

/// The event of that number, behind the one with that hash.
fn chain(tx: &Transaction<'_>, entry: &AuditEntry, seq: i64, prev_hash: String) -> Result<Event, StoreError> {
    let mut data = entry.data.clone();
    replace_nul_everywhere(&mut data);
    let mut event = Event {
        seq,
        at: tx.now(),
        actor: without_nul(Cow::Borrowed(tx.actor())),
        action: entry.action.clone(),
        subject: without_nul(Cow::Borrowed(&entry.subject)),
        data: canonical_json(&data)?,
        prev_hash,
        hash: String::new(),
    };
    event.hash = chained(&event.prev_hash, &event.canonical()?)
        .ok_or_else(|| StoreError::Damaged("the end of the audit log is no hash".to_owned()))?;
    Ok(event)
}

/// The events after number `after`, in order, at most 1,000: ask again with the last one's number until none comes.
///
/// # Errors
/// What the engine says.
pub fn events(tx: &mut Transaction<'_>, after: i64) -> Result<Vec<Event>, StoreError> {
    let rows = tx.query(
        "SELECT seq, at, actor, action, subject, data, prev_hash, hash FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2",
        &[after.into(), PAGE.into()],
    )?;
    rows.iter().map(Event::from_row).collect()
}

/// Signs checkpoints.
pub struct Signer {
    key: SigningKey,
}

impl Signer {
    /// A signer from the 32 random bytes of an Ed25519 key.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Signer {
        Signer { key: SigningKey::from_bytes(seed) }
    }

    /// The public key, in hexadecimal digits: what a verifier must know.
    #[must_use]
    pub fn public_key(&self) -> String {
        data_encoding::HEXLOWER.encode(self.key.verifying_key().as_bytes())
    }

    /// Signs the end of the log, unless that is signed already. Returns its number. Whoever calls it answers for what was not
    /// signed: [`verify`] first.
    ///
    /// # Errors
    /// What the engine says.
    pub fn checkpoint(&self, tx: &mut Transaction<'_>) -> Result<Option<i64>, StoreError> {
        if !is_unsigned(tx)? {
            return Ok(None);
        }
        let head = tx.query_one(
            "SELECT h.seq, h.hash, (SELECT c.signature FROM checkpoint AS c ORDER BY c.seq DESC LIMIT 1)
             FROM audit_head AS h WHERE h.id = 1",
            &[],
        )?;
        let Some(head) = head else { return Ok(None) };
        let (seq, hash, at) = (head.get::<i64>(0)?, head.get::<String>(1)?, tx.now());
        let previous = head.get::<Option<String>>(2)?.unwrap_or_default();
        let statement = statement(&store_id(tx)?, seq, &hash, at, &previous)?;
        let signature = data_encoding::HEXLOWER.encode(&self.key.sign(statement.as_bytes()).to_bytes());
        let public_key = self.public_key();
        tx.execute(
            "INSERT INTO checkpoint (seq, hash, at, key_id, public_key, signature) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (seq) DO NOTHING",
            &[seq.into(), hash.into(), at.into(), key_id(&public_key).into(), public_key.into(), signature.into()],
        )?;
        Ok(Some(seq))
    }

    /// Signs the end of the log if all events up to number `before` are signed, by whomever, and what follows continues exactly
    /// those; with 0, if nothing was ever signed. Says whether it did. Costs a query and a signature, however long the log is.
    ///
    /// # Errors
    /// What the engine says.
    pub fn continue_after(&self, tx: &mut Transaction<'_>, before: i64) -> Result<bool, StoreError> {
        let is_covered = is_signed_at(tx, before)?;
        if is_covered {
            self.checkpoint(tx)?;
        }
        Ok(is_covered)
    }
}

/// Is event `before` the last that was signed, unchanged, and does the next one continue it? With 0: was nothing signed?
fn is_signed_at(tx: &mut Transaction<'_>, before: i64) -> Result<bool, StoreError> {
    let rows = tx.query(
        "SELECT c.seq, c.hash, c.at, c.public_key, c.signature, e.hash, n.prev_hash FROM checkpoint AS c
         LEFT JOIN audit_event AS e ON e.seq = c.seq LEFT JOIN audit_event AS n ON n.seq = c.seq + 1
         ORDER BY c.seq DESC LIMIT 2",
        &[],
    )?;
    let Some(last) = rows.first() else { return Ok(before == 0) };
    let previous = rows.get(1).map_or(Ok(String::new()), |row| row.get(4))?;
    let (checkpoint, store_id) = (Checkpoint::from_row(last)?, store_id(tx)?);
    let hash = Some(&checkpoint.hash);
    Ok(checkpoint.seq == before
        && last.get::<Option<String>>(5)?.as_ref() == hash
        && last.get::<Option<String>>(6)?.as_ref() == hash
        && checkpoint.is_signed(&store_id, &previous)?)
}

/// A signature as the store has it.
struct Checkpoint {
    seq: i64,
    hash: String,
    at: i64,
    public_key: String,
    signature: String,
}

impl Checkpoint {
    fn from_row(row: &Row) -> Result<Checkpoint, StoreError> {
        Ok(Checkpoint {
            seq: row.get(0)?,
            hash: row.get(1)?,
            at: row.get(2)?,
            public_key: row.get(3)?,
            signature: row.get(4)?,
        })
    }

    /// Did its key sign it, behind the checkpoint with that signature?
    fn is_signed(&self, store_id: &str, previous: &str) -> Result<bool, StoreError> {
        let statement = statement(store_id, self.seq, &self.hash, self.at, previous)?;
        let lone = lone_statement(store_id, self.seq, &self.hash, self.at)?;
        Ok([statement, lone].iter().any(|text| is_signed(text, &self.public_key, &self.signature)))
    }
}

/// The number of the last event.
///
/// # Errors
/// What the engine says.
pub fn end(tx: &mut Transaction<'_>) -> Result<i64, StoreError> {
    tx.query_one("SELECT seq FROM audit_head WHERE id = 1", &[])?.map_or(Ok(0), |row| row.get(0))
}

/// Does the log end with events that no checkpoint covers?
///
/// # Errors
/// What the engine says.
pub fn is_unsigned(tx: &mut Transaction<'_>) -> Result<bool, StoreError> {
    let sql = "SELECT seq FROM audit_head WHERE seq > coalesce((SELECT max(seq) FROM checkpoint), 0)";
    Ok(tx.query_one(sql, &[])?.is_some())
}

/// Names a public key shortly.
#[must_use]
pub fn key_id(public_key: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(public_key.as_bytes())[..8])
}

fn store_id(tx: &mut Transaction<'_>) -> Result<String, StoreError> {
    let row = tx.query_one("SELECT store_id FROM store_info", &[])?;
    row.map_or(Err(StoreError::Damaged("the store has no id".to_owned())), |row| row.get(0))
}

/// What a checkpoint signs. `previous` is the signature of the one before it, empty for the first.
fn statement(store_id: &str, seq: i64, hash: &str, at: i64, previous: &str) -> Result<String, StoreError> {
    canonical_json(&json!({ "at": at, "hash": hash, "previous": previous, "seq": seq, "store": store_id, "v": 2 }))
}

/// What checkpoints of the first stores signed: none knew the one before it.
fn lone_statement(store_id: &str, seq: i64, hash: &str, at: i64) -> Result<String, StoreError> {
    canonical_json(&json!({ "at": at, "hash": hash, "seq": seq, "store": store_id, "v": 1 }))
}

/// What a verification saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many events there are.
    pub events: i64,
    /// Hash of the last one.
    pub head: String,
    /// How many checkpoints there are.
    pub checkpoints: i64,
    /// The last event that a good checkpoint covers; 0 without one.
    pub signed_until: i64,
    /// Public keys that signed, sorted.
    pub keys: Vec<String>,
    /// What is wrong, in order: at most 20.
    pub faults: Vec<String>,
    /// Is the chain whole, but its end not signed with a key that is trusted? That is the last fault then.
    pub is_end_untrusted: bool,
}

impl Verification {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// The first and last of the events at the end that no good checkpoint covers.
    #[must_use]
    pub fn unsigned(&self) -> Option<(i64, i64)> {
        (self.signed_until < self.events).then_some((self.signed_until + 1, self.events))
    }
}

/// Recomputes the chain and checks every checkpoint. With `trusted`, checkpoints of other keys are faults, and so is an end that
/// none of these keys signed.
///
/// # Errors
/// What the engine says. A broken chain is no error: it is what the result tells.
pub fn verify(tx: &mut Transaction<'_>, trusted: &[String]) -> Result<Verification, StoreError> {
    let mut seen = Verification { head: ZERO_HASH.to_owned(), ..Verification::default() };
    loop {
        let page = events(tx, seen.events)?;
        for event in &page {
            check_event(event, &mut seen);
        }
        if page.is_empty() || !seen.faults.is_empty() {
            break;
        }
    }
    if seen.faults.is_empty() {
        let head = tx.query_one("SELECT seq, hash FROM audit_head WHERE id = 1", &[])?;
        let expected = (seen.events, seen.head.clone());
        let stored = head.map(|row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?))).transpose()?;
        if stored != Some(expected) {
            seen.fault(format!("the log ends after event {}, and should not", seen.events));
        }
    }
    let is_chained = seen.faults.is_empty();
    check_checkpoints(tx, trusted, &mut seen)?;
    if let (Some((first, last)), true, false) = (seen.unsigned(), is_chained, trusted.is_empty()) {
        seen.is_end_untrusted = true;
        seen.fault(format!("events {first} to {last} are not signed with a key that is trusted"));
    }
    Ok(seen)
}

fn check_event(event: &Event, seen: &mut Verification) {
    let seq = seen.events + 1;
    if event.seq != seq {
        seen.fault(format!("event {seq} is missing"));
    }
    if event.prev_hash != seen.head {
        seen.fault(format!("event {} does not continue the one before", event.seq));
    }
    let hash = event.canonical().ok().and_then(|canonical| chained(&event.prev_hash, &canonical));
    if hash.as_ref() != Some(&event.hash) {
        seen.fault(format!("event {} was changed", event.seq));
    }
    seen.events = event.seq;
    seen.head.clone_from(&event.hash);
}

fn check_checkpoints(tx: &mut Transaction<'_>, trusted: &[String], seen: &mut Verification) -> Result<(), StoreError> {
    let store_id = store_id(tx)?;
    let (mut after, mut previous) = (0, String::new());
    loop {
        let rows = tx.query(
            "SELECT c.seq, c.hash, c.at, c.public_key, c.signature, e.hash FROM checkpoint AS c
             LEFT JOIN audit_event AS e ON e.seq = c.seq WHERE c.seq > $1 ORDER BY c.seq LIMIT $2",
            &[after.into(), PAGE.into()],
        )?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.get(0)?;
        for row in &rows {
            let checkpoint = Checkpoint::from_row(row)?;
            let (seq, public_key) = (checkpoint.seq, &checkpoint.public_key);
            seen.checkpoints += 1;
            if let Err(place) = seen.keys.binary_search(public_key) {
                seen.keys.insert(place, public_key.clone());
            }
            if row.get::<Option<String>>(5)?.as_ref() != Some(&checkpoint.hash) {
                seen.fault(format!("event {seq} is not the one that was signed"));
            } else if !checkpoint.is_signed(&store_id, &previous)? {
                seen.fault(format!("the signature under event {seq} is wrong, or one before it is missing"));
            } else if !trusted.is_empty() && !trusted.contains(public_key) {
                seen.fault(format!("event {seq} is signed with a key that is not trusted: {public_key}"));
            } else {
                seen.signed_until = seq;
            }
            previous = checkpoint.signature;
        }
    }
}

fn is_signed(statement: &str, public_key: &str, signature: &str) -> bool {
    fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
    }
    let key = bytes(public_key).and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let signature = bytes(signature).map(|signature| Signature::from_bytes(&signature));
    key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(statement.as_bytes(), &signature).is_ok())
}
