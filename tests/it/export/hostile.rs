use std::path::Path;

use unleak::{
    Scanner,
    model::{ProblemKind, ScanReport},
    source::export::{Export, ExportError, ExportLimits, ExportOptions},
};

use super::plant::{Files, only, scan_export, token};

fn slack(day: impl Into<Vec<u8>>) -> Files {
    let mut files = Files::default();
    files
        .add("users.json", "[]")
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", day);
    files
}

fn scan_dir(files: &Files) -> ScanReport {
    let dir = tempfile::tempdir().unwrap();
    scan_export(&files.dir(dir.path()), ExportOptions::default())
}

fn message(secret: &str) -> String {
    format!(r#"{{"type":"message","user":"U1","ts":"1704103200.000100","text":"key {secret}"}}"#)
}

fn kinds(report: &ScanReport) -> Vec<ProblemKind> {
    report.problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn a_truncated_record_costs_no_other_and_is_scanned() {
    let (first, last) = (token(200), token(201));
    let day = format!("[{},{}", message(&first), &message(&last)[..message(&last).len() - 2]);
    let report = scan_dir(&slack(day));
    only(&report, &first);
    only(&report, &last);
    assert!(kinds(&report).contains(&ProblemKind::Malformed), "{:?}", report.problems);
}

#[test]
fn bad_bytes_and_bombs_cost_their_record() {
    let secrets: Vec<String> = (210..214).map(token).collect();
    let mut day = format!("[{},", message(&secrets[0])).into_bytes();
    day.extend(message(&secrets[1]).replace("key", "k\u{1}y").replace("U1", "\u{fffd}").bytes());
    day.extend(b",{\"text\":\"caf\xe9\"},");
    day.extend("[".repeat(100_000).bytes());
    day.extend("]".repeat(100_000).bytes());
    day.extend(format!(",{},{{\"a\":@}},{}]", message(&secrets[2]), message(&secrets[3])).bytes());
    let report = scan_dir(&slack(day));
    secrets.iter().for_each(|secret| drop(only(&report, secret).clone()));
    assert_eq!(kinds(&report), [ProblemKind::Malformed, ProblemKind::Malformed], "{:?}", report.problems);
}

#[test]
fn a_zip_without_its_directory_is_read_front_to_back() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(220);
    let mut bytes = slack(format!("[{}]", message(&secret))).zip_bytes();
    let directory = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes.truncate(directory);
    let path = dir.path().join("cut.zip");
    std::fs::write(&path, bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    only(&report, &secret);
    assert!(kinds(&report).contains(&ProblemKind::Truncated), "{:?}", report.problems);
}

#[test]
fn a_tar_that_is_cut_off_gives_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(230);
    let mut files = slack(format!("[{}]", message(&secret)));
    let noise: Vec<u8> = (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    files.add("general/picture.bin", noise);
    let mut bytes = files.tar_gz_bytes();
    bytes.truncate(bytes.len() / 2);
    let path = dir.path().join("cut.tar.gz");
    std::fs::write(&path, bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    only(&report, &secret);
    assert!(!report.problems.is_empty());
}

#[test]
fn limits_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(240);
    let mut files = slack(format!("[{}]", message(&secret)));
    let mut inner = Files::default();
    inner.add("zero.bin", vec![0_u8; 80 << 20]);
    files.add("general/bomb.zip", inner.zip_bytes());
    let mut deep = Files::default();
    deep.add("leaf.txt", "leaf");
    for depth in 0..8 {
        let mut around = Files::default();
        around.add(&format!("{depth}.zip"), deep.zip_bytes());
        deep = around;
    }
    files.add("general/deep.zip", deep.zip_bytes());
    let path = files.zip(&dir.path().join("export.zip"));
    let limits = ExportLimits { ratio: 10, ..ExportLimits::default() };
    let report = scan_export(&path, ExportOptions { limits, ..ExportOptions::default() });
    only(&report, &secret);
    assert_eq!(kinds(&report), [ProblemKind::Limit, ProblemKind::Limit], "{:?}", report.problems);
}

#[test]
fn two_systems_in_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (token(250), token(251));
    let mut files = slack(format!("[{}]", message(&first)));
    files.add(
        "dump/C0ABCDEFG.json",
        format!(r#"{{"channel_id":"C0ABCDEFG","name":"x","messages":[{}]}}"#, message(&second)),
    );
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    assert_eq!(only(&report, &first).system, "slack");
    assert_eq!(only(&report, &second).system, "slackdump-dump");
    assert_eq!(report.exports.len(), 2);
}

#[test]
fn what_no_system_claims_is_scanned_as_a_file() {
    let secret = token(260);
    let mut files = slack("[]");
    files.add("backup/.env", format!("GITLAB_TOKEN={secret}\n"));
    let report = scan_dir(&files);
    let found = report.findings.iter().find(|finding| finding.secret.expose() == secret.as_bytes()).unwrap();
    let path = found.occurrences[0].provenance.path().unwrap();
    assert!(path.ends_with("backup/.env"), "{path:?}");
}

#[test]
fn what_is_no_export_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "text").unwrap();
    let open = |path: &Path| Export::open(path, ExportOptions::default());
    assert!(matches!(open(dir.path()), Err(ExportError::Unknown { .. })));
    assert!(matches!(open(&dir.path().join("none")), Err(ExportError::Open { .. })));
    let options = ExportOptions { format: Some("nonsense".to_owned()), ..ExportOptions::default() };
    assert!(matches!(Export::open(dir.path(), options), Err(ExportError::Format { .. })));
}

#[test]
fn any_number_of_threads_tells_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = slack("[]");
    for day in 1..=20 {
        files.add(&format!("general/2024-02-{day:02}.json"), format!("[{}]", message(&token(300 + day))));
    }
    let path = files.zip(&dir.path().join("export.zip"));
    let report = |threads| {
        let export = Export::open(&path, ExportOptions::default()).unwrap();
        format!("{:?}", crate::engine::scan(&Scanner::builtin(), &export, threads).findings)
    };
    assert_eq!(report(1), report(4));
}
