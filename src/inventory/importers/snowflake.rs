//! Snowflake: users, and their credentials.

use crate::{
    inventory::{Coverage, Entry, Format, Importer, Intake, Reading, Shape},
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, Effect, EntityKey, FpScheme, Grant, Identity,
        IdentityState, Kind, Revocation,
    },
};

pub(super) const USERS: Importer = Importer {
    name: "snowflake-users",
    title: "Snowflake users (SHOW USERS, or SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.USERS, as CSV or JSON)",
    shapes: &[
        Shape { format: Format::Table, path: "", fields: &["name", "login_name", "has_rsa_public_key"] },
        Shape { format: Format::Json, path: "[]", fields: &["name", "login_name", "has_rsa_public_key"] },
        Shape { format: Format::Json, path: "[]", fields: &["NAME", "LOGIN_NAME", "HAS_RSA_PUBLIC_KEY"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(user),
};

pub(super) const CREDENTIALS: Importer = Importer {
    name: "snowflake-credentials",
    title: "Snowflake credentials (SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.CREDENTIALS, as CSV or JSON)",
    shapes: &[
        Shape { format: Format::Table, path: "", fields: &["credential_id", "user_name", "type"] },
        Shape { format: Format::Json, path: "[]", fields: &["credential_id", "user_name", "type"] },
        Shape { format: Format::Json, path: "[]", fields: &["CREDENTIAL_ID", "USER_NAME", "TYPE"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(credential),
};

/// Names of columns come in capitals from JSON, in small letters from tables.
struct Row<'e>(&'e Entry<'e>);

impl Row<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.0.fields.any(&[name, &name.to_ascii_uppercase()])
    }

    fn time(&self, name: &str) -> Option<crate::model::identity::Timestamp> {
        self.0.fields.time(name).or_else(|| self.0.fields.time(&name.to_ascii_uppercase()))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.0.fields.flag(name).or_else(|| self.0.fields.flag(&name.to_ascii_uppercase()))
    }
}

fn user_key(intake: &Intake<'_>, name: &str) -> EntityKey {
    EntityKey::new("snowflake", intake.account(), name)
}

fn user(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let row = Row(entry);
    let Some(name) = row.text("name") else { return intake.problem("a user without name") };
    let key = user_key(intake, &name);
    let kind = match row.text("type").as_deref() {
        Some("SERVICE" | "LEGACY_SERVICE" | "SNOWFLAKE_SERVICE") => Kind::ServiceAccount,
        // Not set counts as a person there, but many machines are older than the column.
        _ => Kind::User,
    };
    let mut identity = Identity::new(key.clone(), kind, &name);
    identity.created = row.time("created_on");
    identity.last_used = row.time("last_success_login");
    identity.expires_at = row.time("expires_at_time").or_else(|| row.time("expires_at"));
    identity.purpose = row.text("comment");
    if row.time("deleted_on").is_some() {
        identity.state = IdentityState::Offboarded;
    } else if row.flag("disabled") == Some(true) {
        identity.state = IdentityState::Suspended;
    }
    let role = row.text("default_role");
    identity.privileged = role.as_deref().filter(|role| is_high_risk(role)).map(|_| true);
    identity.raw = entry.fields.pick(&["login_name", "LOGIN_NAME", "owner", "OWNER", "type", "TYPE"]);
    let is_on = identity.state == IdentityState::Active;
    intake.identity(identity);
    if let Some(role) = role {
        intake.grant(Grant {
            identity: key.clone(),
            resource: "*".to_owned(),
            high_risk: is_high_risk(&role),
            role,
            effect: Effect::Allow,
            source: "default role".to_owned(),
            conditional: false,
            expires_at: None,
            last_used: None,
        });
    }
    let slots = [
        ("has_password", "password", CredentialType::Password, ""),
        ("has_rsa_public_key", "rsa-public-key", CredentialType::PrivateKey, "rsa_public_key_fp"),
        ("has_rsa_public_key_2", "rsa-public-key-2", CredentialType::PrivateKey, "rsa_public_key_2_fp"),
    ];
    for (flag, slot, kind, fingerprint) in slots {
        let fingerprint = row.text(fingerprint).and_then(|text| public_key(&text));
        if row.flag(flag) != Some(true) && fingerprint.is_none() {
            continue;
        }
        let native = EntityKey { native_id: format!("{name}#{slot}"), ..key.clone() };
        let mut credential = Credential::new(native, Some(key.clone()), kind);
        credential.fingerprints.extend(fingerprint);
        credential.status = if is_on { CredentialStatus::Active } else { CredentialStatus::Inactive };
        credential.last_rotated =
            row.time(if slot == "password" { "password_last_set_time" } else { "rsa_public_key_last_set_time" });
        credential.revocation = Revocation::Final;
        intake.credential(credential);
    }
}

fn is_high_risk(role: &str) -> bool {
    matches!(
        role.to_ascii_uppercase().as_str(),
        "ACCOUNTADMIN" | "SECURITYADMIN" | "USERADMIN" | "ORGADMIN" | "SYSADMIN"
    )
}

/// `SHA256:` and base64 of the digest of the public key, as `DESC USER` has it.
fn public_key(text: &str) -> Option<CredentialFp> {
    let digest = data_encoding::BASE64.decode(text.strip_prefix("SHA256:")?.as_bytes()).ok()?;
    (digest.len() == 32).then(|| CredentialFp::public(FpScheme::SpkiSha256, &data_encoding::HEXLOWER.encode(&digest)))
}

fn credential(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let row = Row(entry);
    let (Some(id), Some(user)) = (row.text("credential_id"), row.text("user_name")) else {
        return intake.problem("a credential without id or user");
    };
    let kind = match row.text("type").unwrap_or_default().as_str() {
        "PAT" => CredentialType::Pat,
        "KEYPAIR" | "RSA_KEY_PAIR" => CredentialType::PrivateKey,
        "PASSWORD" => CredentialType::Password,
        // Second factors of people.
        _ => CredentialType::Other,
    };
    let owner = user_key(intake, &user);
    let native = EntityKey { native_id: format!("credential/{id}"), ..owner.clone() };
    let mut credential = Credential::new(native, Some(owner), kind);
    credential.public_id = Some(id);
    credential.name = row.text("name");
    credential.created = row.time("created_on");
    credential.last_used = row.time("last_used_on");
    credential.last_rotated = row.time("last_altered");
    credential.expires_at = row.time("expiration_date");
    credential.status = match row.text("status").unwrap_or_default().as_str() {
        "ACTIVE" | "ENROLLED" => CredentialStatus::Active,
        "EXPIRED" => CredentialStatus::Expired,
        "DISABLED" => CredentialStatus::Inactive,
        _ => match credential.expires_at {
            Some(end) if end < intake.now() => CredentialStatus::Expired,
            _ => CredentialStatus::Unknown,
        },
    };
    credential.revocation = Revocation::Final;
    credential.raw = entry.fields.pick(&["type", "TYPE", "domain", "DOMAIN", "comment", "COMMENT"]);
    intake.credential(credential);
}

#[cfg(test)]
mod tests {
    use super::public_key;

    #[test]
    fn fingerprints_are_those_of_any_other_public_key() {
        let text = format!("SHA256:{}", data_encoding::BASE64.encode(&[0xab; 32]));
        assert_eq!(public_key(&text).map(|fp| fp.value), Some("ab".repeat(32)));
        assert_eq!((public_key("SHA256:AAAA"), public_key("x")), (None, None));
    }
}
