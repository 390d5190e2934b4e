use serde_json::{Value, json};
use unleak::{
    model::{PermalinkBasis, Visibility},
    source::export::ExportOptions,
};

use super::{
    plant::{in_code, in_link, only, scan_export, scan_file, token, told},
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
fn regression_a_first_line_that_says_the_separator() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(111);
    let path = dir.path().join("cases.csv");
    for separator in [";", "|", "\t", ","] {
        let table = format!("sep={separator}\r\nId;Owner;Text\r\n5;ada;token: {secret}\r\n").replace(';', separator);
        std::fs::write(&path, table).unwrap();
        let report = scan_export(&path, options("text=Text,author=Owner,id=Id"));
        let place = only(&report, &secret);
        assert_eq!((told(place).as_str(), place.record.as_deref()), ("- ada <-> - -", Some("5")), "{separator}");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
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
fn records_of_known_systems_are_told_as_theirs() {
    let tokens: [String; 7] = std::array::from_fn(|index| token(5_100 + index as u64));
    let [issue, comment, worklog, ticket, public, internal, message] = tokens.each_ref().map(String::as_str);
    let document = |secret: &str| {
        let runs = json!([{"type": "text", "text": &secret[..9]}, {"type": "text", "text": &secret[9..], "marks": [{"type": "strong"}]}]);
        json!({"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": runs}]})
    };
    let ada = json!({"accountId": "ada", "displayName": "Ada L"});
    let jira = "https://acme.atlassian.net";
    let own = |path: &str| format!("{jira}/rest/api/3/issue/10001{path}");
    let zendesk = "https://acme.zendesk.com/api/v2/tickets/35.json";
    let note = |id: u64, is_public: bool, secret: &str| {
        json!({"id": id, "type": "Comment", "author_id": 12, "ticket_id": 35, "created_at": "2024-01-01T10:00:00Z",
            "public": is_public, "html_body": format!("<p>{}<b>{}</b></p>", &secret[..9], &secret[9..])})
    };
    let runs = json!([{"type": "text", "text": &message[..9]}, {"type": "text", "text": &message[9..], "style": {"bold": true}}]);
    let records = [
        (
            "issues",
            json!({"id": "10001", "self": own(""), "key": "OPS-7", "fields": {"summary": "x", "creator": ada,
            "created": "2024-01-01T10:00:00.000+0000", "description": document(issue)}}),
        ),
        (
            "issue_comments",
            json!({"id": "901", "self": own("/comment/901"), "issueKey": "OPS-7", "issueId": "10001", "author": ada,
            "created": "2024-01-01T10:00:00.000+0000", "body": document(comment), "visibility": {"type": "role", "value": "Administrators"}}),
        ),
        (
            "issue_worklogs",
            json!({"id": "801", "self": own("/worklog/801"), "issueKey": "OPS-7", "author": ada,
            "started": "2024-01-01T10:00:00.000+0000", "comment": document(worklog)}),
        ),
        (
            "tickets",
            json!({"id": 35, "url": zendesk, "requester_id": 12, "created_at": "2024-01-01T10:00:00Z", "subject": "x", "description": ticket}),
        ),
        ("ticket_comments", note(1, true, public)),
        ("ticket_comments", note(2, false, internal)),
        (
            "channel_messages",
            json!({"type": "message", "ts": "1704103200.000100", "user": "U1", "team": "T1", "channel_id": "C1", "text": "",
            "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": runs}]}]}),
        ),
    ];
    let issue_url = format!("ada Ada L <-> 2024-01-01T10:00:00Z {jira}/browse/OPS-7");
    let expected = [
        ("jira-json", issue_url.clone(), None),
        ("jira-json", format!("{issue_url}?focusedCommentId=901"), Some(Visibility::Private)),
        ("jira-json", issue_url, None),
        ("zendesk", "12 - <-> 2024-01-01T10:00:00Z https://acme.zendesk.com/agent/tickets/35".to_owned(), None),
        ("zendesk", "12 - <-> 2024-01-01T10:00:00Z -".to_owned(), Some(Visibility::Public)),
        ("zendesk", "12 - <-> 2024-01-01T10:00:00Z -".to_owned(), Some(Visibility::Private)),
        ("slack", "U1 - <-> 2024-01-01T10:00:00.0001Z https://app.slack.com/client/T1/C1".to_owned(), None),
    ];
    type Wrap = fn(&str, &Value) -> Value;
    let wraps: [Wrap; 5] = [
        |stream, record| json!({"stream": stream, "data": record, "emitted_at": 1}),
        |stream, record| json!({"type": "RECORD", "stream": stream, "record": record}),
        |stream, record| json!({"type": "RECORD", "record": {"stream": stream, "data": record, "emitted_at": 1}}),
        |_, record| json!({"_airbyte_raw_id": "a", "_airbyte_extracted_at": 1, "_airbyte_data": record}),
        |_, record| json!({"_airbyte_ab_id": "a", "_airbyte_emitted_at": 1, "_airbyte_data": record.to_string()}),
    ];
    for wrap in wraps {
        let lines: Vec<String> = records.iter().map(|(stream, record)| wrap(stream, record).to_string()).collect();
        let report = scan_file("wrapped.jsonl", lines.join("\n"), None);
        for (token, (system, who, visibility)) in tokens.iter().zip(&expected) {
            let place = only(&report, token);
            assert_eq!((place.system.as_str(), told(place), place.visibility), (*system, who.clone(), *visibility));
        }
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

#[test]
fn rich_text_in_records_of_any_system_is_flattened() {
    let [document, html, blocks, listed] = std::array::from_fn(|index| token(5_120 + index as u64));
    let run = |text: &str| json!({"type": "text", "text": text});
    let doc = json!({"type": "doc", "content": [{"type": "paragraph", "content": [run(&document[..9]), run(&document[9..])]}]});
    let block = json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [run(&blocks[..9]), run(&blocks[9..])]}]});
    let record = json!({"id": 1, "about": {"text": doc}, "html": format!("<p>{}<i>{}</i></p>", &html[..9], &html[9..]), "blocks": [block],
        "notes": [{"text": {"content": listed}}, {"text": doc}]});
    let report =
        scan_file("notes.jsonl", json!({"stream": "notes", "data": record, "emitted_at": 1}).to_string(), None);
    for (token, field) in [
        (&document, "data.about.text"),
        (&html, "data.html"),
        (&blocks, "data.blocks"),
        (&listed, "data.notes.text.content"),
    ] {
        assert_eq!(only(&report, token).field, field);
    }
    assert_eq!(report.findings.len(), 4, "{:#?}", report.findings);
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
fn regression_paths_of_a_map_that_lead_nowhere_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(158);
    let path = dir.path().join("dump.json");
    let record = json!({"body": secret, "user": {"login": "ada"}});
    for (content, map, expected) in [
        (json!([record, record]), "text=.body,author=.user.login,author=.by", None),
        (json!([{"id": 1}, record]), "text=.body", None),
        (json!([record]), "text=.bodi,author=.user.login", Some("no record has bodi for text")),
        (json!({"items": [record]}), "text=.body,records=.items[]", None),
        (json!({"items": []}), "text=.body,records=.items[]", None),
        (json!({"items": [record]}), "text=.body,records=.rows[]", Some("no records at rows")),
    ] {
        std::fs::write(&path, content.to_string()).unwrap();
        let report = scan_export(&path, options(map));
        let told = report.problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>();
        assert_eq!(told.is_empty(), expected.is_none(), "{map}: {told:?}");
        assert!(expected.is_none_or(|expected| told.iter().any(|told| told.contains(expected))), "{map}: {told:?}");
    }
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
