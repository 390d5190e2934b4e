//! A file of an export as its reader gets it: front to back, unpacked, in UTF-8 or something like it, with the offset and
//! line at hand.

use std::{
    borrow::Cow,
    io::{self, Read},
    sync::atomic::{AtomicBool, Ordering},
};

use encoding_rs::{Decoder, Encoding};

/// Bytes asked for at once.
const STEP: usize = 256 << 10;

/// Text; what isn't UTF-8 is replaced. Much faster than the lossy conversion alone where all is well, as it mostly is.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A file's first bytes as they are recognised by: text in UTF-16 as UTF-8, without a byte order mark; in JSON, slashes
/// without the backslash that some programs put before each.
pub(super) fn head_as_text(head: &[u8]) -> Cow<'_, [u8]> {
    let text = head_as_utf8(head);
    let is_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
    let slashes = memchr::memmem::Finder::new(b"\\/");
    if !is_json || slashes.find(&text).is_none() {
        return text;
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut told = 0;
    for at in slashes.find_iter(&text) {
        plain.extend_from_slice(&text[told..at]);
        told = at + 1;
    }
    plain.extend_from_slice(&text[told..]);
    Cow::Owned(plain)
}

fn head_as_utf8(head: &[u8]) -> Cow<'_, [u8]> {
    let (encoding, mark) = match wide(head) {
        Some(wide) => wide,
        None => return Cow::Borrowed(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)),
    };
    // It may end within a character.
    let whole = head.len() & !1;
    let text = encoding.decode_without_bom_handling(&head[mark..whole]).0.into_owned();
    Cow::Owned(text.trim_end_matches(char::REPLACEMENT_CHARACTER).as_bytes().to_vec())
}

/// Which UTF-16 a text is in that begins so, and how long its mark is; without a mark, going by two letters of ASCII.
fn wide(head: &[u8]) -> Option<(&'static Encoding, usize)> {
    let is_letter = |first: &u8, second: &u8| *first != 0 && *second != 0;
    match (Encoding::for_bom(head), head) {
        (Some((encoding, length)), _) => (encoding != encoding_rs::UTF_8).then_some((encoding, length)),
        (None, [first, 0, second, 0, ..]) if is_letter(first, second) => Some((encoding_rs::UTF_16LE, 0)),
        (None, [0, first, 0, second, ..]) if is_letter(first, second) => Some((encoding_rs::UTF_16BE, 0)),
        _ => None,
    }
}

/// A piece is cut within its last bytes, so many at most.
const MAX_CUT: usize = 64 << 10;

/// How many lines end in these bytes.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    match bytes.len() {
        // Most steps are a few bytes: a call costs more than they do.
        0..32 => bytes.iter().filter(|byte| **byte == b'\n').count() as u64,
        _ => memchr::memchr_iter(b'\n', bytes).count() as u64,
    }
}

/// Bytes of a file through a window that grows as a reader needs.
///
/// An error while reading ends the file there, like its end would: what stands before it is read all the same. Whoever
/// made the input asks for [`Input::take_failure`] afterwards.
pub(super) struct Input<'r> {
    reader: Box<dyn Read + 'r>,
    interrupt: &'r AtomicBool,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    line: u64,
    is_ended: bool,
    failure: Option<io::Error>,
}

impl<'r> Input<'r> {
    /// Reads bytes as they are from `reader`.
    pub(super) fn new(reader: Box<dyn Read + 'r>, interrupt: &'r AtomicBool) -> Input<'r> {
        Input {
            reader,
            interrupt,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            line: 1,
            is_ended: false,
            failure: None,
        }
    }

    /// From here on, text in UTF-16 is made UTF-8, and a byte order mark is left out. Who reads text begins with this; a
    /// second time it does nothing.
    pub(super) fn decode_text(&mut self) {
        if self.offset > 0 {
            return;
        }
        let head = self.peek(4);
        match wide(head) {
            Some((encoding, _)) => self.transcode(encoding),
            None if head.starts_with(b"\xef\xbb\xbf") => self.consume(3),
            None => {}
        }
    }

    /// Puts a decoder between the reader and the window.
    fn transcode(&mut self, encoding: &'static Encoding) {
        let waiting = self.window().to_vec();
        let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        let stored = Box::new(io::Cursor::new(waiting).chain(rest));
        self.reader = Box::new(Transcoder::new(stored, encoding));
        (self.start, self.end, self.is_ended) = (0, 0, false);
    }

    /// What was read and not yet consumed.
    pub(super) fn window(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Does nothing stand behind the window?
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Reads on; `false` at the end.
    pub(super) fn more(&mut self) -> bool {
        if self.start > 0 && (self.start == self.end || self.bytes.len() - self.end < STEP) {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() - self.end < STEP {
            let grown = (self.bytes.len() * 2).max(2 * STEP).max(self.end + STEP);
            self.bytes.resize(grown, 0);
        }
        while !self.is_ended {
            if self.interrupt.load(Ordering::Relaxed) {
                self.fail(io::Error::from(io::ErrorKind::Interrupted));
                break;
            }
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.is_ended = true,
                Ok(count) => {
                    self.end += count;
                    return true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.fail(error),
            }
        }
        false
    }

    fn fail(&mut self, error: io::Error) {
        self.is_ended = true;
        self.failure = Some(error);
    }

    /// How long the next piece is, and whether it is only a part of one that is longer than `most`, cut behind the last byte that
    /// `may_end` it. `next` is asked with the window, from where to look, and whether nothing more will be read for it; it
    /// says how long the piece is or, if that can't be seen yet, from where to look on. The last piece is all that is left.
    pub(super) fn next_piece(
        &mut self,
        most: usize,
        mut from: usize,
        may_end: impl Fn(&u8) -> bool,
        next: impl Fn(&[u8], usize, bool) -> Result<usize, usize>,
    ) -> (usize, bool) {
        loop {
            let is_whole = self.is_ended || self.window().len() >= most;
            match next(self.window(), from, is_whole) {
                Ok(length) => return (length, false),
                Err(again) if !is_whole => {
                    from = again;
                    self.more();
                }
                Err(_) if self.is_ended => return (self.window().len(), false),
                Err(_) => {
                    let window = self.window();
                    let tail = window.len().saturating_sub(MAX_CUT);
                    let end = window[tail..].iter().rposition(may_end).map_or(window.len(), |at| tail + at + 1);
                    return (end, true);
                }
            }
        }
    }

    /// The next bytes without consuming them: `count`, or fewer at the end.
    pub(super) fn peek(&mut self, count: usize) -> &[u8] {
        while self.end - self.start < count && self.more() {}
        let window = self.window();
        &window[..window.len().min(count)]
    }

    /// Goes on by so many bytes of the window.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        let gone = &self.bytes[self.start..self.start + count];
        self.line += count_lines(gone);
        self.start += count;
        self.offset += count as u64;
    }

    /// The same, where the line behind these bytes is known.
    pub(super) fn consume_to(&mut self, count: usize, line: u64) {
        self.line = line;
        self.start += count;
        self.offset += count as u64;
    }

    /// Offset of the window in the file as unpacked.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Line of the window's first byte, 1-based.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Why reading ended early, if it did.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            self.more();
        }
        let count = self.window().len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.window()[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// Text of another encoding as UTF-8. What can't be decoded is replaced.
struct Transcoder<'r> {
    reader: Box<dyn Read + 'r>,
    decoder: Decoder,
    stored: Vec<u8>,
    start: usize,
    end: usize,
    is_ended: bool,
    /// Has the decoder told all? It must not be asked again.
    is_finished: bool,
}

impl<'r> Transcoder<'r> {
    fn new(reader: Box<dyn Read + 'r>, encoding: &'static Encoding) -> Transcoder<'r> {
        let decoder = encoding.new_decoder_with_bom_removal();
        Transcoder { reader, decoder, stored: vec![0; STEP], start: 0, end: 0, is_ended: false, is_finished: false }
    }
}

impl Read for Transcoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() < 16 {
            return Err(io::Error::other("a buffer too small for a character"));
        }
        while !self.is_finished {
            if self.start == self.end && !self.is_ended {
                self.end = self.reader.read(&mut self.stored)?;
                (self.start, self.is_ended) = (0, self.end == 0);
            }
            let stored = &self.stored[self.start..self.end];
            let (result, used, written, _) = self.decoder.decode_to_utf8(stored, buffer, self.is_ended);
            self.start += used;
            self.is_finished = self.is_ended && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, sync::atomic::AtomicBool};

    use super::{Input, head_as_text};

    fn text(bytes: &[u8]) -> String {
        let interrupt = AtomicBool::new(false);
        let mut text = String::new();
        let mut input = Input::new(Box::new(bytes), &interrupt);
        input.decode_text();
        input.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn marks_and_wide_text_are_understood() {
        assert_eq!(text(b"\xef\xbb\xbf{\"a\":1}"), "{\"a\":1}");
        let wide: Vec<u8> = "\u{feff}a,ü\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&wide), "a,ü\n");
        let unmarked: Vec<u8> = "Id,Name\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(&unmarked), "Id,Name\n");
        // Cut within a character.
        assert_eq!(text(b"\xfe\xff\0a\0"), "a\u{fffd}");
        assert_eq!(text(b"\xff\xfea"), "\u{fffd}");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn heads_are_seen_as_text() {
        let wide: Vec<u8> = "\u{feff}<a>ü".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for length in 6..=wide.len() {
            assert!("<a>ü".as_bytes().starts_with(&head_as_text(&wide[..length])), "{length}");
        }
        assert_eq!(head_as_text(&wide).as_ref(), "<a>ü".as_bytes());
        assert_eq!(head_as_text(b"\xef\xbb\xbfId").as_ref(), b"Id");
        assert_eq!(head_as_text(b"P\0K").as_ref(), b"P\0K");
        assert_eq!(head_as_text(br#"{"a":"https:\/\/b\/"}"#).as_ref(), br#"{"a":"https://b/"}"#);
        assert_eq!(head_as_text(br"<a>\/").as_ref(), br"<a>\/");
    }

    #[test]
    fn a_window_grows_and_counts() {
        let interrupt = AtomicBool::new(false);
        let bytes: Vec<u8> = (0..3_000_000).map(|n| if n % 100 == 99 { b'\n' } else { b'x' }).collect();
        let mut input = Input::new(Box::new(&bytes[..]), &interrupt);
        assert_eq!(input.peek(2_000_000).len(), 2_000_000);
        input.consume(1_000_050);
        assert_eq!((input.offset(), input.line()), (1_000_050, 10_001));
        assert_eq!(input.peek(9_000_000).len(), 1_999_950);
        assert!(input.is_ended());
    }
}
