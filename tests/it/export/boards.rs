//! Boards and trackers whose export is one file: Trello, Linear, Asana, Redmine, Bugzilla.

use serde_json::{Value, json};
use unleak::model::{
    Revision::{Current, Old},
    Visibility,
};

use super::{
    plant::{check, five, in_code, in_link, only, scan_each},
    raw::row_of,
};

#[test]
fn a_board_of_trello() {
    let [plain, code, link, old, linked] = &five(1060);
    let action = |id: u64, kind: &str, data: Value| {
        let mut data = data;
        data["card"]["shortLink"] = "Cc01".into();
        json!({"id": format!("6592c00000000000000000a{id}"), "idMemberCreator": "m2", "type": kind, "date": format!("2024-01-01T10:0{id}:00.000Z"), "data": data,
            "memberCreator": {"id": "m2", "fullName": "Bob B", "username": "bob"}})
    };
    // What the board is comes before what is on it.
    let head = r#"{"id": "6592c0000000000000000001", "name": "Ops", "desc": "", "idOrganization": "o1", "prefs": {"permissionLevel": "private"}, "shortLink": "Bb01", "shortUrl": "https://trello.com/b/Bb01","#;
    let board = json!({"actions": [action(1, "commentCard", json!({"text": in_code(code)})), action(2, "commentCard", json!({"text": in_link(link)})),
            action(3, "updateCard", json!({"old": {"desc": format!("use {old} please")}, "card": {"desc": "removed"}}))],
        "cards": [{"id": "65928d200000000000000002", "name": "can't log in", "desc": format!("the key is {plain}"), "shortLink": "Cc01", "shortUrl": "https://trello.com/c/Cc01",
            "attachments": [{"id": "a1", "name": "x", "url": format!("https://git.example.com/x?private_token={linked}&y=1"), "date": "2024-01-01T10:04:00.000Z", "idMember": "m1"}]}],
        "members": [{"id": "m1", "fullName": "Ada L", "username": "ada"}]});
    let board = format!("{head}{}", &board.to_string()[1..]);
    row_of("trello", ("board.json", board.as_str()), [plain, code, link, old, ""]);
    for report in scan_each("board.json", board, None) {
        let bob = |id: u64, link: &str| format!("m2 Bob B <-> 2024-01-01T10:0{id}:00Z https://trello.com/c/Cc01{link}");
        check(
            &report,
            "trello",
            &[
                (plain, "- - <-> 2024-01-01T10:00:00Z https://trello.com/c/Cc01", Current),
                (code, &bob(1, "#comment-6592c00000000000000000a1"), Current),
                (link, &bob(2, "#comment-6592c00000000000000000a2"), Current),
                (old, &bob(3, ""), Old),
                (linked, "m1 Ada L <-> 2024-01-01T10:04:00Z https://trello.com/c/Cc01", Current),
            ],
        );
        assert_eq!(only(&report, plain).container.as_ref().unwrap().name.as_deref(), Some("Ops"));
    }
}

#[test]
fn issues_of_linear() {
    let [plain, code, link, old, row] = &five(1070);
    let url = "https://linear.app/acme/issue/OPS-7";
    let person = |name: &str| json!({"id": name, "name": name.to_uppercase(), "email": format!("{name}@example.com")});
    let at = |minute: u64| format!("2024-01-01T10:0{minute}:00.000Z");
    let comment = |id: u64, text: String| json!({"id": format!("c{id}"), "body": text, "user": person("bob"), "createdAt": at(id), "url": format!("{url}#comment-{id}")});
    let page = json!({"data": {"issues": {"nodes": [{"id": "u1", "identifier": "OPS-7", "title": "can't log in", "description": format!("the key is {plain}"), "url": url,
        "createdAt": at(0), "creator": person("ada"), "team": {"key": "OPS", "name": "Ops"},
        "comments": {"nodes": [comment(1, in_code(code)), comment(2, in_link(link))]},
        "history": {"nodes": [{"id": "h1", "createdAt": at(3), "actor": person("bob"), "fromTitle": format!("use {old} please"), "toTitle": "can't log in"}]}}]}}});
    row_of("linear", ("linear.json", page.to_string()), [plain, code, link, old, ""]);
    for report in scan_each("linear.json", page.to_string(), None) {
        let bob = |id: u64| format!("bob BOB <bob@example.com> 2024-01-01T10:0{id}:00Z {url}#comment-{id}");
        check(
            &report,
            "linear",
            &[
                (plain, &format!("ada ADA <ada@example.com> 2024-01-01T10:00:00Z {url}"), Current),
                (code, &bob(1), Current),
                (link, &bob(2), Current),
                (old, &format!("bob BOB <bob@example.com> 2024-01-01T10:03:00Z {url}"), Old),
            ],
        );
    }
    let table = format!(
        "ID,Team,Title,Description,Status,Estimate,Priority,Project,Creator,Assignee,Labels,Cycle Number,Created,Updated\n\
         OPS-8,Ops,can't,\"{}\",Todo,1,High,,ada@example.com,,,,2024-01-01T10:04:00.000Z,\n",
        in_code(row)
    );
    for report in scan_each("export.csv", table, Some("https://linear.app/acme")) {
        check(
            &report,
            "linear",
            &[(row, "- - <ada@example.com> 2024-01-01T10:04:00Z https://linear.app/acme/issue/OPS-8", Current)],
        );
    }
}

#[test]
fn tasks_of_asana() {
    let [plain, code, link, old, row] = &five(1080);
    let at = |minute: u64| format!("2024-01-01T10:0{minute}:00.000Z");
    let story = |id: u64, text: &str| json!({"gid": format!("90{id}"), "resource_type": "story", "type": "comment", "text": text, "created_at": at(id), "created_by": {"gid": "2", "name": "Bob B", "resource_type": "user"}});
    let mut renamed = story(3, "changed the name");
    renamed["old_name"] = format!("use {old} please").into();
    let page = json!({"data": [{"gid": "77", "resource_type": "task", "name": "can't log in", "notes": format!("the key is {plain}"), "created_at": at(0),
        "created_by": {"gid": "1", "name": "Ada L", "resource_type": "user"}, "permalink_url": "https://app.asana.com/0/66/77", "projects": [{"gid": "66", "name": "Ops"}],
        "stories": [story(1, &in_code(code)), story(2, &in_link(link)), renamed]}]});
    row_of("asana", ("project.json", page.to_string()), [plain, code, link, old, ""]);
    for report in scan_each("project.json", page.to_string(), None) {
        let bob = |id: u64| format!("2 Bob B <-> 2024-01-01T10:0{id}:00Z https://app.asana.com/0/0/77/90{id}");
        check(
            &report,
            "asana",
            &[
                (plain, "1 Ada L <-> 2024-01-01T10:00:00Z https://app.asana.com/0/66/77", Current),
                (code, &bob(1), Current),
                (link, &bob(2), Current),
                (old, &bob(3), Old),
            ],
        );
    }
    let table = format!(
        "Task ID,Created At,Completed At,Last Modified,Name,Section/Column,Assignee,Assignee Email,Notes,Projects\n\
         78,2024-01-01,,,can't,,Ada,ada@example.com,\"{}\",Ops\n",
        in_code(row)
    );
    for report in scan_each("project.csv", table, None) {
        check(&report, "asana", &[(row, "- - <-> - https://app.asana.com/0/0/78", Current)]);
    }
}

#[test]
fn issues_of_redmine_in_three_forms() {
    let [plain, code, link, old, row] = &five(1090);
    let site = "https://redmine.example.com";
    let at = |minute: u64| format!("2024-01-01T10:0{minute}:00Z");
    let journal = |id: u64, text: &str, details: Value| json!({"id": id, "user": {"id": 2, "name": "Bob B"}, "notes": text, "created_on": at(id), "private_notes": id == 2, "details": details});
    let page = json!({"issues": [{"id": 7, "project": {"id": 1, "name": "Ops"}, "tracker": {"id": 1, "name": "Bug"}, "author": {"id": 1, "name": "Ada L"},
        "subject": "can't log in", "description": format!("the key is {plain}"), "created_on": at(0), "updated_on": at(9),
        "attachments": [{"id": 3, "filename": "a.txt", "content_url": format!("{site}/attachments/download/3/a.txt"), "author": {"id": 1, "name": "Ada L"}, "created_on": at(0)}],
        "journals": [journal(1, &in_code(code), json!([])), journal(2, &in_link(link), json!([])),
            journal(3, "", json!([{"property": "attr", "name": "description", "old_value": format!("use {old} please"), "new_value": "removed"}]))]}], "total_count": 1});
    let element = format!(
        "<?xml version=\"1.0\"?><issues total_count=\"1\" type=\"array\"><issue><id>7</id><project id=\"1\" name=\"Ops\"/><tracker id=\"1\" name=\"Bug\"/><author id=\"1\" name=\"Ada L\"/>\
         <subject>can't</subject><description>the key is {plain}</description><created_on>{}</created_on><updated_on>{}</updated_on>\
         <attachments type=\"array\"><attachment><id>3</id><content_url>{site}/attachments/download/3/a.txt</content_url></attachment></attachments>\
         <journals type=\"array\"><journal id=\"1\"><user id=\"2\" name=\"Bob B\"/><notes>```export TOKEN={code}```</notes><created_on>{}</created_on></journal>\
         <journal id=\"2\"><user id=\"2\" name=\"Bob B\"/><notes>https://git.example.com/x?private_token={link}&amp;y=1</notes><private_notes>true</private_notes><created_on>{}</created_on></journal>\
         <journal id=\"3\"><user id=\"2\" name=\"Bob B\"/><notes/><created_on>{}</created_on><details type=\"array\"><detail property=\"attr\" name=\"description\"><old_value>use {old} please</old_value></detail></details></journal>\
         </journals></issue></issues>",
        at(0),
        at(9),
        at(1),
        at(2),
        at(3)
    );
    row_of("redmine", ("issues.json", page.to_string()), [plain, code, link, old, ""]);
    for (name, text) in [
        ("issues.json", page.to_string()),
        ("issues.xml", element),
        ("issue.json", json!({"issue": page["issues"][0]}).to_string()),
    ] {
        for report in scan_each(name, text, None) {
            let bob = |id: u64| format!("2 Bob B <-> 2024-01-01T10:0{id}:00Z {site}/issues/7#change-{id}");
            check(
                &report,
                "redmine",
                &[
                    (plain, &format!("1 Ada L <-> 2024-01-01T10:00:00Z {site}/issues/7"), Current),
                    (code, &bob(1), Current),
                    (link, &bob(2), Current),
                    (old, &bob(3), Old),
                ],
            );
            assert_eq!(only(&report, link).visibility, Some(Visibility::Private));
        }
    }
    let table = format!(
        "#,Project,Tracker,Status,Priority,Subject,Author,Updated,Description\n8,Ops,Bug,New,Normal,can't,Ada L,,\"{}\"\n",
        in_code(row)
    );
    for report in scan_each("issues.csv", table, Some(site)) {
        check(&report, "redmine", &[(row, &format!("- Ada L <-> - {site}/issues/8"), Current)]);
    }
}

#[test]
fn comments_of_bugzilla_in_base64() {
    let [plain, ..] = &five(1180);
    let packed = data_encoding::BASE64.encode(format!("the key is {plain}\u{1}").as_bytes());
    let bug = format!(
        "<bugzilla version=\"5.0\" urlbase=\"https://bugs.example.com/\"><bug><bug_id>7</bug_id><short_desc>a</short_desc><long_desc><who name=\"Ada L\">ada@example.com</who><bug_when>2024-01-01 10:00:00 +0000</bug_when><thetext encoding=\"base64\">{packed}</thetext></long_desc></bug></bugzilla>"
    );
    for report in scan_each("bugs.xml", bug, None) {
        let url = "https://bugs.example.com/show_bug.cgi?id=7";
        check(
            &report,
            "bugzilla",
            &[(plain, &format!("- Ada L <ada@example.com> 2024-01-01T10:00:00Z {url}"), Current)],
        );
    }
}

#[test]
fn bugs_of_bugzilla() {
    let [plain, code, link, old, attached] = &five(1100);
    let site = "https://bugs.example.com/";
    let data = data_encoding::BASE64.encode(format!("token={attached}\n").as_bytes());
    let comment = |number: u64, who: (&str, &str), text: &str| {
        format!(
            "<long_desc isprivate=\"{}\"><commentid>{number}1</commentid><comment_count>{number}</comment_count><who name=\"{}\">{}</who><bug_when>2024-01-01 10:0{number}:00 +0000</bug_when><thetext>{}</thetext></long_desc>",
            u8::from(number == 2),
            who.0,
            who.1,
            text.replace('&', "&amp;")
        )
    };
    let (ada, bob) = (("Ada L", "ada@example.com"), ("Bob B", "bob@example.com"));
    let bug = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE bugzilla SYSTEM \"x\">\n<bugzilla version=\"5.0\" urlbase=\"{site}\" maintainer=\"x@example.com\"><bug><bug_id>7</bug_id><creation_ts>2024-01-01 10:00:00 +0000</creation_ts>\
         <short_desc>can't log in</short_desc><product>Ops</product><reporter name=\"Ada L\">ada@example.com</reporter>{}{}{}\
         <attachment isobsolete=\"0\" isprivate=\"0\"><attachid>5</attachid><date>2024-01-01 10:04:00 +0000</date><desc>notes</desc><filename>notes.txt</filename><type>text/plain</type>\
         <attacher name=\"Bob B\">bob@example.com</attacher><data encoding=\"base64\">{}\n{}</data></attachment></bug></bugzilla>",
        comment(0, ada, &format!("the key is {plain}")),
        comment(1, bob, &in_code(code)),
        comment(2, bob, &in_link(link)),
        &data[..20],
        &data[20..]
    );
    row_of("bugzilla", ("bugs.xml", bug.as_str()), [plain, code, link, "", attached]);
    for report in scan_each("bugs.xml", bug, None) {
        let told = |who: (&str, &str), number: u64| {
            format!("- {} <{}> 2024-01-01T10:0{number}:00Z {site}show_bug.cgi?id=7#c{number}", who.0, who.1)
        };
        check(
            &report,
            "bugzilla",
            &[
                (plain, &told(ada, 0), Current),
                (code, &told(bob, 1), Current),
                (link, &told(bob, 2), Current),
                (
                    attached,
                    &format!("- Bob B <bob@example.com> 2024-01-01T10:04:00Z {site}attachment.cgi?id=5"),
                    Current,
                ),
            ],
        );
        assert_eq!(only(&report, link).visibility, Some(Visibility::Private));
        assert_eq!(only(&report, attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
    }
    let at = |minute: u64| format!("2024-01-01T10:0{minute}:00Z");
    let page = json!({"bugs": [{"id": 7, "summary": "can't", "creator": "ada@example.com", "creation_time": at(0), "product": "Ops",
        "comments": [{"id": 1, "bug_id": 7, "count": 0, "creator": "ada@example.com", "creation_time": at(0), "text": format!("the key is {plain}")}],
        "history": [{"who": "bob@example.com", "when": at(3), "changes": [{"field_name": "whiteboard", "removed": format!("use {old} please"), "added": ""}]}]}]});
    for report in scan_each("bugs.json", page.to_string(), Some(site)) {
        check(
            &report,
            "bugzilla",
            &[
                (plain, &format!("- - <ada@example.com> 2024-01-01T10:00:00Z {site}show_bug.cgi?id=7#c0"), Current),
                (old, &format!("- - <bob@example.com> 2024-01-01T10:03:00Z {site}show_bug.cgi?id=7"), Old),
            ],
        );
    }
    let comments = json!({"bugs": {"7": {"comments": [{"id": 1, "bug_id": 7, "count": 0, "creator": "ada@example.com", "creation_time": at(0), "text": format!("the key is {plain}")}]}}, "comments": {}});
    for report in scan_each("comments.json", comments.to_string(), Some(site)) {
        check(
            &report,
            "bugzilla",
            &[(plain, &format!("- - <ada@example.com> 2024-01-01T10:00:00Z {site}show_bug.cgi?id=7#c0"), Current)],
        );
    }
}

#[test]
fn regression_a_login_is_no_address() {
    let secret = super::plant::token(1108);
    let bug = format!(
        "<?xml version=\"1.0\"?>\n<bugzilla version=\"5.0\" urlbase=\"https://bugs.example.com/\"><bug><bug_id>7</bug_id><short_desc>x</short_desc>\
         <long_desc><who name=\"Ada L\">ada</who><thetext>use {secret}</thetext></long_desc></bug></bugzilla>"
    );
    for report in scan_each("bugs.xml", bug, None) {
        let author = only(&report, &secret).author.clone().unwrap();
        assert_eq!((author.id.as_deref(), author.email), (Some("ada"), None));
    }
}
