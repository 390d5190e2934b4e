//! Reading one file.

use std::{fs::File, io, time::Instant};

use super::{
    ENDLESS_BYTES,
    dir::{Kind, LastLink, kind_of},
    large::LargeFile,
    problem_kind,
    walk::Shift,
};
use crate::{
    model::{Origin, Part, ProblemKind, Provenance},
    source::{
        CHUNK_BYTES, LargeBlob,
        crew::{lock, start_clock},
        window::Filled,
    },
};

/// Most large files kept open until their turn.
const MAX_OPEN_FILES: usize = 64;

impl Shift<'_, '_, '_> {
    /// Hands over the file at hand: whole if it is small, else later. Four system calls for a small file: open, read,
    /// read, close. `started` is when it began to be opened.
    pub(super) fn scan_file(&mut self, file: io::Result<File>, last: LastLink, started: Option<Instant>) {
        let mut file = match file {
            Ok(file) => file,
            Err(error) => {
                self.worker.lap(started);
                return self.not_opened(&error);
            }
        };
        let window = &mut self.worker.window;
        window.reset();
        // One byte too many tells that there is more.
        let filled = window.fill_to(CHUNK_BYTES + 1, &mut file, self.walk.plan);
        let is_large = window.filled().len() > CHUNK_BYTES;
        if self.is_claimed_file() {
            return self.worker.lap(started);
        }
        if is_large {
            self.worker.lap(started);
            return self.sort_large(file, last);
        }
        drop(file);
        self.worker.lap(started);
        match filled {
            Ok(Filled::Interrupted) => drop(self.walk.is_interrupted()),
            Ok(_) => self.hand_over(),
            Err(error) => {
                if !self.worker.window.filled().is_empty() {
                    self.hand_over();
                }
                self.worker.problem(problem_kind(&error), error.to_string());
            }
        }
    }

    /// Is the file at hand, of which the window holds the beginning, an export that is read as such?
    #[cfg(feature = "export")]
    fn is_claimed_file(&self) -> bool {
        let head = self.worker.window.filled();
        self.walk.files.claims.as_ref().is_some_and(|claims| claims.file(&self.worker.path, head))
    }

    #[cfg(not(feature = "export"))]
    fn is_claimed_file(&self) -> bool {
        false
    }

    fn hand_over(&mut self) {
        self.worker.receiver.blob(Origin::File(&self.worker.path), Part::Content, self.worker.window.filled());
    }

    /// Notes a large file for all threads, if its size can be trusted; reads it on the spot otherwise.
    fn sort_large(&mut self, mut file: File, last: LastLink) {
        let metadata = match file.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return self.worker.problem(problem_kind(&error), error.to_string()),
        };
        if let Kind::Special(what) = kind_of(metadata.file_type()) {
            return self.worker.problem(ProblemKind::SpecialFile, format!("{what}: not read"));
        }
        let read = self.worker.window.filled().len() as u64;
        if metadata.len() < read || self.walk.mounts.is_pseudo(&metadata) {
            return self.read_through(&mut file);
        }
        let mut large = lock(&self.walk.large);
        let file = (large.len() < MAX_OPEN_FILES).then_some(file);
        large.push(LargeFile { path: self.worker.path.clone(), last, size: metadata.len(), file });
    }

    /// Reads a file of unknown size front to back, up to [`ENDLESS_BYTES`]. The window holds its start.
    fn read_through(&mut self, file: &mut File) {
        let head = self.worker.window.filled().iter().copied().take(LargeBlob::HEAD).collect();
        let blob = LargeBlob { provenance: Provenance::File(self.worker.path.clone()), head };
        let mut is_over = false;
        loop {
            if !is_over {
                let started = start_clock(self.walk.plan);
                let filled = self.worker.window.fill(file, self.walk.plan);
                self.worker.lap(started);
                if let Err(error) = filled {
                    is_over = true;
                    self.worker.problem(problem_kind(&error), error.to_string());
                }
            }
            if self.walk.is_interrupted() {
                return;
            }
            let chunk = self.worker.window.chunk();
            let end = chunk.owned.end;
            if !chunk.owned.is_empty() {
                self.worker.receiver.chunk(&blob, chunk);
            }
            if !self.worker.window.has_more() {
                return;
            }
            if end >= ENDLESS_BYTES {
                let message = format!("gave more than {ENDLESS_BYTES} bytes without having a size");
                return self.worker.problem(ProblemKind::Endless, message);
            }
            self.worker.window.slide();
        }
    }
}
