//! From contents of root trees to places of wanted things.

use std::{collections::HashMap, sync::Arc};

use foldhash::quality::RandomState;

use super::{
    ObjectId,
    order::{Order, Tip},
    record::{Item, Records, Tables, Thing},
    sets::Sets,
};
use crate::{
    model::{GitCommit, GitHistory},
    source::{RefSet, Trace, Traces},
};

/// The commits that have something.
#[derive(Clone, Debug, Default)]
struct Span {
    /// Rank and number of the first and the last: reachable ones, if there are any.
    first: Option<(u32, u32)>,
    last: Option<(u32, u32)>,
    commits: u64,
    at_head: bool,
    is_reachable: bool,
    refs: RefSet,
}

impl Span {
    fn add_commit(&mut self, commit: u32, order: &Order) {
        let at = Some((order.rank(commit), commit));
        self.add_ends([at, at], order.is_reachable(commit));
        self.commits += 1;
        self.at_head |= order.head == Some(commit);
        self.refs.add(order.refs_at(commit));
    }

    fn add(&mut self, other: &Span) {
        self.add_ends([other.first, other.last], other.is_reachable);
        self.commits += other.commits;
        self.at_head |= other.at_head;
        self.refs.add(other.refs.as_slice());
    }

    /// A reachable commit outranks those that nothing leads to.
    fn add_ends(&mut self, [first, last]: [Option<(u32, u32)>; 2], is_reachable: bool) {
        if self.is_reachable == is_reachable {
            self.first = [self.first, first].into_iter().flatten().min();
            self.last = self.last.max(last);
        } else if is_reachable && (first.is_some() || self.first.is_none()) {
            (self.first, self.last) = (first, last);
        }
        self.is_reachable |= is_reachable;
    }
}

/// Finds the places of wanted things in one content after the other.
pub(super) struct Places<'s> {
    sets: &'s Sets<'s>,
    /// Steps left.
    steps: u64,
    /// Directories met: by parent and name. Number 0 is the root.
    dirs: HashMap<(u32, u32), u32, RandomState>,
    dir_names: Vec<(u32, u32)>,
    /// By wanted thing, directory and name.
    spans: HashMap<(u32, u32, u32), Span, RandomState>,
    has_place: Vec<bool>,
}

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
    pub(super) fn new(sets: &'s Sets<'s>, max_steps: u64) -> Places<'s> {
        Places {
            sets,
            steps: max_steps,
            dirs: HashMap::default(),
            dir_names: vec![(0, 0)],
            spans: HashMap::default(),
            has_place: Vec::new(),
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
                let span = Span { is_reachable: true, refs: RefSet::from(vec![number as u32]), ..Span::default() };
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
                for (name, item) in sets.edges(*set) {
                    let Some(left) = self.steps.checked_sub(1) else { return };
                    self.steps = left;
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

    fn place(&mut self, thing: u32, dir: u32, name: u32, span: &Span) {
        self.spans.entry((thing, dir, name)).or_default().add(span);
        let index = thing as usize;
        self.has_place.resize(self.has_place.len().max(index + 1), false);
        self.has_place[index] = true;
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
        self.has_place.resize(records.tables().count(), false);
        // Those of commits and tags are theirs, in no tree.
        let is_placed = |(thing, has_place): (u32, bool)| match records.tables().thing(thing) {
            Thing::Object(id) => has_place || records.commit_of(id).is_some() || records.tags.contains_key(id),
            Thing::Name(_) => has_place,
        };
        let placed: Vec<bool> = (0..).zip(self.has_place.iter().copied()).map(is_placed).collect();
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
        let mut found = Found { traces: Traces::default(), is_complete: self.steps > 0 };
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
                at_head: span.at_head,
                reachable: span.is_reachable,
                ..GitHistory::default()
            };
            let trace = Trace {
                path: Some(path),
                history,
                first_rank: span.first.map_or(u32::MAX, |(rank, _)| rank),
                last_rank: span.last.map_or(0, |(rank, _)| rank),
                refs: span.refs.clone(),
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
                let history = GitHistory { reachable: true, ..GitHistory::default() };
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
