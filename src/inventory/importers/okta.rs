//! Okta: API tokens, and secrets of applications.

use crate::{
    inventory::{Coverage, Entry, Format, Importer, Intake, Reading, Shape},
    model::identity::{Credential, CredentialStatus, CredentialType, EntityKey, Identity, Kind, Revocation},
};

pub(super) const API_TOKENS: Importer = Importer {
    name: "okta-api-tokens",
    title: "Okta API tokens (/api/v1/api-tokens)",
    shapes: &[Shape { format: Format::Json, path: "[]", fields: &["id", "name", "userId", "clientName", "created"] }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(api_token),
};

pub(super) const APP_SECRETS: Importer = Importer {
    name: "okta-app-secrets",
    title: "Okta client secrets of an application (/api/v1/apps/ID/credentials/secrets; --scope is the application's id)",
    shapes: &[Shape { format: Format::Json, path: "[]", fields: &["id", "status", "secret_hash", "created"] }],
    coverage: Coverage::Part,
    // A hash without salt: of a weak secret it gives away too much.
    secrets: &["secret_hash", "client_secret"],
    public: &[],
    reading: Reading::Each(app_secret),
};

pub(super) const APPS: Importer = Importer {
    name: "okta-apps",
    title: "Okta applications (/api/v1/apps)",
    shapes: &[Shape { format: Format::Json, path: "[]", fields: &["id", "label", "signOnMode", "status"] }],
    coverage: Coverage::Part,
    secrets: &["credentials"],
    public: &[],
    reading: Reading::Each(app),
};

fn key(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("okta", intake.account(), id)
}

fn api_token(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(user)) = (fields.text("id"), fields.text("userId")) else {
        return intake.problem("a token without id or user");
    };
    let owner = key(intake, &format!("user/{user}"));
    intake.identity(Identity::new(owner.clone(), Kind::ServiceAccount, &user));
    let mut credential = Credential::new(key(intake, &format!("token/{id}")), Some(owner), CredentialType::Token);
    credential.public_id = Some(id);
    credential.name = fields.text("name");
    credential.created = fields.time("created");
    credential.expires_at = fields.time("expiresAt");
    credential.last_rotated = fields.time("lastUpdated");
    credential.status = CredentialStatus::Active;
    credential.revocation = Revocation::Final;
    credential.raw = fields.pick(&["clientName"]);
    intake.credential(credential);
}

fn app_secret(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.text("id") else { return intake.problem("a secret without id") };
    let app = intake.account().to_owned();
    let owner = (!app.is_empty()).then(|| EntityKey::new("okta", "", &format!("app/{app}")));
    let mut credential = Credential::new(key(intake, &format!("secret/{id}")), owner, CredentialType::ClientSecret);
    credential.public_id = Some(id);
    credential.created = fields.time("created");
    credential.last_rotated = fields.time("lastUpdated");
    credential.status = match fields.str("status") {
        Some("ACTIVE") => CredentialStatus::Active,
        Some("INACTIVE") => CredentialStatus::Inactive,
        _ => CredentialStatus::Unknown,
    };
    credential.revocation = Revocation::Reversible;
    intake.credential(credential);
}

fn app(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(label)) = (fields.text("id"), fields.text("label")) else {
        return intake.problem("an application without id or label");
    };
    let mut identity = Identity::new(EntityKey::new("okta", "", &format!("app/{id}")), Kind::OauthApp, &label);
    identity.created = fields.time("created");
    if fields.str("status") == Some("INACTIVE") {
        identity.state = crate::model::identity::IdentityState::Suspended;
    }
    identity.raw = fields.pick(&["name", "signOnMode", "lastUpdated"]);
    intake.identity(identity);
}
