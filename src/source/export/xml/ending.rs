//! Where tags, comments, instructions and document types end, and what looks like one and is none: that is text.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::super::near::first_of;

/// What was found out about something that begins like markup; `None` if it takes more bytes.
pub(super) type Looked = Option<Markup>;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markup {
    /// It has that many bytes.
    Whole(usize),
    /// It is none: its first bytes, so many, are text.
    None(usize),
}

/// Where a tag ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the `>` there.
    Whole(usize),
    /// Likewise, but a quote before it was never closed.
    Unquoted(usize),
    /// It is none: text up to there.
    None(usize),
    /// Behind these bytes. From there on nothing in them is known for sure.
    Open(usize),
}

/// Looks for the end of the tag at hand. A `>` in a quoted value is none; but a value that ends where the next one
/// begins was never closed.
pub(super) fn ending(window: &[u8]) -> Ending {
    let (mut at, mut in_value) = (1, None);
    // A quote that was taken for a closing one may have been none.
    let none = |tag: usize, in_value: Option<usize>| in_value.map_or(Ending::None(tag), Ending::Unquoted);
    loop {
        let found = first_of([b'>', b'"', b'\''], window, at);
        let before = &window[at.min(window.len())..found.unwrap_or(window.len())];
        if let Some(tag) = memchr::memchr(b'<', before) {
            return none(at + tag, in_value);
        }
        let Some(found) = found else { return Ending::Open(at) };
        let quote = window[found];
        if quote == b'>' {
            return Ending::Whole(found);
        }
        // A quote is one only after an equals sign; elsewhere it is dirt.
        if !window[..found].trim_ascii_end().ends_with(b"=") {
            at = found + 1;
            continue;
        }
        let start = found + 1;
        let Some(end) = window.get(start..).and_then(|rest| memchr::memchr(quote, rest)) else {
            return Ending::Open(start);
        };
        let (value, end) = (&window[start..start + end], start + end);
        let Some(next) = window.get(end + 1) else { return Ending::Open(start) };
        if is_behind_value(*next) || next_name(value).is_none() {
            if !is_behind_value(*next) {
                in_value = in_value.or_else(|| Some(start + memchr::memchr(b'>', value)?));
            }
            at = end + 1;
            continue;
        }
        match memchr::memchr2(b'<', b'>', value) {
            Some(sign) if value[sign] == b'>' => return Ending::Unquoted(in_value.unwrap_or(start + sign)),
            Some(sign) => return none(start + sign, in_value),
            // That quote opens the next value.
            None => at = end,
        }
    }
}

/// May it stand behind a value in quotes?
pub(super) fn is_behind_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'?')
}

/// Where in what was taken for a value the name of the next attribute begins, with the blank before it, if it ends with one and
/// its equals sign.
pub(super) fn next_name(value: &[u8]) -> Option<usize> {
    let name = value.strip_suffix(b"=")?;
    let blank = name.iter().rposition(u8::is_ascii_whitespace)?;
    (blank + 1 < name.len()).then_some(blank)
}

/// What ends and begins things that aren't tags.
struct Marks {
    comment: Finder<'static>,
    comment_end: Finder<'static>,
    instruction_end: Finder<'static>,
    declaration: Finder<'static>,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks {
    comment: Finder::new("<!--"),
    comment_end: Finder::new("-->"),
    instruction_end: Finder::new("?>"),
    declaration: Finder::new("<!DOCTYPE"),
});

/// A comment. It has no other one in it: the first of two that begin and don't end is none.
pub(super) fn comment(window: &[u8]) -> Looked {
    let behind = window.get(4..)?;
    let next = MARKS.comment.find(behind);
    match (MARKS.comment_end.find(&behind[..next.unwrap_or(behind.len())]), next) {
        (Some(end), _) => Some(Markup::Whole(4 + end + 3)),
        (None, Some(_)) => Some(Markup::None(4)),
        (None, None) => None,
    }
}

/// A processing instruction. One that has a tag in it is none.
pub(super) fn instruction(window: &[u8]) -> Looked {
    let behind = window.get(2..)?;
    let tag = memchr::memchr(b'<', behind);
    match (MARKS.instruction_end.find(&behind[..tag.unwrap_or(behind.len())]), tag) {
        (Some(end), _) => Some(Markup::Whole(2 + end + 2)),
        (None, Some(_)) => Some(Markup::None(2)),
        (None, None) => None,
    }
}

/// Longest document type: it is looked for in memory.
const MAX_DOCTYPE: usize = 64 << 10;

const DOCTYPE: &[u8] = b"<!DOCTYPE";

/// A document type, with its own declarations if it has some.
pub(super) fn doctype(window: &[u8]) -> Looked {
    let begun = DOCTYPE.len().min(window.len());
    if !window[..begun].eq_ignore_ascii_case(&DOCTYPE[..begun]) {
        return Some(Markup::None(2));
    }
    let near = &window[..window.len().min(MAX_DOCTYPE)];
    let unknown = (near.len() == MAX_DOCTYPE).then_some(Markup::None(2));
    let Some(at) = first_of([b'[', b'>', b'<'], near, DOCTYPE.len()) else { return unknown };
    match near[at] {
        b'>' => return Some(Markup::Whole(at + 1)),
        b'<' => return Some(Markup::None(2)),
        _ => {}
    }
    // Of many that don't end each is looked through up to the next one alone.
    let next = MARKS.declaration.find(&near[at..]).map(|next| at + next);
    let inside = &near[..next.unwrap_or(near.len())];
    let is_end = |end: &usize| inside[end + 1..].trim_ascii_start().starts_with(b">");
    let end = memchr::memchr_iter(b']', &inside[at..]).map(|end| at + end).find(is_end);
    let length = end.and_then(|end| Some(end + memchr::memchr(b'>', &inside[end..])? + 1));
    length.map(Markup::Whole).or(next.map(|_| Markup::None(2))).or(unknown)
}

#[cfg(test)]
mod tests {
    use super::{Ending, Markup, comment, doctype, ending, instruction};

    #[test]
    fn tags_end_where_people_meant() {
        for (tag, expected) in [
            ("<a>", Ending::Whole(2)),
            ("<a b=\"x > y\" c='<d>'>", Ending::Whole(20)),
            ("<a b=\"x>text</a> <a b=\"y\">", Ending::Unquoted(7)),
            ("<a b=\"x>he said \"hi\" </a>", Ending::Unquoted(7)),
            ("<a b=\"x c=\"y > z\">", Ending::Whole(17)),
            ("<a b=\"x <c d=\"y\">", Ending::None(8)),
            ("<a text <b>", Ending::None(8)),
            ("<a b=\"x", Ending::Open(6)),
            ("<a b=\"x\"", Ending::Open(6)),
            ("<a b", Ending::Open(1)),
        ] {
            assert_eq!(ending(tag.as_bytes()), expected, "{tag}");
        }
    }

    #[test]
    fn what_only_begins_like_markup_is_text() {
        type Look = fn(&[u8]) -> super::Looked;
        let whole = |text: &str| Some(Markup::Whole(text.len()));
        let texts: [(Look, &str); 6] = [
            (comment, "<!--a-->"),
            (instruction, "<?a b?>"),
            (doctype, "<!DOCTYPE a>"),
            (doctype, "<!doctype a [<!ENTITY b \"]\">] >"),
            (comment, "<!-->-->"),
            (instruction, "<??>"),
        ];
        for (look, text) in texts {
            assert_eq!(look(format!("{text}<b>").as_bytes()), whole(text), "{text}");
        }
        assert_eq!(comment(b"<!-- a <!-- b -->"), Some(Markup::None(4)));
        assert_eq!(instruction(b"<? a <b ?>"), Some(Markup::None(2)));
        assert_eq!(doctype(b"<! text >"), Some(Markup::None(2)));
        assert_eq!(doctype(b"<!DOCTYPE a <b>"), Some(Markup::None(2)));
        assert_eq!(doctype(b"<!DOCTYPE a [<!DOCTYPE b []>"), Some(Markup::None(2)));
        assert_eq!((comment(b"<!-- a --"), instruction(b"<? a ?"), doctype(b"<!DOCT")), (None, None, None));
    }
}
