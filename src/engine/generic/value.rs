//! What a value looks like: generated, made up by a person, a word, a digest.

use super::lexicon;
use crate::engine::{
    assignment,
    entropy::{Alphabet, randomness},
};

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    /// Characters that no person would choose.
    Random,
    /// Hexadecimal digits, 16 or more.
    Hex,
    /// A UUID.
    Uuid,
    /// Letters with digits or marks, as passwords are made.
    Mixed,
    /// One word and a number: `admin123`.
    WordNumber,
    /// One word of documentation or code.
    Word,
    /// Letters that are no such word.
    OddWord,
    /// Several words, as names of things have.
    Words,
    /// Digits, with separators at most.
    Number,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueTraits {
    pub(super) kind: ValueKind,
    /// Share of a random string's entropy.
    pub(super) randomness: f64,
    /// Bits per letter triple.
    pub(super) rarity: f32,
    /// Share of its letters that are in words of documentation or code.
    pub(super) coverage: f32,
}

/// Counts of a value's bytes and parts.
#[derive(Default)]
struct Parts {
    letters: usize,
    digits: usize,
    /// Marks that names don't have.
    marks: usize,
    upper: usize,
    lower: usize,
    /// Runs of letters, split where a capital follows a small letter.
    words: usize,
    /// Letters in runs that are words.
    known: usize,
    /// Changes between letter and digit.
    changes: usize,
}

fn is_mark(byte: u8) -> bool {
    b"!@#$%^&*+=~?".contains(&byte)
}

impl Parts {
    fn of(value: &[u8]) -> Parts {
        let mut parts = Parts::default();
        let mut start = None;
        for at in 0..=value.len() {
            let byte = value.get(at).copied().unwrap_or(0);
            let before = at.checked_sub(1).map_or(0, |before| value[before]);
            let is_letter = byte.is_ascii_alphabetic() || byte >= 0x80;
            let breaks = !is_letter || before.is_ascii_lowercase() && byte.is_ascii_uppercase();
            if let Some(from) = start.filter(|_| breaks) {
                parts.word(&value[from..at]);
                start = None;
            }
            if is_letter {
                start.get_or_insert(at);
            }
            parts.letters += usize::from(is_letter);
            parts.digits += usize::from(byte.is_ascii_digit());
            parts.marks += usize::from(is_mark(byte));
            parts.upper += usize::from(byte.is_ascii_uppercase());
            parts.lower += usize::from(byte.is_ascii_lowercase());
            let (a, b) = (before.is_ascii_digit(), byte.is_ascii_digit());
            parts.changes += usize::from(a != b && before != 0 && byte != 0);
        }
        parts
    }

    fn word(&mut self, word: &[u8]) {
        let mut lower = [0u8; 16];
        self.words += 1;
        let Some(lower) = lower.get_mut(..word.len()) else { return };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        let singular = lower.strip_suffix(b"s").unwrap_or(lower);
        if lexicon::is_word(lower) || lexicon::is_word(singular) || lower.len() >= 7 && lexicon::is_pair(lower) {
            self.known += word.len();
        }
    }
}

/// Analyses a value of at most 512 bytes; of longer ones the beginning.
pub(super) fn traits_of(value: &[u8]) -> ValueTraits {
    let value = &value[..value.len().min(512)];
    let unescaped = unescaped(value);
    let value = unescaped.as_deref().unwrap_or(value);
    let parts = Parts::of(value);
    let rarity = lexicon::rarity(value);
    let randomness = randomness(value);
    let coverage = if parts.letters == 0 { 0.0 } else { parts.known as f32 / parts.letters as f32 };
    let kind = kind_of(value, &parts, rarity, randomness, coverage);
    ValueTraits { kind, randomness, rarity, coverage }
}

/// So few letters, of one case but for the first, that they can only be words: [`ValueKind::Word`], [`ValueKind::OddWord`]
/// or [`ValueKind::Words`]. Costs next to nothing.
pub(super) fn is_plain_word(value: &[u8]) -> bool {
    let is_short = value.len() < 12;
    let [first, rest @ ..] = value else { return false };
    value.len() < 16
        && first.is_ascii_alphabetic()
        && (rest.iter().all(u8::is_ascii_lowercase)
            || is_short && rest.iter().all(u8::is_ascii_alphabetic)
            || rest.iter().all(u8::is_ascii_uppercase))
}

/// `Has\u0142o` as the letters that it stands for, if it has such.
pub(super) fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(value, b"\\u")?;
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.strip_prefix(b"u").and_then(|behind| behind.get(..4)).filter(|_| first == b'\\');
        let code = digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match code.and_then(char::from_u32) {
            Some(letter) => plain.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            None => plain.push(first),
        }
        rest = if code.is_some() { &rest[6..] } else { behind };
    }
    Some(plain)
}

fn kind_of(value: &[u8], parts: &Parts, rarity: f32, randomness: f64, coverage: f32) -> ValueKind {
    if parts.letters == 0 && parts.digits > 0 && parts.marks == 0 {
        return ValueKind::Number;
    }
    if is_app_password(value) {
        return ValueKind::Random;
    }
    if is_uuid(value) {
        return ValueKind::Uuid;
    }
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    if digits.len() >= 16 && Alphabet::of(digits) == Alphabet::Hex && parts.letters >= 2 {
        return ValueKind::Hex;
    }
    // `_kubespray_needs_etcd`, `topology.ebs.csi/zone`: words that no documentation has.
    let is_one_case = parts.upper == 0 || parts.lower == 0;
    let is_words = is_one_case
        && (parts.words >= 2 && parts.letters >= 3 * parts.words && parts.digits * 5 <= parts.letters
            || is_row_of_names(value));
    let escapes = 6 * memchr::memmem::find_iter(value, b"\\u").count();
    let foreign = escapes + value.iter().filter(|byte| **byte >= 0x80).count();
    let is_escaped = escapes * 4 > value.len() * 3;
    if is_escaped || foreign * 2 > value.len() && parts.digits == 0 && parts.marks == 0 {
        return ValueKind::Words;
    }
    // One long word of another language, or text in another script.
    let is_foreign =
        parts.digits == 0 && parts.words <= 2 && is_one_word(value) && rarity < 6.6 || foreign * 4 > value.len();
    let is_rare = !is_words && !is_foreign && !is_camel(value) && rarity >= RARE && coverage < 0.4 && randomness > 0.8;
    let is_mixed_up = parts.changes >= 3 || parts.upper >= 2 && parts.lower >= 2 && parts.words >= 3;
    if is_rare && (value.len() >= 20 || value.len() >= 12 && is_mixed_up || value.len() >= 8 && parts.changes >= 4) {
        return ValueKind::Random;
    }
    let is_list = value.iter().all(|byte| byte.is_ascii_alphabetic() || b"+=&?_-.".contains(byte));
    if is_list && parts.words >= 2 && coverage >= 0.9 {
        return ValueKind::Words;
    }
    if parts.digits == 0 && parts.marks == 0 {
        return match parts.words {
            1 if coverage > 0.9 => ValueKind::Word,
            1 => ValueKind::OddWord,
            _ if coverage >= 0.5 || rarity < RARE => ValueKind::Words,
            _ => ValueKind::OddWord,
        };
    }
    if parts.marks == 0 && coverage >= 0.7 && parts.words >= 2 && parts.changes <= 4 {
        return ValueKind::Words;
    }
    if parts.marks == 0 && parts.words == 1 && parts.changes <= 1 && !(parts.upper > 0 && parts.lower > 0) {
        return ValueKind::WordNumber;
    }
    ValueKind::Mixed
}

/// `l2ng-l2-vlan-id`, `aes_ctr32_blocks`: three short names and more, with few digits.
fn is_row_of_names(value: &[u8]) -> bool {
    let is_name = |part: &[u8]| {
        (1..=9).contains(&part.len())
            && part.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && part.iter().filter(|byte| byte.is_ascii_digit()).count() <= 1 + part.len() / 5
    };
    let parts = || value.split(|byte| b"-_".contains(byte));
    let letters = parts().filter(|part| part.len() > 1 && part.iter().all(u8::is_ascii_lowercase)).count();
    parts().count() >= 3 && letters * 2 >= parts().count() && parts().all(is_name)
}

/// `mottarDuAlderstrygd`, `panel4Organisasjonsnummer`: words of any language, joined as names in code are. In what is drawn by
/// chance a capital stands for every second letter, and not each piece has a vowel.
fn is_camel(value: &[u8]) -> bool {
    let is_vowel = |byte: &u8| b"aeiouyAEIOUY".contains(byte);
    let is_hump = |hump: &[u8]| hump.len() >= 2 && hump.len() <= 24 && hump.iter().any(is_vowel);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if !value[0].is_ascii_lowercase() || !value.iter().all(u8::is_ascii_alphanumeric) || digits > 2 {
        return false;
    }
    let (mut humps, mut start) = (0, 0);
    for at in 1..=value.len() {
        let ends = value.get(at).is_none_or(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_inside_number = at < value.len() && value[at - 1].is_ascii_digit() && value[at].is_ascii_digit();
        if !ends || is_inside_number {
            continue;
        }
        let hump = &value[start..at];
        let letters = &hump[hump.iter().take_while(|byte| byte.is_ascii_digit()).count()..];
        if !letters.is_empty() && !is_hump(letters) {
            return false;
        }
        humps += 1;
        start = at;
    }
    humps >= 2 && (value.len() - digits) / humps >= 5
}

/// Four groups of four letters, of which no more than one is a word.
fn is_app_password(value: &[u8]) -> bool {
    assignment::is_app_password(value)
        && value.split(|byte| *byte == b' ').filter(|word| lexicon::is_word(word)).count() <= 1
}

/// Letters alone, of which only the first may be a capital.
fn is_one_word(value: &[u8]) -> bool {
    value[1..].iter().all(|byte| byte.is_ascii_lowercase() || *byte >= 0x80)
}

/// Bits per letter triple from which spelling is not that of words.
const RARE: f32 = 5.4;

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::{ValueKind, is_plain_word, traits_of};
    use crate::rule::template::SampleRng;

    #[test]
    fn plain_words_are_words() {
        let mut rng = SampleRng::new(3);
        let mut plain = 0;
        for alphabet in
            [&b"abcdefghijklmnopqrstuvwxyz"[..], b"ABCDEF", b"abcdef", b"aXqZkJvBw", b"abc1_", b"ab\xc3\xa4"]
        {
            for _ in 0..20_000 {
                let len = 1 + rng.below(20);
                let mut value = rng.pick(alphabet, len);
                if rng.below(2) == 0 {
                    value[0] = value[0].to_ascii_uppercase();
                }
                if is_plain_word(&value) {
                    plain += 1;
                    let kind = traits_of(&value).kind;
                    let is_word = matches!(kind, ValueKind::Word | ValueKind::OddWord | ValueKind::Words);
                    assert!(is_word, "{:?} {kind:?}", String::from_utf8_lossy(&value));
                }
            }
        }
        assert!(plain > 50_000);
    }

    #[test]
    fn values_are_of_the_kind_that_a_person_would_say() {
        for (value, kind) in [
            ("q7Zp2mX9vT4kL8sW1nB6yR3d", ValueKind::Random),
            ("xKwQzRtYpLmNvBcDfGhJ", ValueKind::Random),
            ("kq3v9z7xw1", ValueKind::Random),
            ("wqkz ynfe hdta upom", ValueKind::Random),
            ("this will fail soon", ValueKind::Words),
            ("9f86d081884c7d659a2f", ValueKind::Hex),
            ("6f9619ff-8b86-4011-b42d-00cf4fc964ff", ValueKind::Uuid),
            ("Winter2024!", ValueKind::Mixed),
            ("hunter2-prod", ValueKind::Mixed),
            ("Kettle#2019", ValueKind::Mixed),
            ("admin123", ValueKind::WordNumber),
            ("password", ValueKind::Word),
            ("letmein", ValueKind::OddWord),
            ("mottarDuAlderstrygd", ValueKind::OddWord),
            ("panel4Organisasjonsnummer", ValueKind::Mixed),
            ("xKwqzrTytpLmnvbc4Dfgh", ValueKind::Random),
            ("my-cluster-secret", ValueKind::Words),
            ("oauth2ClientSecret", ValueKind::Words),
            ("generatePasswordResetToken", ValueKind::Words),
            ("123456", ValueKind::Number),
            ("\\u5bc6\\u7801\\u5df2", ValueKind::Words),
            ("Has\\u0142o", ValueKind::OddWord),
            ("密码已保存", ValueKind::Words),
        ] {
            let traits = traits_of(value.as_bytes());
            assert_eq!(traits.kind, kind, "{value}: {traits:?}");
        }
    }
}
