//! The importers, one file per provider. A new one is a file and lines in [`IMPORTERS`].

mod ai;
mod aws;
mod aws_policy;
mod aws_usage;
mod consumers;
mod databases;
mod entra;
mod entra_grants;
mod gcp;
mod generic;
mod github;
mod gitlab;
mod keys;
mod kubernetes;
mod okta;
mod openbao;
mod ownership;
mod slack;
mod snowflake;
mod spire;
mod terraform;

pub use aws::account_of_access_key;
pub(super) use generic::FIELDS as GENERIC_FIELDS;
pub use ownership::CodeOwners;

use super::{
    Entry, Importer, Intake, InventoryError,
    reader::{Redaction, read_table},
};

/// Every kind of export that can be imported, sorted by name.
pub const IMPORTERS: &[Importer] = &[
    ai::ANTHROPIC,
    aws::ACCESS_KEYS,
    aws::AUTHORIZATION_DETAILS,
    aws::CREDENTIAL_REPORT,
    aws::SECRETS_MANAGER,
    aws_usage::LAST_ACCESSED,
    ownership::BACKSTAGE,
    ownership::CODEOWNERS,
    consumers::CONSUMERS,
    entra::APPLICATIONS,
    entra_grants::CONSENTS,
    entra_grants::ROLES,
    entra::SERVICE_PRINCIPALS,
    generic::FINGERPRINTS,
    gcp::API_KEYS,
    gcp::POLICIES,
    gcp::KEYS,
    gcp::SERVICE_ACCOUNTS,
    generic::GENERIC,
    github::ACTIONS_SECRETS,
    github::AUDIT_LOG,
    github::AUTHORIZATIONS,
    github::DEPLOY_KEYS,
    github::TOKENS,
    github::INSTALLATIONS,
    gitlab::DEPLOY_KEYS,
    gitlab::TOKENS,
    kubernetes::RESOURCES,
    databases::MYSQL,
    okta::API_TOKENS,
    okta::APP_SECRETS,
    okta::APPS,
    ai::OPENAI,
    openbao::AUDIT_LOG,
    openbao::ENTITIES,
    openbao::LEASES,
    openbao::SECRET_IDS,
    openbao::TOKENS,
    databases::POSTGRES,
    databases::REDIS,
    slack::APPS,
    slack::BOTS,
    slack::LOGS,
    snowflake::CREDENTIALS,
    snowflake::USERS,
    spire::ENTRIES,
    keys::SSH_KEYS,
    terraform::STATE,
    keys::CERTIFICATES,
];

/// The importer of this name.
///
/// # Errors
/// If there is none.
pub fn find(name: &str) -> Result<&'static Importer, InventoryError> {
    IMPORTERS.iter().find(|importer| importer.name == name).ok_or_else(|| InventoryError::UnknownImporter {
        name: crate::model::Escaped(name.as_bytes()).to_string(),
        likely: likely(name),
    })
}

/// The importers that someone may have meant by a name that there isn't: those that share a word with it, else all.
fn likely(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1).collect();
    let all = || IMPORTERS.iter().map(|importer| importer.name);
    let alike: Vec<&str> =
        all().filter(|known| known.split('-').any(|part| words.iter().any(|word| part.starts_with(word)))).collect();
    let named = if alike.is_empty() { all().collect() } else { alike };
    named.join(", ")
}

/// Reads a table that stood inside a document.
fn read_nested_table(bytes: &[u8], intake: &mut Intake<'_>, each: fn(&Entry<'_>, &mut Intake<'_>)) {
    let outcome = read_table(bytes, b',', &Redaction::new(None), &mut |_, _, fields| {
        each(&Entry { path: "table", key: "", fields: &fields }, intake);
        Ok(())
    });
    let problems = outcome.map(|outcome| outcome.problems).unwrap_or_default();
    problems.into_iter().for_each(|problem| intake.problem(problem));
}
