mod directories;

use std::path::Path;

use unleak::{
    Scanner,
    model::{ProblemKind, ScanReport},
    report::ReportOptions,
    source::export::{Export, ExportError, ExportLimits, ExportOptions},
};

use super::plant::{Files, only, scan_all, scan_export, scan_file, token};
use crate::report::sample::written;

fn slack(day: impl Into<Vec<u8>>) -> Files {
    let mut files = Files::default();
    files
        .add("users.json", "[]")
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", day);
    files
}

fn scan_dir(files: &Files) -> ScanReport {
    let dir = tempfile::tempdir().unwrap();
    scan_export(&files.dir(dir.path()), ExportOptions::default())
}

fn message(secret: &str) -> String {
    format!(r#"{{"type":"message","user":"U1","ts":"1704103200.000100","text":"key {secret}"}}"#)
}

fn kinds(report: &ScanReport) -> Vec<ProblemKind> {
    report.problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn a_truncated_record_costs_no_other_and_is_scanned() {
    let (first, last) = (token(200), token(201));
    let day = format!("[{},{}", message(&first), &message(&last)[..message(&last).len() - 2]);
    let report = scan_dir(&slack(day));
    only(&report, &first);
    only(&report, &last);
    assert!(kinds(&report).contains(&ProblemKind::Malformed), "{:?}", report.problems);
}

#[test]
fn bad_bytes_and_bombs_cost_their_record() {
    let secrets: Vec<String> = (210..214).map(token).collect();
    let mut day = format!("[{},", message(&secrets[0])).into_bytes();
    day.extend(message(&secrets[1]).replace("key", "k\u{1}y").replace("U1", "\u{fffd}").bytes());
    day.extend(b",{\"text\":\"caf\xe9\"},");
    day.extend("[".repeat(100_000).bytes());
    day.extend("]".repeat(100_000).bytes());
    day.extend(format!(",{},{{\"a\":@}},{}]", message(&secrets[2]), message(&secrets[3])).bytes());
    let report = scan_dir(&slack(day));
    secrets.iter().for_each(|secret| drop(only(&report, secret).clone()));
    assert_eq!(kinds(&report), [ProblemKind::Malformed, ProblemKind::Malformed], "{:?}", report.problems);
}

#[test]
fn regression_what_stands_between_the_parts_of_a_record_is_scanned() {
    let (stray, secret) = (token(214), token(215));
    for (before, between) in [
        ("\"user\":", format!("{stray} \"user\":")),
        ("\"U1\"", format!("{stray}\"U1\"")),
        ("\"U1\"", format!("\"U1\"{stray}")),
        ("\"user\"", format!("\"user\"{stray}")),
        ("\"U1\"", stray.clone()),
    ] {
        let day = format!("[{},{}]", message(&secret).replace(before, &between), message(&token(216)));
        let report = scan_dir(&slack(day));
        [&secret, &stray].into_iter().for_each(|secret| drop(only(&report, secret).clone()));
        assert!(only(&report, &token(216)).author.is_some());
        assert_eq!(kinds(&report), [ProblemKind::Malformed], "{:?}", report.problems);
    }
}

#[test]
fn a_zip_without_its_directory_is_read_front_to_back() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(220);
    let mut bytes = slack(format!("[{}]", message(&secret))).zip_bytes();
    let directory = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes.truncate(directory);
    let path = dir.path().join("cut.zip");
    std::fs::write(&path, bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    only(&report, &secret);
    assert!(kinds(&report).contains(&ProblemKind::Truncated), "{:?}", report.problems);
}

#[test]
fn a_tar_that_is_cut_off_gives_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(230);
    let mut files = slack(format!("[{}]", message(&secret)));
    let noise: Vec<u8> = (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    files.add("general/picture.bin", noise);
    let mut bytes = files.tar_gz_bytes();
    bytes.truncate(bytes.len() / 2);
    let path = dir.path().join("cut.tar.gz");
    std::fs::write(&path, bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    only(&report, &secret);
    assert!(!report.problems.is_empty());
}

#[test]
fn limits_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(240);
    let mut files = slack(format!("[{}]", message(&secret)));
    let mut inner = Files::default();
    inner.add("zero.bin", vec![0_u8; 80 << 20]);
    files.add("general/bomb.zip", inner.zip_bytes());
    let mut deep = Files::default();
    deep.add("leaf.txt", "leaf");
    for depth in 0..8 {
        let mut around = Files::default();
        around.add(&format!("{depth}.zip"), deep.zip_bytes());
        deep = around;
    }
    files.add("general/deep.zip", deep.zip_bytes());
    let path = files.zip(&dir.path().join("export.zip"));
    let limits = ExportLimits { ratio: 10, ..ExportLimits::default() };
    let report = scan_export(&path, ExportOptions { limits, ..ExportOptions::default() });
    only(&report, &secret);
    assert_eq!(kinds(&report), [ProblemKind::Limit, ProblemKind::Limit], "{:?}", report.problems);
}

#[test]
fn regression_a_key_that_is_a_secret_is_found_and_hidden() {
    let [key, secret] = [258, 259].map(token);
    let metadata = format!(r#""text":"see","metadata":{{"{key}":{{"v":"z {secret}"}}}}"#);
    let day = format!("[{}]", message("x").replace("\"text\":\"key x\"", &metadata));
    let report = scan_dir(&slack(day));
    only(&report, &secret);
    assert_eq!(only(&report, &key).field, "metadata");
    for format in ["human", "json", "sarif"] {
        let text = written(format, &report, &ReportOptions::default());
        assert!(!text.contains(&key[6..]), "{format}: {text}");
    }
}

#[test]
fn what_is_no_export_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "text").unwrap();
    let open = |path: &Path| Export::open(path, ExportOptions::default());
    assert!(matches!(open(dir.path()), Err(ExportError::Unknown { .. })));
    assert!(matches!(open(&dir.path().join("none")), Err(ExportError::Open { .. })));
    let options = ExportOptions { format: Some("nonsense".to_owned()), ..ExportOptions::default() };
    assert!(matches!(Export::open(dir.path(), options), Err(ExportError::Format { .. })));
}

#[test]
fn any_number_of_threads_tells_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = slack("[]");
    for day in 1..=20 {
        files.add(&format!("general/2024-02-{day:02}.json"), format!("[{}]", message(&token(300 + day))));
    }
    let path = files.zip(&dir.path().join("export.zip"));
    let report = |threads| {
        let export = Export::open(&path, ExportOptions::default()).unwrap();
        format!("{:?}", crate::engine::scan(&Scanner::builtin(), &export, threads).findings)
    };
    assert_eq!(report(1), report(4));
}

/// Makes a record with a text.
type Make = Box<dyn Fn(&str) -> String>;

/// What pages and texts of messages begin with: Telegram's, Discord's, Teams', and Discord's as text.
fn pages() -> [String; 4] {
    let rule = "=".repeat(62);
    [
        "<html><body onload=\"CheckLocation();\"><div class=\"page_wrap\"><div class=\"page_body chat_page\"><div class=\"history\">".to_owned(),
        "<html><style>.chatlog__message-group{}</style><div class=preamble__entry>a</div><div class=chatlog__message-group>".to_owned(),
        "<html><style>.message--author{} .message__author{} .message__content{}</style><body>".to_owned(),
        format!("{rule}\nGuild: a\nChannel: b\n{rule}\n\n"),
    ]
}

/// A system, what stands before its records, how they are joined, and one of them.
type System = (&'static str, String, &'static str, Make);

/// The same of pages and texts.
fn shown() -> Vec<System> {
    let [chat, channel, transcript, text] = pages();
    let shown = |class: &str, inner: &str| format!("<div class=\"message {class}\" id=\"message9\">{inner}</div>\n");
    vec![
        (
            "telegram",
            chat,
            "",
            Box::new(move |text| shown("default clearfix", &format!("<div class=\"text\">{text}</div>"))),
        ),
        (
            "discord",
            channel,
            "",
            Box::new(|text| {
                format!(
                    "<div class=chatlog__message-container data-message-id=9><div class=chatlog__content>{text}</div></div>"
                )
            }),
        ),
        (
            "teams",
            transcript,
            "",
            Box::new(move |text| shown("message--author", &format!("<div class=\"message__content\">{text}</div>"))),
        ),
        ("discord", text, "\n\n", Box::new(|text| format!("[1/1/2024 12:00 PM] ada\n{text}"))),
    ]
}

/// A record of each system with a list of them.
fn systems() -> Vec<System> {
    let discord = r#"{"guild":{"id":"1","name":"a"},"channel":{"id":"2","name":"b"},"dateRange":{},"messages":["#;
    let telegram = r#"{"name":"a","type":"private_group","id":1,"messages":["#;
    let zulip = r#"{"zerver_message":["#;
    let bugzilla = "<bugzilla version=\"5\" urlbase=\"https://x.y/\"><bug><bug_id>7</bug_id>";
    let matrix = r#"{"room_name":"a","room_creator":"b","topic":"","export_date":"c","exported_by":"d","messages":["#;
    let trello = r#"{"id":"1","name":"a","idOrganization":"b","prefs":{},"shortLink":"c","actions":["#;
    let servicenow = "<unload unload_date=\"2024-01-01 10:00:00\">";
    let redmine = r#"{"issues":["#;
    vec![
        (
            "discord",
            discord.to_owned(),
            ",",
            Box::new(|text| format!(r#"{{"id":"9","content":"{text}","author":{{"id":"3"}}}}"#)),
        ),
        ("telegram", telegram.to_owned(), ",", Box::new(|text| format!(r#"{{"id":9,"text":"{text}"}}"#))),
        (
            "zulip",
            zulip.to_owned(),
            ",",
            Box::new(|text| format!(r#"{{"id":9,"sender":1,"recipient":2,"content":"{text}"}}"#)),
        ),
        (
            "matrix",
            matrix.to_owned(),
            ",",
            Box::new(|text| format!(r#"{{"event_id":"9","content":{{"body":"{text}"}}}}"#)),
        ),
        ("trello", trello.to_owned(), ",", Box::new(|text| format!(r#"{{"id":"9","data":{{"text":"{text}"}}}}"#))),
        (
            "redmine",
            redmine.to_owned(),
            ",",
            Box::new(|text| {
                format!(r#"{{"id":9,"tracker":{{}},"subject":"a","created_on":"b","description":"{text}"}}"#)
            }),
        ),
        (
            "mattermost",
            "{\"type\":\"version\",\"version\":1}\n".to_owned(),
            "\n",
            Box::new(|text| format!(r#"{{"type":"post","post":{{"user":"a","message":"{text}"}}}}"#)),
        ),
        (
            "bugzilla",
            bugzilla.to_owned(),
            "",
            Box::new(|text| format!("<long_desc><thetext>{text}</thetext></long_desc>")),
        ),
        (
            "servicenow",
            servicenow.to_owned(),
            "",
            Box::new(|text| {
                format!(
                    "<incident action=\"INSERT_OR_UPDATE\"><sys_id>9</sys_id><description>{text}</description></incident>"
                )
            }),
        ),
        (
            "asana",
            "Task ID,Created At,Name,Section/Column,Assignee,Notes\n".to_owned(),
            "\n",
            Box::new(|text| format!("9,2024-01-01,a,b,c,\"{text}\"")),
        ),
    ]
}

#[test]
fn no_system_loses_a_record_to_a_broken_one() {
    for (index, (system, head, between, record)) in systems().into_iter().chain(shown()).enumerate() {
        let secrets: Vec<String> = (0..3).map(|number| token(3000 + 10 * index as u64 + number)).collect();
        let mut file = head.into_bytes();
        // Bytes that aren't UTF-8, control characters, brackets without end and quotes in odd places; then an end in the middle.
        let records: Vec<String> = secrets.iter().map(|secret| record(&format!("key {secret} end"))).collect();
        file.extend(records[0].replace("key", "k\u{1}y").bytes());
        file.extend(between.bytes());
        file.extend(record("caf@").bytes().map(|byte| if byte == b'@' { 0xe9 } else { byte }));
        file.extend(between.bytes());
        if between == "," {
            file.extend(format!("{}{},", "[".repeat(9_000), "]".repeat(9_000)).bytes());
        }
        file.extend(records[1].bytes());
        file.extend(between.bytes());
        let cut = records[2].find(" end").unwrap();
        file.extend(records[2][..cut].bytes());
        let report = scan_file("wrong.extension", file, None);
        for secret in &secrets {
            let found = report.findings.iter().filter(|finding| finding.secret.expose() == secret.as_bytes());
            assert_eq!(found.count(), 1, "{system}: {secret:?} {:#?}", report.problems);
        }
        assert_eq!(report.exports.iter().map(|export| export.system.as_str()).collect::<Vec<_>>(), [system]);
        assert!(between != "," || kinds(&report).contains(&ProblemKind::Malformed), "{system}: {:?}", report.problems);
    }
}

#[test]
fn what_is_no_export_is_never_passed_over_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path| Export::open(path, ExportOptions::default());
    for (name, content) in [("noise.zip", &b"\xbf\xc2\x2d\xb0 no archive"[..]), ("empty.zip", b""), ("a.json", b"{}")] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert!(matches!(open(&path), Err(ExportError::Unknown { .. })), "{name}");
    }
    // Its archives might hold one: that they don't is known once they were read.
    let mut files = Files::default();
    files.add("letter.txt", format!("key {}", token(230)));
    let outer = dir.path().join("outer");
    std::fs::create_dir(&outer).unwrap();
    files.zip(&outer.join("inner.zip"));
    let report = scan_export(&outer, ExportOptions::default());
    only(&report, &token(230));
    assert_eq!(kinds(&report), [ProblemKind::Unsupported], "{:?}", report.problems);
}

/// Damage that a text survives: a control character, a byte that is no UTF-8.
fn dirty(text: &str) -> Vec<u8> {
    let mut bytes = text.replace("key", "k\u{1}y").into_bytes();
    let at = memchr::memmem::find(&bytes, b"end").unwrap();
    bytes.insert(at, 0xe9);
    bytes
}

/// A text that goes beyond every buffer, with a secret at its end.
fn long(secret: &str) -> String {
    format!("{} key {secret} end", "nothing here ".repeat(180_000))
}

/// Is each of the secrets found once, by that system alone?
fn all_found(files: &Files, system: &str, secrets: &[String]) {
    let dir = tempfile::tempdir().unwrap();
    for path in [files.dir(&dir.path().join("dir")), files.zip(&dir.path().join("export.zip"))] {
        let report = scan_export(&path, ExportOptions::default());
        for secret in secrets {
            let found = report.findings.iter().filter(|finding| finding.secret.expose() == secret.as_bytes());
            let places: Vec<usize> = found.map(|finding| finding.occurrences.len()).collect();
            assert_eq!(places, [1], "{system} {}: {:?}", path.display(), report.problems);
        }
        assert_eq!(report.exports.iter().map(|export| export.system.as_str()).collect::<Vec<_>>(), [system]);
    }
}

/// Records one after the other: dirty ones, one of 2 MB, a bomb of brackets, and one that is cut off.
fn records(secrets: &[String], between: &str, record: &dyn Fn(&str) -> String) -> Vec<u8> {
    let text = |index: usize| format!("key {} end", secrets[index]);
    let mut file = dirty(&record(&text(0)));
    file.extend(between.bytes());
    file.extend(record(&long(&secrets[1])).bytes());
    file.extend(format!("{between}{}{}{between}", "[".repeat(9_000), "]".repeat(9_000)).bytes());
    file.extend(record(&text(2)).bytes());
    file.extend(between.bytes());
    let last = record(&text(3));
    file.extend(last[..last.find(" end").unwrap()].bytes());
    file
}

#[test]
fn projects_of_gitlab_survive() {
    let secrets: [String; 4] = std::array::from_fn(|index| token(3_200 + index as u64));
    let issue = |text: &str| format!(r#"{{"id":1,"iid":7,"title":"a","description":"{text}","notes":[]}}"#);
    let mut files = Files::default();
    // Nobody's names.
    files
        .add("VERSION", "0.2.4")
        .add("tree/project.json", "{\"visibility_level\":10,\"description\":")
        .add("tree/project/issues.ndjson", records(&secrets, "\n", &issue));
    all_found(&files, "gitlab", &secrets);
}

#[test]
fn spaces_of_google_chat_survive() {
    let secrets: [String; 4] = std::array::from_fn(|index| token(3_210 + index as u64));
    let message = |text: &str| {
        format!(
            r#"{{"creator":{{"name":"Ada"}},"created_date":"no date","text":"{text}","topic_id":"t","message_id":"AAAA/t/m"}}"#
        )
    };
    let mut content = br#"{"messages":["#.to_vec();
    content.extend(records(&secrets, ",", &message));
    let mut files = Files::default();
    let root = "Takeout/Google Chat/Groups/Space AAAA";
    files.add(&format!("{root}/group_info.json"), "{").add(&format!("{root}/messages.json"), content);
    all_found(&files, "google-chat", &secrets);
}

#[test]
fn pages_of_notion_survive() {
    let secrets: [String; 5] = std::array::from_fn(|index| token(3_220 + index as u64));
    let name = |index: u64, end: &str| format!("Ops/Page {index}123456789abcdef0123456789abcdef.{end}");
    let page = |text: &str| {
        format!("<html><body><article id=\"x\" class=\"page\">{}<p>&bomb;{text}</p>", "<div>".repeat(20_000))
    };
    let table = [
        &b"Name,Notes,Notes,Name\nx,\""[..],
        &dirty(&format!("key {} end", secrets[3])),
        b"\",a\ny,\"key ",
        secrets[4].as_bytes(),
    ];
    let mut files = Files::default();
    files
        .add(&name(0, "html"), dirty(&page(&format!("key {} end", secrets[0]))))
        .add(&name(1, "html"), page(&long(&secrets[1])))
        .add(&name(2, "md"), dirty(&format!("# Page\n\nkey {} end", secrets[2])))
        .add(&name(3, "csv"), table.concat())
        .add(&name(4, "html"), "");
    all_found(&files, "notion", &secrets);
}

#[test]
fn issues_of_linear_survive() {
    let secrets: [String; 4] = std::array::from_fn(|index| token(3_230 + index as u64));
    let issue = |text: &str| {
        format!(
            r#"{{"identifier":"OPS-7","title":"a","url":"https://linear.app/a/issue/OPS-7","description":"{text}"}}"#
        )
    };
    let mut files = Files::default();
    let mut content = b"[".to_vec();
    content.extend(records(&secrets, ",", &issue));
    files.add("linear.json", content);
    all_found(&files, "linear", &secrets);
    // A table: columns of one name, a row too short, one too long, a quote that is never closed.
    let row = |text: &str| format!("OPS-7,Ops,a,\"{text}\",1,b,1,2024-01-01");
    let mut table = b"ID,Team,Title,Description,Estimate,Creator,Cycle Number,Created,Description\n".to_vec();
    table.extend(dirty(&row(&format!("key {} end", secrets[0]))));
    table.extend(format!("\nOPS-8\n{},,,,,,,,,\n", row(&long(&secrets[1]))).bytes());
    table.extend(format!("OPS-9,Ops,a,\"key {} end\n{}", secrets[2], row(&format!("key {}", secrets[3]))).bytes());
    let mut files = Files::default();
    files.add("export.csv", table);
    all_found(&files, "linear", &secrets);
}

#[test]
fn dumps_of_rocketchat_survive() {
    let secrets: [String; 4] = std::array::from_fn(|index| token(3_240 + index as u64));
    let message = |text: &str| {
        bson::doc! {"_id": "m", "rid": "GENERAL", "msg": text, "ts": bson::DateTime::from_millis(0), "u": {"_id": "u", "username": "ada"}}
            .to_vec()
            .unwrap()
    };
    let text = |index: usize| format!("key {} end", secrets[index]);
    let mut first = message(&text(0));
    let at = memchr::memmem::find(&first, b"end").unwrap();
    (first[at], first[at + 1]) = (0xe9, 1);
    // Documents in documents without end, by their kind and length alone.
    let mut deep = bson::doc! {"a": 1};
    (0..300).for_each(|_| deep = bson::doc! {"a": deep.clone()});
    // A length that promises more than there is.
    let last = message(&text(3));
    let messages = [
        first,
        message(&long(&secrets[1])),
        deep.to_vec().unwrap(),
        message(&text(2)),
        last[..last.len() - 20].to_vec(),
    ];
    let mut files = Files::default();
    files.add("rocketchat_message.bson", messages.concat()).add("rocketchat_room.bson", b"\x05\0\0\0\0\xff\xff");
    all_found(&files, "rocketchat", &secrets);
}

#[test]
fn pages_of_confluence_survive() {
    let secrets: [String; 3] = std::array::from_fn(|index| token(3_250 + index as u64));
    let page = |text: &str| {
        format!(
            "<!DOCTYPE html [<!ENTITY b \"&b;&b;\">]>\n<html><body><div id=\"breadcrumb-section\"></div><div id=\"main-content\">{}<p>&b;{text}</p>",
            "<div>".repeat(20_000)
        )
    };
    let mut files = Files::default();
    files
        .add("OPS/index.html", "<html><body><div id=\"main-content\"><a href=\"a_1.html\">a</a><p>Document generated by Confluence on Jan 02, 2024 10:00</p>")
        .add("OPS/a_1.html", dirty(&page(&format!("key {} end", secrets[0]))))
        .add("OPS/b_2.html", page(&long(&secrets[1])))
        .add("OPS/c_3.html", page(&format!("key {}", secrets[2])))
        .add("OPS/attachments/9/9.txt", "nothing");
    let dir = tempfile::tempdir().unwrap();
    let options = || ExportOptions { format: Some("confluence-html".to_owned()), ..ExportOptions::default() };
    let report = scan_export(&files.zip(&dir.path().join("html.zip")), options());
    secrets.iter().for_each(|secret| drop(only(&report, secret).clone()));
    assert_eq!(report.exports[0].system, "confluence-html");
}

#[test]
fn pages_of_messages_survive() {
    let [chat, channel, transcript, text] = pages();
    let forms: [(&str, &str, String, Make); 4] = [
        (
            "telegram",
            "messages.html",
            chat,
            Box::new(|text| {
                format!("<div class=\"message default clearfix\" id=\"message9\"><div class=\"text\">{text}</div>")
            }),
        ),
        (
            "discord",
            "Acme - general [77].html",
            channel,
            Box::new(|text| {
                format!(
                    "<div class=chatlog__message-container data-message-id=9><div class=chatlog__content>{text}</div>"
                )
            }),
        ),
        (
            "teams",
            "chat.html",
            transcript,
            Box::new(|text| {
                format!("<div class=\"message message--author\"><div class=\"message__content\">{text}</div>")
            }),
        ),
        ("discord", "Acme - general [77].txt", text, Box::new(|text| format!("\n\n[1/1/2024 12:00 PM] ada\n{text}"))),
    ];
    for (index, (system, name, head, message)) in forms.into_iter().enumerate() {
        let secrets: [String; 6] = std::array::from_fn(|number| token(3_300 + 10 * index as u64 + number as u64));
        let text = |number: usize| format!("key {} end", secrets[number]);
        let mut page = head.into_bytes();
        page.extend(dirty(&message(&text(0))));
        page.extend(message(&long(&secrets[1])).bytes());
        // Elements without end, a comment, an attribute and a script that are never closed.
        page.extend(message(&format!("{}{}", "<div>".repeat(100_000), text(2))).bytes());
        page.extend(message(&format!("</div></span>{} <b title=\"open> {}", "</i>".repeat(100_000), text(3))).bytes());
        page.extend(message(&format!("{} <script> {}", "<b a='x'>".repeat(100_000), text(4))).bytes());
        let last = message(&format!("<!-- {}", text(5)));
        page.extend(last[..last.find(" end").unwrap()].bytes());
        let mut files = Files::default();
        files.add(name, page);
        all_found(&files, system, &secrets);
    }
}

/// What is told of a message holds for all of it, however long it is; and the next one is told for itself.
#[test]
fn a_message_longer_than_is_held_keeps_its_author() {
    let [chat, .., text] = pages();
    let secrets: [String; 4] = std::array::from_fn(|number| token(3_350 + number as u64));
    let body = format!("{} key {} end", "nothing here ".repeat(1_400_000), secrets[0]);
    let message = |who: &str, text: &str| {
        format!(
            "<div class=\"message default\" id=\"message1\"><div class=\"from_name\">{who}</div><div class=\"text\">{text}</div></div>"
        )
    };
    let page = format!("{chat}{}{}", message("ada", &body), message("bob", &secrets[1]));
    let body = body.replace(&secrets[0], &secrets[2]);
    let text = format!("{text}[1/1/2024 12:00 PM] ada\n{body}\n\n[1/1/2024 12:00 PM] bob\n{}\n", secrets[3]);
    let who = |report: &ScanReport, secret: &str| only(report, secret).author.clone().unwrap().name.unwrap();
    let reports = [scan_file("messages.html", page, None), scan_file("a [7].txt", text, None)];
    for (report, secrets) in reports.iter().zip(secrets.chunks(2)) {
        assert_eq!((who(report, &secrets[0]), who(report, &secrets[1])), ("ada".to_owned(), "bob".to_owned()));
    }
}
