//! `json`: one document, written element by element, one finding or problem per line.

use std::io;

use serde::Serialize;

use super::{
    ReportOptions, Reporter,
    record::{Recorder, SCHEMA, TOOL},
    tally::Tally,
};
use crate::model::ScanReport;

/// The format `json`.
pub(super) struct Json;

impl Reporter for Json {
    fn write(&self, report: &ScanReport, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
        let recorder = Recorder::new(report, options);
        out.write_all(b"{\n\"schema\":")?;
        serde_json::to_writer(&mut *out, SCHEMA)?;
        out.write_all(b",\n\"tool\":")?;
        serde_json::to_writer(&mut *out, &TOOL)?;
        out.write_all(b",\n\"summary\":")?;
        serde_json::to_writer(&mut *out, &Tally::of(report))?;
        out.write_all(b",\n\"config\":")?;
        serde_json::to_writer(&mut *out, &recorder.config(report))?;
        out.write_all(b",\n\"findings\":")?;
        write_array(out, report.findings.iter().map(|finding| recorder.finding(finding)))?;
        out.write_all(b",\n\"problems\":")?;
        write_array(out, report.problems.iter().map(|problem| recorder.problem(problem)))?;
        out.write_all(b",\n\"exports\":")?;
        write_array(out, recorder.exports(report).into_iter())?;
        out.write_all(b",\n\"notices\":")?;
        write_array(out, recorder.notices(report).into_iter())?;
        if let Some(groups) = recorder.groups(report) {
            out.write_all(b",\n\"groups\":")?;
            write_array(out, groups.into_iter())?;
        }
        out.write_all(b",\n\"stats\":")?;
        serde_json::to_writer(&mut *out, &recorder.stats(&report.stats))?;
        out.write_all(b"\n}\n")
    }
}

/// Writes a JSON array of which only one element exists at a time, each on its own line.
///
/// # Errors
/// The first error of the writer.
pub(super) fn write_array(out: &mut dyn io::Write, elements: impl Iterator<Item = impl Serialize>) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut is_empty = true;
    for element in elements {
        out.write_all(if is_empty { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &element)?;
        is_empty = false;
    }
    out.write_all(if is_empty { b"]" } else { b"\n]" })
}
