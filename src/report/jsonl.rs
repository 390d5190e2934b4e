//! `jsonl`: one record per line, findings first, then problems, and a summary last.

use std::io;

use super::{
    ReportOptions, Reporter,
    record::{Line, Recorder, SCHEMA, SummaryRecord, TOOL},
    tally::Tally,
};
use crate::model::ScanReport;

/// The format `jsonl`.
pub(super) struct JsonLines;

impl Reporter for JsonLines {
    fn write(&self, report: &ScanReport, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
        let recorder = Recorder::new(report, options);
        for finding in &report.findings {
            write_line(out, &Line::Finding(recorder.finding(finding)))?;
        }
        for problem in &report.problems {
            write_line(out, &Line::Problem(recorder.problem(problem)))?;
        }
        let summary = SummaryRecord {
            schema: SCHEMA,
            tool: TOOL,
            summary: Tally::of(report),
            exports: recorder.exports(report),
            notices: recorder.notices(report),
            config: recorder.config(report),
            groups: recorder.groups(report),
            stats: recorder.stats(&report.stats),
        };
        write_line(out, &Line::Summary(summary))
    }
}

fn write_line(out: &mut dyn io::Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
