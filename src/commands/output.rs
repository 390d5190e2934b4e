use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::{CommandError, Env};
use crate::model::DisplayPath;

/// What writes a report.
type WriteReport<'w> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'w;

/// Writes to standard output, or to a file that appears whole or not at all. A reader that closed the pipe had enough:
/// that is success.
pub(super) fn write(path: Option<&Path>, env: &mut Env<'_>, report: &WriteReport<'_>) -> Result<(), CommandError> {
    (env.clear_display)();
    let Some(path) = path else {
        let mut out = BufWriter::new(&mut *env.stdout);
        let written = report(&mut out).and_then(|()| out.flush());
        return match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|source| CommandError::Write { path: "standard output".to_owned(), source }),
        };
    };
    write_file(path, report).map_err(|source| CommandError::Write { path: DisplayPath(path).to_string(), source })
}

/// Writes what is worked out while it is written, to standard output or to a file that appears whole or not at all. A reader
/// that closed the pipe had enough.
#[cfg(feature = "identity")]
pub(super) fn stream(
    path: Option<&Path>,
    env: &mut Env<'_>,
    work: &mut dyn FnMut(&mut dyn Write) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let Some(path) = path else {
        (env.clear_display)();
        let mut out = BufWriter::new(&mut *env.stdout);
        return match work(&mut out).and_then(|()| out.flush().map_err(failed)) {
            Err(CommandError::Write { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        };
    };
    let (work, other) = (std::cell::RefCell::new(work), std::cell::Cell::new(None));
    let written = write(Some(path), env, &|out| {
        (work.borrow_mut())(out).map_err(|error| match error {
            CommandError::Write { source, .. } => source,
            error => {
                other.set(Some(error));
                io::ErrorKind::Interrupted.into()
            }
        })
    });
    other.take().map_or(written, Err)
}

/// Standard output could not be written.
#[cfg(feature = "identity")]
pub(super) fn failed(source: io::Error) -> CommandError {
    CommandError::Write { path: "standard output".to_owned(), source }
}

fn write_file(path: &Path, report: &WriteReport<'_>) -> io::Result<()> {
    // A device or pipe can't be replaced, and a link is to be written through.
    let target = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path).map_err(of_link)?,
        _ => path.to_owned(),
    };
    if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        return fill(File::options().write(true).open(&target)?, report);
    }
    let draft = draft_of(&target)?;
    let written =
        File::create_new(&draft).and_then(|file| fill(file, report)).and_then(|()| fs::rename(&draft, &target));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Why the target of a link can't be written.
fn of_link(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(error.kind(), "it is a symbolic link to what isn't there"),
        _ => error,
    }
}

fn fill(file: File, report: &WriteReport<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    report(&mut out)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    // A device has nothing to sync, and says so.
    if file.metadata()?.is_file() { file.sync_all() } else { Ok(()) }
}

fn draft_of(target: &Path) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.part", std::process::id()));
    Ok(target.with_file_name(draft))
}
