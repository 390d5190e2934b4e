//! No secret leaves: every sink there is, fed with planted values, and none of them in what comes out.

use std::fs;

use unleak::{
    Scanner,
    report::{FORMATS, ReportOptions},
    source::{FileOptions, Files},
};

use crate::{engine::scan, samples};

/// Parts of a secret that must not be seen: any 12 bytes of it, the public beginning apart.
fn leaks(output: &str, secret: &[u8]) -> bool {
    leaked(output, secret).is_some()
}

fn leaked(output: &str, secret: &[u8]) -> Option<String> {
    let secret = String::from_utf8_lossy(secret);
    let hidden: String = secret.chars().skip(secret.len() / 2).collect();
    let hidden: Vec<char> = hidden.chars().collect();
    let mut parts = hidden.windows(12).map(|part| part.iter().collect::<String>());
    parts.find(|part| !part.contains("--") && !part.contains("PRIVATE") && output.contains(part))
}

#[test]
fn no_report_shows_a_planted_secret() {
    let dir = tempfile::tempdir().unwrap();
    let planted = samples::all(21);
    for (index, sample) in planted.iter().enumerate() {
        fs::write(dir.path().join(format!("{index}.txt")), &sample.text).unwrap();
    }
    // All on one line, so that each stands in the context of others.
    let joined: Vec<u8> = planted.iter().flat_map(|sample| [&sample.text[..], b"  "].concat()).collect();
    fs::write(dir.path().join("joined.txt"), joined).unwrap();
    let token = samples::github_token(4);
    fs::write(dir.path().join(format!("{token}.env")), format!("x={token}")).unwrap();
    let source = Files::new(vec![dir.path().to_owned(), dir.path().join(&token)], FileOptions::default()).unwrap();
    let report = scan(&Scanner::builtin(), &source, 2);
    assert!(!report.problems.is_empty() && report.findings.len() >= planted.len() / 2);
    for format in FORMATS {
        let mut out = Vec::new();
        let options = ReportOptions { stats: true, ..ReportOptions::default() };
        format.reporter.write(&report, &options, &mut out).unwrap();
        let mut out = String::from_utf8(out).unwrap();
        // The public part of a credential is shown on purpose.
        for id in report.findings.iter().filter_map(|finding| finding.public_id.as_ref()) {
            out = out.replace(id.as_str(), "");
        }
        for sample in &planted {
            let leak = leaked(&out, &sample.secret);
            let line = leak.as_ref().and_then(|leak| out.lines().find(|line| line.contains(leak)));
            assert!(leak.is_none(), "{} shows a secret of {}: {leak:?} in {line:?}", format.name, sample.rule);
        }
        assert!(!leaks(&out, token.as_bytes()), "{} shows the secret in a file's name", format.name);
    }
}

#[test]
fn debug_output_hides_secrets() {
    let token = samples::github_token(4);
    let report = Scanner::builtin().scan_bytes("x", token.as_bytes());
    assert!(!leaks(&format!("{report:#?}"), token.as_bytes()));
}
