//! Versions of a blob, scanned by what is new in them, against full scans of every one.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use unleak::{
    Scanner,
    model::{GitPlace, ObjectId, ObjectKind, Origin, ScanReport},
    source::{Base, Memory, Op, Plan, Receiver, Source},
};

use crate::{
    engine::{scan, scan_paranoid},
    samples::{self, noise},
};
use unleak::rule::template::SampleRng;

/// A version: the one that it is made of, and how.
#[derive(Clone, Debug)]
struct Version {
    base: usize,
    ops: Vec<Op>,
    bytes: Vec<u8>,
}

/// Versions, each handed over after its base. With `whole` nobody is told of bases.
struct Chain {
    versions: Vec<Version>,
    whole: bool,
}

impl Source for Chain {
    fn run<'r>(&self, _: &Plan<'_>, receiver: &(dyn Fn() -> Box<dyn Receiver + 'r> + Sync)) {
        let mut receiver = receiver();
        let mut memories: Vec<Memory> = Vec::new();
        for (number, version) in self.versions.iter().enumerate() {
            let id = ObjectId::from_bytes(&[number as u8; 20]).unwrap();
            let place = GitPlace::of_object(&Arc::from(std::path::Path::new("repository")), id, ObjectKind::Blob);
            let base = (number > 0 && !self.whole).then(|| Base {
                len: self.versions[version.base].bytes.len(),
                memory: &memories[version.base],
                ops: &version.ops,
            });
            let is_base = self.versions[number + 1..].iter().any(|later| later.base == number);
            let version = unleak::source::Version { bytes: &version.bytes, base, is_base };
            memories.push(receiver.version(Origin::Object(&place), version));
        }
    }
}

/// What a step of a delta does, in parts of what there is.
#[derive(Clone, Debug)]
enum Step {
    Copy(f64, f64),
    Insert(Vec<u8>),
}

fn step(fragments: Arc<Vec<Vec<u8>>>) -> impl Strategy<Value = Step> {
    let part = 0.0..1.0_f64;
    let insert = (any::<prop::sample::Index>(), part.clone(), part.clone()).prop_map(move |(which, from, to)| {
        let fragment = which.get(&fragments);
        let cut = |at: f64| (at * fragment.len() as f64) as usize;
        // Half of them whole, the rest cut somewhere: a secret may be completed by what follows.
        let (from, to) = if from < 0.5 { (0, fragment.len()) } else { (cut(from.min(to)), cut(from.max(to))) };
        Step::Insert(fragment[from..to].to_vec())
    });
    prop_oneof![2 => (part.clone(), part).prop_map(|(from, to)| Step::Copy(from, to)), 1 => insert]
}

/// The version that these steps make of `base`, with steps as a walk hands them over.
fn version(base: usize, of: &[u8], steps: &[Step]) -> Version {
    let (mut bytes, mut ops): (Vec<u8>, Vec<Op>) = (Vec::new(), Vec::new());
    for step in steps {
        let to = bytes.len() as u32;
        match step {
            Step::Copy(one, other) => {
                let cut = |at: f64| (at * of.len() as f64) as usize;
                let range = cut(one.min(*other))..cut(one.max(*other));
                if !range.is_empty() {
                    ops.push(Op::Copy { from: range.start as u32, to, len: range.len() as u32 });
                    bytes.extend_from_slice(&of[range]);
                }
            }
            Step::Insert(inserted) if inserted.is_empty() => {}
            Step::Insert(inserted) => {
                ops.push(Op::Insert { to, len: inserted.len() as u32 });
                bytes.extend_from_slice(inserted);
            }
        }
    }
    Version { base, ops, bytes }
}

/// Made once: expanding the samples of all rules takes longer than scanning them.
static FRAGMENTS: LazyLock<Arc<Vec<Vec<u8>>>> = LazyLock::new(make_fragments);
static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::builtin);

fn fragments() -> Arc<Vec<Vec<u8>>> {
    Arc::clone(&FRAGMENTS)
}

fn make_fragments() -> Arc<Vec<Vec<u8>>> {
    let mut fragments: Vec<Vec<u8>> = samples::all(7).into_iter().map(|planted| planted.text).collect();
    fragments.extend(giving_way(7).into_iter().map(String::into_bytes));
    fragments.extend(encoded(7));
    fragments.push(b"\"".to_vec());
    fragments.push(b"\n".to_vec());
    fragments.push(b"unleak:allow".to_vec());
    fragments.push(vec![0]);
    fragments.push(noise(&mut SampleRng::new(1), 3_000));
    Arc::new(fragments)
}

/// Samples in base64, some of them in lines.
fn encoded(seed: u64) -> Vec<Vec<u8>> {
    let samples = samples::all(seed).into_iter().step_by(17);
    let encoded = samples.map(|planted| data_encoding::BASE64.encode(&planted.text).into_bytes());
    encoded
        .enumerate()
        .map(|(at, text)| if at % 2 == 0 { text } else { text.chunks(64).collect::<Vec<_>>().join(&b'\n') })
        .collect()
}

/// Texts in which one rule's match depends on another's: a token that nobody issued, a public half beside its secret.
fn giving_way(seed: u64) -> Vec<String> {
    let mut rng = SampleRng::new(seed);
    let mut text = |template: &str| {
        let expanded = unleak::rule::template::expand(template, &mut rng, &|_| Vec::new()).unwrap();
        String::from_utf8(expanded.bytes).unwrap()
    };
    let forged = text("GITHUB_TOKEN=ghp_{{alnum:36}}\n");
    vec![forged, text("TWITTER_API_KEY={{alnum:25}}\n# key and secret\nTWITTER_API_SECRET={{alnum:50}}\n")]
}

fn first(fragments: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut rng = SampleRng::new(seed);
    let mut text = Vec::new();
    for _ in 0..6 {
        let length = 200 + rng.below(4_000);
        text.extend(noise(&mut rng, length));
        text.extend_from_slice(&fragments[rng.below(fragments.len())]);
    }
    text
}

fn summary(report: &ScanReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        writeln!(text, "{} {} {}", finding.rule.id, finding.fingerprint, finding.score).unwrap();
        for occurrence in &finding.occurrences {
            writeln!(text, "  {:?} {:?} {}", occurrence.provenance, occurrence.place, occurrence.context).unwrap();
        }
    }
    text
}

fn check(versions: Vec<Version>) -> Result<(), TestCaseError> {
    let scanner = &*SCANNER;
    let whole = scan(scanner, &Chain { versions: versions.clone(), whole: true }, 1);
    let carried = scan(scanner, &Chain { versions: versions.clone(), whole: false }, 1);
    prop_assert_eq!(summary(&carried), summary(&whole));
    let checked = scan_paranoid(scanner, &Chain { versions, whole: false });
    prop_assert!(checked.problems.is_empty(), "{:?}", checked.problems);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versions_are_scanned_as_if_in_full(
        seed in any::<u64>(),
        plans in {
            let fragments = fragments();
            prop::collection::vec(
                (any::<prop::sample::Index>(), prop::collection::vec(step(fragments), 1..12)), 1..8)
        },
    ) {
        let text = first(&fragments(), seed);
        let mut versions = vec![Version { base: 0, ops: Vec::new(), bytes: text }];
        for (base, steps) in &plans {
            let base = base.index(versions.len());
            versions.push(version(base, &versions[base].bytes, steps));
        }
        check(versions)?;
    }
}

/// A secret of any rule, cut at any place by the joint between a copy and an insert, is found all the same.
#[test]
fn secrets_across_joints_are_found() {
    // More than any rule reaches whose matches are carried over.
    let padding = vec![b'\n'; 4_000];
    let planted = samples::all(3).into_iter().map(|planted| (planted.rule, planted.text));
    let giving_way = giving_way(3).into_iter().map(|text| ("several".to_owned(), text.into_bytes()));
    for (rule, text) in planted.chain(giving_way) {
        let half = text.len() / 2;
        let base = [&padding, &text[..half], &padding[..]].concat();
        let (head, tail) = (padding.len() + half, text.len() - half);
        let bytes = [&base[..head], &text[half..], &base[head..]].concat();
        let ops = vec![
            Op::Copy { from: 0, to: 0, len: head as u32 },
            Op::Insert { to: head as u32, len: tail as u32 },
            Op::Copy { from: head as u32, to: (head + tail) as u32, len: (base.len() - head) as u32 },
        ];
        // And back again: what was a secret is none any more.
        let back = vec![
            Op::Copy { from: 0, to: 0, len: head as u32 },
            Op::Copy { from: (head + tail) as u32, to: head as u32, len: (base.len() - head) as u32 },
        ];
        let versions = vec![
            Version { base: 0, ops: Vec::new(), bytes: base.clone() },
            Version { base: 0, ops, bytes },
            Version { base: 1, ops: back, bytes: base },
        ];
        check(versions).unwrap_or_else(|error| panic!("{rule}: {error}"));
    }
}
