//! The pattern of a `context` rule, put together from its parts: provider's name, words between, a word for secrets, an
//! assignment, the token.

use std::{ops::Range, sync::OnceLock};

use regex_syntax::hir::Hir;

use super::{
    analyze::{MAX_NEAR, parse},
    straight::{Groups, Straight},
};

/// Words that name a secret, where a rule lists none of its own.
pub const WORDS: &[&str] = &["key", "token", "secret", "authorization", "auth", "password", "passwd", "credential"];

/// How far the word may stand behind the provider's name, where a rule says nothing else.
pub const DISTANCE: usize = 50;

/// One character between name and word: any of the line, and over its end where a value or a list goes on.
const BETWEEN: &str = r"(?:\]\r?\n|[^\n]|\n[\s\x22\x27{(<])";

/// Longest text that it matches.
const BETWEEN_LEN: usize = 3;

/// What may follow the word in a name.
const AFTER_WORD: &str = r"s?(?:_?(?:value|live|prod|test|dev|v[0-9]{1,2}|[0-9]{1,2}))?[\\\x22\x27\x60\]]{0,3}";

/// A list of names and values, as Kubernetes and Terraform write them.
const VALUE_KEY: &str = r"(?:[\s,]{1,12}[\x22\x27]?value[\x22\x27]?)?";

/// The assignment, a quote, a scheme of authorization.
const ASSIGNS: &str = r"\s{0,8}(?:=>?|:=?|[,(>])\s{0,8}[\\\x22\x27\x60(]{0,3}(?:(?:bearer|token|key|apikey)\s{1,2})?";

/// Longest text of the last three together, and of a plural.
const FIXED_LEN: usize = 10 + 19 + 8 + 2 + 8 + 3 + 8;

/// The whole expression of a rule of shape `context`. Names and words match in either case, the token as it is written.
pub fn expression<S: AsRef<str>>(names: &[S], words: &[S], distance: usize, token: &str) -> String {
    let tail = format!("{}{}", word_and_assignment(words), whole_token(token));
    format!("{}{BETWEEN}{{0,{distance}}}?{tail}", alternatives(names))
}

/// What stands between the text and the token.
fn word_and_assignment<S: AsRef<str>>(words: &[S]) -> String {
    let words = if words.is_empty() { alternatives(WORDS) } else { alternatives(words) };
    format!("{words}{AFTER_WORD}{VALUE_KEY}{ASSIGNS}")
}

/// The token, which is the secret where it doesn't say what is.
fn whole_token(token: &str) -> String {
    if token.contains("(?<secret>") { format!("(?-i:{token})") } else { format!("(?<secret>(?-i:{token}))") }
}

/// What follows the provider's name and the text between, parsed.
fn from_word<S: AsRef<str>>(words: &[S], token: &str) -> Option<Hir> {
    /// That of the many rules with words that aren't their own.
    static USUAL: OnceLock<Option<Hir>> = OnceLock::new();
    let parsed = |words: &[S]| parse(&word_and_assignment(words), true).ok();
    let head = if words.is_empty() { USUAL.get_or_init(|| parsed(&[])).clone() } else { parsed(words) };
    Some(Hir::concat(vec![head?, parse(&whole_token(token), true).ok()?]))
}

/// What [`expression`] says, of most rules, without an automaton: those have three hundred states for the text between
/// alone.
#[derive(Debug)]
pub struct Context {
    /// In lower case, the longest first.
    names: Vec<Box<[u8]>>,
    distance: usize,
    tail: Straight,
}

impl Context {
    /// `None` if it takes an automaton.
    pub fn new<S: AsRef<str>>(names: &[S], words: &[S], distance: usize, token: &str) -> Option<Context> {
        let mut names: Vec<Box<[u8]>> =
            names.iter().map(|name| name.as_ref().to_ascii_lowercase().into_bytes().into()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Some(Context { names, distance, tail: Straight::of(&from_word(words, token)?)? })
    }

    /// The part behind the text between: it knows the groups.
    pub fn tail(&self) -> &Straight {
        &self.tail
    }

    /// Where the match ends that begins at the start of `span` and is within it.
    pub fn search(&self, bytes: &[u8], span: Range<usize>, groups: &mut Groups) -> Option<usize> {
        let text = bytes.get(..span.end)?;
        let rest = &text[span.start..];
        let begins = |name: &&[u8]| rest.get(..name.len()).is_some_and(|there| there.eq_ignore_ascii_case(name));
        let mut names = self.names.iter().map(|name| &**name).filter(begins);
        names.find_map(|name| {
            let begin = span.start + name.len();
            Search { pattern: &self.tail, text, begin, seen: [0; SEEN_WORDS] }.find(begin, self.distance, groups)
        })
    }
}

/// Words of a bit for each place that [`BETWEEN`], as often as a rule may have it, leads to.
const SEEN_WORDS: usize = (BETWEEN_LEN * MAX_NEAR + 1).div_ceil(64);

/// A search behind a name.
struct Search<'a> {
    pattern: &'a Straight,
    text: &'a [u8],
    begin: usize,
    /// Places behind `begin` that were tried already.
    seen: [u64; SEEN_WORDS],
}

impl Search<'_> {
    /// Where the first match ends that begins at `at` or behind up to `left` characters.
    fn find(&mut self, at: usize, left: usize, groups: &mut Groups) -> Option<usize> {
        let first = *self.text.get(at)?;
        let (place, bit) = (at - self.begin, 1 << ((at - self.begin) % 64));
        if self.seen[place / 64] & bit != 0 {
            return None;
        }
        self.seen[place / 64] |= bit;
        if self.pattern.may_begin_with(first)
            && let Some(end) = self.pattern.search(self.text, at..self.text.len(), groups)
        {
            return Some(end);
        }
        let left = left.checked_sub(1)?;
        between(&self.text[at..]).iter().find_map(|len| self.find(at + len, left, groups))
    }
}

/// Lengths of what [`BETWEEN`] matches, in its order.
fn between(text: &[u8]) -> &'static [usize] {
    match text {
        [b']', b'\n', ..] => &[2, 1],
        [b']', b'\r', b'\n', ..] => &[3, 1],
        [b'\n', b' ' | b'\t'..=b'\r' | b'"' | b'\'' | b'{' | b'(' | b'<', ..] => &[2],
        [] | [b'\n', ..] => &[],
        _ => &[1],
    }
}

/// Longest match, given the lengths of the longest name, word and token.
pub fn max_span(name: usize, word: usize, distance: usize, token: usize) -> usize {
    name + BETWEEN_LEN * distance + word + FIXED_LEN + token
}

fn alternatives(words: &[impl AsRef<str>]) -> String {
    let mut words: Vec<String> = words.iter().map(|word| regex_syntax::escape(word.as_ref())).collect();
    // The longest first: `secret_key` is more than `secret`.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    format!("(?:{})", words.join("|"))
}
