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
    /// Objects that stood there before the changes that are scanned: a secret in one of them is not new, and only what
    /// the changes leave is reported. `None` where no changes are scanned.
    pub before: Option<HashSet<ObjectId>>,
    /// Names of refs, to which [`Trace::refs`] points.
    pub refs: Vec<String>,
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
    /// Refs whose newest commit has it, as indices, ascending.
    pub refs: Vec<u32>,
}
