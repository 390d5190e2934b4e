//! Deltas: instructions that make an object from its base.
//!
//! Format: gitformat-pack(5), "Deltified representation" (read 2026-11-22).

use super::{DeltaFault, buffer::Buffer};

/// One step of making an object from its base. The steps of a delta cover the result from front to back without gaps;
/// neighbours that continue each other are joined. Offsets fit 32 bits because larger deltas are never decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `len` bytes of the base at `from` stand at `to` in the result.
    Copy {
        /// Offset in the base.
        from: u32,
        /// Offset in the result.
        to: u32,
        /// Never 0.
        len: u32,
    },
    /// `len` bytes at `to` in the result are new.
    Insert {
        /// Offset in the result.
        to: u32,
        /// Never 0.
        len: u32,
    },
}

/// A delta of more steps is handed over as a whole object: carrying state over that many joints saves nothing, and the
/// list could take eight times the memory of the delta.
const MAX_OPS: usize = 1 << 20;

/// The steps of the delta that was applied last.
#[derive(Debug, Default)]
pub(super) struct Ops {
    list: Vec<Op>,
    is_full: bool,
}

impl Ops {
    /// The steps, unless there were too many.
    pub(super) fn get(&self) -> Option<&[Op]> {
        (!self.is_full).then_some(&self.list)
    }

    fn clear(&mut self) {
        self.list.clear();
        self.is_full = false;
    }

    fn copy(&mut self, from: usize, to: usize, len: usize) {
        let (from, to, len) = (from as u32, to as u32, len as u32);
        match self.list.last_mut() {
            Some(Op::Copy { from: before, len: run, .. }) if *before + *run == from => *run += len,
            _ => self.push(Op::Copy { from, to, len }),
        }
    }

    fn insert(&mut self, to: usize, len: usize) {
        let (to, len) = (to as u32, len as u32);
        match self.list.last_mut() {
            Some(Op::Insert { len: run, .. }) => *run += len,
            _ => self.push(Op::Insert { to, len }),
        }
    }

    fn push(&mut self, op: Op) {
        if self.list.len() < MAX_OPS {
            self.list.push(op);
        } else {
            self.is_full = true;
        }
    }
}

/// A delta's two sizes and its instructions.
#[derive(Clone, Copy)]
pub(super) struct Delta<'a> {
    base_size: u64,
    /// Size of the object it makes: a claim until [`Delta::apply`] has succeeded.
    pub(super) result_size: u64,
    instructions: &'a [u8],
}

impl<'a> Delta<'a> {
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Delta<'a>, DeltaFault> {
        let base_size = varint(&mut bytes)?;
        let result_size = varint(&mut bytes)?;
        Ok(Delta { base_size, result_size, instructions: bytes })
    }

    /// Makes the object in `out`, which must be `result_size` long and no more than 4 GiB, and lists the steps.
    pub(super) fn apply(self, base: &[u8], out: &mut Buffer, ops: &mut Ops) -> Result<(), DeltaFault> {
        ops.clear();
        if base.len() as u64 != self.base_size {
            return Err(DeltaFault::BaseSize);
        }
        let out = out.bytes_mut();
        let mut rest = self.instructions;
        let mut to = 0usize;
        while let Some((&instruction, tail)) = rest.split_first() {
            rest = tail;
            if instruction & 0x80 != 0 {
                let (from, len) = copy_range(instruction, &mut rest)?;
                let source = base.get(from..from.saturating_add(len)).ok_or(DeltaFault::CopyOutsideBase)?;
                out.get_mut(to..to.saturating_add(len)).ok_or(DeltaFault::ResultSize)?.copy_from_slice(source);
                ops.copy(from, to, len);
                to += len;
            } else if instruction != 0 {
                let len = usize::from(instruction);
                let source = rest.get(..len).ok_or(DeltaFault::Truncated)?;
                out.get_mut(to..to.saturating_add(len)).ok_or(DeltaFault::ResultSize)?.copy_from_slice(source);
                ops.insert(to, len);
                rest = &rest[len..];
                to += len;
            } else {
                return Err(DeltaFault::Reserved);
            }
        }
        if to == out.len() { Ok(()) } else { Err(DeltaFault::ResultSize) }
    }
}

/// Offset and length of a copy: up to four and three bytes, those present marked by the instruction's low bits.
fn copy_range(instruction: u8, rest: &mut &[u8]) -> Result<(usize, usize), DeltaFault> {
    let mut fields = 0u64;
    for bit in 0..7 {
        if instruction & 1 << bit != 0 {
            let (&byte, tail) = rest.split_first().ok_or(DeltaFault::Truncated)?;
            fields |= u64::from(byte) << (8 * bit);
            *rest = tail;
        }
    }
    let from = (fields & 0xffff_ffff) as usize;
    let len = (fields >> 32) as usize;
    Ok((from, if len == 0 { 0x10000 } else { len }))
}

fn varint(bytes: &mut &[u8]) -> Result<u64, DeltaFault> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, tail) = bytes.split_first().ok_or(DeltaFault::Truncated)?;
        *bytes = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(DeltaFault::Truncated)
}

#[cfg(test)]
mod tests {
    use super::{Buffer, Delta, DeltaFault, Op, Ops};

    const BASE: &[u8] = b"0123456789";

    fn applied(delta: &[u8]) -> Result<(Vec<u8>, Vec<Op>), DeltaFault> {
        let delta = Delta::parse(delta)?;
        let mut out = Buffer::new(delta.result_size as usize);
        let mut ops = Ops::default();
        delta.apply(BASE, &mut out, &mut ops)?;
        Ok((out.to_vec(), ops.list))
    }

    #[test]
    fn neighbouring_steps_are_joined() {
        let delta = [10, 9, 0x91, 2, 3, 0x91, 5, 2, 1, b'x', 1, b'y', 0x90, 2];
        let (bytes, ops) = applied(&delta).unwrap();
        assert_eq!(bytes, b"23456xy01");
        let expected =
            [Op::Copy { from: 2, to: 0, len: 5 }, Op::Insert { to: 5, len: 2 }, Op::Copy { from: 0, to: 7, len: 2 }];
        assert_eq!(ops, expected);
    }

    #[test]
    fn malformed_deltas_are_refused() {
        let fault = |delta: &[u8]| applied(delta).unwrap_err();
        assert_eq!(fault(&[]), DeltaFault::Truncated);
        assert_eq!(fault(&[0xff; 12]), DeltaFault::Truncated);
        assert_eq!(fault(&[9, 0]), DeltaFault::BaseSize);
        assert_eq!(fault(&[10, 1, 0]), DeltaFault::Reserved);
        assert_eq!(fault(&[10, 5, 3, b'x']), DeltaFault::Truncated);
        assert_eq!(fault(&[10, 5, 0x91, 2]), DeltaFault::Truncated);
        assert_eq!(fault(&[10, 9, 0x91, 2, 9]), DeltaFault::CopyOutsideBase);
        assert_eq!(fault(&[10, 9, 0x8f, 255, 255, 255, 255]), DeltaFault::CopyOutsideBase);
        assert_eq!(fault(&[10, 5, 0x80]), DeltaFault::CopyOutsideBase);
        assert_eq!(fault(&[10, 1, 0x90, 9]), DeltaFault::ResultSize);
        assert_eq!(fault(&[10, 1]), DeltaFault::ResultSize);
        assert_eq!(fault(&[10, 1, 2, b'x', b'y']), DeltaFault::ResultSize);
    }
}
