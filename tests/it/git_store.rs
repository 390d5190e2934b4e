//! The git object store against git itself, against hostile stores, and against a store that changes under it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod damage;
mod hostile;
pub(crate) mod pack_writer;
pub(crate) mod repositories;
mod visits;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use unleak::source::git::{Fault, ObjectId, ObjectStore, OpenError, OpenFault, StoreProblem};

use self::{
    repositories::{git, git_with_input, history, objects_by_git, packs, repository, unpack_all},
    visits::{assert_equals_git, objects, open, plan, walk},
};

#[test]
fn packed_history() {
    for format in ["sha1", "sha256"] {
        let dir = repository(format, 150);
        git(dir.path(), &["repack", "-adfq", "--depth=250", "--window=50"]);
        assert_equals_git(dir.path());
        let walked = walk(&open(dir.path()), &plan(2));
        let deltas: usize = walked.visitors.iter().map(|notes| notes.deltas).sum();
        assert!(deltas > 150, "{deltas} deltas");
    }
}

#[test]
fn loose_objects_only() {
    for format in ["sha1", "sha256"] {
        let dir = repository(format, 30);
        unpack_all(dir.path());
        let store = open(dir.path());
        assert_eq!(store.pack_and_loose_counts().0, 0);
        assert_equals_git(dir.path());
    }
}

#[test]
fn several_packs_with_duplicates_and_loose_copies() {
    let dir = repository("sha1", 60);
    let ids: Vec<u8> = objects_by_git(dir.path()).keys().flat_map(|id| format!("{id}\n").into_bytes()).collect();
    // Every second object once more in a pack of its own, with deltas of its own; some loose copies.
    let lines: Vec<&[u8]> = ids.split_inclusive(|&byte| byte == b'\n').collect();
    let half: Vec<u8> = lines.iter().step_by(2).flat_map(|line| line.to_vec()).collect();
    git_with_input(dir.path(), &["pack-objects", "-q", ".git/objects/pack/pack"], &half);
    let third: Vec<u8> = lines.iter().step_by(3).flat_map(|line| line.to_vec()).collect();
    git_with_input(dir.path(), &["pack-objects", "-q", "--no-reuse-delta", ".git/objects/pack/pack"], &third);
    fs::write(dir.path().join("new"), "only loose").unwrap();
    git(dir.path(), &["hash-object", "-w", "new"]);
    assert_eq!(packs(dir.path(), "pack").len(), 3);
    assert_equals_git(dir.path());
    git(dir.path(), &["multi-pack-index", "write"]);
    assert_equals_git(dir.path());
}

#[test]
fn reference_deltas() {
    let dir = repository("sha1", 80);
    git(dir.path(), &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50"]);
    assert_equals_git(dir.path());
}

#[test]
fn index_version_1() {
    let dir = repository("sha1", 40);
    git(dir.path(), &["-c", "pack.indexVersion=1", "repack", "-adfq"]);
    assert_ne!(fs::read(&packs(dir.path(), "idx")[0]).unwrap()[..4], *b"\xfftOc");
    assert_equals_git(dir.path());
}

#[test]
fn cruft_packs() {
    let dir = repository("sha1", 60);
    git(dir.path(), &["update-ref", "refs/heads/main", "refs/heads/main~20"]);
    git(dir.path(), &["update-ref", "-d", "refs/heads/side"]);
    git(dir.path(), &["repack", "--cruft", "-dq"]);
    assert_eq!(packs(dir.path(), "mtimes").len(), 1);
    assert_equals_git(dir.path());
}

/// Everything that git puts beside packs: marks, and an index over several of them that makes their own superfluous.
#[test]
fn packs_of_a_multi_pack_index() {
    let dir = repository("sha1", 60);
    let add = |name: &str, flags: &[&str]| {
        fs::write(dir.path().join(name), name.repeat(1_000)).unwrap();
        git(dir.path(), &["add", name]);
        git(dir.path(), &["commit", "-qm", name]);
        git(dir.path(), &[&["repack", "-dq"], flags].concat());
    };
    add("kept", &[]);
    let kept = packs(dir.path(), "pack").pop().unwrap();
    fs::write(kept.with_extension("keep"), "").unwrap();
    add("second", &[]);
    git(dir.path(), &["update-ref", "-d", "refs/heads/side"]);
    git(dir.path(), &["reset", "-q", "--hard", "HEAD~1"]);
    git(dir.path(), &["reflog", "expire", "--expire=now", "--all"]);
    git(dir.path(), &["repack", "--cruft", "-dq"]);
    add("third", &["--write-midx"]);
    git(dir.path(), &["multi-pack-index", "write"]);
    assert!(dir.path().join(".git/objects/pack/multi-pack-index").exists());
    assert!(packs(dir.path(), "pack").len() > 2 && packs(dir.path(), "mtimes").len() == 1);
    assert_equals_git(dir.path());
    let expected = objects_by_git(dir.path());
    // A promisor's mark says that objects may be missing: none is here.
    fs::write(kept.with_extension("promisor"), "").unwrap();
    for index in packs(dir.path(), "idx") {
        fs::remove_file(index).unwrap();
    }
    let store = open(dir.path());
    assert!(store.is_partial() && store.problems().is_empty(), "{:?}", store.problems());
    let walked = walk(&store, &plan(2));
    assert_eq!((objects(&walked) == expected, walked.problems), (true, vec![]));
}

/// A second repository that has all but the objects of the last commits, and a thin pack of those.
fn thin_pack(dir: &Path) -> (PathBuf, Vec<u8>) {
    let other = dir.join("other");
    git(dir, &["clone", "-q", "--bare", "--single-branch", "--branch", "old", ".", "other"]);
    let thin = git_with_input(
        dir,
        &["pack-objects", "--thin", "--stdout", "--revs", "-q"],
        b"refs/heads/main\n^refs/heads/old\n",
    );
    (other, thin)
}

#[test]
fn thin_packs_borrow_bases_from_elsewhere() {
    let dir = repository("sha1", 60);
    git(dir.path(), &["branch", "old", "main~10"]);
    git(dir.path(), &["repack", "-adfq"]);
    let (other, thin) = thin_pack(dir.path());
    // Git never keeps a thin pack; it may still lie there. Without index it has to be read through.
    fs::write(other.join("objects/pack/pack-1111111111111111111111111111111111111111.pack"), &thin).unwrap();
    let walked = walk(&open(&other), &plan(2));
    assert_eq!(walked.problems, []);
    let mut expected = objects_by_git(dir.path());
    let found = objects(&walked);
    expected.retain(|id, _| found.contains_key(id));
    assert_eq!(found, expected);
    let tip = git(dir.path(), &["rev-parse", "main"]);
    assert!(found.contains_key(&ObjectId::from_hex(tip.trim_ascii()).unwrap()));
}

#[test]
fn packs_without_index_are_read_through() {
    for reference_deltas in [false, true] {
        let dir = repository("sha1", 60);
        let setting = format!("repack.useDeltaBaseOffset={}", !reference_deltas);
        git(dir.path(), &["-c", &setting, "repack", "-adfq"]);
        let expected = objects_by_git(dir.path());
        fs::remove_file(&packs(dir.path(), "idx")[0]).unwrap();
        let store = open(dir.path());
        assert_eq!(store.problems(), []);
        let walked = walk(&store, &plan(2));
        assert_eq!(walked.problems, []);
        assert_eq!(objects(&walked), expected);
    }
}

#[test]
fn alternates_in_a_cycle() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    fs::create_dir(&first).unwrap();
    history(&first, "sha1", 20);
    git(dir.path(), &["clone", "-q", "--shared", "first", "second"]);
    fs::write(second.join("more"), "more").unwrap();
    git(&second, &["add", "more"]);
    git(&second, &["commit", "-qm", "more"]);
    assert_eq!(open(&second).object_dirs().len(), 2);
    assert_equals_git(&second);
    let own: BTreeSet<ObjectId> = objects_by_git(&second).into_keys().collect();
    fs::write(first.join(".git/objects/info/alternates"), "# back\n../../../second/.git/objects\n/nowhere/objects\n")
        .unwrap();
    let store = open(&second);
    assert_eq!(store.object_dirs().len(), 2);
    assert_eq!(store.problems().len(), 2);
    assert_eq!(objects(&walk(&store, &plan(2))).into_keys().collect::<BTreeSet<_>>(), own);
}

#[test]
fn linked_work_trees_bare_and_shallow_repositories() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("main");
    fs::create_dir(&main).unwrap();
    history(&main, "sha1", 20);
    git(&main, &["worktree", "add", "-q", "../linked", "side"]);
    git(dir.path(), &["clone", "-q", "--bare", "main", "bare"]);
    git(dir.path(), &["clone", "-q", "--depth=2", &format!("file://{}", main.display()), "shallow"]);
    for path in ["main", "main/.git", "linked", "linked/.git", "main/.git/worktrees/linked", "bare", "shallow"] {
        let path = dir.path().join(path);
        let walked = walk(&open(&path), &plan(1));
        let expected = objects_by_git(if path.is_dir() { &path } else { path.parent().unwrap() });
        assert_eq!((objects(&walked), walked.problems), (expected, vec![]), "{}", path.display());
    }
    assert_eq!(open(&dir.path().join("shallow")).shallow().len(), 1);
    assert_eq!(open(&main).shallow(), []);
    assert_ne!(open(&dir.path().join("linked")).git_dir(), open(&dir.path().join("linked")).common_dir());
    let nothing = dir.path().join("main/dir");
    assert_eq!(
        ObjectStore::open(&nothing).unwrap_err(),
        OpenError { path: nothing, reason: OpenFault::NotARepository }
    );
}

#[test]
fn a_quarantine_is_an_object_directory_more() {
    let dir = repository("sha1", 10);
    let quarantine = dir.path().join("quarantine");
    let donor = tempfile::tempdir().unwrap();
    git(donor.path(), &["init", "-q"]);
    let id = git_with_input(donor.path(), &["hash-object", "-w", "--stdin"], b"pushed");
    fs::rename(donor.path().join(".git/objects"), &quarantine).unwrap();
    let store = ObjectStore::open_with(dir.path(), &[quarantine]).unwrap();
    assert!(store.contains(&ObjectId::from_hex(id.trim_ascii()).unwrap()));
}

#[test]
fn unknown_formats_and_promisors_are_told() {
    let dir = repository("sha1", 3);
    let config = dir.path().join(".git/config");
    fs::write(&config, "[extensions]\npartialClone = origin\n").unwrap();
    assert!(open(dir.path()).is_partial());
    fs::write(&config, "[extensions]\nobjectFormat = blake3\n").unwrap();
    let store = open(dir.path());
    assert_eq!(store.format(), None);
    assert_eq!(
        store.problems(),
        [StoreProblem { path: config, object: None, kind: None, fault: Fault::UnknownObjectFormat }]
    );
    assert!(objects(&walk(&store, &plan(1))).is_empty());
}
