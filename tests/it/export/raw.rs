//! The same exports scanned as files: what docs/exports.md says of the difference.

use std::path::Path;

use serde_json::Value;
use unleak::{
    Scanner,
    source::{FileOptions, Files as Tree},
};

use super::{confluence, jira_backup, mail, plant::Files, plant::token, slack_database, teams};

/// Checks what docs/exports.md says of a scan of the same files: in how many places it finds each secret. A system that has no place
/// for a kind of secret has an empty one.
pub(super) fn row(system: &str, files: &Files, secrets: [&str; 5]) {
    row_as(&format!("`{system}`"), files, secrets);
}

/// The same of one of the forms that a system has, with what it is called there.
pub(super) fn row_as(name: &str, files: &Files, secrets: [&str; 5]) {
    let dir = tempfile::tempdir().unwrap();
    let counts = places(&files.dir(dir.path()), &secrets.map(str::to_owned));
    let cells: Vec<String> = counts
        .iter()
        .zip(secrets)
        .map(|(count, secret)| if secret.is_empty() { "–".to_owned() } else { count.to_string() })
        .collect();
    let row = format!("| {name} | {} |", cells.join(" | "));
    let docs = std::fs::read_to_string("docs/exports.md").unwrap();
    assert!(docs.contains(&row), "docs/exports.md has no row {row}");
}

/// The same of an export that is one file.
pub(super) fn row_of(system: &str, (path, content): (&str, impl Into<Vec<u8>>), secrets: [&str; 5]) {
    let mut files = Files::default();
    files.add(path, content);
    row(system, &files, secrets);
}

/// In how many places a scan of files finds each secret.
fn places(path: &Path, tokens: &[String; 5]) -> [usize; 5] {
    let tree = Tree::new(vec![path.to_owned()], FileOptions::default()).unwrap();
    let report = crate::engine::scan(&Scanner::builtin(), &tree, 1);
    std::array::from_fn(|index| {
        let is_it = |secret: &[u8]| secret == tokens[index].as_bytes();
        let found = report.findings.iter().filter(|finding| is_it(finding.secret.expose()));
        found.map(|finding| finding.occurrences.len()).sum()
    })
}

#[test]
fn what_a_scan_of_files_finds() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: [String; 5] = std::array::from_fn(|index| token(950 + index as u64));
    let mut told = Vec::new();
    let mut check = |name: &str, files: &Files| {
        let path = files.dir(&dir.path().join(name));
        told.push((name.to_owned(), places(&path, &tokens)));
    };
    let mut one = |name: &str, path: &str, content: Vec<u8>| {
        let mut files = Files::default();
        files.add(path, content);
        check(name, &files);
    };
    one("mail", "team.mbox", mail::mailbox(&mail::messages(&tokens)));
    one("teams", "messages_g1.json", teams::dotnet(&Value::Array(teams::messages(&tokens))).into_bytes());
    check("jira-backup", &jira_backup::export(&tokens));
    check("confluence-xml", &confluence::export(&tokens, false));
    let database = dir.path().join("db");
    std::fs::create_dir_all(&database).unwrap();
    slack_database::database(&database.join("slackdump.sqlite"), &tokens);
    std::fs::write(database.join("notes.txt"), format!("token={}\n", tokens[4])).unwrap();
    told.push(("slackdump-database".to_owned(), places(&database, &tokens)));
    let docs = std::fs::read_to_string("docs/exports.md").unwrap();
    for (name, found) in &told {
        let row = format!("| `{name}` | {} |", found.map(|count| count.to_string()).join(" | "));
        assert!(docs.contains(&row), "docs/exports.md has no row {row} ({told:?})");
    }
}
