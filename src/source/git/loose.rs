//! Loose objects: one compressed file each, `objects/ab/cdef…`.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::ZlibDecoder;
use libdeflater::Adler32;

use super::{
    Fault, Kind, ObjectFormat, ObjectId, StoreProblem,
    buffer::{Buffer, Pool},
    inflate::{Inflater, is_plausible},
};
use crate::model::hex_value;

/// Longest `kind size\0` there can be: `commit ` and the 20 digits of the largest 64-bit number.
const MAX_HEADER_BYTES: usize = 32;
/// Enough of a file to hold most loose objects whole.
const HEAD_BYTES: u64 = 16 << 10;

/// The path of an object in an object directory, whether or not it is there.
pub(super) fn path(dir: &Path, id: &ObjectId) -> PathBuf {
    let hex = id.to_string();
    dir.join(&hex[..2]).join(&hex[2..])
}

/// Ids of the loose objects in a directory, unsorted. Files with other names (objects being written) are passed over.
pub(super) fn list(dir: &Path, format: ObjectFormat, problems: &mut Vec<StoreProblem>) -> Vec<ObjectId> {
    let mut ids = Vec::new();
    for first in 0..=255u8 {
        let fan = dir.join(format!("{first:02x}"));
        let listed = fs::read_dir(&fan).and_then(|entries| {
            for entry in entries {
                ids.extend(id_of(first, entry?.file_name().as_encoded_bytes(), format));
            }
            Ok(())
        });
        match listed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                problems.push(StoreProblem::file(fan, error.into()));
            }
            _ => {}
        }
    }
    ids
}

fn id_of(first: u8, name: &[u8], format: ObjectFormat) -> Option<ObjectId> {
    if name.len() != 2 * (format.id_len() - 1) {
        return None;
    }
    let mut bytes = vec![first];
    for pair in name.chunks_exact(2) {
        bytes.push(hex_value(pair[0])? << 4 | hex_value(pair[1])?);
    }
    ObjectId::from_bytes(&bytes)
}

/// A loose object whose header was read.
pub(super) struct LooseObject {
    pub(super) kind: Kind,
    /// Size of its content.
    pub(super) size: u64,
    header_bytes: usize,
    head: Vec<u8>,
    file: File,
    file_bytes: u64,
}

impl LooseObject {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path, inflater: &mut Inflater) -> Result<LooseObject, Fault> {
        let (mut file, file_bytes) = super::file::open(path)?;
        let mut head = Vec::with_capacity(file_bytes.min(HEAD_BYTES) as usize);
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let mut header = [0; MAX_HEADER_BYTES];
        let count = inflater.head(&head, &mut header)?;
        let (kind, size, header_bytes) = parse_header(&header[..count]).ok_or(Fault::LooseHeader)?;
        Ok(LooseObject { kind, size, header_bytes, head, file, file_bytes })
    }

    /// Inflates its content. The caller has looked at `size`. Says, too, whether the file goes on behind it: it does, if it
    /// doesn't end with the content's checksum.
    pub(super) fn inflate(mut self, inflater: &mut Inflater, pool: &mut Pool) -> Result<(Buffer, bool), Fault> {
        let total = self.header_bytes + self.size as usize;
        // Data that doesn't compress grows by 5 bytes in 16 KiB. What lies beyond more than twice that isn't read: it
        // can't belong to the object unless somebody padded the stream.
        let limit = total as u64 + total as u64 / 1024 + (1 << 16);
        if self.file_bytes > HEAD_BYTES {
            self.file.take(limit.saturating_sub(HEAD_BYTES)).read_to_end(&mut self.head)?;
        }
        if !is_plausible(total as u64, self.head.len()) {
            return Err(Fault::SizeMismatch { expected: self.size });
        }
        let mut out = pool.take(total);
        inflater.fill(&self.head, &mut out)?;
        let mut checksum = Adler32::new();
        checksum.update(&out);
        let is_whole = self.file_bytes <= self.head.len() as u64 && self.head.ends_with(&checksum.sum().to_be_bytes());
        out.skip(self.header_bytes);
        Ok((out, !is_whole))
    }

    /// Its content as a stream.
    pub(super) fn stream(self) -> Result<impl Read, Fault> {
        let mut content = ZlibDecoder::new(io::Cursor::new(self.head).chain(self.file));
        let mut header = [0; MAX_HEADER_BYTES];
        content.read_exact(&mut header[..self.header_bytes]).map_err(|_| Fault::Inflate)?;
        Ok(content)
    }
}

fn parse_header(header: &[u8]) -> Option<(Kind, u64, usize)> {
    let end = header.iter().position(|&byte| byte == 0)?;
    let space = header[..end].iter().position(|&byte| byte == b' ')?;
    let kind = Kind::from_name(&header[..space])?;
    let digits = &header[space + 1..end];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((kind, size, end + 1))
}

#[cfg(test)]
mod tests {
    use super::parse_header;
    use crate::source::git::Kind;

    #[test]
    fn headers_are_strict() {
        assert_eq!(parse_header(b"blob 12\0hello"), Some((Kind::Blob, 12, 8)));
        for bad in [&b"blob 12"[..], b"blob\0", b"blob \0", b"blob -1\0", b"blob +1\0", b"x 1\0", b"", b" 1\0"] {
            assert_eq!(parse_header(bad), None);
        }
        assert_eq!(parse_header(b"blob 99999999999999999999\0"), None);
    }
}
