//! A receiver on loopback that misbehaves.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use unleak::rotate::{
    event::{Event, EventKind},
    guard::Reach,
    rotator::{Answer, Sender},
    signature::SigningKey,
};

fn event() -> Event {
    let time = "2026-11-25T10:00:00Z".parse().unwrap();
    Event::new(EventKind::RotationRequested, "/unleak", ("c", "c/1"), time, serde_json::json!({ "n": 1 }))
}

fn key() -> SigningKey {
    SigningKey::parse(&format!("whsec_{}", data_encoding::BASE64.encode(&[7; 32]))).unwrap()
}

/// Answers each connection with `answer`; yields what was asked.
fn receiver(answer: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            while let Ok(len @ 1..) = stream.read(&mut buffer) {
                request.extend_from_slice(&buffer[..len]);
                let text = String::from_utf8_lossy(&request);
                if text.contains("\r\n\r\n") && text.ends_with('}') {
                    break;
                }
            }
            let _ = send.send(String::from_utf8(request).unwrap());
            if answer.is_empty() {
                thread::sleep(Duration::from_secs(5));
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, requests)
}

fn send_to(address: &str) -> Answer {
    let sender = Sender::new(address, Reach::Private, vec![key()], Duration::from_millis(1500)).unwrap();
    sender.send(&event(), 1_700_000_000).unwrap()
}

#[test]
fn events_are_signed_as_standard_webhooks_has_it() {
    let (address, requests) = receiver("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(send_to(&address), Answer::Accepted(204));
    let request = requests.recv_timeout(Duration::from_secs(5)).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name} in {head}")).split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(serde_json::from_str::<Event>(body).unwrap(), event());
    assert_eq!(header("webhook-id"), event().id);
    assert_eq!(header("idempotency-key"), event().id);
    assert_eq!(header("webhook-timestamp"), "1700000000");
    assert_eq!(header("webhook-signature"), key().sign(&event().id, 1_700_000_000, body.as_bytes()));
    assert!(header("content-type").starts_with("application/cloudevents+json"));
}

#[test]
fn redirects_lead_nowhere() {
    let (address, requests) = receiver(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n",
    );
    assert!(matches!(send_to(&address), Answer::Refused(why) if why.contains("redirects")));
    assert!(
        requests.recv_timeout(Duration::from_secs(5)).is_ok()
            && requests.recv_timeout(Duration::from_millis(200)).is_err()
    );
}

#[test]
fn a_receiver_that_hangs_is_left() {
    let (address, _requests) = receiver("");
    let began = Instant::now();
    assert!(matches!(send_to(&address), Answer::Later(why, None) if why.contains("no answer within")));
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn failures_that_pass_are_told_from_those_that_stay() {
    let (address, _requests) =
        receiver("HTTP/1.1 503 Service Unavailable\r\nretry-after: 17\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(send_to(&address), Answer::Later("status 503".to_owned(), Some(Duration::from_secs(17))));
    let (address, _requests) = receiver("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(send_to(&address), Answer::Refused("status 404".to_owned()));
    // Nobody listens there.
    assert!(matches!(send_to("http://127.0.0.1:1/"), Answer::Later(_, None)));
}

#[test]
fn names_that_lead_into_private_networks_are_refused_when_they_are_resolved() {
    let (address, requests) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let port = address.rsplit(':').next().unwrap().trim_end_matches("/hook");
    let sender = Sender::new(&format!("https://localhost:{port}/"), Reach::Public, vec![key()], Duration::from_secs(2));
    let answer = sender.unwrap().send(&event(), 1).unwrap();
    assert!(matches!(&answer, Answer::Later(why, None) if why.contains("no address")), "{answer:?}");
    assert!(requests.recv_timeout(Duration::from_millis(200)).is_err());
}

/// A leaked key whose rotation by webhook is approved, as a user comes there. Returns the plan.
#[cfg(feature = "cli")]
fn approved(cli: &crate::store::commands::Cli<'_>) -> String {
    let (id, secret) = (crate::inventory::exports::access_key('A'), crate::samples::aws_key(1).1);
    cli.write("tree/.env", &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    let keys = serde_json::json!({ "AccessKeyMetadata": [
        { "UserName": "svc", "AccessKeyId": id, "Status": "Active", "CreateDate": "2020-01-01T00:00:00Z" },
    ]});
    cli.write("keys.json", &keys.to_string());
    cli.ok(&["store", "init"]);
    cli.ok(&["inventory", "import", "keys.json"]);
    cli.scan(&["tree"]);
    cli.ok(&["rotate", "plan", "--all", "--rotator", "webhook"]);
    let plans: serde_json::Value = serde_json::from_str(&cli.ok(&["rotate", "list", "--json"])).unwrap();
    let (plan, hash) = (plans[0]["id"].as_str().unwrap(), plans[0]["hash"].as_str().unwrap());
    cli.ok(&["rotate", "approve", plan, "--hash", hash, "--actor", "bea"]);
    plan.to_owned()
}

#[cfg(feature = "cli")]
#[test]
fn endpoints_that_redirect_to_metadata_or_lie_move_nothing_and_get_one_event() {
    use crate::store::{commands::Cli, fixture::Fixture};

    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let plan = approved(&cli);
    let key = format!("whsec_{}", data_encoding::BASE64.encode(&[7; 32]));
    let run = |verb: &[&str], address: &str| {
        let args = [&["rotate"], verb, &["--webhook", address, "--webhook-private"]].concat();
        let output = cli.command(&args).env("UNLEAK_WEBHOOK_KEY", &key).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let carry = ["run", plan.as_str(), "--rotator", "webhook", "--execute"];
    let (code, _, err) = run(&carry, "http://169.254.169.254/latest/meta-data/");
    assert_eq!((code, err.contains("must not be reached")), (Some(2), true), "{err}");

    let (address, requests) = receiver(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n",
    );
    let (code, out, _) = run(&carry, &address);
    assert_eq!((code, out.contains("redirects are not followed")), (Some(1), true), "{out}");
    assert!(out.contains("1 given up until now") && out.contains("deliver --again"), "{out}");
    let id = |request: &str| {
        let line = request.lines().find(|line| line.starts_with("webhook-id: "));
        line.unwrap().to_owned()
    };
    let first = id(&requests.recv_timeout(Duration::from_secs(5)).unwrap());

    // It says that everything is done, and nobody asked it.
    let body = r#"{"state": "done", "dead": true, "receipt": "rotated"}"#;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (address, requests) = receiver(Box::leak(answer.into_boxed_str()));
    // Given up is given up, until somebody says otherwise.
    assert!(run(&carry, &address).1.contains("0 events taken"));
    let (code, out, _) = run(&["deliver", "--again"], &address);
    assert_eq!((code, out.contains("1 event taken")), (Some(0), true), "{out}");
    let second = id(&requests.recv_timeout(Duration::from_secs(5)).unwrap());
    assert_eq!(first, second);
    for _ in 0..2 {
        assert!(run(&carry, &address).1.contains("0 events taken"));
        assert!(run(&["deliver", "--again"], &address).1.contains("0 events taken"));
    }
    assert!(requests.recv_timeout(Duration::from_millis(300)).is_err());
    let shown = cli.ok(&["rotate", "show", &plan]);
    assert!(shown.contains("(running)") && !shown.contains("[x]"), "{shown}");
    assert_eq!(cli.findings(&[])[0]["state"], "rotating");
    assert!(cli.ok(&["audit", "verify"]).contains("the audit log is whole"));
}
