//! The features of the generic model: each a yes or no with a name, what it means, and its points.

use super::weights::POINTS;
use crate::model::Reason;

macro_rules! features {
    ($($feature:ident $name:literal $prior:literal $detail:literal,)*) => {
        /// A yes-or-no observation on a value, its name or its surroundings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Feature {
            $(#[doc = $detail] $feature,)*
        }

        /// By feature: name, points that we expect before any fit, and what it means.
        pub(super) const TABLE: &[(&str, i16, &str)] = &[$(($name, $prior, $detail),)*];
    };
}

features! {
    NamePassword "name.password" 14 "the name is one of passwords",
    NameSecret "name.secret" 12 "the name is one of secrets",
    NameToken "name.token" 8 "the name is one of tokens",
    NameQualifiedKey "name.api-key" 10 "the name is one of keys that open something",
    NameKey "name.key" -16 "the name says key and no more",
    NameAuth "name.auth" 0 "the name has to do with authentication",
    NameGiven "name.given" 18 "the rule's own words stand before it",
    NameOther "name.other" -60 "the name is about a secret, and not of one",
    NameVerb "name.verb" -15 "the name asks or acts",
    NamePlural "name.plural" -8 "the name is a plural",
    NameOwner "name.owner" 4 "the name says whose it is",
    NameSigning "name.signing" 14 "the name is of what signs or encrypts, and a person made the value up",
    SyntaxQuoted "syntax.quoted" 6 "a whole quoted value",
    SyntaxLine "syntax.line" 2 "the value ends its line, unquoted",
    SyntaxInline "syntax.inline" -6 "unquoted, and the line goes on",
    SyntaxText "syntax.text" -2 "name and value are part of a longer text",
    SyntaxArgument "syntax.argument" -6 "an argument after its name",
    SyntaxCall "syntax.call" -8 "the argument of a call",
    SyntaxCompare "syntax.compare" -6 "it is compared with",
    SyntaxTag "syntax.tag" 4 "between tags",
    SyntaxFlag "syntax.flag" 0 "an option of a command",
    SyntaxApart "syntax.apart" 4 "name and value are fields of one record",
    SyntaxProse "syntax.prose" -8 "said in a sentence",
    SyntaxBlank "syntax.blank" -6 "only a blank between name and value",
    SyntaxDefault "syntax.default" -2 "a value for when the variable isn't set",
    SyntaxStatement "syntax.statement" -30 "a statement that assigns what a variable may be named",
    SyntaxSaidWord "syntax.said-word" -40 "only words, a name or a few letters, where a sentence or a blank names a value",
    PasswordRandom "password.random" 30 "a password of random characters",
    PasswordHex "password.hex" 16 "a password of hexadecimal digits",
    PasswordUuid "password.uuid" 12 "a password that is a UUID",
    PasswordMixed "password.mixed" 24 "a password of letters with digits or marks",
    PasswordWordNumber "password.word-number" 10 "a password of a word and a number",
    PasswordWord "password.word" -22 "a word where a password would be",
    PasswordOddWord "password.odd-word" 4 "letters that are no word of code, where a password would be",
    PasswordWords "password.words" -32 "several words where a password would be",
    PasswordNumber "password.number" -6 "digits where a password would be",
    KeyRandom "key.random" 26 "random characters",
    KeyHex "key.hex" 14 "hexadecimal digits",
    KeyUuid "key.uuid" 4 "a UUID",
    KeyMixed "key.mixed" -4 "letters with digits or marks",
    KeyWordNumber "key.word-number" -22 "a word and a number",
    KeyWord "key.word" -42 "a word",
    KeyOddWord "key.odd-word" -22 "letters that are no word of code",
    KeyWords "key.words" -46 "several words",
    KeyNumber "key.number" -26 "digits",
    LengthUnder6 "length.under-6" -12 "fewer than 6 characters",
    LengthUnder8 "length.under-8" -4 "6 or 7 characters",
    LengthUnder16 "length.under-16" 0 "8 to 15 characters",
    LengthLong "length.16-and-up" 5 "16 characters and more",
    LengthVeryLong "length.over-128" -10 "more than 128 characters",
    EntropyHigh "entropy.high" 4 "at least 92 % of a random string's entropy",
    EntropyLow "entropy.low" -8 "less than 75 % of a random string's entropy",
    SpellingRare "spelling.rare" 6 "spelled unlike words and identifiers",
    SpellingCommon "spelling.common" -6 "spelled like words and identifiers",
    WordsMost "words.most" -8 "most of its letters are words of code and documentation",
    Marks "value.marks" 4 "it has marks that names don't have",
    UserPassword "value.user-password" 24 "base64 of a user's name and password",
    Placeholder "placeholder.sample" -70 "it has a word that samples have, or is a mask",
    PlaceholderWeak "placeholder.common" -16 "it has a word that samples and tests often have",
    PlaceholderStem "placeholder.stem" -22 "a word for passwords, and a number that nobody counts up to",
    PasswordWeak "password.weak" -20 "a weak password, in a way that people really set it",
    SameAsName "value.name" -34 "it says what it is, and no more",
    Reference "value.reference" -90 "it refers to a value that stands elsewhere",
    Code "value.code" -80 "it is code, a pattern or a type",
    Sealed "value.sealed" -90 "a hash, ciphertext or public key",
    Cut "value.cut" -40 "it is part of something longer",
    Digest "value.digest" -8 "as long as a hash in hexadecimal",
    KeyDigest "key.digest" -20 "a hash's or key id's digits under a name that says key and no more",
    ContextComment "context.comment" -4 "in a comment",
    ContextExample "context.example" -10 "the line speaks of an example",
    ContextLogin "context.login" 4 "a user's name or a host stands near it",
    ContextRepeated "context.repeated" -20 "the same word stands near it, as a user's or product's name does",
    ContextBadge "context.badge" -40 "in the address of a badge",
    ContextPart "context.companion" 10 "a public part of the credential stands near it",
    PathTest "path.test" -8 "a test, by its path",
    PathExample "path.example" -8 "an example or a document, by its path",
    PathCode "path.code" -3 "a quoted value in source code",
    PathCodeUnquoted "path.code-unquoted" -60 "not quoted, in source code",
    PathIdentifier "path.identifier" -65 "what a variable may be named, not quoted, in source code",
    PathTranslation "path.translation" -60 "a translation, by its path",
    PathStyle "path.markup" -10 "markup, styles or minified code, by its path",
    PathLock "path.lock" -60 "a lock file or checksums, by its path",
}

/// A value's features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features(u128);

impl Features {
    pub(super) fn add(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u8;
    }

    pub(super) fn add_if(&mut self, is: bool, feature: Feature) {
        self.0 |= u128::from(is) << feature as u8;
    }

    pub(super) fn has(self, feature: Feature) -> bool {
        self.0 >> (feature as u8) & 1 == 1
    }

    /// Indices into the table, ascending.
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(next)
        })
    }

    /// What points the given features can add at most.
    pub(super) const fn most_of(features: &[Feature]) -> i32 {
        let (mut sum, mut at) = (0, 0);
        while at < features.len() {
            let points = POINTS[features[at] as usize] as i32;
            sum += if points > 0 { points } else { 0 };
            at += 1;
        }
        sum
    }

    /// The sum of their points. An even chance is 50, and each ten points more or less are one unit of log-odds.
    pub(super) fn points(self) -> i32 {
        self.indices().map(|index| i32::from(POINTS[index])).sum()
    }

    /// One reason per feature that counts.
    pub(crate) fn reasons(self) -> Vec<Reason> {
        let reason = |index: usize| {
            let (feature, _, detail) = TABLE[index];
            Reason { feature, points: POINTS[index], detail: detail.into() }
        };
        self.indices().filter(|index| POINTS[*index] != 0).map(reason).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn features_fit_into_their_set_and_have_points() {
        assert!(TABLE.len() <= 128 && super::POINTS.len() == TABLE.len());
        let names: std::collections::BTreeSet<_> = TABLE.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), TABLE.len());
    }
}
