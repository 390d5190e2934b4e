//! Commits in order, and what is reachable from where.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{ObjectId, Tips, record::Records};
use crate::model::Reach;

/// Tags of tags are followed this far.
const MAX_PEEL: usize = 64;

/// Bits of a word.
const AT_ONCE: usize = 64;
/// In Linux' 1.4 million commits some 30 ms for each [`AT_ONCE`] of them.
const MAX_FOLLOWED: usize = 16 * AT_ONCE;
/// Refs listed for all of them together.
const MAX_LISTED: usize = 8_000_000;

/// What a tip leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tip {
    Commit(u32),
    Tree(u32),
    /// A blob, or something that isn't in the store.
    Other(ObjectId),
}

/// Commits, parents before children; of commits that could follow, the older first.
pub(super) struct Order {
    parents: Links,
    ranks: Vec<u32>,
    in_head: Vec<bool>,
    /// By commit.
    reach: Vec<Reach>,
    pub(super) head: Option<u32>,
    /// By ref, in the order of [`Tips::refs`].
    pub(super) tips: Vec<Tip>,
    /// By commit: the refs whose tip it is.
    refs_at: HashMap<u32, Vec<u32>>,
    /// By tag: the refs that lead to it.
    refs_to_tag: HashMap<ObjectId, Vec<u32>>,
}

impl Order {
    pub(super) fn new(records: &Records, tips: &Tips) -> Order {
        let parents = Links::parents(records);
        let mut order = Order {
            ranks: ranks(records, &parents),
            parents,
            in_head: Vec::new(),
            reach: Vec::new(),
            head: tips.head.and_then(|id| records.commit_of(&id)),
            tips: Vec::with_capacity(tips.refs.len()),
            refs_at: HashMap::new(),
            refs_to_tag: HashMap::new(),
        };
        for (number, (_, id)) in tips.refs.iter().enumerate() {
            let tip = order.peel(*id, number as u32, records);
            if let Tip::Commit(commit) = tip {
                order.refs_at.entry(commit).or_default().push(number as u32);
            }
            order.tips.push(tip);
        }
        let starts = order.tips.iter().filter_map(|tip| match tip {
            Tip::Commit(commit) => Some(*commit),
            _ => None,
        });
        let commits = |ids: &[ObjectId]| ids.iter().filter_map(|id| records.commit_of(id)).collect::<Vec<_>>();
        let by_refs = closure(starts.chain(commits(&tips.heads)).chain(order.head), &order.parents);
        let by_logs = closure(commits(&tips.others).into_iter(), &order.parents);
        let reach = |(by_refs, by_logs)| match (by_refs, by_logs) {
            (true, _) => Reach::Refs,
            (false, true) => Reach::Logs,
            (false, false) => Reach::Nothing,
        };
        order.reach = by_refs.into_iter().zip(by_logs).map(reach).collect();
        order.in_head = closure(order.head.into_iter(), &order.parents);
        order
    }

    /// What a ref leads to in the end.
    fn peel(&mut self, mut id: ObjectId, number: u32, records: &Records) -> Tip {
        for _ in 0..MAX_PEEL {
            let Some(tag) = records.tags.get(&id) else { break };
            self.refs_to_tag.entry(id).or_default().push(number);
            id = tag.target;
        }
        match (records.commit_of(&id), records.tree_of(&id)) {
            (Some(commit), _) => Tip::Commit(commit),
            (None, Some(tree)) => Tip::Tree(tree),
            (None, None) => Tip::Other(id),
        }
    }

    pub(super) fn rank(&self, commit: u32) -> u32 {
        self.ranks[commit as usize]
    }

    pub(super) fn reach(&self, commit: u32) -> Reach {
        self.reach[commit as usize]
    }

    pub(super) fn is_in_head(&self, commit: u32) -> bool {
        self.in_head[commit as usize]
    }

    pub(super) fn refs_at(&self, commit: u32) -> &[u32] {
        self.refs_at.get(&commit).map_or(&[], Vec::as_slice)
    }

    /// For each of these commits the refs that lead to it, ascending. Cost: once over all commits and refs for each
    /// [`AT_ONCE`] of them. Where that would be too much, the rest get the refs whose tip they are.
    pub(super) fn refs_to(&self, commits: &[u32]) -> Vec<Vec<u32>> {
        let (followed, rest) =
            commits.split_at(commits.len().min(MAX_FOLLOWED).min(MAX_LISTED / self.tips.len().max(1)));
        let mut found = Vec::with_capacity(commits.len());
        let by_rank = if followed.is_empty() { Vec::new() } else { self.by_rank() };
        for batch in followed.chunks(AT_ONCE) {
            // By commit, a bit for each of the batch that is among its ancestors or itself.
            let mut bits = vec![0u64; self.ranks.len()];
            batch.iter().enumerate().for_each(|(at, commit)| bits[*commit as usize] |= 1 << at);
            for commit in &by_rank {
                let of_parents = self.parents.of(*commit).iter().fold(0, |all, parent| all | bits[*parent as usize]);
                bits[*commit as usize] |= of_parents;
            }
            let mut refs = vec![Vec::new(); batch.len()];
            for (number, tip) in (0..).zip(&self.tips) {
                let Tip::Commit(commit) = tip else { continue };
                let has = |at: &usize| bits[*commit as usize] >> at & 1 == 1;
                (0..batch.len()).filter(has).for_each(|at| refs[at].push(number));
            }
            found.append(&mut refs);
        }
        found.extend(rest.iter().map(|commit| self.refs_at(*commit).to_vec()));
        found
    }

    /// All commits but those in a cycle, parents first.
    fn by_rank(&self) -> Vec<u32> {
        let mut commits: Vec<u32> =
            (0..self.parents.len()).filter(|commit| self.ranks[*commit as usize] != u32::MAX).collect();
        commits.sort_unstable_by_key(|commit| self.ranks[*commit as usize]);
        commits
    }

    pub(super) fn refs_to_tag(&self, id: &ObjectId) -> Vec<u32> {
        self.refs_to_tag.get(id).cloned().unwrap_or_default()
    }
}

/// For each of several commits some others, by their numbers.
struct Links {
    /// By commit: where its own begin in `others`; one more at the end.
    starts: Vec<u32>,
    others: Vec<u32>,
}

impl Links {
    /// Numbers of the parents that are there: a shallow clone or a gap leaves some out.
    fn parents(records: &Records) -> Links {
        let mut links = Links { starts: Vec::with_capacity(records.commits.len() + 1), others: Vec::new() };
        links.starts.push(0);
        for commit in &records.commits {
            links.others.extend(commit.parents.iter().filter_map(|number| records.commit_at(*number)));
            links.starts.push(links.others.len() as u32);
        }
        links
    }

    /// The same links, from the others.
    fn reversed(&self) -> Links {
        let mut starts = vec![0u32; self.starts.len() + 1];
        self.others.iter().for_each(|other| starts[*other as usize + 2] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut others = vec![0; self.others.len()];
        for commit in 0..self.len() {
            for other in self.of(commit) {
                let slot = &mut starts[*other as usize + 1];
                others[*slot as usize] = commit;
                *slot += 1;
            }
        }
        starts.pop();
        Links { starts, others }
    }

    fn len(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    fn of(&self, commit: u32) -> &[u32] {
        &self.others[self.starts[commit as usize] as usize..self.starts[commit as usize + 1] as usize]
    }
}

/// Kahn's order with the oldest commit first. Clocks are wrong now and then, so time only decides between commits that
/// may both come next. Commits in a cycle (their ids are wrong, then) come last.
fn ranks(records: &Records, parents: &Links) -> Vec<u32> {
    let children = parents.reversed();
    let mut waits_for: Vec<u32> = (0..parents.len()).map(|commit| parents.of(commit).len() as u32).collect();
    let key = |commit: u32| Reverse((records.commits[commit as usize].time, commit));
    let free = (0..parents.len()).filter(|commit| waits_for[*commit as usize] == 0);
    let mut heap: BinaryHeap<_> = free.map(key).collect();
    let mut ranks = vec![u32::MAX; waits_for.len()];
    let mut rank = 0;
    while let Some(Reverse((_, commit))) = heap.pop() {
        ranks[commit as usize] = rank;
        rank += 1;
        for child in children.of(commit) {
            waits_for[*child as usize] -= 1;
            if waits_for[*child as usize] == 0 {
                heap.push(key(*child));
            }
        }
    }
    ranks
}

/// All commits that are reachable from these.
fn closure(starts: impl Iterator<Item = u32>, parents: &Links) -> Vec<bool> {
    let mut seen = vec![false; parents.len() as usize];
    let mut stack: Vec<u32> = Vec::new();
    for start in starts {
        stack.push(start);
        while let Some(commit) = stack.pop() {
            if !std::mem::replace(&mut seen[commit as usize], true) {
                stack.extend(parents.of(commit).iter().filter(|parent| !seen[**parent as usize]));
            }
        }
    }
    seen
}
