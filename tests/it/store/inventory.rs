//! Imports into the store: what is new, what changed, what vanished, on both engines.

use unleak::{
    model::identity::{
        Credential, CredentialFp, CredentialStatus, CredentialType, EntityKey, FpScheme, Identity, Kind, OwnedBy,
        Owner, OwnerKind, OwnerOrigin, OwnerRole, Ownership, Record, Snapshot, SnapshotCounts, SnapshotSource,
        Timestamp,
    },
    store::{Change, ImportCounts, Imported, Store, StoreError},
};

use super::fixture::{Fixture, on_both_engines};

on_both_engines!(
    the_same_again_changes_nothing,
    only_complete_imports_make_tombstones,
    what_another_source_has_stays,
    access_keys_are_joined_by_their_moment,
    many_records_come_back_in_pages,
    what_stands_twice_or_has_no_place_is_taken_in,
);

fn snapshot(kind: &str, sha256: &str, complete: bool) -> Snapshot {
    Snapshot {
        source: SnapshotSource { kind: kind.to_owned(), scope: "1".to_owned() },
        taken_at: Timestamp { millis: 1_700_000_000_000 },
        complete,
        sha256: sha256.to_owned(),
        counts: SnapshotCounts::default(),
        problems: Vec::new(),
    }
}

fn import(store: &mut Store<'_>, snapshot: &Snapshot, records: &[Record]) -> Imported {
    let mut importer = match store.begin_import(snapshot).unwrap() {
        Ok(importer) => importer,
        Err(known) => return known,
    };
    records.iter().for_each(|record| importer.add(store, record.clone()).unwrap());
    importer.finish(store, snapshot).unwrap()
}

fn key(id: &str) -> EntityKey {
    EntityKey::new("aws", "1", id)
}

fn identity(name: &str) -> Record {
    Record::Identity(Box::new(Identity::new(key(&format!("user/{name}")), Kind::ServiceAccount, name)))
}

fn credential(id: &str, change: impl FnOnce(&mut Credential)) -> Record {
    let mut credential = Credential::new(key(id), Some(key("user/a")), CredentialType::AccessKey);
    credential.status = CredentialStatus::Active;
    change(&mut credential);
    Record::Credential(Box::new(credential))
}

fn counts(added: i64, changed: i64, unchanged: i64, vanished: i64, tombstones: i64) -> ImportCounts {
    ImportCounts { added, changed, unchanged, vanished, tombstones }
}

/// Status and whether there is a tombstone, of each credential by its id.
fn credentials(store: &mut Store<'_>) -> Vec<(String, String, bool)> {
    let sql = "SELECT native_id, status, tombstoned_at FROM credential ORDER BY native_id";
    let rows = store.read(|tx| tx.query(sql, &[])).unwrap();
    let read = rows.iter().map(|row| {
        let dead: Option<i64> = row.get(2).unwrap();
        (row.get(0).unwrap(), row.get(1).unwrap(), dead.is_some())
    });
    read.collect()
}

fn owned() -> [Record; 2] {
    let subject = OwnedBy::Identity { identity: key("user/a") };
    let ownership = Ownership {
        subject,
        owner: "@org/pay".to_owned(),
        role: OwnerRole::Technical,
        origin: OwnerOrigin::Tag,
        confidence: 80,
        reason: "tag owner".to_owned(),
        valid_from: None,
        valid_to: None,
    };
    [Record::Owner(Owner::new(OwnerKind::Team, "@org/pay")), Record::Ownership(ownership)]
}

fn the_same_again_changes_nothing(fixture: &Fixture) {
    fixture.with(|store| {
        let fp = CredentialFp::public(FpScheme::SpkiSha256, "00ff");
        let mut records = vec![identity("a"), credential("K1", |c| c.fingerprints = vec![fp.clone()])];
        records.extend(owned());
        let first = import(store, &snapshot("report", "one", true), &records);
        assert_eq!((first.counts, first.is_known), (counts(4, 0, 0, 0, 0), false));
        let again = import(store, &snapshot("report", "one", true), &records);
        assert_eq!((again.snapshot_id.clone(), again.is_known), (first.snapshot_id, true));
        let other_bytes = import(store, &snapshot("report", "two", true), &records);
        assert_eq!(other_bytes.counts, counts(0, 0, 4, 0, 0));
        records[1] = credential("K1", |c| c.status = CredentialStatus::Inactive);
        let changed = import(store, &snapshot("report", "three", true), &records);
        assert_eq!(changed.counts, counts(0, 1, 3, 0, 0));
        let items = store.read(|tx| tx.inventory_changes(&changed.snapshot_id, 10)).unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(
            (items[0].change, items[0].former.as_ref().unwrap()["status"].as_str()),
            (Change::Changed, Some("active"))
        );
        assert_eq!(store.read(|tx| tx.broken_invariants()).unwrap(), Vec::<String>::new());
    });
}

fn only_complete_imports_make_tombstones(fixture: &Fixture) {
    fixture.with(|store| {
        let all = [identity("a"), credential("K1", |_| {}), credential("K2", |_| {})];
        import(store, &snapshot("report", "one", true), &all);
        let partial = import(store, &snapshot("report", "two", false), &all[..1]);
        assert_eq!(partial.counts, counts(0, 0, 1, 0, 0));
        let complete = import(store, &snapshot("report", "three", true), &all[..2]);
        assert_eq!(complete.counts, counts(0, 0, 2, 1, 1));
        let (k1, k2) = ("K1".to_owned(), "K2".to_owned());
        assert_eq!(credentials(store), [(k1, "active".to_owned(), false), (k2.clone(), "deleted".to_owned(), true)]);
        // It comes back.
        let back = import(store, &snapshot("report", "four", true), &all);
        assert_eq!(back.counts, counts(0, 1, 2, 0, 0));
        assert!(credentials(store).contains(&(k2, "active".to_owned(), false)));
    });
}

fn what_another_source_has_stays(fixture: &Fixture) {
    fixture.with(|store| {
        let both = [identity("a"), credential("K1", |_| {})];
        import(store, &snapshot("report", "one", true), &both);
        import(store, &snapshot("listing", "two", true), &both);
        let gone = import(store, &snapshot("report", "three", true), &both[..1]);
        assert_eq!(gone.counts, counts(0, 0, 1, 1, 0));
        assert_eq!(credentials(store), [("K1".to_owned(), "active".to_owned(), false)]);
    });
}

fn access_keys_are_joined_by_their_moment(fixture: &Fixture) {
    fixture.with(|store| {
        let slot = |second: i64| {
            let created = Timestamp::from_seconds(second);
            credential(&format!("user/a#{second}"), |c| {
                (c.created, c.last_used) = (created, Timestamp::from_seconds(9))
            })
        };
        let listed = |id: &str, second: i64| {
            credential(id, |c| (c.created, c.public_id) = (Timestamp::from_seconds(second), Some(id.to_owned())))
        };
        // Report first, then the listing; the other way round for the second key.
        import(store, &snapshot("report", "one", true), &[identity("a"), slot(1)]);
        import(store, &snapshot("listing", "two", false), &[listed("K1", 1), listed("K2", 2)]);
        import(store, &snapshot("report", "three", true), &[identity("a"), slot(1), slot(2)]);
        let ids: Vec<_> = credentials(store).into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(ids, ["K1", "K2"]);
        let used = store.read(|tx| tx.query("SELECT count(*) FROM credential WHERE last_used_at = 9000", &[])).unwrap();
        assert_eq!(used[0].get::<i64>(0).unwrap(), 2);
        // A listing may know the fraction of the second, too.
        import(store, &snapshot("report", "four", true), &[identity("a"), slot(1), slot(2), slot(3)]);
        let exact = credential("K3", |c| {
            (c.created, c.public_id) = (Some(Timestamp { millis: 3_300 }), Some("K3".to_owned()));
        });
        import(store, &snapshot("listing", "five", false), &[exact]);
        import(store, &snapshot("report", "six", true), &[identity("a"), slot(1), slot(2), slot(3)]);
        let ids: Vec<_> = credentials(store).into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(ids, ["K1", "K2", "K3"]);
    });
}

fn many_records_come_back_in_pages(fixture: &Fixture) {
    fixture.with(|store| {
        let records: Vec<_> = (0..1203).map(|index| identity(&format!("n{index}"))).collect();
        import(store, &snapshot("report", "one", true), &records);
        let mut back = 0;
        store
            .each_inventory_record::<StoreError>(&mut |record| {
                back += usize::from(records.contains(&record));
                Ok(())
            })
            .unwrap();
        assert_eq!(back, 1203);
    });
}

fn what_stands_twice_or_has_no_place_is_taken_in(fixture: &Fixture) {
    fixture.with(|store| {
        let named = |name: &str| Record::Identity(Box::new(Identity::new(key("user/a"), Kind::ServiceAccount, name)));
        // PostgreSQL has no place for NUL. The credential of an identity may come before it.
        let nul = || credential("K\0", |c| c.identity = Some(key("user/\0")));
        let all = [credential("K1", |_| {}), named("first"), named("second"), named("second"), nul(), identity("\0")];
        let first = import(store, &snapshot("report", "one", true), &all);
        assert_eq!(first.counts, counts(4, 1, 1, 0, 0));
        let name = |store: &mut Store<'_>| -> String {
            let sql = "SELECT name FROM identity WHERE native_id = 'user/a'";
            store.read(|tx| tx.query_one(sql, &[])).unwrap().unwrap().get(0).unwrap()
        };
        assert_eq!(name(store), "second");
        let again = import(store, &snapshot("report", "two", true), &all[2..]);
        assert_eq!(again.counts, counts(0, 0, 4, 1, 1));
        let count = |store: &mut Store<'_>| -> i64 {
            store.read(|tx| tx.query_one("SELECT count(*) FROM identity", &[])).unwrap().unwrap().get(0).unwrap()
        };
        assert_eq!((count(store), credentials(store).len()), (2, 2));
        assert_eq!(store.read(|tx| tx.broken_invariants()).unwrap(), Vec::<String>::new());
    });
}
