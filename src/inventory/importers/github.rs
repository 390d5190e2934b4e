//! GitHub organisations: installations, personal access tokens, SAML authorizations, deploy keys, Actions secrets, audit log.
//!
//! Lists of the interface don't say of which organisation or repository they are: `--scope` does (`org`, `org/repo`).

use std::collections::BTreeMap;

use crate::{
    fingerprint::public_key_fingerprints,
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, ReadLinked, Reading, Shape, intake::Claim},
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, Effect, EntityKey, FpScheme, Grant, Identity,
        IdentityState, Kind, OwnedBy, Owner, OwnerKind, OwnerOrigin, OwnerRole, Revocation,
    },
};

const LIST: &str = "[]";

pub(super) const INSTALLATIONS: Importer = importer(
    "github-installations",
    "GitHub app installations (gh api --paginate /orgs/ORG/installations)",
    &[
        Shape { format: Format::Json, path: "installations[]", fields: &["app_id", "app_slug", "permissions"] },
        Shape { format: Format::Json, path: LIST, fields: &["app_id", "app_slug", "permissions"] },
    ],
    installation,
);

pub(super) const TOKENS: Importer = importer(
    "github-fine-grained-pats",
    "GitHub fine-grained personal access tokens (/orgs/ORG/personal-access-tokens)",
    &[Shape { format: Format::Json, path: LIST, fields: &["token_id", "token_name", "access_granted_at"] }],
    token,
);

pub(super) const AUTHORIZATIONS: Importer = importer(
    "github-credential-authorizations",
    "GitHub SAML credential authorizations (/orgs/ORG/credential-authorizations)",
    &[Shape { format: Format::Json, path: LIST, fields: &["login", "credential_id", "credential_type"] }],
    authorization,
);

pub(super) const DEPLOY_KEYS: Importer = importer(
    "github-deploy-keys",
    "GitHub deploy keys (/repos/ORG/REPO/keys)",
    &[Shape { format: Format::Json, path: LIST, fields: &["key", "title", "read_only"] }],
    deploy_key,
);

pub(super) const ACTIONS_SECRETS: Importer = importer(
    "github-actions-secrets",
    "GitHub Actions secrets, by name (/repos/ORG/REPO/actions/secrets, gh secret list --json)",
    &[
        Shape { format: Format::Json, path: "secrets[]", fields: &["name", "created_at", "updated_at"] },
        Shape { format: Format::Json, path: LIST, fields: &["name", "updatedAt", "visibility"] },
    ],
    actions_secret,
);

pub(super) const AUDIT_LOG: Importer = Importer {
    reading: Reading::Linked(|| Box::<AuditLog>::default()),
    ..importer(
        "github-audit-log",
        "GitHub audit log with token hashes (JSON, one event per line or an array)",
        &[
            Shape { format: Format::Json, path: LIST, fields: &["hashed_token", "actor", "action"] },
            Shape { format: Format::Json, path: "", fields: &["hashed_token", "actor", "action"] },
        ],
        |_, _| {},
    )
};

const fn importer(
    name: &'static str,
    title: &'static str,
    shapes: &'static [Shape],
    each: fn(&Entry<'_>, &mut Intake<'_>),
) -> Importer {
    Importer { name, title, shapes, coverage: Coverage::Part, secrets: &[], public: &[], reading: Reading::Each(each) }
}

/// The organisation, also where the scope is a repository.
fn key(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("github", intake.account().split('/').next().unwrap_or_default(), id)
}

fn user(login: &str, intake: &mut Intake<'_>) -> EntityKey {
    let native = key(intake, &format!("user/{login}"));
    let kind = if login.ends_with("[bot]") { Kind::Bot } else { Kind::User };
    intake.identity(Identity::new(native.clone(), kind, login));
    native
}

fn permissions(fields: &Fields, name: &str) -> Vec<(String, String)> {
    let groups = fields.entries(name);
    groups
        .into_iter()
        .flat_map(|(area, value)| match value.0 {
            serde_json::Value::String(level) => vec![(area, level)],
            // Fine-grained tokens group them: organization, repository.
            _ => Fields(serde_json::json!({ "p": value.0 }))
                .entries("p")
                .into_iter()
                .filter_map(|(area, level)| Some((area, level.0.as_str()?.to_owned())))
                .collect(),
        })
        .collect()
}

fn grant(identity: &EntityKey, resource: &str, (area, level): (String, String)) -> Grant {
    let sensitive = ["administration", "members", "organization_administration", "secrets", "workflows", "actions"];
    let high_risk = level == "admin" || (level == "write" && sensitive.contains(&area.as_str()));
    Grant {
        identity: identity.clone(),
        resource: resource.to_owned(),
        role: format!("{area}:{level}"),
        effect: Effect::Allow,
        source: "permissions".to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk,
    }
}

fn installation(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(slug)) = (fields.text("id"), fields.text("app_slug")) else {
        return intake.problem("an installation without id or app");
    };
    intake.says_account(&fields.text("account.login").unwrap_or_default());
    let native = key(intake, &format!("installation/{id}"));
    let mut identity = Identity::new(native.clone(), Kind::Integration, &slug);
    identity.created = fields.time("created_at");
    if fields.time("suspended_at").is_some() {
        identity.state = IdentityState::Suspended;
    }
    identity.raw = fields.pick(&["app_id", "client_id", "repository_selection", "updated_at", "target_type"]);
    let resource = fields.text("repository_selection").unwrap_or_else(|| "*".to_owned());
    let grants: Vec<_> =
        permissions(fields, "permissions").into_iter().map(|pair| grant(&native, &resource, pair)).collect();
    identity.privileged = Some(grants.iter().any(|grant| grant.high_risk));
    intake.identity(identity);
    grants.into_iter().for_each(|grant| intake.grant(grant));
}

fn token(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.text("token_id") else { return intake.problem("a token without id") };
    let login = fields.text("owner.login").unwrap_or_else(|| "unknown".to_owned());
    let owner = user(&login, intake);
    let native = key(intake, &format!("token/{id}"));
    let mut credential = Credential::new(native, Some(owner.clone()), CredentialType::Pat);
    credential.public_id = Some(id);
    credential.name = fields.text("token_name");
    credential.created = fields.time("access_granted_at");
    credential.last_used = fields.time("token_last_used_at");
    credential.expires_at = fields.time("token_expires_at");
    credential.status = match fields.flag("token_expired") {
        Some(true) => CredentialStatus::Expired,
        _ => CredentialStatus::Active,
    };
    credential.revocation = Revocation::Final;
    credential.scopes =
        permissions(fields, "permissions").iter().map(|(area, level)| format!("{area}:{level}")).collect();
    credential.raw = fields.pick(&["id", "repository_selection"]);
    intake.credential(credential);
    let claim =
        Claim { role: OwnerRole::Technical, origin: OwnerOrigin::Export, confidence: 90, reason: "owner of the token" };
    let person = Owner::new(OwnerKind::Person, &login);
    intake.owned(OwnedBy::Identity { identity: owner }, person, claim);
}

fn authorization(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(login)) = (fields.text("credential_id"), fields.text("login")) else {
        return intake.problem("an authorization without credential or login");
    };
    let is_ssh = fields.str("credential_type").is_some_and(|kind| kind.to_ascii_lowercase().contains("ssh"));
    let kind = if is_ssh { CredentialType::SshKey } else { CredentialType::Pat };
    let owner = user(&login, intake);
    let native = key(intake, &format!("credential/{id}"));
    let mut credential = Credential::new(native, Some(owner), kind);
    credential.hint = fields.text("token_last_eight").map(|end| format!("…{end}"));
    credential.name = fields.any(&["authorized_credential_note", "authorized_credential_title"]);
    credential.created = fields.time("credential_authorized_at");
    credential.last_used = fields.time("credential_accessed_at");
    credential.expires_at = fields.time("authorized_credential_expires_at");
    credential.status = CredentialStatus::Active;
    credential.revocation = Revocation::Final;
    credential.scopes = fields.words("scopes");
    credential.fingerprints.extend(fields.text("fingerprint").and_then(|text| ssh_fingerprint(&text)));
    intake.credential(credential);
}

/// A fingerprint of an SSH key in either notation.
pub(super) fn ssh_fingerprint(text: &str) -> Option<CredentialFp> {
    let digest = text.strip_prefix("SHA256:").map(|digest| digest.trim_end_matches('='));
    if let Some(digest) = digest.or_else(|| Some(text).filter(|text| text.len() == 43)) {
        return Some(CredentialFp::public(FpScheme::SshSha256, &format!("SHA256:{digest}")));
    }
    let hex: String = text.trim_start_matches("MD5:").chars().filter(|c| *c != ':').collect();
    let is_md5 = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_md5.then(|| CredentialFp::public(FpScheme::SshMd5, &hex.to_ascii_lowercase()))
}

fn deploy_key(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(public)) = (fields.text("id"), fields.text("key")) else {
        return intake.problem("a deploy key without id or key");
    };
    let repository = intake.account().to_owned();
    let native = key(intake, &format!("{repository}/deploy-key/{id}"));
    let title = fields.text("title").unwrap_or_else(|| id.clone());
    let mut identity = Identity::new(native.clone(), Kind::CiStep, &title);
    identity.created = fields.time("created_at");
    identity.last_used = fields.time("last_used");
    identity.created_by = fields.text("added_by");
    let mut credential = Credential::new(native.clone(), Some(native.clone()), CredentialType::SshKey);
    credential.name = Some(title);
    credential.fingerprints = public_key_fingerprints(public.as_bytes());
    if credential.fingerprints.is_empty() {
        intake.problem("a deploy key that is no SSH key");
    }
    credential.created = identity.created;
    credential.last_used = identity.last_used;
    credential.status = CredentialStatus::Active;
    credential.revocation = Revocation::Final;
    let level = if fields.flag("read_only") == Some(false) { "write" } else { "read" };
    credential.scopes = vec![format!("contents:{level}")];
    let added_by = fields.text("added_by");
    intake.identity(identity);
    intake.credential(credential);
    intake.grant(grant(&native, &repository, ("contents".to_owned(), level.to_owned())));
    if let Some(login) = added_by {
        let claim =
            Claim { role: OwnerRole::Technical, origin: OwnerOrigin::Export, confidence: 60, reason: "added the key" };
        intake.owned(OwnedBy::Identity { identity: native }, Owner::new(OwnerKind::Person, &login), claim);
    }
}

/// Values can't be read back from GitHub, so this is a name and its dates: who asks for it is found in workflows.
fn actions_secret(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(name) = fields.text("name") else { return intake.problem("a secret without name") };
    let scope = intake.account().to_owned();
    let mut credential =
        Credential::new(key(intake, &format!("{scope}/actions/{name}")), None, CredentialType::StoredSecret);
    credential.store_ref = Some(format!("github-actions:{scope}/{name}"));
    credential.name = Some(name);
    credential.status = CredentialStatus::Active;
    credential.created = fields.time("created_at");
    credential.last_rotated = fields.time("updated_at").or_else(|| fields.time("updatedAt"));
    credential.raw = fields.pick(&["visibility"]);
    intake.credential(credential);
}

/// Tokens that events name, by their hashes: many events of one token make one credential. Memory grows with the tokens.
#[derive(Default)]
struct AuditLog(BTreeMap<String, Credential>);

impl ReadLinked for AuditLog {
    fn entry(&mut self, entry: &Entry<'_>, intake: &mut Intake<'_>) {
        let fields = entry.fields;
        let (Some(hash), Some(actor)) = (fields.text("hashed_token"), fields.text("actor")) else { return };
        intake.says_account(&fields.text("org").unwrap_or_default());
        let owner = user(&actor, intake);
        let kind = match fields.str("programmatic_access_type") {
            Some(kind) if kind.contains("OAuth") => CredentialType::OauthToken,
            Some(kind) if kind.contains("server-to-server") || kind.contains("App") => CredentialType::Token,
            _ => CredentialType::Pat,
        };
        let token = self.0.entry(hash).or_insert_with_key(|hash| {
            let native = key(intake, &format!("token-hash/{hash}"));
            let mut token = Credential::new(native, Some(owner), kind);
            token.fingerprints = vec![CredentialFp::public(FpScheme::GithubSha256, hash)];
            token
        });
        // Not every event has every field, and scopes change.
        token.public_id = token.public_id.take().or_else(|| fields.text("token_id"));
        token.last_used = token.last_used.max(fields.time("@timestamp").or_else(|| fields.time("created_at")));
        token.scopes.extend(fields.words("token_scopes"));
        token.scopes.sort();
        token.scopes.dedup();
        if token.raw.is_empty() {
            token.raw = fields.pick(&["programmatic_access_type"]);
        }
    }

    fn finish(&mut self, intake: &mut Intake<'_>) {
        for mut token in std::mem::take(&mut self.0).into_values() {
            let is_fine_grained =
                token.raw.get("programmatic_access_type").is_some_and(|kind| kind.contains("ine-grained"));
            // The list of fine-grained tokens knows them by the same number.
            if let Some(id) = token.public_id.clone().filter(|_| is_fine_grained) {
                token.key = key(intake, &format!("token/{id}"));
            }
            intake.credential(token);
        }
    }
}
