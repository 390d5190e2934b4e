//! JSON of any size: values in memory and streams of them.

mod stream;
mod tape;

#[cfg(test)]
pub(super) use stream::Step;
pub(super) use stream::{Descend, JsonEvent, Path, in_page, is_element, is_page, keys, read_json, top_list};
pub(super) use tape::{Json, Tape, documents, string_end};
