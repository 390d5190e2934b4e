//! The part of the machine that reads values: quotes, wrappers, and what stands without either.

use std::ops::Range;

use super::{Cursor, MAX_VALUE, Syntax, ends_line, is_blank, is_name, phrase::ends_phrase, trim_end};
use crate::engine::quotes::{self, Quote};

/// A value's place, and whether it stands between quotes or tags.
type Value = (Range<usize>, bool);

impl Cursor<'_> {
    pub(super) fn value(&mut self, syntax: Syntax) -> Option<Value> {
        let is_set = matches!(syntax, Syntax::Assign | Syntax::Default);
        if matches!(self.peek()?, 0xc2 | 0xe2)
            && let Some(text) = self.typographic()
        {
            return Some(text);
        }
        match self.peek()? {
            b'\n' | b'\r' | b'\\' if is_set && self.skip_line_end() => {
                let value = self.quoted()?;
                return ends_line(self.bytes, value.0.end + 1).then_some(value);
            }
            b'(' if is_set && self.skip_parenthesis() => return self.quoted(),
            _ if self.skip_prefix() => return self.quoted(),
            _ => {}
        }
        if let Some(literal) = is_set.then(|| self.raw_literal()).flatten() {
            return Some(literal);
        }
        if let Some(inner) = self.wrapper() {
            self.at += inner;
            return self.quoted();
        }
        match syntax {
            Syntax::Call | Syntax::Argument | Syntax::Compare => None,
            Syntax::Tag => self.element_text(),
            _ => self.bare(syntax),
        }
    }

    /// A text between the marks that programs for texts put in place of straight ones: `“value”`. Moves past a blank of theirs.
    fn typographic(&mut self) -> Option<Value> {
        let no_break = "\u{a0}".as_bytes();
        self.at += if self.rest(2) == no_break { 2 } else { 0 };
        let rest = self.rest(MAX_VALUE);
        let open = ["“", "„", "‘", "‚", "«", "»"].iter().find(|mark| rest.starts_with(mark.as_bytes()))?;
        let start = self.at + open.len();
        let inner = &rest[open.len()..];
        let line = &inner[..memchr::memchr2(b'\n', b'\r', inner).unwrap_or(inner.len())];
        let closing =
            ["”", "“", "’", "‘", "»", "«"].iter().filter_map(|mark| memchr::memmem::find(line, mark.as_bytes()));
        let len = closing.min().filter(|len| *len > 0)?;
        Some((start..start + len, true))
    }

    fn limit(&self) -> usize {
        (self.at + MAX_VALUE).min(self.bytes.len())
    }

    /// A literal that opens with more than a mark, or without one.
    fn raw_literal(&self) -> Option<Value> {
        let rest = self.rest(MAX_VALUE);
        let (open, close) = RAW_LITERALS.iter().find(|(open, _)| rest.starts_with(open.as_bytes()))?;
        let inner = &rest[open.len()..];
        let line = &inner[..memchr::memchr(b'\n', inner).unwrap_or(inner.len())];
        let len = memchr::memmem::find(line, close.as_bytes()).filter(|len| *len > 0)?;
        let start = self.at + open.len();
        Some((start..start + len, true))
    }

    /// Moves to the quotation mark that stands here, maybe behind letters that say what it opens. False if there is none.
    fn skip_prefix(&mut self) -> bool {
        let back = self.at;
        self.skip_while(2, |b| b"brfuLN@\\".contains(&b));
        let is_quote = matches!(self.peek(), Some(b'"' | b'\'' | b'`'));
        self.at = if is_quote { self.at } else { back };
        is_quote
    }

    /// `const API_KEY =` and below it a literal: moves to its mark.
    fn skip_line_end(&mut self) -> bool {
        let back = self.at;
        self.skip_while(1, |b| b == b'\\');
        self.skip_while(1, |b| b == b'\r');
        let line_end = self.at;
        self.skip_while(1, |b| b == b'\n');
        let begins_line = self.at > line_end;
        self.skip_while(64, is_blank);
        let is_literal = begins_line && self.skip_prefix();
        self.at = if is_literal { self.at } else { back };
        is_literal
    }

    /// `password = ("…")`, on one line or several: moves to the mark.
    fn skip_parenthesis(&mut self) -> bool {
        let back = self.at;
        self.at += 1;
        self.skip_while(64, |b| b.is_ascii_whitespace());
        let is_literal = self.skip_prefix();
        self.at = if is_literal { self.at } else { back };
        is_literal
    }

    /// The text behind the quotation mark that stands here.
    fn quoted(&mut self) -> Option<Value> {
        let limit = self.limit();
        let mut quote = Quote::at(self.bytes, self.at);
        self.at += 1;
        // Three quotes open a text of several lines, of which a value may be the only one.
        let three = [quote.mark; 3];
        let is_block = self.rest(2) == &three[1..];
        self.at += if is_block { 2 } else { 0 };
        // A text within a text: `"\"value\""`.
        let is_nested = self.rest(2) == [b'\\', quote.mark];
        self.at += if is_nested { 2 } else { 0 };
        quote.depth = quote.depth.max(usize::from(is_nested));
        let start = self.at;
        let end = is_block.then(|| self.end_of_block(&three)).flatten();
        let end = end.or_else(|| quotes::end_of(self.bytes, start, limit, quote))?;
        (end > start).then_some((start..end, true))
    }

    /// Where three quotes close the line that stands between them.
    fn end_of_block(&self, three: &[u8; 3]) -> Option<usize> {
        let rest = self.rest(MAX_VALUE);
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        memchr::memmem::find(line, three).map(|len| self.at + len)
    }

    /// How far into calls that only change a text's form its quote stands: `String::from("…")`, `bytes(b64decode("…"))`.
    pub(super) fn wrapper(&self) -> Option<usize> {
        let rest = self.rest(64);
        let mut at = 0;
        for _ in 0..3 {
            let open = at + memchr::memchr(b'(', &rest[at..])?;
            let callee = &rest[at..open];
            let is_callee = callee.iter().all(|byte| is_name(*byte) || b": []*&".contains(byte));
            let start =
                callee.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').map_or(0, |at| at + 1);
            let last = &callee[start..];
            if !is_callee {
                return None;
            }
            // Java's and Kotlin's: `Base64.getDecoder().decode("…")`.
            let decodes = DECODERS.iter().find(|call| rest[at + start..].starts_with(call.as_bytes()));
            at = match decodes {
                Some(call) => at + start + call.len(),
                None if WRAPPERS.iter().any(|word| last.eq_ignore_ascii_case(word.as_bytes())) => open + 1,
                None => return None,
            };
            let prefix = usize::from(matches!(rest.get(at), Some(b'b' | b'r' | b'u' | b'L')));
            if let Some(quote) = [0, prefix].into_iter().find(|skip| matches!(rest.get(at + skip), Some(b'"' | b'\'')))
            {
                return Some(at + quote);
            }
        }
        None
    }

    /// What stands between tags, without entities being looked at: an element's text or CDATA.
    fn element_text(&self) -> Option<Value> {
        let rest = self.rest(MAX_VALUE);
        let is_data = self.bytes[..self.at].ends_with(b"<![CDATA[");
        // `<user>:<password>@host` names what belongs there.
        let len = match is_data {
            true => memchr::memmem::find(rest, b"]]>")?,
            false => memchr::memchr(b'<', rest).filter(|len| rest[*len..].starts_with(b"</"))?,
        };
        let text = &rest[..len];
        let is_word = !text.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0);
        let is_value = len > 0 && (is_word || ends_phrase(text));
        is_value.then_some((self.at..self.at + len, true))
    }

    /// A value without quotes: to the end of its line, where nothing else stands on it, else to what ends one.
    fn bare(&mut self, syntax: Syntax) -> Option<Value> {
        let (start, limit) = (self.at, self.limit());
        let rest = self.bytes.get(start..limit)?;
        let is_last = limit == self.bytes.len();
        if let Some(default) = self.default_of_reference(rest) {
            return Some(default);
        }
        let ends = |b: u8| {
            b.is_ascii_whitespace()
                || matches!(b, b'"' | b'\'' | b'<' | b'>' | b',' | b';' | b')' | b'&' | b'}' | b']' | b'|' | b'`' | 0)
        };
        let blank = rest.iter().position(u8::is_ascii_whitespace).or_else(|| is_last.then_some(rest.len()));
        // `- "NAME=value"`: quotes say where it ends.
        let is_text = self.text_mark().is_some();
        if let Some(len) = blank.filter(|_| !is_text && self.begins_line()) {
            let word = &rest[..len];
            let is_alone = rest[len..]
                .iter()
                .find(|byte| !is_blank(**byte))
                .is_none_or(|byte| matches!(*byte, b'\n' | b'\r' | b'#'));
            let word = word.strip_suffix(b",").or_else(|| word.strip_suffix(b";")).unwrap_or(word);
            if is_alone && !word.is_empty() && !word.contains(&0) {
                let len = before_channel(&word[..before_escape(&word[..said_len(word, syntax)])]);
                return (len > 0).then_some((start..start + len, false));
            }
            if let Some(len) = self.words_of_setting(rest, len) {
                return Some((start..start + len, false));
            }
            if let Some(len) = self.phrase_of_setting(rest) {
                return Some((start..start + len, false));
            }
        }
        let len = rest.iter().position(|&byte| ends(byte)).or_else(|| is_last.then_some(rest.len()))?;
        if let Some(len) = self.rest_of_text(rest, len).or_else(|| self.rest_of_pair(rest, len)) {
            return Some((start..start + len, true));
        }
        let len = before_escape(&rest[..said_len(&rest[..len], syntax)]);
        let len = before_channel(&rest[..len]);
        (len > 0).then_some((start..start + len, false))
    }

    /// Does the value stand directly behind the name and one sign?
    fn is_adjacent(&self) -> bool {
        self.at == self.name.end + 1
    }

    /// `DB_PASSWORD=first second`: in a file of settings a value may have blanks. In a shell's script a command follows, or
    /// other settings. `len` is where the first blank stands.
    fn words_of_setting(&self, rest: &[u8], len: usize) -> Option<usize> {
        let is_setting = self.is_adjacent() && self.bytes[self.name.end] == b'=' && len > 0;
        if !is_setting || self.bytes[self.name.start] == b'-' {
            return None;
        }
        let line_end =
            memchr::memchr2(b'\n', b'\r', rest).or((self.limit() == self.bytes.len()).then_some(rest.len()))?;
        let line = rest[..line_end].trim_ascii_end();
        let words = || line[len.min(line.len())..].split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
        (words().count() <= 2 && words().all(is_no_command) && line.len() > len).then_some(line.len())
    }

    /// `db.password=Wald weg 77!`, `password = Wald weg 77!`: a line that no shell would take for a command.
    fn phrase_of_setting(&self, rest: &[u8]) -> Option<usize> {
        let is_flat = self.bytes[self.name.clone()].contains(&b'.');
        let is_setting = match self.bytes[self.name.end..self.at].trim_ascii() {
            b"=" => is_flat || !self.is_adjacent(),
            b":" => !self.is_adjacent(),
            _ => false,
        };
        if !is_setting || matches!(self.bytes[self.name.start], b'-' | b'.') {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).or((self.limit() == self.bytes.len()).then_some(rest.len()))?;
        let line = &rest[..memchr::memmem::find(&rest[..end], b" #").unwrap_or(end)];
        let line = line.trim_ascii_end();
        ends_phrase(line).then_some(line.len())
    }

    /// `"${name:value}"`: the bracket says where a default ends, and what it stands between whether it is quoted.
    fn default_of_reference(&self, rest: &[u8]) -> Option<Value> {
        let open = self.name.start.checked_sub(2)?;
        if &self.bytes[open..self.name.start] != b"${" {
            return None;
        }
        let ends = |byte: &u8| *byte == b'}' || byte.is_ascii_whitespace() || b"\"'`{".contains(byte);
        let len = rest.iter().position(ends).filter(|at| rest[*at] == b'}' && *at > 0)?;
        let mark = open.checked_sub(1).map(|before| self.bytes[before]).filter(|mark| matches!(mark, b'"' | b'\''));
        let is_quoted = mark.is_some() && rest.get(len + 1).copied() == mark;
        Some((self.at..self.at + len, is_quoted))
    }

    /// Where the quotation mark stands that opens right before the name, of a text that the value is a part of.
    fn text_mark(&self) -> Option<usize> {
        let mark = self.name.start.checked_sub(1)?;
        (matches!(self.bytes[mark], b'"' | b'\'') && self.is_adjacent()).then_some(mark)
    }

    /// Does another pair follow a sign in `tail`, as in `a&user=b`?
    fn has_fields(&self, tail: &[u8]) -> bool {
        let is_field = |at: usize| {
            let field = &tail[at + 1..];
            let name = field.iter().take_while(|byte| is_name(**byte)).count();
            field.get(name) == Some(&self.bytes[self.name.end])
        };
        memchr::memchr3_iter(b'&', b';', b',', tail).any(is_field)
    }

    /// `"db_password=a&b"`: the text's own quotes say where it ends, unless other fields follow. `len` is where the first sign
    /// stands that ends values elsewhere.
    fn rest_of_text(&self, rest: &[u8], len: usize) -> Option<usize> {
        let sign = *rest.get(len)?;
        let mark_at = self.text_mark()?;
        if len == 0 || !b",;&|<>)]} ".contains(&sign) || rest[len..].starts_with(b"</") {
            return None;
        }
        let quote = Quote::at(self.bytes, mark_at);
        let end = quotes::end_of(self.bytes, self.at, self.limit(), quote)? - self.at;
        let tail = rest.get(len..end)?;
        let is_word = tail.iter().any(u8::is_ascii_alphanumeric) && !tail.iter().any(u8::is_ascii_whitespace);
        ((is_word || ends_phrase(&rest[..end])) && !self.has_fields(tail)).then_some(end)
    }

    /// `user=svc password=a&b host=db`: where blanks stand between pairs, only a blank ends a value. `len` as above.
    fn rest_of_pair(&self, rest: &[u8], len: usize) -> Option<usize> {
        let sign = *rest.get(len)?;
        let is_pair = self.is_adjacent() && self.bytes[self.name.end] == b'=' && self.bytes[self.name.start] != b'-';
        if len == 0 || !is_pair || !b",;&|<>)]}".contains(&sign) || rest[len..].starts_with(b"</") {
            return None;
        }
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`".contains(byte);
        let is_last = self.limit() == self.bytes.len();
        let end = rest.iter().position(ends).or_else(|| is_last.then_some(rest.len()))?;
        let word = trim_end(&rest[..end], b",;)]}");
        let tail = word.get(len..)?;
        let is_value = tail.iter().any(u8::is_ascii_alphanumeric) && !self.has_fields(tail);
        let is_row = self.follows_pair() || rest.get(end) == Some(&b' ') && begins_pair(&rest[end + 1..]);
        (is_value && is_row).then_some(word.len())
    }

    /// Does a pair stand before the name, and a blank alone between them?
    fn follows_pair(&self) -> bool {
        let before = &self.bytes[self.name.start.saturating_sub(48)..self.name.start];
        let Some(before) = before.strip_suffix(b" ") else { return false };
        let len = before.iter().rev().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let pair = &before[before.len() - len..];
        begins_pair(pair) && !matches!(pair.last(), Some(b',' | b';'))
    }
}

/// `host=…`.
fn begins_pair(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| is_name(**byte)).count();
    name > 0 && text[0] != b'-' && text.get(name) == Some(&b'=') && text.get(name + 1).is_some_and(|byte| *byte > b' ')
}

/// A word that no shell would run, and that sets nothing: digits among letters of both cases.
fn is_no_command(word: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| word.iter().any(is);
    has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && word[0].is_ascii_alphanumeric()
        && !word.iter().any(|byte| b"=/$\"'`#:\\|<>;()[]{}".contains(byte))
}

/// How much of a value is left without what belongs to the sentence around it.
fn said_len(value: &[u8], syntax: Syntax) -> usize {
    // A quotation mark of a text that the value stands in.
    let closing = ["”", "“", "’", "»"].iter().find_map(|mark| value.strip_suffix(mark.as_bytes()));
    let value = closing.filter(|value| !value.is_empty()).unwrap_or(value);
    let is_said = matches!(syntax, Syntax::Prose | Syntax::Blank);
    let len = if is_said { before_script(value) } else { value.len() };
    let is_stop = |byte: u8| byte == b'?' && is_said || syntax == Syntax::Prose && matches!(byte, b'.' | b'!');
    len - usize::from(len > 1 && is_stop(value[len - 1]))
}

/// `user=admin_password=…_channel=1_stream=0.sdp`: how cameras have it in their addresses.
fn before_channel(value: &[u8]) -> usize {
    let is_stream = value.ends_with(b".sdp");
    is_stream.then(|| memchr::memmem::find(value, b"_channel=")).flatten().unwrap_or(value.len())
}

/// How much stands before the end of a line that is written as in a text: `abc123\\r\\nhost: …`.
fn before_escape(value: &[u8]) -> usize {
    let is_break = |pair: &[u8]| pair == b"\\n" || pair == b"\\r";
    value.windows(2).position(is_break).unwrap_or(value.len())
}

/// How much of a value stands before letters or brackets of Chinese, Japanese or Korean: `abc123です`, `abc123」`.
fn before_script(value: &[u8]) -> usize {
    let is_script = |byte: &u8| (0xe3..=0xed).contains(byte) || *byte == 0xef;
    match value.first() {
        Some(first) if first.is_ascii() => value.iter().position(is_script).unwrap_or(value.len()),
        _ => value.len(),
    }
}

/// How literals open and close that may have marks in them: Rust's, Lua's, Perl's and Ruby's.
const RAW_LITERALS: &[(&str, &str)] =
    &[("r#\"", "\"#"), ("[[", "]]"), ("%q(", ")"), ("%q{", "}"), ("q{", "}"), ("q(", ")")];

/// Calls whose result decodes a text.
const DECODERS: &[&str] = &["getDecoder().decode(", "getUrlDecoder().decode(", "getMimeDecoder().decode("];

/// Calls that only change a text's type, or decode it.
const WRAPPERS: &[&str] = &[
    "from",
    "some",
    "new",
    "bytes",
    "str",
    "string",
    "byte",
    "secret",
    "secretstr",
    "securestring",
    "stringvalue",
    "to_secret",
    "just",
    "newsecret",
    "quote",
    "qstringliteral",
    "qstring",
    "text",
    "encode",
    "nsstring",
    "ptr",
    "pointer",
    "stringptr",
    "b64decode",
    "urlsafe_b64decode",
    "fromhex",
    "unhexlify",
    "frombase64string",
    "base64_decode",
    "decode64",
    "strict_decode64",
    "hex2bin",
    "atob",
    "decodestring",
    "decodebase64",
    "parsebase64binary",
];
