//! `unleak report`: pages for the people who answer for what leaked.

use std::{collections::BTreeMap, fs, path::PathBuf};

use sha2::{Digest as _, Sha256};

use super::{
    CommandError, Env, ExitCode, output,
    store::{StoreChoice, open},
};
use crate::{
    model::{Attribution, DisplayPath, identity::Timestamp},
    report::{
        count,
        pages::{Page, PageEntry, PageFinding, PageFormat, PagePlace, PagePlan},
    },
    rotate::{StoredPlan, plans},
    store::{FindingFilter, Row, StoreError, StoredFinding, Transaction},
};

/// Findings are read in pages of so many.
const PAGE: u32 = 500;

/// Findings that a page tells of, the riskiest; of the others it has the number.
const PAGE_FINDINGS: usize = 1_000;

/// Places that are told of a finding.
const PLACES: i64 = 20;

/// What findings are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// People and teams; a finding is on the page of each of its owners.
    Owner,
    /// Identities.
    Identity,
    /// Teams alone.
    Team,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            By::Owner => "owner",
            By::Identity => "identity",
            By::Team => "team",
        }
    }
}

/// What to report, and how.
#[derive(Clone)]
pub struct ReportSettings {
    /// The store.
    pub store: StoreChoice,
    /// What findings are put together by.
    pub by: By,
    /// Which findings.
    pub filter: FindingFilter,
    /// How pages are written.
    pub format: &'static PageFormat,
    /// Where to: a file for each page and one that lists them. Standard output if `None`.
    pub output: Option<PathBuf>,
}

/// Whose page it is; what belongs to nobody comes last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_unknown: bool,
    name: String,
}

/// A page to be written: who gets it, and the ids of its findings.
#[derive(Default)]
struct Group {
    title: Option<String>,
    email: Option<String>,
    findings: Vec<String>,
    /// How many more, by severity.
    left_out: BTreeMap<String, u64>,
}

/// Writes a page for each owner, identity or team. Memory grows with the number of pages, by the ids of a thousand findings each;
/// one page is held at a time if they go to files.
///
/// # Errors
/// If there is no store, or a page can't be written.
pub fn report(settings: &ReportSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut store = open(&settings.store, env)?;
    let groups = store.read(|tx| groups(tx, settings))?;
    let Some(dir) = &settings.output else {
        let pages = store.read(|tx| {
            let pages = groups.iter().map(|(key, group)| page(tx, settings.by, key, group));
            pages.collect::<Result<Vec<_>, CommandError>>()
        })?;
        output::write(None, env, &|out| (settings.format.write)(&pages, out))?;
        return Ok(ExitCode::Clean);
    };
    fs::create_dir_all(dir).map_err(|source| CommandError::Write { path: DisplayPath(dir).to_string(), source })?;
    let mut entries: Vec<PageEntry> = Vec::new();
    for (key, group) in &groups {
        let page = store.read(|tx| page(tx, settings.by, key, group))?;
        // An identity's key is an id of the store, which says nothing to anybody.
        let shown = group.title.as_deref().filter(|_| settings.by == By::Identity).unwrap_or(&key.name);
        let file = file_name(key, shown, settings.format.extension);
        output::write(Some(&dir.join(&file)), env, &|out| (settings.format.write)(std::slice::from_ref(&page), out))?;
        entries.push(page.entry(file));
    }
    let index = dir.join(format!("index.{}", settings.format.extension));
    output::write(Some(&index), env, &|out| (settings.format.write_index)(&entries, out))?;
    let pages = count(entries.len() as u64, "page");
    output::write(None, env, &|out| writeln!(out, "wrote {pages} and {}", DisplayPath(&index)))?;
    Ok(ExitCode::Clean)
}

fn groups(tx: &mut Transaction<'_>, settings: &ReportSettings) -> Result<BTreeMap<Key, Group>, CommandError> {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = tx.findings(&settings.filter, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(groups) };
        after = Some(last.cursor());
        let attributions = tx.attributions(page.iter().map(|finding| finding.id.as_str()))?;
        for finding in &page {
            let known = attributions.get(&finding.id);
            for (key, title, email) in keys(settings.by, known) {
                let group = groups.entry(key).or_default();
                group.title = group.title.take().or(title);
                group.email = group.email.take().or(email);
                // They come by risk.
                if group.findings.len() < PAGE_FINDINGS {
                    group.findings.push(finding.id.clone());
                } else {
                    *group.left_out.entry(finding.severity.clone()).or_default() += 1;
                }
            }
        }
    }
}

/// Whose pages a finding is on: key, title and address.
fn keys(by: By, attribution: Option<&Attribution>) -> Vec<(Key, Option<String>, Option<String>)> {
    let key = |name: &str| Key { is_unknown: false, name: name.to_owned() };
    let found: Vec<_> = match (by, attribution) {
        (_, None) => Vec::new(),
        (By::Identity, Some(known)) => known
            .identity
            .iter()
            .map(|identity| {
                let name = format!("{} ({} {})", identity.name, identity.provider, identity.account);
                (key(&identity.id), Some(name), None)
            })
            .collect(),
        (By::Owner | By::Team, Some(known)) => known
            .owners
            .iter()
            .filter(|owner| by == By::Owner || owner.kind == "team")
            .map(|owner| (key(&owner.reference), owner.name.clone(), owner.email.clone()))
            .collect(),
    };
    match found.is_empty() {
        true => vec![(Key { is_unknown: true, name: String::new() }, None, None)],
        false => found,
    }
}

fn page(tx: &mut Transaction<'_>, by: By, key: &Key, group: &Group) -> Result<Page, CommandError> {
    let mut findings = Vec::with_capacity(group.findings.len());
    let mut attributions = tx.attributions(group.findings.iter().map(String::as_str))?;
    for id in &group.findings {
        let Some(finding) = tx.find_findings(id)?.into_iter().next() else { continue };
        let Some(attribution) = attributions.remove(id) else { continue };
        findings.push(page_finding(tx, finding, attribution)?);
    }
    Ok(Page {
        by: by.as_str(),
        name: (!key.is_unknown).then(|| key.name.clone()),
        title: group.title.clone(),
        email: group.email.clone(),
        made: Timestamp { millis: tx.now().div_euclid(1000) * 1000 },
        findings,
        left_out: group.left_out.clone(),
    })
}

fn page_finding(
    tx: &mut Transaction<'_>,
    finding: StoredFinding,
    attribution: Attribution,
) -> Result<PageFinding, CommandError> {
    let rows = tx.query(
        "SELECT s.scope, o.path, o.line, o.commit_id, o.author, o.authored_at, o.present, o.public FROM occurrence AS o
         JOIN source AS s ON s.id = o.source_id WHERE o.finding_id = $1
         ORDER BY o.present DESC, s.scope, o.locator_key LIMIT $2",
        &[(&finding.id).into(), PLACES.into()],
    )?;
    let places = rows.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let total = tx.query_one("SELECT count(*) FROM occurrence WHERE finding_id = $1", &[(&finding.id).into()])?;
    let total: i64 = total.map_or(Ok(0), |row| row.get(0))?;
    let plan = match &attribution.plan {
        Some(plan) => Some(page_plan(&plans::read(tx, &plan.id)?)),
        None => None,
    };
    Ok(PageFinding {
        rule: finding.rule,
        provider: finding.provider,
        severity: finding.severity,
        preview: finding.preview,
        public_id: finding.public_id,
        first_seen: Timestamp { millis: finding.first_seen_at },
        last_seen: Timestamp { millis: finding.last_seen_at },
        attribution,
        places_total: u64::try_from(total).unwrap_or(0),
        places,
        plan,
    })
}

fn place(row: &Row) -> Result<PagePlace, StoreError> {
    Ok(PagePlace {
        source: row.get(0)?,
        path: row.get(1)?,
        line: row.get::<i64>(2)?.unsigned_abs(),
        commit: row.get(3)?,
        author: row.get(4)?,
        at: row.get::<Option<i64>>(5)?.map(|millis| Timestamp { millis }),
        present: row.get(6)?,
        public: row.get(7)?,
    })
}

fn page_plan(stored: &StoredPlan) -> PagePlan {
    let plan = &stored.plan;
    let consumers = &plan.subject.consumers;
    PagePlan {
        consumers: consumers
            .iter()
            .map(|one| format!("{} ({}: {})", one.workload, one.distribution, one.locator))
            .collect(),
        steps: plan.steps.iter().map(|step| format!("{} {}: {}", step.number, step.op.as_str(), step.call)).collect(),
        cautions: plan.cautions.clone(),
    }
}

/// A name that every file system takes and no two keys share, and that begins as `shown` does.
fn file_name(key: &Key, shown: &str, extension: &str) -> String {
    if key.is_unknown {
        return format!("unknown.{extension}");
    }
    let mut name = String::new();
    for character in shown.to_lowercase().chars().take(60) {
        let fits = character.is_ascii_alphanumeric();
        match fits {
            true => name.push(character),
            false if !name.ends_with('-') && !name.is_empty() => name.push('-'),
            false => {}
        }
    }
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(key.name.as_bytes())[..4]);
    format!("{name}{}{digest}.{extension}", if name.is_empty() || name.ends_with('-') { "" } else { "-" })
}

#[cfg(test)]
mod tests {
    use super::{Key, file_name};

    #[test]
    fn names_of_files_are_harmless_and_distinct() {
        let named = |name: &str| file_name(&Key { is_unknown: false, name: name.to_owned() }, name, "html");
        assert!(named("group:default/payments").starts_with("group-default-payments-"));
        let hostile = named("../../etc/passwd\0<x>");
        assert!(hostile.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.'), "{hostile}");
        assert!(!hostile.contains("..") && !hostile.starts_with('.'), "{hostile}");
        assert_ne!(named("a/b"), named("a-b"));
        assert_ne!(named("日本"), named("中国"));
        let of = |id: &str| file_name(&Key { is_unknown: false, name: id.to_owned() }, "svc (aws 1)", "html");
        assert!(of("01A").starts_with("svc-aws-1-") && of("01A") != of("01B"));
    }
}
