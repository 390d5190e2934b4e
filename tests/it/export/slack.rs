mod copies;
mod shapes;

use serde_json::{Value, json};
use unleak::{
    model::{PermalinkBasis, Revision, Visibility},
    report::{GroupBy, ReportOptions},
    source::export::ExportOptions,
};

use super::{
    plant::{Files, only, scan_export, token, told},
    raw::row,
};
use crate::report::sample::written;

/// As Slack writes JSON: every slash with a backslash.
fn slack_json(value: &Value) -> String {
    value.to_string().replace('/', "\\/")
}

fn people() -> Value {
    json!([
        {"id": "U01", "team_id": "T01", "name": "ada", "real_name": "Ada L", "profile": {"real_name": "Ada L", "email": "ada@example.com", "avatar_hash": "g6e7071ea93d"}},
        {"id": "U02", "team_id": "T01", "name": "bob", "profile": {"real_name": "Bob B", "email": "bob@example.com"}},
    ])
}

/// Five secrets: plain, in a code block, in a link, edited away, in an attached file.
fn export(tokens: &[String; 5]) -> Files {
    let [plain, code, link, old, attached] = tokens;
    let day = json!([
        {
            "type": "message", "user": "U01", "team": "T01", "ts": "1704103200.000100", "client_msg_id": "8c1e-1",
            "text": format!("the key is {plain} &amp; it works"),
            "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
                {"type": "text", "text": "the key is "}, {"type": "text", "text": &plain[..9]}, {"type": "text", "text": &plain[9..]},
                {"type": "text", "text": " & it works"}]}]}],
        },
        {
            "type": "message", "user": "U02", "ts": "1704103260.000200", "thread_ts": "1704103200.000100",
            "text": format!("```export GITLAB_TOKEN={code}```"),
            "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [
                {"type": "text", "text": format!("export GITLAB_TOKEN={code}")}]}]}],
        },
        {
            "type": "message", "user": "U02", "ts": "1704103320.000300",
            "text": format!("see <https://git.example.com/x?private_token={link}&amp;y=1|the page>"),
        },
        {
            "type": "message", "subtype": "message_changed", "ts": "1704103390.000450",
            "message": {"type": "message", "user": "U01", "ts": "1704103380.000400", "text": "never mind", "edited": {"user": "U01", "ts": "1704103390.000000"}},
            "previous_message": {"type": "message", "user": "U01", "ts": "1704103380.000400", "text": format!("use {old} please")},
        },
        {
            "type": "message", "user": "U02", "ts": "1704103440.000500", "text": "a file",
            "files": [{"id": "F0AAAA1", "name": "notes.txt", "title": "notes", "permalink": "https://acme.slack.com/files/U02/F0AAAA1/notes.txt",
                "url_private": format!("https://files.slack.com/files-pri/T01-F0AAAA1/notes.txt?t=xoxe-{}", "1".repeat(12) + "-" + &"a".repeat(40))}],
        },
    ]);
    let mut files = Files::default();
    files
        .add("users.json", slack_json(&people()))
        .add("channels.json", slack_json(&json!([{"id": "C01", "name": "general", "creator": "U01", "created": "1700000000", "members": ["U01", "U02", "U03"], "topic": {"value": "all"}}])))
        .add("general/2024-01-01.json", slack_json(&day))
        .add("__uploads/F0AAAA1/notes.txt", format!("password list\ntoken={attached}\n"));
    files
}

fn check(report: &unleak::model::ScanReport, tokens: &[String; 5]) {
    let site = "https://acme.slack.com/archives/C01";
    let places: Vec<_> = tokens.iter().map(|token| only(report, token)).collect();
    let told: Vec<String> = places.iter().map(|place| told(place)).collect();
    assert_eq!(told[0], format!("U01 Ada L <ada@example.com> 2024-01-01T10:00:00.0001Z {site}/p1704103200000100"));
    assert_eq!(
        told[1],
        format!(
            "U02 Bob B <bob@example.com> 2024-01-01T10:01:00.0002Z {site}/p1704103260000200?thread_ts=1704103200.000100&cid=C01"
        )
    );
    assert_eq!(told[2], format!("U02 Bob B <bob@example.com> 2024-01-01T10:02:00.0003Z {site}/p1704103320000300"));
    assert_eq!(told[3], format!("U01 Ada L <ada@example.com> 2024-01-01T10:03:00.0004Z {site}/p1704103380000400"));
    assert_eq!(told[4], format!("U02 Bob B <bob@example.com> 2024-01-01T10:04:00.0005Z {site}/p1704103440000500"));
    assert_eq!((places[0].field.as_str(), places[0].revision), ("blocks", Revision::Current));
    assert_eq!((places[3].field.as_str(), places[3].revision), ("previous_message.text", Revision::Old));
    assert_eq!(places[4].attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
    for place in places {
        assert_eq!((place.visibility, place.readers), (Some(Visibility::Public), Some(3)));
        assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Derived);
        let container = place.container.as_ref().unwrap();
        assert_eq!((container.id.as_deref(), container.name.as_deref()), (Some("C01"), Some("general")));
    }
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.exports.len(), 1);
    assert_eq!(report.exports[0].system, "slack");
    assert!(report.exports[0].signs.len() >= 2);
    assert_eq!(report.notices.iter().map(|notice| notice.kind.as_str()).collect::<Vec<_>>(), ["export-file-token"]);
    assert!(!report.findings.iter().any(|finding| finding.secret.expose().starts_with(b"xoxe-")));
}

#[test]
fn a_channels_topic_is_of_the_one_who_set_it() {
    let [topic, purpose, name, picture, _] = tokens(40);
    let channel = json!([{"id": "C01", "name": "general", "creator": "U01", "created": 1_580_000_000, "old_name": name,
        "topic": {"value": format!("use {topic}"), "creator": "U02", "last_set": 1_704_103_200},
        "purpose": {"value": format!("for {purpose}"), "creator": "", "last_set": 0}}]);
    let day = json!([{"type": "message", "user": "U01", "ts": "1704103200.000100", "text": "see",
        "blocks": [{"type": "image", "alt_text": "x", "image_url": format!("https://g.example/r.png?private_token={picture}&a=b")}]}]);
    let mut files = Files::default();
    files
        .add("users.json", people().to_string())
        .add("channels.json", slack_json(&channel))
        .add("general/2024-01-01.json", slack_json(&day));
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    let who = |token: &str| {
        let place = only(&report, token);
        let time = place.time.as_ref().and_then(|time| time.utc.clone());
        (place.field.clone(), place.author.as_ref().and_then(|author| author.id.clone()), time)
    };
    let expected = |field: &str, id: Option<&str>, time: Option<&str>| {
        (field.to_owned(), id.map(str::to_owned), time.map(str::to_owned))
    };
    assert_eq!(who(&topic), expected("topic", Some("U02"), Some("2024-01-01T10:00:00Z")));
    assert_eq!(who(&purpose), expected("purpose", None, None));
    assert_eq!(who(&name), expected("old_name", Some("U01"), Some("2020-01-26T00:53:20Z")));
    assert_eq!(only(&report, &picture).author.as_ref().unwrap().id.as_deref(), Some("U01"));
}

#[test]
fn files_of_other_systems_beside_it_take_nothing_away() {
    let [text, ..] = tokens(45);
    let rich = json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
        {"type": "text", "text": &text[..9]}, {"type": "text", "text": &text[9..]}]}]}]);
    let day = json!([{"type": "message", "user": "U01", "ts": "1704103200.000100", "text": "see", "blocks": rich}]);
    let telegram = json!({"name": "c", "type": "private_supergroup", "id": 1, "messages": [
        {"id": 1, "type": "message", "date_unixtime": "1700000000", "from": "I", "from_id": "user1", "text": "hi"}]});
    let mattermost = r#"{"type":"version","version":1}
{"type":"channel","channel":{"team":"t","name":"c","display_name":"c","type":"O"}}
{"type":"post","post":{"team":"t","channel":"c","user":"u","message":"hi","create_at":1704103200000}}
"#;
    let mut files = Files::default();
    files
        .add("users.json", people().to_string())
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", slack_json(&day))
        .add("result.json", telegram.to_string())
        .add("import.jsonl", mattermost);
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    assert!(report.exports.len() >= 3, "{:?}", report.exports);
    let place = only(&report, &text);
    assert_eq!((place.system.as_str(), place.author.as_ref().unwrap().id.as_deref()), ("slack", Some("U01")));
}

#[test]
fn messages_of_programs_and_messages_passed_on() {
    let [text, block, shared, edited, answered] = tokens(30);
    let section = |text: &str| json!([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]);
    let rich = |text: &str| {
        json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "text", "text": &text[..9]}, {"type": "text", "text": &text[9..]}]}]}])
    };
    let day = json!([
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "deploy", "ts": "1704103200.000100", "text": "",
            "attachments": [{"text": format!("deployed with {text}"), "mrkdwn_in": ["text"]}, {"blocks": section(&block)}]},
        {"type": "message", "user": "U01", "ts": "1704103201.000100", "text": "see",
            "attachments": [{"is_share": true, "text": "above", "message_blocks": [{"channel": "C02", "message": {"blocks": rich(&shared)}}]}]},
        {"type": "message", "subtype": "message_changed", "ts": "1704103202.000200",
            "message": {"type": "message", "user": "U01", "ts": "1704103202.000100", "text": "x", "attachments": [{"text": edited}]}},
        {"type": "message", "subtype": "thread_broadcast", "user": "U01", "ts": "1704103204.000100", "text": "yes", "thread_ts": "1704103203.000100",
            "root": {"type": "message", "user": "U02", "ts": "1704103203.000100", "text": format!("is {answered} old?")}},
        {"type": "message", "user": "U02", "ts": "1704103203.000100", "text": format!("is {answered} old?")},
    ]);
    let mut files = Files::default();
    files
        .add("users.json", people().to_string())
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", slack_json(&day));
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    let fields = [&text, &block, &shared, &edited].map(|token| only(&report, token).field.as_str());
    assert_eq!(fields, ["attachments.text", "attachments.blocks", "attachments.blocks", "message.attachments.text"]);
    // Once, as said by the one who said it.
    assert_eq!(only(&report, &answered).author.as_ref().unwrap().id.as_deref(), Some("U02"));
}

fn tokens(from: u64) -> [String; 5] {
    std::array::from_fn(|index| token(from + index as u64))
}

#[test]
fn every_secret_once_in_a_directory_a_zip_and_a_tar() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(1);
    let files = export(&tokens);
    let paths = [files.dir(&dir.path().join("dir")), files.zip(&dir.path().join("export.zip")), {
        let path = dir.path().join("export.tar.gz");
        std::fs::write(&path, files.tar_gz_bytes()).unwrap();
        path
    }];
    for path in paths {
        check(&scan_export(&path, ExportOptions::default()), &tokens);
    }
}

#[test]
fn an_archive_attached_to_a_message_is_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    let (tokens, inner) = (tokens(10), token(20));
    let mut files = export(&tokens);
    let mut nested = Files::default();
    nested.add("deep/config.txt", format!("token = {inner}\n"));
    files.add("__uploads/F0AAAA1/notes.zip", nested.zip_bytes());
    let report = scan_export(&files.zip(&dir.path().join("export.zip")), ExportOptions::default());
    let place = only(&report, &inner);
    assert!(told(place).starts_with("U02 Bob B"), "{}", told(place));
    assert_eq!(place.attachment.as_ref().unwrap().path.as_deref(), Some("deep/config.txt"));
    assert_eq!(place.physical.member, "__uploads/F0AAAA1/notes.zip!deep/config.txt");
}

#[test]
fn an_export_in_a_zip_in_a_zip_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(30);
    let mut outer = Files::default();
    outer.add("readme.txt", "see inside").add("part-1.zip", export(&tokens).zip_bytes());
    check(&scan_export(&outer.zip(&dir.path().join("outer.zip")), ExportOptions::default()), &tokens);
}

#[test]
fn without_lists_and_with_an_address_given() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(40);
    let mut files = export(&tokens);
    files.0.retain(|(path, _)| path != "users.json");
    let options = ExportOptions { base_url: Some("https://other.slack.com".to_owned()), ..ExportOptions::default() };
    let report = scan_export(&files.dir(dir.path()), options);
    let place = only(&report, &tokens[0]);
    assert_eq!(
        told(place),
        "U01 - <-> 2024-01-01T10:00:00.0001Z https://other.slack.com/archives/C01/p1704103200000100"
    );
}

#[test]
fn channels_as_slackdump_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, reply, attached, code, link] = std::array::from_fn(|index| token(50 + index as u64));
    let document = json!({
        "channel_id": "C0ABCDEFG", "name": "ops",
        "messages": [
            {"type": "message", "user": "U01", "ts": "1704103200.000100", "text": format!("key {plain}"), "blocks": null,
             "slackdump_thread_replies": [
                {"type": "message", "user": "U02", "ts": "1704103260.000200", "thread_ts": "1704103200.000100", "text": format!("or {reply}")}]},
            {"type": "message", "user": "U02", "ts": "1704103320.000300", "text": format!("```export GITLAB_TOKEN={code}```")},
            {"type": "message", "user": "U02", "ts": "1704103380.000400", "text": format!("see <https://git.example.com/x?private_token={link}&amp;y=1|the page>")},
            {"type": "message", "user": "U02", "ts": "1704103440.000500", "text": "a file",
             "files": [{"id": "F0AAAA1", "name": "notes.txt", "permalink": "https://acme.slack.com/files/U02/F0AAAA1/notes.txt"}]}
        ]
    });
    let mut files = Files::default();
    files.add("C0ABCDEFG.json", document.to_string()).add("C0ABCDEFG/F0AAAA1-notes.txt", format!("token={attached}\n"));
    row("slackdump-dump", &files, [&plain, &code, &link, "", &attached]);
    let report = scan_export(&files.zip(&dir.path().join("dump.zip")), ExportOptions::default());
    let site = "https://acme.slack.com/archives/C0ABCDEFG";
    assert_eq!(told(only(&report, &plain)), format!("U01 - <-> 2024-01-01T10:00:00.0001Z {site}/p1704103200000100"));
    assert_eq!(
        told(only(&report, &reply)),
        format!(
            "U02 - <-> 2024-01-01T10:01:00.0002Z {site}/p1704103260000200?thread_ts=1704103200.000100&cid=C0ABCDEFG"
        )
    );
    for (secret, at, ts) in [(&code, "02:00.0003", "1704103320000300"), (&link, "03:00.0004", "1704103380000400")] {
        assert_eq!(told(only(&report, secret)), format!("U02 - <-> 2024-01-01T10:{at}Z {site}/p{ts}"));
    }
    assert_eq!(told(only(&report, &attached)), format!("U02 - <-> 2024-01-01T10:04:00.0005Z {site}/p1704103440000500"));
    assert_eq!(only(&report, &attached).container.as_ref().unwrap().name.as_deref(), Some("ops"));
    assert_eq!(report.exports[0].system, "slackdump-dump");
}

#[test]
fn archives_as_slackdump_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, attached, code, link] = std::array::from_fn(|index| token(60 + index as u64));
    let gz = |lines: &[String]| {
        use std::io::Write as _;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        lines.iter().for_each(|line| writeln!(gz, "{line}").unwrap());
        gz.finish().unwrap()
    };
    // Keys in slackdump's order.
    let workspace = r#"{"t":6,"ts":1,"w":{"url":"https://acme.slack.com/","team":"Acme","team_id":"T01"}}"#.to_owned();
    let channel =
        r#"{"t":5,"ts":2,"id":"C0ABCDEFG","ci":{"id":"C0ABCDEFG","name":"ops","is_private":true,"num_members":7}}"#
            .to_owned();
    let messages = format!(
        r#"{{"t":0,"ts":3,"id":"C0ABCDEFG","n":1,"m":[{{"type":"message","user":"U01","ts":"1704103200.000100","text":"key {plain}","files":[{{"id":"F0AAAA1","name":"notes.txt"}}]}}]}}"#
    );
    let thread = format!(
        r#"{{"t":1,"ts":3,"id":"C0ABCDEFG","n":2,"r":"1704103200.000100","m":[{{"type":"message","user":"U02","ts":"1704103260.000200","text":"```TOKEN={code}```"}},{{"type":"message","user":"U02","ts":"1704103320.000300","text":"see <https://git.example.com/x?private_token={link}&amp;y=1|x>"}}]}}"#
    );
    let people = format!(r#"{{"t":3,"ts":4,"n":2,"u":{}}}"#, people());
    let mut files = Files::default();
    files
        .add("workspace.json.gz", gz(&[workspace]))
        .add("C0ABCDEFG.json.gz", gz(&[channel, messages, thread]))
        .add("users.json.gz", gz(&[people]))
        .add("__uploads/F0AAAA1/notes.txt", format!("token={attached}\n"));
    row("slackdump-chunks", &files, [&plain, &code, &link, "", &attached]);
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    for (secret, at, ts) in [(&code, "01:00.0002", "1704103260000200"), (&link, "02:00.0003", "1704103320000300")] {
        let expected =
            format!("U02 Bob B <bob@example.com> 2024-01-01T10:{at}Z https://acme.slack.com/archives/C0ABCDEFG/p{ts}");
        assert_eq!(told(only(&report, secret)), expected);
    }
    let expected = "U01 Ada L <ada@example.com> 2024-01-01T10:00:00.0001Z https://acme.slack.com/archives/C0ABCDEFG/p1704103200000100";
    for token in [&plain, &attached] {
        let place = only(&report, token);
        assert_eq!(told(place), expected);
        assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
        assert_eq!((place.visibility, place.readers), (Some(Visibility::Private), Some(7)));
        assert_eq!(place.workspace.as_deref(), Some("T01"));
    }
}

#[test]
fn as_raw_files_less_is_found_and_nobody_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(80);
    let path = export(&tokens).dir(dir.path());
    let files = unleak::source::Files::new(vec![path.clone()], unleak::source::FileOptions::default()).unwrap();
    let raw = crate::engine::scan(&unleak::Scanner::builtin(), &files, 1);
    let places = |report: &unleak::model::ScanReport| {
        let of = |token: &String| {
            report
                .findings
                .iter()
                .filter(|finding| finding.secret.expose() == token.as_bytes())
                .map(|finding| finding.occurrences.len())
                .sum::<usize>()
        };
        tokens.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(places(&scan_export(&path, ExportOptions::default())), [1; 5]);
    // docs/exports.md has these numbers; split runs of text are what a raw scan misses in files with blocks alone.
    assert_eq!(places(&raw), [1, 2, 1, 1, 1]);
    let noise = |report: &unleak::model::ScanReport| {
        report.findings.iter().filter(|finding| finding.secret.expose().starts_with(b"xoxe-")).count()
    };
    assert_eq!(noise(&scan_export(&path, ExportOptions::default())), 0);
}

#[test]
fn regression_blocks_in_other_shapes_and_what_was_edited_away() {
    let secrets: Vec<String> = (0..13).map(|index| token(760 + index)).collect();
    let [text, cut, object, strings, button, attached, passed, initial, previous, said, long, inner, old_block] =
        secrets.as_slice()
    else {
        unreachable!("as many as were made");
    };
    let rich = |text: &str| {
        json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "text", "text": &text[..9]}, {"type": "text", "text": &text[9..]}]}]}])
    };
    let mut day: Vec<Value> = [
        json!({"blocks": rich(text).to_string()}),
        json!({"blocks": format!(r#"[{{"type": "rich_text", "x": "{cut}"#)}),
        json!({"blocks": {"0": rich(object)[0]}}),
        json!({"blocks": [strings]}),
        json!({"blocks": [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "go"},
            "url": format!("https://git.example.com/x?private_token={button}")}]}]}),
        json!({"attachments": [{"blocks": rich(attached).to_string()}]}),
        json!({"attachments": [{"message_blocks": json!([{"message": {"blocks": rich(passed)}}]).to_string()}]}),
        json!({"blocks": [{"type": "input", "element": {"type": "plain_text_input", "initial_value": initial}}]}),
        json!({"subtype": "message_changed", "message": {"text": "new"},
            "previous_message": {"text": "old", "attachments": [{"text": previous}, {"blocks": rich(old_block)}]}}),
        json!({"subtype": "message_changed", "message": {"text": "new"}, "previous_message": said}),
        json!({"text": {"more": long}}),
        json!({"subtype": "bot_message", "message": {"text": inner}}),
    ]
    .into();
    for (index, message) in day.iter_mut().enumerate() {
        (message["type"], message["user"]) = (json!("message"), json!("U01"));
        message["ts"] = json!(format!("17041032{index:02}.000100"));
    }
    let mut files = Files::default();
    files
        .add("users.json", people().to_string())
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", slack_json(&Value::Array(day)));
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    for secret in &secrets {
        let is_old = [previous, said, old_block].contains(&secret);
        let expected = if is_old { Revision::Old } else { Revision::Current };
        assert_eq!(only(&report, secret).revision, expected, "{secret}");
    }
}

/// A channel of each of a Grid's workspaces and one that they share, all with messages.
fn grid(tokens: &[String; 3]) -> Files {
    let [alpha, beta, shared] = tokens;
    let message = |secret: &str, site: Option<&str>| {
        let files =
            site.map(|site| json!([{"id": "F1", "permalink": format!("https://{site}.slack.com/files/U01/F1/x")}]));
        json!([{"type": "message", "user": "U01", "team": "T01", "ts": "1704103200.000100", "text": format!("use {secret}"), "files": files}])
    };
    let mut files = Files::default();
    files
        .add("org_users.json", people().to_string())
        .add("channels.json", r#"[{"id":"CS1","name":"shared"}]"#)
        .add("shared/2024-01-01.json", message(shared, None).to_string());
    for (site, id, secret, readers) in [("alpha", "CA1", alpha, 1), ("beta", "CB1", beta, 3)] {
        let members = (0..readers).map(|n| format!("U0{n}")).collect::<Vec<_>>();
        let channels = json!([{"id": id, "name": "general", "members": members}]);
        let groups =
            if site == "beta" { json!([{"id": "GB1", "name": "shared", "members": ["U01"]}]) } else { json!([]) };
        files
            .add(&format!("teams/{site}/users.json"), people().to_string())
            .add(&format!("teams/{site}/channels.json"), channels.to_string())
            .add(&format!("teams/{site}/groups.json"), groups.to_string())
            .add(&format!("teams/{site}/general/2024-01-01.json"), message(secret, Some(site)).to_string());
    }
    files
}

#[test]
fn regression_channels_of_one_name_in_two_workspaces() {
    let tokens = [token(790), token(791), token(792)];
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&grid(&tokens).dir(dir.path()), ExportOptions::default());
    let expected = [
        (
            Some("alpha"),
            "CA1",
            Visibility::Public,
            Some(1),
            Some("https://alpha.slack.com/archives/CA1/p1704103200000100"),
        ),
        (
            Some("beta"),
            "CB1",
            Visibility::Public,
            Some(3),
            Some("https://beta.slack.com/archives/CB1/p1704103200000100"),
        ),
        (None, "CS1", Visibility::Public, None, None),
    ];
    for (token, (workspace, id, visibility, readers, link)) in tokens.iter().zip(expected) {
        let place = only(&report, token);
        assert_eq!(place.workspace.as_deref(), workspace);
        assert_eq!(place.container.as_ref().unwrap().id.as_deref(), Some(id));
        assert_eq!((place.visibility, place.readers), (Some(visibility), readers));
        assert_eq!(place.permalink.as_ref().map(|link| link.url.as_str()), link);
    }
    let options = ReportOptions { group_by: Some(GroupBy::Container), ..ReportOptions::default() };
    let text = written("human", &report, &options);
    for group in ["channel general (alpha)", "channel general (beta)", "channel shared"] {
        assert!(text.contains(&format!("== {group} (1 secret)")), "{group}: {text}");
    }
}

#[test]
fn regression_without_an_address_the_workspace_leads_to_the_channel() {
    let (told, foreign) = (token(793), token(794));
    let day = json!([
        {"type": "message", "user": "U01", "team": "T012AB", "ts": "1704103200.000100", "text": format!("use {told}")},
        {"type": "message", "user": "U09", "team": "T099ZZ", "source_team": "T099ZZ", "user_team": "T099ZZ", "ts": "1704103201.000100", "text": format!("or {foreign}")},
    ]);
    let mut files = Files::default();
    files
        .add("users.json", people().to_string().replace("T01", "T012AB"))
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", day.to_string());
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    for token in [&told, &foreign] {
        let place = only(&report, token);
        let link = place.permalink.as_ref().unwrap();
        assert_eq!((link.url.as_str(), link.basis), ("https://app.slack.com/client/T012AB/C01", PermalinkBasis::Guess));
        assert_eq!(place.workspace.as_deref(), Some("T012AB"));
    }
}

#[test]
fn regression_what_is_left_of_a_cut_file_is_of_its_channel() {
    let secret = token(795);
    let mut files = Files::default();
    files
        .add("users.json", people().to_string())
        .add("channels.json", r#"[{"id":"C01","name":"general"}]"#)
        .add("general/2024-01-01.json", format!(r#"[{{"type":"message","user":"U01","text":"use {secret} pl"#));
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    let container = only(&report, &secret).container.clone().unwrap();
    assert_eq!((container.id.as_deref(), container.name.as_deref()), (Some("C01"), Some("general")));
    assert!(!report.problems.is_empty());
}
