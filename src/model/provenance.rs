use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{GitPlace, RecordPlace};

/// Where a blob came from. Ordered, so that reports are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// Bytes given by a caller or piped in, under a display name such as `<stdin>`.
    Named(String),
    /// A file, by the path that the user could open it with.
    File(PathBuf),
    /// An object in the history of a git repository.
    Git(Box<GitPlace>),
    /// A record (or file) of an export.
    Record(Box<RecordPlace>),
}

/// The number of a minute, given as RFC 3339 writes times. Months count as long as the longest, so that some minutes
/// stand further apart than they are and none closer.
fn minute(time: &str) -> Option<u64> {
    let field = |range: std::ops::Range<usize>| time.get(range)?.parse::<u64>().ok();
    let days = (field(0..4)? * 12 + field(5..7)?) * 31 + field(8..10)?;
    Some((days * 24 + field(11..13)?) * 60 + field(14..16)?)
}

/// The groups that a message is in; `None` if it isn't known when and where it was said.
fn of_conversation(place: &RecordPlace) -> Option<Vec<Neighbour>> {
    let container = place.container.as_ref()?;
    let id = container.id.as_ref().or(container.name.as_ref())?;
    let order = minute(place.time.as_ref()?.utc.as_deref()?)?;
    let workspace = place.workspace.as_deref().unwrap_or_default();
    let conversation = format!("{} {workspace} {} {id}", place.system, container.kind);
    let author = place.author.as_ref().and_then(|author| {
        author.id.as_ref().or(author.email.as_ref()).or(author.name.as_ref()).map(|name| format!("by {name}"))
    });
    // The message that a thread begins with is named by the others.
    let thread = place.thread.as_ref().or(place.record.as_ref()).map(|thread| format!("thread {thread}"));
    let groups = author.into_iter().chain(thread).map(|group| format!("{conversation} {group}"));
    Some(groups.map(|group| Neighbour { group, order }).collect())
}

/// A blob's place among blobs that belong together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Names them: a commit, a conversation.
    pub group: String,
    /// Its place in their order; the same for all where they have none.
    pub order: u64,
}

/// A borrowed [`Provenance`]: what a source says of a blob before anything is found in it.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// See [`Provenance::Named`].
    Named(&'a str),
    /// See [`Provenance::File`].
    File(&'a Path),
    /// An object of a git repository, whose paths aren't known yet.
    Object(&'a GitPlace),
    /// A file of an export, of which the message that has it isn't known yet.
    Record(&'a RecordPlace),
}

impl Origin<'_> {
    /// The owned form. Allocates.
    #[must_use]
    pub fn to_provenance(self) -> Provenance {
        match self {
            Origin::Named(name) => Provenance::Named(name.to_owned()),
            Origin::File(path) => Provenance::File(path.to_owned()),
            Origin::Object(place) => Provenance::Git(Box::new(place.clone())),
            Origin::Record(place) => Provenance::Record(Box::new(place.clone())),
        }
    }
}

/// Which part of a blob holds the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Its content.
    #[default]
    Content,
    /// Its name: somebody named a file after a secret.
    Name,
    /// The target of a symbolic link, as text.
    LinkTarget,
}

impl Provenance {
    /// The file's path, if it is a file; in the repository, if it is one of its history.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Provenance::File(path) => Some(path),
            Provenance::Git(place) => place.path.as_deref(),
            Provenance::Record(place) => Some(place.path()),
            Provenance::Named(_) => None,
        }
    }

    /// What other blobs it belongs with: the files of the commit that introduced it; by the minute, what the same person
    /// wrote in a conversation, and what was written in the same thread of it. Empty if it stands alone.
    #[must_use]
    pub fn neighbours(&self) -> Vec<Neighbour> {
        match self {
            Provenance::Git(place) => {
                let first = place.history.as_ref().and_then(|history| history.first.as_ref());
                let group = |id| format!("{} {id}", DisplayPath(&place.repository));
                first.map(|first| Neighbour { group: group(first.id), order: 0 }).into_iter().collect()
            }
            Provenance::Record(place) => of_conversation(place).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// As a source says it.
    #[must_use]
    pub fn as_origin(&self) -> Origin<'_> {
        match self {
            Provenance::Named(name) => Origin::Named(name),
            Provenance::File(path) => Origin::File(path),
            Provenance::Git(place) => Origin::Object(place),
            Provenance::Record(place) => Origin::Record(place),
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Provenance::File(path) => DisplayPath(path).fmt(f),
            Provenance::Git(place) => place.fmt(f),
            Provenance::Record(place) => place.fmt(f),
            Provenance::Named(name) => f.write_str(name),
        }
    }
}

impl Serialize for Provenance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = match self {
            Provenance::File(_) => "file",
            Provenance::Git(_) => "git",
            Provenance::Record(_) => "record",
            Provenance::Named(_) => "named",
        };
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("kind", kind)?;
        match self {
            Provenance::File(_) | Provenance::Named(_) => fields.serialize_entry("path", &self.to_string())?,
            Provenance::Git(place) => {
                let path = place.path.as_deref().map(|path| DisplayPath(path).to_string());
                fields.serialize_entry("path", &path)?;
                fields.serialize_entry("repository", &DisplayPath(&place.repository).to_string())?;
                fields.serialize_entry("object", &place.object)?;
                fields.serialize_entry("object_kind", &place.object_kind)?;
                fields.serialize_entry("history", &place.history)?;
            }
            Provenance::Record(place) => {
                fields.serialize_entry("path", &place.to_string())?;
                fields.serialize_entry("record", place)?;
            }
        }
        fields.end()
    }
}

/// A path made safe for a terminal and for JSON; see [`Escaped`].
pub struct DisplayPath<'a>(pub &'a Path);

impl fmt::Display for DisplayPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.0.as_os_str().as_encoded_bytes()).fmt(f)
    }
}

/// Bytes made safe for a terminal and for JSON: control characters, bidirectional overrides and bytes that aren't
/// UTF-8 are written as `\u{NN}` or `\xNN`, all else as itself. Two different byte strings may print alike only if
/// one of them holds such an escape literally.
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some((at, character)) = rest.char_indices().find(|(_, character)| is_unsafe_to_print(*character))
            {
                write!(f, "{}{}", &rest[..at], character.escape_unicode())?;
                rest = &rest[at + character.len_utf8()..];
            }
            f.write_str(rest)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Control characters and the bidirectional overrides that can make one path look like another.
fn is_unsafe_to_print(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::Provenance;

    #[test]
    fn hostile_names_are_escaped() {
        let path = std::path::PathBuf::from("a\n\u{1b}[31mred\u{202e}");
        assert_eq!(Provenance::File(path).to_string(), "a\\u{a}\\u{1b}[31mred\\u{202e}");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8_are_escaped() {
        use std::os::unix::ffi::OsStringExt as _;
        let name = std::ffi::OsString::from_vec(b"caf\xe9.env".to_vec());
        assert_eq!(Provenance::File(name.into()).to_string(), "caf\\xe9.env");
    }
}
