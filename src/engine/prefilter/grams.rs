use super::{
    Hit, Literal,
    frequency::{of_byte, of_gram},
};
use crate::rule::ByteSet;

/// The gram of every literal, and the table of stage 2.
#[derive(Debug)]
pub(super) struct Grams {
    /// By literal.
    pub(super) grams: Vec<Gram>,
    pub(super) bitmap: Box<[u32; BITMAP_WORDS]>,
}

/// The four bytes that stand for a literal; of a three-byte literal, its three bytes and whatever may follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gram {
    pub(super) bytes: [u8; 4],
    pub(super) len: usize,
    pub(super) next: Option<ByteSet>,
    /// Where in the literal they stand.
    offset: usize,
    pub(super) ignore_case: bool,
}

/// How many bits of a hash choose a word of the bitmap of stage 2: the uppermost.
pub(super) const INDEX_BITS: u32 = 12;
pub(super) const BITMAP_WORDS: usize = 1 << INDEX_BITS;
/// Where in a hash the numbers of two bits of that word begin.
pub(super) const FIRST_BIT_SHIFT: u32 = 32 - INDEX_BITS - 5;
pub(super) const SECOND_BIT_SHIFT: u32 = FIRST_BIT_SHIFT - 5;

/// Setting this bit folds ASCII letters to lower case. It also merges a few other characters, which over-reports.
pub(super) const FOLD: u32 = 0x2020_2020;

/// The same for eight bytes.
const FOLD_8: u64 = (FOLD as u64) << 32 | FOLD as u64;

/// 2^32 divided by the golden ratio.
pub(super) const MULTIPLIER: u32 = 0x9e37_79b1;

/// The four bytes at `position`, missing ones as 0.
pub(super) fn load(bytes: &[u8], position: usize) -> u32 {
    let rest = bytes.get(position..).unwrap_or_default();
    if let Some(four) = rest.first_chunk() {
        return u32::from_le_bytes(*four);
    }
    let mut four = [0; 4];
    four[..rest.len()].copy_from_slice(rest);
    u32::from_le_bytes(four)
}

/// Mixes a folded gram. Top bits are the good ones.
pub(super) fn mix(gram: u32) -> u32 {
    (gram | FOLD).wrapping_mul(MULTIPLIER)
}

impl Grams {
    pub(super) fn new(literals: &[Literal]) -> Grams {
        let grams: Vec<Gram> = literals.iter().map(rarest_gram).collect();
        let mut all = Grams { bitmap: empty_bitmap(), grams };
        for index in 0..all.grams.len() {
            let gram = all.grams[index];
            if gram.len == 4 {
                all.mark(u32::from_le_bytes(gram.bytes));
            } else {
                let [first, second, third, _] = gram.bytes;
                let follows = |byte: &u8| gram.next.is_none_or(|next| next.contains(*byte));
                let fourths = (0..=255).filter(follows);
                fourths.for_each(|fourth| all.mark(u32::from_le_bytes([first, second, third, fourth])));
            }
        }
        all
    }

    fn mark(&mut self, gram: u32) {
        let (word, bits) = word_and_bits(gram);
        self.bitmap[word] |= bits;
    }

    /// Stage 2: 1 if these four bytes may be a gram, else 0.
    #[inline(always)]
    pub(super) fn may_be(&self, gram: u32) -> usize {
        let (word, bits) = word_and_bits(gram);
        usize::from(self.bitmap[word & (BITMAP_WORDS - 1)] & bits == bits)
    }
}

/// A word of the bitmap and two bits of it: one load for two tests, and a tenth of the false alarms of one bit.
#[inline(always)]
fn word_and_bits(gram: u32) -> (usize, u32) {
    let hash = mix(gram);
    let bits = 1 << (hash >> FIRST_BIT_SHIFT & 31) | 1 << (hash >> SECOND_BIT_SHIFT & 31);
    ((hash >> (32 - INDEX_BITS)) as usize, bits)
}

fn empty_bitmap() -> Box<[u32; BITMAP_WORDS]> {
    vec![0; BITMAP_WORDS].into_boxed_slice().try_into().expect("has BITMAP_WORDS elements")
}

fn rarest_gram(literal: &Literal) -> Gram {
    let ignore_case = literal.ignore_case;
    let len = literal.bytes.len().min(4);
    let by_bytes = |window: &[u8]| window.iter().map(|byte| of_byte(*byte, ignore_case)).product::<f32>();
    let share = |window: &[u8]| (window.try_into().map_or(0, of_gram), by_bytes(window));
    let (offset, window) = literal
        .bytes
        .windows(len)
        .enumerate()
        .min_by(|(_, a), (_, b)| {
            let ((gram, bytes), (other_gram, other_bytes)) = (share(a), share(b));
            gram.cmp(&other_gram).then(bytes.total_cmp(&other_bytes))
        })
        .expect("a literal has at least three bytes");
    let mut bytes = [0; 4];
    bytes[..len].copy_from_slice(window);
    Gram { bytes, len, next: literal.next, offset, ignore_case }
}

/// Stage 3: from four bytes to the literals that have them.
#[derive(Debug)]
pub(super) struct GramIndex {
    four: Slots,
    three: Slots,
}

#[derive(Debug)]
struct Slots {
    /// `entries[starts[slot]..starts[slot + 1]]` are a slot's.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// Which bytes of a gram count.
    mask: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    gram: u32,
    literal: u32,
    offset: u32,
    /// The literal's first eight bytes, folded, or as many as it has.
    start: u64,
    /// The bits of `start` that count.
    mask: u64,
}

impl Entry {
    fn new(literal: usize, gram: &Gram, text: &[u8], mask: u32) -> Entry {
        let mut start = [0; 8];
        let known = text.len().min(8);
        start[..known].copy_from_slice(&text[..known]);
        let of_start = u64::MAX >> (64 - 8 * known);
        Entry {
            gram: (u32::from_le_bytes(gram.bytes) | FOLD) & mask,
            literal: literal as u32,
            offset: gram.offset as u32,
            start: (u64::from_le_bytes(start) | FOLD_8) & of_start,
            mask: of_start,
        }
    }

    /// May the literal stand at `at`? Spares fetching it where its first bytes say no.
    #[inline]
    fn may_stand_at(&self, bytes: &[u8], at: usize) -> bool {
        let eight = bytes.get(at..).and_then(|rest| rest.first_chunk());
        eight.is_none_or(|eight| (u64::from_le_bytes(*eight) | FOLD_8) & self.mask == self.start)
    }
}

const SLOT_BITS: u32 = 12;

impl GramIndex {
    pub(super) fn new(grams: &Grams, literals: &[Literal]) -> GramIndex {
        GramIndex { four: Slots::new(grams, literals, 4, u32::MAX), three: Slots::new(grams, literals, 3, 0x00ff_ffff) }
    }

    /// Appends the literals whose gram stands at `position` and that stand there in full.
    #[inline]
    pub(super) fn look_up(&self, literals: &[Literal], bytes: &[u8], position: u32, hits: &mut Vec<Hit>) {
        let gram = load(bytes, position as usize) | FOLD;
        for slots in [&self.four, &self.three] {
            for entry in slots.of(gram) {
                let Some(at) = position.checked_sub(entry.offset) else { continue };
                let at = at as usize;
                if entry.may_stand_at(bytes, at) && literals[entry.literal as usize].stands_at(bytes, at) {
                    hits.push(Hit { at: at as u32, literal: entry.literal });
                }
            }
        }
    }
}

impl Slots {
    fn new(grams: &Grams, literals: &[Literal], len: usize, mask: u32) -> Slots {
        let mut entries: Vec<Entry> = grams
            .grams
            .iter()
            .enumerate()
            .filter(|(_, gram)| gram.len == len)
            .map(|(literal, gram)| Entry::new(literal, gram, &literals[literal].bytes, mask))
            .collect();
        entries.sort_by_key(|entry| (slot(entry.gram), entry.gram, entry.literal));
        let mut starts = vec![0; (1 << SLOT_BITS) + 1];
        for entry in &entries {
            starts[slot(entry.gram) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Slots { starts, entries, mask }
    }

    #[inline]
    fn of(&self, folded: u32) -> impl Iterator<Item = &Entry> {
        let gram = folded & self.mask;
        let slot = slot(gram);
        let range = self.starts[slot] as usize..self.starts[slot + 1] as usize;
        self.entries[range].iter().filter(move |entry| entry.gram == gram)
    }
}

/// The grams of three bytes have a 0 where the fourth would be, so this must not fold again.
fn slot(gram: u32) -> usize {
    (gram.wrapping_mul(MULTIPLIER) >> (32 - SLOT_BITS)) as usize
}
