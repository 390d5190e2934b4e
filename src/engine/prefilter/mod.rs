//! Finds every place where a rule's keyword stands, at memory speed.
//!
//! Duty: it may look at too many places, it must never miss one. `tests/it/prefilter.rs` holds every kernel against
//! aho-corasick on random and hostile input.
//!
//! Each keyword is represented by its rarest four consecutive bytes, its *gram*. Three stages, each far more selective
//! than the one before:
//!
//! 1. AVX-512 kernel only: grams are dealt into 32 buckets of similar ones; six 128-entry table look-ups say for each
//!    position which buckets have a gram whose four bytes, and whose first and last two together, all fit. Passes 7 to 15 %
//!    of positions with 4,200 keywords.
//! 2. Two bits of a 16 KiB bitmap, chosen by a hash of the (case-folded) four bytes, are both set. Passes about 0.5 %. The
//!    AVX-512 kernel asks for 16 positions at once, the AVX2 kernel for eight.
//! 3. A hash table yields the keywords with that gram, whose first eight bytes are compared, then all.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod buckets;
mod frequency;
mod grams;
mod portable;
mod reference;

use grams::{GramIndex, Grams};

use crate::rule::ByteSet;

/// A literal to look for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Literal {
    /// At least three bytes; lower case if case is of no account.
    pub bytes: Box<[u8]>,
    /// Is ASCII case of no account?
    pub ignore_case: bool,
    /// Bytes of which one must follow; `None` if anything may, the end included.
    pub next: Option<ByteSet>,
}

impl Literal {
    /// Does the literal stand at `at`?
    #[inline]
    fn stands_at(&self, haystack: &[u8], at: usize) -> bool {
        haystack.get(at..at + self.bytes.len()).is_some_and(|there| {
            if self.ignore_case { there.eq_ignore_ascii_case(&self.bytes) } else { *there == *self.bytes }
        }) && self.may_be_followed_by(haystack.get(at + self.bytes.len()).copied())
    }

    #[inline]
    fn may_be_followed_by(&self, byte: Option<u8>) -> bool {
        self.next.is_none_or(|next| byte.is_some_and(|byte| next.contains(byte)))
    }
}

/// One place where a literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Offset of its first byte.
    pub at: u32,
    /// Index of the literal.
    pub literal: u32,
}

/// Which implementation looks for keywords. All yield the same hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrefilterKind {
    /// The fastest that this processor has.
    #[default]
    Auto,
    /// AVX-512 with VBMI; falls back to portable where the processor lacks it.
    Avx512,
    /// AVX2; falls back to portable where the processor lacks it.
    Avx2,
    /// Plain Rust, any processor.
    Portable,
    /// aho-corasick: slow, and what the others are proven against.
    Reference,
}

/// Looks for all literals at once. Immutable; shared by all threads.
#[derive(Debug)]
pub struct Prefilter {
    literals: Vec<Literal>,
    grams: Grams,
    index: GramIndex,
    kernel: Kernel,
}

#[derive(Debug)]
enum Kernel {
    #[cfg(target_arch = "x86_64")]
    Avx512(Box<buckets::Tables>),
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
    Reference(reference::Reference),
}

/// Positions looked at between two visits to stage 3, so that the bytes are still in the nearest cache.
const BLOCK: usize = 16 << 10;

/// Gram positions of one block: as many as a block has positions, and room for a store of 16 behind them.
type Positions = [u32; BLOCK + 16];

/// A thread's working memory for [`Prefilter::find`].
#[derive(Debug)]
pub struct PrefilterScratch {
    positions: Box<Positions>,
    /// What stands there, between stages 1 and 2 of the AVX-512 kernel.
    words: Box<Positions>,
}

impl Default for PrefilterScratch {
    fn default() -> Self {
        PrefilterScratch { positions: Box::new([0; BLOCK + 16]), words: Box::new([0; BLOCK + 16]) }
    }
}

impl Prefilter {
    /// Prepares the tables: about 0.4 ms for 500 literals.
    #[must_use]
    pub fn new(literals: Vec<Literal>, kind: PrefilterKind) -> Prefilter {
        let grams = Grams::new(&literals);
        let kernel = match kind {
            PrefilterKind::Reference => Kernel::Reference(reference::Reference::new(&literals)),
            #[cfg(target_arch = "x86_64")]
            PrefilterKind::Auto | PrefilterKind::Avx512 if avx512::is_available() => {
                Kernel::Avx512(buckets::Tables::new(&grams.grams))
            }
            #[cfg(target_arch = "x86_64")]
            PrefilterKind::Auto | PrefilterKind::Avx2 if avx2::is_available() => Kernel::Avx2,
            _ => Kernel::Portable,
        };
        let index = GramIndex::new(&grams, &literals);
        Prefilter { literals, grams, index, kernel }
    }

    /// The literals, by index.
    #[must_use]
    pub fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// Name of the implementation in use.
    #[must_use]
    pub fn kernel_name(&self) -> &'static str {
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => "avx2",
            Kernel::Portable => "portable",
            Kernel::Reference(_) => "reference",
        }
    }

    /// Appends every place in `bytes` where a literal stands, in no particular order. `bytes` must be shorter than
    /// 4 GiB.
    pub fn find(&self, bytes: &[u8], scratch: &mut PrefilterScratch, hits: &mut Vec<Hit>) {
        if let Kernel::Reference(reference) = &self.kernel {
            return reference.find(bytes, hits);
        }
        let PrefilterScratch { positions, words } = scratch;
        for start in (0..bytes.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(bytes.len());
            let count = match &self.kernel {
                #[cfg(target_arch = "x86_64")]
                Kernel::Avx512(tables) => {
                    avx512::candidates((tables, &self.grams), bytes, start..end, (positions, words))
                }
                #[cfg(target_arch = "x86_64")]
                Kernel::Avx2 => avx2::candidates(&self.grams, bytes, start..end, positions),
                _ => portable::candidates(&self.grams, bytes, start..end, positions),
            };
            for &position in &positions[..count] {
                self.index.look_up(&self.literals, bytes, position, hits);
            }
        }
    }
}
