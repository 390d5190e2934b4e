//! No secret leaves: every sink there is, fed with planted values, and none of them in what comes out.

use std::{collections::HashSet, fs};

use unleak::{
    Scanner,
    model::ScanReport,
    report::{FORMATS, ReportOptions},
    source::{FileOptions, Files},
};

use crate::{engine::scan, samples};

/// As many bytes in a row are a leak.
const WINDOW: usize = 12;

/// Unless as many of them in a row are public: a byte of a database that happens to stand after an id may be the one that
/// follows it in the secret.
const PUBLIC: usize = 8;

/// Any 12 bytes of the second half of a secret that stand in `output` and may not: the public beginning of a format
/// and the public part of a credential are shown on purpose.
fn leaked(output: &HashSet<&[u8]>, secret: &[u8], public: &HashSet<&[u8]>) -> Option<String> {
    let is_public = |part: &[u8]| part.windows(PUBLIC).any(|some| public.contains(some));
    let mut parts = secret[secret.len() / 2..].windows(WINDOW);
    let leak = parts.find(|part| output.contains(part) && !is_public(part) && !part.windows(2).any(|two| two == b"--"));
    leak.map(|part| String::from_utf8_lossy(part).into_owned())
}

/// The parts of an output that may stand in a secret: all that do, and few others. Outputs have millions of parts.
fn parts_like<'o>(planted: &[samples::Planted], output: &'o [u8]) -> HashSet<&'o [u8]> {
    const BITS: u32 = 20;
    // Four bytes spread over the table: golden ratio of 32 bits.
    let slot = |part: &[u8]| {
        let start = u32::from_le_bytes([part[0], part[1], part[2], part[3]]);
        (start.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
    };
    let mut starts = vec![false; 1 << BITS];
    for part in planted.iter().flat_map(|sample| sample.secret.windows(WINDOW)) {
        starts[slot(part)] = true;
    }
    let mut parts = HashSet::new();
    let mut at = 0;
    // No iterators here: without full optimisation they take most of the time.
    while at + WINDOW <= output.len() {
        if starts[slot(&output[at..])] {
            parts.insert(&output[at..at + WINDOW]);
        }
        at += 1;
    }
    parts
}

pub(crate) fn check(what: &str, output: &[u8], report: &ScanReport, planted: &[samples::Planted]) {
    let windows = parts_like(planted, output);
    let previews = report.findings.iter().map(|finding| finding.preview.as_str());
    let mut public: Vec<&str> = previews.chain(report.findings.iter().filter_map(|f| f.public_id.as_deref())).collect();
    // A fixed part of Teams webhooks, and of the name of their rule.
    public.push("/IncomingWebhook/");
    let public = public.iter().flat_map(|public| public.as_bytes().windows(PUBLIC)).collect();
    for sample in planted {
        let leak = leaked(&windows, &sample.secret, &public);
        assert!(leak.is_none(), "{what} shows a secret of {}: {leak:?}", sample.rule);
    }
}

#[test]
fn no_report_shows_a_planted_secret() {
    let dir = tempfile::tempdir().unwrap();
    let mut planted = samples::all(21);
    for (index, sample) in planted.iter().enumerate() {
        fs::write(dir.path().join(format!("{index}.txt")), &sample.text).unwrap();
    }
    // All on one line, so that each stands in the context of others.
    let joined: Vec<u8> = planted.iter().flat_map(|sample| [&sample.text[..], b"  "].concat()).collect();
    fs::write(dir.path().join("joined.txt"), joined).unwrap();
    // And one in the names of a file and of a thing that isn't there.
    let token = samples::github_token(4);
    fs::write(dir.path().join(format!("{token}.env")), format!("x={token}")).unwrap();
    planted.push(samples::Planted { rule: "a file's name".to_owned(), text: Vec::new(), secret: token.clone().into() });
    let source = Files::new(vec![dir.path().to_owned(), dir.path().join(&token)], FileOptions::default()).unwrap();
    let report = scan(&Scanner::builtin(), &source, 2);
    assert!(!report.problems.is_empty() && report.findings.len() >= planted.len() / 2);
    for format in FORMATS {
        let mut out = Vec::new();
        let options = ReportOptions { stats: true, ..ReportOptions::default() };
        format.reporter.write(&report, &options, &mut out).unwrap();
        check(format.name, &out, &report, &planted);
    }
}

#[test]
fn debug_output_hides_secrets() {
    let planted = samples::all(22);
    let text: Vec<u8> = planted.iter().flat_map(|sample| [&sample.text[..], b"\n"].concat()).collect();
    let report = Scanner::builtin().scan_bytes("x", &text);
    check("debug output", format!("{report:#?}").as_bytes(), &report, &planted);
}

/// The test's own teeth: a report that shows secrets must be caught.
#[test]
fn a_leak_would_be_seen() {
    let planted = samples::all(23);
    let report = Scanner::builtin().scan_bytes("x", &planted[0].text);
    let out = planted[0].text.clone();
    let windows = parts_like(&planted, &out);
    assert!(!report.findings.is_empty());
    assert!(leaked(&windows, &planted[0].secret, &HashSet::new()).is_some());
    // A byte after what is public is none, all that follows is.
    let public = HashSet::from([&b"abcdefgh"[..], b"ijklmnop"]);
    let told = |secret: &[u8]| leaked(&secret.windows(WINDOW).collect(), secret, &public);
    assert_eq!(told(b"--------------ijklmnop-7f"), None);
    assert!(told(b"--------------ijklmnop7f7f7f7f7f7f").is_some());
    // What is looked at is no less than all that there is.
    let all: HashSet<&[u8]> = out.windows(WINDOW).collect();
    let within = |part: &&[u8]| planted[0].secret.windows(WINDOW).any(|secret| secret == *part);
    assert!(all.iter().filter(|part| within(part)).all(|part| windows.contains(part)));
}
