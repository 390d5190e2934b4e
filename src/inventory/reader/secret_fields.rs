/// Names of fields whose text is a secret, without case, `_`, `-`, `.` and spaces.
const NAMES: &[&str] = &[
    "accesstoken",
    "apikey",
    "apitoken",
    "authtoken",
    "bearertoken",
    "bindpw",
    "clientsecret",
    "clientsecretvalue",
    "clienttoken",
    "connectionstring",
    "credentialvalue",
    "encryptedpassword",
    "idtoken",
    "keydata",
    "keymaterial",
    "keyvalue",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "passwordhash",
    "plaintext",
    "privatekey",
    "privatekeydata",
    "privatekeypem",
    "privatekeyopenssh",
    "pwd",
    "rawkey",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretbinary",
    "secretdata",
    "secretid",
    "secretkey",
    "secretstring",
    "secrettext",
    "secretvalue",
    "sessiontoken",
    "signingkey",
    "signingsecret",
    "token",
    "tokenvalue",
    "unlockkey",
    "webhooksecret",
];

/// Ends of such names.
const ENDS: &[&str] =
    &["password", "passphrase", "privatekey", "secretkey", "secretvalue", "clientsecret", "accesstoken"];

/// Names that end so and are no secrets.
const PUBLIC: &[&str] = &["nextpassword"];

/// Does a field of this name hold a secret, if it holds text? Cost: proportional to the name; no allocation for names
/// up to 64 bytes.
pub(crate) fn is_secret_field(name: &str) -> bool {
    let mut plain = [0; 64];
    let mut len = 0;
    for byte in name.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b'.' | b' ')) {
        let Some(place) = plain.get_mut(len) else { return false };
        *place = byte.to_ascii_lowercase();
        len += 1;
    }
    let plain = &plain[..len];
    let is = |word: &&str| plain == word.as_bytes();
    NAMES.iter().any(is) || (ENDS.iter().any(|end| plain.ends_with(end.as_bytes())) && !PUBLIC.iter().any(is))
}

#[cfg(test)]
mod tests {
    use super::is_secret_field;

    #[test]
    fn secret_fields_are_known_in_every_spelling() {
        for name in [
            "SecretString",
            "secret_text",
            "client-secret",
            "privateKeyData",
            "Secret Access Key",
            "DB_PASSWORD",
            "token",
        ] {
            assert!(is_secret_field(name), "{name}");
        }
        for name in [
            "token_last_eight",
            "hashed_token",
            "secret_id_accessor",
            "password_enabled",
            "token_id",
            "SecretId2",
            "key",
            "SecretList",
        ] {
            assert!(!is_secret_field(name), "{name}");
        }
    }
}
