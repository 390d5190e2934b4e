//! The engine: keywords → candidates → matches → verdicts → findings. `docs/design.md` draws the flow.

mod assignment;
pub mod checksum;
mod collect;
mod confirm;
pub mod entropy;
mod explain;
mod fingerprint;
mod lines;
mod locate;
mod pipeline;
mod placeholder;
pub mod prefilter;
mod proof;
mod scanner;
mod verdict;

pub use explain::{Candidate, Outcome};
pub use fingerprint::FingerprintKey;
pub use pipeline::{Progress, ScanOptions, hand_over};
pub use proof::prove;
pub use scanner::{Observer, Scanner, ScannerOptions, Scratch};
pub use verdict::Rejection;
