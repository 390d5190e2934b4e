//! Plans: what would be done to one credential, in which order, and until when.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    machine::Op,
    matrix::{Call, Provider, Repeat, Strategy, provider_of},
    policy::Policy,
};
use crate::{model::Severity, store::canonical_json};

const HOUR_MS: i64 = 3_600_000;

/// What a plan is about: one credential, as findings and inventory know it. None of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Id of the credential in the store.
    pub credential: String,
    /// Which of its generations: 1 for the first that was known. One generation is rotated once.
    pub generation: u32,
    /// By what its provider is known: `provider.sort` where the inventory says of what sort it is and the matrix knows that, else
    /// the id of the rule that found it.
    pub rule: String,
    /// What a person calls it.
    pub name: String,
    /// Harm of a live one.
    pub severity: Severity,
    /// The part of it that may be shown.
    pub public_id: Option<String>,
    /// Whom it acts as: a user, a role, a service account.
    pub principal: Option<String>,
    /// Account, tenant, host or project that it belongs to.
    pub account: Option<String>,
    /// Name of the identity that it belongs to.
    pub identity: Option<String>,
    /// May that identity do anything that an administrator may?
    pub privileged: bool,
    /// Who is responsible, and how that is known.
    pub owner: Option<String>,
    /// Who breaks when it is gone.
    pub consumers: Vec<Consumer>,
    /// Does it stand where strangers can read it?
    pub public: bool,
    /// How sure the link from finding to credential is, in percent.
    pub confidence: u8,
    /// First seen, in milliseconds since 1970 UTC: the clock of the deadline starts here.
    pub first_seen_ms: i64,
}

/// Something that uses a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Consumer {
    /// Which workload.
    pub workload: String,
    /// How the credential reaches it (`k8s-secret`, `gha-secret`, `file` …).
    pub distribution: String,
    /// Where exactly.
    pub locator: String,
}

/// Why there is a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// It was found where it must not be.
    Finding,
    /// Its time has come.
    Schedule,
    /// Its identity leaves.
    Offboarding,
    /// A person asked.
    Manual,
    /// One of many.
    Campaign,
}

impl Trigger {
    /// The name used in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Finding => "finding",
            Trigger::Schedule => "schedule",
            Trigger::Offboarding => "offboarding",
            Trigger::Manual => "manual",
            Trigger::Campaign => "campaign",
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its place, from 1.
    pub number: u32,
    /// What it does.
    pub op: Op,
    /// The exact call, or what a person is to do.
    pub call: String,
    /// What may be done if its answer is lost.
    pub repeat: Repeat,
    /// Can only a person do it?
    pub manual: bool,
    /// Does it take the credential itself?
    pub needs_secret: bool,
    /// The call that takes it back. `None` where there is none.
    pub undo: Option<String>,
    /// Is it true of it that nothing brings back what it ends?
    pub irreversible: bool,
    /// What proves it, or what its repeated call says.
    pub expect: Option<String>,
    /// Seconds that must pass before or during it.
    pub wait_s: u64,
    /// What a person should know.
    pub note: Option<String>,
}

/// A plan for one credential. Serialised, it is what an approval binds to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `unleak.plan/v1`.
    pub schema: String,
    /// What it is about.
    pub subject: Subject,
    /// Why there is one.
    pub trigger: Trigger,
    /// Name of the row of the matrix.
    pub provider: String,
    /// How old and new relate.
    pub strategy: Strategy,
    /// Which rotator carries it out.
    pub rotator: String,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The old credential must be out of use by then (milliseconds since 1970 UTC).
    pub contain_by_ms: i64,
    /// The rotation must be done by then.
    pub rotate_by_ms: i64,
    /// How many people must approve.
    pub approvals: u32,
    /// What whoever approves should weigh: steps without a way back, what nobody knows.
    pub cautions: Vec<String>,
    /// Where the provider's calls are documented.
    pub source: String,
}

impl Plan {
    /// Name and version of the schema.
    pub const SCHEMA: &'static str = "unleak.plan/v1";

    /// The plan for `subject`. Depends on nothing but its arguments: the same subject gives the same plan and hash.
    #[must_use]
    pub fn new(subject: Subject, trigger: Trigger, rotator: &str, policy: &Policy) -> Plan {
        let provider = provider_of(&subject.rule);
        let strategy = strategy(provider, &subject);
        let steps = steps(provider, strategy, &subject, policy);
        let hours = policy.sla.of(effective_severity(&subject));
        let approvals = if subject.privileged { policy.approvals_if_privileged.max(1) } else { 1 };
        Plan {
            schema: Plan::SCHEMA.to_owned(),
            contain_by_ms: subject.first_seen_ms.saturating_add(i64::from(hours.contain) * HOUR_MS),
            rotate_by_ms: subject.first_seen_ms.saturating_add(i64::from(hours.rotate) * HOUR_MS),
            cautions: cautions(provider, strategy, &subject, &steps),
            provider: provider.name.clone(),
            source: provider.source.clone(),
            rotator: rotator.to_owned(),
            subject,
            trigger,
            strategy,
            steps,
            approvals,
        }
    }

    /// SHA-256 over the canonical form, in hexadecimal: whoever approves this hash approves exactly this plan.
    #[must_use]
    pub fn hash(&self) -> String {
        let value = serde_json::to_value(self).expect("a plan's keys are strings");
        let text = canonical_json(&value).expect("a plan holds strings, small integers and booleans only");
        data_encoding::HEXLOWER.encode(&Sha256::digest(text))
    }
}

/// What is public, or may administer something, is critical, whatever rule found it; of low harm it is high, unless it is both.
fn effective_severity(subject: &Subject) -> Severity {
    match (subject.public, subject.privileged) {
        (false, false) => subject.severity,
        (true, true) => Severity::Critical,
        _ if subject.severity == Severity::Low => Severity::High,
        _ => Severity::Critical,
    }
}

fn strategy(provider: &Provider, subject: &Subject) -> Strategy {
    let contain_first = subject.public && subject.privileged;
    let can_contain = provider.deactivate.is_some() || provider.strategy == Strategy::Dual;
    if contain_first && can_contain { Strategy::Emergency } else { provider.strategy }
}

/// The order of ops. What the provider can't do is left out by [`steps`].
fn order(provider: &Provider, strategy: Strategy) -> &'static [Op] {
    use Op::{Create, Deactivate, Delete, Distribute, Grace, Observe, VerifyDead, VerifyNew};
    let reversible = provider.deactivate.is_some();
    match strategy {
        Strategy::Dual if reversible => {
            &[Create, Distribute, VerifyNew, Observe, Deactivate, VerifyDead, Grace, Delete]
        }
        // Nothing can be taken back after the deletion: who still uses the old one must be known before.
        Strategy::Dual => &[Create, Distribute, VerifyNew, Observe, Delete, VerifyDead],
        Strategy::Single if reversible => &[Create, Distribute, VerifyNew, Deactivate, VerifyDead, Grace, Delete],
        Strategy::Single => &[Create, Distribute, VerifyNew, Delete, VerifyDead],
        Strategy::Revoke => &[Deactivate, Delete, VerifyDead, Create, Distribute],
        Strategy::Emergency if reversible => &[Deactivate, VerifyDead, Create, Distribute, VerifyNew, Grace, Delete],
        Strategy::Emergency => &[Delete, VerifyDead, Create, Distribute, VerifyNew],
    }
}

fn steps(provider: &Provider, strategy: Strategy, subject: &Subject, policy: &Policy) -> Vec<Step> {
    let fill = |text: &str| fill_in(text, subject);
    let of_call = |op: Op, call: &Call| Step {
        number: 0,
        op,
        call: fill(&call.call),
        repeat: call.repeat,
        manual: call.manual,
        needs_secret: call.needs_secret,
        undo: call.undo.as_deref().map(fill),
        irreversible: op == Op::Delete,
        expect: call.expect.clone().or_else(|| call.repeated.as_ref().map(|error| format!("{error}: done before"))),
        wait_s: call.delay_s.unwrap_or(0),
        note: call.note.clone(),
    };
    let own = |op: Op, call: String, wait_s: u64| Step {
        number: 0,
        op,
        call,
        repeat: Repeat::Safe,
        manual: false,
        needs_secret: false,
        undo: None,
        irreversible: false,
        expect: None,
        wait_s,
        note: None,
    };
    let replaced = provider.create.is_some();
    let mut steps: Vec<Step> = order(provider, strategy)
        .iter()
        .filter_map(|&op| match op {
            Op::Create => provider.create.as_ref().map(|call| of_call(op, call)),
            Op::Distribute => replaced.then(|| own(op, distribution(subject), 0)),
            Op::VerifyNew => provider.verify_new.as_ref().map(|call| of_call(op, call)),
            Op::Observe => Some(own(
                op,
                format!("watch that nobody uses the old credential for {} h", policy.observe_hours),
                u64::from(policy.observe_hours) * 3600,
            )),
            Op::Deactivate => provider.deactivate.as_ref().map(|call| of_call(op, call)),
            Op::VerifyDead => provider.verify_dead.as_ref().map(|call| of_call(op, call)),
            Op::Grace => provider.delete.as_ref().map(|_| {
                own(
                    op,
                    format!("keep the way back open for {} h", policy.grace_hours),
                    u64::from(policy.grace_hours) * 3600,
                )
            }),
            Op::Delete => provider.delete.as_ref().map(|call| of_call(op, call)),
        })
        .collect();
    for (step, number) in steps.iter_mut().zip(1..) {
        step.number = number;
    }
    steps
}

fn distribution(subject: &Subject) -> String {
    if subject.consumers.is_empty() {
        return "bring the new credential to its consumers: none is known, ask the owner".to_owned();
    }
    let consumer = |c: &Consumer| format!("{} ({}: {})", c.workload, c.distribution, c.locator);
    format!("bring the new credential to {}", subject.consumers.iter().map(consumer).collect::<Vec<_>>().join(", "))
}

fn cautions(provider: &Provider, strategy: Strategy, subject: &Subject, steps: &[Step]) -> Vec<String> {
    let mut cautions = Vec::new();
    for step in steps.iter().filter(|step| step.irreversible) {
        cautions.push(format!("step {} can't be taken back: {}", step.number, step.call));
    }
    if steps.iter().any(|step| step.repeat == Repeat::Never) {
        cautions
            .push("a step must not be repeated blindly: a lost answer is looked into, not asked for again".to_owned());
    }
    match strategy {
        Strategy::Single => {
            cautions.push("old and new don't live side by side: consumers fail until they follow".to_owned())
        }
        Strategy::Revoke => {
            cautions.push("nothing replaces it by machine: consumers fail until a person acts".to_owned())
        }
        Strategy::Emergency => {
            cautions.push("contained first: consumers fail until they have the new credential".to_owned())
        }
        Strategy::Dual => {}
    }
    if let Some(slots) = provider.slots {
        cautions.push(format!("an identity may have {slots} of them: a slot must be free before a new one is made"));
    }
    if subject.consumers.is_empty() {
        cautions.push("no consumer is known: who breaks is not known either".to_owned());
    }
    if subject.owner.is_none() {
        cautions.push("no owner is known".to_owned());
    }
    if steps.iter().any(|step| step.call.contains('{')) {
        cautions
            .push("the inventory doesn't say all that the calls need: what is in braces must be found out".to_owned());
    }
    cautions
}

/// `text` with what is known of `subject` in the place of its names in braces.
fn fill_in(text: &str, subject: &Subject) -> String {
    let known =
        [("{principal}", &subject.principal), ("{public_id}", &subject.public_id), ("{account}", &subject.account)];
    known.iter().fold(text.to_owned(), |text, (name, value)| match value {
        Some(value) => text.replace(name, value),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::{Consumer, Plan, Subject, Trigger};
    use crate::{
        model::Severity,
        rotate::{Op, Policy, Strategy, machine::State},
    };

    fn subject(rule: &str) -> Subject {
        Subject {
            credential: "01J0".to_owned(),
            generation: 1,
            rule: rule.to_owned(),
            name: "key of svc-billing".to_owned(),
            severity: Severity::High,
            public_id: Some("AKIA-PUBLIC-ID".to_owned()),
            principal: Some("svc-billing".to_owned()),
            account: Some("123456789012".to_owned()),
            identity: Some("svc-billing".to_owned()),
            privileged: false,
            owner: Some("team:payments".to_owned()),
            consumers: vec![Consumer {
                workload: "billing".to_owned(),
                distribution: "gha-secret".to_owned(),
                locator: "acme/billing AWS_SECRET".to_owned(),
            }],
            public: false,
            confidence: 97,
            first_seen_ms: 1_000,
        }
    }

    fn ops(plan: &Plan) -> Vec<Op> {
        plan.steps.iter().map(|step| step.op).collect()
    }

    #[test]
    fn the_old_one_is_never_ended_before_the_new_one_is_proven_unless_the_strategy_says_so() {
        for provider in crate::rotate::matrix::providers() {
            let rule = provider.rules[0].replace('*', "x");
            let plan = Plan::new(subject(&rule), Trigger::Finding, "manual", &Policy::default());
            let ops = ops(&plan);
            let at = |wanted: Op| ops.iter().position(|op| *op == wanted);
            let ended = at(Op::Deactivate).or(at(Op::Delete)).unwrap_or(ops.len());
            if let (Some(proven), Strategy::Dual | Strategy::Single) = (at(Op::VerifyNew), plan.strategy) {
                assert!(proven < ended, "{}: {ops:?}", provider.name);
            }
            assert!(ops.contains(&Op::VerifyDead), "{}", provider.name);
            for pair in ops.windows(2) {
                assert!(pair[0].state().may_become(pair[1].state()), "{}: {pair:?}", provider.name);
            }
            assert!(State::Pending.may_become(ops[0].state()) && ops[ops.len() - 1].state().may_become(State::Done));
        }
    }

    #[test]
    fn what_is_public_and_privileged_is_contained_first() {
        let mut subject = subject("aws.access-key-pair");
        (subject.public, subject.privileged) = (true, true);
        let plan = Plan::new(subject, Trigger::Finding, "webhook", &Policy::default());
        assert_eq!(plan.strategy, Strategy::Emergency);
        assert_eq!(ops(&plan)[0], Op::Deactivate);
        assert_eq!(plan.contain_by_ms, 1_000 + 3_600_000);
        assert_eq!(
            plan.steps[0].call,
            "iam:UpdateAccessKey UserName=svc-billing AccessKeyId=AKIA-PUBLIC-ID Status=Inactive"
        );
    }

    #[test]
    fn what_is_public_or_privileged_is_due_at_once() {
        let hours = |severity, public, privileged| {
            let subject = Subject { severity, public, privileged, ..subject("jwt.token") };
            (Plan::new(subject, Trigger::Finding, "manual", &Policy::default()).contain_by_ms - 1_000) / 3_600_000
        };
        assert_eq!(hours(Severity::Medium, false, true), 1);
        assert_eq!(hours(Severity::High, true, false), 1);
        assert_eq!(hours(Severity::Medium, false, false), 7 * 24);
        assert_eq!(hours(Severity::Low, true, false), 24);
    }

    #[test]
    fn the_hash_follows_the_content() {
        let plan = |subject| Plan::new(subject, Trigger::Finding, "webhook", &Policy::default());
        let one = plan(subject("aws.access-key-pair"));
        assert_eq!(one.hash(), plan(subject("aws.access-key-pair")).hash());
        let mut other = subject("aws.access-key-pair");
        other.consumers.clear();
        assert_ne!(one.hash(), plan(other).hash());
        let back: Plan = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!((back.hash(), &back), (one.hash(), &one));
    }
}
