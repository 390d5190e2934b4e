//! OpenPGP's private keys. Source: RFC 9580 (packets: section 4.2, secret keys: 5.5.3, armor: 6).

use sha1::{Digest as _, Sha1};

use super::{Facts, Failure, armor};

const CUT: Failure = "its packets are cut short";

/// Checks an armored key.
pub(super) fn verify(secret: &[u8]) -> Result<Facts, Failure> {
    let text = String::from_utf8_lossy(secret);
    let armor = armor::parse(&text)?;
    if let Some(checksum) = &armor.checksum {
        let expected = data_encoding::BASE64_NOPAD.encode(&crc24(&armor.body).to_be_bytes()[1..]);
        if expected != *checksum {
            return Err("its checksum is wrong");
        }
    }
    let mut packets = Packets(&armor.body);
    let (tag, key) = packets.next().ok_or(CUT)?;
    if tag != 5 {
        return Err("its first packet is not a private key");
    }
    let mut facts = Facts::proven();
    describe_key(key, &mut facts).ok_or(CUT)?;
    while !packets.0.is_empty() {
        let (tag, content) = packets.next().ok_or(CUT)?;
        if tag == 13 && !facts.attributes.contains_key("user") {
            facts.add("user", content);
        }
    }
    Ok(facts)
}

/// CRC-24 of section 6.1.
fn crc24(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(0x00b7_04ce, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ 0x0186_4cfb }
        })
    });
    crc & 0x00ff_ffff
}

struct Packets<'a>(&'a [u8]);

impl<'a> Packets<'a> {
    /// Tag and content of the next packet; `None` where its length is wrong.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&head, rest) = self.0.split_first()?;
        let (tag, len, rest) = match head {
            0xc0.. => {
                let (len, rest) = new_length(rest)?;
                (head & 0x3f, len, rest)
            }
            0x80..0xc0 => {
                let (len, rest) = old_length(head & 3, rest)?;
                (head >> 2 & 0x0f, len, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }
}

fn new_length(rest: &[u8]) -> Option<(usize, &[u8])> {
    match *rest {
        [one @ 0..=191, ref rest @ ..] => Some((usize::from(one), rest)),
        [first @ 192..=223, second, ref rest @ ..] => {
            Some((((usize::from(first) - 192) << 8) + usize::from(second) + 192, rest))
        }
        [255, a, b, c, d, ref rest @ ..] => Some((u32::from_be_bytes([a, b, c, d]) as usize, rest)),
        // Lengths in parts are for data, not for keys.
        _ => None,
    }
}

fn old_length(kind: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    let (digits, rest) = rest.split_at_checked(match kind {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return Some((rest.len(), rest)),
    })?;
    Some((digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest))
}

/// What a secret key packet says: algorithm, size, whether it is encrypted; of version 4 its fingerprint, too.
fn describe_key(key: &[u8], facts: &mut Facts) -> Option<()> {
    let version = *key.first()?;
    let algorithm = *key.get(5)?;
    let name = match algorithm {
        1..=3 => "RSA",
        16 => "Elgamal",
        17 => "DSA",
        18 => "ECDH",
        19 => "ECDSA",
        22 | 27 => "Ed25519",
        25 => "X25519",
        26 => "X448",
        28 => "Ed448",
        _ => "other",
    };
    facts.add("key-type", name);
    if version != 4 {
        // Versions 3, 5 and 6 are rare; their layouts differ behind the algorithm.
        return (matches!(version, 3 | 5 | 6) && key.len() >= 40).then_some(());
    }
    let public = public_len(algorithm, key.get(6..)?)? + 6;
    let usage = *key.get(public)?;
    if algorithm <= 3 {
        facts.add("bits", u16::from_be_bytes([*key.get(6)?, *key.get(7)?]).to_string());
    }
    let mut hasher = Sha1::new();
    hasher.update([0x99]);
    hasher.update(u16::try_from(public).ok()?.to_be_bytes());
    hasher.update(&key[..public]);
    facts.add("fingerprint", data_encoding::HEXUPPER.encode(&hasher.finalize()));
    let secret = key.len() - public - 1;
    if usage != 0 {
        facts.encrypted_with("OpenPGP passphrase");
    }
    // What is encrypted has a cipher, a derivation and 20 bytes of hash; what is not, a number and its checksum.
    (secret >= if usage == 0 { 4 } else { 22 }).then_some(())
}

/// Bytes of the public numbers.
fn public_len(algorithm: u8, fields: &[u8]) -> Option<usize> {
    let oid = |fields: &[u8]| fields.first().map(|len| usize::from(*len) + 1);
    match algorithm {
        1..=3 => numbers_len(fields, 2),
        16 => numbers_len(fields, 3),
        17 => numbers_len(fields, 4),
        18 => {
            let start = oid(fields)?;
            let point = start + numbers_len(fields.get(start..)?, 1)?;
            Some(point + usize::from(*fields.get(point)?) + 1)
        }
        19 | 22 => {
            let start = oid(fields)?;
            Some(start + numbers_len(fields.get(start..)?, 1)?)
        }
        25 | 27 => Some(32),
        26 => Some(56),
        28 => Some(57),
        _ => None,
    }
}

/// Bytes of so many numbers, each behind its length in bits.
fn numbers_len(fields: &[u8], count: usize) -> Option<usize> {
    (0..count).try_fold(0, |at, _| {
        let bits = u16::from_be_bytes([*fields.get(at)?, *fields.get(at + 1)?]);
        let end = at + 2 + usize::from(bits).div_ceil(8);
        (bits > 0 && end <= fields.len()).then_some(end)
    })
}

#[cfg(test)]
mod tests {
    use super::crc24;

    #[test]
    fn the_crc_is_that_of_the_standard() {
        assert_eq!(crc24(b"123456789"), 0x21_cf02);
    }
}
