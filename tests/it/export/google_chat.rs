use serde_json::{Value, json};
use unleak::model::{
    Revision::{Current, Old},
    Visibility,
};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all},
    raw::row,
};

fn message(id: u64, name: &str, text: &str) -> Value {
    json!({"creator": {"name": name, "email": format!("{}@example.com", name.to_lowercase()), "user_type": "Human"},
        "created_date": format!("Monday, January 1, 2024 at 10:0{id}:00\u{202f}AM UTC"), "text": text, "topic_id": "tttt", "message_id": format!("AAAA/tttt/m{id}")})
}

#[test]
fn spaces_and_direct_messages() {
    let [plain, code, link, old, attached] = &five(1050);
    let mut edited = message(3, "Bob", "never mind");
    edited["previous_message_versions"] = json!([{"text": format!("use {old} please"), "created_date": "Monday, January 1, 2024 at 10:03:00\u{202f}AM UTC"}]);
    let mut with_file = message(4, "Bob", "");
    with_file["attached_files"] = json!([{"original_name": "notes.txt", "export_name": "File-notes?.txt"}]);
    let space =
        [message(0, "Ada", &format!("the key is {plain}")), message(1, "Bob", &in_code(code)), edited, with_file];
    let mut direct = message(2, "Bob", &in_link(link));
    direct["message_id"] = "BBBB/tttt/m2".into();
    let mut files = Files::default();
    let root = "Takeout/Google Chat/Groups";
    files
        .add(&format!("{root}/Space AAAA/group_info.json"), json!({"name": "Ops", "members": [{"name": "Ada", "email": "ada@example.com", "user_type": "Human"}, {"name": "Bob", "email": "bob@example.com", "user_type": "Human"}]}).to_string())
        .add(&format!("{root}/Space AAAA/messages.json"), json!({"messages": space}).to_string())
        .add(&format!("{root}/Space AAAA/File-notes_.txt"), format!("token={attached}\n"))
        .add(&format!("{root}/DM BBBB/messages.json"), json!({"messages": [direct]}).to_string());
    let told = |who: &str, id: u64| {
        format!(
            "- {who} <{}@example.com> 2024-01-01T10:0{id}:00Z https://chat.google.com/room/AAAA/tttt/m{id}",
            who.to_lowercase()
        )
    };
    row("google-chat", &files, [plain, code, link, old, attached]);
    scan_all(&files, None, &|report| {
        check(
            report,
            "google-chat",
            &[
                (plain, &told("Ada", 0), Current),
                (code, &told("Bob", 1), Current),
                (link, "- Bob <bob@example.com> 2024-01-01T10:02:00Z https://chat.google.com/dm/BBBB/tttt/m2", Current),
                (old, &told("Bob", 3), Old),
                (attached, &told("Bob", 4), Current),
            ],
        );
        let place = only(report, plain);
        assert_eq!((place.readers, place.container.as_ref().unwrap().name.as_deref()), (Some(2), Some("Ops")));
        assert_eq!(only(report, link).visibility, Some(Visibility::Direct));
    });
}
