//! What holds rotation back, and what people say of steps.

use unleak::{
    rotate::{PlanError, Policy, Progress, plans, rotator::ManualRotator},
    store::Transaction,
};

use super::stored::{BILLING, approved, begun, inventory, leaked, one, record, take_back};
use crate::store::fixture::{Fixture, on_both_engines};

on_both_engines!(
    a_freeze_holds_back_what_has_not_begun,
    a_proof_says_something,
    what_a_person_did_ahead_is_taken_back_as_well,
);

fn a_freeze_holds_back_what_has_not_begun(fixture: &Fixture) {
    // The fixture's clock stands in November 2023.
    let [from, until] = ["2023-11-01", "2023-12-01"].map(|day| format!("\"{day}T00:00:00Z\""));
    let frozen = format!("[[freeze]]\nfrom = {from}\nuntil = {until}\nreason = \"year end\"\n");
    let frozen = Policy::parse(&frozen).unwrap();
    let plan = approved(fixture, "manual");
    fixture.with(|store| {
        let refused = store.write(|tx| plans::begin(tx, &plan, &frozen)).unwrap_err();
        assert!(matches!(&refused, PlanError::Capped(why) if why.contains("year end")), "{refused}");
        assert_eq!(one::<i64>(store, "SELECT count(*) FROM rotation_run"), 0);
        assert_eq!(one::<String>(store, "SELECT state FROM rotation_plan"), "approved");
        assert_eq!(one::<String>(store, "SELECT state FROM finding"), "linked");
        store.write(|tx| plans::begin(tx, &plan, &Policy::default())).unwrap();
    });
}

fn a_proof_says_something(fixture: &Fixture) {
    let (_, run) = begun(fixture, "manual");
    fixture.with(|store| {
        for empty in ["", " \n"] {
            let refused = store.write(|tx: &mut Transaction<'_>| plans::tick(tx, &run, 1, empty));
            assert!(matches!(refused, Err(PlanError::NoProof(1))), "{refused:?}");
        }
        assert_eq!(one::<Option<String>>(store, "SELECT CAST(proofs AS TEXT) FROM rotation_run"), None);
    });
}

fn what_a_person_did_ahead_is_taken_back_as_well(fixture: &Fixture) {
    let (_, run) = begun(fixture, "manual");
    let step_on = |fixture: &Fixture| super::stored::go_on(fixture, &Policy::default(), &ManualRotator, 0);
    assert!(matches!(step_on(fixture), Progress::Manual(what) if what.contains("(then tick step 1)")));
    fixture.with(|store| {
        store.write(|tx| plans::tick(tx, &run, 1, "made")).unwrap();
        // Put out of use before the run came to it.
        store.write(|tx| plans::tick(tx, &run, 5, "switched off in the console")).unwrap();
    });
    assert!(matches!(step_on(fixture), Progress::Manual(what) if what.contains("(then tick step 2)")));
    for step in [1005, 1002, 1001] {
        let asked = take_back(fixture, &ManualRotator);
        let tick = format!("tick step {step}");
        assert!(matches!(&asked, Progress::Manual(what) if what.contains(&tick)), "{step}: {asked:?}");
        fixture.with(|store| store.write(|tx| plans::tick(tx, &run, step, "it is back")).unwrap());
    }
    assert_eq!(take_back(fixture, &ManualRotator), Progress::RolledBack);
}

#[cfg(all(feature = "cli", unix))]
#[test]
fn whoever_looks_is_told_what_holds_it_back() {
    use crate::store::commands::Cli;
    let fixture = Fixture::sqlite();
    fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        inventory(store, &BILLING);
    });
    let cli = Cli::new(&fixture);
    cli.ok(&["link"]);
    cli.ok(&["rotate", "plan", "--all"]);
    let plan: String = fixture.with(|store| one(store, "SELECT id FROM rotation_plan"));
    let hash: String = fixture.with(|store| one(store, "SELECT plan_hash FROM rotation_plan"));
    cli.ok(&["rotate", "approve", &plan, "--hash", &hash]);
    for verb in [&["rotate", "stop"][..], &["rotate", "cancel", &plan], &["rotate", "rollback", &plan]] {
        let (code, _, err) = cli.run(&[verb, &["--reason", " "]].concat());
        assert_eq!((code, err.contains("the reason is empty")), (2, true), "{verb:?}: {err}");
    }
    cli.ok(&["rotate", "stop", "--reason", "incident 7"]);
    assert!(cli.ok(&["rotate", "list"]).contains("incident 7 (`unleak rotate resume`)"));
    let dry = cli.ok(&["rotate", "run", &plan]);
    assert!(dry.contains("! nothing of it now: rotation is stopped by") && dry.contains("incident 7"), "{dry}");
    cli.ok(&["rotate", "resume"]);
    assert!(!cli.ok(&["rotate", "list"]).contains("incident 7"));
    assert!(!cli.ok(&["rotate", "run", &plan]).contains("nothing of it now"));
    let run = |sql: &str| fixture.with(|store| store.write(|tx| tx.execute(sql, &[])).unwrap());
    run("UPDATE rotation_plan SET expires_at = created_at");
    for shown in [cli.ok(&["rotate", "list"]), cli.ok(&["rotate", "show", &plan])] {
        assert!(shown.contains("expired") && !shown.contains("approved"), "{shown}");
    }
    let (code, out, _) = cli.run(&["rotate", "run", &plan, "--execute"]);
    assert_eq!((code, out.contains("(`unleak rotate plan`)")), (1, true), "{out}");
}
