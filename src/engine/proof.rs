//! Proves rules by their own samples: what `unleak rules check` and the build's own tests run.

use std::ops::Range;

use super::{
    checksum,
    scanner::{Observer, Scanner, ScannerOptions, Scratch, Window},
    verdict::Rejection,
};
use crate::{
    model::Origin,
    rule::{
        Mistake, ProvenRule, Rule, Sample,
        template::{SampleRng, expand},
    },
};

/// How many expansions of each sample are tried, each from another seed.
const SEEDS: u64 = 8;

/// Checks every sample of `rules` with a scanner of all of them together and of those `beside` them: each positive must be
/// found at exactly the secret's bytes (through the prefilter, like any secret) and by no other rule, each negative must
/// not. Returns the mistakes by index of the rule.
#[must_use]
pub fn prove(rules: &[ProvenRule], beside: &[Rule]) -> Vec<(usize, Mistake)> {
    let all = rules.iter().map(|proven| proven.rule.clone()).chain(beside.iter().cloned()).collect();
    let prover = Prover { scanner: Scanner::new(all, &ScannerOptions::default()) };
    let mut mistakes = Vec::new();
    for (index, proven) in rules.iter().enumerate() {
        for sample in &proven.positives {
            mistakes.extend(prover.positive(proven, sample).map(|mistake| (index, mistake)));
        }
        for sample in &proven.negatives {
            mistakes.extend(prover.negative(proven, sample).map(|mistake| (index, mistake)));
        }
    }
    mistakes
}

struct Prover {
    scanner: Scanner,
}

/// Why the rule under proof found nothing, in its own words.
struct Reasons<'a> {
    rule: &'a str,
    reasons: Vec<String>,
}

impl Observer for Reasons<'_> {
    fn rejected(&mut self, rule: &Rule, _: Range<usize>, why: &Rejection) {
        if rule.meta.id == self.rule {
            self.reasons.push(why.to_string());
        }
    }
}

impl Prover {
    /// Rule ids and spans found in `bytes`, and why the rule `id` rejected what it rejected.
    fn scan(&self, bytes: &[u8], id: &str) -> (Vec<(&str, Range<usize>)>, Vec<String>) {
        let window = Window { bytes, owned: 0..bytes.len(), origin: Origin::Named("sample") };
        let mut reasons = Reasons { rule: id, reasons: Vec::new() };
        let found = self.scanner.scan_window(&window, &mut Scratch::default(), &mut reasons);
        let rule_id = |rule: u32| self.scanner.rules()[rule as usize].meta.id.as_ref();
        let found = found.accepted.into_iter().map(|(found, _)| (rule_id(found.rule), found.secret())).collect();
        (found, reasons.reasons)
    }

    fn positive(&self, proven: &ProvenRule, sample: &Sample) -> Option<Mistake> {
        let id = proven.rule.meta.id.as_ref();
        for seed in 0..SEEDS {
            let expanded = match expand_sample(&proven.rule, sample, seed) {
                Ok(expanded) => expanded,
                Err(mistake) => return Some(mistake),
            };
            let secret = expanded.secret.unwrap_or(0..0);
            let (found, reasons) = self.scan(&expanded.bytes, id);
            if found.iter().any(|(rule, span)| *rule == id && *span == secret) {
                if let Some((rule, _)) = found.iter().find(|(rule, span)| *rule != id && *span == secret) {
                    let message = format!("rule `{rule}` claims the same bytes");
                    let help = format!("let one name the other in `supersedes`, or narrow `{id}`");
                    return Some(Mistake { span: sample.span.clone(), message, help });
                }
                continue;
            }
            let message = match found.iter().find(|(rule, _)| *rule == id) {
                Some((_, span)) => format!("found at {span:?}, but the secret is marked at {secret:?}"),
                None => "this positive is not found".to_owned(),
            };
            let mut reasons = reasons;
            reasons.dedup();
            let help = match reasons.is_empty() {
                true => "no keyword of the rule stands in it".to_owned(),
                false => format!("the rule says: {}", reasons.join("; ")),
            };
            return Some(Mistake { span: sample.span.clone(), message, help });
        }
        None
    }

    fn negative(&self, proven: &ProvenRule, sample: &Sample) -> Option<Mistake> {
        let id = proven.rule.meta.id.as_ref();
        for seed in 0..SEEDS {
            let expanded = match expand_sample(&proven.rule, sample, seed) {
                Ok(expanded) => expanded,
                Err(mistake) => return Some(mistake),
            };
            let (found, _) = self.scan(&expanded.bytes, id);
            if let Some((_, span)) = found.iter().find(|(rule, _)| *rule == id) {
                let message = format!("this negative is found, at bytes {span:?}");
                let help = "tighten the pattern, or make the sample the near miss it is meant to be".to_owned();
                return Some(Mistake { span: sample.span.clone(), message, help });
            }
        }
        None
    }
}

/// Expands one sample of a rule. Seeds are per rule and sample, so that a new rule changes no other's samples.
fn expand_sample(rule: &Rule, sample: &Sample, seed: u64) -> Result<crate::rule::template::Expanded, Mistake> {
    let digest = blake3::hash(format!("{}\0{}\0{seed}", rule.meta.id, sample.text).as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    let tail = |partial: &[u8]| checksum::tail(rule.checksum, partial);
    expand(&sample.text, &mut SampleRng::new(u64::from_le_bytes(first)), &tail).map_err(|message| {
        let help = "docs/rules.md lists the templates".to_owned();
        Mistake { span: sample.span.clone(), message, help }
    })
}
