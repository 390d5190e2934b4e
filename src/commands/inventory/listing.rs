mod files;

use std::path::Path;

use super::{
    CommandError, Env, ExitCode, InventorySettings, exit_code,
    import::open_store,
    output, read, sorter, spool_error,
    table::{StreamedTable, Table, TableFormat},
};
use crate::{
    inventory::{IMPORTERS, InventoryError},
    model::identity::{EntityKey, OwnedBy, Record, Timestamp},
    store::{About, InventoryLine, VanishedItem},
};

/// Lists the kinds of export that can be read.
///
/// # Errors
/// If the list can't be written.
pub fn formats(format: TableFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut table = Table::new(&["name", "export"]);
    IMPORTERS.iter().for_each(|importer| table.push(vec![importer.name.to_owned(), importer.title.to_owned()]));
    table.sort();
    output::write(None, env, &|out| table.write(format, out))?;
    Ok(ExitCode::Clean)
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or(String::new(), |time| time.to_string())
}

const LIST: &[&str] = &[
    "provider",
    "account",
    "identity",
    "kind",
    "state",
    "privileged",
    "owner",
    "credential",
    "type",
    "status",
    "public_id",
    "created",
    "last_used",
    "expires",
];

/// Lists what the store or exports say: identities with their credentials, owners and last use, one line per credential. Memory
/// doesn't grow with their number, but for a digest of each record of an export.
///
/// # Errors
/// If an export can't be read, or the list not written.
pub fn list(settings: &InventorySettings, format: TableFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    list_to(None, settings, format, env)
}

/// As [`list`], into a file if one is named.
pub(super) fn list_to(
    path: Option<&Path>,
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    if settings.files.is_empty() {
        return list_store(path, settings, format, env);
    }
    files::list(path, settings, format, env)
}

fn list_store(
    path: Option<&Path>,
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let mut store = open_store(settings, env)?;
    output::stream(path, env, &mut |out| {
        let mut table = StreamedTable::begin(LIST, format, out).map_err(output::failed)?;
        store.each_inventory_line(&mut |line| table.push(cells(line)).map_err(output::failed))?;
        table.end().map_err(output::failed)
    })?;
    Ok(ExitCode::Clean)
}

fn cells(line: InventoryLine) -> Vec<String> {
    let mut row = vec![line.provider, line.account];
    row.extend(match line.identity {
        Some(identity) => {
            let privileged = identity.privileged.map_or("", |privileged| if privileged { "yes" } else { "no" });
            [identity.name, identity.kind, identity.state, privileged.to_owned()]
        }
        None => Default::default(),
    });
    row.push(line.owners.join(" "));
    row.extend(match line.credential {
        Some(one) => [one.native_id, one.credential_type, one.status, one.public_id.unwrap_or_default()],
        None => Default::default(),
    });
    row.extend(line.times.map(time));
    row
}

/// Does a record speak of this id, name or public id?
fn speaks_of(record: &Record, wanted: &str) -> bool {
    let is = |text: &str| text == wanted;
    let of_key = |key: &EntityKey| is(&key.native_id) || is(&key.to_string());
    match record {
        Record::Identity(identity) => of_key(&identity.key) || is(&identity.name),
        Record::Credential(credential) => {
            of_key(&credential.key)
                || credential.public_id.as_deref().is_some_and(is)
                || credential.name.as_deref().is_some_and(is)
                || credential.identity.as_ref().is_some_and(of_key)
        }
        Record::Grant(grant) => of_key(&grant.identity),
        Record::Ownership(ownership) => match &ownership.subject {
            OwnedBy::Identity { identity } => of_key(identity),
            OwnedBy::Repository { repository } => is(repository),
            OwnedBy::Workload { workload } => is(workload),
            OwnedBy::Path { .. } => false,
        },
        Record::Consumer(consumer) => consumer.credential.as_ref().is_some_and(of_key) || is(&consumer.name),
        Record::Workload(workload) => is(&workload.reference),
        Record::Owner(owner) => is(&owner.reference),
        Record::Vendor(vendor) => is(&vendor.name),
    }
}

/// Shows everything that exports say of one thing, by its id, name or public id: its records as JSON, or one line for each of
/// their fields. Of the store also what no export says any more: such records have `vanished_at`, and who had them last.
///
/// # Errors
/// If nothing is said of it, an export can't be read, or the result not written.
pub fn show(
    wanted: &str,
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let (about, code) = if settings.files.is_empty() {
        (open_store(settings, env)?.about(wanted)?, ExitCode::Clean)
    } else {
        about_in_files(wanted, settings, env)?
    };
    if about.now.is_empty() && about.vanished.is_empty() {
        return Err(CommandError::NotInInventory(crate::model::Escaped(wanted.as_bytes()).to_string()));
    }
    let now = about.now.iter().map(|record| serde_json::json!(record));
    let shown: Vec<serde_json::Value> = now.chain(about.vanished.iter().map(tombstone)).collect();
    output::write(None, env, &|out| match format {
        TableFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &shown)?;
            writeln!(out)
        }
        TableFormat::Table | TableFormat::Csv => fields(&shown).write(format, out),
    })?;
    Ok(code)
}

/// One line for each field of records.
fn fields(records: &[serde_json::Value]) -> Table {
    let mut table = Table::new(&["record", "field", "value"]);
    for (number, record) in (1..).zip(records) {
        let kind = record["record"].as_str().unwrap_or_default();
        let mut waiting = vec![(String::new(), record)];
        while let Some((path, value)) = waiting.pop() {
            let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let text = match value {
                serde_json::Value::Object(members) => {
                    let members = members.iter().filter(|(name, _)| !(path.is_empty() && *name == "record"));
                    waiting.extend(members.rev().map(|(name, value)| (below(name), value)));
                    continue;
                }
                serde_json::Value::Array(items) => {
                    let items = (1..).zip(items).map(|(number, item): (u32, _)| (below(&number.to_string()), item));
                    waiting.extend(items.collect::<Vec<_>>().into_iter().rev());
                    continue;
                }
                serde_json::Value::Null => continue,
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            table.push(vec![format!("{number} {kind}"), path, text]);
        }
    }
    table
}

fn about_in_files(
    wanted: &str,
    settings: &InventorySettings,
    env: &mut Env<'_>,
) -> Result<(About, ExitCode), CommandError> {
    let mut records = Vec::new();
    let mut keep = |record: Record| {
        if speaks_of(&record, wanted) {
            records.push(record);
        }
        Ok(())
    };
    let snapshots = read(settings, env, &mut keep)?;
    // Grants, owners and consumers name an identity by its id: a second reading finds what belongs to what was named.
    let ids: Vec<String> = records
        .iter()
        .filter_map(|record| match record {
            Record::Identity(identity) => Some(identity.key.to_string()),
            _ => None,
        })
        .filter(|id| id != wanted)
        .collect();
    if !ids.is_empty() {
        let quiet = Env { warn: &|_| {}, stdout: &mut std::io::sink(), ..*env };
        read(settings, &mut { quiet }, &mut |record| {
            let is_new = ids.iter().any(|id| speaks_of(&record, id)) && !records.contains(&record);
            is_new.then(|| records.push(record));
            Ok(())
        })?;
    }
    Ok((About { now: records, vanished: Vec::new() }, exit_code(&snapshots)))
}

/// A record that its source no longer has, with when that was seen.
fn tombstone(item: &VanishedItem) -> serde_json::Value {
    let mut shown = serde_json::json!(item.record);
    let [kind, scope] = &item.source;
    shown["vanished_at"] = serde_json::json!(Timestamp { millis: item.vanished_at });
    shown["vanished_from"] = format!("{kind} {scope}").trim_end().into();
    shown
}

const OWNERS: &[&str] = &["owner", "role", "subject", "origin", "confidence", "reason"];

fn owners_of_store(
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let mut store = open_store(settings, env)?;
    output::stream(None, env, &mut |out| {
        let mut table = StreamedTable::begin(OWNERS, format, out).map_err(output::failed)?;
        store.each_owner_claim(&mut |found| {
            let mut row = vec![found.owner];
            row.extend(match found.claim {
                Some(claim) => {
                    let confidence = claim.confidence.to_string();
                    [claim.role, claim.subject.to_string(), claim.origin, confidence, claim.reason]
                }
                None => Default::default(),
            });
            table.push(row).map_err(output::failed)
        })?;
        table.end().map_err(output::failed)
    })?;
    Ok(ExitCode::Clean)
}

/// Lists who owns what, and who says so.
///
/// # Errors
/// If an export can't be read, or the list not written.
pub fn owners(settings: &InventorySettings, format: TableFormat, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    if settings.files.is_empty() {
        return owners_of_store(settings, format, env);
    }
    files::owners(settings, format, env)
}
