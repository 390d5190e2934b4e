//! The provider matrix: how a credential of each sort is made, moved to, put out of use, proven dead and deleted. Differences
//! between providers are data (`providers.toml`), not code.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// How old and new credential relate in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Both live until the new one is proven: no interruption.
    Dual,
    /// The new one ends the old one: consumers must follow at once.
    Single,
    /// The old one is ended; no machine can make a new one.
    Revoke,
    /// Contain first: the old one is put out of use before there is a new one.
    Emergency,
}

impl Strategy {
    /// The name used in files and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Dual => "dual",
            Strategy::Single => "single",
            Strategy::Revoke => "revoke",
            Strategy::Emergency => "emergency",
        }
    }
}

/// What may be done about a call whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// Make it again: the outcome is the same.
    Safe,
    /// Make it again: its known error means that it was done before.
    Done,
    /// Look at the provider's state first. Made twice, it does harm.
    Never,
}

/// One call of a provider, in the provider's own words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The call, with `{principal}` and the like to be filled in.
    pub call: String,
    /// What may be done if its answer is lost.
    pub repeat: Repeat,
    /// The error by which a repeated call says that it was done before.
    pub repeated: Option<String>,
    /// The call that takes it back, where there is one.
    pub undo: Option<String>,
    /// What proves the step.
    pub expect: Option<String>,
    /// Seconds until the provider's answer can be trusted.
    pub delay_s: Option<u64>,
    /// What a person should know.
    pub note: Option<String>,
    /// Does it take the credential itself?
    #[serde(default)]
    pub needs_secret: bool,
    /// Can only a person do it?
    #[serde(default)]
    pub manual: bool,
}

/// One row of the matrix.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What a person calls this sort of credential.
    pub name: String,
    /// Rule ids, `provider.*`, or `*`.
    pub rules: Vec<String>,
    /// Sorts of credentials as an inventory has them, `provider.sort`: of one that is linked it says more than the rule.
    #[serde(default)]
    pub credentials: Vec<String>,
    /// How old and new relate.
    pub strategy: Strategy,
    /// How many credentials of this sort an identity may have at once.
    pub slots: Option<u8>,
    /// Makes the new one.
    pub create: Option<Call>,
    /// Proves the new one.
    pub verify_new: Option<Call>,
    /// Puts the old one out of use, reversibly.
    pub deactivate: Option<Call>,
    /// Proves the old one dead.
    pub verify_dead: Option<Call>,
    /// Ends the old one for good.
    pub delete: Option<Call>,
    /// Where the calls are documented.
    pub source: String,
}

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        provider: Vec<Provider>,
    }
    let file: File = toml::from_str(include_str!("providers.toml")).expect("a test reads the embedded matrix");
    file.provider
});

/// All rows, in the order in which they are tried. Parsed at the first call.
#[must_use]
pub fn providers() -> &'static [Provider] {
    &PROVIDERS
}

/// The row for credentials that `rule_id` finds, or of that sort (`postgres.password`): the first that names it. There is always one.
///
/// ```
/// let provider = unleak::rotate::provider_of("aws.access-key-pair");
/// assert_eq!(provider.name, "AWS IAM access key");
/// assert_eq!(provider.slots, Some(2));
/// ```
#[must_use]
pub fn provider_of(rule_id: &str) -> &'static Provider {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => rule_id.starts_with(start),
        None => pattern == rule_id,
    };
    let names = |provider: &&Provider| provider.rules.iter().chain(&provider.credentials).any(|pattern| fits(pattern));
    let row = PROVIDERS.iter().find(names);
    row.expect("the last row is for every rule")
}

/// Does the matrix know this sort of credential (`postgres.password`)?
pub(super) fn knows(sort: &str) -> bool {
    PROVIDERS.iter().any(|provider| provider.credentials.iter().any(|known| known == sort))
}

#[cfg(test)]
mod tests {
    use super::{Strategy, knows, provider_of, providers};

    #[test]
    fn sorts_of_an_inventory_lead_to_a_row() {
        for (sort, name) in [
            ("postgres.password", "Database password"),
            ("kubernetes.service-account-token", "Kubernetes service account token"),
            ("aws.access-key", "AWS IAM access key"),
        ] {
            assert!(knows(sort) && provider_of(sort).name == name, "{sort}");
        }
        assert!(!knows("aws.password") && !knows("jwt.token"));
    }

    #[test]
    fn every_row_can_end_a_credential_and_prove_it() {
        for provider in providers() {
            assert!(provider.verify_dead.as_ref().is_some_and(|call| call.expect.is_some()), "{}", provider.name);
            let ends = provider.deactivate.is_some() || provider.delete.is_some();
            assert!(ends || provider.strategy == Strategy::Single, "{}", provider.name);
        }
    }
}
