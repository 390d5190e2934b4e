//! Stage 1: grams dealt into buckets, so that six look-ups per bucket say whether a gram of it may stand at a position.
//!
//! A bucket lets through every mixture of its grams' bytes, so the fewer different bytes its grams have at a place, and
//! the rarer they are, the better. Grams are dealt greedily, then each is taken out and dealt again.

use std::ops::Range;

use super::{
    frequency::share_of,
    grams::{FOLD, Gram},
};

/// How many groups of eight buckets there are.
pub(super) const GROUPS: usize = 4;
const BUCKETS: usize = 8 * GROUPS;

/// Grams of three bytes let nearly anything follow, which spoils a bucket for others: they get these to themselves. With
/// one or four instead of two, up to a tenth more positions pass.
const OF_THREE: Range<usize> = 0..2;

/// How often all grams are dealt. With 2,500 grams 23 % of positions pass after one round, 20 % after two, 19 % after
/// three; a round takes 0.4 ms.
const ROUNDS: usize = 2;

/// Which buckets of a group hold a gram, by seven bits of it.
pub(super) type Table = [u8; 128];

/// The tables of stage 1.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Tables {
    /// Per group and place of a byte in a gram, by the byte's low seven bits: bytes above 127 alias, which over-reports.
    pub(super) singles: [[Table; 4]; GROUPS],
    /// Per group, for the first two and the last two bytes of a gram, by their [`pair`]. They halve what passes.
    pub(super) pairs: [[Table; 2]; GROUPS],
}

/// By a (folded) byte: what the byte before it is mixed with.
pub(super) static SCRAMBLED: Table = {
    let (mut table, mut state, mut at) = ([0; 128], 0x1234_5678_u32, 0);
    while at < 128 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        table[at] = (state >> 25) as u8;
        at += 1;
    }
    table
};

/// Seven bits that two bytes share with few others; with those that differ in case alone, though.
fn pair(first: usize, second: usize) -> usize {
    let fold = FOLD as u8 as usize;
    ((first | fold) ^ usize::from(SCRAMBLED[(second | fold) & 127])) & 127
}

/// The bytes that may stand at each of the four places, as bits numbered by their low seven bits.
type Places = [u128; 4];

impl Tables {
    pub(super) fn new(grams: &[Gram]) -> Box<Tables> {
        let mut wanted: Vec<(bool, Places)> =
            grams.iter().map(|gram| (gram.len == 4, [0, 1, 2, 3].map(|at| places(gram, at)))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let others =
            if wanted.first().is_some_and(|(is_four, _)| !is_four) { OF_THREE.end..BUCKETS } else { 0..BUCKETS };
        let mut buckets = Buckets::new();
        let mut dealt_to: Vec<Option<usize>> = vec![None; wanted.len()];
        for _ in 0..ROUNDS {
            for ((is_four, places), dealt_to) in wanted.iter().zip(&mut dealt_to) {
                if let Some(bucket) = dealt_to.take() {
                    buckets.remove(bucket, places);
                }
                let range = if *is_four { others.clone() } else { OF_THREE };
                let costs = buckets.costs(places);
                let best = range.min_by(|a, b| costs[*a].total_cmp(&costs[*b])).expect("there are buckets");
                buckets.add(best, places);
                *dealt_to = Some(best);
            }
        }
        let mut tables = Box::new(Tables { singles: [[[0; 128]; 4]; GROUPS], pairs: [[[0; 128]; 2]; GROUPS] });
        for ((_, places), bucket) in wanted.iter().zip(dealt_to) {
            tables.add(bucket.expect("every gram was dealt"), places);
        }
        tables
    }

    fn add(&mut self, bucket: usize, places: &Places) {
        let (group, bit) = (bucket / 8, 1 << (bucket % 8));
        for (table, place) in self.singles[group].iter_mut().zip(places) {
            bits(*place).for_each(|byte| table[byte] |= bit);
        }
        for (table, place) in self.pairs[group].iter_mut().zip(places.chunks_exact(2)) {
            let both = bits(place[0]).flat_map(|first| bits(place[1]).map(move |second| pair(first, second)));
            both.for_each(|index| table[index] |= bit);
        }
    }
}

/// The byte values that a gram accepts at one of its four places.
fn places(gram: &Gram, at: usize) -> u128 {
    let bit = |byte: u8| 1_u128 << (byte & 127);
    if at >= gram.len {
        let follows = |byte: &u8| gram.next.is_none_or(|next| next.contains(*byte));
        return (0..=255).filter(follows).fold(0, |bits, byte| bits | bit(byte));
    }
    let byte = gram.bytes[at];
    let other_case = if gram.ignore_case && byte.is_ascii_alphabetic() { byte ^ 0x20 } else { byte };
    bit(byte) | bit(other_case)
}

/// Numbers of the bits that are set.
fn bits(mut set: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (lowest < 128).then_some(lowest)
    })
}

/// All buckets side by side, so that what a gram costs is computed for all of them at once.
struct Buckets {
    /// By place, byte and bucket: how many grams have it.
    counts: Box<[[[u16; BUCKETS]; 128]; 4]>,
    /// By place, byte and bucket: the share of positions that have the byte, if no gram has it yet.
    missing: Box<[[[f32; BUCKETS]; 128]; 4]>,
    /// By place and bucket: the share of positions that pass.
    shares: [[f32; BUCKETS]; 4],
}

impl Buckets {
    fn new() -> Buckets {
        let mut missing = Box::new([[[0.0; BUCKETS]; 128]; 4]);
        for place in missing.iter_mut() {
            place.iter_mut().enumerate().for_each(|(byte, missing)| *missing = [share_of(byte); BUCKETS]);
        }
        Buckets { counts: Box::new([[[0; BUCKETS]; 128]; 4]), missing, shares: [[0.0; BUCKETS]; 4] }
    }

    /// By bucket: how much larger a share of positions passes with this gram as well.
    fn costs(&self, places: &Places) -> [f32; BUCKETS] {
        let (mut before, mut after) = ([1.0; BUCKETS], [1.0; BUCKETS]);
        for ((set, missing), shares) in places.iter().zip(&*self.missing).zip(&self.shares) {
            let mut more = [0.0; BUCKETS];
            for byte in bits(*set) {
                more.iter_mut().zip(&missing[byte]).for_each(|(more, missing)| *more += missing);
            }
            let products = before.iter_mut().zip(&mut after);
            for ((before, after), (more, share)) in products.zip(more.iter().zip(shares)) {
                *before *= share;
                *after *= share + more;
            }
        }
        after.iter_mut().zip(&before).for_each(|(after, before)| *after -= before);
        after
    }

    fn add(&mut self, bucket: usize, places: &Places) {
        for (at, set) in places.iter().enumerate() {
            for byte in bits(*set) {
                let count = &mut self.counts[at][byte][bucket];
                self.shares[at][bucket] += if *count == 0 { share_of(byte) } else { 0.0 };
                *count += 1;
                self.missing[at][byte][bucket] = 0.0;
            }
        }
    }

    fn remove(&mut self, bucket: usize, places: &Places) {
        for (at, set) in places.iter().enumerate() {
            for byte in bits(*set) {
                let count = &mut self.counts[at][byte][bucket];
                *count -= 1;
                let freed = if *count == 0 { share_of(byte) } else { 0.0 };
                self.shares[at][bucket] -= freed;
                self.missing[at][byte][bucket] = freed;
            }
        }
    }
}
