//! `unleak findings list|show|dismiss|except|reopen|resolve|import`.

mod import;
mod record;
mod references;
mod shown;
mod witness;

use std::io::Write;

use serde::Serialize;

pub use import::{ImportSettings, import};
pub use record::RecordSettings;
pub(super) use record::Recording;

use super::{
    CommandError, Env, ExitCode, gate, output,
    store::{StoreChoice, open, with_store},
    table::{Column, TableFormat, TableWriter, timestamp, timestamp_or_empty},
};
use crate::{
    link::Reason,
    model::{Attribution, Escaped},
    report::attribution_lines,
    store::{
        FindingFilter, FindingState, SHORTEST_NAME, StateChange, Store, StoredFinding, StoredOccurrence, Transaction,
    },
};

/// Findings are read in pages of so many.
const PAGE: u32 = 500;

const COLUMNS: &[Column] = &[
    Column("ID", 26),
    Column("RISK", 4),
    Column("SEVERITY", 8),
    Column("STATE", 9),
    Column("RULE", 30),
    Column("PLACES", 6),
    Column("FIRST SEEN", 20),
    Column("PUBLIC ID", 20),
    Column("IDENTITY", 20),
    Column("OWNER", 20),
    Column("LINK", 4),
    Column("PLAN", 8),
    Column("PATH", 0),
];

/// Which findings to list, and how.
#[derive(Clone, Debug)]
pub struct ListSettings {
    /// The store.
    pub store: StoreChoice,
    /// Which.
    pub filter: FindingFilter,
    /// At most so many.
    pub limit: Option<u64>,
    /// How.
    pub format: TableFormat,
}

/// Lists findings, the riskiest first. Memory doesn't grow with the list.
///
/// # Errors
/// If there is no store, or the list can't be written.
pub fn list(settings: &ListSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    with_store(&settings.store, env, |store, env| {
        // Who may only read sees them as they are.
        if store.read(|tx| tx.has_expired())? {
            store.write(|tx| tx.reopen_expired())?;
        }
        // One state of the store for all pages: what is dismissed meanwhile neither jumps nor vanishes.
        output::stream(None, env, &mut |out| store.read(|tx| write_list(tx, settings, out)))
    })?;
    Ok(ExitCode::Clean)
}

fn write_list(tx: &mut Transaction<'_>, settings: &ListSettings, out: &mut dyn Write) -> Result<(), CommandError> {
    let mut table = TableWriter::begin(out, settings.format, COLUMNS).map_err(output::failed)?;
    let mut left = settings.limit.unwrap_or(u64::MAX);
    let mut after = None;
    while left > 0 {
        let limit = u32::try_from(left.min(u64::from(PAGE))).unwrap_or(PAGE);
        let page = tx.findings(&settings.filter, after.as_ref(), limit)?;
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        left -= page.len() as u64;
        let mut attributions = tx.attributions(page.iter().map(|finding| finding.id.as_str()))?;
        for finding in &page {
            let attribution = attributions.remove(&finding.id);
            let cells = cells(finding, attribution.as_ref());
            table.row(&Listed { finding, attribution }, cells).map_err(output::failed)?;
        }
    }
    table.end("finding").map_err(output::failed)
}

/// A finding, and whose it is.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    finding: &'a StoredFinding,
    attribution: Option<Attribution>,
}

fn cells(finding: &StoredFinding, attribution: Option<&Attribution>) -> Vec<String> {
    let identity = attribution.and_then(|known| known.identity.as_ref()).map(|identity| identity.name.clone());
    let owner = attribution.and_then(|known| known.owners.first()).map(|owner| owner.reference.clone());
    let link = attribution.and_then(|known| known.link.as_ref()).map(|link| match link.status.as_str() {
        "ambiguous" => "?".to_owned(),
        _ if !link.is_probable() => format!("{}?", link.tier),
        _ => link.tier.clone(),
    });
    let plan = attribution.and_then(|known| known.plan.as_ref()).map(|plan| plan.state.clone());
    vec![
        finding.id.clone(),
        finding.risk.to_string(),
        finding.severity.clone(),
        finding.state.as_str().to_owned(),
        finding.rule.clone(),
        finding.places.to_string(),
        timestamp(finding.first_seen_at),
        finding.public_id.clone().unwrap_or_default(),
        identity.unwrap_or_default(),
        owner.unwrap_or_default(),
        link.unwrap_or_default(),
        plan.unwrap_or_default(),
        finding.path.clone().unwrap_or_default(),
    ]
}

/// How one finding is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowFormat {
    /// Text for a person.
    Text,
    /// One JSON object.
    Json,
}

/// Shows a finding with all its places and its history.
///
/// # Errors
/// If there is no such finding, or its name fits several.
pub fn show(choice: &StoreChoice, name: &str, format: ShowFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut store = open(choice, env)?;
    output::stream(None, env, &mut |out| {
        store.read(|tx| {
            let finding = find(tx, name)?;
            match format {
                ShowFormat::Text => show_text(tx, &finding, out),
                ShowFormat::Json => show_json(tx, &finding, out),
            }
        })
    })?;
    Ok(ExitCode::Clean)
}

fn find(tx: &mut Transaction<'_>, name: &str) -> Result<StoredFinding, CommandError> {
    let mut found = tx.find_findings(name)?;
    match found.len() {
        0 if name.len() < SHORTEST_NAME => Err(CommandError::Choice(format!(
            "{} is too short: give {SHORTEST_NAME} characters of an id or fingerprint, or more",
            Escaped(name.as_bytes())
        ))),
        1 => Ok(found.remove(0)),
        0 => Err(CommandError::Choice(format!("there is no finding {}", Escaped(name.as_bytes())))),
        _ => Err(CommandError::Choice(format!("{} begins more than one finding's name", Escaped(name.as_bytes())))),
    }
}

/// What a risk is made of, in words; empty for one that was never worked out.
fn reasons(finding: &StoredFinding) -> String {
    let reasons: Vec<Reason> =
        finding.risk_reasons.clone().and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default();
    let reason = |reason: &Reason| format!("{:+} {}", reason.points, reason.detail);
    reasons.iter().map(reason).collect::<Vec<_>>().join(", ")
}

/// Calls `visit` with each place, page by page.
fn each_place(
    tx: &mut Transaction<'_>,
    finding: &StoredFinding,
    visit: &mut dyn FnMut(&StoredOccurrence) -> std::io::Result<()>,
) -> Result<(), CommandError> {
    let mut page = tx.occurrences(&finding.id, None)?;
    loop {
        page.iter().try_for_each(&mut *visit).map_err(output::failed)?;
        let Some(last) = page.last() else { return Ok(()) };
        page = tx.occurrences(&finding.id, Some((&last.source, &last.locator_key)))?;
    }
}

fn show_text(tx: &mut Transaction<'_>, finding: &StoredFinding, out: &mut dyn Write) -> Result<(), CommandError> {
    let until = finding.state_until_at.map(|until| format!(" until {}", timestamp(until))).unwrap_or_default();
    let actor = finding.state_actor.as_ref().map(|actor| format!(" by {actor}")).unwrap_or_default();
    let reason = finding.state_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let rows = [
        ("finding", finding.id.clone()),
        ("fingerprint", format!("{} (key {})", finding.fingerprint, finding.fingerprint_key)),
        ("rule", format!("{} ({})", finding.rule, finding.provider)),
        ("severity", format!("{}, score {}, risk {}", finding.severity, finding.score, finding.risk)),
        ("risk", reasons(finding)),
        ("shown as", finding.preview.clone()),
        ("public id", finding.public_id.clone().unwrap_or_default()),
        ("state", format!("{}{until} since {}{actor}{reason}", finding.state.as_str(), timestamp(finding.state_at))),
        ("validity", finding.validity.clone()),
        ("credential", finding.credential_id.clone().unwrap_or_default()),
        ("first seen", timestamp(finding.first_seen_at)),
        ("last seen", timestamp(finding.last_seen_at)),
        ("gone since", timestamp_or_empty(finding.gone_at)),
        ("due", timestamp_or_empty(finding.sla_due_at)),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{name:11}  {}", Escaped(value.as_bytes())).map_err(output::failed)?;
    }
    if let Some(attribution) = tx.attributions([finding.id.as_str()])?.remove(&finding.id) {
        for line in attribution_lines(&attribution) {
            writeln!(out, "{}", Escaped(line.as_bytes())).map_err(output::failed)?;
        }
    }
    each_place(tx, finding, &mut |place| {
        let commit = place.commit_id.as_ref().map(|id| format!(" commit {id}")).unwrap_or_default();
        let author = place.author.as_ref().map(|author| format!(" by {author}")).unwrap_or_default();
        let gone = place.gone_at.map(|at| format!(" (gone since {})", timestamp(at))).unwrap_or_default();
        let path = place.path.as_deref().unwrap_or("-");
        let text = format!("{}  {path}:{}:{}{commit}{author}{gone}", place.source, place.line, place.column);
        writeln!(out, "place        {}", Escaped(text.as_bytes()))
    })
}

fn show_json(tx: &mut Transaction<'_>, finding: &StoredFinding, out: &mut dyn Write) -> Result<(), CommandError> {
    out.write_all(b"{\"finding\":").map_err(output::failed)?;
    serde_json::to_writer(&mut *out, finding).map_err(|error| output::failed(error.into()))?;
    out.write_all(b",\n\"attribution\":").map_err(output::failed)?;
    let attribution = tx.attributions([finding.id.as_str()])?.remove(&finding.id);
    serde_json::to_writer(&mut *out, &attribution).map_err(|error| output::failed(error.into()))?;
    out.write_all(b",\n\"occurrences\":[").map_err(output::failed)?;
    let mut is_first = true;
    each_place(tx, finding, &mut |place| {
        out.write_all(if is_first { b"\n" } else { b",\n" })?;
        is_first = false;
        Ok(serde_json::to_writer(&mut *out, place)?)
    })?;
    out.write_all(b"\n]}\n").map_err(output::failed)
}

/// A change of state for some findings.
#[derive(Clone, Debug)]
pub struct ChangeSettings {
    /// The store.
    pub store: StoreChoice,
    /// Ids or fingerprints, or how they begin.
    pub names: Vec<String>,
    /// What to change.
    pub change: StateChange,
}

/// Changes the state of findings: of all or, if one can't be changed, of none.
///
/// # Errors
/// If one is not there, or there is no way from its state to the new one.
pub fn change(settings: &ChangeSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let changed = with_store(&settings.store, env, |store: &mut Store<'_>, env| {
        if let Some(reason) = &settings.change.reason {
            gate::check_typed("--reason", reason, store, env)?;
        }
        store.write(|tx| {
            tx.reopen_expired()?;
            settings.names.iter().try_for_each(|name| {
                let finding = find(tx, name)?;
                tx.change_finding(&finding.id, &settings.change).map_err(CommandError::from)
            })?;
            Ok::<_, CommandError>(settings.names.len())
        })
    })?;
    let state: FindingState = settings.change.to;
    output::write(None, env, &|out| writeln!(out, "{changed} {}", state.as_str()))?;
    Ok(ExitCode::Clean)
}
