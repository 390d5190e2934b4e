use std::{cell::Cell, io::Read};

use serde::{Deserialize, Deserializer, de::DeserializeSeed as _};
use serde_json::Value;

use super::{Fields, ReadOutcome, Redacted, Redaction, TakeRecord};
use crate::inventory::InventoryError;

/// Largest YAML file that is read, in bytes. YAML is read as a whole: exports of millions come as JSON.
const MAX_BYTES: u64 = 16 << 20;

/// Fields that hold secrets in some kind of YAML or other. (No fingerprints are made of YAML.)
const SECRETS: &[&str] = &["data", "stringData", "binaryData"];

/// A document without its secrets.
struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let redaction = Redaction { fingerprinter: None, fields: SECRETS, public: &[], dropped: Cell::new(0) };
        let nodes = Cell::new(0);
        Redacted::new(&redaction, &nodes).deserialize(deserializer).map(Document)
    }
}

/// Reads the documents of a YAML file, each a record. Aliases are resolved within the library's budget of nodes, events
/// and depth: bombs end as a problem.
///
/// # Errors
/// What `take` says.
pub(crate) fn read_yaml(reader: impl Read, take: &mut TakeRecord<'_>) -> Result<ReadOutcome, InventoryError> {
    let mut outcome = ReadOutcome::default();
    let mut text = String::new();
    match reader.take(MAX_BYTES + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > MAX_BYTES => outcome.problems.push(format!("larger than {MAX_BYTES} bytes")),
        Ok(_) => {}
        Err(_) => outcome.problems.push("it is no UTF-8 text".to_owned()),
    }
    if !outcome.problems.is_empty() {
        return Ok(outcome);
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_aliases: 1000, max_anchors: 1000, max_nodes: 2_000_000, max_events: 5_000_000, max_documents: 50_000, },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::FirstWins,
    };
    match serde_saphyr::from_multiple_with_options::<Document>(&text, options) {
        Ok(documents) => {
            for Document(value) in documents {
                match value {
                    Value::Array(values) => values.into_iter().try_for_each(|value| take(0, "", Fields(value)))?,
                    value => take(0, "", Fields(value))?,
                }
            }
        }
        // The library's message quotes the input.
        Err(error) => {
            let place = error.location().map_or(String::new(), |place| format!("line {}: ", place.line()));
            outcome.problems.push(format!("{place}it is no YAML, or exceeds a limit on size, depth or aliases"));
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::read_yaml;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut documents = Vec::new();
        let outcome = read_yaml(text.as_bytes(), &mut |_, _, fields| {
            documents.push(fields.0.to_string());
            Ok(())
        });
        (documents, outcome.unwrap().problems)
    }

    #[test]
    fn documents_are_read_without_secrets() {
        let (documents, problems) =
            read("a: &x {n: 1}\nb: *x\npassword: hunter2\n---\n- c: d\n- stringData: {k: hunter2}\n");
        assert_eq!(
            documents,
            [r#"{"a":{"n":1},"b":{"n":1},"password":null}"#, r#"{"c":"d"}"#, r#"{"stringData":{"k":null}}"#]
        );
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn bombs_are_problems() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let list = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        let deep = format!("a: {}x{}", "[".repeat(5000), "]".repeat(5000));
        for text in [bomb, deep, "a: [hunter2".to_owned(), "a: *nowhere".to_owned()] {
            let (documents, problems) = read(&text);
            assert_eq!((documents.len(), problems.len()), (0, 1), "{:.40}", text);
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }
}
