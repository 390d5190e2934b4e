//! Signatures of webhooks, as Standard Webhooks 1.0 has them: HMAC-SHA-256 over `id.timestamp.body`.
//!
//! Source: the specification at <https://www.standardwebhooks.com>, section "Signature scheme".

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Why a signing key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// It doesn't begin with `whsec_`.
    #[error("a signing key begins with `whsec_`")]
    Prefix,
    /// What follows is no base64.
    #[error("what follows `whsec_` is no base64")]
    Encoding,
    /// Too short or too long.
    #[error("a signing key has 24 to 64 bytes")]
    Length,
}

/// A key shared with the receiver.
#[derive(Clone)]
pub struct SigningKey(Zeroizing<Vec<u8>>);

impl SigningKey {
    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<SigningKey, SigningKeyError> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(SigningKeyError::Prefix)?;
        let bytes = data_encoding::BASE64.decode(encoded.as_bytes()).map_err(|_| SigningKeyError::Encoding)?;
        let bytes = Zeroizing::new(bytes);
        if (24..=64).contains(&bytes.len()) { Ok(SigningKey(bytes)) } else { Err(SigningKeyError::Length) }
    }

    /// The value of the header `webhook-signature`: `v1,` and base64.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", data_encoding::BASE64.encode(&mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

/// Signs with every key, so that a receiver may hold the old or the new one while keys change.
#[must_use]
pub fn sign_with_all(keys: &[SigningKey], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, timestamp_s, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{SigningKey, SigningKeyError, sign_with_all};

    fn key(byte: u8) -> String {
        format!("whsec_{}", data_encoding::BASE64.encode(&[byte; 24]))
    }

    #[test]
    fn keys_are_checked_and_never_printed() {
        assert!(matches!(SigningKey::parse("secret"), Err(SigningKeyError::Prefix)));
        assert!(matches!(SigningKey::parse("whsec_!"), Err(SigningKeyError::Encoding)));
        assert!(matches!(SigningKey::parse("whsec_AAAA"), Err(SigningKeyError::Length)));
        assert_eq!(format!("{:?}", SigningKey::parse(&key(1)).unwrap()), "SigningKey([redacted])");
    }

    #[test]
    fn every_part_counts_and_several_keys_sign_side_by_side() {
        let one = SigningKey::parse(&key(1)).unwrap();
        let signature = one.sign("msg", 1, b"{}");
        for other in [one.sign("msh", 1, b"{}"), one.sign("msg", 2, b"{}"), one.sign("msg", 1, b"{ }")] {
            assert_ne!(other, signature);
        }
        let two = SigningKey::parse(&key(2)).unwrap();
        let both = sign_with_all(&[one.clone(), two.clone()], "msg", 1, b"{}");
        assert_eq!(both, format!("{signature} {}", two.sign("msg", 1, b"{}")));
    }
}
