//! Files and streams: each byte once, each gap a problem.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use proptest::prelude::{Just, ProptestConfig, prop_assert_eq, prop_oneof, proptest};
use unleak::{
    model::{Origin, Part, Problem, ProblemKind, Stats},
    source::{
        CHUNK_BYTES, Chunk, ENDLESS_BYTES, FileOptions, Files, LargeBlob, Overlap, Plan, Receiver, Source, Stream,
    },
};

const CHUNK: u64 = CHUNK_BYTES as u64;
const OVERLAP: Overlap = Overlap { before: 256, after: 4096 };

/// What one chunk claimed.
#[derive(Clone, Debug)]
struct Piece {
    start: u64,
    owned: std::ops::Range<u64>,
    bytes: Vec<u8>,
}

/// What a whole run yielded.
#[derive(Debug, Default)]
struct Seen {
    blobs: Vec<(String, Part, Vec<u8>)>,
    chunks: BTreeMap<String, Vec<Piece>>,
    heads: BTreeMap<String, Vec<u8>>,
    problems: Vec<Problem>,
    stats: Stats,
    receivers: usize,
}

/// What a test cares about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Bytes,
    Ranges,
}

struct Collector<'s> {
    seen: &'s Mutex<Seen>,
    keep: Keep,
    stats: Stats,
}

impl Receiver for Collector<'_> {
    fn blob(&mut self, origin: Origin<'_>, part: Part, bytes: &[u8]) {
        let name = origin.to_provenance().to_string();
        self.seen.lock().unwrap().blobs.push((name, part, bytes.to_vec()));
    }

    fn chunk(&mut self, blob: &LargeBlob, chunk: Chunk<'_>) {
        let Chunk { bytes, owned, start } = chunk;
        assert!(owned.start < owned.end && owned.start.is_multiple_of(CHUNK) && owned.end - owned.start <= CHUNK);
        assert!(start <= owned.start && owned.end <= start + bytes.len() as u64);
        let bytes = if self.keep == Keep::Bytes { bytes.to_vec() } else { Vec::new() };
        let mut seen = self.seen.lock().unwrap();
        let name = blob.provenance.to_string();
        seen.heads.insert(name.clone(), blob.head.clone());
        seen.chunks.entry(name).or_default().push(Piece { start, owned, bytes });
    }

    fn problem(&mut self, problem: Problem) {
        assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{problem:?}");
        self.seen.lock().unwrap().problems.push(problem);
    }

    fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.stats.add(&self.stats);
            seen.receivers += 1;
        }
    }
}

fn run_with(source: &dyn Source, threads: usize, overlap: Overlap, keep: Keep, interrupt: &AtomicBool) -> Seen {
    let seen = Mutex::new(Seen::default());
    let plan = Plan { threads, overlap, timed: true, interrupt, known: None };
    source.run(&plan, &|| Box::new(Collector { seen: &seen, keep, stats: Stats::default() }));
    let mut seen = seen.into_inner().unwrap();
    seen.blobs.sort();
    seen.problems.sort();
    seen.chunks.values_mut().for_each(|pieces| pieces.sort_by_key(|piece| piece.owned.start));
    assert!(seen.receivers <= threads.max(1), "{} receivers on {threads} threads", seen.receivers);
    seen
}

fn run(source: &dyn Source, threads: usize) -> Seen {
    run_with(source, threads, OVERLAP, Keep::Bytes, &AtomicBool::new(false))
}

fn files(roots: &[&Path]) -> Files {
    files_with(roots, FileOptions::default())
}

fn files_with(roots: &[&Path], options: FileOptions) -> Files {
    Files::new(roots.iter().map(PathBuf::from).collect(), options).unwrap()
}

impl Seen {
    /// Contents by path relative to `dir`.
    fn contents(&self, dir: &Path) -> BTreeMap<String, Vec<u8>> {
        let prefix = format!("{}/", dir.display());
        let content = self.blobs.iter().filter(|(_, part, _)| *part == Part::Content);
        content.map(|(name, _, bytes)| (name.strip_prefix(&prefix).unwrap_or(name).to_owned(), bytes.clone())).collect()
    }

    fn names(&self, dir: &Path) -> Vec<String> {
        let all = self.blobs.iter().filter(|(_, part, _)| *part == Part::Content).count();
        let names: Vec<String> = self.contents(dir).into_keys().collect();
        assert_eq!(names.len(), all, "a file was handed over twice");
        names
    }

    fn kinds(&self) -> Vec<ProblemKind> {
        self.problems.iter().map(|problem| problem.kind).collect()
    }

    fn parts(&self, part: Part) -> Vec<&[u8]> {
        self.blobs.iter().filter(|blob| blob.1 == part).map(|blob| blob.2.as_slice()).collect()
    }
}

/// Bytes in which every place can be told from every other.
fn pattern(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut word = 0_u64;
    while bytes.len() < length {
        bytes.extend_from_slice(&word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        word += 1;
    }
    bytes.truncate(length);
    bytes
}

/// Every byte is owned once, and each chunk carries exactly the context that the blob has.
fn check_cover(seen: &Seen, name: &str, whole: &[u8], overlap: Overlap) {
    if whole.len() <= CHUNK_BYTES {
        let blob = seen.blobs.iter().find(|(blob, part, _)| blob == name && *part == Part::Content).expect("a blob");
        assert!(blob.2 == whole, "{name}: other bytes");
        assert!(seen.chunks.is_empty());
        return;
    }
    let pieces = &seen.chunks[name];
    assert_eq!(seen.heads[name], &whole[..LargeBlob::HEAD]);
    let mut next = 0;
    for piece in pieces {
        assert_eq!(piece.owned.start, next);
        next = piece.owned.end;
        let start = piece.owned.start.saturating_sub(overlap.before as u64);
        let end = (piece.owned.end + overlap.after as u64).min(whole.len() as u64);
        assert_eq!(piece.start, start);
        assert!(piece.bytes == whole[start as usize..end as usize], "{name}: other bytes at {start}");
    }
    assert_eq!(next, whole.len() as u64);
    assert!(pieces.iter().rev().skip(1).all(|piece| piece.owned.end - piece.owned.start == CHUNK));
}

/// Gives what it has in pieces of any size, as a pipe does.
struct Trickle<'b> {
    rest: &'b [u8],
    step: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.step = self.step % 70_001 + 4097;
        let count = self.rest.len().min(buffer.len()).min(self.step);
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn files_and_streams_cover_each_byte_once(
        chunks in 0_usize..=4,
        before in prop_oneof![Just(0_usize), Just(2), Just(512), Just(CHUNK_BYTES), Just(CHUNK_BYTES + 6)],
        after in prop_oneof![Just(0_usize), Just(2), Just(8192), Just(CHUNK_BYTES), Just(CHUNK_BYTES + 6)],
        edge in prop_oneof![-3_i64..=3, -600_i64..=600, 8190_i64..=8194, 0_i64..=1 << 20],
        threads in 1_usize..=4,
    ) {
        let overlap = Overlap { before, after };
        let length = usize::try_from((chunks * CHUNK_BYTES) as i64 + edge).unwrap_or(0);
        let whole = pattern(length);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, &whole).unwrap();
        let no = AtomicBool::new(false);

        let seen = run_with(&files(&[dir.path()]), threads, overlap, Keep::Bytes, &no);
        check_cover(&seen, &path.display().to_string(), &whole, overlap);
        prop_assert_eq!(&seen.problems, &[]);

        let stream = Stream::new("<stdin>", Trickle { rest: &whole, step: length });
        let seen = run_with(&stream, threads, overlap, Keep::Bytes, &no);
        check_cover(&seen, "<stdin>", &whole, overlap);
        prop_assert_eq!(&seen.problems, &[]);
    }
}

#[test]
fn a_tree_is_handed_over_whole() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in ["a", ".hidden/b", "c/d/e", "c/f", "target/g"] {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), name).unwrap();
    }
    fs::write(root.join(".gitignore"), "target\n").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    for threads in 1..=4 {
        let seen = run(&files(&[root]), threads);
        assert_eq!(seen.names(root), [".gitignore", ".hidden/b", "a", "c/d/e", "c/f", "empty", "target/g"]);
        assert_eq!(seen.contents(root)["c/d/e"], b"c/d/e");
        assert_eq!(seen.problems, []);
        assert!(seen.stats.times.read > std::time::Duration::ZERO);
    }
}

#[test]
fn paths_are_as_typed() {
    let seen = run(&files(&[Path::new("./tests/it/main.rs"), Path::new("tests/it")]), 2);
    let names = seen.names(Path::new(""));
    assert!(names.contains(&"./tests/it/main.rs".to_owned()), "{names:?}");
    assert!(names.contains(&"tests/it/source.rs".to_owned()), "{names:?}");
    assert!(!names.contains(&"tests/it/main.rs".to_owned()), "{names:?}");
}

#[test]
fn a_root_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("a/b")).unwrap();
    for name in ["one", "a/two", "a/b/three"] {
        fs::write(root.join(name), name).unwrap();
    }
    // The inner root must be scanned even though the outer one ignores it.
    fs::write(root.join(".unleakignore"), "b\n").unwrap();
    let (inner, again) = (root.join("a/b"), root.join("a/../a"));
    let (file, file_again) = (root.join("one"), root.join("./one"));
    let roots = [root, inner.as_path(), root, again.as_path(), file.as_path(), file_again.as_path()];
    let seen = run(&files(&roots), 3);
    assert_eq!(seen.names(root), [".unleakignore", "a/../a/two", "a/b/three", "one"]);
    assert_eq!(run(&files(&[&file, &file_again]), 1).names(root), ["one"]);
    assert_eq!(seen.stats.ignored, 0);
}

#[test]
fn ignore_files_and_globs_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in [".git/info/exclude", "src/a.log", "src/keep.log", "src/a.rs", "node/x/y", "sub/deep/z.tmp", "w.bak"] {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), name).unwrap();
    }
    fs::write(root.join(".unleakignore"), "*.log\nnode/\n").unwrap();
    fs::write(root.join("src/.unleakignore"), "!keep.log\r\n").unwrap();
    fs::write(root.join(".gitignore"), "/sub/**/*.tmp\n").unwrap();
    fs::write(root.join(".git/info/exclude"), "*.bak\n").unwrap();
    let always = [".git/info/exclude", ".gitignore", ".unleakignore", "src/.unleakignore"];
    let expect = |seen: &Seen, others: &[&str], ignored: u64| {
        let mut expected: Vec<&str> = always.iter().chain(others).copied().collect();
        expected.sort_unstable();
        assert_eq!(seen.names(root), expected);
        assert_eq!(seen.stats.ignored, ignored);
        assert_eq!(seen.problems, []);
    };
    expect(&run(&files(&[root]), 2), &["src/a.rs", "src/keep.log", "sub/deep/z.tmp", "w.bak"], 2);
    let git = FileOptions { gitignore: true, ..FileOptions::default() };
    expect(&run(&files_with(&[root], git.clone()), 2), &["src/a.rs", "src/keep.log"], 4);
    let exclude = FileOptions { exclude: vec!["*.rs".to_owned(), "!a.log".to_owned()], ..git };
    expect(&run(&files_with(&[root], exclude), 2), &["src/a.log", "src/keep.log"], 4);

    // A folder of a repository obeys the repository's files.
    let src = root.join("src");
    assert_eq!(run(&files(&[&src]), 1).names(&src), [".unleakignore", "a.rs", "keep.log"]);
    let file = src.join("a.log");
    assert_eq!(run(&files(&[&file]), 1).names(&src), ["a.log"], "a file that was named is scanned");
    let bad = Files::new(Vec::new(), FileOptions { exclude: vec!["a{".to_owned()], ..FileOptions::default() });
    assert!(bad.unwrap_err().to_string().contains("`a{`"));
}

#[test]
fn object_stores_are_noted_and_only_objects_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let object = "825dc642cb6eb9a060e54bf8d69288fbee4904";
    let pack = format!("pack-4b{object}.pack");
    for store in ["work/.git", "bare", "plain"] {
        for name in [format!("4b/{object}"), format!("pack/{pack}"), "4b/notes".to_owned(), "info/packs".to_owned()] {
            let path = root.join(store).join("objects").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }
    for store in ["work/.git", "bare"] {
        fs::create_dir_all(root.join(store).join("refs")).unwrap();
        fs::write(root.join(store).join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }
    let source = files(&[root]);
    let seen = run(&source, 2);
    assert_eq!(source.stores(), [root.join("bare/objects"), root.join("work/.git/objects")]);
    let names = seen.names(root);
    assert_eq!(names.iter().filter(|name| name.ends_with("/notes") || name.ends_with("/packs")).count(), 6);
    assert_eq!(names.iter().filter(|name| name.ends_with(object)).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".pack")).count(), 1, "{names:?}");
    let store = root.join("bare/objects");
    let source = files(&[&store]);
    assert_eq!(run(&source, 1).names(&store), ["4b/notes", "info/packs"]);
    assert_eq!(source.stores(), [store]);
}

#[test]
fn what_does_not_exist_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "a").unwrap();
    let (missing, long) = (dir.path().join("missing"), dir.path().join("x".repeat(300)));
    let seen = run(&files(&[&missing, dir.path(), &long, Path::new("")]), 2);
    assert_eq!(seen.names(dir.path()), ["a"]);
    assert_eq!(seen.kinds(), [ProblemKind::NotFound, ProblemKind::NotFound, ProblemKind::Io]);
    assert!(seen.problems.iter().all(|problem| !problem.message.contains("missing")));
}

#[test]
fn long_names_are_handed_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a-folder-of-some-name")).unwrap();
    fs::write(dir.path().join("a-folder-of-some-name/twelve-bytes"), "").unwrap();
    fs::write(dir.path().join("eleven-byte"), "").unwrap();
    let seen = run(&files(&[&dir.path().join("eleven-byte"), &dir.path().join("a-folder-of-some-name")]), 2);
    assert_eq!(seen.parts(Part::Name), [&b"a-folder-of-some-name"[..], b"twelve-bytes"]);
}

#[test]
fn twenty_thousand_files_in_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..20_000 {
        fs::write(dir.path().join(number.to_string()), number.to_string()).unwrap();
    }
    for threads in [1, 4] {
        let seen = run(&files(&[dir.path()]), threads);
        let contents = seen.contents(dir.path());
        assert_eq!(contents.len(), 20_000);
        assert_eq!(seen.blobs.len(), 20_000);
        assert!(contents.iter().all(|(name, bytes)| name.as_bytes() == bytes));
    }
}

#[test]
fn many_roots_are_no_tax_on_open_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut roots = Vec::new();
    for number in 0..1500 {
        let root = dir.path().join(format!("r{number}"));
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/file"), "x").unwrap();
        roots.push(root);
    }
    let seen = run(&Files::new(roots, FileOptions::default()).unwrap(), 4);
    assert_eq!(seen.problems, []);
    assert_eq!(seen.blobs.len(), 1500);
}

#[test]
fn interrupted_at_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "a").unwrap();
    let seen = run_with(&files(&[dir.path()]), 2, OVERLAP, Keep::Bytes, &AtomicBool::new(true));
    assert_eq!(seen.kinds(), [ProblemKind::Interrupted]);
    assert_eq!(seen.problems[0].provenance.path(), Some(dir.path()));
    assert!(seen.blobs.is_empty());
    let seen = run_with(&Stream::new("s", &b"abc"[..]), 2, OVERLAP, Keep::Bytes, &AtomicBool::new(true));
    assert_eq!((seen.kinds(), seen.blobs.len()), (vec![ProblemKind::Interrupted], 0));
}

/// Sets the flag after some blobs or chunks.
struct Interrupter<'s> {
    left: &'s std::sync::atomic::AtomicI64,
    interrupt: &'s AtomicBool,
    problems: &'s Mutex<Vec<Problem>>,
    stats: Stats,
}

impl Receiver for Interrupter<'_> {
    fn blob(&mut self, _: Origin<'_>, _: Part, _: &[u8]) {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.interrupt.store(true, Ordering::SeqCst);
        }
    }

    fn chunk(&mut self, _: &LargeBlob, _: Chunk<'_>) {
        self.blob(Origin::Named(""), Part::Content, b"");
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.lock().unwrap().push(problem);
    }

    fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }
}

#[test]
fn interrupted_in_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    let large = tempfile::tempdir().unwrap();
    (0..500).for_each(|number| fs::write(dir.path().join(number.to_string()), "x").unwrap());
    fs::File::create(large.path().join("large")).unwrap().set_len(500 * CHUNK).unwrap();
    let sources: [Box<dyn Source>; 3] = [
        Box::new(files(&[dir.path()])),
        Box::new(files(&[large.path()])),
        Box::new(Stream::new("zeros", io::repeat(0))),
    ];
    for source in sources {
        let (left, interrupt, problems) = (20.into(), AtomicBool::new(false), Mutex::default());
        let plan = Plan { threads: 3, overlap: OVERLAP, timed: false, interrupt: &interrupt, known: None };
        let receiver =
            || Interrupter { left: &left, interrupt: &interrupt, problems: &problems, stats: Stats::default() };
        source.run(&plan, &|| Box::new(receiver()));
        let problems = problems.into_inner().unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].kind, ProblemKind::Interrupted);
        assert!(left.into_inner() > -10);
    }
}

/// Fails after what it has.
struct Broken<'b>(&'b [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::Error::other("cable cut")),
            other => other,
        }
    }
}

#[test]
fn a_broken_stream_is_scanned_as_far_as_it_goes() {
    for length in [0, 100, CHUNK_BYTES, CHUNK_BYTES + 100, 3 * CHUNK_BYTES + 5000] {
        let whole = pattern(length);
        for threads in [1, 3] {
            let seen = run(&Stream::new("pipe", Broken(&whole)), threads);
            check_cover(&seen, "pipe", &whole, OVERLAP);
            assert_eq!(seen.kinds(), [ProblemKind::Io]);
            assert_eq!(seen.problems[0].message, "cable cut");
        }
    }
}

#[test]
fn large_files_take_their_turn() {
    let dir = tempfile::tempdir().unwrap();
    let whole = pattern(2 * CHUNK_BYTES + 77);
    // More than are kept open.
    let paths: Vec<PathBuf> = (0..70).map(|number| dir.path().join(format!("f{number:02}"))).collect();
    paths.iter().for_each(|path| fs::write(path, &whole).unwrap());
    let seen = run_with(&files(&[dir.path()]), 4, OVERLAP, Keep::Ranges, &AtomicBool::new(false));
    assert_eq!(seen.chunks.len(), 70);
    for pieces in seen.chunks.values() {
        let ends: Vec<u64> = pieces.iter().map(|piece| piece.owned.end).collect();
        assert_eq!(ends, [CHUNK, 2 * CHUNK, 2 * CHUNK + 77]);
    }
}

#[cfg(unix)]
mod unix {
    use std::{
        ffi::OsStr,
        os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
        process::Command,
        thread,
        time::{Duration, Instant},
    };

    use super::{
        AtomicBool, CHUNK, CHUNK_BYTES, Chunk, ENDLESS_BYTES, FileOptions, Keep, LargeBlob, Mutex, OVERLAP, Ordering,
        Origin, Part, Path, PathBuf, Plan, Problem, ProblemKind, Receiver, Source as _, Stats, Stream, check_cover,
        files, files_with, fs, pattern, run, run_with,
    };

    /// Ends a thread that disturbs the run, even if the test fails.
    struct StopOnDrop<'s>(&'s AtomicBool);

    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn make_fifo(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn special_files_are_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        make_fifo(&dir.path().join("fifo"));
        let _listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let fifo = dir.path().join("fifo");
        let seen = run(&files(&[dir.path(), Path::new("/dev/zero"), &fifo]), 2);
        assert_eq!(seen.names(dir.path()), ["file"]);
        assert_eq!(seen.kinds(), [ProblemKind::SpecialFile; 3]);
        let messages: Vec<&str> = seen.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["character device: not opened", "FIFO: not opened", "socket: not opened"]);
    }

    #[test]
    fn an_ignore_file_that_is_a_fifo_hangs_nobody() {
        let dir = tempfile::tempdir().unwrap();
        make_fifo(&dir.path().join(".unleakignore"));
        assert_eq!(run(&files(&[dir.path()]), 1).kinds(), [ProblemKind::SpecialFile]);
    }

    #[test]
    fn links_are_text_unless_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        fs::create_dir_all(outside.path().join("there")).unwrap();
        fs::write(outside.path().join("there/far"), "y").unwrap();
        fs::write(outside.path().join("single"), "z").unwrap();
        symlink("../file", root.join("sub/inside")).unwrap();
        symlink("..", root.join("sub/up")).unwrap();
        symlink("self", root.join("self")).unwrap();
        symlink("nowhere", root.join("broken")).unwrap();
        symlink(outside.path().join("there"), root.join("out")).unwrap();
        symlink(outside.path().join("there/far"), root.join("zz-second")).unwrap();
        symlink(outside.path().join("single"), root.join("b-single")).unwrap();
        symlink(outside.path().join("single"), root.join("a-single")).unwrap();
        symlink("/proc", root.join("kernel")).unwrap();

        let seen = run(&files(&[root]), 2);
        assert_eq!(seen.names(root), ["file"]);
        assert_eq!(seen.stats.links_not_followed, 9);
        assert_eq!(seen.parts(Part::LinkTarget).len(), 9);
        assert!(seen.parts(Part::LinkTarget).contains(&&b"../file"[..]));
        assert_eq!(seen.problems, []);

        let follow = FileOptions { follow_links: true, ..FileOptions::default() };
        for threads in 1..=4 {
            let seen = run(&files_with(&[root], follow.clone()), threads);
            assert_eq!(seen.names(root), ["a-single", "file", "out/far"]);
            assert_eq!(seen.stats.links_not_followed, 0);
            let problems: Vec<(PathBuf, ProblemKind)> = seen
                .problems
                .iter()
                .map(|problem| {
                    (problem.provenance.path().unwrap().strip_prefix(root).unwrap().to_owned(), problem.kind)
                })
                .collect();
            let expected = [
                ("broken", ProblemKind::NotFound),
                ("kernel", ProblemKind::PseudoFilesystem),
                ("self", ProblemKind::Loop),
                ("sub/up", ProblemKind::Loop),
            ];
            assert_eq!(problems, expected.map(|(path, kind)| (PathBuf::from(path), kind)));
        }
    }

    #[test]
    fn a_root_that_is_a_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        fs::write(dir.path().join("real/file"), "x").unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        symlink("real/file", dir.path().join("file")).unwrap();
        let (link, file) = (dir.path().join("link"), dir.path().join("file"));
        assert_eq!(run(&files(&[&link]), 2).names(dir.path()), ["link/file"]);
        assert_eq!(run(&files(&[&file]), 2).names(dir.path()), ["file"]);
    }

    #[test]
    fn names_are_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"caf\xe9-with-a-long-name"[..], b"new\nline", b"-", b" ", b"a\\b", b"\x1b[31m"] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
        }
        let seen = run(&files(&[dir.path()]), 2);
        assert_eq!(seen.problems, []);
        assert_eq!(seen.contents(dir.path()).len(), 6);
        assert_eq!(seen.parts(Part::Name), [b"caf\xe9-with-a-long-name"]);
        let listed = unleak::source::parse_paths(dir.path().join("new\nline\0").as_os_str().as_bytes());
        assert_eq!(run(&files(&[&listed[0]]), 1).parts(Part::Content), [b"new\nline"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tree_deeper_than_a_path_may_be_long() {
        use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
        let dir = tempfile::tempdir().unwrap();
        let open = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = openat(CWD, dir.path(), open, Mode::empty()).unwrap();
        // Twice PATH_MAX, and more levels than directories are kept open.
        let name = "0".repeat(27);
        for _ in 0..300 {
            mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, open, Mode::empty()).unwrap();
        }
        openat(&at, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
        let seen = run(&files(&[dir.path()]), 2);
        assert_eq!(seen.parts(Part::Content), [b""]);
        assert_eq!(seen.problems, []);
        assert!(Command::new("rm").arg("-rf").arg(dir.path()).status().unwrap().success());
    }

    #[test]
    fn no_rights_is_a_problem() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("closed")).unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::write(dir.path().join("open"), "x").unwrap();
        for name in ["closed", "secret"] {
            assert!(Command::new("chmod").arg("0").arg(dir.path().join(name)).status().unwrap().success());
        }
        if fs::read(dir.path().join("secret")).is_ok() {
            // Rights don't bind root: run this very test as somebody else.
            rerun_unprivileged("source::unix::no_rights_is_a_problem");
            return;
        }
        let seen = run(&files(&[dir.path()]), 2);
        assert_eq!(seen.names(dir.path()), ["open"]);
        assert_eq!(seen.kinds(), [ProblemKind::PermissionDenied; 2]);
        assert!(Command::new("chmod").arg("700").arg(dir.path().join("closed")).status().unwrap().success());
    }

    /// Copies the test binary to where anybody may run it, and runs one test of it as uid 65534.
    fn rerun_unprivileged(test: &str) {
        let dir = tempfile::tempdir().unwrap();
        let binary = dir.path().join("it");
        fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        Command::new("chmod").arg("755").arg(dir.path()).arg(&binary).status().unwrap();
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let mut command = Command::new("setpriv");
        command.args(nobody).arg(&binary).args(["--exact", test]).env_clear().current_dir("/");
        match command.output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("skipped {test}: setpriv: {error}\n").as_bytes(),
            )
            .unwrap(),
        }
    }

    #[test]
    fn a_file_that_shrinks_is_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shrinking");
        let file = fs::File::create(&path).unwrap();
        let stop = AtomicBool::new(false);
        let whole = pattern(6 * CHUNK_BYTES);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    fs::write(&path, &whole).unwrap();
                    file.set_len(2 * CHUNK + 5).unwrap();
                    file.set_len(10).unwrap();
                }
            });
            let _stop = StopOnDrop(&stop);
            let end = Instant::now() + Duration::from_secs(2);
            let mut truncated = 0;
            while Instant::now() < end {
                let seen = run(&files(&[&path]), 3);
                assert!(seen.problems.len() <= 1, "{:?}", seen.problems);
                truncated += seen.kinds().iter().filter(|kind| **kind == ProblemKind::Truncated).count();
                assert!(seen.kinds().iter().all(|kind| *kind == ProblemKind::Truncated), "{:?}", seen.problems);
            }
            assert!(truncated > 0, "the race was never lost");
        });
    }

    /// Appends to a file whenever a chunk of it is handed over.
    struct Appender<'s> {
        file: &'s fs::File,
        last: &'s Mutex<u64>,
        problems: &'s Mutex<Vec<ProblemKind>>,
        limit: u64,
        stats: Stats,
    }

    impl Receiver for Appender<'_> {
        fn blob(&mut self, _: Origin<'_>, _: Part, _: &[u8]) {
            panic!("no small file here");
        }

        fn chunk(&mut self, _: &LargeBlob, chunk: Chunk<'_>) {
            let mut last = self.last.lock().unwrap();
            *last = chunk.owned.end.max(*last);
            let length = self.file.metadata().unwrap().len();
            if length < self.limit {
                self.file.set_len(length + 3 * CHUNK / 2).unwrap();
            }
        }

        fn problem(&mut self, problem: Problem) {
            self.problems.lock().unwrap().push(problem.kind);
        }

        fn stats(&mut self) -> &mut Stats {
            &mut self.stats
        }
    }

    #[test]
    fn a_file_that_grows_is_read_to_a_bounded_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("growing");
        for (limit, end, kinds) in
            [(6 * CHUNK, 6 * CHUNK + 9, vec![]), (99 * CHUNK, 69 * CHUNK, vec![ProblemKind::Endless])]
        {
            for threads in 1..=3 {
                let file = fs::File::create(&path).unwrap();
                file.set_len(9 * CHUNK / 2 + 9).unwrap();
                let (last, problems, interrupt) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
                let plan = Plan { threads, overlap: OVERLAP, timed: false, interrupt: &interrupt, known: None };
                files(&[&path]).run(&plan, &|| {
                    let (file, last, problems) = (&file, &last, &problems);
                    Box::new(Appender { file, last, problems, limit, stats: Stats::default() })
                });
                assert_eq!((last.into_inner().unwrap(), problems.into_inner().unwrap()), (end, kinds.clone()));
            }
        }
    }

    #[test]
    fn directories_may_vanish() {
        let dir = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for number in 0..40 {
                        let sub = dir.path().join(format!("d{number}/e/f"));
                        fs::create_dir_all(&sub).unwrap();
                        fs::write(sub.join("file"), "x").unwrap();
                    }
                    for number in 0..40 {
                        fs::remove_dir_all(dir.path().join(format!("d{number}"))).unwrap();
                    }
                }
            });
            let _stop = StopOnDrop(&stop);
            let end = Instant::now() + Duration::from_millis(1500);
            let mut problems = 0;
            while Instant::now() < end {
                let seen = run(&files(&[dir.path()]), 2);
                assert!(seen.kinds().iter().all(|kind| *kind == ProblemKind::NotFound), "{:?}", seen.problems);
                problems += seen.problems.len();
            }
            assert!(problems > 0, "nothing ever vanished");
        });
    }

    #[test]
    fn a_sparse_file_needs_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let length = 2 * (1 << 30) + 12_345;
        fs::File::create(dir.path().join("sparse")).unwrap().set_len(length).unwrap();
        let before = peak_kib();
        let seen = run_with(&files(&[dir.path()]), 4, OVERLAP, Keep::Ranges, &AtomicBool::new(false));
        let pieces = &seen.chunks[&dir.path().join("sparse").display().to_string()];
        assert_eq!(pieces.len() as u64, length.div_ceil(CHUNK));
        assert_eq!(pieces.last().unwrap().owned.end, length);
        assert!(pieces.windows(2).all(|pair| pair[0].owned.end == pair[1].owned.start));
        if before > 0 {
            // Other tests run beside this one, so this only tells gigabytes from megabytes.
            assert!(peak_kib() < before + (512 << 10), "{} KiB, then {} KiB", before, peak_kib());
        }
    }

    fn peak_kib() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn kernel_files_have_no_size_but_an_end() {
        let seen = run(&files(&[Path::new("/proc/self/status"), Path::new("/proc/self/environ")]), 1);
        assert_eq!(seen.problems, []);
        assert!(seen.parts(Part::Content).iter().any(|bytes| bytes.starts_with(b"Name:")));
        // Megabytes without a size.
        let symbols = Path::new("/proc/kallsyms");
        if let Some(whole) = fs::read(symbols).ok().filter(|whole| whole.len() > CHUNK_BYTES) {
            let seen = run(&files(&[symbols]), 2);
            check_cover(&seen, "/proc/kallsyms", &whole, OVERLAP);
            assert_eq!(seen.problems, []);
        }
        // The kernel's memory: its size says 128 TiB. Only root may look.
        let kcore = Path::new("/proc/kcore");
        if fs::File::open(kcore).is_ok() {
            let seen = run_with(&files(&[kcore]), 2, OVERLAP, Keep::Ranges, &AtomicBool::new(false));
            assert_eq!(seen.kinds(), [ProblemKind::Endless]);
            assert_eq!(seen.chunks["/proc/kcore"].last().unwrap().owned.end, ENDLESS_BYTES);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn mounts_of_kernel_state_are_not_entered() {
        if !fs::read_to_string("/proc/self/mountinfo").unwrap().contains(" /dev/pts ") {
            return;
        }
        let seen = run(&files(&[Path::new("/dev")]), 2);
        let pts: Vec<_> =
            seen.problems.iter().filter(|problem| problem.kind == ProblemKind::PseudoFilesystem).collect();
        assert!(pts.iter().any(|problem| problem.provenance.path() == Some(Path::new("/dev/pts"))), "{pts:?}");
        assert!(seen.problems.iter().any(|problem| problem.provenance.path() == Some(Path::new("/dev/null"))));
    }

    #[test]
    fn a_pipe_is_read_by_all_threads() {
        let whole = pattern(5 * CHUNK_BYTES + 3);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("in"), &whole).unwrap();
        let mut child =
            Command::new("cat").arg(dir.path().join("in")).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let seen = run(&Stream::new("<stdin>", child.stdout.take().unwrap()), 4);
        check_cover(&seen, "<stdin>", &whole, OVERLAP);
        assert!(child.wait().unwrap().success());
    }
}
