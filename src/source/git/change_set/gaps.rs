//! What of changes could not be scanned, told so that there is an end to it.

use std::{collections::BTreeMap, sync::Mutex};

use super::{ChangeSet, ObjectId};
use crate::{
    model::GitPlace,
    source::{
        Receiver,
        crew::lock,
        git::{Fault, Kind, StoreProblem, absent::MAX_NAMED, path_of},
    },
};

/// What is told at the end, once.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// What only the remote of a partial clone has.
    promised: Mutex<BTreeMap<ObjectId, Kind>>,
}

impl ChangeSet<'_> {
    /// Tells of a problem, or notes it for [`ChangeSet::tell_gaps`].
    pub(super) fn tell(&self, problem: &StoreProblem, receiver: &mut dyn Receiver) {
        match (&problem.fault, problem.object) {
            (Fault::Missing, Some(id)) if self.repository.store().is_partial() => {
                // What nobody knows the kind of is most likely a blob.
                lock(&self.gaps.promised).insert(id, problem.kind.unwrap_or(Kind::Blob));
            }
            _ => receiver.problem(self.repository.problem(problem)),
        }
    }

    /// Tells what was noted.
    pub(super) fn tell_gaps(&self, receiver: &mut dyn Receiver) {
        let promised = lock(&self.gaps.promised);
        let place = |(id, kind): (&ObjectId, &Kind)| {
            let bearer = self.files.iter().find(|file| file.id == *id || file.change.before.contains(id));
            let path = bearer.map(|file| path_of(&file.change.path).into());
            GitPlace { path, ..GitPlace::of_object(self.repository.path(), *id, *kind) }
        };
        let named: Vec<GitPlace> = promised.iter().take(MAX_NAMED).map(place).collect();
        let more = (promised.len() - named.len()) as u64;
        self.repository.name_promised(named, more, receiver);
    }
}
