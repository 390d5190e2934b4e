//! Short texts of which any may stand in a value, or around one, and lists of words.

use std::{collections::HashSet, sync::OnceLock};

use aho_corasick::AhoCorasick;
use foldhash::fast::RandomState;

/// By byte: does a text of the list begin with it?
const fn first_bytes(texts: &[&str]) -> [bool; 256] {
    let mut firsts = [false; 256];
    let mut at = 0;
    while at < texts.len() {
        firsts[texts[at].as_bytes()[0] as usize] = true;
        at += 1;
    }
    firsts
}

/// A list of texts that are looked for all at once. Prepared when it is first asked, in some ten microseconds.
#[derive(Debug)]
pub(super) struct AnyOf {
    parts: &'static [&'static str],
    firsts: [bool; 256],
    automaton: OnceLock<AhoCorasick>,
}

impl AnyOf {
    pub(super) const fn new(parts: &'static [&'static str]) -> AnyOf {
        AnyOf { parts, firsts: first_bytes(parts), automaton: OnceLock::new() }
    }

    /// Does any of them stand in `text`? Case counts.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        // Most lists are of marks, and most values have none.
        let Some(first) = text.iter().position(|byte| self.firsts[usize::from(*byte)]) else { return false };
        let text = &text[first..];
        // On texts as short as these a prefilter costs more than it saves.
        let prepare = || AhoCorasick::builder().prefilter(false).build(self.parts);
        let prepare = || prepare().expect("a short constant list is within its limits");
        self.automaton.get_or_init(prepare).is_match(text)
    }
}

/// A list of texts that values begin with.
#[derive(Debug)]
pub(super) struct Starts {
    starts: &'static [&'static str],
    firsts: [bool; 256],
}

impl Starts {
    pub(super) const fn new(starts: &'static [&'static str]) -> Starts {
        Starts { starts, firsts: first_bytes(starts) }
    }

    /// Does `text` begin with any of them? Case counts.
    pub(super) fn any(&self, text: &[u8]) -> bool {
        text.first().is_some_and(|first| self.firsts[usize::from(*first)])
            && self.starts.iter().any(|start| text.starts_with(start.as_bytes()))
    }
}

/// A list of words, of which one is looked up by its hash: comparing with a hundred takes half a microsecond.
#[derive(Debug)]
pub(super) struct WordSet {
    words: &'static [&'static str],
    /// A bit for the ends and the length of each word, so that most others are told without a hash.
    marks: [u64; MARKS / 64],
    set: OnceLock<HashSet<&'static [u8], RandomState>>,
}

/// Bits for ends and lengths.
const MARKS: usize = 1024;

/// Which bit a word of at least one byte has.
const fn mark(word: &[u8]) -> usize {
    let (first, last) = (word[0] as usize, word[word.len() - 1] as usize);
    (first ^ last << 5 ^ word.len() << 2) % MARKS
}

/// Longer words are in no list.
const MAX_WORD: usize = 32;

impl WordSet {
    /// Words in lower case, of at most 32 bytes.
    pub(super) const fn new(words: &'static [&'static str]) -> WordSet {
        let mut marks = [0; MARKS / 64];
        let mut at = 0;
        while at < words.len() {
            let mark = mark(words[at].as_bytes());
            marks[mark / 64] |= 1 << (mark % 64);
            at += 1;
        }
        WordSet { words, marks, set: OnceLock::new() }
    }

    /// False if no word has these ends and this length.
    fn may_have(&self, word: &[u8]) -> bool {
        if word.is_empty() || word.len() > MAX_WORD {
            return false;
        }
        let mark = mark(word);
        self.marks[mark / 64] >> (mark % 64) & 1 == 1
    }

    /// Is it one of them? Case counts.
    pub(super) fn has(&self, word: &[u8]) -> bool {
        self.may_have(word) && self.set().contains(word)
    }

    /// Is it one of them, in whatever case?
    pub(super) fn has_folded(&self, word: &[u8]) -> bool {
        let mut buffer = [0; MAX_WORD];
        let Some(lower) = buffer.get_mut(..word.len()) else { return false };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        self.has(lower)
    }

    fn set(&self) -> &HashSet<&'static [u8], RandomState> {
        self.set.get_or_init(|| self.words.iter().map(|word| word.as_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{AnyOf, Starts, WordSet};

    #[test]
    fn whole_words_are_in_a_set() {
        static WORDS: WordSet = WordSet::new(&["token", "пароль"]);
        assert!(WORDS.has(b"token") && WORDS.has("пароль".as_bytes()) && WORDS.has_folded(b"ToKen"));
        assert!(!WORDS.has(b"Token") && !WORDS.has(b"tok") && !WORDS.has_folded(&[b'a'; 40]) && !WORDS.has(b""));
    }

    #[test]
    fn texts_begin_with_one_of_a_list() {
        static STARTS: Starts = Starts::new(&["arn:", "…x"]);
        assert!(STARTS.any(b"arn:aws") && STARTS.any("…x".as_bytes()));
        assert!(!STARTS.any(b"") && !STARTS.any(b"arn") && !STARTS.any(b"xarn:") && !STARTS.any("…".as_bytes()));
    }

    #[test]
    fn any_of_them_is_found_wherever_it_stands() {
        static MARKS: AnyOf = AnyOf::new(&["${", "…", "abc"]);
        for text in ["${X}", "x${", "a…", "ababc", "abc"] {
            assert!(MARKS.is_in(text.as_bytes()), "{text}");
        }
        for text in ["", "$", "ab", "a$b{", "ABC"] {
            assert!(!MARKS.is_in(text.as_bytes()), "{text}");
        }
    }
}
