//! What a kind of export is: how it is recognised and how it is read. [`SYSTEMS`] is the table.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    io::Read as _,
};

use super::{
    container::{Member, Refusal, Tree},
    input::{Input, head_as_text},
    map::FieldMap,
    record_index::Room,
    sink::Sink,
};
use crate::model::{Problem, RecordAttachment, RecordPlace};

/// Name of the kind that is recognised by what tools that copy data wrap around records.
pub(super) const WRAPPED: &str = "records";

/// All kinds, in the order in which they are tried where two are equally sure.
pub(super) const SYSTEMS: &[&dyn System] = &[
    &super::slack::Slack,
    &super::slack::dump::Dump,
    &super::slack::chunk::Chunks,
    &super::slack::database::Database,
    &super::salesforce::Salesforce,
    &super::jira::backup::Backup,
    &super::jira::sheet::Sheet,
    &super::jira::rss::Rss,
    &super::jira::rest::Issues,
    &super::confluence::space::Space,
    &super::confluence::page::Pages,
    &super::zendesk::Zendesk,
    &super::github::Migration,
    &super::github::Pages,
    &super::teams::Teams,
    &super::mail::Mail,
    &super::gitlab::GitLab,
    &super::servicenow::ServiceNow,
    &super::discord::CHATS,
    &super::discord::PACKAGE,
    &super::telegram::TELEGRAM,
    &super::mattermost::MATTERMOST,
    &super::google_chat::GOOGLE_CHAT,
    &super::notion::Notion,
    &super::trello::TRELLO,
    &super::linear::LINEAR,
    &super::asana::ASANA,
    &super::bugzilla::BUGZILLA,
    &super::redmine::REDMINE,
    &super::rocketchat::Dump,
    &super::rocketchat::PAGES,
    &super::matrix::MATRIX,
    &super::zulip::ZULIP,
    &super::generic::Generic,
];

/// A kind of export.
pub(super) trait System: Sync {
    /// Name in reports and for `--export-format`.
    fn name(&self) -> &'static str;

    /// What people call it, such as `Slack export`.
    fn title(&self) -> &'static str;

    /// Is it worth opening a file to find out? Asked for every file that a scan meets, with its first bytes as stored: has
    /// to be quick. Archives are opened in any case.
    fn may_be_file(&self, name: &str, head: &[u8]) -> bool {
        let _ = (name, head);
        false
    }

    /// Names of files, any of which makes it worth while to look closer at a directory; `*` at the beginning or end of one stands
    /// for anything.
    fn marks(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where in `look` such exports are. At least two signs are needed for each.
    fn detect(&self, look: &Look<'_>) -> Vec<Detection>;

    /// Makes ready to read one.
    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader>;
}

/// A path as its folder, with the slash behind it, and its name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rfind('/').map_or(("", path), |at| path.split_at(at + 1))
}

/// Is a file called like those in which macOS notes what it knows of another one, where a disk or archive has no room for that?
pub(super) fn is_beside(path: &str) -> bool {
    split(path).1.starts_with("._")
}

/// An export that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detection {
    /// The path below which it lies, with a slash at its end; empty if it is all.
    pub(super) root: String,
    /// What was seen, in words: `users.json`, `12 files named by a day`.
    pub(super) signs: Vec<String>,
}

/// What an export is opened with.
pub(super) struct Opening<'o, 'l> {
    /// Its files; paths as the tree has them.
    pub(super) look: &'o Look<'l>,
    /// The path below which it lies; see [`Detection::root`].
    pub(super) root: &'o str,
    /// What the user said.
    pub(super) options: &'o ReadingOptions,
    /// For notes of where records stand.
    pub(super) room: &'o Room,
}

/// What a user may say about how exports are to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadingOptions {
    /// Address of the workspace or site, without a slash at its end.
    pub(super) base_url: Option<String>,
    /// Which fields of a record are what.
    pub(super) map: Option<FieldMap>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Its records were handed over, all of it.
    Records,
    /// It is none of the system's: it is scanned as a file.
    NotMine,
    /// It is attached to a record, which is looked for if something is found in it.
    Attachment(RecordAttachment),
}

/// Reads one export.
pub(super) trait Reader: Send + Sync {
    /// Reads a file; `path` is below the export's root. Files may come in any order and on several threads. If it says
    /// [`Reading::NotMine`] or [`Reading::Attachment`], it may have looked at the input's beginning but not consumed it.
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading;

    /// Is a file the system's own by its name or content? One that merely lies among those is left to a system whose own it is.
    /// It may look at the input's beginning.
    fn is_own(&self, path: &str, input: &mut Input<'_>) -> bool {
        let _ = (path, input);
        true
    }

    /// Fills in what is known of records with matches: names, addresses, the message that an attachment belongs to.
    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]);

    /// Does the system put one export into several archives, so that the names in one are for the records in all?
    fn is_in_parts(&self) -> bool {
        false
    }
}

/// An export once it was scanned, to be read again for what is missing.
pub(super) struct Export<'e> {
    /// What it lies in, and the root below which it does; several if it came in parts.
    pub(super) trees: Vec<(&'e Tree, &'e str)>,
    pub(super) interrupt: &'e std::sync::atomic::AtomicBool,
    /// What could not be read meanwhile.
    pub(super) problems: &'e std::cell::RefCell<Vec<Problem>>,
}

impl Export<'_> {
    /// Reads those files below the root whose path is wanted.
    pub(super) fn read(&self, wanted: &dyn Fn(&str) -> bool, each: &mut dyn FnMut(&str, &mut Input<'_>)) {
        self.trees.iter().for_each(|part| self.read_part(*part, wanted, each));
    }

    fn read_part(
        &self,
        (tree, root): (&Tree, &str),
        wanted: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(&str, &mut Input<'_>),
    ) {
        let below = |member: &Member| member.path.strip_prefix(root).map(str::to_owned).filter(|path| wanted(path));
        let mut visit = |member: &Member, reader: Box<dyn std::io::Read + '_>| {
            let Some(path) = below(member) else { return };
            let mut input = Input::new(super::scan::unpacked(reader), self.interrupt);
            each(&path, &mut input);
        };
        let done: Result<(), Refusal> = if tree.is_concurrent() {
            let members = tree.members().iter().filter(|member| below(member).is_some());
            members.clone().try_for_each(|member| tree.read(member, &mut |reader| visit(member, reader)))
        } else if tree.members().iter().any(|member| below(member).is_some()) {
            tree.walk(&mut |member, reader| {
                visit(member, Box::new(reader));
                true
            })
        } else {
            Ok(())
        };
        if let Err(refusal) = done {
            let provenance = super::container::provenance(crate::model::PhysicalPlace {
                file: tree.file().to_owned(),
                ..Default::default()
            });
            let message = format!("names could not be looked up: {refusal}");
            self.problems.borrow_mut().push(Problem { provenance, kind: refusal.kind(), message });
        }
    }
}

/// The files of a container, for whoever wants to recognise something.
pub(super) struct Look<'l> {
    tree: &'l Tree,
    /// Members by path.
    index: OnceCell<HashMap<&'l str, usize>>,
    /// First bytes of files of a tar, which is read once for all of them.
    heads: OnceCell<HashMap<String, Vec<u8>>>,
    /// First bytes of the first files of other containers that were asked for: most systems ask for the same.
    seen: RefCell<HashMap<&'l str, Vec<u8>>>,
}

/// Bytes that [`Look::head`] gives.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// Heads that are kept of a tar.
const TAR_HEADS: usize = 512;

/// Heads that are kept of other containers.
const MAX_SEEN: usize = 256;

impl<'l> Look<'l> {
    pub(super) fn new(tree: &'l Tree) -> Look<'l> {
        Look { tree, index: OnceCell::new(), heads: OnceCell::new(), seen: RefCell::default() }
    }

    /// All paths, in the container's order, without what macOS notes beside files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'l str> + use<'l> {
        self.tree.members().iter().map(|member| member.path.as_str()).filter(|path| !is_beside(path))
    }

    /// The roots below which a file of this path lies: empty, or with a slash behind them.
    pub(super) fn roots_of(&self, path: &str) -> impl Iterator<Item = &'l str> {
        let roots = self.paths().filter_map(move |found| found.strip_suffix(path));
        roots.filter(|root| root.is_empty() || root.ends_with('/'))
    }

    /// Is there a file of that path?
    pub(super) fn has(&self, path: &str) -> bool {
        self.member(path).is_some()
    }

    fn member(&self, path: &str) -> Option<&'l Member> {
        let members = self.tree.members().iter().enumerate();
        let index = self.index.get_or_init(|| members.map(|(index, member)| (member.path.as_str(), index)).collect());
        index.get(path).map(|index| &self.tree.members()[*index])
    }

    /// Is it one file, not a directory or archive of files?
    pub(super) fn only(&self) -> Option<&'l str> {
        let mut paths = self.paths();
        paths.next().filter(|_| paths.next().is_none())
    }

    /// What one file by itself is, going by its first bytes; `None` if there are others. It may lie in a folder all the same.
    pub(super) fn alone(&self, signs_of: impl FnOnce(&[u8]) -> Vec<String>) -> Option<Detection> {
        let only = self.only()?;
        Some(Detection { root: split(only).0.to_owned(), signs: signs_of(&self.head(only)) })
    }

    /// The name of the file or directory that the user named.
    pub(super) fn container_name(&self) -> String {
        self.tree.file().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The path of a file that lies on disk as it is.
    pub(super) fn path_on_disk(&self, path: &str) -> Option<&'l std::path::Path> {
        self.member(path).and_then(|member| self.tree.path_on_disk(member))
    }

    /// The first 64 KiB (of a file in a tar: 16 KiB, and only of the first 512 that are no pictures), unpacked if it is
    /// gzip, in UTF-8 if it is text in UTF-16; empty if it can't be read.
    pub(super) fn head(&self, path: &str) -> Vec<u8> {
        if self.tree.is_concurrent() {
            let Some(member) = self.member(path) else { return Vec::new() };
            if let Some(head) = self.seen.borrow().get(path) {
                return head.clone();
            }
            let mut head = Vec::new();
            // What can't be read is told when it is scanned.
            let _ = self.tree.read(member, &mut |reader| {
                let _ = super::scan::unpacked(reader).take(HEAD_BYTES as u64).read_to_end(&mut head);
            });
            let head = head_as_text(&head).into_owned();
            let mut seen = self.seen.borrow_mut();
            if seen.len() < MAX_SEEN {
                seen.insert(&member.path, head.clone());
            }
            return head;
        }
        self.heads.get_or_init(|| self.tar_heads()).get(path).cloned().unwrap_or_default()
    }

    fn tar_heads(&self) -> HashMap<String, Vec<u8>> {
        let mut heads = HashMap::new();
        let _ = self.tree.walk(&mut |member, reader| {
            let extension = member.path.rsplit_once('.').map_or("", |(_, extension)| extension);
            if !matches!(extension, "png" | "jpg" | "jpeg" | "gif" | "mp4" | "svg") {
                let mut head = Vec::new();
                let _ = super::scan::unpacked(Box::new(reader)).take(HEAD_BYTES as u64 / 4).read_to_end(&mut head);
                heads.insert(member.path.clone(), head_as_text(&head).into_owned());
            }
            heads.len() < TAR_HEADS
        });
        heads
    }
}
