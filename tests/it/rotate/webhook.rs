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
    assert!(matches!(send_to(&address), Answer::Later(_, None)));
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
