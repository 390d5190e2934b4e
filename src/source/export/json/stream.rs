//! Values out of a file of any size: a document, lines of them, or one after the other.

use super::{
    super::{input::Input, near::skip_space, sink::Why},
    tape::{Fault, Json, MAX_DEPTH, Tape, string_end},
};

/// Largest value that is held in memory. One beyond it is not read as a record; its bytes are scanned as they are.
const MAX_VALUE: usize = 16 << 20;

/// Bytes that are handed over at once of what is no value, cut within the last of them.
const PIECE: usize = 1 << 20;
const MAX_CUT: usize = 64 << 10;

/// Where a value stands: the keys and lists above it.
pub(in crate::source::export) type Path = [Step];

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source::export) enum Step {
    /// Into the value of a key.
    Key(String),
    /// Into an element of a list.
    Item,
}

/// What a file of JSON has.
pub(in crate::source::export) enum JsonEvent<'e> {
    /// A value that was not entered.
    Value {
        /// Where it stands; empty at the top.
        path: &'e Path,
        /// The value.
        json: Json<'e>,
        /// Its bytes.
        bytes: &'e [u8],
        /// Its line in the file.
        line: u64,
    },
    /// A list or object that was entered. What is not told of it before its end is forgotten at it.
    Enter {
        /// Where it stands.
        path: &'e Path,
    },
    /// The end of it.
    Leave {
        /// Where it stood.
        path: &'e Path,
    },
    /// Bytes that are no value, with the reason.
    Broken {
        /// They are to be scanned as they are.
        bytes: &'e [u8],
        /// Offset of the first of them in the file.
        offset: u64,
        /// Why, in words; `None` if that was said for bytes before them.
        why: Option<Why>,
    },
}

/// What is to be done with a list or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::export) enum Descend {
    /// Tell its elements one by one.
    Enter,
    /// Tell it as a whole.
    Whole,
}

/// Reads all of a file. `descend` is asked at the beginning of each list (`true`) or object (`false`).
///
/// A mistake costs the value it is in, never the others: a line of JSON lines, an element of a list.
pub(in crate::source::export) fn read_json(
    input: &mut Input<'_>,
    descend: &dyn Fn(&Path, bool) -> Descend,
    each: &mut dyn FnMut(JsonEvent<'_>),
) {
    input.decode_text();
    Stream { input, tape: Tape::default(), path: Vec::new(), open: Vec::new(), descend, each }.run();
}

struct Stream<'s, 'r> {
    input: &'s mut Input<'r>,
    tape: Tape,
    path: Vec<Step>,
    /// Of each list or object that is entered: is it a list?
    open: Vec<bool>,
    descend: &'s dyn Fn(&Path, bool) -> Descend,
    each: &'s mut dyn FnMut(JsonEvent<'_>),
}

impl Stream<'_, '_> {
    fn run(&mut self) {
        while let Some(byte) = self.next_byte() {
            match byte {
                b',' | b':' => self.input.consume(1),
                b'}' | b']' => self.close(byte),
                _ => self.key_and_value(byte),
            }
        }
        if !self.open.is_empty() {
            let why = Some(Why::Malformed("the file ends in the middle of a list or object"));
            (self.each)(JsonEvent::Broken { bytes: b"", offset: self.input.offset(), why });
            while !self.open.is_empty() {
                self.leave();
            }
        }
    }

    /// The next byte that isn't white space.
    fn next_byte(&mut self) -> Option<u8> {
        loop {
            let window = self.input.window();
            let space = skip_space(window, 0);
            let byte = window.get(space).copied();
            self.input.consume(space);
            if byte.is_some() || !self.input.more() {
                return byte;
            }
        }
    }

    /// A bracket of the other kind is passed over: taken for the end, it would make what follows something else.
    fn close(&mut self, byte: u8) {
        self.input.consume(1);
        if self.open.last() == Some(&(byte == b']')) {
            return self.leave();
        }
        let why = Some(Why::Malformed("a bracket that closes nothing"));
        (self.each)(JsonEvent::Broken { bytes: b"", offset: self.input.offset(), why });
    }

    fn leave(&mut self) {
        let is_list = self.open.pop();
        // The path of a list or object is the way to it, without the step into it.
        if is_list == Some(true) {
            self.path.pop();
        }
        (self.each)(JsonEvent::Leave { path: &self.path });
        self.step_back();
    }

    /// After a value: its key is no part of the path of the next.
    fn step_back(&mut self) {
        if self.open.last() == Some(&false) {
            self.path.pop();
        }
    }

    fn key_and_value(&mut self, byte: u8) {
        if self.open.last() == Some(&false) && !self.key() {
            return;
        }
        let byte = match self.open.last() {
            Some(false) => self.next_byte(),
            _ => Some(byte),
        };
        // A key without a value, or the end.
        let Some(byte) = byte.filter(|byte| !matches!(byte, b',' | b'}' | b']')) else {
            return self.lone_key();
        };
        let is_list = byte == b'[';
        let may_enter = (is_list || byte == b'{') && self.open.len() < MAX_DEPTH;
        if may_enter && (self.descend)(&self.path, is_list) == Descend::Enter {
            self.input.consume(1);
            (self.each)(JsonEvent::Enter { path: &self.path });
            self.open.push(is_list);
            if is_list {
                self.path.push(Step::Item);
            }
            return;
        }
        self.value();
        self.step_back();
    }

    /// Reads `"key":` of an entered object. What else stands where a key should is no value of it.
    fn key(&mut self) -> bool {
        let length = match self.whole() {
            Ok(length) => length,
            Err(fault) => {
                self.broken(fault);
                return false;
            }
        };
        let (bytes, offset) = (&self.input.window()[..length], self.input.offset());
        let key = self.tape.value(bytes, 0).text().map(std::borrow::Cow::into_owned);
        let Some(key) = key else {
            let why = Some(Why::Malformed("what stands where a key should, scanned as plain text"));
            (self.each)(JsonEvent::Broken { bytes, offset, why });
            self.input.consume(length);
            return false;
        };
        self.input.consume(length);
        self.path.push(Step::Key(key));
        if self.next_byte() == Some(b':') {
            self.input.consume(1);
        }
        true
    }

    /// A key that has no value may be a text that lost its own.
    fn lone_key(&mut self) {
        if let Some(Step::Key(key)) = self.path.last() {
            let why = Some(Why::Malformed("a key without a value, scanned as plain text"));
            (self.each)(JsonEvent::Broken { bytes: key.as_bytes(), offset: self.input.offset(), why });
        }
        self.step_back();
    }

    /// The value at the window's beginning, wholly in the window.
    fn whole(&mut self) -> Result<usize, Fault> {
        loop {
            match self.tape.read(self.input.window(), self.input.is_ended()) {
                Err(Fault::Incomplete) if self.input.window().len() < MAX_VALUE && self.double() => {}
                other => return other,
            }
        }
    }

    /// Doubles the window, so that a value is looked at a few times only, however long it is; `false` at the end.
    fn double(&mut self) -> bool {
        if self.input.is_ended() {
            return false;
        }
        let wanted = (self.input.window().len() * 2).min(MAX_VALUE);
        while self.input.window().len() < wanted && self.input.more() {}
        // Even if nothing came, the end itself is news: a number may end there.
        true
    }

    fn value(&mut self) {
        match self.whole() {
            Ok(length) => {
                let bytes = &self.input.window()[..length];
                let json = self.tape.value(bytes, self.input.offset());
                (self.each)(JsonEvent::Value { path: &self.path, json, bytes, line: self.input.line() });
                self.input.consume(length);
            }
            Err(fault) => self.broken(fault),
        }
    }

    /// Finds the end of what is no value, and hands it over as it is.
    fn broken(&mut self, fault: Fault) {
        let mut why = Some(match fault {
            Fault::Incomplete if self.input.is_ended() => Why::Malformed("the file ends in the middle of a record"),
            Fault::Incomplete => Why::Limit("a record of more than 16 MiB, scanned as plain text"),
            Fault::Syntax(_) => Why::Malformed("a record that is no JSON, scanned as plain text"),
            Fault::Depth => Why::Malformed("a record nested too deep, scanned as plain text"),
            Fault::Number => Why::Limit("a record of more than half a million values, scanned as plain text"),
        });
        let mut balance = Balance::default();
        loop {
            self.input.peek(PIECE);
            let window = piece(self.input.window(), self.input.is_ended());
            let (length, is_done) = balance.end(window, self.open.is_empty());
            let length = length.max(usize::from(is_done)).min(window.len());
            let bytes = &window[..length];
            (self.each)(JsonEvent::Broken { bytes, offset: self.input.offset(), why: why.take() });
            self.input.consume(length);
            if is_done || (self.input.window().is_empty() && !self.input.more()) {
                return;
            }
        }
    }
}

/// As much of a window as can be handed over without a word being cut in two.
fn piece(window: &[u8], is_ended: bool) -> &[u8] {
    if is_ended {
        return window;
    }
    let tail = window.len().saturating_sub(MAX_CUT);
    let may_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']');
    let end = window[tail..].iter().rposition(may_end).map_or(window.len(), |at| tail + at + 1);
    &window[..end]
}

/// Where a broken value ends: at the line's end between lines of JSON, elsewhere behind its last bracket. Should that be
/// missing, before an object that stands where an object has a key.
#[derive(Default)]
struct Balance {
    depth: u64,
    is_in_string: bool,
    is_escaped: bool,
    /// The value's first bracket.
    opening: u8,
    /// Is the last thing that was seen a comma in it?
    is_behind_comma: bool,
}

impl Balance {
    /// How many bytes belong to the value, and whether it ends there.
    fn end(&mut self, bytes: &[u8], is_line: bool) -> (usize, bool) {
        if is_line {
            return match memchr::memchr(b'\n', bytes) {
                Some(at) => (at + 1, true),
                None => (bytes.len(), false),
            };
        }
        let mut at = 0;
        while at < bytes.len() {
            if self.is_in_string {
                match self.string(bytes, at) {
                    Some(after) => at = after,
                    None => return (bytes.len(), false),
                }
                continue;
            }
            let byte = bytes[at];
            match byte {
                b'"' => self.is_in_string = true,
                b'{' if self.depth == 1 && self.opening == b'{' && self.is_behind_comma => return (at, true),
                b'{' | b'[' => {
                    if self.depth == 0 {
                        self.opening = byte;
                    }
                    self.depth += 1;
                }
                b'}' | b']' if self.depth == 0 => return (at, true),
                b'}' | b']' if self.depth == 1 && byte == self.opening + 2 => return (at + 1, true),
                // One of the other kind at its outermost is a mistake in it, as often as not the only one.
                b'}' | b']' => self.depth = (self.depth - 1).max(1),
                b',' if self.depth == 0 => return (at, true),
                _ => {}
            }
            if !byte.is_ascii_whitespace() {
                self.is_behind_comma = byte == b',';
            }
            at += 1;
        }
        (bytes.len(), false)
    }

    /// Where the string goes out, if it does.
    fn string(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let from = at + usize::from(std::mem::take(&mut self.is_escaped));
        match bytes.get(from..).and_then(|_| string_end(bytes, from)) {
            Some((end, _)) => {
                self.is_in_string = false;
                Some(end + 1)
            }
            None => {
                let slashes = bytes.iter().rev().take_while(|byte| **byte == b'\\').count();
                self.is_escaped = slashes % 2 == 1;
                None
            }
        }
    }
}

/// The list at the top of a document is told element by element, as are lists in it: pages that a program put into one.
/// Everything else is told as a whole.
pub(in crate::source::export) fn top_list(path: &Path, is_list: bool) -> Descend {
    let is_at_top = is_list && matches!(path, [] | [Step::Item]);
    if is_at_top { Descend::Enter } else { Descend::Whole }
}

/// The path in a page that may be one of a list of pages.
pub(in crate::source::export) fn in_page(path: &Path) -> &Path {
    path.strip_prefix(&[Step::Item]).unwrap_or(path)
}

/// Does a document begin as a page that has one of these lists, or a list of such pages, not as a record that has keys of its
/// `own` before?
pub(in crate::source::export) fn is_page(head: &[u8], lists: &[&str], own: &[&str]) -> bool {
    let head = head.trim_ascii_start();
    let head = head.strip_prefix(b"[").unwrap_or(head).trim_ascii_start();
    let at = |key: &&str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes());
    let (list, own) = (lists.iter().filter_map(at).min(), own.iter().filter_map(at).min());
    head.starts_with(b"{") && list.is_some_and(|list| own.is_none_or(|own| list < own))
}

/// Is it the path of an element of a list, not of the value of a key?
pub(in crate::source::export) fn is_element(path: &Path) -> bool {
    path.last() == Some(&Step::Item)
}

/// The keys on the way, without the lists: `["chats", "list", "messages"]`.
pub(in crate::source::export) fn keys(path: &Path) -> impl Iterator<Item = &str> {
    path.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Item => None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::{Descend, JsonEvent, Step, is_page, keys, read_json, top_list};
    use crate::source::export::input::Input;

    /// Values (with their keys) and the bytes that were none.
    fn read(text: &str, enter: &[&[&str]]) -> (Vec<String>, Vec<String>) {
        let interrupt = AtomicBool::new(false);
        let mut input = Input::new(Box::new(text.as_bytes()), &interrupt);
        let (mut values, mut broken) = (Vec::new(), Vec::new());
        let descend = |path: &[Step], is_list: bool| {
            let here: Vec<&str> = keys(path).collect();
            let is_wanted = if enter.is_empty() { is_list && path.is_empty() } else { enter.contains(&&here[..]) };
            if is_wanted { Descend::Enter } else { Descend::Whole }
        };
        read_json(&mut input, &descend, &mut |event| match event {
            JsonEvent::Value { path, bytes, json, .. } => {
                let keys: Vec<&str> = keys(path).collect();
                assert_eq!(&text.as_bytes()[json.offset() as usize..][..1], &json.stored()[..1]);
                values.push(format!("{}={}", keys.join("."), String::from_utf8_lossy(bytes)));
            }
            JsonEvent::Broken { bytes, why, .. } => {
                broken.push(format!("{why:?}:{}", String::from_utf8_lossy(bytes)));
            }
            JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
        });
        (values, broken)
    }

    #[test]
    fn lists_lines_and_one_after_the_other() {
        assert_eq!(read("[{\"a\":1}, {\"b\":[2]} ]", &[]).0, ["={\"a\":1}", "={\"b\":[2]}"]);
        assert_eq!(read("{\"a\":1}\n{\"b\":2}\n", &[]).0, ["={\"a\":1}", "={\"b\":2}"]);
        assert_eq!(read("{\"a\":1}{\"b\":2}7", &[]).0, ["={\"a\":1}", "={\"b\":2}", "=7"]);
        assert_eq!(read("[[1],[2]]", &[]).0, ["=[1]", "=[2]"]);
    }

    #[test]
    fn lists_in_the_list_at_the_top_are_entered() {
        let path = [Step::Item, Step::Item];
        let enter = |depth: usize, is_list| top_list(&path[..depth], is_list);
        assert_eq!([enter(0, true), enter(1, true)], [Descend::Enter; 2]);
        assert_eq!([enter(2, true), enter(0, false), enter(1, false)], [Descend::Whole; 3]);
        let is_page = |head: &str| is_page(head.as_bytes(), &["issues"], &["fields"]);
        assert!(is_page(r#"{"issues":[{"fields""#) && is_page(r#" [ {"issues":[{"fields""#));
        assert!(!is_page(r#"[{"fields":{"issues""#) && !is_page("[]"));
    }

    #[test]
    fn objects_are_entered_where_wanted() {
        let text = r#"{"name":"x","chats":{"list":[{"id":7,"messages":[{"t":1},{"t":2}]}]},"end":true}"#;
        let enter: &[&[&str]] = &[&[], &["chats"], &["chats", "list"], &["chats", "list", "messages"]];
        // The list's elements are at the list's own path, so they are entered with it; messages' elements as well.
        let (values, broken) = read(text, enter);
        assert_eq!(values[0], "name=\"x\"");
        assert_eq!(values[1], "chats.list.id=7");
        assert_eq!(values[2], "chats.list.messages.t=1");
        assert_eq!(values.last().unwrap(), "end=true");
        assert!(broken.is_empty());
    }

    #[test]
    fn a_mistake_costs_its_own_value() {
        let (values, broken) = read("[{\"a\":1},{\"b\":@@,\"c\":[1]},{\"d\":2}]", &[]);
        assert_eq!(values, ["={\"a\":1}", "={\"d\":2}"]);
        assert_eq!(broken.len(), 1, "{broken:?}");
        for mistake in ["{\n\"b\": \"x\",\n\"c\": [{}]\n", "{\"b\": {\"c\": \"x\",\n\"d\": 2}\n"] {
            let text = format!("[{{\"a\":1}},\n{mistake},\n{{\"d\":2}},\n{{\"e\":3}}\n]");
            let (values, broken) = read(&text, &[]);
            assert_eq!(values, ["={\"a\":1}", "={\"d\":2}", "={\"e\":3}"], "{text}");
            assert!(broken.concat().contains("\"b\""), "{broken:?}");
        }
        let (values, broken) = read("{\"a\":1}\n{\"b\":@@\n{\"d\":2}\n", &[]);
        assert_eq!(values, ["={\"a\":1}", "={\"d\":2}"]);
        assert!(broken[0].contains("{\"b\":@@"), "{broken:?}");
    }

    #[test]
    fn a_stray_bracket_costs_its_own_value() {
        let enter: &[&[&str]] = &[&[], &["m"]];
        for record in [
            r#"{"d": ]"17", "t":"x"}"#,
            r#"{"d": }"17", "t":"x"}"#,
            r#"{"d":"17"}]"#,
            r#"{"d":"17"}}"#,
            r#"V{"d":"17"}"#,
        ] {
            let text = format!(r#"{{"m":[{{"a":1}},{record},{{"b":22}},{{"c":33}}],"n":44}}"#);
            let (values, broken) = read(&text, enter);
            let all = [values.concat(), broken.concat()].concat();
            assert!(["17", "22", "33", "44"].iter().all(|told| all.contains(told)), "{text}: {all}");
            assert!(!broken.is_empty(), "{text}: {values:?}");
        }
        let (values, broken) = read(r#"{"m":[],"lost","n":4,V"o":5,"p":6}"#, enter);
        assert_eq!(values, ["n=4", "p=6"]);
        assert!(broken.concat().contains("lost") && broken.concat().contains("\"o\":5"), "{broken:?}");
    }

    #[test]
    fn a_truncated_end_is_told_and_its_bytes_are_kept() {
        let (values, broken) = read("[{\"a\":1},{\"b\":\"tok", &[]);
        assert_eq!(values, ["={\"a\":1}"]);
        assert!(broken[0].ends_with("{\"b\":\"tok"), "{broken:?}");
    }

    #[test]
    fn bombs_are_skipped() {
        let text = format!("[{}{},{{\"a\":1}}]", "[".repeat(5_000), "]".repeat(5_000));
        let (values, broken) = read(&text, &[]);
        assert_eq!(values, ["={\"a\":1}"]);
        assert_eq!(broken.len(), 1);
    }
}
