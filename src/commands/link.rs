//! `unleak link`, `unleak explain`, and what becomes of proposed identities.

use std::io::{self, Write};

use super::{
    CommandError, Env, ExitCode, gate, output,
    store::{StoreChoice, open, with_store},
    table::{Column, TableFormat, TableWriter},
};
use crate::{
    link::{self, Counts, Explanation, StoredLink},
    model::Escaped,
    report::{count, credential_life},
    store::{Store, StoreError},
};

/// What the verbs about links need.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// The store, and who acts.
    pub store: StoreChoice,
    /// Is JSON wanted?
    pub json: bool,
}

/// What a person says of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// It is so.
    Confirm,
    /// It is not.
    Reject,
}

/// Links all unresolved findings anew, and proposes identities for those that belong to nobody known.
///
/// # Errors
/// A store that can't be used.
pub fn link(settings: &LinkSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let (counts, proposed) = with_store(&settings.store, env, |store, _| Ok(link_all(store)?))?;
    output::write(None, env, &|out| {
        if settings.json {
            serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "links": counts, "proposed": proposed }))?;
            return writeln!(out);
        }
        let Counts { findings, certain, likely, doubtful, ambiguous, retired, reopened, unlinked } = counts;
        writeln!(
            out,
            "{}: {certain} linked, {likely} probably, {doubtful} doubtfully, {ambiguous} ambiguous, {unlinked} to nobody",
            count(findings, "finding")
        )?;
        writeln!(out, "{retired} closed: their credential was dead already")?;
        if reopened > 0 {
            writeln!(out, "{reopened} opened again: their credential was seen alive since they were closed")?;
        }
        let new = count(proposed.new, "identity");
        writeln!(out, "{new} proposed, {} merged with what an import brought", proposed.merged)
    })?;
    Ok(ExitCode::Clean)
}

/// Links everything in an open store.
///
/// # Errors
/// What the engine says.
pub fn link_all(store: &mut Store<'_>) -> Result<(Counts, link::Proposed), StoreError> {
    let counts = link::link(store, None)?;
    let proposed = propose_all(store)?;
    guess_all_again(store)?;
    // What was merged has lost its proposed link and may have a real one now.
    let counts = if proposed.merged > 0 { link::link(store, None)? } else { counts };
    Ok((counts, proposed))
}

/// Links what isn't linked as the store has it now.
///
/// # Errors
/// What the engine says.
pub fn link_due(store: &mut Store<'_>) -> Result<(), StoreError> {
    link::link_due(store)?;
    if propose_all(store)?.merged > 0 {
        link::link_due(store)?;
    }
    Ok(())
}

fn propose_all(store: &mut Store<'_>) -> Result<link::Proposed, StoreError> {
    let mut proposed = link::Proposed::default();
    let mut after = String::new();
    loop {
        let (more, last) = store.write(|tx| link::propose(tx, &after))?;
        proposed.new += more.new;
        proposed.merged += more.merged;
        match last {
            Some(last) => after = last,
            None => return Ok(proposed),
        }
    }
}

fn guess_all_again(store: &mut Store<'_>) -> Result<(), StoreError> {
    let mut after = String::new();
    while let Some(last) = store.write(|tx| link::guess_again(tx, &after))? {
        after = last;
    }
    Ok(())
}

/// A person's word on one link.
///
/// # Errors
/// Ids that nothing has.
pub fn say(
    settings: &LinkSettings,
    say: Say,
    (finding, target): (&str, &str),
    reason: &str,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    with_store(&settings.store, env, |store, env| {
        gate::check_typed("--reason", reason, store, env)?;
        let finding = store.read(|tx| finding_id(tx, finding))?;
        store.write(|tx| match say {
            Say::Confirm => link::confirm(tx, &finding, target, reason),
            Say::Reject => link::reject(tx, &finding, target, reason),
        })?;
        link::link(store, Some(&finding))?;
        Ok(())
    })?;
    let word = if say == Say::Confirm { "confirmed" } else { "rejected" };
    output::write(None, env, &|out| writeln!(out, "{word}"))?;
    Ok(ExitCode::Clean)
}

fn finding_id(tx: &mut crate::store::Transaction<'_>, id: &str) -> Result<String, CommandError> {
    let row = tx.query_one("SELECT id FROM finding WHERE id = $1 OR fp = $1", &[id.into()])?;
    match row {
        Some(row) => Ok(row.get(0)?),
        None => Err(CommandError::NoSuchFinding(id.to_owned())),
    }
}

/// Why a finding is linked as it is, and what would settle it.
///
/// # Errors
/// An id that no finding has.
pub fn explain(settings: &LinkSettings, finding: &str, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let explained = open(&settings.store, env)?.read(|tx| {
        let id = finding_id(tx, finding)?;
        link::explain(tx, &id)?.ok_or_else(|| CommandError::NoSuchFinding(finding.to_owned()))
    })?;
    output::write(None, env, &|out| {
        if settings.json {
            serde_json::to_writer_pretty(&mut *out, &explained)?;
            return writeln!(out);
        }
        write_explanation(&explained, out)
    })?;
    Ok(ExitCode::Clean)
}

fn write_explanation(explained: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "risk {}", explained.risk)?;
    for reason in &explained.risk_reasons {
        writeln!(out, "    {:16} {:+5}  {}", reason.feature, reason.points, Escaped(reason.detail.as_bytes()))?;
    }
    if explained.links.is_empty() {
        writeln!(out, "linked to nothing")?;
    }
    for link in &explained.links {
        let StoredLink { tier, confidence, status, evidence, .. } = link;
        let name = link.identity_name.as_deref().unwrap_or("nobody known");
        writeln!(out, "{tier} {:.0} % {status}: {}", confidence * 100.0, Escaped(name.as_bytes()))?;
        if let Some(id) = &link.credential {
            let called = link.credential_name.as_deref().unwrap_or_default();
            let status = link.credential_status.as_deref().filter(|status| *status != "unknown");
            let life = credential_life(link.generation, status, link.retired_at);
            writeln!(out, "    credential {id} {}{life}", Escaped(called.as_bytes()))?;
        }
        if let Some(id) = &link.identity {
            writeln!(out, "    identity {id}")?;
        }
        for item in evidence {
            let (rule, value) = (&item.rule, Escaped(item.value.as_bytes()));
            let sides = if item.finding_field.is_empty() {
                String::new()
            } else {
                format!("{} = {}: ", item.finding_field, item.inventory_field)
            };
            writeln!(out, "    {rule:16} {:5.2}  {sides}{value}", item.weight)?;
        }
    }
    if !explained.needed.is_empty() {
        writeln!(out, "what would settle it:")?;
    }
    explained.needed.iter().try_for_each(|needed| writeln!(out, "    {needed}"))
}

const PROPOSED: &[Column] = &[
    Column("ID", 26),
    Column("RISK", 4),
    Column("FINDINGS", 8),
    Column("PROVIDER", 10),
    Column("NAME", 30),
    Column("OWNER", 24),
    Column("REASON", 0),
];

/// Lists identities that findings propose, with who is thought to answer for them and why.
///
/// # Errors
/// A store that can't be read.
pub fn proposed(settings: &LinkSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut store = open(&settings.store, env)?;
    let format = if settings.json { TableFormat::Json } else { TableFormat::Table };
    output::stream(None, env, &mut |out| {
        let mut table = TableWriter::begin(out, format, PROPOSED).map_err(output::failed)?;
        let mut after = None;
        loop {
            let page = store.read(|tx| link::proposed(tx, after.as_ref()))?;
            let Some(last) = page.last() else { break };
            after = Some((last.risk, last.id.clone()));
            for one in page {
                let (owner, reason) = one.owner.clone().unwrap_or_else(|| ("not known".to_owned(), String::new()));
                let cells = vec![
                    one.id.clone(),
                    one.risk.to_string(),
                    one.findings.to_string(),
                    one.provider.clone(),
                    one.name.clone(),
                    owner,
                    reason,
                ];
                table.row(&one, cells).map_err(output::failed)?;
            }
        }
        table.end("proposed identity").map_err(output::failed)
    })?;
    Ok(ExitCode::Clean)
}

/// What becomes of a proposed identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShadowDecision {
    /// It is real; by this name, if one is given.
    Accept(Option<String>),
    /// It is that one.
    Merge(String),
    /// It is none of ours, for this reason.
    Dismiss(String),
}

/// Decides on a proposed identity.
///
/// # Errors
/// An identity that isn't proposed.
pub fn decide(
    settings: &LinkSettings,
    identity: &str,
    decision: &ShadowDecision,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let counts = with_store(&settings.store, env, |store, env| {
        if let ShadowDecision::Dismiss(reason) = decision {
            gate::check_typed("--reason", reason, store, env)?;
        }
        store.write(|tx| match decision {
            ShadowDecision::Accept(name) => link::accept(tx, identity, name.as_deref()),
            ShadowDecision::Merge(into) => link::merge(tx, identity, into),
            ShadowDecision::Dismiss(reason) => link::dismiss(tx, identity, reason),
        })?;
        Ok(link::link_due(store)?)
    })?;
    let word = match decision {
        ShadowDecision::Accept(_) => "accepted",
        ShadowDecision::Merge(_) => "merged",
        ShadowDecision::Dismiss(_) => "dismissed",
    };
    let linked = count(counts.certain, "finding");
    output::write(None, env, &|out| writeln!(out, "{word}; {linked} linked with certainty"))?;
    Ok(ExitCode::Clean)
}
