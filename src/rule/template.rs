//! Seeded sample templates: how a rule file proves itself without holding a secret.

mod key;

use std::ops::Range;

/// A deterministic generator for samples (SplitMix64). Not for anything that must be unpredictable.
#[derive(Clone, Debug)]
pub struct SampleRng(u64);

impl SampleRng {
    /// The same seed yields the same samples on every machine.
    #[must_use]
    pub fn new(seed: u64) -> SampleRng {
        SampleRng(seed)
    }

    /// The next 64 bits. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next_u64() % bound as u64).unwrap_or(0)
    }

    /// `count` characters of `alphabet`; from eight up they hold at least two digits and two letters if it has both.
    pub fn pick(&mut self, alphabet: &[u8], count: usize) -> Vec<u8> {
        loop {
            let text: Vec<u8> = (0..count).map(|_| alphabet[self.below(alphabet.len())]).collect();
            let enough = |is: fn(&u8) -> bool| {
                count < 8 || !alphabet.iter().any(is) || text.iter().filter(|byte| is(byte)).count() >= 2
            };
            if enough(u8::is_ascii_digit) && enough(u8::is_ascii_alphabetic) {
                return text;
            }
        }
    }
}

/// An expanded template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The text without marks.
    pub bytes: Vec<u8>,
    /// Where the secret stands, if the template marked one.
    pub secret: Option<Range<usize>>,
}

/// Expands a template; `checksum` computes `{{checksum}}` from the secret as far as it stands.
///
/// # Errors
/// A message that names the unknown or malformed placeholder.
pub fn expand(template: &str, rng: &mut SampleRng, checksum: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<Expanded, String> {
    let mut bytes = Vec::new();
    let (mut start, mut end) = (None, None);
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        let placeholder = rest.strip_prefix("{{").and_then(|inner| inner.split_once("}}"));
        match (character, placeholder) {
            ('«', _) => start = Some(bytes.len()),
            ('»', _) => end = Some(bytes.len()),
            (_, Some(("checksum", _))) => bytes.extend(checksum(&bytes[start.unwrap_or(0)..])),
            (_, Some((inner, _))) if is_placeholder(inner) => bytes.extend(fill(inner, rng)?),
            _ => bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = match placeholder {
            Some((inner, after)) if is_placeholder(inner) => after,
            _ => &rest[character.len_utf8()..],
        };
    }
    Ok(Expanded { bytes, secret: start.zip(end).map(|(start, end)| start..end) })
}

/// `{{` opens a placeholder only before what looks like one, so that samples of template languages stay as they are.
pub(crate) fn is_placeholder(inner: &str) -> bool {
    matches!(inner, "uuid" | "checksum" | "jwt")
        || inner.strip_prefix("key:").is_some_and(|kind| kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        || inner.rsplit_once(':').is_some_and(|(name, count)| {
            count.parse::<usize>().is_ok() && (name.starts_with('[') || name.bytes().all(|b| b.is_ascii_alphanumeric()))
        })
}

/// What the template `{{inner}}` stands for.
pub(crate) fn fill(inner: &str, rng: &mut SampleRng) -> Result<Vec<u8>, String> {
    match inner {
        "uuid" => {
            let mut hex = rng.pick(&set("0-9a-f")?, 32);
            // Version 4, variant 1: what random UUIDs are.
            (hex[12], hex[16]) = (b'4', b"89ab"[rng.below(4)]);
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            return Ok(parts.join(&b'-'));
        }
        "jwt" => return Ok(jwt(rng)),
        _ => {}
    }
    if let Some(kind) = inner.strip_prefix("key:") {
        return key::lines(kind, rng).ok_or_else(|| format!("`{kind}` is no kind of key; docs/rules.md lists them"));
    }
    let (name, count) = inner.rsplit_once(':').ok_or_else(|| format!("`{{{{{inner}}}}}` has no count"))?;
    let count: usize = count.parse().map_err(|_| format!("`{{{{{inner}}}}}`: the count is not a number"))?;
    if count > 1 << 16 {
        return Err(format!("`{{{{{inner}}}}}`: the count is too large"));
    }
    let alphabet = match name {
        "alnum" => "A-Za-z0-9",
        "alpha" => "A-Za-z",
        "lower" => "a-z",
        "upper" => "A-Z",
        "digits" => "0-9",
        "lowernum" => "a-z0-9",
        "uppernum" => "A-Z0-9",
        "hex" => "0-9a-f",
        "HEX" => "0-9A-F",
        "base64" => "A-Za-z0-9+/",
        "base64url" => "A-Za-z0-9_-",
        "base32" => "A-Z2-7",
        custom => custom
            .strip_prefix('[')
            .and_then(|c| c.strip_suffix(']'))
            .ok_or_else(|| format!("`{{{{{inner}}}}}` is not a template; docs/rules.md lists them"))?,
    };
    Ok(rng.pick(&set(alphabet)?, count))
}

/// The characters of a class such as `a-z0-9_-`: ranges and single characters; a `-` at the end is itself.
fn set(class: &str) -> Result<Vec<u8>, String> {
    let bytes = class.as_bytes();
    let mut all = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let [first, b'-', last, ..] = bytes[at..] {
            all.extend(first..=last);
            at += 3;
        } else {
            all.push(bytes[at]);
            at += 1;
        }
    }
    if all.is_empty() { Err(format!("`[{class}]` is an empty set")) } else { Ok(all) }
}

fn jwt(rng: &mut SampleRng) -> Vec<u8> {
    let encode = |text: String| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes()).into_bytes();
    let subject = String::from_utf8_lossy(&rng.pick(b"abcdefghijklmnopqrstuvwxyz0123456789", 12)).into_owned();
    let header = encode(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
    let claims = encode(format!(r#"{{"sub":"{subject}","iat":{}}}"#, 1_600_000_000 + rng.below(90_000_000)));
    let signature = rng.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", 43);
    [header, claims, signature].join(&b'.')
}

#[cfg(test)]
mod tests {
    use super::{SampleRng, expand};

    #[test]
    fn a_template_expands_and_marks_its_secret() {
        let expanded = expand("x=«ab_{{hex:8}}{{checksum}}» {{ vault }}", &mut SampleRng::new(1), &|body| {
            format!("<{}>", body.len()).into_bytes()
        })
        .unwrap();
        let text = String::from_utf8(expanded.bytes.clone()).unwrap();
        assert!(text.starts_with("x=ab_") && text.ends_with("<11> {{ vault }}"), "{text}");
        assert_eq!(expanded.secret, Some(2..text.len() - " {{ vault }}".len()));
    }

    #[test]
    fn unknown_templates_are_refused() {
        assert!(expand("{{nonsense:4}}", &mut SampleRng::new(1), &|_| Vec::new()).is_err());
    }
}
