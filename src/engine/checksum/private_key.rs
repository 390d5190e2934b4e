//! Private keys in PEM: PKCS#1, SEC 1, DSA, PKCS#8, and by their labels OpenSSH's and ssh.com's. Each is parsed with all
//! its lengths: a key that is cut short, a public key and a made-up body are no private key.
//!
//! Sources: RFC 8017 (appendix A.1.2), RFC 5915, RFC 5958, RFC 8410, RFC 1421 (section 4.6).

use sha2::{Digest as _, Sha256};

use super::{
    Facts, Failure,
    armor::{self, Armor},
    der::{BIT_STRING, Der, INTEGER, OCTET_STRING, OID, SEQUENCE, bits, element, strip_zeros, unsigned},
    openssh,
};

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

/// Algorithms whose private key is a string of bytes, and its length.
const EDWARDS: [(&[u8], &str, usize); 4] = [
    (&[0x2b, 0x65, 0x70], "Ed25519", 32),
    (&[0x2b, 0x65, 0x6e], "X25519", 32),
    (&[0x2b, 0x65, 0x71], "Ed448", 57),
    (&[0x2b, 0x65, 0x6f], "X448", 56),
];

/// Other algorithms of PKCS#8.
const OTHERS: [(&[u8], &str); 4] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1], "DSA"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1], "DH"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], "RSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7], "RSA-OAEP"),
];

/// Named curves: object identifier, name, bits.
const CURVES: [(&[u8], &str, usize); 6] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], "P-256", 256),
    (&[0x2b, 0x81, 4, 0, 0x22], "P-384", 384),
    (&[0x2b, 0x81, 4, 0, 0x23], "P-521", 521),
    (&[0x2b, 0x81, 4, 0, 0x0a], "secp256k1", 256),
    (&[0x2b, 0x81, 4, 0, 0x21], "P-224", 224),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1], "P-192", 192),
];

const NO_STRUCTURE: Failure = "its body has not the structure of a private key";
const CUT: Failure = "its body is shorter than its DER header says";

/// Checks a key with its opening and closing line, or its base64 without them.
pub(super) fn verify(secret: &[u8]) -> Result<Facts, Failure> {
    let text = String::from_utf8_lossy(secret);
    if text.contains("BEGIN ") { armored(&text) } else { bare(&text) }
}

/// One run of base64: of the key's DER, as programs keep it in their settings, or of a whole PEM file, as kubeconfig and
/// variables of CI have it.
fn bare(text: &str) -> Result<Facts, Failure> {
    let body = armor::decode(text)?;
    if body.starts_with(b"-----BEGIN ") {
        return armored(&String::from_utf8_lossy(&body));
    }
    let mut facts = Facts::proven();
    let mut der = Der(&body);
    let parsed = if pkcs8_parts(&mut Der(&body)).is_some() {
        pkcs8(&mut der, &mut facts)?
    } else if rsa_numbers(&mut Der(&body)).is_some() {
        rsa(&mut der, &mut facts)?
    } else {
        sec1(&mut der, None, &mut facts)
    };
    parsed.ok_or(if is_cut(&body) { CUT } else { NO_STRUCTURE })?;
    Ok(facts)
}

fn armored(text: &str) -> Result<Facts, Failure> {
    let armor = armor::parse(text)?;
    if armor.header("Proc-Type").is_some_and(|kind| kind.contains("ENCRYPTED")) {
        return encrypted_body(&armor);
    }
    let mut facts = Facts::proven();
    let mut der = Der(&armor.body);
    let parsed = match armor.label {
        "OPENSSH PRIVATE KEY" => return openssh::verify(&armor.body),
        "SSH2 ENCRYPTED PRIVATE KEY" => return openssh::verify_ssh2(&armor.body),
        "RSA PRIVATE KEY" => rsa(&mut der, &mut facts)?,
        "EC PRIVATE KEY" => sec1(&mut der, None, &mut facts),
        "DSA PRIVATE KEY" => dsa(&mut der, &mut facts),
        "ENCRYPTED PRIVATE KEY" => pkcs8_encrypted(&mut der, &mut facts),
        _ => pkcs8(&mut der, &mut facts)?,
    };
    parsed.ok_or_else(|| if is_cut(&armor.body) { CUT } else { NO_STRUCTURE })?;
    Ok(facts)
}

/// Does the outermost element claim more bytes than there are?
fn is_cut(body: &[u8]) -> bool {
    body.first() == Some(&SEQUENCE) && Der(body).next().is_none()
}

/// A body encrypted as a whole says nothing but its cipher; block ciphers leave whole blocks.
fn encrypted_body(armor: &Armor<'_>) -> Result<Facts, Failure> {
    let info = armor.header("DEK-Info").ok_or("it is encrypted, but names no cipher")?;
    let cipher = info.split(',').next().unwrap_or_default();
    let block = if cipher.starts_with("AES") { 16 } else { 8 };
    if armor.body.len() < 32 || !armor.body.len().is_multiple_of(block) {
        return Err("its encrypted body is not made of whole blocks");
    }
    let mut facts = Facts::proven();
    facts.add("key-type", armor.label.split(' ').next().unwrap_or_default());
    facts.encrypted_with(cipher);
    Ok(facts)
}

/// `None` where the structure is wrong.
type Parsed = Option<()>;

/// PKCS#1. Its modulus is the product of its primes: one changed character is noticed.
fn rsa(der: &mut Der<'_>, facts: &mut Facts) -> Result<Parsed, Failure> {
    let Some((modulus, exponent, primes)) = rsa_numbers(der) else { return Ok(None) };
    // A prime near 2^61: a wrong product passes once in 2^61.
    const TEST: u64 = (1 << 61) - 1;
    let [p, q] = primes.map(|prime| u128::from(residue(prime, TEST)));
    if p * q % u128::from(TEST) != u128::from(residue(modulus, TEST)) {
        return Err("its modulus is not the product of its primes: somebody changed it");
    }
    facts.add("key-type", "RSA");
    facts.add("bits", bits(modulus).to_string());
    let key = element(SEQUENCE, &[unsigned(modulus), unsigned(exponent)].concat());
    let algorithm = element(SEQUENCE, &[element(OID, RSA_ENCRYPTION), vec![5, 0]].concat());
    add_spki(&algorithm, &key, facts);
    let parts = [b"ssh-rsa".as_slice(), &mpint(exponent), &mpint(modulus)];
    openssh::add_fingerprint(&parts.map(openssh::string).concat(), facts);
    Ok(Some(()))
}

/// Modulus, public exponent and the two primes.
type RsaNumbers<'a> = (&'a [u8], &'a [u8], [&'a [u8]; 2]);

fn rsa_numbers<'a>(der: &mut Der<'a>) -> Option<RsaNumbers<'a>> {
    let mut fields = der.sequence()?;
    let version = fields.unsigned()?;
    let numbers: Option<Vec<&[u8]>> = (0..8).map(|_| fields.unsigned()).collect();
    let numbers = numbers?;
    let [modulus, exponent, private, p, q, ..] = numbers[..] else { return None };
    let is_sound = version.is_empty() && bits(modulus) >= 256 && !exponent.is_empty() && !private.is_empty();
    is_sound.then_some((modulus, exponent, [p, q]))
}

/// A number modulo another.
fn residue(number: &[u8], modulus: u64) -> u64 {
    let step = |rest: u128, byte: &u8| (rest << 8 | u128::from(*byte)) % u128::from(modulus);
    number.iter().fold(0, step) as u64
}

/// A number as SSH writes it: no leading zeros but one before a high bit.
fn mpint(number: &[u8]) -> Vec<u8> {
    let zero = number.first().is_some_and(|first| first & 0x80 != 0);
    zero.then_some(0).into_iter().chain(number.iter().copied()).collect()
}

/// The digest of the public key, by which certificates name it.
fn add_spki(algorithm: &[u8], public: &[u8], facts: &mut Facts) {
    let bit_string = element(BIT_STRING, &[&[0], public].concat());
    let spki = element(SEQUENCE, &[algorithm, &bit_string].concat());
    facts.add("spki-sha256", data_encoding::HEXLOWER.encode(&Sha256::digest(spki)));
}

/// SEC 1. The curve stands in it, or in the PKCS#8 structure around it.
fn sec1(der: &mut Der<'_>, curve: Option<&[u8]>, facts: &mut Facts) -> Parsed {
    let mut fields = der.sequence()?;
    let version = fields.unsigned()?;
    let private = fields.expect(OCTET_STRING)?;
    if version != [1] || !(14..=72).contains(&private.len()) || strip_zeros(private).is_empty() {
        return None;
    }
    let (mut oid, mut public) = (curve, None);
    while let Some((tag, content)) = fields.next() {
        match tag {
            0xa0 => oid = Some(Der(content).expect(OID)?),
            0xa1 => public = Some(Der(content).expect(BIT_STRING)?.strip_prefix(&[0])?),
            _ => return None,
        }
    }
    if !fields.0.is_empty() {
        return None;
    }
    let known = oid.and_then(|oid| CURVES.iter().find(|(known, ..)| *known == oid));
    facts.add("key-type", known.map_or_else(|| "EC".to_owned(), |(_, name, _)| format!("EC {name}")));
    let size = known.map_or(private.len() * 8, |(.., size)| *size);
    // Curves of known size have keys of that size, and points of twice that.
    if known.is_some() && private.len() > size.div_ceil(8) {
        return None;
    }
    facts.add("bits", size.to_string());
    if let (Some(public), Some((oid, ..))) = (public, known) {
        let algorithm = element(SEQUENCE, &[element(OID, EC_PUBLIC_KEY), element(OID, oid)].concat());
        add_spki(&algorithm, public, facts);
    }
    Some(())
}

/// OpenSSL's form of DSA keys: version, p, q, g, the public and the private key.
fn dsa(der: &mut Der<'_>, facts: &mut Facts) -> Parsed {
    let mut fields = der.sequence()?;
    let version = fields.unsigned()?;
    let numbers: Vec<&[u8]> = (0..5).map(|_| fields.unsigned()).collect::<Option<_>>()?;
    let [p, q, _, public, private] = numbers[..] else { return None };
    if !version.is_empty() || bits(p) < 512 || bits(q) < 140 || bits(private) > bits(q) || public.is_empty() {
        return None;
    }
    facts.add("key-type", "DSA");
    facts.add("bits", bits(p).to_string());
    Some(())
}

/// PKCS#8: the algorithm, and its key in an octet string.
fn pkcs8(der: &mut Der<'_>, facts: &mut Facts) -> Result<Parsed, Failure> {
    let Some((oid, parameters, key)) = pkcs8_parts(der) else { return Ok(None) };
    match oid {
        RSA_ENCRYPTION => return rsa(&mut Der(key), facts),
        EC_PUBLIC_KEY => {
            let curve = Der(parameters).expect(OID);
            return Ok(sec1(&mut Der(key), curve, facts));
        }
        _ => {}
    }
    if let Some((_, name, len)) = EDWARDS.iter().find(|(known, ..)| *known == oid) {
        let is_sound = Der(key).expect(OCTET_STRING).is_some_and(|key| key.len() == *len);
        facts.add("key-type", name);
        facts.add("bits", (len * 8).min(456).to_string());
        return Ok(is_sound.then_some(()));
    }
    let name = OTHERS.iter().find(|(known, _)| *known == oid).map_or("other", |(_, name)| name);
    facts.add("key-type", name);
    let is_sound = Der(key).next().is_some_and(|(tag, _)| matches!(tag, INTEGER | OCTET_STRING | SEQUENCE));
    Ok(is_sound.then_some(()))
}

/// Algorithm, its parameters and the key.
fn pkcs8_parts<'a>(der: &mut Der<'a>) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    let mut fields = der.sequence()?;
    let version = fields.unsigned()?;
    let mut algorithm = fields.sequence()?;
    let oid = algorithm.expect(OID)?;
    let key = fields.expect(OCTET_STRING)?;
    (version.is_empty() || version == [1]).then_some((oid, algorithm.0, key))
}

/// Encrypted PKCS#8: how it was encrypted, and what came of it.
fn pkcs8_encrypted(der: &mut Der<'_>, facts: &mut Facts) -> Parsed {
    let mut fields = der.sequence()?;
    let mut algorithm = fields.sequence()?;
    let oid = algorithm.expect(OID)?;
    let body = fields.expect(OCTET_STRING)?;
    if body.len() < 32 || !body.len().is_multiple_of(8) {
        return None;
    }
    let is_pbes2 = oid == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
    facts.encrypted_with(if is_pbes2 { "PBES2" } else { "PBES1" });
    Some(())
}
