//! What is not here, or only named elsewhere than in trees.

use super::{Names, Repository};
use crate::{
    model::{GitPlace, Origin, Part, Problem, ProblemKind, Provenance},
    source::{
        NAME_BYTES, Receiver,
        crew::lock,
        git::{
            Kind,
            absent::{self, Absent},
            path_of,
        },
    },
};

impl Repository {
    /// History that a shallow clone left out.
    pub(super) fn name_gaps(&self, receiver: &mut dyn Receiver) {
        for id in self.store.shallow() {
            let provenance = Provenance::Git(Box::new(GitPlace::of_object(&self.path, *id, Kind::Commit)));
            let message =
                "a shallow clone: the history before this commit is not here (git fetch --unshallow)".to_owned();
            receiver.problem(Problem { provenance, kind: ProblemKind::HistoryNotScanned, message });
        }
    }

    /// Objects that should be here and aren't.
    pub(super) fn name_absent(&self, absent: &absent::Report, receiver: &mut dyn Receiver) {
        let mut report = |provenance: Provenance, message: String| {
            receiver.problem(Problem { provenance, kind: ProblemKind::GitObject, message });
        };
        for Absent { id, kind, from, from_kind } in &absent.lost.named {
            let place = GitPlace::of_object(&self.path, *id, *kind);
            let message = format!("missing, though {} {from} refers to it: it was not scanned", from_kind.as_str());
            report(Provenance::Git(Box::new(place)), message);
        }
        if absent.lost.more > 0 {
            let message = format!("{} more objects are missing (git fsck lists them)", absent.lost.more);
            report(Provenance::File(self.path.to_path_buf()), message);
        }
        let promised = &absent.promised;
        let place = |absent: &Absent| GitPlace::of_object(&self.path, absent.id, absent.kind);
        self.name_promised(promised.named.iter().map(place).collect(), promised.more, receiver);
    }

    /// Objects of a partial clone that only its remote has; there are `more` besides those that are named.
    pub(in crate::source::git) fn name_promised(&self, named: Vec<GitPlace>, more: u64, receiver: &mut dyn Receiver) {
        if named.is_empty() {
            return;
        }
        let kind = ProblemKind::HistoryNotScanned;
        let count = named.len() as u64 + more;
        for place in named {
            let message = "only the remote of this partial clone has it: it was not scanned".to_owned();
            receiver.problem(Problem { provenance: Provenance::Git(Box::new(place)), kind, message });
        }
        let message = format!(
            "a partial clone: {count} of its objects, and what they refer to, were not scanned (git fetch --refetch \
             --no-filter brings them)"
        );
        receiver.problem(Problem { provenance: Provenance::File(self.path.to_path_buf()), kind, message });
    }

    /// Names that only indexes have, and what is missing of that which is staged.
    pub(super) fn scan_indexes(&self, names: &Names, absent: &absent::Report, receiver: &mut dyn Receiver) {
        let indexes = self.indexes();
        indexes.problems.iter().for_each(|problem| receiver.problem(self.problem(problem)));
        for (name, content) in indexes.names().filter(|(name, _)| name.len() >= NAME_BYTES) {
            if lock(&names.met).insert(names.hash(name), None).is_none() {
                let mut place = GitPlace::of_object(&self.path, content, Kind::Blob);
                place.path = Some(path_of(name).into());
                receiver.blob(Origin::Object(&place), Part::Name, name);
            }
        }
        let missing = indexes.missing(&self.store).into_iter().filter(|(id, _)| !absent.names(id));
        for (id, path) in missing.take(absent::MAX_NAMED) {
            let place = GitPlace { path: Some(path), ..GitPlace::of_object(&self.path, id, Kind::Blob) };
            let message = "missing, though it is staged: it was not scanned".to_owned();
            let provenance = Provenance::Git(Box::new(place));
            receiver.problem(Problem { provenance, kind: ProblemKind::GitObject, message });
        }
    }
}
