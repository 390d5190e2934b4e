use std::borrow::Cow;

use super::StoreError;

/// A value given to a statement. A missing one has a type, too: PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer.
    Int(Option<i64>),
    /// A floating-point number.
    Real(Option<f64>),
    /// A boolean.
    Bool(Option<bool>),
    /// Text.
    Text(Option<String>),
    /// JSON as text.
    Json(Option<String>),
}

impl Value {
    /// JSON. NUL characters in it become U+FFFD: PostgreSQL has no place for them.
    #[must_use]
    pub fn json(value: &serde_json::Value) -> Value {
        let mut text = value.to_string();
        if text.contains("\\u0000") {
            let mut copy = value.clone();
            replace_nul_everywhere(&mut copy);
            text = copy.to_string();
        }
        Value::Json(Some(text))
    }

    /// JSON, or none.
    #[must_use]
    pub fn json_or_null(value: Option<&serde_json::Value>) -> Value {
        value.map_or(Value::Json(None), Value::json)
    }
}

pub(super) fn without_nul(text: Cow<'_, str>) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.into_owned() }
}

pub(super) fn replace_nul_everywhere(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = without_nul(Cow::Borrowed(text)),
        serde_json::Value::Array(values) => values.iter_mut().for_each(replace_nul_everywhere),
        serde_json::Value::Object(fields) => {
            let renamed = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                replace_nul_everywhere(&mut value);
                (without_nul(Cow::Owned(name)), value)
            });
            *fields = renamed.collect();
        }
        _ => {}
    }
}

macro_rules! values_from {
    ($($type:ty => $variant:ident($convert:expr)),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Value {
                let convert: fn($type) -> _ = $convert;
                Value::$variant(Some(convert(value)))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Value {
                let convert: fn($type) -> _ = $convert;
                Value::$variant(value.map(convert))
            }
        }
    )+};
}

values_from!(
    i64 => Int(|value| value),
    i32 => Int(i64::from),
    u32 => Int(i64::from),
    u8 => Int(i64::from),
    f64 => Real(|value| value),
    bool => Bool(|value| value),
    String => Text(|value| without_nul(Cow::Owned(value))),
    &String => Text(|value| without_nul(Cow::Borrowed(value))),
    &str => Text(|value| without_nul(Cow::Borrowed(value))),
);

/// A value that a statement returned.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// None.
    Null,
    /// An integer; of SQLite a boolean, too.
    Int(i64),
    /// A floating-point number.
    Real(f64),
    /// A boolean.
    Bool(bool),
    /// Text or JSON.
    Text(String),
}

/// A row that a statement returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub(super) Vec<Cell>);

impl Row {
    /// The value in a column, by its place among those selected. `Option` types take a missing value.
    ///
    /// # Errors
    /// If there is no such column, or its value is of another type.
    pub fn get<T: FromCell>(&self, column: usize) -> Result<T, StoreError> {
        let cell = self.0.get(column).ok_or(StoreError::Column { column, reason: "there is no such column" })?;
        T::from_cell(cell).ok_or(StoreError::Column { column, reason: "its value is of another type" })
    }

    /// All values, in order.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.0
    }
}

/// What can be read from a column.
pub trait FromCell: Sized {
    /// The value, or `None` if the cell holds another type.
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Int(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromCell for f64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Real(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromCell for bool {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Bool(value) => Some(*value),
            Cell::Int(value) => Some(*value != 0),
            _ => None,
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl FromCell for serde_json::Value {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(value) => serde_json::from_str(value).ok(),
            _ => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Value;

    #[test]
    fn nul_characters_are_replaced_everywhere() {
        let value = Value::json(&json!({"a\0": ["\0", {"b": "x\0y"}], "c": 1}));
        assert_eq!(value, Value::json(&json!({"a\u{fffd}": ["\u{fffd}", {"b": "x\u{fffd}y"}], "c": 1})));
        assert_eq!(Value::from("a\0b"), Value::Text(Some("a\u{fffd}b".to_owned())));
        // A backslash before it makes it text of six characters.
        assert_eq!(Value::json(&json!("\\u0000")), Value::Json(Some("\"\\\\u0000\"".to_owned())));
    }
}
