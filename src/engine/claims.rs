//! Which claim counts where several rules claim the same bytes, or one takes them as a part of what it found.
//!
//! Whether a match gives way depends on pairs alone, never on a chain of them, so that it is the same however a blob is
//! cut.

use std::{ops::Range, sync::Arc};

use super::{
    compose,
    confirm::Match,
    scanner::Scanner,
    verdict::{Rejection, Score},
};
use crate::rule::Shape;

/// Matches with a format whose check says that nobody issued them; sorted by start, as they are added.
#[derive(Debug, Default)]
pub(super) struct Refuted {
    matches: Vec<Match>,
    /// Bytes of the longest.
    longest: u32,
}

impl Refuted {
    pub(super) fn add(&mut self, found: &Match) {
        self.longest = self.longest.max(found.end - found.start);
        self.matches.push(found.clone());
    }

    /// Those that share bytes with a match.
    fn overlapping(&self, found: &Match) -> impl Iterator<Item = &Match> {
        let (start, end) = (found.start, found.end);
        let first = self.matches.partition_point(|refuted| refuted.start + self.longest <= start);
        let near = self.matches[first..].iter().take_while(move |refuted| refuted.start < end);
        near.filter(move |refuted| refuted.end > start)
    }
}

/// The rule to which a match gives way, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    /// It claims the same bytes and is more specific.
    Stronger(u32),
    /// It knows the format, and says that nobody issued this.
    Refuting(u32),
    /// It took the bytes as a public part.
    Composite(u32),
}

type Accepted = (Match, Arc<Score>);

impl Scanner {
    /// For each match, sorted by start, the one that it gives way to.
    pub(super) fn rivals(&self, bytes: &[u8], accepted: &[Accepted], refuted: &Refuted) -> Vec<Option<Rival>> {
        let mut rivals = self.stronger_rules(accepted);
        if !refuted.matches.is_empty() {
            for ((found, _), rival) in accepted.iter().zip(&mut rivals) {
                let refuting = self.refuting_rule(found, refuted);
                *rival = rival.take().or(refuting.map(Rival::Refuting));
            }
        }
        if accepted.len() > 1 {
            for (taken, rule) in self.taken_parts(bytes, accepted, &rivals) {
                rivals[taken].get_or_insert(Rival::Composite(rule));
            }
        }
        rivals
    }

    /// What is said of a match that gives way.
    pub(super) fn lost_to(&self, rival: Rival) -> Rejection {
        let id = |rule: u32| self.rules[rule as usize].meta.id.to_string();
        match rival {
            Rival::Stronger(rule) => Rejection::Superseded(id(rule)),
            Rival::Refuting(rule) => Rejection::Refuted(id(rule)),
            Rival::Composite(rule) => Rejection::PartOf(id(rule)),
        }
    }

    /// For each match, the rule of an overlapping match that is more specific.
    fn stronger_rules(&self, accepted: &[Accepted]) -> Vec<Option<Rival>> {
        let mut stronger = vec![None; accepted.len()];
        for (i, (a, _)) in accepted.iter().enumerate() {
            for (j, (b, _)) in accepted.iter().enumerate().skip(i + 1).take_while(|(_, (b, _))| b.start < a.end) {
                let (is_a, is_b) = (self.is_stronger(a.rule, b.rule), self.is_stronger(b.rule, a.rule));
                if is_a || !is_b && self.is_nearer(a, b) {
                    stronger[j].get_or_insert(Rival::Stronger(a.rule));
                } else if is_b || self.is_nearer(b, a) {
                    stronger[i].get_or_insert(Rival::Stronger(b.rule));
                }
            }
        }
        stronger
    }

    /// The rule whose format a generic match has, and whose check it failed.
    fn refuting_rule(&self, found: &Match, refuted: &Refuted) -> Option<u32> {
        if !self.rules[found.rule as usize].generic {
            return None;
        }
        refuted.overlapping(found).map(|refuted| refuted.rule).find(|rule| self.is_stronger(*rule, found.rule))
    }

    /// Generic matches, and others of the same rule, that a composite credential took as its public part; by their number,
    /// with its rule.
    fn taken_parts(&self, bytes: &[u8], accepted: &[Accepted], rivals: &[Option<Rival>]) -> Vec<(usize, u32)> {
        let mut taken = Vec::new();
        for ((found, _), _) in accepted.iter().zip(rivals).filter(|(_, rival)| rival.is_none()) {
            for part in self.parts_of(found, bytes) {
                let first = accepted.partition_point(|(other, _)| (other.start as usize) < part.start);
                let inside = accepted.iter().enumerate().skip(first);
                let inside = inside.take_while(|(_, (other, _))| (other.start as usize) < part.end);
                for (number, (other, _)) in inside.filter(|(_, (other, _))| other.end as usize <= part.end) {
                    let is_below = other.rule == found.rule || self.rules[other.rule as usize].generic;
                    // Of two that take each other neither is the public one.
                    if is_below && !self.parts_of(other, bytes).any(|part| part == found.secret()) {
                        taken.push((number, found.rule));
                    }
                }
            }
        }
        taken
    }

    fn parts_of(&self, found: &Match, bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let rule = &self.rules[found.rule as usize];
        let parts = match rule.companions.is_empty() {
            true => Vec::new(),
            false => compose::parts(rule, self.patterns(found.rule), bytes, &found.secret()),
        };
        parts.into_iter().flatten()
    }

    /// Of two rules that know the same token by a provider's name before it, does the name of `a` stand nearer to it?
    fn is_nearer(&self, a: &Match, b: &Match) -> bool {
        let is_by_name = |found: &Match| {
            let rule = &self.rules[found.rule as usize];
            matches!(rule.shape, Shape::Near { .. } | Shape::Context { .. }) && !rule.identifier
        };
        a.secret() == b.secret() && a.keyword > b.keyword && a.rule != b.rule && is_by_name(a) && is_by_name(b)
    }

    fn is_stronger(&self, a: u32, b: u32) -> bool {
        let rank = |rule: u32| self.rules[rule as usize].rank();
        let supersedes = |a: u32, b: u32| self.supersedes[a as usize].contains(&b);
        supersedes(a, b) || (rank(a) < rank(b) && !supersedes(b, a))
    }
}
