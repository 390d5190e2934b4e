use std::io::{self, Write};

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

/// Widest column of a table for a person, in characters.
const MAX_WIDTH: usize = 60;

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
        let shown: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| short(cell)).collect()).collect();
        let width = |column: usize| {
            let cells = shown.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(self.columns[column].len())
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded: Vec<_> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(out, "{}", padded.join("  ").trim_end())
        };
        line(&mut self.columns.iter().copied())?;
        shown.iter().try_for_each(|row| line(&mut row.iter().map(String::as_str)))
    }
}

fn short(cell: &str) -> String {
    let escaped = Escaped(cell.as_bytes()).to_string();
    if escaped.chars().count() <= MAX_WIDTH {
        return escaped;
    }
    escaped.chars().take(MAX_WIDTH - 1).chain(['…']).collect()
}

/// A spreadsheet takes a cell that begins so for a formula.
fn inert(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Table, TableFormat};

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
}
