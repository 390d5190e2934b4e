//! From a keyword's place to the exact bytes of a match: guards, the rule's pattern on a bounded window, boundaries.

use std::ops::Range;

use regex_automata::{Input, meta::Cache};

use super::{
    assignment::{self, Ending, Syntax},
    checksum::Claim,
    list::{self, Item},
    verdict::Rejection,
    whole,
};
use crate::rule::{ByteSet, Checksum, Patterns, Rule, Search, Shape, Spans, analyze::MAX_UNTIL};

/// Bytes that a rule's pattern confirmed. Offsets are into the window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// Index of the rule.
    pub(super) rule: u32,
    pub(super) start: u32,
    pub(super) end: u32,
    /// All that the pattern matched, of which the secret may be a part.
    whole: (u32, u32),
    /// The public part, if the pattern names one.
    pub(super) id: Option<(u32, u32)>,
    /// Does an assignment operator stand before it?
    pub(super) is_assigned: bool,
    /// Is it a whole quoted value?
    pub(super) is_quoted: bool,
    /// `assignment` shape: what stands after it.
    pub(super) ending: Ending,
    /// `assignment` shape: how name and value hang together.
    pub(super) syntax: Syntax,
    /// Where the keyword stands that led to it.
    pub(super) keyword: u32,
    /// `assignment` shape: the name, and how far into it the keyword ends.
    name: (u32, u32, u32),
}

impl Match {
    pub(super) fn secret(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// All that the pattern matched.
    pub(super) fn whole(&self) -> Range<usize> {
        self.whole.0 as usize..self.whole.1 as usize
    }

    /// The match as a check wants it.
    pub(super) fn claim<'b>(&self, bytes: &'b [u8]) -> Claim<'b> {
        let Range { start, end } = self.whole();
        let id = self.id.map(|(start, end)| &bytes[start as usize..end as usize]);
        Claim { bytes, start, end, secret: &bytes[self.secret()], id }
    }

    /// The same match, its bytes standing `to - from` further on.
    pub(super) fn moved(&self, from: u32, to: u32) -> Match {
        let moved = |at: u32| at.wrapping_sub(from).wrapping_add(to);
        let (name_start, name_end, keyword_in_name) = self.name;
        let has_name = name_end > name_start;
        Match {
            start: moved(self.start),
            end: moved(self.end),
            whole: (moved(self.whole.0), moved(self.whole.1)),
            id: self.id.map(|(start, end)| (moved(start), moved(end))),
            keyword: moved(self.keyword),
            name: if has_name { (moved(name_start), moved(name_end), keyword_in_name) } else { self.name },
            ..*self
        }
    }

    pub(super) fn name(&self) -> Range<usize> {
        self.name.0 as usize..self.name.1 as usize
    }

    pub(super) fn keyword_in_name(&self) -> usize {
        self.name.2 as usize
    }
}

/// A thread's working memory for one rule.
#[derive(Debug)]
pub(super) struct RuleScratch {
    search: Search,
    until_cache: Option<Cache>,
    ends: KnownEnd,
}

impl RuleScratch {
    pub(super) fn new(patterns: &Patterns) -> RuleScratch {
        RuleScratch {
            search: patterns.pattern.create_search(),
            until_cache: patterns.until.as_ref().map(regex_automata::meta::Regex::create_cache),
            ends: KnownEnd::default(),
        }
    }

    /// Forgets what is only true of one window.
    pub(super) fn reset(&mut self) {
        self.ends = KnownEnd::default();
    }
}

/// Where a block's end stands, so that a file of a million openings is searched once and not a million times.
#[derive(Debug, Default)]
struct KnownEnd {
    /// No end starts in this range.
    empty: Range<usize>,
    /// The first end after it.
    next: Option<Range<usize>>,
}

/// One keyword hit to be confirmed for one rule.
pub(super) struct Attempt<'a> {
    pub(super) rule: &'a Rule,
    pub(super) index: u32,
    pub(super) patterns: &'a Patterns,
    pub(super) bytes: &'a [u8],
    pub(super) keyword: Range<usize>,
    pub(super) regex_calls: &'a mut u64,
}

/// Cheap necessary conditions, tested before the rule's pattern is even compiled.
#[inline]
pub(super) fn is_plausible(rule: &Rule, bytes: &[u8], keyword: &Range<usize>) -> bool {
    match &rule.shape {
        &Shape::Prefix { offset } => keyword
            .start
            .checked_sub(offset)
            .is_some_and(|start| rule.has_groups || !is_touched(bytes, start, &rule.boundary)),
        &Shape::Near { distance } => has_run(rule, near_window(rule, distance, bytes, keyword)),
        Shape::Context { .. } => {
            let window = &bytes[keyword.end..(keyword.start + rule.max_span + 1).min(bytes.len())];
            has_run(rule, window)
        }
        Shape::Assignment | Shape::Block { .. } => true,
    }
}

/// Where a `near` match may stand.
fn near_window<'b>(rule: &Rule, distance: usize, bytes: &'b [u8], keyword: &Range<usize>) -> &'b [u8] {
    &bytes[keyword.end..(keyword.end + distance + rule.max_span + 1).min(bytes.len())]
}

/// Is there a run of the rule's alphabet as long as its shortest match?
///
/// Looked at from its end: a byte outside of the alphabet rules out every run that would cover it, so most are never read.
fn has_run(rule: &Rule, window: &[u8]) -> bool {
    let mut start = 0;
    while let Some(run) = window.get(start..start + rule.min_len) {
        match run.iter().rposition(|byte| !rule.alphabet.contains(*byte)) {
            Some(outside) => start += outside + 1,
            None => return true,
        }
    }
    false
}

impl Attempt<'_> {
    /// The match at this keyword.
    pub(super) fn confirm(&mut self, scratch: &mut RuleScratch) -> Result<Match, Rejection> {
        match &self.rule.shape {
            Shape::Prefix { offset } => self.prefix(self.keyword.start - offset, scratch),
            Shape::Near { distance } => self.near(*distance, scratch),
            Shape::Context { .. } => self.context(scratch),
            Shape::Assignment => self.assignment(scratch),
            Shape::Block { .. } => self.block(scratch),
        }
    }

    fn prefix(&mut self, start: usize, scratch: &mut RuleScratch) -> Result<Match, Rejection> {
        let mut found = self.anchored(start, start + self.rule.max_span, scratch).ok_or(Rejection::NoMatch)?;
        if let Some(end) = self.end_of_emphasis(&found)
            && let Some(inner) = self.anchored(start, end, scratch).filter(|inner| inner.whole.1 as usize == end)
        {
            found = inner;
        }
        if self.rule.has_groups && !self.complete(&mut found) {
            return Err(Rejection::NoMatch);
        }
        let is_password = self.rule.generic || self.rule.checksum == Some(Checksum::Connection);
        if is_password && found.secret().len() < MIN_PASSWORD {
            return Err(Rejection::NoMatch);
        }
        if self.is_bounded(&found) { Ok(found) } else { Err(Rejection::Boundary) }
    }

    /// Gives a secret what its pattern left of it, and takes what it took too much. Is it one?
    fn complete(&self, found: &mut Match) -> bool {
        let (bytes, secret) = (self.bytes, found.secret());
        if self.rule.checksum == Some(Checksum::Connection)
            && let Some(item) = list::item(bytes, found.whole().start, secret.start)
        {
            let Item::Ends(end) = item else { return false };
            (found.end, found.whole.1) = (end as u32, end as u32);
            return end > secret.start;
        }
        let is_login = || memchr::memmem::find(&bytes[found.whole().start..secret.start], b"://").is_some();
        let end = match bytes.get(secret.end) {
            Some(b'@') if is_login() => whole::login_end(bytes, &secret),
            _ if self.rule.generic => {
                let user = found.id.filter(|(_, end)| *end as usize + 1 == secret.start);
                whole::quoted_end(bytes, user.map_or(secret.start, |(start, _)| start as usize), secret.end)
            }
            _ => None,
        };
        if let Some(end) = end {
            // What the pattern wants behind the secret stands there still.
            let behind = found.whole.1 - found.end;
            found.whole.1 = found.whole.1.max((end as u32 + behind).min(bytes.len() as u32));
            found.end = end as u32;
        }
        true
    }

    /// The first place after the keyword where the pattern matches between boundaries.
    fn near(&mut self, distance: usize, scratch: &mut RuleScratch) -> Result<Match, Rejection> {
        let rule = self.rule;
        let last = (self.keyword.end + distance).min(self.bytes.len().saturating_sub(rule.min_len));
        let mut outcome = Err(Rejection::NoMatch);
        let mut start = self.keyword.end;
        while start <= last {
            if is_touched(self.bytes, start, &rule.boundary) {
                start += 1;
                continue;
            }
            let run = self.bytes[start..].iter().take(rule.min_len).take_while(|b| rule.alphabet.contains(**b)).count();
            if run < rule.min_len {
                start += run + 1;
                continue;
            }
            if let Some(mut found) = self.anchored(start, start + rule.max_span, scratch) {
                if self.is_bounded(&found) {
                    found.is_assigned = gap_assigns(&self.bytes[self.keyword.end..found.start as usize]);
                    return Ok(found);
                }
                outcome = Err(Rejection::Boundary);
            }
            start += 1;
        }
        outcome
    }

    fn context(&mut self, scratch: &mut RuleScratch) -> Result<Match, Rejection> {
        let mut found = self.prefix(self.keyword.start, scratch)?;
        found.is_assigned = true;
        let quote = self.bytes[found.start as usize - 1];
        found.is_quoted =
            matches!(quote, b'"' | b'\'' | b'`') && self.bytes.get(found.end as usize).is_some_and(|end| *end == quote);
        Ok(found)
    }

    fn assignment(&mut self, scratch: &mut RuleScratch) -> Result<Match, Rejection> {
        let assigned = assignment::parse(self.bytes, self.keyword.clone()).ok_or(Rejection::NotAssigned)?;
        let value = assigned.value;
        // Only settings have a value of several words: the pattern is for the first.
        let word = if assigned.is_quoted { None } else { memchr::memchr2(b' ', b'\t', &self.bytes[value.clone()]) };
        let end = word.map_or(value.end, |len| value.start + len);
        // Most texts in quotes are sentences.
        let text = &self.bytes[value.start..end];
        if self.rule.generic && memchr::memchr(b' ', text).is_some() && !assignment::is_phrase(text) {
            return Err(Rejection::NoMatch);
        }
        let mut found = self.anchored(value.start, end, scratch).ok_or(Rejection::NoMatch)?;
        if found.end as usize != end {
            return Err(Rejection::NoMatch);
        }
        if self.rule.generic && end < value.end {
            (found.end, found.whole.1) = (value.end as u32, value.end as u32);
        }
        found.is_assigned = true;
        found.is_quoted = assigned.is_quoted;
        found.ending = assigned.ending;
        found.syntax = assigned.syntax;
        let keyword_end = self.keyword.end.min(assigned.name.end) - assigned.name.start;
        found.name = (assigned.name.start as u32, assigned.name.end as u32, keyword_end as u32);
        Ok(found)
    }

    fn block(&mut self, scratch: &mut RuleScratch) -> Result<Match, Rejection> {
        let start = self.keyword.start;
        let limit = (start + self.rule.max_span).min(self.bytes.len());
        let mut found = self.anchored(start, limit, scratch).ok_or(Rejection::NoMatch)?;
        let end = self.first_end(found.end as usize, limit, scratch).ok_or(Rejection::NoMatch)?;
        found.end = end as u32;
        found.whole.1 = end as u32;
        Ok(found)
    }

    /// End of the first match of `until` that lies within `from..limit`.
    fn first_end(&mut self, from: usize, limit: usize, scratch: &mut RuleScratch) -> Option<usize> {
        let until = self.patterns.until.as_ref()?;
        let cache = scratch.until_cache.as_mut()?;
        let known = &mut scratch.ends;
        if let Some(next) = known.next.as_ref().filter(|next| known.empty.start <= from && from <= next.start) {
            return (next.end <= limit).then_some(next.end);
        }
        // An end may straddle the limit of the last search: step back by more than any closing line has.
        let resume =
            if known.empty.contains(&from) { known.empty.end.saturating_sub(MAX_UNTIL).max(from) } else { from };
        *self.regex_calls += 1;
        let found = until.search_with(cache, &Input::new(self.bytes).span(resume..limit)).map(|found| found.range());
        let empty_end = found.as_ref().map_or(limit, |found| found.start);
        *known = KnownEnd { empty: from..empty_end, next: found.clone() };
        found.map(|found| found.end)
    }

    fn anchored(&mut self, start: usize, limit: usize, scratch: &mut RuleScratch) -> Option<Match> {
        *self.regex_calls += 1;
        let span = start..limit.min(self.bytes.len());
        let Spans { whole, secret, id } = self.patterns.pattern.search(self.bytes, span, &mut scratch.search)?;
        let (start, end) = secret.unwrap_or(whole);
        (start < end).then_some(Match {
            rule: self.index,
            start,
            end,
            whole,
            id,
            is_assigned: false,
            is_quoted: false,
            ending: Ending::Inline,
            syntax: Syntax::Pattern,
            keyword: self.keyword.start as u32,
            name: (0, 0, 0),
        })
    }

    fn is_bounded(&self, found: &Match) -> bool {
        let (start, end, boundary) = (found.start as usize, found.end as usize, &self.rule.boundary);
        let touches = |at: usize| self.bytes.get(at).is_some_and(|byte| boundary.contains(*byte));
        match (is_touched_before(self.bytes, start, boundary), touches(end)) {
            (false, touches) => !touches,
            (true, false) => false,
            (true, true) => {
                let opening = emphasis_before(self.bytes, start, boundary);
                opening > 0 && opening == underscores(self.bytes[end..].iter()) && !touches(end + opening)
            }
        }
    }

    /// Where a match ends without the underscores that it took for its own and that close what others before it opened.
    fn end_of_emphasis(&self, found: &Match) -> Option<usize> {
        let (start, end) = (found.whole.0 as usize, found.whole.1 as usize);
        let opening = emphasis_before(self.bytes, start, &self.rule.boundary);
        if opening == 0 {
            return None;
        }
        let taken = underscores(self.bytes[start..end].iter().rev());
        let closing = taken + underscores(self.bytes[end..].iter());
        (taken > 0 && closing == opening).then_some(end - taken)
    }
}

/// A password of fewer characters is none.
const MIN_PASSWORD: usize = 4;

/// Most underscores that mark a text in chats and documents.
const MAX_EMPHASIS: usize = 3;

/// How many underscores come first.
fn underscores<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    bytes.take(MAX_EMPHASIS).take_while(|byte| **byte == b'_').count()
}

/// How many underscores before `at` may mark what begins there (`_token_`): they touch it, and nothing touches them.
fn emphasis_before(bytes: &[u8], at: usize, boundary: &ByteSet) -> usize {
    let opening = underscores(bytes[..at].iter().rev());
    let is_one = opening > 0 && boundary.contains(b'_') && !is_touched_before(bytes, at - opening, boundary);
    if is_one { opening } else { 0 }
}

/// Can't a match begin at `at`, whatever comes behind it?
fn is_touched(bytes: &[u8], at: usize, boundary: &ByteSet) -> bool {
    is_touched_before(bytes, at, boundary) && emphasis_before(bytes, at, boundary) == 0
}

/// Does a byte of `boundary` stand before `at` that is not the end of an escape (`\n`, `\x3d`, `\u003d`, `%3D`, a
/// terminal colour)?
pub(super) fn is_touched_before(bytes: &[u8], at: usize, boundary: &ByteSet) -> bool {
    let before = &bytes[at.saturating_sub(16)..at];
    if !before.last().is_some_and(|byte| boundary.contains(*byte)) {
        return false;
    }
    let hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0'] => false,
        [.., b'%', a, b] if hex(&[*a, *b]) => false,
        [.., b'\\', b'x', a, b] if hex(&[*a, *b]) => false,
        [.., b'\\', b'u', a, b, c, d] if hex(&[*a, *b, *c, *d]) => false,
        [.., b'm'] => {
            let digits =
                before[..before.len() - 1].iter().rev().take_while(|b| b.is_ascii_digit() || **b == b';').count();
            !before[..before.len() - 1 - digits].ends_with(b"\x1b[")
        }
        _ => true,
    }
}

/// Does the text between a provider's name and a token assign the one to the other?
fn gap_assigns(gap: &[u8]) -> bool {
    let tail = gap.trim_ascii_end();
    let unquoted =
        tail.iter().rev().skip_while(|byte| matches!(**byte, b'"' | b'\'' | b'`' | b' ' | b'\t' | b'(' | b'\\'));
    unquoted.clone().next().is_some_and(|byte| matches!(*byte, b'=' | b':' | b'>' | b','))
}

#[cfg(test)]
mod tests {
    use super::is_touched_before;
    use crate::rule::ByteSet;

    #[test]
    fn escapes_are_no_part_of_a_token() {
        let mut word = ByteSet::EMPTY;
        [(b'a', b'z'), (b'A', b'Z'), (b'0', b'9')].into_iter().for_each(|(first, last)| word.insert_range(first, last));
        word.insert_range(b'_', b'_');
        for free in ["\\n", "a\\t", "%3D", "\\x3d", "\\u003d", "\x1b[31m", "\x1b[1;31m", "=", ""] {
            assert!(!is_touched_before(free.as_bytes(), free.len(), &word), "{free:?}");
        }
        for touched in ["_", "a_", "n", "an", "3D", "%3", "u003d", "[31m", "m"] {
            assert!(is_touched_before(touched.as_bytes(), touched.len(), &word), "{touched:?}");
        }
    }
}
