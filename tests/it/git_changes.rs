//! Scans of changes on repositories that were made to mislead them.

use std::{fs, io::Write as _, path::Path};

use serde_json::{Value, json};

use crate::{
    git_scan::{commit, found, head, init, rev, run, scan},
    git_store::repositories::{git, git_with_input},
    samples::github_token,
};

/// Secrets found, sorted.
pub(crate) fn secrets(report: &Value) -> Vec<String> {
    found(report).into_keys().collect()
}

fn sorted(mut tokens: Vec<String>) -> Vec<String> {
    tokens.sort();
    tokens
}

pub(crate) fn problems(report: &Value) -> Vec<String> {
    let problems = report["problems"].as_array().unwrap();
    problems.iter().map(|problem| problem["message"].as_str().unwrap().to_owned()).collect()
}

/// Writes an object with git, however malformed it is; returns its id.
fn object(dir: &Path, kind: &str, content: &[u8]) -> String {
    let id = git_with_input(dir, &["hash-object", "--literally", "-w", "-t", kind, "--stdin"], content);
    String::from_utf8(id).unwrap().trim().to_owned()
}

/// Writes an object under an id that isn't its own.
fn object_as(dir: &Path, id: &str, kind: &str, content: &[u8]) {
    let path = dir.join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = flate2::write::ZlibEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    file.write_all(format!("{kind} {}\0", content.len()).as_bytes()).unwrap();
    file.write_all(content).unwrap();
    file.finish().unwrap();
}

fn commit_object(dir: &Path, tree: &str, parents: &[&str], seconds: i64) -> String {
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let who = format!("A <a@example.org> {seconds} +0000");
    object(dir, "commit", format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\nx\n").as_bytes())
}

fn tree(entries: &[(&str, &str, &str)]) -> Vec<u8> {
    let id = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    entries.iter().flat_map(|(mode, name, hex)| [format!("{mode} {name}\0").as_bytes(), &id(hex)].concat()).collect()
}

fn blob(dir: &Path, content: &str) -> String {
    object(dir, "blob", content.as_bytes())
}

mod regression {
    use super::{
        Value, blob, commit, commit_object, found, fs, git, git_with_input, github_token, head, init, json, object,
        object_as, problems, rev, run, scan, secrets, sorted, tree,
    };

    #[cfg(unix)]
    #[test]
    fn unstaged_files_are_not_read_through_links() {
        let dir = init(&[]);
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("f"), github_token(1)).unwrap();
        commit(dir.path(), "d/e/f", "clean");
        commit(dir.path(), "g", "clean");
        fs::remove_dir_all(dir.path().join("d/e")).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("d/e")).unwrap();
        // To git the file is deleted, and the link is new.
        assert_eq!(run(dir.path(), &["--unstaged"], b"").0, 0);
        fs::write(dir.path().join("g"), github_token(2)).unwrap();
        let (code, report) = scan(dir.path(), &["--unstaged"]);
        assert_eq!((code, secrets(&report), problems(&report)), (1, vec![github_token(2)], vec![]));
        // A file that became a link is scanned as what git would store of it.
        fs::remove_file(dir.path().join("g")).unwrap();
        std::os::unix::fs::symlink(github_token(3), dir.path().join("g")).unwrap();
        assert_eq!(secrets(&scan(dir.path(), &["--unstaged"]).1), [github_token(3)]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_replaced_by_one_of_its_size_and_time_is_unstaged() {
        let dir = init(&[]);
        let path = dir.path().join("f");
        let write = |text: &str| {
            fs::write(&path, text).unwrap();
            let file = fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
        };
        write(&"x".repeat(github_token(1).len()));
        git(dir.path(), &["add", "f"]);
        git(dir.path(), &["commit", "-qm", "f"]);
        assert_eq!(run(dir.path(), &["--unstaged"], b"").0, 0);
        write(&github_token(1));
        assert_eq!(secrets(&scan(dir.path(), &["--unstaged"]).1), [github_token(1)]);
    }

    #[test]
    fn names_in_an_index_lead_nowhere_else() {
        let dir = init(&[]);
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("f"), github_token(1)).unwrap();
        let name = format!("..{}/f", outside.path().display());
        commit(dir.path(), &"x".repeat(name.len()), "clean");
        let index = dir.path().join(".git/index");
        let bytes = fs::read(&index).unwrap();
        let at = memchr::memmem::find(&bytes, "x".repeat(name.len()).as_bytes()).unwrap();
        let bytes = [&bytes[..at], name.as_bytes(), &bytes[at + name.len()..]].concat();
        fs::write(&index, bytes).unwrap();
        let (code, report) = scan(dir.path(), &["--unstaged"]);
        assert_eq!((code, secrets(&report)), (3, vec![]));
        assert!(problems(&report)[0].contains("leads out of the work tree"), "{:?}", problems(&report));
    }

    #[test]
    fn trees_that_hold_each_other_end() {
        let dir = init(&[]);
        let dir = dir.path();
        let (one, other) = ("1".repeat(40), "2".repeat(40));
        let (first, second) = (blob(dir, &github_token(1)), blob(dir, &github_token(2)));
        object_as(dir, &one, "tree", &tree(&[("40000", "a", &other), ("40000", "b", &other), ("100644", "f", &first)]));
        object_as(dir, &other, "tree", &tree(&[("40000", "a", &one), ("40000", "b", &one), ("100644", "g", &second)]));
        let id = commit_object(dir, &one, &[], 1_700_000_000);
        let (code, report) = scan(dir, &["--range", &id]);
        assert_eq!((code, secrets(&report)), (1, sorted(vec![github_token(1), github_token(2)])));
        assert!(problems(&report).iter().any(|message| message.contains("in a path")), "{:?}", problems(&report));
    }

    #[test]
    fn what_since_does_not_understand_is_told_with_what_it_would() {
        let dir = init(&[]);
        commit(dir.path(), "f", "clean");
        let (code, out, err) = run(dir.path(), &["--since", "yesterdayish"], b"");
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("`yesterdayish` is neither a date (2024-05-02"), "{err}");
    }

    #[test]
    fn a_wrong_clock_hides_nothing_from_since() {
        let dir = init(&[]);
        let dir = dir.path();
        let tree_of = |token: u64| object(dir, "tree", &tree(&[("100644", "f", &blob(dir, &github_token(token)))]));
        let old = commit_object(dir, &tree_of(1), &[], 1_500_000_000);
        let newer = commit_object(dir, &tree_of(2), &[&old], 1_700_000_000);
        let mut tip = newer;
        // A machine without a clock made a hundred commits.
        for number in 0..100 {
            tip = commit_object(dir, &tree_of(3), &[&tip], number);
        }
        tip = commit_object(dir, &tree_of(4), &[&tip], 1_700_000_100);
        git(dir, &["update-ref", "refs/heads/main", &tip]);
        let (code, report) = scan(dir, &["--since", "2020-01-01"]);
        assert_eq!(code, 1);
        let is_new = |token: u64| {
            found(&report).get(&github_token(token)).map(|all| all[0]["provenance"]["history"]["introduced"].clone())
        };
        assert_eq!((is_new(2), is_new(4)), (Some(Value::Bool(true)), Some(Value::Bool(true))));
        assert_ne!(is_new(1), Some(Value::Bool(true)));
    }

    #[test]
    fn malformed_commits_and_trees_are_told() {
        let dir = init(&[]);
        let dir = dir.path();
        let (good, token) = (blob(dir, &github_token(1)), github_token(2));
        let sound = tree(&[("100644", "f", &good)]);
        let cut = [&sound[..], b"100644 ", token.as_bytes(), b"\0short"].concat();
        let double = tree(&[("100644", "f", &good), ("100644", "f", &blob(dir, &github_token(3)))]);
        for malformed in [cut.clone(), double] {
            let id = object(dir, "tree", &malformed);
            let commit = commit_object(dir, &id, &[], 1_700_000_000);
            let (code, report) = scan(dir, &["--range", &commit]);
            assert_eq!((code, problems(&report).len()), (1, 1), "{report}");
            assert!(problems(&report)[0].starts_with("malformed tree (in "), "{:?}", problems(&report));
            assert_eq!(report["problems"][0]["provenance"]["object"], *id);
        }
        // What is no entry of a tree is scanned as it is.
        let (_, report) = scan(dir, &[".", "--history-only"]);
        assert!(secrets(&report).contains(&token), "{report}");
        assert!(problems(&report)[0].starts_with("malformed tree (in "), "{:?}", problems(&report));
        for (header, parent) in [("tree nonsense\n", ""), ("", "parent nonsense\n")] {
            let header =
                if header.is_empty() { format!("tree {}\n", object(dir, "tree", &sound)) } else { header.into() };
            let parent = format!("{parent}parent {}\n", commit_object(dir, &object(dir, "tree", &sound), &[], 1));
            let text = format!("{header}{parent}committer A <a@b> 1700000000 +0000\n\n{}\n", github_token(4));
            let id = object(dir, "commit", text.as_bytes());
            let (code, report) = scan(dir, &["--range", &id]);
            assert_eq!((code, secrets(&report)), (1, sorted(vec![github_token(1), github_token(4)])));
            assert!(problems(&report)[0].starts_with("malformed commit (in "), "{:?}", problems(&report));
            assert_eq!(report["problems"][0]["provenance"]["object"], *id);
            let (_, report) = scan(dir, &[".", "--history-only"]);
            let of_commit = report["problems"].as_array().unwrap().iter().filter(|a| a["provenance"]["object"] == *id);
            assert_eq!(of_commit.count(), 1, "{report}");
        }
        // A blob where a tree should be, and the other way round.
        let as_tree = commit_object(dir, &good, &[], 1_700_000_000);
        let as_blob = object(dir, "tree", &tree(&[("100644", "d", &object(dir, "tree", &sound))]));
        let as_blob = commit_object(dir, &as_blob, &[], 1_700_000_000);
        for id in [as_tree, as_blob] {
            let (code, report) = scan(dir, &["--range", &id]);
            assert_eq!(code, 3, "{report}");
            assert!(problems(&report)[0].contains("should be"), "{:?}", problems(&report));
        }
    }

    #[test]
    fn tags_of_anything_count_in_ranges() {
        let dir = init(&[]);
        let dir = dir.path();
        let old = commit(dir, "a.txt", "clean");
        let blob = blob(dir, &github_token(1));
        let inner = super::blob(dir, &github_token(2));
        let tree = object(dir, "tree", &tree(&[("100644", "f", &inner)]));
        git(dir, &["tag", "-a", "of-blob", "-m", &github_token(3), &blob]);
        git(dir, &["tag", "-a", "of-tree", "-m", "x", &tree]);
        git(dir, &["tag", "-a", "of-commit", "-m", &github_token(4), &old]);
        git(dir, &["tag", "-a", "of-tag", "-m", &github_token(5), "of-commit"]);
        git(dir, &["tag", "plain", &blob]);
        for (range, tokens) in [
            ("of-blob", vec![1, 3]),
            ("of-tree", vec![2]),
            ("plain", vec![1]),
            ("HEAD..of-commit", vec![4]),
            ("of-commit^{commit}..of-tag", vec![4, 5]),
            ("of-commit..of-tag", vec![5]),
        ] {
            let (code, report) = scan(dir, &["--range", range]);
            let tokens = sorted(tokens.into_iter().map(github_token).collect());
            assert_eq!((code, secrets(&report), problems(&report)), (1, tokens, vec![]), "{range}");
        }
        let zero = "0".repeat(40);
        let push = format!("{zero} {} refs/tags/of-tag\n", rev(dir, "of-tag"));
        assert_eq!(run(dir, &["--pre-receive"], push.as_bytes()).0, 0, "it is there already");
        git(dir, &["tag", "-d", "of-tag", "of-commit", "plain"]);
        let (code, out, _) = run(dir, &["--pre-receive"], push.as_bytes());
        assert!(code == 1 && out.contains("2 secrets"), "{out}");
        // A date tells which tags are new.
        let (code, report) = scan(dir, &["--since", "2020-01-01"]);
        assert_eq!((code, secrets(&report)), (1, sorted([1, 2, 3].map(github_token).to_vec())));
        let push = format!("{zero} {} refs/tags/bad\n", object(dir, "tag", b"type commit\n\nx"));
        let (code, out, _) = run(dir, &["--pre-receive"], push.as_bytes());
        assert!(code == 3 && out.contains("malformed tag"), "{out}");
    }

    #[test]
    fn directories_of_a_sparse_index_count_as_their_files() {
        let dir = init(&[]);
        let dir = dir.path();
        commit(dir, "in/a.txt", "clean");
        commit(dir, "out/deep/b.txt", "clean");
        let clean = head(dir);
        commit(dir, "out/deep/b.txt", github_token(1));
        git(dir, &["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
        let index = fs::read(dir.join(".git/index")).unwrap();
        assert!(memchr::memmem::find(&index, b"sdir").is_some(), "git writes sparse indexes");
        assert_eq!(run(dir, &["--staged"], b"").0, 0);
        git(dir, &["reset", "-q", "--soft", &clean]);
        let (code, report) = scan(dir, &["--staged"]);
        let found = found(&report);
        assert_eq!((code, found[&github_token(1)][0]["provenance"]["path"].as_str()), (1, Some("out/deep/b.txt")));
    }

    #[test]
    fn a_damaged_index_is_told_and_the_rest_scanned() {
        let dir = init(&[]);
        let dir = dir.path();
        commit(dir, "a.txt", "clean");
        fs::write(dir.join("b.txt"), github_token(1)).unwrap();
        fs::write(dir.join("c.txt"), github_token(2)).unwrap();
        git(dir, &["add", "-A"]);
        let path = dir.join(".git/index");
        let sound = fs::read(&path).unwrap();
        let body = &sound[..sound.len() - 20];
        let staged = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let (code, report) = scan(dir, &["--staged"]);
            (code, secrets(&report), problems(&report))
        };
        let all = sorted(vec![github_token(1), github_token(2)]);
        let with = |extension: &[u8]| [body, extension, &[0; 20]].concat();
        for (bytes, message) in [
            (with(b"link\0\0\x01\0short"), "malformed index"),
            (with(b"lin"), "malformed index"),
            (with(b"link\0\0\0\x05short"), "malformed split index"),
            (with(&[b"link\0\0\0\x14", &[7; 20][..]].concat()), "can't be read"),
            (with(b"next\0\0\0\0"), "unknown extension `next`"),
        ] {
            let (code, secrets, problems) = staged(&bytes);
            assert_eq!((code, &secrets), (1, &all), "{message}");
            assert!(problems.len() == 1 && problems[0].contains(message), "{problems:?}");
        }
        // Cut off within the last entry.
        let last = memchr::memmem::rfind(&sound, b"c.txt").unwrap();
        let (code, secrets, problems) = staged(&[&sound[..last + 2], &[0; 20]].concat());
        assert_eq!((code, secrets, problems.len()), (1, vec![github_token(1)], 1));
        let mut future = sound.clone();
        future[7] = 5;
        let (code, secrets, problems) = staged(&future);
        assert!(code == 3 && secrets.is_empty() && problems[0].contains("unknown version 5"), "{problems:?}");
        assert_eq!(staged(b"").0, 3);
    }

    #[test]
    fn quarantines_may_have_quoted_names() {
        let dir = init(&[]);
        let donor = init(&[]);
        commit(dir.path(), "a.txt", "clean");
        let id = commit(donor.path(), "leak.txt", github_token(1));
        let odd = dir.path().join("odd:\"na\tme");
        fs::create_dir(&odd).unwrap();
        fs::rename(donor.path().join(".git/objects"), odd.join("objects")).unwrap();
        let quoted = odd.join("objects").display().to_string().replace('"', "\\\"").replace('\t', "\\t");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_unleak"))
            .env_clear()
            .env("HOME", dir.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", format!("/nowhere:\"{quoted}\""))
            .current_dir(dir.path())
            .args(["scan", "--pre-receive"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                use std::io::Write as _;
                let line = format!("{} {id} refs/heads/new\n", "0".repeat(40));
                child.stdin.take().unwrap().write_all(line.as_bytes())?;
                child.wait_with_output()
            })
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && out.contains("leak.txt"), "{out}");
    }

    /// 60,000 entries of version 4, each of which takes all of the first one's path: 6 GB if nobody counted.
    #[test]
    fn paths_of_an_index_don_t_multiply() {
        let dir = init(&[]);
        commit(dir.path(), "a.txt", "clean");
        let mut bytes = b"DIRC\0\0\0\x04\0\0\xea\x60".to_vec();
        for number in 0..60_000_u32 {
            bytes.extend_from_slice(&[0; 24]);
            bytes.extend_from_slice(&0o100_644_u32.to_be_bytes());
            bytes.extend_from_slice(&[0; 12]);
            bytes.extend_from_slice(&[1; 20]);
            bytes.extend_from_slice(&[0, 0, 0]);
            let suffix = if number == 0 { "x/".repeat(50_000) } else { "y".to_owned() };
            bytes.extend_from_slice(suffix.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(&[0; 20]);
        fs::write(dir.path().join(".git/index"), bytes).unwrap();
        let (code, report) = scan(dir.path(), &["--staged"]);
        assert_eq!(code, 3);
        assert!(problems(&report).iter().any(|p| p.contains("bytes of paths in the index")), "{:?}", problems(&report));
    }

    #[test]
    fn a_range_through_a_shallow_boundary_is_incomplete() {
        let dir = init(&[]);
        commit(dir.path(), "a.txt", github_token(1));
        commit(dir.path(), "a.txt", "clean");
        commit(dir.path(), "b.txt", "clean");
        let clone = tempfile::tempdir().unwrap();
        let url = format!("file://{}", dir.path().display());
        git(clone.path(), &["clone", "-q", "--depth=2", &url, "shallow"]);
        let shallow = clone.path().join("shallow");
        assert_eq!(run(&shallow, &["--range", "HEAD~1..HEAD"], b"").0, 0);
        let (code, report) = scan(&shallow, &["--branch", "main"]);
        assert_eq!((code, &report["problems"][0]["kind"]), (3, &"history-not-scanned".into()));
    }

    #[test]
    fn braces_that_are_not_understood_are_no_revisions() {
        let dir = init(&[]);
        let dir = dir.path();
        commit(dir, "base", "clean");
        commit(dir, "leak", github_token(1));
        for text in
            ["HEAD^{/base}", "HEAD^{/nomatch}", "HEAD^{foo}", "main^{tree}", "main^{tag}", "@{-1}", "main@{now}"]
        {
            for args in [["--range", &format!("{text}..HEAD")], ["--since", text]] {
                let (code, out, error) = run(dir, &args, b"");
                assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
                assert!(error.contains(&format!("`{text}` is not understood")), "{error}");
            }
        }
        for text in ["HEAD~^{}", "HEAD^{commit}~1", "HEAD^0^"] {
            assert_eq!(secrets(&scan(dir, &["--range", &format!("{text}..HEAD")]).1), [github_token(1)], "{text}");
        }
    }

    #[test]
    fn an_upstream_is_what_the_repositorys_settings_say() {
        let dir = init(&[]);
        let dir = dir.path();
        let base = commit(dir, "base", "clean");
        commit(dir, "leak", github_token(1));
        git(dir, &["update-ref", "refs/remotes/o.x/main", &base]);
        git(dir, &["config", "remote.o.x.fetch", "+refs/heads/*:refs/remotes/o.x/*"]);
        git(dir, &["branch", "local", &base]);
        let ranges = ["@{u}..", "@{upstream}..HEAD", "main@{u}..main", "HEAD@{U}.."];
        for range in ranges {
            let (code, _, error) = run(dir, &["--range", range], b"");
            assert!(code == 2 && error.contains("has no upstream"), "{error}");
        }
        for (remote, merge) in [("o.x", "refs/heads/main"), (".", "refs/heads/local")] {
            git(dir, &["config", "branch.main.remote", remote]);
            git(dir, &["config", "branch.main.merge", merge]);
            for range in ranges {
                assert_eq!(secrets(&scan(dir, &["--range", range]).1), [github_token(1)], "{range}");
            }
        }
    }

    /// A few kilobytes that unfold to gigabytes held the server for as long as they liked.
    #[test]
    fn a_push_is_answered_in_time() {
        let dir = init(&[]);
        let dir = dir.path();
        let base = commit(dir, "a", "1");
        let zeros = vec![0; 4 << 20];
        let ids: Vec<String> = (1..=100).map(|number| format!("{number:040x}")).collect();
        ids.iter().for_each(|id| object_as(dir, id, "blob", &zeros));
        let names: Vec<String> = (100..200).map(|number| number.to_string()).collect();
        let entries: Vec<_> = names.iter().zip(&ids).map(|(name, id)| ("100644", name.as_str(), id.as_str())).collect();
        let new = commit_object(dir, &object(dir, "tree", &tree(&entries)), &[&base], 1_700_000_000);
        let push = format!("{base} {new} refs/heads/main\n");
        for limit in ["0", "1"] {
            let begun = std::time::Instant::now();
            let args = ["--pre-receive", "--push-timeout", limit, "-f", "json"];
            let (code, out, error) = run(dir, &args, push.as_bytes());
            let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{error}"));
            let [problem] = &report["problems"].as_array().unwrap()[..] else { panic!("{report}") };
            assert_eq!((code, &problem["kind"]), (3, &json!("limit")), "{report}");
            assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
        }
        assert_eq!(run(dir, &["--staged", "--push-timeout", "1"], b"").0, 2);
    }

    #[test]
    fn a_clean_result_can_be_silent() {
        let dir = init(&[]);
        commit(dir.path(), "a.txt", "clean");
        assert_eq!(run(dir.path(), &["--staged", "--quiet"], b""), (0, String::new(), String::new()));
        fs::write(dir.path().join("a.txt"), github_token(1)).unwrap();
        git(dir.path(), &["add", "-A"]);
        let (code, out, _) = run(dir.path(), &["--staged", "-q"], b"");
        assert!(code == 1 && out.contains("a.txt"), "{out}");
        let (code, out, _) = run(dir.path(), &["--staged", "-q", "--stats"], b"");
        assert!(code == 1 && out.contains("a.txt"), "{out}");
        git_with_input(
            dir.path(),
            &["update-index", "--index-info"],
            b"100644 1111111111111111111111111111111111111111\ta.txt\n",
        );
        let (code, out, _) = run(dir.path(), &["--staged", "-q"], b"");
        assert!(code == 3 && out.contains("1111"), "{out}");
    }
}
