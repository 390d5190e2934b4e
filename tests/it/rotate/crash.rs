//! Processes that die at every step: the real store, the real journal, the real outbox, and `abort` wherever the outside world
//! is asked for something (the time is before each transaction and around each delivery, randomness within).

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};
use unleak::{
    commands::{
        Env,
        rotate::{self, Receiver, RotateFormat, RotateSettings, RotatorChoice, RunSettings},
        store::StoreChoice,
    },
    engine::Progress,
    rotate::{Decision, Policy, Trigger, guard::Reach, plans, signature::SigningKey},
    store::{Engine, audit},
};

use super::stored::{BILLING, inventory, leaked, one, record};
use crate::store::fixture::{Fixture, random};

const VARIABLE: &str = "UNLEAK_TEST_CRASH";
const POLICY: &str = "observe_hours = 0\ngrace_hours = 0\n";

/// No test, but the process that the others kill: it carries out what can go on, as `unleak rotate run --execute` does.
#[test]
fn a_process_to_kill() {
    let Ok(task) = std::env::var(VARIABLE) else { return };
    let task: Value = serde_json::from_str(&task).unwrap();
    let text = |name: &str| task[name].as_str().unwrap().to_owned();
    let left = AtomicI64::new(task["calls"].as_i64().unwrap_or(i64::MAX));
    let count_down = || {
        if left.fetch_sub(1, Ordering::Relaxed) == 0 {
            std::process::abort();
        }
    };
    let now = UNIX_EPOCH + Duration::from_millis(task["now"].as_u64().unwrap());
    let clock = || {
        count_down();
        now
    };
    let chance = |buffer: &mut [u8]| {
        count_down();
        random(buffer)
    };
    let receiver = Receiver {
        name: "rotation".to_owned(),
        address: text("address"),
        reach: Reach::Private,
        keys: vec![SigningKey::parse(&format!("whsec_{}", data_encoding::BASE64.encode(&[7; 32]))).unwrap()],
        timeout: Duration::from_secs(20),
    };
    let settings = RotateSettings {
        store: StoreChoice { place: Some(text("store")), actor: Some("ann".to_owned()) },
        policy: Some(text("policy").into()),
        format: RotateFormat::Text,
    };
    let run = RunSettings { plans: Vec::new(), execute: true, rotator: RotatorChoice::Webhook(Box::new(receiver)) };
    let home = OsString::from(text("home"));
    let mut env = Env {
        var: &|name| (name == "HOME").then(|| home.clone()),
        now: &clock,
        random: &chance,
        stdout: &mut std::io::sink(),
        interrupt: &AtomicBool::new(false),
        progress: &Progress::default(),
        clear_display: &|| (),
        warn: &|_| (),
    };
    rotate::run(&settings, &run, &mut env).unwrap();
}

/// Ids of the events that came, by the path that they were sent to.
type Received = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

fn receiver() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let received = Received::default();
    let all = Arc::clone(&received);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(len @ 1..) = stream.read(&mut buffer) {
                request.extend_from_slice(&buffer[..len]);
                if request.ends_with(b"}") && request.windows(4).any(|window| window == b"\r\n\r\n") {
                    break;
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let id = request.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap_or_default().to_owned();
            all.lock().unwrap().entry(path).or_default().push(id);
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    (address, received)
}

/// Runs the process above in a directory of its own; `calls` is how often it may ask for time or randomness. Did it come to its
/// end?
fn process(store: &str, home: &Path, address: &str, now: u64, calls: Option<u32>) -> bool {
    let task = json!({
        "store": store, "address": address, "now": now, "calls": calls, "policy": home.join("policy.toml"), "home": home,
    });
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rotate::crash::a_process_to_kill"])
        .env(VARIABLE, task.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

/// The same store once more, elsewhere; the key of the audit log stays behind: each copy makes its own.
fn copy(fixture: &Fixture, into: &Path) -> Fixture {
    fs::write(into.join("policy.toml"), POLICY).unwrap();
    if fixture.engine() == Engine::Postgres {
        let copy = Fixture::database(Some(fixture)).unwrap();
        copy.clock.set(fixture.clock.get());
        return copy;
    }
    let from = Path::new(&fixture.address).parent().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            continue;
        }
        match fs::copy(entry.path(), into.join(entry.file_name())) {
            // The last connection removes its log when it is closed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => drop(copied.unwrap()),
        }
    }
    Fixture::at(into.join("store.db").to_str().unwrap())
}

/// A leaked key whose rotation is approved.
fn approved(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, &[leaked(1, Some(BILLING.public_id))]);
        let credential = inventory(store, &BILLING);
        unleak::commands::link::link_all(store).unwrap();
        let policy = Policy::parse(POLICY).unwrap();
        let plan = store.write(|tx| plans::make(tx, &credential, Trigger::Finding, "webhook", &policy)).unwrap();
        store.write(|tx| plans::decide(tx, &plan.id, &plan.hash, Decision::Approve, None)).unwrap();
    });
}

/// Kills a process at its first step, then at its second, …, each time on a fresh copy; another one goes on, and `check` looks.
fn kill_everywhere(fixture: &Fixture, check: &dyn Fn(&Fixture, u32, &[String])) {
    let (address, received) = receiver();
    for calls in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let copy = copy(fixture, dir.path());
        let path = format!("/{calls}");
        let address = format!("{address}{path}");
        let now = fixture.clock.get();
        let came_to_its_end = process(&copy.address, dir.path(), &address, now, Some(calls));
        // Whoever comes later finds leases that are over.
        assert!(process(&copy.address, dir.path(), &address, now + 600_000, None), "after {calls} calls");
        let events = received.lock().unwrap().get(&path).cloned().unwrap_or_default();
        check(&copy, calls, &events);
        if came_to_its_end {
            assert!(calls > 10, "it was killed {calls} times");
            return;
        }
    }
}

fn assert_whole(store: &mut unleak::store::Store<'_>, calls: u32) {
    let seen = store.read(|tx| audit::verify(tx, &[])).unwrap();
    assert!(seen.faults.is_empty(), "after {calls} calls: {:?}", seen.faults);
    assert_eq!(store.read(|tx| tx.broken_invariants()).unwrap(), Vec::<String>::new(), "after {calls} calls");
    assert_eq!(one::<i64>(store, "SELECT count(*) FROM rotation_run"), 1, "after {calls} calls");
    assert_eq!(one::<i64>(store, "SELECT count(*) FROM outbox"), 1, "after {calls} calls");
    assert_eq!(one::<String>(store, "SELECT state FROM outbox"), "delivered", "after {calls} calls");
}

/// Runs a test on a file, and on a database of its own where there is a server.
fn on_each_engine(test: &dyn Fn(&Fixture)) {
    test(&Fixture::sqlite());
    if let Some(fixture) = Fixture::database(None) {
        test(&fixture);
    }
}

#[test]
fn a_process_that_dies_anywhere_leaves_exactly_one_event() {
    on_each_engine(&one_event);
}

fn one_event(fixture: &Fixture) {
    approved(fixture);
    kill_everywhere(fixture, &|fixture, calls, events| {
        let distinct: BTreeSet<&String> = events.iter().collect();
        // Between the answer and its record nobody can know: the same event is sent again, under the same id.
        assert!(distinct.len() == 1 && events.len() <= 2, "after {calls} calls: {events:?}");
        fixture.with(|store| {
            assert_whole(store, calls);
            assert_eq!(one::<String>(store, "SELECT state FROM rotation_run"), "creating", "after {calls} calls");
        });
    });
}

#[test]
fn a_process_that_dies_anywhere_closes_what_is_proven_dead_once() {
    on_each_engine(&closed_once);
}

fn closed_once(fixture: &Fixture) {
    approved(fixture);
    let (address, _) = receiver();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("policy.toml"), POLICY).unwrap();
    assert!(process(&fixture.address, home.path(), &address, fixture.clock.get(), None));
    fixture.pass(3_600_000);
    fixture.with(|store| {
        let run: String = one(store, "SELECT id FROM rotation_run");
        let now = i64::try_from(fixture.clock.get()).unwrap();
        store
            .write(|tx| {
                for step in 1..=3 {
                    plans::tick(tx, &run, step, "seen")?;
                }
                tx.execute(
                    "UPDATE credential SET status = 'deleted', tombstoned_at = $1, last_seen_at = $1",
                    &[now.into()],
                )?;
                Ok::<_, unleak::rotate::PlanError>(())
            })
            .unwrap();
    });
    kill_everywhere(fixture, &|fixture, calls, events| {
        assert!(events.is_empty(), "after {calls} calls: {events:?}");
        fixture.with(|store| {
            assert_whole(store, calls);
            assert_eq!(one::<String>(store, "SELECT state FROM rotation_run"), "done", "after {calls} calls");
            assert_eq!(one::<String>(store, "SELECT state FROM finding"), "resolved", "after {calls} calls");
            let ends =
                "SELECT count(*) FROM audit_event WHERE action = 'rotate.state' AND data LIKE '%\"to\":\"done\"%'";
            assert_eq!(one::<i64>(store, ends), 1, "after {calls} calls");
        });
    });
}
