use serde_json::Value;

use crate::model::identity::{CredentialFp, Extra, Timestamp};

/// Key under which fingerprints stand where a secret stood. Readers drop it from input.
pub(super) const FINGERPRINTS: &str = "\u{1}fingerprints";

/// Words by which exports say that they have no value.
const NULLS: &[&str] =
    &["", "N/A", "n/a", "not_supported", "no_information", "null", "NULL", "None", "<nil>", "-", "undefined"];

/// Longest text that is taken from an export into the inventory, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// One record of an export, read by field names.
///
/// A name with dots leads into objects; where an object has the whole name as a key (`kubernetes.io/name`), that wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) Value);

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        find(&self.0, name).filter(|value| !value.is_null())
    }

    /// The first of several names that has a text. Numbers and booleans count as such.
    pub(crate) fn any(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// Text, trimmed and cut to 4 KiB. Words that mean "nothing" are none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(plain)
    }

    /// Text, or nothing at all: for ids that make no sense without.
    pub(crate) fn str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !NULLS.contains(text))
    }

    /// A time: text in any notation that [`Timestamp::parse`] knows, or seconds (from a billion times a thousand up:
    /// milliseconds) since 1970.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        match self.get(name)? {
            Value::Number(number) => from_epoch(number.as_f64()?),
            Value::String(text) => {
                let text = text.trim();
                let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                if is_number { from_epoch(text.parse().ok()?) } else { Timestamp::parse(text) }
            }
            _ => None,
        }
    }

    /// A flag: a boolean, or such a word.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "t" | "1" | "on" => Some(true),
                "false" | "no" | "f" | "0" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Elements of an array as fields; an object counts as an array of one.
    pub(crate) fn each(&self, name: &str) -> Vec<Fields> {
        match self.get(name) {
            Some(Value::Array(values)) => values.iter().cloned().map(Fields).collect(),
            Some(value @ Value::Object(_)) => vec![Fields(value.clone())],
            _ => Vec::new(),
        }
    }

    /// Texts of an array, or of a text separated by commas or spaces.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(values)) => values.iter().filter_map(plain).collect(),
            Some(Value::String(text)) => {
                text.split([',', ' ', ';']).map(str::trim).filter(|word| !NULLS.contains(word)).map(cut).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Texts of an object (labels), or of an array of `Key`/`Value` pairs (tags of AWS).
    pub(crate) fn labels(&self, name: &str) -> Extra {
        match self.get(name) {
            Some(Value::Object(fields)) => {
                fields.iter().filter_map(|(key, value)| Some((cut(key), plain(value)?))).collect()
            }
            Some(Value::Array(_)) => {
                let pairs = self.each(name).into_iter();
                pairs.filter_map(|pair| Some((pair.any(&["Key", "key"])?, pair.any(&["Value", "value"])?))).collect()
            }
            _ => Extra::new(),
        }
    }

    /// The entries of an object, as fields.
    pub(crate) fn entries(&self, name: &str) -> Vec<(String, Fields)> {
        match self.get(name) {
            Some(Value::Object(fields)) => {
                fields.iter().map(|(key, value)| (cut(key), Fields(value.clone()))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Fingerprints that stand where a secret stood; all of an object of secrets.
    pub(crate) fn fingerprints(&self, name: &str) -> Vec<CredentialFp> {
        let mut found = Vec::new();
        if let Some(value) = self.get(name) {
            collect_fingerprints(value, &mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    /// Picks public fields by name into a map for people to read.
    pub(crate) fn pick(&self, names: &[&str]) -> Extra {
        names.iter().filter_map(|name| Some(((*name).to_owned(), self.text(name)?))).collect()
    }
}

fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let fields = value.as_object()?;
    if let Some(value) = fields.get(name) {
        return Some(value);
    }
    // Whichever dot leads somewhere: keys may have dots of their own.
    name.match_indices('.').find_map(|(at, _)| find(fields.get(&name[..at])?, &name[at + 1..]))
}

fn collect_fingerprints(value: &Value, found: &mut Vec<CredentialFp>) {
    match value {
        Value::Object(fields) => match fields.get(FINGERPRINTS) {
            Some(Value::Array(list)) => {
                found.extend(list.iter().filter_map(|fp| CredentialFp::parse(fp.as_str()?)));
            }
            _ => fields.values().for_each(|value| collect_fingerprints(value, found)),
        },
        Value::Array(values) => values.iter().for_each(|value| collect_fingerprints(value, found)),
        _ => {}
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            (!NULLS.contains(&text)).then(|| cut(text))
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// At most so much of a text: a description of a megabyte helps nobody. Zero bytes have no place in a database's text.
fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', "")
}

#[allow(clippy::cast_possible_truncation, reason = "checked against the years that there are")]
fn from_epoch(number: f64) -> Option<Timestamp> {
    let seconds = if number.abs() >= 1e11 { number / 1000.0 } else { number };
    (seconds.is_finite() && seconds > 0.0).then(|| Timestamp::from_seconds(seconds as i64))?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Fields;

    #[test]
    fn fields_are_found_and_nulls_are_none() {
        let fields = Fields(json!({
            "a": { "b": " x ", "c.d/e": 1 }, "none": "no_information", "when": "2024-05-02T13:37:00Z", "epoch": 1714657020,
            "millis": 1714657020000_i64, "tags": [{ "Key": "team", "Value": "pay" }], "labels": { "app": "billing" },
        }));
        assert_eq!(fields.text("a.b").as_deref(), Some("x"));
        assert_eq!(fields.text("a.c.d/e").as_deref(), Some("1"));
        assert_eq!((fields.text("none"), fields.time("none")), (None, None));
        assert_eq!(fields.time("when"), fields.time("epoch"));
        assert_eq!(fields.time("millis"), fields.time("epoch"));
        assert_eq!(fields.labels("tags").get("team").map(String::as_str), Some("pay"));
        assert_eq!(fields.labels("labels").get("app").map(String::as_str), Some("billing"));
    }
}
