//! The configuration file: what it may say, and what a report says of it.

use std::{path::Path, process::Command};

use unleak::config::{Config, Trust};

use crate::samples;

/// Messages and the text under each span.
fn mistakes(text: &str, trust: Trust) -> Vec<(String, String)> {
    match Config::parse(text, ".unleak.toml".into(), trust, Path::new("/repository")) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.into_iter().map(|m| (m.message, text[m.span].to_owned())).collect(),
    }
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (text, message, span) in [
        ("colour = 1", "unknown field `colour`", "colour"),
        ("min_score = 'high'", "invalid type", "'high'"),
        ("[[rule]]\nid = 'a.b'\nseverity = 'huge'", "unknown variant `huge`", "'huge'"),
        ("[[allow]]\nfingerprint = 'v1:0'", "missing field `reason`", "[[allow]]"),
        ("[[allow]]\nrule = 'a.b'\nreason = ''", "no reason", "''"),
        ("[[allow]]\nreason = 'x'", "allows everything", "'x'"),
        ("[[allow]]\nrule = 'a.b'\nreason = 'x'\nexpires = 'soon'", "not a day", "'soon'"),
        ("[[allow]]\nrule = 'a.b'\nreason = 'x'\nexpires = '2026-13-01'", "not a day", "'2026-13-01'"),
        ("[[allow]]\nrule = 'a.b'\nreason = 'x'\nexpires = '2023-02-29'", "not a day", "'2023-02-29'"),
        ("[[allow]]\nfingerprint = 'v1:zz'\nreason = 'x'", "not a fingerprint", "'v1:zz'"),
        ("min_score = 101", "from 0 to 100", "101"),
        ("[[rule]]\nid = 'a.b'\nmin_score = 200", "from 0 to 100", "200"),
        ("[[allow]]\nvalue = 'a('\nreason = 'x'", "unclosed group", "'a('"),
    ] {
        let found = mistakes(text, Trust::Named);
        assert!(found.iter().any(|(m, at)| m.contains(message) && at == span), "{text}: {found:?}");
    }
}

#[test]
fn what_was_found_in_a_repository_may_not_silence_in_bulk() {
    for text in [
        "exclude = ['**']",
        "exclude = ['*.*']",
        "exclude = ['!src']",
        "min_score = 100",
        "[[rule]]\nid = '*'\nenabled = false",
        "[[rule]]\nid = 'aws.*'\nmin_score = 99",
        "[[path]]\nglob = '**/*'\nmin_score = 70",
        "[[allow]]\nrule = '*'\nreason = 'x'",
        "[[allow]]\npath = '*'\nreason = 'x'",
        "[[allow]]\nvalue = '.*'\nreason = 'x'",
        "[[allow]]\nvalue = '[A-Za-z0-9]{8,}'\nreason = 'x'",
    ] {
        let found = mistakes(text, Trust::Found);
        assert!(found.iter().any(|(m, _)| m.contains("found in a repository may not")), "{text}: {found:?}");
        assert_eq!(mistakes(text, Trust::Named), [], "{text}");
    }
    for text in [
        "exclude = ['vendor/']\nmin_score = 60",
        "[[rule]]\nid = 'acme.*'\nenabled = false",
        "[[path]]\nglob = 'tests/**'\nrules = ['generic.*']\nseverity = 'low'",
        "[[allow]]\nrule = 'jwt.token'\npath = 'docs/**'\nreason = 'samples'",
        "[[allow]]\nvalue = '^acme-demo-'\nreason = 'samples'",
    ] {
        assert_eq!(mistakes(text, Trust::Found), [], "{text}");
    }
}

/// Exit code and standard output of a scan of `dir`, started there.
fn scan(dir: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
    command.args(["scan", "--format", "json", "--no-history"]).args(args).current_dir(dir);
    command.env_clear().env("UNLEAK_FINGERPRINT_KEY", "07".repeat(32));
    let output = command.output().unwrap();
    assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn paths_and_severities(report: &str) -> Vec<(String, String)> {
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let path =
        |finding: &serde_json::Value| finding["occurrences"][0]["provenance"]["path"].as_str().unwrap().to_owned();
    findings.map(|finding| (path(finding), finding["severity"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn findings_are_hidden_counted_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("docs/.git")).unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    for (index, path) in ["docs/a.txt", "b.txt", "sub/c.txt"].iter().enumerate() {
        std::fs::write(dir.path().join(path), samples::github_token(index as u64)).unwrap();
    }
    let config = "[[allow]]\npath = 'docs/'\nreason = 'samples'\n[[path]]\nglob = 'sub/**'\nseverity = 'low'\n";
    std::fs::write(dir.path().join(".unleak.toml"), config).unwrap();
    let (code, report) = scan(dir.path(), &[]);
    assert_eq!(code, 1);
    let expected = [("./b.txt", "critical"), ("./sub/c.txt", "low")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(paths_and_severities(&report), expected);
    let value: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&value["config"]["silenced"], &value["config"]["found"]), (&1.into(), &true.into()));
    assert_eq!(value["config"]["lowered"], 1);
    assert_eq!(paths_and_severities(&scan(dir.path(), &["--no-config"]).1).len(), 3);
    // What hides by a fingerprint hides nothing else.
    let all: serde_json::Value = serde_json::from_str(&scan(dir.path(), &["--no-config"]).1).unwrap();
    let fingerprint = all["findings"][0]["fingerprint"].as_str().unwrap();
    std::fs::write(dir.path().join("own.toml"), format!("[[allow]]\nfingerprint = '{fingerprint}'\nreason = 'x'"))
        .unwrap();
    let (_, report) = scan(dir.path(), &["--config", "own.toml"]);
    assert_eq!(paths_and_severities(&report).len(), 2);
}

#[test]
fn a_higher_least_score_hides_and_is_counted_unless_the_user_asks_for_one() {
    let text = "min_score = 80";
    let config = Config::parse(text, ".unleak.toml".into(), Trust::Found, Path::new("/repository")).unwrap();
    assert_eq!(config.min_score(50), Some(50));
    let key = format!("datadog_key = '{}'\n", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let report = unleak::Scanner::builtin().scan_bytes("a.conf", key.as_bytes());
    let score = report.findings[0].score;
    let hidden = |least: Option<u8>| {
        let mut report = report.clone();
        config.apply(&mut report, "2026-11-25", least);
        (report.findings.len(), report.config.unwrap().silenced)
    };
    assert_eq!(hidden(None), if score < 80 { (0, 1) } else { (1, 0) });
    assert_eq!(hidden(Some(20)), (1, 0));
}

#[test]
fn days_are_those_of_the_calendar() {
    for day in ["2024-02-29", "2000-02-29", "2026-12-31", "2026-04-30"] {
        assert_eq!(mistakes(&format!("[[allow]]\nrule = 'a.b'\nreason = 'x'\nexpires = '{day}'"), Trust::Named), []);
    }
    for day in [
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-00-10",
        "2026-01-00",
        "26-01-01",
        "2026-1-011",
        "2026-1-01",
        "+026-01-01",
    ] {
        let found = mistakes(&format!("[[allow]]\nrule = 'a.b'\nreason = 'x'\nexpires = '{day}'"), Trust::Named);
        assert_eq!(found.len(), 1, "{day}");
    }
}

#[test]
fn the_last_entry_that_names_a_rule_counts_and_what_it_hides_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), samples::github_token(1)).unwrap();
    let all_off = "[[rule]]\nid = '*'\nenabled = false\n";
    for (config, findings, silenced) in [
        (all_off.to_owned(), 0, 1),
        (format!("{all_off}[[rule]]\nid = 'github.pat-classic'\nenabled = true\n"), 1, 0),
        (format!("{all_off}[[rule]]\nid = 'github.pat-classic'\nseverity = 'low'\n"), 0, 1),
        ("[[rule]]\nid = 'github.*'\nenabled = true\n[[rule]]\nid = '*'\nenabled = false\n".to_owned(), 0, 1),
        ("min_score = 100\n[[rule]]\nid = 'github.*'\nmin_score = 0\n".to_owned(), 1, 0),
        ("[[rule]]\nid = 'github.*'\nmin_score = 100\n".to_owned(), 1, 0),
    ] {
        std::fs::write(dir.path().join("c.toml"), &config).unwrap();
        let (code, report) = scan(dir.path(), &["--config", "c.toml", "a.txt"]);
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let found = report["findings"].as_array().unwrap().len();
        assert_eq!((found, &report["config"]["silenced"]), (findings, &silenced.into()), "{config}");
        assert_eq!(code, i32::from(findings > 0), "{config}");
    }
}

#[test]
fn rules_that_do_not_exist_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[[rule]]\nid = 'nosuch.rule'\nseverity = 'low'\n[[rule]]\nid = 'github.*'\nseverity = 'low'\n\
        [[path]]\nglob = 'tests/'\nrules = ['nosuch.path-rule']\n[[allow]]\nrule = 'nosuch.*'\nreason = 'x'\n";
    std::fs::write(dir.path().join("c.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
    let args = ["scan", "--config", "c.toml", "--rule", "aws"];
    let output = command.args(args).current_dir(dir.path()).env_clear().output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    for id in ["nosuch.rule", "nosuch.path-rule", "nosuch.*"] {
        assert!(err.contains(&format!("c.toml: no rule is called `{id}`")), "{err}");
    }
    assert!(!err.contains("github") && output.status.code() == Some(0), "{err}");
}

#[test]
fn rule_files_that_are_left_out_make_a_scan_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("own")).unwrap();
    std::fs::write(dir.path().join("own/a.toml"), "provider = 1\n").unwrap();
    std::fs::write(dir.path().join("own/b.toml"), "colour = 1\n").unwrap();
    std::fs::write(dir.path().join("x.txt"), "nothing\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        command.args(["scan", "x.txt", "--rules", "own", "-f", "json"]).args(args);
        let output = command.current_dir(dir.path()).env_clear().output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    // Every mistake of every file is shown.
    let (code, _, err) = run(&[]);
    assert!(code == 2 && err.contains("own/a.toml:1") && err.contains("unknown field `colour`"), "{err}");
    let (code, out, err) = run(&["--keep-going"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["summary"]["complete"]), (3, &false.into()), "{err}");
    let kinds: Vec<_> = report["problems"].as_array().unwrap().iter().map(|problem| &problem["kind"]).collect();
    assert_eq!(kinds, ["rules-left-out"; 2], "{out}");
    assert_eq!(run(&["--keep-going", "--allow-incomplete"]).0, 0);
}

#[test]
fn a_configuration_above_the_repository_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("repo/.git")).unwrap();
    std::fs::write(dir.path().join("repo/a.txt"), samples::github_token(1)).unwrap();
    std::fs::write(dir.path().join(".unleak.toml"), "[[rule]]\nid = 'github.*'\nenabled = false\n").unwrap();
    assert_eq!(paths_and_severities(&scan(&dir.path().join("repo"), &[]).1).len(), 1);
    // Moved into the repository it counts, and says so.
    std::fs::rename(dir.path().join(".unleak.toml"), dir.path().join("repo/.unleak.toml")).unwrap();
    let (code, report) = scan(&dir.path().join("repo"), &[]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["config"]["silenced"]), (0, &1.into()));
}

#[test]
fn skeletons_pass_their_own_proof_and_broken_files_stop_all_unless_told() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        let output = command.args(args).current_dir(dir.path()).env_clear().output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    };
    std::fs::create_dir(dir.path().join("own")).unwrap();
    assert_eq!(run(&["rules", "new", "acme-cloud.api-key", "-o", "own/acme.toml"]).0, 0);
    assert_eq!(run(&["rules", "new", "acme-cloud.api-key", "-o", "own/acme.toml"]).0, 2, "it exists");
    assert_eq!(run(&["rules", "new", "Acme"]).0, 2);
    let (code, text) = run(&["rules", "check", "own"]);
    assert_eq!((code, text.trim()), (0, "1 rule in 1 file: proven."));
    let good = std::fs::read_to_string(dir.path().join("own/acme.toml")).unwrap();
    std::fs::write(dir.path().join("own/twice.toml"), &good).unwrap();
    let (code, text) = run(&["rules", "check", "own"]);
    assert!(code == 2 && text.contains("this rule id stands in") && text.contains("^^^"), "{text}");
    let (code, text) = run(&["scan", "--rules", "own"]);
    assert!(code == 2 && text.contains("this rule id stands in") && text.contains("^^^"), "{text}");
    std::fs::write(dir.path().join("own/twice.toml"), good.replace("severity", "colour")).unwrap();
    let (code, text) = run(&["rules", "check", "own"]);
    assert!(code == 2 && text.contains("unknown field `colour`") && text.contains("No rule was proven"), "{text}");
    let (_, text) = run(&["rules", "check", "--keep-going", "own"]);
    assert!(!text.contains("No rule was proven"), "{text}");
    assert_eq!(run(&["rules", "list", "--rules", "own", "--no-builtin-rules"]).0, 2);
    let (code, text) = run(&["rules", "list", "--rules", "own", "--no-builtin-rules", "--keep-going"]);
    assert!(code == 0 && text.contains("acme-cloud.api-key") && text.contains("left out"), "{text}");
}

/// A rule of ours for what a built-in one claims.
fn rule_file(id: &str, more: &str) -> String {
    format!(
        "provider = 'Acme'\n[[rule]]\nid = '{id}'\nname = 'x'\nseverity = 'high'\nkind = 'api-key'\n\
         identity = 'api-key'\nkeywords = ['{0}']\npattern = '{0}[A-Za-z0-9_-]{{20}}'\n{more}\n\
         positives = ['a = «{0}{{{{alnum:20}}}}»', 'b: «{0}{{{{alnum:20}}}}»']\n\
         negatives = ['a = {0}{{{{alnum:19}}}}', 'b: {0}{{{{alnum:18}}}}']\n",
        concat!("glp", "at-")
    )
}

#[test]
fn rules_are_proven_beside_the_built_in_ones() {
    let dir = tempfile::tempdir().unwrap();
    let check = |text: &str, args: &[&str]| {
        std::fs::write(dir.path().join("own.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        let output = command.args(args).arg("own.toml").current_dir(dir.path()).env_clear().output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    };
    let alone = ["rules", "check", "--no-builtin-rules"];
    let taken = rule_file("gitlab.pat", "");
    for args in [&["rules", "check"][..], &["scan", "own.toml", "--rules"]] {
        let (code, text) = check(&taken, args);
        assert!(code == 2 && text.contains("a built-in rule has this id") && text.contains("own.toml:3"), "{text}");
    }
    assert_eq!(check(&taken, &alone).0, 0);
    let overlapping = rule_file("acme.key", "");
    let (code, text) = check(&overlapping, &["rules", "check"]);
    assert!(code == 2 && text.contains("rule `gitlab.pat` claims the same bytes"), "{text}");
    let (code, text) = check(&overlapping, &alone);
    assert_eq!(code, 0, "{text}");
    let (code, text) = check(&rule_file("acme.key", "supersedes = ['gitlab.pat']"), &["rules", "check"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn lists_of_what_no_rule_has_are_refused() {
    for (option, value) in [("--provider", "nope"), ("--kind", "nope"), ("--shape", "nope")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        let output = command.args(["rules", "list", option, value]).env_clear().output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && err.contains("`nope`"), "{err}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
    let output = command.args(["rules", "list", "--rule", "github.pat-classic"]).env_clear().output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("\n1 rule\n"));
}

#[test]
fn lists_are_filtered() {
    let count = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_unleak"))
            .args(["rules", "list", "--format", "json"])
            .args(args)
            .env_clear()
            .output()
            .unwrap();
        let rules: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        rules.as_array().unwrap().len()
    };
    let all = count(&[]);
    assert!(all > 1_300);
    assert!((5..20).contains(&count(&["--provider", "github"])));
    assert!((1..20).contains(&count(&["--kind", "private-key", "--severity", "critical"])));
    assert!((270..400).contains(&count(&["--shape", "context"])));
    assert!((1..10).contains(&count(&["openssh"])));
    assert_eq!(count(&["no such rule anywhere"]), 0);
}

#[test]
fn a_line_is_explained_as_the_configuration_has_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), samples::github_token(3)).unwrap();
    std::fs::write(dir.path().join("c.toml"), "[[rule]]\nid = 'github.*'\nenabled = false\n").unwrap();
    let explain = |config: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        let output =
            command.current_dir(dir.path()).args(["scan", "--explain", "a.txt:1"]).args(config).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(explain(&["--no-config"]).contains("github.pat-classic: found"));
    assert!(!explain(&["--config", "c.toml"]).contains("github.pat-classic"));
    std::fs::write(dir.path().join("c.toml"), "[[rule]]\nid = 'github.*'\nseverity = 'low'\n").unwrap();
    assert!(explain(&["--config", "c.toml"]).contains("github.pat-classic: found"));
}
