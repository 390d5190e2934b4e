//! Keys of language-model services: OpenAI and Anthropic, by their administration interfaces.

use crate::{
    inventory::{Coverage, Entry, Format, Importer, Intake, Reading, Shape, intake::Claim},
    model::identity::{
        Credential, CredentialStatus, CredentialType, EntityKey, Identity, Kind, OwnedBy, Owner, OwnerKind,
        OwnerOrigin, OwnerRole, Revocation,
    },
};

pub(super) const OPENAI: Importer = Importer {
    name: "openai-keys",
    title: "OpenAI keys (/v1/organization/admin_api_keys, /v1/organization/projects/ID/api_keys)",
    shapes: &[Shape { format: Format::Json, path: "data[]", fields: &["id", "redacted_value", "created_at", "owner"] }],
    coverage: Coverage::Whole,
    secrets: &["value"],
    public: &[],
    reading: Reading::Each(openai),
};

pub(super) const ANTHROPIC: Importer = Importer {
    name: "anthropic-keys",
    title: "Anthropic keys (/v1/organizations/api_keys)",
    shapes: &[Shape {
        format: Format::Json,
        path: "data[]",
        fields: &["id", "partial_key_hint", "status", "created_at"],
    }],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(anthropic),
};

fn openai(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.text("id") else { return intake.problem("a key without id") };
    let account = intake.account().to_owned();
    // An owner is a user or a service account, in the object or one level below.
    let owner_id = fields.any(&["owner.service_account.id", "owner.user.id", "owner.id"]);
    let is_user = fields.str("owner.type") == Some("user");
    let name = fields.any(&["owner.service_account.name", "owner.user.name", "owner.name"]);
    let owner = owner_id.map(|owner| {
        let key = EntityKey::new("openai", &account, &owner);
        let kind = if is_user { Kind::User } else { Kind::ServiceAccount };
        intake.identity(Identity::new(key.clone(), kind, &name.unwrap_or(owner)));
        key
    });
    if let (Some(key), Some(email)) = (&owner, fields.text("owner.user.email")) {
        let claim = Claim {
            role: OwnerRole::Technical,
            origin: OwnerOrigin::Export,
            confidence: 90,
            reason: "owner of the key",
        };
        intake.owned(OwnedBy::Identity { identity: key.clone() }, Owner::new(OwnerKind::Person, &email), claim);
    }
    let mut credential = Credential::new(EntityKey::new("openai", &account, &id), owner, CredentialType::ApiKey);
    credential.public_id = Some(id);
    credential.name = fields.text("name");
    credential.hint = fields.text("redacted_value");
    credential.created = fields.time("created_at");
    credential.last_used = fields.time("last_used_at");
    credential.expires_at = fields.time("expires_at");
    credential.status = CredentialStatus::Active;
    credential.revocation = Revocation::Final;
    intake.credential(credential);
}

fn anthropic(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.text("id") else { return intake.problem("a key without id") };
    let account = intake.account().to_owned();
    let key = EntityKey::new("anthropic", &account, &id);
    let mut identity = Identity::new(key.clone(), Kind::ApiKey, &fields.text("name").unwrap_or_else(|| id.clone()));
    identity.created = fields.time("created_at");
    identity.created_by = fields.text("created_by.id");
    identity.raw = fields.pick(&["workspace_id"]);
    intake.identity(identity);
    let mut credential = Credential::new(key.clone(), Some(key), CredentialType::ApiKey);
    credential.public_id = Some(id);
    credential.name = fields.text("name");
    credential.hint = fields.text("partial_key_hint");
    credential.created = fields.time("created_at");
    credential.expires_at = fields.time("expires_at");
    credential.status = match fields.str("status") {
        Some("active") => CredentialStatus::Active,
        Some("inactive") => CredentialStatus::Inactive,
        Some("archived") => CredentialStatus::Revoked,
        Some("expired") => CredentialStatus::Expired,
        _ => CredentialStatus::Unknown,
    };
    credential.revocation = Revocation::Reversible;
    intake.credential(credential);
}
