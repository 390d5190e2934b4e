//! What a rule may cost, per MiB of ordinary text. Counted, not timed, so that every machine says the same.

use unleak::{
    engine::{Scanner, ScannerOptions},
    rule::{Rule, builtin, template::SampleRng},
};

/// How much of what rules look at stands in the text.
const BYTES: usize = 1 << 20;

/// The words of the generic model's lexicon: those that code and documentation are made of.
const WORDS: &str = include_str!("../../src/engine/generic/words.txt");

/// Lines as code, configuration, logs and documentation have them, of words that anybody may use.
fn ordinary_text() -> Vec<u8> {
    let words: Vec<&str> = WORDS.lines().collect();
    let mut rng = SampleRng::new(4_711);
    let mut text = String::with_capacity(BYTES + 256);
    while text.len() < BYTES {
        let mut word = || words[rng.below(words.len())];
        let (a, b, c, d, e) = (word(), word(), word(), word(), word());
        let mut run = |alphabet: &[u8], len| String::from_utf8_lossy(&rng.pick(alphabet, len)).into_owned();
        let hex = run(b"0123456789abcdef", 40);
        let base64 = run(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 64);
        let line = match rng.below(10) {
            0 => format!("    let {a}_{b} = {c}.{d}({e}, \"{a}\");"),
            1 => format!("{a}_{b}: {c}-{d}"),
            2 => format!("  \"{a}{b}\": \"{c} {d}\", \"{e}\": 42,"),
            3 => format!("2026-03-04T05:06:07Z INFO {a} {b}={c} id={hex}"),
            4 => format!("The {a} of a {b} is the {c} that {d} has, unless {e} says otherwise."),
            5 => format!("{}_{}={c}", a.to_uppercase(), b.to_uppercase()),
            6 => format!("https://{a}.example.org/{b}/{c}?{d}={e}&key={a}"),
            7 => base64,
            8 => format!("if (password == null || token.{a}() != secret) {{ {b}(api_key, {c}); }}"),
            _ => format!("<{a} {b}=\"{c}\">{d} {e}</{a}>"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text.into_bytes()
}

/// A rule's cost: keywords met, and bytes that its pattern may look at.
#[derive(Clone, Copy, Debug)]
struct Cost {
    keywords: u64,
    pattern_bytes: u64,
}

impl Cost {
    fn of(rule: &Rule, text: &[u8]) -> Cost {
        let stats = Scanner::new(vec![rule.clone()], &ScannerOptions::default()).scan_bytes("a.txt", text).stats;
        Cost { keywords: stats.candidates, pattern_bytes: stats.regex_calls * rule.max_span as u64 }
    }

    /// A rule with a format may look at a sixty-fourth of a text again. What has none is about names that stand everywhere.
    /// Of the dearest rules one met 37 keywords and one looked at 4,900 bytes, of those without a format one met 8,700 and
    /// looked at 700,000 (26 November 2026).
    fn ceiling(rule: &Rule) -> Cost {
        match rule.generic {
            true => Cost { keywords: 20_000, pattern_bytes: 2 << 20 },
            false => Cost { keywords: 200, pattern_bytes: 16 << 10 },
        }
    }
}

#[test]
fn no_rule_costs_more_than_its_ceiling() {
    let text = ordinary_text();
    let costs = builtin().iter().map(|rule| (rule, Cost::of(rule, &text), Cost::ceiling(rule)));
    let dear: Vec<_> = costs
        .filter(|(_, cost, most)| cost.keywords > most.keywords || cost.pattern_bytes > most.pattern_bytes)
        .map(|(rule, cost, most)| format!("{}: {cost:?}, at most {most:?}", rule.meta.id))
        .collect();
    assert!(dear.is_empty(), "rarer keywords or a shorter span make a rule cheaper:\n{}", dear.join("\n"));
}

/// The ceiling is one that a careless rule meets.
#[test]
fn a_careless_rule_is_above_it() {
    let careless = Rule {
        keywords: vec!["the".into()].into(),
        max_span: 4_096,
        ..builtin().iter().find(|rule| rule.meta.id == "github.pat-classic").expect("a rule with a format").clone()
    };
    let (cost, most) = (Cost::of(&careless, &ordinary_text()), Cost::ceiling(&careless));
    assert!(cost.keywords > most.keywords, "{cost:?}");
}
