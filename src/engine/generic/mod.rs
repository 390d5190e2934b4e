//! The generic model: is a value without a format a secret? It sums points of named features, which are fitted on the
//! corpus by `unleak eval --fit`; `docs/rules.md` lists them.

mod chance;
mod feature;
mod figures;
mod lexicon;
mod memo;
mod model;
mod name;
mod no_value;
mod parts;
mod path;
mod placeholder_words;
mod sealed;
mod setting;
mod settled;
mod value;
mod weights;

use std::path::Path;

pub(crate) use feature::Features;
pub use lexicon::TripleCounts;
pub(super) use memo::Memo;
pub(super) use model::{AROUND, Subject};
pub(super) use path::Writing;

use super::{assignment::Syntax, confirm::Match, verdict::Score};
use crate::{
    model::Reason,
    rule::{Rule, Shape},
};

/// An even chance.
const BASE: i32 = 50;

/// Is a match of this rule judged by the model? Formats that prove themselves aren't.
pub(super) fn applies(rule: &Rule) -> bool {
    rule.shape == Shape::Assignment || rule.generic && rule.checksum.is_none()
}

/// How a value is written that stands between tags.
pub(super) fn element_writing(found: &Match, bytes: &[u8]) -> Writing {
    match value::traits_of(&bytes[found.secret()]).kind {
        value::ValueKind::Random | value::ValueKind::Hex | value::ValueKind::Uuid => Writing::Element,
        _ => Writing::Literal,
    }
}

/// How a value is written that has no quotes.
pub(super) fn bare_writing(found: &Match, bytes: &[u8]) -> Writing {
    let secret = &bytes[found.secret()];
    // Could it be the name of a variable that is assigned? Not in a comment.
    if found.syntax == Syntax::Assign
        && model::is_identifier(secret)
        && !model::is_in_comment(bytes, found.name().start)
    {
        return Writing::Identifier;
    }
    match setting::Setting::of(found, bytes) {
        Some(setting) if no_value::has_signs(secret) => Writing::Signs(setting),
        _ => Writing::Bare,
    }
}

/// How weak a password is that stands in a connection string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// A word of documentation or code, or several.
    Word,
    /// Other letters, and no more.
    OddWord,
    /// Nothing speaks against it.
    None,
}

/// Says how weak it is.
pub(super) fn weakness(password: &[u8]) -> Weakness {
    match value::traits_of(password).kind {
        value::ValueKind::Word | value::ValueKind::Words => Weakness::Word,
        value::ValueKind::OddWord => Weakness::OddWord,
        _ => Weakness::None,
    }
}

/// What a path adds to the features of a match.
pub(super) fn path_features(path: &Path, writing: Writing) -> Features {
    path::features_of(path, writing)
}

/// What a public part of the credential that stands near it adds to them.
pub(super) fn part_features(has_part: bool) -> Features {
    let mut features = Features::default();
    features.add_if(has_part, feature::Feature::ContextPart);
    features
}

/// Points without reasons: what most candidates need.
pub(super) fn points(features: &[Features]) -> u8 {
    let sum = BASE + features.iter().map(|features| features.points()).sum::<i32>();
    u8::try_from(sum.clamp(0, 100)).unwrap_or(0)
}

/// The score with its reasons.
pub(super) fn score(features: &[Features]) -> Score {
    let mut reasons = vec![Reason { feature: "base", points: 50, detail: "an even chance".into() }];
    reasons.extend(features.iter().flat_map(|features| features.reasons()));
    Score { points: points(features), reasons }
}

/// By feature: its name, the points expected before any fit, its present points, and what it means.
pub(crate) fn table() -> impl Iterator<Item = (&'static str, i16, i16, &'static str)> {
    feature::TABLE.iter().zip(weights::POINTS).map(|(&(name, prior, detail), &points)| (name, prior, points, detail))
}
