//! Shannon entropy of short strings, and what it could be at most.

use std::sync::{LazyLock, OnceLock};

/// Shannon entropy in bits per byte; 0 for the empty string. Agrees with the `entropy` crate within 1e-5 and is ten
/// times as fast on tokens: byte counts are integers, and only values that occur are looked at.
#[must_use]
pub fn shannon(bytes: &[u8]) -> f64 {
    shannon_of(bytes.iter().copied(), bytes.len())
}

/// Of `len` bytes.
fn shannon_of(bytes: impl Iterator<Item = u8> + Clone, len: usize) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes.clone() {
        counts[usize::from(byte)] += 1;
    }
    let mut sum = 0.0;
    for byte in bytes {
        let count = std::mem::take(&mut counts[usize::from(byte)]);
        // What occurs once adds nothing.
        if count > 1 {
            sum += f64::from(count) * log2(count as usize);
        }
    }
    if len == 0 { 0.0 } else { (log2(len) - sum / len as f64).max(0.0) }
}

/// Lengths up to which logarithms are kept: nearly all values are shorter.
const KEPT: usize = 129;

fn log2(number: usize) -> f64 {
    static KNOWN: LazyLock<[f64; KEPT]> = LazyLock::new(|| std::array::from_fn(|number| (number as f64).log2()));
    KNOWN.get(number).copied().unwrap_or_else(|| (number as f64).log2())
}

/// The alphabets that tokens are written in, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alphabet {
    /// `0-9`
    Digits,
    /// `0-9a-f` or `0-9A-F`
    Hex,
    /// Letters of one case and digits.
    LowerAlnum,
    /// `A-Za-z0-9`
    Alnum,
    /// Base64 in either spelling, with `-_+/=.`
    Base64,
    /// Anything.
    Any,
}

const UPPER: u8 = 1;
const LOWER: u8 = 2;
/// A letter that is no hexadecimal digit.
const BEYOND_HEX: u8 = 4;
/// What base64 has besides letters and digits.
const MARK: u8 = 8;
const OTHER: u8 = 16;

/// By byte, what it says of an alphabet; digits say nothing.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        let beyond = if letter.is_ascii_hexdigit() { 0 } else { BEYOND_HEX };
        classes[byte] = match letter {
            b'0'..=b'9' => 0,
            b'A'..=b'Z' => UPPER | beyond,
            b'a'..=b'z' => LOWER | beyond,
            b'+' | b'/' | b'=' | b'-' | b'_' | b'.' => MARK,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

impl Alphabet {
    /// The smallest alphabet that has every byte of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Alphabet {
        Alphabet::of_classes(bytes.iter().fold(0, |all, byte| all | CLASSES[usize::from(*byte)]))
    }

    /// The alphabet of bytes that have these classes between them.
    fn of_classes(classes: u8) -> Alphabet {
        let has_cases = classes & UPPER != 0 && classes & LOWER != 0;
        match classes {
            _ if classes & OTHER != 0 => Alphabet::Any,
            _ if classes & MARK != 0 => Alphabet::Base64,
            _ if has_cases => Alphabet::Alnum,
            _ if classes & BEYOND_HEX != 0 => Alphabet::LowerAlnum,
            _ if classes & (UPPER | LOWER) != 0 => Alphabet::Hex,
            _ => Alphabet::Digits,
        }
    }

    /// The entropy that a random string of `len` characters has, about.
    fn entropy_of(self, len: usize) -> f64 {
        static KNOWN: [OnceLock<[f64; KEPT]>; 6] = [const { OnceLock::new() }; 6];
        let compute = |len: usize| {
            let size = f64::from(self.size());
            (size * (1.0 - (1.0 - 1.0 / size).powf(len as f64))).log2()
        };
        let known = KNOWN[self as usize].get_or_init(|| std::array::from_fn(compute));
        known.get(len).copied().unwrap_or_else(|| compute(len))
    }

    /// Number of characters.
    #[must_use]
    pub fn size(self) -> u32 {
        match self {
            Alphabet::Digits => 10,
            Alphabet::Hex => 16,
            Alphabet::LowerAlnum => 36,
            Alphabet::Alnum => 62,
            Alphabet::Base64 => 64,
            Alphabet::Any => 95,
        }
    }
}

/// Entropy as a share of what a random string of this length and alphabet has: near 1 for tokens, 0.7 for words.
///
/// A random string of n characters over an alphabet of k does not reach log2(min(n, k)): some characters repeat. The
/// expected value is approximated by log2 of the expected number of distinct characters, k·(1 − (1 − 1/k)ⁿ).
#[must_use]
pub fn randomness(bytes: &[u8]) -> f64 {
    let without_dashes = bytes.iter().copied().filter(|byte| *byte != b'-');
    let (mut undashed, mut classes) = (0, 0);
    for byte in without_dashes.clone() {
        undashed += 1;
        classes |= CLASSES[usize::from(byte)];
    }
    let has_dashes = undashed < bytes.len();
    // The dashes of a UUID are no part of what is random in it.
    let leaves_dashes = has_dashes && Alphabet::of_classes(classes) <= Alphabet::Hex;
    let len = if leaves_dashes { undashed } else { bytes.len() };
    if len < 2 {
        return 0.0;
    }
    let dash = if has_dashes && !leaves_dashes { MARK } else { 0 };
    let entropy = if leaves_dashes { shannon_of(without_dashes, len) } else { shannon(bytes) };
    entropy / Alphabet::of_classes(classes | dash).entropy_of(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::{Alphabet, randomness, shannon};

    proptest! {
        #[test]
        fn agrees_with_the_entropy_crate(bytes: Vec<u8>) {
            let theirs = f64::from(entropy::shannon_entropy(&bytes));
            prop_assert!((shannon(&bytes) - theirs).abs() < 1e-5, "{} {}", shannon(&bytes), theirs);
        }
    }

    #[test]
    fn alphabets_are_the_smallest_that_fit() {
        for (text, alphabet) in [
            ("0123", Alphabet::Digits),
            ("09af", Alphabet::Hex),
            ("09AF", Alphabet::Hex),
            ("09aF", Alphabet::Alnum),
            ("09az", Alphabet::LowerAlnum),
            ("a-Z", Alphabet::Base64),
            ("a!", Alphabet::Any),
        ] {
            assert_eq!(Alphabet::of(text.as_bytes()), alphabet, "{text}");
        }
    }

    #[test]
    fn dashes_between_hexadecimal_digits_do_not_count() {
        let digits = "6f9619ff8b864011b42d00cf4fc964ff";
        let dashed = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
        assert_eq!(randomness(dashed.as_bytes()).to_bits(), randomness(digits.as_bytes()).to_bits());
        assert!(randomness(b"sk-6f9619ff8b86") != randomness(b"sk6f9619ff8b86"));
        assert!([&b""[..], b"-", b"--", b"a-"].iter().all(|bytes| randomness(bytes) == 0.0));
    }

    #[test]
    fn words_are_less_random_than_tokens() {
        assert!(randomness(b"this_is_the_password_value") < 0.9);
        assert!(randomness(b"q7Zp2mX9vT4kL8sW1nB6yR3d") > 0.93);
    }
}
