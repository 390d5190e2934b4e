//! Tokens that say whose they are, once they are decoded.

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD};

use super::{Claim, Facts, Failure, armor, jwt, private_key};

/// How far around a service account's key its other fields are looked for.
pub(super) const JSON_REACH: usize = 1024;

/// Base64, padded or not, of either alphabet; `len`, unless 0, is how many bytes it must decode to.
pub(super) fn base64(secret: &[u8], len: usize) -> Result<Facts, Failure> {
    let end = secret.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let body = &secret[..end];
    let url = body.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let decoded = if url { BASE64URL_NOPAD.decode(body) } else { BASE64_NOPAD.decode(body) };
    match decoded {
        Err(_) => Err("it does not decode as base64"),
        Ok(decoded) if len > 0 && decoded.len() != len => Err("it decodes to another number of bytes"),
        // Any string of the right length decodes, so it proves nothing.
        Ok(_) => Ok(Facts::default()),
    }
}

/// The account that an access key id belongs to. Ids made before 2018 hold none; that isn't told apart by their form
/// but for the letter I or J behind the prefix.
fn aws_account(id: &[u8]) -> Option<String> {
    let body = id.get(4..20)?;
    if matches!(body[0], b'I' | b'J') {
        return None;
    }
    let decoded = BASE32_NOPAD.decode(body).ok()?;
    let number = decoded[..6].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    Some(format!("{:012}", (number & 0x7fff_ffff_ff80) >> 7))
}

/// An AWS access key id, alone or before its secret.
pub(super) fn aws(claim: &Claim<'_>) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let id = claim.id.unwrap_or(claim.secret);
    if let Some(account) = aws_account(id).filter(|account| account.len() == 12) {
        facts.add("account", account);
    }
    let kind = match id.get(..4) {
        Some(b"ASIA") => "temporary",
        Some(b"ABIA") => "service bearer token",
        Some(b"ACCA") => "context-specific",
        _ => "long-term",
    };
    facts.add("key-type", kind);
    Ok(facts)
}

/// A Google Cloud service account's key, in its JSON file or in base64 of it: the PEM must parse, its neighbours say whose it is.
pub(super) fn gcp(claim: &Claim<'_>) -> Result<Facts, Failure> {
    if claim.secret.starts_with(b"-----BEGIN ") {
        return gcp_with(claim.secret, &String::from_utf8_lossy(claim.around(JSON_REACH)));
    }
    let base64 = String::from_utf8_lossy(claim.secret);
    let json = armor::decode(&base64)?;
    let json = String::from_utf8_lossy(&json);
    let key = json.find("-----BEGIN ").map(|start| &json[start..]).and_then(|rest| Some(&rest[..rest.find('"')?]));
    gcp_with(key.ok_or("it decodes to no file with a private key")?.as_bytes(), &json)
}

fn gcp_with(key: &[u8], text: &str) -> Result<Facts, Failure> {
    let mut facts = private_key::verify(key)?;
    for (field, attribute) in [("client_email", "email"), ("project_id", "project"), ("client_id", "client")] {
        facts.add(attribute, json_string(text, field).unwrap_or_default());
    }
    Ok(facts)
}

/// The string that a JSON text, escaped or not, gives a field.
fn json_string<'t>(text: &'t str, field: &str) -> Option<&'t str> {
    let after = text.split_once(&format!("{field}\"")).or_else(|| text.split_once(&format!("{field}\\\"")))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start().trim_start_matches('\\').strip_prefix('"')?;
    let value = &value[..value.find(['"', '\\'])?];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | ':');
    value.chars().all(is_plain).then_some(value)
}

/// A Discord bot's token: the first segment is the bot's id in base64.
pub(super) fn discord(secret: &[u8]) -> Result<Facts, Failure> {
    let first = secret.split(|byte| *byte == b'.').next().unwrap_or_default();
    let mut spec = BASE64_NOPAD.specification();
    spec.check_trailing_bits = false;
    let id =
        spec.encoding().ok().and_then(|base64| base64.decode(first).ok()).ok_or("its first segment does not decode")?;
    if id.is_empty() || !id.iter().all(u8::is_ascii_digit) {
        return Err("its first segment is not the id of a bot");
    }
    let mut facts = Facts::proven();
    facts.add("user", id);
    Ok(facts)
}

/// A JFrog reference token: `reftkn:`, a version, when it expires, random characters.
pub(super) fn jfrog(secret: &[u8]) -> Result<Facts, Failure> {
    let url = secret.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let decoded = if url { BASE64URL_NOPAD.decode(secret) } else { BASE64_NOPAD.decode(secret) };
    let decoded = decoded.map_err(|_| "it does not decode as base64")?;
    let mut fields = decoded.split(|byte| *byte == b':');
    let (name, version, expires) = (fields.next(), fields.next(), fields.next());
    let expires = expires.and_then(|digits| str::from_utf8(digits).ok()?.parse::<i64>().ok());
    let expires = expires.ok_or("it names no time of expiry")?;
    if name != Some(b"reftkn") || version.is_none_or(|version| version.len() != 2) {
        return Err("it does not decode to a reference token");
    }
    let mut facts = Facts::proven();
    if expires > 0 {
        facts.add("expires", jwt::date(expires));
    }
    Ok(facts)
}

/// A personal access token of Jira or Confluence Data Center: its number, a colon, 20 random bytes.
pub(super) fn atlassian(secret: &[u8]) -> Result<Facts, Failure> {
    let decoded = armor::decode(&String::from_utf8_lossy(secret))?;
    let colon = decoded.iter().position(|byte| *byte == b':').ok_or("it does not decode to a number and a token")?;
    let (number, token) = decoded.split_at(colon);
    if !number.iter().all(u8::is_ascii_digit) || number.is_empty() || token.len() != 21 {
        return Err("it does not decode to a number and a token");
    }
    let mut facts = Facts::proven();
    facts.add("token-id", number);
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::{atlassian, aws_account, base64, discord, jfrog, json_string};
    use data_encoding::BASE64_NOPAD;

    #[test]
    fn an_access_key_id_names_its_account() {
        // Made from an account of documentation: 123456789012, in the bits where the id has it.
        let number = 123_456_789_012_u64 << 7 | 1 << 47;
        let bytes = [&number.to_be_bytes()[2..], &[0; 4]].concat();
        let id = format!("AKIA{}", data_encoding::BASE32_NOPAD.encode(&bytes));
        assert_eq!(aws_account(id.as_bytes()).as_deref(), Some("123456789012"));
        assert_eq!(aws_account(b"AKIAJ"), None);
    }

    #[test]
    fn decoded_tokens_say_whose_they_are() {
        let bot = format!("{}.abcdef.{}", BASE64_NOPAD.encode(b"123456789012345678"), "x".repeat(27));
        assert_eq!(discord(bot.as_bytes()).unwrap().attributes["user"], "123456789012345678");
        assert!(discord(b"TWVzc2FnZS5pcy5ub25l.abcdef.x").is_err());
        let reference = BASE64_NOPAD.encode(b"reftkn:01:4102444799:abcdefghijklmnopqrstuvwxyz");
        assert_eq!(jfrog(reference.as_bytes()).unwrap().attributes["expires"], "2099-12-31T23:59:59Z");
        assert!(jfrog(BASE64_NOPAD.encode(b"reftkn:01:never:abc").as_bytes()).is_err());
        let token = BASE64_NOPAD.encode(&[b"123456789012:".as_slice(), &[200; 20]].concat());
        assert_eq!(atlassian(token.as_bytes()).unwrap().attributes["token-id"], "123456789012");
    }

    #[test]
    fn base64_must_decode_to_its_length() {
        assert!(base64(b"AAAA", 3).is_ok());
        assert!(base64(b"AAAAAA==", 4).is_ok());
        assert!(base64(b"AAAAA", 0).is_err());
        assert!(base64(b"AAAA", 4).is_err());
    }

    #[test]
    fn fields_are_found_in_escaped_json() {
        assert_eq!(json_string(r#"{"client_email": "a@b.c"}"#, "client_email"), Some("a@b.c"));
        assert_eq!(json_string(r#"{\"client_email\":\"a@b.c\"}"#, "client_email"), Some("a@b.c"));
        assert_eq!(json_string(r#"{"client_email": ""#, "client_email"), None);
    }
}
