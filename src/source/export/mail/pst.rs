//! Outlook's mailboxes (PST, OST): folders with messages, in a database of their own.
//!
//! Format: MS-PST (read 2026-11), by the crate `outlook-pst`. Whatever makes it stumble costs one message or folder.

use std::{
    collections::HashSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
};

use outlook_pst::{
    AnsiPstFile, UnicodePstFile,
    ltp::{prop_context::PropertyValue, table_context::TableContext},
    messaging::{
        attachment::{AnsiAttachment, Attachment, AttachmentData, UnicodeAttachment},
        message::{AnsiMessage, Message, UnicodeMessage},
        store::{AnsiStore, EntryId, Store, UnicodeStore},
    },
    ndb::node_id::{NID_ROOT_FOLDER, NodeId},
};

use super::{
    super::sink::Sink,
    letter::Teller,
    msg::{self, Attached, Place, Properties},
};
use crate::model::ProblemKind;

/// Folders in folders: how deep.
const MAX_DEPTH: usize = 64;

/// Is it such a mailbox?
pub(super) fn is_pst(head: &[u8]) -> bool {
    head.starts_with(b"!BDN") && head.get(8..10) == Some(b"SM")
}

/// The two generations of the format.
trait Generation {
    type Store: Store;
    type Message: Message;

    fn message(store: &Rc<Self::Store>, id: &EntryId) -> io::Result<Rc<Self::Message>>;

    fn attachment(message: &Rc<Self::Message>, node: NodeId) -> io::Result<Rc<dyn Attachment>>;
}

struct Unicode;

struct Ansi;

impl Generation for Unicode {
    type Store = UnicodeStore;
    type Message = UnicodeMessage;

    fn message(store: &Rc<UnicodeStore>, id: &EntryId) -> io::Result<Rc<UnicodeMessage>> {
        UnicodeMessage::read(Rc::clone(store), id, None)
    }

    fn attachment(message: &Rc<UnicodeMessage>, node: NodeId) -> io::Result<Rc<dyn Attachment>> {
        Ok(UnicodeAttachment::read(Rc::clone(message), node, None)?)
    }
}

impl Generation for Ansi {
    type Store = AnsiStore;
    type Message = AnsiMessage;

    fn message(store: &Rc<AnsiStore>, id: &EntryId) -> io::Result<Rc<AnsiMessage>> {
        AnsiMessage::read(Rc::clone(store), id, None)
    }

    fn attachment(message: &Rc<AnsiMessage>, node: NodeId) -> io::Result<Rc<dyn Attachment>> {
        Ok(AnsiAttachment::read(Rc::clone(message), node, None)?)
    }
}

/// Tells all messages of the mailbox at `path`.
pub(super) fn tell(path: &Path, teller: &Teller<'_>, sink: &mut Sink<'_>) {
    if let Ok(file) = guarded(|| UnicodePstFile::open(path)) {
        match guarded(|| UnicodeStore::read(Rc::new(file))) {
            Ok(store) => Walk::<Unicode>::new(store, teller).run(sink),
            Err(error) => sink.problem(ProblemKind::Malformed, 0, &format!("no mailbox of Outlook: {error}")),
        }
        return;
    }
    match guarded(|| AnsiStore::read(Rc::new(AnsiPstFile::open(path)?))) {
        Ok(store) => Walk::<Ansi>::new(store, teller).run(sink),
        Err(error) => sink.problem(ProblemKind::Malformed, 0, &format!("no mailbox of Outlook: {error}")),
    }
}

/// What the crate says, or that it gave up on what somebody made to hurt.
fn guarded<T>(read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let done = catch_unwind(AssertUnwindSafe(read));
    done.unwrap_or_else(|_| Err(io::Error::other("damaged beyond what can be read")))
}

struct Walk<'w, G: Generation> {
    store: Rc<G::Store>,
    teller: &'w Teller<'w>,
    /// Folders and messages that were read: damage may lead in circles.
    seen: HashSet<u32>,
}

impl<'w, G: Generation> Walk<'w, G> {
    fn new(store: Rc<G::Store>, teller: &'w Teller<'w>) -> Walk<'w, G> {
        Walk { store, teller, seen: HashSet::new() }
    }

    fn run(&mut self, sink: &mut Sink<'_>) {
        self.folder(NID_ROOT_FOLDER, "", 0, sink);
    }

    fn folder(&mut self, node: NodeId, above: &str, depth: usize, sink: &mut Sink<'_>) {
        if depth > MAX_DEPTH || !self.seen.insert(u32::from(node)) {
            return;
        }
        let store = Rc::clone(&self.store);
        let folder = guarded(|| store.open_folder(&store.properties().make_entry_id(node)?));
        let folder = match folder {
            Ok(folder) => folder,
            Err(error) => return sink.problem(ProblemKind::Malformed, 0, &format!("a folder can't be read: {error}")),
        };
        let name = guarded(|| folder.properties().display_name()).unwrap_or_default();
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        let mailbox = if path.is_empty() { self.teller.mailbox.to_owned() } else { path.clone() };
        let contents = [folder.contents_table(), folder.associated_table()];
        for table in contents.into_iter().flatten() {
            for node in rows(table) {
                self.message(node, &mailbox, sink);
            }
        }
        for node in folder.hierarchy_table().map(rows).unwrap_or_default() {
            self.folder(node, &path, depth + 1, sink);
        }
    }

    fn message(&mut self, node: NodeId, mailbox: &str, sink: &mut Sink<'_>) {
        if !self.seen.insert(u32::from(node)) {
            return;
        }
        let store = Rc::clone(&self.store);
        let message = match guarded(|| G::message(&store, &store.properties().make_entry_id(node)?)) {
            Ok(message) => message,
            Err(error) => return sink.problem(ProblemKind::Malformed, 0, &format!("a message can't be read: {error}")),
        };
        let own = properties(message.properties().iter());
        let mut attached = Vec::new();
        for node in message.attachment_table().map(rows).unwrap_or_default() {
            match guarded(|| G::attachment(&message, node)) {
                Ok(file) => attached.push(attachment(&*file)),
                Err(error) => {
                    sink.problem(ProblemKind::Malformed, 0, &format!("an attached file can't be read: {error}"))
                }
            }
        }
        let teller = Teller { parser: self.teller.parser, mailbox };
        let place = Place { offset: 0, line: 0, outer: None };
        let id = msg::tell_properties(&teller, (&own, &attached), &[], place, sink);
        for inner in attached.iter().filter_map(|file| file.message.as_ref()) {
            msg::tell_properties(&teller, (inner, &[]), &[], Place { outer: id.as_deref(), ..place }, sink);
        }
    }
}

/// Ids of what a table lists.
fn rows(table: &Rc<dyn TableContext>) -> Vec<NodeId> {
    let ids = guarded(|| Ok(table.rows_matrix().map(|row| NodeId::from(u32::from(row.id()))).collect()));
    ids.unwrap_or_default()
}

fn properties<'p>(values: impl Iterator<Item = (&'p u16, &'p PropertyValue)>) -> Properties {
    let mut own = Properties::default();
    let mut narrow: Vec<(u16, &[u8])> = Vec::new();
    for (number, value) in values {
        match (*number, value) {
            (_, PropertyValue::Unicode(text)) => own.texts.push((*number, text.to_string())),
            (_, PropertyValue::String8(text)) => narrow.push((*number, text.buffer())),
            (0x1013, PropertyValue::Binary(html)) => own.html = Some(html.buffer().to_vec()),
            (0x1009, PropertyValue::Binary(rtf)) => own.rtf = Some(rtf.buffer().to_vec()),
            (_, PropertyValue::Time(ticks)) => {
                own.times.extend(u64::try_from(*ticks).ok().map(|ticks| (*number, ticks)))
            }
            (0x3ffd | 0x3fde, PropertyValue::Integer32(page)) => {
                own.times.extend(u64::try_from(*page).ok().map(|page| (*number, page)));
            }
            _ => {}
        }
    }
    let page = own.page();
    own.texts.extend(narrow.into_iter().map(|(number, bytes)| (number, msg::text_in(bytes, page))));
    // A subject begins with the length of its `Re:`.
    for (number, text) in &mut own.texts {
        if *number == 0x0037 && text.starts_with('\u{1}') {
            *text = text.chars().skip(2).collect();
        }
    }
    own
}

fn attachment(file: &dyn Attachment) -> Attached {
    let own = properties(file.properties().iter());
    let (content, message) = match file.data() {
        Some(AttachmentData::Binary(bytes)) => (Some(bytes.buffer().to_vec()), None),
        Some(AttachmentData::Message(message)) => (None, Some(properties(message.properties().iter()))),
        None => (None, None),
    };
    Attached { name: own.name(), content, message }
}
