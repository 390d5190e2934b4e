//! Fits the generic model's points on half of a corpus: logistic regression that starts from expected points and
//! leaves them only where the corpus has reason to.

use std::fmt::Write as _;

use super::{
    corpus::{Corpus, CorpusError},
    marked::{Label, LabelledText},
    measure::{Counts, is_found},
};
use crate::engine::{GenericCandidate, GenericFeature, Scanner, generic_features};

/// What a fit costs and gains.
#[derive(Clone, Debug)]
pub struct Fit {
    /// By feature: its points.
    pub points: Vec<i16>,
    /// Candidates that were fitted on.
    pub candidates: usize,
    /// How many of them are secrets.
    pub secrets: usize,
    /// What different points make of the candidates of the other half.
    pub held_out: Vec<(&'static str, Counts)>,
}

/// A candidate with its label and weight.
struct Example {
    features: Vec<usize>,
    is_secret: bool,
    weight: f64,
}

/// How hard points are held to what is expected, against the log-likelihood of the candidates.
const HOLD: f64 = 3.0;
const STEPS: usize = 3_000;

/// Fits on the cases of half 0. The same corpus gives the same points. `scanner` must have a `min_score` of 0.
///
/// # Errors
/// A mark or template that can't be understood.
pub fn fit(corpus: &Corpus, scanner: &Scanner, variants: u64) -> Result<Fit, CorpusError> {
    let fitted_on = examples(corpus, scanner, variants, 0)?;
    let held_out = examples(corpus, scanner, variants, 1)?;
    let features = generic_features();
    let secrets = fitted_on.iter().filter(|example| example.is_secret).count();
    let points = descend(&fitted_on, &features);
    let expected: Vec<i16> = features.iter().map(|feature| feature.prior).collect();
    let present: Vec<i16> = features.iter().map(|feature| feature.points).collect();
    let measured = [("expected points", &expected), ("present points", &present), ("fitted points", &points)];
    let held_out = measured.map(|(name, points)| (name, count(&held_out, points))).to_vec();
    Ok(Fit { candidates: fitted_on.len(), secrets, held_out, points })
}

/// The candidates of one half.
fn examples(corpus: &Corpus, scanner: &Scanner, variants: u64, half: usize) -> Result<Vec<Example>, CorpusError> {
    let mut examples = Vec::new();
    for case in corpus.cases.iter().filter(|case| case.half() == half) {
        for variant in 0..variants {
            for (path, text) in case.expand(variant)? {
                let candidates = scanner.generic_candidates(path, &text.bytes);
                examples.extend(candidates.into_iter().filter_map(|c| labelled(c, &text, variants)));
            }
        }
    }
    Ok(examples)
}

/// What is right and wrong of candidates with an even chance and more.
fn count(examples: &[Example], points: &[i16]) -> Counts {
    let mut counts = Counts::default();
    for example in examples {
        let is_likely = example.features.iter().map(|index| i32::from(points[*index])).sum::<i32>() >= 0;
        match (example.is_secret, is_likely) {
            (true, true) => counts.found += 1,
            (true, false) => counts.missed += 1,
            (false, true) => counts.wrong += 1,
            (false, false) => {}
        }
    }
    counts
}

/// Nothing, where a candidate covers a secret only in part: what is wrong there is not its score.
fn labelled(candidate: GenericCandidate, text: &LabelledText, variants: u64) -> Option<Example> {
    let mut secrets = text.spans.iter().filter(|span| span.label == Label::Secret);
    let span = &candidate.span;
    let is_secret = secrets.clone().any(|secret| is_found(&secret.range, span));
    let touches = secrets.any(|secret| secret.range.start < span.end && span.start < secret.range.end);
    let example = Example { features: candidate.features, is_secret, weight: 1.0 / variants as f64 };
    (is_secret || !touches).then_some(example)
}

/// Gradient descent with momentum; the step of a feature shrinks with its number of examples, so that all converge.
fn descend(examples: &[Example], features: &[GenericFeature]) -> Vec<i16> {
    let prior: Vec<f64> = features.iter().map(|feature| f64::from(feature.prior) / 10.0).collect();
    let mut weights = prior.clone();
    let mut speed = vec![0.0; weights.len()];
    let mut curvature = vec![HOLD; weights.len()];
    for example in examples {
        example.features.iter().for_each(|index| curvature[*index] += example.weight * 2.0);
    }
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> =
            weights.iter().zip(&prior).map(|(weight, prior)| HOLD * (weight - prior)).collect();
        for example in examples {
            let sum: f64 = example.features.iter().map(|index| weights[*index]).sum();
            let error = 1.0 / (1.0 + (-sum).exp()) - f64::from(u8::from(example.is_secret));
            example.features.iter().for_each(|index| gradient[*index] += error * example.weight);
        }
        for (index, weight) in weights.iter_mut().enumerate() {
            speed[index] = 0.8 * speed[index] - 0.3 * gradient[index] / curvature[index];
            *weight = held(*weight + speed[index], &features[index]);
        }
    }
    weights.iter().map(|weight| (weight * 10.0).round() as i16).collect()
}

/// A feature keeps its sign, so that reasons stay sensible, and one of a path can only take.
fn held(weight: f64, feature: &GenericFeature) -> f64 {
    match feature.prior {
        0 => weight,
        prior if prior <= -30 => weight.min(-2.5),
        prior if prior < 0 => weight.min(0.0),
        _ => weight.max(0.0),
    }
}

impl Fit {
    /// The points as Rust source, for `src/engine/generic/weights.rs`.
    #[must_use]
    pub fn to_source(&self) -> String {
        let mut source =
            "//! Points of the features, in the order of their table. Made by `unleak eval corpus/ --fit`, see \
                          docs/accuracy.md.\n\n/// By feature.\n#[rustfmt::skip]\npub(super) const POINTS: &[i16] = &[\n"
                .to_owned();
        for (feature, points) in generic_features().iter().zip(&self.points) {
            let _ = writeln!(source, "    {points}, // {}", feature.name);
        }
        source + "];\n"
    }
}
