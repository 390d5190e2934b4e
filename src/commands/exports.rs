//! Exports among what is scanned: named as such (`export:PATH`), or met on a walk.

use std::{
    ffi::OsStr,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{CommandError, scan::ScanSettings};
use crate::{
    engine::Scan,
    model::{Problem, ProblemKind, Provenance},
    source::{
        Files, Stream,
        export::{Claims, Export, ExportError, Streamed},
    },
};

/// Scans the paths that are named as exports, and gives the others. With a format or a map, all are.
pub(super) fn scan_named(
    settings: &ScanSettings,
    paths: Vec<PathBuf>,
    scan: &mut Scan<'_>,
) -> Result<Vec<PathBuf>, CommandError> {
    let is_forced = settings.exports.format.is_some() || settings.exports.map.is_some();
    let mut others = Vec::new();
    for path in paths {
        match without_prefix(&path) {
            Some(named) => scan.run(&Export::open(&named, settings.exports.clone())?),
            None if is_forced => scan.run(&Export::open(&path, settings.exports.clone())?),
            None => others.push(path),
        }
    }
    Ok(others)
}

/// `export:PATH`. A file that is really called so is reached as `./export:PATH`.
fn without_prefix(path: &Path) -> Option<PathBuf> {
    let bytes = path.as_os_str().as_encoded_bytes().strip_prefix(b"export:")?;
    #[cfg(unix)]
    let name = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned();
    #[cfg(not(unix))]
    let name = std::ffi::OsString::from(String::from_utf8_lossy(bytes).into_owned());
    Some(PathBuf::from(AsRef::<OsStr>::as_ref(&name)))
}

/// Scans standard input, as an export if it is one, or if it `must_be`.
pub(super) fn scan_stdin(
    settings: &ScanSettings,
    must_be: bool,
    scan: &mut Scan<'_>,
    interrupt: &AtomicBool,
) -> Result<(), CommandError> {
    const NAME: &str = "<stdin>";
    let stdin = Interruptible { reader: std::io::stdin(), interrupt };
    if must_be {
        scan.run(&Export::read(NAME, stdin, settings.exports.clone())?);
        return Ok(());
    }
    match Export::from_stream(NAME, stdin, settings.exports.clone())? {
        Streamed::Export(export) => scan.run(&*export),
        Streamed::Other(reader) => scan.run(&Stream::new(NAME, reader)),
    }
    Ok(())
}

/// Ends where the user interrupts: an export is taken in whole before anything of it is scanned.
struct Interruptible<'i, R> {
    reader: R,
    interrupt: &'i AtomicBool,
}

impl<R: Read> Read for Interruptible<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.load(Ordering::Relaxed) { Ok(0) } else { self.reader.read(buffer) }
    }
}

/// Scans files, then the exports among them.
pub(super) fn scan_files(settings: &ScanSettings, files: Files, scan: &mut Scan<'_>) -> Result<Files, CommandError> {
    let claims = Arc::new(Claims::new());
    let files = files.with_claims(Arc::clone(&claims));
    scan.run(&files);
    for path in claims.paths() {
        match Export::open(&path, settings.exports.clone()) {
            Ok(export) => scan.run(&export),
            // It changed since it was claimed.
            Err(error @ ExportError::Format { .. }) => return Err(error.into()),
            Err(error) => {
                let provenance = Provenance::File(path);
                scan.problem(Problem { provenance, kind: ProblemKind::Io, message: error.to_string() });
            }
        }
    }
    Ok(files)
}
