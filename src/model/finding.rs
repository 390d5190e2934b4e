use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Serialize, Serializer};

use super::{Part, Provenance, RuleMeta, Secret, Severity, Span};

/// Facts about a credential that are no secret, by name: `account`, `host`, `user`, `issuer`, `key-type`, `expires`, …
/// `docs/rules.md` lists the names.
pub type Attributes = BTreeMap<&'static str, String>;

/// One secret value under one rule, with every place where it stands.
///
/// Its identity is the fingerprint: a keyed digest of rule and secret, never of a place. Moved lines, renamed files
/// and rebased commits don't make a new finding.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The rule that found it.
    pub rule: Arc<RuleMeta>,
    /// Harm of this one: that of its rule, or less where the credential itself says so (a key that is encrypted).
    pub severity: Severity,
    /// Stable id of this finding.
    pub fingerprint: Fingerprint,
    /// How sure we are that this is a real credential, 0 to 100.
    pub score: u8,
    /// What the score is made of, in the order applied.
    pub reasons: Vec<Reason>,
    /// What may be shown of it: at most the rule's public prefix, then its length.
    pub preview: String,
    /// The public part of the credential that names its identity (an access key id, an account), if it has one.
    pub public_id: Option<String>,
    /// What the credential says of itself, without secret bytes; may be empty.
    pub attributes: Attributes,
    /// Its public parts that stand elsewhere (a key id, a client id, a tenant), sorted; may be empty.
    pub parts: Vec<CredentialPart>,
    /// The secret itself; redacted in every serialisation.
    #[serde(skip)]
    pub secret: Secret,
    /// All places, sorted and without duplicates; at least one.
    pub occurrences: Vec<Occurrence>,
}

impl Finding {
    /// Were changes scanned, and not whole files or all of history?
    #[must_use]
    pub fn is_of_changes(&self) -> bool {
        self.occurrences.iter().any(|occurrence| introduced(&occurrence.provenance).is_some())
    }

    /// Was it there before the changes that were scanned? Then it is no reason to refuse them. Never, where whole files
    /// or all of history were scanned.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.occurrences.iter().all(|occurrence| introduced(&occurrence.provenance) == Some(false))
    }
}

/// Of a place in changes: do they bring it?
fn introduced(provenance: &Provenance) -> Option<bool> {
    match provenance {
        Provenance::Git(place) => place.history.as_ref()?.introduced,
        _ => None,
    }
}

/// A public part of a composite credential, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CredentialPart {
    /// What it is: the id of the rule that knows such parts, without the provider (`access-key-id`).
    pub name: String,
    /// The part itself, which is public.
    pub value: String,
    /// The blob that it stands in.
    pub provenance: Provenance,
    /// 1-based line.
    pub line: u64,
    /// Byte offsets in that blob, as stored.
    pub span: Span,
}

/// A versioned keyed digest, printed as `v1:` and 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v1:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One step of a score: a named feature and what it added or took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Short stable name, such as `checksum` or `placeholder`.
    pub feature: &'static str,
    /// Points added (or, negative, taken).
    pub points: i16,
    /// The measured value in words, without secret bytes; may be empty.
    pub detail: Cow<'static, str>,
}

/// One place where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Occurrence {
    /// The blob.
    pub provenance: Provenance,
    /// Content or name.
    pub part: Part,
    /// Where in it.
    pub place: Place,
    /// The line around it with every secret on it replaced by its preview, cut to a readable length; escaped for a
    /// terminal. Empty for binary content.
    pub context: String,
}

/// Lines and columns of a secret. All are 1-based; `end_*` name the position just after the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line of the first byte. Lines end at `\n`.
    pub line: u64,
    /// Column of the first byte, in bytes of the file as stored.
    pub column: u64,
    /// The same in UTF-16 code units, as SARIF and editors count. Exact for valid UTF-8 and UTF-16.
    pub column_utf16: u64,
    /// Line just after the last byte.
    pub end_line: u64,
    /// Column just after the last byte, in bytes.
    pub end_column: u64,
    /// Column just after the last byte, in UTF-16 code units.
    pub end_column_utf16: u64,
    /// Byte offsets in the file as stored.
    pub span: Span,
}
