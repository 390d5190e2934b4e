use std::collections::BTreeSet;

use super::{StoreChoice, audit_signer, place};
use crate::{
    commands::{CommandError, Env, ExitCode, gate, output},
    engine::{Scanner, ScannerOptions},
    store::{MIGRATIONS, Store, TextCell, audit},
};

/// Columns whose text is random by nature: digests, signatures, ids of our own.
const RANDOM_COLUMNS: &[&str] = &[
    "hash",
    "prev_hash",
    "plan_hash",
    "digest",
    "sha256",
    "signature",
    "public_key",
    "fp",
    "value",
    "idem_key",
    "settings",
];

/// Looks for everything that may be wrong with a store: its files, its references, what must hold between its rows, the
/// audit log, and secrets in clear, with the same rules as a scan. Reads all of it.
///
/// # Errors
/// If there is no store, or it can't be read.
pub fn doctor(choice: &StoreChoice, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let location = choice.location(env)?;
    let mut store = Store::open_any(&location, place::context(choice, env))?;
    let known = MIGRATIONS.len() as i64;
    let mut sections = Vec::new();
    let mut section = |name: &'static str, wrong: Vec<String>| sections.push((name, wrong));
    let found = store.version()?.unwrap_or(0);
    let older = (found < known).then(|| format!("it is {found}, and {known} is needed: `unleak store migrate`"));
    section("schema", older.into_iter().collect());
    section("files and references", store.database().integrity()?);
    if found == known {
        section("invariants", store.read(|tx| tx.broken_invariants())?);
        let trusted: Vec<String> = audit_signer(env)?.iter().map(audit::Signer::public_key).collect();
        let mut seen = store.read(|tx| audit::verify(tx, &[]))?;
        if let (Some((first, last)), true, false) = (seen.unsigned(), seen.faults.is_empty(), trusted.is_empty()) {
            seen.faults.push(format!("events {first} to {last} are not signed: `unleak audit verify`"));
        }
        section("audit log", seen.faults);
        if seen.keys.iter().any(|key| !trusted.contains(key)) {
            (env.warn)(
                "some checkpoints of the audit log are signed with other keys than yours: `unleak audit verify --key`",
            );
        }
    }
    section("secrets in clear", clear_secrets(&mut store)?);
    let is_well = sections.iter().all(|(_, wrong)| wrong.is_empty());
    output::write(None, env, &|out| {
        for (name, wrong) in &sections {
            writeln!(out, "{name:20}  {}", if wrong.is_empty() { "ok" } else { "WRONG" })?;
            wrong.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
        Ok(())
    })?;
    Ok(if is_well { ExitCode::Clean } else { ExitCode::Findings })
}

/// Texts are scanned together until they are so many bytes: scans of single words would take ten times as long.
const BATCH_BYTES: usize = 512 << 10;

/// Places are listed up to so many.
const MAX_PLACES: usize = 20;

/// Texts of the store that wait to be scanned, and where each begins.
#[derive(Default)]
struct Texts {
    text: String,
    places: Vec<(u64, String)>,
    found: BTreeSet<String>,
}

impl Texts {
    fn add(&mut self, cell: TextCell<'_>, scanner: &Scanner) {
        if RANDOM_COLUMNS.contains(&cell.column) || cell.text.len() < 8 {
            return;
        }
        let place = format!("{}.{} of row {}", cell.table, cell.column, cell.row);
        self.places.push((self.text.len() as u64, place));
        // The column's name may be the word that tells a secret.
        self.text.push_str(&format!("{}: {}\n\n", cell.column, cell.text));
        if self.text.len() >= BATCH_BYTES {
            self.scan(scanner);
        }
    }

    fn scan(&mut self, scanner: &Scanner) {
        for finding in scanner.scan_bytes("store", self.text.as_bytes()).findings {
            for occurrence in &finding.occurrences {
                let index = self.places.partition_point(|(start, _)| *start <= occurrence.place.span.start);
                let place = index.checked_sub(1).map_or("", |index| &self.places[index].1);
                if self.found.len() < MAX_PLACES {
                    self.found.insert(format!("{place}: rule {} finds a secret", finding.rule.id));
                }
            }
        }
        self.text.clear();
        self.places.clear();
    }
}

/// Where the built-in rules find something in the store's texts. Says where, never what.
fn clear_secrets(store: &mut Store<'_>) -> Result<Vec<String>, CommandError> {
    let scanner = Scanner::new(gate::self_identifying_rules()?, &ScannerOptions::default());
    let mut texts = Texts::default();
    store.read(|tx| tx.for_each_text(&mut |cell| texts.add(cell, &scanner)))?;
    texts.scan(&scanner);
    Ok(texts.found.into_iter().collect())
}
