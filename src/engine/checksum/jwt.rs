//! JSON Web Tokens. Sources: RFC 7515, RFC 7516, RFC 7519; Kubernetes' claims as its documentation of service account
//! tokens names them.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::{Facts, Failure};

/// Claims that say whose a token is: their names, and those of the attributes.
const CLAIMS: [(&str, &str); 14] = [
    ("iss", "issuer"),
    ("sub", "subject"),
    ("azp", "client"),
    ("client_id", "client"),
    ("appid", "client"),
    ("tid", "tenant"),
    ("oid", "object"),
    ("jti", "token-id"),
    ("email", "email"),
    ("preferred_username", "user"),
    ("kubernetes.io/serviceaccount/namespace", "namespace"),
    ("kubernetes.io/serviceaccount/service-account.name", "service-account"),
    ("kubernetes.io/serviceaccount/service-account.uid", "service-account-uid"),
    ("kubernetes.io/serviceaccount/secret.name", "secret-name"),
];

/// Checks header and claims.
pub(super) fn verify(secret: &[u8]) -> Result<Facts, Failure> {
    let start = secret.windows(2).position(|pair| pair == b"ey").unwrap_or(0);
    let mut segments = secret[start..].split(|&byte| byte == b'.');
    let mut object = |failure: Failure| {
        let decoded = BASE64URL_NOPAD.decode(segments.next().ok_or(failure)?).map_err(|_| failure)?;
        match serde_json::from_slice(&decoded) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(failure),
        }
    };
    let header = object("its header is not a JSON object in base64url")?;
    let Some(algorithm) = header.get("alg").and_then(Value::as_str) else {
        return Err("its header names no algorithm");
    };
    let mut facts = Facts::proven();
    facts.add("algorithm", algorithm);
    facts.add("key-id", text(header.get("kid")));
    // The claims of an encrypted token (JWE, five segments) can't be read.
    if header.contains_key("enc") {
        return Ok(facts);
    }
    describe(&object("its claims are not a JSON object in base64url")?, &mut facts);
    Ok(facts)
}

fn describe(claims: &Map<String, Value>, facts: &mut Facts) {
    for (claim, attribute) in CLAIMS {
        if !facts.attributes.contains_key(attribute) {
            facts.add(attribute, text(claims.get(claim)));
        }
    }
    facts.add("audience", text(claims.get("aud")));
    if let Some(seconds) = claims.get("exp").and_then(Value::as_f64) {
        facts.add("expires", date(seconds as i64));
    }
    let kubernetes = claims.get("kubernetes.io");
    let inner = |names: &[&str]| names.iter().try_fold(kubernetes?, |value, name| value.get(name));
    for (names, attribute) in [
        (&["namespace"][..], "namespace"),
        (&["serviceaccount", "name"], "service-account"),
        (&["serviceaccount", "uid"], "service-account-uid"),
        (&["secret", "name"], "secret-name"),
    ] {
        if !facts.attributes.contains_key(attribute) {
            facts.add(attribute, text(inner(names)));
        }
    }
}

/// A string, a number, or a list of them.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(values)) => values.iter().map(|value| text(Some(value))).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

/// A time as RFC 3339 writes it. Days are counted after Howard Hinnant's "chrono-compatible low-level date algorithms".
pub(super) fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days.clamp(-100_000_000, 100_000_000) + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::{BASE64URL_NOPAD, date, verify};

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(date(4_102_444_799), "2099-12-31T23:59:59Z");
        assert_eq!(date(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn claims_say_whose_a_token_is() {
        let part = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        let claims = r#"{"iss":"https://k8s","sub":"system:serviceaccount:ns:ci","aud":["a","b"],"exp":4102444799,
            "kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"ci","uid":"u-1"}}}"#;
        let token = [part(r#"{"alg":"RS256","kid":"k1"}"#), part(claims), "c2ln".repeat(10)].join(".");
        let facts = verify(token.as_bytes()).unwrap();
        for (name, value) in [
            ("key-id", "k1"),
            ("issuer", "https://k8s"),
            ("subject", "system:serviceaccount:ns:ci"),
            ("audience", "a b"),
            ("expires", "2099-12-31T23:59:59Z"),
            ("namespace", "ns"),
            ("service-account", "ci"),
            ("service-account-uid", "u-1"),
        ] {
            assert_eq!(facts.attributes.get(name).map(String::as_str), Some(value), "{name}");
        }
        // The kind that never expires names the Secret that holds it.
        let claims = r#"{"kubernetes.io/serviceaccount/namespace":"ns","kubernetes.io/serviceaccount/secret.name":"ci-token",
            "kubernetes.io/serviceaccount/service-account.uid":"u-2"}"#;
        let token = [part(r#"{"alg":"RS256"}"#), part(claims), "c2ln".repeat(10)].join(".");
        let facts = verify(token.as_bytes()).unwrap();
        for (name, value) in [("namespace", "ns"), ("secret-name", "ci-token"), ("service-account-uid", "u-2")] {
            assert_eq!(facts.attributes.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(verify(format!("{}.e30.x", part("[]")).as_bytes()).is_err());
        assert!(verify(format!("{}.e30.x", part("{}")).as_bytes()).is_err());
    }
}
