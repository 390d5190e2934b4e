//! One thread of a walk: goes down delta trees, depth first, on a stack of its own.
//!
//! **Memory.** A base is kept while there are children left to decode from it. The child with the largest subtree comes
//! last, and the base is let go before that subtree is entered; so a base is only ever kept for the sake of subtrees at
//! most half as large as its own, and no more than log2(objects) of them are kept at once, however long the chains.

use std::sync::{Arc, MutexGuard, PoisonError};

use flate2::bufread::ZlibDecoder;

use super::{
    Delta, Fault, Kind, LargeObject, Object, ObjectId, StoreProblem, Visitor,
    buffer::Buffer,
    decoder::Decoder,
    inflate::ContentReader,
    loose::LooseObject,
    walk::{FailedEntry, Failure, Harvest, Job, Phase, Round, Task},
};

/// Objects larger than this are decoded by one thread at a time.
const LARGE_BYTES: u64 = 8 << 20;
/// Fewer objects aren't worth waking a thread for.
const MIN_SHARED_OBJECTS: u32 = 4;

/// So many bytes are decoded before the threads' common counter is told.
const DECODED_STEP: u64 = 32 << 20;

/// A decoded object on which others hang.
struct Base<S> {
    kind: Kind,
    content: Arc<Buffer>,
    /// `None` if it wasn't visited here: it is a duplicate.
    state: Option<Arc<S>>,
}

/// A base with children left.
pub(super) struct Frame<S> {
    node: u32,
    kind: Kind,
    /// `None` when it had to make room: it is decoded again.
    content: Option<Arc<Buffer>>,
    state: Option<Arc<S>>,
    /// Children left, for [`Forest::child`](super::forest::Forest::child).
    next: u32,
    end: u32,
}

/// See the module.
pub(super) struct Worker<'w, V: Visitor> {
    round: &'w Round<'w, V::State>,
    visitor: V,
    decoder: Decoder,
    stack: Vec<Frame<V::State>>,
    /// Bytes of the bases on the stack.
    held: usize,
    /// May bases on the stack be dropped? Not below one that came from another pack: this pack can't make it again.
    is_pinned: bool,
    turn: Option<MutexGuard<'w, ()>>,
    /// Bytes decoded and not yet told to the other threads.
    decoded: u64,
    harvest: Harvest,
}

impl<'w, V: Visitor> Worker<'w, V> {
    pub(super) fn new(round: &'w Round<'w, V::State>, visitor: V) -> Worker<'w, V> {
        Worker {
            round,
            visitor,
            decoder: Decoder::new(round.plan.max_object_bytes),
            stack: Vec::new(),
            held: 0,
            is_pinned: false,
            turn: None,
            decoded: 0,
            harvest: Harvest::default(),
        }
    }

    /// Does jobs, then helps others, until nobody has anything left.
    pub(super) fn run(mut self) -> (V, Harvest) {
        let round = self.round;
        while let Some(job) = round.next_job() {
            if round.is_over() {
                break;
            }
            match job {
                Job::Trees { forest, roots } => {
                    for &root in &round.forests[*forest].roots[roots.clone()] {
                        self.tree(*forest, root);
                    }
                }
                Job::Loose(range) => round.loose[range.clone()].iter().for_each(|id| self.loose(id)),
                Job::Retry(failure) => self.retry(failure.clone()),
            }
        }
        while let Some(Task { forest, frame }) = round.queue.next() {
            self.held += frame.content.as_deref().map_or(0, Buffer::capacity);
            self.stack.push(frame);
            self.descend(forest);
        }
        (self.visitor, self.harvest)
    }

    /// A whole tree of a forest.
    fn tree(&mut self, forest: usize, root: u32) {
        if self.round.is_over() {
            return;
        }
        match self.root(forest, root) {
            Ok(()) => self.descend(forest),
            Err(fault) => {
                self.turn = None;
                self.fail(forest, root, fault);
            }
        }
    }

    fn root(&mut self, forest: usize, node: u32) -> Result<(), Fault> {
        let trees = &self.round.forests[forest];
        if let Some(fault) = trees.fault(node) {
            return Err(fault.clone());
        }
        let pack = &trees.pack.data;
        if let Some(base) = trees.external_base(node) {
            let (kind, base) = self.round.places.read(&base, None, &mut self.decoder)?;
            let content = self.decoder.derived(pack, trees.offset(node), &base)?;
            self.decoder.pool.give(base);
            self.enter(forest, node, (kind, content), None);
            return Ok(());
        }
        let entry = pack.entry(trees.offset(node))?;
        let Some(kind) = trees.kind(node) else { return Err(Fault::BaseUnreadable) };
        if entry.size > self.decoder.limit as u64 {
            for at in trees.children(node) {
                let fault = Fault::TooLarge { size: entry.size, limit: self.decoder.limit as u64 };
                self.fail(forest, trees.child(at), fault);
            }
            if self.is_visited(forest, node, kind) {
                let object = LargeObject { id: trees.id(node), kind, size: entry.size };
                self.stream(object, ZlibDecoder::new(entry.compressed));
            }
            return Ok(());
        }
        self.take_turn(entry.size);
        let content = self.decoder.whole(&entry)?;
        self.enter(forest, node, (kind, content), None);
        Ok(())
    }

    /// Visits everything below the bases on the stack.
    fn descend(&mut self, forest: usize) {
        let round = self.round;
        while let Some(top) = self.stack.last_mut() {
            if round.is_over() {
                self.stack.clear();
                self.held = 0;
                break;
            }
            if top.next == top.end {
                self.pop();
                continue;
            }
            let child = round.forests[forest].child(top.next);
            let base = match self.base(forest) {
                Ok(base) => base,
                Err(fault) => {
                    self.fail(forest, child, fault);
                    if let Some(top) = self.stack.last_mut() {
                        top.next += 1;
                    }
                    continue;
                }
            };
            if let Some(top) = self.stack.last_mut() {
                top.next += 1;
                if top.next == top.end {
                    // Its content lives on in `base` until the child is decoded, no longer.
                    self.pop();
                }
            }
            self.prefetch(forest, child);
            self.child(forest, child, &base);
            self.recycle(base.content);
            if round.queue.is_hungry() {
                self.share(forest);
            }
        }
        self.turn = None;
        self.decoder.shrink();
    }

    /// Has what the processor will wait for brought from memory meanwhile: the id of an entry that is to be decoded, and the
    /// entry that is likely the next one.
    fn prefetch(&self, forest: usize, node: u32) {
        let trees = &self.round.forests[forest];
        trees.prefetch_id(node);
        let below = trees.children(node);
        let next = match self.stack.last() {
            _ if !below.is_empty() => below.start,
            Some(top) if top.next < top.end => top.next,
            _ => return,
        };
        trees.prefetch_entry(trees.child(next));
    }

    /// Decodes and visits one delta.
    fn child(&mut self, forest: usize, node: u32, base: &Base<V::State>) {
        match self.decode_child(forest, node, &base.content) {
            Ok(content) => self.enter(forest, node, (base.kind, content), Some(base)),
            Err(fault) => self.fail(forest, node, fault),
        }
    }

    fn decode_child(&mut self, forest: usize, node: u32, base: &[u8]) -> Result<Buffer, Fault> {
        let trees = &self.round.forests[forest];
        let entry = trees.pack.data.entry(trees.offset(node))?;
        self.take_turn(entry.size);
        let pending = self.decoder.inflate_delta(&entry)?;
        self.take_turn(pending.result_size as u64);
        self.decoder.apply(pending, base)
    }

    /// Visits a decoded object and, if others hang on it, puts it on the stack.
    fn enter(&mut self, forest: usize, node: u32, object: (Kind, Buffer), base: Option<&Base<V::State>>) {
        let trees = &self.round.forests[forest];
        let (kind, content) = object;
        let children = trees.children(node);
        self.note_decoded(&content);
        let state = self.is_visited(forest, node, kind).then(|| {
            let id = trees.id(node);
            self.verify(&id, kind, &content);
            let delta = base.and_then(|base| {
                let (state, ops) = (base.state.as_deref()?, self.decoder.ops.get()?);
                Some(Delta { base: &base.content, state, ops })
            });
            self.harvest.counts.count(kind, content.len() as u64);
            self.visitor.visit(&Object { id, kind, content: &content, is_base: !children.is_empty() }, delta)
        });
        if children.is_empty() {
            return self.decoder.pool.give(content);
        }
        self.held += content.capacity();
        let (content, state) = (Some(Arc::new(content)), state.map(Arc::new));
        self.stack.push(Frame { node, kind, content, state, next: children.start, end: children.end });
        self.make_room();
    }

    /// The base on top of the stack; decoded again if it had to make room.
    fn base(&mut self, forest: usize) -> Result<Base<V::State>, Fault> {
        let top = self.stack.last_mut().expect("called with a base on the stack");
        let content = match &top.content {
            Some(content) => Arc::clone(content),
            None => {
                let trees = &self.round.forests[forest];
                let location = (trees.number, trees.offset(top.node));
                let (_, content) = self.round.places.read_packed(location, &mut self.decoder)?;
                self.held += content.capacity();
                Arc::clone(top.content.insert(Arc::new(content)))
            }
        };
        Ok(Base { kind: top.kind, content, state: top.state.clone() })
    }

    fn pop(&mut self) {
        if let Some(content) = self.stack.pop().and_then(|frame| frame.content) {
            self.held -= content.capacity();
            self.recycle(content);
        }
    }

    fn recycle(&mut self, content: Arc<Buffer>) {
        if let Ok(content) = Arc::try_unwrap(content) {
            self.decoder.pool.give(content);
        }
    }

    /// Drops the bases that are needed last, until what is held is within its share.
    fn make_room(&mut self) {
        let share = self.round.plan.max_held_bytes / self.round.plan.threads.max(1);
        if self.held <= share || self.is_pinned {
            return;
        }
        let below_top = self.stack.len().saturating_sub(1);
        for frame in &mut self.stack[..below_top] {
            if let Some(content) = frame.content.take() {
                self.held -= content.capacity();
            }
            if self.held <= share {
                break;
            }
        }
    }

    /// Gives some of the subtrees that aren't begun, as near to the root as possible, to an idle thread, if that leaves
    /// both with enough to do: else they would only pass one task to and fro.
    fn share(&mut self, forest: usize) {
        if self.turn.is_some() || self.is_pinned {
            return;
        }
        let trees = &self.round.forests[forest];
        // At least; the last child has the largest subtree.
        let weight =
            |next: u32, end: u32| if next == end { 0 } else { end - next - 1 + trees.wanted(trees.child(end - 1)) };
        let total: u32 = self.stack.iter().map(|frame| weight(frame.next, frame.end)).sum();
        for top in &mut self.stack {
            let Some(content) = &top.content else { continue };
            let count = top.end - top.next;
            if count == 0 {
                continue;
            }
            let is_lopsided = weight(top.next, top.end) >= 2 * count;
            let given = if is_lopsided { top.end - 1 } else { top.end - count.div_ceil(2) };
            let given_weight = weight(given, top.end);
            if given_weight < MIN_SHARED_OBJECTS || total - given_weight < MIN_SHARED_OBJECTS {
                continue;
            }
            let end = std::mem::replace(&mut top.end, given);
            let (content, state) = (Some(Arc::clone(content)), top.state.clone());
            let frame = Frame { node: top.node, kind: top.kind, content, state, next: given, end };
            return self.round.queue.give(Task { forest, frame });
        }
    }

    /// Waits for the right to hold large objects, and keeps it until the tree is done.
    fn take_turn(&mut self, size: u64) {
        if size > LARGE_BYTES && self.turn.is_none() {
            self.turn = Some(self.round.large.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn loose(&mut self, id: &ObjectId) {
        if self.round.is_over() {
            return;
        }
        if let Some(kind) = self.round.plan.known.and_then(|known| known.known(id.as_bytes())) {
            self.harvest.counts.found[kind as usize - 1] += 1;
            self.harvest.counts.known[kind as usize - 1] += 1;
            return;
        }
        let places = self.round.places;
        if let Err(fault) = places.first_loose(id, |path| {
            let object = LooseObject::open(path, &mut self.decoder.inflater)?;
            self.loose_object(id, object)
        }) {
            self.harvest.problems.push(StoreProblem::object(places.path(id), *id, fault));
        }
        self.turn = None;
    }

    fn loose_object(&mut self, id: &ObjectId, object: LooseObject) -> Result<(), Fault> {
        let (kind, size) = (object.kind, object.size);
        if self.round.phase == Phase::Blobs && kind != Kind::Blob {
            self.harvest.deferred.push(*id);
            return Ok(());
        }
        if !self.round.plan.kinds.contains(kind) {
            self.harvest.counts.found[kind as usize - 1] += 1;
            return Ok(());
        }
        if size > self.decoder.limit as u64 {
            let content = object.stream()?;
            self.harvest.counts.found[kind as usize - 1] += 1;
            self.stream(LargeObject { id: *id, kind, size }, content);
            return Ok(());
        }
        self.take_turn(size);
        let content = self.decoder.loose(object)?;
        self.harvest.counts.found[kind as usize - 1] += 1;
        if self.decoder.is_followed {
            self.problem(*id, Fault::Trailing);
        }
        self.alone(id, kind, content);
        Ok(())
    }

    /// Visits an object on which nothing hangs.
    fn alone(&mut self, id: &ObjectId, kind: Kind, content: Buffer) {
        self.note_decoded(&content);
        self.verify(id, kind, &content);
        self.harvest.counts.count(kind, content.len() as u64);
        self.visitor.visit(&Object { id: *id, kind, content: &content, is_base: false }, None);
        self.decoder.pool.give(content);
    }

    fn stream(&mut self, object: LargeObject, content: impl std::io::Read) {
        let verify = self.round.plan.verify.then_some((self.round.format, object.kind));
        let mut content = ContentReader::new(content, object.size, verify);
        self.harvest.counts.inflated += 1;
        self.visitor.visit_large(&object, &mut content);
        let outcome = content.finish(&object.id);
        if matches!(outcome, Ok(()) | Err(Fault::IdMismatch(_))) {
            self.harvest.counts.count(object.kind, object.size);
        }
        if let Err(fault) = outcome {
            let problem = StoreProblem::object(self.round.places.path(&object.id), object.id, fault);
            self.harvest.problems.push(problem.of_kind(Some(object.kind)));
        }
    }

    /// Is this object, whatever hangs on it, to be visited?
    fn is_visited(&self, forest: usize, node: u32, kind: Kind) -> bool {
        let trees = &self.round.forests[forest];
        self.round.plan.kinds.contains(kind)
            && !trees.is_left_out(node)
            && !self.round.duplicates.contains(trees.number, trees.position(node))
    }

    fn note_decoded(&mut self, content: &[u8]) {
        self.harvest.counts.inflated += 1;
        self.decoded += content.len() as u64;
        if self.decoded > DECODED_STEP {
            self.round.add_decoded(std::mem::take(&mut self.decoded));
        }
    }

    fn verify(&mut self, id: &ObjectId, kind: Kind, content: &[u8]) {
        if self.round.plan.verify {
            let actual = self.round.format.object_id(kind, content);
            if actual != *id {
                self.problem(*id, Fault::IdMismatch(actual));
            }
        }
    }

    fn problem(&mut self, id: ObjectId, fault: Fault) {
        self.harvest.problems.push(StoreProblem::object(self.round.places.path(&id), id, fault));
    }

    fn fail(&mut self, forest: usize, node: u32, fault: Fault) {
        self.harvest.failures.push(Failure { forest, entry: FailedEntry::Node(node), fault });
    }

    /// Tries other copies of what could not be decoded. What hangs on it follows, from that copy or each from one of
    /// its own.
    fn retry(&mut self, failure: Failure) {
        let begun = self.harvest.failures.len();
        self.harvest.failures.push(failure);
        while self.harvest.failures.len() > begun {
            let Some(failure) = self.harvest.failures.pop() else { break };
            if self.round.is_over() {
                self.harvest.failures.truncate(begun);
                break;
            }
            let forest = failure.forest;
            let trees = &self.round.forests[forest];
            let position = match failure.entry {
                FailedEntry::Node(node) => trees.position(node),
                FailedEntry::Position(position) => position,
            };
            let id = trees.pack.id(position);
            let copy = self.round.places.read(&id, Some(trees.number), &mut self.decoder);
            match (copy, failure.entry) {
                (Ok((kind, _)), _) if !self.round.plan.kinds.contains(kind) => {}
                (Ok(object), FailedEntry::Node(node)) => {
                    self.is_pinned = true;
                    self.enter(forest, node, object, None);
                    self.descend(forest);
                    self.is_pinned = false;
                }
                (Ok((kind, content)), FailedEntry::Position(_)) => {
                    if !self.round.duplicates.contains(trees.number, position) {
                        self.alone(&id, kind, content);
                    }
                }
                (Err(_), entry) => self.give_up(forest, entry, failure.fault),
            }
        }
    }

    /// Notes an object without a readable copy, and what hangs on it as the next to be tried.
    fn give_up(&mut self, forest: usize, entry: FailedEntry, fault: Fault) {
        let trees = &self.round.forests[forest];
        let (position, kind, children) = match entry {
            FailedEntry::Node(node) => (trees.position(node), trees.kind(node), trees.children(node)),
            FailedEntry::Position(position) => (position, None, 0..0),
        };
        for at in children {
            self.fail(forest, trees.child(at), Fault::BaseUnreadable);
        }
        let is_left_out = matches!(entry, FailedEntry::Node(node) if trees.is_left_out(node));
        let is_wanted = !is_left_out && kind.is_none_or(|kind| self.round.plan.kinds.contains(kind));
        if is_wanted && !self.round.duplicates.contains(trees.number, position) {
            let path = trees.pack.data.path.clone();
            let problem = StoreProblem::object(path, trees.pack.id(position), fault);
            self.harvest.problems.push(problem.of_kind(kind));
        }
    }
}
