//! The nouns of unleak: what flows from a source to a report.
//!
//! ```text
//! Source → Blob → Candidate → Match → Finding
//!    └───────────── Problem ─────────────┘
//! ```
//!
//! Nothing here reads, scans or prints; every other module uses these types and this one uses none of them.

mod attribution;
mod finding;
mod git;
pub mod identity;
mod object;
mod problem;
mod provenance;
mod record;
mod rule_meta;
mod secret;
mod severity;
mod span;
mod summary;

pub use attribution::{
    AttributedCredential, AttributedIdentity, AttributedLink, AttributedOwner, AttributedPlan, Attribution, Evidence,
};
pub use finding::{Attributes, CredentialPart, Finding, Fingerprint, Occurrence, Place, Reason};
pub use git::{GitCommit, GitHistory, GitPlace, GitSignature, GitTime, Reach};
pub(crate) use object::hex_value;
pub use object::{ObjectId, ObjectKind};
pub use problem::{Problem, ProblemKind};
pub use provenance::{DisplayPath, Escaped, Neighbour, Origin, Part, Provenance};
pub use record::{
    ExportSummary, Notice, Permalink, PermalinkBasis, PhysicalPlace, RecordAttachment, RecordAuthor, RecordContainer,
    RecordPlace, RecordTime, Revision, Visibility,
};
pub use rule_meta::{CredentialKind, IdentityKind, RuleMeta};
pub use secret::Secret;
pub use severity::Severity;
pub use span::Span;
pub use summary::{ConfigUse, ObjectCount, ObjectCounts, ScanReport, StageTimes, Stats, StoreChanges};
