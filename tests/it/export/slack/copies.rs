//! Messages that stand in others: they may stand nowhere else, and are told once.

use super::*;

/// A thread's first message and an answer to it that was sent to the channel, too.
fn broadcast(first: &Value) -> Value {
    json!({"type": "message", "subtype": "thread_broadcast", "user": "U02", "ts": "1704189600.000200", "thread_ts": "1704103200.000100",
        "text": "done", "root": first})
}

#[test]
fn regression_the_message_that_was_answered_may_be_nowhere_else() {
    let [secret, older] = [token(795), token(796)];
    let first = |token: &str| json!({"type": "message", "user": "U01", "ts": "1704103200.000100", "thread_ts": "1704103200.000100", "text": format!("use {token}")});
    let answer = broadcast(&first(&secret));
    let edited = json!({"type": "message", "subtype": "message_changed", "ts": "1704189700.000300",
        "message": {"type": "message", "user": "U02", "ts": "1704189600.000200", "text": "done!"}, "previous_message": broadcast(&first(&older))});
    let mut files = Files::default();
    files
        .add("users.json", people().to_string())
        .add("channels.json", json!([{"id": "C01", "name": "general"}]).to_string())
        .add("general/2024-01-02.json", json!([answer, answer, edited]).to_string());
    let dir = tempfile::tempdir().unwrap();
    let scan = |files: &Files| {
        let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
        let place = only(&report, &secret).clone();
        assert_eq!(
            told(&place),
            "U01 Ada L <ada@example.com> 2024-01-01T10:00:00.0001Z https://app.slack.com/client/T01/C01"
        );
        assert_eq!((place.field.as_str(), place.thread), ("text", None));
        place.physical.file.file_name().unwrap().to_owned()
    };
    assert_eq!(scan(&files), "2024-01-02.json");
    let mut whole = first(&secret);
    whole["reply_count"] = json!(1);
    files.add("general/2024-01-01.json", json!([whole]).to_string());
    assert_eq!(scan(&files), "2024-01-01.json");
}

#[test]
fn regression_what_a_thread_begins_with_may_be_in_its_chunk_alone() {
    let [alone, twice, deep] = [token(797), token(798), token(799)];
    let first = |token: &str, minute: u64| {
        let ts = format!("170410{}.000100", 3200 + 60 * minute);
        json!({"type": "message", "user": "U01", "ts": ts, "thread_ts": ts, "text": format!("use {token}")})
    };
    let lines = [
        format!(r#"{{"t":0,"ts":1,"id":"C01","m":[{}]}}"#, first(&twice, 0)),
        format!(r#"{{"t":1,"ts":2,"id":"C01","p":{},"m":[]}}"#, first(&twice, 0)),
        format!(r#"{{"t":1,"ts":3,"id":"C01","p":{},"m":[],"x":{{"p":"{deep}","m":[]}}}}"#, first(&alone, 1)),
    ];
    let mut files = Files::default();
    files.add("C01.jsonl", lines.join("\n")).add("workspace.jsonl", r#"{"t":6,"ts":1,"w":{"team_id":"T01"}}"#);
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    assert!(told(only(&report, &alone)).starts_with("U01 - <-> 2024-01-01T10:01:00.0001Z"));
    only(&report, &deep);
    assert!(told(only(&report, &twice)).starts_with("U01 - <-> 2024-01-01T10:00:00.0001Z"));
    assert_eq!(report.exports[0].system, "slackdump-chunks");
}
