//! Joins sources to the scanner: a [`Receiver`] per thread, windows of large blobs put together again, one report.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    cache::{Cache, Notes},
    collect::{Collector, Hit},
    fingerprint::FingerprintKey,
    history::{self, Shelf, Sighted},
    lines::{Carry, LineCursor, LocalPosition},
    locate::{Located, Text, locate},
    records,
    scanner::{Observer, Scanner, Scratch, Window},
    talk::Talk,
};
use crate::{
    decode::{OffsetMap, Utf16},
    model::{
        ExportSummary, Notice, ObjectId, ObjectKind, Origin, Part, Problem, ProblemKind, Provenance, ScanReport, Stats,
    },
    source::{CHUNK_BYTES, Chunk, Known, LargeBlob, Memory, Met, Plan, Receiver, Record, Source, Version},
};

/// How a scan is to run.
pub struct ScanOptions<'a> {
    /// How many threads may work; at least 1.
    pub threads: usize,
    /// Should stages be timed?
    pub timed: bool,
    /// Is every version to be scanned in full, too? Where the two disagree, there is a problem, and the full scan counts.
    pub paranoid: bool,
    /// Yields the key of the findings' fingerprints. Called once, and only if there is a finding.
    pub key: &'a dyn Fn() -> FingerprintKey,
    /// Set from outside to end the scan early; what was found until then is reported.
    pub interrupt: &'a AtomicBool,
    /// Counts what is done while it is done.
    pub progress: &'a Progress,
}

/// Counters that another thread may watch.
#[derive(Debug, Default)]
pub struct Progress {
    /// Blobs scanned.
    pub blobs: AtomicU64,
    /// Bytes scanned.
    pub bytes: AtomicU64,
    /// Bytes that are known to come, of those that are known: 0 if none are.
    pub expected: AtomicU64,
    /// Is all scanned, and only the report to be written?
    pub done: AtomicBool,
}

/// A scan of one source after the other into one report.
pub struct Scan<'s> {
    scanner: &'s Scanner,
    options: &'s ScanOptions<'s>,
    started: Instant,
    /// Time spent on measuring the floor, which is no part of the scan.
    floor: Duration,
    shared: Shared,
}

impl<'s> Scan<'s> {
    /// A scan that has seen nothing yet.
    #[must_use]
    pub fn new(scanner: &'s Scanner, options: &'s ScanOptions<'s>) -> Scan<'s> {
        Scan { scanner, options, started: Instant::now(), floor: Duration::ZERO, shared: Shared::default() }
    }

    /// Scans everything that `source` yields, and asks it where in history the secrets found stand.
    pub fn run(&mut self, source: &dyn Source) {
        self.run_with(source, None);
    }

    /// As [`Scan::run`], but objects of git repositories that `cache` knows to hold nothing are left out, and those that
    /// are scanned are noted in it. It must have been opened for this scanner. A paranoid scan leaves nothing out.
    pub fn run_cached(&mut self, source: &dyn Source, cache: &mut Cache) {
        let known: Option<&dyn Known> = if self.options.paranoid { None } else { Some(&*cache) };
        let notes = self.run_with(source, known);
        cache.absorb(notes);
    }

    fn run_with(&mut self, source: &dyn Source, known: Option<&dyn Known>) -> Vec<Notes> {
        let plan = self.plan();
        let plan = Plan { known, ..plan };
        let shared = Mutex::new(std::mem::take(&mut self.shared));
        let (scanner, progress) = (self.scanner, self.options.progress);
        let effort = Effort { timed: self.options.timed, paranoid: self.options.paranoid, noted: known.is_some() };
        source.run(&plan, &|| Box::new(Worker::new(scanner, effort, progress, &shared)));
        self.shared = shared.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.note_interrupt();
        let mut of_records = std::mem::take(&mut self.shared.of_records);
        let mut sighted = std::mem::take(&mut self.shared.sighted);
        for (provenance, chunks) in std::mem::take(&mut self.shared.large) {
            let hits = join_chunks(&provenance, chunks);
            match provenance {
                Provenance::Git(_) => sighted.extend(Shelf::default().sighted(hits)),
                Provenance::Record(_) => of_records.extend(hits),
                _ => self.shared.collector.extend(hits),
            }
        }
        if !of_records.is_empty() {
            let problems = &mut self.shared.problems;
            source.resolve(&plan, &mut records::places(&mut of_records), &mut |problem| problems.push(problem));
            self.shared.collector.extend(of_records);
        }
        if let Some(first) = sighted.first().and_then(|sighted| sighted.hits.first()).map(|(hit, _)| Arc::clone(hit)) {
            let traced = Instant::now();
            let wanted = history::wanted(&sighted);
            sighted.iter().for_each(|sighted| self.shared.collector.hide(&sighted.hits));
            let traces = source.trace(&plan, &wanted, &mut |problem| self.shared.problems.push(problem));
            self.note_interrupt();
            let (places, left_out) = history::most_places(&sighted, &traces);
            if let (Provenance::Git(place), 1..) = (&first.occurrence.provenance, left_out) {
                let message = format!("secrets stand at {left_out} more paths of its history than can be reported");
                let provenance = Provenance::File(place.repository.to_path_buf());
                self.shared.problems.push(Problem { provenance, kind: ProblemKind::Limit, message });
            }
            let limits = history::Limits { min_score: self.scanner.min_score(), places };
            let hits = history::resolve(&sighted, &traces, limits, plan.threads);
            self.shared.collector.extend(hits);
            self.shared.stats.times.history += traced.elapsed();
        }
        if self.options.timed {
            let begun = Instant::now();
            self.shared.stats.times.floor += source.floor(&plan).unwrap_or_default();
            self.floor += begun.elapsed();
        }
        std::mem::take(&mut self.shared.notes)
    }

    /// After an interrupt what was found is only put together, however long that takes.
    fn note_interrupt(&self) {
        if self.options.interrupt.load(Ordering::Relaxed) {
            self.options.progress.done.store(true, Ordering::Relaxed);
        }
    }

    /// Adds something that was not scanned.
    pub fn problem(&mut self, problem: Problem) {
        self.shared.problems.push(problem);
    }

    /// Everything found.
    #[must_use]
    pub fn finish(self) -> ScanReport {
        self.options.progress.done.store(true, Ordering::Relaxed);
        let Shared { collector, problems, mut exports, mut notices, mut stats, .. } = self.shared;
        stats.times.wall = self.started.elapsed().saturating_sub(self.floor);
        exports.sort();
        notices.sort();
        ScanReport { exports, notices, ..collector.into_report(self.scanner, self.options.key, problems, stats) }
    }

    fn plan(&self) -> Plan<'s> {
        Plan {
            threads: self.options.threads.max(1),
            overlap: self.scanner.overlap(),
            timed: self.options.timed,
            interrupt: self.options.interrupt,
            known: None,
        }
    }
}

impl Scanner {
    /// Scans everything that `source` yields.
    #[must_use]
    pub fn scan(&self, source: &dyn Source, options: &ScanOptions<'_>) -> ScanReport {
        let mut scan = Scan::new(self, options);
        scan.run(source);
        scan.finish()
    }

    /// Scans bytes in memory under a display name, with a fixed fingerprint key: for use as a library.
    #[must_use]
    pub fn scan_bytes(&self, name: &str, bytes: &[u8]) -> ScanReport {
        struct Memory<'a>(&'a str, &'a [u8]);
        impl Source for Memory<'_> {
            fn run<'r>(&self, plan: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
                hand_over(Origin::Named(self.0), self.1, plan, &mut *receiver());
            }
        }
        self.scan_source(&Memory(name, bytes))
    }

    /// Scans a source on one thread, with a fixed fingerprint key: for use as a library.
    #[must_use]
    pub fn scan_source(&self, source: &dyn Source) -> ScanReport {
        let (interrupt, progress) = (AtomicBool::new(false), Progress::default());
        let key = || FingerprintKey::new([0; 32]);
        let options = ScanOptions {
            threads: 1,
            timed: false,
            paranoid: false,
            key: &key,
            interrupt: &interrupt,
            progress: &progress,
        };
        self.scan(source, &options)
    }
}

/// Hands bytes in memory to a receiver, in chunks if they are many.
pub fn hand_over(origin: Origin<'_>, bytes: &[u8], plan: &Plan<'_>, receiver: &mut dyn Receiver) {
    if bytes.len() <= CHUNK_BYTES {
        return receiver.blob(origin, Part::Content, bytes);
    }
    let head = bytes[..LargeBlob::HEAD].to_vec();
    let blob = LargeBlob { provenance: origin.to_provenance(), head };
    for start in (0..bytes.len()).step_by(CHUNK_BYTES) {
        let end = (start + CHUNK_BYTES).min(bytes.len());
        let window = start.saturating_sub(plan.overlap.before)..(end + plan.overlap.after).min(bytes.len());
        let chunk = Chunk { start: window.start as u64, owned: start as u64..end as u64, bytes: &bytes[window] };
        receiver.chunk(&blob, chunk);
    }
}

/// What all threads add to.
#[derive(Debug, Default)]
struct Shared {
    collector: Collector,
    /// What was found in objects, whose place in history isn't known yet.
    sighted: Vec<Sighted>,
    /// Hits in records of which not everything is known yet.
    of_records: Vec<Hit>,
    large: BTreeMap<Provenance, Vec<ScannedChunk>>,
    problems: Vec<Problem>,
    exports: Vec<ExportSummary>,
    notices: Vec<Notice>,
    stats: Stats,
    notes: Vec<Notes>,
}

/// A chunk's matches, and what it leaves to the next.
#[derive(Debug)]
struct ScannedChunk {
    start: u64,
    end: LocalPosition,
    located: Vec<Located>,
}

/// Places of a large blob's matches: each chunk continues where the one before ended.
fn join_chunks(provenance: &Provenance, mut chunks: Vec<ScannedChunk>) -> Vec<Hit> {
    chunks.sort_by_key(|chunk| chunk.start);
    let mut carry = Carry::default();
    let mut hits = Vec::new();
    for chunk in chunks {
        hits.extend(chunk.located.into_iter().map(|l| Hit::new(l, carry, provenance.clone(), Part::Content)));
        carry = carry.after(&chunk.end);
    }
    hits
}

/// What is done beyond scanning: see [`ScanOptions`].
#[derive(Clone, Copy)]
struct Effort {
    timed: bool,
    paranoid: bool,
    /// Is what objects hold to be noted for a cache?
    noted: bool,
}

/// One thread's receiver.
struct Worker<'s> {
    scanner: &'s Scanner,
    scratch: Scratch,
    /// For the full scan beside that of versions.
    second: Option<Box<Scratch>>,
    progress: &'s Progress,
    shared: &'s Mutex<Shared>,
    hits: Vec<Hit>,
    of_records: Vec<Hit>,
    sighted: Vec<Sighted>,
    shelf: Shelf,
    chunks: Vec<(Provenance, ScannedChunk)>,
    problems: Vec<Problem>,
    notes: Option<Box<Notes>>,
    /// Public ids in the records before.
    talk: Talk,
    /// Was anything found since the source last asked?
    has_found: bool,
    /// Blobs and bytes that are not in `progress` yet: small records are many, and all threads add to it.
    untold: (u64, u64),
}

/// So many bytes are told to whoever watches at once.
const TOLD_BYTES: u64 = 256 << 10;

impl<'s> Worker<'s> {
    fn new(scanner: &'s Scanner, effort: Effort, progress: &'s Progress, shared: &'s Mutex<Shared>) -> Worker<'s> {
        Worker {
            scanner,
            scratch: Scratch::timed(effort.timed),
            second: effort.paranoid.then(Box::default),
            progress,
            shared,
            hits: Vec::new(),
            of_records: Vec::new(),
            sighted: Vec::new(),
            shelf: Shelf::default(),
            chunks: Vec::new(),
            problems: Vec::new(),
            notes: effort.noted.then(Box::default),
            talk: Talk::default(),
            has_found: false,
            untold: (0, 0),
        }
    }

    fn keep(&mut self, located: Vec<Located>, origin: Origin<'_>, part: Part) {
        self.has_found |= !located.is_empty();
        let hits = located.into_iter().map(|l| Hit::new(l, Carry::default(), origin.to_provenance(), part));
        match origin {
            Origin::Object(_) => self.sighted.extend(self.shelf.sighted(hits.collect())),
            Origin::Record(_) => self.of_records.extend(hits),
            _ => self.hits.extend(hits),
        }
    }

    fn count(&mut self, blobs: u64, bytes: u64) {
        self.scratch.stats.blobs += blobs;
        self.scratch.stats.bytes += bytes;
        self.untold = (self.untold.0 + blobs, self.untold.1 + bytes);
        if self.untold.1 >= TOLD_BYTES {
            self.tell_progress();
        }
    }

    fn tell_progress(&mut self) {
        let (blobs, bytes) = std::mem::take(&mut self.untold);
        self.progress.blobs.fetch_add(blobs, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A window as stored, with its owned part as offsets in the blob.
pub(super) struct StoredWindow<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: u64,
    pub(super) owned: std::ops::Range<u64>,
    pub(super) encoding: Option<Utf16>,
    pub(super) origin: Origin<'a>,
}

/// Scans a window; returns its matches and the position at the end of its owned part.
pub(super) fn scan_stored(
    scanner: &Scanner,
    stored: &StoredWindow<'_>,
    scratch: &mut Scratch,
    observer: &mut impl Observer,
) -> (Vec<Located>, OffsetMap, Vec<u8>) {
    let (decoded, map) = match stored.encoding {
        Some(encoding) => encoding.decode(stored.bytes, stored.start),
        None => (Vec::new(), OffsetMap::identity(stored.start)),
    };
    let bytes = if stored.encoding.is_some() { &decoded } else { stored.bytes };
    let owned = map.to_text(stored.owned.start)..map.to_text(stored.owned.end).min(bytes.len());
    let found = scanner.scan_window(&Window { bytes, owned: owned.clone(), origin: stored.origin }, scratch, observer);
    if found.is_empty() {
        return (Vec::new(), map, decoded);
    }
    let (located, allowed) = locate(&Text { bytes, owned, map: &map }, found, scanner, observer);
    scratch.stats.allowed += allowed;
    (located, map, decoded)
}

/// The scan of a version and the full one disagree: a mistake of ours.
fn unequal(origin: Origin<'_>) -> Problem {
    let message = "its scan as a version differs from the full one, which counts; please report this".to_owned();
    Problem { provenance: origin.to_provenance(), kind: ProblemKind::Inconsistent, message }
}

impl Receiver for Worker<'_> {
    fn blob(&mut self, origin: Origin<'_>, part: Part, bytes: &[u8]) {
        let encoding =
            if part == Part::Content { Utf16::detect(&bytes[..bytes.len().min(LargeBlob::HEAD)]) } else { None };
        let stored = StoredWindow { bytes, start: 0, owned: 0..bytes.len() as u64, encoding, origin };
        let allowed = self.scratch.stats.allowed;
        let (located, ..) = scan_stored(self.scanner, &stored, &mut self.scratch, &mut ());
        if let (Some(notes), Origin::Object(_)) = (&mut self.notes, origin) {
            notes.gather(&self.scratch, !located.is_empty() || self.scratch.stats.allowed > allowed);
        }
        if part == Part::Content {
            self.count(1, bytes.len() as u64);
        }
        self.keep(located, origin, part);
    }

    fn version(&mut self, origin: Origin<'_>, version: Version<'_>) -> Memory {
        let Version { bytes, base, is_base } = version;
        if Utf16::detect(&bytes[..bytes.len().min(LargeBlob::HEAD)]).is_some() {
            self.blob(origin, Part::Content, bytes);
            return Memory::Unknown;
        }
        let window = Window { bytes, owned: 0..bytes.len(), origin };
        let (mut found, memory) = self.scanner.scan_version(&window, base, is_base, &mut self.scratch);
        if let Some(second) = &mut self.second {
            let expected = self.scanner.scan_window(&window, second, &mut ());
            if found != expected {
                self.problems.push(unequal(origin));
                found = expected;
            }
        }
        self.count(1, bytes.len() as u64);
        if let Some(notes) = &mut self.notes {
            notes.gather(&self.scratch, !found.is_empty());
        }
        if !found.is_empty() {
            let map = OffsetMap::identity(0);
            let text = Text { bytes, owned: 0..bytes.len(), map: &map };
            let (located, allowed) = locate(&text, found, self.scanner, &mut ());
            self.scratch.stats.allowed += allowed;
            self.keep(located, origin, Part::Content);
        }
        memory
    }

    fn chunk(&mut self, blob: &LargeBlob, chunk: Chunk<'_>) {
        let encoding = Utf16::detect(&blob.head);
        let origin = blob.provenance.as_origin();
        let stored =
            StoredWindow { bytes: chunk.bytes, start: chunk.start, owned: chunk.owned.clone(), encoding, origin };
        let (located, map, decoded) = scan_stored(self.scanner, &stored, &mut self.scratch, &mut ());
        let text = if encoding.is_some() { &decoded } else { chunk.bytes };
        let start = map.to_text(chunk.owned.start);
        let end = LineCursor::new(text, &map, start).advance(map.to_text(chunk.owned.end).min(text.len()));
        self.count(u64::from(chunk.owned.start == 0), chunk.owned.end - chunk.owned.start);
        self.has_found |= !located.is_empty();
        self.chunks.push((blob.provenance.clone(), ScannedChunk { start: chunk.owned.start, end, located }));
    }

    fn record(&mut self, record: &Record<'_>) {
        let owned = 0..record.text.len() as u64;
        let origin = Origin::Named("");
        let stored = StoredWindow { bytes: record.text, start: 0, owned, encoding: None, origin };
        let (located, ..) = scan_stored(self.scanner, &stored, &mut self.scratch, &mut ());
        self.count(0, record.bytes);
        self.scratch.stats.records += 1;
        let mut hits = if located.is_empty() { Vec::new() } else { records::hits(located, record) };
        if self.talk.is_open() {
            self.talk.complete(record, &mut hits, self.scanner, |text| {
                let stored =
                    StoredWindow { bytes: text, start: 0, owned: 0..text.len() as u64, encoding: None, origin };
                scan_stored(self.scanner, &stored, &mut self.scratch, &mut ()).0
            });
        }
        if self.talk.is_open() || !hits.is_empty() {
            self.talk.listen(&hits, self.scanner);
        }
        self.of_records.append(&mut hits);
    }

    fn export(&mut self, summary: ExportSummary) {
        self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).exports.push(summary);
    }

    fn notice(&mut self, notice: Notice) {
        self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).notices.push(notice);
    }

    fn expect(&mut self, bytes: u64) {
        self.progress.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    fn met(&mut self) -> Met {
        self.notes.as_mut().map_or(Met::Nothing, |notes| notes.take())
    }

    fn has_found(&mut self) -> bool {
        std::mem::take(&mut self.has_found)
    }

    fn remember(&mut self, object: ObjectId, kind: ObjectKind, besides: Met) {
        if let Some(notes) = &mut self.notes {
            notes.remember(object, kind, besides);
        }
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn stats(&mut self) -> &mut Stats {
        &mut self.scratch.stats
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.tell_progress();
        let mut shared = self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.stats.add(&self.scratch.stats);
        shared.problems.append(&mut self.problems);
        shared.collector.extend(std::mem::take(&mut self.hits));
        shared.of_records.append(&mut self.of_records);
        shared.sighted.append(&mut self.sighted);
        shared.notes.extend(self.notes.take().map(|notes| *notes));
        for (provenance, chunk) in std::mem::take(&mut self.chunks) {
            shared.large.entry(provenance).or_default().push(chunk);
        }
    }
}
