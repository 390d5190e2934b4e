use serde_json::{Value, json};
use unleak::model::{Revision::Current, Visibility};

use super::{
    plant::{Files, check, five, only, scan_all, scan_file},
    raw::row,
};

fn message(id: u64, who: &str, text: &Value) -> Value {
    // The date is by somebody's clock; only the other one counts.
    json!({"id": id, "type": "message", "date": format!("2024-01-01T14:0{id}:00"), "date_unixtime": (1_704_103_200 + 60 * id).to_string(),
        "from": who.to_uppercase(), "from_id": format!("user{who}"), "text": text, "text_entities": []})
}

#[test]
fn all_chats_and_one() {
    let [plain, code, link, split, attached] = &five(1030);
    let link = format!("https://git.example.com/x?private_token={link}&y=1");
    let mut with_file = message(4, "bob", &json!(""));
    with_file["file"] = "chats/chat_01/files/notes.txt".into();
    let messages = [
        message(0, "ada", &json!(format!("the key is {plain}"))),
        message(
            1,
            "bob",
            &json!(["try ", {"type": "pre", "text": format!("export GITLAB_TOKEN={code}"), "language": "sh"}, " now"]),
        ),
        message(2, "bob", &json!([{"type": "text_link", "text": "here", "href": link}, ""])),
        message(
            3,
            "ada",
            &json!(["it is ", {"type": "bold", "text": &split[..9]}, {"type": "italic", "text": &split[9..]}, "."]),
        ),
        with_file,
    ];
    // What a chat is comes before its messages.
    let chat = |name: &str, kind: &str, id: u64, messages: &[Value]| {
        format!(r#"{{"name": "{name}", "type": "{kind}", "id": {id}, "messages": {}}}"#, Value::from(messages.to_vec()))
    };
    let all = format!(
        r#"{{"about": "Here is the data", "personal_information": {{"user_id": 1, "first_name": "Ada"}}, "chats": {{"about": "x", "list": [{}, {}]}}}}"#,
        chat("Bob", "personal_chat", 9, &[]),
        chat("Ops", "private_supergroup", 1234, &messages)
    );
    let mut files = Files::default();
    files.add("result.json", all).add("chats/chat_01/files/notes.txt", format!("token={attached}\n"));
    let link = &link[link.len() - 30..link.len() - 4];
    let told = |who: &str, id: u64| {
        format!("user{who} {} <-> 2024-01-01T10:0{id}:00Z https://t.me/c/1234/{id}", who.to_uppercase())
    };
    row("telegram", &files, [plain, code, link, "", attached]);
    scan_all(&files, None, &|report| {
        check(
            report,
            "telegram",
            &[
                (plain, &told("ada", 0), Current),
                (code, &told("bob", 1), Current),
                (link, &told("bob", 2), Current),
                (split, &told("ada", 3), Current),
                (attached, &told("bob", 4), Current),
            ],
        );
        let place = only(report, plain);
        assert_eq!(
            (place.visibility, place.container.as_ref().unwrap().name.as_deref()),
            (Some(Visibility::Private), Some("Ops"))
        );
    });
    let report = scan_file("chat.json", chat("Bob", "personal_chat", 9, &messages[..1]), None);
    check(&report, "telegram", &[(plain, "userada ADA <-> 2024-01-01T10:00:00Z -", Current)]);
    assert_eq!(only(&report, plain).visibility, Some(Visibility::Direct));
}
