//! Versions of a blob: only what is new in one is scanned.
//!
//! A version is made of ranges copied from its base and of inserted bytes. Keywords that stand in a copied range stand in
//! the version as well, moved: they are looked for in inserted bytes and across joints alone. What a rule makes of a
//! keyword depends on the bytes within the rule's *reach* of it and on nothing else. So where a copied range covers a
//! keyword's whole surroundings, the base's matches hold, too; where it doesn't, the keyword is confirmed as in any blob.
//! Verdicts are given anew for every version, from all of its bytes.
//!
//! A few rules (private keys, documents with a key in them) reach so far that hardly a range would cover them. Their
//! keywords are confirmed again in every version: they are rare.
//!
//! `tests/it/versions.rs` holds the result equal to a full scan of every version.

use std::{ops::Range, time::Instant};

use super::{
    encoded::ENCODED,
    prefilter::{Hit, Prefilter},
    scanner::{Asked, Judged, Scanner, Scratch, Use, Window, WindowMatches, reach},
    verdict,
};
use crate::{
    decode::base64,
    rule::Rule,
    source::{Base, Memory, Op},
};

/// A rule that reaches further than this is a far one: between generic assignments (about 1,200) and tokens that hold
/// whole documents.
const FAR: usize = 1_700;

/// Reach of far rules: that of no range.
const UNBOUNDED: u32 = u32::MAX;

/// How far rules look.
#[derive(Debug)]
pub(super) struct Reaches {
    /// By rule; [`UNBOUNDED`] for far ones.
    of_rule: Vec<u32>,
    /// By rule, that of its verdicts; likewise.
    of_verdict: Vec<u32>,
    /// By literal: the longest of its rules'.
    of_literal: Vec<u32>,
    /// The longest of those that aren't far.
    longest: u32,
    /// Bytes of the longest keyword, and the one that may have to follow it; no fewer than tell encoded text.
    keyword: u32,
}

impl Reaches {
    pub(super) fn new(rules: &[Rule], prefilter: &Prefilter, uses: &[Vec<Use>]) -> Reaches {
        let bounded = |reach: usize| if reach > FAR { UNBOUNDED } else { reach as u32 };
        let of_rule: Vec<u32> = rules.iter().map(|rule| bounded(reach(rule))).collect();
        let of_verdict = rules.iter().map(|rule| bounded(reach(rule)).saturating_add(verdict::reach(rule) as u32));
        let of_verdict = of_verdict.collect();
        let of_uses = |uses: &Vec<Use>| uses.iter().map(|a| of_rule[a.rule as usize]).max().unwrap_or(0);
        let of_literal = uses.iter().map(of_uses).collect();
        let longest = of_rule.iter().copied().filter(|reach| *reach != UNBOUNDED).max().unwrap_or(0);
        let keyword = prefilter.literals().iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        let keyword = keyword.max(base64::HEAD) + 1;
        Reaches { of_rule, of_verdict, of_literal, longest, keyword: keyword as u32 }
    }
}

/// What a version leaves to those made of it.
#[derive(Debug, Default)]
struct Remembered {
    /// What rules that aren't far confirmed, whatever the verdict, sorted by keyword.
    matches: Vec<Judged>,
    /// Every keyword, sorted by place.
    hits: Vec<Hit>,
}

/// A range that a version shares with its base.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    from: u32,
    to: u32,
    len: u32,
    /// Do both begin with it?
    opens: bool,
    /// Do both end with it?
    closes: bool,
}

impl Run {
    /// How many bytes to either side of `at`, an offset in the version, are the same in both; less than [`UNBOUNDED`].
    fn slack(&self, at: u32) -> u32 {
        let before = if self.opens { UNBOUNDED - 1 } else { at - self.to };
        let after = if self.closes { UNBOUNDED - 1 } else { self.to + self.len - at };
        before.min(after)
    }

    /// Offsets at which everything of up to `len` bytes that begins there is the same in both.
    fn inner(&self, len: u32) -> Range<u32> {
        self.to..self.covered(len).max(self.to)
    }

    /// Up to where everything of which `len` bytes behind it are the same in both may begin.
    fn covered(&self, len: u32) -> u32 {
        let end = self.to + self.len;
        if self.closes { end } else { (end + 1).saturating_sub(len) }
    }

    fn contains(&self, at: u32) -> bool {
        at.wrapping_sub(self.to) < self.len
    }
}

/// The parts of a version between its runs. Most are short, and a search costs the more per byte the less it has at once:
/// the short ones are put together and searched in one go.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    long: Vec<Range<usize>>,
    /// Short gaps, one after the other, each with the bytes behind it that a keyword may reach into.
    text: Vec<u8>,
    /// Of each short gap: where it stands in the text and in the version, and its length.
    short: Vec<(u32, u32, u32)>,
    hits: Vec<Hit>,
}

/// Gaps longer than this are searched where they are.
const LONG_GAP: usize = 1 << 10;

impl Gaps {
    fn clear(&mut self) {
        self.long.clear();
        self.text.clear();
        self.short.clear();
    }

    fn add(&mut self, gap: Range<usize>, bytes: &[u8], keyword: u32) {
        if gap.len() > LONG_GAP {
            self.long.push(gap);
        } else if !gap.is_empty() {
            self.short.push((self.text.len() as u32, gap.start as u32, gap.len() as u32));
            self.text.extend_from_slice(&bytes[gap.start..(gap.end + keyword as usize).min(bytes.len())]);
        }
    }

    /// Adds the keywords that begin in short gaps.
    fn find(&mut self, prefilter: &Prefilter, scratch: &mut Scratch) {
        self.hits.clear();
        prefilter.find(&self.text, &mut scratch.prefilter, &mut self.hits);
        base64::find(&self.text, |at| self.hits.push(Hit { at: at as u32, literal: ENCODED }));
        for hit in &self.hits {
            let next = self.short.partition_point(|(start, ..)| *start <= hit.at);
            let (start, at, len) = self.short[next - 1];
            // What begins behind a gap belongs to a run, or is made up of two gaps.
            if hit.at - start < len {
                scratch.hits.push(Hit { at: hit.at - start + at, literal: hit.literal });
            }
        }
    }
}

/// Fills `runs` with what a version of `len` bytes shares with its base.
fn find_runs(base: &Base<'_>, len: usize, runs: &mut Vec<Run>) {
    runs.clear();
    runs.extend(base.ops.iter().filter_map(|op| match *op {
        Op::Copy { from, to, len: copied } => Some(Run {
            from,
            to,
            len: copied,
            opens: from == 0 && to == 0,
            closes: (from + copied) as usize == base.len && (to + copied) as usize == len,
        }),
        Op::Insert { .. } => None,
    }));
}

/// As [`slice::partition_point`], quick if the answer is near to `near`: most copies go on where the one before ended.
fn partition_near<T>(items: &[T], near: usize, is_before: impl Fn(&T) -> bool) -> usize {
    if near > 0 && !is_before(&items[near - 1]) {
        return items[..near - 1].partition_point(is_before);
    }
    let (mut low, mut step) = (near, 1);
    while items.get(low + step - 1).is_some_and(&is_before) {
        low += step;
        step *= 2;
    }
    low + items[low..items.len().min(low + step - 1)].partition_point(is_before)
}

/// Sorts a list of which the first `sorted` items are sorted already; `spare` is working memory.
fn sort_rest(hits: &mut [Hit], sorted: usize, spare: &mut Vec<Hit>) {
    hits[sorted..].sort_unstable();
    spare.clear();
    spare.extend_from_slice(&hits[sorted..]);
    let (mut from, mut to) = (sorted, hits.len());
    while let Some(&last) = spare.last() {
        to -= 1;
        if from > 0 && hits[from - 1] > last {
            from -= 1;
            hits[to] = hits[from];
        } else {
            hits[to] = last;
            spare.pop();
        }
    }
}

impl Scanner {
    /// Finds everything in a version. `window` holds all of it.
    pub(super) fn scan_version(
        &self,
        window: &Window<'_>,
        base: Option<Base<'_>>,
        is_base: bool,
        scratch: &mut Scratch,
    ) -> (WindowMatches, Memory) {
        let mut runs = std::mem::take(&mut scratch.runs);
        let base = base.filter(|base| !matches!(base.memory, Memory::Unknown));
        let in_runs = base.map(|base| {
            find_runs(&base, window.bytes.len(), &mut runs);
            (&*runs, base.memory)
        });
        let result = self.scan_runs(window, in_runs, is_base, scratch);
        scratch.runs = runs;
        result
    }

    /// As [`Scanner::scan_version`], of what is shared with a base, and what that left.
    fn scan_runs(
        &self,
        window: &Window<'_>,
        base: Option<(&[Run], &Memory)>,
        is_base: bool,
        scratch: &mut Scratch,
    ) -> (WindowMatches, Memory) {
        let started = scratch.timed.then(Instant::now);
        scratch.begin(window);
        let runs = base.map(|(runs, _)| runs);
        let remembered = match base.map(|(_, memory)| memory) {
            Some(Memory::Kept(kept)) => kept.downcast_ref::<Remembered>(),
            _ => None,
        };
        match runs {
            None => self.find_keywords(window.bytes, 0..window.bytes.len(), scratch),
            Some(runs) => {
                self.find_new_keywords(window.bytes, runs, remembered.map_or(&[], |base| &base.hits), scratch);
            }
        }
        let prefiltered = scratch.timed.then(Instant::now);
        if let (Some(started), Some(prefiltered)) = (started, prefiltered) {
            scratch.stats.times.prefilter += prefiltered - started;
        }
        if scratch.hits.is_empty() && scratch.encoded.is_empty() {
            return (WindowMatches::default(), Memory::Empty);
        }
        let matches = remembered.map_or(&[][..], |base| &base.matches);
        self.confirm_version(window, runs, matches, scratch);
        let mut found = self.judge(window, scratch, &mut ());
        self.scan_encoded(window, scratch, &mut found);
        let memory = if is_base { self.remember(scratch) } else { Memory::Unknown };
        if let Some(prefiltered) = prefiltered {
            scratch.stats.times.confirm += prefiltered.elapsed();
        }
        (found, memory)
    }

    /// Fills `scratch.hits`, sorted, with the base's keywords in the runs and with what is found elsewhere.
    fn find_new_keywords(&self, bytes: &[u8], runs: &[Run], of_base: &[Hit], scratch: &mut Scratch) {
        let mut gaps = std::mem::take(&mut scratch.gaps);
        gaps.clear();
        let (mut at, mut next) = (0, 0);
        for run in runs {
            let inner = run.inner(self.reaches.keyword);
            if inner.is_empty() {
                continue;
            }
            gaps.add(at..inner.start as usize, bytes, self.reaches.keyword);
            next = partition_near(of_base, next, |hit| hit.at < run.from);
            let behind = partition_near(of_base, next, |hit| hit.at < run.from + (inner.end - inner.start));
            let moved = |hit: &Hit| Hit { at: hit.at - run.from + run.to, literal: hit.literal };
            scratch.hits.extend(of_base[next..behind].iter().map(moved));
            next = behind;
            scratch.stats.bytes_carried += u64::from(inner.end - inner.start);
            at = inner.end as usize;
        }
        gaps.add(at..bytes.len(), bytes, self.reaches.keyword);
        let carried = scratch.hits.len();
        for gap in &gaps.long {
            self.find_keywords(bytes, gap.clone(), scratch);
        }
        gaps.find(&self.prefilter, scratch);
        sort_rest(&mut scratch.hits, carried, &mut gaps.hits);
        scratch.gaps = gaps;
    }

    /// Looks for keywords that begin in `zone`, and sorts them.
    fn find_keywords(&self, bytes: &[u8], zone: Range<usize>, scratch: &mut Scratch) {
        let before = scratch.hits.len();
        let end = (zone.end + self.reaches.keyword as usize).min(bytes.len());
        self.find_hits(&bytes[zone.start..end], scratch);
        if scratch.hits.len() == before {
            return;
        }
        scratch.hits[before..].sort_unstable();
        let own = scratch.hits[before..].partition_point(|hit| (hit.at as usize) < zone.len());
        scratch.hits.truncate(before + own);
        scratch.hits[before..].iter_mut().for_each(|hit| hit.at += zone.start as u32);
    }

    /// Fills `scratch.matches` from `scratch.hits` and from the base's matches.
    fn confirm_version(&self, window: &Window<'_>, runs: Option<&[Run]>, of_base: &[Judged], scratch: &mut Scratch) {
        self.begin_confirming(scratch);
        let hits = std::mem::take(&mut scratch.hits);
        let reaches = &self.reaches;
        let mut confirm = |hit: Hit, slack: u32| {
            if hit.literal == ENCODED {
                scratch.encoded.push(hit.at + 1);
            } else if reaches.of_literal[hit.literal as usize] > slack {
                let is_asked = |rule: u32| reaches.of_rule[rule as usize] > slack;
                self.confirm_hit(window, &Asked { hit, of: is_asked }, scratch, &mut ());
            }
        };
        let (mut left, mut rest) = (&*hits, runs.unwrap_or_default());
        while let Some((&hit, others)) = left.split_first() {
            while rest.first().is_some_and(|run| run.to + run.len <= hit.at) {
                rest = &rest[1..];
            }
            let run = rest.first().filter(|run| run.contains(hit.at));
            let slack = run.map_or(0, |run| run.slack(hit.at));
            confirm(hit, slack);
            left = others;
            if let Some(run) = run.filter(|_| slack >= reaches.longest) {
                // As far as the run covers more than any bounded reach, nothing but far rules is asked.
                let end = run.covered(reaches.longest);
                let covered = partition_near(left, 0, |hit| hit.at < end);
                left[..covered].iter().for_each(|hit| confirm(*hit, slack));
                left = &left[covered..];
            }
        }
        scratch.hits = hits;
        let mut next = 0;
        // Most have none to carry.
        let runs = runs.filter(|_| !of_base.is_empty());
        for run in runs.unwrap_or_default() {
            next = self.carry_matches(run, of_base, next, &mut scratch.matches);
        }
    }

    /// What `scratch` holds of a version, for those made of it.
    fn remember(&self, scratch: &Scratch) -> Memory {
        let is_near = |judged: &&Judged| self.reaches.of_rule[judged.found.rule as usize] != UNBOUNDED;
        let mut matches: Vec<Judged> = scratch.matches.iter().filter(is_near).cloned().collect();
        matches.sort_unstable_by_key(|judged| judged.found.keyword);
        Memory::Kept(Box::new(Remembered { matches, hits: scratch.hits.as_slice().into() }))
    }

    /// Adds the base's matches whose surroundings the run covers. They are looked for near the one numbered `near`; returns
    /// the number of the one behind them.
    fn carry_matches(&self, run: &Run, of_base: &[Judged], near: usize, matches: &mut Vec<Judged>) -> usize {
        let first = partition_near(of_base, near, |judged| judged.found.keyword < run.from);
        let mut next = first;
        for Judged { found, verdict } in of_base[first..].iter().take_while(|a| a.found.keyword - run.from < run.len) {
            next += 1;
            let slack = run.slack(found.keyword - run.from + run.to);
            let rule = found.rule as usize;
            if slack >= self.reaches.of_rule[rule] {
                let holds = slack >= self.reaches.of_verdict[rule];
                let verdict = if holds { verdict.clone() } else { None };
                matches.push(Judged { found: found.moved(run.from, run.to), verdict });
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, partition_near, sort_rest};
    use crate::engine::prefilter::Hit;

    #[test]
    fn a_search_from_anywhere_finds_the_same_place() {
        let items = [1, 3, 3, 3, 5, 8, 8, 9, 11, 40, 41];
        for wanted in 0..50 {
            let expected = items.partition_point(|item| *item < wanted);
            for near in 0..=items.len() {
                assert_eq!(partition_near(&items, near, |item| *item < wanted), expected, "{wanted} from {near}");
            }
        }
    }

    #[test]
    fn what_is_added_to_a_sorted_list_is_merged() {
        for sorted in 0..6 {
            let mut hits: Vec<Hit> =
                [2, 4, 4, 6, 9, 7, 1, 9, 3][..].iter().map(|at| Hit { at: *at, literal: 0 }).collect();
            hits[..sorted].sort_unstable();
            let mut expected = hits.clone();
            expected.sort_unstable();
            sort_rest(&mut hits, sorted, &mut Vec::new());
            assert_eq!(hits, expected);
        }
    }

    #[test]
    fn what_begins_in_the_inner_part_of_a_run_stands_in_it() {
        for (opens, closes) in [(false, false), (true, false), (false, true), (true, true)] {
            let run = Run { from: 7, to: 10, len: 20, opens, closes };
            for len in 1..30 {
                let inner = run.inner(len);
                for at in 10..30 {
                    assert_eq!(inner.contains(&at), closes || at + len <= 30, "{at} {len} {run:?}");
                }
            }
            assert!(!run.contains(9) && run.contains(10) && run.contains(29) && !run.contains(30));
        }
    }
}
