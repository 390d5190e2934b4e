//! The floor of a directory scan: walk and read with a receiver that does nothing.
//!
//! `cargo bench --bench source -- DIR [ROUNDS]`. Besides the product it runs what it competes with, on the same tree
//! and thread count, in turn, and gives medians: wall clock, CPU time, files and bytes.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use unleak::{
    model::{Origin, Part, Problem, Stats},
    source::{Chunk, FileOptions, Files, LargeBlob, Overlap, Plan, Receiver, Source as _},
};

/// What was read, so that no contender can cheat.
#[derive(Default)]
struct Tally {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    fn add(&self, bytes: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

struct Counter<'t> {
    tally: &'t Tally,
    files: u64,
    bytes: u64,
    stats: Stats,
}

impl Receiver for Counter<'_> {
    fn blob(&mut self, _: Origin<'_>, part: Part, bytes: &[u8]) {
        if part == Part::Content {
            self.files += 1;
            self.bytes += bytes.len() as u64;
        }
    }

    fn chunk(&mut self, _: &LargeBlob, chunk: Chunk<'_>) {
        self.files += u64::from(chunk.owned.start == 0);
        self.bytes += chunk.owned.end - chunk.owned.start;
    }

    fn problem(&mut self, _: Problem) {}

    fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }
}

impl Drop for Counter<'_> {
    fn drop(&mut self) {
        self.tally.files.fetch_add(self.files, Ordering::Relaxed);
        self.tally.bytes.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// The product.
fn product(root: &Path, threads: usize, tally: &Tally) {
    let interrupt = AtomicBool::new(false);
    let overlap = Overlap { before: 512, after: 16 << 10 };
    let plan = Plan { threads, overlap, timed: false, interrupt: &interrupt, known: None };
    if let Ok(files) = Files::new(vec![root.to_owned()], FileOptions::default()) {
        files.run(&plan, &|| Box::new(Counter { tally, files: 0, bytes: 0, stats: Stats::default() }));
    }
}

/// One thread, `read_dir` and `fs::read`: what anybody would write first.
fn naive(root: &Path, _: usize, tally: &Tally) {
    let mut stack: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => stack.push(entry.path()),
                Ok(kind) if kind.is_file() => {
                    tally.add(fs::read(entry.path()).map_or(0, |bytes| bytes.len() as u64));
                }
                _ => {}
            }
        }
    }
}

/// The `ignore` crate's parallel walker and `fs::read`.
fn ignore_walker(root: &Path, threads: usize, tally: &Tally) {
    let mut builder = ignore::WalkBuilder::new(root);
    builder.standard_filters(false).add_custom_ignore_filename(".unleakignore").threads(threads);
    builder.build_parallel().run(|| {
        Box::new(|entry| {
            if let Some(entry) = entry.ok().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())) {
                tally.add(fs::read(entry.path()).map_or(0, |bytes| bytes.len() as u64));
            }
            ignore::WalkState::Continue
        })
    });
}

/// CPU seconds of this process so far, user and system, in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

type Contender = fn(&Path, usize, &Tally);

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let root = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let rounds: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(11);
    let contenders: [(&str, Contender); 3] = [("unleak", product), ("ignore+read", ignore_walker), ("naive", naive)];
    for threads in [1, 2] {
        let mut walls = vec![Vec::new(); contenders.len()];
        let mut cpu = vec![0.0; contenders.len()];
        let mut read = vec![(0, 0); contenders.len()];
        for _ in 0..rounds {
            for (index, (_, contender)) in contenders.iter().enumerate() {
                let tally = Tally::default();
                let (started, cpu_started) = (Instant::now(), cpu_seconds());
                contender(&root, threads, &tally);
                walls[index].push(started.elapsed().as_secs_f64());
                cpu[index] += cpu_seconds() - cpu_started;
                read[index] = (tally.files.into_inner(), tally.bytes.into_inner());
            }
        }
        for (index, (name, _)) in contenders.iter().enumerate() {
            walls[index].sort_by(f64::total_cmp);
            let (wall, (files, bytes)) = (walls[index][rounds / 2], read[index]);
            writeln!(
                std::io::stdout(),
                "{name:12} {threads} threads: {:7.1} ms wall (best {:.1}), {:7.1} ms CPU, {files} files, {:.1} MB: {:.0} MB/s, {:.0} files/s",
                wall * 1e3,
                walls[index][0] * 1e3,
                cpu[index] / rounds as f64 * 1e3,
                bytes as f64 / 1e6,
                bytes as f64 / 1e6 / wall,
                files as f64 / wall,
            )?;
        }
    }
    Ok(())
}
