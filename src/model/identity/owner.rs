use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EntityKey, Timestamp, words};

words! {
    /// Person or team.
    OwnerKind {
        /// One person.
        Person = "person",
        /// A group of people.
        Team = "team",
    }
}

words! {
    /// In what respect someone answers for a thing.
    OwnerRole {
        /// For what it is there for, and that it may exist.
        Business = "business",
        /// For running it, and rotating its credentials.
        Technical = "technical",
        /// If the others can't be reached.
        Backup = "backup",
    }
}

words! {
    /// Who says so.
    OwnerOrigin {
        /// A person said so to unleak.
        Manual = "manual",
        /// A tag or label of the thing itself.
        Tag = "tag",
        /// A field of the export (`owner`, `added_by`).
        Export = "export",
        /// A CODEOWNERS file.
        Codeowners = "codeowners",
        /// A Backstage catalogue.
        Backstage = "backstage",
        /// Worked out from other things.
        Inferred = "inferred",
    }
}

/// A person or team that answers for things. Its natural key is kind and `reference`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Person or team.
    pub kind: OwnerKind,
    /// How its source writes it: `group:default/payments`, `@org/payments`, `alice@example.org`. Lower case where the
    /// source doesn't distinguish.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Name for people.
    pub name: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// Are they still there? `None` if the source doesn't say.
    pub active: Option<bool>,
}

impl Owner {
    /// An owner of whom only the reference is known. What has an `@` inside is an e-mail address.
    #[must_use]
    pub fn new(kind: OwnerKind, reference: &str) -> Owner {
        let is_email = reference.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        Owner {
            kind,
            reference: reference.to_owned(),
            name: None,
            email: is_email.then(|| reference.to_owned()),
            active: None,
        }
    }
}

/// What is owned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum OwnedBy {
    /// An identity.
    Identity {
        /// Which.
        identity: EntityKey,
    },
    /// Files of a repository that a pattern matches. Of several patterns the one with the greatest `line` wins.
    Path {
        /// The repository, as far as the source says (`org/name`, or the directory); may be empty.
        repository: String,
        /// Pattern in the syntax of CODEOWNERS.
        pattern: String,
        /// Line it stands on, 1-based.
        line: u32,
    },
    /// A repository.
    Repository {
        /// `org/name`.
        repository: String,
    },
    /// A workload.
    Workload {
        /// [`Workload::reference`](super::Workload::reference).
        workload: String,
    },
}

impl fmt::Display for OwnedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnedBy::Identity { identity } => identity.fmt(f),
            OwnedBy::Path { repository, pattern, line } => write!(f, "{repository} {pattern} (line {line})"),
            OwnedBy::Repository { repository: text } | OwnedBy::Workload { workload: text } => f.write_str(text),
        }
    }
}

/// Someone answers for something. Its natural key is subject, owner, role and origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// What is owned.
    pub subject: OwnedBy,
    /// By [`Owner::reference`].
    pub owner: String,
    /// In what respect.
    pub role: OwnerRole,
    /// Who says so.
    pub origin: OwnerOrigin,
    /// How sure that is, in percent: 0 to 100.
    pub confidence: u8,
    /// Why, in words: the tag, the line, the field.
    pub reason: String,
    /// From when.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_to: Option<Timestamp>,
}
