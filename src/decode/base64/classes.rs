//! Which bytes are characters of base64, for 64 of them at once.
//!
//! This module is one of the few that may use `unsafe`. Why it is sound: SSE2 is part of x86-64, and the only loads are of
//! 16 bytes from arrays of as many.
#![allow(unsafe_code, reason = "argued above")]

/// A bit for each byte, the lowest for the first: is it a character of base64, and is it one that four characters of ASCII begin
/// with, a capital or one of the first six letters?
pub(super) fn of_block(block: &[u8; 64]) -> (u64, u64) {
    let (parts, _) = block.as_chunks::<16>();
    parts.iter().rev().fold((0, 0), |(all, leads), part| {
        let (in_part, leads_in_part) = of_part(part);
        (all << 16 | u64::from(in_part), leads << 16 | u64::from(leads_in_part))
    })
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn of_part(part: &[u8; 16]) -> (u16, u16) {
    // SAFETY: every processor of this architecture has SSE2.
    unsafe { of_part_sse2(part) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn of_part_sse2(part: &[u8; 16]) -> (u16, u16) {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };
    // Comparisons are signed: the first of a range becomes the least of all.
    let from = |bytes: __m128i, first: u8| _mm_add_epi8(bytes, _mm_set1_epi8(0x80_u8.wrapping_sub(first) as i8));
    let first = |bytes: __m128i, many: i8| _mm_cmplt_epi8(bytes, _mm_set1_epi8(i8::MIN + many));
    let bits = |flags: __m128i| _mm_movemask_epi8(flags) as u16;
    // SAFETY: there are 16 bytes; the load needs no alignment.
    let bytes = unsafe { _mm_loadu_si128(part.as_ptr().cast()) };
    let letters = from(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), b'a');
    let digits = first(from(bytes, b'/'), 11);
    let others = _mm_or_si128(digits, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'+' as i8)));
    let capitals = first(from(bytes, b'A'), 26);
    (bits(_mm_or_si128(first(letters, 26), others)), bits(_mm_or_si128(first(letters, 6), capitals)))
}

#[cfg(not(target_arch = "x86_64"))]
use portable as of_part;

/// What any processor can do.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(part: &[u8; 16]) -> (u16, u16) {
    part.iter().rev().fold((0, 0), |(all, leads), &byte| {
        let is_one = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let is_lead = byte.is_ascii_uppercase() || matches!(byte, b'a'..=b'f');
        (all << 1 | u16::from(is_one), leads << 1 | u16::from(is_lead))
    })
}

#[cfg(test)]
mod tests {
    use super::{of_part, portable};

    #[test]
    fn all_processors_say_the_same() {
        for byte in 0..=255 {
            for at in 0..16 {
                let mut part = [b' '; 16];
                part[at] = byte;
                assert_eq!(of_part(&part), portable(&part), "{byte} at {at}");
            }
        }
        assert_eq!(portable(b"Az+/-_ g0f\0\x80@[`{"), (0b0000_0011_1000_1111, 0b0000_0010_0000_0001));
    }
}
