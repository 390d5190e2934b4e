//! Values that stand where a secret would: documentation samples, masks, sequences.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::entropy::randomness;

/// Words of samples that weak passwords have, too, which people really set: `P@ssw0rd`, `admin12345678`.
const WEAK: &[&str] = &[
    "12345678",
    "23456789",
    "98765432",
    "p@ssword",
    "p@ssw0rd",
    "pa55word",
    "pa55w0rd",
    "p@55w",
    "p4ssw0rd",
    "p4ssword",
    "s3cr3t",
    "s3cret",
    "pa$$word",
    "pa$$w0rd",
    "mysecret",
    "mypassword",
    "password",
    "passw0rd",
    "123123123",
    "1234abcd",
    "12345abc",
];

/// Other words that a value made up for documentation holds. None of all is shorter than five letters: in a random token of 40
/// characters a given five-letter word appears by chance once in a few million.
const WORDS: &[&str] = &[
    "example",
    "sample",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "dummy",
    "redacted",
    "your-",
    "your_",
    "yourapi",
    "yourkey",
    "yoursecret",
    "yourtoken",
    "yourpass",
    "insert",
    "replace",
    "fixme",
    "xxxxx",
    "*****",
    ".....",
    "_____",
    "01234567",
    "abcdefgh",
    "deadbeef",
    "cafebabe",
    "foobar",
    "foo_bar",
    "lorem",
    "notasecret",
    "not-a-secret",
    "not_a_secret",
    "not-real",
    "insecure",
    "unsecure",
    "verysecure",
    "very_secure",
    "very-secure",
    "so_secure",
    "helloworld",
    "somerandom",
    "some-random",
    "some_random",
    "s0m3r@nd0m",
    "randomstring",
    "valid-token",
    "valid_token",
    "abc123def",
    "fakekey",
    "fake_",
    "fake-",
    "testtest",
    "my_secret",
    "my-secret",
    "mytoken",
    "my_token",
    "my-token",
    "my_password",
    "my-password",
    "secret_key",
    "secretkey",
    "sua-senha",
    "sua_senha",
    "suasenha",
    "tucontrase",
    "tu_contrase",
    "tu-contrase",
    "votremotdepasse",
    "votre-mot-de-passe",
    "dein-passwort",
    "deinpasswort",
    "ihr-passwort",
    "ihrpasswort",
    "mein-passwort",
    "meinpasswort",
    "changeit",
    // Samples that stand in RFC 6749 and in the documentation of one-time passwords.
    "2yotnfzfejr1zcsicmwpaa",
    "tgzv3jokf0xg5qx2tlkwia",
    "gx1fbat3bv",
    "correct-horse",
    "correcthorse",
    "jbswy3dp",
    // Those of RFC 5849.
    "kkk9d7dh3k39sjv7",
    "9djdj82h48djs9d2",
    "ad180jjd733klru7",
    "nnch734d00sl2jdk",
    "hdhd0244k9j7ao03",
    "hh5s93j4hdidpola",
];

/// What is said of a mask.
const MASK: &str = "one character repeated";

/// Looks for placeholder words and masks.
#[derive(Debug)]
pub(super) struct Placeholders {
    words: AhoCorasick,
}

impl Placeholders {
    pub(super) fn new() -> Placeholders {
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(WEAK.iter().chain(WORDS))
            .expect("a short constant list is within its limits");
        Placeholders { words }
    }

    /// The reason why `value`, which has a format, can't be a secret, if there is one: a placeholder word or a mask. A run
    /// of one character is no mask if `pattern` spells it out, or if it is a small part of a long random token.
    pub(super) fn find(&self, value: &[u8], pattern: &str) -> Option<&'static str> {
        self.find_longer(value, pattern, 0).filter(|reason| *reason != MASK || !is_random_besides(value))
    }

    /// The same for a value without a format, in which any long run is a mask, and but for words of fewer than `least`
    /// letters: by chance those stand in long random values.
    pub(super) fn find_longer(&self, value: &[u8], pattern: &str, least: usize) -> Option<&'static str> {
        if let Some(index) = self.words(value).find(|index| word(*index).len() >= least) {
            return Some(word(index));
        }
        let (half, other) = value.split_at(value.len() / 2);
        if half.len() >= 8 && half == other {
            return Some("the same twice");
        }
        let longest = &value[longest_run(value)];
        let is_mask = longest.len() >= 8 || longest.len() * 2 > value.len().max(5);
        let spelled_out = || memchr::memmem::find(pattern.as_bytes(), &longest[..longest.len().min(5)]).is_some();
        (is_mask && !spelled_out()).then_some(MASK)
    }

    /// Has it no other word of a sample than those of weak passwords?
    pub(super) fn is_only_weak(&self, value: &[u8]) -> bool {
        self.words(value).all(|index| index < WEAK.len())
    }

    /// The words of samples in a value, by their place in both lists.
    fn words(&self, value: &[u8]) -> impl Iterator<Item = usize> {
        self.words.find_iter(value).map(|found| found.pattern().as_usize())
    }
}

/// Where the longest run of one character stands; empty if the value is.
fn longest_run(value: &[u8]) -> Range<usize> {
    let mut end = 0;
    let runs = value.chunk_by(|a, b| a == b).map(|run| {
        end += run.len();
        end - run.len()..end
    });
    runs.max_by_key(Range::len).unwrap_or_default()
}

/// Is it a long token that passes for random without its longest run, and is that a fifth of it at most? So do tokens look
/// that encode a structure with zero or all-one bytes: `…CACAAAAAAAAAAAAAASAZDO…` of Azure DevOps, `…VjEP///////////w…` of AWS.
fn is_random_besides(value: &[u8]) -> bool {
    let run = longest_run(value);
    value.len() >= 64
        && run.len() * 5 <= value.len()
        && randomness(&[&value[..run.start], &value[run.end..]].concat()) >= 0.9
}

fn word(index: usize) -> &'static str {
    WEAK.get(index).unwrap_or_else(|| &WORDS[index - WEAK.len()])
}

#[cfg(test)]
mod tests {
    use super::Placeholders;

    #[test]
    fn masks_and_sample_words_are_seen() {
        let placeholders = Placeholders::new();
        for value in ["AKIAIOSFODNN7EXAMPLE", "xxxxxxxxxxxx", "Your_Token_Here", "aaaaaaaaaaaaaaaa", "a00000000b1c"] {
            assert!(placeholders.find(value.as_bytes(), "[a-z]+").is_some(), "{value}");
        }
        assert_eq!(placeholders.find(b"q7Zp2mX9vT4kL8sW1nB6yR3d", "[a-z]+"), None);
        assert_eq!(placeholders.find(b"my-P@ssw0rd", "[a-z]+"), Some("p@ssw0rd"));
        assert_eq!(placeholders.find(b"fakekey", "[a-z]+"), Some("fakekey"));
    }

    #[test]
    fn a_run_in_a_long_random_token_is_no_mask() {
        let placeholders = Placeholders::new();
        // Made of a fixed sequence: no token stands here.
        let noise = |len: usize| -> String {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
            let mut state = 4_711_u32;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(alphabet[(state >> 16) as usize % alphabet.len()])
            };
            (0..len).map(|_| next()).collect()
        };
        let run = |letter: &str, len| letter.repeat(len);
        let azure = format!("{}JQQJ99BCAC{}SAZDO{}", noise(52), run("A", 14), noise(4));
        let aws = format!("VjEP{}wEaCXVz{}", run("/", 11), noise(300));
        for token in [&azure, &aws] {
            assert_eq!(placeholders.find(token.as_bytes(), "[A-Za-z0-9]+"), None, "{token}");
            assert!(placeholders.find_longer(token.as_bytes(), "[A-Za-z0-9]+", 0).is_some(), "{token}");
        }
        let masked = format!("{}{}{}", noise(40), run("A", 24), noise(20));
        let short = format!("{}{}{}", noise(20), run("A", 8), noise(20));
        let of_words = format!("{}{}", "theKeyThatTheTeamKeepsInTheTree".repeat(2), run("A", 10));
        let filled = format!("{}{}", noise(100), run("x", 12));
        for value in [masked, short, of_words, filled, run("A", 200)] {
            assert!(placeholders.find(value.as_bytes(), "[A-Za-z0-9]+").is_some(), "{value}");
        }
    }

    #[test]
    fn words_of_weak_passwords_are_told_from_other_samples() {
        let placeholders = Placeholders::new();
        assert!(
            ["P@ssw0rd2023", "admin12345678", "Kettle#19"]
                .iter()
                .all(|value| placeholders.is_only_weak(value.as_bytes()))
        );
        assert!(
            ["changeme12345678", "ExampleP@ssw0rd"].iter().all(|value| !placeholders.is_only_weak(value.as_bytes()))
        );
    }
}
