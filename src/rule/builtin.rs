use std::borrow::Cow;

use super::{
    byte_set::ByteSet,
    definition::{Companion, Rule, Shape},
    schema::Checksum,
};
use crate::model::{CredentialKind, IdentityKind, RuleMeta, Severity};

include!(concat!(env!("OUT_DIR"), "/builtin_rules.rs"));

/// The built-in rules, sorted by id.
#[must_use]
pub fn builtin() -> &'static [Rule] {
    &RULES
}
