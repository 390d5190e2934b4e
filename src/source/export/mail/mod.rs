//! Mail: mailboxes, directories of messages, and messages of Outlook.
//!
//! Format: RFC 4155 (mbox), RFC 5322 and 2045 (messages), MS-OXMSG (read 2026-11).

mod detect;
mod letter;
mod mbox;
mod mime;
mod msg;
mod pst;
mod rtf;

use std::{collections::HashMap, io::Read as _, path::PathBuf};

use mail_parser::MessageParser;

use self::letter::{Stand, Teller};
use super::{
    container::{Store, spool_to_path},
    input::Input,
    sink::Sink,
    system::{Detection, Export, Look, Opening, Reader, Reading, System},
};
use crate::model::{ProblemKind, RecordPlace};

/// Mail.
pub(super) struct Mail;

/// Largest message in a file of its own that is held in memory.
const MAX_MESSAGE: u64 = 128 << 20;

/// Bytes of a compound file that are held in memory.
const SPOOL_BYTES: u64 = 16 << 20;

impl System for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn title(&self) -> &'static str {
        "Mail (mbox, EML, Maildir, MSG, PST)"
    }

    fn may_be_file(&self, name: &str, head: &[u8]) -> bool {
        // Most files are ruled out by a look at their first line.
        let is_likely = head.starts_with(b"From ")
            || head.starts_with(msg::MAGIC)
            || pst::is_pst(head)
            || name.ends_with(".emlx")
            || mime::is_header_line(&head[..head.len().min(80)]);
        is_likely && detect::signs_of(name, head).len() > 1
    }

    fn marks(&self) -> &'static [&'static str] {
        &["*.eml", "*.mbox", "*.msg", "*.emlx", "*.pst", "*.ost", "*:2,", "*:2,S", "*:2,RS", "*:2,FS"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        detect::detect(look)
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        let container = opening.look.container_name();
        // A mailbox of Outlook that lies there as a file is read where it is.
        let is_pst = |path: &&str| [".pst", ".ost"].iter().any(|end| path.to_ascii_lowercase().ends_with(end));
        let paths = opening.look.paths().filter(|path| is_pst(path) || opening.look.only() == Some(path));
        let on_disk = paths.filter_map(|path| {
            Some((path.strip_prefix(opening.root)?.to_owned(), opening.look.path_on_disk(path)?.to_owned()))
        });
        let (root, on_disk) = (opening.root.to_owned(), on_disk.collect());
        Box::new(MailReader { parser: MessageParser::default(), root, container, on_disk })
    }
}

struct MailReader {
    parser: MessageParser,
    /// Of a file that stands alone: its path.
    root: String,
    /// What the user named.
    container: String,
    /// Where mailboxes of Outlook lie that are in no archive.
    on_disk: HashMap<String, PathBuf>,
}

impl Reader for MailReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let on_disk = self.on_disk.get(path);
        let path = if path.is_empty() { self.root.as_str() } else { path };
        let head = input.peek(16 << 10);
        let is_from_line = mbox::is_start(head);
        let is_msg = head.starts_with(msg::MAGIC) && path.to_ascii_lowercase().ends_with(".msg") || msg::is_msg(head);
        if !is_from_line && !is_msg && detect::signs_of(path, head).len() < 2 {
            return Reading::NotMine;
        }
        let mailbox =
            mailbox_of(path, is_from_line).or_else(|| mailbox_of(&self.root, false)).unwrap_or(&self.container);
        let teller = Teller { parser: &self.parser, mailbox };
        if pst::is_pst(input.peek(16)) {
            outlook(input, on_disk, &teller, sink);
        } else if is_from_line {
            mbox::read(input, &teller, sink);
        } else if is_msg {
            match Store::spool(input, SPOOL_BYTES) {
                Ok(store) => {
                    let place = msg::Place { offset: 0, line: 0, outer: None };
                    msg::tell(store, &teller, place, sink);
                }
                Err(error) => sink.problem(ProblemKind::Io, 0, &error.to_string()),
            }
        } else {
            letter(input, &teller, sink);
        }
        Reading::Records
    }

    /// Everything is in the message itself.
    fn resolve(&self, _: &Export<'_>, _: &mut [&mut RecordPlace]) {}
}

/// Tells a mailbox of Outlook. It is read out of order and wants a file: it gets one, which is gone afterwards.
fn outlook(input: &mut Input<'_>, on_disk: Option<&PathBuf>, teller: &Teller<'_>, sink: &mut Sink<'_>) {
    if let Some(path) = on_disk {
        return pst::tell(path, teller, sink);
    }
    match spool_to_path(input) {
        Ok(path) => pst::tell(&path, teller, sink),
        Err(error) => sink.problem(ProblemKind::Io, 0, &error.to_string()),
    }
}

/// The file that is a mailbox, or else the directory that a message is in.
fn mailbox_of(path: &str, is_mailbox: bool) -> Option<&str> {
    if is_mailbox {
        let name = path.rsplit('/').next()?;
        return Some(name.strip_suffix(".mbox").unwrap_or(name)).filter(|name| !name.is_empty());
    }
    let folder = path.rsplit_once('/')?.0;
    let folder = folder.strip_suffix("/cur").or(folder.strip_suffix("/new")).unwrap_or(folder);
    folder.rsplit('/').next().filter(|name| !matches!(*name, "" | "cur" | "new"))
}

/// Tells the message that a file is.
fn letter(input: &mut Input<'_>, teller: &Teller<'_>, sink: &mut Sink<'_>) {
    let mut bytes = Vec::new();
    // An error is kept by the input; what stands before it is read.
    let _ = input.take(MAX_MESSAGE).read_to_end(&mut bytes);
    let message = detect::behind_length(&bytes);
    let skipped = bytes.len() - message.len();
    let stand = Stand { offset: skipped as u64, line: 1 + u64::from(skipped > 0), ..Stand::default() };
    teller.tell(message, stand, None, sink);
    if input.peek(1).is_empty() {
        return teller.tell_cut(message, bytes.len() as u64, sink);
    }
    let message = "the message is larger than can be held: the rest of it is scanned as it is, encoded files in it aren't decoded";
    sink.problem(ProblemKind::Limit, input.offset(), message);
    while !input.peek(1 << 20).is_empty() {
        let length = memchr::memrchr(b'\n', input.window()).map_or(input.window().len(), |at| at + 1);
        sink.broken(&input.window()[..length], input.offset(), input.line(), None);
        input.consume(length);
    }
}
