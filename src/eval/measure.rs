//! Scans a corpus and compares what is found with what is marked.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{
    corpus::{Case, Corpus, CorpusError},
    marked::{Label, LabelledSpan, LabelledText},
};
use crate::{
    engine::{Outcome, Scanner, hand_over},
    model::{Finding, Occurrence, Origin, ScanReport},
    source::{Plan, Receiver, Source},
};

/// A finding must cover this share of a secret, in percent, …
const LEAST_COVER: usize = 80;
/// … and may have this many bytes that don't belong to it.
const MOST_EXTRA: usize = 8;

/// How often what was right and wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Secrets found.
    pub found: u64,
    /// Secrets not found.
    pub missed: u64,
    /// What was found and is no secret.
    pub wrong: u64,
}

impl Counts {
    /// Of what is found, the share that is right; 1 if nothing is found.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.wrong)
    }

    /// Of what is to be found, the share that is; 1 if there is nothing to find.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.found, self.found + self.missed)
    }

    /// Harmonic mean of both.
    #[must_use]
    pub fn f1(&self) -> f64 {
        share(2 * self.found, 2 * self.found + self.missed + self.wrong)
    }

    fn add(&mut self, other: Counts) {
        self.found += other.found;
        self.missed += other.missed;
        self.wrong += other.wrong;
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Counts", 6)?;
        fields.serialize_field("found", &self.found)?;
        fields.serialize_field("missed", &self.missed)?;
        fields.serialize_field("wrong", &self.wrong)?;
        fields.serialize_field("precision", &self.precision())?;
        fields.serialize_field("recall", &self.recall())?;
        fields.serialize_field("f1", &self.f1())?;
        fields.end()
    }
}

/// What one rule found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleCounts {
    /// Secrets.
    pub right: u64,
    /// Anything else.
    pub wrong: u64,
}

impl RuleCounts {
    /// Of what it found, the share that is right.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixup {
    /// A secret was not found.
    Missed,
    /// A finding is no secret.
    Wrong,
}

/// One mistake, without the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Confusion {
    /// What went wrong.
    pub mixup: Mixup,
    /// Name of the case.
    pub case: String,
    /// File of the case.
    pub path: String,
    /// 1-based line of the expanded file.
    pub line: u64,
    /// The span's category; `unmarked` outside of all spans.
    pub category: String,
    /// Rules that found it, or that looked and said no, each with its reason.
    pub rules: BTreeSet<String>,
    /// In how many of the variants.
    pub variants: u64,
}

/// How a scanner did on a corpus.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evaluation {
    /// Over all files.
    pub overall: Counts,
    /// Of the cases on which weights are fitted (0) and of the others (1).
    pub halves: [Counts; 2],
    /// By category of the marked span; what was found outside of all spans is `unmarked`.
    pub by_category: BTreeMap<String, Counts>,
    /// Spans that are marked as no secrets, by category: how many there are.
    pub negatives: BTreeMap<String, u64>,
    /// By the file's extension, or its name if it has none.
    pub by_file_type: BTreeMap<String, Counts>,
    /// By rule.
    pub by_rule: BTreeMap<String, RuleCounts>,
    /// All mistakes, sorted.
    pub confusions: Vec<Confusion>,
    /// Lines of all files, once each.
    pub lines: u64,
    /// Marked spans, once each.
    pub spans: u64,
}

/// The files of one case, in memory.
struct CaseSource<'c> {
    files: &'c [(&'c Path, LabelledText)],
}

impl Source for CaseSource<'_> {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
        let mut receiver = receiver();
        for (path, text) in self.files {
            hand_over(Origin::File(path), &text.bytes, plan, &mut *receiver);
        }
    }
}

/// Scans `variants` expansions of every case and compares.
///
/// # Errors
/// A mark or template that can't be understood.
pub fn evaluate(corpus: &Corpus, scanner: &Scanner, variants: u64) -> Result<Evaluation, CorpusError> {
    let mut evaluation = Evaluation::default();
    let mut mistakes = Vec::new();
    for case in &corpus.cases {
        for variant in 0..variants {
            let files = case.expand(variant)?;
            if variant == 0 {
                evaluation.lines +=
                    files.iter().map(|(_, text)| memchr::memchr_iter(b'\n', &text.bytes).count() as u64).sum::<u64>();
                evaluation.spans += files.iter().map(|(_, text)| text.spans.len() as u64).sum::<u64>();
            }
            let report = scanner.scan_source(&CaseSource { files: &files });
            for (path, text) in &files {
                let compared = FileComparison::new(path, text, &report);
                compared.count(case, &mut evaluation);
                mistakes.extend(compared.confusions(case, scanner));
            }
        }
    }
    evaluation.confusions = joined(mistakes);
    Ok(evaluation)
}

/// One entry for what went wrong at the same place in several variants.
fn joined(mut mistakes: Vec<Confusion>) -> Vec<Confusion> {
    mistakes.sort();
    let is_same = |a: &Confusion, b: &Confusion| {
        (a.mixup, &a.case, &a.path, a.line, &a.category) == (b.mixup, &b.case, &b.path, b.line, &b.category)
    };
    let joined = mistakes.chunk_by(is_same).filter_map(|same| {
        let rules = same.iter().flat_map(|confusion| confusion.rules.iter().cloned()).collect();
        Some(Confusion { rules, variants: same.len() as u64, ..same.first()?.clone() })
    });
    joined.collect()
}

/// What was found in one file, beside what is marked in it.
struct FileComparison<'a> {
    path: &'a Path,
    text: &'a LabelledText,
    /// By span: the rules that found it.
    found_by: Vec<BTreeSet<String>>,
    /// Findings that are no secret, by their bytes: the rules.
    wrong: BTreeMap<(usize, usize), BTreeSet<String>>,
}

impl<'a> FileComparison<'a> {
    fn new(path: &'a Path, text: &'a LabelledText, report: &ScanReport) -> FileComparison<'a> {
        let mut compared =
            FileComparison { path, text, found_by: vec![BTreeSet::new(); text.spans.len()], wrong: BTreeMap::new() };
        for finding in &report.findings {
            for occurrence in finding.occurrences.iter().filter(|o| o.provenance.path() == Some(path)) {
                compared.place(finding, occurrence);
            }
        }
        compared
    }

    fn place(&mut self, finding: &Finding, occurrence: &Occurrence) {
        let span = occurrence.place.span;
        let range = span.start as usize..span.end as usize;
        let rule = finding.rule.id.to_string();
        let secrets = self.text.spans.iter().enumerate().filter(|(_, marked)| marked.label == Label::Secret);
        let hit: Vec<usize> = secrets.filter(|(_, marked)| is_found(&marked.range, &range)).map(|(at, _)| at).collect();
        if hit.is_empty() {
            self.wrong.entry((range.start, range.end)).or_default().insert(rule);
        } else {
            hit.into_iter().for_each(|at| {
                self.found_by[at].insert(rule.clone());
            });
        }
    }

    fn count(&self, case: &Case, evaluation: &mut Evaluation) {
        let mut sum = Counts::default();
        for (marked, rules) in self.text.spans.iter().zip(&self.found_by) {
            let counts = evaluation.by_category.entry(marked.category.clone()).or_default();
            match marked.label {
                Label::Secret => {
                    let one =
                        Counts { found: u64::from(!rules.is_empty()), missed: u64::from(rules.is_empty()), wrong: 0 };
                    counts.add(one);
                    sum.add(one);
                }
                _ => *evaluation.negatives.entry(marked.category.clone()).or_default() += 1,
            }
            for rule in rules {
                evaluation.by_rule.entry(rule.clone()).or_default().right += 1;
            }
        }
        for (range, rules) in &self.wrong {
            let category = self.category_of(range);
            evaluation.by_category.entry(category).or_default().wrong += 1;
            sum.wrong += 1;
            for rule in rules {
                evaluation.by_rule.entry(rule.clone()).or_default().wrong += 1;
            }
        }
        evaluation.overall.add(sum);
        evaluation.halves[case.half()].add(sum);
        evaluation.by_file_type.entry(file_type(self.path)).or_default().add(sum);
    }

    fn category_of(&self, &(start, end): &(usize, usize)) -> String {
        let overlaps = |marked: &&LabelledSpan| marked.range.start < end && start < marked.range.end;
        self.text.spans.iter().find(overlaps).map_or_else(|| "unmarked".to_owned(), |marked| marked.category.clone())
    }

    fn confusions(&self, case: &Case, scanner: &Scanner) -> Vec<Confusion> {
        let confusion = |mixup, at: usize, category: String, rules| Confusion {
            mixup,
            case: case.name.clone(),
            path: self.path.to_string_lossy().into_owned(),
            line: 1 + memchr::memchr_iter(b'\n', &self.text.bytes[..at]).count() as u64,
            category,
            rules,
            variants: 1,
        };
        let mut all = Vec::new();
        for (marked, rules) in self.text.spans.iter().zip(&self.found_by) {
            if marked.label == Label::Secret && rules.is_empty() {
                let reasons = self.rejections(&marked.range, scanner);
                all.push(confusion(Mixup::Missed, marked.range.start, marked.category.clone(), reasons));
            }
        }
        for (range, rules) in &self.wrong {
            all.push(confusion(Mixup::Wrong, range.0, self.category_of(range), rules.clone()));
        }
        all
    }

    /// Rules that looked at a secret that was missed, and what they said.
    fn rejections(&self, range: &Range<usize>, scanner: &Scanner) -> BTreeSet<String> {
        let candidates = scanner.explain_bytes(self.path, &self.text.bytes, range.clone());
        let rejected = candidates.into_iter().filter_map(|candidate| match candidate.outcome {
            Outcome::Rejected(why) => Some(format!("{}: {why}", candidate.rule)),
            Outcome::Found { .. } => None,
        });
        rejected.collect()
    }
}

/// Does a finding cover the secret, and little else?
pub(super) fn is_found(secret: &Range<usize>, found: &Range<usize>) -> bool {
    let shared = secret.end.min(found.end).saturating_sub(secret.start.max(found.start));
    shared * 100 >= secret.len() * LEAST_COVER && found.len() - shared <= MOST_EXTRA
}

fn file_type(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match name.trim_start_matches('.').rsplit_once('.') {
        Some((_, extension)) => extension.to_owned(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::is_found;

    #[test]
    fn a_finding_must_cover_the_secret_and_little_else() {
        assert!(is_found(&(10..20), &(10..20)) && is_found(&(10..20), &(12..20)) && is_found(&(10..20), &(2..20)));
        assert!(!is_found(&(10..20), &(13..20)) && !is_found(&(10..20), &(1..20)) && !is_found(&(10..20), &(30..40)));
    }
}
