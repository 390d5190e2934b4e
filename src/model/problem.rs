use serde::Serialize;

use super::Provenance;

/// Why something was not scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// Nothing stands at that path.
    NotFound,
    /// The operating system refused.
    PermissionDenied,
    /// A socket, FIFO or device: opening it could hang or have an effect.
    SpecialFile,
    /// A mount of kernel state (`/proc`, `/sys`): its files may never end.
    PseudoFilesystem,
    /// A git repository whose history was not scanned.
    HistoryNotScanned,
    /// A file of a git repository that Git LFS keeps elsewhere.
    LfsNotScanned,
    /// A symbolic link that leads back into its own directory.
    Loop,
    /// The file shrank while it was read: what was there was scanned.
    Truncated,
    /// The file gave more bytes than a file without a size may give.
    Endless,
    /// An object of a git repository, or a file of its store, that is damaged or missing.
    GitObject,
    /// A git repository without a single object: nothing of a history was scanned.
    EmptyRepository,
    /// Something in an archive or export that can't be understood; the rest was scanned.
    Malformed,
    /// A form of archive, compression or encryption that isn't known.
    Unsupported,
    /// A limit against hostile input (depth, number, size, ratio) was reached.
    Limit,
    /// A rule file with mistakes: what its rules find was not looked for.
    RulesLeftOut,
    /// Two ways of scanning the same bytes disagree.
    Inconsistent,
    /// Any other error while reading.
    Io,
    /// The scan was interrupted before it came to this.
    Interrupted,
}

impl ProblemKind {
    /// The kebab-case name used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemKind::NotFound => "not-found",
            ProblemKind::PermissionDenied => "permission-denied",
            ProblemKind::SpecialFile => "special-file",
            ProblemKind::PseudoFilesystem => "pseudo-filesystem",
            ProblemKind::HistoryNotScanned => "history-not-scanned",
            ProblemKind::LfsNotScanned => "lfs-not-scanned",
            ProblemKind::Loop => "loop",
            ProblemKind::Truncated => "truncated",
            ProblemKind::Endless => "endless",
            ProblemKind::GitObject => "git-object",
            ProblemKind::EmptyRepository => "empty-repository",
            ProblemKind::Malformed => "malformed",
            ProblemKind::Unsupported => "unsupported",
            ProblemKind::Limit => "limit",
            ProblemKind::RulesLeftOut => "rules-left-out",
            ProblemKind::Inconsistent => "inconsistent",
            ProblemKind::Io => "io",
            ProblemKind::Interrupted => "interrupted",
        }
    }
}

/// Something that was not scanned, or not in full. A scan with problems is never "clean".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// What was not scanned.
    pub provenance: Provenance,
    /// The class of the reason.
    pub kind: ProblemKind,
    /// The reason in words, without a full stop and never holding bytes of a file.
    pub message: String,
}
