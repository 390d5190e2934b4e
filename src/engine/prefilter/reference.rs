use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{Hit, Literal};

/// The plain way: one automaton for literals whose case counts, one for the others.
#[derive(Debug)]
pub(super) struct Reference {
    automata: Vec<(AhoCorasick, Vec<u32>)>,
    literals: Vec<Literal>,
}

impl Reference {
    pub(super) fn new(literals: &[Literal]) -> Reference {
        let automata = [false, true]
            .into_iter()
            .map(|ignore_case| {
                let chosen: Vec<_> =
                    literals.iter().enumerate().filter(|(_, literal)| literal.ignore_case == ignore_case).collect();
                // Chosen automatically it would be the contiguous NFA above 100 patterns: three times slower.
                let automaton = AhoCorasick::builder()
                    .kind(Some(AhoCorasickKind::DFA))
                    .match_kind(MatchKind::Standard)
                    .ascii_case_insensitive(ignore_case)
                    .build(chosen.iter().map(|(_, literal)| &literal.bytes))
                    .expect("a few thousand short literals are within its limits");
                (automaton, chosen.iter().map(|(index, _)| *index as u32).collect())
            })
            .collect();
        Reference { automata, literals: literals.to_vec() }
    }

    pub(super) fn find(&self, bytes: &[u8], hits: &mut Vec<Hit>) {
        for (automaton, indices) in &self.automata {
            for found in automaton.find_overlapping_iter(bytes) {
                let literal = indices[found.pattern().as_usize()];
                if self.literals[literal as usize].may_be_followed_by(bytes.get(found.end()).copied()) {
                    hits.push(Hit { at: found.start() as u32, literal });
                }
            }
        }
    }
}
