//! How words and identifiers are spelled: a table of letter triples and a list of words, both made from the
//! documentation that comes with Rust by `unleak eval --lexicon` (docs/accuracy.md).

use std::{collections::HashSet, sync::OnceLock};

use foldhash::fast::RandomState;

/// By three symbols: −log2 of how likely the third is after the first two, in sixteenths of a bit.
static TRIPLES: &[u8; SYMBOLS * SYMBOLS * SYMBOLS] = include_bytes!("triples.bin");

/// Words in lower case, one per line.
static WORDS: &str = include_str!("words.txt");

/// Letters without case, a digit, and anything else or the edge of a word.
const SYMBOLS: usize = 28;
const EDGE: usize = 0;
const DIGIT: usize = 27;

fn symbol(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a') + 1,
        b'A'..=b'Z' => usize::from(byte - b'A') + 1,
        b'0'..=b'9' => DIGIT,
        _ => EDGE,
    }
}

/// Calls `each` with the index of every triple of `text`. A capital after a small letter begins a word.
fn for_each_triple(text: &[u8], mut each: impl FnMut(usize)) {
    let (mut a, mut b, mut before) = (EDGE, EDGE, 0u8);
    let mut push = |symbol: usize| {
        if !(a == EDGE && b == EDGE && symbol == EDGE) {
            each((a * SYMBOLS + b) * SYMBOLS + symbol);
        }
        (a, b) = (b, symbol);
    };
    for &byte in text {
        if before.is_ascii_lowercase() && byte.is_ascii_uppercase() {
            push(EDGE);
        }
        push(symbol(byte));
        before = byte;
    }
    push(EDGE);
}

/// Mean bits per letter triple: about 3 for words and identifiers, 6 and more for random characters.
pub(super) fn rarity(text: &[u8]) -> f32 {
    let (mut sum, mut count) = (0u32, 0u32);
    for_each_triple(text, |index| {
        sum += u32::from(TRIPLES[index]);
        count += 1;
    });
    if count == 0 { 0.0 } else { sum as f32 / count as f32 / 16.0 }
}

/// The words, and which three symbols they begin with.
struct Words {
    set: HashSet<&'static [u8], RandomState>,
    starts: Box<[bool; SYMBOLS * SYMBOLS * SYMBOLS]>,
}

/// The first three symbols of a word as a number.
fn start_of(word: &[u8]) -> Option<usize> {
    let first = word.first_chunk::<3>()?;
    Some(first.iter().fold(0, |sum, byte| sum * SYMBOLS + symbol(*byte)))
}

impl Words {
    fn get() -> &'static Words {
        static ALL: OnceLock<Words> = OnceLock::new();
        ALL.get_or_init(|| {
            let mut starts = Box::new([false; SYMBOLS * SYMBOLS * SYMBOLS]);
            WORDS.lines().filter_map(|word| start_of(word.as_bytes())).for_each(|start| starts[start] = true);
            Words { set: WORDS.lines().map(str::as_bytes).collect(), starts }
        })
    }
}

/// Is it a word of documentation or code, in lower case and of three letters or more?
pub(super) fn is_word(word: &[u8]) -> bool {
    let words = Words::get();
    start_of(word).is_some_and(|start| words.starts[start]) && words.set.contains(word)
}

/// Two words written as one, each of three letters or more: `databasename`.
pub(super) fn is_pair(word: &[u8]) -> bool {
    let words = Words::get();
    start_of(word).is_some_and(|start| words.starts[start])
        && (3..word.len().saturating_sub(2)).any(|at| is_word(&word[at..]) && words.set.contains(&word[..at]))
}

/// Counts the triples of texts, and makes the table of them.
#[derive(Clone, Debug)]
pub struct TripleCounts {
    counts: Vec<u64>,
}

impl Default for TripleCounts {
    fn default() -> Self {
        TripleCounts { counts: vec![0; SYMBOLS * SYMBOLS * SYMBOLS] }
    }
}

impl TripleCounts {
    /// Counts the triples of one text.
    pub fn add(&mut self, text: &[u8]) {
        for_each_triple(text, |index| self.counts[index] += 1);
    }

    /// The table as it is embedded: sixteenths of bits, by triple. Unseen triples count a half.
    #[must_use]
    pub fn table(&self) -> Vec<u8> {
        let rows = self.counts.chunks_exact(SYMBOLS);
        let row_bits = |row: &[u64]| {
            let total = row.iter().map(|count| *count as f64 + 0.5).sum::<f64>();
            let bits = |count: u64| -((count as f64 + 0.5) / total).log2() * 16.0;
            row.iter().map(|count| bits(*count).round().clamp(0.0, 255.0) as u8).collect::<Vec<u8>>()
        };
        rows.flat_map(row_bits).collect()
    }
}
