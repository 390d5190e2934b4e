use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::HashMap,
    ops::Range,
    sync::{Arc, OnceLock},
    time::Instant,
};

use super::{
    assignment,
    checksum::{self, Facts},
    claims::Refuted,
    confirm::{Attempt, Match, RuleScratch, is_plausible},
    encoded::{self, ENCODED, EncodedMatches, Inner},
    generic::{Features, Memo, Subject},
    placeholder::Placeholders,
    prefilter::{Hit, Literal, Prefilter, PrefilterKind, PrefilterScratch},
    verdict::{Evidence, Rejected, Rejection, Score, Verdict},
    versions::{Gaps, Reaches, Run},
    whole,
};
use crate::{
    decode::base64,
    model::{Origin, Stats},
    rule::{ByteSet, Patterns, Rule, Shape, analyze::MAX_COMPANION, builtin, compile},
    source::Overlap,
};

/// Bytes of context around a secret that a report may show, and that must be scanned so that other secrets in it are
/// hidden.
pub(super) const CONTEXT: usize = 60;

/// How much further context goes to where a name begins or ends, in bytes.
pub(super) const WORD: usize = 32;

/// How far from a secret on its line `unleak:allow` is looked for.
pub(super) const ALLOW_REACH: usize = 512;

/// Rules made ready to scan. Immutable and shared by all threads; each thread has a [`Scratch`] of its own.
///
/// ```
/// use unleak::{Scanner, ScannerOptions};
///
/// let scanner = Scanner::new(unleak::rule::builtin().to_vec(), &ScannerOptions::default());
/// let text = format!("token = {}{}", "glpat-", "x7Qm2Rk9Wp4Tz8Ls3Vn6");
/// let report = scanner.scan_bytes("settings.py", text.as_bytes());
/// assert_eq!(report.findings[0].rule.id, "gitlab.pat");
/// assert_eq!(report.findings[0].occurrences[0].place.column, 9);
/// ```
#[derive(Debug)]
pub struct Scanner {
    pub(super) rules: Vec<Rule>,
    /// By rule: compiled when its first candidate appears.
    patterns: Vec<OnceLock<Patterns>>,
    /// By rule: indices of rules that give way to it.
    pub(super) supersedes: Vec<Vec<u32>>,
    pub(super) prefilter: Prefilter,
    /// By literal: the rules that have it.
    pub(super) uses: Vec<Vec<Use>>,
    placeholders: OnceLock<Placeholders>,
    min_score: u8,
    overlap: usize,
    pub(super) reaches: Reaches,
}

/// What a scanner may be told.
#[derive(Clone, Debug)]
pub struct ScannerOptions {
    /// Matches below this score are not findings. Default 50.
    pub min_score: u8,
    /// Which prefilter to use. Default: the fastest there is.
    pub prefilter: PrefilterKind,
}

impl Default for ScannerOptions {
    fn default() -> Self {
        ScannerOptions { min_score: 50, prefilter: PrefilterKind::Auto }
    }
}

/// One thread's working memory. Grows to the largest window seen and is reused.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) prefilter: PrefilterScratch,
    pub(super) hits: Vec<Hit>,
    pub(super) matches: Vec<Judged>,
    pub(super) gaps: Gaps,
    pub(super) runs: Vec<Run>,
    /// Where encoded texts begin in the window at hand.
    pub(super) encoded: Vec<u32>,
    /// For what they say.
    pub(super) inner: Inner,
    memo: Memo,
    rules: Vec<Option<Box<RuleScratch>>>,
    /// Rules that remember something of the window at hand.
    mindful: Vec<u32>,
    /// Counts of this thread.
    pub stats: Stats,
    pub(super) timed: bool,
}

impl Scratch {
    /// Working memory that also measures how long each stage takes.
    #[must_use]
    pub fn timed(timed: bool) -> Scratch {
        Scratch { timed, ..Scratch::default() }
    }

    /// Forgets what was looked for in another window.
    pub(super) fn begin(&mut self, window: &Window<'_>) {
        self.hits.clear();
        self.encoded.clear();
        if encoded::opens(window) {
            self.encoded.push(0);
        }
    }
}

/// Bytes to scan at once.
#[derive(Clone, Debug)]
pub(super) struct Window<'a> {
    pub(super) bytes: &'a [u8],
    /// Matches that begin elsewhere belong to another window.
    pub(super) owned: Range<usize>,
    pub(super) origin: Origin<'a>,
}

/// A keyword's place, and the rules that are asked what they make of it.
pub(super) struct Asked<F> {
    pub(super) hit: Hit,
    pub(super) of: F,
}

/// A match and what was said of it.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) found: Match,
    /// `None` if it wasn't judged yet, or if another of the same bytes was in its place.
    pub(super) verdict: Option<Verdict>,
}

/// What a window holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct WindowMatches {
    /// What its encoded texts hold, sorted by place.
    pub(super) encoded: Vec<EncodedMatches>,
    /// Accepted, not superseded, and beginning in the owned part. Sorted by place, then rule.
    pub(super) accepted: Vec<(Match, Arc<Score>)>,
    /// Every byte range that any pattern confirmed, whatever the verdict: to be hidden wherever context is shown.
    /// Sorted and without overlaps.
    pub(super) sensitive: Vec<Range<usize>>,
}

impl WindowMatches {
    /// Is nothing accepted?
    pub(super) fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.encoded.is_empty()
    }
}

/// Is told of every candidate that is no finding.
pub trait Observer {
    /// The keyword or secret at these bytes of the window was rejected.
    fn rejected(&mut self, rule: &Rule, at: Range<usize>, why: &Rejection);

    /// Should a rejection for its score say what the score is made of?
    fn explains(&self) -> bool {
        false
    }
}

impl Observer for () {
    #[inline]
    fn rejected(&mut self, _: &Rule, _: Range<usize>, _: &Rejection) {}
}

impl Scanner {
    /// Prepares a scanner. Compiles no pattern: about 2 ms for 4,000 keywords.
    #[must_use]
    pub fn new(rules: Vec<Rule>, options: &ScannerOptions) -> Scanner {
        let (literals, uses) = literals(&rules);
        let companions = rules.iter().flat_map(|rule| rule.companions.iter());
        let within = companions.map(|companion| companion.within + MAX_COMPANION).max().unwrap_or(0);
        let reach = rules.iter().map(reach).max().unwrap_or(0) + within.max(ALLOW_REACH + CONTEXT + WORD);
        let prefilter = Prefilter::new(literals, options.prefilter);
        let reaches = Reaches::new(&rules, &prefilter, &uses);
        Scanner {
            patterns: rules.iter().map(|_| OnceLock::new()).collect(),
            supersedes: superseded(&rules),
            prefilter,
            uses,
            placeholders: OnceLock::new(),
            min_score: options.min_score,
            reaches,
            // Twice, as two stored bytes of UTF-16 are one byte of text; even, so that its units stay whole.
            overlap: 2 * reach.next_multiple_of(2),
            rules,
        }
    }

    /// A scanner with the built-in rules and default options.
    #[must_use]
    pub fn builtin() -> Scanner {
        Scanner::new(builtin().to_vec(), &ScannerOptions::default())
    }

    /// The rules, by index.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The place of a rule among the scanner's, which are sorted by id where they come from files.
    pub(super) fn rule_index(&self, id: &str) -> Option<u32> {
        self.rules.iter().position(|rule| rule.meta.id == id).map(|index| index as u32)
    }

    pub(super) fn min_score(&self) -> u8 {
        self.min_score
    }

    /// Name of the prefilter implementation in use.
    #[must_use]
    pub fn prefilter_name(&self) -> &'static str {
        self.prefilter.kernel_name()
    }

    /// What chunks of a large blob must carry beyond the bytes they own.
    #[must_use]
    pub fn overlap(&self) -> Overlap {
        Overlap { before: self.overlap, after: self.overlap }
    }

    /// How many patterns have been compiled so far.
    #[must_use]
    pub fn compiled_patterns(&self) -> usize {
        self.patterns.iter().filter(|patterns| patterns.get().is_some()).count()
    }

    pub(super) fn generic_features_of(&self, bytes: &[u8], found: &Match) -> Features {
        let placeholders = self.placeholders.get_or_init(Placeholders::new);
        Subject { rule: &self.rules[found.rule as usize], placeholders, bytes, found }.features()
    }

    pub(super) fn patterns(&self, rule: u32) -> &Patterns {
        let index = rule as usize;
        self.patterns[index]
            .get_or_init(|| compile(&self.rules[index]).expect("patterns are checked when rules are loaded"))
    }

    /// What a match says of itself: what its check learned, and the groups of its pattern. A check that is repeated for
    /// findings alone costs less than keeping what it learned of every match.
    pub(super) fn facts(&self, found: &Match, bytes: &[u8]) -> Facts {
        let rule = &self.rules[found.rule as usize];
        let mut facts = checksum::verify(rule, &found.claim(bytes)).unwrap_or_default();
        if rule.has_groups {
            for (name, value) in self.patterns(found.rule).attributes(&bytes[found.whole()]) {
                facts.add(name, value);
            }
        }
        facts
    }

    /// Finds everything in a window.
    pub(super) fn scan_window(
        &self,
        window: &Window<'_>,
        scratch: &mut Scratch,
        observer: &mut impl Observer,
    ) -> WindowMatches {
        let started = scratch.timed.then(Instant::now);
        scratch.begin(window);
        self.find_hits(window.bytes, scratch);
        let prefiltered = scratch.timed.then(Instant::now);
        if let (Some(started), Some(prefiltered)) = (started, prefiltered) {
            scratch.stats.times.prefilter += prefiltered - started;
        }
        if scratch.hits.is_empty() && scratch.encoded.is_empty() {
            return WindowMatches::default();
        }
        self.confirm_hits(window, scratch, observer);
        let mut found = self.judge(window, scratch, observer);
        self.scan_encoded(window, scratch, &mut found);
        if let Some(prefiltered) = prefiltered {
            scratch.stats.times.confirm += prefiltered.elapsed();
        }
        found
    }

    /// Adds every keyword in `bytes` and the places before encoded texts to `scratch.hits`.
    pub(super) fn find_hits(&self, bytes: &[u8], scratch: &mut Scratch) {
        self.prefilter.find(bytes, &mut scratch.prefilter, &mut scratch.hits);
        base64::find(bytes, |at| scratch.hits.push(Hit { at: at as u32, literal: ENCODED }));
    }

    /// Fills `scratch.matches` with what patterns confirm.
    fn confirm_hits(&self, window: &Window<'_>, scratch: &mut Scratch, observer: &mut impl Observer) {
        self.begin_confirming(scratch);
        let hits = std::mem::take(&mut scratch.hits);
        for &hit in &hits {
            match hit.literal {
                ENCODED => scratch.encoded.push(hit.at + 1),
                _ => self.confirm_hit(window, &Asked { hit, of: |_| true }, scratch, observer),
            }
        }
        scratch.encoded.sort_unstable();
        scratch.hits = hits;
    }

    pub(super) fn begin_confirming(&self, scratch: &mut Scratch) {
        scratch.matches.clear();
        scratch.rules.resize_with(self.rules.len(), || None);
        for rule in scratch.mindful.drain(..) {
            scratch.rules[rule as usize].iter_mut().for_each(|rule| rule.reset());
        }
    }

    /// Adds to `scratch.matches` what the patterns of those rules confirm at a keyword that are `asked` for.
    pub(super) fn confirm_hit(
        &self,
        window: &Window<'_>,
        asked: &Asked<impl Fn(u32) -> bool>,
        scratch: &mut Scratch,
        observer: &mut impl Observer,
    ) {
        let hit = asked.hit;
        let (start, known) = (hit.at as usize, self.prefilter.literals()[hit.literal as usize].bytes.len());
        scratch.stats.candidates += u64::from(window.owned.contains(&start));
        for &Use { rule: index, keyword, len } in self.uses[hit.literal as usize].iter().filter(|a| (asked.of)(a.rule))
        {
            let rule = &self.rules[index as usize];
            let at = start..start + len as usize;
            if at.len() > known {
                let keyword = rule.keywords[keyword as usize].as_bytes();
                if !stands_at(keyword, rule.ignore_case, window.bytes, &at) {
                    continue;
                }
            }
            if !is_plausible(rule, window.bytes, &at) {
                observer.rejected(rule, at, &Rejection::NoMatch);
                continue;
            }
            let patterns = self.patterns(index);
            let rule_scratch =
                scratch.rules[index as usize].get_or_insert_with(|| Box::new(RuleScratch::new(patterns)));
            if matches!(rule.shape, Shape::Block { .. }) && scratch.mindful.last() != Some(&index) {
                scratch.mindful.push(index);
            }
            let regex_calls = &mut scratch.stats.regex_calls;
            let mut attempt = Attempt { rule, index, patterns, bytes: window.bytes, keyword: at, regex_calls };
            match attempt.confirm(rule_scratch) {
                Ok(found) => scratch.matches.push(Judged { found, verdict: None }),
                Err(why) => observer.rejected(rule, attempt.keyword, &why),
            }
        }
    }

    /// Judges `scratch.matches`, one per rule and secret.
    pub(super) fn judge(
        &self,
        window: &Window<'_>,
        scratch: &mut Scratch,
        observer: &mut impl Observer,
    ) -> WindowMatches {
        if scratch.matches.is_empty() {
            return WindowMatches::default();
        }
        // The better surroundings and the last keyword of a name first, so that they are the ones that count. What follows
        // makes the order total, so that it doesn't depend on the order in which matches were met.
        scratch.matches.sort_unstable_by_key(|Judged { found: m, .. }| {
            // `basic_auth_with name: "x", password: "…"`: the name that stands nearest is the value's.
            let name = (Reverse(m.name().end), Reverse(m.keyword_in_name()));
            let surroundings = (!m.is_assigned, !m.is_quoted, name, m.id);
            (m.start, m.end, m.rule, surroundings, m.keyword)
        });
        self.judge_matches(window, scratch, observer)
    }

    fn judge_matches(&self, window: &Window<'_>, scratch: &mut Scratch, observer: &mut impl Observer) -> WindowMatches {
        let placeholders = self.placeholders.get_or_init(Placeholders::new);
        let explains = observer.explains();
        let Scratch { matches, memo, stats, .. } = scratch;
        let (mut accepted, mut refuted) = (Vec::new(), Refuted::default());
        let mut last = None;
        for Judged { found, verdict } in &mut *matches {
            let claimed = (found.start, found.end, found.rule);
            if last.replace(claimed) == Some(claimed) {
                continue;
            }
            let is_owned = window.owned.contains(&(found.start as usize));
            let rule = &self.rules[found.rule as usize];
            let verdict = verdict.get_or_insert_with(|| {
                let patterns = self.patterns(found.rule);
                let (origin, bytes) = (window.origin, window.bytes);
                let evidence =
                    Evidence { rule, patterns, placeholders, memo: &mut *memo, origin, bytes, found, explains };
                evidence.judge(self.min_score).map(Arc::new).map_err(|why| {
                    observer.rejected(rule, found.secret(), &why);
                    Rejected::of(rule, &why)
                })
            });
            stats.matches += u64::from(is_owned);
            match verdict {
                Ok(score) => accepted.push((found.clone(), Arc::clone(score))),
                Err(rejected) => {
                    stats.rejected += u64::from(is_owned);
                    if *rejected == Rejected::Refuted {
                        refuted.add(found);
                    }
                }
            }
        }
        let mut rivals = self.rivals(window.bytes, &accepted, &refuted).into_iter();
        accepted.retain(|(found, _)| {
            let rival = rivals.next().flatten();
            if let Some(rival) = rival {
                observer.rejected(&self.rules[found.rule as usize], found.secret(), &self.lost_to(rival));
            }
            rival.is_none() && window.owned.contains(&(found.start as usize))
        });
        let sensitive = matches.iter().map(|judged| &judged.found);
        let sensitive = sensitive.filter(|found| !self.rules[found.rule as usize].identifier);
        WindowMatches { encoded: Vec::new(), accepted, sensitive: merge(sensitive.map(Match::secret)) }
    }
}

/// A rule, and which of its keywords begins with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) rule: u32,
    keyword: u32,
    /// Bytes of the keyword.
    len: u32,
}

/// Of longer keywords the prefilter looks for so many bytes: between versions of a file, everything this near to a joint is
/// searched anew. Twelve bytes tell a keyword from nearly everything else.
const MAX_LITERAL: usize = 12;

/// The beginnings of the keywords of all rules, each once, and by literal the keywords that begin so.
fn literals(rules: &[Rule]) -> (Vec<Literal>, Vec<Vec<Use>>) {
    let mut uses: Vec<(Cow<'_, [u8]>, bool, Use)> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        uses.extend(rule.keywords.iter().enumerate().map(|(number, keyword)| {
            let start = &keyword.as_bytes()[..keyword.len().min(MAX_LITERAL)];
            let text: Cow<'_, [u8]> =
                if rule.ignore_case { start.to_ascii_lowercase().into() } else { Cow::Borrowed(start) };
            (text, rule.ignore_case, Use { rule: index as u32, keyword: number as u32, len: keyword.len() as u32 })
        }));
    }
    uses.sort_unstable();
    let groups = uses.chunk_by(|a, b| (&a.0, a.1) == (&b.0, b.1));
    groups
        .map(|group| {
            let uses: Vec<Use> = group.iter().map(|(.., r#use)| *r#use).collect();
            let (bytes, ignore_case) = (&*group[0].0, group[0].1);
            let next = |r#use: &Use| follows(&rules[r#use.rule as usize], r#use.keyword as usize, bytes.len());
            let next = uses.iter().map(next).reduce(union).flatten();
            (Literal { bytes: bytes.into(), ignore_case, next }, uses)
        })
        .unzip()
}

/// Does a keyword stand there?
fn stands_at(keyword: &[u8], ignore_case: bool, bytes: &[u8], at: &Range<usize>) -> bool {
    let there = bytes.get(at.clone());
    there.is_some_and(|there| if ignore_case { there.eq_ignore_ascii_case(keyword) } else { there == keyword })
}

/// What must follow the first `len` bytes of a keyword for the rule to match: the keyword's next byte, or one that the pattern
/// lets follow.
fn follows(rule: &Rule, keyword: usize, len: usize) -> Option<ByteSet> {
    if let Some(&next) = rule.keywords[keyword].as_bytes().get(len) {
        let cases: &[u8] =
            if rule.ignore_case { &[next.to_ascii_lowercase(), next.to_ascii_uppercase()] } else { &[next] };
        return Some(cases.iter().copied().collect());
    }
    rule.follows
}

fn union(a: Option<ByteSet>, b: Option<ByteSet>) -> Option<ByteSet> {
    a.zip(b).map(|(a, b)| a.union(&b))
}

/// How far from its keyword a rule may look, to either side, with a little to spare for boundaries.
pub(super) fn reach(rule: &Rule) -> usize {
    let keyword = rule.keywords.iter().map(|keyword| keyword.len()).max().unwrap_or(0);
    let context = match rule.shape {
        Shape::Prefix { offset } => offset + if rule.has_groups { whole::MAX } else { 0 },
        Shape::Near { distance } => distance,
        Shape::Assignment => assignment::REACH,
        Shape::Context { .. } | Shape::Block { .. } => 0,
    };
    rule.max_span + context + keyword + 32
}

/// By rule, the numbers of those that give way to it.
fn superseded(rules: &[Rule]) -> Vec<Vec<u32>> {
    let numbers: HashMap<_, u32> = rules.iter().map(|rule| &rule.meta.id).zip(0..).collect();
    let of = |rule: &Rule| {
        let mut superseded: Vec<u32> = rule.supersedes.iter().filter_map(|id| numbers.get(id).copied()).collect();
        superseded.sort_unstable();
        superseded
    };
    rules.iter().map(of).collect()
}

/// Joins overlapping ranges of a list sorted by start.
fn merge(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
