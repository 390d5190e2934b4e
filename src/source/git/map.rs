//! Memory maps of packs and their indexes, and what has them fetched: the one place of the git reader with `unsafe`.
//!
//! A pack is read in the order of its delta trees, not from front to back, and may be larger than memory; a copy of it
//! would cost more than decoding it. Mapping is `unsafe` because another process may change the file under the map.
//! Git never does: it writes a pack under a temporary name, renames it, and only ever unlinks it, which leaves the map
//! whole. Someone who overwrites a pack in place can make us read changing bytes, and every parser here takes them as
//! hostile anyway: no length or offset read from a map is used twice without being checked twice, and no `unsafe`
//! code depends on any. Someone who truncates a pack in place can end the process (SIGBUS); that takes write access
//! to the repository and gains nothing but a failed scan.
#![allow(unsafe_code, reason = "argued above")]

use std::{fs::File, io};

use memmap2::Mmap;

/// Maps a regular file that isn't empty.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is read-only and private; see the module's first lines for what may happen to the file.
    unsafe { Mmap::map(file) }
}

/// Has the first bytes of a slice brought into the nearest cache while other work goes on. Only a hint.
#[inline]
pub(super) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch doesn't access memory as far as the program can tell, wherever the address leads; every x86-64
    // processor has it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}
