//! Files with marked spans, and what they expand to.

use std::ops::Range;

use serde::Serialize;

use super::vocabulary::{password, word};
use crate::{
    engine::checksum::tail,
    rule::{
        Checksum,
        template::{SampleRng, fill, is_placeholder},
    },
};

/// What a marked span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// `+`: a secret, to be found.
    Secret,
    /// `-`: it looks like a secret and is none (a hash, an identifier, a reference, code).
    Lookalike,
    /// `?`: it stands where a secret would, for show.
    Placeholder,
}

/// A marked span of an expanded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledSpan {
    /// Its bytes in the expanded text; not empty.
    pub range: Range<usize>,
    /// What it is.
    pub label: Label,
    /// Its kind, a word such as `api-key` or `hash`.
    pub category: String,
}

/// A file as a scanner sees it, with the spans that were marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelledText {
    /// The text without marks.
    pub bytes: Vec<u8>,
    /// Sorted, without overlaps.
    pub spans: Vec<LabelledSpan>,
}

/// A mark or template that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct MarkError {
    /// 1-based line of the file with marks.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Expands a file with marks. Equal generators yield equal texts.
///
/// # Errors
/// A mark without an end, or an unknown template.
pub fn expand_marked(text: &[u8], rng: &mut SampleRng) -> Result<LabelledText, MarkError> {
    let mut expanded = LabelledText::default();
    let mut at = 0;
    while at < text.len() {
        let Some(mark) = Mark::at(&text[at..]) else {
            at += step(text, at, &mut expanded.bytes, 0, rng)?;
            continue;
        };
        let opened = at;
        at += mark.len;
        let start = expanded.bytes.len();
        while !text[at..].starts_with(b">>") {
            if at >= text.len() || Mark::at(&text[at..]).is_some() {
                return Err(error(text, opened, "this mark has no end `>>`"));
            }
            at += step(text, at, &mut expanded.bytes, start, rng)?;
        }
        at += 2;
        let range = start..expanded.bytes.len();
        if range.is_empty() {
            return Err(error(text, opened, "this mark marks nothing"));
        }
        expanded.spans.push(LabelledSpan { range, label: mark.label, category: mark.category });
    }
    Ok(expanded)
}

fn error(text: &[u8], at: usize, message: &str) -> MarkError {
    let line = 1 + memchr::memchr_iter(b'\n', &text[..at]).count();
    MarkError { line, message: message.to_owned() }
}

/// Copies one byte or expands one template; returns how much of `text` that was. `start` is where the checksum begins.
fn step(text: &[u8], at: usize, out: &mut Vec<u8>, start: usize, rng: &mut SampleRng) -> Result<usize, MarkError> {
    let Some(inner) = template_at(&text[at..]) else {
        out.push(text[at]);
        return Ok(1);
    };
    match inner {
        "word" => out.extend(word(rng).bytes()),
        "password" => out.extend(password(rng).bytes()),
        "checksum" => {
            let checksum = tail(Some(checksum_of(&out[start..])), &out[start..]);
            out.extend(checksum);
        }
        _ => out.extend(fill(inner, rng).map_err(|message| error(text, at, &message))?),
    }
    Ok(inner.len() + 4)
}

/// The inside of the template that `text` begins with.
fn template_at(text: &[u8]) -> Option<&str> {
    const LONGEST: usize = 80;
    let inner = text.strip_prefix(b"{{")?;
    let len = memchr::memmem::find(&inner[..inner.len().min(LONGEST)], b"}}")?;
    let inner = std::str::from_utf8(&inner[..len]).ok()?;
    (matches!(inner, "word" | "password") || is_placeholder(inner)).then_some(inner)
}

struct Mark {
    label: Label,
    category: String,
    len: usize,
}

impl Mark {
    /// The opening of a mark that `text` begins with.
    fn at(text: &[u8]) -> Option<Mark> {
        let rest = text.strip_prefix(b"<<")?;
        let label = match rest.first()? {
            b'+' => Label::Secret,
            b'-' => Label::Lookalike,
            b'?' => Label::Placeholder,
            _ => return None,
        };
        let is_category = |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-';
        let len = rest[1..].iter().take_while(is_category).count();
        let category = String::from_utf8_lossy(&rest[1..=len]).into_owned();
        (len > 0 && rest.get(len + 1) == Some(&b'|')).then_some(Mark { label, category, len: len + 4 })
    }
}

/// Which checksum a token that begins like this ends with.
fn checksum_of(token: &[u8]) -> Checksum {
    let known = [
        (b"glsa_".as_slice(), Checksum::Crc32HexLe),
        (b"glpat-", Checksum::Crc32Base36),
        (b"glrt-", Checksum::Crc32Base36),
        (b"AGE-SECRET-KEY-", Checksum::Bech32),
        (b"SU", Checksum::Nkey),
    ];
    known.iter().find(|(start, _)| token.starts_with(start)).map_or(Checksum::Crc32Base62, |(_, checksum)| *checksum)
}

#[cfg(test)]
mod tests {
    use super::{Label, expand_marked};
    use crate::rule::template::SampleRng;

    #[test]
    fn marks_are_stripped_and_templates_expanded() {
        let text = "a << b >> 1\nx: <<+password|ab{{digits:4}}>>, {{ keep }} <<-git-oid|{{hex:40}}>> <<?placeholder|changeme>>";
        let expanded = expand_marked(text.as_bytes(), &mut SampleRng::new(3)).unwrap();
        let shown = String::from_utf8(expanded.bytes).unwrap();
        assert!(shown.starts_with("a << b >> 1\nx: ab") && shown.contains(", {{ keep }} "), "{shown}");
        let spans: Vec<_> = expanded.spans.iter().map(|s| (s.label, s.category.as_str(), s.range.len())).collect();
        let expected =
            [(Label::Secret, "password", 6), (Label::Lookalike, "git-oid", 40), (Label::Placeholder, "placeholder", 8)];
        assert_eq!(spans, expected);
        assert_eq!(&shown[expanded.spans[2].range.clone()], "changeme");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, message) in [
            ("a\n<<+password|abc", "line 2: this mark has no end `>>`"),
            ("<<+password|>>", "line 1: this mark marks nothing"),
            ("<<+a|b <<+c|d>>", "line 1: this mark has no end `>>`"),
        ] {
            assert_eq!(expand_marked(text.as_bytes(), &mut SampleRng::new(1)).unwrap_err().to_string(), message);
        }
        let unknown = expand_marked(b"\n\n{{nonsense:4}}", &mut SampleRng::new(1)).unwrap_err();
        assert_eq!(unknown.line, 3);
    }
}
