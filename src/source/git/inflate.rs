//! Decompression, two ways: all at once when the size is known (libdeflate: 1.5 times the speed of zlib-rs on pack
//! entries), piece by piece when it isn't or the object is too large for memory (zlib-rs).

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::{DecompressionError, Decompressor};

use super::{Fault, Kind, ObjectFormat, ObjectId, buffer::Buffer, id::ObjectHasher};

/// Deflate can't do better than 258 bytes for 2 bits.
const MAX_RATIO: u64 = 1032;

/// One thread's decompressors.
pub(super) struct Inflater {
    whole: Decompressor,
    pieces: Decompress,
}

impl Inflater {
    pub(super) fn new() -> Inflater {
        Inflater { whole: Decompressor::new(), pieces: Decompress::new(true) }
    }

    /// Inflates the zlib stream at the start of `input`, which must yield exactly as many bytes as `out` is long.
    pub(super) fn fill(&mut self, input: &[u8], out: &mut Buffer) -> Result<(), Fault> {
        let expected = out.len();
        match self.whole.zlib_decompress(input, out.with_slack()) {
            Ok(actual) if actual == expected => Ok(()),
            Ok(_) | Err(DecompressionError::InsufficientSpace) => {
                Err(Fault::SizeMismatch { expected: expected as u64 })
            }
            Err(DecompressionError::BadData) => Err(Fault::Inflate),
        }
    }

    /// Inflates the first bytes only, up to the length of `out`; returns how many there were.
    pub(super) fn head(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Fault> {
        self.pieces.reset(true);
        self.pieces.decompress(input, out, FlushDecompress::None).map_err(|_| Fault::Inflate)?;
        Ok(self.pieces.total_out() as usize)
    }

    /// Inflates to nowhere, to find out where the stream ends: its compressed length. It must yield `size` bytes.
    pub(super) fn measure(&mut self, input: &[u8], size: u64, sink: &mut [u8]) -> Result<u64, Fault> {
        self.pieces.reset(true);
        loop {
            let (read, written) = (self.pieces.total_in(), self.pieces.total_out());
            let rest = &input[read as usize..];
            let status = self.pieces.decompress(rest, sink, FlushDecompress::None).map_err(|_| Fault::Inflate)?;
            if self.pieces.total_out() > size {
                return Err(Fault::SizeMismatch { expected: size });
            }
            match status {
                Status::StreamEnd if self.pieces.total_out() == size => return Ok(self.pieces.total_in()),
                Status::StreamEnd => return Err(Fault::SizeMismatch { expected: size }),
                _ if (self.pieces.total_in(), self.pieces.total_out()) == (read, written) => {
                    return Err(Fault::Inflate);
                }
                _ => {}
            }
        }
    }
}

/// Could `compressed` bytes yield that many? A claim that is merely large must not take memory.
pub(super) fn is_plausible(size: u64, compressed: usize) -> bool {
    size / MAX_RATIO <= compressed as u64
}

/// The content of an object that is read piece by piece. Ends with an error unless there are exactly as many bytes as
/// the object's header says.
pub(super) struct ContentReader<R> {
    content: R,
    size: u64,
    left: u64,
    fault: Option<Fault>,
    hasher: Option<ObjectHasher>,
}

impl<R: Read> ContentReader<R> {
    /// `verify` computes the object's id on the way.
    pub(super) fn new(content: R, size: u64, verify: Option<(ObjectFormat, Kind)>) -> ContentReader<R> {
        let hasher = verify.map(|(format, kind)| ObjectHasher::new(format, kind, size));
        ContentReader { content, size, left: size, fault: None, hasher }
    }

    /// Reads what the receiver left unread, so that its faults are known, too.
    pub(super) fn finish(mut self, id: &ObjectId) -> Result<(), Fault> {
        // An error has been noted in `fault`.
        let _ = io::copy(&mut self, &mut io::sink());
        match (self.fault, self.hasher.map(ObjectHasher::finish)) {
            (Some(fault), _) => Err(fault),
            (None, Some(actual)) if actual != *id => Err(Fault::IdMismatch(actual)),
            _ => Ok(()),
        }
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        let error = io::Error::new(io::ErrorKind::InvalidData, fault.clone());
        self.fault = Some(fault);
        error
    }
}

impl<R: Read> Read for ContentReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(io::Error::new(io::ErrorKind::InvalidData, fault.clone()));
        }
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // Once more, so that the stream's checksum is looked at and surplus bytes are noticed.
            return match self.content.read(&mut [0]) {
                Ok(0) => Ok(0),
                Ok(_) => Err(self.fail(Fault::SizeMismatch { expected: self.size })),
                Err(_) => Err(self.fail(Fault::Inflate)),
            };
        }
        let room = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        match self.content.read(&mut out[..room]) {
            Ok(0) => Err(self.fail(Fault::SizeMismatch { expected: self.size })),
            Ok(count) => {
                self.left -= count as u64;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&out[..count]);
                }
                Ok(count)
            }
            Err(_) => Err(self.fail(Fault::Inflate)),
        }
    }
}
