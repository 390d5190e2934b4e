//! Exports among what is scanned: named as such (`export:PATH`), or met on a walk.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{CommandError, scan::ScanSettings};
use crate::{
    engine::Scan,
    model::{Problem, ProblemKind, Provenance},
    source::{
        Files,
        export::{Claims, Export, ExportError},
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
