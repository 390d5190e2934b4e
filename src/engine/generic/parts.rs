//! Short texts of which any may stand in a value, or around one.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

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

#[cfg(test)]
mod tests {
    use super::AnyOf;

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
