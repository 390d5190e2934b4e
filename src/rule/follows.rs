//! Which bytes a pattern lets follow a keyword that its matches begin with.

use std::collections::BTreeSet;

use regex_syntax::hir::{Hir, HirKind};

use super::{analyze::collect_alphabet, byte_set::ByteSet};

/// Every byte that may stand `at` bytes into a match; `None` if a match may end there.
pub(super) fn bytes_at(hir: &Hir, at: usize) -> Option<ByteSet> {
    let mut walk = Walk { at, found: ByteSet::EMPTY };
    let ends = walk.part(hir, &BTreeSet::from([0]));
    (!ends.contains(&at)).then_some(walk.found)
}

/// Goes through a pattern with all places where a part of it may begin, up to the one that is asked about.
struct Walk {
    at: usize,
    found: ByteSet,
}

impl Walk {
    /// Where a part may end that begins at one of `starts`. Places beyond the one asked about are left out.
    fn part(&mut self, hir: &Hir, starts: &BTreeSet<usize>) -> BTreeSet<usize> {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => starts.clone(),
            HirKind::Literal(literal) => {
                let byte = |start: &usize| literal.0.get(self.at.checked_sub(*start)?).copied();
                self.found = self.found.union(&starts.iter().filter_map(byte).collect());
                self.moved(starts, literal.0.len())
            }
            HirKind::Class(_) => {
                if starts.contains(&self.at) {
                    collect_alphabet(hir, &mut self.found);
                }
                self.moved(starts, 1)
            }
            HirKind::Capture(capture) => self.part(&capture.sub, starts),
            HirKind::Concat(parts) => parts.iter().fold(starts.clone(), |starts, part| self.part(part, &starts)),
            HirKind::Alternation(parts) => parts.iter().flat_map(|part| self.part(part, starts)).collect(),
            HirKind::Repetition(repetition) => {
                let (mut ends, mut starts) = (BTreeSet::new(), starts.clone());
                let max = repetition.max.unwrap_or(u32::MAX);
                for time in 0..=max {
                    let known = ends.len();
                    if time >= repetition.min {
                        ends.extend(&starts);
                    }
                    // Nothing new begins any more: all lies beyond, or what is repeated may be nothing.
                    if time == max || starts.is_empty() || time > repetition.min && ends.len() == known {
                        break;
                    }
                    starts = self.part(&repetition.sub, &starts);
                }
                ends
            }
        }
    }

    fn moved(&self, starts: &BTreeSet<usize>, by: usize) -> BTreeSet<usize> {
        starts.iter().map(|start| start + by).filter(|end| *end <= self.at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::analyze::parse, ByteSet, bytes_at};

    fn at(pattern: &str, at: usize) -> Option<String> {
        let set: ByteSet = bytes_at(&parse(pattern, false).ok()?, at)?;
        Some((0..=127).filter(|byte| set.contains(*byte)).map(char::from).collect())
    }

    #[test]
    fn what_may_stand_behind_a_keyword() {
        for (pattern, place, bytes) in [
            ("SK[0-3]{8}", 2, "0123"),
            ("(?<id>SK[0-3]{8})(?s:.{0,40}?)(?<secret>[a-c]{4})", 2, "0123"),
            ("ab(?:x|yz)?c", 2, "cxy"),
            ("a{2,}bb", 3, "ab"),
            ("(?:ab?){2}c", 2, "abc"),
            ("(?:|a)*bc", 1, "abc"),
            ("[a-b]{8}-x", 8, "-"),
        ] {
            assert_eq!(at(pattern, place).as_deref(), Some(bytes), "{pattern}");
        }
        assert_eq!((at("abc", 3), at("ab[c-d]?", 2), at("a{2,}b", 3)), (None, None, None));
    }
}
