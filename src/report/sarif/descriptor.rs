//! What the tool declares about itself (rules, kinds of notifications), and the notifications.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use serde_sarif::sarif::{
    MultiformatMessageString, Notification, PropertyBag, ReportingConfiguration, ReportingDescriptor,
    ReportingDescriptorReference, ResultLevel,
};

use super::{
    result::{location, message},
    uri::artifact_location,
};
use crate::{
    model::{ConfigUse, CredentialKind, Finding, Problem, ProblemKind, RuleMeta, Severity},
    report::{
        redact::Redactor,
        wording::{count, grouped},
    },
};

/// Id of the notification that counts the results left out.
const DROPPED_ID: &str = "results-dropped";

/// The rules and notification kinds that a run speaks of, with their places in the tool's lists.
pub(super) struct Catalogue<'a> {
    rules: Vec<&'a RuleMeta>,
    rule_indices: BTreeMap<&'a str, i64>,
    /// Sorted.
    kinds: Vec<&'static str>,
}

impl<'a> Catalogue<'a> {
    /// Rules in the order in which findings name them first.
    pub(super) fn of(findings: &'a [Finding], problems: &[Problem], dropped: usize) -> Catalogue<'a> {
        let mut rules: Vec<&RuleMeta> = Vec::new();
        let mut rule_indices = BTreeMap::new();
        for finding in findings {
            rule_indices.entry(finding.rule.id.as_ref()).or_insert_with(|| {
                rules.push(&finding.rule);
                rules.len() as i64 - 1
            });
        }
        let mut kinds: BTreeSet<_> = problems.iter().map(|problem| problem.kind.as_str()).collect();
        if dropped > 0 {
            kinds.insert(DROPPED_ID);
        }
        Catalogue { rules, rule_indices, kinds: kinds.into_iter().collect() }
    }

    /// The rule's place in the list, if it is in there.
    pub(super) fn rule_index(&self, id: &str) -> Option<i64> {
        self.rule_indices.get(id).copied()
    }

    pub(super) fn rules(&self) -> Vec<ReportingDescriptor> {
        self.rules.iter().map(|rule| rule_descriptor(rule)).collect()
    }

    pub(super) fn notifications(&self) -> Vec<ReportingDescriptor> {
        self.kinds.iter().map(|kind| kind_descriptor(kind)).collect()
    }

    fn reference(&self, kind: &str) -> ReportingDescriptorReference {
        let index = self.kinds.iter().position(|known| *known == kind).map_or(-1, |index| index as i64);
        ReportingDescriptorReference::builder().id(kind).index(index).build()
    }
}

/// How bad a result of that severity is to a service that knows three levels.
pub(super) fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Critical | Severity::High => ResultLevel::Error,
        Severity::Medium => ResultLevel::Warning,
        Severity::Low => ResultLevel::Note,
    }
}

/// The middle of GitHub's bands: critical above 9.0, high from 7.0, medium from 4.0.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

/// How seldom a result of that rule is wrong. What has no format of its own is guessed from the words around it.
fn precision(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Password | CredentialKind::Other => "medium",
        _ => "high",
    }
}

fn rule_descriptor(rule: &RuleMeta) -> ReportingDescriptor {
    let web_pages = || rule.references.iter().filter(|page| is_web_page(page)).map(AsRef::as_ref);
    let properties = PropertyBag::builder()
        .tags(vec!["security".to_owned(), "secret".to_owned()])
        .additional_properties(BTreeMap::from([
            ("security-severity".to_owned(), security_severity(rule.severity).into()),
            ("precision".to_owned(), precision(rule.kind).into()),
        ]))
        .build();
    let configuration = ReportingConfiguration::builder().level(Value::from(level(rule.severity).to_string()));
    let about = format!(
        "A credential of {} in clear: {}. Whoever can read it can use it, and so can everybody who could read it before.",
        rule.provider, rule.name
    );
    let mut descriptor = ReportingDescriptor::builder()
        .id(rule.id.as_ref())
        .short_description(plain(format!("{} ({}).", rule.name, rule.provider)))
        .full_description(plain(about))
        .help(help(rule, &web_pages().collect::<Vec<_>>()))
        .default_configuration(configuration.build())
        .properties(properties)
        .build();
    descriptor.help_uri = web_pages().next().map(str::to_owned);
    descriptor.name = Some(pascal_case(&rule.id)).filter(|name| !name.eq_ignore_ascii_case(&rule.id));
    descriptor
}

/// What to do about it, with links where the viewer knows Markdown.
fn help(rule: &RuleMeta, pages: &[&str]) -> MultiformatMessageString {
    let mut text = format!(
        "Treat it as known to others. Create a new credential at {}, replace this one wherever it is used, revoke it, \
         and only then remove it from the file.",
        rule.provider
    );
    let mut markdown = text.clone();
    if !pages.is_empty() {
        text.push_str(&format!(" See {}.", pages.join(" and ")));
        let links: String = pages.iter().map(|page| format!("\n- <{page}>")).collect();
        markdown.push_str(&format!("\n\nSee:\n{links}"));
    }
    MultiformatMessageString::builder().text(escaped(&text)).markdown(escaped(&markdown)).build()
}

fn is_web_page(page: &str) -> bool {
    page.starts_with("https://") || page.starts_with("http://")
}

/// `github.pat-classic` becomes `GithubPatClassic`, the form that viewers expect of a rule's name.
fn pascal_case(id: &str) -> String {
    id.split(|c: char| !c.is_ascii_alphanumeric())
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

fn kind_descriptor(kind: &str) -> ReportingDescriptor {
    let text = match kind {
        DROPPED_ID => "Results were left out because of the limit on their number.".to_owned(),
        kind => format!("Something was not scanned, or not in full: {}.", kind.replace('-', " ")),
    };
    let help = match kind {
        DROPPED_ID => "Raise the limit, or write another format beside this one.",
        _ => "Whether a secret stands there is not known. Make it readable and scan again.",
    };
    // Without a name: of one word it would be the id again, which validators mark.
    ReportingDescriptor::builder()
        .id(kind)
        .short_description(plain(text.clone()))
        .full_description(plain(text))
        .help(plain(help.to_owned()))
        .build()
}

/// A problem as a notification.
pub(super) fn problem_notification(
    problem: &Problem,
    redactor: &Redactor<'_>,
    catalogue: &Catalogue<'_>,
) -> Notification {
    // What was left out on purpose, or read in part, is less than what should have been read and wasn't.
    let level = match problem.kind {
        ProblemKind::SpecialFile
        | ProblemKind::PseudoFilesystem
        | ProblemKind::Loop
        | ProblemKind::Truncated
        | ProblemKind::Endless => "warning",
        _ => "error",
    };
    Notification::builder()
        .descriptor(catalogue.reference(problem.kind.as_str()))
        .level(Value::from(level))
        .message(message(format!("{}.", redactor.text(&problem.message))))
        .locations(vec![location(artifact_location(&problem.provenance, redactor))])
        .build()
}

/// Says how many results are missing, if any are.
pub(super) fn dropped_notification(dropped: usize, catalogue: &Catalogue<'_>) -> Option<Notification> {
    (dropped > 0).then(|| {
        let text = format!(
            "{} more findings are not in this file because of its limit; other formats hold all of them.",
            grouped(dropped as u64)
        );
        Notification::builder()
            .descriptor(catalogue.reference(DROPPED_ID))
            .level(Value::from("warning"))
            .message(message(text))
            .build()
    })
}

/// Says which configuration hid how much.
pub(super) fn silenced_notification(config: &ConfigUse, redactor: &Redactor<'_>) -> Notification {
    let path = redactor.text(&config.path);
    let lowered = match config.lowered {
        0 => String::new(),
        lowered => format!(", and lowered the severity of {lowered}"),
    };
    let text = format!("The configuration {path} silenced {}{lowered}.", count(config.silenced, "finding"));
    Notification::builder().level(Value::from("note")).message(message(text)).build()
}

fn plain(text: String) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(escaped(&text)).build()
}

/// Braces begin a placeholder in any SARIF message (section 3.11.5) and are doubled to stand for themselves.
pub(super) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::pascal_case;

    #[test]
    fn names_of_rules() {
        assert_eq!(pascal_case("github.pat-classic"), "GithubPatClassic");
        assert_eq!(pascal_case("aws..s3_key2"), "AwsS3Key2");
    }
}
