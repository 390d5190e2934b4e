//! The id of a key in one message and its secret in the next belong together.

use serde_json::{Value, json};
use unleak::{
    model::Finding,
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
