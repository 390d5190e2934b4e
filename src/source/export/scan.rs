//! The scan of one container: which files belong to which system, and what becomes of each.

use std::{
    io::{Read, Write as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use flate2::read::MultiGzDecoder;

use super::{
    Opened, Scanned,
    container::{self, Magic, Member, Store, Tree},
    detect,
    input::Input,
    sink::{Host, Parts, Sink},
    system::{Look, Reading, is_beside},
};
use crate::{
    model::{Origin, Part, PhysicalPlace, Problem, ProblemKind, Provenance, RecordPlace},
    source::{
        LargeBlob, NAME_BYTES, Plan, Receiver,
        crew::{Crew, Worker},
        window::Filled,
    },
};

/// What scans one export (and what lies in it).
pub(super) struct Scan<'s> {
    pub(super) scanned: &'s Scanned<'s>,
    pub(super) plan: &'s Plan<'s>,
}

/// What one thread works with.
struct Hands<'h, 'r> {
    worker: &'h mut Worker<'r>,
    parts: Parts,
}

/// A container with the systems in it.
struct Contents<'p> {
    tree: &'p Tree,
    /// The most specific first.
    owners: &'p [Arc<Opened>],
    /// What is known of everything in it, if it is attached to something.
    template: Option<&'p RecordPlace>,
    depth: u32,
}

impl Scan<'_> {
    /// Scans an opened container on all threads.
    pub(super) fn run(&self, tree: &Arc<Tree>, owners: &[Arc<Opened>], crew: &mut Crew<'_, '_>) {
        let part = Contents { tree, owners, template: None, depth: 0 };
        let bytes = tree.members().iter().map(|member| member.size).sum();
        crew.first().receiver.expect(bytes);
        if !tree.is_concurrent() {
            return self.walk(&part, &mut Hands { worker: crew.first(), parts: Parts::default() });
        }
        // The largest first, so that no thread is left alone with one at the end.
        let mut order: Vec<usize> = (0..tree.members().len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(tree.members()[*index].size));
        let next = AtomicUsize::new(0);
        let threads = crew.threads().min(order.len()).max(1);
        let work = |worker: &mut Worker<'_>| {
            let mut hands = Hands { worker, parts: Parts::default() };
            while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.plan.is_interrupted() {
                    return;
                }
                self.open_member(&part, &tree.members()[*index], &mut hands);
            }
        };
        crew.run(threads, work, || {});
    }

    /// Scans a container front to back on one thread.
    fn walk(&self, part: &Contents<'_>, hands: &mut Hands<'_, '_>) {
        if part.tree.is_concurrent() {
            for member in part.tree.members() {
                if self.plan.is_interrupted() {
                    return;
                }
                self.open_member(part, member, hands);
            }
            return;
        }
        let walked = part.tree.walk(&mut |member, reader| {
            self.member(part, member, Box::new(reader), hands);
            !self.plan.is_interrupted()
        });
        if let Err(refusal) = walked {
            let provenance = Provenance::File(part.tree.file().to_owned());
            let message = format!("{}: {refusal}", part.tree.display());
            hands.worker.receiver.problem(Problem { provenance, kind: refusal.kind(), message });
        }
    }

    fn open_member(&self, part: &Contents<'_>, member: &Member, hands: &mut Hands<'_, '_>) {
        let read = part.tree.read(member, &mut |reader| self.member(part, member, reader, hands));
        if let Err(refusal) = read {
            let provenance = container::provenance(part.tree.place_of(member));
            let message = refusal.to_string();
            hands.worker.receiver.problem(Problem { provenance, kind: refusal.kind(), message });
        }
    }

    /// Asks the systems that the file may belong to; what none of them knows is a file. One that would have it as attached
    /// to some record of its own gives way to one that reads records from it: any file may be attached.
    fn member(&self, part: &Contents<'_>, member: &Member, reader: Box<dyn Read + '_>, hands: &mut Hands<'_, '_>) {
        let mut input = Input::new(unpacked(reader), self.plan.interrupt);
        let physical = part.tree.place_of(member);
        let mut place = match part.template {
            Some(template) => RecordPlace { physical, ..template.clone() },
            None => RecordPlace { physical, ..RecordPlace::default() },
        };
        if let Some(attachment) = &mut place.attachment {
            attachment.path = Some(member.path.clone());
        }
        let mut attached = None;
        for owner in owners_of(part, member, &mut input) {
            let path = &member.path[owner.root.len()..];
            let mut mine = RecordPlace { reader: owner.id, system: owner.system.to_owned(), ..place.clone() };
            let mut parts = std::mem::take(&mut hands.parts);
            let mut host = Inside { scan: self, part, worker: &mut *hands.worker };
            let mut sink = Sink::new(&mut host, &mine, &owner.notices, &mut parts);
            let reading = owner.reader.read(path, &mut input, &mut sink);
            hands.parts = parts;
            match reading {
                Reading::NotMine => {}
                Reading::Records => {
                    hands.worker.receiver.stats().blobs += 1;
                    scan_name(&member.path, &mine, hands.worker);
                    return failed(&mut input, mine, hands.worker);
                }
                Reading::Attachment(attachment) => {
                    mine.attachment = Some(attachment);
                    attached.get_or_insert(mine);
                }
            }
        }
        if let Some(attached) = attached {
            place = attached;
        }
        if place.system.is_empty()
            && let Some(owner) = part.owners.iter().find(|owner| member.path.starts_with(&owner.root))
        {
            owner.system.clone_into(&mut place.system);
        }
        scan_name(&member.path, &place, hands.worker);
        self.file(&mut input, &place, part, hands);
        failed(&mut input, place, hands.worker);
    }

    /// Scans a file as what it is: an archive by its files, anything else by its bytes.
    fn file(&self, input: &mut Input<'_>, place: &RecordPlace, part: &Contents<'_>, hands: &mut Hands<'_, '_>) {
        let is_archive = matches!(Magic::of(input.peek(512)), Magic::Zip | Magic::Tar);
        if is_archive && part.depth < self.scanned.limits.depth {
            return self.archive(input, place, part, hands);
        }
        if is_archive {
            let message = format!("archives nested more than {} deep: scanned as it is", part.depth);
            let provenance = Provenance::Record(Box::new(place.clone()));
            hands.worker.receiver.problem(Problem { provenance, kind: ProblemKind::Limit, message });
        }
        stream(input, place, self.plan, hands.worker);
    }

    fn archive(&self, input: &mut Input<'_>, place: &RecordPlace, part: &Contents<'_>, hands: &mut Hands<'_, '_>) {
        let limits = self.scanned.limits;
        let store = match Store::spool(input, limits.spool_bytes) {
            Ok(store) => store,
            Err(error) => {
                let provenance = Provenance::Record(Box::new(place.clone()));
                let (kind, message) = (container::kind_of(&error), error.to_string());
                return hands.worker.receiver.problem(Problem { provenance, kind, message });
            }
        };
        let tell = &mut |problem| hands.worker.receiver.problem(problem);
        let Some(tree) = Tree::nested(store.clone(), &way_into(place), limits, tell) else {
            let mut plain = Input::new(Box::new(store), self.plan.interrupt);
            return stream(&mut plain, place, self.plan, hands.worker);
        };
        let tree = Arc::new(tree);
        let is_attached = place.attachment.is_some();
        let owners = if is_attached { Vec::new() } else { self.open_nested(&tree, hands.worker) };
        let template = RecordPlace { reader: place.reader, ..place.clone() };
        let nested = Contents { tree: &tree, owners: &owners, template: Some(&template), depth: part.depth + 1 };
        self.walk(&nested, hands);
    }

    /// Exports in an archive that lies in another one.
    fn open_nested(&self, tree: &Arc<Tree>, worker: &mut Worker<'_>) -> Vec<Arc<Opened>> {
        let look = Look::new(tree);
        let found = detect::detect(&look, &self.scanned.candidates);
        self.scanned.open(tree, &look, found, &mut *worker.receiver)
    }
}

/// Whose a file may be, those first whose own it is. What macOS notes beside a file is nobody's.
fn owners_of<'p>(part: &Contents<'p>, member: &Member, input: &mut Input<'_>) -> Vec<&'p Opened> {
    const APPLE_DOUBLE: [u8; 4] = [0, 5, 22, 7];
    if is_beside(&member.path) && input.peek(4) == APPLE_DOUBLE {
        return Vec::new();
    }
    let around = part.owners.iter().filter(|owner| member.path.starts_with(&owner.root));
    let mut owners: Vec<&Opened> = around.map(|owner| &**owner).collect();
    if owners.len() > 1 {
        owners.sort_by_cached_key(|owner| !owner.reader.is_own(&member.path[owner.root.len()..], input));
    }
    owners
}

/// Takes what a reader tells of one file.
struct Inside<'i, 'r> {
    scan: &'i Scan<'i>,
    part: &'i Contents<'i>,
    worker: &'i mut Worker<'r>,
}

impl Host for Inside<'_, '_> {
    fn receiver(&mut self) -> &mut dyn Receiver {
        &mut *self.worker.receiver
    }

    fn file(&mut self, bytes: &[u8], place: RecordPlace) {
        if let Some(name) = place.attachment.as_ref().and_then(|attachment| attachment.name.as_deref()) {
            scan_name(name, &place, self.worker);
        }
        let mut input = Input::new(unpacked(Box::new(bytes)), self.scan.plan.interrupt);
        let mut hands = Hands { worker: &mut *self.worker, parts: Parts::default() };
        self.scan.file(&mut input, &place, self.part, &mut hands);
        failed(&mut input, place, self.worker);
    }
}

/// Scans what a file is called: reports show it.
fn scan_name(name: &str, place: &RecordPlace, worker: &mut Worker<'_>) {
    if name.len() >= NAME_BYTES {
        worker.receiver.blob(Origin::Record(place), Part::Name, name.as_bytes());
    }
}

/// Where an archive is, as part of the way to the files in it: one that stands in a record has its name and offset as a step.
fn way_into(place: &RecordPlace) -> PhysicalPlace {
    let PhysicalPlace { file, member, offset, .. } = place.physical.clone();
    if offset == 0 {
        return PhysicalPlace { file, member, ..PhysicalPlace::default() };
    }
    let name = place.attachment.as_ref().and_then(|own| own.name.as_deref()).unwrap_or("file");
    let around = if member.is_empty() { String::new() } else { member + "!" };
    PhysicalPlace { file, member: format!("{around}{name}@{offset}"), ..PhysicalPlace::default() }
}

/// Tells why reading a file ended early, if it did.
fn failed(input: &mut Input<'_>, place: RecordPlace, worker: &mut Worker<'_>) {
    if let Some(error) = input.take_failure() {
        let kind = container::kind_of(&error);
        let message = format!("read up to byte {}: {error}", input.offset());
        worker.receiver.problem(Problem { provenance: Provenance::Record(Box::new(place)), kind, message });
    }
}

/// Scans bytes front to back, in chunks if they are many.
fn stream(input: &mut Input<'_>, place: &RecordPlace, plan: &Plan<'_>, worker: &mut Worker<'_>) {
    let window = &mut worker.window;
    window.reset();
    let mut blob = None;
    loop {
        // Errors are kept by the input.
        if matches!(window.fill(input, plan), Ok(Filled::Interrupted) | Err(_)) {
            return;
        }
        if blob.is_none() && !window.has_more() {
            return worker.receiver.blob(Origin::Record(place), Part::Content, window.filled());
        }
        let blob = blob.get_or_insert_with(|| {
            let head = window.filled().iter().copied().take(LargeBlob::HEAD).collect();
            LargeBlob { provenance: Provenance::Record(Box::new(place.clone())), head }
        });
        worker.receiver.chunk(blob, window.chunk());
        if !window.has_more() {
            return;
        }
        window.slide();
    }
}

/// A stream without the gzip around it, unless that is around a tar.
pub(super) fn unpacked<'r>(mut reader: Box<dyn Read + 'r>) -> Box<dyn Read + 'r> {
    let mut head = [0; 3];
    let mut filled = 0;
    while filled < head.len() {
        match reader.read(&mut head[filled..]) {
            Ok(count @ 1..) => filled += count,
            // An error comes again when the rest is read.
            Ok(0) | Err(_) => break,
        }
    }
    let mut start = Vec::with_capacity(filled);
    let _ = start.write_all(&head[..filled]);
    let whole = std::io::Cursor::new(start).chain(reader);
    if Magic::of(&head[..filled]) == Magic::Gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) }
}
