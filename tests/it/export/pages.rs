//! Pages of JSON of one system, several in one archive.

use serde_json::{Value, json};
use unleak::source::export::ExportOptions;

use super::plant::{Files, only, scan_export, token, told};

fn check(name: &str, system: &str, pages: [Value; 2], expected: [&str; 2], tokens: [&str; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::default();
    let other = token(990);
    for (index, page) in pages.iter().enumerate() {
        files.add(&format!("dump/{name}-{index}.json"), page.to_string());
    }
    files.add("dump/notes.txt", format!("token={other}\n"));
    for path in [files.zip(&dir.path().join("pages.zip")), files.dir(&dir.path().join("pages"))] {
        let report = scan_export(&path, ExportOptions::default());
        for (token, expected) in tokens.iter().zip(expected) {
            let place = only(&report, token);
            assert_eq!((told(place).as_str(), place.system.as_str()), (expected, system));
        }
        // What is none of theirs is a file.
        assert!(report.findings.iter().any(|finding| finding.secret.expose() == other.as_bytes()));
        assert_eq!((report.exports.len(), report.problems.len()), (1, 0), "{:?}", report.exports);
    }
}

#[test]
fn of_jira() {
    let [a, b] = [token(900), token(901)];
    let issue = |key: &str, token: &str| {
        json!({"expand": "names", "startAt": 0, "total": 2, "issues": [{"id": "1", "self": "https://acme.atlassian.net/rest/api/2/issue/1", "key": key,
            "fields": {"summary": "x", "description": format!("key {token}"), "created": "2024-01-01T10:00:00.000+0000", "reporter": {"accountId": "ada", "displayName": "Ada L"}}}]})
    };
    check(
        "search",
        "jira-json",
        [issue("OPS-1", &a), issue("OPS-2", &b)],
        [
            "ada Ada L <-> 2024-01-01T10:00:00Z https://acme.atlassian.net/browse/OPS-1",
            "ada Ada L <-> 2024-01-01T10:00:00Z https://acme.atlassian.net/browse/OPS-2",
        ],
        [&a, &b],
    );
}

#[test]
fn of_zendesk() {
    let [a, b] = [token(910), token(911)];
    let page = |id: u64, token: &str| {
        json!({"tickets": [{"url": format!("https://acme.zendesk.com/api/v2/tickets/{id}.json"), "id": id, "created_at": "2024-01-01T10:00:00Z", "raw_subject": "x",
            "description": format!("key {token}"), "requester_id": 7, "submitter_id": 7}], "users": [{"url": "https://acme.zendesk.com/api/v2/users/7.json", "id": 7, "name": "Ada L", "email": "ada@example.com"}], "count": 1})
    };
    check(
        "tickets",
        "zendesk",
        [page(1, &a), page(2, &b)],
        [
            "7 Ada L <ada@example.com> 2024-01-01T10:00:00Z https://acme.zendesk.com/agent/tickets/1",
            "7 Ada L <ada@example.com> 2024-01-01T10:00:00Z https://acme.zendesk.com/agent/tickets/2",
        ],
        [&a, &b],
    );
}

/// Pages of the interface as it was before records had a `node_id`.
#[test]
fn of_github_without_node_ids() {
    let [a, b] = [token(920), token(921)];
    let page = |number: u64, token: &str| {
        let address = |host: &str, part: &str| format!("https://{host}acme/api/issues/{number}{part}");
        json!([{"url": address("api.github.com/repos/", ""), "comments_url": address("api.github.com/repos/", "/comments"), "html_url": address("github.com/", ""), "id": 1, "number": number, "title": "x",
            "user": {"login": "ada", "id": 1}, "created_at": "2024-01-01T10:00:00Z", "updated_at": "2024-01-01T10:00:00Z", "body": format!("key {token}")}])
    };
    check(
        "issues",
        "github-json",
        [page(1, &a), page(2, &b)],
        [
            "ada - <-> 2024-01-01T10:00:00Z https://github.com/acme/api/issues/1",
            "ada - <-> 2024-01-01T10:00:00Z https://github.com/acme/api/issues/2",
        ],
        [&a, &b],
    );
}
