use std::io::Write as _;

use serde_json::json;
use unleak::model::Revision::{Current, Old};

use super::{
    plant::{check, five, in_code, in_link, only, scan_each, scan_file, token},
    raw::row_of,
};

const SITE: &str = "https://acme.service-now.com";

pub(super) fn packed(file: impl AsRef<[u8]>) -> String {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(file.as_ref()).unwrap();
    data_encoding::BASE64.encode(&gzip.finish().unwrap())
}

#[test]
fn an_unload_with_journals_changes_and_files() {
    let [plain, code, link, old, attached] = &five(1200);
    let noted = token(1206);
    let file = packed(format!("token={attached}\n"));
    let (first, second) = file.split_at(file.len() / 8 * 4);
    let by = |who: &str, minute: u64| {
        format!("<sys_created_by>{who}</sys_created_by><sys_created_on>2024-01-01 10:0{minute}:00</sys_created_on>")
    };
    let journal = |id: u64, text: &str| {
        format!(
            "<sys_journal_field action=\"INSERT_OR_UPDATE\"><element>work_notes</element><element_id>a7</element_id><name>incident</name>{}<sys_id>j{id}</sys_id><value>{}</value></sys_journal_field>",
            by("bob", id),
            text.replace('&', "&amp;")
        )
    };
    let piece = |position: u64, data: &str| {
        format!(
            "<sys_attachment_doc action=\"INSERT_OR_UPDATE\"><data>{data}</data><position>{position}</position><sys_attachment display_value=\"notes.txt\">f1</sys_attachment><sys_id>d{position}</sys_id></sys_attachment_doc>"
        )
    };
    let unload = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><unload unload_date=\"2024-02-01 10:00:00\">\n".to_owned(),
        format!(
            "<incident action=\"INSERT_OR_UPDATE\"><description>the key is {plain}</description><number>INC0007</number><short_description>can't</short_description>{}<sys_id>a7</sys_id>\
            <work_notes>2024-01-01 12:05:00 - Bob B (Work notes)\nor this {noted}\n\n</work_notes></incident>\n",
            by("ada", 0)
        ),
        journal(1, &in_code(code)),
        journal(2, &in_link(link)),
        format!(
            "<sys_audit action=\"INSERT_OR_UPDATE\"><documentkey>a7</documentkey><fieldname>description</fieldname><oldvalue>use {old} please</oldvalue><newvalue/><tablename>incident</tablename><user>bob</user>{}<sys_id>u1</sys_id></sys_audit>",
            by("system", 3)
        ),
        format!(
            "<sys_attachment action=\"INSERT_OR_UPDATE\"><content_type>text/plain</content_type><file_name>notes.txt</file_name>{}<sys_id>f1</sys_id><table_name>incident</table_name><table_sys_id>a7</table_sys_id></sys_attachment>",
            by("bob", 4)
        ),
        piece(0, first),
        piece(1, second),
        "</unload>".to_owned(),
    ];
    row_of("servicenow", ("incident.xml", unload.concat()), [plain, code, link, old, attached]);
    for report in scan_each("incident.xml", unload.concat(), Some(SITE)) {
        let told =
            |who: &str, minute: u64| format!("{who} - <-> 2024-01-01T10:0{minute}:00Z {SITE}/incident.do?sys_id=a7");
        check(
            &report,
            "servicenow",
            &[
                (plain, &told("ada", 0), Current),
                (code, &told("bob", 1), Current),
                (link, &told("bob", 2), Current),
                (old, &told("bob", 3), Old),
                (attached, &told("bob", 4), Current),
                // By somebody's clock.
                (&noted, &format!("- Bob B <-> - {SITE}/incident.do?sys_id=a7"), Current),
            ],
        );
        // A ticket with its notes, changes and files is one.
        for token in [plain, code, link, old, attached, &noted] {
            let container = only(&report, token).container.clone().unwrap();
            assert_eq!(container.kind, "incident");
            assert_eq!((container.id.as_deref(), container.name.as_deref()), (Some("a7"), Some("INC0007")));
        }
        assert_eq!(only(&report, attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
    }
}

#[test]
fn pages_and_tables() {
    let [plain, code, ..] = &five(1210);
    let shown = json!({"result": [{"sys_id": {"display_value": "a7", "value": "a7"}, "number": {"display_value": "INC0007", "value": "INC0007"}, "sys_class_name": {"display_value": "Incident", "value": "incident"},
        "description": {"display_value": format!("the key is {plain}"), "value": ""}, "sys_created_by": {"display_value": "ada", "value": "ada"}, "sys_created_on": {"display_value": "2024-01-01 12:00:00", "value": "2024-01-01 10:00:00"}}]});
    let stored = json!({"records": [{"sys_id": "a7", "number": "INC0007", "sys_class_name": "incident", "description": format!("the key is {plain}"), "sys_created_by": "ada", "sys_created_on": "2024-01-01 10:00:00"}]});
    for page in [shown, stored] {
        for report in scan_each("page.json", page.to_string(), Some(SITE)) {
            check(
                &report,
                "servicenow",
                &[(plain, &format!("ada - <-> 2024-01-01T10:00:00Z {SITE}/incident.do?sys_id=a7"), Current)],
            );
        }
    }
    let table = format!(
        "number,short_description,sys_created_by,sys_created_on,work_notes\nINC0007,\"the key is {plain}\",ada,2024-01-01 10:00:00,\"2024-01-01 12:05:00 - Bob B (Work notes)\n{}\"\n",
        in_code(code)
    );
    for report in scan_each("incident.csv", table, Some(SITE)) {
        let search = format!("{SITE}/text_search_exact_match.do?sysparm_search=INC0007");
        check(
            &report,
            "servicenow",
            &[
                (plain, &format!("ada - <-> 2024-01-01T10:00:00Z {search}"), Current),
                (code, &format!("- Bob B <-> - {search}"), Current),
            ],
        );
    }
}

#[test]
fn a_broken_piece_of_a_file_is_told_once_and_costs_no_record() {
    let [plain, attached, ..] = &five(1290);
    let piece = |file: &str, data: &str| {
        format!(
            "<sys_attachment_doc action=\"INSERT_OR_UPDATE\"><data>{data}</data><sys_attachment>{file}</sys_attachment></sys_attachment_doc>"
        )
    };
    let whole = packed(format!("token={attached}\n"));
    let unload = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><unload unload_date=\"2024-02-01 10:00:00\">{}{}{}{}\
         <incident action=\"INSERT_OR_UPDATE\"><description>the key is {plain}</description><sys_id>a7</sys_id></incident></unload>",
        piece("f1", "no base64!"),
        piece("f1", &whole),
        piece("f1", &whole),
        piece("f2", &whole),
    );
    for report in scan_each("incident.xml", unload, Some(SITE)) {
        only(&report, plain);
        only(&report, attached);
        let told: Vec<&str> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(matches!(told.as_slice(), [one] if one.contains("no base64")), "{told:?}");
    }
}

#[test]
fn regression_a_line_like_a_heading_is_scanned() {
    let [in_note, above] = [token(690), token(691)];
    let record = json!({"sys_id": "a7", "sys_created_by": "ada", "sys_created_on": "2024-01-01 10:00:00",
        "work_notes": format!("see {above}\n2024-01-01 12:05:00 - Bob B (Work notes)\nor\n2024-01-01 12:06:00 - the key is {in_note} (new)\n")});
    let report = scan_file("incidents.json", json!({"records": [record]}).to_string(), None);
    for secret in [&in_note, &above] {
        only(&report, secret);
    }
}

#[test]
fn pieces_of_a_file_in_any_order() {
    let [attached, ..] = &five(1220);
    let file = packed(format!("token={attached}\n"));
    let (first, second) = file.split_at(file.len() / 8 * 4);
    let piece = |position: u64, data: &str| {
        format!(
            "<sys_attachment_doc action=\"INSERT_OR_UPDATE\"><data>{data}</data><position>{position}</position><sys_attachment>f1</sys_attachment></sys_attachment_doc>"
        )
    };
    let unload = |pieces: &[String]| {
        format!(
            "<?xml version=\"1.0\"?><unload unload_date=\"2024-02-01 10:00:00\"><sys_attachment action=\"INSERT_OR_UPDATE\"><file_name>notes.txt</file_name><sys_created_by>bob</sys_created_by><sys_id>f1</sys_id></sys_attachment>{}</unload>",
            pieces.concat()
        )
    };
    let pieces = [piece(0, first), piece(1, second)];
    for order in [[0, 1, 1], [1, 0, 0], [0, 0, 1]] {
        for report in scan_each("incident.xml", unload(&order.map(|index| pieces[index].clone())), None) {
            let place = only(&report, attached);
            assert_eq!(place.attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        }
    }
    for missing in [&pieces[1..], &[piece(0, first), piece(2, second)]] {
        for report in scan_each("incident.xml", unload(missing), None) {
            assert!(report.problems.iter().any(|told| told.message.contains("is missing")), "{:?}", report.problems);
        }
    }
}

#[test]
fn code_in_journals_and_people_of_the_unload() {
    let [in_value, in_note, plain, ..] = &five(1230);
    let halves = |token: &str| format!("see [code]<b>{}</b>{}<br>x &amp; y[/code] a < b", &token[..9], &token[9..]);
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let unload = format!(
        "<?xml version=\"1.0\"?><unload unload_date=\"2024-02-01 10:00:00\">\
         <sys_journal_field action=\"INSERT_OR_UPDATE\"><element_id>a7</element_id><name>incident</name><sys_created_by>ada</sys_created_by><sys_created_on>2024-01-01 10:00:00</sys_created_on><sys_id>j1</sys_id><value>{}</value></sys_journal_field>\
         <incident action=\"INSERT_OR_UPDATE\"><description>key {plain}</description><sys_created_by>eve</sys_created_by><sys_id>a7</sys_id><work_notes>2024-01-01 12:05:00 - Bob B (Work notes)\n{}\n\n</work_notes></incident>\
         <sys_user action=\"INSERT_OR_UPDATE\"><email>ada@example.com</email><first_name>Ada</first_name><last_name>L</last_name><sys_id>u1</sys_id><user_name>ada</user_name></sys_user></unload>",
        escaped(&halves(in_value)),
        escaped(&halves(in_note)),
    );
    for report in scan_each("incident.xml", unload, Some(SITE)) {
        let url = format!("{SITE}/incident.do?sys_id=a7");
        check(
            &report,
            "servicenow",
            &[
                (in_value, &format!("ada Ada L <ada@example.com> 2024-01-01T10:00:00Z {url}"), Current),
                (in_note, &format!("- Bob B <-> - {url}"), Current),
                (plain, &format!("eve - <-> - {url}"), Current),
            ],
        );
    }
}

#[test]
fn regression_notes_shown_and_stored_are_told_once_and_links_name_the_instance() {
    let [first, second, plain, ..] = &five(1240);
    let notes = |hour: &str| {
        format!(
            "2024-01-02 {hour}:00:00 - Bob B (Work notes)\nfirst {first}\n\n2024-01-01 {hour}:00:00 - Ada L (Work notes)\nsecond {second}\n\n"
        )
    };
    let both = |shown: &str, stored: &str| json!({"display_value": shown, "value": stored});
    let record = json!({"sys_id": both("a7", "a7"), "number": both("INC0007", "INC0007"), "sys_class_name": both("Incident", "incident"),
        "description": both(&format!("the key is {plain}"), &format!("the key is {plain}")),
        "work_notes": both(&notes("12"), &notes("10")), "sys_created_by": both("ada", "ada"), "sys_created_on": both("2024-01-01 12:00:00", "2024-01-01 10:00:00"),
        "opened_by": {"display_value": "Ada L", "link": format!("{SITE}/api/now/table/sys_user/5137"), "value": "5137"}});
    let page = json!({"result": [record]}).to_string();
    for report in scan_each("page.json", page, None) {
        let url = format!("{SITE}/incident.do?sys_id=a7");
        check(
            &report,
            "servicenow",
            &[
                (first, &format!("- Bob B <-> - {url}"), Current),
                (second, &format!("- Ada L <-> - {url}"), Current),
                (plain, &format!("ada - <-> 2024-01-01T10:00:00Z {url}"), Current),
            ],
        );
        assert_eq!(only(&report, first).time.as_ref().unwrap().raw, "2024-01-02 12:00:00");
    }
}
