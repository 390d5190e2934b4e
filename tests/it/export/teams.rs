use serde_json::{Value, json};
use unleak::{
    model::{PermalinkBasis, Revision, ScanReport, Visibility},
    source::export::ExportOptions,
};

use super::plant::{Files, only, scan_export, token, told};

const CHANNEL: &str = "19:abc@thread.tacv2";

fn tokens(from: u64) -> [String; 5] {
    std::array::from_fn(|index| token(from + index as u64))
}

fn message(minute: u64, who: &str, content: &str) -> Value {
    json!({
        "id": format!("170410320000{minute}"), "messageType": "message", "replyToId": null, "chatId": null, "subject": null, "policyViolation": null,
        "createdDateTime": format!("2024-01-01T10:0{minute}:00.000Z"), "lastEditedDateTime": null, "deletedDateTime": null,
        "webUrl": format!("https://teams.microsoft.com/l/message/19%3Aabc%40thread.tacv2/170410320000{minute}?groupId=g1&tenantId=t1"),
        "from": {"application": null, "device": null, "user": {"id": who, "displayName": null, "userIdentityType": "aadUser", "tenantId": "t1"}},
        "body": {"contentType": "html", "content": content}, "channelIdentity": {"teamId": "g1", "channelId": CHANNEL},
        "attachments": [], "mentions": [], "reactions": []
    })
}

/// Plain in two runs, in a block of code, in a link, deleted, in what is embedded.
pub(super) fn messages([plain, code, link, old, attached]: &[String; 5]) -> Vec<Value> {
    let (a, b) = plain.split_at(9);
    let mut first = message(0, "u1", &format!("<p>the key is <span>{a}</span><strong>{b}</strong>&nbsp;works</p>"));
    let mut reply = message(
        1,
        "u2",
        &format!(
            "<codeblock class=\"Bash\"><code>echo <span class=\"hljs-string\">x</span><br>export TOKEN={code}</code></codeblock>"
        ),
    );
    reply["replyToId"] = first["id"].clone();
    first["replies"] = json!([reply]);
    let card = json!({"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": format!("[here](https://git.example.com/x?private_token={link}&y=1)")}]});
    let mut linked = message(2, "u2", "<attachment id=\"1\"></attachment>");
    linked["attachments"] = json!([{"id": "1", "contentType": "application/vnd.microsoft.card.adaptive", "content": card.to_string(), "contentUrl": null}]);
    let mut deleted = message(3, "u1", &format!("<p>use {old} please</p>"));
    deleted["deletedDateTime"] = json!("2024-01-01T10:30:00Z");
    let mut hosted = message(4, "u2", "<p>a file</p>");
    hosted["hostedContents"] = json!([{"id": "h1", "contentType": "text/plain", "contentBytes": data_encoding::BASE64.encode(format!("token={attached}\n").as_bytes())}]);
    vec![first, linked, deleted, hosted]
}

fn people() -> Value {
    json!([{"id": "u1", "displayName": "Ada L", "mail": "ada@example.com", "userPrincipalName": "ada@x"}, {"id": "u2", "displayName": "Bob B", "mail": null, "userPrincipalName": "bob@example.com"}])
}

/// Keys with capitals, and written as .NET does.
pub(super) fn dotnet(value: &Value) -> String {
    fn capitals(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let capital = |key: &String| key[..1].to_uppercase() + &key[1..];
                // Graph alone has these.
                map.iter()
                    .map(|(key, value)| {
                        (
                            if matches!(key.as_str(), "replies" | "hostedContents") {
                                key.clone()
                            } else {
                                capital(key)
                            },
                            capitals(value),
                        )
                    })
                    .collect()
            }
            Value::Array(list) => list.iter().map(capitals).collect(),
            other => other.clone(),
        }
    }
    capitals(value).to_string().replace('<', "\\u003C").replace('>', "\\u003E").replace('&', "\\u0026")
}

fn check(report: &ScanReport, tokens: &[String; 5], has_names: bool) {
    let (ada, bob) =
        if has_names { ("u1 Ada L <ada@example.com>", "u2 Bob B <bob@example.com>") } else { ("u1 - <->", "u2 - <->") };
    for (index, token) in tokens.iter().enumerate() {
        let place = only(report, token);
        let who = if matches!(index, 0 | 3) { ada } else { bob };
        let url = format!(
            "https://teams.microsoft.com/l/message/19%3Aabc%40thread.tacv2/170410320000{index}?groupId=g1&tenantId=t1"
        );
        assert_eq!(told(place), format!("{who} 2024-01-01T10:0{index}:00Z {url}"));
        assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
        assert_eq!(place.thread.as_deref(), (index == 1).then_some("1704103200000"));
        assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
        let container = place.container.as_ref().unwrap();
        assert_eq!((container.kind.as_str(), container.id.as_deref()), ("channel", Some(CHANNEL)));
        assert_eq!(container.name.as_deref(), has_names.then_some("general"));
        assert_eq!(
            (place.workspace.as_deref(), place.visibility),
            (Some("t1"), has_names.then_some(Visibility::Public))
        );
    }
    assert_eq!((report.exports[0].system.as_str(), report.exports.len()), ("teams", 1));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn exports_of_a_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(800);
    let mut files = Files::default();
    files
        .add("TeamsData/teams/teamsList.json", dotnet(&json!([{"id": "g1", "displayName": "Ops"}])))
        .add(
            "TeamsData/teams/g1/channels_g1.json",
            dotnet(&json!([{"id": CHANNEL, "displayName": "general", "membershipType": "standard"}])),
        )
        .add("TeamsData/teams/g1/messages_g1.json", dotnet(&Value::Array(messages(&tokens))))
        .add("TeamsData/users/usersList.json", dotnet(&people()));
    for path in [files.zip(&dir.path().join("teams.zip")), files.dir(&dir.path().join("teams"))] {
        check(&scan_export(&path, ExportOptions::default()), &tokens, true);
    }
}

#[test]
fn pages_of_graph() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(810);
    let all = messages(&tokens);
    let page = |messages: &[Value]| {
        json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#chats", "@odata.count": 2, "value": messages}).to_string()
    };
    let single = dir.path().join("messages.json");
    let lines: String = all.iter().map(|message| format!("{message}\n")).collect();
    for content in [page(&all), Value::Array(all.clone()).to_string(), lines] {
        std::fs::write(&single, content).unwrap();
        check(&scan_export(&single, ExportOptions::default()), &tokens, false);
    }
    let mut files = Files::default();
    files
        .add("graph/messages-1.json", page(&all[..2]))
        .add("graph/messages-2.json", page(&all[2..]))
        .add("graph/users.json", json!({"value": people()}).to_string())
        .add(
            "graph/channels.json",
            json!({"value": [{"id": CHANNEL, "displayName": "general", "membershipType": "standard"}]}).to_string(),
        );
    check(&scan_export(&files.zip(&dir.path().join("graph.zip")), ExportOptions::default()), &tokens, true);
}

#[test]
fn the_export_of_an_account() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, code, link, old, attached] = tokens(820);
    let message = |minute: u64, who: &str, content: String| {
        json!({"id": format!("170410320000{minute}"), "displayName": if who == "8:orgid:u1" { "Ada L" } else { "Bob B" }, "originalarrivaltime": format!("2024-01-01T10:0{minute}:00.000Z"),
            "messagetype": "RichText/Html", "version": 1, "content": content, "conversationid": "19:chat@thread.v2", "from": who, "properties": null, "amsreferences": null})
    };
    let mut deleted = message(3, "8:orgid:u1", format!("<p>use {old} please</p>"));
    deleted["properties"] = json!({"deletetime": "1704105000000"});
    let mut file = message(4, "8:orgid:u2", "<p>a file</p>".to_owned());
    file["amsreferences"] = json!(["0-weu-d1-abc"]);
    let export = json!({"userId": "8:orgid:u1", "exportDate": "2024-01-02T10:00", "conversations": [{"id": "19:chat@thread.v2", "displayName": "ops", "version": 1, "MessageList": [
        message(0, "8:orgid:u1", format!("<p>the key is {plain}</p>")), message(1, "8:orgid:u2", format!("<pre>export TOKEN=<b>{}</b>{}</pre>", &code[..9], &code[9..])),
        message(2, "8:orgid:u2", format!("<a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a>")), deleted, file]}]});
    let mut files = Files::default();
    files.add("messages.json", export.to_string()).add("media/0-weu-d1-abc.1.txt", format!("token={attached}\n"));
    let path = dir.path().join("8_orgid_u1.tar.gz");
    std::fs::write(&path, files.tar_gz_bytes()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    for (index, token) in [&plain, &code, &link, &old, &attached].into_iter().enumerate() {
        let place = only(&report, token);
        let who = if matches!(index, 0 | 3) { "8:orgid:u1 Ada L <->" } else { "8:orgid:u2 Bob B <->" };
        let url = format!(
            "https://teams.microsoft.com/l/message/19%3Achat%40thread.v2/170410320000{index}?context=%7B%22contextType%22%3A%22chat%22%7D"
        );
        assert_eq!(told(place), format!("{who} 2024-01-01T10:0{index}:00Z {url}"));
        assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Derived);
        assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("ops"));
        assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
    }
    assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("teams", 0));
}

#[test]
fn damage_costs_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(830);
    let all = messages(&tokens);
    let mut text = format!("[{},", all[0]).into_bytes();
    text.extend(b"{\"body\":\"caf\xe9\"},{\"body\":{\"content\":\"\x01\"}},");
    text.extend("[".repeat(50_000).bytes());
    text.extend("]".repeat(50_000).bytes());
    text.extend(format!(",{},{},{{\"id\":@}},{}", all[1], all[2], all[3]).bytes());
    text.truncate(text.len() - 1);
    // The name promises nothing.
    let path = dir.path().join("dump.txt");
    std::fs::write(&path, text).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    tokens[..4].iter().for_each(|token| drop(only(&report, token).clone()));
    assert!(!report.problems.is_empty());
}

#[test]
fn a_file_in_a_message_that_cannot_be_decoded_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(840);
    let mut all = messages(&tokens);
    all[3]["hostedContents"][0]["contentBytes"] = json!("no base64!");
    let path = dir.path().join("messages.json");
    std::fs::write(&path, Value::from(all).to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    tokens[..4].iter().for_each(|token| drop(only(&report, token).clone()));
    let told: Vec<&str> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(matches!(told.as_slice(), [one] if one.contains("no base64")), "{told:?}");
}

#[test]
fn regression_content_that_is_no_card_is_scanned() {
    let card = |text: &str| json!({"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": text}]}).to_string();
    let secrets: Vec<String> = (0..11).map(|index| token(700 + index)).collect();
    let [behind, between, second, object, number, unquoted, string, cut, list, one, body] = secrets.as_slice() else {
        unreachable!("as many as were made");
    };
    let mut contents = vec![
        json!(format!("{} then {behind}", card("a"))),
        json!(format!("{} {between} {}", card("a"), card(&format!("b\n{second}")))),
        json!({"body": [{"text": object}]}),
        json!(format!("12345 {number}")),
        json!(format!(r#"{{"a": {unquoted}}}"#)),
        json!(format!(r#""x" {string}"#)),
        json!(format!(r#"{{"text": "{cut}"#)),
        json!([card(&format!("c {list}"))]),
    ];
    let mut messages: Vec<Value> = Vec::new();
    for content in contents.drain(..) {
        let mut told = message(0, "u1", "<p>x</p>");
        told["attachments"] = json!([{"id": "1", "contentType": "card", "content": content}]);
        messages.push(told);
    }
    // A list and a text stored as something else.
    let mut told = message(1, "u1", "<p>x</p>");
    told["attachments"] = json!({"content": one});
    messages.push(told);
    let mut told = message(2, "u1", "");
    told["body"]["content"] = json!([{"text": body}]);
    messages.push(told);
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::default();
    files.add("messages_g1.json", Value::Array(messages).to_string());
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    for secret in &secrets {
        only(&report, secret);
    }
}

#[test]
fn regression_what_was_edited_away_and_rich_text_of_cards() {
    let dir = tempfile::tempdir().unwrap();
    let [older, old, carded, bodiless] = [token(840), token(841), token(842), token(843)];
    let message = |id: u64, text: &str| {
        json!({"id": id.to_string(), "replyToId": null, "lastEditedDateTime": null, "policyViolation": null, "createdDateTime": "2024-01-01T10:00:00Z",
            "chatId": "19:u1_u2@unq.gbl.spaces", "from": {"user": {"id": "u1", "displayName": "Ada"}}, "body": {"contentType": "html", "content": text}})
    };
    let (mut graph, mut tenant, mut card) =
        (message(1, "new"), message(2, "new"), message(3, "<attachment id=\"a\"></attachment>"));
    graph["messageHistory"] = json!([{"modifiedDateTime": "2024-01-01T10:00:00Z", "body": {"contentType": "html", "content": format!("<p>use {older}</p>")}}]);
    tenant["MessageHistory"] = json!([{"Body": {"Content": format!("use {old}")}}]);
    let inlines = json!([{"type": "TextRun", "text": &carded[..9]}, {"type": "TextRun", "text": &carded[9..], "weight": "bolder"}]);
    card["attachments"] = json!([{"id": "a", "contentType": "application/vnd.microsoft.card.adaptive",
        "content": json!({"type": "AdaptiveCard", "body": [{"type": "RichTextBlock", "inlines": inlines}]}).to_string()}]);
    let mut gone = message(4, "");
    gone["body"] = Value::Null;
    gone["messageHistory"] = json!([{"body": {"content": format!("use {bodiless}")}}, bodiless]);
    let path = dir.path().join("messages.json");
    std::fs::write(&path, json!({"value": [graph, tenant, card, gone]}).to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    let revisions = [Revision::Old, Revision::Old, Revision::Current, Revision::Old];
    for (secret, revision) in [&older, &old, &carded, &bodiless].into_iter().zip(revisions) {
        let place = only(&report, secret);
        assert_eq!((place.revision, place.visibility), (revision, Some(Visibility::Direct)));
    }
}

#[test]
fn regression_channels_are_as_open_as_their_team() {
    let secret = token(845);
    for (stated, expected) in [("Private", Visibility::Private), ("Public", Visibility::Public)] {
        let mut message = messages(&tokens(800)).swap_remove(0);
        message["body"]["content"] = format!("<p>use {secret}</p>").into();
        let mut files = Files::default();
        let members = json!([{"id": "m1", "displayName": "Ada L"}, {"id": "m2", "displayName": "Bob B"}]);
        files
            .add("teams/teamsList.json", dotnet(&json!([{"id": "g1", "displayName": "Ops", "visibility": stated}])))
            .add(
                "teams/g1/channels_g1.json",
                dotnet(&json!([{"id": CHANNEL, "displayName": "general", "membershipType": "standard"}])),
            )
            .add("teams/g1/teamMembers_g1.json", dotnet(&members))
            .add("teams/g1/messages_g1.json", dotnet(&json!([message])));
        let dir = tempfile::tempdir().unwrap();
        let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
        let place = only(&report, &secret);
        assert_eq!((place.visibility, place.readers), (Some(expected), Some(2)));
    }
}

#[test]
fn regression_a_no_break_space_is_no_part_of_a_password() {
    let password = format!("Zk7!mq4&Tv{}9", '#');
    let escaped = password.replace('&', "&amp;");
    let texts = [
        format!("<p>pw: {escaped}&nbsp;</p>"),
        format!("<p>pw: {escaped}\u{a0}</p>"),
        format!("<div>pw:\u{a0}{escaped}&#8239;</div>"),
    ];
    for text in &texts {
        let page = json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Collection(chatMessage)", "value": [message(0, "u1", text)]});
        let report = super::plant::scan_file("messages.json", page.to_string(), None);
        only(&report, &password);
        assert_eq!(report.findings.len(), 1, "{text}: {:#?}", report.findings);
    }
}
