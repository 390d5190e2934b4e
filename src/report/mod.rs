//! Reports: everything a scan has to say, in a format that a person or a program reads.
//!
//! A reporter only reads. It gets a finished [`ScanReport`], writes to any [`std::io::Write`] and returns the writer's
//! error; it never sorts, filters or counts towards an exit code. Two promises hold for every format:
//!
//! - **No secret leaves** unless [`ReportOptions::show_secrets`] asks: not in a message, not in a line of context and
//!   not in the path of a file that somebody named after its secret.
//! - **Nothing is silently skipped**: every [`Problem`](crate::model::Problem) is listed, and whatever a format can't
//!   hold is counted in it.
//!
//! The same report and options give the same bytes, measured times apart.

mod attribution;
mod group;
mod human;
mod json;
mod jsonl;
pub mod pages;
mod record;
mod redact;
mod sarif;
mod style;
mod tally;
mod wording;

use std::io;

pub use attribution::credential_life;
pub use group::GroupBy;
pub use redact::without_secrets;
pub(crate) use wording::count;

use crate::model::ScanReport;

/// Writes a report in one format.
pub trait Reporter: Sync {
    /// Writes all of `report` to `out`, which is neither buffered nor flushed here: give a buffered writer.
    ///
    /// # Errors
    /// The first error of the writer. What was written until then stays written.
    fn write(&self, report: &ScanReport, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()>;
}

/// A report format that a user can name.
#[derive(Clone, Copy)]
pub struct Format {
    /// The name given to `--format`.
    pub name: &'static str,
    /// One line of help, without a full stop.
    pub description: &'static str,
    /// What writes it.
    pub reporter: &'static dyn Reporter,
}

/// All formats, in the order shown to users; the first is the default.
pub const FORMATS: &[Format] = &[
    Format { name: "human", description: "text for a terminal, grouped by finding", reporter: &human::Human },
    Format { name: "json", description: "one document, see docs/schemas/report-v1.json", reporter: &json::Json },
    Format { name: "jsonl", description: "one JSON record per line, a summary last", reporter: &jsonl::JsonLines },
    Format { name: "sarif", description: "SARIF 2.1.0, for code scanning services", reporter: &sarif::Sarif },
];

/// The format of that exact name.
///
/// ```
/// use unleak::{model::ScanReport, report};
///
/// let mut out = Vec::new();
/// let format = report::find("human").expect("a built-in format");
/// format.reporter.write(&ScanReport::default(), &report::ReportOptions::default(), &mut out)?;
/// assert_eq!(out, b"No secrets found.\nScanned 0 files, 0 bytes.\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Each finding as the format `json` writes it, without secrets and without the text around them.
#[cfg(feature = "identity")]
pub(crate) fn redacted_findings(
    report: &ScanReport,
) -> impl Iterator<Item = serde_json::Result<serde_json::Value>> + '_ {
    static OPTIONS: ReportOptions = ReportOptions {
        colour: false,
        show_secrets: false,
        stats: false,
        snippets: Snippets::Omit,
        width: 0,
        sarif_limit: 0,
        when_clean: WhenClean::Say,
        group_by: None,
    };
    let recorder = record::Recorder::new(report, &OPTIONS);
    report.findings.iter().map(move |finding| serde_json::to_value(recorder.finding(finding)))
}

/// What a store knows of a finding, in lines that a person reads: whose it is, why, and what is done about it. Names in
/// them come from outside: make them safe for where they are printed.
#[must_use]
pub fn attribution_lines(attribution: &crate::model::Attribution) -> Vec<String> {
    attribution::lines(attribution)
}

/// How a report is written. The default suits a file: no colour, no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportOptions {
    /// May ANSI colours be used? Only the human format has any.
    pub colour: bool,
    /// May secrets be written in clear? Then each finding carries its own, and paths are written as they are.
    pub show_secrets: bool,
    /// Are counters and times wanted? JSON has the counters in any case, and the times with this.
    pub stats: bool,
    /// What the human format says where there is nothing to say.
    pub when_clean: WhenClean,
    /// Is the redacted line around each place wanted?
    pub snippets: Snippets,
    /// Terminal columns to which the human format cuts lines of context; 0 leaves them whole.
    pub width: usize,
    /// How many findings a SARIF file may hold. The most severe come first, and what is left out is counted in a
    /// notification. GitHub keeps 5,000 results of a run.
    pub sarif_limit: usize,
    /// What findings are put together by. SARIF has no groups.
    pub group_by: Option<GroupBy>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions {
            colour: false,
            show_secrets: false,
            stats: false,
            when_clean: WhenClean::Say,
            snippets: Snippets::Include,
            width: 100,
            sarif_limit: 5_000,
            group_by: None,
        }
    }
}

/// What is written without findings and problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenClean {
    /// That there are none, and how much was scanned.
    #[default]
    Say,
    /// Nothing: hooks run all day long.
    BeQuiet,
}

/// Is the redacted line around each place written?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snippets {
    /// Yes.
    #[default]
    Include,
    /// No: a report that leaves the company may not even show code.
    Omit,
}

impl Snippets {
    /// The line to show of a place, if there is one and it is wanted.
    fn of(self, occurrence: &crate::model::Occurrence) -> Option<&str> {
        (self == Snippets::Include && !occurrence.context.is_empty()).then_some(occurrence.context.as_str())
    }
}
