//! The bytes of an archive, to be read by several threads at once.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

/// A file, or an archive from inside another one: in memory if it is small, else in a file without a name. A clone has a
/// place of its own.
#[derive(Clone, Debug)]
pub(in crate::source::export) struct Store {
    bytes: Bytes,
    len: u64,
    at: u64,
}

#[derive(Clone, Debug)]
enum Bytes {
    File(Arc<File>),
    Memory(Arc<[u8]>),
}

impl Store {
    pub(in crate::source::export) fn open(path: &Path) -> io::Result<Store> {
        // A FIFO would keep us waiting, and a device may do anything: only what is a file is opened.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Store { bytes: Bytes::File(Arc::new(file)), len, at: 0 })
    }

    /// Copies a stream to where it can be read at any place.
    pub(in crate::source::export) fn spool(reader: &mut dyn Read, in_memory: u64) -> io::Result<Store> {
        let mut bytes = Vec::new();
        reader.take(in_memory + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 <= in_memory {
            let len = bytes.len() as u64;
            return Ok(Store { bytes: Bytes::Memory(bytes.into()), len, at: 0 });
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        let len = bytes.len() as u64 + io::copy(reader, &mut file)?;
        Ok(Store { bytes: Bytes::File(Arc::new(file)), len, at: 0 })
    }

    /// These bytes.
    pub(in crate::source::export) fn of_bytes(bytes: &[u8]) -> Store {
        Store { bytes: Bytes::Memory(bytes.into()), len: bytes.len() as u64, at: 0 }
    }

    pub(in crate::source::export) fn len(&self) -> u64 {
        self.len
    }

    /// The first bytes: `count`, or fewer at the end.
    pub(in crate::source::export) fn head(&self, count: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        Store { at: 0, ..self.clone() }.take(count).read_to_end(&mut head)?;
        Ok(head)
    }
}

/// Copies a stream to a file that only the user can read, for readers that want a path; it is gone when this is dropped.
///
/// Not one without a name: SQLite resolves links, and that of such a file (`/proc/self/fd/…`) leads nowhere.
pub(in crate::source::export) fn spool_to_path(reader: &mut dyn Read) -> io::Result<tempfile::TempPath> {
    let mut file = tempfile::NamedTempFile::new()?;
    io::copy(reader, &mut file)?;
    Ok(file.into_temp_path())
}

impl Read for Store {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &self.bytes {
            Bytes::File(file) => read_at(file, buffer, self.at)?,
            Bytes::Memory(bytes) => {
                let from = usize::try_from(self.at).unwrap_or(usize::MAX).min(bytes.len());
                let count = buffer.len().min(bytes.len() - from);
                buffer[..count].copy_from_slice(&bytes[from..from + count]);
                count
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Store {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// Correct on one thread only; the platforms that come here have no threads.
#[cfg(not(any(unix, windows)))]
fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    file.read(buffer)
}
