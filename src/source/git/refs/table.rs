//! One reftable: blocks of refs, then what we don't need (indexes, ids to refs), then compressed blocks of logs.
//!
//! *Source*: git's `Documentation/technical/reftable`, versions 1 and 2. Blocks are read from front to back, so no
//! index can lead in circles. A record may take most of its name from the one before: names are cut at
//! [`MAX_NAME_BYTES`] and counted against a [`Budget`], or a megabyte could say gigabytes.

use super::{
    super::{
        Fault, ObjectFormat, ObjectId,
        buffer::Buffer,
        cursor::Cursor,
        inflate::{Inflater, is_plausible},
    },
    LogEntry, Value,
    reftable::Stack,
    some_id,
};

const MAGIC: &[u8] = b"REFT";
/// As long as a path may be, four times over.
const MAX_NAME_BYTES: usize = 16 << 10;
/// The table's checksum covers all of its footer but itself.
const CHECKSUM_BYTES: usize = 4;

const REFS: u8 = b'r';
const LOGS: u8 = b'g';

/// What may still be read of a stack, in bytes of memory.
pub(super) struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// For tables of so many bytes. A real ref takes some thirty bytes of a table and five times that in memory; logs
    /// are compressed as well.
    pub(super) fn of(table_bytes: u64) -> Budget {
        let limit = (64 << 20) + table_bytes.saturating_mul(64);
        Budget { left: limit, limit }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        let fault = Fault::TooMany { what: "bytes of refs", limit: self.limit };
        self.left = self.left.checked_sub(bytes as u64).ok_or(fault)?;
        Ok(())
    }
}

const MALFORMED: Fault = Fault::Malformed("reftable");

/// A table whose header and footer were read.
pub(super) struct Table<'a> {
    /// Without the footer.
    bytes: &'a [u8],
    format: ObjectFormat,
    block_size: usize,
    header_bytes: usize,
    logs_at: u64,
    /// What the footer lacks; told when all was read.
    fault: Option<Fault>,
}

impl<'a> Table<'a> {
    pub(super) fn open(bytes: &'a [u8], format: ObjectFormat) -> Result<Table<'a>, Fault> {
        let mut header = Cursor::new(bytes);
        if header.take(4) != Some(MAGIC) {
            return Err(MALFORMED);
        }
        let version = header.u8().ok_or(MALFORMED)?;
        let (header_bytes, footer_bytes) = match version {
            1 => (24, 68),
            2 => (28, 72),
            _ => return Err(Fault::UnknownVersion(version.into())),
        };
        let block_size = header.u24().ok_or(MALFORMED)? as usize;
        // Between which transactions it was written; each log record has its own number.
        header.take(16).ok_or(MALFORMED)?;
        let hash = if version == 1 { Some(&b"sha1"[..]) } else { header.take(4) };
        let found = match hash {
            Some(b"sha1") => ObjectFormat::Sha1,
            Some(b"s256") => ObjectFormat::Sha256,
            _ => return Err(Fault::UnknownObjectFormat),
        };
        if found != format {
            return Err(Fault::UnknownObjectFormat);
        }
        let end = bytes.len().checked_sub(footer_bytes).filter(|&end| end >= header_bytes).ok_or(MALFORMED)?;
        let (bytes, footer) = bytes.split_at(end);
        let (sum_of, sum) = footer.split_at(footer_bytes - CHECKSUM_BYTES);
        let is_sound = crc32fast::hash(sum_of).to_be_bytes() == sum && footer[..header_bytes] == bytes[..header_bytes];
        let mut fields = Cursor::new(&footer[header_bytes + 24..]);
        let logs_at = fields.u64().ok_or(MALFORMED)?;
        let fault = (!is_sound).then_some(Fault::Checksum);
        Ok(Table { bytes, format, block_size, header_bytes, logs_at, fault })
    }

    /// Adds all records to `stack`. What stands before a mistake is added all the same.
    pub(super) fn read(self, stack: &mut Stack, budget: &mut Budget) -> Result<(), Fault> {
        let refs = self.read_refs(stack, budget);
        let logs = self.read_logs(stack, budget);
        refs.and(logs).and(self.fault.map_or(Ok(()), Err))
    }

    /// The kind and stated length of the block at `at`, and where its records begin. The first one holds the header.
    fn block(&self, at: usize) -> Result<Option<(u8, usize, usize)>, Fault> {
        let header = if at == 0 { self.header_bytes } else { 0 };
        let mut cursor = Cursor::new(self.bytes.get(at + header..).unwrap_or_default());
        let Some(kind) = cursor.u8() else { return Ok(None) };
        let len = cursor.u24().ok_or(MALFORMED)? as usize;
        if len < header + 6 { Err(MALFORMED) } else { Ok(Some((kind, len, header + 4))) }
    }

    fn read_refs(&self, stack: &mut Stack, budget: &mut Budget) -> Result<(), Fault> {
        let mut at = 0;
        while let Some((REFS, len, start)) = self.block_or_end(at)? {
            let block = self.bytes.get(at..at + len).ok_or(MALFORMED)?;
            let mut records = Records { name: Vec::new(), cursor: Cursor::new(records(block, start)?) };
            while let Some(kind) = records.next(budget)? {
                let value = self.ref_value(kind, &mut records.cursor).ok_or(MALFORMED)?;
                stack.refs.insert(records.name.clone(), value);
            }
            // A block that isn't padded is followed by another's kind, which isn't zero.
            let is_padded = self.bytes.get(at + len).is_none_or(|&byte| byte == 0);
            at += if self.block_size > len && is_padded { self.block_size } else { len };
        }
        Ok(())
    }

    /// As `block`; padding after the last one is its end.
    fn block_or_end(&self, at: usize) -> Result<Option<(u8, usize, usize)>, Fault> {
        match self.bytes.get(at..) {
            None => Ok(None),
            Some(rest) if at > 0 && rest.first().is_none_or(|&byte| byte == 0) => Ok(None),
            Some(_) => self.block(at),
        }
    }

    fn id(&self, cursor: &mut Cursor<'_>) -> Option<ObjectId> {
        cursor.take(self.format.id_len()).map(ObjectId::copied)
    }

    /// The value of a ref; within, `None` is a deletion.
    fn ref_value(&self, kind: u8, cursor: &mut Cursor<'_>) -> Option<Option<Value>> {
        cursor.varint()?;
        Some(match kind {
            0 => None,
            1 => Some(Value::Id(self.id(cursor)?)),
            2 => {
                let id = self.id(cursor)?;
                self.id(cursor)?;
                Some(Value::Id(id))
            }
            3 => Some(Value::Symbolic(cursor.counted()?.to_vec())),
            _ => return None,
        })
    }

    fn read_logs(&self, stack: &mut Stack, budget: &mut Budget) -> Result<(), Fault> {
        let is_first = self.bytes.get(self.header_bytes) == Some(&LOGS);
        let mut at = usize::try_from(self.logs_at).map_err(|_| MALFORMED)?;
        if at == 0 && !is_first {
            return Ok(());
        }
        let mut inflater = Inflater::new();
        while let Some((LOGS, len, start)) = self.block(at)? {
            let compressed = self.bytes.get(at + start..).ok_or(MALFORMED)?;
            let size = len - start;
            budget.spend(size)?;
            if !is_plausible(size as u64, compressed.len()) {
                return Err(MALFORMED);
            }
            let mut block = Buffer::new(size);
            let taken = inflater.measure(compressed, size as u64, &mut [0; 16 << 10])?;
            inflater.fill(compressed, &mut block)?;
            self.log_records(records(&block, 0)?, stack, budget)?;
            at += start + taken as usize;
        }
        Ok(())
    }

    fn log_records(&self, bytes: &[u8], stack: &mut Stack, budget: &mut Budget) -> Result<(), Fault> {
        let mut records = Records { name: Vec::new(), cursor: Cursor::new(bytes) };
        while let Some(kind) = records.next(budget)? {
            // A name, a zero, and the transaction's number from the far end, so that the newest stands first.
            let (name, number) = records.name.split_last_chunk::<8>().ok_or(MALFORMED)?;
            let name = name.strip_suffix(b"\0").ok_or(MALFORMED)?.to_vec();
            let update = u64::MAX - u64::from_be_bytes(*number);
            let entry = match kind {
                0 => None,
                1 => Some(self.log_entry(&name, &mut records.cursor).ok_or(MALFORMED)?),
                _ => return Err(MALFORMED),
            };
            stack.logs.insert((name, update), entry);
        }
        Ok(())
    }

    fn log_entry(&self, name: &[u8], cursor: &mut Cursor<'_>) -> Option<LogEntry> {
        let (old, new) = (self.id(cursor)?, self.id(cursor)?);
        let who = [cursor.counted()?, b" <", cursor.counted()?, b">"].concat();
        let seconds = i64::try_from(cursor.varint()?).unwrap_or(i64::MAX);
        cursor.u16()?;
        let message = cursor.counted()?.trim_ascii_end().to_vec();
        Some(LogEntry { name: name.to_vec(), old: some_id(old), new: some_id(new), who, seconds, message })
    }
}

/// The records of a block: what lies between its header and the table of restarts at its end.
fn records(block: &[u8], start: usize) -> Result<&[u8], Fault> {
    let (rest, count) = block.split_last_chunk::<2>().ok_or(MALFORMED)?;
    let end = rest.len().checked_sub(3 * usize::from(u16::from_be_bytes(*count))).ok_or(MALFORMED)?;
    rest.get(start..end).ok_or(MALFORMED)
}

/// Goes from record to record; each name is made from the one before.
struct Records<'a> {
    name: Vec<u8>,
    cursor: Cursor<'a>,
}

impl Records<'_> {
    /// Reads the next name; returns the record's kind, or `None` at the end. The caller reads the value.
    fn next(&mut self, budget: &mut Budget) -> Result<Option<u8>, Fault> {
        if self.cursor.rest().is_empty() {
            return Ok(None);
        }
        let shared = self.cursor.length().filter(|&len| len <= self.name.len()).ok_or(MALFORMED)?;
        let more = self.cursor.length().ok_or(MALFORMED)?;
        let suffix = self.cursor.take(more >> 3).ok_or(MALFORMED)?;
        if shared + suffix.len() > MAX_NAME_BYTES {
            return Err(MALFORMED);
        }
        self.name.truncate(shared);
        self.name.extend_from_slice(suffix);
        budget.spend(self.name.len() + 64)?;
        Ok(Some((more & 7) as u8))
    }
}
