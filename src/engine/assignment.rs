//! Reads an assignment around a keyword: `DB_PASSWORD=…`, `"token": "…"`, `secret => '…'`, `<password>…</password>`,
//! `--password …`, `{"name": "DB_PASSWORD", "value": "…"}`, "the password is …".
//!
//! A hand-written machine instead of a regex: words such as `token` stand a hundred times in a megabyte of code, and
//! nearly all of those places are settled within 20 bytes.

mod before;
mod collection;
mod cursor;
mod declared;
mod emphasis;
mod lookup;
mod phrase;
mod record;
mod tuple;
mod value;

use std::ops::Range;

use cursor::Cursor;
pub(super) use phrase::{is_app_password, is_phrase};
use record::apart;

/// How a name and its value hang together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Syntax {
    /// `name = value`, `name: value`, `name => value`.
    #[default]
    Assign,
    /// `set("name", "value")`, `{name, "value"}`.
    Argument,
    /// `name("value")`.
    Call,
    /// `name == "value"`.
    Compare,
    /// `<name>value</name>`.
    Tag,
    /// `--name value`.
    Flag,
    /// `{"name": "NAME", "value": "…"}`: two fields of one record.
    Apart,
    /// "the name is value", a cell of a table beside its name.
    Prose,
    /// A cell of a table whose title is the name.
    Cell,
    /// `name value` on a line of its own, `#define NAME "value"`.
    Blank,
    /// `getenv("NAME") || "value"`, `${NAME:-value}`.
    Default,
    /// `names = ["value", …]`, `names: {key: value}`: the first of several.
    Item,
    /// There is no name: a rule's pattern found the value.
    Pattern,
}

/// What stands after a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// The line goes on.
    #[default]
    Inline,
    /// Nothing on its line but a comma or a comment.
    Line,
    /// A quotation mark that doesn't stand before it, maybe after more: name and value are part of a longer text.
    Text,
}

/// What was assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assigned {
    /// The whole name, with the keyword in it.
    pub(super) name: Range<usize>,
    /// The value, without quotes. Never empty, never across lines.
    pub(super) value: Range<usize>,
    /// Does it stand between quotes or tags?
    pub(super) is_quoted: bool,
    /// What stands after it.
    pub(super) ending: Ending,
    /// How name and value hang together.
    pub(super) syntax: Syntax,
}

impl Assigned {
    fn new(bytes: &[u8], name: Range<usize>, (value, is_quoted): (Range<usize>, bool), syntax: Syntax) -> Assigned {
        let ending = match bytes.get(value.end) {
            Some(b'"' | b'\'' | b'`') if !is_quoted => Ending::Text,
            Some(b'&' | b';' | b' ' | b',') if !is_quoted && is_in_text(bytes, &name, &value) => Ending::Text,
            _ if ends_line(bytes, value.end + usize::from(is_quoted)) => Ending::Line,
            _ => Ending::Inline,
        };
        Assigned { name, value, is_quoted, ending, syntax }
    }
}

const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;
/// What is shorter is no value of several: those are found if they look random.
const MIN_ITEM: usize = 12;
/// How far a record's value may stand from its name.
const MAX_APART: usize = 240;

/// How many bytes before the keyword and after it the machine may look at.
pub(super) const REACH: usize = MAX_NAME + MAX_VALUE + MAX_APART + 64;

/// Reads the assignment to the name that has the keyword at `keyword`.
pub(super) fn parse(bytes: &[u8], keyword: Range<usize>) -> Option<Assigned> {
    // `app:…@tcp(db1:3306)`: no name, but a user.
    if bytes[keyword.start] == b'@' {
        return before::login(bytes, keyword.start);
    }
    let name = name_around(bytes, keyword)?;
    // XAML's resources.
    if bytes[..name.start].ends_with(b" x:") && &bytes[name.clone()] == b"Key" {
        return None;
    }
    // Selenium's: the field that it types into has the name.
    if bytes[name.clone()].ends_with(b".send_keys") || bytes[name.clone()].ends_with(b".sendKeys") {
        return None;
    }
    // `ok ? "Pass" : "Fail!"`.
    let opened = trim_end(&bytes[name.start.saturating_sub(4)..name.start], b"\"' ");
    if opened.len() < 4 && opened.ends_with(b"?") && bytes[..name.start].ends_with(b"\"") {
        return None;
    }
    if let Some(compared) = before::compared(bytes, &name) {
        return compared;
    }
    if let Some(column) = before::column(bytes, &name) {
        return Some(column);
    }
    if let Some(cell) = before::cell(bytes, &name) {
        return Some(cell);
    }
    if let Some(element) = tuple::in_tuple(bytes, &name) {
        return Some(element);
    }
    if let Some(field) = declared::attribute(bytes, &name) {
        return Some(field);
    }
    let mut at = Cursor { bytes, name: name.clone(), at: name.end };
    at.skip_while(1, |b| b == b'\\');
    at.skip_while(4, |b| matches!(b, b'"' | b'\'' | b'`' | b']' | b')' | b'*'));
    if is_element(bytes, &name) {
        at.skip_while(1, |b| b == b'}');
    }
    // `<b>Token</b>: …`.
    at.at = emphasis::after_closed(bytes, &name, at.at).unwrap_or(at.at);
    // Android's strings.
    let untranslated = b" translatable=\"false\"";
    at.at += if bytes[at.at..].starts_with(untranslated) { untranslated.len() } else { 0 };
    let closed = at.at;
    at.skip_while(24, is_blank);
    if let Some(record) = apart(bytes, &name, closed) {
        return Some(record);
    }
    let blanks = at.at - closed;
    let syntax = at.operator(closed, blanks)?;
    at.skip_while(16, is_blank);
    if bytes[..name.start].ends_with(b"*") {
        at.skip_while(3, |b| b == b'*');
        at.skip_while(1, is_blank);
    }
    let mut syntax = syntax;
    if syntax == Syntax::Assign {
        at.skip_yaml_property();
    }
    if matches!(syntax, Syntax::Assign | Syntax::Prose) {
        at.at = emphasis::after_closed(bytes, &name, at.at).unwrap_or(at.at);
        if let Some(value) = emphasis::marked(bytes, at.at) {
            return Some(Assigned::new(bytes, name, (value, true), syntax));
        }
        if let Some(default) = lookup::default_at(bytes, at.at) {
            (at.at, syntax) = (default, Syntax::Default);
        }
    }
    let is_nested = syntax == Syntax::Assign && at.enter_nested();
    if syntax == Syntax::Assign && !is_nested {
        syntax = at.enter_several();
    }
    let value = at.value(syntax)?;
    if syntax == Syntax::Item && value.0.len() < MIN_ITEM {
        return None;
    }
    if matches!(syntax, Syntax::Blank | Syntax::Prose) && is_in_row(bytes, &value.0) {
        return None;
    }
    if syntax == Syntax::Tag && is_key_of_list(bytes, &name, value.0.end) {
        return None;
    }
    Some(Assigned::new(bytes, name, value, if is_nested { Syntax::Apart } else { syntax }))
}

/// Does it stand between tabs, as the second of several columns does?
fn is_in_row(bytes: &[u8], value: &Range<usize>) -> bool {
    bytes[..value.start].ends_with(b"\t")
        && bytes.get(value.end) == Some(&b'\t')
        && bytes.get(value.end + 1) != Some(&b'#')
}

/// `<key>…</key>` and a value behind it: in a property list it is a name.
fn is_key_of_list(bytes: &[u8], name: &Range<usize>, end: usize) -> bool {
    let rest = &bytes[end..(end + 64).min(bytes.len())];
    let next = rest.strip_prefix(b"</key>").unwrap_or_default().trim_ascii_start();
    const VALUES: [&[u8]; 10] =
        [b"<dict", b"<string", b"<integer", b"<true", b"<false", b"<array", b"<data", b"<date", b"<real", b"<key"];
    bytes[name.clone()].eq_ignore_ascii_case(b"key") && VALUES.iter().any(|value| next.starts_with(value))
}

/// Perl's `$config{password}`. Not `${password}`, which is a value.
fn is_element(bytes: &[u8], name: &Range<usize>) -> bool {
    let before = &bytes[name.start.saturating_sub(3)..name.start];
    let before = trim_end(before, b"'\"");
    before.strip_suffix(b"{").and_then(<[u8]>::last).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'>')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Without those bytes at its end.
fn trim_end<'b>(bytes: &'b [u8], set: &[u8]) -> &'b [u8] {
    let len = bytes.iter().rev().take_while(|byte| set.contains(byte)).count();
    &bytes[..bytes.len() - len]
}

/// The name that a keyword stands in. What of the keyword is no part of a name (`key=`) only makes it rarer.
fn name_around(bytes: &[u8], keyword: Range<usize>) -> Option<Range<usize>> {
    let is_part = |byte: &&u8| is_name(**byte) || **byte >= 0x80;
    let own = bytes[keyword.clone()].iter().rev().take_while(|byte| !is_part(byte)).count();
    let end = keyword.end - own;
    let left = bytes[..keyword.start].iter().rev().take(MAX_NAME + 1).take_while(|byte| is_name(**byte)).count();
    let right = bytes[end..].iter().take(MAX_NAME + 1).take_while(|byte| is_name(**byte)).count();
    (left <= MAX_NAME && right <= MAX_NAME && keyword.start < end).then(|| keyword.start - left..end + right)
}

/// How far to either side of a name and its value the quotes of a text are looked for.
const MAX_TEXT: usize = 160;

/// `"https://host/?token=…&v=1"`, `"tool --token=… --x"`: does `name=value` stand in a text that goes on behind it?
fn is_in_text(bytes: &[u8], name: &Range<usize>, value: &Range<usize>) -> bool {
    if value.start != name.end + 1 || bytes[name.end] != b'=' {
        return false;
    }
    let before = &bytes[name.start.saturating_sub(MAX_TEXT)..name.start];
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    let mut open = None;
    for (at, byte) in line.iter().enumerate().filter(|(_, byte)| matches!(**byte, b'"' | b'\'' | b'`')) {
        let follows = at.checked_sub(1).map_or(b' ', |before| line[before]);
        match open {
            _ if follows == b'\\' => {}
            Some(mark) if mark == *byte => open = None,
            Some(_) => {}
            // An apostrophe opens nothing.
            None if *byte == b'\'' && follows.is_ascii_alphanumeric() => {}
            None => open = Some(*byte),
        }
    }
    let Some(mark) = open else { return false };
    let after = &bytes[value.end..(value.end + MAX_TEXT).min(bytes.len())];
    memchr::memchr2(mark, b'\n', after).is_some_and(|at| after[at] == mark)
}

/// Does the line end here, but for a comma, closing brackets or a comment?
fn ends_line(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at.min(bytes.len())..(at + 24).min(bytes.len())];
    let len = rest
        .iter()
        .take_while(|b| is_blank(**b) || matches!(**b, b',' | b';' | b'\r' | b'\\' | b'}' | b')' | b']'))
        .count();
    matches!(rest.get(len), None | Some(b'\n' | b'#' | b'"' | b'\''))
        || rest[len..].starts_with(b"//")
        || rest[len..].starts_with(b"--")
}

#[cfg(test)]
mod tests {
    use super::{Ending, Syntax, parse};

    fn read(text: &str) -> Option<(String, bool, Syntax)> {
        let start = text.to_ascii_lowercase().find("token").unwrap();
        parse(text.as_bytes(), start..start + 5)
            .map(|found| (text[found.value].to_owned(), found.is_quoted, found.syntax))
    }

    #[test]
    fn values_are_read_in_the_usual_notations() {
        for (text, value, quoted) in [
            ("TOKEN=abc123", "abc123", false),
            ("export MY_TOKEN_X='a b'", "a b", true),
            ("\"token\": \"v\"", "v", true),
            ("{\\\"token\\\":\\\"v1\\\"}", "v1", true),
            ("token => 'v'", "v", true),
            ("let token: &str = \"v\";", "v", true),
            ("let token: Option<&'static str> = Some(\"v\");", "v", true),
            ("token := `v`", "v", true),
            ("{{ $token := \"v\" }}", "v", true),
            ("<token>v1</token>", "v1", true),
            ("token: v1 # note", "v1", false),
            ("token: dGVzdA=", "dGVzdA=", false),
            ("TOKEN=a,b;c&d", "a,b;c&d", false),
            ("os.environ[\"TOKEN\"] = b\"v\"", "v", true),
            ("--token=v1 --x", "v1", false),
            ("x?token=v1&y=2", "v1", false),
            ("char token[16] = \"v\";", "v", true),
            ("Dim token As String = \"v\"", "v", true),
            ("public string Token { get; set; } = \"v\";", "v", true),
            ("token <- \"v\"", "v", true),
            ("**Token:** v1", "v1", false),
            ("token = \"a\\\"b\"", "a\\\"b", true),
            ("token = 'a\'\'b';", "a\'\'b", true),
            ("{\\\"token\\\":\\\"a\\\\\\\"b\\\"}", "a\\\\\\\"b", true),
            ("token = \"\"\"a\"b\"\"\"", "a\"b", true),
            ("<token>a&amp;b</token>", "a&amp;b", true),
            ("<token><![CDATA[a<b]]></token>", "a<b", true),
            ("f \"token=a&b;c\" x", "a&b;c", true),
            ("f \"token=a;user=b\" x", "a", false),
            ("TOKEN=a Bc1\n", "a Bc1", false),
            ("TOKEN=a run Bc1\n", "a", false),
            ("token = (\"v\")", "v", true),
            ("token = (\n    \"v\"\n)", "v", true),
            ("const token =\n  'v';\n", "v", true),
            ("token: \\\r\n  'v',\n", "v", true),
            ("token = base64.b64decode(b\"v\")", "v", true),
            ("token = bytes(bytearray.fromhex('v'))", "v", true),
            ("token = new String(Base64.getDecoder().decode(\"v\"));", "v", true),
            ("user, token = \"u\", \"v\"", "v", true),
            ("token, user := \"v\", \"u\"", "v", true),
            ("var user, token = \"v\", host = \"h\"", "v", true),
            ("token: !!str v1\n", "v1", false),
            ("token: &a-b \"v\"\n", "v", true),
        ] {
            assert_eq!(
                read(text),
                Some((value.to_owned(), quoted, Syntax::Assign)).map(|mut found| {
                    if text.starts_with('<') {
                        found.2 = Syntax::Tag;
                    }
                    found
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn other_ways_of_naming_a_value_are_told_apart() {
        for (text, value, syntax) in [
            ("set(\"token\", \"v\")", "v", Syntax::Argument),
            ("{token, \"v\"}", "v", Syntax::Argument),
            ("setToken(\"v\")", "v", Syntax::Call),
            ("if token == \"v\"", "v", Syntax::Compare),
            ("run --token v1 --x", "v1", Syntax::Flag),
            ("{\"name\": \"MY_TOKEN\", \"value\": \"v\"}", "v", Syntax::Apart),
            ("- name: MY_TOKEN\n  value: v1\n", "v1", Syntax::Apart),
            ("<add key=\"Token\" value=\"v\" />", "v", Syntax::Apart),
            ("variable \"token\" {\n  type = string\n  default = \"v\"\n}", "v", Syntax::Apart),
            ("the token for staging is v1.", "v1", Syntax::Prose),
            ("| token | v1 |", "v1", Syntax::Prose),
            ("#define TOKEN \"v\"", "v", Syntax::Blank),
            ("  token 'v'\n", "v", Syntax::Blank),
            ("ENV TOKEN v1\n", "v1", Syntax::Blank),
            ("${TOKEN:-v1}", "v1", Syntax::Default),
            ("os.getenv(\"TOKEN\") or \"v\"", "v", Syntax::Default),
            ("buildConfigField \"String\", \"TOKEN\", \"\\\"v\\\"\"", "v", Syntax::Argument),
            ("strcmp(token, \"v\")", "v", Syntax::Compare),
            ("the old token abc123 is", "abc123", Syntax::Prose),
            ("Token of the test server: v1", "v1", Syntax::Prose),
            ("user.token # => \"v\"", "v", Syntax::Prose),
            ("let(:token) { 'v' }", "v", Syntax::Assign),
            ("process.env.TOKEN || 'v'", "v", Syntax::Default),
            ("env::var(\"TOKEN\").unwrap_or(\"v\".into())", "v", Syntax::Default),
            ("System.getenv(\"TOKEN\") ?: \"v\"", "v", Syntax::Default),
            ("config('TOKEN', default='v')", "v", Syntax::Default),
            ("fromEnvironment('TOKEN', defaultValue: 'v')", "v", Syntax::Default),
            ("[\"run\", \"--token\", \"v\"]", "v", Syntax::Flag),
            ("\"token\" to \"v\"", "v", Syntax::Assign),
            ("Map(\"token\" -> \"v\")", "v", Syntax::Assign),
            ("$ENV{TOKEN} = 'v';", "v", Syntax::Assign),
            ("if ($token -eq 'v')", "v", Syntax::Compare),
            ("[token isEqualToString:@\"v\"]", "v", Syntax::Compare),
            ("setToken(L\"v\")", "v", Syntax::Call),
            ("find(By.id(\"token\")).sendKeys(\"v\");", "v", Syntax::Assign),
            ("find_element(By.ID, 'token').send_keys('v')", "v", Syntax::Assign),
            ("page.locator('input[name=\"token\"]').fill('v')", "v", Syntax::Assign),
            ("page.fill('#token', 'v')", "v", Syntax::Argument),
            ("fill_in 'token', with: 'v'", "v", Syntax::Default),
            (".with_token(Some(\"v\"))", "v", Syntax::Call),
            ("set :token, 'v'", "v", Syntax::Argument),
            ("strcpy(token, \"v\");", "v", Syntax::Argument),
            ("setopt(curl, CURLOPT_TOKEN, \"v\");", "v", Syntax::Argument),
            ("token: |-\n  v1\nnext: x", "v1", Syntax::Assign),
            ("<x name=\"token\"><![CDATA[v1]]></x>", "v1", Syntax::Tag),
            ("<key>token</key>\n<string>v1</string>", "v1", Syntax::Tag),
            ("<s name=\"token\" as=\"String\">\n  <value>v1</value>", "v1", Syntax::Apart),
            ("\"token\": {\n  \"value\": \"v\"}", "v", Syntax::Apart),
            ("token - v1", "v1", Syntax::Prose),
            ("token API: v1", "v1", Syntax::Prose),
            ("if (\"v\".equals(token)) {", "v", Syntax::Compare),
            ("if ('v' === $token) {", "v", Syntax::Compare),
            ("strcmp(\"v\", token)", "v", Syntax::Compare),
            ("SET value = 'v' WHERE name = 'token';", "v", Syntax::Apart),
            ("SET option_value='v' WHERE option_name='token'", "v", Syntax::Apart),
            ("{\"value\": \"v\", \"name\": \"MY_TOKEN\"}", "v", Syntax::Apart),
            ("- value: v1\n  name: MY_TOKEN\n- value: v2\n", "v1", Syntax::Apart),
            ("INSERT INTO t (id, token) VALUES (f(1, 2), 'v');", "v", Syntax::Apart),
            ("insert into `t` (`token`, `x`)\nvalues ('v', 2)", "v", Syntax::Apart),
            ("User name,API token,Console login link\nci,v1,https://x/\n", "v1", Syntax::Cell),
            ("\"user\";\"token\"\r\n\"a;b\";\"v1\"\r\n\"c\";\"v2\"\r\n", "v1", Syntax::Cell),
            ("x\nhost\ttoken\nh1\tv1", "v1", Syntax::Cell),
            ("mac,token,sha256\nm,v1,x", "v1", Syntax::Cell),
            ("| user | token |\n|------|:-----:|\n| `a` | `v1` |\n", "v1", Syntax::Cell),
        ] {
            let found = read(text).map(|(value, _, syntax)| (value, syntax));
            assert_eq!(found, Some((value.to_owned(), syntax)), "{text}");
        }
    }

    #[test]
    fn texts_that_go_on_are_told_from_code() {
        let ending = |text: &str| {
            let start = text.find("token").unwrap();
            parse(text.as_bytes(), start..start + 5).map(|found| found.ending)
        };
        for text in ["f(\"x?token=v1&y=2\")", "\"run --token=v1 --x\"", "don't('a;token=v1;b')"] {
            assert_eq!(ending(text), Some(Ending::Text), "{text}");
        }
        for text in
            ["f(\"x\", token=v1, y=\"2\")", "f(token=v1, y=2)", "\"a\" token=v1 \"b\"", "don't token=v1 isn't x"]
        {
            assert_ne!(ending(text), Some(Ending::Text), "{text}");
        }
    }

    #[test]
    fn what_assigns_nothing_is_left() {
        for text in [
            "the token here",
            "token()",
            "token = \"open",
            "token",
            "token =",
            "token::Kind > x",
            "f(a, \"token\", \"v\")",
            "<me@token> v1",
            "$USER:$TOKEN:33:web",
            "x=MY-TOKEN -Xmx256m",
            "the token approach. Algorithms: SHA256",
            "x has_token other_field: { expires_in: 30.minutes }",
            "a token when the provider is \"v\"",
            "{{ .Values.token | b64enc }}",
            "<user>:<token>v1@host",
            "<input type=\"token\" value=\"v\">",
            "\"token\" == ''",
            "token:\n  'a': 1",
            "token, user = f(), \"u\"",
            "  token: &mut Token,\n",
            "<token>a b</token>",
            "f(\"v\", token)",
            "id,token\n1,the old one\n",
            "x1,token\n1,v1\n",
            "id,token\n1,v1,x\n",
            "ask for the user, the token\nthat pass, v1\n",
            "id,token\n\"a\"\"b,c\",v1\n",
            &format!("id,token\n1,{}\n", "v1".repeat(300)),
            "id,token\n",
            "user, token,\nv1, v2, v3\n",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
