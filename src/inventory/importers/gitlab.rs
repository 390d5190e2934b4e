//! GitLab: personal, project and group access tokens, deploy tokens and keys.

use super::github::ssh_fingerprint;
use crate::{
    fingerprint::public_key_fingerprints,
    inventory::{Coverage, Entry, Format, Importer, Intake, Reading, Shape},
    model::identity::{Credential, CredentialStatus, CredentialType, EntityKey, Identity, Kind, Revocation},
};

pub(super) const TOKENS: Importer = Importer {
    name: "gitlab-tokens",
    title: "GitLab access tokens (/personal_access_tokens, /projects/ID/access_tokens, /groups/ID/access_tokens, deploy tokens)",
    shapes: &[
        Shape { format: Format::Json, path: "[]", fields: &["scopes", "revoked", "expires_at", "user_id"] },
        Shape { format: Format::Json, path: "[]", fields: &["scopes", "revoked", "expires_at", "username"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(token),
};

pub(super) const DEPLOY_KEYS: Importer = Importer {
    name: "gitlab-deploy-keys",
    title: "GitLab deploy keys (/deploy_keys, /projects/ID/deploy_keys)",
    shapes: &[
        Shape { format: Format::Json, path: "[]", fields: &["key", "title", "fingerprint_sha256"] },
        Shape { format: Format::Json, path: "[]", fields: &["key", "title", "can_push"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(deploy_key),
};

fn key(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("gitlab", intake.account(), id)
}

fn token(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.text("id") else { return intake.problem("a token without id") };
    let (owner, kind, what) = match (fields.text("user_id"), fields.text("username")) {
        (Some(user), _) => {
            // Project and group tokens have a bot user of their own and say their level.
            let is_bot = fields.get("access_level").is_some();
            let kind = if is_bot { Kind::Bot } else { Kind::User };
            let native = key(intake, &format!("user/{user}"));
            let name = if is_bot { fields.text("name").unwrap_or_default() } else { format!("user {user}") };
            intake.identity(Identity::new(native.clone(), kind, &name));
            (native, CredentialType::Pat, "token")
        }
        (None, Some(username)) => {
            let native = key(intake, &format!("deploy-token/{username}"));
            intake.identity(Identity::new(native.clone(), Kind::CiStep, &username));
            (native, CredentialType::Token, "deploy-token")
        }
        (None, None) => return intake.problem("a token without user"),
    };
    let mut credential = Credential::new(key(intake, &format!("{what}/{id}")), Some(owner), kind);
    credential.public_id = Some(id);
    credential.name = fields.text("name");
    credential.created = fields.time("created_at");
    credential.last_used = fields.time("last_used_at");
    credential.expires_at = fields.time("expires_at");
    credential.status = match (fields.flag("revoked"), fields.flag("active"), fields.flag("expired")) {
        (Some(true), _, _) => CredentialStatus::Revoked,
        (_, Some(false), _) | (_, _, Some(true)) => CredentialStatus::Expired,
        _ => CredentialStatus::Active,
    };
    credential.revocation = Revocation::Final;
    credential.scopes = fields.words("scopes");
    credential.raw = fields.pick(&["access_level", "description"]);
    intake.credential(credential);
}

fn deploy_key(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(public)) = (fields.text("id"), fields.text("key")) else {
        return intake.problem("a deploy key without id or key");
    };
    let native = key(intake, &format!("deploy-key/{id}"));
    let title = fields.text("title").unwrap_or_else(|| id.clone());
    intake.identity(Identity::new(native.clone(), Kind::CiStep, &title));
    let mut credential = Credential::new(native.clone(), Some(native), CredentialType::SshKey);
    credential.name = Some(title);
    credential.fingerprints = public_key_fingerprints(public.as_bytes());
    credential.fingerprints.extend(fields.text("fingerprint_sha256").and_then(|text| ssh_fingerprint(&text)));
    credential.created = fields.time("created_at");
    credential.last_used = fields.time("last_used_at");
    credential.expires_at = fields.time("expires_at");
    credential.status = CredentialStatus::Active;
    credential.revocation = Revocation::Final;
    let level = if fields.flag("can_push") == Some(true) { "write" } else { "read" };
    credential.scopes = vec![format!("repository:{level}")];
    intake.credential(credential);
}
