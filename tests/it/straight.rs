//! Patterns that never look back agree with the regex crate, on every rule's samples and on patterns made at random.

use proptest::prelude::*;
use regex::bytes::{Regex, RegexBuilder};
use unleak::rule::{Groups, Straight, builtin, straight::NO_PART};

use crate::samples;

/// The same pattern, anchored at the start of what is searched.
fn automaton(pattern: &str, ignore_case: bool) -> Regex {
    let anchored = format!(r"\A(?:{pattern})");
    RegexBuilder::new(&anchored).unicode(false).case_insensitive(ignore_case).build().expect("a pattern")
}

/// Where the match and its groups stand, by both.
fn assert_agree(straight: &Straight, automaton: &Regex, bytes: &[u8], end: usize, at: usize) {
    let mut groups = Groups::default();
    let found = straight.search(bytes, at..end, &mut groups);
    let expected = automaton.captures(&bytes[at..end]);
    let expected_end = expected.as_ref().and_then(|found| found.get(0)).map(|whole| at + whole.end());
    let text = || String::from_utf8_lossy(&bytes[at..end]);
    assert_eq!(found, expected_end, "{automaton} on {:?}", text());
    let Some(expected) = expected else { return };
    for (number, name) in straight.group_names().enumerate() {
        let (start, end) = groups[number];
        let found = (groups[number] != NO_PART).then_some((start as usize, end as usize));
        let expected = expected.name(name).map(|group| (at + group.start(), at + group.end()));
        assert_eq!(found, expected, "group {name} of {automaton} on {:?}", text());
    }
}

#[test]
fn most_rules_are_straight_and_agree_on_their_samples() {
    let mut straight = 0;
    let planted = samples::all(7);
    for rule in builtin() {
        let Some(pattern) = Straight::new(&rule.pattern, rule.ignore_case) else { continue };
        straight += 1;
        let automaton = automaton(&rule.pattern, rule.ignore_case);
        for sample in planted.iter().filter(|sample| sample.rule == rule.meta.id.as_ref()) {
            for at in 0..sample.text.len() {
                for end in [sample.text.len(), sample.text.len().min(at + rule.min_len), sample.text.len().min(at + 7)]
                {
                    assert_agree(&pattern, &automaton, &sample.text, end.max(at), at);
                }
            }
            let at = sample.text.windows(sample.secret.len()).position(|window| window == sample.secret).unwrap_or(0);
            for broken in 0..sample.text.len() {
                let mut text = sample.text.clone();
                text[broken] = b"-aZ0_=."[broken % 7];
                assert_agree(&pattern, &automaton, &text, text.len(), at);
            }
        }
    }
    assert!(straight * 10 > builtin().len() * 7, "{straight} of {}", builtin().len());
}

/// A pattern over a small alphabet.
fn pattern() -> impl Strategy<Value = String> {
    let class =
        prop::sample::select(vec!["a", "b", "c", "[ab]", "[^a]", "[bc]", "ab", "ba", "-"]).prop_map(str::to_owned);
    let count = prop::sample::select(vec!["", "", "{2}", "{1,2}", "{0,3}", "*", "+", "?", "??", "+?", "{1,2}?"]);
    class.prop_recursive(4, 24, 4, move |inner| {
        let repeated = (inner.clone(), count.clone()).prop_map(|(inner, count)| format!("(?:{inner}){count}"));
        let row = prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat());
        let branches = prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("(?:{})", parts.join("|")));
        let maybe = inner.clone().prop_map(|inner| format!("(?:{inner}|)"));
        prop_oneof![4 => repeated, 4 => row, 3 => branches, 1 => maybe]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_made_at_random_agree(
        (first, inner, last) in (pattern(), pattern(), pattern()),
        texts in prop::collection::vec("[abc-]{0,12}", 12),
        ignore_case: bool,
    ) {
        let pattern = format!("{first}(?<secret>{inner}){last}");
        if let Some(straight) = Straight::new(&pattern, ignore_case) {
            let automaton = automaton(&pattern, ignore_case);
            for text in texts {
                assert_agree(&straight, &automaton, text.as_bytes(), text.len(), 0);
            }
        }
    }
}

#[test]
fn patterns_that_may_have_to_look_back_are_not_straight() {
    let not = ["[a-z]{2,4}x", "a*ab", "(?:ab)*a", "(?:key|keys)s", r"\bkey", "(?:a|ab)b", "a+?", "(?:a?)+", "é"];
    for pattern in not {
        assert!(Straight::new(pattern, false).is_none(), "{pattern}");
    }
    let are = [
        "AKIA[A-Z2-7]{16}",
        "x(?:live|test|late)_[a-z]{3,}",
        "[a-z]{2,4}-",
        "a{2}a",
        "(?:ab){1,3}c?",
        "k(?:ey|eys)?,",
        "(?:a|ab)c",
    ];
    for pattern in are {
        assert!(Straight::new(pattern, true).is_some(), "{pattern}");
    }
}
