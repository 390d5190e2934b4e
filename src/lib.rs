//! unleak finds credentials that leaked into files, and says where, what and how sure.
//!
//! A [`Scanner`] holds rules made ready; it is immutable and shared by all threads. Give it bytes:
//!
//! ```
//! let scanner = unleak::Scanner::builtin();
//! let text = format!("slack_token: {}{}", "xoxb-", "908172635481-7263549018273-hQ2vK9mZ4tB7xN1sW6pL3rYc");
//! for finding in scanner.scan_bytes("config.yml", text.as_bytes()).findings {
//!     let place = finding.occurrences[0].place;
//!     println!("{}:{}: {} (score {})", place.line, place.column, finding.rule.name, finding.score);
//!     assert_eq!(finding.rule.provider, "Slack");
//! }
//! ```
//!
//! or a [`source`], which reads whole trees on several threads: see [`Scanner::scan`].

#[cfg(feature = "cli")]
pub mod cli;
pub mod commands;
pub mod config;
pub mod decode;
pub mod engine;
pub mod eval;
#[cfg(feature = "identity")]
pub mod fingerprint;
#[cfg(feature = "identity")]
pub mod inventory;
#[cfg(feature = "identity")]
pub mod link;
pub mod model;
pub mod report;
#[cfg(feature = "identity")]
pub mod rotate;
pub mod rule;
pub mod source;
#[cfg(feature = "identity")]
pub mod store;

pub use engine::{Scanner, ScannerOptions};
