use std::{path::PathBuf, sync::Mutex};

use super::{
    CommandError, Env, ExitCode, output,
    table::{Table, TableFormat},
};
use crate::{
    inventory::reference::{Reference, consumer, references},
    model::{Origin, Part, Problem, Stats},
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

/// Reads files and directories for references.
///
/// # Errors
/// If an exclude glob can't be understood.
pub(in crate::commands) fn find(
    paths: Vec<PathBuf>,
    files: FileOptions,
    threads: usize,
    env: &Env<'_>,
) -> Result<Found, CommandError> {
    let source = Files::new(paths, files)?;
    let found = Mutex::new(Found::default());
    let plan = Plan { threads, overlap: OVERLAP, timed: false, interrupt: env.interrupt, known: None };
    source.run(&plan, &|| Box::new(Collector { own: Found::default(), all: &found, stats: Stats::default() }));
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.references.sort();
    found.references.dedup();
    Ok(found)
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
    let found = find(settings.paths.clone(), settings.files.clone(), settings.threads, env)?;
    for problem in &found.problems {
        (env.warn)(&format!("{}: {}", problem.provenance, problem.message));
    }
    let repository = settings.repository.clone().unwrap_or_else(|| directory_name(settings));
    let consumers: Vec<_> =
        found.references.iter().map(|(path, reference)| consumer(reference, path, &repository)).collect();
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
