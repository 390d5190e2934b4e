//! Exports of chats, tickets, wikis and mail: what a company gets when it asks such a system for its data, or what
//! somebody else made off with.
//!
//! A container (directory, zip, tar, gzip, single file) holds files; a system says which of them hold records
//! and reads those; all others are scanned as files. Every record is scanned as people saw it, and is attributed: who
//! wrote it, when, where it is to be seen. Names and addresses are looked up at the end, and only for records with
//! findings, so that memory doesn't grow with an export.
//!
//! Whatever is damaged costs as little as possible: a record, a file. `docs/exports.md` says how to add a system.

mod adf;
mod asana;
mod bugzilla;
mod claim;
mod confluence;
mod container;
mod copied;
mod csv;
mod described;
mod detect;
mod discord;
mod element;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod generic;
mod github;
mod gitlab;
mod google_chat;
mod html;
mod input;
mod jira;
mod json;
mod layout;
mod limits;
mod linear;
mod mail;
mod map;
mod markup;
mod matrix;
mod mattermost;
mod names;
mod near;
mod notion;
mod record_index;
mod redmine;
mod rich;
mod rocketchat;
mod salesforce;
mod scan;
mod servicenow;
mod signed;
mod sink;
mod slack;
mod stream;
mod system;
mod table;
mod teams;
mod telegram;
mod time;
mod trello;
mod xml;
mod zendesk;
mod zulip;

use std::{
    cell::RefCell,
    path::Path,
    sync::{Arc, Mutex},
};

pub use claim::Claims;
pub use limits::ExportLimits;
pub use map::{FieldMap, MapError};
pub use stream::Streamed;

use self::{
    container::Tree,
    detect::Found,
    record_index::Room,
    sink::Notices,
    system::{Detection, Look, Opening, Reader, ReadingOptions, System},
};
use super::{
    Plan, Receiver, Source,
    crew::{Crew, MakeReceiver, lock},
};
use crate::model::{ExportSummary, Problem, ProblemKind, Provenance, RecordPlace};

/// How exports are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The format, if the user knows better: one of [`formats`].
    pub format: Option<String>,
    /// Address of the workspace or site, for links: exports often don't say it.
    pub base_url: Option<String>,
    /// What is where in records of no known system.
    pub map: Option<FieldMap>,
    /// Limits against hostile archives.
    pub limits: ExportLimits,
}

/// Names of all formats, with what people call them.
pub fn formats() -> impl Iterator<Item = (&'static str, &'static str)> {
    system::SYSTEMS.iter().map(|system| (system.name(), system.title()))
}

/// Why an export can't be scanned as one.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It can't be opened.
    #[error("{path}: {source}")]
    Open {
        /// The file or directory.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Nothing known is in it.
    #[error("{path}: no export that unleak knows (--export-format names one, --map describes records of your own)")]
    Unknown {
        /// The file or directory.
        path: String,
    },
    /// There is no format of that name.
    #[error("`{name}` is no export format: there is {known}")]
    Format {
        /// The name as given.
        name: String,
        /// The names that there are.
        known: String,
    },
}

/// One export: a source.
pub struct Export {
    tree: Arc<Tree>,
    found: Vec<Found>,
    options: ExportOptions,
    candidates: Vec<&'static dyn System>,
    opened: Mutex<Vec<Arc<Opened>>>,
    /// Told at the beginning of the run.
    problems: Vec<Problem>,
}

/// A system's reader at work.
struct Opened {
    id: u32,
    system: &'static str,
    root: String,
    tree: Arc<Tree>,
    reader: Box<dyn Reader>,
    notices: Notices,
    summary: ExportSummary,
}

impl Export {
    /// Opens what lies at `path` and finds out what it is.
    ///
    /// # Errors
    /// If it can't be opened, or nothing known is in it and no format was named.
    pub fn open(path: &Path, options: ExportOptions) -> Result<Export, ExportError> {
        let candidates = Export::candidates(&options)?;
        let display = || crate::model::DisplayPath(path).to_string();
        let mut problems = Vec::new();
        let tree = Tree::open(path, options.limits, &mut |problem| problems.push(problem))
            .map_err(|source| ExportError::Open { path: display(), source })?;
        Export::of_tree(tree, candidates, options, problems)
    }

    /// What is known in a tree; an error if nothing is.
    fn of_tree(
        tree: Tree,
        candidates: Vec<&'static dyn System>,
        options: ExportOptions,
        problems: Vec<Problem>,
    ) -> Result<Export, ExportError> {
        let found = Export::recognised(&tree, &candidates, &options);
        // Archives in it may hold what it isn't itself; a file that is only called like one doesn't.
        let holds_archives =
            || !tree.is_file() && tree.members().iter().any(|member| claim::is_archive_name(&member.path));
        if found.is_empty() && !holds_archives() {
            return Err(ExportError::Unknown { path: tree.display() });
        }
        Ok(Export::of(tree, found, candidates, options, problems))
    }

    fn of(
        tree: Tree,
        found: Vec<Found>,
        candidates: Vec<&'static dyn System>,
        options: ExportOptions,
        problems: Vec<Problem>,
    ) -> Export {
        Export { tree: Arc::new(tree), found, options, candidates, opened: Mutex::default(), problems }
    }

    /// What was opened; what is one export in several archives is together.
    fn parted(&self) -> Vec<Vec<Arc<Opened>>> {
        let mut exports: Vec<Vec<Arc<Opened>>> = Vec::new();
        for opened in lock(&self.opened).iter() {
            let is_part =
                |parts: &&mut Vec<Arc<Opened>>| opened.reader.is_in_parts() && parts[0].system == opened.system;
            match exports.iter_mut().find(is_part) {
                Some(parts) => parts.push(Arc::clone(opened)),
                None => exports.push(vec![Arc::clone(opened)]),
            }
        }
        // They were opened in any order; which of two names counts must not depend on that.
        exports.iter_mut().for_each(|parts| parts.sort_by_key(|opened| (opened.tree.display(), opened.root.clone())));
        exports
    }

    /// The systems that are asked.
    fn candidates(options: &ExportOptions) -> Result<Vec<&'static dyn System>, ExportError> {
        let candidates = detect::candidates(options.format.as_deref());
        if let (true, Some(name)) = (candidates.is_empty(), &options.format) {
            let known = formats().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
            return Err(ExportError::Format { name: name.clone(), known });
        }
        Ok(candidates)
    }

    /// What is in it; if nothing is and the user said what it is, that.
    fn recognised(tree: &Tree, candidates: &[&'static dyn System], options: &ExportOptions) -> Vec<Found> {
        let mut found = detect::detect(&Look::new(tree), candidates);
        let is_named = options.format.is_some() || options.map.is_some();
        if found.is_empty() && is_named {
            let system = match &options.format {
                Some(_) => candidates[0],
                None => &generic::Generic,
            };
            let sign = if options.format.is_some() { "named with --export-format" } else { "described with --map" };
            let detection = Detection { root: String::new(), signs: vec![sign.to_owned()] };
            found.push(Found { system, detection });
        }
        found
    }
}

/// What a scan needs to open systems in nested archives.
struct Scanned<'s> {
    candidates: Vec<&'static dyn System>,
    options: ReadingOptions,
    /// For notes of where records stand.
    room: Room,
    limits: ExportLimits,
    opened: &'s Mutex<Vec<Arc<Opened>>>,
}

impl Scanned<'_> {
    /// Opens what was found, and tells of it.
    fn open(
        &self,
        tree: &Arc<Tree>,
        look: &Look<'_>,
        found: Vec<Found>,
        receiver: &mut dyn Receiver,
    ) -> Vec<Arc<Opened>> {
        let mut owners = Vec::with_capacity(found.len());
        for Found { system, detection } in found {
            let reader =
                system.open(&Opening { look, root: &detection.root, options: &self.options, room: &self.room });
            let path = match detection.root.trim_end_matches('/') {
                "" => tree.display(),
                root => format!("{}!{root}", tree.display()),
            };
            let title = system.title().to_owned();
            let summary = ExportSummary { path, system: system.name().to_owned(), title, signs: detection.signs };
            receiver.export(summary.clone());
            let mut opened = lock(self.opened);
            let entry = Arc::new(Opened {
                id: opened.len() as u32 + 1,
                system: system.name(),
                root: detection.root,
                tree: Arc::clone(tree),
                reader,
                notices: Notices::default(),
                summary,
            });
            opened.push(Arc::clone(&entry));
            owners.push(entry);
        }
        owners
    }
}

impl Source for Export {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: MakeReceiver<'_, 'r>) {
        let mut crew = Crew::new(plan, receiver);
        self.problems.iter().for_each(|problem| crew.first().receiver.problem(problem.clone()));
        let options = ReadingOptions { base_url: self.options.base_url.clone(), map: self.options.map.clone() };
        let candidates = self.candidates.clone();
        let (room, limits) = (Room::default(), self.options.limits);
        let scanned = Scanned { candidates, options, room, limits, opened: &self.opened };
        let found = self.found.iter().map(|found| Found { system: found.system, detection: found.detection.clone() });
        let look = Look::new(&self.tree);
        let owners = scanned.open(&self.tree, &look, found.collect(), &mut *crew.first().receiver);
        scan::Scan { scanned: &scanned, plan }.run(&self.tree, &owners, &mut crew);
        let worker = crew.first();
        for opened in lock(&self.opened).iter() {
            opened.notices.take(&opened.summary.path).into_iter().for_each(|notice| worker.receiver.notice(notice));
        }
        let end = match () {
            () if plan.is_interrupted() => Some((ProblemKind::Interrupted, "interrupted before all was scanned")),
            () if lock(&self.opened).is_empty() => {
                let message = "no export that unleak knows is in it or in its archives: all was scanned as files";
                Some((ProblemKind::Unsupported, message))
            }
            () => None,
        };
        if let Some((kind, message)) = end {
            let provenance = Provenance::File(self.tree.file().to_owned());
            worker.receiver.problem(Problem { provenance, kind, message: message.to_owned() });
        }
    }

    fn resolve(&self, plan: &Plan<'_>, places: &mut [&mut RecordPlace], problem: &mut dyn FnMut(Problem)) {
        let problems = RefCell::default();
        for parts in self.parted() {
            let is_of = |place: &RecordPlace| parts.iter().any(|opened| place.reader == opened.id);
            let mut own: Vec<&mut RecordPlace> =
                places.iter_mut().filter(|place| is_of(place)).map(|place| &mut **place).collect();
            if own.is_empty() {
                continue;
            }
            let trees = parts.iter().map(|opened| (&*opened.tree, opened.root.as_str())).collect();
            let export = system::Export { trees, interrupt: plan.interrupt, problems: &problems };
            parts[0].reader.resolve(&export, &mut own);
            own.iter_mut().for_each(|place| sink::without_texts(place));
        }
        problems.into_inner().into_iter().for_each(problem);
    }
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("path", &self.tree.display()).finish_non_exhaustive()
    }
}
