//! Short texts of which any may stand in a value, or around one, and lists of words.

use std::{collections::HashSet, sync::OnceLock};

use aho_corasick::AhoCorasick;
use foldhash::fast::RandomState;

/// A list of texts that are looked for all at once. Prepared when it is first asked, in some ten microseconds.
#[derive(Debug)]
pub(super) struct AnyOf {
    parts: &'static [&'static str],
    automaton: OnceLock<AhoCorasick>,
}

impl AnyOf {
    pub(super) const fn new(parts: &'static [&'static str]) -> AnyOf {
        AnyOf { parts, automaton: OnceLock::new() }
    }

    /// Does any of them stand in `text`? Case counts.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        // On texts as short as these a prefilter costs more than it saves.
        let prepare = || AhoCorasick::builder().prefilter(false).build(self.parts);
        let prepare = || prepare().expect("a short constant list is within its limits");
        self.automaton.get_or_init(prepare).is_match(text)
    }
}

/// A list of words, of which one is looked up by its hash: comparing with a hundred takes half a microsecond.
#[derive(Debug)]
pub(super) struct WordSet {
    words: &'static [&'static str],
    set: OnceLock<HashSet<&'static [u8], RandomState>>,
}

/// Longer words are in no list.
const MAX_WORD: usize = 32;

impl WordSet {
    /// Words in lower case, of at most 32 bytes.
    pub(super) const fn new(words: &'static [&'static str]) -> WordSet {
        WordSet { words, set: OnceLock::new() }
    }

    /// Is it one of them? Case counts.
    pub(super) fn has(&self, word: &[u8]) -> bool {
        word.len() <= MAX_WORD && self.set().contains(word)
    }

    /// Is it one of them, in whatever case?
    pub(super) fn has_folded(&self, word: &[u8]) -> bool {
        let mut buffer = [0; MAX_WORD];
        let Some(lower) = buffer.get_mut(..word.len()) else { return false };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        self.set().contains(&*lower)
    }

    fn set(&self) -> &HashSet<&'static [u8], RandomState> {
        self.set.get_or_init(|| self.words.iter().map(|word| word.as_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{AnyOf, WordSet};

    #[test]
    fn whole_words_are_in_a_set() {
        static WORDS: WordSet = WordSet::new(&["token", "пароль"]);
        assert!(WORDS.has(b"token") && WORDS.has("пароль".as_bytes()) && WORDS.has_folded(b"ToKen"));
        assert!(!WORDS.has(b"Token") && !WORDS.has(b"tok") && !WORDS.has_folded(&[b'a'; 40]) && !WORDS.has(b""));
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
