//! How good is the detection? Precision and recall on a corpus of labelled files, and a floor under both.
//!
//! A corpus is a directory of cases: `tree/<case>/labels.toml` says how the case came about, `tree/<case>/input/…` are its
//! files. In them spans are marked: `<<+category|…>>` is a secret, `<<-category|…>>` looks like one and is none,
//! `<<?category|…>>` is a placeholder. Inside of marks and outside of them stand seeded templates, so that the corpus holds
//! no secret. [`Corpus::load`] reads one, [`evaluate`] scans it and compares.

mod corpus;
mod fit;
mod floor;
mod lexicon;
mod marked;
mod measure;
mod vocabulary;

pub use corpus::{Case, Corpus, CorpusError, InputFile};
pub use fit::{Fit, fit};
pub use floor::{Floor, Least, Shortfall};
pub use lexicon::Lexicon;
pub use marked::{Label, LabelledSpan, LabelledText, MarkError, expand_marked};
pub use measure::{Confusion, Counts, Evaluation, Mixup, RuleCounts, evaluate};
