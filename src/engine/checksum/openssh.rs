//! Private keys of OpenSSH and of ssh.com. Sources: OpenSSH's PROTOCOL.key, RFC 4253 (section 6.6); ssh.com's format as
//! PuTTY's documentation of its import describes it.

use sha2::{Digest as _, Sha256};

use super::{
    Facts, Failure,
    der::{bits, strip_zeros},
};

const MAGIC: &[u8] = b"openssh-key-v1\0";
const TRUNCATED: Failure = "its body is cut short or not an OpenSSH key";

/// Reads SSH's data types.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn uint(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.uint()? as usize;
        let (string, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(string)
    }
}

/// A string as SSH writes it.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// The fingerprint that `ssh-keygen -l` prints of a public key.
pub(super) fn add_fingerprint(public: &[u8], facts: &mut Facts) {
    let digest = data_encoding::BASE64_NOPAD.encode(&Sha256::digest(public));
    facts.add("ssh-fingerprint", format!("SHA256:{digest}"));
}

/// Type and size of a public key.
pub(super) fn describe_public(public: &[u8], facts: &mut Facts) -> Option<()> {
    let mut reader = Reader(public);
    let kind = reader.string()?;
    facts.add("key-type", kind);
    let size = match kind {
        b"ssh-rsa" => {
            reader.string()?;
            bits(strip_zeros(reader.string()?))
        }
        b"ssh-dss" => bits(strip_zeros(reader.string()?)),
        b"ssh-ed25519" => 256,
        _ => 0,
    };
    if size > 0 {
        facts.add("bits", size.to_string());
    }
    add_fingerprint(public, facts);
    Some(())
}

/// Checks the body of an OpenSSH key.
pub(super) fn verify(body: &[u8]) -> Result<Facts, Failure> {
    let mut facts = Facts::proven();
    let mut reader = Reader(body.strip_prefix(MAGIC).ok_or("its body is not an OpenSSH key")?);
    let (public, cipher, private) = outer(&mut reader).ok_or(TRUNCATED)?;
    describe_public(public, &mut facts).ok_or(TRUNCATED)?;
    let block = if cipher.starts_with(b"aes") { 16 } else { 8 };
    if private.len() < 32 || !private.len().is_multiple_of(block) {
        return Err("its private part is not made of whole blocks");
    }
    if cipher != b"none" {
        facts.encrypted_with(&String::from_utf8_lossy(cipher));
        return Ok(facts);
    }
    let comment = inner(private, public).ok_or("its private part does not fit its public part")?;
    facts.add("comment", comment);
    Ok(facts)
}

/// Public key, cipher, private part.
fn outer<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    let cipher = reader.string()?;
    reader.string()?;
    reader.string()?;
    let count = reader.uint()?;
    let public = reader.string()?;
    let private = reader.string()?;
    (count == 1).then_some((public, cipher, private))
}

/// The comment at the end of an unencrypted private part, whose first two numbers are equal and whose key is of the
/// public key's type.
fn inner<'a>(private: &'a [u8], public: &[u8]) -> Option<&'a [u8]> {
    let mut reader = Reader(private);
    let is_decrypted = reader.uint()? == reader.uint()?;
    let kind = reader.string()?;
    if !is_decrypted || Some(kind) != Reader(public).string() {
        return None;
    }
    // The private numbers of each type, then the comment, then padding 1, 2, 3, …
    let numbers = match kind {
        b"ssh-rsa" => 6,
        b"ssh-dss" => 5,
        b"ssh-ed25519" => 2,
        kind if kind.starts_with(b"ecdsa-") => 3,
        _ => return Some(b""),
    };
    for _ in 0..numbers {
        reader.string()?;
    }
    let comment = reader.string()?;
    let is_padding = reader.0.iter().zip(1..).all(|(byte, expected): (_, u8)| *byte == expected);
    is_padding.then_some(comment)
}

/// Checks the body of an ssh.com key: magic number, length, type, cipher, key.
pub(super) fn verify_ssh2(body: &[u8]) -> Result<Facts, Failure> {
    let fields = |reader: &mut Reader<'_>| {
        let is_ours = reader.uint()? == 0x3f6f_f9eb;
        let len = reader.uint()? as usize;
        let kind = String::from_utf8_lossy(reader.string()?).into_owned();
        let cipher = String::from_utf8_lossy(reader.string()?).into_owned();
        let key = reader.string()?;
        (is_ours && len <= body.len() && key.len() >= 32).then_some((kind, cipher))
    };
    let (kind, cipher) = fields(&mut Reader(body)).ok_or("its body is cut short or not an ssh.com key")?;
    let mut facts = Facts::proven();
    facts.add("key-type", if kind.contains("rsa") { "ssh-rsa" } else { "ssh-dss" });
    if cipher != "none" {
        facts.encrypted_with(&cipher);
    }
    Ok(facts)
}
