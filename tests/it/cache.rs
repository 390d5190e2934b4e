//! `unleak scan --cache`: whatever is left out, the report is the same as without.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{
    git_scan::{commit, init, plant_everywhere},
    git_store::repositories::git,
    samples,
};

/// A repository, and a place for its cache outside of it.
struct Bench {
    repository: tempfile::TempDir,
    home: tempfile::TempDir,
}

/// What a scan says.
struct Said {
    /// Findings and problems.
    report: Value,
    /// Objects that were left out.
    known: u64,
    code: Option<i32>,
    warnings: String,
}

impl Bench {
    fn new(repository: tempfile::TempDir) -> Bench {
        Bench { repository, home: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> &Path {
        self.repository.path()
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("objects.cache")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("UNLEAK_FINGERPRINT_KEY", "07".repeat(32))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .args(["scan", "-f", "json", "--history-only", "-j2"])
            .arg(self.dir())
            .args(args);
        command
    }

    fn scan(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        let whole: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let kinds = ["commits", "trees", "blobs", "tags"];
        let known = |kind: &str| whole["stats"]["objects"][kind]["known"].as_u64().unwrap();
        Said {
            report: serde_json::json!([whole["findings"], whole["problems"], whole["summary"]]),
            known: kinds.into_iter().map(known).sum(),
            code: output.status.code(),
            warnings: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Scans with the cache and without: both must say the same. Returns how many objects were left out.
    fn check(&self, args: &[&str]) -> u64 {
        let option = format!("--cache={}", self.file().display());
        let cached = self.scan(&[&[option.as_str()], args].concat());
        let plain = self.scan(args);
        assert_eq!(cached.report, plain.report, "{args:?}");
        assert_eq!((cached.code, plain.known), (plain.code, 0));
        assert_eq!(cached.warnings, plain.warnings);
        cached.known
    }
}

#[test]
fn a_second_scan_says_the_same() {
    for options in [&[][..], &["--object-format=sha256"]] {
        let bench = Bench::new(init(options));
        let planted = plant_everywhere(bench.dir());
        commit(bench.dir(), "many/clean.txt", "nothing\n".repeat(500));
        assert_eq!(bench.check(&[]), 0);
        let known = bench.check(&[]);
        assert!(known > 10, "{known}");
        let bytes = fs::read(bench.file()).unwrap();
        for token in planted.keys() {
            assert!(!bytes.windows(token.len()).any(|there| there == token.as_bytes()));
        }
        // Packed, the same objects hang on each other.
        git(bench.dir(), &["repack", "-adkq", "--depth=50", "--window=50"]);
        assert_eq!(bench.check(&[]), known);
        let token = samples::github_token(7);
        commit(bench.dir(), "many/new.txt", format!("{}{token}", "nothing\n".repeat(500)));
        assert!(bench.check(&[]) >= known);
        assert!(bench.check(&["--paranoid"]) == 0);
        assert!(bench.check(&[]) > known);
    }
}

/// Trees that share a name with a secret in it: whichever is left, the name is found.
#[test]
fn a_name_is_found_in_whatever_tree_is_left() {
    let bench = Bench::new(init(&[]));
    let token = samples::github_token(3);
    commit(bench.dir(), "first.txt", "1");
    git(bench.dir(), &["branch", "base"]);
    for branch in ["one", "two", "three"] {
        git(bench.dir(), &["checkout", "-q", "-b", branch, "base"]);
        commit(bench.dir(), &format!("{token}.txt"), branch);
        bench.check(&[]);
    }
    git(bench.dir(), &["checkout", "-q", "base"]);
    for branch in ["one", "two", "three"] {
        git(bench.dir(), &["branch", "-qD", branch]);
        git(bench.dir(), &["reflog", "expire", "--expire=now", "--all"]);
        git(bench.dir(), &["gc", "-q", "--prune=now"]);
        bench.check(&[]);
    }
}

fn rule(id: &str, keyword: &str, pattern: &str) -> String {
    format!(
        "provider = 'Acme'\n[[rule]]\nid = 'acme.{id}'\nname = 'Acme {id}'\nseverity = 'low'\nkind = 'api-key'\n\
         identity = 'api-key'\nkeywords = ['{keyword}']\npattern = '{pattern}'\n\
         positives = ['«{keyword}{{{{lower:12}}}}»', '=«{keyword}{{{{lower:12}}}}»']\n\
         negatives = ['{keyword}', '{keyword}1']\n"
    )
}

#[test]
fn a_changed_rule_has_the_objects_scanned_that_it_can_match() {
    let bench = Bench::new(init(&[]));
    for number in 0..20 {
        commit(bench.dir(), &format!("plain{number}.txt"), format!("{number} nothing at all\n"));
    }
    commit(bench.dir(), "acme.txt", format!("here: acme_token_{}\n", "qwertzuiopas"));
    commit(bench.dir(), "odd.txt", format!("here: zzqx_{}\n", "qwertzuiopas"));
    git(bench.dir(), &["gc", "-q"]);
    bench.check(&[]);
    let all = bench.check(&[]);
    let rules = bench.home.path().join("acme.toml");
    let args = ["--rules", rules.to_str().unwrap()];
    // A keyword of which a built-in one is a part.
    fs::write(&rules, rule("token", "acme_token_", "acme_token_[a-z]{12}")).unwrap();
    let with_rule = bench.check(&args);
    assert!(with_rule + 3 >= all && with_rule < all, "{with_rule} of {all}");
    assert_eq!(bench.check(&args), with_rule);
    // The same keyword, another pattern: the object with the keyword alone.
    fs::write(&rules, rule("token", "acme_token_", "acme_token_[a-z]{4,40}")).unwrap();
    assert_eq!(bench.check(&args), with_rule);
    // A keyword that nobody has looked for.
    fs::write(&rules, rule("odd", "zzqx_", "zzqx_[a-z]{12}")).unwrap();
    assert_eq!(bench.check(&args), 0);
    assert!(bench.check(&args) + 3 >= all);
    // Without it, and with other verdicts.
    bench.check(&[]);
    assert!(bench.check(&["--min-score", "0"]) < all);
    bench.check(&["--rule", "github"]);
    bench.check(&[]);
}

#[test]
fn a_damaged_cache_is_said_and_made_anew() {
    let bench = Bench::new(init(&[]));
    commit(bench.dir(), "a.txt", samples::github_token(1));
    commit(bench.dir(), "b.txt", "nothing");
    let known = {
        bench.check(&[]);
        bench.check(&[])
    };
    let whole = fs::read(bench.file()).unwrap();
    let option = format!("--cache={}", bench.file().display());
    let plain = bench.scan(&[]);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    let other_version = [b"unleak cache 0\n\0", &whole[16..]].concat();
    let damages = [whole[..whole.len() - 1].to_vec(), whole[..20].to_vec(), flipped, longer, other_version];
    for damaged in damages {
        fs::write(bench.file(), &damaged).unwrap();
        let said = bench.scan(&[&option]);
        assert!(said.warnings.contains("everything is scanned"), "{}", said.warnings);
        assert_eq!((said.known, said.code), (0, plain.code));
        assert_eq!(said.report, plain.report);
        assert_eq!(bench.check(&[]), known);
    }
    fs::write(bench.file(), b"").unwrap();
    assert_eq!(bench.check(&[]), 0);
}

#[test]
fn what_is_no_cache_is_left_as_it_is() {
    let bench = Bench::new(init(&[]));
    commit(bench.dir(), "a.txt", samples::github_token(1));
    let option = format!("--cache={}", bench.file().display());
    let plain = bench.scan(&[]);
    let check = || {
        let said = bench.scan(&[&option]);
        assert!(said.warnings.contains("is no cache and stays as it is: everything is scanned"), "{}", said.warnings);
        assert_eq!((&said.report, said.code), (&plain.report, plain.code));
    };
    fs::write(bench.file(), "notes of somebody").unwrap();
    check();
    assert_eq!(fs::read(bench.file()).unwrap(), b"notes of somebody");
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        fs::remove_file(bench.file()).unwrap();
        assert!(Command::new("mkfifo").arg(bench.file()).status().unwrap().success());
        check();
        assert!(fs::symlink_metadata(bench.file()).unwrap().file_type().is_fifo());
    }
}

#[test]
fn a_killed_scan_leaves_a_cache_that_can_be_used() {
    let bench = Bench::new(init(&[]));
    let mut text = String::new();
    for number in 0..40 {
        text.push_str(&format!("line {number}\n"));
        commit(bench.dir(), "a.txt", format!("{text}{}", samples::github_token(number % 3)));
    }
    let option = format!("--cache={}", bench.file().display());
    for delay in [0, 2, 5, 8, 11, 14, 17, 20, 30, 40, 60, 80] {
        let mut child = bench.command(&[&option]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        bench.check(&[]);
        if delay % 4 == 0 {
            let _ = fs::remove_file(bench.file());
        }
    }
}

#[test]
fn nothing_is_written_into_the_repository() {
    let bench = Bench::new(init(&[]));
    commit(bench.dir(), "a.txt", "nothing");
    for inside in [bench.dir().join(".git/x.cache"), bench.dir().join("x.cache"), bench.dir().join("new/dir/")] {
        let said = bench.scan(&[&format!("--cache={}", inside.display())]);
        assert!(said.warnings.contains("nothing is written there"), "{}", said.warnings);
        assert!(!inside.exists());
    }
    // The default place, and a directory.
    let said = bench.scan(&["--cache"]);
    assert_eq!((said.known, said.warnings.as_str()), (0, ""));
    assert!(bench.scan(&["--cache"]).known > 0);
    assert_eq!(fs::read_dir(bench.home.path().join(".cache/unleak")).unwrap().count(), 1);
    let dir = format!("--cache={}/", bench.home.path().join("caches").display());
    bench.scan(&[&dir]);
    assert!(bench.scan(&[&dir]).known > 0);
}
