//! Most candidates are no secrets, and most of those are settled by a name and a little syntax: when the score can't reach
//! the least that counts any more, nothing else is looked at.

use super::{
    feature::{Feature, Features},
    value::ValueKind,
    weights::POINTS,
};

/// What surroundings say.
const SURROUNDINGS: &[Feature] = &[
    Feature::ContextComment,
    Feature::ContextExample,
    Feature::ContextLogin,
    Feature::ContextRepeated,
    Feature::ContextBadge,
];
/// What the spelling says.
const SPELLING: &[Feature] = &[
    Feature::EntropyHigh,
    Feature::EntropyLow,
    Feature::SpellingRare,
    Feature::SpellingCommon,
    Feature::WordsMost,
    Feature::Marks,
    Feature::Reference,
    Feature::Code,
    Feature::Cut,
    Feature::Digest,
    Feature::KeyDigest,
];
/// What the value's words say.
const SAMPLE: &[Feature] = &[
    Feature::Sealed,
    Feature::Placeholder,
    Feature::PlaceholderWeak,
    Feature::PlaceholderStem,
    Feature::PasswordWeak,
    Feature::SameAsName,
];

/// The most points that each of these can add.
pub(super) const SURROUNDINGS_MOST: i32 = Features::most_of(SURROUNDINGS);
pub(super) const SPELLING_MOST: i32 = Features::most_of(SPELLING);
pub(super) const SAMPLE_MOST: i32 = Features::most_of(SAMPLE);

/// All kinds of values, and those that letters alone can have.
const ALL_KINDS: &[ValueKind] = &[
    ValueKind::Random,
    ValueKind::Hex,
    ValueKind::Uuid,
    ValueKind::Mixed,
    ValueKind::WordNumber,
    ValueKind::Word,
    ValueKind::OddWord,
    ValueKind::Words,
    ValueKind::Number,
];
const WORD_KINDS: &[ValueKind] = &[ValueKind::Word, ValueKind::OddWord, ValueKind::Words];

/// Of these kinds the one with most points, where a password would be and where a key would.
const fn best_of(kinds: &[ValueKind]) -> (Feature, Feature) {
    let (mut password, mut key) = (password_kind(kinds[0]), key_kind(kinds[0]));
    let mut at = 1;
    while at < kinds.len() {
        let (other_password, other_key) = (password_kind(kinds[at]), key_kind(kinds[at]));
        password = if POINTS[other_password as usize] > POINTS[password as usize] { other_password } else { password };
        key = if POINTS[other_key as usize] > POINTS[key as usize] { other_key } else { key };
        at += 1;
    }
    (password, key)
}

pub(super) const BEST: (Feature, Feature) = best_of(ALL_KINDS);
pub(super) const BEST_WORD: (Feature, Feature) = best_of(WORD_KINDS);

/// Which features somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// All of them.
    All,
    /// Those with points, of values that can have at least so many. A path only takes from them.
    Points(u8),
}

impl Need {
    /// Is the score too low, even if all that is not looked at yet adds `most`?
    pub(super) fn is_settled(self, so_far: Features, most: i32) -> bool {
        matches!(self, Need::Points(least) if (super::BASE + so_far.points() + most).max(0) < i32::from(least))
    }

    pub(super) fn wants(self, feature: Feature) -> bool {
        self == Need::All || POINTS[feature as usize] != 0
    }
}

/// What is known of a value before anybody looks at how it is spelled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) features: Features,
    pub(super) is_password: bool,
    pub(super) signs: bool,
    pub(super) is_said: bool,
    /// The best kind that it can be of, and the points that everything else can add.
    pub(super) best: Feature,
    pub(super) most: i32,
}

impl Begun {
    /// The features that it has at best, if its score is too low even so.
    pub(super) fn settled(self, need: Need) -> Option<Features> {
        let mut features = self.features;
        features.add(self.best);
        need.is_settled(features, self.most).then_some(features)
    }
}

pub(super) const fn password_kind(kind: ValueKind) -> Feature {
    match kind {
        ValueKind::Random => Feature::PasswordRandom,
        ValueKind::Hex => Feature::PasswordHex,
        ValueKind::Uuid => Feature::PasswordUuid,
        ValueKind::Mixed => Feature::PasswordMixed,
        ValueKind::WordNumber => Feature::PasswordWordNumber,
        ValueKind::Word => Feature::PasswordWord,
        ValueKind::OddWord => Feature::PasswordOddWord,
        ValueKind::Words => Feature::PasswordWords,
        ValueKind::Number => Feature::PasswordNumber,
    }
}

pub(super) const fn key_kind(kind: ValueKind) -> Feature {
    match kind {
        ValueKind::Random => Feature::KeyRandom,
        ValueKind::Hex => Feature::KeyHex,
        ValueKind::Uuid => Feature::KeyUuid,
        ValueKind::Mixed => Feature::KeyMixed,
        ValueKind::WordNumber => Feature::KeyWordNumber,
        ValueKind::Word => Feature::KeyWord,
        ValueKind::OddWord => Feature::KeyOddWord,
        ValueKind::Words => Feature::KeyWords,
        ValueKind::Number => Feature::KeyNumber,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::{ALL_KINDS, Feature, SAMPLE, SPELLING, SURROUNDINGS, key_kind, password_kind};

    use crate::{Scanner, ScannerOptions, engine::training, rule::builtin, rule::template::SampleRng};

    /// Lines that assign all kinds of things in all kinds of ways.
    fn assignments(rng: &mut SampleRng) -> String {
        const NAMES: &[&str] = &[
            "password",
            "db_password",
            "token",
            "Token",
            "TokenFilter",
            "secret_key",
            "key",
            "option key",
            "api key",
            "auth",
            "pass",
            "token_url",
            "passwords",
            "has_secret",
            "jwt_secret",
            "sessionKey",
            "a&key",
            "client_secret",
        ];
        const OPERATORS: &[&str] = &[" = ", ": ", "=", " ", " is ", " - ", "(", "\", \"", " => ", " == "];
        const VALUES: &[&str] = &[
            "request",
            "Refreshed",
            "ADMIN",
            "admin123",
            "hunter2-prod",
            "get_user(x)",
            "${X}",
            "changeme",
            "dXNlcjpwYXNzd29yZA==",
            "letmein",
            "Winter2024!",
            "abc",
            "12345678",
            "a long text",
            "foo.bar",
            "user",
            "someVariable",
            "abcdefabcdefabcd",
        ];
        let mut text = String::new();
        for _ in 0..60 {
            let of = |rng: &mut SampleRng, list: &[&'static str]| list[rng.below(list.len())];
            let quote = ["", "\"", "'"][rng.below(3)];
            let value = match rng.below(3) {
                0 => {
                    let len = 4 + rng.below(36);
                    String::from_utf8(rng.pick(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", len))
                        .unwrap()
                }
                _ => of(rng, VALUES).to_owned(),
            };
            let end = ["\n", ";\n", " in 5 ms\n", ", \"user\": 1\n", ")\n"][rng.below(5)];
            text += &[of(rng, NAMES), of(rng, OPERATORS), quote, &value, quote, end].concat();
        }
        text
    }

    /// One that is in no list would be left out of what a value can still gain.
    #[test]
    fn every_feature_that_is_looked_at_late_is_in_a_list() {
        let kinds = ALL_KINDS.iter().flat_map(|kind| [password_kind(*kind), key_kind(*kind)]);
        let possible = [Feature::NameSigning, Feature::UserPassword, Feature::ContextPart];
        let lists = [SURROUNDINGS, SPELLING, SAMPLE, &possible];
        let listed: BTreeSet<usize> = lists.concat().into_iter().chain(kinds).map(|feature| feature as usize).collect();
        for (index, feature) in training::generic_features().iter().enumerate() {
            let group = feature.name.split('.').next().unwrap();
            let is_early = ["name", "syntax", "length", "path"].contains(&group);
            assert!(is_early || listed.contains(&index), "{}", feature.name);
        }
    }

    #[test]
    fn what_is_settled_early_would_have_been_settled_so_in_the_end() {
        let (least, all) = (ScannerOptions::default(), ScannerOptions { min_score: 0, ..ScannerOptions::default() });
        let rules = || builtin().iter().filter(|rule| super::super::applies(rule)).cloned().collect();
        let (scanner, every) = (Scanner::new(rules(), &least), Scanner::new(rules(), &all));
        let points: Vec<i32> = training::generic_features().iter().map(|feature| i32::from(feature.points)).collect();
        let mut rng = SampleRng::new(5);
        let (mut accepted, mut rejected) = (0, 0);
        for _ in 0..200 {
            let text = assignments(&mut rng);
            let candidates = every.generic_candidates(Path::new("a.yml"), text.as_bytes());
            let expected: Vec<usize> = candidates
                .iter()
                .filter(|candidate| 50 + candidate.features.iter().map(|at| points[*at]).sum::<i32>() >= 50)
                .map(|candidate| candidate.span.start)
                .collect();
            let found = scanner.generic_candidates(Path::new("a.yml"), text.as_bytes());
            let found: Vec<usize> = found.iter().map(|candidate| candidate.span.start).collect();
            assert_eq!(found, expected, "{text}");
            accepted += found.len();
            rejected += candidates.len() - found.len();
        }
        assert!(accepted > 1_000 && rejected > 3_000, "{accepted} {rejected}");
    }
}
