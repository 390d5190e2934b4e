//! Keywords and rules as a cache knows them, and what a change of them leaves standing.

use std::collections::{HashMap, HashSet};

use super::{SOME_KEYWORD, file::Stored};
use crate::{
    engine::{Scanner, prefilter::Literal},
    rule::ByteSet,
};

/// To be raised when the engine finds anything else with the same rules: then objects without a match may have one.
const REVISION: u32 = 4;

/// Digest of all that a rule does.
pub(super) type RuleDigest = [u8; 16];

/// Keywords, and the rules that have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Catalogue {
    pub(super) literals: Vec<Literal>,
    /// Sorted; with the keywords as indices.
    pub(super) rules: Vec<(RuleDigest, Vec<u32>)>,
}

impl Catalogue {
    /// Those of a scanner. Cost: a digest of each rule, 2 ms for all built-in ones.
    pub(super) fn of(scanner: &Scanner) -> Catalogue {
        let mut keywords_of = vec![Vec::new(); scanner.rules().len()];
        for (literal, uses) in scanner.uses.iter().enumerate() {
            uses.iter().for_each(|a| keywords_of[a.rule as usize].push(literal as u32));
        }
        let digest = |rule: &crate::rule::Rule| -> RuleDigest {
            // `Debug` shows every field, so that none can be forgotten here.
            let all = format!("{REVISION} {} {} {rule:?}", env!("CARGO_PKG_VERSION"), scanner.min_score());
            *blake3::hash(all.as_bytes()).as_bytes().first_chunk().expect("a digest has 32 bytes")
        };
        let mut rules: Vec<_> = scanner.rules().iter().map(digest).zip(keywords_of).collect();
        rules.sort_unstable();
        Catalogue { literals: scanner.prefilter.literals().to_vec(), rules }
    }
}

/// What of a cache holds for other rules than those it was written with.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// By set: need its objects not be scanned again?
    holds: Vec<bool>,
    /// By keyword of the cache: the same one's numbers now.
    now: Vec<Vec<u32>>,
}

impl Comparison {
    pub(super) fn new(stored: &Stored, current: &Catalogue) -> Comparison {
        let before = &stored.catalogue;
        let now = before.literals.iter().map(|_| Vec::new()).collect();
        let mut comparison = Comparison { holds: Vec::new(), now };
        let by_text = by_text(&before.literals);
        for (number, literal) in current.literals.iter().enumerate() {
            for &same in by_text.get(&text_of(literal)).into_iter().flatten() {
                if is_covered(literal.next, before.literals[same].next) {
                    comparison.now[same].push(number as u32);
                }
            }
        }
        let suspects = suspects(before, current, &by_text);
        comparison.holds =
            stored.sets.iter().map(|set| suspects.as_ref().is_some_and(|all| is_clear(set, all))).collect();
        comparison
    }

    /// Does what is known of the objects with this set hold?
    pub(super) fn holds(&self, set: u32) -> bool {
        self.holds[set as usize]
    }

    /// A set in the numbers of now.
    pub(super) fn renumbered(&self, set: &[u32]) -> Vec<u32> {
        let numbers = |literal: &u32| match *literal {
            SOME_KEYWORD => vec![SOME_KEYWORD],
            literal => self.now[literal as usize].clone(),
        };
        let mut set: Vec<u32> = set.iter().flat_map(numbers).collect();
        set.sort_unstable();
        set.dedup();
        set
    }
}

fn is_clear(set: &[u32], suspects: &HashSet<u32>) -> bool {
    suspects.is_empty() || !set.iter().any(|literal| *literal == SOME_KEYWORD || suspects.contains(literal))
}

/// Text and case of a literal.
type Text<'l> = (&'l [u8], bool);

fn text_of(literal: &Literal) -> Text<'_> {
    (&literal.bytes, literal.ignore_case)
}

fn by_text(literals: &[Literal]) -> HashMap<Text<'_>, Vec<usize>> {
    let mut by_text: HashMap<Text<'_>, Vec<usize>> = HashMap::new();
    for (number, literal) in literals.iter().enumerate() {
        by_text.entry(text_of(literal)).or_default().push(number);
    }
    by_text
}

/// Keywords of the cache whose objects have to be scanned again; `None` if all objects have to be.
fn suspects(before: &Catalogue, current: &Catalogue, by_text: &HashMap<Text<'_>, Vec<usize>>) -> Option<HashSet<u32>> {
    let digests = |catalogue: &Catalogue| catalogue.rules.iter().map(|(digest, _)| *digest).collect::<HashSet<_>>();
    let (old, new) = (digests(before), digests(current));
    let gone = before.rules.iter().filter(|(digest, _)| !new.contains(digest));
    let mut suspects: HashSet<u32> = gone.flat_map(|(_, literals)| literals).copied().collect();
    let changed = current.rules.iter().filter(|(digest, _)| !old.contains(digest));
    let literals: HashSet<u32> = changed.flat_map(|(_, literals)| literals).copied().collect();
    for literal in literals {
        suspects.insert(stands_for(&current.literals[literal as usize], &before.literals, by_text)?);
    }
    Some(suspects)
}

/// A keyword of the cache that every object with this literal has: the same, or the longest that is a part of it.
fn stands_for(literal: &Literal, before: &[Literal], by_text: &HashMap<Text<'_>, Vec<usize>>) -> Option<u32> {
    let same = by_text.get(&text_of(literal)).into_iter().flatten();
    let mut same = same.filter(|same| is_covered(literal.next, before[**same].next));
    if let Some(same) = same.next() {
        return Some(*same as u32);
    }
    let parts = before.iter().enumerate().filter(|(_, part)| is_part(part, literal));
    parts.max_by_key(|(_, part)| part.bytes.len()).map(|(number, _)| number as u32)
}

/// Is what may follow one literal among what may follow the other?
fn is_covered(next: Option<ByteSet>, by: Option<ByteSet>) -> bool {
    match (next, by) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(next), Some(by)) => (0..=255).all(|byte| !next.contains(byte) || by.contains(byte)),
    }
}

/// Does `part` stand wherever `whole` stands?
fn is_part(part: &Literal, whole: &Literal) -> bool {
    if whole.ignore_case && !part.ignore_case {
        return false;
    }
    let is_same = |there: &[u8]| {
        if part.ignore_case { there.eq_ignore_ascii_case(&part.bytes) } else { *there == *part.bytes }
    };
    let places = whole.bytes.windows(part.bytes.len()).enumerate().filter(|(_, there)| is_same(there));
    places.map(|(at, _)| at + part.bytes.len()).any(|end| match (part.next, whole.bytes.get(end)) {
        (None, _) => true,
        (Some(_), None) => is_covered(whole.next, part.next),
        (Some(next), Some(byte)) if whole.ignore_case => {
            next.contains(byte.to_ascii_lowercase()) && next.contains(byte.to_ascii_uppercase())
        }
        (Some(next), Some(byte)) => next.contains(*byte),
    })
}

#[cfg(test)]
mod tests {
    use super::is_part;
    use crate::{engine::prefilter::Literal, rule::ByteSet};

    fn literal(text: &str, ignore_case: bool, next: Option<&[u8]>) -> Literal {
        let set = next.map(|bytes| {
            let mut set = ByteSet::EMPTY;
            bytes.iter().for_each(|byte| set.insert_range(*byte, *byte));
            set
        });
        Literal { bytes: text.as_bytes().into(), ignore_case, next: set }
    }

    #[test]
    fn a_part_stands_wherever_the_whole_does() {
        let whole = literal("acme_Token", false, Some(b"xy"));
        for part in [
            literal("token", true, None),
            literal("Token", false, None),
            literal("acme", true, Some(b"_")),
            literal("oken", true, Some(b"xyz")),
        ] {
            assert!(is_part(&part, &whole), "{part:?}");
        }
        for other in [
            literal("token", false, None),
            literal("acme", true, Some(b"-")),
            literal("oken", true, Some(b"x")),
            literal("acme_tokens", true, None),
        ] {
            assert!(!is_part(&other, &whole), "{other:?}");
        }
        let folded = literal("acme_token", true, None);
        assert!(!is_part(&literal("token", false, None), &folded));
        assert!(!is_part(&literal("acme_", true, Some(b"t")), &folded));
        assert!(is_part(&literal("acme_", true, Some(b"tT")), &folded));
        assert!(!is_part(&literal("oken", true, Some(b"x")), &folded));
    }
}
