//! Listing: the files of a container before any is read.

use std::{
    fs, io,
    io::BufReader,
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use super::{Body, Member, Packing, Store, Tell, Tree, file_name, is_file, next_local, refusal};
use crate::model::ProblemKind;

/// Deepest directory that is listed.
const MAX_DIR_DEPTH: usize = 64;

/// Directories to be listed, with their paths and depths; files that were.
struct Listing {
    waiting: Vec<(PathBuf, String, usize)>,
    paths: Vec<(String, u64, PathBuf)>,
}

impl Tree {
    /// Lists a directory, sorted by path. Links are not followed.
    pub(super) fn list_dir(&mut self, root: &Path, tell: Tell<'_>) {
        let mut listing = Listing { waiting: vec![(root.to_owned(), String::new(), 0)], paths: Vec::new() };
        while let Some((dir, prefix, depth)) = listing.waiting.pop() {
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) => {
                    tell(self.problem(&prefix, super::kind_of(&error), error.to_string()));
                    continue;
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => self.list_entry(&entry, (&prefix, depth), &mut listing, tell),
                    Err(error) => tell(self.problem(&prefix, super::kind_of(&error), error.to_string())),
                }
            }
        }
        let mut paths = listing.paths;
        paths.sort_unstable();
        if paths.len() > self.limits.members {
            tell(self.problem("", ProblemKind::Limit, self.too_many(paths.len())));
            paths.truncate(self.limits.members);
        }
        for (index, (path, size, _)) in paths.iter().enumerate() {
            self.members.push(Member { path: path.clone(), size: *size, index });
        }
        self.body = Body::Dir(paths.into_iter().map(|(.., path)| path).collect());
    }

    fn list_entry(&self, entry: &fs::DirEntry, (prefix, depth): (&str, usize), listing: &mut Listing, tell: Tell<'_>) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") };
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() && depth >= MAX_DIR_DEPTH => {
                tell(self.problem(&path, ProblemKind::Limit, "directories nested too deep"));
            }
            Ok(metadata) if metadata.is_dir() => listing.waiting.push((entry.path(), path, depth + 1)),
            Ok(metadata) if metadata.is_file() => listing.paths.push((path, metadata.len(), entry.path())),
            Ok(metadata) if metadata.is_symlink() => {}
            Ok(_) => tell(self.problem(&path, ProblemKind::SpecialFile, "no regular file: not opened")),
            Err(error) => tell(self.problem(&path, super::kind_of(&error), error.to_string())),
        }
    }

    /// Lists a zip by its directory, or by the headers of its files if that is gone.
    pub(super) fn list_zip(&mut self, store: Store, tell: Tell<'_>) {
        let archive = match ZipArchive::new(store.clone()) {
            Ok(archive) => archive,
            Err(error) => {
                let why = format!("{}: files are read front to back as far as possible", refusal(error));
                self.body = Body::BrokenZip(store);
                tell(self.problem("", ProblemKind::Truncated, why));
                return self.list_broken_zip(tell);
            }
        };
        if archive.has_duplicate_names() {
            tell(self.problem("", ProblemKind::Malformed, "two files of one name: only one of them was read"));
        }
        self.body = Body::Zip(Box::new(archive.clone()));
        for index in 0..archive.len() {
            if self.members.len() >= self.limits.members {
                tell(self.problem("", ProblemKind::Limit, self.too_many(archive.len())));
                break;
            }
            let Ok(file) = archive.by_index_data(index) else { continue };
            let Some(Ok(path)) = archive.name_for_index(index) else { continue };
            if path.ends_with('/') {
                continue;
            }
            let path = path.replace('\\', "/");
            self.members.push(Member { path, size: file.size(), index });
        }
    }

    fn list_broken_zip(&mut self, tell: Tell<'_>) {
        let Body::BrokenZip(store) = &self.body else { return };
        let mut reader = BufReader::new(store.clone());
        loop {
            let index = self.members.len();
            match next_local(&mut reader) {
                Ok(Some(mut file)) => {
                    let path = file.name().map_or_else(|_| format!("file {index}"), std::borrow::Cow::into_owned);
                    self.members.push(Member { path, size: file.size(), index });
                    if let Err(error) = io::copy(&mut file, &mut io::sink()) {
                        let path = self.members[index].path.clone();
                        tell(self.problem(&path, ProblemKind::Truncated, error.to_string()));
                        return;
                    }
                }
                Ok(None) => return,
                Err(refusal) => return tell(self.problem("", refusal.kind(), refusal.to_string())),
            }
            if self.members.len() >= self.limits.members {
                return tell(self.problem("", ProblemKind::Limit, self.too_many(self.members.len())));
            }
        }
    }

    /// Lists a tar by reading all of it.
    pub(super) fn list_tar(&mut self, store: Store, packing: Packing, tell: Tell<'_>) {
        self.body = Body::Tar(store.clone(), packing);
        let mut members = Vec::new();
        let (mut failure, mut listed) = (None, 0_u64);
        {
            let mut archive = tar::Archive::new(self.unpacked(&store, packing));
            match archive.entries() {
                Ok(entries) => {
                    for entry in entries {
                        let entry = match entry {
                            Ok(entry) => entry,
                            Err(error) => {
                                failure = Some(error);
                                break;
                            }
                        };
                        if !is_file(&entry) {
                            continue;
                        }
                        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                        let path = path.trim_start_matches("./").to_owned();
                        members.push(Member { path, size: entry.size(), index: members.len() });
                        listed = listed.saturating_add(entry.size());
                        if listed > self.limits.list_bytes {
                            break;
                        }
                        if members.len() >= self.limits.members {
                            failure = Some(io::Error::other(self.too_many(members.len())));
                            break;
                        }
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        self.members = members;
        if let Some(error) = failure {
            tell(self.problem("", super::kind_of(&error), format!("the archive is damaged or cut off: {error}")));
        }
    }

    /// A file that is no archive: an export of one file.
    pub(super) fn hold_file(&mut self, store: Store, packing: Packing) {
        let name = file_name(&self.file);
        let path = match packing {
            Packing::Gzip => name.strip_suffix(".gz").unwrap_or(&name).to_owned(),
            Packing::Plain => name,
        };
        self.members = vec![Member { path, size: store.len(), index: 0 }];
        self.body = Body::File(store, packing);
    }

    /// One file of that path, whatever is around it.
    #[cfg(any(test, fuzzing))]
    pub(in crate::source::export) fn hold_file_of(&mut self, path: &str, store: Store) {
        self.members = vec![Member { path: path.to_owned(), size: store.len(), index: 0 }];
        self.body = Body::File(store, Packing::Plain);
    }

    fn too_many(&self, members: usize) -> String {
        format!("{members} files or more, of which {} are read", self.limits.members)
    }
}
