//! Tables and documents that are nobody's standard: fields by the names below, or by a column map.

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape, intake::Claim},
    model::identity::{
        Consumer, Credential, CredentialFp, CredentialStatus, CredentialType, Distribution, Effect, EntityKey, Extra,
        Grant, Identity, Kind, OwnedBy, Owner, OwnerKind, OwnerOrigin, OwnerRole, Workload, WorkloadKind,
    },
};

/// Every field there is.
pub(in crate::inventory) const FIELDS: &[&str] = &[
    "account",
    "created",
    "credential_id",
    "credential_type",
    "env",
    "expires",
    "fingerprint",
    "id",
    "kind",
    "last_rotated",
    "last_used",
    "name",
    "owner_business",
    "owner_technical",
    "permissions",
    "provider",
    "public_id",
    "purpose",
    "status",
    "store_ref",
    "system",
    "vendor",
    "workload",
];

pub(super) const GENERIC: Importer = Importer {
    name: "generic",
    title: "any CSV, JSON or YAML with columns id, kind, name, owner_technical, … (others by --columns)",
    shapes: &[
        Shape { format: Format::Table, path: "", fields: &["id", "kind", "name"] },
        Shape { format: Format::Table, path: "", fields: &["id", "owner_technical"] },
        Shape { format: Format::Json, path: "[]", fields: &["id", "kind", "owner_technical"] },
        Shape { format: Format::Json, path: "identities[]", fields: &["id", "kind"] },
        Shape { format: Format::Json, path: "", fields: &["id", "kind", "owner_technical"] },
        Shape { format: Format::Yaml, path: "", fields: &["id", "kind", "owner_technical"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(row),
};

/// What `unleak fingerprint` hands over.
pub(super) const FINGERPRINTS: Importer = Importer {
    name: "fingerprints",
    title: "fingerprints made where the secrets live (unleak fingerprint)",
    shapes: &[Shape { format: Format::Json, path: "", fields: &["schema=unleak.fingerprint", "fingerprints"] }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(fingerprints),
};

fn row(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.any(&["id", "name"]) else { return intake.problem("a row without id or name") };
    let provider = fields.text("provider").unwrap_or_else(|| "generic".to_owned()).to_lowercase();
    let account = fields.text("account").unwrap_or_else(|| intake.account().to_owned());
    let key = EntityKey::new(&provider, &account, &id);
    let kind = fields.text("kind").map(|word| word.to_lowercase().replace(['_', ' '], "-"));
    let known = kind.as_deref().and_then(|word| word.parse().ok());
    if kind.is_some() && known.is_none() {
        intake.problem(format!("{key}: its kind is none that is known; taken for `other`"));
    }
    let mut identity =
        Identity::new(key.clone(), known.unwrap_or(Kind::Other), &fields.text("name").unwrap_or_else(|| id.clone()));
    identity.purpose = fields.text("purpose");
    identity.function = fields.text("system");
    identity.env = fields.text("env");
    identity.created = fields.time("created");
    identity.last_used = fields.time("last_used");
    identity.expires_at = fields.time("expires");
    identity.vendor = fields.text("vendor");
    for field in ["created", "last_used", "last_rotated", "expires"] {
        if fields.text(field).is_some() && fields.time(field).is_none() {
            intake.problem(format!("{key}: `{field}` is no time by RFC 3339"));
        }
    }
    if let Some(vendor) = &identity.vendor {
        intake.vendor(vendor);
    }
    intake.identity(identity);
    owners(fields, &key, intake);
    for permission in fields.words("permissions") {
        intake.grant(grant(&key, &permission));
    }
    credential(fields, &key, intake);
}

fn owners(fields: &Fields, key: &EntityKey, intake: &mut Intake<'_>) {
    for (field, role) in [("owner_business", OwnerRole::Business), ("owner_technical", OwnerRole::Technical)] {
        let Some(owner) = fields.text(field) else { continue };
        let kind = if owner.contains('@') && !owner.starts_with('@') { OwnerKind::Person } else { OwnerKind::Team };
        let claim = Claim { role, origin: OwnerOrigin::Export, confidence: 90, reason: field };
        intake.owned(OwnedBy::Identity { identity: key.clone() }, Owner::new(kind, &owner), claim);
    }
}

fn grant(identity: &EntityKey, permission: &str) -> Grant {
    let lower = permission.to_lowercase();
    Grant {
        identity: identity.clone(),
        resource: "*".to_owned(),
        role: permission.to_owned(),
        effect: Effect::Allow,
        source: "export".to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk: ["admin", "owner", "root", "*"].iter().any(|word| lower == *word || lower.ends_with("admin")),
    }
}

fn credential(fields: &Fields, owner: &EntityKey, intake: &mut Intake<'_>) {
    let named = fields.any(&["credential_id", "public_id"]);
    let fingerprints: Vec<_> = fields.words("fingerprint").iter().filter_map(|text| parsed(text, intake)).collect();
    let Some(id) = named.or_else(|| fingerprints.first().map(ToString::to_string)) else { return };
    let word = fields.text("credential_type").map(|word| word.to_lowercase().replace(['_', ' '], "-"));
    let kind = word.and_then(|word| word.parse().ok()).unwrap_or(CredentialType::Other);
    let key = EntityKey { native_id: id, ..owner.clone() };
    let mut credential = Credential::new(key.clone(), Some(owner.clone()), kind);
    credential.public_id = fields.text("public_id");
    credential.fingerprints = fingerprints;
    credential.created = fields.time("created");
    credential.last_used = fields.time("last_used");
    credential.last_rotated = fields.time("last_rotated");
    credential.expires_at = fields.time("expires");
    credential.store_ref = fields.text("store_ref");
    credential.status =
        fields.text("status").and_then(|word| word.to_lowercase().parse().ok()).unwrap_or(CredentialStatus::Unknown);
    intake.credential(credential);
    for workload in fields.words("workload") {
        intake.workload(Workload {
            kind: WorkloadKind::Service,
            reference: workload.clone(),
            repo: None,
            env: fields.text("env"),
            lifecycle: None,
        });
        intake.consumer(Consumer {
            credential: Some(key.clone()),
            name: key.native_id.clone(),
            workload: workload.clone(),
            distribution: Distribution::Manual,
            locator: "export".to_owned(),
            confirmed_at: None,
        });
    }
}

/// A fingerprint of ours. Whatever else stands in that column may be a secret: it isn't shown.
fn parsed(text: &str, intake: &mut Intake<'_>) -> Option<CredentialFp> {
    let fingerprint = CredentialFp::parse(text).or_else(|| super::github::ssh_fingerprint(text));
    if fingerprint.is_none() {
        intake.dropped_secret();
        intake.problem("a fingerprint that is none");
    }
    fingerprint
}

fn fingerprints(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let all: Vec<_> = fields.words("fingerprints").iter().filter_map(|text| parsed(text, intake)).collect();
    let (Some(name), false) = (fields.text("name"), all.is_empty()) else {
        return intake.problem("an entry without name or fingerprints");
    };
    let source = fields.text("source").unwrap_or_else(|| "collector".to_owned());
    let key = EntityKey::new("vault", intake.account(), &format!("{source}#{name}"));
    let word = fields.text("type");
    let kind = word.and_then(|word| word.parse().ok()).unwrap_or(CredentialType::StoredSecret);
    let mut credential = Credential::new(key, None, kind);
    credential.name = Some(name.clone());
    credential.store_ref = Some(format!("{source}#{name}"));
    credential.public_id = fields.text("public_id");
    credential.fingerprints = all;
    credential.status = CredentialStatus::Active;
    credential.created = fields.time("created");
    credential.raw = Extra::from([("collected_from".to_owned(), source)]);
    intake.credential(credential);
}
