//! Findings by who posted them or where, and how widely each was exposed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::record::redacted;
use super::redact::Redactor;
use crate::model::{Attribution, Finding, Occurrence, Provenance, RecordPlace, ScanReport, Visibility};

/// What findings are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Who posted (of git: who wrote the commit that brought) the secret.
    Author,
    /// The channel, project, space, repository or directory.
    Container,
    /// Whose it is, as a store knows it.
    Identity,
}

impl GroupBy {
    /// The name used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GroupBy::Author => "author",
            GroupBy::Container => "container",
            GroupBy::Identity => "identity",
        }
    }

    /// What an occurrence belongs to, for people; not redacted.
    fn of(self, occurrence: &Occurrence, attribution: Option<&Attribution>) -> Option<String> {
        match (self, &occurrence.provenance) {
            (GroupBy::Identity, _) => attribution?.identity.as_ref().map(super::attribution::identity),
            (GroupBy::Author, Provenance::Record(place)) => place.author.as_ref().map(super::wording::person),
            (GroupBy::Author, Provenance::Git(place)) => {
                let first = place.history.as_ref()?.first.as_ref()?;
                Some(format!("{} <{}>", first.author.name, first.author.email))
            }
            (GroupBy::Author, Provenance::File(_) | Provenance::Named(_)) => None,
            (GroupBy::Container, Provenance::Record(place)) => container(place),
            (GroupBy::Container, Provenance::Git(place)) => Some(place.repository.display().to_string()),
            (GroupBy::Container, Provenance::File(path)) => path.parent().map(|dir| dir.display().to_string()),
            (GroupBy::Container, Provenance::Named(_)) => None,
        }
    }
}

fn container(place: &RecordPlace) -> Option<String> {
    let container = place.container.as_ref()?;
    let name = container.name.as_deref().or(container.id.as_deref())?;
    Some(format!("{} {name}", container.kind))
}

/// Findings with something in common.
pub(super) struct Group<'r> {
    /// What that is; `None` if it isn't known.
    pub(super) name: Option<String>,
    /// The findings, in the report's order, each with its places in this group.
    pub(super) findings: Vec<(&'r Finding, Vec<&'r Occurrence>)>,
}

/// Findings with those of their places that are in a group.
type Members<'a> = Vec<(&'a Finding, Vec<&'a Occurrence>)>;

/// All groups, by name; what has none comes last. A finding with places in several groups is in each of them.
pub(super) fn groups(report: &ScanReport, by: GroupBy) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(bool, Option<String>), Members<'_>> = BTreeMap::new();
    for finding in &report.findings {
        let attribution = report.attributions.get(&finding.fingerprint);
        for occurrence in &finding.occurrences {
            let name = by.of(occurrence, attribution);
            let group = groups.entry((name.is_none(), name)).or_default();
            match group.last_mut().filter(|(last, _)| std::ptr::eq(*last, finding)) {
                Some((_, occurrences)) => occurrences.push(occurrence),
                None => group.push((finding, vec![occurrence])),
            }
        }
    }
    groups.into_iter().map(|((_, name), findings)| Group { name, findings }).collect()
}

/// The groups as JSON: name, number of places, times, fingerprints.
pub(super) fn records(report: &ScanReport, by: GroupBy, redactor: &Redactor<'_>) -> Vec<Value> {
    let record = |group: &Group<'_>| {
        let places: Vec<&Occurrence> = group.findings.iter().flat_map(|(_, places)| places.iter().copied()).collect();
        json!({
            "by": by.as_str(),
            "name": group.name.as_deref().map(|name| redactor.text(name).into_owned()),
            "findings": group.findings.iter().map(|(finding, _)| finding.fingerprint.to_string()).collect::<Vec<_>>(),
            "occurrences": places.len(),
            "exposure": Exposure::of(places.iter().copied()).map(|exposure| redacted(&exposure, redactor)),
        })
    };
    groups(report, by).iter().map(record).collect()
}

/// How widely a secret was posted in exports: what a responder has to know first.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Exposure {
    /// Records that have it.
    pub(super) records: u64,
    /// When it was posted first and last; of places whose time is known in UTC.
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    /// People who posted it, and places (channels, projects) where.
    pub(super) authors: u64,
    pub(super) containers: u64,
    /// Could everybody in the workspace see it somewhere? `None` if it isn't known of any place.
    pub(super) public: Option<bool>,
    /// Readers of the largest of those places, where known.
    pub(super) readers: Option<u64>,
}

impl Exposure {
    /// Sums up places; `None` if none is in an export.
    pub(super) fn of<'r>(occurrences: impl Iterator<Item = &'r Occurrence>) -> Option<Exposure> {
        let places: Vec<&RecordPlace> = occurrences
            .filter_map(|occurrence| match &occurrence.provenance {
                Provenance::Record(place) => Some(&**place),
                _ => None,
            })
            .collect();
        if places.is_empty() {
            return None;
        }
        let times = || places.iter().filter_map(|place| place.time.as_ref()?.utc.as_deref());
        let authors: BTreeSet<_> = places.iter().filter_map(|place| place.author.as_ref()).collect();
        let containers: BTreeSet<_> = places.iter().filter_map(|place| place.container.as_ref()).collect();
        let seen: Vec<Visibility> = places.iter().filter_map(|place| place.visibility).collect();
        Some(Exposure {
            records: places.len() as u64,
            first: times().min().map(str::to_owned),
            last: times().max().map(str::to_owned),
            authors: authors.len() as u64,
            containers: containers.len() as u64,
            public: (!seen.is_empty()).then(|| seen.contains(&Visibility::Public)),
            readers: places.iter().filter_map(|place| place.readers).max(),
        })
    }
}
