//! Stores made by hand to be hard to read.

use std::{collections::BTreeSet, fs, io::Read};

use unleak::source::git::{Delta, DeltaFault, Fault, LargeObject, Object, Visitor, WalkPlan};

use super::{
    pack_writer::{PackWriter, any_id, blob_id, delta, faults, seen},
    repositories::{git, git_with_input},
    visits::{NEVER, Notes, assert_equals_git, objects, open, plan, walk},
};

#[test]
fn a_chain_of_ten_thousand() {
    let mut pack = PackWriter::new();
    let mut content = b"the first version\n".to_vec();
    let mut entries = vec![(blob_id(&content), pack.blob(&content))];
    for version in 0..10_000u32 {
        let line = format!("{version:06}\n");
        let instructions = [&[0x90, content.len() as u8, line.len() as u8][..], line.as_bytes()].concat();
        // Constant length: the line before falls off.
        let kept = 18;
        let instructions = [&[0x90, kept][..], &instructions[2..]].concat();
        let bytes = delta(content.len(), usize::from(kept) + line.len(), &instructions);
        let base = entries.last().unwrap().1;
        content.truncate(kept.into());
        content.extend_from_slice(line.as_bytes());
        let offset = if version % 2 == 0 {
            pack.offset_delta(base, &bytes)
        } else {
            pack.id_delta(&entries.last().unwrap().0, &bytes)
        };
        entries.push((blob_id(&content), offset));
    }
    let dir = pack.repository(&entries);
    let walked = walk(&open(dir.path()), &plan(2));
    assert_eq!((walked.problems.len(), objects(&walked).len()), (0, 10_001));
    assert_eq!(walked.counts.inflated, 10_001);
    let last = open(dir.path()).reader(1 << 20).read(&entries.last().unwrap().0).unwrap().1.to_vec();
    assert_eq!(last, content);
    // The same without its index, which has to be found out link by link.
    fs::remove_file(dir.path().join("objects/pack/pack-a.idx")).unwrap();
    assert_eq!(seen(&dir).len(), 10_001);
}

#[test]
fn malformed_entries_are_problems_of_their_own() {
    let mut pack = PackWriter::new();
    let base = b"a base of some length, to be copied from";
    let good = pack.blob(base);
    let sound = delta(base.len(), 4, &[0x90, 4]);
    let mut entries = vec![(blob_id(base), good), (blob_id(&base[..4]), pack.offset_delta(good, &sound))];
    let mut bad = Vec::new();
    let mut add = |offset: u64, fault: Fault| {
        let id = any_id(bad.len() as u32);
        entries.push((id, offset));
        bad.push((id, fault));
    };
    let copy_outside = delta(base.len(), 9, &[0x91, 39, 9]);
    add(pack.offset_delta(good, &copy_outside), Fault::Delta(DeltaFault::CopyOutsideBase));
    add(pack.offset_delta(good, &delta(base.len(), 5, &[0x90, 4])), Fault::Delta(DeltaFault::ResultSize));
    add(pack.offset_delta(good, &delta(1, 4, &[0x90, 4])), Fault::Delta(DeltaFault::BaseSize));
    add(pack.offset_delta(good, &delta(base.len(), 4, &[0, 0x90, 4])), Fault::Delta(DeltaFault::Reserved));
    let limit = 128 << 20;
    let huge = delta(base.len(), 10 << 30, &[0x90, 4]);
    add(pack.offset_delta(good, &huge), Fault::TooLarge { size: 10 << 30, limit });
    let before_the_pack = pack.offset();
    add(pack.offset_delta(u64::MAX - 100, &sound), Fault::BaseOffset(before_the_pack));
    let between_entries = pack.offset();
    add(pack.offset_delta(good + 1, &sound), Fault::BaseOffset(between_entries));
    let missing = any_id(1_000_000);
    add(pack.id_delta(&missing, &sound), Fault::BaseMissing(missing));
    let garbage = pack.offset();
    pack.header(3, 20);
    pack.bytes.extend_from_slice(b"this is not a zlib stream");
    add(garbage, Fault::Inflate);
    let reserved = pack.offset();
    pack.header(5, 20);
    add(reserved, Fault::EntryHeader(reserved));
    let claim = pack.offset();
    pack.header(3, 10 << 30);
    pack.deflated(b"ten gigabytes, honestly");
    add(claim, Fault::SizeMismatch { expected: 10 << 30 });
    let short = pack.offset();
    pack.header(3, 100_000_000);
    pack.deflated(b"a hundred megabytes");
    add(short, Fault::SizeMismatch { expected: 100_000_000 });
    add(u64::MAX, Fault::OffsetOutsidePack);
    add(0, Fault::OffsetOutsidePack);
    pack.count = entries.len() as u32;
    let dir = pack.repository(&entries);
    assert_eq!(faults(&dir), bad.into_iter().collect());
    let seen = seen(&dir);
    assert!(entries[..2].iter().all(|(id, _)| seen.contains(id)));
}

#[test]
fn cycles_of_bases_end() {
    let mut pack = PackWriter::new();
    let ids = [any_id(0), any_id(1), any_id(2), any_id(3)];
    let bytes = delta(4, 4, &[0x90, 4]);
    // 0 → 1 → 2 → 0, 3 hangs on 0, and one that is its own base.
    let mut entries = vec![(ids[0], pack.id_delta(&ids[1], &bytes))];
    entries.push((ids[1], pack.id_delta(&ids[2], &bytes)));
    entries.push((ids[2], pack.id_delta(&ids[0], &bytes)));
    entries.push((ids[3], pack.offset_delta(entries[0].1, &bytes)));
    entries.push((any_id(4), pack.id_delta(&any_id(4), &bytes)));
    entries.push((blob_id(b"fine"), pack.blob(b"fine")));
    let dir = pack.repository(&entries);
    let faults = faults(&dir);
    assert_eq!(faults.len(), 5);
    assert!(faults.values().all(|fault| *fault == Fault::BaseCycle));
    assert_eq!(seen(&dir), BTreeSet::from([blob_id(b"fine")]));
    assert!(open(dir.path()).reader(1 << 20).read(&ids[0]).is_err());
    assert!(open(dir.path()).reader(1 << 20).kind(&ids[3]).is_err());
}

#[test]
fn bases_in_other_packs_with_their_bases_back_here() {
    // A: blob, and a delta on B's delta. B: a delta on A's blob.
    let contents: [&[u8]; 3] = [b"0123456789", b"01234", b"012"];
    let ids = contents.map(blob_id);
    let mut first = PackWriter::new();
    let entries = [(ids[0], first.blob(contents[0])), (ids[2], first.id_delta(&ids[1], &delta(5, 3, &[0x90, 3])))];
    let dir = first.repository(&entries);
    let mut second = PackWriter::new();
    let entries = [(ids[1], second.id_delta(&ids[0], &delta(10, 5, &[0x90, 5])))];
    let other = second.repository(&entries);
    for extension in ["pack", "idx"] {
        let from = other.path().join("objects/pack/pack-a").with_extension(extension);
        fs::copy(from, dir.path().join("objects/pack/pack-b").with_extension(extension)).unwrap();
    }
    let walked = walk(&open(dir.path()), &plan(1));
    assert_eq!(walked.problems, []);
    assert_eq!(objects(&walked).into_keys().collect::<BTreeSet<_>>(), BTreeSet::from(ids));
}

#[test]
fn large_objects_are_streamed_and_their_deltas_told() {
    let mut pack = PackWriter::new();
    let large = vec![b'x'; 3 << 20];
    let offset = pack.blob(&large);
    let small = delta(large.len(), 4, &[0x90, 4]);
    let entries = [(blob_id(&large), offset), (blob_id(b"xxxx"), pack.offset_delta(offset, &small))];
    let dir = pack.repository(&entries);
    let walked = walk(&open(dir.path()), &WalkPlan { max_object_bytes: 1 << 20, ..plan(1) });
    assert_eq!(objects(&walked).into_keys().collect::<Vec<_>>(), [blob_id(&large)]);
    assert_eq!(walked.visitors[0].large, 1);
    assert_eq!(walked.problems.len(), 1);
    assert_eq!(walked.problems[0].fault, Fault::TooLarge { size: 3 << 20, limit: 1 << 20 });
    let loose = tempfile::tempdir().unwrap();
    git(loose.path(), &["init", "-q"]);
    git_with_input(loose.path(), &["-c", "core.bigFileThreshold=4g", "hash-object", "-w", "--stdin"], &large);
    let walked = walk(&open(loose.path()), &WalkPlan { max_object_bytes: 1 << 20, ..plan(1) });
    assert_eq!((objects(&walked).len(), walked.visitors[0].large, walked.problems), (1, 1, vec![]));
    assert_equals_git(loose.path());
}

#[test]
fn what_blows_up_is_ended() {
    // Each delta makes 64 MiB of some twenty bytes.
    let mut pack = PackWriter::new();
    let base = vec![0; 0x10000];
    let root = pack.blob(&base);
    let mut entries = vec![(blob_id(&base), root)];
    for number in 0..200 {
        let bytes = delta(base.len(), 1024 * base.len(), &[0x80; 1024]);
        entries.push((any_id(number), pack.offset_delta(root, &bytes)));
    }
    let dir = pack.repository(&entries);
    let plan = WalkPlan { max_total_bytes: 256 << 20, verify: false, ..plan(2) };
    let walked = open(dir.path()).walk(&plan, &|| Notes { is_lenient: true, ..Notes::default() });
    assert!(walked.counts.bytes < 1 << 30);
    assert_eq!(walked.problems.last().unwrap().fault, Fault::TotalTooLarge { limit: 256 << 20 });
}

#[test]
fn one_tree_keeps_all_threads_busy() {
    struct Slow(usize);
    impl Visitor for Slow {
        type State = ();
        fn visit(&mut self, _: &Object<'_>, _: Option<Delta<'_, ()>>) {
            self.0 += 1;
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        fn visit_large(&mut self, _: &LargeObject, _: &mut dyn Read) {}
    }
    // A star: all hang on one base. And a tree that branches in two at each step.
    for parent in [|_| 0, |number: usize| number / 2] {
        let mut pack = PackWriter::new();
        let base = [b'x'; 100];
        let mut entries = vec![(blob_id(&base), pack.blob(&base))];
        for number in 0..1000usize {
            let bytes = delta(100, 100, &[&[0x90, 96, 4], &(number as u32).to_be_bytes()[..]].concat());
            entries.push((any_id(number as u32), pack.offset_delta(entries[parent(number)].1, &bytes)));
        }
        let dir = pack.repository(&entries);
        let walked = open(dir.path()).walk(&WalkPlan::new(2, &NEVER), &|| Slow(0));
        assert_eq!(walked.problems, []);
        let shares: Vec<usize> = walked.visitors.iter().map(|slow| slow.0).collect();
        assert_eq!(shares.iter().sum::<usize>(), 1001);
        assert!(shares.iter().all(|&share| share > 200), "{shares:?}");
    }
}
