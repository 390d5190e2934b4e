//! Is a match a secret? Exact checks first, then entropy, placeholders and surroundings, then a score with reasons.

use std::{borrow::Cow, fmt, path::Path, sync::Arc};

use super::{
    assignment::{Ending, Syntax},
    checksum::{self, Facts},
    compose,
    confirm::Match,
    entropy::{randomness, shannon},
    generic::{self, Memo, Subject, Weakness, Writing},
    neighbours,
    placeholder::Placeholders,
};
use crate::{
    model::{Origin, Reason},
    rule::{Checksum, Patterns, Rule, Shape, analyze::MAX_COMPANION},
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
        /// What the score is made of, if somebody asked.
        reasons: Vec<Reason>,
    },
    /// A more specific rule claims the same bytes.
    Superseded(String),
    /// It has the format of that rule, and failed the check that belongs to it.
    Refuted(String),
    /// It is the public part of a credential that this rule found.
    PartOf(String),
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
            Rejection::Binary => f.write_str("not quoted, in a binary file"),
            Rejection::NoCompanion(name) => write!(f, "its {name} does not stand near it"),
            Rejection::Identifier => f.write_str("it identifies a credential, and is no secret itself"),
            Rejection::Score { found, least, .. } => write!(f, "score {found} is below {least}"),
            Rejection::Superseded(rule) => write!(f, "the more specific rule {rule} found it"),
            Rejection::Refuted(rule) => write!(f, "it has the format of {rule}, and failed the check of that"),
            Rejection::PartOf(rule) => write!(f, "it is the public part of what {rule} found"),
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

/// A verdict that is kept with its match.
pub(super) type Verdict = Result<Arc<Score>, Rejected>;

/// What is kept of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// Its format is that of the rule, and nobody issued it: no generic rule may claim it, either.
    Refuted,
    /// For another reason.
    Otherwise,
}

impl Rejected {
    pub(super) fn of(rule: &Rule, why: &Rejection) -> Rejected {
        let is_format = matches!(rule.shape, Shape::Prefix { .. }) && rule.checksum.is_some_and(checksum::refutes);
        if is_format && matches!(why, Rejection::Checksum(_)) { Rejected::Refuted } else { Rejected::Otherwise }
    }
}

/// How far around a match its verdict looks, to either side.
pub(super) fn reach(rule: &Rule) -> usize {
    let companions = rule.companions.iter().map(|companion| companion.within + MAX_COMPANION).max().unwrap_or(0);
    let check = rule.checksum.map_or(0, checksum::reach);
    companions.max(check).max(generic::AROUND).max(neighbours::REACH) + 32
}

/// What a verdict is based on.
pub(super) struct Evidence<'a> {
    pub(super) rule: &'a Rule,
    pub(super) patterns: &'a Patterns,
    pub(super) placeholders: &'a Placeholders,
    pub(super) memo: &'a mut Memo,
    pub(super) origin: Origin<'a>,
    pub(super) bytes: &'a [u8],
    pub(super) found: &'a Match,
    /// Should a rejection say what its score is made of? Costs a few allocations.
    pub(super) explains: bool,
}

impl Evidence<'_> {
    /// Judges the match.
    pub(super) fn judge(mut self, least: u8) -> Result<Score, Rejection> {
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
        if self.patterns.allows(rule, secret) {
            return Err(Rejection::AllowListed);
        }
        let parts = compose::parts(rule, self.patterns, self.bytes, &self.found.secret());
        if let Some(name) = compose::missing(rule, &parts) {
            return Err(Rejection::NoCompanion(name.to_owned()));
        }
        if generic::applies(rule) {
            return self.judge_generic(parts.iter().any(Option::is_some), least);
        }
        if !facts.is_proven
            && let Some(word) = self.placeholders.find(self.variable_part(secret), &rule.pattern)
        {
            return Err(Rejection::Placeholder(word));
        }
        if parts.iter().any(Option::is_some) && !matches!(rule.shape, Shape::Prefix { .. } | Shape::Block { .. }) {
            facts.effects.push(("companion", 10, "a public part of the credential stands near it"));
        }
        let score = self.score(secret, &facts);
        if score.points < least { Err(too_low(score, least)) } else { Ok(score) }
    }

    /// Judges a value without a format by the generic model.
    fn judge_generic(&mut self, has_part: bool, least: u8) -> Result<Score, Rejection> {
        if !self.found.is_quoted && self.is_binary() {
            return Err(Rejection::Binary);
        }
        let Evidence { rule, placeholders, bytes, found, .. } = *self;
        let subject = Subject { rule, placeholders, bytes, found };
        let features = if self.explains { subject.features() } else { self.memo.features(&subject, least) };
        let of_part = generic::part_features(has_part);
        // A path only takes from them, and most candidates haven't enough without it.
        let found = generic::points(&[features, of_part]);
        if found < least && !self.explains {
            return Err(Rejection::Score { found, least, reasons: Vec::new() });
        }
        let of_path = match self.origin {
            Origin::File(path) => generic::path_features(path, PathEffect::writing(self.found, self.bytes)),
            // Its paths are known later.
            Origin::Object(_) => generic::Features::default(),
            Origin::Named(_) | Origin::Record(_) => {
                generic::path_features(Path::new(""), PathEffect::writing(self.found, self.bytes))
            }
        };
        let all = [features, of_path, of_part];
        let found = generic::points(&all);
        match found < least {
            true if self.explains => Err(too_low(generic::score(&all), least)),
            true => Err(Rejection::Score { found, least, reasons: Vec::new() }),
            false => Ok(generic::score(&all)),
        }
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

    /// Do bytes that no text has stand around it? Names in the tables of a program are no assignments.
    fn is_binary(&self) -> bool {
        let (name, secret) = (self.found.name(), self.found.secret());
        // A value may stand before its name.
        let start = if name.is_empty() { secret.start } else { name.start.min(secret.start) };
        let around = start.saturating_sub(32)..(secret.end + 32).min(self.bytes.len());
        self.bytes[around].contains(&0)
    }

    fn score(&self, secret: &[u8], facts: &Facts) -> Score {
        let mut score = Tally { points: 0, reasons: Vec::new() };
        match self.rule.shape {
            Shape::Prefix { .. } => score.add("format", 85, "the format identifies itself"),
            Shape::Block { .. } => score.add("format", 90, "a complete block"),
            Shape::Near { .. } | Shape::Context { .. } | Shape::Assignment => {
                score.add("context", 45, "the provider's name stands before it");
            }
        }
        if facts.is_proven {
            score.add("checksum", 15, "passed its structural check");
        }
        for (feature, points, detail) in &facts.effects {
            score.add(feature, *points, *detail);
        }
        if self.is_default(secret, facts) {
            // On a server that others reach it is worse than none.
            let points = if facts.is_far { -20 } else { -40 };
            score.add("password", points, "it is the user's or the product's name, as defaults are");
        } else if self.rule.checksum == Some(Checksum::Connection) {
            match generic::weakness(secret) {
                Weakness::Word => score.add("password", -30, "a word"),
                Weakness::OddWord => score.add("password", -10, "letters alone"),
                Weakness::None => {}
            }
        }
        if matches!(self.rule.shape, Shape::Near { .. } | Shape::Context { .. }) {
            self.add_surroundings(secret, &mut score);
        }
        if let Origin::File(path) = self.origin {
            PathEffect::on(self.rule, self.found, self.bytes).apply(path, &mut score);
        }
        score.into_score()
    }

    /// `postgres://app:app@db`: as good as no password, and nearly always the default of an image or a sample.
    fn is_default(&self, secret: &[u8], facts: &Facts) -> bool {
        let is_of_product = || DEFAULTS.iter().any(|word| secret.eq_ignore_ascii_case(word.as_bytes()));
        if self.rule.checksum == Some(Checksum::Connection) && is_of_product() {
            return true;
        }
        if self.found.id == Some((self.found.start, self.found.end)) {
            return false;
        }
        let id = self.found.claim(self.bytes).id;
        let of = |name| facts.attributes.get(name).map(String::as_bytes);
        let names = [id.or_else(|| of("user")), of("database")];
        names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(secret))
    }

    fn add_surroundings(&self, secret: &[u8], score: &mut Tally) {
        let randomness = randomness(secret);
        let detail = format!("{:.0} % of a random string's entropy", randomness * 100.0);
        match randomness {
            r if r >= 0.92 => score.add("entropy", 15, detail),
            r if r >= 0.82 || self.rule.entropy > 0.0 => {
                score.add("entropy", 5, detail);
            }
            _ => score.add("entropy", -15, detail),
        }
        if self.found.is_assigned {
            score.add("assignment", 15, "an assignment operator stands before it");
        }
        for (points, detail) in neighbours::effects(self.bytes, &self.found.secret()) {
            score.add("syntax", points, detail);
        }
        if self.found.is_quoted {
            score.add("quotes", 5, "it is a whole quoted value");
        }
    }
}

/// Passwords that servers come with.
const DEFAULTS: &[&str] = &["postgres", "mysql", "mongo", "redis", "root", "admin", "guest"];

fn too_low(score: Score, least: u8) -> Rejection {
    Rejection::Score { found: score.points, least, reasons: score.reasons }
}

/// What the path of a blob can take from a score. A blob in history has many paths, which are known only after it was
/// judged: it is judged without one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PathEffect {
    /// Nothing: the format identifies itself.
    None,
    /// A test or an example counts less.
    Test,
    /// What the generic model says, of a literal or of a value without quotes.
    Generic {
        /// How it is written.
        writing: Writing,
    },
}

impl PathEffect {
    pub(super) fn on(rule: &Rule, found: &Match, bytes: &[u8]) -> PathEffect {
        match rule.shape {
            _ if generic::applies(rule) => PathEffect::Generic { writing: PathEffect::writing(found, bytes) },
            Shape::Near { .. } | Shape::Context { .. } => PathEffect::Test,
            Shape::Prefix { .. } if rule.checksum == Some(Checksum::Connection) => PathEffect::Test,
            Shape::Prefix { .. } | Shape::Block { .. } | Shape::Assignment => PathEffect::None,
        }
    }

    /// In source code a value that stands without quotes is none, unless a command or a sentence says it.
    pub(super) fn writing(found: &Match, bytes: &[u8]) -> Writing {
        let is_literal = found.is_quoted
            || found.ending == Ending::Text
            || matches!(found.syntax, Syntax::Pattern | Syntax::Flag | Syntax::Prose);
        match is_literal {
            true if found.syntax == Syntax::Tag => generic::element_writing(found, bytes),
            true => Writing::Literal,
            false => generic::bare_writing(found, bytes),
        }
    }

    fn apply(self, path: &Path, score: &mut Tally) {
        match self {
            PathEffect::Test if is_test_path(path) => score.add("path", -10, "a test or an example, by its path"),
            PathEffect::Generic { writing } => {
                for reason in generic::path_features(path, writing).reasons() {
                    score.points += i32::from(reason.points);
                    score.reasons.push(reason);
                }
            }
            PathEffect::Test | PathEffect::None => {}
        }
    }

    /// The score that a match has at this path.
    pub(super) fn at(self, path: &Path, score: &Arc<Score>) -> Arc<Score> {
        if self == PathEffect::None {
            return Arc::clone(score);
        }
        // Of the reasons, as the sum was cut to 0 to 100.
        let points = score.reasons.iter().map(|reason| i32::from(reason.points)).sum();
        let mut tally = Tally { points, reasons: score.reasons.clone() };
        self.apply(path, &mut tally);
        Arc::new(tally.into_score())
    }
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

struct Tally {
    points: i32,
    reasons: Vec<Reason>,
}

impl Tally {
    fn into_score(self) -> Score {
        Score { points: u8::try_from(self.points.clamp(0, 100)).unwrap_or(0), reasons: self.reasons }
    }

    fn add(&mut self, feature: &'static str, points: i16, detail: impl Into<Cow<'static, str>>) {
        self.points += i32::from(points);
        self.reasons.push(Reason { feature, points, detail: detail.into() });
    }
}
