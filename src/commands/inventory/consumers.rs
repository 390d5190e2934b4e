use std::{collections::BTreeSet, path::PathBuf, sync::Mutex};

use super::{
    CommandError, Env, ExitCode, output,
    table::{Table, TableFormat},
};
use crate::commands::gate::Gate;
use crate::{
    inventory::reference::{Reference, consumer, references},
    model::{DisplayPath, Origin, Part, Problem, Stats},
    source::{Chunk, FileOptions, Files, LargeBlob, Overlap, Plan, Receiver, Source as _},
};

/// Where references are looked for.
#[derive(Clone, Debug)]
pub struct ConsumerSettings {
    /// Files and directories.
    pub paths: Vec<PathBuf>,
    /// How directories are walked.
    pub files: FileOptions,
    /// The repository they belong to, as `org/name`; the directory's name if `None`.
    pub repository: Option<String>,
    /// How many threads; at least 1.
    pub threads: usize,
    /// Write consumers as records that `inventory import` takes, one JSON object per line?
    pub records: bool,
}

/// How much of a large file is looked at on either side of a chunk, in bytes: more than any reference is long.
const OVERLAP: Overlap = Overlap { before: 64, after: 1024 };

/// References, sorted and without duplicates, and what could not be read.
#[derive(Default)]
pub(in crate::commands) struct Found {
    pub(in crate::commands) references: Vec<(String, Reference)>,
    pub(in crate::commands) problems: Vec<Problem>,
}

/// Collects on one thread, and hands over when dropped.
struct Collector<'c> {
    own: Found,
    all: &'c Mutex<Found>,
    stats: Stats,
}

impl Receiver for Collector<'_> {
    fn blob(&mut self, origin: Origin<'_>, part: Part, bytes: &[u8]) {
        // Names of files ask for nothing.
        if part == Part::Content {
            let path = origin.to_provenance().to_string();
            references(&path, bytes, &mut |reference| self.own.references.push((path.clone(), reference)));
        }
    }

    fn chunk(&mut self, blob: &LargeBlob, chunk: Chunk<'_>) {
        let path = blob.provenance.to_string();
        // A chunk can't know how many lines stand before it.
        references(&path, chunk.bytes, &mut |reference| {
            self.own.references.push((path.clone(), Reference { line: 0, ..reference }));
        });
    }

    fn problem(&mut self, problem: Problem) {
        self.own.problems.push(problem);
    }

    fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.references.append(&mut self.own.references);
        all.problems.append(&mut self.own.problems);
    }
}

/// Reads files and directories for references. What looks like a secret in a name or a path is hidden.
///
/// # Errors
/// If an exclude glob can't be understood.
pub(in crate::commands) fn find(
    paths: Vec<PathBuf>,
    files: FileOptions,
    (threads, gate): (usize, &Gate),
    env: &Env<'_>,
) -> Result<Found, CommandError> {
    let source = Files::new(paths, files)?;
    let found = Mutex::new(Found::default());
    let plan = Plan { threads, overlap: OVERLAP, timed: false, interrupt: env.interrupt, known: None };
    source.run(&plan, &|| Box::new(Collector { own: Found::default(), all: &found, stats: Stats::default() }));
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    hide_secrets(&mut found.references, gate);
    found.references.sort();
    found.references.dedup();
    Ok(found)
}

fn hide_secrets(references: &mut [(String, Reference)], gate: &Gate) {
    let texts = references.iter().flat_map(|(path, reference)| [path.clone(), reference.name.clone()]);
    let texts: BTreeSet<String> = texts.collect();
    let hidden = gate.hidden(&texts.iter().map(String::as_str).collect());
    if hidden.is_empty() {
        return;
    }
    for (path, reference) in references {
        for text in [path, &mut reference.name] {
            if let Some(clear) = hidden.get(text.as_str()) {
                text.clone_from(clear);
            }
        }
    }
}

/// A path as its directory sees it: the same wherever the directory stands, and however it was named.
pub(in crate::commands) fn below<'p>(directories: &[String], path: &'p str) -> &'p str {
    let rest = |directory: &String| {
        let rest = path.strip_prefix(directory.as_str())?;
        (directory.ends_with('/') || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
    };
    let inner = directories.iter().filter_map(rest);
    inner.min_by_key(|rest| rest.len()).unwrap_or_else(|| path.strip_prefix("./").unwrap_or(path))
}

/// Directories as paths in them begin, without secrets.
pub(in crate::commands) fn shown_directories(paths: &[PathBuf], gate: &Gate) -> Vec<String> {
    let directories = paths.iter().filter(|path| path.is_dir());
    directories.map(|path| gate.clear(&DisplayPath(path).to_string())).collect()
}

/// Lists who asks for which secret by name, and how it gets there.
///
/// # Errors
/// If an exclude glob can't be understood, or the list not written.
pub fn consumers(
    settings: &ConsumerSettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let gate = Gate::new()?;
    let found = find(settings.paths.clone(), settings.files.clone(), (settings.threads, &gate), env)?;
    for problem in &found.problems {
        (env.warn)(&format!("{}: {}", problem.provenance, problem.message));
    }
    let repository = settings.repository.clone().unwrap_or_else(|| directory_name(settings));
    let (repository, directories) = (gate.clear(&repository), shown_directories(&settings.paths, &gate));
    let seen = |(path, reference): &(String, Reference)| consumer(reference, below(&directories, path), &repository);
    let consumers: Vec<_> = found.references.iter().map(seen).collect();
    let mut table = Table::new(&["name", "distribution", "workload", "kind", "locator"]);
    for (workload, consumer) in &consumers {
        table.push(vec![
            consumer.name.clone(),
            consumer.distribution.to_string(),
            consumer.workload.clone(),
            workload.kind.to_string(),
            consumer.locator.trim_end_matches(":0").to_owned(),
        ]);
    }
    table.sort();
    output::write(None, env, &|out| {
        if !settings.records {
            return table.write(format, out);
        }
        consumers.iter().try_for_each(|(workload, consumer)| {
            for record in [
                serde_json::to_string(&crate::model::identity::Record::Workload(workload.clone()))?,
                serde_json::to_string(&crate::model::identity::Record::Consumer(consumer.clone()))?,
            ] {
                writeln!(out, "{record}")?;
            }
            Ok(())
        })
    })?;
    Ok(if found.problems.is_empty() { ExitCode::Clean } else { ExitCode::Incomplete })
}

fn directory_name(settings: &ConsumerSettings) -> String {
    let first = settings.paths.first().map(PathBuf::as_path).unwrap_or(std::path::Path::new("."));
    let whole = std::fs::canonicalize(first).unwrap_or_else(|_| first.to_owned());
    whole.file_name().map_or_else(String::new, |name| crate::model::Escaped(name.as_encoded_bytes()).to_string())
}
