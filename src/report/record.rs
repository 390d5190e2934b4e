//! What `json` and `jsonl` write, field by field: the schema `unleak.report/v1`.
//!
//! These are views that borrow from the report and serialise lazily, so that a finding in a million places is never
//! copied. `docs/schemas/report-v1.json` describes them; a test holds the two together. Fields may be added under
//! the same schema name; renaming or removing one makes a `v2`.

use std::{borrow::Cow, time::Duration};

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::Value;

use super::{
    ReportOptions, Snippets,
    group::{self, Exposure},
    redact::Redactor,
    tally::Tally,
};
use crate::model::{
    Attributes, ConfigUse, CredentialPart, Finding, Fingerprint, Occurrence, Part, Place, Problem, Provenance, Reason,
    RuleMeta, ScanReport, Severity, Span, Stats,
};

/// Name and version of the schema.
pub(super) const SCHEMA: &str = "unleak.report/v1";

/// The program that wrote the report.
#[derive(Serialize)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// This build.
pub(super) const TOOL: Tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// Turns the parts of one report into records.
pub(super) struct Recorder<'a> {
    report: &'a ScanReport,
    redactor: Redactor<'a>,
    options: &'a ReportOptions,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(report: &'a ScanReport, options: &'a ReportOptions) -> Recorder<'a> {
        Recorder { report, redactor: Redactor::new(report, options.show_secrets), options }
    }

    pub(super) fn finding(&'a self, finding: &'a Finding) -> FindingRecord<'a> {
        let secret = self.redactor.reveal(finding);
        let is_text = secret.is_none_or(|bytes| str::from_utf8(bytes).is_ok());
        FindingRecord {
            rule: &finding.rule,
            severity: finding.severity,
            fingerprint: finding.fingerprint,
            score: finding.score,
            reasons: Reasons { reasons: &finding.reasons, redactor: &self.redactor },
            preview: &finding.preview,
            public_id: finding.public_id.as_deref().map(|id| self.redactor.text(id)),
            attributes: Facts { attributes: &finding.attributes, redactor: &self.redactor },
            parts: Parts { parts: &finding.parts, redactor: &self.redactor },
            secret: secret.map(String::from_utf8_lossy),
            secret_base64: secret.filter(|_| !is_text).map(|bytes| data_encoding::BASE64.encode(bytes)),
            exposure: Exposure::of(finding.occurrences.iter()).map(|exposure| redacted(&exposure, &self.redactor)),
            attribution: self
                .report
                .attributions
                .get(&finding.fingerprint)
                .map(|known| redacted(known, &self.redactor)),
            occurrences: Occurrences { occurrences: &finding.occurrences, recorder: self },
        }
    }

    pub(super) fn problem(&'a self, problem: &'a Problem) -> ProblemRecord<'a> {
        ProblemRecord {
            kind: problem.kind.as_str(),
            provenance: ProvenanceRecord { provenance: &problem.provenance, redactor: &self.redactor },
            message: self.redactor.text(&problem.message),
        }
    }

    /// What exports there were; few.
    pub(super) fn exports(&self, report: &ScanReport) -> Vec<Value> {
        report.exports.iter().map(|export| redacted(export, &self.redactor)).collect()
    }

    /// What is to be known about them.
    pub(super) fn notices(&self, report: &ScanReport) -> Vec<Value> {
        report.notices.iter().map(|notice| redacted(notice, &self.redactor)).collect()
    }

    pub(super) fn config(&self, report: &ScanReport) -> Option<ConfigUse> {
        let config = report.config.as_ref()?;
        Some(ConfigUse { path: self.redactor.text(&config.path).into_owned(), ..config.clone() })
    }

    /// The groups that were asked for.
    pub(super) fn groups(&self, report: &ScanReport) -> Option<Vec<Value>> {
        self.options.group_by.map(|by| group::records(report, by, &self.redactor))
    }

    pub(super) fn stats(&self, stats: &'a Stats) -> StatsRecord<'a> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        StatsRecord {
            counts: stats,
            times: self.options.stats.then(|| TimesRecord {
                read_us: micros(stats.times.read),
                prefilter_us: micros(stats.times.prefilter),
                confirm_us: micros(stats.times.confirm),
                history_us: micros(stats.times.history),
                floor_us: micros(stats.times.floor),
                wall_us: micros(stats.times.wall),
            }),
        }
    }
}

/// One line of `jsonl`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    Finding(FindingRecord<'a>),
    Problem(ProblemRecord<'a>),
    Summary(SummaryRecord<'a>),
}

/// The last line of `jsonl`: without it, the report was cut off.
#[derive(Serialize)]
pub(super) struct SummaryRecord<'a> {
    pub(super) schema: &'static str,
    pub(super) tool: Tool,
    pub(super) summary: Tally,
    pub(super) config: Option<ConfigUse>,
    pub(super) exports: Vec<Value>,
    pub(super) notices: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<Value>>,
    pub(super) stats: StatsRecord<'a>,
}

#[derive(Serialize)]
pub(super) struct FindingRecord<'a> {
    rule: &'a RuleMeta,
    severity: Severity,
    fingerprint: Fingerprint,
    score: u8,
    reasons: Reasons<'a>,
    preview: &'a str,
    public_id: Option<Cow<'a, str>>,
    attributes: Facts<'a>,
    parts: Parts<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<Value>,
    occurrences: Occurrences<'a>,
}

#[derive(Serialize)]
pub(super) struct ProblemRecord<'a> {
    kind: &'static str,
    provenance: ProvenanceRecord<'a>,
    message: Cow<'a, str>,
}

/// Counters, and times if they were asked for: those differ from run to run.
#[derive(Serialize)]
pub(super) struct StatsRecord<'a> {
    #[serde(flatten)]
    counts: &'a Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<TimesRecord>,
}

#[derive(Serialize)]
struct TimesRecord {
    read_us: u64,
    prefilter_us: u64,
    confirm_us: u64,
    history_us: u64,
    floor_us: u64,
    wall_us: u64,
}

struct Reasons<'a> {
    reasons: &'a [Reason],
    redactor: &'a Redactor<'a>,
}

impl Serialize for Reasons<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.reasons.iter().map(|reason| ReasonRecord {
            feature: reason.feature,
            points: reason.points,
            detail: self.redactor.text(&reason.detail),
        }))
    }
}

#[derive(Serialize)]
struct ReasonRecord<'a> {
    feature: &'static str,
    points: i16,
    detail: Cow<'a, str>,
}

struct Facts<'a> {
    attributes: &'a Attributes,
    redactor: &'a Redactor<'a>,
}

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.attributes.iter().map(|(name, value)| (*name, self.redactor.text(value))))
    }
}

struct Parts<'a> {
    parts: &'a [CredentialPart],
    redactor: &'a Redactor<'a>,
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.parts.iter().map(|part| PartRecord {
            name: &part.name,
            value: self.redactor.text(&part.value),
            provenance: ProvenanceRecord { provenance: &part.provenance, redactor: self.redactor },
            line: part.line,
            span: part.span,
        }))
    }
}

#[derive(Serialize)]
struct PartRecord<'a> {
    name: &'a str,
    value: Cow<'a, str>,
    provenance: ProvenanceRecord<'a>,
    line: u64,
    span: Span,
}

struct Occurrences<'a> {
    occurrences: &'a [Occurrence],
    recorder: &'a Recorder<'a>,
}

impl Serialize for Occurrences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Recorder { redactor, options, .. } = self.recorder;
        serializer.collect_seq(self.occurrences.iter().map(|occurrence| OccurrenceRecord {
            provenance: ProvenanceRecord { provenance: &occurrence.provenance, redactor },
            part: occurrence.part,
            place: &occurrence.place,
            context: (options.snippets == Snippets::Include).then(|| redactor.text(&occurrence.context)),
        }))
    }
}

#[derive(Serialize)]
struct OccurrenceRecord<'a> {
    provenance: ProvenanceRecord<'a>,
    part: Part,
    place: &'a Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Cow<'a, str>>,
}

/// A provenance with every text in it redacted, whatever fields its kind has.
struct ProvenanceRecord<'a> {
    provenance: &'a Provenance,
    redactor: &'a Redactor<'a>,
}

impl Serialize for ProvenanceRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(self.provenance).map_err(S::Error::custom)?;
        redact_all(&mut value, self.redactor);
        value.serialize(serializer)
    }
}

/// Anything as JSON, with every text in it redacted.
pub(super) fn redacted(value: &impl Serialize, redactor: &Redactor<'_>) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    redact_all(&mut value, redactor);
    value
}

pub(super) fn redact_all(value: &mut Value, redactor: &Redactor<'_>) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = redactor.text(text) {
                *text = clean;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact_all(value, redactor)),
        Value::Object(fields) => fields.values_mut().for_each(|value| redact_all(value, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
