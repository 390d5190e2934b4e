//! Reused buffers for decoded objects.
//!
//! The inflater needs initialised memory of a known size, and most objects are small and short-lived: fresh memory for
//! each would cost a page fault per 4 KiB and a memset. A [`Buffer`] therefore keeps initialised memory beyond the
//! bytes in use, and a [`Pool`] hands it on.

use std::ops::Deref;

/// The inflater runs its fast loop only while this much room is left, so every buffer has it to spare.
const SLACK: usize = 320;
/// Larger memory goes back to the system.
const MAX_POOLED_BYTES: usize = 4 << 20;
const MAX_POOLED_BUFFERS: usize = 12;

/// The bytes of one object.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// Fresh, for `len` bytes. Large ones come from the system as zero pages, so that a size that is only claimed costs
    /// no memory.
    pub(super) fn new(len: usize) -> Buffer {
        Buffer { memory: vec![0; Buffer::room(len)], start: 0, end: len }
    }

    fn room(len: usize) -> usize {
        (len + SLACK).next_multiple_of(1024)
    }

    /// Makes it `len` long; what it holds is then unspecified.
    pub(super) fn reset(&mut self, len: usize) {
        if self.memory.len() < len + SLACK {
            // Freed first: both at once would be twice the memory.
            self.memory = Vec::new();
            self.memory = vec![0; Buffer::room(len + len / 4)];
        }
        (self.start, self.end) = (0, len);
    }

    /// Leaves `count` bytes out at the front: the header of a loose object.
    pub(super) fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// The bytes and the room behind them.
    pub(super) fn with_slack(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end + SLACK]
    }

    /// Memory taken.
    pub(super) fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }
}

/// One thread's free buffers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    free: Vec<Buffer>,
}

impl Pool {
    /// A buffer of `len` bytes with unspecified content.
    pub(super) fn take(&mut self, len: usize) -> Buffer {
        let fitting = self.free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len + SLACK);
        match fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at) {
            Some(at) => {
                let mut buffer = self.free.swap_remove(at);
                (buffer.start, buffer.end) = (0, len);
                buffer
            }
            None if len < MAX_POOLED_BYTES => {
                // A quarter more, because the next version of a file tends to be a little longer.
                let mut buffer = Buffer::new(len + len / 4);
                buffer.end = len;
                buffer
            }
            None => Buffer::new(len),
        }
    }

    /// A buffer with these bytes.
    pub(super) fn copy(&mut self, bytes: &[u8]) -> Buffer {
        let mut buffer = self.take(bytes.len());
        buffer.bytes_mut().copy_from_slice(bytes);
        buffer
    }

    /// Takes a buffer back.
    pub(super) fn give(&mut self, buffer: Buffer) {
        if buffer.capacity() > MAX_POOLED_BYTES {
            return;
        }
        if self.free.len() < MAX_POOLED_BUFFERS {
            return self.free.push(buffer);
        }
        if let Some(smallest) = self.free.iter_mut().min_by_key(|free| free.capacity())
            && smallest.capacity() < buffer.capacity()
        {
            *smallest = buffer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, Pool};

    #[test]
    fn the_pool_gives_the_closest_fit() {
        let mut pool = Pool::default();
        for len in [100_000, 10, 5_000] {
            pool.give(Buffer::new(len));
        }
        assert!(pool.take(4_000).capacity() < 10_000);
        assert!(pool.take(4_000).capacity() > 100_000);
        assert_eq!(pool.take(4_000).len(), 4_000);
    }
}
