//! `unleak report`: pages for the people who answer for what leaked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

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
/// pages of a thousand findings are held at a time if they go to files.
///
/// # Errors
/// If there is no store, or a page can't be written.
pub fn report(settings: &ReportSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut store = open(&settings.store, env)?;
    let groups = store.read(|tx| groups(tx, settings))?;
    let Some(dir) = &settings.output else {
        let pages = store.read(|tx| {
            let batches = batches(&groups);
            let told = batches.iter().map(|batch| pages(tx, settings.by, batch)).collect::<Result<Vec<_>, _>>()?;
            Ok::<Vec<_>, CommandError>(told.into_iter().flatten().collect())
        })?;
        output::write(None, env, &|out| (settings.format.write)(&pages, out))?;
        return Ok(ExitCode::Clean);
    };
    fs::create_dir_all(dir).map_err(|source| CommandError::Write { path: DisplayPath(dir).to_string(), source })?;
    let mut entries: Vec<PageEntry> = Vec::new();
    for batch in batches(&groups) {
        let pages = store.read(|tx| pages(tx, settings.by, &batch))?;
        for ((key, group), page) in batch.into_iter().zip(pages) {
            // An identity's key is an id of the store, which says nothing to anybody.
            let shown = group.title.as_deref().filter(|_| settings.by == By::Identity).unwrap_or(&key.name);
            let file = file_name(key, shown, settings.format.extension);
            output::write(Some(&dir.join(&file)), env, &|out| {
                (settings.format.write)(std::slice::from_ref(&page), out)
            })?;
            entries.push(page.entry(file));
        }
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
                let place = format!("{} {}", identity.provider, identity.account);
                let name = format!("{} ({})", identity.name, place.trim_end());
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

/// What pages tell of findings, by their ids.
struct Known {
    findings: BTreeMap<String, StoredFinding>,
    attributions: BTreeMap<String, Attribution>,
    /// How many there are, and the first of them.
    places: BTreeMap<String, (u64, Vec<PagePlace>)>,
}

/// A page to be written and whose it is.
type Keyed<'g> = (&'g Key, &'g Group);

/// Groups in the same order, put together until their findings are as many as a page may have: identities have few findings
/// each, and a statement for one costs as much as for a thousand.
fn batches(groups: &BTreeMap<Key, Group>) -> Vec<Vec<Keyed<'_>>> {
    let mut batches: Vec<Vec<Keyed<'_>>> = Vec::new();
    let mut held = 0;
    for (key, group) in groups {
        held += group.findings.len();
        match batches.last_mut().filter(|_| held <= PAGE_FINDINGS) {
            Some(batch) => batch.push((key, group)),
            None => {
                held = group.findings.len();
                batches.push(vec![(key, group)]);
            }
        }
    }
    batches
}

fn pages(tx: &mut Transaction<'_>, by: By, batch: &[Keyed<'_>]) -> Result<Vec<Page>, CommandError> {
    let ids: BTreeSet<&str> = batch.iter().flat_map(|(_, group)| group.findings.iter().map(String::as_str)).collect();
    let attributions = tx.attributions(ids.iter().copied())?;
    let known = Known { findings: tx.findings_by_id(&ids)?, attributions, places: places(tx, &ids)? };
    batch.iter().map(|(key, group)| page(tx, (by, key, group), &known)).collect()
}

fn page(tx: &mut Transaction<'_>, (by, key, group): (By, &Key, &Group), known: &Known) -> Result<Page, CommandError> {
    let findings = group.findings.iter().filter_map(|id| page_finding(tx, id, known).transpose());
    Ok(Page {
        by: by.as_str(),
        name: (!key.is_unknown).then(|| key.name.clone()),
        title: group.title.clone(),
        email: group.email.clone(),
        findings: findings.collect::<Result<_, _>>()?,
        made: Timestamp { millis: tx.now().div_euclid(1000) * 1000 },
        left_out: group.left_out.clone(),
    })
}

/// `None` if the finding is gone meanwhile.
fn page_finding(tx: &mut Transaction<'_>, id: &str, known: &Known) -> Result<Option<PageFinding>, CommandError> {
    let Some((finding, attribution)) = known.findings.get(id).zip(known.attributions.get(id)) else { return Ok(None) };
    let (finding, attribution) = (finding.clone(), attribution.clone());
    let (places_total, places) = known.places.get(id).cloned().unwrap_or_default();
    let plan = match &attribution.plan {
        Some(plan) => Some(page_plan(&plans::read(tx, &plan.id)?)),
        None => None,
    };
    Ok(Some(PageFinding {
        rule: finding.rule,
        provider: finding.provider,
        severity: finding.severity,
        preview: finding.preview,
        public_id: finding.public_id,
        first_seen: Timestamp { millis: finding.first_seen_at },
        last_seen: Timestamp { millis: finding.last_seen_at },
        attribution,
        places_total,
        places,
        plan,
    }))
}

fn places(
    tx: &mut Transaction<'_>,
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<String, (u64, Vec<PagePlace>)>, CommandError> {
    let sql = format!(
        "SELECT scope, path, line, commit_id, author, authored_at, present, public, finding_id, total FROM (
             SELECT s.scope, o.path, o.line, o.commit_id, o.author, o.authored_at, o.present, o.public, o.finding_id,
                 count(*) OVER (PARTITION BY o.finding_id) AS total,
                 row_number() OVER (PARTITION BY o.finding_id ORDER BY o.present DESC, s.scope, o.locator_key) AS number_there
             FROM occurrence AS o JOIN source AS s ON s.id = o.source_id WHERE o.finding_id IN (?)
         ) AS placed WHERE number_there <= {PLACES} ORDER BY finding_id, number_there"
    );
    let mut places: BTreeMap<String, (u64, Vec<PagePlace>)> = BTreeMap::new();
    for row in tx.query_in(&sql, ids)? {
        let (total, told) = places.entry(row.get(8)?).or_default();
        *total = row.get::<i64>(9)?.unsigned_abs();
        told.push(place(&row)?);
    }
    Ok(places)
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
