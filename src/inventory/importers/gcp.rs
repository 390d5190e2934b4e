//! Google Cloud: service accounts, their keys, and who may do what.

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape},
    model::identity::{
        Credential, CredentialStatus, CredentialType, Effect, EntityKey, Grant, Identity, IdentityState, Kind,
        Revocation,
    },
};

pub(super) const SERVICE_ACCOUNTS: Importer = Importer {
    name: "gcp-service-accounts",
    title: "Google Cloud service accounts (gcloud iam service-accounts list --format=json)",
    shapes: &[
        Shape { format: Format::Json, path: "[]", fields: &["email", "uniqueId", "projectId"] },
        Shape { format: Format::Json, path: "accounts[]", fields: &["email", "uniqueId", "projectId"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(service_account),
};

pub(super) const KEYS: Importer = Importer {
    name: "gcp-service-account-keys",
    title: "Google Cloud service account keys (gcloud iam service-accounts keys list --format=json)",
    shapes: &[
        Shape { format: Format::Json, path: "[]", fields: &["name", "keyAlgorithm", "validAfterTime"] },
        Shape { format: Format::Json, path: "keys[]", fields: &["name", "keyAlgorithm", "validAfterTime"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(key),
};

pub(super) const POLICIES: Importer = Importer {
    name: "gcp-iam-policies",
    title: "Google Cloud grants (gcloud asset search-all-iam-policies --format=json, projects get-iam-policy)",
    shapes: &[
        Shape { format: Format::Json, path: "[]", fields: &["resource", "policy.bindings"] },
        Shape { format: Format::Json, path: "", fields: &["bindings", "etag"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(policy),
};

pub(super) const API_KEYS: Importer = Importer {
    name: "gcp-api-keys",
    title: "Google Cloud API keys (gcloud services api-keys list --format=json)",
    shapes: &[
        Shape { format: Format::Json, path: "[]", fields: &["name=projects/", "uid", "createTime"] },
        Shape { format: Format::Json, path: "keys[]", fields: &["name=projects/", "uid", "createTime"] },
    ],
    coverage: Coverage::Whole,
    secrets: &["keyString"],
    public: &[],
    reading: Reading::Each(api_key),
};

/// Accounts are known by their address within the project that stands in it.
pub(super) fn account_key(email: &str) -> EntityKey {
    EntityKey::new("gcp", &project_of(email), email)
}

/// The project that an address names. Those that Google makes (Compute Engine's default account, service agents) have a number
/// or nothing of it: empty. Source: <https://cloud.google.com/iam/docs/service-account-types>, read 2026-11-27.
fn project_of(email: &str) -> String {
    let Some((local, host)) = email.split_once('@') else { return String::new() };
    if host == "appspot.gserviceaccount.com" {
        return scoped(local);
    }
    match host.strip_suffix(".iam.gserviceaccount.com") {
        // Service agents live in projects of Google's.
        Some(_) if local.starts_with("service-") && local["service-".len()..].bytes().all(|b| b.is_ascii_digit()) => {
            String::new()
        }
        Some(project) => scoped(project),
        None => String::new(),
    }
}

/// `name.example.com` of an address is the project `example.com:name`.
fn scoped(project: &str) -> String {
    project.split_once('.').map_or_else(|| project.to_owned(), |(name, domain)| format!("{domain}:{name}"))
}

fn service_account(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(email) = fields.text("email") else { return intake.problem("a service account without address") };
    let name = fields.text("displayName").unwrap_or_else(|| email.clone());
    let mut identity = Identity::new(account_key(&email), Kind::ServiceAccount, &name);
    intake.says_account(&fields.text("projectId").unwrap_or_default());
    identity.purpose = fields.text("description");
    if fields.flag("disabled") == Some(true) {
        identity.state = IdentityState::Suspended;
    }
    identity.raw = fields.pick(&["uniqueId", "projectId", "oauth2ClientId"]);
    intake.identity(identity);
}

/// How a key of an account is known.
pub(super) fn key_of(email: &str, id: &str) -> EntityKey {
    EntityKey { native_id: format!("{email}/keys/{id}"), ..account_key(email) }
}

fn key(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let name = fields.text("name").unwrap_or_default();
    let parts: Vec<_> = name.split('/').collect();
    let place = |word: &str| parts.iter().position(|part| *part == word).and_then(|at| parts.get(at + 1).copied());
    let (Some(email), Some(id)) = (place("serviceAccounts"), place("keys")) else {
        return intake.problem("a key whose name has no service account or key id");
    };
    let account = account_key(email);
    intake.says_account(place("projects").filter(|project| *project != "-").unwrap_or(&account.account));
    let native = key_of(email, id);
    let mut credential = Credential::new(native, Some(account), CredentialType::ServiceAccountKey);
    credential.public_id = Some(id.to_owned());
    credential.created = fields.time("validAfterTime");
    // Google writes the year 9999 for "never".
    credential.expires_at = fields.time("validBeforeTime").filter(|time| time.seconds() < 200_000_000_000);
    credential.status = match (fields.flag("disabled"), credential.expires_at) {
        (Some(true), _) => CredentialStatus::Inactive,
        (_, Some(end)) if end < intake.now() => CredentialStatus::Expired,
        _ => CredentialStatus::Active,
    };
    // Google rotates and keeps the keys it manages: they have never been anywhere to leak from.
    let is_managed = fields.str("keyType") == Some("SYSTEM_MANAGED");
    credential.revocation = if is_managed { Revocation::None } else { Revocation::Reversible };
    credential.raw = fields.pick(&["keyType", "keyOrigin", "keyAlgorithm", "disableReason"]);
    intake.credential(credential);
}

/// An API key is an identity by itself: whoever has it acts for the project, and nobody else stands behind it.
fn api_key(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(name), Some(uid)) = (fields.text("name"), fields.text("uid")) else {
        return intake.problem("an API key without name or uid");
    };
    let project = name.split('/').nth(1).unwrap_or_default().to_owned();
    intake.says_account(&project);
    let native = EntityKey::new("gcp", &project, &format!("api-key/{uid}"));
    let shown = fields.text("displayName").unwrap_or_else(|| uid.clone());
    let mut identity = Identity::new(native.clone(), Kind::ApiKey, &shown);
    identity.created = fields.time("createTime");
    identity.raw = fields.pick(&["name", "serviceAccountEmail"]);
    identity.tags = fields.labels("annotations");
    identity.relations.extend(fields.text("serviceAccountEmail").map(|email| format!("acts-as={email}")));
    let is_deleted = fields.time("deleteTime").is_some();
    if is_deleted {
        identity.state = IdentityState::Offboarded;
    }
    intake.identity(identity);
    let mut credential = Credential::new(
        EntityKey { native_id: uid.clone(), ..native.clone() },
        Some(native.clone()),
        CredentialType::ApiKey,
    );
    credential.public_id = Some(uid);
    credential.name = Some(shown);
    credential.created = fields.time("createTime");
    credential.last_rotated = credential.created;
    credential.status = if is_deleted { CredentialStatus::Deleted } else { CredentialStatus::Active };
    // Deleted keys can be brought back for 30 days.
    credential.revocation = Revocation::Reversible;
    credential.fingerprints = fields.fingerprints("keyString");
    intake.credential(credential);
    let targets = fields.each("restrictions.apiTargets");
    if targets.is_empty() {
        intake.grant(api_grant(native, "any API that the project has enabled".to_owned()));
    } else {
        let services = targets.iter().filter_map(|target| target.text("service"));
        services.for_each(|service| intake.grant(api_grant(native.clone(), service)));
    }
}

fn api_grant(identity: EntityKey, role: String) -> Grant {
    Grant {
        identity,
        resource: "*".to_owned(),
        role,
        effect: Effect::Allow,
        source: "API key restrictions".to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk: false,
    }
}

/// Roles that administer or write everywhere in their resource.
fn is_high_risk(role: &str) -> bool {
    matches!(role, "roles/owner" | "roles/editor")
        || role.to_ascii_lowercase().ends_with("admin")
        || matches!(role, "roles/iam.serviceAccountTokenCreator" | "roles/iam.serviceAccountUser")
}

fn policy(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let resource =
        fields.text("resource").or_else(|| Some(intake.account().to_owned()).filter(|text| !text.is_empty()));
    let resource = resource.unwrap_or_else(|| "project".to_owned());
    let bindings = if entry.path.is_empty() { fields.each("bindings") } else { fields.each("policy.bindings") };
    for binding in bindings {
        let Some(role) = binding.text("role") else {
            intake.problem("a binding without role");
            continue;
        };
        // Who is deleted may do nothing, whatever is still written.
        for member in binding.words("members").into_iter().filter(|member| !member.starts_with("deleted:")) {
            intake.grant(grant(&member, &role, &resource, &binding));
        }
    }
}

fn grant(member: &str, role: &str, resource: &str, binding: &Fields) -> Grant {
    let identity = match member.split_once(':') {
        Some(("serviceAccount", email)) => account_key(email),
        _ => EntityKey::new("gcp", "", member),
    };
    Grant {
        identity,
        resource: resource.to_owned(),
        role: role.to_owned(),
        effect: Effect::Allow,
        source: "IAM policy".to_owned(),
        conditional: binding.get("condition").is_some(),
        expires_at: None,
        last_used: None,
        high_risk: is_high_risk(role),
    }
}

#[cfg(test)]
mod tests {
    use super::account_key;

    #[test]
    fn addresses_name_their_project_or_none() {
        for (email, project) in [
            ("ci@acme-prod.iam.gserviceaccount.com", "acme-prod"),
            ("ci@prod.example.com.iam.gserviceaccount.com", "example.com:prod"),
            ("acme-prod@appspot.gserviceaccount.com", "acme-prod"),
            ("123456789012-compute@developer.gserviceaccount.com", ""),
            ("service-123456789012@compute-system.iam.gserviceaccount.com", ""),
            ("service-desk@acme-prod.iam.gserviceaccount.com", "acme-prod"),
        ] {
            assert_eq!(account_key(email).account, project, "{email}");
        }
    }
}
