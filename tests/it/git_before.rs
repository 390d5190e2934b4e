//! Scans of changes: what is new, and what was there before.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    git_ranges::{Changed, changed},
    git_scan::{commit, head, init, rev, run, scan},
    git_store::repositories::git,
    samples::github_token,
};

/// One secret at these paths, each with whether it is new there.
fn at(token: &str, places: &[(&str, bool)]) -> Changed {
    [(token.to_owned(), places.iter().map(|(path, is_new)| ((*path).to_owned(), 1, *is_new)).collect())].into()
}

#[test]
fn what_comes_back_within_a_range_was_there_before() {
    let dir = init(&[]);
    let dir = dir.path();
    let token = github_token(1);
    commit(dir, "old.env", &token);
    git(dir, &["rm", "-q", "old.env"]);
    git(dir, &["commit", "-qm", "away"]);
    git(dir, &["revert", "--no-edit", "HEAD"]);
    assert_eq!(changed(dir, &["--range", "HEAD~2..HEAD"]), (0, at(&token, &[("old.env", false)])));
    assert_eq!(changed(dir, &["--range", "HEAD~1..HEAD"]), (1, at(&token, &[("old.env", true)])), "it was away");
    // Changed, and changed back.
    commit(dir, "old.env", "clean");
    commit(dir, "old.env", &token);
    assert_eq!(changed(dir, &["--range", "HEAD~2..HEAD"]), (0, at(&token, &[("old.env", false)])));
    // Renamed twice, then with another line.
    git(dir, &["mv", "old.env", "b.env"]);
    git(dir, &["commit", "-qm", "b"]);
    git(dir, &["mv", "b.env", "c.env"]);
    git(dir, &["commit", "-qm", "c"]);
    commit(dir, "c.env", format!("{token}\nx\n"));
    let expected = at(&token, &[("b.env", false), ("c.env", false)]);
    assert_eq!(changed(dir, &["--range", "HEAD~3..HEAD"]), (0, expected));
    // What the range itself brings, takes away and brings again is new, whatever the clocks say.
    let base = head(dir);
    let fresh = github_token(2);
    for (content, date) in [(Some(&fresh), "2024-03-01"), (None, "2024-02-01"), (Some(&fresh), "2024-01-01")] {
        fs::write(dir.join("new.env"), content.map_or("clean", String::as_str)).unwrap();
        git(dir, &["add", "-A"]);
        let output = std::process::Command::new("git")
            .current_dir(dir)
            .env("GIT_COMMITTER_DATE", format!("{date}T00:00:00Z"))
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", date])
            .output();
        assert!(output.unwrap().status.success());
    }
    assert_eq!(changed(dir, &["--range", &format!("{base}..HEAD")]), (1, at(&fresh, &[("new.env", true)])));
}

#[test]
fn a_copy_is_new_and_a_move_is_not() {
    let dir = init(&[]);
    let dir = dir.path();
    let token = github_token(1);
    commit(dir, "old.env", &token);
    fs::write(dir.join("copy.env"), &token).unwrap();
    git(dir, &["add", "-A"]);
    assert_eq!(changed(dir, &["--staged"]), (1, at(&token, &[("copy.env", true)])));
    // The same if the other file is touched, too.
    fs::write(dir.join("old.env"), format!("{token}\nx\n")).unwrap();
    git(dir, &["add", "-A"]);
    let both = at(&token, &[("copy.env", true), ("old.env", false)]);
    assert_eq!(changed(dir, &["--staged"]), (1, both.clone()));
    git(dir, &["commit", "-qm", "copy"]);
    assert_eq!(changed(dir, &["--range", "HEAD~1..HEAD"]), (1, both.clone()));
    // A copy that is followed by a change of the original.
    git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
    commit(dir, "copy.env", &token);
    commit(dir, "old.env", format!("{token}\nx\n"));
    assert_eq!(changed(dir, &["--range", "HEAD~2..HEAD"]), (1, both));
    // Moved from one file to another that stays.
    git(dir, &["reset", "-q", "--hard", "HEAD~2"]);
    fs::write(dir.join("old.env"), "clean").unwrap();
    fs::write(dir.join("settings.env"), &token).unwrap();
    git(dir, &["add", "-A"]);
    assert_eq!(changed(dir, &["--staged"]), (0, at(&token, &[("settings.env", false)])));
    // A message is no place to move it to.
    git(dir, &["commit", "-qm", &token]);
    let places = changed(dir, &["--range", "HEAD~1..HEAD"]);
    assert_eq!((places.0, places.1[&token].iter().filter(|place| place.2).count()), (1, 1), "{places:?}");
}

#[test]
fn a_merge_is_compared_with_all_that_it_joins() {
    let dir = init(&[]);
    let dir = dir.path();
    let (theirs, new) = (github_token(1), github_token(2));
    commit(dir, "a", "1\n");
    git(dir, &["checkout", "-q", "-b", "f"]);
    commit(dir, "a", "2\n");
    git(dir, &["checkout", "-q", "main"]);
    commit(dir, "a", format!("3\n{theirs}\n"));
    commit(dir, "sub/old.env", &theirs);
    git(dir, &["checkout", "-q", "f"]);
    let merge = std::process::Command::new("git").current_dir(dir).args(["merge", "-q", "main"]).output().unwrap();
    assert!(!merge.status.success(), "the sides are in conflict");
    assert_eq!(changed(dir, &["--staged"]), (0, BTreeMap::new()), "with the sides of the conflict");
    fs::write(dir.join("a"), format!("{theirs}\n4\n")).unwrap();
    git(dir, &["add", "a"]);
    assert_eq!(changed(dir, &["--staged"]), (0, at(&theirs, &[("a", false)])));
    fs::write(dir.join("sub/new.env"), &new).unwrap();
    git(dir, &["add", "-A"]);
    let (code, places) = changed(dir, &["--staged"]);
    assert_eq!((code, &places[&new][0].0), (1, &"sub/new.env".to_owned()));
    // Without the merge it would all be new.
    fs::remove_file(dir.join(".git/MERGE_HEAD")).unwrap();
    assert_eq!(changed(dir, &["--staged"]).1[&theirs].iter().filter(|place| place.2).count(), 2);
}

/// What every format prints.
fn printed(dir: &Path, args: &[&str]) -> (i32, String) {
    let reports = ["human", "json", "jsonl", "sarif"].map(|format| run(dir, &[args, &["-f", format]].concat(), b""));
    let text = reports.iter().map(|(_, out, error)| format!("{out}{error}")).collect();
    (reports[0].0, text)
}

/// Paths and newness of what is found in names.
fn names(dir: &Path, args: &[&str]) -> (i32, Vec<(String, bool)>) {
    let (code, report) = scan(dir, args);
    let places =
        report["findings"].as_array().unwrap().iter().flat_map(|finding| finding["occurrences"].as_array().unwrap());
    let in_names = places.filter(|place| place["part"] == "name");
    let mut found: Vec<_> = in_names
        .map(|place| {
            let place = &place["provenance"];
            assert_ne!(place["object"], "0".repeat(40), "{place}");
            (place["path"].as_str().unwrap().to_owned(), place["history"]["introduced"].as_bool().unwrap())
        })
        .collect();
    found.sort();
    (code, found)
}

#[test]
fn secrets_in_paths_are_found_and_hidden() {
    let dir = init(&[]);
    let dir = dir.path();
    let (in_dir, in_name, in_file) = (github_token(1), github_token(2), github_token(3));
    commit(dir, "a", "1");
    let base = head(dir);
    let (sub, file) = (format!("dir-{in_dir}"), format!("f-{in_name}.env"));
    fs::create_dir_all(dir.join(&sub).join("x")).unwrap();
    fs::write(dir.join(&sub).join("x/s.env"), "clean").unwrap();
    git(dir, &["add", "-A"]);
    assert_eq!(names(dir, &["--staged"]), (1, vec![(sub.clone(), true)]), "a directory alone");
    fs::write(dir.join(&sub).join("x").join(&file), &in_file).unwrap();
    git(dir, &["add", "-A"]);
    let full = format!("{sub}/x/{file}");
    let both = |is_new| vec![(sub.clone(), is_new), (full.clone(), is_new)];
    let is_hidden = |args: &[&str]| {
        let (code, text) = printed(dir, args);
        assert!([&in_dir, &in_name, &in_file].iter().all(|token| !text.contains(token.as_str())), "{args:?}: {text}");
        assert!(text.contains("dir-"), "{args:?}: {text}");
        code
    };
    assert_eq!((names(dir, &["--staged"]), is_hidden(&["--staged"])), ((1, both(true)), 1));
    git(dir, &["commit", "-qm", "1"]);
    let range = format!("{base}..HEAD");
    assert_eq!((names(dir, &["--range", &range]), is_hidden(&["--range", &range])), ((1, both(true)), 1));
    // Names that were there are not new, but hidden.
    fs::write(dir.join(&full), format!("{}\n", github_token(4))).unwrap();
    assert_eq!((names(dir, &["--unstaged"]), is_hidden(&["--unstaged"])), ((1, both(false)), 1));
    git(dir, &["add", "-A"]);
    assert_eq!((names(dir, &["--staged"]), is_hidden(&["--staged"])), ((1, both(false)), 1));
    git(dir, &["commit", "-qm", "2"]);
    assert_eq!((names(dir, &["--range", "HEAD~1.."]), is_hidden(&["--range", "HEAD~1.."])), ((1, both(false)), 1));
    assert_eq!(names(dir, &["--range", &range]), (1, both(true)), "the range has both commits");
    // A new file in a directory that was there; a directory that is renamed; one that is copied.
    fs::write(dir.join(&sub).join("y"), "clean").unwrap();
    git(dir, &["add", "-A"]);
    assert_eq!(names(dir, &["--staged"]), (0, vec![(sub.clone(), false)]));
    git(dir, &["reset", "-q", "--hard"]);
    git(dir, &["mv", &sub, &format!("other-{in_dir}")]);
    let (code, moved) = names(dir, &["--staged"]);
    assert_eq!((code, moved.iter().any(|(_, is_new)| *is_new)), (0, false), "{moved:?}");
    git(dir, &["reset", "-q", "--hard"]);
    fs::create_dir_all(dir.join("copy").join(&sub)).unwrap();
    fs::write(dir.join("copy").join(&sub).join("z"), "clean").unwrap();
    git(dir, &["add", "-A"]);
    assert_eq!(names(dir, &["--staged"]), (1, vec![(format!("copy/{sub}"), true)]));
    assert_eq!(rev(dir, "HEAD~2"), base);
}
