//! The linkers: one function each, one line in [`LINKERS`].

use super::{
    evidence::{Evidence, Proposal, Tier},
    facts::Facts,
    known::{Candidate, Known},
};
use crate::model::identity::repository_name;

/// Looks for one kind of evidence.
pub struct Linker {
    /// Its name in evidence.
    pub name: &'static str,
    /// What it looks for, without a full stop.
    pub description: &'static str,
    run: fn(&Known, &Facts) -> Vec<Proposal>,
}

impl Linker {
    /// What it proposes for a finding, from what the inventory says that may concern it; in a fixed order, without duplicates.
    #[must_use]
    pub fn propose(&self, known: &Known, facts: &Facts) -> Vec<Proposal> {
        (self.run)(known, facts)
    }
}

/// All linkers, the strongest evidence first.
pub const LINKERS: &[Linker] = &[
    Linker { name: "fingerprint", description: "a digest of the secret that the inventory has, too", run: fingerprint },
    Linker { name: "public-id", description: "the public part of the credential", run: public_id },
    Linker { name: "principal", description: "whom it acts as, by name or address", run: principal },
    Linker { name: "partial-id", description: "the characters that its provider shows", run: partial_id },
    Linker { name: "context", description: "what uses a credential at the place where it stands", run: context },
];

fn proposal(candidate: &Candidate, tier: Tier, confidence: f64, evidence: Evidence) -> Proposal {
    let Candidate { credential, identity, .. } = candidate.clone();
    Proposal { credential, identity, tier, confidence, evidence: vec![evidence] }
}

fn evidence(rule: &str, fields: (&str, &str), value: &str, weight: f64, candidate: &Candidate) -> Evidence {
    Evidence {
        rule: rule.to_owned(),
        finding_field: fields.0.to_owned(),
        inventory_field: fields.1.to_owned(),
        value: value.to_owned(),
        weight,
        snapshot: candidate.snapshot.clone(),
    }
}

fn fingerprint(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let found = known.by_fingerprint(&facts.id).iter().map(|candidate| {
        let found = evidence("fingerprint", ("secret", "credential_fp"), &candidate.detail, 1.0, candidate);
        proposal(candidate, Tier::A0, 1.0, found)
    });
    found.collect()
}

/// The public id by which a finding is looked for.
pub(super) fn shown_id(facts: &Facts) -> Option<&str> {
    facts.public_id.as_deref().filter(|id| id.len() >= 4)
}

fn public_id(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let mut proposals = stored_token(known, facts);
    let Some(public_id) = shown_id(facts) else { return proposals };
    for candidate in known.by_public_id(public_id) {
        // A table without providers says nothing against the finding's; what is short could be anybody's, though.
        let same = same_provider(&facts.provider, &candidate.provider)
            || (candidate.provider == NO_PROVIDER && public_id.len() >= PARTICULAR);
        let confidence = if same { 0.97 } else { 0.6 };
        let found = evidence("public-id", ("public_id", "credential.public_id"), public_id, confidence, candidate);
        // Under another provider's name the id may be another's as well.
        let tier = if same { Tier::A2 } else { Tier::B2 };
        proposals.push(proposal(candidate, tier, confidence, found));
    }
    proposals
}

/// The id of the Secret that a token says it is stored in.
pub(super) fn stored_in(facts: &Facts) -> Option<String> {
    Some(format!("secret/{}/{}", facts.attribute("namespace")?, facts.attribute("secret-name")?))
}

/// By what an inventory may know whom a finding acts as, or where it is stored: ids and names, exactly as they stand there.
pub(super) fn names(facts: &Facts) -> Vec<String> {
    principals(facts).into_iter().map(|(_, name)| name).chain(stored_in(facts)).collect()
}

/// A token of a service account that says in which Secret it is stored is that Secret's.
fn stored_token(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let Some(native) = stored_in(facts) else { return Vec::new() };
    let found = known.by_secret(&native).iter().map(|candidate| {
        let found = evidence("public-id", ("secret-name", "credential.native_id"), &native, 0.97, candidate);
        proposal(candidate, Tier::A2, 0.97, found)
    });
    found.collect()
}

/// What importers write where an export doesn't say whose credentials it lists.
const NO_PROVIDER: &str = "generic";

/// So many characters aren't met twice by chance.
const PARTICULAR: usize = 20;

/// Rules and inventories name some providers differently.
pub(super) fn same_provider(rule: &str, inventory: &str) -> bool {
    const SAME: &[&[&str]] = &[
        &["hashicorp", "vault", "openbao"],
        &["azure", "entra", "microsoft"],
        &["gcp", "google", "firebase"],
        &["postgres", "postgresql"],
        &["kubernetes", "k8s"],
    ];
    let inventory = inventory.to_ascii_lowercase();
    rule == inventory
        || rule == "generic"
        || rule == "private-key"
        || SAME.iter().any(|names| names.contains(&rule) && names.contains(&inventory.as_str()))
}

/// Whom a finding says it acts as: the attribute, and what an inventory may call that.
pub(super) fn principals(facts: &Facts) -> Vec<(&'static str, String)> {
    const NAMES: &[&str] = &[
        "user",
        "username",
        "principal",
        "email",
        "client_email",
        "client",
        "client-id",
        "client_id",
        "application-id",
        "app-id",
        "consumer-key",
        "subject",
        "sub",
        "service-account",
        "service_account",
    ];
    // What Entra and Okta call an application by its id.
    const APPLICATIONS: &[&str] = &["client", "client-id", "client_id", "application-id", "app-id"];
    let mut found = Vec::new();
    for name in NAMES {
        let Some(value) = facts.attribute(name).filter(|value| value.len() >= 3) else { continue };
        found.push((*name, value.to_owned()));
        if APPLICATIONS.contains(name) {
            found.push((*name, format!("app/{value}")));
        }
        if let Some((namespace, account)) =
            value.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
        {
            found.push((*name, format!("{namespace}/{account}")));
        }
    }
    if let (Some(namespace), Some(account)) = (facts.attribute("namespace"), facts.attribute("service-account")) {
        found.push(("service-account", format!("{namespace}/{account}")));
    }
    // Synapse writes the user into its tokens.
    if let Some(user) = facts.public_id.as_deref().filter(|_| facts.rule == "matrix.synapse-access-token") {
        found.extend(synapse_user(user).map(|user| ("public_id", user)));
    }
    // Routable tokens of GitLab tell the number of their user, keys of Stripe their account.
    if facts.provider == "gitlab" {
        found.extend(facts.attribute("user-id").map(|id| ("user-id", format!("user/{id}"))));
    }
    if facts.provider == "stripe" {
        found.extend(facts.attribute("account").map(|id| ("account", id.to_owned())));
    }
    // The principal of an application in a tenant.
    found.extend(facts.attribute("object").map(|id| ("object", format!("sp/{id}"))));
    found
}

/// The local part of a user's name, as a token of Synapse has it: base64, sometimes without its padding.
fn synapse_user(encoded: &str) -> Option<String> {
    let bytes = data_encoding::BASE64_NOPAD.decode(encoded.trim_end_matches('=').as_bytes()).ok()?;
    String::from_utf8(bytes).ok().filter(|user| user.len() >= 3)
}

/// A token may be of any issuer, and a table of any provider: there a name must be of a kind that isn't met twice by chance.
fn may_be_of(facts: &Facts, provider: &str, value: &str) -> bool {
    let is_particular = value.contains([':', '/', '@']) || value.len() >= PARTICULAR;
    same_provider(&facts.provider, provider) || ((facts.provider == "jwt" || provider == NO_PROVIDER) && is_particular)
}

fn principal(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (name, value) in principals(facts) {
        for candidate in known.by_name(&value) {
            let host = facts.attribute("host").is_some_and(|host| host.eq_ignore_ascii_case(&candidate.detail));
            if !(may_be_of(facts, &candidate.provider, &value) || host) {
                continue;
            }
            let found = evidence("principal", (name, "identity.name"), &value, 0.85, candidate);
            let mut proposed = proposal(candidate, Tier::B1, 0.85, found);
            if !proposals.iter().any(|known| known.identity == proposed.identity) {
                // An identity with one live credential has that one; it is no more certain for that.
                proposed.credential = proposed.identity.as_deref().and_then(|id| known.only_credential(id));
                proposals.push(proposed);
            }
        }
    }
    proposals
}

/// Of the secret the store knows only which hints of the inventory fit it; the odds of a coincidence follow from their length
/// and from how many credentials could fit.
fn partial_id(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let found = known.by_hint(&facts.id).iter().filter_map(|candidate| {
        let confidence = odds(&candidate.detail, known.credentials_of(&candidate.provider));
        let found = evidence("partial-id", ("secret", "credential.hint"), &candidate.detail, confidence, candidate);
        (confidence >= 0.2).then(|| proposal(candidate, Tier::B2, confidence, found))
    });
    found.collect()
}

/// What all tokens of a kind begin with: no part of what tells one from another.
const FIXED: &[&str] = &[
    "sk-",
    "sk-proj-",
    "sk-svcacct-",
    "sk-admin-",
    "sk-ant-api03-",
    "sk-ant-admin01-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "npm_",
];

/// Expected coincidences are candidates / 62^characters; with one expected it is a toss-up among two.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn odds(hint: &str, candidates: i64) -> f64 {
    let shown = hint.chars().filter(|c| c.is_ascii_alphanumeric()).count();
    let fixed = FIXED.iter().filter(|prefix| hint.starts_with(**prefix)).max_by_key(|prefix| prefix.len());
    let fixed = fixed.map_or(0, |prefix| prefix.chars().filter(char::is_ascii_alphanumeric).count());
    let shown = shown.saturating_sub(fixed);
    let expected = candidates as f64 / 62_f64.powi(i32::try_from(shown).unwrap_or(i32::MAX));
    (1.0 / (1.0 + expected)).min(0.9)
}

/// The repositories that a finding stands in, of as many places as are looked at.
pub(super) fn repositories(facts: &Facts) -> impl Iterator<Item = &str> {
    let names = facts.places.iter().take(10).map(|place| repository_name(&place.source));
    names.filter(|name| !name.is_empty())
}

/// A credential is known to be used at the place where the finding stands: a variable's name, a secret's path.
fn context(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for repository in repositories(facts) {
        for candidate in known.used_in(repository) {
            if !same_provider(&facts.provider, &candidate.provider) {
                continue;
            }
            let found = evidence("context", ("repository", "consumer.workload"), &candidate.detail, 0.4, candidate);
            let proposed = proposal(candidate, Tier::C, 0.4, found);
            match proposals.iter_mut().find(|known| known.credential == proposed.credential) {
                Some(known) if !known.evidence.contains(&proposed.evidence[0]) => {
                    known.evidence.extend(proposed.evidence)
                }
                Some(_) => {}
                None => proposals.push(proposed),
            }
        }
    }
    proposals
}

#[cfg(test)]
mod tests {
    use super::{odds, same_provider, synapse_user};
    use crate::model::identity::repository_name;

    #[test]
    fn three_characters_among_many_say_little_and_eight_say_much() {
        assert!(odds("abc", 10_000_000) < 0.1);
        assert!(odds("x7Qm2Rk9", 1_000_000) > 0.89);
        assert!(odds("sk-a", 100) < 0.6);
        // What all of them begin with says nothing; a dash of it is no character that was counted.
        assert!(odds("sk-proj-…a", 100) < 0.6 && odds("sk-ant-api03-…a", 100) < 0.6);
        assert!((odds("sk-ab", 3844) - 0.5).abs() < 1e-9, "two characters");
    }

    #[test]
    fn repositories_have_one_name_at_many_addresses() {
        for source in ["https://github.com/acme/billing.git", "git@github.com:acme/billing.git", "/srv/acme/billing/"] {
            assert_eq!(repository_name(source), "acme/billing", "{source}");
        }
        assert_eq!(repository_name("billing"), "billing");
    }

    #[test]
    fn tokens_of_synapse_name_their_user() {
        assert_eq!(synapse_user("YmlsbGluZy1ib3Q").as_deref(), Some("billing-bot"));
        assert_eq!((synapse_user("YQ"), synapse_user("_w"), synapse_user("/////w")), (None, None, None));
    }

    #[test]
    fn providers_have_several_names() {
        assert!(same_provider("hashicorp", "OpenBao") && same_provider("aws", "aws") && !same_provider("aws", "gcp"));
    }
}
