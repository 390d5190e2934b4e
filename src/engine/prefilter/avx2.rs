//! Stage 2 with AVX2: eight positions at a time.
//!
//! Words of the bitmap are fetched one by one: a gather of eight takes a quarter longer on the first Zens, and several times
//! as long on processors of Intel whose microcode guards it.
//!
//! This module is one of the few that may use `unsafe`. Why it is sound: the only unsafe operations are an unaligned
//! 16-byte load from a slice whose length is checked just before, and the call of a function that needs processor
//! features, made only after [`is_available`] saw them.
#![allow(unsafe_code, reason = "argued above")]

use std::{
    arch::x86_64::{
        __m128i, __m256i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_loadu_si128, _mm256_and_si256,
        _mm256_broadcastsi128_si256, _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmpeq_epi32,
        _mm256_extracti128_si256, _mm256_movemask_ps, _mm256_mullo_epi32, _mm256_or_si256, _mm256_set1_epi32,
        _mm256_setr_epi8, _mm256_setr_epi32, _mm256_shuffle_epi8, _mm256_sllv_epi32, _mm256_srli_epi32,
    },
    ops::Range,
};

use super::{
    BLOCK, Positions,
    grams::{BITMAP_WORDS, FIRST_BIT_SHIFT, FOLD, Grams, INDEX_BITS, MULTIPLIER, SECOND_BIT_SHIFT},
};

/// Does this processor have what [`candidates`] needs?
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// See [`portable::candidates`](super::portable::candidates). Must only be called where [`is_available`].
pub(super) fn candidates(grams: &Grams, bytes: &[u8], range: Range<usize>, positions: &mut Positions) -> usize {
    debug_assert!(is_available(), "the prefilter chose this kernel without asking");
    // SAFETY: `Prefilter::new` chooses this kernel only where `is_available`.
    unsafe { candidates_avx2(grams, bytes, range, positions) }
}

#[target_feature(enable = "avx2")]
fn candidates_avx2(grams: &Grams, bytes: &[u8], range: Range<usize>, positions: &mut Positions) -> usize {
    let (rest, count) = eights(grams, (bytes, 0), range.clone(), positions, 0);
    if rest == range.end {
        return count;
    }
    // Fewer than sixteen positions: of most of what is looked at at once that is all. Zeros stand for what is behind the end.
    let left = &bytes[rest..bytes.len().min(rest + PADDED - 8)];
    let mut padded = [0; PADDED];
    padded[..left.len()].copy_from_slice(left);
    let (_, mut count) = eights(grams, (&padded, rest), 0..(range.end - rest).next_multiple_of(8), positions, count);
    while count > 0 && positions[(count - 1) & (BLOCK - 1)] as usize >= range.end {
        count -= 1;
    }
    count
}

/// Room for up to sixteen positions, the four bytes from each, and a load of sixteen from the last eight.
const PADDED: usize = 32;

/// Goes on behind `count` positions, eight at a time as long as there are bytes to load, and says where it ended and how many
/// positions there are then. What stands before the bytes, `base`, is added to each.
#[inline]
#[target_feature(enable = "avx2")]
fn eights(
    grams: &Grams,
    (bytes, base): (&[u8], usize),
    range: Range<usize>,
    positions: &mut Positions,
    mut count: usize,
) -> (usize, usize) {
    // The four bytes from each of eight positions.
    let spread = _mm256_setr_epi8(
        0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10,
    );
    let (fold, multiplier) = (_mm256_set1_epi32(FOLD as i32), _mm256_set1_epi32(MULTIPLIER as i32));
    let mut position = range.start;
    while position + 8 <= range.end && position + 16 <= bytes.len() {
        let window = _mm256_broadcastsi128_si256(load_16(&bytes[position..position + 16]));
        let four = _mm256_or_si256(_mm256_shuffle_epi8(window, spread), fold);
        let hash = _mm256_mullo_epi32(four, multiplier);
        let bits = _mm256_or_si256(
            bit(_mm256_srli_epi32::<{ FIRST_BIT_SHIFT as i32 }>(hash)),
            bit(_mm256_srli_epi32::<{ SECOND_BIT_SHIFT as i32 }>(hash)),
        );
        let words = fetch(&grams.bitmap, _mm256_srli_epi32::<{ 32 - INDEX_BITS as i32 }>(hash));
        let both = _mm256_cmpeq_epi32(_mm256_and_si256(words, bits), bits);
        let mut mask = _mm256_movemask_ps(_mm256_castsi256_ps(both)) as u32;
        while mask != 0 {
            positions[count & (BLOCK - 1)] = (base + position) as u32 + mask.trailing_zeros();
            count += 1;
            mask &= mask - 1;
        }
        position += 8;
    }
    (position, count)
}

/// The bit that the lowest five bits of each word number.
#[inline]
#[target_feature(enable = "avx2")]
fn bit(number: __m256i) -> __m256i {
    _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_and_si256(number, _mm256_set1_epi32(31)))
}

/// The words of the bitmap with these indices.
#[inline]
#[target_feature(enable = "avx2")]
fn fetch(bitmap: &[u32; BITMAP_WORDS], indices: __m256i) -> __m256i {
    let (low, high) = (_mm256_castsi256_si128(indices), _mm256_extracti128_si256::<1>(indices));
    let (first, third) = (_mm_cvtsi128_si64(low) as usize, _mm_extract_epi64::<1>(low) as usize);
    let (fifth, seventh) = (_mm_cvtsi128_si64(high) as usize, _mm_extract_epi64::<1>(high) as usize);
    let word = |index: usize| bitmap[index & (BITMAP_WORDS - 1)] as i32;
    _mm256_setr_epi32(
        word(first),
        word(first >> 32),
        word(third),
        word(third >> 32),
        word(fifth),
        word(fifth >> 32),
        word(seventh),
        word(seventh >> 32),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_16(bytes: &[u8]) -> __m128i {
    assert!(bytes.len() >= 16);
    // SAFETY: the slice has 16 bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}
