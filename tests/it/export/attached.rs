//! Files that stand in records: archives among them are looked into, and a cut goes through a secret nowhere.

use bson::{doc, oid::ObjectId};
use unleak::model::Revision::Current;

use unleak::{
    model::Part,
    report::{self, ReportOptions},
};

use super::{
    plant::{Files, check, only, scan_all, scan_file, token},
    servicenow::packed,
};

/// A zip with a secret in a file of it.
fn archive(secret: &str) -> Vec<u8> {
    let mut files = Files::default();
    files.add("etc/.env", format!("GITLAB_TOKEN={secret}\n"));
    files.zip_bytes()
}

#[test]
fn to_bugs_of_bugzilla() {
    let secret = token(1300);
    let data = data_encoding::BASE64.encode(&archive(&secret));
    let bug = format!(
        "<?xml version=\"1.0\"?>\n<bugzilla version=\"5.0\" urlbase=\"https://bugs.example.com/\"><bug><bug_id>7</bug_id><short_desc>x</short_desc>\
         <attachment isprivate=\"0\"><attachid>5</attachid><date>2024-01-01 10:00:00 +0000</date><filename>etc.zip</filename><attacher name=\"Bob B\">bob@example.com</attacher>\
         <data encoding=\"base64\">{data}</data></attachment></bug></bugzilla>"
    );
    let report = scan_file("bug.xml", bug, None);
    let expected = "- Bob B <bob@example.com> 2024-01-01T10:00:00Z https://bugs.example.com/attachment.cgi?id=5";
    check(&report, "bugzilla", &[(&secret, expected, Current)]);
    let attachment = only(&report, &secret).attachment.as_ref().unwrap();
    assert_eq!((attachment.name.as_deref(), attachment.path.as_deref()), (Some("etc.zip"), Some("etc/.env")));
}

#[test]
fn to_records_of_servicenow() {
    let secret = token(1301);
    let unload = format!(
        "<?xml version=\"1.0\"?><unload unload_date=\"2024-02-01 10:00:00\"><sys_attachment action=\"INSERT_OR_UPDATE\"><file_name>etc.zip</file_name><sys_created_by>bob</sys_created_by>\
         <sys_created_on>2024-01-01 10:00:00</sys_created_on><sys_id>f1</sys_id><table_name>incident</table_name><table_sys_id>a7</table_sys_id></sys_attachment>\
         <sys_attachment_doc><data>{}</data><sys_attachment>f1</sys_attachment></sys_attachment_doc></unload>",
        packed(archive(&secret))
    );
    let report = scan_file("incident.xml", unload, Some("https://acme.service-now.com"));
    let expected = "bob - <-> 2024-01-01T10:00:00Z https://acme.service-now.com/incident.do?sys_id=a7";
    check(&report, "servicenow", &[(&secret, expected, Current)]);
    let attachment = only(&report, &secret).attachment.as_ref().unwrap();
    assert_eq!((attachment.name.as_deref(), attachment.path.as_deref()), (Some("etc.zip"), Some("etc/.env")));
}

#[test]
fn to_messages_of_rocketchat() {
    let secret = token(1302);
    let bytes = archive(&secret);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let dump = |document: bson::Document| document.to_vec().unwrap();
    let chunk = |n: i32, data: &[u8]| {
        let data = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: data.to_vec() };
        dump(doc! {"_id": ObjectId::from_bytes([n as u8; 12]), "files_id": "f1", "n": n, "data": data})
    };
    let message = doc! {"_id": "m0", "rid": "GENERAL", "msg": "", "ts": bson::DateTime::from_millis(1_704_103_200_000),
    "u": {"_id": "u2", "username": "bob"}, "file": {"_id": "f1", "name": "etc.zip"}};
    let mut files = Files::default();
    files
        .add("rocketchat_message.bson", dump(message))
        .add("rocketchat_room.bson", dump(doc! {"_id": "GENERAL", "t": "c", "name": "general"}))
        .add("rocketchat_uploads.chunks.bson", [chunk(0, first), chunk(1, second)].concat());
    scan_all(&files, Some("https://chat.example.com"), &|report| {
        let expected = "u2 bob <-> 2024-01-01T10:00:00Z https://chat.example.com/channel/general?msg=m0";
        check(report, "rocketchat", &[(&secret, expected, Current)]);
        let attachment = only(report, &secret).attachment.as_ref().unwrap();
        assert_eq!((attachment.name.as_deref(), attachment.path.as_deref()), (Some("etc.zip"), Some("etc/.env")));
    });
}

/// What a file is called is shown in every report, so a secret in it has to be found.
#[test]
fn with_secrets_in_their_names() {
    let [posted, packed, inside, path] = [token(1310), token(1311), token(1312), token(1313)];
    let mut attached = Files::default();
    attached.add(&format!("{packed}/.env"), format!("GITLAB_TOKEN={inside}\n"));
    let message = serde_json::json!([{"type": "message", "user": "U1", "ts": "1704103440.000500", "text": "a file",
        "files": [{"id": "F01AAAA", "name": format!("{posted}.zip")}]}]);
    let mut files = Files::default();
    files
        .add("users.json", r#"[{"id": "U1", "team_id": "T1", "name": "ada", "profile": {"real_name": "Ada L"}}]"#)
        .add("channels.json", r#"[{"id": "C1", "name": "general", "creator": "U1", "members": ["U1"]}]"#)
        .add("general/2024-01-01.json", message.to_string())
        .add(&format!("general/{path}.txt"), "nothing")
        .add("__uploads/F01AAAA/a.zip", attached.zip_bytes());
    scan_all(&files, None, &|report| {
        // The name that the message gives it is found there.
        for (secret, part) in [(&posted, Part::Content), (&packed, Part::Name), (&path, Part::Name)] {
            let found = report.findings.iter().find(|finding| finding.secret.expose() == secret.as_bytes());
            let occurrences = &found.unwrap_or_else(|| panic!("{:#?}", report.findings)).occurrences;
            assert!(occurrences.iter().any(|occurrence| occurrence.part == part), "{occurrences:#?}");
        }
        assert_eq!(only(report, &inside).attachment.as_ref().unwrap().path, Some(format!("{packed}/.env")));
        for format in report::FORMATS {
            let mut out = Vec::new();
            format.reporter.write(report, &ReportOptions::default(), &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!([&posted, &packed, &inside, &path].iter().all(|secret| !out.contains(*secret)), "{out}");
        }
    });
}
