//! The walk: directories in, files handed over.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::{
    Files, Links, NAME_BYTES,
    dir::{Dir, Entry, Kind, LastLink, open_file},
    large::LargeFile,
    mounts::Mounts,
    problem_kind,
    roots::{Covered, Link, Root, directories},
    rules::{Filter, GIT_DIR, Rules, filter_for_root, read_rule_files},
    store::{LFS, OBJECTS, StorePart, has_lost_store, is_objects, is_store, is_store_root},
};
use crate::{
    model::{Origin, Part, ProblemKind},
    source::{
        Plan,
        crew::{Queue, Worker, lock, start_clock},
    },
};

/// Most directories kept open for what waits in them. Beyond that (many roots, a tree of enormous depth) they are
/// opened again by path. A process may open 1,024 files by default.
const MAX_OPEN_DIRS: usize = 256;

/// One round of a walk.
pub(super) struct Walk<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) mounts: &'a LazyLock<Mounts>,
    pub(super) large: Mutex<Vec<LargeFile>>,
    pub(super) files: &'a Files,
    limits: Limits,
    open_dirs: Arc<AtomicUsize>,
    links: Mutex<Vec<Link>>,
    is_interrupted: AtomicBool,
}

/// Places that a round must not enter, by real path. Both sets are mostly empty.
pub(super) struct Limits {
    /// Roots inside of roots: each is walked for itself.
    spared: HashSet<PathBuf>,
    /// Mounts of kernel state.
    pseudo: HashSet<PathBuf>,
}

impl Limits {
    /// The limits of a walk from `roots`. Asks for the mounts only if there is a directory to walk.
    pub(super) fn new(roots: &[Root], covered: &Covered, mounts: &LazyLock<Mounts>) -> Limits {
        let pseudo = match directories(roots).next() {
            Some(_) => mounts.pseudo_points_below(directories(roots)),
            None => HashSet::new(),
        };
        Limits { spared: covered.inside(roots), pseudo }
    }

    fn is_empty(&self) -> bool {
        self.spared.is_empty() && self.pseudo.is_empty()
    }
}

/// What a round leaves to be done.
pub(super) struct Found {
    pub(super) large: Vec<LargeFile>,
    pub(super) links: Vec<Link>,
    pub(super) is_interrupted: bool,
}

/// A piece of work that any thread can take up.
pub(super) enum Task {
    /// Something to start from.
    Root(Root),
    /// A directory in another one.
    Folder { parent: Arc<Folder>, name: OsString, store: StorePart },
    /// Some of a directory's files.
    Files { folder: Arc<Folder>, names: Vec<OsString> },
}

/// A directory that was listed, while something in it waits.
pub(super) struct Folder {
    path: PathBuf,
    /// Absolute and free of symbolic links.
    real: PathBuf,
    filter: Filter,
    store: StorePart,
    /// `None` if too many are open.
    dir: Option<HeldDir>,
}

/// An open directory that counts towards [`MAX_OPEN_DIRS`].
struct HeldDir {
    dir: Dir,
    open_dirs: Arc<AtomicUsize>,
}

impl Drop for HeldDir {
    fn drop(&mut self) {
        self.open_dirs.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Folder {
    /// Gives the open directory to `visit`, opening it again if it couldn't be kept.
    fn with_dir<T>(&self, visit: impl FnOnce(&Dir) -> T) -> io::Result<T> {
        match &self.dir {
            Some(held) => Ok(visit(&held.dir)),
            None => Ok(visit(&Dir::open(&self.real, LastLink::Refuse)?)),
        }
    }
}

impl<'a> Walk<'a> {
    /// A round that has not begun.
    pub(super) fn new(files: &'a Files, plan: &'a Plan<'a>, mounts: &'a LazyLock<Mounts>, limits: Limits) -> Walk<'a> {
        Walk {
            plan,
            mounts,
            large: Mutex::default(),
            files,
            limits,
            open_dirs: Arc::default(),
            links: Mutex::default(),
            is_interrupted: AtomicBool::new(false),
        }
    }

    /// One thread's part.
    pub(super) fn work_off(&self, queue: &Queue<Task>, worker: &mut Worker<'_>) {
        queue.work_off(|task, own| {
            let mut shift = Shift { walk: self, worker, queue, own };
            match task {
                _ if self.is_interrupted() => shift.own.clear(),
                Task::Root(root) => shift.visit_root(root),
                Task::Folder { parent, name, store } => shift.visit_folder(&parent, &name, store),
                Task::Files { folder, names } => shift.scan_files(&folder, names),
            }
        });
    }

    /// What the round found besides files to hand over.
    pub(super) fn into_found(self) -> Found {
        Found {
            large: std::mem::take(&mut lock(&self.large)),
            links: std::mem::take(&mut lock(&self.links)),
            is_interrupted: self.is_interrupted.into_inner(),
        }
    }

    /// Was the run asked to end early? Remembers that something was left undone.
    pub(super) fn is_interrupted(&self) -> bool {
        let is_interrupted = self.plan.is_interrupted();
        if is_interrupted {
            self.is_interrupted.store(true, Ordering::Relaxed);
        }
        is_interrupted
    }
}

/// One thread at one task.
pub(super) struct Shift<'s, 'a, 'r> {
    pub(super) walk: &'s Walk<'a>,
    pub(super) worker: &'s mut Worker<'r>,
    queue: &'s Queue<Task>,
    own: &'s mut Vec<Task>,
}

impl Shift<'_, '_, '_> {
    fn visit_root(&mut self, root: Root) {
        self.worker.path.clone_from(&root.path);
        if let Some(name) = root.path.file_name() {
            self.hand_over_name(name);
        }
        match root.kind {
            Kind::File | Kind::Link => {
                let started = start_clock(self.walk.plan);
                let file = open_file(&root.path, LastLink::Follow);
                self.scan_file(file, LastLink::Follow, started);
            }
            Kind::Special(what) => self.worker.problem(ProblemKind::SpecialFile, format!("{what}: not opened")),
            Kind::Directory => {
                let started = start_clock(self.walk.plan);
                let dir = Dir::open(&root.path, LastLink::Follow);
                let filter = filter_for_root(&root.real, &self.walk.files.excludes, self.walk.files.git);
                let store = if is_store_root(&root.real) { self.note_store() } else { StorePart::Outside };
                self.worker.lap(started);
                match dir {
                    Ok(dir) => self.enter(dir, Folder { path: root.path, real: root.real, filter, store, dir: None }),
                    Err(error) => self.worker.problem(problem_kind(&error), error.to_string()),
                }
            }
        }
    }

    fn visit_folder(&mut self, parent: &Folder, name: &OsStr, store: StorePart) {
        let (path, real) = (parent.path.join(name), parent.real.join(name));
        let started = start_clock(self.walk.plan);
        let dir = parent.with_dir(|dir| dir.open_dir(name)).flatten();
        self.worker.lap(started);
        match dir {
            Ok(dir) => self.enter(dir, Folder { path, real, filter: parent.filter.clone(), store, dir: None }),
            Err(error) => {
                self.worker.path = path;
                self.not_opened(&error);
            }
        }
    }

    /// Tells of an entry that can't be opened or listed. What git has removed since it was seen isn't there to be scanned: its
    /// content is in other files by now. (A directory that is removed while it is open can't be listed.)
    pub(super) fn not_opened(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound || !self.walk.files.is_in_git_dir(&self.worker.path) {
            self.worker.problem(problem_kind(error), error.to_string());
        }
    }

    /// Lists a directory, queues the directories in it and scans its files.
    fn enter(&mut self, dir: Dir, mut folder: Folder) {
        let mut entries = Vec::new();
        let started = start_clock(self.walk.plan);
        let listed = dir.list(&mut self.worker.entries, &mut entries);
        if let Some(files) = read_rule_files(&dir, &entries, self.walk.files.git) {
            folder.filter.rules = Rules::extend(folder.filter.rules, &folder.real, &files);
        }
        self.worker.lap(started);
        self.worker.path.clone_from(&folder.path);
        if let Err(error) = listed {
            self.not_opened(&error);
        }
        if self.is_claimed_dir(&entries) {
            return;
        }
        if self.walk.open_dirs.fetch_add(1, Ordering::Relaxed) < MAX_OPEN_DIRS {
            folder.dir = Some(HeldDir { dir, open_dirs: Arc::clone(&self.walk.open_dirs) });
        } else {
            self.walk.open_dirs.fetch_sub(1, Ordering::Relaxed);
        }
        let folder = Arc::new(folder);
        let files = self.sort_out(&folder, entries);
        self.queue.share(self.own);
        self.scan_files(&folder, files);
    }

    /// Is the directory at hand an export, which is read as such?
    #[cfg(feature = "export")]
    fn is_claimed_dir(&self, entries: &[Entry]) -> bool {
        let names = entries.iter().filter(|entry| entry.kind == Kind::File).map(|entry| &entry.name);
        self.walk.files.claims.as_ref().is_some_and(|claims| claims.dir(&self.worker.path, names))
    }

    #[cfg(not(feature = "export"))]
    fn is_claimed_dir(&self, _: &[Entry]) -> bool {
        false
    }

    /// Queues directories, deals with links and special files, and gives the names of the files.
    fn sort_out(&mut self, folder: &Arc<Folder>, entries: Vec<Entry>) -> Vec<OsString> {
        let has_store = is_store(&folder.path, &entries);
        if has_lost_store(&folder.path, &entries) {
            self.at(OsStr::new(OBJECTS), Shift::note_store);
        }
        let is_limited = !folder.filter.is_empty() || !self.walk.limits.is_empty();
        if is_limited {
            self.worker.real.clone_from(&folder.real);
        }
        let mut files = Vec::with_capacity(entries.len());
        for Entry { name, kind } in entries {
            if is_limited && self.is_left_out(folder, &name, kind) {
                continue;
            }
            match kind {
                Kind::File if folder.store.holds_as_object(&name) => {}
                Kind::File => {
                    if name == GIT_DIR {
                        self.at(&name, |shift| lock(&shift.walk.files.git_files).push(shift.worker.path.clone()));
                    }
                    files.push(name);
                }
                Kind::Directory => {
                    let store = self.at(&name, |shift| {
                        shift.hand_over_name(&name);
                        match has_store && is_objects(&name) {
                            true => shift.note_store(),
                            false if has_store && name == LFS => StorePart::Lfs,
                            false => folder.store.of_child(&name),
                        }
                    });
                    self.own.push(Task::Folder { parent: Arc::clone(folder), name, store });
                }
                Kind::Link => self.at(&name, |shift| {
                    shift.visit_link(folder, &name);
                    if has_store && is_objects(&name) {
                        shift.note_store();
                    } else if name == GIT_DIR {
                        lock(&shift.walk.files.git_files).push(shift.worker.path.clone());
                    }
                }),
                Kind::Special(what) => self.at(&name, |shift| {
                    shift.hand_over_name(&name);
                    shift.worker.problem(ProblemKind::SpecialFile, format!("{what}: not opened"));
                }),
            }
        }
        files
    }

    /// Is an entry ignored, a root of its own or a mount of kernel state? Counts or reports it as needed.
    fn is_left_out(&mut self, folder: &Folder, name: &OsStr, kind: Kind) -> bool {
        let limits = &self.walk.limits;
        let is_dir = kind == Kind::Directory;
        self.worker.real.push(name);
        let real = &self.worker.real;
        let is_ignored = folder.filter.is_ignored(real, is_dir);
        let is_spared = limits.spared.contains(real);
        let is_pseudo = is_dir && limits.pseudo.contains(real);
        self.worker.real.pop();
        if is_spared {
            return true;
        }
        if is_ignored {
            self.worker.receiver.stats().ignored += 1;
            return true;
        }
        if is_pseudo {
            let message = "file system of kernel state: not entered";
            self.at(name, |shift| shift.worker.problem(ProblemKind::PseudoFilesystem, message));
        }
        is_pseudo
    }

    /// Hands over where a symbolic link points to, and notes it if links are followed.
    fn visit_link(&mut self, folder: &Folder, name: &OsStr) {
        self.hand_over_name(name);
        match folder.with_dir(|dir| dir.read_link(name)).flatten() {
            Ok(target) => self.worker.receiver.blob(Origin::File(&self.worker.path), Part::LinkTarget, &target),
            Err(error) => self.not_opened(&error),
        }
        match self.walk.files.links {
            Links::NotFollowed => self.worker.receiver.stats().links_not_followed += 1,
            Links::Followed => {
                let link = Link { path: self.worker.path.clone(), real_dir: folder.real.clone() };
                lock(&self.walk.links).push(link);
            }
        }
    }

    /// Scans files of one directory, giving half of what is left to a thread that has nothing to do.
    fn scan_files(&mut self, folder: &Arc<Folder>, mut names: Vec<OsString>) {
        if names.is_empty() {
            return;
        }
        self.worker.path.clone_from(&folder.path);
        let scanned = folder.with_dir(|dir| {
            while let Some(name) = names.pop() {
                if self.walk.is_interrupted() {
                    return;
                }
                self.at(&name, |shift| {
                    shift.hand_over_name(&name);
                    let started = start_clock(shift.walk.plan);
                    shift.scan_file(dir.open_file(&name), LastLink::Refuse, started);
                });
                if self.queue.is_hungry() {
                    if self.own.is_empty() && names.len() > 1 {
                        let names = names.split_off(names.len() / 2);
                        self.own.push(Task::Files { folder: Arc::clone(folder), names });
                    }
                    self.queue.share(self.own);
                }
            }
        });
        if let Err(error) = scanned {
            self.not_opened(&error);
        }
    }

    /// Does something while the path at hand is that of an entry of it.
    fn at<T>(&mut self, name: &OsStr, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.worker.path.push(name);
        let value = visit(self);
        self.worker.path.pop();
        value
    }

    /// Hands over the name of what is at hand: somebody may have named it after a secret.
    fn hand_over_name(&mut self, name: &OsStr) {
        let name = name.as_encoded_bytes();
        if name.len() >= NAME_BYTES {
            self.worker.receiver.blob(Origin::File(&self.worker.path), Part::Name, name);
        }
    }

    /// Notes the path at hand as an object store.
    fn note_store(&mut self) -> StorePart {
        lock(&self.walk.files.stores).push(self.worker.path.clone());
        StorePart::Top
    }
}
