//! unleak finds credentials that leaked into files.

pub mod model;
pub mod rule;
pub mod source;
