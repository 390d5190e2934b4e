//! Behaviour through the public API, in one binary.

mod architecture;
mod engine;
mod prefilter;
mod report;
mod rules;
mod samples;
mod secrecy;
