//! Files of certificates and of SSH public keys.

use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use crate::{
    fingerprint::{public_key_fingerprints, spki_fingerprint},
    inventory::{Coverage, Importer, Intake, Reading},
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, EntityKey, FpScheme, Identity, Kind, Revocation,
        Timestamp,
    },
};

pub(super) const CERTIFICATES: Importer = Importer {
    name: "x509",
    title: "X.509 certificates (PEM, one or more)",
    shapes: &[],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Text(certificates, |_, head| head.contains("-----BEGIN CERTIFICATE-----")),
};

pub(super) const SSH_KEYS: Importer = Importer {
    name: "ssh-keys",
    title: "SSH public keys (authorized_keys, *.pub, output of ssh-keygen -l)",
    shapes: &[],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Text(ssh_keys, |_, head| lines(head).next().is_some_and(is_ssh_line)),
};

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

const SSH_TYPES: &[&str] = &[
    "ssh-rsa ",
    "ssh-ed25519 ",
    "ssh-dss ",
    "ecdsa-sha2-nistp256 ",
    "ecdsa-sha2-nistp384 ",
    "ecdsa-sha2-nistp521 ",
    "sk-ssh-ed25519@openssh.com ",
    "sk-ecdsa-sha2-nistp256@openssh.com ",
];

/// Options that say what a key may do.
const RESTRICTIONS: &[&str] =
    &["cert-authority", "command=", "expiry-time=", "from=", "no-pty", "permitopen=", "restrict"];

/// Where the key type begins, after options.
fn key_start(line: &str) -> Option<usize> {
    SSH_TYPES.iter().filter_map(|kind| line.find(kind)).min()
}

fn is_ssh_line(line: &str) -> bool {
    key_start(line).is_some() || listed(line).is_some()
}

/// `2048 SHA256:… comment (RSA)`, as `ssh-keygen -l` prints it.
fn listed(line: &str) -> Option<(CredentialFp, String)> {
    let mut words = line.splitn(3, ' ');
    words.next()?.parse::<u32>().ok()?;
    let fingerprint = super::github::ssh_fingerprint(words.next()?)?;
    let rest = words.next().unwrap_or_default();
    Some((fingerprint, rest.rsplit_once(" (").map_or(rest, |(comment, _)| comment).to_owned()))
}

fn ssh_keys(text: &str, intake: &mut Intake<'_>) {
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (fingerprints, comment, options) = match (key_start(line), listed(line)) {
            (Some(at), _) => {
                let (options, key) = line.split_at(at);
                let comment = key.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
                (public_key_fingerprints(key.as_bytes()), comment, options.trim())
            }
            (None, Some((fingerprint, comment))) => (vec![fingerprint], comment, ""),
            (None, None) => (Vec::new(), String::new(), ""),
        };
        let Some(id) = fingerprints.iter().find(|fp| fp.scheme == FpScheme::SshSha256 || fp.scheme == FpScheme::SshMd5)
        else {
            intake.problem(format!("line {number} is no SSH key"));
            continue;
        };
        let key = EntityKey::new("ssh", intake.account(), &id.value);
        let name = if comment.is_empty() { id.value.clone() } else { comment };
        let mut identity = Identity::new(key.clone(), Kind::OsAccount, &name);
        let mut credential = Credential::new(key.clone(), Some(key), CredentialType::SshKey);
        credential.name = Some(name);
        credential.public_id = Some(id.value.clone());
        credential.status = CredentialStatus::Active;
        credential.revocation = Revocation::Manual;
        credential.fingerprints.clone_from(&fingerprints);
        // Names alone: what an option is set to may be anything, also a secret in `environment`.
        let restrictions: Vec<_> = RESTRICTIONS.iter().copied().filter(|name| options.contains(name)).collect();
        if !restrictions.is_empty() {
            identity.raw.insert("options".to_owned(), restrictions.join(","));
        }
        intake.identity(identity);
        intake.credential(credential);
    }
}

fn certificates(text: &str, intake: &mut Intake<'_>) {
    for (index, block) in text.split("-----BEGIN CERTIFICATE-----").skip(1).enumerate() {
        let body = block.split("-----END CERTIFICATE-----").next().filter(|body| body.len() < block.len());
        let base64: String = body.unwrap_or_default().split_ascii_whitespace().collect();
        let der = data_encoding::BASE64.decode(base64.as_bytes()).unwrap_or_default();
        match x509_parser::parse_x509_certificate(&der) {
            Ok((_, parsed)) => certificate(&parsed, &der, intake),
            Err(_) => intake.problem(format!("certificate {} can't be read", index + 1)),
        }
    }
}

fn certificate(parsed: &X509Certificate<'_>, der: &[u8], intake: &mut Intake<'_>) {
    let spki = spki_fingerprint(parsed.public_key().raw);
    let names = alternative_names(parsed);
    let subject = parsed.subject().to_string();
    let spiffe = names.iter().find(|name| name.starts_with("spiffe://"));
    let name = spiffe.or(names.first()).cloned().unwrap_or_else(|| subject.clone());
    // A workload's certificate names the identity; another one's subject key is all there is.
    let identity_key = match spiffe {
        Some(id) => {
            let domain = id.trim_start_matches("spiffe://").split('/').next().unwrap_or_default();
            EntityKey::new("spiffe", domain, id)
        }
        None => EntityKey::new("x509", intake.account(), &format!("{name} ({})", &spki.value[..16])),
    };
    let kind = if spiffe.is_some() { Kind::Workload } else { Kind::Certificate };
    let mut identity = Identity::new(identity_key.clone(), kind, &name);
    identity.raw.insert("subject".to_owned(), subject);
    let serial = parsed.raw_serial_as_string().replace(':', "");
    let issuer = parsed.issuer().to_string();
    let key = EntityKey::new("x509", intake.account(), &format!("{issuer}#{serial}"));
    let mut credential = Credential::new(key, Some(identity_key), CredentialType::Certificate);
    credential.public_id = Some(serial);
    credential.name = Some(name);
    credential.created = Timestamp::from_seconds(parsed.validity().not_before.timestamp());
    credential.expires_at = Timestamp::from_seconds(parsed.validity().not_after.timestamp());
    credential.status = match credential.expires_at {
        Some(end) if end < intake.now() => CredentialStatus::Expired,
        _ => CredentialStatus::Active,
    };
    credential.revocation = Revocation::Final;
    credential.fingerprints = fingerprints_of(parsed, der);
    credential.raw.insert("issuer".to_owned(), issuer);
    credential.raw.insert("names".to_owned(), names.join(","));
    if parsed.is_ca() {
        credential.raw.insert("ca".to_owned(), "true".to_owned());
    }
    intake.identity(identity);
    intake.credential(credential);
}

/// Those of a certificate in DER, and of its public key; `None` if it is none.
pub(super) fn certificate_fingerprints(der: &[u8]) -> Option<Vec<CredentialFp>> {
    let (rest, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    rest.is_empty().then(|| fingerprints_of(&parsed, der))
}

fn fingerprints_of(parsed: &X509Certificate<'_>, der: &[u8]) -> Vec<CredentialFp> {
    use sha2::{Digest as _, Sha256};
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(der));
    let spki = spki_fingerprint(parsed.public_key().raw);
    vec![spki, CredentialFp::public(FpScheme::CertSha256, &digest), cert_sha1(der)]
}

fn cert_sha1(der: &[u8]) -> CredentialFp {
    use sha1::Digest as _;
    CredentialFp::public(FpScheme::CertSha1, &data_encoding::HEXLOWER.encode(&sha1::Sha1::digest(der)))
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(text) | GeneralName::DNSName(text) | GeneralName::RFC822Name(text) => Some((*text).to_owned()),
        _ => None,
    });
    names.take(100).collect()
}
