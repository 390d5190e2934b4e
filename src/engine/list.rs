//! Lists of settings in one text: `Server=db1;Uid=app;Password=…;` of ADO.NET, ODBC and JDBC, `host=db1 user=app password=…` of
//! libpq. A value goes up to the sign that separates it from the next one, or to the end of the text that the list stands in. An
//! entity or an escape in it is a sign like others.
//!
//! *Source*: [ADO.NET](https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/connection-string-syntax),
//! [ODBC](https://learn.microsoft.com/en-us/sql/odbc/reference/syntax/sqldriverconnect-function),
//! [libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING) (read 28 November 2026).

use memchr::memmem;

use super::{
    quotes::{self, Quote},
    whole::MAX,
};

/// What a value in a list turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// It ends there.
    Ends(usize),
    /// The text that the list stands in ends where the value would begin: a program puts it there.
    Joined,
}

/// The value that begins at `start`, of a list that begins at `list`. `None` if it is no item of a list.
pub(super) fn item(bytes: &[u8], list: usize, start: usize) -> Option<Item> {
    let own = Mark::before(bytes, start);
    let separator = separator(bytes.get(list..start.checked_sub(own.map_or(0, |own| own.len()))?)?)?;
    let around = enclosing(bytes, list);
    if own.is_some() && own == around {
        return Some(Item::Joined);
    }
    let line = &bytes[start..(start + MAX).min(bytes.len())];
    let line_end = start + memchr::memchr(b'\n', line).unwrap_or(line.len());
    let close = around.and_then(|mark| mark.close(bytes, start, line_end));
    let limit = close.unwrap_or(line_end);
    if let Some(end) = own.and_then(|own| own.close(bytes, start, limit)) {
        return Some(Item::Ends(end));
    }
    let text = &bytes[start..limit];
    let len = if close.is_some() { quoted_len(text, separator) } else { bare_len(text, separator) };
    Some(Item::Ends(start + len))
}

/// What separates the items of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Semicolon,
    Blank,
    /// Of a URL's parameters.
    Ampersand,
}

/// What separates the items of a list, by what stands before the name of its last one.
fn separator(before: &[u8]) -> Option<Separator> {
    let name = before.trim_ascii_end().strip_suffix(b"=")?.trim_ascii_end();
    let is_part = |byte: &&u8| byte.is_ascii_alphabetic() || **byte == b'_';
    let rest = &name[..name.len() - name.iter().rev().take_while(is_part).count()];
    let is_parameter = [b"?".as_slice(), b"&", b"&amp;", br"\u0026"].iter().any(|mark| rest.ends_with(mark));
    match rest.trim_ascii_end() {
        _ if is_parameter => Some(Separator::Ampersand),
        [.., b';'] => Some(Separator::Semicolon),
        trimmed => (trimmed.len() < rest.len()).then_some(Separator::Blank),
    }
}

impl Separator {
    /// Does a text begin with it?
    fn begins(self, text: &[u8]) -> bool {
        match self {
            Separator::Semicolon => text.starts_with(b";"),
            Separator::Blank => text[0].is_ascii_whitespace(),
            Separator::Ampersand => text[0] == b'&' || text[0].is_ascii_whitespace() || text.starts_with(br"\u0026"),
        }
    }
}

/// How long a value is in a text whose quotes end behind it.
fn quoted_len(text: &[u8], separator: Separator) -> usize {
    let len = length(text, |rest| separator.begins(rest));
    text[..len].trim_ascii_end().len()
}

/// How long a value is that no quotes end: a blank does, and signs that text and code have behind one.
fn bare_len(text: &[u8], separator: Separator) -> usize {
    let len = length(text, |rest| match rest {
        [b'"' | b'`' | b'<', ..] => true,
        [b'\'', rest @ ..] => !rest.first().is_some_and(u8::is_ascii_alphanumeric),
        [byte, ..] => byte.is_ascii_whitespace() || separator.begins(rest),
        [] => true,
    });
    let is_behind = |byte: &u8| match separator {
        Separator::Semicolon => b"{}>'\\".contains(byte),
        Separator::Blank | Separator::Ampersand => b"{}>'\\;&(),".contains(byte),
    };
    text[..len].iter().rposition(|byte| !is_behind(byte)).map_or(0, |last| last + 1)
}

/// Where the first sign stands that ends a value: one that `ends` says so of, or an escaped line break.
fn length(text: &[u8], ends: impl Fn(&[u8]) -> bool) -> usize {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        match sign_len(rest) {
            0 => return at,
            _ if ends(rest) => return at,
            len => at += len,
        }
    }
    text.len()
}

/// How many bytes the first sign of a text has: more than one if it is an entity of XML or an escape, 0 if that is a line break.
fn sign_len(text: &[u8]) -> usize {
    let entity = || ENTITIES.iter().find(|entity| text.starts_with(entity)).map(|entity| entity.len());
    let number = || {
        let digits = text.strip_prefix(b"&#")?.iter().take(6).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        (digits > 0 && text.get(digits + 2) == Some(&b';')).then_some(digits + 3)
    };
    match text {
        [b'&', ..] => entity().or_else(number).unwrap_or(1),
        [b'\\', b'n' | b'r', ..] => 0,
        [b'\\', b'u', digits @ ..] if digits.iter().take(4).filter(|byte| byte.is_ascii_hexdigit()).count() == 4 => 6,
        [b'\\', escaped, ..] if !escaped.is_ascii_whitespace() && *escaped != b';' => 2,
        _ => 1,
    }
}

/// Entities that XML has without a list of them.
const ENTITIES: [&[u8]; 5] = [b"&amp;", b"&lt;", b"&gt;", b"&quot;", b"&apos;"];

/// What stands on either side of a text.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// A quotation mark, maybe behind backslashes.
    Quote(Quote),
    /// One as something else writes it, or doubled.
    Spelled(&'static [u8]),
    /// Braces. A closing one in the text is doubled.
    Braces,
}

/// Quotation marks of a text that is part of another one.
const SPELLED: [&[u8]; 8] = [b"&quot;", b"&apos;", b"&#34;", b"&#39;", br"\u0022", br"\u0027", br#""""#, b"''"];

impl PartialEq for Mark {
    fn eq(&self, other: &Mark) -> bool {
        match (self, other) {
            (Mark::Quote(one), Mark::Quote(two)) => (one.mark, one.depth) == (two.mark, two.depth),
            (Mark::Spelled(one), Mark::Spelled(two)) => one == two,
            (Mark::Braces, Mark::Braces) => true,
            _ => false,
        }
    }
}

impl Mark {
    /// The mark that ends at `at`.
    fn before(bytes: &[u8], at: usize) -> Option<Mark> {
        if let Some(mark) = SPELLED.into_iter().find(|mark| bytes[..at].ends_with(mark)) {
            return Some(Mark::Spelled(mark));
        }
        match bytes[..at].last()? {
            b'"' | b'\'' => Some(Mark::Quote(Quote::at(bytes, at - 1))),
            b'{' => Some(Mark::Braces),
            _ => None,
        }
    }

    fn len(self) -> usize {
        match self {
            Mark::Quote(quote) => 1 + quote.depth,
            Mark::Spelled(mark) => mark.len(),
            Mark::Braces => 1,
        }
    }

    /// Where the text from `start` on is closed by it.
    fn close(self, bytes: &[u8], start: usize, limit: usize) -> Option<usize> {
        match self {
            Mark::Quote(quote) => quotes::end_of(bytes, start, limit + 1, quote),
            Mark::Spelled(mark) => memmem::find(&bytes[start..limit], mark).map(|len| start + len),
            Mark::Braces => {
                let mut at = start;
                while let Some(step) = memchr::memchr(b'}', &bytes[at..limit]) {
                    at += step;
                    match bytes[at..limit].starts_with(b"}}") {
                        true => at += 2,
                        false => return Some(at),
                    }
                }
                None
            }
        }
    }
}

/// What opens, on its line, the text that holds what begins at `at`.
fn enclosing(bytes: &[u8], at: usize) -> Option<Mark> {
    let from = at.saturating_sub(MAX);
    for here in (from..at).rev() {
        match bytes[here] {
            b'\n' => return None,
            b';' if bytes[from..=here].ends_with(b"&quot;") => return Some(Mark::Spelled(b"&quot;")),
            mark @ (b'"' | b'\'' | b'`') => {
                let quote = Quote::at(bytes, here);
                let before = bytes[from..here - quote.depth].last().copied();
                let behind = bytes[here + 1];
                let is_word = |byte: u8| byte.is_ascii_alphanumeric();
                if mark == b'\'' && before.is_some_and(is_word) && is_word(behind) && !has_prefix(&bytes[from..here]) {
                    continue;
                }
                let opens = !before.is_some_and(is_word) || has_prefix(&bytes[from..here]);
                return (opens && !behind.is_ascii_whitespace()).then_some(Mark::Quote(quote));
            }
            _ => {}
        }
    }
    None
}

/// Does a text end in letters that stand before a literal's quotes (`f"…"`, `rb"…"`, `N'…'`) and are no word?
fn has_prefix(text: &[u8]) -> bool {
    let letters = text.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    letters <= 2 && text[text.len() - letters..].iter().all(|byte| b"rRbBfFuULN".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::{Item, item};

    /// The value behind the last `=` and what opens it, of the list that `[` begins.
    fn value(text: &str) -> Option<Option<String>> {
        let (before, rest) = text.split_once('[').unwrap();
        let (list, value) = rest.split_once(']').unwrap();
        let (start, bytes) = (before.len() + list.len(), format!("{before}{list}{value}"));
        item(bytes.as_bytes(), before.len(), start).map(|item| match item {
            Item::Ends(end) => Some(bytes[start..end].to_owned()),
            Item::Joined => None,
        })
    }

    #[test]
    fn values_end_where_the_next_item_or_the_text_does() {
        for (text, whole) in [
            (r#""[Server=s;Opt=]a>b;X=1""#, "a>b"),
            (r#""[Server=s; Opt = ]a b' {c ;X=1""#, "a b' {c"),
            (r#"f"[Server=s;Opt=]a<b""#, "a<b"),
            (r#"x="[Server=s;Opt=]a&amp;b&#59;c;X=1""#, "a&amp;b&#59;c"),
            (r#""[Server=s;Opt=]a\u0026b\\c\"d;X""#, r#"a\u0026b\\c\"d"#),
            (r#"{\"c\":\"[Server=s;Opt=]a;X\"}"#, "a"),
            (r#"@"[Server=s;Opt=]a""b;X""#, r#"a""b"#),
            (r#""[Server=s;Opt=\"]a;b\";X""#, "a;b"),
            (r#""[Server=s;Opt=']a;b c';X""#, "a;b c"),
            (r#"@"[Server=s;Opt=""]a;b"";X""#, "a;b"),
            (r#"x="y=&quot;[Server=s;Opt=]a'b&quot;""#, "a'b"),
            ("c=[Driver={D};OPT={]a;b}}c};X=1", "a;b}}c"),
            ("c=[Server=s;Opt=]a>b'c;X=1", "a>b'c"),
            ("c=[Server=s;Opt=]ab X", "ab"),
            ("<c>[Server=s;Opt=]ab</c>", "ab"),
            ("(don't: [Server=s;Opt=]ab') ", "ab"),
            (r#""[Server=s;Opt=]ab\nc""#, "ab"),
            (r#""[host=h opt=]a;b&c dbname=x""#, "a;b&c"),
            (r#""[host=h opt=']a b' dbname=x""#, "a b"),
            ("psql [host=h opt=]ab; ls", "ab"),
            (r#""[jdbc:x://h/d?user=u&opt=]a;b{c&ssl=1""#, "a;b{c"),
            ("<x>[jdbc:x://h/d?user=u&amp;opt=]ab&amp;ssl=1</x>", "ab"),
            (r#""[jdbc:x://h/d?user=u\u0026opt=]ab\u0026ssl=1""#, "ab"),
        ] {
            assert_eq!(value(text), Some(Some(whole.to_owned())), "{text}");
        }
    }

    #[test]
    fn joined_texts_and_other_lists_have_no_items() {
        assert_eq!(value("'[Server=s;Opt=']+pw+';X=1'"), Some(None));
        assert_eq!(value("\"[https://u:]ab@h/\""), None);
    }
}
