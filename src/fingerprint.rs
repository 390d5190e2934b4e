//! Fingerprints of credentials: how a leaked secret is compared with an inventory that doesn't hold it.
//!
//! A fingerprint is HMAC-SHA-256 under a key that the user keeps, over the secret in a *canonical form*, so that a token
//! is known in quotes, percent-encoded or in base64. Digests are separated by [`Domain`]: equal bytes of different sort
//! have unrelated fingerprints. A secret that could be guessed passes Argon2id first, because whoever steals the key along
//! with fingerprints can otherwise try billions of guesses a second. Of keys and certificates the fingerprint is that of
//! the public key, which needs no secrecy.
//!
//! Both sides, the scan and the collector beside a vault, work out all of it from the value alone: nobody has to agree on
//! a type first. `docs/inventory.md` has the exact bytes.

mod canonical;
mod der;
mod key_ring;
mod private_key;
mod verifier;

pub use canonical::{Domain, canonical_forms, is_guessable};
pub use key_ring::{KeyError, KeyRing};
pub use private_key::{public_key_fingerprints, spki_fingerprint};
pub use verifier::{github_hash, matches_verifier, postgres_verifier, redis_hash};

use crate::model::{Secret, identity::CredentialFp};

/// Makes fingerprints where a secret is met: a reader of exports has one and needs to know nothing else.
pub trait Fingerprinter {
    /// All fingerprints of a secret under the current key; sorted, without duplicates. Empty if it is empty, or larger
    /// than a credential can be.
    fn fingerprints(&self, secret: &Secret) -> Vec<CredentialFp>;

    /// A fingerprint of a verifier (what a database keeps of a password), of which nothing can be guessed without the
    /// key. `None` if it is no verifier of a known kind.
    fn of_verifier(&self, user: &str, verifier: &Secret) -> Option<CredentialFp>;
}
