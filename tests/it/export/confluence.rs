use unleak::{
    model::{PermalinkBasis, Revision},
    source::export::ExportOptions,
};

use super::{
    plant::{Files, only, scan_export, token, told},
    raw::row,
};

const SITE: &str = "https://wiki.example.com";

fn tokens(from: u64) -> [String; 5] {
    std::array::from_fn(|index| token(from + index as u64))
}

fn body(id: u64, class: &str, of: u64, text: &str) -> String {
    format!(
        "<object class=\"BodyContent\" package=\"com.atlassian.confluence.core\">\n<id name=\"id\">{id}</id>\n<property name=\"body\"><![CDATA[{text}]]></property>\n\
         <property name=\"content\" class=\"{class}\" package=\"com.atlassian.confluence.pages\"><id name=\"id\">{of}</id>\n</property>\n<property name=\"bodyType\">2</property>\n</object>\n"
    )
}

fn content((class, id): (&str, u64), title: &str, (who, minute): (&str, u64), more: &str) -> String {
    format!(
        "<object class=\"{class}\" package=\"com.atlassian.confluence.pages\">\n<id name=\"id\">{id}</id>\n<property name=\"title\"><![CDATA[{title}]]></property>\n\
         <property name=\"lastModifier\" class=\"ConfluenceUserImpl\" package=\"com.atlassian.confluence.user\"><id name=\"key\"><![CDATA[{who}]]></id>\n</property>\n\
         <property name=\"creationDate\">2024-01-01 09:00:00.000</property>\n<property name=\"lastModificationDate\">2024-01-01 10:0{minute}:00.000</property>\n{more}\
         <property name=\"contentStatus\"><![CDATA[current]]></property>\n</object>\n"
    )
}

fn reference(name: &str, class: &str, id: u64) -> String {
    format!(
        "<property name=\"{name}\" class=\"{class}\" package=\"com.atlassian.confluence\"><id name=\"id\">{id}</id>\n</property>\n"
    )
}

/// Bodies stand before what they are of, as in real exports.
pub(super) fn export([plain, code, link, old, attached]: &[String; 5], is_site: bool) -> Files {
    let (a, b) = plain.split_at(9);
    let macros = format!(
        "<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">bash</ac:parameter><ac:plain-text-body><![CDATA[echo a -> b\nexport TOKEN={code}; true]] ></ac:plain-text-body></ac:structured-macro>"
    );
    let settings = format!(
        "<object class=\"ConfluenceBandanaRecord\" package=\"com.atlassian.confluence.setup.bandana\">\n<id name=\"id\">1</id>\n<property name=\"key\"><![CDATA[atlassian.confluence.settings]]></property>\n\
         <property name=\"value\"><![CDATA[<settings>\n<baseUrl>{SITE}</baseUrl>\n</settings>]]></property>\n</object>\n"
    );
    let user = |key: &str, name: &str, display: &str| {
        format!(
            "<object class=\"InternalUser\" package=\"com.atlassian.crowd.model.user\">\n<id name=\"id\">9</id>\n<property name=\"name\"><![CDATA[{name}]]></property>\n<property name=\"displayName\"><![CDATA[{display}]]></property>\n\
             <property name=\"emailAddress\"><![CDATA[{name}@example.com]]></property>\n</object>\n<object class=\"ConfluenceUserImpl\" package=\"com.atlassian.confluence.user\">\n<id name=\"key\"><![CDATA[{key}]]></id>\n<property name=\"name\"><![CDATA[{name}]]></property>\n</object>\n"
        )
    };
    let space = "<object class=\"Space\" package=\"com.atlassian.confluence.spaces\">\n<id name=\"id\">5</id>\n<property name=\"name\"><![CDATA[Operations]]></property>\n<property name=\"key\"><![CDATA[OPS]]></property>\n</object>\n";
    let parts = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<hibernate-generic datetime=\"2024-01-02 10:00:00\">\n".to_owned(),
        body(
            101,
            "Page",
            11,
            &format!(
                "<p>the key is {a}<ac:inline-comment-marker ac:ref=\"x\">{b}</ac:inline-comment-marker>&nbsp;works</p>"
            ),
        ),
        body(102, "Comment", 12, &macros),
        body(
            103,
            "Page",
            13,
            &format!("<p><a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a></p>"),
        ),
        body(104, "Page", 14, &format!("<p>use {old} please</p>")),
        if is_site { settings } else { String::new() },
        content(("Attachment", 77), "notes.txt", ("k2", 4), &reference("containerContent", "Page", 11)),
        content(("Comment", 12), "", ("k2", 1), &reference("owner", "Page", 11)),
        content(("Page", 14), "Runbook", ("k2", 3), &reference("originalVersion", "Page", 11)),
        content(("Page", 11), "Runbook", ("k1", 0), &reference("space", "Space", 5)),
        content(("Page", 13), "Links", ("k2", 2), &reference("space", "Space", 5)),
        space.to_owned(),
        user("k1", "ada", "Ada L"),
        user("k2", "bob", "Bob B"),
        "</hibernate-generic>\n".to_owned(),
    ];
    let mut files = Files::default();
    files
        .add("entities.xml", parts.concat())
        .add("exportDescriptor.properties", "exportType=space\nspaceKey=OPS\nbuildNumber=8000\n")
        .add("attachments/11/77/1", format!("token={attached}\n"));
    files
}

fn expected() -> [String; 5] {
    let (ada, bob) = ("k1 Ada L <ada@example.com>", "k2 Bob B <bob@example.com>");
    let page = format!("{SITE}/pages/viewpage.action?pageId=");
    [
        format!("{ada} - {page}11"),
        format!("{bob} - {page}11&focusedCommentId=12#comment-12"),
        format!("{bob} - {page}13"),
        format!("{bob} - {page}14"),
        format!("{bob} - {page}11"),
    ]
}

#[test]
fn every_secret_once() {
    let dir = tempfile::tempdir().unwrap();
    for is_site in [true, false] {
        let tokens = tokens(600);
        let files = export(&tokens, is_site);
        let options = ExportOptions { base_url: (!is_site).then(|| SITE.to_owned()), ..ExportOptions::default() };
        for path in [files.zip(&dir.path().join("space.zip")), files.dir(&dir.path().join(format!("space{is_site}")))] {
            let report = scan_export(&path, options.clone());
            for (index, token) in tokens.iter().enumerate() {
                let place = only(&report, token);
                assert_eq!(told(place), expected()[index]);
                assert_eq!(place.time.as_ref().unwrap().raw, format!("2024-01-01 10:0{index}:00.000"));
                let basis = if is_site { PermalinkBasis::Exact } else { PermalinkBasis::Derived };
                assert_eq!(place.permalink.as_ref().unwrap().basis, basis);
                assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("OPS"));
                assert_eq!(place.thread.as_deref(), Some(if index == 2 { "13" } else { "11" }));
                assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
            }
            assert_eq!(only(&report, &tokens[4]).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
            assert_eq!((report.exports[0].system.as_str(), report.exports.len()), ("confluence-xml", 1));
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        }
    }
}

#[test]
fn damage_costs_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(610);
    let mut files = export(&tokens, true);
    let text = String::from_utf8(files.0[0].1.clone()).unwrap();
    let text = text.replacen("<hibernate", "<!DOCTYPE a [<!ENTITY b \"&b;&b;\">]><hibernate", 1).replacen(
        "<object class=\"Comment\"",
        &format!("<object class=\"Odd\"><property name=\"x\">\u{1c}&b;{}", "<a>".repeat(3_000)),
        1,
    );
    // Nobody's name, and an end in the middle.
    files.0[0].1 = text.as_bytes()[..text.find("<object class=\"InternalUser\"").unwrap()].to_vec();
    let report = scan_export(&files.zip(&dir.path().join("space.zip")), ExportOptions::default());
    assert_eq!(told(only(&report, &tokens[0])), format!("k1 - <-> - {SITE}/pages/viewpage.action?pageId=11"));
    tokens.iter().for_each(|token| drop(only(&report, token).clone()));
    // The name of the file promises nothing.
    let path = dir.path().join("dump.txt");
    std::fs::write(&path, &files.0[0].1).unwrap();
    only(&scan_export(&path, ExportOptions::default()), &tokens[1]);
}

#[test]
fn regression_comments_below_pages_are_of_those_who_wrote_them() {
    let [text, first, second, footer] = [token(640), token(641), token(642), token(643)];
    let comment = |id: u64, text: &str, who: &str| {
        format!(
            "<tr><td><a name=\"comment-{id}\"></a><font class=\"smallfont\"><p>{text}</p></font><div class=\"smallfont\" align=\"left\">\n <img src=\"images/icons/comment_16.png\"/> Posted by {who} at Jan 0{id}, 2024 10:00\n</div></td></tr>"
        )
    };
    let comments = format!(
        "<p>{text}</p></div><div class=\"pageSection group\"><h2 id=\"comments\" class=\"pageSectionTitle\">Comments:</h2><table>{}{}</table><p>{footer}</p>",
        comment(2, &first, "eve"),
        comment(3, &second, "Carl &amp; Co")
    );
    let mut files = Files::default();
    files
        .add("OPS/index.html", page("Home", "Ada L", "x"))
        .add("OPS/Runbook_11.html", page("Runbook", "Bob B", &comments))
        .add("OPS/styles/site.css", "a {}");
    let dir = tempfile::tempdir().unwrap();
    let options = ExportOptions { base_url: Some(SITE.to_owned()), ..ExportOptions::default() };
    let report = scan_export(&files.zip(&dir.path().join("html.zip")), options);
    let url = format!("{SITE}/pages/viewpage.action?pageId=11");
    let expected = [
        (&text, format!("- Bob B <-> - {url}"), "Jan 01, 2024"),
        (&first, format!("- eve <-> - {url}&focusedCommentId=2#comment-2"), "Jan 02, 2024 10:00"),
        (&second, format!("- Carl & Co <-> - {url}&focusedCommentId=3#comment-3"), "Jan 03, 2024 10:00"),
        (&footer, format!("- Bob B <-> - {url}"), "Jan 01, 2024"),
    ];
    for (token, expected, time) in expected {
        let place = only(&report, token);
        assert_eq!((told(place), place.time.as_ref().unwrap().raw.as_str()), (expected, time));
    }
}

fn page(title: &str, who: &str, text: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title><link rel=\"stylesheet\" href=\"styles/site.css\"/></head><body><div id=\"breadcrumb-section\"></div>\
         <h1 id=\"title-heading\" class=\"pagetitle\"><span id=\"title-text\">\n Operations : {title}\n</span></h1><div class=\"page-metadata\">\n Created by <span class='author'> Ada L</span>, last \
         modified by <span class='editor'> {who}</span> on Jan 01, 2024\n</div><div id=\"main-content\" class=\"wiki-content group\">{text}</div><p>Document generated by Confluence on Jan 02, 2024 10:00</p></body></html>"
    )
}

#[test]
fn pages_of_the_html_export() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, code, link, _, attached] = tokens(620);
    let (a, b) = code.split_at(9);
    let text = format!(
        "<p>the key is {plain}</p><div class=\"code panel pdl\"><pre class=\"syntaxhighlighter-pre\">export TOKEN=<span>{a}</span>{b}</pre></div>\
         <h2 id=\"attachments\">Attachments:</h2><a href=\"attachments/11/77.txt\">notes.txt</a> (text/plain)"
    );
    let mut files = Files::default();
    files
        .add("OPS/index.html", page("Home", "Ada L", "<a href=\"Runbook_11.html\">Runbook</a>"))
        .add("OPS/Runbook_11.html", page("Runbook", "Bob B", &text))
        .add(
            "OPS/13.html",
            page(
                "Links",
                "Bob B",
                &format!("<a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a>"),
            ),
        )
        .add("OPS/styles/site.css", "a {}")
        .add("OPS/attachments/11/77.txt", format!("token={attached}\n"));
    let options = ExportOptions { base_url: Some(SITE.to_owned()), ..ExportOptions::default() };
    row("confluence-html", &files, [&plain, &code, &link, "", &attached]);
    let report = scan_export(&files.zip(&dir.path().join("html.zip")), options);
    let page = format!("- Bob B <-> - {SITE}/pages/viewpage.action?pageId=");
    for (token, id) in [(&plain, "11"), (&code, "11"), (&link, "13"), (&attached, "11")] {
        let place = only(&report, token);
        assert_eq!(told(place), format!("{page}{id}"));
        assert_eq!(place.time.as_ref().unwrap().raw, "Jan 01, 2024");
        let container = place.container.as_ref().unwrap();
        assert_eq!((container.id.as_deref(), container.name.as_deref()), (Some("OPS"), Some("Operations")));
    }
    assert_eq!(only(&report, &attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
    assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("confluence-html", 0));
}
