//! AWS: access keys, the credential report, authorization details, Secrets Manager.
//!
//! Users are known by `user/NAME` within their account, whatever path their ARN has: a listing of keys has no path. The
//! credential report has no key ids: its keys are `user/NAME#CREATED`, and whoever stores them joins them to the key of
//! that user that was created at that moment.

use std::collections::HashMap;

use serde_json::Value;

use super::aws_policy::{document, grants, is_administrator, trusted};
use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, ReadLinked, Reading, Shape},
    model::identity::{
        Credential, CredentialStatus, CredentialType, Effect, EntityKey, Grant, Identity, Kind, Revocation,
    },
};

pub(super) const CREDENTIAL_REPORT: Importer = Importer {
    name: "aws-credential-report",
    title: "AWS credential report (aws iam get-credential-report, its CSV or the JSON around it)",
    shapes: &[
        Shape {
            format: Format::Table,
            path: "",
            fields: &["user", "arn", "access_key_1_active", "access_key_2_active"],
        },
        Shape { format: Format::Json, path: "", fields: &["Content", "GeneratedTime", "ReportFormat"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(credential_report),
};

pub(super) const ACCESS_KEYS: Importer = Importer {
    name: "aws-access-keys",
    title: "AWS access keys (aws iam list-access-keys, get-access-key-last-used)",
    shapes: &[
        Shape { format: Format::Json, path: "AccessKeyMetadata[]", fields: &["UserName", "AccessKeyId", "Status"] },
        Shape { format: Format::Json, path: "[]", fields: &["UserName", "AccessKeyId", "Status"] },
        Shape { format: Format::Json, path: "", fields: &["UserName", "AccessKeyLastUsed"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(access_key),
};

pub(super) const AUTHORIZATION_DETAILS: Importer = Importer {
    name: "aws-authorization-details",
    title: "AWS users, roles and policies (aws iam get-account-authorization-details)",
    shapes: &[
        Shape { format: Format::Json, path: "UserDetailList[]", fields: &["UserName", "UserId", "Arn"] },
        Shape { format: Format::Json, path: "RoleDetailList[]", fields: &["RoleName", "RoleId", "Arn"] },
        Shape { format: Format::Json, path: "GroupDetailList[]", fields: &["GroupName", "GroupId", "Arn"] },
        Shape { format: Format::Json, path: "Policies[]", fields: &["PolicyName", "PolicyId", "PolicyVersionList"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Linked(|| Box::<Authorization>::default()),
};

pub(super) const SECRETS_MANAGER: Importer = Importer {
    name: "aws-secrets-manager",
    title: "AWS Secrets Manager (aws secretsmanager list-secrets)",
    shapes: &[
        Shape { format: Format::Json, path: "SecretList[]", fields: &["ARN", "Name", "SecretVersionsToStages"] },
        Shape { format: Format::Json, path: "SecretList[]", fields: &["ARN", "Name"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(stored_secret),
};

/// The account that issued an access key: twelve digits inside the id. `None` for ids of the old form, and for made-up ones.
#[must_use]
pub fn account_of_access_key(id: &str) -> Option<String> {
    let digits = id.get(4..).filter(|_| id.len() == 20)?;
    let bytes = data_encoding::BASE32.decode(digits.as_bytes()).ok()?;
    let number = bytes.get(..6)?.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    // The lowest seven bits belong to the key, the highest says that the id is of the new form.
    let is_new_form = number & (1 << 47) != 0;
    let account = (number & 0x7fff_ffff_ff80) >> 7;
    (is_new_form && account > 0 && account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

fn account_of_arn(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn user_key(account: &str, name: &str) -> EntityKey {
    if name == "<root_account>" {
        return EntityKey::new("aws", account, "root");
    }
    EntityKey::new("aws", account, &format!("user/{name}"))
}

fn credential_report(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    if entry.fields.get("Content").is_some() {
        return wrapped_report(entry.fields, intake);
    }
    let row = entry.fields;
    let (Some(name), Some(arn)) = (row.text("user"), row.text("arn")) else {
        return intake.problem("a row without user or ARN");
    };
    let account = account_of_arn(&arn).to_owned();
    if account.len() != 12 {
        return intake.problem("a row whose ARN has no account");
    }
    intake.says_account(&account);
    let key = user_key(&account, &name);
    let mut identity = Identity::new(key.clone(), Kind::ServiceAccount, &name);
    let has_console = row.flag("password_enabled") == Some(true) || name == "<root_account>";
    if has_console {
        identity.kind = Kind::User;
        identity.access_path = Some("console".to_owned());
    }
    if name == "<root_account>" {
        identity.privileged = Some(true);
    }
    identity.created = row.time("user_creation_time");
    identity.raw = row.pick(&["arn", "mfa_active"]);
    let uses = ["password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"]; // unleak:allow
    identity.last_used = uses.iter().filter_map(|field| row.time(field)).max();
    intake.identity(identity);
    for slot in ["access_key_1", "access_key_2"] {
        if let Some(credential) = report_key(row, &key, slot) {
            intake.credential(credential);
        }
    }
    for slot in ["cert_1", "cert_2"] {
        if row.flag(&format!("{slot}_active")) == Some(true) {
            let native = EntityKey { native_id: format!("{}#{slot}", key.native_id), ..key.clone() };
            let mut credential = Credential::new(native, Some(key.clone()), CredentialType::Certificate);
            credential.status = CredentialStatus::Active;
            credential.last_rotated = row.time(&format!("{slot}_last_rotated"));
            intake.credential(credential);
        }
    }
    if has_console {
        let native = EntityKey { native_id: format!("{}#password", key.native_id), ..key.clone() };
        let mut credential = Credential::new(native, Some(key), CredentialType::Password);
        credential.status = CredentialStatus::Active;
        credential.last_used = row.time("password_last_used");
        credential.last_rotated = row.time("password_last_changed");
        credential.expires_at = row.time("password_next_rotation");
        intake.credential(credential);
    }
}

/// One of the two keys of a row. A slot that was never filled has no rotation date.
fn report_key(row: &Fields, user: &EntityKey, slot: &str) -> Option<Credential> {
    let active = row.flag(&format!("{slot}_active"))?;
    let created = row.time(&format!("{slot}_last_rotated"))?;
    let native = EntityKey { native_id: format!("{}#{created}", user.native_id), ..user.clone() };
    let mut credential = Credential::new(native, Some(user.clone()), CredentialType::AccessKey);
    credential.status = if active { CredentialStatus::Active } else { CredentialStatus::Inactive };
    credential.created = Some(created);
    credential.last_rotated = Some(created);
    credential.last_used = row.time(&format!("{slot}_last_used_date"));
    credential.revocation = Revocation::Reversible;
    credential.raw.insert("slot".to_owned(), slot.to_owned());
    let used = [format!("{slot}_last_used_region"), format!("{slot}_last_used_service")];
    for (name, field) in ["last_used_region", "last_used_service"].iter().zip(used) {
        credential.raw.extend(row.text(&field).map(|value| ((*name).to_owned(), value)));
    }
    Some(credential)
}

/// The answer of the interface itself: the CSV in base64, and when it was made.
fn wrapped_report(fields: &Fields, intake: &mut Intake<'_>) {
    if let Some(time) = fields.time("GeneratedTime") {
        intake.says_time(time);
    }
    let Some(Value::String(content)) = fields.get("Content") else {
        return intake.problem("a report without content");
    };
    // Some tools decode it already.
    let decoded =
        data_encoding::BASE64.decode(content.trim().as_bytes()).unwrap_or_else(|_| content.clone().into_bytes());
    super::read_nested_table(&decoded, intake, credential_report);
}

fn access_key(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    if entry.path.is_empty() {
        return last_used(fields, intake);
    }
    let (Some(user), Some(id)) = (fields.text("UserName"), fields.text("AccessKeyId")) else {
        return intake.problem("an access key without user or id");
    };
    let account = account_of_access_key(&id).unwrap_or_else(|| intake.account().to_owned());
    intake.says_account(&account);
    let user_key = user_key(&account, &user);
    let mut credential =
        Credential::new(EntityKey::new("aws", &account, &id), Some(user_key), CredentialType::AccessKey);
    credential.public_id = Some(id);
    credential.status = match fields.str("Status") {
        Some("Active") => CredentialStatus::Active,
        Some("Inactive") => CredentialStatus::Inactive,
        _ => CredentialStatus::Unknown,
    };
    credential.created = fields.time("CreateDate");
    credential.last_rotated = credential.created;
    credential.revocation = Revocation::Reversible;
    // Tools that put both answers together.
    credential.last_used = fields.time("AccessKeyLastUsed.LastUsedDate");
    intake.credential(credential);
}

/// The answer about one key: it names the user, and the key only if whoever asked put it in.
fn last_used(fields: &Fields, intake: &mut Intake<'_>) {
    let (Some(user), Some(id)) = (fields.text("UserName"), fields.text("AccessKeyId")) else {
        if fields.get("AccessKeyLastUsed").is_some() {
            intake.problem("a last use without AccessKeyId: add it to the answer of get-access-key-last-used");
        }
        return;
    };
    let account = account_of_access_key(&id).unwrap_or_else(|| intake.account().to_owned());
    intake.says_account(&account);
    let user_key = user_key(&account, &user);
    let mut credential =
        Credential::new(EntityKey::new("aws", &account, &id), Some(user_key), CredentialType::AccessKey);
    credential.public_id = Some(id);
    credential.last_used = fields.time("AccessKeyLastUsed.LastUsedDate");
    let used = Fields(fields.get("AccessKeyLastUsed").cloned().unwrap_or_default());
    for (name, field) in [("last_used_region", "Region"), ("last_used_service", "ServiceName")] {
        credential.raw.extend(used.text(field).map(|value| (name.to_owned(), value)));
    }
    intake.credential(credential);
}

/// Users, roles, groups and policies come in separate lists; what a user may do is known when all have been read.
#[derive(Default)]
struct Authorization {
    identities: Vec<Pending>,
    /// ARN of a group's name → its policies.
    groups: HashMap<String, Vec<Policy>>,
    /// ARN of a policy → its document.
    policies: HashMap<String, Value>,
}

/// An identity whose grants wait.
struct Pending {
    identity: Identity,
    policies: Vec<Policy>,
    groups: Vec<String>,
}

/// A policy by its document, or by its ARN.
#[derive(Clone)]
enum Policy {
    Inline(String, Value),
    Attached(String),
}

impl ReadLinked for Authorization {
    fn entry(&mut self, entry: &Entry<'_>, intake: &mut Intake<'_>) {
        let fields = entry.fields;
        match entry.path {
            "UserDetailList[]" => self.principal(fields, "UserName", "UserPolicyList", intake),
            "RoleDetailList[]" => self.principal(fields, "RoleName", "RolePolicyList", intake),
            "GroupDetailList[]" => {
                let policies = policies_of(fields, "GroupPolicyList", intake);
                self.groups.extend(fields.text("GroupName").map(|name| (name, policies)));
            }
            _ => {
                let versions = fields.each("PolicyVersionList");
                let current = versions.iter().find(|version| version.flag("IsDefaultVersion") == Some(true));
                let read = current.and_then(|version| document(version.get("Document")));
                match (fields.text("Arn"), read) {
                    (Some(arn), Some(document)) => drop(self.policies.insert(arn, document)),
                    _ => intake.problem("a policy without ARN or readable document"),
                }
            }
        }
    }

    fn finish(&mut self, intake: &mut Intake<'_>) {
        for pending in std::mem::take(&mut self.identities) {
            let key = pending.identity.key.clone();
            let mut all = Vec::new();
            let mut add = |policy: &Policy, through: &str| match policy {
                Policy::Inline(name, document) => all.extend(grants(document, &key, &format!("{through}{name}"))),
                Policy::Attached(arn) => {
                    all.push(attached(&key, arn, through));
                    let document = self.policies.get(arn);
                    all.extend(
                        document.into_iter().flat_map(|document| grants(document, &key, &format!("{through}{arn}"))),
                    );
                }
            };
            pending.policies.iter().for_each(|policy| add(policy, ""));
            for group in &pending.groups {
                let policies = self.groups.get(group).into_iter().flatten();
                policies.for_each(|policy| add(policy, &format!("group/{group}: ")));
            }
            let mut identity = pending.identity;
            identity.privileged = Some(all.iter().any(|grant| grant.high_risk && !grant.conditional));
            intake.owners_from_tags(&identity);
            intake.identity(identity);
            all.into_iter().for_each(|grant| intake.grant(grant));
        }
    }
}

impl Authorization {
    fn principal(&mut self, fields: &Fields, name_field: &str, inline: &str, intake: &mut Intake<'_>) {
        let (Some(name), Some(arn)) = (fields.text(name_field), fields.text("Arn")) else {
            return intake.problem("a user or role without name or ARN");
        };
        let account = account_of_arn(&arn).to_owned();
        intake.says_account(&account);
        let is_user = name_field == "UserName";
        let key =
            if is_user { user_key(&account, &name) } else { EntityKey::new("aws", &account, &format!("role/{name}")) };
        let kind = if is_user { Kind::ServiceAccount } else { Kind::CloudRole };
        let mut identity = Identity::new(key, kind, &name);
        identity.created = fields.time("CreateDate");
        identity.last_used = fields.time("RoleLastUsed.LastUsedDate");
        identity.tags = fields.labels("Tags");
        identity.purpose = fields.text("Description");
        identity.env = environment(&identity.tags);
        identity.raw = fields.pick(&["Arn", "UserId", "RoleId", "PermissionsBoundary.PermissionsBoundaryArn"]);
        if let Some(trust) = document(fields.get("AssumeRolePolicyDocument")) {
            identity.relations = trusted(&trust);
        }
        let policies = policies_of(fields, inline, intake);
        self.identities.push(Pending { identity, policies, groups: fields.words("GroupList") });
    }
}

fn attached(identity: &EntityKey, arn: &str, through: &str) -> Grant {
    Grant {
        identity: identity.clone(),
        resource: "*".to_owned(),
        role: arn.to_owned(),
        effect: Effect::Allow,
        source: format!("{through}attached policy"),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk: is_administrator(arn),
    }
}

fn policies_of(fields: &Fields, inline: &str, intake: &mut Intake<'_>) -> Vec<Policy> {
    let mut policies = Vec::new();
    for policy in fields.each(inline) {
        match (policy.text("PolicyName"), document(policy.get("PolicyDocument"))) {
            (Some(name), Some(document)) => policies.push(Policy::Inline(name, document)),
            _ => intake.problem("an inline policy without name or readable document"),
        }
    }
    policies.extend(
        fields
            .each("AttachedManagedPolicies")
            .iter()
            .filter_map(|policy| policy.text("PolicyArn"))
            .map(Policy::Attached),
    );
    policies
}

/// Where a thing runs, by the tags that usually say so.
pub(super) fn environment(tags: &crate::model::identity::Extra) -> Option<String> {
    let is_env = |tag: &str| {
        let last = tag.rsplit(['/', ':']).next().unwrap_or(tag).to_ascii_lowercase();
        matches!(last.as_str(), "env" | "environment" | "stage")
    };
    tags.iter().find(|(tag, _)| is_env(tag)).map(|(_, value)| value.clone())
}

fn stored_secret(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(arn), Some(name)) = (fields.text("ARN"), fields.text("Name")) else {
        return intake.problem("a secret without ARN or name");
    };
    let account = account_of_arn(&arn).to_owned();
    intake.says_account(&account);
    let mut credential = Credential::new(EntityKey::new("aws", &account, &arn), None, CredentialType::StoredSecret);
    credential.store_ref = Some(name.clone());
    credential.name = Some(name);
    credential.status = if fields.time("DeletedDate").is_some_and(|time| time <= intake.now()) {
        CredentialStatus::Deleted
    } else {
        CredentialStatus::Active
    };
    credential.created = fields.time("CreatedDate");
    credential.last_used = fields.time("LastAccessedDate");
    credential.last_rotated = fields.time("LastRotatedDate").or_else(|| fields.time("LastChangedDate"));
    credential.expires_at = fields.time("DeletedDate");
    credential.raw = fields.pick(&["RotationEnabled", "NextRotationDate", "OwningService", "KmsKeyId"]);
    credential.raw.extend(rotation_days(fields));
    let tags = fields.labels("Tags");
    credential.raw.extend(tags.into_iter().map(|(tag, value)| (format!("tag:{tag}"), value)));
    intake.credential(credential);
}

fn rotation_days(fields: &Fields) -> Option<(String, String)> {
    let days = fields.text("RotationRules.AutomaticallyAfterDays")?;
    Some(("rotation_days".to_owned(), days))
}

#[cfg(test)]
mod tests {
    use super::account_of_access_key;

    #[test]
    fn accounts_are_read_from_key_ids() {
        // A published id of a temporary key, and its account: the lower bits are those of the key.
        let id = |start: &str| format!("{start}{}", "QNZGKIQY56JQ7WML");
        assert_eq!(account_of_access_key(&id("ASIA")).as_deref(), Some("029608264753"));
        assert_eq!(account_of_access_key("AKIA"), None);
        assert_eq!(account_of_access_key(&format!("AKIA{}", "1".repeat(16))), None);
    }
}
