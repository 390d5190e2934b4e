//! Looking for bytes that are mostly near: where a key, an id or a tag ends. For those, calling memchr takes longer than the
//! search itself.

/// So many words of eight bytes are looked at here; what is further on is memchr's.
const WORDS: usize = 4;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The first place at or after `from` where one of three bytes stands; two or one are given by naming one of them again.
#[inline]
pub(super) fn first_of(wanted: [u8; 3], bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let mut looked_at = 0;
    for word in rest.as_chunks().0.iter().take(WORDS) {
        if let Some(at) = in_word(wanted, u64::from_le_bytes(*word)) {
            return Some(from + looked_at + at);
        }
        looked_at += 8;
    }
    let [a, b, c] = wanted;
    let far = &rest[looked_at..];
    let found = if b == c { memchr::memchr2(a, b, far) } else { memchr::memchr3(a, b, c, far) };
    found.map(|at| from + looked_at + at)
}

/// The first of eight bytes that is one of those.
#[inline]
fn in_word(wanted: [u8; 3], word: u64) -> Option<usize> {
    // A byte that is one is zero in `differs`. Of the bits that this marks, the lowest is right whatever stands above it.
    let mark = |byte: u8| {
        let differs = word ^ (ONES * u64::from(byte));
        differs.wrapping_sub(ONES) & !differs & HIGH_BITS
    };
    let [a, b, c] = wanted;
    let found = mark(a) | mark(b) | mark(c);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Where white space ends that begins at `from`, as JSON understands it: exports that are indented are half of it.
#[inline]
pub(super) fn skip_space(bytes: &[u8], from: usize) -> usize {
    const SPACES: [u8; 8] = [b' '; 8];
    let mut at = from;
    while let Some(byte) = bytes.get(at)
        && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
    {
        at += 1;
        if *byte == b'\n' {
            while bytes.get(at..at + 8) == Some(&SPACES) {
                at += 8;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{first_of, skip_space};

    proptest! {
        #[test]
        fn finds_what_a_loop_finds(
            bytes in vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'"'), Just(b'#'), Just(b'!')], 0..90),
            padding in 0..90_usize,
            from in 0..100_usize,
            wanted in prop_oneof![Just([b'"', b'\\', b'\\']), Just([b'>', b'"', b'\'']), any::<[u8; 3]>()],
        ) {
            let bytes = [vec![b'x'; padding], bytes].concat();
            let looped = (from..bytes.len()).find(|at| wanted.contains(&bytes[*at]));
            prop_assert_eq!(first_of(wanted, &bytes, from), looped);
        }

        #[test]
        fn skips_what_a_loop_skips(bytes in vec(prop_oneof![Just(b' '), Just(b' '), Just(b'\n'), Just(b'\t'), any::<u8>()], 0..60), from in 0..60_usize) {
            let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            let looped = from + bytes.iter().skip(from).take_while(is_space).count();
            prop_assert_eq!(skip_space(&bytes, from), looped);
        }
    }
}
