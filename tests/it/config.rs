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
    std::fs::write(dir.path().join("own/twice.toml"), good.replace("severity", "colour")).unwrap();
    let (code, text) = run(&["rules", "check", "own"]);
    assert!(code == 2 && text.contains("unknown field `colour`") && text.contains("No rule was proven"), "{text}");
    let (_, text) = run(&["rules", "check", "--keep-going", "own"]);
    assert!(!text.contains("No rule was proven"), "{text}");
    assert_eq!(run(&["rules", "list", "--rules", "own", "--no-builtin-rules"]).0, 2);
    let (code, text) = run(&["rules", "list", "--rules", "own", "--no-builtin-rules", "--keep-going"]);
    assert!(code == 0 && text.contains("acme-cloud.api-key") && text.contains("left out"), "{text}");
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
}
