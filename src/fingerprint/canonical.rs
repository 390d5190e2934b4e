use zeroize::Zeroizing;

use crate::{decode::armor, model::identity::words};

words! {
    /// What sort of value a keyed fingerprint is of. Its word is part of what is digested.
    Domain {
        /// A token or key with so much entropy that it can't be guessed.
        Token = "token",
        /// Anything shorter or simpler: digested after Argon2id.
        Password = "password",
    }
}

/// Largest value that is taken for a credential, in bytes.
pub(super) const MAX_SECRET_BYTES: usize = 64 << 10;

/// Entropy in bits below which a value counts as guessable.
const GUESSABLE_BITS: f64 = 80.0;

type Form = Zeroizing<Vec<u8>>;

/// The forms in which a secret is digested, each once: as it is without quotes and white space, and, where it looks like
/// one, what is in its base64, what is percent-encoded in it, the password of a URL, and private keys in PEM with their lines
/// as files have them. A dozen or so at most. Empty for values that are empty or no credential by their size.
#[must_use]
pub fn canonical_forms(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms: Vec<Form> = Vec::new();
    if secret.len() > MAX_SECRET_BYTES {
        return forms;
    }
    let plain = unquoted(secret);
    add(&mut forms, plain.to_vec().into());
    if let Some(decoded) = from_base64(plain) {
        add(&mut forms, unquoted(&decoded).to_vec().into());
    }
    for form in forms.clone() {
        if let Some(password) = url_password(&form) {
            let decoded = from_percent(password).unwrap_or_else(|| password.to_vec().into());
            add(&mut forms, decoded);
        } else if let Some(decoded) = from_percent(&form) {
            add(&mut forms, decoded);
        }
    }
    for key in forms.clone().iter().flat_map(|form| armor::private_keys(form)) {
        add(&mut forms, key.as_bytes().to_vec().into());
    }
    forms
}

fn add(forms: &mut Vec<Form>, form: Form) {
    if !form.is_empty() && !forms.contains(&form) {
        forms.push(form);
    }
}

/// Without white space and one pair of quotes around it.
fn unquoted(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii();
    for quote in [b'"', b'\'', b'`'] {
        if let [first, inner @ .., last] = bytes
            && *first == quote
            && *last == quote
        {
            return inner.trim_ascii();
        }
    }
    bytes
}

/// Shortest base64 that is taken for such: below it every other word is base64.
const MIN_BASE64: usize = 16;

/// What is in base64 of any variant, if that is printable text: Kubernetes and CI systems keep text so. A token that is
/// base64 by itself decodes to noise.
fn from_base64(text: &[u8]) -> Option<Form> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(byte);
    if text.len() < MIN_BASE64 || !text.iter().all(is_base64) {
        return None;
    }
    let plain: Zeroizing<Vec<u8>> = text
        .iter()
        .filter(|byte| !b"=\r\n".contains(byte))
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect::<Vec<u8>>()
        .into();
    let decoded: Form = data_encoding::BASE64_NOPAD.decode(&plain).ok()?.into();
    let is_text = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n".contains(byte);
    decoded.iter().all(is_text).then_some(decoded)
}

/// The text that is percent-encoded here. `None` if nothing is, or an escape is broken.
fn from_percent(text: &[u8]) -> Option<Form> {
    if !text.contains(&b'%') {
        return None;
    }
    let mut decoded: Form = Vec::with_capacity(text.len()).into();
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'%' {
            let digits = text.get(at + 1..at + 3)?;
            decoded.push(data_encoding::HEXUPPER_PERMISSIVE.decode(digits).ok()?[0]);
            at += 3;
        } else {
            decoded.push(text[at]);
            at += 1;
        }
    }
    Some(decoded)
}

/// The password of `scheme://user:password@host`.
fn url_password(text: &[u8]) -> Option<&[u8]> {
    let scheme = text.windows(3).position(|three| three == b"://")?;
    if scheme == 0
        || scheme > 32
        || !text[..scheme].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    {
        return None;
    }
    let rest = &text[scheme + 3..];
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    // A password may hold an unencoded `@` or even `/`; the last `@` before the path ends it.
    let at = rest[..end].iter().rposition(|byte| *byte == b'@')?;
    let colon = rest[..at].iter().position(|byte| *byte == b':')?;
    let password = &rest[colon + 1..at];
    (!password.is_empty()).then_some(password)
}

/// Could someone who has the key find this value by trying? Measured generously: length times the bits of the alphabet
/// that it draws on, but no more than its own distribution of characters allows, so that `aaaa…` counts as nothing. Equal
/// for equal values, always: it decides the [`Domain`].
#[must_use]
pub fn is_guessable(form: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    form.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let distinct = counts.iter().filter(|count| **count > 0).count();
    let has = |class: fn(&u8) -> bool| form.iter().any(class);
    let mut alphabet = 0.0;
    for (class, size) in [
        (u8::is_ascii_digit as fn(&u8) -> bool, 10.0),
        (u8::is_ascii_lowercase, 26.0),
        (u8::is_ascii_uppercase, 26.0),
        (|byte: &u8| !byte.is_ascii_alphanumeric(), 20.0),
    ] {
        alphabet += if has(class) { size } else { 0.0 };
    }
    // Spaces make a phrase of words, whose letters are far from independent.
    let per_byte = if form.contains(&b' ') { 1.5 } else { f64::log2(alphabet) };
    let total: f64 = form.iter().map(|_| per_byte).sum();
    distinct < 8 || total < GUESSABLE_BITS
}

#[cfg(test)]
mod tests {
    use super::{canonical_forms, is_guessable};

    fn forms(text: &str) -> Vec<String> {
        canonical_forms(text.as_bytes()).iter().map(|form| String::from_utf8_lossy(form).into_owned()).collect()
    }

    #[test]
    fn notations_of_one_value_share_a_form() {
        let value = ["s3cr3t", "/value", "+with=all"].concat();
        let encoded = data_encoding::BASE64.encode(value.as_bytes());
        let url_safe = data_encoding::BASE64URL_NOPAD.encode(value.as_bytes());
        let percent = value.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D");
        let quoted = format!(" \"{value}\"\n");
        for notation in [&value, &encoded, &url_safe, &percent, &quoted] {
            assert!(forms(notation).contains(&value), "{notation}: {:?}", forms(notation));
        }
    }

    #[test]
    fn passwords_of_urls_are_found() {
        let url = |password: &str| format!("postgres://app:{password}@db.example.org:5432/app?x=1");
        assert_eq!(forms(&url("a%40b"))[1], "a@b");
        assert_eq!(forms(&url("plain"))[1], "plain");
        assert_eq!(forms("https://example.org/a:b@c").len(), 1);
        assert_eq!(forms("  "), Vec::<String>::new());
    }

    #[test]
    fn what_can_be_guessed_is_known() {
        for text in ["hunter2", "correct horse battery staple", "00000000000000000000000000000000", "Tr0ub4dor&3"] {
            assert!(is_guessable(text.as_bytes()), "{text}");
        }
        for text in ["0a1b2c3d4e5f60718293a4b5c6d7e8f9", "hQ2vK9mZ4tB7xN1sW6pL3rYc"] {
            assert!(!is_guessable(text.as_bytes()), "{text}");
        }
    }
}
