use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    compose::{Identifiers, NearPart, Neighbourhood},
    fingerprint::FingerprintKey,
    lines::Carry,
    locate::{Located, preview},
    scanner::Scanner,
    verdict::{PathEffect, Score},
};
use crate::{
    model::{
        Attributes, Escaped, Finding, Fingerprint, Occurrence, Part, Place, Problem, Provenance, RuleMeta, ScanReport,
        Secret, Severity, Stats,
    },
    rule::Rule,
};

/// A located match in its blob.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) rule: u32,
    /// As it is known.
    pub(super) secret: Secret,
    /// As it stands there, where that is otherwise.
    pub(super) notations: Vec<Secret>,
    pub(super) public_id: Option<String>,
    pub(super) severity: Severity,
    pub(super) attributes: Attributes,
    pub(super) parts: Vec<NearPart>,
    pub(super) score: Arc<Score>,
    pub(super) path_effect: PathEffect,
    pub(super) occurrence: Occurrence,
}

impl Hit {
    pub(super) fn new(located: Located, carry: Carry, provenance: Provenance, part: Part) -> Hit {
        let place = located.place(carry);
        let occurrence = Occurrence { provenance, part, place, context: located.context };
        Hit {
            rule: located.rule,
            secret: located.secret,
            notations: located.notation.into_iter().collect(),
            public_id: located.public_id,
            severity: located.severity,
            attributes: located.attributes,
            parts: located.parts,
            score: located.score,
            path_effect: located.path_effect,
            occurrence,
        }
    }
}

/// Puts matches together: one finding per rule and secret value.
#[derive(Debug, Default)]
pub(super) struct Collector {
    findings: HashMap<(u32, Secret), Gathered>,
    /// In which other forms secrets stand somewhere: reports must not show those, either.
    notations: BTreeSet<Secret>,
}

#[derive(Debug)]
struct Gathered {
    /// Of the best-scored occurrence; among equals, of the first.
    best: (Arc<Score>, Occurrence),
    public_id: Option<String>,
    /// By name, what its occurrences say.
    attributes: BTreeMap<&'static str, BTreeSet<String>>,
    /// By companion and value, in the first place that it has.
    parts: BTreeMap<(usize, String), (NearPart, Occurrence)>,
    /// Of the occurrence that says the most.
    severity: Severity,
    occurrences: Vec<Occurrence>,
}

impl Collector {
    /// Sees to it that no notation of these is shown, whatever becomes of them.
    pub(super) fn hide(&mut self, hits: &[(Arc<Hit>, Place)]) {
        self.notations.extend(hits.iter().flat_map(|(hit, _)| &hit.notations).cloned());
    }

    pub(super) fn extend(&mut self, hits: Vec<Hit>) {
        for hit in hits {
            self.notations.extend(hit.notations);
            let occurrence = hit.occurrence.clone();
            let gathered = self.findings.entry((hit.rule, hit.secret)).or_insert_with(|| Gathered {
                best: (hit.score.clone(), occurrence.clone()),
                public_id: hit.public_id.clone(),
                attributes: BTreeMap::new(),
                parts: BTreeMap::new(),
                severity: Severity::Low,
                occurrences: Vec::new(),
            });
            let (score, first) = &gathered.best;
            if (Reverse(hit.score.points), &occurrence) < (Reverse(score.points), first) {
                gathered.best = (hit.score, occurrence);
            }
            gathered.public_id = gathered.public_id.take().or(hit.public_id);
            gathered.severity = gathered.severity.max(hit.severity);
            for (name, value) in hit.attributes {
                gathered.attributes.entry(name).or_default().insert(value);
            }
            for part in hit.parts {
                let kept = gathered.parts.entry((part.companion, part.value.clone()));
                let (kept, at) = kept.or_insert_with(|| (part.clone(), hit.occurrence.clone()));
                if (&hit.occurrence, part.span) < (at, kept.span) {
                    (*kept, *at) = (part, hit.occurrence.clone());
                }
            }
            gathered.occurrences.push(hit.occurrence);
        }
    }

    pub(super) fn into_report(
        mut self,
        scanner: &Scanner,
        key: &dyn Fn() -> FingerprintKey,
        mut problems: Vec<Problem>,
        stats: Stats,
    ) -> ScanReport {
        self.findings.values_mut().for_each(|gathered| {
            gathered.occurrences.sort_unstable();
            gathered.occurrences.dedup();
        });
        let mut identifiers = self.take_identifiers(scanner, &Provenance::neighbours);
        for ((index, _), gathered) in &self.findings {
            let rule = &scanner.rules()[*index as usize];
            identifiers.add_secret(rule, &gathered.occurrences, scanner, &Provenance::neighbours);
        }
        // The key is asked for only now: a clean scan needs none.
        let key = (!self.findings.is_empty()).then(key);
        let mut metas = BTreeMap::new();
        let mut findings = Vec::with_capacity(self.findings.len());
        for ((index, secret), gathered) in self.findings {
            let rule = &scanner.rules()[index as usize];
            let meta: Arc<RuleMeta> = metas.entry(index).or_insert_with(|| Arc::new(rule.meta.clone())).clone();
            let Some(key) = &key else { continue };
            let fingerprint = key.fingerprint(&meta.id, &secret);
            let mut finding = gathered.into_finding(meta, rule, secret, fingerprint);
            identifiers.complete(&mut finding, rule, scanner, &Provenance::neighbours);
            findings.push(finding);
        }
        findings.sort_by(|a, b| {
            let order = |f: &Finding| (Reverse(f.severity), f.rule.id.clone());
            order(a)
                .cmp(&order(b))
                .then_with(|| a.occurrences.cmp(&b.occurrences))
                .then_with(|| a.secret.cmp(&b.secret))
        });
        problems.sort();
        problems.dedup();
        let hidden = self.notations.into_iter().collect();
        ScanReport { findings, problems, stats, hidden, ..ScanReport::default() }
    }

    /// Takes out what is public and a part of other credentials.
    fn take_identifiers(&mut self, scanner: &Scanner, neighbourhood: &Neighbourhood<'_>) -> Identifiers {
        let mut identifiers = Identifiers::default();
        self.findings.retain(|(rule, value), gathered| {
            let is_identifier = scanner.rules()[*rule as usize].identifier;
            if is_identifier {
                let value = Escaped(value.expose()).to_string();
                identifiers.add(*rule, &value, &gathered.occurrences, neighbourhood);
            }
            !is_identifier
        });
        identifiers
    }
}

impl Gathered {
    fn into_finding(self, meta: Arc<RuleMeta>, rule: &Rule, secret: Secret, fingerprint: Fingerprint) -> Finding {
        let first_of = |companion: usize| self.parts.range((companion, String::new())..).next();
        let part = rule.companions.iter().enumerate().find_map(|(index, _)| first_of(index).filter(|p| p.0.0 == index));
        let public_id = self.public_id.or_else(|| part.map(|((_, value), _)| value.clone()));
        let mut parts: Vec<_> = self.parts.values().map(|(part, at)| part.at(rule, at)).collect();
        parts.sort_unstable();
        Finding {
            severity: self.severity,
            rule: meta,
            fingerprint,
            score: self.best.0.points,
            reasons: self.best.0.reasons.clone(),
            preview: preview(secret.expose(), rule.public_prefixes()),
            public_id,
            attributes: self.attributes.into_iter().map(joined).collect(),
            parts,
            secret,
            occurrences: self.occurrences,
        }
    }
}

/// Different values of an attribute (a password that opens two hosts) that are shown.
const MAX_VALUES: usize = 5;

/// One text of all values of an attribute.
fn joined((name, values): (&'static str, BTreeSet<String>)) -> (&'static str, String) {
    let more = values.len().saturating_sub(MAX_VALUES);
    let mut text = values.into_iter().take(MAX_VALUES).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    (name, text)
}
