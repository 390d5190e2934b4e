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
    "testpassword", "changeme",
]);

/// Words that say that a value is a secret.
#[rustfmt::skip]
static SELF: WordSet = WordSet::new(&[
    "passwort", "kennwort", "senha", "clave", "wachtwoord", "haslo", "parola", "mot", "passe", "contrasena", "geheim",
    "password", "passwd", "pass", "pwd", "passphrase", "secret", "secrets", "token", "tokens", "key", "keys",
    "apikey", "api", "access", "auth", "my", "your", "the", "a", "an", "some", "new", "old", "user", "admin",
    "client", "db", "database", "app", "private", "public", "this", "is", "test", "here", "value", "code", "bearer",
    "jwt", "credentials", "credential", "id", "enter", "current", "confirm", "for", "of", "to", "root",
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
    !value.is_empty() && letters(name).eq(value.iter().copied()) || is_owner() || all_self()
}

#[cfg(test)]
mod tests {
    use super::{is_common, names_itself};

    #[test]
    fn whole_words_count() {
        assert!(is_common(b"test-1234") && is_common(b"AdminPassword") && !is_common(b"attestation9"));
        assert!(
            names_itself(b"my_secret_key", b"x")
                && names_itself(b"dbPass", b"DB_PASS")
                && names_itself(b"password1", b"pwd")
                && names_itself(b"rethinkdb", b"rethinkdbPassword")
                && names_itself(b"postgres:16", b"POSTGRES_PASSWORD")
        );
        assert!(!names_itself(b"hunter2", b"password"));
    }
}
