//! Behaviour through the public API, in one binary.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as loudly as tests")]

mod architecture;
#[cfg(feature = "cli")]
mod cache;
mod claims;
#[cfg(feature = "cli")]
mod cli;
mod composite;
#[cfg(feature = "cli")]
mod config;
mod docs;
mod encoded;
mod engine;
mod eval;
#[cfg(feature = "export")]
mod export;
mod fuzz;
#[cfg(feature = "cli")]
mod git_before;
#[cfg(feature = "cli")]
mod git_changes;
#[cfg(feature = "cli")]
mod git_choice;
#[cfg(feature = "cli")]
mod git_history;
#[cfg(feature = "cli")]
mod git_hostile;
#[cfg(feature = "cli")]
mod git_places;
#[cfg(feature = "cli")]
mod git_ranges;
mod git_refs;
#[cfg(feature = "cli")]
mod git_scan;
mod git_store;
#[cfg(all(feature = "cli", unix))]
mod hook;
#[cfg(feature = "identity")]
mod inventory;
#[cfg(all(feature = "cli", unix))]
mod keys;
mod licences;
mod prefilter;
#[cfg(target_os = "linux")]
mod remote;
mod report;
#[cfg(all(feature = "identity", unix))]
mod rotate;
mod rule_cost;
mod rules;
mod samples;
mod secrecy;
mod source;
#[cfg(feature = "identity")]
mod store;
mod straight;
mod surroundings;
mod versions;
mod whole;
