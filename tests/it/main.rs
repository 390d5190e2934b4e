//! Behaviour through the public API.

mod git_store;
