//! Opening files of a repository without being led into a FIFO, a device or an endless file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

use memmap2::Mmap;

use super::{Fault, map};

/// Opens a regular file and tells its length. Symbolic links are followed, as git does.
pub(super) fn open(path: &Path) -> Result<(File, u64), Fault> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opening a FIFO would block for ever without it; regular files don't care.
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path)?;
    let facts = file.metadata()?;
    if facts.is_file() { Ok((file, facts.len())) } else { Err(Fault::NotRegular) }
}

/// Reads a metadata file; `None` if there is none.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
    let (file, len) = match open(path) {
        Err(Fault::Io(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)) => return Ok(None),
        opened => opened?,
    };
    if len > limit {
        return Err(Fault::FileTooLarge { bytes: len, limit });
    }
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Maps a file; `None` if it is empty, which can't be mapped.
pub(super) fn map(path: &Path) -> Result<Option<Mmap>, Fault> {
    let (file, len) = open(path)?;
    if len == 0 { Ok(None) } else { Ok(Some(map::map(&file)?)) }
}
