//! unleak finds credentials that leaked into files.
pub mod decode;
pub mod engine;
pub mod model;
pub mod report;
pub mod rule;
pub mod source;

pub use engine::{Scanner, ScannerOptions};
