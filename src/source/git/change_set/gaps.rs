//! What of changes could not be scanned, told so that there is an end to it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{ChangeSet, ObjectId};
use crate::{
    model::{GitPlace, Problem, ProblemKind, Provenance},
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
    is_late: AtomicBool,
}

impl Gaps {
    /// The time for the changes was over before all of them were scanned.
    pub(super) fn note_late(&self) {
        self.is_late.store(true, Ordering::Relaxed);
    }
}

impl ChangeSet<'_> {
    /// Tells of a problem, or notes it for [`ChangeSet::tell_gaps`].
    pub(super) fn tell(&self, problem: &StoreProblem, receiver: &mut dyn Receiver) {
        match (&problem.fault, problem.object) {
            (Fault::OutOfTime, _) => self.gaps.note_late(),
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
        if self.gaps.is_late.load(Ordering::Relaxed) {
            let message = "the time that the scan of a push may take is over: the rest was not scanned".to_owned();
            let provenance = Provenance::File(self.repository.path().to_path_buf());
            receiver.problem(Problem { provenance, kind: ProblemKind::Limit, message });
        }
    }
}
