use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::PathBuf,
};

use serde::Deserialize;

use super::record::{FindingLine, named};
use crate::{
    commands::{
        CommandError, Env, ExitCode,
        gate::Gate,
        output,
        store::{StoreChoice, with_store},
    },
    model::{DisplayPath, StoreChanges},
    store::{NewSnapshot, Recorder, ScannedFinding, Store},
};

/// A line may be so long: a finding in a hundred thousand places.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Findings, or places if those are more, that go to the store at once.
const BATCH: usize = 256;

/// Which report to take in, and what it is of.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// The store.
    pub store: StoreChoice,
    /// A report in the format `jsonl`; `-` is standard input.
    pub report: PathBuf,
    /// What the source is called.
    pub source: String,
    /// Names the key of its fingerprints.
    pub key_id: String,
    /// Is it of everything in the source? Then what it lacks is gone.
    pub complete: bool,
}

/// Takes in the findings of a `jsonl` report that another machine made. Memory doesn't grow with the report.
///
/// # Errors
/// If the report can't be read, is cut off, or shows secrets. What came before the fault is recorded, as of a scan that was
/// cut off; the same report again, whole, repairs it.
pub fn import(settings: &ImportSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let path = DisplayPath(&settings.report).to_string();
    let read = |source| CommandError::Read { path: path.clone(), source };
    let input: Box<dyn io::Read> = match settings.report.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(&settings.report).map_err(read)?),
    };
    let mut lines = Lines { input: BufReader::with_capacity(1 << 16, input), number: 0 };
    let changes = with_store(&settings.store, env, |store, _| take_in(store, settings, &mut lines))?;
    output::write(None, env, &|out| writeln!(out, "{changes}"))?;
    Ok(ExitCode::Clean)
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Finding(Box<FindingLine>),
    Problem(serde::de::IgnoredAny),
    Summary(SummaryLine),
}

#[derive(Deserialize)]
struct SummaryLine {
    schema: String,
}

fn take_in(
    store: &mut Store<'_>,
    settings: &ImportSettings,
    lines: &mut Lines<impl io::Read>,
) -> Result<StoreChanges, CommandError> {
    let source = named(&Gate::new()?.clear(&settings.source));
    let mut recorder = Recorder::begin(store, &source, &NewSnapshot::default())?;
    let mut batch: Vec<ScannedFinding> = Vec::with_capacity(BATCH);
    let (mut places, mut problems) = (0, 0);
    let mut ended = false;
    while let Some(line) = lines.next(&settings.report)? {
        match line {
            Line::Summary(summary) if summary.schema == "unleak.report/v1" => {
                ended = true;
                break;
            }
            Line::Summary(_) => return Err(lines.fault(&settings.report, "the report has another schema")),
            Line::Problem(_) => problems += 1,
            Line::Finding(finding) if finding.shows_secrets() => {
                return Err(lines.fault(&settings.report, "the report shows secrets: make one without --show-secrets"));
            }
            Line::Finding(finding) => {
                let finding =
                    finding.into_scanned(&settings.key_id, &|path| path.strip_prefix("./").unwrap_or(path).to_owned());
                places += finding.occurrences.len();
                batch.push(finding);
            }
        }
        if batch.len() >= BATCH || places >= 8 * BATCH {
            recorder.add(store, &batch)?;
            batch.clear();
            places = 0;
        }
    }
    recorder.add(store, &batch)?;
    if !ended {
        recorder.finish(store, false, problems)?;
        return Err(lines.fault(&settings.report, "the report is cut off: its last line is no summary"));
    }
    Ok(recorder.finish(store, settings.complete && problems == 0, problems)?)
}

/// Lines of bounded length.
struct Lines<R> {
    input: BufReader<R>,
    number: u64,
}

impl<R: io::Read> Lines<R> {
    fn next(&mut self, path: &std::path::Path) -> Result<Option<Line>, CommandError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.number += 1;
            let read = self.input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
            read.map_err(|source| CommandError::Read { path: DisplayPath(path).to_string(), source })?;
            if line.is_empty() {
                return Ok(None);
            }
            if line.len() as u64 > MAX_LINE_BYTES {
                return Err(self.fault(path, "the line is too long"));
            }
            if !line.trim_ascii().is_empty() {
                break;
            }
        }
        // The parser's message would quote the line.
        serde_json::from_slice(&line)
            .map(Some)
            .map_err(|_| self.fault(path, "it is no line of a report in the format jsonl"))
    }

    fn fault(&self, path: &std::path::Path, reason: &str) -> CommandError {
        CommandError::Report { path: DisplayPath(path).to_string(), line: self.number, reason: reason.to_owned() }
    }
}
