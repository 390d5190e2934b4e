//! What becomes of findings when later exports and people say more: as a user has it.

use serde_json::{Value, json};

use super::{
    commands::Cli,
    fixture::{Fixture, on_both_engines},
};
use crate::samples;

on_both_engines!(
    an_old_export_kills_nothing,
    what_was_closed_for_a_death_is_open_while_the_credential_lives,
    an_export_from_before_a_run_proves_nothing,
    a_rejected_identity_is_rejected_with_its_credentials,
    what_is_merged_keeps_its_credential,
    a_doubtful_link_is_told_to_nobody,
    a_dead_credential_is_told_with_its_generation_and_date,
    owners_that_come_later_reach_proposals,
    an_import_that_was_cut_off_is_counted,
);

/// A listing of keys: user, id, status and when it was made.
fn keys(all: &[(&str, &str, &str, &str)]) -> String {
    let key = |(user, id, status, made): &(&str, &str, &str, &str)| json!({ "UserName": user, "AccessKeyId": id, "Status": status, "CreateDate": format!("{made}T00:00:00Z") });
    json!({ "AccessKeyMetadata": all.iter().map(key).collect::<Vec<_>>() }).to_string()
}

/// A store, and a leaked key in `r`: its id.
fn leaked<'f>(fixture: &'f Fixture, seed: u64) -> (Cli<'f>, String) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let id = leak(&cli, "r/prod.env", seed);
    (cli, id)
}

fn leak(cli: &Cli<'_>, path: &str, seed: u64) -> String {
    let (id, secret) = samples::aws_key(seed);
    cli.write(path, &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    id
}

fn import(cli: &Cli<'_>, taken: &str, text: &str) -> String {
    let file = cli.write(&format!("{taken}.json"), text);
    let (code, out, err) = cli.run(&[
        "inventory",
        "import",
        "--complete",
        "--taken-at",
        &format!("{taken}T00:00:00Z"),
        file.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{out}{err}");
    err
}

fn only(cli: &Cli<'_>) -> Value {
    let mut found = cli.findings(&[]);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn an_old_export_kills_nothing(fixture: &Fixture) {
    let (cli, id) = leaked(fixture, 1);
    let other = samples::aws_key(2).0;
    import(&cli, "2024-05-02", &keys(&[("svc", &id, "Active", "2020-02-01")]));
    let said = import(&cli, "2023-05-02", &keys(&[("svc", &other, "Active", "2019-02-01")]));
    assert!(said.contains("2023-05-02") && said.contains("2024-05-02"), "{said}");
    cli.scan(&["r", "--source", "acme/r"]);
    assert_eq!((&only(&cli)["state"], &only(&cli)["validity"]), (&"linked".into(), &"unknown".into()));
    assert!(cli.ok(&["inventory", "show", &other]).contains("2024-05-02"));
    // Nothing is from the future: it would be right for ever.
    import(&cli, "2999-01-01", &keys(&[("svc", &id, "Inactive", "2020-02-01")]));
    cli.write("now.json", &keys(&[("svc", &id, "Active", "2020-02-01")]));
    cli.ok(&["inventory", "import", "now.json"]);
    assert!(cli.ok(&["inventory", "list", "-f", "csv"]).contains(",active,"));
}

fn what_was_closed_for_a_death_is_open_while_the_credential_lives(fixture: &Fixture) {
    let (cli, id) = leaked(fixture, 1);
    let with = keys(&[("svc", &id, "Active", "2020-02-01")]);
    let without = keys(&[("x", &samples::aws_key(2).0, "Active", "2020-02-01")]);
    import(&cli, "2024-01-01", &with);
    cli.scan(&["r", "--source", "acme/r"]);
    let open = only(&cli);
    import(&cli, "2024-02-01", &without);
    cli.ok(&["link"]);
    let closed = only(&cli);
    assert_eq!(
        (&closed["state"], &closed["validity"], &closed["risk"]),
        (&"resolved".into(), &"dead".into(), &0.into())
    );
    import(&cli, "2024-03-01", &with);
    let said = cli.ok(&["link"]);
    assert!(said.contains("1 opened again"), "{said}");
    let again = only(&cli);
    assert_eq!((&again["state"], &again["validity"]), (&"regressed".into(), &"unknown".into()));
    assert_eq!(again["risk"], open["risk"]);
    assert!(again["state_reason"].as_str().unwrap().contains("2024-03-01"), "{again}");
    // It stays so, and can be planned for.
    cli.ok(&["link"]);
    assert_eq!(only(&cli)["state"], "regressed");
    cli.ok(&["rotate", "plan", "--all"]);
    let plans: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    assert_eq!(plans.as_array().unwrap().len(), 1);
    // The same by a scan.
    import(&cli, "2024-04-01", &without);
    cli.scan(&["r", "--source", "acme/r"]);
    assert_eq!(only(&cli)["state"], "resolved");
    import(&cli, "2024-05-01", &with);
    cli.scan(&["r", "--source", "acme/r"]);
    assert_eq!(only(&cli)["state"], "regressed");
    // What a person resolved stays resolved.
    let finding = only(&cli)["id"].as_str().unwrap().to_owned();
    cli.ok(&["findings", "resolve", &finding, "--reason", "done by hand"]);
    cli.ok(&["link"]);
    assert_eq!(only(&cli)["state"], "resolved");
}

fn an_export_from_before_a_run_proves_nothing(fixture: &Fixture) {
    let (cli, id) = leaked(fixture, 1);
    cli.write("policy.toml", "observe_hours = 0\ngrace_hours = 0\n");
    import(&cli, "2024-01-01", &keys(&[("svc", &id, "Active", "2020-02-01")]));
    cli.scan(&["r", "--source", "acme/r"]);
    cli.ok(&["rotate", "plan", "--all", "--policy", "policy.toml"]);
    let plans: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    let (plan, hash) = (plans[0]["id"].as_str().unwrap(), plans[0]["hash"].as_str().unwrap());
    cli.ok(&["rotate", "approve", plan, "--hash", hash]);
    let go_on = || cli.run(&["rotate", "run", "--execute", "--policy", "policy.toml"]).1;
    go_on();
    let shown: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    let run = shown[0]["run"].as_str().unwrap().to_owned();
    for step in ["1", "2", "3"] {
        cli.ok(&["rotate", "tick", &run, step, "--proof", "seen"]);
    }
    let stopped = go_on();
    assert!(!stopped.contains("proven dead"), "{stopped}");
    // Taken after what is known of the key, and before the run began.
    let x = samples::aws_key(2).0;
    import(&cli, "2024-06-01", &keys(&[("x", &x, "Active", "2020-02-01")]));
    let still = go_on();
    assert!(!still.contains("proven dead"), "{still}");
    cli.write(
        "now.json",
        &keys(&[("x", &x, "Active", "2020-02-01"), ("x", &samples::aws_key(3).0, "Active", "2020-02-01")]),
    );
    cli.ok(&["inventory", "import", "--complete", "now.json"]);
    let said: Vec<String> = (0..4).map(|_| go_on()).collect();
    assert!(said.iter().any(|said| said.contains("proven dead")), "{said:?}");
}

fn a_rejected_identity_is_rejected_with_its_credentials(fixture: &Fixture) {
    let (cli, id) = leaked(fixture, 1);
    import(&cli, "2024-01-01", &keys(&[("svc", &id, "Active", "2020-02-01")]));
    cli.scan(&["r", "--source", "acme/r"]);
    let found = only(&cli);
    let finding = found["id"].as_str().unwrap();
    let of = |name: &str| found["attribution"][name]["id"].as_str().unwrap().to_owned();
    cli.ok(&["link", "--reject", finding, &of("identity"), "--reason", "not ours"]);
    let rejected = only(&cli);
    assert_eq!((&rejected["state"], &rejected["attribution"]["credential"]), (&"open".into(), &Value::Null));
    let explained: Value = serde_json::from_str(&cli.ok(&["explain", "--json", finding])).unwrap();
    let links = explained["links"].as_array().unwrap();
    assert!(links.iter().all(|link| link["credential"] != json!(of("credential"))), "{explained}");
    cli.ok(&["link"]);
    assert_ne!(only(&cli)["state"], "linked");
    // The last word counts.
    cli.ok(&["link", "--confirm", finding, &of("credential"), "--reason", "it is, after all"]);
    assert_eq!(only(&cli)["attribution"]["credential"]["id"], json!(of("credential")));
    cli.ok(&["link", "--reject", finding, &of("identity"), "--reason", "it is not"]);
    assert_eq!(only(&cli)["attribution"]["credential"], Value::Null);
}

fn what_is_merged_keeps_its_credential(fixture: &Fixture) {
    let (cli, id) = leaked(fixture, 1);
    cli.write("r/app.env", &format!("GITHUB_TOKEN={}\n", samples::github_token(7)));
    let other = samples::aws_key(9).0;
    import(&cli, "2024-01-01", &keys(&[("svc", &other, "Active", "2020-02-01")]));
    cli.scan(&["r", "--source", "acme/r"]);
    let rows: Vec<Value> = serde_json::from_str(&cli.ok(&["shadow", "list", "--json"])).unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let sql = "SELECT id FROM identity WHERE name = 'svc' OR native_id = 'user/svc'";
    let into: String = fixture.with(|store| store.read(|tx| tx.query_one(sql, &[])).unwrap().unwrap().get(0).unwrap());
    for row in &rows {
        cli.ok(&["shadow", "merge", row["id"].as_str().unwrap(), &into]);
    }
    let found = cli.findings(&[]);
    for finding in &found {
        assert_eq!((&finding["state"], &finding["attribution"]["identity"]["id"]), (&"linked".into(), &json!(into)));
        assert!(finding["attribution"]["credential"]["id"].is_string(), "{finding}");
    }
    cli.ok(&["rotate", "plan", "--all"]);
    let plans: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    assert_eq!(plans.as_array().unwrap().len(), 2, "{plans}");
    // An inventory that lists it later means the same.
    import(
        &cli,
        "2024-02-01",
        &keys(&[("svc", &other, "Active", "2020-02-01"), ("svc", &id, "Inactive", "2020-03-01")]),
    );
    cli.ok(&["link"]);
    let found = cli.findings(&[]);
    let aws = found.iter().find(|finding| finding["public_id"] == json!(id)).unwrap();
    assert_eq!(aws["attribution"]["credential"]["status"], "inactive");
}

fn a_doubtful_link_is_told_to_nobody(fixture: &Fixture) {
    use crate::git_store::repositories::git;

    let (cli, id) = leaked(fixture, 1);
    let repository = cli.home.path().join("r");
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-qm", "1"]);
    // Made after it leaked.
    import(&cli, "2099-01-01", &keys(&[("svc-young", &id, "Active", "2098-01-01")]));
    cli.scan(&["r", "--source", "acme/r"]);
    let said = cli.ok(&["link"]);
    assert!(said.contains("0 probably, 1 doubtfully"), "{said}");
    let found = only(&cli);
    let attribution = &found["attribution"];
    assert_eq!((&attribution["identity"], &attribution["link"]["tier"]), (&Value::Null, &"A2".into()), "{found}");
    let listed = cli.ok(&["findings", "list"]);
    assert!(listed.contains("A2?") && !listed.contains("svc-young"), "{listed}");
    assert!(cli.run(&["explain", found["id"].as_str().unwrap()]).1.contains("svc-young"));
}

fn a_dead_credential_is_told_with_its_generation_and_date(fixture: &Fixture) {
    let (cli, second) = leaked(fixture, 1);
    let first = samples::aws_key(2).0;
    import(&cli, "2021-03-01", &keys(&[("svc", &first, "Active", "2020-02-01")]));
    import(&cli, "2022-03-01", &keys(&[("svc", &second, "Active", "2021-02-01")]));
    import(&cli, "2023-03-01", &keys(&[("svc", &samples::aws_key(3).0, "Active", "2022-02-01")]));
    let (_, out, _) = cli.run(&["scan", "--store", "r", "--source", "acme/r"]);
    assert!(out.contains("generation 2, deleted, retired 2023-03-01; the finding is resolved"), "{out}");
    let found = only(&cli);
    assert_eq!(found["state_reason"], "generation 2, deleted, retired 2023-03-01");
    assert_eq!(found["attribution"]["credential"]["generation"], 2);
    let (_, explained, _) = cli.run(&["explain", found["id"].as_str().unwrap()]);
    assert!(explained.contains(", generation 2, deleted, retired 2023-03-01"), "{explained}");
}

fn owners_that_come_later_reach_proposals(fixture: &Fixture) {
    let (cli, _) = leaked(fixture, 1);
    let owner = || only(&cli)["attribution"]["owners"][0]["ref"].clone();
    cli.scan(&["r", "--source", "acme/r"]);
    assert_eq!(owner(), Value::Null);
    let own = |text: &str| {
        cli.write("CODEOWNERS", text);
        cli.ok(&["inventory", "import", "--scope", "acme/r", "--complete", "CODEOWNERS"]);
        cli.ok(&["link"]);
    };
    own("*.env @acme/ops\n");
    assert_eq!(owner(), "@acme/ops");
    own("*.env @acme/payments\n");
    assert_eq!(owner(), "@acme/payments");
    own("*.py @acme/payments\n");
    assert_eq!(owner(), Value::Null);
    let before = cli.ok(&["store", "status"]);
    cli.ok(&["link"]);
    let events = |text: &str| text.lines().find(|line| line.starts_with("events")).map(str::to_owned);
    assert_eq!(events(&before), events(&cli.ok(&["store", "status"])));
}

fn an_import_that_was_cut_off_is_counted(fixture: &Fixture) {
    use unleak::model::identity::{Snapshot, SnapshotCounts, SnapshotSource, Timestamp};

    let (cli, id) = leaked(fixture, 1);
    let said = |text: &str| text.contains("unfinished   1 import");
    assert!(!said(&cli.ok(&["store", "status"])));
    let snapshot = Snapshot {
        source: SnapshotSource { kind: "aws-access-keys".to_owned(), scope: "123456789012".to_owned() },
        taken_at: Timestamp { millis: 1_700_000_000_000 },
        complete: false,
        sha256: "1".to_owned(),
        counts: SnapshotCounts::default(),
        problems: Vec::new(),
    };
    fixture.with(|store| drop(store.begin_import(&snapshot).unwrap()));
    assert!(said(&cli.ok(&["store", "status"])));
    import(&cli, "2024-01-01", &keys(&[("svc", &id, "Active", "2020-02-01")]));
    assert!(!said(&cli.ok(&["store", "status"])));
}
