use std::{cell::RefCell, collections::BTreeMap};

use unleak::rotate::{
    Means, Op, Outcome, Rotator, RunRecord, State, StepContext, World, advance,
    event::{Event, EventKind},
    rotator::{ManualRotator, Reconciled, WebhookRotator},
    run::Progress,
};

use super::{
    journal::{Known, Memory},
    plan,
};

/// A provider that really does things, and counts how often; what it did survives the death of whoever asked.
#[derive(Default)]
struct Provider {
    done: RefCell<BTreeMap<u32, u32>>,
    /// It dies at this call, after it was carried out.
    dies_at: Option<u32>,
    calls: RefCell<u32>,
}

impl Rotator for Provider {
    fn name(&self) -> &'static str {
        "provider"
    }

    fn perform(&self, at: &StepContext<'_>, _: &dyn World) -> Outcome {
        *self.calls.borrow_mut() += 1;
        *self.done.borrow_mut().entry(at.step.number).or_default() += 1;
        Outcome::Done("did it".to_owned())
    }

    fn reconcile(&self, at: &StepContext<'_>, _: &dyn World) -> Reconciled {
        if self.done.borrow().contains_key(&at.step.number) { Reconciled::Done } else { Reconciled::NotDone }
    }

    fn undo(&self, _: &StepContext<'_>, _: &dyn World) -> Outcome {
        Outcome::Manual(String::new())
    }
}

const DAYS_MS: i64 = 24 * 3_600_000;

/// Runs until it waits for nothing but a person or is done, each wait skipped by moving the clock.
fn run_through(run: &mut RunRecord, memory: &mut Memory, rotator: &dyn Rotator, world: &Known) -> Option<Progress> {
    let mut now = 20_000;
    for _ in 0..20 {
        match advance(run, memory, Means { rotator, world }, now, &mut |_| 0) {
            Ok(Progress::Waiting(_, _)) => now += 10 * DAYS_MS,
            Ok(progress) => return Some(progress),
            Err(_) => return None,
        }
    }
    None
}

#[test]
fn a_run_killed_at_every_write_does_each_step_exactly_once() {
    for rule in ["aws.access-key-pair", "gitlab.pat", "github.pat-classic", "postgres.connection-url"] {
        let plan = plan(rule, "command");
        let provider = Provider::default();
        let mut whole = Memory::default();
        let mut run = whole.run(&plan);
        assert_eq!(run_through(&mut run, &mut whole, &provider, &Known::default()), Some(Progress::Done));
        let steps: Vec<u32> =
            plan.steps.iter().filter(|s| !matches!(s.op, Op::Observe | Op::Grace)).map(|s| s.number).collect();
        assert_eq!(provider.done.borrow().keys().copied().collect::<Vec<_>>(), steps, "{rule}");
        for writes in 0..40 {
            let provider = Provider::default();
            let mut memory = Memory { writes_left: Some(writes), ..Memory::default() };
            let mut run = memory.run(&plan);
            let _ = run_through(&mut run, &mut memory, &provider, &Known::default());
            memory.writes_left = None;
            let mut run = memory.run(&plan);
            assert_eq!(run_through(&mut run, &mut memory, &provider, &Known::default()), Some(Progress::Done));
            let done = provider.done.borrow();
            assert!(steps.iter().all(|step| done.get(step) == Some(&1)), "{rule}, killed at write {writes}: {done:?}");
            assert_eq!(memory.history.last(), Some(&State::Done));
        }
    }
}

/// Whether the interrupted step was done nobody can say.
struct Forgetful(Provider);

impl Rotator for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn perform(&self, at: &StepContext<'_>, world: &dyn World) -> Outcome {
        self.0.perform(at, world)
    }

    fn reconcile(&self, _: &StepContext<'_>, _: &dyn World) -> Reconciled {
        Reconciled::Unknown
    }

    fn undo(&self, _: &StepContext<'_>, _: &dyn World) -> Outcome {
        Outcome::Manual(String::new())
    }
}

#[test]
fn a_key_is_never_made_twice_where_nobody_knows_whether_it_was_made() {
    let plan = plan("aws.access-key-pair", "command");
    let rotator = Forgetful(Provider::default());
    // The transition and the intent are written, the outcome is not.
    let mut memory = Memory { writes_left: Some(2), ..Memory::default() };
    assert_eq!(run_through(&mut memory.run(&plan), &mut memory, &rotator, &Known::default()), None);
    memory.writes_left = None;
    let mut run = memory.run(&plan);
    let progress = run_through(&mut run, &mut memory, &rotator, &Known::default());
    assert!(matches!(&progress, Some(Progress::Manual(what)) if what.contains("must not be repeated")), "{progress:?}");
    assert_eq!((run.state, rotator.0.done.borrow().get(&1)), (State::ManualAction, Some(&1)));
}

#[test]
fn the_kill_switch_stops_a_run_between_any_two_steps() {
    let plan = plan("aws.access-key-pair", "command");
    let provider = Provider::default();
    let mut memory = Memory { stopped: Some("kill switch".to_owned()), ..Memory::default() };
    let mut run = memory.run(&plan);
    let progress = run_through(&mut run, &mut memory, &provider, &Known::default());
    assert_eq!(progress, Some(Progress::Stopped("kill switch".to_owned())));
    assert_eq!((*provider.calls.borrow(), run.state, provider.dies_at), (0, State::Paused, None));
    memory.stopped = None;
    assert_eq!(run_through(&mut run, &mut memory, &provider, &Known::default()), Some(Progress::Done));
}

#[test]
fn whoever_still_uses_the_old_key_keeps_it_alive() {
    let plan = plan("aws.access-key-pair", "command");
    let provider = Provider::default();
    let mut memory = Memory::default();
    let mut run = memory.run(&plan);
    let now = 20_000;
    let used = Known { last_used_ms: Some(now + DAYS_MS), ..Known::default() };
    let _ = advance(&mut run, &mut memory, Means { rotator: &provider, world: &used }, now, &mut |_| 0).unwrap();
    let progress =
        advance(&mut run, &mut memory, Means { rotator: &provider, world: &used }, now + DAYS_MS + 1_000, &mut |_| 0)
            .unwrap();
    assert!(matches!(&progress, Progress::Waiting(what, _) if what.contains("has not followed")), "{progress:?}");
    assert_eq!(run.state, State::Observing);
    let progress =
        advance(&mut run, &mut memory, Means { rotator: &provider, world: &used }, now + 3 * DAYS_MS, &mut |_| 0)
            .unwrap();
    assert!(matches!(&progress, Progress::Waiting(what, _) if what.starts_with("grace")), "{progress:?}");
}

#[test]
fn a_checklist_goes_on_with_ticks_and_with_what_inventories_show() {
    let plan = plan("slack.incoming-webhook", "manual");
    let mut memory = Memory::default();
    let mut run = memory.run(&plan);
    let mut world = Known::default();
    let progress = run_through(&mut run, &mut memory, &ManualRotator, &world);
    assert!(matches!(&progress, Some(Progress::Manual(_))), "{progress:?}");
    for step in &plan.steps {
        world.ticks.insert(step.number, "ana: seen in the console".to_owned());
    }
    assert_eq!(run_through(&mut run, &mut memory, &ManualRotator, &world), Some(Progress::Done));
    assert_eq!(memory.steps[&1].receipt.as_deref(), Some("ana: seen in the console"));
}

#[test]
fn a_webhook_gets_one_event_per_generation_and_its_word_proves_nothing() {
    let plan = plan("aws.access-key-pair", "webhook");
    let rotator = WebhookRotator { source: "/unleak/acme".to_owned() };
    let mut memory = Memory::default();
    let mut run = memory.run(&plan);
    for now in 0..50 {
        let progress = advance(
            &mut run,
            &mut memory,
            Means { rotator: &rotator, world: &Known::default() },
            20_000 + now,
            &mut |_| 0,
        )
        .unwrap();
        assert!(matches!(progress, Progress::Waiting(_, _)), "{progress:?}");
    }
    assert_eq!((memory.events.len(), run.state), (1, State::Creating));
    // Another run of the same generation, such as another CI job's, has the same event.
    let mut other = Memory::default();
    let _ = advance(
        &mut other.run(&plan),
        &mut other,
        Means { rotator: &rotator, world: &Known::default() },
        99_999,
        &mut |_| 0,
    )
    .unwrap();
    assert_eq!(memory.events, other.events);
    let alive = Known { newer: Some("a newer key".to_owned()), dead: Some(false), ..Known::default() };
    let progress =
        advance(&mut run, &mut memory, Means { rotator: &rotator, world: &alive }, 30_000, &mut |_| 0).unwrap();
    assert!(matches!(progress, Progress::Waiting(_, _)), "{progress:?}");
    assert_eq!(run.state, State::Distributing);
}

#[test]
fn events_carry_what_cloudevents_demands() {
    let event = Event::new(
        EventKind::RunStateChanged,
        "/unleak/acme",
        ("01RUN", "01RUN/done"),
        "2026-11-25T10:00:00Z".parse().unwrap(),
        serde_json::json!({ "state": "done" }),
    );
    let json = serde_json::to_value(&event).unwrap();
    for (field, value) in [
        ("specversion", "1.0"),
        ("type", "nhi.run.state_changed"),
        ("source", "/unleak/acme"),
        ("subject", "01RUN"),
        ("time", "2026-11-25T10:00:00Z"),
        ("datacontenttype", "application/json"),
    ] {
        assert_eq!(json[field], value, "{field}");
    }
}
