//! `unleak scan` on repositories made by git: everything that can hold a secret, and what history says of it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use unleak::rule::template::SampleRng;

use crate::{
    git_store::repositories::{git, git_with_input},
    samples,
};

/// Scans with `--show-secrets`; the exit code and the report.
pub(crate) fn scan(dir: &Path, args: &[&str]) -> (i32, Value) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_unleak"))
        .env_clear()
        .env("HOME", home.path())
        .current_dir(dir)
        .stdin(Stdio::null())
        .args(["scan", "-f", "json", "--show-secrets"])
        .args(args)
        .output()
        .unwrap();
    let code = output.status.code().unwrap_or(-1);
    (code, serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")))
}

/// Exit code, standard output and standard error.
pub(crate) fn run(dir: &Path, args: &[&str], input: &[u8]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_unleak"))
        .env_clear()
        .env("HOME", home.path())
        .current_dir(dir)
        .arg("scan")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Occurrences by secret.
pub(crate) fn found(report: &Value) -> BTreeMap<String, Vec<Value>> {
    let findings = report["findings"].as_array().unwrap();
    let entry = |finding: &Value| {
        (finding["secret"].as_str().unwrap().to_owned(), finding["occurrences"].as_array().unwrap().clone())
    };
    let found: BTreeMap<_, _> = findings.iter().map(entry).collect();
    assert_eq!(found.len(), findings.len(), "a secret is one finding");
    found
}

pub(crate) fn commit(dir: &Path, path: &str, content: impl AsRef<[u8]>) -> String {
    let file = dir.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", path]);
    head(dir)
}

pub(crate) fn head(dir: &Path) -> String {
    rev(dir, "HEAD")
}

pub(crate) fn rev(dir: &Path, name: &str) -> String {
    String::from_utf8(git(dir, &["rev-parse", name])).unwrap().trim().to_owned()
}

pub(crate) fn init(options: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &[&["init", "-q", "-b", "main"], options].concat());
    dir
}

/// Puts a secret into every place that history has; returns what they are called.
#[allow(clippy::too_many_lines, reason = "a list")]
pub(crate) fn plant_everywhere(dir: &Path) -> BTreeMap<String, &'static str> {
    let mut planted = BTreeMap::new();
    let mut token = |place: &'static str| {
        let token = samples::github_token(planted.len() as u64 + 100);
        planted.insert(token.clone(), place);
        token
    };
    commit(dir, "deleted.txt", token("deleted file"));
    git(dir, &["rm", "-q", "deleted.txt"]);
    git(dir, &["commit", "-qm", "away"]);
    let utf16: Vec<u8> =
        format!("\u{feff}key = {}\n", token("UTF-16")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    commit(dir, "utf16.txt", utf16);
    commit(dir, "binary.bin", [&[0, 1, 2, 255][..], token("binary").as_bytes(), &[0, 3]].concat());
    commit(dir, ".gitattributes", "*.secret -diff\n");
    commit(dir, "hidden.secret", token("-diff attribute"));
    commit(
        dir,
        ".gitmodules",
        format!("[submodule \"x\"]\n\turl = https://u:{}@example.org/x\n", token(".gitmodules")),
    );
    commit(dir, &format!("{}.txt", token("file name")), "x");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(token("symbolic link"), dir.join("link")).unwrap();
        git(dir, &["add", "-A"]);
        git(dir, &["commit", "-qm", "link"]);
        git(dir, &["rm", "-q", "link"]);
    }
    git(dir, &["commit", "-q", "--allow-empty", "-m", &format!("use {}", token("commit message"))]);
    git(dir, &["-c", &format!("user.name={}", token("unused")), "commit", "-q", "--allow-empty", "-m", "n"]);
    git(
        dir,
        &[
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "author",
            "--author",
            &format!("{} <x@example.org>", token("author name")),
        ],
    );
    git(
        dir,
        &[
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "mail",
            "--author",
            &format!("x <{}@example.org>", token("author mail")),
        ],
    );
    git(dir, &["tag", "-a", "v1", "-m", &token("tag message")]);
    git(dir, &["notes", "add", "-m", &token("note")]);
    git(dir, &["branch", &token("ref name")]);
    git(dir, &["update-ref", "--create-reflog", "-m", &token("reflog message"), "refs/heads/logged", "HEAD"]);
    git(dir, &["config", "remote.x.url", &format!("https://u:{}@example.org/x", token("config"))]);
    // Content of a merge alone.
    git(dir, &["checkout", "-q", "-b", "side"]);
    commit(dir, "side.txt", "side");
    git(dir, &["checkout", "-q", "main"]);
    commit(dir, "main.txt", "main");
    git(dir, &["merge", "-q", "--no-commit", "--no-ff", "side"]);
    fs::write(dir.join("evil.txt"), token("merge")).unwrap();
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", "merge"]);
    git(dir, &["rm", "-q", "evil.txt"]);
    git(dir, &["commit", "-qm", "evil is gone"]);
    // A commit that only the reflog knows, then one that nobody knows.
    let before = head(dir);
    commit(dir, "amended.txt", token("reflog only"));
    git(dir, &["reset", "-q", "--hard", &before]);
    git_with_input(dir, &["hash-object", "-w", "--stdin"], token("dangling blob").as_bytes());
    fs::write(dir.join("main.txt"), token("stash")).unwrap();
    git(dir, &["stash", "-q"]);
    fs::write(dir.join("staged.txt"), token("index only")).unwrap();
    git(dir, &["add", "staged.txt"]);
    fs::remove_file(dir.join("staged.txt")).unwrap();
    planted.retain(|_, place| *place != "unused");
    planted
}

fn assert_all_found(dir: &Path, planted: &BTreeMap<String, &'static str>, args: &[&str]) {
    let (code, report) = scan(dir, args);
    let found = found(&report);
    for (token, place) in planted {
        assert!(found.contains_key(token), "{place} with {args:?}");
    }
    assert_eq!(report["problems"].as_array().unwrap().len(), 0, "{}", report["problems"]);
    assert_eq!(code, 1);
}

#[test]
fn everything_that_can_hold_a_secret_is_scanned() {
    for options in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
        let dir = init(options);
        let planted = plant_everywhere(dir.path());
        assert_all_found(dir.path(), &planted, &["."]);
        assert_all_found(dir.path(), &planted, &[".", "--history-only", "--paranoid"]);
        git(dir.path(), &["repack", "-adkq", "--depth=50", "--window=50"]);
        assert_all_found(dir.path(), &planted, &[".", "--history-only", "--paranoid"]);
        let mirror = tempfile::tempdir().unwrap();
        git(mirror.path(), &["clone", "-q", "--mirror", &dir.path().to_string_lossy(), "m.git"]);
        // What no ref leads to isn't cloned, nor is what belongs to one repository alone.
        let local = ["reflog only", "dangling blob", "stash", "index only", "reflog message", "config"];
        let mut cloned = planted;
        cloned.retain(|_, place| !local.contains(place));
        if options.iter().all(|option| !option.contains("reftable")) {
            assert_all_found(&mirror.path().join("m.git"), &cloned, &["."]);
        }
    }
}

#[test]
fn history_says_when_a_secret_came_and_whether_it_is_still_there() {
    let dir = init(&[]);
    let dir = dir.path();
    let (old, kept) = (samples::github_token(1), samples::github_token(2));
    commit(dir, "readme", "x\n");
    let came = commit(dir, "a/config.yml", format!("x: 1\nkey: {old}\n"));
    let moved = commit(dir, "a/config.yml", format!("x: 2\ny: 3\nkey: {old}\n"));
    git(dir, &["tag", "with-key"]);
    commit(dir, "a/config.yml", "x: 2\n");
    let kept_in = commit(dir, "b.txt", &kept);
    git(dir, &["mv", "b.txt", "c.txt"]);
    git(dir, &["commit", "-qm", "rename"]);
    let renamed = head(dir);
    let (code, report) = scan(dir, &["."]);
    assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])));
    let found = found(&report);
    assert_eq!(found.len(), 2);
    let [occurrence] = &found[&old][..] else { panic!("{:?}", found[&old]) };
    let (place, history) = (&occurrence["provenance"], &occurrence["provenance"]["history"]);
    assert_eq!((&place["kind"], &place["path"]), (&"git".into(), &"a/config.yml".into()));
    assert_eq!((&history["first"]["id"], &history["last"]["id"]), (&came.into(), &moved.clone().into()));
    assert_eq!((&history["commits"], &history["versions"]), (&2.into(), &2.into()));
    assert_eq!((&history["at_head"], &history["reachable"]), (&false.into(), &true.into()));
    assert_eq!(history["refs"], serde_json::json!(["refs/tags/with-key"]));
    assert_eq!(history["first"]["author"]["email"], "a@example.org");
    assert_eq!(history["first"]["committer"]["time"], "2023-11-14T22:13:20Z");
    assert_eq!(occurrence["place"]["line"], 2, "the place is that of the first version");
    // One finding: the file of the work tree and both names in history.
    let paths: Vec<_> =
        found[&kept].iter().map(|o| (o["provenance"]["kind"].clone(), o["provenance"]["path"].clone())).collect();
    assert_eq!(
        paths,
        [("file".into(), "./c.txt".into()), ("git".into(), "b.txt".into()), ("git".into(), "c.txt".into())]
    );
    let (first, second) = (&found[&kept][1]["provenance"]["history"], &found[&kept][2]["provenance"]["history"]);
    assert_eq!((&first["first"]["id"], &first["at_head"]), (&kept_in.into(), &false.into()));
    assert_eq!((&second["first"]["id"], &second["at_head"]), (&renamed.into(), &true.into()));
}

#[test]
fn the_best_of_a_secrets_places_counts_in_history_as_in_files() {
    let dir = init(&[]);
    let dir = dir.path();
    let key = SampleRng::new(9).pick(b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 40);
    let key = String::from_utf8(key).unwrap();
    let (weak, strong) = (format!("url?key={key}\n"), format!("API_KEY={key}\n"));
    commit(dir, "b.txt", format!("{weak}{strong}"));
    let score = |args: &[&str]| {
        let (_, report) = scan(dir, &[&["."], args].concat());
        let findings = report["findings"].as_array().unwrap().clone();
        assert_eq!(findings.len(), 1, "{report}");
        findings[0]["score"].as_u64().unwrap()
    };
    let in_files = score(&["--no-history"]);
    assert_eq!(score(&["--history-only"]), in_files);
    // Nor does it count less for having stood there otherwise first.
    let other = init(&[]);
    commit(other.path(), "b.txt", &weak);
    commit(other.path(), "b.txt", &strong);
    let (_, report) = scan(other.path(), &[".", "--history-only"]);
    assert_eq!(report["findings"][0]["score"].as_u64(), Some(in_files), "{report}");
}

#[cfg(unix)]
#[test]
fn a_git_directory_may_be_a_link() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("r");
    fs::create_dir(&root).unwrap();
    git(&root, &["init", "-q"]);
    let token = samples::github_token(31);
    commit(&root, "z", &token);
    commit(&root, "z", "nothing");
    let is_found = |args: &[&str]| {
        let (code, report) = scan(&root, &[&["."], args].concat());
        assert_eq!((code, found(&report).contains_key(&token)), (1, true), "{args:?} {report}");
    };
    fs::rename(root.join(".git"), dir.path().join("g")).unwrap();
    symlink("../g", root.join(".git")).unwrap();
    is_found(&[]);
    is_found(&["--history-only"]);
    // From above it is named, as a `.git` file would be.
    let (code, report) = scan(dir.path(), &[".", "--exclude", "g"]);
    assert_eq!(code, 3, "{report}");
    fs::remove_file(root.join(".git")).unwrap();
    fs::rename(dir.path().join("g"), root.join(".git")).unwrap();
    fs::rename(root.join(".git/objects"), dir.path().join("o")).unwrap();
    symlink("../../o", root.join(".git/objects")).unwrap();
    is_found(&[]);
    is_found(&["--history-only"]);
    fs::remove_file(root.join(".git/objects")).unwrap();
    let (code, report) = scan(&root, &["."]);
    assert_eq!((code, report["problems"][0]["kind"].as_str()), (3, Some("history-not-scanned")), "{report}");
}

#[test]
fn paths_count_in_history_as_they_do_in_a_work_tree() {
    let dir = init(&[]);
    // An unquoted value is none in source code, but it is one in a configuration file.
    let line = format!("password = {}\n", "Copper-kettle41");
    commit(dir.path(), "settings.conf", &line);
    commit(dir.path(), "main.c", format!("{line}\n"));
    let (_, report) = scan(dir.path(), &[".", "--history-only"]);
    let found = found(&report);
    let paths: Vec<_> = found.values().flatten().map(|o| o["provenance"]["path"].clone()).collect();
    assert_eq!(paths, ["settings.conf"]);
}

#[test]
fn signs_of_code_count_in_history_as_they_do_in_a_work_tree() {
    let dir = init(&[]);
    // In a file of settings they may be a password's.
    let line = |sign: &str, operator: &str| format!("db_password{operator}{}{sign}{}\n", "Copper71", "kettle4Rx9");
    commit(dir.path(), "prod.properties", line(";", "="));
    commit(dir.path(), "values.yml", line("(", ": "));
    for (path, operator) in [("notes", "="), ("Makefile", ": "), ("script.yml", "="), ("main.py", "=")] {
        commit(dir.path(), path, line("]", operator));
    }
    git(dir.path(), &["commit", "-q", "--allow-empty", "-m", &line("(", "=")]);
    for args in [&[".", "--history-only", "--paranoid"][..], &[".", "--no-history"]] {
        let (_, report) = scan(dir.path(), args);
        let mut paths: Vec<_> = found(&report)
            .values()
            .flatten()
            .map(|o| o["provenance"]["path"].as_str().unwrap_or("commit").trim_start_matches("./").to_owned())
            .collect();
        paths.sort();
        assert_eq!(paths, ["prod.properties", "values.yml"], "{args:?}");
    }
}

#[test]
fn what_is_not_here_is_named() {
    let dir = init(&[]);
    let pointer =
        |digit: &str| format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n", digit.repeat(64));
    commit(dir.path(), "deep/far.bin", pointer("a"));
    commit(dir.path(), "near.bin", pointer("b"));
    let near = dir.path().join(".git/lfs/objects/bb/bb");
    fs::create_dir_all(&near).unwrap();
    fs::write(near.join("b".repeat(64)), samples::github_token(3)).unwrap();
    for args in [&["--history-only"][..], &["--history-only", "--cache=c"], &["--history-only", "--cache=c"]] {
        let (code, report) = scan(dir.path(), &[&["."], args].concat());
        assert_eq!((code, found(&report).len()), (1, 1));
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0]["kind"] == "lfs-not-scanned" && problems[0]["message"].as_str().unwrap().contains("aaaa"));
        assert_eq!(problems[0]["provenance"]["path"], "deep/far.bin");
    }
    let old = init(&[]);
    for (name, version) in [("hawser", "https://hawser.github.com/spec/v1"), ("media", "http://git-media.io/v/2")] {
        commit(old.path(), name, pointer("c").replace("https://git-lfs.github.com/spec/v1", version));
        for args in [&[".", "--history-only"][..], &["--branch", "main"]] {
            let (code, report) = scan(old.path(), args);
            let problems = report["problems"].as_array().unwrap();
            let places = problems.iter().map(|problem| &problem["provenance"]["path"]);
            assert!(code == 3 && places.clone().any(|path| path == name), "{problems:?}");
        }
    }
    let clones = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().display());
    git(clones.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    let (code, report) = scan(&clones.path().join("shallow"), &["."]);
    assert_eq!((code, &report["problems"][0]["kind"]), (3, &"history-not-scanned".into()));
    // A repository on another machine is cloned, scanned under its address, and removed.
    let (code, report) = scan(clones.path(), &[&url, "--allow-incomplete"]);
    assert_eq!((code, &report["stats"]["objects"]["commits"]["scanned"]), (0, &2.into()), "{report}");
    let (code, _, error) = run(clones.path(), &["file:///nowhere/at/all"], b"");
    assert!(code == 2 && error.contains("nowhere"), "{error}");
}

/// Every object file cut short or overwritten in turn: the rest is scanned, and what is damaged is named.
#[test]
fn damage_is_named_and_the_rest_scanned() {
    let dir = init(&[]);
    let (lost, kept) = (samples::github_token(1), samples::github_token(2));
    commit(dir.path(), "lost.txt", &lost);
    let blob = rev(dir.path(), "HEAD:lost.txt");
    commit(dir.path(), "kept.txt", &kept);
    let object = dir.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    crate::git_store::repositories::make_writable(&object);
    for damage in [&b""[..], b"x\x01nonsense"] {
        fs::write(&object, damage).unwrap();
        let (code, report) = scan(dir.path(), &[".", "--history-only"]);
        assert_eq!((code, found(&report).into_keys().collect::<Vec<_>>()), (1, vec![kept.clone()]));
        let problems = report["problems"].as_array().unwrap();
        assert!(
            problems.iter().any(|p| p["kind"] == "git-object" && p["provenance"]["object"] == *blob),
            "{problems:?}"
        );
    }
    fs::write(dir.path().join(".git/refs/heads/broken"), "f".repeat(40)).unwrap();
    let (_, report) = scan(dir.path(), &[".", "--history-only"]);
    let problems = report["problems"].to_string();
    assert!(problems.contains(&"f".repeat(40)), "{problems}");
}

/// Git passes over what stands behind an object in its file; so did a scan, and said nothing.
#[test]
fn bytes_behind_a_loose_object_are_named() {
    let dir = init(&[]);
    for (number, content) in ["x".to_owned(), "long\n".repeat(20_000), String::new()].into_iter().enumerate() {
        let id = git_with_input(dir.path(), &["hash-object", "-w", "--stdin"], content.as_bytes());
        let id = String::from_utf8(id).unwrap().trim().to_owned();
        assert_eq!(scan(dir.path(), &["."]).0, if number == 0 { 0 } else { 3 }, "an object as git writes it");
        let object = dir.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
        crate::git_store::repositories::make_writable(&object);
        let mut file = fs::OpenOptions::new().append(true).open(&object).unwrap();
        file.write_all(samples::github_token(1).as_bytes()).unwrap();
        let (code, report) = scan(dir.path(), &["."]);
        let problems = report["problems"].as_array().unwrap();
        let is_named = |problem: &Value| problem["provenance"]["object"] == *id;
        assert!(code == 3 && problems.len() == number + 1 && problems.iter().any(is_named), "{report}");
    }
}

#[test]
fn a_repository_without_objects_is_no_clean_history() {
    let dir = init(&[]);
    let (code, report) = scan(dir.path(), &["."]);
    assert_eq!(code, 3);
    assert_eq!(report["problems"][0]["kind"], "empty-repository");
    assert_eq!(scan(dir.path(), &[".", "--no-history"]).0, 0);
    // One that can't be read is another thing than none.
    let id = git_with_input(dir.path(), &["hash-object", "-w", "--stdin"], b"x");
    let id = String::from_utf8(id).unwrap().trim().to_owned();
    let object = dir.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    crate::git_store::repositories::make_writable(&object);
    fs::write(&object, "nonsense").unwrap();
    let (code, report) = scan(dir.path(), &["."]);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!((code, problems.len(), &problems[0]["kind"]), (3, 1, &"git-object".into()), "{report}");
    let (code, report) = scan(dir.path(), &["objects", "--history-only"]);
    assert_eq!((code, &report["problems"][0]["kind"]), (3, &"history-not-scanned".into()));
}

#[test]
fn scanning_writes_nothing_and_runs_nothing_of_the_repository() {
    let dir = init(&[]);
    commit(dir.path(), "a.txt", samples::github_token(5));
    let marker = dir.path().join("ran");
    let program = format!("touch {}; false", marker.display());
    for key in
        ["core.fsmonitor", "core.sshCommand", "filter.x.smudge", "filter.x.clean", "diff.x.textconv", "alias.log"]
    {
        git(dir.path(), &["config", key, &program]);
    }
    fs::write(dir.path().join(".git/info/attributes"), "* filter=x diff=x\n").unwrap();
    let state = |dir: &Path| git(dir, &["-c", "core.fsmonitor=false", "rev-parse", "HEAD"]);
    let before: Vec<_> = walk(dir.path());
    let head = state(dir.path());
    assert_eq!(scan(dir.path(), &["."]).0, 1);
    assert_eq!((walk(dir.path()), state(dir.path())), (before, head));
    assert!(!marker.exists());
}

/// Every file below a directory with its content's hash and its time of change.
fn walk(dir: &Path) -> Vec<(std::path::PathBuf, blake3::Hash, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            found.push((path.clone(), blake3::hash(&fs::read(&path).unwrap()), modified));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
