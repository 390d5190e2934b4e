use std::{
    cell::{Cell, RefCell},
    fmt,
    io::{self, BufReader, Read},
};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, error::Category};

use super::{Fields, ReadOutcome, RecordPath, Redacted, Redaction, TakeRecord, path::Step};
use crate::inventory::InventoryError;

/// Most bytes that one record may have.
const MAX_RECORD_BYTES: u64 = 32 << 20;

/// Fields of a page that say that another one follows, if they hold true, text or an object.
const MORE: &[&str] = &[
    "IsTruncated",
    "NextToken",
    "nextToken",
    "nextPageToken",
    "@odata.nextLink",
    "next_cursor",
    "has_more",
    "next_page",
];

/// Reads the records at `paths` out of a document, or of many that follow each other, and hands each over at once:
/// memory is bounded by the largest record. Everything else is passed by unread.
///
/// # Errors
/// What `take` says. Damage of the input is a problem of the outcome; what came before it was handed over.
pub(crate) fn read_json(
    reader: impl Read,
    paths: &[RecordPath],
    redaction: &Redaction<'_>,
    take: &mut TakeRecord<'_>,
) -> Result<ReadOutcome, InventoryError> {
    let budget = Cell::new(MAX_RECORD_BYTES);
    let state = State {
        paths,
        redaction,
        take: RefCell::new(take),
        failed: RefCell::new(None),
        has_more: Cell::new(false),
        budget: &budget,
    };
    let limited = Limited { inner: BufReader::with_capacity(1 << 16, reader), budget: &budget };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 13, limited));
    let mut problems = Vec::new();
    loop {
        let start = paths.iter().enumerate().map(|(index, _)| Spot { path: index, step: 0 }).collect();
        let read = Walk { state: &state, spots: start, key: String::new(), depth: 0 }.deserialize(&mut deserializer);
        if let Err(error) = read {
            if let Some(failed) = state.failed.take() {
                return Err(failed);
            }
            problems.push(describe(&error));
            break;
        }
        if deserializer.end().is_ok() {
            break;
        }
    }
    Ok(ReadOutcome { problems, has_more: state.has_more.get() })
}

/// Says where and what, without a byte of the input, which the library's own message may hold.
pub(super) fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "it ends in the middle of a value: the export was cut off",
        Category::Syntax => "it is no JSON from there on",
        Category::Data => "a record is too large or nested too deeply",
        Category::Io if error.io_error_kind() == Some(io::ErrorKind::FileTooLarge) => "a record is too large",
        Category::Io => "it can't be read any further",
    };
    format!("line {} column {}: {what}", error.line(), error.column())
}

/// Lets through so many bytes, until the budget is renewed.
struct Limited<'b, R> {
    inner: R,
    budget: &'b Cell<u64>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.budget.get().checked_sub(read as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        self.budget.set(left);
        Ok(read)
    }
}

struct State<'s, 'f, 't> {
    paths: &'s [RecordPath],
    redaction: &'s Redaction<'f>,
    take: RefCell<&'s mut TakeRecord<'t>>,
    /// Why `take` refused, while that is on its way out through the deserializer.
    failed: RefCell<Option<InventoryError>>,
    has_more: Cell<bool>,
    budget: &'s Cell<u64>,
}

impl State<'_, '_, '_> {
    fn take<E: serde::de::Error>(&self, path: usize, key: &str, value: Value) -> Result<(), E> {
        self.budget.set(MAX_RECORD_BYTES);
        (self.take.borrow_mut())(path, key, Fields(value)).map_err(|error| {
            *self.failed.borrow_mut() = Some(error);
            E::custom("")
        })
    }
}

/// How far along a path the walk is.
#[derive(Clone, Copy)]
struct Spot {
    path: usize,
    step: usize,
}

struct Walk<'w, 's, 'f, 't> {
    state: &'w State<'s, 'f, 't>,
    spots: Vec<Spot>,
    key: String,
    depth: usize,
}

impl Walk<'_, '_, '_, '_> {
    fn step(&self, spot: &Spot) -> Option<&Step> {
        self.state.paths[spot.path].steps().get(spot.step)
    }

    /// The path that ends here.
    fn ends(&self) -> Option<usize> {
        self.spots.iter().find(|spot| self.step(spot).is_none()).map(|spot| spot.path)
    }

    fn after(&self, goes_on: impl Fn(&Step) -> bool) -> Vec<Spot> {
        let on = self.spots.iter().filter(|spot| self.step(spot).is_some_and(&goes_on));
        on.map(|spot| Spot { path: spot.path, step: spot.step + 1 }).collect()
    }

    fn leads_on(&self) -> bool {
        self.spots.iter().any(|spot| self.step(spot).is_some())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.ends() {
            Some(path) if !self.leads_on() => {
                let nodes = Cell::new(0);
                let value =
                    Redacted::new(self.state.redaction, &nodes).of_field(&self.key).deserialize(deserializer)?;
                self.state.take(path, &self.key, value)
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let spots = self.after(|step| *step == Step::Each);
        if spots.is_empty() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let next = || Walk { state: self.state, spots: spots.clone(), key: self.key.clone(), depth: self.depth + 1 };
        while seq.next_element_seed(next())?.is_some() {
            self.state.budget.set(MAX_RECORD_BYTES);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (nodes, mut rest) = (Cell::new(0), Map::new());
        let whole = self.ends();
        while let Some(name) = map.next_key::<String>()? {
            let spots = self.after(|step| match step {
                Step::Key(key) => *key == name,
                Step::AnyKey => true,
                Step::Each => false,
            });
            if !spots.is_empty() {
                map.next_value_seed(Walk { state: self.state, spots, key: name, depth: self.depth + 1 })?;
            } else if self.depth == 0 && MORE.contains(&name.as_str()) {
                let value = map.next_value::<Value>()?;
                let says_more = matches!(&value, Value::Bool(true) | Value::Object(_) | Value::Number(_))
                    || value.as_str().is_some_and(|text| !text.is_empty());
                self.state.has_more.set(self.state.has_more.get() || says_more);
            } else if whole.is_some() {
                let value = map.next_value_seed(Redacted::new(self.state.redaction, &nodes).of_field(&name))?;
                rest.entry(name).or_insert(value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        match whole {
            Some(path) if !rest.is_empty() => self.state.take(path, &self.key, Value::Object(rest)),
            _ => Ok(()),
        }
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.depth == 0 { Err(E::custom("a document that is null")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{RecordPath, Redaction, read_json};

    fn records(paths: &[&str], text: &str) -> (Vec<String>, super::ReadOutcome) {
        let paths: Vec<_> = paths.iter().map(|path| RecordPath::parse(path)).collect();
        let mut found = Vec::new();
        let outcome = read_json(text.as_bytes(), &paths, &Redaction::new(None), &mut |path, key, fields| {
            found.push(format!("{path}{key}{}", fields.0));
            Ok(())
        });
        (found, outcome.unwrap())
    }

    #[test]
    fn records_are_found_in_pages_streams_and_maps() {
        assert_eq!(records(&["[]"], r#"[{"a":1},{"a":2}] [{"a":3}]"#).0, [r#"0{"a":1}"#, r#"0{"a":2}"#, r#"0{"a":3}"#]);
        assert_eq!(
            records(&["L[]", ""], r#"{"x":{"L":[1]},"L":[{"a":1}]}"#).0,
            [r#"0L{"a":1}"#, r#"1{"x":{"L":[1]}}"#]
        );
        assert_eq!(records(&["d.k.*"], r#"{"d":{"k":{"i":{"n":1},"j":{}}}}"#).0, [r#"0i{"n":1}"#, "0j{}"]);
        assert!(records(&["L[]"], r#"{"L":[],"NextToken":"x"}"#).1.has_more);
        assert!(!records(&["L[]"], r#"{"L":[],"NextToken":"","IsTruncated":false}"#).1.has_more);
    }

    #[test]
    fn what_came_before_the_damage_counts() {
        let (found, outcome) = records(&["[]"], r#"[{"a":1},{"a":"#);
        assert_eq!((found.len(), outcome.problems.len()), (1, 1));
        assert!(outcome.problems[0].contains("cut off"), "{:?}", outcome.problems);
        let (_, outcome) = records(&["[]"], "nonsense-with-a-word");
        assert!(!outcome.problems[0].contains("word"), "{:?}", outcome.problems);
        let deep = "[".repeat(100_000);
        assert_eq!(records(&["[]"], &deep).1.problems.len(), 1);
    }

    #[test]
    fn secrets_are_dropped_wherever_they_stand() {
        let (found, _) =
            records(&["[]"], r#"[{"SecretString":"hunter2","n":{"client_secret":["hunter2"],"password":2}}]"#);
        assert_eq!(found, [r#"0{"SecretString":null,"n":{"client_secret":[null],"password":null}}"#]);
    }
}
