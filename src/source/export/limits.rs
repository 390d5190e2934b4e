//! What hostile archives are held to.

use std::{
    io::{self, Read},
    sync::atomic::{AtomicU64, Ordering},
};

/// Limits against archives that are made to hurt. The defaults let every real export through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Archives inside archives: how deep.
    pub depth: u32,
    /// Files of one archive.
    pub members: usize,
    /// Bytes that one packed byte may become; the first 64 MiB of a file are free.
    pub ratio: u64,
    /// Bytes that an archive inside an archive may unpack to, all its files together.
    pub nested_bytes: u64,
    /// Bytes of an archive inside an archive that are held in memory; larger ones go to an unlinked file.
    pub spool_bytes: u64,
    /// Bytes of a tar that are looked through to find out what it is.
    pub list_bytes: u64,
}

impl Default for ExportLimits {
    fn default() -> Self {
        ExportLimits {
            depth: 6,
            members: 4_000_000,
            ratio: 250,
            nested_bytes: 64 << 30,
            spool_bytes: 16 << 20,
            list_bytes: u64::MAX,
        }
    }
}

/// Bytes of a file before its ratio counts.
pub(super) const FREE_BYTES: u64 = 64 << 20;

/// A limit that was reached, inside an [`io::Error`].
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum LimitReached {
    #[error("unpacks to more than {0} times its size: the rest was not read")]
    Ratio(u64),
    #[error("unpacks to more than {0} bytes in all: the rest was not read")]
    Bytes(u64),
}

/// A reader that ends with an error where a limit is reached.
pub(super) struct Limited<'l, R> {
    reader: R,
    read: u64,
    allowed: u64,
    ratio: u64,
    total: Option<(&'l AtomicU64, u64)>,
}

impl<'l, R: Read> Limited<'l, R> {
    /// `packed` bytes become what `reader` yields; `total` counts what all files of an archive did.
    pub(super) fn new(reader: R, packed: u64, ratio: u64, total: Option<(&'l AtomicU64, u64)>) -> Limited<'l, R> {
        Limited { reader, read: 0, allowed: FREE_BYTES.saturating_add(packed.saturating_mul(ratio)), ratio, total }
    }
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read += count as u64;
        if self.read > self.allowed {
            return Err(io::Error::other(LimitReached::Ratio(self.ratio)));
        }
        if let Some((total, most)) = self.total
            && total.fetch_add(count as u64, Ordering::Relaxed) + count as u64 > most
        {
            return Err(io::Error::other(LimitReached::Bytes(most)));
        }
        Ok(count)
    }
}
