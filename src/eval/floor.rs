//! The accuracy below which a change is refused.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    corpus::CorpusError,
    measure::{Counts, Evaluation},
};

/// `metrics.toml`: the least accuracy that is accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// Over all files.
    pub overall: Least,
    /// By category.
    #[serde(default)]
    pub category: BTreeMap<String, Least>,
}

/// The least accepted figures, each from 0 to 1; 0 accepts all.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Least {
    /// Of what is found, the share that is right.
    pub precision: f64,
    /// Of what is to be found, the share that is.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// A figure below the floor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shortfall {
    /// `overall`, or the category.
    pub what: String,
    /// Which figure.
    pub figure: &'static str,
    /// What was measured.
    pub measured: f64,
    /// What is accepted.
    pub least: f64,
}

impl Floor {
    /// Reads the floor that belongs to a corpus, if there is one.
    ///
    /// # Errors
    /// If `metrics.toml` can't be read or understood.
    pub fn load(corpus: &Path) -> Result<Option<Floor>, CorpusError> {
        let path = corpus.join("metrics.toml");
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|source| CorpusError::Read { path: path.clone(), source })?;
        toml::from_str(&text).map(Some).map_err(|error| CorpusError::Toml { path, message: error.to_string() })
    }

    /// Every figure that is below the floor. A category that the corpus doesn't have is one without recall.
    #[must_use]
    pub fn shortfalls(&self, evaluation: &Evaluation) -> Vec<Shortfall> {
        let mut all = self.overall.shortfalls("overall", &evaluation.overall);
        for (name, least) in &self.category {
            let counts = evaluation.by_category.get(name).copied().unwrap_or_default();
            all.extend(least.shortfalls(name, &counts));
        }
        all
    }
}

impl Least {
    fn shortfalls(&self, what: &str, counts: &Counts) -> Vec<Shortfall> {
        let figures = [
            ("precision", counts.precision(), self.precision),
            ("recall", counts.recall(), self.recall),
            ("f1", counts.f1(), self.f1),
        ];
        let low = figures.into_iter().filter(|(_, measured, least)| measured < least);
        low.map(|(figure, measured, least)| Shortfall { what: what.to_owned(), figure, measured, least }).collect()
    }
}
