use std::{collections::HashSet, io::Read};

use serde_json::{Map, Value};

use super::{Fields, ReadOutcome, Redaction, TakeRecord};
use crate::inventory::InventoryError;

/// Most columns of a table.
const MAX_COLUMNS: usize = 1000;

/// A row that is read behind the table's last one, unless a cell with an open quote swallows it: then the table was cut off.
const END: &str = "\u{1}end of table\u{1}";

/// Reads a table (CSV with a header line; `delimiter` between cells) row by row. Names of columns are lower-cased and
/// trimmed; of two columns with one name the first counts.
///
/// # Errors
/// What `take` says. Damage of the input is a problem of the outcome; what came before it was handed over.
pub(crate) fn read_table(
    reader: impl Read,
    delimiter: u8,
    redaction: &Redaction<'_>,
    take: &mut TakeRecord<'_>,
) -> Result<ReadOutcome, InventoryError> {
    let mut outcome = ReadOutcome::default();
    let end = format!("\n{END}\n");
    let reader = reader.chain(end.as_bytes());
    let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(reader);
    let mut row = csv::ByteRecord::new();
    let mut header: Option<Vec<String>> = None;
    loop {
        match rows.read_byte_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {}
            // The library's message may quote the input.
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                outcome.problems.push(format!("line {line}: it is no table from there on"));
                break;
            }
        }
        if row.len() == 1 && row.get(0) == Some(END.as_bytes()) {
            break;
        }
        let line = row.position().map_or(0, csv::Position::line);
        if row.iter().next_back().is_some_and(|cell| cell.ends_with(end.as_bytes())) {
            outcome.problems.push(format!("line {line}: a quote is never closed: the table was cut off"));
            break;
        }
        let Some(columns) = &header else {
            header = Some(names(&row));
            continue;
        };
        if row.len() == columns.len() && names(&row) == *columns {
            outcome.problems.push(format!("line {line}: the header again: this is more than one export"));
            continue;
        }
        if row.len() != columns.len() {
            outcome.problems.push(format!("line {line}: {} cells where the header has {}", row.len(), columns.len()));
            if row.len() < columns.len() {
                continue;
            }
        }
        take(0, "", fields(columns, &row, redaction))?;
    }
    if header.is_none() && outcome.problems.is_empty() {
        outcome.problems.push("it is empty".to_owned());
    }
    Ok(outcome)
}

fn names(row: &csv::ByteRecord) -> Vec<String> {
    let mut seen = HashSet::new();
    let cells = row.iter().take(MAX_COLUMNS);
    cells
        .map(|cell| {
            let name = String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_lowercase();
            if seen.insert(name.clone()) { name } else { String::new() }
        })
        .collect()
}

fn fields(columns: &[String], row: &csv::ByteRecord, redaction: &Redaction<'_>) -> Fields {
    let named = columns.iter().zip(row).filter(|(name, _)| !name.is_empty());
    let cells = named.map(|(name, cell)| {
        let is_secret = redaction.holds_secret(name);
        let value = match cell {
            b"" => Value::Null,
            cell if is_secret => redaction.replace(cell),
            cell => Value::String(String::from_utf8_lossy(cell).into_owned()),
        };
        (name.clone(), value)
    });
    Fields(Value::Object(cells.collect::<Map<_, _>>()))
}

#[cfg(test)]
mod tests {
    use super::{Redaction, read_table};

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut rows = Vec::new();
        let redaction = Redaction::new(None);
        let outcome = read_table(text.as_bytes(), b',', &redaction, &mut |_, _, fields| {
            rows.push(fields.0.to_string());
            Ok(())
        });
        (rows, outcome.unwrap().problems)
    }

    #[test]
    fn rows_are_read_by_their_header() {
        let (rows, problems) = read("\u{feff}User, ARN ,new\n\"a\"\"b\",x,\n");
        assert_eq!(rows, [r#"{"arn":"x","new":null,"user":"a\"b"}"#]);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn damage_and_mixtures_are_problems() {
        let (rows, problems) = read("user,arn\na,b\nuser,arn\nc\nd,e,f\n");
        assert_eq!((rows.len(), problems.len()), (2, 3), "{rows:?} {problems:?}");
        assert_eq!(read("").1, ["it is empty"]);
    }

    #[test]
    fn a_table_that_ends_within_quotes_was_cut_off() {
        for (text, whole) in [("user,arn\na,b\nc,\"d\ne,f\n", 1), ("\"user,arn\na,b\n", 0), ("user,arn\na,\"b\"\"", 0)]
        {
            let (rows, problems) = read(text);
            assert_eq!((rows.len(), problems.len()), (whole, 1), "{text}: {rows:?} {problems:?}");
            assert!(problems[0].contains("cut off"), "{problems:?}");
        }
        for text in ["user,arn\na,\"b\n\"", "user,arn\r\na,\"b\"\r\n", "user,arn\na,b\"c", "user,arn\ra,b"] {
            let (rows, problems) = read(text);
            assert_eq!((rows.len(), problems.len()), (1, 0), "{text}: {rows:?} {problems:?}");
        }
    }

    #[test]
    fn columns_of_secrets_are_dropped() {
        assert_eq!(read("user,password\na,hunter2\n").0, [r#"{"password":null,"user":"a"}"#]);
    }
}
