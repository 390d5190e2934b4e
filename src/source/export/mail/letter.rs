//! A message told: its headers and texts as one record, files and messages in it for themselves.

use std::borrow::Cow;

use mail_parser::{Address, HeaderName, HeaderValue, MessageParser};

use super::{
    super::{markup::Markup, sink::Sink, time},
    mime::Entity,
    msg,
};
use crate::model::{
    Permalink, PermalinkBasis, ProblemKind, RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, RecordTime,
};

/// Messages in messages and parts in parts: how deep.
const MAX_DEPTH: usize = 32;

/// What all messages of a file have in common.
pub(super) struct Teller<'t> {
    pub(super) parser: &'t MessageParser,
    /// Name of the mailbox.
    pub(super) mailbox: &'t str,
}

/// Where a message stands in its file.
#[derive(Clone, Copy, Default)]
pub(super) struct Stand<'s> {
    /// Offset of its first byte.
    pub(super) offset: u64,
    /// Line of that; 0 if there are no lines.
    pub(super) line: u64,
    /// Offsets in the message behind which a byte of the file was left out.
    pub(super) removed: &'s [usize],
    /// Is the message unpacked from something, so that all of it stands at one place?
    pub(super) is_unpacked: bool,
}

impl Stand<'_> {
    fn of(&self, at: usize) -> u64 {
        if self.is_unpacked {
            return self.offset;
        }
        self.offset + at as u64 + self.removed.partition_point(|removed| *removed < at) as u64
    }
}

/// A message in a message.
struct Inner<'m> {
    kind: Kind,
    bytes: Cow<'m, [u8]>,
    /// Offset in the outer one.
    at: usize,
}

/// How a message is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mime,
    Msg,
}

/// The message that is being told.
struct Telling<'t, 'm> {
    stand: Stand<'t>,
    fill: &'t dyn Fn(&mut RecordPlace),
    /// Offset in the file's message of what is being told.
    base: usize,
    inner: Vec<Inner<'m>>,
}

impl Teller<'_> {
    /// Tells a message. `outer` is the id of the one that it is in.
    pub(super) fn tell(&self, bytes: &[u8], stand: Stand<'_>, outer: Option<&str>, sink: &mut Sink<'_>) {
        self.tell_at((bytes, 0), stand, (outer, 0), sink);
    }

    /// Tells of the last message of a file if it ends in the middle. `end` is where the file ends.
    pub(super) fn tell_cut(&self, bytes: &[u8], end: u64, sink: &mut Sink<'_>) {
        if Entity::new(self.parser, bytes).is_cut() {
            sink.problem(ProblemKind::Malformed, end, "the file ends in the middle of a message");
        }
    }

    fn tell_at(
        &self,
        (bytes, base): (&[u8], usize),
        stand: Stand<'_>,
        (outer, depth): (Option<&str>, usize),
        sink: &mut Sink<'_>,
    ) {
        let message = Entity::new(self.parser, bytes);
        let fill = |place: &mut RecordPlace| {
            fill(&message, place);
            place.thread = outer.map(str::to_owned).or(place.thread.take());
            place.container = Some(self.container());
        };
        self.headers(&message, (stand, base), sink);
        let mut telling = Telling { stand, fill: &fill, base, inner: Vec::new() };
        self.part(&message, (0, depth), &mut telling, sink);
        let counted = if depth == 0 { bytes.len() } else { 0 };
        let inner = telling.inner;
        sink.finish(counted, stand.line, &fill);
        let id = id_of(&message, &HeaderName::MessageId);
        for Inner { kind, bytes, at } in inner {
            if kind == Kind::Msg {
                let place =
                    msg::Place { offset: stand.of(base + at), line: stand.line, outer: id.as_deref().or(outer) };
                msg::tell(std::io::Cursor::new(bytes.as_ref()), self, place, sink);
                continue;
            }
            let (offset, is_unpacked) = (stand.of(base + at), matches!(bytes, Cow::Owned(_)));
            let own = Stand { offset, is_unpacked, ..stand };
            let (stand, base) = if is_unpacked { (own, 0) } else { (stand, base + at) };
            self.tell_at((&bytes, base), stand, (id.as_deref().or(outer), depth + 1), sink);
        }
    }

    pub(super) fn container(&self) -> RecordContainer {
        RecordContainer { kind: "mailbox".to_owned(), id: None, name: Some(self.mailbox.to_owned()) }
    }

    /// Tells all headers but those that nobody wrote.
    pub(super) fn headers(&self, message: &Entity<'_>, (stand, base): (Stand<'_>, usize), sink: &mut Sink<'_>) {
        for header in &message.headers {
            let name = header.name.as_str();
            if is_noise(name) {
                continue;
            }
            let raw = || message.head.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
            let text = match &header.value {
                HeaderValue::Text(text) => text.clone(),
                HeaderValue::TextList(texts) => Cow::Owned(texts.join(", ")),
                _ => Cow::Owned(String::from_utf8_lossy(raw()).replace("\r\n", "").replace('\n', "")),
            };
            sink.cell(name, text.trim(), stand.of(base + header.offset_start as usize));
        }
    }

    /// Tells a part with all that is in it. `at` is the offset of the part in the message.
    fn part<'m>(
        &self,
        part: &Entity<'m>,
        (at, depth): (usize, usize),
        telling: &mut Telling<'_, 'm>,
        sink: &mut Sink<'_>,
    ) {
        let body_at = at + part.body_at;
        let offset = telling.stand.of(telling.base + body_at);
        if depth >= MAX_DEPTH {
            let message = "messages or parts nested too deep: scanned as text";
            sink.problem(ProblemKind::Limit, offset, message);
            return sink.field("body", &String::from_utf8_lossy(part.body), offset, Markup::Plain);
        }
        if let Some(parts) = part.parts() {
            for range in parts {
                let inner = Entity::new(self.parser, &part.body[range.clone()]);
                self.part(&inner, (body_at + range.start, depth + 1), telling, sink);
            }
            return;
        }
        if part.is("message", "rfc822") || part.is("message", "global") {
            return telling.inner.push(Inner { kind: Kind::Mime, bytes: part.unpacked(), at: body_at });
        }
        let is_text = part.is("text", "") || part.is("message", "");
        if is_text && !part.is_file() {
            let is_html = part.is("text", "html") || part.is("text", "enriched");
            let (name, markup) = if is_html { ("body.html", Markup::Html) } else { ("body", Markup::Plain) };
            let text = part.text();
            if part.is("text", "calendar") {
                sink.field("body", &unfolded(&text), offset, markup);
            }
            return sink.field(name, &text, offset, markup);
        }
        self.file(part, body_at, telling, sink);
    }

    fn file<'m>(&self, part: &Entity<'m>, at: usize, telling: &mut Telling<'_, 'm>, sink: &mut Sink<'_>) {
        let bytes = unfolded_file(part.unpacked());
        let is_msg = msg::is_msg(&bytes);
        if is_msg || super::detect::is_letter(&bytes) {
            let kind = if is_msg { Kind::Msg } else { Kind::Mime };
            return telling.inner.push(Inner { kind, bytes, at });
        }
        let name = part.file_name().map(str::to_owned);
        let (offset, line) = (telling.stand.of(telling.base + at), telling.stand.line);
        sink.attach(&bytes, (offset, line), &|place| {
            (telling.fill)(place);
            place.attachment = Some(RecordAttachment { id: None, name: name.clone(), path: None });
        });
    }
}

/// A calendar's lines, which are cut after 75 bytes and go on behind a space (RFC 5545), with the line ends in their texts.
fn unfolded(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    text.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
}

/// A file of calendars or cards with its lines whole.
pub(super) fn unfolded_file(file: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let is_folded = ["BEGIN:VCALENDAR", "BEGIN:VCARD"]
        .iter()
        .any(|start| file.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes())));
    if !is_folded {
        return file;
    }
    let mut whole = Vec::with_capacity(file.len());
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let rest = match line.split_first() {
            Some((b' ' | b'\t', rest)) if !whole.is_empty() => rest,
            _ => {
                whole.extend_from_slice(line);
                continue;
            }
        };
        let end = [&b"\r\n"[..], b"\n"].iter().find(|end| whole.ends_with(end)).map_or(0, |end| end.len());
        whole.truncate(whole.len() - end);
        whole.extend_from_slice(rest);
    }
    Cow::Owned(whole)
}

/// Signatures, tests for spam and ids: made by servers, and long enough to look like anything.
fn is_noise(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "arc-seal",
        "arc-message-signature",
        "arc-authentication-results",
        "authentication-results",
        "autocrypt",
        "dkim-signature",
        "domainkey-signature",
        "face",
        "x-face",
        "in-reply-to",
        "message-id",
        "mime-version",
        "references",
        "content-type",
        "content-transfer-encoding",
        "date",
        "thread-index",
        "x-gm-message-state",
        "x-google-dkim-signature",
        "x-google-smtp-source",
        "x-received",
    ];
    const STARTS: [&str; 4] = ["x-ms-exchange-", "x-microsoft-antispam", "x-forefront-", "x-ms-office365-"];
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || STARTS.iter().any(|start| name.starts_with(start))
}

fn id_of(message: &Entity<'_>, name: &HeaderName<'_>) -> Option<String> {
    match message.header(name)? {
        HeaderValue::Text(id) => Some(id.trim().to_owned()),
        HeaderValue::TextList(ids) => ids.first().map(|id| id.trim().to_owned()),
        _ => None,
    }
}

/// What a message says of itself.
pub(super) fn fill(message: &Entity<'_>, place: &mut RecordPlace) {
    place.record = id_of(message, &HeaderName::MessageId);
    place.thread = id_of(message, &HeaderName::References).or_else(|| id_of(message, &HeaderName::InReplyTo));
    let names = [HeaderName::From, HeaderName::Sender, HeaderName::ReplyTo];
    place.author = names.iter().find_map(|name| author(message.header(name)?));
    place.time = time_of(message);
    let archived = raw(message, &HeaderName::ArchivedAt);
    place.permalink = permalink(archived.as_deref(), place.record.as_deref());
}

/// The page of an archive of mail if the message names one, else the address by which mail programs know it (RFC 2392).
pub(super) fn permalink(archived: Option<&str>, id: Option<&str>) -> Option<Permalink> {
    let archived = archived.map(|text| text.trim().trim_start_matches('<').trim_end_matches('>'));
    if let Some(url) = archived.filter(|url| url.starts_with("http")) {
        return Some(Permalink { url: url.to_owned(), basis: PermalinkBasis::Exact });
    }
    let id = id?.trim_start_matches('<').trim_end_matches('>');
    let mut url = "mid:".to_owned();
    for byte in id.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'@' | b'.' | b'-' | b'_' | b'~' | b'+' | b'=' | b'$' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(Permalink { url, basis: PermalinkBasis::Derived })
}

fn author(value: &HeaderValue<'_>) -> Option<RecordAuthor> {
    let HeaderValue::Address(address) = value else { return None };
    let first = match address {
        Address::List(list) => list.first(),
        Address::Group(groups) => groups.iter().find_map(|group| group.addresses.first()),
    }?;
    let text =
        |part: &Option<Cow<'_, str>>| part.as_ref().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
    let (name, email) = (text(&first.name), text(&first.address));
    // Archives of lists write `ada at example.com (Ada L)`.
    let hidden = name.as_deref().filter(|_| email.is_none()).and_then(|name| {
        let (address, rest) = name.split_once(" (").unwrap_or((name, ""));
        let (user, host) =
            address.split_once(" at ").filter(|(user, host)| !user.contains(' ') && !host.contains(' '))?;
        let own = rest.trim_end_matches(')').to_owned();
        Some((Some(own).filter(|own| !own.is_empty()), Some(format!("{user}@{host}"))))
    });
    let (name, email) = hidden.unwrap_or((name, email));
    Some(RecordAuthor { id: None, name, email })
}

/// The text of a header as it is written, on one line.
fn raw(message: &Entity<'_>, name: &HeaderName<'_>) -> Option<String> {
    let header = message.headers.iter().find(|header| header.name == *name)?;
    let bytes = message.head.get(header.offset_start as usize..header.offset_end as usize)?;
    Some(String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// When it was sent; without a date that can be read, when the last server got it.
fn time_of(message: &Entity<'_>) -> Option<RecordTime> {
    let date = raw(message, &HeaderName::Date).map(|raw| {
        let own = time::parse(&raw);
        // Dates of old are written in more ways than the standard has.
        let lenient = message.header(&HeaderName::Date).and_then(HeaderValue::as_datetime);
        let lenient = lenient.filter(|date| own.utc.is_none() && date.is_valid());
        let utc = lenient.and_then(|date| jiff::Timestamp::from_second(date.to_timestamp()).ok());
        RecordTime { utc: own.utc.or(utc.map(|time| time.to_string())), raw }
    });
    if date.as_ref().is_some_and(|date| date.utc.is_some()) {
        return date;
    }
    let received = raw(message, &HeaderName::Received).and_then(|raw| {
        let received = time::parse(raw.rsplit_once(';')?.1.trim());
        received.utc.is_some().then_some(received)
    });
    received.or(date)
}
