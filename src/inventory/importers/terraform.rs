//! Terraform and OpenTofu state: identities and credentials that infrastructure as code made.
//!
//! A state holds secrets in clear. Attributes are asked for by name; those that hold secrets are fields that the reader
//! drops, and outputs aren't looked at.

use crate::{
    fingerprint::public_key_fingerprints,
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape},
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, EntityKey, Extra, Identity, Kind, Revocation,
    },
};

pub(super) const STATE: Importer = Importer {
    name: "terraform-state",
    title: "Terraform/OpenTofu state (terraform state pull)",
    shapes: &[Shape {
        format: Format::Json,
        path: "resources[]",
        fields: &["mode", "type", "name", "provider", "instances"],
    }],
    coverage: Coverage::Part,
    secrets: &[
        "value",
        "outputs",
        "ses_smtp_password_v4",
        "encrypted_secret",
        "user_data",
        "content",
        "environment",
        "sensitive_attributes",
        "result",
    ],
    public: &[],
    reading: Reading::Each(resource),
};

/// What one type of resource is.
struct ResourceType {
    name: &'static str,
    provider: &'static str,
    what: What,
    /// Attributes that name it, the first that is there.
    id: &'static [&'static str],
    /// Attribute that names whose it is.
    of: &'static str,
}

enum What {
    Identity(Kind),
    Credential(CredentialType),
}

const TYPES: &[ResourceType] = &[
    identity("aws_iam_user", "aws", Kind::ServiceAccount, &["name"]),
    identity("aws_iam_role", "aws", Kind::CloudRole, &["name"]),
    credential("aws_iam_access_key", "aws", CredentialType::AccessKey, &["id"], "user"),
    credential("aws_secretsmanager_secret", "aws", CredentialType::StoredSecret, &["arn"], ""),
    identity("google_service_account", "gcp", Kind::ServiceAccount, &["email"]),
    credential("google_service_account_key", "gcp", CredentialType::ServiceAccountKey, &["name"], "service_account_id"),
    identity("azuread_application", "entra", Kind::Application, &["client_id", "application_id"]),
    credential("azuread_application_password", "entra", CredentialType::ClientSecret, &["key_id"], "application_id"),
    identity("kubernetes_service_account", "kubernetes", Kind::KubernetesServiceAccount, &["id"]),
    identity("postgresql_role", "postgres", Kind::DbUser, &["name"]),
    credential("github_actions_secret", "github", CredentialType::StoredSecret, &["id"], ""),
    credential("github_repository_deploy_key", "github", CredentialType::SshKey, &["id"], ""),
    credential(
        "tls_private_key",
        "terraform",
        CredentialType::PrivateKey,
        &["public_key_fingerprint_sha256", "id"],
        "",
    ),
    credential("vault_approle_auth_backend_role_secret_id", "openbao", CredentialType::SecretId, &["accessor"], ""),
    credential("random_password", "terraform", CredentialType::Password, &["id"], ""),
];

const fn identity(name: &'static str, provider: &'static str, kind: Kind, id: &'static [&'static str]) -> ResourceType {
    ResourceType { name, provider, what: What::Identity(kind), id, of: "" }
}

const fn credential(
    name: &'static str,
    provider: &'static str,
    kind: CredentialType,
    id: &'static [&'static str],
    of: &'static str,
) -> ResourceType {
    ResourceType { name, provider, what: What::Credential(kind), id, of }
}

fn resource(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(kind) = fields.text("type") else { return intake.problem("a resource without type") };
    let Some(known) = TYPES.iter().find(|known| known.name == kind) else { return };
    if fields.str("mode") != Some("managed") {
        return;
    }
    let module = fields.text("module").map_or(String::new(), |module| format!("{module}."));
    let address = format!("{module}{kind}.{}", fields.text("name").unwrap_or_default());
    for instance in fields.each("instances") {
        let attributes = Fields(instance.get("attributes").cloned().unwrap_or_default());
        // The id of a password resource is `none`, and of a key pair its digest: the address tells them apart.
        let id = attributes.any(known.id).filter(|id| id != "none");
        let Some(id) =
            id.or_else(|| instance.text("index_key").map(|key| format!("{address}[{key}]"))).or(Some(address.clone()))
        else {
            continue;
        };
        one(known, &address, &id, &attributes, intake);
    }
}

fn account_of(known: &ResourceType, attributes: &Fields, intake: &Intake<'_>) -> String {
    let from_arn = attributes.text("arn").and_then(|arn| arn.split(':').nth(4).map(str::to_owned));
    match known.provider {
        "aws" => from_arn
            .or_else(|| super::account_of_access_key(&attributes.text("id")?))
            .unwrap_or_else(|| intake.account().to_owned()),
        "gcp" => match attributes.text("email") {
            Some(email) => super::gcp::account_key(&email).account,
            None => intake.account().to_owned(),
        },
        _ => intake.account().to_owned(),
    }
}

/// The id in the form in which the provider's own importer writes it.
fn native(known: &ResourceType, id: &str) -> String {
    match known.name {
        "aws_iam_user" => format!("user/{id}"),
        "aws_iam_role" => format!("role/{id}"),
        "azuread_application" => format!("app/{id}"),
        _ => id.to_owned(),
    }
}

/// Fingerprints of the public half, which is no secret: as OpenSSH or in PEM, of Google's keys in base64.
fn public_keys(attributes: &Fields) -> Vec<CredentialFp> {
    let texts =
        ["public_key_openssh", "public_key_pem", "public_key", "key"].iter().filter_map(|name| attributes.str(name));
    let mut found: Vec<CredentialFp> = texts
        .flat_map(|text| {
            let pem = data_encoding::BASE64.decode(text.as_bytes()).unwrap_or_default();
            [public_key_fingerprints(text.as_bytes()), public_key_fingerprints(&pem)].concat()
        })
        .collect();
    found.extend(attributes.str("public_key_fingerprint_sha256").and_then(super::github::ssh_fingerprint));
    found
}

/// Whose a key of Google's is, and its id as its own importer writes it: both stand in its name
/// (`projects/P/serviceAccounts/EMAIL/keys/ID`).
fn google_key(known: &ResourceType, name: &str) -> Option<(EntityKey, EntityKey)> {
    let (account, id) = name.split_once("/serviceAccounts/")?.1.split_once("/keys/")?;
    (known.name == "google_service_account_key")
        .then(|| (super::gcp::account_key(account), super::gcp::key_of(account, id)))
}

fn one(known: &ResourceType, address: &str, id: &str, attributes: &Fields, intake: &mut Intake<'_>) {
    let account = account_of(known, attributes, intake);
    let google_key = google_key(known, id);
    let key = match &google_key {
        Some((_, key)) => key.clone(),
        None => EntityKey::new(known.provider, &account, &native(known, id)),
    };
    let raw: Extra = [("terraform".to_owned(), address.to_owned())].into();
    match known.what {
        What::Identity(kind) => {
            // Google's `name` is the whole path of a resource.
            let name = attributes.any(&["display_name", "name"]).filter(|name| !name.contains("/serviceAccounts/"));
            let mut found = Identity::new(key, kind, &name.unwrap_or_else(|| id.to_owned()));
            found.tags = attributes.labels("tags");
            found.env = super::aws::environment(&found.tags);
            found.purpose = attributes.text("description");
            found.created = attributes.time("create_date");
            found.raw = raw;
            intake.owners_from_tags(&found);
            intake.identity(found);
        }
        What::Credential(kind) => {
            let owner = google_key.map(|(owner, _)| owner);
            let by_name = || attributes.text(known.of).filter(|_| !known.of.is_empty());
            let named = owner.is_none().then(by_name).flatten().map(|owner| match known.provider {
                "aws" => EntityKey::new("aws", &account, &format!("user/{owner}")),
                _ => EntityKey::new(known.provider, &account, owner.rsplit('/').next().unwrap_or(&owner)),
            });
            let mut found = Credential::new(key, owner.or(named), kind);
            found.public_id =
                (id != address && !id.starts_with(address)).then(|| id.rsplit('/').next().unwrap_or(id).to_owned());
            found.name = attributes.any(&["secret_name", "display_name", "title"]).or_else(|| Some(address.to_owned()));
            found.created = attributes.any(&["create_date", "created_at", "start_date"]).and_then(|_| {
                ["create_date", "created_at", "start_date"].iter().find_map(|field| attributes.time(field))
            });
            found.expires_at = attributes.time("end_date");
            found.status = match attributes.str("status") {
                Some("Active") => CredentialStatus::Active,
                Some("Inactive") => CredentialStatus::Inactive,
                _ => CredentialStatus::Unknown,
            };
            found.revocation = Revocation::Unknown;
            found.fingerprints = public_keys(attributes);
            for field in ["secret", "private_key", "private_key_pem", "result", "value", "secret_id"] {
                found.fingerprints.extend(attributes.fingerprints(field));
            }
            found.raw = raw;
            intake.credential(found);
        }
    }
}
