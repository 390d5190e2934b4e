//! Checksums at the end of tokens.

use data_encoding::BASE32_NOPAD;

use super::{Facts, Failure};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// What follows the token's first `_`.
fn after_prefix(token: &[u8]) -> &[u8] {
    token.iter().position(|&byte| byte == b'_').map_or(token, |at| &token[at + 1..])
}

/// Splits off the last `len` bytes and compares them with what `tail` makes of the rest.
fn check(token: &[u8], len: usize, tail: fn(&[u8]) -> Vec<u8>) -> Result<Facts, Failure> {
    let (body, found) = token.split_at_checked(token.len().saturating_sub(len)).ok_or("it is too short")?;
    if tail(body) == found {
        Ok(Facts::proven())
    } else {
        Err("its last characters are not the checksum of the others")
    }
}

fn digits(mut number: u32, alphabet: &[u8], len: usize) -> Vec<u8> {
    let mut digits = vec![alphabet[0]; len];
    let base = alphabet.len() as u32;
    for digit in digits.iter_mut().rev() {
        *digit = alphabet[(number % base) as usize];
        number /= base;
    }
    digits
}

/// CRC-32 (IEEE) of what stands between the first `_` and the last six characters, in base 62.
pub(super) fn base62(token: &[u8]) -> Result<Facts, Failure> {
    check(token, 6, base62_tail)
}

pub(super) fn base62_tail(body: &[u8]) -> Vec<u8> {
    digits(crc32fast::hash(after_prefix(body)), BASE62, 6)
}

/// CRC-32 of everything before, in seven digits of base 36. Source: GitLab's design document on routable tokens.
pub(super) fn base36(token: &[u8]) -> Result<Facts, Failure> {
    check(token, 7, base36_tail)
}

pub(super) fn base36_tail(body: &[u8]) -> Vec<u8> {
    digits(crc32fast::hash(body), BASE36, 7)
}

/// CRC-32 of what stands before the last `_`, its bytes lowest first, in hexadecimal.
pub(super) fn hex_little_endian(token: &[u8]) -> Result<Facts, Failure> {
    check(token, 8, hex_little_endian_tail)
}

pub(super) fn hex_little_endian_tail(body: &[u8]) -> Vec<u8> {
    let body = body.strip_suffix(b"_").unwrap_or(body);
    data_encoding::HEXLOWER.encode(&crc32fast::hash(body).to_le_bytes()).into_bytes()
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The checksum of BIP 173 (constant 1) over the human-readable part and the data.
fn bech32_checksum(text: &[u8]) -> Option<Vec<u8>> {
    let lower = text.to_ascii_lowercase();
    let separator = lower.iter().rposition(|&byte| byte == b'1')?;
    let (prefix, data) = (&lower[..separator], &lower[separator + 1..]);
    let data: Option<Vec<u8>> =
        data.iter().map(|byte| BECH32.iter().position(|known| known == byte).map(|at| at as u8)).collect();
    let high = prefix.iter().map(|byte| byte >> 5);
    let low = prefix.iter().map(|byte| byte & 31);
    let values = high.chain([0]).chain(low).chain(data?).chain([0; 6]);
    let checksum = values.fold(1, bech32_step) ^ 1;
    Some((0..6).map(|index| BECH32[(checksum >> (25 - 5 * index) & 31) as usize]).collect())
}

fn bech32_step(checksum: u32, value: u8) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = checksum >> 25;
    let next = (checksum & 0x01ff_ffff) << 5 ^ u32::from(value);
    GENERATOR.iter().enumerate().fold(next, |sum, (bit, term)| if top >> bit & 1 == 1 { sum ^ term } else { sum })
}

/// Bech32 as of BIP 173.
pub(super) fn bech32(text: &[u8]) -> Result<Facts, Failure> {
    let (body, tail) = text.split_at_checked(text.len().saturating_sub(6)).ok_or("it is too short")?;
    let expected = bech32_checksum(body).ok_or("it is not Bech32")?;
    if expected.eq_ignore_ascii_case(tail) { Ok(Facts::proven()) } else { Err("its Bech32 checksum is wrong") }
}

pub(super) fn bech32_tail(body: &[u8]) -> Vec<u8> {
    bech32_checksum(body).unwrap_or_default().to_ascii_uppercase()
}

/// CRC-16 (XMODEM).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

/// A NATS seed: base 32 of two bytes of kind, 32 of key, and the CRC-16 of them, lowest byte first. Source: the
/// repository nats-io/nkeys, read 2026-11.
pub(super) fn nkey(seed: &[u8]) -> Result<Facts, Failure> {
    let mut spec = BASE32_NOPAD.specification();
    spec.check_trailing_bits = false;
    let decoded = spec.encoding().ok().and_then(|base32| base32.decode(seed).ok()).ok_or("it is not base 32")?;
    let (body, checksum) = decoded.split_at_checked(34).ok_or("it is too short")?;
    if checksum != crc16(body).to_le_bytes() {
        return Err("its checksum is wrong");
    }
    let mut facts = Facts::proven();
    let kind = (body[0] & 7) << 5 | body[1] >> 3;
    let kinds = [(20 << 3, "user"), (0, "account"), (14 << 3, "operator"), (13 << 3, "server"), (2 << 3, "cluster")];
    if let Some((_, name)) = kinds.iter().find(|(prefix, _)| *prefix == kind) {
        facts.add("key-type", name);
    }
    Ok(facts)
}

pub(super) fn nkey_tail(partial: &[u8]) -> Vec<u8> {
    let padded: Vec<u8> = partial.iter().copied().chain(std::iter::repeat(b'A')).take(56).collect();
    let Ok(mut body) = BASE32_NOPAD.decode(&padded[..56]) else { return Vec::new() };
    body.truncate(34);
    body.extend(crc16(&body).to_le_bytes());
    BASE32_NOPAD.encode(&body).into_bytes().split_off(partial.len().min(58))
}

#[cfg(test)]
mod tests {
    use super::{
        base36, base36_tail, base62, base62_tail, bech32, bech32_tail, crc16, hex_little_endian,
        hex_little_endian_tail, nkey, nkey_tail,
    };

    #[test]
    fn a_changed_character_is_noticed_by_every_checksum() {
        type Pair = (fn(&[u8]) -> Result<super::Facts, super::Failure>, fn(&[u8]) -> Vec<u8>);
        let pairs: [(&str, Pair); 5] = [
            ("abc_0123456789abcdefghijABCDEFGHIJ", (base62, base62_tail)),
            ("glx-0123456789abcdefghijABCDEFGHIJ.0s", (base36, base36_tail)),
            ("glsa_0123456789abcdefghijABCDEFGHIJ01_", (hex_little_endian, hex_little_endian_tail)),
            ("AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN", (bech32, bech32_tail)),
            ("SUAABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRS", (nkey, nkey_tail)),
        ];
        for (body, (verify, tail)) in pairs {
            let mut token = body.as_bytes().to_vec();
            token.extend(tail(&token));
            assert!(verify(&token).is_ok(), "{body}");
            let changed = token.len() - 12;
            token[changed] = if token[changed] == b'Q' { b'P' } else { b'Q' };
            assert!(verify(&token).is_err(), "{body}");
        }
    }

    #[test]
    fn checksums_are_those_of_their_definitions() {
        assert_eq!(base62_tail(b""), b"000000");
        // The check value of CRC-16/XMODEM, and the first valid string of BIP 173.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert!(bech32(b"A12UEL5L").is_ok());
    }
}
