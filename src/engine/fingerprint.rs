use crate::model::{Fingerprint, Secret};

/// The key of the digests by which findings are known. Whoever has it can test guesses against a fingerprint; without
/// it a fingerprint says nothing about the secret.
#[derive(Clone)]
pub struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    /// A key from 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> FingerprintKey {
        FingerprintKey(bytes)
    }

    /// Digest of rule and secret.
    #[must_use]
    pub fn fingerprint(&self, rule_id: &str, secret: &Secret) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"unleak finding v1\0").update(rule_id.as_bytes()).update(b"\0").update(secret.expose());
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Fingerprint(short)
    }

    /// Names the key without giving it away: fingerprints can be compared where this is equal.
    #[must_use]
    pub fn id(&self) -> String {
        blake3::keyed_hash(&self.0, b"unleak fingerprint key id v1").to_hex()[..8].to_owned()
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FingerprintKey({})", self.id())
    }
}
