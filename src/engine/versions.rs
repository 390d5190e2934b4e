//! Versions of a blob: only what is new in one is scanned.
//!
//! A version is made of ranges copied from its base and of inserted bytes. What a rule makes of a keyword depends on the
//! bytes within the rule's *reach* of it and on nothing else. So where a copied range covers a keyword's whole
//! surroundings, the base's matches hold in the version as well, moved; everywhere else the keyword is looked for and
//! confirmed as in any blob. Verdicts are given anew for every version, from all of its bytes.
//!
//! A few rules (private keys, documents with a key in them) reach so far that hardly a range would cover them. Of
//! these, the places of keywords are carried instead, and each is confirmed again in every version: they are rare.
//!
//! `tests/it/versions.rs` holds the result equal to a full scan of every version.

use std::{ops::Range, time::Instant};

use super::{
    confirm::Match,
    prefilter::{Hit, Prefilter},
    scanner::{Asked, Scanner, Scratch, Window, WindowMatches, reach},
};
use crate::{
    rule::Rule,
    source::{Base, Memory, Op},
};

/// A rule that reaches further than this is a far one: between generic assignments (about 1,200) and tokens that hold
/// whole documents.
const FAR: usize = 1_700;

/// How far rules look.
#[derive(Debug)]
pub(super) struct Reaches {
    /// By rule; `u32::MAX` for far ones.
    of_rule: Vec<u32>,
    /// By literal: has it a far rule?
    is_far: Vec<bool>,
    /// The longest reach of a rule that isn't far.
    longest: u32,
    /// Bytes of the longest keyword, and the one that may have to follow it.
    keyword: usize,
}

impl Reaches {
    pub(super) fn new(rules: &[Rule], prefilter: &Prefilter, rules_of: &[Vec<u32>]) -> Reaches {
        let near = |reach: usize| if reach > FAR { u32::MAX } else { reach as u32 };
        let of_rule: Vec<u32> = rules.iter().map(|rule| near(reach(rule))).collect();
        let is_far =
            rules_of.iter().map(|rules| rules.iter().any(|rule| of_rule[*rule as usize] == u32::MAX)).collect();
        let longest = of_rule.iter().copied().filter(|reach| *reach != u32::MAX).max().unwrap_or(0);
        let keyword = prefilter.literals().iter().map(|literal| literal.bytes.len()).max().unwrap_or(0) + 1;
        Reaches { of_rule, is_far, longest, keyword }
    }
}

/// What a version leaves to those made of it.
#[derive(Debug, Default)]
struct Remembered {
    /// What rules that aren't far confirmed, whatever the verdict, sorted by keyword.
    matches: Vec<Match>,
    /// Keywords of far rules, sorted by place.
    far: Vec<Hit>,
}

impl Remembered {
    fn into_memory(self) -> Memory {
        if self.matches.is_empty() && self.far.is_empty() { Memory::Empty } else { Memory::Kept(Box::new(self)) }
    }
}

/// A range that a version shares with its base.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: u32,
    to: u32,
    len: u32,
    /// Do both begin with it?
    opens: bool,
    /// Do both end with it?
    closes: bool,
}

impl Run {
    /// How many bytes to either side of `at`, an offset in the version, are the same in both.
    fn slack(&self, at: u32) -> u32 {
        let before = if self.opens { u32::MAX } else { at - self.to };
        let after = if self.closes { u32::MAX } else { self.to + self.len - at };
        before.min(after)
    }

    /// The offsets that have at least this slack.
    fn inner(&self, slack: u32) -> Range<u32> {
        let start = if self.opens { self.to } else { self.to.saturating_add(slack) };
        let end = self.to + self.len;
        let end = if self.closes { end } else { (end + 1).saturating_sub(slack).min(end) };
        start..end.max(start)
    }
}

fn runs(base: &Base<'_>, len: usize) -> Vec<Run> {
    let runs = base.ops.iter().filter_map(|op| match *op {
        Op::Copy { from, to, len: copied } => Some(Run {
            from,
            to,
            len: copied,
            opens: from == 0 && to == 0,
            closes: (from + copied) as usize == base.len && (to + copied) as usize == len,
        }),
        Op::Insert { .. } => None,
    });
    runs.collect()
}

impl Scanner {
    /// Finds everything in a version. `window` holds all of it.
    pub(super) fn scan_version(
        &self,
        window: &Window<'_>,
        base: Option<Base<'_>>,
        scratch: &mut Scratch,
    ) -> (WindowMatches, Memory) {
        let started = scratch.timed.then(Instant::now);
        scratch.hits.clear();
        let base = base.filter(|base| !matches!(base.memory, Memory::Unknown));
        let runs = base.as_ref().map(|base| runs(base, window.bytes.len()));
        match &runs {
            None => self.prefilter.find(window.bytes, &mut scratch.prefilter, &mut scratch.hits),
            Some(runs) => self.find_new_keywords(window.bytes, runs, scratch),
        }
        let prefiltered = scratch.timed.then(Instant::now);
        if let (Some(started), Some(prefiltered)) = (started, prefiltered) {
            scratch.stats.times.prefilter += prefiltered - started;
        }
        let remembered = match base.map(|base| base.memory) {
            Some(Memory::Kept(kept)) => kept.downcast_ref::<Remembered>(),
            _ => None,
        };
        if scratch.hits.is_empty() && remembered.is_none() {
            return (WindowMatches::default(), Memory::Empty);
        }
        let memory = self.confirm_version(window, runs.as_deref(), remembered, scratch);
        let found = self.judge(window, scratch, &mut ());
        if let Some(prefiltered) = prefiltered {
            scratch.stats.times.confirm += prefiltered.elapsed();
        }
        (found, memory)
    }

    /// Looks for keywords everywhere but deep inside the runs.
    fn find_new_keywords(&self, bytes: &[u8], runs: &[Run], scratch: &mut Scratch) {
        let mut at = 0;
        for run in runs {
            let inner = run.inner(self.reaches.longest);
            if inner.is_empty() {
                continue;
            }
            self.find_keywords(bytes, at..inner.start as usize, scratch);
            scratch.stats.bytes_carried += u64::from(inner.end - inner.start);
            at = inner.end as usize;
        }
        self.find_keywords(bytes, at..bytes.len(), scratch);
    }

    /// Looks for keywords that begin in `zone`.
    fn find_keywords(&self, bytes: &[u8], zone: Range<usize>, scratch: &mut Scratch) {
        if zone.is_empty() {
            return;
        }
        let before = scratch.hits.len();
        let end = (zone.end + self.reaches.keyword).min(bytes.len());
        self.prefilter.find(&bytes[zone.start..end], &mut scratch.prefilter, &mut scratch.hits);
        let mut at = before;
        while at < scratch.hits.len() {
            scratch.hits[at].at += zone.start as u32;
            if (scratch.hits[at].at as usize) < zone.end {
                at += 1;
            } else {
                scratch.hits.swap_remove(at);
            }
        }
    }

    /// Fills `scratch.matches` from new keywords and from what is carried over.
    fn confirm_version(
        &self,
        window: &Window<'_>,
        runs: Option<&[Run]>,
        remembered: Option<&Remembered>,
        scratch: &mut Scratch,
    ) -> Memory {
        self.begin_confirming(scratch);
        let mut far: Vec<Hit> = Vec::new();
        let hits = std::mem::take(&mut scratch.hits);
        for &hit in &hits {
            let slack = runs.map_or(0, |runs| slack_at(runs, hit.at));
            let is_asked = |rule: u32| self.reaches.of_rule[rule as usize] > slack;
            self.confirm_hit(window, &Asked { hit, of: is_asked }, scratch, &mut ());
            if self.reaches.is_far[hit.literal as usize] {
                far.push(hit);
            }
        }
        scratch.hits = hits;
        if let (Some(runs), Some(remembered)) = (runs, remembered) {
            for run in runs {
                self.carry_matches(run, &remembered.matches, &mut scratch.matches);
                for hit in far_hits(run, self.reaches.longest, &remembered.far) {
                    let is_far = |rule: u32| self.reaches.of_rule[rule as usize] == u32::MAX;
                    self.confirm_hit(window, &Asked { hit, of: is_far }, scratch, &mut ());
                    far.push(hit);
                }
            }
        }
        let is_near = |found: &&Match| self.reaches.of_rule[found.rule as usize] != u32::MAX;
        let mut matches: Vec<Match> = scratch.matches.iter().filter(is_near).cloned().collect();
        matches.sort_unstable_by_key(|found| found.keyword);
        far.sort_unstable();
        Remembered { matches, far }.into_memory()
    }

    /// Adds the base's matches whose surroundings the run covers.
    fn carry_matches(&self, run: &Run, of_base: &[Match], matches: &mut Vec<Match>) {
        let first = of_base.partition_point(|found| found.keyword < run.from);
        for found in of_base[first..].iter().take_while(|found| found.keyword - run.from < run.len) {
            let at = found.keyword - run.from + run.to;
            if run.slack(at) >= self.reaches.of_rule[found.rule as usize] {
                matches.push(found.moved(run.from, run.to));
            }
        }
    }
}

/// The base's far keywords that no one looks for in the version, because they stand deep inside the run.
fn far_hits(run: &Run, slack: u32, far: &[Hit]) -> impl Iterator<Item = Hit> {
    let inner = run.inner(slack);
    let (from, to) = (run.from, run.to);
    let first = far.partition_point(|hit| hit.at < from);
    far[first..]
        .iter()
        .take_while(move |hit| hit.at - from < inner.end.saturating_sub(to))
        .map(move |hit| Hit { at: hit.at - from + to, literal: hit.literal })
        .filter(move |hit| inner.contains(&hit.at))
}

/// How much around an offset of the version is the same in its base; nothing where bytes were inserted.
fn slack_at(runs: &[Run], at: u32) -> u32 {
    let next = runs.partition_point(|run| run.to <= at);
    match next.checked_sub(1).map(|last| runs[last]) {
        Some(run) if at - run.to < run.len => run.slack(at),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, slack_at};

    #[test]
    fn the_inner_part_of_a_run_is_what_has_the_slack() {
        for (opens, closes) in [(false, false), (true, false), (false, true), (true, true)] {
            let run = Run { from: 7, to: 10, len: 20, opens, closes };
            for slack in 0..30 {
                let inner = run.inner(slack);
                for at in 10..30 {
                    assert_eq!(inner.contains(&at), run.slack(at) >= slack, "{at} {slack} {run:?}");
                }
            }
            assert_eq!((slack_at(&[run], 9), slack_at(&[run], 30)), (0, 0));
        }
    }
}
