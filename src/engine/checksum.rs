//! Checks on a secret's own bytes that every real one passes: the strongest verdict there is without a network.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

use crate::rule::Checksum;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What the check failed on, in words without secret bytes.
pub type Failure = &'static str;

/// Runs a check.
///
/// # Errors
/// Why a real secret could not look like this.
pub fn verify(checksum: Checksum, secret: &[u8]) -> Result<(), Failure> {
    match checksum {
        Checksum::Crc32Base62 => verify_crc32(secret),
        Checksum::Jwt => verify_jwt(secret),
        Checksum::Pem => verify_pem(secret),
    }
}

/// What `{{checksum}}` stands for in a sample: the tail that makes `partial` pass its check, empty for checks without
/// a tail.
#[must_use]
pub fn tail(checksum: Option<Checksum>, partial: &[u8]) -> Vec<u8> {
    match checksum {
        Some(Checksum::Crc32Base62) => {
            let start = partial.iter().position(|&byte| byte == b'_').map_or(0, |at| at + 1);
            crc32_base62(&partial[start..]).to_vec()
        }
        _ => Vec::new(),
    }
}

/// CRC-32 (IEEE) in base 62, six digits, zero-padded.
fn crc32_base62(body: &[u8]) -> [u8; 6] {
    let mut rest = crc32fast::hash(body) as usize;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits
}

fn verify_crc32(secret: &[u8]) -> Result<(), Failure> {
    let body = secret.splitn(2, |&byte| byte == b'_').nth(1).ok_or("it has no `_`")?;
    let (body, tail) = body.split_at_checked(body.len().saturating_sub(6)).ok_or("it is too short")?;
    if crc32_base62(body) == tail { Ok(()) } else { Err("its last six characters are not the checksum of the others") }
}

fn verify_jwt(secret: &[u8]) -> Result<(), Failure> {
    let mut segments = secret.split(|&byte| byte == b'.');
    let mut object = |failure: Failure| {
        let decoded = BASE64URL_NOPAD.decode(segments.next().ok_or(failure)?).map_err(|_| failure)?;
        match serde_json::from_slice(&decoded) {
            Ok(serde_json::Value::Object(object)) => Ok(object),
            _ => Err(failure),
        }
    };
    let header = object("its header is not a JSON object in base64url")?;
    if !header.get("alg").is_some_and(serde_json::Value::is_string) {
        return Err("its header names no algorithm");
    }
    // The claims of an encrypted token (JWE, five segments) can't be read.
    if header.contains_key("enc") {
        return Ok(());
    }
    object("its claims are not a JSON object in base64url").map(|_| ())
}

fn verify_pem(secret: &[u8]) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(secret);
    let rest = text.split_once("-----BEGIN ").ok_or("it has no opening line")?.1;
    let (label, rest) = rest.split_once("-----").ok_or("its opening line does not end")?;
    let body = rest.split_once("-----END ").ok_or("it has no closing line")?.0;
    let der = decode_body(body)?;
    if label.starts_with("OPENSSH") {
        return if der.starts_with(b"openssh-key-v1\0") { Ok(()) } else { Err("its body is not an OpenSSH key") };
    }
    if body.contains("ENCRYPTED") {
        return if der.len() >= 32 { Ok(()) } else { Err("its body is too short for an encrypted key") };
    }
    match der_length(&der) {
        Some(total) if total <= der.len() => Ok(()),
        Some(_) => Err("its body is shorter than its DER header says"),
        None => Err("its body is not a DER sequence"),
    }
}

/// The bytes of a PEM body as it stands in files, JSON strings and concatenated source literals.
fn decode_body(body: &str) -> Result<Vec<u8>, Failure> {
    let plain = body.replace("\\r", " ").replace("\\n", " ").replace("\\t", " ");
    let mut text = String::new();
    for line in plain.split(['\n', '\r', ' ', '\t', '"', '\'', ',', '\\']) {
        // Header lines (`Proc-Type: 4,ENCRYPTED`) and the `+` between string literals are no base64.
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if line != "+" && !line.contains('-') && line.bytes().all(is_base64) && !is_header_word(line) {
            text.push_str(line.trim_end_matches('='));
        }
    }
    if text.len() % 4 == 1 {
        text.pop();
    }
    if text.len() < 24 {
        return Err("its body is too short");
    }
    // Lenient about the unused bits of the last character.
    let mut spec = BASE64_NOPAD.specification();
    spec.check_trailing_bits = false;
    let encoding = spec.encoding().map_err(|_| "its body is not base64")?;
    encoding.decode(text.as_bytes()).map_err(|_| "its body is not base64")
}

fn is_header_word(word: &str) -> bool {
    matches!(word, "ENCRYPTED" | "4")
}

/// Length with header that the DER sequence at the start claims.
fn der_length(der: &[u8]) -> Option<usize> {
    match *der {
        [0x30, short, ..] if short < 0x80 => Some(2 + usize::from(short)),
        [0x30, 0x81, length, ..] => Some(3 + usize::from(length)),
        [0x30, 0x82, high, low, ..] => Some(4 + usize::from(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{crc32_base62, tail, verify};
    use crate::rule::{Checksum, template};

    #[test]
    fn the_tail_of_a_token_is_the_checksum_of_its_body() {
        let mut token = b"abc_0123456789abcdefghijABCDEFGHIJ".to_vec();
        token.extend(tail(Some(Checksum::Crc32Base62), &token));
        assert_eq!(verify(Checksum::Crc32Base62, &token), Ok(()));
        token[5] ^= 1;
        assert!(verify(Checksum::Crc32Base62, &token).is_err());
        assert_eq!(crc32_base62(b"").as_slice(), b"000000");
    }

    #[test]
    fn keys_are_told_from_text_that_looks_like_one() {
        let body = |text: &str| {
            let mut rng = template::SampleRng::new(3);
            template::expand(text, &mut rng, &|_| Vec::new()).unwrap().bytes
        };
        let real = body("-----BEGIN RSA PRIVATE KEY-----\n{{der:12}}\n-----END RSA PRIVATE KEY-----");
        assert_eq!(verify(Checksum::Pem, &real), Ok(()));
        let escaped = String::from_utf8(real.clone()).unwrap().replace('\n', "\\n");
        assert_eq!(verify(Checksum::Pem, escaped.as_bytes()), Ok(()));
        let literals = String::from_utf8(real).unwrap().replace('\n', "\\n\" +\n    \"");
        assert_eq!(verify(Checksum::Pem, literals.as_bytes()), Ok(()));
        let elided = body("-----BEGIN RSA PRIVATE KEY-----\nMII...\n-----END RSA PRIVATE KEY-----");
        assert!(verify(Checksum::Pem, &elided).is_err());
    }
}
