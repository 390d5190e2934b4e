//! From contents of root trees to places of wanted things.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use foldhash::quality::RandomState;

use super::{
    ObjectId,
    order::{Order, Tip},
    record::{Item, Records, Tables, Thing},
    sets::Sets,
};
use crate::{
    model::{GitCommit, GitHistory, Reach},
    source::{RefSet, Trace, Traces},
};

/// The commits that have something.
#[derive(Clone, Debug, Default)]
struct Span {
    /// Rank and number of the first and the last of those that most leads to.
    first: Option<(u32, u32)>,
    last: Option<(u32, u32)>,
    /// What leads to these two.
    ends_reach: Reach,
    commits: u64,
    at_head: bool,
    /// What leads to any of it.
    reach: Reach,
    refs: RefSet,
}

impl Span {
    fn add_commit(&mut self, commit: u32, order: &Order) {
        let at = Some((order.rank(commit), commit));
        self.add_ends([at, at], order.reach(commit));
        self.reach = self.reach.max(order.reach(commit));
        self.commits += 1;
        self.at_head |= order.head == Some(commit);
        self.refs.add(order.refs_at(commit));
    }

    fn add(&mut self, other: &Span) {
        self.add_ends([other.first, other.last], other.ends_reach);
        self.reach = self.reach.max(other.reach);
        self.commits += other.commits;
        self.at_head |= other.at_head;
        self.refs.add(other.refs.as_slice());
    }

    /// A commit on a branch outranks those that only a log leads to, and these those that nothing leads to.
    fn add_ends(&mut self, [first, last]: [Option<(u32, u32)>; 2], reach: Reach) {
        if first.is_none() || self.first.is_some() && reach < self.ends_reach {
            return;
        }
        if self.first.is_none() || reach > self.ends_reach {
            (self.first, self.last, self.ends_reach) = (first, last, reach);
        } else {
            self.first = self.first.min(first);
            self.last = self.last.max(last);
        }
    }
}

/// Finds the places of wanted things in one content after the other.
pub(super) struct Places<'s> {
    sets: &'s Sets<'s>,
    interrupt: &'s AtomicBool,
    /// Steps left.
    steps: u64,
    /// Once there are none: the contents that were entered since.
    entered: Option<HashSet<u32, RandomState>>,
    /// Directories met: by parent and name. Number 0 is the root.
    dirs: HashMap<(u32, u32), u32, RandomState>,
    dir_names: Vec<(u32, u32)>,
    /// By wanted thing, directory and name.
    spans: HashMap<(u32, u32, u32), Span, RandomState>,
    /// By wanted thing: at how many places it was found.
    counts: Vec<u32>,
    /// Memory left for places beyond [`FEW_PLACES`].
    room: usize,
    is_complete: bool,
}

/// So many places of each thing are always kept, and so many of all things together besides.
const FEW_PLACES: u32 = 4;
const MAX_MORE_PLACES: usize = 100_000;
/// Refs of a place that take as much memory as the rest of it.
const REFS_PER_PLACE: usize = 32;

/// Traces, and whether they are all.
pub(super) struct Found {
    pub(super) traces: Traces,
    pub(super) is_complete: bool,
}

impl Found {
    pub(super) fn add(&mut self, id: ObjectId, trace: Trace) {
        self.traces.objects.entry(id).or_default().push(trace);
    }
}

impl<'s> Places<'s> {
    pub(super) fn new(sets: &'s Sets<'s>, max_steps: u64, interrupt: &'s AtomicBool) -> Places<'s> {
        Places {
            sets,
            interrupt,
            steps: max_steps,
            entered: None,
            dirs: HashMap::default(),
            dir_names: vec![(0, 0)],
            spans: HashMap::default(),
            counts: Vec::new(),
            room: MAX_MORE_PLACES,
            is_complete: true,
        }
    }

    /// Places in the trees of commits, and in trees that refs lead to.
    pub(super) fn add_commits(&mut self, records: &Records, order: &Order) {
        let mut of_set: HashMap<u32, Span, RandomState> = HashMap::default();
        for (number, commit) in records.commits.iter().enumerate() {
            if let Some(set) = self.sets.of_tree(commit.tree) {
                of_set.entry(set).or_default().add_commit(number as u32, order);
            }
        }
        for (number, tip) in order.tips.iter().enumerate() {
            if let Tip::Tree(tree) = tip
                && let Some(set) = self.sets.of_tree(*tree)
            {
                let span = Span { reach: Reach::Refs, refs: RefSet::from(vec![number as u32]), ..Span::default() };
                of_set.entry(set).or_default().add(&span);
            }
        }
        self.expand(of_set);
    }

    /// Adds the spans of root contents to everything in them: directory by directory, so that what many roots share is
    /// looked into once for each place where it stands.
    fn expand(&mut self, roots: HashMap<u32, Span, RandomState>) {
        let sets = self.sets;
        let mut level: Vec<((u32, u32), Span)> = roots.into_iter().map(|(set, span)| ((0, set), span)).collect();
        while !level.is_empty() {
            let mut next: HashMap<(u32, u32), Span, RandomState> = HashMap::default();
            // What is left out when there are too many places shouldn't depend on the seed of a hash.
            level.sort_unstable_by_key(|(place, _)| *place);
            for ((dir, set), span) in &level {
                if !self.may_enter(*set) {
                    continue;
                }
                for (name, item) in sets.edges(*set) {
                    match item {
                        Item::Tree(child) => {
                            next.entry((self.dir(*dir, name), child)).or_default().add(span);
                        }
                        Item::Wanted(thing) => self.place(thing, *dir, name, span),
                    }
                }
            }
            level = next.into_iter().collect();
        }
    }

    /// While there are steps left, every path may be followed; afterwards each content is entered once, so that all that
    /// stands anywhere has a place. After an interrupt nothing is.
    fn may_enter(&mut self, set: u32) -> bool {
        if self.interrupt.load(Ordering::Relaxed) {
            self.is_complete = false;
            return false;
        }
        let left = self.steps.checked_sub(self.sets.size(set) as u64);
        match (left, &mut self.entered) {
            (Some(left), None) => self.steps = left,
            (None, None) => {
                self.is_complete = false;
                self.entered = Some(HashSet::from_iter([set]));
            }
            (_, Some(entered)) => return entered.insert(set),
        }
        true
    }

    fn place(&mut self, thing: u32, dir: u32, name: u32, span: &Span) {
        let index = thing as usize;
        self.counts.resize(self.counts.len().max(index + 1), 0);
        let entry = match self.spans.entry((thing, dir, name)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                if self.counts[index] >= FEW_PLACES {
                    let size = 1 + span.refs.as_slice().len() / REFS_PER_PLACE;
                    let Some(left) = self.room.checked_sub(size) else {
                        self.is_complete = false;
                        return;
                    };
                    self.room = left;
                }
                self.counts[index] += 1;
                new.insert(Span::default())
            }
        };
        entry.add(span);
    }

    fn dir(&mut self, parent: u32, name: u32) -> u32 {
        *self.dirs.entry((parent, name)).or_insert_with(|| {
            self.dir_names.push((parent, name));
            self.dir_names.len() as u32 - 1
        })
    }

    /// Places of things that no commit has: their names in trees that nothing leads to. Costs a look at all edges if there is
    /// such a thing.
    pub(super) fn add_unplaced(&mut self, records: &Records) {
        if self.interrupt.load(Ordering::Relaxed) {
            return;
        }
        self.counts.resize(records.tables().count(), 0);
        // Those of commits and tags are theirs, in no tree.
        let is_placed = |(thing, count): (u32, u32)| match records.tables().thing(thing) {
            Thing::Object(id) => count > 0 || records.commit_of(id).is_some() || records.tags.contains_key(id),
            Thing::Name(_) => count > 0,
        };
        let placed: Vec<bool> = (0..).zip(self.counts.iter().copied()).map(is_placed).collect();
        if placed.iter().all(|is_placed| *is_placed) {
            return;
        }
        for edge in (0..records.tree_count() as u32).flat_map(|tree| records.edges(tree)) {
            if let Item::Wanted(thing) = edge.item()
                && !placed[thing as usize]
            {
                self.place(thing, 0, edge.name(), &Span::default());
            }
        }
    }

    /// Everything found, sorted by path.
    pub(super) fn into_traces(self, records: &Records, order: &Order) -> Found {
        let mut found = Found { traces: Traces::default(), is_complete: self.is_complete };
        // Few commits begin or end something, and those that do do so for many paths.
        let mut known: HashMap<u32, Option<Arc<GitCommit>>, RandomState> = HashMap::default();
        let mut info = |end: Option<(u32, u32)>| {
            let (_, commit) = end?;
            known.entry(commit).or_insert_with(|| records.commit_info(commit)).clone()
        };
        for ((thing, dir, name), span) in &self.spans {
            let path = self.path(*dir, *name, &records.names);
            let history = GitHistory {
                first: info(span.first),
                last: info(span.last),
                commits: span.commits,
                or_earlier: span.first.is_some_and(|(_, commit)| records.is_cut(commit)),
                at_head: span.at_head,
                reach: span.reach,
                ..GitHistory::default()
            };
            let trace = Trace {
                path: Some(path),
                history,
                first_rank: span.first.map_or(u32::MAX, |(rank, _)| rank),
                last_rank: span.last.map_or(0, |(rank, _)| rank),
                refs: span.refs.clone(),
                ..Trace::default()
            };
            match records.tables().thing(*thing) {
                Thing::Object(id) => found.add(*id, trace),
                Thing::Name(name) => {
                    found.traces.names.entry(name.to_vec()).or_default().push(trace);
                }
            }
        }
        self.add_direct_refs(records.tables(), order, &mut found);
        let traces = found.traces.objects.values_mut().chain(found.traces.names.values_mut());
        traces.for_each(|traces| traces.sort_by(|a, b| a.path.cmp(&b.path)));
        found
    }

    /// Blobs that a ref or a tag leads to without any tree.
    fn add_direct_refs(&self, tables: &Tables, order: &Order, found: &mut Found) {
        for (number, tip) in order.tips.iter().enumerate() {
            if let Tip::Other(id) = tip
                && tables.is_wanted(id)
            {
                let history = GitHistory { reach: Reach::Refs, ..GitHistory::default() };
                found.add(*id, Trace { history, refs: RefSet::from(vec![number as u32]), ..Trace::default() });
            }
        }
    }

    fn path(&self, dir: u32, name: u32, names: &[Box<[u8]>]) -> Vec<u8> {
        let mut parts = vec![name];
        let mut at = dir;
        while at != 0 {
            let (parent, name) = self.dir_names[at as usize];
            parts.push(name);
            at = parent;
        }
        parts.iter().rev().map(|name| &*names[*name as usize]).collect::<Vec<_>>().join(&b'/')
    }
}
