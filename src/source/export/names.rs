//! Lists of names that are asked for each part of each record, mostly in vain.

/// A list of names. Of most others one look tells that they are none of them, and which they may be of most of these.
pub(super) struct Names<const N: usize> {
    list: [&'static str; N],
    /// By what is seen at a look: one more than the index of the only name that it may be, or [`SEVERAL`].
    slots: [u8; 64],
}

/// It may be more than one.
const SEVERAL: u8 = u8::MAX;

impl<const N: usize> Names<N> {
    pub(super) const fn of(list: [&'static str; N]) -> Names<N> {
        assert!(N < SEVERAL as usize);
        let (mut slots, mut at) = ([0; 64], 0);
        while at < N {
            let slot = slot(list[at]);
            slots[slot] = if slots[slot] == 0 { at as u8 + 1 } else { SEVERAL };
            at += 1;
        }
        Names { list, slots }
    }

    /// Is it one of them?
    pub(super) fn has(&self, name: &str) -> bool {
        match self.slots[slot(name)] {
            0 => false,
            SEVERAL => self.list.contains(&name),
            only => self.list[usize::from(only) - 1] == name,
        }
    }
}

/// By length and last byte.
const fn slot(name: &str) -> usize {
    match name.as_bytes() {
        [.., last] => (7 * name.len() + *last as usize) % 64,
        [] => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_of_the_list_and_no_others() {
        const NAMES: Names<4> = Names::of(["id", "summary", "", "ad"]);
        assert!(["id", "summary", "", "ad"].iter().all(|name| NAMES.has(name)));
        assert!(["i", "ids", "iD", "summarx", "bd", "\u{0}"].iter().all(|name| !NAMES.has(name)));
    }
}
