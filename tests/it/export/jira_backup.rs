use unleak::{
    model::{PermalinkBasis, ProblemKind, Revision},
    source::export::ExportOptions,
};

use super::plant::{Files, only, scan_export, token, told};

const SITE: &str = "https://jira.example.com";

/// Rows in Jira's order, by their table. The comment about the server is longer than what is looked at for recognition.
pub(super) fn export([plain, code, link, old, attached]: &[String; 5]) -> Files {
    let about = format!(
        "Exported on : Monday\n JIRA Build : 8.8.1#1\n jira.baseurl : {SITE}\n{}",
        " plugin : 1\n".repeat(9_000)
    );
    let entities = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {about} -->\n<entity-engine-xml date=\"1\">\n\
         <Action id=\"901\" issue=\"10001\" author=\"JIRAUSER2\" type=\"comment\" created=\"2024-01-01 10:01:00.0\">\n<body><![CDATA[{{code}}\nexport TOKEN={code}\n{{code}}]]></body>\n</Action>\n\
         <Action id=\"902\" issue=\"10001\" author=\"JIRAUSER2\" type=\"comment\" body=\"[here|https://git.example.com/x?private_token={link}&amp;y=1]\" created=\"2024-01-01 10:02:00.0\"/>\n\
         <ApplicationUser id=\"1\" userKey=\"JIRAUSER1\" lowerUserName=\"ada\"/>\n<ApplicationUser id=\"2\" userKey=\"JIRAUSER2\" lowerUserName=\"bob\"/>\n\
         <ChangeGroup id=\"501\" issue=\"10001\" author=\"JIRAUSER2\" created=\"2024-01-01 10:03:00.0\"/>\n\
         <ChangeItem id=\"601\" group=\"501\" fieldtype=\"jira\" field=\"description\" oldstring=\"use {old} please\" newstring=\"removed\"/>\n\
         <FileAttachment id=\"77\" issue=\"10001\" mimetype=\"text/plain\" filename=\"notes.txt\" created=\"2024-01-01 10:04:00.0\" author=\"JIRAUSER2\"/>\n\
         <Issue id=\"10001\" number=\"7\" project=\"10100\" reporter=\"JIRAUSER1\" creator=\"JIRAUSER1\" summary=\"can't log in\" created=\"2024-01-01 10:00:00.0\" updated=\"2024-01-02 10:00:00.0\">\n\
         <description><![CDATA[the key is {plain}\n&bomb; works]]></description>\n</Issue>\n\
         <OSPropertyEntry id=\"42\" entityName=\"jira.properties\" entityId=\"1\" propertyKey=\"jira.baseurl\" type=\"5\"/>\n<OSPropertyString id=\"42\" value=\"{SITE}\"/>\n\
         <Project id=\"10100\" name=\"Operations\" key=\"OPS\"/>\n\
         <User id=\"1\" userName=\"Ada\" lowerUserName=\"ada\" displayName=\"Ada L\" emailAddress=\"ada@example.com\"/>\n<User id=\"2\" userName=\"bob\" lowerUserName=\"bob\" displayName=\"Bob B\" emailAddress=\"bob@example.com\"/>\n\
         </entity-engine-xml>\n"
    );
    let mut files = Files::default();
    files
        .add("entities.xml", entities)
        .add(
            "activeobjects.xml",
            "<?xml version='1.0' encoding='UTF-8'?><backup xmlns=\"http://www.atlassian.com/ao\"></backup>",
        )
        .add("data/attachments/OPS/10000/OPS-7/77", format!("token={attached}\n"));
    files
}

fn expected() -> [(String, &'static str); 5] {
    let (ada, bob) = ("JIRAUSER1 Ada L <ada@example.com>", "JIRAUSER2 Bob B <bob@example.com>");
    [
        (format!("{ada} - {SITE}/browse/OPS-7"), "2024-01-01 10:00:00.0"),
        (format!("{bob} - {SITE}/browse/OPS-7?focusedCommentId=901"), "2024-01-01 10:01:00.0"),
        (format!("{bob} - {SITE}/browse/OPS-7?focusedCommentId=902"), "2024-01-01 10:02:00.0"),
        (format!("{bob} - {SITE}/browse/OPS-7"), "2024-01-01 10:03:00.0"),
        (format!("{bob} - {SITE}/browse/OPS-7"), "2024-01-01 10:04:00.0"),
    ]
}

fn tokens(from: u64) -> [String; 5] {
    std::array::from_fn(|index| token(from + index as u64))
}

#[test]
fn every_secret_once() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(500);
    let files = export(&tokens);
    for path in [files.zip(&dir.path().join("backup.zip")), files.dir(&dir.path().join("backup"))] {
        let report = scan_export(&path, ExportOptions::default());
        for (index, token) in tokens.iter().enumerate() {
            let place = only(&report, token);
            // Times have no zone.
            let (told_as, raw) = &expected()[index];
            assert_eq!((&told(place), place.time.as_ref().unwrap().raw.as_str()), (told_as, *raw));
            assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Exact);
            let container = place.container.as_ref().unwrap();
            assert_eq!((container.kind.as_str(), container.name.as_deref()), ("project", Some("OPS")));
            assert_eq!(place.thread.as_deref(), Some("OPS-7"));
            assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
        }
        assert_eq!(only(&report, &tokens[4]).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
        assert_eq!((report.exports[0].system.as_str(), report.exports.len()), ("jira-backup", 1));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

#[test]
fn damage_costs_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(510);
    let mut files = export(&tokens);
    let deep = token(520);
    let automation = format!(
        "<?xml version='1.0'?><backup xmlns=\"http://www.atlassian.com/ao\"><data tableName=\"AO_1_HOOK\"><column name=\"ID\"/><column name=\"SECRET\"/>\
         <row><integer>1</integer><string>{deep}</string></row></data></backup>"
    );
    files.0.retain(|(path, _)| path == "entities.xml");
    let text = String::from_utf8(files.0[0].1.clone()).unwrap();
    // A document type with a bomb, a row that is never closed, nesting made to hurt, no people, and an end in the middle of a word.
    let text = text
        .replace("<!-- ", "<!DOCTYPE a [<!ENTITY bomb \"&bomb;&bomb;\">]><!-- ")
        .replace("<ChangeGroup id", "<Worklog id=\"1\"><body>cut\u{1}<ChangeGroup id")
        .replace("<FileAttachment", &format!("<Component id=\"1\">{}</Component><FileAttachment", "<a>".repeat(5_000)));
    let mut bytes = text.as_bytes()[..text.find("<User id").unwrap()].to_vec();
    let at = memchr::memmem::find(&bytes, b"cut\x01").unwrap();
    bytes[at] = 0xe9;
    files.0[0].1 = bytes;
    files.add("activeobjects.xml", automation);
    let report = scan_export(&files.zip(&dir.path().join("backup.zip")), ExportOptions::default());
    let place = only(&report, &tokens[0]);
    assert_eq!(told(place), format!("JIRAUSER1 - <-> - {SITE}/browse/OPS-7"));
    for token in &tokens[1..3] {
        only(&report, token);
    }
    let hook = only(&report, &deep);
    assert_eq!((hook.field.as_str(), hook.container.as_ref().unwrap().name.as_deref()), ("SECRET", Some("AO_1_HOOK")));
    assert!(!report.problems.iter().any(|problem| problem.kind == ProblemKind::Io), "{:?}", report.problems);
}
