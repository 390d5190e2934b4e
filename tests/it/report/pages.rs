//! Pages for owners: nothing in them is live, and nothing of a secret.

use unleak::{
    model::identity::Timestamp,
    report::pages::{PAGE_FORMATS, Page, PageFinding, PagePlace, PagePlan, find},
};

use super::sample::{attribution, of_nobody};

const HOSTILE: &str =
    "<script>alert(1)</script> \" ' & [x](https://evil.example) `x` | @org/team \u{202e}\n# x\u{1b}[2J";

fn page(text: &str) -> Page {
    let time = Timestamp { millis: 1_714_649_820_000 };
    let place = PagePlace {
        source: text.to_owned(),
        path: Some(text.to_owned()),
        line: 3,
        commit: Some("0123456789".to_owned()),
        author: Some(text.to_owned()),
        at: Some(time),
        present: false,
        public: Some(true),
    };
    let finding = PageFinding {
        rule: "aws.access-key-pair".to_owned(),
        provider: text.to_owned(),
        severity: "critical".to_owned(),
        preview: text.to_owned(),
        public_id: Some(text.to_owned()),
        first_seen: time,
        last_seen: time,
        attribution: attribution(text),
        places_total: 1_234,
        places: vec![place],
        plan: Some(PagePlan {
            consumers: vec![text.to_owned()],
            steps: vec![text.to_owned()],
            cautions: vec![text.to_owned()],
        }),
    };
    let other = PageFinding { attribution: of_nobody(), plan: None, severity: "low".to_owned(), ..finding.clone() };
    Page {
        by: "owner",
        name: Some(text.to_owned()),
        title: Some(text.to_owned()),
        email: Some(text.to_owned()),
        made: time,
        findings: vec![finding, other],
        left_out: std::collections::BTreeMap::new(),
    }
}

fn written(format: &str, pages: &[Page]) -> String {
    let mut out = Vec::new();
    (find(format).unwrap().write)(pages, &mut out).unwrap();
    let entries: Vec<_> = pages.iter().map(|page| page.entry("a.html".to_owned())).collect();
    (find(format).unwrap().write_index)(&entries, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn hostile_names_stay_text() {
    for format in PAGE_FORMATS {
        let text = written(format.name, &[page(HOSTILE)]);
        if format.name != "json" {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
            assert!(!text.contains('\u{202e}') && !text.contains("\n# x"), "{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    let html = written("html", &[page(HOSTILE)]);
    assert!(!html.contains("<script"), "{html}");
    // Not even a link but those of the list.
    assert_eq!(html.matches("href=").count(), 1);
    assert!(!html.contains("src=") && !html.contains("url(") && !html.contains("@import"));
    assert!(html.contains("default-src 'none'"));
    let markdown = written("md", &[page(HOSTILE)]);
    assert!(!markdown.contains("[x]("), "{markdown}");
    for live in ['<', '`', '@'] {
        let escaped = format!("\\{live}");
        assert_eq!(markdown.matches(live).count(), markdown.matches(&escaped).count(), "{live} in {markdown}");
    }
}

#[test]
fn pages_say_what_leaked_why_it_is_theirs_and_what_to_do() {
    for format in PAGE_FORMATS {
        let text = written(format.name, &[page("Billing")]).replace('\\', "");
        for word in ["svc Billing", "A2", "public-id", "group:default/payments", "01PLAN", "Billing:3", "0123456789"] {
            let word = if format.name == "json" && word == "Billing:3" { "\"line\":3" } else { word };
            assert!(text.contains(word), "{} lacks {word}: {text}", format.name);
        }
    }
    let text = written("human", &[page("Billing")]);
    assert!(
        text.contains("2 leaked credentials: 1 critical, 1 low") && text.contains("and 1,233 more places"),
        "{text}"
    );
    assert!(text.contains("identity    not known"), "{text}");
    assert!(written("human", &[]).starts_with("No findings."));
}

#[test]
fn what_a_page_leaves_out_is_counted() {
    let mut many = page("Billing");
    many.left_out.insert("low".to_owned(), 1_500);
    for format in PAGE_FORMATS {
        let text = written(format.name, std::slice::from_ref(&many)).replace('\\', "");
        let said =
            if format.name == "json" { "\"left_out\":{\"low\":1500}" } else { "and 1,500 more leaked credentials" };
        assert!(text.contains(said), "{}: {text}", format.name);
        assert!(format.name == "json" || text.contains("1,502 leaked credentials: 1 critical, 1501 low"), "{text}");
    }
}
