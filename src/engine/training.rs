//! What the generic model is fitted on: candidates with their features.

use std::{ops::Range, path::Path};

use super::{
    assignment::Syntax,
    confirm::Match,
    generic,
    scanner::{Scanner, Scratch, Window},
    verdict::PathEffect,
};
use crate::model::Origin;

/// A value that the generic model judges.
#[derive(Clone, Debug)]
pub struct GenericCandidate {
    /// Its bytes.
    pub span: Range<usize>,
    /// Indices of its features in [`generic_features`], ascending.
    pub features: Vec<usize>,
}

/// A feature of the generic model.
#[derive(Clone, Copy, Debug)]
pub struct GenericFeature {
    /// Its name, as reports print it.
    pub name: &'static str,
    /// The points that are expected before any fit.
    pub prior: i16,
    /// Its points. Ten are one unit of log-odds.
    pub points: i16,
    /// What it means.
    pub detail: &'static str,
}

/// All features, in the order of the table.
#[must_use]
pub fn generic_features() -> Vec<GenericFeature> {
    generic::table().map(|(name, prior, points, detail)| GenericFeature { name, prior, points, detail }).collect()
}

impl Scanner {
    /// Every value that the generic model judges and no other rule claims, but for cells of tables: of these the corpus has few and
    /// all alike, and points fitted to them made two dozen more false alarms in sources of crates; and but for what a rule of its own
    /// decides: texts of several words, and values of lists. Make the scanner with a `min_score` of 0, or
    /// those with a lower score are left out.
    #[must_use]
    pub fn generic_candidates(&self, path: &Path, bytes: &[u8]) -> Vec<GenericCandidate> {
        let window = Window { bytes, owned: 0..bytes.len(), origin: Origin::File(path) };
        let found = self.scan_window(&window, &mut Scratch::default(), &mut ());
        let judged = found.accepted.iter().filter(|(found, _)| generic::applies(&self.rules()[found.rule as usize]));
        let is_text = |found: &Match| found.is_quoted && bytes[found.secret()].contains(&b' ');
        let taught = judged
            .filter(|(found, _)| !matches!(found.syntax, Syntax::Cell | Syntax::Item))
            .filter(|(found, _)| !is_text(found));
        taught
            .map(|(found, _)| {
                let own = self.generic_features_of(bytes, found);
                let of_path = generic::path_features(path, PathEffect::writing(found, bytes));
                GenericCandidate { span: found.secret(), features: own.indices().chain(of_path.indices()).collect() }
            })
            .collect()
    }
}
