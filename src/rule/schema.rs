//! The TOML rule file, as a person writes it. Strict: an unknown key is an error.
//!
//! The build script compiles this file too, so it depends on `model` and serde alone.

use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::model::{CredentialKind, IdentityKind, Severity};

/// One `rules/<provider>.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Display name of the provider, for example `GitHub`.
    pub provider: String,
    /// The rules; at least one.
    #[serde(rename = "rule")]
    pub rules: Vec<RuleEntry>,
}

/// One `[[rule]]` table. `docs/rules.md` explains each key with examples.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// `provider.credential`, both kebab-case; stable for ever.
    pub id: Spanned<String>,
    /// What a person calls the credential.
    pub name: String,
    /// Harm of a live one.
    pub severity: Severity,
    /// What it technically is.
    pub kind: CredentialKind,
    /// What it acts as.
    pub identity: IdentityKind,
    /// Literals of which one stands in (or, for `near` and `assignment`, before) every match. 3 to 64 bytes each.
    pub keywords: Spanned<Vec<Spanned<String>>>,
    /// Do keywords and pattern match without regard to ASCII case?
    #[serde(default)]
    pub ignore_case: bool,
    /// How a match hangs on its keyword.
    #[serde(default)]
    pub shape: ShapeName,
    /// The regular expression. A group `secret` is the secret (default: the whole match), `id` the public part.
    pub pattern: Spanned<String>,
    /// `prefix` shape: how many bytes of the match stand before the keyword.
    #[serde(default)]
    pub offset: Option<Spanned<usize>>,
    /// `near` shape: how many bytes may stand between keyword and secret.
    #[serde(default)]
    pub near: Option<Spanned<usize>>,
    /// `context` shape: words for secrets, of which one follows the keyword.
    #[serde(default)]
    pub words: Option<Spanned<Vec<Spanned<String>>>>,
    /// `block` shape: the pattern that ends the secret.
    #[serde(default)]
    pub until: Option<Spanned<String>>,
    /// Longest match in bytes; needed when the pattern has no upper bound.
    #[serde(default)]
    pub max_span: Option<Spanned<usize>>,
    /// Bytes, in the notation of a character class without brackets, that may not touch the secret on either side.
    #[serde(default)]
    pub boundary: Option<Spanned<String>>,
    /// Least Shannon entropy of the secret, in bits per character.
    #[serde(default)]
    pub entropy: Option<f64>,
    /// Least number of decimal digits in the secret.
    #[serde(default)]
    pub min_digits: usize,
    /// Name of the check that a real one passes.
    #[serde(default)]
    pub checksum: Option<Checksum>,
    /// `base64` check: how many bytes it must decode to.
    #[serde(default)]
    pub decoded_bytes: usize,
    /// Patterns of secrets that are never findings (documentation samples and the like).
    #[serde(default)]
    pub allow: Vec<Spanned<String>>,
    /// Rules that give way where both claim the same bytes.
    #[serde(default)]
    pub supersedes: Vec<Spanned<String>>,
    /// Does it give way to every rule that is not generic itself?
    #[serde(default)]
    pub generic: bool,
    /// Is what it finds public, and a part of another rule's credential?
    #[serde(default)]
    pub identifier: bool,
    /// Public parts that belong to the secret.
    #[serde(default)]
    pub companion: Vec<CompanionEntry>,
    /// Pages that document the format.
    #[serde(default)]
    pub references: Vec<String>,
    /// Templates that must be found, with the secret between `«` and `»`. At least two.
    pub positives: Spanned<Vec<Spanned<String>>>,
    /// Templates in which nothing may be found by this rule. At least two.
    pub negatives: Spanned<Vec<Spanned<String>>>,
}

/// A public part of a composite credential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanionEntry {
    /// What it is, in kebab-case.
    pub name: Spanned<String>,
    /// What it looks like; the group `id` is the part.
    pub pattern: Spanned<String>,
    /// Most bytes between it and the secret.
    #[serde(default)]
    pub within: Option<Spanned<usize>>,
    /// Is the secret none without it?
    #[serde(default)]
    pub required: bool,
    /// The rule that finds it further away.
    #[serde(default)]
    pub rule: Option<Spanned<String>>,
}

/// How a match hangs on its keyword.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShapeName {
    /// The match begins with the keyword (or has it at a fixed `offset`).
    #[default]
    Prefix,
    /// The match stands within `near` bytes after the keyword.
    Near,
    /// The keyword and, after it, a word for secrets stand in the name that the match is assigned to.
    Context,
    /// The keyword is (part of) the name of a variable, the match is the whole value assigned to it.
    Assignment,
    /// The match begins with the keyword and ends with the first match of `until`.
    Block,
}

/// A check on the secret's own bytes that a real credential passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checksum {
    /// The last six characters are the CRC-32 (IEEE) of what stands between the first `_` and them, in base 62
    /// (`0-9A-Za-z`), left-padded with `0`. Source: GitHub's "Behind GitHub's new authentication token formats".
    Crc32Base62,
    /// The last seven characters are the CRC-32 of all before them, in base 36. Source: GitLab's design document
    /// "Routable tokens", read 2026-11.
    Crc32Base36,
    /// The last eight characters are the CRC-32 of what stands before the last `_`, bytes lowest first, in hexadecimal.
    /// Source: the package `satokengen` of Grafana.
    Crc32HexLe,
    /// Bech32 (BIP 173).
    Bech32,
    /// A NATS seed with its CRC-16.
    Nkey,
    /// Base64 of `decoded_bytes` bytes.
    Base64,
    /// Three base64url segments of which the first two decode to JSON objects and the first names an `alg`.
    Jwt,
    /// A private key in PEM or in OpenSSH's or ssh.com's form, all of whose parts have the lengths they claim.
    Pem,
    /// An OpenPGP private key, armored: checksum and packets.
    Pgp,
    /// A PuTTY key file: as many lines as it says, a public part of its algorithm.
    Putty,
    /// A connection string whose parts say who logs in where.
    Connection,
    /// An AWS access key id, from which the account is decoded.
    AwsKeyId,
    /// A Google Cloud service account's key: the PEM parses.
    GcpServiceAccount,
    /// A Discord token: its first segment decodes to the bot's id.
    Discord,
    /// A JFrog reference token: it decodes to `reftkn`, a version and a time of expiry.
    JfrogReference,
    /// A personal access token of Jira or Confluence Data Center: it decodes to a number, a colon and 20 bytes.
    AtlassianPat,
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Unit variants serialise as their names.
        self.serialize(f)
    }
}
