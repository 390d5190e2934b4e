use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Severity;

/// What a credential technically is. The words are those of the catalogue's `kind` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the field's own words")]
pub enum CredentialKind {
    ApiKey,
    ClientSecret,
    ConnectionString,
    Jwt,
    OauthToken,
    Other,
    Password,
    Pat,
    PrivateKey,
    ServiceAccountKey,
    Session,
    SigningSecret,
    WebhookUrl,
}

/// What sort of machine or user identity a credential of this type acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the field's own words")]
pub enum IdentityKind {
    ApiKey,
    Bot,
    Certificate,
    CiToken,
    CloudRole,
    DbUser,
    OauthApp,
    Other,
    ServiceAccount,
    UserToken,
    Webhook,
}

macro_rules! kebab_names {
    ($type:ident: $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// The kebab-case name used in files and reports.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }
    };
}

kebab_names!(CredentialKind: ApiKey = "api-key", ClientSecret = "client-secret", ConnectionString = "connection-string",
    Jwt = "jwt", OauthToken = "oauth-token", Other = "other", Password = "password", Pat = "pat",
    PrivateKey = "private-key", ServiceAccountKey = "service-account-key", Session = "session",
    SigningSecret = "signing-secret", WebhookUrl = "webhook-url");
kebab_names!(IdentityKind: ApiKey = "api-key", Bot = "bot", Certificate = "certificate", CiToken = "ci-token",
    CloudRole = "cloud-role", DbUser = "db-user", OauthApp = "oauth-app", Other = "other",
    ServiceAccount = "service-account", UserToken = "user-token", Webhook = "webhook");

/// What a report says about the rule behind a finding. Built-in rules borrow all of it from the binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleMeta {
    /// Stable id, `provider.credential`.
    pub id: Cow<'static, str>,
    /// What a person calls this credential, for example "GitHub personal access token (classic)".
    pub name: Cow<'static, str>,
    /// The provider's display name.
    pub provider: Cow<'static, str>,
    /// Harm of a live credential of this type.
    pub severity: Severity,
    /// What the credential technically is.
    pub kind: CredentialKind,
    /// What it acts as.
    pub identity: IdentityKind,
    /// Pages that document the format or how to revoke it; may be empty.
    pub references: Cow<'static, [Cow<'static, str>]>,
}
