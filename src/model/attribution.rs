use serde::{Deserialize, Serialize};

use super::identity::Timestamp;

/// Whose a finding is and what is done about it, as a store knows it. Holds no secret; names in it come from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribution {
    /// Id of the finding in the store.
    pub finding: String,
    /// Where it is in its life: `open`, `linked`, …
    pub state: String,
    /// By what lists are ordered, 0 to 100.
    pub risk: i64,
    /// Whose it is. `None` if nobody known is, several are as likely, or none is likely.
    pub identity: Option<AttributedIdentity>,
    /// The credential that it is a copy of, once that is certain.
    pub credential: Option<AttributedCredential>,
    /// Who answers for it, the surest first; may be empty.
    pub owners: Vec<AttributedOwner>,
    /// Why it is believed to be theirs.
    pub link: Option<AttributedLink>,
    /// The latest plan that replaces the credential.
    pub plan: Option<AttributedPlan>,
}

/// An identity of the inventory, or one that a finding proposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributedIdentity {
    /// Its id in the store.
    pub id: String,
    /// What sort it is.
    pub kind: String,
    /// The system that knows it.
    pub provider: String,
    /// Tenant, account or organisation there; may be empty.
    pub account: String,
    /// What people call it.
    pub name: String,
    /// Where it is in its life; `proposed` if nobody has confirmed it.
    pub state: String,
}

/// A credential of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributedCredential {
    /// Its id in the store.
    pub id: String,
    /// What it technically is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its public part.
    pub public_id: Option<String>,
    /// Does it work: `active`, `inactive`, `revoked`, …
    pub status: String,
    /// The how-manieth of its series.
    pub generation: Option<i64>,
    /// When it died, if it did.
    pub retired_at: Option<Timestamp>,
}

/// A person or team who answers for an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributedOwner {
    /// `person` or `team`.
    pub kind: String,
    /// Name in the directory.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What people call it.
    pub name: Option<String>,
    /// Where messages go.
    pub email: Option<String>,
    /// `technical`, `business` or `backup`.
    pub role: String,
    /// How that is known: `tag`, `codeowners`, `backstage`, `inferred`, …
    pub origin: String,
    /// How sure, in per cent.
    pub confidence: i64,
    /// Why, in words.
    pub reason: Option<String>,
}

/// Why a finding is believed to belong to somebody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttributedLink {
    /// What it rests on, such as `A2`; docs/linking.md has the table.
    pub tier: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// `auto`, `confirmed` or `ambiguous`.
    pub status: String,
    /// What speaks for it and against it.
    pub evidence: Vec<Evidence>,
}

impl AttributedLink {
    /// From here on a link is told to anybody.
    pub const LIKELY: f64 = 0.5;

    /// What evidence of a proposed identity is called: nobody else claims the finding.
    pub const SHADOW: &str = "shadow";

    /// Is it likely enough to name an identity and its owners?
    #[must_use]
    pub fn is_probable(&self) -> bool {
        let is_proposed = self.evidence.iter().any(|item| item.rule == AttributedLink::SHADOW);
        self.status != "ambiguous" && (self.confidence >= AttributedLink::LIKELY || is_proposed)
    }
}

/// One reason for or against a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the linker, or of what speaks against.
    pub rule: String,
    /// What of the finding was compared.
    pub finding_field: String,
    /// With what of the inventory.
    pub inventory_field: String,
    /// The value, as far as it may be shown.
    pub value: String,
    /// How much it counts: for a link what it makes it at least, against one a factor below 1 (0 rules it out).
    pub weight: f64,
    /// The reading of the inventory that says so.
    pub snapshot: Option<String>,
}

/// How far the replacement of a credential is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributedPlan {
    /// Its id in the store.
    pub id: String,
    /// Its life: `awaiting_approval`, `approved`, `running`, `done`, …
    pub state: String,
    /// In which order old and new are exchanged.
    pub strategy: String,
    /// When it must be done, by the policy.
    pub rotate_by: Option<Timestamp>,
    /// How far its run is, if it was begun.
    pub run_state: Option<String>,
}
