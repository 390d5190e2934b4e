//! unleak finds credentials that leaked into files.

pub mod model;
pub mod report;
pub mod rule;
pub mod source;
