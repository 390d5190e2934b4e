//! Reads a corpus from its directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::marked::{LabelledText, MarkError, expand_marked};
use crate::rule::template::SampleRng;

/// Labelled cases.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Sorted by name; at least one.
    pub cases: Vec<Case>,
}

/// Some files that belong together.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its directory's name.
    pub name: String,
    /// Its files, sorted by path; at least one.
    pub files: Vec<InputFile>,
    seed: u64,
}

/// A file with marks.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Its path below the case's `input`.
    pub path: PathBuf,
    /// Its text with marks and templates.
    pub marked: Vec<u8>,
}

/// Why a corpus can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file or directory could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A directory without cases, or a case without files.
    #[error("{}: nothing in it", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// A `labels.toml` or `metrics.toml` that can't be understood.
    #[error("{}: {message}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A mark or template that can't be understood.
    #[error("{}: {source}", path.display())]
    Mark {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MarkError,
    },
}

/// `labels.toml`: what a person should know of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    #[allow(dead_code, reason = "read by people; its presence is checked")]
    description: String,
    #[allow(dead_code, reason = "read by people; its presence is checked")]
    source: String,
    seed: u64,
    #[serde(default)]
    files: BTreeMap<String, toml::Value>,
}

impl Corpus {
    /// Reads all cases below `root/tree`.
    ///
    /// # Errors
    /// The first file that can't be read or understood: a mistake in a corpus would be a wrong figure.
    pub fn load(root: &Path) -> Result<Corpus, CorpusError> {
        let tree = root.join("tree");
        let dirs: Vec<PathBuf> = entries(&tree)?.into_iter().filter(|path| path.is_dir()).collect();
        let cases = dirs.iter().map(|dir| Case::load(dir)).collect::<Result<Vec<_>, _>>()?;
        if cases.is_empty() { Err(CorpusError::Empty { path: tree }) } else { Ok(Corpus { cases }) }
    }
}

impl Case {
    fn load(dir: &Path) -> Result<Case, CorpusError> {
        let path = dir.join("labels.toml");
        let text = fs::read_to_string(&path).map_err(|source| CorpusError::Read { path: path.clone(), source })?;
        let wrong = |message: String| CorpusError::Toml { path: path.clone(), message };
        let labels: Labels = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let input = dir.join("input");
        let mut files = Vec::new();
        read_files(&input, &input, &mut files)?;
        if files.is_empty() {
            return Err(CorpusError::Empty { path: input });
        }
        if let Some(unknown) = labels.files.keys().find(|name| files.iter().all(|file| file.path != Path::new(name))) {
            return Err(wrong(format!("`[files]` names `{unknown}`, which is not below `input`")));
        }
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Case { name, files, seed: labels.seed })
    }

    /// Which half of the corpus the case belongs to: weights are fitted on half 0 and tried on half 1. Depends on the
    /// name alone, so that a new case moves no other.
    #[must_use]
    pub fn half(&self) -> usize {
        usize::from(blake3::hash(self.name.as_bytes()).as_bytes()[0] & 1)
    }

    /// Its files, expanded. Each `variant` yields other values in the same places.
    ///
    /// # Errors
    /// A mark or template that can't be understood.
    pub fn expand(&self, variant: u64) -> Result<Vec<(&Path, LabelledText)>, CorpusError> {
        let expand_file = |file: &'_ InputFile| {
            let name = file.path.to_string_lossy();
            let digest = blake3::hash(format!("{}\0{name}\0{}\0{variant}", self.name, self.seed).as_bytes());
            let mut first = [0; 8];
            first.copy_from_slice(&digest.as_bytes()[..8]);
            expand_marked(&file.marked, &mut SampleRng::new(u64::from_le_bytes(first))).map_err(|source| {
                CorpusError::Mark { path: Path::new(&self.name).join("input").join(&file.path), source }
            })
        };
        self.files.iter().map(|file| Ok((file.path.as_path(), expand_file(file)?))).collect()
    }
}

fn read_files(root: &Path, dir: &Path, files: &mut Vec<InputFile>) -> Result<(), CorpusError> {
    for path in entries(dir)? {
        if path.is_dir() {
            read_files(root, &path, files)?;
            continue;
        }
        let marked = fs::read(&path).map_err(|source| CorpusError::Read { path: path.clone(), source })?;
        files.push(InputFile { path: path.strip_prefix(root).unwrap_or(&path).to_owned(), marked });
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|source| CorpusError::Read { path: dir.to_owned(), source })?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}
