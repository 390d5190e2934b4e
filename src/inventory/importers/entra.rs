//! Microsoft Entra: applications and service principals, by Microsoft Graph (`az ad app list`, `az ad sp list`).

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape, intake::Claim},
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, EntityKey, FpScheme, Identity, IdentityState, Kind,
        OwnedBy, Owner, OwnerKind, OwnerOrigin, OwnerRole, Revocation,
    },
};

/// `key` is a certificate, or a secret: it is told apart at once, and neither kept.
const PUBLIC: &[&str] = &["keyId", "key"];

pub(super) const APPLICATIONS: Importer = Importer {
    name: "entra-applications",
    title: "Microsoft Entra applications (Graph /applications, az ad app list)",
    shapes: &[
        Shape { format: Format::Json, path: "value[]", fields: &["appId", "signInAudience", "passwordCredentials"] },
        Shape { format: Format::Json, path: "[]", fields: &["appId", "signInAudience", "passwordCredentials"] },
        // With `$select`. Service principals have these, too, and more.
        Shape { format: Format::Json, path: "value[]", fields: &["appId", "passwordCredentials", "keyCredentials"] },
        Shape { format: Format::Json, path: "[]", fields: &["appId", "passwordCredentials", "keyCredentials"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: PUBLIC,
    reading: Reading::Each(application),
};

pub(super) const SERVICE_PRINCIPALS: Importer = Importer {
    name: "entra-service-principals",
    title: "Microsoft Entra service principals (Graph /servicePrincipals, az ad sp list)",
    shapes: &[
        Shape {
            format: Format::Json,
            path: "value[]",
            fields: &["id", "appId", "servicePrincipalType", "accountEnabled"],
        },
        Shape { format: Format::Json, path: "[]", fields: &["id", "appId", "servicePrincipalType", "accountEnabled"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: PUBLIC,
    reading: Reading::Each(principal),
};

fn key(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("entra", intake.account(), id)
}

fn application(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    object(entry, Kind::Application, "app", intake);
}

fn principal(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let kind = match entry.fields.str("servicePrincipalType") {
        Some("ManagedIdentity") => Kind::Workload,
        Some("SocialIdp") => Kind::Integration,
        _ => Kind::Application,
    };
    object(entry, kind, "sp", intake);
}

/// Applications are `app/APPID`, service principals `sp/ID`: one application has a principal in each tenant.
fn object(entry: &Entry<'_>, kind: Kind, prefix: &str, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let app = fields.text("appId");
    let id = if prefix == "app" { app.clone() } else { fields.text("id") };
    let Some(id) = id else { return intake.problem("an application or service principal without id") };
    let native = key(intake, &format!("{prefix}/{id}"));
    let mut identity = Identity::new(native.clone(), kind, &fields.text("displayName").unwrap_or_else(|| id.clone()));
    identity.created = fields.time("createdDateTime");
    identity.purpose = fields.any(&["notes", "description"]);
    if fields.flag("accountEnabled") == Some(false) {
        identity.state = IdentityState::Suspended;
    }
    identity.raw = fields.pick(&["id", "appId", "servicePrincipalType", "appOwnerOrganizationId", "signInAudience"]);
    identity
        .raw
        .extend(fields.text("serviceManagementReference").map(|text| ("serviceManagementReference".into(), text)));
    identity.last_used = fields.time("signInActivity.lastSignInDateTime");
    if prefix == "sp" {
        identity.relations.extend(app.map(|app| format!("instance-of=app/{app}")));
        identity.vendor = vendor(fields, intake);
    }
    for (index, tag) in fields.words("tags").into_iter().enumerate() {
        identity.tags.insert(format!("tag{index}"), tag);
    }
    intake.identity(identity);
    owners(fields, &native, intake);
    for secret in fields.each("passwordCredentials") {
        credential(&secret, &native, CredentialType::ClientSecret, intake);
    }
    for certificate in fields.each("keyCredentials") {
        credential(&certificate, &native, CredentialType::Certificate, intake);
    }
}

/// The publisher, of principals whose application belongs to someone else.
fn vendor(fields: &Fields, intake: &mut Intake<'_>) -> Option<String> {
    let name = fields.any(&["verifiedPublisher.displayName", "publisherName"])?;
    let owner = fields.text("appOwnerOrganizationId")?;
    let is_foreign = !intake.account().is_empty() && owner != intake.account();
    is_foreign.then(|| intake.vendor(&name));
    is_foreign.then_some(name)
}

fn owners(fields: &Fields, native: &EntityKey, intake: &mut Intake<'_>) {
    for owner in fields.each("owners") {
        let Some(reference) = owner.any(&["mail", "userPrincipalName", "id"]) else { continue };
        let mut person = Owner::new(OwnerKind::Person, &reference);
        person.name = owner.text("displayName");
        person.active = owner.flag("accountEnabled");
        let claim = Claim {
            role: OwnerRole::Technical,
            origin: OwnerOrigin::Export,
            confidence: 90,
            reason: "owner of the application",
        };
        intake.owned(OwnedBy::Identity { identity: native.clone() }, person, claim);
    }
}

fn credential(fields: &Fields, owner: &EntityKey, kind: CredentialType, intake: &mut Intake<'_>) {
    let Some(id) = fields.text("keyId") else { return intake.problem("a credential without keyId") };
    let native = EntityKey { native_id: format!("{}/{id}", owner.native_id), ..owner.clone() };
    let mut credential = Credential::new(native, Some(owner.clone()), kind);
    credential.public_id = Some(id);
    credential.name = fields.text("displayName");
    credential.created = fields.time("startDateTime");
    credential.expires_at = fields.time("endDateTime");
    credential.status = match credential.expires_at {
        Some(end) if end < intake.now() => CredentialStatus::Expired,
        _ => CredentialStatus::Active,
    };
    credential.hint = fields.text("hint").map(|start| format!("{start}…"));
    credential.revocation = Revocation::Final;
    credential.raw = fields.pick(&["type", "usage"]);
    if kind == CredentialType::Certificate {
        credential.fingerprints.extend(fields.text("customKeyIdentifier").and_then(|text| thumbprint(&text)));
        // A private key without its certificate shows no thumbprint, but the same public key.
        credential.fingerprints.extend(fields.str("key").and_then(certificate_fingerprints).unwrap_or_default());
        credential.fingerprints.sort();
        credential.fingerprints.dedup();
    }
    if fields.str("key").is_some_and(|key| certificate_fingerprints(key).is_none()) {
        intake.dropped_secret();
    }
    intake.credential(credential);
}

/// Of a certificate in base64, as Graph hands it out where it is asked for (`$select=keyCredentials`).
fn certificate_fingerprints(base64: &str) -> Option<Vec<CredentialFp>> {
    super::keys::certificate_fingerprints(&data_encoding::BASE64.decode(base64.as_bytes()).ok()?)
}

/// A thumbprint in hexadecimal (tools) or base64 (the interface).
fn thumbprint(text: &str) -> Option<CredentialFp> {
    let hex = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = hex.or_else(|| data_encoding::BASE64.decode(text.as_bytes()).ok())?;
    let scheme = match bytes.len() {
        20 => FpScheme::CertSha1,
        32 => FpScheme::CertSha256,
        _ => return None,
    };
    Some(CredentialFp::public(scheme, &data_encoding::HEXLOWER.encode(&bytes)))
}
