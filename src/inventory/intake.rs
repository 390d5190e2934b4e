use std::collections::HashMap;

use super::{InventoryError, TakeRecord};
use crate::{
    fingerprint::Fingerprinter,
    model::{
        Secret,
        identity::{
            Consumer, Credential, CredentialFp, EntityKey, Grant, Identity, OwnedBy, Owner, OwnerKind, OwnerOrigin,
            OwnerRole, Ownership, Record, SnapshotCounts, Timestamp, Vendor, Workload,
        },
    },
};

/// Most problems that are kept in words; the rest is counted.
const MAX_PROBLEMS: usize = 200;

/// Where an importer puts what it read: passes records on, once each, and notices what can't be true of one export.
pub struct Intake<'i> {
    take: &'i mut TakeRecord<'i>,
    fingerprinter: Option<&'i dyn Fingerprinter>,
    account: String,
    now: Timestamp,
    /// Digest of a record's key → digest of the record.
    seen: HashMap<[u8; 12], [u8; 8]>,
    pub(super) taken_at: Option<Timestamp>,
    pub(super) counts: SnapshotCounts,
    pub(super) problems: Vec<String>,
    pub(super) problems_total: u64,
    pub(super) complete: bool,
    pub(super) failed: Option<InventoryError>,
}

impl<'i> Intake<'i> {
    pub(super) fn new(
        take: &'i mut TakeRecord<'i>,
        fingerprinter: Option<&'i dyn Fingerprinter>,
        account: String,
        now: Timestamp,
    ) -> Intake<'i> {
        Intake {
            take,
            fingerprinter,
            account,
            now,
            seen: HashMap::new(),
            taken_at: None,
            counts: SnapshotCounts::default(),
            problems: Vec::new(),
            problems_total: 0,
            complete: true,
            failed: None,
        }
    }

    /// The scope of this import, as the user gave it or the export has said so far; may be empty.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What the export says of its scope. The first word counts, and the user's outranks it.
    pub fn says_account(&mut self, account: &str) {
        if self.account.is_empty() {
            account.clone_into(&mut self.account);
        }
    }

    /// When the import runs.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When the export says it was made. Two exports of different days in one file are a problem.
    pub fn says_time(&mut self, time: Timestamp) {
        const DAY: i64 = 86_400;
        match self.taken_at {
            Some(before) if (before.seconds() - time.seconds()).abs() > DAY => {
                self.problem(format!("exports of different days: {before} and {time}"));
            }
            Some(_) => {}
            None => self.taken_at = Some(time),
        }
    }

    /// Something that could not be read or can't be true, in words without secret bytes. The snapshot is not complete.
    pub fn problem(&mut self, message: impl Into<String>) {
        self.complete = false;
        self.problems_total += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(crate::model::Escaped(message.into().as_bytes()).to_string());
        }
    }

    /// The export says that there is more than it holds.
    pub fn is_partial(&mut self) {
        self.complete = false;
    }

    /// Counts a secret value that was met and dropped.
    pub fn dropped_secret(&mut self) {
        self.counts.secrets_dropped += 1;
    }

    /// Turns a verifier (what a database keeps of a password) into a fingerprint, and counts it as dropped.
    pub fn verifier(&mut self, user: &str, verifier: &str) -> Option<CredentialFp> {
        self.dropped_secret();
        self.fingerprinter?.of_verifier(user, &Secret::new(verifier.as_bytes()))
    }

    /// Passes an identity on.
    pub fn identity(&mut self, identity: Identity) {
        let key = identity.key.clone();
        self.record(b"identity", &key, Record::Identity(Box::new(identity)));
    }

    /// Passes a credential on.
    pub fn credential(&mut self, mut credential: Credential) {
        credential.fingerprints.sort();
        credential.fingerprints.dedup();
        credential.scopes.sort();
        credential.scopes.dedup();
        let key = credential.key.clone();
        self.record(b"credential", &key, Record::Credential(Box::new(credential)));
    }

    /// Passes a grant on.
    pub fn grant(&mut self, grant: Grant) {
        let key = EntityKey::new("", &format!("{grant:?}"), "");
        self.record(b"grant", &key, Record::Grant(grant));
    }

    /// Passes a workload on.
    pub fn workload(&mut self, workload: Workload) {
        let key = EntityKey::new("", "", &workload.reference);
        self.record(b"workload", &key, Record::Workload(workload));
    }

    /// Passes a consumer on.
    pub fn consumer(&mut self, consumer: Consumer) {
        let key = EntityKey::new(&consumer.name, &consumer.workload, &consumer.locator);
        self.record(b"consumer", &key, Record::Consumer(consumer));
    }

    /// Passes a vendor on.
    pub fn vendor(&mut self, name: &str) {
        let vendor = Vendor { name: name.to_owned(), contract_end: None };
        self.record(b"vendor", &EntityKey::new("", "", name), Record::Vendor(vendor));
    }

    /// Passes an owner on, and that they own something.
    pub fn owned(&mut self, subject: OwnedBy, owner: Owner, claim: Claim<'_>) {
        let reference = owner.reference.clone();
        self.owner(owner);
        let ownership = Ownership {
            subject,
            owner: reference,
            role: claim.role,
            origin: claim.origin,
            confidence: claim.confidence,
            reason: claim.reason.to_owned(),
            valid_from: None,
            valid_to: None,
        };
        let key = EntityKey::new("", &format!("{ownership:?}"), "");
        self.record(b"ownership", &key, Record::Ownership(ownership));
    }

    /// Passes an owner on.
    pub fn owner(&mut self, owner: Owner) {
        let key = EntityKey::new(owner.kind.as_str(), "", &owner.reference);
        // One source may know a name and another not: only a catalogue says more than the reference.
        let says_more = owner.name.is_some() || owner.active.is_some();
        self.record(if says_more { b"owner+" } else { b"owner" }, &key, Record::Owner(owner));
    }

    /// Owners of an identity by its tags and labels: the first tag that names one, by role.
    pub fn owners_from_tags(&mut self, identity: &Identity) {
        const TAGS: &[(&str, OwnerRole, OwnerKind)] = &[
            ("owner", OwnerRole::Technical, OwnerKind::Team),
            ("team", OwnerRole::Technical, OwnerKind::Team),
            ("technical-owner", OwnerRole::Technical, OwnerKind::Person),
            ("business-owner", OwnerRole::Business, OwnerKind::Person),
            ("contact", OwnerRole::Backup, OwnerKind::Person),
            ("squad", OwnerRole::Technical, OwnerKind::Team),
            ("maintainer", OwnerRole::Technical, OwnerKind::Person),
        ];
        for (tag, value) in &identity.tags {
            let last = tag.rsplit(['/', ':']).next().unwrap_or(tag).to_lowercase().replace(['_', ' '], "-");
            let Some((_, role, kind)) = TAGS.iter().find(|(name, _, _)| *name == last) else { continue };
            let kind = if value.contains('@') && !value.starts_with('@') { OwnerKind::Person } else { *kind };
            let reason = format!("tag {tag}");
            let claim = Claim { role: *role, origin: OwnerOrigin::Tag, confidence: 80, reason: &reason };
            self.owned(OwnedBy::Identity { identity: identity.key.clone() }, Owner::new(kind, value), claim);
        }
    }

    fn record(&mut self, noun: &[u8], key: &EntityKey, record: Record) {
        if self.failed.is_some() {
            return;
        }
        let mut hasher = blake3::Hasher::new();
        for part in [noun, key.provider.as_bytes(), key.account.as_bytes(), key.native_id.as_bytes()] {
            hasher.update(part).update(b"\0");
        }
        let content = digest(&record);
        match self.seen.insert(short(&hasher.finalize()), content) {
            Some(before) if before == content => return,
            Some(_) if matches!(record, Record::Identity(_) | Record::Credential(_)) => {
                self.problem(format!(
                    "{key} stands twice and differs: exports of different days, or of different places?"
                ));
                return;
            }
            Some(_) => return,
            None => {}
        }
        self.counts.add(&record);
        if let Err(error) = (self.take)(record) {
            self.failed = Some(error);
        }
    }
}

/// On what grounds someone is said to own a thing.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'c> {
    /// In what respect they answer for it.
    pub role: OwnerRole,
    /// Who says so.
    pub origin: OwnerOrigin,
    /// How sure that is, in percent.
    pub confidence: u8,
    /// Why, in words.
    pub reason: &'c str,
}

fn short<const N: usize>(hash: &blake3::Hash) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&hash.as_bytes()[..N]);
    bytes
}

fn digest(record: &Record) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    // Writing to a hasher can't fail, and no field of a record refuses to be serialised.
    serde_json::to_writer(&mut hasher, record).expect("records serialise");
    short(&hasher.finalize())
}
