use unleak::{model::PermalinkBasis, source::export::ExportOptions};

use super::{
    plant::{in_code, in_link, only, scan_export, token, told},
    raw::row_of,
};

fn options(map: &str) -> ExportOptions {
    ExportOptions { map: Some(map.parse().unwrap()), ..ExportOptions::default() }
}

#[test]
fn json_lines_and_documents_with_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(100);
    let record = format!(
        r#"{{"n":7,"body":"<p>see gl<b>{}</b>{}</p>","user":{{"login":"ada","mail":"a@x.y"}},"at":"2024-01-01T10:00:00Z","url":"https://x.y/7"}}"#,
        &secret[2..10],
        &secret[10..]
    );
    let map = "text=.body,author=.user.login,author_email=.user.mail,time=.at,url=.url,id=.n";
    let expected = "- ada <a@x.y> 2024-01-01T10:00:00Z https://x.y/7";
    let lines = dir.path().join("lines.jsonl");
    std::fs::write(&lines, format!("{{\"body\":\"nothing\"}}\n{record}\n")).unwrap();
    let report = scan_export(&lines, options(map));
    let place = only(&report, &secret);
    assert_eq!(told(place), expected);
    assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
    assert_eq!((place.physical.line, place.record.as_deref()), (2, Some("7")));
    let document = dir.path().join("page.json");
    std::fs::write(&document, format!("{{\"meta\":{{\"page\":1}},\"data\":{{\"items\":[{record}]}}}}")).unwrap();
    let report = scan_export(&document, options(&format!("{map},records=.data.items[]")));
    assert_eq!(told(only(&report, &secret)), expected);
}

#[test]
fn tables_with_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(110);
    let path = dir.path().join("cases.csv");
    let table = format!(
        "\u{feff}Id,Owner,Created,Description,Description\r\n5,ada,2024-01-01T10:00:00Z,\"a\nb\",\"token: {secret}\"\r\n"
    );
    std::fs::write(&path, table).unwrap();
    let report = scan_export(&path, options("text=Description,author=Owner,time=Created,id=Id"));
    let place = only(&report, &secret);
    assert_eq!(told(place), "- ada <-> 2024-01-01T10:00:00Z -");
    assert_eq!(place.record.as_deref(), Some("5"));
}

#[test]
fn what_tools_wrap_around_records_is_taken_off() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(120);
    let data = format!(r#"{{"id":9,"text":"{secret}","author":{{"name":"ada"}},"created_at":"2024-01-01T10:00:00Z"}}"#);
    let encoded = data_encoding::BASE64.encode(format!("key = {secret}").as_bytes());
    for line in [
        format!(r#"{{"stream":"notes","data":{data},"emitted_at":1704103200000}}"#),
        format!(r#"{{"type":"RECORD","stream":"notes","record":{data}}}"#),
        format!(
            r#"{{"_airbyte_raw_id":"a","_airbyte_extracted_at":1704103200000,"_airbyte_meta":{{}},"_airbyte_data":{data}}}"#
        ),
        format!(
            r#"{{"_airbyte_ab_id":"a","_airbyte_emitted_at":1704103200000,"_airbyte_data":{}}}"#,
            serde_json::Value::from(data.as_str())
        ),
        format!(r#"{{"type":"RECORD","record":{{"stream":"notes","data":{data},"emitted_at":1}}}}"#),
        format!(
            r#"{{"metadata":{{"author":{{"name":"ada"}},"created_at":"2024-01-01T10:00:00Z"}},"data_b64":"{encoded}"}}"#
        ),
        format!(
            r#"{{"content_base64":"{encoded}","provenance":{{"author":{{"name":"ada"}},"created_at":"2024-01-01T10:00:00Z"}}}}"#
        ),
    ] {
        let path = dir.path().join("wrapped.jsonl");
        std::fs::write(&path, format!("{line}\n")).unwrap();
        // Recognised by itself.
        let report = scan_export(&path, ExportOptions::default());
        assert_eq!(told(only(&report, &secret)), "- ada <-> 2024-01-01T10:00:00Z -", "{line}");
    }
}

#[test]
fn what_is_wrapped_may_be_a_system_of_its_own() {
    let secret = token(125);
    let issue = format!(
        r#"{{"id":9,"body":"{secret}","html_url":"https://github.com/a/b/issues/1","node_id":"x","user":{{"login":"ada"}},"created_at":"2024-01-01T10:00:00Z"}}"#
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.jsonl");
    std::fs::write(&path, format!(r#"{{"_airbyte_raw_id":"a","_airbyte_extracted_at":1,"_airbyte_data":{issue}}}"#))
        .unwrap();
    let report = scan_export(&path, ExportOptions::default());
    assert_eq!(told(only(&report, &secret)), "- ada <-> 2024-01-01T10:00:00Z https://github.com/a/b/issues/1");
}

#[test]
fn every_secret_of_records_once() {
    let dir = tempfile::tempdir().unwrap();
    let secrets: [String; 3] = std::array::from_fn(|index| token(130 + index as u64));
    let texts = [format!("the key is {}", secrets[0]), in_code(&secrets[1]), in_link(&secrets[2])];
    let record = |(id, text): (usize, &String)| {
        serde_json::json!({"n": id, "body": text, "user": {"login": "ada"}, "at": format!("2024-01-01T10:0{id}:00Z"), "url": format!("https://x.y/{id}")}).to_string()
    };
    let lines: Vec<String> = texts.iter().enumerate().map(record).collect();
    let path = dir.path().join("lines.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    row_of("records", ("lines.jsonl", lines.join("\n")), [&secrets[0], &secrets[1], &secrets[2], "", ""]);
    let report = scan_export(&path, options("text=.body,author=.user.login,time=.at,url=.url,id=.n"));
    for (id, secret) in secrets.iter().enumerate() {
        assert_eq!(told(only(&report, secret)), format!("- ada <-> 2024-01-01T10:0{id}:00Z https://x.y/{id}"));
    }
}

#[test]
fn regression_streams_that_begin_with_a_schema_or_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(150);
    let data = format!(r#"{{"id":9,"text":"{secret}","author":{{"name":"ada"}},"created_at":"2024-01-01T10:00:00Z"}}"#);
    let schema = r#"{"type":"SCHEMA","stream":"notes","schema":{"properties":{}},"key_properties":["id"]}"#;
    let log = r#"{"type":"LOG","log":{"level":"INFO","message":"Starting sync"}}"#;
    let singer = format!(r#"{{"type":"RECORD","stream":"notes","record":{data}}}"#);
    let airbyte = format!(r#"{{"type":"RECORD","record":{{"stream":"notes","data":{data},"emitted_at":1}}}}"#);
    for (first, record) in [(schema, &singer), (log, &airbyte)] {
        let path = dir.path().join("stream.jsonl");
        std::fs::write(&path, format!("{first}\n{first}\n{record}\n")).unwrap();
        let report = scan_export(&path, ExportOptions::default());
        let place = only(&report, &secret);
        assert_eq!(told(place), "- ada <-> 2024-01-01T10:00:00Z -", "{first}");
        assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("notes"));
    }
    let path = dir.path().join("log.jsonl");
    std::fs::write(&path, format!("{log}\n{log}\n")).unwrap();
    assert!(unleak::source::export::Export::open(&path, ExportOptions::default()).is_err(), "a log is no record");
}

#[test]
fn regression_a_map_leads_to_documents_of_atlassian() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(155);
    let runs = serde_json::json!([{"type": "text", "text": &secret[..9]}, {"type": "text", "text": &secret[9..]}]);
    let body = serde_json::json!({"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": runs}]});
    let path = dir.path().join("lines.jsonl");
    std::fs::write(&path, format!("{}\n", serde_json::json!({"n": 1, "body": body}))).unwrap();
    assert_eq!(only(&scan_export(&path, options("text=.body")), &secret).field, "body");
}

#[test]
fn regression_columns_of_a_map_that_are_nowhere_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(157);
    let path = dir.path().join("cases.csv");
    std::fs::write(&path, format!("Id,Owner,Description\n5,ada,token: {secret}\n")).unwrap();
    let report = scan_export(&path, options("text=Descripton,author=Owner,author=Creator"));
    assert_eq!(told(only(&report, &secret)), "- ada <-> - -");
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert!(problem.message.contains("no column Descripton for text"), "{}", problem.message);
}
