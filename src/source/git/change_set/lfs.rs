//! Files that Git LFS keeps beside the object store: what changes have of them are pointers.

use super::{ChangeSet, ObjectId};
use crate::{
    model::{GitPlace, Notice, Problem, ProblemKind, Provenance},
    source::{
        LargeBlob, Plan, Receiver,
        git::{Fault, Kind, StoreProblem, file, path_of, repository::lfs_absent},
        window::{Filled, Window},
    },
};

impl ChangeSet<'_> {
    /// Scans the content that a pointer stands for, if it is here.
    pub(super) fn scan_lfs(&self, blob: ObjectId, content: &str, plan: &Plan<'_>, receiver: &mut dyn Receiver) {
        let path = self.repository.lfs_file(content);
        match file::open(&path) {
            Ok((mut file, _)) => {
                let place = GitPlace::of_object(self.repository.path(), blob, Kind::Blob);
                if let Err(error) = stream(&place, &mut file, plan, receiver) {
                    receiver.problem(self.repository.problem(&StoreProblem::file(path, error.into())));
                }
            }
            Err(Fault::Io(std::io::ErrorKind::NotFound)) => {
                match self.absent(blob, content) {
                    // A server has such content elsewhere, always: its pushes can't all be refused.
                    Some(Problem { provenance, message, .. }) if self.is_pushed => receiver.notice(Notice {
                        path: provenance.to_string(),
                        kind: ProblemKind::LfsNotScanned.as_str().to_owned(),
                        message,
                        count: 1,
                    }),
                    problem => problem.into_iter().for_each(|problem| receiver.problem(problem)),
                }
            }
            Err(fault) => receiver.problem(self.repository.problem(&StoreProblem::file(path, fault))),
        }
    }

    /// Content that isn't here is missed where a change brings it. What stood there before is no matter of the change.
    fn absent(&self, blob: ObjectId, content: &str) -> Option<Problem> {
        let bearers = self.files.iter().filter(|file| file.id == blob);
        let first = bearers.min_by_key(|file| self.rank_of(file))?;
        let is_moved = self.removed.get(&blob).is_some_and(|gone| *gone <= self.rank_of(first));
        let path = Some(&first.change.path).filter(|path| !path.is_empty());
        let place = GitPlace {
            path: path.map(|path| path_of(path).into()),
            ..GitPlace::of_object(self.repository.path(), blob, Kind::Blob)
        };
        (!is_moved).then(|| lfs_absent(place, content))
    }
}

/// Such files are mostly large: they are read in chunks.
fn stream(
    place: &GitPlace,
    file: &mut std::fs::File,
    plan: &Plan<'_>,
    receiver: &mut dyn Receiver,
) -> std::io::Result<()> {
    let mut window = Window::new(plan.overlap);
    let mut blob = None;
    while window.fill(file, plan)? != Filled::Interrupted {
        let blob = blob.get_or_insert_with(|| LargeBlob {
            provenance: Provenance::Git(Box::new(place.clone())),
            head: window.filled().iter().copied().take(LargeBlob::HEAD).collect(),
        });
        receiver.chunk(blob, window.chunk());
        if !window.has_more() {
            break;
        }
        window.slide();
    }
    Ok(())
}
