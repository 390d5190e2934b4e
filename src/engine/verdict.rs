//! Is a match a secret? Exact checks first, then entropy, placeholders and surroundings, then a score with reasons.

use std::{fmt, path::Path};

use super::{
    checksum::{self, Facts},
    compose,
    confirm::Match,
    entropy::{Alphabet, randomness, shannon},
    placeholder::{Placeholders, is_reference},
};
use crate::{
    model::{Origin, Reason},
    rule::{Patterns, Rule, Shape},
};

/// Why a candidate is no finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// The pattern does not match at the keyword.
    NoMatch,
    /// A character that belongs to the token's alphabet touches it: it is part of something longer.
    Boundary,
    /// Nothing is assigned to the name.
    NotAssigned,
    /// A structural check failed, and on what.
    Checksum(&'static str),
    /// Too little entropy.
    Entropy {
        /// Bits per character.
        found: f64,
        /// What the rule asks for.
        least: f64,
    },
    /// Too few decimal digits.
    Digits {
        /// What it has.
        found: usize,
        /// What the rule asks for.
        least: usize,
    },
    /// The rule lists it as harmless.
    AllowListed,
    /// It holds a word that sample values have, or a mask.
    Placeholder(&'static str),
    /// It refers to a value that stands elsewhere.
    Reference,
    /// The name says that the value is no secret (`token_url`).
    Name,
    /// It stands unquoted among bytes that are no text.
    Binary,
    /// A part that belongs to the secret doesn't stand near it, and which.
    NoCompanion(String),
    /// It is a public part of a credential.
    Identifier,
    /// The score is too low.
    Score {
        /// The score.
        found: u8,
        /// The least that counts.
        least: u8,
    },
    /// A more specific rule claims the same bytes.
    Superseded(String),
    /// The line has `unleak:allow`.
    AllowComment,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::NoMatch => f.write_str("the pattern does not match here"),
            Rejection::Boundary => f.write_str("it is part of a longer run of token characters"),
            Rejection::NotAssigned => f.write_str("no value is assigned to the name"),
            Rejection::Checksum(failure) => write!(f, "failed its check: {failure}"),
            Rejection::Entropy { found, least } => {
                write!(f, "entropy {found:.2} is below {least:.2} bits per character")
            }
            Rejection::Digits { found, least } => write!(f, "{found} digits, at least {least} are needed"),
            Rejection::AllowListed => f.write_str("the rule lists such values as harmless"),
            Rejection::Placeholder(word) => write!(f, "placeholder ({word})"),
            Rejection::Reference => f.write_str("it refers to a value that stands elsewhere, or is code"),
            Rejection::Binary => f.write_str("not quoted, in a binary file"),
            Rejection::Name => f.write_str("the name says that the value is no secret"),
            Rejection::NoCompanion(name) => write!(f, "its {name} does not stand near it"),
            Rejection::Identifier => f.write_str("it identifies a credential, and is no secret itself"),
            Rejection::Score { found, least } => write!(f, "score {found} is below {least}"),
            Rejection::Superseded(rule) => write!(f, "the more specific rule {rule} found it"),
            Rejection::AllowComment => f.write_str("the line says unleak:allow"),
        }
    }
}

/// How sure we are, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) points: u8,
    pub(super) reasons: Vec<Reason>,
}

/// What a verdict is based on.
pub(super) struct Evidence<'a> {
    pub(super) rule: &'a Rule,
    pub(super) patterns: &'a Patterns,
    pub(super) placeholders: &'a Placeholders,
    pub(super) origin: Origin<'a>,
    pub(super) bytes: &'a [u8],
    pub(super) found: &'a Match,
}

impl Evidence<'_> {
    /// Judges the match.
    pub(super) fn judge(&self, least: u8) -> Result<Score, Rejection> {
        let secret = &self.bytes[self.found.secret()];
        let rule = self.rule;
        let mut facts = checksum::verify(rule, &self.found.claim(self.bytes)).map_err(Rejection::Checksum)?;
        if rule.entropy > 0.0 {
            let found = shannon(secret);
            if found < rule.entropy {
                return Err(Rejection::Entropy { found, least: rule.entropy });
            }
        }
        let digits = secret.iter().filter(|byte| byte.is_ascii_digit()).count();
        if digits < rule.min_digits {
            return Err(Rejection::Digits { found: digits, least: rule.min_digits });
        }
        if self.patterns.allow.as_ref().is_some_and(|allow| allow.is_match(secret)) {
            return Err(Rejection::AllowListed);
        }
        let variable = if rule.shape == Shape::Assignment { secret } else { self.variable_part(secret) };
        if !facts.is_proven
            && let Some(word) = self.placeholders.find(variable, &rule.pattern)
        {
            return Err(Rejection::Placeholder(word));
        }
        if rule.shape == Shape::Assignment {
            self.assigned_name_and_value(secret)?;
        }
        let parts = compose::parts(rule, self.patterns, self.bytes, &self.found.secret());
        if let Some(name) = compose::missing(rule, &parts) {
            return Err(Rejection::NoCompanion(name.to_owned()));
        }
        if parts.iter().any(Option::is_some) && !matches!(rule.shape, Shape::Prefix { .. } | Shape::Block { .. }) {
            facts.effects.push(("companion", 10, "a public part of the credential stands near it"));
        }
        let score = self.score(secret, &facts);
        if score.points < least { Err(Rejection::Score { found: score.points, least }) } else { Ok(score) }
    }

    /// The secret without the keyword that every secret of this rule begins with.
    fn variable_part<'s>(&self, secret: &'s [u8]) -> &'s [u8] {
        let fixed = self
            .rule
            .keywords
            .iter()
            .filter(|keyword| secret.get(..keyword.len()).is_some_and(|s| s.eq_ignore_ascii_case(keyword.as_bytes())))
            .map(|keyword| keyword.len())
            .max();
        &secret[fixed.unwrap_or(0)..]
    }

    fn assigned_name_and_value(&self, secret: &[u8]) -> Result<(), Rejection> {
        let name = &self.bytes[self.found.name()];
        let after = &name[self.found.keyword_in_name().min(name.len())..];
        let lower = after.to_ascii_lowercase();
        // `tokenizer`, `secretary`: a lower-case letter goes on with the word, an upper-case one begins the next.
        let goes_on = after.first().is_some_and(u8::is_ascii_lowercase) && !after.starts_with(b"s_");
        if goes_on || NOT_SECRET_NAMES.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some()) {
            return Err(Rejection::Name);
        }
        if is_reference(secret) || self.is_in_longer_token() {
            return Err(Rejection::Reference);
        }
        if !self.found.is_quoted && self.is_binary() { Err(Rejection::Binary) } else { Ok(()) }
    }

    /// Is the name part of a URN, an ARN or the user of a URL (`urn:k8s:secret:name`, `//user:secretKey@host`)?
    fn is_in_longer_token(&self) -> bool {
        let start = self.found.name().start;
        let before = &self.bytes[start.saturating_sub(32)..start];
        let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b":/-_.@".contains(byte);
        let len = before.iter().rev().take_while(is_token).count();
        len > 1 && before.ends_with(b":")
    }

    /// Do bytes that no text has stand around it? Names in the tables of a program are no assignments.
    fn is_binary(&self) -> bool {
        let around = self.found.name().start.saturating_sub(32)..(self.found.secret().end + 32).min(self.bytes.len());
        self.bytes[around].contains(&0)
    }

    fn score(&self, secret: &[u8], facts: &Facts) -> Score {
        let mut score = Tally { points: 0, reasons: Vec::new() };
        match self.rule.shape {
            Shape::Prefix { .. } => score.add("format", 85, "the format identifies itself"),
            Shape::Block { .. } => score.add("format", 90, "a complete block"),
            Shape::Near { .. } | Shape::Context { .. } => {
                score.add("context", 45, "the provider's name stands before it")
            }
            Shape::Assignment => score.add("name", 35, "assigned to a name that secrets have"),
        }
        if facts.is_proven {
            score.add("checksum", 15, "passed its structural check");
        }
        for (feature, points, detail) in &facts.effects {
            score.add(feature, *points, detail);
        }
        if matches!(self.rule.shape, Shape::Near { .. } | Shape::Context { .. } | Shape::Assignment) {
            self.add_surroundings(secret, &mut score);
        }
        score.into_score()
    }

    fn add_surroundings(&self, secret: &[u8], score: &mut Tally) {
        let randomness = randomness(secret);
        let detail = format!("{:.0} % of a random string's entropy", randomness * 100.0);
        match randomness {
            r if r >= 0.92 => score.add("entropy", 15, &detail),
            r if r >= 0.82 || self.rule.entropy > 0.0 && !self.rule.generic => {
                score.add("entropy", 5, &detail);
            }
            _ => score.add("entropy", -15, &detail),
        }
        if self.found.is_assigned {
            score.add("assignment", 15, "an assignment operator stands before it");
        }
        if matches!(self.rule.shape, Shape::Near { .. }) && self.bytes[..self.found.secret().start].ends_with(b"@") {
            score.add("syntax", -25, "it stands after an @, as a revision does");
        }
        if self.found.is_quoted {
            score.add("quotes", 5, "it is a whole quoted value");
        }
        if self.rule.shape == Shape::Assignment {
            let mixed = secret.iter().any(u8::is_ascii_digit) && secret.iter().any(u8::is_ascii_alphabetic);
            let changes = secret.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
            if mixed && changes < 2 {
                score.add("mix", -5, "a word and a number");
            } else if mixed {
                score.add("mix", 10, "letters and digits");
            } else if self.rule.generic {
                score.add("mix", -25, "letters or digits alone");
            }
            if matches!(Alphabet::of(secret), Alphabet::Hex) && [32, 40, 64].contains(&secret.len()) {
                score.add("digest", -10, "as long as a hash in hexadecimal");
            }
        }
        if let Origin::File(path) = self.origin {
            PathEffect::on(self.rule, self.found).apply(path, score);
        }
    }
}

/// What the path of a blob can take from a score. A blob in history has many paths, which are known only after it was
/// judged: it is judged without one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathEffect {
    /// Nothing: the format identifies itself.
    None,
    /// A test or an example counts less.
    Test,
    /// That, and in source code a value that is not quoted is none.
    TestAndCode,
}

impl PathEffect {
    pub(super) fn on(rule: &Rule, found: &Match) -> PathEffect {
        match rule.shape {
            Shape::Prefix { .. } | Shape::Block { .. } => PathEffect::None,
            Shape::Assignment if !found.is_quoted => PathEffect::TestAndCode,
            Shape::Near { .. } | Shape::Context { .. } | Shape::Assignment => PathEffect::Test,
        }
    }

    fn apply(self, path: &Path, score: &mut Tally) {
        if self == PathEffect::TestAndCode && is_source_code(path) {
            score.add("syntax", -40, "not quoted, in source code");
        }
        if self != PathEffect::None && is_test_path(path) {
            score.add("path", -10, "a test or an example, by its path");
        }
    }

    /// The score that a match has at this path.
    pub(super) fn at(self, path: &Path, score: &Score) -> Score {
        let mut tally = Tally { points: i32::from(score.points), reasons: score.reasons.clone() };
        self.apply(path, &mut tally);
        tally.into_score()
    }
}

fn is_source_code(path: &Path) -> bool {
    const CODE: &[&str] = &[
        "c", "cc", "cpp", "cs", "dart", "erl", "ex", "go", "h", "hpp", "java", "js", "jsx", "kt", "lua", "m", "php",
        "pl", "py", "r", "rb", "rs", "scala", "swift", "ts", "tsx", "vue", "css", "scss", "html", "ipynb", "proto",
        "gradle", "groovy", "mod", "sum",
    ];
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| CODE.contains(&extension))
}

fn is_test_path(path: &Path) -> bool {
    const WORDS: &[&str] = &["test", "spec", "fixture", "example", "sample", "mock", "demo"];
    // Only the innermost components: a checkout below a directory `tests` is not a test.
    path.components().rev().take(4).any(|component| {
        let name = component.as_os_str().to_string_lossy().to_ascii_lowercase();
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| WORDS.contains(&word.strip_suffix('s').unwrap_or(word)))
    })
}

/// Parts of names whose values are not secrets although the name has a secret's word before them.
const NOT_SECRET_NAMES: &[&str] = &[
    "url",
    "uri",
    "path",
    "file",
    "name",
    "_id",
    "-id",
    "type",
    "len",
    "size",
    "count",
    "field",
    "label",
    "prefix",
    "suffix",
    "pattern",
    "regex",
    "policy",
    "expir",
    "ttl",
    "arn",
    "endpoint",
    "ref",
    "header",
    "manager",
    "store",
    "provider",
    "placeholder",
    "hint",
    "prompt",
    "algorithm",
    "version",
    "class",
    "hash",
    "digest",
    "format",
    "public",
    "example",
    "sample",
    "error",
    "message",
    "description",
    "scope",
    "limit",
    "usage",
    "kind",
    "index",
    "table",
    "column",
];

struct Tally {
    points: i32,
    reasons: Vec<Reason>,
}

impl Tally {
    fn into_score(self) -> Score {
        Score { points: u8::try_from(self.points.clamp(0, 100)).unwrap_or(0), reasons: self.reasons }
    }

    fn add(&mut self, feature: &'static str, points: i16, detail: &str) {
        self.points += i32::from(points);
        self.reasons.push(Reason { feature, points, detail: detail.to_owned() });
    }
}
