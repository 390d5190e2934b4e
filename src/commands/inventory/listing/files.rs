//! Lists of what exports say. They may be larger than memory, and what belongs together may stand far apart, in several files:
//! rows are sorted by what they speak of, put together, and sorted again as they are shown.

use std::path::Path;

use super::{
    CommandError, Env, ExitCode, InventoryError, InventorySettings, LIST, OWNERS, StreamedTable, TableFormat,
    exit_code, output, read,
    sorter::{CellRow, Sorter},
    spool_error, time,
};
use crate::model::identity::{Credential, EntityKey, Identity, OwnedBy, Record};

/// What a row of the first sorting is: of one identity first what it is, then its owners, then its credentials.
const IDENTITY: &str = "1";
const OWNER: &str = "2";
const CREDENTIAL: &str = "3";

/// Cells by which a row is sorted: the identity's provider, account and native id, what it is, its number.
const SORTED_BY: usize = 5;

pub(super) fn list(
    path: Option<&Path>,
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let (mut parts, mut lines, mut number) = (Sorter::new(), Sorter::new(), 0_u64);
    let snapshots = read(settings, env, &mut |record| {
        number += 1;
        part(number, record)
            .map_or(Ok(()), |part| match part {
                Part::OfIdentity(row) => parts.push(row),
                Part::Line(row) => lines.push(row),
            })
            .map_err(not_kept)
    })?;
    let mut group = Group::default();
    parts.each(&mut |row| group.add(row, &mut lines)).map_err(spool_error)?;
    group.end(&mut lines).map_err(spool_error)?;
    write(path, (LIST, format), lines, env)?;
    Ok(exit_code(&snapshots))
}

fn not_kept(error: std::io::Error) -> InventoryError {
    InventoryError::Taker(format!("a temporary file can't be written: {error}"))
}

/// Writes sorted rows, each once.
fn write(
    path: Option<&Path>,
    (columns, format): (&'static [&'static str], TableFormat),
    rows: Sorter,
    env: &mut Env<'_>,
) -> Result<(), CommandError> {
    let mut rows = Some(rows);
    output::stream(path, env, &mut |out| {
        let mut table = StreamedTable::begin(columns, format, out).map_err(output::failed)?;
        let mut last = CellRow::new();
        if let Some(rows) = rows.take() {
            rows.each(&mut |row| {
                if row == last {
                    return Ok(());
                }
                last.clone_from(&row);
                table.push(row)
            })
            .map_err(output::failed)?;
        }
        table.end().map_err(output::failed)
    })
}

/// What becomes of a record.
enum Part {
    /// Part of what there is to say of an identity.
    OfIdentity(CellRow),
    /// A line of its own.
    Line(CellRow),
}

fn part(number: u64, record: Record) -> Option<Part> {
    let number = format!("{number:020}");
    let of = |key: &EntityKey, what: &str, cells: Vec<String>| {
        let mut row = vec![key.provider.clone(), key.account.clone(), key.native_id.clone(), what.to_owned(), number];
        row.extend(cells);
        Part::OfIdentity(row)
    };
    match record {
        Record::Identity(identity) => Some(of(&identity.key, IDENTITY, identity_cells(&identity))),
        Record::Ownership(ownership) => match ownership.subject {
            OwnedBy::Identity { identity } => Some(of(&identity, OWNER, vec![ownership.owner])),
            _ => None,
        },
        Record::Credential(credential) => Some(match &credential.identity {
            Some(identity) => of(identity, CREDENTIAL, credential_cells(&credential)),
            None => Part::Line(credential_line(
                credential_cells(&credential),
                &[String::new(), String::new(), String::new(), String::new()],
                "",
            )),
        }),
        _ => None,
    }
}

/// Name, kind, state, privileged; then its times.
fn identity_cells(identity: &Identity) -> Vec<String> {
    let privileged = identity.privileged.map_or("", |privileged| if privileged { "yes" } else { "no" });
    let mut cells =
        vec![identity.name.clone(), identity.kind.to_string(), identity.state.to_string(), privileged.to_owned()];
    cells.extend([identity.created, identity.last_used, identity.expires_at].map(time));
    cells
}

/// Provider and account; then its id, type, status, public id and times.
fn credential_cells(credential: &Credential) -> Vec<String> {
    let mut cells = vec![
        credential.key.provider.clone(),
        credential.key.account.clone(),
        credential.key.native_id.clone(),
        credential.credential_type.to_string(),
        credential.status.to_string(),
        credential.public_id.clone().unwrap_or_default(),
    ];
    cells.extend([credential.created, credential.last_used, credential.expires_at].map(time));
    cells
}

fn credential_line(mut cells: Vec<String>, who: &[String], owners: &str) -> CellRow {
    let own = cells.split_off(2);
    cells.extend_from_slice(who);
    cells.push(owners.to_owned());
    cells.extend(own);
    cells
}

/// What was read of one identity.
#[derive(Default)]
struct Group {
    key: Vec<String>,
    /// Its name, kind, state, privileged, and times; of several records the last counts.
    identity: Option<Vec<String>>,
    owners: Vec<String>,
    has_credential: bool,
}

impl Group {
    fn add(&mut self, mut row: CellRow, lines: &mut Sorter) -> std::io::Result<()> {
        if row[..3] != self.key {
            std::mem::take(self).end(lines)?;
            self.key = row[..3].to_vec();
        }
        let cells = row.split_off(SORTED_BY);
        match row[3].as_str() {
            IDENTITY => self.identity = Some(cells),
            OWNER => self.owners.extend(cells),
            _ => {
                self.has_credential = true;
                lines.push(credential_line(cells, &self.who(), &self.owners.join(" ")))?;
            }
        }
        Ok(())
    }

    fn who(&self) -> [String; 4] {
        match self.identity.as_deref() {
            Some([name, kind, state, privileged, ..]) => [name, kind, state, privileged].map(Clone::clone),
            // A credential knows no more of it.
            _ => [self.key.last().cloned().unwrap_or_default(), String::new(), String::new(), String::new()],
        }
    }

    /// An identity of which no credential is known has a line of its own.
    fn end(self, lines: &mut Sorter) -> std::io::Result<()> {
        if self.has_credential {
            return Ok(());
        }
        let Some(identity) = &self.identity else { return Ok(()) };
        let mut row = self.key[..2].to_vec();
        row.extend(self.who());
        row.push(self.owners.join(" "));
        row.extend(std::iter::repeat_n(String::new(), 4));
        row.extend_from_slice(&identity[4..]);
        lines.push(row)
    }
}

/// Lists who owns what. Owners of nothing stand alone in their line, which is sorted before those of what they own.
pub(super) fn owners(
    settings: &InventorySettings,
    format: TableFormat,
    env: &mut Env<'_>,
) -> Result<ExitCode, CommandError> {
    let mut claims = Sorter::new();
    let snapshots = read(settings, env, &mut |record| {
        let row = match record {
            Record::Owner(owner) => {
                let mut row = vec![String::new(); OWNERS.len()];
                row[0] = owner.reference;
                row
            }
            Record::Ownership(ownership) => vec![
                ownership.owner,
                ownership.role.to_string(),
                ownership.subject.to_string(),
                ownership.origin.to_string(),
                ownership.confidence.to_string(),
                ownership.reason,
            ],
            _ => return Ok(()),
        };
        claims.push(row).map_err(not_kept)
    })?;
    let (mut rows, mut alone) = (Sorter::new(), None::<CellRow>);
    claims
        .each(&mut |row| {
            let is_alone = row[1].is_empty();
            match alone.take() {
                Some(before) if before[0] != row[0] => rows.push(before)?,
                _ => {}
            }
            if is_alone {
                alone = Some(row);
                return Ok(());
            }
            rows.push(row)
        })
        .and_then(|()| alone.map_or(Ok(()), |row| rows.push(row)))
        .map_err(spool_error)?;
    write(None, (OWNERS, format), rows, env)?;
    Ok(exit_code(&snapshots))
}
