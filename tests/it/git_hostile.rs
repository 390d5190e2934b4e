//! The program on repositories that are damaged, hostile, or changed under it: it ends, says which objects it could not
//! read, and finds everything else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    git_scan::{commit, found, init, rev, run, scan},
    git_store::{
        pack_writer::{PackWriter, any_id, blob_id, delta},
        repositories::{git, git_with_input, make_writable, packs},
    },
    samples::github_token,
};

const TOKENS: u64 = 24;

/// A repository whose every commit brings a secret, packed into one pack.
fn packed() -> TempDir {
    let dir = init(&[]);
    for number in 0..TOKENS {
        let text: String = (0..60).map(|line| format!("{number} {line} {}\n", line * number)).collect();
        commit(dir.path(), &format!("dir/f{number}"), format!("{text}{}\n", github_token(number)));
    }
    git(dir.path(), &["repack", "-adfq"]);
    make_writable(&packs(dir.path(), "pack")[0]);
    make_writable(&packs(dir.path(), "idx")[0]);
    dir
}

fn history(dir: &Path) -> (i32, Vec<String>, Vec<Value>) {
    let (code, report) = scan(dir, &[".", "--history-only"]);
    let problems = report["problems"].as_array().unwrap().clone();
    (code, found(&report).into_keys().collect(), problems)
}

fn all() -> Vec<String> {
    let mut tokens: Vec<String> = (0..TOKENS).map(github_token).collect();
    tokens.sort();
    tokens
}

/// Each secret is found, or an object is named that could not be read: that of the secret, or one that hides it.
fn assert_found_or_told(name: &str, code: i32, secrets: &[String], problems: &[Value]) {
    let lost = all().iter().filter(|token| !secrets.contains(token)).count();
    let named = problems.iter().filter(|problem| problem["provenance"]["object"].is_string()).count();
    assert!(lost <= named, "{name}: {lost} lost, {problems:?}");
    let expected = if secrets.is_empty() { 3 } else { 1 };
    assert_eq!(code, expected, "{name}");
}

#[test]
fn a_damaged_pack_is_named_and_the_rest_scanned() {
    let dir = packed();
    let (pack, index) = (packs(dir.path(), "pack").remove(0), packs(dir.path(), "idx").remove(0));
    let (sound, sound_index) = (fs::read(&pack).unwrap(), fs::read(&index).unwrap());
    assert_eq!(history(dir.path()), (1, all(), vec![]));
    let len = sound.len();
    // Cut short anywhere, as by a full disk.
    for kept in [len - 1, len - 20, len * 3 / 4, len / 2, len / 4, 12, 5] {
        fs::write(&pack, &sound[..kept]).unwrap();
        let (code, secrets, problems) = history(dir.path());
        // Of the checksum at the end nothing depends while there is an index.
        assert!(!problems.is_empty() || kept >= len - 20, "{kept}");
        if kept > 12 {
            assert_found_or_told(&format!("{kept} of {len}"), code, &secrets, &problems);
        }
        // Without its index the pack is read from front to back.
        fs::remove_file(&index).unwrap();
        let (code, secrets, problems) = history(dir.path());
        let is_told = !problems.is_empty() && (code == 3 || !secrets.is_empty());
        assert!(is_told || kept >= len - 20, "{kept}");
        fs::write(&index, &sound_index).unwrap();
    }
    // A byte that turned over.
    for at in (12..len - 20).step_by(len / 15) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        fs::write(&pack, bytes).unwrap();
        let (code, secrets, problems) = history(dir.path());
        assert_found_or_told(&format!("byte {at}"), code, &secrets, &problems);
    }
    // A wrong checksum at its end: nothing is lost, and it is said.
    let mut bytes = sound.clone();
    bytes[len - 3] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let (code, secrets, problems) = history(dir.path());
    assert_eq!((code, secrets, problems.len()), (1, all(), 1));
    fs::write(&pack, &sound).unwrap();
    // An index that has an id wrong: what refers to the object doesn't find it, and nothing else tells.
    let mut bytes = sound_index.clone();
    bytes[8 + 4 * 256 + 19] ^= 1;
    fs::write(&index, bytes).unwrap();
    let (code, secrets, problems) = history(dir.path());
    assert_eq!((code, secrets), (1, all()));
    assert!(problems.iter().any(|problem| problem["message"] == "checksum doesn't match"), "{problems:?}");
    fs::write(&index, &sound_index).unwrap();
    // An empty pack, or none.
    fs::write(&pack, b"").unwrap();
    assert_eq!(history(dir.path()).0, 3);
    fs::remove_file(&pack).unwrap();
    assert_eq!(history(dir.path()).0, 3);
}

#[test]
fn hostile_entries_are_named_and_the_rest_scanned() {
    let token = |number: u64| github_token(number).into_bytes();
    let mut pack = PackWriter::new();
    let base = [&b"first line\n"[..], &token(0)].concat();
    let mut entries = vec![(blob_id(&base), pack.blob(&base))];
    // A chain of ten thousand versions, with a secret in the last one.
    let mut content = base.clone();
    for version in 0..10_000_u32 {
        let tail =
            if version == 9_999 { [b"\n", &token(1)[..]].concat() } else { format!("\n{version:06}\n").into_bytes() };
        let kept = base.len();
        let steps = [&[0x90, kept as u8, tail.len() as u8][..], &tail].concat();
        let bytes = delta(content.len(), kept + tail.len(), &steps);
        let offset = pack.offset_delta(entries[entries.len() - 1].1, &bytes);
        content.truncate(kept);
        content.extend_from_slice(&tail);
        entries.push((blob_id(&content), offset));
    }
    let sound = entries.len();
    let first = entries[0].1;
    let mut lost = Vec::new();
    let mut add = |offset: u64| {
        let id = any_id(lost.len() as u32);
        entries.push((id, offset));
        lost.push(id.to_string());
    };
    add(pack.offset_delta(first, &delta(base.len(), 90, &[0x91, 200, 90])));
    add(pack.offset_delta(first, &delta(base.len(), 10 << 30, &[0x90, 4])));
    add(pack.id_delta(&any_id(999), &delta(4, 4, &[0x90, 4])));
    let claim = pack.offset();
    pack.header(3, 10 << 30);
    pack.deflated(b"ten gigabytes");
    add(claim);
    add(u64::from(u32::MAX) * 4);
    pack.count = entries.len() as u32;
    let dir = pack.repository(&entries);
    fs::write(dir.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::create_dir(dir.path().join("refs")).unwrap();
    // A loose object that claims the same.
    let id = "ab".repeat(20);
    fs::create_dir(dir.path().join("objects/ab")).unwrap();
    let mut file = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut file, b"blob 10737418240\0 not quite").unwrap();
    fs::write(dir.path().join("objects/ab").join(&id[2..]), file.finish().unwrap()).unwrap();
    lost.push(id);
    let (code, secrets, problems) = history(dir.path());
    assert_eq!(code, 1);
    assert_eq!(secrets.len(), 2, "{sound} objects are sound");
    let (_, report) = scan(dir.path(), &[".", "--history-only"]);
    assert_eq!(report["stats"]["objects"]["blobs"]["scanned"], sound, "what is broken isn't scanned");
    let mut told: Vec<&str> = problems.iter().filter_map(|p| p["provenance"]["object"].as_str()).collect();
    told.sort_unstable();
    lost.sort();
    assert_eq!(told, lost, "{problems:?}");
}

/// Git's own work beside ours: nothing that is reachable may be lost, and nothing is missing that isn't.
#[test]
fn a_repository_that_git_repacks_meanwhile_is_complete() {
    let dir = packed();
    for number in 0..40 {
        git(dir.path(), &["branch", &format!("topic/{number}"), &format!("HEAD~{}", number % TOKENS)]);
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // Loose objects, refs and logs come and go as well.
                git(dir.path(), &["commit", "-q", "--allow-empty", "-m", &number.to_string()]);
                git(dir.path(), &["update-ref", &format!("refs/heads/new/{number}"), "HEAD"]);
                let step = [
                    &["repack", "-adfq"][..],
                    &["gc", "-q", "--prune=now"],
                    &["repack", "-dq"],
                    &["pack-refs", "--all"],
                    &["multi-pack-index", "write"],
                ][number % 5];
                git(dir.path(), step);
            }
        });
        let _stop = SetOnDrop(&stop);
        let begun = Instant::now();
        let mut runs = 0;
        while runs < 6 || (runs < 40 && begun.elapsed() < Duration::from_secs(6)) {
            let (code, report) = scan(dir.path(), &["."]);
            let secrets: Vec<String> = found(&report).into_keys().collect();
            assert_eq!((code, &secrets, &report["problems"]), (1, &all(), &serde_json::json!([])), "run {runs}");
            let (code, report) = scan(dir.path(), &["--branch", "topic/0"]);
            assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])), "run {runs}");
            runs += 1;
        }
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_git_file_may_point_anywhere() {
    let real = packed();
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join(".git");
    let points_to = |target: &str| fs::write(&link, format!("gitdir: {target}\n")).unwrap();
    points_to(&real.path().join(".git").display().to_string());
    assert_eq!(history(dir.path()).1, all());
    let (code, report) = scan(dir.path(), &["."]);
    // The history of what it names is there to be scanned, and nothing else of it.
    assert!(code == 1 || code == 3, "{report}");
    for target in [".git", "./.git", "..", "/nonexistent", "", "/dev/null", "/proc/self/mem", "\0"] {
        points_to(target);
        let (code, secrets, problems) = history(dir.path());
        assert_eq!((code, secrets.len()), (3, 0), "{target:?}: {problems:?}");
        assert_eq!(scan(dir.path(), &[".", "--no-history"]).0, 0, "{target:?}");
        if target == "/nonexistent" {
            let said = &problems[0]["message"];
            assert_eq!(*said, "its .git file leads to /nonexistent, where no git repository is", "{problems:?}");
        }
    }
    // Two that name each other.
    let other = tempfile::tempdir().unwrap();
    points_to(&other.path().join(".git").display().to_string());
    fs::write(other.path().join(".git"), format!("gitdir: {}\n", link.display())).unwrap();
    assert_eq!(history(dir.path()).0, 3);
    #[cfg(unix)]
    {
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(".git", &link).unwrap();
        assert_eq!(history(dir.path()).0, 3);
        fs::remove_file(&link).unwrap();
        assert!(Command::new("mkfifo").arg(&link).status().unwrap().success());
        assert_eq!(history(dir.path()).0, 3);
    }
    // The directories that a linked work tree names, in a circle.
    let git_dir = dir.path().join("loop");
    fs::create_dir(&git_dir).unwrap();
    fs::write(git_dir.join("commondir"), ".\n").unwrap();
    fs::write(git_dir.join("HEAD"), "ref: HEAD\n").unwrap();
    assert_eq!(history(&git_dir).0, 3);
}

#[test]
fn alternates_in_a_circle_end() {
    let (one, other) = (packed(), init(&[]));
    commit(other.path(), "other", github_token(100));
    let objects = |dir: &TempDir| dir.path().join(".git/objects");
    let point = |from: &TempDir, to: &TempDir| {
        let list = format!("{}\n{}\n", objects(to).display(), objects(from).display());
        fs::write(objects(from).join("info/alternates"), list).unwrap();
    };
    point(&one, &other);
    point(&other, &one);
    for dir in [&one, &other] {
        let (code, secrets, problems) = history(dir.path());
        assert_eq!((code, secrets.len()), (1, TOKENS as usize + 1));
        // Each of the two, however many lists lead back to it.
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().all(|problem| problem["message"] == "alternates in a circle"), "{problems:?}");
    }
    // One that is gone.
    fs::remove_dir_all(other.path()).unwrap();
    let (code, secrets, problems) = history(one.path());
    assert_eq!((code, secrets, problems.len()), (1, all(), 2));
}

#[test]
fn refs_to_nowhere_are_named() {
    let dir = packed();
    let missing = "f".repeat(40);
    fs::write(dir.path().join(".git/refs/heads/broken"), &missing).unwrap();
    fs::write(dir.path().join(".git/refs/heads/nonsense"), "nonsense\n").unwrap();
    fs::write(dir.path().join(".git/refs/heads/loop"), "ref: refs/heads/loop\n").unwrap();
    let (code, secrets, problems) = history(dir.path());
    assert_eq!((code, secrets, problems.len()), (1, all(), 3), "{problems:?}");
    let broken = problems.iter().find(|problem| problem["provenance"]["object"] == *missing).unwrap();
    assert_eq!(broken["provenance"]["object_kind"], "commit");
    let (code, report) = scan(dir.path(), &["--since", "2000-01-01"]);
    assert_eq!((code, report["problems"].as_array().unwrap().len()), (1, 3), "{}", report["problems"]);
}

#[test]
fn objects_that_others_refer_to_and_that_are_missing_are_named() {
    let dir = init(&[]);
    let remove = |id: &str| fs::remove_file(dir.path().join(".git/objects").join(&id[..2]).join(&id[2..])).unwrap();
    for number in 0..3 {
        commit(dir.path(), &format!("dir{number}/file"), format!("{number} {}\n", github_token(number)));
    }
    // A submodule's commit is not expected here.
    git(dir.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "ab".repeat(20))]);
    git(dir.path(), &["commit", "-qm", "sub"]);
    assert_eq!(history(dir.path()).2, Vec::<Value>::new());
    let gone = ["HEAD:dir0/file", "HEAD:dir1", "HEAD~3^{commit}"].map(|name| rev(dir.path(), name));
    gone.iter().for_each(|id| remove(id));
    for args in [&["--history-only"][..], &["--history-only", "--cache=cache"], &["--history-only", "--cache=cache"]] {
        let (code, report) = scan(dir.path(), &[&["."], args].concat());
        let problems = report["problems"].as_array().unwrap();
        assert_eq!((code, found(&report).len()), (1, 2), "{report}");
        let mut named: Vec<&str> = problems.iter().filter_map(|p| p["provenance"]["object"].as_str()).collect();
        assert_eq!(named.len(), problems.len(), "{problems:?}");
        named.sort_unstable();
        let mut expected: Vec<&str> = gone.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(named, expected);
        let mut kinds: Vec<&str> = problems.iter().map(|p| p["provenance"]["object_kind"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["blob", "commit", "tree"]);
        let message = problems.iter().map(|p| p["message"].as_str().unwrap()).collect::<String>();
        assert!(
            message.contains("tree") && message.contains("commit") && message.contains("refers to it"),
            "{message}"
        );
    }
}

#[test]
fn of_many_missing_objects_a_hundred_are_named() {
    let dir = init(&[]);
    for number in 0..130 {
        fs::write(dir.path().join(format!("f{number}")), format!("{number}\n")).unwrap();
    }
    commit(dir.path(), "token", github_token(1));
    for number in 0..130 {
        let id = rev(dir.path(), &format!("HEAD:f{number}"));
        fs::remove_file(dir.path().join(".git/objects").join(&id[..2]).join(&id[2..])).unwrap();
    }
    let (code, secrets, problems) = history(dir.path());
    assert_eq!((code, secrets.len(), problems.len()), (1, 1, 101));
    assert!(problems.iter().any(|problem| problem["message"].as_str().unwrap().starts_with("30 more objects")));
}

/// Trees within trees: `depth` levels of ten entries each, with `content` at the end of every path.
fn tree_bomb(depth: usize, content: &str) -> TempDir {
    let dir = init(&[]);
    let text = |output: Vec<u8>| String::from_utf8(output).unwrap().trim().to_owned();
    let mut id = text(git_with_input(dir.path(), &["hash-object", "-w", "--stdin"], content.as_bytes()));
    for level in 0..depth {
        let mode = if level == 0 { "100644 blob" } else { "040000 tree" };
        let list: String = (0..10).map(|number| format!("{mode} {id}\tf{number}\n")).collect();
        id = text(git_with_input(dir.path(), &["mktree"], list.as_bytes()));
    }
    let commit = text(git(dir.path(), &["commit-tree", &id, "-m", "x"]));
    git(dir.path(), &["update-ref", "refs/heads/main", &commit]);
    dir
}

/// A kilobyte of trees took gigabytes of memory.
#[test]
fn trees_within_trees_are_followed_within_limits() {
    let token = github_token(1);
    let places = |report: &Value| found(report).get(&token).map_or(0, Vec::len);
    let is_told = |report: &Value| {
        let problems = report["problems"].as_array().unwrap();
        problems.iter().any(|problem| problem["kind"] == "limit" || problem["kind"] == "git-object")
    };
    // All of a few paths, some of many.
    let dir = tree_bomb(3, &token);
    for args in [&[".", "--history-only"][..], &["--range", "HEAD"]] {
        let (code, report) = scan(dir.path(), args);
        assert_eq!((code, places(&report), is_told(&report)), (1, 1_000, false), "{args:?}");
    }
    let dir = tree_bomb(5, &token);
    for args in [&[".", "--history-only"][..], &["--range", "HEAD"]] {
        let (code, text, _) = run(dir.path(), args, b"");
        assert_eq!(code, 1, "{args:?}");
        assert!(text.contains("50,003 places") || text.contains("and 49,998 more"), "{args:?}: {text}");
        assert!(text.contains("49997 more paths"), "{args:?}: {text}");
    }
    let dir = tree_bomb(10, "clean");
    assert_eq!(scan(dir.path(), &[".", "--history-only"]).0, 0);
    let (code, report) = scan(dir.path(), &["--range", "HEAD"]);
    assert_eq!((code, is_told(&report)), (3, true));
    // However deep it lies, it stands somewhere.
    let dir = tree_bomb(10, &token);
    let (code, report) = scan(dir.path(), &[".", "--history-only"]);
    assert_eq!((code, is_told(&report)), (1, true));
    let place = &found(&report)[&token][0]["provenance"];
    let path = place["path"].as_str().unwrap();
    assert_eq!((path.matches('/').count(), &place["history"]["at_head"]), (9, &true.into()));
}

/// Files and times below a directory.
fn state(dir: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            if facts.is_dir() {
                waiting.push(path.clone());
            }
            found.push((path, facts.len(), facts.modified().unwrap()));
        }
    }
    found.sort();
    found
}

fn spawn(dir: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_unleak"))
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("UNLEAK_FINGERPRINT_KEY", "0".repeat(64))
        .current_dir(dir)
        .arg("scan")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_scan_that_is_killed_leaves_nothing_behind() {
    let dir = packed();
    let reports = tempfile::tempdir().unwrap();
    let report = reports.path().join("report.json");
    let before = state(dir.path());
    for milliseconds in [0, 3, 10, 30] {
        let mut child = spawn(dir.path(), &[".", "--paranoid", "-f", "json", "-o", &report.display().to_string()]);
        std::thread::sleep(Duration::from_millis(milliseconds));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(state(dir.path()), before);
        if report.exists() {
            let text = fs::read(&report).unwrap();
            assert!(serde_json::from_slice::<Value>(&text).is_ok(), "a report is there whole or not at all");
        }
    }
    assert_eq!(history(dir.path()), (1, all(), vec![]));
}

/// The repository of another user, who may read it and not write: as good as read-only media. Only root can try.
#[cfg(target_os = "linux")]
#[test]
fn repositories_of_others_are_read_and_what_they_hide_is_told() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    if !is_root() {
        return;
    }
    let dir = packed();
    let loose = commit(dir.path(), "hidden", github_token(200));
    let blob = rev(dir.path(), &format!("{loose}:hidden"));
    let open_up = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (path, ..) in state(dir.path()) {
        open_up(&path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    open_up(dir.path(), 0o755);
    let binary = tempfile::tempdir().unwrap();
    open_up(binary.path(), 0o755);
    let unleak = binary.path().join("unleak");
    fs::copy(env!("CARGO_BIN_EXE_unleak"), &unleak).unwrap();
    open_up(&unleak, 0o755);
    let before = state(dir.path());
    let nobody = |args: &[&str]| {
        let mut command = Command::new(&unleak);
        command.env_clear().env("HOME", "/nonexistent").env("UNLEAK_FINGERPRINT_KEY", "0".repeat(64));
        command.uid(65_534).gid(65_534).current_dir(dir.path());
        command.args(["scan", "-f", "json", "--show-secrets"]).args(args);
        // A program started by another test meanwhile may have the copy open for writing.
        let output = loop {
            match command.output() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                other => break other.unwrap(),
            }
        };
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), report)
    };
    let (code, report) = nobody(&["."]);
    assert_eq!((code, found(&report).len(), &report["problems"]), (Some(1), 25, &serde_json::json!([])));
    // What may not be read: a pack, then a loose object, then directories.
    let pack = packs(dir.path(), "pack").remove(0);
    open_up(&pack, 0);
    let (code, report) = nobody(&[".", "--history-only"]);
    assert_eq!((code, found(&report).into_keys().collect::<Vec<_>>()), (Some(1), vec![github_token(200)]));
    assert!(report["problems"].to_string().contains("permission-denied"), "{}", report["problems"]);
    open_up(&pack, 0o644);
    let object = dir.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    open_up(&object, 0);
    let (code, report) = nobody(&[".", "--history-only"]);
    assert_eq!((code, found(&report).into_keys().collect::<Vec<_>>()), (Some(1), all()));
    assert!(report["problems"].to_string().contains(&blob), "{}", report["problems"]);
    open_up(&object, 0o644);
    open_up(&dir.path().join(".git/objects/pack"), 0);
    let (_, report) = nobody(&[".", "--history-only"]);
    assert!(report["problems"].to_string().contains("permission-denied"), "{}", report["problems"]);
    open_up(&dir.path().join(".git/objects/pack"), 0o755);
    for args in [&["--staged"][..], &["--unstaged"], &["--branch", "main"]] {
        let (_, report) = nobody(args);
        assert_eq!(report["problems"], serde_json::json!([]), "{args:?}");
    }
    assert_eq!(state(dir.path()).len(), before.len(), "nothing was written");
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|facts| std::os::unix::fs::MetadataExt::uid(&facts) == 0)
}
