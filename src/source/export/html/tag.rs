//! Tags of a page, read leniently.

use super::super::{near::first_of, xml::Attributes};

/// A tag beyond this is text.
pub(super) const MAX_TAG: usize = 64 << 10;

/// A tag.
pub(in crate::source::export) struct Tag<'t> {
    pub(super) name: &'t [u8],
    pub(super) is_end: bool,
    /// What stands behind the name.
    pub(super) rest: &'t [u8],
    /// Where the rest begins, and the tag ends.
    pub(super) rest_start: usize,
    pub(super) end: usize,
}

impl Tag<'_> {
    /// Is it an element of that name?
    pub(in crate::source::export) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value of an attribute.
    pub(in crate::source::export) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = Attributes::new(self.rest, 0).iter();
        let found = attributes.find(|own| own.name.eq_ignore_ascii_case(name))?;
        Some(found.value.into_owned())
    }

    /// Is it of that class?
    pub(in crate::source::export) fn has_class(&self, class: &str) -> bool {
        // Most tags are none of those that are looked for.
        memchr::memmem::find(self.rest, class.as_bytes()).is_some()
            && self.attribute("class").is_some_and(|own| own.split_ascii_whitespace().any(|own| own == class))
    }
}

/// What stands at a `<`.
pub(super) enum At<'t> {
    Tag(Tag<'t>),
    /// A comment, or a script, up to there.
    Passed(usize),
    Text,
    /// It goes on behind the last byte.
    Open,
}

/// Looks at tags from the front to the back of some bytes. What was looked for in vain isn't looked for again.
pub(super) struct Eye<'b> {
    bytes: &'b [u8],
    no_comment_ends: bool,
    no_raw_ends: [bool; RAW.len()],
}

/// Elements in which there are no tags.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

impl<'b> Eye<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Eye<'b> {
        Eye { bytes, no_comment_ends: false, no_raw_ends: [false; RAW.len()] }
    }

    pub(super) fn at(&mut self, at: usize) -> At<'b> {
        let here = &self.bytes[at..];
        if here.starts_with(b"<!--") {
            let end = if self.no_comment_ends { None } else { memchr::memmem::find(&here[4..], b"-->") };
            self.no_comment_ends = end.is_none();
            return end.map_or(At::Open, |length| At::Passed(at + 4 + length + 3));
        }
        let is_end = here.get(1) == Some(&b'/');
        let name_start = if is_end { 2 } else { 1 };
        match here.get(name_start) {
            Some(first) if first.is_ascii_alphabetic() => {}
            None => return At::Open,
            Some(_) => return At::Text,
        }
        let near = &here[..here.len().min(MAX_TAG)];
        // A quote that is never closed costs its tag; without any end there is no tag in all of it.
        let end = match tag_end(near) {
            Some(end) => end,
            None if here.len() < MAX_TAG => return At::Open,
            None => match memchr::memchr(b'>', near) {
                Some(end) => end,
                None => return At::Passed(at + near.len()),
            },
        };
        let is_name = |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>');
        let length = here[name_start..end].iter().take_while(|byte| is_name(byte)).count();
        let (name, rest) = here[name_start..end].split_at(length);
        At::Tag(Tag { name, is_end, rest, rest_start: at + name_start + length, end: at + end + 1 })
    }

    /// Where the text of an element ends whose tags are none, such as a script: behind its tag for all others. `None` if it
    /// has no end.
    pub(super) fn raw_end(&mut self, tag: &Tag<'_>) -> Option<usize> {
        let raw = RAW.iter().position(|name| tag.is(name)).filter(|_| !tag.is_end && !tag.rest.ends_with(b"/"));
        let Some(raw) = raw else { return Some(tag.end) };
        let mut from = tag.end;
        while let Some(found) = memchr::memmem::find(&self.bytes[from..], b"</").filter(|_| !self.no_raw_ends[raw]) {
            let name = self.bytes.get(from + found + 2..from + found + 2 + tag.name.len());
            if name.is_some_and(|name| name.eq_ignore_ascii_case(tag.name)) {
                return Some(from + found);
            }
            from += found + 2;
        }
        self.no_raw_ends[raw] = true;
        None
    }
}

/// Index of the `>` that ends a tag: not one in a quoted value.
fn tag_end(window: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at = first_of([b'>', b'"', b'\''], window, at)?;
        match window[at] {
            b'>' => return Some(at),
            // A quote is one only after an equals sign; elsewhere it is dirt.
            quote if window[..at].trim_ascii_end().ends_with(b"=") => {
                at += 1 + memchr::memchr(quote, window.get(at + 1..)?)? + 1;
            }
            _ => at += 1,
        }
    }
}
