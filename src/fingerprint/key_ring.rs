use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    Fingerprinter,
    canonical::{Domain, canonical_forms, is_guessable},
    private_key, verifier,
};
use crate::model::{
    Secret,
    identity::{CredentialFp, FpScheme},
};

/// Memory of Argon2id in KiB, and passes: RFC 9106's second choice has 64 MiB and 3; this is OWASP's 19 MiB and 2, for a
/// scan meets hundreds of values.
const ARGON2_KIB: u32 = 19 * 1024;
const ARGON2_PASSES: u32 = 2;

/// Most keys in a ring: each password costs one Argon2id per key.
const MAX_KEYS: usize = 8;

/// The keys of fingerprints: the current one, and older ones, which are only compared with.
///
/// Keys are replaced by putting a new one in front. What was fingerprinted under an older one still matches until the
/// secrets were read again; then the old key can be taken out.
pub struct KeyRing {
    keys: Vec<[u8; 32]>,
}

/// Why keys can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there is no key")]
    Empty,
    /// A line is no key.
    #[error("line {line} is not 64 hexadecimal digits (try `openssl rand -hex 32`)")]
    NotAKey {
        /// The line, 1-based.
        line: usize,
    },
    /// There are more than a ring takes.
    #[error("there are more than {MAX_KEYS} keys: take out the oldest")]
    TooMany,
}

impl KeyRing {
    /// A ring of one key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> KeyRing {
        KeyRing { keys: vec![key] }
    }

    /// Reads keys of 64 hexadecimal digits, one per line (or separated by commas), the current one first. Empty lines and
    /// lines that begin with `#` are passed by.
    ///
    /// # Errors
    /// If there is no key, something else, or more than eight.
    pub fn parse(text: &str) -> Result<KeyRing, KeyError> {
        let mut keys: Vec<[u8; 32]> = Vec::new();
        for (index, line) in text.split(['\n', ',']).enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(line.as_bytes()).unwrap_or_default();
            let key = bytes.as_slice().try_into().map_err(|_| KeyError::NotAKey { line: index + 1 });
            bytes.zeroize();
            keys.push(key?);
        }
        match keys.len() {
            0 => Err(KeyError::Empty),
            1..=MAX_KEYS => Ok(KeyRing { keys }),
            _ => Err(KeyError::TooMany),
        }
    }

    /// Bytes of the current key.
    #[must_use]
    pub fn current(&self) -> [u8; 32] {
        self.keys[0]
    }

    /// Names of the keys, the current one first. A name says nothing about its key.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(id_of).collect()
    }

    /// Fingerprints of a secret under every key: what a leaked secret is to be looked up by. As
    /// [`Fingerprinter::fingerprints`], several times.
    #[must_use]
    pub fn all_fingerprints(&self, secret: &Secret) -> Vec<CredentialFp> {
        let mut all: Vec<_> = self.keys.iter().flat_map(|key| fingerprints(key, secret)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Fingerprints under every key of what Redis would keep of a password: it has no salt, so it can be looked up. One for each
    /// canonical form.
    #[must_use]
    pub fn redis_fingerprints(&self, secret: &Secret) -> Vec<CredentialFp> {
        let mut all: Vec<_> = self.keys.iter().flat_map(|key| verifier::of_redis(key, secret)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The key of this name.
    pub(super) fn by_id(&self, id: &str) -> Option<&[u8; 32]> {
        self.keys.iter().find(|key| id_of(key) == id)
    }
}

impl Fingerprinter for KeyRing {
    fn fingerprints(&self, secret: &Secret) -> Vec<CredentialFp> {
        fingerprints(&self.keys[0], secret)
    }

    fn of_verifier(&self, user: &str, verifier: &Secret) -> Option<CredentialFp> {
        verifier::fingerprint(&self.keys[0], user, verifier)
    }
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({})", self.ids().join(", "))
    }
}

/// The name of a key: the same that findings' fingerprints give it.
pub(super) fn id_of(key: &[u8; 32]) -> String {
    blake3::keyed_hash(key, b"unleak fingerprint key id v1").to_hex()[..8].to_owned()
}

/// HMAC-SHA-256 over `unleak credential`, the domain and the parts, each ended by a zero byte but the last.
pub(super) fn digest(key: &[u8; 32], domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"unleak credential\0");
    mac.update(domain.as_bytes());
    for part in parts {
        mac.update(b"\0");
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn fingerprints(key: &[u8; 32], secret: &Secret) -> Vec<CredentialFp> {
    let mut found = Vec::new();
    for form in canonical_forms(secret.expose()) {
        let public = private_key::public_key_fingerprints(&form);
        if public.is_empty() {
            found.push(keyed(key, &form));
        }
        found.extend(public);
    }
    found.sort();
    found.dedup();
    found
}

fn keyed(key: &[u8; 32], form: &[u8]) -> CredentialFp {
    let value = if is_guessable(form) {
        let stretched = stretch(key, form);
        digest(key, Domain::Password.as_str(), &[stretched.as_slice()])
    } else {
        digest(key, Domain::Token.as_str(), &[form])
    };
    CredentialFp { scheme: FpScheme::V1, key_id: id_of(key), value: data_encoding::HEXLOWER.encode(&value) }
}

/// Argon2id with a salt that is the key's own: equal values must come out equal, under one key and no other.
fn stretch(key: &[u8; 32], form: &[u8]) -> Zeroizing<[u8; 32]> {
    let salt = digest(key, "salt", &[]);
    let params = Params::new(ARGON2_KIB, ARGON2_PASSES, 1, Some(32)).expect("constants within the limits");
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(form, &salt[..16], out.as_mut_slice())
        .expect("a value of at most 64 KiB and a salt of 16 bytes");
    out
}

#[cfg(test)]
mod tests {
    use super::{Fingerprinter, KeyError, KeyRing};
    use crate::model::Secret;

    fn ring(byte: u8) -> KeyRing {
        KeyRing::new([byte; 32])
    }

    #[test]
    fn keys_are_read_the_current_one_first() {
        let text = format!("# today's\n{}\n\n{}\n", "01".repeat(32), "02".repeat(32));
        let keys = KeyRing::parse(&text).unwrap();
        assert_eq!(keys.ids(), [ring(1).ids(), ring(2).ids()].concat());
        assert_eq!(KeyRing::parse("\n#\n").unwrap_err(), KeyError::Empty);
        assert_eq!(KeyRing::parse("01").unwrap_err(), KeyError::NotAKey { line: 1 });
        assert_eq!(KeyRing::parse(&format!("{}\n", "03".repeat(32)).repeat(9)).unwrap_err(), KeyError::TooMany);
    }

    #[test]
    fn older_keys_still_match() {
        let secret = Secret::new(["tok", "_hQ2vK9mZ4tB7xN1sW6pL3rYc"].concat().as_bytes());
        let old = ring(2).fingerprints(&secret);
        let both = KeyRing::parse(&format!("{},{}", "01".repeat(32), "02".repeat(32))).unwrap();
        assert_ne!(both.fingerprints(&secret), old);
        assert!(old.iter().all(|fp| both.all_fingerprints(&secret).contains(fp)));
    }

    #[test]
    fn notations_share_a_fingerprint_and_keys_dont() {
        let token = ["tok", "_hQ2vK9mZ4tB7xN1sW6pL3rYc"].concat();
        let plain = ring(1).fingerprints(&Secret::new(token.as_bytes()));
        let base64 = ring(1).fingerprints(&Secret::new(data_encoding::BASE64.encode(token.as_bytes()).as_bytes()));
        assert!(plain.iter().all(|fp| base64.contains(fp)));
        assert!(ring(2).fingerprints(&Secret::new(token.as_bytes())).iter().all(|fp| !plain.contains(fp)));
        assert!(!format!("{plain:?}").contains(&token));
    }
}
