//! Stages 1 and 2 with AVX-512 VBMI: 64 positions at a time, then 16 of those that are left.
//!
//! This module is one of the few that may use `unsafe`. Why it is sound: the only unsafe operations are unaligned loads
//! and stores of 64 bytes from or to a slice whose length is checked just before, loads of as many bytes as a slice has,
//! a gather of 4-byte words whose indices are the top [`INDEX_BITS`] bits of a hash and so stand within the bitmap, and
//! the call of a function that needs processor features, made only after [`is_available`] saw them.
#![allow(unsafe_code, reason = "argued above")]

use std::{
    arch::x86_64::{
        __m512i, _mm512_add_epi8, _mm512_add_epi32, _mm512_alignr_epi64, _mm512_and_si512, _mm512_castsi512_si128,
        _mm512_cvtepu8_epi32, _mm512_loadu_si512, _mm512_mask_i32gather_epi32, _mm512_mask_test_epi32_mask,
        _mm512_maskz_compress_epi8, _mm512_maskz_compress_epi32, _mm512_maskz_loadu_epi8, _mm512_mullo_epi32,
        _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_rorv_epi32, _mm512_set1_epi32, _mm512_setzero_si512,
        _mm512_shuffle_epi8, _mm512_srli_epi32, _mm512_storeu_si512, _mm512_test_epi8_mask, _mm512_xor_si512,
    },
    ops::Range,
};

use super::{
    Positions,
    buckets::{SCRAMBLED, Table, Tables},
    grams::{BITMAP_WORDS, FIRST_BIT_SHIFT, FOLD, Grams, INDEX_BITS, MULTIPLIER, SECOND_BIT_SHIFT},
};

/// Does this processor have what [`candidates`] needs?
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
}

/// So many times 64 positions are looked at in one go: each table is loaded once for all of them.
const STEPS: usize = 4;

/// As [`portable::candidates`](super::portable::candidates), with room for as many words as positions. Must only be called
/// where [`is_available`].
pub(super) fn candidates(
    (tables, grams): (&Tables, &Grams),
    bytes: &[u8],
    range: Range<usize>,
    (positions, words): (&mut Positions, &mut Positions),
) -> usize {
    debug_assert!(is_available(), "the prefilter chose this kernel without asking");
    // SAFETY: `Prefilter::new` chooses this kernel only where `is_available`.
    unsafe {
        let count = fitting_positions(tables, bytes, range, (positions, words));
        may_be_grams(grams, words, positions, count)
    }
}

/// Stage 1. Writes the positions in `range` whose four bytes fit together, and these bytes; returns how many there are.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
fn fitting_positions(
    tables: &Tables,
    bytes: &[u8],
    range: Range<usize>,
    (positions, words): (&mut Positions, &mut Positions),
) -> usize {
    let mut count = 0;
    let mut position = range.start;
    while position + 64 * STEPS <= range.end
        && let Some(rest) = bytes.get(position..position + 64 * (STEPS + 1))
    {
        let mut shifted = [[_mm512_setzero_si512(); 4]; STEPS];
        for (step, shifted) in shifted.iter_mut().enumerate() {
            for (place, bytes) in shifted.iter_mut().enumerate() {
                *bytes = load_64(&rest[64 * step + place..]);
            }
        }
        for (step, mask) in fitting(tables, &shifted).into_iter().enumerate() {
            let behind = load_64(&rest[64 * (step + 1)..]);
            let step = Step { at: position + 64 * step, bytes: shifted[step][0], behind };
            count = step.add(mask, positions, words, count);
        }
        position += 64 * STEPS;
    }
    while position < range.end {
        let rest = &bytes[position..];
        let shifted = [
            load_up_to_64(rest),
            load_up_to_64(from(rest, 1)),
            load_up_to_64(from(rest, 2)),
            load_up_to_64(from(rest, 3)),
        ];
        let [mask] = fitting(tables, &[shifted]);
        let step = Step { at: position, bytes: shifted[0], behind: load_up_to_64(from(rest, 64)) };
        count = step.add(mask & first_bits(range.end - position), positions, words, count);
        position += 64;
    }
    count
}

/// For each step, which of its 64 positions have four bytes that fit together: given what stands at them, and one, two and
/// three bytes further on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn fitting<const N: usize>(tables: &Tables, shifted: &[[__m512i; 4]; N]) -> [u64; N] {
    let scrambled = Loaded::new(&SCRAMBLED);
    let mut pairs = [[_mm512_setzero_si512(); 2]; N];
    for (pairs, bytes) in pairs.iter_mut().zip(shifted) {
        for (pair, bytes) in pairs.iter_mut().zip(bytes.chunks_exact(2)) {
            let folded = |bytes| _mm512_or_si512(bytes, _mm512_set1_epi32(FOLD as i32));
            *pair = _mm512_xor_si512(folded(bytes[0]), scrambled.look_up(folded(bytes[1])));
        }
    }
    let mut all = [_mm512_setzero_si512(); N];
    for (singles_of, pairs_of) in tables.singles.iter().zip(&tables.pairs) {
        let mut buckets = [_mm512_set1_epi32(-1); N];
        for (place, table) in singles_of.iter().enumerate() {
            let table = Loaded::new(table);
            for (buckets, bytes) in buckets.iter_mut().zip(shifted) {
                *buckets = _mm512_and_si512(*buckets, table.look_up(bytes[place]));
            }
        }
        for (place, table) in pairs_of.iter().enumerate() {
            let table = Loaded::new(table);
            for (buckets, pairs) in buckets.iter_mut().zip(&pairs) {
                *buckets = _mm512_and_si512(*buckets, table.look_up(pairs[place]));
            }
        }
        for (all, buckets) in all.iter_mut().zip(buckets) {
            *all = _mm512_or_si512(*all, buckets);
        }
    }
    let mut masks = [0; N];
    for (mask, all) in masks.iter_mut().zip(all) {
        *mask = _mm512_test_epi8_mask(all, all);
    }
    masks
}

/// A table in two registers.
#[derive(Clone, Copy)]
struct Loaded(__m512i, __m512i);

impl Loaded {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(table: &Table) -> Loaded {
        let (low, high) = table.split_at(64);
        Loaded(load_64(low), load_64(high))
    }

    /// What the table has for the low seven bits of each byte.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vbmi")]
    fn look_up(self, bytes: __m512i) -> __m512i {
        _mm512_permutex2var_epi8(self.0, bytes, self.1)
    }
}

/// 64 positions.
struct Step {
    /// The first of them.
    at: usize,
    /// What stands there, with zeros behind the end.
    bytes: __m512i,
    /// What stands behind that.
    behind: __m512i,
}

impl Step {
    /// Adds those positions of `mask` to `positions` and their four bytes to `words`, of which `count` are set; returns how
    /// many are set then. Without branches but for every 16 of them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
    fn add(&self, mask: u64, positions: &mut Positions, words: &mut Positions, mut count: usize) -> usize {
        if mask == 0 {
            return count;
        }
        let mut numbers = _mm512_maskz_compress_epi8(mask, load_64(&NUMBERS));
        let mut left = mask.count_ones() as usize;
        loop {
            let at = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(numbers));
            let each =
                _mm512_add_epi8(_mm512_shuffle_epi8(at, load_64(&FIRST_OF_FOUR)), _mm512_set1_epi32(0x0302_0100));
            store_16(words, count, _mm512_permutex2var_epi8(self.bytes, each, self.behind));
            store_16(positions, count, _mm512_add_epi32(at, _mm512_set1_epi32(self.at as i32)));
            count += left.min(16);
            if left <= 16 {
                return count;
            }
            left -= 16;
            numbers = _mm512_alignr_epi64::<2>(_mm512_setzero_si512(), numbers);
        }
    }
}

/// Stage 2. Keeps those of the first `count` positions whose words may be a gram; returns how many there are.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
fn may_be_grams(grams: &Grams, words: &Positions, positions: &mut Positions, count: usize) -> usize {
    let mut kept = 0;
    for at in (0..count).step_by(16) {
        let lanes = first_bits(count - at) as u16;
        let folded = _mm512_or_si512(load_16(words, at), _mm512_set1_epi32(FOLD as i32));
        let hash = _mm512_mullo_epi32(folded, _mm512_set1_epi32(MULTIPLIER as i32));
        let bits = gather(&grams.bitmap, lanes, _mm512_srli_epi32::<{ 32 - INDEX_BITS }>(hash));
        // The number of a bit is the lowest five bits of a shifted hash: a rotation looks at no more.
        let first = _mm512_rorv_epi32(bits, _mm512_srli_epi32::<FIRST_BIT_SHIFT>(hash));
        let second = _mm512_rorv_epi32(bits, _mm512_srli_epi32::<SECOND_BIT_SHIFT>(hash));
        let both = _mm512_and_si512(first, second);
        let found = _mm512_mask_test_epi32_mask(lanes, both, _mm512_set1_epi32(1));
        // What this overwrites beyond those kept was loaded before: no more are kept than were looked at.
        let there = load_16(positions, at);
        store_16(positions, kept, _mm512_maskz_compress_epi32(found, there));
        kept += found.count_ones() as usize;
    }
    kept
}

/// 0, 1, 2, … 63.
static NUMBERS: [u8; 64] = {
    let mut numbers = [0; 64];
    let mut at = 0;
    while at < 64 {
        numbers[at] = at as u8;
        at += 1;
    }
    numbers
};

/// For each byte, the first of the word that it belongs to, within its 16 bytes.
static FIRST_OF_FOUR: [u8; 64] = {
    let mut numbers = [0; 64];
    let mut at = 0;
    while at < 64 {
        numbers[at] = (at % 16 / 4 * 4) as u8;
        at += 1;
    }
    numbers
};

/// Words of the bitmap. Of each index only the lowest [`INDEX_BITS`] bits may be set.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather(bitmap: &[u32; BITMAP_WORDS], lanes: u16, indices: __m512i) -> __m512i {
    let within = _mm512_and_si512(indices, _mm512_set1_epi32(BITMAP_WORDS as i32 - 1));
    // SAFETY: each index is less than BITMAP_WORDS, a power of two, by the line above.
    unsafe { _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), lanes, within, bitmap.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_16(words: &Positions, at: usize) -> __m512i {
    let place = &words[at..at + 16];
    // SAFETY: the slice has 16 words; the load needs no alignment.
    unsafe { _mm512_loadu_si512(place.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_16(positions: &mut Positions, at: usize, words: __m512i) {
    let place = &mut positions[at..at + 16];
    // SAFETY: the slice has 16 words; the store needs no alignment.
    unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), words) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_64(bytes: &[u8]) -> __m512i {
    assert!(bytes.len() >= 64);
    // SAFETY: the slice has 64 bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The first 64 bytes, and zeros for those that are missing.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_up_to_64(bytes: &[u8]) -> __m512i {
    // SAFETY: bytes whose bit isn't set are not read, and no more bits are set than the slice has bytes.
    unsafe { _mm512_maskz_loadu_epi8(first_bits(bytes.len()), bytes.as_ptr().cast()) }
}

#[inline]
fn from(bytes: &[u8], start: usize) -> &[u8] {
    bytes.get(start..).unwrap_or_default()
}

/// As many of the lowest bits as are asked for, at most all.
#[inline]
fn first_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}
