//! What a walk over commits, trees and tags leaves.

use std::{collections::HashMap, io::Read, ops::Range, sync::Arc};

use encoding_rs::Encoding;
use foldhash::quality::RandomState;

use super::{Interner, ObjectId};
use crate::{
    model::{GitCommit, GitSignature, GitTime},
    source::{
        Wanted,
        git::{
            Delta, Kind, LargeObject, Object, Visitor,
            entries::{self, Piece, Starts},
            ids::IdTable,
        },
    },
};

/// Something that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    Object(ObjectId),
    Name(Box<[u8]>),
}

/// What all threads look up and add to.
#[derive(Debug)]
pub(in crate::source::git) struct Tables {
    /// By number.
    things: Vec<Thing>,
    objects: HashMap<ObjectId, u32, RandomState>,
    /// By the first 20 bits of an id: is there a wanted one? Fits the second-level cache.
    filter: Vec<u64>,
    names: HashMap<Box<[u8]>, u32, RandomState>,
    /// Numbers of trees.
    ids: Arc<IdTable>,
    strings: Interner<Box<[u8]>>,
}

impl Tables {
    pub(in crate::source::git) fn new(wanted: &Wanted, ids: &Arc<IdTable>) -> Tables {
        let by_id = wanted.objects.iter().map(|id| Thing::Object(*id));
        let by_name = wanted.names.iter().map(|name| Thing::Name(name.as_slice().into()));
        let things: Vec<Thing> = by_id.chain(by_name).collect();
        let (mut objects, mut names) = (HashMap::default(), HashMap::default());
        for (number, thing) in things.iter().enumerate() {
            match thing {
                Thing::Object(id) => objects.insert(*id, number as u32),
                Thing::Name(name) => names.insert(name.clone(), number as u32),
            };
        }
        let mut filter = vec![0; 1 << 14];
        for id in objects.keys() {
            let bit = filter_bit(id.as_bytes());
            filter[bit / 64] |= 1 << (bit % 64);
        }
        Tables { things, objects, filter, names, ids: Arc::clone(ids), strings: Interner::new() }
    }

    /// Number of a wanted object, as in [`Wanted::objects`]; names are numbered after them.
    fn wanted(&self, id: &[u8]) -> Option<u32> {
        let bit = filter_bit(id);
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        self.objects.get(&ObjectId::copied(id)).copied()
    }

    /// Is this object asked for?
    pub(super) fn is_wanted(&self, id: &ObjectId) -> bool {
        self.objects.contains_key(id)
    }

    /// How many things are wanted.
    pub(super) fn count(&self) -> usize {
        self.things.len()
    }

    /// The wanted thing of a number.
    pub(super) fn thing(&self, number: u32) -> &Thing {
        &self.things[number as usize]
    }

    /// Does it matter what trees hold?
    fn asks_for_trees(&self) -> bool {
        !self.things.is_empty()
    }

    fn string(&self, name: &[u8]) -> u32 {
        let shard = name.iter().fold(name.len() as u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        self.strings.number(shard, name, |name| name.into())
    }
}

fn filter_bit(id: &[u8]) -> usize {
    usize::from(id[0]) << 12 | usize::from(id[1]) << 4 | usize::from(id[2]) >> 4
}

/// An entry of a tree that matters: its name, and what it leads to. Repositories have millions, so it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge(u64);

impl Edge {
    /// Numbers of items have 31 bits.
    pub(super) fn new(name: u32, item: Item) -> Edge {
        let (kind, number) = match item {
            Item::Tree(number) => (0, number),
            Item::Wanted(number) => (1, number),
        };
        Edge(u64::from(name) << 32 | u64::from(number) << 1 & 0xffff_ffff | kind)
    }

    /// Number of its name.
    pub(super) fn name(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) fn item(self) -> Item {
        let number = self.0 as u32 >> 1;
        if self.0 & 1 == 0 { Item::Tree(number) } else { Item::Wanted(number) }
    }

    /// Different for each.
    pub(super) fn bits(self) -> u64 {
        self.0
    }
}

/// What an entry leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A tree, by number.
    Tree(u32),
    /// A wanted thing, by number.
    Wanted(u32),
}

#[derive(Debug)]
pub(super) struct CommitRecord {
    pub(super) id: ObjectId,
    pub(super) tree: u32,
    /// By number, as trees: those that the store has.
    pub(super) parents: Vec<u32>,
    /// Does it name others?
    pub(super) is_cut: bool,
    pub(super) time: i64,
    /// Its author and committer lines.
    people: Box<[u8]>,
}

#[derive(Debug)]
pub(super) struct TagRecord {
    pub(super) target: ObjectId,
    pub(super) info: Option<Arc<GitCommit>>,
}

/// What one thread of a walk over commits, trees and tags records.
pub(in crate::source::git) struct Recorder {
    tables: Arc<Tables>,
    /// By number of the tree: where its edges stand among all.
    trees: Vec<(u32, Range<usize>)>,
    /// Of each of these, if names are wanted: its id.
    tree_ids: Vec<ObjectId>,
    edges: Vec<Edge>,
    commits: Vec<CommitRecord>,
    tags: Vec<(ObjectId, TagRecord)>,
    /// Of the tree at hand.
    placed: Vec<Placed>,
}

impl Recorder {
    pub(in crate::source::git) fn new(tables: &Arc<Tables>) -> Recorder {
        Recorder {
            tables: Arc::clone(tables),
            trees: Vec::new(),
            tree_ids: Vec::new(),
            edges: Vec::new(),
            commits: Vec::new(),
            tags: Vec::new(),
            placed: Vec::new(),
        }
    }

    /// What it was made with.
    pub(in crate::source::git) fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// Records a commit or a tag.
    pub(in crate::source::git) fn object(&mut self, object: &Object<'_>) {
        match object.kind {
            Kind::Commit => self.commit(object),
            Kind::Tag => self.tag(object),
            Kind::Tree | Kind::Blob => {}
        }
    }

    /// Takes a part of a tree; `of_base` is what [`Recorder::end_tree`] returned for its base.
    pub(in crate::source::git) fn piece(&mut self, tree: &Object<'_>, piece: &Piece, of_base: &[Placed]) {
        if !self.tables.asks_for_trees() {
            return;
        }
        match piece {
            Piece::Copied(range, by) => {
                let first = of_base.partition_point(|placed| placed.at < range.start);
                let copied = of_base[first..].iter().take_while(|placed| placed.at < range.end);
                self.placed.extend(copied.map(|placed| Placed { at: placed.at.wrapping_add(*by), edge: placed.edge }));
            }
            Piece::New(range) => {
                self.entry(&tree.content[range.clone()], range.start as u32, tree.id.as_bytes().len());
            }
        }
    }

    /// Records the tree whose pieces were taken, and returns what those made from it need.
    pub(in crate::source::git) fn end_tree(&mut self, tree: &Object<'_>) -> Box<[Placed]> {
        if !self.tables.asks_for_trees() {
            return Box::default();
        }
        if let Some(number) = self.tables.ids.number(tree.id.as_bytes()) {
            let start = self.edges.len();
            self.edges.extend(self.placed.iter().map(|placed| placed.edge));
            self.trees.push((number, start..self.edges.len()));
            if !self.tables.names.is_empty() {
                self.tree_ids.push(tree.id);
            }
        }
        let left = if tree.is_base { self.placed.as_slice().into() } else { Box::default() };
        self.placed.clear();
        left
    }

    fn entry(&mut self, entry: &[u8], at: u32, id_len: usize) {
        let (name, id) = entry.split_at(entry.len() - id_len);
        // Some tools write the zero that git leaves out.
        let is_tree = entry.starts_with(b"40000 ") || entry.starts_with(b"040000 ");
        let wanted = self.tables.wanted(id);
        if !is_tree && wanted.is_none() && self.tables.names.is_empty() {
            return;
        }
        let Some(space) = memchr::memchr(b' ', name) else { return };
        let name = &name[space + 1..name.len() - 1];
        // What a tree holds that isn't there, nobody knows.
        let tree = if is_tree { self.tables.ids.number(id).map(Item::Tree) } else { None };
        let by_name = if self.tables.names.is_empty() { None } else { self.tables.names.get(name).copied() };
        for item in tree.into_iter().chain(wanted.map(Item::Wanted)).chain(by_name.map(Item::Wanted)) {
            self.placed.push(Placed { at, edge: Edge::new(self.tables.string(name), item) });
        }
    }

    fn commit(&mut self, object: &Object<'_>) {
        let mut record = CommitRecord {
            id: object.id,
            tree: u32::MAX,
            parents: Vec::new(),
            is_cut: false,
            time: 0,
            people: Box::default(),
        };
        // It gets its number here: no other commit need name it.
        self.tables.ids.number(object.id.as_bytes());
        let (mut people, mut encoding) = (Vec::new(), None);
        for line in header(object.content) {
            if let Some(id) = line.strip_prefix(b"tree ").and_then(ObjectId::from_hex) {
                record.tree = self.tables.ids.number(id.as_bytes()).unwrap_or(u32::MAX);
            } else if let Some(id) = line.strip_prefix(b"parent ").and_then(ObjectId::from_hex) {
                let parent = self.tables.ids.number(id.as_bytes());
                record.is_cut |= parent.is_none();
                record.parents.extend(parent);
            } else if line.starts_with(b"author ") || line.starts_with(b"committer ") {
                people.extend_from_slice(line);
                people.push(b'\n');
                if let Some(signature) = line.strip_prefix(b"committer ") {
                    record.time = signature_of(signature).time.seconds;
                }
            } else if let Some(label) = line.strip_prefix(b"encoding ") {
                encoding = Encoding::for_label(label);
            }
        }
        record.people = match encoding {
            Some(encoding) if str::from_utf8(&people).is_err() => {
                encoding.decode_without_bom_handling(&people).0.as_bytes().into()
            }
            _ => people.into(),
        };
        self.commits.push(record);
    }

    fn tag(&mut self, object: &Object<'_>) {
        let mut target = None;
        let mut info = None;
        for line in header(object.content) {
            if let Some(id) = line.strip_prefix(b"object ").and_then(ObjectId::from_hex) {
                target = Some(id);
            } else if let Some(signature) = line.strip_prefix(b"tagger ").map(signature_of) {
                let commit = GitCommit { id: object.id, author: signature.clone(), committer: signature };
                info = Some(Arc::new(commit));
            }
        }
        if let Some(target) = target {
            self.tags.push((object.id, TagRecord { target, info }));
        }
    }
}

/// Lines before the first empty one.
fn header(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty())
}

/// Reads `Name <mail> seconds +hhmm`; what is missing is empty or 0.
fn signature_of(line: &[u8]) -> GitSignature {
    let open = memchr::memchr(b'<', line).unwrap_or(line.len());
    let close = memchr::memrchr(b'>', line).filter(|close| *close > open).unwrap_or(line.len());
    let email = line.get(open + 1..close).unwrap_or_default();
    let mut rest =
        line.get(close + 1..).unwrap_or_default().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut number = || rest.next().and_then(|word| str::from_utf8(word).ok()?.parse::<i64>().ok()).unwrap_or(0);
    let (seconds, zone) = (number(), number());
    let zone = zone.clamp(-2_359, 2_359);
    let time = GitTime { seconds, offset_minutes: (zone / 100 * 60 + zone % 100) as i16 };
    GitSignature::new(line[..open].trim_ascii(), email, time)
}

/// An entry that matters, and where it begins.
#[derive(Clone, Copy, Debug)]
pub(in crate::source::git) struct Placed {
    at: u32,
    edge: Edge,
}

/// One thread of a walk that only records.
pub(super) struct Recording {
    pub(super) recorder: Recorder,
    pub(super) starts: Starts,
}

/// What a tree leaves to those made from it.
#[derive(Default)]
pub(super) struct Left {
    starts: Box<[u32]>,
    /// Sorted by place.
    placed: Box<[Placed]>,
}

impl Visitor for Recording {
    type State = Left;

    fn visit(&mut self, object: &Object<'_>, delta: Option<Delta<'_, Left>>) -> Left {
        if object.kind != Kind::Tree {
            self.recorder.object(object);
            return Left::default();
        }
        let base = delta.as_ref().map(|delta| (&*delta.state.starts, delta.ops));
        let of_base = delta.as_ref().map_or(&[][..], |delta| &delta.state.placed);
        entries::each(object.content, object.id.as_bytes().len(), base, &mut self.starts, |piece| {
            self.recorder.piece(object, &piece, of_base);
        });
        let starts = if object.is_base { self.starts.as_slice().into() } else { Box::default() };
        Left { starts, placed: self.recorder.end_tree(object) }
    }

    /// Commits and trees of this size are not made by git; their blobs are scanned without a place.
    fn visit_large(&mut self, _: &LargeObject, _: &mut dyn Read) {}
}

/// The place of an object that is no commit, or one that wasn't visited.
const NO_COMMIT: u32 = u32::MAX;

/// Everything recorded.
#[derive(Debug)]
pub(super) struct Records {
    /// By number of the tree: the thread that recorded it, and where its edges stand; nowhere for trees that aren't in the
    /// store.
    trees: Vec<(u32, Range<usize>)>,
    /// By thread.
    edges: Vec<Vec<Edge>>,
    /// If names are wanted: every tree's number and id.
    tree_ids: Vec<(u32, ObjectId)>,
    pub(super) names: Vec<Box<[u8]>>,
    pub(super) commits: Vec<CommitRecord>,
    pub(super) tags: HashMap<ObjectId, TagRecord>,
    /// By number of the object: of a commit, its place in `commits`; else [`NO_COMMIT`].
    commit_places: Vec<u32>,
    tables: Arc<Tables>,
}

impl Records {
    /// Is something missing that the commit was made from: a parent, or the tree of one? Then it needn't be the first that has
    /// what it has.
    pub(super) fn is_cut(&self, commit: u32) -> bool {
        let commit = &self.commits[commit as usize];
        let has_tree = |parent: u32| self.commits[parent as usize].tree != u32::MAX;
        commit.is_cut || !commit.parents.iter().all(|number| self.commit_at(*number).is_some_and(has_tree))
    }

    /// Puts the threads' parts together, which were all made with these tables.
    pub(super) fn join(recorders: Vec<Recorder>, tables: Arc<Tables>) -> Records {
        let mut trees = vec![(0, 0..0); tables.ids.numbers()];
        let (mut edges, mut commits, mut tags, mut tree_ids) = (Vec::new(), Vec::new(), HashMap::new(), Vec::new());
        let mut of_threads = Vec::new();
        for recorder in recorders {
            tree_ids.extend(recorder.trees.iter().map(|(number, _)| *number).zip(recorder.tree_ids));
            of_threads.push(recorder.trees);
            edges.push(recorder.edges);
            commits.extend(recorder.commits);
            tags.extend(recorder.tags);
        }
        let commit_places = std::thread::scope(|scope| {
            scope.spawn(|| {
                for (thread, recorded) in (0..).zip(of_threads) {
                    recorded.into_iter().for_each(|(number, range)| trees[number as usize] = (thread, range));
                }
            });
            // Threads take objects as they come: only the ids order them.
            commits.sort_by_cached_key(|commit| commit.id);
            let mut places = vec![NO_COMMIT; tables.ids.numbers()];
            for (place, commit) in (0..).zip(&commits) {
                if let Some(number) = tables.ids.known_number(commit.id.as_bytes()) {
                    places[number as usize] = place;
                }
            }
            places
        });
        let names = tables.strings.keys().into_iter().map(Option::unwrap_or_default).collect();
        Records { trees, edges, tree_ids, names, commits, tags, commit_places, tables }
    }

    /// How many trees have a number.
    pub(super) fn tree_count(&self) -> usize {
        self.trees.len()
    }

    /// How many entries of trees matter.
    pub(super) fn edge_count(&self) -> usize {
        self.edges.iter().map(Vec::len).sum()
    }

    /// The entries of a tree that matter; none if it isn't in the store.
    pub(super) fn edges(&self, tree: u32) -> &[Edge] {
        let (thread, range) = &self.trees[tree as usize];
        self.edges.get(*thread as usize).map_or(&[], |edges| &edges[range.clone()])
    }

    pub(super) fn commit_of(&self, id: &ObjectId) -> Option<u32> {
        self.tables.ids.known_number(id.as_bytes()).and_then(|number| self.commit_at(number))
    }

    /// The commit that has this number as an object.
    pub(super) fn commit_at(&self, number: u32) -> Option<u32> {
        self.commit_places.get(number as usize).copied().filter(|place| *place != NO_COMMIT)
    }

    pub(super) fn tree_of(&self, id: &ObjectId) -> Option<u32> {
        self.tables.ids.known_number(id.as_bytes())
    }

    pub(super) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Of the trees that have a wanted name, the smallest id: threads meet them in any order.
    pub(super) fn trees_of_names(&self) -> HashMap<Vec<u8>, ObjectId> {
        let mut found: HashMap<Vec<u8>, ObjectId> = HashMap::new();
        for (number, id) in &self.tree_ids {
            for edge in self.edges(*number) {
                if let Item::Wanted(thing) = edge.item()
                    && let Thing::Name(name) = self.tables.thing(thing)
                {
                    let smallest = found.entry(name.to_vec()).or_insert(*id);
                    *smallest = (*smallest).min(*id);
                }
            }
        }
        found
    }

    /// Author, committer and their times.
    pub(super) fn commit_info(&self, commit: u32) -> Option<Arc<GitCommit>> {
        let record = self.commits.get(commit as usize)?;
        signatures(record.id, &record.people).map(Arc::new)
    }
}

/// Who made a commit or a tag, by its lines.
pub(in crate::source::git) fn signatures(id: ObjectId, content: &[u8]) -> Option<GitCommit> {
    let line = |name: &[u8]| header(content).find_map(|line| line.strip_prefix(name)).map(signature_of);
    let (author, committer) = (line(b"author "), line(b"committer "));
    let author = author.or_else(|| committer.clone()).or_else(|| line(b"tagger "))?;
    Some(GitCommit { id, committer: committer.unwrap_or_else(|| author.clone()), author })
}

#[cfg(test)]
mod tests {
    use super::signature_of;

    #[test]
    fn signatures_are_read_whatever_is_missing() {
        for (line, name, email, time) in [
            ("Ann Lee <a@b.c> 1714649820 +0200", "Ann Lee", "a@b.c", "2024-05-02T13:37:00+02:00"),
            ("A <B> C <a@b> 0 -0330", "A", "B> C <a@b", "1969-12-31T20:30:00-03:30"),
            ("nobody", "nobody", "", "1970-01-01T00:00:00Z"),
            ("<>", "", "", "1970-01-01T00:00:00Z"),
            ("x <y> 99999999999999999999 +9999999", "x", "y", "1970-01-01T23:59:00+23:59"),
        ] {
            let signature = signature_of(line.as_bytes());
            assert_eq!(signature.name, name, "{line}");
            assert_eq!(signature.email, email, "{line}");
            assert_eq!(signature.time.to_string(), time, "{line}");
        }
    }
}
