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
}

/// The text that people saw; borrowed if that is what is stored.
pub(super) fn shown(text: &str, markup: Markup) -> Cow<'_, str> {
    match markup {
        Markup::Plain => Cow::Borrowed(text),
        Markup::Mrkdwn if memchr::memchr2(b'&', b'<', text.as_bytes()).is_none() => Cow::Borrowed(text),
        Markup::Mrkdwn => Cow::Owned(mrkdwn(text)),
        Markup::Coded => coded(text),
        Markup::Html if memchr::memchr2(b'&', b'<', text.as_bytes()).is_none() => Cow::Borrowed(text),
        Markup::Html => {
            let flat = html(text);
            // What was escaped twice (a page quoted in a feed, say) has entities left.
            let is_twice = ["&lt;", "&gt;", "&quot;", "&amp;", "&#"].iter().any(|entity| flat.contains(entity));
            Cow::Owned(if is_twice { html(&flat) } else { flat })
        }
    }
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
    let mut out = String::with_capacity(text.len());
    let mut aside = String::new();
    for Ok(token) in Tokenizer::new(text) {
        match token {
            Token::String(string) => out.push_str(&String::from_utf8_lossy(&string.value)),
            Token::StartTag(tag) => {
                break_at(&tag.name, &mut out);
                for value in tag.attributes.values() {
                    push_aside(&value.value, &mut aside);
                }
            }
            Token::EndTag(tag) => break_at(&tag.name, &mut out),
            Token::Comment(comment) => push_aside(&comment.value, &mut aside),
            Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    (out, aside)
}

/// Shortest attribute or comment that is kept: what is shorter is a class or a number.
const ASIDE_BYTES: usize = 8;

fn push_aside(bytes: &[u8], aside: &mut String) {
    if bytes.len() >= ASIDE_BYTES {
        aside.push('\n');
        aside.push_str(&String::from_utf8_lossy(bytes));
    }
}

fn break_at(tag: &[u8], out: &mut String) {
    const BLOCKS: [&[u8]; 25] = [
        b"p",
        b"div",
        b"br",
        b"li",
        b"tr",
        b"h1",
        b"h2",
        b"h3",
        b"h4",
        b"h5",
        b"h6",
        b"pre",
        b"blockquote",
        b"table",
        b"ul",
        b"ol",
        b"section",
        b"article",
        b"hr",
        b"header",
        b"footer",
        b"dd",
        b"dt",
        b"codeblock",
        b"body",
    ];
    if matches!(tag, b"td" | b"th") {
        out.push('\t');
    } else if BLOCKS.contains(&tag) && !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::{Markup, plain, shown};

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
    fn what_nobody_sees_is_left_out() {
        assert_eq!(plain("a\u{200b}b\u{a0}= \u{201c}c\u{201d}").as_deref(), Some("ab = \"c\""));
        assert_eq!(plain("a\u{2063}b\u{202a}c\u{2069}").as_deref(), Some("abc"));
        assert_eq!(plain("äöü").as_deref(), None);
    }
}
