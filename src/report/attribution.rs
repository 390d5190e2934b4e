//! What a store knows of a finding, in words: whose it is, why that is believed, what is done about it.

use crate::model::{
    AttributedCredential, AttributedIdentity, AttributedLink, AttributedOwner, AttributedPlan, Attribution,
    identity::Timestamp,
};

/// Reasons that are told; the first are the strongest.
const MAX_REASONS: usize = 4;

/// Lines that a person reads, without secrets but as hostile as the names in them.
pub(super) fn lines(attribution: &Attribution) -> Vec<String> {
    let mut lines = vec![identity_line(attribution)];
    lines.extend(attribution.credential.as_ref().filter(|found| is_dead(found)).map(|found| {
        let closed = if attribution.state == "resolved" { "; the finding is resolved" } else { "" };
        format!("credential {}{closed}", self::credential(found))
    }));
    lines.extend(attribution.link.iter().flat_map(reasons).map(|reason| format!("because {reason}")));
    lines.push(match attribution.owners.as_slice() {
        [] => "owner not known".to_owned(),
        owners => owners.iter().map(owner).collect::<Vec<_>>().join("; "),
    });
    lines.extend(attribution.plan.as_ref().map(plan));
    lines
}

fn identity_line(attribution: &Attribution) -> String {
    let name = match (&attribution.identity, &attribution.link) {
        (Some(identity), _) => format!("identity {}", self::identity(identity)),
        (None, Some(link)) if link.status == "ambiguous" => "identity not known: several are as likely".to_owned(),
        (None, Some(link)) if !link.is_probable() => "identity not known: too little speaks for anybody".to_owned(),
        (None, _) => "identity not known".to_owned(),
    };
    match &attribution.link {
        Some(link) => format!("{name}, {}", self::link(link)),
        None => name,
    }
}

/// What an identity is called, and where.
pub(super) fn identity(identity: &AttributedIdentity) -> String {
    let account = if identity.account.is_empty() { String::new() } else { format!(" {}", identity.account) };
    let proposed = if identity.state == "active" { String::new() } else { format!(", {}", identity.state) };
    format!("{} ({}{account}{proposed})", identity.name, identity.provider)
}

fn is_dead(credential: &AttributedCredential) -> bool {
    matches!(credential.status.as_str(), "revoked" | "deleted" | "expired")
}

/// What it is, whether it works, and since when it doesn't: `access-key, generation 3, revoked, retired 2024-05-01`.
pub(super) fn credential(credential: &AttributedCredential) -> String {
    let life = credential_life(credential.generation, Some(&credential.status), credential.retired_at);
    format!("{}{life}", credential.kind)
}

/// What is known of a credential's life, to stand behind its name: `, generation 3, revoked, retired 2024-05-01`.
#[must_use]
pub fn credential_life(generation: Option<i64>, status: Option<&str>, retired_at: Option<Timestamp>) -> String {
    let generation = generation.map(|number| format!(", generation {number}"));
    let status = status.map(|status| format!(", {status}"));
    let retired = retired_at.map(|time| format!(", retired {}", time.day()));
    [generation, status, retired].into_iter().flatten().collect()
}

/// Tier and confidence.
pub(super) fn link(link: &AttributedLink) -> String {
    let status = if link.status == "auto" { String::new() } else { format!(", {}", link.status) };
    format!("tier {} ({:.0} %{status})", link.tier, link.confidence * 100.0)
}

/// What speaks for a link and against it.
pub(super) fn reasons(link: &AttributedLink) -> Vec<String> {
    let reason = |item: &crate::model::Evidence| {
        let sides = match item.finding_field.is_empty() {
            true => String::new(),
            false => format!("{} = {}: ", item.finding_field, item.inventory_field),
        };
        format!("{}: {sides}{}", item.rule, item.value)
    };
    link.evidence.iter().take(MAX_REASONS).map(reason).collect()
}

/// Who answers, and how that is known.
pub(super) fn owner(owner: &AttributedOwner) -> String {
    let name = owner.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let why = owner.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("owner {} {}{name} (by {}{why})", owner.kind, owner.reference, owner.origin)
}

/// How far a plan is.
pub(super) fn plan(plan: &AttributedPlan) -> String {
    let due = plan.rotate_by.map(|time| format!(", rotate by {time}")).unwrap_or_default();
    let run = plan.run_state.as_ref().map(|state| format!(", run {}", state.replace('_', " "))).unwrap_or_default();
    format!("plan {} ({}) {}{run}{due}", plan.id, plan.strategy, plan.state.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::model::{AttributedCredential, AttributedLink, Attribution, Evidence, identity::Timestamp};

    #[test]
    fn what_is_not_known_is_said() {
        let mut nothing = Attribution {
            finding: "01".to_owned(),
            state: "open".to_owned(),
            risk: 10,
            identity: None,
            credential: None,
            owners: Vec::new(),
            link: None,
            plan: None,
        };
        assert_eq!(lines(&nothing), ["identity not known", "owner not known"]);
        let evidence = Evidence {
            rule: "context".to_owned(),
            finding_field: "repository".to_owned(),
            inventory_field: "consumer.workload".to_owned(),
            value: "acme/billing".to_owned(),
            weight: 0.4,
            snapshot: None,
        };
        let link = AttributedLink {
            tier: "C".to_owned(),
            confidence: 0.4,
            status: "ambiguous".to_owned(),
            evidence: vec![evidence],
        };
        let weak = AttributedLink { status: "auto".to_owned(), ..link.clone() };
        nothing.link = Some(weak);
        assert_eq!(lines(&nothing)[0], "identity not known: too little speaks for anybody, tier C (40 %)");
        nothing.link = Some(link);
        let expected = [
            "identity not known: several are as likely, tier C (40 %, ambiguous)",
            "because context: repository = consumer.workload: acme/billing",
            "owner not known",
        ];
        assert_eq!(lines(&nothing), expected);
        nothing.state = "resolved".to_owned();
        nothing.credential = Some(AttributedCredential {
            id: "02".to_owned(),
            kind: "access-key".to_owned(),
            public_id: None,
            status: "revoked".to_owned(),
            generation: Some(3),
            retired_at: Timestamp::parse("2024-05-01T10:00:00Z"),
        });
        let dead = "credential access-key, generation 3, revoked, retired 2024-05-01; the finding is resolved";
        assert_eq!(lines(&nothing)[1], dead);
    }
}
