//! Where in history objects stand: one walk over all commits and trees, whatever the number of objects asked for.
//!
//! ```text
//! record: each tree's wanted entries and subtrees, each commit's tree and parents   (parallel, along the deltas)
//! sets:   what wanted things a tree holds, as one number: equal for most versions of a tree
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
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use super::{KindSet, ObjectId, ObjectStore, StoreProblem, WalkPlan};
use crate::{
    model::GitHistory,
    source::{Trace, Traces, Wanted, crew::lock},
};
use order::Order;
use places::Places;
pub(super) use record::signatures;
use record::{Recorder, Records, Tables};
use sets::Sets;

/// Where histories begin.
#[derive(Clone, Debug, Default)]
pub struct Tips {
    /// Refs by their full names.
    pub refs: Vec<(Vec<u8>, ObjectId)>,
    /// The commit at `HEAD`.
    pub head: Option<ObjectId>,
    /// What else keeps objects alive: reflog entries, heads of other work trees.
    pub others: Vec<ObjectId>,
}

/// How much work finding places may take: a small repository of trees within trees can have more paths than atoms.
const MAX_STEPS: u64 = 20_000_000;

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
    let tables = Tables::new(wanted);
    let plan = WalkPlan { kinds: KindSet::HISTORY, ..WalkPlan::new(threads, interrupt) };
    let walked = store.walk(&plan, &|| Recorder::new(&tables));
    let records = Records::join(walked.visitors, &tables);
    let sets = Sets::new(&records);
    let order = Order::new(&records, tips);
    let mut places = Places::new(&sets, MAX_STEPS);
    places.add_commits(&records, &order);
    places.add_unplaced();
    let mut traces = places.into_traces(&records, &tables, &order);
    add_commits_and_tags(&mut traces, &records, &order, wanted);
    traces.traces.trees = records.trees_of_names(&tables);
    traces.traces.refs = tips.refs.iter().map(|(name, _)| crate::model::Escaped(name).to_string()).collect();
    Attribution { traces: traces.traces, problems: walked.problems, is_complete: traces.is_complete }
}

/// Traces of wanted commits and tags: they stand for themselves.
fn add_commits_and_tags(found: &mut places::Found, records: &Records, order: &Order, wanted: &Wanted) {
    for id in &wanted.objects {
        if let Some(commit) = records.commit_of(id) {
            let info = records.commit_info(commit);
            let history = GitHistory {
                first: info.clone(),
                last: info,
                commits: 1,
                at_head: order.is_in_head(commit),
                reachable: order.is_reachable(commit),
                ..GitHistory::default()
            };
            let rank = order.rank(commit);
            let refs = order.refs_at(commit).to_vec();
            found.add(*id, Trace { path: None, history, first_rank: rank, last_rank: rank, refs });
        } else if let Some(tag) = records.tags.get(id) {
            let refs = order.refs_to_tag(id);
            let history = GitHistory {
                first: tag.info.clone(),
                last: tag.info.clone(),
                reachable: !refs.is_empty(),
                ..GitHistory::default()
            };
            found.add(*id, Trace { path: None, history, refs, ..Trace::default() });
        }
    }
}

/// A map that several threads fill.
type Shard<K> = Mutex<HashMap<K, u32>>;

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

    /// How many there are.
    fn len(&self) -> usize {
        self.next.load(Ordering::Relaxed) as usize
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

impl Interner<ObjectId> {
    /// All numbers, by key.
    fn numbers(&self) -> HashMap<ObjectId, u32> {
        self.shards.iter().flat_map(|shard| lock(shard).clone()).collect()
    }
}
