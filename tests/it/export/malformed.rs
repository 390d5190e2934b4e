//! XML that isn't well-formed: no text is lost to what never ends, and what is in doubt is told.

use unleak::model::{ProblemKind, ScanReport};

use super::plant::{only, scan_file, token};

/// Three tickets; `text` stands in the second one.
fn unload(text: &str) -> String {
    let ticket = |number: u8, text: &str| {
        format!(
            "<incident action=\"INSERT_OR_UPDATE\"><sys_created_by>bob</sys_created_by><sys_id>a{number}</sys_id><number>INC{number}</number>{text}</incident>"
        )
    };
    let (first, last) = (ticket(1, "<description>a</description>"), ticket(3, "<description>?></description>"));
    format!("<?xml version=\"1.0\"?><unload unload_date=\"x\">{first}{}{last}</unload>", ticket(2, text))
}

fn told(report: &ScanReport) -> Vec<&str> {
    assert!(report.problems.iter().all(|problem| problem.kind == ProblemKind::Malformed), "{:?}", report.problems);
    report.problems.iter().map(|problem| problem.message.as_str()).collect()
}

#[test]
fn regression_what_never_ends_swallows_no_text() {
    let (before, secret, after) = (token(8_000), token(8_001), token(8_002));
    let around = |inner: &str| format!("<description>{before} {inner}</description><close_notes>{after}</close_notes>");
    // With what is in doubt.
    for (inner, problems) in [
        (format!("<! {secret}"), 0),
        (format!("<!foo {secret}"), 0),
        (format!("<!DOCTYPE {secret}"), 0),
        (format!("<!-- {secret}"), 0),
        (format!("<? {secret}"), 0),
        (format!("<?foo {secret}"), 0),
        (format!("<?foo {secret}?>"), 0),
        (format!("<foo {secret} x"), 0),
        (format!("</ {secret}"), 2),
        (format!("</foo {secret}"), 2),
        (format!("</foo> {secret}"), 1),
        (format!("</{secret}>"), 1),
        (format!("<{secret}>"), 0),
        (format!("<a {secret}>"), 0),
        (format!("<a b=\"c>{secret}</a><a b=\"d\"/>"), 1),
        (format!("<a b=\"c>he said \"{secret}\" again</a>"), 1),
        (format!("<a b=\"c d=\"{secret}\" e=\"f\"/>"), 0),
        (format!("<a b=c\" d=\"{secret}\"/>"), 0),
        (format!("<a b=\"{secret}>x</a>"), 1),
    ] {
        let report = scan_file("incident.xml", unload(&around(&inner)), None);
        for (what, token) in [("before", &before), ("in", &secret), ("after", &after)] {
            let place = only(&report, token);
            assert_eq!(place.container.as_ref().and_then(|own| own.name.as_deref()), Some("INC2"), "{inner}: {what}");
        }
        assert_eq!(told(&report).len(), problems, "{inner}: {:?}", report.problems);
    }
}

#[test]
fn regression_an_end_tag_without_its_bracket_ends_its_element() {
    let secret = token(8_010);
    let text = format!("<description>a</description {secret} <close_notes>b</close_notes>");
    let document = unload(&text);
    let report = scan_file("incident.xml", &document, None);
    only(&report, &secret);
    let [message] = told(&report)[..] else { panic!("{:?}", report.problems) };
    let offset = document.find("</description glpat").unwrap();
    assert!(message.starts_with(&format!("at byte {offset}: an end tag without its bracket")), "{message}");
}

#[test]
fn regression_rows_behind_an_open_quote_are_rows_again() {
    let tokens: [String; 3] = std::array::from_fn(|index| token(8_020 + index as u64));
    let [first, second, third] = &tokens;
    let document = format!(
        "<?xml version=\"1.0\"?>\n<!-- JIRA Build 8 -->\n<entity-engine-xml>\n<Action id=\"1 issue=\"2\" author=\"ada\" type=\"comment\" body=\"{first}\"/>\n<Action id=\"2\" issue=\"2\" author=\"bob\" type=\"comment\" body=\"{second}/>\n<Action id=\"3\" issue=\"2\" author=\"eve\" type=\"comment\" body=\"{third}\"/>\n</entity-engine-xml>\n"
    );
    let report = scan_file("entities.xml", document, None);
    let who = tokens.each_ref().map(|token| only(&report, token).author.clone().and_then(|author| author.id));
    assert_eq!(who, ["ada", "bob", "eve"].map(|who| Some(who.to_owned())));
    assert_eq!(told(&report).len(), 1, "{:?}", report.problems);
}
