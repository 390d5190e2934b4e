use serde_json::{Value, json};
use unleak::model::{
    Revision::{Current, Old},
    Visibility,
};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all},
    raw::row,
};

const BASE: &str = "https://git.example.com/acme/api";

fn note(id: u64, author: u64, text: &str) -> Value {
    json!({"id": id, "note": text, "noteable_type": "Issue", "author_id": author, "created_at": format!("2024-01-01T10:0{id}:00.000Z"),
        "updated_at": format!("2024-01-01T10:0{id}:00.000Z"), "system": false, "author": {"name": if author == 1 { "Ada L" } else { "Bob B" }}})
}

fn issue(tokens: &[String; 5]) -> Value {
    let [plain, code, link, old, _] = tokens;
    let mut changed = note(3, 2, &format!("changed title from **{{-use {old}-}}** to **{{+removed+}}**"));
    changed["system"] = true.into();
    json!({"id": 70, "iid": 7, "title": "can't log in", "author_id": 1, "created_at": "2024-01-01T10:00:00.000Z", "updated_at": "2024-01-02T10:00:00.000Z",
        "description": format!("the key is {plain}"), "confidential": true,
        "notes": [note(1, 2, &in_code(code)), note(2, 2, &in_link(link)), changed,
            note(4, 1, "a file: [notes.txt](/uploads/0a1b2c3d4e5f60718293a4b5c6d7e8f9/notes.txt)")]})
}

fn members() -> Value {
    json!({"id": 1, "user_id": 1, "user": {"id": 1, "username": "ada", "public_email": "ada@example.com"}})
}

fn bob() -> Value {
    json!({"id": 2, "user_id": 2, "user": {"id": 2, "username": "bob", "public_email": "bob@example.com"}})
}

#[test]
fn a_project_of_lines_and_one_of_a_document() {
    let tokens = five(1000);
    let [plain, code, link, old, attached] = &tokens;
    let mut lines = Files::default();
    lines
        .add("GITLAB_VERSION", "16.1.0-ee")
        .add("VERSION", "0.2.4")
        .add("tree/project.json", json!({"description": "", "visibility_level": 10}).to_string())
        .add("tree/project/issues.ndjson", format!("{}\n", issue(&tokens)))
        .add("tree/project/project_members.ndjson", format!("{}\n{}\n", members(), bob()))
        .add("uploads/0a1b2c3d4e5f60718293a4b5c6d7e8f9/notes.txt", format!("token={attached}\n"));
    row("gitlab", &lines, [plain, code, link, old, attached]);
    let mut document = Files::default();
    document
        .add("VERSION", "0.2.4")
        .add("project.json", json!({"description": "", "visibility_level": 10, "issues": [issue(&tokens)], "project_members": [members(), bob()]}).to_string())
        .add("uploads/0a1b2c3d4e5f60718293a4b5c6d7e8f9/notes.txt", format!("token={attached}\n"));
    for files in [lines, document] {
        scan_all(&files, Some(BASE), &|report| {
            check(
                report,
                "gitlab",
                &[
                    (plain, &format!("1 ada <ada@example.com> 2024-01-01T10:00:00Z {BASE}/-/issues/7"), Current),
                    (
                        code,
                        &format!("2 Bob B <bob@example.com> 2024-01-01T10:01:00Z {BASE}/-/issues/7#note_1"),
                        Current,
                    ),
                    (
                        link,
                        &format!("2 Bob B <bob@example.com> 2024-01-01T10:02:00Z {BASE}/-/issues/7#note_2"),
                        Current,
                    ),
                    (old, &format!("2 Bob B <bob@example.com> 2024-01-01T10:03:00Z {BASE}/-/issues/7#note_3"), Old),
                    (
                        attached,
                        &format!("1 Ada L <ada@example.com> 2024-01-01T10:04:00Z {BASE}/-/issues/7#note_4"),
                        Current,
                    ),
                ],
            );
            let place = only(report, plain);
            assert_eq!((place.visibility, place.thread.as_deref()), (Some(Visibility::Private), Some("7")));
            assert_eq!(only(report, attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
        });
    }
}

#[test]
fn regression_a_project_says_who_sees_its_issues() {
    let [open, internal] = [super::plant::token(1008), super::plant::token(1009)];
    let mut inside = note(2, 2, &format!("or {internal}"));
    inside["internal"] = true.into();
    let issue = json!({"id": 70, "iid": 7, "title": "can't log in", "author_id": 1, "notes": [note(1, 2, &format!("use {open}")), inside]});
    for (level, expected) in [(0, Visibility::Private), (20, Visibility::Public)] {
        let mut files = Files::default();
        files
            .add("VERSION", "0.2.4")
            .add("tree/project.json", json!({"description": "", "visibility_level": level}).to_string())
            .add("tree/project/issues.ndjson", format!("{issue}\n"));
        scan_all(&files, Some(BASE), &|report| {
            assert_eq!(only(report, &open).visibility, Some(expected));
            assert_eq!(only(report, &internal).visibility, Some(Visibility::Private));
        });
    }
}
