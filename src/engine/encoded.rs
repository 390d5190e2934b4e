//! Secrets in encoded text: what base64 says is scanned like any other text, and what is encoded in that, too.

use std::{ops::Range, sync::Arc};

use super::{
    confirm::Match,
    scanner::{Scanner, Scratch, Window, WindowMatches},
    verdict::Score,
};
use crate::{
    decode::{
        OffsetMap,
        base64::{self, Decoded},
    },
    model::CredentialKind,
};

/// In place of a keyword: behind this byte an encoded text begins.
pub(super) const ENCODED: u32 = u32::MAX;

/// Texts within texts that are decoded: a Kubernetes secret has Docker's settings in it, and those a login.
const MAX_DEPTH: u8 = 3;

/// What an encoded text holds.
#[derive(Debug, PartialEq)]
pub(super) struct EncodedMatches {
    /// What it says.
    pub(super) text: Vec<u8>,
    /// From there to the window's bytes, one step after the other.
    maps: Vec<OffsetMap>,
    /// As for windows.
    pub(super) accepted: Vec<(Match, Arc<Score>)>,
    /// As for windows.
    pub(super) sensitive: Vec<Range<usize>>,
}

impl EncodedMatches {
    /// The bytes of the window that stand for these of the text.
    pub(super) fn in_window(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.maps.iter().fold(range.start, |at, map| map.to_stored(at) as usize);
        start..self.maps.iter().fold(range.end, |at, map| map.to_stored_end(at) as usize)
    }

    fn start(&self) -> usize {
        self.in_window(&(0..0)).start
    }
}

/// What a thread needs to scan encoded texts: working memory of its own for each depth.
#[derive(Debug, Default)]
pub(super) struct Inner {
    scratch: Option<Box<Scratch>>,
    depth: u8,
}

/// Does the window begin with encoded text? [`base64::find`] doesn't see one that nothing stands before.
pub(super) fn opens(window: &Window<'_>) -> bool {
    window.owned.start == 0 && base64::begins(window.bytes)
}

impl Scanner {
    /// Adds what the encoded texts hold that begin in the owned part of a window and are no secrets of a format themselves.
    /// Generic secrets give way to what is found in them, a login to the token that it logs in with.
    pub(super) fn scan_encoded(&self, window: &Window<'_>, scratch: &mut Scratch, found: &mut WindowMatches) {
        if scratch.encoded.is_empty() || scratch.inner.depth == MAX_DEPTH {
            return;
        }
        let inner = scratch.inner.scratch.get_or_insert_default();
        inner.inner.depth = scratch.inner.depth + 1;
        let mut end = 0;
        for start in scratch.encoded.iter().map(|start| *start as usize) {
            if start < end || !window.owned.contains(&start) {
                continue;
            }
            let Some(decoded) = base64::decode(window.bytes, start) else { continue };
            end = decoded.range.end;
            let weight = self.weight_in(&found.accepted, &decoded.range);
            if weight == Weight::Token {
                continue;
            }
            let text = Window { bytes: &decoded.text, owned: 0..decoded.text.len(), origin: window.origin };
            let matches = self.scan_window(&text, inner, &mut ());
            if weight == Weight::Login && !self.has_token(&matches) {
                continue;
            }
            add(found, decoded, matches, |found| self.weight(found) < Weight::Token);
        }
        found.encoded.sort_by_key(EncodedMatches::start);
    }

    /// The most that those say that overlap with the range.
    fn weight_in(&self, accepted: &[(Match, Arc<Score>)], range: &Range<usize>) -> Weight {
        let overlapping = accepted.iter().filter(|(found, _)| overlaps(&found.secret(), range));
        overlapping.map(|(found, _)| self.weight(found)).max().unwrap_or(Weight::Nothing)
    }

    fn has_token(&self, matches: &WindowMatches) -> bool {
        let all = matches.encoded.iter().map(|within| &within.accepted).chain([&matches.accepted]);
        all.flatten().any(|(found, _)| self.weight(found) == Weight::Token)
    }

    fn weight(&self, found: &Match) -> Weight {
        match &self.rules[found.rule as usize] {
            rule if rule.generic => Weight::Generic,
            rule if rule.meta.kind == CredentialKind::Password => Weight::Login,
            _ => Weight::Token,
        }
    }
}

/// How much a match says of the encoded text that it is: the lesser gives way to what the text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Nothing,
    Generic,
    /// A user's name and password, whatever the password is.
    Login,
    Token,
}

/// Adds what was found in an encoded text, and in those within it.
fn add(found: &mut WindowMatches, decoded: Decoded, matches: WindowMatches, gives_way: impl Fn(&Match) -> bool) {
    let Decoded { text, range, maps } = decoded;
    let WindowMatches { encoded, accepted, sensitive } = matches;
    if !(encoded.is_empty() && accepted.is_empty()) {
        found.accepted.retain(|(found, _)| !(gives_way(found) && overlaps(&found.secret(), &range)));
    }
    if !(encoded.is_empty() && sensitive.is_empty()) {
        hide(&mut found.sensitive, range);
    }
    found.encoded.extend(encoded.into_iter().map(|mut within| {
        within.maps.extend(maps.iter().cloned());
        within
    }));
    if !accepted.is_empty() {
        found.encoded.push(EncodedMatches { text, maps, accepted, sensitive });
    }
}

fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Adds a range to a sorted list without overlaps.
fn hide(sensitive: &mut Vec<Range<usize>>, range: Range<usize>) {
    let first = sensitive.partition_point(|other| other.end <= range.start);
    let behind = first + sensitive[first..].partition_point(|other| other.start < range.end);
    let touched = &sensitive[first..behind];
    let start = touched.first().map_or(range.start, |other| other.start.min(range.start));
    let end = touched.last().map_or(range.end, |other| other.end.max(range.end));
    sensitive.splice(first..behind, std::iter::once(start..end));
}

#[cfg(test)]
mod tests {
    use super::hide;

    #[test]
    fn hidden_ranges_stay_sorted_and_apart() {
        let hidden = |range| {
            let mut sensitive = vec![10..20, 30..40];
            hide(&mut sensitive, range);
            sensitive.iter().map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(hidden(0..10), [(0, 10), (10, 20), (30, 40)]);
        assert_eq!(hidden(15..35), [(10, 40)]);
        assert_eq!(hidden(20..30), [(10, 20), (20, 30), (30, 40)]);
        assert_eq!(hidden(12..14), [(10, 20), (30, 40)]);
        assert_eq!(hidden(5..50), [(5, 50)]);
        assert_eq!(hidden(40..41), [(10, 20), (30, 40), (40, 41)]);
    }
}
