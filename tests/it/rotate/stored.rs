//! From a finding in the store to a credential that is proven dead, on both engines.

use std::cell::RefCell;

use serde_json::json;
use unleak::{
    commands::link::link_all,
    link,
    rotate::{
        Decision, Means, PlanError, Policy, Progress, Rotator, RunRecord, StoreJournal, StoredWorld, Trigger, advance,
        journal, plans, roll_back,
        rotator::{ManualRotator, WebhookRotator},
    },
    store::{
        KeyedDigest, NewSnapshot, Recorder, ScannedFinding, SourceCategory, SourceName, Store, StoreError, Transaction,
        audit,
    },
};

use crate::store::fixture::{Fixture, on_both_engines, place, scanned};

on_both_engines!(
    a_leaked_key_is_linked_planned_approved_run_and_closed,
    a_thousand_scans_make_one_event,
    evidence_against_a_link_counts,
    ties_never_act_and_people_win,
    what_belongs_to_nobody_proposes_somebody,
    what_a_person_merges_belongs_to_the_other,
    an_import_merges_only_what_is_surely_the_same,
    a_dead_credential_closes_its_findings,
    approvals_bind_to_what_was_seen,
    what_was_begun_is_taken_back,
    what_was_not_begun_is_cancelled,
);

pub(super) fn record(store: &mut Store<'_>, findings: &[ScannedFinding]) {
    let source =
        SourceName { category: SourceCategory::Scan, kind: "files".to_owned(), scope: "acme/billing".to_owned() };
    let new = NewSnapshot { settings: String::new(), taken_at: None, sha256: None };
    let mut recorder = Recorder::begin(store, &source, &new).unwrap();
    recorder.add(store, findings).unwrap();
    recorder.finish(store, true, 0).unwrap();
}

pub(super) fn leaked(number: u64, public_id: Option<&str>) -> ScannedFinding {
    let mut finding = scanned(number, &["prod/app.env"]);
    finding.rule_id = "aws.access-key-pair".to_owned();
    finding.provider = "Amazon Web Services".to_owned();
    finding.public_id = public_id.map(str::to_owned);
    finding
}

/// An identity with a credential, as an import leaves them.
pub(super) struct Inventoried<'a> {
    name: &'a str,
    account: &'a str,
    pub(super) public_id: &'a str,
    privileged: bool,
}

pub(super) const BILLING: Inventoried<'static> =
    Inventoried { name: "svc-billing", account: "123456789012", public_id: "AKIA-PUBLIC-1", privileged: false };

pub(super) fn inventory(store: &mut Store<'_>, what: &Inventoried<'_>) -> String {
    store
        .write(|tx| {
            let (identity, credential, now) = (tx.new_id()?, tx.new_id()?, tx.now());
            tx.execute(
                "INSERT INTO identity (id, kind, provider, account, native_id, name, privileged, first_seen_at, last_seen_at,
                    created_at, updated_at) VALUES ($1, 'service-account', 'aws', $2, $3, $3, $4, $5, $5, $5, $5)",
                &[(&identity).into(), what.account.into(), what.name.into(), what.privileged.into(), now.into()],
            )?;
            tx.execute(
                "INSERT INTO credential (id, identity_id, provider, account, type, native_id, public_id, status,
                    first_seen_at, last_seen_at, created_at, updated_at)
                 VALUES ($1, $2, 'aws', $3, 'access-key', $4, $4, 'active', $5, $5, $5, $5)",
                &[(&credential).into(), identity.into(), what.account.into(), what.public_id.into(), now.into()],
            )?;
            Ok::<_, unleak::store::StoreError>(credential)
        })
        .unwrap()
}

pub(super) fn one<T: unleak::store::FromCell>(store: &mut Store<'_>, sql: &str) -> T {
    store.read(|tx: &mut Transaction<'_>| tx.query_one(sql, &[])?.unwrap().get(0)).unwrap()
}

fn as_actor<T>(fixture: &Fixture, actor: &str, work: impl FnOnce(Store<'_>) -> T) -> T {
    let now = || std::time::UNIX_EPOCH + std::time::Duration::from_millis(fixture.clock.get());
    let context = unleak::store::Context { actor: actor.to_owned(), now: &now, random: &crate::store::fixture::random };
    work(Store::open(&fixture.location, context).unwrap())
}

fn a_leaked_key_is_linked_planned_approved_run_and_closed(fixture: &Fixture) {
    let policy = Policy::default();
    fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        let credential = inventory(store, &BILLING);
        let (counts, _) = link_all(store).unwrap();
        assert_eq!((counts.findings, counts.certain), (1, 1));
        assert_eq!(one::<String>(store, "SELECT state FROM finding"), "linked");
        // Whatever rule found it: the credential says how it is replaced.
        store.write(|tx| tx.execute("UPDATE finding SET rule_id = 'generic.assignment'", &[])).unwrap();
        let plan = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "manual", &policy)).unwrap();
        assert_eq!(plan.plan.provider, "AWS IAM access key");
        assert_eq!(plan.plan.subject.principal.as_deref(), Some("svc-billing"));
        assert!(plan.plan.steps[0].call.contains("UserName=svc-billing"), "{:?}", plan.plan.steps[0]);
        // The same facts make the same plan, however often it is asked for.
        let again = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "manual", &policy)).unwrap();
        assert_eq!((&again.id, &again.hash), (&plan.id, &plan.hash));
        let refused = store.write(|tx| plans::begin(tx, &plan.id, &policy));
        assert!(matches!(refused, Err(PlanError::State { .. })));
        let state = store.write(|tx| plans::decide(tx, &plan.id, &plan.hash, Decision::Approve, None)).unwrap();
        assert_eq!(state, "approved");
        let run = store.write(|tx| plans::begin(tx, &plan.id, &policy)).unwrap();
        assert_eq!(store.write(|tx| plans::begin(tx, &plan.id, &policy)).unwrap(), run);
        assert_eq!(one::<String>(store, "SELECT state FROM finding"), "rotating");
        for step in &plan.plan.steps {
            store.write(|tx| plans::tick(tx, &run, step.number, "seen in the console")).unwrap();
        }
    });
    let done = go_on(fixture, &policy, &ManualRotator, 200);
    assert_eq!(done, Progress::Done);
    fixture.with(|store| {
        assert_eq!(one::<String>(store, "SELECT state FROM finding"), "resolved");
        assert_eq!(one::<String>(store, "SELECT status FROM credential"), "revoked");
        assert_eq!(one::<String>(store, "SELECT state FROM rotation_plan"), "done");
        assert!(one::<i64>(store, "SELECT risk FROM finding") < 10);
        assert!(
            one::<serde_json::Value>(store, "SELECT risk_reasons FROM finding").to_string().contains("proven dead")
        );
        let seen = store.read(|tx| audit::verify(tx, &[])).unwrap();
        assert!(seen.faults.is_empty() && seen.events > 10, "{seen:?}");
    });
}

/// Takes the one run as far as it goes, moving the clock where it waits, at most `days`.
pub(super) fn go_on(fixture: &Fixture, policy: &Policy, rotator: &dyn Rotator, days: u32) -> Progress {
    let mut day = 0;
    loop {
        let progress = as_actor(fixture, "ann", |store| step_on(fixture, store, policy, rotator));
        if !matches!(progress, Progress::Waiting(..)) || day == days {
            return progress;
        }
        day += 1;
        fixture.pass(24 * 3_600_000);
    }
}

fn step_on(fixture: &Fixture, store: Store<'_>, policy: &Policy, rotator: &dyn Rotator) -> Progress {
    let store = RefCell::new(store);
    let (mut run, world) = store
        .borrow_mut()
        .read(|tx| {
            let id: String = tx.query_one("SELECT id FROM rotation_run", &[])?.unwrap().get(0)?;
            let run: RunRecord = journal::read_run(tx, &id)?.unwrap();
            let world = StoredWorld::read(tx, &id, &run.plan.subject.credential)?;
            Ok::<_, StoreError>((run, world))
        })
        .unwrap();
    let now = i64::try_from(fixture.clock.get()).unwrap();
    let mut journal = StoreJournal { store: &store, policy, destination: "rotation".to_owned() };
    advance(&mut run, &mut journal, Means { rotator, world: &world }, now, &mut |_| 0).unwrap()
}

fn a_thousand_scans_make_one_event(fixture: &Fixture) {
    let policy = Policy::default();
    fixture.with(|store| {
        let credential = inventory(store, &BILLING);
        for scan in 0..40 {
            let paths: Vec<String> = (0..25).map(|file| format!("copy-{scan}/{file}.env")).collect();
            let mut finding = leaked(1, Some(BILLING.public_id));
            finding.occurrences = paths.iter().map(|path| place(path)).collect();
            record(store, &[finding]);
            link_all(store).unwrap();
            let plan = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "webhook", &policy)).unwrap();
            if scan == 0 {
                store.write(|tx| plans::decide(tx, &plan.id, &plan.hash, Decision::Approve, None)).unwrap();
                store.write(|tx| plans::begin(tx, &plan.id, &policy)).unwrap();
            }
        }
        assert_eq!(one::<i64>(store, "SELECT count(*) FROM rotation_plan"), 1);
        assert_eq!(one::<i64>(store, "SELECT count(*) FROM rotation_run"), 1);
    });
    let rotator = WebhookRotator { source: "/unleak/test".to_owned() };
    for _ in 0..5 {
        assert!(matches!(go_on(fixture, &policy, &rotator, 0), Progress::Waiting(..)));
    }
    fixture.with(|store| assert_eq!(one::<i64>(store, "SELECT count(*) FROM outbox"), 1));
    // The provider's inventory shows a newer key, and the old one gone: that, and nothing else, closes it.
    fixture.pass(60_000);
    fixture.with(|store| {
        let newer = inventory(store, &Inventoried { name: "other", public_id: "AKIA-PUBLIC-2", ..BILLING });
        store
            .write(|tx| {
                tx.execute(
                    "UPDATE credential SET identity_id = (SELECT identity_id FROM credential WHERE public_id = 'AKIA-PUBLIC-1')
                     WHERE id = $1",
                    &[(&newer).into()],
                )
            })
            .unwrap();
        let now = i64::try_from(fixture.clock.get()).unwrap();
        store
            .write(|tx| {
                tx.execute(
                    "UPDATE credential SET status = 'deleted', tombstoned_at = $1, last_seen_at = $1
                     WHERE public_id = 'AKIA-PUBLIC-1'",
                    &[now.into()],
                )
            })
            .unwrap();
        let run: String = one(store, "SELECT id FROM rotation_run");
        for step in [2, 3] {
            store.write(|tx| plans::tick(tx, &run, step, "deployed")).unwrap();
        }
    });
    assert_eq!(go_on(fixture, &policy, &rotator, 30), Progress::Done);
    fixture.with(|store| assert_eq!(one::<String>(store, "SELECT state FROM finding"), "resolved"));
}

fn evidence_against_a_link_counts(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        inventory(store, &Inventoried { account: "999999999999", ..BILLING });
        let attributes = json!({ "account": "123456789012" });
        store
            .write(|tx| tx.execute("UPDATE finding SET attributes = $1", &[unleak::store::Value::json(&attributes)]))
            .unwrap();
        let (counts, _) = link_all(store).unwrap();
        assert_eq!((counts.certain, counts.unlinked), (0, 1));
        // Made after the leak: it can't be what leaked.
        let authored = i64::try_from(fixture.clock.get()).unwrap() - 1_000_000;
        store
            .write(|tx| {
                tx.execute(
                    "UPDATE credential SET account = '123456789012', native_created_at = $1",
                    &[(authored + 500_000).into()],
                )?;
                tx.execute("UPDATE occurrence SET authored_at = $1", &[authored.into()])?;
                tx.execute("DELETE FROM link", &[])
            })
            .unwrap();
        let counts = link::link(store, None).unwrap();
        assert_eq!((counts.certain, counts.likely, counts.doubtful), (0, 0, 1));
        let id: String = one(store, "SELECT id FROM finding");
        let explained = store.read(|tx| link::explain(tx, &id)).unwrap().unwrap();
        assert!(explained.links[0].evidence.iter().any(|e| e.rule == "younger-than-leak"), "{explained:?}");
        assert!(explained.links[0].confidence < 0.2 && !explained.needed.is_empty());
    });
}

fn ties_never_act_and_people_win(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        let first = inventory(store, &BILLING);
        let second = inventory(store, &Inventoried { account: "222222222222", name: "svc-other", ..BILLING });
        let (counts, _) = link_all(store).unwrap();
        assert_eq!((counts.certain, counts.ambiguous), (0, 1));
        let id: String = one(store, "SELECT id FROM finding");
        assert_eq!(one::<Option<String>>(store, "SELECT credential_id FROM finding"), None);
        let refused = store.write(|tx| plans::credential_of(tx, &id));
        assert!(matches!(refused, Err(PlanError::NotLinked(_))));
        // One rejection leaves the other, and it stays rejected.
        store.write(|tx| link::reject(tx, &id, &second, "not ours")).unwrap();
        assert_eq!(link::link(store, None).unwrap().certain, 1);
        assert_eq!(one::<Option<String>>(store, "SELECT credential_id FROM finding"), Some(first.clone()));
        store.write(|tx| link::confirm(tx, &id, &second, "it is, after all")).unwrap();
        assert_eq!(link::link(store, None).unwrap().certain, 1);
        assert_eq!(one::<Option<String>>(store, "SELECT credential_id FROM finding"), Some(second));
        let events: i64 = one(store, "SELECT count(*) FROM audit_event WHERE action LIKE 'link.%'");
        assert_eq!(events, 2);
        // Running it again writes nothing.
        let before: i64 = one(store, "SELECT count(*) FROM audit_event");
        link_all(store).unwrap();
        assert_eq!(one::<i64>(store, "SELECT count(*) FROM audit_event"), before);
        assert_ne!(one::<String>(store, "SELECT id FROM credential WHERE account = '123456789012'"), String::new());
        assert_eq!(first.len(), 26);
    });
}

fn what_belongs_to_nobody_proposes_somebody(fixture: &Fixture) {
    fixture.with(|store| {
        let mut finding = leaked(1, Some("AKIA-UNKNOWN"));
        finding.occurrences[0].author = Some("Bea <bea@example.org>".to_owned());
        record(store, &[finding]);
        let (counts, proposed) = link_all(store).unwrap();
        assert_eq!((counts.unlinked, proposed.new), (1, 1));
        assert_eq!(one::<String>(store, "SELECT state FROM identity"), "proposed");
        assert_eq!(one::<String>(store, "SELECT ref FROM owner"), "bea@example.org");
        let (_, again) = link_all(store).unwrap();
        assert_eq!((again.new, one::<i64>(store, "SELECT count(*) FROM identity")), (0, 1));
        // An import that knows it merges by itself.
        inventory(store, &Inventoried { public_id: "AKIA-UNKNOWN", ..BILLING });
        let (counts, merged) = link_all(store).unwrap();
        assert_eq!((merged.merged, counts.certain), (1, 1));
        assert_eq!(one::<String>(store, "SELECT state FROM identity WHERE merged_into IS NOT NULL"), "dismissed");
    });
}

fn what_a_person_merges_belongs_to_the_other(fixture: &Fixture) {
    fixture.with(|store| {
        let mut finding = leaked(1, Some("AKIA-UNKNOWN"));
        finding.occurrences[0].author = Some("Bea <bea@example.org>".to_owned());
        record(store, &[finding]);
        inventory(store, &BILLING);
        link_all(store).unwrap();
        let proposed: String = one(store, "SELECT id FROM identity WHERE state = 'proposed'");
        let known: String = one(store, "SELECT id FROM identity WHERE state <> 'proposed'");
        let itself = store.write(|tx| link::merge(tx, &proposed, &proposed));
        assert!(itself.unwrap_err().to_string().contains("itself"));
        store.write(|tx| link::merge(tx, &proposed, &known)).unwrap();
        let (counts, again) = link_all(store).unwrap();
        assert_eq!((counts.certain, counts.unlinked, again.new), (1, 0, 0));
        let id: String = one(store, "SELECT id FROM finding");
        let links = store.read(|tx| link::explain(tx, &id)).unwrap().unwrap().links;
        let kept: Vec<_> = links.iter().map(|link| (link.identity.as_deref(), link.status.as_str())).collect();
        assert_eq!(kept, [(Some(known.as_str()), "confirmed")]);
        // The guess who answers for the proposal ends with it.
        let live = "SELECT count(*) FROM ownership WHERE valid_to_at IS NULL AND identity_id IN
            (SELECT id FROM identity WHERE state = 'dismissed')";
        assert_eq!(one::<i64>(store, live), 0);
    });
}

fn an_import_merges_only_what_is_surely_the_same(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, &[leaked(1, Some("AKIA-UNKNOWN"))]);
        assert_eq!(link_all(store).unwrap().1.new, 1);
        // Another provider's credential happens to have that id.
        let other = inventory(store, &Inventoried { public_id: "AKIA-UNKNOWN", ..BILLING });
        let provider = |provider: &str| {
            let (sql, values) =
                ("UPDATE credential SET provider = $1 WHERE id = $2", [provider.into(), (&other).into()]);
            move |tx: &mut unleak::store::Transaction<'_>| tx.execute(sql, &values)
        };
        store.write(provider("okta")).unwrap();
        assert_eq!(link_all(store).unwrap().1.merged, 0);
        // Two identities have it.
        store.write(provider("aws")).unwrap();
        inventory(
            store,
            &Inventoried { public_id: "AKIA-UNKNOWN", account: "222222222222", name: "svc-other", ..BILLING },
        );
        assert_eq!(link_all(store).unwrap().1.merged, 0);
        assert_eq!(one::<i64>(store, "SELECT count(*) FROM identity WHERE merged_into IS NOT NULL"), 0);
    });
}

fn a_dead_credential_closes_its_findings(fixture: &Fixture) {
    fixture.with(|store| {
        let mut finding = leaked(1, None);
        let digest = KeyedDigest { scheme: "v1".to_owned(), key_id: "k".to_owned(), value: "d1".to_owned() };
        finding.digests.push(digest);
        record(store, &[finding]);
        let credential = inventory(store, &BILLING);
        store
            .write(|tx| {
                let now = tx.now();
                tx.execute(
                    "INSERT INTO credential_fp (credential_id, scheme, key_id, value, created_at) VALUES ($1, 'v1', 'k', 'd1', $2)",
                    &[(&credential).into(), now.into()],
                )?;
                tx.execute(
                    "UPDATE credential SET status = 'revoked', generation = 3, tombstoned_at = $1 WHERE id = $2",
                    &[1_714_600_000_000_i64.into(), (&credential).into()],
                )
            })
            .unwrap();
        let (counts, _) = link_all(store).unwrap();
        assert_eq!((counts.certain, counts.retired), (1, 1));
        let reason: String = one(store, "SELECT state_reason FROM finding");
        assert_eq!(reason, "generation 3, revoked, retired 2024-05-01");
        let made = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "manual", &Policy::default()));
        assert!(matches!(made, Err(PlanError::Dead(..))));
    });
}

fn approvals_bind_to_what_was_seen(fixture: &Fixture) {
    let policy = Policy::default();
    let (credential, plan) = fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        let credential = inventory(store, &Inventoried { privileged: true, ..BILLING });
        link_all(store).unwrap();
        let plan = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "manual", &policy)).unwrap();
        let wrong = store.write(|tx| plans::decide(tx, &plan.id, &"0".repeat(64), Decision::Approve, None));
        assert!(matches!(wrong, Err(PlanError::Hash(_))));
        let own = store.write(|tx| plans::decide(tx, &plan.id, &plan.hash, Decision::Approve, None));
        assert!(matches!(own, Err(PlanError::SelfApproval(_))), "{own:?}");
        (credential, plan)
    });
    as_actor(fixture, "bea", |mut store| {
        store.write(|tx| plans::decide(tx, &plan.id, &plan.hash, Decision::Approve, Some("seen"))).unwrap();
        // The facts change after the approval.
        store.write(|tx| tx.execute("UPDATE credential SET public_id = 'AKIA-OTHER'", &[])).unwrap();
        let stale = store.write(|tx| plans::begin(tx, &plan.id, &policy));
        assert!(matches!(&stale, Err(PlanError::State { needed, .. }) if needed.contains("changed")), "{stale:?}");
        store.write(|tx| tx.execute("UPDATE credential SET public_id = 'AKIA-PUBLIC-1'", &[])).unwrap();
        store.write(|tx| journal::stop(tx, Some("incident"))).unwrap();
        let stopped = store.write(|tx| plans::begin(tx, &plan.id, &policy));
        assert!(matches!(&stopped, Err(PlanError::Capped(why)) if why.contains("incident")), "{stopped:?}");
        store.write(|tx| journal::stop(tx, None)).unwrap();
    });
    fixture.pass(48 * 3_600_000);
    fixture.with(|store| {
        let late = store.write(|tx| plans::begin(tx, &plan.id, &policy));
        assert!(matches!(&late, Err(PlanError::State { needed, .. }) if needed.contains("expired")), "{late:?}");
        let anew = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "manual", &policy)).unwrap();
        assert_ne!(anew.id, plan.id);
        let before = store.read(|tx| plans::read(tx, &plan.id)).unwrap();
        assert_eq!((anew.state.as_str(), before.state.as_str()), ("awaiting_approval", "expired"));
        assert!(!credential.is_empty());
    });
}

/// An approved plan.
pub(super) fn approved(fixture: &Fixture, rotator: &str) -> String {
    let policy = Policy::default();
    fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        let credential = inventory(store, &BILLING);
        link_all(store).unwrap();
        let plan = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, rotator, &policy)).unwrap();
        store.write(|tx| plans::decide(tx, &plan.id, &plan.hash, Decision::Approve, None)).unwrap();
        plan.id
    })
}

/// An approved plan whose run has begun.
pub(super) fn begun(fixture: &Fixture, rotator: &str) -> (String, String) {
    let plan = approved(fixture, rotator);
    let run = fixture.with(|store| store.write(|tx| plans::begin(tx, &plan, &Policy::default())).unwrap());
    (plan, run)
}

pub(super) fn take_back(fixture: &Fixture, rotator: &dyn Rotator) -> Progress {
    as_actor(fixture, "ann", |store| {
        let store = RefCell::new(store);
        let (mut run, world) = store
            .borrow_mut()
            .read(|tx| {
                let id: String = tx.query_one("SELECT id FROM rotation_run", &[])?.unwrap().get(0)?;
                let run: RunRecord = journal::read_run(tx, &id)?.unwrap();
                let world = StoredWorld::read(tx, &id, &run.plan.subject.credential)?;
                Ok::<_, StoreError>((run, world))
            })
            .unwrap();
        let now = i64::try_from(fixture.clock.get()).unwrap();
        let policy = Policy::default();
        let mut journal = StoreJournal { store: &store, policy: &policy, destination: "rotation".to_owned() };
        roll_back(&mut run, &mut journal, Means { rotator, world: &world }, (now, "incident 7"), &mut |_| 0).unwrap()
    })
}

fn what_was_begun_is_taken_back(fixture: &Fixture) {
    let (plan, run) = begun(fixture, "webhook");
    let rotator = WebhookRotator { source: "/unleak/test".to_owned() };
    assert!(matches!(go_on(fixture, &Policy::default(), &rotator, 0), Progress::Waiting(..)));
    fixture.with(|store| {
        for step in 1..=2 {
            store.write(|tx| plans::tick(tx, &run, step, "seen")).unwrap();
        }
    });
    assert!(matches!(go_on(fixture, &Policy::default(), &rotator, 0), Progress::Waiting(..)));
    fixture.with(|store| {
        let refused = store.write(|tx| plans::cancel(tx, &plan, "too late"));
        assert!(matches!(&refused, Err(PlanError::State { needed, .. }) if needed.contains("rollback")), "{refused:?}");
    });
    // The receiver is told once; a person then says of each step that it is taken back, the last one first.
    assert!(matches!(take_back(fixture, &rotator), Progress::Waiting(what, _) if what.contains("tick step 1002")));
    assert!(matches!(take_back(fixture, &rotator), Progress::Manual(what) if what.contains("tick step 1002")));
    assert!(
        matches!(go_on(fixture, &Policy::default(), &rotator, 0), Progress::Manual(what) if what.contains("taken back"))
    );
    fixture.with(|store| {
        store.write(|tx| plans::tick(tx, &run, 1002, "the old one is deployed again")).unwrap();
        let unknown = store.write(|tx| plans::tick(tx, &run, 1099, "x"));
        assert!(matches!(unknown, Err(PlanError::Unknown { .. })));
    });
    assert!(matches!(take_back(fixture, &rotator), Progress::Waiting(what, _) if what.contains("tick step 1001")));
    fixture.with(|store| store.write(|tx| plans::tick(tx, &run, 1001, "the new one is deleted")).unwrap());
    assert_eq!(take_back(fixture, &rotator), Progress::RolledBack);
    assert!(matches!(take_back(fixture, &rotator), Progress::Manual(what) if what.contains("rolled_back")));
    fixture.with(|store| {
        assert_eq!(one::<String>(store, "SELECT state FROM rotation_run"), "rolled_back");
        assert_eq!(one::<String>(store, "SELECT state FROM rotation_plan"), "cancelled");
        assert_eq!(one::<String>(store, "SELECT state FROM finding"), "linked");
        assert_eq!(one::<String>(store, "SELECT status FROM credential"), "active");
        let events = "SELECT count(*) FROM outbox WHERE CAST(event AS TEXT) LIKE '%rollback_requested%'";
        assert_eq!(one::<i64>(store, events), 1);
        assert!(store.read(|tx| audit::verify(tx, &[])).unwrap().faults.is_empty());
        assert_eq!(store.read(|tx| tx.broken_invariants()).unwrap(), Vec::<String>::new());
    });
}

fn what_was_not_begun_is_cancelled(fixture: &Fixture) {
    let (plan, _) = begun(fixture, "manual");
    fixture.with(|store| {
        store.write(|tx| plans::cancel(tx, &plan, "a false alarm")).unwrap();
        assert_eq!(one::<String>(store, "SELECT state FROM rotation_run"), "cancelled");
        assert_eq!(one::<String>(store, "SELECT state FROM rotation_plan"), "cancelled");
        assert_eq!(one::<String>(store, "SELECT state FROM finding"), "linked");
        let again = store.write(|tx| plans::cancel(tx, &plan, "x"));
        assert!(matches!(again, Err(PlanError::State { .. })));
        // The credential can be planned for again, and that plan cancelled before it is approved.
        let credential: String = one(store, "SELECT id FROM credential");
        let policy = Policy::default();
        let next = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "manual", &policy)).unwrap();
        assert_ne!(next.id, plan);
        store.write(|tx| plans::cancel(tx, &next.id, "a false alarm")).unwrap();
        assert_eq!(one::<i64>(store, "SELECT count(*) FROM rotation_plan WHERE state = 'cancelled'"), 2);
    });
}
