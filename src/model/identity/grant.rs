use serde::{Deserialize, Serialize};

use super::{EntityKey, Timestamp, words};

words! {
    /// Does a grant give or forbid?
    Effect {
        /// It gives.
        Allow = "allow",
        /// It forbids, whatever else allows.
        Deny = "deny",
    }
}

/// Something an identity may (or may not) do. Its natural key is identity, resource, role, effect and source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Whose it is.
    pub identity: EntityKey,
    /// On what; `*` for everything.
    pub resource: String,
    /// The action or role, as the provider writes it (`s3:GetObject`, `roles/editor`, `contents:write`).
    pub role: String,
    /// Gives or forbids.
    pub effect: Effect,
    /// Where it is written: the policy, binding or group.
    pub source: String,
    /// Does it hold under a condition only?
    pub conditional: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last made use of.
    pub last_used: Option<Timestamp>,
    /// Is it one that can administer, write everywhere, or give itself more?
    pub high_risk: bool,
}
