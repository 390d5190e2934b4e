use serde_json::Value;

use super::StoreError;

/// JSON in the one form that RFC 8785 (JCS) gives it: names sorted by their UTF-16 code units, no white space, the shortest
/// escapes. Of numbers only integers that a double holds exactly: nothing that is logged needs another.
///
/// # Errors
/// [`StoreError::NotCanonical`] for any other number.
pub fn canonical_json(value: &Value) -> Result<String, StoreError> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

/// Largest integer up to which a double holds every one.
const MAX_INTEGER: i64 = (1 << 53) - 1;

fn write(value: &Value, out: &mut String) -> Result<(), StoreError> {
    match value {
        Value::Number(number) => {
            let integer = number.as_i64().filter(|integer| (-MAX_INTEGER..=MAX_INTEGER).contains(integer));
            let integer = integer.ok_or(StoreError::NotCanonical("a number is no integer of 53 bits"))?;
            out.push_str(&integer.to_string());
        }
        // serde_json escapes text as RFC 8785 asks: control characters only, by their short form where there is one.
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical_json;

    #[test]
    fn names_are_sorted_by_utf16_and_text_is_escaped_shortly() {
        // By UTF-16 an emoji (a surrogate pair from U+D83D) stands before U+FB33; by UTF-8 it would stand after.
        let value =
            json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": [true, null, -5], "a": {"z": "\u{8}\n\"\\\u{7f}\u{1b}/é"}});
        let expected =
            "{\"a\":{\"z\":\"\\b\\n\\\"\\\\\u{7f}\\u001b/é\"},\"b\":[true,null,-5],\"\u{1f600}\":2,\"\u{fb33}\":1}";
        assert_eq!(canonical_json(&value).unwrap(), expected);
    }

    #[test]
    fn numbers_that_round_are_refused() {
        for number in [json!(0.5), json!(1_u64 << 53), json!(-(1_i64 << 53)), json!(u64::MAX)] {
            assert!(canonical_json(&json!([number])).is_err(), "{number}");
        }
        assert_eq!(canonical_json(&json!((1_i64 << 53) - 1)).unwrap(), "9007199254740991");
    }
}
