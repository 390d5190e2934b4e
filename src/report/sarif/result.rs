//! One finding as a SARIF result.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactContent, ArtifactLocation, Location, LogicalLocation, Message, PhysicalLocation, PropertyBag, Region,
    Result as SarifResult, ResultBaselineState,
};

use super::{
    descriptor::{Catalogue, escaped, level},
    uri::artifact_location,
};
use crate::{
    model::{Finding, Occurrence, Part, Provenance, Reason, RecordPlace, ScanReport},
    report::{
        Snippets,
        redact::Redactor,
        wording::{count, grouped, history, part, printable, record},
    },
};

/// GitHub rejects files with more locations than this in a result.
const MAX_LOCATIONS: usize = 1_000;

/// Makes results, in order: the line hashes count how often a line was seen before.
pub(super) struct Results<'a> {
    report: &'a ScanReport,
    redactor: &'a Redactor<'a>,
    catalogue: &'a Catalogue<'a>,
    snippets: Snippets,
    line_counts: HashMap<String, u32>,
    /// Were changes scanned? Then what was there before them is the baseline.
    is_of_changes: bool,
}

impl<'a> Results<'a> {
    pub(super) fn new(
        report: &'a ScanReport,
        redactor: &'a Redactor<'a>,
        catalogue: &'a Catalogue<'a>,
        snippets: Snippets,
    ) -> Results<'a> {
        let is_of_changes = report.findings.iter().any(Finding::is_of_changes);
        Results { report, redactor, catalogue, snippets, line_counts: HashMap::new(), is_of_changes }
    }

    pub(super) fn result(&mut self, finding: &Finding) -> SarifResult {
        let shown = &finding.occurrences[..finding.occurrences.len().min(MAX_LOCATIONS)];
        let mut fingerprints = BTreeMap::from([("secretFingerprint/v1".to_owned(), finding.fingerprint.to_string())]);
        if let Some(first) = shown.first() {
            fingerprints.insert("primaryLocationLineHash".to_owned(), self.line_hash(finding, first));
        }
        let mut result = SarifResult::builder()
            .rule_id(finding.rule.id.as_ref())
            .rule_index(self.catalogue.rule_index(&finding.rule.id).unwrap_or(-1))
            .level(level(finding.severity))
            .message(message(self.words(finding)))
            .locations(shown.iter().map(|occurrence| self.location(occurrence)).collect::<Vec<_>>())
            .partial_fingerprints(fingerprints)
            .rank(f64::from(finding.score.min(100)))
            .properties(PropertyBag::builder().additional_properties(self.properties(finding)).build())
            .build();
        // In one result of a run or in all of them: they are told against one baseline, which needn't have been written as
        // a run (sections 3.14.5 and 3.27.24).
        let state = if finding.is_old() { ResultBaselineState::Unchanged } else { ResultBaselineState::New };
        result.baseline_state = self.is_of_changes.then(|| Value::from(state.to_string()));
        result
    }

    /// The first sentence is all that a list shows.
    fn words(&self, finding: &Finding) -> String {
        let mut text = format!("{} '{}'", printable(&finding.rule.name), printable(&finding.preview));
        let first_part = finding.occurrences.first().and_then(|first| part(first.part));
        text.push_str(&format!(" stands {}.", first_part.unwrap_or("in clear in this file")));
        match finding.occurrences.len() {
            0 | 1 => {}
            places => text.push_str(&format!(" It stands in {}.", count(places as u64, "place"))),
        }
        if let Some(left_out @ 1..) = finding.occurrences.len().checked_sub(MAX_LOCATIONS) {
            let left_out = grouped(left_out as u64);
            text.push_str(&format!(" {left_out} of them are left out here; other formats hold all of them."));
        }
        if let Some(secret) = self.redactor.reveal(finding) {
            text.push_str(&format!(" Secret: '{}'.", printable(&String::from_utf8_lossy(secret))));
        }
        text
    }

    fn properties(&self, finding: &Finding) -> BTreeMap<String, Value> {
        let reason = |reason: &Reason| {
            json!({
                "feature": reason.feature,
                "points": reason.points,
                "detail": self.redactor.text(&reason.detail),
            })
        };
        let mut properties = BTreeMap::from([
            ("score".to_owned(), finding.score.into()),
            ("reasons".to_owned(), finding.reasons.iter().map(reason).collect()),
            ("severity".to_owned(), finding.severity.as_str().into()),
            ("provider".to_owned(), finding.rule.provider.as_ref().into()),
        ]);
        if let Some(id) = &finding.public_id {
            properties.insert("publicId".to_owned(), self.redactor.text(id).into());
        }
        if !finding.attributes.is_empty() {
            let attributes = finding.attributes.iter();
            let attributes = attributes.map(|(name, value)| ((*name).to_owned(), self.redactor.text(value).into()));
            properties.insert("attributes".to_owned(), Value::Object(attributes.collect()));
        }
        if !finding.parts.is_empty() {
            let parts = finding.parts.iter().filter_map(|part| serde_json::to_value(part).ok());
            properties.insert("parts".to_owned(), parts.map(|part| self.redacted(part)).collect());
        }
        if let Some(known) = self.report.attributions.get(&finding.fingerprint) {
            properties.insert("attribution".to_owned(), crate::report::record::redacted(known, self.redactor));
        }
        if let Some(secret) = self.redactor.reveal(finding) {
            properties.insert("secret".to_owned(), String::from_utf8_lossy(secret).into());
        }
        properties
    }

    fn location(&self, occurrence: &Occurrence) -> Location {
        let artifact = artifact_location(&occurrence.provenance, self.redactor);
        let physical = PhysicalLocation::builder().artifact_location(artifact).region(self.region(occurrence)).build();
        let mut words: Vec<String> =
            part(occurrence.part).map(|words| format!("The secret stands {words}.")).into_iter().collect();
        let location = Location::builder().physical_location(physical);
        if let Provenance::Record(place) = &occurrence.provenance {
            let told = record(place).iter().map(|part| format!("{}.", self.redactor.text(part))).collect::<Vec<_>>();
            let properties = serde_json::to_value(place).map(|value| self.redacted(value));
            let properties = BTreeMap::from([("record".to_owned(), properties.unwrap_or_default())]);
            return location
                .logical_locations(vec![self.logical(place)])
                .message(message(told.join(" ")))
                .properties(PropertyBag::builder().additional_properties(properties).build())
                .build();
        }
        let Provenance::Git(place) = &occurrence.provenance else {
            return match words.pop() {
                None => location.build(),
                Some(words) => location.message(message(words)).build(),
            };
        };
        words.extend(history(place).iter().map(|part| format!("{}.", self.redactor.text(part))));
        let properties = serde_json::to_value(&occurrence.provenance).map(|value| self.redacted(value));
        let properties = BTreeMap::from([("git".to_owned(), properties.unwrap_or_default())]);
        let properties = PropertyBag::builder().additional_properties(properties).build();
        location.message(message(words.join(" "))).properties(properties).build()
    }

    /// The record and field, as the system names them.
    fn logical(&self, place: &RecordPlace) -> LogicalLocation {
        let container = place.container.as_ref();
        let parts = [
            Some(place.system.as_str()),
            place.workspace.as_deref(),
            container.and_then(|container| container.name.as_deref().or(container.id.as_deref())),
            place.record.as_deref(),
            Some(place.field.as_str()).filter(|field| !field.is_empty()),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        let name = parts.last().copied().unwrap_or_default();
        LogicalLocation::builder()
            .name(self.redactor.text(name).into_owned())
            .fully_qualified_name(self.redactor.text(&parts.join("/")).into_owned())
            .kind(if place.field.is_empty() { "resource" } else { "member" })
            .build()
    }

    /// A JSON value with every text in it redacted.
    fn redacted(&self, mut value: Value) -> Value {
        crate::report::record::redact_all(&mut value, self.redactor);
        value
    }

    fn region(&self, occurrence: &Occurrence) -> Region {
        if occurrence.part != Part::Content {
            // A region speaks of content, which this isn't. GitHub wants one nevertheless: the point before all of it.
            return Region::builder().start_line(1).start_column(1).end_line(1).end_column(1).build();
        }
        if let Provenance::Record(record) = &occurrence.provenance
            && !record.field.is_empty()
        {
            // Line and column are those of the field as people saw it; a region speaks of the file.
            let line = number(record.physical.line.max(1));
            let region = Region::builder().start_line(line).byte_offset(number(record.physical.offset)).byte_length(0);
            return match self.snippets.of(occurrence) {
                Some(context) => {
                    region.snippet(ArtifactContent::builder().text(self.redactor.text(context)).build()).build()
                }
                None => region.build(),
            };
        }
        let place = &occurrence.place;
        let region = Region::builder()
            .start_line(number(place.line))
            .start_column(number(place.column_utf16))
            .end_line(number(place.end_line))
            .end_column(number(place.end_column_utf16))
            .byte_offset(number(place.span.start))
            .byte_length(number(place.span.len()));
        match self.snippets.of(occurrence) {
            Some(context) => {
                region.snippet(ArtifactContent::builder().text(self.redactor.text(context)).build()).build()
            }
            None => region.build(),
        }
    }

    /// What GitHub recognises a result by when its line has moved: a hash of the redacted line, then its number among
    /// equal lines of the file. It tells nothing of the secret; `secretFingerprint/v1`, which is keyed, does.
    fn line_hash(&mut self, finding: &Finding, first: &Occurrence) -> String {
        let mut hasher = blake3::Hasher::new();
        for text in [finding.rule.id.as_ref(), part(first.part).unwrap_or(""), &self.redactor.text(&first.context)] {
            hasher.update(text.as_bytes());
            hasher.update(&[0]);
        }
        let hash = hasher.finalize().to_hex()[..16].to_owned();
        let line = format!("{hash} {}", self.redactor.provenance(&first.provenance));
        let seen = self.line_counts.entry(line).or_insert(0);
        *seen += 1;
        format!("{hash}:{seen}")
    }
}

/// SARIF's integers are signed.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A place without a region.
pub(super) fn location(artifact: ArtifactLocation) -> Location {
    Location::builder().physical_location(PhysicalLocation::builder().artifact_location(artifact).build()).build()
}

/// A text of a result or notification. It may hold names from hostile files, so nothing in it is left to be read as a
/// placeholder or, `[text](target)`, as a link (sections 3.11.5 and 3.11.6).
pub(super) fn message(text: String) -> Message {
    let text = if text.contains("](") { text.replace('[', "\\[").replace(']', "\\]") } else { text };
    Message::builder().text(escaped(&text)).build()
}
