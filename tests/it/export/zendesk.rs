use serde_json::json;
use unleak::{model::Revision, source::export::ExportOptions};

use super::{
    plant::{Files, only, scan_all, scan_export, token, told},
    raw::row_of,
};

const SITE: &str = "https://acme.zendesk.com";

#[test]
fn tickets_as_lines_and_as_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: [String; 4] = std::array::from_fn(|index| token(400 + index as u64));
    let [plain, code, link, old] = &tokens;
    let description = format!("the key is {plain}");
    let (a, b) = code.split_at(10);
    let at = |minute: u64| format!("2024-01-01T10:0{minute}:00Z");
    let ticket = json!({
        "url": format!("{SITE}/api/v2/tickets/35.json"), "id": 35, "created_at": at(0), "updated_at": at(9),
        "subject": "can't log in", "raw_subject": "can't log in", "description": description,
        "requester_id": 11, "submitter_id": 11,
        "comments": [
            {"id": 901, "type": "Comment", "author_id": 11, "created_at": at(0), "public": true, "body": description, "html_body": format!("<p>{description}</p>"),
             "attachments": [{"file_name": "a.log", "content_url": format!("{SITE}/attachments/token/{}/?name=a.log", "x".repeat(20))}]},
            {"id": 902, "type": "Comment", "author_id": 12, "created_at": at(1), "public": false, "html_body": format!("<pre>TOKEN=<b>{a}</b>{b}</pre>")},
            {"id": 903, "type": "Comment", "author_id": 12, "created_at": at(2), "public": true, "html_body": format!("<a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a>")}],
        "audits": [{"id": 904, "author_id": 12, "created_at": at(3), "events": [
            {"id": 1, "type": "Change", "field_name": "custom_notes", "previous_value": format!("use {old} please"), "value": "removed"}]}],
    });
    let people = [
        json!({"id": 11, "url": format!("{SITE}/api/v2/users/11.json"), "name": "Ada L", "email": "ada@example.com", "role": "end-user"}),
        json!({"id": 12, "url": format!("{SITE}/api/v2/users/12.json"), "name": "Bob B", "email": "bob@example.com", "role": "agent"}),
    ];
    let page = json!({"tickets": [ticket], "users": people, "end_of_stream": true}).to_string();
    let lines = format!("{ticket}\n{}\n{}\n", people[0], people[1]);
    row_of("zendesk", ("tickets.json", page.as_str()), [plain, code, link, old, ""]);
    let path = dir.path().join("tickets.json");
    let pages = format!("[{page}]");
    for content in [page, lines, pages] {
        std::fs::write(&path, content).unwrap();
        let report = scan_export(&path, ExportOptions::default());
        let (ada, bob) = ("11 Ada L <ada@example.com>", "12 Bob B <bob@example.com>");
        for (index, who) in [ada, bob, bob, bob].into_iter().enumerate() {
            let place = only(&report, &tokens[index]);
            assert_eq!(told(place), format!("{who} {} {SITE}/agent/tickets/35", at(index as u64)));
            assert_eq!(place.container.as_ref().unwrap().id.as_deref(), Some("35"));
            assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
        }
        assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("zendesk", 0));
    }
}

#[test]
fn regression_what_is_no_text_where_texts_are_is_scanned() {
    let secrets: Vec<String> = (0..4).map(|index| token(430 + index)).collect();
    let [previous, body, description, latest] = secrets.as_slice() else { unreachable!("as many as were made") };
    let ticket = json!({
        "url": format!("{SITE}/api/v2/tickets/35.json"), "id": 35, "created_at": "2024-01-01T10:00:00Z", "updated_at": "2024-01-01T10:00:00Z",
        "subject": "can't log in", "raw_subject": "can't log in", "description": {"text": description}, "requester_id": 11, "submitter_id": 11,
        "latest": {"body": latest}, "comments": [{"id": 901, "type": "Comment", "author_id": 11, "body": {"parts": [{"text": body}]}}],
        "audits": [{"id": 904, "author_id": 12, "events": [
            {"id": 1, "type": "Change", "field_name": "tags", "previous_value": ["a", previous], "value": []}]}],
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.json");
    std::fs::write(&path, json!({"tickets": [ticket], "users": [], "end_of_stream": true}).to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    for secret in &secrets {
        let expected = if secret == previous { Revision::Old } else { Revision::Current };
        assert_eq!(only(&report, secret).revision, expected, "{secret}");
    }
}

#[test]
fn regression_comments_and_audits_in_files_of_their_own() {
    let [said, before] = [token(440), token(441)];
    let ticket = json!({"url": format!("{SITE}/api/v2/tickets/35.json"), "id": 35, "created_at": "2024-01-01T10:00:00Z", "updated_at": "2024-01-01T10:00:00Z",
        "subject": "can't log in", "raw_subject": "can't log in", "requester_id": 11, "submitter_id": 11});
    let comment = json!({"id": 901, "type": "Comment", "author_id": 12, "body": format!("use {said}"), "html_body": format!("<p>use {said}</p>"),
        "plain_body": format!("use {said}"), "public": false, "created_at": "2024-01-01T10:01:00Z", "attachments": [], "audit_id": 9});
    let audit = json!({"id": 904, "ticket_id": 35, "author_id": 12, "created_at": "2024-01-01T10:02:00Z", "events": [
        {"id": 1, "type": "Change", "field_name": "subject", "previous_value": format!("use {before}"), "value": "x"}]});
    let bob =
        json!({"id": 12, "url": format!("{SITE}/api/v2/users/12.json"), "name": "Bob B", "email": "bob@example.com"});
    let mut files = Files::default();
    files
        .add("tickets.json", json!({"tickets": [ticket], "next_page": null, "count": 1}).to_string())
        .add("tickets/35/comments.json", json!({"comments": [comment], "next_page": null, "count": 1}).to_string())
        .add("audits_35.json", json!({"audits": [audit], "next_page": null, "count": 1}).to_string())
        .add("users.json", json!({"users": [bob], "next_page": null}).to_string());
    scan_all(&files, None, &|report| {
        let who = "12 Bob B <bob@example.com>";
        for (token, minute, revision) in [(&said, 1, Revision::Current), (&before, 2, Revision::Old)] {
            let place = only(report, token);
            assert_eq!(told(place), format!("{who} 2024-01-01T10:0{minute}:00Z {SITE}/agent/tickets/35"));
            assert_eq!((place.thread.as_deref(), place.revision), (Some("35"), revision));
        }
        assert_eq!((report.exports.len(), report.problems.len()), (1, 0), "{:?}", report.exports);
    });
}
