//! The machine that reads what stands behind a name: operators, types, wrappers, quotes, values.

use std::ops::Range;

use super::{MAX_VALUE, Syntax, is_blank, is_name, trim_end};

pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) name: Range<usize>,
    pub(super) at: usize,
}

impl Cursor<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self, most: usize) -> &[u8] {
        &self.bytes[self.at.min(self.bytes.len())..(self.at + most).min(self.bytes.len())]
    }

    pub(super) fn skip_while(&mut self, most: usize, is: impl Fn(u8) -> bool) {
        let end = (self.at + most).min(self.bytes.len());
        while self.at < end && is(self.bytes[self.at]) {
            self.at += 1;
        }
    }

    fn skip(&mut self, text: &[u8]) -> bool {
        let found = self.rest(text.len()) == text;
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Moves past what assigns. `closed` is where the name and its quotes end, `blanks` how many blanks follow.
    pub(super) fn operator(&mut self, closed: usize, blanks: usize) -> Option<Syntax> {
        match self.peek()? {
            // A path such as `secret::Store` assigns nothing.
            b':' if self.bytes.get(self.at + 1) == Some(&b':') => None,
            b':' if self.is_outcome() || self.is_used() => None,
            b':' => self.colon(),
            b'=' | b'?' | b'|' | b'+' | b'<' => self.signs(blanks),
            // `set("password", "…")`: the key is the first argument, and quoted.
            b',' => {
                self.at += 1;
                self.argument()
            }
            b'!' => (self.skip(b"!== ") || self.skip(b"!= ")).then_some(Syntax::Compare),
            b'>' if blanks == 0 => {
                self.at += 1;
                // `Dan Doe <dan@compass.example> 15093…` is no tag.
                let opened = self.name.start.checked_sub(1).map(|before| self.bytes[before]);
                matches!(opened, Some(b'<' | b':' | b'"' | b'\'')).then_some(Syntax::Tag)
            }
            b'(' => {
                self.at += 1;
                matches!(self.peek(), Some(b'"' | b'\'')).then_some(Syntax::Call)
            }
            b'[' => {
                // `char password[32] = "…"`.
                self.at += 1;
                self.skip_while(6, |b| b.is_ascii_digit());
                (self.skip(b"] = ") || self.skip(b"]=") || self.skip(b"[] = ")).then_some(Syntax::Assign)
            }
            b'{' => self.braced(),
            _ => self.words(closed, blanks),
        }
    }

    /// `--- PASS: TestLogin`, `PASS: login.sh`: a test's outcome.
    fn is_outcome(&self) -> bool {
        let before = &self.bytes[self.name.start.saturating_sub(4)..self.name.start];
        &self.bytes[self.name.clone()] == b"PASS"
            && (before.is_empty() || before.ends_with(b"\n") || before.ends_with(b"--- "))
    }

    /// `$USER:$PASSWORD:33`: the name stands for its value, and a part of something follows.
    fn is_used(&self) -> bool {
        let follows = self.bytes.get(self.at + 1);
        self.bytes[..self.name.start].ends_with(b"$") && !matches!(follows, Some(b' ' | b'='))
    }

    /// `:`, `:=`, `:-`, and `: Type =`.
    fn colon(&mut self) -> Option<Syntax> {
        let is_expansion = self.name.start >= 2 && &self.bytes[self.name.start - 2..self.name.start] == b"${";
        self.at += 1;
        if is_expansion {
            self.skip_while(1, |b| matches!(b, b'-' | b'='));
            // `${NAME:?message}` has no value.
            return (self.peek() != Some(b'?')).then_some(Syntax::Default);
        }
        let back = self.at;
        if self.peek() == Some(b'=') {
            self.at += 1;
            return Some(Syntax::Assign);
        }
        self.skip_while(4, is_blank);
        let is_type = |b: u8| is_name(b) || b"&<>?'[]|, ()".contains(&b);
        let text = self.at;
        self.skip_while(40, is_type);
        let spaced = self.at > text && self.bytes[self.at - 1] == b' ';
        let next = self.bytes.get(self.at + 1).copied();
        let is_typed =
            self.peek() == Some(b'=') && next != Some(b'=') && (spaced || matches!(next, Some(b'"' | b'\'')));
        self.at = if is_typed { self.at + 1 } else { back };
        Some(Syntax::Assign)
    }

    /// `=`, `==`, `=>`, `?=`, `||=`, `+=`, `|| "…"`, `<-`, `|` of a table.
    fn signs(&mut self, blanks: usize) -> Option<Syntax> {
        if self.skip(b"<- ") {
            return Some(Syntax::Assign);
        }
        if self.peek() == Some(b'<') {
            return None;
        }
        if self.skip(b"|| ") || self.skip(b"?? ") || self.skip(b"or ") {
            return matches!(self.peek(), Some(b'"' | b'\'')).then_some(Syntax::Default);
        }
        if self.peek() == Some(b'|') && !matches!(self.bytes.get(self.at + 1), Some(b'|' | b'=')) {
            self.at += 1;
            return (blanks > 0 && self.peek() == Some(b' ') && self.begins_cell()).then_some(Syntax::Prose);
        }
        self.skip_while(2, |b| matches!(b, b'?' | b'|' | b'+'));
        let start = self.at;
        self.skip_while(3, |b| b == b'=');
        let signs = self.at - start;
        self.skip_while(1, |b| b == b'>');
        match signs {
            0 => None,
            1 => Some(Syntax::Assign),
            _ => Some(Syntax::Compare),
        }
    }

    /// `{ get; set; } = "…"`, `{"…"}`, `{ '…' }`.
    fn braced(&mut self) -> Option<Syntax> {
        if let Some(len) = memchr::memmem::find(self.rest(40), b"} = ") {
            self.at += len + 4;
            return Some(Syntax::Assign);
        }
        self.at += 1;
        self.skip_while(1, is_blank);
        matches!(self.peek(), Some(b'"' | b'\'')).then_some(Syntax::Assign)
    }

    /// Only words or blanks between name and value.
    fn words(&mut self, closed: usize, blanks: usize) -> Option<Syntax> {
        if self.skip("：".as_bytes())
            || self.skip("は".as_bytes())
            || self.skip("是".as_bytes())
            || self.skip("为".as_bytes())
        {
            self.skip("：".as_bytes());
            return Some(Syntax::Prose);
        }
        if blanks == 0 {
            return None;
        }
        // `getenv("TOKEN") or "…"`, `(or (getenv "TOKEN") "…")`.
        if self.bytes[closed - 1] == b')' {
            let is_or = self.skip(b"or ");
            let is_quoted = matches!(self.peek(), Some(b'"' | b'\''));
            return (is_quoted && (is_or || closed > self.name.end + 1)).then_some(Syntax::Default);
        }
        let is_emphasised = self.bytes[closed - 1] == b'*';
        if closed != self.name.end && !is_emphasised {
            return None;
        }
        // `-Dpassword=MY-SECRET -Xmx1g`: the name is a value itself.
        if self.bytes[..self.name.start].ends_with(b"=") {
            return None;
        }
        if self.bytes[self.name.start] == b'-' {
            return (self.peek() != Some(b'-')).then_some(Syntax::Flag);
        }
        // `Dim password As String = "…"`, `password string = "…"`.
        let rest = self.rest(24);
        let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b' ').count();
        if rest[..word].ends_with(b" ") && rest.get(word) == Some(&b'=') && rest.get(word + 1) == Some(&b' ') {
            self.at += word + 1;
            return Some(Syntax::Assign);
        }
        // "We pass last_id=3" hands something over.
        let is_verb = self.bytes[self.name.clone()].eq_ignore_ascii_case(b"pass");
        if let Some(is) = self.copula().filter(|_| !is_verb) {
            self.at += is;
            return Some(Syntax::Prose);
        }
        let declared = if is_emphasised || is_verb && self.goes_on() { None } else { self.after_blank() };
        declared.or_else(|| (!is_verb && self.is_said()).then_some(Syntax::Prose))
    }

    /// Do more words follow on this line?
    fn goes_on(&self) -> bool {
        let rest = self.rest(80);
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        line.trim_ascii().iter().any(|byte| is_blank(*byte))
    }

    /// Does a word follow that can only be a value: `password …` with a digit among letters?
    fn is_said(&self) -> bool {
        let rest = self.rest(40);
        let quote = rest.first().copied().filter(|byte| matches!(byte, b'`' | b'"' | b'\''));
        let word = &rest[usize::from(quote.is_some())..];
        let ends =
            |byte: &u8| quote.map_or(byte.is_ascii_whitespace() || b",;)\"'".contains(byte), |quote| *byte == quote);
        let word = &word[..word.iter().position(ends).unwrap_or(word.len())];
        let has = |is: fn(&u8) -> bool| word.iter().any(is);
        let is_word = word.len() >= 6 && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit);
        let unpadded = trim_end(word, b"=");
        is_word && !unpadded.iter().any(|byte| b" =(".contains(byte))
    }

    /// Bytes up to what "is" means, with up to four words before it: "the password for the database is …".
    fn copula(&self) -> Option<usize> {
        let rest = self.rest(48);
        let mut at = 0;
        for _ in 0..5 {
            let len = rest[at..].iter().take_while(|byte| !is_blank(**byte) && **byte != b'\n').count();
            let word = &rest[at..at + len];
            let end = at + len;
            if !matches!(rest.get(end), Some(b' ')) {
                return None;
            }
            if word.ends_with(b".") {
                return None;
            }
            // "Password of the test server: …"
            let names = word.ends_with(b":") && at > 0;
            let bare = word.strip_suffix(b":").unwrap_or(word);
            if names || COPULAS.iter().any(|is| bare.eq_ignore_ascii_case(is.as_bytes())) {
                return Some(end + 1);
            }
            let is_code = word.iter().any(|byte| b"{}()<>".contains(byte));
            if is_code || CONJUNCTIONS.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes())) {
                return None;
            }
            at = end + 1;
        }
        None
    }

    /// `password "…"` on a line of its own, `#define PASSWORD "…"`, `ENV TOKEN …`.
    fn after_blank(&self) -> Option<Syntax> {
        let before = &self.bytes[self.name.start.saturating_sub(48)..self.name.start];
        let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
        let lead = line.trim_ascii_end();
        let is_declared = DECLARERS.iter().any(|word| lead.ends_with(word.as_bytes()));
        let is_alone = lead.is_empty();
        // SQL: `CREATE ROLE x LOGIN PASSWORD '…'`.
        let is_sql = self.peek() == Some(b'\'') && self.bytes[self.name.clone()].eq_ignore_ascii_case(b"password");
        (is_declared || is_alone || is_sql).then_some(Syntax::Blank)
    }

    /// Is the name the first argument of a call, quoted, or the first part of a tuple? Or is it compared by a call?
    fn argument(&self) -> Option<Syntax> {
        let before = &self.bytes[self.name.start.saturating_sub(48)..self.name.start];
        if before.ends_with(b"cmp(") {
            return Some(Syntax::Compare);
        }
        let before = before.trim_ascii_end();
        let opened =
            before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).or_else(|| before.strip_suffix(b":"));
        let Some(rest) = opened else { return (before.last() == Some(&b'{')).then_some(Syntax::Argument) };
        let is_first = matches!(rest.trim_ascii_end().last(), Some(b'(' | b'[' | b'{'));
        // Android's build files name the type first.
        let has = |word: &[u8]| memchr::memmem::find(rest, word).is_some();
        (is_first || has(b"buildConfigField") || has(b"resValue")).then_some(Syntax::Argument)
    }

    pub(super) fn value(&mut self, syntax: Syntax) -> Option<(Range<usize>, bool)> {
        let before_prefix = self.at;
        self.skip_while(2, |b| matches!(b, b'b' | b'r' | b'f' | b'u' | b'L' | b'N' | b'@' | b'\\'));
        if let Some(quote @ (b'"' | b'\'' | b'`')) = self.peek() {
            return self.quoted(quote);
        }
        self.at = before_prefix;
        if let Some(inner) = self.wrapper() {
            self.at += inner;
            let quote = self.peek()?;
            return self.quoted(quote);
        }
        match syntax {
            Syntax::Call | Syntax::Argument | Syntax::Compare => None,
            _ => self.bare(syntax),
        }
    }

    fn limit(&self) -> usize {
        (self.at + MAX_VALUE).min(self.bytes.len())
    }

    fn quoted(&mut self, quote: u8) -> Option<(Range<usize>, bool)> {
        let limit = self.limit();
        let escaped = self.at > 0 && self.bytes[self.at - 1] == b'\\';
        self.at += 1;
        // Three quotes open a text of several lines, of which a value may be the only one.
        if self.rest(2) == [quote, quote] {
            self.at += 2;
        }
        // A text within a text: `"\"value\""`.
        let is_nested = self.rest(2) == [b'\\', quote];
        self.at += if is_nested { 2 } else { 0 };
        let escaped = escaped || is_nested;
        let start = self.at;
        let rest = self.bytes.get(start..limit)?;
        let end = start + rest.iter().position(|&byte| byte == quote || byte == b'\n')?;
        let value = start..end - usize::from(escaped && end > start && self.bytes[end - 1] == b'\\');
        (self.bytes[end] == quote && !value.is_empty()).then_some((value, true))
    }

    /// How far into a call that only changes a text's type its quote stands: `String::from("…")`, `Some("…")`.
    fn wrapper(&self) -> Option<usize> {
        let rest = self.rest(40);
        let open = memchr::memchr(b'(', rest)?;
        let callee = &rest[..open];
        let is_callee = callee.iter().all(|byte| is_name(*byte) || b": []*&".contains(byte));
        let start =
            callee.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').map_or(0, |at| at + 1);
        let last = &callee[start..];
        let keeps = is_callee && WRAPPERS.iter().any(|word| last.eq_ignore_ascii_case(word.as_bytes()));
        (keeps && matches!(rest.get(open + 1), Some(b'"' | b'\''))).then_some(open + 1)
    }

    /// A value without quotes: to the end of its line, where nothing else stands on it, else to what ends one.
    fn bare(&mut self, syntax: Syntax) -> Option<(Range<usize>, bool)> {
        let (start, limit) = (self.at, self.limit());
        let rest = self.bytes.get(start..limit)?;
        let is_tag = syntax == Syntax::Tag;
        let ends = |b: u8| {
            b.is_ascii_whitespace()
                || matches!(b, b'"' | b'\'' | b'<' | b'>' | b',' | b';' | b')' | b'&' | b'}' | b']' | b'|' | b'`' | 0)
        };
        let blank =
            rest.iter().position(u8::is_ascii_whitespace).or_else(|| (limit == self.bytes.len()).then_some(rest.len()));
        if let Some(len) = blank.filter(|_| !is_tag && self.begins_line()) {
            let word = &rest[..len];
            let is_alone = rest[len..]
                .iter()
                .find(|byte| !is_blank(**byte))
                .is_none_or(|byte| matches!(*byte, b'\n' | b'\r' | b'#'));
            let word = word.strip_suffix(b",").or_else(|| word.strip_suffix(b";")).unwrap_or(word);
            if is_alone && !word.is_empty() && !word.contains(&0) {
                return Some((start..start + word.len(), false));
            }
        }
        let len =
            rest.iter().position(|&byte| ends(byte)).or_else(|| (limit == self.bytes.len()).then_some(rest.len()))?;
        let closing = rest.get(len..).unwrap_or_default();
        // A sentence's full stop is no part of the value.
        let len = len - usize::from(syntax == Syntax::Prose && len > 1 && matches!(rest[len - 1], b'.' | b'!' | b'?'));
        // `<user>:<password>@host` names what belongs there.
        let is_open = is_tag && !closing.starts_with(b"</");
        (len > 0 && !is_open).then(|| (start..start + len, is_tag))
    }

    /// Does the name stand in a row of a table?
    fn begins_cell(&self) -> bool {
        let before = &self.bytes[self.name.start.saturating_sub(80)..self.name.start];
        let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
        let is_cut = line.len() == before.len() && before.len() == 80;
        line.trim_ascii_start().starts_with(b"|")
            || is_cut && line.contains(&b'|') && memchr::memmem::find(line, b"{{").is_none()
    }

    /// Does the name begin its line, but for what declares it?
    fn begins_line(&self) -> bool {
        let before = &self.bytes[self.name.start.saturating_sub(48)..self.name.start];
        let Some(newline) = memchr::memrchr(b'\n', before) else { return before.len() < 48 && is_lead(before) };
        is_lead(&before[newline + 1..])
    }
}

/// What may stand before a name that begins its line: blanks, a comment, a list's dash, `export`.
fn is_lead(lead: &[u8]) -> bool {
    let lead = lead.trim_ascii();
    lead.iter().all(|byte| b"#/-*;+:$\"'".contains(byte))
        || [&b"export"[..], b"set", b"ENV", b"- export", b"# export", b"local", b"declare -x", b"env", b"readonly"]
            .contains(&lead)
        || lead.ends_with(b":") && lead.starts_with(b"//")
}

/// What "is" means, in the ten languages of the prose words.
const COPULAS: &[&str] = &[
    "is", "was", "are", "=", "lautet", "ist", "est", "es", "é", "è", "e'", "jest", "это", "->", "→", "=>", "now",
    "war", "era", "était", "as",
];

/// After these the sentence is about something else: "a password when the provider is …".
const CONJUNCTIONS: &[&str] =
    &["when", "if", "where", "unless", "while", "and", "or", "that", "which", "until", "than"];

/// What declares a name without a sign.
const DECLARERS: &[&str] =
    &["define", "ENV", "ARG", "setenv", "set -x", "setx", "set(", "setq", "(def", "defvar", "-gx", ":"];

/// Calls that only change a text's type.
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
    "text",
    "encode",
    "nsstring",
    "ptr",
    "pointer",
    "stringptr",
];
