//! The engine's contracts: nothing missed, cut and threads without effect, identity by value.

use std::{collections::BTreeSet, fs, sync::atomic::AtomicBool};

use unleak::{
    Scanner, ScannerOptions,
    engine::{FingerprintKey, Progress, ScanOptions, checksum, hand_over, prefilter::PrefilterKind},
    model::{Origin, Part, ScanReport},
    report::{self, ReportOptions},
    rule::{builtin, template::SampleRng},
    source::{CHUNK_BYTES, FileOptions, Files, Plan, Receiver, Source},
};

use crate::samples;

pub(crate) fn scan(scanner: &Scanner, source: &dyn Source, threads: usize) -> ScanReport {
    scan_with(scanner, source, threads, false)
}

/// As [`scan`], every version in full, too.
pub(crate) fn scan_paranoid(scanner: &Scanner, source: &dyn Source) -> ScanReport {
    scan_with(scanner, source, 1, true)
}

fn scan_with(scanner: &Scanner, source: &dyn Source, threads: usize, paranoid: bool) -> ScanReport {
    let (interrupt, progress) = (AtomicBool::new(false), Progress::default());
    let key = || FingerprintKey::new([7; 32]);
    let options =
        ScanOptions { threads, timed: false, paranoid, key: &key, interrupt: &interrupt, progress: &progress };
    scanner.scan(source, &options)
}

fn json(report: &ScanReport) -> String {
    let mut out = Vec::new();
    let options = ReportOptions { show_secrets: true, ..ReportOptions::default() };
    report::find("json").unwrap().reporter.write(report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Bytes in memory, whole or in chunks.
struct Memory<'a> {
    bytes: &'a [u8],
    chunked: bool,
}

impl Source for Memory<'_> {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
        let mut receiver = receiver();
        if self.chunked {
            hand_over(Origin::Named("memory"), self.bytes, plan, &mut *receiver);
        } else {
            receiver.blob(Origin::Named("memory"), Part::Content, self.bytes);
        }
    }
}

/// Every sample of every rule, planted in noise at places that straddle chunk borders.
fn planted_text(seed: u64) -> (Vec<u8>, Vec<samples::Planted>) {
    let mut rng = SampleRng::new(seed);
    let planted = samples::all(seed);
    let mut text = samples::noise(&mut rng, 1000);
    for (index, sample) in planted.iter().enumerate() {
        if index % (planted.len() / 4) == 1 {
            let border = text.len().next_multiple_of(CHUNK_BYTES) - rng.below(sample.text.len() + 40);
            let missing = border.saturating_sub(text.len());
            text.extend(samples::noise(&mut rng, missing));
        }
        text.push(b'\n');
        text.extend_from_slice(&sample.text);
        text.push(b'\n');
        if index % 23 == 0 {
            let encoded = data_encoding::BASE64.encode(&sample.text);
            text.extend(encoded.as_bytes().chunks(64).flat_map(|line| [line, b"\n"].concat()));
        }
        let len = 40 + rng.below(2000);
        text.extend(samples::noise(&mut rng, len));
    }
    (text, planted)
}

#[test]
fn emphasis_is_no_part_of_a_secret() {
    let scanner = Scanner::builtin();
    let rules_of = |text: &[u8], secret: &[u8]| -> BTreeSet<String> {
        let found = scanner.scan_bytes("chat.txt", text).findings;
        let of_it = found.iter().filter(|finding| finding.secret.expose() == secret);
        of_it.map(|finding| finding.rule.id.to_string()).collect()
    };
    let mut tried = 0;
    for samples::Planted { secret, .. } in samples::all(77) {
        let plain = rules_of(&[b"see ", &secret[..], b" please"].concat(), &secret);
        // One that begins or ends with an underscore can't be told from emphasis.
        if plain.is_empty() || secret.starts_with(b"_") || secret.ends_with(b"_") {
            continue;
        }
        tried += 1;
        for (before, behind) in [("_", "_"), ("__", "__"), ("see ___", "___ please"), ("ab\n_", "_\ncd")] {
            let marked = [before.as_bytes(), &secret, behind.as_bytes()].concat();
            assert_eq!(rules_of(&marked, &secret), plain, "in {before}{behind}");
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn every_planted_secret_is_found_with_every_prefilter() {
    let (text, planted) = planted_text(11);
    let mut reports = Vec::new();
    for prefilter in [PrefilterKind::Reference, PrefilterKind::Portable, PrefilterKind::Auto] {
        let scanner = Scanner::new(builtin().to_vec(), &ScannerOptions { prefilter, ..ScannerOptions::default() });
        let report = scan(&scanner, &Memory { bytes: &text, chunked: true }, 1);
        let found: BTreeSet<_> =
            report.findings.iter().map(|f| (f.rule.id.to_string(), f.secret.expose().to_vec())).collect();
        for sample in &planted {
            let rule = scanner.rules().iter().find(|rule| rule.meta.id == sample.rule).unwrap();
            let form = checksum::known_form(rule, &sample.secret);
            let secret = form.map_or_else(|| sample.secret.clone(), |form| form.expose().to_vec());
            assert!(found.contains(&(sample.rule.clone(), secret)), "{} is missed", sample.rule);
        }
        reports.push(json(&report));
    }
    assert!(reports.windows(2).all(|pair| pair[0] == pair[1]), "the prefilters differ");
}

#[test]
fn chunks_and_the_whole_give_the_same_report() {
    let scanner = Scanner::builtin();
    for seed in [1, 2] {
        let (text, _) = planted_text(seed);
        assert!(text.len() > 3 * CHUNK_BYTES, "{}", text.len());
        let utf16: Vec<u8> = String::from_utf8_lossy(&text).encode_utf16().flat_map(u16::to_le_bytes).collect();
        let one_line: Vec<u8> = text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
        for bytes in [text, utf16, one_line] {
            let whole = scan(&scanner, &Memory { bytes: &bytes, chunked: false }, 1);
            let chunked = scan(&scanner, &Memory { bytes: &bytes, chunked: true }, 1);
            assert!(whole.findings.len() > 100);
            assert_eq!(places(&chunked), places(&whole));
            assert_eq!(contexts(&chunked), contexts(&whole));
        }
    }
}

fn places(report: &ScanReport) -> Vec<String> {
    let all = report.findings.iter().flat_map(|f| f.occurrences.iter().map(move |o| (f, o)));
    all.map(|(f, o)| format!("{} {} {:?}", f.rule.id, f.score, o.place)).collect()
}

fn contexts(report: &ScanReport) -> Vec<&str> {
    report.findings.iter().flat_map(|f| f.occurrences.iter().map(|o| o.context.as_str())).collect()
}

#[test]
fn lines_and_columns_are_those_an_editor_shows() {
    let token = samples::github_token(1);
    let text = format!("first\r\n  é漢😀 = \"{token}\" # 😀\n");
    let start = text.find(&token).unwrap() as u64;
    let scanner = Scanner::builtin();
    let place = scanner.scan_bytes("a", text.as_bytes()).findings[0].occurrences[0].place;
    assert_eq!((place.line, place.end_line), (2, 2));
    assert_eq!((place.span.start, place.span.end), (start, start + 40));
    assert_eq!(place.column, start - 7 + 1);
    // Two blanks, é, 漢, two units of 😀, ` = "`.
    assert_eq!((place.column_utf16, place.end_column_utf16), (2 + 1 + 1 + 2 + 4 + 1, 2 + 1 + 1 + 2 + 4 + 1 + 40));

    let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let place16 = scanner.scan_bytes("a", &utf16).findings[0].occurrences[0].place;
    assert_eq!((place16.line, place16.column_utf16), (2, place.column_utf16));
    let units = text[..start as usize].encode_utf16().count() as u64;
    assert_eq!(place16.span.start, 2 + 2 * units);
    assert_eq!(place16.span.len(), 80);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (text, planted) = planted_text(3);
    fs::write(dir.path().join("large.txt"), &text).unwrap();
    for (index, sample) in planted.iter().enumerate() {
        let sub = dir.path().join(format!("d{}", index % 13));
        fs::create_dir_all(&sub).unwrap();
        fs::write(sub.join(format!("f{index}.txt")), &sample.text).unwrap();
    }
    let scanner = Scanner::builtin();
    let source = Files::new(vec![dir.path().to_owned()], FileOptions::default()).unwrap();
    let one = json(&scan(&scanner, &source, 1));
    for threads in [2, 3, 8] {
        assert_eq!(json(&scan(&scanner, &source, threads)), one, "{threads} threads");
    }
}

#[test]
fn a_finding_is_a_value_and_not_a_place() {
    let (a, b) = (samples::github_token(1), samples::github_token(2));
    let scanner = Scanner::builtin();
    let report = scanner.scan_bytes("x", format!("{a}\n{b}\n\n  {a}\n").as_bytes());
    assert_eq!(report.findings.len(), 2);
    let places: Vec<_> = report.findings.iter().map(|f| f.occurrences.len()).collect();
    assert_eq!(places.iter().sum::<usize>(), 3);
    let moved = scanner.scan_bytes("y", format!("\n\n{a}").as_bytes());
    let fingerprint = |report: &ScanReport, token: &str| {
        report.findings.iter().find(|f| f.secret.expose() == token.as_bytes()).unwrap().fingerprint
    };
    assert_eq!(fingerprint(&moved, &a), fingerprint(&report, &a));
    assert_ne!(fingerprint(&report, &b), fingerprint(&report, &a));
}

#[test]
fn distinct_secrets_have_distinct_fingerprints() {
    let scanner = Scanner::builtin();
    let report = scanner.scan_bytes("x", &planted_text(5).0);
    let distinct: BTreeSet<_> = report.findings.iter().map(|finding| finding.fingerprint).collect();
    assert_eq!(distinct.len(), report.findings.len());
}

#[test]
fn no_pattern_is_compiled_before_a_candidate_asks() {
    let scanner = Scanner::builtin();
    let _ = scanner.scan_bytes("x", b"nothing to see here\n");
    assert_eq!(scanner.compiled_patterns(), 0);
    let _ = scanner.scan_bytes("x", samples::github_token(1).as_bytes());
    assert!((1..5).contains(&scanner.compiled_patterns()), "{}", scanner.compiled_patterns());
}

#[test]
fn an_allow_comment_silences_its_line_and_is_counted() {
    let token = samples::github_token(1);
    let report = Scanner::builtin().scan_bytes("x", format!("{token} # unleak:allow\n{token}\n").as_bytes());
    assert_eq!(report.findings[0].occurrences.len(), 1);
    assert_eq!(report.findings[0].occurrences[0].place.line, 2);
    assert_eq!(report.stats.allowed, 1);
}

/// A file made to be slow: a million openings of blocks that never end, keywords without a value, one long run.
#[test]
fn hostile_files_cost_no_more_than_a_few_times_others() {
    let scanner = Scanner::builtin();
    let of = |unit: &str| unit.repeat((1 << 20) / unit.len());
    let hostile = [
        of("-----BEGIN RSA PRIVATE KEY-----\n"),
        of("eyJhbGciOi."),
        of("token=\""),
        of("datadog "),
        of("password: "),
        of("https://a:"),
        of("AKIAAKIA"),
        of("postgres://u:"),
        "a".repeat(1 << 20),
    ];
    for text in hostile {
        let started = std::time::Instant::now();
        let _ = scanner.scan_bytes("x", text.as_bytes());
        let seconds = started.elapsed().as_secs_f64();
        assert!(seconds < 5.0, "{seconds:.1} s for 1 MiB of {:?}", &text[..10]);
    }
}
