//! Opening, migrating, values, transactions.

use serde_json::json;
use unleak::store::{Context, FromCell, MIGRATIONS, Store, StoreError, Value};

use super::fixture::{Fixture, on_both_engines, random};

on_both_engines!(
    a_store_is_made_once,
    a_newer_store_is_refused,
    a_foreign_migration_is_refused,
    values_come_back_as_they_went_in,
    what_fails_is_undone,
    ids_grow,
    refusals_say_what_is_wrong,
    at_most_one_run_of_a_credential_is_active,
);

fn context<'e>(now: &'e dyn Fn() -> std::time::SystemTime) -> Context<'e> {
    Context { actor: "ann".to_owned(), now, random: &random }
}

fn a_store_is_made_once(fixture: &Fixture) {
    let now = &std::time::SystemTime::now;
    let absent = Store::open(&fixture.location, context(now)).err().unwrap();
    assert!(matches!(absent, StoreError::NotFound { .. }), "{absent}");
    let mut store = Store::init(&fixture.location, context(now)).unwrap();
    assert_eq!(store.version().unwrap(), Some(MIGRATIONS.len() as i64));
    assert_eq!(store.migrate().unwrap(), [0_i64; 0]);
    drop(store);
    let again = Store::init(&fixture.location, context(now)).err().unwrap();
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    Store::open(&fixture.location, context(now)).unwrap();
}

fn a_newer_store_is_refused(fixture: &Fixture) {
    fixture.with(|store| {
        store
            .write(|tx| {
                tx.execute(
                    "INSERT INTO schema_migration (number, name, digest, tool_version, applied_at)
                     VALUES (999, 'future', 'x', '9.9.9', 0)",
                    &[],
                )
            })
            .unwrap();
    });
    let now = &std::time::SystemTime::now;
    for opened in [Store::open(&fixture.location, context(now)), Store::open_any(&fixture.location, context(now))] {
        let error = opened.err().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error}");
        assert!(error.to_string().contains("newer unleak"), "{error}");
    }
}

fn a_foreign_migration_is_refused(fixture: &Fixture) {
    fixture.with(|store| {
        store.write(|tx| tx.execute("UPDATE schema_migration SET digest = 'x' WHERE number = 1", &[])).unwrap();
        let error = store.migrate().unwrap_err();
        assert!(matches!(error, StoreError::ForeignMigration { number: 1 }), "{error}");
    });
}

fn values_come_back_as_they_went_in(fixture: &Fixture) {
    fn read<T: FromCell>(store: &mut Store<'_>, sql: &str, values: &[Value]) -> T {
        store.read(|tx| tx.query_one(sql, values)).unwrap().unwrap().get(0).unwrap()
    }
    fixture.with(|store| {
        let owner = |store: &mut Store<'_>, name: Value, active: Value| {
            store
                .write(|tx| {
                    let id = tx.new_id()?;
                    tx.execute(
                        "INSERT INTO owner (id, kind, ref, name, active, created_at, updated_at)
                         VALUES ($1, 'team', $1, $2, $3, $4, $4)",
                        &[id.as_str().into(), name.clone(), active.clone(), (-1_i64).into()],
                    )?;
                    Ok::<_, StoreError>(id)
                })
                .unwrap()
        };
        let id = owner(store, "añ漢😀' OR 1=1 --".into(), false.into());
        let by_id = [id.as_str().into()];
        assert_eq!(read::<String>(store, "SELECT name FROM owner WHERE id = $1", &by_id), "añ漢😀' OR 1=1 --");
        assert!(!read::<bool>(store, "SELECT active FROM owner WHERE id = $1", &by_id));
        assert_eq!(read::<i64>(store, "SELECT created_at FROM owner WHERE id = $1", &by_id), -1);
        let id = owner(store, Value::Text(None), true.into());
        assert_eq!(read::<Option<String>>(store, "SELECT name FROM owner WHERE id = $1", &[id.as_str().into()]), None);
        let id = owner(store, "a\0b".into(), true.into());
        assert_eq!(read::<String>(store, "SELECT name FROM owner WHERE id = $1", &[id.as_str().into()]), "a\u{fffd}b");

        let document = json!({ "a": [1, -2.5, "\0", null, { "b": "漢" }] });
        store
            .write(|tx| {
                let id = tx.new_id()?;
                tx.execute(
                    "INSERT INTO policy (id, name, revision, selector, rules, created_at) VALUES ($1, 'p', 1, $2, $3, 0)",
                    &[id.into(), Value::json(&document), Value::json(&json!(null))],
                )
            })
            .unwrap();
        let expected = json!({ "a": [1, -2.5, "\u{fffd}", null, { "b": "漢" }] });
        assert_eq!(read::<serde_json::Value>(store, "SELECT selector FROM policy", &[]), expected);
        let error = store.read(|tx| tx.query_one("SELECT name FROM policy", &[])?.unwrap().get::<i64>(0)).unwrap_err();
        assert!(matches!(error, StoreError::Column { column: 0, .. }), "{error}");
    });
}

fn what_fails_is_undone(fixture: &Fixture) {
    let count = |store: &mut Store<'_>| {
        store.read(|tx| tx.query_one("SELECT count(*) FROM vendor", &[])?.unwrap().get::<i64>(0)).unwrap()
    };
    let insert = "INSERT INTO vendor (id, name, created_at, updated_at) VALUES ($1, $2, 0, 0)";
    fixture.with(|store| {
        let failed: Result<(), StoreError> = store.write(|tx| {
            let id = tx.new_id()?;
            tx.execute(insert, &[id.into(), "a".into()])?;
            Err(StoreError::Missing("on purpose".to_owned()))
        });
        assert!(failed.is_err());
        assert_eq!(count(store), 0);
        let refused: Result<u64, StoreError> = store.write(|tx| {
            let id = tx.new_id()?;
            tx.execute(insert, &[id.into(), "b".into()])?;
            let id = tx.new_id()?;
            tx.execute(insert, &[id.into(), "b".into()])
        });
        assert!(matches!(refused, Err(StoreError::Duplicate(_))));
        assert_eq!(count(store), 0);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.write::<(), StoreError>(|tx| {
                let id = tx.new_id()?;
                tx.execute(insert, &[id.into(), "c".into()])?;
                panic!("on purpose")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(count(store), 0);
        // A reading transaction can't leave anything behind that counts as written.
        store
            .write(|tx| {
                let id = tx.new_id()?;
                tx.execute(insert, &[id.into(), "d".into()])
            })
            .unwrap();
        assert_eq!(count(store), 1);
    });
}

fn ids_grow(fixture: &Fixture) {
    fixture.with(|store| {
        let mut ids: Vec<String> = Vec::new();
        for step in [0_i64, 1, -5] {
            fixture.clock.set(fixture.clock.get().wrapping_add_signed(step));
            let more = store.write(|tx| (0..500).map(|_| tx.new_id()).collect::<Result<Vec<_>, StoreError>>()).unwrap();
            ids.extend(more);
        }
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.len() == 26));
    });
}

fn refusals_say_what_is_wrong(fixture: &Fixture) {
    fixture.with(|store| {
        let mut fails = |sql: &str| store.write(|tx| tx.execute(sql, &[])).unwrap_err();
        let short = fails("INSERT INTO vendor (id, name, created_at, updated_at) VALUES ('x', 'x', 0, 0)");
        assert!(matches!(short, StoreError::Refused(_)), "{short:?}");
        let id = "0".repeat(26);
        let orphan = fails(&format!(
            "INSERT INTO snapshot (id, source_id, started_at, taken_at, tool_version) VALUES ('{id}', 'none', 0, 0, '')"
        ));
        assert!(matches!(orphan, StoreError::Refused(_)), "{orphan:?}");
        let missing = fails("INSERT INTO vendor (id, created_at, updated_at) VALUES (NULL, 0, 0)");
        assert!(matches!(missing, StoreError::Refused(_)), "{missing:?}");
        let nonsense = fails("SELEKT");
        assert!(matches!(nonsense, StoreError::Engine(_)), "{nonsense:?}");
    });
}

fn at_most_one_run_of_a_credential_is_active(fixture: &Fixture) {
    fixture.with(|store| {
        let id = |n: u32| format!("{n:026}");
        let hash = "0".repeat(64);
        store
            .write(|tx| {
                tx.execute(
                    "INSERT INTO credential (id, provider, type, native_id, first_seen_at, last_seen_at, created_at, updated_at)
                     VALUES ($1, 'aws', 'access-key', 'k', 0, 0, 0, 0)",
                    &[id(1).into()],
                )?;
                tx.execute(
                    "INSERT INTO rotation_plan (id, credential_id, trigger_kind, strategy, plan, plan_hash, requester,
                        expires_at, created_at, updated_at) VALUES ($1, $2, 'manual', 'dual', '{}', $3, 'ann', 1, 0, 0)",
                    &[id(2).into(), id(1).into(), hash.as_str().into()],
                )
            })
            .unwrap();
        let mut start = |n: u32| {
            store.write(|tx| {
                tx.execute(
                    "INSERT INTO rotation_run (id, plan_id, credential_id, strategy, started_at, updated_at)
                     VALUES ($1, $2, $3, 'dual', 0, 0)",
                    &[id(n).into(), id(2).into(), id(1).into()],
                )
            })
        };
        start(3).unwrap();
        assert!(matches!(start(4), Err(StoreError::Duplicate(_))));
        let mut go = |state: &str, set: &str| {
            store.write(|tx| tx.execute(&format!("UPDATE rotation_run SET state = $1 {set}"), &[state.into()]))
        };
        go("creating", "").unwrap();
        // Never delete the old one before the new one works.
        assert!(matches!(go("deleting", ""), Err(StoreError::Refused(_))));
        assert!(matches!(go("pending", ""), Err(StoreError::Refused(_))));
        go("deactivating", ", new_verified_at = 1").unwrap();
        go("deleting", "").unwrap();
        assert!(matches!(go("rolling_back", ""), Err(StoreError::Refused(_))));
        go("done", ", finished_at = 2").unwrap();
        let mut start = |n: u32| {
            store.write(|tx| {
                tx.execute(
                    "INSERT INTO rotation_run (id, plan_id, credential_id, strategy, started_at, updated_at)
                     VALUES ($1, $2, $3, 'dual', 0, 0)",
                    &[id(n).into(), id(2).into(), id(1).into()],
                )
            })
        };
        start(4).unwrap();
    });
}
