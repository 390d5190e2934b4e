//! Findings by who posted them or where, and how widely each was exposed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::record::redacted;
use super::redact::Redactor;
use crate::model::{
    Attribution, Finding, Occurrence, Provenance, RecordContainer, RecordPlace, ScanReport, Visibility,
};

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

    /// What an occurrence belongs to.
    fn of<'r>(self, occurrence: &'r Occurrence, attribution: Option<&Attribution>) -> Key<'r> {
        match (self, &occurrence.provenance) {
            (GroupBy::Container, Provenance::Record(place)) => {
                ContainerKey::of(place).map_or(Key::Name(None), Key::Container)
            }
            _ => Key::Name(self.name_of(occurrence, attribution)),
        }
    }

    /// The same for people; not redacted.
    fn name_of(self, occurrence: &Occurrence, attribution: Option<&Attribution>) -> Option<String> {
        match (self, &occurrence.provenance) {
            (GroupBy::Identity, _) => attribution?.identity.as_ref().map(super::attribution::identity),
            (GroupBy::Author, Provenance::Record(place)) => place.author.as_ref().map(super::wording::person),
            (GroupBy::Author, Provenance::Git(place)) => {
                let first = place.history.as_ref()?.introduction()?;
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

/// What tells one group from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'r> {
    Container(ContainerKey<'r>),
    /// The name is all there is; `None` if it isn't known.
    Name(Option<String>),
}

/// What tells a container from others: its name may be that of many, such as the `General` that every team has, and an id that
/// is a number may be that of another one in another export. Workspaces are those of authors at times, and say nothing more of what
/// has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ContainerKey<'r> {
    system: &'r str,
    container: &'r RecordContainer,
    /// Only of one without an id.
    workspace: Option<&'r str>,
}

impl<'r> ContainerKey<'r> {
    fn of(place: &'r RecordPlace) -> Option<ContainerKey<'r>> {
        let container = place.container.as_ref()?;
        let workspace = place.workspace.as_deref().filter(|_| container.id.is_none());
        Some(ContainerKey { system: &place.system, container, workspace })
    }
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

/// Groups of one name.
type Namesakes<'r> = Vec<(Key<'r>, Draft<'r>)>;

/// A group before all of its places are known.
#[derive(Default)]
struct Draft<'r> {
    name: Option<String>,
    /// What its places say of their workspace.
    workspaces: BTreeSet<&'r str>,
    findings: Members<'r>,
}

impl<'r> Draft<'r> {
    fn add(&mut self, finding: &'r Finding, occurrence: &'r Occurrence) {
        if let Provenance::Record(place) = &occurrence.provenance {
            self.workspaces.extend(place.workspace.as_deref());
        }
        match self.findings.last_mut().filter(|(last, _)| std::ptr::eq(*last, finding)) {
            Some((_, occurrences)) => occurrences.push(occurrence),
            None => self.findings.push((finding, vec![occurrence])),
        }
    }

    /// What may tell it from others of its name: the workspace if it is in one, the id, the system.
    fn marks(&self, key: &Key<'r>) -> [Option<&'r str>; 3] {
        let Key::Container(key) = key else { return [None; 3] };
        let workspace = self.workspaces.first().copied().filter(|_| self.workspaces.len() == 1);
        [workspace, key.container.id.as_deref(), Some(key.system)]
    }
}

/// All groups, by name; what has none comes last. A finding with places in several groups is in each of them.
pub(super) fn groups(report: &ScanReport, by: GroupBy) -> Vec<Group<'_>> {
    let mut drafts: BTreeMap<Key<'_>, Draft<'_>> = BTreeMap::new();
    for finding in &report.findings {
        let attribution = report.attributions.get(&finding.fingerprint);
        for occurrence in &finding.occurrences {
            let draft = drafts.entry(by.of(occurrence, attribution)).or_default();
            draft.name = draft.name.take().or_else(|| by.name_of(occurrence, attribution));
            draft.add(finding, occurrence);
        }
    }
    let mut namesakes: BTreeMap<(bool, Option<String>), Namesakes<'_>> = BTreeMap::new();
    for (key, mut draft) in drafts {
        let name = draft.name.take();
        namesakes.entry((name.is_none(), name)).or_default().push((key, draft));
    }
    namesakes.into_iter().flat_map(|((_, name), alike)| told_apart(name, alike)).collect()
}

/// Groups of one name, each with what tells it from the others behind it.
fn told_apart<'r>(name: Option<String>, alike: Namesakes<'r>) -> Vec<Group<'r>> {
    let marks: Vec<[Option<&str>; 3]> = alike.iter().map(|(key, draft)| draft.marks(key)).collect();
    let is_enough = |part: &usize| {
        let distinct: BTreeSet<&str> = marks.iter().filter_map(|marks| marks[*part]).collect();
        distinct.len() == alike.len()
    };
    let enough = (0..3).find(is_enough);
    let is_alone = alike.len() == 1;
    let named = |marks: &[Option<&str>; 3]| {
        let name = name.clone()?;
        let mark = match enough {
            Some(part) => marks[part].unwrap_or_default().to_owned(),
            None => marks.iter().flatten().copied().collect::<Vec<_>>().join(", "),
        };
        Some(if is_alone || mark.is_empty() { name } else { format!("{name} ({mark})") })
    };
    let names: Vec<Option<String>> = marks.iter().map(named).collect();
    names.into_iter().zip(alike).map(|(name, (_, draft))| Group { name, findings: draft.findings }).collect()
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
    /// Readers of the largest of those places, where known; `None` if one is public.
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
        let containers: BTreeSet<_> = places.iter().filter_map(|place| ContainerKey::of(place)).collect();
        let seen: Vec<Visibility> = places.iter().filter_map(|place| place.visibility).collect();
        let is_public = seen.contains(&Visibility::Public);
        Some(Exposure {
            records: places.len() as u64,
            first: times().min().map(str::to_owned),
            last: times().max().map(str::to_owned),
            authors: authors.len() as u64,
            containers: containers.len() as u64,
            public: (!seen.is_empty()).then_some(is_public),
            readers: places.iter().filter(|_| !is_public).filter_map(|place| place.readers).max(),
        })
    }
}
