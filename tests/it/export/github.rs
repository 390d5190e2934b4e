use serde_json::{Value, json};
use unleak::{model::PermalinkBasis, source::export::ExportOptions};

use super::{
    plant::{Files, only, scan_export, token, told},
    raw::{row, row_of},
};

const REPOSITORY: &str = "https://github.com/acme/api";

fn check(report: &unleak::model::ScanReport, token: &str, expected: &str) {
    let place = only(report, token);
    assert_eq!(told(place), expected);
    assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
    assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("acme/api"));
    assert_eq!(place.thread.as_deref(), Some("7"));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn a_migration_archive() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, code, link, attached] = std::array::from_fn(|index| token(500 + index as u64));
    let comment = |id: u64, who: &str, body: String| {
        json!({"type": "issue_comment", "url": format!("{REPOSITORY}/issues/7#issuecomment-{id}"), "issue": format!("{REPOSITORY}/issues/7"),
            "user": format!("https://github.com/{who}"), "body": body, "formatter": "markdown", "created_at": format!("2024-01-01T10:0{id}:00Z")})
    };
    let list = |values: &[Value]| Value::from(values.to_vec()).to_string();
    let mut files = Files::default();
    files
        .add("schema.json", r#"{"version":"1.2.0","github_sha":"x"}"#)
        .add("repositories_000001.json", list(&[json!({"type": "repository", "url": REPOSITORY, "name": "api", "private": true})]))
        .add("issues_000001.json", list(&[json!({"type": "issue", "url": format!("{REPOSITORY}/issues/7"), "user": "https://github.com/ada",
            "title": "can't log in", "body": format!("the key is {plain}"), "created_at": "2024-01-01T10:00:00Z", "updated_at": "2024-01-01T10:00:00Z"})]))
        .add("issue_comments_000001.json", list(&[
            comment(1, "bob", format!("```\nexport TOKEN={code}\n```")),
            comment(2, "bob", format!("[here](https://git.example.com/x?private_token={link}&y=1)"))]))
        .add("attachments_000001.json", list(&[json!({"type": "attachment", "url": "https://github.com/user-attachments/files/9/notes.txt",
            "issue_comment": format!("{REPOSITORY}/issues/7#issuecomment-2"), "user": "https://github.com/bob", "asset_name": "notes.txt",
            "asset_url": "tarball://root/attachments/0aa1/notes.txt", "created_at": "2024-01-01T10:02:00Z"})]))
        .add("users_000001.json", list(&[
            json!({"type": "user", "login": "ada", "name": "Ada L", "emails": [{"address": "ada@example.com", "primary": true}]}),
            json!({"type": "user", "login": "bob", "name": "Bob B", "emails": []})]))
        .add("attachments/0aa1/notes.txt", format!("token={attached}\n"));
    row("github-migration", &files, [&plain, &code, &link, "", &attached]);
    let tar = dir.path().join("migration.tar.gz");
    std::fs::write(&tar, files.tar_gz_bytes()).unwrap();
    for path in [tar, files.dir(&dir.path().join("dir"))] {
        let report = scan_export(&path, ExportOptions::default());
        check(&report, &plain, &format!("ada Ada L <ada@example.com> 2024-01-01T10:00:00Z {REPOSITORY}/issues/7"));
        let bob = |id: u64| format!("bob Bob B <-> 2024-01-01T10:0{id}:00Z {REPOSITORY}/issues/7#issuecomment-{id}");
        check(&report, &code, &bob(1));
        check(&report, &link, &bob(2));
        check(&report, &attached, &bob(2));
        assert_eq!(only(&report, &code).visibility, Some(unleak::model::Visibility::Private));
        assert_eq!(only(&report, &attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
        assert_eq!(report.exports[0].system, "github-migration");
    }
}

#[test]
fn pages_of_the_rest_interface_and_of_gh() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, reply, code, link] = std::array::from_fn(|index| token(510 + index as u64));
    let path = dir.path().join("page.json");
    let rest = json!([{"url": "https://api.github.com/repos/acme/api/issues/7", "html_url": format!("{REPOSITORY}/issues/7"), "node_id": "I_1", "id": 1, "number": 7,
        "title": "can't log in", "user": {"login": "ada", "id": 5, "avatar_url": "https://avatars.example.com/u/5?v=4"}, "comments": 2,
        "body": format!("the key is {plain}"), "created_at": "2024-01-01T10:00:00Z", "updated_at": "2024-01-03T10:00:00Z"}]);
    std::fs::write(&path, rest.to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    let expected = format!("2024-01-01T10:00:00Z {REPOSITORY}/issues/7");
    check(&report, &plain, &format!("ada - <-> {expected}"));
    let comment = |id: u64, body: String| json!({"author": {"login": "bob"}, "body": body, "createdAt": format!("2024-01-01T10:0{id}:00Z"), "url": format!("{REPOSITORY}/issues/7#issuecomment-{id}")});
    let gh = json!([{"author": {"id": "U_1", "login": "ada", "name": "Ada L"}, "body": format!("the key is {plain}"), "createdAt": "2024-01-01T10:00:00Z",
        "number": 7, "title": "can't log in", "url": format!("{REPOSITORY}/issues/7"), "comments": [
            comment(1, format!("or {reply}")), comment(2, format!("```\nexport TOKEN={code}\n```")),
            comment(3, format!("[here](https://git.example.com/x?private_token={link}&y=1)"))]}]);
    row_of("github-json", ("page.json", gh.to_string()), [&plain, &code, &link, "", ""]);
    std::fs::write(&path, gh.to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    check(&report, &plain, &format!("ada Ada L <-> {expected}"));
    for (id, secret) in [(1, &reply), (2, &code), (3, &link)] {
        check(&report, secret, &format!("bob - <-> 2024-01-01T10:0{id}:00Z {REPOSITORY}/issues/7#issuecomment-{id}"));
    }
    assert_eq!(report.exports[0].system, "github-json");
    // `gh api --paginate --slurp` makes a list of pages.
    std::fs::write(&path, json!([[], rest]).to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    check(&report, &plain, &format!("ada - <-> {expected}"));
}

#[test]
fn regression_texts_further_down_are_scanned() {
    let secrets: Vec<String> = (0..3).map(|index| token(530 + index)).collect();
    let [review, milestone, parts] = secrets.as_slice() else { unreachable!("as many as were made") };
    let issue = json!([{"type": "issue", "url": format!("{REPOSITORY}/issues/7"), "user": "https://github.com/ada",
        "title": "can't log in", "body": [{"part": parts}], "created_at": "2024-01-01T10:00:00Z",
        "latestReviews": [{"body": format!("not {review}")}], "milestone": {"title": milestone}}]);
    let mut files = Files::default();
    files.add("schema.json", r#"{"version":"1.2.0","github_sha":"x"}"#).add("issues_000001.json", issue.to_string());
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    for secret in &secrets {
        only(&report, secret);
    }
}
