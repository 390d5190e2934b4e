//! Decoding all blobs of a repository, against `git cat-file`.
//!
//! `cargo bench --bench git -- REPOSITORY [RUNS]`. Each blob's bytes are touched once. CPU time is that of this process.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use unleak::source::git::{Delta, KindSet, LargeObject, Object, ObjectStore, Op, Visitor, WalkPlan};

/// Touches every byte and adds up what a delta-aware scanner would look at.
#[derive(Default)]
struct Toucher {
    sum: u64,
    new_bytes: u64,
    joints: u64,
}

impl Visitor for Toucher {
    type State = ();

    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, ()>>) {
        self.sum += u64::from(object.content.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)));
        match delta {
            None => self.new_bytes += object.content.len() as u64,
            Some(delta) => {
                self.joints += delta.ops.len() as u64;
                for op in delta.ops {
                    if let Op::Insert { len, .. } = op {
                        self.new_bytes += u64::from(*len);
                    }
                }
            }
        }
    }

    fn visit_large(&mut self, _: &LargeObject, content: &mut dyn Read) {
        self.sum += io::copy(content, &mut io::sink()).unwrap_or(0);
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut out = io::stdout();
    let Some(repository) = arguments.next().map(PathBuf::from) else {
        return writeln!(out, "name a repository: cargo bench --bench git -- REPOSITORY [RUNS]");
    };
    let runs: usize = arguments.next().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let cases =
        [("blobs", KindSet::BLOBS, false), ("all objects", KindSet::ALL, false), ("verified", KindSet::ALL, true)];
    for (name, kinds, verify) in cases {
        for threads in [1, 2] {
            let mut measured: Vec<(Duration, Duration)> = Vec::new();
            for run in 0..runs {
                let (start, cpu) = (Instant::now(), cpu_time());
                let store = ObjectStore::open(&repository).map_err(io::Error::other)?;
                let interrupt = AtomicBool::new(false);
                let plan = WalkPlan { kinds, verify, ..WalkPlan::new(threads, &interrupt) };
                let walked = store.walk(&plan, &Toucher::default);
                measured.push((start.elapsed(), cpu_time() - cpu));
                if run == 0 {
                    let new: u64 = walked.visitors.iter().map(|toucher| toucher.new_bytes).sum();
                    let joints: u64 = walked.visitors.iter().map(|toucher| toucher.joints).sum();
                    let problems = walked.problems.len();
                    writeln!(out, "{name}: {:?}, {new} new bytes, {joints} steps, {problems} problems", walked.counts)?;
                }
            }
            measured.sort_unstable();
            let ((least, _), (wall, cpu)) = (measured[0], measured[measured.len() / 2]);
            writeln!(
                out,
                "{name}, {threads} threads: wall {wall:.3?} (least {least:.3?}) cpu {cpu:.3?}, median of {runs}"
            )?;
        }
    }
    writeln!(out, "peak resident {} MiB, pack included", peak_resident() >> 20)?;
    let start = Instant::now();
    let status = Command::new("git")
        .arg("-C")
        .arg(&repository)
        .args(["cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer"])
        .stdout(Stdio::null())
        .status()?;
    writeln!(out, "git cat-file, all objects: wall {:.3?} ({status})", start.elapsed())
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn peak_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}
