//! What happens to a store that can't be written, or not to the end: full disks, migrations that are killed, files that are no store.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use unleak::store::{Context, Store};

use super::{
    commands::{Cli, parts, report},
    fixture::{Fixture, random},
};

/// Runs a command with a limit on the size of files that it writes, in blocks of 512 bytes.
pub(super) fn with_file_limit(cli: &Cli<'_>, blocks: u32, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new("sh");
    // Ignored, the signal becomes an error of the write.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_unleak")]).args(args);
    command.env_clear().env("HOME", cli.home.path()).env("UNLEAK_STORE", cli.store).env("PATH", "/usr/bin:/bin");
    parts(&command.current_dir(cli.home.path()).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn a_disk_that_fills_up_loses_nothing() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    // In the middle of the migration: nothing of it is kept, and it works once there is room.
    let (code, _, err) = with_file_limit(&cli, 100, &["store", "init"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = cli.run(&["store", "status"]);
    assert_eq!((code, err.contains("there is no store")), (2, true), "{err}");
    cli.ok(&["store", "init"]);
    cli.write("few.jsonl", &report(50, true));
    cli.ok(&["findings", "import", "few.jsonl", "--source", "ci"]);
    cli.write("many.jsonl", &report(6_000, true));
    let (code, _, err) = with_file_limit(&cli, 3_000, &["findings", "import", "many.jsonl", "--source", "ci"]);
    assert_eq!(code, 2, "{err}");
    assert!(cli.findings(&[]).len() >= 50);
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
    let (code, _, err) = with_file_limit(&cli, 10, &["store", "backup", "copy"]);
    assert_eq!(code, 2, "{err}");
    assert!(!cli.home.path().join("copy").exists());
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_migration_leaves_the_older_store() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    cli.write("few.jsonl", &report(50, true));
    cli.ok(&["findings", "import", "few.jsonl", "--source", "ci"]);
    let context = Context { actor: "ann".to_owned(), now: &std::time::SystemTime::now, random: &random };
    let mut store = Store::open(&fixture.location, context).unwrap();
    // As a build left it that knew four migrations less.
    let indexes = [
        "ownership_of_workload",
        "workload_by_ref",
        "workload_by_repo",
        "consumer_of_credential",
        "consumer_of_workload",
        "identity_by_native_id",
        "credential_by_native_id",
        "credential_by_hint",
        "link_of_finding",
        "finding_due",
        "snapshot_unlinked",
    ];
    let triggers = ["finding_link_due", "occurrence_link_due_new", "occurrence_link_due", "finding_fp_link_due"];
    let dropped = indexes.iter().map(|index| format!("DROP INDEX {index}"));
    let dropped = triggers.iter().map(|trigger| format!("DROP TRIGGER {trigger}")).chain(dropped);
    let undo = [
        "ALTER TABLE finding DROP COLUMN link_due",
        "ALTER TABLE snapshot DROP COLUMN linked",
        "DROP TABLE link_state",
        "DROP TABLE inventory_item",
        "DELETE FROM schema_migration WHERE number > 2",
    ]
    .map(str::to_owned);
    dropped.chain(undo).for_each(|sql| assert!(store.write(|tx| tx.execute(&sql, &[])).is_ok(), "{sql}"));
    drop(store);
    assert_eq!(cli.run(&["store", "status"]).0, 3);
    // Room for the shared memory of 32 KiB, and for no log of more than that.
    let (code, _, err) = with_file_limit(&cli, 66, &["store", "migrate"]);
    assert_eq!(code, 2, "{err}");
    let (code, out, err) = cli.run(&["store", "status"]);
    assert_eq!((code, out.contains("schema       2 of 6")), (3, true), "{out}{err}");
    let (code, _, err) = cli.run(&["findings", "list"]);
    assert_eq!((code, err.contains("store migrate")), (2, true), "{err}");
    assert!(cli.ok(&["store", "migrate"]).contains("applied 4 migrations"));
    assert_eq!(cli.findings(&[]).len(), 50);
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
}

/// A real file system of 300 KiB, where the tests may mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_small_file_system_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=300k", "tmpfs"]).arg(dir.path()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        super::fixture::skip("no right to mount a file system");
        return;
    }
    let fixture = Fixture::sqlite();
    let cli = Cli { home: tempfile::tempdir().unwrap(), store: &fixture.address };
    let small = dir.path().join("store.db");
    let (code, _, err) = cli.run(&["store", "init", "--store", small.to_str().unwrap()]);
    let status = cli.run(&["store", "status", "--store", small.to_str().unwrap()]);
    assert!(Command::new("umount").arg(dir.path()).status().unwrap().success());
    assert_eq!((code, err.contains("no space is left")), (2, true), "{err}");
    assert!(status.2.contains("there is no store"), "{status:?}");
}

#[test]
fn a_migration_that_is_killed_is_whole_or_was_not() {
    for round in 0..15_u64 {
        let fixture = Fixture::sqlite();
        let cli = Cli::new(&fixture);
        let mut child = cli.command(&["store", "init"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 3));
        let _ = child.kill();
        child.wait().unwrap();
        let (code, out, err) = cli.run(&["store", "status"]);
        assert!(code == 0 || err.contains("there is no store"), "round {round}: {out}{err}");
        if code != 0 {
            cli.ok(&["store", "init"]);
        }
        let doctor = cli.run(&["store", "doctor"]);
        assert_eq!(doctor.0, 0, "round {round}: {doctor:?}");
    }
}

#[test]
fn what_is_no_store_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    fs::write(&file, "not a database").unwrap();
    let place = file.to_str().unwrap().to_owned();
    let cli = Cli { home: tempfile::tempdir().unwrap(), store: &place };
    for verb in ["init", "status", "migrate", "doctor"] {
        let (code, _, err) = cli.run(&["store", verb]);
        assert_eq!((code, err.contains("is no store of unleak")), (2, true), "{verb}: {err}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"not a database");
    let (code, _, err) = cli.run(&["store", "status", "--store", "postgres://ann:hunter2@127.0.0.1:1/x"]);
    assert_eq!((code, err.contains("can't reach"), err.contains("hunter2")), (2, true, false), "{err}");
    let (code, _, err) = cli.run(&["store", "status", "--store", "mysql://ann:hunter2@127.0.0.1:1/x"]);
    assert_eq!((code, err.contains("hunter2")), (2, false), "{err}");
}
