//! The nouns of the inventory: whose a credential is, what may be done with it, who uses it and who answers for it.
//!
//! ```text
//! Snapshot ─ brings ─▶ Identity ─ has ─▶ Credential ─ known by ─▶ CredentialFp
//!                      │     │           │
//!                      │     Grant       Consumer ─▶ Workload
//!                      Ownership ─▶ Owner
//! ```
//!
//! An *identity* is who acts (a service account), a *credential* is one of the things it proves itself with (the second of
//! its keys), a *secret* is the bytes of a credential. The first two stand here; the third has no place in any of these
//! types: what can be compared with a secret is a [`CredentialFp`], and what may be shown of it a `hint`.
//!
//! Things that an inventory names are known by an [`EntityKey`], by which several exports speak of one thing; a store gives
//! them ids of its own. A field that an export doesn't have is `None`, which is never the same as "no".

mod credential;
mod grant;
mod owner;
mod snapshot;
mod timestamp;
mod workload;

pub use credential::{Credential, CredentialFp, CredentialStatus, CredentialType, FpScheme, Revocation};
pub use grant::{Effect, Grant};
pub use owner::{OwnedBy, Owner, OwnerKind, OwnerOrigin, OwnerRole, Ownership};
pub use snapshot::{Record, Snapshot, SnapshotCounts, SnapshotSource};
pub use timestamp::Timestamp;
pub use workload::{Consumer, Distribution, Vendor, Workload, WorkloadKind};
#[cfg(feature = "identity")]
pub(crate) use workload::{repositories_of, repository_name};

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one word each, in files, reports and databases alike.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Its word in files, reports and databases: kebab-case, stable.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::identity::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                let all = $name::ALL.iter().copied();
                all.into_iter().find(|value| value.as_str() == word).ok_or($crate::model::identity::UnknownWord {
                    noun: stringify!($name),
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;

/// A word that names no value of an enum. The word itself is left out: it came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {noun} has that name")]
pub struct UnknownWord {
    /// The enum.
    pub noun: &'static str,
}

/// Fields beside those that have a place of their own, by name: what an importer picked, never what it met. Values are
/// public (a region, a display name); a reader has dropped secret-bearing fields before.
pub type Extra = BTreeMap<String, String>;

/// How an export knows a thing: unique within one kind of thing, equal in every export that speaks of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    /// Who issues and knows it: `aws`, `github`, `kubernetes`. Lower case.
    pub provider: String,
    /// The account, project, organisation, cluster or host it belongs to; empty where the provider has none or the export
    /// doesn't say.
    pub account: String,
    /// Its id there: an ARN, a uid, `namespace/name`.
    pub native_id: String,
}

impl EntityKey {
    /// A key from its three parts.
    #[must_use]
    pub fn new(provider: &str, account: &str, native_id: &str) -> EntityKey {
        EntityKey { provider: provider.to_owned(), account: account.to_owned(), native_id: native_id.to_owned() }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |text: &str| super::Escaped(text.as_bytes()).to_string();
        write!(f, "{}:{}:{}", escaped(&self.provider), escaped(&self.account), escaped(&self.native_id))
    }
}

words! {
    /// What sort of non-human identity it is. (What a *rule* says of the identity behind a credential is
    /// [`IdentityKind`](crate::model::IdentityKind), which is coarser.)
    Kind {
        /// An account of a cloud or directory, made for a program.
        ServiceAccount = "service-account",
        /// A service account of a Kubernetes cluster.
        KubernetesServiceAccount = "kubernetes-service-account",
        /// A role that others assume.
        CloudRole = "cloud-role",
        /// A key that is an identity by itself: nothing stands behind it.
        ApiKey = "api-key",
        /// A token that is an identity by itself.
        Token = "token",
        /// An application registered for OAuth or OpenID Connect.
        OauthApp = "oauth-app",
        /// A grant that a user or administrator gave to an application.
        OauthGrant = "oauth-grant",
        /// An application or service principal of a directory.
        Application = "application",
        /// An installation of another product: a GitHub app, a Slack app.
        Integration = "integration",
        /// An account that an outside company uses.
        PartnerAccount = "partner-account",
        /// A subject of certificates.
        Certificate = "certificate",
        /// A workload with an identity of its own: SPIFFE id, instance identity.
        Workload = "workload",
        /// A container, virtual machine or function.
        Compute = "compute",
        /// A bot of a chat or forge.
        Bot = "bot",
        /// A robot that works through user interfaces.
        RpaBot = "rpa-bot",
        /// An agent driven by a language model.
        AiAgent = "ai-agent",
        /// A script or scheduled job.
        Script = "script",
        /// A step, runner or deploy key of a build system.
        CiStep = "ci-step",
        /// A user of a database.
        DbUser = "db-user",
        /// An account of an operating system.
        OsAccount = "os-account",
        /// A device.
        Device = "device",
        /// An entity of a secret store.
        VaultEntity = "vault-entity",
        /// A person's account: not a machine, but its keys leak as well.
        User = "user",
        /// None of these.
        Other = "other",
    }
}

words! {
    /// Where an identity stands in its life.
    IdentityState {
        /// Guessed from a leak, not confirmed by anyone.
        Proposed = "proposed",
        /// In use, as far as is known.
        Active = "active",
        /// Disabled, and may come back.
        Suspended = "suspended",
        /// Being taken out of use.
        Offboarding = "offboarding",
        /// Gone. Kept, so that old leaks can be told whose they were.
        Offboarded = "offboarded",
        /// Looked at, and found to be none.
        Dismissed = "dismissed",
    }
}

/// Who acts: an account, role, application, bot. Its natural key is `key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// How its provider knows it.
    #[serde(flatten)]
    pub key: EntityKey,
    /// What sort it is.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// Where it stands in its life.
    pub state: IdentityState,
    /// What it is for, in its owner's words.
    pub purpose: Option<String>,
    /// The system or business function that it belongs to.
    pub function: Option<String>,
    /// `prod`, `staging`, …, as the export has it.
    pub env: Option<String>,
    /// How much depends on it, as the export has it.
    pub criticality: Option<String>,
    /// Class of the data that it reaches, as the export has it.
    pub data_class: Option<String>,
    /// Can it administer? `None` where grants aren't known.
    pub privileged: Option<bool>,
    /// The outside company behind it, by [`Vendor::name`].
    pub vendor: Option<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it last acted.
    pub last_used: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When someone has to look at it again.
    pub review_due: Option<Timestamp>,
    /// How it gets in: `console`, `federation`, `api`.
    pub access_path: Option<String>,
    /// Identities that may act as this one, or that it is elsewhere, as `relation=native id` (`assumed-by`, `federated-as`).
    pub relations: Vec<String>,
    /// Labels and tags.
    pub tags: Extra,
    /// Further public fields.
    pub raw: Extra,
}

impl Identity {
    /// An identity of which nothing is known but what it is called. Active until something says otherwise.
    #[must_use]
    pub fn new(key: EntityKey, kind: Kind, name: &str) -> Identity {
        Identity {
            key,
            kind,
            name: name.to_owned(),
            state: IdentityState::Active,
            purpose: None,
            function: None,
            env: None,
            criticality: None,
            data_class: None,
            privileged: None,
            vendor: None,
            created_by: None,
            created: None,
            last_used: None,
            expires_at: None,
            review_due: None,
            access_path: None,
            relations: Vec::new(),
            tags: Extra::new(),
            raw: Extra::new(),
        }
    }
}
