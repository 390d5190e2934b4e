//! Checks on a secret's own bytes that every real one passes, the strongest verdict there is without a network, and what
//! they learn on the way: whose it is, what it opens, whether it is encrypted.

mod account;
mod connection;
mod crc;
mod der;
mod jwt;
mod openssh;
mod pgp;
mod private_key;
mod putty;

use std::ops::Range;

use crate::{
    decode::armor,
    model::{Attributes, Escaped, Secret, Severity},
    rule::{Checksum, Rule},
};

/// What the check failed on, in words without secret bytes.
pub type Failure = &'static str;

/// A match that is to be checked, and the text that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The text around it, the match included.
    pub bytes: &'a [u8],
    /// Start of the whole match, which may begin before the secret.
    pub start: usize,
    /// End of the whole match.
    pub end: usize,
    /// The secret.
    pub secret: &'a [u8],
    /// The public part, if the pattern names one.
    pub id: Option<&'a [u8]>,
}

impl<'a> Claim<'a> {
    /// A secret that stands alone.
    #[must_use]
    pub fn alone(secret: &'a [u8]) -> Claim<'a> {
        Claim { bytes: secret, start: 0, end: secret.len(), secret, id: None }
    }

    /// The match and at most `reach` bytes to either side.
    fn around(&self, reach: usize) -> &'a [u8] {
        let range: Range<usize> = self.start.saturating_sub(reach)..(self.end + reach).min(self.bytes.len());
        &self.bytes[range]
    }
}

/// What a check learned from a secret that passed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Does a made-up value fail this check? Then words in it that placeholders have mean nothing.
    pub is_proven: bool,
    /// Can nobody use it without a passphrase?
    pub is_encrypted: bool,
    /// Does it open something at a host with a name that all the world can resolve, or with a public address?
    pub is_far: bool,
    /// What it says of itself.
    pub attributes: Attributes,
    /// What speaks for or against a real one: a feature of the score, its points, and words for them.
    pub effects: Vec<(&'static str, i16, &'static str)>,
}

/// Points that a key loses because it is encrypted.
const ENCRYPTED: i16 = -30;

/// Longest value of an attribute in characters.
const MAX_VALUE: usize = 200;

impl Facts {
    fn proven() -> Facts {
        Facts { is_proven: true, ..Facts::default() }
    }

    /// Keeps a fact, made safe to print; an empty one is none.
    pub(in crate::engine) fn add(&mut self, name: &'static str, value: impl AsRef<[u8]>) {
        let mut value = Escaped(value.as_ref()).to_string();
        value.truncate(value.floor_char_boundary(MAX_VALUE));
        if !value.is_empty() {
            self.attributes.insert(name, value);
        }
    }

    fn encrypted_with(&mut self, cipher: &str) {
        self.is_encrypted = true;
        self.add("encrypted", cipher);
        self.effects.push(("encrypted", ENCRYPTED, "nobody can use it without its passphrase"));
    }

    /// The severity of a secret with these facts: nobody gets far with an encrypted key.
    #[must_use]
    pub fn severity(&self, of_rule: Severity) -> Severity {
        if self.is_encrypted { of_rule.min(Severity::Medium) } else { of_rule }
    }
}

/// Runs a rule's check; without one there are no facts.
///
/// # Errors
/// Why a real secret could not look like this.
pub fn verify(rule: &Rule, claim: &Claim<'_>) -> Result<Facts, Failure> {
    let secret = claim.secret;
    match rule.checksum {
        None => Ok(Facts::default()),
        Some(Checksum::Crc32Base62) => crc::base62(secret),
        Some(Checksum::Crc32Base36) => crc::base36(secret),
        Some(Checksum::Crc32HexLe) => crc::hex_little_endian(secret),
        Some(Checksum::Bech32) => crc::bech32(secret),
        Some(Checksum::Nkey) => crc::nkey(secret),
        Some(Checksum::Base64) => account::base64(secret, rule.decoded_bytes),
        Some(Checksum::Jwt) => jwt::verify(secret),
        Some(Checksum::Pem) => private_key::verify(secret),
        Some(Checksum::Pgp) => pgp::verify(secret),
        Some(Checksum::Putty) => putty::verify(secret),
        Some(Checksum::Connection) => connection::verify(claim),
        Some(Checksum::AwsKeyId) => account::aws(claim),
        Some(Checksum::GcpServiceAccount) => account::gcp(claim),
        Some(Checksum::Discord) => account::discord(secret),
        Some(Checksum::JfrogReference) => account::jfrog(secret),
        Some(Checksum::AtlassianPat) => account::atlassian(secret),
    }
}

/// The form by which a secret is known wherever it stands, if it stands there in another: keys are broken into lines,
/// indented and escaped in many ways.
#[must_use]
pub fn known_form(rule: &Rule, secret: &[u8]) -> Option<Secret> {
    match rule.checksum {
        Some(Checksum::Pem) => {
            let form = armor::private_keys(secret).into_iter().next();
            form.filter(|form| form.as_bytes() != secret).map(|form| Secret::new(form.as_bytes()))
        }
        _ => None,
    }
}

/// Does a failure say that nobody issued this secret? A connection string without a host may hold a password all the same, and
/// what isn't base64 may be one.
pub(super) fn refutes(checksum: Checksum) -> bool {
    match checksum {
        Checksum::Crc32Base62
        | Checksum::Crc32Base36
        | Checksum::Crc32HexLe
        | Checksum::Bech32
        | Checksum::Nkey
        | Checksum::Jwt
        | Checksum::JfrogReference
        | Checksum::AtlassianPat => true,
        Checksum::Base64
        | Checksum::Pem
        | Checksum::Pgp
        | Checksum::Putty
        | Checksum::Connection
        | Checksum::AwsKeyId
        | Checksum::GcpServiceAccount
        | Checksum::Discord => false,
    }
}

/// How far beyond a match its check looks, to either side.
pub(super) fn reach(checksum: Checksum) -> usize {
    match checksum {
        Checksum::Connection => connection::MAX,
        Checksum::GcpServiceAccount => account::JSON_REACH,
        _ => 0,
    }
}

/// What `{{checksum}}` stands for in a sample: the tail that makes `partial` pass its check, empty for checks without
/// a tail.
#[must_use]
pub fn tail(checksum: Option<Checksum>, partial: &[u8]) -> Vec<u8> {
    match checksum {
        Some(Checksum::Crc32Base62) => crc::base62_tail(partial),
        Some(Checksum::Crc32Base36) => crc::base36_tail(partial),
        Some(Checksum::Crc32HexLe) => crc::hex_little_endian_tail(partial),
        Some(Checksum::Bech32) => crc::bech32_tail(partial),
        Some(Checksum::Nkey) => crc::nkey_tail(partial),
        _ => Vec::new(),
    }
}
