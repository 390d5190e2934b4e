//! Each statement is a round trip to PostgreSQL: many findings, and many records, must not take many more of them than a few.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use unleak::{
    commands::link::link_all,
    model::identity::{
        Credential, CredentialType, EntityKey, Identity, Kind, Record, Snapshot, SnapshotCounts, SnapshotSource,
        Timestamp,
    },
    store::{Context, KeyedDigest, Location, NewSnapshot, Recorder, ScannedFinding, SourceCategory, SourceName, Store},
};

use super::fixture::{Fixture, random, scanned};

/// Between a store and the server, on loopback: its address, and how often the store waited for an answer. (The end of what it
/// sends before it waits is a message `Sync`.)
fn counting_proxy() -> (String, Arc<AtomicU64>) {
    let server = std::env::var("UNLEAK_TEST_POSTGRES").unwrap();
    let (head, rest) = server.split_once('@').unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let host = host.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{head}@{}/{path}", listener.local_addr().unwrap());
    let waits = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&waits);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut upstream) = (client.unwrap(), TcpStream::connect(&host).unwrap());
            let (mut answers, mut to_client) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut answers, &mut to_client));
            let counted = Arc::clone(&counted);
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(len @ 1..) = client.read(&mut buffer) {
                    let waits = buffer[..len].windows(5).filter(|window| window == b"S\0\0\0\x04").count();
                    counted.fetch_add(waits as u64, Ordering::SeqCst);
                    if upstream.write_all(&buffer[..len]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, waits)
}

fn records(count: u64) -> Vec<Record> {
    let user = |n: u64| EntityKey::new("github", "acme", &format!("user/{n}"));
    let identities = (0..count).map(|n| Record::Identity(Box::new(Identity::new(user(n), Kind::User, "svc"))));
    let credentials = (0..count).map(|n| {
        let key = EntityKey::new("github", "acme", &format!("token/{n}"));
        let mut credential = Credential::new(key, Some(user(n)), CredentialType::Pat);
        credential.public_id = Some(format!("public-{n}"));
        Record::Credential(Box::new(credential))
    });
    identities.chain(credentials).collect()
}

/// Half of them show the public id of a token, the others belong to nobody.
fn findings(count: u64) -> Vec<ScannedFinding> {
    let finding = |n: u64| {
        let mut finding = scanned(n, &[&format!("dir/{n}.env")]);
        finding.public_id = n.is_multiple_of(2).then(|| format!("public-{n}"));
        let (scheme, key_id) = ("sha256".to_owned(), String::new());
        finding.digests = vec![KeyedDigest { scheme, key_id, value: format!("{n:064x}") }];
        finding
    };
    (0..count).map(finding).collect()
}

/// How often the store waits for the server while so many records and findings are taken in, and linked.
fn waits(count: u64) -> Option<[u64; 3]> {
    let fixture = Fixture::postgres()?;
    fixture.with(|_| ());
    let (address, waits) = counting_proxy();
    let schema = fixture.address.split_once("options").unwrap().1;
    let separator = if address.contains('?') { '&' } else { '?' };
    let location = Location::parse(&format!("{address}{separator}options{schema}")).unwrap();
    let context = Context { actor: "ann".to_owned(), now: &std::time::SystemTime::now, random: &random };
    let mut store = Store::open(&location, context).unwrap();
    let mut step = |work: &dyn Fn(&mut Store<'_>)| {
        let before = waits.load(Ordering::SeqCst);
        work(&mut store);
        waits.load(Ordering::SeqCst) - before
    };
    let imported = step(&|store| {
        let snapshot = Snapshot {
            source: SnapshotSource { kind: "tokens".to_owned(), scope: "acme".to_owned() },
            taken_at: Timestamp { millis: 1_700_000_000_000 },
            complete: true,
            sha256: "1".to_owned(),
            counts: SnapshotCounts::default(),
            problems: Vec::new(),
        };
        let mut importer = store.begin_import(&snapshot).unwrap().unwrap();
        records(count).into_iter().for_each(|record| importer.add(store, record).unwrap());
        importer.finish(store, &snapshot).unwrap();
    });
    let recorded = step(&|store| {
        let (category, kind) = (SourceCategory::Scan, "files".to_owned());
        let source = SourceName { category, kind, scope: "acme/billing".to_owned() };
        let new = NewSnapshot { settings: String::new(), taken_at: None, sha256: None };
        let mut recorder = Recorder::begin(store, &source, &new).unwrap();
        recorder.add(store, &findings(count)).unwrap();
        recorder.finish(store, true, 0).unwrap();
    });
    let linked = step(&|store| {
        let (counts, proposed) = link_all(store).unwrap();
        assert_eq!((counts.findings, counts.certain, proposed.new), (count, count / 2, count / 2));
    });
    Some([imported, recorded, linked])
}

#[test]
fn many_findings_and_records_take_few_statements() {
    const FEW: u64 = 8;
    // Within one page of each: every page takes as many again.
    const MANY: u64 = 200;
    let (Some(few), Some(many)) = (waits(FEW), waits(MANY)) else { return };
    for ((name, few), many) in ["import", "record", "link"].iter().zip(few).zip(many) {
        assert!(few > 5, "{name}: {few}: nothing was counted");
        assert!(many <= few + 20, "{name}: {few} for {FEW}, {many} for {MANY}");
    }
}
