use serde_json::{Value, json};
use unleak::{
    model::{PermalinkBasis, Revision},
    source::export::ExportOptions,
};

use super::{
    plant::{only, scan_each, scan_export, scan_file, token, told},
    raw::row_of,
};

const SITE: &str = "https://acme.atlassian.net";

fn person(id: &str, name: &str) -> Value {
    json!({"accountId": id, "displayName": name, "emailAddress": format!("{id}@example.com"), "avatarUrls": {"48x48": format!("{SITE}/a?s=48")}})
}

/// A document of Atlassian's: its text in two runs, then the same kind of node in a block of code.
fn document(text: &str, node: &str) -> Value {
    let (a, b) = text.split_at(text.len() / 2);
    json!({"type": "doc", "version": 1, "content": [{"type": node, "content": [
        {"type": "text", "text": a}, {"type": "text", "text": b, "marks": [{"type": "strong"}]}]}]})
}

/// Plain, in a block of code, in a link, edited away; attached files are no part of it.
fn issue([plain, code, link, old]: [&str; 4]) -> Value {
    let linked = json!({"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "here",
        "marks": [{"type": "link", "attrs": {"href": format!("https://git.example.com/x?private_token={link}&y=1")}}]}]}]});
    json!({
        "expand": "names", "id": "10001", "self": format!("{SITE}/rest/api/3/issue/10001"), "key": "OPS-7",
        "changelog": {"histories": [{"id": "501", "author": person("bob", "Bob B"), "created": "2024-01-01T10:03:00.000+0000",
            "items": [{"field": "description", "fromString": format!("use {old} please"), "toString": "removed"}]}]},
        "fields": {
            "summary": "can't log in", "created": "2024-01-01T12:00:00.000+0200", "updated": "2024-01-02T10:00:00.000+0000",
            "reporter": person("ada", "Ada L"), "description": document(&format!("the key is {plain} and works"), "paragraph"),
            "comment": {"comments": [
                {"id": "901", "author": person("bob", "Bob B"), "created": "2024-01-01T10:01:00.000+0000", "body": document(&format!("export TOKEN={code}"), "codeBlock")},
                {"id": "902", "author": person("bob", "Bob B"), "created": "2024-01-01T10:02:00.000+0000", "body": linked}]},
            "attachment": [{"id": "77", "filename": "notes.txt", "author": person("bob", "Bob B"), "created": "2024-01-01T10:04:00.000+0000", "content": format!("{SITE}/rest/api/3/attachment/content/77")}]
        }
    })
}

#[test]
fn issues_of_the_rest_interface() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: [String; 4] = std::array::from_fn(|index| token(300 + index as u64));
    let issue = issue(std::array::from_fn(|index| tokens[index].as_str()));
    let page = json!({"expand": "names", "startAt": 0, "maxResults": 50, "total": 1, "issues": [issue]}).to_string();
    row_of("jira-json", ("search.json", page.as_str()), [&tokens[0], &tokens[1], &tokens[2], &tokens[3], ""]);
    let path = dir.path().join("search.json");
    for content in [page, issue.to_string(), format!("{issue}\n"), json!([issue]).to_string()] {
        std::fs::write(&path, content).unwrap();
        let report = scan_export(&path, ExportOptions::default());
        let (ada, bob) = ("ada Ada L <ada@example.com>", "bob Bob B <bob@example.com>");
        let expected = [
            format!("{ada} 2024-01-01T10:00:00Z {SITE}/browse/OPS-7"),
            format!("{bob} 2024-01-01T10:01:00Z {SITE}/browse/OPS-7?focusedCommentId=901"),
            format!("{bob} 2024-01-01T10:02:00Z {SITE}/browse/OPS-7?focusedCommentId=902"),
            format!("{bob} 2024-01-01T10:03:00Z {SITE}/browse/OPS-7"),
        ];
        for (index, token) in tokens.iter().enumerate() {
            let place = only(&report, token);
            assert_eq!(told(place), expected[index]);
            assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
            assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("OPS"));
            assert_eq!(place.thread.as_deref(), Some("OPS-7"));
            assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
        }
        assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("jira-json", 0));
    }
}

#[test]
fn what_stands_in_a_document_beside_an_address_is_no_part_of_it() {
    let [linked, first, second] = [token(305), token(306), token(307)];
    let paragraph = |content: Value| json!({"type": "paragraph", "content": content});
    let text = |text: &str| json!({"type": "text", "text": text});
    let status = |text: &str| json!({"type": "status", "attrs": {"text": text, "color": "green"}});
    let (head, tail) = first.split_at(9);
    let description = json!({"type": "doc", "version": 1, "content": [
        paragraph(json!([{"type": "inlineCard", "attrs": {"url": format!("https://g.example/?private_token={linked}")}}, text(" is "), status("DONE")])),
        paragraph(json!([text(head), text(tail), status("DONE"), text(" and "), text(&second), text(" "), status("DONE")])),
    ]});
    let mut issue = issue(["", "", "", ""]);
    issue["fields"]["description"] = description;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issue.json");
    std::fs::write(&path, issue.to_string()).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    for secret in [&linked, &first, &second] {
        only(&report, secret);
    }
    assert_eq!(report.findings.len(), 3, "{:#?}", report.findings);
}

#[test]
fn issues_of_the_rss_view() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, code, link] = [token(310), token(311), token(312)];
    let (a, b) = code.split_at(12);
    let path = dir.path().join("SearchRequest.xml");
    let view = format!(
        "<!--\nRSS generated by JIRA (1001.0.0) at Mon Jan 01 11:00:00 UTC 2024\n-->\n<rss version=\"0.92\"><channel><title>Jira</title>\
         <issue start=\"0\" end=\"1\" total=\"1\"/><item><title>[OPS-7] can&apos;t log in</title><link>{SITE}/browse/OPS-7</link>\
         <project id=\"10000\" key=\"OPS\">Operations</project><description>&lt;p&gt;the key is {plain} &amp;amp; works&lt;/p&gt;</description>\
         <key id=\"10001\">OPS-7</key><reporter accountid=\"ada\">Ada L</reporter><created>Mon, 1 Jan 2024 12:00:00 +0200</created>\
         <updated>Tue, 2 Jan 2024 12:00:00 +0200</updated><comments>\
         <comment id=\"901\" author=\"bob\" created=\"Mon, 1 Jan 2024 10:01:00 +0000\">&lt;pre&gt;TOKEN=&lt;span class=&quot;code-quote&quot;&gt;{a}&lt;/span&gt;{b}&lt;/pre&gt;</comment>\
         <comment id=\"902\" author=\"bob\" created=\"Mon, 1 Jan 2024 10:02:00 +0000\">&lt;a href=&quot;https://git.example.com/x?private_token={link}&amp;amp;y=1&quot;&gt;here&lt;/a&gt;</comment>\
         </comments></item></channel></rss>"
    );
    let expected = [
        format!("ada Ada L <-> 2024-01-01T10:00:00Z {SITE}/browse/OPS-7"),
        format!("bob - <-> 2024-01-01T10:01:00Z {SITE}/browse/OPS-7?focusedCommentId=901"),
        format!("bob - <-> 2024-01-01T10:02:00Z {SITE}/browse/OPS-7?focusedCommentId=902"),
    ];
    row_of("jira-rss", ("SearchRequest.xml", view.as_str()), [&plain, &code, &link, "", ""]);
    for report in scan_each("SearchRequest.xml", &view, None) {
        for (token, expected) in [&plain, &code, &link].into_iter().zip(&expected) {
            let place = only(&report, token);
            assert_eq!(&told(place), expected);
            assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
        }
        assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("jira-rss", 0));
    }
    // Cut off: what was there is found all the same.
    std::fs::write(&path, &view[..view.find("<comment id=\"902\"").unwrap()]).unwrap();
    assert_eq!(told(only(&scan_export(&path, ExportOptions::default()), &code)), expected[1]);
}

#[test]
fn issues_as_a_table() {
    let [plain, code, link] = [token(320), token(321), token(322)];
    let table = format!(
        "Summary,Issue key,Issue id,Issue Type,Reporter,Reporter Id,Created,Description,Attachment,Comment,Comment\n\
         can't log in,OPS-7,10001,Bug,Ada L,ada,2024-01-01T10:00:00Z,\"the \"\"key\"\" is\n{plain}\",01/Jan/24 10:04 AM;bob;notes.txt;{SITE}/secure/attachment/77/notes.txt,\
         \"01/Jan/24 10:01 AM;bob;{{code}}\nexport TOKEN={code}; done\n{{code}}\",01/Jan/24 10:02 AM;bob;[here|https://git.example.com/x?private_token={link}&y=1]\n"
    );
    // Times of comments are in the zone of whoever made the table.
    let expected = [
        ("ada Ada L <-> 2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("bob - <-> -", "01/Jan/24 10:01 AM"),
        ("bob - <-> -", "01/Jan/24 10:02 AM"),
    ];
    row_of("jira-csv", ("Jira.csv", table.as_str()), [&plain, &code, &link, "", ""]);
    for report in scan_each("Jira.csv", &table, None) {
        for (token, (who, raw)) in [&plain, &code, &link].into_iter().zip(expected) {
            let place = only(&report, token);
            assert_eq!(told(place), format!("{who} {SITE}/browse/OPS-7"));
            assert_eq!(place.time.as_ref().unwrap().raw, raw);
            assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Derived);
        }
        assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("jira-csv", 0));
    }
}

#[test]
fn every_part_of_a_cell_is_scanned() {
    let [name, comment, person, by_chance] = [323, 324, 325, 326].map(token);
    let table = format!(
        "Summary,Issue key,Issue id,Issue Type,Project key,Creator,Reporter,Attachment,Log Work,Log Work,Comment\n\
         s,A-1,1,Bug,A,bob,ada,14/Nov/23 10:22 PM;u;{name}.txt;{SITE}/secure/attachment/1/x.txt,\
         note {comment};14/Nov/23 10:00 PM;u;60,{person} 1;14/Nov/23;u;60,1 {by_chance};b;c\n"
    );
    for report in scan_each("Jira.csv", &table, None) {
        for (token, who) in [(&name, Some("u")), (&comment, Some("u")), (&person, Some("u")), (&by_chance, None)] {
            assert_eq!(only(&report, token).author.as_ref().unwrap().id.as_deref(), who);
        }
        assert_eq!(only(&report, &comment).time.as_ref().unwrap().raw, "14/Nov/23 10:00 PM");
    }
}

#[test]
fn regression_a_comment_without_a_time_is_of_nobody_else() {
    let [first, second] = [327, 328].map(token);
    let table = format!(
        "Summary,Issue key,Issue id,Issue Type,Project key,Creator,Comment,Comment\n\
         s,A-1,1,Bug,A,bob,pw {first}; see; mail,2 keys: {second};or;so\n"
    );
    for report in scan_each("Jira.csv", &table, None) {
        for token in [&first, &second] {
            assert_eq!(told(only(&report, token)).split(' ').take(2).collect::<Vec<_>>(), ["-", "bob"]);
        }
    }
}

#[test]
fn regression_fields_may_have_keys_as_an_issue_has() {
    let secrets: [String; 6] = std::array::from_fn(|index| token(330 + index as u64));
    let [own, listed, property, text, said, changed] = &secrets;
    let mut issue = issue(["a", "b", "c", "d"]);
    issue["fields"]["customfield_1"] = json!({"comment": own});
    issue["fields"]["customfield_2"] = json!([{"attachment": {"filename": listed}}]);
    issue["fields"]["worklog"] = json!(text);
    issue["fields"]["comment"]["comments"][0]["properties"] = json!([{"value": {"changelog": said}}]);
    issue["properties"] = json!({"x": {"comments": property, "renderedFields": {"worklogs": changed}}});
    let report = scan_file("issue.json", issue.to_string(), None);
    let who = |token: &str| only(&report, token).author.clone().and_then(|author| author.id);
    for token in [own, listed, property, text, changed] {
        assert_eq!(who(token).as_deref(), Some("ada"));
    }
    assert_eq!(who(said).as_deref(), Some("bob"));
}

#[test]
fn regression_pages_and_lists_in_a_list_are_read() {
    let tokens: [String; 4] = std::array::from_fn(|index| token(340 + index as u64));
    let issue = issue(std::array::from_fn(|index| tokens[index].as_str()));
    for content in [json!([{"startAt": 0, "issues": []}, {"startAt": 50, "issues": [issue]}]), json!([[], [issue]])] {
        let report = scan_file("search.json", content.to_string(), None);
        let expected = format!("ada Ada L <ada@example.com> 2024-01-01T10:00:00Z {SITE}/browse/OPS-7");
        assert_eq!(told(only(&report, &tokens[0])), expected);
        assert!(told(only(&report, &tokens[1])).ends_with("focusedCommentId=901"));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

#[test]
fn slashes_may_be_escaped_and_notes_be_for_a_few() {
    let [plain, internal] = [token(327), token(328)];
    let mut issue = issue([&plain, "b", "c", "d"]);
    issue["fields"]["creator"] = json!({"accountId": "maker", "displayName": "Mae K"});
    issue["fields"]["comment"] =
        json!({"comments": [{"id": "1", "body": format!("is {internal}"), "jsdPublic": false}]});
    let text = json!({"issues": [issue]}).to_string().replace('/', "\\/");
    for report in scan_each("issues.json", text, None) {
        assert_eq!(report.exports[0].system, "jira-json");
        assert_eq!(only(&report, &plain).author.as_ref().unwrap().id.as_deref(), Some("maker"));
        assert_eq!(only(&report, &internal).visibility, Some(unleak::model::Visibility::Private));
    }
}

#[test]
fn regression_documents_in_other_shapes_are_scanned() {
    let secrets: Vec<String> = (0..5).map(|index| token(660 + index)).collect();
    let [listed, content, shapeless, work, text] = secrets.as_slice() else { unreachable!("as many as were made") };
    let mut issue = issue(["a", "b", "c", "d"]);
    issue["fields"]["customfield_1"] = json!([{"type": "doc", "content": [{"type": "text", "text": listed}]}]);
    issue["fields"]["customfield_2"] = json!({"type": "doc", "content": content});
    issue["fields"]["comment"] = json!({"comments": [{"id": "1", "body": {"content": [{"text": shapeless}]}}]});
    issue["fields"]["worklog"] = json!({"worklogs": [{"id": "2", "comment": [{"content": work}]}]});
    issue["fields"]["customfield_3"] =
        json!(json!({"type": "doc", "content": [{"type": "text", "text": text}]}).to_string());
    for report in &scan_each("issues.json", json!({"issues": [issue]}).to_string(), None) {
        for secret in &secrets {
            only(report, secret);
        }
    }
}

/// A token in JWT format; it signs nothing.
fn signed(name: &str) -> String {
    let part = |text: String| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    let (head, body) = (r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(), format!(r#"{{"iss":"{name}","exp":1704103200}}"#));
    format!("{}.{}.{}", part(head), part(body), part(format!("{name:-<32}")))
}

#[test]
fn regression_signed_links_in_texts_are_a_notice() {
    let [media, picture, other] = [signed("media"), signed("picture"), signed("other")];
    let secret = token(340);
    let mut issue = issue(["a", "b", "c", "d"]);
    issue["fields"]["description"] = json!(format!(
        "!https://api.media.atlassian.com/file/1/binary?token={media}&client=2! then {secret}, see https://example.com/x?token={other}"
    ));
    issue["fields"]["environment"] =
        json!(format!("https://private-user-images.githubusercontent.com/1/2.png?jwt={picture}"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issue.json");
    std::fs::write(
        &path,
        json!({"expand": "names", "startAt": 0, "maxResults": 50, "total": 1, "issues": [issue]}).to_string(),
    )
    .unwrap();
    let report = scan_export(&path, ExportOptions::default());
    only(&report, &secret);
    only(&report, &other);
    assert_eq!(report.findings.len(), 2, "{:#?}", report.findings);
    let notices: Vec<_> = report.notices.iter().map(|notice| (notice.kind.as_str(), notice.count)).collect();
    assert_eq!(notices, [("signed-link", 2)]);
}

#[test]
fn regression_what_isnt_text_in_a_line_is_apart_from_it() {
    let nodes = [
        json!({"type": "mention", "attrs": {"id": "5b1", "text": "@Ada"}}),
        json!({"type": "emoji", "attrs": {"shortName": ":key:", "text": "x"}}),
        json!({"type": "date", "attrs": {"timestamp": "1704103200000"}}),
        json!({"type": "status", "attrs": {"text": "DONE"}}),
        json!({"type": "inlineCard", "attrs": {"url": "https://example.com/a"}}),
    ];
    let tokens: Vec<String> = (0..2 * nodes.len() as u64).map(|index| token(350 + index)).collect();
    let mut lines: Vec<Value> = Vec::new();
    for (node, pair) in nodes.iter().zip(tokens.chunks(2)) {
        let text = |text: &str| json!({"type": "text", "text": text});
        lines.push(json!({"type": "paragraph", "content": [text(&pair[0]), node, text(&pair[1])]}));
    }
    let mut issue = issue(["a", "b", "c", "d"]);
    issue["fields"]["description"] = json!({"type": "doc", "version": 1, "content": lines});
    let report = scan_file("issue.json", issue.to_string(), None);
    tokens.iter().for_each(|token| assert_eq!(only(&report, token).field, "description"));
}

#[test]
fn regression_pages_of_comments_are_read() {
    let [plain, work] = [token(365), token(366)];
    let own = |kind: &str| format!("{SITE}/rest/api/3/issue/10001/{kind}/901");
    let note = |kind: &str, key: &str, token: &str| {
        json!({"self": own(kind), "id": "901", "author": {"self": format!("{SITE}/rest/api/3/user?accountId=bob"), "accountId": "bob", "displayName": "Bob B"},
            key: document(&format!("the key is {token} ok"), "paragraph"), "created": "2024-01-01T10:01:00.000+0000", "updated": "2024-01-01T10:01:00.000+0000"})
    };
    let page = |list: &str, note: Value| {
        let mut page = json!({"startAt": 0, "maxResults": 50, "total": 1});
        page[list] = json!([note]);
        page.to_string()
    };
    let (comments, logs) =
        (page("comments", note("comment", "body", &plain)), page("worklogs", note("worklog", "comment", &work)));
    let expected =
        |comment: &str| format!("bob Bob B <-> 2024-01-01T10:01:00Z {SITE}/secure/ViewIssue.jspa?id=10001{comment}");
    for (file, token, comment) in [(&comments, &plain, "&focusedCommentId=901"), (&logs, &work, "")] {
        for report in scan_each("notes.json", file, None) {
            let place = only(&report, token);
            assert_eq!(
                (told(place), place.permalink.as_ref().unwrap().basis),
                (expected(comment), PermalinkBasis::Guess)
            );
            assert_eq!((place.thread.as_deref(), place.record.as_deref()), (Some("10001"), Some("901")));
        }
    }
    // With the issue beside it, its key is known.
    let mut files = super::plant::Files::default();
    files.add("comments.json", comments).add("issue.json", issue(["a", "b", "c", "d"]).to_string());
    let dir = tempfile::tempdir().unwrap();
    let report = scan_export(&files.dir(dir.path()), ExportOptions::default());
    let place = only(&report, &plain);
    assert_eq!(told(place), format!("bob Bob B <-> 2024-01-01T10:01:00Z {SITE}/browse/OPS-7?focusedCommentId=901"));
    assert_eq!((place.thread.as_deref(), place.record.as_deref()), (Some("OPS-7"), Some("901")));
}
