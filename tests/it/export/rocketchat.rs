use bson::{DateTime, Document, doc, oid::ObjectId};
use serde_json::json;
use unleak::model::{
    Revision::{Current, Old},
    Visibility,
};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all, scan_each},
    raw::{row, row_of},
};

const BASE: &str = "https://chat.example.com";

fn dump(documents: &[Document]) -> Vec<u8> {
    documents.iter().flat_map(|document| document.to_vec().unwrap()).collect()
}

fn message(id: u64, who: &str, text: &str) -> Document {
    doc! {"_id": format!("m{id}"), "rid": "GENERAL", "msg": text, "ts": DateTime::from_millis((1_704_103_200 + 60 * id as i64) * 1000),
    "u": {"_id": who, "username": who}, "_updatedAt": DateTime::from_millis(0), "mentions": [], "urls": []}
}

#[test]
fn a_dump_of_the_database() {
    let [plain, code, link, old, attached] = &five(1220);
    let mut hidden = message(3, "u2", &format!("use {old} please"));
    hidden.extend(doc! {"_hidden": true, "parent": "m9"});
    let mut with_file = message(4, "u2", "");
    with_file.extend(doc! {"file": {"_id": "f1", "name": "notes.txt"}});
    let messages = [
        message(0, "u1", &format!("the key is {plain}")),
        message(1, "u2", &in_code(code)),
        message(2, "u2", &in_link(link)),
        hidden,
        with_file,
    ];
    // Cut in the middle of the secret.
    let text = format!("token={attached}\n");
    let chunk = |n: i32, data: &str| doc! {"_id": ObjectId::from_bytes([n as u8; 12]), "files_id": "f1", "n": n, "data": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: data.as_bytes().to_vec() }};
    let mut files = Files::default();
    files
        .add("rocketchat_message.bson", dump(&messages))
        .add("rocketchat_room.bson", dump(&[doc! {"_id": "GENERAL", "t": "p", "name": "ops", "usersCount": 3}]))
        .add("users.bson", dump(&[
            doc! {"_id": "u1", "name": "Ada L", "username": "ada", "emails": [{"address": "ada@example.com", "verified": true}]},
            doc! {"_id": "u2", "name": "Bob B", "username": "bob", "emails": []}]))
        .add("rocketchat_uploads.chunks.bson", dump(&[chunk(0, &text[..15]), chunk(1, &text[15..])]));
    let told =
        |who: &str, id: &str, minute: u64| format!("{who} 2024-01-01T10:0{minute}:00Z {BASE}/group/ops?msg={id}");
    let (ada, bob) = ("u1 Ada L <ada@example.com>", "u2 Bob B <->");
    row("rocketchat", &files, [plain, code, link, old, attached]);
    scan_all(&files, Some(BASE), &|report| {
        check(
            report,
            "rocketchat",
            &[
                (plain, &told(ada, "m0", 0), Current),
                (code, &told(bob, "m1", 1), Current),
                (link, &told(bob, "m2", 2), Current),
                (old, &told(bob, "m9", 3), Old),
                (attached, &told(bob, "m4", 4), Current),
            ],
        );
        let place = only(report, plain);
        assert_eq!((place.visibility, place.readers), (Some(Visibility::Private), Some(3)));
        assert_eq!(only(report, attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
    });
}

#[test]
fn messages_as_json() {
    let [plain, code, link, old, _] = &five(1230);
    let at_ms = 1_704_103_200_000_u64;
    let message = |id: u64, text: &str, time: &serde_json::Value| json!({"_id": format!("m{id}"), "rid": "GENERAL", "msg": text, "ts": time, "u": {"_id": "u1", "username": "ada", "name": "Ada L"}, "_updatedAt": {"$date": "2024-01-01T10:00:00Z"}});
    for time in [
        json!("2024-01-01T10:00:00.000Z"),
        json!({"$date": "2024-01-01T10:00:00.000Z"}),
        json!({"$date": {"$numberLong": at_ms.to_string()}}),
    ] {
        let mut hidden = message(3, &format!("use {old} please"), &time);
        hidden["_hidden"] = true.into();
        let messages = [
            message(0, &format!("the key is {plain}"), &time),
            message(1, &in_code(code), &time),
            message(2, &in_link(link), &time),
            hidden,
        ];
        let page = json!({"messages": messages, "success": true}).to_string();
        row_of("rocketchat-json", ("messages.json", page.as_str()), [plain, code, link, old, ""]);
        let lines: Vec<String> = messages.iter().map(|message| format!("{message}\n")).collect();
        let told = |id: u64| format!("u1 Ada L <-> 2024-01-01T10:00:00Z {BASE}/channel/GENERAL?msg=m{id}");
        for text in [page, lines.concat()] {
            for report in scan_each("messages.json", text, Some(BASE)) {
                check(
                    &report,
                    "rocketchat-json",
                    &[
                        (plain, &told(0), Current),
                        (code, &told(1), Current),
                        (link, &told(2), Current),
                        (old, &told(3), Old),
                    ],
                );
            }
        }
    }
}
