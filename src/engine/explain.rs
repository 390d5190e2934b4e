use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::Path,
};

use super::{
    pipeline::{StoredWindow, scan_stored},
    scanner::{Observer, Scanner, Scratch},
    verdict::Rejection,
};
use crate::{
    decode::Utf16,
    model::{Origin, Reason},
    rule::Rule,
    source::LargeBlob,
};

/// One candidate on a line, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The rule that looked.
    pub rule: String,
    /// 1-based column of its keyword or secret, in bytes of the line as text.
    pub column: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is a finding with this score.
    Found {
        /// 0 to 100.
        score: u8,
        /// What the score is made of.
        reasons: Vec<Reason>,
        /// What may be shown of the secret.
        context: String,
    },
    /// It is none.
    Rejected(Rejection),
}

/// Bytes of a line that are looked at; what stands further right is left.
const MAX_LINE: usize = 4 << 20;

impl Scanner {
    /// Every candidate on one line of a file, sorted by column and rule.
    ///
    /// # Errors
    /// If the file can't be read or has fewer lines.
    pub fn explain(&self, path: &Path, line: u64) -> io::Result<Vec<Candidate>> {
        // Opening a pipe would wait for a writer, and a device may never end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut file = File::open(path)?;
        let mut head = vec![0; LargeBlob::HEAD];
        let len = read_up_to(&mut file, &mut head)?;
        let encoding = Utf16::detect(&head[..len]);
        let line_start = find_line(&mut file, line, encoding)?;
        let start = line_start.saturating_sub(self.overlap().before as u64) & !1;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; (line_start - start) as usize + MAX_LINE + self.overlap().after];
        let len = read_up_to(&mut file, &mut bytes)?;
        bytes.truncate(len);
        let in_window = (line_start - start) as usize;
        let owned = line_start..line_start + line_len(&bytes[in_window..], encoding) as u64;
        let stored = StoredWindow { bytes: &bytes, start, owned, encoding, origin: Origin::File(path) };
        Ok(self.explain_window(&stored))
    }

    /// Every candidate that begins in a range of bytes in memory, sorted by column and rule; columns count from the
    /// range's start.
    #[must_use]
    pub fn explain_bytes(&self, path: &Path, bytes: &[u8], range: Range<usize>) -> Vec<Candidate> {
        let start = range.start.saturating_sub(self.overlap().before);
        let end = (range.end + self.overlap().after).min(bytes.len());
        let owned = range.start as u64..range.end as u64;
        let origin = Origin::File(path);
        let bytes = &bytes[start..end];
        self.explain_window(&StoredWindow { bytes, start: start as u64, owned, encoding: None, origin })
    }

    fn explain_window(&self, stored: &StoredWindow<'_>) -> Vec<Candidate> {
        let mut rejections = Rejections::default();
        let (located, map, _) = scan_stored(self, stored, &mut Scratch::default(), &mut rejections);
        let line = map.to_text(stored.owned.start)..map.to_text(stored.owned.end);
        let mut candidates: Vec<Candidate> = rejections
            .all
            .into_iter()
            .filter(|(_, at, _)| line.contains(&at.start))
            .map(|(rule, at, why)| Candidate {
                rule,
                column: at.start - line.start + 1,
                outcome: Outcome::Rejected(why),
            })
            .collect();
        candidates.extend(located.into_iter().map(|found| Candidate {
            rule: self.rules()[found.rule as usize].meta.id.to_string(),
            column: map.to_text(found.start_offset()) - line.start + 1,
            outcome: if self.rules()[found.rule as usize].identifier {
                Outcome::Rejected(Rejection::Identifier)
            } else {
                Outcome::Found {
                    score: found.score.points,
                    reasons: found.score.reasons.clone(),
                    context: found.context,
                }
            },
        }));
        candidates.sort_by(|a, b| (a.column, &a.rule).cmp(&(b.column, &b.rule)));
        candidates.dedup();
        candidates
    }
}

#[derive(Default)]
struct Rejections {
    all: Vec<(String, Range<usize>, Rejection)>,
}

impl Observer for Rejections {
    fn rejected(&mut self, rule: &Rule, at: Range<usize>, why: &Rejection) {
        self.all.push((rule.meta.id.to_string(), at, why.clone()));
    }

    fn explains(&self) -> bool {
        true
    }
}

/// Offset of a 1-based line's first byte.
fn find_line(file: &mut File, line: u64, encoding: Option<Utf16>) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; 1 << 20];
    let (mut offset, mut current) = (0, 1);
    // Nothing stands on the line that a last newline begins.
    let mut is_begun = false;
    while current < line {
        let len = read_up_to(file, &mut buffer)?;
        if len == 0 {
            let lines = current - u64::from(!is_begun);
            let noun = if lines == 1 { "line" } else { "lines" };
            let message = format!("it has {lines} {noun}, not {line}");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        is_begun = true;
        for newline in newlines(&buffer[..len], encoding) {
            current += 1;
            is_begun = newline < len;
            if current == line {
                return Ok(offset + newline as u64);
            }
        }
        offset += len as u64;
    }
    Ok(0)
}

/// Offsets just after each newline.
fn newlines(bytes: &[u8], encoding: Option<Utf16>) -> Box<dyn Iterator<Item = usize> + '_> {
    let unit = match encoding {
        None => return Box::new(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1)),
        Some(Utf16::LittleEndian) => [b'\n', 0],
        Some(Utf16::BigEndian) => [0, b'\n'],
    };
    Box::new(bytes.chunks_exact(2).enumerate().filter(move |(_, pair)| **pair == unit).map(|(index, _)| index * 2 + 2))
}

fn line_len(bytes: &[u8], encoding: Option<Utf16>) -> usize {
    newlines(bytes, encoding).next().unwrap_or(bytes.len())
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
