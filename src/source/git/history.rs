//! Where in history objects stand: one walk over all commits and trees, whatever the number of objects asked for.
//!
//! ```text
//! record: each tree's wanted entries and subtrees, each commit's tree and parents   (parallel, along the deltas)
//! sets:   what wanted things a tree holds, as one number: equal for most versions of a tree    (parallel)
//! order:  commits, parents first; what is reachable from where
//! places: for each different set of a root tree: its first and last commit, then the paths in it
//! ```

mod order;
mod places;
mod record;
mod sets;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use foldhash::quality::RandomState;

use super::{KindSet, ObjectId, ObjectStore, StoreProblem, WalkPlan, ids::IdTable};
use crate::{
    model::{GitHistory, Reach},
    source::{RefSet, Trace, Traces, Wanted, crew::lock},
};
use order::Order;
use places::Places;
pub(super) use record::{Placed, Recorder, Tables, signatures};
use record::{Recording, Records};
use sets::Sets;

/// Where histories begin.
#[derive(Clone, Debug, Default)]
pub struct Tips {
    /// Refs by their full names.
    pub refs: Vec<(Vec<u8>, ObjectId)>,
    /// The commit at `HEAD`.
    pub head: Option<ObjectId>,
    /// The commits at `HEAD` of other work trees.
    pub heads: Vec<ObjectId>,
    /// What else keeps objects alive: logs of refs, `ORIG_HEAD` and the like.
    pub others: Vec<ObjectId>,
}

/// How much work finding places may take for a start, and for each entry of a tree that matters more: a small repository
/// of trees within trees can have more paths than atoms, but an entry of a real one stands in few directories.
const FIRST_STEPS: u64 = 500_000;
const STEPS_PER_EDGE: u64 = 8;

/// What was found out.
#[derive(Debug, Default)]
pub struct Attribution {
    /// Where wanted things stand.
    pub traces: Traces,
    /// What could not be read.
    pub problems: Vec<StoreProblem>,
    /// Were all places found? If not, there were too many.
    pub is_complete: bool,
}

/// What a walk recorded of commits, trees and tags.
#[derive(Debug)]
pub(super) struct Recorded(Records);

impl Recorded {
    /// Puts together what the threads of a walk recorded, all with the same tables.
    pub(super) fn new(tables: Arc<Tables>, recorders: Vec<Recorder>) -> Recorded {
        Recorded(Records::join(recorders, tables))
    }

    /// Was everything recorded that has to be known of these?
    pub(super) fn covers(&self, wanted: &Wanted) -> bool {
        let Recorded(records) = self;
        let covers = |id: &ObjectId| {
            records.tables().is_wanted(id) || records.commit_of(id).is_some() || records.tags.contains_key(id)
        };
        wanted.names.is_empty() && wanted.objects.iter().all(covers)
    }

    /// Where wanted things stand.
    pub(super) fn attribute(
        &self,
        tips: &Tips,
        wanted: &Wanted,
        (threads, interrupt): (usize, &AtomicBool),
    ) -> Attribution {
        let Recorded(records) = self;
        let (sets, order) = Sets::new(records, threads, || Order::new(records, tips));
        let mut places = Places::new(&sets, FIRST_STEPS + STEPS_PER_EDGE * records.edge_count() as u64, interrupt);
        places.add_commits(records, &order);
        places.add_unplaced(records);
        let mut traces = places.into_traces(records, &order);
        add_commits_and_tags(&mut traces, records, &order, wanted);
        traces.traces.trees = records.trees_of_names();
        traces.traces.refs = tips.refs.iter().map(|(name, _)| crate::model::Escaped(name).to_string()).collect();
        Attribution { traces: traces.traces, problems: Vec::new(), is_complete: traces.is_complete }
    }
}

/// Traces wanted objects. Cost: decoding all commits, trees and tags once, and about 10 bytes for each entry of a tree
/// that is a directory.
#[must_use]
pub fn attribute(
    store: &ObjectStore,
    tips: &Tips,
    wanted: &Wanted,
    threads: usize,
    interrupt: &AtomicBool,
) -> Attribution {
    let tables = Arc::new(Tables::new(wanted, &Arc::new(IdTable::new(store, threads))));
    let plan = WalkPlan { kinds: KindSet::HISTORY, ..WalkPlan::new(threads, interrupt) };
    let walked = store.walk(&plan, &|| Recording { recorder: Recorder::new(&tables), starts: Vec::new() });
    let recorders = walked.visitors.into_iter().map(|recording| recording.recorder).collect();
    let attribution = Recorded::new(tables, recorders).attribute(tips, wanted, (threads, interrupt));
    Attribution { problems: walked.problems, ..attribution }
}

/// Traces of wanted commits and tags: they stand for themselves.
fn add_commits_and_tags(found: &mut places::Found, records: &Records, order: &Order, wanted: &Wanted) {
    let mut commits: Vec<(u32, ObjectId)> =
        wanted.objects.iter().filter_map(|id| Some((records.commit_of(id)?, *id))).collect();
    // Which of too many are followed shouldn't depend on the seed of a hash.
    commits.sort_unstable();
    let refs = order.refs_to(&commits.iter().map(|(commit, _)| *commit).collect::<Vec<_>>());
    for ((commit, id), refs) in commits.into_iter().zip(refs) {
        let info = records.commit_info(commit);
        let history = GitHistory {
            first: info.clone(),
            last: info,
            commits: 1,
            at_head: order.is_in_head(commit),
            reach: order.reach(commit),
            ..GitHistory::default()
        };
        let rank = order.rank(commit);
        let refs = RefSet::from(refs);
        found.add(id, Trace { history, first_rank: rank, last_rank: rank, refs, ..Trace::default() });
    }
    for id in &wanted.objects {
        if let Some(tag) = records.tags.get(id) {
            let refs = RefSet::from(order.refs_to_tag(id));
            let history = GitHistory {
                first: tag.info.clone(),
                last: tag.info.clone(),
                reach: if refs.as_slice().is_empty() { Reach::Nothing } else { Reach::Refs },
                ..GitHistory::default()
            };
            found.add(*id, Trace { path: None, history, refs, ..Trace::default() });
        }
    }
}

/// A map that several threads fill.
type Shard<K> = Mutex<HashMap<K, u32, RandomState>>;

/// Numbers for keys, given out in the order in which they are first seen.
#[derive(Debug)]
struct Interner<K> {
    shards: Vec<Shard<K>>,
    next: AtomicU32,
}

const SHARDS: usize = 64;

impl<K: std::hash::Hash + Eq> Interner<K> {
    fn new() -> Interner<K> {
        Interner { shards: (0..SHARDS).map(|_| Shard::default()).collect(), next: 0.into() }
    }

    /// The number of `key`, which `own` makes when it is new; `shard` is any number that is always the same for it.
    fn number<Q>(&self, shard: u8, key: &Q, own: impl FnOnce(&Q) -> K) -> u32
    where
        K: std::borrow::Borrow<Q>,
        Q: std::hash::Hash + Eq + ?Sized,
    {
        let mut map = lock(&self.shards[usize::from(shard) % SHARDS]);
        if let Some(number) = map.get(key) {
            return *number;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        map.insert(own(key), number);
        number
    }
}

impl<K: Clone> Interner<K> {
    /// All keys, by number.
    fn keys(&self) -> Vec<Option<K>> {
        let mut keys = vec![None; self.next.load(Ordering::Relaxed) as usize];
        for shard in &self.shards {
            for (key, number) in lock(shard).iter() {
                keys[*number as usize] = Some(key.clone());
            }
        }
        keys
    }
}
