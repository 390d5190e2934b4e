//! Which commits a range means, and which of them it has.

mod upstream;

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    io::Read,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::model::GitCommit;

use super::{
    Delta, Fault, Kind, KindSet, LargeObject, Object, ObjectId, ObjectStore, Reader, StoreProblem, Visitor, WalkPlan,
    history::signatures, refs::Refs,
};

/// Commits to look at: those that are reachable from `include` and not from `exclude`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Where to begin: commits, tags of whatever they lead to, or trees and blobs, which stand for themselves.
    pub include: Vec<ObjectId>,
    /// What is known already.
    pub exclude: Vec<ObjectId>,
    /// Only commits and tags made at this moment or later, in seconds since 1970. Commits behind an older one count as
    /// well: clocks are wrong now and then.
    pub since: Option<i64>,
    /// Which of the annotated tags in `include` count.
    pub tags: Tags,
}

/// Annotated tags in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tags {
    /// All that `exclude` doesn't have.
    #[default]
    All,
    /// Those of commits in the range, and of what is no commit.
    OfListedCommits,
}

/// What a range has.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Children before parents as far as their clocks are right.
    pub(super) commits: Vec<ObjectId>,
    pub(super) tags: Vec<ObjectId>,
    /// Trees and blobs that refs or tags lead to.
    pub(super) others: Vec<(ObjectId, Kind)>,
}

/// Why a revision can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// It doesn't say where a range begins. Git would take `HEAD`, so of a variable that is empty by mistake nothing would be left to scan.
    #[error("`{0}` does not say where the range begins: write HEAD.. for the commit that is checked out")]
    NoStart(String),
    /// Nothing has that name.
    #[error("`{0}` is no branch, tag or commit of this repository")]
    Unknown(String),
    /// Something stands behind a name that git may know and this doesn't.
    #[error(
        "`{0}` is not understood: write the id that git rev-parse prints for it. (Behind a branch, tag or commit may stand \
         @{{N}} or @{{upstream}}, then any of ~N, ^N, ^{{}} and ^{{commit}}, and behind a commit alone ^! or ^-N)"
    )]
    Form(String),
    /// Git knows it, and it isn't a commit.
    #[error("`{0}` is no commit but what one has: write the commit alone, and a path as an argument of its own")]
    NoCommit(String),
    /// A branch that follows no other, as far as the repository's own settings say.
    #[error("`{0}` has no upstream by this repository's settings (branch.NAME.remote and .merge, remote.NAME.fetch)")]
    NoUpstream(String),
    /// An abbreviated id that several objects have.
    #[error("`{0}` is the beginning of several ids: write more of it")]
    Ambiguous(String),
    /// A commit on the way can't be read.
    #[error("{0}")]
    Store(StoreProblem),
}

/// A commit as far as ranges need it.
#[derive(Debug)]
pub(super) struct Node {
    /// `None` if it says none.
    pub(super) tree: Option<ObjectId>,
    pub(super) parents: Vec<ObjectId>,
    pub(super) time: i64,
}

/// Reads commits, each once.
pub(super) struct Commits<'s> {
    store: &'s ObjectStore,
    shallow: HashSet<ObjectId>,
    reader: Reader<'s>,
    nodes: HashMap<ObjectId, Option<Rc<Node>>>,
    pub(super) problems: Vec<StoreProblem>,
}

/// Tags of tags are followed this far.
const MAX_PEEL: usize = 64;
/// No real commit or tag is larger.
const MAX_COMMIT_BYTES: usize = 16 << 20;
/// A walk goes on for so many commits after all that are left are known, in case that clocks were wrong.
const SLOP: usize = 64;

impl<'s> Commits<'s> {
    pub(super) fn new(store: &'s ObjectStore) -> Commits<'s> {
        let shallow = store.shallow().iter().copied().collect();
        Commits { store, shallow, reader: store.reader(MAX_COMMIT_BYTES), nodes: HashMap::new(), problems: Vec::new() }
    }

    /// A commit; `None`, with a problem, if it can't be read. A shallow clone's oldest commits have no parents here.
    pub(super) fn node(&mut self, id: &ObjectId) -> Option<Rc<Node>> {
        if let Some(node) = self.nodes.get(id) {
            return node.clone();
        }
        let (node, fault) = match self.reader.read(id) {
            Ok((Kind::Commit, content)) => {
                let (node, is_sound) = parse(content);
                (Some(node), (!is_sound).then_some(Fault::Malformed("commit")))
            }
            Ok((found, _)) => (None, Some(Fault::WrongKind { expected: Kind::Commit, found })),
            Err(problem) => (None, Some(problem.fault)),
        };
        self.problems.extend(fault.map(|fault| self.reader.problem(*id, fault)));
        if node.is_none() {
            self.nodes.insert(*id, None);
        }
        node.map(|node| self.add(*id, node))
    }

    fn add(&mut self, id: ObjectId, mut node: Node) -> Rc<Node> {
        if self.shallow.contains(&id) {
            node.parents.clear();
        }
        let node = Rc::new(node);
        self.nodes.insert(id, Some(Rc::clone(&node)));
        node
    }

    /// Reads all commits of the store in the order of its packs: several times faster than one after another. What
    /// can't be read is told when it is asked for.
    fn preload(&mut self) {
        let interrupt = AtomicBool::new(false);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let plan = WalkPlan { kinds: KindSet::of(&[Kind::Commit]), ..WalkPlan::new(threads, &interrupt) };
        let visitor = || NodeVisitor { nodes: Vec::new(), store: self.store, interrupt: &interrupt };
        for NodeVisitor { nodes, .. } in self.store.walk(&plan, &visitor).visitors {
            for (id, node) in nodes {
                self.add(id, node);
            }
        }
    }

    /// Is something missing that a commit was made from: a parent, or the tree of one?
    pub(super) fn is_cut(&mut self, id: &ObjectId) -> bool {
        let Some(node) = self.node(id) else { return true };
        let has_tree = |commits: &mut Commits<'_>, parent: &ObjectId| {
            let tree = commits.node(parent).and_then(|parent| parent.tree);
            tree.is_some_and(|tree| commits.store.contains(&tree))
        };
        self.shallow.contains(id) || !node.parents.iter().all(|parent| has_tree(self, parent))
    }

    /// Author, committer and their times.
    pub(super) fn info(&mut self, id: &ObjectId) -> Option<Arc<GitCommit>> {
        let (_, content) = self.reader.read(id).ok()?;
        signatures(*id, content).map(Arc::new)
    }

    /// The commit that an object is or, being a tag, leads to.
    pub(super) fn peel(&mut self, id: ObjectId) -> Result<Option<ObjectId>, StoreProblem> {
        let mut at = id;
        for _ in 0..MAX_PEEL {
            match self.reader.read(&at)? {
                (Kind::Commit, _) => return Ok(Some(at)),
                (Kind::Tag, content) => {
                    let line = content.strip_prefix(b"object ").and_then(|rest| rest.split(|b| *b == b'\n').next());
                    let Some(target) = line.and_then(ObjectId::from_hex) else { return Ok(None) };
                    at = target;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The tags that an object is or leads to, and what stands behind them.
    fn follow(&mut self, id: ObjectId) -> Chain {
        let mut chain = Chain::default();
        let mut at = id;
        for _ in 0..MAX_PEEL {
            let fault = match self.reader.read(&at) {
                Ok((Kind::Tag, content)) => {
                    let (target, time) = parse_tag(content);
                    chain.tags.push((at, time));
                    match target {
                        Some(target) => {
                            at = target;
                            continue;
                        }
                        None => Fault::Malformed("tag"),
                    }
                }
                Ok((kind, _)) => {
                    chain.end = Some((at, kind));
                    return chain;
                }
                Err(problem) => problem.fault,
            };
            self.problems.push(self.reader.problem(at, fault));
            return chain;
        }
        let fault = Fault::TooMany { what: "tags of tags", limit: MAX_PEEL as u64 };
        self.problems.push(self.reader.problem(at, fault));
        chain
    }

    /// The same commits, children before their parents whatever their clocks say; those that were in that order stay so.
    pub(super) fn children_first(&mut self, listed: Vec<ObjectId>) -> Vec<ObjectId> {
        let mut waiting: HashSet<ObjectId> = listed.iter().copied().collect();
        let mut ordered = Vec::with_capacity(listed.len());
        for id in listed.into_iter().rev() {
            let mut stack = Vec::from_iter(waiting.remove(&id).then_some(id));
            while let Some(id) = stack.last().copied() {
                let parents = self.node(&id).map_or_else(Vec::new, |node| node.parents.clone());
                match parents.into_iter().find(|parent| waiting.remove(parent)) {
                    Some(parent) => stack.push(parent),
                    None => ordered.extend(stack.pop()),
                }
            }
        }
        ordered.reverse();
        ordered
    }

    /// Those of the commits that are new, and what was made on top of them by somebody whose clock was wrong.
    fn with_children(&mut self, commits: &[ObjectId], is_new: impl Fn(i64) -> bool) -> HashSet<ObjectId> {
        let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        let (mut new, mut left) = (HashSet::new(), Vec::new());
        for id in commits {
            let Some(node) = self.node(id) else { continue };
            if is_new(node.time) && new.insert(*id) {
                left.push(*id);
            }
            node.parents.iter().for_each(|parent| children.entry(*parent).or_default().push(*id));
        }
        while let Some(id) = left.pop() {
            let made = children.get(&id).into_iter().flatten().copied();
            left.extend(made.filter(|child| new.insert(*child)));
        }
        new
    }

    /// Everything that a range has.
    pub(super) fn list(&mut self, range: &Revisions) -> Listed {
        if range.exclude.is_empty() || range.since.is_some() {
            self.preload();
        }
        let mut walk = RangeWalk::default();
        let mut known = HashSet::new();
        for id in &range.exclude {
            let chain = self.follow(*id);
            known.extend(chain.tags.into_iter().map(|(tag, _)| tag));
            match chain.end {
                Some((commit, Kind::Commit)) => walk.meet(commit, true, self),
                end => known.extend(end.map(|(other, _)| other)),
            }
        }
        let mut chains = Vec::new();
        for id in &range.include {
            let chain = self.follow(*id);
            if let Some((commit, Kind::Commit)) = chain.end {
                walk.meet(commit, false, self);
            }
            chains.push(chain);
        }
        walk.run(self);
        // What has no date may be of any.
        let is_new = |time: i64| range.since.is_none_or(|since| time <= 0 || time >= since);
        let mut listed = HashSet::new();
        let RangeWalk { wanted: mut commits, known: known_commits, .. } = walk;
        commits.retain(|id| !known_commits.contains(id) && self.node(id).is_some());
        if range.since.is_some() {
            let new = self.with_children(&commits, is_new);
            commits.retain(|id| new.contains(id));
        }
        commits.retain(|id| listed.insert(*id));
        let mut found = Listed { commits, ..Listed::default() };
        for Chain { tags, end } in chains {
            let is_listed = match end {
                Some((commit, Kind::Commit)) => listed.contains(&commit),
                _ => true,
            };
            let counts = |time: i64| match range.since {
                Some(since) => time >= since || is_listed,
                None => is_listed || range.tags == Tags::All,
            };
            let is_any_new = tags.is_empty() || tags.iter().any(|(_, time)| is_new(*time));
            found.tags.extend(tags.into_iter().filter(|(_, time)| counts(*time)).map(|(tag, _)| tag));
            found.others.extend(end.filter(|(_, kind)| *kind != Kind::Commit && is_any_new));
        }
        found.tags.retain(|tag| known.insert(*tag));
        found.others.retain(|(other, _)| known.insert(*other));
        found
    }
}

/// Tags, each of the next, with their times, and what the last one leads to.
#[derive(Default)]
struct Chain {
    tags: Vec<(ObjectId, i64)>,
    end: Option<(ObjectId, Kind)>,
}

/// Collects commits, as long as there is time.
struct NodeVisitor<'s> {
    nodes: Vec<(ObjectId, Node)>,
    store: &'s ObjectStore,
    interrupt: &'s AtomicBool,
}

impl Visitor for NodeVisitor<'_> {
    type State = ();

    fn visit(&mut self, object: &Object<'_>, _: Option<Delta<'_, ()>>) {
        let (node, is_sound) = parse(object.content);
        self.nodes.extend(is_sound.then_some((object.id, node)));
        if self.store.is_out_of_time() {
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }

    fn visit_large(&mut self, _: &LargeObject, _: &mut dyn Read) {}
}

/// Commits between those that are wanted and those that are known.
#[derive(Default)]
struct RangeWalk {
    queue: BinaryHeap<(i64, ObjectId)>,
    seen: HashSet<ObjectId>,
    known: HashSet<ObjectId>,
    /// What is in the queue and isn't known.
    open: HashSet<ObjectId>,
    wanted: Vec<ObjectId>,
}

impl RangeWalk {
    /// Queues a commit that wasn't met before, or that only now turns out to be known.
    fn meet(&mut self, id: ObjectId, is_known: bool, commits: &mut Commits<'_>) {
        let is_news = is_known && self.known.insert(id);
        if !self.seen.insert(id) && !is_news {
            return;
        }
        let Some(node) = commits.node(&id) else { return };
        if self.known.contains(&id) {
            self.open.remove(&id);
        } else {
            self.open.insert(id);
        }
        self.queue.push((node.time, id));
    }

    fn run(&mut self, commits: &mut Commits<'_>) {
        // Commits that are left when all of them are known: enough of them to make up for wrong clocks.
        let mut slop = SLOP;
        while let Some((_, id)) = self.queue.pop() {
            self.open.remove(&id);
            let is_known = self.known.contains(&id);
            if !is_known {
                self.wanted.push(id);
            } else if self.open.is_empty() {
                slop -= 1;
                if slop == 0 {
                    break;
                }
            }
            for parent in commits.node(&id).map_or_else(Vec::new, |node| node.parents.clone()) {
                self.meet(parent, is_known, commits);
            }
        }
    }
}

/// What a tag names, and when it was made; 0 if it doesn't say.
fn parse_tag(content: &[u8]) -> (Option<ObjectId>, i64) {
    let lines = || content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let target = lines().find_map(|line| line.strip_prefix(b"object ")).and_then(ObjectId::from_hex);
    (target, lines().find(|line| line.starts_with(b"tagger ")).map_or(0, time_of))
}

/// The second last word of a signature, in seconds since 1970; 0 if it is none.
fn time_of(line: &[u8]) -> i64 {
    let time = line.rsplit(|byte| *byte == b' ').nth(1);
    time.and_then(|word| str::from_utf8(word).ok()?.parse().ok()).unwrap_or(0)
}

/// For fuzzers.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(content: &[u8]) {
    let (node, is_sound) = parse(content);
    assert!(node.tree.is_some() || !is_sound);
    let _ = parse_tag(content);
}

/// Has a commit or a tag what there should be in one?
pub(super) fn is_sound(kind: Kind, content: &[u8]) -> bool {
    match kind {
        Kind::Commit => parse(content).1,
        Kind::Tag => parse_tag(content).0.is_some(),
        Kind::Tree | Kind::Blob => true,
    }
}

/// What a commit says, and whether that is all there should be.
fn parse(content: &[u8]) -> (Node, bool) {
    let mut lines = content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let tree = lines.next().and_then(|line| line.strip_prefix(b"tree ")).and_then(ObjectId::from_hex);
    let (mut node, mut is_sound) = (Node { tree, parents: Vec::new(), time: 0 }, tree.is_some());
    for line in lines {
        if let Some(id) = line.strip_prefix(b"parent ") {
            let parent = ObjectId::from_hex(id);
            is_sound &= parent.is_some();
            node.parents.extend(parent);
        } else if line.starts_with(b"committer ") {
            node.time = time_of(line);
        }
    }
    (node, is_sound)
}

impl Revisions {
    /// Understands `A..B`, `A...B` and a single `B`, which stands for everything reachable from it; `B^!` is what that commit
    /// alone brings, `B^-N` the same as `B^N..B`. Behind the dots `HEAD` may be left out. A side that is a tag stays one, so that
    /// the range has its message.
    ///
    /// # Errors
    /// If a side is no revision, or there is none before the dots.
    pub fn parse(store: &ObjectStore, refs: &Refs, text: &str) -> Result<Revisions, RevisionError> {
        if text.trim().is_empty() || text.starts_with("..") {
            return Err(RevisionError::NoStart(text.to_owned()));
        }
        let side = |side: &str| tip(store, refs, if side.is_empty() { "HEAD" } else { side });
        let (include, exclude) = if let Some((left, right)) = text.split_once("...") {
            let (left, right) = (side(left)?, side(right)?);
            (vec![left, right], merge_bases(store, left, right))
        } else if let Some((left, right)) = text.split_once("..") {
            (vec![side(right)?], vec![side(left)?])
        } else if let Some(own) = text.strip_suffix("^!") {
            (vec![side(own)?], parents(store, refs, own)?)
        } else if let Some((own, number)) = less_a_parent(text) {
            (vec![side(own)?], vec![resolve(store, refs, &format!("{own}^{number}"))?])
        } else {
            (vec![side(text)?], Vec::new())
        };
        Ok(Revisions { include, exclude, ..Revisions::default() })
    }
}

/// `B^-N`, or `B^-`, in its two parts.
fn less_a_parent(text: &str) -> Option<(&str, usize)> {
    let (own, number) = text.rsplit_once("^-")?;
    Some((own, if number.is_empty() { 1 } else { number.parse().ok().filter(|number| *number > 0)? }))
}

/// All parents of the commit that a name means.
fn parents(store: &ObjectStore, refs: &Refs, text: &str) -> Result<Vec<ObjectId>, RevisionError> {
    let commit = resolve(store, refs, text)?;
    Ok(Commits::new(store).node(&commit).map_or_else(Vec::new, |node| node.parents.clone()))
}

/// Commits that both can reach, without the ancestors of others of them that are found on the way.
fn merge_bases(store: &ObjectStore, left: ObjectId, right: ObjectId) -> Vec<ObjectId> {
    let mut commits = Commits::new(store);
    let of_left: HashSet<ObjectId> =
        commits.list(&Revisions { include: vec![left], ..Revisions::default() }).commits.into_iter().collect();
    let right_only = Revisions { include: vec![right], ..Revisions::default() };
    let common: Vec<ObjectId> =
        commits.list(&right_only).commits.into_iter().filter(|id| of_left.contains(id)).collect();
    let mut is_parent: HashSet<ObjectId> = HashSet::new();
    for id in &common {
        is_parent.extend(commits.node(id).iter().flat_map(|node| node.parents.clone()));
    }
    common.into_iter().filter(|id| !is_parent.contains(id)).collect()
}

/// What a side of a range means: a tag stays the tag that it is.
fn tip(store: &ObjectStore, refs: &Refs, text: &str) -> Result<ObjectId, RevisionError> {
    match named(store, refs, text, text) {
        Err(RevisionError::Unknown(_)) => resolve(store, refs, text),
        found => found,
    }
}

/// The commit that a name means: an id or its beginning, a ref by git's rules, `HEAD` or `@`, with any number of `~N`,
/// `^N`, `^{}`, `^{commit}` behind it, and `@{N}` or `@{upstream}` directly behind the name.
///
/// # Errors
/// If there is no such commit, or several.
pub fn resolve(store: &ObjectStore, refs: &Refs, text: &str) -> Result<ObjectId, RevisionError> {
    let unknown = || RevisionError::Unknown(text.to_owned());
    // No name of a ref has a colon.
    if let Some((commit, rest)) = text.split_once(':') {
        let is_search = commit.is_empty() && rest.starts_with('/');
        let error = if is_search { RevisionError::Form } else { RevisionError::NoCommit };
        return Err(error(text.to_owned()));
    }
    let name_end = text.char_indices().find(|(at, c)| matches!(c, '~' | '^') || text[*at..].starts_with("@{"));
    let (name, mut rest) = text.split_at(name_end.map_or(text.len(), |(at, _)| at));
    let mut commits = Commits::new(store);
    let form = || RevisionError::Form(text.to_owned());
    let mut at = if let Some(braced) = rest.strip_prefix("@{") {
        let (braced, behind) = braced.split_once('}').ok_or_else(form)?;
        rest = behind;
        if ["u", "upstream"].iter().any(|word| braced.eq_ignore_ascii_case(word)) {
            upstream::of(store, refs, name).ok_or_else(|| RevisionError::NoUpstream(text.to_owned()))?
        } else {
            let number = braced.parse().map_err(|_| form())?;
            // Without a name it is the log of the branch, not that of HEAD.
            let branch = refs.head_name.clone().filter(|_| name.is_empty());
            let full = branch.or_else(|| full_name(refs, name).map(String::into_bytes)).ok_or_else(unknown)?;
            refs.earlier(&full, number).ok_or_else(unknown)?
        }
    } else {
        named(store, refs, name, text)?
    };
    at = commits.peel(at).map_err(RevisionError::Store)?.ok_or_else(unknown)?;
    while !rest.is_empty() {
        if rest.starts_with("^{") {
            // What it names is a commit by now.
            let peeled = ["^{}", "^{commit}"].iter().find_map(|peel| rest.strip_prefix(peel));
            rest = peeled.ok_or_else(form)?;
            continue;
        }
        if !rest.starts_with(['~', '^']) {
            return Err(form());
        }
        let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        let number = if digits == 0 { 1 } else { rest[1..=digits].parse::<usize>().map_err(|_| unknown())? };
        let is_ancestor = rest.starts_with('~');
        rest = &rest[1 + digits..];
        let steps = if is_ancestor { vec![1; number.min(1 << 24)] } else { vec![number] };
        for parent in steps.into_iter().filter(|parent| *parent > 0) {
            let node = commits.node(&at).ok_or_else(unknown)?;
            at = *node.parents.get(parent - 1).ok_or_else(unknown)?;
        }
    }
    Ok(at)
}

/// Where git looks for a name, in this order.
const PLACES: [&str; 5] = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];

fn full_name(refs: &Refs, name: &str) -> Option<String> {
    let name = if name == "@" || name.is_empty() { "HEAD" } else { name };
    PLACES.iter().map(|place| format!("{place}{name}")).find(|full| refs.find(full.as_bytes()).is_some())
}

fn named(store: &ObjectStore, refs: &Refs, name: &str, text: &str) -> Result<ObjectId, RevisionError> {
    if let Some(id) = full_name(refs, name).and_then(|full| refs.find(full.as_bytes())) {
        return Ok(id);
    }
    let is_hex = name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(id) = ObjectId::from_hex(name.as_bytes()).filter(|id| store.contains(id)) {
        return Ok(id);
    }
    let remote = format!("refs/remotes/{name}/HEAD");
    if let Some(id) = refs.find(remote.as_bytes()) {
        return Ok(id);
    }
    let mut found = if is_hex { store.ids_with_prefix(name.as_bytes(), 16) } else { Vec::new() };
    // Git takes the commit when it is the only one.
    let mut reader = store.reader(MAX_COMMIT_BYTES);
    if found.len() > 1 {
        found.retain(|id| matches!(reader.kind(id), Ok(Kind::Commit | Kind::Tag)));
    }
    match found.as_slice() {
        [] => Err(RevisionError::Unknown(text.to_owned())),
        [id] => Ok(*id),
        _ => Err(RevisionError::Ambiguous(text.to_owned())),
    }
}
