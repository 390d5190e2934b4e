//! What databases and audit logs keep of a secret. With a verifier of a password guesses can be tested offline, so none is
//! kept as it is: of its last step only a keyed digest is, beside the salt. The server key of SCRAM, with which a server
//! could be played, is dropped.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    KeyRing,
    canonical::canonical_forms,
    key_ring::{digest, id_of},
};
use crate::model::{
    Secret,
    identity::{CredentialFp, FpScheme},
};

/// Most rounds of PBKDF2 that are computed for one comparison: PostgreSQL's default is 4,096.
const MAX_ITERATIONS: u32 = 1_000_000;

/// The parts of PostgreSQL's `SCRAM-SHA-256$iterations:salt$stored:server`.
struct Scram<'v> {
    iterations: u32,
    salt: &'v str,
    stored: Vec<u8>,
}

impl<'v> Scram<'v> {
    fn parse(verifier: &'v str) -> Option<Scram<'v>> {
        let rest = verifier.strip_prefix("SCRAM-SHA-256$")?;
        let (cost, keys) = rest.split_once('$')?;
        let (iterations, salt) = cost.split_once(':')?;
        let iterations = iterations.parse().ok().filter(|iterations| (1..=MAX_ITERATIONS).contains(iterations))?;
        let stored = data_encoding::BASE64.decode(keys.split_once(':')?.0.as_bytes()).ok()?;
        let is_sound = stored.len() == 32 && salt.len() <= 128 && data_encoding::BASE64.decode(salt.as_bytes()).is_ok();
        is_sound.then_some(Scram { iterations, salt, stored })
    }
}

/// See [`Fingerprinter::of_verifier`](super::Fingerprinter::of_verifier).
pub(super) fn fingerprint(key: &[u8; 32], user: &str, verifier: &Secret) -> Option<CredentialFp> {
    let text = std::str::from_utf8(verifier.expose()).ok()?.trim();
    let keyed = |scheme, value| CredentialFp { scheme, key_id: id_of(key), value };
    if let Some(scram) = Scram::parse(text) {
        let tail = scram_digest(key, &scram.stored);
        return Some(keyed(FpScheme::ScramSha256, format!("{}${}${tail}", scram.iterations, scram.salt)));
    }
    if let Some(hex) = text.strip_prefix("md5").filter(|hex| is_hex(hex, 32)) {
        return Some(keyed(FpScheme::PostgresMd5, md5_digest(key, user, &hex.to_ascii_lowercase())));
    }
    let hex = text.strip_prefix('#').unwrap_or(text);
    is_hex(hex, 64).then(|| keyed(FpScheme::RedisSha256, redis_digest(key, &hex.to_ascii_lowercase())))
}

/// See [`KeyRing::redis_fingerprints`].
pub(super) fn of_redis(key: &[u8; 32], secret: &Secret) -> Vec<CredentialFp> {
    let of_form = |form: &[u8]| redis_digest(key, &redis_hash(form));
    let forms = canonical_forms(secret.expose());
    let keyed = |value| CredentialFp { scheme: FpScheme::RedisSha256, key_id: id_of(key), value };
    forms.iter().map(|form| keyed(of_form(form))).collect()
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn scram_digest(key: &[u8; 32], stored: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&digest(key, "scram-sha256", &[stored]))
}

fn redis_digest(key: &[u8; 32], hex: &str) -> String {
    data_encoding::HEXLOWER.encode(&digest(key, "redis-sha256", &[hex.as_bytes()]))
}

/// What PostgreSQL keeps of an old password, without the leading `md5`.
fn md5_hash(password: &[u8], user: &str) -> String {
    let salted = Zeroizing::new([password, user.as_bytes()].concat());
    data_encoding::HEXLOWER.encode(&Md5::digest(&*salted))
}

fn md5_digest(key: &[u8; 32], user: &str, hex: &str) -> String {
    data_encoding::HEXLOWER.encode(&digest(key, "postgres-md5", &[user.as_bytes(), hex.as_bytes()]))
}

/// Fingerprint of what PostgreSQL's `pg_authid.rolpassword` holds for a role: SCRAM-SHA-256 or MD5.
#[must_use]
pub fn postgres_verifier(ring: &KeyRing, role: &str, verifier: &Secret) -> Option<CredentialFp> {
    use super::Fingerprinter as _;
    ring.of_verifier(role, verifier).filter(|fp| fp.scheme != FpScheme::RedisSha256)
}

/// Hash under which Redis would list this password, 64 hexadecimal digits.
#[must_use]
pub fn redis_hash(password: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(password))
}

/// Fingerprint of a token as GitHub's audit log has it (`hashed_token`): base64 of its SHA-256.
#[must_use]
pub fn github_hash(token: &Secret) -> CredentialFp {
    let forms = canonical_forms(token.expose());
    let plain = forms.first().map_or(&[][..], |form| form);
    CredentialFp::public(FpScheme::GithubSha256, &data_encoding::BASE64.encode(&Sha256::digest(plain)))
}

/// Does a secret (any of its canonical forms) fit what an inventory keeps of a verifier, for this user? Costs as many
/// rounds of PBKDF2 as the verifier says, at most a million, per form. Always `false` for other schemes, and where the
/// ring hasn't got the key.
#[must_use]
pub fn matches_verifier(ring: &KeyRing, fp: &CredentialFp, user: &str, secret: &Secret) -> bool {
    let Some(key) = ring.by_id(&fp.key_id) else { return false };
    canonical_forms(secret.expose()).iter().any(|form| match fp.scheme {
        FpScheme::ScramSha256 => matches_scram(key, &fp.value, form).unwrap_or(false),
        FpScheme::RedisSha256 => redis_digest(key, &redis_hash(form)) == fp.value,
        FpScheme::PostgresMd5 => md5_digest(key, user, &md5_hash(form, user)) == fp.value,
        _ => false,
    })
}

fn matches_scram(key: &[u8; 32], value: &str, password: &[u8]) -> Option<bool> {
    let mut parts = value.split('$');
    let (iterations, salt, tail) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    if !(1..=MAX_ITERATIONS).contains(&iterations) {
        return None;
    }
    let salt = data_encoding::BASE64.decode(salt.as_bytes()).ok()?;
    Some(scram_digest(key, &stored_key(password, &salt, iterations)) == tail)
}

/// RFC 5802: `StoredKey` = H(HMAC(PBKDF2(password, salt, i), "Client Key")). Passwords are taken as they are: what SASLprep
/// would change in a machine's password is nothing, as long as it is ASCII.
fn stored_key(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut salted = zeroize::Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, iterations, salted.as_mut_slice()).expect("HMAC takes any key");
    let mut mac = Hmac::<Sha256>::new_from_slice(salted.as_slice()).expect("HMAC takes any key");
    mac.update(b"Client Key");
    Sha256::digest(mac.finalize().into_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{KeyRing, github_hash, matches_verifier, postgres_verifier, redis_hash};
    use crate::{fingerprint::Fingerprinter as _, model::Secret};

    /// RFC 7677's example exchange gives salt and rounds; the verifier is that of its password `pencil`.
    fn pencil() -> Secret {
        let stored =
            super::stored_key(b"pencil", &data_encoding::BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(), 4096);
        let text =
            format!("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==${}:AAAA", data_encoding::BASE64.encode(&stored));
        Secret::new(text.as_bytes())
    }

    #[test]
    fn scram_is_computed_as_in_rfc_7677() {
        // The client's proof of the RFC is ClientKey xor HMAC(StoredKey, AuthMessage): with the right StoredKey it
        // yields a ClientKey whose hash is that StoredKey.
        use hmac::{Hmac, KeyInit as _, Mac as _};
        use sha2::{Digest as _, Sha256};
        let salt = data_encoding::BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let stored = super::stored_key(b"pencil", &salt, 4096);
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let auth =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}");
        let mut mac = Hmac::<Sha256>::new_from_slice(&stored).unwrap();
        mac.update(auth.as_bytes());
        let proof = data_encoding::BASE64.decode(b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client: Vec<u8> = mac.finalize().into_bytes().iter().zip(proof).map(|(a, b)| a ^ b).collect();
        assert_eq!(<[u8; 32]>::from(Sha256::digest(client)), stored);
    }

    #[test]
    fn verifiers_are_matched_and_not_kept() {
        let ring = KeyRing::new([7; 32]);
        let verifier = pencil();
        let fp = postgres_verifier(&ring, "app", &verifier).unwrap();
        let stored = String::from_utf8(verifier.expose().to_vec()).unwrap();
        let stored = stored.split('$').nth(2).unwrap().split(':').next().unwrap().to_owned();
        assert!(!fp.value.contains(&stored), "{fp}");
        assert!(matches_verifier(&ring, &fp, "app", &Secret::new(b"pencil")));
        assert!(matches_verifier(&ring, &fp, "app", &Secret::new(b"postgres://app:pencil@db/x"))); // unleak:allow
        assert!(!matches_verifier(&ring, &fp, "app", &Secret::new(b"pencils")));
        assert!(!matches_verifier(&KeyRing::new([8; 32]), &fp, "app", &Secret::new(b"pencil")));
        let redis = ring.of_verifier("", &Secret::new(format!("#{}", redis_hash(b"pencil")).as_bytes())).unwrap();
        assert!(matches_verifier(&ring, &redis, "", &Secret::new(b"pencil")));
        assert!(ring.of_verifier("", &Secret::new(b"SCRAM-SHA-256$0:x$y:z")).is_none());
    }

    #[test]
    fn md5_verifiers_are_matched() {
        let ring = KeyRing::new([7; 32]);
        // `SELECT md5('pencil' || 'app')`.
        let fp = postgres_verifier(&ring, "app", &Secret::new(b"md506d701b4dd9f7cbb00816251a451b978")).unwrap();
        assert!(matches_verifier(&ring, &fp, "app", &Secret::new(b"pencil")));
        assert!(!matches_verifier(&ring, &fp, "other", &Secret::new(b"pencil")));
    }

    #[test]
    fn github_hashes_are_base64_of_sha_256() {
        assert_eq!(github_hash(&Secret::new(b" abc\n")).value, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
