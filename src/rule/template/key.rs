//! Bodies of private keys for samples: right in every length, worthless as keys (their numbers are random, not prime).

use super::SampleRng;

/// The base64 lines of a key of this kind; `None` if there is no such kind.
pub(super) fn lines(kind: &str, rng: &mut SampleRng) -> Option<Vec<u8>> {
    let (body, width) = match kind {
        "rsa" => (rsa(rng), 64),
        "ec" => (sec1(rng, true), 64),
        "dsa" => (dsa(rng), 64),
        "rsa-line" => (rsa(rng), usize::MAX),
        "ec-line" => (sec1(rng, true), usize::MAX),
        "pkcs8" => (pkcs8_rsa(rng), 64),
        "pkcs8-line" => (pkcs8_rsa(rng), usize::MAX),
        "pkcs8-ec-line" => (pkcs8(&[EC_PUBLIC_KEY, P256].concat(), &sec1(rng, false)), usize::MAX),
        "pem-base64" => (pem("PRIVATE KEY", &pkcs8_rsa(rng)).into_bytes(), usize::MAX),
        "rsa-pem-base64" => (pem("RSA PRIVATE KEY", &rsa(rng)).into_bytes(), usize::MAX),
        "gcp-base64" => (service_account(rng).into_bytes(), usize::MAX),
        "pkcs8-ec" => (pkcs8(&[EC_PUBLIC_KEY, P256].concat(), &sec1(rng, false)), 64),
        "pkcs8-ed25519" => (pkcs8(&[6, 3, 0x2b, 0x65, 0x70], &element(OCTETS, &random(rng, 32))), 64),
        "pkcs8-encrypted" => (pkcs8_encrypted(rng), 64),
        "encrypted" => (random(rng, 96), 64),
        "openssh" => (openssh(rng, false), 70),
        "openssh-encrypted" => (openssh(rng, true), 70),
        "ssh2" => (ssh2(rng), 70),
        "pgp" => return Some(pgp(rng, false)),
        "pgp-encrypted" => return Some(pgp(rng, true)),
        "putty-public" => (public_ed25519(&random(rng, 32)), 64),
        "putty-private" => (random(rng, 48), 64),
        _ => return None,
    };
    Some(wrapped(&body, width))
}

fn wrapped(body: &[u8], width: usize) -> Vec<u8> {
    let text = data_encoding::BASE64.encode(body).into_bytes();
    text.chunks(width).collect::<Vec<_>>().join(&b'\n')
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const RSA_ENCRYPTION: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// Random bytes, as a number positive and of full length.
fn random(rng: &mut SampleRng, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|_| rng.next_u64().to_le_bytes()[3]).collect();
    bytes[0] = bytes[0] & 0x3f | 0x40;
    bytes
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = match len {
        0..0x80 => vec![tag, len as u8],
        0x80..0x100 => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    out.extend(content);
    out
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// The product of two numbers, highest byte first.
fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().rev().enumerate() {
        for (j, y) in b.iter().rev().enumerate() {
            out[i + j] += u32::from(*x) * u32::from(*y);
        }
    }
    let mut carry = 0;
    let mut bytes: Vec<u8> = out
        .into_iter()
        .map(|digit| {
            let sum = digit + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect();
    bytes.reverse();
    bytes.split_off(bytes.iter().take_while(|byte| **byte == 0).count())
}

/// PKCS#1, with a modulus that is the product of its "primes".
fn rsa(rng: &mut SampleRng) -> Vec<u8> {
    let (p, q) = (random(rng, 64), random(rng, 64));
    let integer = |bytes: &[u8]| element(INTEGER, bytes);
    let mut parts = vec![integer(&[0]), integer(&product(&p, &q)), integer(&[1, 0, 1]), integer(&random(rng, 127))];
    parts.extend([integer(&p), integer(&q)]);
    parts.extend((0..3).map(|_| integer(&random(rng, 64))));
    sequence(&parts)
}

fn sec1(rng: &mut SampleRng, with_curve: bool) -> Vec<u8> {
    let mut parts = vec![element(INTEGER, &[1]), element(OCTETS, &random(rng, 32))];
    if with_curve {
        parts.push(element(0xa0, P256));
    }
    let point = [vec![0, 4], random(rng, 64)].concat();
    parts.push(element(0xa1, &element(0x03, &point)));
    sequence(&parts)
}

fn dsa(rng: &mut SampleRng) -> Vec<u8> {
    let sizes = [128, 20, 128, 128, 19];
    let numbers = sizes.map(|len| element(INTEGER, &random(rng, len)));
    sequence(&[vec![element(INTEGER, &[0])], numbers.to_vec()].concat())
}

fn pkcs8(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    sequence(&[element(INTEGER, &[0]), element(SEQUENCE, algorithm), element(OCTETS, key)])
}

fn pkcs8_rsa(rng: &mut SampleRng) -> Vec<u8> {
    pkcs8(&[RSA_ENCRYPTION, &[5, 0]].concat(), &rsa(rng))
}

/// A PEM file.
fn pem(label: &str, body: &[u8]) -> String {
    let lines = String::from_utf8(wrapped(body, 64)).expect("base64 is ASCII");
    ["-----BEGIN ", label, "-----\n", &lines, "\n-----END ", label, "-----\n"].concat()
}

/// The file that Google Cloud hands out for a service account's key.
fn service_account(rng: &mut SampleRng) -> String {
    let key = pem("PRIVATE KEY", &pkcs8_rsa(rng)).replace('\n', "\\n");
    let id = data_encoding::HEXLOWER.encode(&random(rng, 20));
    let fields = [
        ("type", "service_account"),
        ("project_id", "acme"),
        ("private_key_id", &id),
        ("private_key", &key),
        ("client_email", "ci@acme.iam.gserviceaccount.com"),
    ];
    let fields = fields.map(|(name, value)| format!("  \"{name}\": \"{value}\""));
    format!("{{\n{}\n}}\n", fields.join(",\n"))
}

fn pkcs8_encrypted(rng: &mut SampleRng) -> Vec<u8> {
    let pbes2 = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13].to_vec();
    let parameters = element(SEQUENCE, &element(OCTETS, &random(rng, 16)));
    sequence(&[element(SEQUENCE, &[pbes2, parameters].concat()), element(OCTETS, &random(rng, 160))])
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn public_ed25519(point: &[u8]) -> Vec<u8> {
    [string(b"ssh-ed25519"), string(point)].concat()
}

fn openssh(rng: &mut SampleRng, is_encrypted: bool) -> Vec<u8> {
    let point = random(rng, 32);
    let check = random(rng, 4);
    let secret = [random(rng, 32), point.clone()].concat();
    let mut private = [check.clone(), check, public_ed25519(&point), string(&secret), string(b"ci@build")].concat();
    let (cipher, kdf, options) = match is_encrypted {
        true => (&b"aes256-ctr"[..], &b"bcrypt"[..], [string(&random(rng, 16)), vec![0, 0, 0, 16]].concat()),
        false => (&b"none"[..], &b"none"[..], Vec::new()),
    };
    let padding = private.len().next_multiple_of(16) - private.len();
    private.extend(1..=padding as u8);
    if is_encrypted {
        private = random(rng, private.len());
    }
    let outer = [string(cipher), string(kdf), string(&options), vec![0, 0, 0, 1], string(&public_ed25519(&point))];
    [b"openssh-key-v1\0".to_vec(), outer.concat(), string(&private)].concat()
}

fn ssh2(rng: &mut SampleRng) -> Vec<u8> {
    let kind = b"if-modn{sign{rsa-pkcs1-sha1},encrypt{rsa-pkcs1v2-oaep}}";
    let rest = [string(kind), string(b"3des-cbc"), string(&random(rng, 96))].concat();
    let len = (rest.len() as u32 + 8).to_be_bytes();
    [[0x3f, 0x6f, 0xf9, 0xeb].as_slice(), &len, &rest].concat()
}

/// An OpenPGP key of version 4 (Ed25519) with its armor's checksum.
fn pgp(rng: &mut SampleRng, is_encrypted: bool) -> Vec<u8> {
    let mut key = vec![4, 0x60, 1, 2, 3, 22, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
    key.extend([&[1, 7, 0x40], random(rng, 32).as_slice()].concat());
    if is_encrypted {
        key.extend([254, 7, 3, 8]);
        key.extend(random(rng, 8 + 1 + 16 + 54));
    } else {
        key.extend([&[0, 0, 255][..], &random(rng, 32), &[1, 2]].concat());
    }
    let user = b"Build <build@acme.internal>";
    let packets = [&[0xc5, key.len() as u8][..], &key, &[0xcd, user.len() as u8], user].concat();
    let mut out = wrapped(&packets, 64);
    let checksum = data_encoding::BASE64.encode(&crc24(&packets).to_be_bytes()[1..]);
    out.extend(format!("\n={checksum}").into_bytes());
    out
}

fn crc24(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 0x0080_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x0186_4cfb };
    bytes.iter().fold(0x00b7_04ce, |crc, byte| (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| step(crc)))
        & 0x00ff_ffff
}
