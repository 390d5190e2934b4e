//! Words that values in samples and tests often have, and values that only say what they are.

use super::parts::WordSet;

/// Words that made-up values have more often than real ones. Whole words alone: `test` in `attestation` doesn't count.
#[rustfmt::skip]
static COMMON: WordSet = WordSet::new(&[
    "test", "tests", "testing", "tester", "demo", "foo", "bar", "baz", "default", "admin", "root", "user", "guest",
    "temp", "tmp", "abc", "abcd", "xyz", "qwerty", "some", "any", "your", "my", "secret", "token", "password",
    "passwd", "pass", "key", "pwd", "hello", "world", "value", "string", "none", "old", "new", "wrong", "invalid",
    "bad", "good", "random", "super", "changeit", "letmein", "welcome", "1234", "12345", "123456", "123", "mock",
    "stub", "local", "localhost", "dev", "postgres", "mysql", "mongo", "redis", "here", "goes", "generated", "fake",
    "dummy", "sample", "example", "unit", "integration", "correct", "incorrect", "username", "login", "email", "name",
    "valid", "passw0rd", "pa55word", "p", "s", "t", "supersecret", "topsecret", "mypassword", "testpass",
    "testpassword", "changeme", "todo", "fixme",
]);

/// Words that say that a value is a secret.
#[rustfmt::skip]
static SELF: WordSet = WordSet::new(&[
    "passwort", "kennwort", "senha", "clave", "wachtwoord", "haslo", "parola", "mot", "passe", "palavra", "contrasena", "geheim",
    "password", "passwd", "pass", "pwd", "passphrase", "secret", "secrets", "token", "tokens", "key", "keys",
    "apikey", "api", "access", "auth", "my", "your", "the", "a", "an", "some", "new", "old", "user", "admin",
    "client", "db", "database", "app", "private", "public", "this", "is", "test", "here", "value", "code", "bearer",
    "jwt", "credentials", "credential", "basic", "basicauth", "id", "enter", "current", "confirm", "for", "of", "to", "root",
]);

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .chunk_by(|a, b| kind(*a) == kind(*b) && !(a.is_ascii_lowercase() && b.is_ascii_uppercase()))
        .filter(|word| kind(word[0]) != 0)
}

fn kind(byte: u8) -> u8 {
    u8::from(byte.is_ascii_alphabetic()) + 2 * u8::from(byte.is_ascii_digit())
}

/// Longer values say more than what they are.
const MAX_NAMING: usize = 63;

/// Letters and digits, in lower case.
fn letters(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase)
}

/// Has it a word that samples and tests often have?
pub(super) fn is_common(value: &[u8]) -> bool {
    words(value).any(|word| word.len() >= 3 && COMMON.has_folded(word))
}

/// Does it say what it is and no more: `password`, `my-secret`, the name itself?
pub(super) fn names_itself(value: &[u8], name: &[u8]) -> bool {
    // "Contraseña.", of a documentation's sentence.
    let value = value.strip_suffix(b".").unwrap_or(value);
    let unescaped = super::value::unescaped(value);
    let whole = unescaped.as_deref().unwrap_or(value);
    let all_self =
        || words(value).all(|word| SELF.has_folded(word) || word.len() <= 4 && word.iter().all(u8::is_ascii_digit));
    let mut buffer = [0; MAX_NAMING];
    let mut len = 0;
    for byte in letters(value) {
        let Some(free) = buffer.get_mut(len) else { return false };
        *free = byte;
        len += 1;
    }
    let value = &buffer[..len];
    // `rethinkdbPassword: rethinkdb`, `-e POSTGRES_PASSWORD postgres:16`: whose it is, and no more.
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let owner = &value[..value.len() - digits];
    let is_owner = || owner.len() >= 4 && letters(name).take(owner.len()).eq(owner.iter().copied());
    // `rootpw`, `wrongpassphrase`.
    let is_said = || {
        let stem = NAMING.iter().find_map(|word| owner.strip_suffix(word.as_bytes()));
        let is_one = |stem: &[u8]| SELF.has(stem) || COMMON.has(stem) || super::name::is_owner(stem);
        // `mydbpass`, `YOURWIFIPASS`.
        let whose = |stem: &[u8]| MINE.iter().find_map(|mine| stem.strip_prefix(mine.as_bytes())).is_some_and(is_one);
        stem.is_some_and(|stem| SELF.has(stem) || COMMON.has(stem) || whose(stem))
    };
    // In another language.
    if super::name::is_word_for_passwords(whole) {
        return true;
    }
    !value.is_empty() && letters(name).eq(value.iter().copied()) || is_owner() || is_said() || all_self()
}

/// What stands before a word that says what the value is: `kuma` of `kumapass`.
pub(super) fn stem(value: &[u8]) -> Option<&[u8]> {
    NAMING.iter().find_map(|word| value.strip_suffix(word.as_bytes())).filter(|stem| stem.len() >= 4)
}

/// Whose it is said to be.
const MINE: &[&str] = &["my", "your", "the", "a"];

/// A weak password that people really set, in numbers or marks of their own: `admin123`, `P@ssw0rd`, `MySecret#1`.
/// Not with a word that says that it's made up.
pub(super) fn is_set_by_people(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let has_mark = value.iter().any(|byte| b"!@#$%^&*+?".contains(byte));
    let is_apart = |word: &[u8]| word.len() >= 3 && MADE_UP.has_folded(word);
    let folded = value.to_ascii_lowercase();
    (digits >= 2 || has_mark)
        && value.len() >= 6
        && !value.iter().any(|byte| b":\\".contains(byte))
        && !is_the_word_itself(value)
        && !words(value).any(is_apart)
        && !MADE_UP_PARTS.is_in(&folded)
}

/// `secret123`, `MyP@ssw0rd`, `Pa55word1!`: what it is, however it's spelled, and behind it next to nothing or a number that is
/// counted up to.
fn is_the_word_itself(value: &[u8]) -> bool {
    let letters = value.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    let (word, tail) = value.split_at(letters);
    let spelled: Vec<u8> = word.iter().map(|byte| plain_letter(byte.to_ascii_lowercase())).collect();
    let word = spelled.strip_prefix(b"my").unwrap_or(&spelled);
    (tail.len() <= 2 || b"123456789".starts_with(tail)) && NAMING.iter().any(|own| own.as_bytes() == word)
}

/// The letter that a digit or a mark stands for.
fn plain_letter(byte: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        _ => byte,
    }
}

/// Words of values that nobody sets.
#[rustfmt::skip]
static MADE_UP: WordSet = WordSet::new(&[
    "test", "tests", "testing", "tester", "demo", "foo", "bar", "baz", "temp", "tmp", "some", "any", "your", "my", "old",
    "new", "wrong", "invalid", "bad", "mock", "stub", "here", "goes", "fake", "dummy", "sample", "example", "unit",
    "correct", "incorrect", "valid", "todo", "fixme", "username", "value", "string", "none", "xyz", "abc",
]);
static MADE_UP_PARTS: super::parts::AnyOf =
    super::parts::AnyOf::new(&["test", "change", "your", "foo", "fake", "wrong", "valid"]);

/// What a made-up value ends with that says what it is.
const NAMING: &[&str] = &["passphrase", "password", "passwd", "pass", "pwd", "pw", "secret", "token", "key"];

/// A word for passwords with a number of its own, as people choose them: `Password2024!`, but not `password123`.
pub(super) fn has_own_number(value: &[u8]) -> bool {
    let is_stem = |stem: &&&str| value.get(..stem.len()).is_some_and(|text| text.eq_ignore_ascii_case(stem.as_bytes()));
    let Some(stem) = STEMS.iter().filter(is_stem).max_by_key(|stem| stem.len()) else { return false };
    let rest = &value[stem.len()..];
    let digits = rest.iter().take_while(|byte| !byte.is_ascii_digit()).count();
    let (between, rest) = rest.split_at(digits);
    let (number, behind) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let is_marks = |text: &[u8]| text.len() <= 2 && text.iter().all(|byte| b"!@#$%^&*+?_-.".contains(byte));
    let has_mark = between.iter().chain(behind).any(|byte| b"!@#$%^&*+?".contains(byte));
    let step = |pair: &[u8]| i16::from(pair[1]) - i16::from(pair[0]);
    let is_counted = number.windows(2).map(step).all(|by| by.abs() <= 1);
    let is_long = number.len() >= 4 || number.len() >= 2 && has_mark;
    is_long && !is_counted && number.len() <= 8 && is_marks(between) && is_marks(behind)
}

/// What passwords begin with that get a number.
const STEMS: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "p4ssw0rd",
    "pa$$word",
    "pa$$w0rd",
    "passwort",
    "kennwort",
    "wachtwoord",
    "senha",
    "pass",
    "secret",
    "admin",
    "root",
    "geheim",
    "haslo",
    "contrasena",
];

#[cfg(test)]
mod tests {
    use super::{has_own_number, is_common, names_itself};

    #[test]
    fn numbers_that_people_choose() {
        for value in [
            "Password2024!",
            "passw0rd#4711",
            "P@ssw0rd2019",
            "Admin@2023",
            "secret-8047",
            "Password_97!",
            "Password4711",
        ] {
            assert!(has_own_number(value.as_bytes()), "{value}");
        }
        for value in
            ["password123", "Password1!", "Password", "secret1234", "Password123!", "pass0000", "mypassword2024!"]
        {
            assert!(!has_own_number(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn whole_words_count() {
        assert!(is_common(b"test-1234") && is_common(b"AdminPassword") && !is_common(b"attestation9"));
        assert!(
            names_itself(b"my_secret_key", b"x")
                && names_itself(b"dbPass", b"DB_PASS")
                && names_itself(b"password1", b"pwd")
                && names_itself(b"Salasana", b"x")
                && names_itself(b"Has\\u0142o", b"x")
                && names_itself(b"rootpw", b"x")
                && names_itself(b"wrongpassphrase2", b"x")
                && names_itself(b"rethinkdb", b"rethinkdbPassword")
                && names_itself(b"postgres:16", b"POSTGRES_PASSWORD")
        );
        assert!(!names_itself(b"hunter2", b"password") && !names_itself(b"kettlepass", b"x"));
    }
}
