//! The verbs of the store as a user has them: the life of findings, hostile reports, backups, imports that are killed.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use unleak::store::{Context, Engine, Store};

use super::fixture::{Fixture, on_both_engines, random};
use crate::{git_store::repositories::git, samples};

on_both_engines!(
    a_finding_lives,
    scans_of_a_moved_checkout_are_the_same_source,
    no_secret_is_in_the_store,
    an_import_that_is_killed_loses_and_doubles_nothing,
    a_backup_is_whole_while_others_write,
    a_backup_is_restored_where_there_is_no_store,
    doctor_finds_what_is_wrong,
    hostile_reports_are_refused,
    a_new_key_keeps_findings,
    changes_and_histories_name_the_same_places,
    what_a_configuration_hides_is_not_gone,
);

/// The binary with a store, in a scrubbed environment with a home of its own.
pub(crate) struct Cli<'f> {
    pub(crate) home: tempfile::TempDir,
    pub(crate) store: &'f str,
}

impl<'f> Cli<'f> {
    pub(crate) fn new(fixture: &'f Fixture) -> Cli<'f> {
        Cli { home: tempfile::tempdir().unwrap(), store: &fixture.address }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        command.env_clear().env("HOME", self.home.path()).env("UNLEAK_STORE", self.store).env("USER", "ann");
        command.args(args).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        parts(&self.command(args).output().unwrap())
    }

    /// Runs what must go well.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {out}{err}");
        out
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn findings(&self, args: &[&str]) -> Vec<Value> {
        let out = self.ok(&[&["findings", "list", "--format", "json"], args].concat());
        serde_json::from_str(&out).unwrap()
    }

    /// The counts of a recorded scan.
    pub(crate) fn scan(&self, args: &[&str]) -> Value {
        let (code, out, err) = self.run(&[&["scan", "--store", "-f", "json"], args].concat());
        assert!(code == 0 || code == 1, "{out}{err}");
        let report: Value = serde_json::from_str(&out).unwrap();
        report["stats"]["store"].clone()
    }
}

pub(super) fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn counts(new: u64, seen: u64, gone: u64, places_gone: u64, regressed: u64) -> Value {
    json!({ "new": new, "seen": seen, "gone": gone, "places_gone": places_gone, "regressed": regressed })
}

fn changes_and_histories_name_the_same_places(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let tree = cli.home.path().join("tree");
    fs::create_dir(&tree).unwrap();
    git(&tree, &["init", "-q", "-b", "main"]);
    fs::write(tree.join("s.env"), samples::github_token(1)).unwrap();
    git(&tree, &["add", "-A"]);
    git(&tree, &["commit", "-qm", "1"]);
    assert_eq!(cli.scan(&["tree", "--history-only"]), counts(1, 0, 0, 0, 0));
    let shown = || {
        let found = cli.findings(&[]);
        assert_eq!((found.len(), &found[0]["places"]), (1, &json!(1)));
        cli.ok(&["findings", "show", "--format", "json", found[0]["id"].as_str().unwrap()])
    };
    let before = shown();
    assert!(before.contains("\"at_head\":true,\"public\""), "{before}");
    // What a scan of changes doesn't know stays as it was.
    assert_eq!(cli.scan(&["tree", "--branch", "main"]), counts(0, 1, 0, 0, 0));
    let after = shown();
    assert!(after.contains("\"at_head\":true,\"public\""), "{after}");
}

fn a_finding_lives(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.write("tree/a.env", &format!("TOKEN={}\n", samples::github_token(1)));
    let (code, _, err) = cli.run(&["scan", "--store", "tree"]);
    assert_eq!(
        (code, err.contains("`unleak store init` makes one; `--store=PLACE` names another")),
        (2, true),
        "{err}"
    );
    assert!(cli.ok(&["store", "init"]).contains("made a store"));
    assert_eq!(cli.run(&["store", "init"]).0, 2);
    assert_eq!(cli.scan(&["tree"]), counts(1, 0, 0, 0, 0));
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 0));
    let (_, out, _) = cli.run(&["scan", "--store", "tree"]);
    assert!(out.contains("Store: 0 new, 1 seen again, 0 gone (0 places), 0 regressed."), "{out}");
    // Lines move: still the same place.
    cli.write("tree/a.env", &format!("\n\nTOKEN={}\n", samples::github_token(1)));
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 0));
    let found = cli.findings(&[]);
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!((found.len(), &found[0]["places"], &found[0]["path"]), (1, &json!(1), &json!("a.env")));
    assert!(cli.ok(&["findings", "list"]).contains("github.pat-classic"));
    assert!(cli.ok(&["findings", "list", "--format", "csv"]).starts_with("ID,RISK,"));
    assert!(cli.ok(&["findings", "show", &id[..12]]).contains("a.env:3:7"));

    let (code, _, err) = cli.run(&["findings", "dismiss", id, "--reason", " "]);
    assert_eq!((code, err.contains("reason is empty")), (2, true), "{err}");
    let (code, _, err) = cli.run(&["findings", "except", id, "--reason", "x", "--until", "2001-01-01"]);
    assert_eq!((code, err.contains("is over already")), (2, true), "{err}");
    cli.ok(&["findings", "except", id, "--reason", "a fixture", "--until", "90d"]);
    assert_eq!(cli.findings(&["--state", "excepted"]).len(), 1);
    let (code, _, err) = cli.run(&["findings", "dismiss", id, "--reason", "x"]);
    assert_eq!((code, err.contains("excepted can't become dismissed: it must be reopened first")), (2, true), "{err}");
    cli.ok(&["findings", "reopen", id]);
    cli.ok(&["findings", "resolve", id, "--reason", "revoked"]);
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 0));
    fs::remove_file(cli.home.path().join("tree/a.env")).unwrap();
    assert_eq!(cli.scan(&["tree"]), counts(0, 0, 1, 1, 0));
    assert_eq!((cli.findings(&["--gone"]).len(), cli.findings(&["--present"]).len()), (1, 0));
    cli.write("tree/b.env", &samples::github_token(1));
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 1));
    assert_eq!(cli.findings(&["--state", "regressed", "--path", "b.env"]).len(), 1);

    // A scan that could not read everything says nothing of what is gone.
    assert_eq!(cli.run(&["scan", "--store", "tree", "missing"]).0, 1);
    fs::remove_file(cli.home.path().join("tree/b.env")).unwrap();
    std::os::unix::net::UnixListener::bind(cli.home.path().join("tree/socket")).unwrap();
    let (code, out, _) = cli.run(&["scan", "--store", "tree"]);
    assert_eq!((code, out.contains("0 gone")), (3, true), "{out}");

    let events = cli.ok(&["audit", "export"]);
    let actions: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["action"].as_str().unwrap().to_owned())
        .filter(|action| action.starts_with("finding."))
        .collect();
    assert_eq!(actions, ["finding.excepted", "finding.open", "finding.resolved", "finding.regressed"]);
    assert!(events.contains("\"actor\":\"ann\"") && events.contains("\"reason\":\"a fixture\""));
    let verified = cli.ok(&["audit", "verify"]);
    assert!(verified.contains("the audit log is whole"), "{verified}");
    assert_eq!(cli.run(&["audit", "verify", "--key", &"0".repeat(64)]).0, 1);
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
    assert!(cli.ok(&["store", "status"]).contains("1 regressed"));
    assert!(cli.ok(&["store", "migrate"]).contains("already"));
}

fn scans_of_a_moved_checkout_are_the_same_source(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    for job in ["job1", "job2/deeper"] {
        cli.write(&format!("{job}/src/a.env"), &samples::github_token(1));
        cli.write(&format!("{job}/src/b.env"), &samples::github_token(1));
    }
    assert_eq!(cli.scan(&["job1", "--source", "shop"]), counts(1, 0, 0, 0, 0));
    assert_eq!(cli.scan(&["./job2/deeper/", "--source", "shop"]), counts(0, 1, 0, 0, 0));
    assert_eq!(cli.findings(&["--source", "shop"])[0]["places"], json!(2));
    let (code, _, err) = cli.run(&["scan", "--store", "job1", "job2", "--source", "shop"]);
    assert_eq!((code, err.contains("one path")), (2, true), "{err}");
    // Two roots are two sources, each with its own places.
    assert_eq!(cli.scan(&["job1", "job2"]), counts(0, 2, 0, 0, 0));
    // A root twice, and one inside another: nothing is gone for that.
    assert_eq!(cli.scan(&["job1", "./job1"]), counts(0, 1, 0, 0, 0));
    assert_eq!(cli.scan(&["job1", "job1/src"]), counts(0, 1, 0, 0, 0));
    fs::remove_file(cli.home.path().join("job2/deeper/src/a.env")).unwrap();
    assert_eq!(cli.scan(&["job1", "job2"]), counts(0, 2, 0, 1, 0));
}

/// All of the database as bytes: its files, or a dump. `None` where `pg_dump` is missing.
fn all_bytes(fixture: &Fixture) -> Option<Vec<u8>> {
    if fixture.engine() == Engine::Sqlite {
        let dir = fs::read_dir(Path::new(&fixture.address).parent().unwrap()).unwrap();
        return Some(dir.flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect());
    }
    let (address, options) = fixture.address.split_once("?options[search_path]=").unwrap();
    let output = Command::new("pg_dump").args(["--dbname", address, "--schema", options]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

fn no_secret_is_in_the_store(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let mut planted = samples::all(31);
    for (index, sample) in planted.iter().enumerate() {
        let path = cli.write(&format!("tree/{index}.txt"), "");
        fs::write(path, &sample.text).unwrap();
    }
    // In names of files and directories, and in the name of something that can't be read.
    let token = samples::github_token(4);
    cli.write(&format!("tree/{token}/{token}.env"), &format!("x={token}"));
    planted.push(samples::Planted { rule: "a name".to_owned(), text: Vec::new(), secret: token.into() });
    let changes = cli.scan(&["tree"]);
    assert!(changes["new"].as_u64().unwrap() > 500, "{changes}");
    let Some(bytes) = all_bytes(fixture) else { return };
    let report = unleak::Scanner::builtin().scan_bytes("all", &{
        planted.iter().flat_map(|sample| [&sample.text[..], b"\n"].concat()).collect::<Vec<u8>>()
    });
    crate::secrecy::check("the store", &bytes, &report, &planted);
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
}

/// A report of many findings, such as another machine would have made.
pub(super) fn report(findings: u64, ends: bool) -> String {
    let mut text = String::new();
    for n in 0..findings {
        let line = json!({
            "type": "finding",
            "rule": { "id": "acme.token", "provider": "Acme", "severity": "high", "kind": "api-key", "identity": "bot" },
            "fingerprint": format!("v1:{n:032x}"), "score": 90, "preview": "acme_…", "public_id": null, "reasons": [],
            "occurrences": [{
                "provenance": { "kind": "file", "path": format!("dir{}/file{n}.txt", n % 100) }, "part": "content",
                "place": { "line": n + 1, "column": 1 },
            }],
        });
        writeln!(text, "{line}").unwrap();
    }
    if ends {
        writeln!(text, "{}", json!({ "type": "summary", "schema": "unleak.report/v1", "summary": {} })).unwrap();
    }
    text
}

fn an_import_that_is_killed_loses_and_doubles_nothing(fixture: &Fixture) {
    const FINDINGS: u64 = 3_000;
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("report.jsonl", &report(FINDINGS, true));
    let import = ["findings", "import", "report.jsonl", "--source", "ci", "--complete"];
    for round in 0..12_u64 {
        let mut child = cli.command(&import).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut bytes = [0; 2];
        random(&mut bytes).unwrap();
        std::thread::sleep(Duration::from_millis(10 + 30 * round + u64::from(u16::from_be_bytes(bytes) % 40)));
        // SIGKILL.
        let _ = child.kill();
        child.wait().unwrap();
        let verified = cli.ok(&["audit", "verify"]);
        assert!(verified.contains("the audit log is whole"), "round {round}: {verified}");
    }
    cli.ok(&import);
    assert_eq!(cli.findings(&[]).len() as u64, FINDINGS);
    let out = cli.ok(&import);
    assert!(out.starts_with(&format!("0 new, {FINDINGS} seen again, 0 gone")), "{out}");
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
}

fn a_backup_is_whole_while_others_write(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("report.jsonl", &report(2_000, true));
    let mut writer =
        cli.command(&["findings", "import", "report.jsonl", "--source", "ci"]).stdout(Stdio::null()).spawn().unwrap();
    let mut copies = Vec::new();
    while writer.try_wait().unwrap().is_none() && copies.len() < 5 {
        let name = format!("copy{}", copies.len());
        if fixture.engine() == Engine::Postgres && Command::new("pg_dump").arg("--version").output().is_err() {
            break;
        }
        cli.ok(&["store", "backup", &name]);
        copies.push(cli.home.path().join(name));
    }
    assert!(writer.wait().unwrap().success());
    for copy in &copies {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
        match fixture.engine() {
            Engine::Sqlite => {
                let doctor = cli.run(&["store", "doctor", "--store", copy.to_str().unwrap()]);
                assert_eq!(doctor.0, 0, "{doctor:?}");
            }
            Engine::Postgres => assert!(fs::read(copy).unwrap().starts_with(b"PGDMP")),
        }
    }
    let first = copies.first().map_or("report.jsonl", |copy| copy.to_str().unwrap());
    let (code, _, err) = cli.run(&["store", "backup", first]);
    assert_eq!((code, err.contains("exists")), (2, true), "{err}");
}

fn a_backup_is_restored_where_there_is_no_store(fixture: &Fixture) {
    let is_server = fixture.engine() == Engine::Postgres;
    if is_server && Command::new("pg_restore").arg("--version").output().is_err() {
        super::fixture::skip("pg_restore is missing");
        return;
    }
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("report.jsonl", &report(300, true));
    cli.ok(&["findings", "import", "report.jsonl", "--source", "ci"]);
    cli.ok(&["store", "backup", "copy"]);
    let (code, _, err) = cli.run(&["store", "restore", "copy"]);
    assert_eq!((code, err.contains("there is a store")), (2, true), "{err}");
    if is_server {
        let (server, schema) = fixture.address.split_once("?options[search_path]=").unwrap();
        let sql = format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}");
        super::fixture::run_sql(server, &sql);
    } else {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", fixture.address));
        }
        let cut = fs::read(cli.home.path().join("copy")).unwrap();
        fs::write(cli.home.path().join("cut"), &cut[..cut.len() / 2]).unwrap();
        cli.write("text", "no database");
        for wrong in ["cut", "text", "missing"] {
            let (code, out, err) = cli.run(&["store", "restore", wrong]);
            assert_eq!(code, 2, "{wrong}: {out}{err}");
            assert!(!Path::new(&fixture.address).exists(), "{wrong}");
        }
    }
    assert!(cli.ok(&["store", "restore", "copy"]).contains("made a store"));
    assert_eq!(cli.findings(&[]).len(), 300);
    assert!(cli.ok(&["audit", "export"]).contains("store.restore"));
    assert!(cli.ok(&["audit", "verify"]).contains("the audit log is whole"));
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
}

fn doctor_finds_what_is_wrong(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("tree/a.env", &samples::github_token(1));
    cli.scan(&["tree"]);
    let token = samples::github_token(5);
    let context = Context { actor: "ann".to_owned(), now: &std::time::SystemTime::now, random: &random };
    let mut store = Store::open(&fixture.location, context).unwrap();
    store
        .write(|tx| {
            let id = tx.new_id()?;
            tx.execute(
                "INSERT INTO owner (id, kind, ref, name, created_at, updated_at) VALUES ($1, 'team', 'x', $2, 0, 0)",
                &[id.into(), token.as_str().into()],
            )?;
            tx.execute("UPDATE finding SET gone_at = 1", &[])?;
            tx.execute("UPDATE audit_head SET hash = $1", &["f".repeat(64).into()])
        })
        .unwrap();
    drop(store);
    let (code, out, err) = cli.run(&["store", "doctor"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("owner.name of row") && out.contains("github.pat-classic"), "{out}");
    assert!(out.contains("is gone and stands somewhere") && out.contains("the log ends after"), "{out}");
    assert!(!out.contains(&token[8..24]) && !err.contains(&token[8..24]));
    if fixture.engine() == Engine::Sqlite {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&fixture.address, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(cli.run(&["store", "doctor"]).1.contains("can be read by others"));
    }
}

fn hostile_reports_are_refused(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let import = |text: &str| {
        cli.write("report.jsonl", text);
        cli.run(&["findings", "import", "report.jsonl", "--source", "ci", "--complete"])
    };
    assert_eq!(import(&report(5, true)).0, 0);
    for (text, expected) in [
        (report(2, false), "cut off"),
        (report(2, true).replace("\"score\"", "\"secret\":\"x\",\"score\""), "shows secrets"),
        ("not a report: hunter2-hunter2\n".to_owned(), "no line of a report"),
        ("{\"type\":\"finding\"}\n".to_owned(), "no line of a report"),
        (report(1, true).replace("/v1\"", "/v9\""), "another schema"),
        (format!("{}\n", "[".repeat(100_000)), "no line of a report"),
    ] {
        let (code, out, err) = import(&text);
        assert_eq!((code, err.contains(expected)), (2, true), "{expected}: {out}{err}");
        assert!(!err.contains("hunter2"), "{err}");
    }
    assert_eq!(cli.findings(&["--present"]).len(), 5);
    // Text that databases choke on, and that terminals obey.
    let hostile = report(1, true).replace("file0.txt", "a\\u0000\\u001b[2J'; DROP TABLE finding; --\\ud83d\\ude00");
    assert_eq!(import(&hostile).0, 0);
    let out = cli.ok(&["findings", "list"]);
    assert!(!out.contains('\u{1b}') && out.contains("DROP TABLE"), "{out}");
}

fn a_new_key_keeps_findings(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("tree/a.env", &samples::github_token(1));
    cli.write("old.key", &"1".repeat(64));
    cli.write("new.key", &"2".repeat(64));
    assert_eq!(cli.scan(&["tree", "--fingerprint-key", "old.key"]), counts(1, 0, 0, 0, 0));
    let old = cli.findings(&[]);
    let changes = cli.scan(&["tree", "--fingerprint-key", "new.key", "--former-fingerprint-key", "old.key"]);
    assert_eq!(changes, counts(0, 1, 0, 0, 0));
    let new = cli.findings(&[]);
    assert_eq!((new.len(), &new[0]["id"]), (1, &old[0]["id"]));
    assert_ne!(new[0]["fingerprint"], old[0]["fingerprint"]);
}

fn what_a_configuration_hides_is_not_gone(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    for name in ["a", "b"] {
        cli.write(&format!("tree/{name}/token.env"), &samples::github_token(u64::from(name.as_bytes()[0])));
    }
    assert_eq!(cli.scan(&["tree"]), counts(2, 0, 0, 0, 0));
    // A file that hides one of them: its scan is one with other settings, and says nothing of what that of before saw.
    let config = cli.write(".unleak.toml", "exclude = [\"tree/b/\"]\n");
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 0));
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 0));
    // Nor does another content of the same file.
    fs::write(&config, "exclude = [\"tree/a/\"]\n").unwrap();
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 0, 0, 0));
    assert_eq!(cli.findings(&["--present"]).len(), 2);
    // Without it all are seen again, and what is missing then is gone.
    fs::remove_file(&config).unwrap();
    assert_eq!(cli.scan(&["tree"]), counts(0, 2, 0, 0, 0));
    fs::remove_file(cli.home.path().join("tree/b/token.env")).unwrap();
    assert_eq!(cli.scan(&["tree"]), counts(0, 1, 1, 1, 0));
}
