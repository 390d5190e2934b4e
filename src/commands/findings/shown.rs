//! What a secret shows of whose it is, beside what the engine reads from it: parts that are no secrets, by their place in its
//! format.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;

use crate::model::Finding;

/// Facts that a finding's secret shows, by name.
pub(super) fn facts(finding: &Finding) -> BTreeMap<&'static str, String> {
    let secret = finding.secret.expose();
    match &*finding.rule.id {
        id if id.starts_with("stripe.") => stripe(secret),
        "gitlab.pat-routable" | "gitlab.runner-token-routable" => gitlab(secret),
        _ => BTreeMap::new(),
    }
}

/// Keys of some length, secret or restricted, hold the account for which they were made: `sk_live_51ABC…` that of
/// `acct_1ABC…`. Observed, not documented.
fn stripe(secret: &[u8]) -> BTreeMap<&'static str, String> {
    const ACCOUNT_CHARACTERS: usize = 16;
    let account = || {
        let key = std::str::from_utf8(secret).ok()?.splitn(3, '_').nth(2)?;
        let rest = key.strip_prefix('5').filter(|rest| rest.starts_with('1') && rest.len() >= 60)?;
        rest.get(..ACCOUNT_CHARACTERS).map(|account| format!("acct_{account}"))
    };
    account().map(|account| ("account", account)).into_iter().collect()
}

/// Routable tokens begin with lines that tell cells whom they belong to (`o:` an organisation, `u:` a user, …; numbers of base 36),
/// before random bytes. Source: the design document that the rules name.
fn gitlab(secret: &[u8]) -> BTreeMap<&'static str, String> {
    const PARTS: [(char, &str); 5] =
        [('c', "cell-id"), ('g', "group-id"), ('o', "organization-id"), ('p', "project-id"), ('u', "user-id")];
    let text = String::from_utf8_lossy(secret);
    let body = text.split('.').next().unwrap_or_default();
    // Behind the prefix, which of runners' tokens has a part of its own (`glrt-t1_`).
    let payload = body.split_once('-').map_or(body, |(_, rest)| rest);
    let payload = match payload.split_once('_') {
        Some((kind, rest)) if text.starts_with("glrt-") && kind.len() == 2 => rest,
        _ => payload,
    };
    let mut bytes = BASE64URL_NOPAD.specification();
    bytes.check_trailing_bits = false;
    let decoded = bytes.encoding().ok().and_then(|base64| base64.decode(payload.as_bytes()).ok()).unwrap_or_default();
    let mut found = BTreeMap::new();
    for line in decoded.split(|byte| *byte == b'\n') {
        let Some((name, number)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else { break };
        let Ok(number) = u64::from_str_radix(number, 36) else { break };
        let part = PARTS.iter().find(|(letter, _)| name.len() == 1 && name.starts_with(*letter));
        found.extend(part.map(|(_, part)| (*part, number.to_string())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{BASE64URL_NOPAD, gitlab, stripe};

    #[test]
    fn keys_of_stripe_name_their_account() {
        let long = format!("{}{}", "1AbCdEfGh0123456", "x".repeat(80));
        for kind in ["sk_live", "rk_live", "sk_test", "rk_test"] {
            let facts = stripe(format!("{kind}_5{long}").as_bytes());
            assert_eq!(facts.get("account").map(String::as_str), Some("acct_1AbCdEfGh0123456"), "{kind}");
        }
        assert!(stripe(b"sk_live_51AbCdEfGh0123456789abcd").is_empty(), "a short one");
        assert!(stripe(format!("sk_live_9{long}").as_bytes()).is_empty());
    }

    #[test]
    fn routable_tokens_of_gitlab_name_their_user() {
        let payload = |lines: &str| BASE64URL_NOPAD.encode(&[lines.as_bytes(), &[0xff, 0x3a, 0x00, 0x9d]].concat());
        let facts = gitlab(format!("glpat-{}.01.0z0abc1234", payload("c:1\no:2s\nu:1jk\n")).as_bytes());
        let told: Vec<_> = facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(told, ["cell-id=1", "organization-id=100", "user-id=2000"]);
        let facts = gitlab(format!("glrt-t1_{}.0z0abc1234", payload("g:a\n")).as_bytes());
        assert_eq!(facts.get("group-id").map(String::as_str), Some("10"));
        assert!(gitlab(b"glpat-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.0z0abc1234").is_empty());
    }
}
