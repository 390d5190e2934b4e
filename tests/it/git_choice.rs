//! Scans of changes: what they take in beside files of the object store, what they leave out, and what they refuse.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    git_scan::{commit, found, head, init, run, scan},
    git_store::repositories::{git, git_with_input},
    samples::github_token,
};

fn pointer(digit: &str) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n", digit.repeat(64))
}

fn problems(report: &Value) -> Vec<(String, Value)> {
    let problems = report["problems"].as_array().unwrap().iter();
    problems.map(|it| (it["kind"].as_str().unwrap().to_owned(), it["provenance"]["path"].clone())).collect()
}

#[test]
fn content_that_git_lfs_keeps_is_scanned_or_missed() {
    let dir = init(&[]);
    let dir = dir.path();
    commit(dir, "a", "1");
    let base = head(dir);
    let here = dir.join(".git/lfs/objects/bb/bb");
    fs::create_dir_all(&here).unwrap();
    let token = github_token(1);
    fs::write(here.join("b".repeat(64)), format!("{}\n{token}\n", "x\n".repeat(1 << 20))).unwrap();
    fs::write(dir.join("far.bin"), pointer("a")).unwrap();
    fs::write(dir.join("near.bin"), pointer("b")).unwrap();
    git(dir, &["add", "-A"]);
    let is_told = |args: &[&str]| {
        let (code, report) = scan(dir, args);
        let places = &found(&report)[&token];
        assert_eq!((code, &places[0]["provenance"]["path"]), (1, &"near.bin".into()), "{args:?}");
        assert_eq!(problems(&report), [("lfs-not-scanned".to_owned(), "far.bin".into())], "{args:?}");
    };
    is_told(&["--staged"]);
    git(dir, &["commit", "-qm", "1"]);
    is_told(&["--range", &format!("{base}..")]);
    // A server has it elsewhere, always.
    let push = format!("{base} {} refs/heads/main\n", head(dir));
    fs::remove_dir_all(dir.join(".git/lfs")).unwrap();
    git(dir, &["update-ref", "refs/heads/main", &base]);
    let (code, out, _) = run(dir, &["--pre-receive", "--format", "json"], push.as_bytes());
    let report: Value = serde_json::from_str(&out).unwrap();
    let told: Vec<&str> = report["notices"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!((code, problems(&report), told), (0, vec![], vec!["lfs-not-scanned"; 2]));
    git(dir, &["update-ref", "refs/heads/main", push.split(' ').nth(1).unwrap()]);
    fs::create_dir_all(&here).unwrap();
    fs::write(here.join("b".repeat(64)), &token).unwrap();
    // What is moved was there before, wherever its content is.
    git(dir, &["mv", "far.bin", "moved.bin"]);
    git(dir, &["mv", "near.bin", "there.bin"]);
    let (code, report) = scan(dir, &["--staged"]);
    assert_eq!((code, problems(&report)), (0, vec![]), "{report}");
    assert_eq!(found(&report)[&token][0]["provenance"]["history"]["introduced"], false);
}

#[test]
fn a_path_names_the_part_that_is_scanned() {
    let dir = init(&[]);
    let dir = dir.path();
    commit(dir, "sub/a", "1");
    for (path, token) in [("sub/a", 1), ("subway", 2), ("sub/b/c", 3)] {
        fs::create_dir_all(dir.join("sub/b")).unwrap();
        fs::write(dir.join(path), github_token(token)).unwrap();
    }
    git(dir, &["add", "-A"]);
    let tokens = |dir: &Path, args: &[&str]| {
        let mut tokens: Vec<_> = found(&scan(dir, args).1).into_keys().collect();
        tokens.sort();
        tokens
    };
    let expected = |numbers: &[u64]| {
        let mut tokens: Vec<_> = numbers.iter().map(|number| github_token(*number)).collect();
        tokens.sort();
        tokens
    };
    assert_eq!(tokens(dir, &["--staged", "."]), expected(&[1, 2, 3]));
    assert_eq!(tokens(dir, &["--staged", "sub"]), expected(&[1, 3]));
    assert_eq!(tokens(dir, &["--staged", "sub/b/c"]), expected(&[3]));
    assert_eq!(tokens(&dir.join("sub"), &["--staged"]), expected(&[1, 2, 3]), "no path, so all of it");
    assert_eq!(tokens(&dir.join("sub"), &["--staged", "b"]), expected(&[3]));
    git(dir, &["commit", "-qm", &github_token(4)]);
    assert_eq!(tokens(dir, &["--range", "HEAD~1..", "sub"]), expected(&[1, 3, 4]), "messages belong to no path");
    for (path, token) in [("sub/a", 5), ("subway", 6)] {
        fs::write(dir.join(path), format!("{}\n", github_token(token))).unwrap();
    }
    assert_eq!(tokens(dir, &["--unstaged", "sub"]), expected(&[5]));
    // What moves into the part was there before.
    git(dir, &["reset", "-q", "--hard"]);
    git(dir, &["mv", "subway", "sub/way"]);
    assert_eq!(scan(dir, &["--staged", "sub"]).0, 0);
}

#[test]
fn excluded_paths_are_left_out_of_changes_and_history() {
    let dir = init(&[]);
    let dir = dir.path();
    let tokens = |args: &[&str]| found(&scan(dir, args).1).into_keys().collect::<BTreeSet<String>>();
    let expected = |numbers: &[u64]| numbers.iter().map(|number| github_token(*number)).collect::<BTreeSet<String>>();
    commit(dir, "kept", github_token(1));
    fs::create_dir(dir.join("vendor")).unwrap();
    fs::write(dir.join("vendor/x"), github_token(2)).unwrap();
    git(dir, &["add", "-A"]);
    assert_eq!(scan(dir, &["--staged", "--exclude", "vendor/"]).0, 0);
    assert_eq!(tokens(&["--staged"]), expected(&[2]));
    git(dir, &["commit", "-qm", "x"]);
    git(dir, &["rm", "-q", "vendor/x"]);
    git(dir, &["commit", "-qm", "y"]);
    for args in [&["--history-only", "."][..], &["."], &["--range", "HEAD"]] {
        assert_eq!(tokens(&[args, &["--exclude", "vendor/"]].concat()), expected(&[1]), "{args:?}");
        assert_eq!(tokens(args), expected(&[1, 2]), "{args:?}");
    }
    let (code, _, error) = run(dir, &["--staged", "--exclude", "{a"], b"");
    assert!(code == 2 && error.contains("{a"), "{code} {error}");
}

#[test]
fn what_has_no_changes_is_refused() {
    let dir = init(&[]);
    commit(dir.path(), "a", "1");
    let bare = tempfile::tempdir().unwrap();
    git(bare.path(), &["clone", "-q", "--bare", &dir.path().to_string_lossy(), "b.git"]);
    let bare = bare.path().join("b.git");
    for option in ["--staged", "--unstaged"] {
        let (code, _, error) = run(&bare, &[option], b"");
        assert!(code == 2 && error.contains("has no work tree"), "{option}: {code} {error}");
    }
    let url = format!("file://{}", dir.path().display());
    let (code, out, error) = run(dir.path(), &["--no-history", &url], b"");
    assert!(code == 2 && out.is_empty() && error.contains("--no-history leaves nothing"), "{code} {error}");
    for args in [&["--staged"][..], &["--range", "HEAD"], &["--branch", "main"]] {
        let (code, _, error) = run(dir.path(), &[args, &[&url]].concat(), b"");
        assert!(code == 2 && error.contains("on this machine: clone file://"), "{args:?}: {code} {error}");
        let with_password = format!("https://me:{}@example.org/x", github_token(1));
        let (code, _, error) = run(dir.path(), &[args, &[&with_password]].concat(), b"");
        assert!(code == 2 && !error.contains(&github_token(1)), "{args:?}: {code} {error}");
    }
    // What stands in a `.git` file is nobody's business.
    let lost = tempfile::tempdir().unwrap();
    fs::write(lost.path().join(".git"), format!("gitdir: /nope/{}\n", github_token(2))).unwrap();
    let (code, out, error) = run(lost.path(), &["--staged"], b"");
    assert!(code == 2 && error.contains("its .git file leads to no git repository"), "{code} {error}");
    assert!(!format!("{out}{error}").contains(&github_token(2)), "{error}");
}

/// A server whose hook scans what is pushed.
fn server() -> (tempfile::TempDir, String) {
    let server = tempfile::tempdir().unwrap();
    git(server.path(), &["init", "-q", "--bare", "-b", "main", "s.git"]);
    let hook = server.path().join("s.git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\nexec '{}' scan --pre-receive\n", env!("CARGO_BIN_EXE_unleak"))).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let url = server.path().join("s.git").to_string_lossy().into_owned();
    (server, url)
}

#[test]
fn refs_of_a_push_are_looked_at() {
    let (_server, url) = server();
    let dir = init(&[]);
    let dir = dir.path();
    commit(dir, "a", "1");
    let push = |what: &str| {
        let output = Command::new("git").args(["push", "-q", &url, what]).current_dir(dir).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(push("main").0);
    let (is_taken, said) = push(&format!("main:refs/heads/{}", github_token(1)));
    assert!(!is_taken && said.contains("names of pushed refs") && said.contains("ghp_"), "{said}");
    assert!(push("main:refs/heads/clean").0);
    // Of a blob or a tree that a ref leads to, nobody can say that it is in the work tree.
    let blob = git_with_input(dir, &["hash-object", "-w", "--stdin"], github_token(2).as_bytes());
    let blob = String::from_utf8(blob).unwrap().trim().to_owned();
    let tree = git_with_input(dir, &["mktree"], format!("100644 blob {blob}\tleak.env\n").as_bytes());
    let tree = String::from_utf8(tree).unwrap().trim().to_owned();
    for object in [blob, tree] {
        let (is_taken, said) = push(&format!("{object}:refs/tags/b"));
        assert!(!is_taken && said.contains("in no commit: a ref or a tag leads to it"), "{said}");
        assert!(!said.contains("work tree"), "{said}");
    }
    fs::write(dir.join("a"), github_token(3)).unwrap();
    let (_, out, _) = run(dir, &["--unstaged"], b"");
    assert!(out.contains("in the work tree") && !out.contains("unreachable"), "{out}");
    git(dir, &["add", "-A"]);
    let (_, out, _) = run(dir, &["--staged"], b"");
    assert!(out.contains("staged") && !out.contains("unreachable"), "{out}");
}

#[test]
fn what_a_scan_of_changes_does_not_know_is_null() {
    let dir = init(&[]);
    let dir = dir.path();
    let token = github_token(1);
    let id = commit(dir, "s.env", &token);
    commit(dir, "s.env", format!("{token}\n"));
    let place = |args: &[&str]| found(&scan(dir, args).1)[&token][0]["provenance"].clone();
    let (whole, branch) = (place(&[".", "--history-only"]), place(&["--branch", "main"]));
    assert_eq!((&whole["repository"], &branch["history"]["first"]["id"]), (&branch["repository"], &id.into()));
    assert_eq!(whole["history"]["at_head"], true);
    for field in ["last", "commits", "versions", "at_head", "refs", "refs_total"] {
        assert_eq!(branch["history"][field], Value::Null, "{field}");
    }
    // Which commit brought what was there before isn't known, either.
    let old = place(&["--range", "HEAD~1.."]);
    assert_eq!((&old["history"]["introduced"], &old["history"]["first"]), (&false.into(), &Value::Null));
    let seconds =
        |seconds: u64| scan(dir, &["--since", &format!("@{seconds}")]).1["findings"].as_array().unwrap().len();
    assert_eq!((seconds(1_700_000_000), seconds(1_900_000_000)), (1, 0));
}

#[test]
fn what_a_range_or_a_date_leaves_open_is_scanned_or_refused() {
    let dir = init(&[]);
    let dir = dir.path();
    commit(dir, "a", "1");
    // A variable that is empty by mistake.
    for args in [["--range", "..HEAD"], ["--range", ""], ["--range", "...HEAD"], ["--since", ""]] {
        let (code, _, error) = run(dir, &args, b"");
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(error.contains("begins") || error.contains("date"), "{error}");
    }
    // A clock that stands still, on top of a commit of today; a commit without a date.
    let [late, undated] = [21, 22].map(github_token);
    fs::write(dir.join("b"), &late).unwrap();
    git(dir, &["add", "b"]);
    let commit_of = |name: &str, signature: &str, parent: &str| {
        let tree = String::from_utf8(git(dir, &["write-tree"])).unwrap();
        let text = format!("tree {tree}{parent}author a <a@b> {signature}\ncommitter a <a@b> {signature}\n\n3\n");
        let id = git_with_input(dir, &["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text.as_bytes());
        git(dir, &["update-ref", &format!("refs/heads/{name}"), String::from_utf8(id).unwrap().trim()]);
    };
    commit_of("late", "1000000000 +0000", &format!("parent {}\n", head(dir)));
    fs::write(dir.join("c"), &undated).unwrap();
    git(dir, &["rm", "-q", "--cached", "b"]);
    git(dir, &["add", "c"]);
    commit_of("undated", "", "");
    let (code, report) = scan(dir, &["--since", "2020-01-01"]);
    assert_eq!(code, 1);
    assert!([&late, &undated].iter().all(|token| found(&report).contains_key(*token)), "{report}");
}
