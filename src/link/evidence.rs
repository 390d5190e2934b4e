use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::model::Evidence;

/// What a link rests on, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs of the module have the table")]
pub enum Tier {
    A0,
    A1,
    A2,
    B1,
    B2,
    C,
}

impl Tier {
    /// The name used in reports and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::A0 => "A0",
            Tier::A1 => "A1",
            Tier::A2 => "A2",
            Tier::B1 => "B1",
            Tier::B2 => "B2",
            Tier::C => "C",
        }
    }

    /// Does evidence of this tier name one credential, and no guess?
    #[must_use]
    pub fn names_one(self) -> bool {
        matches!(self, Tier::A0 | Tier::A1 | Tier::A2)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A possible link.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The credential, where it is known.
    pub credential: Option<String>,
    /// The identity, where it is known.
    pub identity: Option<String>,
    /// What it rests on.
    pub tier: Tier,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

impl Proposal {
    /// What is linked to: the credential if it is known, or else the identity.
    #[must_use]
    pub fn target(&self) -> (Option<&str>, Option<&str>) {
        match &self.credential {
            Some(credential) => (Some(credential), None),
            None => (None, self.identity.as_deref()),
        }
    }
}
