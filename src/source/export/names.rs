//! Lists of names that are asked for each part of each record, mostly in vain.

/// A list of names. Of most others one look tells that they are none of them.
pub(super) struct Names<const N: usize> {
    list: [&'static str; N],
    bits: u64,
}

impl<const N: usize> Names<N> {
    pub(super) const fn of(list: [&'static str; N]) -> Names<N> {
        let (mut bits, mut at) = (0, 0);
        while at < N {
            bits |= bit(list[at]);
            at += 1;
        }
        Names { list, bits }
    }

    /// Is it one of them?
    pub(super) fn has(&self, name: &str) -> bool {
        self.bits & bit(name) != 0 && self.list.contains(&name)
    }
}

/// By length and last byte.
const fn bit(name: &str) -> u64 {
    match name.as_bytes() {
        [.., last] => 1 << ((7 * name.len() + *last as usize) % 64),
        [] => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_of_the_list_and_no_others() {
        const NAMES: Names<3> = Names::of(["id", "summary", ""]);
        assert!(["id", "summary", ""].iter().all(|name| NAMES.has(name)));
        assert!(["i", "ids", "iD", "summarx", "bd", "\u{0}"].iter().all(|name| !NAMES.has(name)));
    }
}
