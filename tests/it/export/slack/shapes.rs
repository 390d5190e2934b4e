//! Messages in the shapes that Slack's own exports have them.

use super::*;

fn scan_day(day: &Value, people: &Value) -> unleak::model::ScanReport {
    let mut files = Files::default();
    files
        .add("users.json", people.to_string())
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", day.to_string());
    let dir = tempfile::tempdir().unwrap();
    scan_export(&files.dir(dir.path()), ExportOptions::default())
}

#[test]
fn regression_tables_dates_and_calls_in_blocks_are_scanned() {
    let [raw, rich, date, call] = [797, 798, 799, 800].map(token);
    let section = |element: Value| json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]});
    let blocks = [
        json!({"type": "table", "rows": [
            [{"type": "raw_text", "text": "key"}, {"type": "raw_text", "text": raw}],
            [section(json!({"type": "text", "text": "other"})), section(json!({"type": "text", "text": rich}))]]}),
        section(json!({"type": "date", "timestamp": 1, "format": "{date}", "fallback": format!("on {date}")})),
        json!({"type": "call", "call_id": "R1", "call": {"v1": {"id": "R1", "name": format!("call {call}")}}}),
    ];
    let message = |(index, block): (usize, &Value)| json!({"type": "message", "user": "U01", "ts": format!("170410320{index}.000100"), "text": "", "blocks": [block]});
    let day: Vec<Value> = blocks.iter().enumerate().map(message).collect();
    let report = scan_day(&Value::Array(day), &people());
    for token in [&raw, &rich, &date, &call] {
        let place = only(&report, token);
        assert_eq!((place.field.as_str(), place.author.as_ref().unwrap().id.as_deref()), ("blocks", Some("U01")));
    }
}

#[test]
fn regression_a_comment_on_a_file_has_an_author() {
    let secret = token(801);
    let day = json!([{"type": "message", "subtype": "file_comment", "text": "commented", "ts": "1704103200.000100",
        "comment": {"id": "Fc1", "user": "U02", "comment": format!("use {secret}")}}]);
    let report = scan_day(&day, &people());
    assert!(told(only(&report, &secret)).starts_with("U02 Bob B <bob@example.com>"));
}

#[test]
fn regression_the_workspace_is_that_of_the_people_or_of_the_message() {
    let secret = token(802);
    let message = |teams: Value| {
        let mut message =
            json!({"type": "message", "user": "U01", "ts": "1704103200.000100", "text": format!("use {secret}")});
        teams.as_object().unwrap().iter().for_each(|(key, value)| message[key] = value.clone());
        json!([message])
    };
    let nobody = json!([{"id": "U01", "name": "ada"}]);
    let all = json!({"team": "T01", "user_team": "T01", "source_team": "T01"});
    for (day, people) in [(message(all), &nobody), (message(json!({})), &people())] {
        let report = scan_day(&day, people);
        let place = only(&report, &secret);
        assert_eq!(place.workspace.as_deref(), Some("T01"));
        assert_eq!(place.permalink.as_ref().unwrap().url, "https://app.slack.com/client/T01/C01");
    }
    let other = json!({"team": "T01", "user_team": "T02", "source_team": "T02"});
    assert_eq!(only(&scan_day(&message(other), &nobody), &secret).workspace, None);
}

#[test]
fn regression_an_export_in_an_archive_is_met_on_a_walk() {
    let tokens = tokens(805);
    let mut around = Files::default();
    around.add("readme.txt", "see inside").add("part-1.zip", export(&tokens).zip_bytes());
    let mut plain = Files::default();
    let mut inner = Files::default();
    inner.add("notes.txt", "nothing");
    plain.add("notes.zip", inner.zip_bytes());
    let dir = tempfile::tempdir().unwrap();
    let tar = dir.path().join("outer.tar.gz");
    std::fs::write(&tar, around.tar_gz_bytes()).unwrap();
    let paths = vec![tar, around.zip(&dir.path().join("outer.zip")), plain.zip(&dir.path().join("plain.zip"))];
    let claims = std::sync::Arc::new(unleak::source::export::Claims::new());
    let files = unleak::source::Files::new(paths.clone(), unleak::source::FileOptions::default()).unwrap();
    crate::engine::scan(&unleak::Scanner::builtin(), &files.with_claims(std::sync::Arc::clone(&claims)), 1);
    assert_eq!(claims.paths(), paths[..2]);
}
