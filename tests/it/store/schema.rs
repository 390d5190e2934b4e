//! The tables: the same in both engines, each column explained.

use std::collections::BTreeSet;

use unleak::store::{MIGRATIONS, Store, Table};

use super::fixture::Fixture;

#[test]
fn both_engines_have_the_same_tables_and_columns() {
    let tables = |store: &mut Store<'_>| -> Vec<Table> { store.database().tables().unwrap() };
    let sqlite = Fixture::sqlite().with(tables);
    assert!(sqlite.len() > 25);
    if let Some(fixture) = Fixture::postgres() {
        assert_eq!(fixture.with(tables), sqlite);
    }
}

/// Linking asks for the links of each finding: reading all of them each time, it takes hours for 100,000 findings.
#[test]
fn the_links_of_a_finding_are_found_by_an_index() {
    Fixture::sqlite().with(|store| {
        for condition in ["", "AND status <> 'rejected'", "AND credential_id = 'c'", "AND identity_id = 'i'"] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT 1 FROM link WHERE finding_id = 'f' {condition}");
            let rows = store.read(|tx| tx.query(&sql, &[])).unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get(3).unwrap()).collect();
            assert!(!steps.is_empty() && steps.iter().all(|step| step.starts_with("SEARCH")), "{condition}: {steps:?}");
        }
    });
}

#[test]
fn every_column_of_sqlite_is_explained_and_every_table_strict() {
    let mut wrong = Vec::new();
    for migration in MIGRATIONS {
        let lines: Vec<&str> = migration.sqlite.lines().collect();
        let mut table = "";
        for (number, line) in lines.iter().enumerate() {
            if let Some(name) = line.strip_prefix("CREATE TABLE ") {
                table = name.split(' ').next().unwrap();
                if !lines[number - 1].starts_with("-- ") {
                    wrong.push(format!("table {table} is not explained"));
                }
            }
            let first = line.trim_start().split(' ').next().unwrap_or_default();
            let is_column = !table.is_empty() && line.starts_with("    ") && !line.starts_with("     ");
            let name_is_lower = first.starts_with(|c: char| c.is_ascii_lowercase());
            // A definition may go on in a second line that carries the comment.
            let explained = line.contains(" -- ")
                || lines.get(number + 1).is_some_and(|next| {
                    next.starts_with("        ")
                        && (next.contains(" -- ") || lines.get(number + 2).is_some_and(|next| next.contains(" -- ")))
                });
            if is_column && name_is_lower && !explained {
                wrong.push(format!("{table}.{first} is not explained"));
            }
            if line.starts_with(')') && !table.is_empty() {
                if *line != ") STRICT;" {
                    wrong.push(format!("table {table} is not strict"));
                }
                table = "";
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_column_of_postgres_is_explained() {
    let Some(fixture) = Fixture::postgres() else { return };
    let unexplained = fixture.with(|store| {
        let rows = store
            .read(|tx| {
                tx.query(
                    "SELECT CAST(c.relname AS TEXT) || '.' || CAST(a.attname AS TEXT) FROM pg_class AS c
                     JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid
                     WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname <> 'schema_migration'
                     AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL",
                    &[],
                )
            })
            .unwrap();
        rows.iter().map(|row| row.get::<String>(0).unwrap()).collect::<BTreeSet<_>>()
    });
    assert!(unexplained.is_empty(), "{unexplained:?}");
}
