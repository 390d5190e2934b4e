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
    model::{GitHistory, GitPlace, ObjectId, Occurrence, Part, Place, Provenance, Reach, Secret},
    source::{Lost, RefSet, Since, Trace, Traces, Wanted, path_of},
};

/// What was found in one object. Versions share what is said of a secret: they are many, and most of their lines are the same.
#[derive(Debug)]
pub(super) struct Sighted {
    pub(super) object: ObjectId,
    /// The same hit as anywhere, but for object and place, and where it stands here.
    pub(super) hits: Box<[(Arc<Hit>, Place)]>,
}

/// Hits that say the same, but for where they stand.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// By rule, secret and context.
    known: HashMap<u64, Vec<Arc<Hit>>, RandomState>,
    seed: RandomState,
}

impl Shelf {
    /// Puts together what was found in an object. A secret may stand in it thousands of times: what tells nothing new is left out.
    pub(super) fn sighted(&mut self, hits: Vec<Hit>) -> Option<Sighted> {
        let Provenance::Git(place) = &hits.first()?.occurrence.provenance else { return None };
        let object = place.object;
        let mut kept: Vec<Hit> = Vec::new();
        // By rule and secret.
        let mut told: HashMap<u64, Vec<usize>, RandomState> = HashMap::default();
        for hit in hits {
            let told = told.entry(self.seed.hash_one((hit.rule, &hit.secret))).or_default();
            let is_more = |known: &usize| says_more(&hit, &kept[*known]);
            if told.is_empty() || told.len() < MAX_NEWS && told.iter().all(is_more) {
                told.push(kept.len());
                kept.push(hit);
            }
        }
        let shared = kept.into_iter().map(|hit| {
            let place = hit.occurrence.place;
            (self.share(hit), place)
        });
        Some(Sighted { object, hits: shared.collect() })
    }

    fn share(&mut self, hit: Hit) -> Arc<Hit> {
        let key = self.seed.hash_one((hit.rule, &hit.secret, &hit.occurrence.context));
        let known = self.known.entry(key).or_default();
        if let Some(same) = known.iter().find(|known| says_the_same(known, &hit)) {
            return Arc::clone(same);
        }
        let hit = Arc::new(hit);
        known.push(Arc::clone(&hit));
        hit
    }
}

fn says_the_same(a: &Hit, b: &Hit) -> bool {
    let name = |hit: &Hit| match &hit.occurrence.provenance {
        Provenance::Git(place) => place.path.clone(),
        _ => None,
    };
    let of_place = |hit: &Hit| (hit.occurrence.part, name(hit));
    (a.rule, &a.secret, &a.notations, &a.public_id) == (b.rule, &b.secret, &b.notations, &b.public_id)
        && (a.severity, &a.attributes, &a.parts) == (b.severity, &b.attributes, &b.parts)
        && (&a.score, a.path_effect, &a.occurrence.context) == (&b.score, b.path_effect, &b.occurrence.context)
        && of_place(a) == of_place(b)
}

/// Hits of a secret that tell something new, in one object.
const MAX_NEWS: usize = 8;

/// Does a hit say something of its secret that another one does not?
fn says_more(hit: &Hit, than: &Hit) -> bool {
    // What a path takes is taken before the points are cut to 100.
    let points = |hit: &Hit| hit.score.reasons.iter().map(|reason| i32::from(reason.points)).sum::<i32>();
    (hit.rule, &hit.secret) != (than.rule, &than.secret)
        || points(hit) > points(than)
        || hit.path_effect != than.path_effect
        || hit.severity > than.severity
        || hit.attributes != than.attributes
        || hit.notations != than.notations
        || hit.public_id.is_some() && than.public_id.is_none()
}

/// All hits with their objects.
fn each(sighted: &[Sighted]) -> impl Iterator<Item = (&Hit, ObjectId, Place)> {
    sighted.iter().flat_map(|one| one.hits.iter().map(|(hit, place)| (&**hit, one.object, *place)))
}

/// What has to be asked about these hits.
pub(super) fn wanted(sighted: &[Sighted]) -> Wanted {
    let mut wanted = Wanted::default();
    for (hit, object, _) in each(sighted) {
        match (&hit.occurrence.provenance, hit.occurrence.part) {
            (Provenance::Git(place), Part::Name) => {
                wanted.names.extend(place.path.as_deref().map(|name| bytes_of(name).to_vec()));
            }
            _ => {
                wanted.objects.insert(object);
            }
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
pub(super) fn most_places(sighted: &[Sighted], traces: &Traces) -> (usize, usize) {
    let largest = traces.objects.values().chain(traces.names.values()).map(Vec::len).max().unwrap_or(0);
    if largest <= 3 {
        return (usize::MAX, 0);
    }
    let count = |(hit, object, _)| traces_of(hit, object, traces).map_or(0, Vec::len);
    let counts: Vec<usize> = each(sighted).map(count).collect();
    let with_most = |most: usize| counts.iter().map(|count| *count.min(&most)).sum::<usize>();
    let room = 3 * counts.len() + MAX_MORE_PLACES;
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
pub(super) fn resolve(sighted: &[Sighted], traces: &Traces, limits: Limits, threads: usize) -> Vec<Hit> {
    if sighted.iter().map(|one| one.hits.len()).sum::<usize>() < FEW {
        return resolve_all(sighted, traces, limits, &|_| true);
    }
    // All hits of a secret go to one thread: what is said of it depends on no other.
    let (seed, count) = (RandomState::default(), threads.max(1));
    let share = |hit: &Hit| seed.hash_one((hit.rule, &hit.secret)) as usize % count;
    std::thread::scope(|scope| {
        let share = &share;
        let resolve = |own| scope.spawn(move || resolve_all(sighted, traces, limits, &|hit| share(hit) == own));
        let threads: Vec<_> = (0..count).map(resolve).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<Hit>>| {
            thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))
        };
        threads.into_iter().flat_map(join).collect()
    })
}

/// As [`resolve`], those that `is_own` says, on this thread.
fn resolve_all(sighted: &[Sighted], traces: &Traces, limits: Limits, is_own: &dyn Fn(&Hit) -> bool) -> Vec<Hit> {
    let mut groups: HashMap<Key<'_>, Group<'_>, RandomState> = HashMap::default();
    let mut scores = Scores { least: limits.min_score, known: HashMap::default() };
    let none = [Trace::default()];
    let before = traces.lost.as_ref().map(|lost| Before::new(sighted, lost));
    for (hit, mut object, spot) in each(sighted).filter(|(hit, ..)| is_own(hit)) {
        let Provenance::Git(place) = &hit.occurrence.provenance else { continue };
        let is_name = hit.occurrence.part == Part::Name;
        let found = traces_of(hit, object, traces);
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
            group.add(First::new((hit, spot), score, object, trace), trace);
            if let Some(before) = &before {
                let is_new = !before.has(hit, trace);
                group.history.introduced = Some(is_new && group.history.introduced.unwrap_or(true));
            }
        }
    }
    let mut groups: Vec<(Key<'_>, Group<'_>)> = groups.into_iter().collect();
    groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut hits = Vec::with_capacity(groups.len());
    groups.into_iter().for_each(|(key, group)| group.add_hits(key.path, traces, &mut hits));
    hits
}

/// Where a hit in an object stands, if that was found out.
fn traces_of<'t>(hit: &Hit, object: ObjectId, traces: &'t Traces) -> Option<&'t Vec<Trace>> {
    let Provenance::Git(place) = &hit.occurrence.provenance else { return None };
    match &place.path {
        Some(name) if hit.occurrence.part == Part::Name => traces.names.get(bytes_of(name)),
        _ => traces.objects.get(&object),
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
    fn new(sighted: &'h [Sighted], lost: &Lost) -> Before<'h> {
        let in_content = |hit: &Hit| hit.occurrence.part != Part::Name;
        let contents = each(sighted).filter(|(hit, ..)| in_content(hit));
        let places: HashSet<_, RandomState> =
            contents.map(|(hit, object, _)| (object, hit.rule, &hit.secret)).collect();
        let is_moved = |(hit, object, _): &(&'h Hit, ObjectId, Place)| match &hit.occurrence.provenance {
            _ if in_content(hit) => {
                let is_gone = |now: &ObjectId| !places.contains(&(*now, hit.rule, &hit.secret));
                lost.objects.contains(object) || lost.replaced.get(object).is_some_and(|now| now.iter().any(is_gone))
            }
            Provenance::Git(place) => place.path.as_deref().is_some_and(|name| lost.names.contains(bytes_of(name))),
            _ => false,
        };
        let moved = each(sighted).filter(is_moved).map(|(hit, ..)| (hit.rule, &hit.secret)).collect();
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
    /// Other hits that stood there in some version, and their scores.
    others: Vec<(&'h Hit, Arc<Score>)>,
}

/// So many hits of one occurrence are asked for what the first does not say.
const MAX_OTHERS: usize = 16;

/// The hit that came first.
struct First<'h> {
    reach: Reach,
    rank: u32,
    object: ObjectId,
    hit: &'h Hit,
    place: Place,
    score: Arc<Score>,
}

impl<'h> First<'h> {
    fn new((hit, place): (&'h Hit, Place), score: Arc<Score>, object: ObjectId, trace: &Trace) -> First<'h> {
        First { reach: reach_of(&trace.history), rank: trace.first_rank, object, hit, place, score }
    }
}

/// What leads to the commits that brought something and had it last: those that more leads to are named first.
fn reach_of(history: &GitHistory) -> Reach {
    if history.first.is_some() { history.reach } else { Reach::Nothing }
}

impl<'h> Group<'h> {
    fn add(&mut self, this: First<'h>, trace: &Trace) {
        let (reach, object) = (this.reach, this.object);
        self.note(this.hit, &this.score);
        let order = |first: &First<'_>| (Reverse(first.reach), first.rank, first.object, first.place);
        if self.first.as_ref().is_none_or(|first| order(&this) < order(first)) {
            self.first = Some(this);
            self.history.first.clone_from(&trace.history.first);
            self.history.or_earlier = trace.history.or_earlier;
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

    /// Keeps a hit that may say something that others don't. Versions share most, so the last one is asked first.
    fn note(&mut self, hit: &'h Hit, score: &Arc<Score>) {
        let is_known = self.others.iter().rev().any(|(known, _)| std::ptr::eq(*known, hit));
        if !is_known && self.others.len() < MAX_OTHERS {
            self.others.push((hit, Arc::clone(score)));
        } else if let Some((best, of_best)) = self.others.first_mut()
            && score.points > of_best.points
        {
            (*best, *of_best) = (hit, Arc::clone(score));
        }
    }

    /// Adds the occurrence; once more for each hit that says something else of the secret.
    fn add_hits(self, path: Option<&[u8]>, traces: &Traces, hits: &mut Vec<Hit>) {
        let Some(First { object, hit, place: spot, score, .. }) = self.first else { return };
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
        let Provenance::Git(place) = &hit.occurrence.provenance else { return };
        let path = path.map(|path| PathBuf::from(path_of(path))).or_else(|| place.path.clone());
        let place = GitPlace { path, object, history: is_known.then(|| Arc::new(history)), ..(**place).clone() };
        let provenance = Provenance::Git(Box::new(place));
        let Occurrence { part, ref context, .. } = hit.occurrence;
        let occurrence = Occurrence { provenance, part, place: spot, context: context.clone() };
        let of = |other: &Hit, score: Arc<Score>, parts| Hit {
            rule: other.rule,
            secret: other.secret.clone(),
            // Known to the collector already.
            notations: Vec::new(),
            public_id: other.public_id.clone(),
            severity: other.severity,
            attributes: other.attributes.clone(),
            parts,
            score,
            path_effect: other.path_effect,
            occurrence: occurrence.clone(),
        };
        for (other, of_other) in self.others {
            if of_other.points > score.points || says_more(other, hit) {
                // Parts are told by their distance from the secret that they stand near.
                hits.push(of(other, of_other, Vec::new()));
            }
        }
        hits.push(of(hit, score, hit.parts.clone()));
    }
}

fn bytes_of(name: &Path) -> &[u8] {
    name.as_os_str().as_encoded_bytes()
}
