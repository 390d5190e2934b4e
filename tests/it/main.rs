//! Behaviour through the public API, in one binary.

mod architecture;
#[cfg(feature = "cli")]
mod cli;
mod engine;
mod licences;
mod prefilter;
mod report;
mod rules;
mod samples;
mod secrecy;
mod source;
