//! A JSON value in memory: found out where it ends and where everything in it stands, in one pass and without a copy.
//!
//! `serde_json` says neither at which byte a string began nor does it go on after a mistake. Both are needed here: a
//! finding names its offset, and one bad record must not cost the others.

use std::borrow::Cow;

use super::super::{
    input::lossy,
    near::{first_of, skip_space},
};

/// Deepest nesting. Exports have a dozen levels; what has more is an attack.
pub(in crate::source::export) const MAX_DEPTH: usize = 128;

/// Most nodes of a value: with keys as long as they may be, that many take some 100 MiB once they are told.
const MAX_NODES: usize = 1 << 19;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::export) enum Fault {
    /// The bytes end inside it.
    Incomplete,
    /// It is no JSON at that byte.
    Syntax(usize),
    /// It is nested too deep.
    Depth,
    /// There is too much in it.
    Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    /// Numbers, `true`, `false`, `null`.
    Word,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Of a string, without its quotes.
    start: u32,
    end: u32,
    /// Index of the node after this one and all in it.
    next: u32,
}

/// What has to come next, of what isn't white space. A comma at the end of a list or object is let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    Key,
    Colon,
    /// Or the end of the list or object.
    Comma,
}

/// The nodes of one value; reused from value to value.
#[derive(Debug, Default)]
pub(in crate::source::export) struct Tape {
    nodes: Vec<Node>,
    open: Vec<u32>,
}

impl Tape {
    /// Reads the value at the beginning of `bytes` (which are at most 4 GiB); its length. White space in front of it is
    /// part of it. A number at the very end is complete only if `is_end`.
    pub(in crate::source::export) fn read(&mut self, bytes: &[u8], is_end: bool) -> Result<usize, Fault> {
        self.nodes.clear();
        self.open.clear();
        let (mut at, mut next) = (0, Next::Value);
        loop {
            at = skip_space(bytes, at);
            let byte = *bytes.get(at).ok_or(Fault::Incomplete)?;
            (at, next) = match (byte, next) {
                (b'"', Next::Key) => (self.string(bytes, at)?, Next::Colon),
                (b'"', Next::Value) => (self.string(bytes, at)?, Next::Comma),
                (b':', Next::Colon) => (at + 1, Next::Value),
                (b',', Next::Comma) => (at + 1, if self.is_in(Kind::Object) { Next::Key } else { Next::Value }),
                (b'{', Next::Value) => (self.begin(Kind::Object, at)?, Next::Key),
                (b'[', Next::Value) => (self.begin(Kind::Array, at)?, Next::Value),
                (b'}', Next::Key | Next::Comma) => (self.end(Kind::Object, at)?, Next::Comma),
                (b']', Next::Value | Next::Comma) => (self.end(Kind::Array, at)?, Next::Comma),
                (byte, Next::Value) if is_word(byte) => (self.word(bytes, at, is_end)?, Next::Comma),
                _ => return Err(Fault::Syntax(at)),
            };
            if self.open.is_empty() && !self.nodes.is_empty() {
                return Ok(at);
            }
            if self.nodes.len() > MAX_NODES {
                return Err(Fault::Number);
            }
        }
    }

    fn is_in(&self, kind: Kind) -> bool {
        self.open.last().is_some_and(|index| self.nodes[*index as usize].kind == kind)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { kind, start: start as u32, end: end as u32, next });
    }

    fn begin(&mut self, kind: Kind, at: usize) -> Result<usize, Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::Depth);
        }
        self.open.push(self.nodes.len() as u32);
        self.push(kind, at, at);
        Ok(at + 1)
    }

    fn end(&mut self, kind: Kind, at: usize) -> Result<usize, Fault> {
        if !self.is_in(kind) {
            return Err(Fault::Syntax(at));
        }
        let next = self.nodes.len() as u32;
        if let Some(index) = self.open.pop() {
            let node = &mut self.nodes[index as usize];
            node.end = at as u32 + 1;
            node.next = next;
        }
        Ok(at + 1)
    }

    fn string(&mut self, bytes: &[u8], quote: usize) -> Result<usize, Fault> {
        let (end, is_escaped) = string_end(bytes, quote + 1).ok_or(Fault::Incomplete)?;
        self.push(if is_escaped { Kind::Escaped } else { Kind::Plain }, quote + 1, end);
        Ok(end + 1)
    }

    fn word(&mut self, bytes: &[u8], start: usize, is_end: bool) -> Result<usize, Fault> {
        let length = bytes[start..].iter().take_while(|byte| is_word(**byte)).count();
        let end = start + length;
        if end == bytes.len() && !is_end {
            return Err(Fault::Incomplete);
        }
        if !is_literal(&bytes[start..end]) {
            return Err(Fault::Syntax(start));
        }
        self.push(Kind::Word, start, end);
        Ok(end)
    }

    /// The value that was read last from `bytes`, whose first byte stands at `base`.
    pub(in crate::source::export) fn value<'t>(&'t self, bytes: &'t [u8], base: u64) -> Json<'t> {
        Json { bytes, text: str::from_utf8(bytes).ok(), nodes: &self.nodes, at: 0, base }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Is it a number, or a word that may stand for a value? Some programs write those that JSON has no number for.
fn is_literal(word: &[u8]) -> bool {
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    matches!(word, b"null" | b"true" | b"false" | b"NaN" | b"Infinity" | b"-Infinity") || word.iter().all(is_of_number)
}

/// Where the string whose content begins at `start` has its closing quote, and whether it has escapes.
pub(in crate::source::export) fn string_end(bytes: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut at = start;
    let mut is_escaped = false;
    loop {
        at = first_of([b'"', b'\\', b'\\'], bytes, at)?;
        if bytes[at] == b'"' {
            return Some((at, is_escaped));
        }
        is_escaped = true;
        at += 2;
    }
}

/// Hands out the objects and lists in a text, up to the first that is no JSON. Is there nothing beside them?
///
/// Stricter than [`Tape::read`], which lets pass what does no harm in a file: a text that people wrote only looks like JSON.
pub(in crate::source::export) fn documents(text: &str, base: u64, each: &mut dyn FnMut(Json<'_>)) -> bool {
    let mut tape = Tape::default();
    let (mut at, mut is_all) = (0, true);
    while let Some(start) = text[at..].find(['{', '[']) {
        is_all &= text[at..at + start].trim().is_empty();
        at += start;
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<serde::de::IgnoredAny>();
        let Some(Ok(_)) = values.next() else { return false };
        let document = &text.as_bytes()[at..at + values.byte_offset()];
        if tape.read(document, true).is_err() {
            return false;
        }
        each(tape.value(document, base + at as u64));
        at += document.len();
    }
    is_all && at > 0 && text[at..].trim().is_empty()
}

/// A value of a [`Tape`].
#[derive(Clone, Copy)]
pub(in crate::source::export) struct Json<'t> {
    bytes: &'t [u8],
    /// All of it as text, if it is UTF-8: found out once for all strings.
    text: Option<&'t str>,
    nodes: &'t [Node],
    at: u32,
    base: u64,
}

impl<'t> Json<'t> {
    fn node(&self) -> Node {
        self.nodes[self.at as usize]
    }

    fn kind(&self) -> Kind {
        self.node().kind
    }

    fn with(&self, at: u32) -> Json<'t> {
        Json { at, ..*self }
    }

    /// Offset of its first byte (of a string, after the quote) in the file.
    pub(in crate::source::export) fn offset(&self) -> u64 {
        self.base + u64::from(self.node().start)
    }

    /// Its bytes as stored (of a string, without quotes).
    pub(in crate::source::export) fn stored(&self) -> &'t [u8] {
        let node = self.node();
        &self.bytes[node.start as usize..node.end as usize]
    }

    /// Its bytes as stored, as text.
    fn stored_text(&self) -> Cow<'t, str> {
        let node = self.node();
        match self.text.and_then(|text| text.get(node.start as usize..node.end as usize)) {
            Some(text) => Cow::Borrowed(text),
            None => lossy(self.stored()),
        }
    }

    /// Is it an object?
    pub(in crate::source::export) fn is_object(&self) -> bool {
        self.kind() == Kind::Object
    }

    /// Is it an array?
    pub(in crate::source::export) fn is_array(&self) -> bool {
        self.kind() == Kind::Array
    }

    /// The elements of an array; of anything else none.
    pub(in crate::source::export) fn elements(&self) -> impl Iterator<Item = Json<'t>> + use<'t> {
        let this = *self;
        let end = if self.is_array() { self.node().next } else { self.at };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let element = (at < end).then(|| this.with(at))?;
            at = element.node().next;
            Some(element)
        })
    }

    /// Keys and values of an object; of anything else none. A key twice comes twice.
    pub(in crate::source::export) fn entries(&self) -> impl Iterator<Item = (Json<'t>, Json<'t>)> + use<'t> {
        let this = *self;
        let end = if self.is_object() { self.node().next } else { self.at };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let key = (at < end).then(|| this.with(at))?;
            let value_at = key.node().next;
            let value = (value_at < end).then(|| this.with(value_at))?;
            at = value.node().next;
            Some((key, value))
        })
    }

    /// The value of that key of an object.
    pub(in crate::source::export) fn get(&self, key: &str) -> Option<Json<'t>> {
        let object = self.node();
        if object.kind != Kind::Object {
            return None;
        }
        let mut at = self.at + 1;
        while at < object.next {
            let name = self.nodes[at as usize];
            let value = name.next;
            // Of most keys their length tells that they are others.
            let may_be = name.kind != Kind::Plain || (name.end - name.start) as usize == key.len();
            if value < object.next && may_be && self.with(at).is(key) {
                return Some(self.with(value));
            }
            at = self.nodes.get(value as usize).map_or(object.next, |value| value.next);
        }
        None
    }

    /// The value at the end of a path of keys.
    pub(in crate::source::export) fn path(&self, keys: &[&str]) -> Option<Json<'t>> {
        keys.iter().try_fold(*self, |value, key| value.get(key))
    }

    /// Is it this string?
    pub(in crate::source::export) fn is(&self, text: &str) -> bool {
        match self.kind() {
            Kind::Plain => self.stored() == text.as_bytes(),
            Kind::Escaped => self.text().is_some_and(|own| own == text),
            _ => false,
        }
    }

    /// A string, decoded; what is not UTF-8 in it is replaced.
    pub(in crate::source::export) fn text(&self) -> Option<Cow<'t, str>> {
        match self.kind() {
            Kind::Plain => Some(self.stored_text()),
            Kind::Escaped => Some(Cow::Owned(unescape(&self.stored_text()))),
            _ => None,
        }
    }

    /// A string or number as text, if it isn't empty: what an id may be.
    pub(in crate::source::export) fn id(&self) -> Option<String> {
        let text = match self.kind() {
            Kind::Word => self.stored_text(),
            _ => self.text()?,
        };
        (!text.is_empty() && text != "null").then(|| text.into_owned())
    }

    /// The text of that key, if it has one that isn't empty.
    pub(in crate::source::export) fn text_of(&self, key: &str) -> Option<String> {
        self.get(key)?.id()
    }

    /// Is it a string?
    pub(in crate::source::export) fn is_text(&self) -> bool {
        matches!(self.kind(), Kind::Plain | Kind::Escaped)
    }

    /// Is it `true`?
    pub(in crate::source::export) fn is_true(&self) -> bool {
        self.kind() == Kind::Word && self.stored() == b"true"
    }

    /// Is there something: not `null`, not an empty text, list or object?
    pub(in crate::source::export) fn is_some(&self) -> bool {
        match self.kind() {
            Kind::Word => self.stored() != b"null",
            Kind::Plain | Kind::Escaped => !self.stored().is_empty(),
            Kind::Array | Kind::Object => self.node().next > self.at + 1,
        }
    }
}

/// A JSON string's content with its escapes resolved. What is no escape stays as it is; half a surrogate pair is replaced.
fn unescape(stored: &str) -> String {
    let mut out = String::with_capacity(stored.len());
    let mut rest = stored;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(character) = rest.chars().next() else { break };
        rest = &rest[character.len_utf8()..];
        match character {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => {
                let (character, used) = unicode(rest.as_bytes());
                out.push(character);
                rest = &rest[used..];
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

/// The character of `XXXX` or `XXXX\uXXXX`, and the bytes that it takes.
fn unicode(rest: &[u8]) -> (char, usize) {
    let Some(first) = hex(rest) else { return (char::REPLACEMENT_CHARACTER, 0) };
    if let Some(character) = char::from_u32(first) {
        return (character, 4);
    }
    let second = rest.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(hex);
    match second.filter(|low| (0xdc00..0xe000).contains(low) && first < 0xdc00) {
        Some(low) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
        }
        None => (char::REPLACEMENT_CHARACTER, 4),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::Value;

    use super::{Fault, Json, Tape};

    fn to_value(json: Json<'_>) -> Value {
        if json.is_object() {
            return Value::Object(
                json.entries().map(|(key, value)| (key.text().unwrap().into_owned(), to_value(value))).collect(),
            );
        }
        if json.is_array() {
            return Value::Array(json.elements().map(to_value).collect());
        }
        match json.text() {
            Some(text) => Value::String(text.into_owned()),
            None => serde_json::from_slice(json.stored()).unwrap(),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(Value::Array),
                vec((".{0,5}", inner), 0..5).prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde(value in any_value(), cut in 0.0..1.0f64) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let mut tape = Tape::default();
            assert_eq!(tape.read(text.as_bytes(), true), Ok(text.len()));
            assert_eq!(to_value(tape.value(text.as_bytes(), 0)), value);
            let cut = (text.len() as f64 * cut) as usize;
            let part = &text.as_bytes()[..cut];
            let is_container = value.is_object() || value.is_array() || value.is_string();
            if is_container {
                assert_eq!(tape.read(part, false), Err(Fault::Incomplete));
            }
        }

        #[test]
        fn survives_anything(bytes in vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'[')], 0..60)) {
            let mut tape = Tape::default();
            if let Ok(length) = tape.read(&bytes, true) {
                assert!(length <= bytes.len());
                let value = tape.value(&bytes, 0);
                let _ = (value.get("a"), value.text(), value.id(), value.elements().count());
            }
        }
    }

    #[test]
    fn escapes_as_exports_write_them() {
        let text = r#"{"a":"https:\/\/x.y\/z","b":"\u003Cb\u003E \ud83d\ude00 \ud83d","c":null}"#;
        let mut tape = Tape::default();
        tape.read(text.as_bytes(), true).unwrap();
        let value = tape.value(text.as_bytes(), 100);
        assert_eq!(value.text_of("a").as_deref(), Some("https://x.y/z"));
        assert_eq!(value.text_of("b").as_deref(), Some("<b> \u{1f600} \u{fffd}"));
        assert_eq!(value.text_of("c"), None);
        assert_eq!(value.get("a").unwrap().offset(), 106);
    }

    #[test]
    fn what_stands_where_nothing_may_is_no_json() {
        let read = |text: &str| Tape::default().read(text.as_bytes(), true);
        for text in [
            r#"{"a":1,V"b":2}"#,
            r#"{"a":V"b"}"#,
            r#"{"a":"b"V}"#,
            r#"{"a"V:"b"}"#,
            r#"{"a":1"b":2}"#,
            r#"{"a" "b"}"#,
            r#"{"a":}"#,
            r#"{"a"}"#,
            r#"{"a":]"b"}"#,
            r#"{{"a":1}}"#,
            r#"{"a":glpat-1}"#,
            r#"["a":1]"#,
            r#"["a" "b"]"#,
            r#"["a",,"b"]"#,
        ] {
            assert!(matches!(read(text), Err(Fault::Syntax(_))), "{text}: {:?}", read(text));
        }
        for text in [r#"{"a":[1,-2.5e+3,],"b":{},}"#, r#"[NaN,-Infinity,null,true,false,[],""]"#] {
            assert_eq!(read(text), Ok(text.len()), "{text}");
        }
    }

    #[test]
    fn depth_bombs_are_refused() {
        let mut tape = Tape::default();
        assert_eq!(tape.read(&vec![b'['; 1 << 20], true), Err(Fault::Depth));
    }
}
