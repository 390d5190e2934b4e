//! Rules as data: the file schema, the validated [`Rule`], the built-in catalogue.

pub mod analyze;
mod builtin;
mod byte_set;
pub mod context;
mod definition;
mod file;
mod follows;
mod pattern;
pub mod schema;
pub mod straight;
pub mod template;

pub use analyze::Mistake;
pub use builtin::builtin;
pub use byte_set::ByteSet;
pub use definition::{Companion, Rule, Shape};
pub use file::{LoadedFile, ProvenRule, RuleError, Sample, load, parse_file};
pub use pattern::{Matcher, Patterns, Search, Spans, compile};
pub use schema::Checksum;
pub use straight::{Groups, Straight};
