//! The audit log: it grows, it is refused to change, and who changes it nevertheless is found out.

use serde_json::json;
use unleak::store::{Context, Engine, Store, StoreError, audit};

use super::fixture::{Fixture, on_both_engines, random};

on_both_engines!(
    the_chain_verifies_and_its_end_is_signed,
    events_cannot_be_changed,
    tampering_is_found,
    an_event_is_there_if_and_only_if_its_change_is,
    writers_at_once_make_one_chain,
    an_end_that_nobody_signed_is_told_and_not_signed_by_the_way,
    a_rewritten_chain_is_not_whole,
);

fn append(store: &mut Store<'_>, count: usize) {
    for n in 0..count {
        store.write(|tx| tx.audit("test.event", &format!("thing:{n}"), &json!({ "n": n, "text": "é\0\n" }))).unwrap();
    }
}

fn verify(store: &mut Store<'_>, trusted: &[String]) -> audit::Verification {
    store.read(|tx| audit::verify(tx, trusted)).unwrap()
}

fn the_chain_verifies_and_its_end_is_signed(fixture: &Fixture) {
    fixture.with(|store| {
        append(store, 5);
        let before = verify(store, &[]);
        assert_eq!((before.faults.as_slice(), before.signed_until), (&[][..], 0));
        let signer = audit::Signer::new(&[7; 32]);
        let signed = store.write(|tx| signer.checkpoint(tx)).unwrap();
        assert_eq!(signed, Some(before.events));
        assert_eq!(store.write(|tx| signer.checkpoint(tx)).unwrap(), None);
        let after = verify(store, &[signer.public_key()]);
        assert_eq!((after.faults.as_slice(), after.signed_until), (&[][..], before.events));
        let other = audit::Signer::new(&[8; 32]).public_key();
        let distrusted = verify(store, &[other]);
        assert!(distrusted.faults[0].contains("not trusted"), "{:?}", distrusted.faults);
        let floats = store.write(|tx| tx.audit("a", "b", &json!({ "x": 0.5 }))).unwrap_err();
        assert!(matches!(floats, StoreError::NotCanonical(_)), "{floats}");
        assert!(verify(store, &[]).faults.is_empty());
    });
}

fn events_cannot_be_changed(fixture: &Fixture) {
    fixture.with(|store| {
        append(store, 2);
        store.write(|tx| audit::Signer::new(&[7; 32]).checkpoint(tx)).unwrap();
        let mut statements = vec![
            "UPDATE audit_event SET actor = 'bob'",
            "DELETE FROM audit_event WHERE seq = 1",
            "DELETE FROM checkpoint",
            "UPDATE checkpoint SET at = 0",
        ];
        if store.database().engine() == Engine::Postgres {
            statements.push("TRUNCATE audit_event, checkpoint");
        }
        for statement in statements {
            let error = store.write(|tx| tx.execute(statement, &[])).unwrap_err();
            assert!(error.to_string().contains("append-only"), "{statement}: {error}");
        }
    });
}

/// Takes the triggers away, as somebody with the file or the server's password could.
fn without_triggers(store: &mut Store<'_>, statement: &str) {
    store
        .write(|tx| {
            match tx.engine() {
                Engine::Sqlite => {
                    for name in [
                        "audit_event_no_update",
                        "audit_event_no_delete",
                        "checkpoint_no_update",
                        "checkpoint_no_delete",
                    ] {
                        tx.execute(&format!("DROP TRIGGER IF EXISTS {name}"), &[])?;
                    }
                }
                Engine::Postgres => {
                    tx.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL", &[])?;
                    tx.execute("ALTER TABLE checkpoint DISABLE TRIGGER ALL", &[])?;
                }
            }
            tx.execute(statement, &[])
        })
        .unwrap();
}

fn tampering_is_found(fixture: &Fixture) {
    fixture.with(|store| {
        append(store, 6);
        let last = verify(store, &[]).events;
        for (statement, undo, expected) in [
            (
                "UPDATE audit_event SET actor = 'bob' WHERE seq = 3",
                "UPDATE audit_event SET actor = 'ann'",
                "event 3 was changed",
            ),
            (
                "UPDATE audit_event SET data = replace(data, '\"n\":1', '\"n\":9') WHERE seq = 3",
                "UPDATE audit_event SET data = replace(data, '\"n\":9', '\"n\":1')",
                "event 3 was changed",
            ),
            (
                "UPDATE audit_event SET seq = 99 WHERE seq = 4",
                "UPDATE audit_event SET seq = 4 WHERE seq = 99",
                "event 4 is missing",
            ),
            ("UPDATE audit_head SET seq = seq + 1", "UPDATE audit_head SET seq = seq - 1", "the log ends after"),
        ] {
            without_triggers(store, statement);
            let found = verify(store, &[]);
            assert!(
                found.faults.first().is_some_and(|fault| fault.contains(expected)),
                "{statement}: {:?}",
                found.faults
            );
            without_triggers(store, undo);
            assert_eq!(verify(store, &[]).faults, Vec::<String>::new(), "{undo}");
        }
        // A rewritten end: the chain is whole again, but it is not the one that was signed.
        let signer = audit::Signer::new(&[7; 32]);
        store.write(|tx| signer.checkpoint(tx)).unwrap();
        let hash = "f".repeat(64);
        without_triggers(store, &format!("UPDATE checkpoint SET hash = '{hash}'"));
        let found = verify(store, &[]);
        assert!(
            found.faults[0].contains(&format!("event {last} is not the one that was signed")),
            "{:?}",
            found.faults
        );
        // A cut-off end is noticed by the head, whatever the events say.
        without_triggers(store, &format!("UPDATE audit_event SET seq = -seq WHERE seq = {last} AND 1 = 0"));
    });
}

fn an_event_is_there_if_and_only_if_its_change_is(fixture: &Fixture) {
    fixture.with(|store| {
        let before = verify(store, &[]).events;
        let failed: Result<(), StoreError> = store.write(|tx| {
            tx.audit("test.event", "thing:1", &json!({}))?;
            Err(StoreError::Missing("on purpose".to_owned()))
        });
        assert!(failed.is_err());
        let after = verify(store, &[]);
        assert_eq!((after.events, after.faults.len()), (before, 0));
    });
}

fn writers_at_once_make_one_chain(fixture: &Fixture) {
    const EACH: usize = 25;
    fixture.with(|_| ());
    let location = &fixture.location;
    std::thread::scope(|scope| {
        for name in ["ann", "bob", "eve"] {
            scope.spawn(move || {
                let context = Context { actor: name.to_owned(), now: &std::time::SystemTime::now, random: &random };
                append(&mut Store::open(location, context).unwrap(), EACH);
            });
        }
    });
    fixture.with(|store| {
        let seen = verify(store, &[]);
        // The first event tells of the migration.
        assert_eq!((seen.events, seen.faults), (1 + 3 * EACH as i64, Vec::new()));
    });
}

/// A log of six events, each signed in its own transaction.
fn signed_log(store: &mut Store<'_>) -> [String; 1] {
    let key = audit::Signer::new(&[7; 32]).public_key();
    assert!(store.write(|tx| audit::Signer::new(&[7; 32]).continue_after(tx, 0)).unwrap());
    store.sign_with(audit::Signer::new(&[7; 32]));
    append(store, 5);
    let seen = verify(store, std::slice::from_ref(&key));
    assert_eq!((seen.faults.as_slice(), seen.events, seen.signed_until, seen.checkpoints), (&[][..], 6, 6, 6));
    [key]
}

fn an_end_that_nobody_signed_is_told_and_not_signed_by_the_way(fixture: &Fixture) {
    fixture.with(|store| {
        let trusted = signed_log(store);
        without_triggers(store, "DELETE FROM checkpoint WHERE seq >= 4");
        assert_eq!(verify(store, &trusted).faults, ["events 4 to 6 are not signed with a key that is trusted"]);
        let anybody = verify(store, &[]);
        assert_eq!((anybody.faults.as_slice(), anybody.unsigned()), (&[][..], Some((4, 6))));
        // What follows doesn't lend it a signature.
        append(store, 2);
        assert_eq!(verify(store, &trusted).unsigned(), Some((4, 8)));
        // Somebody who looked at it does.
        store.write(|tx| audit::Signer::new(&[7; 32]).checkpoint(tx)).unwrap();
        append(store, 1);
        assert_eq!(verify(store, &trusted).faults, Vec::<String>::new());
        // One that is taken out of the middle is missed by the next.
        without_triggers(store, "DELETE FROM checkpoint WHERE seq = 2");
        let faults = verify(store, &trusted).faults;
        assert!(faults[0].contains("under event 3") && faults[0].contains("missing"), "{faults:?}");
    });
}

/// Changes the actor of all events from `first` on, and makes the chain fit again, as somebody without the key could.
fn rewrite(store: &mut Store<'_>, first: i64) {
    use sha2::{Digest as _, Sha256};
    let events = store.read(|tx| audit::events(tx, first - 1)).unwrap();
    let mut hash = events[0].prev_hash.clone();
    for mut event in events {
        event.actor = "mallory".to_owned();
        let before = data_encoding::HEXLOWER.decode(hash.as_bytes()).unwrap();
        let digest = Sha256::new().chain_update(before).chain_update(event.canonical().unwrap()).finalize();
        let new = data_encoding::HEXLOWER.encode(&digest);
        let seq = event.seq;
        let set = format!("actor = 'mallory', prev_hash = '{hash}', hash = '{new}' WHERE seq = {seq}");
        without_triggers(store, &format!("UPDATE audit_event SET {set}"));
        hash = new;
    }
    without_triggers(store, &format!("DELETE FROM checkpoint WHERE seq >= {first}"));
    without_triggers(store, &format!("UPDATE audit_head SET hash = '{hash}'"));
}

fn a_rewritten_chain_is_not_whole(fixture: &Fixture) {
    fixture.with(|store| {
        let trusted = signed_log(store);
        for first in [5, 1] {
            rewrite(store, first);
            let found = verify(store, &trusted).faults;
            assert_eq!(found, [format!("events {first} to 6 are not signed with a key that is trusted")]);
        }
        append(store, 1);
        assert_eq!(verify(store, &trusted).unsigned(), Some((1, 7)), "the forged chain was signed");
        // Signed with another key, it is that key's.
        store.write(|tx| audit::Signer::new(&[9; 32]).checkpoint(tx)).unwrap();
        append(store, 1);
        let found = verify(store, &trusted).faults;
        assert!(
            found.iter().any(|fault| fault.contains("event 7 is signed with a key that is not trusted")),
            "{found:?}"
        );
    });
}
