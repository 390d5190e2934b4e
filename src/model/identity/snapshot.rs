use serde::{Deserialize, Serialize};

use super::{Consumer, Credential, Grant, Identity, Owner, Ownership, Timestamp, Vendor, Workload};

/// Where a snapshot comes from. Two snapshots of equal source can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SnapshotSource {
    /// The importer, such as `aws-credential-report`.
    pub kind: String,
    /// What part of the world it speaks of: an account, an organisation, a cluster. Empty if nobody said.
    pub scope: String,
}

/// One thing that an export says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the noun of its name")]
pub enum Record {
    Identity(Box<Identity>),
    Credential(Box<Credential>),
    Grant(Grant),
    Owner(Owner),
    Ownership(Ownership),
    Workload(Workload),
    Consumer(Consumer),
    Vendor(Vendor),
}

impl Record {
    /// The noun: `identity`, `credential`, ….
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Record::Identity(_) => "identity",
            Record::Credential(_) => "credential",
            Record::Grant(_) => "grant",
            Record::Owner(_) => "owner",
            Record::Ownership(_) => "ownership",
            Record::Workload(_) => "workload",
            Record::Consumer(_) => "consumer",
            Record::Vendor(_) => "vendor",
        }
    }

    /// What it is known by among records of its noun, for people to read, too. Allocates.
    #[must_use]
    pub fn natural_key(&self) -> String {
        match self {
            Record::Identity(identity) => identity.key.to_string(),
            Record::Credential(credential) => credential.key.to_string(),
            Record::Grant(Grant { identity, role, resource, source, effect, .. }) => {
                format!("{identity} {role} on {resource} by {source} ({effect})")
            }
            Record::Owner(owner) => owner.reference.clone(),
            Record::Ownership(Ownership { subject, owner, role, origin, .. }) => {
                format!("{subject} by {owner} ({role}, {origin})")
            }
            Record::Workload(workload) => format!("{} {}", workload.kind, workload.reference),
            Record::Consumer(Consumer { workload, name, distribution, locator, .. }) => {
                format!("{workload} {name} by {distribution} at {locator}")
            }
            Record::Vendor(vendor) => vendor.name.clone(),
        }
    }
}

/// How many records of each noun a snapshot has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each counts the noun of its name")]
pub struct SnapshotCounts {
    pub identities: u64,
    pub credentials: u64,
    pub grants: u64,
    pub owners: u64,
    pub ownerships: u64,
    pub workloads: u64,
    pub consumers: u64,
    pub vendors: u64,
    /// Secret values that the reader met and dropped.
    pub secrets_dropped: u64,
}

impl SnapshotCounts {
    /// Counts one record.
    pub fn add(&mut self, record: &Record) {
        let count = match record {
            Record::Identity(_) => &mut self.identities,
            Record::Credential(_) => &mut self.credentials,
            Record::Grant(_) => &mut self.grants,
            Record::Owner(_) => &mut self.owners,
            Record::Ownership(_) => &mut self.ownerships,
            Record::Workload(_) => &mut self.workloads,
            Record::Consumer(_) => &mut self.consumers,
            Record::Vendor(_) => &mut self.vendors,
        };
        *count += 1;
    }

    /// Records of all nouns.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.identities
            + self.credentials
            + self.grants
            + self.owners
            + self.ownerships
            + self.workloads
            + self.consumers
            + self.vendors
    }
}

/// One reading of one source. What a later snapshot of the same source lacks has vanished, but only if that one is
/// complete: from absence in half an export nothing follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What was read.
    pub source: SnapshotSource,
    /// When the export was made, or, if it doesn't say, when it was read.
    pub taken_at: Timestamp,
    /// Does it have everything there was in its scope?
    pub complete: bool,
    /// SHA-256 over the bytes read, hexadecimal.
    pub sha256: String,
    /// How much it has.
    pub counts: SnapshotCounts,
    /// What could not be read, in words without bytes of the input.
    pub problems: Vec<String>,
}
