//! The prefilter may over-report inside; what it yields must be exactly what aho-corasick yields, on every kernel.

use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use unleak::{
    engine::prefilter::{Hit, Literal, Prefilter, PrefilterKind, PrefilterScratch},
    rule::{ByteSet, Shape, builtin, template::SampleRng},
};

fn hits(literals: &[Literal], kind: PrefilterKind, haystack: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    Prefilter::new(literals.to_vec(), kind).find(haystack, &mut PrefilterScratch::default(), &mut hits);
    hits.sort_unstable();
    hits
}

fn literal(bytes: &[u8], ignore_case: bool) -> Literal {
    let bytes = if ignore_case { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
    Literal { bytes: bytes.into(), ignore_case, next: None }
}

/// The same, and every third of them only where a letter follows.
fn some_followed(mut literals: Vec<Literal>) -> Vec<Literal> {
    let mut letters = ByteSet::EMPTY;
    letters.insert_range(b'a', b'z');
    literals.iter_mut().step_by(3).for_each(|literal| literal.next = Some(letters));
    literals
}

fn builtin_literals() -> Vec<Literal> {
    let mut literals: Vec<_> = builtin()
        .iter()
        .flat_map(|rule| rule.keywords.iter().map(|keyword| literal(keyword.as_bytes(), rule.ignore_case)))
        .collect();
    literals.sort_by(|a, b| (&a.bytes, a.ignore_case).cmp(&(&b.bytes, b.ignore_case)));
    literals.dedup();
    literals
}

/// Few different bytes, so that literals and haystack meet often; bytes that folding or aliasing mix up among them.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![Just(b'a'), Just(b'A'), Just(b'_'), Just(0x7f), Just(0xe1), Just(b'-'), Just(0), any::<u8>()]
}

proptest! {
    #[test]
    fn every_kernel_agrees_with_aho_corasick(
        literals in prop::collection::btree_set((prop::collection::vec(byte(), 3..7), any::<bool>()), 1..40),
        haystack in prop::collection::vec(byte(), 0..400),
    ) {
        let mut literals: Vec<_> = literals.iter().map(|(bytes, ignore_case)| literal(bytes, *ignore_case)).collect();
        literals.sort_by(|a, b| (&a.bytes, a.ignore_case).cmp(&(&b.bytes, b.ignore_case)));
        literals.dedup();
        let literals = some_followed(literals);
        let reference = hits(&literals, PrefilterKind::Reference, &haystack);
        prop_assert_eq!(&hits(&literals, PrefilterKind::Portable, &haystack), &reference);
        prop_assert_eq!(&hits(&literals, PrefilterKind::Avx2, &haystack), &reference);
        prop_assert_eq!(&hits(&literals, PrefilterKind::Auto, &haystack), &reference);
    }
}

/// Fragments of the built-in keywords in any case, glued together, around the sizes at which kernels change step.
#[test]
fn builtin_keywords_are_found_wherever_they_stand() {
    let literals = some_followed(builtin_literals());
    let mut rng = SampleRng::new(7);
    for size in [0, 1, 2, 3, 63, 64, 66, 67, 68, 127, 131, 16_383, 16_384, 16_385, 16_450, 40_000, 200_000] {
        let mut haystack = Vec::new();
        while haystack.len() < size {
            let keyword = &literals[rng.below(literals.len())].bytes;
            let cut = 1 + rng.below(keyword.len());
            let fragment = if rng.below(3) == 0 { &keyword[..cut] } else { keyword };
            match rng.below(3) {
                0 => haystack.extend(fragment.to_ascii_uppercase()),
                1 => haystack.extend(fragment),
                _ => haystack.push(b' '),
            }
        }
        haystack.truncate(size);
        let reference = hits(&literals, PrefilterKind::Reference, &haystack);
        assert_eq!(hits(&literals, PrefilterKind::Portable, &haystack), reference, "portable, {size} bytes");
        assert_eq!(hits(&literals, PrefilterKind::Avx2, &haystack), reference, "AVX2, {size} bytes");
        assert_eq!(hits(&literals, PrefilterKind::Auto, &haystack), reference, "auto, {size} bytes");
    }
}

/// A keyword across every block and vector boundary, alone in a haystack of zeros.
#[test]
fn a_lone_keyword_is_found_at_every_offset() {
    let literals = builtin_literals();
    for (index, keyword) in literals.iter().enumerate().step_by(17) {
        let mut haystack = vec![0; 16_384 + 200];
        for at in (0..140).chain(16_384 - 140..16_384 + 130) {
            haystack[at..at + keyword.bytes.len()].copy_from_slice(&keyword.bytes);
            let found = hits_of(&literals, &haystack);
            assert!(found.contains(&Hit { at: at as u32, literal: index as u32 }), "{keyword:?} at {at}");
            haystack[at..at + keyword.bytes.len()].fill(0);
        }
    }
}

fn hits_of(literals: &[Literal], haystack: &[u8]) -> Vec<Hit> {
    use std::sync::OnceLock;
    static PREFILTER: OnceLock<Prefilter> = OnceLock::new();
    let prefilter = PREFILTER.get_or_init(|| Prefilter::new(literals.to_vec(), PrefilterKind::Auto));
    let mut hits = Vec::new();
    prefilter.find(haystack, &mut PrefilterScratch::default(), &mut hits);
    hits
}

/// With the prefilter off, every pattern of every rule would run over the whole text. Wherever one then matches, the
/// prefilter must have pointed.
#[test]
fn no_match_of_any_pattern_is_without_a_hit() {
    let mut text = crate::samples::noise(&mut SampleRng::new(5), 200_000);
    for (index, sample) in crate::samples::all(5).into_iter().enumerate() {
        let at = (index * 331) % text.len();
        text.splice(at..at, [b" ", &sample.text[..], b" "].concat());
    }
    let literals = builtin_literals();
    let found: std::collections::BTreeSet<_> =
        hits(&literals, PrefilterKind::Auto, &text).into_iter().map(|hit| (hit.at, hit.literal)).collect();
    let mut matches = 0;
    for rule in builtin() {
        let offset = match rule.shape {
            Shape::Prefix { offset } => offset,
            Shape::Block { .. } => 0,
            Shape::Near { .. } | Shape::Context { .. } | Shape::Assignment => continue,
        };
        let oracle = regex::bytes::RegexBuilder::new(&rule.pattern)
            .unicode(false)
            .case_insensitive(rule.ignore_case)
            .size_limit(64 << 20)
            .build()
            .unwrap();
        for matched in oracle.find_iter(&text) {
            matches += 1;
            let at = (matched.start() + offset) as u32;
            let keywords = rule.keywords.iter().map(|keyword| literal(keyword.as_bytes(), rule.ignore_case));
            let is_hit = keywords
                .filter_map(|keyword| literals.iter().position(|literal| *literal == keyword))
                .any(|index| found.contains(&(at, index as u32)));
            assert!(is_hit, "{} matches at {} without a hit", rule.meta.id, matched.start());
        }
    }
    assert!(matches > 500, "{matches}");
}
