//! What a store keeps and leaves alone: no secrets of names and of what people type, no files of others, no log that somebody forged.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use super::{commands::Cli, fixture::Fixture};
use crate::samples;

/// Runs what must be refused, and returns why.
fn refused(cli: &Cli<'_>, args: &[&str]) -> String {
    let (code, out, err) = cli.run(args);
    assert_eq!(code, 2, "{args:?}: {out}{err}");
    err
}

#[test]
fn a_database_of_others_is_left_alone() {
    use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let path = cli.home.path().join("other.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql("CREATE TABLE x (a)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    let before = fs::read(&path).unwrap();
    for verb in [&["findings", "list"][..], &["store", "status"], &["store", "init"], &["store", "doctor"], &["link"]] {
        assert!(refused(&cli, &[verb, &["--store", "other.db"]].concat()).contains("left alone"), "{verb:?}");
        assert!(fs::read(&path).unwrap() == before, "{verb:?} changed it");
        let beside: Vec<_> = fs::read_dir(cli.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!beside.iter().any(|name| name.to_string_lossy().starts_with("other.db-")), "{verb:?}: {beside:?}");
    }
}

#[test]
fn an_empty_file_becomes_a_store_that_nobody_else_can_read() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let path = cli.write("empty.db", "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    cli.ok(&["store", "init", "--store", "empty.db"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    cli.ok(&["store", "doctor", "--store", "empty.db"]);
}

#[test]
fn a_store_with_migrations_of_another_build_is_refused() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    fixture.with(|store| {
        store.write(|tx| tx.execute("UPDATE schema_migration SET digest = '00' WHERE number = 2", &[])).unwrap();
    });
    for verb in [&["findings", "list"][..], &["store", "status"], &["store", "doctor"], &["store", "migrate"]] {
        assert!(refused(&cli, verb).contains("migration 2 of this store"), "{verb:?}");
    }
}

#[test]
fn names_and_places_of_consumers_hold_no_secrets() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    let token = samples::github_token(3);
    cli.write(&format!("r/dir-{token}/x/b.py"), "import os\nk = os.environ[\"AWS_SECRET_KEY\"]\n");
    cli.write("r/a.py", &format!("import os\nk = os.environ[\"TOKEN_{token}\"]\n"));
    cli.write("r/.github/workflows/ci.yml", &format!("env:\n  K: ${{{{ secrets.{token} }}}}\n"));
    cli.write("r/get.sh", &format!("vault kv get secret/{token}/aws\n"));
    let source = format!("acme/{token}");
    cli.scan(&["r", "--source", &source]);
    cli.scan(&["r"]);
    let exported = cli.run(&["inventory", "export"]).1;
    assert!(exported.contains("AWS_SECRET_KEY") && exported.contains("/x/b.py:2"), "{exported}");
    let shown = cli.run(&["inventory", "consumers", "r", "--repository", &source]).1;
    let records = cli.run(&["inventory", "consumers", "r", "--records"]).1;
    // What another machine wrote down is looked through, too.
    cli.write("else.jsonl", &records.replace("AWS_SECRET_KEY", &token));
    cli.ok(&["inventory", "import", "else.jsonl", "--as", "consumers"]);
    let again = cli.run(&["inventory", "export"]).1;
    for text in [&exported, &shown, &records, &again] {
        assert!(!text.contains(&token[8..]), "{text}");
    }
    cli.ok(&["store", "doctor"]);
}

#[test]
fn consumers_are_named_alike_wherever_they_are_read() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.write("r/.github/workflows/ci.yml", "env:\n  K: ${{ secrets.DEPLOY_KEY }}\n");
    cli.write("r/app.py", "import os\nk = os.environ[\"DEPLOY_KEY\"]\n");
    let below = cli.ok(&["inventory", "consumers", "r", "--repository", "acme/r", "--records"]);
    assert!(below.contains("acme/r:.github/workflows/ci.yml") && below.contains("\"app.py:2\""), "{below}");
    let mut here = cli.command(&["inventory", "consumers", "--repository", "acme/r", "--records"]);
    let here = here.current_dir(cli.home.path().join("r")).output().unwrap();
    assert_eq!(String::from_utf8(here.stdout).unwrap(), below);
}

#[test]
fn secrets_that_a_person_types_are_refused() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    let (token, (id, secret)) = (samples::github_token(4), samples::aws_key(2));
    cli.write("r/a.env", &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    cli.scan(&["r"]);
    let findings = cli.findings(&[]);
    let finding = findings[0]["id"].as_str().unwrap();
    for typed in [format!("pw {token}"), format!("the new one is {secret}.")] {
        for args in [
            &["findings", "except", finding, "--until", "30d", "--reason", &typed][..],
            &["findings", "resolve", finding, "--reason", &typed],
            &["rotate", "stop", "--reason", &typed],
            &["rotate", "tick", "01RUN", "1", "--proof", &typed],
        ] {
            let why = refused(&cli, args);
            assert!(why.contains("stands in it") && !why.contains(&typed), "{why}");
        }
    }
    assert!(!cli.ok(&["audit", "export"]).contains(&secret));
    cli.ok(&["findings", "resolve", finding, "--reason", "revoked in the console, seen by ann on Monday"]);
    assert!(refused(&cli, &["findings", "show", &finding[..5]]).contains("too short"));
    assert!(cli.ok(&["findings", "show", &finding[..12]]).contains("it still stands there"));
    let explained = cli.ok(&["explain", finding]);
    assert!(explained.contains("severity") && explained.contains("% sure"), "{explained}");
    assert!(refused(&cli, &["rotate", "list", "--state", "bogus"]).contains("awaiting_approval"));
}

#[test]
fn a_log_that_lost_its_signatures_is_told_and_signed_only_on_purpose() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    cli.write("r/a.env", &samples::github_token(5));
    cli.scan(&["r"]);
    cli.ok(&["rotate", "stop", "--reason", "a drill"]);
    assert!(cli.ok(&["audit", "verify"]).contains("the audit log is whole"));
    assert!(refused(&cli, &["audit", "verify", "--key", "zz"]).contains("64 hexadecimal digits"));
    fixture.with(|store| {
        store
            .write(|tx| {
                tx.execute("DROP TRIGGER checkpoint_no_delete", &[])?;
                tx.execute("DELETE FROM checkpoint", &[])
            })
            .unwrap();
    });
    let (code, _, err) = cli.run(&["rotate", "resume"]);
    assert!(code == 0 && err.contains("not signed"), "{err}");
    for verb in [["audit", "verify"], ["store", "doctor"]] {
        let (code, out, _) = cli.run(&verb);
        assert!(code == 1 && out.contains("events 1 to") && !out.contains("is whole"), "{out}");
    }
    assert!(cli.ok(&["audit", "sign"]).contains("signed events 1 to"));
    assert!(cli.ok(&["audit", "verify"]).contains("the audit log is whole"));
    cli.ok(&["rotate", "stop", "--reason", "a drill"]);
    assert!(cli.ok(&["audit", "verify"]).contains("the audit log is whole"));
}

/// An access key that leaked, up to a run whose first step is ticked.
#[test]
fn a_dry_rollback_says_what_was_tried_and_no_more() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    let (id, secret) = samples::aws_key(6);
    cli.write("r/prod.env", &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    let keys = serde_json::json!({ "AccessKeyMetadata": [
        { "UserName": "svc", "AccessKeyId": id, "Status": "Active", "CreateDate": "2020-01-01T00:00:00Z" },
    ]});
    cli.write("keys.json", &keys.to_string());
    cli.ok(&["inventory", "import", "keys.json"]);
    cli.scan(&["r"]);
    cli.ok(&["rotate", "plan", "--all"]);
    let plans: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    let text = |key: &str| plans[0][key].as_str().unwrap().to_owned();
    let (plan, hash) = (text("id"), text("hash"));
    cli.ok(&["rotate", "approve", &plan, "--hash", &hash]);
    let nothing = cli.run(&["rotate", "rollback", &plan, "--reason", "x"]).1;
    assert!(nothing.contains("was not begun"), "{nothing}");
    cli.run(&["rotate", "run", &plan, "--execute"]);
    let plans: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    cli.ok(&["rotate", "tick", plans[0]["run"].as_str().unwrap(), "1", "--proof", "seen in the console"]);
    let would = cli.run(&["rotate", "rollback", &plan, "--reason", "x"]).1;
    assert!(would.contains(" 1 create") && !would.contains("deactivate"), "{would}");
}
