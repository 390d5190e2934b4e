//! Visiting every object of a store: bases before what hangs on them, each entry inflated once, on several threads.
//!
//! A walk goes in rounds. A round builds the delta forests of its packs, hands their roots and the loose objects to the
//! threads, blobs first, then tries other copies of what could not be decoded. Packs that appeared meanwhile (a repack by someone
//! else) make the next round.

use std::{
    collections::HashSet,
    io::Read,
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{
    Fault, Kind, KindSet, ObjectFormat, ObjectId, Op, StoreProblem,
    descent::{Frame, Worker},
    duplicates::{Duplicates, Earlier},
    forest::{Forest, Selection},
    pack::Pack,
    queue::{Queue, SendHome},
    reader::Places,
};
use crate::source::Known;

/// Receives objects on one thread of a walk.
pub trait Visitor: Send {
    /// What a base hands down to the objects that are stored as deltas against it. Kept until the last of them was
    /// visited, so it should be small; it may cross threads.
    type State: Send + Sync;

    /// An object in memory. `delta` tells how it is made from another one that was visited before, possibly on another
    /// thread; without it the object has nothing to be compared with.
    ///
    /// What is returned is handed to the objects that hang on this one, or dropped if there are none.
    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, Self::State>>) -> Self::State;

    /// An object too large for memory ([`WalkPlan::max_object_bytes`]). Corrupt content ends with an error from
    /// `content`, of which the walk makes a problem: ignore it. It need not be read to the end.
    fn visit_large(&mut self, object: &LargeObject, content: &mut dyn Read);

    /// All blobs were handed over to these visitors, one per thread; commits, trees and tags follow. Not so for blobs of
    /// packs that appear during the walk, and for those that only turn out to be blobs when they are decoded.
    fn blobs_are_done(visitors: &mut [Self])
    where
        Self: Sized,
    {
        let _ = visitors;
    }
}

/// An object in memory.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Its id.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// All of its content.
    pub content: &'a [u8],
    /// Will other objects be visited that hang on it? If not, the state returned for it is dropped.
    pub is_base: bool,
}

/// An object that is handed over as a stream.
#[derive(Clone, Copy, Debug)]
pub struct LargeObject {
    /// Its id.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// Length of its content by its header.
    pub size: u64,
}

/// How an object is made from its base.
#[derive(Debug)]
pub struct Delta<'a, S> {
    /// The base's content.
    pub base: &'a [u8],
    /// What the visit of the base returned.
    pub state: &'a S,
    /// The steps, from front to back, covering all of the object's content.
    pub ops: &'a [Op],
}

/// How to walk.
#[derive(Clone, Copy, Debug)]
pub struct WalkPlan<'a> {
    /// How many threads; at least 1.
    pub threads: usize,
    /// Which kinds to visit. Others are never inflated.
    pub kinds: KindSet,
    /// Are ids to be recomputed? Takes 2.3 times as long (all of ansible: 3.5 s CPU instead of 1.5).
    pub verify: bool,
    /// The largest object, base or delta that is held in memory; capped at 4 GiB. A larger object that is stored whole
    /// is streamed; a larger delta, or one against a larger base, is a problem. Objects above 8 MiB are decoded by one
    /// thread at a time, so peak memory is about three times this, plus a few objects below 8 MiB per thread, plus 29
    /// bytes for each object in the store.
    pub max_object_bytes: usize,
    /// How many bytes of bases all threads together keep while they visit what hangs on them. Beyond it bases are
    /// dropped and decoded again. The base in use isn't counted.
    pub max_held_bytes: usize,
    /// How many bytes of objects may be decoded in all; then the walk ends with a problem. Twenty bytes of a hostile
    /// delta can make an object of `max_object_bytes`, so without a limit a small pack could last for days.
    pub max_total_bytes: u64,
    /// Set from outside when the walk is to end early.
    pub interrupt: &'a AtomicBool,
    /// Objects that aren't to be visited. They are decoded only where one that is visited hangs on them.
    pub known: Option<&'a dyn Known>,
}

impl<'a> WalkPlan<'a> {
    /// Every kind, no verification, objects up to 128 MiB, 4 TiB in all.
    #[must_use]
    pub fn new(threads: usize, interrupt: &'a AtomicBool) -> WalkPlan<'a> {
        WalkPlan {
            threads,
            kinds: KindSet::ALL,
            verify: false,
            max_object_bytes: 128 << 20,
            max_held_bytes: 128 << 20,
            max_total_bytes: 4 << 40,
            interrupt,
            known: None,
        }
    }

    fn is_over(&self, decoded: &AtomicU64) -> bool {
        self.interrupt.load(Ordering::Relaxed) || decoded.load(Ordering::Relaxed) > self.max_total_bytes
    }
}

/// What a walk has to say in the end.
#[derive(Debug)]
pub struct Walked<V> {
    /// The visitors, one per thread.
    pub visitors: Vec<V>,
    /// What could not be visited, sorted; with `verify` also what was visited but isn't what its id says. Problems of
    /// opening the store aren't among them, those of packs that appeared since are.
    pub problems: Vec<StoreProblem>,
    /// What there was.
    pub counts: WalkCounts,
}

/// Numbers of objects by kind, in the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkCounts {
    /// How many different ones there are whose kind is known.
    pub found: [u64; 4],
    /// How many were visited.
    pub visited: [u64; 4],
    /// How many weren't, because they are known ([`WalkPlan::known`]).
    pub known: [u64; 4],
    /// Bytes of the visited ones.
    pub bytes: u64,
    /// Entries inflated. Of objects stored twice only one copy is, unless others hang on it.
    pub inflated: u64,
}

impl WalkCounts {
    pub(super) fn count(&mut self, kind: Kind, bytes: u64) {
        self.visited[kind as usize - 1] += 1;
        self.bytes += bytes;
    }

    pub(super) fn add(&mut self, other: &WalkCounts) {
        for at in 0..4 {
            self.found[at] += other.found[at];
            self.visited[at] += other.visited[at];
            self.known[at] += other.known[at];
        }
        self.bytes += other.bytes;
        self.inflated += other.inflated;
    }
}

/// A part of a round that a thread takes.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// Trees of one forest, by rank of their roots.
    Trees { forest: usize, roots: Range<usize> },
    /// Loose objects.
    Loose(Range<usize>),
    /// An object that could not be decoded: other copies of it, then what hangs on it.
    Retry(Failure),
}

/// An object of a pack that could not be decoded.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) forest: usize,
    pub(super) entry: FailedEntry,
    pub(super) fault: Fault,
}

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(super) enum FailedEntry {
    /// A node of the forest.
    Node(u32),
    /// A position of the index without a node.
    Position(u32),
}

/// Subtrees that one thread gives to another: a decoded base and some of its children.
pub(super) struct Task<S> {
    pub(super) forest: usize,
    pub(super) frame: Frame<S>,
}

/// A round visits blobs first, then everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Blobs,
    Others,
}

/// What the threads of a round share.
pub(super) struct Round<'w, S> {
    pub(super) plan: &'w WalkPlan<'w>,
    pub(super) format: ObjectFormat,
    pub(super) places: Places<'w>,
    pub(super) forests: &'w [Forest],
    pub(super) loose: &'w [ObjectId],
    pub(super) duplicates: &'w Duplicates,
    pub(super) queue: Queue<Task<S>>,
    pub(super) phase: Phase,
    /// Held by the one thread that decodes large objects.
    pub(super) large: Mutex<()>,
    /// Bytes decoded so far, in all rounds.
    decoded: &'w AtomicU64,
    jobs: Vec<Job>,
    next_job: AtomicUsize,
}

impl<S> Round<'_, S> {
    pub(super) fn next_job(&self) -> Option<&Job> {
        self.jobs.get(self.next_job.fetch_add(1, Ordering::Relaxed))
    }

    /// Is the walk to end, by a wish from outside or because it has decoded too much?
    pub(super) fn is_over(&self) -> bool {
        self.plan.is_over(self.decoded)
    }

    pub(super) fn add_decoded(&self, bytes: u64) {
        self.decoded.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What one thread brings home.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub(super) counts: WalkCounts,
    pub(super) problems: Vec<StoreProblem>,
    pub(super) failures: Vec<Failure>,
    /// Loose objects that turned out not to be blobs.
    pub(super) deferred: Vec<ObjectId>,
}

/// Roots per job: enough to make taking one cheap, few enough that the last ones don't leave threads idle.
const TREES_PER_JOB: usize = 8;
const LOOSE_PER_JOB: usize = 32;

/// What a round visits.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// All packs, and these loose objects: sorted, none of them packed.
    All { loose: &'a [ObjectId] },
    /// The packs after the first `earlier_packs`, which appeared since these and the loose objects were visited.
    NewPacks { earlier_packs: usize, visited_loose: &'a [ObjectId] },
}

/// A walk between its rounds.
pub(super) struct Walk<'w, V> {
    plan: &'w WalkPlan<'w>,
    format: ObjectFormat,
    visitors: Vec<V>,
    counts: WalkCounts,
    problems: Vec<StoreProblem>,
    decoded: AtomicU64,
}

impl<'w, V: Visitor> Walk<'w, V> {
    pub(super) fn new(plan: &'w WalkPlan<'w>, format: ObjectFormat, make: &(dyn Fn() -> V + Sync)) -> Walk<'w, V> {
        let visitors = (0..plan.threads.max(1)).map(|_| make()).collect();
        Walk { plan, format, visitors, counts: WalkCounts::default(), problems: Vec::new(), decoded: AtomicU64::new(0) }
    }

    /// Visits what `scope` says.
    pub(super) fn round(&mut self, places: Places<'_>, scope: Scope<'_>) {
        let failed: HashSet<ObjectId> = self.problems.iter().filter_map(|problem| problem.object).collect();
        let (earlier_packs, loose, earlier) = match scope {
            Scope::All { loose } => (0, loose, None),
            Scope::NewPacks { earlier_packs: packs, visited_loose: loose } => {
                (packs, [].as_slice(), Some(Earlier { packs, loose, failed: &failed }))
            }
        };
        let duplicates = Duplicates::find(places.packs, earlier.as_ref());
        let selection = Selection {
            kinds: self.plan.kinds,
            known: self.plan.known,
            duplicates: &duplicates,
            threads: self.visitors.len(),
        };
        let numbers = earlier_packs..places.packs.len();
        let forests: Vec<Forest> = numbers.map(|number| Forest::new(number, places, selection)).collect();
        for forest in &forests {
            for at in 0..4 {
                self.counts.found[at] += forest.found[at];
                self.counts.known[at] += forest.known[at];
            }
        }
        if earlier.is_some() {
            // What failed before and is in a new pack is tried again, so it is no problem any more, or a new one.
            let is_new = |id: &ObjectId| places.packs[earlier_packs..].iter().any(|pack| has(pack, id));
            self.problems.retain(|problem| !problem.object.as_ref().is_some_and(is_new));
        }
        let decoded = std::mem::take(&mut self.decoded);
        let mut deferred = Vec::new();
        for phase in [Phase::Blobs, Phase::Others] {
            let loose = if phase == Phase::Blobs { loose } else { &deferred };
            let mut jobs = jobs(&forests, loose.len(), phase);
            let mut found = Vec::new();
            while !jobs.is_empty() {
                let round = Round {
                    plan: self.plan,
                    format: self.format,
                    places,
                    forests: &forests,
                    loose,
                    duplicates: &duplicates,
                    queue: Queue::new(self.visitors.len()),
                    phase,
                    large: Mutex::new(()),
                    decoded: &decoded,
                    jobs,
                    next_job: AtomicUsize::new(0),
                };
                jobs = self.run(&round, &mut found).into_iter().map(Job::Retry).collect();
            }
            if phase == Phase::Blobs {
                // Threads take objects as they come.
                found.sort_unstable();
                deferred = found;
                V::blobs_are_done(&mut self.visitors);
            }
        }
        self.decoded = decoded;
    }

    /// Is the walk to end, by a wish from outside or because it has decoded too much?
    pub(super) fn is_over(&self) -> bool {
        self.plan.is_over(&self.decoded)
    }

    /// Lets the threads do the jobs; returns what is to be tried again, and adds to `deferred` what is for later.
    fn run(&mut self, round: &Round<'_, V::State>, deferred: &mut Vec<ObjectId>) -> Vec<Failure> {
        let visitors = std::mem::take(&mut self.visitors);
        let harvests: Vec<(V, Harvest)> = std::thread::scope(|scope| {
            let start = |visitor| {
                scope.spawn(move || {
                    let _guard = SendHome(&round.queue);
                    Worker::new(round, visitor).run()
                })
            };
            let running: Vec<_> = visitors.into_iter().map(start).collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)))
                .collect()
        });
        let mut failures = Vec::new();
        for (visitor, harvest) in harvests {
            self.visitors.push(visitor);
            self.counts.add(&harvest.counts);
            self.problems.extend(harvest.problems);
            failures.extend(harvest.failures);
            deferred.extend(harvest.deferred);
        }
        failures
    }

    /// `more` are problems met between the rounds; `path` names the store.
    pub(super) fn finish(mut self, mut more: Vec<StoreProblem>, path: &Path) -> Walked<V> {
        if self.decoded.into_inner() > self.plan.max_total_bytes {
            more.push(StoreProblem::file(path, Fault::TotalTooLarge { limit: self.plan.max_total_bytes }));
        }
        self.problems.append(&mut more);
        self.problems.sort_by(|a, b| (&a.path, a.object).cmp(&(&b.path, b.object)));
        Walked { visitors: self.visitors, problems: self.problems, counts: self.counts }
    }
}

fn has(pack: &Arc<Pack>, id: &ObjectId) -> bool {
    pack.index.find(id.as_bytes()).is_some()
}

fn jobs(forests: &[Forest], loose: usize, phase: Phase) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (number, forest) in forests.iter().enumerate() {
        let roots = match phase {
            Phase::Blobs => 0..forest.blob_roots,
            Phase::Others => forest.blob_roots..forest.roots.len(),
        };
        jobs.extend(parts(roots, TREES_PER_JOB).map(|roots| Job::Trees { forest: number, roots }));
        if phase == Phase::Others {
            jobs.extend(forest.lost.iter().map(|(position, fault)| {
                Job::Retry(Failure { forest: number, entry: FailedEntry::Position(*position), fault: fault.clone() })
            }));
        }
    }
    jobs.extend(parts(0..loose, LOOSE_PER_JOB).map(Job::Loose));
    jobs
}

fn parts(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(size).map(move |start| start..(start + size).min(range.end))
}
