//! Lists as a table, as JSON and as CSV, row by row: a list of a million findings is never held.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    model::{Escaped, identity::Timestamp},
    report::count,
};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Columns for a person.
    Table,
    /// A JSON array, one element per line.
    Json,
    /// Comma-separated values with a heading (RFC 4180).
    Csv,
}

/// A column: its heading, and how wide it is in a table at least.
#[derive(Clone, Copy)]
pub(super) struct Column(pub(super) &'static str, pub(super) usize);

/// Writes a list.
pub(super) struct TableWriter<'w> {
    out: &'w mut dyn Write,
    format: TableFormat,
    columns: &'static [Column],
    rows: u64,
}

impl<'w> TableWriter<'w> {
    /// Writes the heading.
    pub(super) fn begin(
        out: &'w mut dyn Write,
        format: TableFormat,
        columns: &'static [Column],
    ) -> io::Result<TableWriter<'w>> {
        let mut table = TableWriter { out, format, columns, rows: 0 };
        match format {
            TableFormat::Json => table.out.write_all(b"[")?,
            TableFormat::Csv => table.csv(columns.iter().map(|column| column.0.to_owned()))?,
            TableFormat::Table => table.line(&columns.iter().map(|column| column.0.to_owned()).collect::<Vec<_>>())?,
        }
        Ok(table)
    }

    /// Writes a row: `record` in JSON, `cells` in the other formats.
    pub(super) fn row(&mut self, record: &impl Serialize, cells: Vec<String>) -> io::Result<()> {
        match self.format {
            TableFormat::Json => {
                self.out.write_all(if self.rows == 0 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *self.out, record)?;
            }
            TableFormat::Csv => self.csv(cells.into_iter())?,
            TableFormat::Table => self.line(&cells)?,
        }
        self.rows += 1;
        Ok(())
    }

    /// Writes the end, in a table the number of rows; `noun` is what one of them is.
    pub(super) fn end(self, noun: &str) -> io::Result<()> {
        match self.format {
            TableFormat::Json => self.out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" }),
            TableFormat::Csv => Ok(()),
            TableFormat::Table => writeln!(self.out, "{}", count(self.rows, noun)),
        }
    }

    fn csv(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().from_writer(&mut *self.out);
        writer.write_record(cells.map(harmless)).map_err(io::Error::other)?;
        writer.flush()
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (cell, column) in cells.iter().zip(self.columns) {
            let cell = Escaped(cell.as_bytes()).to_string();
            line.push_str(&format!("{cell:width$}  ", width = column.1));
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// Spreadsheets run what begins with these characters as a formula.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

/// A time of the store for a person.
pub(super) fn timestamp(millis: i64) -> String {
    // Milliseconds tell nobody anything in a list.
    Timestamp { millis: millis.div_euclid(1000) * 1000 }.to_string()
}

/// A time that may be missing.
pub(super) fn timestamp_or_empty(millis: Option<i64>) -> String {
    millis.map(timestamp).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Column, TableFormat, TableWriter};

    fn written(format: TableFormat) -> String {
        const COLUMNS: &[Column] = &[Column("ID", 4), Column("NAME", 0)];
        let mut out = Vec::new();
        let mut table = TableWriter::begin(&mut out, format, COLUMNS).unwrap();
        table.row(&["1", "x"], vec!["1".to_owned(), "=1+\"2\"\u{1b}[31m".to_owned()]).unwrap();
        table.row(&["22222", "y"], vec!["22222".to_owned(), "y, z".to_owned()]).unwrap();
        table.end("row").unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_format_says_the_same() {
        assert_eq!(written(TableFormat::Json), "[\n[\"1\",\"x\"],\n[\"22222\",\"y\"]\n]\n");
        assert_eq!(written(TableFormat::Csv), "ID,NAME\n1,\"'=1+\"\"2\"\"\u{1b}[31m\"\n22222,\"y, z\"\n");
        assert_eq!(written(TableFormat::Table), "ID    NAME\n1     =1+\"2\"\\u{1b}[31m\n22222  y, z\n2 rows\n");
    }
}
