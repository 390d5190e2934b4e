//! The counts at the end of every report.

use serde::Serialize;

use crate::model::{ScanReport, Severity};

/// What a scan comes to, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    /// Distinct secrets, one per rule and value.
    pub(super) findings: u64,
    /// Places where they stand.
    pub(super) occurrences: u64,
    pub(super) by_severity: BySeverity,
    /// Things not scanned.
    pub(super) problems: u64,
    /// Was everything scanned?
    pub(super) complete: bool,
}

/// Findings by severity, highest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct BySeverity {
    pub(super) critical: u64,
    pub(super) high: u64,
    pub(super) medium: u64,
    pub(super) low: u64,
}

impl Tally {
    /// Counts a report once through.
    pub(super) fn of(report: &ScanReport) -> Tally {
        let mut tally = Tally {
            findings: report.findings.len() as u64,
            problems: report.problems.len() as u64,
            complete: report.problems.is_empty(),
            ..Tally::default()
        };
        for finding in &report.findings {
            tally.occurrences += finding.occurrences.len() as u64;
            *match finding.severity {
                Severity::Critical => &mut tally.by_severity.critical,
                Severity::High => &mut tally.by_severity.high,
                Severity::Medium => &mut tally.by_severity.medium,
                Severity::Low => &mut tally.by_severity.low,
            } += 1;
        }
        tally
    }
}
