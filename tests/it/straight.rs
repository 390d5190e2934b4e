//! Patterns that never look back agree with the regex crate, on every rule's samples and on patterns made at random.

use proptest::prelude::*;
use regex::bytes::{Regex, RegexBuilder};
use unleak::rule::{
    Groups, Rule, Shape, Straight, builtin,
    context::{Context, expression},
    straight::NO_PART,
    template::SampleRng,
};

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

/// Both matchers of a `context` rule.
fn contexts() -> Vec<(&'static Rule, Context, Regex)> {
    let both = |rule: &'static Rule| {
        let Shape::Context { words, distance } = &rule.shape else { return None };
        let context = Context::new(&rule.keywords, words, *distance, &rule.pattern)?;
        Some((rule, context, automaton(&expression(&rule.keywords, words, *distance, &rule.pattern), true)))
    };
    builtin().iter().filter_map(both).collect()
}

fn assert_context_agrees(context: &Context, automaton: &Regex, bytes: &[u8], at: usize) {
    let mut groups = Groups::default();
    let found = context.search(bytes, at..bytes.len(), &mut groups);
    let secret = context.tail().group("secret").map(|group| groups[group]).filter(|_| found.is_some());
    let expected = automaton.captures(&bytes[at..]);
    let end_of = |name: &str| {
        let group = expected.as_ref()?.name(name)?;
        Some(((at + group.start()) as u32, (at + group.end()) as u32))
    };
    let whole = expected.as_ref().and_then(|found| found.get(0)).map(|whole| at + whole.end());
    assert_eq!(
        (found, secret),
        (whole, end_of("secret")),
        "{automaton} on {:?}",
        String::from_utf8_lossy(&bytes[at..])
    );
}

#[test]
fn context_rules_agree_with_their_expressions_on_their_samples() {
    let contexts = contexts();
    let all = builtin().iter().filter(|rule| matches!(rule.shape, Shape::Context { .. })).count();
    assert!(contexts.len() * 10 > all * 9, "{} of {all}", contexts.len());
    let planted = samples::all(11);
    for (rule, context, automaton) in &contexts {
        for sample in planted.iter().filter(|sample| sample.rule == rule.meta.id.as_ref()) {
            let lower = sample.text.to_ascii_lowercase();
            for keyword in rule.keywords.iter() {
                for at in memchr::memmem::find_iter(&lower, keyword.to_ascii_lowercase().as_bytes()) {
                    assert_context_agrees(context, automaton, &sample.text, at);
                    for broken in (at + keyword.len()..sample.text.len()).step_by(3) {
                        let mut text = sample.text.clone();
                        text[broken] = b"]\n =s_\"("[broken % 8];
                        assert_context_agrees(context, automaton, &text, at);
                    }
                }
            }
        }
    }
}

#[test]
fn context_rules_agree_with_their_expressions_on_any_text() {
    let contexts = contexts();
    let mut rng = SampleRng::new(5);
    let mut pick = |count: usize| rng.below(count);
    const PARTS: [&str; 24] = [
        "\n",
        " ",
        "]",
        "]\n",
        "]\r\n ",
        "_",
        "key",
        "token",
        "secrets",
        "_v2",
        "live",
        "value",
        " = ",
        ": \"",
        "=> ",
        ":=",
        "(",
        "bearer ",
        "auth",
        "x",
        "\n  ",
        "'",
        "authorization",
        ",",
    ];
    for round in 0..20_000 {
        let (rule, context, automaton) = &contexts[round % contexts.len()];
        let mut text = rule.keywords[pick(rule.keywords.len())].to_string();
        for _ in 0..pick(14) {
            text.push_str(PARTS[pick(PARTS.len())]);
        }
        text.extend((0..[16, 20, 32, 40, 64][pick(5)]).map(|_| char::from(b"0123456789abcdef"[pick(16)])));
        text.push_str(PARTS[pick(PARTS.len())]);
        assert_context_agrees(context, automaton, text.as_bytes(), 0);
    }
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
    let not = ["[a-z]{2,4}x", "a*ab", "(?:a[ab]?)*a", "(?:keys?){2}s", r"\bkey", "a+?", "(?:a?)+"];
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
