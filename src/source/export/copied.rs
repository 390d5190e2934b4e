//! Records that a tool copied out of a system one by one: told as the system's own reader does, if their keys say which it is.

use super::{jira, json::Json, sink::Sink, slack, zendesk};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copied {
    /// An issue of Jira's REST interface.
    JiraIssue,
    /// A comment or a log of work that stands by itself.
    JiraNote,
    /// A ticket of Zendesk, a comment or an audit.
    Zendesk,
    /// A message of Slack.
    SlackMessage,
}

impl Copied {
    /// What a record is; `None` if it may be anything.
    pub(super) fn of(record: Json<'_>) -> Option<Copied> {
        let address = |key: &str| record.get(key).and_then(|value| value.text());
        let own = address("self").filter(|own| own.contains("/rest/api/"));
        let is_under = |part: &str| own.as_ref().is_some_and(|own| own.contains(part));
        let has = |key: &str| record.get(key).is_some_and(|value| value.is_some());
        let is_ticket = || address("url").is_some_and(|url| url.contains(".zendesk.com/api/v2/tickets/"));
        if is_under("/issue/") && record.get("fields").is_some_and(|fields| fields.is_object()) {
            Some(Copied::JiraIssue)
        } else if ["/comment/", "/worklog/"].into_iter().any(is_under) {
            Some(Copied::JiraNote)
        } else if is_ticket() && has("requester_id") || has("ticket_id") && zendesk::is_note(record) {
            Some(Copied::Zendesk)
        } else if record.get("type").is_some_and(|kind| kind.is("message"))
            && address("ts").is_some_and(|ts| is_ts(&ts))
        {
            Some(Copied::SlackMessage)
        } else {
            None
        }
    }

    /// Tells the record and those in it; `base` is the address of the site.
    pub(super) fn tell(self, record: Json<'_>, base: Option<&str>, size: (usize, u64), sink: &mut Sink<'_>) {
        match self {
            Copied::JiraIssue => jira::rest::tell_issue(record, base, size, sink),
            Copied::JiraNote => jira::rest::tell_note(record, base, size, sink),
            Copied::Zendesk => zendesk::tell(record, size, sink),
            Copied::SlackMessage => slack::tell_copied(record, base, size, sink),
        }
    }
}

/// `1704103200.000100`.
fn is_ts(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(seconds, rest)| seconds.len() >= 9 && is_number(seconds) && is_number(rest))
}
