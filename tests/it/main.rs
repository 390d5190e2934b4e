//! Behaviour through the public API.

mod rules;
