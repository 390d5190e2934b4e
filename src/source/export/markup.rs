//! From a field as stored to what people saw.

use std::borrow::Cow;

use html5gum::{Token, Tokenizer};

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markup {
    /// As it was seen.
    Plain,
    /// Slack's: `&`, `<` and `>` as entities, `<url|label>`.
    Mrkdwn,
    /// HTML, or text with its entities.
    Html,
    /// Text with HTML between `[code]` and `[/code]`, as ServiceNow's journals have it.
    Coded,
    /// Jira's: `{{code}}`, `{color:red}…{color}`, tables of `||head|` and `|cell|`.
    Wiki,
}

/// The text that people saw; borrowed if that is what is stored.
pub(super) fn shown(text: &str, markup: Markup) -> Cow<'_, str> {
    match markup {
        Markup::Plain => Cow::Borrowed(text),
        Markup::Mrkdwn if memchr::memchr2(b'&', b'<', text.as_bytes()).is_none() => Cow::Borrowed(text),
        Markup::Mrkdwn => Cow::Owned(mrkdwn(text)),
        Markup::Coded => coded(text),
        Markup::Wiki if memchr::memchr2(b'{', b'|', text.as_bytes()).is_none() => Cow::Borrowed(text),
        Markup::Wiki => Cow::Owned(wiki(text)),
        Markup::Html if memchr::memchr2(b'&', b'<', text.as_bytes()).is_none() => Cow::Borrowed(text),
        Markup::Html => {
            let flat = html(text);
            // What was escaped twice (a page quoted in a feed, say) has entities left.
            let is_twice = ["&lt;", "&gt;", "&quot;", "&amp;", "&#"].iter().any(|entity| flat.contains(entity));
            Cow::Owned(if is_twice { html(&flat) } else { flat })
        }
    }
}

/// The text with plain spaces for those that hold a line together: people, and rich text at the end of a line, put them where
/// a space is meant, and no value goes on behind one.
pub(super) fn spaced(text: Cow<'_, str>) -> Cow<'_, str> {
    const SPACES: [char; 2] = ['\u{a0}', '\u{202f}'];
    if text.is_ascii() || !text.contains(SPACES) { text } else { Cow::Owned(text.replace(SPACES, " ")) }
}

/// The text without characters that nobody sees, and with plain quotes and dashes; `None` if it has none of those.
pub(super) fn plain(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let mut plain: Option<String> = None;
    let mut told = 0;
    // All of them begin with one of these bytes, and with these nothing else goes on.
    for at in memchr::memchr3_iter(0xc2, 0xe2, 0xef, text.as_bytes()) {
        let Some(character) = text[at..].chars().next() else { continue };
        let replacement = match character {
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => "",
            '\u{a0}' | '\u{202f}' => " ",
            '\u{201c}'..='\u{201f}' => "\"",
            '\u{2018}'..='\u{201b}' => "'",
            '\u{2013}' | '\u{2014}' => "--",
            _ => continue,
        };
        let plain = plain.get_or_insert_with(|| String::with_capacity(text.len()));
        plain.push_str(&text[told..at]);
        plain.push_str(replacement);
        told = at + character.len_utf8();
    }
    plain.map(|plain| plain + &text[told..])
}

/// The text with what stands in marks of code as it was seen.
fn coded(text: &str) -> Cow<'_, str> {
    const MARKS: [&str; 2] = ["[code]", "[/code]"];
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(MARKS[0]) {
        let (code, after) = behind.split_once(MARKS[1]).unwrap_or((behind, ""));
        out.push_str(before);
        out.push_str(&shown(code, Markup::Html));
        rest = after;
    }
    if out.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Jira's markup: what stands in marks of code and colour without them, and cells of tables with a tab between them.
fn wiki(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let row = line.trim();
        if !row.starts_with('|') {
            push_unmarked(line, &mut out);
            continue;
        }
        let cells = row.trim_matches('|').replace("||", "|");
        for (number, cell) in cells.split('|').enumerate() {
            out.push_str(if number > 0 { "\t" } else { "" });
            push_unmarked(cell.trim(), &mut out);
        }
        out.push('\n');
    }
    out
}

/// Adds text of Jira's without the marks of its macros.
fn push_unmarked(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((code, behind)) = rest.strip_prefix("{{").and_then(|rest| rest.split_once("}}")) {
            out.push_str(code);
            rest = behind;
        } else if let Some((is_block, len)) = macro_at(rest) {
            out.push_str(if is_block { "\n" } else { "" });
            rest = &rest[len..];
        } else {
            out.push('{');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
}

/// The length of the macro's mark that a text begins with; does a line of its own begin behind it?
fn macro_at(text: &str) -> Option<(bool, usize)> {
    const MACROS: [(&str, bool); 6] =
        [("color", false), ("anchor", false), ("code", true), ("noformat", true), ("quote", true), ("panel", true)];
    let end = text.find('}')?;
    let (name, _) = text[1..end].split_once(':').unwrap_or((&text[1..end], ""));
    let (_, is_block) = MACROS.iter().find(|(known, _)| *known == name)?;
    Some((*is_block, end + 1))
}

/// Slack's markup: of links label and address, each for itself.
fn mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        push_entities(&rest[..at], &mut out);
        rest = &rest[at + 1..];
        let Some(end) = rest.find('>') else {
            out.push('<');
            continue;
        };
        let (target, label) = rest[..end].split_once('|').unwrap_or((&rest[..end], ""));
        push_entities(target, &mut out);
        if !label.is_empty() && !target.ends_with(label) {
            out.push(' ');
            push_entities(label, &mut out);
        }
        rest = &rest[end + 1..];
    }
    push_entities(rest, &mut out);
    out
}

fn push_entities(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
        match known.iter().find(|(entity, _)| rest.starts_with(entity)) {
            Some((entity, character)) => {
                out.push(*character);
                rest = &rest[entity.len()..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
}

/// The text of a page: blocks on lines of their own, inline elements without a trace, addresses of links and comments at the
/// end.
pub(super) fn html(text: &str) -> String {
    let (mut out, aside) = parts(text);
    out.push_str(&aside);
    out
}

/// The same without addresses and comments.
pub(super) fn html_text(text: &str) -> String {
    parts(text).0
}

fn parts(text: &str) -> (String, String) {
    let mut page = Page { text: String::with_capacity(text.len()), ..Page::default() };
    let mut aside = String::new();
    for Ok(token) in Tokenizer::new(text) {
        match token {
            Token::String(string) => page.push(&String::from_utf8_lossy(&string.value)),
            Token::StartTag(tag) => {
                page.open(&tag.name);
                for value in tag.attributes.values() {
                    push_aside(&value.value, &mut aside);
                }
            }
            Token::EndTag(tag) => page.close(&tag.name),
            Token::Comment(comment) => push_aside(&comment.value, &mut aside),
            Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    (page.text, aside)
}

/// Text that is put together. Cells of a row have a tab between them and stand on one line, unless one has several.
#[derive(Default)]
struct Page {
    text: String,
    /// Cells of the row at hand.
    cells: usize,
    place: Place,
}

/// Where a text stands in a table.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    /// In a table, between cells: what stands there is indentation.
    Row,
    /// In a cell that has nothing yet.
    EmptyCell,
    Cell,
    /// In a cell, where a line ended: it is told if another one follows.
    EndOfLine,
}

impl Page {
    fn push(&mut self, text: &str) {
        if self.place != Place::Outside && text.trim().is_empty() {
            if self.place == Place::Cell {
                self.text.push(' ');
            }
            return;
        }
        if self.place == Place::EndOfLine {
            self.text.push('\n');
        }
        if matches!(self.place, Place::EmptyCell | Place::EndOfLine) {
            self.place = Place::Cell;
        }
        self.text.push_str(text);
    }

    fn open(&mut self, tag: &[u8]) {
        match tag {
            b"td" | b"th" => {
                self.text.push_str(if self.cells > 0 { "\t" } else { "" });
                self.cells += 1;
                self.place = Place::EmptyCell;
            }
            b"tr" | b"table" => {
                self.end_line();
                (self.cells, self.place) = (0, Place::Row);
            }
            _ => self.break_at(tag),
        }
    }

    fn close(&mut self, tag: &[u8]) {
        match tag {
            b"td" | b"th" => self.place = Place::Row,
            b"tr" | b"table" => {
                self.end_line();
                self.place = if tag == b"tr" { Place::Row } else { Place::Outside };
            }
            _ => self.break_at(tag),
        }
    }

    fn break_at(&mut self, tag: &[u8]) {
        match self.place {
            _ if !BLOCKS.contains(&tag) => {}
            Place::Outside => self.end_line(),
            Place::Cell => self.place = Place::EndOfLine,
            Place::Row | Place::EmptyCell | Place::EndOfLine => {}
        }
    }

    fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

/// Shortest attribute or comment that is kept: what is shorter is a class or a number.
const ASIDE_BYTES: usize = 8;

fn push_aside(bytes: &[u8], aside: &mut String) {
    if bytes.len() >= ASIDE_BYTES {
        aside.push('\n');
        aside.push_str(&String::from_utf8_lossy(bytes));
    }
}

/// Elements that stand on lines of their own.
#[rustfmt::skip]
const BLOCKS: [&[u8]; 23] = [
    b"p", b"div", b"br", b"li", b"h1", b"h2", b"h3", b"h4", b"h5", b"h6", b"pre", b"blockquote", b"ul", b"ol", b"section",
    b"article", b"hr", b"header", b"footer", b"dd", b"dt", b"codeblock", b"body",
];

#[cfg(test)]
mod tests {
    use super::{Markup, plain, shown, spaced};

    #[test]
    fn slack_links_and_entities() {
        let text = "see <postgres://u:p@h/d|postgres://u:p@h/d> &amp; <https:\\x|the page> a-&gt;b <@U1> 1 < 2";
        assert_eq!(shown(text, Markup::Mrkdwn), "see postgres://u:p@h/d & https:\\x the page a->b @U1 1 < 2");
        assert!(matches!(shown("plain", Markup::Mrkdwn), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn pages_are_flattened() {
        let text = "<p>to<b>ken</b> &amp; <span>ab</span>cd</p><p>next<br/>line <a href=\"https://x.y/z\">here</a></p><!-- a comment -->";
        assert_eq!(shown(text, Markup::Html), "token & abcd\nnext\nline here\n\nhttps://x.y/z\n a comment ");
        assert_eq!(shown("&lt;p&gt;a&amp;amp;b&lt;/p&gt;", Markup::Html), "a&b\n");
    }

    #[test]
    fn cells_of_a_row_stand_on_one_line() {
        let table = "<table>\n <tr>\n  <th>User</th> <th><p>Password</p></th>\n </tr>\n<tr><td></td><td><p>a</p>\n<p>b c</p></td></tr>";
        assert_eq!(shown(&format!("x{table}</table>y"), Markup::Html), "x\nUser\tPassword\n\ta\nb c\ny");
        assert_eq!(shown("<td>a</td><td>b</td> c", Markup::Html), "a\tb c");
        let wiki = "||user||password||\n|svc|{{ab}}|\n h{color:red}ot{color} {{x}} {y} {code:java}z{code}";
        assert_eq!(shown(wiki, Markup::Wiki), "user\tpassword\nsvc\tab\n hot x {y} \nz\n");
    }

    #[test]
    fn what_nobody_sees_is_left_out() {
        assert_eq!(plain("a\u{200b}b\u{a0}= \u{201c}c\u{201d}").as_deref(), Some("ab = \"c\""));
        assert_eq!(plain("a\u{2063}b\u{202a}c\u{2069}").as_deref(), Some("abc"));
        assert_eq!(plain("äöü").as_deref(), None);
        assert_eq!(spaced("a\u{a0}b\u{202f}".into()), "a b ");
        assert!(matches!(spaced("äöü".into()), std::borrow::Cow::Borrowed(_)));
    }
}
