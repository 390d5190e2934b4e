//! What a secret, while it is in memory, says of whose it is: digests that an inventory can be compared with. Nothing of the
//! secret itself is kept.

use crate::{
    fingerprint::{KeyRing, github_hash, matches_verifier},
    model::{
        Finding, IdentityKind, Secret,
        identity::{CredentialFp, FpScheme},
    },
    store::{KeyedDigest, Store, StoreError, Transaction},
};

/// Most hints and verifiers of an inventory that a secret is compared with.
const CANDIDATES: i64 = 20_000;

/// Most verifiers that one finding is tried against: a round of PostgreSQL's takes about a millisecond.
const VERIFIERS: i64 = 64;

/// Most verifiers that all findings of a scan are tried against where the user isn't known.
const VERIFIERS_OF_A_SCAN: u32 = 4_000;

/// The verifiers that secrets of unknown users are tried against: the same ones in all of a scan.
#[derive(Debug)]
pub(super) struct Verifiers {
    /// How often one may still be tried.
    left: u32,
    /// With the names of their users; read with the first such secret.
    of_all: Option<Vec<Verifier>>,
}

/// A verifier, and whose it is.
type Verifier = (CredentialFp, String);

impl Default for Verifiers {
    fn default() -> Verifiers {
        Verifiers { left: VERIFIERS_OF_A_SCAN, of_all: None }
    }
}

impl Verifiers {
    /// Those that may still be tried.
    fn of_all(&mut self, tx: &mut Transaction<'_>) -> Result<&[Verifier], StoreError> {
        let known = match &mut self.of_all {
            Some(known) => known,
            none => none.insert(salted(tx, None)?),
        };
        let tried = known.len().min(self.left as usize);
        self.left -= tried as u32;
        Ok(&known[..tried])
    }
}

/// All digests of a finding's secret, and the hints and verifiers of the inventory that it fits.
pub(super) fn digests(
    finding: &Finding,
    ring: &KeyRing,
    store: &mut Store<'_>,
    verifiers: &mut Verifiers,
) -> Result<Vec<KeyedDigest>, StoreError> {
    let mut found: Vec<KeyedDigest> = ring.all_fingerprints(&finding.secret).into_iter().map(digest).collect();
    if finding.rule.id.starts_with("github.") {
        found.push(digest(github_hash(&finding.secret)));
    }
    let may_be_of_a_database = finding.rule.identity == IdentityKind::DbUser || finding.rule.id.starts_with("generic.");
    if may_be_of_a_database {
        // Redis has no salt: the digest can be looked up.
        found.extend(ring.redis_fingerprints(&finding.secret).into_iter().map(digest));
    }
    store.read(|tx| {
        if may_be_of_a_database {
            found.extend(fitting(tx, finding, ring, verifiers)?);
        }
        found.extend(hints(tx, finding)?);
        Ok::<_, StoreError>(())
    })?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whichever rule found it (some old tokens have no digit, and are taken for passwords).
pub(super) fn looks_like_a_vault_token(secret: &Secret) -> bool {
    let bytes = secret.expose();
    let starts = |start: &[u8]| bytes.starts_with(start);
    starts(b"hvs.") || starts(b"hvb.") || (bytes.len() == 26 && (starts(b"s.") || starts(b"b.")))
}

/// Does it look like what an audit device writes?
pub(super) fn is_audit_hash(text: &str) -> bool {
    let digits = text.strip_prefix("hmac-sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Such a hash, as an inventory made of the audit log has it.
pub(super) fn audit_hash(hash: &str) -> KeyedDigest {
    digest(CredentialFp::public(FpScheme::VaultAudit, hash))
}

fn digest(fp: CredentialFp) -> KeyedDigest {
    KeyedDigest { scheme: fp.scheme.as_str().to_owned(), key_id: fp.key_id, value: fp.value }
}

/// Verifiers of databases that fit: of those of the user that the secret is said to belong to, or (`DB_PASSWORD=…`) of all.
fn fitting(
    tx: &mut Transaction<'_>,
    finding: &Finding,
    ring: &KeyRing,
    verifiers: &mut Verifiers,
) -> Result<Vec<KeyedDigest>, StoreError> {
    let user = finding.attributes.iter().find(|(name, _)| ["user", "username"].contains(name)).map(|(_, value)| value);
    let of_user = user.map(|user| salted(tx, Some(user))).transpose()?.unwrap_or_default();
    let tried = if of_user.is_empty() { verifiers.of_all(tx)? } else { &of_user };
    let fits = tried.iter().filter(|(fp, user)| matches_verifier(ring, fp, user, &finding.secret));
    Ok(fits.map(|(fp, _)| digest(fp.clone())).collect())
}

/// Verifiers with a salt, which can't be looked up: of a user, or of all.
fn salted(tx: &mut Transaction<'_>, user: Option<&str>) -> Result<Vec<Verifier>, StoreError> {
    const SALTED: &str = "SELECT DISTINCT f.scheme, f.key_id, f.value, i.name FROM credential_fp AS f
         JOIN credential AS c ON c.id = f.credential_id JOIN identity AS i ON i.id = c.identity_id
         WHERE f.scheme IN ('scram-sha256', 'postgres-md5')";
    let rows = match user {
        Some(user) => tx.query(
            &format!("{SALTED} AND i.name = $1 ORDER BY f.value LIMIT $2"),
            &[user.to_owned().into(), VERIFIERS.into()],
        )?,
        None => tx.query(&format!("{SALTED} ORDER BY i.name, f.value LIMIT $1"), &[VERIFIERS.into()])?,
    };
    let mut found = Vec::new();
    for row in rows {
        let (scheme, key_id, value): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Ok(scheme) = scheme.parse() {
            found.push((CredentialFp { scheme, key_id, value }, row.get(3)?));
        }
    }
    Ok(found)
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
