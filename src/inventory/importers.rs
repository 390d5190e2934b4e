//! The importers, one file per provider. A new one is a file and lines in [`IMPORTERS`].

mod ai;
mod aws;
mod aws_policy;
mod consumers;
mod databases;
mod entra;
mod gcp;
mod generic;
mod github;
mod gitlab;
mod keys;
mod kubernetes;
mod okta;
mod openbao;
mod ownership;
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
    ownership::BACKSTAGE,
    ownership::CODEOWNERS,
    consumers::CONSUMERS,
    entra::APPLICATIONS,
    entra::SERVICE_PRINCIPALS,
    generic::FINGERPRINTS,
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
    okta::API_TOKENS,
    okta::APP_SECRETS,
    okta::APPS,
    ai::OPENAI,
    openbao::ENTITIES,
    openbao::LEASES,
    openbao::SECRET_IDS,
    openbao::TOKENS,
    databases::POSTGRES,
    databases::REDIS,
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
    IMPORTERS
        .iter()
        .find(|importer| importer.name == name)
        .ok_or_else(|| InventoryError::UnknownImporter(crate::model::Escaped(name.as_bytes()).to_string()))
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
