//! The inventory as a user has it: tombstones, lists, names that don't exist, disks that fill up.

use serde_json::Value;

use super::{
    commands::Cli,
    fixture::{Fixture, on_both_engines},
};
use crate::samples;

on_both_engines!(
    what_vanished_is_shown_with_its_end,
    a_list_of_the_store_has_a_line_for_each_credential,
    proposals_can_be_listed_and_decided_on,
    a_program_gets_the_credential_wherever_it_is_run,
    principals_are_known_by_what_inventories_call_them,
    plans_name_those_who_ask_for_the_secret_by_its_name,
);

const REPORT: &str = "user,arn,user_creation_time,password_enabled,access_key_1_active,access_key_1_last_rotated,\
                      access_key_2_active\n";

fn user(name: &str) -> String {
    format!(
        "{name},arn:aws:iam::123456789012:user/{name},2024-05-02T11:00:00+00:00,false,true,2024-05-02T11:00:00+00:00,false\n"
    )
}

fn what_vanished_is_shown_with_its_end(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("monday.csv", &format!("{REPORT}{}{}", user("svc-a"), user("svc-b")));
    cli.write("tuesday.csv", &format!("{REPORT}{}", user("svc-a")));
    cli.ok(&["inventory", "import", "monday.csv"]);
    let key = "aws:123456789012:user/svc-b#2024-05-02T11:00:00Z";
    let shown = |id: &str| -> Vec<Value> {
        serde_json::from_str(&cli.ok(&["inventory", "show", id, "--format", "json"])).unwrap()
    };
    assert!(shown(key)[0]["vanished_at"].is_null());
    cli.ok(&["inventory", "import", "tuesday.csv"]);
    let records = shown(key);
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((&records[0]["record"], &records[0]["status"]), (&"credential".into(), &"active".into()));
    assert!(records[0]["vanished_at"].is_string(), "{records:?}");
    assert_eq!(records[0]["vanished_from"], "aws-credential-report 123456789012");
    // By its name: the identity and its key.
    let nouns =
        |id: &str| shown(id).iter().map(|record| record["record"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(nouns("svc-b"), ["identity", "credential"]);
    assert!(shown("svc-b").iter().all(|record| record["vanished_at"].is_string()));
    assert_eq!(nouns("aws:123456789012:user/svc-a"), ["identity", "credential"]);
    assert!(shown("svc-a").iter().all(|record| record["vanished_at"].is_null()));
    let (code, _, err) = cli.run(&["inventory", "show", "svc-c"]);
    assert_eq!((code, err.contains("nothing in the inventory is called `svc-c`")), (2, true), "{err}");
    // It comes back.
    cli.write("wednesday.csv", &format!("{REPORT}{}{}", user("svc-b"), user("svc-a")));
    cli.ok(&["inventory", "import", "wednesday.csv"]);
    assert!(shown(key)[0]["vanished_at"].is_null());
}

fn a_list_of_the_store_has_a_line_for_each_credential(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("report.csv", &format!("{REPORT}{}{}", user("svc-b"), user("svc-a")));
    let id = crate::inventory::exports::access_key('A');
    let keys = serde_json::json!({ "AccessKeyMetadata": [
        { "UserName": "svc-a", "AccessKeyId": id, "Status": "Active", "CreateDate": "2024-05-02T11:00:00+00:00" },
    ]});
    cli.write("keys.json", &keys.to_string());
    cli.write(
        "secrets.json",
        r#"{"SecretList": [{"ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x", "Name": "x"}]}"#,
    );
    cli.write("table.csv", "id,kind,name,owner_technical\nbot-1,bot,Bot,@acme/ops\n");
    let sp = "d0000000-0000-4000-8000-000000000001";
    let principal = serde_json::json!({ "value": [
        { "id": sp, "appId": "a1", "displayName": "deployer", "servicePrincipalType": "Application", "accountEnabled": true },
    ]});
    let role = serde_json::json!({ "value": [
        { "principalId": sp, "roleDefinitionId": "62e90394-69f5-4237-9190-012177145e10", "directoryScopeId": "/" },
    ]});
    cli.write("sp.json", &principal.to_string());
    cli.write("role.json", &role.to_string());
    cli.ok(&["inventory", "import", "--scope", "tenant", "sp.json", "role.json"]);
    cli.ok(&["inventory", "import", "report.csv", "keys.json", "secrets.json"]);
    cli.ok(&["inventory", "import", "--as", "generic", "table.csv"]);
    let rows: Vec<Value> = serde_json::from_str(&cli.ok(&["inventory", "list", "-f", "json"])).unwrap();
    let seen: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| ["provider", "identity", "public_id", "owner"].map(|name| row[name].as_str().unwrap_or("")))
        .collect();
    // What two exports say of one key is one line, with the id that only one of them knows.
    let expected = [
        ["aws", "svc-a", id.as_str(), ""],
        ["aws", "svc-b", "", ""],
        ["entra", "deployer", "", ""],
        [seen[3][0], "Bot", "", "@acme/ops"],
        ["aws", "", "", ""],
    ];
    assert_eq!(seen, expected, "{rows:?}");
    // What the principals' own export can't tell their roles do.
    assert_eq!((&rows[2]["privileged"], &rows[0]["privileged"]), (&"yes".into(), &Value::Null));
    let text = cli.ok(&["inventory", "list"]);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert_eq!(cli.ok(&["inventory", "list", "-f", "csv"]).lines().count(), 6);
    // As an export, the same lines, into a file that another program opens.
    cli.ok(&["inventory", "export", "-f", "csv", "-o", "list.csv"]);
    assert_eq!(
        std::fs::read_to_string(cli.home.path().join("list.csv")).unwrap(),
        cli.ok(&["inventory", "list", "-f", "csv"])
    );
    let (code, _, err) = cli.run(&["inventory", "export", "-f", "csv", "-o", "no-such-directory/list.csv"]);
    assert_eq!((code, err.contains("no-such-directory/list.csv")), (2, true), "{err}");
    // One thing, field by field.
    let shown = cli.ok(&["inventory", "show", "Bot"]);
    let line = |field: &str, value: &str| {
        let is_it = |line: &str| line.split_whitespace().skip(1).eq(["identity", field, value]);
        shown.lines().any(is_it)
    };
    assert!(line("name", "Bot") && line("kind", "bot"), "{shown}");
    assert!(cli.ok(&["inventory", "show", "Bot", "-f", "csv"]).contains("identity,name,Bot\n"));
    let owners = cli.ok(&["inventory", "owners"]);
    assert!(owners.contains("@acme/ops") && owners.contains("bot-1") && owners.lines().count() == 2, "{owners}");
    let (code, _, err) = cli.run(&["inventory", "diff", "--snapshot", "nonsense"]);
    assert_eq!((code, err.contains("no import has the id `nonsense`")), (2, true), "{err}");
}

fn proposals_can_be_listed_and_decided_on(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    assert!(cli.ok(&["shadow", "list"]).contains("0 proposed identities"));
    let said = cli.ok(&["rotate", "run", "--execute"]);
    assert!(said.contains("no plan is approved"), "{said}");
    for seed in [1, 2] {
        cli.write(&format!("tree/{seed}.env"), &samples::github_token(seed));
    }
    cli.scan(&["tree"]);
    let list = |args: &[&str]| -> Vec<Value> {
        serde_json::from_str(&cli.ok(&[&["shadow", "list", "--json"], args].concat())).unwrap()
    };
    let proposed = list(&[]);
    assert_eq!(proposed.len(), 2, "{proposed:?}");
    assert_eq!((&proposed[0]["provider"], &proposed[0]["findings"]), (&"github".into(), &1.into()));
    let id = |at: usize| proposed[at]["id"].as_str().unwrap();
    cli.ok(&["shadow", "accept", id(0), "--name", "release bot"]);
    cli.ok(&["shadow", "dismiss", id(1), "--reason", "a sample"]);
    assert!(list(&[]).is_empty());
    let text = cli.ok(&["shadow", "list"]);
    assert!(text.starts_with("ID") && text.contains("0 proposed identities"), "{text}");
}

#[cfg(unix)]
fn a_program_gets_the_credential_wherever_it_is_run(fixture: &Fixture) {
    use std::os::unix::fs::PermissionsExt as _;

    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let token = samples::github_token(7);
    cli.write("tree/deploy/app.env", &format!("GITHUB_TOKEN={token}\n"));
    // What follows the document on the program's standard input.
    let program = cli.write("program", "#!/bin/sh\ntail -n +2 >> \"$HOME/given\"\necho '{\"receipt\": \"ok\"}'\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    cli.scan(&["tree"]);
    let proposed: Vec<Value> = serde_json::from_str(&cli.ok(&["shadow", "list", "--json"])).unwrap();
    cli.ok(&["shadow", "accept", proposed[0]["id"].as_str().unwrap()]);
    cli.ok(&["rotate", "plan", "--all", "--rotator", "command"]);
    let plans = cli.ok(&["rotate", "list"]);
    let plan = plans.split_whitespace().next().unwrap();
    let shown = cli.ok(&["rotate", "show", plan]);
    let hash = shown.lines().find_map(|line| line.trim().strip_prefix("hash ")).unwrap().trim();
    cli.ok(&["rotate", "approve", plan, "--hash", hash]);
    let run = ["rotate", "run", plan, "--rotator", "command", "--execute", "--command", program.to_str().unwrap()];
    let elsewhere = tempfile::tempdir().unwrap();
    let output = cli.command(&run).current_dir(elsewhere.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_to_string(cli.home.path().join("given")).unwrap(), token);
    // Of a plan that has ended it is said once which one.
    let (code, said, _) = cli.run(&run);
    assert_eq!((code, said.matches(plan).count()), (1, 1), "{said}");
}

#[cfg(not(unix))]
fn a_program_gets_the_credential_wherever_it_is_run(_: &Fixture) {}

#[test]
fn a_disk_that_fills_up_in_an_import_loses_nothing() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    cli.write("few.csv", &format!("{REPORT}{}", user("svc-first")));
    cli.ok(&["inventory", "import", "few.csv"]);
    let many: String = (0..3_000).map(|n| user(&format!("svc-{n}"))).collect();
    cli.write("many.csv", &format!("{REPORT}{}{many}", user("svc-first")));
    // Half-way into the store; and already while the records wait in a temporary file.
    for blocks in [4_000, 200] {
        let (code, _, err) = super::disk::with_file_limit(&cli, blocks, &["inventory", "import", "many.csv"]);
        assert_eq!(code, 2, "{blocks}: {err}");
        assert!(err.contains("no space") || err.contains("can't write") || err.contains("disk"), "{blocks}: {err}");
        assert!(cli.ok(&["inventory", "list"]).contains("svc-first"));
        let doctor = cli.run(&["store", "doctor"]);
        assert_eq!(doctor.0, 0, "{blocks}: {doctor:?}");
    }
    cli.ok(&["inventory", "import", "many.csv"]);
    assert!(cli.ok(&["store", "status"]).contains("identities   3001"));
    let again = cli.ok(&["inventory", "import", "-f", "json", "many.csv"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&again[0]["added"], &again[0]["unchanged"]), (&"0".into(), &"6002".into()), "{again}");
}

#[test]
fn names_that_no_importer_has_lead_to_those_that_may_be_meant() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.write("x.csv", &samples::github_token(1));
    let (code, _, err) = cli.run(&["inventory", "list", "--as", "aws-keys", "x.csv"]);
    assert_eq!(code, 2);
    assert!(err.contains("aws-access-keys") && err.contains("aws-credential-report") && !err.contains("okta"), "{err}");
    let (_, _, err) = cli.run(&["inventory", "list", "--as", "nonsense", "x.csv"]);
    assert!(err.contains("okta-apps") && err.contains("postgres-roles"), "{err}");
}

/// A token of a cluster, one of a tenant, and a client secret with its id beside it: none of them has a public id of its own.
fn principals_are_known_by_what_inventories_call_them(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let part = |json: &str| data_encoding::BASE64URL_NOPAD.encode(json.as_bytes());
    let signature = part(&samples::aws_key(9).1);
    let token = |claims: &str| [part(r#"{"alg":"RS256","kid":"k1"}"#), part(claims), signature.clone()].join(".");
    let of_cluster = token(
        r#"{"iss":"https://k.test","sub":"system:serviceaccount:prod:billing","aud":["https://k.test"],"exp":4102444799}"#,
    );
    let object = "d0000000-0000-4000-8000-000000000001";
    let of_tenant =
        token(&format!(r#"{{"iss":"https://sts.windows.net/t/","sub":"x","oid":"{object}","exp":4102444799}}"#));
    // The kind that never expires says where it is stored, and so which of the account's tokens it is.
    let stored = token(
        r#"{"iss":"kubernetes/serviceaccount","kubernetes.io/serviceaccount/namespace":"prod",
        "kubernetes.io/serviceaccount/secret.name":"billing-2","kubernetes.io/serviceaccount/service-account.name":"billing",
        "sub":"system:serviceaccount:prod:billing"}"#,
    );
    cli.write("tree/c.env", &format!("KUBE_TOKEN={stored}\n"));
    cli.write("tree/a.env", &format!("KUBE_TOKEN={of_cluster}\n"));
    cli.write("tree/b.env", &format!("ACCESS_TOKEN={of_tenant}\n"));
    let account = serde_json::json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "billing", "namespace": "prod", "uid": "u-1" },
    });
    let secret = |name: &str| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": {
                "name": name, "namespace": "prod", "annotations": { "kubernetes.io/service-account.name": "billing" },
            },
        })
    };
    let items = [account, secret("billing-1"), secret("billing-2")];
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    cli.write("k8s.json", &list.to_string());
    let principal = serde_json::json!({ "value": [
        { "id": object, "appId": "a1", "displayName": "deployer", "servicePrincipalType": "Application", "accountEnabled": true },
    ]});
    cli.write("sp.json", &principal.to_string());
    cli.ok(&["inventory", "import", "--scope", "cluster", "--as", "kubernetes", "k8s.json"]);
    cli.ok(&["inventory", "import", "sp.json"]);
    cli.scan(&["tree"]);
    cli.ok(&["link"]);
    for (path, tier, name) in
        [("a.env", "B1", "billing"), ("b.env", "B1", "deployer"), ("c.env", "A2", "secret/prod/billing-2")]
    {
        let found = cli.findings(&["--path", path]);
        let (_, explained, _) = cli.run(&["explain", found[0]["id"].as_str().unwrap()]);
        let is_told = explained.lines().any(|line| line.starts_with(tier));
        assert!(is_told && explained.contains(name), "{path}: {explained}");
    }
}

/// A key leaked in one file of a repository; another reads it from a variable of that name, a workflow from a secret.
fn plans_name_those_who_ask_for_the_secret_by_its_name(fixture: &Fixture) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let (id, secret) = (crate::inventory::exports::access_key('A'), samples::aws_key(1).1);
    cli.write("shop/deploy/prod.env", &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    cli.write(
        "shop/app.py",
        "import os\nkey = os.environ[\"AWS_SECRET_ACCESS_KEY\"]\nother = os.environ[\"OTHER_SECRET_KEY\"]\n",
    );
    cli.write("shop/.github/workflows/ci.yml", "env:\n  K: ${{ secrets.AWS_SECRET_ACCESS_KEY }}\n");
    cli.write("other/app.py", "import os\nkey = os.environ[\"AWS_SECRET_ACCESS_KEY\"]\n");
    let keys = serde_json::json!({ "AccessKeyMetadata": [
        { "UserName": "svc", "AccessKeyId": id, "Status": "Active", "CreateDate": "2020-01-01T00:00:00Z" },
    ]});
    cli.write("keys.json", &keys.to_string());
    cli.ok(&["inventory", "import", "keys.json"]);
    cli.scan(&["shop", "--source", "acme/shop"]);
    cli.scan(&["other", "--source", "acme/other"]);
    cli.ok(&["rotate", "plan", "--all"]);
    let plans: Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    let plan = plans[0]["id"].as_str().unwrap();
    let shown = cli.ok(&["rotate", "show", plan]);
    let breaks: Vec<&str> = shown.lines().filter(|line| line.trim_start().starts_with("breaks")).collect();
    assert_eq!(breaks.len(), 2, "{shown}");
    assert!(breaks[0].contains("acme/shop") && breaks[0].contains("app.py:2"), "{shown}");
    assert!(breaks[1].contains(".github/workflows/ci.yml:2"), "{shown}");
    assert!(!shown.contains("acme/other") && shown.contains("by the name AWS_SECRET_ACCESS_KEY"), "{shown}");
    // What asks for it no longer is gone with the next scan; the same again changes nothing.
    let changes = cli.scan(&["shop", "--source", "acme/shop"]);
    assert_eq!(changes["new"], 0);
    std::fs::remove_file(cli.home.path().join("shop/app.py")).unwrap();
    cli.scan(&["shop", "--source", "acme/shop"]);
    cli.ok(&["rotate", "plan", "--all"]);
    let plans: Value =
        serde_json::from_str(&cli.ok(&["rotate", "list", "--json", "--state", "awaiting_approval"])).unwrap();
    let consumers = plans[0]["plan"]["subject"]["consumers"].as_array().unwrap();
    assert_eq!((plans.as_array().unwrap().len(), consumers.len()), (1, 1), "{plans}");
}

/// What belongs together may stand in several files, in any order; of several names the last counts.
#[test]
fn lists_of_several_files_are_put_together() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.write(
        "users.csv",
        "provider,account,id,name,kind,owner,credential\nacme,1,u1,First,bot,@org/a,c1\nacme,1,u2,Second,bot,,\n",
    );
    cli.write("more.csv", "provider,account,id,owner,credential\nacme,1,u1,@org/b,c2\nacme,1,u3,,c3\nacme,1,u3,,c3\n");
    let names = ["provider", "account", "id", "name", "kind"].map(|name| format!("{name} = \"{name}\"\n")).concat();
    cli.write("map.toml", &(names + "owner_technical = \"owner\"\ncredential_id = \"credential\"\n"));
    let of = |verb: &str, files: &[&str]| {
        let args = ["inventory", verb, "--as", "generic", "--columns", "map.toml", "-f", "csv"];
        cli.ok(&[&args[..], files].concat()).lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let list = |files: &[&str]| of("list", files);
    assert_eq!(
        list(&["more.csv", "users.csv"]),
        [
            "acme,1,First,bot,active,,'@org/b @org/a,c1,other,unknown,,,,",
            "acme,1,First,bot,active,,'@org/b @org/a,c2,other,unknown,,,,",
            "acme,1,Second,bot,active,,,,,,,,,",
            "acme,1,u3,other,active,,,c3,other,unknown,,,,",
        ]
    );
    assert_eq!(
        list(&["users.csv", "more.csv"]),
        [
            "acme,1,Second,bot,active,,,,,,,,,",
            "acme,1,u1,other,active,,'@org/a @org/b,c1,other,unknown,,,,",
            "acme,1,u1,other,active,,'@org/a @org/b,c2,other,unknown,,,,",
            "acme,1,u3,other,active,,,c3,other,unknown,,,,",
        ]
    );
    assert_eq!(
        of("owners", &["users.csv", "more.csv"]),
        [
            "'@org/a,technical,acme:1:u1,export,90,owner_technical",
            "'@org/b,technical,acme:1:u1,export,90,owner_technical",
        ]
    );
    cli.write(
        "catalog-info.yaml",
        "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: idle}\n---\n\
         apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: pay, namespace: emea}\n---\n\
         apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: billing, namespace: emea}\nspec: {owner: pay}\n",
    );
    let owners = cli.ok(&["inventory", "owners", "-f", "csv", "catalog-info.yaml"]);
    assert_eq!(
        owners.lines().skip(1).collect::<Vec<_>>(),
        ["group:default/idle,,,,,", "group:emea/pay,technical,component:emea/billing,backstage,90,spec.owner",]
    );
}

/// A table that knows only ids doesn't take names away.
#[test]
fn an_id_is_no_better_name() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    cli.write("map.toml", "provider = \"p\"\nid = \"id\"\nname = \"name\"\n");
    for (file, text) in [("a.csv", "p,id,name\nacme,u1,First\n"), ("b.csv", "p,id,x\nacme,u1,y\n")] {
        cli.write(file, text);
        cli.ok(&["inventory", "import", "--as", "generic", "--columns", "map.toml", file]);
    }
    assert!(cli.ok(&["inventory", "list", "-f", "csv"]).contains("acme,,First,"));
}
