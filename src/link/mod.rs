//! Whose is it? Findings are linked to inventoried credentials and identities, with evidence that can be read.
//!
//! Each linker of [`LINKERS`] looks for one kind of evidence and proposes; [`decide`](fn@link) weighs the proposals. Nothing is
//! learned and nothing random: the same store gives the same links.
//!
//! | tier | what it rests on | confidence |
//! |---|---|---|
//! | A0 | a fingerprint or verifier of the secret itself | 1.00 |
//! | A1 | the provider said so | 0.99 |
//! | A2 | a public id that only this credential has | 0.97 |
//! | B1 | the principal: the identity is known, which of its credentials is not | 0.85 |
//! | B2 | some characters of it, as many as its provider shows | from the odds of a coincidence, at most 0.90 |
//! | C | where it stands | at most 0.70, however much speaks for it |
//!
//! What speaks against a link lowers it or rules it out: another account, a credential that was made after the secret leaked,
//! another environment. Two candidates that are about as likely are *ambiguous*, and nothing acts on them. What a person
//! confirmed or rejected stays.

mod decision;
mod due;
mod evidence;
mod explain;
mod facts;
mod known;
mod linkers;
mod manual;
mod owners;
mod page;
mod risk;
mod settle;
mod shadow;
mod writes;

pub use decision::{ShadowError, accept, dismiss, merge};
pub use evidence::{Evidence, Proposal, Tier};
pub use explain::{Explanation, StoredLink, explain};
pub use facts::{Facts, Place};
pub use known::{Candidate, Known};
pub use linkers::{LINKERS, Linker};
pub use manual::{ManualLinkError, confirm, reject};
pub use risk::{Exposure, Reason, Risk, assess};
pub use settle::{Counts, link, link_due};
pub use shadow::{Proposed, ProposedIdentity, guess_again, propose, proposed};

use crate::model::AttributedLink;

/// Version of the rules by which links are made; it stands in every link.
pub const ENGINE_VERSION: &str = "1";

/// What stands in its place in links to proposed identities: they are no result of the linkers.
const SHADOW: &str = AttributedLink::SHADOW;

/// From here on a link is acted on: the finding belongs to the credential.
pub const CERTAIN: f64 = 0.95;

/// From here on a link is worth a message to the owner.
pub const LIKELY: f64 = AttributedLink::LIKELY;
