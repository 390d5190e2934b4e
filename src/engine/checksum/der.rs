//! Distinguished Encoding Rules, as far as keys need them. Source: ITU-T X.690.

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;

/// Reads one element after the other.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// Tag and content of the next element; `None` at the end, and where a length is wrong.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, first, rest) = match *self.0 {
            [tag, first, ref rest @ ..] => (tag, first, rest),
            _ => return None,
        };
        let (len, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            // Keys are shorter than four gigabytes.
            let count = usize::from(first & 0x7f);
            let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The elements of the next element, a sequence.
    pub(super) fn sequence(&mut self) -> Option<Der<'a>> {
        self.expect(SEQUENCE).map(Der)
    }

    /// The next element, a non-negative integer, without leading zeros.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let content = self.expect(INTEGER)?;
        let is_negative = content.first().is_none_or(|first| first & 0x80 != 0);
        (!is_negative).then(|| strip_zeros(content))
    }
}

/// A number without leading zeros.
pub(super) fn strip_zeros(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

/// Bits of a number without leading zeros.
pub(super) fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// Writes an element.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = content.len().to_be_bytes();
    let digits = strip_zeros(&len);
    if content.len() < 0x80 {
        out.push(content.len() as u8);
    } else {
        out.push(0x80 | digits.len() as u8);
        out.extend(digits);
    }
    out.extend(content);
    out
}

/// Writes a non-negative integer.
pub(super) fn unsigned(number: &[u8]) -> Vec<u8> {
    let number = strip_zeros(number);
    let zero = number.first().is_none_or(|first| first & 0x80 != 0);
    let content: Vec<u8> = zero.then_some(0).into_iter().chain(number.iter().copied()).collect();
    element(INTEGER, &content)
}

#[cfg(test)]
mod tests {
    use super::{Der, OCTET_STRING, element, unsigned};

    #[test]
    fn what_is_written_is_read_and_what_is_cut_is_not() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let whole = element(OCTET_STRING, &vec![7; len]);
            assert_eq!(Der(&whole).next(), Some((OCTET_STRING, vec![7; len].as_slice())), "{len}");
            assert_eq!(Der(&whole[..whole.len() - 1]).next(), None, "{len}");
        }
        assert_eq!(Der(&unsigned(&[0, 0x80])).unsigned(), Some([0x80].as_slice()));
        assert_eq!(Der(&[2, 0x85, 1, 1, 1, 1, 1]).next(), None);
    }
}
