use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EntityKey, Extra, Timestamp, words};

words! {
    /// What a credential technically is.
    CredentialType {
        /// A pair of key id and secret (AWS).
        AccessKey = "access-key",
        /// A key in one piece.
        ApiKey = "api-key",
        /// A secret of an OAuth client.
        ClientSecret = "client-secret",
        /// A personal access token.
        Pat = "pat",
        /// A token of a project, group, installation or deployment.
        Token = "token",
        /// A token given by an OAuth or OpenID provider.
        OauthToken = "oauth-token",
        /// A key pair of a service account, kept as a file.
        ServiceAccountKey = "service-account-key",
        /// A token of a Kubernetes service account.
        ServiceAccountToken = "service-account-token",
        /// A certificate with its key.
        Certificate = "certificate",
        /// A private key without certificate.
        PrivateKey = "private-key",
        /// An SSH key.
        SshKey = "ssh-key",
        /// A password.
        Password = "password",
        /// The secret id of an `AppRole`.
        SecretId = "secret-id",
        /// A database or cloud credential that a store leases out.
        Lease = "lease",
        /// An entry of a secret store, whose content may be any of these.
        StoredSecret = "stored-secret",
        /// A webhook address that is a secret.
        WebhookUrl = "webhook-url",
        /// A key that signs.
        SigningKey = "signing-key",
        /// An X.509 or JWT document of SPIFFE.
        Svid = "svid",
        /// None of these.
        Other = "other",
    }
}

words! {
    /// What its provider says of a credential.
    CredentialStatus {
        /// It works.
        Active = "active",
        /// It is switched off and can be switched on again.
        Inactive = "inactive",
        /// Its time has passed.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
        /// The provider no longer has it.
        Deleted = "deleted",
        /// The export doesn't say.
        Unknown = "unknown",
    }
}

words! {
    /// What can be done against a credential through its provider's interface.
    Revocation {
        /// It can be switched off, and on again.
        Reversible = "reversible",
        /// It can be deleted, for good.
        Final = "final",
        /// Only a person can do it, in a console.
        Manual = "manual",
        /// Nothing but waiting for its end.
        None = "none",
        /// Not known.
        Unknown = "unknown",
    }
}

words! {
    /// How the value of a [`CredentialFp`] is made of a secret. `docs/inventory.md` has each in full.
    FpScheme {
        /// Keyed digest of a secret in canonical form.
        V1 = "v1",
        /// SHA-256 of a public key's SubjectPublicKeyInfo, 64 hexadecimal digits: the same from key and certificate.
        SpkiSha256 = "spki-sha256",
        /// SHA-256 of an SSH public key in OpenSSH's notation, `SHA256:` and base64.
        SshSha256 = "ssh-sha256",
        /// MD5 of an SSH public key as older tools print it, hexadecimal digits without colons.
        SshMd5 = "ssh-md5",
        /// SHA-1 of a certificate, 40 hexadecimal digits.
        CertSha1 = "cert-sha1",
        /// SHA-256 of a certificate, 64 hexadecimal digits.
        CertSha256 = "cert-sha256",
        /// SHA-256 of a token as GitHub's audit log has it, base64. Safe as it is: such tokens can't be guessed.
        GithubSha256 = "github-sha256",
        /// What OpenBao or Vault writes into an audit log in a token's place: `hmac-sha256:` and hexadecimal digits, under a key that
        /// only the server has.
        VaultAudit = "vault-audit",
        /// Keyed digest over a SCRAM-SHA-256 stored key: `iterations$salt$digest`.
        ScramSha256 = "scram-sha256",
        /// Keyed digest over a PostgreSQL MD5 verifier.
        PostgresMd5 = "postgres-md5",
        /// Keyed digest over the SHA-256 that Redis keeps of a password.
        RedisSha256 = "redis-sha256",
    }
}

/// Something a secret can be compared with, without being it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CredentialFp {
    /// How the value is made.
    pub scheme: FpScheme,
    /// Id of the key, for keyed schemes; else empty. Values can be compared where scheme and this are equal.
    pub key_id: String,
    /// The value, in the scheme's notation.
    pub value: String,
}

impl CredentialFp {
    /// A fingerprint without key: of something public.
    #[must_use]
    pub fn public(scheme: FpScheme, value: &str) -> CredentialFp {
        CredentialFp { scheme, key_id: String::new(), value: value.to_owned() }
    }

    /// The inverse of `Display`. `None` if `text` is no fingerprint.
    #[must_use]
    pub fn parse(text: &str) -> Option<CredentialFp> {
        let mut parts = text.splitn(3, ':');
        let scheme = parts.next()?.parse().ok()?;
        let (key_id, value) = (parts.next()?, parts.next()?);
        let is_printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_sound = !value.is_empty() && value.len() <= 512 && is_printable(value) && key_id.len() <= 64;
        (is_sound && is_printable(key_id)).then(|| CredentialFp {
            scheme,
            key_id: key_id.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// `scheme:key_id:value`.
impl fmt::Display for CredentialFp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.scheme, self.key_id, self.value)
    }
}

/// One of the things an identity proves itself with. Never its secret. Its natural key is `key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// How its provider knows it. `native_id` is its unique id, or a path that leads to it (`alice#slot1`).
    #[serde(flatten)]
    pub key: EntityKey,
    /// Whose it is, if that is known.
    pub identity: Option<EntityKey>,
    /// What it is.
    #[serde(rename = "type")]
    pub credential_type: CredentialType,
    /// The public part that stands beside or inside the secret wherever it leaks (`AKIA…`, a key id), if it has one.
    pub public_id: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// What the secret can be compared with; sorted, may be empty.
    pub fingerprints: Vec<CredentialFp>,
    /// What its provider says of it.
    pub status: CredentialStatus,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// When its secret was last changed.
    pub last_rotated: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What the provider shows of the secret: first or last characters, as `abc…` or `…wxyz`.
    pub hint: Option<String>,
    /// Where the secret is kept, as a path in a store.
    pub store_ref: Option<String>,
    /// What can be done against it.
    pub revocation: Revocation,
    /// Permissions that the credential itself has, beside those of its identity (scopes of a token); sorted.
    pub scopes: Vec<String>,
    /// Further public fields.
    pub raw: Extra,
}

impl Credential {
    /// A credential of which nothing is known but its type.
    #[must_use]
    pub fn new(key: EntityKey, identity: Option<EntityKey>, credential_type: CredentialType) -> Credential {
        Credential {
            key,
            identity,
            credential_type,
            public_id: None,
            name: None,
            fingerprints: Vec::new(),
            status: CredentialStatus::Unknown,
            created: None,
            last_used: None,
            last_rotated: None,
            expires_at: None,
            hint: None,
            store_ref: None,
            revocation: Revocation::Unknown,
            scopes: Vec::new(),
            raw: Extra::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CredentialFp, FpScheme};

    #[test]
    fn fingerprints_are_read_as_they_are_written() {
        for (scheme, key_id, value) in [(FpScheme::V1, "0a1b2c3d", "ff00"), (FpScheme::SshSha256, "", "SHA256:ab+/")] {
            let fp = CredentialFp { scheme, key_id: key_id.to_owned(), value: value.to_owned() };
            assert_eq!(CredentialFp::parse(&fp.to_string()), Some(fp));
        }
        for wrong in ["", "v1", "v1:k", "v1:k:", "v9:k:v", "v1:k:a b", "v1:k:a\n"] {
            assert_eq!(CredentialFp::parse(wrong), None, "{wrong:?}");
        }
    }
}
