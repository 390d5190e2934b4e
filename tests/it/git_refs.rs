//! Refs, logs and work trees against git's own answers, in both ways of storing them; and damaged ones.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use unleak::source::git::{
    Fault, ObjectId, ObjectStore,
    refs::{Head, Refs},
};

use crate::git_store::repositories::{git, history};

fn store(path: &Path) -> ObjectStore {
    ObjectStore::open(path).unwrap()
}

fn read(path: &Path) -> Refs {
    Refs::read(&store(path))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

fn id(path: &Path, revision: &str) -> ObjectId {
    ObjectId::from_hex(text(git(path, &["rev-parse", revision])).as_bytes()).unwrap()
}

/// Lines of id and name, as `git for-each-ref` has them.
fn listed(refs: &Refs) -> Vec<String> {
    let own = refs.refs.iter().filter(|found| found.name.starts_with(b"refs/"));
    own.map(|found| format!("{} {}", found.target, found.name.escape_ascii())).collect()
}

fn listed_by_git(path: &Path) -> Vec<String> {
    let output = text(git(path, &["for-each-ref", "--format=%(objectname) %(refname)"]));
    output.lines().map(str::to_owned).collect()
}

/// Lines of new id, who and message, newest first, as `git reflog` has them.
fn log_lines(refs: &Refs, name: &str) -> Vec<String> {
    let entries = refs.logs.iter().filter(|entry| entry.name == name.as_bytes()).rev();
    let line = |entry: &unleak::source::git::refs::LogEntry| {
        let new = entry.new.map(|id| id.to_string()).unwrap_or_default();
        format!("{new} {} {} {}", entry.who.escape_ascii(), entry.seconds, entry.message.escape_ascii())
    };
    entries.map(line).collect()
}

fn log_lines_by_git(path: &Path, name: &str) -> Vec<String> {
    let arguments = ["log", "-g", "--date=unix", "--format=%H %gn <%ge> %gd %gs", name];
    let output = text(git(path, &arguments));
    // `name@{seconds}`.
    let plain = |line: &str| {
        let (head, rest) = line.split_once("@{").unwrap();
        let (seconds, message) = rest.split_once("} ").unwrap();
        format!("{} {seconds} {message}", head.rsplit_once(' ').unwrap().0)
    };
    output.lines().map(plain).collect()
}

fn assert_equals_git(path: &Path) {
    let refs = read(path);
    assert_eq!(refs.problems, []);
    assert_eq!(listed(&refs), listed_by_git(path));
    let head = text(git(path, &["rev-parse", "-q", "--verify", "HEAD"]));
    assert_eq!(refs.head.map(|id| id.to_string()).unwrap_or_default(), head);
    assert_eq!(Head::read(&store(path)).unwrap(), Head { id: refs.head, name: refs.head_name.clone() });
}

const STORAGES: [(&str, &str); 4] =
    [("sha1", "files"), ("sha256", "files"), ("sha1", "reftable"), ("sha256", "reftable")];

/// A repository with some commits, branches, tags and a stash.
fn repository(format: &str, storage: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    git(path, &["init", "-q", "-b", "main", &format!("--object-format={format}"), &format!("--ref-format={storage}")]);
    for number in 0..6 {
        fs::write(path.join("file"), format!("{number}\n")).unwrap();
        git(path, &["add", "file"]);
        git(path, &["commit", "-qm", &format!("number {number}\n\nmore")]);
        git(path, &["branch", &format!("topic/{number}")]);
    }
    git(path, &["tag", "light"]);
    git(path, &["tag", "-am", "heavy", "annotated", "HEAD~2"]);
    fs::write(path.join("file"), "stashed\n").unwrap();
    git(path, &["stash", "-q"]);
    fs::write(path.join("file"), "stashed too\n").unwrap();
    git(path, &["stash", "-q"]);
    git(path, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/topic/3"]);
    git(path, &["branch", "-D", "-q", "topic/4"]);
    dir
}

#[test]
fn refs_and_logs_are_those_of_git() {
    for (format, storage) in STORAGES {
        let dir = repository(format, storage);
        assert_equals_git(dir.path());
        let refs = read(dir.path());
        assert_eq!(refs.is_reftable, storage == "reftable");
        for name in ["HEAD", "refs/heads/main", "refs/stash", "refs/heads/topic/5"] {
            assert_eq!(log_lines(&refs, name), log_lines_by_git(dir.path(), name), "{format} {storage} {name}");
        }
        assert_eq!(refs.head_name.as_deref(), Some(&b"refs/heads/main"[..]));
        assert!(refs.others.contains(&id(dir.path(), "stash@{1}")));
        assert_eq!(refs.earlier(b"refs/stash", 1), Some(id(dir.path(), "stash@{1}")));
        git(dir.path(), &["stash", "drop", "-q"]);
        assert_eq!(log_lines(&read(dir.path()), "refs/stash"), log_lines_by_git(dir.path(), "refs/stash"));
        git(dir.path(), &["pack-refs", "--all"]);
        assert_equals_git(dir.path());
        git(dir.path(), &["branch", "-f", "topic/1", "main"]);
        git(dir.path(), &["update-ref", "-d", "refs/tags/light"]);
        assert_equals_git(dir.path());
    }
}

#[test]
fn thousands_of_refs() {
    for (format, storage) in STORAGES {
        let dir = repository(format, storage);
        let head = id(dir.path(), "HEAD");
        let lines: String =
            (0..3000).map(|n| format!("create refs/changes/{:02}/{n}/meta {head}\n", n % 100)).collect();
        crate::git_store::repositories::git_with_input(dir.path(), &["update-ref", "--stdin"], lines.as_bytes());
        assert_equals_git(dir.path());
        git(dir.path(), &["pack-refs", "--all"]);
        assert_equals_git(dir.path());
    }
}

#[test]
fn unborn_and_detached_heads() {
    for (format, storage) in STORAGES {
        let dir = tempfile::tempdir().unwrap();
        let (format, storage) = (format!("--object-format={format}"), format!("--ref-format={storage}"));
        git(dir.path(), &["init", "-q", "-b", "first", &format, &storage]);
        let refs = read(dir.path());
        assert_eq!((refs.head, refs.head_name.as_deref()), (None, Some(&b"refs/heads/first"[..])));
        assert_eq!((refs.refs, refs.problems), (vec![], vec![]));
        git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "one"]);
        git(dir.path(), &["checkout", "-q", "--detach"]);
        assert_equals_git(dir.path());
        assert_eq!(read(dir.path()).head_name, None);
    }
}

#[test]
fn work_trees_have_refs_of_their_own() {
    for (format, storage) in STORAGES {
        let dir = repository(format, storage);
        let main = dir.path();
        let outside = tempfile::tempdir().unwrap();
        let linked = outside.path().join("linked");
        git(main, &["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), "HEAD~3"]);
        git(&linked, &["update-ref", "refs/worktree/mine", "HEAD~1"]);
        git(main, &["update-ref", "refs/worktree/mine", "HEAD"]);
        git(&linked, &["commit", "-q", "--allow-empty", "-m", "only here"]);
        assert_equals_git(main);
        assert_equals_git(&linked);
        let (here, there) = (id(main, "refs/worktree/mine"), id(&linked, "refs/worktree/mine"));
        let refs = read(main);
        assert_eq!(refs.find(b"worktrees/linked/refs/worktree/mine"), Some(there));
        assert_eq!(refs.find(b"refs/worktree/mine"), Some(here));
        assert_eq!(refs.heads, [id(&linked, "HEAD")]);
        let refs = read(&linked);
        assert_eq!(refs.find(b"main-worktree/refs/worktree/mine"), Some(here));
        assert_eq!(refs.find(b"refs/worktree/mine"), Some(there));
        assert_eq!(refs.heads, [id(main, "HEAD")]);
    }
}

#[test]
fn pseudo_refs_name_others() {
    for (format, storage) in STORAGES {
        let dir = repository(format, storage);
        let path = dir.path();
        let (first, second) = (id(path, "HEAD~5"), id(path, "HEAD~4"));
        let fetched = format!("{first}\t\tbranch 'a' of b\n{second}\tnot-for-merge\tbranch 'c' of b\n");
        fs::write(path.join(".git/FETCH_HEAD"), fetched).unwrap();
        git(path, &["update-ref", "ORIG_HEAD", "HEAD~2"]);
        let refs = read(path);
        assert_eq!(refs.problems, []);
        let others: BTreeSet<ObjectId> = refs.others.iter().copied().collect();
        assert!([first, second, id(path, "HEAD~2")].iter().all(|id| others.contains(id)));
        assert!(refs.refs.iter().all(|found| found.name.starts_with(b"refs/")));
    }
}

#[test]
fn broken_refs_are_problems_and_the_others_are_read() {
    let dir = repository("sha1", "files");
    let heads = dir.path().join(".git/refs/heads");
    let whole = listed(&read(dir.path()));
    fs::write(heads.join("empty"), "").unwrap();
    fs::write(heads.join("short"), "0123456789").unwrap();
    fs::write(heads.join("binary"), [0xff; 100]).unwrap();
    fs::write(heads.join("round"), "ref: refs/heads/about\n").unwrap();
    fs::write(heads.join("about"), "ref: refs/heads/round\n").unwrap();
    fs::write(heads.join("nowhere"), "ref: refs/heads/not-there\n").unwrap();
    fs::write(heads.join("later.lock"), "").unwrap();
    fs::write(heads.join("missing"), format!("{}\n", "12".repeat(20))).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/", heads.join("root")).unwrap();
        std::os::unix::fs::symlink("refs/heads/main", heads.join("old-style")).unwrap();
    }
    let refs = read(dir.path());
    let mut faults: Vec<(String, Fault)> = Vec::new();
    for problem in &refs.problems {
        faults.push((problem.path.file_name().unwrap().to_string_lossy().into_owned(), problem.fault.clone()));
    }
    faults.sort_by(|one, other| one.0.cmp(&other.0));
    let mut expected = vec![
        ("about".to_owned(), Fault::RefsTooDeep(5)),
        ("binary".to_owned(), Fault::MalformedLine(1)),
        ("empty".to_owned(), Fault::MalformedLine(1)),
        ("missing".to_owned(), Fault::Missing),
        ("nowhere".to_owned(), Fault::RefNowhere),
        ("round".to_owned(), Fault::RefsTooDeep(5)),
        ("short".to_owned(), Fault::MalformedLine(1)),
    ];
    if cfg!(unix) {
        expected.insert(5, ("root".to_owned(), Fault::NotRegular));
        assert_eq!(refs.find(b"refs/heads/old-style"), refs.head);
    }
    assert_eq!(faults, expected);
    let found = listed(&refs);
    assert!(whole.iter().all(|line| found.contains(line)));
}

#[test]
fn an_unknown_ref_storage_is_told() {
    let dir = repository("sha1", "files");
    fs::write(dir.path().join(".git/config"), "[extensions]\n\trefStorage = clay\n").unwrap();
    let refs = read(dir.path());
    assert_eq!(refs.problems.len(), 1);
    assert_eq!(refs.problems[0].fault, Fault::UnknownRefStorage);
    assert_eq!(listed(&refs).len(), 10);
}

fn tables(path: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(path.join(".git/reftable")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ref"));
    paths
}

#[test]
fn no_byte_of_a_reftable_is_trusted() {
    for format in ["sha1", "sha256"] {
        let dir = repository(format, "reftable");
        git(dir.path(), &["pack-refs", "--all"]);
        let tables = tables(dir.path());
        let table = tables.iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
        crate::git_store::repositories::make_writable(table);
        let bytes = fs::read(table).unwrap();
        let store = store(dir.path());
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                fs::write(table, damaged).unwrap();
                let _ = Refs::read(&store);
            }
        }
        for len in 0..bytes.len() {
            fs::write(table, &bytes[..len]).unwrap();
            assert!(!Refs::read(&store).problems.is_empty(), "{len} bytes");
        }
        fs::write(table, &bytes).unwrap();
        assert_eq!(Refs::read(&store).problems, []);
        fs::write(dir.path().join(".git/reftable/tables.list"), "../../../etc/passwd\nnot-there.ref\n").unwrap();
        let faults: Vec<Fault> = Refs::read(&store).problems.into_iter().map(|problem| problem.fault).collect();
        assert_eq!(faults[..2], [Fault::MalformedLine(1), Fault::Missing]);
    }
}

#[test]
fn a_real_history_with_packed_refs() {
    let dir = tempfile::tempdir().unwrap();
    history(dir.path(), "sha1", 40);
    git(dir.path(), &["pack-refs", "--all"]);
    assert_equals_git(dir.path());
}
