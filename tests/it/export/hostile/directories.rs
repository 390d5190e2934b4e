//! Whose a file is that lies among others, or alone in a folder.

use super::*;

#[test]
fn two_systems_in_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (token(250), token(251));
    let mut files = slack(format!("[{}]", message(&first)));
    files.add(
        "dump/C0ABCDEFG.json",
        format!(r#"{{"channel_id":"C0ABCDEFG","name":"x","messages":[{}]}}"#, message(&second)),
    );
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    assert_eq!(only(&report, &first).system, "slack");
    assert_eq!(only(&report, &second).system, "slackdump-dump");
    assert_eq!(report.exports.len(), 2);
}

/// A chat of Telegram with a secret in two runs.
fn chat(secret: &str) -> String {
    let (a, b) = secret.split_at(9);
    format!(
        r#"{{"name":"Ops","type":"private_group","id":9,"messages":[{{"id":1,"type":"message","date":"2024-01-01T10:00:00",
        "from":"Ada","from_id":"user1","text":["it is ",{{"type":"bold","text":"{a}"}},{{"type":"italic","text":"{b}"}}]}}]}}"#
    )
}

#[test]
fn regression_a_file_is_of_the_system_that_knows_it() {
    let [secret, said] = [252, 253].map(token);
    let mut slack = slack(format!("[{}]", message(&said)));
    slack.add("groups.json", "[]").add("dms.json", "[]").add("mpims.json", "[]");
    let mut migration = Files::default();
    migration
        .add("schema.json", r#"{"version":"1.2.0","github_sha":"x"}"#)
        .add("repositories_000001.json", "[]")
        .add("users_000001.json", "[]")
        .add("issues_000001.json", format!(r#"[{{"type":"issue","body":"key {said}","title":"t"}}]"#));
    for (system, mut files) in [("slack", slack), ("github-migration", migration)] {
        files.add("result.json", chat(&secret));
        let report = scan_dir(&files);
        let place = only(&report, &secret);
        assert_eq!((place.system.as_str(), place.author.as_ref().unwrap().id.as_deref()), ("telegram", Some("user1")));
        assert_eq!(only(&report, &said).system, system);
        assert_eq!(report.exports.len(), 2);
    }
}

#[test]
fn regression_one_file_may_lie_in_a_folder() {
    let secret = token(254);
    let room = |secret: &str| {
        let events = format!(
            r#"[{{"type":"m.room.message","sender":"@a:b.c","content":{{"body":"key {secret}"}},"origin_server_ts":1704103200000,"event_id":"$e","room_id":"!r"}}]"#
        );
        format!(
            r#"{{"room_name":"Ops","room_creator":"@a:b.c","export_date":"1/1/2024","exported_by":"a","messages":{events}}}"#
        )
    };
    let entities = format!(
        "<?xml version=\"1.0\"?>\n<entity-engine-xml>\n<ApplicationUser id=\"1\" userKey=\"a\"/>\n<Action id=\"1\" author=\"a\" type=\"comment\" body=\"key {secret}\"/>\n</entity-engine-xml>\n"
    );
    for (system, path, content) in [
        ("telegram", "ChatExport_2023-11-14/result.json", chat(&secret)),
        ("matrix", "Ops/export.json", room(&secret)),
        ("jira-backup", "backup/entities.xml", entities),
    ] {
        let mut files = Files::default();
        files.add(path, content);
        scan_all(&files, None, &|report| {
            let place = only(report, &secret);
            assert_eq!((place.system.as_str(), place.record.is_some()), (system, true), "{place:?}");
            assert_eq!((report.exports.len(), report.problems.len()), (1, 0), "{:?}", report.problems);
        });
    }
}

#[test]
fn regression_what_macos_notes_beside_files_is_no_part_of_an_export() {
    let [secret, noted, hidden] = [255, 256, 257].map(token);
    let notes = |text: &str| [b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", text.as_bytes()].concat();
    let mut files = slack(format!("[{}]", message(&secret)));
    files
        .add("._channels.json", notes(""))
        .add("general/._2024-01-01.json", notes(&format!("\ntoken={noted}\n")))
        .add("general/._x.json", format!("[{}]", message(&hidden)));
    let mut one = Files::default();
    one.add("Ops/result.json", chat(&secret))
        .add("__MACOSX/Ops/._result.json", notes(&noted))
        .add("Ops/._x", notes(&hidden));
    for files in [&files, &one] {
        scan_all(files, None, &|report| {
            assert!(only(report, &secret).author.is_some());
            assert!(only(report, &noted).author.is_none());
            only(report, &hidden);
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        });
    }
}

#[test]
fn what_no_system_claims_is_scanned_as_a_file() {
    let secret = token(260);
    let mut files = slack("[]");
    files.add("backup/.env", format!("GITLAB_TOKEN={secret}\n"));
    let report = scan_dir(&files);
    let found = report.findings.iter().find(|finding| finding.secret.expose() == secret.as_bytes()).unwrap();
    let path = found.occurrences[0].provenance.path().unwrap();
    assert!(path.ends_with("backup/.env"), "{path:?}");
}

#[test]
fn systems_that_are_files_share_a_directory() {
    let secrets: [String; 3] = std::array::from_fn(|index| token(3_260 + index as u64));
    let mut files = Files::default();
    files
        .add("board.json", format!(r#"{{"id":"1","name":"a","idOrganization":"b","prefs":{{}},"shortLink":"c","cards":[{{"id":"9","desc":"key {}"}}]}}"#, secrets[0]))
        .add("issues.json", format!(r#"{{"issues":[{{"id":9,"tracker":{{}},"subject":"a","created_on":"b","description":"key {}"}}]}}"#, secrets[1]))
        .add("bugs.xml", format!("<bugzilla version=\"5\" urlbase=\"https://x.y/\"><bug><bug_id>7</bug_id><short_desc>key {}</short_desc></bug></bugzilla>", secrets[2]));
    let report = scan_dir(&files);
    for (secret, system) in secrets.iter().zip(["trello", "redmine", "bugzilla"]) {
        assert_eq!(only(&report, secret).system, system);
    }
    assert_eq!(report.exports.len(), 3, "{:?}", report.exports);
}
