//! The id of a key in one message and its secret in the next belong together.

use serde_json::{Value, json};
use unleak::{
    model::{Finding, Provenance, ScanReport},
    rule::template::{SampleRng, expand},
    source::export::ExportOptions,
};

use super::plant::{Files, scan_export};

fn sample(template: &str, seed: u64) -> String {
    String::from_utf8(expand(template, &mut SampleRng::new(seed), &|_| Vec::new()).unwrap().bytes).unwrap()
}

fn message(who: &str, minute: u64, thread: Option<&str>, text: &str) -> Value {
    let mut message =
        json!({"type": "message", "user": who, "ts": format!("{}.000100", 1_704_103_200 + 60 * minute), "text": text});
    if let Some(thread) = thread {
        message["thread_ts"] = thread.into();
    }
    message
}

/// What is found in a channel with these messages.
fn posted(messages: &Value) -> ScanReport {
    let mut files = Files::default();
    files
        .add("users.json", "[]")
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", messages.to_string());
    let dir = tempfile::tempdir().unwrap();
    scan_export(&files.dir(dir.path()), ExportOptions::default())
}

/// The id that the one secret in these channels was given.
fn paired(general: &[Value], other: &[Value]) -> Option<String> {
    let mut files = Files::default();
    files
        .add("users.json", "[]")
        .add("channels.json", r#"[{"id":"C01","name":"general"},{"id":"C02","name":"other"}]"#)
        .add("general/2024-01-01.json", Value::from(general.to_vec()).to_string())
        .add("other/2024-01-01.json", Value::from(other.to_vec()).to_string());
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    let findings: Vec<&Finding> =
        report.findings.iter().filter(|finding| &*finding.rule.id == "aws.secret-access-key").collect();
    assert_eq!((findings.len(), report.findings.len()), (1, 1), "{:#?}", report.findings);
    assert!(findings[0].parts.len() < 2);
    findings[0].parts.first().map(|part| part.value.clone())
}

#[test]
fn messages_of_one_person_or_thread_pair_and_others_do_not() {
    let id = sample("AKIA{{base32:16}}", 41);
    let secret = sample("aws_secret_access_key = {{base64:40}}", 42);
    let first = |who, minute, thread| message(who, minute, thread, &format!("the id is {id}"));
    let second = |who, minute, thread| message(who, minute, thread, &secret);
    let noise = message("U3", 0, None, "good morning");
    assert_eq!(paired(&[first("U1", 0, None), noise.clone(), second("U1", 1, None)], &[]).as_ref(), Some(&id));
    // Somebody else in another thread; the same person much later, or elsewhere.
    assert_eq!(paired(&[first("U1", 0, None), second("U2", 1, None)], &[]), None);
    assert_eq!(paired(&[first("U1", 0, None), second("U1", 30, None)], &[]), None);
    assert_eq!(paired(&[first("U1", 0, None)], &[second("U1", 1, None)]), None);
    // An answer to the message with the id.
    let thread = Some("1704103200.000100");
    assert_eq!(paired(&[first("U1", 0, None), second("U2", 1, thread)], &[]).as_ref(), Some(&id));
    // Which of two ids it is nobody knows.
    let other = message("U1", 1, None, &sample("or ASIA{{base32:16}}", 43));
    assert_eq!(paired(&[first("U1", 0, None), other, second("U1", 2, None)], &[]), None);
}

#[test]
fn ids_and_secrets_that_were_posted_in_turn_are_paired_in_turn() {
    let ids = [sample("AKIA{{base32:16}}", 51), sample("AKIA{{base32:16}}", 52)];
    let secrets = [sample("{{base64:40}}", 53), sample("{{base64:40}}", 54)];
    let named = secrets.each_ref().map(|secret| format!("aws_secret_access_key = {secret}"));
    let [a, b] = ids.each_ref().map(String::as_str);
    let (named, bare) = (named.each_ref().map(String::as_str), secrets.each_ref().map(String::as_str));
    for texts in [[a, named[0], b, named[1]], [a, b, named[0], named[1]], [a, bare[0], b, bare[1]]] {
        let messages = texts.iter().enumerate().map(|(second, text)| {
            json!({"type": "message", "user": "U1", "ts": format!("{}.000100", 1_704_103_200 + 10 * second), "text": text})
        });
        let report = posted(&Value::from_iter(messages));
        let part_of = |secret: &String| {
            let mut of_it = report.findings.iter().filter(|finding| finding.secret.expose() == secret.as_bytes());
            let parts = &of_it.next().unwrap_or_else(|| panic!("{texts:?}: {:#?}", report.findings)).parts;
            parts.iter().map(|part| part.value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(secrets.each_ref().map(part_of), ids.each_ref().map(|id| vec![id.clone()]), "{texts:?}");
    }
}

#[test]
fn a_part_is_told_by_its_place_in_its_own_field() {
    let id = sample("AKIA{{base32:16}}", 44);
    let secret = sample("aws_secret_access_key = {{base64:40}}", 45);
    let same = json!({"type": "message", "user": "U1", "ts": "1704103200.000100",
        "text": format!("hello\nthe id: {id}\n\n{secret}")});
    let other = json!({"type": "message", "user": "U1", "ts": "1704103200.000100", "text": "look",
        "attachments": [{"pretext": secret, "text": format!("and\nthe id: {id}")}]});
    for (message, field, secret_field) in [(same, "text", "text"), (other, "attachments.text", "attachments.pretext")] {
        let report = posted(&json!([message]));
        let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
        let [part] = &finding.parts[..] else { panic!("{:#?}", finding) };
        let field_of = |provenance: &Provenance| match provenance {
            Provenance::Record(place) => place.field.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(field_of(&part.provenance), field);
        assert_eq!(field_of(&finding.occurrences[0].provenance), secret_field);
        let place = &finding.occurrences[0].place;
        let said = if field == "text" { &message["text"] } else { &message["attachments"][0]["pretext"] };
        let before = said.as_str().unwrap().find(" = ").unwrap() as u64 + 3;
        assert_eq!(place.span.start, before);
        let line_start = said.as_str().unwrap()[..before as usize].rfind('\n').map_or(0, |at| at as u64 + 1);
        assert_eq!(place.column, before - line_start + 1);
        let text = if field == "text" { &message["text"] } else { &message["attachments"][0]["text"] };
        let span = part.span.start as usize..part.span.end as usize;
        assert_eq!((&text.as_str().unwrap()[span], part.line), (id.as_str(), 2));
    }
}

#[test]
fn a_secret_that_nobody_would_know_by_itself_is_known_behind_its_id() {
    let (id, other) = (sample("AKIA{{base32:16}}", 45), sample("AKIA{{base32:16}}", 47));
    let secret = sample("{{base64:40}}", 46);
    let report = |messages: &[Value]| posted(&messages.into());
    let before = message("U1", 0, None, &format!("here: `{id}` and the other part follows"));
    for text in [secret.clone(), format!("`{secret}`"), format!("and secret {secret}")] {
        let noise = message("U3", 0, None, "good morning");
        let report = report(&[before.clone(), noise, message("U1", 1, None, &text)]);
        let [finding] = report.findings.as_slice() else { panic!("{text}: {:#?}", report.findings) };
        assert_eq!(&*finding.rule.id, "aws.access-key-pair", "{text}");
        assert_eq!(finding.secret.expose(), secret.as_bytes());
        assert_eq!(finding.occurrences.len(), 1);
        let Provenance::Record(place) = &finding.occurrences[0].provenance else { panic!("no record") };
        assert_eq!(place.record.as_deref(), Some("1704103260.000100"));
        let at = text.find(&secret).unwrap() as u64;
        assert_eq!((finding.occurrences[0].place.line, finding.occurrences[0].place.span.start), (1, at), "{text}");
        let [part] = finding.parts.as_slice() else { panic!("{:#?}", finding.parts) };
        let Provenance::Record(of_part) = &part.provenance else { panic!("no record") };
        assert_eq!((&part.value, of_part.record.as_deref()), (&id, Some("1704103200.000100")));
    }
    let answer = |who: &str, minute: u64| message(who, minute, None, &secret);
    assert!(report(&[before.clone(), answer("U2", 1)]).findings.is_empty());
    assert!(report(&[before.clone(), answer("U1", 9)]).findings.is_empty());
    assert!(report(&[before, message("U1", 1, None, &other), answer("U1", 2)]).findings.is_empty());
}

#[test]
fn regression_a_value_in_a_field_of_an_attachment_is_read_with_its_title() {
    let secret = sample("{{alnum:16}}", 61);
    for title in ["DB password", "API key:"] {
        let field = |title: &str, value: &str| json!({"title": title, "value": value, "short": true});
        let attachment = json!({"fallback": "new", "fields": [field("account", "ops"), field(title, &secret)]});
        let message = json!({"type": "message", "bot_id": "B1", "ts": "1704103200.000100", "text": "", "attachments": [attachment]});
        let report = posted(&json!([message]));
        let [finding] = report.findings.as_slice() else { panic!("{title}: {:#?}", report.findings) };
        assert_eq!(finding.secret.expose(), secret.as_bytes());
        let Provenance::Record(place) = &finding.occurrences[0].provenance else { panic!("no record") };
        assert_eq!(place.field, "attachments.fields");
    }
}
