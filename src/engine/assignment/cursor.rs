//! The machine that reads what stands behind a name: operators, types, words.

use std::ops::Range;

use super::{MAX_VALUE, Syntax, collection, declared, is_blank, is_name, trim_end};

pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) name: Range<usize>,
    pub(super) at: usize,
}

impl Cursor<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn rest(&self, most: usize) -> &[u8] {
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
                // `add_argument("--password", default="…")`.
                let is_option = self.bytes[self.name.start] == b'-';
                if let Some(default) = is_option.then(|| declared::among_arguments(self.bytes, self.at)).flatten() {
                    self.at = default;
                    return Some(Syntax::Default);
                }
                let syntax = self.argument()?;
                Some(if self.skip_default_name() { Syntax::Default } else { syntax })
            }
            b'!' => (self.skip(b"!== ") || self.skip(b"!= ")).then_some(Syntax::Compare),
            b'>' if blanks == 0 => {
                self.at += 1;
                // `Dan Doe <dan@compass.example> 15093…` is no tag.
                let opened = self.name.start.checked_sub(1).map(|before| self.bytes[before]);
                self.skip(b"<![CDATA[");
                matches!(opened, Some(b'<' | b':' | b'"' | b'\'')).then_some(Syntax::Tag)
            }
            b'(' => {
                self.at += 1;
                self.begins_literal().then_some(Syntax::Call)
            }
            // `env::var("TOKEN").unwrap_or("…")`.
            b'.' => {
                // `By.id("password")).sendKeys("…")`.
                let is_typed = TYPERS.iter().any(|call| self.skip(call.as_bytes()));
                let is_default = is_typed || DEFAULTERS.iter().any(|call| self.skip(call.as_bytes()));
                let syntax = if is_typed { Syntax::Assign } else { Syntax::Default };
                (is_default && self.begins_literal()).then_some(syntax)
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

    /// `$USER:$PASSWORD:33`: the name stands for its value, and a part of something follows. `!PSK:!SRP`: a list of ciphers.
    fn is_used(&self) -> bool {
        let follows = self.bytes.get(self.at + 1);
        if self.bytes[..self.name.start].ends_with(b"!") && follows == Some(&b'!') {
            return true;
        }
        // `eof_action=pass:repeatlast=0`: an option's value, and the next option.
        let rest = self.rest(40);
        let option = rest[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if self.bytes[..self.name.start].ends_with(b"=") && rest.get(1 + option) == Some(&b'=') {
            return true;
        }
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
            return self.skip_to_string().then_some(Syntax::Tag);
        }
        if self.skip(b"?: ") || self.skip(b"|| ") || self.skip(b"?? ") || self.skip(b"or ") {
            return matches!(self.peek(), Some(b'"' | b'\'')).then_some(Syntax::Default);
        }
        if self.peek() == Some(b'|') && FILTERS.iter().any(|filter| self.skip(filter.as_bytes())) {
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
        if self.peek().is_some_and(|byte| byte >= 0x80) && self.skip_particle() {
            return Some(Syntax::Prose);
        }
        if blanks == 0 {
            return None;
        }
        if let Some(syntax) = self.word_operator(closed) {
            return Some(syntax);
        }
        // `enable password 0 …`: a router's way to say that it isn't encrypted.
        self.skip(b"0 ");
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
            // "Le mot de passe est : …".
            self.skip(b": ");
            return Some(Syntax::Prose);
        }
        let declared = if is_emphasised || is_verb && self.goes_on() { None } else { self.after_blank() };
        declared.or_else(|| (!is_verb && self.is_said()).then_some(Syntax::Prose))
    }

    /// What "is" means in Chinese, Japanese and Korean, without a blank before it.
    fn skip_particle(&mut self) -> bool {
        if ["：", "は", "是", "为"].iter().any(|particle| self.skip(particle.as_bytes())) {
            self.skip("：".as_bytes());
            self.skip_while(1, is_blank);
            self.skip("「".as_bytes());
            return true;
        }
        // "비밀번호는 …".
        ["는", "은"].iter().any(|particle| self.skip(particle.as_bytes())) && self.peek() == Some(b' ')
    }

    /// Words that compare, and arrows between a key and its value: `-eq "…"`, `"password" to "…"`.
    fn word_operator(&mut self, closed: usize) -> Option<Syntax> {
        let back = self.at;
        let syntax = if self.skip(b"eq ") || self.skip(b"-eq ") || self.skip(b"isEqualToString:") {
            Syntax::Compare
        } else if closed > self.name.end && (self.skip(b"to ") || self.skip(b"-> ")) {
            Syntax::Assign
        } else {
            return None;
        };
        let is_literal = self.begins_literal();
        self.at = if is_literal { self.at } else { back };
        is_literal.then_some(syntax)
    }

    /// Does a quoted value begin here, maybe with a letter before it or in a call that only changes its type?
    fn begins_literal(&self) -> bool {
        let rest = self.rest(2);
        let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
        let is_prefixed = rest.first().is_some_and(|byte| b"bLu@".contains(byte)) && is_quote(rest.get(1));
        is_quote(rest.first()) || is_prefixed || self.wrapper().is_some()
    }

    /// `config("SECRET", default="…")`: the name of the argument that is the default.
    fn skip_default_name(&mut self) -> bool {
        let rest = self.rest(24);
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        let len = rest[blanks..].iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
        let name = &rest[blanks..blanks + len];
        let is_default =
            ["default", "defaultValue", "default_value", "fallback", "with"].iter().any(|d| d.as_bytes() == name);
        let is_named = is_default && matches!(rest.get(blanks + len), Some(b'=' | b':'));
        self.at += if is_named { blanks + len + 1 } else { 0 };
        is_named
    }

    /// `<key>token</key><string>…`: a property list. Moves to the value.
    fn skip_to_string(&mut self) -> bool {
        let back = self.at;
        let is_key = self.bytes[..self.name.start].ends_with(b"<key>") && self.skip(b"</key>");
        self.skip_while(40, |b| b.is_ascii_whitespace());
        let is_string = is_key && self.skip(b"<string>");
        self.at = if is_string { self.at } else { back };
        is_string
    }

    /// YAML's `!!str …` and `&anchor …`: moves to the value.
    pub(super) fn skip_yaml_property(&mut self) {
        if !matches!(self.peek(), Some(b'!' | b'&')) || !self.begins_line() || self.skip(b"!!str ") {
            return;
        }
        let rest = self.rest(40);
        let name = rest[1..].iter().take_while(|byte| is_name(**byte)).count();
        // `token: &mut Token` is Rust's.
        let is_anchor = rest[0] == b'&' && name > 0 && !matches!(&rest[1..=name], b"mut" | b"dyn" | b"str");
        self.at += if is_anchor && rest.get(1 + name) == Some(&b' ') { name + 2 } else { 0 };
    }

    /// `token: {"value": "…"}` and YAML's `token: |` with one line below. Moves to the value; true for a record.
    pub(super) fn enter_nested(&mut self) -> bool {
        match self.peek() {
            Some(b'{') => self.enter_record(),
            Some(b'|' | b'>') => {
                self.enter_block();
                false
            }
            _ => false,
        }
    }

    /// `names: [`, `names = {key =`, a parameter's `Default:`: moves to the value, and says how it hangs together with the name.
    pub(super) fn enter_several(&mut self) -> Syntax {
        if let Some(value) = collection::first(self.bytes, &self.name, self.at) {
            self.at = value;
            return Syntax::Item;
        }
        match declared::parameter(self.bytes, &self.name, self.at) {
            Some(value) => {
                self.at = value;
                Syntax::Apart
            }
            None => Syntax::Assign,
        }
    }

    fn enter_record(&mut self) -> bool {
        let back = self.at;
        self.at += 1;
        self.skip_while(40, |b| b.is_ascii_whitespace());
        self.skip_while(1, |b| b == b'"');
        let is_field = self.skip(b"value");
        self.skip_while(1, |b| b == b'"');
        self.skip_while(8, is_blank);
        let is_record = is_field && (self.skip(b":") || self.skip(b"="));
        self.skip_while(8, is_blank);
        self.at = if is_record { self.at } else { back };
        is_record
    }

    /// A block of one line that is one word; texts and keys have several.
    fn enter_block(&mut self) {
        let rest = self.rest(MAX_VALUE);
        let mark = 1 + rest[1..].iter().take_while(|byte| matches!(**byte, b'-' | b'+')).count();
        let Some(line) = rest[mark..].strip_prefix(b"\n") else { return };
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
        let next = line.get(end + 1..).unwrap_or_default();
        let next_indent = next.iter().take_while(|byte| **byte == b' ').count();
        let is_word = end > indent && !line[indent..end].iter().any(|byte| is_blank(*byte));
        if indent > 0 && is_word && (next_indent < indent || next.is_empty()) {
            self.at += mark + 1 + indent;
        }
    }

    /// Do more words follow on this line?
    fn goes_on(&self) -> bool {
        let rest = self.rest(80);
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        line.trim_ascii().iter().any(|byte| is_blank(*byte))
    }

    /// "changed the password to", and `skip` bytes on a word with a digit?
    fn is_set_to(&self, skip: usize) -> bool {
        let before = &self.bytes[self.name.start.saturating_sub(32)..self.name.start];
        let is_set = [&b"hange"[..], b"eset", b"set "].iter().any(|verb| memchr::memmem::find(before, verb).is_some());
        is_set && is_value(self.rest(48).get(skip..).unwrap_or_default())
    }

    /// Does a word follow that can only be a value: `password …` with a digit among letters?
    fn is_said(&self) -> bool {
        is_value(self.rest(40))
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
            let names = word.ends_with(b":") && (at > 0 || word.eq_ignore_ascii_case(b"api:"));
            let bare = word.strip_suffix(b":").unwrap_or(word);
            // "changed the password to …".
            if at == 0 && bare == b"to" && self.is_set_to(end + 1) {
                return Some(end + 1);
            }
            // "password - …": a dash further on begins another thought.
            let is_dash = at == 0 && ["-", "–", "—"].iter().any(|dash| dash.as_bytes() == word);
            // Polish, after its own word alone.
            let is_to =
                bare == b"to" && POLISH.iter().any(|own| self.bytes[self.name.clone()].starts_with(own.as_bytes()));
            if names || is_dash || is_to || COPULAS.iter().any(|is| bare.eq_ignore_ascii_case(is.as_bytes())) {
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
        // `strcpy(password, "…")`, `setopt(curl, CURLOPT_PASSWORD, "…")`, `["--password", "…"]`.
        let name = &self.bytes[self.name.clone()];
        if before.ends_with(b"cpy(") || name.starts_with(b"CURLOPT_") {
            return Some(Syntax::Argument);
        }
        // `add_argument("--password", action=…)` describes an option.
        if name.starts_with(b"--") {
            let value = self.rest(24).trim_ascii_start();
            return matches!(value.first(), Some(b'"' | b'\'')).then_some(Syntax::Flag);
        }
        let before = without_selector(before.trim_ascii_end());
        let opened =
            before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).or_else(|| before.strip_suffix(b":"));
        let Some(rest) = opened else { return (before.last() == Some(&b'{')).then_some(Syntax::Argument) };
        let is_first = matches!(rest.trim_ascii_end().last(), Some(b'(' | b'[' | b'{'))
            || rest.ends_with(b"fill_in ")
            || before.ends_with(b":") && rest.ends_with(b"set ");
        // Android's build files name the type first.
        let has = |word: &[u8]| memchr::memmem::find(rest, word).is_some();
        let is_second = rest.trim_ascii_end().ends_with(b",");
        (is_first || is_second && (has(b"buildConfigField") || has(b"resValue"))).then_some(Syntax::Argument)
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
    pub(super) fn begins_line(&self) -> bool {
        let before = &self.bytes[self.name.start.saturating_sub(48)..self.name.start];
        let Some(newline) = memchr::memrchr(b'\n', before) else { return before.len() < 48 && is_lead(before) };
        is_lead(&before[newline + 1..])
    }
}

/// Without what makes a quoted name a selector of CSS: `"#` of `"#password"`, `"input[name=`.
fn without_selector(before: &[u8]) -> &[u8] {
    let len = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"#[]=.-_".contains(byte)).count();
    let (rest, selector) = before.split_at(before.len() - len);
    let is_selector = selector.iter().any(|byte| b"#[".contains(byte)) && matches!(rest.last(), Some(b'"' | b'\''));
    if is_selector { rest } else { before }
}

/// Does a text begin with a word that has a digit among letters, as no other word has?
fn is_value(rest: &[u8]) -> bool {
    let quote = rest.first().copied().filter(|byte| matches!(byte, b'`' | b'"' | b'\''));
    let word = &rest[usize::from(quote.is_some())..];
    let ends = |byte: &u8| quote.map_or(byte.is_ascii_whitespace() || b",;)\"'".contains(byte), |quote| *byte == quote);
    let word = &word[..word.iter().position(ends).unwrap_or(word.len())];
    let has = |is: fn(&u8) -> bool| word.iter().any(is);
    let is_word = word.len() >= 6 && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit);
    let unpadded = trim_end(word, b"=");
    is_word && !unpadded.iter().any(|byte| b" =(".contains(byte))
}

/// What may stand before a name that begins its line: blanks, a comment, a list's dash, `export`.
fn is_lead(lead: &[u8]) -> bool {
    let lead = lead.trim_ascii();
    lead.iter().all(|byte| b"#/-*;+:$\"'".contains(byte))
        || [
            &b"export"[..],
            b"set",
            b"ENV",
            b"- export",
            b"# export",
            b"local",
            b"declare -x",
            b"env",
            b"readonly",
            b"Environment=",
        ]
        .contains(&lead)
        || lead.ends_with(b":") && lead.starts_with(b"//")
}

/// What "is" means, in the ten languages of the prose words.
const COPULAS: &[&str] = &[
    "is", "was", "are", "=", "lautet", "ist", "est", "es", "é", "è", "e'", "jest", "это", "->", "→", "=>", "now",
    "war", "era", "était", "as", "adalah", "là", "هي", "هو", "है",
];

/// Of which "to" says what it is.
const POLISH: &[&str] = &["hasło", "Hasło", "haslo", "Haslo", "HASŁO"];

/// After these the sentence is about something else: "a password when the provider is …".
const CONJUNCTIONS: &[&str] =
    &["when", "if", "where", "unless", "while", "and", "or", "that", "which", "until", "than"];

/// What declares a name without a sign.
const DECLARERS: &[&str] =
    &["define", "ENV", "ARG", "setenv", "set -x", "setx", "set(", "setq", "(def", "defvar", "-gx", ":"];

/// Calls on a variable's value that say what it is when it isn't set.
const DEFAULTERS: &[&str] = &[".unwrap_or(", ".getOrElse(", ".orElse(", ".or("];

/// Filters of templates that say what it is when it isn't set: Jinja's, Helm's.
const FILTERS: &[&str] = &["| default(", "|default(", "| d(", "|d(", "| default "];

/// What types a text into the field that was looked for.
const TYPERS: &[&str] = &[".send_keys(", ".sendKeys(", ".type(", ".fill(", ".typeText(", ".setValue(", ".set("];
