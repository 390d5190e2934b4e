//! Exports that are imported in another order than they were taken in: what the later one says counts, and times are those of the
//! exports.

use unleak::{
    model::identity::{
        Credential, CredentialStatus, CredentialType, EntityKey, Identity, IdentityState, Kind, Record, Snapshot,
        SnapshotCounts, SnapshotSource, Timestamp,
    },
    store::{Imported, Store},
};

use super::fixture::{Fixture, on_both_engines};

on_both_engines!(
    an_older_export_changes_nothing_that_a_later_one_says,
    an_older_export_of_another_source_fills_gaps_only,
    a_tombstone_has_the_date_of_the_export_that_lacks_it,
    what_comes_back_without_a_status_is_no_tombstone,
    generations_are_numbered_by_age,
    what_is_said_again_counts_again,
);

/// Days since 2024-01-01, in milliseconds since 1970.
fn day(days: i64) -> Timestamp {
    Timestamp { millis: 1_704_067_200_000 + days * 86_400_000 }
}

fn import(store: &mut Store<'_>, (kind, taken, complete): (&str, i64, bool), records: &[Record]) -> Imported {
    let snapshot = Snapshot {
        source: SnapshotSource { kind: kind.to_owned(), scope: "1".to_owned() },
        taken_at: day(taken),
        complete,
        sha256: format!("{kind} {taken} {complete} {}", records.len()),
        counts: SnapshotCounts::default(),
        problems: Vec::new(),
    };
    let mut importer = store.begin_import(&snapshot).unwrap().unwrap();
    records.iter().for_each(|record| importer.add(store, record.clone()).unwrap());
    importer.finish(store, &snapshot).unwrap()
}

fn key(id: &str) -> EntityKey {
    EntityKey::new("aws", "1", id)
}

fn identity(change: impl FnOnce(&mut Identity)) -> Record {
    let mut identity = Identity::new(key("user/a"), Kind::ServiceAccount, "a");
    change(&mut identity);
    Record::Identity(Box::new(identity))
}

fn credential(id: &str, status: CredentialStatus, change: impl FnOnce(&mut Credential)) -> Record {
    let mut credential = Credential::new(key(id), Some(key("user/a")), CredentialType::ClientSecret);
    credential.status = status;
    change(&mut credential);
    Record::Credential(Box::new(credential))
}

/// Id, status, day of death and day of last use of each credential.
fn credentials(store: &mut Store<'_>) -> Vec<String> {
    let sql = "SELECT native_id, status, tombstoned_at, last_used_at FROM credential ORDER BY native_id";
    let rows = store.read(|tx| tx.query(sql, &[])).unwrap();
    let day_of = |millis: Option<i64>| millis.map_or(-1, |millis| (millis - day(0).millis) / 86_400_000);
    let text = |row: &unleak::store::Row| {
        let (id, status): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        format!("{id} {status} {} {}", day_of(row.get(2).unwrap()), day_of(row.get(3).unwrap()))
    };
    rows.iter().map(text).collect()
}

fn used(days: i64) -> impl FnOnce(&mut Credential) {
    move |credential| credential.last_used = Some(day(days))
}

fn an_older_export_changes_nothing_that_a_later_one_says(fixture: &Fixture) {
    use CredentialStatus::{Active, Inactive};

    fixture.with(|store| {
        let later = [identity(|_| {}), credential("K1", Active, used(19)), credential("K2", Active, |_| {})];
        assert_eq!(import(store, ("report", 20, true), &later).outdated_by, None);
        // It has one that is gone since, and lacks one that is newer.
        let older = [
            identity(|identity| identity.state = IdentityState::Suspended),
            credential("K0", Active, used(3)),
            credential("K1", Inactive, used(9)),
        ];
        let imported = import(store, ("report", 10, true), &older);
        assert_eq!(imported.outdated_by, Some(day(20).millis));
        let counts = imported.counts;
        assert_eq!((counts.added, counts.changed, counts.unchanged, counts.tombstones), (1, 0, 2, 1));
        let expected = ["K0 deleted 20 3", "K1 active -1 19", "K2 active -1 -1"];
        assert_eq!(credentials(store), expected);
        let state = "SELECT state FROM identity";
        assert_eq!(store.read(|tx| tx.query_one(state, &[])).unwrap().unwrap().get::<String>(0).unwrap(), "active");
        // Nor does one from between bring back what was gone later, or a part that is older still.
        import(store, ("report", 15, false), &[credential("K0", Active, used(4))]);
        import(store, ("report", 5, false), &[credential("K1", Inactive, used(2))]);
        assert_eq!(credentials(store), expected);
        // A later one does, and says the rest.
        import(store, ("report", 30, true), &[identity(|_| {}), credential("K0", Active, used(29))]);
        assert_eq!(credentials(store), ["K0 active -1 29", "K1 deleted 30 19", "K2 deleted 30 -1"]);
        assert_eq!(store.read(|tx| tx.broken_invariants()).unwrap(), Vec::<String>::new());
    });
}

fn an_older_export_of_another_source_fills_gaps_only(fixture: &Fixture) {
    use CredentialStatus::{Active, Inactive, Revoked, Unknown};

    fixture.with(|store| {
        import(store, ("report", 20, true), &[credential("K1", Active, used(19)), credential("K2", Unknown, |_| {})]);
        let older = [
            // Whoever names it first doesn't describe it.
            identity(|identity| {
                (identity.purpose, identity.state) = (Some("pays".to_owned()), IdentityState::Suspended);
            }),
            credential("K1", Inactive, |credential| {
                (credential.last_used, credential.hint) = (Some(day(9)), Some("…ab".to_owned()));
            }),
            credential("K2", Revoked, |_| {}),
        ];
        import(store, ("listing", 10, true), &older);
        assert_eq!(credentials(store), ["K1 active -1 19", "K2 revoked 10 -1"]);
        let sql = "SELECT c.hint, i.purpose, i.state FROM credential AS c JOIN identity AS i ON i.id = c.identity_id
             WHERE c.native_id = 'K1'";
        let row = store.read(|tx| tx.query_one(sql, &[])).unwrap().unwrap();
        let filled: [String; 3] = [row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap()];
        assert_eq!(filled, ["…ab", "pays", "suspended"]);
        // What lacks it is older than what has it.
        import(store, ("listing", 12, true), &older[..1]);
        assert_eq!(credentials(store)[0], "K1 active -1 19");
    });
}

fn a_tombstone_has_the_date_of_the_export_that_lacks_it(fixture: &Fixture) {
    fixture.with(|store| {
        let (k1, k2) =
            (credential("K1", CredentialStatus::Active, |_| {}), credential("K2", CredentialStatus::Active, |_| {}));
        import(store, ("report", 1, true), &[identity(|_| {}), k1, k2.clone()]);
        import(store, ("report", 2, true), &[identity(|_| {}), k2]);
        import(store, ("report", 3, true), &[credential("K2", CredentialStatus::Revoked, |_| {})]);
        assert_eq!(credentials(store), ["K1 deleted 2 -1", "K2 revoked 3 -1"]);
        let sql = "SELECT vanished_at FROM identity";
        let gone: Option<i64> = store.read(|tx| tx.query_one(sql, &[])).unwrap().unwrap().get(0).unwrap();
        assert_eq!(gone, Some(day(3).millis));
    });
}

fn what_comes_back_without_a_status_is_no_tombstone(fixture: &Fixture) {
    use CredentialStatus::Unknown;

    fixture.with(|store| {
        let both = [credential("K1", Unknown, |_| {}), credential("K2", Unknown, |_| {})];
        import(store, ("vault", 1, true), &both);
        import(store, ("vault", 2, true), &both[..1]);
        assert_eq!(credentials(store), ["K1 unknown -1 -1", "K2 deleted 2 -1"]);
        import(store, ("vault", 3, true), &both);
        assert_eq!(credentials(store), ["K1 unknown -1 -1", "K2 unknown -1 -1"]);
    });
}

fn generations_are_numbered_by_age(fixture: &Fixture) {
    fixture.with(|store| {
        let made = |id: &str, days: i64, name: &str| {
            credential(id, CredentialStatus::Active, |credential| {
                credential.created = Some(day(days));
                credential.name = (!name.is_empty()).then(|| name.to_owned());
            })
        };
        import(store, ("report", 20, false), &[made("K3", 9, ""), made("N1", 5, "ci")]);
        import(store, ("report", 21, false), &[made("K1", 2, ""), made("K2", 4, ""), made("N2", 6, "laptop")]);
        let unknown = credential("K4", CredentialStatus::Active, |_| {});
        import(store, ("report", 22, false), &[unknown]);
        let sql =
            "SELECT native_id || ' ' || coalesce(CAST(generation AS TEXT), '-') FROM credential ORDER BY native_id";
        let rows = store.read(|tx| tx.query(sql, &[])).unwrap();
        let numbered: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        assert_eq!(numbered, ["K1 1", "K2 2", "K3 3", "K4 -", "N1 1", "N2 1"]);
    });
}

fn what_is_said_again_counts_again(fixture: &Fixture) {
    use CredentialStatus::{Active, Inactive};

    fixture.with(|store| {
        let alive = [identity(|_| {}), credential("K1", Active, |_| {})];
        import(store, ("report", 1, true), &alive);
        // Somebody else says otherwise; then it is said again, word for word, of a later time.
        import(store, ("listing", 5, true), &[credential("K1", Inactive, |_| {})]);
        assert_eq!(credentials(store), ["K1 inactive -1 -1"]);
        assert_eq!(import(store, ("report", 10, true), &alive).counts.changed, 1);
        assert_eq!(credentials(store), ["K1 active -1 -1"]);
        // Once more, with nothing new: what is older than that changes nothing.
        assert_eq!(import(store, ("report", 20, false), &alive).counts.unchanged, 2);
        import(store, ("listing", 15, false), &[credential("K1", Inactive, used(14))]);
        assert_eq!(credentials(store), ["K1 active -1 14"]);
        // A run, or a person, may call it dead: an export of a later time knows better.
        let kill =
            "UPDATE credential SET status = 'revoked', tombstoned_at = $1, tombstone_reason = 'rotated by run 1'";
        store.write(|tx| tx.execute(kill, &[day(25).millis.into()])).unwrap();
        import(store, ("report", 24, true), &alive);
        assert_eq!(credentials(store), ["K1 revoked 25 14"]);
        import(store, ("report", 26, true), &alive);
        assert_eq!(credentials(store), ["K1 active -1 14"]);
    });
}
