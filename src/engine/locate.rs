//! From matches in a window to places, previews and redacted context.

use std::{ops::Range, sync::Arc};

use super::{
    checksum,
    compose::{self, NearPart},
    confirm::Match,
    encoded::EncodedMatches,
    lines::{Carry, LineCursor, LocalPosition},
    scanner::{ALLOW_REACH, CONTEXT, Observer, Scanner, WORD, WindowMatches},
    verdict::{PathEffect, Rejection, Score},
};
use crate::{
    decode::OffsetMap,
    model::{Attributes, Escaped, Place, Secret, Severity, Span},
};

/// A match with everything that its window can tell.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) rule: u32,
    /// As it is known.
    pub(super) secret: Secret,
    /// As it stands there, if that is another.
    pub(super) notation: Option<Secret>,
    pub(super) public_id: Option<String>,
    /// Harm of this one.
    pub(super) severity: Severity,
    /// What it says of itself.
    pub(super) attributes: Attributes,
    /// Its public parts that stand near it.
    pub(super) parts: Vec<NearPart>,
    pub(super) score: Arc<Score>,
    /// What the blob's path, where it isn't known yet, will take from the score.
    pub(super) path_effect: PathEffect,
    pub(super) context: String,
    start: LocalPosition,
    end: LocalPosition,
}

impl Located {
    /// Offset of the secret in the blob, as stored.
    pub(super) fn start_offset(&self) -> u64 {
        self.start.offset
    }

    /// The place in the blob, given what stands before the window's owned part.
    pub(super) fn place(&self, carry: Carry) -> Place {
        let (line, column, column_utf16) = carry.resolve(&self.start);
        let (end_line, end_column, end_column_utf16) = carry.resolve(&self.end);
        let span = Span { start: self.start.offset, end: self.end.offset };
        Place { line, column, column_utf16, end_line, end_column, end_column_utf16, span }
    }
}

/// A window's text with the way back to the stored bytes.
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) owned: Range<usize>,
    pub(super) map: &'a OffsetMap,
}

/// Locates a window's matches; returns them with the number of those that an inline comment silenced.
pub(super) fn locate(
    text: &Text<'_>,
    found: WindowMatches,
    scanner: &Scanner,
    observer: &mut impl Observer,
) -> (Vec<Located>, u64) {
    let WindowMatches { encoded, accepted, sensitive } = found;
    let window = Surroundings { bytes: text.bytes, sensitive: &sensitive, map: text.map, encoded: None };
    let within = |encoded| Surroundings::within(encoded, text.map);
    let within: Vec<Surroundings<'_>> = encoded.iter().map(within).collect();
    let mut all: Vec<_> = accepted.into_iter().map(|judged| (judged.0.secret(), &window, judged)).collect();
    for (of, encoded) in within.iter().zip(&encoded) {
        all.extend(encoded.accepted.iter().map(|judged| (of.in_window(&judged.0.secret()), of, judged.clone())));
    }
    all.sort_by_key(|(range, ..)| range.start);
    let mut cursor = LineCursor::new(text.bytes, text.map, text.owned.start);
    let mut located = Vec::with_capacity(all.len());
    let mut allowed = 0;
    for (range, of, judged) in all {
        let start = cursor.advance(range.start);
        let line_start = cursor.line_start();
        if has_allow_comment(text.bytes, line_start, range.end) {
            allowed += 1;
            observer.rejected(&scanner.rules()[judged.0.rule as usize], range, &Rejection::AllowComment);
            continue;
        }
        let end = cursor.clone().advance(range.end);
        let mut found = of.located(scanner, judged, line_start, start..end);
        if of.encoded.is_some() {
            found.notation = Some(Secret::new(&text.bytes[range]));
        }
        located.push(found);
    }
    (located, allowed)
}

/// Bytes that a secret stands in: a window's, or what an encoded text of it says.
struct Surroundings<'a> {
    bytes: &'a [u8],
    sensitive: &'a [Range<usize>],
    /// Of the window.
    map: &'a OffsetMap,
    /// `None` for the window itself.
    encoded: Option<&'a EncodedMatches>,
}

impl<'a> Surroundings<'a> {
    fn within(encoded: &'a EncodedMatches, map: &'a OffsetMap) -> Surroundings<'a> {
        Surroundings { bytes: &encoded.text, sensitive: &encoded.sensitive, map, encoded: Some(encoded) }
    }

    /// The bytes of the window that stand for these.
    fn in_window(&self, range: &Range<usize>) -> Range<usize> {
        self.encoded.map_or_else(|| range.clone(), |encoded| encoded.in_window(range))
    }

    /// A match with all that is said of it. `line_start` is where the line begins in the window, and `place` where the secret
    /// stands there.
    fn located(
        &self,
        scanner: &Scanner,
        (found, score): (Match, Arc<Score>),
        line_start: usize,
        place: Range<LocalPosition>,
    ) -> Located {
        let (rule, bytes, range) = (&scanner.rules()[found.rule as usize], self.bytes, found.secret());
        let mut facts = scanner.facts(&found, bytes);
        let line_start = match self.encoded {
            None => line_start,
            Some(_) => memchr::memrchr(b'\n', &bytes[..range.start]).map_or(0, |newline| newline + 1),
        };
        if self.encoded.is_some() {
            facts.add("encoding", "base64");
        }
        let id = found.id.map(|(start, end)| &bytes[start as usize..end as usize]);
        let secret = Secret::new(&bytes[range.clone()]);
        let form = checksum::known_form(rule, secret.expose());
        Located {
            rule: found.rule,
            notation: form.is_some().then(|| secret.clone()),
            secret: form.unwrap_or(secret),
            public_id: id.map(|id| String::from_utf8_lossy(id).into_owned()),
            severity: facts.severity(rule.meta.severity),
            attributes: facts.attributes,
            parts: self.near_parts(scanner, &found),
            score,
            path_effect: PathEffect::on(rule, &found, bytes),
            context: context(bytes, line_start, &range, self.sensitive, rule.public_prefixes()),
            start: place.start,
            end: place.end,
        }
    }

    /// The public parts that stand near a secret.
    fn near_parts(&self, scanner: &Scanner, found: &Match) -> Vec<NearPart> {
        let rule = &scanner.rules()[found.rule as usize];
        if rule.companions.is_empty() {
            return Vec::new();
        }
        let (bytes, secret) = (self.bytes, found.secret());
        let lines = |range: Range<usize>| memchr::memchr_iter(b'\n', &bytes[range]).count() as i64;
        let parts = compose::parts(rule, scanner.patterns(found.rule), bytes, &secret).into_iter().enumerate();
        let parts = parts.filter_map(|(companion, part)| Some((companion, part?)));
        parts
            .map(|(companion, part)| {
                let in_window = self.in_window(&part);
                NearPart {
                    companion,
                    value: Escaped(&bytes[part.clone()]).to_string(),
                    lines_above: match (self.encoded, part.start < secret.start) {
                        // Lines of an encoded text are none of the file's.
                        (Some(_), _) => 0,
                        (None, true) => lines(part.start..secret.start),
                        (None, false) => -lines(secret.start..part.start),
                    },
                    span: Span { start: self.map.to_stored(in_window.start), end: self.map.to_stored(in_window.end) },
                    in_field: None,
                }
            })
            .collect()
    }
}

/// Does the line on which the secret begins or ends say `unleak:allow`?
fn has_allow_comment(bytes: &[u8], line_start: usize, end: usize) -> bool {
    let from = line_start.max(end.saturating_sub(ALLOW_REACH));
    let rest = &bytes[end..(end + ALLOW_REACH).min(bytes.len())];
    let line_end = end + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    from < line_end && memchr::memmem::find(&bytes[from..line_end], b"unleak:allow").is_some()
}

/// At most this much of what every secret of a rule begins with is shown.
const MAX_SHOWN: usize = 40;

/// What may be shown of a secret: the keyword that all secrets of its rule begin with, if it begins with one.
pub(super) fn preview<K: AsRef<str>>(secret: &[u8], keywords: &[K]) -> String {
    let shown = keywords
        .iter()
        .map(AsRef::as_ref)
        .filter(|keyword| keyword.len() * 2 < secret.len() && secret.starts_with(keyword.as_bytes()))
        .max_by_key(|keyword| keyword.len())
        .unwrap_or_default();
    format!("{}***", &shown[..shown.floor_char_boundary(MAX_SHOWN)])
}

/// The text around a secret on its line, with everything that may be a secret hidden.
fn context<K: AsRef<str>>(
    bytes: &[u8],
    line_start: usize,
    secret: &Range<usize>,
    sensitive: &[Range<usize>],
    keywords: &[K],
) -> String {
    let before = word_start(bytes, line_start, line_start.max(secret.start.saturating_sub(CONTEXT)).min(secret.start));
    let rest = &bytes[secret.end..(secret.end + CONTEXT).min(bytes.len())];
    let after = match memchr::memchr2(b'\n', b'\r', rest) {
        Some(len) => secret.end + len,
        None => word_end(bytes, secret.end + rest.len()),
    };
    if [&bytes[before..secret.start], &bytes[secret.end..after]].iter().any(|part| is_binary(part)) {
        return String::new();
    }
    let mut shown = String::new();
    let mut at = before;
    let overlapping = sensitive.iter().skip(sensitive.partition_point(|range| range.end <= before));
    for range in overlapping.take_while(|range| range.start < after) {
        if at < range.start {
            shown.push_str(&Escaped(trim_cut(&bytes[at..range.start], at > before || at == line_start)).to_string());
        }
        let own = range.start <= secret.start && secret.end <= range.end;
        shown.push_str(&if own { preview(&bytes[range.clone()], keywords) } else { "***".to_owned() });
        at = range.end;
    }
    if at < after {
        let tail = &bytes[at..after];
        shown.push_str(
            &Escaped(tail.utf8_chunks().next().map_or(tail, |chunk| cut_end(tail, chunk.valid().len()))).to_string(),
        );
    }
    shown.replace("\\u{9}", "\t").trim().to_owned()
}

/// Is it part of a name? A name that is cut reads like another one.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Where the name begins in which `cut` lies, if it begins no more than [`WORD`] bytes before; else `cut`.
fn word_start(bytes: &[u8], line_start: usize, cut: usize) -> usize {
    let from = line_start.max(cut.saturating_sub(WORD)).min(cut);
    let len = bytes[from..cut].iter().rev().take_while(|byte| is_name_byte(**byte)).count();
    let is_inside = bytes.get(cut).is_some_and(|byte| is_name_byte(*byte));
    if is_inside && (from + len < cut || from == line_start) { cut - len } else { cut }
}

/// Where the name ends in which `cut` lies, if it ends no more than [`WORD`] bytes behind; else `cut`.
fn word_end(bytes: &[u8], cut: usize) -> usize {
    let rest = &bytes[cut..(cut + WORD).min(bytes.len())];
    let is_inside = cut.checked_sub(1).is_some_and(|last| is_name_byte(bytes[last]));
    let len = rest.iter().take_while(|byte| is_name_byte(**byte)).count();
    if is_inside && (len < rest.len() || rest.len() < WORD) { cut + len } else { cut }
}

/// Drops the half of a character at the beginning of text that was cut at a fixed distance.
fn trim_cut(bytes: &[u8], is_whole: bool) -> &[u8] {
    let continuation = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    if is_whole { bytes } else { &bytes[continuation..] }
}

/// Drops the half of a character at the end of text that was cut at a fixed distance.
fn cut_end(bytes: &[u8], valid: usize) -> &[u8] {
    if bytes.len() - valid < 4 { &bytes[..valid] } else { bytes }
}

fn is_binary(bytes: &[u8]) -> bool {
    let control = bytes.iter().filter(|byte| **byte < 32 && !matches!(**byte, b'\t' | 0x1b)).count();
    bytes.contains(&0) || control * 10 > bytes.len()
}

#[cfg(test)]
mod tests {
    use super::{context, word_end, word_start};

    #[test]
    fn names_are_not_cut_at_the_edge_of_a_context() {
        let line = format!("set AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}", "x".repeat(20), "s".repeat(40));
        let start = line.len() - 40;
        // One byte into the first name, by distance.
        assert_eq!(start - super::CONTEXT, 5);
        let shown = context(line.as_bytes(), 0, &(start..line.len()), &[22..42, start..line.len()], &[""]);
        assert_eq!(shown, "AWS_ACCESS_KEY_ID=*** AWS_SECRET_ACCESS_KEY=***");
    }

    #[test]
    fn what_is_no_name_is_cut_where_the_distance_ends() {
        let long = [b'a'; 200];
        assert_eq!((word_start(&long, 0, 100), word_end(&long, 100)), (100, 100));
        assert_eq!((word_start(&long, 0, 20), word_start(&long, 90, 100), word_end(&long, 190)), (0, 90, 200));
        assert_eq!((word_start(b"ab cd", 0, 3), word_start(b"ab cd", 0, 2), word_end(b"ab cd", 2)), (3, 2, 2));
        assert_eq!((word_start(b"ab cd", 0, 4), word_end(b"ab cd", 1), word_end(b"ab", 2)), (3, 2, 2));
    }
}
