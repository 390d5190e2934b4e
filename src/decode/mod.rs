//! From stored bytes to text that can be scanned, with the way back: a decoder yields an [`OffsetMap`], so that a finding
//! names the bytes that a person can open. And what is in the text of a key.

pub(crate) mod armor;
pub(crate) mod base64;
mod offset_map;
mod utf16;

pub use offset_map::OffsetMap;
pub use utf16::Utf16;
