//! The report formats.

#[cfg(all(feature = "cli", feature = "identity", unix))]
mod attribution;
mod pages;
pub(crate) mod sample;
mod schemas;

use std::io::{self, Write};

use unleak::{
    model::{Part, ProblemKind, ScanReport, Severity},
    report::{FORMATS, ReportOptions, Snippets, find},
};

use sample::{PLANTED, finding, hard, in_file, in_part, problem, rule, small, written};

fn plain() -> ReportOptions {
    ReportOptions::default()
}

fn revealing() -> ReportOptions {
    ReportOptions { show_secrets: true, ..plain() }
}

#[test]
fn formats_are_found_by_name() {
    let names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(names, ["human", "json", "jsonl", "sarif"]);
    for format in FORMATS {
        assert_eq!(find(format.name).map(|found| found.description), Some(format.description));
        assert!(!format.description.ends_with('.'), "{}", format.description);
    }
    assert!(find("Human").is_none());
}

#[test]
fn human_is_readable() {
    let expected = "\
HIGH acme key (ACME)
  <21 bytes>  score 90  acme.api-key v1:15161718191a1b1c1d1e1f2021222324
  src/main.rs:3:7
      key = \"<21 bytes>\"

Not scanned, or not in full:
  permission-denied priv: the operating system refused

1 secret found in 1 place: 0 critical, 1 high, 0 medium, 0 low.
Scanned 2 files, 1.2 kB; 1 not scanned.
";
    assert_eq!(written("human", &small(), &plain()), expected);
}

#[test]
fn human_is_coloured_only_on_request() {
    let coloured = written("human", &small(), &ReportOptions { colour: true, ..plain() });
    assert!(coloured.starts_with("\x1b[1;31mHIGH\x1b[0m \x1b[1macme key\x1b[0m (ACME)\n"), "{coloured:?}");
    assert!(coloured.contains("      key = \"\x1b[31m<21 bytes>\x1b[0m\"\n"), "{coloured:?}");
    for format in ["json", "jsonl", "sarif"] {
        assert!(!written(format, &hard(), &ReportOptions { colour: true, ..plain() }).contains('\x1b'));
    }
    assert!(!written("human", &hard(), &plain()).contains('\x1b'));
}

#[test]
fn human_counts_the_problems_beyond_a_hundred_of_a_kind() {
    let of = |kind, count: usize| (0..count).map(move |at| problem(kind, &format!("f{at:04}"), "no"));
    let problems = of(ProblemKind::Io, 1_234).chain(of(ProblemKind::PermissionDenied, 100)).collect();
    let text = written("human", &ScanReport { problems, ..ScanReport::default() }, &plain());
    assert_eq!(text.matches("\n  io f").count(), 100, "{text}");
    assert_eq!(text.matches("\n  permission-denied f").count(), 100, "{text}");
    assert_eq!(text.matches(" more of this kind (use").count(), 1, "{text}");
    assert!(text.contains("\n  io: and 1,134 more of this kind (use --format json for all)\n"), "{text}");
    assert!(text.contains("1,334 not scanned"), "{text}");
}

#[test]
fn human_says_clean_only_if_all_was_read() {
    let mut report = ScanReport::default();
    assert_eq!(written("human", &report, &plain()), "No secrets found.\nScanned 0 files, 0 bytes.\n");
    report.problems.push(problem(ProblemKind::Io, "a\u{1b}[2Jb", "device error"));
    let expected = "\
Not scanned, or not in full:
  io a\\u{1b}[2Jb: device error

No secrets found in what could be read; 1 not scanned.
Scanned 0 files, 0 bytes.
";
    assert_eq!(written("human", &report, &plain()), expected);
}

#[test]
fn human_folds_many_places() {
    let mut report = small();
    let places = |count| (1..=count).map(|line| in_file("log.txt", line, "")).collect();
    report.findings[0].occurrences = places(5);
    assert!(!written("human", &report, &plain()).contains("more"));
    report.findings[0].occurrences = places(1_206);
    let text = written("human", &report, &plain());
    assert!(text.contains("  log.txt:5:7\n  and 1,201 more (use --format json for all)\n"), "{text}");
    assert!(text.contains("1 secret found in 1,206 places"), "{text}");
}

#[test]
fn human_cuts_context_to_the_terminal_and_keeps_the_secret_in_sight() {
    let mut report = small();
    report.findings[0].occurrences[0].context = format!("{}<21 bytes>{}", "a".repeat(200), "z".repeat(200));
    let text = written("human", &report, &ReportOptions { width: 40, ..plain() });
    let line = text.lines().find(|line| line.contains("aaa")).expect("the line of context");
    assert_eq!(line, format!("      …{}<21 bytes>…", "a".repeat(22)));
    let text = written("human", &report, &ReportOptions { width: 0, ..plain() });
    assert!(text.contains(&report.findings[0].occurrences[0].context), "{text}");
}

#[test]
fn human_stats() {
    let text = written("human", &hard(), &ReportOptions { stats: true, ..plain() });
    let expected = "
Statistics
  bytes                      5,678,901
  bytes carried over           0 (0 %)
  files                          1,234
  records                            0
  candidates                         5
  regex calls                        4
  matches                            2
  rejected                           1
  allowed                            0
  ignored                            0
  links not followed                 0
  time reading                 0.250 s
  time prefiltering            0.120 s
  time confirming              0.030 s
  time in history              0.070 s
  time in all                  0.500 s
  throughput                 11.4 MB/s
  time of decoding             0.040 s
  in all / decoding              12.50
";
    assert!(text.ends_with(expected), "{text}");
}

/// Without its version line, which changes with each release.
fn without_version(text: &str) -> String {
    text.replace(&format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION")), "\"version\":\"V\"")
}

const SMALL_FINDING: &str = r#""rule":{"id":"acme.api-key","name":"acme key","provider":"ACME","severity":"high","kind":"api-key","identity":"bot","references":["https://example.com/keys"]},"severity":"high","fingerprint":"v1:15161718191a1b1c1d1e1f2021222324","score":90,"reasons":[{"feature":"entropy","points":40,"detail":"4.1 bits"}],"preview":"<21 bytes>","public_id":null,"attributes":{},"parts":[],"occurrences":[{"provenance":{"kind":"file","path":"src/main.rs"},"part":"content","place":{"line":3,"column":7,"column_utf16":6,"end_line":3,"end_column":27,"end_column_utf16":26,"span":{"start":300,"end":320}},"context":"key = \"<21 bytes>\""}]"#;
const SMALL_PROBLEM: &str =
    r#""kind":"permission-denied","provenance":{"kind":"file","path":"priv"},"message":"the operating system refused""#;
const SMALL_SUMMARY: &str = r#"{"findings":1,"occurrences":1,"by_severity":{"critical":0,"high":1,"medium":0,"low":0},"problems":1,"complete":false}"#;
const SMALL_STATS: &str = r#"{"blobs":2,"bytes":1234,"bytes_carried":0,"links_not_followed":0,"ignored":0,"candidates":5,"regex_calls":4,"matches":2,"allowed":0,"rejected":1,"records":0,"objects":{"commits":{"found":0,"scanned":0,"known":0},"trees":{"found":0,"scanned":0,"known":0},"blobs":{"found":0,"scanned":0,"known":0},"tags":{"found":0,"scanned":0,"known":0}}}"#;

#[test]
fn json_is_one_document() {
    let expected = format!(
        r#"{{
"schema":"unleak.report/v1",
"tool":{{"name":"unleak","version":"V"}},
"summary":{SMALL_SUMMARY},
"config":null,
"findings":[
{{{SMALL_FINDING}}}
],
"problems":[
{{{SMALL_PROBLEM}}}
],
"exports":[],
"notices":[],
"stats":{SMALL_STATS}
}}
"#
    );
    assert_eq!(without_version(&written("json", &small(), &plain())), expected);
}

#[test]
fn jsonl_is_one_record_per_line() {
    let expected = format!(
        r#"{{"type":"finding",{SMALL_FINDING}}}
{{"type":"problem",{SMALL_PROBLEM}}}
{{"type":"summary","schema":"unleak.report/v1","tool":{{"name":"unleak","version":"V"}},"summary":{SMALL_SUMMARY},"config":null,"exports":[],"notices":[],"stats":{SMALL_STATS}}}
"#
    );
    assert_eq!(without_version(&written("jsonl", &small(), &plain())), expected);
}

#[test]
fn times_are_written_only_on_request() {
    assert!(!written("json", &hard(), &plain()).contains("_us"));
    let timed = written("json", &hard(), &ReportOptions { stats: true, ..plain() });
    let times = r#""times":{"read_us":250000,"prefilter_us":120000,"confirm_us":30000,"history_us":70000,"floor_us":40000,"wall_us":500000}"#;
    assert!(timed.contains(times), "{timed}");
}

#[test]
fn no_format_holds_a_secret_unless_asked() {
    let report = hard();
    for format in FORMATS {
        for snippets in [Snippets::Include, Snippets::Omit] {
            let text = written(format.name, &report, &ReportOptions { stats: true, snippets, ..plain() });
            let percent_decoded = percent_decode(&text);
            for secret in PLANTED {
                assert!(!text.contains(secret), "{} holds {secret}: {text}", format.name);
                assert!(!percent_decoded.contains(secret), "{} holds {secret} in a URI", format.name);
            }
            assert!(!text.contains("MIIB+x=="), "{}", format.name);
        }
    }
}

#[test]
fn every_format_holds_every_secret_if_asked() {
    for format in FORMATS {
        let text = written(format.name, &hard(), &revealing());
        for secret in PLANTED {
            assert!(text.contains(secret), "{} lacks {secret}: {text}", format.name);
        }
        assert!(text.contains("MIIB+x=="), "{}", format.name);
    }
    // 13 bytes that aren't UTF-8.
    assert!(written("json", &hard(), &revealing()).contains(r#""secret_base64":"//4AYmluYXJ5gGtleQ==""#));
    assert_eq!(written("json", &hard(), &revealing()).matches("secret_base64").count(), 1);
    assert!(!written("json", &hard(), &plain()).contains("\"secret"));
}

#[test]
fn a_secret_in_a_name_is_told_in_every_format() {
    for (part, human, json) in [
        (Part::Name, "(in the file's own name)", r#""part":"name""#),
        (Part::LinkTarget, "(in the target of this symbolic link)", r#""part":"link-target""#),
    ] {
        let mut only = finding(rule("acme.api-key", Severity::High), PLANTED[0].as_bytes());
        only.occurrences.push(in_part(part, "x", "<21 bytes>"));
        let report = ScanReport { findings: vec![only], ..ScanReport::default() };
        assert!(written("human", &report, &plain()).contains(human));
        assert!(written("json", &report, &plain()).contains(json));
        assert!(written("jsonl", &report, &plain()).contains(json));
        let words = human.trim_matches(['(', ')']);
        let sarif = written("sarif", &report, &plain());
        assert_eq!(sarif.matches(words).count(), 2, "in the result's and the location's message: {sarif}");
    }
}

#[test]
fn short_secrets_do_not_blot_out_paths() {
    let mut short = finding(rule("generic.password", Severity::Low), b"main");
    short.occurrences.push(in_file("src/main.rs", 1, "password = <4 bytes>"));
    let mut report = ScanReport { findings: vec![short], ..ScanReport::default() };
    assert!(written("human", &report, &plain()).contains("  src/main.rs:1:7\n"));
    // Unless the name is where it was found.
    report.findings[0].occurrences = vec![in_part(Part::Name, "src/main.rs", "<4 bytes>.rs")];
    assert!(written("human", &report, &plain()).contains("  src/<4 bytes>.rs (in the file's own name)\n"));
}

#[test]
fn snippets_can_be_left_out() {
    for format in FORMATS {
        let text = written(format.name, &small(), &ReportOptions { snippets: Snippets::Omit, ..plain() });
        assert!(!text.contains("key = "), "{}: {text}", format.name);
        assert!(written(format.name, &small(), &plain()).contains("key = "), "{}", format.name);
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for format in FORMATS {
        assert_eq!(written(format.name, &hard(), &plain()), written(format.name, &hard(), &plain()));
    }
}

/// Takes so many bytes, then fails.
struct Broken(usize);

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn errors_of_the_writer_come_back_wherever_they_happen() {
    let options = ReportOptions { stats: true, colour: true, ..plain() };
    let report = hard();
    for format in FORMATS {
        let length = written(format.name, &report, &options).len();
        for taken in 0..length {
            let result = format.reporter.write(&report, &options, &mut Broken(taken));
            let kind = result.expect_err("the writer failed").kind();
            assert_eq!(kind, io::ErrorKind::BrokenPipe, "{} after {taken} bytes", format.name);
        }
        assert!(format.reporter.write(&report, &options, &mut Broken(length)).is_ok());
    }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code =
            after.get(..2).and_then(|hex| str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code.filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn every_format_says_whose_it_is() {
    let mut report = small();
    let fingerprint = report.findings[0].fingerprint;
    report.attributions.insert(fingerprint, sample::attribution("x"));
    for format in FORMATS {
        let text = written(format.name, &report, &plain());
        for word in ["svc x", "group:default/payments", "A2", "public-id", "01PLAN"] {
            assert!(text.contains(word), "{} lacks {word}: {text}", format.name);
        }
    }
    let expected = "\
  identity svc x (aws 123456789012), tier A2 (97 %)
  because public-id: public_id = credential.public_id: acct_42 x
  owner team group:default/payments Payments x (by backstage: spec.owner x)
  plan 01PLAN (dual) awaiting approval, rotate by 2024-05-02T11:37:00Z
";
    assert!(written("human", &report, &plain()).contains(expected));
}

#[test]
fn findings_are_put_together_by_identity() {
    let mut report = hard();
    report.attributions.insert(report.findings[1].fingerprint, sample::attribution("x"));
    let options = ReportOptions { group_by: Some(unleak::report::GroupBy::Identity), ..plain() };
    let text = written("human", &report, &options);
    assert!(text.contains("== svc x (aws 123456789012) (1 secret)"), "{text}");
    assert!(text.contains("== unknown (4 secrets)"), "{text}");
    assert!(written("json", &report, &options).contains(r#""by":"identity""#));
}
