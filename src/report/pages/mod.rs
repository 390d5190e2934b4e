//! Pages for the people who answer for leaked credentials: what leaked of theirs, why it is believed to be theirs, and what
//! is to be done. A page is made from a store, which holds no secret, and can be sent.
//!
//! Names in it (of owners, files, identities) come from outside: each format makes them harmless for itself.

mod html;
mod json;
mod markdown;
mod text;

use std::{collections::BTreeMap, io};

use serde::Serialize;

use super::attribution;
use crate::model::{Attribution, Escaped, identity::Timestamp};

/// What is sent to one owner, or about one identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// What findings are put together by: `owner`, `identity` or `team`.
    pub by: &'static str,
    /// Whose page it is. `None` for what belongs to nobody known.
    pub name: Option<String>,
    /// What people call them.
    pub title: Option<String>,
    /// Where it can be sent.
    pub email: Option<String>,
    /// When it was made.
    pub made: Timestamp,
    /// The riskiest first.
    pub findings: Vec<PageFinding>,
    /// How many more there are of each severity, none of them riskier: a page of a million helps nobody.
    pub left_out: BTreeMap<String, u64>,
}

/// A finding as its owner needs it. No secret is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PageFinding {
    /// The rule that found it.
    pub rule: String,
    /// Whose credentials it finds.
    pub provider: String,
    /// Harm, if it works.
    pub severity: String,
    /// What may be shown of it.
    pub preview: String,
    /// The public part that names its identity.
    pub public_id: Option<String>,
    /// When it was found first.
    pub first_seen: Timestamp,
    /// When it was found last.
    pub last_seen: Timestamp,
    /// Whose it is, why, and how far its replacement is.
    pub attribution: Attribution,
    /// In how many places it stands or stood.
    pub places_total: u64,
    /// Some of them.
    pub places: Vec<PagePlace>,
    /// What the plan says: who breaks, and what is done in which order.
    pub plan: Option<PagePlan>,
}

/// A place where a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PagePlace {
    /// The repository, directory or export.
    pub source: String,
    /// Where in it.
    pub path: Option<String>,
    /// Line, from 1.
    pub line: u64,
    /// The commit that brought it.
    pub commit: Option<String>,
    /// Who wrote it there.
    pub author: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// Is it still there?
    pub present: bool,
    /// Can everybody read it?
    pub public: Option<bool>,
}

/// The plan of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PagePlan {
    /// Who uses the credential: `workload (how: where)`.
    pub consumers: Vec<String>,
    /// What is done, in order.
    pub steps: Vec<String>,
    /// What whoever approves should weigh.
    pub cautions: Vec<String>,
}

/// A page as a list of pages has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageEntry {
    /// The name of its file.
    pub file: String,
    /// What stands above it.
    pub heading: String,
    /// Where it can be sent.
    pub email: Option<String>,
    /// How many findings, and how bad.
    pub summary: String,
}

/// A format of pages that a user can name.
#[derive(Clone, Copy)]
pub struct PageFormat {
    /// The name given to `--format`.
    pub name: &'static str,
    /// What the names of its files end with.
    pub extension: &'static str,
    /// Writes pages as one document.
    pub write: fn(&[Page], &mut dyn io::Write) -> io::Result<()>,
    /// Writes a list of pages that stand in files of their own.
    pub write_index: fn(&[PageEntry], &mut dyn io::Write) -> io::Result<()>,
}

/// All formats of pages; the first is the default.
pub const PAGE_FORMATS: &[PageFormat] = &[
    PageFormat { name: "human", extension: "txt", write: text::write, write_index: text::write_index },
    PageFormat { name: "json", extension: "json", write: json::write, write_index: json::write_index },
    PageFormat { name: "html", extension: "html", write: html::write, write_index: html::write_index },
    PageFormat { name: "md", extension: "md", write: markdown::write, write_index: markdown::write_index },
];

/// The format of that exact name.
#[must_use]
pub fn find(name: &str) -> Option<&'static PageFormat> {
    PAGE_FORMATS.iter().find(|format| format.name == name)
}

impl Page {
    /// What a list of pages says of it.
    #[must_use]
    pub fn entry(&self, file: String) -> PageEntry {
        PageEntry { file, heading: self.heading(), email: self.email.clone(), summary: self.summary() }
    }

    /// What stands above it.
    fn heading(&self) -> String {
        match (&self.name, &self.title) {
            (Some(name), Some(title)) => format!("{title} ({name})"),
            (Some(name), None) => name.clone(),
            (None, _) if self.by == "identity" => "Findings of no identity that is known".to_owned(),
            (None, _) => "Findings that nobody is known to answer for".to_owned(),
        }
    }

    /// How many findings, and how bad.
    fn summary(&self) -> String {
        let of = |severity: &str| {
            let shown = self.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
            shown + self.left_out.get(severity).copied().unwrap_or(0)
        };
        let counts: Vec<String> = ["critical", "high", "medium", "low"]
            .into_iter()
            .filter(|severity| of(severity) > 0)
            .map(|severity| format!("{} {severity}", of(severity)))
            .collect();
        let all = self.findings.len() as u64 + self.left_out.values().sum::<u64>();
        format!("{}: {}", super::wording::count(all, "leaked credential"), counts.join(", "))
    }

    /// That there are more than the page tells of.
    fn more(&self) -> Option<String> {
        let more = self.left_out.values().sum::<u64>();
        (more > 0)
            .then(|| format!("and {}, none of them riskier", super::wording::count(more, "more leaked credential")))
    }
}

impl PageFinding {
    fn heading(&self) -> String {
        let id = self.public_id.as_ref().map(|id| format!(", {id}")).unwrap_or_default();
        format!("{} ({}){id}", self.rule, self.provider)
    }

    /// What is known, line by line.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let attribution = &self.attribution;
        let mut facts = vec![
            ("severity", format!("{}, risk {} of 100", self.severity, attribution.risk)),
            ("shown as", self.preview.clone()),
            ("state", attribution.state.clone()),
            ("identity", attribution.identity.as_ref().map_or_else(|| "not known".to_owned(), attribution::identity)),
        ];
        if let Some(link) = &attribution.link {
            facts.push(("link", attribution::link(link)));
            facts.extend(attribution::reasons(link).into_iter().map(|reason| ("evidence", reason)));
        }
        if let Some(credential) = &attribution.credential {
            facts.push(("credential", attribution::credential(credential)));
        }
        facts.extend(
            attribution
                .owners
                .iter()
                .map(|owner| ("owner", attribution::owner(owner).trim_start_matches("owner ").to_owned())),
        );
        facts.extend(
            attribution
                .plan
                .iter()
                .map(|plan| ("plan", attribution::plan(plan).trim_start_matches("plan ").to_owned())),
        );
        facts.push(("first seen", self.first_seen.to_string()));
        facts.push(("last seen", self.last_seen.to_string()));
        facts.push(("finding", attribution.finding.clone()));
        facts
    }

    /// The places that are told, line by line; then how many are not.
    fn place_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.places.iter().map(PagePlace::line).collect();
        if let Some(more @ 1..) = self.places_total.checked_sub(self.places.len() as u64) {
            lines.push(format!("and {}", super::wording::count(more, "more place")));
        }
        lines
    }
}

impl PagePlace {
    fn line(&self) -> String {
        let path = self.path.as_ref().map(|path| format!(" {path}:{}", self.line)).unwrap_or_default();
        let commit = self.commit.as_ref().map(|id| format!(", commit {id}")).unwrap_or_default();
        let author = self.author.as_ref().map(|author| format!(", by {author}")).unwrap_or_default();
        let at = self.at.map(|at| format!(", {at}")).unwrap_or_default();
        let public = if self.public == Some(true) { ", public" } else { "" };
        let gone = if self.present { "" } else { ", no longer there" };
        format!("{}{path}{commit}{author}{at}{public}{gone}", self.source)
    }
}

/// A text without what a terminal or a reader could be misled by.
fn plain(text: &str) -> String {
    Escaped(text.as_bytes()).to_string()
}
