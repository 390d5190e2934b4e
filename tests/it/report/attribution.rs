//! Whose findings are, from a scan to the pages that owners get, with secrets planted everywhere.

use std::fs;

use serde_json::Value;

use crate::{
    samples,
    store::{
        commands::Cli,
        fixture::{Fixture, on_both_engines},
    },
};

on_both_engines!(what_is_known_stands_in_every_report);

const CATALOGUE: &str = "\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: billing
  annotations:
    github.com/project-slug: acme/billing
spec:
  type: service
  lifecycle: production
  owner: group:default/payments
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: payments
spec:
  type: team
  profile:
    displayName: Payments <b>
    email: payments@example.org
";

/// A leaked access key, its inventory, and a catalogue.
fn prepared<'f>(fixture: &'f Fixture) -> (Cli<'f>, String) {
    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    let (id, secret) = samples::aws_key(7);
    cli.write("tree/deploy/prod.env", &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    cli.write("tree/tool/ci.env", &format!("TOKEN={}\n", samples::github_token(3)));
    let created = "2024-05-02T13:37:00+00:00";
    let keys = format!(
        r#"{{"AccessKeyMetadata":[{{"UserName":"svc-billing","AccessKeyId":"{id}","Status":"Active","CreateDate":"{created}"}}]}}"#
    );
    cli.write("keys.json", &keys);
    cli.write("catalog-info.yaml", CATALOGUE);
    cli.ok(&["inventory", "import", "keys.json", "catalog-info.yaml", "--scope", "123456789012"]);
    (cli, id)
}

fn what_is_known_stands_in_every_report(fixture: &Fixture) {
    let (cli, id) = prepared(fixture);
    let scan = |args: &[&str]| {
        let args = [&["scan", "--store", "--source", "acme/billing", "tree"], args].concat();
        let (code, out, err) = cli.run(&args);
        assert_eq!(code, 1, "{out}{err}");
        out
    };
    scan(&[]);
    cli.ok(&["rotate", "plan", "--all"]);
    for format in ["human", "json", "jsonl", "sarif"] {
        let out = scan(&["-f", format]);
        for word in ["svc-billing", "group:default/payments", "A2", "public-id", "awaiting"] {
            assert!(out.contains(word), "{format} lacks {word}: {out}");
        }
    }
    let report: Value = serde_json::from_str(&scan(&["-f", "json", "--group-by", "identity"])).unwrap();
    let names: Vec<&str> = report["groups"].as_array().unwrap().iter().filter_map(|g| g["name"].as_str()).collect();
    assert!(names.iter().any(|name| name.starts_with("user/svc-billing (aws")), "{names:?}");
    let (code, _, err) = cli.run(&["scan", "--group-by", "identity", "tree"]);
    assert_eq!((code, err.contains("needs --store")), (2, true), "{err}");

    let found = cli.findings(&[]);
    let ours = found.iter().find(|finding| finding["public_id"] == id.as_str()).unwrap();
    assert_eq!(ours["attribution"]["identity"]["name"], "user/svc-billing");
    assert_eq!(ours["attribution"]["link"]["tier"], "A2");
    assert_eq!(ours["attribution"]["plan"]["state"], "awaiting_approval");
    assert_eq!(ours["attribution"]["owners"][0]["ref"], "group:default/payments");
    let shown = cli.ok(&["findings", "show", ours["id"].as_str().unwrap()]);
    assert!(
        shown.contains("identity user/svc-billing (aws") && shown.contains("owner team group:default/payments"),
        "{shown}"
    );
    let shown = cli.ok(&["findings", "show", ours["id"].as_str().unwrap(), "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["attribution"], ours["attribution"]);
    let table = cli.ok(&["findings", "list", "--format", "csv"]);
    assert!(table.contains(",user/svc-billing,group:default/payments,A2,awaiting_approval,"), "{table}");
}

#[test]
fn no_page_shows_a_planted_secret() {
    let fixture = Fixture::sqlite();
    let (cli, _) = prepared(&fixture);
    let mut planted = samples::all(41);
    for (index, sample) in planted.iter().enumerate() {
        let path = cli.write(&format!("tree/deploy/{index}.txt"), "");
        fs::write(path, &sample.text).unwrap();
    }
    let token = samples::github_token(4);
    cli.write(&format!("tree/{token}/x.env"), &format!("x={token}"));
    planted.push(samples::Planted { rule: "a name".to_owned(), text: Vec::new(), secret: token.into() });
    cli.scan(&["--source", "acme/billing", "tree"]);
    cli.ok(&["rotate", "plan", "--all"]);
    let all: Vec<u8> = planted.iter().flat_map(|sample| [&sample.text[..], b"\n"].concat()).collect();
    let report = unleak::Scanner::builtin().scan_bytes("all", &all);
    for format in ["human", "json", "html", "md"] {
        for by in ["identity", "team"] {
            let out = cli.ok(&["report", "--by", by, "--format", format]);
            crate::secrecy::check(&format!("the report by {by} as {format}"), out.as_bytes(), &report, &planted);
        }
        let dir = format!("pages-{format}");
        let said = cli.ok(&["report", "--by", "owner", "--format", format, "-o", &dir]);
        assert!(said.starts_with("wrote "), "{said}");
        let files: Vec<_> =
            fs::read_dir(cli.home.path().join(&dir)).unwrap().map(|entry| entry.unwrap().path()).collect();
        let named =
            |start: &str| files.iter().any(|file| file.file_name().unwrap().to_str().unwrap().starts_with(start));
        assert!(named("index.") && named("group-default-payments-"), "{files:?}");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            crate::secrecy::check(&file.display().to_string(), &bytes, &report, &planted);
        }
    }
    let html = cli.ok(&["report", "--by", "team", "--format", "html"]);
    assert!(html.contains("Payments &lt;b&gt;") && !html.contains("Payments <b>"), "{html}");
    assert!(html.contains("payments@example.org") && html.contains("svc-billing"));
}
