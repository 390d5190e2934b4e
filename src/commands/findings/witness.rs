//! What a secret, while it is in memory, says of whose it is: digests that an inventory can be compared with. Nothing of the
//! secret itself is kept.

use crate::{
    fingerprint::{KeyRing, github_hash, matches_verifier},
    model::{Finding, identity::CredentialFp},
    store::{KeyedDigest, Store, StoreError, Transaction},
};

/// Most hints and verifiers of an inventory that a secret is compared with.
const CANDIDATES: i64 = 20_000;

/// Most rounds of a memory-hard or slow hash that one finding is worth: verifiers of the same user.
const VERIFIERS: i64 = 16;

/// All digests of a finding's secret, and the hints and verifiers of the inventory that it fits.
pub(super) fn digests(
    finding: &Finding,
    ring: &KeyRing,
    store: &mut Store<'_>,
) -> Result<Vec<KeyedDigest>, StoreError> {
    let mut found: Vec<KeyedDigest> = ring.all_fingerprints(&finding.secret).into_iter().map(digest).collect();
    if finding.rule.id.starts_with("github.") {
        found.push(digest(github_hash(&finding.secret)));
    }
    store.read(|tx| {
        found.extend(verifiers(tx, finding, ring)?);
        found.extend(hints(tx, finding)?);
        Ok::<_, StoreError>(())
    })?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn digest(fp: CredentialFp) -> KeyedDigest {
    KeyedDigest { scheme: fp.scheme.as_str().to_owned(), key_id: fp.key_id, value: fp.value }
}

/// Verifiers of the database user that the secret is said to belong to.
fn verifiers(tx: &mut Transaction<'_>, finding: &Finding, ring: &KeyRing) -> Result<Vec<KeyedDigest>, StoreError> {
    let user = finding.attributes.iter().find(|(name, _)| ["user", "username"].contains(name)).map(|(_, value)| value);
    let Some(user) = user else { return Ok(Vec::new()) };
    let rows = tx.query(
        "SELECT DISTINCT f.scheme, f.key_id, f.value FROM credential_fp AS f
         JOIN credential AS c ON c.id = f.credential_id JOIN identity AS i ON i.id = c.identity_id
         WHERE i.name = $1 AND f.scheme IN ('scram-sha256', 'postgres-md5', 'redis-sha256')
         ORDER BY f.scheme, f.key_id, f.value LIMIT $2",
        &[user.to_string().into(), VERIFIERS.into()],
    )?;
    let mut fits = Vec::new();
    for row in rows {
        let (scheme, key_id, value): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Ok(scheme) = scheme.parse() else { continue };
        let fp = CredentialFp { scheme, key_id, value };
        if matches_verifier(ring, &fp, user, &finding.secret) {
            fits.push(digest(fp));
        }
    }
    Ok(fits)
}

/// Hints by which a provider shows its credentials (`sk-…abcd`, the last eight characters), and that fit this one.
fn hints(tx: &mut Transaction<'_>, finding: &Finding) -> Result<Vec<KeyedDigest>, StoreError> {
    let provider = finding.rule.id.split('.').next().unwrap_or_default();
    let provider = if provider == "azure" { "entra" } else { provider };
    let rows = tx.query(
        "SELECT DISTINCT hint, provider FROM credential WHERE provider = $1 AND hint IS NOT NULL ORDER BY hint LIMIT $2",
        &[provider.into(), CANDIDATES.into()],
    )?;
    let mut fits = Vec::new();
    for row in rows {
        let (hint, provider): (String, String) = (row.get(0)?, row.get(1)?);
        if fits_hint(&hint, finding.secret.expose()) {
            fits.push(KeyedDigest { scheme: "hint".to_owned(), key_id: provider, value: hint });
        }
    }
    Ok(fits)
}

/// Does a secret look like this where it is partly shown? Characters that hide are `*`, `.`, `…` and `•`. A hint without any is
/// its end (GitHub) or its beginning (Entra).
fn fits_hint(hint: &str, secret: &[u8]) -> bool {
    let hides = |c: char| matches!(c, '*' | '.' | '…' | '•');
    let (start, end) = match (hint.find(hides), hint.rfind(hides)) {
        (Some(first), Some(last)) => {
            let hidden = hint[last..].chars().next().map_or(1, char::len_utf8);
            (&hint[..first], &hint[last + hidden..])
        }
        _ if hint.len() <= 3 => (hint, ""),
        _ => ("", hint),
    };
    start.len() + end.len() >= 3
        && secret.len() > start.len() + end.len()
        && secret.starts_with(start.as_bytes())
        && secret.ends_with(end.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::fits_hint;

    #[test]
    fn hints_show_a_beginning_an_end_or_both() {
        for (hint, fits) in [
            ("abc...xyz9", true),
            ("abc…xyz9", true),
            ("abc*******xyz9", true),
            ("qqq...xyz9", false),
            ("opqxyz9", true),
            ("abc", true),
            ("abd", false),
            ("...9", false),
            ("abcdefghopqxyz9", false),
        ] {
            assert_eq!(fits_hint(hint, b"abcdefghopqxyz9"), fits, "{hint}");
        }
    }
}
