//! How common four bytes are in what people keep in repositories: decides which part of a keyword stands for it.
//!
//! A keyword's gram is looked for at every position, so one that is also part of everyday words (`form` of `formio`)
//! costs far more than one that isn't (`rmio`). Single bytes tell little about that: `check` is made of rare ones.

use super::grams::mix;

/// How many bits of a gram's hash choose its place in [`TABLE`].
const TABLE_BITS: u32 = 16;

/// By hash of a (folded) gram: how common the commonest gram with that hash is. 0 stands for what is rarer than two in a
/// million, and each further step for 2^(1/8) as many. Counted in 140 MB of public sources of eight languages, by the test below.
static TABLE: &[u8; 1 << TABLE_BITS] = include_bytes!("frequency.bin");

/// Steps of [`TABLE`] that double a frequency.
#[cfg(test)]
const STEPS: f64 = 8.0;

fn place(gram: u32) -> usize {
    (mix(gram) >> (32 - TABLE_BITS)) as usize
}

/// How common four bytes are, whatever their case: 0 for rare ones; it grows with the logarithm.
pub(super) fn of_gram(gram: [u8; 4]) -> u8 {
    TABLE[place(u32::from_le_bytes(gram))]
}

/// By the low seven bits of a byte: how many of 10,000 bytes are it, in the same sources.
#[rustfmt::skip]
static BYTES: [u16; 128] = [
    17, 19, 17, 16, 12, 11, 11, 13, 11, 54, 241, 11, 10, 17, 11, 18,
    10, 15, 10, 10, 11, 13, 9, 10, 10, 13, 10, 10, 10, 10, 12, 32,
    1819, 14, 109, 24, 41, 14, 22, 84, 83, 82, 56, 18, 86, 72, 128, 65,
    132, 49, 43, 31, 31, 33, 30, 24, 22, 20, 84, 52, 23, 62, 48, 16,
    23, 37, 20, 46, 27, 42, 22, 16, 16, 36, 12, 14, 31, 26, 34, 32,
    40, 17, 36, 45, 40, 25, 18, 19, 18, 16, 11, 22, 26, 21, 9, 59,
    44, 369, 89, 196, 168, 593, 100, 101, 115, 328, 25, 48, 216, 132, 329, 328,
    178, 24, 354, 323, 442, 165, 60, 47, 39, 68, 18, 49, 20, 48, 9, 21,
];

/// The share of bytes with these low seven bits.
pub(super) fn share_of(byte: usize) -> f32 {
    f32::from(BYTES[byte & 127]) * 1e-4
}

/// The share of positions where a byte stands, in either case if that is of no account.
pub(super) fn of_byte(byte: u8, ignore_case: bool) -> f32 {
    let share = share_of(usize::from(byte));
    if ignore_case && byte.is_ascii_alphabetic() { share + share_of(usize::from(byte ^ 0x20)) } else { share }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, fs, path::Path};

    use super::{STEPS, TABLE, TABLE_BITS, of_gram, place};

    /// Shares below this aren't told apart.
    const RARE: f64 = 2e-6;

    #[test]
    fn everyday_words_are_common_and_parts_of_names_are_not() {
        for common in [b"form", b"file", b"with", b"retu", b"FILE"] {
            assert!(of_gram(*common) > 40, "{}", String::from_utf8_lossy(common));
        }
        for rare in [b"rmio", b"xoxb", b"ghp_", b"akia"] {
            assert!(of_gram(*rare) < 16, "{}", String::from_utf8_lossy(rare));
        }
    }

    /// Makes the table anew: `UNLEAK_GRAMS_FROM=FILE:FILE… cargo test --lib -- --ignored the_table_is_made`. Each file
    /// counts as much as any other, however large (a tar of a repository's files will do).
    #[test]
    #[ignore = "writes src/engine/prefilter/frequency.bin"]
    fn the_table_is_made() {
        let files = std::env::var_os("UNLEAK_GRAMS_FROM").expect("UNLEAK_GRAMS_FROM names files");
        let mut shares: HashMap<u32, f64> = HashMap::new();
        let files: Vec<_> = std::env::split_paths(&files).collect();
        for file in &files {
            let text = fs::read(file).unwrap();
            let weight = 1.0 / (text.len() * files.len()) as f64;
            for window in text.windows(4) {
                let gram = u32::from_le_bytes(window.try_into().unwrap()) | super::super::grams::FOLD;
                *shares.entry(gram).or_default() += weight;
            }
        }
        let mut table = [0; 1 << TABLE_BITS];
        for (gram, share) in shares {
            let steps = ((share / RARE).log2() * STEPS).round().clamp(0.0, 255.0) as u8;
            let slot = &mut table[place(gram)];
            *slot = steps.max(*slot);
        }
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/prefilter/frequency.bin"), table).unwrap();
    }

    #[test]
    fn most_grams_are_rare() {
        let common = TABLE.iter().filter(|steps| **steps > 0).count();
        assert!(common < TABLE.len() / 2, "{common}");
    }
}
