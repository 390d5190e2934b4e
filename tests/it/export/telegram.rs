use serde_json::{Value, json};
use unleak::model::{Revision::Current, Visibility};

use super::{
    plant::{Files, check, five, only, scan_all, scan_file, token},
    raw::{row, row_as},
};

fn message(id: u64, who: &str, text: &Value) -> Value {
    // The date is by somebody's clock; only the other one counts.
    json!({"id": id, "type": "message", "date": format!("2024-01-01T14:0{id}:00"), "date_unixtime": (1_704_103_200 + 60 * id).to_string(),
        "from": who.to_uppercase(), "from_id": format!("user{who}"), "text": text, "text_entities": []})
}

#[test]
fn regression_messages_behind_a_stray_bracket_are_read() {
    let secrets: Vec<String> = (0..5).map(|index| token(1_060 + index)).collect();
    let record =
        |index: u64| message(index, "ada", &json!(format!("the key is {}", secrets[index as usize]))).to_string();
    let stray = |bracket: &str| record(2).replace("\"date_unixtime\":", &format!("\"date_unixtime\": {bracket}"));
    let records = |third: String| [record(0), record(1), third, record(3), record(4)].join(",\n");
    let behind = records(record(2)).replacen("},\n", "}],\n", 2).replacen("}],\n", "},\n", 1);
    for messages in [records(stray("]")), records(stray("}")), behind] {
        let chat = format!(r#"{{"name": "Ops", "type": "private_group", "id": 1234, "messages": [{messages}]}}"#);
        let report = scan_file("result.json", chat, None);
        secrets.iter().for_each(|secret| drop(only(&report, secret).clone()));
        assert!(!report.problems.is_empty());
    }
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

/// The beginning of a page, as Telegram Desktop writes it.
fn page(title: &str, base: &str, messages: &[String]) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n\n <head>\n\n  <meta charset=\"utf-8\"/>\n<title>Exported Data</title>\n  <link href=\"{base}css/style.css\" rel=\"stylesheet\"/>\n\n  \
         <script src=\"{base}js/script.js\" type=\"text/javascript\">\n\n  </script>\n\n </head>\n\n <body onload=\"CheckLocation();\">\n\n  <div class=\"page_wrap\">\n\n   \
         <div class=\"page_header\">\n\n    <a class=\"content block_link\" href=\"../../lists/chats.html\" onclick=\"return GoBack(this)\">\n\n     <div class=\"text bold\">\n{title} \n     </div>\n\n    </a>\n\n   \
         </div>\n\n   <div class=\"page_body chat_page\">\n\n    <div class=\"history\">\n\n{}\n    </div>\n\n   </div>\n\n  </div>\n\n </body>\n\n</html>\n",
        messages.concat()
    )
}

/// A message; one without an author is joined to the one before it.
fn shown(id: u64, who: Option<&str>, inner: &str) -> String {
    let (class, name) = match who {
        Some(who) => (
            "message default clearfix",
            format!(
                "<div class=\"pull_left userpic_wrap\">\n\n<div class=\"userpic userpic4\" style=\"width: 42px; height: 42px\">\n\n<div class=\"initials\">\n{who}\n</div>\n\n</div>\n\n</div>\n\n"
            ),
        ),
        None => ("message default clearfix joined", String::new()),
    };
    let from = who.map(|who| format!("<div class=\"from_name\">\n{who} \n</div>\n\n")).unwrap_or_default();
    format!(
        "     <div class=\"{class}\" id=\"message{id}\">\n\n{name}      <div class=\"body\">\n\n       <div class=\"pull_right date details\" title=\"01.01.2024 12:0{id}:00 UTC+02:00\">\n12:0{id}\n       </div>\n\n{from}{inner}\n      </div>\n\n     </div>\n\n"
    )
}

fn text(text: &str) -> String {
    format!("       <div class=\"text\">\n{text}\n       </div>\n")
}

#[test]
fn pages_of_chats() {
    let [plain, code, link, passed_on, attached] = &five(1_040);
    let (a, b) = plain.split_at(9);
    let service = "<div class=\"message service\" id=\"message-1\">\n\n<div class=\"body details\">\n1 January 2024\n</div>\n\n</div>\n\n";
    let forwarded = format!(
        "<div class=\"forwarded body\">\n\n<div class=\"from_name\">\nEve <span class=\"date details\" title=\"01.01.2023 00:00:00 UTC+02:00\"> 01.01.2023 00:00:00</span>\n</div>\n\n{}</div>\n",
        text(&format!("she said token={passed_on}"))
    );
    let file = "<div class=\"media_wrap clearfix\">\n\n<a class=\"media clearfix pull_left block_link media_file\" href=\"../../chats/chat_01/files/notes.txt\">\n\n<div class=\"fill pull_left\">\n\n</div>\n\n\
                <div class=\"body\">\n\n<div class=\"title bold\">\nnotes.txt\n</div>\n\n<div class=\"status details\">\n27 B\n</div>\n\n</div>\n\n</a>\n\n</div>\n";
    let first = [
        service.to_owned(),
        shown(1, Some("Ada L"), &text(&format!("the key is {a}<strong>{b}</strong> &amp; more"))),
        shown(2, Some("Bob via @bot"), &text(&format!("try<br><pre>export GITLAB_TOKEN={code}</pre>"))),
    ];
    let second = [
        "<a class=\"pagination block_link\" href=\"messages.html\">\nPrevious messages\n</a>\n\n".to_owned(),
        shown(
            3,
            Some("Ada L"),
            &format!(
                "<div class=\"reply_to details\">\nIn reply to <a href=\"messages.html#go_to_message2\">this message</a>\n</div>\n{}",
                text(&format!("see <a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a>"))
            ),
        ),
        shown(4, None, &forwarded),
        service.to_owned(),
        shown(5, Some("Bob"), &text("the file")),
        shown(6, None, file),
    ];
    let mut files = Files::default();
    files
        .add("export_results.html", page("Exported Data", "", &[]).replace("chat_page", ""))
        .add("css/style.css", "a {}")
        .add("chats/chat_01/messages.html", page("Ops", "../../", &first))
        .add("chats/chat_01/messages2.html", page("Ops", "../../", &second))
        .add("chats/chat_01/files/notes.txt", format!("token={attached}\n"));
    row_as("`telegram` (HTML)", &files, [plain, code, link, passed_on, attached]);
    let told = |who: &str, id: u64| format!("- {who} <-> 2024-01-01T10:0{id}:00Z https://t.me/c/1234/{id}");
    scan_all(&files, Some("https://t.me/c/1234"), &|report| {
        check(
            report,
            "telegram",
            &[
                (plain, &told("Ada L", 1), Current),
                (code, &told("Bob", 2), Current),
                (link, &told("Ada L", 3), Current),
                (passed_on, &told("Ada L", 4), Current),
                (attached, &told("Bob", 6), Current),
            ],
        );
        assert_eq!(only(report, link).thread.as_deref(), Some("2"));
        assert_eq!(only(report, attached).container.as_ref().unwrap().name.as_deref(), Some("Ops"));
    });
    // A page by itself, of a version that left out the zone.
    let old = page("Ops", "", &first).replace(" UTC+02:00", "");
    let report = scan_file("chat.htm", old, None);
    check(&report, "telegram", &[(plain, "- Ada L <-> - -", Current)]);
    assert_eq!(only(&report, plain).time.as_ref().unwrap().raw, "01.01.2024 12:01:00");
    assert_eq!(only(&report, code).field, "text");
}

#[test]
fn regression_contacts_are_of_no_chat() {
    let secret = super::plant::token(1037);
    let all = format!(
        r#"{{"about": "Here is the data", "personal_information": {{"user_id": 1}}, "chats": {{"about": "x", "list": [{{"name": "Bob", "type": "personal_chat", "id": 9, "messages": [{}]}}]}},
        "contacts": {{"about": "y", "list": [{{"first_name": "use {secret} please"}}]}}}}"#,
        message(0, "bob", &json!("hello"))
    );
    let mut files = Files::default();
    files.add("result.json", all);
    scan_all(&files, None, &|report| assert_eq!(only(report, &secret).container, None));
}
