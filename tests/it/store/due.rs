//! What a scan links: findings of which something changed, and those that a change of the inventory speaks of. Whatever changes,
//! linking all of them anew then changes nothing.

use serde_json::json;
use unleak::{
    commands::link::link_due,
    link,
    model::identity::{
        Consumer, Credential, CredentialFp, CredentialStatus, CredentialType, Distribution, Effect, EntityKey,
        FpScheme, Grant, Identity, Kind, Record, Snapshot, SnapshotCounts, SnapshotSource, Timestamp, Workload,
        WorkloadKind,
    },
    store::{KeyedDigest, NewSnapshot, Recorder, ScannedFinding, SourceCategory, SourceName, StateChange, Store},
};

use super::fixture::{Fixture, on_both_engines, place, scanned};

on_both_engines!(links_are_the_same_as_if_all_were_made_anew, only_what_changed_is_linked);

fn key(id: &str) -> EntityKey {
    EntityKey::new("github", "acme", id)
}

fn import(store: &mut Store<'_>, (kind, sha256): (&str, &str), complete: bool, records: &[Record]) {
    let snapshot = Snapshot {
        source: SnapshotSource { kind: kind.to_owned(), scope: "acme".to_owned() },
        taken_at: Timestamp { millis: 1_700_000_000_000 },
        complete,
        sha256: sha256.to_owned(),
        counts: SnapshotCounts::default(),
        problems: Vec::new(),
    };
    let mut importer = store.begin_import(&snapshot).unwrap().unwrap();
    records.iter().for_each(|record| importer.add(store, record.clone()).unwrap());
    importer.finish(store, &snapshot).unwrap();
}

fn scan(store: &mut Store<'_>, findings: &[ScannedFinding]) {
    let name =
        SourceName { category: SourceCategory::Scan, kind: "named".to_owned(), scope: "acme/billing".to_owned() };
    let mut recorder = Recorder::begin(store, &name, &NewSnapshot::default()).unwrap();
    recorder.add(store, findings).unwrap();
    recorder.finish(store, true, 0).unwrap();
}

fn identity(name: &str) -> Record {
    Record::Identity(Box::new(Identity::new(key(&format!("user/{name}")), Kind::User, name)))
}

fn token(id: &str, owner: &str, change: impl FnOnce(&mut Credential)) -> Record {
    let mut token = Credential::new(key(id), Some(key(&format!("user/{owner}"))), CredentialType::Pat);
    token.status = CredentialStatus::Active;
    change(&mut token);
    Record::Credential(Box::new(token))
}

/// State, risk and links of every finding.
fn links(store: &mut Store<'_>) -> Vec<String> {
    let sql = "SELECT f.fp || ' ' || f.state || ' ' || CAST(f.risk AS TEXT) || ' ' || coalesce(c.native_id, '-') || ' ' ||
            coalesce(i.native_id, '-') || ' ' || coalesce(l.tier || ' ' || CAST(l.confidence AS TEXT) || ' ' || l.status, '')
        FROM finding AS f LEFT JOIN link AS l ON l.finding_id = f.id LEFT JOIN credential AS c ON c.id = l.credential_id
        LEFT JOIN identity AS i ON i.id = l.identity_id ORDER BY 1";
    store.read(|tx| tx.query(sql, &[])).unwrap().iter().map(|row| row.get(0).unwrap()).collect()
}

fn due(store: &mut Store<'_>) -> i64 {
    store.read(|tx| tx.query_one("SELECT count(*) FROM finding WHERE link_due", &[])).unwrap().unwrap().get(0).unwrap()
}

/// Five findings: one with a public id, one that shows a user, one with a fingerprint, one with a hint, one with none of these.
fn findings() -> Vec<ScannedFinding> {
    let digest = |scheme: &str, key_id: &str, value: &str| KeyedDigest {
        scheme: scheme.to_owned(),
        key_id: key_id.to_owned(),
        value: value.to_owned(),
    };
    let mut all: Vec<ScannedFinding> = (1..=5).map(|number| scanned(number, &["deploy.env"])).collect();
    all[0].public_id = Some("98716".to_owned());
    all[1].attributes = Some(json!({ "user": "svc-ci" }));
    all[2].digests = vec![digest("github-sha256", "", "h4sh")];
    all[3].digests = vec![digest("hint", "github", "…71c3fc11")];
    all
}

/// A workload, and that it uses the credential `T5`.
fn consumer(workload: &str) -> [Record; 2] {
    let workload = Workload {
        kind: WorkloadKind::Service,
        reference: workload.to_owned(),
        repo: Some("acme/billing".to_owned()),
        env: None,
        lifecycle: None,
    };
    let consumer = Consumer {
        credential: Some(key("T5")),
        name: "TOKEN".to_owned(),
        workload: workload.reference.clone(),
        distribution: Distribution::Environment,
        locator: "deploy.yml:1".to_owned(),
        confirmed_at: None,
    };
    [Record::Workload(workload), Record::Consumer(consumer)]
}

fn links_are_the_same_as_if_all_were_made_anew(fixture: &Fixture) {
    type Step<'s> = &'s dyn Fn(&mut Store<'_>);
    let grant = Record::Grant(Grant {
        identity: key("user/octo"),
        resource: "*".to_owned(),
        role: "admin".to_owned(),
        effect: Effect::Allow,
        source: "permissions".to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk: true,
    });
    let with_id = |change: fn(&mut Credential)| {
        token("T1", "octo", |t| {
            t.public_id = Some("98716".to_owned());
            change(t);
        })
    };
    let fp = CredentialFp::public(FpScheme::GithubSha256, "h4sh");
    let steps: [(&str, Step<'_>); 16] = [
        ("a public id", &|store| import(store, ("pats", "1"), false, &[identity("octo"), with_id(|_| {})])),
        ("a user", &|store| import(store, ("users", "1"), false, &[identity("svc-ci")])),
        ("the user's only credential", &|store| import(store, ("ci", "1"), false, &[token("T2", "svc-ci", |_| {})])),
        ("and another", &|store| import(store, ("ci", "2"), false, &[token("T3", "svc-ci", |_| {})])),
        ("a fingerprint", &|store| {
            import(store, ("log", "1"), true, &[token("T4", "octo", |t| t.fingerprints = vec![fp.clone()])]);
        }),
        ("a hint", &|store| {
            import(store, ("saml", "1"), false, &[token("T6", "octo", |t| t.hint = Some("…71c3fc11".to_owned()))]);
        }),
        ("a consumer", &|store| {
            import(store, ("apps", "1"), false, &[token("T5", "octo", |_| {})]);
            import(store, ("consumers", "1"), false, &consumer("billing"));
        }),
        ("a grant", &|store| import(store, ("roles", "1"), true, std::slice::from_ref(&grant))),
        ("no grant", &|store| import(store, ("roles", "2"), true, &[])),
        ("a new name", &|store| {
            let renamed = Identity::new(key("user/svc-ci"), Kind::User, "ci-2");
            import(store, ("users", "2"), false, &[Record::Identity(Box::new(renamed))]);
        }),
        ("a place that is gone", &|store| scan(store, &findings()[1..])),
        ("a place that is back, and another", &|store| {
            let mut all = findings();
            all[0].occurrences.push(place("other.env"));
            scan(store, &all);
        }),
        ("a dead one", &|store| {
            import(store, ("pats", "2"), false, &[with_id(|t| t.status = CredentialStatus::Revoked)]);
        }),
        ("one that lives after all", &|store| {
            import(store, ("pats", "3"), false, &[with_id(|t| t.status = CredentialStatus::Active)]);
        }),
        ("what vanishes", &|store| import(store, ("log", "2"), true, &[])),
        ("a finding that a person opens again", &|store| {
            let open = StateChange { to: unleak::store::FindingState::Open, reason: None, until_ms: None };
            let id = store.read(|tx| tx.find_findings(&format!("v1:{:032x}", 3))).unwrap()[0].id.clone();
            store.write(|tx| tx.change_finding(&id, &open)).unwrap();
        }),
    ];
    fixture.with(|store| {
        scan(store, &findings());
        link_due(store).unwrap();
        let mut before = links(store);
        for (name, step) in steps {
            fixture.pass(1000);
            step(store);
            link_due(store).unwrap();
            assert_eq!(due(store), 0, "{name}");
            let after = links(store);
            link::link(store, None).unwrap();
            assert_eq!(after, links(store), "{name}");
            // What is opened again is closed again: its credential is dead.
            if !["what vanishes", "a finding that a person opens again"].contains(&name) {
                assert_ne!(before, after, "{name} changes nothing: nothing is tested");
            }
            before = after;
        }
    });
}

fn only_what_changed_is_linked(fixture: &Fixture) {
    fixture.with(|store| {
        let many: Vec<ScannedFinding> = (1..=50).map(|number| scanned(number, &["a.env"])).collect();
        scan(store, &many);
        assert_eq!(due(store), 50);
        assert_eq!(link::link_due(store).unwrap().findings, 50);
        scan(store, &many);
        assert_eq!(link::link_due(store).unwrap().findings, 0, "they were there before");
        // Another author of a place, and another severity.
        let mut changed = many.clone();
        changed[3].occurrences[0].author = Some("Ann <ann@example.org>".to_owned());
        changed[7].score = 50;
        scan(store, &changed);
        assert_eq!(link::link_due(store).unwrap().findings, 2);
        import(
            store,
            ("pats", "1"),
            false,
            &[identity("octo"), token("T1", "octo", |t| t.public_id = Some("1".into()))],
        );
        assert_eq!(link::link_due(store).unwrap().findings, 0, "it speaks of none of them");
        // Other rules make other links.
        store.write(|tx| tx.execute("UPDATE link_state SET engine_version = '0'", &[])).unwrap();
        assert_eq!(link::link_due(store).unwrap().findings, 50);
        assert_eq!(link::link_due(store).unwrap().findings, 0);
    });
}
