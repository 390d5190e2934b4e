use serde_json::{Value, json};
use unleak::model::{Revision::Current, Visibility};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all, scan_file},
    raw::{row, row_as},
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

/// Ids of messages have their time: of the first minutes of 2024-01-01T10 here.
fn snowflake(minute: u64) -> u64 {
    (1_704_103_200_000 + 60_000 * minute - 1_420_070_400_000) << 22
}

fn header(who: &str, minute: u64) -> String {
    format!(
        "<div class=chatlog__header><span class=chatlog__author title={who} data-user-id=5{who}>{}</span> <span class=chatlog__timestamp title=\"Monday, January 1, 2024 12:0{minute} PM\"><a href=#chatlog__message-container-{}>1/1/2024 12:0{minute} PM</a></span></div>",
        who.to_uppercase(),
        snowflake(minute)
    )
}

/// Pages are minified: no quotes where none are needed, no ends that may be left out.
fn shown(minute: u64, header: &str, inner: &str) -> String {
    let aside = if header.is_empty() {
        format!(
            "<div class=chatlog__short-timestamp title=\"Monday, January 1, 2024 12:0{minute} PM\">12:0{minute} PM</div>"
        )
    } else {
        "<img class=chatlog__avatar src=https://cdn.discordapp.com/avatars/5/a.png alt=Avatar>".to_owned()
    };
    let id = snowflake(minute);
    format!(
        "<div id=chatlog__message-container-{id} class=chatlog__message-container data-message-id={id}><div class=chatlog__message><div class=chatlog__message-aside>{aside}</div><div class=chatlog__message-primary>{header}{inner}</div></div></div>"
    )
}

fn content(html: &str) -> String {
    format!(
        "<div class=\"chatlog__content chatlog__markdown\"><span class=chatlog__markdown-preserve><!--wmm:ignore-->{html}<!--/wmm:ignore--></span></div>"
    )
}

fn page(guild: &str, channel: &str, icon: &str, groups: &[String]) -> String {
    let groups: String =
        groups.iter().map(|group| format!("<div class=chatlog__message-group>{group}</div>")).collect();
    format!(
        "<!DOCTYPE html><html lang=en><head><title>{guild} - {channel}</title><meta charset=utf-8><style>{}.chatlog__message-group {{ margin: 0 }} .preamble__entry {{ color: #fff }}</style><script>document.addEventListener('x', a => a<b)</script>\
         <body><div class=preamble><div class=preamble__guild-icon-container><img class=preamble__guild-icon src={icon} alt=\"Guild icon\"></div><div class=preamble__entries-container><div class=preamble__entry>{guild}</div><div class=preamble__entry>{channel}</div></div></div>\
         <div class=chatlog>{groups}</div><div class=postamble><div class=postamble__entry>Exported 5 message(s)</div><div class=postamble__entry>Timezone: UTC+2</div></div>",
        ".a { color: #000 }".repeat(200)
    )
}

#[test]
fn a_page_of_a_channel_with_its_files() {
    let [plain, code, link, embedded, attached] = &five(1_060);
    let name = "Acme - Text - general [77].html";
    let (a, b) = plain.split_at(9);
    let groups = [
        shown(0, &header("ada", 0), &content(&format!("the key is {a}<strong>{b}</strong>"))),
        [
            shown(1, &format!("<div class=chatlog__reply><div class=chatlog__reply-author title=eve>Eve</div><div class=chatlog__reply-content><span class=chatlog__reply-link onclick=\"scrollToMessage(event,'{}')\">the key</span></div></div>{}", snowflake(0), header("bob", 1)),
                &content(&format!("<code class=\"chatlog__markdown-pre chatlog__markdown-pre--multiline language-sh\">export GITLAB_TOKEN={code}</code>"))),
            shown(2, "", &content(&format!("<a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a>"))),
            shown(3, "", &format!("{}<div class=chatlog__embed><div class=chatlog__embed-description><div class=\"chatlog__markdown chatlog__embed-description\">key: {embedded}</div></div></div>", content("look"))),
            shown(4, "", "<div class=chatlog__attachment><div class=chatlog__attachment-generic><div class=chatlog__attachment-generic-name><a href=Acme%20-%20Text%20-%20general%20%5B77%5D.html_Files/notes-ABCDE.txt>notes.txt</a></div></div></div>"),
        ].concat(),
    ];
    let html = page("Acme", "Text / general", "https://cdn.discordapp.com/icons/66/ab.png", &groups);
    let mut files = Files::default();
    files.add(name, html.clone()).add(&format!("{name}_Files/notes-ABCDE.txt"), format!("token={attached}\n"));
    row_as("`discord` (HTML)", &files, [plain, code, link, embedded, attached]);
    let at =
        |minute: u64| format!("2024-01-01T10:0{minute}:00Z https://discord.com/channels/66/77/{}", snowflake(minute));
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
        let place = only(report, code);
        assert_eq!(
            (place.workspace.as_deref(), place.thread.as_deref()),
            (Some("Acme"), Some(snowflake(0).to_string().as_str()))
        );
        assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("general"));
        assert_eq!(place.time.as_ref().unwrap().raw, "Monday, January 1, 2024 12:01 PM");
    });
    let direct = page("Direct Messages", "bob", "x_Files/0-A.png", &groups[..1]);
    let report = scan_file("Direct Messages - bob [78].html", direct, None);
    let url = format!("https://discord.com/channels/@me/78/{}", snowflake(0));
    check(&report, "discord", &[(plain, &format!("5ada ADA <-> 2024-01-01T10:00:00Z {url}"), Current)]);
    assert_eq!(only(&report, plain).visibility, Some(Visibility::Direct));
}

/// Until 2021 names stood before the messages of a group.
#[test]
fn a_page_of_an_older_version() {
    let [first, second, ..] = &five(1_070);
    let message = |minute: u64, text: &str| {
        let id = snowflake(minute);
        format!(
            "<div class=\"chatlog__message \" data-message-id=\"{id}\" id=\"message-{id}\" title=\"Message sent: 01-Jan-24 12:00 PM\"><div class=\"chatlog__content\"><div class=\"markdown\"><span class=\"preserve-whitespace\">{text}</span></div></div></div>"
        )
    };
    let group = |who: &str, messages: &[String]| {
        format!(
            "<div class=\"chatlog__message-group\"><div class=\"chatlog__messages\"><span class=\"chatlog__author-name\" title=\"{who}\" data-user-id=\"5{who}\">{who}</span><span class=\"chatlog__timestamp\">01-Jan-24 12:00 PM</span>{}</div></div>",
            messages.concat()
        )
    };
    let html = format!(
        "<!DOCTYPE html><html><head><style>.chatlog__message-group {{}} .info__guild-name {{}}</style></head><body><div class=\"info\"><img class=\"info__guild-icon\" src=\"https://cdn.discordapp.com/icons/66/ab.png\"><div class=\"info__guild-name\">Acme</div><div class=\"info__channel-name\">Text / general</div></div><div class=\"chatlog\">{}{}",
        group("ada", &[message(0, "good morning"), message(1, &format!("key {first}"))]),
        group("bob", &[message(2, &format!("key {second}"))])
    );
    let report = scan_file("Acme - general [77].html", html, None);
    let url = |minute| format!("https://discord.com/channels/66/77/{}", snowflake(minute));
    check(
        &report,
        "discord",
        &[
            (first, &format!("5ada ada <-> 2024-01-01T10:01:00Z {}", url(1)), Current),
            (second, &format!("5bob bob <-> 2024-01-01T10:02:00Z {}", url(2)), Current),
        ],
    );
}

#[test]
fn a_text_of_a_channel_with_its_files() {
    let [plain, code, link, embedded, attached] = &five(1_080);
    let name = "Acme - Text - general [77].txt";
    let rule = "=".repeat(62);
    let message = |minute: u64, who: &str, text: &str| format!("[1/1/2024 12:0{minute} PM] {who}\n{text}\n\n");
    let text = [
        format!("{rule}\nGuild: Acme\nChannel: Text / general\nTopic: all\n{rule}\n\n"),
        message(0, "ada#0001 (pinned)", &format!("the key is {plain}")),
        message(1, "bob", &format!("{}\n\n[2024-01-01 10:00:00] INFO not a message", in_code(code))),
        message(2, "bob", &in_link(link)),
        message(3, "ada#0001", &format!("look\n\n{{Embed}}\nkey: {embedded}\n")),
        message(
            4,
            "bob",
            &format!(
                "\n{{Attachments}}\n{name}_Files\\notes-ABCDE.txt\nhttps://cdn.discordapp.com/a?hm={}\n\n{{Reactions}}\nx (2)\n",
                "ab".repeat(32)
            ),
        ),
        format!("{rule}\nExported 5 message(s)\n{rule}\n"),
    ];
    let mut files = Files::default();
    files
        .add(name, text.concat().replace('\n', "\r\n"))
        .add(&format!("{name}_Files/notes-ABCDE.txt"), format!("token={attached}\n"));
    row_as("`discord` (text)", &files, [plain, code, link, embedded, attached]);
    scan_all(&files, None, &|report| {
        check(
            report,
            "discord",
            &[
                (plain, "- ada#0001 <-> - -", Current),
                (code, "- bob <-> - -", Current),
                (link, "- bob <-> - -", Current),
                (embedded, "- ada#0001 <-> - -", Current),
                (attached, "- bob <-> - -", Current),
            ],
        );
        let place = only(report, code);
        assert_eq!(
            (place.time.as_ref().unwrap().raw.as_str(), place.workspace.as_deref()),
            ("1/1/2024 12:01 PM", Some("Acme"))
        );
        let container = place.container.as_ref().unwrap();
        assert_eq!((container.id.as_deref(), container.name.as_deref()), (Some("77"), Some("general")));
        assert_eq!(only(report, attached).time.as_ref().unwrap().raw, "1/1/2024 12:04 PM");
        assert_eq!(
            report.notices.iter().map(|notice| (notice.kind.as_str(), notice.count)).collect::<Vec<_>>(),
            [("signed-link", 1)]
        );
    });
    let direct = text.concat().replace("Guild: Acme", "Guild: Direct Messages");
    assert_eq!(only(&scan_file("odd", direct, None), plain).visibility, Some(Visibility::Direct));
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
