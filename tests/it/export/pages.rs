//! Pages of JSON of one system, several in one archive.

use serde_json::{Value, json};
use unleak::source::export::ExportOptions;

use super::plant::{Files, only, scan_export, token, told};

fn check(name: &str, system: &str, pages: [Value; 2], expected: [&str; 2], tokens: [&str; 2]) {
    let pages: [String; 2] = std::array::from_fn(|index| pages[index].to_string());
    check_files((name, "json"), system, &pages, expected, tokens);
}

/// The same for files that end otherwise.
fn check_files((name, end): (&str, &str), system: &str, pages: &[String; 2], expected: [&str; 2], tokens: [&str; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::default();
    let other = token(990);
    for (index, page) in pages.iter().enumerate() {
        files.add(&format!("dump/{name}-{index}.{end}"), page.as_str());
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

#[test]
fn of_trello() {
    let [a, b] = [token(930), token(931)];
    let board = |id: u64, token: &str| {
        json!({"id": format!("b{id}"), "name": "Ops", "idOrganization": "o1", "prefs": {}, "shortLink": format!("Bb{id}"),
            "cards": [{"id": "65928d200000000000000002", "name": "x", "desc": format!("key {token}"), "shortLink": format!("Cc{id}"), "shortUrl": format!("https://trello.com/c/Cc{id}")}]})
    };
    check(
        "board",
        "trello",
        [board(1, &a), board(2, &b)],
        [
            "- - <-> 2024-01-01T10:00:00Z https://trello.com/c/Cc1",
            "- - <-> 2024-01-01T10:00:00Z https://trello.com/c/Cc2",
        ],
        [&a, &b],
    );
}

#[test]
fn of_jira_as_tables() {
    let [a, b] = [token(940), token(941)];
    let table = |key: &str, token: &str| {
        format!(
            "Summary,Issue key,Issue id,Issue Type,Reporter,Created,Description,Attachment\n\
             x,{key},1,Bug,Ada L,2024-01-01T10:00:00Z,key {token},01/Jan/24;ada;a;https://acme.example.com/secure/attachment/7/a\n"
        )
    };
    check_files(
        ("Jira", "csv"),
        "jira-csv",
        &[table("OPS-1", &a), table("OPS-2", &b)],
        [
            "- Ada L <-> 2024-01-01T10:00:00Z https://acme.example.com/browse/OPS-1",
            "- Ada L <-> 2024-01-01T10:00:00Z https://acme.example.com/browse/OPS-2",
        ],
        [&a, &b],
    );
}

#[test]
fn of_redmine_as_xml() {
    let [a, b] = [token(942), token(943)];
    let page = |id: u64, token: &str| {
        format!(
            "<?xml version=\"1.0\"?><issues type=\"array\"><issue><id>{id}</id><project id=\"1\" name=\"Ops\"/><tracker id=\"1\" name=\"Bug\"/><author id=\"1\" name=\"Ada L\"/>\
             <subject>x</subject><description>key {token}</description><created_on>2024-01-01T10:00:00Z</created_on>\
             <attachments type=\"array\"><attachment><content_url>https://r.example.com/attachments/download/3/a</content_url></attachment></attachments></issue></issues>"
        )
    };
    check_files(
        ("issues", "xml"),
        "redmine",
        &[page(1, &a), page(2, &b)],
        [
            "1 Ada L <-> 2024-01-01T10:00:00Z https://r.example.com/issues/1",
            "1 Ada L <-> 2024-01-01T10:00:00Z https://r.example.com/issues/2",
        ],
        [&a, &b],
    );
}
