use std::io;

use super::{Page, PageEntry, PageFinding, plain};

/// Nothing is loaded and nothing runs, whatever stands in a name; a mail reader shows it as a browser does.
const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"referrer\" content=\"no-referrer\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Leaked credentials</title>
<style>
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; border-top: 1px solid #ccc; padding-top: 1rem; }
th { text-align: left; vertical-align: top; padding-right: 1rem; font-weight: normal; color: #555; }
td, li { overflow-wrap: anywhere; } .critical, .high { color: #a40000; }
</style>
</head>
<body>
";

/// Text of an element or a quoted attribute.
fn text(text: &str) -> String {
    let mut escaped = String::new();
    for character in plain(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

pub(super) fn write(pages: &[Page], out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    if pages.is_empty() {
        writeln!(out, "<p>No findings.</p>")?;
    }
    for page in pages {
        writeln!(out, "<h1>{}</h1>", text(&page.heading()))?;
        if let Some(email) = &page.email {
            writeln!(out, "<p>To {}</p>", text(email))?;
        }
        writeln!(out, "<p>{}, {}</p>", text(&page.summary()), page.made)?;
        page.findings.iter().try_for_each(|finding| write_finding(finding, out))?;
        page.more().iter().try_for_each(|more| writeln!(out, "<p>{}</p>", text(more)))?;
    }
    writeln!(out, "</body>\n</html>")
}

fn write_finding(finding: &PageFinding, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<h2 class=\"{}\">{}</h2>\n<table>", text(&finding.severity), text(&finding.heading()))?;
    for (name, value) in finding.facts() {
        writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>", text(&value))?;
    }
    writeln!(out, "</table>")?;
    let mut list = |title: &str, element: &str, lines: &[String]| {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "<h3>{title}</h3>\n<{element}>")?;
        lines.iter().try_for_each(|line| writeln!(out, "<li>{}</li>", text(line)))?;
        writeln!(out, "</{element}>")
    };
    list("Places", "ul", &finding.place_lines())?;
    let Some(plan) = &finding.plan else { return Ok(()) };
    list("Who breaks", "ul", &plan.consumers)?;
    list("Steps", "ol", &plan.steps)?;
    list("To weigh", "ul", &plan.cautions)
}

pub(super) fn write_index(pages: &[PageEntry], out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    writeln!(out, "<h1>Leaked credentials</h1>\n<ul>")?;
    for page in pages {
        let (file, heading, summary) = (text(&page.file), text(&page.heading), text(&page.summary));
        writeln!(out, "<li><a href=\"{file}\">{heading}</a>: {summary}</li>")?;
    }
    writeln!(out, "</ul>\n</body>\n</html>")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(super::text("<b a=\"'&\u{202e}"), "&lt;b a=&quot;&#39;&amp;\\u{202e}");
    }
}
