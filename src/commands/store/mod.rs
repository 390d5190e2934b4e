//! `unleak store init|status|migrate|backup|doctor`, and what all verbs with a store share: where it is, who acts, the
//! signature under the audit log.

mod doctor;
mod place;

use std::path::Path;

pub use doctor::doctor;
pub use place::StoreChoice;
pub(super) use place::{audit_signer, check_signed, open, open_to_write, with_store};

use super::{CommandError, Env, ExitCode, output, table::timestamp};
use crate::{
    model::DisplayPath,
    store::{FindingFilter, FindingState, MIGRATIONS, Store, StoreError, audit},
};

/// Makes a store.
///
/// # Errors
/// If there is one, or it can't be made.
pub fn init(choice: &StoreChoice, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let location = choice.location(env)?;
    let mut store = Store::init_signed(&location, place::context(choice, env), audit_signer(env)?)?;
    place::check_signed(&mut store, env)?;
    output::write(None, env, &|out| writeln!(out, "made a store at {location} (schema {})", MIGRATIONS.len()))?;
    Ok(ExitCode::Clean)
}

/// Brings a store to this version's schema.
///
/// # Errors
/// If it can't be done; the store is as it was then.
pub fn migrate(choice: &StoreChoice, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let location = choice.location(env)?;
    let mut store = Store::open_any(&location, place::context(choice, env))?;
    place::sign_with_own(&mut store, env);
    let applied = store.migrate()?;
    place::check_signed(&mut store, env)?;
    output::write(None, env, &|out| match applied.as_slice() {
        [] => writeln!(out, "the store at {location} has schema {} already", MIGRATIONS.len()),
        applied => {
            let applied = crate::report::count(applied.len() as u64, "migration");
            writeln!(out, "applied {applied} to the store at {location}")
        }
    })?;
    Ok(ExitCode::Clean)
}

/// Says where the store is, how new its schema is, and what is in it.
///
/// # Errors
/// If there is none, or it can't be read.
pub fn status(choice: &StoreChoice, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let location = choice.location(env)?;
    let mut store = Store::open_any(&location, place::context(choice, env))?;
    let (found, known) = (store.version()?.unwrap_or(0), MIGRATIONS.len() as i64);
    let rows = store.read(status_rows)?;
    output::write(None, env, &|out| {
        writeln!(out, "store        {location}")?;
        let older = if found < known { format!(" of {known}: `unleak store migrate`") } else { String::new() };
        writeln!(out, "schema       {found}{older}")?;
        rows.iter().try_for_each(|(name, value)| writeln!(out, "{name:11}  {value}"))
    })?;
    Ok(if found < known { ExitCode::Incomplete } else { ExitCode::Clean })
}

/// Makes a store of a backup, where there is none.
///
/// # Errors
/// If there is a store already, or the backup can't be used; nothing is left then.
pub fn restore(choice: &StoreChoice, backup: &Path, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let location = choice.location(env)?;
    let mut store = Store::restore(&location, backup, place::context(choice, env))?;
    let found = store.version()?.unwrap_or(0);
    if found == MIGRATIONS.len() as i64 {
        // The last event tells of this.
        let end = store.read(audit::end)?;
        place::sign_own_since(&mut store, end - 1, env)?;
    }
    output::write(None, env, &|out| {
        writeln!(out, "made a store at {location} of {} (schema {found})", DisplayPath(backup))
    })?;
    Ok(ExitCode::Clean)
}

fn status_rows(tx: &mut crate::store::Transaction<'_>) -> Result<Vec<(String, String)>, StoreError> {
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    for state in FindingState::ALL {
        let filter = FindingFilter { states: vec![state], ..FindingFilter::default() };
        let count = tx.count_findings(&filter)?;
        if count > 0 {
            findings.push(format!("{count} {}", state.as_str()));
        }
    }
    let none = || "none".to_owned();
    rows.push(("findings".to_owned(), if findings.is_empty() { none() } else { findings.join(", ") }));
    for (name, sql) in [
        ("places", "SELECT count(*) FROM occurrence WHERE present"),
        ("sources", "SELECT count(*) FROM source"),
        ("identities", "SELECT count(*) FROM identity"),
        ("credentials", "SELECT count(*) FROM credential"),
        ("events", "SELECT seq FROM audit_head"),
    ] {
        let count: i64 = tx.query_one(sql, &[])?.map_or(Ok(0), |row| row.get(0))?;
        rows.push((name.to_owned(), count.to_string()));
    }
    let cut_off = unfinished_imports(tx)?;
    if cut_off > 0 {
        let readings = crate::report::count(cut_off, "import");
        rows.push((
            "unfinished".to_owned(),
            format!("{readings}: cut off, or still running; the same file again ends it"),
        ));
    }
    let last = tx.query_one("SELECT max(finished_at) FROM snapshot", &[])?;
    let last: Option<i64> = last.map_or(Ok(None), |row| row.get(0))?;
    rows.push(("last read".to_owned(), last.map_or_else(none, timestamp)));
    Ok(rows)
}

/// Sources of the inventory of which the last import didn't come to its end.
fn unfinished_imports(tx: &mut crate::store::Transaction<'_>) -> Result<u64, StoreError> {
    let row = tx.query_one(
        "SELECT count(*) FROM source AS s WHERE s.category = 'inventory' AND EXISTS (SELECT 1 FROM snapshot AS n
            WHERE n.source_id = s.id AND n.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM snapshot AS l
                WHERE l.source_id = s.id AND l.id > n.id AND l.finished_at IS NOT NULL))",
        &[],
    )?;
    Ok(row.map_or(Ok(0), |row| row.get::<i64>(0))?.unsigned_abs())
}

/// Writes a copy of a store to a file that must not exist: one moment's state, whoever writes meanwhile.
///
/// # Errors
/// If it can't be written; no file is left then.
pub fn backup(choice: &StoreChoice, target: &Path, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let location = choice.location(env)?;
    let mut store = Store::open_any(&location, place::context(choice, env))?;
    store.database().back_up(target)?;
    output::write(None, env, &|out| writeln!(out, "copied the store at {location} to {}", DisplayPath(target)))?;
    Ok(ExitCode::Clean)
}
