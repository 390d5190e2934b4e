//! The pattern of a `context` rule, put together from its parts: provider's name, words between, a word for secrets, an
//! assignment, the token.

/// Words that name a secret, where a rule lists none of its own.
pub const WORDS: &[&str] =
    &["key", "token", "secret", "authorization", "auth", "password", "passwd", "credential", "credentials"];

/// How far the word may stand behind the provider's name, where a rule says nothing else.
pub const DISTANCE: usize = 50;

/// One character between name and word: any of the line, and over its end where a value or a list goes on.
const BETWEEN: &str = r"(?:[^\n]|\n[\s\x22\x27{(<]|\]\r?\n)";

/// Longest text that it matches.
const BETWEEN_LEN: usize = 3;

/// What may follow the word in a name.
const AFTER_WORD: &str = r"s?(?:_?(?:value|live|prod|test|dev|v?[0-9]{1,2}))?[\\\x22\x27\x60\]]{0,3}";

/// A list of names and values, as Kubernetes and Terraform write them.
const VALUE_KEY: &str = r"(?:[\s,]{1,12}[\x22\x27]?value[\x22\x27]?)?";

/// The assignment, a quote, a scheme of authorization.
const ASSIGNS: &str = r"\s{0,8}(?:=>|:=|[=:,(>])\s{0,8}[\\\x22\x27\x60(]{0,3}(?:(?:bearer|token|key|apikey)\s{1,2})?";

/// Longest text of the last three together, and of a plural.
const FIXED_LEN: usize = 10 + 19 + 8 + 2 + 8 + 3 + 8;

/// The whole expression of a rule of shape `context`. Names and words match in either case, the token as it is written.
pub fn expression<S: AsRef<str>>(names: &[S], words: &[S], distance: usize, token: &str) -> String {
    let names = alternatives(names);
    let words = if words.is_empty() { alternatives(WORDS) } else { alternatives(words) };
    let token =
        if token.contains("(?<secret>") { format!("(?-i:{token})") } else { format!("(?<secret>(?-i:{token}))") };
    format!("{names}{BETWEEN}{{0,{distance}}}?{words}{AFTER_WORD}{VALUE_KEY}{ASSIGNS}{token}")
}

/// Longest match, given the lengths of the longest name, word and token.
pub fn max_span(name: usize, word: usize, distance: usize, token: usize) -> usize {
    name + BETWEEN_LEN * distance + word + FIXED_LEN + token
}

fn alternatives(words: &[impl AsRef<str>]) -> String {
    let mut words: Vec<String> = words.iter().map(|word| regex_syntax::escape(word.as_ref())).collect();
    // The longest first: `secret_key` is more than `secret`.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    format!("(?:{})", words.join("|"))
}
