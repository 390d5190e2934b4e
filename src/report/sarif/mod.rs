//! `sarif`: SARIF 2.1.0 for code scanning services. All use of the crate `serde-sarif` is in this directory (the
//! crate *named* `sarif` is an empty reservation).
//!
//! The envelope is written by hand and results one by one, so that a run's findings never sit in memory twice.
//! Choices and their sources:
//!
//! - Severities become levels, ranks and the `security-severity` numbers that GitHub sorts and fails checks by
//!   (docs.github.com, "SARIF support for code scanning", read 2026-11).
//! - Paths are relative to `SRCROOT`, which is named but not located: a report must not tell where a company keeps its
//!   checkouts.
//! - Problems become notifications of the invocation; so does the count of results beyond the limit.

mod descriptor;
mod result;
mod uri;

use std::{collections::BTreeMap, io};

use serde_json::{Value, json};
use serde_sarif::sarif::{ArtifactLocation, Tool, ToolComponent};

use self::{
    descriptor::{Catalogue, dropped_notification, problem_notification, silenced_notification},
    result::Results,
};
use super::{ReportOptions, Reporter, json::write_array, record::redacted, redact::Redactor};
use crate::model::{ProblemKind, ScanReport};

/// The final schema of the standard, at its publisher.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The base that relative paths are relative to.
const BASE_ID: &str = "SRCROOT";

/// The format `sarif`.
pub(in crate::report) struct Sarif;

impl Reporter for Sarif {
    fn write(&self, report: &ScanReport, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
        let kept = &report.findings[..report.findings.len().min(options.sarif_limit)];
        let dropped = report.findings.len() - kept.len();
        let redactor = Redactor::new(report, options.show_secrets);
        let catalogue = Catalogue::of(kept, &report.problems, dropped);
        out.write_all(b"{\n\"$schema\":")?;
        serde_json::to_writer(&mut *out, SCHEMA)?;
        out.write_all(b",\n\"version\":\"2.1.0\",\n\"runs\":[{\n\"tool\":")?;
        serde_json::to_writer(&mut *out, &tool(&catalogue))?;
        out.write_all(b",\n\"columnKind\":\"utf16CodeUnits\",\n\"originalUriBaseIds\":")?;
        serde_json::to_writer(&mut *out, &bases())?;
        // An interrupted run is the only one that didn't do what it was told.
        let is_interrupted = report.problems.iter().any(|problem| problem.kind == ProblemKind::Interrupted);
        write!(out, ",\n\"invocations\":[{{\"executionSuccessful\":{},", !is_interrupted)?;
        out.write_all(b"\"toolExecutionNotifications\":")?;
        let problems = report.problems.iter().map(|problem| problem_notification(problem, &redactor, &catalogue));
        let silenced = report.config.as_ref().map(|config| silenced_notification(config, &redactor));
        write_array(out, problems.chain(dropped_notification(dropped, &catalogue)).chain(silenced))?;
        out.write_all(b"}],\n")?;
        if !report.exports.is_empty() {
            let of = |values: Vec<Value>| Value::Array(values);
            let exports = of(report.exports.iter().map(|export| redacted(export, &redactor)).collect());
            let notices = of(report.notices.iter().map(|notice| redacted(notice, &redactor)).collect());
            out.write_all(b"\"properties\":")?;
            serde_json::to_writer(&mut *out, &json!({ "exports": exports, "notices": notices }))?;
            out.write_all(b",\n")?;
        }
        out.write_all(b"\"results\":")?;
        let mut results = Results::new(report, &redactor, &catalogue, options.snippets);
        write_array(out, kept.iter().map(|finding| results.result(finding)))?;
        out.write_all(b"\n}]\n}\n")
    }
}

fn tool(catalogue: &Catalogue<'_>) -> Tool {
    let driver = ToolComponent::builder()
        .name(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .information_uri(env!("CARGO_PKG_REPOSITORY"))
        .rules(catalogue.rules())
        .notifications(catalogue.notifications())
        .build();
    Tool::builder().driver(driver).build()
}

fn bases() -> BTreeMap<&'static str, ArtifactLocation> {
    let description = result::message("The directory in which the scan was started.".to_owned());
    BTreeMap::from([(BASE_ID, ArtifactLocation::builder().description(description).build())])
}
