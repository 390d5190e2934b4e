//! The documentation names only what is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    pages.extend(fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path()));
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Targets of Markdown links that lead to a file of this repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

/// Paths between backticks.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        let roots = ["src/", "tests/", "corpus/", "benches/", "docs/", ".ci/", "rules/"];
        roots.iter().any(|root| word.starts_with(root)) && !word.contains(['*', '<', ' ', ':'])
    })
}

#[test]
fn every_path_in_the_documentation_exists() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap_or(Path::new(""));
        let linked = links(&text).map(|target| folder.join(target.split('#').next().unwrap_or_default()));
        let named = paths(&text).map(PathBuf::from);
        missing.extend(
            linked.chain(named).filter(|path| !path.exists()).map(|path| format!("{}: {path:?}", page.display())),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
