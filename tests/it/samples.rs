//! Secrets made on the fly from the rules' own templates, for planting.

use std::path::Path;

use unleak::{
    engine::checksum,
    rule::{
        LoadedFile, ProvenRule, load,
        template::{SampleRng, expand},
    },
};

/// A sample of a rule with its secret.
pub(crate) struct Planted {
    pub(crate) rule: String,
    pub(crate) text: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

pub(crate) fn rule_files() -> Vec<LoadedFile> {
    load(Path::new("rules")).into_iter().map(|file| file.expect("the built-in rules load")).collect()
}

pub(crate) fn proven_rules() -> Vec<ProvenRule> {
    rule_files().into_iter().flat_map(|file| file.rules).collect()
}

/// One expansion of every positive sample of every rule.
pub(crate) fn all(seed: u64) -> Vec<Planted> {
    let mut rng = SampleRng::new(seed);
    let mut planted = Vec::new();
    // What identifies a credential is found, but is no finding.
    for proven in proven_rules().into_iter().filter(|proven| !proven.rule.identifier) {
        for sample in &proven.positives {
            let tail = |partial: &[u8]| checksum::tail(proven.rule.checksum, partial);
            let expanded = expand(&sample.text, &mut rng, &tail).expect("samples expand");
            let secret = expanded.bytes[expanded.secret.expect("marked")].to_vec();
            planted.push(Planted { rule: proven.rule.meta.id.to_string(), text: expanded.bytes, secret });
        }
    }
    planted
}

/// A GitHub token with a right checksum.
pub(crate) fn github_token(seed: u64) -> String {
    expand_text("ghp_{{alnum:30}}", seed)
}

/// Expands a template of one secret with a GitHub checksum at its end.
fn expand_text(template: &str, seed: u64) -> String {
    let template = format!("«{template}{{{{checksum}}}}»");
    let tail = |partial: &[u8]| checksum::tail(Some(unleak::rule::Checksum::Crc32Base62), partial);
    let expanded = expand(&template, &mut SampleRng::new(seed), &tail).expect("a constant template");
    String::from_utf8(expanded.bytes).expect("ASCII")
}

/// An AWS access key of account 123456789012: its id and its secret.
#[cfg(feature = "identity")]
pub(crate) fn aws_key(seed: u64) -> (String, String) {
    // The first six bytes of an id hold the account, seven bits to the left; the highest bit says so.
    let account = (1_u64 << 47 | 123_456_789_012 << 7).to_be_bytes();
    let mut rng = SampleRng::new(seed);
    let mut bytes = account[2..].to_vec();
    bytes.extend((0..4).map(|_| u8::try_from(rng.below(256)).expect("a byte")));
    let id = format!("AKIA{}", data_encoding::BASE32_NOPAD.encode(&bytes));
    let secret = expand("«{{base64:40}}»", &mut rng, &|_| Vec::new()).expect("a constant template");
    (id, String::from_utf8(secret.bytes).expect("ASCII"))
}

/// Text without secrets: lines of words, some of them keywords.
pub(crate) fn noise(rng: &mut SampleRng, bytes: usize) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "let",
        "token",
        "=",
        "the",
        "secret",
        "of",
        "api",
        "key",
        "{",
        "}",
        "0x7f",
        "datadog",
        "https://example.org/a",
        "é",
        "漢字",
        "😀",
        "\"quoted\"",
        "config.password",
        "-----BEGIN",
        "eyJ",
        "ghp_",
        "AKIA",
        "==",
        "\t",
    ];
    let mut text = Vec::with_capacity(bytes + 32);
    while text.len() < bytes {
        text.extend_from_slice(WORDS[rng.below(WORDS.len())].as_bytes());
        text.push(if rng.below(9) == 0 { b'\n' } else { b' ' });
    }
    text
}
