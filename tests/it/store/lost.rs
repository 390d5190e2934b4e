//! PostgreSQL that goes away: connections that are cut before, within and while a transaction is kept, and writers that stand in
//! each other's way. Nothing is lost, nothing is done twice.

use std::{
    cell::Cell,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use serde_json::json;
use unleak::store::{Context, Location, Store, StoreError, audit};

use super::fixture::{Fixture, random, run_sql};

fn open(location: &Location) -> Store<'static> {
    let context = Context { actor: "ann".to_owned(), now: &std::time::SystemTime::now, random: &random };
    Store::open(location, context).unwrap()
}

fn events(store: &mut Store<'_>) -> i64 {
    let seen = store.read(|tx| audit::verify(tx, &[])).unwrap();
    assert_eq!(seen.faults, Vec::<String>::new());
    seen.events
}

fn process_id(store: &mut Store<'_>) -> i64 {
    store.read(|tx| tx.query_one("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])?.unwrap().get(0)).unwrap()
}

fn server() -> String {
    std::env::var("UNLEAK_TEST_POSTGRES").unwrap()
}

/// As an administrator, or a restart of the server, ends a connection.
fn end(process: i64) {
    run_sql(&server(), &format!("SELECT pg_terminate_backend({process}, 5000)"));
}

#[test]
fn a_connection_that_was_cut_while_nobody_used_it_is_made_again() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.with(|_| ());
    let mut store = open(&fixture.location);
    end(process_id(&mut store));
    store.write(|tx| tx.audit("test.write", "thing:1", &json!({}))).unwrap();
    end(process_id(&mut store));
    assert_eq!(events(&mut store), 2);
}

#[test]
fn a_transaction_that_is_cut_off_is_done_again_and_kept_once() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.with(|_| ());
    let mut store = open(&fixture.location);
    let process = process_id(&mut store);
    let calls = Cell::new(0);
    store
        .write(|tx| {
            calls.set(calls.get() + 1);
            tx.audit("test.write", "thing:1", &json!({ "call": calls.get() }))?;
            if calls.get() == 1 {
                end(process);
            }
            tx.audit("test.write", "thing:2", &json!({}))
        })
        .unwrap();
    assert_eq!((calls.get(), events(&mut store)), (2, 3));
}

#[test]
fn what_is_cut_off_every_time_is_an_error_and_leaves_nothing() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.with(|_| ());
    let mut store = open(&fixture.location);
    let calls = Cell::new(0_u32);
    let failed: Result<(), StoreError> = store.write(|tx| {
        calls.set(calls.get() + 1);
        tx.audit("test.write", "thing:1", &json!({}))?;
        let process: i64 = tx.query_one("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])?.unwrap().get(0)?;
        end(process);
        tx.audit("test.write", "thing:2", &json!({}))
    });
    let error = failed.unwrap_err();
    assert!(matches!(error, StoreError::Lost(_)), "{error:?}");
    assert!(error.to_string().contains("nothing of this step was kept"), "{error}");
    assert_eq!((calls.get(), events(&mut store)), (5, 1));
}

/// What a proxy does to the first `COMMIT` that it sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The server never hears of it.
    Before,
    /// The server keeps the transaction, and the store never hears of that.
    After,
}

/// Between the store and the server, on loopback. Returns its address, and counts how many commits it cut.
fn proxy(cut: Cut) -> (String, Arc<AtomicU32>) {
    let server = server();
    let (head, rest) = server.split_once('@').unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let host = host.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{head}@{}/{path}", listener.local_addr().unwrap());
    let cuts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&cuts);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, upstream) = (client.unwrap(), TcpStream::connect(&host).unwrap());
            let silenced = Arc::new(Mutex::new(false));
            let (mut answers, mut to_client) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
            let hears_nothing = Arc::clone(&silenced);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(len @ 1..) = answers.read(&mut buffer) {
                    if *hears_nothing.lock().unwrap() || to_client.write_all(&buffer[..len]).is_err() {
                        break;
                    }
                }
                let _ = to_client.shutdown(Shutdown::Both);
            });
            let (counted, mut client, mut upstream) = (Arc::clone(&counted), client, upstream);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(len @ 1..) = client.read(&mut buffer) {
                    let is_commit = buffer[..len].windows(6).any(|window| window == b"COMMIT");
                    if is_commit && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                        *silenced.lock().unwrap() = true;
                        if cut == Cut::After {
                            upstream.write_all(&buffer[..len]).unwrap();
                        }
                        let _ = client.shutdown(Shutdown::Both);
                        // Sent is not yet carried out: the server must not be hung up on.
                        thread::sleep(std::time::Duration::from_millis(300));
                        let _ = upstream.shutdown(Shutdown::Both);
                        return;
                    }
                    if upstream.write_all(&buffer[..len]).is_err() {
                        return;
                    }
                }
                let _ = upstream.shutdown(Shutdown::Both);
            });
        }
    });
    (address, cuts)
}

fn commits_that_nobody_hears_of(cut: Cut, expected_calls: u32) {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.with(|_| ());
    let (address, cuts) = proxy(cut);
    let schema = fixture.address.split_once("options").unwrap().1;
    let separator = if address.contains('?') { '&' } else { '?' };
    let mut store = open(&Location::parse(&format!("{address}{separator}options{schema}")).unwrap());
    let calls = Cell::new(0);
    store
        .write(|tx| {
            calls.set(calls.get() + 1);
            tx.audit("test.write", "thing:1", &json!({}))
        })
        .unwrap();
    assert!(cuts.load(Ordering::SeqCst) >= 1);
    assert_eq!((calls.get(), events(&mut store)), (expected_calls, 2));
}

#[test]
fn a_commit_that_the_server_never_heard_of_is_done_again() {
    commits_that_nobody_hears_of(Cut::Before, 2);
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_done_again() {
    commits_that_nobody_hears_of(Cut::After, 1);
}

#[test]
fn two_writers_that_wait_for_each_other_both_come_to_their_end() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.with(|store| {
        let insert = "INSERT INTO vendor (id, name, created_at, updated_at) VALUES ($1, $2, 0, 0)";
        for name in ["a", "b"] {
            store
                .write(|tx| {
                    let id = tx.new_id()?;
                    tx.execute(insert, &[id.into(), name.into()])
                })
                .unwrap();
        }
    });
    let (location, both_have_one) = (&fixture.location, &Barrier::new(2));
    let calls: u32 = thread::scope(|scope| {
        let writers = [["a", "b"], ["b", "a"]].map(|order| {
            scope.spawn(move || {
                let calls = Cell::new(0);
                open(location)
                    .write(|tx| {
                        calls.set(calls.get() + 1);
                        for name in order {
                            let sql = "UPDATE vendor SET updated_at = updated_at + 1 WHERE name = $1";
                            tx.execute(sql, &[name.into()])?;
                            if name == order[0] && calls.get() == 1 {
                                both_have_one.wait();
                            }
                        }
                        Ok::<_, StoreError>(())
                    })
                    .unwrap();
                calls.get()
            })
        });
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    // One of them was undone by the server, and did all of it again: once, or oftener where it was faster than the one that waited.
    assert!((3..=8).contains(&calls), "{calls}");
    let sum = "SELECT CAST(sum(updated_at) AS BIGINT) FROM vendor";
    fixture.with(|store| {
        assert_eq!(store.read(|tx| tx.query_one(sum, &[])?.unwrap().get::<i64>(0)).unwrap(), 4);
    });
}
