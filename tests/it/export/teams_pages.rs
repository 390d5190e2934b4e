//! Conversations of Teams as pages of HTML.

use unleak::model::{
    PermalinkBasis,
    Revision::{self, Current},
    ScanReport, Visibility,
};

use super::{
    plant::{Files, check, five, only, scan_all, scan_each, scan_file, told},
    raw::row_as,
};

const CHAT: &str = "19:abc@thread.v2";
const LINK: &str = "https://teams.microsoft.com/l/chat/19%3Aabc%40thread.v2/0";

/// A message of a transcript as eDiscovery makes it: day and clock are two elements with nothing between them.
fn message(minute: u64, who: &str, html: &str) -> String {
    let side = if who == "Ada L" { "author" } else { "responder" };
    let mail = who.split(' ').next().unwrap().to_lowercase();
    format!(
        "<div class=\"message message--{side}\"><div class=\"message__header\"><span class=\"message__author\">{who} &lt;{mail}@example.com&gt;</span><span class=\"message__date-item-wrapper\"><span>1/1/2024</span><span>10:0{minute} AM</span></span></div>\
         <div class=\"message__content\">{html}</div></div>"
    )
}

fn transcript(messages: &[String]) -> String {
    format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><style>{} .message--author {{}} .message--responder {{}} .message__author {{}} .message__content {{}}</style></head><body><div class=\"conversation\">{}</div></body></html>",
        "body { margin: 0 }".repeat(400),
        messages.concat()
    )
}

/// Plain in two runs, in a block of code, in a link, and a file by its name.
fn messages([plain, code, link, _, _]: &[String; 5]) -> Vec<String> {
    let (a, b) = plain.split_at(9);
    vec![
        message(0, "Ada L", &format!("<p>the key is <span>{a}</span><strong>{b}</strong>&nbsp;works</p>")),
        message(
            1,
            "Bob B",
            &format!("<codeblock class=\"Bash\"><code>echo <span>x</span><br>export TOKEN={code}</code></codeblock>"),
        ),
        message(
            2,
            "Bob B",
            &format!("<p><a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a></p>"),
        ),
        message(
            3,
            "Bob B",
            "<p>see <a href=\"https://acme.sharepoint.com/personal/bob/Documents/notes.txt\">notes.txt</a></p>",
        ),
    ]
}

#[test]
fn transcripts_of_a_review_set() {
    let secrets = &five(1_500);
    let [plain, code, link, _, attached] = secrets;
    let table = format!(
        "\u{feff}Row_number,File_ID,File_class,Conversation_ID,ConversationName,ConversationType,ChannelName,TeamName,Native_file_name,Export_native_path\r\n\
         1,f1,Conversations,{CHAT},ops and more,Channel,general,Ops,1.html,NativeFiles\\f1.html\r\n2,f2,Attachment,{CHAT},ops and more,Channel,general,Ops,notes.txt,NativeFiles\\notes.txt\r\n"
    );
    let mut files = Files::default();
    files
        .add("Export_Loadfile_20240201.csv", table)
        .add("NativeFiles/f1.html", transcript(&messages(secrets)))
        .add("NativeFiles/notes.txt", format!("token={attached}\n"));
    row_as("`teams` (HTML)", &files, [plain, code, link, "", attached]);
    let (ada, bob) = ("- Ada L <ada@example.com>", "- Bob B <bob@example.com>");
    let at = |who: &str, minute: u64| format!("{who} 2024-01-01T10:0{minute}:00Z {LINK}");
    scan_all(&files, None, &|report| {
        check(
            report,
            "teams",
            &[
                (plain, &at(ada, 0), Current),
                (code, &at(bob, 1), Current),
                (link, &at(bob, 2), Current),
                (attached, &at(bob, 3), Current),
            ],
        );
        let place = only(report, attached);
        let container = place.container.as_ref().unwrap();
        assert_eq!(
            (container.kind.as_str(), container.id.as_deref(), container.name.as_deref(), place.workspace.as_deref()),
            ("channel", Some(CHAT), Some("general"), Some("Ops"))
        );
        assert_eq!(place.attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
        assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Derived);
        assert_eq!(only(report, plain).time.as_ref().unwrap().raw, "1/1/202410:00 AM");
    });
}

#[test]
fn a_transcript_without_its_table() {
    let secrets = &five(1_510);
    for report in scan_each("chat.html", transcript(&messages(secrets)), None) {
        let place = only(&report, &secrets[0]);
        assert_eq!(told(place), "- Ada L <ada@example.com> 2024-01-01T10:00:00Z -");
        assert_eq!((place.system.as_str(), place.container.is_none()), ("teams", true));
        assert_eq!(report.exports[0].system, "teams");
    }
}

fn once(report: &ScanReport, expected: &[(&String, &str, Revision)]) {
    let expected: Vec<(&str, &str, Revision)> =
        expected.iter().map(|(secret, told, revision)| (secret.as_str(), *told, *revision)).collect();
    check(report, "teams", &expected);
}

#[test]
fn pages_of_exporters() {
    let [first, second, third, ..] = &five(1_520);
    // Teams Chat Exporter: quoted messages have authors of their own.
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><style>.avt-dot{{}} .thread-replies{{}}</style><h1>Ops</h1><div class=\"toolbar\"><button type=\"button\" data-toggle-compact>Toggle compact view</button></div><hr/>\
         <div class=\"thread\"><div class=\"thread-parent\"><div class=\"msg\" id=\"msg-0\"><div class=\"avt\">AL</div><div class=\"main\"><div class=\"hdr\">Ada L · <span title=\"2024-01-01T10:00:00.000Z\">Jan 1, 2024, 10:00</span><span class=\"rel\">(2 years ago)</span></div>\
         <div>key {first}</div></div></div></div><div class=\"thread-replies\"><div class=\"msg reply-msg own-msg\" id=\"msg-1\"><div class=\"avt\">BB</div><div class=\"main\"><div class=\"hdr\">Bob B · <span title=\"2024-01-01T10:01:00.000Z\">Jan 1, 2024, 10:01</span></div>\
         <div class=\"forward\"><div class=\"forward-header\">Forwarded from <strong>Eve</strong></div><div class=\"forward-body\">key {second}</div></div></div></div></div></div>"
    );
    let report = scan_file("chat.html", page, None);
    once(
        &report,
        &[
            (first, "- Ada L <-> 2024-01-01T10:00:00Z -", Current),
            (second, "- Bob B <-> 2024-01-01T10:01:00Z -", Current),
        ],
    );
    assert_eq!(only(&report, first).container.as_ref().unwrap().name.as_deref(), Some("Ops"));
    // Export-TeamsChat, which Windows PowerShell writes in UTF-16.
    let page = format!(
        "<!DOCTYPE html><html><head><title>Teams Chat Export - x</title><style>.msg-sender {{}} .msg-bubble {{}}</style></head><body><main><header class=\"header\"><h1>Microsoft Teams Chat Export</h1></header>\
         <ul class=\"info-list\"><li><strong>Type:</strong> oneOnOne</li><li><strong>Exported From Tenant:</strong> <code>t1</code></li><li><strong>Chat ID:</strong> <code>{CHAT}</code></li></ul>\
         <article class=\"msg\"><div class=\"msg-body\"><header class=\"msg-meta\"><span class=\"msg-sender\">Ada L</span><time class=\"msg-time\">2024-01-01T10:00:00Z</time></header><div class=\"msg-bubble\"><div class=\"msg-content\"><p>key {first}</p></div></div></div></article>\
         <article class=\"msg msg-grouped\"><div class=\"msg-body\"><div class=\"msg-bubble\"><div class=\"msg-content\"><p>key {second}</p></div></div></div></article>\
         <article class=\"msg msg-system\"><div class=\"msg-bubble\"><span class=\"msg-content\">System: {third}</span></div></article></main></body></html>"
    );
    let wide: Vec<u8> = format!("\u{feff}{page}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let report = scan_file("chat.html", wide, None);
    let ada = format!("- Ada L <-> 2024-01-01T10:00:00Z {LINK}");
    once(&report, &[(first, &ada, Current), (second, &ada, Current), (third, &format!("- - <-> - {LINK}"), Current)]);
    let place = only(&report, first);
    assert_eq!((place.workspace.as_deref(), place.visibility), (Some("t1"), Some(Visibility::Direct)));
    // export-ms-teams-chats: what was deleted is hidden, not gone.
    let message = |deleted: bool, text: &str| {
        format!(
            "<div class=\"flex group/message\" data-deleted=\"{deleted}\" data-edited=\"false\"><img class=\"w-10\" src=\"a.png\" /><div class=\"flex\"><div class=\"flex\"><span class=\"text-sm\">Ada L</span><span class=\"text-sm\">01 January 2024, 10:00 AM</span></div><div class=\"prose\"><div>{text}</div></div></div></div>"
        )
    };
    let page = format!(
        "<!DOCTYPE html><html><head><title>Exported chat: Ops</title></head><body class=\"prose\"><h1 class=\"my-0\">Ops</h1><main>{}{}</main></body></html>",
        message(false, &format!("key {first}")),
        message(true, &format!("key {second}"))
    );
    let report = scan_file("Ops.html", page, None);
    once(&report, &[(first, "- Ada L <-> - -", Current), (second, "- Ada L <-> - -", Revision::Old)]);
    assert_eq!(only(&report, first).time.as_ref().unwrap().raw, "01 January 2024, 10:00 AM");
    // teams-chat-backup.
    let message = |who: &str, text: &str| {
        format!(
            "<div class=\"message message-left\">\n  <div class=\"message-timestamp\">2024-01-01T10:00:00Z</div>\n  <div class=\"message-sender\">{who}</div>\n<div class=\"message-body\">{text}</div>\n</div>"
        )
    };
    let page = format!(
        "<html>\n  <head>\n    <link rel=\"stylesheet\" href=\"../../messages.css\">\n  </head>\n  <body>\n{}{}</body>\n</html>\n",
        message("Ada L", &format!("key {first}")),
        message("Bob B", &format!("key {second}"))
    );
    let report = scan_file("index.html", page, None);
    once(
        &report,
        &[
            (first, "- Ada L <-> 2024-01-01T10:00:00Z -", Current),
            (second, "- Bob B <-> 2024-01-01T10:00:00Z -", Current),
        ],
    );
}
