//! Jira's issues, in the forms that people take them out: a table, the RSS view, and pages of the REST interface.
//!
//! Format: the REST reference (v2 and v3) at developer.atlassian.com, support.atlassian.com "Export issues" (read 2026-11).

pub(super) mod backup;
pub(super) mod rest;
pub(super) mod rss;
pub(super) mod sheet;

use crate::model::{Permalink, PermalinkBasis, RecordAuthor, RecordContainer, RecordPlace};

/// What the key of an issue says: `OPS-7` is of the project `OPS`.
fn place_of_key(key: &str, place: &mut RecordPlace) {
    let project = key.rsplit_once('-').map(|(project, _)| project.to_owned());
    place.container = Some(RecordContainer { kind: "project".to_owned(), id: None, name: project });
    place.thread = Some(key.to_owned());
    place.record = Some(key.to_owned());
}

/// The page of an issue, or of a comment on it.
fn link(base: &str, key: &str, comment: Option<&str>, basis: PermalinkBasis) -> Permalink {
    let base = base.trim_end_matches('/');
    let url = match comment {
        Some(comment) => format!("{base}/browse/{key}?focusedCommentId={comment}"),
        None => format!("{base}/browse/{key}"),
    };
    Permalink { url, basis }
}

/// The address of the site that an address on it is of. Atlassian's gateway is none that people can open.
fn base_of(address: &str) -> Option<&str> {
    let end = ["/rest/", "/secure/", "/browse/", "/jira/rest/"].iter().filter_map(|part| address.find(part)).min()?;
    let base = &address[..end];
    (base.starts_with("http") && !base.contains("//api.atlassian.com")).then_some(base)
}

fn author(id: Option<String>, name: Option<String>, email: Option<String>) -> Option<RecordAuthor> {
    (id.is_some() || name.is_some() || email.is_some()).then_some(RecordAuthor { id, name, email })
}
