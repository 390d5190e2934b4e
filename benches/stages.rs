//! One figure per stage of the engine, on a seeded log or on the file named by `UNLEAK_BENCH_FILE`.

#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and may fail loudly")]

mod data;

use std::{hint::black_box, sync::atomic::AtomicBool, time::Instant};

use unleak::{
    Scanner,
    decode::Utf16,
    engine::{
        FingerprintKey, Progress, ScanOptions,
        entropy::shannon,
        hand_over,
        prefilter::{Literal, Prefilter, PrefilterKind, PrefilterScratch},
    },
    model::Origin,
    rule::{builtin, compile},
    source::{Plan, Receiver, Source},
};

/// Median seconds of five runs, after one that does not count. A run says what it took.
fn median(run: impl FnMut() -> f64) -> f64 {
    let mut runs: Vec<f64> = std::iter::repeat_with(run).take(6).skip(1).collect();
    runs.sort_by(f64::total_cmp);
    runs[2]
}

fn seconds(mut work: impl FnMut()) -> f64 {
    median(|| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    })
}

/// Seconds that a scan spends between keywords and verdicts.
fn verdict_seconds(scanner: &Scanner, bytes: &[u8]) -> f64 {
    struct Once<'b>(&'b [u8]);
    impl Source for Once<'_> {
        fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
            hand_over(Origin::Named("a.yml"), self.0, plan, &mut *receiver());
        }
    }
    let (interrupt, progress) = (AtomicBool::new(false), Progress::default());
    let key = || FingerprintKey::new([0; 32]);
    let options =
        ScanOptions { threads: 1, timed: true, paranoid: false, key: &key, interrupt: &interrupt, progress: &progress };
    median(|| scanner.scan(&Once(bytes), &options).stats.times.confirm.as_secs_f64())
}

fn rate(name: &str, bytes: usize, work: impl FnMut()) {
    println!("{name:32} {:8.2} GB/s", bytes as f64 / seconds(work) / 1e9);
}

fn literals() -> Vec<Literal> {
    let mut all: Vec<Literal> = builtin()
        .iter()
        .flat_map(|rule| {
            rule.keywords.iter().map(|keyword| Literal {
                bytes: if rule.ignore_case { keyword.to_ascii_lowercase() } else { keyword.to_string() }
                    .into_bytes()
                    .into(),
                ignore_case: rule.ignore_case,
                next: None,
            })
        })
        .collect();
    all.sort_by(|a, b| (&a.bytes, a.ignore_case).cmp(&(&b.bytes, b.ignore_case)));
    all.dedup();
    all
}

fn main() {
    let text = match std::env::var_os("UNLEAK_BENCH_FILE") {
        Some(path) => std::fs::read(path).unwrap(),
        None => data::log(32 << 20),
    };
    let literals = literals();
    println!("{} rules, {} keywords, {} bytes", builtin().len(), literals.len(), text.len());
    for kind in [PrefilterKind::Auto, PrefilterKind::Portable, PrefilterKind::Reference] {
        let prefilter = Prefilter::new(literals.clone(), kind);
        let (mut scratch, mut hits) = (PrefilterScratch::default(), Vec::new());
        rate(&format!("prefilter, {}", prefilter.kernel_name()), text.len(), || {
            hits.clear();
            text.chunks(1 << 20).for_each(|chunk| prefilter.find(chunk, &mut scratch, &mut hits));
        });

        println!("{:32} {:8.0} per MB", "  hits", hits.len() as f64 * 1e6 / text.len() as f64);
    }
    println!(
        "{:32} {:8.2} ms",
        "prefilter, build",
        1e3 * seconds(|| {
            black_box(Prefilter::new(literals.clone(), PrefilterKind::Auto));
        })
    );
    let scanner = Scanner::builtin();
    rate("whole scan, one thread", text.len(), || {
        black_box(scanner.scan_bytes("log", &text));
    });
    println!(
        "{:32} {:8.3} ms each",
        "compiling patterns",
        1e3 / builtin().len() as f64
            * seconds(|| {
                builtin().iter().for_each(|rule| {
                    black_box(compile(rule).unwrap());
                });
            })
    );
    let tokens: Vec<&[u8]> = text.chunks_exact(40).take(100_000).collect();
    println!(
        "{:32} {:8.0} ns each",
        "entropy of 40 bytes",
        1e9 / tokens.len() as f64
            * seconds(|| {
                tokens.iter().for_each(|token| {
                    black_box(shannon(token));
                });
            })
    );
    let assignments = data::assignments(20_000);
    let matches = scanner.scan_bytes("a.yml", &assignments).stats.matches as f64;
    let mut found = 0;
    let each = |seconds: f64| 1e9 * seconds / matches;
    let scanned = seconds(|| found = black_box(scanner.scan_bytes("a.yml", &assignments)).findings.len());
    let verdicts = verdict_seconds(&scanner, &assignments);
    println!("{:32} {:8.0} ns each, from keyword to verdict", "candidates of the generic model", each(verdicts));
    println!("{:32} {:8.0} ns each, with the prefilter and a report of {found} findings", "", each(scanned));
    let utf16: Vec<u8> = text.iter().take(8 << 20).flat_map(|byte| [*byte, 0]).collect();
    rate("decoding UTF-16", utf16.len(), || {
        black_box(Utf16::LittleEndian.decode(&utf16, 0));
    });
}
