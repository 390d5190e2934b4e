//! Size: memory must not grow with what is imported and listed. The ordinary tests compare two moderate sizes; the ignored one
//! takes a million and prints what it took.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{commands::Cli, fixture::Fixture};

/// What a run of the binary took.
struct Taken {
    peak_kib: u64,
    seconds: f64,
    lines: usize,
}

/// Runs the binary and watches its memory.
fn measure(cli: &Cli<'_>, args: &[&str]) -> Taken {
    let began = Instant::now();
    let mut child = cli.command(args).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let stdout = child.stdout.take().unwrap();
    let reader = thread::spawn(move || BufReader::new(stdout).split(b'\n').count());
    let mut peak_kib = 0;
    loop {
        // The high-water mark, so nothing between two looks is missed but the last few milliseconds.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let seen = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = peak_kib.max(seen.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{args:?}");
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Taken { peak_kib, seconds: began.elapsed().as_secs_f64(), lines: reader.join().unwrap() }
}

/// A report of so many findings.
fn write_report(path: &Path, findings: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for n in 0..findings {
        let line = json!({
            "type": "finding",
            "rule": { "id": "acme.token", "provider": "Acme", "severity": "high", "kind": "api-key", "identity": "bot" },
            "fingerprint": format!("v1:{n:032x}"), "score": 90, "preview": "acme_…", "public_id": null, "reasons": [],
            "occurrences": [{
                "provenance": { "kind": "file", "path": format!("dir{}/file{n}.txt", n % 1000) }, "part": "content",
                "place": { "line": n % 500 + 1, "column": 1 },
            }],
        });
        writeln!(out, "{line}").unwrap();
    }
    writeln!(out, "{}", json!({ "type": "summary", "schema": "unleak.report/v1", "summary": {} })).unwrap();
    out.flush().unwrap();
}

/// A credential report of AWS with so many users, each with a key.
fn write_inventory(path: &Path, users: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    writeln!(
        out,
        "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,\
         access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active"
    )
    .unwrap();
    for n in 0..users {
        writeln!(
            out,
            "svc-{n},arn:aws:iam::123456789012:user/svc-{n},2024-05-02T11:00:00+00:00,false,N/A,false,true,\
             2024-05-02T11:00:00+00:00,no_information,false"
        )
        .unwrap();
    }
    out.flush().unwrap();
}

/// What each step took for `size` findings and as many identities.
fn steps(size: u64) -> Vec<(&'static str, Taken)> {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    cli.ok(&["store", "init"]);
    write_report(&cli.home.path().join("report.jsonl"), size);
    write_inventory(&cli.home.path().join("report.csv"), size);
    let take = |name, args: &[&str]| (name, measure(&cli, args));
    let steps = vec![
        take("findings import", &["findings", "import", "report.jsonl", "--source", "ci", "--complete"]),
        take("findings list", &["findings", "list", "--format", "csv"]),
        take("inventory import", &["inventory", "import", "report.csv"]),
        take("inventory list", &["inventory", "list"]),
        take("inventory owners", &["inventory", "owners", "-f", "csv"]),
        take("report --by owner", &["report", "--by", "owner", "-o", "pages"]),
    ];
    assert_eq!(steps[1].1.lines as u64, size + 1, "a heading and each finding");
    assert_eq!(steps[3].1.lines as u64, size + 1, "a heading and each identity");
    assert!(cli.ok(&["store", "status"]).contains(&format!("identities   {size}")));
    steps
}

/// Held in memory, a finding or identity takes a kilobyte or more: for each of the others so much would be seen.
const GROWTH_BYTES: u64 = 300;

#[test]
fn memory_does_not_grow_with_findings_and_identities() {
    const SIZES: [u64; 2] = [1_000, 15_000];
    let [few, many] = SIZES.map(steps);
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        let grown = many.peak_kib.saturating_sub(few.peak_kib) * 1024;
        let allowed = GROWTH_BYTES * (SIZES[1] - SIZES[0]) + (4 << 20);
        assert!(grown < allowed, "{name}: {} KiB for a few, {} KiB for many", few.peak_kib, many.peak_kib);
        assert!(many.peak_kib < 400 << 10, "{name}: {} KiB", many.peak_kib);
    }
}

/// A list of a file is sorted on disk. Both sizes are more than it holds: from 40,000 rows on the peak stays where it is.
#[test]
fn lists_of_files_are_not_held() {
    const SIZES: [u64; 2] = [45_000, 80_000];
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let take = |size: u64, args: &[&str]| {
        write_inventory(&cli.home.path().join("report.csv"), size);
        measure(&cli, args)
    };
    for (args, lines) in [
        (&["inventory", "list", "report.csv", "-f", "csv"][..], SIZES.map(|size| size + 1)),
        (&["inventory", "owners", "report.csv"], [1, 1]),
    ] {
        let [few, many] = SIZES.map(|size| take(size, args));
        assert_eq!([few.lines as u64, many.lines as u64], lines);
        let grown = many.peak_kib.saturating_sub(few.peak_kib) * 1024;
        let allowed = GROWTH_BYTES * (SIZES[1] - SIZES[0]);
        assert!(grown < allowed, "{args:?}: {} KiB for a few, {} KiB for many", few.peak_kib, many.peak_kib);
    }
}

/// `cargo test --release --test it -- --ignored --nocapture a_million`
#[test]
#[ignore = "takes minutes"]
fn a_million_findings_and_identities_fit() {
    for (name, taken) in steps(1_000_000) {
        let line = format!("{name}: {:.1} s, {} MiB at most\n", taken.seconds, taken.peak_kib >> 10);
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        assert!(taken.peak_kib < 400 << 10, "{name}: {} KiB", taken.peak_kib);
    }
}
