//! Behaviour through the public API.

mod report;
mod rules;
