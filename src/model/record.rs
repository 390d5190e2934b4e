use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use super::{DisplayPath, Escaped};

/// A place in an export of a chat, ticket, wiki or mail system: which message, by whom, and where in the export it
/// stands.
///
/// What the export doesn't say is `None`. All texts come from the export: anybody can have written anything there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordPlace {
    /// When it was posted. First, so that the first place of a finding is the earliest.
    pub time: Option<RecordTime>,
    /// Where the bytes are.
    pub physical: PhysicalPlace,
    /// The system that was exported, such as `slack`.
    pub system: String,
    /// Workspace, tenant or site.
    pub workspace: Option<String>,
    /// Channel, project, space or repository.
    pub container: Option<RecordContainer>,
    /// Id of the thread or of the message that it answers.
    pub thread: Option<String>,
    /// Id of the message, comment, issue or page.
    pub record: Option<String>,
    /// The field of the record, such as `text`. Empty if the record is a file.
    pub field: String,
    /// Who wrote it.
    pub author: Option<RecordAuthor>,
    /// When it was changed last.
    pub edited: Option<RecordTime>,
    /// Is this what the record says now?
    pub revision: Revision,
    /// Who could see it.
    pub visibility: Option<Visibility>,
    /// How many accounts could read it; of a public container, how many are in it.
    pub readers: Option<u64>,
    /// Where it is to be seen.
    pub permalink: Option<Permalink>,
    /// The attached file that holds it.
    pub attachment: Option<RecordAttachment>,
    /// Which of the source's readers made this: only for the source itself.
    #[serde(skip)]
    pub reader: u32,
}

/// Where in an export the bytes of a record stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysicalPlace {
    /// The file, as the user could open it: an archive, or a file of an export that lies there as a directory.
    pub file: PathBuf,
    /// Path in the archive; `!` leads into an archive inside it. Empty if `file` is none.
    pub member: String,
    /// Offset of the field (or file) in the member as unpacked and in UTF-8.
    pub offset: u64,
    /// Line of the record in the member, 1-based; 0 if the member has no lines.
    pub line: u64,
}

impl Serialize for PhysicalPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut fields = serializer.serialize_map(Some(4))?;
        fields.serialize_entry("file", &DisplayPath(&self.file).to_string())?;
        fields.serialize_entry("member", &(!self.member.is_empty()).then(|| safe(&self.member)))?;
        fields.serialize_entry("offset", &self.offset)?;
        fields.serialize_entry("line", &(self.line > 0).then_some(self.line))?;
        fields.end()
    }
}

impl fmt::Display for PhysicalPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DisplayPath(&self.file).fmt(f)?;
        if self.member.is_empty() { Ok(()) } else { write!(f, "!{}", Escaped(self.member.as_bytes())) }
    }
}

fn safe(text: &str) -> String {
    Escaped(text.as_bytes()).to_string()
}

/// A channel, project, space or repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordContainer {
    /// What the system calls it, such as `channel`.
    pub kind: String,
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// Who wrote a record. Nobody checked that.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordAuthor {
    /// Id in the system.
    pub id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// A time as the export has it, and what that means.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordTime {
    /// By RFC 3339, in UTC. `None` if the export doesn't say enough, such as a clock without its zone.
    pub utc: Option<String>,
    /// As the export has it.
    pub raw: String,
}

/// Is a text what the record says now?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revision {
    /// It is.
    #[default]
    Current,
    /// It was edited away or deleted, and the export still has it.
    Old,
}

/// Who can see a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody in the workspace.
    Public,
    /// Whoever was let in.
    Private,
    /// The people of one conversation.
    Direct,
}

impl Visibility {
    /// The name used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Private => "private",
            Visibility::Direct => "direct",
        }
    }
}

/// An address at which a record is to be seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Permalink {
    /// The address.
    pub url: String,
    /// How much of it is known.
    pub basis: PermalinkBasis,
}

/// How far an address can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PermalinkBasis {
    /// It stands in the export.
    Exact,
    /// Put together from parts that stand in the export or that the user gave.
    Derived,
    /// A part of it was guessed.
    Guess,
}

impl PermalinkBasis {
    /// The name used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PermalinkBasis::Exact => "exact",
            PermalinkBasis::Derived => "derived",
            PermalinkBasis::Guess => "guess",
        }
    }
}

/// A file that belongs to a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordAttachment {
    /// Id in the system.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Path of the file that holds the secret, if the attachment is an archive.
    pub path: Option<String>,
}

impl RecordPlace {
    /// The file that a person can open: the archive, if it is in one.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.physical.file
    }
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.physical.fmt(f)
    }
}

/// An export that a scan met: what it was taken for, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ExportSummary {
    /// Where it is.
    pub path: String,
    /// Its system, such as `slack`.
    pub system: String,
    /// What is told to people, such as `Slack export`.
    pub title: String,
    /// The signs by which it was recognised; at least two, unless the user named the format.
    pub signs: Vec<String>,
}

/// Something that is no finding of its own and no problem, such as a live token that stands on each of an export's links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Notice {
    /// Where: the export, or the file.
    pub path: String,
    /// The class, such as `export-file-token`.
    pub kind: String,
    /// What it means, for people.
    pub message: String,
    /// How often it was met.
    pub count: u64,
}
