//! JSON of any size: values in memory and streams of them.

mod stream;
mod tape;

pub(super) use stream::{Descend, JsonEvent, Path, keys, read_json};
pub(super) use tape::{Json, Tape};
