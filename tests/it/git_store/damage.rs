//! Stores that are corrupt, or change while they are read.

use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    path::PathBuf,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tempfile::TempDir;
use unleak::source::git::{Delta, Fault, LargeObject, Object, ObjectId, ObjectStore, StoreProblem, Visitor, WalkPlan};

use super::{
    repositories::{Random, git, git_with_input, make_writable, objects_by_git, packs, repository, unpack_all},
    visits::{Notes, Objects, objects, open, plan, walk},
};

#[test]
fn unusable_indexes_are_made_anew() {
    let dir = repository("sha1", 30);
    git(dir.path(), &["repack", "-adfq"]);
    let expected = objects_by_git(dir.path());
    let path = &packs(dir.path(), "idx")[0];
    make_writable(path);
    let sound = fs::read(path).unwrap();
    let spoilt: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.truncate(900),
        |bytes| bytes.clear(),
        |bytes| bytes[8] = 0xff,
        |bytes| bytes[7] = 9,
        |bytes| bytes[1040..1060].fill(0xff),
    ];
    for spoil in spoilt {
        let mut bytes = sound.clone();
        spoil(&mut bytes);
        fs::write(path, bytes).unwrap();
        let store = open(dir.path());
        assert!(matches!(store.problems(), [StoreProblem { fault: Fault::Index(_), .. }]), "{:?}", store.problems());
        let walked = walk(&store, &plan(2));
        assert_eq!((objects(&walked) == expected, walked.problems), (true, vec![]));
    }
}

#[test]
fn a_truncated_pack_yields_what_is_left() {
    let dir = repository("sha1", 60);
    git(dir.path(), &["repack", "-adfq"]);
    let expected = objects_by_git(dir.path());
    let path = &packs(dir.path(), "pack")[0];
    make_writable(path);
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    let store = open(dir.path());
    assert_eq!(store.problems().len(), 1);
    assert_eq!(store.problems()[0].fault, Fault::ChecksumMismatch);
    let walked = walk(&store, &plan(2));
    let seen = objects(&walked);
    let lost: BTreeSet<ObjectId> = walked.problems.iter().map(|problem| problem.object.unwrap()).collect();
    assert!(seen.len() > 20 && lost.len() > 20);
    assert!(seen.iter().all(|(id, object)| expected[id] == *object));
    assert_eq!(seen.keys().copied().chain(lost).collect::<BTreeSet<_>>(), expected.keys().copied().collect());
    // Second copies heal it, wherever they are.
    git(dir.path(), &["init", "-q", "--bare", "healthy"]);
    fs::write(dir.path().join("healthy/objects/pack/pack-b.pack"), &bytes).unwrap();
    git(&dir.path().join("healthy"), &["index-pack", "-o", "objects/pack/pack-b.idx", "objects/pack/pack-b.pack"]);
    let store = ObjectStore::open_with(dir.path(), &[dir.path().join("healthy/objects")]).unwrap();
    let walked = walk(&store, &plan(2));
    assert_eq!((objects(&walked) == expected, walked.problems), (true, vec![]));
}

#[test]
fn corrupt_loose_objects_are_told() {
    let dir = repository("sha1", 5);
    unpack_all(dir.path());
    let expected = objects_by_git(dir.path());
    let victims: Vec<ObjectId> = expected.keys().copied().step_by(5).collect();
    let file = |id: &ObjectId| {
        let hex = id.to_string();
        dir.path().join(".git/objects").join(&hex[..2]).join(&hex[2..])
    };
    for (number, id) in victims.iter().enumerate() {
        make_writable(&file(id));
        let mut bytes = fs::read(file(id)).unwrap();
        match number % 3 {
            0 => bytes.truncate(bytes.len() / 2),
            1 => bytes.clear(),
            _ => *bytes.last_mut().unwrap() ^= 1,
        }
        fs::write(file(id), bytes).unwrap();
    }
    let walked = walk(&open(dir.path()), &plan(2));
    let lost: Vec<ObjectId> = walked.problems.iter().map(|problem| problem.object.unwrap()).collect();
    assert_eq!(lost, victims);
    assert_eq!(objects(&walked).len(), expected.len() - victims.len());
}

#[test]
fn a_repack_during_the_walk_loses_nothing() {
    let dir = repository("sha1", 40);
    unpack_all(dir.path());
    let expected = objects_by_git(dir.path());
    let store = open(dir.path());
    assert_eq!(store.pack_and_loose_counts(), (0, expected.len()));
    // All loose objects vanish into a pack that the store hasn't seen.
    git(dir.path(), &["repack", "-adq"]);
    git(dir.path(), &["prune-packed", "-q"]);
    let walked = walk(&store, &plan(2));
    assert_eq!(walked.problems, []);
    let seen = objects(&walked);
    assert!(seen.iter().all(|(id, object)| expected[id] == *object));
    let reachable = git(dir.path(), &["rev-list", "--all", "--objects", "--no-object-names"]);
    for id in reachable.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        assert!(seen.contains_key(&ObjectId::from_hex(id).unwrap()));
    }
    // Packs that vanish stay mapped.
    let store = open(dir.path());
    for extension in ["pack", "idx"] {
        fs::remove_file(&packs(dir.path(), extension)[0]).unwrap();
    }
    assert_eq!(objects(&walk(&store, &plan(2))).len(), seen.len());
    let walked = walk(&open(dir.path()), &plan(2));
    assert!(objects(&walked).is_empty());
}

#[test]
fn vanished_loose_objects_are_told() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    let id = git_with_input(dir.path(), &["hash-object", "-w", "--stdin"], b"gone");
    let store = open(dir.path());
    fs::remove_dir_all(dir.path().join(".git/objects")).unwrap();
    let walked = walk(&store, &plan(1));
    assert_eq!(walked.problems.len(), 1);
    assert_eq!(walked.problems[0].object, ObjectId::from_hex(id.trim_ascii()));
    assert_eq!(walked.problems[0].fault, Fault::Missing);
}

#[cfg(unix)]
#[test]
fn fifos_and_directories_are_not_opened() {
    let dir = repository("sha1", 3);
    let pack_dir = dir.path().join(".git/objects/pack");
    for name in ["pack-x.pack", "pack-y.idx"] {
        assert!(Command::new("mkfifo").arg(pack_dir.join(name)).status().unwrap().success());
    }
    fs::create_dir(pack_dir.join("pack-z.pack")).unwrap();
    let expected = objects_by_git(dir.path());
    assert!(Command::new("mkfifo").arg(dir.path().join(".git/shallow")).status().unwrap().success());
    let store = open(dir.path());
    let faults: Vec<&Fault> = store.problems().iter().map(|problem| &problem.fault).collect();
    assert_eq!(faults, [&Fault::NotRegular, &Fault::PackMissing, &Fault::NotRegular, &Fault::NotRegular]);
    assert_eq!(objects(&walk(&store, &plan(1))), expected);
}

#[test]
fn an_interrupt_ends_the_walk() {
    let dir = repository("sha1", 30);
    struct Interrupter<'a>(&'a AtomicBool, &'a Mutex<usize>);
    impl Visitor for Interrupter<'_> {
        type State = ();
        fn visit(&mut self, _: &Object<'_>, _: Option<Delta<'_, ()>>) {
            *self.1.lock().unwrap() += 1;
            self.0.store(true, Ordering::Relaxed);
        }
        fn visit_large(&mut self, _: &LargeObject, _: &mut dyn Read) {}
    }
    let (interrupt, visits) = (AtomicBool::new(false), Mutex::new(0));
    open(dir.path()).walk(&WalkPlan::new(2, &interrupt), &|| Interrupter(&interrupt, &visits));
    assert!(*visits.lock().unwrap() <= 2);
}

/// Flips bytes and cuts files of a store. Whatever comes of it, each object is seen or told, with one thread and with
/// three, and never seen twice. `UNLEAK_FUZZ_ROUNDS` sets the number of rounds.
#[test]
fn mutated_stores_are_survived() {
    let rounds: u64 = std::env::var("UNLEAK_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1500);
    let stores: Vec<FuzzStore> = (0..3).map(fuzz_store).collect();
    for seed in 0..rounds {
        let FuzzStore { dir, objects: expected, files } = &stores[seed as usize % stores.len()];
        let mut random = Random(seed);
        for (path, bytes) in files {
            fs::write(path, mutated(bytes, &mut random)).unwrap();
        }
        let max_held_bytes = if seed % 2 == 0 { 0 } else { 1 << 20 };
        let threads = 1 + (seed % 3) as usize;
        let plan = WalkPlan { max_held_bytes, max_object_bytes: 1 << 20, ..plan(threads) };
        let store = open(dir.path());
        let walked = store.walk(&plan, &|| Notes { is_lenient: true, ..Notes::default() });
        let seen = objects(&walked);
        if walked.problems.is_empty() && store.problems().is_empty() {
            assert!(seen == *expected, "seed {seed}: lost in silence");
        }
        let mut reader = store.reader(1 << 20);
        for id in expected.keys().step_by(7) {
            let _ = reader.read(id);
        }
    }
}

/// A repository, what is in it, and its packs and indexes as they were.
struct FuzzStore {
    dir: TempDir,
    objects: Objects,
    files: Vec<(PathBuf, Vec<u8>)>,
}

fn fuzz_store(variant: u64) -> FuzzStore {
    let dir = repository("sha1", 12);
    let setting = format!("repack.useDeltaBaseOffset={}", variant != 1);
    git(dir.path(), &["-c", &setting, "repack", "-adfq", "--depth=50"]);
    if variant == 2 {
        let ids: Vec<u8> = objects_by_git(dir.path()).keys().flat_map(|id| format!("{id}\n").into_bytes()).collect();
        let half: Vec<u8> = ids.split_inclusive(|&byte| byte == b'\n').step_by(2).flatten().copied().collect();
        git_with_input(dir.path(), &["pack-objects", "-q", ".git/objects/pack/pack"], &half);
    }
    let objects = objects_by_git(dir.path());
    let mut files = Vec::new();
    for path in [packs(dir.path(), "pack"), packs(dir.path(), "idx")].concat() {
        make_writable(&path);
        let bytes = fs::read(&path).unwrap();
        files.push((path, bytes));
    }
    FuzzStore { dir, objects, files }
}

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len())),
        1..=3 => {}
        _ => {
            for _ in 0..1 + random.below(6) {
                let at = random.below(bytes.len());
                bytes[at] = match random.below(3) {
                    0 => bytes[at] ^ 1 << random.below(8),
                    1 => random.next() as u8,
                    _ => [0, 0xff, 0x7f, 0x80][random.below(4)],
                };
            }
        }
    }
    bytes
}
