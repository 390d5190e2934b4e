//! DiscordChatExporter's texts: messages below lines with time and author.

use std::borrow::Cow;

use super::super::{
    input::{Input, lossy},
    layout::{EachText, Facts, Fields, Layout, PLAIN},
};

/// Bytes of a message that are held; a longer one is told in parts.
const MAX_BYTES: usize = 16 << 20;

/// A line of no more than that may begin a message.
const MAX_LINE: usize = 512;

/// What stands above and below the head of a text.
const RULE: &str = "==============================================================";

/// A rule, and what it is the text of.
pub(super) fn signs(head: &[u8]) -> Vec<String> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if !head.starts_with(RULE.as_bytes()) {
        return Vec::new();
    }
    let text = lossy(&head[..head.len().min(4096)]);
    let mut lines = text.lines().skip(1).take_while(|line| *line != RULE);
    let names = ["Guild: ", "Channel: "];
    let found: Vec<&str> = names.into_iter().filter(|name| lines.by_ref().any(|line| line.starts_with(name))).collect();
    if found.len() < 2 { Vec::new() } else { found.iter().map(|name| format!("a line `{}`", name.trim())).collect() }
}

pub(super) static MESSAGE: Layout = Layout {
    texts: &[("content", PLAIN)],
    facts: &[("author", "author"), ("time", "time")],
    kind: "channel",
    skip: &["author", "time"],
    addresses: &["file"],
    files: &["file"],
    adjust: super::direct,
    ..Layout::NONE
};

/// What a line with time and author looks like: all of one text are written alike, so that a line of somebody's log is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shape(Option<String>);

impl Shape {
    /// Time and author, if the line is such a one.
    fn parts<'l>(&self, line: &'l str) -> Option<(&'l str, &'l str)> {
        let (time, author) = line.strip_prefix('[')?.split_once("] ")?;
        let author = author.trim_end().strip_suffix(" (pinned)").unwrap_or(author.trim_end());
        let is_time = time.len() <= 64 && time.bytes().any(|byte| byte.is_ascii_digit());
        let is_it = is_time && !author.is_empty() && self.0.as_ref().is_none_or(|own| *own == shape_of(time));
        is_it.then_some((time, author))
    }
}

/// A time with each run of digits and of letters as one.
fn shape_of(time: &str) -> String {
    let mut shape = String::new();
    for character in time.chars() {
        let kind = match character {
            _ if character.is_ascii_digit() => '0',
            _ if character.is_alphabetic() => 'a',
            // May stand before AM and PM.
            _ if character.is_whitespace() => ' ',
            other => other,
        };
        if !shape.ends_with(kind) {
            shape.push(kind);
        }
    }
    shape
}

/// Reads a text message by message.
pub(super) fn read(input: &mut Input<'_>, about: &mut Facts, each: EachText<'_>) {
    input.decode_text();
    let mut shape = Shape::default();
    let mut known = about.clone();
    let mut goes_on = false;
    loop {
        let (length, is_part) = input.next_piece(MAX_BYTES, 0, u8::is_ascii_whitespace, |window, from, is_whole| {
            next_message(window, from, is_whole, &shape)
        });
        if length == 0 {
            return;
        }
        let (text, offset, line) = (lossy(&input.window()[..length]), input.offset(), input.line());
        let body = if goes_on { 0 } else { begin(&text, about, &mut known, &mut shape) };
        each(&known, Fields { parts: &parts(&text, body, offset) }, (length, line));
        drop(text);
        input.consume(length);
        goes_on = is_part;
    }
}

/// Takes in what a message or the text's head says; where its own text begins.
fn begin(text: &str, about: &mut Facts, known: &mut Facts, shape: &mut Shape) -> usize {
    let first = text.lines().next().unwrap_or_default();
    let Some((time, author)) = shape.parts(first).filter(|_| first.len() <= MAX_LINE) else {
        head(text, about);
        known.clone_from(about);
        return 0;
    };
    shape.0.get_or_insert_with(|| shape_of(time));
    known.clone_from(about);
    known.set("author", author);
    known.set("time", time);
    first.len()
}

/// The lines between the first two rules.
fn head(text: &str, about: &mut Facts) {
    for line in text.lines().take(16) {
        if let Some(guild) = line.strip_prefix("Guild: ") {
            if guild == "Direct Messages" {
                about.set("channel_type", "Direct");
            } else {
                about.set("workspace", guild);
            }
        } else if let Some(channel) = line.strip_prefix("Channel: ") {
            // `Text / general`.
            about.set("container", channel.rsplit(" / ").next().unwrap_or(channel));
        }
    }
}

/// The parts of a message: its text, and the addresses of its files.
fn parts(text: &str, body: usize, offset: u64) -> Vec<(&'static str, Cow<'_, str>, u64)> {
    let mut parts: Vec<(&'static str, Cow<'_, str>, u64)> = Vec::new();
    let (mut start, mut at) = (body, body);
    let mut in_files = false;
    for line in text[body..].split_inclusive('\n') {
        let (here, bare) = (at, line.trim());
        at += line.len();
        if in_files && !bare.is_empty() {
            parts.push(("file", Cow::Borrowed(bare), offset + here as u64));
            start = at;
        } else if bare.is_empty() {
            in_files = false;
        } else if matches!(bare, "{Attachments}" | "{Stickers}") {
            parts.push(("content", Cow::Borrowed(&text[start..here]), offset + start as u64));
            (start, in_files) = (at, true);
        }
    }
    parts.push(("content", Cow::Borrowed(&text[start..]), offset + start as u64));
    parts
}

/// Where the next message begins, or the rule at the text's end: behind a line without text. Or from where to look again once
/// there is more.
fn next_message(bytes: &[u8], from: usize, is_whole: bool, shape: &Shape) -> Result<usize, usize> {
    let mut from = from;
    while let Some(found) = memchr::memchr(b'\n', &bytes[from.min(bytes.len())..]) {
        let here = from + found;
        from = here + 1;
        let above = bytes[..here].strip_suffix(b"\r").unwrap_or(&bytes[..here]);
        if !above.ends_with(b"\n") {
            continue;
        }
        let rest = &bytes[from..];
        let line = &rest[..rest.len().min(MAX_LINE)];
        let end = memchr::memchr(b'\n', line);
        if end.is_none() && line.len() < MAX_LINE && !is_whole {
            return Err(here);
        }
        let line = lossy(line[..end.unwrap_or(line.len())].trim_ascii_end());
        if line == RULE || shape.parts(&line).is_some() {
            return Ok(from);
        }
    }
    Err(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{Shape, shape_of};

    #[test]
    fn lines_that_begin_a_message() {
        let parts = |shape: &Shape, line| shape.parts(line).map(|(time, author)| format!("{time}|{author}"));
        let any = Shape::default();
        assert_eq!(
            parts(&any, "[01-Jan-24 12:00 PM] ada#0001 (pinned)").as_deref(),
            Some("01-Jan-24 12:00 PM|ada#0001")
        );
        assert_eq!(parts(&any, "[x] ada"), None);
        let own = Shape(Some(shape_of("1/2/2024 9:00 AM")));
        assert!(parts(&own, "[12/31/2024 11:59 PM] bob").is_some());
        assert_eq!(parts(&own, "[2024-01-01 10:00:00] INFO started"), None);
    }
}
