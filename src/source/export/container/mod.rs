//! What an export comes in: a directory, a zip, a tar, something with gzip around it, or a single file. All are read
//! where they are; nothing is unpacked to disk.

mod list;
mod store;

use std::{
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

pub(super) use store::{Store, spool_to_path};

use super::limits::{ExportLimits, Limited};
use crate::model::{PhysicalPlace, Problem, ProblemKind, Provenance, RecordPlace};

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Path in the export, with slashes.
    pub(super) path: String,
    /// Bytes as unpacked, as the archive says; 0 if it doesn't.
    pub(super) size: u64,
    /// What the container knows it by.
    index: usize,
}

/// The files of an export.
pub(super) struct Tree {
    /// The file or directory that the user can open.
    file: PathBuf,
    /// The way into it, if this archive lies inside another one.
    inside: String,
    members: Vec<Member>,
    body: Body,
    limits: ExportLimits,
    /// Bytes that came out so far.
    unpacked: AtomicU64,
    is_nested: bool,
    /// Does it lie where its file says?
    is_on_disk: bool,
}

enum Body {
    /// Paths by index.
    Dir(Vec<PathBuf>),
    Zip(Box<ZipArchive<Store>>),
    /// A zip whose directory is gone.
    BrokenZip(Store),
    Tar(Store, Packing),
    File(Store, Packing),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    Zip,
    Tar,
    Gzip,
    Other,
}

impl Magic {
    /// Needs 512 bytes for a tar.
    pub(super) fn of(head: &[u8]) -> Magic {
        match head {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Magic::Zip,
            [0x1f, 0x8b, 8, ..] => Magic::Gzip,
            _ if head.get(257..262) == Some(b"ustar") => Magic::Tar,
            _ => Magic::Other,
        }
    }
}

/// Tells what could not be read.
pub(super) type Tell<'t> = &'t mut dyn FnMut(Problem);

impl Tree {
    /// Opens what lies at `path`, and lists it. Of a tar all headers are read.
    ///
    /// # Errors
    /// If nothing there can be opened. Whatever is damaged inside is told instead.
    pub(super) fn open(path: &Path, limits: ExportLimits, tell: Tell<'_>) -> io::Result<Tree> {
        let mut tree = Tree::empty(path.to_owned(), String::new(), limits);
        if std::fs::metadata(path)?.is_dir() {
            tree.list_dir(path, tell);
            return Ok(tree);
        }
        tree.is_on_disk = true;
        tree.fill(Store::open(path)?, tell)?;
        Ok(tree)
    }

    /// The same for what came as a stream.
    pub(super) fn of_stream(name: PathBuf, store: Store, limits: ExportLimits, tell: Tell<'_>) -> io::Result<Tree> {
        let mut tree = Tree::empty(name, String::new(), limits);
        tree.fill(store, tell)?;
        Ok(tree)
    }

    /// A single file of these bytes.
    pub(super) fn of_bytes(name: &str, bytes: &[u8]) -> Tree {
        let mut tree = Tree::empty(name.into(), String::new(), ExportLimits::default());
        tree.hold_file(Store::of_bytes(bytes), Packing::Plain);
        tree
    }

    fn fill(&mut self, store: Store, tell: Tell<'_>) -> io::Result<()> {
        match packing(&store)? {
            Some((Magic::Zip, _)) => self.list_zip(store, tell),
            Some((Magic::Tar, packing)) => self.list_tar(store, packing, tell),
            other => self.hold_file(store, other.map_or(Packing::Plain, |(_, packing)| packing)),
        }
        Ok(())
    }

    /// An archive inside another one, at `inside`; `None` if it is none.
    pub(super) fn nested(store: Store, outer: &PhysicalPlace, limits: ExportLimits, tell: Tell<'_>) -> Option<Tree> {
        let mut tree = Tree::empty(outer.file.clone(), outer.member.clone(), limits);
        tree.is_nested = true;
        match packing(&store).ok()?? {
            (Magic::Zip, _) => tree.list_zip(store, tell),
            (Magic::Tar, packing) => tree.list_tar(store, packing, tell),
            _ => return None,
        }
        Some(tree)
    }

    pub(super) fn empty(file: PathBuf, inside: String, limits: ExportLimits) -> Tree {
        let body = Body::Dir(Vec::new());
        let (members, unpacked) = (Vec::new(), AtomicU64::new(0));
        Tree { file, inside, members, body, limits, unpacked, is_nested: false, is_on_disk: false }
    }

    /// Is it a single file, not an archive or a directory?
    pub(super) fn is_file(&self) -> bool {
        matches!(self.body, Body::File(..))
    }

    /// All files, in the order in which they are read.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// As the user could open it, or the way into it.
    pub(super) fn display(&self) -> String {
        PhysicalPlace { file: self.file.clone(), member: self.inside.clone(), ..PhysicalPlace::default() }.to_string()
    }

    /// The file that the user named.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Can files be read in any order and on any thread? Those of a tar come one after the other.
    pub(super) fn is_concurrent(&self) -> bool {
        !matches!(self.body, Body::Tar(..) | Body::BrokenZip(_))
    }

    /// Where a file is.
    pub(super) fn place_of(&self, member: &Member) -> PhysicalPlace {
        let (file, path) = match &self.body {
            Body::Dir(paths) => return PhysicalPlace { file: paths[member.index].clone(), ..PhysicalPlace::default() },
            Body::File(..) => (self.file.clone(), ""),
            _ => (self.file.clone(), member.path.as_str()),
        };
        let member = match (self.inside.as_str(), path) {
            ("", path) => path.to_owned(),
            (inside, "") => inside.to_owned(),
            (inside, path) => format!("{inside}!{path}"),
        };
        PhysicalPlace { file, member, ..PhysicalPlace::default() }
    }

    /// The path of a file that lies on disk as it is, for readers that need one.
    pub(super) fn path_on_disk(&self, member: &Member) -> Option<&Path> {
        match &self.body {
            Body::Dir(paths) => paths.get(member.index).map(PathBuf::as_path),
            Body::File(_, Packing::Plain) if self.is_on_disk => Some(&self.file),
            _ => None,
        }
    }

    /// Opens one file and gives it to `with`. Only if the tree [is concurrent](Tree::is_concurrent).
    pub(super) fn read(&self, member: &Member, with: &mut dyn FnMut(Box<dyn Read + '_>)) -> Result<(), Refusal> {
        match &self.body {
            Body::Dir(paths) => {
                let store = Store::open(&paths[member.index])?;
                with(Box::new(store));
            }
            Body::File(store, Packing::Plain) => with(Box::new(store.clone())),
            Body::File(store, Packing::Gzip) => with(self.limited(MultiGzDecoder::new(store.clone()), store.len())),
            Body::Zip(archive) => {
                let mut archive = archive.clone();
                let file = archive.by_index(member.index).map_err(refusal)?;
                let packed = file.compressed_size();
                with(self.limited(file, packed));
            }
            Body::Tar(..) | Body::BrokenZip(_) => {
                let mut done = false;
                self.walk(&mut |found, reader| {
                    if found.index == member.index && !done {
                        done = true;
                        with(Box::new(reader));
                    }
                    !done
                })?;
            }
        }
        Ok(())
    }

    /// Gives all files in their order to `each`, until it says `false`. For trees that are not concurrent.
    pub(super) fn walk(&self, each: &mut dyn FnMut(&Member, &mut dyn Read) -> bool) -> Result<(), Refusal> {
        match &self.body {
            Body::Tar(store, packing) => {
                let mut next = self.members.iter();
                let mut archive = tar::Archive::new(self.unpacked(store, *packing));
                for entry in archive.entries()? {
                    let mut entry = entry?;
                    if !is_file(&entry) {
                        continue;
                    }
                    let Some(member) = next.next() else { break };
                    if !each(member, &mut entry) {
                        break;
                    }
                }
                Ok(())
            }
            Body::BrokenZip(store) => {
                let mut reader = BufReader::new(store.clone());
                for member in &self.members {
                    let Some(mut file) = next_local(&mut reader)? else { break };
                    let packed = file.compressed_size();
                    if !file.is_dir() && !each(member, &mut *self.limited(&mut file, packed)) {
                        break;
                    }
                }
                Ok(())
            }
            _ => {
                for member in &self.members {
                    let mut goes_on = true;
                    self.read(member, &mut |mut reader| goes_on = each(member, &mut reader))?;
                    if !goes_on {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    fn unpacked<'t>(&'t self, store: &Store, packing: Packing) -> Box<dyn Read + 't> {
        match packing {
            Packing::Plain => Box::new(BufReader::with_capacity(1 << 17, store.clone())),
            Packing::Gzip => {
                self.limited(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, store.clone())), store.len())
            }
        }
    }

    fn limited<'t>(&'t self, reader: impl Read + 't, packed: u64) -> Box<dyn Read + 't> {
        let total = self.is_nested.then_some((&self.unpacked, self.limits.nested_bytes));
        Box::new(Limited::new(reader, packed, self.limits.ratio, total))
    }

    fn problem(&self, path: &str, kind: ProblemKind, message: impl Into<String>) -> Problem {
        let member = Member { path: path.to_owned(), size: 0, index: usize::MAX };
        let physical = match &self.body {
            Body::Dir(_) => PhysicalPlace { file: self.file.join(path), ..PhysicalPlace::default() },
            _ => self.place_of(&member),
        };
        Problem { provenance: provenance(physical), kind, message: message.into() }
    }
}

/// A place of which nothing but that is known.
pub(super) fn provenance(physical: PhysicalPlace) -> Provenance {
    if physical.member.is_empty() {
        return Provenance::File(physical.file);
    }
    Provenance::Record(Box::new(RecordPlace { physical, ..RecordPlace::default() }))
}

/// Why a file of an archive can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Malformed(String),
}

impl Refusal {
    pub(super) fn kind(&self) -> ProblemKind {
        match self {
            Refusal::Io(error) => kind_of(error),
            Refusal::Unsupported(_) => ProblemKind::Unsupported,
            Refusal::Malformed(_) => ProblemKind::Malformed,
        }
    }
}

/// The class of an error while reading a file of an export.
pub(super) fn kind_of(error: &io::Error) -> ProblemKind {
    use super::limits::LimitReached;
    match error.kind() {
        io::ErrorKind::NotFound => ProblemKind::NotFound,
        io::ErrorKind::PermissionDenied => ProblemKind::PermissionDenied,
        io::ErrorKind::UnexpectedEof => ProblemKind::Truncated,
        io::ErrorKind::Interrupted => ProblemKind::Interrupted,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ProblemKind::Malformed,
        _ if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<LimitReached>) => {
            ProblemKind::Limit
        }
        _ => ProblemKind::Io,
    }
}

fn refusal(error: zip::result::ZipError) -> Refusal {
    use zip::result::ZipError;
    match error {
        ZipError::Io(error) => Refusal::Io(error),
        ZipError::UnsupportedArchive(why) => Refusal::Unsupported(why.to_owned()),
        ZipError::CompressionMethodNotSupported(method) => {
            Refusal::Unsupported(format!("compression method {method} isn't known"))
        }
        other => Refusal::Malformed(other.to_string()),
    }
}

/// What a file is, through gzip if it is packed in that; `None` if it is a plain file.
fn packing(store: &Store) -> io::Result<Option<(Magic, Packing)>> {
    let head = store.head(512)?;
    Ok(match Magic::of(&head) {
        Magic::Other => None,
        Magic::Gzip => {
            let mut inner = Vec::new();
            // What can't be unpacked is told when it is read.
            let _ = MultiGzDecoder::new(Store::clone(store)).take(512).read_to_end(&mut inner);
            let magic = if Magic::of(&inner) == Magic::Tar { Magic::Tar } else { Magic::Gzip };
            Some((magic, Packing::Gzip))
        }
        magic => Some((magic, Packing::Plain)),
    })
}

fn is_file(entry: &tar::Entry<'_, impl Read>) -> bool {
    use tar::EntryType;
    matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
}

/// The next file of a zip that is read front to back.
fn next_local<R: Read>(reader: &mut R) -> Result<Option<zip::read::ZipFile<'_, R>>, Refusal> {
    zip::read::read_zipfile_from_stream(reader).map_err(refusal)
}

/// A file's name, as a member's path.
fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
