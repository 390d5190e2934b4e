use std::io;

use super::{Page, PageEntry, PageFinding, plain};

/// Text that no reader of Markdown takes for markup, a link or a mention: each character that could begin one is escaped.
fn text(text: &str) -> String {
    let mut escaped = String::new();
    for character in plain(text).chars() {
        if character.is_ascii_punctuation() && !matches!(character, ',' | ';' | '\'' | '%') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

pub(super) fn write(pages: &[Page], out: &mut dyn io::Write) -> io::Result<()> {
    if pages.is_empty() {
        return writeln!(out, "No findings.");
    }
    for page in pages {
        writeln!(out, "# {}\n", text(&page.heading()))?;
        if let Some(email) = &page.email {
            writeln!(out, "To {}\n", text(email))?;
        }
        writeln!(out, "{}, {}\n", text(&page.summary()), text(&page.made.to_string()))?;
        page.findings.iter().try_for_each(|finding| write_finding(finding, out))?;
        page.more().iter().try_for_each(|more| writeln!(out, "{more}\n"))?;
    }
    Ok(())
}

fn write_finding(finding: &PageFinding, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "## {}\n", text(&finding.heading()))?;
    writeln!(out, "| | |\n|---|---|")?;
    for (name, value) in finding.facts() {
        writeln!(out, "| {name} | {} |", text(&value))?;
    }
    writeln!(out)?;
    let mut list = |title: &str, marker: &str, lines: &[String]| {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "{title}\n")?;
        lines.iter().try_for_each(|line| writeln!(out, "{marker} {}", text(line)))?;
        writeln!(out)
    };
    list("Places", "-", &finding.place_lines())?;
    let Some(plan) = &finding.plan else { return Ok(()) };
    list("Who breaks", "-", &plan.consumers)?;
    list("Steps", "1.", &plan.steps)?;
    list("To weigh", "-", &plan.cautions)
}

pub(super) fn write_index(pages: &[PageEntry], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "# Leaked credentials\n")?;
    for page in pages {
        writeln!(out, "- [{}]({}): {}", text(&page.heading), page.file, text(&page.summary))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            super::text("[x](https://a.b) @org `c` <i>"),
            "\\[x\\]\\(https\\:\\/\\/a\\.b\\) \\@org \\`c\\` \\<i\\>"
        );
        assert_eq!(super::text("a\n# b"), "a\\\\u\\{a\\}\\# b");
    }
}
