//! The engine: keywords → candidates → matches → verdicts → findings. `docs/design.md` draws the flow.

mod assignment;
pub mod cache;
pub mod checksum;
mod claims;
mod collect;
mod compose;
mod confirm;
pub mod entropy;
mod explain;
mod fingerprint;
mod generic;
mod history;
mod lines;
mod locate;
mod names;
mod neighbours;
mod pipeline;
mod placeholder;
pub mod prefilter;
mod proof;
mod quotes;
mod records;
mod scanner;
mod talk;
mod training;
mod verdict;
mod versions;
mod whole;

pub use explain::{Candidate, Outcome};
pub use fingerprint::FingerprintKey;
pub use generic::TripleCounts;
pub use pipeline::{Progress, Scan, ScanOptions, hand_over};
pub use proof::prove;
pub use scanner::{Observer, Scanner, ScannerOptions, Scratch};
pub use training::{GenericCandidate, GenericFeature, generic_features};
pub use verdict::Rejection;
