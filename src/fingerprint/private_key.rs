//! From private keys, certificates and public keys to fingerprints of the public key, which is the same for all three.

use sha2::{Digest as _, Sha256};

use super::der::{BIT_STRING, INTEGER, NULL, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE, element};
use crate::{
    decode::armor::{self, Armor},
    model::identity::{CredentialFp, FpScheme},
};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Most PEM blocks of one text that are looked at.
const MAX_BLOCKS: usize = 64;

/// Public-key fingerprints of a text that is, or holds, keys: PEM of any kind (private, public, certificate, OpenSSH) in any
/// notation (JSON, environment files, string literals), or an SSH public key. Sorted, without duplicates; empty for all else,
/// and for encrypted keys that don't show their public part.
#[must_use]
pub fn public_key_fingerprints(text: &[u8]) -> Vec<CredentialFp> {
    let mut found = Vec::new();
    let Ok(text) = std::str::from_utf8(text) else { return found };
    if let Some(blob) = ssh_blob(text.trim()) {
        of_ssh(&blob, &mut found);
    }
    armor::blocks(text).take(MAX_BLOCKS).for_each(|block| of_block(&block, &mut found));
    found.sort();
    found.dedup();
    found
}

/// Fingerprint of a SubjectPublicKeyInfo in DER.
#[must_use]
pub fn spki_fingerprint(spki: &[u8]) -> CredentialFp {
    CredentialFp::public(FpScheme::SpkiSha256, &data_encoding::HEXLOWER.encode(&Sha256::digest(spki)))
}

fn of_block(block: &Armor<'_>, found: &mut Vec<CredentialFp>) {
    if !block.headers.is_empty() {
        // An encrypted key of the old kind.
        return;
    }
    let der = &*block.body;
    let spki = match block.label {
        "OPENSSH PRIVATE KEY" => {
            openssh_public(der).into_iter().for_each(|blob| of_ssh(blob, found));
            None
        }
        "RSA PRIVATE KEY" => rsa_spki(der),
        "EC PRIVATE KEY" => ec_spki(der, None),
        "PRIVATE KEY" => pkcs8_spki(der),
        "PUBLIC KEY" => Some(der.clone()),
        "CERTIFICATE" => {
            let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(der));
            found.push(CredentialFp::public(FpScheme::CertSha256, &digest));
            certificate_spki(der)
        }
        _ => None,
    };
    if let Some(spki) = spki {
        found.push(spki_fingerprint(&spki));
        if block.label != "CERTIFICATE" {
            found.extend(ssh_of_spki(&spki));
        }
    }
}

fn certificate_spki(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

fn spki(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[&element(OBJECT_ID, algorithm), parameters].concat());
    let key = element(BIT_STRING, &[&[0], key].concat());
    element(SEQUENCE, &[algorithm, key].concat())
}

fn rsa_public(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[element(INTEGER, modulus), element(INTEGER, exponent)].concat());
    spki(RSA, &element(NULL, &[]), &key)
}

fn ec_public(curve: &[u8], point: &[u8]) -> Vec<u8> {
    spki(EC, &element(OBJECT_ID, curve), point)
}

/// PKCS #1: version, modulus, public exponent, ….
fn rsa_spki(der: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Reader::new(Reader::new(der).take(SEQUENCE)?);
    fields.take(INTEGER)?;
    Some(rsa_public(fields.take(INTEGER)?, fields.take(INTEGER)?))
}

/// SEC 1: version, private key, `[0]` curve, `[1]` public key. The curve may stand outside.
fn ec_spki(der: &[u8], curve: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut fields = Reader::new(Reader::new(der).take(SEQUENCE)?);
    fields.take(INTEGER)?;
    fields.take(OCTET_STRING)?;
    let (mut curve, mut point) = (curve, None);
    while let Some((tag, content)) = fields.next() {
        match tag {
            0xa0 => curve = Reader::new(content).take(OBJECT_ID),
            0xa1 => point = Reader::new(content).take(BIT_STRING).and_then(|bits| bits.strip_prefix(&[0])),
            _ => {}
        }
    }
    Some(ec_public(curve?, point?))
}

/// PKCS #8: version, algorithm, private key in an octet string.
fn pkcs8_spki(der: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Reader::new(Reader::new(der).take(SEQUENCE)?);
    fields.take(INTEGER)?;
    let mut algorithm = Reader::new(fields.take(SEQUENCE)?);
    let key = fields.take(OCTET_STRING)?;
    match algorithm.take(OBJECT_ID)? {
        RSA => rsa_spki(key),
        EC => ec_spki(key, algorithm.take(OBJECT_ID)),
        ED25519 => {
            let seed: &[u8; 32] = Reader::new(key).take(OCTET_STRING)?.try_into().ok()?;
            let public = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
            Some(spki(ED25519, &[], public.as_bytes()))
        }
        _ => None,
    }
}

/// The key of a line `type base64 comment`.
fn ssh_blob(line: &str) -> Option<Vec<u8>> {
    let mut words = line.split_ascii_whitespace();
    let (kind, base64) = (words.next()?, words.next()?);
    let blob = data_encoding::BASE64.decode(base64.as_bytes()).ok()?;
    let says_kind = ssh_strings(&blob).next()? == kind.as_bytes();
    says_kind.then_some(blob)
}

/// The public key in a file of OpenSSH (PROTOCOL.key): it stands in clear before the private part, encrypted or not.
fn openssh_public(file: &[u8]) -> Option<&[u8]> {
    let rest = file.strip_prefix(b"openssh-key-v1\0")?;
    let mut strings = ssh_strings(rest);
    // Cipher, key derivation and its options; then the number of keys, and the first of them.
    let head: usize = strings.by_ref().take(3).map(|string| string.len() + 4).sum();
    let after = rest.get(head + 4..)?;
    ssh_strings(after).next()
}

/// Strings with their length before them, up to the first that is cut off.
fn ssh_strings(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_at_checked(4)?;
        let len = u32::from_be_bytes(len.try_into().expect("four bytes"));
        let (string, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        bytes = rest;
        Some(string)
    })
}

fn of_ssh(blob: &[u8], found: &mut Vec<CredentialFp>) {
    let parts: Vec<_> = ssh_strings(blob).collect();
    let Some((kind, parts)) = parts.split_first() else { return };
    found.push(ssh_fingerprint(blob));
    let spki = match (*kind, parts) {
        (b"ssh-rsa", [exponent, modulus, ..]) => Some(rsa_public(modulus, exponent)),
        (b"ssh-ed25519", [key, ..]) => Some(spki(ED25519, &[], key)),
        (b"ecdsa-sha2-nistp256", [_, point, ..]) => Some(ec_public(P256, point)),
        (b"ecdsa-sha2-nistp384", [_, point, ..]) => Some(ec_public(P384, point)),
        (b"ecdsa-sha2-nistp521", [_, point, ..]) => Some(ec_public(P521, point)),
        _ => None,
    };
    found.extend(spki.map(|spki| spki_fingerprint(&spki)));
}

fn ssh_fingerprint(blob: &[u8]) -> CredentialFp {
    let digest = data_encoding::BASE64_NOPAD.encode(&Sha256::digest(blob));
    CredentialFp::public(FpScheme::SshSha256, &format!("SHA256:{digest}"))
}

/// The SSH fingerprint of the same public key: servers and forges list that one.
fn ssh_of_spki(der: &[u8]) -> Option<CredentialFp> {
    let mut fields = Reader::new(Reader::new(der).take(SEQUENCE)?);
    let mut algorithm = Reader::new(fields.take(SEQUENCE)?);
    let bits = fields.take(BIT_STRING)?.strip_prefix(&[0])?;
    let wire = match algorithm.take(OBJECT_ID)? {
        RSA => {
            let mut key = Reader::new(Reader::new(bits).take(SEQUENCE)?);
            let (modulus, exponent) = (key.take(INTEGER)?, key.take(INTEGER)?);
            [ssh_string(b"ssh-rsa"), ssh_string(exponent), ssh_string(modulus)].concat()
        }
        ED25519 => [ssh_string(b"ssh-ed25519"), ssh_string(bits)].concat(),
        EC => {
            let name: &[u8] = match algorithm.take(OBJECT_ID)? {
                P256 => b"nistp256",
                P384 => b"nistp384",
                P521 => b"nistp521",
                _ => return None,
            };
            [ssh_string(&[b"ecdsa-sha2-", name].concat()), ssh_string(name), ssh_string(bits)].concat()
        }
        _ => return None,
    };
    Some(ssh_fingerprint(&wire))
}

fn ssh_string(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&len.to_be_bytes(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::public_key_fingerprints;
    use crate::fingerprint::der::{INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE, element};

    /// An Ed25519 key from a fixed seed, in PKCS #8.
    fn ed25519_pem(seed: u8) -> String {
        let key = element(OCTET_STRING, &element(OCTET_STRING, &[seed; 32]));
        let algorithm = element(SEQUENCE, &element(OBJECT_ID, super::ED25519));
        let der = element(SEQUENCE, &[element(INTEGER, &[0]), algorithm, key].concat());
        let label = ["PRIVATE", "KEY"].join(" ");
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", data_encoding::BASE64.encode(&der))
    }

    #[test]
    fn private_and_public_key_share_fingerprints() {
        let pem = ed25519_pem(5);
        let private = public_key_fingerprints(pem.as_bytes());
        assert_eq!(private.len(), 2, "{private:?}");
        let public = ed25519_dalek::SigningKey::from_bytes(&[5; 32]).verifying_key();
        let key = ssh_key::PublicKey::new(ssh_key::public::Ed25519PublicKey(*public.as_bytes()).into(), "a@b");
        let of_public = public_key_fingerprints(key.to_openssh().unwrap().as_bytes());
        assert_eq!(private, of_public);
        let json = serde_json::json!({ "type": "service_account", "private_key": pem });
        assert_eq!(public_key_fingerprints(json.to_string().as_bytes()), private);
        let escaped = pem.replace('\n', "\\n");
        assert_eq!(public_key_fingerprints(escaped.as_bytes()), private);
        assert_eq!(public_key_fingerprints(escaped.replace('=', "\\u003d").as_bytes()), private);
        let quoted: Vec<_> = pem.lines().map(|line| format!("    \"{line}\\n\" +")).collect();
        assert_eq!(public_key_fingerprints(quoted.join("\n").as_bytes()), private);
        assert_ne!(public_key_fingerprints(ed25519_pem(6).as_bytes()), private);
    }

    #[test]
    fn damaged_keys_have_none() {
        let pem = ed25519_pem(5);
        for end in 0..pem.len() - 30 {
            let _ = public_key_fingerprints(&pem.as_bytes()[..end]);
        }
        assert!(public_key_fingerprints(b"-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----").is_empty());
        assert!(public_key_fingerprints(b"{\"private_key\": 5}").is_empty());
    }
}
