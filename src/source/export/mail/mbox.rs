//! Mailboxes: message after message in one file, each behind a line that begins with `From `.

use std::borrow::Cow;

use super::{
    super::{input::Input, markup::Markup, sink::Sink},
    letter::{Stand, Teller},
    mime::is_header_line,
};
use crate::model::ProblemKind;

/// Largest message that is held in memory. What is beyond it is scanned as it is.
const MAX_MESSAGE: usize = 64 << 20;

/// Is it a line that begins a message: who sent it, when, and a header below it? Those in texts should have a `>` before
/// them, but not every program puts it there.
pub(super) fn is_from_line(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"From ") else { return false };
    let end = memchr::memchr(b'\n', &rest[..rest.len().min(512)]);
    let Some((line, below)) = end.map(|end| rest.split_at(end + 1)) else { return false };
    let is_next = is_header_line(below) || below.starts_with(b">From ") || below.starts_with(b"From ");
    is_next && has_time(line)
}

/// Does a message begin here, whatever its first line says? That line may be damaged: what tells is a head of mail right
/// below it.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    is_from_line(bytes) || is_damaged(bytes)
}

fn is_damaged(bytes: &[u8]) -> bool {
    let near = &bytes[..bytes.len().min(SIGHT)];
    let line = near.starts_with(b"From ").then(|| memchr::memchr(b'\n', near)).flatten();
    line.is_some_and(|end| super::detect::is_head(&near[end + 1..]))
}

/// So many bytes of a message tell that it is one.
const SIGHT: usize = 8 << 10;

/// `10:00` and four digits of a year.
fn has_time(line: &[u8]) -> bool {
    let digits = |range: &[u8]| range.iter().all(u8::is_ascii_digit);
    let time = line.windows(5).any(|five| digits(&five[..2]) && five[2] == b':' && digits(&five[3..]));
    let mut words = line.split(|byte| !byte.is_ascii_alphanumeric());
    time && words.any(|word| word.len() == 4 && digits(word) && matches!(&word[..2], b"19" | b"20"))
}

/// Reads all messages.
pub(super) fn read(input: &mut Input<'_>, teller: &Teller<'_>, sink: &mut Sink<'_>) {
    while !input.peek(1).is_empty() {
        let (length, is_whole) = message_length(input);
        let (offset, line) = (input.offset(), input.line());
        let bytes = &input.window()[..length];
        let from = memchr::memchr(b'\n', bytes).map_or(0, |end| end + 1);
        // What is damaged may be a line of somebody's text.
        if !is_from_line(bytes) {
            sink.field("line", &String::from_utf8_lossy(&bytes[..from]), offset, Markup::Plain);
        }
        let (message, removed) = unescaped(&bytes[from..]);
        let stand = Stand { offset: offset + from as u64, line: line + 1, removed: &removed, is_unpacked: false };
        teller.tell(&message, stand, None, sink);
        if is_whole && input.is_ended() && length == input.window().len() {
            teller.tell_cut(&message, offset + length as u64, sink);
        }
        input.consume(length);
        if !is_whole {
            rest(input, sink);
        }
    }
}

/// Length of the message at hand; `false` if it goes on beyond what is held.
fn message_length(input: &mut Input<'_>) -> (usize, bool) {
    let mut looked_at = 0;
    loop {
        let window = input.window();
        if let Some(end) = next_from(window, looked_at, input.is_ended()) {
            return (end, true);
        }
        if window.len() >= MAX_MESSAGE {
            return (window.len(), false);
        }
        // A line that begins a message may stand at the end in part.
        looked_at = window.len().saturating_sub(2 * SIGHT);
        if !input.more() {
            let window = input.window();
            return (next_from(window, looked_at, true).unwrap_or(window.len()), true);
        }
    }
}

/// Where the next message begins, behind `from`.
fn next_from(window: &[u8], from: usize, is_ended: bool) -> Option<usize> {
    // What is below has to be in sight.
    let limit = if is_ended { window.len() } else { window.len().saturating_sub(SIGHT) };
    memchr::memmem::find_iter(&window[from.min(window.len())..], b"\nFrom ")
        .map(|at| from + at + 1)
        .take_while(|at| *at < limit)
        .find(|at| is_start(&window[*at..]))
}

/// Scans what is left of a message that is too long.
fn rest(input: &mut Input<'_>, sink: &mut Sink<'_>) {
    let message = "the message is larger than can be held: the rest of it is scanned as it is, encoded files in it aren't decoded";
    sink.problem(ProblemKind::Limit, input.offset(), message);
    loop {
        if input.window().len() < 4 * SIGHT && !input.more() && input.window().is_empty() {
            return;
        }
        let window = input.window();
        let next = if is_start(window) { Some(0) } else { next_from(window, 0, input.is_ended()) };
        let length = match next {
            Some(next) => next,
            None if input.is_ended() => window.len(),
            // Up to the end of a line, so that what begins a message stays whole.
            None => memchr::memrchr(b'\n', &window[..window.len().saturating_sub(2 * SIGHT)]).map_or(0, |at| at + 1),
        };
        if length > 0 {
            sink.broken(&window[..length], input.offset(), input.line(), None);
            input.consume(length);
        }
        if next.is_some() || length == 0 && !input.more() {
            return;
        }
    }
}

/// The message without the `>` that stands before lines that begin like that of a message; and behind which offsets one was.
fn unescaped(bytes: &[u8]) -> (Cow<'_, [u8]>, Vec<usize>) {
    let mut removed = Vec::new();
    let mut out: Vec<u8> = Vec::new();
    let mut copied = 0;
    for at in memchr::memmem::find_iter(bytes, b">From ") {
        let quotes = bytes[..at].iter().rev().take_while(|byte| **byte == b'>').count();
        let line = at - quotes;
        if line > 0 && bytes[line - 1] != b'\n' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        removed.push(out.len());
        copied = at + 1;
    }
    if removed.is_empty() {
        return (Cow::Borrowed(bytes), removed);
    }
    out.extend_from_slice(&bytes[copied..]);
    (Cow::Owned(out), removed)
}

#[cfg(test)]
mod tests {
    use super::{is_from_line, is_start, unescaped};

    #[test]
    fn lines_that_begin_a_message() {
        for line in [
            "From ada@example.com Mon Jan  1 10:00:00 2024\nFrom: ada",
            "From 1787@xxx Mon Jan 01 10:00:00 +0000 2024\r\nX-GM-THRID: 1",
            "From - Mon Jan  1 10:00 2024\nX-Mozilla-Status: 0001",
        ] {
            assert!(is_from_line(line.as_bytes()), "{line}");
        }
        for line in ["From here on 10:00 2024 it goes\n\nx", "From now on\nSubject: x", "From: a\nTo: b"] {
            assert!(!is_from_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_damaged_line_begins_a_message_all_the_same() {
        let head = "Return-Path: <a@x>\nReceived: from b\n by c\nFrom: a\nSubject: d\n\n";
        for line in ["From ada@example.com", "From ada@example.com Mon Jan", "From \u{fffd}\u{1}"] {
            assert!(is_start(format!("{line}\n{head}").as_bytes()), "{line}");
        }
        for text in [format!("From here\n\n{head}"), "From here\nFrom: a\nTo: b\n\n".to_owned()] {
            assert!(!is_start(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn quoted_lines_are_made_whole() {
        let (text, removed) = unescaped(b">From a\nx >From b\n>>From c\n");
        assert_eq!((text.as_ref(), removed), (&b"From a\nx >From b\n>From c\n"[..], vec![0, 18]));
    }
}
