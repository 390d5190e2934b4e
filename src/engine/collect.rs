use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    fingerprint::FingerprintKey,
    lines::Carry,
    locate::{Located, preview},
    scanner::Scanner,
    verdict::{PathEffect, Score},
};
use crate::model::{Finding, Occurrence, Part, Problem, Provenance, RuleMeta, ScanReport, Secret, Stats};

/// A located match in its blob.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) rule: u32,
    pub(super) secret: Secret,
    pub(super) public_id: Option<String>,
    pub(super) score: Score,
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
            public_id: located.public_id,
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
}

#[derive(Debug)]
struct Gathered {
    /// Of the best-scored occurrence; among equals, of the first.
    best: (Score, Occurrence),
    public_id: Option<String>,
    occurrences: Vec<Occurrence>,
}

impl Collector {
    pub(super) fn extend(&mut self, hits: Vec<Hit>) {
        for hit in hits {
            let occurrence = hit.occurrence.clone();
            let gathered = self.findings.entry((hit.rule, hit.secret)).or_insert_with(|| Gathered {
                best: (hit.score.clone(), occurrence.clone()),
                public_id: hit.public_id.clone(),
                occurrences: Vec::new(),
            });
            let (score, first) = &gathered.best;
            if (Reverse(hit.score.points), &occurrence) < (Reverse(score.points), first) {
                gathered.best = (hit.score, occurrence);
            }
            gathered.public_id = gathered.public_id.take().or(hit.public_id);
            gathered.occurrences.push(hit.occurrence);
        }
    }

    pub(super) fn into_report(
        self,
        scanner: &Scanner,
        key: &dyn Fn() -> FingerprintKey,
        mut problems: Vec<Problem>,
        stats: Stats,
    ) -> ScanReport {
        // The key is asked for only now: a clean scan needs none.
        let key = (!self.findings.is_empty()).then(key);
        let mut metas = BTreeMap::new();
        let mut findings = Vec::with_capacity(self.findings.len());
        for ((index, secret), gathered) in self.findings {
            let rule = &scanner.rules()[index as usize];
            let meta: Arc<RuleMeta> = metas.entry(index).or_insert_with(|| Arc::new(rule.meta.clone())).clone();
            let mut occurrences = gathered.occurrences;
            occurrences.sort_unstable();
            occurrences.dedup();
            let Some(key) = &key else { continue };
            findings.push(Finding {
                fingerprint: key.fingerprint(&meta.id, &secret),
                rule: meta,
                score: gathered.best.0.points,
                reasons: gathered.best.0.reasons,
                preview: preview(secret.expose(), &rule.keywords),
                public_id: gathered.public_id,
                secret,
                occurrences,
            });
        }
        findings.sort_by(|a, b| {
            let order = |f: &Finding| (Reverse(f.rule.severity), f.rule.id.clone());
            order(a)
                .cmp(&order(b))
                .then_with(|| a.occurrences.cmp(&b.occurrences))
                .then_with(|| a.secret.cmp(&b.secret))
        });
        problems.sort();
        problems.dedup();
        ScanReport { findings, problems, stats, ..ScanReport::default() }
    }
}
