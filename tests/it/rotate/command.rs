//! Programs that rotate, and programs that misbehave.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use tempfile::TempDir;
use unleak::{
    model::Secret,
    rotate::{
        Outcome, Plan, Rotator, StepContext, Subject,
        rotator::{CommandRotator, Reconciled},
    },
};

use super::{journal::Known, plan};

fn program(dir: &Path, script: &str) -> std::path::PathBuf {
    let path = dir.join("rotate me");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn with_rotator<T>(script: &str, use_it: impl FnOnce(&CommandRotator<'_>, &Path) -> T) -> T {
    let dir = TempDir::new().unwrap();
    let secret_of = |_: &Subject| Some(Secret::new(b"planted-value-4711"));
    let rotator = CommandRotator {
        program: program(dir.path(), script),
        arguments: vec!["; touch pwned".into()],
        timeout: Duration::from_millis(1500),
        secret_of: &secret_of,
        environment: vec![("PATH", "/usr/bin:/bin".into()), ("HOME", dir.path().into())],
    };
    use_it(&rotator, dir.path())
}

fn context(plan: &Plan, number: usize) -> StepContext<'_> {
    StepContext { run: "01RUN", plan, plan_hash: "hash", step: &plan.steps[number], started_ms: 0, now_ms: 1 }
}

#[test]
fn a_program_gets_arguments_and_a_document_and_the_secret_through_the_pipe_alone() {
    // GitHub's revocation takes the token itself.
    let plan = plan("github.pat-classic", "command");
    let script = r#"printf '%s\n' "$@" > "$HOME/arguments"; env > "$HOME/environment"; cat > "$HOME/input"
echo '{"receipt": "revoked, request 12"}'"#;
    with_rotator(script, |rotator, home| {
        let outcome = rotator.perform(&context(&plan, 0), &Known::default());
        assert_eq!(outcome, Outcome::Done("revoked, request 12".to_owned()));
        assert_eq!(fs::read_to_string(home.join("arguments")).unwrap(), "; touch pwned\nperform\ndelete\n");
        let input = fs::read_to_string(home.join("input")).unwrap();
        let (document, secret) = input.split_once('\n').unwrap();
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        assert_eq!((secret, &document["secret_follows"]), ("planted-value-4711", &true.into()));
        assert_eq!(document["idempotency_key"], "01RUN/1");
        let environment = fs::read_to_string(home.join("environment")).unwrap();
        assert!(!environment.contains("planted") && !environment.contains("CARGO"), "{environment}");
    });
}

#[test]
fn receipts_that_repeat_the_secret_are_dropped() {
    let plan = plan("github.pat-classic", "command");
    let script = r#"read -r document; secret=$(cat); printf '{"receipt": "revoked %s"}' "$secret""#;
    with_rotator(script, |rotator, _| {
        let Outcome::Done(receipt) = rotator.perform(&context(&plan, 0), &Known::default()) else { panic!() };
        assert!(!receipt.contains("planted"), "{receipt}");
    });
}

#[test]
fn programs_that_fail_hang_or_do_not_exist_are_told_apart() {
    let plan = plan("aws.access-key-pair", "command");
    let perform =
        |script: &str| with_rotator(script, |rotator, _| rotator.perform(&context(&plan, 0), &Known::default()));
    assert!(matches!(perform("exit 75"), Outcome::Retry(_, None)));
    assert!(matches!(perform("exit 1"), Outcome::Manual(why) if why.contains("exit code 1")));
    assert!(matches!(perform("kill -9 $$"), Outcome::Manual(why) if why.contains("signal")));
    assert!(matches!(perform("sleep 9"), Outcome::Manual(why) if why.contains("not known")));
    assert!(matches!(perform("yes | head -c 3000000"), Outcome::Done(_)));
    // A grandchild keeps the pipe open.
    assert!(matches!(perform("sleep 8 & exit 0"), Outcome::Done(_)));
    with_rotator("exit 0", |rotator, home| {
        fs::remove_file(home.join("rotate me")).unwrap();
        assert!(matches!(rotator.perform(&context(&plan, 0), &Known::default()), Outcome::Retry(_, None)));
    });
}

#[test]
fn an_inventory_outranks_a_program_that_says_dead() {
    let plan = plan("aws.access-key-pair", "command");
    let at = plan.steps.iter().position(|step| step.op == unleak::rotate::Op::VerifyDead).unwrap();
    with_rotator("exit 0", |rotator, _| {
        let alive = Known { dead: Some(false), ..Known::default() };
        assert!(matches!(rotator.perform(&context(&plan, at), &alive), Outcome::Waiting(_)));
        assert!(matches!(rotator.perform(&context(&plan, at), &Known::default()), Outcome::Done(_)));
    });
}

#[test]
fn reconciling_believes_only_clear_words() {
    let plan = plan("aws.access-key-pair", "command");
    let reconcile =
        |script: &str| with_rotator(script, |rotator, _| rotator.reconcile(&context(&plan, 0), &Known::default()));
    assert_eq!(reconcile(r#"echo '{"state": "done"}'"#), Reconciled::Done);
    assert_eq!(reconcile(r#"echo '{"state": "not-done"}'"#), Reconciled::NotDone);
    for unclear in ["exit 0", "echo done", r#"echo '{"state": "done"}'; exit 1"#, r#"echo '{"state": "maybe"}'"#] {
        assert_eq!(reconcile(unclear), Reconciled::Unknown, "{unclear}");
    }
}
