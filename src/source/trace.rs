//! What a source is asked about objects that turned out to hold something.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::model::{GitHistory, ObjectId};

/// Objects, and names of files and directories, in which something was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Blobs, commits and tags.
    pub objects: BTreeSet<ObjectId>,
    /// Names of tree entries.
    pub names: BTreeSet<Vec<u8>>,
}

impl Wanted {
    /// Is nothing asked?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.names.is_empty()
    }
}

/// Where in history wanted things stand. What is missing here stands in no tree.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// By object.
    pub objects: HashMap<ObjectId, Vec<Trace>>,
    /// By name.
    pub names: HashMap<Vec<u8>, Vec<Trace>>,
    /// By name: of the trees that have it, the one with the smallest id.
    pub trees: HashMap<Vec<u8>, ObjectId>,
    /// What the changes that are scanned take away. `None` where no changes are scanned.
    pub lost: Option<Lost>,
    /// Was the search ended early? Then what nothing seems to lead to may well be reachable.
    pub is_partial: bool,
    /// Names of refs, to which [`Trace::refs`] points.
    pub refs: Vec<String>,
}

/// What stood somewhere before the changes that are scanned and then doesn't: a secret in it that stands elsewhere now was
/// moved there.
#[derive(Clone, Debug, Default)]
pub struct Lost {
    /// Objects that were removed.
    pub objects: HashSet<ObjectId>,
    /// Names that were removed.
    pub names: HashSet<Vec<u8>>,
    /// Objects, with those that stand in their places now, and perhaps have their secrets.
    pub replaced: HashMap<ObjectId, Vec<ObjectId>>,
}

/// One place of an object in history.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Path in the tree, as bytes; `None` for commits and tags.
    pub path: Option<Vec<u8>>,
    /// What is known of it, [`GitHistory::refs`] apart.
    pub history: GitHistory,
    /// Order of [`GitHistory::first`]: parents before children.
    pub first_rank: u32,
    /// Order of [`GitHistory::last`].
    pub last_rank: u32,
    /// Refs whose newest commit has it.
    pub refs: RefSet,
    /// What stood at the path before the changes that are scanned: a secret in it is not new there.
    pub before: Vec<ObjectId>,
    /// Of a name: what bears it, and whether it did before the changes that are scanned.
    pub named: Option<(ObjectId, Since)>,
}

/// When something came, seen from the changes that are scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It was there before.
    Before,
    /// They bring it.
    Change,
}

/// Refs, by their indices in [`Traces::refs`]. A list, as such sets are put together far more often than looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefSet(Vec<u32>);

impl RefSet {
    /// Adds refs, ascending. Costs a look at all of them, and at all here that come behind the first.
    pub fn add(&mut self, others: &[u32]) {
        let Some(first) = others.first() else { return };
        let before = self.0.len();
        let mut own = self.0.partition_point(|own| own < first);
        let mut fresh = 0;
        for other in others {
            while own < before && self.0[own] < *other {
                own += 1;
            }
            fresh += usize::from(own == before || self.0[own] != *other);
        }
        // Merged from the end, where there is room now, until the last new one has its place.
        self.0.resize(before + fresh, 0);
        let (mut from, mut others) = (before, others.iter().rev().peekable());
        while fresh > 0 {
            let last = from.checked_sub(1).map(|last| self.0[last]);
            let place = from + fresh - 1;
            match others.next_if(|other| last.is_none_or(|last| last <= **other)) {
                // Stands there already, and is moved with the next step.
                Some(other) if last == Some(*other) => {}
                Some(other) => {
                    self.0[place] = *other;
                    fresh -= 1;
                }
                None => {
                    self.0[place] = last.unwrap_or(0);
                    from -= 1;
                }
            }
        }
    }

    /// The indices, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }
}

/// From indices, ascending.
impl From<Vec<u32>> for RefSet {
    fn from(ascending: Vec<u32>) -> RefSet {
        RefSet(ascending)
    }
}

#[cfg(test)]
mod tests {
    use super::RefSet;

    #[test]
    fn sets_of_refs_are_added_up() {
        let lists: [&[u32]; 6] = [&[], &[3], &[3, 9], &[1, 4], &[4, 5, 10], &[0, 1, 2, 3]];
        for (index, first) in lists.iter().enumerate() {
            for second in &lists[index..] {
                let mut refs = RefSet::from(first.to_vec());
                refs.add(second);
                let expected: std::collections::BTreeSet<u32> = first.iter().chain(*second).copied().collect();
                assert!(refs.as_slice().iter().eq(&expected), "{first:?} and {second:?}");
            }
        }
    }
}
