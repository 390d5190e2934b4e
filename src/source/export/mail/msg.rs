//! Outlook's messages: properties as streams of a compound file.
//!
//! Format: MS-OXMSG, MS-OXPROPS, MS-CFB (read 2026-11).

use std::{
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

use cfb::CompoundFile;
use encoding_rs::Encoding;

use super::{
    super::{markup::Markup, sink::Sink},
    letter::{self, Stand, Teller},
    mime::Entity,
    rtf,
};
use crate::model::{ProblemKind, RecordAttachment, RecordAuthor, RecordPlace, RecordTime};

/// What compound files begin with.
pub(super) const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Messages in messages: how deep.
const MAX_DEPTH: u32 = 16;

/// Bytes that are read of one file beyond its own size, for streams that share their sectors.
const FREE_BYTES: u64 = 64 << 20;

/// Streams and storages looked at in one storage.
const MAX_ENTRIES: usize = 100_000;

/// Is it a compound file with a message in it?
pub(super) fn is_msg(bytes: &[u8]) -> bool {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let has = |name| memchr::memmem::find(bytes, &wide(name)).is_some();
    bytes.starts_with(MAGIC) && (has("__substg1.0_") || has("__properties_version1.0"))
}

/// Where a message stands, and the id of the one that it is in.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) outer: Option<&'p str>,
}

/// Tells the message that a compound file is.
pub(super) fn tell<F: Read + Seek>(mut file: F, teller: &Teller<'_>, place: Place<'_>, sink: &mut Sink<'_>) {
    let size = file.seek(io::SeekFrom::End(0)).unwrap_or_default();
    match file.rewind().and_then(|()| CompoundFile::open(file)) {
        Ok(file) => {
            let budget = size + FREE_BYTES;
            let mut compound = Compound { file, teller, budget, is_over: false };
            compound.message(Path::new("/"), (place, 0), sink);
            if compound.is_over {
                let message = "streams that take more than the file has: the rest was left out";
                sink.problem(ProblemKind::Limit, place.offset, message);
            }
        }
        Err(error) => sink.problem(ProblemKind::Malformed, place.offset, &format!("no compound file: {error}")),
    }
}

/// A file attached to a message.
pub(super) struct Attached {
    pub(super) name: Option<String>,
    pub(super) content: Option<Vec<u8>>,
    /// It is a message, which was read already.
    pub(super) message: Option<Properties>,
}

/// Tells a message and the files attached to it; the id of the message.
pub(super) fn tell_properties(
    teller: &Teller<'_>,
    (own, attached): (&Properties, &[Attached]),
    recipients: &[Properties],
    place: Place<'_>,
    sink: &mut Sink<'_>,
) -> Option<String> {
    let headers = own.text(0x007d).unwrap_or_default();
    let headers = Entity::new(teller.parser, headers.as_bytes());
    let stand = Stand { offset: place.offset, line: place.line, removed: &[], is_unpacked: true };
    let fill = |made: &mut RecordPlace| {
        letter::fill(&headers, made);
        made.container = Some(teller.container());
        fill(own, made);
        made.thread = place.outer.map(str::to_owned).or(made.thread.take());
    };
    teller.headers(&headers, (stand, 0), sink);
    add_texts(own, place.offset, sink);
    add_bodies(own, place.offset, sink);
    recipients.iter().for_each(|recipient| add_texts(recipient, place.offset, sink));
    for file in attached {
        let Some(content) = &file.content else { continue };
        let content = letter::unfolded_file(std::borrow::Cow::Borrowed(&content[..]));
        sink.attach(&content, (place.offset, place.line), &|made| {
            fill(made);
            made.attachment = Some(RecordAttachment { id: None, name: file.name.clone(), path: None });
        });
    }
    sink.finish(0, place.line, &fill);
    own.id(&[0x1035])
}

struct Compound<'t, F> {
    file: CompoundFile<F>,
    teller: &'t Teller<'t>,
    /// Bytes that may yet be read.
    budget: u64,
    is_over: bool,
}

/// The properties of a message, recipient or attachment.
#[derive(Default)]
pub(super) struct Properties {
    /// Text by its number.
    pub(super) texts: Vec<(u16, String)>,
    /// HTML and compressed RTF.
    pub(super) html: Option<Vec<u8>>,
    pub(super) rtf: Option<Vec<u8>>,
    /// What a file attached has in it.
    content: Option<Vec<u8>>,
    /// A message attached.
    message: Option<PathBuf>,
    /// 100 nanoseconds since 1601, by the number; and the code pages of texts.
    pub(super) times: Vec<(u16, u64)>,
    inner: Vec<PathBuf>,
}

impl Properties {
    fn text(&self, number: u16) -> Option<&str> {
        let own = self.texts.iter().find(|(own, _)| *own == number)?;
        Some(own.1.trim()).filter(|text| !text.is_empty())
    }

    /// The name of an attached file.
    pub(super) fn name(&self) -> Option<String> {
        self.first(&[0x3707, 0x3704, 0x3001])
    }

    /// The code page of texts that aren't Unicode.
    pub(super) fn page(&self) -> u64 {
        let of = |number| self.times.iter().find(|(own, _)| *own == number).map(|(_, page)| *page);
        of(0x3ffd).or_else(|| of(0x3fde)).unwrap_or(1252)
    }

    fn first(&self, numbers: &[u16]) -> Option<String> {
        numbers.iter().find_map(|number| self.text(*number)).map(str::to_owned)
    }

    /// The first id of a message in a text with ids.
    fn id(&self, numbers: &[u16]) -> Option<String> {
        let ids = self.first(numbers)?;
        let first = ids.split_whitespace().next()?;
        Some(first.trim_start_matches('<').trim_end_matches('>').to_owned())
    }

    fn time(&self) -> Option<RecordTime> {
        // Sent, delivered, made.
        let ticks =
            [0x0039, 0x0e06, 0x3007].iter().find_map(|number| self.times.iter().find(|(own, _)| own == number))?.1;
        let seconds = i64::try_from(ticks / 10_000_000).ok()? - 11_644_473_600;
        let time = jiff::Timestamp::new(seconds, (ticks % 10_000_000) as i32 * 100).ok()?;
        Some(RecordTime { utc: Some(time.to_string()), raw: time.to_string() })
    }
}

/// Numbers of properties that have a name that people know.
const NAMES: [(u16, &str); 8] = [
    (0x0037, "Subject"),
    (0x0c1a, "From"),
    (0x0e04, "To"),
    (0x0e03, "Cc"),
    (0x0e02, "Bcc"),
    (0x1000, "body"),
    (0x3001, "name"),
    (0x3707, "file"),
];

impl<F: Read + Seek> Compound<'_, F> {
    fn message(&mut self, path: &Path, (place, depth): (Place<'_>, u32), sink: &mut Sink<'_>) {
        let own = self.properties(path, if depth == 0 { 32 } else { 24 });
        let (mut recipients, mut attached, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for path in &own.inner {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("__recip_version1.0_") {
                recipients.push(self.properties(path, 8));
            } else if name.starts_with("__attach_version1.0_") {
                let file = self.properties(path, 8);
                messages.extend(file.message.clone());
                attached.push(Attached { name: file.name(), content: file.content, message: None });
            }
        }
        let id = tell_properties(self.teller, (&own, &attached), &recipients, place, sink);
        for path in messages {
            if depth + 1 >= MAX_DEPTH {
                sink.problem(ProblemKind::Limit, place.offset, "messages nested too deep: one was left out");
                continue;
            }
            let inner = Place { outer: id.as_deref().or(place.outer), ..place };
            self.message(&path, (inner, depth + 1), sink);
        }
    }

    /// Reads the properties in a storage. The list of those of a fixed size has a header of so many bytes.
    fn properties(&mut self, path: &Path, header: usize) -> Properties {
        let mut own = Properties::default();
        let Ok(entries) = self.file.read_storage(path) else { return own };
        let entries: Vec<(PathBuf, bool)> =
            entries.take(MAX_ENTRIES).map(|entry| (entry.path().to_owned(), entry.is_stream())).collect();
        let list = self.read(&path.join("__properties_version1.0"));
        for entry in list.get(header..).unwrap_or_default().chunks_exact(16) {
            let kind = u16::from_le_bytes([entry[0], entry[1]]);
            let number = u16::from_le_bytes([entry[2], entry[3]]);
            let value = entry[8..16].iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            match kind {
                0x0040 => own.times.push((number, value)),
                // The code page of texts that aren't Unicode.
                0x0003 if matches!(number, 0x3ffd | 0x3fde) => own.times.push((number, value & 0xffff_ffff)),
                _ => {}
            }
        }
        let page = own.page();
        for (path, is_stream) in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let property =
                name.strip_prefix("__substg1.0_").and_then(|tag| u32::from_str_radix(tag.get(..8)?, 16).ok());
            let Some(tag) = property else {
                own.inner.extend((!is_stream).then_some(path));
                continue;
            };
            let number = (tag >> 16) as u16;
            match (number, tag & 0xffff) {
                (0x3701, 0x000d) => own.message = Some(path),
                (0x3701, 0x0102) => own.content = Some(self.read(&path)),
                (0x1013, 0x0102) => own.html = Some(self.read(&path)),
                (0x1009, 0x0102) => own.rtf = Some(self.read(&path)),
                (_, 0x001f | 0x101f) if is_stream => own.texts.push((number, utf16(&self.read(&path)))),
                (_, 0x001e | 0x101e) if is_stream => own.texts.push((number, text_in(&self.read(&path), page))),
                _ => {}
            }
        }
        own
    }

    /// All of a stream; empty if there is none or it can't be read.
    fn read(&mut self, path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Ok(stream) = self.file.open_stream(path) {
            // What is there of a stream that is cut off counts.
            let _ = stream.take(self.budget).read_to_end(&mut bytes);
            self.is_over |= bytes.len() as u64 >= self.budget;
            self.budget -= bytes.len() as u64;
        }
        bytes
    }
}

fn add_texts(own: &Properties, offset: u64, sink: &mut Sink<'_>) {
    for (number, text) in &own.texts {
        // The headers were told, addresses of Exchange and ids are nothing that anybody wrote.
        if matches!(number, 0x007d | 0x1035 | 0x1039 | 0x1042 | 0x001a | 0x0070) {
            continue;
        }
        let name = NAMES
            .iter()
            .find(|(own, _)| own == number)
            .map_or_else(|| format!("{number:04x}"), |(_, name)| (*name).to_owned());
        sink.field(&name, text, offset, Markup::Plain);
    }
}

fn add_bodies(own: &Properties, offset: u64, sink: &mut Sink<'_>) {
    if let Some(html) = &own.html {
        let page = own.times.iter().find(|(number, _)| *number == 0x3fde).map_or(65_001, |(_, page)| *page);
        sink.field("body.html", &text_in(html, page), offset, Markup::Html);
    }
    if let Some(rtf) = own.rtf.as_deref().and_then(rtf::decompressed) {
        let (text, is_html) = rtf::flat(&rtf);
        sink.field("body.rtf", &text, offset, if is_html { Markup::Html } else { Markup::Plain });
    }
}

/// What properties say beyond the headers of the way that a message took: those sent to nobody have no headers.
fn fill(own: &Properties, made: &mut RecordPlace) {
    made.record = made.record.take().or_else(|| own.id(&[0x1035]));
    made.thread = made.thread.take().or_else(|| own.id(&[0x1039, 0x1042]));
    made.time = own.time().or_else(|| made.time.take());
    made.permalink = made.permalink.take().or_else(|| letter::permalink(None, made.record.as_deref()));
    let is_address = |text: &String| text.contains('@');
    let email = [0x5d01, 0x0c1f, 0x5d02, 0x0065].iter().filter_map(|number| own.first(&[*number])).find(is_address);
    let name = own.first(&[0x0c1a, 0x0042]);
    if email.is_some() || made.author.is_none() && name.is_some() {
        made.author = Some(RecordAuthor { id: None, name, email });
    }
}

fn utf16(bytes: &[u8]) -> String {
    encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0.trim_end_matches('\0').to_owned()
}

/// Text in a code page of Windows.
pub(super) fn text_in(bytes: &[u8], page: u64) -> String {
    let label = match page {
        65_001 => "utf-8".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        20_127 => "us-ascii".to_owned(),
        20_866 => "koi8-r".to_owned(),
        50_220..=50_222 => "iso-2022-jp".to_owned(),
        28_591..=28_606 => format!("iso-8859-{}", page - 28_590),
        page => format!("windows-{page}"),
    };
    let encoding = Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252);
    encoding.decode(bytes).0.trim_end_matches('\0').to_owned()
}
