use std::{
    fs::File,
    io::{self, BufReader, Seek as _, Write},
};

use serde_json::{Map, Value};

use crate::model::Escaped;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Columns for a person.
    Table,
    /// A JSON array of objects.
    Json,
    /// Comma-separated, with a header.
    Csv,
}

/// Rows under columns. A cell that isn't known is empty.
pub(super) struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// Widest column of a table for a person, in characters; the last one pushes nothing aside.
const MAX_WIDTH: usize = 60;
const MAX_LAST_WIDTH: usize = 240;

impl Table {
    pub(super) fn new(columns: &'static [&'static str]) -> Table {
        Table { columns, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a cell for each column");
        self.rows.push(row);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// By all cells, from the first on.
    pub(super) fn sort(&mut self) {
        self.rows.sort();
        self.rows.dedup();
    }

    pub(super) fn write(&self, format: TableFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            TableFormat::Table => self.write_columns(out),
            TableFormat::Json => {
                let rows: Vec<_> = self.rows.iter().map(|row| self.object(row)).collect();
                serde_json::to_writer_pretty(&mut *out, &rows)?;
                writeln!(out)
            }
            TableFormat::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record(self.columns)?;
                self.rows.iter().try_for_each(|row| csv.write_record(row.iter().map(|cell| inert(cell))))?;
                csv.flush()
            }
        }
    }

    fn object(&self, row: &[String]) -> Value {
        let cells = self.columns.iter().zip(row);
        let value = |cell: &String| if cell.is_empty() { Value::Null } else { cell.clone().into() };
        Value::Object(cells.map(|(name, cell)| ((*name).to_owned(), value(cell))).collect::<Map<_, _>>())
    }

    fn write_columns(&self, out: &mut dyn Write) -> io::Result<()> {
        let shown: Vec<Vec<String>> = self.rows.iter().map(|row| short_row(row)).collect();
        let width = |column: usize| {
            let cells = shown.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(self.columns[column].len())
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        write_padded(out, self.columns.iter().copied(), &widths)?;
        shown.iter().try_for_each(|row| write_padded(out, row.iter().map(String::as_str), &widths))
    }
}

/// The same, row by row, in the order in which they come: nothing of a long list is held. Columns for a person are as wide as their
/// widest cell, so those rows wait in a temporary file.
pub(super) struct StreamedTable<'w> {
    table: Table,
    format: TableFormat,
    out: &'w mut dyn Write,
    waiting: Option<csv::Writer<File>>,
    widths: Vec<usize>,
    rows: u64,
}

impl<'w> StreamedTable<'w> {
    pub(super) fn begin(
        columns: &'static [&'static str],
        format: TableFormat,
        out: &'w mut dyn Write,
    ) -> io::Result<StreamedTable<'w>> {
        let waiting = match format {
            TableFormat::Table => Some(csv::Writer::from_writer(tempfile::tempfile()?)),
            TableFormat::Json => None,
            TableFormat::Csv => {
                write_csv(out, columns.iter().map(|name| (*name).to_owned()))?;
                None
            }
        };
        let widths = columns.iter().map(|name| name.len()).collect();
        Ok(StreamedTable { table: Table::new(columns), format, out, waiting, widths, rows: 0 })
    }

    pub(super) fn push(&mut self, row: Vec<String>) -> io::Result<()> {
        debug_assert_eq!(row.len(), self.widths.len(), "a cell for each column");
        self.rows += 1;
        match self.format {
            TableFormat::Csv => write_csv(self.out, row.iter().map(|cell| inert(cell))),
            TableFormat::Json => {
                self.out.write_all(if self.rows == 1 { b"[\n  " } else { b",\n  " })?;
                serde_json::to_writer(&mut *self.out, &self.table.object(&row)).map_err(io::Error::from)
            }
            TableFormat::Table => {
                let shown = short_row(&row);
                for (width, cell) in self.widths.iter_mut().zip(&shown) {
                    *width = (*width).max(cell.chars().count());
                }
                let Some(waiting) = &mut self.waiting else { return Ok(()) };
                waiting.write_record(&shown).map_err(io::Error::other)
            }
        }
    }

    pub(super) fn end(self) -> io::Result<()> {
        match (self.format, self.waiting) {
            (TableFormat::Json, _) => self.out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" }),
            (TableFormat::Table, Some(waiting)) => {
                let mut file = waiting.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
                file.rewind()?;
                write_padded(self.out, self.table.columns.iter().copied(), &self.widths)?;
                let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(BufReader::new(file));
                for row in rows.records() {
                    write_padded(self.out, row.map_err(io::Error::other)?.iter(), &self.widths)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn write_csv(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(cells.collect::<Vec<_>>()).map_err(io::Error::other)?;
    csv.flush()
}

fn write_padded<'c>(out: &mut dyn Write, cells: impl Iterator<Item = &'c str>, widths: &[usize]) -> io::Result<()> {
    let padded: Vec<String> = cells.zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    writeln!(out, "{}", padded.join("  ").trim_end())
}

fn short_row(row: &[String]) -> Vec<String> {
    let width = |column: usize| if column + 1 == row.len() { MAX_LAST_WIDTH } else { MAX_WIDTH };
    row.iter().enumerate().map(|(column, cell)| short(cell, width(column))).collect()
}

fn short(cell: &str, width: usize) -> String {
    let escaped = Escaped(cell.as_bytes()).to_string();
    if escaped.chars().count() <= width {
        return escaped;
    }
    escaped.chars().take(width - 1).chain(['…']).collect()
}

/// A spreadsheet takes a cell that begins so for a formula.
fn inert(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{StreamedTable, Table, TableFormat};

    #[test]
    fn rows_are_written_in_every_format() {
        let mut table = Table::new(&["name", "owner"]);
        table.push(vec!["b\u{1b}".to_owned(), String::new()]);
        table.push(vec!["a".to_owned(), "=cmd()".to_owned()]);
        table.sort();
        let text = |format| {
            let mut out = Vec::new();
            table.write(format, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(TableFormat::Table), "name     owner\na        =cmd()\nb\\u{1b}\n");
        assert_eq!(text(TableFormat::Csv), "name,owner\na,'=cmd()\nb\u{1b},\n");
        assert!(text(TableFormat::Json).contains("\"owner\": null"));
    }

    #[test]
    fn rows_that_come_one_by_one_look_the_same() {
        let text = |format| {
            let mut out = Vec::new();
            let mut table = StreamedTable::begin(&["name", "owner"], format, &mut out).unwrap();
            table.push(vec!["a".to_owned(), "=cmd(),\"x\"".to_owned()]).unwrap();
            table.push(vec!["b\u{1b}".to_owned(), String::new()]).unwrap();
            table.end().unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(TableFormat::Table), "name     owner\na        =cmd(),\"x\"\nb\\u{1b}\n");
        assert_eq!(text(TableFormat::Csv), "name,owner\na,\"'=cmd(),\"\"x\"\"\"\nb\u{1b},\n");
        let json: serde_json::Value = serde_json::from_str(&text(TableFormat::Json)).unwrap();
        assert_eq!((json.as_array().unwrap().len(), &json[1]["owner"]), (2, &serde_json::Value::Null));
        let mut out = Vec::new();
        StreamedTable::begin(&["a"], TableFormat::Json, &mut out).unwrap().end().unwrap();
        assert_eq!(out, b"[]\n");
    }
}
