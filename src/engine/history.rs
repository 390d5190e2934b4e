//! From matches in objects to findings in history: a secret that stood in a thousand versions of a file is one
//! occurrence, from the commit that introduced it to the last that has it.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    hash::BuildHasher,
    path::{Path, PathBuf},
    sync::Arc,
};

use foldhash::quality::RandomState;

use super::{
    collect::Hit,
    verdict::{PathEffect, Score},
};
use crate::{
    model::{GitHistory, GitPlace, ObjectId, Occurrence, Part, Provenance, Reach, Secret},
    source::{Lost, RefSet, Since, Trace, Traces, Wanted, path_of},
};

/// What has to be asked about these hits.
pub(super) fn wanted(hits: &[Hit]) -> Wanted {
    let mut wanted = Wanted::default();
    for hit in hits {
        match (&hit.occurrence.provenance, hit.occurrence.part) {
            (Provenance::Git(place), Part::Name) => {
                wanted.names.extend(place.path.as_deref().map(|name| bytes_of(name).to_vec()));
            }
            (Provenance::Git(place), _) => {
                wanted.objects.insert(place.object);
            }
            _ => {}
        }
    }
    wanted
}

/// What is not taken into the report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Scores below this.
    pub(super) min_score: u8,
    /// A hit's paths beyond so many.
    pub(super) places: usize,
}

/// With fewer hits than this another thread isn't worth its start.
const FEW: usize = 500;

/// Memory for places that a hit has beyond its first three, in places of all hits together: each takes some 3 KiB.
const MAX_MORE_PLACES: usize = 50_000;

/// At how many paths each hit may stand for the places of all of them to fit into memory, and how many paths are left out.
/// A kilobyte of trees within trees has millions of paths, and a blob has room for thousands of secrets.
pub(super) fn most_places(hits: &[Hit], traces: &Traces) -> (usize, usize) {
    let largest = traces.objects.values().chain(traces.names.values()).map(Vec::len).max().unwrap_or(0);
    if largest <= 3 {
        return (usize::MAX, 0);
    }
    let counts: Vec<usize> = hits.iter().map(|hit| traces_of(hit, traces).map_or(0, |found| found.len())).collect();
    let with_most = |most: usize| counts.iter().map(|count| *count.min(&most)).sum::<usize>();
    let room = 3 * hits.len() + MAX_MORE_PLACES;
    if with_most(largest) <= room {
        return (usize::MAX, 0);
    }
    let (mut fits, mut exceeds) = (3, largest);
    while exceeds - fits > 1 {
        let most = fits.midpoint(exceeds);
        *if with_most(most) <= room { &mut fits } else { &mut exceeds } = most;
    }
    (fits, with_most(largest) - with_most(fits))
}

/// Puts the hits of all versions of a file together, one per rule, secret and path, at the paths that `limits` let stand.
/// A path can take from a score: what falls below `min_score` everywhere is dropped.
pub(super) fn resolve(hits: Vec<Hit>, traces: &Traces, limits: Limits, threads: usize) -> Vec<Hit> {
    if hits.len() < FEW {
        return resolve_all(&hits, traces, limits);
    }
    // All hits of a secret go to one thread: what is said of it depends on no other.
    let mut shares: Vec<Vec<Hit>> = (0..threads.max(1)).map(|_| Vec::new()).collect();
    let (seed, count) = (RandomState::default(), shares.len());
    for hit in hits {
        let share = seed.hash_one((hit.rule, &hit.secret)) as usize % count;
        shares[share].push(hit);
    }
    std::thread::scope(|scope| {
        let resolve = |share: Vec<Hit>| scope.spawn(move || resolve_all(&share, traces, limits));
        let threads: Vec<_> = shares.into_iter().map(resolve).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<Hit>>| {
            thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))
        };
        threads.into_iter().flat_map(join).collect()
    })
}

/// As [`resolve`], on this thread.
fn resolve_all(hits: &[Hit], traces: &Traces, limits: Limits) -> Vec<Hit> {
    let mut groups: HashMap<Key<'_>, Group<'_>, RandomState> = HashMap::default();
    let mut scores = Scores { least: limits.min_score, known: HashMap::default() };
    let none = [Trace::default()];
    let before = traces.lost.as_ref().map(|lost| Before::new(hits, lost));
    for hit in hits {
        let Provenance::Git(place) = &hit.occurrence.provenance else { continue };
        let (mut object, is_name) = (place.object, hit.occurrence.part == Part::Name);
        let found = traces_of(hit, traces);
        if let (Some(name), true) = (&place.path, is_name) {
            object = traces.trees.get(bytes_of(name)).copied().unwrap_or(object);
        }
        // Without a place it was scanned only to tell what stood there before the changes.
        let nowhere = if before.is_some() { &[][..] } else { &none[..] };
        let found = found.map_or(nowhere, Vec::as_slice);
        for trace in &found[..found.len().min(limits.places)] {
            let object = trace.named.map_or(object, |(bearer, _)| bearer);
            let path = trace.path.as_deref();
            let Some(score) = scores.at(hit, path) else { continue };
            let unplaced = (path.is_none() && !is_name).then_some(object);
            let key = Key { rule: hit.rule, secret: &hit.secret, part: hit.occurrence.part, path, unplaced };
            let group = groups.entry(key).or_default();
            group.add(hit, score, object, trace);
            if let Some(before) = &before {
                let is_new = !before.has(hit, trace);
                group.history.introduced = Some(is_new && group.history.introduced.unwrap_or(true));
            }
        }
    }
    let mut groups: Vec<(Key<'_>, Group<'_>)> = groups.into_iter().collect();
    groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    groups.into_iter().filter_map(|(key, group)| group.into_hit(key.path, traces)).collect()
}

/// Where a hit stands, if that was found out.
fn traces_of<'t>(hit: &Hit, traces: &'t Traces) -> Option<&'t Vec<Trace>> {
    let Provenance::Git(place) = &hit.occurrence.provenance else { return None };
    match &place.path {
        Some(name) if hit.occurrence.part == Part::Name => traces.names.get(bytes_of(name)),
        _ => traces.objects.get(&place.object),
    }
}

/// Where secrets stood before the changes that are scanned.
struct Before<'h> {
    /// Objects, with rule and secret.
    places: HashSet<(ObjectId, u32, &'h Secret), RandomState>,
    /// Secrets that are gone from one of their places: where else they stand now, they were moved to.
    moved: HashSet<(u32, &'h Secret), RandomState>,
}

impl<'h> Before<'h> {
    fn new(hits: &'h [Hit], lost: &Lost) -> Before<'h> {
        let in_content = |hit: &'h Hit| match &hit.occurrence.provenance {
            Provenance::Git(place) if hit.occurrence.part != Part::Name => Some(place.object),
            _ => None,
        };
        let places: HashSet<_, RandomState> =
            hits.iter().filter_map(|hit| Some((in_content(hit)?, hit.rule, &hit.secret))).collect();
        let is_moved = |hit: &&'h Hit| match (in_content(hit), &hit.occurrence.provenance) {
            (Some(object), _) => {
                let is_gone = |now: &ObjectId| !places.contains(&(*now, hit.rule, &hit.secret));
                lost.objects.contains(&object) || lost.replaced.get(&object).is_some_and(|now| now.iter().any(is_gone))
            }
            (None, Provenance::Git(place)) => {
                place.path.as_deref().is_some_and(|name| lost.names.contains(bytes_of(name)))
            }
            (None, _) => false,
        };
        let moved = hits.iter().filter(is_moved).map(|hit| (hit.rule, &hit.secret)).collect();
        Before { places, moved }
    }

    /// Is a secret no news at this place? A copy of one that stays where it was is new; messages are always.
    fn has(&self, hit: &'h Hit, trace: &Trace) -> bool {
        let is_moved = || trace.path.is_some() && self.moved.contains(&(hit.rule, &hit.secret));
        let stood_here = match trace.named {
            Some((_, since)) => since == Since::Before,
            None => trace.before.iter().any(|object| self.places.contains(&(*object, hit.rule, &hit.secret))),
        };
        stood_here || is_moved()
    }
}

/// Scores at paths. Versions of a file share theirs, so most are asked for many times.
struct Scores<'t> {
    least: u8,
    /// By path, what it takes, and the score (by its address) that it takes it from.
    known: HashMap<(&'t [u8], PathEffect, *const Score), Arc<Score>, RandomState>,
}

impl<'t> Scores<'t> {
    /// The score of a hit at a path, or of one that has none; nothing if that isn't enough.
    fn at(&mut self, hit: &Hit, path: Option<&'t [u8]>) -> Option<Arc<Score>> {
        let path = path.unwrap_or_default();
        let score = if hit.path_effect == PathEffect::None {
            &hit.score
        } else {
            let known = self.known.entry((path, hit.path_effect, Arc::as_ptr(&hit.score)));
            known.or_insert_with(|| hit.path_effect.at(Path::new(&path_of(path)), &hit.score))
        };
        (score.points >= self.least).then(|| Arc::clone(score))
    }
}

/// What is one occurrence.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key<'a> {
    rule: u32,
    secret: &'a Secret,
    part: Part,
    path: Option<&'a [u8]>,
    /// An object that no tree names stands for itself.
    unplaced: Option<ObjectId>,
}

/// What is known of one occurrence so far.
#[derive(Default)]
struct Group<'h> {
    first: Option<First<'h>>,
    /// What leads to [`GitHistory::last`], and its rank.
    last: (Reach, u32),
    history: GitHistory,
    /// The versions that have it, some perhaps twice, and how many commits have them there.
    versions: Vec<(ObjectId, u64)>,
    refs: RefSet,
}

/// The hit that came first.
struct First<'h> {
    reach: Reach,
    rank: u32,
    object: ObjectId,
    hit: &'h Hit,
    score: Arc<Score>,
}

/// What leads to the commits that brought something and had it last: those that more leads to are named first.
fn reach_of(history: &GitHistory) -> Reach {
    if history.first.is_some() { history.reach } else { Reach::Nothing }
}

impl<'h> Group<'h> {
    fn add(&mut self, hit: &'h Hit, score: Arc<Score>, object: ObjectId, trace: &Trace) {
        let reach = reach_of(&trace.history);
        let order = |first: &First<'_>| (Reverse(first.reach), first.rank, first.object, first.hit.occurrence.place);
        let this = First { reach, rank: trace.first_rank, object, hit, score };
        if self.first.as_ref().is_none_or(|first| order(&this) < order(first)) {
            self.first = Some(this);
            self.history.first.clone_from(&trace.history.first);
        }
        if self.history.last.is_none() || (reach, trace.last_rank) >= self.last {
            self.last = (reach, trace.last_rank);
            self.history.last.clone_from(&trace.history.last);
        }
        self.versions.push((object, trace.history.commits));
        self.history.at_head |= trace.history.at_head;
        self.history.reach = self.history.reach.max(trace.history.reach);
        self.history.in_index |= trace.history.in_index;
        self.refs.add(trace.refs.as_slice());
    }

    fn into_hit(self, path: Option<&[u8]>, traces: &Traces) -> Option<Hit> {
        let First { object, hit, score, .. } = self.first?;
        // The same secret twice in one version is in no more commits for that.
        let mut versions = self.versions;
        versions.sort_unstable_by_key(|(object, _)| *object);
        versions.dedup_by_key(|(object, _)| *object);
        let mut history = self.history;
        history.versions = versions.len() as u64;
        history.commits = versions.iter().map(|(_, commits)| commits).sum();
        history.refs_total = self.refs.as_slice().len() as u64;
        let names = self.refs.as_slice().iter().filter_map(|index| traces.refs.get(*index as usize));
        history.refs = names.take(GitHistory::MAX_REFS).cloned().collect();
        let is_known = history.reach > Reach::Nothing || !traces.is_partial;
        let Provenance::Git(place) = &hit.occurrence.provenance else { return None };
        let path = path.map(|path| PathBuf::from(path_of(path))).or_else(|| place.path.clone());
        let place = GitPlace { path, object, history: is_known.then(|| Arc::new(history)), ..(**place).clone() };
        let provenance = Provenance::Git(Box::new(place));
        let Occurrence { part, place, ref context, .. } = hit.occurrence;
        Some(Hit {
            rule: hit.rule,
            secret: hit.secret.clone(),
            // Known to the collector already.
            notations: Vec::new(),
            public_id: hit.public_id.clone(),
            severity: hit.severity,
            attributes: hit.attributes.clone(),
            parts: hit.parts.clone(),
            score,
            path_effect: hit.path_effect,
            occurrence: Occurrence { provenance, part, place, context: context.clone() },
        })
    }
}

fn bytes_of(name: &Path) -> &[u8] {
    name.as_os_str().as_encoded_bytes()
}
