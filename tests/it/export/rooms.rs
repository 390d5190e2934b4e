//! Matrix and Zulip.

use serde_json::{Value, json};
use unleak::model::{
    Revision::{Current, Old},
    Visibility,
};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all, scan_file, token},
    raw::{row, row_of},
};

#[test]
fn a_room_of_matrix() {
    let [plain, code, link, old, _] = &five(1110);
    let event = |id: u64, who: &str, content: Value| {
        json!({"type": "m.room.message", "sender": format!("@{who}:example.com"), "content": content, "origin_server_ts": (1_704_103_200 + 60 * id) * 1000,
            "event_id": format!("$e{id}"), "room_id": "!r:example.com", "unsigned": {"age": 5}})
    };
    let text = |text: &str| json!({"msgtype": "m.text", "body": text});
    let (a, b) = code.split_at(9);
    let messages = json!([
        event(0, "ada", text(&format!("the key is {plain}"))),
        event(
            1,
            "bob",
            json!({"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html", "formatted_body": format!("<pre><code>TOKEN=<b>{a}</b>{b}</code></pre>")})
        ),
        event(2, "bob", text(&in_link(link))),
        event(3, "bob", text(&format!("use {old} please"))),
        event(
            4,
            "bob",
            json!({"msgtype": "m.text", "body": "* never mind", "m.new_content": {"msgtype": "m.text", "body": "never mind"}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$e3"}})
        ),
    ]);
    let room = format!(
        r#"{{"room_name": "Ops", "room_creator": "@ada:example.com", "topic": "t", "export_date": "1/1/2024", "exported_by": "ada", "messages": {messages}}}"#
    );
    row_of("matrix", ("export.json", room.as_str()), [plain, code, link, old, ""]);
    let report = scan_file("export.json", room, None);
    let told = |who: &str, id: u64| {
        format!("@{who}:example.com - <-> 2024-01-01T10:0{id}:00Z https://matrix.to/#/!r:example.com/$e{id}")
    };
    check(
        &report,
        "matrix",
        &[
            (plain, &told("ada", 0), Current),
            (code, &told("bob", 1), Current),
            (link, &told("bob", 2), Current),
            (old, &told("bob", 3), Old),
        ],
    );
    let place = only(&report, old);
    assert_eq!(place.edited.as_ref().unwrap().utc.as_deref(), Some("2024-01-01T10:04:00Z"));
    assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("Ops"));
}

#[test]
fn an_organisation_of_zulip() {
    let [plain, code, link, old, attached] = &five(1120);
    let message = |id: u64, sender: u64, recipient: u64, content: &str| {
        json!({"id": id, "sender": sender, "recipient": recipient, "subject": "logins", "content": content, "rendered_content": format!("<p>{content}</p>"),
            "date_sent": 1_704_103_200.0 + 60.0 * id as f64, "last_edit_time": null, "edit_history": null})
    };
    let mut edited = message(3, 2, 30, "never mind");
    edited["edit_history"] =
        json!([{"prev_content": format!("use\n{old} please"), "timestamp": 1, "user_id": 2}]).to_string().into();
    let messages = [
        message(0, 1, 30, &format!("the key is {plain}")),
        message(1, 2, 30, &in_code(code)),
        message(2, 2, 31, &in_link(link)),
        edited,
        message(4, 2, 30, "a file: [notes.txt](/user_uploads/2/ab/xyz/notes.txt)"),
    ];
    let realm = json!({"zerver_realm": [{"id": 2, "string_id": "acme"}],
        "zerver_userprofile": [{"id": 1, "full_name": "Ada L", "delivery_email": "ada@example.com"}, {"id": 2, "full_name": "Bob B", "delivery_email": "bob@example.com"}],
        "zerver_stream": [{"id": 5, "name": "ops", "invite_only": true}], "zerver_recipient": [{"id": 30, "type": 2, "type_id": 5}, {"id": 31, "type": 1, "type_id": 1}]});
    let mut files = Files::default();
    files
        .add("zulip/realm.json", realm.to_string())
        .add(
            "zulip/messages-000001.json",
            json!({"zerver_message": messages, "zerver_usermessage": [{"id": 1, "message": 0}]}).to_string(),
        )
        .add("zulip/uploads/2/ab/xyz/notes.txt", format!("token={attached}\n"));
    let base = "https://zulip.example.com";
    let (ada, bob) = ("1 Ada L <ada@example.com>", "2 Bob B <bob@example.com>");
    let told = |who: &str, id: u64| format!("{who} 2024-01-01T10:0{id}:00Z {base}/#narrow/near/{id}");
    row("zulip", &files, [plain, code, link, old, attached]);
    scan_all(&files, Some(base), &|report| {
        check(
            report,
            "zulip",
            &[
                (plain, &told(ada, 0), Current),
                (code, &told(bob, 1), Current),
                (link, &told(bob, 2), Current),
                (old, &told(bob, 3), Old),
                (attached, &told(bob, 4), Current),
            ],
        );
        let place = only(report, plain);
        assert_eq!(
            (place.visibility, place.container.as_ref().unwrap().name.as_deref()),
            (Some(Visibility::Private), Some("ops"))
        );
        assert_eq!(only(report, link).visibility, Some(Visibility::Direct));
    });
}

#[test]
fn regression_histories_of_zulip_that_are_no_json_are_scanned() {
    let secrets: Vec<String> = (0..8).map(|index| token(1_190 + index)).collect();
    let [behind, cut, word, list, object, unquoted, strings, mixed] = secrets.as_slice() else {
        unreachable!("as many as were made");
    };
    let histories = [
        json!(format!(r#"[{{"prev_content": "x"}}] {behind}"#)),
        json!(format!(r#"[{{"prev_content": "{cut}"#)),
        json!(format!("1 {word}")),
        json!([{"prev_content": list}]),
        json!({"prev_content": object}),
        json!(format!(r#"[{{"prev_content": {unquoted}}}]"#)),
        json!([format!(r#"[{{"prev_content": "{strings}"}}]"#)]),
        json!([json!([{"prev_content": "x"}]).to_string(), {"prev_content": mixed}]),
    ];
    let messages: Vec<Value> = histories
        .iter()
        .enumerate()
        .map(|(id, history)| {
            json!({"id": id, "sender": 1, "recipient": 30, "subject": "logins", "content": "never mind",
                "rendered_content": "<p>never mind</p>", "date_sent": 1_704_103_200.0, "edit_history": history})
        })
        .collect();
    let mut files = Files::default();
    files.add("zulip/realm.json", json!({"zerver_realm": [{"id": 2, "string_id": "acme"}]}).to_string()).add(
        "zulip/messages-000001.json",
        json!({"zerver_message": messages, "zerver_usermessage": [{"id": 1, "message": 0}]}).to_string(),
    );
    scan_all(&files, None, &|report| {
        for secret in &secrets {
            only(report, secret);
        }
    });
}
