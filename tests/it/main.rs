//! The public API, in one binary.
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail like a test")]

mod source;
