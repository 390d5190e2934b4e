//! Scans of changes: what of them is new and what was there before, which ranges there are, and pushes.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    git_changes::{problems, secrets},
    git_scan::{commit, found, head, init, rev, run, scan},
    git_store::repositories::git,
    samples::{self, github_token},
};

/// Path, line and "introduced" of each occurrence, by secret.
pub(crate) type Changed = BTreeMap<String, Vec<(String, u64, bool)>>;

pub(crate) fn changed(dir: &Path, args: &[&str]) -> (i32, Changed) {
    let (code, report) = scan(dir, args);
    assert_eq!(report["problems"], serde_json::json!([]), "{args:?}");
    let place = |occurrence: &Value| {
        let provenance = &occurrence["provenance"];
        let path = provenance["path"].as_str().unwrap_or("commit").to_owned();
        (path, occurrence["place"]["line"].as_u64().unwrap(), provenance["history"]["introduced"].as_bool().unwrap())
    };
    (code, found(&report).into_iter().map(|(secret, all)| (secret, all.iter().map(place).collect())).collect())
}

#[test]
fn staged_content_is_scanned_and_what_was_there_before_is_told_apart() {
    for options in [&[][..], &["--object-format=sha256"]] {
        for version in ["2", "3", "4"] {
            let dir = init(options);
            let dir = dir.path();
            let (old, new, moved) = (samples::github_token(1), samples::github_token(2), samples::github_token(3));
            git(dir, &["update-index", "--index-version", version]);
            // Before the first commit everything is new.
            fs::write(dir.join("first.txt"), &old).unwrap();
            git(dir, &["add", "-A"]);
            assert_eq!(
                changed(dir, &["--staged"]),
                (1, [(old.clone(), vec![("first.txt".to_owned(), 1, true)])].into())
            );
            commit(dir, "deep/er/old.txt", &old);
            commit(dir, "deep/er/moved.txt", format!("{moved} {}", "x\n".repeat(50)));
            for number in 0..50 {
                fs::create_dir_all(dir.join(format!("d{number}"))).unwrap();
                fs::write(dir.join(format!("d{number}/f")), format!("{number}")).unwrap();
            }
            commit(dir, "clean.txt", "nothing");
            assert_eq!(changed(dir, &["--staged"]).1, BTreeMap::new());
            // Not staged: no matter of the next commit.
            fs::write(dir.join("clean.txt"), &new).unwrap();
            assert_eq!(changed(dir, &["--staged"]), (0, BTreeMap::new()));
            let unstaged = (1, [(new.clone(), vec![("clean.txt".to_owned(), 1, true)])].into());
            assert_eq!(changed(dir, &["--unstaged"]), unstaged);
            // Content that was there before is no reason to refuse a commit, wherever it moves to.
            fs::write(dir.join("deep/er/old.txt"), format!("more\n{old}")).unwrap();
            git(dir, &["add", "deep/er/old.txt"]);
            git(dir, &["mv", "deep/er/moved.txt", "elsewhere.txt"]);
            let expected = BTreeMap::from([
                (old.clone(), vec![("deep/er/old.txt".to_owned(), 2, false)]),
                (moved.clone(), vec![("elsewhere.txt".to_owned(), 1, false)]),
            ]);
            assert_eq!(changed(dir, &["--staged"]), (0, expected.clone()));
            git(dir, &["add", "clean.txt"]);
            let mut with_new = expected;
            with_new.insert(new.clone(), vec![("clean.txt".to_owned(), 1, true)]);
            assert_eq!(changed(dir, &["--staged"]), (1, with_new.clone()));
            assert_eq!(changed(&dir.join("d1"), &["--staged"]), (1, with_new.clone()), "from a directory inside");
            git(dir, &["update-index", "--split-index"]);
            assert_eq!(changed(dir, &["--staged"]), (1, with_new));
            assert_eq!(changed(dir, &["--unstaged"]), (0, BTreeMap::new()));
        }
    }
}

#[test]
fn ranges_are_those_of_git() {
    let dir = init(&[]);
    let dir = dir.path();
    let tokens: Vec<String> = (10..16).map(samples::github_token).collect();
    let old = "2020-01-01T00:00:00Z";
    commit(dir, "a.txt", &tokens[0]);
    git(dir, &["tag", "base"]);
    git(dir, &["checkout", "-q", "-b", "side"]);
    commit(dir, "b.txt", &tokens[1]);
    commit(dir, "b.txt", "gone again");
    git(dir, &["checkout", "-q", "main"]);
    commit(dir, "a.txt", format!("{}\n{}", tokens[0], tokens[2]));
    git(dir, &["merge", "-q", "--no-commit", "--no-ff", "side"]);
    fs::write(dir.join("evil.txt"), &tokens[3]).unwrap();
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", &format!("merge {}", tokens[4])]);
    let (zero, at_base, at_head) = ("0".repeat(40), rev(dir, "base"), head(dir));
    let at = |path: &str, line, new| vec![(path.to_owned(), line, new)];
    let all = BTreeMap::from([
        (tokens[0].clone(), at("a.txt", 1, false)),
        (tokens[1].clone(), at("b.txt", 1, true)),
        (tokens[2].clone(), at("a.txt", 2, true)),
        (tokens[3].clone(), at("evil.txt", 1, true)),
        (tokens[4].clone(), at("commit", 5, true)),
    ]);
    let short = &at_base[..8];
    for range in
        ["base..HEAD", "base..", "base..main", "tags/base..@", &format!("{short}..heads/main"), "HEAD~2^{}..HEAD"]
    {
        let (code, found) = changed(dir, &["--range", range]);
        assert_eq!((code, found.keys().collect::<Vec<_>>()), (1, all.keys().collect()), "{range}");
        assert_eq!(found[&tokens[0]], all[&tokens[0]], "{range}");
        assert_eq!(found[&tokens[1]], all[&tokens[1]], "{range}");
    }
    let symmetric: Vec<String> = changed(dir, &["--range", "side...HEAD^1"]).1.into_keys().collect();
    assert!([0, 1, 2].iter().all(|token| symmetric.contains(&tokens[*token])) && symmetric.len() == 3);
    assert_eq!(changed(dir, &["--since", "base"]).1.len(), 5);
    assert_eq!(changed(dir, &["--since", old]).1.len(), 5);
    assert_eq!(changed(dir, &["--since", "2100-01-01"]), (0, BTreeMap::new()));
    assert_eq!(changed(dir, &["--branch", "side"]).1.into_keys().collect::<Vec<_>>(), {
        let mut expected = vec![tokens[0].clone(), tokens[1].clone()];
        expected.sort();
        expected
    });
    for (range, message) in
        [("nowhere..HEAD", "nowhere"), ("HEAD~99..HEAD", "HEAD~99"), ("base^5..", "base^5"), ("HEAD^{}ä", "HEAD^{}ä")]
    {
        let (code, _, error) = run(dir, &["--range", range], b"");
        assert!(code == 2 && error.contains(message), "{range}: {code} {error}");
    }
    // A push of a new branch brings what no other ref has.
    let push = format!("{zero} {at_head} refs/heads/new\n{at_base} {zero} refs/heads/gone\n");
    assert_eq!(run(dir, &["--pre-receive"], push.as_bytes()).0, 0);
    git(dir, &["update-ref", "-d", "refs/heads/side"]);
    git(dir, &["checkout", "-q", "--detach"]);
    git(dir, &["update-ref", "-d", "refs/heads/main"]);
    assert_eq!(run(dir, &["--pre-receive"], push.as_bytes()).0, 1);
    assert_eq!(run(dir, &["--pre-receive"], b"nonsense\n").0, 2);
}

/// Git itself runs the hook, with the objects in quarantine.
#[test]
fn a_push_with_a_secret_is_refused() {
    let server = tempfile::tempdir().unwrap();
    git(server.path(), &["init", "-q", "--bare", "-b", "main", "s.git"]);
    let hook = server.path().join("s.git/hooks/pre-receive");
    let script = format!("#!/bin/sh\nexec '{}' scan --pre-receive\n", env!("CARGO_BIN_EXE_unleak"));
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, script).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let dir = init(&[]);
    let url = server.path().join("s.git").to_string_lossy().into_owned();
    let push = |dir: &Path| Command::new("git").args(["push", "-q", &url, "main"]).current_dir(dir).output().unwrap();
    commit(dir.path(), "clean.txt", "clean");
    let output = push(dir.path());
    assert!(output.status.success(), "{output:?}");
    commit(dir.path(), "leak.txt", samples::github_token(77));
    let output = push(dir.path());
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("leak.txt"), "{output:?}");
}

mod regression {
    use super::*;

    /// In a run of changes services took what was there before for new.
    #[test]
    fn sarif_tells_what_is_new_from_what_was_there() {
        let dir = init(&[]);
        let states = |args: &[&str]| {
            let (_, out, _) = run(dir.path(), &[args, &["-f", "sarif", "--show-secrets"]].concat(), b"");
            let log: Value = serde_json::from_str(&out).unwrap();
            let results = log["runs"][0]["results"].as_array().unwrap().iter();
            let state = |token: &str| {
                let is_its = |result: &&Value| result["message"]["text"].as_str().unwrap().contains(token);
                results.clone().find(is_its).map(|result| result["baselineState"].clone())
            };
            [state(&github_token(1)), state(&github_token(2))]
        };
        commit(dir.path(), "a", github_token(1));
        commit(dir.path(), "a", format!("{}\n{}\n", github_token(1), github_token(2)));
        assert_eq!(states(&["--range", "HEAD~1.."]), [Some(json!("unchanged")), Some(json!("new"))]);
        assert_eq!(states(&["--range", "HEAD"]), [Some(json!("new")), Some(json!("new"))]);
        // What is scanned whole is compared with nothing.
        assert_eq!(states(&["."]), [Some(Value::Null), Some(Value::Null)]);
        fs::write(dir.path().join("a"), format!("{}\n", github_token(1))).unwrap();
        git(dir.path(), &["add", "-A"]);
        assert_eq!(states(&["--staged"]), [Some(json!("unchanged")), None]);
    }

    /// They were called unknown, which says neither why nor what to do.
    #[test]
    fn revisions_that_are_not_understood_are_refused_with_a_way_out() {
        let dir = init(&[]);
        let dir = dir.path();
        commit(dir, "a", github_token(1));
        commit(dir, "b", github_token(2));
        git(dir, &["checkout", "-q", "-b", "side"]);
        commit(dir, "c", github_token(3));
        git(dir, &["checkout", "-q", "main"]);
        git(dir, &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        for text in [":/b", "HEAD@{yesterday}", "HEAD@{2024-05-02}", "@{-1}", "HEAD^{/b}", "main@{1.day.ago}"] {
            for args in [&["--range", text][..], &["--range", &format!("{text}..")], &["--since", text]] {
                let (code, _, error) = run(dir, args, b"");
                assert!(code == 2 && error.contains("git rev-parse"), "{args:?}: {error}");
            }
        }
        for text in ["HEAD:a", ":a", "HEAD:"] {
            let (code, _, error) = run(dir, &["--range", text], b"");
            assert!(code == 2 && error.contains("no commit") && error.contains(text), "{text}: {error}");
        }
        // What a commit brings on its own, and from which parent.
        let brought = |range: &str| secrets(&scan(dir, &["--range", range]).1);
        assert_eq!(brought("side^!"), [github_token(3)]);
        assert_eq!(brought("HEAD^-"), [github_token(3)]);
        assert_eq!(brought("HEAD^-1"), [github_token(3)]);
        assert_eq!(brought("HEAD^-2"), Vec::<String>::new());
        assert_eq!(brought("HEAD^!"), Vec::<String>::new());
        assert_eq!(brought("HEAD~2^!"), [github_token(1)]);
        for text in ["HEAD^-3", "HEAD~2^-", "HEAD^-x", "HEAD^-..HEAD", "HEAD^!..HEAD"] {
            assert_eq!(run(dir, &["--range", text], b"").0, 2, "{text}");
        }
    }

    /// What stood in the file counted as new in the directory, and the other way round.
    #[test]
    fn a_file_that_becomes_a_directory_is_moved() {
        let dir = init(&[]);
        let (dir, token) = (dir.path(), github_token(1));
        let is_new = |args: &[&str], path: &str| {
            let (code, report) = scan(dir, args);
            let places = &found(&report)[&token];
            assert_eq!((code, places.len(), &places[0]["provenance"]["path"]), (0, 1, &json!(path)), "{args:?}");
            places[0]["provenance"]["history"]["introduced"].clone()
        };
        commit(dir, "a", &token);
        git(dir, &["rm", "-q", "a"]);
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/c"), format!("x\n{token}\n")).unwrap();
        git(dir, &["add", "-A"]);
        assert_eq!(is_new(&["--staged"], "a/b/c"), json!(false));
        git(dir, &["commit", "-qm", "directory"]);
        assert_eq!(is_new(&["--range", "HEAD~1.."], "a/b/c"), json!(false));
        git(dir, &["rm", "-rq", "a"]);
        fs::write(dir.join("a"), format!("y\n{token}\n")).unwrap();
        git(dir, &["add", "-A"]);
        assert_eq!(is_new(&["--staged"], "a"), json!(false));
        git(dir, &["commit", "-qm", "file"]);
        assert_eq!(is_new(&["--range", "HEAD~1.."], "a"), json!(false));
    }

    #[test]
    fn what_a_range_deleted_can_be_named() {
        let dir = init(&[]);
        commit(dir.path(), "d/e/f", github_token(1));
        commit(dir.path(), "g", github_token(2));
        git(dir.path(), &["rm", "-rq", "d"]);
        git(dir.path(), &["commit", "-qm", "away"]);
        for path in ["d", "d/e", "./d/e/f"] {
            assert_eq!(secrets(&scan(dir.path(), &["--range", "HEAD", path]).1), [github_token(1)], "{path}");
        }
        // Where it is only deleted nothing is brought, and that is no mistake.
        for path in ["d", "d/e", "d/e/f"] {
            let (code, report) = scan(dir.path(), &["--range=HEAD~1..HEAD", path]);
            assert_eq!((code, &report["findings"], &report["problems"]), (0, &json!([]), &json!([])), "{path}");
            assert_eq!(
                (&report["notices"][0]["kind"], &report["notices"][0]["path"]),
                (&json!("only-deleted"), &json!(path))
            );
        }
        assert_eq!(run(dir.path(), &["--range=HEAD~1..", "d", "--quiet"], b""), (0, String::new(), String::new()));
        fs::remove_file(dir.path().join("g")).unwrap();
        assert_eq!(scan(dir.path(), &["--unstaged", "g"]).0, 0);
        git(dir.path(), &["rm", "-q", "g"]);
        assert_eq!(scan(dir.path(), &["--staged", "g"]).0, 0);
        for args in [["--range=HEAD", "dd"], ["--range=HEAD~1..HEAD", "d/x"], ["--staged", "d"], ["--unstaged", "g"]] {
            let (code, _, error) = run(dir.path(), &args, b"");
            assert!(code == 2 && error.contains("there is no such file or directory"), "{args:?}: {error}");
        }
    }

    /// It was only said that they are missing.
    #[test]
    fn objects_that_only_the_remote_of_a_partial_clone_has_are_named_with_a_way_to_them() {
        let dir = init(&[]);
        git(dir.path(), &["config", "uploadpack.allowFilter", "true"]);
        for number in 0..3 {
            commit(dir.path(), "d/f", format!("{number}\n"));
        }
        let clones = tempfile::tempdir().unwrap();
        let url = format!("file://{}", dir.path().display());
        git(clones.path(), &["clone", "-q", "--no-checkout", "--filter=blob:none", &url, "partial"]);
        let (code, report) = scan(&clones.path().join("partial"), &["--range", "HEAD~1.."]);
        assert_eq!(code, 3);
        let all = report["problems"].as_array().unwrap();
        assert!(all.iter().all(|problem| problem["kind"] == "history-not-scanned"), "{report}");
        let named = all.iter().filter(|problem| problem["provenance"]["path"] == "d/f").count();
        assert_eq!((named, all.len()), (2, 3), "{report}");
        assert!(problems(&report).iter().any(|text| text.contains("2 of its objects") && text.contains("--refetch")));
    }
}
