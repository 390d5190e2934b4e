//! MD5 (RFC 1321), for verifiers that PostgreSQL keeps of old passwords and fingerprints of SSH keys that old tools print.
//! Nothing here is protected by it; twenty lines spare a dependency.

const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// Digest of some bytes, as 32 hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut padded = zeroize::Zeroizing::new(bytes.to_vec());
    padded.push(0x80);
    let whole = (padded.len() + 8).next_multiple_of(64);
    padded.resize(whole, 0);
    let bits = (bytes.len() as u64).wrapping_mul(8).to_le_bytes();
    let end = padded.len();
    padded[end - 8..].copy_from_slice(&bits);
    for block in padded.chunks_exact(64) {
        absorb(&mut state, block);
    }
    data_encoding::HEXLOWER.encode(&state.map(u32::to_le_bytes).concat())
}

/// What PostgreSQL keeps of a password, without the leading `md5`.
pub(super) fn of_password(password: &[u8], user: &str) -> String {
    hex(&zeroize::Zeroizing::new([password, user.as_bytes()].concat()))
}

#[allow(clippy::many_single_char_names, reason = "the names of the RFC")]
fn absorb(state: &mut [u32; 4], block: &[u8]) {
    let words: Vec<u32> =
        block.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64_usize {
        let (mixed, word) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
            2 => (b ^ c ^ d, (3 * step + 5) % 16),
            _ => (c ^ (b | !d), (7 * step) % 16),
        };
        let sum = mixed.wrapping_add(a).wrapping_add(sine(step)).wrapping_add(words[word]);
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(SHIFTS[step / 16][step % 4]));
    }
    for (old, new) in state.iter_mut().zip([a, b, c, d]) {
        *old = old.wrapping_add(new);
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "as the RFC defines it"
)]
fn sine(step: usize) -> u32 {
    (((step + 1) as f64).sin().abs() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn digests_are_those_of_the_rfc() {
        assert_eq!(hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex("1234567890".repeat(8).as_bytes()), "57edf4a22be3c955ac49da2e2107b67a");
        for len in [55, 56, 57, 63, 64, 65] {
            assert_eq!(hex(&vec![b'x'; len]).len(), 32);
        }
        // 64 bytes, by md5sum.
        assert_eq!(hex(&[b'a'; 64]), "014842d480b571495a4a0363793f7367");
        assert_eq!(hex(&[b'a'; 56]), "3b0c8ac703f828b04c6c197006d17218");
        assert_eq!(hex(&[b'a'; 55]), "ef1772b6dff9a122358552954ad0df65");
    }
}
