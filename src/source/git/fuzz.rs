//! Everything here that parses bytes of a repository, each behind a function that takes any bytes: for the fuzzers in
//! `tests/fuzz`, and for the tests below, which do the same to mutated files of git's for a second. Compiled for both
//! alone.
//!
//! What must hold is checked here, so that a fuzzer finds more than panics: each object is visited or told, the steps of
//! a delta make its object, what was found is found again.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use memmap2::MmapMut;

use super::{
    Delta, LargeObject, Object, ObjectFormat, ObjectId, Op, Visitor, WalkPlan,
    buffer::Buffer,
    config,
    decoder::Decoder,
    delta::{self, Ops},
    history,
    index::{Index, IndexBytes},
    indexer, layout,
    loose::LooseObject,
    pack::{Pack, PackData},
    reader::Places,
    refs, repository, revisions, staging, tree_diff,
    walk::{Scope, Walk},
};

/// What a target does with an input.
pub type Target = fn(&[u8]);

/// Name and function of each target.
pub const TARGETS: &[(&str, Target)] = &[
    ("pack", pack),
    ("pack_index", pack_index),
    ("delta", delta),
    ("index", index),
    ("reftable", reftable),
    ("loose", loose),
    ("config", config),
    ("objects", objects),
];

const MAX_OBJECT_BYTES: usize = 1 << 20;
const FORMAT: ObjectFormat = ObjectFormat::Sha1;

/// A pack without index: indexed, then walked.
pub fn pack(data: &[u8]) {
    let Some(pack) = mapped(data) else { return };
    let dirs = [nowhere()];
    let index = indexer::index(&pack, Places { packs: &[], object_dirs: &dirs }, &mut Vec::new());
    walk(&[Arc::new(Pack { data: pack, index })]);
}

/// An index, with its length in front, and its pack.
pub fn pack_index(data: &[u8]) {
    let Some((len, rest)) = data.split_first_chunk() else { return };
    let Some((index, pack)) = rest.split_at_checked(u32::from_be_bytes(*len) as usize) else { return };
    let Ok(index) = Index::parse(IndexBytes::Built(index.to_vec()), FORMAT.id_len()) else { return };
    for position in 0..index.len() {
        let id = index.id(position);
        let found = index.find(id).expect("what is in it is found");
        assert_eq!(index.id(found), id);
        assert_eq!(index.id(index.lower_bound(id)), id);
    }
    if let Some(pack) = mapped(pack) {
        walk(&[Arc::new(Pack { data: pack, index })]);
    }
}

fn mapped(data: &[u8]) -> Option<PackData> {
    let mut map = MmapMut::map_anon(data.len()).ok()?;
    map.copy_from_slice(data);
    PackData::new(Path::new("fuzzed"), map.make_read_only().ok()?, FORMAT).ok()
}

fn nowhere() -> PathBuf {
    PathBuf::from("/nonexistent")
}

/// Walks a store of these packs: each object must be visited or told.
fn walk(packs: &[Arc<Pack>]) {
    let never = AtomicBool::new(false);
    let plan = WalkPlan {
        verify: true,
        max_object_bytes: MAX_OBJECT_BYTES,
        max_held_bytes: 1 << 16,
        max_total_bytes: 256 << 20,
        ..WalkPlan::new(1, &never)
    };
    let dirs = [nowhere()];
    let mut walk = Walk::new(&plan, FORMAT, &Seen::default);
    walk.round(Places { packs, object_dirs: &dirs }, Scope::All { loose: &[] });
    let is_over = walk.is_over();
    let walked = walk.finish(Vec::new(), Path::new("fuzzed"));
    let mut ids: Vec<ObjectId> = walked.visitors.into_iter().flat_map(|seen| seen.0).collect();
    ids.extend(walked.problems.iter().filter_map(|problem| problem.object));
    ids.sort_unstable();
    for pack in packs {
        for position in 0..pack.index.len() {
            assert!(is_over || ids.binary_search(&pack.id(position)).is_ok(), "lost in silence");
        }
    }
}

#[derive(Default)]
struct Seen(Vec<ObjectId>);

impl Visitor for Seen {
    type State = blake3::Hash;

    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, blake3::Hash>>) -> blake3::Hash {
        if let Some(delta) = delta {
            assert_eq!(blake3::hash(delta.base), *delta.state, "the state of another base");
            assert_remade(delta.base, delta.ops, object.content);
        }
        self.0.push(object.id);
        blake3::hash(object.content)
    }

    fn visit_large(&mut self, object: &LargeObject, content: &mut dyn Read) {
        // Some of it may be unread.
        let _ = content.read(&mut [0; 100]);
        self.0.push(object.id);
    }
}

fn assert_remade(base: &[u8], ops: &[Op], content: &[u8]) {
    let mut at = 0;
    for op in ops {
        let (Op::Copy { to, len, .. } | Op::Insert { to, len }) = *op;
        assert!(to == at && len > 0, "a gap");
        if let Op::Copy { from, .. } = *op {
            assert_eq!(base[from as usize..][..len as usize], content[to as usize..][..len as usize]);
        }
        at += len;
    }
    assert_eq!(at as usize, content.len());
}

/// A delta and, behind it, its base; the length of the delta stands in front.
pub fn delta(data: &[u8]) {
    let Some((len, rest)) = data.split_first_chunk() else { return };
    let Some((instructions, base)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else { return };
    let Ok(delta) = delta::Delta::parse(instructions) else { return };
    if delta.result_size > MAX_OBJECT_BYTES as u64 {
        return;
    }
    let (mut content, mut ops) = (Buffer::new(delta.result_size as usize), Ops::default());
    if delta.apply(base, &mut content, &mut ops).is_ok()
        && let Some(ops) = ops.get()
    {
        assert_remade(base, ops, &content);
    }
}

/// An index and, behind it, the one that it may be split from; the length of the first stands in front.
pub fn index(data: &[u8]) {
    let Some((len, rest)) = data.split_first_chunk() else { return };
    let Some((index, shared)) = rest.split_at_checked(u32::from_be_bytes(*len) as usize) else { return };
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let Ok(staging) = staging::parse_split(index, shared, format) else { continue };
        assert!(staging.entries.is_sorted_by_key(|entry| (&entry.path, entry.stage)));
        for entry in &staging.entries {
            let _ = (entry.is_blob(), staging.tree(&entry.path));
        }
    }
}

/// A reftable.
pub fn reftable(data: &[u8]) {
    refs::fuzz_table(data);
}

/// The file of a loose object.
pub fn loose(data: &[u8]) {
    use std::io::Write as _;
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    file.write_all(data).expect("there is room for a small file");
    let mut decoder = Decoder::new(MAX_OBJECT_BYTES);
    let Ok(object) = LooseObject::open(file.path(), &mut decoder.inflater) else { return };
    let size = object.size;
    if let Ok(content) = decoder.loose(object) {
        assert_eq!(content.len() as u64, size);
    }
    if let Ok(content) = LooseObject::open(file.path(), &mut decoder.inflater).and_then(LooseObject::stream) {
        let _ = std::io::copy(&mut content.take(1 << 22), &mut std::io::sink());
    }
}

/// Text files of a git directory: configuration, alternates, logs.
pub fn config(data: &[u8]) {
    let _ = config::parse(data);
    for line in data.split(|byte| *byte == b'\n') {
        let _ = layout::unquoted(line);
    }
    refs::fuzz_log(data);
    #[cfg(unix)]
    super::changes::fuzz_paths(std::os::unix::ffi::OsStrExt::from_bytes(data));
}

/// Trees, commits, tags, pointers of Git LFS.
pub fn objects(data: &[u8]) {
    tree_diff::fuzz(data);
    revisions::fuzz(data);
    let id = ObjectId::copied(&[0; 20]);
    let _ = (history::signatures(id, data), repository::lfs_pointer(data));
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write as _,
        path::Path,
        process::{Command, Stdio},
    };

    use super::TARGETS;

    /// A small deterministic generator (xorshift).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, limit: usize) -> usize {
            (self.next() % limit as u64) as usize
        }
    }

    fn git(dir: &Path, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let mut child = Command::new("git")
            .args(["-c", "core.fsync=none", "-c", "gc.auto=0", "-c", "user.name=A", "-c", "user.email=a@b"])
            .args(arguments)
            .current_dir(dir)
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Git may not read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    fn files_below(dir: &Path, extension: &str) -> Vec<Vec<u8>> {
        let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.retain(|path| path.extension().is_some_and(|found| found == extension));
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    fn with_length(front: &[u8], rest: &[u8]) -> Vec<u8> {
        [&(front.len() as u32).to_be_bytes(), front, rest].concat()
    }

    /// What git writes, for each target.
    fn seeds() -> Vec<(&'static str, Vec<u8>)> {
        let mut seeds = Vec::new();
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let options: &[&[&str]] = &[&[], &["--ref-format=reftable"]];
        for options in options {
            let name = format!("r{}", options.len());
            if git(dir, &[&["init", "-q", "-b", "main", &name], *options].concat(), b"").is_none() {
                continue;
            }
            let dir = dir.join(name);
            let text: String = (0..40).map(|number| format!("line {number}\n")).collect();
            for version in 0..6 {
                for file in ["a/b/f", "a/g", "h"] {
                    let path = dir.join(file);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, text.replace(&format!("line {}", version * 5), "another")).unwrap();
                }
                git(&dir, &["add", "-A"], b"").unwrap();
                git(&dir, &["commit", "-qm", "message"], b"").unwrap();
            }
            git(&dir, &["tag", "-am", "tag", "v1"], b"").unwrap();
            let git_dir = dir.join(".git");
            for table in files_below(&git_dir.join("reftable"), "ref") {
                seeds.push(("reftable", table));
            }
            for version in ["2", "4"] {
                git(&dir, &["update-index", "--index-version", version], b"").unwrap();
                seeds.push(("index", with_length(&fs::read(git_dir.join("index")).unwrap(), b"")));
            }
            for object in ["HEAD", "HEAD^{tree}", "HEAD:a", "v1"] {
                let kind = String::from_utf8(git(&dir, &["cat-file", "-t", object], b"").unwrap()).unwrap();
                seeds.push(("objects", git(&dir, &["cat-file", kind.trim(), object], b"").unwrap()));
                let id = String::from_utf8(git(&dir, &["rev-parse", object], b"").unwrap()).unwrap();
                seeds.push(("loose", fs::read(git_dir.join("objects").join(&id[..2]).join(id[2..].trim())).unwrap()));
            }
            seeds.push(("config", fs::read(git_dir.join("config")).unwrap()));
            seeds.extend(fs::read(git_dir.join("logs/HEAD")).ok().map(|log| ("config", log)));
            seeds.extend(split_index(&dir, &git_dir));
            for setting in ["true", "false"] {
                let setting = format!("repack.useDeltaBaseOffset={setting}");
                git(&dir, &["-c", &setting, "repack", "-adfq"], b"").unwrap();
                let pack_dir = git_dir.join("objects/pack");
                let (index, pack) = (files_below(&pack_dir, "idx").remove(0), files_below(&pack_dir, "pack").remove(0));
                seeds.push(("pack_index", with_length(&index, &pack)));
                seeds.push(("pack", pack));
            }
        }
        seeds.push(("delta", [&[0, 9][..], &[10, 7, 0x91, 2, 3, 1, b'x', 0x90, 3], b"0123456789"].concat()));
        seeds.push(("delta", [&[0, 6][..], &[10, 10, 0x80 | 0x10, 10, 0, 0], b"0123456789"].concat()));
        seeds.push(("config", b"[extensions]\n\tobjectFormat = sha256\n\"/a\\303b\\n\":/c".to_vec()));
        seeds.push(("objects", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".to_vec()));
        seeds
    }

    fn split_index(dir: &Path, git_dir: &Path) -> Option<(&'static str, Vec<u8>)> {
        git(dir, &["update-index", "--split-index"], b"")?;
        fs::write(dir.join("new"), "new").unwrap();
        git(dir, &["rm", "-q", "--cached", "h"], b"")?;
        git(dir, &["add", "-A"], b"")?;
        let mut shared = fs::read_dir(git_dir).unwrap().map(|entry| entry.unwrap().path());
        let shared = shared.find(|path| path.to_string_lossy().contains("sharedindex"))?;
        let index = with_length(&fs::read(git_dir.join("index")).unwrap(), &fs::read(shared).unwrap());
        git(dir, &["update-index", "--no-split-index"], b"")?;
        Some(("index", index))
    }

    fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len().max(1));
            match random.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
                2 => drop(
                    bytes.splice(at..at, seed[random.below(seed.len())..].iter().take(20).copied().collect::<Vec<_>>()),
                ),
                _ if bytes.is_empty() => {}
                3 => bytes[at] ^= 1 << random.below(8),
                4 => bytes[at] = random.next() as u8,
                _ => bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)],
            }
        }
        bytes
    }

    fn target(name: &str) -> fn(&[u8]) {
        TARGETS.iter().find(|(found, _)| *found == name).expect("a target of that name").1
    }

    /// `UNLEAK_FUZZ_ROUNDS` sets the number of mutations of each seed; with `UNLEAK_FUZZ_SEEDS` the seeds are written
    /// to that directory, for a fuzzer to begin with.
    #[test]
    fn what_git_writes_is_survived_in_any_mutation() {
        let rounds = std::env::var("UNLEAK_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60_u64);
        let seeds = seeds();
        for (name, _) in TARGETS {
            let has_seed = seeds.iter().any(|(seed, _)| seed == name);
            assert!(has_seed || *name == "reftable", "{name}: git before 2.45 has no reftables, all else is there");
        }
        for (number, (name, seed)) in seeds.iter().enumerate() {
            if let Some(dir) = std::env::var_os("UNLEAK_FUZZ_SEEDS") {
                let dir = Path::new(&dir).join(name);
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join(number.to_string()), seed).unwrap();
            }
            target(name)(seed);
            let mut random = Random(number as u64 + 1);
            for _ in 0..rounds {
                target(name)(&mutated(seed, &mut random));
            }
        }
    }

    /// What once brought a fuzzed target down.
    #[test]
    fn crashers_stay_harmless() {
        let crashers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/crashers");
        for (name, run) in TARGETS {
            for entry in fs::read_dir(crashers.join(name)).into_iter().flatten() {
                run(&fs::read(entry.unwrap().path()).unwrap());
            }
        }
    }
}
