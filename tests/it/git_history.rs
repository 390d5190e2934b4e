//! What history says of findings: which commits have them, what leads to these, and from where.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;
use unleak::{
    Scanner, ScannerOptions,
    engine::{FingerprintKey, Progress, ScanOptions},
    model::{Problem, ProblemKind, Provenance},
    rule::builtin,
    source::{Plan, Receiver, Source, Traces, Wanted, git::Repository},
};

use crate::{
    git_scan::{commit, found, head, init, rev, run, scan},
    git_store::repositories::{git, git_with_input},
    samples::github_token,
};

/// Where in history a secret stands, and what is said of that, in order of paths.
fn places(dir: &Path, token: &str, args: &[&str]) -> Vec<(Option<String>, Value)> {
    let (_, report) = scan(dir, args);
    let occurrences = found(&report).remove(token).unwrap_or_default();
    let in_git = occurrences.iter().map(|occurrence| &occurrence["provenance"]).filter(|place| place["kind"] == "git");
    in_git.map(|place| (place["path"].as_str().map(str::to_owned), place["history"].clone())).collect()
}

/// What is said of a secret at one place.
fn history(dir: &Path, token: &str, args: &[&str]) -> Value {
    let mut places = places(dir, token, args);
    assert_eq!(places.len(), 1, "{places:?}");
    places.remove(0).1
}

const HISTORY: [&str; 2] = [".", "--history-only"];

fn expire_logs(dir: &Path) {
    git(dir, &["reflog", "expire", "--expire=now", "--all"]);
}

mod regression {
    use super::*;

    /// A commit that was amended was named as the one that brought a secret and had it last.
    #[test]
    fn commits_on_branches_outrank_those_that_were_amended() {
        for keeps_logs in [true, false] {
            let dir = init(&[]);
            let (dir, token) = (dir.path(), github_token(1));
            commit(dir, "readme", "x\n");
            commit(dir, "s.env", format!("t={token}\n"));
            fs::write(dir.join("s.env"), format!("t={token}\n#x\n")).unwrap();
            git(dir, &["commit", "-qa", "--amend", "-m", "amended"]);
            if !keeps_logs {
                expire_logs(dir);
            }
            let history = history(dir, &token, &HISTORY);
            let ends = (&history["first"]["id"], &history["last"]["id"]);
            assert_eq!(ends, (&head(dir).into(), &head(dir).into()), "with logs: {keeps_logs}");
            assert_eq!((&history["at_head"], &history["only_logs"]), (&true.into(), &false.into()));
        }
    }

    /// What was committed and undone looked like what was pushed and removed later.
    #[test]
    fn names_are_read_as_their_commits_are_encoded() {
        let dir = init(&[]);
        let author = "J\u{f6}rg M\u{fc}ller";
        let latin: Vec<u8> = author.chars().map(|letter| letter as u32 as u8).collect();
        commit(dir.path(), "f", github_token(1));
        let tree = rev(dir.path(), "HEAD^{tree}");
        for (encoding, expected) in [("ISO-8859-1", author), ("nonsense", "J\\xf6rg M\\xfcller")] {
            let head = format!("tree {tree}\nauthor ");
            let rest = " <j@example.org> 1700000000 +0000\ncommitter C <c@example.org> 1700000000 +0000\n";
            let end = format!("encoding {encoding}\n\nx\n");
            let text = [head.as_bytes(), &latin, rest.as_bytes(), end.as_bytes()].concat();
            let id = git_with_input(dir.path(), &["hash-object", "-w", "-t", "commit", "--stdin"], &text);
            git(dir.path(), &["reset", "-q", "--hard", String::from_utf8(id).unwrap().trim()]);
            let history = history(dir.path(), &github_token(1), &[".", "--history-only"]);
            assert_eq!(history["first"]["author"]["name"], expected, "{history}");
        }
    }

    #[test]
    fn what_only_logs_lead_to_is_told_from_what_refs_have() {
        let dir = init(&[]);
        let (dir, undone, removed) = (dir.path(), github_token(1), github_token(2));
        commit(dir, "gone.env", &removed);
        git(dir, &["rm", "-q", "gone.env"]);
        git(dir, &["commit", "-qm", "away"]);
        let before = head(dir);
        commit(dir, "undone.env", &undone);
        git(dir, &["reset", "-q", "--hard", &before]);
        let said = |token: &str, args: &[&str]| {
            let history = history(dir, token, args);
            (history["reachable"].as_bool().unwrap(), history["only_logs"].as_bool().unwrap())
        };
        assert_eq!(said(&removed, &HISTORY), (true, false));
        assert_eq!(said(&undone, &HISTORY), (true, true));
        let (_, text, _) = run(dir, &HISTORY, b"");
        assert_eq!(text.matches("only reflogs lead to it").count(), 1, "{text}");
        expire_logs(dir);
        fs::remove_file(dir.join(".git/ORIG_HEAD")).unwrap();
        assert_eq!(said(&undone, &HISTORY), (false, false));
    }

    /// A message said that its commit is at `HEAD`, and named no ref unless one led right to it.
    #[test]
    fn where_history_is_cut_off_nobody_is_named_for_what_was_there_before() {
        let dir = init(&[]);
        commit(dir.path(), "old.txt", github_token(1));
        let cut = commit(dir.path(), "x.txt", "clean");
        let last = commit(dir.path(), "new.txt", github_token(2));
        let clones = tempfile::tempdir().unwrap();
        let url = format!("file://{}", dir.path().display());
        git(clones.path(), &["clone", "-q", "--depth=2", &url, "shallow"]);
        let shallow = clones.path().join("shallow");
        for args in [&HISTORY[..], &["--branch", "main"]] {
            for (token, commit, or_earlier) in [(1, &cut, true), (2, &last, false)] {
                let history = history(&shallow, &github_token(token), args);
                assert_eq!((&history["first"]["id"], &history["or_earlier"]), (&(**commit).into(), &or_earlier.into()));
            }
            let (_, out, _) = run(&shallow, args, b"");
            assert!(out.contains(&format!("already there in {}", &cut[..10])), "{out}");
            let (_, report) = scan(&shallow, &[args, &["--group-by", "author"]].concat());
            let groups = report["groups"].as_array().unwrap();
            let mut names: Vec<_> = groups.iter().map(|group| group["name"].as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, [None, Some("A <a@example.org>")]);
        }
        // The same of a commit that was lost, and none of a beginning that is one.
        assert_eq!(history(dir.path(), &github_token(1), &HISTORY)["or_earlier"], false);
        let first = rev(dir.path(), "HEAD~2");
        fs::remove_file(dir.path().join(".git/objects").join(&first[..2]).join(&first[2..])).unwrap();
        for args in [&HISTORY[..], &["--branch", "main"]] {
            let history = history(dir.path(), &github_token(1), args);
            assert_eq!((&history["first"]["id"], &history["or_earlier"]), (&(*cut).into(), &true.into()));
        }
    }

    #[test]
    fn messages_stand_in_all_refs_that_lead_to_them() {
        let dir = init(&[]);
        let (dir, shared, side) = (dir.path(), github_token(1), github_token(2));
        commit(dir, "a", "0");
        git(dir, &["commit", "-q", "--allow-empty", "-m", &format!("use {shared}")]);
        git(dir, &["checkout", "-q", "-b", "side"]);
        git(dir, &["commit", "-q", "--allow-empty", "-m", &format!("use {side}")]);
        commit(dir, "b", "1");
        git(dir, &["tag", "-a", "v1", "-m", "one"]);
        git(dir, &["checkout", "-q", "main"]);
        commit(dir, "c", "2");
        let said = |token: &str| {
            let history = history(dir, token, &HISTORY);
            (history["at_head"].as_bool().unwrap(), history["refs"].clone(), history["refs_total"].as_u64().unwrap())
        };
        let all = serde_json::json!(["refs/heads/main", "refs/heads/side", "refs/tags/v1"]);
        assert_eq!(said(&shared), (true, all, 3));
        assert_eq!(said(&side), (false, serde_json::json!(["refs/heads/side", "refs/tags/v1"]), 2));
        let (_, text, _) = run(dir, &HISTORY, b"");
        assert_eq!(text.matches("reachable from HEAD").count(), 1, "{text}");
        // Of a commit that nothing leads to, nothing is said but that.
        git(dir, &["checkout", "-q", "--detach"]);
        git(dir, &["commit", "-q", "--allow-empty", "-m", &format!("use {}", github_token(3))]);
        assert_eq!(said(&github_token(3)), (true, serde_json::json!([]), 0));
    }

    /// `HEAD` was that of the main work tree, whichever was scanned.
    #[test]
    fn head_is_that_of_the_work_tree_that_is_scanned() {
        let (dir, beside, token) = (init(&[]), tempfile::tempdir().unwrap(), github_token(1));
        let linked = beside.path().join("wt");
        commit(dir.path(), "a", "0");
        git(dir.path(), &["worktree", "add", "-q", "-b", "wt", &linked.display().to_string()]);
        commit(&linked, "s.env", format!("t={token}\n"));
        for args in [&["."][..], &HISTORY] {
            let said = history(&linked, &token, args);
            assert_eq!((&said["at_head"], &said["refs"]), (&true.into(), &serde_json::json!(["refs/heads/wt"])));
            let said = history(dir.path(), &token, args);
            assert_eq!((&said["at_head"], &said["refs"]), (&false.into(), &serde_json::json!(["refs/heads/wt"])));
        }
        let (_, report) = scan(&linked, &HISTORY);
        let common = dir.path().canonicalize().unwrap().join(".git").display().to_string();
        for occurrence in &found(&report)[&token] {
            assert_eq!(occurrence["provenance"]["repository"], *common, "{occurrence}");
        }
    }

    /// What was staged alone had no path and seemed to be left over, and what was wrong with an index nobody heard.
    #[test]
    fn what_is_staged_has_its_path() {
        let (dir, beside) = (init(&[]), tempfile::tempdir().unwrap());
        let (dir, linked) = (dir.path(), beside.path().join("wt"));
        let [token, other, name] = [1, 2, 3].map(github_token);
        commit(dir, "a", "0");
        git(dir, &["worktree", "add", "-q", "-b", "wt", &linked.display().to_string()]);
        let stage = |dir: &Path, path: &str, content: &str| {
            let file = dir.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
            git(dir, &["add", "-A"]);
            fs::remove_file(file).unwrap();
        };
        stage(dir, "conf/prod.env", &format!("t={token}\n"));
        stage(&linked, &format!("d/{name}/other.env"), &format!("t={other}\n"));
        // Trees that no commit has know it by its last name alone.
        git(dir, &["write-tree"]);
        for args in [&["."][..], &HISTORY] {
            let of = |token: &str| {
                let places = places(dir, token, args);
                let place = |(path, history): &(Option<String>, Value)| {
                    let said = (history["in_index"].as_bool().unwrap(), history["reachable"].as_bool().unwrap());
                    (path.clone().unwrap(), said)
                };
                places.iter().map(place).collect::<Vec<_>>()
            };
            let staged = (true, true);
            assert_eq!(of(&token), [("conf/prod.env".to_owned(), staged)]);
            assert_eq!(of(&other), [(format!("d/{name}/other.env"), staged)]);
            assert_eq!(of(&name), [(format!("d/{name}"), staged)]);
        }
        let (code, text, _) = run(dir, &HISTORY, b"");
        assert!(code == 1 && text.contains("staged") && !text.contains("unreachable"), "{text}");
        // Committed, it is there like any.
        git(dir, &["commit", "-qm", "staged"]);
        let said = history(dir, &token, &HISTORY);
        assert_eq!((&said["in_index"], &said["at_head"]), (&false.into(), &true.into()));
    }

    #[test]
    fn indexes_that_cannot_be_read_are_told() {
        let dir = init(&[]);
        let dir = dir.path();
        commit(dir, "a", "0");
        git(dir, &["update-index", "--index-version", "2"]);
        fs::write(dir.join("staged"), "1").unwrap();
        git(dir, &["add", "staged"]);
        let problems = || {
            let (code, report) = scan(dir, &HISTORY);
            let problems = report["problems"].as_array().unwrap().clone();
            assert_eq!(code, if problems.is_empty() { 0 } else { 3 });
            problems
        };
        assert_eq!(problems(), Vec::<Value>::new());
        let id = rev(dir, ":staged");
        fs::remove_file(dir.join(".git/objects").join(&id[..2]).join(&id[2..])).unwrap();
        let told = problems();
        let (object, path) = (&told[0]["provenance"]["object"], &told[0]["provenance"]["path"]);
        assert_eq!((told.len(), object, path), (1, &id.into(), &"staged".into()));
        let sound = fs::read(dir.join(".git/index")).unwrap();
        let mut future = sound.clone();
        future[7] = 9;
        for damaged in [&future[..], &sound[..sound.len() / 2], b"DIRC"] {
            fs::write(dir.join(".git/index"), damaged).unwrap();
            let told = problems();
            assert!(told.iter().any(|problem| problem["provenance"]["path"] == "./.git/index"), "{told:?}");
        }
    }

    /// A partial clone named no object, counted none, and was incomplete even when nothing was missing any more.
    #[test]
    fn objects_that_only_a_promisor_remote_has_are_named() {
        let (dir, beside) = (init(&[]), tempfile::tempdir().unwrap());
        let from = dir.path();
        for config in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
            git(from, &["config", config, "true"]);
        }
        commit(from, "a", format!("t={}\n", github_token(1)));
        commit(from, "b", "1");
        let url = format!("file://{}", from.display());
        git(beside.path(), &["clone", "-q", "--filter=blob:none", "--no-checkout", &url, "clone"]);
        let clone = beside.path().join("clone");
        let told = |kind: &str| {
            let (code, report) = scan(&clone, &HISTORY);
            let problems = report["problems"].as_array().unwrap().clone();
            let of_kind = problems.iter().filter(|problem| problem["kind"] == kind);
            let mut named: Vec<String> =
                of_kind.filter_map(|problem| Some(problem["provenance"]["object"].as_str()?.to_owned())).collect();
            named.sort_unstable();
            (code, named, problems.len())
        };
        let mut blobs = ["HEAD:a", "HEAD:b"].map(|name| rev(from, name));
        blobs.sort_unstable();
        assert_eq!(told("history-not-scanned"), (3, blobs.to_vec(), 3));
        let (_, text, _) = run(&clone, &HISTORY, b"");
        assert!(text.contains("2 of its objects"), "{text}");
        git(&clone, &["fetch", "-q", "--refetch", "--no-filter"]);
        assert_eq!(told("history-not-scanned"), (1, Vec::new(), 0));
        // What was made here nobody else has.
        git(&clone, &["checkout", "-q"]);
        commit(&clone, "own", "2");
        let own = rev(&clone, "HEAD:own");
        fs::remove_file(clone.join(".git/objects").join(&own[..2]).join(&own[2..])).unwrap();
        assert_eq!(told("git-object"), (1, vec![own], 1));
    }

    /// A secret in the name of a file stood in the index as well.
    #[test]
    fn indexes_are_no_further_places_of_names() {
        let dir = init(&[]);
        let (dir, token) = (dir.path(), github_token(1));
        commit(dir, &format!("f-{token}.env"), "x\n");
        let (_, report) = scan(dir, &["."]);
        let places = found(&report).remove(&token).unwrap();
        let paths: Vec<_> = places.iter().map(|place| place["provenance"]["path"].clone()).collect();
        assert!(paths.len() > 2 && !paths.contains(&"./.git/index".into()), "{paths:?}");
    }

    /// A repository during whose scan Ctrl-C is pressed, when all of it was just read.
    struct Interrupted<'a>(&'a Repository, &'a AtomicBool);

    impl Source for Interrupted<'_> {
        fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
            self.0.run(plan, receiver);
            self.1.store(true, Ordering::Relaxed);
        }

        fn trace(&self, plan: &Plan<'_>, wanted: &Wanted, problem: &mut dyn FnMut(Problem)) -> Traces {
            self.0.trace(plan, wanted, problem)
        }
    }

    /// The report was empty if findings could not be traced within two seconds.
    #[test]
    fn an_interrupt_while_findings_are_traced_leaves_them() {
        let dir = init(&[]);
        commit(dir.path(), "a", github_token(1));
        let repository = Repository::open(dir.path()).unwrap();
        let (interrupt, progress) = (AtomicBool::new(false), Progress::default());
        let key = || FingerprintKey::new([7; 32]);
        let scanner = Scanner::new(builtin().to_vec(), &ScannerOptions::default());
        let options = ScanOptions {
            threads: 2,
            timed: false,
            paranoid: false,
            key: &key,
            interrupt: &interrupt,
            progress: &progress,
        };
        let report = scanner.scan(&Interrupted(&repository, &interrupt), &options);
        let Provenance::Git(place) = &report.findings[0].occurrences[0].provenance else { panic!("{report:?}") };
        // Nobody knows by then whether anything leads to it.
        assert_eq!((&place.path, &place.history), (&None, &None));
        assert!(report.problems.iter().any(|problem| problem.kind == ProblemKind::Interrupted), "{report:?}");
        assert!(progress.done.load(Ordering::Relaxed), "the report is waited for");
    }
}
