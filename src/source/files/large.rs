//! Files larger than one chunk: noted during the walk, then scanned by all threads together.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    ENDLESS_BYTES,
    dir::{LastLink, open_file, read_at},
    problem_kind,
};
use crate::{
    model::{ProblemKind, Provenance},
    source::{
        CHUNK_BYTES, LargeBlob, Plan,
        crew::{Worker, lock, start_clock},
        window::cut,
    },
};

const CHUNK: u64 = CHUNK_BYTES as u64;

/// A file that was too large to be handed over whole.
#[derive(Debug)]
pub(super) struct LargeFile {
    pub(super) path: PathBuf,
    pub(super) last: LastLink,
    /// Its size when it was noted; at least 1.
    pub(super) size: u64,
    /// Kept open from the walk, so that it can't be swapped meanwhile; `None` if too many are.
    pub(super) file: Option<File>,
}

/// The large files of a run, given out chunk by chunk in order of path and offset, so that the kernel's read-ahead
/// works and few files are open at a time.
pub(super) struct Chunks {
    cursor: Mutex<Cursor>,
}

struct Cursor {
    /// In reverse order.
    files: Vec<LargeFile>,
    current: Option<Arc<OpenFile>>,
    next_chunk: u64,
}

struct OpenFile {
    file: File,
    blob: LargeBlob,
    path: PathBuf,
    size: u64,
    /// Was a problem with it reported? Each thread would meet the same one.
    is_reported: AtomicBool,
}

impl OpenFile {
    fn chunks(&self) -> u64 {
        self.size.div_ceil(CHUNK)
    }
}

impl Chunks {
    /// Sorts the files by path.
    pub(super) fn new(mut files: Vec<LargeFile>) -> Chunks {
        files.sort_unstable_by(|a, b| b.path.cmp(&a.path));
        Chunks { cursor: Mutex::new(Cursor { files, current: None, next_chunk: 0 }) }
    }

    /// Scans chunks until none is left or the run is interrupted; `false` then.
    pub(super) fn work_off(&self, worker: &mut Worker<'_>, plan: &Plan<'_>) -> bool {
        while let Some((file, chunk)) = self.next(worker) {
            if plan.is_interrupted() {
                return false;
            }
            if !scan_chunk(&file, chunk, worker, plan) {
                return false;
            }
        }
        true
    }

    /// The next chunk, opening the next file if need be.
    fn next(&self, worker: &mut Worker<'_>) -> Option<(Arc<OpenFile>, u64)> {
        let mut cursor = lock(&self.cursor);
        loop {
            if let Some(file) = cursor.current.as_ref().filter(|file| cursor.next_chunk < file.chunks()) {
                let next = (Arc::clone(file), cursor.next_chunk);
                cursor.next_chunk += 1;
                return Some(next);
            }
            let large = cursor.files.pop()?;
            worker.path.clone_from(&large.path);
            cursor.next_chunk = 0;
            cursor.current = match open(large) {
                Ok(file) => Some(Arc::new(file)),
                Err(error) => {
                    worker.problem(problem_kind(&error), error.to_string());
                    None
                }
            };
        }
    }
}

fn open(large: LargeFile) -> io::Result<OpenFile> {
    let file = match large.file {
        Some(file) => file,
        None => open_file(&large.path, large.last)?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no longer a regular file"));
    }
    let mut head = vec![0; LargeBlob::HEAD];
    let (count, result) = read_at(&file, &mut head, 0);
    result?;
    head.truncate(count);
    let blob = LargeBlob { provenance: Provenance::File(large.path.clone()), head };
    Ok(OpenFile { file, blob, path: large.path, size: large.size, is_reported: AtomicBool::new(false) })
}

/// Scans one chunk, and after the last one what was appended since: up to the end, but no further than twice the size
/// seen first or [`ENDLESS_BYTES`] beyond it, whichever is more, so that a file that grows faster than it is read
/// doesn't keep us for ever. `false` when interrupted.
fn scan_chunk(file: &OpenFile, chunk: u64, worker: &mut Worker<'_>, plan: &Plan<'_>) -> bool {
    let is_last = chunk + 1 == file.chunks();
    let mut owned = chunk * CHUNK;
    loop {
        let goes_on = read_chunk(file, owned, worker, plan);
        if !is_last || !goes_on {
            return true;
        }
        owned += CHUNK;
        if owned >= file.size.saturating_add(file.size.max(ENDLESS_BYTES)) {
            report(file, worker, ProblemKind::Endless, "grew faster than it could be read".to_owned());
            return true;
        }
        if plan.is_interrupted() {
            return false;
        }
    }
}

/// Reads and hands over the chunk that owns the bytes from `owned`. `true` if the file goes on behind it.
fn read_chunk(file: &OpenFile, owned: u64, worker: &mut Worker<'_>, plan: &Plan<'_>) -> bool {
    let overlap = plan.overlap;
    let start = owned.saturating_sub(overlap.before as u64);
    let before = usize::try_from(owned - start).unwrap_or(overlap.before);
    let wanted = before + CHUNK_BYTES + overlap.after.max(1);
    let started = start_clock(plan);
    let (count, result) = read_at(&file.file, &mut worker.window.scratch()[..wanted], start);
    worker.lap(started);
    if let Err(error) = result {
        report(file, worker, problem_kind(&error), error.to_string());
    } else if start + (count as u64) < file.size.min(owned + CHUNK) {
        let message = format!("shrank from {} bytes while it was read", file.size);
        report(file, worker, ProblemKind::Truncated, message);
    }
    let chunk = cut(&worker.window.scratch()[..count], start, owned, overlap);
    if !chunk.owned.is_empty() {
        worker.receiver.chunk(&file.blob, chunk);
    }
    start + count as u64 > owned + CHUNK
}

fn report(file: &OpenFile, worker: &mut Worker<'_>, kind: ProblemKind, message: String) {
    if !file.is_reported.swap(true, Ordering::Relaxed) {
        let path: &Path = &file.path;
        worker.path.clear();
        worker.path.push(path);
        worker.problem(kind, message);
    }
}
