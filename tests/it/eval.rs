//! Accuracy on the labelled corpus, and the arithmetic behind it.

use std::{fs, path::Path};

use unleak::{
    Scanner,
    engine::{ScannerOptions, generic_features},
    eval::{Corpus, CorpusError, Floor, Label, Mixup, evaluate, fit},
    rule::builtin,
};

fn corpus_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

const LABELS: &str = "description = 'd'\nsource = 's'\nseed = 7\n";

#[test]
fn accuracy_is_at_or_above_the_floor() {
    let corpus = Corpus::load(Path::new("corpus")).unwrap();
    let floor = Floor::load(Path::new("corpus")).unwrap().expect("corpus/metrics.toml");
    let evaluation = evaluate(&corpus, &Scanner::builtin(), 2).unwrap();
    let shortfalls = floor.shortfalls(&evaluation);
    assert!(shortfalls.is_empty(), "{shortfalls:?}");
}

#[test]
fn what_is_found_is_compared_with_what_is_marked() {
    let text = "a: <<+pat|ghp_{{alnum:30}}{{checksum}}>>\nb: <<-pat|ghp_{{alnum:30}}{{checksum}}>>\n\
                c: ghp_{{alnum:36}}\nd: <<+unheard-of|{{digits:9}}>>\n";
    let dir = corpus_of(&[("tree/one/labels.toml", LABELS), ("tree/one/input/a.yml", text)]);
    let corpus = Corpus::load(dir.path()).unwrap();
    let evaluation = evaluate(&corpus, &Scanner::builtin(), 3).unwrap();
    let overall = evaluation.overall;
    assert_eq!((overall.found, overall.missed, overall.wrong), (3, 3, 3));
    assert!((overall.precision(), overall.recall(), overall.f1()) == (0.5, 0.5, 0.5));
    assert_eq!(evaluation.by_category["unheard-of"].missed, 3);
    assert_eq!(evaluation.negatives["pat"], 3);
    assert_eq!(evaluation.by_rule["github.pat-classic"].wrong, 3);
    assert_eq!(evaluation.by_file_type["yml"], overall);
    let mixups: Vec<_> = evaluation.confusions.iter().map(|c| (c.mixup, c.line, c.variants)).collect();
    assert_eq!(mixups, [(Mixup::Missed, 4, 3), (Mixup::Wrong, 2, 3)]);
}

#[test]
fn a_low_figure_is_a_shortfall() {
    let text = "d: <<+unheard-of|{{digits:9}}>>\n";
    let metrics = "[overall]\nrecall = 0.5\n[category.unheard-of]\nrecall = 0.1\n[category.absent]\nprecision = 0.9\n";
    let files = [("tree/one/labels.toml", LABELS), ("tree/one/input/a.yml", text), ("metrics.toml", metrics)];
    let dir = corpus_of(&files);
    let evaluation = evaluate(&Corpus::load(dir.path()).unwrap(), &Scanner::builtin(), 1).unwrap();
    let shortfalls = Floor::load(dir.path()).unwrap().unwrap().shortfalls(&evaluation);
    let named: Vec<_> = shortfalls.iter().map(|s| (s.what.as_str(), s.figure)).collect();
    assert_eq!(named, [("overall", "recall"), ("unheard-of", "recall")]);
}

#[test]
fn expansions_are_repeatable_and_differ_between_variants() {
    let corpus = Corpus::load(Path::new("corpus")).unwrap();
    for case in &corpus.cases {
        assert_eq!(case.expand(0).unwrap(), case.expand(0).unwrap());
        let (first, second) = (case.expand(0).unwrap(), case.expand(1).unwrap());
        let labels = |files: &[(&Path, unleak::eval::LabelledText)]| -> Vec<(Label, String)> {
            files.iter().flat_map(|(_, text)| text.spans.iter().map(|s| (s.label, s.category.clone()))).collect()
        };
        assert_eq!(labels(&first), labels(&second));
    }
}

#[test]
fn a_corpus_with_a_mistake_is_refused() {
    let labels = |text: &str| corpus_of(&[("tree/one/labels.toml", text), ("tree/one/input/a", "x")]);
    let mistakes = [
        labels("description = 'd'\nsource = 's'\n"),
        labels(&format!("{LABELS}colour = 'red'\n")),
        labels(&format!("{LABELS}[files]\n'b' = 'not there'\n")),
    ];
    for dir in mistakes {
        assert!(matches!(Corpus::load(dir.path()), Err(CorpusError::Toml { .. })));
    }
    let dir = corpus_of(&[("tree/one/labels.toml", LABELS), ("tree/one/input/a", "x <<+secret|y")]);
    let corpus = Corpus::load(dir.path()).unwrap();
    assert!(matches!(evaluate(&corpus, &Scanner::builtin(), 1), Err(CorpusError::Mark { .. })));
    assert!(Corpus::load(Path::new("no such corpus")).is_err());
}

/// `unleak eval corpus/ --fit src/engine/generic/weights.rs` leaves the file as it is.
#[test]
fn the_generic_models_points_are_those_of_a_fit() {
    let options = ScannerOptions { min_score: 0, ..ScannerOptions::default() };
    let scanner = Scanner::new(builtin().to_vec(), &options);
    let fitted = fit(&Corpus::load(Path::new("corpus")).unwrap(), &scanner, 4).unwrap();
    let present = fs::read_to_string("src/engine/generic/weights.rs").unwrap();
    assert!(present == fitted.to_source(), "points are old: unleak eval corpus/ --fit src/engine/generic/weights.rs");
    let points: Vec<i16> = generic_features().iter().map(|feature| feature.points).collect();
    assert_eq!(points, fitted.points);
}

/// Blobs of a history are judged before their paths are known, and left where nothing can come of them.
#[test]
fn a_path_can_only_take_from_a_score() {
    let gains =
        generic_features().into_iter().filter(|feature| feature.name.starts_with("path.") && feature.points > 0);
    assert_eq!(gains.map(|feature| feature.name).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_documentation_lists_every_feature_with_its_points() {
    let table = generic_features()
        .iter()
        .fold(String::from("| feature | points | when |\n|---|---|---|\n"), |table, feature| {
            table + &format!("| `{}` | {:+} | {} |\n", feature.name, feature.points, feature.detail)
        });
    let page = fs::read_to_string("docs/rules.md").unwrap();
    let (before, rest) = page.split_once("| feature | points | when |\n").expect("docs/rules.md has the table");
    let after = &rest[rest.find("\n\n").expect("text after the table")..];
    let expected = format!("{before}{}{after}", table.trim_end());
    if std::env::var_os("UNLEAK_UPDATE_DOCS").is_some() {
        fs::write("docs/rules.md", &expected).unwrap();
    }
    assert!(page == expected, "docs/rules.md is old: run this test with UNLEAK_UPDATE_DOCS=1");
}
