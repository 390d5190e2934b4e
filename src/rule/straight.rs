//! Patterns that never look back.
//!
//! Most patterns are a row of byte classes with counts: `AKIA[A-Z2-7]{16}`. Where the next byte alone always says how a
//! match goes on, an anchored search needs no automaton. It is made in microseconds instead of a tenth of a millisecond and
//! more, takes a few hundred bytes instead of some ten thousand, and runs several times as fast. What isn't like that is
//! left to the regex crate, with which this agrees on every match: `tests/it/straight.rs` holds one against the other.
//!
//! What makes a pattern straight: of every repetition, what it repeats and what may follow it begin with different bytes
//! (or what follows may be nothing, so that taking as much as there is never hurts); the branches of every alternation
//! begin with different bytes, once what they have in common is taken out of them. Where that isn't so of an alternation or
//! an optional part at the top level, its branches are tried one after the other, each with all that follows: then the
//! search looks back, but only there.

use std::ops::Range;

use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};

use super::{analyze::parse, byte_set::ByteSet};

/// A pattern that never looks back, for searches anchored at the start.
#[derive(Debug)]
pub struct Straight {
    steps: Box<[Step]>,
    /// Bytes that a match may begin with.
    first: ByteSet,
    /// Names of groups, by their number.
    groups: Vec<Box<str>>,
}

/// Most groups that a pattern may name.
const MAX_GROUPS: usize = 8;

/// Where the groups of a match stand, by their number; [`NO_PART`] for those that took no part.
pub type Groups = [(u32, u32); MAX_GROUPS];

/// Where a group stands that took no part in a match.
pub const NO_PART: (u32, u32) = (u32::MAX, u32::MAX);

#[derive(Debug)]
enum Step {
    Literal(Box<[u8]>),
    /// Bytes of a set, as many as there are.
    Set {
        set: ByteSet,
        min: u32,
        max: u32,
    },
    /// Steps, as often as they go.
    Repeat {
        steps: Box<[Step]>,
        min: u32,
        max: u32,
    },
    /// Whichever begins with the byte that stands there.
    Branch(Box<[(ByteSet, Box<[Step]>)]>),
    /// The first of several after which the rest of the pattern matches. Always the last step.
    Either {
        branches: Box<[Box<[Step]>]>,
        rest: Box<[Step]>,
    },
    Open(u8),
    Close(u8),
}

impl Straight {
    /// `None` if the pattern isn't straight, or isn't valid.
    #[must_use]
    pub fn new(pattern: &str, ignore_case: bool) -> Option<Straight> {
        Straight::of(&parse(pattern, ignore_case).ok()?)
    }

    /// As [`Straight::new`], of a pattern that is parsed already.
    pub(super) fn of(pattern: &Hir) -> Option<Straight> {
        let mut builder = Builder { groups: Vec::new(), ways: 1 };
        let mut parts = Vec::new();
        builder.flatten(pattern, &mut parts)?;
        let steps = builder.top(&parts)?.into();
        Some(Straight { steps, first: first_of(pattern)?.0, groups: builder.groups })
    }

    /// May a match begin with this byte?
    #[must_use]
    pub fn may_begin_with(&self, byte: u8) -> bool {
        self.first.contains(byte)
    }

    /// The number of a group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| **group == *name)
    }

    /// Names of the groups, by their number.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|name| &**name)
    }

    /// Where the match ends that begins at the start of `span` and is within it.
    pub fn search(&self, bytes: &[u8], span: Range<usize>, groups: &mut Groups) -> Option<usize> {
        groups.fill(NO_PART);
        let bytes = bytes.get(..span.end)?;
        run(&self.steps, bytes, span.start, groups)
    }
}

/// Where the steps lead from `at`.
fn run(steps: &[Step], bytes: &[u8], mut at: usize, groups: &mut Groups) -> Option<usize> {
    for step in steps {
        match step {
            Step::Literal(literal) => {
                if !bytes[at..].starts_with(literal) {
                    return None;
                }
                at += literal.len();
            }
            Step::Set { set, min, max } => {
                let rest = &bytes[at..];
                let rest = &rest[..rest.len().min(*max as usize)];
                let count = rest.iter().position(|byte| !set.contains(*byte)).unwrap_or(rest.len());
                if count < *min as usize {
                    return None;
                }
                at += count;
            }
            Step::Repeat { steps, min, max } => {
                for round in 0..*max {
                    let before = *groups;
                    match run(steps, bytes, at, groups) {
                        Some(next) => at = next,
                        None if round < *min => return None,
                        None => {
                            *groups = before;
                            break;
                        }
                    }
                }
            }
            Step::Branch(branches) => {
                let byte = *bytes.get(at)?;
                let (_, steps) = branches.iter().find(|(first, _)| first.contains(byte))?;
                at = run(steps, bytes, at, groups)?;
            }
            Step::Either { branches, rest } => {
                let before = *groups;
                return branches.iter().find_map(|branch| {
                    *groups = before;
                    run(rest, bytes, run(branch, bytes, at, groups)?, groups)
                });
            }
            Step::Open(group) => groups[usize::from(*group)] = (at as u32, at as u32),
            Step::Close(group) => groups[usize::from(*group)].1 = at as u32,
        }
    }
    Some(at)
}

/// What comes after a part of a pattern.
struct Rest {
    /// Bytes that it may begin with.
    first: ByteSet,
    /// May it be nothing, wherever it begins?
    is_nullable: bool,
    /// May it be the same part once more?
    is_in_loop: bool,
}

impl Rest {
    /// What comes after a part behind which these come first.
    fn behind<'h>(&self, parts: impl Iterator<Item = &'h Hir>) -> Option<Rest> {
        let mut all = ByteSet::EMPTY;
        for part in parts {
            let (first, is_nullable) = first_of(part)?;
            all = all.union(&first);
            if !is_nullable {
                return Some(Rest { first: all, is_nullable: false, is_in_loop: self.is_in_loop });
            }
        }
        Some(Rest { first: all.union(&self.first), ..*self })
    }

    /// Does taking all there is of something that begins like this, as the pattern prefers it, never have to be undone?
    fn suits(&self, first: ByteSet, is_greedy: bool) -> bool {
        let is_apart = first.0.iter().zip(self.first.0).all(|(a, b)| a & b == 0);
        if is_greedy { is_apart || self.is_nullable && !self.is_in_loop } else { is_apart && !self.is_nullable }
    }
}

/// A part of a pattern's top level.
enum Part<'h> {
    Pattern(&'h Hir),
    Open(u8),
    Close(u8),
}

struct Builder {
    groups: Vec<Box<str>>,
    /// How many ways through the pattern have to be tried at most.
    ways: usize,
}

/// Patterns with more ways than this aren't straight: their number grows with every choice.
const MAX_WAYS: usize = 64;

impl Builder {
    /// Takes rows and groups apart.
    fn flatten<'h>(&mut self, hir: &'h Hir, parts: &mut Vec<Part<'h>>) -> Option<()> {
        match hir.kind() {
            HirKind::Concat(row) => row.iter().try_for_each(|part| self.flatten(part, parts))?,
            HirKind::Capture(capture) => {
                let group = self.group(capture)?;
                parts.extend(group.map(Part::Open));
                self.flatten(&capture.sub, parts)?;
                parts.extend(group.map(Part::Close));
            }
            _ => parts.push(Part::Pattern(hir)),
        }
        Some(())
    }

    /// The number of a group, if it has a name.
    fn group(&mut self, capture: &Capture) -> Option<Option<u8>> {
        let Some(name) = &capture.name else { return Some(None) };
        let group = u8::try_from(self.groups.len()).ok().filter(|group| usize::from(*group) < MAX_GROUPS)?;
        self.groups.push(name.clone());
        Some(Some(group))
    }

    /// Steps for the top level of a pattern.
    fn top(&mut self, parts: &[Part<'_>]) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let hir = match part {
                Part::Pattern(hir) => *hir,
                Part::Open(group) => {
                    steps.push(Step::Open(*group));
                    continue;
                }
                Part::Close(group) => {
                    steps.push(Step::Close(*group));
                    continue;
                }
            };
            let following = parts[index + 1..].iter().filter_map(|part| match part {
                Part::Pattern(hir) => Some(*hir),
                Part::Open(_) | Part::Close(_) => None,
            });
            let end = Rest { first: ByteSet::EMPTY, is_nullable: true, is_in_loop: false };
            let rest = end.behind(following)?;
            let known = self.groups.len();
            if let Some(straight) = self.steps(hir, &rest) {
                steps.extend(straight);
                continue;
            }
            self.groups.truncate(known);
            let branches: Vec<Hir> = match hir.kind() {
                HirKind::Alternation(branches) => branches.clone(),
                HirKind::Repetition(Repetition { min: 0, max: Some(1), greedy: true, sub }) => {
                    vec![(**sub).clone(), Hir::empty()]
                }
                _ => return None,
            };
            self.ways *= branches.len();
            if self.ways > MAX_WAYS {
                return None;
            }
            let branches = branches.iter().map(|branch| Some(self.steps(branch, &rest)?.into()));
            let branches = branches.collect::<Option<Vec<_>>>()?.into();
            steps.push(Step::Either { branches, rest: self.top(&parts[index + 1..])?.into() });
            return Some(steps);
        }
        Some(steps)
    }

    fn steps(&mut self, hir: &Hir, rest: &Rest) -> Option<Vec<Step>> {
        match hir.kind() {
            HirKind::Empty => Some(Vec::new()),
            HirKind::Literal(literal) => Some(vec![Step::Literal(literal.0.clone())]),
            HirKind::Class(class) => Some(vec![Step::Set { set: set_of(class)?, min: 1, max: 1 }]),
            HirKind::Look(_) => None,
            HirKind::Repetition(repetition) => self.repetition(repetition, rest),
            HirKind::Capture(capture) => {
                let group = self.group(capture)?;
                let mut steps: Vec<Step> = group.map(Step::Open).into_iter().collect();
                steps.extend(self.steps(&capture.sub, rest)?);
                steps.extend(group.map(Step::Close));
                Some(steps)
            }
            HirKind::Concat(parts) => self.row(parts, rest),
            HirKind::Alternation(branches) => self.alternation(branches, rest),
        }
    }

    fn row(&mut self, parts: &[Hir], rest: &Rest) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            steps.extend(self.steps(part, &rest.behind(parts[index + 1..].iter())?)?);
        }
        Some(steps)
    }

    fn repetition(&mut self, repetition: &Repetition, rest: &Rest) -> Option<Vec<Step>> {
        let Repetition { min, max, greedy, sub } = repetition;
        let (min, max) = (*min, max.unwrap_or(u32::MAX));
        let (first, is_nullable) = first_of(sub)?;
        if is_nullable || min < max && !rest.suits(first, *greedy) {
            return None;
        }
        let single = match sub.kind() {
            HirKind::Class(class) => Some(set_of(class)?),
            HirKind::Literal(literal) if literal.0.len() == 1 => Some(literal.0.iter().copied().collect()),
            _ => None,
        };
        if let Some(set) = single {
            return Some(vec![Step::Set { set, min, max }]);
        }
        let again = Rest { first: first.union(&rest.first), is_nullable: rest.is_nullable, is_in_loop: max > 1 };
        let steps = self.steps(sub, if max > 1 { &again } else { rest })?.into();
        Some(vec![Step::Repeat { steps, min, max }])
    }

    fn alternation(&mut self, branches: &[Hir], rest: &Rest) -> Option<Vec<Step>> {
        // Nothing, as a branch, makes the others optional: preferred to them if it comes first.
        if let [others @ .., last] = branches
            && is_empty(last)
        {
            let sub = Box::new(Hir::alternation(others.to_vec()));
            return self.repetition(&Repetition { min: 0, max: Some(1), greedy: true, sub }, rest);
        }
        if let [first, others @ ..] = branches
            && is_empty(first)
        {
            let sub = Box::new(Hir::alternation(others.to_vec()));
            return self.repetition(&Repetition { min: 0, max: Some(1), greedy: false, sub }, rest);
        }
        let mut groups: Vec<(ByteSet, Vec<Hir>)> = Vec::new();
        for branch in branches {
            let (first, is_nullable) = first_of(branch)?;
            if is_nullable {
                return None;
            }
            let overlaps = |other: &ByteSet| first.0.iter().zip(other.0).any(|(a, b)| a & b != 0);
            let mut met = groups.iter_mut().filter(|(other, _)| overlaps(other));
            match (met.next(), met.next()) {
                (None, _) => groups.push((first, vec![branch.clone()])),
                (Some((other, group)), None) if *other == first => group.push(branch.clone()),
                _ => return None,
            }
        }
        let branches = groups.into_iter().map(|(first, group)| Some((first, self.branch(group, rest)?.into())));
        Some(vec![Step::Branch(branches.collect::<Option<Vec<_>>>()?.into())])
    }

    /// Branches that begin with the same byte: what is left of them without it is an alternation, too.
    fn branch(&mut self, mut branches: Vec<Hir>, rest: &Rest) -> Option<Vec<Step>> {
        if branches.len() == 1 {
            return self.steps(&branches.remove(0), rest);
        }
        let parts = branches.iter().map(split_first).collect::<Option<Vec<_>>>()?;
        let first = parts[0].0.clone();
        if parts.iter().any(|(other, _)| *other != first) {
            return None;
        }
        self.row(&[first, Hir::alternation(parts.into_iter().map(|(_, tail)| tail).collect())], rest)
    }
}

fn is_empty(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Empty)
}

/// The first byte of what matches, as a pattern of its own, and the rest.
fn split_first(hir: &Hir) -> Option<(Hir, Hir)> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let (first, tail) = literal.0.split_at(1);
            Some((Hir::literal(first), Hir::literal(tail)))
        }
        HirKind::Class(_) => Some((hir.clone(), Hir::empty())),
        HirKind::Concat(parts) => {
            let (first, tail) = split_first(parts.first()?)?;
            Some((first, Hir::concat(std::iter::once(tail).chain(parts[1..].iter().cloned()).collect())))
        }
        _ => None,
    }
}

/// The bytes that a match may begin with, and whether it may be nothing. `None` if it depends on what stands around it.
fn first_of(hir: &Hir) -> Option<(ByteSet, bool)> {
    match hir.kind() {
        HirKind::Empty => Some((ByteSet::EMPTY, true)),
        HirKind::Literal(literal) => Some((literal.0.iter().take(1).copied().collect(), false)),
        HirKind::Class(class) => Some((set_of(class)?, false)),
        HirKind::Look(_) => None,
        HirKind::Repetition(repetition) => {
            let (first, is_nullable) = first_of(&repetition.sub)?;
            Some((first, is_nullable || repetition.min == 0))
        }
        HirKind::Capture(capture) => first_of(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all = ByteSet::EMPTY;
            for part in parts {
                let (first, is_nullable) = first_of(part)?;
                all = all.union(&first);
                if !is_nullable {
                    return Some((all, false));
                }
            }
            Some((all, true))
        }
        HirKind::Alternation(branches) => branches.iter().try_fold((ByteSet::EMPTY, false), |(all, any), branch| {
            let (first, is_nullable) = first_of(branch)?;
            Some((all.union(&first), any || is_nullable))
        }),
    }
}

/// `None` for classes of characters that aren't ASCII.
fn set_of(class: &Class) -> Option<ByteSet> {
    let mut set = ByteSet::EMPTY;
    match class {
        Class::Bytes(class) => class.iter().for_each(|range| set.insert_range(range.start(), range.end())),
        Class::Unicode(class) => {
            for range in class.iter() {
                let last = u8::try_from(u32::from(range.end())).ok().filter(u8::is_ascii)?;
                set.insert_range(range.start() as u8, last);
            }
        }
    }
    Some(set)
}
