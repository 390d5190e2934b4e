//! Repositories made by git, in a scrubbed environment, from seeds.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use unleak::source::git::{Kind, ObjectId};

use super::visits::Objects;

pub(crate) fn git(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    git_with_input(dir, arguments, b"")
}

pub(crate) fn git_with_input(dir: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(["-c", "core.fsync=none", "-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_NAME", "C")
        .env("GIT_COMMITTER_EMAIL", "c@example.org")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // git may stop reading early.
    let _ = writer.join().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(super) fn objects_by_git(repository: &Path) -> Objects {
    let output = git(repository, &["cat-file", "--batch-all-objects", "--batch", "--unordered"]);
    let mut rest = &output[..];
    let mut objects = Objects::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
        let fields: Vec<&str> = std::str::from_utf8(&rest[..end]).unwrap().split(' ').collect();
        let size: usize = fields[2].parse().unwrap();
        let content = &rest[end + 1..][..size];
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == fields[1]).unwrap();
        let id = ObjectId::from_hex(fields[0].as_bytes()).unwrap();
        objects.insert(id, (kind, size as u64, blake3::hash(content)));
        rest = &rest[end + 2 + size..];
    }
    objects
}

/// A small deterministic generator (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn line(&mut self) -> String {
        (0..1 + self.below(6)).map(|_| format!("{:x} ", self.next() >> (8 * self.below(7)))).collect::<String>() + "\n"
    }
}

/// A history of `commits` commits over some text files that change in places, a binary file, a merge, tags.
pub(crate) fn history(dir: &Path, format: &str, commits: usize) {
    git(dir, &["init", "-q", "-b", "main", &format!("--object-format={format}")]);
    let mut random = Random(commits as u64);
    let mut stream = Vec::new();
    let mut files: Vec<Vec<String>> = (0..4).map(|_| (0..200).map(|_| random.line()).collect()).collect();
    let mut side_mark = 0;
    for commit in 0..commits {
        let branch = if commit % 7 == 3 { "side" } else { "main" };
        if branch == "side" {
            side_mark = commit + 1;
        }
        stream.extend_from_slice(format!("commit refs/heads/{branch}\nmark :{}\n", commit + 1).as_bytes());
        stream.extend_from_slice(format!("committer C <c@example.org> {} +0000\n", 1_700_000_000 + commit).as_bytes());
        stream.extend_from_slice(format!("data <<END\nmessage {commit}\nEND\n").as_bytes());
        if commit % 11 == 9 && branch == "main" {
            stream.extend_from_slice(format!("merge :{side_mark}\n").as_bytes());
        }
        let which = random.below(files.len());
        for _ in 0..3 {
            let lines = &mut files[which];
            let at = random.below(lines.len());
            match random.below(3) {
                0 => lines[at] = random.line(),
                1 => lines.insert(at, random.line()),
                _ => drop(lines.remove(at)),
            }
        }
        let text = files[which].concat();
        stream.extend_from_slice(format!("M 100644 inline dir/file{which}\ndata {}\n{text}\n", text.len()).as_bytes());
        let binary: Vec<u8> = (0..300).map(|_| random.next() as u8).collect();
        stream.extend_from_slice(format!("M 100644 inline binary\ndata {}\n", binary.len()).as_bytes());
        stream.extend_from_slice(&binary);
        stream.extend_from_slice(b"\n");
    }
    stream.extend_from_slice(b"tag v1\nfrom :1\ntagger T <t@example.org> 1700000000 +0000\ndata 3\none\n");
    stream.extend_from_slice(b"commit refs/heads/main\ncommitter C <c@example.org> 1800000000 +0000\ndata 0\n");
    stream.extend_from_slice(b"M 100644 inline empty\ndata 0\n\n");
    git_with_input(dir, &["fast-import", "--quiet", "--force"], &stream);
}

pub(crate) fn repository(format: &str, commits: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    history(dir.path(), format, commits);
    dir
}

pub(crate) fn packs(repository: &Path, extension: &str) -> Vec<PathBuf> {
    let dir = fs::read_dir(repository.join(".git/objects/pack")).unwrap();
    let mut paths: Vec<PathBuf> = dir.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

pub(crate) fn make_writable(path: &Path) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false, reason = "a file in a temporary directory")]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions).unwrap();
}

pub(super) fn unpack_all(repository: &Path) {
    let dir = repository.join(".git/objects/pack");
    let aside = repository.join("aside");
    fs::rename(&dir, &aside).unwrap();
    fs::create_dir(&dir).unwrap();
    for entry in fs::read_dir(&aside).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            git_with_input(repository, &["unpack-objects", "-q"], &fs::read(path).unwrap());
        }
    }
    fs::remove_dir_all(aside).unwrap();
}
