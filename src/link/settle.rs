//! Weighs what the linkers propose, and keeps the outcome.

use serde::Serialize;
use serde_json::json;

use super::{
    CERTAIN, ENGINE_VERSION, LIKELY, SHADOW, due,
    evidence::{Evidence, Proposal, Tier},
    facts::Facts,
    linkers::LINKERS,
    owners::Owners,
    risk, shadow,
};
use crate::store::{FindingState, Row, StateChange, Store, StoreError, Transaction, Value};

/// Candidates that are closer than this are ambiguous.
const TIE: f64 = 0.1;

/// Most that evidence from context alone makes of a link.
const CONTEXT_CAP: f64 = 0.7;

/// How many findings are linked in one transaction.
pub(super) const BATCH: i64 = 200;

/// What linking changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Findings looked at.
    pub findings: u64,
    /// Of them, linked to a credential with certainty.
    pub certain: u64,
    /// Of them, linked with less.
    pub likely: u64,
    /// Of them, with several candidates that are about as likely.
    pub ambiguous: u64,
    /// Of them, closed: their credential was dead already.
    pub retired: u64,
    /// Of them, with no candidate.
    pub unlinked: u64,
}

/// A link as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredLink {
    /// Its id.
    pub id: String,
    /// The credential.
    pub credential: Option<String>,
    /// Where it is kept, or how its provider calls it.
    pub credential_name: Option<String>,
    /// The identity.
    pub identity: Option<String>,
    /// What people call the identity.
    pub identity_name: Option<String>,
    /// What it rests on.
    pub tier: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// `auto`, `confirmed`, `rejected` or `ambiguous`.
    pub status: String,
    /// What speaks for it and against it.
    pub evidence: Vec<Evidence>,
}

/// Why a finding is linked as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Its links, the surest first.
    pub links: Vec<StoredLink>,
    /// What would settle it.
    pub needed: Vec<String>,
}

/// Findings that linking may change. So written that no engine takes the index of states, and sorts what it finds there for each
/// batch.
pub(super) const UNRESOLVED: &str = "coalesce(state, '') IN ('open', 'linked', 'regressed')";

/// Links every unresolved finding anew, in batches; `only` one if it is given. Running it again changes nothing.
///
/// # Errors
/// What the engine says. Batches before stay.
pub fn link(store: &mut Store<'_>, only: Option<&str>) -> Result<Counts, StoreError> {
    if let Some(id) = only {
        return store.write(|tx| {
            let mut counts = Counts::default();
            let row = tx.query_one(&format!("SELECT id FROM finding WHERE id = $1 AND {UNRESOLVED}"), &[id.into()])?;
            if row.is_some() {
                link_one(tx, id, &mut counts, &mut Owners::default())?;
            }
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
            let rows = tx.query(
                &format!("SELECT id FROM finding WHERE id > $1 AND {UNRESOLVED} ORDER BY id LIMIT $2"),
                &[(&after).into(), BATCH.into()],
            )?;
            let ids = rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()?;
            for id in &ids {
                link_one(tx, id, &mut counts, &mut owners)?;
            }
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
            let sql = format!("SELECT id, {UNRESOLVED} FROM finding WHERE link_due ORDER BY id LIMIT $1");
            let rows = tx.query(&sql, &[BATCH.into()])?;
            for row in &rows {
                let id: String = row.get(0)?;
                if row.get(1)? {
                    link_one(tx, &id, &mut counts, &mut owners)?;
                } else {
                    tx.execute("UPDATE finding SET link_due = FALSE WHERE id = $1", &[id.into()])?;
                }
            }
            Ok::<_, StoreError>((!rows.is_empty()).then_some(counts))
        })?;
        match more {
            Some(more) => counts = more,
            None => return Ok(counts),
        }
    }
}

/// Links one finding; it is not due any more, whatever that changed in it.
fn link_one(tx: &mut Transaction<'_>, id: &str, counts: &mut Counts, owners: &mut Owners) -> Result<(), StoreError> {
    // From here on who changes it waits, and marks it when this is done: a mark can't be lost.
    tx.execute("UPDATE finding SET link_due = FALSE WHERE id = $1", &[id.into()])?;
    settle_one(tx, id, counts, owners)?;
    tx.execute("UPDATE finding SET link_due = FALSE WHERE id = $1 AND link_due", &[id.into()])?;
    Ok(())
}

fn settle_one(tx: &mut Transaction<'_>, id: &str, counts: &mut Counts, owners: &mut Owners) -> Result<(), StoreError> {
    let Some(facts) = Facts::read(tx, id)? else { return Ok(()) };
    counts.findings += 1;
    let manual = manual_links(tx, id)?;
    if let Some(confirmed) = manual.iter().find(|link| link.status == "confirmed") {
        counts.certain += 1;
        return adopt(tx, &facts, confirmed.credential.as_deref(), counts, owners);
    }
    let rejected = |p: &Proposal| manual.iter().any(|m| (m.credential.as_deref(), m.identity.as_deref()) == p.target());
    let mut proposals = gather(tx, &facts)?;
    proposals.retain(|proposal| !rejected(proposal));
    let is_tie = is_tie(&proposals);
    keep(tx, &facts, &proposals, is_tie)?;
    let best = proposals.first();
    match best {
        None => counts.unlinked += 1,
        Some(_) if is_tie => counts.ambiguous += 1,
        Some(best) if best.confidence >= CERTAIN && best.credential.is_some() => {
            counts.certain += 1;
            return adopt(tx, &facts, best.credential.as_deref(), counts, owners);
        }
        Some(_) => counts.likely += 1,
    }
    let linked = best.is_some_and(|best| !is_tie && best.confidence >= LIKELY);
    release(tx, &facts, linked)
}

/// What all linkers propose, weighed: one proposal per target, the surest first.
fn gather(tx: &mut Transaction<'_>, facts: &Facts) -> Result<Vec<Proposal>, StoreError> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for linker in LINKERS {
        for proposed in linker.propose(tx, facts)? {
            match proposals.iter_mut().find(|known| known.target() == proposed.target()) {
                Some(known) => known.evidence.extend(proposed.evidence),
                None => proposals.push(proposed),
            }
        }
    }
    for proposal in &mut proposals {
        let against = against(tx, facts, proposal)?;
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
    Ok(proposals)
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
fn against(tx: &mut Transaction<'_>, facts: &Facts, proposal: &Proposal) -> Result<Vec<Evidence>, StoreError> {
    let Some(credential) = &proposal.credential else { return Ok(Vec::new()) };
    let row = tx.query_one(
        "SELECT account, native_created_at, environment, last_snapshot_id FROM credential WHERE id = $1",
        &[credential.into()],
    )?;
    let Some(row) = row else { return Ok(Vec::new()) };
    // The secret itself was recognised: nothing else counts.
    if proposal.tier == Tier::A0 {
        return Ok(Vec::new());
    }
    let account: String = row.get(0)?;
    let snapshot: Option<String> = row.get(3)?;
    let evidence = |rule: &str, fields: (&str, &str), value: String, weight: f64| Evidence {
        rule: rule.to_owned(),
        finding_field: fields.0.to_owned(),
        inventory_field: fields.1.to_owned(),
        value,
        weight,
        snapshot: snapshot.clone(),
    };
    let mut against = Vec::new();
    if let Some(shown) = facts.account().filter(|shown| !account.is_empty() && *shown != account) {
        let value = format!("{shown}, not {account}");
        against.push(evidence("other-account", ("account", "credential.account"), value, 0.0));
    }
    if let Some(made) = row.get::<Option<i64>>(1)?.filter(|made| facts.is_dated && *made > facts.first_ms + CLOCKS_MS) {
        let value = format!("made at {}, leaked at {}", time(made), time(facts.first_ms));
        against.push(evidence("younger-than-leak", ("first seen", "credential.created"), value, 0.1));
    }
    let environment: Option<String> = row.get(2)?;
    if let Some((theirs, ours)) = environment.as_deref().zip(environment_of(facts)).filter(|(a, b)| !a.starts_with(b)) {
        let value = format!("{ours}, not {theirs}");
        against.push(evidence("other-environment", ("path", "credential.environment"), value, 0.6));
    }
    Ok(against)
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

fn is_tie(proposals: &[Proposal]) -> bool {
    matches!(proposals, [first, second, ..] if first.confidence - second.confidence < TIE)
}

/// Replaces the links that were made automatically.
fn keep(tx: &mut Transaction<'_>, facts: &Facts, proposals: &[Proposal], is_tie: bool) -> Result<(), StoreError> {
    let now = tx.now();
    let before = tx.query(
        "SELECT credential_id, identity_id, confidence, status FROM link WHERE finding_id = $1
         AND status IN ('auto', 'ambiguous') AND engine_version <> $2 ORDER BY confidence DESC, id",
        &[(&facts.id).into(), SHADOW.into()],
    )?;
    let status = |p: &Proposal| {
        let best = proposals.first().map_or(0.0, |best| best.confidence);
        if is_tie && best - p.confidence < TIE { "ambiguous" } else { "auto" }
    };
    let same = |row: &Row, p: &Proposal| {
        Ok::<_, StoreError>(
            row.get::<Option<String>>(0)? == p.credential
                && (p.credential.is_some() || row.get::<Option<String>>(1)? == p.identity)
                && (row.get::<f64>(2)? - p.confidence).abs() < 1e-9
                && row.get::<String>(3)? == status(p),
        )
    };
    let mut unchanged = before.len() == proposals.len();
    for (row, proposal) in before.iter().zip(proposals) {
        unchanged = unchanged && same(row, proposal)?;
    }
    if unchanged {
        return Ok(());
    }
    // A proposed identity gives way to what is known; without it, it stays.
    let kept = if proposals.is_empty() { SHADOW } else { "" };
    tx.execute(
        "DELETE FROM link WHERE finding_id = $1 AND status IN ('auto', 'ambiguous') AND engine_version <> $2",
        &[(&facts.id).into(), kept.into()],
    )?;
    for proposal in proposals {
        let evidence = serde_json::to_value(&proposal.evidence).map_err(|_| StoreError::NotCanonical("evidence"))?;
        let id = tx.new_id()?;
        tx.execute(
            "INSERT INTO link (id, finding_id, credential_id, identity_id, tier, confidence, status, evidence,
                engine_version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
             ON CONFLICT DO NOTHING",
            &[
                id.into(),
                (&facts.id).into(),
                proposal.credential.as_deref().into(),
                proposal.identity.as_deref().into(),
                proposal.tier.as_str().into(),
                proposal.confidence.into(),
                status(proposal).into(),
                Value::json(&evidence),
                ENGINE_VERSION.into(),
                now.into(),
            ],
        )?;
    }
    let best = proposals.first().map(|p| json!({ "credential": p.credential, "identity": p.identity, "tier": p.tier }));
    tx.audit(
        "finding.link",
        &format!("finding:{}", facts.id),
        &json!({ "links": proposals.len(), "best": best, "tie": is_tie }),
    )
}

/// The finding belongs to that credential from now on. A credential that is dead closes it.
fn adopt(
    tx: &mut Transaction<'_>,
    facts: &Facts,
    credential: Option<&str>,
    counts: &mut Counts,
    owners: &mut Owners,
) -> Result<(), StoreError> {
    let Some(credential) = credential else { return release(tx, facts, true) };
    shadow::ensure_owner(tx, facts, credential, owners)?;
    tx.execute(
        "UPDATE finding SET credential_id = $2 WHERE id = $1 AND (credential_id IS NULL OR credential_id <> $2)",
        &[(&facts.id).into(), credential.into()],
    )?;
    let row = tx.query_one(
        "SELECT status, generation, coalesce(tombstoned_at, last_seen_at) FROM credential WHERE id = $1",
        &[credential.into()],
    )?;
    let status: String = row.as_ref().map_or(Ok(String::new()), |row| row.get(0))?;
    risk::keep(tx, &facts.id)?;
    if let (true, Some(row)) = (matches!(status.as_str(), "revoked" | "deleted" | "expired"), row) {
        counts.retired += 1;
        let generation = row.get::<Option<i64>>(1)?.map_or_else(String::new, |n| format!("generation {n}, "));
        let reason = format!("{generation}{status}, retired {}", day(row.get(2)?));
        tx.execute(
            "UPDATE finding SET validity = 'dead', validity_at = $2 WHERE id = $1",
            &[(&facts.id).into(), tx.now().into()],
        )?;
        return tx.change_finding(
            &facts.id,
            &StateChange { to: FindingState::Resolved, reason: Some(reason), until_ms: None },
        );
    }
    move_to(tx, &facts.id, FindingState::Linked, "linked to a credential")
}

/// No credential with certainty: the finding belongs to none.
fn release(tx: &mut Transaction<'_>, facts: &Facts, is_linked: bool) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE finding SET credential_id = NULL WHERE id = $1 AND credential_id IS NOT NULL",
        &[(&facts.id).into()],
    )?;
    risk::keep(tx, &facts.id)?;
    let state = if is_linked { FindingState::Linked } else { FindingState::Open };
    move_to(tx, &facts.id, state, if is_linked { "probably linked" } else { "not linked" })
}

fn move_to(tx: &mut Transaction<'_>, id: &str, to: FindingState, reason: &str) -> Result<(), StoreError> {
    let row = tx.query_one("SELECT state FROM finding WHERE id = $1", &[id.into()])?;
    let state: String = row.map_or(Ok(String::new()), |row| row.get(0))?;
    // One that regressed stays marked so until somebody looks at it.
    if state == to.as_str() || (state == "regressed" && to == FindingState::Open) {
        return Ok(());
    }
    tx.change_finding(id, &StateChange { to, reason: Some(reason.to_owned()), until_ms: None })
}

struct ManualLink {
    credential: Option<String>,
    identity: Option<String>,
    status: String,
}

fn manual_links(tx: &mut Transaction<'_>, id: &str) -> Result<Vec<ManualLink>, StoreError> {
    let rows = tx.query(
        "SELECT credential_id, identity_id, status FROM link WHERE finding_id = $1 AND status IN ('confirmed', 'rejected')",
        &[id.into()],
    )?;
    rows.iter()
        .map(|row| {
            let credential: Option<String> = row.get(0)?;
            let identity = if credential.is_some() { None } else { row.get(1)? };
            Ok(ManualLink { credential, identity, status: row.get(2)? })
        })
        .collect()
}

/// Why a finding is linked as it is, and what would settle it.
///
/// # Errors
/// What the engine says.
pub fn explain(tx: &mut Transaction<'_>, id: &str) -> Result<Option<Explanation>, StoreError> {
    let Some(facts) = Facts::read(tx, id)? else { return Ok(None) };
    let rows = tx.query(
        "SELECT l.id, l.credential_id, l.identity_id, i.name, l.tier, l.confidence, l.status, l.evidence,
            coalesce(c.store_ref, c.public_id, c.name, c.native_id) FROM link AS l
         LEFT JOIN identity AS i ON i.id = l.identity_id
         LEFT JOIN credential AS c ON c.id = l.credential_id WHERE l.finding_id = $1 ORDER BY l.confidence DESC, l.id",
        &[id.into()],
    )?;
    let mut links = Vec::new();
    for row in &rows {
        let evidence: serde_json::Value = row.get(7)?;
        links.push(StoredLink {
            id: row.get(0)?,
            credential: row.get(1)?,
            credential_name: row.get(8)?,
            identity: row.get(2)?,
            identity_name: row.get(3)?,
            tier: row.get(4)?,
            confidence: row.get(5)?,
            status: row.get(6)?,
            evidence: serde_json::from_value(evidence).unwrap_or_default(),
        });
    }
    Ok(Some(Explanation { needed: needed(&facts, &links), links }))
}

fn needed(facts: &Facts, links: &[StoredLink]) -> Vec<String> {
    let best = links.iter().find(|link| link.status != "rejected");
    if best.is_some_and(|link| link.status == "confirmed" || (link.status == "auto" && link.confidence >= CERTAIN)) {
        return Vec::new();
    }
    let mut needed = Vec::new();
    if facts.public_id.is_some() {
        needed.push(format!("an inventory of {} that lists the public id", facts.provider));
    }
    needed.push("a fingerprint of the secret from whoever keeps it (`unleak fingerprint`)".to_owned());
    if best.is_some() {
        needed.push("somebody who knows: `unleak link --confirm` or `--reject`".to_owned());
    }
    needed
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

fn day(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.strftime("%F").to_string())
}
