//! Sorting of more rows than fit into memory: sorted runs wait in temporary files and are merged.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek as _, Write},
};

/// Cells; rows are ordered by the first that differs.
pub(super) type CellRow = Vec<String>;

/// Takes the rows of a table one by one.
pub(super) type TakeRow<'t> = dyn FnMut(CellRow) -> io::Result<()> + 't;

/// So much of rows is held, in bytes of their cells and of what holds these.
const MAX_HELD_BYTES: usize = 16 << 20;

/// So many runs are merged at once; each has a file and a buffer.
const MAX_RUNS: usize = 64;

/// What a cell and a row take beside their text.
const CELL_BYTES: usize = 32;

/// Takes rows in any order and hands them out sorted. Equal rows stay several.
pub(super) struct Sorter {
    held: Vec<CellRow>,
    held_bytes: usize,
    max_held_bytes: usize,
    runs: Vec<File>,
}

impl Sorter {
    pub(super) fn new() -> Sorter {
        Sorter { held: Vec::new(), held_bytes: 0, max_held_bytes: MAX_HELD_BYTES, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, row: CellRow) -> io::Result<()> {
        self.held_bytes += row.iter().map(|cell| cell.len() + CELL_BYTES).sum::<usize>() + CELL_BYTES;
        self.held.push(row);
        if self.held_bytes > self.max_held_bytes { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.runs.len() == MAX_RUNS {
            let mut run = BufWriter::new(tempfile::tempfile()?);
            merge(std::mem::take(&mut self.runs), Vec::new(), &mut |row| write_row(&mut run, &row))?;
            self.runs.push(finished(run)?);
        }
        self.held.sort_unstable();
        let mut run = BufWriter::new(tempfile::tempfile()?);
        self.held.drain(..).try_for_each(|row| write_row(&mut run, &row))?;
        self.held_bytes = 0;
        self.runs.push(finished(run)?);
        Ok(())
    }

    /// Hands all rows out.
    pub(super) fn each(mut self, take: &mut TakeRow<'_>) -> io::Result<()> {
        self.held.sort_unstable();
        merge(self.runs, self.held, take)
    }
}

fn finished(run: BufWriter<File>) -> io::Result<File> {
    let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Where the next row of a run comes from.
enum Run {
    Spilled(BufReader<File>),
    Held(std::vec::IntoIter<CellRow>),
}

impl Run {
    fn next(&mut self) -> io::Result<Option<CellRow>> {
        match self {
            Run::Spilled(file) => read_row(file),
            Run::Held(rows) => Ok(rows.next()),
        }
    }
}

fn merge(files: Vec<File>, held: Vec<CellRow>, take: &mut TakeRow<'_>) -> io::Result<()> {
    let spilled = files.into_iter().map(|file| Run::Spilled(BufReader::new(file)));
    let mut runs: Vec<Run> = spilled.chain([Run::Held(held.into_iter())]).collect();
    let mut first = BinaryHeap::with_capacity(runs.len());
    for (number, run) in runs.iter_mut().enumerate() {
        first.extend(run.next()?.map(|row| Reverse((row, number))));
    }
    while let Some(mut least) = first.peek_mut() {
        let Reverse((row, number)) = &mut *least;
        match runs[*number].next()? {
            Some(next) => take(std::mem::replace(row, next))?,
            None => {
                let Reverse((row, _)) = PeekMut::pop(least);
                take(row)?;
            }
        }
    }
    Ok(())
}

/// The number of cells, and each cell after its length, as four bytes each.
fn write_row(out: &mut impl Write, row: &CellRow) -> io::Result<()> {
    let count = |length: usize| u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
    out.write_all(&count(row.len())?.to_le_bytes())?;
    for cell in row {
        out.write_all(&count(cell.len())?.to_le_bytes())?;
        out.write_all(cell.as_bytes())?;
    }
    Ok(())
}

fn read_row(run: &mut BufReader<File>) -> io::Result<Option<CellRow>> {
    let mut bytes = [0; 4];
    match run.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let cells = u32::from_le_bytes(bytes);
    let mut row = Vec::new();
    for _ in 0..cells {
        run.read_exact(&mut bytes)?;
        let mut cell = vec![0; u32::from_le_bytes(bytes) as usize];
        run.read_exact(&mut cell)?;
        row.push(String::from_utf8(cell).map_err(io::Error::other)?);
    }
    Ok(Some(row))
}

#[cfg(test)]
mod tests {
    use super::{CellRow, MAX_RUNS, Sorter};

    fn sorted(rows: &[CellRow], max_held_bytes: usize) -> Vec<CellRow> {
        let mut sorter = Sorter { max_held_bytes, ..Sorter::new() };
        rows.iter().for_each(|row| sorter.push(row.clone()).unwrap());
        let mut found = Vec::new();
        sorter
            .each(&mut |row| {
                found.push(row);
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn rows_come_sorted_however_many_runs_they_made() {
        let row = |n: usize| vec![(n * 7919 % 257).to_string(), String::new(), "ä\n,\"".repeat(n % 5)];
        let rows: Vec<CellRow> = (0..1000).map(row).collect();
        let mut wanted = rows.clone();
        wanted.sort();
        // All held; some runs; a run for each row, which are merged in between.
        for max_held_bytes in [usize::MAX, 10_000, 0] {
            assert_eq!(sorted(&rows, max_held_bytes), wanted, "{max_held_bytes} bytes");
        }
        assert!(rows.len() > MAX_RUNS);
        assert_eq!(sorted(&[], 0), Vec::<CellRow>::new());
    }
}
