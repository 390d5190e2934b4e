//! What the indexes of all work trees have ready for a commit, as part of a whole history: its content is among the
//! objects, but no tree says what it is called.

use std::path::PathBuf;

use super::{
    ObjectId, ObjectStore, StoreProblem,
    changes::{self, Change, Content},
    refs,
};
use crate::{
    model::{GitHistory, Reach},
    source::{Trace, Traces, Wanted},
};

/// What is staged, whichever the work tree.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    files: Vec<Change>,
    /// Indexes that can't be read, or not whole.
    pub(super) problems: Vec<StoreProblem>,
}

impl Indexes {
    /// Cost: that of [`changes::staged`] for each work tree.
    pub(super) fn read(store: &ObjectStore) -> Indexes {
        let mut indexes = Indexes::default();
        for dir in refs::work_trees(store) {
            let index = dir.join("index");
            let staged = match dir == store.git_dir() {
                true => changes::staged(store, &index),
                false => changes::staged(&store.seen_from(dir), &index),
            };
            indexes.files.extend(staged.files);
            // Objects and refs that can't be read are told by others.
            indexes.problems.extend(staged.problems.into_iter().filter(|problem| problem.path == index));
        }
        indexes
    }

    fn blobs(&self) -> impl Iterator<Item = (ObjectId, &Change)> {
        self.files.iter().filter_map(|file| match file.content {
            Content::Blob(id) => Some((id, file)),
            Content::WorkTree => None,
        })
    }

    /// What is staged and isn't in the store, with its path.
    pub(super) fn missing(&self, store: &ObjectStore) -> Vec<(ObjectId, PathBuf)> {
        let ids: Vec<ObjectId> = self.blobs().map(|(id, _)| id).collect();
        let missing = store.missing(&ids);
        let mut found: Vec<_> = self
            .blobs()
            .filter(|(id, _)| missing.contains(id))
            .map(|(id, file)| (id, PathBuf::from(super::path_of(&file.path))))
            .collect();
        found.sort_unstable();
        found.dedup_by_key(|(id, _)| *id);
        found
    }

    /// Names of files that no commit at `HEAD` has, and of the directories around them, each with the content.
    pub(super) fn names(&self) -> impl Iterator<Item = (&[u8], ObjectId)> {
        let new = self.blobs().filter(|(_, file)| file.before.is_empty());
        new.flat_map(|(id, file)| file.path.split(|byte| *byte == b'/').map(move |name| (name, id)))
    }

    /// Adds the places of wanted things.
    pub(super) fn add_places(&self, wanted: &Wanted, traces: &mut Traces) {
        for (id, file) in self.blobs() {
            if wanted.objects.contains(&id) {
                add(traces.objects.entry(id).or_default(), &file.path);
            }
            if wanted.names.is_empty() || !file.before.is_empty() {
                continue;
            }
            for end in memchr::memchr_iter(b'/', &file.path).chain([file.path.len()]) {
                let path = &file.path[..end];
                let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
                if wanted.names.contains(name) {
                    add(traces.names.entry(name.to_vec()).or_default(), path);
                }
            }
        }
    }
}

/// Says of a place that it is staged. Names that something has in trees which nothing leads to are no news then.
fn add(places: &mut Vec<Trace>, path: &[u8]) {
    places.retain(|place| place.history.first.is_some() || place.history.reach > Reach::Nothing);
    match places.iter_mut().find(|place| place.path.as_deref() == Some(path)) {
        Some(place) => place.history.in_index = true,
        None => {
            let history = GitHistory { reach: Reach::Refs, in_index: true, ..GitHistory::default() };
            places.push(Trace { path: Some(path.to_vec()), history, first_rank: u32::MAX, ..Trace::default() });
        }
    }
}
