//! Secrets without a format are found wherever people keep them, and what stands there instead of one is left alone.
//!
//! `surroundings/*.txt` hold a template a line. Values come from seeds.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use unleak::{
    Scanner,
    model::Finding,
    rule::template::{SampleRng, expand},
    source::{FileOptions, Files},
};

/// Each template is expanded so many times, each time to a value of another make.
const VALUES: usize = 4;
const PASSWORDS: [&str; VALUES] =
    ["{{alnum:16}}", "{{lowernum:12}}", "{{alnum:10}}", "{{upper:1}}{{lower:5}}{{digits:4}}"];
const KEYS: [&str; VALUES] = ["{{alnum:32}}", "{{base64url:43}}", "{{hex:48}}", "{{lowernum:28}}"];

/// What a line of the files promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// The secret is found.
    Found,
    /// There is none.
    Silent,
    /// There is one that isn't found yet.
    Missed,
}

struct Line<'t> {
    surroundings: &'t str,
    path: &'t str,
    promise: Promise,
    template: &'t str,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let (mut surroundings, mut path) = ("", "");
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, file)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            (surroundings, path) = (name, file);
            continue;
        }
        let (mark, template) = line.split_at(2);
        let promise = match mark {
            "+ " => Promise::Found,
            "- " => Promise::Silent,
            "? " => Promise::Missed,
            _ => panic!("`{line}` begins with no mark"),
        };
        assert_eq!(template.contains('‹'), promise != Promise::Silent, "{line}");
        lines.push(Line { surroundings, path, promise, template });
    }
    lines
}

/// The text of a template, and the secret in it.
fn planted(template: &str, value: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let seed = template.bytes().fold(value as u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut rng = SampleRng::new(seed);
    let mut fill = |template: &str| {
        expand(template, &mut rng, &|_| Vec::new()).map(|text| String::from_utf8(text.bytes).unwrap()).unwrap()
    };
    let base64 = |text: String| data_encoding::BASE64.encode(text.as_bytes());
    let values = [
        ("‹P›", fill(PASSWORDS[value])),
        ("‹K›", fill(KEYS[value])),
        ("‹B›", base64(format!("deploy:{}", fill(PASSWORDS[value])))),
        ("‹64›", base64(fill(PASSWORDS[value]))),
        ("‹H›", fill("{{hex:64}}")),
        ("‹H2›", fill("{{hex:128}}")),
        ("‹K88›", fill("{{base64:86}}==")),
        ("‹W›", fill("{{upper:1}}{{lower:3}} {{lower:4}} {{digits:2}}!")),
        ("‹G›", fill("{{lower:4}} {{lower:4}} {{lower:4}} {{lower:4}}")),
        ("‹K32›", fill("{{alnum:32}}")),
        ("‹M›", fill("{{[A-Za-z0-9!@#^&*]:48}}")),
    ];
    let secret = values.iter().find(|(mark, _)| template.contains(mark)).map(|(_, secret)| secret.clone().into_bytes());
    let text =
        values.iter().fold(template.replace("\\n", "\n") + "\n", |text, (mark, value)| text.replace(mark, value));
    (fill(&text).into_bytes(), secret)
}

/// What is found in a file of that name: what it is called counts, so it must be one.
fn findings(scanner: &Scanner, path: &str, text: &[u8]) -> Vec<Finding> {
    let dir = tempfile::Builder::new().prefix("place").tempdir().unwrap();
    let path = dir.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    scanner.scan_source(&Files::new(vec![path], FileOptions::default()).unwrap()).findings
}

/// Was the whole secret found, with at most eight bytes around it?
fn is_found(scanner: &Scanner, path: &str, text: &[u8], secret: &[u8]) -> bool {
    findings(scanner, path, text).iter().any(|finding| {
        let found = finding.secret.expose();
        found.len() <= secret.len() + 8 && found.windows(secret.len()).any(|window| window == secret)
    })
}

fn each_line(mut each: impl FnMut(&Scanner, &Line<'_>)) {
    let scanner = Scanner::builtin();
    for name in ["configuration", "languages", "passwords"] {
        let text =
            std::fs::read_to_string(Path::new("tests/it/surroundings").join(name).with_extension("txt")).unwrap();
        for line in lines(&text) {
            each(&scanner, &line);
        }
    }
}

#[test]
fn secrets_are_found_in_all_surroundings() {
    let mut recall: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut surprises = String::new();
    each_line(|scanner, line| {
        if line.promise == Promise::Silent {
            return;
        }
        let found = (0..VALUES)
            .filter(|value| {
                let (text, secret) = planted(line.template, *value);
                is_found(scanner, line.path, &text, &secret.unwrap())
            })
            .count();
        let entry = recall.entry(line.surroundings.to_owned()).or_default();
        (entry.0, entry.1) = (entry.0 + found, entry.1 + VALUES);
        // A value in four may look too much like a word.
        let is_kept = if line.promise == Promise::Found { found >= VALUES - 1 } else { found < VALUES - 1 };
        if !is_kept {
            writeln!(surprises, "{found} of {VALUES}: [{}] {}", line.surroundings, line.template).unwrap();
        }
    });
    let (found, planted) = recall.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(surprises.is_empty(), "not as the line promises:\n{surprises}");
    assert!(found * 100 >= planted * 98, "{found} of {planted}: {recall:?}");
}

#[test]
fn what_is_no_secret_is_left_alone() {
    let mut wrong = String::new();
    each_line(|scanner, line| {
        if line.promise != Promise::Silent {
            return;
        }
        for value in 0..VALUES {
            let (text, _) = planted(line.template, value);
            if let Some(finding) = findings(scanner, line.path, &text).first() {
                let (rule, score) = (&finding.rule.id, finding.score);
                writeln!(wrong, "{rule} {score}: [{}] {}", line.surroundings, line.template).unwrap();
                break;
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong}");
}
