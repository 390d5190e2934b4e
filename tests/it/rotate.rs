//! Rotation: runs that are cut off at every step, rotators, and what a webhook may reach.

#[path = "rotate/command.rs"]
mod command;
#[path = "rotate/crash.rs"]
mod crash;
#[cfg(all(feature = "cli", unix))]
#[path = "rotate/end_to_end.rs"]
mod end_to_end;
#[path = "rotate/held.rs"]
mod held;
#[path = "rotate/journal.rs"]
mod journal;
#[path = "rotate/runs.rs"]
mod runs;
#[path = "rotate/stored.rs"]
mod stored;
#[path = "rotate/webhook.rs"]
mod webhook;

use unleak::{
    model::Severity,
    rotate::{Consumer, Plan, Policy, Subject, Trigger},
};

/// A plan for a credential of that rule.
fn plan(rule: &str, rotator: &str) -> Plan {
    let subject = Subject {
        credential: "01CREDENTIAL".to_owned(),
        generation: 1,
        rule: rule.to_owned(),
        name: "key of svc-billing".to_owned(),
        severity: Severity::High,
        public_id: Some("PUBLIC-ID".to_owned()),
        principal: Some("svc-billing".to_owned()),
        account: Some("123456789012".to_owned()),
        identity: Some("svc-billing".to_owned()),
        privileged: false,
        owner: Some("team:payments".to_owned()),
        consumers: vec![Consumer {
            workload: "billing".to_owned(),
            distribution: "k8s-secret".to_owned(),
            locator: "billing/aws".to_owned(),
        }],
        public: false,
        confidence: 97,
        first_seen_ms: 1_000,
    };
    Plan::new(subject, Trigger::Finding, rotator, &Policy::default())
}

#[test]
fn every_rule_that_the_matrix_names_exists_and_the_last_row_is_for_all() {
    use unleak::rotate::{matrix::providers, provider_of};
    let rules = unleak::rule::builtin();
    for provider in providers() {
        for pattern in &provider.rules {
            let start = pattern.trim_end_matches('*');
            assert!(rules.iter().any(|rule| rule.meta.id.starts_with(start)), "{}: {pattern}", provider.name);
        }
    }
    assert_eq!(provider_of("nobody.knows").rules, ["*"]);
}
