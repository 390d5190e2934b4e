//! Where in changes things stand, and whether they stood there before.
//!
//! A path (or a name, or an object) was there before a range if, parents before children, some commit finds it in its
//! parents before any commit brings it.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{ChangeSet, File, ObjectId};
use crate::{
    model::{GitCommit, GitHistory, Reach},
    source::{Lost, Since, Trace, Traces, Wanted, git::revisions::Commits},
};

impl ChangeSet<'_> {
    /// Where wanted things stand.
    pub(super) fn places(&self, wanted: &Wanted) -> Traces {
        let mut infos = Infos { commits: Commits::new(self.repository.store()), known: HashMap::new() };
        let mut traces = Traces { lost: Some(self.lost_objects(wanted)), ..Traces::default() };
        // Versions of a file stand together.
        for versions in self.files.chunk_by(|one, other| one.change.path == other.change.path) {
            self.add_versions(versions, wanted, &mut infos, &mut traces);
        }
        if !wanted.names.is_empty() {
            self.add_names(wanted, &mut infos, &mut traces);
        }
        for id in self.commits.iter().chain(&self.tags).filter(|id| wanted.objects.contains(id)) {
            let history = GitHistory { first: infos.info(id), ..GitHistory::default() };
            let trace = self.trace(self.rank(Some(*id)), history);
            traces.objects.entry(*id).or_default().push(trace);
        }
        traces
    }

    /// Traces of the versions of one file, and what stood in their places.
    fn add_versions(&self, versions: &[File], wanted: &Wanted, infos: &mut Infos<'_>, traces: &mut Traces) {
        let is_wanted = |id: &ObjectId| wanted.objects.contains(id);
        if !versions.iter().any(|file| is_wanted(&file.id) || file.change.before.iter().any(is_wanted)) {
            return;
        }
        let brought: HashMap<ObjectId, u32> = versions.iter().map(|file| (file.id, self.rank_of(file))).collect();
        for file in versions {
            let rank = self.rank_of(file);
            let stood_before = |id: &&ObjectId| is_wanted(id) && brought.get(*id).is_none_or(|came| *came >= rank);
            let before: Vec<ObjectId> = file.change.before.iter().filter(stood_before).copied().collect();
            for id in &before {
                traces.lost.iter_mut().for_each(|lost| lost.replaced.entry(*id).or_default().push(file.id));
            }
            if is_wanted(&file.id) {
                let path = Some(&file.change.path).filter(|path| !path.is_empty()).cloned();
                let trace = Trace { path, before, ..self.trace(rank, infos.history(file.change.commit)) };
                traces.objects.entry(file.id).or_default().push(trace);
            }
        }
    }

    /// Traces of names, and which names are lost.
    fn add_names(&self, wanted: &Wanted, infos: &mut Infos<'_>, traces: &mut Traces) {
        // By path: the first commit that touches what is there.
        let mut first: BTreeMap<&[u8], (u32, &File)> = BTreeMap::new();
        let mut brought: HashMap<&[u8], u32> = HashMap::new();
        for file in &self.files {
            let (path, rank) = (&file.change.path, self.rank_of(file));
            let mut start = 0;
            for name in path.split(|byte| *byte == b'/') {
                let end = start + name.len();
                if wanted.names.contains(name) {
                    let touched = first.entry(&path[..end]).or_insert((rank, file));
                    if rank < touched.0 {
                        *touched = (rank, file);
                    }
                    if end > file.change.known {
                        let came = brought.entry(name).or_insert(rank);
                        *came = rank.min(*came);
                    }
                }
                start = end + 1;
            }
        }
        let is_lost = |name: &&Vec<u8>| {
            let gone = self.removed_names.get(*name);
            gone.is_some_and(|gone| brought.get(name.as_slice()).is_none_or(|came| gone <= came))
        };
        let names = wanted.names.iter().filter(is_lost).cloned();
        traces.lost.iter_mut().for_each(|lost| lost.names.extend(names.clone()));
        for (path, (rank, file)) in first {
            let since = if path.len() <= file.change.known { Since::Before } else { Since::Change };
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let trace = Trace {
                path: Some(path.to_vec()),
                named: Some((file.id, since)),
                ..self.trace(rank, infos.history(file.change.commit))
            };
            traces.names.entry(name.to_vec()).or_default().push(trace);
        }
    }

    /// Objects that were there before and that a commit removes.
    fn lost_objects(&self, wanted: &Wanted) -> Lost {
        let mut gone: HashMap<ObjectId, u32> =
            wanted.objects.iter().filter_map(|id| Some((*id, *self.removed.get(id)?))).collect();
        for file in &self.files {
            if let Entry::Occupied(removed) = gone.entry(file.id)
                && self.rank_of(file) < *removed.get()
            {
                removed.remove();
            }
        }
        Lost { objects: gone.into_keys().collect(), ..Lost::default() }
    }

    pub(super) fn rank_of(&self, file: &File) -> u32 {
        self.rank(file.change.commit)
    }

    fn rank(&self, commit: Option<ObjectId>) -> u32 {
        commit.and_then(|commit| self.ranks.get(&commit)).copied().unwrap_or(0)
    }

    fn trace(&self, rank: u32, known: GitHistory) -> Trace {
        let history = GitHistory {
            // What is staged or in the work tree is in neither commit nor ref.
            reach: match self.is_staged || !self.work_tree.as_os_str().is_empty() {
                true => Reach::Nothing,
                false => Reach::Refs,
            },
            in_index: self.is_staged,
            ..known
        };
        Trace { history, first_rank: rank, last_rank: rank, ..Trace::default() }
    }
}

/// Who made commits, each read once.
struct Infos<'s> {
    commits: Commits<'s>,
    known: HashMap<ObjectId, Option<Arc<GitCommit>>>,
}

impl Infos<'_> {
    /// What the commit says of what it brings.
    fn history(&mut self, commit: Option<ObjectId>) -> GitHistory {
        let Some(id) = commit else { return GitHistory::default() };
        GitHistory { first: self.info(&id), or_earlier: self.commits.is_cut(&id), ..GitHistory::default() }
    }

    fn info(&mut self, id: &ObjectId) -> Option<Arc<GitCommit>> {
        let commits = &mut self.commits;
        self.known.entry(*id).or_insert_with(|| commits.info(id)).clone()
    }
}
