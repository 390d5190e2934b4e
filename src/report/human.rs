//! `human`: text for a terminal, one block per finding, the verdict last.

use std::{borrow::Cow, collections::BTreeMap, io};

use super::{
    ReportOptions, Reporter, WhenClean, attribution,
    group::{Exposure, Group, groups},
    redact::Redactor,
    style::{Paint, Style},
    tally::Tally,
    wording::{count, cut, exposure as exposed, grouped, history, part, printable, record, seconds, size, throughput},
};
use crate::model::{Finding, Occurrence, Part, Problem, Provenance, ScanReport, Stats};

/// Places listed per finding. More of them push the next finding off the screen and tell nobody anything new.
const MAX_PLACES: usize = 5;

/// So many problems of a kind are listed.
const MAX_PROBLEMS: usize = 100;

/// Columns before a line of context.
const CONTEXT_INDENT: usize = 6;

/// The format `human`.
pub(super) struct Human;

impl Reporter for Human {
    fn write(&self, report: &ScanReport, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
        let is_clean = report.findings.is_empty() && report.problems.is_empty();
        if is_clean && options.when_clean == WhenClean::BeQuiet && !options.stats {
            return Ok(());
        }
        let redactor = Redactor::new(report, options.show_secrets);
        let page = Page { report, redactor, paint: Paint::new(options.colour), options };
        match options.group_by {
            Some(by) => page.groups(&groups(report, by), out)?,
            None => report
                .findings
                .iter()
                .try_for_each(|finding| page.finding(finding, &finding.occurrences.iter().collect::<Vec<_>>(), out))?,
        }
        page.exports(report, out)?;
        page.problems(&report.problems, out)?;
        page.verdict(report, out)?;
        if options.stats { page.stats(&report.stats, out) } else { Ok(()) }
    }
}

struct Page<'a> {
    report: &'a ScanReport,
    redactor: Redactor<'a>,
    paint: Paint,
    options: &'a ReportOptions,
}

impl Page<'_> {
    /// Findings below what they have in common.
    fn groups(&self, groups: &[Group<'_>], out: &mut dyn io::Write) -> io::Result<()> {
        for group in groups {
            let name = group.name.as_deref().map_or(Cow::Borrowed("unknown"), |name| self.redactor.text(name));
            let name = printable(&name).to_string();
            let secrets = count(group.findings.len() as u64, "secret");
            writeln!(out, "{} ({secrets})\n", self.paint.paint(Style::Title, format!("== {name}")))?;
            group.findings.iter().try_for_each(|(finding, places)| self.finding(finding, places, out))?;
        }
        Ok(())
    }

    fn finding(&self, finding: &Finding, places: &[&Occurrence], out: &mut dyn io::Write) -> io::Result<()> {
        let rule = &finding.rule;
        let badge = finding.severity.as_str().to_uppercase();
        let badge = self.paint.paint(Style::Badge(finding.severity), badge);
        let title = self.paint.paint(Style::Title, printable(&rule.name));
        writeln!(out, "{badge} {title} ({})", printable(&rule.provider))?;
        let preview = self.paint.paint(Style::Secret, printable(&finding.preview));
        let ids = format!("{} {}", printable(&rule.id), finding.fingerprint);
        writeln!(out, "  {preview}  score {}  {}", finding.score, self.paint.paint(Style::Faint, ids))?;
        if let Some(id) = &finding.public_id {
            writeln!(out, "  public id {}", printable(&self.redactor.text(id)))?;
        }
        self.facts(finding, out)?;
        if let Some(secret) = self.redactor.reveal(finding) {
            let secret = String::from_utf8_lossy(secret);
            writeln!(out, "  secret {}", self.paint.paint(Style::Secret, printable(&secret)))?;
        }
        for line in self.report.attributions.get(&finding.fingerprint).map(attribution::lines).unwrap_or_default() {
            writeln!(out, "  {}", printable(&self.redactor.text(&line)))?;
        }
        if let Some(exposure) = Exposure::of(places.iter().copied()) {
            writeln!(out, "  {}", self.redactor.text(&exposed(&exposure)))?;
        }
        for occurrence in places.iter().take(MAX_PLACES) {
            self.occurrence(occurrence, &finding.preview, out)?;
        }
        if let Some(folded @ 1..) = places.len().checked_sub(MAX_PLACES) {
            let line = format!("and {} more (use --format json for all)", grouped(folded as u64));
            writeln!(out, "  {}", self.paint.paint(Style::Faint, line))?;
        }
        writeln!(out)
    }

    /// What the credential says of itself, and its public parts.
    fn facts(&self, finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
        if !finding.attributes.is_empty() {
            let facts: Vec<String> = finding.attributes.iter().map(|(name, value)| format!("{name} {value}")).collect();
            writeln!(out, "  {}", printable(&self.redactor.text(&facts.join(", "))))?;
        }
        for part in &finding.parts {
            let value = self.redactor.text(&part.value);
            let place = self.paint.paint(Style::Path, self.redactor.provenance(&part.provenance));
            writeln!(out, "  {} {} in {place}:{}", printable(&part.name), printable(&value), part.line)?;
        }
        Ok(())
    }

    fn occurrence(&self, occurrence: &Occurrence, preview: &str, out: &mut dyn io::Write) -> io::Result<()> {
        let path = self.redactor.provenance(&occurrence.provenance);
        let path = self.paint.paint(Style::Path, path);
        match part(occurrence.part) {
            None if is_field(&occurrence.provenance) => {
                writeln!(out, "  {path}{}", record_line(&occurrence.provenance))?
            }
            None => writeln!(out, "  {path}:{}:{}", occurrence.place.line, occurrence.place.column)?,
            Some(words) => writeln!(out, "  {path} ({words})")?,
        }
        if let Provenance::Git(place) = &occurrence.provenance {
            for line in history(place) {
                let line = self.redactor.text(&line);
                writeln!(out, "      {}", self.paint.paint(Style::Faint, printable(&line)))?;
            }
        }
        if let Provenance::Record(place) = &occurrence.provenance {
            for line in record(place) {
                let line = self.redactor.text(&line);
                writeln!(out, "      {}", self.paint.paint(Style::Faint, printable(&line)))?;
            }
        }
        // The context of a name is that name, which the line above shows.
        match self.options.snippets.of(occurrence).filter(|_| occurrence.part != Part::Name) {
            Some(context) => self.context(context, preview, out),
            None => Ok(()),
        }
    }

    /// The redacted line, cut to the terminal, with the preview in the colour of a secret.
    fn context(&self, context: &str, preview: &str, out: &mut dyn io::Write) -> io::Result<()> {
        let clean = printable(&self.redactor.text(context)).to_string();
        let columns = match self.options.width {
            0 => 0,
            width => width.saturating_sub(CONTEXT_INDENT).max(20),
        };
        let line = cut(clean.trim(), columns, preview);
        write!(out, "{:CONTEXT_INDENT$}", "")?;
        match line.split_once(preview).filter(|_| !preview.is_empty()) {
            Some((before, after)) => {
                writeln!(out, "{before}{}{after}", self.paint.paint(Style::Secret, preview))
            }
            None => writeln!(out, "{line}"),
        }
    }

    /// What the export is taken for, and what is to be known about it.
    fn exports(&self, report: &ScanReport, out: &mut dyn io::Write) -> io::Result<()> {
        for export in &report.exports {
            let path = printable(&self.redactor.text(&export.path)).to_string();
            let path = self.paint.paint(Style::Path, path);
            let signs = printable(&self.redactor.text(&export.signs.join(", "))).to_string();
            writeln!(out, "{path} is read as {}: {signs}.", printable(&export.title))?;
        }
        for notice in &report.notices {
            let path = printable(&self.redactor.text(&notice.path)).to_string();
            let path = self.paint.paint(Style::Path, path);
            let kind = self.paint.paint(Style::Warning, printable(&notice.kind).to_string());
            let message = self.redactor.text(&notice.message);
            writeln!(out, "{kind} {path}: {} ({}).", printable(&message), count(notice.count, "place"))?;
        }
        if report.exports.is_empty() { Ok(()) } else { writeln!(out) }
    }

    fn problems(&self, problems: &[Problem], out: &mut dyn io::Write) -> io::Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.paint.paint(Style::Warning, "Not scanned, or not in full:"))?;
        // A damaged pack has as many problems as objects.
        let mut met: BTreeMap<&str, usize> = BTreeMap::new();
        for problem in problems {
            let of_kind = met.entry(problem.kind.as_str()).or_default();
            *of_kind += 1;
            if *of_kind > MAX_PROBLEMS {
                continue;
            }
            let kind = self.paint.paint(Style::Warning, problem.kind.as_str());
            let path = self.redactor.provenance(&problem.provenance);
            let path = self.paint.paint(Style::Path, path);
            writeln!(out, "  {kind} {path}: {}", printable(&self.redactor.text(&problem.message)))?;
        }
        for (kind, met) in met.into_iter().filter(|(_, met)| *met > MAX_PROBLEMS) {
            let kind = self.paint.paint(Style::Warning, kind);
            let more = grouped((met - MAX_PROBLEMS) as u64);
            let more = format!("and {more} more of this kind (use --format json for all)");
            writeln!(out, "  {kind}: {}", self.paint.paint(Style::Faint, more))?;
        }
        writeln!(out)
    }

    fn verdict(&self, report: &ScanReport, out: &mut dyn io::Write) -> io::Result<()> {
        let tally = Tally::of(report);
        let problems = grouped(tally.problems);
        match (tally.findings, tally.problems) {
            (0, 0) => writeln!(out, "{}", self.paint.paint(Style::Good, "No secrets found."))?,
            (0, _) => {
                let line = format!("No secrets found in what could be read; {problems} not scanned.");
                writeln!(out, "{}", self.paint.paint(Style::Warning, line))?;
            }
            (findings, _) => {
                let found = format!("{} found in {}", count(findings, "secret"), count(tally.occurrences, "place"));
                let by = tally.by_severity;
                writeln!(
                    out,
                    "{}: {} critical, {} high, {} medium, {} low.",
                    self.paint.paint(Style::Title, found),
                    grouped(by.critical),
                    grouped(by.high),
                    grouped(by.medium),
                    grouped(by.low)
                )?;
            }
        }
        if let Some(config) = &report.config {
            let silenced = count(config.silenced, "finding");
            let lowered = match config.lowered {
                0 => String::new(),
                lowered => format!(", {lowered} of lower severity than their rule's"),
            };
            let path = self.redactor.text(&config.path);
            let line = format!("Configuration {}: {silenced} silenced{lowered}.", printable(&path));
            let style = if config.silenced + config.lowered > 0 { Style::Warning } else { Style::Faint };
            writeln!(out, "{}", self.paint.paint(style, line))?;
        }
        if let Some(changes) = &report.stats.store {
            writeln!(out, "Store: {changes}.")?;
        }
        write!(out, "Scanned {}", scanned(&report.stats))?;
        match (tally.findings, tally.problems) {
            (0, _) | (_, 0) => writeln!(out, "."),
            _ => writeln!(out, "; {}.", self.paint.paint(Style::Warning, format!("{problems} not scanned"))),
        }
    }

    fn stats(&self, stats: &Stats, out: &mut dyn io::Write) -> io::Result<()> {
        let times = &stats.times;
        let rows = [
            ("bytes", grouped(stats.bytes)),
            ("bytes carried over", share(stats.bytes_carried, stats.bytes)),
            ("files", grouped(stats.blobs)),
            ("records", grouped(stats.records)),
            ("candidates", grouped(stats.candidates)),
            ("regex calls", grouped(stats.regex_calls)),
            ("matches", grouped(stats.matches)),
            ("rejected", grouped(stats.rejected)),
            ("allowed", grouped(stats.allowed)),
            ("ignored", grouped(stats.ignored)),
            ("links not followed", grouped(stats.links_not_followed)),
            ("time reading", seconds(times.read)),
            ("time prefiltering", seconds(times.prefilter)),
            ("time confirming", seconds(times.confirm)),
            ("time in history", seconds(times.history)),
            ("time in all", seconds(times.wall)),
            ("throughput", throughput(stats.bytes, times.wall).unwrap_or_else(|| "not measured".to_owned())),
        ];
        writeln!(out, "\n{}", self.paint.paint(Style::Title, "Statistics"))?;
        rows.iter().try_for_each(|(label, value)| writeln!(out, "  {label:<18}  {value:>16}"))?;
        if times.floor.is_zero() {
            return Ok(());
        }
        let times_floor = times.wall.as_secs_f64() / times.floor.as_secs_f64();
        writeln!(out, "  {:<18}  {:>16}", "time of decoding", seconds(times.floor))?;
        writeln!(out, "  {:<18}  {:>16}", "in all / decoding", format!("{times_floor:.2}"))
    }
}

/// A number and which part of another it is.
fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => grouped(part),
        _ => format!("{} ({:.0} %)", grouped(part), part as f64 * 100.0 / whole as f64),
    }
}

/// Does it stand in a field of a record, whose line and column are of no use to anybody?
fn is_field(provenance: &Provenance) -> bool {
    matches!(provenance, Provenance::Record(place) if !place.field.is_empty())
}

/// The line in the file of an export, if that has lines.
fn record_line(provenance: &Provenance) -> String {
    match provenance {
        Provenance::Record(place) if place.physical.line > 0 => format!(":{}", place.physical.line),
        _ => String::new(),
    }
}

/// What was scanned, in words.
fn scanned(stats: &Stats) -> String {
    let objects = &stats.objects;
    let text = scanned_now(stats);
    match objects.known() {
        0 => text,
        known => format!("{text}, and left out {} that the cache knew", count(known, "object")),
    }
}

fn scanned_now(stats: &Stats) -> String {
    let objects = &stats.objects;
    let of_history = objects.commits.scanned + objects.blobs.scanned + objects.tags.scanned;
    let files = count(stats.blobs.saturating_sub(of_history), "file");
    let size = match stats.records {
        0 => size(stats.bytes),
        records => format!("{}, {}", count(records, "record"), size(stats.bytes)),
    };
    if of_history + objects.trees.scanned + objects.known() == 0 {
        return format!("{files}, {size}");
    }
    let (commits, trees) = (count(objects.commits.scanned, "commit"), count(objects.trees.scanned, "tree"));
    let (blobs, tags) = (count(objects.blobs.scanned, "blob"), count(objects.tags.scanned, "tag"));
    format!("{files} and a history of {commits}, {trees}, {blobs} and {tags}, {size}")
}
