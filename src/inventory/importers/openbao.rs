//! OpenBao and Vault: entities with aliases, tokens by accessor, AppRole secret ids by accessor, leases, audit logs.
//!
//! What is read is the answer to `bao read -format=json` or the HTTP interface, one after another in a file:
//! `for id in …; do bao read -format=json identity/entity/id/$id; done`. A listing with `key_info` works, too.

use std::collections::BTreeMap;

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, ReadLinked, Reading, Shape},
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, Effect, EntityKey, FpScheme, Grant, Identity,
        IdentityState, Kind, Revocation, Timestamp,
    },
};

/// `id` is the token itself in the answer to a lookup by token; in one by accessor it is empty.
const TOKEN_SECRETS: &[&str] = &["id", "client_token"];

pub(super) const ENTITIES: Importer = Importer {
    name: "openbao-entities",
    title: "OpenBao/Vault entities and aliases (bao read -format=json identity/entity/id/ID)",
    shapes: &[
        Shape {
            format: Format::Json,
            path: "data",
            fields: &["aliases", "creation_time", "policies", "merged_entity_ids"],
        },
        Shape { format: Format::Json, path: "data.key_info.*", fields: &["aliases", "name"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(entity),
};

pub(super) const TOKENS: Importer = Importer {
    name: "openbao-tokens",
    title: "OpenBao/Vault tokens by accessor (bao token lookup -format=json -accessor ACCESSOR)",
    shapes: &[Shape {
        format: Format::Json,
        path: "data",
        fields: &["accessor", "display_name", "issue_time", "policies"],
    }],
    coverage: Coverage::Part,
    secrets: TOKEN_SECRETS,
    public: &[],
    reading: Reading::Each(token),
};

pub(super) const SECRET_IDS: Importer = Importer {
    name: "openbao-secret-ids",
    title: "OpenBao/Vault AppRole secret ids by accessor (bao write -format=json auth/approle/role/ROLE/secret-id-accessor/lookup …)",
    shapes: &[Shape {
        format: Format::Json,
        path: "data",
        fields: &["secret_id_accessor", "creation_time", "cidr_list"],
    }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(secret_id),
};

pub(super) const LEASES: Importer = Importer {
    name: "openbao-leases",
    title: "OpenBao/Vault leases (bao write -format=json sys/leases/lookup lease_id=ID)",
    shapes: &[Shape {
        format: Format::Json,
        path: "data",
        fields: &["expire_time", "issue_time", "last_renewal", "renewable"],
    }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &["id"],
    reading: Reading::Each(lease),
};

pub(super) const AUDIT_LOG: Importer = Importer {
    name: "openbao-audit-log",
    title: "OpenBao/Vault audit log of a file device (JSON, one event per line): which tokens were used, by their hashes",
    shapes: &[Shape { format: Format::Json, path: "", fields: &["auth", "request", "type=re", "time"] }],
    coverage: Coverage::Part,
    secrets: &[],
    // Only the server's hash of it is taken; see `AuditedTokens`.
    public: &["client_token"],
    reading: Reading::Linked(|| Box::<AuditedTokens>::default()),
};

/// What the events of a log say of its tokens, by their hashes.
#[derive(Default)]
struct AuditedTokens {
    tokens: BTreeMap<String, AuditedToken>,
}

#[derive(Default)]
struct AuditedToken {
    accessor: Option<String>,
    name: Option<String>,
    entity: Option<String>,
    issued: Option<Timestamp>,
    last_used: Option<Timestamp>,
    policies: Vec<String>,
    kind: Option<String>,
    is_revoked: bool,
}

/// How an audit device writes what must not stand there.
const HASHED: &str = "hmac-sha256:";

impl ReadLinked for AuditedTokens {
    fn entry(&mut self, entry: &Entry<'_>, intake: &mut Intake<'_>) {
        let auth = Fields(entry.fields.get("auth").cloned().unwrap_or_default());
        let Some(token) = auth.text("client_token") else { return };
        if !token.starts_with(HASHED) {
            // A device with `log_raw`.
            return intake.dropped_secret();
        }
        let known = self.tokens.entry(token).or_default();
        // A hash of an accessor leads nowhere.
        let accessor = auth.text("accessor").filter(|accessor| !accessor.starts_with(HASHED));
        known.accessor = accessor.or(known.accessor.take());
        known.name = auth.text("display_name").or(known.name.take());
        known.entity = auth.text("entity_id").or(known.entity.take());
        known.issued = auth.time("token_issue_time").or(known.issued);
        known.last_used = known.last_used.max(entry.fields.time("time"));
        known.kind = auth.text("token_type").or(known.kind.take());
        let policies = auth.words("policies");
        known.policies = if policies.is_empty() { std::mem::take(&mut known.policies) } else { policies };
        let is_done = entry.fields.str("type") == Some("response") && entry.fields.text("error").is_none();
        known.is_revoked |= is_done && entry.fields.str("request.path") == Some("auth/token/revoke-self");
    }

    fn finish(&mut self, intake: &mut Intake<'_>) {
        for (hash, token) in std::mem::take(&mut self.tokens) {
            let native = token.accessor.as_ref().map_or_else(|| format!("token-{hash}"), |id| format!("accessor/{id}"));
            let owner = token.entity.map(|entity| key(intake, &entity));
            let mut credential = Credential::new(key(intake, &native), owner, CredentialType::Token);
            credential.public_id = token.accessor;
            credential.name = token.name;
            credential.created = token.issued;
            credential.last_used = token.last_used;
            credential.status = if token.is_revoked { CredentialStatus::Revoked } else { CredentialStatus::Unknown };
            credential.revocation = Revocation::Final;
            credential.scopes = token.policies;
            credential.raw.extend(token.kind.map(|kind| ("type".to_owned(), kind)));
            credential.fingerprints = vec![CredentialFp::public(FpScheme::VaultAudit, &hash)];
            intake.credential(credential);
        }
    }
}

fn key(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("openbao", intake.account(), id)
}

fn entity(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let id = fields.text("id").or_else(|| Some(entry.key.to_owned()).filter(|key| !key.is_empty() && key != "data"));
    let Some(id) = id else { return intake.problem("an entity without id") };
    let native = key(intake, &id);
    let mut identity =
        Identity::new(native.clone(), Kind::VaultEntity, &fields.text("name").unwrap_or_else(|| id.clone()));
    identity.created = fields.time("creation_time");
    if fields.flag("disabled") == Some(true) {
        identity.state = IdentityState::Suspended;
    }
    identity.tags = fields.labels("metadata");
    identity.env = super::aws::environment(&identity.tags);
    for alias in fields.each("aliases") {
        // Of an AppRole the alias is the role id, of a Kubernetes login the uid of the account.
        let (Some(name), Some(mount)) = (alias.text("name"), alias.text("mount_type")) else { continue };
        identity.relations.push(format!("alias={mount}:{name}"));
    }
    identity.relations.sort();
    let policies = fields.words("policies");
    identity.privileged = Some(policies.iter().any(|policy| policy == "root" || policy.contains("admin")));
    intake.owners_from_tags(&identity);
    intake.identity(identity);
    policies.iter().for_each(|policy| intake.grant(grant(&native, policy, "policies of the entity")));
}

fn grant(identity: &EntityKey, policy: &str, source: &str) -> Grant {
    Grant {
        identity: identity.clone(),
        resource: "*".to_owned(),
        role: policy.to_owned(),
        effect: Effect::Allow,
        source: source.to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk: policy == "root" || policy.contains("admin"),
    }
}

/// Active until its end. The zero time of Go means "never".
fn end_of(fields: &Fields, name: &str) -> Option<Timestamp> {
    fields.time(name).filter(|time| time.seconds() > 0)
}

fn status(end: Option<Timestamp>, intake: &Intake<'_>) -> CredentialStatus {
    if end.is_some_and(|end| end < intake.now()) { CredentialStatus::Expired } else { CredentialStatus::Active }
}

fn token(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(accessor) = fields.text("accessor") else { return intake.problem("a token without accessor") };
    let owner = fields.text("entity_id").map(|entity| key(intake, &entity));
    let mut credential = Credential::new(key(intake, &format!("accessor/{accessor}")), owner, CredentialType::Token);
    credential.public_id = Some(accessor);
    credential.name = fields.text("display_name");
    credential.created = fields.time("issue_time").or_else(|| fields.time("creation_time"));
    credential.expires_at = end_of(fields, "expire_time");
    credential.status = status(credential.expires_at, intake);
    credential.revocation = Revocation::Final;
    credential.scopes = fields.words("policies");
    credential.raw = fields.pick(&["path", "type", "orphan", "renewable", "period"]);
    credential.raw.extend(fields.labels("meta").into_iter().map(|(name, value)| (format!("meta:{name}"), value)));
    credential.fingerprints = fields.fingerprints("id");
    intake.credential(credential);
}

fn secret_id(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(accessor) = fields.text("secret_id_accessor") else {
        return intake.problem("a secret id without accessor");
    };
    let native = key(intake, &format!("secret-id/{accessor}"));
    let mut credential = Credential::new(native, None, CredentialType::SecretId);
    credential.public_id = Some(accessor);
    credential.created = fields.time("creation_time");
    credential.last_rotated = end_of(fields, "last_updated_time");
    credential.expires_at = end_of(fields, "expiration_time");
    credential.status = status(credential.expires_at, intake);
    credential.revocation = Revocation::Final;
    credential.raw = fields.pick(&["secret_id_num_uses", "secret_id_ttl"]);
    credential.raw.extend(fields.labels("metadata").into_iter().map(|(name, value)| (format!("meta:{name}"), value)));
    intake.credential(credential);
}

fn lease(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.any(&["id", "lease_id"]) else { return intake.problem("a lease without id") };
    let mut credential = Credential::new(key(intake, &format!("lease/{id}")), None, CredentialType::Lease);
    // `database/creds/ROLE/XXXX`: the path without its last part is who hands them out.
    credential.store_ref = id.rsplit_once('/').map(|(path, _)| path.to_owned());
    credential.public_id = Some(id);
    credential.created = fields.time("issue_time");
    credential.last_rotated = end_of(fields, "last_renewal");
    credential.expires_at = end_of(fields, "expire_time");
    credential.status = status(credential.expires_at, intake);
    credential.revocation = Revocation::Final;
    intake.credential(credential);
}
