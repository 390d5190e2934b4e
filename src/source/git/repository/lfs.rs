//! Files that Git LFS keeps beside the object store: history has pointers to them.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::Repository;
use crate::{
    model::{ExportSummary, GitPlace, Notice, Origin, Part, Problem, ProblemKind, Provenance, Stats},
    source::{
        Chunk, FileOptions, Files, LargeBlob, Plan, Receiver, Source, Traces, Wanted,
        crew::MakeReceiver,
        git::{Kind, ObjectId, path_of},
    },
};

/// By digest of a content: the blobs that point to it. They are several if their other lines differ.
pub(super) type Pointers = BTreeMap<String, Vec<ObjectId>>;

/// How pointers of Git LFS begin: those of today, and those that it wrote under its older names and still reads.
const VERSIONS: [&[u8]; 3] = [
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
    b"version http://git-media.io/v/",
];

/// The digest that a pointer of Git LFS holds. Format: git-lfs/docs/spec.md (read 2026-11-24).
pub(in crate::source::git) fn lfs_pointer(content: &[u8]) -> Option<String> {
    let rest = VERSIONS.iter().find_map(|version| content.strip_prefix(*version))?;
    let line = rest
        .get(..1024.min(rest.len()))?
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"oid sha256:"))?;
    let digest = line.trim_ascii_end();
    let is_digest = digest.len() == 64 && digest.iter().all(u8::is_ascii_hexdigit);
    is_digest.then(|| String::from_utf8_lossy(digest).to_ascii_lowercase())
}

/// What is said of a pointer whose content isn't here.
pub(in crate::source::git) fn lfs_absent(place: GitPlace, content: &str) -> Problem {
    let message = format!("Git LFS keeps this file elsewhere, as {content}: it was not scanned (git lfs fetch --all)");
    Problem { provenance: Provenance::Git(Box::new(place)), kind: ProblemKind::LfsNotScanned, message }
}

impl Repository {
    /// Where Git LFS has content, if it is here.
    pub(in crate::source::git) fn lfs_file(&self, content: &str) -> PathBuf {
        self.lfs_dir().join(&content[..2]).join(&content[2..4]).join(content)
    }

    fn lfs_dir(&self) -> PathBuf {
        self.store.common_dir().join("lfs/objects")
    }

    /// Scans what pointers stand for, each content once, and whatever else Git LFS keeps in the git directory; names what isn't
    /// here.
    pub(super) fn scan_lfs(&self, pointers: &Pointers, plan: &Plan<'_>, receiver: MakeReceiver<'_, '_>) {
        let mut blobs = HashMap::new();
        let mut absent = Vec::new();
        for (content, pointers) in pointers {
            let path = self.lfs_file(content);
            // A link could lead anywhere: Git LFS makes none.
            if path.symlink_metadata().is_ok_and(|facts| facts.is_file()) {
                blobs.insert(path, GitPlace::of_object(&self.path, pointers[0], Kind::Blob));
            } else {
                absent.push((pointers[0], content.as_str()));
            }
        }
        let lonely = kept_in(&self.lfs_dir()).into_iter().filter(|path| !blobs.contains_key(path));
        let mut paths: Vec<PathBuf> = lonely.chain(blobs.keys().cloned()).collect();
        if !paths.is_empty() {
            paths.sort_unstable();
            let files = Files::new(paths, FileOptions::default()).expect("there are no globs to be misunderstood");
            files.run(plan, &|| Box::new(AsBlobs { receiver: receiver(), blobs: &blobs }));
        }
        self.name_lfs(&absent, plan, &mut *receiver());
    }

    /// Content that Git LFS keeps elsewhere.
    fn name_lfs(&self, absent: &[(ObjectId, &str)], plan: &Plan<'_>, receiver: &mut dyn Receiver) {
        if absent.is_empty() {
            return;
        }
        let wanted = Wanted { objects: absent.iter().map(|(blob, _)| *blob).collect(), ..Wanted::default() };
        let found = self.attribute(plan, &wanted);
        for (blob, content) in absent {
            let places = found.traces.objects.get(blob).map_or(&[][..], Vec::as_slice);
            let place = places.iter().find(|place| place.history.at_head).or(places.first());
            let path = place.and_then(|place| place.path.as_deref()).map(|path| path_of(path).into());
            let place = GitPlace { path, ..GitPlace::of_object(&self.path, *blob, Kind::Blob) };
            receiver.problem(lfs_absent(place, content));
        }
    }
}

/// Blobs that point to what another one stands for.
#[derive(Debug, Default)]
pub(super) struct Twins(Vec<Vec<ObjectId>>);

impl Twins {
    pub(super) fn new(pointers: Pointers) -> Twins {
        Twins(pointers.into_values().filter(|pointers| pointers.len() > 1).collect())
    }

    /// Asks for the places of all that point to the same.
    pub(super) fn add_to(&self, wanted: &mut Wanted) {
        for pointers in self.of(&wanted.clone()) {
            wanted.objects.extend(pointers);
        }
    }

    /// Gives the one that stands for a content the places of all that point to it.
    pub(super) fn join(&self, wanted: &Wanted, traces: &mut Traces) {
        for pointers in self.of(wanted) {
            let of_others = pointers[1..].iter().filter_map(|twin| traces.objects.get(twin)).flatten().cloned();
            let of_others: Vec<_> = of_others.collect();
            traces.objects.entry(pointers[0]).or_default().extend(of_others);
        }
    }

    fn of(&self, wanted: &Wanted) -> impl Iterator<Item = &Vec<ObjectId>> {
        self.0.iter().filter(|pointers| wanted.objects.contains(&pointers[0]))
    }
}

/// The contents in a directory of Git LFS (`aa/bb/aabb…`), unless links lead there: then they may be anybody's.
fn kept_in(dir: &Path) -> Vec<PathBuf> {
    let is_dir = |path: &Path| path.symlink_metadata().is_ok_and(|facts| facts.is_dir());
    if !is_dir(dir) || !dir.parent().is_some_and(is_dir) {
        return Vec::new();
    }
    // The walk over files has said what can't be listed.
    let listed = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let dirs = |dir: &Path| listed(dir).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let fans = dirs(dir).filter(|entry| is_lfs_fan(&entry.file_name()));
    let fans = fans.flat_map(|fan| dirs(&fan.path())).filter(|entry| is_lfs_fan(&entry.file_name()));
    let files = fans.flat_map(|fan| listed(&fan.path()));
    let contents = files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    contents.filter(|entry| is_lfs_content(&entry.file_name())).map(|entry| entry.path()).collect()
}

/// Is this the name of one of the directories that contents of Git LFS are spread over?
pub(in crate::source) fn is_lfs_fan(name: &OsStr) -> bool {
    name.len() == 2 && is_hex(name)
}

/// Is this the name of a content?
pub(in crate::source) fn is_lfs_content(name: &OsStr) -> bool {
    name.len() == 64 && is_hex(name)
}

fn is_hex(name: &OsStr) -> bool {
    name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit)
}

/// Hands over files as the blobs that point to them.
struct AsBlobs<'b, 'r> {
    receiver: Box<dyn Receiver + 'r>,
    blobs: &'b HashMap<PathBuf, GitPlace>,
}

impl Receiver for AsBlobs<'_, '_> {
    fn blob(&mut self, origin: Origin<'_>, part: Part, bytes: &[u8]) {
        // Names of these files are digests.
        if part != Part::Content {
            return;
        }
        let place = if let Origin::File(path) = origin { self.blobs.get(path) } else { None };
        self.receiver.blob(place.map_or(origin, Origin::Object), part, bytes);
    }

    fn chunk(&mut self, blob: &LargeBlob, chunk: Chunk<'_>) {
        let place = if let Provenance::File(path) = &blob.provenance { self.blobs.get(path) } else { None };
        let Some(place) = place else { return self.receiver.chunk(blob, chunk) };
        let blob = LargeBlob { provenance: Provenance::Git(Box::new(place.clone())), head: blob.head.clone() };
        self.receiver.chunk(&blob, chunk);
    }

    fn export(&mut self, summary: ExportSummary) {
        self.receiver.export(summary);
    }

    fn notice(&mut self, notice: Notice) {
        self.receiver.notice(notice);
    }

    fn expect(&mut self, bytes: u64) {
        self.receiver.expect(bytes);
    }

    fn problem(&mut self, problem: Problem) {
        self.receiver.problem(problem);
    }

    fn stats(&mut self) -> &mut Stats {
        self.receiver.stats()
    }
}
