use std::{collections::HashMap, path::PathBuf};

use serde_json::Value;

use super::{
    CommandError, Env, ExitCode, InventorySettings, exit_code,
    import::open_store,
    output, read,
    table::{Table, TableFormat},
};
use crate::{model::identity::Record, store::Change};

/// What a record is known by, and all that it says.
fn keyed(record: &Record) -> Option<(String, Value)> {
    Some((format!("{} {}", record.noun(), record.natural_key()), serde_json::to_value(record).ok()?))
}

/// Names of the fields that differ, with both values where they are short.
fn changes_between(before: &Value, after: &Value) -> String {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return String::new() };
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let said = differing.map(|name| {
        let show = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "nothing".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(_) | Value::Object(_)) => "…".to_owned(),
            Some(value) => value.to_string(),
        };
        format!("{name}: {} → {}", show(before.get(name)), show(after.get(name)))
    });
    said.collect::<Vec<_>>().join("; ")
}

/// Shows what the last import of each source changed in the store, or what one did, by its snapshot's id. Exit code 1 if it
/// changed something.
///
/// # Errors
/// If the store can't be read, or the result not written.
pub fn diff_of_store(
    snapshot: Option<&str>,
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let mut table = Table::new(&["source", "change", "what", "fields"]);
    let mut store = open_store(settings, env)?;
    let sources = match snapshot {
        Some(id) if store.read(|tx| tx.has_import(id))? => vec![["snapshot".to_owned(), id.to_owned(), id.to_owned()]],
        Some(id) => return Err(CommandError::NoSuchImport(crate::model::Escaped(id.as_bytes()).to_string())),
        None => store.read(|tx| tx.inventory_sources())?,
    };
    for [kind, scope, id] in sources {
        let changes = store.read(|tx| tx.inventory_changes(&id, MAX_CHANGES))?;
        if changes.len() as i64 == MAX_CHANGES {
            (env.warn)(&format!("{kind} {scope}: only the first {MAX_CHANGES} changes are shown"));
        }
        for item in changes {
            let word = match item.change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Vanished => "vanished",
            };
            let fields = item.former.map_or(String::new(), |former| changes_between(&former, &item.record));
            table.push(vec![format!("{kind} {scope}"), word.to_owned(), format!("{} {}", item.noun, item.key), fields]);
        }
    }
    drop(store);
    table.sort();
    output::write(None, env, &|out| table.write(format, out))?;
    Ok(if table.is_empty() { ExitCode::Clean } else { ExitCode::Findings })
}

/// Most changes of one import that are shown.
const MAX_CHANGES: i64 = 100_000;

/// Compares two readings of one source: what came, what changed, what vanished. From an incomplete second reading nothing
/// follows about what vanished: such lines say "missing". Exit code 1 if there is a difference.
///
/// # Errors
/// If an export can't be read, or the result not written.
pub fn diff(
    [before, after]: [PathBuf; 2],
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let of = |file: PathBuf| InventorySettings { files: vec![file], ..settings.clone() };
    let mut old = HashMap::new();
    let mut snapshots = read(&of(before), env, &mut |record| {
        old.extend(keyed(&record));
        Ok(())
    })?;
    let mut table = Table::new(&["change", "what", "fields"]);
    let later = read(&of(after), env, &mut |record| {
        let Some((id, now)) = keyed(&record) else { return Ok(()) };
        match old.remove(&id) {
            None => table.push(vec!["added".to_owned(), id, String::new()]),
            Some(before) if before != now => table.push(vec!["changed".to_owned(), id, changes_between(&before, &now)]),
            Some(_) => {}
        }
        Ok(())
    })?;
    let is_complete = later.iter().all(|snapshot| snapshot.complete);
    let gone = if is_complete { "vanished" } else { "missing" };
    old.into_keys().for_each(|id| table.push(vec![gone.to_owned(), id, String::new()]));
    table.sort();
    let differs = !table.is_empty();
    output::write(None, env, &|out| table.write(format, out))?;
    snapshots.extend(later);
    Ok(if differs { ExitCode::Findings } else { exit_code(&snapshots) })
}
