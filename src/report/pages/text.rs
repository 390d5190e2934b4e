use std::io;

use super::{Page, PageEntry, PageFinding, plain};

pub(super) fn write(pages: &[Page], out: &mut dyn io::Write) -> io::Result<()> {
    if pages.is_empty() {
        return writeln!(out, "No findings.");
    }
    for page in pages {
        writeln!(out, "== {}", plain(&page.heading()))?;
        if let Some(email) = &page.email {
            writeln!(out, "to {}", plain(email))?;
        }
        writeln!(out, "{}, {}\n", page.summary(), page.made)?;
        page.findings.iter().try_for_each(|finding| write_finding(finding, out))?;
        page.more().iter().try_for_each(|more| writeln!(out, "{more}\n"))?;
    }
    Ok(())
}

fn write_finding(finding: &PageFinding, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}", plain(&finding.heading()))?;
    for (name, value) in finding.facts() {
        writeln!(out, "  {name:10}  {}", plain(&value))?;
    }
    for place in finding.place_lines() {
        writeln!(out, "  {:10}  {}", "place", plain(&place))?;
    }
    let Some(plan) = &finding.plan else { return writeln!(out) };
    for (name, lines) in [("breaks", &plan.consumers), ("step", &plan.steps), ("caution", &plan.cautions)] {
        lines.iter().try_for_each(|line| writeln!(out, "  {name:10}  {}", plain(line)))?;
    }
    writeln!(out)
}

pub(super) fn write_index(pages: &[PageEntry], out: &mut dyn io::Write) -> io::Result<()> {
    pages.iter().try_for_each(|page| writeln!(out, "{}  {}  {}", page.file, plain(&page.heading), page.summary))
}
