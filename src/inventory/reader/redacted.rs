use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use super::{fields::FINGERPRINTS, secret_fields::is_secret_field};
use crate::{fingerprint::Fingerprinter, model::Secret};

/// What a reader does about secrets, and how many it met.
pub(crate) struct Redaction<'f> {
    /// Makes the fingerprints that take a secret's place; without it nothing does.
    pub(crate) fingerprinter: Option<&'f dyn Fingerprinter>,
    /// Further fields that hold secrets, or objects of secrets, in this kind of export.
    pub(crate) fields: &'static [&'static str],
    /// Fields that are no secrets in this kind of export, whatever they are called.
    pub(crate) public: &'static [&'static str],
    /// Secret values met and dropped.
    pub(crate) dropped: Cell<u64>,
}

impl<'f> Redaction<'f> {
    pub(crate) fn new(fingerprinter: Option<&'f dyn Fingerprinter>) -> Redaction<'f> {
        Redaction { fingerprinter, fields: &[], public: &[], dropped: Cell::new(0) }
    }

    /// Does this field hold a secret? Keys that mark fingerprints of ours have no business in an export.
    pub(super) fn holds_secret(&self, name: &str) -> bool {
        let stands_in = |list: &[&str]| list.iter().any(|field| field.eq_ignore_ascii_case(name));
        name == FINGERPRINTS || stands_in(self.fields) || (is_secret_field(name) && !stands_in(self.public))
    }

    /// What takes the place of a secret.
    pub(super) fn replace(&self, secret: &[u8]) -> Value {
        if secret.is_empty() {
            return Value::Null;
        }
        self.dropped.set(self.dropped.get() + 1);
        let Some(fingerprinter) = self.fingerprinter else { return Value::Null };
        let fingerprints = fingerprinter.fingerprints(&Secret::new(secret));
        let list = fingerprints.iter().map(|fp| Value::String(fp.to_string())).collect();
        Value::Object(Map::from_iter([(FINGERPRINTS.to_owned(), Value::Array(list))]))
    }
}

/// Most values in one record: far beyond any real one, far below what fills a memory.
const MAX_NODES: u32 = 200_000;

/// Reads any value, without its secrets.
pub(crate) struct Redacted<'r, 'f> {
    redaction: &'r Redaction<'f>,
    is_secret: bool,
    nodes: &'r Cell<u32>,
}

impl<'r, 'f> Redacted<'r, 'f> {
    /// A reader of one record. `nodes` counts its values and is to start at 0.
    pub(crate) fn new(redaction: &'r Redaction<'f>, nodes: &'r Cell<u32>) -> Redacted<'r, 'f> {
        Redacted { redaction, is_secret: false, nodes }
    }

    pub(super) fn of_field(&self, name: &str) -> Redacted<'r, 'f> {
        let is_secret = self.is_secret || self.redaction.holds_secret(name);
        Redacted { redaction: self.redaction, is_secret, nodes: self.nodes }
    }

    fn text(&self, text: &str) -> Value {
        if self.is_secret { self.redaction.replace(text.as_bytes()) } else { Value::String(text.to_owned()) }
    }

    fn count<E: Error>(&self) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES { Err(E::custom("a record with too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Redacted<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Redacted<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(self.text(text))
    }

    fn visit_string<E: Error>(self, mut text: String) -> Result<Value, E> {
        if !self.is_secret {
            return Ok(Value::String(text));
        }
        let value = self.text(&text);
        text.zeroize();
        Ok(value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    // A number in a secret's place may be a PIN.
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(if self.is_secret { self.redaction.replace(value.to_string().as_bytes()) } else { value.into() })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(if self.is_secret { self.redaction.replace(value.to_string().as_bytes()) } else { value.into() })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(if self.is_secret { Value::Null } else { value.into() })
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) =
            seq.next_element_seed(Redacted { redaction: self.redaction, is_secret: self.is_secret, nodes: self.nodes })?
        {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == FINGERPRINTS {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(self.of_field(&name))?;
            // Later fields of equal name lose: a second `Arn` must not undo what the first said.
            fields.entry(name).or_insert(value);
        }
        Ok(Value::Object(fields))
    }
}
