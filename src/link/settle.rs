//! Weighs what the linkers propose, and keeps the outcome.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json;

use super::{
    CERTAIN, LIKELY, due,
    evidence::{Evidence, Proposal, Tier},
    facts::Facts,
    known::{CredentialFacts, Known},
    linkers::LINKERS,
    owners::Owners,
    page::{Found, KeptLink, Page},
    writes::Writes,
};
use crate::{
    model::identity::Timestamp,
    store::{AuditEntry, Engine, FindingMove, FindingState, Row, StateChange, Store, StoreError, Transaction},
};

/// Candidates that are closer than this are ambiguous.
const TIE: f64 = 0.1;

/// Most that evidence from context alone makes of a link.
const CONTEXT_CAP: f64 = 0.7;

/// How many findings are linked in one transaction, with a few dozen statements.
pub(super) const BATCH: i64 = 500;

/// What linking changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Findings looked at.
    pub findings: u64,
    /// Of them, linked to a credential with certainty.
    pub certain: u64,
    /// Of them, linked with less.
    pub likely: u64,
    /// Of them, with a candidate that is too unlikely to be told to anybody.
    pub doubtful: u64,
    /// Of them, with several candidates that are about as likely.
    pub ambiguous: u64,
    /// Of them, closed: their credential was dead already.
    pub retired: u64,
    /// Of them, opened again: they were closed for the death of their credential, and it was seen alive since.
    pub reopened: u64,
    /// Of them, with no candidate.
    pub unlinked: u64,
}

/// Findings that linking may change. So written that no engine takes the index of states, and sorts what it finds there for each
/// batch.
pub(super) const UNRESOLVED: &str = "coalesce(state, '') IN ('open', 'linked', 'regressed')";

/// Findings that were closed because their credential was dead, which it isn't (any more).
pub(super) const REVIVED: &str =
    "(coalesce(state, '') = 'resolved' AND validity = 'dead' AND EXISTS (SELECT 1 FROM credential AS c
    WHERE c.id = finding.credential_id AND c.status IN ('active', 'unknown') AND c.tombstoned_at IS NULL))";

/// Links every unresolved finding anew, in batches; `only` one if it is given. Running it again changes nothing. What was closed
/// for the death of a credential that lives is open again, and unresolved.
///
/// # Errors
/// What the engine says. Batches before stay.
pub fn link(store: &mut Store<'_>, only: Option<&str>) -> Result<Counts, StoreError> {
    if let Some(id) = only {
        return store.write(|tx| {
            let mut counts = Counts::default();
            let sql = format!("SELECT id FROM finding WHERE id = $1 AND ({UNRESOLVED} OR {REVIVED}){}", locked(tx));
            let ids = first_column(&tx.query(&sql, &[id.into()])?)?;
            link_page(tx, &ids, &mut counts, &mut Owners::default())?;
            Ok(counts)
        });
    }
    // What an import changes from here on is for the next time.
    let readings = store.read(due::readings)?;
    let (mut counts, mut owners) = (Counts::default(), Owners::default());
    let mut after = String::new();
    loop {
        let (ids, more) = store.write(|tx| {
            // Of this try alone: it may be done again.
            let mut counts = counts;
            let sql = format!(
                "SELECT id FROM finding WHERE id > $1 AND ({UNRESOLVED} OR {REVIVED}) ORDER BY id LIMIT $2{}",
                locked(tx)
            );
            let ids = first_column(&tx.query(&sql, &[(&after).into(), BATCH.into()])?)?;
            link_page(tx, &ids, &mut counts, &mut owners)?;
            Ok::<_, StoreError>((ids, counts))
        })?;
        counts = more;
        match ids.last() {
            Some(last) => after.clone_from(last),
            None => break,
        }
    }
    store.write(|tx| due::end(tx, &readings))?;
    Ok(counts)
}

/// Links the findings of which something changed since they were linked: they themselves, or what the inventory says. All others
/// would get the links that they have. (Only a risk that grows with age alone waits for [`link`].)
///
/// # Errors
/// What the engine says. Batches before stay.
pub fn link_due(store: &mut Store<'_>) -> Result<Counts, StoreError> {
    due::mark(store)?;
    let (mut counts, mut owners) = (Counts::default(), Owners::default());
    loop {
        let more = store.write(|tx| {
            let mut counts = counts;
            let sql = format!(
                "SELECT id, {UNRESOLVED} OR {REVIVED} FROM finding WHERE link_due ORDER BY id LIMIT $1{}",
                locked(tx)
            );
            let rows = tx.query(&sql, &[BATCH.into()])?;
            let (mut unresolved, mut others) = (Vec::new(), Vec::new());
            for row in &rows {
                if row.get(1)? { &mut unresolved } else { &mut others }.push(row.get(0)?);
            }
            link_page(tx, &unresolved, &mut counts, &mut owners)?;
            not_due(tx, &others)?;
            Ok::<_, StoreError>((!rows.is_empty()).then_some(counts))
        })?;
        match more {
            Some(more) => counts = more,
            None => return Ok(counts),
        }
    }
}

/// How the rows are kept from being changed until they are linked. From here on who changes one waits, and marks it when this is
/// done: a mark can't be lost.
fn locked(tx: &Transaction<'_>) -> &'static str {
    match tx.engine() {
        Engine::Postgres => " FOR UPDATE",
        // Nobody else writes.
        Engine::Sqlite => "",
    }
}

fn first_column(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| row.get(0)).collect()
}

/// Links some findings; they aren't due any more, whatever that changed in them.
fn link_page(
    tx: &mut Transaction<'_>,
    ids: &[String],
    counts: &mut Counts,
    owners: &mut Owners,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    counts.reopened += reopen(tx, ids)?;
    let page = Page::read(tx, ids)?;
    let mut writes = Writes::default();
    for (facts, found) in page.findings() {
        settle_one(tx, &page, (facts, found), &mut Settling { counts, owners, writes: &mut writes })?;
    }
    writes.write(tx)?;
    not_due(tx, ids)
}

/// Opens those again whose credential lives, although they were closed for its death. How many?
fn reopen(tx: &mut Transaction<'_>, ids: &[String]) -> Result<u64, StoreError> {
    let ids = ids.iter().map(String::as_str).collect();
    let rows = tx.query_in(
        &format!(
            "SELECT id, (SELECT c.last_seen_at FROM credential AS c WHERE c.id = finding.credential_id) FROM finding
             WHERE id IN (?) AND {REVIVED} ORDER BY id"
        ),
        &ids,
    )?;
    let mut moves = Vec::new();
    for row in &rows {
        let reason = format!("its credential was seen alive {}", day(row.get(1)?));
        let change = StateChange { to: FindingState::Regressed, reason: Some(reason), until_ms: None };
        moves.push(FindingMove { finding: row.get(0)?, from: FindingState::Resolved, change });
    }
    tx.move_findings(&moves)?;
    let reopened = moves.iter().map(|step| step.finding.as_str()).collect();
    tx.execute_in("UPDATE finding SET validity = 'unknown', validity_at = NULL WHERE id IN (?)", &reopened)?;
    let events: Vec<AuditEntry> = moves.iter().map(FindingMove::event).collect();
    tx.audit_all(&events)?;
    Ok(moves.len() as u64)
}

fn not_due(tx: &mut Transaction<'_>, ids: &[String]) -> Result<(), StoreError> {
    let ids = ids.iter().map(String::as_str).collect();
    tx.execute_in("UPDATE finding SET link_due = FALSE WHERE id IN (?) AND link_due", &ids)?;
    Ok(())
}

/// What grows while findings are settled.
struct Settling<'s> {
    counts: &'s mut Counts,
    owners: &'s mut Owners,
    writes: &'s mut Writes,
}

fn settle_one(
    tx: &mut Transaction<'_>,
    page: &Page,
    (facts, found): (&Facts, &Found),
    so_far: &mut Settling<'_>,
) -> Result<(), StoreError> {
    so_far.counts.findings += 1;
    if let Some(confirmed) = &found.confirmed {
        so_far.counts.certain += 1;
        return adopt(tx, page, (facts, found), confirmed.as_deref(), so_far);
    }
    let proposals = &found.proposals;
    let is_tie = is_tie(proposals);
    keep(tx, (facts, found), is_tie, so_far.writes)?;
    let best = proposals.first();
    match best {
        None => so_far.counts.unlinked += 1,
        Some(_) if is_tie => so_far.counts.ambiguous += 1,
        Some(best) if is_certain(best) => {
            so_far.counts.certain += 1;
            return adopt(tx, page, (facts, found), best.credential.as_deref(), so_far);
        }
        Some(best) if best.confidence >= LIKELY => so_far.counts.likely += 1,
        Some(_) => so_far.counts.doubtful += 1,
    }
    let linked = best.is_some_and(|best| !is_tie && best.confidence >= LIKELY);
    release(tx, page, (facts, found), linked, so_far.writes)
}

/// Does the finding belong to its credential, unless another proposal is about as good?
pub(super) fn is_certain(proposal: &Proposal) -> bool {
    proposal.confidence >= CERTAIN && proposal.credential.is_some()
}

/// What all linkers propose: one proposal per target.
pub(super) fn gather(known: &Known, facts: &Facts) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for linker in LINKERS {
        for proposed in linker.propose(known, facts) {
            match proposals.iter_mut().find(|known| known.target() == proposed.target()) {
                Some(known) => known.evidence.extend(proposed.evidence),
                None => proposals.push(proposed),
            }
        }
    }
    proposals
}

/// The proposals with what speaks against them, the surest first.
pub(super) fn judge(
    facts: &Facts,
    mut proposals: Vec<Proposal>,
    credentials: &HashMap<String, CredentialFacts>,
) -> Vec<Proposal> {
    for proposal in &mut proposals {
        let credential = proposal.credential.as_ref().and_then(|id| credentials.get(id));
        let against = credential.map_or_else(Vec::new, |credential| against(facts, proposal.tier, credential));
        proposal.confidence = weigh(proposal.tier, &proposal.evidence, &against);
        proposal.evidence.extend(against);
    }
    // An identity without its credential says nothing more where the credential is proposed, too.
    let with_credential: Vec<_> =
        proposals.iter().filter(|p| p.credential.is_some()).map(|p| p.identity.clone()).collect();
    proposals.retain(|p| p.confidence > 0.0 && (p.credential.is_some() || !with_credential.contains(&p.identity)));
    proposals.sort_by(|a, b| {
        b.confidence.total_cmp(&a.confidence).then(a.tier.cmp(&b.tier)).then_with(|| a.target().cmp(&b.target()))
    });
    proposals
}

/// Independent evidence adds up (each leaves so much doubt as it isn't sure), context only so far; what speaks against is a
/// factor.
fn weigh(tier: Tier, evidence: &[Evidence], against: &[Evidence]) -> f64 {
    let doubt = |items: &[&Evidence]| items.iter().map(|e| 1.0 - e.weight).product::<f64>();
    let (context, exact): (Vec<&Evidence>, Vec<&Evidence>) = evidence.iter().partition(|e| e.rule == "context");
    let from_context = (1.0 - doubt(&context)).min(CONTEXT_CAP);
    let best = exact.iter().map(|e| e.weight).fold(0.0, f64::max);
    let combined = match tier {
        Tier::A0 | Tier::A1 | Tier::A2 => best,
        // Never certain by many half-proofs.
        _ => (1.0 - doubt(&exact) * (1.0 - from_context)).min(0.9).max(best),
    };
    against.iter().map(|e| e.weight).fold(combined, |sum, factor| sum * factor)
}

/// How far two clocks may be apart, in milliseconds. A commit's time has no fractions of a second, either.
const CLOCKS_MS: i64 = 60_000;

/// What speaks against a link.
fn against(facts: &Facts, tier: Tier, credential: &CredentialFacts) -> Vec<Evidence> {
    // The secret itself was recognised: nothing else counts.
    if tier == Tier::A0 {
        return Vec::new();
    }
    let evidence = |rule: &str, fields: (&str, &str), value: String, weight: f64| Evidence {
        rule: rule.to_owned(),
        finding_field: fields.0.to_owned(),
        inventory_field: fields.1.to_owned(),
        value,
        weight,
        snapshot: credential.snapshot.clone(),
    };
    let (account, mut against) = (&credential.account, Vec::new());
    if let Some(shown) = facts.account().filter(|shown| !account.is_empty() && shown != account) {
        let value = format!("{shown}, not {account}");
        against.push(evidence("other-account", ("account", "credential.account"), value, 0.0));
    }
    if let Some(made) = credential.created_ms.filter(|made| facts.is_dated && *made > facts.first_ms + CLOCKS_MS) {
        let value = format!("made at {}, leaked at {}", time(made), time(facts.first_ms));
        against.push(evidence("younger-than-leak", ("first seen", "credential.created"), value, 0.1));
    }
    let environment = credential.environment.as_deref();
    if let Some((theirs, ours)) = environment.zip(environment_of(facts)).filter(|(a, b)| !a.starts_with(b)) {
        let value = format!("{ours}, not {theirs}");
        against.push(evidence("other-environment", ("path", "credential.environment"), value, 0.6));
    }
    against
}

/// The environment that all places speak of, if they do.
fn environment_of(facts: &Facts) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("prod", "prod"),
        ("production", "prod"),
        ("staging", "stag"),
        ("stage", "stag"),
        ("dev", "dev"),
        ("development", "dev"),
    ];
    let of_path = |path: &str| {
        let words = path.split(|c: char| !c.is_ascii_alphanumeric());
        words.into_iter().find_map(|word| {
            WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, environment)| *environment)
        })
    };
    let mut found = facts.places.iter().map(|place| place.path.as_deref().and_then(of_path));
    let first = found.next()??;
    found.all(|other| other == Some(first)).then_some(first)
}

pub(super) fn is_tie(proposals: &[Proposal]) -> bool {
    matches!(proposals, [first, second, ..] if first.confidence - second.confidence < TIE)
}

/// Replaces the links that were made automatically.
fn keep(
    tx: &mut Transaction<'_>,
    (facts, found): (&Facts, &Found),
    is_tie: bool,
    writes: &mut Writes,
) -> Result<(), StoreError> {
    let proposals = &found.proposals;
    let status = |p: &Proposal| {
        let best = proposals.first().map_or(0.0, |best| best.confidence);
        if is_tie && best - p.confidence < TIE { "ambiguous" } else { "auto" }
    };
    let same = |link: &KeptLink, p: &Proposal| {
        link.credential == p.credential
            && (p.credential.is_some() || link.identity == p.identity)
            && (link.confidence - p.confidence).abs() < 1e-9
            && link.status == status(p)
    };
    let before = &found.links;
    if before.len() == proposals.len() && before.iter().zip(proposals).all(|(link, proposal)| same(link, proposal)) {
        return Ok(());
    }
    // A proposed identity gives way to what is known; without it, it stays.
    if proposals.is_empty() { &mut writes.unlinked } else { &mut writes.relinked }.insert(facts.id.clone());
    for proposal in proposals {
        writes.link(tx, &facts.id, proposal, status(proposal))?;
    }
    let best = proposals.first().map(|p| json!({ "credential": p.credential, "identity": p.identity, "tier": p.tier }));
    writes.events.push(AuditEntry {
        action: "finding.link".to_owned(),
        subject: format!("finding:{}", facts.id),
        data: json!({ "links": proposals.len(), "best": best, "tie": is_tie }),
    });
    Ok(())
}

/// The finding belongs to that credential from now on. A credential that is dead closes it.
fn adopt(
    tx: &mut Transaction<'_>,
    page: &Page,
    (facts, found): (&Facts, &Found),
    credential: Option<&str>,
    so_far: &mut Settling<'_>,
) -> Result<(), StoreError> {
    let Some(id) = credential else { return release(tx, page, (facts, found), true, so_far.writes) };
    let credential = page.credential(id);
    if let Some(identity) = credential.and_then(|credential| credential.identity.as_deref())
        && !page.has_owner(identity, id)
        && !so_far.writes.owned.contains(identity)
        && let Some(guess) = so_far.owners.of(tx, facts)?
    {
        so_far.writes.guess(tx, identity, guess)?;
    }
    let died = credential.filter(|found| matches!(found.status.as_str(), "revoked" | "deleted" | "expired"));
    so_far.writes.finding(page, (facts, found), (Some(id), died.is_some()), tx.now())?;
    let Some(dead) = died else {
        so_far.writes.move_to((facts, found), FindingState::Linked, "linked to a credential".to_owned());
        return Ok(());
    };
    so_far.counts.retired += 1;
    let generation = dead.generation.map_or_else(String::new, |n| format!("generation {n}, "));
    let reason = format!("{generation}{}, retired {}", dead.status, day(dead.retired_ms));
    so_far.writes.change((facts, found), FindingState::Resolved, reason);
    Ok(())
}

/// No credential with certainty: the finding belongs to none.
fn release(
    tx: &mut Transaction<'_>,
    page: &Page,
    finding: (&Facts, &Found),
    is_linked: bool,
    writes: &mut Writes,
) -> Result<(), StoreError> {
    writes.finding(page, finding, (None, false), tx.now())?;
    let state = if is_linked { FindingState::Linked } else { FindingState::Open };
    writes.move_to(finding, state, if is_linked { "probably linked" } else { "not linked" }.to_owned());
    Ok(())
}

fn time(millis: i64) -> String {
    Timestamp { millis }.to_string()
}

fn day(millis: i64) -> String {
    Timestamp { millis }.day()
}
