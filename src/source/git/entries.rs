//! Entries of trees: of one that is made of another, only those are parsed that aren't copied.
//!
//! A history of a large directory is thousands of trees of a thousand entries, each but one the same as in the tree
//! before. Where entries begin is therefore handed from a tree to those made of it.

use std::ops::Range;

use super::Op;

/// Where the entries of a tree begin, ascending, and where the last one ends.
pub(super) type Starts = Vec<u32>;

/// What the entries of a tree are.
pub(super) enum Piece {
    /// Entries of the base at these bytes, which stand here in the same order, so much further on (modulo 2^32).
    Copied(Range<u32>, u32),
    /// One entry, at these bytes.
    New(Range<usize>),
}

/// Goes through the entries of a tree. `base` is where those of its base begin, and the steps from that to this; without
/// one, all are new. Fills `starts`. What follows a malformed entry is no entry.
pub(super) fn each(
    tree: &[u8],
    id_len: usize,
    base: Option<(&[u32], &[Op])>,
    starts: &mut Starts,
    mut piece: impl FnMut(Piece),
) {
    starts.clear();
    let (of_base, mut ops) = base.unwrap_or_default();
    let mut at = 0;
    while at < tree.len() {
        while ops.first().is_some_and(|op| end_of(op) <= at) {
            ops = &ops[1..];
        }
        if let Some(copied) = ops.first().and_then(|op| copied_entries(op, at, of_base)) {
            let by = (at as u32).wrapping_sub(of_base[copied.start]);
            starts.extend(of_base[copied.clone()].iter().map(|start| start.wrapping_add(by)));
            let range = of_base[copied.start]..of_base[copied.end];
            at += range.len();
            piece(Piece::Copied(range, by));
            continue;
        }
        let Some(end) =
            memchr::memchr(0, &tree[at..]).map(|nul| at + nul + 1 + id_len).filter(|end| *end <= tree.len())
        else {
            break;
        };
        starts.push(at as u32);
        piece(Piece::New(at..end));
        at = end;
    }
    starts.push(at as u32);
}

fn end_of(op: &Op) -> usize {
    let (Op::Copy { to, len, .. } | Op::Insert { to, len }) = *op;
    (to + len) as usize
}

/// The entries of the base, as indices, that the step copies to `at` and behind it; `None` if there is none.
fn copied_entries(op: &Op, at: usize, of_base: &[u32]) -> Option<Range<usize>> {
    let Op::Copy { from, to, len } = *op else { return None };
    let begin = (at as u32).checked_sub(to)? + from;
    let first = of_base.binary_search(&begin).ok()?;
    let end = first + of_base[first..].partition_point(|start| *start <= from + len) - 1;
    (end > first).then_some(first..end)
}

#[cfg(test)]
mod tests {
    use super::{Op, Piece, each};

    fn tree(names: &[&str]) -> Vec<u8> {
        let entry = |name: &&str| [format!("100644 {name}\0").as_bytes(), &[name.len() as u8; 20]].concat();
        names.iter().flat_map(entry).collect()
    }

    fn starts(tree: &[u8]) -> Vec<u32> {
        let mut starts = Vec::new();
        each(tree, 20, None, &mut starts, |_| {});
        starts
    }

    #[test]
    fn copied_entries_are_those_that_parsing_finds() {
        let base = tree(&["a", "bc", "def", "ghij", "k"]);
        let of_base = starts(&base);
        assert_eq!(of_base.len(), 6);
        // Every copy of a part of the base, between bytes that are new, cut anywhere.
        for from in 0..base.len() {
            for end in from + 1..=base.len() {
                let (head, tail) = (tree(&["A"]), tree(&["Z", "z"]));
                let content = [&head, &base[from..end], &tail].concat();
                let (to, len) = (head.len() as u32, (end - from) as u32);
                let ops = [
                    Op::Insert { to: 0, len: to },
                    Op::Copy { from: from as u32, to, len },
                    Op::Insert { to: to + len, len: tail.len() as u32 },
                ];
                let (mut found, mut covered) = (Vec::new(), 0);
                each(&content, 20, Some((&of_base, &ops)), &mut found, |piece| match piece {
                    Piece::New(range) => covered += range.len(),
                    Piece::Copied(range, by) => {
                        let there = range.start.wrapping_add(by) as usize..range.end.wrapping_add(by) as usize;
                        assert_eq!(content[there], base[range.start as usize..range.end as usize]);
                        covered += range.len();
                    }
                });
                assert_eq!(found, starts(&content));
                assert_eq!(covered, *found.last().unwrap() as usize);
            }
        }
    }

    #[test]
    fn a_malformed_tail_is_no_entry() {
        let mut content = tree(&["a", "b"]);
        content.truncate(content.len() - 1);
        assert_eq!(starts(&content), [0, 29]);
        assert_eq!(starts(b"100644 x"), [0]);
        assert_eq!(starts(b""), [0]);
    }
}
