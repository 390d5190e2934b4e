use serde_json::{Value, json};
use unleak::model::{Revision::Current, Visibility};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all, scan_file},
    raw::row,
};

fn message(id: u64, who: &str, text: &str) -> Value {
    json!({"id": format!("90{id}"), "type": "Default", "timestamp": format!("2024-01-01T12:0{id}:00.000+02:00"), "timestampEdited": null, "isPinned": false,
        "content": text, "author": {"id": format!("5{who}"), "name": who, "discriminator": "0000", "nickname": who.to_uppercase(), "isBot": false,
        "avatarUrl": "https://cdn.example.com/a.png"}, "attachments": [], "embeds": [], "reactions": [], "mentions": []})
}

fn chat(guild: &str, messages: &[Value]) -> String {
    json!({"guild": {"id": guild, "name": "Acme", "iconUrl": "x.png"},
        "channel": {"id": "77", "type": "GuildTextChat", "categoryId": "1", "category": "Text", "name": "general", "topic": null},
        "dateRange": {"after": null, "before": null}, "exportedAt": "2024-02-01T10:00:00+00:00", "messages": messages, "messageCount": messages.len()})
    .to_string()
}

#[test]
fn a_channel_with_its_files() {
    let [plain, code, link, embedded, attached] = &five(1010);
    let mut with_embed = message(3, "bob", "look");
    with_embed["embeds"] = json!([{"title": "t", "url": "", "description": "d", "fields": [{"name": "n", "value": format!("key: {embedded}")}]}]);
    let mut with_file = message(4, "bob", "");
    with_file["attachments"] = json!([{"id": "1", "url": "Acme - Text - general [77].json_Files\\notes-ABCDE.txt", "fileName": "notes.txt", "fileSizeBytes": 20}]);
    let messages = [
        message(0, "ada", &format!("the key is {plain}")),
        message(1, "bob", &in_code(code)),
        message(2, "bob", &in_link(link)),
        with_embed,
        with_file,
    ];
    let mut files = Files::default();
    files
        .add("Acme - Text - general [77].json", chat("66", &messages))
        .add("Acme - Text - general [77].json_Files/notes-ABCDE.txt", format!("token={attached}\n"));
    let at = |id: u64| format!("2024-01-01T10:0{id}:00Z https://discord.com/channels/66/77/90{id}");
    row("discord", &files, [plain, code, link, "", attached]);
    scan_all(&files, None, &|report| {
        check(
            report,
            "discord",
            &[
                (plain, &format!("5ada ADA <-> {}", at(0)), Current),
                (code, &format!("5bob BOB <-> {}", at(1)), Current),
                (link, &format!("5bob BOB <-> {}", at(2)), Current),
                (embedded, &format!("5bob BOB <-> {}", at(3)), Current),
                (attached, &format!("5bob BOB <-> {}", at(4)), Current),
            ],
        );
        let place = only(report, plain);
        assert_eq!(place.workspace.as_deref(), Some("Acme"));
        assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("general"));
    });
    let report = scan_file("odd.txt", chat("0", &messages[..1]), None);
    check(
        &report,
        "discord",
        &[(plain, "5ada ADA <-> 2024-01-01T10:00:00Z https://discord.com/channels/@me/77/900", Current)],
    );
    assert_eq!(only(&report, plain).visibility, Some(Visibility::Direct));
}

#[test]
fn a_table_of_a_channel_with_its_files() {
    let [plain, code, link, quoted, attached] = &five(1030);
    let row = |minute: u64, who: &str, text: &str, files: &str| {
        let text = text.replace('"', "\"\"");
        format!("\"5{who}\",\"{who}\",\"2024-01-01T12:0{minute}:00.1200000+02:00\",\"{text}\",\"{files}\",\"\"\n")
    };
    let name = "Acme - Text - general [77].csv";
    let files_of = |names: [&str; 2]| names.map(|file| format!("{name}_Files\\{file}")).join(",");
    let table = [
        "AuthorID,Author,Date,Content,Attachments,Reactions\n".to_owned(),
        row(0, "ada", &format!("the key is {plain}"), ""),
        row(1, "bob", &in_code(code), ""),
        row(2, "bob", &in_link(link), ""),
        row(3, "ada", &format!("say \"token={quoted}\""), ""),
        row(4, "bob", "", &files_of(["other-1.txt", "notes-ABCDE.txt"])),
    ]
    .concat();
    let mut files = Files::default();
    files.add(name, table.clone()).add(&format!("{name}_Files/notes-ABCDE.txt"), format!("token={attached}\n"));
    let at = |minute: u64| format!("2024-01-01T10:0{minute}:00.12Z -");
    scan_all(&files, None, &|report| {
        check(
            report,
            "discord",
            &[
                (plain, &format!("5ada ada <-> {}", at(0)), Current),
                (code, &format!("5bob bob <-> {}", at(1)), Current),
                (link, &format!("5bob bob <-> {}", at(2)), Current),
                (quoted, &format!("5ada ada <-> {}", at(3)), Current),
                (attached, &format!("5bob bob <-> {}", at(4)), Current),
            ],
        );
        let place = only(report, plain);
        assert_eq!(place.workspace.as_deref(), Some("Acme"));
        let container = place.container.as_ref().unwrap();
        assert_eq!((container.id.as_deref(), container.name.as_deref()), (Some("77"), Some("general")));
    });
    let report = scan_file("Direct Messages - bob [78] [part 2].csv", table, None);
    let place = only(&report, plain);
    assert_eq!((place.visibility, place.workspace.as_deref()), (Some(Visibility::Direct), None));
}

#[test]
fn the_package_of_ones_own_data() {
    let [plain, code, link, ..] = &five(1020);
    let mut files = Files::default();
    files
        .add("account/user.json", json!({"id": "50", "username": "ada", "global_name": "Ada L", "email": "ada@example.com"}).to_string())
        .add("messages/index.json", json!({"77": "general in Acme", "78": "Direct Message with bob"}).to_string())
        .add("messages/c77/channel.json", json!({"id": "77", "type": 0, "name": "general", "guild": {"id": "66", "name": "Acme"}}).to_string())
        .add("messages/c77/messages.json", json!([{"ID": 901, "Timestamp": "2024-01-01 10:00:00", "Contents": format!("the key is {plain}"), "Attachments": ""},
            {"ID": 903, "Timestamp": "2024-01-01 10:02:00", "Contents": in_link(link), "Attachments": ""}]).to_string())
        .add("messages/c78/channel.json", json!({"id": "78", "type": 1, "recipients": ["50", "51"]}).to_string())
        .add("messages/c78/messages.csv", format!("ID,Timestamp,Contents,Attachments\n902,2024-01-01 10:01:00.123000+00:00,\"{}\",\n", in_code(code)));
    row("discord-package", &files, [plain, code, link, "", ""]);
    scan_all(&files, None, &|report| {
        check(
            report,
            "discord-package",
            &[
                (
                    plain,
                    "50 Ada L <ada@example.com> 2024-01-01T10:00:00Z https://discord.com/channels/66/77/901",
                    Current,
                ),
                (
                    link,
                    "50 Ada L <ada@example.com> 2024-01-01T10:02:00Z https://discord.com/channels/66/77/903",
                    Current,
                ),
                (
                    code,
                    "50 Ada L <ada@example.com> 2024-01-01T10:01:00.123Z https://discord.com/channels/@me/78/902",
                    Current,
                ),
            ],
        );
        assert_eq!(only(report, code).visibility, Some(Visibility::Direct));
    });
}
