use std::borrow::Cow;

use super::{byte_set::ByteSet, schema::Checksum};
use crate::model::RuleMeta;

/// A validated rule, ready for the engine. Built-in rules borrow everything from the binary, so that loading them
/// costs nothing.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of the rule file")]
pub struct Rule {
    /// What reports say about it.
    pub meta: RuleMeta,
    /// Literals of which one stands where a match is looked for.
    pub keywords: Cow<'static, [Cow<'static, str>]>,
    /// Do keywords and pattern match without regard to ASCII case?
    pub ignore_case: bool,
    /// How a match hangs on its keyword.
    pub shape: Shape,
    /// The regular expression, bytes mode without Unicode.
    pub pattern: Cow<'static, str>,
    /// Does it have a group `secret` or `id`?
    pub has_groups: bool,
    /// Longest match in bytes.
    pub max_span: usize,
    /// Shortest match in bytes.
    pub min_len: usize,
    /// Every byte that can be part of a match of `pattern`.
    pub alphabet: ByteSet,
    /// `prefix` shape: every byte that can follow a keyword; `None` if a match can end with one.
    pub follows: Option<ByteSet>,
    /// Bytes that may not touch the secret.
    pub boundary: ByteSet,
    /// Least entropy of the secret in bits per character; 0 for none.
    pub entropy: f64,
    /// Least number of decimal digits in the secret.
    pub min_digits: usize,
    /// Check on the secret's own bytes.
    pub checksum: Option<Checksum>,
    /// `base64` check: how many bytes the secret decodes to; 0 for any number.
    pub decoded_bytes: usize,
    /// Patterns of secrets that are never findings.
    pub allow: Cow<'static, [Cow<'static, str>]>,
    /// Ids of rules that give way where both claim the same bytes.
    pub supersedes: Cow<'static, [Cow<'static, str>]>,
    /// Does it give way to every rule that is not generic itself?
    pub generic: bool,
    /// Does it find public parts of credentials, which are no finding of their own?
    pub identifier: bool,
    /// Public parts that belong to the secret and stand near it.
    pub companions: Cow<'static, [Companion]>,
}

/// A public part of a composite credential: a key id, a client id, a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// What it is, in kebab-case.
    pub name: Cow<'static, str>,
    /// What it looks like. The group `id` is the part, without it the whole match is.
    pub pattern: Cow<'static, str>,
    /// Most bytes between it and the secret, on either side.
    pub within: usize,
    /// Is the secret none without it?
    pub required: bool,
    /// The rule, with `identifier`, that finds it elsewhere in the file or in other files of the same change.
    pub rule: Option<Cow<'static, str>>,
}

impl Rule {
    /// What secrets of this rule begin with for all the world to know: the keywords of a format. A name stands before its
    /// value, and one that begins with such a word is a password like others.
    #[must_use]
    pub fn public_prefixes(&self) -> &[Cow<'static, str>] {
        let is_format = matches!(self.shape, Shape::Prefix { .. } | Shape::Block { .. });
        if is_format && (!self.generic || self.checksum.is_some()) { &self.keywords } else { &[] }
    }

    /// How little the rule says about whose secret it is: where two rules claim the same bytes, the lower rank wins.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self.shape {
            Shape::Prefix { .. } | Shape::Block { .. } => u8::from(self.generic) * 2,
            Shape::Near { .. } | Shape::Context { .. } => 1 + u8::from(self.generic),
            Shape::Assignment => 3 + u8::from(self.generic),
        }
    }
}

/// How a match hangs on its keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The match has the keyword this many bytes after its start.
    Prefix {
        /// Bytes of the match before the keyword.
        offset: usize,
    },
    /// The match starts at most this many bytes after the keyword's end.
    Near {
        /// Most bytes between keyword and secret.
        distance: usize,
    },
    /// The match is assigned to a name that holds the keyword and, within `distance` bytes, a word for secrets.
    Context {
        /// Words for secrets; [`super::context::WORDS`] if empty.
        words: Cow<'static, [Cow<'static, str>]>,
        /// Most characters between keyword and word.
        distance: usize,
    },
    /// The match is the whole value assigned to a name that holds the keyword.
    Assignment,
    /// The match begins with the keyword and ends with the first match of this pattern.
    Block {
        /// The pattern that ends it.
        until: Cow<'static, str>,
    },
}

impl Shape {
    /// The name used in rule files.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Shape::Prefix { .. } => "prefix",
            Shape::Near { .. } => "near",
            Shape::Context { .. } => "context",
            Shape::Assignment => "assignment",
            Shape::Block { .. } => "block",
        }
    }
}
