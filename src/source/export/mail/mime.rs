//! The inside of a message: headers, parts, and what the parts are packed in.
//!
//! Own code around the headers: parts are borrowed from the message, offsets are wanted, and nesting made to hurt has to end
//! somewhere. Format: RFC 5322, 2045 to 2049.

use std::{borrow::Cow, ops::Range};

use encoding_rs::Encoding;
use mail_parser::{ContentType, Header, HeaderName, HeaderValue, MessageParser};

/// Headers and body of a message or of a part of one.
pub(super) struct Entity<'m> {
    /// In their order.
    pub(super) headers: Vec<Header<'m>>,
    /// The bytes of the headers, in which they have their offsets.
    pub(super) head: &'m [u8],
    /// What stands behind them.
    pub(super) body: &'m [u8],
    /// Offset of the body in what the entity was made of.
    pub(super) body_at: usize,
}

impl<'m> Entity<'m> {
    /// Takes bytes apart. What doesn't begin with headers is all body.
    pub(super) fn new(parser: &MessageParser, bytes: &'m [u8]) -> Entity<'m> {
        let end = if is_header_line(bytes) { head_end(bytes) } else { blank_line(bytes) };
        let (head, body) = bytes.split_at(end);
        let parsed = parser.parse_headers(head);
        let headers = parsed.and_then(|message| message.parts.into_iter().next()).map(|part| part.headers);
        Entity { headers: headers.unwrap_or_default(), head, body, body_at: end }
    }

    /// The first header of that name.
    pub(super) fn header(&self, name: &HeaderName<'_>) -> Option<&HeaderValue<'m>> {
        self.headers.iter().find(|header| header.name == *name).map(|header| &header.value)
    }

    fn content_type(&self) -> Option<&ContentType<'m>> {
        self.header(&HeaderName::ContentType)?.as_content_type()
    }

    /// Is it of a type such as `text/html`? The second part may be empty: any will do then.
    pub(super) fn is(&self, kind: &str, subtype: &str) -> bool {
        let Some(own) = self.content_type() else { return kind == "text" && matches!(subtype, "" | "plain") };
        let is_subtype = || own.subtype().is_some_and(|own| own.eq_ignore_ascii_case(subtype));
        own.ctype().eq_ignore_ascii_case(kind) && (subtype.is_empty() || is_subtype())
    }

    /// What stands behind the type, such as `charset`.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.content_type()?.attribute(name)
    }

    /// The name of the file that it is.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.disposition().and_then(|own| own.attribute("filename")).or_else(|| self.parameter("name"))
    }

    fn disposition(&self) -> Option<&ContentType<'m>> {
        self.header(&HeaderName::ContentDisposition)?.as_content_type()
    }

    /// Is it a file, not something to be read at once?
    pub(super) fn is_file(&self) -> bool {
        self.file_name().is_some() || self.disposition().is_some_and(|own| own.is_attachment())
    }

    /// The body as it was before it was packed.
    pub(super) fn unpacked(&self) -> Cow<'m, [u8]> {
        let Some(HeaderValue::Text(encoding)) = self.header(&HeaderName::ContentTransferEncoding) else {
            return Cow::Borrowed(self.body);
        };
        match encoding.trim() {
            packed if packed.eq_ignore_ascii_case("base64") => Cow::Owned(base64(self.body)),
            packed if packed.eq_ignore_ascii_case("quoted-printable") => Cow::Owned(quoted_printable(self.body)),
            _ => Cow::Borrowed(self.body),
        }
    }

    /// Does it end in the middle: before its last part does, within base64, or in its headers? Then the file was cut off.
    pub(super) fn is_cut(&self) -> bool {
        if let Some(boundary) = self.parameter("boundary").filter(|boundary| !boundary.is_empty())
            && self.is("multipart", "")
        {
            let end = ["--", boundary, "--"].concat();
            let mut ends = memchr::memmem::find_iter(self.body, end.as_bytes());
            return !ends.any(|at| at == 0 || self.body[at - 1] == b'\n');
        }
        match self.header(&HeaderName::ContentTransferEncoding) {
            Some(HeaderValue::Text(encoding)) if encoding.trim().eq_ignore_ascii_case("base64") => {
                self.body.iter().filter(|byte| !byte.is_ascii_whitespace()).count() % 4 != 0
            }
            _ => self.body.is_empty() && self.head.last().is_some_and(|last| *last != b'\n'),
        }
    }

    /// The body as text. Without a known character set it is UTF-8, or else Windows-1252.
    pub(super) fn text(&self) -> String {
        let bytes = self.unpacked();
        let named = self.parameter("charset").and_then(|name| Encoding::for_label(name.as_bytes()));
        let text = match named {
            Some(encoding) => encoding.decode(&bytes).0.into_owned(),
            None => match String::from_utf8(bytes.into_owned()) {
                Ok(text) => text,
                Err(error) => encoding_rs::WINDOWS_1252.decode(error.as_bytes()).0.into_owned(),
            },
        };
        let is = |name, value| self.parameter(name).is_some_and(|own| own.eq_ignore_ascii_case(value));
        if is("format", "flowed") { unflowed(&text, is("delsp", "yes")) } else { text }
    }

    /// The parts of a body that has some, as ranges of it. Texts before the first and behind the last one come as parts.
    pub(super) fn parts(&self) -> Option<Vec<Range<usize>>> {
        let boundary = self.parameter("boundary").filter(|boundary| !boundary.is_empty())?;
        self.is("multipart", "").then(|| split_at(self.body, boundary.as_bytes()))
    }
}

/// Does a line begin like that of a header?
pub(super) fn is_header_line(line: &[u8]) -> bool {
    let name = line.iter().take_while(|byte| matches!(byte, 33..=126) && **byte != b':').count();
    name > 0 && name < 80 && line.get(name) == Some(&b':')
}

/// Where the headers end: behind the first empty line, or before one that can't be a header's.
fn head_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let line = &bytes[at..];
        let blank = blank_line(line);
        if blank > 0 {
            return at + blank;
        }
        // Mail programs of old left From_ lines among the headers.
        let is_head = at == 0 || is_header_line(line) || matches!(line[0], b' ' | b'\t') || is_from_like(line);
        if !is_head {
            return at;
        }
        at += memchr::memchr(b'\n', line).map_or(line.len(), |end| end + 1);
    }
    bytes.len()
}

fn is_from_like(line: &[u8]) -> bool {
    line.starts_with(b">From ") || line.starts_with(b"From ")
}

/// Length of the empty line at hand; 0 if it isn't empty.
fn blank_line(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    }
}

fn split_at(body: &[u8], boundary: &[u8]) -> Vec<Range<usize>> {
    let delimiter = [b"--", boundary].concat();
    let (mut parts, mut start) = (Vec::new(), 0);
    let mut is_over = false;
    for at in memchr::memmem::find_iter(body, &delimiter) {
        let is_line = at == 0 || body[at - 1] == b'\n';
        let behind = &body[at + delimiter.len()..];
        let line = &behind[..memchr::memchr(b'\n', behind).unwrap_or(behind.len())];
        let (is_last, padding) = line.strip_prefix(b"--").map_or((false, line), |padding| (true, padding));
        if is_over || at < start || !is_line || !padding.trim_ascii().is_empty() {
            continue;
        }
        // The line break before a boundary belongs to it.
        let end = at - usize::from(at > start) - usize::from(at > start + 1 && body[at - 2] == b'\r');
        parts.push(start..end.max(start));
        start = (at + delimiter.len() + line.len() + 1).min(body.len()).min(at + delimiter.len() + line.len() + 1);
        if is_last {
            start = (at + delimiter.len() + 2).min(body.len());
            is_over = true;
        }
    }
    parts.push(start..body.len());
    parts.retain(|part| !body[part.clone()].trim_ascii().is_empty());
    parts
}

/// What base64 stands for; bytes that aren't of it are left out.
pub(super) fn base64(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(packed.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in packed {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// What quoted-printable stands for; what isn't of it stays as it is.
fn quoted_printable(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(packed.len());
    let mut rest = packed;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let soft = blank_line(&rest[spaces..]);
        let digit = |index: usize| rest.get(index).and_then(|byte| char::from(*byte).to_digit(16));
        if soft > 0 {
            rest = &rest[spaces + soft..];
        } else if let (Some(high), Some(low)) = (digit(0), digit(1)) {
            out.push((high * 16 + low) as u8);
            rest = &rest[2..];
        } else {
            out.push(b'=');
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Lines that a mail program broke at spaces, whole again (RFC 3676).
fn unflowed(text: &str, is_space_extra: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        // `-- ` stands above a signature.
        match bare.strip_suffix(' ').filter(|_| bare != "-- ") {
            Some(shorter) if is_space_extra => out.push_str(shorter),
            Some(_) => out.push_str(bare),
            None => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::{collection::vec, prelude::*};

    use super::{Entity, base64, quoted_printable, split_at, unflowed};

    #[test]
    fn packings() {
        assert_eq!(base64(b"a2V5\r\nIGlz!IDQy\n"), b"key is 42");
        assert_eq!(base64(b"YQ==YQ=="), b"aa");
        assert_eq!(quoted_printable(b"to=\r\nken =3D caf=E9 a=b=  \nc="), b"token = caf\xe9 a=bc=");
        assert_eq!(unflowed("a long \nline\n-- \nx", false), "a long line\n-- \nx");
        assert_eq!(unflowed("tok \nen\n", true), "token\n");
    }

    #[test]
    fn parts_of_a_message() {
        let body = b"before\n--b\nContent-Type: text/html\n\nfirst\n--bb\n--b\n\nsecond\r\n--b--\nafter";
        let parts: Vec<_> = split_at(body, b"b").into_iter().map(|part| &body[part]).collect();
        let expected: [&[u8]; 4] = [b"before", b"Content-Type: text/html\n\nfirst\n--bb", b"\nsecond", b"\nafter"];
        assert_eq!(parts, expected);
        let cut = b"--b\n\nfirst\n--b\n\ncut of";
        assert_eq!(split_at(cut, b"b").len(), 2);
    }

    #[test]
    fn headers_and_charsets() {
        let parser = MessageParser::default();
        let bytes = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9";
        let entity = Entity::new(&parser, bytes);
        assert_eq!((entity.text().as_str(), &bytes[entity.body_at..]), ("café", &b"caf=E9"[..]));
        let bare = Entity::new(&parser, b"no headers here\n\nx");
        assert_eq!(bare.text(), "no headers here\n\nx");
        assert_eq!(Entity::new(&parser, b"\n\nx").text(), "\nx");
    }

    proptest! {
        #[test]
        fn survives_anything(bytes in vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b':'), Just(b'='), Just(b'-'), Just(b'b')], 0..120)) {
            let parser = MessageParser::default();
            let mut message = b"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n".to_vec();
            message.extend(&bytes);
            for bytes in [&message, &bytes] {
                let entity = Entity::new(&parser, bytes);
                entity.text();
                for part in entity.parts().unwrap_or_default() {
                    Entity::new(&parser, &entity.body[part]).text();
                }
            }
        }
    }
}
