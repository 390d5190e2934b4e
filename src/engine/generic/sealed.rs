//! Hashes, ciphertext and public keys: what stands for a secret and doesn't give it away.

use super::parts::{AnyOf, Starts};

/// Is it one of those?
pub(super) fn is_sealed(value: &[u8]) -> bool {
    SEALED.any(value)
        || has_hash(value)
        || is_tagged_hash(value)
        || is_address(value)
        || is_public_der(value)
        || is_sealed_message(value)
        || value.len() > 60 && LONG_SEALED.any(value)
}

/// Has it the hash of a password in it?
pub(super) fn has_hash(value: &[u8]) -> bool {
    HASH_PARTS.is_in(value)
}

/// `sha256:…`, `{SSHA}…`, `$2b$…`: a hash that says which.
fn is_tagged_hash(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"\\\"").unwrap_or(value);
    match value {
        // What PostgreSQL and MySQL store.
        [b'm', b'd', b'5', hex @ ..] => hex.len() == 32 && hex.iter().all(u8::is_ascii_hexdigit),
        [b'*', hex @ ..] => hex.len() == 40 && hex.iter().all(u8::is_ascii_hexdigit),
        [b'$', rest @ ..] => {
            memchr::memchr(b'$', &rest[..rest.len().min(16)]).is_some_and(|at| at > 0) && value.len() > 20
        }
        [b'{', rest @ ..] => {
            memchr::memchr(b'}', &rest[..rest.len().min(16)]).is_some_and(|at| at > 2) && value.len() > 20
        }
        _ => false,
    }
}

/// `0x` and 40 hexadecimal digits: an account of a block chain.
fn is_address(value: &[u8]) -> bool {
    value.len() == 42 && value.starts_with(b"0x") && value[2..].iter().all(u8::is_ascii_hexdigit)
}

/// Base64 of a certificate or public key. What begins with a version number (`IB`) is a private one.
fn is_public_der(value: &[u8]) -> bool {
    let is_short = ["MFkwEwYH", "MHYwEAYH", "MCowBQYDK2V"].iter().any(|start| value.starts_with(start.as_bytes()));
    let is_long = value.starts_with(b"MII") && value.get(6..8) != Some(b"IB")
        || value.starts_with(b"MIG") && value.get(4..8) == Some(b"MA0G");
    // Those of RSA say so in their first bytes, of which the key is cut.
    let is_rsa =
        ["MIGfMA0GCSqGSIb3DQEB", "MIIBIjANBgkqhkiG9w0B"].iter().any(|start| value.starts_with(start.as_bytes()));
    is_rsa || value.len() > 55 && (is_short || is_long)
}

/// `base64--base64--base64==`: what Rails encrypts. `2.base64|base64|base64`: what Bitwarden does.
fn is_sealed_message(value: &[u8]) -> bool {
    let is_of_rails = value.ends_with(b"==") && memchr::memmem::find_iter(value, b"--").count() == 2;
    let is_of_bitwarden = || value.starts_with(b"2.") && memchr::memchr_iter(b'|', value).count() == 2;
    value.len() > 40 && (is_of_rails || is_of_bitwarden())
}

#[rustfmt::skip]
static SEALED: Starts = Starts::new(&[
    "pk_live_", "pk_test_", "pk.eyJ", "xpub",
    "ENC[", "ENC(", "<enc", "$ANSIBLE_VAULT", "vault:v1:", "ssh-rsa", "ssh-ed25519", "ssh-dss", "ecdsa-sha2", "sha1-",
    "sha256-", "sha384-", "sha512-", "sha1:", "sha256:", "sha512:", "md5:", "SHA1:", "SHA256:", "SHA512:", "MD5:",
    "AAAAB3NzaC1yc2E", "AAAAB3NzaC1kc3M", "AAAAC3NzaC1lZDI1NTE5", "AAAAE2VjZHNh", "pbkdf2", "scrypt:", "bcrypt", "argon2",
    "SCRAM-SHA", "AQAAAAEAA", "AQAAAAIAA", "-----BEGIN PUBLIC", "-----BEGIN CERT", "-----BEGIN RSA PUBLIC", "age1", "-----BEGIN PGP", "crypt:",
    "!!binary", "HMACSHA", "1:sha", "0x0", "AQIAAA5mAAAA",
]);
/// What a long value begins with that is ciphertext or a public key.
static LONG_SEALED: Starts = Starts::new(&["AQICAH", "CiQA", "AgA", "AgB", "AAAA"]);
/// What stands between a user's name and the hash of a password.
static HASH_PARTS: AnyOf =
    AnyOf::new(&["$2a$", "$2b$", "$2y$", "$apr1$", ":$1$", ":$5$", ":$6$", ":{SHA}", "sha1$", "md5$"]);
