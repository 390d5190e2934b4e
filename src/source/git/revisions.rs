//! Which commits a range means, and which of them it has.

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    rc::Rc,
};

use crate::model::GitCommit;

use super::{Kind, ObjectId, ObjectStore, Reader, StoreProblem, history::signatures, refs::Refs};

/// Commits to look at: those that are reachable from `include` and not from `exclude`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Where to begin.
    pub include: Vec<ObjectId>,
    /// What is known already.
    pub exclude: Vec<ObjectId>,
    /// Commits made before this moment, in seconds since 1970, are known already, too.
    pub since: Option<i64>,
}

/// Why a revision can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// Nothing has that name.
    #[error("`{0}` is no branch, tag or commit of this repository")]
    Unknown(String),
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
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    pub(super) time: i64,
}

/// Reads commits, each once.
pub(super) struct Commits<'s> {
    store: &'s ObjectStore,
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
        let reader = store.reader(MAX_COMMIT_BYTES);
        Commits { store, reader, nodes: HashMap::new(), problems: Vec::new() }
    }

    /// A commit; `None`, with a problem, if it can't be read. A shallow clone's oldest commits have no parents here.
    pub(super) fn node(&mut self, id: &ObjectId) -> Option<Rc<Node>> {
        if let Some(node) = self.nodes.get(id) {
            return node.clone();
        }
        let node = match self.reader.read(id) {
            Ok((Kind::Commit, content)) => parse(content).map(Rc::new),
            Ok(_) => None,
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        };
        let is_shallow = self.store.shallow().contains(id);
        let node = node.map(|node| match is_shallow {
            true => Rc::new(Node { parents: Vec::new(), tree: node.tree, time: node.time }),
            false => node,
        });
        self.nodes.insert(*id, node.clone());
        node
    }

    /// Author, committer and their times.
    pub(super) fn info(&mut self, id: &ObjectId) -> Option<GitCommit> {
        let (_, content) = self.reader.read(id).ok()?;
        signatures(*id, content)
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

    /// The commits of a range, children before parents as far as their clocks are right.
    pub(super) fn list(&mut self, range: &Revisions) -> Vec<ObjectId> {
        let mut walk = RangeWalk { since: range.since, ..RangeWalk::default() };
        for (ids, is_known) in [(&range.exclude, true), (&range.include, false)] {
            for id in ids {
                match self.peel(*id) {
                    Ok(Some(commit)) => walk.meet(commit, is_known, self),
                    Ok(None) => {}
                    Err(problem) => self.problems.push(problem),
                }
            }
        }
        // Commits that are left when all of them are known: enough of them to make up for wrong clocks.
        let mut slop = SLOP;
        while let Some((_, id)) = walk.queue.pop() {
            walk.open.remove(&id);
            let is_known = walk.known.contains(&id);
            if !is_known {
                walk.wanted.push(id);
            } else if walk.open.is_empty() {
                slop -= 1;
                if slop == 0 {
                    break;
                }
            }
            for parent in self.node(&id).map_or_else(Vec::new, |node| node.parents.clone()) {
                walk.meet(parent, is_known, self);
            }
        }
        let mut listed = HashSet::new();
        let RangeWalk { mut wanted, known, .. } = walk;
        wanted.retain(|id| !known.contains(id) && listed.insert(*id));
        wanted
    }
}

/// Commits between those that are wanted and those that are known.
#[derive(Default)]
struct RangeWalk {
    since: Option<i64>,
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
        if self.since.is_some_and(|since| node.time < since) {
            return;
        }
        if self.known.contains(&id) {
            self.open.remove(&id);
        } else {
            self.open.insert(id);
        }
        self.queue.push((node.time, id));
    }
}

fn parse(content: &[u8]) -> Option<Node> {
    let mut node = Node {
        tree: ObjectId::from_hex(content.get(5..)?.split(|b| *b == b'\n').next()?)?,
        parents: Vec::new(),
        time: 0,
    };
    for line in content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty()) {
        if let Some(id) = line.strip_prefix(b"parent ").and_then(ObjectId::from_hex) {
            node.parents.push(id);
        } else if line.starts_with(b"committer ") {
            let mut words = line.rsplit(|byte| *byte == b' ');
            words.next();
            node.time = words.next().and_then(|word| str::from_utf8(word).ok()?.parse().ok()).unwrap_or(0);
        }
    }
    Some(node)
}

impl Revisions {
    /// Understands `A..B`, `A...B` and a single `B`, which stands for everything reachable from it. A missing side is
    /// `HEAD`.
    ///
    /// # Errors
    /// If a side is no revision.
    pub fn parse(store: &ObjectStore, refs: &Refs, text: &str) -> Result<Revisions, RevisionError> {
        let or_head = |side: &str| resolve(store, refs, if side.is_empty() { "HEAD" } else { side });
        if let Some((left, right)) = text.split_once("...") {
            let (left, right) = (or_head(left)?, or_head(right)?);
            let exclude = merge_bases(store, left, right);
            return Ok(Revisions { include: vec![left, right], exclude, since: None });
        }
        match text.split_once("..") {
            Some((left, right)) => {
                Ok(Revisions { include: vec![or_head(right)?], exclude: vec![or_head(left)?], since: None })
            }
            None => Ok(Revisions { include: vec![or_head(text)?], ..Revisions::default() }),
        }
    }
}

/// Commits that both can reach, without the ancestors of others of them that are found on the way.
fn merge_bases(store: &ObjectStore, left: ObjectId, right: ObjectId) -> Vec<ObjectId> {
    let mut commits = Commits::new(store);
    let of_left: HashSet<ObjectId> =
        commits.list(&Revisions { include: vec![left], ..Revisions::default() }).into_iter().collect();
    let right_only = Revisions { include: vec![right], ..Revisions::default() };
    let common: Vec<ObjectId> = commits.list(&right_only).into_iter().filter(|id| of_left.contains(id)).collect();
    let mut is_parent: HashSet<ObjectId> = HashSet::new();
    for id in &common {
        is_parent.extend(commits.node(id).iter().flat_map(|node| node.parents.clone()));
    }
    common.into_iter().filter(|id| !is_parent.contains(id)).collect()
}

/// The commit that a name means: an id or its beginning, a ref by git's rules, `HEAD` or `@`, with any number of `~N`,
/// `^N`, `^{…}` behind it, or `@{N}` directly behind the name.
///
/// # Errors
/// If there is no such commit, or several.
pub fn resolve(store: &ObjectStore, refs: &Refs, text: &str) -> Result<ObjectId, RevisionError> {
    let unknown = || RevisionError::Unknown(text.to_owned());
    let name_end =
        text.char_indices().find(|(at, c)| matches!(c, '~' | '^') || (*at > 0 && text[*at..].starts_with("@{")));
    let (name, mut rest) = text.split_at(name_end.map_or(text.len(), |(at, _)| at));
    let mut commits = Commits::new(store);
    let mut at = if let Some(number) = rest.strip_prefix("@{") {
        let (number, behind) = number.split_once('}').ok_or_else(unknown)?;
        rest = behind;
        let full = full_name(refs, name).ok_or_else(unknown)?;
        refs.earlier(full.as_bytes(), number.parse().map_err(|_| unknown())?).ok_or_else(unknown)?
    } else {
        named(store, refs, name, text)?
    };
    at = commits.peel(at).map_err(RevisionError::Store)?.ok_or_else(unknown)?;
    while !rest.is_empty() {
        if rest.starts_with("^{") {
            rest = rest.split_once('}').ok_or_else(unknown)?.1;
            continue;
        }
        if !rest.starts_with(['~', '^']) {
            return Err(unknown());
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
